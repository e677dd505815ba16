// What others did: grouped, newest first; requests to follow; what was filtered away waits apart.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { t, tn, when, type Key } from "../i18n";
import { get, send } from "./api";
import { Name } from "./content";
import { Icon, type IconName } from "./icons";
import { Tabs } from "./pages";
import { answerRequest, Person } from "./people";
import { place, type RouteProps } from "./router";
import { PageTitle } from "./shell";
import { account, keep, tell, unread } from "./state";
import { Avatar, Post, profilePath } from "./status";
import { subscribe } from "./stream";
import type { Account, GroupedNotifications, NotificationGroup } from "./types";

const groups = signal<NotificationGroup[]>([]);
const accounts = new Map<string, Account>();
const requests = signal<Account[]>([]);
const state = signal<"new" | "busy" | "more" | "end" | "failed">("new");
const policy = signal<{ summary?: { pending_requests_count: number } } | null>(null);
let filter = "";

const signs: Record<string, { icon: IconName; key: Key }> = {
    mention: { icon: "at", key: "n_mention" },
    status: { icon: "bell", key: "n_status" },
    reblog: { icon: "boost", key: "n_reblog" },
    favourite: { icon: "star", key: "n_favourite" },
    follow: { icon: "user", key: "n_follow" },
    follow_request: { icon: "user", key: "n_follow_request" },
    poll: { icon: "poll", key: "n_poll" },
    update: { icon: "pen", key: "n_update" },
    quote: { icon: "quote", key: "n_quote" },
    quoted_update: { icon: "pen", key: "n_quoted_update" },
    "admin.sign_up": { icon: "people", key: "n_sign_up" },
    "admin.report": { icon: "flag", key: "n_report" },
    moderation_warning: { icon: "shield", key: "n_warning" },
    severed_relationships: { icon: "block", key: "n_severed" },
};

async function load(fresh: boolean): Promise<void> {
    if (state.value === "busy") return;
    state.value = "busy";
    const last = fresh ? undefined : groups.value.at(-1);
    try {
        const got = await get<GroupedNotifications>("/api/v2/notifications", {
            limit: 30,
            max_id: last?.page_max_id,
            types: filter === "mention" ? ["mention", "quote"] : filter ? [filter] : undefined,
        });
        got.accounts.forEach((a) => accounts.set(a.id, a));
        got.statuses.forEach(keep);
        const seen = new Set(fresh ? [] : groups.value.map((g) => g.group_key));
        groups.value = [...(fresh ? [] : groups.value), ...got.notification_groups.filter((g) => !seen.has(g.group_key))];
        state.value = got.notification_groups.length < 30 ? "end" : "more";
        if (fresh && !filter) void read();
    } catch (error) {
        state.value = "failed";
        tell(error);
    }
}

// Seen: the same place is kept for the other apps.
async function read(): Promise<void> {
    unread.value = 0;
    const newest = groups.value[0]?.page_max_id; // as text: the other id is a number, too large for one
    if (newest) await send("POST", "/api/v1/markers", { notifications: { last_read_id: newest } }).catch(() => undefined);
}

function Line({ g }: { g: NotificationGroup }) {
    const sign = signs[g.type] ?? { icon: "bell" as const, key: "n_other" as const };
    const who = g.sample_account_ids.map((id) => accounts.get(id)).filter((a): a is Account => !!a);
    const first = who[0];
    const others = g.notifications_count - 1;
    const plain = g.type === "mention" || g.type === "status" || g.type === "quote";
    return (
        <article class={`notice-row kind-${g.type.replace(".", "-")}`} tabIndex={0} aria-labelledby={`n${g.group_key}`}>
            <p class="notice-head" id={`n${g.group_key}`}>
                <Icon name={sign.icon} fill={g.type === "favourite"} />
                <span class="faces">
                    {who.slice(0, 8).map((a) => (
                        <a key={a.id} href={profilePath(a)} title={`@${a.acct}`}>
                            <Avatar account={a} small />
                        </a>
                    ))}
                </span>
                <span class="notice-words">
                    {first && (
                        <a href={profilePath(first)}>
                            <b>
                                <Name account={first} />
                            </b>
                        </a>
                    )}{" "}
                    {others > 0 && `${tn("and_others", others)} `}
                    {t(sign.key)}
                    {g.latest_page_notification_at && <time class="small"> · {when(g.latest_page_notification_at)}</time>}
                </span>
            </p>
            {g.status_id && (
                <div class={plain ? "" : "faint"}>
                    <Post id={g.status_id} />
                </div>
            )}
        </article>
    );
}

function Requests() {
    if (!requests.value.length) return null;
    const answer = async (id: string, yes: boolean): Promise<void> => {
        if (await answerRequest(id, yes)) requests.value = requests.value.filter((a) => a.id !== id);
    };
    return (
        <section aria-label={t("follow_requests")}>
            <h2>{t("follow_requests")}</h2>
            <ul class="card people">
                {requests.value.map((a) => (
                    <Person key={a.id} a={a}>
                        <span class="row">
                            <button type="button" class="primary" onClick={() => void answer(a.id, true)}>
                                {t("accept")}
                            </button>
                            <button type="button" class="quiet" onClick={() => void answer(a.id, false)}>
                                {t("reject")}
                            </button>
                        </span>
                    </Person>
                ))}
            </ul>
        </section>
    );
}

interface Waiting {
    id: string;
    notifications_count: string;
    account: Account;
}
const waiting = signal<Waiting[]>([]);

function Filtered() {
    useEffect(() => {
        void get<Waiting[]>("/api/v1/notifications/requests").then((l) => (waiting.value = l), tell);
    }, []);
    const answer = async (id: string, yes: boolean): Promise<void> => {
        try {
            await send("POST", `/api/v1/notifications/requests/${id}/${yes ? "accept" : "dismiss"}`);
            waiting.value = waiting.value.filter((w) => w.id !== id);
        } catch (error) {
            tell(error);
        }
    };
    return (
        <ul class="card people">
            {waiting.value.map((w) => (
                <Person key={w.id} a={w.account}>
                    <span class="row">
                        <button type="button" class="primary" onClick={() => void answer(w.id, true)}>
                            {t("let_in")} ({w.notifications_count})
                        </button>
                        <button type="button" class="quiet" onClick={() => void answer(w.id, false)}>
                            {t("dismiss")}
                        </button>
                    </span>
                </Person>
            ))}
            {!waiting.value.length && <li class="empty">{t("nothing_filtered")}</li>}
        </ul>
    );
}

export default function Notifications({ query }: RouteProps) {
    const which = query.get("type") ?? "";
    useEffect(() => {
        if (which === "filtered") return;
        filter = which;
        groups.value = [];
        state.value = "new";
        void load(true);
        if (account.value?.locked || (account.value?.source?.follow_requests_count ?? 0) > 0) void get<Account[]>("/api/v1/follow_requests").then((l) => (requests.value = l), tell);
        void get<{ summary?: { pending_requests_count: number } }>("/api/v2/notifications/policy").then((p) => (policy.value = p)).catch(() => undefined);
        return subscribe("user:notification", {}, () => {
            if (scrollY < 300) void load(true);
        });
    }, [which]);
    const here = place.value?.path ?? "/notifications";
    const tab = (type: string, label: Key): { href: string; label: string; now: boolean } => ({ href: type ? `${here}?type=${type}` : here, label: t(label), now: which === type });
    const held = policy.value?.summary?.pending_requests_count ?? 0;
    return (
        <>
            <PageTitle title={t("notifications")}>
                <a class="tool" href="/settings/notifications" aria-label={t("settings")}>
                    <Icon name="gear" />
                </a>
            </PageTitle>
            <Tabs label={t("notifications")} tabs={[tab("", "all"), tab("mention", "mentions"), tab("follow", "followers"), ...(held > 0 || which === "filtered" ? [tab("filtered", "filtered_tab")] : [])]} />
            {which === "filtered" ? (
                <Filtered />
            ) : (
                <>
                    <Requests />
                    <div class="feed notices" role="feed" aria-label={t("notifications")} aria-busy={state.value === "busy"}>
                        {groups.value.map((g) => (
                            <Line key={g.group_key} g={g} />
                        ))}
                    </div>
                    {state.value === "end" && !groups.value.length && <p class="empty">{t("no_notifications")}</p>}
                    {state.value === "more" && (
                        <button type="button" class="quiet" onClick={() => void load(false)}>
                            {t("more")}
                        </button>
                    )}
                    {state.value === "failed" && (
                        <button type="button" class="quiet" onClick={() => void load(groups.value.length === 0)}>
                            {t("try_again")}
                        </button>
                    )}
                </>
            )}
        </>
    );
}

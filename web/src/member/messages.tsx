// Direct posts as conversations: the list of them, and one with a box to answer in.
import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { t, when } from "../i18n";
import { get, me, page, send } from "./api";
import { compose } from "./compose-state";
import { Content } from "./content";
import { Icon } from "./icons";
import { Attachments } from "./media";
import type { RouteProps } from "./router";
import { PageTitle } from "./shell";
import { keep, post, tell, unreadMessages } from "./state";
import { Avatar, profilePath } from "./status";
import { subscribe } from "./stream";
import type { Conversation, Status } from "./types";

const conversations = signal<Conversation[]>([]);
const next = signal<string | null>(null);
const loaded = signal(false);

async function load(more: boolean): Promise<void> {
    try {
        const got = more && next.value ? await page<Conversation>(next.value) : await page<Conversation>("/api/v1/conversations", { limit: 30 });
        got.items.forEach((c) => c.last_status && keep(c.last_status));
        conversations.value = more ? [...conversations.value, ...got.items] : got.items;
        next.value = got.next;
        loaded.value = true;
    } catch (error) {
        tell(error);
    }
}

const names = (c: Conversation): string => c.accounts.map((a) => a.display_name || a.username).join(", ") || t("only_you");

function Words({ s }: { s: Status }) {
    const text = new DOMParser().parseFromString(s.content.replace(/<br ?\/?>|<\/p>/g, " "), "text/html").body.textContent ?? "";
    return <>{s.account.id === me ? `${t("you")}: ${text}` : text || t("picture")}</>;
}

export function Messages(_: RouteProps) {
    useEffect(() => {
        void load(false);
        return subscribe("direct", {}, () => void load(false));
    }, []);
    return (
        <>
            <PageTitle title={t("messages")}>
                <button type="button" class="quiet" onClick={() => compose.write()}>
                    {t("write")}
                </button>
            </PageTitle>
            <p class="small">{t("messages_hint")}</p>
            <ul class="card people">
                {conversations.value.map((c) => (
                    <li key={c.id} class={`person conversation${c.unread ? " unread" : ""}`}>
                        <a class="who" href={`/messages/${c.id}`}>
                            {c.accounts[0] && <Avatar account={c.accounts[0]} />}
                            <span class="names">
                                <b dir="auto">{names(c)}</b>{" "}
                                {c.last_status && <span class="handle">{when(c.last_status.created_at)}</span>}
                                <span class="note-line small one-line">{c.last_status && <Words s={c.last_status} />}</span>
                            </span>
                            {c.unread && <span class="badge" aria-label={t("unread_one")} />}
                        </a>
                    </li>
                ))}
                {loaded.value && !conversations.value.length && <li class="empty">{t("no_messages")}</li>}
            </ul>
            {next.value && (
                <button type="button" class="quiet" onClick={() => void load(true)}>
                    {t("more")}
                </button>
            )}
        </>
    );
}

async function open(id: string): Promise<{ c: Conversation; posts: string[] } | null> {
    let c = conversations.value.find((x) => x.id === id);
    if (!c) {
        await load(false);
        c = conversations.value.find((x) => x.id === id);
    }
    if (!c?.last_status) return null;
    const context = await get<{ ancestors: Status[]; descendants: Status[] }>(`/api/v1/statuses/${c.last_status.id}/context`);
    const all = [...context.ancestors, c.last_status, ...context.descendants].filter((s) => s.visibility === "direct");
    all.forEach(keep);
    if (c.unread) {
        await send("POST", `/api/v1/conversations/${id}/read`);
        conversations.value = conversations.value.map((x) => (x.id === id ? { ...x, unread: false } : x));
        unreadMessages.value = Math.max(0, unreadMessages.value - 1);
    }
    return { c, posts: all.map((s) => s.id) };
}

function Bubble({ id }: { id: string }) {
    const s = post(id)?.value;
    if (!s) return null;
    const mine = s.account.id === me;
    return (
        <li class={`bubble${mine ? " mine" : ""}`}>
            {!mine && (
                <a href={profilePath(s.account)} title={`@${s.account.acct}`}>
                    <Avatar account={s.account} small />
                </a>
            )}
            <div>
                <div class="text" dir="auto" lang={s.language ?? undefined}>
                    <Content html={s.content} place={s} />
                </div>
                <Attachments list={s.media_attachments} sensitive={s.sensitive} />
                <time class="small" dateTime={s.created_at}>
                    {when(s.created_at)}
                </time>
            </div>
        </li>
    );
}

export function MessageThread({ params }: RouteProps) {
    const id = params.id ?? "";
    const [now, setNow] = useState<{ c: Conversation; posts: string[] } | null | undefined>(undefined);
    const [text, setText] = useState("");
    const [busy, setBusy] = useState(false);
    const end = useRef<HTMLDivElement>(null);
    const refresh = (): void => {
        open(id).then(
            (x) => {
                setNow(x);
                requestAnimationFrame(() => end.current?.scrollIntoView({ block: "end" }));
            },
            (error: unknown) => {
                setNow(null);
                tell(error);
            },
        );
    };
    useEffect(() => {
        refresh();
        return subscribe("direct", {}, (event) => {
            if (event !== "conversation") return;
            void load(false).then(refresh);
        });
    }, [id]);
    const answer = async (): Promise<void> => {
        if (!now || !text.trim() || busy) return;
        setBusy(true);
        const to = now.c.accounts.map((a) => `@${a.acct}`).join(" ");
        try {
            const made = await send<Status>("POST", "/api/v1/statuses", { status: `${to} ${text}`.trim(), visibility: "direct", in_reply_to_id: now.posts.at(-1) }, { "Idempotency-Key": crypto.randomUUID() });
            keep(made);
            setText("");
            setNow({ ...now, posts: [...now.posts, made.id] });
            requestAnimationFrame(() => end.current?.scrollIntoView({ block: "end" }));
        } catch (error) {
            tell(error);
        }
        setBusy(false);
    };
    if (now === null)
        return (
            <>
                <PageTitle title={t("messages")} back />
                <p class="empty">{t("post_missing")}</p>
            </>
        );
    return (
        <>
            <PageTitle title={now ? names(now.c) : t("messages")} back />
            <ol class="bubbles" aria-live="polite">
                {now?.posts.map((one) => (
                    <Bubble key={one} id={one} />
                ))}
            </ol>
            <form
                class="answer-form"
                onSubmit={(e) => {
                    e.preventDefault();
                    void answer();
                }}
            >
                <textarea
                    rows={1}
                    dir="auto"
                    value={text}
                    placeholder={t("answer_hint")}
                    aria-label={t("answer_hint")}
                    onInput={(e) => setText(e.currentTarget.value)}
                    onKeyDown={(e) => {
                        if (e.key === "Enter" && !e.shiftKey && !e.isComposing) {
                            e.preventDefault();
                            void answer();
                        }
                    }}
                />
                <button class="primary" disabled={busy || !text.trim()} aria-label={t("send")}>
                    <Icon name="check" />
                </button>
            </form>
            <div ref={end} />
        </>
    );
}

// Somebody: who they are, what they write, whom they follow.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { count, short, t, tn } from "../i18n";
import { get, me, page, send } from "./api";
import { compose } from "./compose-state";
import { Content, Name } from "./content";
import { Feed } from "./feed";
import { Icon } from "./icons";
import { Menu } from "./menu";
import { Tabs } from "./pages";
import { FollowButton, People } from "./people";
import { go, place, type RouteProps } from "./router";
import { PageTitle } from "./shell";
import { account, isModerator, keep, keepRelation, relate, relation, tell } from "./state";
import { Face, Post } from "./status";
import type { Account, Relationship, Status } from "./types";

const known = new Map<string, ReturnType<typeof signal<Account | null | undefined>>>();
const pinned = new Map<string, ReturnType<typeof signal<string[]>>>();

function look(acct: string) {
    let at = known.get(acct);
    if (!at) {
        at = signal<Account | null | undefined>(undefined);
        known.set(acct, at);
    }
    return at;
}

async function follow(a: Account, part: Record<string, boolean>): Promise<void> {
    try {
        keepRelation(await send<Relationship>("POST", `/api/v1/accounts/${a.id}/follow`, part));
    } catch (error) {
        tell(error);
    }
}

function note(a: Account, r: Relationship): void {
    const words = prompt(t("note_about", { name: a.acct }), r.note);
    if (words !== null) void relate(a.id, "note", { comment: words });
}

function More({ a }: { a: Account }) {
    const r = relation(a.id).value;
    const name = `@${a.acct}`;
    if (a.id === me) return null;
    return (
        <Menu
            label={t("more")}
            items={[
                { label: t("mention_them", { name }), icon: "at", run: () => compose.mention(a.acct) },
                { label: t("message_them", { name }), icon: "mail", run: () => compose.message(a.acct) },
                { label: t("note_private"), icon: "pen", run: () => r && note(a, r) },
                !!r?.following && { label: t(r.showing_reblogs ? "hide_boosts" : "show_boosts"), icon: "boost", run: () => void follow(a, { reblogs: !r.showing_reblogs }) },
                !!r?.following && { label: t(r.notifying ? "notify_off" : "notify_on"), icon: "bell", run: () => void follow(a, { notify: !r.notifying }) },
                !!r?.followed_by && { label: t("remove_follower"), icon: "people", run: () => void relate(a.id, "remove_from_followers") },
                { label: t("add_to_list"), icon: "list", href: `/lists?add=${a.id}` },
                { label: t(r?.muting ? "unmute" : "mute", { name }), icon: "mute", run: () => void relate(a.id, r?.muting ? "unmute" : "mute") },
                { label: t(r?.blocking ? "unblock" : "block", { name }), icon: "block", danger: true, run: () => void relate(a.id, r?.blocking ? "unblock" : "block") },
                { label: t("report", { name }), icon: "flag", danger: true, run: () => go(`/report/${a.id}`) },
                isModerator() && { label: t("moderate", { name }), icon: "shield", href: `/moderation/accounts/${a.id}` },
            ]}
        />
    );
}

function Header({ a }: { a: Account }) {
    const r = relation(a.id).value;
    const base = `/@${a.acct}`;
    const nothing = { mentions: [], emojis: a.emojis };
    return (
        <section class="card profile-card">
            {a.header && !a.header.endsWith("missing.png") && <img class="banner" src={a.header} alt="" />}
            <div class="profile-top">
                <Face account={a} size=" big-face" />
                <div class="profile-acts">
                    {a.id === me ? (
                        <a class="button quiet" href="/settings/profile">
                            {t("edit_profile")}
                        </a>
                    ) : (
                        <FollowButton of={a} />
                    )}
                    <More a={a} />
                </div>
            </div>
            <h1 dir="auto">
                <Name account={a} />
            </h1>
            <p class="handle">
                @{a.acct} {a.locked && <Icon name="lock" />} {a.bot && <span class="tag">{t("automated")}</span>}
                {a.roles?.map((role) => (
                    <span key={role.id} class="tag">
                        {role.name}
                    </span>
                ))}
                {r?.followed_by && <span class="tag">{t("follows_you")}</span>}
                {r?.blocked_by && <span class="tag">{t("blocks_you")}</span>}
            </p>
            {r?.note && <p class="private-note small">{r.note}</p>}
            {a.note && (
                <div class="text bio" dir="auto">
                    <Content html={a.note} place={nothing} />
                </div>
            )}
            {a.fields.length > 0 && (
                <dl class="fields">
                    {a.fields.map((f, i) => (
                        <div key={i} class={f.verified_at ? "verified" : ""}>
                            <dt dir="auto">{f.name}</dt>
                            <dd dir="auto">
                                <Content html={f.value} place={nothing} />
                                {f.verified_at && <Icon name="check" />}
                            </dd>
                        </div>
                    ))}
                </dl>
            )}
            <p class="numbers">
                <a href={base}>
                    <b title={count(a.statuses_count)}>{short(a.statuses_count)}</b> {t("posts")}
                </a>
                <a href={`${base}/following`}>
                    <b title={count(a.following_count)}>{short(a.following_count)}</b> {t("following_n")}
                </a>
                <a href={`${base}/followers`}>
                    <b title={count(a.followers_count)}>{short(a.followers_count)}</b> {tn("followers_n", a.followers_count)}
                </a>
            </p>
        </section>
    );
}

export default function Profile({ params }: RouteProps) {
    const acct = params.acct ?? "";
    const at = look(acct);
    const pins = pinned.get(acct) ?? signal<string[]>([]);
    pinned.set(acct, pins);
    useEffect(() => {
        if (account.value?.acct === acct && at.value === undefined) at.value = account.value;
        get<Account>("/api/v1/accounts/lookup", { acct }).then(
            (a) => {
                at.value = a;
                void page<Status>(`/api/v1/accounts/${a.id}/statuses`, { pinned: true })
                    .then((p) => {
                        p.items.forEach(keep);
                        pins.value = p.items.map((s) => s.id);
                    })
                    .catch(() => undefined);
            },
            () => (at.value = null),
        );
    }, [acct]);
    const a = at.value;
    if (a === null)
        return (
            <>
                <PageTitle title={`@${acct}`} back />
                <p class="empty">{t("account_missing")}</p>
            </>
        );
    if (!a) return <PageTitle title={`@${acct}`} back />;
    const base = `/@${a.acct}`;
    const sub = (place.value?.path ?? base).slice(base.length + 1);
    const people = sub === "followers" || sub === "following";
    const source = {
        path: `/api/v1/accounts/${a.id}/statuses`,
        params: sub === "media" ? { only_media: true } : sub === "with_replies" ? {} : { exclude_replies: true },
        mine: false,
    };
    return (
        <>
            <PageTitle title={a.display_name || a.username} back />
            <Header a={a} />
            {a.suspended ? (
                <p class="empty">{t("account_suspended")}</p>
            ) : people ? (
                <>
                    <h2>{t(sub === "followers" ? "followers" : "following_title")}</h2>
                    <People path={`/api/v1/accounts/${a.id}/${sub}`} empty={a.hide_collections ? t("follows_hidden") : undefined} />
                </>
            ) : (
                <>
                    <Tabs
                        label={t("posts")}
                        tabs={[
                            { href: base, label: t("posts"), now: sub === "" },
                            { href: `${base}/with_replies`, label: t("with_answers"), now: sub === "with_replies" },
                            { href: `${base}/media`, label: t("pictures"), now: sub === "media" },
                        ]}
                    />
                    {sub === "" && (pins.value ?? []).map((id) => <Post key={`pin${id}`} id={id} place={0} />)}
                    <Feed source={source} label={t("posts")} empty={<p>{t("nothing_written")}</p>} />
                </>
            )}
        </>
    );
}


// One post, as it stands in every list: who, what, what hangs on it, and what one may do with it.
import { useState } from "preact/hooks";
import { fullTime, short, t, tn, when } from "../i18n";
import { me, send } from "./api";
import { compose } from "./compose-state";
import { Content, Name, withEmoji } from "./content";
import { Icon } from "./icons";
import { Attachments } from "./media";
import { Menu, type Item } from "./menu";
import { PollView } from "./poll";
import { go } from "./router";
import { forget, isModerator, keep, post, relate, relation, show, tell, toggle } from "./state";
import type { Account, Card, Status } from "./types";

export const profilePath = (a: Account): string => `/@${a.acct}`;
export const postPath = (s: Status): string => `/@${s.account.acct}/${s.id}`;

// Who has no picture gets the first letter, in a colour of their own.
const hueOf = (name: string): number => [...new TextEncoder().encode(name)].reduce((h, b) => (Math.imul(h, 31) + b) >>> 0, 0) % 12;

export function Face({ account, size }: { account: Account; size: "" | " small-face" | " big-face" }) {
    if (account.avatar.endsWith("missing.png"))
        return (
            <span class={`avatar face${size} hue-${hueOf(account.acct)}`} aria-hidden="true">
                {[...(account.display_name || account.username)][0]}
            </span>
        );
    return <img class={`face${size}`} src={size === " big-face" ? account.avatar : account.avatar_static || account.avatar} alt="" loading="lazy" />;
}

export function Avatar({ account, small = false }: { account: Account; small?: boolean }) {
    return <Face account={account} size={small ? " small-face" : ""} />;
}

const visibilitySign = { public: "globe", unlisted: "moon", private: "lock", direct: "at" } as const;

function Head({ s, detailed }: { s: Status; detailed: boolean }) {
    return (
        <header>
            <a class="who" href={profilePath(s.account)} id={`a${s.id}`}>
                <Avatar account={s.account} />
                <span class="names">
                    <b>
                        <Name account={s.account} />
                    </b>{" "}
                    <span class="handle">@{s.account.acct}</span>
                </span>
            </a>
            <span class="stamp">
                {s.visibility !== "public" && (
                    <span title={t(`visibility_${s.visibility}`)}>
                        <Icon name={visibilitySign[s.visibility]} />
                        <span class="sr">{t(`visibility_${s.visibility}`)}</span>
                    </span>
                )}
                {!detailed && (
                    <a class="when" href={postPath(s)}>
                        <time dateTime={s.created_at} title={fullTime(s.created_at)}>
                            {when(s.created_at)}
                        </time>
                        {s.edited_at && <span title={t("edited", { when: fullTime(s.edited_at) })}>*</span>}
                    </a>
                )}
            </span>
        </header>
    );
}

function CardView({ card }: { card: Card }) {
    return (
        <a class="link-card" href={card.url} rel="nofollow noopener ugc" target="_blank">
            {card.image && <img src={card.image} alt="" loading="lazy" />}
            <span>
                <span class="small">{card.provider_name || new URL(card.url, location.href).hostname}</span>
                <b dir="auto">{card.title || card.url}</b>
                {card.description && <span class="small two-lines" dir="auto">{card.description}</span>}
            </span>
        </a>
    );
}

function Quoted({ s }: { s: Status }) {
    const state = s.quote?.state;
    const quoted = s.quote?.quoted_status;
    if (!s.quote) return null;
    if (state !== "accepted" || !quoted) return <p class="quoted gone">{t(state === "pending" ? "quote_pending" : "quote_gone")}</p>;
    return (
        <blockquote class="quoted">
            <a class="cover" href={postPath(quoted)} aria-label={t("open_quoted", { name: quoted.account.display_name || quoted.account.username })} />
            <p class="quoted-head">
                <Avatar account={quoted.account} small />
                <b>
                    <Name account={quoted.account} />
                </b>
                <span class="handle">@{quoted.account.acct}</span>
            </p>
            {quoted.spoiler_text ? <p dir="auto">{quoted.spoiler_text}</p> : <div class="text" dir="auto" lang={quoted.language ?? undefined}><Content html={quoted.content} place={quoted} /></div>}
            <Attachments list={quoted.media_attachments} sensitive={quoted.sensitive} />
        </blockquote>
    );
}

function Body({ s }: { s: Status }) {
    const parts = (
        <>
            {s.content && (
                <div class="text" id={`t${s.id}`} dir="auto" lang={s.language ?? undefined}>
                    <Content html={s.content} place={s} />
                </div>
            )}
            {s.poll && <PollView poll={s.poll} of={s} />}
            <Attachments list={s.media_attachments} sensitive={s.sensitive && !s.spoiler_text} />
            <Quoted s={s} />
            {s.card && !s.media_attachments.length && !s.quote && <CardView card={s.card} />}
        </>
    );
    if (!s.spoiler_text) return parts;
    return (
        <details class="warned">
            <summary dir="auto">{withEmoji(s.spoiler_text, s.emojis)}</summary>
            {parts}
        </details>
    );
}

async function remove(s: Status, redraft: boolean): Promise<void> {
    try {
        const gone = await send<Status & { text?: string }>("DELETE", `/api/v1/statuses/${s.id}`);
        forget(s.id);
        if (redraft) compose.redraft({ ...s, ...gone, account: s.account }, gone.text ?? "");
        else show(t("deleted"));
    } catch (error) {
        tell(error);
    }
}

function More({ s }: { s: Status }) {
    const mine = s.account.id === me;
    const r = relation(s.account.id).value;
    const name = `@${s.account.acct}`;
    const copy = (): void => {
        void navigator.clipboard.writeText(s.url ?? location.origin + postPath(s)).then(() => show(t("copied")));
    };
    const items: (Item | false)[] = [
        { label: t("open"), icon: "reply", href: postPath(s) },
        { label: t("copy_link"), icon: "quote", run: copy },
        mine && { label: t("edit"), icon: "pen", run: () => void compose.edit(s) },
        mine && { label: t("redraft"), icon: "pen", run: () => void remove(s, true) },
        mine && s.visibility !== "direct" && { label: t(s.pinned ? "unpin" : "pin"), icon: "pin", run: () => void toggle(s.id, "pin") },
        mine && { label: t("post_consent"), icon: "leaf", href: `/settings/consent?post=${s.id}` },
        mine && { label: t("delete"), icon: "trash", danger: true, run: () => confirm(t("delete_sure")) && void remove(s, false) },
        { label: t(s.muted ? "unmute_thread" : "mute_thread"), icon: "mute", run: () => void toggle(s.id, "mute") },
        !mine && { label: t(r?.muting ? "unmute" : "mute", { name }), icon: "mute", run: () => void relate(s.account.id, r?.muting ? "unmute" : "mute") },
        !mine && { label: t(r?.blocking ? "unblock" : "block", { name }), icon: "block", danger: true, run: () => void relate(s.account.id, r?.blocking ? "unblock" : "block") },
        !mine && { label: t("report", { name }), icon: "flag", danger: true, run: () => go(`/report/${s.account.id}?post=${s.id}`) },
        isModerator() && !mine && { label: t("moderate", { name }), icon: "shield", href: `/moderation/accounts/${s.account.id}` },
    ];
    return <Menu label={t("more")} items={items} class="act" />;
}

export function Actions({ s }: { s: Status }) {
    const canBoost = s.visibility === "public" || s.visibility === "unlisted" || (s.visibility === "private" && s.account.id === me);
    const canQuote = canBoost && s.visibility !== "private" && s.quote_approval?.current_user !== "denied";
    return (
        <footer class="acts">
            <button type="button" class="act" title={t("reply")} aria-label={`${t("reply")} · ${tn("replies", s.replies_count)}`} onClick={() => compose.reply(s)}>
                <Icon name="reply" />
                <span>{s.replies_count > 0 && short(s.replies_count)}</span>
            </button>
            <Menu
                label={`${t("boost")} · ${tn("boosts", s.reblogs_count)}`}
                class={`act${s.reblogged ? " on boosted" : ""}`}
                items={[
                    canBoost && { label: t(s.reblogged ? "unboost" : "boost"), icon: "boost", run: () => void toggle(s.id, "reblog") },
                    canQuote && { label: t("quote"), icon: "quote", run: () => compose.quote(s) },
                    !canBoost && { label: t("boost_private"), icon: "lock", run: () => undefined },
                ]}
            >
                <Icon name="boost" />
                <span>{s.reblogs_count > 0 && short(s.reblogs_count)}</span>
            </Menu>
            <button type="button" class={`act${s.favourited ? " on favoured" : ""}`} aria-pressed={!!s.favourited} title={t("favourite")} aria-label={`${t("favourite")} · ${tn("favourites", s.favourites_count)}`} onClick={() => void toggle(s.id, "favourite")}>
                <Icon name="star" fill={!!s.favourited} />
                <span>{s.favourites_count > 0 && short(s.favourites_count)}</span>
            </button>
            <button type="button" class={`act${s.bookmarked ? " on" : ""}`} aria-pressed={!!s.bookmarked} title={t("bookmark")} aria-label={t("bookmark")} onClick={() => void toggle(s.id, "bookmark")}>
                <Icon name="bookmark" fill={!!s.bookmarked} />
            </button>
            <More s={s} />
        </footer>
    );
}

function Facts({ s }: { s: Status }) {
    return (
        <p class="facts-line small">
            <time dateTime={s.created_at}>{fullTime(s.created_at)}</time>
            {s.application && <> · {s.application.name}</>}
            {s.edited_at && (
                <>
                    {" · "}
                    <a href={`${postPath(s)}/history`}>{t("edited", { when: when(s.edited_at) })}</a>
                </>
            )}
            {s.reblogs_count > 0 && (
                <>
                    {" · "}
                    <a href={`${postPath(s)}/boosts`}>{tn("boosts", s.reblogs_count)}</a>
                </>
            )}
            {s.favourites_count > 0 && (
                <>
                    {" · "}
                    <a href={`${postPath(s)}/favourites`}>{tn("favourites", s.favourites_count)}</a>
                </>
            )}
            {(s.quotes_count ?? 0) > 0 && (
                <>
                    {" · "}
                    <a href={`${postPath(s)}/quotes`}>{tn("quotes", s.quotes_count ?? 0)}</a>
                </>
            )}
        </p>
    );
}

function isFolded(s: Status): string | null {
    return s.filtered?.find((f) => f.filter.filter_action === "warn")?.filter.title ?? null;
}

interface PostProps {
    id: string;
    place?: number; // in the feed, from 1
    size?: number;
    detailed?: boolean;
    line?: boolean; // a thread goes on below
}

export function Post({ id, place, size, detailed = false, line = false }: PostProps) {
    const outer = post(id)?.value;
    const inner = outer?.reblog ? post(outer.reblog.id)?.value : outer;
    const [shown, setShown] = useState(false);
    if (!outer || !inner) return null;
    const s = inner;
    const folded = !shown && isFolded(s);
    const open = (event: MouseEvent): void => {
        if ((event.target as Element).closest("a,button,summary,details,input,label,video,audio,dialog,[role=menu]") || String(getSelection())) return;
        keep(s);
        go(postPath(s));
    };
    return (
        <article
            class={`post${detailed ? " current" : ""}${line ? " with-line" : ""}`}
            data-id={outer.id}
            data-post={s.id}
            tabIndex={0}
            aria-labelledby={`a${s.id}`}
            aria-describedby={`t${s.id}`}
            aria-posinset={place}
            aria-setsize={place ? (size ?? -1) : undefined}
            onClick={detailed ? undefined : open}
        >
            {outer.reblog && (
                <p class="above small">
                    <Icon name="boost" />{" "}
                    <a href={profilePath(outer.account)}>
                        <Name account={outer.account} />
                    </a>{" "}
                    {t("boosted")}
                </p>
            )}
            {s.in_reply_to_id && !detailed && place !== undefined && (
                <p class="above small">
                    <Icon name="reply" /> <a href={postPath(s)}>{s.in_reply_to_account_id === s.account.id ? t("thread_goes_on") : t("an_answer")}</a>
                </p>
            )}
            {s.pinned && place !== undefined && s.account.id === outer.account.id && location.pathname === profilePath(s.account) && (
                <p class="above small">
                    <Icon name="pin" /> {t("pinned")}
                </p>
            )}
            {folded ? (
                <p class="folded" id={`a${s.id}`}>
                    {t("filtered", { title: folded })}{" "}
                    <button type="button" class="quiet" onClick={() => setShown(true)}>
                        {t("show_anyway")}
                    </button>
                </p>
            ) : (
                <>
                    <Head s={s} detailed={detailed} />
                    <Body s={s} />
                    {detailed && <Facts s={s} />}
                    <Actions s={s} />
                </>
            )}
        </article>
    );
}


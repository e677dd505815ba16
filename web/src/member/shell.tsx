// The frame of the app: navigation at the side or, on small screens, at the foot; the page in the middle; what is written,
// looked at and said on top.
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { t, tn, type Key } from "../i18n";
import { model, startLive } from "../live";
import { Tools } from "../tools";
import { get } from "./api";
import { ComposeDialog } from "./compose";
import { compose } from "./compose-state";
import { Icon, type IconName } from "./icons";
import { Viewer } from "./media";
import { loadingPage, place, view } from "./router";
import { account, isModerator, toast, unread, unreadMessages } from "./state";
import { Avatar, profilePath } from "./status";
import type { Tag } from "./types";

interface Tab {
    href: string;
    label: Key;
    icon: IconName;
    foot?: boolean; // also on small screens' foot
    badge?: () => number;
}
const tabs: Tab[] = [
    { href: "/", label: "home", icon: "home", foot: true },
    { href: "/explore", label: "explore", icon: "search", foot: true },
    { href: "/notifications", label: "notifications", icon: "bell", foot: true, badge: () => unread.value },
    { href: "/messages", label: "messages", icon: "mail", foot: true, badge: () => unreadMessages.value },
    { href: "/ask", label: "ask", icon: "spark" },
    { href: "/chat", label: "chat", icon: "chat" },
    { href: "/model", label: "model", icon: "brain" },
    { href: "/public", label: "public", icon: "globe" },
    { href: "/lists", label: "lists", icon: "list" },
    { href: "/bookmarks", label: "bookmarks", icon: "bookmark" },
    { href: "/favourites", label: "favourites_title", icon: "star" },
    { href: "/scheduled", label: "scheduled_posts", icon: "clock" },
    { href: "/settings", label: "settings", icon: "gear" },
];

function Link({ tab }: { tab: Tab }) {
    const here = place.value?.path ?? location.pathname;
    const now = tab.href === "/" ? here === "/" : here === tab.href || here.startsWith(`${tab.href}/`);
    const n = tab.badge?.() ?? 0;
    return (
        <a href={tab.href} aria-current={now ? "page" : undefined} class="side-link">
            <Icon name={tab.icon} fill={now && tab.icon !== "search" && tab.icon !== "globe"} />
            <span class="label">{t(tab.label)}</span>
            {n > 0 && (
                <span class="badge" aria-label={tn("unread", n)}>
                    {n > 99 ? "99+" : n}
                </span>
            )}
        </a>
    );
}

function Side() {
    const a = account.value;
    return (
        <nav class="side" aria-label={t("main_navigation")}>
            <a class="brand" href="/">
                <Bird />
                <span class="label">Mynah</span>
            </a>
            {tabs.map((tab) => (
                <Link key={tab.href} tab={tab} />
            ))}
            {isModerator() && <Link tab={{ href: "/moderation", label: "moderation", icon: "shield" }} />}
            <button type="button" class="primary write" onClick={() => compose.write()}>
                <Icon name="pen" />
                <span class="label">{t("write")}</span>
            </button>
            {a && (
                <a class="side-link me" href={profilePath(a)}>
                    <Avatar account={a} small />
                    <span class="label">
                        <b>{a.display_name || a.username}</b>
                        <span class="handle">@{a.acct}</span>
                    </span>
                </a>
            )}
            <div class="side-tools">
                <Tools />
            </div>
        </nav>
    );
}

export function Bird() {
    return (
        <svg class="logo" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
            <path d="M4 22c4 4 12 5 17 1 4-3 4-8 3-12l5-2-5-2c-2-3-7-4-10-1-2 2-3 5-5 8-1 3-3 6-5 8z" fill="currentColor" />
            <path d="M24 9l5 0-5 2z" class="logo-beak" />
            <circle cx="19.5" cy="8.5" r="1.4" class="logo-eye" />
            <path d="M12 25l-1 4m5-4v4" stroke="currentColor" stroke-width="1.6" fill="none" />
        </svg>
    );
}

// Beside the page where there is room: a question to ask, how the model is, what people talk about.
const tags = signal<Tag[]>([]);

function Aside() {
    useEffect(() => {
        if (!matchMedia("(min-width: 78rem)").matches) return;
        startLive();
        void get<Tag[]>("/api/v1/trends/tags", { limit: 5 }).then((l) => (tags.value = l)).catch(() => undefined);
    }, []);
    const m = model.value;
    const bits = m?.training?.evals?.at(-1)?.val_bits_per_byte;
    const step = m?.training?.curve?.at(-1)?.step;
    return (
        <aside class="aside">
            <form class="card ask" action="/ask" role="search">
                <label for="aside-q">{t("ask_here")}</label>
                <input id="aside-q" name="q" type="search" maxLength={300} required placeholder={t("ask_hint")} />
                <button class="primary">{t("ask")}</button>
            </form>
            <a class="card model-line" href="/model">
                <Icon name="brain" />
                <span>{bits !== undefined && step !== undefined ? t(m?.state === "training" ? "training_strip" : "done_strip", { step, value: bits.toFixed(2) }) : t("model_line")}</span>
            </a>
            {tags.value.length > 0 && (
                <section class="card">
                    <h2>{t("trending_tags")}</h2>
                    <ul>
                        {tags.value.map((h) => (
                            <li key={h.name}>
                                <a class="aside-tag" href={`/tags/${encodeURIComponent(h.name)}`}>
                                    #{h.name} <span class="small">{tn("people_talk", (h.history ?? []).slice(0, 2).reduce((n, d) => n + Number(d.accounts), 0))}</span>
                                </a>
                            </li>
                        ))}
                    </ul>
                </section>
            )}
            <p class="small">
                <a href="/about">{t("how_it_works")}</a> · <a href="/about/limits">{t("limits")}</a>
            </p>
        </aside>
    );
}

function Foot() {
    const foot = tabs.filter((x) => x.foot);
    return (
        <nav class="foot-bar" aria-label={t("main_navigation")}>
            {foot.slice(0, 2).map((tab) => (
                <Link key={tab.href} tab={tab} />
            ))}
            <button type="button" class="primary write" aria-label={t("write")} onClick={() => compose.write()}>
                <Icon name="pen" />
            </button>
            {foot.slice(2).map((tab) => (
                <Link key={tab.href} tab={tab} />
            ))}
        </nav>
    );
}

function Toast() {
    const now = toast.value;
    return (
        <div class="toast-place">
            {now && (
                <div class="toast">
                    <span>{now.words}</span>
                    {now.action && (
                        <button
                            type="button"
                            onClick={() => {
                                now.action?.run();
                                toast.value = null;
                            }}
                        >
                            {now.action.label}
                        </button>
                    )}
                </div>
            )}
        </div>
    );
}

// Every page begins with its title; on small screens the way to what is not at the foot is beside it.
export function PageTitle({ title, children, back = false }: { title: ComponentChildren; children?: ComponentChildren; back?: boolean }) {
    useEffect(() => {
        if (typeof title === "string") document.title = `${title} · Mynah`;
    }, [title]);
    return (
        <div class="page-title">
            {back && (
                <button type="button" class="tool" aria-label={t("back")} onClick={() => (history.length > 1 ? history.back() : location.assign("/"))}>
                    <Icon name="back" />
                </button>
            )}
            <h1>{title}</h1>
            <div class="page-tools">
                {children}
                <a class="tool only-small" href="/menu" aria-label={t("menu")}>
                    <Icon name="menu" />
                </a>
            </div>
        </div>
    );
}

export function MenuPage() {
    return (
        <>
            <PageTitle title={t("menu")} />
            <nav class="card menu-page" aria-label={t("menu")}>
                {account.value && (
                    <a class="side-link me" href={profilePath(account.value)}>
                        <Avatar account={account.value} small />
                        <span class="label">{account.value.display_name || account.value.username}</span>
                    </a>
                )}
                {tabs.filter((x) => !x.foot).map((tab) => (
                    <Link key={tab.href} tab={tab} />
                ))}
                {isModerator() && <Link tab={{ href: "/moderation", label: "moderation", icon: "shield" }} />}
                <Tools />
            </nav>
        </>
    );
}

export function Shell() {
    const View = view.value;
    const at = place.value;
    return (
        <>
            <Side />
            <div class={`column${loadingPage.value ? " waiting" : ""}`}>{View && at && <View key={at.path} params={at.params} query={at.query} />}</div>
            <Aside />
            <Foot />
            <ComposeDialog />
            <Viewer />
            <Toast />
        </>
    );
}

// The timelines.
import { signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { fullTime, t } from "../i18n";
import { get, send } from "./api";
import { ComposeForm } from "./compose";
import { Content } from "./content";
import { Feed } from "./feed";
import type { RouteProps } from "./router";
import { PageTitle } from "./shell";
import { show, tell } from "./state";
import { open as composing } from "./compose-state";
import type { Tag } from "./types";

export function Tabs({ tabs, label }: { tabs: { href: string; label: string; now: boolean }[]; label: string }) {
    return (
        <nav class="tabs" aria-label={label}>
            {tabs.map((tab) => (
                <a key={tab.href} href={tab.href} aria-current={tab.now ? "page" : undefined}>
                    {tab.label}
                </a>
            ))}
        </nav>
    );
}

// What the operators tell everybody, until one has read it.
interface Announcement {
    id: string;
    content: string;
    read?: boolean;
}
const announcements = signal<Announcement[] | null>(null);

function Announcements() {
    useEffect(() => {
        if (announcements.value === null) void get<Announcement[]>("/api/v1/announcements").then((l) => (announcements.value = l.filter((a) => !a.read))).catch(() => undefined);
    }, []);
    const dismiss = (id: string): void => {
        announcements.value = (announcements.value ?? []).filter((a) => a.id !== id);
        void send("POST", `/api/v1/announcements/${id}/dismiss`).catch(tell);
    };
    return (
        <>
            {announcements.value?.map((a) => (
                <section key={a.id} class="card announcement" aria-label={t("announcement")}>
                    <div class="text grow" dir="auto">
                        <Content html={a.content} place={{ mentions: [], emojis: [] }} />
                    </div>
                    <button type="button" class="quiet" onClick={() => dismiss(a.id)}>
                        {t("read")}
                    </button>
                </section>
            ))}
        </>
    );
}

// Posts that wait for their time.
interface Later {
    id: string;
    scheduled_at: string;
    params: { text: string };
}
export function Scheduled(_: RouteProps) {
    const list = useMemo(() => signal<Later[] | null>(null), []);
    const load = (): void => void get<Later[]>("/api/v1/scheduled_statuses", { limit: 40 }).then((l) => (list.value = l), tell);
    useEffect(load, []);
    return (
        <>
            <PageTitle title={t("scheduled_posts")} />
            <ul class="card people">
                {list.value?.map((x) => (
                    <li key={x.id} class="person">
                        <span class="grow">
                            <span class="small">{fullTime(x.scheduled_at)}</span>
                            <p dir="auto">{x.params.text}</p>
                        </span>
                        <button type="button" class="quiet danger" onClick={() => void send("DELETE", `/api/v1/scheduled_statuses/${x.id}`).then(load, tell)}>
                            {t("delete")}
                        </button>
                    </li>
                ))}
                {list.value?.length === 0 && <li class="empty">{t("nothing_scheduled")}</li>}
            </ul>
        </>
    );
}

export function Home(_: RouteProps) {
    return (
        <>
            <PageTitle title={t("home")} />
            <Announcements />
            <div class="only-wide">{!composing.value && <ComposeForm inline />}</div>
            <Feed
                source={{ path: "/api/v1/timelines/home", stream: { name: "user" }, mine: true }}
                label={t("home")}
                empty={
                    <>
                        <p>{t("home_empty")}</p>
                        <p>
                            <a class="button" href="/explore">
                                {t("find_people")}
                            </a>
                        </p>
                    </>
                }
            />
        </>
    );
}

export function Public({ params }: RouteProps) {
    const which = params.which ?? "local";
    const local = which === "local";
    return (
        <>
            <PageTitle title={t("public")} />
            <Tabs
                label={t("public")}
                tabs={[
                    { href: "/public", label: t("this_community"), now: local },
                    { href: "/public/all", label: t("everybody"), now: which === "all" },
                    { href: "/public/media", label: t("pictures"), now: which === "media" },
                ]}
            />
            <Feed
                source={{
                    path: "/api/v1/timelines/public",
                    params: which === "media" ? { only_media: true } : { local },
                    stream: { name: which === "media" ? "public:media" : local ? "public:local" : "public" },
                }}
                label={t("public")}
                empty={<p>{t("nothing_here")}</p>}
            />
        </>
    );
}

const tag = signal<Tag | null>(null);

export function TagPage({ params }: RouteProps) {
    const name = params.tag ?? "";
    useEffect(() => {
        tag.value = null;
        void get<Tag>(`/api/v1/tags/${encodeURIComponent(name)}`)
            .then((x) => (tag.value = x))
            .catch(() => undefined);
    }, [name]);
    const follow = async (): Promise<void> => {
        const on = !tag.value?.following;
        try {
            tag.value = await send<Tag>("POST", `/api/v1/tags/${encodeURIComponent(name)}/${on ? "" : "un"}follow`);
            show(t(on ? "tag_followed" : "tag_unfollowed", { name }));
        } catch (error) {
            tell(error);
        }
    };
    return (
        <>
            <PageTitle title={`#${name}`} back>
                {tag.value && (
                    <button type="button" class={tag.value.following ? "quiet" : "primary"} onClick={() => void follow()}>
                        {t(tag.value.following ? "unfollow" : "follow")}
                    </button>
                )}
            </PageTitle>
            <Feed source={{ path: `/api/v1/timelines/tag/${encodeURIComponent(name)}`, stream: { name: "hashtag", extra: { tag: name } } }} label={`#${name}`} empty={<p>{t("nothing_here")}</p>} />
        </>
    );
}

export function ListPage({ params }: RouteProps) {
    const id = params.id ?? "";
    const title = useMemo(() => signal(""), [id]);
    useEffect(() => {
        void get<{ title: string }>(`/api/v1/lists/${id}`)
            .then((l) => (title.value = l.title))
            .catch(tell);
    }, [id]);
    return (
        <>
            <PageTitle title={title.value || t("list")} back />
            <Feed source={{ path: `/api/v1/timelines/list/${id}`, stream: { name: "list", extra: { list: id } } }} label={title.value || t("list")} empty={<p>{t("list_empty")}</p>} />
        </>
    );
}

export function Bookmarks(_: RouteProps) {
    return (
        <>
            <PageTitle title={t("bookmarks")} />
            <Feed source={{ path: "/api/v1/bookmarks" }} label={t("bookmarks")} empty={<p>{t("bookmarks_empty")}</p>} />
        </>
    );
}

export function Favourites(_: RouteProps) {
    return (
        <>
            <PageTitle title={t("favourites_title")} />
            <Feed source={{ path: "/api/v1/favourites" }} label={t("favourites_title")} empty={<p>{t("favourites_empty")}</p>} />
        </>
    );
}

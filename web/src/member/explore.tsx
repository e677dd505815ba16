// Search, and what is going on: trends, people one may like to follow, a question to the model.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { t, tn } from "../i18n";
import { get, send } from "./api";
import { Icon } from "./icons";
import { Tabs } from "./pages";
import { Person } from "./people";
import { go, type RouteProps } from "./router";
import { PageTitle } from "./shell";
import { keep, tell } from "./state";
import { Post } from "./status";
import type { Account, Card, Status, Tag } from "./types";

interface Results {
    accounts: Account[];
    statuses: Status[];
    hashtags: Tag[];
}
const results = signal<Results | null>(null);
const asked = signal("");
const more = signal(true);

async function search(q: string, type: string, from: number): Promise<void> {
    const got = await get<Results>("/api/v2/search", { q, type: type || undefined, limit: type ? 20 : 5, offset: type ? from : undefined, resolve: true });
    got.statuses.forEach(keep);
    const before = from > 0 ? results.value : null;
    results.value = before
        ? { accounts: [...before.accounts, ...got.accounts], statuses: [...before.statuses, ...got.statuses], hashtags: [...before.hashtags, ...got.hashtags] }
        : got;
    more.value = !!type && got.accounts.length + got.statuses.length + got.hashtags.length >= 20;
    asked.value = q + type;
}

function TagLine({ tag }: { tag: Tag }) {
    const history = tag.history ?? [];
    const people = history.slice(0, 2).reduce((n, d) => n + Number(d.accounts), 0);
    const most = Math.max(1, ...history.map((d) => Number(d.uses)));
    return (
        <li class="person tag-line">
            <a class="who" href={`/tags/${encodeURIComponent(tag.name)}`}>
                <span class="names">
                    <b>#{tag.name}</b>
                    <span class="small">{tn("people_talk", people)}</span>
                </span>
                <span class="spark" aria-hidden="true">
                    {[...history].reverse().map((d) => (
                        <i key={d.day} style={{ blockSize: `${Math.max(6, (Number(d.uses) / most) * 100)}%` }} />
                    ))}
                </span>
            </a>
        </li>
    );
}

function Found({ q, type }: { q: string; type: string }) {
    const r = results.value;
    const [busy, setBusy] = useState(false);
    useEffect(() => {
        if (asked.value === q + type) return;
        results.value = null;
        search(q, type, 0).catch(tell);
    }, [q, type]);
    const tab = (kind: string, label: string): { href: string; label: string; now: boolean } => ({ href: `/explore?q=${encodeURIComponent(q)}${kind ? `&type=${kind}` : ""}`, label, now: type === kind });
    const next = async (): Promise<void> => {
        setBusy(true);
        await search(q, type, (r?.accounts.length ?? 0) + (r?.statuses.length ?? 0) + (r?.hashtags.length ?? 0)).catch(tell);
        setBusy(false);
    };
    return (
        <>
            <Tabs label={t("results")} tabs={[tab("", t("all")), tab("statuses", t("posts")), tab("accounts", t("people")), tab("hashtags", t("tags"))]} />
            <p class="small">
                <a href={`/ask?q=${encodeURIComponent(q)}`}>
                    <Icon name="spark" /> {t("ask_instead", { q })}
                </a>
            </p>
            {!r && <p class="small">{t("loading")}</p>}
            {r && r.accounts.length > 0 && (
                <ul class="card people">
                    {r.accounts.map((a) => (
                        <Person key={a.id} a={a} />
                    ))}
                </ul>
            )}
            {r && r.hashtags.length > 0 && (
                <ul class="card people">
                    {r.hashtags.map((h) => (
                        <TagLine key={h.name} tag={h} />
                    ))}
                </ul>
            )}
            {r && r.statuses.length > 0 && (
                <div class="feed" role="feed" aria-label={t("posts")}>
                    {r.statuses.map((s, i) => (
                        <Post key={s.id} id={s.id} place={i + 1} />
                    ))}
                </div>
            )}
            {r && !r.accounts.length && !r.hashtags.length && !r.statuses.length && <p class="empty">{t("nothing_found")}</p>}
            {r && more.value && (
                <button type="button" class="quiet" disabled={busy} onClick={() => void next()}>
                    {t("more")}
                </button>
            )}
        </>
    );
}

const tags = signal<Tag[]>([]);
const posts = signal<string[]>([]);
const links = signal<(Card & { history?: { accounts: string }[] })[]>([]);
const people = signal<{ account: Account; sources?: string[] }[]>([]);

function Trends() {
    useEffect(() => {
        void get<Tag[]>("/api/v1/trends/tags", { limit: 8 }).then((l) => (tags.value = l)).catch(() => undefined);
        void get<Status[]>("/api/v1/trends/statuses", { limit: 10 })
            .then((l) => {
                l.forEach(keep);
                posts.value = l.map((s) => s.id);
            })
            .catch(() => undefined);
        void get<(Card & { history?: { accounts: string }[] })[]>("/api/v1/trends/links", { limit: 5 }).then((l) => (links.value = l)).catch(() => undefined);
        void get<{ account: Account }[]>("/api/v2/suggestions", { limit: 6 }).then((l) => (people.value = l)).catch(() => undefined);
    }, []);
    const dismiss = async (id: string): Promise<void> => {
        people.value = people.value.filter((p) => p.account.id !== id);
        await send("DELETE", `/api/v1/suggestions/${id}`).catch(tell);
    };
    return (
        <>
            {people.value.length > 0 && (
                <section>
                    <h2>{t("people_to_follow")}</h2>
                    <ul class="card people">
                        {people.value.map((p) => (
                            <Person key={p.account.id} a={p.account} />
                        ))}
                    </ul>
                    <p class="small">
                        {people.value.length > 0 && (
                            <button type="button" class="quiet" onClick={() => people.value.forEach((p) => void dismiss(p.account.id))}>
                                {t("other_people")}
                            </button>
                        )}
                    </p>
                </section>
            )}
            {tags.value.length > 0 && (
                <section>
                    <h2>{t("trending_tags")}</h2>
                    <ul class="card people">
                        {tags.value.map((h) => (
                            <TagLine key={h.name} tag={h} />
                        ))}
                    </ul>
                </section>
            )}
            {links.value.length > 0 && (
                <section>
                    <h2>{t("trending_links")}</h2>
                    <ul class="card people">
                        {links.value.map((c) => (
                            <li key={c.url} class="person">
                                <a class="who" href={c.url} rel="nofollow noopener ugc" target="_blank">
                                    <span class="names">
                                        <b dir="auto">{c.title || c.url}</b>
                                        <span class="small">
                                            {c.provider_name} · {tn("people_talk", Number(c.history?.[0]?.accounts ?? 0))}
                                        </span>
                                    </span>
                                </a>
                            </li>
                        ))}
                    </ul>
                </section>
            )}
            {posts.value.length > 0 && (
                <section>
                    <h2>{t("trending_posts")}</h2>
                    <div class="feed" role="feed" aria-label={t("trending_posts")}>
                        {posts.value.map((id, i) => (
                            <Post key={id} id={id} place={i + 1} />
                        ))}
                    </div>
                </section>
            )}
            {!posts.value.length && !tags.value.length && <p class="empty">{t("nothing_trends")}</p>}
        </>
    );
}

export default function Explore({ query }: RouteProps) {
    const q = query.get("q") ?? "";
    const [text, setText] = useState(q);
    useEffect(() => setText(q), [q]);
    return (
        <>
            <PageTitle title={t("explore")} />
            <form
                class="ask"
                role="search"
                onSubmit={(e) => {
                    e.preventDefault();
                    go(text.trim() ? `/explore?q=${encodeURIComponent(text.trim())}` : "/explore");
                }}
            >
                <label for="search" class="sr">
                    {t("search_label")}
                </label>
                <div class="field">
                    <input id="search" type="search" value={text} maxLength={300} placeholder={t("search_hint")} onInput={(e) => setText(e.currentTarget.value)} />
                    <button>{t("search")}</button>
                </div>
                {!q && <p class="small">{t("search_operators")}</p>}
            </form>
            {q ? <Found q={q} type={query.get("type") ?? ""} /> : <Trends />}
        </>
    );
}


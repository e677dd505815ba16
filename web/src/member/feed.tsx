// Lists of posts: pages are added at the end as one reads on, new posts wait behind a button, and the list under the reader
// never jumps. A list outlives its page, so that coming back finds the same place.
import { batch, signal, type Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t, tn } from "../i18n";
import { get, me, page, type Params } from "./api";
import { forget, keep, post } from "./state";
import { Post } from "./status";
import { subscribe } from "./stream";
import type { Status } from "./types";

export interface Source {
    path: string;
    params?: Params;
    stream?: { name: string; extra?: Record<string, string> };
    mine?: boolean; // one's own new posts belong here
}
interface List {
    source: Source;
    ids: Signal<string[]>;
    waiting: Signal<string[]>;
    next: string | null;
    state: Signal<"new" | "busy" | "more" | "end" | "failed">;
}

const lists = new Map<string, List>();
const LISTS_MAX = 30;

function list(source: Source): List {
    const key = source.path + JSON.stringify(source.params ?? {});
    let l = lists.get(key);
    if (l) lists.delete(key);
    else l = { source, ids: signal([]), waiting: signal([]), next: null, state: signal("new") };
    lists.set(key, l); // the one used last stands last
    if (lists.size > LISTS_MAX) lists.delete(lists.keys().next().value as string);
    return l;
}

const newer = (a: string, b: string): boolean => a.length > b.length || (a.length === b.length && a > b);

async function load(l: List): Promise<void> {
    if (l.state.value === "busy" || l.state.value === "end") return;
    const first = l.next === null;
    l.state.value = "busy";
    try {
        const got = first ? await page<Status>(l.source.path, { limit: 20, ...l.source.params }) : await page<Status>(l.next as string);
        batch(() => {
            got.items.forEach(keep);
            const seen = new Set(l.ids.value);
            l.ids.value = [...l.ids.value, ...got.items.map((s) => s.id).filter((id) => !seen.has(id))];
            l.next = got.next;
            l.state.value = got.next && got.items.length ? "more" : "end";
        });
    } catch {
        l.state.value = "failed";
    }
}

function arrived(l: List, s: Status): void {
    keep(s);
    if (l.ids.value.includes(s.id) || l.waiting.value.includes(s.id)) return;
    if (s.account.id === me && l.source.mine) l.ids.value = [s.id, ...l.ids.value];
    else l.waiting.value = [s.id, ...l.waiting.value].slice(0, 400);
}

// What was posted while the connection was away.
async function catchUp(l: List): Promise<void> {
    const newest = l.waiting.value[0] ?? l.ids.value[0];
    if (!newest) return;
    const got = await get<Status[]>(l.source.path, { ...l.source.params, since_id: newest, limit: 40 });
    for (const s of got.reverse()) if (newer(s.id, newest)) arrived(l, s);
}

function happened(l: List, event: string, payload: string): void {
    if (event === "update") arrived(l, JSON.parse(payload) as Status);
    else if (event === "status.update") keep(JSON.parse(payload) as Status);
    else if (event === "delete") {
        forget(payload);
        l.waiting.value = l.waiting.value.filter((id) => id !== payload);
    }
}

// A post of one's own was made here.
export function added(s: Status): void {
    for (const l of lists.values()) if (l.source.mine) arrived(l, s);
}

export function release(l: List): void {
    batch(() => {
        l.ids.value = [...l.waiting.value, ...l.ids.value];
        l.waiting.value = [];
    });
    scrollTo({ top: 0 });
    requestAnimationFrame(() => document.querySelector<HTMLElement>(".feed .post")?.focus());
}

export const current = signal<List | null>(null);

export function Feed({ source, label, empty, header }: { source: Source; label: string; empty: ComponentChildren; header?: ComponentChildren }) {
    const l = list(source);
    const end = useRef<HTMLDivElement>(null);
    const key = source.path + JSON.stringify(source.params ?? {});
    useEffect(() => {
        current.value = l;
        if (l.state.value === "new") void load(l);
        const watch = new IntersectionObserver((hits) => hits.some((h) => h.isIntersecting) && l.state.value === "more" && void load(l), { rootMargin: "800px" });
        if (end.current) watch.observe(end.current);
        const stop = source.stream && subscribe(source.stream.name, source.stream.extra ?? {}, (e, p) => happened(l, e, p), () => void catchUp(l).catch(() => undefined));
        return () => {
            watch.disconnect();
            stop?.();
            if (current.value === l) current.value = null;
        };
    }, [key]);
    const ids = l.ids.value.filter((id) => post(id)?.value !== null);
    const state = l.state.value;
    const hide = (id: string): boolean => !!post(id)?.value?.filtered?.some((f) => f.filter.filter_action === "hide");
    return (
        <>
            {header}
            {l.waiting.value.length > 0 && (
                <div id="new-posts">
                    <button type="button" onClick={() => release(l)}>
                        {tn("new_posts_n", l.waiting.value.length)}
                    </button>
                </div>
            )}
            <div class="feed" role="feed" aria-label={label} aria-busy={state === "busy"}>
                {ids.map((id, i) => (hide(id) ? null : <Post key={id} id={id} place={i + 1} size={state === "end" ? ids.length : -1} />))}
                {state === "busy" && !ids.length && [1, 2, 3, 4].map((n) => <div key={n} class="post ghost" aria-hidden="true"><span /><span /><span /></div>)}
            </div>
            {state === "end" && !ids.length && <div class="empty">{empty}</div>}
            <div ref={end} class="feed-end">
                {state === "busy" && ids.length > 0 && <p class="small">{t("loading")}</p>}
                {state === "failed" && (
                    <p>
                        {t("failed")}{" "}
                        <button type="button" class="quiet" onClick={() => void load(l)}>
                            {t("try_again")}
                        </button>
                    </p>
                )}
                {state === "end" && ids.length > 5 && <p class="small">{t("the_end")}</p>}
                {state === "more" && (
                    <button type="button" class="quiet" onClick={() => void load(l)}>
                        {t("more_posts")}
                    </button>
                )}
            </div>
        </>
    );
}


// What the whole app knows: who is signed in, the posts seen so far (one signal each, so that a favourite shows wherever the
// post is), relationships, and words shown for a moment.
import { signal, type Signal } from "@preact/signals";
import { ApiError, get, me, send } from "./api";
import { t, type Key } from "../i18n";
import { say } from "../page";
import type { Account, Instance, Relationship, Status } from "./types";

export const account = signal<Account | null>(null);
export const instance = signal<Instance | null>(null);
export const unread = signal(0);
export const unreadMessages = signal(0);

// ---- posts -------------------------------------------------------------------------------------------------------

const posts = new Map<string, Signal<Status | null>>(); // null: deleted
const POSTS_MAX = 3000;

export function post(id: string): Signal<Status | null> | undefined {
    return posts.get(id);
}
function keepOne(s: Status): Signal<Status | null> {
    let at = posts.get(s.id);
    if (at) at.value = s;
    else {
        at = signal<Status | null>(s);
        posts.set(s.id, at);
        if (posts.size > POSTS_MAX) posts.delete(posts.keys().next().value as string);
    }
    return at;
}
export function keep(s: Status): Signal<Status | null> {
    if (s.reblog) keepOne(s.reblog);
    const quoted = s.quote?.quoted_status;
    if (quoted) keepOne(quoted);
    return keepOne(s);
}
export function forget(id: string): void {
    const at = posts.get(id);
    if (at) at.value = null;
}

// Something done to a post: shown at once, taken back when the server says no.
export type Act = "favourite" | "reblog" | "bookmark" | "pin" | "mute";
const flag = { favourite: "favourited", reblog: "reblogged", bookmark: "bookmarked", pin: "pinned", mute: "muted" } as const;
const counter = { favourite: "favourites_count", reblog: "reblogs_count", bookmark: null, pin: null, mute: null } as const;

export async function toggle(id: string, act: Act): Promise<void> {
    const at = posts.get(id);
    const before = at?.value;
    if (!at || !before) return;
    const on = !before[flag[act]];
    const n = counter[act];
    const guess: Status = { ...before, [flag[act]]: on };
    if (n) guess[n] = Math.max(0, before[n] + (on ? 1 : -1));
    at.value = guess;
    try {
        const done = await send<Status>("POST", `/api/v1/statuses/${id}/${on ? "" : "un"}${act}`);
        keep(done.reblog && act === "reblog" ? done.reblog : done);
    } catch (error) {
        at.value = before;
        tell(error);
    }
}

// ---- relationships -------------------------------------------------------------------------------------------------

const relations = new Map<string, Signal<Relationship | null>>();
const asked = new Set<string>();
let soon: Set<string> | null = null;

// Asked for together: a page of accounts is one request.
export function relation(id: string): Signal<Relationship | null> {
    let at = relations.get(id);
    if (!at) {
        at = signal<Relationship | null>(null);
        relations.set(id, at);
    }
    if (me && id !== me && !asked.has(id)) {
        asked.add(id);
        if (!soon) {
            soon = new Set();
            setTimeout(() => {
                const ids = [...(soon ?? [])];
                soon = null;
                void get<Relationship[]>("/api/v1/accounts/relationships", { id: ids })
                    .then((list) => list.forEach(keepRelation))
                    .catch(() => ids.forEach((one) => asked.delete(one)));
            }, 10);
        }
        soon.add(id);
    }
    return at;
}
export function keepRelation(r: Relationship): void {
    const at = relations.get(r.id);
    if (at) at.value = r;
    else relations.set(r.id, signal<Relationship | null>(r));
    asked.add(r.id);
}
export async function relate(id: string, verb: string, data?: unknown): Promise<void> {
    try {
        keepRelation(await send<Relationship>("POST", `/api/v1/accounts/${id}/${verb}`, data));
    } catch (error) {
        tell(error);
    }
}

// ---- words for a moment ----------------------------------------------------------------------------------------------

export const toast = signal<{ words: string; action?: { label: string; run: () => void } } | null>(null);
let timer = 0;

export function show(words: string, action?: { label: string; run: () => void }): void {
    toast.value = action ? { words, action } : { words };
    say(words);
    clearTimeout(timer);
    timer = setTimeout(() => (toast.value = null), action ? 8000 : 5000);
}
export function showKey(key: Key): void {
    show(t(key));
}
export function tell(error: unknown): void {
    if (error instanceof ApiError && error.message) show(error.message);
    else show(t("failed"));
}

// ---- who we are --------------------------------------------------------------------------------------------------------

export async function loadMe(): Promise<void> {
    const [a, i] = await Promise.all([get<Account>("/api/v1/accounts/verify_credentials"), get<Instance>("/api/v2/instance")]);
    account.value = a;
    instance.value = i;
}
// Bits of a role: administrator, reports, users.
export const isModerator = (): boolean => (BigInt(account.value?.role?.permissions ?? 0) & 0x411n) !== 0n;

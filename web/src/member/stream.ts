// One WebSocket for everything that happens: subscriptions come and go on it, and after a break it takes them up again.
import { me } from "./api";
import { instance } from "./state";

export type Handler = (event: string, payload: string) => void;
interface Subscription {
    stream: string;
    extra: Record<string, string>;
    handlers: Set<Handler>;
    missed: Set<() => void>; // called when the connection is there again: something may have been missed
}

const all = new Map<string, Subscription>();
let socket: WebSocket | null = null;
let wait = 1000;

const name = (stream: string, extra: Record<string, string>): string => [stream, ...Object.values(extra)].join(":");
const say = (type: string, s: Subscription): void => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type, stream: s.stream, ...s.extra }));
};

function connect(): void {
    if (socket || !me) return;
    const base = instance.value?.configuration.urls.streaming ?? "";
    const here = location.origin.replace(/^http/, "ws");
    const url = new URL("/api/v1/streaming", base && new URL(base).host === location.host ? base : here);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(url);
    let first = true;
    socket.onopen = () => {
        const again = wait > 1000 || !first;
        first = false;
        wait = 1000;
        for (const s of all.values()) {
            say("subscribe", s);
            if (again) s.missed.forEach((f) => f());
        }
    };
    socket.onmessage = (message: MessageEvent<string>) => {
        const m = JSON.parse(message.data) as { stream?: string[]; event?: string; payload?: string };
        const s = all.get((m.stream ?? []).join(":"));
        if (s && m.event) s.handlers.forEach((h) => h(m.event as string, m.payload ?? ""));
    };
    socket.onclose = () => {
        socket = null;
        if (!all.size) return;
        wait = Math.min(60_000, wait * 2);
        setTimeout(connect, wait * (0.5 + Math.random() / 2));
    };
}

export function subscribe(stream: string, extra: Record<string, string>, handler: Handler, missed?: () => void): () => void {
    const key = name(stream, extra);
    let s = all.get(key);
    if (!s) {
        s = { stream, extra, handlers: new Set(), missed: new Set() };
        all.set(key, s);
        say("subscribe", s);
    }
    s.handlers.add(handler);
    if (missed) s.missed.add(missed);
    connect();
    return () => {
        s.handlers.delete(handler);
        if (missed) s.missed.delete(missed);
        if (s.handlers.size) return;
        say("unsubscribe", s);
        all.delete(key);
    };
}

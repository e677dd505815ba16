// The service worker: shows notifications that are pushed, and a page when the server can't be reached.
export {};

interface Extendable extends Event {
    waitUntil(p: Promise<unknown>): void;
}
interface Client {
    url: string;
    focus(): Promise<Client>;
    postMessage(data: unknown): void;
}
interface Worker {
    skipWaiting(): Promise<void>;
    clients: { claim(): Promise<void>; matchAll(o: { type: "window"; includeUncontrolled: boolean }): Promise<Client[]>; openWindow(url: string): Promise<Client | null> };
    registration: { showNotification(title: string, o: NotificationOptions): Promise<void> };
    addEventListener(type: string, listener: (event: never) => void): void;
}
const worker = self as unknown as Worker;

const CACHE = "mynah-1";
const OFFLINE =
    '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Mynah</title><body><h1>Mynah can\'t be reached</h1><p>Your connection or the server is away. What you were writing is kept in this browser.</p><p><a href="">Try again</a></p>';

worker.addEventListener("install", () => void worker.skipWaiting());
worker.addEventListener("activate", (event: Extendable) => event.waitUntil(worker.clients.claim()));

// Files under /assets have names that change with their content: what was loaded once need not be asked for again.
worker.addEventListener("fetch", (event: Event & { request: Request; respondWith(r: Promise<Response>): void }) => {
    const { request } = event;
    const url = new URL(request.url);
    if (request.method !== "GET" || url.origin !== location.origin) return;
    if (url.pathname.startsWith("/assets/"))
        event.respondWith(
            caches.open(CACHE).then(async (cache) => {
                const hit = await cache.match(request);
                if (hit) return hit;
                const fresh = await fetch(request);
                if (fresh.ok) await cache.put(request, fresh.clone());
                return fresh;
            }),
        );
    else if (request.mode === "navigate") event.respondWith(fetch(request).catch(() => new Response(OFFLINE, { status: 503, headers: { "Content-Type": "text/html; charset=utf-8" } })));
});

worker.addEventListener("push", (event: Extendable & { data?: { json(): unknown } }) => {
    const data = (event.data?.json() ?? {}) as { title?: string; body?: string; icon?: string; notification_id?: string | number; preferred_locale?: string };
    event.waitUntil(
        worker.registration.showNotification(data.title ?? "Mynah", {
            body: data.body ?? "",
            icon: data.icon,
            lang: data.preferred_locale,
            tag: String(data.notification_id ?? "mynah"),
        }),
    );
});

worker.addEventListener("notificationclick", (event: Extendable & { notification: Notification }) => {
    event.notification.close();
    event.waitUntil(
        worker.clients.matchAll({ type: "window", includeUncontrolled: true }).then(async (all) => {
            const open = all[0];
            if (!open) return worker.clients.openWindow("/notifications");
            await open.focus();
            open.postMessage({ open: "/notifications" });
            return open;
        }),
    );
});

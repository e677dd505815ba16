// Addresses of the app: a table of patterns, links taken over where a pattern fits, and each page's scroll place kept.
import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useRef } from "preact/hooks";

export interface Place {
    path: string;
    params: Record<string, string>;
    query: URLSearchParams;
    key: string; // of the history entry
}
export interface RouteProps {
    params: Record<string, string>;
    query: URLSearchParams;
}
type Load = () => Promise<{ default: ComponentType<RouteProps> }>;
interface Route {
    pattern: RegExp;
    names: string[];
    load: Load;
}

const routes: Route[] = [];
const loaded = new Map<Load, ComponentType<RouteProps>>();
export const place = signal<Place | null>(null);
export const view = signal<ComponentType<RouteProps> | null>(null);
export const loadingPage = signal(false);

export function route(path: string, load: Load): void {
    const names: string[] = [];
    const source = path.replace(/[.+]/g, "\\$&").replace(/:(\w+)/g, (_, name: string) => {
        names.push(name);
        return "([^/]+)";
    });
    routes.push({ pattern: new RegExp(`^${source}/?$`), names, load });
}

const servers = /^\/settings\/(security|delete|invites|apps)/; // pages that work without scripts

function match(path: string): { route: Route; params: Record<string, string> } | null {
    if (servers.test(path)) return null;
    for (const r of routes) {
        const hit = r.pattern.exec(path);
        if (!hit) continue;
        const params: Record<string, string> = {};
        r.names.forEach((name, i) => (params[name] = decodeURIComponent(hit[i + 1] ?? "")));
        return { route: r, params };
    }
    return null;
}
export const isOurs = (path: string): boolean => match(path) !== null;

// A page of the server's own, shown as it came within the frame of the app.
let kept: ChildNode[] | null = null;
export function keepServerPage(nodes: ChildNode[]): void {
    kept = nodes;
}
function ServerPage() {
    const box = useRef<HTMLDivElement>(null);
    useEffect(() => box.current?.replaceChildren(...(kept ?? [])), []);
    return <div class="server-page" ref={box} />;
}

const places = new Map<string, number>(); // scroll by history entry
const newKey = (): string => Math.random().toString(36).slice(2);

function remember(): void {
    if (place.value) places.set(place.value.key, scrollY);
}
async function show(key: string): Promise<void> {
    const hit = match(location.pathname);
    if (!hit) {
        if (!kept || place.value) return location.reload();
        place.value = { path: location.pathname, params: {}, query: new URLSearchParams(location.search), key };
        view.value = ServerPage;
        return;
    }
    let page = loaded.get(hit.route.load);
    if (!page) {
        loadingPage.value = true;
        try {
            page = (await hit.route.load()).default;
            loaded.set(hit.route.load, page);
        } finally {
            loadingPage.value = false;
        }
    }
    place.value = { path: location.pathname, params: hit.params, query: new URLSearchParams(location.search), key };
    view.value = page;
    const y = places.get(key) ?? 0;
    requestAnimationFrame(() => requestAnimationFrame(() => scrollTo(0, y)));
}

export function go(path: string, replace = false): void {
    const url = new URL(path, location.href);
    if (url.origin !== location.origin || !isOurs(url.pathname)) return location.assign(path);
    remember();
    const key = newKey();
    history[replace ? "replaceState" : "pushState"]({ key }, "", url.pathname + url.search + url.hash);
    void show(key);
    document.querySelector<HTMLElement>("#main")?.focus({ preventScroll: true });
}

export function startRouter(): void {
    history.scrollRestoration = "manual";
    const key = (history.state as { key?: string } | null)?.key ?? newKey();
    history.replaceState({ key }, "");
    addEventListener("popstate", (event) => {
        remember();
        void show((event.state as { key?: string } | null)?.key ?? newKey());
    });
    document.addEventListener("click", (event) => {
        const a = (event.target as Element).closest?.("a");
        if (!a || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        if (a.target === "_blank" && a.origin !== location.origin) return;
        if (a.hasAttribute("download") || a.origin !== location.origin || !isOurs(a.pathname)) return;
        event.preventDefault();
        if (a.pathname === location.pathname && a.search === location.search) scrollTo({ top: 0, behavior: "smooth" });
        else go(a.href);
    });
    void show(key);
}

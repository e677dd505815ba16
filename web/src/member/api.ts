// Requests to this server, as the signed-in member: the session's cookie goes along by itself, and what changes something
// carries the token that shows it came from our own page.
const body = document.body;
export const me: string = body.dataset.me ?? "";
const csrf: string = body.dataset.csrf ?? "";

// The server said no: its words are for people.
export class ApiError extends Error {
    constructor(
        readonly status: number,
        words: string,
        readonly retryAfter: number,
    ) {
        super(words);
    }
}

type Value = string | number | boolean | null | undefined | readonly (string | number)[];
export type Params = Record<string, Value>;

export function query(params: Params): string {
    const q = new URLSearchParams();
    for (const [key, value] of Object.entries(params)) {
        if (value === null || value === undefined || value === "") continue;
        if (Array.isArray(value)) for (const one of value) q.append(`${key}[]`, String(one));
        else q.append(key, String(value));
    }
    const text = q.toString();
    return text ? `?${text}` : "";
}

async function ask(method: string, path: string, data?: unknown, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
    const form = data instanceof FormData;
    if (method !== "GET") headers["X-CSRF-Token"] = csrf;
    if (data !== undefined && !form) headers["Content-Type"] = "application/json";
    const response = await fetch(path, { method, headers, body: data === undefined ? undefined : form ? data : JSON.stringify(data), signal });
    if (response.ok) return response;
    let words = "";
    try {
        words = ((await response.json()) as { error?: string }).error ?? "";
    } catch {
        // Not JSON: a proxy in between, most likely.
    }
    if (response.status === 401 && me) location.assign(`/auth/sign_in?next=${encodeURIComponent(location.pathname)}`);
    throw new ApiError(response.status, words, Number(response.headers.get("Retry-After") ?? 0));
}

export async function get<T>(path: string, params: Params = {}): Promise<T> {
    return (await (await ask("GET", path + query(params))).json()) as T;
}
export async function send<T>(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, data?: unknown, headers?: Record<string, string>): Promise<T> {
    return (await (await ask(method, path, data ?? {}, headers)).json()) as T;
}
export async function upload<T>(method: "POST" | "PUT" | "PATCH", path: string, form: FormData): Promise<T> {
    return (await (await ask(method, path, form)).json()) as T;
}

export interface Page<T> {
    items: T[];
    next: string | null; // the path of the older page
    prev: string | null;
}
const link = (header: string | null, rel: string): string | null => {
    const hit = header?.split(",").find((part) => part.includes(`rel="${rel}"`));
    const url = hit?.match(/<([^>]+)>/)?.[1];
    if (!url) return null;
    const u = new URL(url, location.href);
    return u.pathname + u.search;
};
export async function page<T>(path: string, params: Params = {}): Promise<Page<T>> {
    const response = await ask("GET", path + query(params));
    const header = response.headers.get("Link");
    return { items: (await response.json()) as T[], next: link(header, "next"), prev: link(header, "prev") };
}

// A request whose answer is a stream of events: each is handed over as it comes. Giving up (by the signal) hangs up.
export async function stream(path: string, data: unknown, on: (event: string, data: unknown) => void, signal: AbortSignal): Promise<void> {
    const response = await ask("POST", path, data, {}, signal);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
        const got = await reader?.read();
        if (!got || got.done) return;
        rest += got.value;
        for (let at = rest.indexOf("\n\n"); at >= 0; at = rest.indexOf("\n\n")) {
            const [, event, json] = /^event: (.*)\ndata: (.*)$/.exec(rest.slice(0, at)) ?? [];
            rest = rest.slice(at + 2);
            if (event && json) on(event, JSON.parse(json));
        }
    }
}

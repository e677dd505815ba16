// What the server says of the model in training: asked once, then told by server-sent events.
import { signal } from "@preact/signals";

export interface Point {
    step: number;
    tokens?: number;
    loss?: number;
    lr?: number;
    tokens_per_s?: number;
}
export interface Eval {
    step: number;
    val_bits_per_byte: number;
}
export interface Sample {
    step?: number;
    given?: string;
    text: string;
}
export interface Model {
    state: string;
    message?: string | null;
    progress?: { done: number; total: number; unit: string } | null;
    training?: {
        name?: string;
        curve?: Point[];
        evals?: Eval[];
        samples?: (Sample | string)[];
        xz_bits_per_byte?: number;
    } | null;
}

export const model = signal<Model | null>(null);

async function refresh(): Promise<void> {
    const response = await fetch("/api/mynah/model");
    if (response.ok) model.value = (await response.json()) as Model;
}

// The events only say that there is news; at most one question a second follows them.
export function startLive(): void {
    let waiting = false;
    const news = () => {
        if (waiting) return;
        waiting = true;
        setTimeout(() => {
            waiting = false;
            if (!document.hidden) void refresh().catch(() => undefined);
        }, 1000);
    };
    void refresh().catch(() => undefined);
    // A browser has six connections to a server, each open stream takes one: tabs that nobody sees let go of theirs.
    let events: EventSource | null = null;
    const follow = () => {
        if (document.hidden) {
            events?.close();
            events = null;
        } else if (!events) {
            events = new EventSource("/api/mynah/events");
            events.addEventListener("training", news);
            news();
        }
    };
    follow();
    document.addEventListener("visibilitychange", follow);
}

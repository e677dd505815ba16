// One table of single-key shortcuts: it feeds the listener and the help page. They are ignored while one types and with
// modifier keys, and a setting turns them off (WCAG 2.1.4).
import { signal } from "@preact/signals";
import type { Key } from "./i18n";
import { moveInFeed, openCurrent, revealCurrent, showNewPosts } from "./feed";
import { store, stored } from "./stored";

export const helpOpen = signal(false);
export const keysOn = signal(stored("keys") !== "off");

// Before the one that helps, which stays the last.
export function addShortcuts(more: Shortcut[]): void {
    shortcuts.splice(shortcuts.length - 1, 0, ...more);
}

export function setKeys(on: boolean): void {
    keysOn.value = on;
    store("keys", on ? null : "off");
}

export interface Shortcut {
    keys: string; // one key, or two pressed one after the other
    label: Key;
    run: () => void;
}

let goTo = (path: string): void => location.assign(path);
// The member's app moves without loading pages.
export function goBy(move: (path: string) => void): void {
    goTo = move;
}
export const go = (path: string) => () => goTo(path);

export const shortcuts: Shortcut[] = [
    { keys: "j", label: "key_next", run: () => moveInFeed(1) },
    { keys: "k", label: "key_previous", run: () => moveInFeed(-1) },
    { keys: "o", label: "key_open", run: openCurrent },
    { keys: "x", label: "key_reveal", run: revealCurrent },
    { keys: ".", label: "key_new", run: showNewPosts },
    { keys: "/", label: "key_search", run: focusAsk },
    { keys: "g h", label: "key_home", run: go("/") },
    { keys: "g a", label: "key_ask", run: go("/ask") },
    { keys: "g m", label: "key_model", run: go("/model") },
    { keys: "?", label: "key_help", run: () => (helpOpen.value = true) },
];

function focusAsk(): void {
    const box = document.querySelector<HTMLInputElement>("#q, #search");
    if (box) box.focus();
    else goTo(document.body.dataset.me ? "/explore" : "/ask");
}

function typing(target: EventTarget | null): boolean {
    return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

export function listenForKeys(): void {
    let first = "";
    document.addEventListener("keydown", (event) => {
        if (!keysOn.value || event.ctrlKey || event.altKey || event.metaKey || typing(event.target) || helpOpen.value) return;
        const pressed = first ? `${first} ${event.key}` : event.key;
        first = "";
        const hit = shortcuts.find((s) => s.keys === pressed);
        if (hit) {
            event.preventDefault();
            hit.run();
        } else if (shortcuts.some((s) => s.keys.startsWith(`${event.key} `))) {
            first = event.key;
        }
    });
}

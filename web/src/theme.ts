// Light, dark, or as the system says; kept in this browser.
import { signal } from "@preact/signals";
import { store, stored } from "./stored";

export type Theme = "auto" | "light" | "dark";

function wished(): Theme {
    const v = stored("theme");
    return v === "light" || v === "dark" ? v : "auto";
}

export const theme = signal<Theme>(wished());

export function applyTheme(next: Theme): void {
    theme.value = next;
    store("theme", next === "auto" ? null : next);
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    document.dispatchEvent(new Event("themechange"));
}

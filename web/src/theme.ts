// Light, dark, or as the system says; kept in this browser.
import { signal } from "@preact/signals";

export type Theme = "auto" | "light" | "dark";

function stored(): Theme {
    const v = localStorage.getItem("theme");
    return v === "light" || v === "dark" ? v : "auto";
}

export const theme = signal<Theme>(stored());

export function applyTheme(next: Theme): void {
    theme.value = next;
    if (next === "auto") {
        localStorage.removeItem("theme");
        delete document.documentElement.dataset.theme;
    } else {
        localStorage.setItem("theme", next);
        document.documentElement.dataset.theme = next;
    }
    document.dispatchEvent(new Event("themechange"));
}

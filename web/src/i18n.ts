// Words come from locales/; English owns the keys and is built in, the others are loaded when they are wished for.
import { signal } from "@preact/signals";
import en from "../locales/en.json";
import { stored } from "./stored";

export type Key = keyof typeof en;
type Words = Partial<Record<Key, string>>;

export const languages = { en: "English", es: "Español", fr: "Français", it: "Italiano" } as const;
export type Language = keyof typeof languages;
const loaders: Record<Exclude<Language, "en">, () => Promise<{ default: Words }>> = {
    es: () => import("../locales/es.json"),
    fr: () => import("../locales/fr.json"),
    it: () => import("../locales/it.json"),
};

function wished(): Language {
    for (const tag of [stored("language") ?? "", ...navigator.languages]) {
        const short = tag.slice(0, 2);
        if (short in languages) return short as Language;
    }
    return "en";
}
export const language = signal<Language>("en");
let words: Words = en;

export async function startWords(): Promise<void> {
    const wish = wished();
    if (wish !== "en") {
        try {
            words = (await loaders[wish]()).default;
            language.value = wish;
            document.documentElement.lang = wish;
        } catch {
            words = en; // the page works in English
        }
    }
}

export function t(key: Key, values: Record<string, string | number> = {}): string {
    return (words[key] ?? en[key]).replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}
// "posts_one", "posts_other" by the language's own rule of plurals.
export function tn(key: string, n: number): string {
    const form = new Intl.PluralRules(language.value).select(n);
    const full = (`${key}_${form}` in en ? `${key}_${form}` : `${key}_other`) as Key;
    return t(full, { n: count(n) });
}
export const count = (n: number): string => new Intl.NumberFormat(language.value).format(n);
export const short = (n: number): string => new Intl.NumberFormat(language.value, { notation: "compact", maximumFractionDigits: 1 }).format(n);

// "5 min", "3 h", then the day.
export function when(iso: string): string {
    const ms = Date.parse(iso);
    const s = Math.round((Date.now() - ms) / 1000);
    const relative = (n: number, unit: Intl.RelativeTimeFormatUnit): string =>
        new Intl.RelativeTimeFormat(language.value, { style: "narrow", numeric: "auto" }).format(-n, unit);
    if (s < 60) return t("now");
    if (s < 3600) return relative(Math.floor(s / 60), "minute");
    if (s < 86400) return relative(Math.floor(s / 3600), "hour");
    const sameYear = new Date(ms).getFullYear() === new Date().getFullYear();
    return new Intl.DateTimeFormat(language.value, { day: "numeric", month: "short", ...(sameYear ? {} : { year: "numeric" }) }).format(ms);
}
export const fullTime = (iso: string): string => new Intl.DateTimeFormat(language.value, { dateStyle: "full", timeStyle: "short" }).format(Date.parse(iso));

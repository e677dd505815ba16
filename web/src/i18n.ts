// Words come from locales/; English owns the keys.
import en from "../locales/en.json";

export type Key = keyof typeof en;

export function t(key: Key, values: Record<string, string | number> = {}): string {
    return en[key].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

const numbers = new Intl.NumberFormat("en");
export const count = (n: number): string => numbers.format(n);

// Every language has every word, with the same values to fill in.
import { readFileSync, readdirSync } from "node:fs";

const read = (name) => JSON.parse(readFileSync(new URL(`locales/${name}`, import.meta.url), "utf8"));
const values = (text) => (text.match(/\{\w+\}/g) ?? []).sort().join();
const en = read("en.json");
let bad = 0;
const say = (words) => (console.error(`locales: ${words}`), bad++);
for (const file of readdirSync(new URL("locales", import.meta.url)).filter((f) => f !== "en.json")) {
    const other = read(file);
    for (const [key, text] of Object.entries(en)) {
        if (!other[key]) say(`${file} has no "${key}"`);
        else if (values(other[key]) !== values(text)) say(`${file}: "${key}" should have ${values(text) || "no values"}`);
    }
    for (const key of Object.keys(other)) if (!(key in en)) say(`${file}: nobody asks for "${key}"`);
}
process.exit(bad ? 1 : 0);

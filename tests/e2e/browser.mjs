// The pages as a reader sees them, in Debian's Chromium: with and without JavaScript, at 390 and 1280 px, light and dark, by
// keyboard. MYNAH names the program, SHOTS a folder that keeps the screenshots.
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { assert, check, done, remove, run, serve, temporary } from "./lib.mjs";

const { chromium } = createRequire(new URL("../../web/package.json", import.meta.url))("playwright-core");
const program = process.env.MYNAH ?? "./mynah";
const shots = process.env.SHOTS;
if (shots) mkdirSync(shots, { recursive: true });

// A small community of our own words.
const T0 = Date.parse("2026-05-01T10:00:00Z");
const words = ["harbour", "bakery", "library", "market", "garden", "bridge", "station", "theatre"];
const rows = [];
for (let i = 0; i < 60; i++) {
    const place = words[i % words.length];
    rows.push({
        id: `p${i}`,
        author: ["ada", "bruno", "chiara", "dmitri"][i % 4],
        created_at: new Date(T0 + i * 3_600_000).toISOString(),
        text: `Note ${i}: the ${place} opens at ${7 + (i % 5)} today, says the sign on its door. #${place}`,
        lang: "en",
    });
}
rows.push({ id: "r1", author: "bruno", created_at: new Date(T0 + 60 * 3_600_000).toISOString(), in_reply_to: "p59",
    text: "<script>alert(1)</script> & thanks for telling! More at https://example.org/signs?a=1&b=2", lang: "en" });
rows.push({ id: "r2", author: "chiara", created_at: new Date(T0 + 61 * 3_600_000).toISOString(), in_reply_to: "r1",
    text: "Also, the lighthouse keeper retires in June after forty years of service.", lang: "en" });

const data = temporary();
const file = join(data, "..", `mynah-e2e-${process.pid}.jsonl`);
writeFileSync(file, rows.map((r) => JSON.stringify(r)).join("\n") + "\n");
const imported = await run(program, ["import", file, "--data", data, "--json", "--consent", "inference_input=allow", "--consent", "train_generative=allow"]);
await check("the community is imported", async () => {
    assert(imported.code === 0, imported.err);
    assert(JSON.parse(imported.out).created === rows.length, imported.out);
});
// A model that is known by its files alone.
const spring = join(data, "models", "spring");
const shape = { architectures: ["LlamaForCausalLM"], vocab_size: 4096, hidden_size: 128, num_hidden_layers: 4, num_attention_heads: 4, intermediate_size: 384, max_position_embeddings: 256, rms_norm_eps: 1e-5, rope_theta: 10000, tie_word_embeddings: true };
const curve = Array.from({ length: 200 }, (_, i) => ({ step: i + 1, tokens: (i + 1) * 2048, loss: 4 + 4 / (1 + i / 10), lr: 0.001, tokens_per_s: 9000, seconds: i }));
mkdirSync(spring, { recursive: true });
for (const [name, content] of Object.entries({
    "config.json": shape,
    "training.json": { name: "spring", state: "done", corpus: "harbour", corpus_sha256: "ab", preset: "nano", optimiser: "muon", steps: 200, tokens: 409600, val_bits_per_byte: 2.4, xz_bits_per_byte: 3.2, curve, evals: [{ step: 50, val_bits_per_byte: 2.9 }, { step: 200, val_bits_per_byte: 2.4 }] },
    "evaluation.json": {
        held_out: { corpus: "harbour", bits_per_byte: 2.4, posts: 1408, bytes: 111979, languages: [{ lang: "en", bits_per_byte: 2.1, posts: 1300, bytes: 100000 }] },
        memorisation: { exposure: { rank_sum_z: -7.3, repetitions: [1, 4, 16, 64].map((copies) => ({ copies, canaries: 4, exposure: 2 + Math.log2(copies), highest: 9 })) } },
        toxicity: { rate: 0.1, low: 0.08, high: 0.13, flagged: 50, samples: 500, classifier_f1: 0.7, baseline: { rate: 0.16, low: 0.14, high: 0.18, flagged: 230, posts: 1408 } },
        tweeteval: { emotion: { measure: "macro_f1", score: 0.775, accuracy: 0.82, train: 3257 } },
    },
})) writeFileSync(join(spring, name), JSON.stringify(content));
writeFileSync(join(spring, "model.safetensors"), "");
const server = await serve(program, data, ["--no-sample", "--no-train"]);
const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

async function page(options, body) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    const p = await context.newPage();
    const problems = [];
    p.on("pageerror", (e) => problems.push(String(e)));
    p.on("console", (m) => m.type() === "error" && problems.push(m.text()));
    try {
        await body(p, problems);
    } finally {
        await context.close();
    }
}

async function shot(p, name) {
    if (shots) await p.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
}

// No page is wider than the window.
async function fits(p, where) {
    const over = await p.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert(over <= 0, `${where} is ${over} px too wide`);
}

const newest = rows.at(-1);
const pages = { timeline: "/", profile: "/@chiara", ask: "/ask?q=When+does+the+lighthouse+keeper+retire%3F", model: "/model", models: "/models", report: "/models/spring", about: "/about", tag: "/tags/harbour" };

for (const [size, viewport] of Object.entries({ phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } })) {
    for (const colorScheme of ["light", "dark"]) {
        await check(`every page fits ${size}, ${colorScheme}, without an error`, () =>
            page({ viewport, colorScheme }, async (p, problems) => {
                for (const [name, path] of Object.entries(pages)) {
                    const response = await p.goto(server.url + path, { waitUntil: "load" });
                    assert(response.status() === 200, `${path}: ${response.status()}`);
                    await p.waitForTimeout(150);
                    await fits(p, path);
                    await shot(p, `${name}-${size}-${colorScheme}`);
                }
                assert(problems.length === 0, problems.join("\n"));
            }));
    }
}

await check("the timeline reads without JavaScript and pages back to the first post", () =>
    page({ javaScriptEnabled: false }, async (p) => {
        await p.goto(server.url + "/");
        const seen = new Set();
        for (let i = 0; i < 10; i++) {
            for (const id of await p.locator(".feed > .post").evaluateAll((all) => all.map((a) => a.dataset.id))) seen.add(id);
            const next = p.locator('.pager a[rel="next"]');
            if (!(await next.count())) break;
            await next.click();
        }
        assert(seen.size === rows.length, `${seen.size} of ${rows.length} posts`);
        assert((await p.getByText("Note 0:").count()) === 1, "the first post is on the last page");
    }));

await check("a model's report reads without JavaScript: curves in words, tables with heads, its card", () =>
    page({ javaScriptEnabled: false }, async (p) => {
        await p.goto(server.url + "/model");
        await p.getByRole("link", { name: "All models" }).click();
        await p.getByRole("link", { name: "spring" }).click();
        assert((await p.getByRole("img", { name: /^loss by million tokens seen, now/ }).count()) === 1, "the curve of loss says where it is");
        assert((await p.getByRole("img", { name: /^held-out bits per byte .* now 2.400$/ }).count()) === 1, "and that of held-out bits");
        const heads = await p.getByRole("region", { name: "Judged offensive" }).getByRole("columnheader").allInnerTexts();
        assert(heads.join() === "by,share,true share between,texts", heads.join());
        const [card] = await Promise.all([p.waitForEvent("download"), p.getByRole("link", { name: /^Model card/ }).click()]);
        assert(card.suggestedFilename() === "README.md", card.suggestedFilename());
    }));

await check("a post shows its thread, its text as text, and links that are safe", () =>
    page({ javaScriptEnabled: false }, async (p) => {
        await p.goto(server.url + "/");
        await p.locator(".feed > .post").first().locator("a.when").click();
        assert((await p.locator(".thread .post").count()) === 3, "three posts in the thread");
        assert((await p.locator(".post.current").innerText()).includes("lighthouse"), "the current post is marked");
        const reply = p.locator(".thread .post", { hasText: "thanks for telling" });
        assert((await reply.innerText()).includes("<script>alert(1)</script>"), "markup stays text");
        const link = reply.locator('.text a');
        assert((await link.getAttribute("href")) === "https://example.org/signs?a=1&b=2", "the address is whole");
        assert((await link.getAttribute("rel")).includes("nofollow"), "rel says nofollow");
    }));

await check("an answer quotes the post and links it; nonsense is declined", () =>
    page({ javaScriptEnabled: false }, async (p) => {
        await p.goto(server.url + "/ask");
        await p.fill("#q", "When does the lighthouse keeper retire?");
        await p.keyboard.press("Enter");
        await p.waitForURL(/q=/);
        assert((await p.locator(".answer .quote").first().innerText()).includes("retires in June"), "the sentence is quoted");
        await p.locator(".answer .quote").first().click();
        assert((await p.locator(".sources li:target").innerText()).includes("chiara"), "the source is marked");
        await p.goto(server.url + "/ask?q=quantum+chromodynamics+lattice+simulations");
        assert((await p.locator(".answer").innerText()).includes("Nothing here speaks of that"), "declined");
    }));

await check("the keyboard moves through the feed and opens a post", () =>
    page({}, async (p) => {
        await p.goto(server.url + "/");
        await p.waitForSelector("#tools button");
        await p.keyboard.press("j");
        await p.keyboard.press("j");
        const at = await p.evaluate(() => document.activeElement.getAttribute("aria-posinset"));
        assert(at === "2", `at ${at}`);
        await p.keyboard.press("o");
        await p.waitForURL(/\/@\w+\/\d+/);
        await p.keyboard.press("g");
        await p.keyboard.press("a");
        await p.waitForURL(/\/ask/);
        await p.keyboard.press("Escape");
    }));

await check("a model page that was opened too early grows with the training", () =>
    page({}, async (p, problems) => {
        const state = { state: "idle", message: null, progress: null, training: null, corpus: null };
        await p.route("**/api/mynah/model", (r) => r.fulfill({ json: state }));
        await p.goto(server.url + "/model");
        await p.waitForSelector("#tools button");
        assert((await p.locator("#charts").count()) === 0, "there is nothing to draw yet");
        state.state = "training";
        state.progress = { done: 3, total: 10, unit: "steps" };
        state.training = { curve: [1, 2, 3].map((step) => ({ step, loss: 9 - step })), evals: [{ step: 0, val_bits_per_byte: 4 }, { step: 3, val_bits_per_byte: 3 }],
            samples: [{ step: 3, given: "It was", text: " a dark night" }], xz_bits_per_byte: 3.5 };
        await p.route("**/model", async (r) => {
            if (r.request().url().includes("/api/")) return r.fulfill({ json: state });
            const body = (await (await r.fetch()).text()).replace(/<div class="status".*?<\/div>/s,
                '<div class="status" id="status" data-state="training"><p><b>The model is learning now</b></p><progress max="10" value="3"></progress><p></p></div>' +
                '<div id="charts"></div><ol id="samples"></ol>');
            await r.fulfill({ body, contentType: "text/html" });
        });
        await p.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
        await p.evaluate(() => { // as if the tab had been hidden and seen again
            Object.defineProperty(document, "hidden", { value: true, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
            Object.defineProperty(document, "hidden", { value: false, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        });
        await p.waitForSelector("#charts .uplot");
        assert((await p.locator("#status progress").getAttribute("value")) === "3", "progress is shown");
        assert((await p.locator("#samples u.given").innerText()) === "It was", "the opening is marked");
        assert((await p.locator("#say").innerText()).includes("learning now"), "and said");
        assert(problems.length === 0, problems.join("\n"));
    }));

await check("what one touches is 44 pixels high, on a phone too", () =>
    page({ viewport: { width: 390, height: 844 } }, async (p) => {
        await p.goto(server.url + "/");
        await p.waitForSelector("#tools button");
        for (const selector of [".bar nav a", ".brand", "#tools button", ".field button", ".field input", ".pager a", ".foot a", ".who", ".when"]) {
            const box = await p.locator(selector).first().boundingBox();
            assert(box && box.height >= 44, `${selector} is ${box?.height} px high`);
        }
    }));

await check("older posts are appended in place", () =>
    page({}, async (p) => {
        await p.goto(server.url + "/");
        await p.waitForSelector("#tools button");
        await p.locator('.pager a[rel="next"]').click();
        await p.waitForFunction(() => document.querySelectorAll(".feed > .post").length === 40);
        assert(new URL(p.url()).search === "", "the address stays");
        const positions = await p.locator(".feed > .post").evaluateAll((all) => all.map((a) => a.getAttribute("aria-posinset")));
        assert(positions.every((x, i) => x === String(i + 1)), "positions run on");
    }));

await check("asking in place brings the same answer and keeps the address", () =>
    page({}, async (p) => {
        await p.goto(server.url + "/ask");
        await p.waitForSelector("#tools button");
        await p.fill("#q", "When does the lighthouse keeper retire?");
        await p.keyboard.press("Enter");
        await p.waitForSelector(".answer .quote");
        assert(p.url().includes("q=When"), p.url());
    }));

await check("the colours can be chosen and are remembered", () =>
    page({}, async (p) => {
        await p.goto(server.url + "/");
        const button = p.locator("#tools button").first();
        await button.click();
        await button.click();
        assert((await p.evaluate(() => document.documentElement.dataset.theme)) === "dark", "dark");
        await p.reload();
        await p.waitForSelector("#tools button");
        assert((await p.evaluate(() => document.documentElement.dataset.theme)) === "dark", "dark after reload");
    }));

await check("errors are pages, too", () =>
    page({ javaScriptEnabled: false }, async (p) => {
        for (const [path, status] of [["/@nobody", 404], ["/@ada/123", 404], ["/nowhere", 404], ["/?before=x", 400]]) {
            const response = await p.goto(server.url + path);
            assert(response.status() === status, `${path}: ${response.status()}`);
            assert((await p.locator("main").innerText()).length > 20, `${path} says what happened`);
        }
    }));

await browser.close();
await check("the server stops cleanly", async () => {
    const code = await server.stop();
    assert(code === 0, `exit ${code}\n${server.log()}`);
});
remove(data);
remove(file);
done();

// The web app as a signed-in member uses it, in Debian's Chromium: joining, writing, reading, answering, voting, messages, lists,
// settings, by mouse and by keyboard, at 390 and 1280 px. MYNAH names the program, SHOTS a folder that keeps the screenshots.
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { assert, check, done, remove, run, serve, temporary } from "./lib.mjs";

const { chromium } = createRequire(new URL("../../web/package.json", import.meta.url))("playwright-core");
const program = process.env.MYNAH ?? "./mynah";
const shots = process.env.SHOTS;
if (shots) mkdirSync(shots, { recursive: true });

const data = temporary();
const server = await serve(program, data, ["--no-sample", "--no-train"]);
const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

// A member: a browser of their own, signed up by the form.
async function join_(name, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-GB", ...options });
    const page = await context.newPage();
    const problems = [];
    page.on("pageerror", (e) => problems.push(String(e)));
    page.on("console", (m) => m.type() === "error" && !/Failed to load resource/.test(m.text()) && problems.push(m.text()));
    page.on("response", (r) => r.status() >= 400 && problems.push(`${r.status()} ${r.request().method()} ${r.url()}`));
    await page.goto(`${server.url}/auth/sign_up`);
    await page.fill('input[name="name"]', name);
    await page.fill('input[name="password"]', `${name} has a long password`);
    for (const box of await page.$$('input[name="agreement"]')) await box.check();
    if (name === "ada") await shot(page, "sign-up");
    await page.click("main button[type=submit], main form button:not([type=button])");
    await page.waitForSelector("body.member .column", { timeout: 10_000 });
    return { name, context, page, problems };
}
async function shot(page, name) {
    if (shots) await page.screenshot({ path: join(shots, `${name}.png`) });
}
const at = (page, path) => page.goto(`${server.url}${path}`).then(() => page.waitForSelector("body.member .column"));
const write = async (page, text) => {
    await page.keyboard.press("Escape");
    await page.click(".side .write");
    await page.fill("dialog.compose-dialog textarea[aria-autocomplete]", text);
    await page.click("dialog.compose-dialog button.primary");
    await page.waitForSelector("dialog.compose-dialog", { state: "hidden" });
};

// A small picture of our own making: a PNG with two bands.
function picture() {
    const w = 320, h = 200;
    const raw = Buffer.alloc((w * 3 + 1) * h);
    for (let y = 0; y < h; y++)
        for (let x = 0; x < w; x++) raw.set(y < h / 2 ? [40 + x / 4, 140, 200] : [230, 180, 60 + y], y * (w * 3 + 1) + 1 + x * 3);
    const crcTable = Array.from({ length: 256 }, (_, n) => {
        let c = n;
        for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
        return c >>> 0;
    });
    const chunk = (type, body) => {
        const all = Buffer.concat([Buffer.from(type), body]);
        let c = 0xffffffff;
        for (const b of all) c = crcTable[(c ^ b) & 255] ^ (c >>> 8);
        const out = Buffer.alloc(body.length + 12);
        out.writeUInt32BE(body.length, 0);
        all.copy(out, 4);
        out.writeUInt32BE((c ^ 0xffffffff) >>> 0, body.length + 8);
        return out;
    };
    const head = Buffer.alloc(13);
    head.writeUInt32BE(w, 0);
    head.writeUInt32BE(h, 4);
    head.set([8, 2, 0, 0, 0], 8);
    return Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), chunk("IHDR", head), chunk("IDAT", deflateSync(raw)), chunk("IEND", Buffer.alloc(0))]);
}

let ada, ben;
await check("one joins by the form and is at home at once", async () => {
    ada = await join_("ada");
    ben = await join_("ben");
    await ada.page.waitForSelector(".page-title h1");
    assert((await ada.page.textContent(".page-title h1")) === "Home", "not at home");
});
await check("a post that is written is in one's home and on one's profile", async () => {
    await write(ada.page, "The harbour opens at seven. #harbour");
    await ada.page.waitForSelector('.feed .post .text:has-text("harbour opens")');
    await at(ada.page, "/@ada");
    await ada.page.waitForSelector('.feed .post .text:has-text("harbour opens")');
    await shot(ada.page, "profile-1280");
});
await check("following brings new posts by themselves, behind a button", async () => {
    await at(ben.page, "/@ada");
    await ben.page.click('.profile-acts button:has-text("Follow")');
    await ben.page.waitForSelector('.profile-acts button:has-text("Following")');
    await at(ben.page, "/");
    await ben.page.waitForSelector('.feed .post .text:has-text("harbour opens")');
    await write(ada.page, "Second thoughts about the harbour");
    await ben.page.waitForSelector("#new-posts button", { timeout: 10_000 });
    const before = await ben.page.textContent(".feed .post .text");
    assert(before.includes("harbour opens"), "the list jumped");
    await ben.page.click("#new-posts button");
    await ben.page.waitForSelector('.feed .post .text:has-text("Second thoughts")');
    await shot(ben.page, "home-1280");
});
await check("keys: j moves, f likes, b boosts, r answers, Escape keeps what was begun", async () => {
    const p = ben.page;
    await p.keyboard.press("j");
    await p.keyboard.press("f");
    await p.waitForSelector(".post .act.favoured");
    await p.keyboard.press("b");
    await p.waitForSelector(".post .act.boosted");
    await p.keyboard.press("r");
    await p.waitForSelector("dialog.compose-dialog textarea:focus");
    const given = await p.inputValue("dialog.compose-dialog textarea[aria-autocomplete]");
    assert(given.startsWith("@ada "), `the answer began with '${given}'`);
    await p.keyboard.type("good to know");
    await p.keyboard.press("Control+Enter");
    await p.waitForSelector("dialog.compose-dialog", { state: "hidden" });
});
await check("what others did is told at once", async () => {
    await ada.page.waitForSelector('.side-link[href="/notifications"] .badge', { timeout: 10_000 });
    await at(ada.page, "/notifications");
    await ada.page.waitForSelector('.notice-row:has-text("liked your post")');
    await ada.page.waitForSelector('.notice-row:has-text("boosted your post")');
    await ada.page.waitForSelector('.notice-row:has-text("good to know")');
    await ada.page.waitForSelector('.notice-row:has-text("followed you")');
    await shot(ada.page, "notifications-1280");
});
await check("a picture with its description, a warning, and a poll", async () => {
    const p = ada.page;
    await p.click(".side .write");
    await p.setInputFiles('dialog.compose-dialog input[type="file"]', { name: "bands.png", mimeType: "image/png", buffer: picture() });
    await p.waitForSelector("dialog.compose-dialog .attached textarea", { timeout: 15_000 });
    await p.fill("dialog.compose-dialog .attached textarea", "two bands of colour");
    await p.fill("dialog.compose-dialog textarea[aria-autocomplete]", "What the sea looked like");
    await shot(p, "compose-1280");
    await p.click("dialog.compose-dialog button.primary");
    await p.waitForSelector("dialog.compose-dialog", { state: "hidden" });
    await at(p, "/@ada");
    await p.waitForSelector('.feed .picture[aria-label*="two bands"] img');
    await p.click('.feed .picture[aria-label*="two bands"]');
    await p.waitForSelector("dialog.viewer[open] img");
    await p.keyboard.press("Escape");
    await p.click(".side .write");
    await p.click('dialog.compose-dialog button[aria-label="Poll"]');
    await p.fill("dialog.compose-dialog textarea[aria-autocomplete]", "Which way to the pier?");
    await p.fill('dialog.compose-dialog input[aria-label="Choice 1"]', "left");
    await p.fill('dialog.compose-dialog input[aria-label="Choice 2"]', "right");
    await p.click("dialog.compose-dialog button.primary");
    await p.waitForSelector("dialog.compose-dialog", { state: "hidden" });
    await at(ben.page, "/@ada");
    await ben.page.click('.poll label:has-text("left")');
    await ben.page.click('.poll button:has-text("Vote")');
    await ben.page.waitForSelector('.poll .result:has-text("100 %")');
});
await check("a thread shows what is answered above and answers below", async () => {
    await at(ben.page, "/@ben/with_replies");
    await ben.page.click('.feed .post .text:has-text("good to know")');
    await ben.page.waitForSelector('.thread .post:not(.current) .text:has-text("harbour opens")');
    await ben.page.waitForSelector('.thread .current .text:has-text("good to know")');
    await shot(ben.page, "thread-1280");
    await ben.page.goBack();
    await ben.page.waitForSelector(".profile-card");
});
await check("direct messages are a conversation", async () => {
    await at(ben.page, "/@ada");
    await ben.page.click('.profile-acts [aria-label="More"]');
    await ben.page.click('[role="menuitem"]:has-text("Message")');
    await ben.page.waitForSelector("dialog.compose-dialog textarea:focus");
    await ben.page.keyboard.type("see you at the pier");
    await ben.page.keyboard.press("Control+Enter");
    await ben.page.waitForSelector("dialog.compose-dialog", { state: "hidden" });
    await at(ada.page, "/messages");
    await ada.page.click('.conversation:has-text("see you at the pier")');
    await ada.page.waitForSelector('.bubble:has-text("see you")');
    await ada.page.fill(".answer-form textarea", "at eight");
    await ada.page.keyboard.press("Enter");
    await ada.page.waitForSelector('.bubble.mine:has-text("at eight")');
    await shot(ada.page, "messages-1280");
    await at(ben.page, "/messages");
    await ben.page.waitForSelector('.conversation:has-text("at eight")');
});
await check("without a model the chat page says so", async () => {
    await at(ada.page, "/chat");
    await ada.page.waitForSelector('.chat-begin:has-text("There is no model here")');
});
const smol = process.env.MYNAH_SMOLLM2;
if (!smol) console.log("skipped talking to a model, stopping, trying again, writing anew: MYNAH_SMOLLM2 names no model");
else
    await check("a model answers, is stopped, tries again; a message is written anew; all of it is kept", async () => {
        const p = ada.page;
        for (const args of [["import", smol, "--name", "smol"], ["promote", "smol"]]) {
            const made = await run(program, ["model", ...args, "--data", data]);
            assert(made.code === 0, made.err);
        }
        await at(p, "/chat");
        await p.fill(".chat-form textarea", "Tell a long story about a mynah bird.");
        await p.keyboard.press("Enter");
        await p.waitForURL(/\/chat\/\d+$/);
        await p.waitForSelector(".chat-form .round[aria-label=Stop]");
        await p.waitForSelector(".model-text.live", { timeout: 60_000 });
        assert((await p.getAttribute("ol.chat", "aria-live")) === "off", "what streams in is read out word by word");
        await p.click(".chat-form .round[aria-label=Stop]");
        await p.waitForSelector('#say:has-text("The answer is ready.")', { state: "attached" });
        await shot(p, "chat-1280");
        await p.fill(".chat-form textarea", "Say hello.");
        await p.keyboard.press("Enter");
        await p.waitForSelector(".turn.theirs:nth-child(4) [aria-label='Answer again']", { timeout: 60_000 });
        await p.click("[aria-label='Answer again']");
        await p.waitForSelector('.turn.theirs:nth-child(4) .branches:has-text("2/2")', { timeout: 60_000 });
        await p.click("[aria-label='Version before']");
        await p.waitForSelector('.turn.theirs:nth-child(4) .branches:has-text("1/2")');
        await p.click("[aria-label='Write this message anew'] >> nth=0");
        await p.fill(".turn.editing textarea", "Say yes.");
        await p.click(".turn.editing .primary");
        await p.waitForSelector('.turn.mine:nth-child(1) .branches:has-text("2/2")', { timeout: 60_000 });
        await p.waitForSelector(".chat-form button[aria-label=Send]", { timeout: 60_000 });
        await p.click(".mark .link"); // the name leads to the card
        await p.waitForSelector('.model-card:has-text("apache-2.0")');
        await shot(p, "chat-card");
        await p.keyboard.press("Escape");
        await p.reload();
        await p.waitForSelector('.turn.mine:has-text("Say yes.")');
        assert((await p.$$(".turn")).length === 2, "the branch that was shown is not the one that is shown again");
        p.once("dialog", (d) => d.accept("of birds"));
        await p.click(".page-tools .menu .tool");
        await p.click('[role=menuitem]:has-text("Rename")');
        await p.waitForSelector('h1:has-text("of birds")');
        await p.setViewportSize({ width: 390, height: 844 });
        assert(await p.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the conversation is wider than the screen");
        await shot(p, "chat-390");
        await at(p, "/chat");
        await p.waitForSelector('.chat-line:has-text("of birds")');
        assert(await p.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the list is wider than the screen");
        await shot(p, "chats-390");
        await p.setViewportSize({ width: 1280, height: 900 });
        p.once("dialog", (d) => d.accept());
        await p.click(".chat-line .menu .tool");
        await p.click('[role=menuitem]:has-text("Delete")');
        await p.waitForSelector(".chat-line", { state: "detached" });
    });
await check("search finds people and tags; lists hold people", async () => {
    const p = ben.page;
    await at(p, "/explore");
    await shot(p, "explore-1280");
    await p.fill("#search", "ada");
    await p.keyboard.press("Enter");
    await p.waitForSelector('.people .person:has-text("@ada")');
    await at(p, "/tags/harbour");
    await p.waitForSelector('.feed .post .text:has-text("harbour opens")');
    await at(p, "/lists");
    await p.fill('input[aria-label="Name of a new list"]', "Sea");
    await p.click('button:has-text("Make")');
    await p.waitForSelector('.list-line:has-text("Sea")');
});
await check("settings: the profile, consent and filters are kept", async () => {
    const p = ada.page;
    await at(p, "/settings/profile");
    await p.fill('.settings-form input[maxlength="30"]', "Ada of the Harbour");
    await p.click('.settings-form button:has-text("Save")');
    await p.waitForSelector('.toast:has-text("Saved")');
    await at(p, "/settings/consent");
    await p.waitForSelector(".purpose");
    await shot(p, "consent-1280");
    await p.click('.purpose:has-text("Quoted in answers") label:has-text("Allow")');
    await p.waitForSelector('.purpose:has-text("Quoted in answers") .now.yes');
    await at(p, "/settings/filters");
    await p.click('button:has-text("New filter")');
    await p.fill('.settings-form input[maxlength="256"]', "pier");
    await p.fill('.settings-form input[aria-label="Word"]', "pier");
    await p.click('.settings-form button:has-text("Save")');
    await p.waitForSelector('.card:has-text("pier") button:has-text("Edit")');
    await at(p, "/@ada");
    assert((await p.textContent(".profile-card h1")) === "Ada of the Harbour", "the name was not kept");
});
await check("a draft survives leaving the page", async () => {
    const p = ben.page;
    await at(p, "/");
    await p.click(".side .write");
    await p.fill("dialog.compose-dialog textarea[aria-autocomplete]", "begun and not sent");
    await at(p, "/");
    await p.click(".side .write");
    assert((await p.inputValue("dialog.compose-dialog textarea[aria-autocomplete]")) === "begun and not sent", "it is gone");
    await p.fill("dialog.compose-dialog textarea[aria-autocomplete]", "");
});
await check("moderators see reports and act on them; others do not see the console", async () => {
    const p = ben.page;
    await at(p, "/moderation");
    await p.waitForSelector('.empty:has-text("for moderators")');
    await at(p, "/@ada");
    await p.click('.profile-acts [aria-label="More"]');
    await p.click('[role="menuitem"]:has-text("Report")');
    await p.fill(".settings-form textarea", "she is too cheerful about harbours");
    await p.click('.settings-form button.primary');
    await p.waitForSelector('h1:has-text("The report is sent")');
    const password = /one-time password (\S+)/.exec(server.log())?.[1] ?? "";
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-GB" });
    const o = await context.newPage();
    await o.goto(`${server.url}/auth/sign_in`);
    await o.fill('input[name="name"]', "operator");
    await o.fill('input[name="password"]', password);
    await o.click("main form button");
    for (const field of await o.$$('input[type="password"]')) await field.fill("a new long password");
    if (await o.$('input[type="password"]')) await o.click("main form button");
    await at(o, "/moderation");
    await o.click('.people a:has-text("harbours")');
    await o.fill(".settings-form textarea", "Please be less cheerful.");
    await shot(o, "moderation-report-1280");
    await o.click('button:has-text("Do it")');
    await o.waitForSelector('.toast:has-text("Saved")');
    for (const page of ["reports?resolved=true", "accounts", "appeals", "rules", "blocks", "words", "announcements", "audit", "settings"]) {
        await at(o, `/moderation/${page}`);
        await o.waitForTimeout(200);
        await shot(o, `moderation-${page.split("?")[0]}-1280`);
    }
    await at(o, "/moderation/rules");
    await o.fill('input[aria-label="Rule"]', "Be kind");
    await o.click('button:has-text("Add")');
    await o.waitForSelector('.person:has-text("Be kind")');
    await context.close();
    await at(ada.page, "/notifications");
    await ada.page.waitForSelector('.notice-row:has-text("moderator has written")');
});
await check("at 390 px everything is within the page, and the foot leads on", async () => {
    const p = ben.page;
    await p.setViewportSize({ width: 390, height: 844 });
    for (const path of ["/", "/explore", "/notifications", "/messages", "/@ada", "/settings", "/settings/consent", "/settings/profile", "/settings/moving", "/lists", "/public", "/menu", "/scheduled", "/ask", "/model", "/models"]) {
        await at(p, path);
        await p.waitForTimeout(300);
        const over = await p.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert(over <= 0, `${path} is ${over} px too wide`);
        await shot(p, `small${path.replace(/\W/g, "-")}`);
    }
    await p.click('.foot-bar a[href="/explore"]');
    await p.waitForSelector("#search");
    await p.click(".foot-bar .write");
    await p.waitForSelector("dialog.compose-dialog[open] textarea");
    await shot(p, "small-compose");
    await p.keyboard.press("Escape");
});
await check("everything can be taken along, and the account left; others keep theirs", async () => {
    const p = ada.page;
    await at(p, "/settings/moving");
    await p.click('button:has-text("Make an archive")');
    const link = await p.waitForSelector('.transfer a[download]:has-text("Download")', { timeout: 30_000 });
    const archive = await p.evaluate(async (url) => {
        const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
        return { size: bytes.length, magic: String.fromCharCode(...bytes.slice(0, 2)) };
    }, await link.getAttribute("href"));
    assert(archive.magic === "PK" && archive.size > 2000, `the archive has ${archive.size} bytes beginning with ${archive.magic}`);
    await shot(p, "moving-1280");
    const cleo = await join_("cleo");
    await write(cleo.page, "I shall not stay long");
    await cleo.page.goto(`${server.url}/settings/delete`);
    await cleo.page.waitForSelector('input[name="password"]');
    await cleo.page.fill('input[name="password"]', "cleo has a long password");
    for (const field of await cleo.page.$$("main form.form input[type=text]")) await field.fill("cleo");
    await shot(cleo.page, "delete-1280");
    await cleo.page.click("main form.form button");
    await cleo.page.waitForSelector("body:not(.signed)");
    const gone = await fetch(`${server.url}/@cleo`);
    assert(gone.status === 404, `the profile answers ${gone.status}`);
    await at(p, "/@ada");
    await p.waitForSelector(".profile-card h1");
    await cleo.context.close();
});
await check("dark colours, and another language", async () => {
    const p = ada.page;
    await p.emulateMedia({ colorScheme: "dark" });
    await at(p, "/");
    await p.waitForSelector(".feed .post");
    await shot(p, "home-dark");
    await p.evaluate(() => localStorage.setItem("language", "it"));
    await at(p, "/notifications");
    await p.waitForSelector('h1:has-text("Notifiche")');
    await shot(p, "notifications-it");
});
await check("no script failed on the way", async () => {
    const all = [...(ada?.problems ?? []), ...(ben?.problems ?? [])].filter((x) => !/favicon|ERR_ABORTED/.test(x));
    assert(all.length === 0, all.join("\n"));
});

await browser.close();
await server.stop();
remove(data);
done();

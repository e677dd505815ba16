// What the tests of npm's masto share: a server without rate limits, a picture, a browser that signs in, a stream that is listened to.
import { createHash, randomBytes } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { assert, remove, serve, temporary } from "../e2e/lib.mjs";

if (!existsSync(new URL("node_modules/masto", import.meta.url))) {
    console.log("skipped masto: npm did not install it");
    process.exit(0);
}
export const masto = await import("masto");
const { createOAuthAPIClient, createRestAPIClient } = masto;
export const OOB = "urn:ietf:wg:oauth:2.0:oob", SCOPES = "read write follow push", PASSWORD = "seven herons over the weir";
const data = temporary();
writeFileSync(join(data, "mynah.conf"), "rate_limits = off\n");
const server = await serve(process.env.MYNAH ?? "./mynah", data, ["--no-sample", "--no-train"]);
export const url = server.url;

// The operator's one-time password, as the first start of a server prints it.
export const operatorPassword = () => server.log().match(/one-time password (\S+)/)[1];

export async function end() {
    await server.stop();
    remove(data);
}

// PNG's checksum; node:zlib has it only from Node 20 on.
function crc32(bytes) {
    let crc = ~0;
    for (const byte of bytes) {
        crc ^= byte;
        for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc >>> 0;
}

export function picture(width, height) {
    const chunk = (kind, body) => {
        const both = Buffer.concat([Buffer.from(kind), body]), out = Buffer.alloc(both.length + 8);
        out.writeUInt32BE(body.length, 0);
        both.copy(out, 4);
        out.writeUInt32BE(crc32(both), both.length + 4);
        return out;
    };
    const head = Buffer.alloc(13), rows = Buffer.alloc((width * 3 + 1) * height, 120);
    head.writeUInt32BE(width, 0);
    head.writeUInt32BE(height, 4);
    head.set([8, 2, 0, 0, 0], 8);
    for (let y = 0; y < height; y++) rows[y * (width * 3 + 1)] = 0;
    const png = Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", head), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
    return new Blob([png], { type: "image/png" });
}

// A browser that keeps cookies and fills in the forms of the sign-in pages; gives the address it is sent to in the end.
async function browse(start, name, password) {
    const jar = new Map();
    const go = async (to, form) => {
        for (let i = 0; i < 10; i++) {
            const r = await fetch(to, { method: form ? "POST" : "GET", body: form && new URLSearchParams(form), redirect: "manual",
                headers: { cookie: [...jar].map(([k, v]) => `${k}=${v}`).join("; ") } });
            // Node 18 gives several cookies as one header, parted by commas (which dates have too).
            for (const c of (r.headers.get("set-cookie") ?? "").split(/,(?=[^;,=]+=)/)) if (c) jar.set(...c.trim().split(";")[0].split(/=(.*)/s).slice(0, 2));
            const where = r.headers.get("location");
            if (!where) return { to, html: await r.text() };
            to = new URL(where, to).href;
            form = undefined;
            if (!to.startsWith(url)) break;
        }
        return { to, html: "" };
    };
    const plain = (s) => s.replaceAll("&amp;", "&").replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&lt;", "<").replaceAll("&gt;", ">");
    const submit = (page, action, more) => {
        const form = page.html.match(new RegExp(`<form[^>]*action="${action}"[^]*?</form>`))?.[0];
        assert(form, `${page.to} has no form for ${action}`);
        const fields = {};
        for (const [, key, value] of form.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)) fields[key] = plain(value);
        return go(new URL(action, url).href, { ...fields, ...more });
    };
    let page = await go(start);
    page = await submit(page, "/auth/sign_in", { name, password });
    if (page.html.includes('action="/auth/setup"')) {
        await submit(page, "/auth/setup", { password: PASSWORD });
        page = await go(start);
    }
    return (await submit(page, "/oauth/authorize", { decision: "allow" })).to;
}

// Makes members as an app does; gives their tokens, and the client that made them.
export async function signUp(...names) {
    const rest = createRestAPIClient({ url }), oauth = createOAuthAPIClient({ url });
    const app = await rest.v1.apps.create({ clientName: "sign-up", redirectUris: OOB, scopes: SCOPES });
    const token = await oauth.token.create({ grantType: "client_credentials", clientId: app.clientId, clientSecret: app.clientSecret, redirectUri: OOB, scope: SCOPES });
    const here = createRestAPIClient({ url, accessToken: token.accessToken });
    const tokens = [];
    for (const username of names)
        tokens.push((await here.v1.accounts.create({ username, password: PASSWORD, email: `${username}@example.com`, agreement: true, locale: "en" })).accessToken);
    return { here, tokens };
}

// The code flow with PKCE, sent back to an app's own address. A one-time password is changed on the way.
export async function signIn(name, scopes = SCOPES, password = PASSWORD) {
    const redirect = "https://app.example/back", verifier = randomBytes(32).toString("base64url");
    const rest = createRestAPIClient({ url }), oauth = createOAuthAPIClient({ url });
    const app = await rest.v1.apps.create({ clientName: "heron", redirectUris: redirect, scopes, website: "https://app.example/" });
    const query = new URLSearchParams({ response_type: "code", client_id: app.clientId, redirect_uri: redirect, scope: scopes, state: "s & t",
        code_challenge: createHash("sha256").update(verifier).digest("base64url"), code_challenge_method: "S256" });
    const back = new URL(await browse(`${url}/oauth/authorize?${query}`, name, password));
    assert(back.origin + back.pathname === redirect && back.searchParams.get("state") === "s & t", back.href);
    const grant = { grantType: "authorization_code", clientId: app.clientId, clientSecret: app.clientSecret, redirectUri: redirect, code: back.searchParams.get("code") };
    const wrong = await oauth.token.create({ ...grant, codeVerifier: randomBytes(32).toString("base64url") }).then(() => "let in", (e) => e.statusCode);
    assert(wrong === 400, `a wrong verifier: ${wrong}`);
    const again = new URL(await browse(`${url}/oauth/authorize?${query}`, name, PASSWORD));
    const token = await oauth.token.create({ ...grant, code: again.searchParams.get("code"), codeVerifier: verifier });
    const client = createRestAPIClient({ url, accessToken: token.accessToken });
    assert((await client.v1.accounts.verifyCredentials()).username === name, "who is signed in");
    return { rest: client, token: token.accessToken, app };
}

// Everything a stream tells, with a way to wait for one thing.
export function listen(subscription) {
    const heard = [];
    const ended = (async () => {
        for await (const event of subscription) heard.push(event);
    })();
    const until = async (what, match) => {
        for (let i = 0; i < 300; i++) {
            const found = heard.find(match);
            if (found) return found;
            await new Promise((r) => setTimeout(r, 50));
        }
        throw new Error(`the stream did not tell of ${what}; it told of ${heard.map((e) => e.event)}`);
    };
    return { heard, until, ended };
}


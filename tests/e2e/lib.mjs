// A server under test and a small runner: every check prints "ok", "not ok" or "skipped", one line each.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

let failures = 0;

export async function check(name, body) {
    try {
        await body();
        console.log(`ok ${name}`);
    } catch (error) {
        failures++;
        console.log(`not ok ${name}`);
        console.log(String(error?.stack ?? error).replace(/^/gm, "    "));
    }
}

export function assert(condition, words) {
    if (!condition) throw new Error(words);
}

export function done() {
    process.exitCode = failures ? 1 : 0;
}

export const temporary = () => mkdtempSync(join(tmpdir(), "mynah-e2e-"));
export const remove = (dir) => rmSync(dir, { recursive: true, force: true });

// Runs a subcommand to its end; gives {code, out, err}.
export function run(program, args, env = {}) {
    return new Promise((resolve) => {
        const child = spawn(program, args, { env: { ...process.env, ...env } });
        let out = "", err = "";
        child.stdout.on("data", (d) => (out += d));
        child.stderr.on("data", (d) => (err += d));
        child.on("close", (code) => resolve({ code, out, err }));
    });
}

// Starts `mynah serve` on a free port of the loopback; gives {url, stop, log}.
export async function serve(program, data, args = []) {
    const child = spawn(program, ["serve", "--data", data, "--listen", "127.0.0.1:0", ...args]);
    let log = "";
    const ended = new Promise((resolve) => child.on("close", resolve));
    child.stdout.on("data", (d) => (log += d));
    child.stderr.on("data", (d) => (log += d));
    const stop = async () => {
        child.kill("SIGTERM");
        return ended;
    };
    for (let i = 0; i < 300; i++) {
        const found = log.match(/http:\/\/127\.0\.0\.1:(\d+)/);
        if (found && found[1] !== "0") return { url: `http://127.0.0.1:${found[1]}`, stop, log: () => log };
        if (child.exitCode !== null) break;
        await new Promise((r) => setTimeout(r, 100));
    }
    child.kill("SIGKILL");
    throw new Error(`the server did not start:\n${log}`);
}

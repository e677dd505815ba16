// What the tests of clients of the model API share: a server with a model (model.sh) and a key.
import { webcrypto } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert, remove, run, serve, temporary } from "../e2e/lib.mjs";

globalThis.crypto ??= webcrypto; // Debian 12's Node 18 keeps it in a module; LangChain expects it here

const program = process.env.MYNAH ?? "./mynah";
const data = temporary();
process.env.MYNAH_DATA = data;
// "rate_limits = off" leaves tokens counted, so the operator's key is used, which has no limit.
writeFileSync(join(data, "mynah.conf"), "rate_limits = off\nmodel_context = 2048\n");

async function mynah(...args) {
    const { code, out, err } = await run(program, args);
    assert(code === 0, `mynah ${args.join(" ")} ended with ${code}: ${err}`);
    return out;
}

const made = await run("tests/clients/model.sh", [data, program]);
assert(made.code === 0, `no model: ${made.err}`);
export const model = made.out.trim();
await mynah("account", "create", "boss", "--role", "operator");
export const key = (await mynah("account", "key", "boss", "--make", "clients")).trim();
const server = await serve(program, data, ["--no-sample", "--no-train"]);
export const base = `${server.url}/v1`;
export const open = async () => Number((await (await fetch(`${server.url}/metrics`)).text()).match(/^mynah_openai_open (\d+)/m)[1]);

export async function end() {
    await server.stop();
    remove(data);
}

// Is the package there and can this Node run it? Else the test is skipped by name.
export async function have(name, importing) {
    try {
        return await importing();
    } catch (error) {
        console.log(`skipped ${name}: ${String(error.message).split("\n")[0]}`);
        await end();
        process.exit(0);
    }
}

export const weather = {
    type: "object",
    properties: { city: { type: "string", enum: ["Paris", "Lima", "Oslo"] }, days: { type: "integer", minimum: 1, maximum: 9 } },
    required: ["city", "days"],
    additionalProperties: false,
};
export function fits(w) {
    assert(["Paris", "Lima", "Oslo"].includes(w.city) && Number.isInteger(w.days) && w.days >= 1 && w.days <= 9 && Object.keys(w).length === 2,
        `not as the schema says: ${JSON.stringify(w)}`);
}
export const length = (v) => Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));

// npm's @langchain/openai against a running server.
import { assert, check, done } from "../e2e/lib.mjs";
import { base, end, fits, have, key, length, model } from "./model_lib.mjs";

const { ChatOpenAI, OpenAIEmbeddings } = await have("langchain", () => import("@langchain/openai"));
const { HumanMessage, SystemMessage, ToolMessage } = await import("@langchain/core/messages");
const { tool } = await import("@langchain/core/tools");
const { z } = await import("zod");
const configuration = { baseURL: base };
const chat = (more) => new ChatOpenAI({ model, apiKey: key, configuration, maxRetries: 0, maxTokens: 64, ...more });
const Weather = z.object({ city: z.enum(["Paris", "Lima", "Oslo"]), days: z.number().int().min(1).max(9) });
const messages = [new SystemMessage("Be brief."), new HumanMessage("What is the weather in Lima like?")];

await check("langchain invoke", async () => {
    const r = await chat({ maxTokens: 8, temperature: 0 }).invoke(messages);
    assert(typeof r.content === "string" && r.usage_metadata.output_tokens <= 8 && r.usage_metadata.input_tokens > 0, JSON.stringify(r));
});
await check("langchain stream", async () => {
    const whole = await chat({ maxTokens: 12, temperature: 0 }).invoke(messages);
    let text = "", usage;
    for await (const part of await chat({ maxTokens: 12, temperature: 0 }).stream(messages)) {
        text += part.content;
        usage = part.usage_metadata ?? usage;
    }
    assert(text === whole.content, `streamed ${JSON.stringify(text)}, whole ${JSON.stringify(whole.content)}`);
    assert(usage.output_tokens === whole.usage_metadata.output_tokens, "usage in the stream");
});
await check("langchain batch", async () => {
    const all = await chat({ maxTokens: 4 }).batch([messages, messages, messages]);
    assert(all.length === 3 && all.every((m) => typeof m.content === "string"), JSON.stringify(all));
});
for (const method of ["jsonSchema", "functionCalling"])
    await check(`langchain structured output by ${method}`, async () => fits(await chat().withStructuredOutput(Weather, { name: "weather", method }).invoke(messages)));
await check("langchain tools", async () => {
    const forecast = tool(async ({ city }) => `sunny in ${city}`, { name: "forecast", description: "the weather", schema: Weather });
    const bound = chat().bindTools([forecast], { tool_choice: "forecast" });
    const r = await bound.invoke(messages);
    assert(r.tool_calls.length === 1 && r.tool_calls[0].name === "forecast", JSON.stringify(r.tool_calls));
    fits(r.tool_calls[0].args);
    const said = await forecast.invoke(r.tool_calls[0]);
    assert(said instanceof ToolMessage, "the tool ran");
    const after = await chat({ maxTokens: 4 }).bindTools([forecast]).invoke([...messages, r, said]);
    assert(after !== undefined, "an answer after the tool's");
    let streamed;
    for await (const part of await bound.stream(messages)) streamed = streamed ? streamed.concat(part) : part;
    fits(streamed.tool_calls[0].args);
});
await check("langchain embeddings", async () => {
    const e = new OpenAIEmbeddings({ model, apiKey: key, configuration, maxRetries: 0 });
    const [a, b] = await e.embedDocuments(["a ferry", "a bridge"]), q = await e.embedQuery("a ferry");
    assert(Math.abs(length(a) - 1) < 1e-3 && a.length === b.length && a.every((x, i) => Math.abs(x - q[i]) < 1e-6), "vectors");
});

await end();
done();

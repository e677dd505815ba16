// npm's openai against a running server.
import { assert, check, done } from "../e2e/lib.mjs";
import { base, end, fits, have, key, length, model, open, weather } from "./model_lib.mjs";

const { default: OpenAI } = await have("openai", () => import("openai"));
const { zodResponseFormat } = await import("openai/helpers/zod");
const { z } = await import("zod");
const client = new OpenAI({ apiKey: key, baseURL: base, maxRetries: 0 });
const messages = [{ role: "user", content: "What is the weather in Oslo like?" }];
const tools = [{ type: "function", function: { name: "get_weather", description: "the weather of a city", parameters: weather, strict: true } }];

await check("openai models", async () => {
    const ids = [];
    for await (const m of client.models.list()) ids.push(m.id);
    assert(ids[0] === "mynah" && ids.includes(model), `models: ${ids}`);
    assert((await client.models.retrieve(model)).object === "model", "retrieve");
});
await check("openai chat", async () => {
    const ask = () => client.chat.completions.create({ model, messages, max_tokens: 12, seed: 5 });
    const one = await ask(), two = await ask();
    assert(typeof one.choices[0].message.content === "string" && one.choices[0].message.role === "assistant", JSON.stringify(one));
    assert(one.choices[0].message.content === two.choices[0].message.content, "the same seed wrote different text");
    assert(one.usage.total_tokens === one.usage.prompt_tokens + one.usage.completion_tokens && one.usage.prompt_tokens_details.cached_tokens >= 0, "usage");
    assert(one.system_fingerprint.startsWith("fp_") && one.model === model, "model and fingerprint");
});
await check("openai chat stream", async () => {
    const whole = await client.chat.completions.create({ model, messages, max_tokens: 16, seed: 7 });
    const stream = await client.chat.completions.create({ model, messages, max_tokens: 16, seed: 7, stream: true, stream_options: { include_usage: true } });
    let text = "", usage, finish;
    for await (const chunk of stream) {
        text += chunk.choices[0]?.delta?.content ?? "";
        finish = chunk.choices[0]?.finish_reason ?? finish;
        usage = chunk.usage ?? usage;
    }
    assert(text === whole.choices[0].message.content, `streamed ${JSON.stringify(text)}, whole ${JSON.stringify(whole.choices[0].message.content)}`);
    assert(finish === whole.choices[0].finish_reason && usage.completion_tokens === whole.usage.completion_tokens, "finish and usage");
});
await check("openai chat stream helper", async () => {
    const runner = client.chat.completions.stream({ model, messages, max_tokens: 8, seed: 7, n: 2 });
    const final = await runner.finalChatCompletion();
    assert(final.choices.length === 2 && typeof final.choices[1].message.content === "string", JSON.stringify(final));
});
await check("openai a stream given up frees the server", async () => {
    const stream = await client.chat.completions.create({ model, messages, n: 8, max_tokens: 1000, stream: true });
    for await (const chunk of stream) if (chunk) break;
    stream.controller.abort();
    for (let i = 0; (await open()) > 0; i++) {
        assert(i < 100, "the server goes on");
        await new Promise((r) => setTimeout(r, 50));
    }
});
await check("openai log probabilities", async () => {
    const r = await client.chat.completions.create({ model, messages, max_tokens: 4, temperature: 0, logprobs: true, top_logprobs: 3 });
    for (const t of r.choices[0].logprobs.content) {
        assert(t.logprob <= 0 && t.top_logprobs.length === 3 && Array.isArray(t.bytes), JSON.stringify(t));
        assert(t.top_logprobs.reduce((s, p) => s + Math.exp(p.logprob), 0) <= 1.0001, "probabilities");
    }
});
await check("openai structured output", async () => {
    const Weather = z.object({ city: z.enum(["Paris", "Lima", "Oslo"]), days: z.number().int().min(1).max(9) });
    const r = await client.chat.completions.parse({ model, messages, seed: 1, response_format: zodResponseFormat(Weather, "weather") });
    fits(r.choices[0].message.parsed);
});
await check("openai tools", async () => {
    for (const tool_choice of ["required", { type: "function", function: { name: "get_weather" } }]) {
        const r = await client.chat.completions.create({ model, messages, tools, tool_choice, seed: 2 });
        assert(r.choices[0].finish_reason === "tool_calls", JSON.stringify(r.choices[0]));
        const call = r.choices[0].message.tool_calls[0];
        fits(JSON.parse(call.function.arguments));
        const after = await client.chat.completions.create({ model, max_tokens: 4, tools,
            messages: [...messages, r.choices[0].message, { role: "tool", tool_call_id: call.id, content: "sunny" }] });
        assert(after.choices.length === 1, "an answer after the tool's");
    }
});
await check("openai tools run by the library", async () => {
    let asked;
    const runner = client.chat.completions.runTools({ model, messages, max_tokens: 64, seed: 2, tool_choice: { type: "function", function: { name: "get_weather" } },
        tools: [{ type: "function", function: { name: "get_weather", parameters: weather, parse: JSON.parse, function: (w) => ((asked = w), "sunny") } }] });
    await runner.done();
    fits(asked);
});
await check("openai completions", async () => {
    const r = await client.completions.create({ model, prompt: ["The old bridge", "Once"], max_tokens: 6, logprobs: 2, stop: ["zzzz"] });
    assert(r.choices.length === 2 && r.choices[0].logprobs.tokens.length <= 6, JSON.stringify(r));
    let text = "";
    for await (const c of await client.completions.create({ model, prompt: "Once", max_tokens: 6, stream: true })) text += c.choices[0]?.text ?? "";
    assert(typeof text === "string", "stream");
});
await check("openai responses", async () => {
    const r = await client.responses.create({ model, input: "Say something.", instructions: "Be brief.", max_output_tokens: 8, temperature: 0 });
    assert(typeof r.output_text === "string" && r.usage.output_tokens <= 8 && r.usage.output_tokens_details.reasoning_tokens === 0, JSON.stringify(r));
    let text = "", final;
    for await (const e of await client.responses.create({ model, input: "Say something.", instructions: "Be brief.", max_output_tokens: 8, temperature: 0, stream: true })) {
        if (e.type === "response.output_text.delta") text += e.delta;
        if (e.type === "response.completed" || e.type === "response.incomplete") final = e.response;
    }
    assert(text === r.output_text && final.output[0].content[0].text === text, `streamed ${JSON.stringify(text)}, whole ${JSON.stringify(r.output_text)}`);
    const f = await client.responses.create({ model, input: "What is the weather in Oslo?", tool_choice: "required",
        tools: [{ type: "function", name: "get_weather", parameters: weather, strict: true }] });
    fits(JSON.parse(f.output.find((o) => o.type === "function_call").arguments));
});
await check("openai embeddings", async () => {
    const base64 = await client.embeddings.create({ model, input: ["a ferry", "a bridge", "a ferry"] }); // asks for base64 by itself
    const plain = await client.embeddings.create({ model, input: "a ferry", encoding_format: "float" });
    assert(base64.data.length === 3 && Math.abs(length(base64.data[1].embedding) - 1) < 1e-3, "length");
    base64.data[0].embedding.forEach((x, i) => assert(Math.abs(x - plain.data[0].embedding[i]) < 1e-6 && x === base64.data[2].embedding[i], "the same vector"));
    const short = await client.embeddings.create({ model, input: "a ferry", dimensions: 16 });
    assert(short.data[0].embedding.length === 16 && Math.abs(length(short.data[0].embedding) - 1) < 1e-3, "dimensions");
});
await check("openai errors", async () => {
    const fails = async (what, kind, status, code) => {
        try {
            await what();
        } catch (e) {
            assert(e instanceof kind && e.status === status && e.code === code, `${e?.constructor?.name} ${e.status} ${e.code} ${e.message}`);
            return e;
        }
        throw new Error(`no error where ${code} was expected`);
    };
    const stranger = new OpenAI({ apiKey: "sk-wrong", baseURL: base, maxRetries: 0 });
    await fails(() => stranger.models.list(), OpenAI.AuthenticationError, 401, "invalid_api_key");
    await fails(() => client.chat.completions.create({ model: "gpt-9", messages }), OpenAI.NotFoundError, 404, "model_not_found");
    const e = await fails(() => client.chat.completions.create({ model, messages, temperature: "hot" }), OpenAI.BadRequestError, 400, "invalid_type");
    assert(e.param === "temperature" && e.type === "invalid_request_error", JSON.stringify(e.error));
    await fails(() => client.chat.completions.create({ model, messages: [{ role: "user", content: "x ".repeat(40000) }] }), OpenAI.BadRequestError, 400, "context_length_exceeded");
    await fails(() => client.images.generate({ prompt: "x" }), OpenAI.NotFoundError, 404, "unknown_url");
});

await end();
done();

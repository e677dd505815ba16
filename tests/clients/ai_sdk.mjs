// npm's AI SDK (ai, @ai-sdk/openai-compatible) against a running server.
import { assert, check, done } from "../e2e/lib.mjs";
import { base, end, fits, have, key, length, model } from "./model_lib.mjs";

const { createOpenAICompatible } = await have("ai", () => import("@ai-sdk/openai-compatible"));
const { embed, embedMany, generateObject, generateText, streamObject, streamText, tool } = await import("ai");
const { z } = await import("zod");
const provider = createOpenAICompatible({ name: "mynah", baseURL: base, apiKey: key, includeUsage: true, supportsStructuredOutputs: true });
const plain = createOpenAICompatible({ name: "mynah", baseURL: base, apiKey: key });
const Weather = z.object({ city: z.enum(["Paris", "Lima", "Oslo"]), days: z.number().int().min(1).max(9) });
const prompt = "What is the weather in Paris like?", maxRetries = 0;

await check("ai generateText", async () => {
    const r = await generateText({ model: provider(model), prompt, maxOutputTokens: 8, temperature: 0, maxRetries });
    assert(typeof r.text === "string" && r.usage.outputTokens <= 8 && r.usage.inputTokens > 0, JSON.stringify(r.usage));
});
await check("ai streamText", async () => {
    const whole = await generateText({ model: provider(model), prompt, maxOutputTokens: 12, temperature: 0, maxRetries });
    const r = streamText({ model: provider(model), prompt, maxOutputTokens: 12, temperature: 0, maxRetries });
    let text = "";
    for await (const part of r.textStream) text += part;
    assert(text === whole.text, `streamed ${JSON.stringify(text)}, whole ${JSON.stringify(whole.text)}`);
    assert((await r.usage).outputTokens === whole.usage.outputTokens && (await r.finishReason) === whole.finishReason, "usage and finish");
});
await check("ai generateObject", async () => fits((await generateObject({ model: provider(model), prompt, schema: Weather, maxRetries })).object));
await check("ai streamObject", async () => {
    const r = streamObject({ model: provider(model), prompt, schema: Weather, maxRetries });
    for await (const part of r.partialObjectStream) assert(typeof part === "object", "a part");
    fits(await r.object);
});
await check("ai tools", async () => {
    const tools = { forecast: tool({ description: "the weather", inputSchema: Weather, execute: async ({ city }) => `sunny in ${city}` }) };
    const r = await generateText({ model: provider(model), prompt, tools, toolChoice: "required", maxRetries });
    assert(r.toolCalls.length === 1 && r.finishReason === "tool-calls", JSON.stringify(r.toolCalls));
    fits(r.toolCalls[0].input);
    assert(r.toolResults[0].output.startsWith("sunny"), "the tool ran");
    const s = streamText({ model: provider(model), prompt, tools, toolChoice: { type: "tool", toolName: "forecast" }, maxRetries });
    for await (const part of s.fullStream) if (part.type === "error") throw part.error;
    fits((await s.toolCalls)[0].input);
});
await check("ai JSON mode", async () => {
    // Without structured outputs the SDK asks for any JSON object: that it is JSON is all that can be promised.
    const r = await generateText({ model: plain(model), prompt, maxOutputTokens: 8, maxRetries, providerOptions: { mynah: { user: "ada" } } });
    assert(typeof r.text === "string", "text");
});
await check("ai embeddings", async () => {
    const one = await embed({ model: provider.textEmbeddingModel(model), value: "a ferry", maxRetries });
    const many = await embedMany({ model: provider.textEmbeddingModel(model), values: ["a ferry", "a bridge"], maxRetries });
    assert(Math.abs(length(one.embedding) - 1) < 1e-3 && many.embeddings.length === 2, "vectors");
    one.embedding.forEach((x, i) => assert(Math.abs(x - many.embeddings[0][i]) < 1e-6, "the same vector"));
});

await end();
done();

/* Conversations as tokens: messages through the model's own chat template.
 *
 * A model with a template (its file's Jinja) gets exactly what `transformers`' apply_chat_template makes, but for one thing: control tokens
 * spelled out in what people wrote ("<|im_end|>") are encoded as plain text, so that nobody writes a system message by
 * writing a post. Our own models, which learnt threads of posts, get the messages as a thread: START TIME LANG text REPLY text … REPLY.
 * Other models without a template get "role: text" lines. */
#ifndef MN_INFER_CHAT_H
#define MN_INFER_CHAT_H

#include "infer/infer.h"
#include "text/jinja.h"

typedef struct mn_chat_prompt {
    const mn_json *
        messages; /* array of {"role","content",…} as OpenAI's API has them; content a string or parts of type text */
    const mn_json *tools; /* array of OpenAI's tools, or NULL */
    const mn_json *
        more; /* further variables of the template, an object such as {"enable_thinking":false}, or NULL; the names above win */
    bool answer; /* end where the assistant's answer begins (add_generation_prompt) */
    int64_t now_ms;
} mn_chat_prompt;

/* Appends the prompt's ids; ret_text (the rendered text) may be NULL. Nothing is put before what the template writes (no begin token).
 * Text of messages, tools and `more` is marked, so none of it becomes a control token; names of roles alone are not.
 * errors  MN_E_USAGE: the messages do not suit the template (its own words), are no array of messages, are none, or have parts that are no text;
 *         MN_E_PARSE, MN_E_UNSUPPORTED: the model's template (line, and what it lacks); MN_E_LIMIT; *ret is then as it was */
mn_rc mn_chat_ids(const mn_engine *g, const mn_chat_prompt *p, mn_ids *ret, mn_buf *ret_text,
                  mn_err *e);

/* Tool calls in what a model wrote, in the forms that open models use: {"name","arguments"} objects between <tool_call> tags (Qwen, Hermes, SmolLM3),
 * after <|python_tag|> or alone (Llama 3: "parameters" too), [{"name"…}] lists (SmolLM2, Mistral). *ret: the calls on the arena, n = 0 when the text is no call;
 * only names that `tools` has count, at most 128 calls. *ret_text: the text before the calls, all of it when there is none. errors MN_E_NOMEM */
typedef struct mn_tool_call {
    mn_str name, arguments; /* JSON text of an object */
} mn_tool_call;
mn_rc mn_chat_tool_calls(mn_str text, const mn_json *tools, mn_arena *a, mn_tool_call **ret,
                         size_t *ret_n, mn_str *ret_text, mn_err *e);

#endif

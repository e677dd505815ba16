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
    bool answer;          /* end where the assistant's answer begins (add_generation_prompt) */
    int64_t now_ms;
} mn_chat_prompt;

/* Appends the prompt's ids; ret_text (the rendered text) may be NULL.
 * errors  MN_E_USAGE: the messages do not suit the template (its own words), or are no array of messages; MN_E_LIMIT */
mn_rc mn_chat_ids(const mn_engine *g, const mn_chat_prompt *p, mn_ids *ret, mn_buf *ret_text,
                  mn_err *e);

/* Tool calls in what a model wrote, in the forms that open models use: {"name","arguments"} objects between <tool_call> tags (Qwen, Hermes, SmolLM3),
 * after <|python_tag|> or alone (Llama 3: "parameters" too), [{"name"…}] lists (SmolLM2, Mistral). *ret: the calls on the arena, n = 0 when the text is no call;
 * only names that `tools` has count. `text` before the calls is left in ret_text. */
typedef struct mn_tool_call {
    mn_str name, arguments; /* JSON text of an object */
} mn_tool_call;
mn_rc mn_chat_tool_calls(mn_str text, const mn_json *tools, mn_arena *a, mn_tool_call **ret,
                         size_t *ret_n, mn_str *ret_text, mn_err *e);

#endif

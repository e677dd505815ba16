/* POST /v1/chat/completions. */
#include <stdio.h>

#include "api/openai/openai_int.h"
#include "base/clock.h"

/* ---- tool calls ---------------------------------------------------------------------------------------------------- */

/* chunk: in a stream, where calls are numbered. */
static void write_call(const mn_oai_job *job, const mn_oai_unit *u, size_t i, bool chunk,
                       mn_str name, mn_str arguments, mn_json_writer *j)
{
    char id[64];
    mn_oai_call_id(job, u, i, id);
    mn_jw_object(j);
    if (chunk) mn_jw_ku64(j, "index", i);
    mn_jw_kstrz(j, "id", id);
    mn_jw_kstrz(j, "type", "function");
    mn_jw_key(j, "function");
    mn_jw_object(j);
    mn_jw_kstr(j, "name", name);
    mn_jw_kstr(j, "arguments", arguments);
    mn_jw_object_end(j);
    mn_jw_object_end(j);
}

static const char *finish_reason(const mn_oai_unit *u, const mn_oai_calls *c)
{
    const bool whole = u->end == MN_GEN_STOP && c->n;
    return whole ? "tool_calls" : mn_oai_finish_reason(u);
}

/* ---- a whole answer ------------------------------------------------------------------------------------------------ */

static void write_choice(mn_oai_job *job, const mn_oai_unit *u, mn_json_writer *j)
{
    mn_oai_calls c = mn_oai_calls_of(job, u, &job->arena);
    mn_jw_object(j);
    mn_jw_ku64(j, "index", u->index);
    mn_jw_key(j, "message");
    mn_jw_object(j);
    mn_jw_kstrz(j, "role", "assistant");
    mn_jw_kstr(j, "content", c.n && c.text.len == 0 ? MN_STR_NONE : c.text);
    mn_jw_kstr(j, "refusal", MN_STR_NONE);
    if (c.n) {
        mn_jw_key(j, "tool_calls");
        mn_jw_array(j);
        for (size_t i = 0; i < c.n; i++)
            write_call(job, u, i, false, c.list[i].name, c.list[i].arguments, j);
        mn_jw_array_end(j);
    }
    mn_jw_object_end(j);
    mn_jw_key(j, "logprobs");
    if (job->request.logprobs) mn_oai_write_chat_logprobs(job, u, 0, mn_oai_tokens_told(u), j);
    else mn_jw_null(j);
    mn_jw_kstrz(j, "finish_reason", finish_reason(u, &c));
    mn_jw_object_end(j);
}

static void whole(mn_oai_job *job, mn_json_writer *j)
{
    mn_oai_write_head(job, j, false);
    mn_jw_key(j, "choices");
    mn_jw_array(j);
    for (size_t i = 0; i < job->n_units; i++) write_choice(job, &job->units[i], j);
    mn_jw_array_end(j);
    mn_oai_write_usage(job, j);
    mn_jw_object_end(j);
}

/* ---- a stream ------------------------------------------------------------------------------------------------------ */

/* An event up to its delta, which the caller writes. */
static mn_json_writer begin_event(mn_oai_job *job, const mn_oai_unit *u, mn_buf *out)
{
    mn_json_writer j;
    mn_buf_addz(out, "data: ");
    mn_json_writer_init(&j, out, 0);
    mn_oai_write_head(job, &j, true);
    mn_jw_key(&j, "choices");
    mn_jw_array(&j);
    mn_jw_object(&j);
    mn_jw_ku64(&j, "index", u->index);
    mn_jw_key(&j, "delta");
    mn_jw_object(&j);
    return j;
}

static void end_event(mn_oai_job *job, mn_oai_unit *u, size_t to, const char *finish,
                      mn_json_writer *j)
{
    mn_jw_object_end(j);
    mn_jw_key(j, "logprobs");
    if (job->request.logprobs && to > u->sent_tokens)
        mn_oai_write_chat_logprobs(job, u, u->sent_tokens, to, j);
    else mn_jw_null(j);
    if (to > u->sent_tokens) u->sent_tokens = to;
    mn_jw_kstr(j, "finish_reason", mn_str_from(finish));
    mn_jw_object_end(j);
    mn_jw_array_end(j);
    if (job->include_usage) {
        mn_jw_key(j, "usage");
        mn_jw_null(j);
    }
    mn_jw_object_end(j);
    mn_buf_addz(j->b, "\n\n");
}

static void send_begin(mn_oai_job *job, mn_oai_unit *u, mn_buf *out)
{
    mn_json_writer j = begin_event(job, u, out);
    mn_jw_kstrz(&j, "role", "assistant");
    mn_jw_kstrz(&j, "content", "");
    mn_jw_kstr(&j, "refusal", MN_STR_NONE);
    end_event(job, u, 0, NULL, &j);
    u->sent_begin = true;
}

static void send_text(mn_oai_job *job, mn_oai_unit *u, size_t to, mn_buf *out)
{
    mn_str text = mn_str_sub(mn_buf_str(&u->text), u->sent_text, to - u->sent_text);
    if (to <= u->sent_text) return;
    mn_json_writer j = begin_event(job, u, out);
    mn_jw_kstr(&j, "content", text);
    end_event(job, u, mn_oai_tokens_told(u), NULL, &j);
    u->sent_text = to;
}

/* The arguments of the named tool as they come. */
static void send_arguments(mn_oai_job *job, mn_oai_unit *u, mn_buf *out)
{
    mn_str text = mn_str_sub(mn_buf_str(&u->text), u->sent_text, SIZE_MAX);
    if (text.len == 0) return;
    mn_json_writer j = begin_event(job, u, out);
    mn_jw_key(&j, "tool_calls");
    mn_jw_array(&j);
    if (!u->in_call) write_call(job, u, 0, true, job->tool, text, &j);
    else {
        mn_jw_object(&j);
        mn_jw_ku64(&j, "index", 0);
        mn_jw_key(&j, "function");
        mn_jw_object(&j);
        mn_jw_kstr(&j, "arguments", text);
        mn_jw_object_end(&j);
        mn_jw_object_end(&j);
    }
    mn_jw_array_end(&j);
    end_event(job, u, mn_oai_tokens_told(u), NULL, &j);
    u->sent_text += text.len;
    u->in_call = true;
}

static void send_calls(mn_oai_job *job, mn_oai_unit *u, const mn_oai_calls *c, mn_buf *out)
{
    mn_json_writer j = begin_event(job, u, out);
    mn_jw_key(&j, "tool_calls");
    mn_jw_array(&j);
    for (size_t i = 0; i < c->n; i++)
        write_call(job, u, i, true, c->list[i].name, c->list[i].arguments, &j);
    mn_jw_array_end(&j);
    end_event(job, u, mn_oai_tokens_told(u), NULL, &j);
}

/* What is left to say when the answer has ended: held-back text or the calls, and why it ended. */
static void send_end(mn_oai_job *job, mn_oai_unit *u, mn_buf *out)
{
    mn_oai_calls c = mn_oai_calls_of(job, u, &job->arena);
    if (job->tools != MN_OAI_TOOLS_NAMED) {
        send_text(job, u, c.n ? c.text.len : u->text.len, out);
        if (c.n) send_calls(job, u, &c, out);
    }
    mn_json_writer j = begin_event(job, u, out);
    end_event(job, u, u->n_tokens ? mn_oai_tokens_told(u) : 0, finish_reason(u, &c), &j);
    u->sent_end = true;
}

static void news(mn_oai_job *job, mn_oai_unit *u, mn_buf *out)
{
    bool ended = u->state == MN_OAI_UNIT_ENDED;
    if (u->sent_end || (ended && u->end >= MN_GEN_CANCELLED)) return;
    if (!u->sent_begin) send_begin(job, u, out);
    if (job->tools == MN_OAI_TOOLS_NAMED) send_arguments(job, u, out);
    else send_text(job, u, mn_oai_plain_part(job, u), out);
    if (ended) send_end(job, u, out);
}

const mn_oai_kind mn_oai_kind_chat = {
    .object = "chat.completion",
    .chunk_object = "chat.completion.chunk",
    .id_prefix = "chatcmpl-",
    .whole = whole,
    .news = news,
    .last = mn_oai_write_last,
};

/* ---- the request --------------------------------------------------------------------------------------------------- */

static bool ask_logprobs(mn_oai_job *job, const mn_oai_body *b)
{
    int64_t top;
    if (!mn_oai_bool(b, "logprobs", false, &job->request.logprobs) ||
        !mn_oai_int(b, "top_logprobs", 0, MN_OAI_TOP, 0, &top))
        return false;
    if (top > 0 && !job->request.logprobs)
        return mn_oai_bad(b->w, "top_logprobs", "invalid_value",
                          "'top_logprobs' needs 'logprobs' to be true");
    job->request.n_top = (uint32_t)top;
    return true;
}

static bool ask_length(mn_oai_job *job, const mn_oai_body *b)
{
    return mn_oai_ask_max_tokens(job, b, "max_tokens", 1) &&
           mn_oai_ask_max_tokens(job, b, "max_completion_tokens", 1);
}

/* The prompt: the conversation through the model's template. Before the arguments of a named tool stands what the model would have written. */
static bool make_prompt(mn_oai_job *job, const mn_oai_body *b, const mn_json *messages)
{
    mn_err e = {0};
    mn_ids *ids = &job->prompts[0].ids;
    const mn_engine *g = job->model->engine;
    const mn_chat_prompt p = {.messages = messages,
                              .tools = job->tools ? job->tool_list : NULL,
                              .answer = true,
                              .now_ms = mn_now_ms()};
    mn_rc rc = mn_chat_ids(g, &p, ids, NULL, &e);
    if (rc == MN_OK && job->tools == MN_OAI_TOOLS_NAMED) {
        mn_str lead =
            mn_str_fmt(b->arena, "{\"name\": \"%.*s\", \"arguments\": ", MN_STR_FMT(job->tool));
        rc = lead.ptr ? mn_tok_encode(mn_engine_tokenizer(g), NULL, lead, ids) : MN_E_NOMEM;
    }
    if (rc != MN_OK) {
        e.rc = rc;
        return mn_oai_failed(b->w, "messages", 0, &e);
    }
    return !mn_oai_too_long(job, b->w, "messages", ids->n);
}

bool mn_oai_chat_read(mn_oai_job *job, const mn_oai_body *b, size_t *ret_choices)
{
    const mn_json *messages;
    bool fine = mn_oai_messages(b, &messages) && mn_oai_job_model(job, b) &&
                mn_oai_ask(job, b, ret_choices) && ask_logprobs(job, b) && ask_length(job, b) &&
                mn_oai_ask_tools(job, b) && mn_oai_ask_format(job, b) &&
                mn_oai_job_prompts(job, b->w, 1) && make_prompt(job, b, messages);
    /* Some models write their calls with special tokens, which have to be seen. */
    job->request.specials = fine && job->tools == MN_OAI_TOOLS_AUTO && !job->grammar;
    return fine;
}

void mn_oai_chat(mn_req *r, mn_resp *w)
{
    size_t choices = 1;
    mn_oai_job *job = mn_oai_job_new(r, w, &mn_oai_kind_chat);
    mn_oai_body b;
    if (!job) return;
    if (mn_oai_read(r, w, &job->arena, &b) && mn_oai_chat_read(job, &b, &choices))
        mn_oai_job_start(job, w, choices);
    else mn_oai_job_drop(job);
}

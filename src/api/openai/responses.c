/* POST /v1/responses, as far as it is chat in another shape: text and function calls in and out, whole or as events. The request is
 * turned into one of chat and read as such; nothing is stored, so there is no previous_response_id. */
#include <stdio.h>

#include "api/openai/openai_int.h"

/* ---- the request, as one of chat --------------------------------------------------------------------------------------- */

static bool no_memory(const mn_oai_body *b)
{
    return mn_oai_failed(b->w, NULL, 0, &(mn_err){.rc = MN_E_NOMEM});
}

/* An item as a message of chat. */
static bool write_item(const mn_oai_body *b, const mn_json *item, mn_json_writer *j)
{
    mn_str type = mn_json_str(mn_json_get(item, "type"));
    if (item->type != MN_JSON_OBJECT)
        return mn_oai_wrong_type(b->w, "input", "a string or an array of items", item);
    mn_jw_object(j);
    if (!type.ptr || mn_str_eqz(type, "message")) {
        mn_jw_key(j, "role");
        mn_jw_tree(j, mn_json_get(item, "role"));
        mn_jw_key(j, "content");
        mn_jw_tree(j, mn_json_get(item, "content"));
    } else if (mn_str_eqz(type, "function_call")) {
        mn_jw_kstrz(j, "role", "assistant");
        mn_jw_key(j, "tool_calls");
        mn_jw_array(j);
        mn_jw_object(j);
        mn_jw_kstr(j, "id", mn_json_str(mn_json_get(item, "call_id")));
        mn_jw_kstrz(j, "type", "function");
        mn_jw_key(j, "function");
        mn_jw_object(j);
        mn_jw_kstr(j, "name", mn_json_str(mn_json_get(item, "name")));
        mn_jw_kstr(j, "arguments", mn_json_str(mn_json_get(item, "arguments")));
        mn_jw_object_end(j);
        mn_jw_object_end(j);
        mn_jw_array_end(j);
    } else if (mn_str_eqz(type, "function_call_output")) {
        mn_jw_kstrz(j, "role", "tool");
        mn_jw_kstr(j, "tool_call_id", mn_json_str(mn_json_get(item, "call_id")));
        mn_jw_key(j, "content");
        mn_jw_tree(j, mn_json_get(item, "output"));
    } else {
        return mn_oai_bad(b->w, "input", "unsupported_value",
                          "items of type '%.*s' are not understood here",
                          MN_STR_FMT(mn_utf8_cut(type, 40)));
    }
    mn_jw_object_end(j);
    return true;
}

static bool write_messages(const mn_oai_body *b, mn_str instructions, mn_json_writer *j)
{
    const mn_json *input = mn_oai_get(b, "input");
    if (!input)
        return mn_oai_bad(b->w, "input", "missing_required_parameter", "'input' is missing");
    mn_jw_key(j, "messages");
    mn_jw_array(j);
    if (instructions.ptr) {
        mn_jw_object(j);
        mn_jw_kstrz(j, "role", "system");
        mn_jw_kstr(j, "content", instructions);
        mn_jw_object_end(j);
    }
    if (input->type == MN_JSON_STRING) {
        mn_jw_object(j);
        mn_jw_kstrz(j, "role", "user");
        mn_jw_kstr(j, "content", input->text);
        mn_jw_object_end(j);
    } else if (input->type == MN_JSON_ARRAY) {
        for (size_t i = 0; i < input->n; i++)
            if (!write_item(b, input->items[i], j)) return false;
    } else {
        return mn_oai_wrong_type(b->w, "input", "a string or an array of items", input);
    }
    mn_jw_array_end(j);
    return true;
}

/* {"type":"function","name",…} → {"type":"function","function":{"name",…}} */
static bool write_tools(const mn_oai_body *b, mn_json_writer *j)
{
    const mn_json *tools = mn_oai_get(b, "tools"), *choice = mn_oai_get(b, "tool_choice");
    if (tools && tools->type != MN_JSON_ARRAY)
        return mn_oai_wrong_type(b->w, "tools", "an array", tools);
    if (tools) {
        mn_jw_key(j, "tools");
        mn_jw_array(j);
        for (size_t i = 0; i < tools->n; i++) {
            mn_jw_object(j);
            mn_jw_kstr(j, "type", mn_json_str(mn_json_get(tools->items[i], "type")));
            mn_jw_key(j, "function");
            mn_jw_tree(j, tools->items[i]);
            mn_jw_object_end(j);
        }
        mn_jw_array_end(j);
    }
    if (!choice) return true;
    mn_jw_key(j, "tool_choice");
    if (choice->type == MN_JSON_OBJECT) {
        mn_jw_object(j);
        mn_jw_kstrz(j, "type", "function");
        mn_jw_key(j, "function");
        mn_jw_tree(j, choice);
        mn_jw_object_end(j);
    } else mn_jw_tree(j, choice);
    return true;
}

/* text.format → response_format */
static void write_format(const mn_oai_body *b, mn_json_writer *j)
{
    const mn_json *format = mn_json_get(mn_oai_get(b, "text"), "format");
    if (!format || format->type != MN_JSON_OBJECT) return;
    mn_jw_key(j, "response_format");
    mn_jw_object(j);
    mn_jw_key(j, "type");
    mn_jw_tree(j, mn_json_get(format, "type"));
    mn_jw_key(j, "json_schema");
    mn_jw_tree(j, format);
    mn_jw_object_end(j);
}

static void copy_field(const mn_oai_body *b, const char *name, const char *as,
                       mn_json_writer *j)
{
    const mn_json *v = mn_oai_get(b, name);
    if (!v) return;
    mn_jw_key(j, as);
    mn_jw_tree(j, v);
}

static bool write_chat(const mn_oai_body *b, mn_str instructions, mn_buf *out)
{
    static const char *const same[] = {"model", "stream", "temperature",        "top_p",
                                       "user",  "seed",   "parallel_tool_calls"};
    mn_json_writer j;
    mn_json_writer_init(&j, out, 0);
    mn_jw_object(&j);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) copy_field(b, same[i], same[i], &j);
    copy_field(b, "max_output_tokens", "max_tokens", &j);
    if (!write_messages(b, instructions, &j) || !write_tools(b, &j)) return false;
    write_format(b, &j);
    mn_jw_object_end(&j);
    if (out->failed == MN_E_NOMEM) return no_memory(b);
    return !out->failed ||
           mn_oai_bad(b->w, NULL, "invalid_json", "the body is nested too deeply");
}

/* *ret: a body of chat that says the same. */
bool mn_oai_as_chat(const mn_oai_body *b, mn_str instructions, mn_oai_body *ret)
{
    mn_buf text;
    mn_json *v = NULL;
    mn_err e = {0};
    mn_buf_init(&text, 2 * MN_OAI_BODY);
    bool fine = write_chat(b, instructions, &text);
    if (fine) {
        mn_str copy = mn_str_dup(b->arena, mn_buf_str(&text));
        fine = copy.ptr ? mn_json_parse(copy, b->arena, &v, &e) == MN_OK ||
                              mn_oai_failed(b->w, "input", 0, &e)
                        : no_memory(b);
    }
    mn_buf_release(&text);
    if (fine) *ret = (mn_oai_body){b->w, b->arena, v};
    return fine;
}

/* ---- the answer ------------------------------------------------------------------------------------------------------ */

static void message_id(const mn_oai_job *job, char ret[64])
{
    snprintf(ret, 64, "msg_%s", job->id + strlen(job->kind->id_prefix));
}

static void write_part(mn_str text, mn_json_writer *j)
{
    mn_jw_object(j);
    mn_jw_kstrz(j, "type", "output_text");
    mn_jw_kstr(j, "text", text);
    mn_jw_key(j, "annotations");
    mn_jw_array(j);
    mn_jw_array_end(j);
    mn_jw_key(j, "logprobs");
    mn_jw_array(j);
    mn_jw_array_end(j);
    mn_jw_object_end(j);
}

/* text MN_STR_NONE: without a part yet. */
static void write_message(const mn_oai_job *job, const char *status, mn_str text,
                          mn_json_writer *j)
{
    char id[64];
    message_id(job, id);
    mn_jw_object(j);
    mn_jw_kstrz(j, "type", "message");
    mn_jw_kstrz(j, "id", id);
    mn_jw_kstrz(j, "status", status);
    mn_jw_kstrz(j, "role", "assistant");
    mn_jw_key(j, "content");
    mn_jw_array(j);
    if (text.ptr) write_part(text, j);
    mn_jw_array_end(j);
    mn_jw_object_end(j);
}

static void write_call(const mn_oai_job *job, const mn_oai_unit *u, size_t i,
                       const char *status, mn_str name, mn_str arguments, mn_json_writer *j)
{
    char id[64], item[64];
    mn_oai_call_id(job, u, i, id);
    snprintf(item, sizeof item, "fc_%.58s", id + 5);
    mn_jw_object(j);
    mn_jw_kstrz(j, "type", "function_call");
    mn_jw_kstrz(j, "id", item);
    mn_jw_kstrz(j, "call_id", id);
    mn_jw_kstr(j, "name", name);
    mn_jw_kstr(j, "arguments", arguments);
    mn_jw_kstrz(j, "status", status);
    mn_jw_object_end(j);
}

static void write_usage(const mn_oai_unit *u, mn_json_writer *j)
{
    mn_jw_key(j, "usage");
    mn_jw_object(j);
    mn_jw_ku64(j, "input_tokens", u->prompt_tokens);
    mn_jw_key(j, "input_tokens_details");
    mn_jw_object(j);
    mn_jw_ku64(j, "cached_tokens", u->cached_tokens);
    mn_jw_object_end(j);
    mn_jw_ku64(j, "output_tokens", u->n_written);
    mn_jw_key(j, "output_tokens_details");
    mn_jw_object(j);
    mn_jw_ku64(j, "reasoning_tokens", 0);
    mn_jw_object_end(j);
    mn_jw_ku64(j, "total_tokens", (uint64_t)u->prompt_tokens + u->n_written);
    mn_jw_object_end(j);
}

/* It ends before its end: at its length, or at what must not be said. */
static bool is_cut(const mn_oai_unit *u)
{
    return u->end == MN_GEN_LENGTH || u->end == MN_GEN_GUARDED;
}

static void write_output(const mn_oai_job *job, const mn_oai_unit *u, const mn_oai_calls *c,
                         mn_json_writer *j)
{
    const char *status = is_cut(u) ? "incomplete" : "completed";
    if (c->text.len || !c->n) write_message(job, status, c->text.ptr ? c->text : MN_STR(""), j);
    for (size_t i = 0; i < c->n; i++)
        write_call(job, u, i, status, c->list[i].name, c->list[i].arguments, j);
}

static void write_null(mn_json_writer *j, const char *key)
{
    mn_jw_key(j, key);
    mn_jw_null(j);
}

/* c NULL: under way. */
static void write_response(const mn_oai_job *job, const mn_oai_calls *c, mn_json_writer *j)
{
    const mn_oai_unit *u = &job->units[0];
    bool cut = c && is_cut(u);
    mn_jw_object(j);
    mn_jw_kstrz(j, "id", job->id);
    mn_jw_kstrz(j, "object", "response");
    mn_jw_ki64(j, "created_at", job->created_s);
    mn_jw_kstrz(j, "status", !c ? "in_progress" : cut ? "incomplete" : "completed");
    write_null(j, "error");
    mn_jw_key(j, "incomplete_details");
    if (cut) {
        mn_jw_object(j);
        mn_jw_kstrz(j, "reason",
                    u->end == MN_GEN_GUARDED ? "content_filter" : "max_output_tokens");
        mn_jw_object_end(j);
    } else mn_jw_null(j);
    mn_jw_kstr(j, "instructions", job->instructions);
    mn_jw_kstrz(j, "model", job->model->name);
    mn_jw_key(j, "output");
    mn_jw_array(j);
    if (c) write_output(job, u, c, j);
    mn_jw_array_end(j);
    mn_jw_kbool(j, "parallel_tool_calls", true);
    write_null(j, "previous_response_id");
    mn_jw_kbool(j, "store", false);
    mn_jw_kf64(j, "temperature", (double)job->request.sampling.temperature);
    mn_jw_kf64(j, "top_p", (double)job->request.sampling.top_p);
    mn_jw_kstrz(j, "tool_choice",
                job->tools >= MN_OAI_TOOLS_REQUIRED ? "required"
                : job->tools                        ? "auto"
                                                    : "none");
    mn_jw_key(j, "tools");
    mn_jw_array(j);
    for (size_t i = 0; job->tool_list && i < job->tool_list->n; i++)
        mn_jw_tree(j, mn_json_get(job->tool_list->items[i], "function"));
    mn_jw_array_end(j);
    mn_jw_kstrz(j, "truncation", "disabled");
    mn_jw_key(j, "metadata");
    mn_jw_object(j);
    mn_jw_object_end(j);
    if (c) write_usage(u, j);
    else write_null(j, "usage");
    mn_jw_object_end(j);
}

static void whole(mn_oai_job *job, mn_json_writer *j)
{
    mn_oai_calls c = mn_oai_calls_of(job, &job->units[0], &job->arena);
    write_response(job, &c, j);
}

/* ---- events ------------------------------------------------------------------------------------------------------------ */

static mn_json_writer begin_event(mn_oai_job *job, const char *type, mn_buf *out)
{
    mn_json_writer j;
    mn_buf_addf(out, "event: %s\ndata: ", type);
    mn_json_writer_init(&j, out, 0);
    mn_jw_object(&j);
    mn_jw_kstrz(&j, "type", type);
    mn_jw_ku64(&j, "sequence_number", job->sequence++);
    return j;
}

static void end_event(mn_json_writer *j)
{
    mn_jw_object_end(j);
    mn_buf_addz(j->b, "\n\n");
}

static void event_response(mn_oai_job *job, const char *type, const mn_oai_calls *c,
                           mn_buf *out)
{
    mn_json_writer j = begin_event(job, type, out);
    mn_jw_key(&j, "response");
    write_response(job, c, &j);
    end_event(&j);
}

/* An event about the message: `text` goes as `key` ("delta", "text", "part"); NULL: the item. */
static void event_text(mn_oai_job *job, const char *type, const char *key, mn_str text,
                       mn_buf *out)
{
    char id[64];
    mn_json_writer j = begin_event(job, type, out);
    message_id(job, id);
    mn_jw_kstrz(&j, "item_id", id);
    mn_jw_ku64(&j, "output_index", 0);
    mn_jw_ku64(&j, "content_index", 0);
    mn_jw_key(&j, key);
    if (strcmp(key, "part") == 0) write_part(text, &j);
    else {
        mn_jw_str(&j, text);
        mn_jw_key(&j, "logprobs");
        mn_jw_array(&j);
        mn_jw_array_end(&j);
    }
    end_event(&j);
}

static void event_item(mn_oai_job *job, bool done, mn_str text, mn_buf *out)
{
    mn_json_writer j = begin_event(
        job, done ? "response.output_item.done" : "response.output_item.added", out);
    mn_jw_ku64(&j, "output_index", 0);
    mn_jw_key(&j, "item");
    write_message(job, done ? "completed" : "in_progress", text, &j);
    end_event(&j);
}

static void send_text(mn_oai_job *job, mn_oai_unit *u, size_t to, mn_buf *out)
{
    mn_str text = mn_str_sub(mn_buf_str(&u->text), u->sent_text, to - u->sent_text);
    if (to <= u->sent_text) return;
    if (u->n_items == 0) {
        u->n_items = 1;
        event_item(job, false, MN_STR_NONE, out);
        event_text(job, "response.content_part.added", "part", MN_STR(""), out);
    }
    event_text(job, "response.output_text.delta", "delta", text, out);
    u->sent_text = to;
}

static void event_call(mn_oai_job *job, const mn_oai_unit *u, const mn_oai_calls *c, size_t i,
                       bool done, uint32_t at, mn_buf *out)
{
    mn_json_writer j = begin_event(
        job, done ? "response.output_item.done" : "response.output_item.added", out);
    mn_jw_ku64(&j, "output_index", at);
    mn_jw_key(&j, "item");
    write_call(job, u, i, done ? "completed" : "in_progress", c->list[i].name,
               done ? c->list[i].arguments : MN_STR(""), &j);
    end_event(&j);
}

static void event_arguments(mn_oai_job *job, const mn_oai_unit *u, const mn_oai_calls *c,
                            size_t i, bool done, uint32_t at, mn_buf *out)
{
    char id[64];
    mn_json_writer j = begin_event(job,
                                   done ? "response.function_call_arguments.done"
                                        : "response.function_call_arguments.delta",
                                   out);
    mn_oai_call_id(job, u, i, id);
    mn_jw_key(&j, "item_id");
    mn_jw_str(&j, mn_str_fmt(&job->arena, "fc_%.58s", id + 5));
    mn_jw_ku64(&j, "output_index", at);
    if (done) mn_jw_kstr(&j, "name", c->list[i].name);
    mn_jw_kstr(&j, done ? "arguments" : "delta", c->list[i].arguments);
    end_event(&j);
}

static void send_calls(mn_oai_job *job, mn_oai_unit *u, const mn_oai_calls *c, mn_buf *out)
{
    for (size_t i = 0; i < c->n; i++) {
        uint32_t at = u->n_items++;
        event_call(job, u, c, i, false, at, out);
        event_arguments(job, u, c, i, false, at, out);
        event_arguments(job, u, c, i, true, at, out);
        event_call(job, u, c, i, true, at, out);
    }
}

static void send_end(mn_oai_job *job, mn_oai_unit *u, mn_buf *out)
{
    mn_oai_calls c = mn_oai_calls_of(job, u, &job->arena);
    send_text(job, u, c.n ? c.text.len : u->text.len, out);
    if (u->n_items) {
        event_text(job, "response.output_text.done", "text", c.text, out);
        event_text(job, "response.content_part.done", "part", c.text, out);
        event_item(job, true, c.text, out);
    }
    send_calls(job, u, &c, out);
    event_response(job, is_cut(u) ? "response.incomplete" : "response.completed", &c, out);
    u->sent_end = true;
}

static void news(mn_oai_job *job, mn_oai_unit *u, mn_buf *out)
{
    bool ended = u->state == MN_OAI_UNIT_ENDED;
    if (u->sent_end || (ended && u->end >= MN_GEN_CANCELLED)) return;
    if (!u->sent_begin) {
        event_response(job, "response.created", NULL, out);
        event_response(job, "response.in_progress", NULL, out);
        u->sent_begin = true;
    }
    if (job->tools != MN_OAI_TOOLS_NAMED) send_text(job, u, mn_oai_plain_part(job, u), out);
    if (ended) send_end(job, u, out);
}

static void last(mn_oai_job *job, mn_buf *out)
{
    (void)job, (void)out; /* response.completed was the last word */
}

const mn_oai_kind mn_oai_kind_response = {
    .object = "response", .id_prefix = "resp_", .whole = whole, .news = news, .last = last};

/* ---- the handler ------------------------------------------------------------------------------------------------------- */

static bool refuse_stored(const mn_oai_body *b)
{
    static const char *const stored[] = {"previous_response_id", "conversation", "prompt"};
    for (size_t i = 0; i < sizeof stored / sizeof *stored; i++)
        if (mn_oai_get(b, stored[i]))
            return mn_oai_bad(b->w, stored[i], "unsupported_value",
                              "'%s' is not offered: responses are not kept here", stored[i]);
    bool background;
    if (!mn_oai_bool(b, "background", false, &background)) return false;
    return !background ||
           mn_oai_bad(b->w, "background", "unsupported_value", "'background' is not offered");
}

void mn_oai_responses(mn_req *r, mn_resp *w)
{
    size_t choices = 1;
    mn_oai_body b, chat;
    mn_oai_job *job = mn_oai_job_new(r, w, &mn_oai_kind_response);
    if (!job) return;
    if (mn_oai_read(r, w, &job->arena, &b) && refuse_stored(&b) &&
        mn_oai_str(&b, "instructions", &job->instructions) &&
        mn_oai_as_chat(&b, job->instructions, &chat) && mn_oai_chat_read(job, &chat, &choices))
        mn_oai_job_start(job, w, choices);
    else mn_oai_job_drop(job);
}

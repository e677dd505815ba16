/* POST /v1/completions: a prompt goes on. A prompt is a text, a list of texts, a list of token ids or a list of those; texts
 * may spell special tokens out, since prompts here are programs' own, unlike messages of chat. */
#include "api/openai/openai_int.h"
#include "base/clock.h"

/* ---- answers ------------------------------------------------------------------------------------------------------- */

static mn_str echo_of(const mn_oai_job *job, const mn_oai_unit *u)
{
    mn_str none = MN_STR("");
    return job->echo ? job->prompts[u->prompt].echo : none;
}

static void write_top(const mn_oai_job *job, const mn_oai_unit *u, size_t i, mn_json_writer *j)
{
    uint32_t n_top = job->request.n_top;
    mn_jw_object(j);
    for (uint32_t k = 0; k < n_top; k++) {
        const mn_logprob *t = &u->top[i * n_top + k];
        bool twice = false; /* parts of letters look alike as text: the likeliest stands */
        for (uint32_t m = 0; m < k && !twice; m++)
            twice = mn_str_eq(mn_oai_token_text(job, u->top[i * n_top + m].id),
                              mn_oai_token_text(job, t->id));
        if (twice) continue;
        mn_jw_key_str(j, mn_oai_token_text(job, t->id));
        mn_oai_write_logprob(j, t->logprob);
    }
    mn_jw_object_end(j);
}

static void write_logprobs(const mn_oai_job *job, const mn_oai_unit *u, size_t from, size_t to,
                           mn_json_writer *j)
{
    size_t before = echo_of(job, u).len;
    mn_jw_object(j);
    mn_jw_key(j, "tokens");
    mn_jw_array(j);
    for (size_t i = from; i < to; i++) mn_jw_str(j, mn_oai_token_text(job, u->tokens[i].id));
    mn_jw_array_end(j);
    mn_jw_key(j, "token_logprobs");
    mn_jw_array(j);
    for (size_t i = from; i < to; i++) mn_oai_write_logprob(j, u->tokens[i].logprob);
    mn_jw_array_end(j);
    mn_jw_key(j, "top_logprobs");
    if (job->request.n_top) {
        mn_jw_array(j);
        for (size_t i = from; i < to; i++) write_top(job, u, i, j);
        mn_jw_array_end(j);
    } else mn_jw_null(j);
    mn_jw_key(j, "text_offset");
    mn_jw_array(j);
    for (size_t i = from; i < to; i++) mn_jw_u64(j, before + u->tokens[i].at);
    mn_jw_array_end(j);
    mn_jw_object_end(j);
}

/* text: what is told now; tokens of it from..to. */
static void write_choice(const mn_oai_job *job, const mn_oai_unit *u, mn_str lead, mn_str text,
                         size_t from, size_t to, const char *finish, mn_json_writer *j)
{
    mn_jw_object(j);
    mn_jw_ku64(j, "index", u->index);
    mn_jw_key(j, "text");
    if (lead.len) {
        mn_buf both;
        mn_buf_init(&both, 2 * MN_OAI_BODY);
        mn_buf_adds(&both, lead);
        mn_buf_adds(&both, text);
        mn_jw_str(j, mn_buf_str(&both));
        if (both.failed) j->b->failed = both.failed;
        mn_buf_release(&both);
    } else mn_jw_str(j, text);
    mn_jw_key(j, "logprobs");
    if (job->request.logprobs) write_logprobs(job, u, from, to, j);
    else mn_jw_null(j);
    mn_jw_kstr(j, "finish_reason", mn_str_from(finish));
    mn_jw_object_end(j);
}

static void whole(mn_oai_job *job, mn_json_writer *j)
{
    mn_oai_write_head(job, j, false);
    mn_jw_key(j, "choices");
    mn_jw_array(j);
    for (size_t i = 0; i < job->n_units; i++) {
        const mn_oai_unit *u = &job->units[i];
        write_choice(job, u, echo_of(job, u), mn_buf_str(&u->text), 0, mn_oai_tokens_told(u),
                     mn_oai_finish_reason(u), j);
    }
    mn_jw_array_end(j);
    mn_oai_write_usage(job, j);
    mn_jw_object_end(j);
}

static void news(mn_oai_job *job, mn_oai_unit *u, mn_buf *out)
{
    bool ended = u->state == MN_OAI_UNIT_ENDED;
    mn_str text = mn_str_sub(mn_buf_str(&u->text), u->sent_text, SIZE_MAX);
    mn_str lead = u->sent_begin ? MN_STR("") : echo_of(job, u);
    size_t to = mn_oai_tokens_told(u);
    if (u->sent_end || (ended && u->end >= MN_GEN_CANCELLED)) return;
    if (text.len == 0 && lead.len == 0 && !ended) return;
    mn_json_writer j;
    mn_buf_addz(out, "data: ");
    mn_json_writer_init(&j, out, 0);
    mn_oai_write_head(job, &j, true);
    mn_jw_key(&j, "choices");
    mn_jw_array(&j);
    write_choice(job, u, lead, text, u->sent_tokens, to, ended ? mn_oai_finish_reason(u) : NULL,
                 &j);
    mn_jw_array_end(&j);
    if (job->include_usage) {
        mn_jw_key(&j, "usage");
        mn_jw_null(&j);
    }
    mn_jw_object_end(&j);
    mn_buf_addz(out, "\n\n");
    u->sent_text = u->text.len;
    if (to > u->sent_tokens) u->sent_tokens = to;
    u->sent_begin = true;
    u->sent_end = ended;
}

const mn_oai_kind mn_oai_kind_completion = {
    .object = "text_completion",
    .chunk_object = "text_completion",
    .id_prefix = "cmpl-",
    .whole = whole,
    .news = news,
    .last = mn_oai_write_last,
};

/* ---- prompts ------------------------------------------------------------------------------------------------------- */

/* A list of token ids. */
bool mn_oai_read_ids(const mn_oai_job *job, const mn_oai_body *b, const char *param,
                     const mn_json *v, mn_ids *ret)
{
    uint32_t V = mn_engine_vocab(job->model->engine);
    if (v->n == 0)
        return mn_oai_bad(b->w, param, "invalid_value", "'%s' cannot be empty", param);
    for (size_t i = 0; i < v->n; i++) {
        uint32_t id = mn_oai_token_id(v->items[i]);
        if (id >= V)
            return mn_oai_bad(b->w, param, "invalid_value",
                              "'%s' holds what is no token of this model: ids are below %u",
                              param, V);
        if (mn_ids_add(ret, id) != MN_OK)
            return mn_oai_failed(b->w, NULL, 0, &(mn_err){.rc = MN_E_NOMEM});
    }
    return true;
}

/* Ours begin as posts do; others with what their tokenizer puts first, and special tokens may be spelled out. */
static mn_rc encode(const mn_engine *g, mn_str text, mn_ids *ret, mn_err *e)
{
    const mn_tokenizer *t = mn_engine_tokenizer(g);
    if (mn_tok_is_ours(t)) {
        mn_rc rc = mn_prompt_post(t, mn_now_ms(), MN_STR_NONE, text, ret);
        return rc == MN_OK ? rc : mn_fail(e, rc, "no memory for a prompt");
    }
    mn_rc rc = MN_OK;
    if (mn_tok_begin(t) != UINT32_MAX) rc = mn_ids_add(ret, mn_tok_begin(t));
    if (rc == MN_OK) rc = mn_tok_encode_special(t, text, ret);
    return rc == MN_OK ? rc : mn_fail(e, rc, "the prompt cannot be encoded");
}

static mn_str text_of_ids(const mn_oai_job *job, const mn_ids *ids, mn_arena *ar)
{
    mn_buf b;
    mn_buf_init(&b, MN_OAI_BODY);
    mn_rc rc =
        mn_tok_decode(mn_engine_tokenizer(job->model->engine), ids->ptr, ids->n, false, &b);
    mn_str text = rc == MN_OK ? mn_str_dup(ar, mn_buf_str(&b)) : MN_STR("");
    mn_buf_release(&b);
    return text.ptr ? text : MN_STR("");
}

static bool read_one(mn_oai_job *job, const mn_oai_body *b, const mn_json *v, mn_oai_prompt *p)
{
    mn_err e = {0};
    if (v->type == MN_JSON_ARRAY) {
        if (!mn_oai_read_ids(job, b, "prompt", v, &p->ids)) return false;
        if (job->echo) p->echo = text_of_ids(job, &p->ids, b->arena);
    } else if (v->type == MN_JSON_STRING) {
        mn_rc rc = encode(job->model->engine, v->text, &p->ids, &e);
        if (rc != MN_OK) return mn_oai_failed(b->w, "prompt", 0, &e);
        p->echo = v->text;
    } else {
        return mn_oai_wrong_type(b->w, "prompt",
                                 "a string, or an array of strings or of tokens", v);
    }
    if (p->ids.n == 0)
        return mn_oai_bad(b->w, "prompt", "invalid_value", "'prompt' cannot be empty");
    return !mn_oai_too_long(job, b->w, "prompt", p->ids.n);
}

static bool read_prompts(mn_oai_job *job, const mn_oai_body *b, size_t choices)
{
    const mn_json *v = mn_oai_get(b, "prompt");
    if (!v)
        return mn_oai_bad(b->w, "prompt", "missing_required_parameter", "'prompt' is missing");
    bool list = v->type == MN_JSON_ARRAY && v->n > 0 && v->items[0]->type != MN_JSON_NUMBER;
    size_t n = list ? v->n : 1;
    if (n * choices > MN_OAI_UNITS)
        return mn_oai_bad(b->w, "prompt", "invalid_value",
                          "at most %d answers a request: prompts times 'n'", MN_OAI_UNITS);
    if (!mn_oai_job_prompts(job, b->w, n)) return false;
    for (size_t i = 0; i < n; i++)
        if (!read_one(job, b, list ? v->items[i] : v, &job->prompts[i])) return false;
    return true;
}

/* ---- the request --------------------------------------------------------------------------------------------------- */

static bool ask_rest(mn_oai_job *job, const mn_oai_body *b, size_t choices)
{
    int64_t logprobs, best_of;
    mn_str suffix;
    bool fine = mn_oai_int(b, "logprobs", 0, MN_OAI_TOP, 0, &logprobs) &&
                mn_oai_bool(b, "echo", false, &job->echo) && mn_oai_str(b, "suffix", &suffix) &&
                mn_oai_int(b, "best_of", 1, MN_OAI_CHOICES, (int64_t)choices, &best_of);
    if (!fine) return false;
    job->request.logprobs = mn_oai_get(b, "logprobs") != NULL;
    job->request.n_top = (uint32_t)logprobs;
    job->request.max_tokens = 16; /* as OpenAI has it */
    if (suffix.len)
        return mn_oai_bad(b->w, "suffix", "unsupported_value", "'suffix' is not offered");
    if (best_of != (int64_t)choices)
        return mn_oai_bad(b->w, "best_of", "unsupported_value",
                          "'best_of' is not offered but as 'n'");
    if (job->echo && job->request.logprobs)
        return mn_oai_bad(b->w, "echo", "unsupported_value",
                          "'echo' with 'logprobs' is not offered");
    return mn_oai_ask_max_tokens(job, b, "max_tokens", 1);
}

static bool read_request(mn_oai_job *job, mn_req *r, mn_resp *w, size_t *ret_choices)
{
    mn_oai_body b;
    return mn_oai_read(r, w, &job->arena, &b) && mn_oai_job_model(job, &b) &&
           mn_oai_ask(job, &b, ret_choices) && ask_rest(job, &b, *ret_choices) &&
           mn_oai_ask_format(job, &b) && read_prompts(job, &b, *ret_choices);
}

void mn_oai_completions(mn_req *r, mn_resp *w)
{
    size_t choices = 1;
    mn_oai_job *job = mn_oai_job_new(r, w, &mn_oai_kind_completion);
    if (!job) return;
    if (read_request(job, r, w, &choices)) mn_oai_job_start(job, w, choices);
    else mn_oai_job_drop(job);
}

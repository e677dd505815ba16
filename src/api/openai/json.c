/* What the answers of several kinds have in common. */
#include <math.h>

#include "api/openai/openai_int.h"

void mn_oai_write_head(mn_oai_job *job, mn_json_writer *j, bool chunk)
{
    mn_jw_object(j);
    mn_jw_kstrz(j, "id", job->id);
    mn_jw_kstrz(j, "object", chunk ? job->kind->chunk_object : job->kind->object);
    mn_jw_ki64(j, "created", job->created_s);
    mn_jw_kstrz(j, "model", job->model->name);
    mn_jw_kstrz(j, "system_fingerprint", job->model->fingerprint);
}

/* A prompt counts once, however many answers it has. */
void mn_oai_write_usage(mn_oai_job *job, mn_json_writer *j)
{
    uint64_t prompt = 0, cached = 0, written = 0;
    for (size_t i = 0; i < job->n_units; i++) {
        const mn_oai_unit *u = &job->units[i];
        written += u->n_written;
        if (i > 0 && u->prompt == u[-1].prompt) continue;
        prompt += u->prompt_tokens;
        cached += u->cached_tokens;
    }
    mn_jw_key(j, "usage");
    mn_jw_object(j);
    mn_jw_ku64(j, "prompt_tokens", prompt);
    if (job->kind != &mn_oai_kind_embedding) {
        mn_jw_ku64(j, "completion_tokens", written);
        mn_jw_key(j, "prompt_tokens_details");
        mn_jw_object(j);
        mn_jw_ku64(j, "cached_tokens", cached);
        mn_jw_object_end(j);
        mn_jw_key(j, "completion_tokens_details");
        mn_jw_object(j);
        mn_jw_ku64(j, "reasoning_tokens", 0);
        mn_jw_object_end(j);
    }
    mn_jw_ku64(j, "total_tokens", prompt + written);
    mn_jw_object_end(j);
}

const char *mn_oai_finish_reason(const mn_oai_unit *u)
{
    return u->end == MN_GEN_LENGTH    ? "length"
           : u->end == MN_GEN_GUARDED ? "content_filter"
                                      : "stop";
}

mn_str mn_oai_token_text(const mn_oai_job *job, uint32_t id)
{
    return mn_tok_bytes(mn_engine_tokenizer(job->model->engine), id);
}

size_t mn_oai_tokens_told(const mn_oai_unit *u)
{
    size_t n = u->n_tokens;
    while (n > 0 && u->tokens[n - 1].at >= u->text.len) n--;
    return n;
}

void mn_oai_write_logprob(mn_json_writer *j, float logprob)
{
    mn_jw_f64(j, isfinite(logprob) ? (double)logprob : -9999.0);
}

/* The members of a token of chat: its text, its bytes (which alone may be no text), its log probability. */
static void token_members(const mn_oai_job *job, mn_json_writer *j, uint32_t id, float logprob)
{
    mn_str text = mn_oai_token_text(job, id);
    mn_jw_kstr(j, "token", text.ptr ? text : MN_STR(""));
    mn_jw_key(j, "logprob");
    mn_oai_write_logprob(j, logprob);
    mn_jw_key(j, "bytes");
    mn_jw_array(j);
    for (size_t i = 0; i < text.len; i++) mn_jw_u64(j, (unsigned char)text.ptr[i]);
    mn_jw_array_end(j);
}

void mn_oai_write_chat_logprobs(const mn_oai_job *job, const mn_oai_unit *u, size_t from,
                                size_t to, mn_json_writer *j)
{
    uint32_t n_top = job->request.n_top;
    mn_jw_object(j);
    mn_jw_key(j, "content");
    mn_jw_array(j);
    for (size_t i = from; i < to; i++) {
        mn_jw_object(j);
        token_members(job, j, u->tokens[i].id, u->tokens[i].logprob);
        mn_jw_key(j, "top_logprobs");
        mn_jw_array(j);
        for (uint32_t k = 0; k < n_top; k++) {
            const mn_logprob *t = &u->top[i * n_top + k];
            mn_jw_object(j);
            token_members(job, j, t->id, t->logprob);
            mn_jw_object_end(j);
        }
        mn_jw_array_end(j);
        mn_jw_object_end(j);
    }
    mn_jw_array_end(j);
    mn_jw_key(j, "refusal");
    mn_jw_null(j);
    mn_jw_object_end(j);
}

void mn_oai_write_last(mn_oai_job *job, mn_buf *out)
{
    mn_json_writer j;
    mn_json_writer_init(&j, out, 0);
    if (job->include_usage) {
        mn_buf_addz(out, "data: ");
        mn_oai_write_head(job, &j, true);
        mn_jw_key(&j, "choices");
        mn_jw_array(&j);
        mn_jw_array_end(&j);
        mn_oai_write_usage(job, &j);
        mn_jw_object_end(&j);
        mn_buf_addz(out, "\n\n");
    }
    mn_buf_addz(out, "data: [DONE]\n\n");
}

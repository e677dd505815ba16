/* POST /v1/embeddings: the mean of the model's last hidden states over a text, scaled to length 1. With `dimensions` the first of them,
 * scaled anew. */
#include <math.h>

#include "api/openai/openai_int.h"
#include "base/base64.h"

static uint32_t dimensions(const mn_oai_job *job)
{
    return job->dimensions ? job->dimensions : mn_engine_width(job->model->engine);
}

static void rescale(float *v, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += (double)v[i] * (double)v[i];
    double scale = sum > 0 ? 1 / sqrt(sum) : 0;
    for (uint32_t i = 0; i < n; i++) v[i] = (float)(v[i] * scale);
}

/* float32, little-endian, in base64. */
static void write_base64(const float *v, uint32_t n, mn_json_writer *j)
{
    size_t size = (size_t)n * 4;
    uint8_t *bytes = mn_alloc(size);
    mn_buf text;
    mn_buf_init(&text, 0);
    for (uint32_t i = 0; bytes && i < n; i++) {
        uint32_t x;
        memcpy(&x, &v[i], 4);
        for (unsigned k = 0; k < 4; k++) bytes[(size_t)i * 4 + k] = (uint8_t)(x >> (8 * k));
    }
    if (!bytes || mn_base64_add(&text, bytes, size) != MN_OK) j->b->failed = MN_E_NOMEM;
    mn_jw_str(j, mn_buf_str(&text));
    mn_buf_release(&text);
    mn_free(bytes);
}

static void write_one(const mn_oai_job *job, const mn_oai_unit *u, mn_json_writer *j)
{
    uint32_t n = dimensions(job);
    mn_jw_object(j);
    mn_jw_kstrz(j, "object", "embedding");
    mn_jw_ku64(j, "index", u->index);
    mn_jw_key(j, "embedding");
    if (job->dimensions) rescale(u->embedding, n);
    if (job->base64) write_base64(u->embedding, n, j);
    else {
        mn_jw_array(j);
        for (uint32_t i = 0; i < n; i++) mn_jw_f64(j, (double)u->embedding[i]);
        mn_jw_array_end(j);
    }
    mn_jw_object_end(j);
}

static void whole(mn_oai_job *job, mn_json_writer *j)
{
    mn_jw_object(j);
    mn_jw_kstrz(j, "object", "list");
    mn_jw_key(j, "data");
    mn_jw_array(j);
    for (size_t i = 0; i < job->n_units; i++) write_one(job, &job->units[i], j);
    mn_jw_array_end(j);
    mn_jw_kstrz(j, "model", job->model->name);
    mn_oai_write_usage(job, j);
    mn_jw_object_end(j);
}

const mn_oai_kind mn_oai_kind_embedding = {
    .object = "list", .id_prefix = "emb-", .whole = whole};

/* ---- the request --------------------------------------------------------------------------------------------------- */

/* Ours begin as posts do, but for time and language, so that a text's embedding is the same at any time. */
static mn_rc encode(const mn_tokenizer *t, mn_str text, mn_ids *ret)
{
    uint32_t begin = mn_tok_is_ours(t) ? MN_TOK_START : mn_tok_begin(t);
    if (begin != UINT32_MAX) MN_TRY(mn_ids_add(ret, begin));
    return mn_tok_encode(t, NULL, text, ret);
}

static bool read_one(mn_oai_job *job, const mn_oai_body *b, const mn_json *v, mn_ids *ret)
{
    if (v->type == MN_JSON_ARRAY) {
        if (!mn_oai_read_ids(job, b, "input", v, ret)) return false;
    } else if (v->type != MN_JSON_STRING) {
        return mn_oai_wrong_type(b->w, "input", "a string, or an array of strings or of tokens",
                                 v);
    } else if (v->text.len == 0) {
        return mn_oai_bad(b->w, "input", "invalid_value", "'input' cannot be an empty string");
    } else if (encode(mn_engine_tokenizer(job->model->engine), v->text, ret) != MN_OK) {
        return mn_oai_failed(b->w, NULL, 0, &(mn_err){.rc = MN_E_NOMEM});
    }
    return !mn_oai_too_long(job, b->w, "input", ret->n);
}

static bool read_inputs(mn_oai_job *job, const mn_oai_body *b)
{
    const mn_json *v = mn_oai_get(b, "input");
    if (!v)
        return mn_oai_bad(b->w, "input", "missing_required_parameter", "'input' is missing");
    bool list = v->type == MN_JSON_ARRAY && v->n > 0 && v->items[0]->type != MN_JSON_NUMBER;
    size_t n = list ? v->n : 1;
    if (n > MN_OAI_INPUTS)
        return mn_oai_bad(b->w, "input", "invalid_value", "at most %d inputs a request",
                          MN_OAI_INPUTS);
    if (!mn_oai_job_prompts(job, b->w, n)) return false;
    for (size_t i = 0; i < n; i++)
        if (!read_one(job, b, list ? v->items[i] : v, &job->prompts[i].ids)) return false;
    return true;
}

static bool ask_form(mn_oai_job *job, const mn_oai_body *b)
{
    mn_str format, user;
    int64_t n, width = mn_engine_width(job->model->engine);
    if (!mn_oai_str(b, "encoding_format", &format) || !mn_oai_str(b, "user", &user) ||
        !mn_oai_int(b, "dimensions", 1, width, 0, &n))
        return false;
    job->base64 = mn_str_eqz(format, "base64");
    if (format.ptr && !job->base64 && !mn_str_eqz(format, "float"))
        return mn_oai_bad(b->w, "encoding_format", "invalid_value",
                          "'encoding_format' is float or base64");
    job->dimensions = n == width ? 0 : (uint32_t)n;
    job->request.embed = true;
    return true;
}

void mn_oai_embeddings(mn_req *r, mn_resp *w)
{
    mn_oai_body b;
    mn_oai_job *job = mn_oai_job_new(r, w, &mn_oai_kind_embedding);
    if (!job) return;
    if (mn_oai_read(r, w, &job->arena, &b) && mn_oai_job_model(job, &b) && ask_form(job, &b) &&
        read_inputs(job, &b))
        mn_oai_job_start(job, w, 1);
    else mn_oai_job_drop(job);
}

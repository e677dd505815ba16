/* What chat and text completions share: how to sample, when to stop, how many answers, in what form. */
#include "api/openai/openai_int.h"

/* ---- stops --------------------------------------------------------------------------------------------------------- */

static bool read_stops(mn_oai_job *job, const mn_oai_body *b)
{
    const mn_json *v = mn_oai_get(b, "stop");
    bool one = v && v->type == MN_JSON_STRING;
    size_t n = one ? 1 : v ? v->n : 0;
    if (!v) return true;
    if (!one && v->type != MN_JSON_ARRAY)
        return mn_oai_wrong_type(b->w, "stop", "a string or an array of strings", v);
    if (n > MN_OAI_STOPS)
        return mn_oai_bad(b->w, "stop", "invalid_value", "'stop' may have at most %d strings",
                          MN_OAI_STOPS);
    mn_str *list = mn_arena_calloc(b->arena, n + 1, sizeof *list);
    if (!list) return mn_oai_failed(b->w, NULL, 0, &(mn_err){.rc = MN_E_NOMEM});
    for (size_t i = 0; i < n; i++) {
        const mn_json *s = one ? v : v->items[i];
        if (s->type != MN_JSON_STRING)
            return mn_oai_wrong_type(b->w, "stop", "a string or an array of strings", s);
        if (s->text.len == 0)
            return mn_oai_bad(b->w, "stop", "invalid_value", "a stop string cannot be empty");
        list[i] = s->text;
    }
    job->request.stops = list;
    job->request.n_stops = n;
    return true;
}

/* ---- biases -------------------------------------------------------------------------------------------------------- */

static bool read_bias(const mn_oai_body *b, mn_str key, const mn_json *value, uint32_t V,
                      mn_bias *ret)
{
    uint64_t id;
    if (mn_str_to_u64(key, &id) != MN_OK || id >= V)
        return mn_oai_bad(b->w, "logit_bias", "invalid_value",
                          "'logit_bias' names '%.*s', which is no token of this model",
                          MN_STR_FMT(mn_utf8_cut(key, 40)));
    if (value->type != MN_JSON_NUMBER)
        return mn_oai_wrong_type(b->w, "logit_bias", "an object of numbers", value);
    double add = mn_json_f64(value, 1000);
    if (!(add >= -100 && add <= 100))
        return mn_oai_bad(b->w, "logit_bias", "invalid_value",
                          "the values of 'logit_bias' are from -100 to 100");
    *ret = (mn_bias){(uint32_t)id, (float)add};
    return true;
}

static bool read_biases(mn_oai_job *job, const mn_oai_body *b)
{
    const mn_json *v = mn_oai_get(b, "logit_bias");
    if (!v) return true;
    if (v->type != MN_JSON_OBJECT) return mn_oai_wrong_type(b->w, "logit_bias", "an object", v);
    if (v->n > MN_OAI_BIASES)
        return mn_oai_bad(b->w, "logit_bias", "invalid_value",
                          "'logit_bias' may name at most %d tokens", MN_OAI_BIASES);
    mn_bias *list = mn_arena_calloc(b->arena, v->n + 1, sizeof *list);
    if (!list) return mn_oai_failed(b->w, NULL, 0, &(mn_err){.rc = MN_E_NOMEM});
    for (size_t i = 0; i < v->n; i++)
        if (!read_bias(b, v->keys[i], v->items[i], mn_engine_vocab(job->model->engine),
                       &list[i]))
            return false;
    job->request.sampling.bias = list;
    job->request.sampling.n_bias = v->n;
    return true;
}

/* ---- sampling ------------------------------------------------------------------------------------------------------ */

/* top_k, min_p and repetition_penalty are not OpenAI's, but what other servers of open models take. */
static bool read_sampling(mn_oai_job *job, const mn_oai_body *b)
{
    mn_sampling *s = &job->request.sampling;
    int64_t top_k = 0, seed = 0;
    bool fine = mn_oai_float(b, "temperature", 0, 2, 1, &s->temperature) &&
                mn_oai_float(b, "top_p", 0, 1, 1, &s->top_p) &&
                mn_oai_float(b, "presence_penalty", -2, 2, 0, &s->presence) &&
                mn_oai_float(b, "frequency_penalty", -2, 2, 0, &s->frequency) &&
                mn_oai_float(b, "min_p", 0, 1, 0, &s->min_p) &&
                mn_oai_float(b, "repetition_penalty", 0.1, 10, 1, &s->repetition) &&
                mn_oai_int(b, "top_k", -1, INT32_MAX, 0, &top_k) &&
                mn_oai_int(b, "seed", INT64_MIN, INT64_MAX, 0, &seed);
    if (!fine) return false;
    if (s->top_p <= 0) { /* nothing but the likeliest */
        s->top_p = 1;
        s->temperature = 0;
    }
    s->top_k = top_k > 0 ? (uint32_t)top_k : 0;
    s->seed = (uint64_t)seed;
    job->has_seed = mn_oai_get(b, "seed") != NULL;
    return read_biases(job, b);
}

static bool read_stream(mn_oai_job *job, const mn_oai_body *b)
{
    const mn_json *o = mn_oai_get(b, "stream_options");
    if (!mn_oai_bool(b, "stream", false, &job->stream)) return false;
    if (!o) return true;
    if (o->type != MN_JSON_OBJECT)
        return mn_oai_wrong_type(b->w, "stream_options", "an object", o);
    const mn_oai_body inner = {b->w, b->arena, o};
    return mn_oai_bool(&inner, "include_usage", false, &job->include_usage);
}

bool mn_oai_ask_max_tokens(mn_oai_job *job, const mn_oai_body *b, const char *name,
                           uint32_t least)
{
    int64_t n;
    if (!mn_oai_get(b, name)) return true;
    if (!mn_oai_int(b, name, least, INT32_MAX, 0, &n)) return false;
    job->request.max_tokens = (uint32_t)n;
    return true;
}

bool mn_oai_ask(mn_oai_job *job, const mn_oai_body *b, size_t *ret_choices)
{
    int64_t n;
    mn_str user;
    bool fine = mn_oai_int(b, "n", 1, MN_OAI_CHOICES, 1, &n) && read_sampling(job, b) &&
                read_stops(job, b) && read_stream(job, b) && mn_oai_str(b, "user", &user);
    if (fine) *ret_choices = (size_t)n;
    return fine;
}

bool mn_oai_too_long(const mn_oai_job *job, mn_resp *w, const char *param, size_t n)
{
    uint32_t most = mn_engine_context(job->model->engine);
    if (n < most) return false;
    mn_oai_bad(w, param, "context_length_exceeded",
               "this model's longest conversation is %u tokens; what was sent has %zu", most,
               n);
    return true;
}

/* ---- response_format ----------------------------------------------------------------------------------------------- */

static bool read_schema(mn_oai_job *job, const mn_oai_body *b, const mn_json *format)
{
    mn_err e = {0};
    const mn_json *outer = mn_json_get(format, "json_schema");
    const mn_json *schema = mn_json_get(outer, "schema");
    if (!outer || outer->type != MN_JSON_OBJECT)
        return mn_oai_wrong_type(b->w, "response_format.json_schema", "an object", outer);
    const mn_oai_body inner = {b->w, b->arena, outer};
    mn_str name;
    bool strict; /* a schema is always enforced, or refused */
    if (!mn_oai_str(&inner, "name", &name) || !mn_oai_bool(&inner, "strict", true, &strict))
        return false;
    if (!schema || schema->type == MN_JSON_NULL) { /* then it is any object */
        if (mn_serving_json_object(job->model, &job->grammar, &e) == MN_OK) return true;
        return mn_oai_failed(b->w, "response_format", 0, &e);
    }
    if (schema->type != MN_JSON_OBJECT && schema->type != MN_JSON_BOOL)
        return mn_oai_wrong_type(b->w, "response_format.json_schema.schema", "an object",
                                 schema);
    if (mn_serving_schema(job->model, schema, &job->grammar, &e) == MN_OK) return true;
    return mn_oai_failed(b->w, "response_format", 0, &e);
}

bool mn_oai_ask_format(mn_oai_job *job, const mn_oai_body *b)
{
    mn_err e = {0};
    const mn_json *v = mn_oai_get(b, "response_format");
    mn_str type = mn_json_str(mn_json_get(v, "type"));
    if (!v) return true;
    if (v->type != MN_JSON_OBJECT)
        return mn_oai_wrong_type(b->w, "response_format", "an object", v);
    bool object = mn_str_eqz(type, "json_object"), schema = mn_str_eqz(type, "json_schema");
    if (!object && !schema && !mn_str_eqz(type, "text"))
        return mn_oai_bad(b->w, "response_format.type", "invalid_value",
                          "'response_format.type' is text, json_object or json_schema");
    if ((object || schema) && job->grammar)
        return mn_oai_bad(b->w, "response_format", "invalid_value",
                          "a response_format cannot go with a tool_choice that demands a call");
    if (schema) return read_schema(job, b, v);
    if (!object || mn_serving_json_object(job->model, &job->grammar, &e) == MN_OK) return true;
    return mn_oai_failed(b->w, "response_format", 0, &e);
}

/* A body's fields, read with their types and ranges. */
#include "api/openai/openai_int.h"

#include <math.h>

static const char *type_name(const mn_json *v)
{
    static const char *const names[] = {
        [MN_JSON_NULL] = "null",       [MN_JSON_BOOL] = "a boolean",
        [MN_JSON_NUMBER] = "a number", [MN_JSON_STRING] = "a string",
        [MN_JSON_ARRAY] = "an array",  [MN_JSON_OBJECT] = "an object"};
    return v ? names[v->type] : "nothing";
}

bool mn_oai_wrong_type(mn_resp *w, const char *param, const char *expected, const mn_json *got)
{
    return mn_oai_bad(w, param, "invalid_type", "'%s' should be %s, not %s", param, expected,
                      type_name(got));
}

bool mn_oai_read(mn_req *r, mn_resp *w, mn_arena *ar, mn_oai_body *ret)
{
    mn_err e = {0};
    mn_json *v = NULL;
    if (r->body.len == 0)
        return mn_oai_bad(w, NULL, NULL, "the request has no body; a JSON object is expected");
    mn_rc rc = mn_json_parse(r->body, ar, &v, &e);
    if (rc == MN_E_NOMEM)
        return mn_oai_fail(
            w, &(mn_oai_fault){413, "invalid_request_error", "request_too_large", NULL},
            "the body holds too many values");
    if (rc != MN_OK)
        return mn_oai_bad(w, NULL, "invalid_json", "the body is no JSON: %s", e.msg);
    if (v->type != MN_JSON_OBJECT)
        return mn_oai_bad(w, NULL, "invalid_type", "the body should be a JSON object, not %s",
                          type_name(v));
    *ret = (mn_oai_body){w, ar, v};
    return true;
}

const mn_json *mn_oai_get(const mn_oai_body *b, const char *name)
{
    const mn_json *v = mn_json_get(b->json, name);
    return v && v->type == MN_JSON_NULL ? NULL : v;
}

bool mn_oai_bool(const mn_oai_body *b, const char *name, bool fallback, bool *ret)
{
    const mn_json *v = mn_oai_get(b, name);
    if (v && v->type != MN_JSON_BOOL) return mn_oai_wrong_type(b->w, name, "a boolean", v);
    *ret = v ? v->boolean : fallback;
    return true;
}

bool mn_oai_int(const mn_oai_body *b, const char *name, int64_t least, int64_t most,
                int64_t fallback, int64_t *ret)
{
    const mn_json *v = mn_oai_get(b, name);
    int64_t n = fallback;
    if (v && v->type != MN_JSON_NUMBER) return mn_oai_wrong_type(b->w, name, "an integer", v);
    if (v && mn_str_to_i64(v->text, &n) != MN_OK) {
        double d = mn_json_f64(v, NAN);
        if (d != floor(d) ||
            fabs(d) > 9e15) /* 1.0 and 1e3 are integers, as clients write them */
            return mn_oai_bad(b->w, name, "invalid_type", "'%s' should be an integer", name);
        n = (int64_t)d;
    }
    if (v && (n < least || n > most))
        return mn_oai_bad(b->w, name, "invalid_value", "'%s' should be from %lld to %lld", name,
                          (long long)least, (long long)most);
    *ret = n;
    return true;
}

bool mn_oai_float(const mn_oai_body *b, const char *name, double least, double most,
                  double fallback, float *ret)
{
    const mn_json *v = mn_oai_get(b, name);
    double d = fallback;
    if (v && v->type != MN_JSON_NUMBER) return mn_oai_wrong_type(b->w, name, "a number", v);
    if (v) d = mn_json_f64(v, NAN);
    if (!(d >= least && d <= most))
        return mn_oai_bad(b->w, name, "invalid_value", "'%s' should be from %g to %g", name,
                          least, most);
    *ret = (float)d;
    return true;
}

bool mn_oai_str(const mn_oai_body *b, const char *name, mn_str *ret)
{
    const mn_json *v = mn_oai_get(b, name);
    if (v && v->type != MN_JSON_STRING) return mn_oai_wrong_type(b->w, name, "a string", v);
    *ret = mn_json_str(v);
    return true;
}

uint32_t mn_oai_token_id(const mn_json *v)
{
    uint64_t n;
    if (!v || v->type != MN_JSON_NUMBER || mn_str_to_u64(v->text, &n) != MN_OK)
        return UINT32_MAX;
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

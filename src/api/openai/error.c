/* Errors in OpenAI's shape. */
#include <stdio.h>

#include "api/openai/openai_int.h"
#include "base/log.h"

void mn_oai_write_error(mn_json_writer *j, const mn_oai_fault *f, mn_str message)
{
    mn_jw_object(j);
    mn_jw_key(j, "error");
    mn_jw_object(j);
    mn_jw_kstr(j, "message", message);
    mn_jw_kstrz(j, "type", f->type);
    mn_jw_kstr(j, "param", mn_str_from(f->param));
    mn_jw_kstr(j, "code", mn_str_from(f->code));
    mn_jw_object_end(j);
    mn_jw_object_end(j);
}

static void answer(mn_resp *w, const mn_oai_fault *f, mn_str message)
{
    mn_buf_clear(mn_resp_body(w));
    mn_resp_status(w, f->status);
    mn_json_writer j = mn_api__json(w);
    mn_oai_write_error(&j, f, message);
}

bool mn_oai_fail(mn_resp *w, const mn_oai_fault *f, const char *fmt, ...)
{
    va_list args;
    char text[700];
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    answer(w, f, mn_utf8_cut(mn_str_from(text), sizeof text));
    return false;
}

bool mn_oai_bad(mn_resp *w, const char *param, const char *code, const char *fmt, ...)
{
    va_list args;
    char text[700];
    const mn_oai_fault f = {400, "invalid_request_error", code, param};
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    answer(w, &f, mn_utf8_cut(mn_str_from(text), sizeof text));
    return false;
}

static void retry_after(mn_resp *w, uint32_t seconds)
{
    char text[16];
    snprintf(text, sizeof text, "%u", seconds ? seconds : 1);
    mn_resp_header(w, "Retry-After", mn_str_from(text));
}

bool mn_oai_failed(mn_resp *w, const char *param, uint32_t retry_s, const mn_err *e)
{
    const char *why = e->msg[0] ? e->msg : mn_rc_name(e->rc);
    switch (e->rc) {
    case MN_E_NOT_FOUND:
        return mn_oai_fail(
            w, &(mn_oai_fault){404, "invalid_request_error", "model_not_found", param}, "%s",
            why);
    case MN_E_BUSY:
        retry_after(w, retry_s);
        return mn_oai_fail(w, &(mn_oai_fault){429, "server_error", "queue_full", NULL}, "%s",
                           why);
    case MN_E_NOMEM:
        mn_error("openai", "%s", why);
        retry_after(w, 5);
        return mn_oai_fail(w, &(mn_oai_fault){503, "server_error", "overloaded", NULL},
                           "the server is short of memory; try again in a moment");
    case MN_E_USAGE:
    case MN_E_LIMIT:
    case MN_E_PARSE:
    case MN_E_UNSUPPORTED:
        return mn_oai_bad(w, param,
                          e->rc == MN_E_UNSUPPORTED ? "unsupported_value" : "invalid_value",
                          "%s", why);
    default:
        mn_error("openai", "%s", why);
        return mn_oai_fail(w, &(mn_oai_fault){500, "server_error", NULL, NULL},
                           "the server could not do this; the reason is in its log");
    }
}

bool mn_oai_is(mn_str path)
{
    return mn_str_starts(path, "/v1/") || mn_str_eqz(path, "/v1");
}

/* What the server says by itself, by status. */
static mn_oai_fault fault_of(int status)
{
    static const mn_oai_fault known[] = {
        {404, "invalid_request_error", "unknown_url", NULL},
        {405, "invalid_request_error", "method_not_supported", NULL},
        {413, "invalid_request_error", "request_too_large", NULL},
        {429, "requests", "rate_limit_exceeded", NULL},
        {503, "server_error", "overloaded", NULL},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].status == status) return known[i];
    return (mn_oai_fault){status, status < 500 ? "invalid_request_error" : "server_error", NULL,
                          NULL};
}

bool mn_oai_error_json(const mn_req *r, mn_resp *w, int status, mn_str message)
{
    if (!mn_oai_is(r->path)) return false;
    mn_oai_fault f = fault_of(status);
    answer(w, &f, message);
    return true;
}

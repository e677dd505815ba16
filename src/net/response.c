/* A response: what handlers set, and how it becomes the library's.
 *
 * Entity tags are weak (W/"…"): the same page has one tag whether it goes out plain, gzip or zstd, which is what a reader
 * means by "the same". The body's memory is handed to the library, not copied. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/json.h"
#include "net/http_int.h"
#include "net/ws.h"

#define COMPRESS_LEAST 512 /* below, the headers weigh more than what is saved */

void mn_resp__init(mn_resp *w, mn_req *r)
{
    *w = (mn_resp){.req = r, .status = 200};
    mn_buf_init(&w->body, MN_RESP_BODY_MAX);
}

static void drop_file(mn_resp *w)
{
    if (w->is_file) close(w->fd);
    w->is_file = false;
}

static void drop_stream(mn_resp *w)
{
    if (w->ws_calls) w->ws_calls->close(w->ws_state, NULL);
    w->ws_calls = NULL;
    if (w->topic && w->end) w->end(w->state);
    w->topic = NULL;
    w->next = NULL;
}

void mn_resp__release(mn_resp *w)
{
    drop_stream(w);
    drop_file(w);
    mn_buf_release(&w->body);
}

void mn_resp__reset(mn_resp *w)
{
    drop_stream(w);
    drop_file(w);
    mn_buf_clear(&w->body);
    w->status = 200;
    w->type = NULL;
    w->is_fixed = w->etag = w->broken = false;
}

void mn_resp_status(mn_resp *w, int status)
{
    w->status = status;
}

static bool may_repeat(const char *name)
{
    return mn_str_eq_nocase(mn_str_from(name), MN_STR("Set-Cookie")) ||
           mn_str_eq_nocase(mn_str_from(name), MN_STR("Link")) ||
           mn_str_eq_nocase(mn_str_from(name), MN_STR("Vary"));
}

void mn_resp_header(mn_resp *w, const char *name, mn_str value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] == '\r' || value.ptr[i] == '\n' || value.ptr[i] == 0) w->broken = true;
    mn_str copy = mn_str_dup(w->req->arena, value.ptr ? value : MN_STR(""));
    size_t at = w->n_fields;
    for (size_t i = 0; i < w->n_fields && !may_repeat(name); i++)
        if (mn_str_eq_nocase(mn_str_from(w->fields[i].name), mn_str_from(name))) at = i;
    if (!copy.ptr || at == MN_RESP_HEADERS_MAX) {
        w->broken = true;
        return;
    }
    w->fields[at] = (mn_resp_field){name, copy};
    if (at == w->n_fields) w->n_fields++;
}

void mn_resp_type(mn_resp *w, const char *content_type)
{
    w->type = content_type;
}

mn_buf *mn_resp_body(mn_resp *w)
{
    return &w->body;
}

void mn_resp_static(mn_resp *w, mn_str body, mn_str gzipped)
{
    w->is_fixed = true;
    w->fixed = body;
    w->fixed_gzip = gzipped;
}

void mn_resp_file(mn_resp *w, int fd, uint64_t size_bytes)
{
    drop_file(w);
    w->is_file = true;
    w->fd = fd;
    w->file_bytes = size_bytes;
}

void mn_resp_etag(mn_resp *w)
{
    w->etag = true;
}

void mn_resp_websocket(mn_resp *w, mn_str protocol, const mn_ws_calls *calls, void *state)
{
    drop_stream(w);
    w->ws_protocol = protocol.ptr ? mn_str_dup(w->req->arena, protocol) : MN_STR_NONE;
    w->ws_calls = calls;
    w->ws_state = state;
}

void mn_resp_stream(mn_resp *w, const char *topic, bool (*next)(void *state, mn_buf *out),
                    void (*close)(void *state), void *state)
{
    drop_stream(w);
    w->topic = topic;
    w->next = next;
    w->end = close;
    w->state = state;
}

void mn_resp__error_bare(const mn_req *r, mn_resp *w, mn_str message)
{
    mn_json_writer j;
    const mn_exchange *x = (const mn_exchange *)(const void *)r;
    if (x->http->opts.error_json && x->http->opts.error_json(r, w, w->status, message)) return;
    if (mn_req_accepts_html(r)) {
        w->type = "text/plain; charset=utf-8";
        mn_buf_addf(&w->body, "%d: ", w->status);
        mn_buf_adds(&w->body, message);
        mn_buf_addc(&w->body, '\n');
        return;
    }
    w->type = "application/json; charset=utf-8";
    mn_json_writer_init(&j, &w->body, 0);
    mn_jw_object(&j);
    mn_jw_kstr(&j, "error", message);
    mn_jw_object_end(&j);
}

void mn_resp_error(mn_req *r, mn_resp *w, int status, const char *fmt, ...)
{
    va_list args;
    char text[512];
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    mn_resp__reset(w);
    w->status = status;
    mn_str message = mn_utf8_cut(mn_str_from(text), sizeof text);
    const mn_exchange *x = (const mn_exchange *)(const void *)r;
    if (x->http->opts.error_page && mn_req_accepts_html(r)) {
        x->http->opts.error_page(r, w, status, message);
        w->status = status;
    } else {
        mn_resp__error_bare(r, w, message);
    }
}

/* ---- finishing ----------------------------------------------------------------------------------------------- */

static bool is_text(const char *type)
{
    mn_str t = mn_str_from(type);
    return mn_str_starts(t, "text/") || mn_str_starts(t, "application/json") ||
           mn_str_starts(t, "application/javascript") || mn_str_starts(t, "image/svg+xml") ||
           mn_str_find(t, MN_STR("+json"), 0) != SIZE_MAX ||
           mn_str_find(t, MN_STR("+xml"), 0) != SIZE_MAX;
}

static void empty_body(mn_resp *w)
{
    mn_buf_clear(&w->body);
    w->is_fixed = false;
}

/* Sets ETag; a match with If-None-Match turns the response into 304. */
static void settle_etag(mn_exchange *x, mn_str body)
{
    mn_resp *w = &x->resp;
    if (!w->etag || w->status != 200 || x->req.method != MN_GET) return;
    mn_str tag =
        mn_str_fmt(&x->arena, "W/\"%016" PRIx64 "\"", mn_hash64(body.ptr, body.len, body.len));
    if (!tag.ptr) return;
    mn_resp_header(w, "ETag", tag);
    if (mn_http_etag_in(mn_req_header(&x->req, "If-None-Match"), tag)) {
        w->status = 304;
        empty_body(w);
    }
}

/* Chooses how the body goes out; *ret_buf takes over what must be freed. */
static mn_str settle_body(mn_exchange *x, mn_buf *ret_buf)
{
    mn_resp *w = &x->resp;
    mn_str body = w->is_fixed ? w->fixed : mn_buf_str(&w->body);
    if (!w->type || !is_text(w->type) || w->status == 304) goto plain;
    mn_resp_header(w, "Vary", MN_STR("Accept-Encoding, Accept"));
    if (body.len < COMPRESS_LEAST) goto plain;
    mn_coding c = mn_http_coding(mn_req_header(&x->req, "Accept-Encoding"), !w->is_fixed);
    if (c == MN_CODING_IDENTITY) goto plain;
    if (w->is_fixed) {
        if (!w->fixed_gzip.ptr) goto plain;
        body = w->fixed_gzip;
    } else {
        mn_buf packed;
        mn_buf_init(&packed, 0);
        if (mn_http__compress(c, body, &packed) != MN_OK) {
            mn_buf_release(&packed);
            goto plain;
        }
        mn_buf_release(&w->body);
        *ret_buf = packed;
        body = mn_buf_str(ret_buf);
    }
    mn_resp_header(w, "Content-Encoding",
                   c == MN_CODING_GZIP ? MN_STR("gzip") : MN_STR("zstd"));
    return body;
plain:
    if (!w->is_fixed) {
        *ret_buf = w->body;
        mn_buf_init(&w->body, MN_RESP_BODY_MAX);
    }
    return body;
}

static struct MHD_Response *make_fixed(mn_exchange *x, size_t *ret_bytes)
{
    mn_buf owned = {0};
    mn_str body = settle_body(x, &owned);
    union {
        const char *in;
        void *out;
    } bytes = {.in = body.ptr}; /* the library's parameter lacks a const */
    *ret_bytes = body.len;
    struct MHD_Response *r =
        owned.ptr && owned.cap > 0 && body.len > 0
            ? MHD_create_response_from_buffer_with_free_callback(body.len, bytes.out, mn_free)
            : NULL;
    if (r) return r;
    r = MHD_create_response_from_buffer(body.len, bytes.out,
                                        body.len && !x->resp.is_fixed ? MHD_RESPMEM_MUST_COPY
                                                                      : MHD_RESPMEM_PERSISTENT);
    mn_buf_release(&owned);
    return r;
}

/* The library reads and closes the file. */
static struct MHD_Response *make_file(mn_resp *w, size_t *ret_bytes)
{
    struct MHD_Response *r = MHD_create_response_from_fd64(w->file_bytes, w->fd);
    if (r) w->is_file = false;
    *ret_bytes = (size_t)w->file_bytes;
    return r;
}

static void add_fields(struct MHD_Response *r, const mn_resp *w)
{
    if (w->type && w->status != 304)
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, w->type);
    for (size_t i = 0; i < w->n_fields; i++)
        MHD_add_response_header(r, w->fields[i].name, w->fields[i].value.ptr);
    if (w->close) MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
}

static void check_broken(mn_exchange *x)
{
    mn_resp *w = &x->resp;
    if (!w->broken && !w->body.failed) return;
    w->n_fields = 0;
    mn_resp_error(&x->req, w, 500, "the answer could not be put together");
    if (w->body.failed) empty_body(w);
}

/* The handshake's answer; NULL, and the response is a refusal, when it cannot be granted. */
static struct MHD_Response *make_websocket(mn_exchange *x)
{
    int status = 0;
    const char *reason = NULL;
    mn_resp *w = &x->resp;
    struct MHD_Response *r = mn_ws__respond(x, &status, &reason);
    if (r) return r;
    mn_resp_error(&x->req, w, status, "%s", reason);
    if (status == 426) {
        mn_resp_header(w, "Upgrade", MN_STR("websocket"));
        mn_resp_header(w, "Sec-WebSocket-Version", MN_STR("13"));
    }
    if (status == 503) mn_resp_header(w, "Retry-After", MN_STR("30"));
    return NULL;
}

struct MHD_Response *mn_resp__finish(mn_exchange *x, int *ret_status, size_t *ret_bytes)
{
    mn_resp *w = &x->resp;
    struct MHD_Response *r;
    *ret_bytes = 0;
    check_broken(x);
    if (w->topic && !x->req.head && mn_streams__full(&x->http->streams)) {
        mn_resp_header(w, "Retry-After", MN_STR("30"));
        mn_resp_error(&x->req, w, 503, "too many are listening; try again in a moment");
    }
    r = w->ws_calls ? make_websocket(x) : NULL;
    if (r) {
        w->type = NULL;
        w->status = 101;
    } else if (w->topic && !x->req.head) {
        w->type = "text/event-stream";
        mn_resp_header(w, "Cache-Control", MN_STR("no-store"));
        mn_resp_header(w, "X-Accel-Buffering", MN_STR("no")); /* nginx would hold news back */
        r = mn_streams__respond(x);
    } else if (w->is_file) {
        r = make_file(w, ret_bytes);
    } else {
        if (w->status == 204) empty_body(w);
        settle_etag(x, w->is_fixed ? w->fixed : mn_buf_str(&w->body));
        r = make_fixed(x, ret_bytes);
    }
    if (r) add_fields(r, w);
    *ret_status = w->status;
    return r;
}

/* The doors of the streams: who asks, what for, and by which way. */
#include "api/mastodon/streaming.h"

#include "api/mastodon/streaming_int.h"
#include "base/clock.h"
#include "base/log.h"
#include "social/tags.h"
#include "store/lists.h"

/* ---- which stream ---------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    const char *path, *path_media; /* below /api/v1/streaming/; without and with only_media */
    const char *scope;             /* NULL: none is needed besides a valid token */
} channels[MN_CHANNELS] = {
    [MN_CH_USER] = {"user", "user", "user", "read:statuses"},
    [MN_CH_NOTIFICATION] = {"user:notification", "user/notification", "user/notification",
                            "read:notifications"},
    [MN_CH_LIST] = {"list", "list", "list", "read:statuses"},
    [MN_CH_DIRECT] = {"direct", "direct", "direct", "read:statuses"},
    [MN_CH_PUBLIC] = {"public", "public", NULL, NULL},
    [MN_CH_PUBLIC_MEDIA] = {"public:media", NULL, "public", NULL},
    [MN_CH_LOCAL] = {"public:local", "public/local", NULL, NULL},
    [MN_CH_LOCAL_MEDIA] = {"public:local:media", NULL, "public/local", NULL},
    [MN_CH_REMOTE] = {"public:remote", "public/remote", NULL, NULL},
    [MN_CH_REMOTE_MEDIA] = {"public:remote:media", NULL, "public/remote", NULL},
    [MN_CH_TAG] = {"hashtag", "hashtag", "hashtag", NULL},
    [MN_CH_TAG_LOCAL] = {"hashtag:local", "hashtag/local", "hashtag/local", NULL},
};

mn_channel mn_channel_parse(mn_str name)
{
    for (int c = 0; c < MN_CHANNELS; c++)
        if (mn_str_eqz(name, channels[c].name)) return (mn_channel)c;
    return MN_CHANNELS;
}

static mn_channel channel_of_path(mn_str path, bool only_media)
{
    for (int c = 0; c < MN_CHANNELS; c++) {
        const char *p = only_media ? channels[c].path_media : channels[c].path;
        if (p && mn_str_eqz(path, p)) return (mn_channel)c;
    }
    return MN_CHANNELS;
}

static bool in_scope(const mn_grant *g, mn_channel c)
{
    mn_scopes need = 0;
    mn_err e = {0};
    if (!channels[c].scope) return true;
    return mn_scopes_parse(mn_str_from(channels[c].scope), &need, &e) == MN_OK &&
           mn_scopes_cover(g->scopes, need);
}

static mn_str make_label(mn_channel c, mn_str param, mn_arena *ar)
{
    mn_buf b;
    mn_json_writer j;
    mn_buf_init(&b, 4096);
    mn_json_writer_init(&j, &b, 0);
    mn_jw_array(&j);
    mn_jw_strz(&j, channels[c].name);
    if (param.len) mn_jw_str(&j, param);
    mn_jw_array_end(&j);
    mn_str s = b.failed ? MN_STR_NONE : mn_str_dup(ar, mn_buf_str(&b));
    mn_buf_release(&b);
    return s;
}

static int refuse(const char **ret_error, int status, const char *words)
{
    *ret_error = words;
    return status;
}

static int resolve_list(mn_api *a, const mn_grant *g, mn_str list, mn_arena *ar,
                        mn_stream_spec *spec, const char **ret_error)
{
    mn_list row;
    mn_err e = {0};
    if (list.len == 0) return refuse(ret_error, 400, "Missing list name parameter");
    if (mn_str_to_u64(list, &spec->list) == MN_OK &&
        mn_store_list(a->home->store, g->account_id, spec->list, ar, &row, &e) == MN_OK)
        return 0;
    if (e.msg[0]) mn_error("streams", "cannot look for a list: %s", e.msg);
    return refuse(ret_error, 401, "Not authorized to stream this list");
}

int mn_stream_resolve(mn_api *a, const mn_grant *g, const mn_stream_ask *ask, mn_arena *ar,
                      mn_stream_spec *ret, const char **ret_error)
{
    mn_stream_spec s = {.channel = mn_channel_parse(ask->stream)};
    mn_str param = MN_STR_NONE;
    int status = 0;
    if (s.channel == MN_CHANNELS) return refuse(ret_error, 400, "Unknown stream type");
    if (!in_scope(g, s.channel))
        return refuse(ret_error, 401, "Access token does not have the required scopes");
    if (s.channel == MN_CH_TAG || s.channel == MN_CH_TAG_LOCAL) {
        param = ask->tag;
        if (param.len == 0) return refuse(ret_error, 400, "Missing tag name parameter");
        s.tag = mn_social_tag_key(param, ar);
        if (s.tag.len == 0) return refuse(ret_error, 400, "This is no tag name");
    }
    if (s.channel == MN_CH_LIST) {
        param = ask->list;
        status = resolve_list(a, g, param, ar, &s, ret_error);
    }
    if (status) return status;
    s.label = make_label(s.channel, param, ar);
    if (!s.label.ptr) return refuse(ret_error, 503, "The server is out of memory");
    *ret = s;
    return 0;
}

/* ---- who asks -------------------------------------------------------------------------------------------------- */

/* A page of another site can open a WebSocket here with our cookie: only our own pages may. */
static bool is_own_origin(const mn_req *r)
{
    const mn_api *a = r->app;
    mn_str origin = mn_req_header(r, "Origin"), host = mn_req_header(r, "Host");
    if (!origin.ptr) return !mn_req_is_websocket(r); /* browsers always say it there */
    if (mn_str_eq_nocase(origin, mn_masto_base(a))) return true;
    size_t at = mn_str_find(origin, MN_STR("://"), 0);
    return at != SIZE_MAX && mn_str_eq_nocase(mn_str_sub(origin, at + 3, SIZE_MAX), host);
}

typedef struct credential {
    mn_str token, protocol; /* protocol: what a WebSocket answers with */
    bool cookie;
} credential;

static credential credential_of(mn_req *r)
{
    credential c = {0};
    mn_str header = mn_req_header(r, "Authorization"), rest;
    mn_str offered = mn_req_header(r, "Sec-WebSocket-Protocol");
    mn_str kind = mn_str_split(header, ' ', &rest);
    if (offered.len) c.protocol = mn_str_trim(mn_str_split(offered, ',', &rest));
    kind = mn_str_split(header, ' ', &rest);
    if (mn_str_eq_nocase(kind, MN_STR("Bearer"))) c.token = mn_str_trim(rest);
    if (c.token.len == 0) c.token = mn_param(r, "access_token");
    if (c.token.len == 0) c.token = c.protocol;
    if (c.token.len > 0 || !is_own_origin(r)) return c;
    c.cookie = true;
    c.token = mn_web_cookie(r);
    return c;
}

/* False: answered. */
static bool granted(mn_req *r, mn_resp *w, mn_grant *ret, mn_str *ret_protocol)
{
    mn_api *a = r->app;
    mn_err e = {0};
    credential c = credential_of(r);
    if (c.token.len == 0) {
        mn_masto_error(r, w, 401, "Missing access token");
        return false;
    }
    mn_rc rc = mn_access_check(a->access, c.token, ret, &e);
    if (rc != MN_OK && rc != MN_E_DENIED) {
        mn_masto_fail(r, w, &e);
        return false;
    }
    if (rc == MN_E_DENIED || ret->web != c.cookie || !ret->account_id) {
        mn_masto_error(r, w, 401, "Invalid access token");
        return false;
    }
    if (ret->state != MN_ACCOUNT_ACTIVE || !ret->confirmed) {
        mn_masto_error(r, w, 403, "Your login is currently disabled");
        return false;
    }
    *ret_protocol = c.protocol;
    return true;
}

/* ---- WebSocket ------------------------------------------------------------------------------------------------- */

static void on_open(void *state, mn_ws *ws)
{
    mn_listener *c = state;
    c->ws = mn_ws_ref(ws);
    mn_streaming__note_open(c);
}

/* So that nobody keeps the hub busy with words, or fills memory with what it has not read yet. */
static bool may_say(mn_listener *c)
{
    int64_t now = mn_mono_us();
    if (now - c->said_us > 10000000) {
        c->said_us = now;
        c->said = 0;
    }
    return ++c->said <= MN_STREAM_SAID_MAX;
}

static void on_text(void *state, mn_ws *ws, mn_str text)
{
    mn_listener *c = state;
    if (text.len > MN_STREAM_SAID_LEN || !may_say(c)) {
        mn_ws_close(ws, text.len > MN_STREAM_SAID_LEN ? 1009 : 1008);
        return;
    }
    mn_streaming__note(c->hub, MN_NOTE_TEXT, c, text.ptr, text.len, text.len);
}

static void on_close(void *state, mn_ws *ws)
{
    mn_listener *c = state;
    if (ws) mn_streaming__note_gone(c);
    mn_listener_unref(c);
}

static const mn_ws_calls ws_calls = {on_open, on_text, on_close};

static void open_socket(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_grant g;
    mn_str protocol;
    if (!granted(r, w, &g, &protocol)) return;
    mn_stream_ask ask = {mn_param(r, "stream"), mn_param(r, "tag"), mn_param(r, "list")};
    mn_listener *c = mn_listener_new(a->streaming, &g, &ask);
    if (c) mn_resp_websocket(w, protocol, &ws_calls, c);
    else mn_masto_error(r, w, 503, "The server is out of memory; try again in a moment");
}

/* ---- server-sent events ---------------------------------------------------------------------------------------- */

static bool sse_next(void *state, mn_buf *out)
{
    mn_listener *c = state;
    pthread_mutex_lock(&c->lock);
    if (c->out.len) mn_buf_adds(out, mn_buf_str(&c->out));
    if (c->out.cap > 65536) mn_buf_release(&c->out);
    else mn_buf_clear(&c->out);
    bool more = !c->over;
    pthread_mutex_unlock(&c->lock);
    return more;
}

static void sse_close(void *state)
{
    mn_listener *c = state;
    mn_streaming__note_gone(c);
    mn_listener_unref(c);
}

static void get_stream(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_grant g;
    mn_str protocol;
    mn_stream_spec spec;
    const char *words = NULL;
    if (mn_req_is_websocket(r)) {
        open_socket(r, w);
        return;
    }
    mn_channel c = channel_of_path(mn_str_sub(r->path, strlen("/api/v1/streaming/"), SIZE_MAX),
                                   mn_param_bool(r, "only_media", false));
    if (c == MN_CHANNELS) {
        mn_masto_error(r, w, 400, "Unknown channel requested");
        return;
    }
    if (!granted(r, w, &g, &protocol)) return;
    mn_stream_ask ask = {mn_str_from(channels[c].name), mn_param(r, "tag"),
                         mn_param(r, "list")};
    int status = mn_stream_resolve(a, &g, &ask, r->arena, &spec, &words);
    mn_listener *l = status ? NULL : mn_listener_new(a->streaming, &g, &ask);
    if (!l) {
        mn_masto_error(r, w, status ? status : 503,
                       status ? words : "The server is out of memory; try again in a moment");
        return;
    }
    mn_listener_tell(l,
                     MN_STR(":)\n")); /* so that the head goes out and proxies let it through */
    mn_streaming__note_open(l);
    mn_resp_stream(w, l->topic, sse_next, sse_close, l);
}

static void get_health(mn_req *r, mn_resp *w)
{
    (void)r;
    mn_resp_type(w, "text/plain");
    mn_resp_header(w, "Cache-Control", MN_STR("private, no-store"));
    mn_buf_addz(mn_resp_body(w), "OK");
}

const mn_route mn_masto__routes_streaming[] = {
    {MN_GET, "/api/v1/streaming/health", get_health, 0, MN_RUN_HERE, "-"},
    {MN_GET, "/api/v1/streaming", get_stream, 0, MN_RUN_HERE, "-"},
    {MN_GET, "/api/v1/streaming/", get_stream, 0, MN_RUN_HERE, "-"},
    {MN_GET, "/api/v1/streaming/:a", get_stream, 0, MN_RUN_HERE, "-"},
    {MN_GET, "/api/v1/streaming/:a/:b", get_stream, 0, MN_RUN_HERE, "-"},
    {.path = NULL},
};

/* One exchange: options on a borrowed handle, callbacks that count and look, redirects followed by us so that each hop is
 * treated as an address of its own. libcurl resolves, connects, speaks TLS and decodes. */
#include "net/client.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "net/client_int.h"

#define TIMEOUT_MS     10000
#define TIMEOUT_MAX_MS 120000
#define BODY_MAX       ((size_t)1 << 20)
#define REDIRECTS_MAX  10
#define REDIRECT_BODY  ((size_t)64 << 10) /* read of a redirect's body before hanging up */

/* Why a callback ended the transfer; what libcurl then reports is only that it did. */
typedef enum why { WHY_NOT, WHY_ENOUGH, WHY_HEADERS, WHY_BODY, WHY_TYPE, WHY_MEMORY } why;

typedef struct call {
    mn_client *c;
    const mn_client_req *r;
    mn_client_resp *resp;
    int redirects_left;
    size_t max_bytes, header_bytes, dropped, cap_headers;
    int status;   /* of the header block being read */
    bool refused; /* an address was found, and not allowed */
    why why;
} call;

/* ---- the client ------------------------------------------------------------------------------------------------- */

static void global(void)
{
    struct sigaction a;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    /* TLS writes to sockets without MSG_NOSIGNAL. */
    if (sigaction(SIGPIPE, NULL, &a) == 0 && a.sa_handler == SIG_DFL) signal(SIGPIPE, SIG_IGN);
}

mn_rc mn_client__global(mn_err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    MN_TRY(mn_curl_open(e));
    pthread_once(&once, global);
    return MN_OK;
}

static char *copy_of(const char *s, bool *bad)
{
    char *r = s && *s ? mn_strdup(s) : NULL;
    if (s && *s && !r) *bad = true;
    return r;
}

mn_rc mn_client_new(const mn_client_opts *o, mn_client **ret, mn_err *e)
{
    bool bad = false;
    MN_TRY(mn_client__global(e));
    mn_client *c = mn_calloc(1, sizeof *c);
    if (!c) return mn_fail(e, MN_E_NOMEM, "no memory for the HTTP client");
    c->user_agent = copy_of(o->user_agent, &bad);
    c->own_host = copy_of(o->own_host, &bad);
    c->ca_file = copy_of(o->ca_file, &bad);
    c->allow_private = o->allow_private;
    pthread_mutex_init(&c->lock, NULL);
    if (bad) {
        mn_client_free(c);
        return mn_fail(e, MN_E_NOMEM, "no memory for the HTTP client");
    }
    *ret = c;
    return MN_OK;
}

void mn_client_cancel(mn_client *c)
{
    atomic_store(&c->cancelled, true);
}

void mn_client_free(mn_client *c)
{
    if (!c) return;
    for (int i = 0; i < c->n_idle; i++) curl_easy_cleanup(c->idle[i].curl);
    pthread_mutex_destroy(&c->lock);
    mn_free(c->user_agent);
    mn_free(c->own_host);
    mn_free(c->ca_file);
    mn_free(c);
}

/* A handle, one that knows the host when there is. */
static CURL *handle_take(mn_client *c, uint64_t host)
{
    CURL *h = NULL;
    pthread_mutex_lock(&c->lock);
    if (c->n_idle) {
        int best = c->n_idle - 1;
        for (int i = 0; i < c->n_idle; i++)
            if (c->idle[i].host == host) best = i;
        h = c->idle[best].curl;
        c->idle[best] = c->idle[--c->n_idle];
    }
    pthread_mutex_unlock(&c->lock);
    return h ? h : curl_easy_init();
}

static void handle_give(mn_client *c, CURL *h, uint64_t host)
{
    curl_easy_reset(h); /* keeps connections, forgets everything of the call */
    pthread_mutex_lock(&c->lock);
    bool kept = c->n_idle < MN_CLIENT_IDLE;
    if (kept) c->idle[c->n_idle++] = (mn_client_idle){h, host};
    pthread_mutex_unlock(&c->lock);
    if (!kept) curl_easy_cleanup(h);
}

/* ---- callbacks -------------------------------------------------------------------------------------------------- */

static uint16_t port_of(const struct sockaddr *a)
{
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
    if (a->sa_family == AF_INET) return memcpy(&in4, a, sizeof in4), ntohs(in4.sin_port);
    if (a->sa_family == AF_INET6) return memcpy(&in6, a, sizeof in6), ntohs(in6.sin6_port);
    return 0;
}

/* The guard: every connection passes here, after resolution, with the address it will go to. */
static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    call *k = arg;
    (void)purpose;
    if (!k->c->allow_private &&
        (!mn_net_public(&a->addr) || mn_net_port_refused(port_of(&a->addr)))) {
        k->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(&((call *)arg)->c->cancelled);
}

static bool is_redirect(const call *k, int status)
{
    bool safe = !k->r->method || !strcmp(k->r->method, "GET") || !strcmp(k->r->method, "HEAD");
    return k->r->max_redirects > 0 && safe && !(k->r->body.ptr && !k->r->method) &&
           (status == 301 || status == 302 || status == 303 || status == 307 || status == 308);
}

static size_t on_body(char *p, size_t one, size_t n, void *arg)
{
    call *k = arg;
    mn_buf *b = &k->resp->body;
    n *= one;
    if (is_redirect(k, k->status)) {
        k->dropped += n;
        if (k->dropped > REDIRECT_BODY) k->why = WHY_ENOUGH;
        return k->why ? 0 : n;
    }
    size_t room = k->max_bytes - b->len, take = n < room ? n : room;
    if (mn_buf_add(b, p, take) != MN_OK) k->why = WHY_MEMORY;
    else if (take < n) k->why = k->r->cut ? WHY_ENOUGH : WHY_BODY;
    if (take < n && k->r->cut) k->resp->cut = true;
    return k->why ? 0 : n;
}

/* "HTTP/1.1 200 OK": a new block begins; what an interim answer said is forgotten. */
static void begin_block(call *k, mn_str line)
{
    mn_str rest;
    uint64_t status = 0;
    mn_str_split(line, ' ', &rest);
    mn_str_to_u64(mn_str_sub(mn_str_trim(rest), 0, 3), &status);
    k->status = (int)status;
    k->resp->n_headers = 0;
}

static mn_rc add_header(call *k, mn_str line)
{
    mn_client_resp *w = k->resp;
    mn_str value, name = mn_str_split(line, ':', &value);
    if (!value.ptr || !name.len || name.ptr[0] == ' ' || name.ptr[0] == '\t') return MN_OK;
    if (w->n_headers == k->cap_headers) {
        size_t cap = k->cap_headers ? k->cap_headers * 2 : 32;
        mn_client_header *more = mn_arena_alloc(&w->arena, cap * sizeof *more);
        if (!more) return MN_E_NOMEM;
        if (w->n_headers) memcpy(more, w->headers, w->n_headers * sizeof *more);
        w->headers = more;
        k->cap_headers = cap;
    }
    mn_client_header h = {mn_str_dup(&w->arena, name),
                          mn_str_dup(&w->arena, mn_str_trim(value))};
    if (!h.name.ptr || !h.value.ptr) return MN_E_NOMEM;
    w->headers[w->n_headers++] = h;
    return MN_OK;
}

static mn_rc set_type(mn_client_resp *w)
{
    mn_str t = mn_client_resp_header(w, "Content-Type");
    t = mn_str_trim(mn_str_split(t.ptr ? t : MN_STR(""), ';', &(mn_str){0}));
    char *low = mn_arena_strndup(&w->arena, t.ptr, t.len);
    if (!low) return MN_E_NOMEM;
    for (size_t i = 0; i < t.len; i++)
        if (low[i] >= 'A' && low[i] <= 'Z') low[i] = (char)(low[i] + 32);
    w->type = (mn_str){low, t.len};
    return MN_OK;
}

static bool type_wanted(const call *k)
{
    if (!k->r->types || k->status / 100 != 2) return true;
    for (const char *const *t = k->r->types; *t; t++)
        if (mn_str_eqz(k->resp->type, *t)) return true;
    return false;
}

static size_t on_header(char *p, size_t one, size_t n, void *arg)
{
    call *k = arg;
    n *= one;
    mn_str line = {p, n};
    k->header_bytes += n;
    while (line.len && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
        line.len--;
    if (k->header_bytes > MN_CLIENT_HEADERS_MAX) {
        k->why = WHY_HEADERS;
    } else if (mn_str_starts(line, "HTTP/")) {
        begin_block(k, line);
    } else if (line.len) {
        if (add_header(k, line) != MN_OK) k->why = WHY_MEMORY;
    } else if (k->status >= 200) { /* the block is whole; trailers come without a blank line */
        if (set_type(k->resp) != MN_OK) k->why = WHY_MEMORY;
        else if (!type_wanted(k)) k->why = WHY_TYPE;
    }
    return k->why ? 0 : n;
}

/* ---- one hop ---------------------------------------------------------------------------------------------------- */

static bool token_only(mn_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] == ':' || (unsigned char)s.ptr[i] >= 0x7f) return false;
    return s.len > 0;
}

static bool no_controls(mn_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ' && s.ptr[i] != '\t') return false;
    return true;
}

static mn_rc headers_check(const mn_client_req *r, mn_err *e)
{
    if (r->method && (!token_only(mn_str_from(r->method)) || strlen(r->method) > 16))
        return mn_fail(e, MN_E_PARSE, "the method is not a word");
    for (size_t i = 0; i < r->n_headers; i++)
        if (!token_only(r->headers[i].name) || !no_controls(r->headers[i].value))
            return mn_fail(e, MN_E_PARSE, "header %zu of the request is not well-formed",
                           i + 1);
    return MN_OK;
}

static bool add_line(struct curl_slist **list, const char *line)
{
    struct curl_slist *more = curl_slist_append(*list, line);
    if (more) *list = more;
    return more != NULL;
}

/* The caller's headers; to another origin only those that say what is accepted. */
static mn_rc header_list(const mn_client_req *r, bool same_origin, mn_arena *a,
                         struct curl_slist **ret)
{
    bool has_type = false, ok = add_line(ret, "Expect:");
    for (size_t i = 0; ok && i < r->n_headers; i++) {
        const mn_client_header *h = &r->headers[i];
        if (!same_origin && !mn_str_eq_nocase(mn_str_sub(h->name, 0, 6), MN_STR("Accept")))
            continue;
        has_type |= mn_str_eq_nocase(h->name, MN_STR("Content-Type"));
        /* libcurl takes "Name;" for a header without a value. */
        mn_str line = h->value.len ? mn_str_fmt(a, "%.*s: %.*s", MN_STR_FMT(h->name),
                                                MN_STR_FMT(h->value))
                                   : mn_str_fmt(a, "%.*s;", MN_STR_FMT(h->name));
        ok = line.ptr && add_line(ret, line.ptr);
    }
    if (ok && !has_type) ok = add_line(ret, "Content-Type:");
    return ok ? MN_OK : MN_E_NOMEM;
}

static void set_method(CURL *h, const mn_client_req *r)
{
    const char *m = r->method;
    if (m && !strcmp(m, "HEAD")) {
        curl_easy_setopt(h, CURLOPT_NOBODY, 1L);
        return;
    }
    if (r->body.ptr || (m && !strcmp(m, "POST"))) {
        curl_easy_setopt(h, CURLOPT_POST, 1L);
        curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
        curl_easy_setopt(h, CURLOPT_POSTFIELDS, r->body.ptr ? r->body.ptr : "");
    }
    if (m && strcmp(m, "GET") != 0 && strcmp(m, "POST") != 0)
        curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, m);
}

static void set_options(CURL *h, call *k, const mn_client_url *u, struct curl_slist *headers,
                        int64_t left_ms)
{
    const mn_client *c = k->c;
    curl_easy_setopt(h, CURLOPT_URL, u->text.ptr);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_PROXY, "");
    curl_easy_setopt(h, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (c->ca_file) curl_easy_setopt(h, CURLOPT_CAINFO, c->ca_file);
    if (c->user_agent) curl_easy_setopt(h, CURLOPT_USERAGENT, c->user_agent);
    curl_easy_setopt(h, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(h, CURLOPT_MAXCONNECTS, 4L);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)left_ms);
    curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, k);
    curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(h, CURLOPT_HEADERDATA, k);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, k);
    curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(h, CURLOPT_XFERINFODATA, k);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
    set_method(h, k->r);
}

static mn_rc why_failed(const call *k, const mn_client_url *u, mn_err *e)
{
    const char *host = u->host.ptr;
    switch (k->why) {
    case WHY_HEADERS:
        return mn_fail(e, MN_E_LIMIT, "'%s' answers with more than %u bytes of headers", host,
                       MN_CLIENT_HEADERS_MAX);
    case WHY_BODY:
        return mn_fail(e, MN_E_LIMIT, "what '%s' answers is longer than %zu bytes", host,
                       k->max_bytes);
    case WHY_TYPE:
        return mn_fail(e, MN_E_UNSUPPORTED, "'%s' answers with a '%.*s'", host,
                       MN_STR_FMT(mn_utf8_cut(k->resp->type, 80)));
    default:
        return mn_fail(e, MN_E_NOMEM, "no memory for what '%s' answers", host);
    }
}

static mn_rc curl_failed(const call *k, CURLcode code, const mn_client_url *u, mn_err *e)
{
    const char *host = u->host.ptr;
    if (k->why) return why_failed(k, u, e);
    if (atomic_load(&k->c->cancelled))
        return mn_fail(e, MN_E_CANCELLED, "the server is stopping");
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return mn_fail(e, MN_E_BUSY, "'%s' takes too long to answer", host);
    case CURLE_OUT_OF_MEMORY:
        return mn_fail(e, MN_E_NOMEM, "no memory to ask '%s'", host);
    case CURLE_COULDNT_RESOLVE_HOST:
        return mn_fail(e, MN_E_IO, "there is no machine called '%s'", host);
    case CURLE_COULDNT_CONNECT:
        if (k->refused)
            return mn_fail(e, MN_E_DENIED, "'%s' is not an address of the public internet",
                           host);
        return mn_fail(e, MN_E_IO, "'%s' cannot be reached", host);
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return mn_fail(e, MN_E_PARSE, "'%s' does not answer as HTTP asks", host);
    default:
        return mn_fail(e, MN_E_IO, "'%s': %s", host, curl_easy_strerror(code));
    }
}

/* Where a redirect leads, resolved against the address that gave it; MN_STR_NONE when it does not. */
static mn_str next_of(CURL *h, mn_arena *a)
{
    char *to = NULL;
    curl_easy_getinfo(h, CURLINFO_REDIRECT_URL, &to);
    return to ? mn_str_dup(a, mn_str_from(to)) : MN_STR_NONE;
}

static mn_rc hop(call *k, const mn_client_url *u, bool same_origin, int64_t left_ms,
                 mn_str *ret_next, mn_err *e)
{
    struct curl_slist *headers = NULL;
    uint64_t host = mn_hash64(u->host.ptr, u->host.len, u->port);
    k->header_bytes = k->dropped = 0;
    k->status = 0;
    k->why = WHY_NOT;
    k->resp->n_headers = 0;
    CURL *h = handle_take(k->c, host);
    if (!h) return mn_fail(e, MN_E_NOMEM, "no memory to ask '%s'", u->host.ptr);
    mn_rc rc = header_list(k->r, same_origin, &k->resp->arena, &headers);
    if (rc != MN_OK) {
        mn_fail(e, rc, "no memory to ask '%s'", u->host.ptr);
        goto out;
    }
    set_options(h, k, u, headers, left_ms);
    CURLcode code = curl_easy_perform(h);
    if (code != CURLE_OK && k->why != WHY_ENOUGH) rc = curl_failed(k, code, u, e);
    else if (is_redirect(k, k->status)) *ret_next = next_of(h, &k->resp->arena);
out:
    handle_give(k->c, h, host);
    curl_slist_free_all(headers);
    return rc;
}

/* ---- the exchange ----------------------------------------------------------------------------------------------- */

static mn_rc may_follow(const call *k, const mn_client_url *from, const mn_client_url *to,
                        mn_err *e)
{
    if (k->redirects_left <= 0)
        return mn_fail(e, MN_E_LIMIT, "'%s' redirects too often", from->host.ptr);
    if (from->https && !to->https)
        return mn_fail(e, MN_E_DENIED, "'%s' redirects from https to http", from->host.ptr);
    return MN_OK;
}

static mn_rc follow(call *k, mn_client_url *u, int64_t deadline_us, mn_err *e)
{
    mn_client_url first = *u;
    for (;;) {
        mn_str next = MN_STR_NONE;
        int64_t left_ms = (deadline_us - mn_mono_us()) / 1000;
        if (left_ms <= 0)
            return mn_fail(e, MN_E_BUSY, "'%s' takes too long to answer", u->host.ptr);
        bool same =
            mn_str_eq(first.host, u->host) && first.port == u->port && first.https == u->https;
        MN_TRY(hop(k, u, same, left_ms, &next, e));
        if (!next.ptr) return MN_OK;
        mn_client_url to;
        MN_TRY(mn_client__url(k->c, next, &k->resp->arena, &to, e));
        MN_TRY(may_follow(k, u, &to, e));
        k->redirects_left--;
        *u = to;
    }
}

static mn_rc exchange(mn_client *c, const mn_client_req *r, mn_client_resp *w, mn_err *e)
{
    mn_client_url u;
    int timeout_ms = r->timeout_ms > 0 ? r->timeout_ms : TIMEOUT_MS;
    if (timeout_ms > TIMEOUT_MAX_MS) timeout_ms = TIMEOUT_MAX_MS;
    call k = {.c = c,
              .r = r,
              .resp = w,
              .redirects_left =
                  r->max_redirects < REDIRECTS_MAX ? r->max_redirects : REDIRECTS_MAX,
              .max_bytes = r->max_bytes ? r->max_bytes : BODY_MAX};
    if (atomic_load(&c->cancelled)) return mn_fail(e, MN_E_CANCELLED, "the server is stopping");
    MN_TRY(headers_check(r, e));
    MN_TRY(mn_client__url(c, r->url, &w->arena, &u, e));
    if (r->https_only && !u.https)
        return mn_fail(e, MN_E_DENIED, "'%s' must be asked by https", u.host.ptr);
    MN_TRY(follow(&k, &u, mn_mono_us() + (int64_t)timeout_ms * 1000, e));
    w->status = k.status;
    w->url = u.text;
    return MN_OK;
}

mn_rc mn_client_do(mn_client *c, const mn_client_req *r, mn_client_resp *ret, mn_err *e)
{
    mn_client_resp w = {.type = MN_STR("")};
    mn_arena_init(&w.arena, (size_t)1 << 20);
    mn_buf_init(&w.body, 0);
    mn_rc rc = exchange(c, r, &w, e);
    if (rc == MN_OK) rc = mn_buf_add(&w.body, "", 0);
    if (rc != MN_OK) {
        mn_client_resp_release(&w);
        return rc;
    }
    *ret = w;
    return MN_OK;
}

void mn_client_resp_release(mn_client_resp *r)
{
    mn_buf_release(&r->body);
    mn_arena_release(&r->arena);
}

mn_str mn_client_resp_header(const mn_client_resp *r, const char *name)
{
    for (size_t i = 0; i < r->n_headers; i++)
        if (mn_str_eq_nocase(r->headers[i].name, mn_str_from(name))) return r->headers[i].value;
    return MN_STR_NONE;
}

mn_str mn_client_resp_param(const mn_client_resp *r, const char *name)
{
    mn_str rest = mn_client_resp_header(r, "Content-Type");
    if (!rest.ptr) return MN_STR_NONE;
    mn_str_split(rest, ';', &rest);
    while (rest.ptr) {
        mn_str value, one = mn_str_split(rest, ';', &rest);
        mn_str key = mn_str_trim(mn_str_split(one, '=', &value));
        if (!value.ptr || !mn_str_eq_nocase(key, mn_str_from(name))) continue;
        value = mn_str_trim(value);
        if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
            value = mn_str_sub(value, 1, value.len - 2);
        return value;
    }
    return MN_STR_NONE;
}

/* HTTP/1.1 server around libmicrohttpd: routes as a table, a request as slices on an arena, one response.
 *
 * Refused before any handler sees them: repeated or conflicting Content-Length, Transfer-Encoding and Host, a
 * Transfer-Encoding other than chunked, a missing Host in HTTP/1.1, blanks in header names (research/dependencies.md
 * section 1). Limits: header block 16 KiB, target 8 KiB, body per route, time to finish the headers 10 s and the body 60 s
 * (enforced by a watchdog of ours, since the library's timer is reset by each byte), idle keep-alive 30 s, connections in
 * all and per address. Bodies are compressed (zstd, gzip) when the client asks and the type is text; ETag and
 * If-None-Match are answered with 304. HEAD is served from GET.
 */
#ifndef MN_NET_HTTP_H
#define MN_NET_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

typedef enum mn_method { MN_GET, MN_POST, MN_PUT, MN_PATCH, MN_DELETE, MN_OPTIONS } mn_method;

typedef struct mn_req mn_req;
typedef struct mn_resp mn_resp;
typedef struct mn_http mn_http;

struct mn_req {
    mn_method method;
    bool head;    /* the client asked HEAD; handlers see MN_GET */
    mn_str path;  /* decoded once, valid UTF-8, no NUL, no "..": others got 400 */
    mn_str query; /* raw */
    mn_str body;
    mn_str
        peer; /* address as text, or X-Forwarded-For's last hop when it came from a trusted proxy */
    mn_arena *arena; /* lives until the response has been sent */
    void *app;       /* what mn_http_start was given */
    void *priv;      /* for `before` to leave something to the handler */
};

/* Header by name (any case), MN_STR_NONE when absent. */
mn_str mn_req_header(const mn_req *r, const char *name);
/* The value of ":name" in the route's pattern. */
mn_str mn_req_param(const mn_req *r, const char *name);
/* First value of a query parameter, decoded; MN_STR_NONE when absent. Form bodies: mn_req_form. */
mn_str mn_req_query(const mn_req *r, const char *name);
mn_str mn_req_form(const mn_req *r, const char *name);
bool mn_req_accepts_html(
    const mn_req *r); /* names text/html and likes it no less than JSON: a browser */

/* A response: handlers set status, add headers and write the body; nothing is sent until they return. */
void mn_resp_status(mn_resp *w, int status);
/* Copies the value. Set-Cookie, Link and Vary add up, any other name is replaced. CR, LF and NUL are refused: 500. */
void mn_resp_header(mn_resp *w, const char *name, mn_str value);
void mn_resp_type(mn_resp *w, const char *content_type);
mn_buf *mn_resp_body(mn_resp *w);
/* A body that outlives the server (embedded assets): not copied; `encoded` may hold a gzip form, or be MN_STR_NONE. */
void mn_resp_static(mn_resp *w, mn_str body, mn_str gzipped);
/* A body of any size from an open file, read as it goes out. Takes fd. */
void mn_resp_file(mn_resp *w, int fd, uint64_t size_bytes);
/* Sets the ETag from a hash of the finished body, so that If-None-Match works. */
void mn_resp_etag(mn_resp *w);
/* A stream of server-sent events: the body is what `next` appends; called at once, again whenever mn_http_wake is called for
 * `topic` (copied; up to 31 bytes), and at least every 15 s (when it then has nothing to say, a comment line keeps the
 * connection open). It returns false to end. next runs on a server thread, never twice at a time for one stream; close is
 * called once at the end. A client that hangs up is noticed within a quarter of a second, also when there is nothing to send. */
void mn_resp_stream(mn_resp *w, const char *topic, bool (*next)(void *state, mn_buf *out),
                    void (*close)(void *state), void *state);
/* The answer comes later: when the handler has returned nothing is sent and no thread is held. Whoever finishes it writes status,
 * headers and body as a handler does and calls mn_resp_done, once, on any thread; request, response and arena live until
 * then and are not to be touched afterwards. Only in handlers of routes that do not run MN_RUN_HERE, and as the last thing they do.
 *   gone   the client has hung up (seen within a quarter of a second; closing one's sending half counts), or the server is
 *          stopping: called at most once, before mn_resp_done has returned, on a thread of the server that holds locks: note it, wake
 *          whoever works on the answer, return. The answer is to be done all the same. NULL is fine. */
void mn_resp_later(mn_resp *w, void (*gone)(void *state), void *state);
void mn_resp_done(mn_resp *w);
/* A page when the client accepts HTML by name, else JSON: what error_json writes, or {"error": message}; sets status and type. */
void mn_resp_error(mn_req *r, mn_resp *w, int status, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

typedef void mn_handler(mn_req *r, mn_resp *w);

/* Where a handler runs. */
typedef enum mn_run {
    MN_RUN_HERE,     /* on the thread that reads requests: some milliseconds at most */
    MN_RUN_WORKER,   /* on a worker, so that others are not held up: writes, searches */
    MN_RUN_PASSWORD, /* on threads of their own: hashing a password costs tens of milliseconds */
    MN_RUN_MEDIA,    /* the same for uploads: reading a picture may cost seconds */
    MN_RUN_MODEL     /* the same for prompts: loading a model and tokenising a long text */
} mn_run;
#define MN_RUNS 5

typedef struct mn_route {
    mn_method method;
    const char *
        path; /* "/@:name/:id": a parameter matches one segment's rest; literal prefixes inside a segment are fine */
    mn_handler *handler;
    size_t body_limit; /* bytes; 0: no body is taken (413 when one is sent) */
    mn_run run;
    const char *scope; /* for the application: who may call it (api/mastodon/mastodon.h) */
} mn_route;

/* What a connection may take; 0 means the default. */
typedef struct mn_http_limits {
    int headers_ms; /* 10,000: from connecting (or, kept alive, from the last answer plus idle_ms) to complete headers */
    int body_ms;    /* 60,000 */
    int send_ms;    /* 120,000: for the client to take the answer; streams have no limit */
    int idle_ms;    /* 30,000, in whole seconds */
    int ping_ms;    /* 15,000: longest silence of a stream */
    int connections; /* 1,024 in all */
    int per_address; /* 256; of IPv6 a /64 counts as one; the trusted proxy has no limit */
    int streams; /* half of the connections; one more is answered 503, so that pages can always be read */
    int waiting;          /* 64 requests waiting for a worker of each kind, then 503 */
    int workers;          /* 4 */
    int password_workers; /* half of the processors, at least 1 */
    int media_workers;    /* as many as processors */
    int model_workers;    /* 2 */
    int model_waiting; /* 1,024 may wait for those: what waits there is small, and they are quick */
    size_t
        bodies_bytes; /* 512 MiB of bodies in memory at once; who sends more then is cut off */
    int websockets;   /* 20,000; they are no connections any more in the sense above */
    int websockets_per_address; /* 256; the trusted proxy's clients count each for itself */
    int ws_ping_ms;             /* 30,000 */
    int ws_pong_ms;             /* 60,000 of silence after a ping, then the socket is dropped */
    int ws_queue_bytes; /* 1 MiB may wait for a slow reader, then the socket is dropped */
} mn_http_limits;

#define MN_HTTP_BODY_FREE ((size_t)1 << 20)

typedef struct mn_http_opts {
    const char *listen;     /* "127.0.0.1:8420", "[::1]:0" … */
    const mn_route *routes; /* ends with .path = NULL; borrowed */
    void *app;
    int n_threads;        /* 0: 2 */
    mn_str trusted_proxy; /* address whose X-Forwarded-For is believed; none by default */
    /* Called around every request that is well-formed: `before` may answer itself (return true); `after` sees the final
     * status. Either NULL. */
    bool (*before)(mn_req *r, mn_resp *w);
    /* Asked when the headers of a request are there and its route takes more than MN_HTTP_BODY_FREE bytes: how much of a body
     * this one may send (at most `limit`), so that strangers cannot fill the memory. NULL: as much as the route takes. */
    size_t (*body_limit)(const mn_req *r, size_t limit);
    void (*after)(const mn_req *r, int status, size_t bytes, double cpu_us);
    /* Called when a handler has returned, while its answer can still be given headers; NULL is fine. */
    void (*finish)(mn_req *r, mn_resp *w);
    /* Writes the page of an error for people (the message is plain text); NULL: a plain one. */
    void (*error_page)(mn_req *r, mn_resp *w, int status, mn_str message);
    /* Writes the body of an error for programs, and its type (the status is set): true when it did. NULL: {"error": message}. */
    bool (*error_json)(const mn_req *r, mn_resp *w, int status, mn_str message);
    mn_http_limits limits;
} mn_http_opts;

/* The pattern of the route that took the request, NULL when none did; and the route itself. */
const char *mn_req_route(const mn_req *r);
const mn_route *mn_req_route_of(const mn_req *r);
/* The server that got it: to wake streams by. */
mn_http *mn_req_http(const mn_req *r);

/* Listens and serves on its own threads. MN_E_BUSY when the address is taken: the message says what to do. */
mn_rc mn_http_start(const mn_http_opts *o, mn_http **ret, mn_err *e);
int mn_http_port(const mn_http *h);
/* Streams of that topic look for news. Any thread. */
void mn_http_wake(mn_http *h, const char *topic);
/* Takes no new connections from now on; those that are open are served on. */
void mn_http_quiesce(mn_http *h);
/* Stops accepting, ends streams, lets running requests finish for up to grace_ms, tells answers that come later that
 * the client is gone and waits for them, closes, frees. */
void mn_http_stop(mn_http *h, int grace_ms);

#endif

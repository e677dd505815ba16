/* Private to src/net: a connection, an exchange (one request and its response) and how the files share them. */
#ifndef MN_NET_HTTP_INT_H
#define MN_NET_HTTP_INT_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/thread.h"
#include "net/http.h"
#include "net/mhd.h"
#include "net/parse.h"

#define MN_RESP_HEADERS_MAX 32
#define MN_RESP_BODY_MAX    (64u << 20)
#define MN_HTTP_CREW_MAX    32
#define MN_HTTP_DRAIN_MAX                                                                      \
    (1u << 20) /* what is read and thrown away so that a refusal can be heard */

/* ---- connections (conn.c) ------------------------------------------------------------------------------------ */

typedef enum mn_phase {
    MN_PHASE_HEADERS, /* first request's headers are awaited */
    MN_PHASE_IDLE,    /* kept alive: the next request's headers are awaited */
    MN_PHASE_BODY,
    MN_PHASE_BUSY, /* a handler works, or a stream waits: no deadline */
    MN_PHASE_SEND
} mn_phase;

typedef struct mn_conn mn_conn;
struct mn_conn {
    mn_conn *prev, *next;
    int fd;
    mn_phase phase;
    int64_t deadline_us; /* INT64_MAX: none */
    uint8_t key[16];     /* address; an IPv6 one cut to its /64 */
    char peer[INET6_ADDRSTRLEN];
    void (*gone)(void *state); /* told when the client hangs up; NULL: nobody wants to know */
    void *gone_state;
};

/* All open connections, under one lock that also keeps a descriptor from being closed while the watchdog shuts it. */
typedef struct mn_conns {
    pthread_mutex_t lock;
    pthread_cond_t tick;
    pthread_t watchdog;
    bool started, stop;
    mn_conn head; /* ring */
    mn_http_limits limits;
    char proxy[INET6_ADDRSTRLEN];
} mn_conns;

mn_rc mn_conns__start(mn_conns *c, mn_http *h, mn_err *e);
void mn_conns__stop(mn_conns *c);
/* May one more from that address come in? */
bool mn_conns__admit(mn_conns *c, const struct sockaddr *addr);
/* What counts as one address: of an address that is text, as mn_req.peer; anything else counts as one together. */
void mn_conns__key_of_text(mn_str peer, uint8_t ret[16]);
mn_conn *mn_conns__add(mn_conns *c, const struct sockaddr *addr, int fd); /* NULL: no memory */
void mn_conns__remove(mn_conns *c, mn_conn *k);
void mn_conns__phase(mn_conns *c, mn_conn *k, mn_phase phase);
/* Tells when the client hangs up, once, holding the lock of the connections: while nothing is read from a connection the library
 * does not notice. gone NULL: no more; when that returns, none is under way. k NULL is fine. */
void mn_conns__watch(mn_conns *c, mn_conn *k, void (*gone)(void *state), void *state);
void mn_conns__all_gone(mn_conns *c); /* as if all of them had hung up */

/* ---- streams (stream.c) -------------------------------------------------------------------------------------- */

#define MN_STREAM_TOPICS 512 /* a power of two */

typedef struct mn_stream mn_stream;
struct mn_exchange;
typedef struct mn_streams {
    pthread_mutex_t lock;
    mn_stream *topics[MN_STREAM_TOPICS]; /* by the topic's hash: a wake looks at its own */
    int n, most;                         /* how many there are, and may be */
    bool ending;
    int ping_ms;
} mn_streams;

struct MHD_Response *mn_streams__respond(struct mn_exchange *x);
/* Are there as many as may be? */
bool mn_streams__full(mn_streams *s);
void mn_streams__wake(mn_streams *s, const char *topic);
void mn_streams__ping(mn_streams *s); /* those that were silent long enough */
void mn_streams__end(mn_streams *s);

/* ---- WebSockets (ws.c, upgrade.c) ---------------------------------------------------------------------------- */

typedef struct mn_ws_all mn_ws_all;
typedef struct mn_ws_pending mn_ws_pending; /* a granted handshake whose answer is on its way */
struct mn_ws_calls;

mn_rc mn_ws__start(mn_http *h, mn_err *e);
void mn_ws__end(mn_ws_all *all); /* says 1001 to all, waits a second at most; NULL is fine */
void mn_ws__free(mn_ws_all *all);
/* Checks the handshake and grants a place: the library's response, or NULL with *ret_status and the reason why not. */
struct MHD_Response *mn_ws__respond(struct mn_exchange *x, int *ret_status,
                                    const char **ret_reason);
/* The handshake never came to its end: lets its state go. NULL is fine. */
void mn_ws__forget(mn_ws_pending *p);

/* ---- exchanges ----------------------------------------------------------------------------------------------- */

typedef struct mn_resp_field {
    const char *name;
    mn_str value;
} mn_resp_field;

struct mn_resp {
    mn_req *req;
    int status;
    const char *type;
    mn_resp_field fields[MN_RESP_HEADERS_MAX];
    size_t n_fields;
    mn_buf body;
    mn_str fixed, fixed_gzip; /* mn_resp_static */
    bool is_fixed, etag, broken, close;
    bool is_file; /* mn_resp_file; then fd and its bytes */
    int fd;
    uint64_t file_bytes;
    const char *topic; /* a stream when set */
    bool (*next)(void *state, mn_buf *out);
    void (*end)(void *state);
    void *state;
    const struct mn_ws_calls *ws_calls; /* a WebSocket when set */
    void *ws_state;
    mn_str ws_protocol;
};

typedef struct mn_exchange {
    mn_req req; /* first: handlers' mn_req * is the exchange */
    mn_resp resp;
    mn_http *http;
    mn_conn *conn;
    struct MHD_Connection *mhd;
    mn_arena arena;
    const char *target_at; /* where the library keeps the target, for the layout check */
    mn_str target;
    const mn_route *route;
    mn_http_param params[MN_HTTP_PARAMS_MAX];
    size_t n_params, body_limit, body_seen, body_held;
    mn_buf body;
    char allow[64]; /* methods that the path knows, when none of them was asked */
    int refusal;    /* status to answer instead of a handler's, or 0 */
    const char *reason;
    bool begun, handled, queued;
    bool
        later; /* mn_resp_later: what follows is true when both the handler and mn_resp_done are through */
    atomic_int halves;
    double cpu_us; /* of the handler */
    struct MHD_Response *answer;
    mn_ws_pending *upgrade; /* until the socket has taken it over */
    int status;
} mn_exchange;

/* Threads that run handlers of one kind. */
typedef struct mn_crew {
    mn_http *http;
    mn_queue *queue;
    pthread_t threads[MN_HTTP_CREW_MAX];
    int n, most;        /* threads; exchanges that may wait */
    atomic_int waiting; /* exchanges queued for a thread or on one */
} mn_crew;

struct mn_http {
    struct MHD_Daemon *daemon;
    mn_http_opts opts;
    mn_conns conns;
    mn_streams streams;
    mn_ws_all *sockets;
    mn_crew crews[MN_RUNS]; /* crews[MN_RUN_HERE] has nobody */
    pthread_mutex_t lock;
    pthread_cond_t quiet;
    int active; /* exchanges under way, under lock */
    atomic_bool stopping;
    atomic_size_t bodies; /* bytes of bodies in memory */
    int port, listen_fd;
    char trusted[INET6_ADDRSTRLEN];
};

/* check.c: 0, or the status that refuses the request, with the reason. */
int mn_http__check(mn_exchange *x, const char *method, const char *version,
                   const char **ret_reason);
/* response.c */
void mn_resp__init(mn_resp *w, mn_req *r);
void mn_resp__release(mn_resp *w);
/* {"error": message}, or a line of plain text for who would rather have a page: needs nothing of the application. */
void mn_resp__error_bare(const mn_req *r, mn_resp *w, mn_str message);
void mn_resp__reset(mn_resp *w); /* as new, but keeps the headers that `before` set */
/* Turns what the handler left into the library's response; NULL when out of memory. */
struct MHD_Response *mn_resp__finish(mn_exchange *x, int *ret_status, size_t *ret_bytes);
/* compress.c: MN_E_NOMEM leaves *ret as it was. */
mn_rc mn_http__compress(mn_coding coding, mn_str in, mn_buf *ret);
/* listen.c: a bound, listening socket. */
mn_rc mn_http__listen(const char *listen, int *ret_fd, int *ret_port, mn_err *e);
void mn_http__tick(mn_http *h); /* called by the watchdog */

#endif

/* All WebSockets of a server: private to src/net. */
#ifndef MN_NET_WS_INT_H
#define MN_NET_WS_INT_H

#include "net/http_int.h"
#include "net/ws_frame.h"

#define MN_WS_ADDRESSES 4096 /* buckets; a power of two */

typedef struct mn_ws_item {
    struct mn_ws_item *next;
    mn_ws_data *data;
} mn_ws_item;

/* How many sockets an address has, and was promised. */
typedef struct mn_ws_address {
    struct mn_ws_address *next;
    uint8_t key[16];
    int n;
} mn_ws_address;

/* A handshake that was granted: counted, and not a socket yet. */
typedef struct mn_ws_pending {
    mn_ws_all *all;
    uint8_t key[16];
    const mn_ws_calls *calls;
    void *state;
} mn_ws_pending;

struct mn_ws_data {
    atomic_uint refs;
    size_t len;
    char bytes[]; /* a whole frame */
};

struct mn_ws {
    mn_ws *prev, *next; /* the ring, in the order of due_us; under all->lock */
    mn_ws_all *all;
    atomic_uint refs;
    int fd;
    pthread_mutex_t lock; /* guards from here … */
    mn_ws_item *out, *out_last;
    size_t queued, sent; /* bytes in the queue; of its first item already sent */
    bool closing, cut, awaits_room;
    bool gone; /* the descriptor is closed */
    /* … to here; the rest belongs to the sockets' thread */
    int64_t due_us, heard_us;
    size_t dropped; /* bytes read and thrown away since it began to close */
    const mn_ws_calls *calls;
    void *state;
    uint8_t key[16];
    mn_ws_parser in;
};

struct mn_ws_all {
    pthread_mutex_t lock; /* before a socket's own */
    mn_ws ring;
    int n, promised; /* promised: sockets and pending ones */
    int most, per_address;
    mn_ws_address *addresses[MN_WS_ADDRESSES];
    int64_t ping_us, pong_us, end_us;
    size_t queue_bytes;
    int epoll, wake; /* wake: an eventfd */
    pthread_t thread;
    bool started, ending;
    mn_ws_data *ping;
};

/* ws_send.c; all under the socket's lock. */
mn_ws_data *mn_ws__data(int opcode, const void *p,
                        size_t n); /* a whole frame; NULL: no memory */
/* Sends or queues; false when the socket is closing or was cut. */
bool mn_ws__say(mn_ws *ws, mn_ws_data *d);
void mn_ws__say_control(mn_ws *ws, int opcode, const void *p, size_t n);
/* Sends of the queue what goes, and watches for room for the rest. */
void mn_ws__flush(mn_ws *ws);
void mn_ws__pop(mn_ws *ws); /* drops the first of the queue */

/* Counts one more of that address; false when there may be none. */
bool mn_ws__promise(mn_ws_all *all, const uint8_t key[16]);
/* Makes the socket from a copy of the library's descriptor and takes p over; false: p is still the caller's. The early
 * bytes are what came behind the request. */
bool mn_ws__open(mn_ws_pending *p, int library_fd, const char *early, size_t n_early);

#endif

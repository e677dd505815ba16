/* What the parts of the client share. Private to src/net. */
#ifndef MN_NET_CLIENT_INT_H
#define MN_NET_CLIENT_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "net/client.h"
#include "net/curl.h"

#define MN_CLIENT_IDLE 8 /* handles kept, each with its connections */

typedef struct mn_client_idle {
    CURL *curl;
    uint64_t host; /* hash of the host it talked to last */
} mn_client_idle;

struct mn_client {
    char *user_agent, *own_host, *ca_file;
    bool allow_private;
    atomic_bool cancelled;
    pthread_mutex_t lock; /* guards what follows */
    mn_client_idle idle[MN_CLIENT_IDLE];
    int n_idle;
};

/* An address taken apart and put together again by one parser, the one that will connect. */
typedef struct mn_client_url {
    mn_str text; /* normal form without fragment, NUL-terminated, in the arena */
    mn_str host; /* lower case, no brackets, no trailing dot */
    uint16_t port;
    bool https;
} mn_client_url;
mn_rc mn_client__url(const mn_client *c, mn_str url, mn_arena *a, mn_client_url *ret,
                     mn_err *e);

/* Once a process: the library, and SIGPIPE ignored unless somebody handles it. */
mn_rc mn_client__global(mn_err *e);

#endif

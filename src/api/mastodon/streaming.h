/* Streams of the Mastodon API: what happens, told to those who listen, over WebSockets and server-sent events.
 *
 * One thread, the hub, follows the store's events and owns who listens to what; HTTP threads and the sockets' thread only
 * leave notes for it. A message is rendered once for all who see the same, framed once a stream name, and sent from the
 * hub's thread without waiting for anybody: slow readers are cut by net/ws.h, and here for server-sent events.
 *
 * Tokens: looked at when a stream opens, again when the hub takes it up, whenever its account changes or the token
 * is revoked (then it is cut at once), and every five minutes.
 */
#ifndef MN_API_STREAMING_H
#define MN_API_STREAMING_H

#include "api/mastodon/mastodon.h"

typedef struct mn_streaming mn_streaming;

extern const mn_route mn_masto__routes_streaming[];

/* Before the HTTP server starts; sets a->streaming. */
mn_rc mn_streaming_start(mn_api *a, mn_err *e);
/* After the HTTP server has stopped: nobody listens any more. */
void mn_streaming_stop(mn_api *a);

/* For metrics and tests. */
typedef struct mn_streaming_stats {
    size_t clients, subscriptions;
    uint64_t events, messages; /* taken from the store; sent to clients */
} mn_streaming_stats;
void mn_streaming_stats_get(mn_api *a, mn_streaming_stats *ret);

#endif

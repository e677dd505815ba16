/* WebSockets (RFC 6455), the server's side.
 *
 * A handler answers a GET with mn_resp_websocket. The handshake is checked here (426 for another version, 400 for a
 * malformed one, 503 when there are too many); after it the connection leaves the HTTP library altogether, so that an idle
 * socket costs a descriptor and one small allocation: no thread, no buffer. One thread serves all sockets.
 *
 * Taken from clients: text of up to 64 KiB a message, whole or in fragments; masked frames only; control frames answered.
 * Whatever breaks the protocol is answered with its close code (1002, 1003, 1007, 1009), and nothing after it is read. No
 * extensions. A ping every ws_ping_ms; who has said nothing for ws_ping_ms + ws_pong_ms is dropped, however alive his
 * machine looks. What is sent waits in a queue of the socket while its reader is slow, up to ws_queue_bytes; then
 * the socket is cut, so that nobody waits for it and memory is bounded.
 *
 * Threads: calls of one socket never overlap. `open` runs on an HTTP thread, the others on the thread of the sockets (text
 * that came with the handshake: on the same HTTP thread, after open). They must be quick: hand longer work to a thread
 * of your own. mn_ws_send and mn_ws_close may be called from any thread while one holds a reference.
 */
#ifndef MN_NET_WS_H
#define MN_NET_WS_H

#include "net/http.h"

#define MN_WS_MESSAGE_MAX (64u << 10)

typedef struct mn_ws mn_ws;

typedef struct mn_ws_calls {
    /* The handshake is done. Borrows ws; mn_ws_ref to keep it. */
    void (*open)(void *state, mn_ws *ws);
    /* A whole text message, valid UTF-8, borrowed. */
    void (*text)(void *state, mn_ws *ws, mn_str text);
    /* The last call, exactly once whatever happens; ws is NULL when the handshake never came to its end. The state may be
     * freed. Sending to a kept ws fails from now on. */
    void (*close)(void *state, mn_ws *ws);
} mn_ws_calls;

/* Does the request ask for a WebSocket? */
bool mn_req_is_websocket(const mn_req *r);
/* The answer is a WebSocket. protocol: the one chosen of those the client offered, or MN_STR_NONE; copied. Takes the state:
 * calls->close is called for it even when the handshake is refused. calls is borrowed for the server's life. */
void mn_resp_websocket(mn_resp *w, mn_str protocol, const mn_ws_calls *calls, void *state);

/* One message, encoded once and sent to many: counted references, starting with the caller's own. NULL: no memory. */
typedef struct mn_ws_data mn_ws_data;
mn_ws_data *mn_ws_data_text(mn_str text);
mn_ws_data *mn_ws_data_ref(mn_ws_data *d);
void mn_ws_data_unref(mn_ws_data *d); /* NULL is fine */

mn_ws *mn_ws_ref(mn_ws *ws);
void mn_ws_unref(mn_ws *ws); /* NULL is fine */
/* Sends at once as far as the reader's window goes and queues the rest; never waits. Borrows d. False: the socket is
 * closing, or has just been cut for its full queue. */
bool mn_ws_send(mn_ws *ws, mn_ws_data *d);
/* Begins to close: nothing is sent after this but what is queued and the close frame. code: 1000 to 4999. */
void mn_ws_close(mn_ws *ws, int code);
/* Open sockets of the server; for metrics. */
int mn_http_websockets(mn_http *h);

#endif

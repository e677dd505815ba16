/* The handshake: from a request to a socket of ws.c.
 *
 * The library sends 101 and then calls on_upgraded on its own thread with its descriptor. Our copy goes to the sockets; the
 * library is told at once that it may clean up, so the connection leaves its list, and its limit, right away. */
#include <string.h>

#include "net/ws_int.h"

bool mn_req_is_websocket(const mn_req *r)
{
    return mn_ws_list_has(mn_req_header(r, "Upgrade"), "websocket");
}

/* The status that refuses the handshake, 0 when it is in order. */
static int handshake_fault(const mn_req *r, const char **ret_reason)
{
    *ret_reason = "this address speaks WebSocket";
    if (!mn_req_is_websocket(r) || r->method != MN_GET || r->head) return 426;
    *ret_reason = "only version 13 of WebSocket is spoken here";
    if (!mn_str_eqz(mn_str_trim(mn_req_header(r, "Sec-WebSocket-Version")), "13")) return 426;
    *ret_reason = "the Connection header does not ask for an upgrade";
    if (!mn_ws_list_has(mn_req_header(r, "Connection"), "upgrade")) return 400;
    *ret_reason = "a request for a WebSocket has no body";
    return r->body.len ? 400 : 0;
}

static void on_upgraded(void *cls, struct MHD_Connection *mhd, void *con_cls, const char *early,
                        size_t n_early, MHD_socket fd, struct MHD_UpgradeResponseHandle *urh)
{
    mn_exchange *x = con_cls;
    (void)cls, (void)mhd;
    mn_conns__phase(&x->http->conns, x->conn, MN_PHASE_BUSY); /* no deadline may shut it now */
    if (mn_ws__open(x->upgrade, fd, early, n_early)) x->upgrade = NULL;
    MHD_upgrade_action(urh, MHD_UPGRADE_ACTION_CLOSE);
}

static mn_ws_pending *pending_new(mn_exchange *x)
{
    mn_ws_pending *p = mn_calloc(1, sizeof *p);
    if (!p) return NULL;
    p->all = x->http->sockets;
    p->calls = x->resp.ws_calls;
    p->state = x->resp.ws_state;
    mn_conns__key_of_text(x->req.peer, p->key);
    if (mn_ws__promise(p->all, p->key)) return p;
    mn_free(p);
    return NULL;
}

struct MHD_Response *mn_ws__respond(mn_exchange *x, int *ret_status, const char **ret_reason)
{
    char accept[29];
    mn_resp *w = &x->resp;
    *ret_status = handshake_fault(&x->req, ret_reason);
    if (*ret_status) return NULL;
    *ret_status = 400;
    *ret_reason = "the Sec-WebSocket-Key is malformed";
    if (!mn_ws_accept(mn_str_trim(mn_req_header(&x->req, "Sec-WebSocket-Key")), accept))
        return NULL;
    *ret_status = 503;
    *ret_reason = "too many are listening; try again in a moment";
    struct MHD_Response *r = MHD_create_response_for_upgrade(on_upgraded, NULL);
    mn_ws_pending *p = r ? pending_new(x) : NULL;
    if (!p) {
        if (r) MHD_destroy_response(r);
        return NULL;
    }
    x->upgrade = p;
    w->ws_calls = NULL; /* the state is the pending handshake's now */
    MHD_add_response_header(r, "Upgrade", "websocket");
    MHD_add_response_header(r, "Sec-WebSocket-Accept", accept);
    if (w->ws_protocol.ptr)
        MHD_add_response_header(r, "Sec-WebSocket-Protocol", w->ws_protocol.ptr);
    return r;
}

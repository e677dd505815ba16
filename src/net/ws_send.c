/* What goes out of a socket: frames shared by all who get them, and the queue of those who read slowly.
 *
 * Sending happens on the caller's thread as long as the kernel takes it; what is left is queued and written by the sockets'
 * thread when there is room. Everything here that takes a socket is called under its lock, but for the public functions. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "net/ws_int.h"

#define PIECES 16

/* ---- data ------------------------------------------------------------------------------------------------------ */

mn_ws_data *mn_ws__data(int opcode, const void *p, size_t n)
{
    uint8_t head[10];
    size_t k = mn_ws_frame_head(opcode, n, head);
    mn_ws_data *d = mn_alloc(sizeof *d + k + n);
    if (!d) return NULL;
    atomic_init(&d->refs, 1);
    d->len = k + n;
    memcpy(d->bytes, head, k);
    if (n) memcpy(d->bytes + k, p, n);
    return d;
}

mn_ws_data *mn_ws_data_text(mn_str text)
{
    return mn_ws__data(MN_WS_OP_TEXT, text.ptr, text.len);
}

mn_ws_data *mn_ws_data_ref(mn_ws_data *d)
{
    atomic_fetch_add(&d->refs, 1);
    return d;
}

void mn_ws_data_unref(mn_ws_data *d)
{
    if (d && atomic_fetch_sub(&d->refs, 1) == 1) mn_free(d);
}

mn_ws *mn_ws_ref(mn_ws *ws)
{
    atomic_fetch_add(&ws->refs, 1);
    return ws;
}

void mn_ws_unref(mn_ws *ws)
{
    if (!ws || atomic_fetch_sub(&ws->refs, 1) != 1) return;
    pthread_mutex_destroy(&ws->lock);
    mn_free(ws);
}

/* ---- sending ------------------------------------------------------------------------------------------------- */

static void cut(mn_ws *ws)
{
    ws->cut = ws->closing = true;
    if (!ws->gone) shutdown(ws->fd, SHUT_RDWR);
}

void mn_ws__pop(mn_ws *ws)
{
    mn_ws_item *i = ws->out;
    ws->out = i->next;
    if (!ws->out) ws->out_last = NULL;
    ws->queued -= i->data->len;
    ws->sent = 0;
    mn_ws_data_unref(i->data);
    mn_free(i);
}

static void took(mn_ws *ws, size_t n)
{
    ws->sent += n;
    while (ws->out && ws->sent >= ws->out->data->len) {
        size_t over = ws->sent - ws->out->data->len;
        mn_ws__pop(ws);
        ws->sent = over;
    }
}

/* The thread is told to go on when there is room; not told any more when nothing waits. */
static void watch_room(mn_ws *ws)
{
    bool wants = ws->out && !ws->cut;
    if (wants == ws->awaits_room || ws->gone) return;
    struct epoll_event ev = {.events = EPOLLIN | (wants ? (uint32_t)EPOLLOUT : 0u),
                             .data.ptr = ws};
    if (epoll_ctl(ws->all->epoll, EPOLL_CTL_MOD, ws->fd, &ev) != 0) cut(ws);
    else ws->awaits_room = wants;
}

void mn_ws__flush(mn_ws *ws)
{
    while (ws->out && !ws->cut) {
        struct iovec piece[PIECES];
        size_t n = 0, skip = ws->sent;
        for (mn_ws_item *i = ws->out; i && n < PIECES; i = i->next, skip = 0)
            piece[n++] = (struct iovec){i->data->bytes + skip, i->data->len - skip};
        struct msghdr m = {.msg_iov = piece, .msg_iovlen = n};
        ssize_t k = sendmsg(ws->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (k < 0) cut(ws);
        else took(ws, (size_t)k);
    }
    if (!ws->out && ws->closing && !ws->cut) shutdown(ws->fd, SHUT_WR); /* all is said */
    watch_room(ws);
}

/* Queues d and sends what goes; false: no memory, or the queue is full and the socket was cut. */
static bool put(mn_ws *ws, mn_ws_data *d)
{
    mn_ws_item *i = ws->queued + d->len <= ws->all->queue_bytes ? mn_alloc(sizeof *i) : NULL;
    if (!i) {
        cut(ws);
        return false;
    }
    *i = (mn_ws_item){.data = mn_ws_data_ref(d)};
    if (ws->out_last) ws->out_last->next = i;
    else ws->out = i;
    ws->out_last = i;
    ws->queued += d->len;
    if (!ws->awaits_room) mn_ws__flush(ws);
    return !ws->cut;
}

/* The ordinary case: nothing waits and the kernel takes it whole. */
static bool send_whole(mn_ws *ws, const mn_ws_data *d)
{
    if (ws->out) return false;
    ssize_t k = send(ws->fd, d->bytes, d->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (k == (ssize_t)d->len) return true;
    if (k > 0) ws->sent = (size_t)k;
    return false;
}

bool mn_ws__say(mn_ws *ws, mn_ws_data *d)
{
    if (ws->closing || ws->gone) return false;
    return send_whole(ws, d) || put(ws, d);
}

bool mn_ws_send(mn_ws *ws, mn_ws_data *d)
{
    pthread_mutex_lock(&ws->lock);
    bool ok = mn_ws__say(ws, d);
    pthread_mutex_unlock(&ws->lock);
    return ok;
}

void mn_ws__say_control(mn_ws *ws, int opcode, const void *p, size_t n)
{
    mn_ws_data *d = mn_ws__data(opcode, p, n);
    if (!d) {
        cut(ws);
        return;
    }
    if (!ws->closing && !ws->gone) put(ws, d);
    mn_ws_data_unref(d);
}

void mn_ws_close(mn_ws *ws, int code)
{
    uint8_t p[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    pthread_mutex_lock(&ws->lock);
    if (!ws->closing && !ws->gone) {
        mn_ws__say_control(ws, MN_WS_OP_CLOSE, p, code == 1005 ? 0 : 2);
        ws->closing = true;
        if (!ws->out && !ws->cut) shutdown(ws->fd, SHUT_WR);
    }
    pthread_mutex_unlock(&ws->lock);
}

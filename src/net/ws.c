/* All sockets on one thread.
 *
 * After the handshake the library's descriptor is duplicated and given back to it at once: it then closes its own with
 * close(2) and frees what it held (0.9.75 to 1.0: a plain-text connection is never shut down on that way), so nothing
 * but our own small struct remains. The socket is registered level-triggered in an epoll set of our own.
 *
 * Sending is ws_send.c. Only the sockets' thread closes descriptors and takes sockets
 * out of the ring, and only between two events of them, so nothing it looks at can vanish. Others that want a socket gone
 * shut it down (`cut`), which wakes the thread.
 *
 * The ring is in the order of the next look at each (all have the same period, so a look moves one to the end): a look sends
 * a ping, or drops the socket when nothing came since long, or when its closing took the whole period. */
#include "net/ws.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "net/ws_int.h"

#define READ_BYTES    (64u << 10)
#define DROP_MAX      (1u << 20) /* of a closing peer's bytes are read, then it is cut */
#define GOODBYE_US    1000000    /* for close frames to be answered when the server stops */
#define EVENTS_A_LOOK 256

/* ---- counting addresses: under all->lock ----------------------------------------------------------------------- */

static mn_ws_address **address_slot(mn_ws_all *all, const uint8_t key[16])
{
    mn_ws_address **p = &all->addresses[mn_hash64(key, 16, 0) & (MN_WS_ADDRESSES - 1)];
    while (*p && memcmp((*p)->key, key, 16) != 0) p = &(*p)->next;
    return p;
}

static bool promise(mn_ws_all *all, const uint8_t key[16])
{
    if (all->ending || all->promised >= all->most) return false;
    mn_ws_address **p = address_slot(all, key);
    if (*p && (*p)->n >= all->per_address) return false;
    if (!*p) {
        *p = mn_calloc(1, sizeof **p);
        if (!*p) return false;
        memcpy((*p)->key, key, 16);
    }
    (*p)->n++;
    all->promised++;
    return true;
}

static void unpromise(mn_ws_all *all, const uint8_t key[16])
{
    mn_ws_address **p = address_slot(all, key), *a = *p;
    all->promised--;
    if (--a->n > 0) return;
    *p = a->next;
    mn_free(a);
}

/* ---- a socket's life ------------------------------------------------------------------------------------------- */

static void ring_add(mn_ws_all *all, mn_ws *ws)
{
    ws->next = &all->ring;
    ws->prev = all->ring.prev;
    ws->prev->next = ws->next->prev = ws;
}

static void ring_remove(mn_ws *ws)
{
    ws->prev->next = ws->next;
    ws->next->prev = ws->prev;
}

/* Takes the socket out: on its thread, or before the thread knows of it. */
static void destroy(mn_ws *ws, bool in_ring)
{
    mn_ws_all *all = ws->all;
    pthread_mutex_lock(&ws->lock);
    ws->gone = ws->closing = true;
    epoll_ctl(all->epoll, EPOLL_CTL_DEL, ws->fd, NULL); /* the library may still have it open */
    close(ws->fd);
    while (ws->out) mn_ws__pop(ws);
    pthread_mutex_unlock(&ws->lock);
    ws->calls->close(ws->state, ws);
    mn_ws_parser_release(&ws->in);
    pthread_mutex_lock(&all->lock);
    if (in_ring) {
        ring_remove(ws);
        all->n--;
    }
    unpromise(all, ws->key);
    pthread_mutex_unlock(&all->lock);
    mn_ws_unref(ws);
}

static bool is_closing(mn_ws *ws, bool *ret_cut)
{
    pthread_mutex_lock(&ws->lock);
    bool closing = ws->closing;
    *ret_cut = ws->cut;
    pthread_mutex_unlock(&ws->lock);
    return closing;
}

/* What came in; returns when all is used or the socket begins to close. */
static void take(mn_ws *ws, const char *p, size_t n)
{
    size_t used = 0;
    bool was_cut;
    for (; n > 0 && !is_closing(ws, &was_cut); p += used, n -= used) {
        mn_ws_event ev = mn_ws_parse(&ws->in, p, n, &used);
        if (ev.what == MN_WS_TEXT) ws->calls->text(ws->state, ws, ev.data);
        if (ev.what == MN_WS_CLOSED || ev.what == MN_WS_BROKEN) mn_ws_close(ws, ev.code);
        if (ev.what != MN_WS_PING) continue;
        pthread_mutex_lock(&ws->lock);
        mn_ws__say_control(ws, MN_WS_OP_PONG, ev.data.ptr, ev.data.len);
        pthread_mutex_unlock(&ws->lock);
    }
}

/* Reads once; false: the socket has come to its end. */
static bool read_some(mn_ws *ws, char *room)
{
    bool was_cut;
    ssize_t n = recv(ws->fd, room, READ_BYTES, MSG_DONTWAIT);
    if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    if (n == 0) return false;
    ws->heard_us = mn_mono_us();
    if (is_closing(ws, &was_cut)) {
        ws->dropped += (size_t)n;
        return !was_cut && ws->dropped <= DROP_MAX;
    }
    take(ws, room, (size_t)n);
    is_closing(ws, &was_cut);
    return !was_cut;
}

static void on_event(mn_ws *ws, uint32_t events, char *room)
{
    bool lives = true;
    if (events & EPOLLOUT) {
        pthread_mutex_lock(&ws->lock);
        mn_ws__flush(ws);
        lives = !ws->cut;
        pthread_mutex_unlock(&ws->lock);
    }
    if (lives && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) lives = read_some(ws, room);
    if (lives && events & (EPOLLHUP | EPOLLERR)) lives = false;
    if (!lives) destroy(ws, true);
}

/* ---- looking after them ---------------------------------------------------------------------------------------- */

/* The first of the ring when its look is due; moved to the end. */
static mn_ws *next_due(mn_ws_all *all, int64_t now)
{
    mn_ws *ws = NULL;
    pthread_mutex_lock(&all->lock);
    if (all->ring.next != &all->ring && all->ring.next->due_us <= now) {
        ws = all->ring.next;
        ring_remove(ws);
        ws->due_us = now + all->ping_us;
        ring_add(all, ws);
    }
    pthread_mutex_unlock(&all->lock);
    return ws;
}

static void look(mn_ws *ws, int64_t now)
{
    pthread_mutex_lock(&ws->lock);
    bool drop = ws->closing || now - ws->heard_us >= ws->all->ping_us + ws->all->pong_us;
    if (!drop) drop = !mn_ws__say(ws, ws->all->ping);
    pthread_mutex_unlock(&ws->lock);
    if (drop) destroy(ws, true);
}

static int wait_ms(mn_ws_all *all, int64_t now)
{
    int64_t us = all->ping_us;
    pthread_mutex_lock(&all->lock);
    if (all->ring.next != &all->ring) us = all->ring.next->due_us - now;
    if (all->ending) us = 10000;
    pthread_mutex_unlock(&all->lock);
    return us <= 0 ? 0 : (int)(us / 1000) + 1;
}

static void say_goodbye(mn_ws_all *all)
{
    pthread_mutex_lock(&all->lock);
    for (mn_ws *ws = all->ring.next; ws != &all->ring; ws = ws->next) mn_ws_close(ws, 1001);
    pthread_mutex_unlock(&all->lock);
}

/* Once the server is ending: true when all are gone, or their time is over. */
static bool is_over(mn_ws_all *all, int64_t now)
{
    pthread_mutex_lock(&all->lock);
    bool begins = all->ending && all->end_us == 0;
    if (begins) all->end_us = now + GOODBYE_US;
    bool over = all->ending && !begins && (all->n == 0 || now >= all->end_us);
    pthread_mutex_unlock(&all->lock);
    if (begins) say_goodbye(all);
    return over;
}

static void *serve(void *arg)
{
    static const size_t room_bytes = READ_BYTES;
    mn_ws_all *all = arg;
    struct epoll_event ev[EVENTS_A_LOOK];
    char *room = mn_alloc(room_bytes);
    MN_ASSERT(room); /* before anything is served */
    for (;;) {
        int n = epoll_wait(all->epoll, ev, EVENTS_A_LOOK, wait_ms(all, mn_mono_us()));
        for (int i = 0; i < n; i++) {
            uint64_t count;
            if (ev[i].data.ptr) on_event(ev[i].data.ptr, ev[i].events, room);
            else (void)!read(all->wake, &count, sizeof count);
        }
        int64_t now = mn_mono_us();
        for (mn_ws *ws; (ws = next_due(all, now)) != NULL;) look(ws, now);
        if (is_over(all, now)) break;
    }
    while (all->ring.next != &all->ring) destroy(all->ring.next, true);
    mn_free(room);
    return NULL;
}

static void set_limits(mn_http_limits *l)
{
    int *const field[] = {&l->websockets, &l->websockets_per_address, &l->ws_ping_ms,
                          &l->ws_pong_ms, &l->ws_queue_bytes};
    static const int fallback[] = {20000, 256, 30000, 60000, 1 << 20};
    for (size_t i = 0; i < sizeof field / sizeof *field; i++)
        if (*field[i] <= 0) *field[i] = fallback[i];
}

mn_rc mn_ws__start(mn_http *h, mn_err *e)
{
    mn_http_limits *l = &h->conns.limits;
    set_limits(l);
    mn_ws_all *all = h->sockets = mn_calloc(1, sizeof *all);
    if (!all) return mn_fail(e, MN_E_NOMEM, "out of memory starting the server");
    pthread_mutex_init(&all->lock, NULL);
    all->ring.prev = all->ring.next = &all->ring;
    all->epoll = all->wake = -1;
    all->most = l->websockets;
    all->per_address = l->websockets_per_address;
    all->ping_us = (int64_t)l->ws_ping_ms * 1000;
    all->pong_us = (int64_t)l->ws_pong_ms * 1000;
    all->queue_bytes = (size_t)l->ws_queue_bytes;
    all->ping = mn_ws__data(MN_WS_OP_PING, NULL, 0);
    all->epoll = epoll_create1(EPOLL_CLOEXEC);
    all->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event ev = {.events = EPOLLIN};
    if (!all->ping) return mn_fail(e, MN_E_NOMEM, "out of memory starting the server");
    if (all->epoll < 0 || all->wake < 0 ||
        epoll_ctl(all->epoll, EPOLL_CTL_ADD, all->wake, &ev) != 0)
        return mn_fail_errno(e, MN_E_IO, "cannot wait for WebSockets");
    if (pthread_create(&all->thread, NULL, serve, all) != 0)
        return mn_fail(e, MN_E_IO, "cannot start the thread of the WebSockets");
    all->started = true;
    return MN_OK;
}

void mn_ws__end(mn_ws_all *all)
{
    uint64_t one = 1;
    if (!all || !all->started) return;
    pthread_mutex_lock(&all->lock);
    all->ending = true;
    pthread_mutex_unlock(&all->lock);
    (void)!write(all->wake, &one, sizeof one);
    pthread_join(all->thread, NULL);
    all->started = false;
}

void mn_ws__free(mn_ws_all *all)
{
    if (!all) return;
    mn_ws__end(all);
    if (all->epoll >= 0) close(all->epoll);
    if (all->wake >= 0) close(all->wake);
    mn_ws_data_unref(all->ping);
    pthread_mutex_destroy(&all->lock);
    mn_free(all);
}

int mn_http_websockets(mn_http *h)
{
    pthread_mutex_lock(&h->sockets->lock);
    int n = h->sockets->n;
    pthread_mutex_unlock(&h->sockets->lock);
    return n;
}

/* ---- from a request to a socket -------------------------------------------------------------------------------- */

bool mn_ws__promise(mn_ws_all *all, const uint8_t key[16])
{
    pthread_mutex_lock(&all->lock);
    bool ok = promise(all, key);
    pthread_mutex_unlock(&all->lock);
    return ok;
}

void mn_ws__forget(mn_ws_pending *p)
{
    if (!p) return;
    pthread_mutex_lock(&p->all->lock);
    unpromise(p->all, p->key);
    pthread_mutex_unlock(&p->all->lock);
    p->calls->close(p->state, NULL);
    mn_free(p);
}

static mn_ws *socket_new(const mn_ws_pending *p, int library_fd)
{
    int on = 1;
    mn_ws *ws = mn_calloc(1, sizeof *ws);
    if (!ws) return NULL;
    ws->fd = fcntl(library_fd, F_DUPFD_CLOEXEC, 0);
    if (ws->fd < 0) {
        mn_free(ws);
        return NULL;
    }
    setsockopt(ws->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    atomic_init(&ws->refs, 1);
    pthread_mutex_init(&ws->lock, NULL);
    ws->all = p->all;
    ws->calls = p->calls;
    ws->state = p->state;
    memcpy(ws->key, p->key, 16);
    mn_ws_parser_init(&ws->in, MN_WS_MESSAGE_MAX);
    return ws;
}

/* The thread takes it over; false: it will not, and nobody but the caller knows the socket. */
static bool hand_over(mn_ws_all *all, mn_ws *ws)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = ws};
    ws->heard_us = mn_mono_us();
    ws->due_us = ws->heard_us + all->ping_us;
    pthread_mutex_lock(&all->lock);
    pthread_mutex_lock(&ws->lock);
    ws->awaits_room = ws->out != NULL;
    if (ws->awaits_room) ev.events |= EPOLLOUT;
    bool ok = !all->ending && epoll_ctl(all->epoll, EPOLL_CTL_ADD, ws->fd, &ev) == 0;
    if (ok) {
        ring_add(all, ws);
        all->n++;
    }
    pthread_mutex_unlock(&ws->lock);
    pthread_mutex_unlock(&all->lock);
    return ok;
}

bool mn_ws__open(mn_ws_pending *p, int library_fd, const char *early, size_t n_early)
{
    mn_ws_all *all = p->all;
    mn_ws *ws = socket_new(p, library_fd);
    if (!ws) return false;
    mn_free(p);
    ws->awaits_room = true; /* not registered yet: whatever is said now waits */
    ws->calls->open(ws->state, ws);
    take(ws, early, n_early);
    if (hand_over(all, ws)) return true;
    /* The server is ending, and has said goodbye to the others already. */
    pthread_mutex_lock(&ws->lock);
    ws->awaits_room = false;
    mn_ws__flush(ws);
    pthread_mutex_unlock(&ws->lock);
    mn_ws_close(ws, 1001);
    destroy(ws, false);
    return true;
}

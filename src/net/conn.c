/* Open connections: how many from where, and until when each may take for what it is doing.
 *
 * The library's own timer is reset by every byte, so a client that sends one byte a second holds a connection for ever. Here
 * each phase has a deadline that bytes do not move; a watchdog looks four times a second and shuts what is overdue with
 * shutdown(2), which makes the library close it. A connection leaves the list (library callback CLOSED) before its descriptor
 * is closed, under the same lock, so the watchdog never touches a descriptor that has become somebody else's.
 *
 * A suspended connection is in no event loop, so nobody would see its client hang up: the watchdog asks for those whose
 * answer is still to come (mn_conns__watch). */
#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "net/http_int.h"

static void address_key(const struct sockaddr *addr, uint8_t ret[16])
{
    memset(ret, 0, 16);
    if (addr->sa_family == AF_INET) {
        ret[0] = 4;
        memcpy(ret + 1, &((const struct sockaddr_in *)(const void *)addr)->sin_addr, 4);
    } else if (addr->sa_family == AF_INET6) {
        const struct in6_addr *a6 =
            &((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr;
        bool mapped = IN6_IS_ADDR_V4MAPPED(a6);
        ret[0] = mapped ? 4 : 6;
        memcpy(ret + 1, a6->s6_addr + (mapped ? 12 : 0), mapped ? 4 : 8);
    }
}

static void address_text(const struct sockaddr *addr, char ret[INET6_ADDRSTRLEN])
{
    ret[0] = 0;
    if (addr->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)addr)->sin_addr, ret,
                  INET6_ADDRSTRLEN);
    if (addr->sa_family == AF_INET6) {
        const struct in6_addr *a6 =
            &((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(a6))
            inet_ntop(AF_INET, a6->s6_addr + 12, ret, INET6_ADDRSTRLEN);
        else inet_ntop(AF_INET6, a6, ret, INET6_ADDRSTRLEN);
    }
}

void mn_conns__key_of_text(mn_str peer, uint8_t ret[16])
{
    char z[INET6_ADDRSTRLEN] = "";
    struct sockaddr_in a4 = {.sin_family = AF_INET};
    struct sockaddr_in6 a6 = {.sin6_family = AF_INET6};
    memset(ret, 0, 16);
    if (peer.len >= sizeof z) return;
    if (peer.len) memcpy(z, peer.ptr, peer.len);
    if (inet_pton(AF_INET, z, &a4.sin_addr) == 1)
        address_key((const struct sockaddr *)(const void *)&a4, ret);
    else if (inet_pton(AF_INET6, z, &a6.sin6_addr) == 1)
        address_key((const struct sockaddr *)(const void *)&a6, ret);
}

bool mn_conns__admit(mn_conns *c, const struct sockaddr *addr)
{
    uint8_t key[16];
    char text[INET6_ADDRSTRLEN];
    address_key(addr, key);
    address_text(addr, text);
    if (c->proxy[0] && strcmp(text, c->proxy) == 0) return true;
    int n = 0;
    pthread_mutex_lock(&c->lock);
    for (mn_conn *k = c->head.next; k != &c->head; k = k->next)
        n += memcmp(k->key, key, sizeof key) == 0;
    pthread_mutex_unlock(&c->lock);
    return n < c->limits.per_address;
}

static void set_phase(mn_conns *c, mn_conn *k, mn_phase phase)
{
    const mn_http_limits *l = &c->limits;
    int64_t ms = phase == MN_PHASE_HEADERS ? l->headers_ms
                 : phase == MN_PHASE_IDLE  ? (int64_t)l->idle_ms + l->headers_ms
                 : phase == MN_PHASE_BODY  ? l->body_ms
                 : phase == MN_PHASE_SEND  ? l->send_ms
                                           : 0;
    k->phase = phase;
    k->deadline_us = phase == MN_PHASE_BUSY ? INT64_MAX : mn_mono_us() + ms * 1000;
}

mn_conn *mn_conns__add(mn_conns *c, const struct sockaddr *addr, int fd)
{
    mn_conn *k = mn_calloc(1, sizeof *k);
    if (!k) return NULL;
    k->fd = fd;
    if (addr) {
        address_key(addr, k->key);
        address_text(addr, k->peer);
    }
    set_phase(c, k, MN_PHASE_HEADERS);
    pthread_mutex_lock(&c->lock);
    k->next = &c->head;
    k->prev = c->head.prev;
    k->prev->next = k->next->prev = k;
    pthread_mutex_unlock(&c->lock);
    return k;
}

void mn_conns__remove(mn_conns *c, mn_conn *k)
{
    if (!k) return;
    pthread_mutex_lock(&c->lock);
    k->prev->next = k->next;
    k->next->prev = k->prev;
    pthread_mutex_unlock(&c->lock);
    mn_free(k);
}

void mn_conns__phase(mn_conns *c, mn_conn *k, mn_phase phase)
{
    if (!k) return;
    pthread_mutex_lock(&c->lock);
    set_phase(c, k, phase);
    pthread_mutex_unlock(&c->lock);
}

/* Nothing of ours is being sent in these phases, so the answer can go out past the library. */
static void say_timeout(const mn_conn *k)
{
    static const char text[] = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
                               "Content-Length: 0\r\n\r\n";
    if (k->phase == MN_PHASE_HEADERS || k->phase == MN_PHASE_BODY)
        (void)!send(k->fd, text, sizeof text - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void shut_overdue(mn_conns *c, int64_t now_us)
{
    for (mn_conn *k = c->head.next; k != &c->head; k = k->next) {
        if (k->deadline_us > now_us) continue;
        say_timeout(k);
        shutdown(k->fd, SHUT_RDWR);
        k->deadline_us = INT64_MAX;
    }
}

void mn_conns__watch(mn_conns *c, mn_conn *k, void (*gone)(void *state), void *state)
{
    if (!k) return;
    pthread_mutex_lock(&c->lock);
    k->gone = gone;
    k->gone_state = state;
    pthread_mutex_unlock(&c->lock);
}

static void tell_gone(mn_conn *k)
{
    void (*gone)(void *state) = k->gone;
    k->gone = NULL;
    if (gone) gone(k->gone_state);
}

void mn_conns__all_gone(mn_conns *c)
{
    pthread_mutex_lock(&c->lock);
    for (mn_conn *k = c->head.next; k != &c->head; k = k->next) tell_gone(k);
    pthread_mutex_unlock(&c->lock);
}

/* Whose client has hung up; by batches, since poll takes a list. */
static void look_for_gone(mn_conns *c)
{
    enum { BATCH = 256 };
    struct pollfd fd[BATCH];
    mn_conn *of[BATCH], *k = c->head.next;
    while (k != &c->head) {
        nfds_t n = 0;
        for (; k != &c->head && n < BATCH; k = k->next) {
            if (!k->gone) continue;
            fd[n] = (struct pollfd){.fd = k->fd, .events = POLLRDHUP};
            of[n++] = k;
        }
        if (n == 0 || poll(fd, n, 0) <= 0) continue;
        for (nfds_t i = 0; i < n; i++)
            if (fd[i].revents & (POLLRDHUP | POLLHUP | POLLERR)) tell_gone(of[i]);
    }
}

static int least_ms(const mn_http_limits *l)
{
    int ms = 1000;
    const int all[] = {l->headers_ms, l->body_ms, l->send_ms, l->idle_ms, l->ping_ms};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] < ms) ms = all[i];
    return ms / 4 > 10 ? ms / 4 : 10;
}

typedef struct watch_arg {
    mn_conns *conns;
    mn_http *http;
} watch_arg;

static void *watch(void *p)
{
    watch_arg arg = *(watch_arg *)p;
    mn_conns *c = arg.conns;
    mn_free(p);
    int64_t step_ms = least_ms(&c->limits);
    pthread_mutex_lock(&c->lock);
    while (!c->stop) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += step_ms * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&c->tick, &c->lock, &until);
        shut_overdue(c, mn_mono_us());
        look_for_gone(c);
        pthread_mutex_unlock(&c->lock);
        mn_http__tick(arg.http);
        pthread_mutex_lock(&c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

mn_rc mn_conns__start(mn_conns *c, mn_http *h, mn_err *e)
{
    c->head.prev = c->head.next = &c->head;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->tick, NULL);
    watch_arg *arg = mn_alloc(sizeof *arg);
    if (!arg) return mn_fail(e, MN_E_NOMEM, "out of memory starting the server");
    *arg = (watch_arg){c, h};
    if (pthread_create(&c->watchdog, NULL, watch, arg) != 0) {
        mn_free(arg);
        return mn_fail(e, MN_E_IO, "cannot start the watchdog thread");
    }
    c->started = true;
    return MN_OK;
}

void mn_conns__stop(mn_conns *c)
{
    if (c->started) {
        pthread_mutex_lock(&c->lock);
        c->stop = true;
        pthread_cond_signal(&c->tick);
        pthread_mutex_unlock(&c->lock);
        pthread_join(c->watchdog, NULL);
        c->started = false;
    }
}

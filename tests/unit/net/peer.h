/* A server that answers as a test tells it, byte for byte, one thread a connection. */
#ifndef MN_TESTS_NET_PEER_H
#define MN_TESTS_NET_PEER_H

#include <pthread.h>
#include <stdatomic.h>

#include "raw.h"

typedef struct peer peer;
#define PEER_MANY 64

struct peer {
    int listener, port;
    pthread_t thread;
    /* One request was read whole (text, NUL-terminated): answer on fd. False: hang up. */
    bool (*answer)(peer *p, int fd, const char *request, size_t n);
    atomic_int requests, connections;
    pthread_mutex_t lock;
    char last[8192], copy[8192]; /* the last request; guarded by the lock */
    struct peer_talk {
        peer *p;
        int fd;
        pthread_t thread;
    } talks[PEER_MANY];
};

/* Length of the first whole request in buf, 0 while there is more to come. */
static inline size_t peer_whole(const char *buf, size_t n)
{
    const char *end = memmem(buf, n, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t head = (size_t)(end - buf) + 4;
    const char *l = strcasestr(buf, "\r\ncontent-length:");
    size_t body = l && l < end ? strtoul(l + 17, NULL, 10) : 0;
    return n >= head + body ? head + body : 0;
}

static inline void *peer_talk(void *arg)
{
    struct peer_talk *t = arg;
    peer *p = t->p;
    char buf[8192], request[8192];
    size_t n = 0;
    for (;;) {
        ssize_t k = recv(t->fd, buf + n, sizeof buf - 1 - n, 0);
        if (k <= 0) break;
        n += (size_t)k;
        buf[n] = 0;
        size_t whole = peer_whole(buf, n);
        if (!whole) continue;
        p->requests++;
        memcpy(request, buf, whole);
        request[whole] = 0;
        pthread_mutex_lock(&p->lock);
        memcpy(p->last, request, whole + 1);
        pthread_mutex_unlock(&p->lock);
        if (!p->answer(p, t->fd, request, whole)) break;
        memmove(buf, buf + whole, n - whole);
        n -= whole;
    }
    shutdown(t->fd, SHUT_RDWR);
    return NULL;
}

/* The last request, as text. */
static inline const char *peer_last(peer *p)
{
    pthread_mutex_lock(&p->lock);
    memcpy(p->copy, p->last, sizeof p->copy);
    pthread_mutex_unlock(&p->lock);
    return p->copy;
}

static inline void *peer_run(void *arg)
{
    peer *p = arg;
    int n = 0;
    for (; n < PEER_MANY; n++) {
        struct peer_talk *t = &p->talks[n];
        *t = (struct peer_talk){.p = p, .fd = accept(p->listener, NULL, NULL)};
        if (t->fd < 0) break;
        p->connections++;
        if (pthread_create(&t->thread, NULL, peer_talk, t) != 0) abort();
    }
    for (int i = 0; i < n; i++) {
        shutdown(p->talks[i].fd, SHUT_RDWR);
        pthread_join(p->talks[i].thread, NULL);
        close(p->talks[i].fd);
    }
    return NULL;
}

static inline void peer_start(peer *p, bool (*answer)(peer *, int, const char *, size_t))
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t n = sizeof a;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memset(p, 0, sizeof *p);
    pthread_mutex_init(&p->lock, NULL);
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    p->answer = answer;
    if (bind(p->listener, (struct sockaddr *)&a, sizeof a) != 0 ||
        listen(p->listener, 16) != 0 ||
        getsockname(p->listener, (struct sockaddr *)&a, &n) != 0)
        fail_msg("cannot listen");
    p->port = ntohs(a.sin_port);
    if (pthread_create(&p->thread, NULL, peer_run, p) != 0) fail_msg("no thread");
}

static inline void peer_stop(peer *p)
{
    shutdown(p->listener, SHUT_RDWR);
    pthread_join(p->thread, NULL);
    close(p->listener);
}

static inline bool peer_say(int fd, const char *z)
{
    raw_say(fd, z, strlen(z));
    return true;
}

#endif

/* A client that says exactly the bytes it is told, for tests of the server. */
#ifndef MN_TESTS_NET_RAW_H
#define MN_TESTS_NET_RAW_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "test.h"

static inline int raw_dial(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0) fail_msg("cannot connect");
    return fd;
}

static inline void raw_say(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
        if (k <= 0) return; /* the server may have hung up: the test reads why */
        p += k, n -= (size_t)k;
    }
}

/* Reads until the peer closes, `want` is seen (NULL: never), or ms have passed. Returns bytes; *ret_closed says which. */
static inline size_t raw_hear(int fd, char *buf, size_t cap, const char *want, int ms,
                              bool *ret_closed)
{
    size_t n = 0;
    int64_t until = mn_mono_us() + (int64_t)ms * 1000;
    *ret_closed = false;
    buf[0] = 0;
    while (n + 1 < cap) {
        int64_t left = (until - mn_mono_us()) / 1000;
        struct pollfd p = {fd, POLLIN, 0};
        if (left <= 0 || poll(&p, 1, (int)left) <= 0) break;
        ssize_t k = recv(fd, buf + n, cap - 1 - n, 0);
        if (k <= 0) {
            *ret_closed = true;
            break;
        }
        n += (size_t)k;
        buf[n] = 0;
        if (want && memmem(buf, n, want, strlen(want))) break;
    }
    return n;
}

static inline int raw_status(const char *answer)
{
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? atoi(answer + 9) : 0;
}

/* How often `what` occurs in an answer. */
static inline int raw_count(const char *answer, size_t n, const char *what)
{
    int k = 0;
    for (const char *p = answer; (p = memmem(p, n - (size_t)(p - answer), what, strlen(what)));
         p += strlen(what))
        k++;
    return k;
}

/* One request on a fresh connection, to its end or half a second of silence after `want`. */
static inline int raw_ask(int port, const char *bytes, size_t n, char *buf, size_t cap,
                          bool *ret_closed)
{
    int fd = raw_dial(port);
    raw_say(fd, bytes, n);
    raw_hear(fd, buf, cap, NULL, 250, ret_closed);
    close(fd);
    return raw_status(buf);
}

#endif

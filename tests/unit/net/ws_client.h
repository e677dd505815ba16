/* A WebSocket client that sends exactly the frames it is told, for tests. */
#ifndef MN_TESTS_NET_WS_CLIENT_H
#define MN_TESTS_NET_WS_CLIENT_H

#include "net/ws_frame.h"
#include "raw.h"

/* Reads exactly n bytes within five seconds. */
static inline bool ws_hear(int fd, void *ret, size_t n)
{
    char *p = ret;
    int64_t until = mn_mono_us() + 5000000;
    while (n > 0) {
        struct pollfd f = {fd, POLLIN, 0};
        int64_t left = (until - mn_mono_us()) / 1000;
        if (left <= 0 || poll(&f, 1, (int)left) <= 0) return false;
        ssize_t k = recv(fd, p, n, 0);
        if (k <= 0) return false;
        p += k, n -= (size_t)k;
    }
    return true;
}

/* The head of an answer, byte by byte, so that frames behind it stay where they are. */
static inline void ws_hear_head(int fd, char *ret, size_t cap)
{
    size_t n = 0;
    ret[0] = 0;
    while (n + 1 < cap && !(n >= 4 && memcmp(ret + n - 4, "\r\n\r\n", 4) == 0)) {
        if (!ws_hear(fd, ret + n, 1)) return;
        ret[++n] = 0;
    }
}

/* A masked frame into out; returns its length. */
static inline size_t ws_frame(char *out, int first, const void *p, size_t n)
{
    uint8_t head[10];
    const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};
    size_t k = mn_ws_frame_head(0, n, head);
    head[0] = (uint8_t)first;
    head[1] |= 0x80;
    memcpy(out, head, k);
    memcpy(out + k, mask, 4);
    for (size_t i = 0; i < n; i++)
        out[k + 4 + i] = (char)(((const uint8_t *)p)[i] ^ mask[i & 3]);
    return k + 4 + n;
}

static inline void ws_say(int fd, int first, const void *p, size_t n)
{
    char *out = malloc(n + 14);
    raw_say(fd, out, ws_frame(out, first, p, n));
    free(out);
}
/* The next frame that is no ping: its opcode, the payload in ret, NUL-terminated; -1 when none comes within five seconds or the
 * connection has ended. */
static inline int ws_next(int fd, char *ret, size_t cap, size_t *ret_n)
{
    for (;;) {
        uint8_t h[10];
        if (!ws_hear(fd, h, 2)) return -1;
        OK((h[0] & 0x70) == 0 && !(h[1] & 0x80));
        uint64_t n = h[1];
        size_t wide = n == 126 ? 2 : n == 127 ? 8 : 0;
        if (wide) {
            if (!ws_hear(fd, h + 2, wide)) return -1;
            n = 0;
            for (size_t i = 0; i < wide; i++) n = n << 8 | h[2 + i];
        }
        OK(n < cap);
        if (!ws_hear(fd, ret, n)) return -1;
        ret[n] = 0;
        *ret_n = n;
        if ((h[0] & 15) == MN_WS_OP_PING) {
            ws_say(fd, 0x8a, ret, n);
            continue;
        }
        return h[0] & 15;
    }
}

#endif

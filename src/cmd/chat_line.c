#include "cmd/chat_line.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "base/stop.h"

#define LINE_MAX_BYTES (4u << 20)

volatile int mn_line_interrupted;

static struct sigaction was_int;
static struct termios was_tty;
static bool tty_changed;

static void on_int(int number)
{
    (void)number;
    mn_line_interrupted = 1;
}

/* Erasing takes a whole character, not a byte of it. */
static void tell_utf8(void)
{
    struct termios t;
    if (tcgetattr(STDIN_FILENO, &t) != 0 || (t.c_iflag & IUTF8)) return;
    was_tty = t;
    t.c_iflag |= IUTF8;
    tty_changed = tcsetattr(STDIN_FILENO, TCSANOW, &t) == 0;
}

void mn_line_init(mn_line *l)
{
    /* poll ends all the same, and a write of what is answered goes on */
    struct sigaction a = {.sa_handler = on_int, .sa_flags = SA_RESTART};
    *l = (mn_line){.terminal = isatty(STDIN_FILENO) != 0};
    mn_buf_init(&l->pending, LINE_MAX_BYTES + (1u << 16));
    mn_line_interrupted = 0;
    sigemptyset(&a.sa_mask);
    sigaction(SIGINT, &a, &was_int);
    if (l->terminal) tell_utf8();
}

void mn_line_release(mn_line *l)
{
    if (tty_changed) tcsetattr(STDIN_FILENO, TCSANOW, &was_tty);
    tty_changed = false;
    sigaction(SIGINT, &was_int, NULL);
    mn_buf_release(&l->pending);
}

/* What stands behind the given lines moves to the front. */
static void settle(mn_line *l)
{
    mn_buf *b = &l->pending;
    if (!l->at) return;
    memmove(b->ptr, b->ptr + l->at, b->len - l->at);
    b->len -= l->at;
    l->at = 0;
}

/* Waits for input, a signal or a wish to stop. false: one of the latter. */
static bool wait_for_input(void)
{
    struct pollfd p[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                          {.fd = mn_stop_fd(), .events = POLLIN}};
    while (!mn_line_interrupted && !mn_stop_requested()) {
        int n = poll(p, 2, -1);
        if (n > 0 && p[0].revents) return true;
        if (n < 0 && errno != EINTR) return true; /* read will say what is wrong */
    }
    mn_line_interrupted = 1;
    return false;
}

static mn_rc fill(mn_line *l, bool *ret_go, mn_err *e)
{
    char tmp[4096];
    *ret_go = wait_for_input();
    if (!*ret_go) return MN_OK;
    ssize_t n = read(STDIN_FILENO, tmp, sizeof tmp);
    if (n < 0 && errno == EINTR) return MN_OK;
    if (n < 0) return mn_fail_errno(e, MN_E_IO, "cannot read what you write");
    if (n == 0) l->ended = true;
    if (mn_buf_add(&l->pending, tmp, (size_t)n) == MN_E_NOMEM)
        return mn_fail(e, MN_E_NOMEM, "out of memory for a line");
    if (l->pending.failed || l->pending.len > LINE_MAX_BYTES)
        return mn_fail(e, MN_E_LIMIT, "a line of more than %u bytes", LINE_MAX_BYTES);
    return MN_OK;
}

mn_rc mn_line_next(mn_line *l, const char *question, mn_str *ret, bool *ret_more, mn_err *e)
{
    size_t looked = 0;
    bool go = true;
    settle(l);
    *ret_more = false;
    if (l->terminal) {
        fputs(question, stderr);
        fflush(stderr);
    }
    while (go) {
        const mn_buf *b = &l->pending;
        const char *nl =
            b->len > looked ? memchr(b->ptr + looked, '\n', b->len - looked) : NULL;
        if (nl || (l->ended && b->len)) {
            size_t n = nl ? (size_t)(nl - b->ptr) : b->len;
            l->at = nl ? n + 1 : n;
            *ret = (mn_str){b->ptr, n && b->ptr[n - 1] == '\r' ? n - 1 : n};
            *ret_more = true;
            return MN_OK;
        }
        if (l->ended) return MN_OK;
        looked = b->len;
        MN_TRY(fill(l, &go, e));
    }
    return MN_OK;
}

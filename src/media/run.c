/* The sandbox, from the outside: a process is started, given the bytes, and its answer read against a deadline. Nothing that
 * comes back is believed: sizes, types and shapes are checked as if a stranger had said them. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "media/worker.h"

#define DEADLINE_MS 20000
#define OUT_MAX     (96u << 20)

typedef struct run {
    int fd;
    pid_t pid;
    int64_t deadline_us;
} run;

/* ---- turns ---------------------------------------------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    int running;
} turns = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

static void turn_begin(void)
{
    int most = mn_cpu_count();
    pthread_mutex_lock(&turns.lock);
    while (turns.running >= most) pthread_cond_wait(&turns.freed, &turns.lock);
    turns.running++;
    pthread_mutex_unlock(&turns.lock);
}

static void turn_end(void)
{
    pthread_mutex_lock(&turns.lock);
    turns.running--;
    pthread_cond_signal(&turns.freed);
    pthread_mutex_unlock(&turns.lock);
}

/* ---- the process ---------------------------------------------------------------------------------------------------- */

/* Descriptors 0 to 2 are /dev/null, 3 the socket, and there are no others. */
static int spawn(int fd, bool avif, pid_t *ret)
{
    char program[] = "/proc/self/exe", name[] = "mynah";
    char arg[] = MN_WORK_ARG, arg_avif[] = MN_WORK_ARG_AVIF;
    char *argv[] = {name, avif ? arg_avif : arg, NULL}, *env[] = {NULL};
    posix_spawn_file_actions_t acts;
    posix_spawnattr_t attr;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    if (posix_spawn_file_actions_init(&acts) != 0) return ENOMEM;
    if (posix_spawnattr_init(&attr) != 0) {
        posix_spawn_file_actions_destroy(&acts);
        return ENOMEM;
    }
    int bad = posix_spawn_file_actions_addopen(&acts, 0, "/dev/null", O_RDWR, 0);
    if (!bad) bad = posix_spawn_file_actions_adddup2(&acts, fd, MN_WORK_FD);
    for (int i = 1; !bad && i < 3; i++) bad = posix_spawn_file_actions_adddup2(&acts, 0, i);
    if (!bad) bad = posix_spawn_file_actions_addclosefrom_np(&acts, MN_WORK_FD + 1);
    if (!bad) bad = posix_spawnattr_setsigmask(&attr, &none);
    if (!bad) bad = posix_spawnattr_setsigdefault(&attr, &all);
    if (!bad)
        bad = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (!bad) bad = posix_spawn(ret, program, &acts, &attr, argv, env);
    posix_spawn_file_actions_destroy(&acts);
    posix_spawnattr_destroy(&attr);
    return bad;
}

static mn_rc start(run *r, bool avif, mn_err *e)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        return mn_fail_errno(e, MN_E_IO, "cannot start reading the picture");
    /* dup2 onto itself would leave the close-on-exec flag; 3 may be free when the server has closed its standard files. */
    int theirs = fcntl(fds[1], F_DUPFD_CLOEXEC, 16);
    close(fds[1]);
    int bad = theirs < 0 ? errno : spawn(theirs, avif, &r->pid);
    if (theirs >= 0) close(theirs);
    if (bad) {
        close(fds[0]);
        errno = bad;
        return mn_fail_errno(e, MN_E_IO, "cannot start reading the picture");
    }
    r->fd = fds[0];
    return MN_OK;
}

/* Never longer than it takes to kill it. */
static int stop(run *r)
{
    int status = 0;
    kill(r->pid, SIGKILL);
    while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR) {
    }
    close(r->fd);
    return status;
}

/* ---- bytes over, bytes back ----------------------------------------------------------------------------------------- */

static mn_rc await(const run *r, short what, mn_err *e)
{
    for (;;) {
        int64_t left_ms = (r->deadline_us - mn_mono_us()) / 1000;
        struct pollfd p = {r->fd, what, 0};
        if (left_ms <= 0) return mn_fail(e, MN_E_LIMIT, "the picture takes too long to read");
        int n = poll(&p, 1, (int)left_ms);
        if (n > 0) return MN_OK;
        if (n < 0 && errno != EINTR)
            return mn_fail_errno(e, MN_E_IO, "cannot read the picture");
    }
}

/* It died over it: the filter, a limit or a fault has stopped it. */
static mn_rc died(mn_err *e)
{
    return mn_fail(e, MN_E_PARSE, "the picture is damaged, or too much to read");
}

static mn_rc give(const run *r, const void *from, size_t n, mn_err *e)
{
    for (const char *p = from; n > 0;) {
        MN_TRY(await(r, POLLOUT, e));
        ssize_t k = send(r->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (k < 0 && errno != EAGAIN && errno != EINTR) return died(e);
        p += k > 0 ? k : 0;
        n -= k > 0 ? (size_t)k : 0;
    }
    return MN_OK;
}

static mn_rc take(const run *r, void *to, size_t n, mn_err *e)
{
    for (char *p = to; n > 0;) {
        MN_TRY(await(r, POLLIN, e));
        ssize_t k = recv(r->fd, p, n, MSG_DONTWAIT);
        if (k == 0 || (k < 0 && errno != EAGAIN && errno != EINTR)) return died(e);
        p += k > 0 ? k : 0;
        n -= k > 0 ? (size_t)k : 0;
    }
    return MN_OK;
}

static mn_rc take_buf(const run *r, uint64_t n, mn_buf *ret, mn_err *e)
{
    if (n > OUT_MAX) return died(e);
    if (mn_buf_reserve(ret, (size_t)n) != MN_OK)
        return mn_fail(e, MN_E_NOMEM, "no memory for the picture");
    MN_TRY(take(r, ret->ptr, (size_t)n, e));
    ret->len = (size_t)n;
    ret->ptr[n] = '\0';
    return MN_OK;
}

/* ---- the answer ----------------------------------------------------------------------------------------------------- */

/* The bytes are of the type said, which is one of a picture; gives its static name. */
static bool is_type(const mn_buf *b, const char *said, const char **ret)
{
    const mn_media_type *t = mn_media_sniff(mn_buf_str(b));
    if (!t || t->kind != MN_KIND_IMAGE || strcmp(t->mime, said) != 0) return false;
    *ret = t->mime;
    return true;
}

static bool is_side(int32_t n)
{
    return n >= 1 && n <= MN_PICTURE_SIDE_MAX;
}

static bool is_blurhash(const char *s)
{
    for (; *s; s++)
        if (*s <= ' ' || *s >= 0x7f || *s == '"' || *s == '\\' || *s == '<') return false;
    return true;
}

static mn_rc check_answer(const mn_work_answer *a, mn_picture *p, mn_err *e)
{
    if (!is_side(a->width) || !is_side(a->height) || !is_blurhash(a->blurhash) ||
        !is_type(&p->file, a->mime, &p->mime))
        return died(e);
    p->preview_mime = "";
    if (p->preview.len && (!is_side(a->preview_width) || !is_side(a->preview_height) ||
                           !is_type(&p->preview, a->preview_mime, &p->preview_mime)))
        return died(e);
    p->width = a->width;
    p->height = a->height;
    p->preview_width = p->preview.len ? a->preview_width : 0;
    p->preview_height = p->preview.len ? a->preview_height : 0;
    p->animated = a->animated != 0;
    memcpy(p->blurhash, a->blurhash, sizeof p->blurhash);
    return MN_OK;
}

/* What the worker says went wrong, in words that come from our own sources but through its hands. */
static mn_rc worker_failed(mn_work_answer *a, mn_err *e)
{
    mn_str msg = mn_str_from(a->msg);
    for (size_t i = 0; i < msg.len; i++)
        if (a->msg[i] < ' ' || a->msg[i] == 0x7f) return died(e);
    if (a->rc == MN_E_LIMIT || a->rc == MN_E_UNSUPPORTED || a->rc == MN_E_PARSE)
        return mn_fail(e, (mn_rc)a->rc, "%s", msg.len ? a->msg : "the picture cannot be read");
    return died(e);
}

static mn_rc converse(const run *r, mn_str in, mn_picture_use use, mn_picture *p, mn_err *e)
{
    mn_work_request q = {.magic = MN_WORK_MAGIC, .use = (uint32_t)use, .size = in.len};
    mn_work_answer a;
    MN_TRY(give(r, &q, sizeof q, e));
    MN_TRY(give(r, in.ptr, in.len, e));
    MN_TRY(take(r, &a, sizeof a, e));
    a.msg[sizeof a.msg - 1] = a.mime[sizeof a.mime - 1] = '\0';
    a.preview_mime[sizeof a.preview_mime - 1] = a.blurhash[sizeof a.blurhash - 1] = '\0';
    if (a.magic != MN_WORK_MAGIC) return died(e);
    if (a.rc != MN_OK) return worker_failed(&a, e);
    MN_TRY(take_buf(r, a.size, &p->file, e));
    MN_TRY(take_buf(r, a.preview_size, &p->preview, e));
    return check_answer(&a, p, e);
}

mn_rc mn_media_picture_within(mn_str bytes, mn_picture_use use, int deadline_ms,
                              mn_picture *ret, mn_err *e)
{
    mn_picture p = {0};
    run r = {0};
    if (bytes.len > MN_PICTURE_IN_MAX)
        return mn_fail(e, MN_E_LIMIT, "the picture has more than %u bytes", MN_PICTURE_IN_MAX);
    mn_media__worker_is_here();
    mn_buf_init(&p.file, 0);
    mn_buf_init(&p.preview, 0);
    turn_begin();
    r.deadline_us =
        mn_mono_us() + (int64_t)(deadline_ms > 0 ? deadline_ms : DEADLINE_MS) * 1000;
    mn_rc rc = start(&r, mn_pic__is_avif(bytes), e);
    if (rc == MN_OK) {
        rc = converse(&r, bytes, use, &p, e);
        stop(&r);
    }
    turn_end();
    if (rc == MN_OK) *ret = p;
    else mn_picture_release(&p);
    return rc;
}

mn_rc mn_media_picture(mn_str bytes, mn_picture_use use, mn_picture *ret, mn_err *e)
{
    return mn_media_picture_within(bytes, use, 0, ret, e);
}

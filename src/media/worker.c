/* The sandbox, from the inside: this program, executed anew as `PROGRAM media-worker` with a socket as descriptor 3, nothing in
 * its environment and no other descriptor. It first gives up all it can (limits, then a filter of system calls that kills),
 * and only then reads the stranger's bytes.
 *
 * It starts in a constructor, before main, so that every program with pictures in it, the tests too, can be its own worker. */
#include "media/worker.h"
#include "media/libavif.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "media/libavif.h"

#define CPU_S        20
#define MEMORY_BYTES ((rlim_t)3 << 29) /* 1.5 GiB of addresses */

static void limit(int what, rlim_t most)
{
    struct rlimit l = {most, most};
    if (setrlimit((__rlimit_resource_t)what, &l) != 0) _exit(70);
}

static void set_limits(void)
{
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_NOFILE, MN_WORK_FD + 1);
    limit(RLIMIT_CPU, CPU_S);
    if (!MN_WORK_UNFILTERED) limit(RLIMIT_AS, MEMORY_BYTES);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        _exit(71);
    setpriority(PRIO_PROCESS, 0, 5);
}

/* Reading and writing what is open, memory that is not executed, and the end: anything else kills the process. */
static void set_filter(void)
{
    static const int allowed[] = {
        SCMP_SYS(read),          SCMP_SYS(write),
        SCMP_SYS(recvfrom),      SCMP_SYS(sendto),
        SCMP_SYS(close),         SCMP_SYS(munmap),
        SCMP_SYS(mremap),        SCMP_SYS(brk),
        SCMP_SYS(madvise),       SCMP_SYS(futex),
        SCMP_SYS(exit),          SCMP_SYS(exit_group),
        SCMP_SYS(rt_sigreturn),  SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
        SCMP_SYS(getrandom),     SCMP_SYS(sched_getaffinity),
        SCMP_SYS(sched_yield),   SCMP_SYS(getpid),
        SCMP_SYS(gettid),
    };
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int bad = !f;
    for (size_t i = 0; !bad && i < sizeof allowed / sizeof *allowed; i++)
        bad = seccomp_rule_add(f, SCMP_ACT_ALLOW, allowed[i], 0);
    if (!bad)
        bad = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (!bad)
        bad = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (bad || seccomp_load(f) != 0) _exit(72);
    seccomp_release(f);
}

static void read_all(void *to, size_t n)
{
    for (char *p = to; n > 0;) {
        ssize_t k = read(MN_WORK_FD, p, n);
        if (k <= 0) _exit(73);
        p += k;
        n -= (size_t)k;
    }
}

static void write_all(const void *from, size_t n)
{
    for (const char *p = from; n > 0;) {
        ssize_t k = write(MN_WORK_FD, p, n);
        if (k <= 0) _exit(74);
        p += k;
        n -= (size_t)k;
    }
}

/* What tests ask for: to do what must not be possible. Coming back from it is the failure. */
static void misbehave(uint32_t use)
{
    switch (use) {
    case MN_WORK_TEST_OPEN:
        (void)!open("/etc/hostname", O_RDONLY | O_CLOEXEC);
        break;
    case MN_WORK_TEST_SOCKET:
        (void)!socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        break;
    case MN_WORK_TEST_EXEC:
        execl("/bin/true", "true", (char *)NULL);
        break;
    case MN_WORK_TEST_FORK:
        (void)!fork();
        break;
    case MN_WORK_TEST_MEMORY:
        for (volatile char *p; (p = mn_alloc((size_t)64 << 20)) != NULL;)
            for (size_t i = 0; i < (size_t)64 << 20; i += 4096) p[i] = 1;
        break;
    case MN_WORK_TEST_SPIN:
        for (volatile int i = 0;; i++) {
        }
    default:
        break;
    }
}

static void answer(mn_rc rc, const mn_picture *r, const mn_err *e)
{
    mn_work_answer a = {.magic = MN_WORK_MAGIC, .rc = rc};
    if (rc != MN_OK) {
        snprintf(a.msg, sizeof a.msg, "%s", e->msg);
    } else {
        snprintf(a.mime, sizeof a.mime, "%s", r->mime);
        snprintf(a.preview_mime, sizeof a.preview_mime, "%s", r->preview_mime);
        snprintf(a.blurhash, sizeof a.blurhash, "%s", r->blurhash);
        a.width = r->width;
        a.height = r->height;
        a.preview_width = r->preview_width;
        a.preview_height = r->preview_height;
        a.animated = r->animated;
        a.size = r->file.len;
        a.preview_size = r->preview.len;
    }
    write_all(&a, sizeof a);
    if (rc != MN_OK) return;
    write_all(r->file.ptr, r->file.len);
    write_all(r->preview.ptr, r->preview.len);
}

_Noreturn static void work(void)
{
    mn_work_request q;
    mn_picture r;
    mn_err e = {0};
    set_limits();
    if (!MN_WORK_UNFILTERED) set_filter();
    read_all(&q, sizeof q);
    if (q.magic != MN_WORK_MAGIC || q.size > MN_PICTURE_IN_MAX) _exit(75);
    char *in = mn_alloc(q.size ? q.size : 1);
    if (!in) _exit(76);
    read_all(in, q.size);
    if (q.use >= MN_WORK_TEST_OPEN) misbehave(q.use);
    mn_rc rc = mn_media__work((mn_str){in, q.size}, (mn_picture_use)q.use, &r, &e);
    answer(rc, &r, &e);
    _exit(0);
}

/* glibc gives constructors the arguments of main. */
__attribute__((constructor)) static void begin(int argc, char **argv)
{
    int type = 0;
    socklen_t n = sizeof type;
    bool avif = argc == 2 && strcmp(argv[1], MN_WORK_ARG_AVIF) == 0;
    if (!avif && (argc != 2 || strcmp(argv[1], MN_WORK_ARG) != 0)) return;
    if (getsockopt(MN_WORK_FD, SOL_SOCKET, SO_TYPE, &type, &n) != 0) {
        static const char why[] = "media-worker is started by mynah itself\n";
        (void)!write(2, why, sizeof why - 1);
        _exit(2);
    }
    if (avif) (void)mn_libavif_open(NULL); /* without it the decoder says what is missing */
    work();
}

void mn_media__worker_is_here(void)
{
}

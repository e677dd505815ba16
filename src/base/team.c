/* The team: see team.h.
 *
 * A stage has a word for each thread, `taken`: how many of that thread's parts are handed out, from the front (which it takes
 * itself) and from the back (which others take that have none left); and `done`, the parts finished. Each has the number of its run
 * in it. A word of an earlier run counts as 0, so nothing is reset between runs; a thread that meets a word of a later run
 * knows that its own is over. As a run cannot end while somebody holds a part, whoever holds one works on live data.
 *
 * A run is published as in thread.c: `inside` counts who looks at the fields, which are copied before it is left again.
 * Waiting: a short spin, then a futex on `event`, which whoever finishes a stage counts up when there are sleepers.
 *
 * Busy neighbours: when the system puts a thread aside that holds a part, all wait until its turn comes again, some
 * milliseconds, and a machine with one busy neighbour on it would be slower for two threads than for one. So long waits are
 * counted, and when much time is lost by them the members work in turns for a while: a turn is shorter than those that the system gives, after
 * it a member leaves the processor of its own accord, holding nothing; who sleeps that often is seldom put aside. Then they
 * try again without; when it is too early, the next such time is twice as long. */
#include "base/team.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"

/* At 10,000 runs a second the number of the run is used up in three years. */
enum { THREADS_MAX = 1024, COUNT_BITS = 24, SIDE_BITS = COUNT_BITS / 2 };
enum {
    SPIN_US = 20,
    LONG_US =
        300, /* waited so much longer than the own work of the stage: somebody was put aside */
    LOST_US = 4000, /* so much was lost by it lately: the processors are shared with others */
    LOST_LEAK = 10, /* what is lost counts for ten times as long */
    SHARED_US =
        50000, /* then members work in turns, for so long, twice as long when it was too short: */
    SHARED_MAX_US = 1600000,
    TURN_US = 500,  /* a turn, */
    PAUSE_US = 250, /* and what lies between two */
};

/* A line of cache that threads write to. A stage has one for each thread, taken, and one, done, behind them. */
typedef struct line {
    _Alignas(64) _Atomic uint64_t
        word; /* run << COUNT_BITS | count; taken: | from the back << SIDE_BITS | from the front */
} line;

struct mn_walk {
    mn_team *team;
    int64_t from_us; /* the stage was entered */
    uint64_t run;
    size_t at;      /* the stage */
    size_t n_parts; /* of it, once asked */
    uint32_t held;  /* parts taken here and not yet told as done */
    bool over;
    int thread;
};

typedef struct member {
    mn_team *team;
    pthread_t id;
    int index;
    int64_t turn_until_us; /* its own, when processors are shared */
} member;

struct mn_team {
    int n_threads, n_started;
    int spin_us;
    line *lines; /* [MN_TEAM_STAGES][n_threads + 1], in */
    void *stages;
    void (*fn)(void *arg, mn_walk *w);
    size_t size;
    uint64_t run;
    _Alignas(64) unsigned char arg[MN_TEAM_ARG];
    _Alignas(64) _Atomic uint32_t
        news; /* counted up with each run, and at the end: the futex word of idle threads */
    _Atomic uint32_t idle;
    _Atomic bool open, stop;
    _Alignas(64) _Atomic uint32_t inside;
    _Alignas(64) _Atomic uint32_t event; /* the futex word of those who wait for a stage */
    _Atomic uint32_t sleepers;
    _Alignas(64) _Atomic int64_t shared_until_us; /* 0: the processors are ours */
    pthread_mutex_t lost_lock;
    int64_t lost_us, lost_at_us,
        shared_us; /* a leaking sum, when it was looked at, how long sharing lasts */
    member members[];
};

static void futex_wait(_Atomic uint32_t *word, uint32_t value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void relax(void)
{
#ifdef __x86_64__
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* ---- stages ------------------------------------------------------------------------------------------------------ */

/* The count in a stage's word for this walk's run. */
static uint32_t count_of(mn_walk *w, uint64_t word)
{
    uint64_t run = word >> COUNT_BITS;
    if (run > w->run) w->over = true;
    return run == w->run ? (uint32_t)(word & ((1u << COUNT_BITS) - 1)) : 0;
}

static uint64_t word_of(const mn_walk *w, uint32_t count)
{
    return w->run << COUNT_BITS | count;
}

/* While the processors are shared, a member leaves its own to the neighbour again and again. Holds no part. */
static void take_turns(const mn_walk *w)
{
    member *m = &w->team->members[w->thread - 1];
    if (mn_mono_us() < m->turn_until_us) return;
    usleep(PAUSE_US);
    m->turn_until_us = mn_mono_us() + TURN_US;
}

static line *lines_of(const mn_walk *w)
{
    return w->team->lines + w->at * ((size_t)w->team->n_threads + 1);
}

/* Where the parts of thread i begin. */
static size_t parts_at(const mn_walk *w, size_t i)
{
    const size_t n = (size_t)w->team->n_threads;
    return (w->n_parts * i + n - 1) / n;
}

/* One of thread i's parts: its own thread takes them as they lie in memory, the others from the back. */
static bool take_from(mn_walk *w, size_t i, size_t *ret_part)
{
    const uint32_t side = 1u << SIDE_BITS;
    const bool own = i == (size_t)w->thread;
    size_t from = parts_at(w, i), n = parts_at(w, i + 1) - from;
    _Atomic uint64_t *word = &lines_of(w)[i].word;
    uint64_t now = atomic_load_explicit(word, memory_order_relaxed);
    for (;;) {
        uint32_t count = count_of(w, now), front = count % side, back = count / side;
        if (w->over || front + back >= n) return false;
        if (atomic_compare_exchange_weak_explicit(word, &now,
                                                  word_of(w, count + (own ? 1 : side)),
                                                  memory_order_acq_rel, memory_order_relaxed)) {
            *ret_part = own ? from + front : from + n - 1 - back;
            w->held++;
            return true;
        }
    }
}

bool mn_stage_next(mn_walk *w, size_t n_parts, size_t *ret_part)
{
    const size_t n = (size_t)w->team->n_threads;
    MN_ASSERT(n_parts / n < (1u << SIDE_BITS) - 1);
    if (w->n_parts == 0) w->from_us = mn_mono_us();
    w->n_parts = n_parts;
    if (w->thread && w->held == 0 &&
        atomic_load_explicit(&w->team->shared_until_us, memory_order_relaxed) > w->from_us)
        take_turns(w);
    for (size_t i = 0; i < n && !w->over; i++)
        if (take_from(w, ((size_t)w->thread + i) % n, ret_part)) return true;
    return false;
}

/* Tells that the parts taken here are done. */
static void tell(mn_walk *w, line *done)
{
    uint64_t word = atomic_load_explicit(&done->word, memory_order_relaxed);
    uint32_t n;
    do n = count_of(w, word) + w->held;
    while (!atomic_compare_exchange_weak(&done->word, &word, word_of(w, n)));
    w->held = 0;
    if (n == w->n_parts && atomic_load(&w->team->sleepers)) {
        atomic_fetch_add(&w->team->event, 1);
        futex_wake(&w->team->event);
    }
}

static bool is_done(mn_walk *w, line *done)
{
    return count_of(w, atomic_load(&done->word)) >= w->n_parts || w->over;
}

static bool spin(mn_walk *w, line *done, int64_t now)
{
    for (int64_t until = now + w->team->spin_us; mn_mono_us() < until;)
        for (int i = 0; i < 32; i++) {
            relax();
            if (is_done(w, done)) return true;
        }
    return false;
}

static void sleep_until_done(mn_walk *w, line *done)
{
    mn_team *t = w->team;
    atomic_fetch_add(&t->sleepers, 1);
    for (;;) {
        uint32_t event = atomic_load(&t->event);
        if (is_done(w, done)) break;
        futex_wait(&t->event, event);
    }
    atomic_fetch_sub(&t->sleepers, 1);
}

/* A long wait. When they are many, members begin to work in turns. */
static void note_lost(mn_team *t, int64_t now, int64_t lost)
{
    pthread_mutex_lock(&t->lost_lock);
    int64_t since = now - t->lost_at_us, ended = atomic_load(&t->shared_until_us);
    int64_t left = t->lost_us - since / LOST_LEAK;
    t->lost_us = (left > 0 ? left : 0) + lost;
    t->lost_at_us = now;
    if (t->lost_us > LOST_US && ended < now) {
        bool again = t->shared_us && now - ended < 4 * t->shared_us;
        t->shared_us = again ? 2 * t->shared_us : SHARED_US;
        if (t->shared_us > SHARED_MAX_US) t->shared_us = SHARED_MAX_US;
        t->lost_us = 0;
        atomic_store(&t->shared_until_us, now + t->shared_us);
    }
    pthread_mutex_unlock(&t->lost_lock);
}

static void wait_until_done(mn_walk *w, line *done)
{
    int64_t from = mn_mono_us(), worked = from - w->from_us;
    if (spin(w, done, from)) return;
    sleep_until_done(w, done);
    int64_t now = mn_mono_us();
    if (now - from > 2 * worked + LONG_US) note_lost(w->team, now, now - from);
}

bool mn_stage_done(mn_walk *w)
{
    line *done = lines_of(w) + w->team->n_threads;
    if (w->held) tell(w, done);
    if (!is_done(w, done)) wait_until_done(w, done);
    w->at++;
    w->n_parts = 0;
    MN_ASSERT(w->at < MN_TEAM_STAGES);
    return !w->over;
}

int mn_walk_thread(const mn_walk *w)
{
    return w->thread;
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

/* Takes part in the run that is on, if any. */
static void join_run(mn_team *t, int thread)
{
    _Alignas(64) unsigned char arg[MN_TEAM_ARG];
    void (*fn)(void *, mn_walk *) = NULL;
    mn_walk w = {.team = t, .thread = thread};
    atomic_fetch_add(&t->inside, 1);
    if (atomic_load(&t->open)) {
        fn = t->fn;
        w.run = t->run;
        memcpy(arg, t->arg, t->size);
    }
    atomic_fetch_sub(&t->inside, 1);
    if (fn) fn(arg, &w);
}

static bool spin_for_run(mn_team *t, uint32_t seen)
{
    for (int64_t until = mn_mono_us() + t->spin_us; mn_mono_us() < until;)
        for (int i = 0; i < 32; i++) {
            relax();
            if (atomic_load_explicit(&t->news, memory_order_acquire) != seen) return true;
        }
    return false;
}

static void *member_main(void *arg)
{
    member *m = arg;
    mn_team *t = m->team;
    uint32_t seen = 0;
    while (!atomic_load(&t->stop)) {
        if (!spin_for_run(t, seen)) {
            atomic_fetch_add(&t->idle, 1);
            futex_wait(&t->news, seen);
            atomic_fetch_sub(&t->idle, 1);
        }
        uint32_t now = atomic_load(&t->news);
        if (now == seen) continue;
        seen = now;
        join_run(t, m->index);
    }
    return NULL;
}

void mn_team_run(mn_team *t, void (*fn)(void *arg, mn_walk *w), const void *arg, size_t size)
{
    _Alignas(64) unsigned char mine[MN_TEAM_ARG];
    MN_ASSERT(size <= MN_TEAM_ARG);
    memcpy(mine, arg, size);
    memcpy(t->arg, arg, size);
    t->size = size;
    t->fn = fn;
    mn_walk w = {.team = t, .run = ++t->run};
    atomic_store(&t->open, true);
    atomic_fetch_add(&t->news, 1);
    if (atomic_load(&t->idle)) futex_wake(&t->news);
    fn(mine, &w);
    atomic_store(&t->open, false);
    while (atomic_load(&t->inside)) relax(); /* somebody copies arg: some nanoseconds */
}

/* ---- making one -------------------------------------------------------------------------------------------------- */

static mn_rc start(mn_team *t, mn_err *e)
{
    for (int i = 1; i < t->n_threads; i++) {
        member *m = &t->members[i - 1];
        m->team = t;
        m->index = i;
        if (pthread_create(&m->id, NULL, member_main, m) != 0)
            return mn_fail(e, MN_E_IO, "cannot start thread %d", i + 1);
        t->n_started++;
    }
    return MN_OK;
}

mn_rc mn_team_new(int n_threads, mn_team **ret, mn_err *e)
{
    if (n_threads == 0) n_threads = mn_cpu_count();
    if (n_threads < 0 || n_threads > THREADS_MAX)
        return mn_fail(e, MN_E_LIMIT, "%d threads: expected 1 to %d", n_threads, THREADS_MAX);
    mn_team *t = mn_alloc_aligned(64, sizeof *t + (size_t)n_threads * sizeof(member));
    if (!t) return mn_fail(e, MN_E_NOMEM, "out of memory for a team of threads");
    pthread_mutex_init(&t->lost_lock, NULL);
    t->n_threads = n_threads;
    t->spin_us = n_threads > 1 && n_threads <= mn_cpu_count() ? SPIN_US : 0;
    /* Much of it, and most is never touched: the system gives it when it is. */
    t->stages = mn_calloc(MN_TEAM_STAGES * ((size_t)n_threads + 1) + 1, sizeof(line));
    t->lines = (line *)(((uintptr_t)t->stages + sizeof(line) - 1) & ~(sizeof(line) - 1));
    mn_rc rc = t->stages ? start(t, e) : mn_fail(e, MN_E_NOMEM, "out of memory for a team");
    if (rc != MN_OK) mn_team_free(t);
    else *ret = t;
    return rc;
}

void mn_team_free(mn_team *t)
{
    if (!t) return;
    atomic_store(&t->stop, true);
    atomic_fetch_add(&t->news, 1);
    futex_wake(&t->news);
    for (int i = 0; i < t->n_started; i++) pthread_join(t->members[i].id, NULL);
    pthread_mutex_destroy(&t->lost_lock);
    mn_free(t->stages);
    mn_free(t);
}

int mn_team_threads(const mn_team *t)
{
    return t->n_threads;
}

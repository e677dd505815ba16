/* The thread that hears what other processes tell: LISTEN on a connection of its own. A lost connection is made again, at
 * once and then after pauses of up to five seconds; whoever listens is told that something may have been missed. */
#include "store/postgres_int.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PAUSE_FIRST_MS 50
#define PAUSE_MOST_MS  5000

struct mn_follower {
    char *url, *shown;
    mn_store__heard_fn *fn;
    void *arg;
    PGconn *h; /* NULL: lost */
    int stop;  /* an eventfd: readable when it is time to end */
    pthread_t thread;
};

static mn_rc attach(mn_follower *f, mn_err *e)
{
    char channel[MN_PG_CHANNEL_MAX], sql[64];
    MN_TRY(mn_store__pg_connect(f->url, f->shown, &f->h, e));
    mn_rc rc = mn_store__pg_set_up(f->h, f->shown, MN_PG_ASK_SCHEMA, channel, e);
    snprintf(sql, sizeof sql, "LISTEN %s", channel);
    PGresult *r = rc == MN_OK ? PQexec(f->h, sql) : NULL;
    if (rc == MN_OK && PQresultStatus(r) != PGRES_COMMAND_OK)
        rc = mn_store__pg_fail(f->h, r, f->shown, e);
    PQclear(r);
    if (rc != MN_OK) {
        PQfinish(f->h);
        f->h = NULL;
    }
    return rc;
}

/* Waits for the server (when connected) or up to timeout_ms; false: it is time to end. */
static bool wait_a_while(const mn_follower *f, int timeout_ms)
{
    struct pollfd p[] = {{.fd = f->stop, .events = POLLIN},
                         {.fd = f->h ? PQsocket(f->h) : -1, .events = POLLIN}};
    poll(p, 2, timeout_ms);
    return !(p[0].revents & POLLIN);
}

/* Hands on what has come; false: the connection is lost. */
static bool hear(mn_follower *f)
{
    PGnotify *n;
    bool alive = PQconsumeInput(f->h) && PQstatus(f->h) == CONNECTION_OK;
    while ((n = PQnotifies(f->h))) {
        f->fn(f->arg, mn_str_from(n->extra));
        PQfreemem(n);
    }
    return alive;
}

static void *listen_on(void *arg)
{
    mn_follower *f = arg;
    int pause_ms = PAUSE_FIRST_MS;
    for (;;) {
        /* First: with an answer there may have come what no poll tells of any more. */
        if (f->h && !hear(f)) {
            PQfinish(f->h);
            f->h = NULL;
        }
        if (!wait_a_while(f, f->h ? -1 : pause_ms)) return NULL;
        if (f->h) continue;
        if (attach(f, NULL) == MN_OK) {
            pause_ms = PAUSE_FIRST_MS;
            f->fn(f->arg, MN_STR_NONE);
        } else if (pause_ms < PAUSE_MOST_MS) pause_ms *= 2;
    }
}

static void release(mn_follower *f)
{
    if (f->h) PQfinish(f->h);
    if (f->stop >= 0) close(f->stop);
    mn_free(f->url);
    mn_free(f->shown);
    mn_free(f);
}

mn_rc mn_store__pg_follow(const char *url, mn_store__heard_fn *fn, void *arg, mn_follower **ret,
                          mn_err *e)
{
    mn_follower *f = mn_calloc(1, sizeof *f);
    if (!f) return mn_fail(e, MN_E_NOMEM, "out of memory");
    *f = (mn_follower){
        .fn = fn, .arg = arg, .stop = eventfd(0, EFD_CLOEXEC), .url = mn_strdup(url)};
    mn_rc rc = MN_OK;
    if (f->stop < 0) rc = mn_fail_errno(e, MN_E_IO, "cannot make an event descriptor");
    if (rc == MN_OK && !f->url) rc = mn_fail(e, MN_E_NOMEM, "out of memory");
    if (rc == MN_OK) rc = mn_store__pg_shown(url, &f->shown, e);
    if (rc == MN_OK) rc = attach(f, e);
    if (rc == MN_OK && pthread_create(&f->thread, NULL, listen_on, f) != 0)
        rc = mn_fail(e, MN_E_NOMEM, "cannot start the thread that listens to the database");
    if (rc == MN_OK) *ret = f;
    else release(f);
    return rc;
}

void mn_store__pg_unfollow(mn_follower *f)
{
    if (!f) return;
    const uint64_t one = 1;
    ssize_t told = write(f->stop, &one, sizeof one);
    MN_ASSERT(told == (ssize_t)sizeof one);
    pthread_join(f->thread, NULL);
    release(f);
}

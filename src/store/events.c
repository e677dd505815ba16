/* Events: gathered in a transaction, told with its commit: to this process's listeners by the committing thread, to other
 * processes' through the database (events_wire.c has the bytes), if that can. */
#include "store/store_int.h"

#define EVENTS_MAX                                                                             \
    65536 /* of one transaction; more than that, and everybody is told to look at everything */
#define OTHERS_MAX 2000 /* more than that, and other processes are told to look at everything */

mn_rc mn_store_event(mn_tx *tx, mn_event ev, mn_err *e)
{
    const mn_event *last = tx->n_events ? &tx->events[tx->n_events - 1] : NULL;
    if (last && last->kind == ev.kind && last->id == ev.id && last->account == ev.account &&
        last->other == ev.other)
        return MN_OK;
    if (last && last->kind == MN_EV_ALL) return MN_OK; /* says it all */
    if (tx->n_events == EVENTS_MAX) {
        tx->events[0] = (mn_event){.kind = MN_EV_ALL};
        tx->n_events = 1;
        return MN_OK;
    }
    if (tx->n_events == tx->cap_events) {
        size_t cap = tx->cap_events ? tx->cap_events * 2 : 8;
        mn_event *more = mn_reallocarray(tx->events, cap, sizeof *more);
        if (!more) return mn_fail(e, MN_E_NOMEM, "out of memory");
        tx->events = more;
        tx->cap_events = cap;
    }
    tx->events[tx->n_events++] = ev;
    return MN_OK;
}

/* ---- other processes --------------------------------------------------------------------------------------------- */

mn_rc mn_store__tell_others(mn_tx *tx, mn_err *e)
{
    const mn_driver *driver = tx->s->driver;
    char payload[MN_STORE_PAYLOAD_MAX + 1];
    if (tx->n_events == 0 || !driver->notify) return MN_OK;
    size_t n = tx->n_events > OTHERS_MAX ? 0 : tx->n_events, done = 0;
    unsigned part = 0;
    do {
        done += mn_store__events_write(tx->s->instance, part++, tx->events + done, n - done,
                                       payload);
        MN_TRY(driver->notify(tx->db, payload, e));
    } while (done < n);
    return MN_OK;
}

/* On the driver's thread. What cannot be read, or was lost on the way, may have been anything. */
static void heard(void *arg, mn_str payload)
{
    mn_store *s = arg;
    mn_event ev[MN_STORE_PAYLOAD_EVENTS];
    uint64_t origin = 0;
    size_t n = 0;
    if (!payload.ptr || mn_store__events_read(payload, &origin, ev, &n, NULL) != MN_OK) {
        ev[0] = (mn_event){.kind = MN_EV_ALL};
        n = 1;
    } else if (origin == s->instance) return;
    pthread_mutex_lock(&s->telling);
    mn_store__tell(s, ev, n);
    pthread_mutex_unlock(&s->telling);
}

static mn_rc follow(mn_store *s, mn_err *e)
{
    mn_rc rc = MN_OK;
    pthread_mutex_lock(&s->starting);
    if (!s->follower && s->driver->follow)
        rc = s->driver->follow(s->url, heard, s, &s->follower, e);
    pthread_mutex_unlock(&s->starting);
    return rc;
}

/* ---- listeners --------------------------------------------------------------------------------------------------- */

mn_rc mn_store_listen(mn_store *s, mn_event_fn *fn, void *arg, mn_err *e)
{
    pthread_mutex_lock(&s->telling);
    bool room = s->n_listeners < MN_STORE_LISTENERS;
    if (room) {
        s->listeners[s->n_listeners].fn = fn;
        s->listeners[s->n_listeners++].arg = arg;
    }
    pthread_mutex_unlock(&s->telling);
    if (!room)
        return mn_fail(e, MN_E_LIMIT, "a store has %d listeners at most", MN_STORE_LISTENERS);
    mn_rc rc = follow(s, e);
    if (rc != MN_OK) mn_store_unlisten(s, fn, arg);
    return rc;
}

void mn_store_unlisten(mn_store *s, mn_event_fn *fn, void *arg)
{
    pthread_mutex_lock(&s->telling);
    for (int i = 0; i < s->n_listeners; i++)
        if (s->listeners[i].fn == fn && s->listeners[i].arg == arg) {
            s->listeners[i] = s->listeners[--s->n_listeners];
            break;
        }
    pthread_mutex_unlock(&s->telling);
}

void mn_store__tell(mn_store *s, const mn_event *ev, size_t n)
{
    for (int i = 0; i < s->n_listeners; i++) s->listeners[i].fn(s->listeners[i].arg, ev, n);
}

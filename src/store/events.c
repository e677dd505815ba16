/* Events: gathered in a transaction, told with its commit. */
#include "store/store_int.h"

#define EVENTS_MAX                                                                             \
    65536 /* of one transaction; who writes more is followed by the change feed, not by events */

mn_rc mn_store_event(mn_tx *tx, mn_event ev, mn_err *e)
{
    const mn_event *last = tx->n_events ? &tx->events[tx->n_events - 1] : NULL;
    if (last && last->kind == ev.kind && last->id == ev.id && last->account == ev.account &&
        last->other == ev.other)
        return MN_OK;
    if (tx->n_events == EVENTS_MAX)
        return mn_fail(e, MN_E_LIMIT, "a transaction tells of %d events at most", EVENTS_MAX);
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

mn_rc mn_store_listen(mn_store *s, mn_event_fn *fn, void *arg, mn_err *e)
{
    pthread_mutex_lock(&s->telling);
    bool room = s->n_listeners < MN_STORE_LISTENERS;
    if (room) {
        s->listeners[s->n_listeners].fn = fn;
        s->listeners[s->n_listeners++].arg = arg;
    }
    pthread_mutex_unlock(&s->telling);
    return room
               ? MN_OK
               : mn_fail(e, MN_E_LIMIT, "a store has %d listeners at most", MN_STORE_LISTENERS);
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

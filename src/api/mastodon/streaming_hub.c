/* The hub: its notes, its thread, and what clients say to it.
 *
 * Everything but the notes is touched by the hub's thread alone, so there are no locks to order. A client that is gone
 * leaves a last note; the hub's reference keeps its memory until that is read. */
#include <string.h>
#include <time.h>

#include "api/jobs.h"
#include "api/mastodon/streaming_int.h"
#include "base/clock.h"
#include "base/log.h"

#define CHECK_US     (300 * INT64_C(1000000))
#define ARENA_KEPT   (1u << 20)
#define TAKE_AT_ONCE 64 /* notes between two looks at the clock */

/* ---- notes ----------------------------------------------------------------------------------------------------- */

static void leave(mn_streaming *h, mn_note *note)
{
    if (note->from) atomic_fetch_add(&note->from->refs, 1);
    pthread_mutex_lock(&h->lock);
    if (h->last) h->last->next = note;
    else h->notes = note;
    h->last = note;
    pthread_cond_signal(&h->wake);
    pthread_mutex_unlock(&h->lock);
}

void mn_streaming__note(mn_streaming *h, mn_note_kind kind, mn_listener *from, const void *p,
                        size_t n, size_t size)
{
    mn_note *note = mn_alloc(sizeof *note + size);
    if (!note) {
        mn_error("streams", "out of memory");
        return;
    }
    *note = (mn_note){.kind = kind, .own = true, .from = from, .n = n, .data = note + 1};
    if (size) memcpy(note + 1, p, size);
    leave(h, note);
}

void mn_streaming__note_open(mn_listener *c)
{
    c->open = (mn_note){.kind = MN_NOTE_OPEN, .from = c};
    leave(c->hub, &c->open);
}

void mn_streaming__note_gone(mn_listener *c)
{
    c->gone = (mn_note){.kind = MN_NOTE_GONE, .from = c};
    leave(c->hub, &c->gone);
}

static mn_note *take_notes(mn_streaming *h, bool *ret_stop)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += CHECK_US / 1000000;
    pthread_mutex_lock(&h->lock);
    if (!h->notes && !h->stop) pthread_cond_timedwait(&h->wake, &h->lock, &until);
    mn_note *all = h->notes;
    h->notes = h->last = NULL;
    *ret_stop = h->stop;
    pthread_mutex_unlock(&h->lock);
    return all;
}

static void note_free(mn_note *n)
{
    mn_listener *from = n->from;
    if (n->own) mn_free(n);
    mn_listener_unref(from);
}

/* ---- what a client says -------------------------------------------------------------------------------------------- */

/* Errors are told on a WebSocket as they come; a stream of events has been checked before it was opened. */
static void tell_error(mn_listener *c, const char *words, int status)
{
    mn_buf b;
    mn_json_writer j;
    if (!c->ws) {
        mn_streaming__cut(c);
        return;
    }
    mn_buf_init(&b, 1024);
    mn_json_writer_init(&j, &b, 0);
    mn_jw_object(&j);
    mn_jw_kstrz(&j, "error", words);
    mn_jw_ku64(&j, "status", (uint64_t)status);
    mn_jw_object_end(&j);
    mn_ws_data *d = b.failed ? NULL : mn_ws_data_text(mn_buf_str(&b));
    if (d) mn_ws_send(c->ws, d);
    mn_ws_data_unref(d);
    mn_buf_release(&b);
}

static void subscribe(mn_streaming *h, mn_listener *c, const mn_stream_ask *ask, bool on)
{
    mn_stream_spec spec;
    const char *words = NULL;
    int status = mn_stream_resolve(h->api, &c->grant, ask, &h->arena, &spec, &words);
    if (status && !on) words = "Error unsubscribing from channel";
    if (status) {
        tell_error(c, words, status);
        return;
    }
    if (on) {
        if (!mn_streaming__listen(h, c, &spec))
            tell_error(c, "Too many streams on one connection", 429);
        return;
    }
    mn_sub **at = mn_streaming__find(c, &spec);
    if (*at) mn_streaming__unlisten(h, c, at);
}

static mn_str text_of(const mn_json *v)
{
    return v && v->type == MN_JSON_ARRAY    ? mn_json_str(mn_json_at(v, 0))
           : v && v->type == MN_JSON_NUMBER ? v->text
                                            : mn_json_str(v);
}

/* {"type":"subscribe","stream":…}; whatever else is said is not answered, as on Mastodon. */
static void on_text(mn_streaming *h, mn_listener *c, mn_str text)
{
    mn_err e = {0};
    mn_json *doc = NULL;
    if (!c->known || c->told_off) return;
    if (mn_json_parse(text, &h->arena, &doc, &e) != MN_OK) return;
    mn_str type = mn_json_str(mn_json_get(doc, "type"));
    mn_stream_ask ask = {text_of(mn_json_get(doc, "stream")), text_of(mn_json_get(doc, "tag")),
                         text_of(mn_json_get(doc, "list"))};
    if (mn_str_eqz(type, "subscribe")) subscribe(h, c, &ask, true);
    if (mn_str_eqz(type, "unsubscribe")) subscribe(h, c, &ask, false);
}

/* Does its token still stand for what it stood for? */
static bool still_granted(mn_streaming *h, mn_listener *c)
{
    mn_grant g;
    mn_err e = {0};
    mn_rc rc = mn_access_check_id(h->api->access, c->grant.token_id, &g, &e);
    if (rc == MN_OK) return g.state == MN_ACCOUNT_ACTIVE && g.confirmed;
    return rc != MN_E_DENIED &&
           rc != MN_E_NOT_FOUND; /* the store is in trouble: not the member's fault */
}

static mn_stream_ask unpack_ask(const char *p)
{
    mn_stream_ask a = {.stream = mn_str_from(p)};
    a.tag = mn_str_from(p + a.stream.len + 1);
    a.list = mn_str_from(a.tag.ptr + a.tag.len + 1);
    return a;
}

static void on_open(mn_streaming *h, mn_listener *c)
{
    mn_stream_ask ask = unpack_ask(c->first);
    if (!mn_streaming__join(h, c)) {
        mn_streaming__cut(c);
        return;
    }
    c->known = true;
    atomic_fetch_add(&c->refs, 1);
    if (!still_granted(h, c)) mn_streaming__cut(c);
    else if (ask.stream.len) subscribe(h, c, &ask, true);
}

static void on_gone(mn_streaming *h, mn_listener *c)
{
    if (!c->known) return;
    c->known = false;
    c->told_off = true;
    mn_streaming__unlisten_all(h, c);
    mn_streaming__leave(h, c);
    mn_listener_unref(c);
}

/* ---- tokens -------------------------------------------------------------------------------------------------------- */

static void check_circle(mn_streaming *h, mn_circle *m)
{
    for (mn_listener *c = m->first; c; c = c->next)
        if (!c->told_off && !still_granted(h, c)) mn_streaming__cut(c);
}

static void check_all(mn_streaming *h)
{
    int64_t now = mn_mono_us();
    if (now - h->checked_us < CHECK_US) return;
    h->checked_us = now;
    for (size_t i = 0; i < MN_STREAM_MEMBERS; i++)
        for (mn_circle *m = h->circles[i]; m; m = m->next) check_circle(h, m);
}

/* Anything may have changed while nobody told us. */
static void look_at_all(mn_streaming *h)
{
    h->checked_us = INT64_MIN / 2;
    check_all(h);
    for (size_t i = 0; i < MN_STREAM_MEMBERS; i++)
        for (mn_circle *m = h->circles[i]; m; m = m->next) mn_streaming__look(h, m);
}

static void on_token_gone(mn_streaming *h, const mn_event *ev)
{
    mn_circle *m = mn_streaming__circle(h, ev->account);
    for (mn_listener *c = m ? m->first : NULL; c; c = c->next)
        if (c->grant.token_id == ev->id) mn_streaming__cut(c);
}

static void on_event(mn_streaming *h, const mn_event *ev)
{
    mn_circle *m = ev->account ? mn_streaming__circle(h, ev->account) : NULL;
    atomic_fetch_add(&h->n_events, 1);
    h->event_no++;
    if (ev->kind == MN_EV_TOKEN_GONE) on_token_gone(h, ev);
    if (ev->kind == MN_EV_ACCOUNT && m) check_circle(h, m);
    if ((ev->kind == MN_EV_FILTERS || ev->kind == MN_EV_TAGS) && m) mn_streaming__look(h, m);
    if (ev->kind == MN_EV_ALL) look_at_all(h);
    mn_streaming__event(h, ev);
    mn_news_done(h);
    for (; h->slow; h->slow = h->slow->slow_too) mn_streaming__cut(h->slow);
    if (h->arena.used_bytes > ARENA_KEPT) mn_arena_release(&h->arena);
    else mn_arena_reset(&h->arena);
}

/* ---- the thread ------------------------------------------------------------------------------------------------------ */

static void on_note(mn_streaming *h, const mn_note *n)
{
    const mn_event *ev = n->data;
    if (n->kind == MN_NOTE_OPEN) on_open(h, n->from);
    if (n->kind == MN_NOTE_TEXT) on_text(h, n->from, (mn_str){n->data, n->n});
    if (n->kind == MN_NOTE_GONE) on_gone(h, n->from);
    if (n->kind == MN_NOTE_EVENTS)
        for (size_t i = 0; i < n->n; i++) on_event(h, &ev[i]);
    mn_arena_reset(&h->arena);
}

static void *run(void *arg)
{
    mn_streaming *h = arg;
    bool stop = false;
    while (!stop) {
        mn_note *n = take_notes(h, &stop);
        for (int k = 0; n; k++) {
            mn_note *next = n->next;
            on_note(h, n);
            note_free(n);
            n = next;
            if (k % TAKE_AT_ONCE == 0) check_all(h);
        }
        check_all(h);
    }
    return NULL;
}

/* On the committing thread: as little as can be. */
static void on_events(void *arg, const mn_event *ev, size_t n)
{
    mn_streaming *h = arg;
    for (size_t i = 0; i < n; i++)
        if (ev[i].kind == MN_EV_NOTIFICATION) {
            mn_api_jobs_wake(h->api); /* pushes wait there */
            break;
        }
    if (atomic_load(&h->n_clients) == 0) return;
    mn_streaming__note(h, MN_NOTE_EVENTS, NULL, ev, n, n * sizeof *ev);
}

mn_rc mn_streaming_start(mn_api *a, mn_err *e)
{
    mn_streaming *h = a->streaming = mn_calloc(1, sizeof *h);
    if (!h) return mn_fail(e, MN_E_NOMEM, "out of memory starting the server");
    h->api = a;
    h->checked_us = mn_mono_us();
    mn_arena_init(&h->arena, 0);
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->wake, NULL);
    for (int i = 0; i < MN_CHANNELS; i++)
        h->channels[i].prev = h->channels[i].next = &h->channels[i];
    if (pthread_create(&h->thread, NULL, run, h) != 0)
        return mn_fail(e, MN_E_IO, "cannot start the thread of the streams");
    h->started = true;
    MN_TRY(mn_store_listen(a->home->store, on_events, h, e));
    h->listening = true;
    return MN_OK;
}

void mn_streaming_stop(mn_api *a)
{
    mn_streaming *h = a->streaming;
    if (!h) return;
    if (h->listening) mn_store_unlisten(a->home->store, on_events, h);
    pthread_mutex_lock(&h->lock);
    h->stop = true;
    pthread_cond_signal(&h->wake);
    pthread_mutex_unlock(&h->lock);
    if (h->started) pthread_join(h->thread, NULL);
    for (mn_note *n = h->notes, *next; n; n = next) {
        next = n->next;
        if (n->kind == MN_NOTE_GONE) on_gone(h, n->from);
        note_free(n);
    }
    mn_free(h->reactions);
    mn_arena_release(&h->arena);
    pthread_mutex_destroy(&h->lock);
    pthread_cond_destroy(&h->wake);
    mn_free(h);
    a->streaming = NULL;
}

void mn_streaming_stats_get(mn_api *a, mn_streaming_stats *ret)
{
    mn_streaming *h = a->streaming;
    *ret = (mn_streaming_stats){.clients = atomic_load(&h->n_clients),
                                .subscriptions = atomic_load(&h->n_subs),
                                .events = atomic_load(&h->n_events),
                                .messages = atomic_load(&h->n_messages)};
}

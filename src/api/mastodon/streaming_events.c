/* Which event of the store concerns whom, and what it says to them.
 *
 * A post into homes and lists: mn_feeds_audience says whose. A post just written, no answer, boost, quote or poll, looks the
 * same to everybody who did not write it and has no filters (nobody has done anything with it yet): it is rendered for the
 * first of them and sent to all. Anything else is rendered for each account. Public streams get what anybody sees, and `filtered` for those who have filters.
 *
 * A deletion is told with the post's id to the author and the author's followers; if it was public, also to the public and tag
 * streams and to accounts that follow tags. That is more than got the post, and never fewer. */
#include <stdio.h>
#include <string.h>

#include "api/mastodon/streaming_int.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "social/feeds.h"
#include "store/notifications.h"
#include "store/people.h"
#include "store/tags.h"

#define FRESH_MS (24 * 3600 * INT64_C(1000)) /* older posts that arrive are no news */

typedef struct at_work {
    mn_streaming *h;
    mn_store *store;
    mn_post post;
    const char *event;
    mn_news *shared; /* for homes: what all see who have nothing to do with it yet */
    mn_news *open;   /* for public streams: what anybody sees */
    bool shareable;
} at_work;

/* Anything that goes wrong with one event is logged and costs that message only. */
static bool worked(mn_rc rc, const mn_err *e)
{
    if (rc != MN_OK && rc != MN_E_NOT_FOUND)
        mn_error("streams", "%s", e->msg[0] ? e->msg : mn_rc_name(rc));
    return rc == MN_OK;
}

static mn_view view_of(mn_streaming *h, uint64_t me)
{
    return (mn_view){.api = h->api, .arena = &h->arena, .me = me};
}

/* ---- rendering ----------------------------------------------------------------------------------------------------- */

typedef mn_rc render_fn(const mn_view *v, const void *what, mn_json_writer *j, mn_err *e);

static mn_str render(mn_streaming *h, uint64_t me, render_fn *fn, const void *what)
{
    mn_buf b;
    mn_json_writer j;
    mn_err e = {0};
    mn_view v = view_of(h, me);
    mn_buf_init(&b, 8u << 20);
    mn_json_writer_init(&j, &b, 0);
    mn_rc rc = fn(&v, what, &j, &e);
    if (rc == MN_OK && b.failed) rc = mn_fail(&e, b.failed, "out of memory");
    mn_str s = worked(rc, &e) ? mn_str_dup(&h->arena, mn_buf_str(&b)) : MN_STR_NONE;
    mn_buf_release(&b);
    return s;
}

static mn_news *news_of(mn_streaming *h, const char *event, mn_str payload)
{
    return payload.ptr ? mn_news_new(h, event, payload) : NULL;
}

static mn_rc render_home(const mn_view *v, const void *post, mn_json_writer *j, mn_err *e)
{
    return mn_entity_status(v, post, MN_FILTER_HOME, j, e);
}
static mn_rc render_open(const mn_view *v, const void *post, mn_json_writer *j, mn_err *e)
{
    return mn_entity_status(v, post, MN_FILTER_NONE, j, e);
}
static mn_rc render_filtered(const mn_view *v, const void *post, mn_json_writer *j, mn_err *e)
{
    bool hide = false;
    MN_TRY(mn_entity_filtered(v, post, MN_FILTER_PUBLIC, j, &hide, e));
    return hide ? MN_E_NOT_FOUND : MN_OK;
}
static mn_rc render_notification(const mn_view *v, const void *id, mn_json_writer *j, mn_err *e)
{
    return mn_entity_notification(v, *(const uint64_t *)id, j, e);
}
static mn_rc render_conversation(const mn_view *v, const void *id, mn_json_writer *j, mn_err *e)
{
    return mn_entity_conversation(v, *(const uint64_t *)id, j, e);
}

/* An object with more members at its end. */
static mn_str extended(mn_streaming *h, mn_str object, const char *more, mn_str value)
{
    if (!object.ptr || !value.ptr || !mn_str_ends(object, "}")) return MN_STR_NONE;
    return mn_str_fmt(&h->arena, "%.*s%s%.*s}", (int)object.len - 1, object.ptr, more,
                      MN_STR_FMT(value));
}

/* ---- posts into homes and lists ------------------------------------------------------------------------------------ */

static bool looks_the_same(const mn_post *p)
{
    return !p->boost_of && !p->quote_of && !p->poll_id && !p->reply_to &&
           p->thread_id == p->id && p->quote_policy != MN_QUOTES_FOLLOWERS;
}

static mn_news *open_news(at_work *w)
{
    if (!w->open) w->open = news_of(w->h, w->event, render(w->h, 0, render_open, &w->post));
    return w->open;
}

static mn_news *home_news(at_work *w, mn_circle *m)
{
    bool plain = w->shareable && !m->filters && m->account != w->post.account_id;
    if (plain && w->shared) return w->shared;
    mn_news *n = news_of(w->h, w->event, render(w->h, m->account, render_home, &w->post));
    if (plain) w->shared = n;
    return n;
}

static bool in_list(const mn_audience *a, uint64_t list)
{
    for (size_t i = 0; i < a->n_lists; i++)
        if (a->lists[i] == list) return true;
    return false;
}

static void to_audience(at_work *w, const mn_audience *a)
{
    mn_news *n = NULL;
    mn_circle *m = mn_streaming__circle(w->h, a->account);
    for (mn_listener *c = m ? m->first : NULL; c; c = c->next)
        for (mn_sub *s = c->subs; s; s = s->mine) {
            if (!(s->channel == MN_CH_USER && a->home) &&
                !(s->channel == MN_CH_LIST && in_list(a, s->list)))
                continue;
            if (!n) n = home_news(w, m);
            mn_news_send(w->h, n, s);
        }
}

static void into_feeds(at_work *w)
{
    mn_audience *all = NULL;
    size_t n = 0;
    mn_err e = {0};
    mn_rc rc = mn_feeds_audience(w->h->api->feeds, w->post.id, &w->h->arena, &all, &n, &e);
    if (!worked(rc, &e)) return;
    for (size_t i = 0; i < n; i++) to_audience(w, &all[i]);
}

/* ---- posts into public streams ------------------------------------------------------------------------------------- */

/* Blocks, mutes and the like; asked once an account and event. */
static bool wants_public(at_work *w, mn_circle *m, const mn_row *row)
{
    mn_row copy = *row;
    size_t n = 1;
    mn_err e = {0};
    if (m->event_no != w->h->event_no) {
        m->event_no = w->h->event_no;
        m->public_ok = -1;
        m->news = NULL;
    }
    if (m->public_ok < 0) {
        mn_rc rc = mn_feeds_public(w->h->api->feeds, m->account, &copy, &n, &e);
        m->public_ok = worked(rc, &e) && n == 1;
    }
    return m->public_ok;
}

static mn_news *public_news(at_work *w, mn_circle *m)
{
    mn_news *open = open_news(w);
    if (!open || !m->filters) return open;
    if (!m->news)
        m->news = news_of(w->h, w->event,
                          extended(w->h, open->payload, ",\"filtered\":",
                                   render(w->h, m->account, render_filtered, &w->post)));
    return m->news;
}

static void to_public(at_work *w, mn_sub *s, const mn_row *row)
{
    mn_circle *m = s->of->circle;
    if (s->of->told_off || !wants_public(w, m, row)) return;
    mn_news_send(w->h, public_news(w, m), s);
}

static void into_channel(at_work *w, mn_channel c, const mn_row *row)
{
    mn_sub *ring = &w->h->channels[c];
    for (mn_sub *s = ring->next; s != ring; s = s->next) to_public(w, s, row);
}

static void into_public(at_work *w, const mn_row *row)
{
    bool local = row->domain.len == 0;
    into_channel(w, MN_CH_PUBLIC, row);
    into_channel(w, local ? MN_CH_LOCAL : MN_CH_REMOTE, row);
    if (!row->media) return;
    into_channel(w, MN_CH_PUBLIC_MEDIA, row);
    into_channel(w, local ? MN_CH_LOCAL_MEDIA : MN_CH_REMOTE_MEDIA, row);
}

static void into_tag(at_work *w, mn_str tag, const mn_row *row)
{
    mn_sub *s = w->h->tags[mn_hash64(tag.ptr, tag.len, 0) & (MN_STREAM_TAGS - 1)];
    for (; s; s = s->next)
        if (mn_str_eqz(tag, s->tag) && (s->channel == MN_CH_TAG || row->domain.len == 0))
            to_public(w, s, row);
}

static void into_tags(at_work *w, const mn_row *row)
{
    uint64_t *ids = NULL;
    size_t n = 0;
    mn_tag *tags = NULL;
    mn_err e = {0};
    mn_arena *ar = &w->h->arena;
    if (!worked(mn_store_row_tags(w->store, row->id, ar, &ids, &n, &e), &e) || n == 0) return;
    if (!worked(mn_store_tags_by_ids(w->store, ids, n, ar, &tags, &n, &e), &e)) return;
    for (size_t i = 0; i < n; i++) into_tag(w, tags[i].name, row);
}

static void into_public_streams(at_work *w)
{
    mn_row row;
    mn_err e = {0};
    if (w->post.visibility != MN_VIS_PUBLIC || w->post.boost_of) return;
    if (!worked(mn_store_row(w->store, w->post.id, &w->h->arena, &row, &e), &e)) return;
    if (row.silenced || !row.active) return;
    into_tags(w, &row);
    if (row.reply_to && row.reply_account != row.account_id) return;
    into_public(w, &row);
}

static void on_post(mn_streaming *h, const mn_event *ev)
{
    mn_err e = {0};
    at_work w = {.h = h, .store = h->api->home->store};
    w.event = ev->kind == MN_EV_POST_NEW ? "update" : "status.update";
    if (!worked(mn_store_post(w.store, ev->id, &h->arena, &w.post, &e), &e)) return;
    if (w.post.deleted_ms) return;
    if (ev->kind == MN_EV_POST_NEW && w.post.created_ms < mn_now_ms() - FRESH_MS) return;
    w.shareable = ev->kind == MN_EV_POST_NEW && looks_the_same(&w.post);
    into_feeds(&w);
    into_public_streams(&w);
}

/* ---- deletions ------------------------------------------------------------------------------------------------------- */

static bool holds(const uint64_t *ids, size_t n, uint64_t id)
{
    while (n > 0) {
        size_t half = n / 2;
        if (ids[half] == id) return true;
        if (ids[half] < id) ids += half + 1, n -= half + 1;
        else n = half;
    }
    return false;
}

static void on_post_gone(mn_streaming *h, const mn_event *ev)
{
    char id[24];
    uint64_t *followers = NULL;
    size_t n = 0;
    mn_post p = {0};
    mn_err e = {0};
    mn_store *s = h->api->home->store;
    snprintf(id, sizeof id, "%llu", (unsigned long long)ev->id);
    mn_news *news = mn_news_new(h, "delete", mn_str_dup(&h->arena, mn_str_from(id)));
    mn_rc rc =
        mn_store_rel_ids(s, ev->account, MN_REL_FOLLOWERS, &h->arena, &followers, &n, &e);
    if (!worked(rc, &e)) n = 0;
    rc = mn_store_post(s, ev->id, &h->arena, &p, &e);
    bool open = worked(rc, &e) && p.visibility == MN_VIS_PUBLIC && !p.boost_of;
    for (int c = 0; c < MN_CHANNELS; c++)
        for (mn_sub *t = h->channels[c].next; t != &h->channels[c]; t = t->next) {
            uint64_t who = t->of->grant.account_id;
            bool mine = c == MN_CH_USER || c == MN_CH_LIST;
            bool near =
                who == ev->account || holds(followers, n, who) || (open && t->of->circle->tags);
            if (mine ? near : open && c >= MN_CH_PUBLIC) mn_news_send(h, news, t);
        }
    for (size_t i = 0; i < MN_STREAM_TAGS && open; i++)
        for (mn_sub *t = h->tags[i]; t; t = t->next) mn_news_send(h, news, t);
}

/* ---- to one account -------------------------------------------------------------------------------------------------- */

/* May this client be told of notifications on its user stream too? */
static bool reads_notifications(const mn_listener *c)
{
    static mn_scopes need;
    mn_err e = {0};
    if (!need) mn_scopes_parse(MN_STR("read:notifications"), &need, &e);
    return need && mn_scopes_cover(c->grant.scopes, need);
}

static bool concerns(const mn_sub *s, mn_event_kind kind)
{
    if (kind == MN_EV_CONVERSATION) return s->channel == MN_CH_DIRECT;
    if (s->channel == MN_CH_NOTIFICATION) return kind != MN_EV_FILTERS;
    if (s->channel != MN_CH_USER) return false;
    return kind == MN_EV_FILTERS || reads_notifications(s->of);
}

static mn_news *personal_news(mn_streaming *h, const mn_event *ev)
{
    switch (ev->kind) {
    case MN_EV_NOTIFICATION:
        return news_of(h, "notification", render(h, ev->account, render_notification, &ev->id));
    case MN_EV_CONVERSATION:
        return news_of(h, "conversation", render(h, ev->account, render_conversation, &ev->id));
    case MN_EV_NOTIFICATIONS_MERGED:
        return mn_news_new(h, "notifications_merged", MN_STR("1"));
    default:
        return mn_news_new(h, "filters_changed", MN_STR_NONE);
    }
}

static void on_personal(mn_streaming *h, const mn_event *ev)
{
    mn_news *n = NULL;
    mn_circle *m = mn_streaming__circle(h, ev->account);
    for (mn_listener *c = m ? m->first : NULL; c; c = c->next)
        for (mn_sub *s = c->subs; s; s = s->mine) {
            if (!concerns(s, ev->kind)) continue;
            if (!n) n = personal_news(h, ev);
            if (!n) return;
            mn_news_send(h, n, s);
        }
}

void mn_streaming__event(mn_streaming *h, const mn_event *ev)
{
    switch (ev->kind) {
    case MN_EV_POST_NEW:
    case MN_EV_POST_EDITED:
        on_post(h, ev);
        break;
    case MN_EV_POST_GONE:
        on_post_gone(h, ev);
        break;
    case MN_EV_NOTIFICATION:
    case MN_EV_NOTIFICATIONS_MERGED:
    case MN_EV_CONVERSATION:
    case MN_EV_FILTERS:
        on_personal(h, ev);
        break;
    case MN_EV_ANNOUNCEMENT:
        mn_streaming__announcement(h, ev);
        break;
    default:
        break;
    }
}

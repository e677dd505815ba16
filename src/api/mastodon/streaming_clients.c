/* Clients, and what each listens to. Touched by the hub's thread alone, but for making and counting references. */
#include <stdio.h>
#include <string.h>

#include "api/mastodon/streaming_int.h"
#include "base/hash.h"
#include "base/log.h"
#include "social/feeds.h"
#include "store/filters.h"
#include "store/tags.h"

static char *pack_ask(const mn_stream_ask *a)
{
    mn_buf b;
    mn_buf_init(&b, 16384);
    const mn_str all[] = {a->stream, a->tag, a->list};
    for (size_t i = 0; i < 3; i++) {
        if (all[i].len) mn_buf_adds(&b, all[i]);
        mn_buf_addc(&b, 0);
    }
    char *p = b.failed ? NULL : mn_strndup(b.ptr, b.len);
    mn_buf_release(&b);
    return p;
}

mn_listener *mn_listener_new(mn_streaming *h, const mn_grant *g, const mn_stream_ask *first)
{
    mn_listener *c = mn_calloc(1, sizeof *c);
    char *packed = c ? pack_ask(first) : NULL;
    if (!packed) {
        mn_free(c);
        return NULL;
    }
    atomic_init(&c->refs, 1);
    c->hub = h;
    c->grant = *g;
    c->first = packed;
    pthread_mutex_init(&c->lock, NULL);
    mn_buf_init(&c->out, MN_STREAM_QUEUE_MAX);
    atomic_fetch_add(&h->n_clients, 1); /* from now on events are kept for it */
    snprintf(c->topic, sizeof c->topic, "stream:%llu", atomic_fetch_add(&h->topics, 1));
    return c;
}

void mn_listener_unref(mn_listener *c)
{
    if (!c || atomic_fetch_sub(&c->refs, 1) != 1) return;
    mn_ws_unref(c->ws);
    mn_buf_release(&c->out);
    pthread_mutex_destroy(&c->lock);
    mn_free(c->first);
    atomic_fetch_sub(&c->hub->n_clients, 1);
    mn_free(c);
}

static mn_circle **circle_slot(mn_streaming *h, uint64_t account)
{
    mn_circle **p =
        &h->circles[mn_hash64(&account, sizeof account, 0) & (MN_STREAM_MEMBERS - 1)];
    while (*p && (*p)->account != account) p = &(*p)->next;
    return p;
}

mn_circle *mn_streaming__circle(mn_streaming *h, uint64_t account)
{
    return *circle_slot(h, account);
}

/* What the account has set up that changes what it is told; when in doubt, it has. */
void mn_streaming__look(mn_streaming *h, mn_circle *m)
{
    mn_filter *filters = NULL;
    mn_tag_follow *tags = NULL;
    size_t n = 0;
    mn_err e = {0};
    mn_store *s = h->api->home->store;
    m->filters = mn_store_filters(s, m->account, &h->arena, &filters, &n, &e) != MN_OK || n > 0;
    m->tags = mn_store_followed_tags(s, m->account, 0, 0, false, 1, &h->arena, &tags, &n, &e) !=
                  MN_OK ||
              n > 0;
}

bool mn_streaming__join(mn_streaming *h, mn_listener *c)
{
    mn_circle **p = circle_slot(h, c->grant.account_id);
    if (!*p) {
        *p = mn_calloc(1, sizeof **p);
        if (!*p) return false;
        (*p)->account = c->grant.account_id;
        mn_streaming__look(h, *p);
    }
    c->circle = *p;
    c->next = (*p)->first;
    if (c->next) c->next->prev = c;
    (*p)->first = c;
    return true;
}

void mn_streaming__leave(mn_streaming *h, mn_listener *c)
{
    mn_circle *m = c->circle;
    if (c->prev) c->prev->next = c->next;
    else m->first = c->next;
    if (c->next) c->next->prev = c->prev;
    c->circle = NULL;
    if (m->first) return;
    *circle_slot(h, m->account) = m->next;
    mn_free(m);
}

/* ---- listening to a stream --------------------------------------------------------------------------------------- */

static bool needs_feed(mn_channel c)
{
    return c == MN_CH_USER || c == MN_CH_LIST;
}
static bool is_tag(mn_channel c)
{
    return c == MN_CH_TAG || c == MN_CH_TAG_LOCAL;
}

static mn_sub **tag_bucket(mn_streaming *h, const char *tag)
{
    return &h->tags[mn_hash64(tag, strlen(tag), 0) & (MN_STREAM_TAGS - 1)];
}

static void link_sub(mn_streaming *h, mn_sub *s)
{
    if (is_tag(s->channel)) {
        mn_sub **head = tag_bucket(h, s->tag);
        s->prev = NULL;
        s->next = *head;
        if (s->next) s->next->prev = s;
        *head = s;
    } else {
        mn_sub *ring = &h->channels[s->channel];
        s->next = ring;
        s->prev = ring->prev;
        s->prev->next = s->next->prev = s;
    }
}

static void unlink_sub(mn_streaming *h, mn_sub *s)
{
    if (s->prev) s->prev->next = s->next;
    else *tag_bucket(h, s->tag) = s->next;
    if (s->next) s->next->prev = s->prev;
}

static void sub_free(mn_sub *s)
{
    mn_free(s->tag);
    mn_free(s->label);
    mn_free(s);
}

static mn_sub *sub_new(mn_listener *c, const mn_stream_spec *spec)
{
    mn_sub *s = mn_calloc(1, sizeof *s);
    if (!s) return NULL;
    *s = (mn_sub){.of = c, .channel = spec->channel, .list = spec->list};
    s->label = mn_strndup(spec->label.ptr, spec->label.len);
    if (is_tag(s->channel)) s->tag = mn_strndup(spec->tag.ptr, spec->tag.len);
    if (s->label && (s->tag || !is_tag(s->channel))) return s;
    sub_free(s);
    return NULL;
}

/* The client's subscription to that stream, where it hangs. */
mn_sub **mn_streaming__find(mn_listener *c, const mn_stream_spec *spec)
{
    mn_sub **p = &c->subs;
    while (*p && !((*p)->channel == spec->channel && (*p)->list == spec->list &&
                   (!is_tag(spec->channel) || mn_str_eqz(spec->tag, (*p)->tag))))
        p = &(*p)->mine;
    return p;
}

bool mn_streaming__listen(mn_streaming *h, mn_listener *c, const mn_stream_spec *spec)
{
    mn_err e = {0};
    mn_sub **at = mn_streaming__find(c, spec);
    if (*at) return true;
    if (c->n_subs == MN_STREAM_SUBS_MAX) return false;
    mn_sub *s = sub_new(c, spec);
    if (!s) return false;
    if (needs_feed(s->channel) &&
        mn_feeds_watch(h->api->feeds, c->grant.account_id, &e) != MN_OK) {
        mn_error("streams", "cannot follow a home timeline: %s", e.msg);
        sub_free(s);
        return false;
    }
    link_sub(h, s);
    *at = s;
    c->n_subs++;
    if (needs_feed(s->channel)) c->circle->n_watch++;
    atomic_fetch_add(&h->n_subs, 1);
    return true;
}

void mn_streaming__unlisten(mn_streaming *h, mn_listener *c, mn_sub **at)
{
    mn_sub *s = *at;
    *at = s->mine;
    unlink_sub(h, s);
    if (needs_feed(s->channel)) {
        c->circle->n_watch--;
        mn_feeds_unwatch(h->api->feeds, c->grant.account_id);
    }
    c->n_subs--;
    atomic_fetch_sub(&h->n_subs, 1);
    sub_free(s);
}

void mn_streaming__unlisten_all(mn_streaming *h, mn_listener *c)
{
    while (c->subs) mn_streaming__unlisten(h, c, &c->subs);
}

void mn_streaming__cut(mn_listener *c)
{
    if (c->told_off) return;
    c->told_off = true;
    mn_streaming__unlisten_all(c->hub, c);
    if (c->ws) {
        mn_ws_close(c->ws, 1000);
        return;
    }
    pthread_mutex_lock(&c->lock);
    c->over = true;
    pthread_mutex_unlock(&c->lock);
    if (c->hub->api->http) mn_http_wake(c->hub->api->http, c->topic);
}

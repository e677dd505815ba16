/* The cache of JSON: 16 shards, each a chained table and a list by last use under a lock of its own; entries are counted, so
 * that a reader copies from one outside of the lock. A shard's tickets are counters by a hash of the id: a change of any
 * subject that shares the counter makes an entry under way stale, which costs a rendering and nothing else. */
#include "api/mastodon/shown.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"

#define SHARDS  16
#define BUCKETS 1024 /* a shard; a power of two */
#define TICKETS 256
#define AUTHORS 4096

typedef struct node node;
struct node {
    mn_shown_entry entry; /* first: a reader's pointer is the node's */
    _Atomic int refs;     /* one is the table's */
    int64_t made_us;
    uint32_t author; /* c->authors' word when it was made */
    size_t bytes;
    node *chain, *newer, *older;
};

typedef struct shard {
    pthread_mutex_t lock;
    node *buckets[BUCKETS];
    node *newest, *oldest;
    size_t bytes, n;
    uint64_t tickets[TICKETS], hits, misses;
} shard;

struct mn_shown {
    mn_store *store;
    size_t shard_max;
    _Atomic uint64_t changes;          /* of any author */
    _Atomic uint32_t authors[AUTHORS]; /* of those that share the place */
    shard shards[SHARDS];
};

static uint64_t mix(uint64_t id)
{
    uint64_t h = id * UINT64_C(0x9E3779B97F4A7C15);
    return h ^ h >> 29;
}
static shard *shard_of(mn_shown *c, uint64_t h)
{
    return &c->shards[h >> 60 & (SHARDS - 1)];
}
static node **bucket_of(shard *s, uint64_t h)
{
    return &s->buckets[h >> 40 & (BUCKETS - 1)];
}
static uint64_t *ticket_of(shard *s, uint64_t h)
{
    return &s->tickets[h >> 32 & (TICKETS - 1)];
}

static _Atomic uint32_t *author_of(mn_shown *c, uint64_t account)
{
    return &c->authors[account * UINT64_C(0x9E3779B97F4A7C15) >> 52];
}

/* ---- nodes, with the shard's lock held ------------------------------------------------------------------------------ */

static void unref(node *x)
{
    if (atomic_fetch_sub_explicit(&x->refs, 1, memory_order_acq_rel) == 1) mn_free(x);
}

static void list_out(shard *s, node *x)
{
    if (x->newer) x->newer->older = x->older;
    else s->newest = x->older;
    if (x->older) x->older->newer = x->newer;
    else s->oldest = x->newer;
}

static void list_in(shard *s, node *x)
{
    x->newer = NULL;
    x->older = s->newest;
    if (s->newest) s->newest->newer = x;
    else s->oldest = x;
    s->newest = x;
}

static node **place_of(shard *s, uint64_t h, uint64_t id)
{
    node **at = bucket_of(s, h);
    while (*at && (*at)->entry.post.id != id) at = &(*at)->chain;
    return at;
}

static void take_out(shard *s, node **at)
{
    node *x = *at;
    if (!x) return;
    *at = x->chain;
    list_out(s, x);
    s->bytes -= x->bytes;
    s->n--;
    unref(x);
}

static void make_room(shard *s, size_t most)
{
    while (s->bytes > most && s->oldest) {
        uint64_t id = s->oldest->entry.post.id;
        take_out(s, place_of(s, mix(id), id));
    }
}

/* ---- changes --------------------------------------------------------------------------------------------------------- */

static void forget(mn_shown *c, uint64_t id)
{
    uint64_t h = mix(id);
    shard *s = shard_of(c, h);
    pthread_mutex_lock(&s->lock);
    ++*ticket_of(s, h);
    take_out(s, place_of(s, h, id));
    pthread_mutex_unlock(&s->lock);
}

static void forget_all(mn_shown *c)
{
    for (int i = 0; i < SHARDS; i++) {
        shard *s = &c->shards[i];
        pthread_mutex_lock(&s->lock);
        for (int t = 0; t < TICKETS; t++) s->tickets[t]++;
        make_room(s, 0);
        pthread_mutex_unlock(&s->lock);
    }
}

/* All of an author's: entries say how often theirs had changed when they were made. */
static void forget_of(mn_shown *c, uint64_t account)
{
    atomic_fetch_add(&c->changes, 1);
    atomic_fetch_add(author_of(c, account), 1);
}

static void on_event(mn_shown *c, const mn_event *ev)
{
    switch (ev->kind) {
    case MN_EV_POST_NEW:
    case MN_EV_POST_EDITED:
    case MN_EV_POST_COUNTS:
        forget(c, ev->id);
        return;
    case MN_EV_POST_GONE:
        forget(c, ev->id);
        if (ev->other) forget(c, ev->other);
        return;
    case MN_EV_ACCOUNT:
        /* The author's state decides who sees a post; their counters do not. */
        if (ev->other != MN_EV_ACCOUNT_COUNTS) forget_of(c, ev->account);
        return;
    case MN_EV_RULES:
    case MN_EV_POSTS:
    case MN_EV_ALL:
        forget_all(c);
        return;
    default:
        return;
    }
}

static void on_events(void *arg, const mn_event *ev, size_t n)
{
    for (size_t i = 0; i < n; i++) on_event(arg, &ev[i]);
}

/* ---- the door --------------------------------------------------------------------------------------------------------- */

mn_rc mn_shown_new(mn_store *s, size_t bytes_max, mn_shown **ret, mn_err *e)
{
    mn_shown *c = mn_calloc(1, sizeof *c);
    if (!c) return mn_fail(e, MN_E_NOMEM, "out of memory");
    c->store = s;
    c->shard_max = (bytes_max ? bytes_max : MN_SHOWN_BYTES) / SHARDS;
    for (int i = 0; i < SHARDS; i++) pthread_mutex_init(&c->shards[i].lock, NULL);
    mn_rc rc = mn_store_listen(s, on_events, c, e);
    if (rc != MN_OK) {
        c->store = NULL;
        mn_shown_free(c);
        return rc;
    }
    *ret = c;
    return MN_OK;
}

void mn_shown_free(mn_shown *c)
{
    if (!c) return;
    if (c->store) mn_store_unlisten(c->store, on_events, c);
    forget_all(c);
    for (int i = 0; i < SHARDS; i++) pthread_mutex_destroy(&c->shards[i].lock);
    mn_free(c);
}

const mn_shown_entry *mn_shown_get(mn_shown *c, uint64_t id)
{
    uint64_t h = mix(id);
    shard *s = shard_of(c, h);
    int64_t oldest_us = mn_mono_us() - MN_SHOWN_MS * INT64_C(1000);
    pthread_mutex_lock(&s->lock);
    node **at = place_of(s, h, id), *x = *at;
    if (x && (x->made_us < oldest_us ||
              x->author != atomic_load(author_of(c, x->entry.post.account_id)))) {
        take_out(s, at);
        x = NULL;
    }
    if (x) {
        atomic_fetch_add_explicit(&x->refs, 1, memory_order_relaxed);
        list_out(s, x);
        list_in(s, x);
    }
    s->hits += x != NULL;
    s->misses += x == NULL;
    pthread_mutex_unlock(&s->lock);
    return x ? &x->entry : NULL;
}

static node *node_of(const mn_shown_entry *x)
{
    union {
        const mn_shown_entry *in;
        node *out;
    } u = {x}; /* the entry is a node's first member and was made writable */
    return u.out;
}

void mn_shown_done(mn_shown *c, const mn_shown_entry *x)
{
    (void)c;
    if (x) unref(node_of(x));
}

uint64_t mn_shown_ticket(mn_shown *c, uint64_t id)
{
    uint64_t h = mix(id);
    shard *s = shard_of(c, h);
    pthread_mutex_lock(&s->lock);
    uint64_t t = *ticket_of(s, h) + atomic_load(&c->changes); /* both only rise */
    pthread_mutex_unlock(&s->lock);
    return t;
}

static mn_str *const *strings_of(mn_post *p, mn_str *ret[7])
{
    ret[0] = &p->text, ret[1] = &p->lang, ret[2] = &p->warning, ret[3] = &p->origin;
    ret[4] = &p->account_name, ret[5] = &p->account_display, ret[6] = &p->account_domain;
    return ret;
}

/* One block: the node and its strings behind it. */
static node *make_node(const mn_post *post, mn_str json)
{
    mn_str *s[7];
    mn_post p = *post;
    size_t bytes = sizeof(node) + json.len;
    strings_of(&p, s);
    for (int i = 0; i < 7; i++) bytes += s[i]->len;
    node *x = mn_alloc(bytes);
    if (!x) return NULL;
    char *at = (char *)(x + 1);
    memcpy(at, json.ptr, json.len);
    *x = (node){
        .entry = {.json = {at, json.len}}, .refs = 1, .made_us = mn_mono_us(), .bytes = bytes};
    at += json.len;
    for (int i = 0; i < 7; i++) {
        if (s[i]->len) memcpy(at, s[i]->ptr, s[i]->len);
        *s[i] = (mn_str){at, s[i]->len};
        at += s[i]->len;
    }
    x->entry.post = p;
    return x;
}

mn_rc mn_shown_put(mn_shown *c, uint64_t ticket, const mn_post *post, mn_str json,
                   const mn_shown_entry **ret, mn_err *e)
{
    uint64_t id = post->id;
    uint64_t h = mix(id);
    shard *s = shard_of(c, h);
    node *x = make_node(post, json);
    if (!x) return mn_fail(e, MN_E_NOMEM, "out of memory");
    x->author = atomic_load(author_of(c, post->account_id));
    pthread_mutex_lock(&s->lock);
    if (*ticket_of(s, h) + atomic_load(&c->changes) == ticket && x->bytes <= c->shard_max / 8) {
        node **at = place_of(s, h, id);
        take_out(s, at);
        node **head = bucket_of(s, h);
        x->chain = *head;
        *head = x;
        list_in(s, x);
        s->bytes += x->bytes;
        s->n++;
        atomic_fetch_add_explicit(&x->refs, 1, memory_order_relaxed);
        make_room(s, c->shard_max);
    }
    pthread_mutex_unlock(&s->lock);
    *ret = &x->entry;
    return MN_OK;
}

void mn_shown_stats_get(mn_shown *c, mn_shown_stats *ret)
{
    mn_shown_stats all = {0};
    for (int i = 0; i < SHARDS; i++) {
        shard *s = &c->shards[i];
        pthread_mutex_lock(&s->lock);
        all.hits += s->hits;
        all.misses += s->misses;
        all.bytes += s->bytes;
        all.entries += s->n;
        pthread_mutex_unlock(&s->lock);
    }
    *ret = all;
}

/* Account entities in memory.
 *
 * Parts with a lock each, an open table and a clock: a hand goes round and takes out what was not read since it came by
 * last. Reading copies the bytes under the lock. A writer may have read the store before a change and bring its bytes after
 * it: each part counts its changes, and a put with an older count (the ticket) is left out. */
#include <pthread.h>

#include "api/mastodon/accounts.h"
#include "base/clock.h"

#define PARTS      16
#define PLACES     1024 /* a part; a power of two */
#define FULL       (PLACES / 4 * 3)
#define PART_BYTES (MN_ACCOUNT_CACHE_BYTES / PARTS)

typedef struct entry {
    uint64_t id; /* 0: free */
    char *json;
    uint32_t len;
    bool read;
    int64_t made_us;
} entry;

typedef struct part {
    pthread_mutex_t lock;
    uint64_t changes;
    size_t n, bytes, hand;
    entry places[PLACES];
} part;

struct mn_account_cache {
    mn_store *store;
    part parts[PARTS];
};

static uint64_t mix(uint64_t id)
{
    return id * UINT64_C(0x9E3779B97F4A7C15);
}

static part *part_of(mn_account_cache *c, uint64_t id)
{
    return &c->parts[mix(id) >> 60];
}

/* Where the id is, or the free place where it would be. */
static size_t place_of(const part *p, uint64_t id)
{
    size_t i = (mix(id) >> 40) & (PLACES - 1);
    while (p->places[i].id != 0 && p->places[i].id != id) i = (i + 1) & (PLACES - 1);
    return i;
}

/* Empties a place and moves back what was displaced by it, so that no search ends too early. */
static void take_out(part *p, size_t i)
{
    p->bytes -= p->places[i].len;
    p->n--;
    mn_free(p->places[i].json);
    p->places[i] = (entry){0};
    for (size_t k = (i + 1) & (PLACES - 1); p->places[k].id != 0; k = (k + 1) & (PLACES - 1)) {
        entry moved = p->places[k];
        p->places[k] = (entry){0};
        p->places[place_of(p, moved.id)] = moved;
    }
}

static void forget(mn_account_cache *c, uint64_t id)
{
    part *p = part_of(c, id);
    pthread_mutex_lock(&p->lock);
    p->changes++;
    size_t i = place_of(p, id);
    if (id != 0 && p->places[i].id == id) take_out(p, i);
    pthread_mutex_unlock(&p->lock);
}

static void empty(part *p)
{
    for (size_t i = 0; i < PLACES; i++) mn_free(p->places[i].json);
    memset(p->places, 0, sizeof p->places);
    p->n = p->bytes = 0;
    p->changes++;
}

static void forget_all(mn_account_cache *c)
{
    for (size_t i = 0; i < PARTS; i++) {
        pthread_mutex_lock(&c->parts[i].lock);
        empty(&c->parts[i]);
        pthread_mutex_unlock(&c->parts[i].lock);
    }
}

static void hear_one(mn_account_cache *c, const mn_event *ev)
{
    switch (ev->kind) {
    case MN_EV_ACCOUNT:
    case MN_EV_POST_NEW: /* its author's counter and last day */
    case MN_EV_POST_GONE:
        forget(c, ev->account);
        return;
    case MN_EV_POSTS:
    case MN_EV_RULES: /* custom emoji, the server's own consent */
    case MN_EV_ALL:
        forget_all(c);
        return;
    default:
        return;
    }
}

static void hear(void *arg, const mn_event *ev, size_t n)
{
    for (size_t i = 0; i < n; i++) hear_one(arg, &ev[i]);
}

/* ---- the contract ------------------------------------------------------------------------------------------------ */

mn_rc mn_account_cache_new(mn_store *s, mn_account_cache **ret, mn_err *e)
{
    mn_account_cache *c = mn_calloc(1, sizeof *c);
    if (!c) return mn_fail(e, MN_E_NOMEM, "out of memory starting the server");
    c->store = s;
    for (size_t i = 0; i < PARTS; i++) pthread_mutex_init(&c->parts[i].lock, NULL);
    mn_rc rc = mn_store_listen(s, hear, c, e);
    if (rc != MN_OK) mn_account_cache_free(c);
    else *ret = c;
    return rc;
}

void mn_account_cache_free(mn_account_cache *c)
{
    if (!c) return;
    mn_store_unlisten(c->store, hear, c);
    for (size_t i = 0; i < PARTS; i++) {
        empty(&c->parts[i]);
        pthread_mutex_destroy(&c->parts[i].lock);
    }
    mn_free(c);
}

bool mn_account_cache_get(mn_account_cache *c, uint64_t id, mn_json_writer *j,
                          uint64_t *ret_ticket)
{
    part *p = part_of(c, id);
    bool is = false;
    pthread_mutex_lock(&p->lock);
    entry *x = &p->places[place_of(p, id)];
    if (x->id && mn_mono_us() - x->made_us < MN_ACCOUNT_CACHE_MS * INT64_C(1000)) {
        mn_jw_raw(j, (mn_str){x->json, x->len});
        is = x->read = true;
    }
    *ret_ticket = p->changes;
    pthread_mutex_unlock(&p->lock);
    return is;
}

/* Makes room for `len` bytes more. */
static void make_room(part *p, size_t len)
{
    while (p->n > 0 && (p->n >= FULL || p->bytes + len > PART_BYTES)) {
        entry *x = &p->places[p->hand];
        if (x->id && !x->read) {
            take_out(p, p->hand); /* another may have moved here: the hand stays */
            continue;
        }
        x->read = false;
        p->hand = (p->hand + 1) & (PLACES - 1);
    }
}

/* Takes the copy, unless it came too late. */
static bool keep(part *p, uint64_t id, char *copy, size_t len, uint64_t ticket)
{
    if (p->changes != ticket) return false;
    size_t i = place_of(p, id);
    if (p->places[i].id == id) take_out(p, i);
    make_room(p, len);
    p->places[place_of(p, id)] = (entry){id, copy, (uint32_t)len, false, mn_mono_us()};
    p->n++;
    p->bytes += len;
    return true;
}

void mn_account_cache_put(mn_account_cache *c, uint64_t id, mn_str json, uint64_t ticket)
{
    part *p = part_of(c, id);
    char *copy = id && json.len <= PART_BYTES / 16 ? mn_strndup(json.ptr, json.len) : NULL;
    if (!copy) return; /* it will be made again */
    pthread_mutex_lock(&p->lock);
    bool kept = keep(p, id, copy, json.len, ticket);
    pthread_mutex_unlock(&p->lock);
    if (!kept) mn_free(copy);
}

void mn_account_cache_counts(mn_account_cache *c, size_t *ret_entries, size_t *ret_bytes)
{
    *ret_entries = *ret_bytes = 0;
    for (size_t i = 0; i < PARTS; i++) {
        pthread_mutex_lock(&c->parts[i].lock);
        *ret_entries += c->parts[i].n;
        *ret_bytes += c->parts[i].bytes;
        pthread_mutex_unlock(&c->parts[i].lock);
    }
}

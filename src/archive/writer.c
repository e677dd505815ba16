/* The store's side of an import: accounts, batches, consent, replies, and taking everything back.
 *
 * The import's row is made with the first batch that creates something, and so is its consent (one ledger line of scope
 * import for each purpose): a run that finds all of its posts in place leaves no trace. A batch is one transaction.
 * The index by account is the only one that is not appended to: where authors are many, a batch changes most of its pages,
 * whatever its size, so it is four times as large then (a million posts of 20,000 authors: 1.1 GB written instead of
 * 2.7, a third less CPU time).
 *
 * Accounts. Readers of the store do not see what an open transaction made, so two small tables remember what this run
 * has looked up (`known`, by who) and made (`made`, by name); both are emptied between batches when they grow.
 * An author whose name is a valid account name gets the account of that name. Where the name had to be changed, or comes
 * from an archive, an account of that name is only taken when it has the same origin or none; else "_2" … is appended.
 *
 * Replies whose parent's id cannot be told from its source id are noted as pairs of hashes and joined at the end. */
#include "archive/archive_int.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/snowflake.h"
#include "social/social.h"
#include "social/tags.h"

#define BATCH_POSTS  10000
#define BATCH_MANY   40000 /* posts, by more than MANY authors */
#define MANY         2000
#define BATCH_BYTES  ((size_t)16 << 20)
#define TABLE_MAX    65536
#define SORT_PAIRS   ((size_t)1 << 18) /* 4 MiB in memory for each of three */
#define ROOM_EVERY   1000 /* posts: is the disk still large enough to take all back? */
#define DEFAULT_NAME "imported"

typedef struct slot {
    uint64_t key, id, origin;
} slot;
typedef struct table {
    slot *slots;
    size_t n, cap;
} table;

struct mn_writer {
    mn_store *s;
    const mn_import_opts *o;
    const char *path, *format;
    mn_import_report *report;
    mn_tx *tx;
    int running; /* where this import's lock is held, -1: nowhere */
    uint64_t import_id;
    bool import_committed;
    bool bulk; /* the store was told that much comes */
    uint64_t created, existing;
    uint64_t in_batch;   /* posts of the open batch */
    uint64_t made_batch; /* of them created */
    bool wanted;         /* the open batch holds more than posts */
    size_t batch_bytes;
    table known, made;
    uint64_t last_key, last_id;
    mn_arena scratch;
    mn_sorter *nodes, *edges; /* hash → id, hash of the parent → id of the child */
    mn_media_job *media;
};

/* ---- tables -------------------------------------------------------------------------------------------------------- */

static slot *table_at(const table *t, uint64_t key)
{
    size_t i = key & (t->cap - 1);
    while (t->slots[i].key && t->slots[i].key != key) i = (i + 1) & (t->cap - 1);
    return &t->slots[i];
}

static const slot *table_find(const table *t, uint64_t key)
{
    slot *s = t->cap ? table_at(t, key) : NULL;
    return s && s->key ? s : NULL;
}

static mn_rc table_put(table *t, slot s, mn_err *e)
{
    if (t->n * 2 >= t->cap) {
        table bigger = {.cap = t->cap ? t->cap * 2 : 256};
        bigger.slots = mn_calloc(bigger.cap, sizeof *bigger.slots);
        if (!bigger.slots) return mn_fail(e, MN_E_NOMEM, "no memory for accounts");
        for (size_t i = 0; i < t->cap; i++)
            if (t->slots[i].key) *table_at(&bigger, t->slots[i].key) = t->slots[i];
        bigger.n = t->n;
        mn_free(t->slots);
        *t = bigger;
    }
    slot *at = table_at(t, s.key);
    if (!at->key) t->n++;
    *at = s;
    return MN_OK;
}

static void table_clear(table *t)
{
    mn_free(t->slots);
    *t = (table){0};
}

static uint64_t hash_of(mn_str s)
{
    uint64_t h = mn_hash64(s.ptr ? s.ptr : "", s.len, 0);
    return h ? h : 1;
}

static uint64_t hash_of_name(mn_str name)
{
    char low[128];
    size_t n = name.len < sizeof low ? name.len : sizeof low;
    for (size_t i = 0; i < n; i++)
        low[i] =
            (char)(name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? name.ptr[i] + 32 : name.ptr[i]);
    return hash_of((mn_str){low, n});
}

/* ---- batches ------------------------------------------------------------------------------------------------------- */

mn_rc mn_writer_new(mn_store *s, const mn_import_opts *o, const char *path, const char *format,
                    mn_import_report *r, mn_writer **ret, mn_err *e)
{
    mn_writer *w = mn_calloc(1, sizeof *w);
    if (!w) return mn_fail(e, MN_E_NOMEM, "no memory for an import");
    w->s = s;
    w->o = o;
    w->path = path;
    w->format = format;
    w->report = r;
    mn_arena_init(&w->scratch, (size_t)16 << 20);
    mn_rc rc = mn_running_open(o->data_dir, &w->running, e);
    if (rc == MN_OK) rc = mn_sorter_new(o->data_dir, SORT_PAIRS, &w->nodes, e);
    if (rc == MN_OK) rc = mn_sorter_new(o->data_dir, SORT_PAIRS, &w->edges, e);
    if (rc == MN_OK) rc = mn_media_job_new(o, &w->media, e);
    if (rc != MN_OK) {
        mn_writer_free(w);
        return rc;
    }
    w->bulk = !o->thrifty;
    if (w->bulk) mn_store_bulk(s, true);
    *ret = w;
    return MN_OK;
}

void mn_writer_free(mn_writer *w)
{
    if (!w) return;
    mn_store_rollback(w->tx);
    if (w->bulk) mn_store_bulk(w->s, false);
    if (w->running >= 0) close(w->running);
    mn_media_job_free(w->media);
    mn_sorter_free(w->nodes);
    mn_sorter_free(w->edges);
    table_clear(&w->known);
    table_clear(&w->made);
    mn_arena_release(&w->scratch);
    mn_free(w);
}

static mn_rc enter_consent(mn_writer *w, mn_err *e)
{
    for (int p = 0; p < MN_PURPOSES; p++) {
        mn_ledger_line l = {.scope = MN_SCOPE_IMPORT,
                            .scope_id = w->import_id,
                            .purpose = (mn_purpose)p,
                            .value = mn_consents_get(w->o->consent, (mn_purpose)p),
                            .reason = MN_STR("given with the import"),
                            .at_ms = mn_now_ms()};
        if (l.value != MN_CONSENT_UNSET) MN_TRY(mn_store_consent_add(w->tx, &l, NULL, e));
    }
    return MN_OK;
}

static mn_rc open_batch(mn_writer *w, mn_err *e)
{
    bool taken;
    if (w->tx) return MN_OK;
    MN_TRY(mn_store_begin(w->s, &w->tx, e));
    w->in_batch = w->made_batch = 0;
    w->wanted = false;
    w->batch_bytes = 0;
    if (w->import_committed) return MN_OK;
    MN_TRY(mn_store_import_begin(w->tx, mn_str_from(w->path), mn_str_from(w->format),
                                 &w->import_id, e));
    MN_TRY(mn_running_take(w->running, w->import_id, &taken, e)); /* a new id: it is free */
    return enter_consent(w, e);
}

/* A batch that created nothing is dropped: neither it nor an import without posts is worth a row. */
static mn_rc close_batch(mn_writer *w, mn_err *e)
{
    if (!w->tx) return MN_OK;
    mn_tx *tx = w->tx;
    w->tx = NULL;
    if (!w->made_batch && !w->wanted) {
        mn_store_rollback(tx);
        table_clear(&w->made);
        table_clear(&w->known);
        w->last_key = 0;
        return MN_OK;
    }
    mn_rc rc =
        mn_store_import_end(tx, w->import_id, MN_IMPORT_RUNNING, w->created + w->made_batch, e);
    if (rc != MN_OK) {
        mn_store_rollback(tx);
        return rc;
    }
    MN_TRY(mn_store_commit(tx, e));
    w->import_committed = true;
    w->created += w->made_batch;
    table_clear(&w->made); /* readers see them now */
    if (w->known.n > TABLE_MAX) table_clear(&w->known);
    return MN_OK;
}

/* ---- accounts ------------------------------------------------------------------------------------------------------ */

/* Who an author is to us. */
typedef struct who {
    mn_str name, display, bio, origin;
    int64_t created_ms;
    bool bot, locked;
    bool any_origin; /* an account of that name is theirs, wherever it came from */
} who;

static mn_rc who_is(mn_writer *w, const mn_ready *r, who *ret, mn_err *e)
{
    const mn_profile *p = r->profile;
    mn_err ignored = {0};
    mn_str asked = r->author;
    *ret = (who){.any_origin = true};
    if (!asked.len && w->o->as) asked = mn_str_from(w->o->as);
    else if (!asked.len && !p) asked = MN_STR(DEFAULT_NAME);
    if (asked.len) {
        ret->any_origin = mn_social_name_check(asked, &ignored) == MN_OK;
        ret->display = asked;
        ret->name = ret->any_origin ? asked : mn_social_name_from(asked, &w->scratch);
        if (!ret->any_origin)
            ret->origin = mn_str_fmt(&w->scratch, "%s:@%.*s", w->format, MN_STR_FMT(asked));
    } else {
        ret->any_origin = false;
        ret->name = mn_social_name_check(p->name, &ignored) == MN_OK
                        ? p->name
                        : mn_social_name_from(p->name, &w->scratch);
        ret->display = p->display.len ? p->display : p->name;
        ret->bio = p->bio;
        ret->origin = p->origin;
        ret->created_ms = p->created_ms;
        ret->bot = p->bot;
        ret->locked = p->locked;
    }
    return ret->name.len ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory for an account");
}

static bool is_theirs(const who *h, uint64_t origin, bool has_origin)
{
    return h->any_origin || !has_origin || origin == hash_of(h->origin);
}

static mn_rc check_active(const mn_account *a, mn_err *e)
{
    if (a->state == MN_ACCOUNT_ACTIVE) return MN_OK;
    return mn_fail(e, MN_E_DENIED, "the account '%.*s' is %s; use --as to name another",
                   MN_STR_FMT(a->name),
                   a->state == MN_ACCOUNT_SUSPENDED ? "suspended" : "deleted");
}

static mn_rc make_account(mn_writer *w, const who *h, mn_str name, uint64_t *ret_id, mn_err *e)
{
    mn_account a = {.id = mn_snowflake_next(),
                    .name = name,
                    .display_name = mn_utf8_cut(h->display, 200),
                    .bio = mn_utf8_cut(h->bio, 5000),
                    .password_hash = MN_STR(""),
                    .origin = h->origin.ptr ? h->origin : MN_STR(""),
                    .import_id = w->import_id,
                    .role = MN_ROLE_MEMBER,
                    .bot = h->bot,
                    .locked = h->locked,
                    .created_ms = h->created_ms > 0 ? h->created_ms : mn_now_ms()};
    MN_TRY(mn_store_account_add(w->tx, &a, e));
    *ret_id = a.id;
    return table_put(&w->made, (slot){hash_of_name(name), a.id, hash_of(a.origin)}, e);
}

/* The account of that very name, if it is theirs: *ret_id, else 0 when it is somebody else's. Made when absent. */
static mn_rc try_name(mn_writer *w, const who *h, mn_str name, uint64_t *ret_id, mn_err *e)
{
    mn_account a;
    const slot *made = table_find(&w->made, hash_of_name(name));
    *ret_id = 0;
    if (made) {
        if (is_theirs(h, made->origin, made->origin != hash_of(MN_STR("")))) *ret_id = made->id;
        return MN_OK;
    }
    mn_rc rc = mn_store_account_by_name(w->s, name, &w->scratch, &a, e);
    if (rc == MN_E_NOT_FOUND) return make_account(w, h, name, ret_id, e);
    if (rc != MN_OK) return rc;
    if (!is_theirs(h, hash_of(a.origin), a.origin.len > 0)) return MN_OK;
    MN_TRY(check_active(&a, e));
    *ret_id = a.id;
    return MN_OK;
}

static mn_rc find_account(mn_writer *w, const mn_ready *r, uint64_t *ret_id, mn_err *e)
{
    who h;
    mn_arena_reset(&w->scratch);
    MN_TRY(who_is(w, r, &h, e));
    MN_TRY(try_name(w, &h, h.name, ret_id, e));
    for (int n = 2; !*ret_id && n < 1000; n++) {
        char name[96];
        mn_str stem = mn_utf8_cut(h.name, 58);
        int len = snprintf(name, sizeof name, "%.*s_%d", MN_STR_FMT(stem), n);
        MN_TRY(try_name(w, &h, (mn_str){name, (size_t)len}, ret_id, e));
    }
    if (!*ret_id)
        return mn_fail(e, MN_E_EXISTS, "all names like '%.*s' are taken; use --as",
                       MN_STR_FMT(h.name));
    return MN_OK;
}

static mn_rc account_of(mn_writer *w, const mn_ready *r, uint64_t *ret_id, mn_err *e)
{
    uint64_t key = r->author_key ? r->author_key : 1;
    if (w->o->as && !r->author.len) key = 1;
    if (key == w->last_key) {
        *ret_id = w->last_id;
        return MN_OK;
    }
    const slot *s = table_find(&w->known, key);
    if (s) {
        *ret_id = s->id;
    } else {
        MN_TRY(find_account(w, r, ret_id, e));
        MN_TRY(table_put(&w->known, (slot){key, *ret_id, 0}, e));
    }
    w->last_key = key;
    w->last_id = *ret_id;
    return MN_OK;
}

/* ---- posts --------------------------------------------------------------------------------------------------------- */

mn_rc mn_writer_add(mn_writer *w, const mn_ready *r, mn_err *e)
{
    mn_post p = r->post;
    uint64_t id = 0;
    MN_TRY(open_batch(w, e));
    if (w->in_batch % ROOM_EVERY == 0) MN_TRY(mn_store_room(w->tx, e));
    MN_TRY(account_of(w, r, &p.account_id, e));
    p.import_id = w->import_id;
    mn_rc rc = mn_store_post_import(w->tx, &p, &id, e);
    if (rc != MN_OK && rc != MN_E_EXISTS) return rc;
    bool existed = rc == MN_E_EXISTS;
    if (existed) w->existing++;
    else w->made_batch++;
    if (!existed) MN_TRY(mn_social_tags_write(w->tx, id, p.text, true, e));
    if (!existed && r->after) MN_TRY(r->after(r->after_arg, w->tx, id, e));
    if (r->self_hash) MN_TRY(mn_sorter_add(w->nodes, r->self_hash, id, e));
    if (r->parent_hash) MN_TRY(mn_sorter_add(w->edges, r->parent_hash, id, e));
    for (size_t i = 0; i < r->n_media; i++)
        MN_TRY(mn_media_job_want(w->media, &r->media[i], id, p.account_id, p.created_ms,
                                 existed, e));
    w->batch_bytes += p.text.len;
    uint64_t most = w->known.n > MANY ? BATCH_MANY : BATCH_POSTS;
    if (++w->in_batch < most && w->batch_bytes < BATCH_BYTES) return MN_OK;
    return close_batch(w, e);
}

mn_rc mn_writer_tx(mn_writer *w, mn_tx **ret, mn_err *e)
{
    MN_TRY(open_batch(w, e));
    w->wanted = true;
    *ret = w->tx;
    return MN_OK;
}

void mn_writer_existing(mn_writer *w)
{
    w->existing++;
}

mn_media_job *mn_writer_media(mn_writer *w)
{
    return w->media;
}

/* ---- replies ------------------------------------------------------------------------------------------------------- */

/* Both sorted by hash: walks them side by side; pairs go to `pairs` as child → parent. */
static mn_rc join(mn_writer *w, mn_sorter *pairs, mn_err *e)
{
    mn_pair node, edge;
    bool nodes = true, edges = true;
    MN_TRY(mn_sorter_next(w->nodes, &node, &nodes, e));
    MN_TRY(mn_sorter_next(w->edges, &edge, &edges, e));
    while (nodes && edges) {
        if (node.key < edge.key) {
            MN_TRY(mn_sorter_next(w->nodes, &node, &nodes, e));
            continue;
        }
        if (node.key == edge.key) MN_TRY(mn_sorter_add(pairs, edge.value, node.value, e));
        MN_TRY(mn_sorter_next(w->edges, &edge, &edges, e));
    }
    return MN_OK;
}

static mn_rc link_batch(mn_writer *w, mn_sorter *pairs, bool *ret_more, mn_err *e)
{
    mn_pair p;
    mn_rc rc = MN_OK;
    MN_TRY(mn_store_begin(w->s, &w->tx, e));
    for (int i = 0; i < BATCH_POSTS && rc == MN_OK; i++) {
        rc = mn_sorter_next(pairs, &p, ret_more, e);
        if (rc != MN_OK || !*ret_more) break;
        rc = mn_store_import_link(w->tx, p.key, p.value, e);
    }
    mn_tx *tx = w->tx;
    w->tx = NULL;
    if (rc == MN_OK) return mn_store_commit(tx, e);
    mn_store_rollback(tx);
    return rc;
}

static mn_rc link_replies(mn_writer *w, mn_err *e)
{
    mn_sorter *pairs;
    bool more = true;
    if (!mn_sorter_count(w->edges) || !mn_sorter_count(w->nodes)) return MN_OK;
    MN_TRY(mn_sorter_new(w->o->data_dir, SORT_PAIRS, &pairs, e));
    mn_rc rc = join(w, pairs, e);
    more = rc == MN_OK && mn_sorter_count(pairs) > 0;
    while (rc == MN_OK && more) rc = link_batch(w, pairs, &more, e);
    mn_sorter_free(pairs);
    return rc;
}

/* ---- the end ------------------------------------------------------------------------------------------------------- */

static mn_rc end_import(mn_writer *w, mn_import_state state, mn_err *e)
{
    return w->import_committed ? mn_running_note(w->s, w->import_id, state, w->created, e)
                               : MN_OK;
}

static void report(mn_writer *w)
{
    w->report->created += w->created;
    w->report->skipped_existing += w->existing;
}

mn_rc mn_writer_finish(mn_writer *w, mn_source *src, mn_err *e)
{
    MN_TRY(close_batch(w, e));
    MN_TRY(link_replies(w, e));
    MN_TRY(mn_media_job_run(w->media, w->s, src, w->report, e));
    MN_TRY(end_import(w, MN_IMPORT_DONE, e));
    if (w->existing && w->o->consent)
        mn_import_report_warn(w->report,
                              "%llu posts were here already and keep the consent they had",
                              (unsigned long long)w->existing);
    report(w);
    return MN_OK;
}

mn_rc mn_writer_stop(mn_writer *w, mn_err *e)
{
    MN_TRY(close_batch(w, e));
    MN_TRY(end_import(w, MN_IMPORT_INTERRUPTED, e));
    report(w);
    return mn_fail(
        e, MN_E_CANCELLED,
        "stopped on request; %llu posts were imported and kept, and running the same "
        "command again brings the rest",
        (unsigned long long)w->created);
}

mn_rc mn_writer_undo(mn_writer *w, mn_err *e)
{
    mn_store_rollback(w->tx);
    w->tx = NULL;
    mn_media_job_undo(w->media);
    return w->import_committed ? mn_running_undo(w->s, w->import_id, e) : MN_OK;
}

/* One import, from a path to the store: find the format, let its reader run on a thread of its own, write what it sends.
 *
 * The reader's thread parses, cleans, derives ids and copies each post into a batch; batches (a few, reused) go through a
 * queue to the caller's thread, which does nothing but write. Order is kept, so the result does not depend on timing.
 * Whoever fails closes both queues, so the other one ends too; the first error is the one that is reported. */
#include "archive/import.h"

#include <pthread.h>
#include <string.h>

#include "archive/archive_int.h"
#include "base/hash.h"
#include "base/snowflake.h"
#include "base/stop.h"
#include "base/thread.h"

#define BATCHES     4
#define BATCH_ITEMS 1024
#define BATCH_BYTES ((size_t)1 << 20)

typedef struct batch {
    mn_ready items[BATCH_ITEMS];
    size_t n;
    mn_arena arena;
    uint64_t done, total; /* of the source, when the batch was closed */
} batch;

typedef struct pipe_line {
    mn_queue *full, *empty;
    batch *batches; /* BATCHES of them */
    batch *open;    /* the reader's */
    mn_feed feed;
    mn_reader *reader;
    mn_rc rc; /* the reader's, when it has ended */
    mn_err err;
} pipe_line;

/* ---- the reader's side --------------------------------------------------------------------------------------------- */

static mn_rc send_batch(pipe_line *p, mn_err *e)
{
    batch *b = p->open;
    p->open = NULL;
    if (!b) return MN_OK;
    mn_source_progress(p->feed.src, &b->done, &b->total);
    return mn_queue_push(p->full, b) ? MN_OK
                                     : mn_fail(e, MN_E_CANCELLED, "the import was ended");
}

static mn_rc next_batch(pipe_line *p, mn_err *e)
{
    if (mn_stop_requested()) return mn_fail(e, MN_E_CANCELLED, "stopped on request");
    p->open = mn_queue_pop(p->empty);
    if (!p->open) return mn_fail(e, MN_E_CANCELLED, "the import was ended");
    p->open->n = 0;
    mn_arena_reset(&p->open->arena);
    return MN_OK;
}

/* A copy on the batch's arena; the empty string costs nothing. */
static bool keep_str(batch *b, mn_str *s)
{
    if (!s->len) {
        *s = MN_STR("");
        return true;
    }
    char *copy = mn_arena_alloc(&b->arena, s->len);
    if (!copy) return false;
    memcpy(copy, s->ptr, s->len);
    s->ptr = copy;
    return true;
}

static bool keep_media(batch *b, const mn_item *it, mn_ready *r)
{
    if (!it->n_media) return true;
    mn_item_media *m = mn_arena_alloc(&b->arena, it->n_media * sizeof *m);
    if (!m) return false;
    memcpy(m, it->media, it->n_media * sizeof *m);
    for (size_t i = 0; i < it->n_media; i++)
        if (!keep_str(b, &m[i].name) || !keep_str(b, &m[i].alt)) return false;
    r->media = m;
    r->n_media = it->n_media;
    return true;
}

static uint64_t nonzero(uint64_t h)
{
    return h ? h : 1;
}

/* The hash of "prefix:source_id" without keeping it. */
static uint64_t origin_hash(const mn_feed *f, mn_str source_id, mn_arena *a)
{
    mn_str o = mn_feed_origin(f, source_id, a);
    return o.ptr ? nonzero(mn_hash64(o.ptr, o.len, 0)) : 1;
}

static bool is_number(mn_str s, uint64_t n)
{
    uint64_t v;
    return mn_str_to_u64(s, &v) == MN_OK && v == n;
}

/* Ids of the post and of what it answers. A parent is taken by its number only by posts that kept their own: where the
 * numbers are of another kind, those of parents are too. */
static void derive_ids(const mn_feed *f, const mn_item *it, batch *b, mn_ready *r)
{
    mn_post *p = &r->post;
    p->id = mn_import_post_id(it->source_id, it->created_ms, p->origin);
    bool kept = is_number(it->source_id, p->id);
    if (!kept) r->self_hash = nonzero(mn_hash64(p->origin.ptr, p->origin.len, 0));
    if (it->reply_to.len && kept)
        p->reply_to = mn_import_parent_id(it->reply_to, it->created_ms);
    if (it->quote_of.len && kept)
        p->quote_of = mn_import_parent_id(it->quote_of, it->created_ms);
    if (it->reply_to.len && !p->reply_to)
        r->parent_hash = origin_hash(f, it->reply_to, &b->arena);
}

static uint64_t author_key(const mn_item *it)
{
    mn_str who = it->author.len ? it->author : it->profile ? it->profile->origin : MN_STR("");
    if (!who.len) return 0;
    uint64_t h = mn_hash64(who.ptr, who.len, it->author.len ? 0 : 1);
    return h > 1 ? h : 2; /* 0 and 1 mean the default account */
}

static mn_rc emit(mn_feed *f, const mn_item *it, mn_err *e)
{
    pipe_line *p = f->arg;
    if (!p->open) MN_TRY(next_batch(p, e));
    batch *b = p->open;
    mn_ready *r = &b->items[b->n];
    *r = (mn_ready){.author = it->author, .profile = it->profile, .author_key = author_key(it)};
    r->post = (mn_post){.created_ms = it->created_ms,
                        .edited_ms = it->edited_ms,
                        .visibility = it->visibility,
                        .sensitive = it->sensitive,
                        .consent = it->consent,
                        .text = it->text,
                        .lang = it->lang,
                        .warning = it->warning,
                        .origin = mn_feed_origin(f, it->source_id, &b->arena)};
    if (!r->post.origin.ptr || !keep_str(b, &r->post.text) || !keep_str(b, &r->post.lang) ||
        !keep_str(b, &r->post.warning) || !keep_str(b, &r->author) || !keep_media(b, it, r))
        return mn_fail(e, MN_E_NOMEM, "no memory for a batch of posts");
    derive_ids(f, it, b, r);
    if (++b->n < BATCH_ITEMS && b->arena.used_bytes < BATCH_BYTES) return MN_OK;
    return send_batch(p, e);
}

static void *read_all(void *arg)
{
    pipe_line *p = arg;
    p->rc = p->reader(&p->feed, &p->err);
    if (p->rc == MN_OK) p->rc = send_batch(p, &p->err);
    else if (p->rc == MN_E_CANCELLED && p->open) p->open = NULL;
    mn_queue_close(p->full);
    return NULL;
}

/* ---- the writer's side --------------------------------------------------------------------------------------------- */

static mn_rc write_batch(pipe_line *p, mn_writer *w, batch *b, uint64_t *posts, mn_err *e)
{
    const mn_import_opts *o = p->feed.opts;
    for (size_t i = 0; i < b->n; i++) MN_TRY(mn_writer_add(w, &b->items[i], e));
    *posts += b->n;
    if (o->progress) o->progress(o->progress_arg, b->done, b->total, *posts);
    b->n = 0;
    return mn_queue_push(p->empty, b) ? MN_OK
                                      : mn_fail(e, MN_E_CANCELLED, "the import was ended");
}

static mn_rc write_all(pipe_line *p, mn_writer *w, mn_err *e)
{
    batch *b;
    uint64_t posts = 0;
    mn_rc rc = MN_OK;
    while (rc == MN_OK && (b = mn_queue_pop(p->full))) rc = write_batch(p, w, b, &posts, e);
    if (rc != MN_OK) {
        mn_queue_close(p->full);
        mn_queue_close(p->empty);
    }
    return rc;
}

/* ---- one run ------------------------------------------------------------------------------------------------------- */

static mn_rc pipe_init(pipe_line *p, mn_err *e)
{
    p->batches = mn_calloc(BATCHES, sizeof *p->batches);
    if (!p->batches) return mn_fail(e, MN_E_NOMEM, "no memory for an import");
    MN_TRY(mn_queue_new(BATCHES, &p->full, e));
    MN_TRY(mn_queue_new(BATCHES, &p->empty, e));
    for (int i = 0; i < BATCHES; i++) {
        mn_arena_init(&p->batches[i].arena, 0);
        mn_queue_push(p->empty, &p->batches[i]);
    }
    return MN_OK;
}

static void pipe_release(pipe_line *p)
{
    for (int i = 0; p->batches && i < BATCHES; i++) mn_arena_release(&p->batches[i].arena);
    mn_free(p->batches);
    if (p->full) mn_queue_free(p->full);
    if (p->empty) mn_queue_free(p->empty);
}

/* Both threads to their end; what went wrong first is the result. */
static mn_rc run_threads(pipe_line *p, mn_writer *w, mn_err *e)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, read_all, p) != 0)
        return mn_fail(e, MN_E_IO, "cannot start a thread");
    mn_rc rc = write_all(p, w, e);
    pthread_join(thread, NULL);
    if (rc == MN_OK && p->rc != MN_OK) {
        rc = p->rc;
        *e = p->err;
    }
    return rc;
}

static void add_counts(const mn_feed *f, mn_import_report *r)
{
    r->read += f->read;
    for (int i = 0; i < MN_SKIPS; i++) r->skipped[i] += f->skipped[i];
    if (f->unknown_keys)
        mn_import_report_warn(r,
                              "%llu members with unknown names were passed over (the first is "
                              "\"%s\")",
                              (unsigned long long)f->unknown_keys, f->unknown_example);
    uint64_t links = mn_source_passed_over(f->src);
    if (links && strcmp(f->origin, "fortune") != 0) /* Debian's fortunes are full of them */
        mn_import_report_warn(r, "%llu links or special files were not followed",
                              (unsigned long long)links);
}

static mn_rc settle(pipe_line *p, mn_writer *w, mn_rc rc, mn_import_report *r, mn_err *e)
{
    mn_err undo = {0};
    if (rc == MN_OK) {
        add_counts(&p->feed, r);
        rc = mn_writer_finish(w, p->feed.src, e);
        if (rc == MN_OK) return MN_OK;
    } else if (rc == MN_E_CANCELLED && mn_stop_requested()) {
        return mn_writer_stop(w, e);
    }
    if (mn_writer_undo(w, &undo) != MN_OK)
        return mn_fail(e, rc == MN_E_PARSE || rc == MN_E_LIMIT ? MN_E_IO : rc,
                       "%s (and taking back what was imported failed: %s)", e->msg, undo.msg);
    return rc;
}

static mn_reader *reader_of(mn_import_format format)
{
    static mn_reader *const readers[MN_FORMATS] = {
        [MN_FORMAT_X] = mn_read_x,
        [MN_FORMAT_GRAILBIRD] = mn_read_grailbird,
        [MN_FORMAT_MASTODON] = mn_read_mastodon,
        [MN_FORMAT_FORTUNE] = mn_read_fortune,
        [MN_FORMAT_JSONL] = mn_read_jsonl,
    };
    return readers[format];
}

static mn_rc run_format(mn_store *s, const char *path, mn_source *src, mn_import_format format,
                        mn_str root, const mn_import_opts *o, mn_import_report *r, mn_err *e)
{
    pipe_line p = {.reader = reader_of(format)};
    mn_writer *w = NULL;
    mn_rc rc = mn_feed_init(&p.feed, src, o, r, emit, &p);
    p.feed.root = root;
    if (rc == MN_OK) rc = pipe_init(&p, e);
    if (rc == MN_OK) rc = mn_writer_new(s, o, path, mn_import_format_names[format], r, &w, e);
    if (rc == MN_OK) {
        rc = run_threads(&p, w, e);
        rc = settle(&p, w, rc, r, e);
    }
    mn_writer_free(w);
    pipe_release(&p);
    mn_feed_release(&p.feed);
    return rc;
}

/* What a damaged or hostile file did: nothing. The message says so, and of which path. */
static mn_rc nothing_taken(const char *path, mn_rc rc, mn_err *e)
{
    bool disk = rc == MN_E_IO && e && mn_str_starts(mn_str_from(e->msg), "the disk is") &&
                !strstr(e->msg, "taking back");
    bool ours = rc == MN_E_PARSE || rc == MN_E_LIMIT || disk;
    if (!ours || !e || strstr(e->msg, "nothing was taken")) return rc;
    return mn_fail(e, rc, "%s; nothing was taken from '%s'", e->msg, path);
}

/* One clear line for a failure: what was noted about a source that nothing was taken from is not of interest. */
static void forget_warnings(mn_import_report *r, size_t n_kept)
{
    while (r->n_warnings > n_kept) mn_free(r->warnings[--r->n_warnings]);
}

mn_rc mn_import_run(mn_store *s, const char *path, const mn_import_opts *o, mn_import_report *r,
                    mn_err *e)
{
    mn_source *src;
    mn_import_format format = o->format;
    char root[1024];
    MN_TRY(mn_import_settle(s, o->data_dir, r, e));
    const size_t told = r->n_warnings;
    mn_rc rc = mn_source_open(path, NULL, &src, e);
    if (rc != MN_OK) return nothing_taken(path, rc, e);
    rc = mn_import_detect(src, path, &format, root, sizeof root, e);
    if (rc == MN_OK) rc = mn_source_rewind(src, e);
    if (rc == MN_OK && format == MN_FORMAT_MYNAH)
        rc = mn_restore_run(s, path, src, mn_str_from(root), o, r, e);
    else if (rc == MN_OK) rc = run_format(s, path, src, format, mn_str_from(root), o, r, e);
    mn_source_close(src);
    if (rc != MN_OK && rc != MN_E_CANCELLED) forget_warnings(r, told);
    return nothing_taken(path, rc, e);
}

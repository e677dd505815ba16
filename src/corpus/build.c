/* The stages one after the other, in a hidden folder that is renamed at the end. */
#include <stdio.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/stop.h"
#include "corpus/chars.h"
#include "corpus/corpus_int.h"
#include "corpus/dedup.h"
#include "corpus/share.h"
#include "corpus/slice.h"
#include "corpus/spool.h"
#include "corpus/together.h"

/* ---- what was dropped ---------------------------------------------------------------------------------------- */

/* Copies join those that the gate and the rules left out. */
static mn_rc collect_dropped(mn_scan *s, mn_corpus_report *r)
{
    for (size_t i = 0; i < s->cands.n; i++) {
        const mn_cand *x = &s->cands.items[i];
        if (x->drop) MN_TRY(mn_scan_drop(s, x->id, (mn_drop)x->drop, x->of));
    }
    for (size_t i = 0; i < s->n_dropped; i++) r->dropped[s->dropped[i].why]++;
    r->posts_in = s->posts_in;
    r->posts_kept = s->posts_in - s->n_dropped;
    return MN_OK;
}

static mn_rc write_line(FILE *f, mn_buf *b, const mn_dropped *d)
{
    mn_buf_clear(b);
    mn_buf_addz(b, "{\"id\":\"");
    mn_buf_addu(b, d->id);
    mn_buf_addz(b, "\",\"reason\":\"");
    mn_buf_addz(b, mn_drop_names[d->why]);
    if (d->of) {
        mn_buf_addz(b, "\",\"of\":\"");
        mn_buf_addu(b, d->of);
    }
    MN_TRY(mn_buf_addz(b, "\"}\n"));
    return fwrite(b->ptr, b->len, 1, f) == 1 ? MN_OK : MN_E_IO;
}

/* dropped.jsonl, ids rising. */
static mn_rc write_dropped(const char *dir, const mn_scan *s, mn_err *e)
{
    char path[MN_CORPUS_PATH];
    mn_buf b;
    MN_TRY(mn_corpus__path(dir, "dropped.jsonl", NULL, path, e));
    mn_keyed *order = mn_keyed_new(s->n_dropped);
    if (!order) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < s->n_dropped; i++) order[i] = (mn_keyed){s->dropped[i].id, i};
    mn_keyed_sort(order, order + s->n_dropped, s->n_dropped);
    mn_buf_init(&b, 0);
    FILE *f = fopen(path, "wbxe");
    mn_rc rc = f ? MN_OK : MN_E_IO;
    for (size_t i = 0; i < s->n_dropped && rc == MN_OK; i++)
        rc = write_line(f, &b, &s->dropped[order[i].val]);
    if (f && rc == MN_OK && (fflush(f) != 0 || fsync(fileno(f)) != 0)) rc = MN_E_IO;
    if (rc != MN_OK) mn_fail_errno(e, rc, "cannot write '%s'", path);
    if (f && fclose(f) != 0 && rc == MN_OK)
        rc = mn_fail_errno(e, MN_E_IO, "cannot write '%s'", path);
    mn_buf_release(&b);
    mn_free(order);
    return rc;
}

/* ---- refusals ------------------------------------------------------------------------------------------------ */

static mn_rc check_consented(const mn_scan *s, mn_err *e)
{
    uint64_t refused[MN_DROPS] = {0};
    if (s->posts_in == 0)
        return mn_fail(e, MN_E_NOT_FOUND,
                       "there are no posts yet: 'mynah import PATH' brings some");
    if (s->cands.n) return MN_OK;
    for (size_t i = 0; i < s->n_dropped; i++) refused[s->dropped[i].why]++;
    uint64_t shut = refused[MN_DROP_DELETED] + refused[MN_DROP_BOOST] +
                    refused[MN_DROP_NOT_PUBLIC] + refused[MN_DROP_NO_CONSENT];
    if (shut < s->posts_in)
        return mn_fail(
            e, MN_E_USAGE,
            "none of the %llu posts that may be trained on survives the rules; 'mynah "
            "import' more text",
            (unsigned long long)(s->posts_in - shut));
    return mn_fail(
        e, MN_E_DENIED,
        "none of the %llu posts may be trained on: %llu are without consent. An author "
        "allows it with 'mynah account consent NAME train_generative=allow'; posts you "
        "bring in with 'mynah import PATH --consent train_generative=allow'",
        (unsigned long long)s->posts_in, (unsigned long long)refused[MN_DROP_NO_CONSENT]);
}

static mn_rc check_opts(const mn_corpus_opts *o, mn_err *e)
{
    if (!(o->val_share >= 0 && o->val_share <= 0.5))
        return mn_fail(e, MN_E_USAGE, "the held-out share must be between 0 and 0.5");
    if (o->vocab && (o->vocab < 512 || o->vocab > 65536))
        return mn_fail(e, MN_E_USAGE, "the vocabulary must be between 512 and 65,536");
    if (o->threads < 0 || o->threads > 1024)
        return mn_fail(e, MN_E_USAGE, "threads must be between 1 and 1,024");
    if (o->canaries >= UINT64_C(1) << 53)
        return mn_fail(e, MN_E_USAGE, "the seed of canaries must be below 2^53");
    if (!(o->replay >= 0 && o->replay <= 0.99) || (o->replay > 0 && !o->after))
        return mn_fail(
            e, MN_E_USAGE,
            "the share of old posts must be 0 to 0.99, of a corpus that goes on from "
            "another (--after)");
    if (o->vocab && (o->tokenizer || o->tokens || o->after))
        return mn_fail(
            e, MN_E_USAGE,
            "the vocabulary is that of the tokenizer that is there: give no other size");
    if (!o->name) return MN_OK;
    size_t n = strlen(o->name);
    bool good = n > 0 && n <= MN_CORPUS_NAME_MAX && mn_is_alnum(o->name[0]);
    for (size_t i = 0; i < n; i++)
        good = good && (mn_is_alnum(o->name[i]) || strchr("._-", o->name[i]));
    if (!good)
        return mn_fail(
            e, MN_E_USAGE,
            "'%.80s' cannot name a corpus: letters, digits, '.', '_' and '-', at most %d",
            o->name, MN_CORPUS_NAME_MAX);
    return MN_OK;
}

/* ---- the stages ---------------------------------------------------------------------------------------------- */

typedef struct make {
    mn_store *store;
    const char *data_dir, *dir;
    const mn_corpus_opts *opts;
    mn_corpus_progress progress;
    void *arg;
    mn_tasks *tasks; /* of several ranks, else NULL */
    mn_pool *pool;
    char spool_path[MN_CORPUS_PATH];
    mn_fs_map spool;
    mn_slice slice; /* nothing without opts->after */
    mn_vocabulary vocabulary;
    char tokenizer[MN_CORPUS_PATH]; /* of opts->after */
    mn_docform form;
    mn_scan scan;
    mn_documents docs;
    mn_split split;
    mn_corpus_facts facts;
} make;

/* Last line of the ledger: whether there is one after seq is one query, so the end is found by doubling and halving. */
mn_rc mn_corpus__ledger_end(mn_store *s, uint64_t *ret, mn_err *e)
{
    uint64_t lo = 0,
             hi = 1; /* lines up to lo are there; hi grows until there is none after it */
    mn_arena a;
    mn_rc rc = MN_OK;
    bool closing = false;
    mn_arena_init(&a, 0);
    while (rc == MN_OK && (!closing || lo < hi)) {
        uint64_t after = closing ? lo + (hi - lo) / 2 : hi - 1;
        mn_ledger_line *line;
        size_t n = 0;
        mn_arena_reset(&a);
        rc = mn_store_ledger(s, after, 1, &a, &line, &n, e);
        if (rc != MN_OK) break;
        if (n) lo = line[0].seq;
        if (n && !closing) hi = 2 * lo + 1;
        if (!n && closing) hi = after;
        if (!n && !closing) {
            closing = true;
            hi = after;
        }
    }
    mn_arena_release(&a);
    if (rc == MN_OK) *ret = lo;
    return rc;
}

static void report_stage(const make *m, const char *stage)
{
    if (m->progress) m->progress(m->arg, stage, 0, 0);
}

/* What is new, and which old posts come with it; the tokenizer that goes with them. */
static mn_rc slice_stage(make *m, mn_err *e)
{
    const mn_corpus_opts *o = m->opts;
    char dir[MN_CORPUS_PATH];
    m->vocabulary = (mn_vocabulary){o->tokenizer, o->tokens, o->form, o->vocab};
    if (!o->after) return MN_OK;
    report_stage(m, "old posts");
    MN_TRY(mn_slice_open(m->store, m->data_dir, o->after, o->replay, &m->slice, e));
    if (!m->slice.new_posts)
        return mn_fail(e, MN_E_NOT_FOUND,
                       "no post that may be learnt from is new since corpus '%s'", o->after);
    if (o->tokenizer || o->tokens) return MN_OK;
    MN_TRY(mn_corpus__path(m->data_dir, "corpus", o->after, dir, e));
    MN_TRY(mn_corpus_form(m->data_dir, o->after, &m->form, e));
    m->vocabulary.file = m->tokenizer;
    m->vocabulary.form = &m->form;
    return mn_corpus__path(dir, "tokenizer.json", NULL, m->tokenizer, e);
}

/* Old ones are told apart, and counted when they are kept; at least one of the kept must be new. */
static void mark_old(make *m)
{
    for (size_t i = 0; i < m->scan.cands.n; i++)
        m->scan.cands.items[i].old = mn_slice_is_old(&m->slice, m->scan.cands.items[i].id);
}

static mn_rc check_new(make *m, mn_err *e)
{
    uint64_t fresh = 0;
    mn_corpus_report *r = &m->facts.report;
    if (!m->opts->after) return MN_OK;
    snprintf(r->after, sizeof r->after, "%s", m->opts->after);
    for (size_t i = 0; i < m->scan.cands.n; i++) {
        const mn_cand *x = &m->scan.cands.items[i];
        if (x->drop) continue;
        fresh += !x->old;
        r->replayed_posts += x->old;
        r->replayed_bytes += x->old ? x->text_len : 0;
    }
    if (fresh) return MN_OK;
    return mn_fail(e, MN_E_USAGE,
                   "none of the %llu new posts that may be trained on survives the rules",
                   (unsigned long long)m->slice.new_posts);
}

static mn_rc split_stage(make *m, mn_err *e)
{
    mn_rc rc = mn_corpus_split_of(&m->scan.cands, &m->docs, m->opts->val_share, &m->split, e);
    if (rc != MN_E_USAGE || !m->opts->after) return rc;
    return mn_corpus_split_of(&m->scan.cands, &m->docs, 0, &m->split, e);
}

static mn_rc scan_stage(make *m, const uint64_t *only, size_t n_only, mn_err *e)
{
    uint64_t accounts, posts;
    mn_scan_rules rules;
    MN_TRY(mn_store_counts(m->store, &accounts, &posts, &m->facts.report.store_rev, e));
    MN_TRY(mn_corpus__ledger_end(m->store, &m->facts.ledger_seq, e));
    MN_TRY(mn_corpus__path(m->dir, "spool", NULL, m->spool_path, e));
    MN_TRY(slice_stage(m, e));
    MN_TRY(mn_scan_rules_of(m->store, m->opts->keep_handles, &rules, e));
    rules.only = only, rules.n_only = n_only;
    rules.except = m->slice.except, rules.n_except = only ? 0 : m->slice.n_except;
    MN_TRY(m->tasks ? mn_share_scan(m->tasks, m->store, m->spool_path, &rules, posts,
                                    m->progress, m->arg, &m->scan, e)
                    : mn_corpus_scan(m->store, m->spool_path, &rules, m->pool, posts,
                                     m->progress, m->arg, &m->scan, e));
    mark_old(m);
    MN_TRY(check_consented(&m->scan, e));
    return mn_fs_map_open(m->spool_path, &m->spool, e);
}

static mn_rc shape_stage(make *m, mn_err *e)
{
    report_stage(m, "duplicates");
    MN_TRY(mn_corpus_dedup(&m->scan.cands, (const char *)m->spool.ptr, m->pool, e));
    if (mn_stop_requested()) return mn_fail(e, MN_E_CANCELLED, "stopped");
    if (collect_dropped(&m->scan, &m->facts.report) != MN_OK)
        return mn_fail(e, MN_E_NOMEM, "out of memory");
    MN_TRY(check_new(m, e));
    report_stage(m, "threads");
    mn_rc rc = mn_corpus_documents(&m->scan.cands, &m->docs);
    if (rc != MN_OK) return mn_fail(e, rc, "out of memory while joining threads");
    return split_stage(m, e);
}

static mn_rc write_stage(make *m, mn_err *e)
{
    mn_written w;
    mn_corpus_report *r = &m->facts.report;
    report_stage(m, "tokenizer");
    MN_TRY(mn_corpus_write(m->dir, &m->scan.cands, &m->docs, &m->split,
                           (const char *)m->spool.ptr, &m->vocabulary, m->opts->canaries,
                           m->pool, m->tasks, m->progress, m->arg, &w, e));
    r->vocab = w.vocab;
    m->facts.form = w.form;
    r->train = w.train;
    r->val = w.val;
    r->bytes = w.train.bytes + w.val.bytes;
    r->tokens = w.train.tokens + w.val.tokens;
    r->split_by_author = m->split.by_author;
    MN_TRY(write_dropped(m->dir, &m->scan, e));
    if (unlink(m->spool_path) != 0)
        return mn_fail_errno(e, MN_E_IO, "cannot remove '%s'", m->spool_path);
    m->facts.opts = m->opts;
    m->facts.scan = &m->scan;
    m->facts.docs = &m->docs;
    m->facts.split = &m->split;
    return mn_corpus__manifest_write(m->dir, &m->facts, e);
}

mn_rc mn_corpus__make(mn_store *store, const char *data_dir, const char *dir,
                      const mn_corpus_opts *opts, const mn_together *together,
                      const uint64_t *only, size_t n_only, mn_corpus_progress progress,
                      void *arg, mn_corpus_report *ret, uint64_t *ret_skipped, mn_err *e)
{
    mn_pool *own = NULL;
    make *m = mn_calloc(1, sizeof *m);
    if (!m) return mn_fail(e, MN_E_NOMEM, "out of memory");
    m->store = store;
    m->data_dir = data_dir;
    m->dir = dir;
    m->opts = opts;
    m->progress = progress;
    m->arg = arg;
    m->tasks = together ? together->tasks : NULL;
    mn_rc rc = together ? MN_OK : mn_pool_new(opts->threads, &own, e);
    m->pool = together ? together->pool : own;
    if (rc == MN_OK) rc = scan_stage(m, only, n_only, e);
    if (rc == MN_OK) rc = shape_stage(m, e);
    if (rc == MN_OK) rc = write_stage(m, e);
    if (rc == MN_OK) *ret = m->facts.report;
    if (rc == MN_OK && ret_skipped) *ret_skipped = m->scan.skipped;
    mn_split_release(&m->split);
    mn_documents_release(&m->docs);
    if (m->spool.ptr) mn_fs_map_close(&m->spool);
    mn_scan_release(&m->scan);
    mn_slice_release(&m->slice);
    mn_pool_free(own);
    mn_free(m);
    return rc;
}

/* ---- the folder ---------------------------------------------------------------------------------------------- */

mn_rc mn_corpus__workplace(const char *data_dir, const char *name, char ret_dir[MN_CORPUS_PATH],
                           mn_fs_lock *ret_lock, mn_err *e)
{
    char root[MN_CORPUS_PATH], path[MN_CORPUS_PATH];
    mn_fs_lock lock;
    MN_TRY(mn_corpus__path(data_dir, "corpus", NULL, root, e));
    MN_TRY(mn_corpus__path(root, ".lock", NULL, path, e));
    MN_TRY(mn_corpus__path(root, name, NULL, ret_dir, e));
    MN_TRY(mn_fs_mkdirs(root, e));
    mn_rc rc = mn_fs_lock_take(path, &lock, e);
    if (rc == MN_E_BUSY)
        return mn_fail(e, rc, "another corpus is being built in '%s': wait for it to end",
                       root);
    MN_TRY(rc);
    rc = mn_fs_remove_tree(ret_dir, e);
    if (rc == MN_OK) rc = mn_fs_mkdirs(ret_dir, e);
    if (rc == MN_OK) *ret_lock = lock;
    else mn_fs_lock_release(&lock);
    return rc;
}

/* Gives the finished folder its name; the very same corpus may be there already. */
static mn_rc publish(const char *data_dir, const char *dir, mn_corpus_report *r, mn_err *e)
{
    char root[MN_CORPUS_PATH], to[MN_CORPUS_PATH];
    mn_corpus_report old;
    MN_TRY(mn_corpus__path(data_dir, "corpus", NULL, root, e));
    MN_TRY(mn_corpus__path(root, r->name, NULL, to, e));
    if (mn_fs_exists(to)) {
        MN_TRY(mn_corpus_read(data_dir, r->name, &old, e));
        if (strcmp(old.sha256, r->sha256) != 0)
            return mn_fail(e, MN_E_EXISTS, "'%s' is another corpus already: give --name",
                           r->name);
        r->existed = true;
        return mn_fs_remove_tree(dir, e);
    }
    MN_TRY(mn_fs_sync_dir(dir, e));
    if (rename(dir, to) != 0) return mn_fail_errno(e, MN_E_IO, "cannot rename '%s'", dir);
    return mn_fs_sync_dir(root, e);
}

static mn_rc check_free(const char *data_dir, const char *name, mn_err *e)
{
    char path[MN_CORPUS_PATH];
    if (!name) return MN_OK;
    MN_TRY(mn_corpus__path(data_dir, "corpus", name, path, e));
    if (!mn_fs_exists(path)) return MN_OK;
    return mn_fail(e, MN_E_EXISTS,
                   "corpus '%s' exists; a build never changes: give another --name", name);
}

mn_rc mn_corpus__check(const char *data_dir, const mn_corpus_opts *opts, bool builds, mn_err *e)
{
    MN_TRY(check_opts(opts, e));
    return builds ? check_free(data_dir, opts->name, e) : MN_OK;
}

mn_rc mn_corpus__build_here(mn_store *store, const char *data_dir, const mn_corpus_opts *opts,
                            const mn_together *together, mn_corpus_progress progress, void *arg,
                            mn_corpus_report *ret, mn_err *e)
{
    char dir[MN_CORPUS_PATH];
    mn_fs_lock lock;
    mn_corpus_report r;
    mn_rc rc = mn_corpus__workplace(data_dir, ".building", dir, &lock, e);
    const bool begun = rc == MN_OK;
    if (begun)
        rc = mn_corpus__make(store, data_dir, dir, opts, together, NULL, 0, progress, arg, &r,
                             NULL, e);
    if (together) rc = mn_tasks_end(together->tasks, rc, e);
    if (rc == MN_OK) rc = publish(data_dir, dir, &r, e);
    if (rc == MN_OK) *ret = r;
    else if (begun) mn_fs_remove_tree(dir, NULL);
    if (begun) mn_fs_lock_release(&lock);
    return rc;
}

mn_rc mn_corpus_build(mn_store *store, const char *data_dir, const mn_corpus_opts *opts,
                      mn_corpus_progress progress, void *arg, mn_corpus_report *ret, mn_err *e)
{
    if (opts->ranks)
        return mn_corpus__build_together(store, data_dir, opts, progress, arg, ret, e);
    MN_TRY(mn_corpus__check(data_dir, opts, true, e));
    return mn_corpus__build_here(store, data_dir, opts, NULL, progress, arg, ret, e);
}

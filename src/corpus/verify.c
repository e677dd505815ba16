/* Verifying: the files against the manifest, then a second build from those posts that the first one saw, file by file.
 *
 * Posts that are new since are left out of the second build, so that a living community's corpora can still be checked;
 * what differs then differs because a post was deleted, edited or withdrawn, or because a file or the program changed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"
#include "corpus/corpus_int.h"
#include "text/shard.h"

const char *const mn_corpus_change_names[MN_CHANGES] = {"gone",    "withdrawn",   "text",
                                                        "consent", "dropped_now", "kept_now"};

/* What one build made of one post. */
typedef struct fate {
    uint64_t id;
    mn_drop why;
    uint64_t consent_rev, text; /* kept: ledger line, hash of the clean text */
} fate;

typedef struct fates {
    fate *items;
    size_t n, cap;
} fates;

static mn_rc add_fate(fates *f, fate x)
{
    if (f->n == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : 1024;
        fate *items = mn_reallocarray(f->items, cap, sizeof *items);
        if (!items) return MN_E_NOMEM;
        f->items = items;
        f->cap = cap;
    }
    f->items[f->n++] = x;
    return MN_OK;
}

/* ---- reading a corpus' fates --------------------------------------------------------------------------------- */

typedef struct collect {
    fates *to;
    mn_rc rc;
} collect;

static bool one_dropped(void *arg, uint64_t id, mn_drop why, uint64_t of)
{
    collect *c = arg;
    (void)of;
    c->rc = add_fate(c->to, (fate){.id = id, .why = why});
    return c->rc == MN_OK;
}

static mn_rc kept_posts(const char *dir, const char *split, fates *to, mn_err *e)
{
    char name[64], path[MN_CORPUS_PATH];
    mn_fs_map origin = {0}, text = {0};
    snprintf(name, sizeof name, "%s.origin", split);
    MN_TRY(mn_corpus__path(dir, name, NULL, path, e));
    MN_TRY(mn_fs_map_open(path, &origin, e));
    snprintf(name, sizeof name, "%s.txt", split);
    mn_rc rc = mn_corpus__path(dir, name, NULL, path, e);
    if (rc == MN_OK) rc = mn_fs_map_open(path, &text, e);
    size_t n = origin.len / sizeof(mn_origin);
    for (size_t i = 0; i < n && rc == MN_OK; i++) {
        mn_origin o, next = {.text_offset = text.len};
        memcpy(&o, origin.ptr + i * sizeof o, sizeof o);
        if (i + 1 < n) memcpy(&next, origin.ptr + (i + 1) * sizeof o, sizeof o);
        if (o.text_offset > next.text_offset || next.text_offset > text.len)
            rc = mn_fail(e, MN_E_CORRUPT, "'%s' does not fit its origins", path);
        else
            rc = add_fate(to, (fate){.id = o.post_id,
                                     .consent_rev = o.consent_rev,
                                     .text = mn_hash64(text.ptr + o.text_offset,
                                                       next.text_offset - o.text_offset, 0)});
    }
    mn_fs_map_close(&origin);
    if (text.ptr) mn_fs_map_close(&text);
    return rc;
}

static int by_id(const void *a, const void *b)
{
    uint64_t x = ((const fate *)a)->id, y = ((const fate *)b)->id;
    return (x > y) - (x < y);
}

/* All posts that the corpus in dir saw, ids rising. */
static mn_rc read_fates(const char *dir, fates *ret, mn_err *e)
{
    collect c = {ret, MN_OK};
    MN_TRY(kept_posts(dir, "train", ret, e));
    MN_TRY(kept_posts(dir, "val", ret, e));
    MN_TRY(mn_corpus__dropped(dir, one_dropped, &c, e));
    if (c.rc != MN_OK) return mn_fail(e, c.rc, "out of memory");
    if (ret->n) qsort(ret->items, ret->n, sizeof *ret->items, by_id);
    return MN_OK;
}

/* ---- comparing ----------------------------------------------------------------------------------------------- */

static void note_change(mn_corpus_verdict *v, uint64_t id, mn_corpus_change what)
{
    v->changes[what]++;
    if (v->n_samples == MN_CORPUS_VERIFY_SAMPLES) return;
    v->samples[v->n_samples].id = id;
    v->samples[v->n_samples++].what = what;
}

/* A post then and now; now NULL when it is no longer among the live. */
static void compare_post(mn_corpus_verdict *v, const fate *then, const fate *now)
{
    if (!now) {
        note_change(v, then->id, MN_CHANGE_GONE);
        return;
    }
    if (then->why == now->why && then->why != MN_DROP_NONE) return;
    if (now->why == MN_DROP_NO_CONSENT || now->why == MN_DROP_NOT_PUBLIC)
        note_change(v, then->id, MN_CHANGE_WITHDRAWN);
    else if (now->why) note_change(v, then->id, MN_CHANGE_DROPPED);
    else if (then->why) note_change(v, then->id, MN_CHANGE_KEPT);
    else if (then->text != now->text) note_change(v, then->id, MN_CHANGE_TEXT);
    else if (then->consent_rev != now->consent_rev) note_change(v, then->id, MN_CHANGE_CONSENT);
}

static void compare_fates(mn_corpus_verdict *v, const fates *then, const fates *now)
{
    size_t k = 0;
    for (size_t i = 0; i < then->n; i++) {
        while (k < now->n && now->items[k].id < then->items[i].id) k++;
        bool there = k < now->n && now->items[k].id == then->items[i].id;
        compare_post(v, &then->items[i], there ? &now->items[k] : NULL);
    }
}

static void note_file(char (*names)[32], int *n, int file)
{
    snprintf(names[(*n)++], 32, "%s", mn_corpus__files[file]);
}

/* Compares the hashes of a folder's files with those of the manifest; a missing file is a difference. */
static mn_rc compare_files(const char *dir, const mn_corpus_recipe *want, char (*names)[32],
                           int *ret_n, mn_err *e)
{
    char path[MN_CORPUS_PATH], hex[65];
    uint8_t sha[32];
    for (int i = 0; i < MN_CORPUS_FILES; i++) {
        MN_TRY(mn_corpus__path(dir, mn_corpus__files[i], NULL, path, e));
        mn_rc rc = mn_sha256_file(path, sha, NULL);
        if (rc == MN_E_NOMEM) return mn_fail(e, rc, "out of memory");
        if (rc != MN_OK || strcmp(mn_hex(sha, 32, hex), want->file_sha[i]) != 0)
            note_file(names, ret_n, i);
    }
    return MN_OK;
}

/* ---- the second build ---------------------------------------------------------------------------------------- */

static uint64_t *ids_of(const fates *f)
{
    uint64_t *ids = mn_reallocarray(NULL, f->n + 1, sizeof *ids);
    for (size_t i = 0; ids && i < f->n; i++) ids[i] = f->items[i].id;
    return ids;
}

/* Nothing of it may be trained on any more: every post is gone or withdrawn. */
static void all_changed(mn_corpus_verdict *v, const fates *then, mn_rc why)
{
    for (size_t i = 0; i < then->n; i++)
        if (!then->items[i].why)
            note_change(v, then->items[i].id,
                        why == MN_E_DENIED ? MN_CHANGE_WITHDRAWN : MN_CHANGE_GONE);
    for (int i = 0; i < MN_CORPUS_FILES; i++) note_file(v->differs, &v->n_differs, i);
}

static mn_rc rebuild(mn_store *store, const char *data_dir, const mn_corpus_recipe *recipe,
                     const fates *then, mn_corpus_progress progress, void *arg,
                     mn_corpus_verdict *v, mn_err *e)
{
    char dir[MN_CORPUS_PATH];
    mn_fs_lock lock;
    mn_corpus_report r;
    fates now = {0};
    mn_err why = {0};
    uint64_t *ids = ids_of(then);
    if (!ids) return mn_fail(e, MN_E_NOMEM, "out of memory");
    mn_rc rc = mn_corpus__workplace(data_dir, ".verifying", dir, &lock, e);
    if (rc != MN_OK) goto out;
    rc = mn_corpus__make(store, data_dir, dir, &recipe->opts, NULL, ids, then->n, progress, arg,
                         &r, &v->new_posts, &why);
    if (rc == MN_E_DENIED || rc == MN_E_NOT_FOUND) {
        all_changed(v, then, rc);
        rc = MN_OK;
    } else if (rc != MN_OK) {
        rc = mn_fail(e, rc, "cannot rebuild the corpus: %s", why.msg);
    } else {
        rc = compare_files(dir, recipe, v->differs, &v->n_differs, e);
        if (rc == MN_OK && v->n_differs) rc = read_fates(dir, &now, e);
        if (rc == MN_OK && v->n_differs) compare_fates(v, then, &now);
    }
    mn_fs_remove_tree(dir, NULL);
    mn_fs_lock_release(&lock);
out:
    mn_free(now.items);
    mn_free(ids);
    return rc;
}

mn_rc mn_corpus_verify(mn_store *store, const char *data_dir, const char *name, int threads,
                       mn_corpus_progress progress, void *arg, mn_corpus_verdict *ret,
                       mn_err *e)
{
    char dir[MN_CORPUS_PATH], tokenizer[MN_CORPUS_PATH];
    mn_corpus_report report;
    mn_corpus_recipe recipe;
    mn_corpus_verdict v = {0};
    fates then = {0};
    MN_TRY(mn_corpus__manifest_read(data_dir, name, &report, &recipe, e));
    if (recipe.pipeline != MN_CORPUS_PIPELINE)
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "corpus '%s' was built by version %d of the pipeline, this program has "
                       "version %d: build it again to compare",
                       name, recipe.pipeline, MN_CORPUS_PIPELINE);
    recipe.opts.threads = threads;
    if (report.after[0]) recipe.opts.after = report.after;
    MN_TRY(mn_corpus__path(data_dir, "corpus", name, dir, e));
    MN_TRY(mn_corpus__path(dir, "tokenizer.json", NULL, tokenizer, e));
    if (recipe.tokenizer) recipe.opts.tokenizer = tokenizer, recipe.opts.form = &recipe.form;
    MN_TRY(compare_files(dir, &recipe, v.damaged, &v.n_damaged, e));
    mn_rc rc = MN_OK;
    if (v.n_damaged == 0) {
        rc = read_fates(dir, &then, e);
        if (rc == MN_OK) rc = rebuild(store, data_dir, &recipe, &then, progress, arg, &v, e);
    }
    v.same = v.n_damaged == 0 && v.n_differs == 0;
    mn_free(then.items);
    if (rc == MN_OK) *ret = v;
    return rc;
}

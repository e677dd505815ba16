/* manifest.json: written last, by it a corpus is known. It holds no clock time, so that equal builds are equal bytes. */
#include <stdio.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "corpus/corpus_int.h"
#include "text/tokenizer.h"

const char *const mn_corpus__files[MN_CORPUS_FILES] = {
    "tokenizer.json", "train.bin", "train.docs", "train.origin", "train.txt",
    "val.bin",        "val.docs",  "val.origin", "val.txt",      "dropped.jsonl"};

#define TOP_AUTHORS 20

mn_rc mn_corpus__path(const char *a, const char *b, const char *c, char ret[MN_CORPUS_PATH],
                      mn_err *e)
{
    int n = snprintf(ret, MN_CORPUS_PATH, c ? "%s/%s/%s" : "%s/%s%s", a, b, c ? c : "");
    if (n < 0 || n >= MN_CORPUS_PATH)
        return mn_fail(e, MN_E_LIMIT, "path too long: '%.200s…'", a);
    return MN_OK;
}

/* ---- hashes -------------------------------------------------------------------------------------------------- */

static mn_rc hash_files(const char *dir, mn_corpus_facts *f, mn_err *e)
{
    char path[MN_CORPUS_PATH];
    uint8_t sha[32];
    for (int i = 0; i < MN_CORPUS_FILES; i++) {
        MN_TRY(mn_corpus__path(dir, mn_corpus__files[i], NULL, path, e));
        MN_TRY(mn_sha256_file(path, sha, e));
        MN_TRY(mn_fs_size(path, &f->file_bytes[i], e));
        mn_hex(sha, 32, f->file_sha[i]);
    }
    return MN_OK;
}

/* Whether the vocabulary was there before the corpus. */
static bool is_given(const mn_corpus_opts *o)
{
    return o->tokenizer || o->tokens || o->after;
}

static mn_rc hash_all(mn_corpus_facts *f, mn_err *e)
{
    mn_buf b;
    uint8_t sha[32];
    mn_buf_init(&b, 0);
    mn_buf_addf(&b, "mynah corpus %d\nval_share %.17g\nvocab %u\nkeep_handles %d\n",
                MN_CORPUS_PIPELINE, f->opts->val_share, (unsigned)f->opts->vocab,
                (int)f->opts->keep_handles);
    if (f->opts->canaries)
        mn_buf_addf(&b, "canaries %llu\n", (unsigned long long)f->opts->canaries);
    if (f->opts->after)
        mn_buf_addf(&b, "after %s\nreplay %.17g\n", f->opts->after, f->opts->replay);
    if (is_given(f->opts)) mn_buf_addz(&b, "tokenizer given\n");
    for (int i = 0; i < MN_CORPUS_FILES; i++)
        mn_buf_addf(&b, "%s %s\n", mn_corpus__files[i], f->file_sha[i]);
    mn_rc rc = b.failed;
    if (rc == MN_OK) mn_sha256_of(b.ptr, b.len, sha);
    mn_buf_release(&b);
    if (rc != MN_OK) return mn_fail(e, rc, "out of memory");
    mn_hex(sha, 32, f->report.sha256);
    return MN_OK;
}

/* ---- tables of counts ---------------------------------------------------------------------------------------- */

static bool kept(const mn_cand *x)
{
    return x->drop == MN_DROP_NONE;
}

static void languages(mn_json_writer *w, const mn_cands *c)
{
    uint64_t n[MN_TOK_LANGS] = {0};
    for (size_t i = 0; i < c->n; i++)
        if (kept(&c->items[i])) n[c->items[i].lang - MN_TOK_LANG0]++;
    mn_jw_key(w, "languages");
    mn_jw_object(w);
    for (uint32_t k = 0; k < MN_TOK_LANGS; k++)
        if (n[k]) mn_jw_ku64(w, mn_tok_langs[k], n[k]);
    mn_jw_object_end(w);
}

/* Candidates are in time order, so a month's posts stand together. */
static void months(mn_json_writer *w, const mn_cands *c)
{
    int year = 0, month = 0, y, m, d, h, mi, s;
    uint64_t n = 0;
    char name[32];
    mn_jw_key(w, "months");
    mn_jw_object(w);
    for (size_t i = 0; i < c->n; i++) {
        if (!kept(&c->items[i])) continue;
        mn_time_to_civil(c->items[i].created_ms, &y, &m, &d, &h, &mi, &s);
        if (n && (y != year || m != month)) {
            snprintf(name, sizeof name, "%04d-%02d", year, month);
            mn_jw_ku64(w, name, n);
            n = 0;
        }
        year = y;
        month = m;
        n++;
    }
    snprintf(name, sizeof name, "%04d-%02d", year, month);
    if (n) mn_jw_ku64(w, name, n);
    mn_jw_object_end(w);
}

typedef struct author {
    uint64_t id, posts, bytes;
} author;

static bool more_posts(const author *a, const author *b)
{
    return a->posts > b->posts || (a->posts == b->posts && a->id < b->id);
}

/* Keeps the TOP_AUTHORS largest, sorted. */
static void place(author *top, size_t *n, author a)
{
    size_t at = *n;
    while (at > 0 && more_posts(&a, &top[at - 1])) at--;
    if (at == TOP_AUTHORS) return;
    if (*n < TOP_AUTHORS) ++*n;
    memmove(&top[at + 1], &top[at], (*n - 1 - at) * sizeof *top);
    top[at] = a;
}

static mn_rc authors(mn_json_writer *w, const mn_cands *c)
{
    author top[TOP_AUTHORS], a = {0};
    size_t n = 0, n_top = 0;
    uint64_t count = 0;
    mn_keyed *by = mn_keyed_new(c->n);
    if (!by) return MN_E_NOMEM;
    for (size_t i = 0; i < c->n; i++)
        if (kept(&c->items[i])) by[n++] = (mn_keyed){c->items[i].author, c->items[i].text_len};
    mn_keyed_sort(by, by + c->n, n);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || by[i].key != by[i - 1].key) a = (author){.id = by[i].key};
        a.posts++;
        a.bytes += by[i].val;
        if (i + 1 < n && by[i + 1].key == by[i].key) continue;
        count++;
        place(top, &n_top, a);
    }
    mn_free(by);
    mn_jw_key(w, "authors");
    mn_jw_object(w);
    mn_jw_ku64(w, "count", count);
    mn_jw_key(w, "top");
    mn_jw_array(w);
    for (size_t i = 0; i < n_top; i++) {
        mn_jw_object(w);
        mn_jw_kid(w, "id", top[i].id);
        mn_jw_ku64(w, "posts", top[i].posts);
        mn_jw_ku64(w, "bytes", top[i].bytes);
        mn_jw_object_end(w);
    }
    mn_jw_array_end(w);
    mn_jw_object_end(w);
    return MN_OK;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

static void write_split(mn_json_writer *w, const char *name, const mn_corpus_split *s)
{
    mn_jw_key(w, name);
    mn_jw_object(w);
    mn_jw_ku64(w, "tokens", s->tokens);
    mn_jw_ku64(w, "documents", s->documents);
    mn_jw_ku64(w, "posts", s->posts);
    mn_jw_ku64(w, "bytes", s->bytes);
    mn_jw_ku64(w, "authors", s->authors);
    mn_jw_object_end(w);
}

static void write_head(mn_json_writer *w, const mn_corpus_facts *f)
{
    const mn_corpus_report *r = &f->report;
    mn_jw_kstrz(w, "format", "mynah-corpus");
    mn_jw_ku64(w, "version", 1);
    mn_jw_ku64(w, "pipeline", MN_CORPUS_PIPELINE);
    mn_jw_kstrz(w, "name", r->name);
    mn_jw_kstrz(w, "sha256", r->sha256);
    mn_jw_key(w, "parameters");
    mn_jw_object(w);
    mn_jw_kstrz(w, "purpose", mn_purpose_names[MN_P_TRAIN_GENERATIVE]);
    mn_jw_kf64(w, "val_share", f->opts->val_share);
    mn_jw_ku64(w, "vocab", f->opts->vocab);
    mn_jw_kbool(w, "keep_handles", f->opts->keep_handles);
    if (f->opts->canaries) mn_jw_ku64(w, "canaries", f->opts->canaries);
    if (f->opts->after) mn_jw_kstrz(w, "after", f->opts->after);
    if (f->opts->after) mn_jw_kf64(w, "replay", f->opts->replay);
    if (is_given(f->opts)) mn_jw_kbool(w, "tokenizer", true);
    mn_jw_object_end(w);
    mn_jw_key(w, "source");
    mn_jw_object(w);
    mn_jw_ku64(w, "store_rev", r->store_rev);
    mn_jw_ku64(w, "ledger_seq", f->ledger_seq);
    mn_jw_object_end(w);
    mn_jw_ku64(w, "vocab", r->vocab);
    mn_docform_put(&f->form, w);
    mn_jw_ku64(w, "posts_in", r->posts_in);
    mn_jw_ku64(w, "posts_kept", r->posts_kept);
    mn_jw_ku64(w, "documents", r->train.documents + r->val.documents);
    mn_jw_ku64(w, "bytes", r->bytes);
    mn_jw_ku64(w, "tokens", r->tokens);
}

static void write_counts(mn_json_writer *w, const mn_corpus_facts *f)
{
    mn_jw_key(w, "dropped");
    mn_jw_object(w);
    for (int d = 1; d < MN_DROPS; d++)
        if (f->report.dropped[d]) mn_jw_ku64(w, mn_drop_names[d], f->report.dropped[d]);
    mn_jw_object_end(w);
    mn_jw_key(w, "placeholders");
    mn_jw_object(w);
    for (int k = 0; k < MN_PII_KINDS; k++)
        if (f->scan->pii[k]) mn_jw_ku64(w, mn_pii_names[k], f->scan->pii[k]);
    mn_jw_object_end(w);
    mn_jw_key(w, "split");
    mn_jw_object(w);
    mn_jw_kstrz(w, "by", f->split->by_author ? "author" : "thread");
    mn_jw_ku64(w, "components", f->split->components);
    mn_jw_kf64(w, "largest_component", f->split->largest);
    mn_jw_kf64(w, "held_out", f->split->share);
    mn_jw_object_end(w);
    if (f->opts->after) {
        mn_jw_key(w, "replayed");
        mn_jw_object(w);
        mn_jw_ku64(w, "posts", f->report.replayed_posts);
        mn_jw_ku64(w, "bytes", f->report.replayed_bytes);
        mn_jw_object_end(w);
    }
    write_split(w, "train", &f->report.train);
    write_split(w, "val", &f->report.val);
}

static void write_files(mn_json_writer *w, const mn_corpus_facts *f)
{
    mn_jw_key(w, "files");
    mn_jw_array(w);
    for (int i = 0; i < MN_CORPUS_FILES; i++) {
        mn_jw_object(w);
        mn_jw_kstrz(w, "name", mn_corpus__files[i]);
        mn_jw_ku64(w, "bytes", f->file_bytes[i]);
        mn_jw_kstrz(w, "sha256", f->file_sha[i]);
        mn_jw_object_end(w);
    }
    mn_jw_array_end(w);
}

mn_rc mn_corpus__manifest_write(const char *dir, mn_corpus_facts *f, mn_err *e)
{
    char path[MN_CORPUS_PATH];
    mn_buf b;
    mn_json_writer w;
    MN_TRY(mn_corpus__path(dir, "manifest.json", NULL, path, e));
    MN_TRY(hash_files(dir, f, e));
    MN_TRY(hash_all(f, e));
    if (f->opts->name) snprintf(f->report.name, sizeof f->report.name, "%s", f->opts->name);
    else snprintf(f->report.name, sizeof f->report.name, "c-%.8s", f->report.sha256);
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 2);
    mn_jw_object(&w);
    write_head(&w, f);
    write_counts(&w, f);
    languages(&w, &f->scan->cands);
    months(&w, &f->scan->cands);
    mn_rc rc = authors(&w, &f->scan->cands);
    write_files(&w, f);
    mn_jw_object_end(&w);
    mn_buf_addc(&b, '\n');
    if (rc == MN_OK) rc = b.failed;
    if (rc != MN_OK) rc = mn_fail(e, rc, "out of memory while writing the manifest");
    else rc = mn_fs_write_atomic(path, b.ptr, b.len, e);
    mn_buf_release(&b);
    return rc;
}

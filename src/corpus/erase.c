/* Taking documents out of a corpus; the contract is in closure.h. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "corpus/closure.h"
#include "corpus/corpus_int.h"
#include "text/shard.h"

#define MANIFEST_MAX (4u << 20)
#define JOURNAL_MAX  ((size_t)1 << 32)

static mn_rc erase_side(const char *dir, const char *name, const uint64_t *docs, size_t n,
                        mn_err *e)
{
    char stem[MN_CORPUS_PATH];
    MN_TRY(mn_corpus__path(dir, name, NULL, stem, e));
    return n ? mn_shard_erase(stem, MN_SHARD_ANY, docs, n, e) : MN_OK;
}

static mn_rc count_erased(const char *dir, const char *name, uint64_t *ret, mn_err *e)
{
    char stem[MN_CORPUS_PATH];
    mn_shard s;
    MN_TRY(mn_corpus__path(dir, name, NULL, stem, e));
    MN_TRY(mn_shard_open(stem, MN_SHARD_ANY, &s, e));
    *ret = 0;
    for (uint64_t d = 0; d < s.n_docs; d++) *ret += mn_shard_erased(&s, d);
    mn_shard_close(&s);
    return MN_OK;
}

static mn_rc put_file(mn_json_writer *w, const char *dir, const char *name, mn_err *e)
{
    char path[MN_CORPUS_PATH], hex[MN_HEX256];
    uint8_t sha[32];
    uint64_t bytes;
    MN_TRY(mn_corpus__path(dir, name, NULL, path, e));
    MN_TRY(mn_sha256_file(path, sha, e));
    MN_TRY(mn_fs_size(path, &bytes, e));
    mn_jw_object(w);
    mn_jw_kstrz(w, "name", name);
    mn_jw_ku64(w, "bytes", bytes);
    mn_jw_kstrz(w, "sha256", mn_hex(sha, 32, hex));
    mn_jw_object_end(w);
    return MN_OK;
}

/* All members as they were, but for the files' hashes and what is forgotten. */
static mn_rc put_manifest(mn_json_writer *w, const mn_json *old, const char *dir, mn_err *e)
{
    uint64_t train, val;
    mn_rc rc = MN_OK;
    MN_TRY(count_erased(dir, "train", &train, e));
    MN_TRY(count_erased(dir, "val", &val, e));
    mn_jw_object(w);
    for (size_t i = 0; i < old->n; i++) {
        if (mn_str_eqz(old->keys[i], "files") || mn_str_eqz(old->keys[i], "forgotten"))
            continue;
        mn_jw_key_str(w, old->keys[i]);
        mn_jw_tree(w, old->items[i]);
    }
    mn_jw_key(w, "forgotten");
    mn_jw_object(w);
    mn_jw_ku64(w, "train", train);
    mn_jw_ku64(w, "val", val);
    mn_jw_object_end(w);
    mn_jw_key(w, "files");
    mn_jw_array(w);
    for (int i = 0; rc == MN_OK && i < MN_CORPUS_FILES; i++)
        rc = put_file(w, dir, mn_corpus__files[i], e);
    mn_jw_array_end(w);
    mn_jw_object_end(w);
    return rc;
}

static mn_rc rewrite_manifest(const char *data_dir, const char *name, const char *dir,
                              mn_err *e)
{
    char path[MN_CORPUS_PATH];
    mn_arena a;
    mn_buf in, out;
    mn_json_writer w;
    mn_json *old = NULL;
    MN_TRY(mn_corpus__path(dir, "manifest.json", NULL, path, e));
    mn_arena_init(&a, 64u << 20);
    mn_buf_init(&in, MANIFEST_MAX);
    mn_buf_init(&out, MANIFEST_MAX);
    mn_json_writer_init(&w, &out, 2);
    mn_rc rc = mn_corpus_manifest(data_dir, name, &in, e);
    if (rc == MN_OK) rc = mn_json_parse(mn_buf_str(&in), &a, &old, e);
    if (rc == MN_OK) rc = put_manifest(&w, old, dir, e);
    mn_buf_addc(&out, '\n');
    if (rc == MN_OK && out.failed) rc = mn_fail(e, out.failed, "no memory for '%s'", path);
    if (rc == MN_OK) rc = mn_fs_write_atomic(path, out.ptr, out.len, e);
    mn_buf_release(&out);
    mn_buf_release(&in);
    mn_arena_release(&a);
    return rc;
}

/* ---- the journal -------------------------------------------------------------------------------------------------- */

/* DIR/erasing: {"train":[…],"val":[…]}, there from before the first byte is erased until the manifest fits again. */

static void put_list(mn_json_writer *w, const char *name, const uint64_t *docs, size_t n)
{
    mn_jw_key(w, name);
    mn_jw_array(w);
    for (size_t i = 0; i < n; i++) mn_jw_u64(w, docs[i]);
    mn_jw_array_end(w);
}

static mn_rc write_journal(const char *path, const mn_corpus_closure *c, mn_err *e)
{
    mn_buf b;
    mn_json_writer w;
    mn_buf_init(&b, JOURNAL_MAX);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    put_list(&w, "train", c->train, c->n_train);
    put_list(&w, "val", c->val, c->n_val);
    mn_jw_object_end(&w);
    mn_rc rc = b.failed ? mn_fail(e, b.failed, "no memory for '%s'", path)
                        : mn_fs_write_atomic(path, b.ptr, b.len, e);
    mn_buf_release(&b);
    return rc;
}

static mn_rc take_list(const mn_json *v, mn_arena *a, uint64_t **ret, size_t *ret_n)
{
    size_t n = v && v->type == MN_JSON_ARRAY ? v->n : 0;
    *ret = mn_arena_calloc(a, n + 1, sizeof **ret);
    *ret_n = n;
    for (size_t i = 0; *ret && i < n; i++)
        (*ret)[i] = mn_json_u64(mn_json_at(v, i), UINT64_MAX); /* no document: refused later */
    return *ret ? MN_OK : MN_E_NOMEM;
}

static mn_rc read_journal(const char *path, mn_arena *a, mn_corpus_closure *ret, mn_err *e)
{
    mn_buf b;
    mn_json *t = NULL;
    mn_buf_init(&b, JOURNAL_MAX);
    mn_rc rc = mn_fs_read(path, JOURNAL_MAX, &b, e);
    if (rc == MN_OK && mn_json_parse(mn_buf_str(&b), a, &t, NULL) != MN_OK)
        rc = mn_fail(e, MN_E_CORRUPT, "'%s' is damaged", path);
    *ret = (mn_corpus_closure){0};
    if (rc == MN_OK && (take_list(mn_json_get(t, "train"), a, &ret->train, &ret->n_train) ||
                        take_list(mn_json_get(t, "val"), a, &ret->val, &ret->n_val)))
        rc = mn_fail(e, MN_E_NOMEM, "no memory for '%s'", path);
    mn_buf_release(&b);
    return rc;
}

/* What the journal says, if there is one. */
static mn_rc redo(const char *data_dir, const char *name, const char *dir, const char *journal,
                  mn_err *e)
{
    mn_arena a;
    mn_corpus_closure c;
    if (!mn_fs_exists(journal)) return MN_OK;
    mn_arena_init(&a, 0);
    mn_rc rc = read_journal(journal, &a, &c, e);
    if (rc == MN_OK) rc = erase_side(dir, "train", c.train, c.n_train, e);
    if (rc == MN_OK) rc = erase_side(dir, "val", c.val, c.n_val, e);
    if (rc == MN_OK) rc = rewrite_manifest(data_dir, name, dir, e);
    if (rc == MN_OK && unlink(journal) != 0)
        rc = mn_fail_errno(e, MN_E_IO, "cannot remove '%s'", journal);
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_corpus_erase(const char *data_dir, const char *name, const mn_corpus_closure *c,
                      mn_err *e)
{
    char dir[MN_CORPUS_PATH], lock_path[MN_CORPUS_PATH], journal[MN_CORPUS_PATH];
    mn_corpus_report report;
    mn_fs_lock lock;
    MN_TRY(mn_corpus_read(data_dir, name, &report, e));
    MN_TRY(mn_corpus__path(data_dir, "corpus", name, dir, e));
    MN_TRY(mn_corpus__path(data_dir, "corpus", ".lock", lock_path, e));
    MN_TRY(mn_corpus__path(dir, "erasing", NULL, journal, e));
    mn_rc rc = mn_fs_lock_take(lock_path, &lock, e);
    if (rc == MN_E_BUSY) return mn_err_wrap(e, "a corpus is being built; wait for it to end");
    if (rc != MN_OK) return rc;
    rc = redo(data_dir, name, dir, journal, e);
    if (rc == MN_OK && c && c->n_train + c->n_val) {
        rc = write_journal(journal, c, e);
        if (rc == MN_OK) rc = redo(data_dir, name, dir, journal, e);
    }
    mn_fs_lock_release(&lock);
    return rc;
}

/* The corpus of a run, and its batches. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "model/train_int.h"

#define MANIFEST_MAX  (16u << 20)
#define TOKENIZER_MAX (64u << 20)
#define BUILD_AGAIN   "make the corpus again with `mynah corpus build`"

/* A file of the corpus against its hash in the manifest. */
static mn_rc check_file(const char *dir, const mn_json *entry, mn_arena *a, mn_err *e)
{
    uint8_t want[32], got[32];
    mn_str name = mn_json_str(mn_json_get(entry, "name"));
    mn_str sha = mn_json_str(mn_json_get(entry, "sha256"));
    if (!name.len || memchr(name.ptr, '/', name.len) || mn_unhex(sha, want, 32) != MN_OK)
        return mn_fail(e, MN_E_CORRUPT, "'%s/manifest.json' is damaged; " BUILD_AGAIN, dir);
    const char *path = mn_str_fmt(a, "%s/%.*s", dir, MN_STR_FMT(name)).ptr;
    if (!path) return mn_fail(e, MN_E_NOMEM, "no memory to open the corpus");
    if (!mn_fs_exists(path))
        return mn_fail(e, MN_E_NOT_FOUND, "'%s' is missing; " BUILD_AGAIN, path);
    MN_TRY(mn_sha256_file(path, got, e));
    if (memcmp(got, want, 32) == 0) return MN_OK;
    return mn_fail(e, MN_E_CORRUPT, "'%s' is damaged; " BUILD_AGAIN, path);
}

/* A model is never raised on tokens that are not the corpus': every file is hashed before the first step. */
static mn_rc check_files(const char *dir, const mn_json *manifest, mn_arena *a, mn_err *e)
{
    const mn_json *files = mn_json_get(manifest, "files");
    for (size_t i = 0; files && i < files->n; i++)
        MN_TRY(check_file(dir, mn_json_at(files, i), a, e));
    return MN_OK;
}

static mn_rc read_manifest(const char *dir, mn_arena *a, mn_model__corpus *c, mn_err *e)
{
    mn_buf b;
    mn_buf_init(&b, MANIFEST_MAX);
    mn_json *tree = NULL;
    char *path = mn_fs_join(a, dir, "manifest.json");
    const char *erasing = mn_fs_join(a, dir, "erasing");
    if (erasing && mn_fs_exists(erasing))
        return mn_fail(
            e, MN_E_BUSY,
            "posts are being erased from the corpus in '%s': wait for `mynah forget`, "
            "or run it again if it was interrupted",
            dir);
    mn_rc rc =
        path ? mn_fs_read(path, MANIFEST_MAX, &b, e) : mn_fail(e, MN_E_NOMEM, "no memory");
    if (rc == MN_E_NOT_FOUND)
        mn_fail(e, rc, "no corpus in '%s': build one with `mynah corpus build`", dir);
    if (rc == MN_OK && mn_json_parse(mn_buf_str(&b), a, &tree, NULL) != MN_OK)
        rc = mn_fail(e, MN_E_CORRUPT, "'%s' is damaged; " BUILD_AGAIN, path);
    if (rc == MN_OK) {
        mn_str name = mn_json_str(mn_json_get(tree, "name"));
        mn_str sha = mn_json_str(mn_json_get(tree, "sha256"));
        if (!name.len || name.len >= sizeof c->name || mn_unhex(sha, c->hash, 32) != MN_OK)
            rc = mn_fail(e, MN_E_CORRUPT, "'%s' is damaged; " BUILD_AGAIN, path);
        else memcpy(c->name, name.ptr, name.len), mn_hex(c->hash, 32, c->sha256);
    }
    if (rc == MN_OK) rc = check_files(dir, tree, a, e);
    mn_buf_release(&b);
    return rc;
}

/* Both shards; a corpus too small to hold posts out has an empty val. */
static mn_rc open_shards(const char *dir, mn_arena *a, mn_model__corpus *c, mn_err *e)
{
    uint32_t V = mn_tok_vocab(c->tok);
    char *train = mn_fs_join(a, dir, "train"), *val = mn_fs_join(a, dir, "val");
    if (!train || !val) return mn_fail(e, MN_E_NOMEM, "no memory to open the corpus");
    MN_TRY(mn_shard_open(train, V, &c->train, e));
    MN_TRY(mn_shard_open(val, V, &c->val, e));
    c->form = c->train.form;
    if (c->form.ours != mn_tok_is_ours(c->tok) || !mn_docform_same(&c->form, &c->val.form))
        return mn_fail(e, MN_E_CORRUPT,
                       "the shards of corpus '%s' do not fit its tokenizer; " BUILD_AGAIN,
                       c->name);
    c->has_val = c->val.n_tok > 1 && c->val.text_bytes > 0;
    return MN_OK;
}

mn_rc mn_model__corpus_open(const char *dir, mn_model__corpus *ret, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    mn_model__corpus c = {0};
    mn_rc rc = read_manifest(dir, &a, &c, e);
    char *tok = mn_fs_join(&a, dir, "tokenizer.json");
    if (rc == MN_OK && !tok) rc = mn_fail(e, MN_E_NOMEM, "no memory to open the corpus");
    if (rc == MN_OK) rc = mn_tok_load(tok, &c.tok, e);
    if (rc == MN_OK) mn_tok_hash(c.tok, c.tokenizer_hash);
    if (rc == MN_OK) rc = open_shards(dir, &a, &c, e);
    if (rc == MN_OK) *ret = c;
    else mn_model__corpus_close(&c);
    mn_arena_release(&a);
    return rc;
}

void mn_model__corpus_close(mn_model__corpus *c)
{
    mn_tok_free(c->tok);
    if (c->train.bin.ptr) mn_shard_close(&c->train);
    if (c->val.bin.ptr) mn_shard_close(&c->val);
    *c = (mn_model__corpus){0};
}

static mn_rc write_tokenizer_config(const mn_tokenizer *t, const char *path, uint64_t T,
                                    mn_err *e)
{
    mn_buf b;
    mn_json_writer w;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 2);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "tokenizer_class", "PreTrainedTokenizerFast");
    mn_jw_kstr(&w, "bos_token", mn_tok_bytes(t, MN_TOK_START));
    mn_jw_kstr(&w, "eos_token", mn_tok_bytes(t, MN_TOK_END));
    mn_jw_kstr(&w, "pad_token", mn_tok_bytes(t, MN_TOK_PAD));
    mn_jw_kbool(&w, "clean_up_tokenization_spaces", false);
    mn_jw_ku64(&w, "model_max_length", T);
    mn_jw_object_end(&w);
    mn_buf_addc(&b, '\n');
    mn_rc rc = b.failed ? mn_fail(e, b.failed, "no memory to describe the tokenizer")
                        : mn_fs_write_atomic(path, b.ptr, b.len, e);
    mn_buf_release(&b);
    return rc;
}

mn_rc mn_model__copy_tokenizer(const mn_model__corpus *c, const char *corpus_dir,
                               const char *model_dir, uint64_t T, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    mn_buf b;
    mn_buf_init(&b, TOKENIZER_MAX);
    char *from = mn_fs_join(&a, corpus_dir, "tokenizer.json");
    char *to = mn_fs_join(&a, model_dir, "tokenizer.json");
    char *config = mn_fs_join(&a, model_dir, "tokenizer_config.json");
    mn_rc rc = from && to && config ? mn_fs_read(from, TOKENIZER_MAX, &b, e)
                                    : mn_fail(e, MN_E_NOMEM, "no memory to copy the tokenizer");
    if (rc == MN_OK) rc = mn_fs_write_atomic(to, b.ptr, b.len, e);
    if (rc == MN_OK) rc = write_tokenizer_config(c->tok, config, T, e);
    mn_buf_release(&b);
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_model__open_epoch(mn_model__run *r, mn_err *e)
{
    if (r->packing.pieces && r->packed == r->at.epoch) return MN_OK;
    mn_packing_release(&r->packing);
    r->packed = r->at.epoch;
    return mn_pack(&r->corpus.train, r->at.row_tokens, 1, true, r->at.seed, r->at.epoch,
                   &r->packing, e);
}

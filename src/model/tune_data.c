/* What is learnt in a tuning: lines of JSON, or a corpus with its own tokens or with those of the model. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "model/train_int.h"
#include "model/tune_int.h"

#define DATA_MAX (UINT64_C(4) << 30)

/* ---- lines of JSON -------------------------------------------------------------------------------------------------- */

static mn_rc read_lines(mn_tune__run *r, mn_err *e)
{
    mn_fs_map map = {0};
    double share = r->at.tune.held_share;
    MN_TRY(mn_fs_map_open(r->o->data, &map, e));
    mn_rc rc = map.len <= DATA_MAX
                   ? MN_OK
                   : mn_fail(e, MN_E_LIMIT, "'%s' is larger than 4 GiB; give a part of it",
                             r->o->data);
    if (rc == MN_OK) {
        mn_sha256_of(map.ptr, map.len, r->at.corpus);
        mn_str text = {(const char *)map.ptr, map.len};
        rc = mn_chat_read(r->coder, text, (size_t)r->at.row_tokens + 1, share, &r->train,
                          &r->held, &r->counts, e);
        if (rc == MN_E_LIMIT) mn_err_wrap(e, "'%s'", r->o->data);
    }
    snprintf(r->data_name, sizeof r->data_name, "%s", mn_fs_base(r->o->data));
    mn_fs_map_close(&map);
    return rc;
}

/* ---- a corpus ---------------------------------------------------------------------------------------------------------- */

/* The corpus' own tokens, for a model that speaks them. */
static mn_rc take_tokens(const mn_shard *s, mn_examples *to, mn_err *e)
{
    uint64_t from = 0, most = 0;
    for (uint64_t d = 0; d < s->n_docs; from = s->doc_end[d++])
        if (s->doc_end[d] - from > most) most = s->doc_end[d] - from;
    uint32_t *ids = mn_reallocarray(NULL, most + 1, sizeof *ids);
    uint8_t *learn = mn_alloc(most + 1);
    mn_rc rc = ids && learn ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory for the corpus");
    from = 0;
    for (uint64_t d = 0; rc == MN_OK && d < s->n_docs; from = s->doc_end[d++]) {
        const size_t n = (size_t)(s->doc_end[d] - from);
        for (size_t i = 0; i < n; i++) {
            ids[i] = mn_shard_input(s, from + i);
            learn[i] = mn_docform_learns(&s->form, mn_shard_token(s, from + i));
        }
        rc = mn_examples_add(to, ids, learn, n, e);
    }
    mn_free(ids);
    mn_free(learn);
    return rc;
}

/* The texts of a document's posts, a blank line between them, in the model's tokens. */
static mn_rc take_texts(mn_tune__run *r, const mn_shard *s, const char *path, mn_examples *to,
                        mn_err *e)
{
    mn_fs_map map;
    mn_buf b;
    MN_TRY(mn_fs_map_open(path, &map, e));
    mn_buf_init(&b, 0);
    mn_rc rc = MN_OK;
    for (uint64_t i = 0; rc == MN_OK && i < s->n_posts; i++) {
        const bool last = i + 1 == s->n_posts;
        const uint64_t from = s->posts[i].text_offset;
        const uint64_t to_at = last ? map.len : s->posts[i + 1].text_offset;
        if (from >= to_at || to_at > map.len) {
            rc = mn_fail(e, MN_E_CORRUPT, "'%s' does not fit its corpus; build it again", path);
            break;
        }
        if (b.len) mn_buf_addz(&b, "\n\n");
        mn_buf_add(&b, map.ptr + from, (size_t)(to_at - from - 1)); /* without its LF */
        if (!last && s->posts[i + 1].document == s->posts[i].document) continue;
        rc = b.failed ? mn_fail(e, MN_E_NOMEM, "no memory for the corpus")
                      : mn_chat_text(r->coder, mn_buf_str(&b), to, e);
        mn_buf_clear(&b);
    }
    mn_buf_release(&b);
    mn_fs_map_close(&map);
    return rc;
}

static mn_rc read_shard(mn_tune__run *r, const mn_model__corpus *c, const mn_shard *s,
                        const char *name, mn_examples *to, mn_err *e)
{
    uint8_t hash[32];
    mn_arena a;
    mn_tok_hash(r->base->tok, hash);
    if (memcmp(hash, c->tokenizer_hash, 32) == 0) return take_tokens(s, to, e);
    mn_arena_init(&a, 0);
    const char *path = mn_fs_join(&a, r->o->corpus_dir, name);
    mn_rc rc = path ? take_texts(r, s, path, to, e)
                    : mn_fail(e, MN_E_NOMEM, "no memory for the corpus");
    mn_arena_release(&a);
    return rc;
}

static mn_rc read_corpus(mn_tune__run *r, mn_err *e)
{
    mn_model__corpus c = {0};
    MN_TRY(mn_model__corpus_open(r->o->corpus_dir, &c, e));
    memcpy(r->at.corpus, c.hash, 32);
    snprintf(r->data_name, sizeof r->data_name, "%s", c.name);
    mn_rc rc = read_shard(r, &c, &c.train, "train.txt", &r->train, e);
    if (rc == MN_OK && c.has_val) rc = read_shard(r, &c, &c.val, "val.txt", &r->held, e);
    mn_model__corpus_close(&c);
    return rc;
}

mn_rc mn_tune__read_data(mn_tune__run *r, mn_err *e)
{
    mn_tok_hash(r->base->tok, r->at.tokenizer);
    return r->o->data ? read_lines(r, e) : read_corpus(r, e);
}

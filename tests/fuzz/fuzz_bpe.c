/* module: text */
#include "base/hash.h"
#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static mn_tokenizer *train(mn_str text, uint32_t vocab)
{
    mn_tok_trainer *tr;
    mn_tokenizer *t;
    MN_ASSERT(mn_tok_trainer_new(&tr, NULL) == MN_OK);
    for (mn_str rest = text; rest.len;)
        MN_ASSERT(mn_tok_trainer_add(tr, mn_str_split(rest, '\n', &rest), NULL) == MN_OK);
    MN_ASSERT(mn_tok_trainer_finish(tr, vocab, &t, NULL) == MN_OK);
    mn_tok_trainer_free(tr);
    return t;
}

static void same(const mn_ids *a, const mn_ids *b)
{
    MN_ASSERT(a->n == b->n);
    for (size_t i = 0; i < a->n; i++) MN_ASSERT(a->ptr[i] == b->ptr[i]);
}

/* Any bytes train a tokenizer, which brings these bytes back, with a cache and without. The first byte says how many
 * merges, and where the text is cut between training and encoding. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static mn_tok_cache *cache;
    if (!size) return 0;
    if (!cache) MN_ASSERT(mn_tok_cache_new(&cache, NULL) == MN_OK);
    mn_str all = {(const char *)data + 1, size - 1};
    mn_tokenizer *t = train(mn_str_sub(all, 0, all.len * data[0] / 255), 377u + data[0]);
    mn_ids plain = {0}, cached = {0}, again = {0};
    mn_buf back;
    mn_buf_init(&back, 0);
    MN_ASSERT(mn_tok_is_ours(t));
    MN_ASSERT(mn_tok_encode(t, NULL, all, &plain) == MN_OK);
    MN_ASSERT(mn_tok_encode(t, cache, all, &cached) == MN_OK);
    MN_ASSERT(mn_tok_encode(t, cache, all, &again) == MN_OK);
    same(&plain, &cached);
    same(&plain, &again);
    MN_ASSERT(mn_tok_decode(t, plain.ptr, plain.n, false, &back) == MN_OK);
    MN_ASSERT(mn_str_eq(mn_buf_str(&back), all) || !all.len);
    mn_ids_clear(&again);
    MN_ASSERT(mn_tok_encode_special(t, all, &again) == MN_OK);
    mn_buf_clear(&back);
    MN_ASSERT(mn_tok_decode(t, again.ptr, again.n, true, &back) == MN_OK);
    MN_ASSERT(mn_str_eq(mn_buf_str(&back), all) || !all.len);
    mn_buf_release(&back);
    mn_ids_release(&plain);
    mn_ids_release(&cached);
    mn_ids_release(&again);
    mn_tok_free(t);
    return 0;
}

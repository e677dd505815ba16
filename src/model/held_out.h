/* Held-out quality and samples, while a model is trained. */
#ifndef MN_MODEL_HELD_OUT_H
#define MN_MODEL_HELD_OUT_H

#include "model/forward.h"
#include "model/gpu.h"
#include "model/pack.h"
#include "text/tokenizer.h"

typedef struct mn_held_out {
    const mn_shard *shard;
    mn_packing packing; /* of every `every`-th document */
    mn_batch_buf batch;
    mn_pass *pass; /* or */
    mn_gpu *gpu;   /* borrowed */
    float *losses;
    uint64_t every, text_bytes; /* bytes that the packed documents stand for */
} mn_held_out;

/* Borrows all. At most about most_tokens of the shard are used, evenly spread over its documents. T: row length. */
mn_rc mn_held_out_new(const mn_shard *s, const mn_weights *w, mn_pool *pool, size_t T,
                      mn_dtype dtype, uint64_t most_tokens, mn_held_out *ret, mn_err *e);
/* With the weights that are on a GPU, in its products' numbers; T is its row length. */
mn_rc mn_held_out_new_gpu(const mn_shard *s, mn_gpu *g, size_t T, uint64_t most_tokens,
                          mn_held_out *ret, mn_err *e);
void mn_held_out_release(mn_held_out *h);
/* (sum of -log2 p over scored targets) / bytes of text, for the weights as they are. Scored: what is learnt (docform.h). NaN
 * where the GPU has failed, which says so at the next call that can. */
double mn_held_out_bits_per_byte(mn_held_out *h);

/* Samples: goes on from the opening of real documents of s (their conditions and first words: at most MN_SAMPLE_GIVEN tokens and
 * half of the text, up to the end of a word) at temperature 0.8 among the 40 likeliest, a window of `T` tokens, the form's end ends. The documents are the same
 * each time, so that samples of a growing model can be compared. ret + i * cap is valid UTF-8, cut to cap - 1 bytes, of which the
 * first ret_given[i] are the opening. The same (seed, weights) give the same text. */
#define MN_SAMPLE_T     64
#define MN_SAMPLE_GIVEN 6
mn_rc mn_sample_texts(const mn_weights *w, mn_pool *pool, const mn_tokenizer *tok,
                      const mn_shard *s, uint64_t seed, size_t n, size_t cap, char *ret,
                      size_t *ret_given, mn_err *e);

#endif

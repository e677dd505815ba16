/* Generating text: a model ready to run, sequences with a KV cache, sampling. */
#ifndef MN_INFER_INFER_H
#define MN_INFER_INFER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/thread.h"
#include "text/tokenizer.h"

typedef struct mn_engine mn_engine; /* weights and tokenizer, shared, read-only after loading */
typedef struct mn_seq mn_seq;       /* one sequence and its KV cache */

/* model_dir: a Hugging Face folder (config.json, model.safetensors, tokenizer.json). n_threads 0: all processors. */
mn_rc mn_engine_load(const char *model_dir, int n_threads, mn_engine **ret, mn_err *e);
void mn_engine_free(mn_engine *g);
const mn_tokenizer *mn_engine_tokenizer(const mn_engine *g);
uint32_t mn_engine_vocab(const mn_engine *g);
uint32_t mn_engine_context(const mn_engine *g); /* longest sequence */

mn_rc mn_seq_new(mn_engine *g, mn_seq **ret, mn_err *e);
void mn_seq_free(mn_seq *s);
void mn_seq_reset(mn_seq *s);
/* Runs n tokens; logits of the last one are in *ret_logits [V], borrowed until the next call.
 * MN_E_LIMIT when the context is full. One call at a time per engine. */
mn_rc mn_seq_feed(mn_seq *s, const uint32_t *ids, size_t n, const float **ret_logits,
                  mn_err *e);

typedef struct mn_sampling {
    float temperature; /* 0: the most likely token */
    uint32_t top_k;    /* 0: off */
    float top_p;       /* 1: off */
    uint64_t seed;
} mn_sampling;
/* Picks a token; deterministic in (logits, sampling, step). `banned` ids (n_banned) are never picked. */
uint32_t mn_sample(const float *logits, uint32_t V, const mn_sampling *p, uint64_t step,
                   const uint32_t *banned, size_t n_banned);

/* Streams text: on_text gets whole UTF-8 sequences as they come and returns false to stop. Ends at END, at max_tokens or when
 * the context is full. ret_tokens may be NULL. */
mn_rc mn_generate(mn_engine *g, const uint32_t *prompt, size_t n_prompt, const mn_sampling *p,
                  uint32_t max_tokens, bool (*on_text)(void *arg, mn_str text), void *arg,
                  uint32_t *ret_tokens, mn_err *e);

/* Held-out quality: sum of −log2 p over the scored tokens of each text (encoded as a document of its own, windows of the
 * context with overlap when longer), and the bytes they stand for. */
typedef struct mn_eval {
    double bits;
    uint64_t bytes, tokens;
} mn_eval;
mn_rc mn_eval_text(mn_engine *g, mn_str text, mn_eval *io, mn_err *e);

#endif

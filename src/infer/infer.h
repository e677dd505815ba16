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
 * MN_E_LIMIT when the context is full, MN_E_USAGE for an id outside the vocabulary. Calls on one engine take turns. */
mn_rc mn_seq_feed(mn_seq *s, const uint32_t *ids, size_t n, const float **ret_logits,
                  mn_err *e);

typedef struct mn_sampling {
    float temperature; /* 0: the most likely token */
    uint32_t top_k;    /* 0: off */
    float top_p;       /* 1: off */
    uint64_t seed;
} mn_sampling;
/* Picks tokens; deterministic in (logits, sampling, how many were picked before). */
typedef struct mn_sampler {
    mn_sampling p;
    uint64_t step;
    uint32_t V;
    void *work; /* scratch for V candidates */
} mn_sampler;
/* Refuses temperatures below 0 or above 10, top_p outside (0, 1]. */
mn_rc mn_sampler_init(mn_sampler *s, const mn_sampling *p, uint32_t V, mn_err *e);
void mn_sampler_release(mn_sampler *s);
/* `banned` ids (n_banned) are never picked; ties go to the smaller id. */
uint32_t mn_sampler_pick(mn_sampler *s, const float *logits, const uint32_t *banned,
                         size_t n_banned);

/* A prompt in the structure the model was trained on: START, time, language, text. For tokenizers that are not ours: the
 * text alone. lang may be MN_STR_NONE: then it is identified. */
mn_rc mn_prompt_post(const mn_tokenizer *t, int64_t at_ms, mn_str lang, mn_str text,
                     mn_ids *ret);

/* Streams text: on_text gets whole UTF-8 sequences as they come and returns false to stop. A reply or quote that the model
 * begins comes as a blank line. Ends at END, at max_tokens (0: no bound) or when the context is full. ret_tokens may be
 * NULL. Thread-safe: runs on one engine take turns token by token. */
mn_rc mn_generate(mn_engine *g, const uint32_t *prompt, size_t n_prompt, const mn_sampling *p,
                  uint32_t max_tokens, bool (*on_text)(void *arg, mn_str text), void *arg,
                  uint32_t *ret_tokens, mn_err *e);

/* Held-out quality: sum of −log2 p over the scored tokens of a text (a document of its own with its END; one longer than the
 * context is cut into windows, each with its own beginning), and the bytes they stand for. Adds to *io; resets the sequence. */
typedef struct mn_eval {
    double bits;
    uint64_t bytes, tokens;
} mn_eval;
mn_rc mn_eval_text(mn_seq *s, mn_str text, int64_t at_ms, mn_eval *io, mn_err *e);

#endif

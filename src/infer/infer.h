/* Generating text: a model ready to run, sequences with a cache of keys and values, sampling. Many at once: batch.h. */
#ifndef MN_INFER_INFER_H
#define MN_INFER_INFER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "infer/guard.h"
#include "tensor/attend.h"
#include "text/tokenizer.h"

typedef struct mn_engine mn_engine; /* packed weights, tokenizer, threads; shared */
typedef struct mn_seq mn_seq;       /* one sequence: a list of cache blocks */

typedef struct mn_engine_opts {
    int n_threads;    /* 0: all processors */
    mn_kv_type kv;    /* of the cache; MN_KV_F16 is the zero */
    uint32_t context; /* longest sequence; 0: the model's own, at most 8,192 */
    size_t
        cache_bytes; /* of keys and values of all sequences together; 0: four of the longest sequences. Taken as they are needed. */
    int gpu; /* 0: the CPU; else GPU number gpu - 1 (tensor/cuda.h) computes and holds weights and cache, all of it from the beginning */
} mn_engine_opts;

/* path: a Hugging Face folder or a GGUF file (model/open.h). o may be NULL. After loading, resident memory is the packed weights (as
 * many bytes as in the file), the cache in use and about 20 MB.
 * errors  as mn_model_open; MN_E_NOMEM (also of a GPU: the message says what is needed and what is free); with a GPU MN_E_UNSUPPORTED (no library,
 *         driver or device; an int8 cache) */
mn_rc mn_engine_load(const char *path, const mn_engine_opts *o, mn_engine **ret, mn_err *e);
void mn_engine_free(mn_engine *g); /* no sequence and no batcher may be left */
const mn_tokenizer *mn_engine_tokenizer(const mn_engine *g);
uint32_t mn_engine_vocab(const mn_engine *g);
uint32_t mn_engine_width(const mn_engine *g);
uint32_t mn_engine_context(const mn_engine *g);         /* longest sequence */
mn_str mn_engine_chat_template(const mn_engine *g);     /* MN_STR_NONE: none */
bool mn_engine_is_end(const mn_engine *g, uint32_t id); /* generation is over with this token */
size_t mn_engine_bytes(const mn_engine *g);             /* of the weights, packed */
size_t mn_engine_cache_bytes(mn_engine *g);             /* of the cache, what has memory now */

/* What generations that begin from now on must not say (guard.h); takes a reference, NULL: nothing. Any thread, at any time. */
void mn_engine_guard(mn_engine *g, mn_guard *guard);

/* Numbers: the logits of a row depend on the tokens before it in its own sequence alone. The same bits come out whether a
 * prompt is fed at once or in pieces, alone or among others, on any number of threads. A GPU promises the same of its own bits, which are
 * not the CPU's (gpu.h).
 * Calls on one engine take turns; while a batcher runs on it, sequences may be used too (they wait for its step to end). */
mn_rc mn_seq_new(mn_engine *g, mn_seq **ret, mn_err *e);
void mn_seq_free(mn_seq *s);
void mn_seq_reset(mn_seq *s);
uint32_t mn_seq_len(const mn_seq *s);
void mn_seq_cut(mn_seq *s, uint32_t len); /* forgets what came after the first len tokens */
/* Runs n tokens; logits of the last one are in *ret_logits [V], borrowed until the next call on this sequence.
 * MN_E_LIMIT when the context or the cache is full, MN_E_USAGE for an id outside the vocabulary, MN_E_IO when a GPU failed: the sequence
 * stays as long as it was, or as long as the pieces that went well. */
mn_rc mn_seq_feed(mn_seq *s, const uint32_t *ids, size_t n, const float **ret_logits,
                  mn_err *e);
/* As above, the logits of every row: *ret [n][V], n at most MN_SEQ_ALL_MAX. */
#define MN_SEQ_ALL_MAX 64u
mn_rc mn_seq_feed_all(mn_seq *s, const uint32_t *ids, size_t n, const float **ret, mn_err *e);
/* The mean over the text's rows of the final hidden state (after the last norm), scaled to length 1: ret [width]. Resets the sequence. */
mn_rc mn_seq_embed(mn_seq *s, const uint32_t *ids, size_t n, float *ret, mn_err *e);

typedef struct mn_bias {
    uint32_t id;
    float add;
} mn_bias;
typedef struct mn_sampling {
    float temperature; /* 0: the most likely token */
    uint32_t top_k;    /* 0: off */
    float top_p;       /* 1: off */
    uint64_t seed;
    float min_p; /* 0: off; else drops what is less likely than this share of the likeliest */
    float presence, frequency; /* OpenAI's penalties on what this generation wrote, -2 .. 2 */
    float
        repetition; /* 0 or 1: off; else divides positive and multiplies negative logits of tokens of prompt and answer */
    const mn_bias *bias; /* borrowed */
    size_t n_bias;
} mn_sampling;
/* Picks tokens; deterministic in (logits, sampling, what was picked before). */
typedef struct mn_sampler mn_sampler;
/* Refuses temperatures below 0 or above 10, top_p outside (0, 1], penalties outside their ranges, bias for an id outside V. */
mn_rc mn_sampler_new(const mn_sampling *p, uint32_t V, mn_sampler **ret, mn_err *e);
void mn_sampler_free(mn_sampler *s);
/* Tokens of the prompt, for `repetition`. */
void mn_sampler_saw(mn_sampler *s, const uint32_t *ids, size_t n);
/* allowed: bits as mn_constraint_mask's, or NULL; `banned` ids (n_banned) are never picked; ties go to the smaller id. Does not count as picked
 * until mn_sampler_took says so: a draft may be thrown away. */
uint32_t mn_sampler_pick(mn_sampler *s, const float *logits, const uint64_t *allowed,
                         const uint32_t *banned, size_t n_banned);
void mn_sampler_took(mn_sampler *s, uint32_t id);
/* Log probabilities (natural) of the plain model: of `id`, and of the n likeliest, best first. */
typedef struct mn_logprob {
    uint32_t id;
    float logprob;
} mn_logprob;
float mn_logprobs(const float *logits, uint32_t V, uint32_t id, mn_logprob *ret_top, size_t n);

/* A prompt in the structure the model was trained on: START, time, language, text. For tokenizers that are not ours: the
 * text, after the token that begins every text when the model has one. lang may be MN_STR_NONE: then it is identified. */
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

/* Many users of one model at once: continuous batching.
 *
 * One thread runs steps. In each step every generation that is under way gets its next token (or several drafted ones to check), and what room
 * is left goes to prompts, a piece at a time, so a long prompt never freezes others. Prompts that begin alike share the cache's blocks,
 * also with those that ended lately (the oldest unused go first). Who is served next: the client with the least tokens served
 * so far, then who came first. When the cache is full a generation that came last gives its blocks back and is computed anew later;
 * its output does not change.
 *
 * Greedy output, and sampled output for a seed, is the same alone and in company (infer.h: numbers). Prompt lookup: what
 * follows the last words where they stood before in prompt or answer is tried as a draft and checked in one step; output is that without it.
 *
 * thread  all functions from any thread; callbacks come from the batcher's own thread and must return soon and not call back into it
 *         (but mn_batcher_cancel is fine) */
#ifndef MN_INFER_BATCH_H
#define MN_INFER_BATCH_H

#include "infer/grammar.h"
#include "infer/infer.h"

typedef struct mn_batcher mn_batcher;

typedef struct mn_batcher_opts {
    uint32_t running; /* generations at a time, 0: 32 */
    uint32_t waiting; /* queued beyond them, 0: 256 */
    uint32_t
        rows; /* tokens a step, 0: 64; a piece of a prompt is what the running ones leave of it, at least 16 */
} mn_batcher_opts;

/* Borrows the engine. */
mn_rc mn_batcher_new(mn_engine *g, const mn_batcher_opts *o, mn_batcher **ret, mn_err *e);
/* Ends what runs and waits with MN_GEN_CANCELLED, then stops the thread. */
void mn_batcher_free(mn_batcher *b);

typedef enum mn_gen_end {
    MN_GEN_NOT_ENDED,
    MN_GEN_STOP,      /* an end token, a stop string, or the grammar is complete */
    MN_GEN_LENGTH,    /* max_tokens, or the context is full */
    MN_GEN_GUARDED,   /* what came next must not be said (guard.h) */
    MN_GEN_CANCELLED, /* mn_batcher_cancel, mn_batcher_free */
    MN_GEN_FAILED,    /* `error` says why */
    MN_GEN_ENDS
} mn_gen_end;

typedef struct mn_gen_event {
    /* A token, or several (drafts that held): text that is whole UTF-8 and cannot be part of a stop string any more; may be empty. */
    mn_str text;
    const uint32_t *ids; /* the tokens since the last event */
    size_t n_ids;
    const mn_logprob *chosen; /* [n_ids], when asked for */
    const mn_logprob *top;    /* [n_ids][n_top] */
    mn_gen_end end;           /* with the last event */
    const char *error;
    uint32_t prompt_tokens, cached_tokens,
        tokens;             /* so far; cached: of the prompt, found in the cache */
    const float *embedding; /* [width], for an embedding request, with its end */
} mn_gen_event;

typedef struct mn_gen_request {
    const uint32_t *prompt; /* copied */
    size_t n_prompt;
    mn_sampling sampling; /* bias copied */
    uint32_t max_tokens;  /* 0: until the context is full */
    const mn_str *stops;  /* copied; at most 16, none empty */
    size_t n_stops;
    mn_grammar *grammar;    /* NULL; a reference is taken */
    const uint32_t *banned; /* copied */
    size_t n_banned;
    bool logprobs;
    uint32_t n_top;  /* at most 20 */
    bool ignore_end; /* for measuring */
    bool no_lookup;  /* for measuring */
    bool embed;      /* no generation: the embedding of the prompt */
    bool specials;   /* give the text of special tokens too (tool calls of some models) */
    uint64_t client; /* whom fairness counts it to */
    void (*on_event)(void *arg, const mn_gen_event *ev);
    void *arg;
} mn_gen_request;

/* Queues it; events follow until one with `end`. errors (then no event comes): MN_E_BUSY the queue is full, try again after *ret_retry_s
 * seconds (an estimate from what is queued); MN_E_LIMIT the prompt does not fit the context; MN_E_USAGE; MN_E_NOMEM */
mn_rc mn_batcher_submit(mn_batcher *b, const mn_gen_request *r, uint64_t *ret_id,
                        uint32_t *ret_retry_s, mn_err *e);
/* It ends with MN_GEN_CANCELLED at the latest after the step that runs; an id that is over is fine. */
void mn_batcher_cancel(mn_batcher *b, uint64_t id);

/* Counters since the start, and what is now. Histograms: upper bounds in mn_batch_buckets, cumulative as Prometheus has them. */
#define MN_BATCH_BUCKETS 14
extern const double mn_batch_buckets[MN_BATCH_BUCKETS]; /* seconds; the last is infinity */
typedef struct mn_batch_stats {
    uint64_t requests, ended[MN_GEN_ENDS]; /* by mn_gen_end */
    uint64_t prompt_tokens, cached_tokens, tokens, drafted, accepted, steps, refused,
        recomputed;
    uint32_t running, waiting, blocks, blocks_used,
        blocks_kept; /* kept: not in use, still shared with whoever comes */
    uint64_t first_token[MN_BATCH_BUCKETS], between[MN_BATCH_BUCKETS], queued[MN_BATCH_BUCKETS];
    double first_token_sum, between_sum, queued_sum; /* seconds */
} mn_batch_stats;
void mn_batcher_stats(mn_batcher *b, mn_batch_stats *ret);

#endif

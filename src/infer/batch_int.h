/* Shared by the batcher's files. docs/design/batching.md. */
#ifndef MN_INFER_BATCH_INT_H
#define MN_INFER_BATCH_INT_H

#include "infer/batch.h"
#include "infer/infer_int.h"

/* ---- lookup.c: drafts from what was written before --------------------------------------------------------------------- */

enum { MN_LOOKUP_NGRAM = 3, MN_LOOKUP_DRAFT = 8 };

/* Where each run of 1, 2 and 3 tokens was last followed by something. */
typedef struct mn_lookup {
    uint32_t *last[MN_LOOKUP_NGRAM]; /* by hash: the position of what followed, 0: none */
    uint32_t cap;                    /* of each, a power of two */
    uint32_t n_indexed;              /* runs that end before it are in */
    float trust[MN_LOOKUP_NGRAM];    /* how often a drafted token held */
    uint32_t ngram; /* what the draft under way was found by, 0: there is none */
} mn_lookup;
void mn_lookup__init(mn_lookup *l);
void mn_lookup__release(mn_lookup *l);
/* What could follow ids [n], at most `most`; only as long as a token is likelier to hold than `least`. Without memory: nothing. */
uint32_t mn_lookup__draft(mn_lookup *l, const uint32_t *ids, uint32_t n, uint32_t most,
                          float least, uint32_t ret[MN_LOOKUP_DRAFT]);
/* Of the `drafted` tokens so many held. */
void mn_lookup__learn(mn_lookup *l, uint32_t drafted, uint32_t held);

/* ---- batch_gen.c: one generation --------------------------------------------------------------------------------------- */

typedef struct mn_gen {
    struct mn_gen *next; /* of those that wait */
    uint64_t id, client_id;
    size_t client; /* which of the batcher's */
    mn_engine *g;
    mn_ids all; /* prompt, then what was written */
    uint32_t n_prompt, n_written, n_cached, max_tokens, n_top;
    bool logprobs, ignore_end, no_lookup, embed, started, preempted;
    bool cancelled; /* under the batcher's lock */
    mn_gen_end end;
    char error[480];
    mn_str stops[16];
    size_t n_stops;
    char *stop_text; /* what stops point into */
    uint32_t *banned;
    size_t n_banned;
    mn_sampler *sampler;
    mn_constraint *constraint; /* NULL */
    mn_stream stream;
    mn_guarded guarded;
    mn_seq *seq; /* NULL while it waits */
    mn_lookup lookup;
    double *sum; /* of an embedding */
    float *embedding;
    void (*on_event)(void *arg, const mn_gen_event *ev);
    void *arg;
    int64_t at_submit_us, at_token_us;
    /* this step */
    uint32_t n_rows, n_draft, n_held, draft[MN_LOOKUP_DRAFT];
    uint32_t step_ids[MN_LOOKUP_DRAFT + 1];
    uint32_t n_fresh, fresh[MN_LOOKUP_DRAFT + 1]; /* tokens not told yet */
    mn_logprob chosen[MN_LOOKUP_DRAFT + 1];
    mn_logprob *top; /* [MN_LOOKUP_DRAFT + 1][n_top] */
} mn_gen;

mn_rc mn_gen__new(mn_engine *g, const mn_gen_request *r, mn_gen **ret, mn_err *e);
void mn_gen__free(mn_gen *n);
/* Tokens that the cache lacks: 1 while it writes. */
static inline uint32_t mn_gen__backlog(const mn_gen *n)
{
    return (uint32_t)n->all.n - (n->seq ? mn_seq_len(n->seq) : 0);
}
/* Picks from the logits of the step's wanted rows, checks the draft, cuts the sequence back to what held. */
void mn_gen__take(mn_gen *n, const float *logits);
void mn_gen__fail(mn_gen *n, const char *why);
/* Tells what is new, and the end when there is one. */
void mn_gen__tell(mn_gen *n);

/* ---- batch.c, batch_plan.c --------------------------------------------------------------------------------------------- */

enum { MN_BATCH_COSTS = 17 };

/* Whose prompt is next. */
typedef struct mn_batch_turn {
    uint64_t served, id;
    mn_gen *gen;
} mn_batch_turn;

typedef struct mn_client {
    uint64_t id, served; /* tokens */
    uint32_t n;          /* of its generations are here */
} mn_client;

struct mn_batcher {
    mn_engine *g;
    mn_batcher_opts o;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t news;
    bool stop;
    uint64_t last_id;
    mn_gen *first, *last; /* waiting, in the order they came */
    uint32_t n_waiting, n_running;
    mn_gen **
        running; /* [o.running] in the order they came; the thread's own, but changed under the lock */
    mn_client *clients;
    size_t n_clients, cap_clients;
    mn_batch_stats stats;
    double rate,
        mean_tokens; /* tokens computed a second, tokens written an answer: both smoothed */
    /* the thread's own */
    mn_gen **plan;        /* [o.running] who takes part in the step */
    mn_piece *pieces;     /* [o.running] */
    mn_batch_turn *turns; /* [o.running] */
    uint32_t n_plan, n_rows, n_drafted;
    float *logits;
    size_t logits_rows;
    double took_us[MN_BATCH_COSTS]; /* by rows, smoothed */
    double step_us, row_us;         /* a step of one row, and what another row adds */
};

/* Chooses who takes part in the next step with how many rows, and reserves their blocks. Sets n_plan; 0 when nobody can go on. */
void mn_batch__plan(mn_batcher *b);
/* ---- batch_stats.c ------------------------------------------------------------------------------------------------------ */

void mn_batch__count(uint64_t histogram[MN_BATCH_BUCKETS], double *sum, double seconds,
                     uint64_t times);

#endif

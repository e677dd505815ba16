/* /metrics: language models in memory, and what their batchers do. All samples of one metric stand together, as the format wants. */
#include <math.h>
#include <string.h>

#include "api/metrics.h"
#include "api/openai/openai.h"
#include "api/served.h"

#define MODELS_MAX 64

typedef struct models {
    mn_served_now list[MODELS_MAX];
    size_t n;
} models;

static void collect(void *arg, const mn_served_now *m)
{
    models *all = arg;
    if (all->n < MODELS_MAX) all->list[all->n++] = *m;
}

/* Where a number stands in mn_batch_stats, and what it is called. */
static const struct {
    const char *name, *type, *help;
    size_t at;
    bool wide; /* 64 bits */
} numbers[] = {
#define N64(name, field, help)                                                                 \
    {                                                                                          \
        "mynah_model_" name "_total", "counter", help, offsetof(mn_batch_stats, field), true   \
    }
#define N32(name, field, help)                                                                 \
    {                                                                                          \
        "mynah_model_" name, "gauge", help, offsetof(mn_batch_stats, field), false             \
    }
    N64("requests", requests, "Generations asked for."),
    N64("refused", refused, "Generations refused because too many were waiting."),
    N64("prompt_tokens", prompt_tokens, "Tokens of prompts."),
    N64("cached_tokens", cached_tokens, "Of these, found in the cache."),
    N64("tokens", tokens, "Tokens written."),
    N64("drafted_tokens", drafted, "Tokens drafted by prompt lookup."),
    N64("accepted_tokens", accepted, "Of these, accepted."),
    N64("steps", steps, "Passes through the model."),
    N64("recomputed", recomputed, "Generations put back for want of cache and computed anew."),
    N32("running", running, "Generations under way."),
    N32("waiting", waiting, "Generations waiting."),
    N32("cache_blocks", blocks, "Blocks of the cache."),
    N32("cache_blocks_used", blocks_used, "Of these, in use."),
    N32("cache_blocks_kept", blocks_kept, "Of these, kept for prompts that begin alike."),
};

static double number_of(const mn_batch_stats *s, size_t at, bool wide)
{
    const char *p = (const char *)s + at;
    uint64_t v64;
    uint32_t v32;
    memcpy(&v64, p, wide ? sizeof v64 : 0);
    memcpy(&v32, p, wide ? 0 : sizeof v32);
    return wide ? (double)v64 : (double)v32;
}

static void head(mn_buf *b, const char *name, const char *type, const char *help)
{
    mn_buf_addf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_numbers(mn_buf *b, const models *all)
{
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        head(b, numbers[i].name, numbers[i].type, numbers[i].help);
        for (size_t k = 0; k < all->n; k++)
            mn_buf_addf(b, "%s{model=\"%s\"} %.17g\n", numbers[i].name, all->list[k].name,
                        number_of(&all->list[k].batch, numbers[i].at, numbers[i].wide));
    }
}

static void put_ends(mn_buf *b, const models *all)
{
    static const char *const ends[MN_GEN_ENDS] = {NULL,      "stop",      "length",
                                                  "guarded", "cancelled", "failed"};
    head(b, "mynah_model_ended_total", "counter", "Generations that ended, and how.");
    for (size_t k = 0; k < all->n; k++)
        for (int i = 1; i < MN_GEN_ENDS; i++)
            mn_buf_addf(b, "mynah_model_ended_total{model=\"%s\",end=\"%s\"} %llu\n",
                        all->list[k].name, ends[i],
                        (unsigned long long)all->list[k].batch.ended[i]);
}

static void put_histogram(mn_buf *b, const models *all, const char *name, const char *help,
                          size_t buckets_at, size_t sum_at)
{
    head(b, name, "histogram", help);
    for (size_t k = 0; k < all->n; k++) {
        const char *model = all->list[k].name, *s = (const char *)&all->list[k].batch;
        uint64_t n[MN_BATCH_BUCKETS];
        double sum;
        memcpy(n, s + buckets_at, sizeof n);
        memcpy(&sum, s + sum_at, sizeof sum);
        for (int i = 0; i < MN_BATCH_BUCKETS; i++) {
            mn_buf_addf(b, "%s_bucket{model=\"%s\",le=\"", name, model);
            if (isinf(mn_batch_buckets[i])) mn_buf_addz(b, "+Inf");
            else mn_buf_addf(b, "%g", mn_batch_buckets[i]);
            mn_buf_addf(b, "\"} %llu\n", (unsigned long long)n[i]);
        }
        mn_buf_addf(b, "%s_sum{model=\"%s\"} %.17g\n%s_count{model=\"%s\"} %llu\n", name, model,
                    sum, name, model, (unsigned long long)n[MN_BATCH_BUCKETS - 1]);
    }
}

void mn_metrics__models(mn_buf *b, mn_api *a)
{
    models all = {.n = 0};
    head(b, "mynah_openai_open", "gauge", "Requests at /v1 whose answer is under way.");
    mn_buf_addf(b, "mynah_openai_open %zu\n", mn_oai_open(a));
    mn_served_each(a->served, collect, &all);
    if (!all.n) return;
    head(b, "mynah_model_bytes", "gauge", "Weights in memory.");
    for (size_t k = 0; k < all.n; k++)
        mn_buf_addf(b, "mynah_model_bytes{model=\"%s\"} %zu\n", all.list[k].name,
                    all.list[k].bytes);
    put_numbers(b, &all);
    put_ends(b, &all);
    put_histogram(b, &all, "mynah_model_first_token_seconds",
                  "From the request to the first token.", offsetof(mn_batch_stats, first_token),
                  offsetof(mn_batch_stats, first_token_sum));
    put_histogram(b, &all, "mynah_model_between_tokens_seconds", "Between two tokens.",
                  offsetof(mn_batch_stats, between), offsetof(mn_batch_stats, between_sum));
    put_histogram(b, &all, "mynah_model_queued_seconds", "From the request to its first step.",
                  offsetof(mn_batch_stats, queued), offsetof(mn_batch_stats, queued_sum));
}

/* Perplexity as llama.cpp's llama-perplexity counts it, so that the two can be compared type by type: the text's tokens in windows of
 * CONTEXT, each run from nothing; scored are the tokens of its second half. A model that begins texts with a token gets it in the place of
 * each window's first one.
 *
 *   make bench && build/bench/perplexity MODEL TEXT [WINDOWS] [CONTEXT]
 *   llama-perplexity -m MODEL -f TEXT -c 512 --chunks WINDOWS
 *
 * Prints the windows, the tokens scored, the perplexity and its standard error. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "infer/infer.h"

static mn_err e;

static void must(mn_rc rc)
{
    if (rc == MN_OK) return;
    fprintf(stderr, "%s\n", e.msg);
    exit(1);
}

static double nats(const float *logits, uint32_t V, uint32_t id)
{
    return -(double)mn_logprobs(logits, V, id, NULL, 0);
}

typedef struct sums {
    double nll, squares;
    size_t n;
} sums;

/* Scores the second half of a window whose rows are fed in pieces. */
static void score(mn_seq *s, const uint32_t *ids, size_t context, uint32_t V, sums *io)
{
    mn_seq_reset(s);
    for (size_t at = 0; at < context; at += MN_SEQ_ALL_MAX) {
        const float *logits;
        size_t n = context - at < MN_SEQ_ALL_MAX ? context - at : MN_SEQ_ALL_MAX;
        must(mn_seq_feed_all(s, ids + at, n, &logits, &e));
        for (size_t t = 0; t < n; t++) {
            size_t row = at + t;
            if (row < context / 2 || row + 1 >= context) continue;
            double x = nats(logits + t * V, V, ids[row + 1]);
            io->nll += x;
            io->squares += x * x;
            io->n++;
        }
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: perplexity MODEL TEXT [WINDOWS] [CONTEXT]\n");
        return 2;
    }
    size_t most = argc > 3 ? strtoul(argv[3], NULL, 10) : 40,
           context = argc > 4 ? strtoul(argv[4], NULL, 10) : 512, n = 0;
    mn_engine *g;
    mn_seq *s;
    mn_buf text;
    mn_ids ids = {0};
    sums sum = {0};
    mn_buf_init(&text, 256u << 20);
    must(mn_engine_load(argv[1], NULL, &g, &e));
    must(mn_fs_read(argv[2], 256u << 20, &text, &e));
    must(mn_seq_new(g, &s, &e));
    uint32_t begin = mn_tok_begin(mn_engine_tokenizer(g)), V = mn_engine_vocab(g);
    if (begin != UINT32_MAX) must(mn_ids_add(&ids, begin));
    must(mn_tok_encode(mn_engine_tokenizer(g), NULL, mn_buf_str(&text), &ids));
    for (size_t at = 0; n < most && at + context <= ids.n; at += context, n++) {
        if (begin != UINT32_MAX) ids.ptr[at] = begin;
        score(s, ids.ptr + at, context, V, &sum);
        fprintf(stderr, "\r%zu  %.4f", n + 1, exp(sum.nll / (double)sum.n));
    }
    double mean = sum.nll / (double)sum.n,
           sd = sqrt((sum.squares / (double)sum.n - mean * mean) / (double)(sum.n - 1));
    printf("\n%zu windows, %zu tokens, perplexity %.4f +/- %.4f\n", n, sum.n, exp(mean),
           exp(mean) * sd);
    mn_seq_free(s);
    mn_engine_free(g);
    mn_ids_release(&ids);
    mn_buf_release(&text);
    return 0;
}

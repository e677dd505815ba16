/* TweetEval without learning: examples in a prompt, and the label whose word is likeliest after the tweet.
 *
 *   Tweet: TEXT\nEmotion: joy\n\n … Tweet: TEXT\nEmotion:      then " anger", " joy" …
 *
 * What a word is likely to be whatever the tweet says is taken off: its mean log probability over all tweets that are asked about. Their labels
 * are not looked at. source  Zhou et al. 2023, arXiv:2309.17249
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/stop.h"
#include "cmd/eval.h"
#include "infer/infer.h"
#include "model/classify.h"
#include "model/tweeteval.h"

#define TWEET_MOST 1024 /* bytes of a tweet in a prompt */

typedef struct quiz {
    mn_seq *s;
    const mn_tokenizer *tok;
    uint32_t V, begun; /* begun: tokens of the examples */
    const mn_tweet_task *task;
    char question[64];
    mn_ids words[MN_CLASSIFY_LABELS], ids;
} quiz;

static mn_rc encode_piece(quiz *k, mn_str text, mn_ids *ret, mn_err *e)
{
    return mn_tok_encode(k->tok, NULL, text, ret) == MN_OK
               ? MN_OK
               : mn_fail(e, MN_E_NOMEM, "no memory for a prompt");
}

/* ---- examples -------------------------------------------------------------------------------------------------------------- */

/* Example number i of a label: tweets of it in an order drawn with the seed; SIZE_MAX when there are no more. */
static size_t example(const mn_tweets *t, uint8_t label, uint64_t seed, const bool *taken)
{
    size_t best = SIZE_MAX;
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < t->n; i++) {
        uint64_t at = mn_rand_at(seed, 0x73686f74, i);
        if (taken[i] || t->labels[i] != label || at >= least) continue;
        best = i, least = at;
    }
    return best;
}

/* As many of each label, one label after the other. */
static mn_rc put_examples(quiz *k, const mn_tweets *t, uint64_t shots, uint64_t seed, mn_buf *b,
                          mn_err *e)
{
    bool *taken = mn_calloc(t->n + 1, sizeof *taken);
    if (!taken) return mn_fail(e, MN_E_NOMEM, "no memory for examples");
    for (uint64_t i = 0; i < shots; i++) {
        const uint8_t label = (uint8_t)(i % k->task->n_labels);
        const size_t at = example(t, label, seed, taken);
        if (at == SIZE_MAX) continue;
        taken[at] = true;
        mn_buf_addf(b, "Tweet: %.*s\n%s: %s\n\n",
                    MN_STR_FMT(mn_utf8_cut(t->texts[at], TWEET_MOST)), k->question,
                    k->task->words[label]);
    }
    mn_free(taken);
    return b->failed ? mn_fail(e, MN_E_NOMEM, "no memory for examples") : MN_OK;
}

static mn_rc begin_prompt(quiz *k, const mn_tweets *train, uint64_t shots, uint64_t seed,
                          mn_err *e)
{
    mn_buf b;
    const float *logits;
    mn_buf_init(&b, 0);
    mn_ids_clear(&k->ids);
    mn_rc rc = put_examples(k, train, shots, seed, &b, e);
    if (rc == MN_OK &&
        mn_prompt_post(k->tok, mn_now_ms(), MN_STR("en"), mn_buf_str(&b), &k->ids) != MN_OK)
        rc = mn_fail(e, MN_E_NOMEM, "no memory for a prompt");
    mn_buf_release(&b);
    mn_seq_reset(k->s);
    if (rc == MN_OK && k->ids.n) rc = mn_seq_feed(k->s, k->ids.ptr, k->ids.n, &logits, e);
    if (rc == MN_E_LIMIT) mn_err_wrap(e, "the examples are too long for the model (--shots)");
    k->begun = mn_seq_len(k->s);
    return rc;
}

/* ---- quiz ---------------------------------------------------------------------------------------------------------------- */

/* *io, the log probability of the word's first token after what was fed, becomes that of all its tokens. */
static mn_rc go_on(quiz *k, const mn_ids *w, double *io, mn_err *e)
{
    const uint32_t len = mn_seq_len(k->s);
    const float *logits;
    for (size_t i = 0; i + 1 < w->n; i++) {
        MN_TRY(mn_seq_feed(k->s, w->ptr + i, 1, &logits, e));
        *io += (double)mn_logprobs(logits, k->V, w->ptr[i + 1], NULL, 0);
    }
    mn_seq_cut(k->s, len);
    return MN_OK;
}

/* The tweet as a prompt, into k->ids; what does not fit a tweet is cut. */
static mn_rc ask_about(quiz *k, mn_str tweet, mn_err *e)
{
    mn_buf b;
    tweet = mn_utf8_cut(tweet, TWEET_MOST);
    mn_buf_init(&b, 0);
    mn_buf_addf(&b, "Tweet: %.*s\n%s:", MN_STR_FMT(tweet), k->question);
    mn_ids_clear(&k->ids);
    mn_rc rc = b.failed ? mn_fail(e, MN_E_NOMEM, "no memory for a prompt")
                        : encode_piece(k, mn_buf_str(&b), &k->ids, e);
    mn_buf_release(&b);
    return rc;
}

static mn_rc words_after(quiz *k, mn_str tweet, double *ret, mn_err *e)
{
    const float *logits;
    MN_TRY(ask_about(k, tweet, e));
    mn_seq_cut(k->s, k->begun);
    MN_TRY(mn_seq_feed(k->s, k->ids.ptr, k->ids.n, &logits, e));
    for (uint8_t l = 0; l < k->task->n_labels; l++) /* all of them while the logits are there */
        ret[l] = (double)mn_logprobs(logits, k->V, k->words[l].ptr[0], NULL, 0);
    for (uint8_t l = 0; l < k->task->n_labels; l++) MN_TRY(go_on(k, &k->words[l], &ret[l], e));
    return MN_OK;
}

/* The label whose word gains most on its mean over all tweets, ties to the smaller. */
static void choose_labels(const quiz *k, const double *at, size_t n, uint8_t *ret)
{
    const uint8_t L = k->task->n_labels;
    double mean[MN_CLASSIFY_LABELS] = {0};
    for (size_t i = 0; i < n * L; i++) mean[i % L] += at[i] / (double)n;
    for (size_t i = 0; i < n; i++) {
        const double *x = at + i * L;
        ret[i] = 0;
        for (uint8_t l = 1; l < L; l++)
            if (x[l] - mean[l] > x[ret[i]] - mean[ret[i]]) ret[i] = l;
    }
}

static mn_rc answer_all(quiz *k, const mn_tweets *val, uint8_t *ret, mn_err *e)
{
    mn_progress bar;
    mn_rc rc = MN_OK;
    double *at = mn_calloc(val->n, k->task->n_labels * sizeof *at);
    if (!at) return mn_fail(e, MN_E_NOMEM, "no memory for the answers");
    mn_progress_start(&bar, k->task->name, "tweets", val->n);
    for (size_t i = 0; rc == MN_OK && i < val->n; i++) {
        rc = mn_stop_requested() ? mn_fail(e, MN_E_CANCELLED, "stopped")
                                 : words_after(k, val->texts[i], at + i * k->task->n_labels, e);
        mn_progress_set(&bar, i + 1);
    }
    mn_progress_end(&bar);
    if (rc == MN_OK) choose_labels(k, at, val->n, ret);
    mn_free(at);
    return rc;
}

static mn_rc encode_words(quiz *k, mn_err *e)
{
    char word[80];
    for (uint8_t l = 0; l < k->task->n_labels; l++) {
        snprintf(word, sizeof word, " %s", k->task->words[l]);
        MN_TRY(encode_piece(k, mn_str_from(word), &k->words[l], e));
        if (!k->words[l].n)
            return mn_fail(e, MN_E_UNSUPPORTED, "the model's tokenizer cannot say '%s'",
                           k->task->words[l]);
    }
    return MN_OK;
}

mn_rc mn_eval_shots(const mn_eval_job *j, mn_engine *g, const mn_tweet_task *t,
                    const char *part, const mn_tweets *train, const mn_tweets *val,
                    uint8_t *ret, mn_err *e)
{
    quiz k = {.tok = mn_engine_tokenizer(g), .V = mn_engine_vocab(g), .task = t};
    if (part) snprintf(k.question, sizeof k.question, "%s on %s", t->question, part);
    else snprintf(k.question, sizeof k.question, "%s", t->question);
    MN_TRY(mn_seq_new(g, &k.s, e));
    mn_rc rc = encode_words(&k, e);
    if (rc == MN_OK) rc = begin_prompt(&k, train, j->shots, j->seed, e);
    if (rc == MN_OK) rc = answer_all(&k, val, ret, e);
    for (uint8_t l = 0; l < t->n_labels; l++) mn_ids_release(&k.words[l]);
    mn_ids_release(&k.ids);
    mn_seq_free(k.s);
    return rc;
}

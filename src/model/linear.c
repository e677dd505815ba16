#include "model/linear.h"

#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/stop.h"
#include "text/unicode.h"

#define BUCKETS  (1u << 20)
#define FEATURES 16384u /* of a text of MN_LINEAR_TEXT_MAX bytes: at most seven a byte */
#define EPOCHS   4
#define RATE     0.2 /* this and EPOCHS: by a fifth of TweetEval's training text of two tasks */
#define LEAST    50u /* texts of either label */
#define FOLDS    5   /* for the threshold */

/* ---- features ------------------------------------------------------------------------------------------------------------ */

typedef struct bag { /* of one text: buckets, rising, each once */
    uint32_t at[FEATURES];
    size_t n;
} bag;

typedef struct reader {
    bag *to;
    char word[MN_LINEAR_TEXT_MAX + 8]; /* between two blanks */
    size_t len;
    uint64_t last; /* the word before; 0: none */
    char before;   /* what stands before the word: '@', '[' or another */
} reader;

enum { WORD = 1, PAIR = 2, RUN = 64 }; /* seeds of hashes, of a run RUN + its length */

static void put(bag *b, uint64_t hash)
{
    if (b->n < FEATURES) b->at[b->n++] = (uint32_t)(hash & (BUCKETS - 1));
}

static void put_word(reader *r, const char *p, size_t n)
{
    const uint64_t pair[2] = {r->last, mn_hash64(p, n, WORD)};
    put(r->to, pair[1]);
    put(r->to, mn_hash64(pair, sizeof pair, PAIR));
    r->last = pair[1];
}

/* The word at hand is over; `after` comes next. */
static void end_word(reader *r, char after)
{
    const size_t n = r->len;
    const bool placed = r->before == '@' || (r->before == '[' && after == ']');
    r->len = 0;
    if (!n || placed) return;
    put_word(r, r->word + 1, n);
    r->word[0] = r->word[n + 1] = ' ';
    for (size_t k = 3; k <= 5; k++)
        for (size_t i = 0; i + k <= n + 2; i++) put(r->to, mn_hash64(r->word + i, k, RUN + k));
}

static bool in_word(uint32_t cp)
{
    const mn_uclass c = mn_uclass_of(cp);
    return c == MN_U_LETTER || c == MN_U_NUMBER || mn_umark(cp) || cp == '\'' || cp == '_';
}

/* An address is left out to its end. */
static size_t address(mn_str s, size_t at)
{
    const mn_str rest = mn_str_sub(s, at, s.len);
    if (!mn_str_starts(rest, "http")) return 0;
    size_t n = 0;
    while (n < rest.len && (unsigned char)rest.ptr[n] > ' ') n++;
    return n;
}

static int by_number(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void each_once(bag *b)
{
    size_t n = 0;
    qsort(b->at, b->n, sizeof *b->at, by_number);
    for (size_t i = 0; i < b->n; i++)
        if (!n || b->at[i] != b->at[n - 1]) b->at[n++] = b->at[i];
    b->n = n;
}

static void read_text(mn_str s, bag *ret)
{
    reader r = {.to = ret};
    ret->n = 0;
    s = mn_str_sub(s, 0, MN_LINEAR_TEXT_MAX);
    for (size_t i = 0, n; i < s.len; i += n) {
        uint32_t cp = 0;
        n = r.len ? 0 : address(s, i);
        if (n) continue;
        n = mn_utf8_decode(s.ptr + i, s.len - i, &cp);
        if (n && in_word(cp)) {
            if (!r.len) r.before = i ? s.ptr[i - 1] : 0;
            if (r.len + 4 <= MN_LINEAR_TEXT_MAX)
                r.len += mn_utf8_encode(mn_ulower(cp), r.word + 1 + r.len);
            continue;
        }
        end_word(&r, s.ptr[i]);
        if (!n) n = 1; /* a byte that is no text */
        else if (mn_uemoji(cp) || cp == '!' || cp == '?') put_word(&r, s.ptr + i, n);
    }
    end_word(&r, 0);
    each_once(ret);
}

/* ---- the model ----------------------------------------------------------------------------------------------------------- */

struct mn_linear {
    float *w, *g; /* [BUCKETS]: weights, sums of squared gradients */
    float *rare;  /* [BUCKETS]: what a feature counts, more the fewer texts have it */
    double bias, bias_g, threshold;
    bag work;
};

static double chance(double z)
{
    return 1 / (1 + exp(-z));
}

/* 1 / length of the vector that the bag stands for. */
static double scale_of(const mn_linear *c, const bag *b)
{
    double sum = 0;
    for (size_t i = 0; i < b->n; i++) sum += (double)c->rare[b->at[i]] * c->rare[b->at[i]];
    return sum > 0 ? 1 / sqrt(sum) : 0;
}

static double score(const mn_linear *c, const uint32_t *at, size_t n, double scale)
{
    double z = c->bias;
    for (size_t i = 0; i < n; i++) z += scale * (double)c->rare[at[i]] * (double)c->w[at[i]];
    return chance(z);
}

double mn_linear_score(mn_linear *c, mn_str text)
{
    read_text(text, &c->work);
    return score(c, c->work.at, c->work.n, scale_of(c, &c->work));
}

double mn_linear_threshold(const mn_linear *c)
{
    return c->threshold;
}

void mn_linear_free(mn_linear *c)
{
    if (!c) return;
    mn_free(c->w);
    mn_free(c->g);
    mn_free(c->rare);
    mn_free(c);
}

static mn_rc new_linear(mn_linear **ret, mn_err *e)
{
    mn_linear *c = mn_calloc(1, sizeof *c);
    if (c) {
        c->w = mn_calloc(BUCKETS, sizeof *c->w);
        c->g = mn_calloc(BUCKETS, sizeof *c->g);
        c->rare = mn_calloc(BUCKETS, sizeof *c->rare);
    }
    if (!c || !c->w || !c->g || !c->rare) {
        mn_linear_free(c);
        return mn_fail(e, MN_E_NOMEM, "no memory for a classifier of texts");
    }
    *ret = c;
    return MN_OK;
}

/* ---- learning ------------------------------------------------------------------------------------------------------------ */

typedef struct texts {
    uint32_t *at; /* features of all, one text after the other */
    uint64_t *end;
    double *scale;
    const uint8_t *labels;
    size_t n, n_at, cap;
    uint32_t *order; /* the texts that are learnt from */
    size_t n_order;
} texts;

static mn_rc add_text(texts *t, const bag *b, size_t i, mn_err *e)
{
    if (t->n_at + b->n > t->cap) {
        const size_t cap = 2 * (t->n_at + b->n) + 4096;
        uint32_t *at = mn_reallocarray(t->at, cap, sizeof *at);
        if (!at) return mn_fail(e, MN_E_NOMEM, "no memory for %zu labelled texts", t->n);
        t->at = at, t->cap = cap;
    }
    if (b->n) memcpy(t->at + t->n_at, b->at, b->n * sizeof *b->at);
    t->end[i] = t->n_at += b->n;
    return MN_OK;
}

static mn_rc read_texts(mn_linear *c, const mn_str *from, texts *t, mn_err *e)
{
    t->end = mn_calloc(t->n + 1, sizeof *t->end);
    t->scale = mn_calloc(t->n + 1, sizeof *t->scale);
    t->order = mn_calloc(t->n + 1, sizeof *t->order);
    if (!t->end || !t->scale || !t->order)
        return mn_fail(e, MN_E_NOMEM, "no memory for %zu labelled texts", t->n);
    for (size_t i = 0; i < t->n; i++) {
        read_text(from[i], &c->work);
        MN_TRY(add_text(t, &c->work, i, e));
    }
    for (size_t k = 0; k < t->n_at; k++) c->rare[t->at[k]]++; /* in how many texts */
    for (size_t f = 0; f < BUCKETS; f++)
        c->rare[f] = (float)(log((double)(t->n + 1) / ((double)c->rare[f] + 1)) + 1);
    for (size_t i = 0; i < t->n; i++) {
        read_text(from[i], &c->work);
        t->scale[i] = scale_of(c, &c->work);
    }
    return MN_OK;
}

static double score_text(const mn_linear *c, const texts *t, size_t i)
{
    const uint64_t from = i ? t->end[i - 1] : 0;
    return score(c, t->at + from, t->end[i] - from, t->scale[i]);
}

/* How far to go against the gradient, all gradients so far considered. */
static double pace(float *sum, double gradient)
{
    *sum += (float)(gradient * gradient);
    return RATE * gradient / (sqrt((double)*sum) + 1e-6);
}

static void learn_text(mn_linear *c, const texts *t, size_t i)
{
    const double d = score_text(c, t, i) - (t->labels[i] == 1);
    for (uint64_t k = i ? t->end[i - 1] : 0; k < t->end[i]; k++) {
        const uint32_t f = t->at[k];
        c->w[f] -= (float)pace(&c->g[f], d * t->scale[i] * (double)c->rare[f]);
    }
    c->bias_g += d * d;
    c->bias -= RATE * d / (sqrt(c->bias_g) + 1e-6);
}

static mn_rc learn(mn_linear *c, texts *t, uint64_t seed, mn_err *e)
{
    memset(c->w, 0, BUCKETS * sizeof *c->w), memset(c->g, 0, BUCKETS * sizeof *c->g);
    c->bias = c->bias_g = 0;
    for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) {
        if (mn_stop_requested()) return mn_fail(e, MN_E_CANCELLED, "stopped");
        for (size_t i = t->n_order; i > 1; i--) { /* Fisher and Yates */
            const double u = mn_rand_unit(mn_rand_at(seed, 0x6c696e00 + epoch, i));
            const size_t k = (size_t)(u * (double)i);
            const uint32_t x = t->order[i - 1];
            t->order[i - 1] = t->order[k], t->order[k] = x;
        }
        for (size_t i = 0; i < t->n_order; i++) learn_text(c, t, t->order[i]);
    }
    return MN_OK;
}

/* Each text is of one of FOLDS parts. */
static uint64_t fold_of(uint64_t seed, size_t i)
{
    return mn_rand_at(seed, 0x666f6c64, i) % FOLDS;
}

/* All texts but those of a fold (FOLDS: all). */
static void choose(texts *t, uint64_t fold, uint64_t seed)
{
    t->n_order = 0;
    for (size_t i = 0; i < t->n; i++)
        if (fold_of(seed, i) != fold) t->order[t->n_order++] = (uint32_t)i;
}

static int falling(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* Between the last score that is to be judged 1 and the first that is not, each text scored by what was learnt from the other folds. */
static mn_rc find_threshold(mn_linear *c, texts *t, uint64_t seed, double *work, mn_err *e)
{
    size_t ones = 0;
    for (uint64_t fold = 0; fold < FOLDS; fold++) {
        choose(t, fold, seed);
        MN_TRY(learn(c, t, seed, e));
        for (size_t i = 0; i < t->n; i++)
            if (fold_of(seed, i) == fold) work[i] = score_text(c, t, i);
    }
    for (size_t i = 0; i < t->n; i++) ones += t->labels[i] == 1;
    qsort(work, t->n, sizeof *work, falling);
    c->threshold = (work[ones - 1] + work[ones]) / 2; /* LEAST of either are there */
    return MN_OK;
}

static mn_rc learn_all(mn_linear *c, const mn_str *from, texts *t, uint64_t seed, mn_err *e)
{
    MN_TRY(read_texts(c, from, t, e));
    double *work = mn_calloc(t->n, sizeof *work);
    if (!work) return mn_fail(e, MN_E_NOMEM, "no memory for %zu labelled texts", t->n);
    mn_rc rc = find_threshold(c, t, seed, work, e);
    mn_free(work);
    if (rc != MN_OK) return rc;
    choose(t, FOLDS, seed);
    return learn(c, t, seed, e);
}

mn_rc mn_linear_learn(const mn_str *from, const uint8_t *labels, size_t n, uint64_t seed,
                      mn_linear **ret, mn_err *e)
{
    texts t = {.labels = labels, .n = n};
    mn_linear *c = NULL;
    size_t ones = 0;
    for (size_t i = 0; i < n; i++) ones += labels[i] == 1;
    if (ones < LEAST || n - ones < LEAST || n > UINT32_MAX)
        return mn_fail(e, MN_E_LIMIT,
                       "%zu labelled texts, %zu of them with label 1: expected at least %u of "
                       "either label",
                       n, ones, LEAST);
    MN_TRY(new_linear(&c, e));
    mn_rc rc = learn_all(c, from, &t, seed, e);
    mn_free(t.at);
    mn_free(t.end);
    mn_free(t.scale);
    mn_free(t.order);
    if (rc == MN_OK) *ret = c;
    else mn_linear_free(c);
    return rc;
}

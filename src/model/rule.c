/* See rule.h. docs/design/training.md, "The rule", derives each constant. */
#include "model/rule.h"

#include <math.h>
#include <string.h>

#define ROW_TOKENS 256
#define MOST_ROWS  256

/* Batch, in tokens: BATCH at a million tokens seen, as the power BATCH_POWER of them. */
#define BATCH       2300.0
#define BATCH_POWER 0.45
/* The products of Muon's step cost as much whatever the batch: 16 C operations for each weight of a layer. In batches of MUON_WIDTHS times
 * the width they are a third of the time. */
#define MUON_WIDTHS 6.0

/* Rate of Muon: RATE at width 128, batches of 2,048 tokens, a million tokens seen; it falls with the width. */
#define RATE       5.5e-3
#define RATE_BATCH 0.6  /* grows with the batch to this power */
#define RATE_SEEN  0.31 /* falls with the tokens seen to this one */
#define RATE_ADAMW 0.4  /* of Muon's */
#define RATE_LEAST 1e-4
#define RATE_MOST  1e-2

/* Decay: rate * decay * steps is DECAY_AGAIN for each epoch after the second. */
#define DECAY_AGAIN 1.25
#define DECAY_LEAST 0.1
#define DECAY_MOST  8.0

/* Bits per byte of a model of N parameters that has seen S tokens, a corpus of U tokens over and over. */
#define BITS_LEAST   0.490
#define BITS_PARAMS  8.92
#define PARAMS_POWER 0.34
#define BITS_SEEN    6.904
#define SEEN_POWER   0.10
/* Of knowing the corpus by heart: times (S / U - 1) to the power HEART_POWER, times (10^6 / U) to HEART_SIZE. */
#define BITS_HEART  0.0054
#define HEART_POWER 1.2
#define HEART_SIZE  0.65
/* Epochs go on while a tenth more of them lowers bits per byte by this share. */
#define WORTH 0.001
/* ... but not beyond what was measured. */
#define EPOCHS_MOST 8.0

/* Tokens that the weights of a preset's layers want each, of text that is not used up. */
#define TOKENS_PER_WEIGHT 3.0
/* A smaller preset gives way where it has time for this many times the tokens that are worth its while. */
#define TOO_MUCH 2.0

/* ---- the laws ---------------------------------------------------------------------------------------------------- */

double mn_rule_bits(double n, double tokens, double seen)
{
    const double again = seen > tokens ? seen / tokens - 1 : 0;
    return BITS_LEAST + BITS_PARAMS * pow(n, -PARAMS_POWER) +
           BITS_SEEN * pow(seen, -SEEN_POWER) +
           BITS_HEART * pow(again, HEART_POWER) * pow(1e6 / tokens, HEART_SIZE);
}

double mn_rule_speed(const char *kernels, mn_dtype dtype, uint64_t threads, bool gpu)
{
    double each = 5e10;
    if (gpu) return 1e14;
    if (strcmp(kernels, "avx512") == 0) each = dtype == MN_BF16 ? 2.3e11 : 1.5e11;
    if (strcmp(kernels, "plain") == 0) each = 5e9;
    return each * (double)(threads ? threads : 1);
}

static size_t row_tokens_for(const mn_rule_ask *a, const mn_config *c)
{
    const size_t row = a->row_tokens ? a->row_tokens : ROW_TOKENS;
    return row < c->T ? row : c->T;
}

/* A power of two near the law's, smaller where there would be too few steps. */
static size_t rows_for(const mn_rule_ask *a, const mn_config *c, double seen)
{
    const double row = (double)row_tokens_for(a, c);
    const double least = a->optimiser == MN_OPTIM_MUON ? MUON_WIDTHS * c->C : 0;
    const double want = fmax(BATCH * pow(seen / 1e6, BATCH_POWER), least) / row;
    size_t rows = 1;
    while (rows < MOST_ROWS && (double)rows * sqrt(2) < want &&
           seen >= MN_RULE_STEPS * 2 * row * (double)rows)
        rows *= 2;
    return rows;
}

static double rate_for(const mn_config *c, mn_optimiser by, double batch, double seen)
{
    double rate =
        RATE * 128 / c->C * pow(batch / 2048, RATE_BATCH) * pow(seen / 1e6, -RATE_SEEN);
    if (by == MN_OPTIM_ADAMW) rate *= RATE_ADAMW;
    return fmin(fmax(rate, RATE_LEAST), RATE_MOST);
}

/* A step leaves 1 - rate * decay of a weight, so weights remember the last 1 / (rate * decay) steps. Where the corpus is gone over many times that
 * is a little less than an epoch: what they know of a text by heart fades before it comes again. Rounded, to be read. */
static double decay_for(double rate, double steps, double epochs)
{
    const double decay = DECAY_AGAIN * fmax(epochs - 2, 0) / (rate * steps);
    return round(1000 * fmin(fmax(decay, DECAY_LEAST), DECAY_MOST)) / 1000;
}

/* ---- how long ------------------------------------------------------------------------------------------------------ */

static double corpus_of(const mn_rule_ask *a)
{
    return a->tokens ? (double)a->tokens : 1;
}

/* So many steps of batches that are chosen for so many steps. */
static double tokens_of_steps(const mn_rule_ask *a, const mn_config *c)
{
    const double row = (double)a->steps * (double)row_tokens_for(a, c);
    size_t rows = a->batch_rows ? a->batch_rows : 1;
    for (size_t k = 2; !a->batch_rows && k <= MOST_ROWS; k *= 2)
        if (rows_for(a, c, row * (double)k) >= k) rows = k;
    return row * (double)rows;
}

/* Tokens seen after which going over the corpus again is not worth its time. */
static double tokens_worth(const mn_rule_ask *a, const mn_config *c)
{
    const double tokens = corpus_of(a), n = (double)mn_config_params(c);
    double seen = tokens;
    while (seen < EPOCHS_MOST * tokens &&
           mn_rule_bits(n, tokens, seen * 1.1) < (1 - WORTH) * mn_rule_bits(n, tokens, seen))
        seen *= 1.1;
    return fmin(seen, EPOCHS_MOST * tokens);
}

/* Tokens that a model of this shape is to see. */
static double tokens_seen(const mn_rule_ask *a, const mn_config *c, mn_rule_end *ret)
{
    const double n = (double)mn_config_params(c), most = a->most_operations / (6 * n);
    double seen = INFINITY;
    *ret = MN_RULE_ASKED;
    if (a->minutes > 0)
        seen = a->speed > 0 ? a->minutes * 60 * a->speed / (6 * n) : corpus_of(a);
    if (a->epochs > 0) seen = fmin(seen, a->epochs * corpus_of(a));
    if (a->most_tokens) seen = fmin(seen, (double)a->most_tokens);
    if (a->steps) seen = fmin(seen, tokens_of_steps(a, c));
    if (isfinite(seen)) return seen;
    seen = tokens_worth(a, c);
    *ret = most > 0 && most < seen ? MN_RULE_COST : MN_RULE_USED;
    return *ret == MN_RULE_COST ? most : seen;
}

/* ---- what ---------------------------------------------------------------------------------------------------------- */

static mn_rc shape_of(const mn_rule_ask *a, const char *preset, mn_config *ret, mn_err *e)
{
    MN_TRY(mn_config_preset(preset, ret, e));
    ret->V = a->vocab;
    return mn_config_check(ret, e);
}

/* The largest preset whose layers get text enough; or that has time for the corpus where the one before it has no use for the time. */
static mn_rc choose_preset(const mn_rule_ask *a, const char **ret, mn_err *e)
{
    static const char *const presets[] = {"nano", "micro", "small", "base"};
    bool over =
        false; /* the preset before would go over the corpus far more often than is worth it */
    for (size_t i = 0; i < 4; i++) {
        mn_config c;
        mn_rule_end end;
        MN_TRY(shape_of(a, presets[i], &c, e));
        const double layers = (double)mn_config_params(&c) - (double)c.V * c.C;
        const double seen = tokens_seen(a, &c, &end), worth = tokens_worth(a, &c);
        const bool fed = fmin(seen, worth) >= TOKENS_PER_WEIGHT * layers;
        const bool timely = over && seen >= corpus_of(a);
        if (i == 0 || fed || timely) *ret = presets[i];
        over = a->minutes > 0 && seen > TOO_MUCH * worth;
    }
    return MN_OK;
}

static mn_rc choose_shape(const mn_rule_ask *a, mn_rule_plan *p, mn_err *e)
{
    if (a->shape) {
        p->shape = *a->shape;
        return MN_OK;
    }
    p->preset = a->preset;
    if (!p->preset) MN_TRY(choose_preset(a, &p->preset, e));
    return shape_of(a, p->preset, &p->shape, e);
}

mn_rc mn_rule_choose(const mn_rule_ask *a, mn_rule_plan *ret, mn_err *e)
{
    mn_rule_plan p = {0};
    MN_TRY(choose_shape(a, &p, e));
    p.row_tokens = row_tokens_for(a, &p.shape);
    const double seen = tokens_seen(a, &p.shape, &p.end);
    p.batch_rows = a->batch_rows ? a->batch_rows : rows_for(a, &p.shape, seen);
    const double batch = (double)(p.batch_rows * p.row_tokens);
    p.rate = a->rate > 0 ? a->rate : rate_for(&p.shape, a->optimiser, batch, seen);
    p.epochs = seen / corpus_of(a);
    p.epochs_worth = tokens_worth(a, &p.shape) / corpus_of(a);
    p.tokens = (uint64_t)seen;
    p.steps = (uint64_t)ceil(seen / batch);
    if (a->steps && p.steps > a->steps) p.steps = a->steps;
    p.decay = a->decay >= 0 ? a->decay : decay_for(p.rate, (double)p.steps, p.epochs);
    if (a->speed > 0) p.seconds = 6 * (double)mn_config_params(&p.shape) * seen / a->speed;
    *ret = p;
    return MN_OK;
}

/* ---- saying it ----------------------------------------------------------------------------------------------------- */

/* 8,192 */
static void add_count(mn_buf *b, uint64_t n)
{
    if (n >= 1000) {
        add_count(b, n / 1000);
        mn_buf_addf(b, ",%03u", (unsigned)(n % 1000));
    } else mn_buf_addu(b, n);
}

static void add_time(mn_buf *b, double s)
{
    if (s < 90) mn_buf_addf(b, "%.0f s", fmax(s, 1));
    else if (s < 90 * 60) mn_buf_addf(b, "%.0f minutes", s / 60);
    else if (s < 36 * 3600) mn_buf_addf(b, "%.0f hours", s / 3600);
    else mn_buf_addf(b, "%.0f days", s / 86400);
}

static void add_size(mn_buf *b, const mn_rule_ask *a)
{
    const double bytes = (double)a->bytes, tokens = (double)a->tokens;
    if (bytes < 1e6) mn_buf_addf(b, "corpus %.1f KB, ", bytes / 1e3);
    else mn_buf_addf(b, "corpus %.1f MB, ", bytes / 1e6);
    if (tokens < 1e5) mn_buf_addf(b, "%.1f K tokens: ", tokens / 1e3);
    else mn_buf_addf(b, "%.1f M tokens: ", tokens / 1e6);
}

static void add_length(mn_buf *b, const mn_rule_ask *a, const mn_rule_plan *p)
{
    mn_buf_addf(b, ", %s%.3g epochs, %s", a->minutes > 0 ? "about " : "", p->epochs,
                a->minutes > 0 ? "" : "about ");
    add_count(b, p->steps);
    mn_buf_addz(b, " steps");
    if (p->seconds > 0) {
        mn_buf_addz(b, ", about ");
        add_time(b, p->seconds);
    }
}

void mn_rule_say(const mn_rule_ask *a, const mn_rule_plan *p, mn_buf *ret)
{
    static const char *const why[] = {
        [MN_RULE_ASKED] = "",
        [MN_RULE_USED] = "; more epochs would help little",
        [MN_RULE_COST] = "; longer would help: --minutes or --epochs asks for it"};
    add_size(ret, a);
    if (p->preset) mn_buf_addf(ret, "%s%s, ", p->preset, a->preset ? " as asked" : "");
    mn_buf_addz(ret, "batch ");
    add_count(ret, p->batch_rows * p->row_tokens);
    /* With a shape they may be those of the weights that are there. */
    mn_buf_addf(ret, "%s, rate %.2g%s", a->batch_rows && !a->shape ? " as asked" : "", p->rate,
                a->rate > 0 && !a->shape ? " as asked" : "");
    mn_buf_addf(ret, ", decay %.2g%s", p->decay, a->decay >= 0 && !a->shape ? " as asked" : "");
    add_length(ret, a, p);
    mn_buf_addz(ret, why[p->end]);
    if (p->end == MN_RULE_ASKED && p->epochs > 1.5 * p->epochs_worth)
        mn_buf_addf(ret, "; %.2g epochs would do better", p->epochs_worth);
}

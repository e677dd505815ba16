/* The classifier. Contract: classify.h. Texts are packed into rows as in training, each seeing only itself; the rows' pass is tuning's
 * (lora_pass.h), with the linear layer in the place of the head. */
#include "model/classify.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/stop.h"
#include "model/lora_pass.h"
#include "model/optim.h"
#include "model/pack.h"
#include "model/probe.h"

#define ROW_TOKENS 128
#define BATCH_ROWS 4
#define RANK       16
#define EPOCHS     3

struct mn_classifier {
    const mn_model *m;
    mn_pool *pool;
    mn_classify_opts o; /* with what was chosen */
    mn_lora lora;
    mn_lora_pass *pass;
    mn_optim optim, head_optim;
    mn_batch_buf batch;
    float *head;             /* [n_labels][C], then biases [n_labels] */
    float *states, *dstates; /* [batch_rows T][C] */
    uint64_t *which;         /* [batch_rows T]: the texts of the batch, in order */
};

/* ---- texts ------------------------------------------------------------------------------------------------------------ */

void mn_class_texts_release(mn_class_texts *t)
{
    mn_free(t->ids);
    mn_free(t->end);
    *t = (mn_class_texts){0};
}

/* Document i of the probe, cut to `most` tokens with its end, and one token more: packing predicts a next one. */
static uint64_t copy_text(const mn_probe *p, uint64_t i, size_t most, uint32_t *to)
{
    const uint64_t from = i ? p->doc_end[i - 1] : 0;
    uint64_t n = p->doc_end[i] - from;
    if (n > most) n = most;
    memcpy(to, p->ids + from, n * sizeof *to);
    to[n - 1] = to[n] = p->form.end;
    return n + 1;
}

mn_rc mn_class_texts_new(const mn_model *m, const mn_str *texts, size_t n, size_t most,
                         mn_class_texts *ret, mn_err *e)
{
    mn_probe p = {0};
    mn_class_texts t = {.n = n};
    MN_TRY(mn_probe_new(m, &p, e));
    mn_rc rc = MN_OK;
    for (size_t i = 0; rc == MN_OK && i < n; i++)
        rc = mn_probe_document(&p,
                               &(mn_probe_text){.text = texts[i],
                                                .created_ms = MN_PROBE_NO_TIME,
                                                .lang = mn_tok_lang(MN_STR("en"))},
                               1, INT64_C(1577836800000), e); /* all of one time: 2020 */
    t.ids = mn_reallocarray(NULL, p.n_ids + n + 1, sizeof *t.ids);
    t.end = mn_reallocarray(NULL, n + 1, sizeof *t.end);
    if (rc == MN_OK && (!t.ids || !t.end))
        rc = mn_fail(e, MN_E_NOMEM, "no memory for %zu texts", n);
    for (size_t i = 0; rc == MN_OK && i < n; i++) {
        t.n_ids += copy_text(&p, i, most, t.ids + t.n_ids);
        t.end[i] = t.n_ids;
    }
    mn_probe_release(&p);
    if (rc == MN_OK) *ret = t;
    else mn_class_texts_release(&t);
    return rc;
}

/* ---- batches ----------------------------------------------------------------------------------------------------------- */

static uint64_t text_at(const mn_class_texts *t, uint64_t token)
{
    uint64_t lo = 0, hi = t->n;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (t->end[mid] <= token) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

/* Row `row` of the packing at `at`; its texts into c->which from n on; how many there are now. */
static size_t fill_row(mn_classifier *c, const mn_class_texts *t, const mn_packing *k,
                       uint64_t row, size_t at, size_t n)
{
    mn_batch_buf *b = &c->batch;
    size_t s = 0, i = at * b->T;
    for (uint64_t q = k->row_piece[row]; q < k->row_piece[row + 1]; q++) {
        const mn_piece *piece = &k->pieces[q];
        const uint32_t start = (uint32_t)s;
        for (uint32_t j = 0; j < piece->n; j++, s++, i++) {
            b->ids[i] = t->ids[piece->from + j];
            b->pos[i] = j, b->first[i] = start;
            b->weight[i] = j + 1 == piece->n; /* the end token */
        }
        c->which[n++] = text_at(t, piece->from);
    }
    for (; s < b->T; s++, i++) {
        b->ids[i] = 0;
        b->pos[i] = 0, b->first[i] = (uint32_t)s, b->weight[i] = 0;
    }
    return n;
}

static void run_states(mn_classifier *c, const mn_batch *b, size_t n_texts)
{
    size_t n = mn_lora_pass_states(c->pass, b, c->states);
    MN_ASSERT(n == n_texts);
}

/* ---- the linear layer --------------------------------------------------------------------------------------------------- */

static void logits_of(const mn_classifier *c, const float *state, double *ret)
{
    const size_t C = c->m->cfg.C, K = c->o.n_labels;
    for (size_t k = 0; k < K; k++) {
        const float *w = c->head + k * C;
        ret[k] = (double)c->head[K * C + k];
        for (size_t i = 0; i < C; i++) ret[k] += (double)w[i] * (double)state[i];
    }
}

/* Probabilities in place. */
static void softmax(double *x, size_t n)
{
    double most = x[0], sum = 0;
    for (size_t k = 1; k < n; k++) most = x[k] > most ? x[k] : most;
    for (size_t k = 0; k < n; k++) sum += x[k] = exp(x[k] - most);
    for (size_t k = 0; k < n; k++) x[k] /= sum;
}

/* The loss of state i, a share `each` of the batch's; adds the layer's gradient, writes the state's. */
static double learn_state(mn_classifier *c, size_t i, uint8_t label, double each)
{
    const size_t C = c->m->cfg.C, K = c->o.n_labels;
    const float *state = c->states + i * C;
    float *d = c->dstates + i * C;
    double p[MN_CLASSIFY_LABELS];
    logits_of(c, state, p);
    softmax(p, K);
    const double loss = -log(p[label]) * each;
    memset(d, 0, C * sizeof *d);
    for (size_t k = 0; k < K; k++) {
        const float g = (float)((p[k] - (k == label)) * each);
        const float *w = c->head + k * C;
        float *dw = c->head_optim.d + k * C;
        for (size_t j = 0; j < C; j++) d[j] += g * w[j], dw[j] += g * state[j];
        c->head_optim.d[K * C + k] += g;
    }
    return loss;
}

/* ---- learning ------------------------------------------------------------------------------------------------------------ */

static double rate_at(const mn_classifier *c, uint64_t step, uint64_t n_steps)
{
    const double rise = (double)(n_steps / 10 + 1), at = (double)step;
    if (at < rise) return c->o.lr * (at + 1) / rise;
    return c->o.lr * ((double)n_steps - at) / ((double)n_steps - rise);
}

static mn_rc learn_rows(mn_classifier *c, const mn_class_texts *t, const uint8_t *labels,
                        const mn_packing *k, uint64_t row, uint64_t step, uint64_t n_steps,
                        mn_err *e)
{
    const uint64_t left = k->n_rows - row;
    const size_t rows = left < c->o.batch_rows ? (size_t)left : c->o.batch_rows;
    size_t n = 0;
    double loss = 0;
    for (size_t i = 0; i < rows; i++) n = fill_row(c, t, k, row + i, i, n);
    const mn_batch b = mn_batch_view(&c->batch, 0, rows);
    run_states(c, &b, n);
    for (size_t i = 0; i < n; i++)
        loss += learn_state(c, i, labels[c->which[i]], 1.0 / (double)n);
    mn_lora_pass_states_back(c->pass, &b, c->dstates, c->optim.d);
    mn_optim_opts o = {
        .lr = rate_at(c, step, n_steps), .b1 = 0.9, .b2 = 0.99, .eps = 1e-8, .clip = 1};
    double norm = mn_optim_step(&c->optim, c->lora.all, c->pool, &o, step + 1);
    o.lr *= 4;
    norm += mn_optim_step(&c->head_optim, c->head, c->pool, &o, step + 1);
    if (!isfinite(loss) || !isfinite(norm))
        return mn_fail(e, MN_E_LIMIT,
                       "the classifier's loss is no longer a number at step %llu: a lower rate "
                       "than %g (--lr) may do",
                       (unsigned long long)step + 1, c->o.lr);
    if (c->o.on_step) c->o.on_step(c->o.arg, step + 1, n_steps, loss);
    return MN_OK;
}

static mn_rc learn(mn_classifier *c, const mn_class_texts *t, const uint8_t *labels, mn_err *e)
{
    uint64_t n_steps = 1, step = 0;
    for (uint64_t epoch = 0; step < n_steps; epoch++) {
        mn_packing k;
        MN_TRY(mn_pack_ends(t->end, t->n, c->batch.T, 1, true, c->o.seed, epoch, &k, e));
        const uint64_t each = (k.n_rows + c->o.batch_rows - 1) / c->o.batch_rows;
        mn_rc rc = MN_OK;
        if (!epoch) n_steps = (uint64_t)ceil(c->o.epochs * (double)each);
        for (uint64_t row = 0; rc == MN_OK && row < k.n_rows && step < n_steps;
             row += c->o.batch_rows)
            rc = mn_stop_requested() ? mn_fail(e, MN_E_CANCELLED, "stopped")
                                     : learn_rows(c, t, labels, &k, row, step++, n_steps, e);
        mn_packing_release(&k);
        if (rc != MN_OK) return rc;
    }
    return MN_OK;
}

size_t mn_classify_row_tokens(const mn_classify_opts *o, const mn_model *m)
{
    const size_t T = o->row_tokens ? o->row_tokens : ROW_TOKENS;
    return T < m->cfg.T ? T : m->cfg.T;
}

static void choose(mn_classifier *c)
{
    mn_classify_opts *o = &c->o;
    const double wide = c->m->cfg.C > 512 ? 512.0 / c->m->cfg.C : 1;
    o->row_tokens = mn_classify_row_tokens(o, c->m);
    if (!o->batch_rows) o->batch_rows = BATCH_ROWS;
    if (!o->rank) o->rank = RANK;
    if (!(o->epochs > 0)) o->epochs = EPOCHS;
    if (!(o->lr > 0)) o->lr = 5e-4 * wide;
}

static mn_rc open(mn_classifier *c, mn_err *e)
{
    const size_t C = c->m->cfg.C, T = c->o.row_tokens, rows = c->o.batch_rows;
    const uint64_t n_head = c->o.n_labels * (C + 1);
    const mn_lora_pass_opts o = {.n_rows = rows, .T = T, .dtype = c->o.dtype, .backward = true};
    MN_TRY(mn_lora_new(&c->m->cfg, c->o.rank, 2.0f * (float)c->o.rank, false, MN_LORA_ALL,
                       &c->lora, e));
    mn_lora_init(&c->lora, c->o.seed);
    MN_TRY(mn_optim_new_flat(c->lora.n_all, &c->optim, e));
    MN_TRY(mn_optim_new_flat(n_head, &c->head_optim, e));
    MN_TRY(mn_batch_buf_new(rows, T, &c->batch, e));
    c->head = mn_calloc(n_head, sizeof *c->head);
    c->states = mn_calloc(rows * T, C * sizeof *c->states);
    c->dstates = mn_calloc(rows * T, C * sizeof *c->dstates);
    c->which = mn_calloc(rows * T, sizeof *c->which);
    if (!c->head || !c->states || !c->dstates || !c->which)
        return mn_fail(e, MN_E_NOMEM, "no memory for a classifier");
    return mn_lora_pass_new(c->m, &c->lora, c->pool, &o, &c->pass, e);
}

static mn_rc check(const mn_classify_opts *o, const mn_class_texts *t, const uint8_t *labels,
                   mn_err *e)
{
    if (o->n_labels < 2 || o->n_labels > MN_CLASSIFY_LABELS)
        return mn_fail(e, MN_E_USAGE, "a classifier tells 2 to %u labels apart",
                       MN_CLASSIFY_LABELS);
    if (!t->n) return mn_fail(e, MN_E_LIMIT, "there is no text to learn from");
    for (uint64_t i = 0; i < t->n; i++)
        if (labels[i] >= o->n_labels)
            return mn_fail(e, MN_E_USAGE, "label %u of text %llu: expected one below %u",
                           labels[i], (unsigned long long)i + 1, o->n_labels);
    return MN_OK;
}

mn_rc mn_classifier_learn(const mn_model *m, mn_pool *pool, const mn_classify_opts *o,
                          const mn_class_texts *texts, const uint8_t *labels,
                          mn_classifier **ret, mn_err *e)
{
    MN_TRY(check(o, texts, labels, e));
    mn_classifier *c = mn_calloc(1, sizeof *c);
    if (!c) return mn_fail(e, MN_E_NOMEM, "no memory for a classifier");
    c->m = m, c->pool = pool, c->o = *o;
    choose(c);
    mn_rc rc = open(c, e);
    if (rc == MN_OK) rc = learn(c, texts, labels, e);
    if (rc == MN_OK) *ret = c;
    else mn_classifier_free(c);
    return rc;
}

void mn_classifier_free(mn_classifier *c)
{
    if (!c) return;
    mn_lora_pass_free(c->pass);
    if (c->optim.m) mn_optim_release(&c->optim);
    if (c->head_optim.m) mn_optim_release(&c->head_optim);
    mn_batch_buf_release(&c->batch);
    mn_lora_release(&c->lora);
    mn_free(c->head);
    mn_free(c->states);
    mn_free(c->dstates);
    mn_free(c->which);
    mn_free(c);
}

static uint8_t likeliest(const double *x, size_t n)
{
    size_t best = 0;
    for (size_t k = 1; k < n; k++)
        if (x[k] > x[best]) best = k;
    return (uint8_t)best;
}

mn_rc mn_classifier_say(mn_classifier *c, const mn_class_texts *texts, uint8_t *ret, mn_err *e)
{
    mn_packing k;
    double x[MN_CLASSIFY_LABELS];
    MN_TRY(mn_pack_ends(texts->end, texts->n, c->batch.T, 1, false, 0, 0, &k, e));
    mn_rc rc = MN_OK;
    for (uint64_t row = 0; rc == MN_OK && row < k.n_rows; row += c->o.batch_rows) {
        const uint64_t left = k.n_rows - row;
        const size_t rows = left < c->o.batch_rows ? (size_t)left : c->o.batch_rows;
        size_t n = 0;
        if (mn_stop_requested()) rc = mn_fail(e, MN_E_CANCELLED, "stopped");
        for (size_t i = 0; i < rows; i++) n = fill_row(c, texts, &k, row + i, i, n);
        const mn_batch b = mn_batch_view(&c->batch, 0, rows);
        if (rc == MN_OK) run_states(c, &b, n);
        for (size_t i = 0; rc == MN_OK && i < n; i++) {
            logits_of(c, c->states + i * c->m->cfg.C, x);
            ret[c->which[i]] = likeliest(x, c->o.n_labels);
        }
    }
    mn_packing_release(&k);
    return rc;
}

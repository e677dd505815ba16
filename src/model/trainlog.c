/* training.json in and out. The curve keeps at most MN_CURVE_MAX points: when full, every second one goes and from then on
 * only every second step is noted, so that it always spans the whole run. */
#include "model/trainlog.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"

#define LOG_BYTES_MAX (4u << 20)

void mn_trainlog_init(mn_trainlog *l)
{
    memset(l, 0, sizeof *l);
    l->every = 1;
    l->state = "running";
}

void mn_trainlog_point(mn_trainlog *l, const mn_curve_point *p)
{
    if (p->step % l->every != 0) return;
    if (l->n_curve == MN_CURVE_MAX) {
        size_t kept = 0;
        l->every *= 2;
        for (size_t i = 0; i < l->n_curve; i++)
            if (l->curve[i].step % l->every == 0) l->curve[kept++] = l->curve[i];
        l->n_curve = kept;
        if (p->step % l->every != 0) return;
    }
    l->curve[l->n_curve++] = *p;
}

void mn_trainlog_eval(mn_trainlog *l, uint64_t step, double val_bits_per_byte)
{
    l->val_bits_per_byte = val_bits_per_byte;
    if (l->n_evals == MN_EVALS_MAX) { /* every second one goes */
        for (size_t i = 0; 2 * i + 1 < MN_EVALS_MAX; i++) l->evals[i] = l->evals[2 * i + 1];
        l->n_evals /= 2;
    }
    l->evals[l->n_evals++] = (mn_eval_point){step, val_bits_per_byte};
}

/* The entry between the first and the latest whose neighbours' steps are the fewest times apart. */
static size_t crowded(const mn_trainlog *l)
{
    size_t best = 1;
    double least = INFINITY;
    for (size_t i = 1; i + 1 < l->n_samples; i++) {
        double apart =
            (double)(l->samples[i + 1].step + 1) / (double)(l->samples[i - 1].step + 1);
        if (apart < least) least = apart, best = i;
    }
    return best;
}

mn_sample_point *mn_trainlog_sample(mn_trainlog *l, uint64_t step)
{
    if (l->n_samples == MN_SAMPLE_EVALS) {
        size_t i = crowded(l);
        l->n_samples--;
        memmove(&l->samples[i], &l->samples[i + 1], (l->n_samples - i) * sizeof *l->samples);
    }
    mn_sample_point *p = &l->samples[l->n_samples++];
    memset(p, 0, sizeof *p);
    p->step = step;
    return p;
}

/* ---- out --------------------------------------------------------------------------------------------------------------- */

static void put_curve(mn_json_writer *w, const mn_trainlog *l)
{
    mn_jw_key(w, "curve");
    mn_jw_array(w);
    for (size_t i = 0; i < l->n_curve; i++) {
        const mn_curve_point *p = &l->curve[i];
        char text[200]; /* few digits: a picture needs no more, and the file stays small */
        snprintf(text, sizeof text,
                 "{\"step\":%llu,\"tokens\":%llu,\"loss\":%.4f,\"lr\":%.4g,"
                 "\"tokens_per_s\":%.0f,\"seconds\":%.1f}",
                 (unsigned long long)p->step, (unsigned long long)p->tokens, p->loss, p->lr,
                 p->tokens_per_s, p->seconds);
        mn_jw_raw(w, mn_str_from(text));
    }
    mn_jw_array_end(w);
}

static void put_evals(mn_json_writer *w, const mn_trainlog *l)
{
    mn_jw_key(w, "evals");
    mn_jw_array(w);
    for (size_t i = 0; i < l->n_evals; i++) {
        mn_jw_object(w);
        mn_jw_ku64(w, "step", l->evals[i].step);
        mn_jw_kf64(w, l->tune ? "val_loss" : "val_bits_per_byte",
                   l->evals[i].val_bits_per_byte);
        mn_jw_object_end(w);
    }
    mn_jw_array_end(w);
    mn_jw_key(w, "samples");
    mn_jw_array(w);
    for (size_t i = 0; i < l->n_samples; i++) {
        for (size_t k = 0; k < MN_SAMPLES; k++) {
            if (!l->samples[i].text[k][0]) continue;
            mn_jw_object(w);
            mn_jw_ku64(w, "step", l->samples[i].step);
            size_t given = l->samples[i].given[k];
            mn_jw_kstr(w, "given", (mn_str){l->samples[i].text[k], given});
            mn_jw_kstrz(w, "text", l->samples[i].text[k] + given);
            mn_jw_object_end(w);
        }
    }
    mn_jw_array_end(w);
}

static void put_tune(mn_json_writer *w, const mn_trainlog_tune *t)
{
    mn_jw_kstrz(w, "tuned_from", t->tuned_from);
    mn_jw_kstrz(w, "base_sha256", t->base_sha256);
    mn_jw_ku64(w, "base_params", t->base_params);
    mn_jw_kstrz(w, "data", t->data);
    mn_jw_kstrz(w, "data_sha256", t->data_sha256);
    mn_jw_ku64(w, "rank", t->rank);
    mn_jw_kf64(w, "alpha", t->alpha);
    mn_jw_kstrz(w, "targets", t->targets);
    mn_jw_ku64(w, "train_examples", t->train_examples);
    mn_jw_ku64(w, "held_out_examples", t->held_examples);
    mn_jw_ku64(w, "learnt_tokens", t->learnt);
    if (!t->held_examples) return;
    mn_jw_kf64(w, "val_loss_before", t->loss_before);
    mn_jw_kf64(w, "val_loss", t->loss_best);
    mn_jw_ku64(w, "best_step", t->best_step);
}

static void put_recipe(mn_json_writer *w, const mn_recipe *r, double share)
{
    mn_jw_kstrz(w, "optimiser", mn_optimiser_name(r->optimiser));
    mn_jw_kf64(w, "decay", (double)r->decay);
    mn_jw_kbool(w, "cautious_decay", r->cautious);
    mn_jw_kbool(w, "zero_init", r->zero_init);
    mn_jw_kf64(w, "fall", (double)r->fall);
    mn_jw_kf64(w, "optimiser_share", share);
}

mn_rc mn_trainlog_write(const mn_trainlog *l, const char *dir, mn_err *e)
{
    mn_buf b;
    mn_buf_init(&b, LOG_BYTES_MAX);
    mn_json_writer w;
    mn_json_writer_init(&w, &b, 0);
    const mn_curve_point *last = l->n_curve ? &l->curve[l->n_curve - 1] : NULL;
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "name", l->model);
    mn_jw_kstrz(&w, "state", l->state);
    mn_jw_kstrz(&w, "corpus", l->corpus);
    mn_jw_kstrz(&w, "corpus_sha256", l->corpus_sha256);
    mn_jw_kstrz(&w, "tokenizer_sha256", l->tokenizer_sha256);
    mn_jw_kstrz(&w, "checkpoint_sha256", l->checkpoint_sha256);
    mn_jw_ku64(&w, "masked", l->masked);
    if (l->masked) mn_jw_kstrz(&w, "masked_sha256", l->masked_sha256);
    mn_jw_kstrz(&w, "preset", l->preset);
    mn_jw_ku64(&w, "params", l->params);
    mn_jw_ku64(&w, "train_tokens", l->train_tokens);
    mn_jw_ku64(&w, "seed", l->seed);
    mn_jw_ku64(&w, "threads", l->threads);
    mn_jw_kstrz(&w, "dtype", l->dtype ? "bf16" : "f32");
    mn_jw_kstrz(&w, "gemm", l->gemm);
    mn_jw_kstrz(&w, "kernels", l->kernels);
    if (l->recipe) put_recipe(&w, l->recipe, l->optimiser_share);
    if (l->recipe) {
        mn_jw_kf64(&w, "checkpoint_share", l->checkpoint_share);
        mn_jw_ku64(&w, "batch_rows", l->batch_rows);
        mn_jw_ku64(&w, "row_tokens", l->row_tokens);
        mn_jw_kf64(&w, "peak_lr", l->peak_lr);
    }
    mn_jw_ku64(&w, "steps", last ? last->step : 0);
    mn_jw_ku64(&w, "steps_planned", l->steps_planned);
    mn_jw_ku64(&w, "tokens", last ? last->tokens : 0);
    mn_jw_kf64(&w, "seconds", last ? last->seconds : 0);
    mn_jw_key(&w, "val_bits_per_byte");
    if (l->val_bits_per_byte > 0 && !l->tune) mn_jw_f64(&w, l->val_bits_per_byte);
    else mn_jw_null(&w);
    mn_jw_key(&w, "xz_bits_per_byte");
    if (l->xz_bits_per_byte > 0) mn_jw_f64(&w, l->xz_bits_per_byte);
    else mn_jw_null(&w);
    if (l->tune) put_tune(&w, l->tune);
    put_curve(&w, l);
    put_evals(&w, l);
    mn_jw_object_end(&w);
    mn_buf_addc(&b, '\n');
    mn_arena a;
    mn_arena_init(&a, 0);
    char *path = mn_fs_join(&a, dir, "training.json");
    mn_rc rc = b.failed || !path ? mn_fail(e, MN_E_NOMEM, "no memory for training.json")
                                 : mn_fs_write_atomic(path, b.ptr, b.len, e);
    mn_arena_release(&a);
    mn_buf_release(&b);
    return rc;
}

/* ---- in ------------------------------------------------------------------------------------------------------------------ */

static void take_tree(mn_trainlog *l, const mn_json *t, uint64_t step)
{
    const mn_json *curve = mn_json_get(t, "curve"), *evals = mn_json_get(t, "evals");
    const mn_json *samples = mn_json_get(t, "samples"), *o;
    l->xz_bits_per_byte = mn_json_f64(mn_json_get(t, "xz_bits_per_byte"), 0);
    for (size_t i = 0; (o = mn_json_at(curve, i)); i++) {
        mn_curve_point p = {.step = mn_json_u64(mn_json_get(o, "step"), UINT64_MAX),
                            .tokens = mn_json_u64(mn_json_get(o, "tokens"), 0),
                            .loss = mn_json_f64(mn_json_get(o, "loss"), 0),
                            .lr = mn_json_f64(mn_json_get(o, "lr"), 0),
                            .tokens_per_s = mn_json_f64(mn_json_get(o, "tokens_per_s"), 0),
                            .seconds = mn_json_f64(mn_json_get(o, "seconds"), 0)};
        if (p.step <= step) mn_trainlog_point(l, &p);
    }
    for (size_t i = 0; (o = mn_json_at(evals, i)); i++) {
        const mn_json *loss = mn_json_get(o, l->tune ? "val_loss" : "val_bits_per_byte");
        uint64_t at = mn_json_u64(mn_json_get(o, "step"), UINT64_MAX);
        if (at <= step) mn_trainlog_eval(l, at, mn_json_f64(loss, 0));
    }
    size_t k = 0;
    for (size_t i = 0; (o = mn_json_at(samples, i)); i++) {
        uint64_t at = mn_json_u64(mn_json_get(o, "step"), UINT64_MAX);
        mn_str given = mn_utf8_cut(mn_json_str(mn_json_get(o, "given")), MN_SAMPLE_MAX - 1);
        mn_str text =
            mn_utf8_cut(mn_json_str(mn_json_get(o, "text")), MN_SAMPLE_MAX - 1 - given.len);
        if (at > step || !text.ptr) continue;
        bool same = l->n_samples && l->samples[l->n_samples - 1].step == at && k < MN_SAMPLES;
        mn_sample_point *p = same ? &l->samples[l->n_samples - 1] : mn_trainlog_sample(l, at);
        if (!same) k = 0;
        if (given.len) memcpy(p->text[k], given.ptr, given.len);
        memcpy(p->text[k] + given.len, text.ptr, text.len);
        p->given[k++] = given.len;
    }
}

void mn_trainlog_read(mn_trainlog *l, const char *dir, uint64_t step)
{
    mn_arena a;
    mn_arena_init(&a, 64u << 20);
    mn_buf b;
    mn_buf_init(&b, LOG_BYTES_MAX);
    mn_json *tree = NULL;
    char *path = mn_fs_join(&a, dir, "training.json");
    if (path && mn_fs_read(path, LOG_BYTES_MAX, &b, NULL) == MN_OK &&
        mn_json_parse(mn_buf_str(&b), &a, &tree, NULL) == MN_OK)
        take_tree(l, tree, step);
    mn_buf_release(&b);
    mn_arena_release(&a);
}

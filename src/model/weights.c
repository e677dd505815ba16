/* Weights in memory and in a Hugging Face folder.
 *
 * One walk (tensors.h) knows the order, names and shapes; allocating, loading, saving and initialising all follow it, so
 * that they cannot disagree. `all` holds the tensors in that order without gaps: the data of model.safetensors is `all`
 * itself, written without a copy. */
#include "model/weights.h"

#include "base/hash.h"
#include "base/mem.h"
#include "model/open_int.h"
#include "model/safetensors.h"
#include "model/st_head.h"
#include <math.h>
#include <string.h>

#define CONFIG_MAX (1u << 20)

/* Where the pointer to a tensor is. */
static float **place(mn_weights *w, const mn_tensor *t)
{
    switch (t->part) {
    case MN_PART_EMBED:
        return &w->embed;
    case MN_PART_NORM:
        return &w->norm;
    case MN_PART_HEAD:
        break;
#define PART(part, member)                                                                     \
    case MN_PART_##part:                                                                       \
        return &w->layers[t->layer].member;
        MN_LAYER_PARTS(PART)
#undef PART
    }
    return &w->head;
}

static uint64_t values(const mn_tensor *t)
{
    return (uint64_t)t->rows * (t->cols ? t->cols : 1);
}

mn_rc mn_weights_new(const mn_config *c, mn_weights *ret, mn_err *e)
{
    MN_TRY(mn_config_check(c, e));
    mn_weights w = {.cfg = *c, .n_all = mn_config_params(c)};
    w.layers = mn_calloc(c->L, sizeof *w.layers);
    w.all = w.n_all <= SIZE_MAX / 4 ? mn_alloc_aligned(64, (size_t)w.n_all * 4) : NULL;
    if (!w.layers || !w.all) {
        mn_weights_release(&w);
        return mn_fail(e, MN_E_NOMEM, "no memory for %llu parameters",
                       (unsigned long long)mn_config_params(c));
    }
    mn_tensor t;
    float *at = w.all;
    for (uint64_t i = 0; mn_tensor_at(c, i, &t); i++) {
        *place(&w, &t) = at;
        at += values(&t);
    }
    MN_ASSERT((uint64_t)(at - w.all) == w.n_all);
    if (c->tied) w.head = w.embed;
    *ret = w;
    return MN_OK;
}

void mn_weights_release(mn_weights *w)
{
    mn_free(w->all);
    mn_free(w->layers);
    *w = (mn_weights){0};
}

/* Box-Muller on two counter-based draws: element i of tensor `stream` is the same on every machine with this libm. */
static void fill_normal(float *p, uint64_t n, double sd, uint64_t seed, uint64_t stream)
{
    for (uint64_t i = 0; i < n; i += 2) {
        double u = 1.0 - mn_rand_unit(mn_rand_at(seed, stream, i));
        double v = mn_rand_unit(mn_rand_at(seed, stream, i + 1)) * 6.283185307179586;
        double r = sd * sqrt(-2.0 * log(u));
        p[i] = (float)(r * cos(v));
        if (i + 1 < n) p[i + 1] = (float)(r * sin(v));
    }
}

void mn_weights_init(mn_weights *w, uint64_t seed)
{
    mn_tensor t;
    double shrink = 1.0 / sqrt(2.0 * w->cfg.L);
    for (uint64_t i = 0; mn_tensor_at(&w->cfg, i, &t); i++) {
        float *p = *place(w, &t);
        if (!t.cols)
            for (uint64_t k = 0; k < t.rows; k++) p[k] = 1.0f;
        else fill_normal(p, values(&t), t.residual ? 0.02 * shrink : 0.02, seed, 0x77 + i);
    }
}

void mn_weights_zero_outputs(mn_weights *w)
{
    mn_tensor t;
    for (uint64_t i = 0; mn_tensor_at(&w->cfg, i, &t); i++)
        if (t.residual) memset(*place(w, &t), 0, (size_t)values(&t) * sizeof(float));
}

/* ---- from and to files ------------------------------------------------------------------------------------------ */

static void read_view(const mn_tensor_view *v, float *ret)
{
    uint32_t rows = v->cols ? v->rows : 1, len = v->cols ? v->cols : v->rows;
    for (uint32_t i = 0; i < rows; i++) mn_view_read_row(v, i, ret + (size_t)i * len);
}

mn_rc mn_weights_from(const mn_model *m, mn_weights *ret, mn_err *e)
{
    mn_weights w = {0};
    mn_tensor t;
    mn_model *views =
        (mn_model *)(uintptr_t)m; /* mn_model__view gives places; none is written */
    if (m->map->stretch)
        return mn_fail(
            e, MN_E_UNSUPPORTED,
            "the model stretches positions in a way of its own, which cannot be trained");
    MN_TRY(mn_weights_new(&m->cfg, &w, e));
    for (uint64_t i = 0; mn_tensor_at(&m->cfg, i, &t); i++)
        read_view(mn_model__view(views, &t), *place(&w, &t));
    *ret = w;
    return MN_OK;
}

mn_rc mn_weights_load(const char *path, mn_weights *ret, mn_err *e)
{
    mn_model *m;
    MN_TRY(mn_model_open_weights(path, &m, e));
    mn_rc rc = mn_weights_from(m, ret, e);
    if (rc != MN_OK) mn_err_wrap(e, "model '%s'", path);
    mn_model_free(m);
    return rc;
}

mn_rc mn_weights_save_tensors(const mn_weights *w, const char *dir, mn_err *e)
{
    mn_arena a;
    mn_buf head;
    mn_arena_init(&a, 0);
    mn_buf_init(&head, MN_ST_HEADER_MAX);
    char *path = mn_fs_join(&a, dir, "model.safetensors");
    mn_rc rc = path ? mn_st_head(&w->cfg, MN_Q_F32, &head) : MN_E_NOMEM;
    if (rc != MN_OK) mn_fail(e, rc, "no memory to write the model to '%s'", dir);
    const mn_st_piece pieces[] = {{head.ptr, head.len}, {w->all, (size_t)w->n_all * 4}};
    if (rc == MN_OK) rc = mn_st_write_pieces(path, pieces, 2, e);
    mn_buf_release(&head);
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_weights_save(const mn_weights *w, const char *dir, mn_err *e)
{
    mn_arena a;
    mn_buf json;
    MN_TRY(mn_weights_save_tensors(w, dir, e));
    mn_arena_init(&a, 0);
    mn_buf_init(&json, CONFIG_MAX);
    char *path = mn_fs_join(&a, dir, "config.json");
    mn_rc rc = path ? mn_config_write(&w->cfg, &json) : MN_E_NOMEM;
    if (rc != MN_OK) mn_fail(e, rc, "no memory to write the model to '%s'", dir);
    if (rc == MN_OK) rc = mn_fs_write_atomic(path, json.ptr, json.len, e);
    mn_buf_release(&json);
    mn_arena_release(&a);
    return rc;
}

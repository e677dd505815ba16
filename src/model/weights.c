/* Weights in memory and in a Hugging Face folder.
 *
 * One walk (each_tensor) knows the order, names and shapes; allocating, loading, saving and initialising all follow it, so
 * that they cannot disagree. `all` holds the tensors in that order without gaps: the data of model.safetensors is `all`
 * itself, written without a copy. */
#include "model/weights.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "model/safetensors.h"

#define CONFIG_MAX (1u << 20)

typedef struct slot {
    char name[80];
    float **ptr;
    uint64_t rows, cols; /* cols 0: a vector of `rows` */
    bool residual;       /* projects back into the residual stream */
} slot;

static void slot_set(slot *s, const char *name, int layer, float **ptr, uint64_t rows,
                     uint64_t cols)
{
    if (layer < 0) snprintf(s->name, sizeof s->name, "%s.weight", name);
    else snprintf(s->name, sizeof s->name, "model.layers.%d.%s.weight", layer, name);
    s->ptr = ptr;
    s->rows = rows;
    s->cols = cols;
    s->residual = false;
}

/* The i-th tensor in order; false past the last. */
static bool slot_at(mn_weights *w, uint64_t i, slot *s)
{
    const mn_config *c = &w->cfg;
    uint64_t q = (uint64_t)c->H * c->D, kv = (uint64_t)c->KV * c->D;
    if (i == 0) return slot_set(s, "model.embed_tokens", -1, &w->embed, c->V, c->C), true;
    uint64_t l = (i - 1) / 9;
    if (l >= c->L) {
        uint64_t k = i - 1 - (uint64_t)c->L * 9;
        if (k == 0) slot_set(s, "model.norm", -1, &w->norm, c->C, 0);
        else if (k == 1 && !c->tied) slot_set(s, "lm_head", -1, &w->head, c->V, c->C);
        else return false;
        return true;
    }
    mn_layer *y = &w->layers[l];
    int n = (int)l;
    switch ((i - 1) % 9) {
    case 0:
        slot_set(s, "input_layernorm", n, &y->norm1, c->C, 0);
        break;
    case 1:
        slot_set(s, "self_attn.q_proj", n, &y->wq, q, c->C);
        break;
    case 2:
        slot_set(s, "self_attn.k_proj", n, &y->wk, kv, c->C);
        break;
    case 3:
        slot_set(s, "self_attn.v_proj", n, &y->wv, kv, c->C);
        break;
    case 4:
        slot_set(s, "self_attn.o_proj", n, &y->wo, c->C, q);
        break;
    case 5:
        slot_set(s, "post_attention_layernorm", n, &y->norm2, c->C, 0);
        break;
    case 6:
        slot_set(s, "mlp.gate_proj", n, &y->wg, c->F, c->C);
        break;
    case 7:
        slot_set(s, "mlp.up_proj", n, &y->wu, c->F, c->C);
        break;
    default:
        slot_set(s, "mlp.down_proj", n, &y->wd, c->C, c->F);
        break;
    }
    s->residual = s->ptr == &y->wo || s->ptr == &y->wd;
    return true;
}

static uint64_t slot_n(const slot *s)
{
    return s->rows * (s->cols ? s->cols : 1);
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
    slot s;
    float *at = w.all;
    for (uint64_t i = 0; slot_at(&w, i, &s); i++) {
        *s.ptr = at;
        at += slot_n(&s);
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
    slot s;
    double shrink = 1.0 / sqrt(2.0 * w->cfg.L);
    for (uint64_t i = 0; slot_at(w, i, &s); i++) {
        float *p = *s.ptr;
        if (!s.cols)
            for (uint64_t k = 0; k < s.rows; k++) p[k] = 1.0f;
        else fill_normal(p, slot_n(&s), s.residual ? 0.02 * shrink : 0.02, seed, 0x77 + i);
    }
}

/* ---- a folder -------------------------------------------------------------------------------------------------- */

/* Tensors that Hugging Face folders may hold and that say nothing new. */
static bool is_redundant(const mn_config *c, mn_str name)
{
    return mn_str_ends(name, ".rotary_emb.inv_freq") ||
           (c->tied && mn_str_eqz(name, "lm_head.weight"));
}

static mn_rc check_tensor(const mn_st *st, const slot *s, const mn_st_tensor **ret, mn_err *e)
{
    const mn_st_tensor *t = mn_st_find(st, mn_str_from(s->name));
    if (!t) return mn_fail(e, MN_E_PARSE, "model.safetensors has no tensor '%s'", s->name);
    bool fits = s->cols ? t->rank == 2 && t->shape[0] == s->rows && t->shape[1] == s->cols
                        : t->rank == 1 && t->shape[0] == s->rows;
    if (!fits)
        return mn_fail(e, MN_E_PARSE,
                       "model.safetensors: '%s' has not the shape that config.json asks for",
                       s->name);
    *ret = t;
    return MN_OK;
}

/* Every tensor of the shape is there and no other: checked on a table of names alone, before weights are allocated. */
static mn_rc check_all(const mn_config *c, const mn_st *st, mn_err *e)
{
    mn_layer *layers = mn_calloc(c->L, sizeof *layers);
    if (!layers) return mn_fail(e, MN_E_NOMEM, "no memory to read the model");
    mn_weights w = {.cfg = *c, .layers = layers};
    mn_rc rc = MN_OK;
    size_t n = 0;
    slot s;
    const mn_st_tensor *t;
    for (uint64_t i = 0; rc == MN_OK && slot_at(&w, i, &s); i++, n++)
        rc = check_tensor(st, &s, &t, e);
    for (size_t i = 0; rc == MN_OK && i < st->n; i++) n += is_redundant(c, st->items[i].name);
    if (rc == MN_OK && n != st->n)
        rc = mn_fail(e, MN_E_UNSUPPORTED,
                     "model.safetensors holds %zu tensors, %zu belong to this architecture",
                     st->n, n);
    mn_free(layers);
    return rc;
}

static mn_rc load_tensors(const mn_config *c, const mn_fs_map *map, mn_weights *ret, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 256u << 20);
    mn_weights w = {0};
    mn_st st = {0};
    slot s;
    const mn_st_tensor *t = NULL;
    mn_rc rc = mn_st_parse(map->ptr, map->len, &a, &st, e);
    if (rc == MN_OK) rc = check_all(c, &st, e);
    if (rc == MN_OK) rc = mn_weights_new(c, &w, e);
    for (uint64_t i = 0; rc == MN_OK && slot_at(&w, i, &s); i++) {
        rc = check_tensor(&st, &s, &t, e);
        if (rc == MN_OK) mn_st_read(t, *s.ptr);
    }
    if (rc == MN_OK) *ret = w;
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_weights_load(const char *dir, mn_weights *ret, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    mn_buf json;
    mn_buf_init(&json, CONFIG_MAX);
    mn_fs_map map = {0};
    mn_config c = {0};
    char *config = mn_fs_join(&a, dir, "config.json");
    char *tensors = mn_fs_join(&a, dir, "model.safetensors");
    mn_rc rc = MN_OK;
    if (!config || !tensors) {
        rc = mn_fail(e, MN_E_NOMEM, "no memory to read the model in '%s'", dir);
        goto out;
    }
    if ((rc = mn_fs_read(config, CONFIG_MAX, &json, e)) != MN_OK) goto out;
    if ((rc = mn_config_parse(mn_buf_str(&json), &c, e)) != MN_OK) goto out;
    if ((rc = mn_fs_map_open(tensors, &map, e)) != MN_OK) goto out;
    rc = load_tensors(&c, &map, ret, e);
out:
    if (rc != MN_OK) mn_err_wrap(e, "model '%s'", dir);
    if (map.ptr) mn_fs_map_close(&map);
    mn_buf_release(&json);
    mn_arena_release(&a);
    return rc;
}

static mn_rc write_header(mn_weights *w, mn_buf *b)
{
    mn_json_writer j;
    slot s;
    uint64_t at = 0;
    mn_buf_add(b, "\0\0\0\0\0\0\0\0", 8);
    mn_json_writer_init(&j, b, 0);
    mn_jw_object(&j);
    mn_jw_key(&j, "__metadata__");
    mn_jw_object(&j);
    mn_jw_kstrz(&j, "format", "pt");
    mn_jw_object_end(&j);
    for (uint64_t i = 0; slot_at(w, i, &s); i++) {
        mn_jw_key(&j, s.name);
        mn_jw_object(&j);
        mn_jw_kstrz(&j, "dtype", "F32");
        mn_jw_key(&j, "shape");
        mn_jw_array(&j);
        mn_jw_u64(&j, s.rows);
        if (s.cols) mn_jw_u64(&j, s.cols);
        mn_jw_array_end(&j);
        mn_jw_key(&j, "data_offsets");
        mn_jw_array(&j);
        mn_jw_u64(&j, at * 4);
        mn_jw_u64(&j, (at + slot_n(&s)) * 4);
        mn_jw_array_end(&j);
        mn_jw_object_end(&j);
        at += slot_n(&s);
    }
    mn_jw_object_end(&j);
    while (b->failed == MN_OK && b->len % 64 != 0) mn_buf_addc(b, ' '); /* data stays aligned */
    for (size_t i = 0; b->failed == MN_OK && i < 8; i++)
        b->ptr[i] = (char)((uint64_t)(b->len - 8) >> (8 * i));
    return b->failed;
}

mn_rc mn_weights_save(const mn_weights *w, const char *dir, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    mn_buf head, json;
    mn_buf_init(&head, MN_ST_HEADER_MAX);
    mn_buf_init(&json, CONFIG_MAX);
    mn_weights view = *w;
    char *config = mn_fs_join(&a, dir, "config.json");
    char *tensors = mn_fs_join(&a, dir, "model.safetensors");
    mn_rc rc = mn_config_write(&w->cfg, &json);
    if (rc == MN_OK) rc = write_header(&view, &head);
    if (rc != MN_OK || !config || !tensors) {
        rc = mn_fail(e, MN_E_NOMEM, "no memory to write the model to '%s'", dir);
        goto out;
    }
    const mn_st_piece pieces[] = {{head.ptr, head.len}, {w->all, (size_t)w->n_all * 4}};
    rc = mn_st_write_pieces(tensors, pieces, 2, e);
    if (rc == MN_OK) rc = mn_fs_write_atomic(config, json.ptr, json.len, e);
out:
    mn_buf_release(&json);
    mn_buf_release(&head);
    mn_arena_release(&a);
    return rc;
}

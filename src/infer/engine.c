/* An engine: a model's weights packed for products, its tokenizer, the cache, a
 * team of threads. */
#include "infer/infer.h"

#include <malloc.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/thread.h"
#include "infer/gpu.h"

#define CONTEXT_MAX 8192u /* unless more is asked for */

/* ---- weights ----------------------------------------------------------------------------------------------------- */

/* Weights in the order in which a pass reads them; where each is packed to. */
typedef struct place {
    const mn_tensor_view *from;
    mn_packed *to;
} place;

enum { OF_LAYER = 7 };

static void places_of(const mn_layer_view *v, mn_engine_layer *l, place ret[OF_LAYER])
{
    const place p[OF_LAYER] = {{&v->wk, &l->wk}, {&v->wv, &l->wv}, {&v->wq, &l->wq},
                               {&v->wo, &l->wo}, {&v->wg, &l->wg}, {&v->wu, &l->wu},
                               {&v->wd, &l->wd}};
    memcpy(ret, p, sizeof p);
}

static const mn_tensor_view *head_of(const mn_model *m)
{
    return m->head.data ? &m->head : &m->embed;
}

static size_t bytes_of(const mn_tensor_view *v)
{
    return mn_packed_bytes(v->type, v->rows, v->cols);
}

static mn_rc weights_new(mn_engine *g, mn_err *e)
{
    const size_t C = g->cfg.C, L = g->cfg.L;
    size_t bytes = bytes_of(head_of(g->model));
    g->layers = mn_calloc(L, sizeof *g->layers);
    g->norms = mn_alloc_aligned(64, (2 * L + 1) * C * sizeof(float));
    for (size_t l = 0; g->layers && l < L; l++) {
        place all[OF_LAYER];
        places_of(&g->model->layers[l], &g->layers[l], all);
        for (size_t i = 0; i < OF_LAYER; i++) bytes += bytes_of(all[i].from);
    }
    g->weights = mn_alloc_pages(bytes);
    if (!g->layers || !g->norms || !g->weights)
        return mn_fail(e, MN_E_NOMEM, "out of memory for %zu layers of %zu bytes in all", L,
                       bytes);
    return MN_OK;
}

static mn_rc pack(mn_engine *g, const place *p, mn_pool *pool, mn_err *e)
{
    const mn_tensor_view *v = p->from;
    MN_TRY(mn_packed_new_at(g->weights + g->bytes, v->type, v->rows, v->cols, v->data,
                            v->alternate ? mn_view_row : NULL, v, pool, p->to, e));
    g->bytes += p->to->bytes;
    return MN_OK;
}

static mn_rc pack_layer(mn_engine *g, size_t l, mn_pool *pool, mn_err *e)
{
    const mn_layer_view *v = &g->model->layers[l];
    mn_engine_layer *y = &g->layers[l];
    place all[OF_LAYER];
    places_of(v, y, all);
    for (size_t i = 0; i < OF_LAYER; i++) MN_TRY(pack(g, &all[i], pool, e));
    y->norm1 = g->norms + 2 * l * g->cfg.C;
    y->norm2 = y->norm1 + g->cfg.C;
    mn_view_read_row(&v->norm1, 0, y->norm1);
    mn_view_read_row(&v->norm2, 0, y->norm2);
    return MN_OK;
}

/* What was packed is let go of at once, so that the file and its packed form
 * are never both in memory. */
static mn_rc pack_all(mn_engine *g, mn_pool *pool, mn_err *e)
{
    const mn_model *m = g->model;
    MN_TRY(weights_new(g, e));
    for (size_t l = 0; l < g->cfg.L; l++) {
        MN_TRY(pack_layer(g, l, pool, e));
        mn_model_drop_pages(m);
    }
    g->norm = g->norms + 2 * (size_t)g->cfg.L * g->cfg.C;
    mn_view_read_row(&m->norm, 0, g->norm);
    MN_TRY(pack(g, &(place){head_of(m), &g->head}, pool, e));
    mn_model_drop_pages(m);
    return MN_OK;
}

static void release_weights(mn_engine *g)
{
    mn_free(g->weights);
    mn_free(g->layers);
    mn_free(g->norms);
}

static mn_rc turn_table(mn_engine *g, mn_err *e)
{
    g->angles = mn_calloc(g->cfg.D / 2, sizeof *g->angles);
    g->turn_table = mn_alloc_aligned(64, (size_t)g->context * g->cfg.D * sizeof(float));
    if (!g->angles || !g->turn_table)
        return mn_fail(e, MN_E_NOMEM, "out of memory for the position table");
    mn_model_rope(g->model, g->angles);
    return MN_OK;
}

/* ---- loading ----------------------------------------------------------------------------------------------------- */

static mn_rc open_cache(mn_engine *g, const mn_engine_opts *o, mn_err *e)
{
    const mn_config *c = &g->cfg;
    const mn_kv_shape shape = {o->kv, c->KV, c->D};
    size_t block = mn_kv__bytes(&shape, c->L);
    size_t each = (g->context + MN_KV_BLOCK - 1) / MN_KV_BLOCK;
    size_t n = o->cache_bytes ? o->cache_bytes / block : 4 * each;
    if (n == 0 || n >= MN_KV_NONE)
        return mn_fail(e, MN_E_USAGE,
                       "a cache of %zu bytes: expected from %zu (one block of %u tokens) up",
                       o->cache_bytes, block, MN_KV_BLOCK);
    if (n < each) g->context = (uint32_t)n * MN_KV_BLOCK;
    return mn_kv__init(&g->kv, &shape, c->L, (uint32_t)n, e);
}

static void ban_conditions(mn_engine *g)
{
    for (uint32_t i = 0; mn_tok_is_ours(g->model->tok) && i < MN_TOK_SPECIALS; i++)
        if (mn_tok_is_condition(i)) g->banned[g->n_banned++] = i;
}

static mn_rc load(mn_engine *g, const char *path, const mn_engine_opts *o, mn_err *e)
{
    mn_pool *pool = NULL;
    MN_TRY(mn_model_open(path, &g->model, e));
    g->cfg = g->model->cfg;
    uint32_t V = mn_tok_vocab(g->model->tok);
    if (V > g->cfg.V)
        return mn_fail(e, MN_E_CORRUPT,
                       "'%s' has %u tokens but the model knows %u: they do not "
                       "belong together",
                       path, V, g->cfg.V);
    g->vocab = V;
    g->context = g->cfg.T < CONTEXT_MAX ? g->cfg.T : CONTEXT_MAX;
    if (o->context && o->context <= g->cfg.T) g->context = o->context;
    ban_conditions(g);
    MN_TRY(open_cache(g, o, e));
    MN_TRY(turn_table(g, e));
    if (o->gpu) return mn_engine__gpu_open(g, o->gpu - 1, o->n_threads, e);
    MN_TRY(mn_team_new(o->n_threads, &g->team, e));
    g->n_threads = mn_team_threads(g->team);
    MN_TRY(mn_pool_new(o->n_threads, &pool, e));
    mn_rc rc = pack_all(g, pool, e);
    mn_pool_free(pool);
    malloc_trim(0); /* what reading the tokenizer took beside it goes back to the system */
    return rc == MN_OK ? mn_forward__scratch(g, e) : rc;
}

static bool exists(const char *path)
{
    uint64_t size;
    mn_err none;
    return mn_fs_is_dir(path) || mn_fs_size(path, &size, &none) == MN_OK;
}

mn_rc mn_engine_load(const char *path, const mn_engine_opts *o, mn_engine **ret, mn_err *e)
{
    static const mn_engine_opts usual = {0};
    if (!exists(path))
        return mn_fail(e, MN_E_NOT_FOUND,
                       "no model at '%s'; `mynah train` makes one, `mynah model import` brings "
                       "one, `mynah model list` shows them",
                       path);
    mn_engine *g = mn_calloc(1, sizeof *g);
    if (!g) return mn_fail(e, MN_E_NOMEM, "out of memory");
    pthread_mutex_init(&g->guard_lock, NULL);
    pthread_mutex_init(&g->turn_lock, NULL);
    pthread_cond_init(&g->turn_cond, NULL);
    g->kernels = mn_kernels_best();
    g->way = &mn_forward__on_cpu;
    mn_rc rc = load(g, path, o ? o : &usual, e);
    if (rc != MN_OK) {
        mn_engine_free(g);
        return rc;
    }
    *ret = g;
    return MN_OK;
}

void mn_engine_free(mn_engine *g)
{
    if (!g) return;
    mn_team_free(g->team);
    g->way->release(g);
    release_weights(g);
    mn_kv__release(&g->kv);
    mn_free(g->turn_table);
    mn_free(g->angles);
    mn_model_free(g->model);
    mn_guard_unref(g->guard);
    pthread_mutex_destroy(&g->guard_lock);
    pthread_mutex_destroy(&g->turn_lock);
    pthread_cond_destroy(&g->turn_cond);
    mn_free(g);
}

/* ---- taking turns ------------------------------------------------------------------------------------------------ */

void mn_engine__turn(mn_engine *g)
{
    pthread_mutex_lock(&g->turn_lock);
    uint64_t mine = g->turn_next++;
    while (g->turn_now != mine) pthread_cond_wait(&g->turn_cond, &g->turn_lock);
    pthread_mutex_unlock(&g->turn_lock);
}

void mn_engine__turn_over(mn_engine *g)
{
    pthread_mutex_lock(&g->turn_lock);
    g->turn_now++;
    if (g->turn_now != g->turn_next) pthread_cond_broadcast(&g->turn_cond);
    pthread_mutex_unlock(&g->turn_lock);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

const mn_tokenizer *mn_engine_tokenizer(const mn_engine *g)
{
    return g->model->tok;
}

uint32_t mn_engine_vocab(const mn_engine *g)
{
    return g->cfg.V;
}

uint32_t mn_engine_width(const mn_engine *g)
{
    return g->cfg.C;
}

uint32_t mn_engine_context(const mn_engine *g)
{
    return g->context;
}

mn_str mn_engine_chat_template(const mn_engine *g)
{
    return g->model->chat_template;
}

bool mn_engine_is_end(const mn_engine *g, uint32_t id)
{
    if (mn_tok_is_ours(g->model->tok) && id == MN_TOK_END) return true;
    for (size_t i = 0; i < g->model->n_end_ids; i++)
        if (g->model->end_ids[i] == id) return true;
    return false;
}

size_t mn_engine_bytes(const mn_engine *g)
{
    return g->bytes;
}

size_t mn_engine_cache_bytes(mn_engine *g)
{
    return g->way->cache_bytes(g);
}

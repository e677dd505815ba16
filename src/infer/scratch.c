/* The memory that forward passes write on their way: taken once, as large as the model's shape and the forms of its matrices need. */
#include "base/mem.h"
#include "infer/infer_int.h"

enum { SCRATCH_BYTES = 3 << 20 };

static uint32_t widest(const mn_config *c)
{
    uint32_t w = c->C > c->F ? c->C : c->F;
    return w > c->H * c->D ? w : c->H * c->D;
}

/* The bytes of a packed row of the widest input. */
static size_t act_stride(const mn_engine *g, int act)
{
    return mn_act_bytes((mn_act)act, widest(&g->cfg));
}

static unsigned acts_of(const mn_engine *g)
{
    unsigned acts = 1u << g->head.act;
    for (size_t l = 0; l < g->cfg.L; l++) {
        const mn_engine_layer *y = &g->layers[l];
        const mn_packed *const all[] = {&y->wq, &y->wk, &y->wv, &y->wo, &y->wg, &y->wu, &y->wd};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) acts |= 1u << all[i]->act;
    }
    return acts;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Floats of a row that are alive at the same time: x all along; what wo and wd read; and one after the other q, k and v, what wo gives, gate
 * and up, what wd gives. Stages are parted by barriers, so one may write where the one before has been read. */
typedef struct widths {
    size_t x, input, made;
} widths;

static widths widths_of(const mn_config *c)
{
    const size_t HD = (size_t)c->H * c->D, KVD = (size_t)c->KV * c->D;
    return (widths){c->C, larger(HD, c->F),
                    larger(larger(HD + 2 * KVD, 2 * (size_t)c->F), c->C)};
}

static uint32_t rows_at_once(const mn_config *c)
{
    const widths w = widths_of(c);
    size_t n = SCRATCH_BYTES / ((w.x + w.input + w.made) * sizeof(float)) / 32 * 32;
    return n < 32 ? 32 : n > 256 ? 256 : (uint32_t)n;
}

static bool shared_rows(mn_engine *g)
{
    mn_scratch *s = &g->s;
    const mn_config *c = &g->cfg;
    const widths w = widths_of(c);
    const size_t R = s->R, HD = (size_t)c->H * c->D, KVD = (size_t)c->KV * c->D; /* R: of 32 */
    s->all = mn_alloc_aligned(64, R * (w.x + w.input + w.made) * sizeof(float));
    if (!s->all) return false;
    s->x = s->all;
    s->o = s->f = s->x + R * w.x;
    s->q = s->y = s->gu = s->o + R * w.input;
    s->k = s->q + R * HD;
    s->v = s->k + R * KVD;
    for (int a = 0; a < MN_ACTS; a++) {
        if (!(s->forms >> a & 1)) continue;
        s->acts[a] = mn_alloc_aligned(64, R * act_stride(g, a));
        if (!s->acts[a]) return false;
    }
    return true;
}

static size_t in_lines(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

static bool own_rows(mn_engine *g, mn_own *o)
{
    const mn_config *c = &g->cfg;
    size_t acts = 0, normed = in_lines(widest(c) * sizeof(float));
    size_t work =
        in_lines(mn_attend_work(&g->kv.shape, MN_ATTEND_ROWS, c->H / c->KV) * sizeof(float));
    size_t blocks = (g->context / MN_KV_BLOCK + 1) * sizeof(void *);
    for (int a = 0; a < MN_ACTS; a++)
        if (g->s.forms >> a & 1) acts += MN_OWN_ROWS * act_stride(g, a);
    unsigned char *p = o->all = mn_alloc_aligned(64, acts + normed + work + blocks);
    if (!p) return false;
    for (int a = 0; a < MN_ACTS; a++) {
        if (!(g->s.forms >> a & 1)) continue;
        o->acts[a] = p;
        p += MN_OWN_ROWS * act_stride(g, a);
    }
    o->normed = (float *)(void *)p;
    o->work = (float *)(void *)(p + normed);
    o->blocks = (const void **)(void *)(p + normed + work);
    return true;
}

mn_rc mn_forward__scratch(mn_engine *g, mn_err *e)
{
    mn_scratch *s = &g->s;
    size_t R = s->R = rows_at_once(&g->cfg);
    s->forms = acts_of(g);
    bool ok = shared_rows(g);
    s->ids = mn_calloc(4 * R, sizeof *s->ids);
    s->items = mn_calloc(2 * R, sizeof *s->items);
    s->own = mn_calloc((size_t)g->n_threads, sizeof *s->own);
    ok = ok && s->ids && s->items && s->own;
    for (int i = 0; ok && i < g->n_threads; i++) ok = own_rows(g, &s->own[i]);
    if (!ok) return mn_fail(e, MN_E_NOMEM, "out of memory for %zu rows at once", R);
    s->pos = s->ids + R;
    s->slot = s->ids + 2 * R;
    s->out = s->ids + 3 * R;
    s->last_items = s->items + R;
    return MN_OK;
}

void mn_forward__scratch_free(mn_engine *g)
{
    mn_scratch *s = &g->s;
    for (int i = 0; s->own && i < g->n_threads; i++) mn_free(s->own[i].all);
    for (int a = 0; a < MN_ACTS; a++) mn_free(s->acts[a]);
    mn_free(s->own);
    mn_free(s->items);
    mn_free(s->ids);
    mn_free(s->all);
}

/* The forward pass: rows of several sequences through all layers, in one run of the team.
 *
 * A layer is five stages, between which the threads wait for each other:
 *     1  norm, packing | products with wk, wv, wq; keys are turned by their position and stored in the cache with the values
 *     2  attention (queries are turned here)
 *     3  packing | product with wo, added to x
 *     4  norm, packing | products with wg and wu, SwiGLU
 *     5  packing | product with wd, added to x
 * What stands before the bar is a stage of its own when there are many rows; with few, each thread does it for itself, which is
 * cheaper than to meet once more. A part of a product is a range of rows of W, so each value of y is computed by one kernel
 * call from one row of x and one of W, whatever else is in the batch: the same bits always.
 *
 * In the last layer only the rows that something is wanted of go on after stage 1 (of a prompt none, or one); they move up to rows
 * 0..n_out.
 *
 * Threads that come late may walk on when the run is over (team.h): which stages there are and how many parts they have is decided
 * by `job` and what never changes; all else is touched only while a part is held. */
#include <math.h>
#include <string.h>

#include "infer/infer_int.h"

enum {
    PACK_PART = 4,     /* rows of a part of packing */
    ATTEND_EACH = 12,  /* parts of attention for each thread, at most */
    PART_NEAR = 65536, /* bytes of weights worth a part when all weights fit a cache */
    PART_FAR = 12288,  /* and when they come from memory */
    NEAR_BYTES = 24 << 20,
    PARTS_EACH = 4,  /* parts of a stage for each thread, when it has so much work */
    TURN_STEP = 256, /* positions of the table filled at once */
};

/* A run. */
typedef struct job {
    mn_engine *g;
    const mn_piece *pieces;
    float *logits;
    uint32_t n_rows, n_out,
        n_logits;                 /* that go in, that go on in the last layer, with logits */
    uint32_t n_items, n_last;     /* of attention, in the last layer */
    uint32_t groups, last_groups; /* query heads of a key/value head in so many parts */
} job;

/* ---- inputs of products ------------------------------------------------------------------------------------------ */

/* Rows that matrices are multiplied with. */
typedef struct input {
    const float *x;       /* [n][K] */
    const float *norm;    /* [K], NULL: as they are */
    const uint32_t *rows; /* which rows of x, NULL: 0..n-1 */
    uint32_t n, K;
    unsigned acts; /* the forms that are needed, one bit each */
    uint8_t *const *to;
    bool packed;
} input;

static void pack_rows(const mn_engine *g, const input *in, int thread, uint32_t from,
                      uint32_t to)
{
    float *normed = g->s.own[thread].normed, r;
    for (uint32_t t = from; t < to; t++) {
        const float *x = in->x + (size_t)(in->rows ? in->rows[t] : t) * in->K;
        if (in->norm) {
            g->kernels->rmsnorm(normed, &r, x, in->norm, 1, in->K, g->cfg.eps);
            x = normed;
        }
        for (int a = 0; a < MN_ACTS; a++)
            if (in->acts >> a & 1)
                mn_act_pack((mn_act)a, x, in->K,
                            in->to[a] + t * mn_act_bytes((mn_act)a, in->K));
    }
}

/* Many rows are packed in a stage of its own; few by each thread for itself,
 * once it holds a part (need). */
static bool prepare(const job *j, mn_walk *w, input *in)
{
    const mn_scratch *s = &j->g->s;
    if (in->n <= MN_OWN_ROWS) {
        in->to = s->own[mn_walk_thread(w)].acts;
        return true;
    }
    in->to = s->acts;
    size_t n_parts = (in->n + PACK_PART - 1) / PACK_PART;
    for (size_t part; mn_stage_next(w, n_parts, &part);) {
        uint32_t from = (uint32_t)part * PACK_PART;
        pack_rows(j->g, in, mn_walk_thread(w), from,
                  from + PACK_PART < in->n ? from + PACK_PART : in->n);
    }
    in->packed = true;
    return mn_stage_done(w);
}

static void need(const job *j, const mn_walk *w, input *in)
{
    if (!in->packed) pack_rows(j->g, in, mn_walk_thread(w), 0, in->n);
    in->packed = true;
}

/* ---- parts of products ------------------------------------------------------------------------------------------- */

/* In how many parts a stage is cut that reads `bytes` of weights for n_rows: by what is worth a part, so that threads end together. */
static size_t cut_into(const job *j, size_t units, size_t bytes, uint32_t n_rows)
{
    size_t threads = (size_t)j->g->n_threads;
    size_t worth = bytes * (n_rows + 1) / 2 / (j->g->bytes < NEAR_BYTES ? PART_NEAR : PART_FAR);
    size_t n = worth < threads ? worth : worth / threads * threads;
    if (n > threads * PARTS_EACH) n = threads * PARTS_EACH;
    if (n < 1) n = 1;
    return n < units ? n : units;
}

static uint32_t cut_at(size_t groups, size_t n_parts, size_t part, uint32_t N)
{
    size_t at = groups * part / n_parts * MN_PACK_ROWS;
    return at < N ? (uint32_t)at : N;
}

static size_t groups_of(const mn_packed *p)
{
    return (p->N + MN_PACK_ROWS - 1) / MN_PACK_ROWS;
}

static void product(const mn_packed *m, const input *in, uint32_t from, uint32_t to, float *y,
                    size_t stride)
{
    mn_packed_product(m, in->to[m->act], in->n, from, to, y, stride);
}

/* ---- stage 1: keys, values, queries ------------------------------------------------------------------------------ */

/* Keys and values are computed in units of whole heads that are also whole
 * groups of rows of W. */
static uint32_t heads_of_unit(const mn_config *c)
{
    uint32_t h = 1;
    while (h * c->D % MN_PACK_ROWS && h < c->KV) h++;
    return h;
}

static void store_heads(const job *j, size_t l, uint32_t from, uint32_t to, bool keys)
{
    const mn_engine *g = j->g;
    const mn_scratch *s = &g->s;
    const size_t D = g->cfg.D, KVD = g->cfg.KV * D;
    for (uint32_t t = 0; t < j->n_rows; t++)
        for (uint32_t h = from; h < to; h++)
            mn_kv_store(&g->kv.shape, mn_kv__at(&g->kv, s->slot[t], l), s->pos[t] % MN_KV_BLOCK,
                        h, keys ? s->k + t * KVD + h * D : NULL,
                        keys ? NULL : s->v + t * KVD + h * D);
}

static void key_part(const job *j, size_t l, const input *in, uint32_t from, uint32_t to)
{
    const mn_engine *g = j->g;
    const mn_scratch *s = &g->s;
    const uint32_t D = g->cfg.D;
    const size_t KVD = (size_t)g->cfg.KV * D;
    product(&g->layers[l].wk, in, from, to, s->k, KVD);
    g->kernels->rope(s->k + from, KVD, g->turn_table, s->pos, j->n_rows, (to - from) / D, D,
                     false);
    store_heads(j, l, from / D, to / D, true);
}

static void value_part(const job *j, size_t l, const input *in, uint32_t from, uint32_t to)
{
    const mn_engine *g = j->g;
    const uint32_t D = g->cfg.D;
    product(&g->layers[l].wv, in, from, to, g->s.v, (size_t)g->cfg.KV * D);
    store_heads(j, l, from / D, to / D, false);
}

/* The rows of wk, wv and wq are one line, in that order; where a part of it begins: at whole heads among keys and values. */
static uint32_t qkv_cut(const mn_config *c, size_t n_parts, size_t part)
{
    const uint32_t KVD = c->KV * c->D, all = 2 * KVD + c->H * c->D;
    const uint32_t unit = heads_of_unit(c) * c->D;
    uint32_t at = (uint32_t)((uint64_t)all * part / n_parts);
    if (part == n_parts) return all;
    if (at < KVD) return at / unit * unit;
    if (at < 2 * KVD) return KVD + (at - KVD) / unit * unit;
    return 2 * KVD + (at - 2 * KVD) / MN_PACK_ROWS * MN_PACK_ROWS;
}

static void qkv_part(const job *j, size_t l, const input *in, uint32_t from, uint32_t to)
{
    const mn_config *c = &j->g->cfg;
    const uint32_t KVD = c->KV * c->D;
    if (from < KVD) key_part(j, l, in, from, to < KVD ? to : KVD);
    from = from < KVD ? KVD : from;
    if (from < 2 * KVD && from < to)
        value_part(j, l, in, from - KVD, (to < 2 * KVD ? to : 2 * KVD) - KVD);
    from = from < 2 * KVD ? 2 * KVD : from;
    if (from < to)
        product(&j->g->layers[l].wq, in, from - 2 * KVD, to - 2 * KVD, j->g->s.q,
                (size_t)c->H * c->D);
}

static bool stage_qkv(const job *j, mn_walk *w, size_t l)
{
    const mn_engine *g = j->g;
    const mn_engine_layer *y = &g->layers[l];
    const mn_config *c = &g->cfg;
    input in = {.x = g->s.x,
                .norm = y->norm1,
                .n = j->n_rows,
                .K = c->C,
                .acts = 1u << y->wq.act | 1u << y->wk.act | 1u << y->wv.act};
    size_t n_parts = cut_into(j, groups_of(&y->wq) + 2 * groups_of(&y->wk),
                              y->wq.bytes + y->wk.bytes + y->wv.bytes, j->n_rows);
    if (!prepare(j, w, &in)) return false;
    for (size_t part; mn_stage_next(w, n_parts, &part);) {
        uint32_t from = qkv_cut(c, n_parts, part), to = qkv_cut(c, n_parts, part + 1);
        need(j, w, &in);
        if (from < to) qkv_part(j, l, &in, from, to);
    }
    return mn_stage_done(w);
}

/* ---- stage 2: attention ------------------------------------------------------------------------------------------ */

static void attend_part(const job *j, const mn_own *own, size_t l, const mn_attend_item *it,
                        uint32_t kv, uint32_t from, uint32_t to)
{
    const mn_engine *g = j->g;
    const mn_seq *seq = j->pieces[it->piece].seq;
    const size_t D = g->cfg.D, HD = g->cfg.H * D;
    float *q = g->s.q + it->row * HD, *o = g->s.o + it->row * HD;
    uint32_t n_blocks = (it->pos + it->n + MN_KV_BLOCK - 1) / MN_KV_BLOCK;
    for (uint32_t b = 0; b < n_blocks; b++)
        own->blocks[b] = mn_kv__at(&g->kv, seq->blocks[b], l);
    g->kernels->rope(q + from * D, HD, g->turn_table, g->s.pos + it->row, it->n, to - from, D,
                     false);
    mn_attend(&g->kv.shape, q, it->n, HD, from, to, kv, it->pos, own->blocks, o, own->work);
}

static bool stage_attend(const job *j, mn_walk *w, size_t l, bool last)
{
    const mn_engine *g = j->g;
    const uint32_t KV = g->cfg.KV, each = g->cfg.H / KV;
    const uint32_t groups = last ? j->last_groups : j->groups;
    const size_t n = (size_t)(last ? j->n_last : j->n_items) * KV * groups,
                 most = (size_t)g->n_threads * ATTEND_EACH, n_parts = n < most ? n : most;
    for (size_t part; mn_stage_next(w, n_parts, &part);) {
        const mn_attend_item *items = last ? g->s.last_items : g->s.items;
        for (size_t i = n * part / n_parts; i < n * (part + 1) / n_parts; i++) {
            uint32_t kv = (uint32_t)(i / groups % KV), group = (uint32_t)(i % groups);
            attend_part(j, &g->s.own[mn_walk_thread(w)], l, &items[i / groups / KV], kv,
                        kv * each + each * group / groups,
                        kv * each + each * (group + 1) / groups);
        }
    }
    return mn_stage_done(w);
}

/* ---- stages 3 to 5 ----------------------------------------------------------------------------------------------- */

/* x += y, or in the last layer x[i] = x[out[i]] + y[i]: out[i] is never below i, so nothing is overwritten before it is read. */
static void add_columns(const job *j, const uint32_t *rows, uint32_t n, uint32_t from,
                        uint32_t to)
{
    const mn_scratch *s = &j->g->s;
    const size_t C = j->g->cfg.C, width = to - from;
    for (uint32_t t = 0; t < n; t++) {
        float *x = s->x + t * C + from;
        if (rows && rows[t] != t) memcpy(x, s->x + rows[t] * C + from, width * sizeof *x);
        j->g->kernels->add(x, s->y + t * C + from, width);
    }
}

/* A product that is added to x. rows: which rows of the input (and of x) go on,
 * or NULL. */
static bool stage_add(const job *j, mn_walk *w, const mn_packed *m, const float *x,
                      const uint32_t *rows, uint32_t n)
{
    const mn_engine *g = j->g;
    input in = {.x = x, .rows = rows, .n = n, .K = m->K, .acts = 1u << m->act};
    size_t groups = groups_of(m), n_parts = cut_into(j, groups, m->bytes, n);
    if (!prepare(j, w, &in)) return false;
    for (size_t part; mn_stage_next(w, n_parts, &part);) {
        need(j, w, &in);
        uint32_t from = cut_at(groups, n_parts, part, m->N),
                 to = cut_at(groups, n_parts, part + 1, m->N);
        product(m, &in, from, to, g->s.y, g->cfg.C);
        add_columns(j, rows, n, from, to);
    }
    return mn_stage_done(w);
}

/* Gate and up of the same columns lie side by side in gu, so that SwiGLU finds
 * them. */
static void gate_part(const mn_engine *g, const mn_engine_layer *y, const input *in,
                      uint32_t from, uint32_t to)
{
    const mn_scratch *s = &g->s;
    const size_t F = g->cfg.F;
    product(&y->wg, in, from, to, s->gu + from, 2 * F);
    product(&y->wu, in, from, to, s->gu + to, 2 * F);
    for (uint32_t t = 0; t < in->n; t++)
        g->kernels->swiglu(s->f + t * F + from, s->gu + t * 2 * F + 2 * (size_t)from, 1,
                           to - from);
}

static bool stage_gate(const job *j, mn_walk *w, const mn_engine_layer *y, uint32_t n)
{
    const mn_engine *g = j->g;
    input in = {.x = g->s.x,
                .norm = y->norm2,
                .n = n,
                .K = g->cfg.C,
                .acts = 1u << y->wg.act | 1u << y->wu.act};
    size_t groups = groups_of(&y->wg),
           n_parts = cut_into(j, groups, y->wg.bytes + y->wu.bytes, n);
    if (!prepare(j, w, &in)) return false;
    for (size_t part; mn_stage_next(w, n_parts, &part);) {
        need(j, w, &in);
        gate_part(g, y, &in, cut_at(groups, n_parts, part, y->wg.N),
                  cut_at(groups, n_parts, part + 1, y->wg.N));
    }
    return mn_stage_done(w);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static void embed_row(const mn_engine *g, uint32_t id, float *ret)
{
    if (g->model->head.data) mn_view_read_row(&g->model->embed, id, ret);
    else mn_packed_row(&g->head, id, ret);
}

static bool stage_embed(const job *j, mn_walk *w)
{
    const mn_engine *g = j->g;
    size_t n_parts = (j->n_rows + PACK_PART - 1) / PACK_PART;
    for (size_t part; mn_stage_next(w, n_parts, &part);)
        for (size_t t = part * PACK_PART; t < j->n_rows && t < (part + 1) * PACK_PART; t++)
            embed_row(g, g->s.ids[t], g->s.x + t * g->cfg.C);
    return mn_stage_done(w);
}

static bool stage_head(const job *j, mn_walk *w)
{
    const mn_engine *g = j->g;
    const mn_packed *m = &g->head;
    input in = {
        .x = g->s.x, .norm = g->norm, .n = j->n_logits, .K = g->cfg.C, .acts = 1u << m->act};
    size_t groups = groups_of(m), n_parts = cut_into(j, groups, m->bytes, j->n_logits);
    if (!prepare(j, w, &in)) return false;
    for (size_t part; mn_stage_next(w, n_parts, &part);) {
        need(j, w, &in);
        product(m, &in, cut_at(groups, n_parts, part, m->N),
                cut_at(groups, n_parts, part + 1, m->N), j->logits, m->N);
    }
    return mn_stage_done(w);
}

static void walk(void *arg, mn_walk *w)
{
    const job *j = arg;
    const mn_engine *g = j->g;
    if (j->n_rows > MN_OWN_ROWS && !stage_embed(j, w)) return;
    for (size_t l = 0; l < g->cfg.L; l++) {
        const mn_engine_layer *y = &g->layers[l];
        bool last = l + 1 == g->cfg.L;
        uint32_t n = last ? j->n_out : j->n_rows;
        if (!stage_qkv(j, w, l) || n == 0 || !stage_attend(j, w, l, last) ||
            !stage_add(j, w, &y->wo, g->s.o, last ? g->s.out : NULL, n) ||
            !stage_gate(j, w, y, n) || !stage_add(j, w, &y->wd, g->s.f, NULL, n))
            return;
    }
    if (j->n_logits) stage_head(j, w);
}

/* ---- a run ------------------------------------------------------------------------------------------------------- */

uint32_t mn_forward__wanted(const mn_piece *p)
{
    return p->want == MN_WANT_NOTHING ? 0 : p->want == MN_WANT_LAST ? 1 : p->n;
}

size_t mn_forward__rows_out(const mn_piece *p, size_t n)
{
    size_t rows = 0;
    for (size_t i = 0; i < n; i++)
        if (p[i].want != MN_WANT_SUM) rows += mn_forward__wanted(&p[i]);
    return rows;
}

/* Cuts rows [from, n) of a piece into items. */
static uint32_t add_items(mn_attend_item *to, uint32_t piece, const mn_piece *p, uint32_t row,
                          uint32_t from)
{
    uint32_t n = 0;
    for (uint32_t at = from; at < p->n; at += MN_ATTEND_ROWS)
        to[n++] = (mn_attend_item){piece, row + at,
                                   p->n - at < MN_ATTEND_ROWS ? p->n - at : MN_ATTEND_ROWS,
                                   p->seq->len + at};
    return n;
}

/* The position table up to n positions: it is large, and most conversations are short. */
void mn_forward__turn_up_to(mn_engine *g, uint32_t n)
{
    const size_t half = g->cfg.D / 2;
    if (n <= g->n_turned) return;
    n = (n + TURN_STEP - 1) / TURN_STEP * TURN_STEP;
    if (n > g->context) n = g->context;
    for (size_t t = g->n_turned; t < n; t++) {
        float *row = g->turn_table + t * 2 * half;
        for (size_t i = 0; i < half; i++) {
            row[i] = (float)cos((double)t * g->angles[i]);
            row[half + i] = (float)sin((double)t * g->angles[i]);
        }
    }
    g->n_turned = n;
}

static void lay_out(job *j, const mn_piece *p, size_t n)
{
    mn_scratch *s = &j->g->s;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t from = p[i].n - mn_forward__wanted(&p[i]), row = j->n_rows;
        MN_ASSERT(row + p[i].n <= s->R);
        mn_forward__turn_up_to(j->g, p[i].seq->len + p[i].n);
        MN_ASSERT(i == 0 || p[i].want == MN_WANT_SUM || p[i - 1].want != MN_WANT_SUM);
        j->n_items += add_items(s->items + j->n_items, i, &p[i], row, 0);
        j->n_last += add_items(s->last_items + j->n_last, i, &p[i], row, from);
        for (uint32_t t = 0; t < p[i].n; t++) {
            uint32_t pos = p[i].seq->len + t;
            s->ids[row + t] = p[i].ids[t];
            s->pos[row + t] = pos;
            s->slot[row + t] = p[i].seq->blocks[pos / MN_KV_BLOCK];
            if (t >= from) s->out[j->n_out++] = row + t;
        }
        j->n_rows += p[i].n;
    }
}

/* Few parts for the threads there are: query heads that share keys are taken apart. */
static uint32_t split_heads(const mn_engine *g, uint32_t n_items)
{
    size_t parts = (size_t)n_items * g->cfg.KV, threads = (size_t)g->n_threads;
    return parts >= 4 * threads || parts % threads == 0 ? 1 : g->cfg.H / g->cfg.KV;
}

/* Final hidden states, summed row by row; rows 0.. of x are those of the pieces in order. */
static void add_states(const mn_engine *g, const mn_piece *p, size_t n)
{
    const size_t C = g->cfg.C;
    float *normed = g->s.own[0].normed, r;
    for (size_t i = 0, row = 0; i < n; row += mn_forward__wanted(&p[i++]))
        for (uint32_t t = 0; p[i].want == MN_WANT_SUM && t < p[i].n; t++) {
            g->kernels->rmsnorm(normed, &r, g->s.x + (row + t) * C, g->norm, 1, C, g->cfg.eps);
            for (size_t c = 0; c < C; c++) p[i].sum[c] += (double)normed[c];
        }
}

static mn_rc run(mn_engine *g, const mn_piece *p, size_t n, float *logits, mn_err *e)
{
    (void)e;
    job j = {.g = g, .pieces = p, .logits = logits};
    j.n_logits = (uint32_t)mn_forward__rows_out(p, n);
    lay_out(&j, p, n);
    for (uint32_t t = 0; j.n_rows <= MN_OWN_ROWS && t < j.n_rows; t++)
        embed_row(g, g->s.ids[t], g->s.x + (size_t)t * g->cfg.C);
    j.groups = split_heads(g, j.n_items);
    j.last_groups = split_heads(g, j.n_last);
    mn_team_run(g->team, walk, &j, sizeof j);
    add_states(g, p, n);
    return MN_OK;
}

static void copy_block(mn_engine *g, uint32_t to, uint32_t from)
{
    memcpy(mn_kv__at(&g->kv, to, 0), mn_kv__at(&g->kv, from, 0), g->kv.block_bytes);
}

static size_t cache_bytes(mn_engine *g)
{
    return mn_kv__dirty(&g->kv) * g->kv.block_bytes;
}

const mn_way mn_forward__on_cpu = {run, copy_block, cache_bytes, mn_forward__scratch_free};

mn_rc mn_forward__run(mn_engine *g, const mn_piece *p, size_t n, float *logits, mn_err *e)
{
    MN_TRY(g->way->run(g, p, n, logits, e));
    for (size_t i = 0; i < n; i++) p[i].seq->len += p[i].n;
    return MN_OK;
}

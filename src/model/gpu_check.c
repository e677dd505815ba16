/* See gpu_check.h. A check makes its operands, lets the reference and the device compute, and compares what came of it. Device memory of
 * a check is exactly as large as its operands, so that a checker of memory sees what lies beyond. */
#include "model/gpu_check.h"

#include <math.h>
#include <string.h>

#include "model/gpu_check_int.h"
#include "model/muon.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

#define MUON_OFF 2e-3 /* three steps that raise small singular values up to 71-fold */
#define MUON_BF  6e-2 /* ... of factors with 8 bits */

/* ---- products ----------------------------------------------------------------------------------------------------------------- */

static void reference_product(float *y, const float *a, const float *b,
                              const mn_cuda_product *p)
{
    if (p->ta) mn_ref_matmul_tn(y, a, b, p->M, p->N, p->K, p->add);
    else if (p->tb) mn_ref_matmul_nt(y, a, b, p->M, p->N, p->K, p->add);
    else mn_ref_matmul_nn(y, a, b, p->M, p->N, p->K, p->add);
}

static void check_product(mn_gpu_check__run *c, mn_cuda_product p, bool bf16)
{
    static const char *const names[] = {"product nn", "product nt", "product tn"};
    mn_gpu_check__begin(c, "%zux%zux%zu%s%s", p.M, p.N, p.K, p.add ? " add" : "",
                        p.batch ? " batch" : "");
    const size_t n = p.batch ? p.batch : 1, a_n = p.M * p.K, b_n = p.N * p.K, y_n = p.M * p.N;
    float *a = mn_gpu_check__values(c, n * a_n, 1), *b = mn_gpu_check__values(c, n * b_n, 1),
          *y = mn_gpu_check__values(c, n * y_n, 1);
    p.lda = p.ta ? p.M : p.K, p.ldb = p.tb ? p.K : p.N, p.ldc = p.N;
    p.a_stride = a_n, p.b_stride = b_n, p.c_stride = y_n;
    p.a = bf16 ? (mn_cuda_mat){NULL, mn_gpu_check__halve(c, a, n * a_n)}
               : (mn_cuda_mat){mn_gpu_check__f32_on(c, a, n * a_n), NULL};
    p.b = bf16 ? (mn_cuda_mat){NULL, mn_gpu_check__halve(c, b, n * b_n)}
               : (mn_cuda_mat){mn_gpu_check__f32_on(c, b, n * b_n), NULL};
    p.c = mn_gpu_check__f32_on(c, y, n * y_n);
    if (c->failed) return;
    c->api->product(c->d, &p);
    for (size_t i = 0; i < n; i++) reference_product(y + i * y_n, a + i * a_n, b + i * b_n, &p);
    mn_gpu_check__compare(c, names[p.ta ? 2 : p.tb], bf16 ? "bf16" : "f32", p.c, y, n * y_n,
                          MN_GPU_CHECK__F32);
}

static void check_products(mn_gpu_check__run *c)
{
    static const size_t shapes[][3] = {
        {1, 1, 1}, {5, 3, 7}, {33, 40, 24}, {64, 96, 80}, {512, 1536, 576}};
    for (size_t i = 0; i < (c->large ? 5u : 4u); i++) {
        for (int form = 0; form < 3; form++) {
            for (int bf16 = 0; bf16 < 2; bf16++) {
                mn_cuda_product p = {.ta = form == 2,
                                     .tb = form == 1,
                                     .add = (i + (size_t)form) % 2,
                                     .M = shapes[i][0],
                                     .N = shapes[i][1],
                                     .K = shapes[i][2]};
                /* cuBLASLt wants rows of bfloat16 that begin on 4 bytes at least: models' do */
                if (bf16 && (p.M | p.N | p.K) & 7) continue;
                check_product(c, p, bf16);
                p.batch = 3;
                if (i == 3) check_product(c, p, bf16);
            }
        }
    }
}

/* ---- rows ----------------------------------------------------------------------------------------------------------------------- */

static void check_norm(mn_gpu_check__run *c, size_t T, size_t C)
{
    mn_gpu_check__begin(c, "%zux%zu", T, C);
    const size_t n = T * C;
    float *x = mn_gpu_check__values(c, n, 1), *g = mn_gpu_check__values(c, C, 1),
          *dy = mn_gpu_check__values(c, n, 1), *dx = mn_gpu_check__values(c, n, 1),
          *dg = mn_gpu_check__values(c, C, 1);
    float *y = mn_gpu_check__values(c, n, 0), *r = mn_gpu_check__values(c, T, 0);
    const mn_cuda_mat y_on = mn_gpu_check__mat_room(c, n);
    float *x_on = mn_gpu_check__f32_on(c, x, n), *g_on = mn_gpu_check__f32_on(c, g, C),
          *r_on = mn_gpu_check__f32_room(c, T), *dy_on = mn_gpu_check__f32_on(c, dy, n);
    float *dx_on = mn_gpu_check__f32_on(c, dx, n), *dg_on = mn_gpu_check__f32_on(c, dg, C),
          *work = mn_gpu_check__f32_room(c, mn_cuda_norm_work(T, C));
    if (c->failed) return;
    c->api->rmsnorm(c->d, y_on, r_on, x_on, g_on, T, C, 1e-5f);
    c->api->rmsnorm_back(c->d, dx_on, dg_on, dy_on, x_on, g_on, r_on, T, C, work);
    mn_ref_rmsnorm(y, r, x, g, T, C, 1e-5f);
    mn_ref_rmsnorm_back(dx, dg, dy, x, g, r, T, C);
    mn_gpu_check__compare_mat(c, "rmsnorm y", y_on, y, n);
    mn_gpu_check__compare(c, "rmsnorm r", "f32", r_on, r, T, MN_GPU_CHECK__F32);
    mn_gpu_check__compare(c, "rmsnorm_back dx", "f32", dx_on, dx, n, MN_GPU_CHECK__F32);
    mn_gpu_check__compare(c, "rmsnorm_back dg", "f32", dg_on, dg, C, MN_GPU_CHECK__F32);
}

static void check_rope(mn_gpu_check__run *c, size_t T, size_t heads, size_t D)
{
    mn_gpu_check__begin(c, "%zu rows, %zu heads of %zu", T, heads, D);
    const size_t stride = heads * D + D, n = T * stride,
                 n_pos = 2 * T + 3; /* with values between the rows */
    float *x = mn_gpu_check__values(c, n, 1), *turn = mn_gpu_check__values(c, n_pos * D, 0);
    uint32_t *pos = mn_gpu_check__below(c, T, n_pos);
    mn_rope_table(turn, n_pos, D, 10000);
    float *x_on = mn_gpu_check__f32_on(c, x, n),
          *turn_on = mn_gpu_check__f32_on(c, turn, n_pos * D);
    uint32_t *pos_on = mn_gpu_check__on_device(c, pos, T * sizeof *pos);
    if (c->failed) return;
    c->api->rope(c->d, x_on, stride, turn_on, pos_on, T, heads, D, false);
    mn_ref_rope(x, stride, pos, T, heads, D, 10000, false);
    mn_gpu_check__compare(c, "rope", "f32", x_on, x, n, MN_GPU_CHECK__F32);
    c->api->upload(c->d, x_on, x, n * sizeof *x);
    c->api->rope(c->d, x_on, stride, turn_on, pos_on, T, heads, D, true);
    mn_ref_rope(x, stride, pos, T, heads, D, 10000, true);
    mn_gpu_check__compare(c, "rope back", "f32", x_on, x, n, MN_GPU_CHECK__F32);
}

static void check_swiglu(mn_gpu_check__run *c, size_t T, size_t F)
{
    mn_gpu_check__begin(c, "%zux%zu", T, F);
    const size_t n = T * F;
    float *gu = mn_gpu_check__values(c, 2 * n, 2), *dh = mn_gpu_check__values(c, n, 1),
          *h = mn_gpu_check__values(c, n, 0), *dgu = mn_gpu_check__values(c, 2 * n, 0);
    float *gu_on = mn_gpu_check__f32_on(c, gu, 2 * n), *dh_on = mn_gpu_check__f32_on(c, dh, n);
    const mn_cuda_mat h_on = mn_gpu_check__mat_room(c, n), again = mn_gpu_check__mat_room(c, n),
                      dgu_on = mn_gpu_check__mat_room(c, 2 * n);
    if (c->failed) return;
    c->api->swiglu(c->d, h_on, gu_on, T, F);
    c->api->swiglu_back(c->d, dgu_on, again, dh_on, gu_on, T, F);
    mn_ref_swiglu(h, gu, T, F);
    mn_ref_swiglu_back(dgu, dh, gu, T, F);
    mn_gpu_check__compare_mat(c, "swiglu", h_on, h, n);
    mn_gpu_check__compare_mat(c, "swiglu_back h", again, h, n);
    mn_gpu_check__compare_mat(c, "swiglu_back dgu", dgu_on, dgu, 2 * n);
}

static void check_embed(mn_gpu_check__run *c, size_t T, size_t V, size_t C)
{
    mn_gpu_check__begin(c, "%zu of %zux%zu", T, V, C);
    float *E = mn_gpu_check__values(c, V * C, 1), *dE = mn_gpu_check__values(c, V * C, 1),
          *x = mn_gpu_check__values(c, T * C, 0), *dx = mn_gpu_check__values(c, T * C, 1);
    uint32_t *ids = mn_gpu_check__below(c, T, V), *order = mn_gpu_check__below(c, T, 1),
             *first = mn_gpu_check__below(c, T + 1, 1), *count = mn_gpu_check__below(c, V, 1);
    if (c->failed) return;
    mn_cuda_plan plan = {.n_ids = mn_cuda_plan_make(ids, T, V, order, first, count)};
    plan.order = mn_gpu_check__on_device(c, order, T * sizeof *order);
    plan.begin = mn_gpu_check__on_device(c, first, (plan.n_ids + 1) * sizeof *first);
    uint32_t *ids_on = mn_gpu_check__on_device(c, ids, T * sizeof *ids);
    float *E_on = mn_gpu_check__f32_on(c, E, V * C),
          *dE_on = mn_gpu_check__f32_on(c, dE, V * C), *x_on = mn_gpu_check__f32_room(c, T * C),
          *dx_on = mn_gpu_check__f32_on(c, dx, T * C);
    if (c->failed) return;
    c->api->embed(c->d, x_on, E_on, ids_on, T, C);
    c->api->embed_back(c->d, dE_on, dx_on, ids_on, &plan, C);
    mn_ref_embed(x, E, ids, T, C);
    mn_ref_embed_back(dE, dx, ids, T, C);
    mn_gpu_check__compare(c, "embed", "f32", x_on, x, T * C, 0);
    mn_gpu_check__compare(c, "embed_back", "f32", dE_on, dE, V * C, 0);
}

static void check_loss(mn_gpu_check__run *c, size_t T, size_t V)
{
    mn_gpu_check__begin(c, "%zux%zu", T, V);
    float *x = mn_gpu_check__values(c, T * V, 5), *weight = mn_gpu_check__values(c, T, 1),
          *losses = mn_gpu_check__values(c, T, 0);
    uint32_t *target = mn_gpu_check__below(c, T, V);
    for (size_t t = 0; t < T && !c->failed; t++) weight[t] = t % 3 == 1 ? 0 : fabsf(weight[t]);
    float *x_on = mn_gpu_check__f32_on(c, x, T * V),
          *weight_on = mn_gpu_check__f32_on(c, weight, T),
          *losses_on = mn_gpu_check__f32_room(c, T);
    uint32_t *target_on = mn_gpu_check__on_device(c, target, T * sizeof *target);
    uint16_t *half = mn_gpu_check__room(c, T * V * sizeof *half);
    double *sum_on = mn_gpu_check__room(c, sizeof *sum_on), got = 0, want = 0;
    if (c->failed) return;
    c->api->cross_entropy(c->d, (mn_cuda_mat){NULL, NULL}, losses_on, x_on, target_on,
                          weight_on, T, V);
    float *copy = mn_gpu_check__host_bytes(c, T * V * sizeof *copy);
    if (c->failed) return;
    memcpy(copy, x, T * V * sizeof *copy);
    mn_ref_cross_entropy(copy, losses, target, weight, T, V);
    mn_gpu_check__compare(c, "loss alone", "f32", losses_on, losses, T, MN_GPU_CHECK__F32);
    const mn_cuda_mat d_on = {x_on, half}; /* in place */
    c->api->cross_entropy(c->d, d_on, losses_on, x_on, target_on, weight_on, T, V);
    mn_gpu_check__compare(c, "loss", "f32", losses_on, losses, T, MN_GPU_CHECK__F32);
    mn_gpu_check__compare_mat(c, "loss dlogits", d_on, copy, T * V);
    c->api->weigh(c->d, sum_on, losses_on, weight_on, T);
    c->api->download(c->d, &got, sum_on, sizeof got);
    for (size_t t = 0; t < T; t++) want += (double)(weight[t] * losses[t]);
    mn_gpu_check__tell(c, "loss weighed", "f32", fabs(got - want) / (fabs(want) + 1e-30),
                       MN_GPU_CHECK__F32);
}

/* ---- attention ------------------------------------------------------------------------------------------------------------------ */

/* Documents of `about` tokens, so that tiles are whole, cut and empty; 0: each begins with the last row of a tile. */
static uint32_t *documents(mn_gpu_check__run *c, size_t rows, size_t T, size_t about)
{
    uint32_t *first = mn_gpu_check__below(c, rows * T, about ? about : 2);
    for (size_t i = 0; i < rows * T && !c->failed; i++) {
        const size_t t = i % T;
        const bool begins = about ? first[i] == 0 : t % 64 == 63;
        first[i] = t == 0 ? 0 : begins ? (uint32_t)t : first[i - 1];
    }
    return first;
}

static void check_attention(mn_gpu_check__run *c, mn_cuda_rows r, size_t about)
{
    mn_gpu_check__begin(c, "%zux%zu H%zu KV%zu D%zu", r.n_rows, r.T, r.H, r.KV, r.D);
    const size_t N = r.n_rows * r.T, W = (r.H + 2 * r.KV) * r.D, Q = r.H * r.D;
    float *qkv = mn_gpu_check__values(c, N * W, 1.5), *o = mn_gpu_check__values(c, N * Q, 0),
          *lse = mn_gpu_check__values(c, N * r.H, 0), *dO = mn_gpu_check__values(c, N * Q, 1);
    float *dqkv = mn_gpu_check__values(c, N * W, 0), *work = mn_gpu_check__values(c, r.T, 0);
    uint32_t *first = documents(c, r.n_rows, r.T, about);
    r.first = mn_gpu_check__on_device(c, first, N * sizeof *first);
    const mn_cuda_mat o_on = mn_gpu_check__mat_room(c, N * Q);
    float *qkv_on = mn_gpu_check__f32_on(c, qkv, N * W),
          *lse_on = mn_gpu_check__f32_room(c, N * r.H),
          *dO_on = mn_gpu_check__f32_on(c, dO, N * Q);
    float *dqkv_on = mn_gpu_check__f32_room(c, N * W),
          *delta = mn_gpu_check__f32_room(c, N * r.H);
    if (c->failed) return;
    c->api->attention(c->d, o_on, lse_on, qkv_on, &r);
    c->api->attention_back(c->d, dqkv_on, dO_on, o_on.f, lse_on, qkv_on, &r, delta);
    for (size_t i = 0; i < r.n_rows; i++) {
        const size_t t = i * r.T;
        mn_ref_attention(o + t * Q, lse + t * r.H, qkv + t * W, first + t, r.T, r.H, r.KV, r.D,
                         work);
        mn_ref_attention_back(dqkv + t * W, dO + t * Q, o + t * Q, lse + t * r.H, qkv + t * W,
                              first + t, r.T, r.H, r.KV, r.D);
    }
    mn_gpu_check__compare_mat(c, "attention o", o_on, o, N * Q);
    mn_gpu_check__compare(c, "attention lse", "f32", lse_on, lse, N * r.H, MN_GPU_CHECK__F32);
    mn_gpu_check__compare(c, "attention_back", "f32", dqkv_on, dqkv, N * W, MN_GPU_CHECK__F32);
}

/* ---- optimisers ------------------------------------------------------------------------------------------------------------------ */

static void check_squares(mn_gpu_check__run *c, size_t n, size_t batch)
{
    mn_gpu_check__begin(c, "%zu of %zu", batch, n);
    float *x = mn_gpu_check__values(c, batch * (n + 3), 1),
          *scale_on = mn_gpu_check__f32_room(c, 1),
          *x_on = mn_gpu_check__f32_on(c, x, batch * (n + 3)), scale = 0;
    double *got = mn_gpu_check__host_bytes(c, batch * sizeof *got), off = 0, norm = 0;
    double *ret_on = mn_gpu_check__room(c, batch * sizeof *got),
           *work = mn_gpu_check__room(c, batch * mn_cuda_square_parts(n) * sizeof *work);
    if (c->failed) return;
    c->api->sum_squares(c->d, ret_on, x_on, n, batch, n + 3, work);
    c->api->download(c->d, got, ret_on, batch * sizeof *got);
    for (size_t b = 0; b < batch; b++) {
        double want = 0;
        for (size_t i = 0; i < n; i++)
            want += (double)x[b * (n + 3) + i] * (double)x[b * (n + 3) + i];
        off += fabs(got[b] - want) / want;
        if (b == 0) norm = sqrt(want);
    }
    mn_gpu_check__tell(c, "sum_squares", "f32", off, 1e-12);
    c->api->clip(c->d, scale_on, ret_on, norm / 4);
    c->api->download(c->d, &scale, scale_on, sizeof scale);
    mn_gpu_check__tell(c, "clip", "f32", fabs((double)scale * 4 - 1), 1e-6);
}

static void check_adamw(mn_gpu_check__run *c, size_t n, size_t batch, bool cautious)
{
    mn_gpu_check__begin(c, "%zu of %zu%s", batch, n, cautious ? ", cautious" : "");
    const size_t stride = n + 5, all = batch * stride;
    float *p = mn_gpu_check__values(c, all, 0.1), *m = mn_gpu_check__values(c, all, 0.01),
          *v = mn_gpu_check__values(c, all, 0.01), *g = mn_gpu_check__values(c, all, 1);
    float scale = 0.25f;
    for (size_t i = 0; i < all && !c->failed; i++) v[i] *= v[i];
    const mn_adamw how = {.lr = 0.01f,
                          .b1 = 0.9f,
                          .b2 = 0.95f,
                          .eps = 1e-8f,
                          .decay = 0.1f,
                          .fix1 = 0.271f,
                          .fix2 = 0.1426f,
                          .scale = scale,
                          .cautious = cautious};
    mn_cuda_adamw a = {.p = mn_gpu_check__f32_on(c, p, all),
                       .m = mn_gpu_check__f32_on(c, m, all),
                       .v = mn_gpu_check__f32_on(c, v, all),
                       .g = mn_gpu_check__f32_on(c, g, all),
                       .half = mn_gpu_check__halve(c, mn_gpu_check__values(c, all, 0), all),
                       .n = n,
                       .batch = batch,
                       .stride = stride,
                       .how = how,
                       .scale = mn_gpu_check__on_device(c, &scale, sizeof scale)};
    if (c->failed) return;
    c->api->adamw(c->d, &a);
    for (size_t b = 0; b < batch; b++)
        mn_ref_adamw(p + b * stride, m + b * stride, v + b * stride, g + b * stride, n, &how);
    mn_gpu_check__compare(c, "adamw p", "f32", a.p, p, all, MN_GPU_CHECK__F32);
    mn_gpu_check__compare(c, "adamw m", "f32", a.m, m, all, MN_GPU_CHECK__F32);
    mn_gpu_check__compare(c, "adamw v", "f32", a.v, v, all, MN_GPU_CHECK__F32);
    mn_gpu_check__compare_mat(c, "adamw twin", (mn_cuda_mat){a.p, a.half}, p,
                              n); /* of the first stretch */
}

static void check_muon(mn_gpu_check__run *c, size_t rows, size_t cols, size_t batch, bool bf16)
{
    mn_gpu_check__begin(c, "%zu of %zux%zu", batch, rows, cols);
    const size_t n = rows * cols, stride = n + 8, all = batch * stride;
    float *p = mn_gpu_check__values(c, all, 0.02), *m = mn_gpu_check__values(c, all, 0.1),
          *g = mn_gpu_check__values(c, all, 1),
          *before = mn_gpu_check__host_bytes(c, all * sizeof *p);
    float *work = mn_gpu_check__host_bytes(c, mn_muon_work(rows, cols) * sizeof *work),
          scale = 0.5f;
    mn_cuda_muon u = {.p = mn_gpu_check__f32_on(c, p, all),
                      .m = mn_gpu_check__f32_on(c, m, all),
                      .g = mn_gpu_check__f32_on(c, g, all),
                      .half = mn_gpu_check__halve(c, mn_gpu_check__values(c, all, 0), all),
                      .rows = rows,
                      .cols = cols,
                      .batch = batch,
                      .stride = stride,
                      .lr = 0.02f,
                      .momentum = 0.95f,
                      .decay = 0.1f,
                      .cautious = bf16,
                      .bf16 = bf16,
                      .scale = mn_gpu_check__on_device(c, &scale, sizeof scale),
                      .work = mn_gpu_check__room(c, mn_cuda_muon_work(rows, cols, batch))};
    const mn_muon how = {.lr = u.lr,
                         .momentum = u.momentum,
                         .decay = u.decay,
                         .scale = scale,
                         .cautious = u.cautious};
    if (c->failed) return;
    memcpy(before, p, all * sizeof *p);
    c->api->muon(c->d, &u);
    for (size_t b = 0; b < batch; b++)
        mn_muon_step(p + b * stride, m + b * stride, g + b * stride, rows, cols, &how, work);
    /* what was moved, not the weights, whose size would hide it */
    float *got = mn_gpu_check__host_bytes(c, all * sizeof *got);
    if (c->failed) return;
    c->api->download(c->d, got, u.p, all * sizeof *got);
    for (size_t i = 0; i < all; i++) got[i] -= before[i], p[i] -= before[i];
    mn_gpu_check__tell(c, "muon step", bf16 ? "bf16" : "f32",
                       mn_gpu_check__difference(got, p, all), bf16 ? MUON_BF : MUON_OFF);
    mn_gpu_check__compare(c, "muon m", "f32", u.m, m, all, MN_GPU_CHECK__F32);
}

/* ---- all of them --------------------------------------------------------------------------------------------------------------- */

static void check_rows(mn_gpu_check__run *c)
{
    check_norm(c, 1, 1);
    check_norm(c, 9, 33);
    check_norm(c, 70, 300);
    check_rope(c, 1, 1, 2);
    check_rope(c, 7, 3, 10);
    check_swiglu(c, 1, 1);
    check_swiglu(c, 13, 45);
    check_embed(c, 1, 1, 1);
    check_embed(c, 90, 17, 40);
    check_embed(c, 5, 100, 300);
    check_loss(c, 1, 1);
    check_loss(c, 4, 7);
    check_loss(c, 5, 1000);
    if (!c->large) return;
    check_norm(c, 4096, 576);
    check_norm(c, 300, 4096);
    check_rope(c, 2048, 12, 64);
    check_swiglu(c, 2048, 1536);
    check_embed(c, 8192, 8192, 576);
    check_loss(c, 128, 49152);
}

static void check_attentions(mn_gpu_check__run *c)
{
    check_attention(c, (mn_cuda_rows){.n_rows = 1, .T = 1, .H = 1, .KV = 1, .D = 2}, 40);
    check_attention(c, (mn_cuda_rows){.n_rows = 2, .T = 64, .H = 2, .KV = 1, .D = 16}, 1000);
    check_attention(c, (mn_cuda_rows){.n_rows = 1, .T = 65, .H = 3, .KV = 3, .D = 34}, 40);
    check_attention(c, (mn_cuda_rows){.n_rows = 2, .T = 150, .H = 4, .KV = 2, .D = 32}, 40);
    check_attention(c, (mn_cuda_rows){.n_rows = 1, .T = 130, .H = 2, .KV = 1, .D = 64}, 1000);
    check_attention(c, (mn_cuda_rows){.n_rows = 1, .T = 70, .H = 1, .KV = 1, .D = 128}, 50);
    check_attention(c, (mn_cuda_rows){.n_rows = 1, .T = 200, .H = 2, .KV = 2, .D = 8}, 0);
    if (!c->large) return;
    check_attention(c, (mn_cuda_rows){.n_rows = 4, .T = 256, .H = 9, .KV = 3, .D = 64}, 40);
    check_attention(c, (mn_cuda_rows){.n_rows = 1, .T = 1024, .H = 8, .KV = 2, .D = 128}, 2000);
}

static void check_optimisers(mn_gpu_check__run *c)
{
    check_squares(c, 1, 1);
    check_squares(c, 70000, 2);
    check_adamw(c, 1, 1, false);
    check_adamw(c, 1000, 3, true);
    for (int bf16 = 0; bf16 < 2; bf16++) {
        check_muon(c, 16, 40, 1, bf16);
        check_muon(c, 48, 24, 2, bf16);
        check_muon(c, 32, 32, 3, bf16);
        if (c->large) check_muon(c, 1536, 576, 3, bf16);
    }
}

mn_rc mn_gpu_check(const mn_cuda_api *api, mn_cuda *d, bool large,
                   void (*on_result)(void *arg, const mn_gpu_result *r), void *arg,
                   size_t *ret_wrong, mn_err *e)
{
    mn_gpu_check__run c = {
        .api = api, .d = d, .large = large, .on_result = on_result, .arg = arg};
    mn_arena_init(&c.arena, 0);
    mn_gemm_setup();
    check_products(&c);
    check_rows(&c);
    check_attentions(&c);
    check_optimisers(&c);
    mn_gpu_check__inference(&c);
    mn_gpu_check__begin(&c, "end");
    mn_arena_release(&c.arena);
    MN_TRY(mn_cuda_sync(api, d, e));
    if (c.failed) return mn_fail(e, MN_E_NOMEM, "no memory to check the GPU's kernels");
    *ret_wrong = c.wrong;
    return MN_OK;
}

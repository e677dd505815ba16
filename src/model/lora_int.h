/* Inside the pass over a frozen base (lora_pass.h): what its three files share. */
#ifndef MN_MODEL_LORA_INT_H
#define MN_MODEL_LORA_INT_H

#include "model/lora_pass.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

#define MN_LORA_PIECE  512u /* rows of the head that are floats at once */
#define MN_LORA_ROWS   32u  /* of the head that are multiplied at least */
#define MN_LORA_GROUPS 16u  /* parts that the head is split into, whatever the threads */

typedef struct
    mn_lora__mat { /* an operand: float32, or in bf16 runs its twin; either may be absent */
    float *f;
    uint16_t *h;
} mn_lora__mat;

typedef struct mn_lora__saved { /* one layer's activations of one sequence */
    float *x, *qkv, *lse, *att, *mid, *gu;
} mn_lora__saved;

/* One layer of the base, brought into operands, in the order of mn_layer. */
typedef struct mn_lora__frozen {
    mn_lora__mat all, wqkv, wo, wgu, wd;
    uint32_t layer; /* that lies in it; UINT32_MAX: none */
} mn_lora__frozen;

typedef struct mn_lora__own { /* one thread's scratch */
    mn_lora__mat n, h, dgu, dqkv, dmid, dout, t, u;
    mn_lora__mat piece; /* of the head: [MN_LORA_PIECE][C] */
    mn_lora__saved again;
    float *d, *r, *row, *junk, *attention, *gemm;
} mn_lora__own;

struct mn_lora_pass {
    const mn_model *m;
    const mn_lora *a;
    mn_pool *pool;
    const mn_kernels *k;
    mn_config c;
    mn_lora_pass_opts o;
    size_t rows, T, Q, W, n_threads;
    bool bf16;
    void *memory;
    float *turn, *norms;  /* norms: [2 L + 1][C] */
    mn_lora__mat adapter; /* f: a->all itself */
    mn_lora__frozen frozen[2];
    mn_lora__saved *
        layer; /* [L], of all sequences; without backward one x for all, else NULL where it is made again */
    float *last, *dx;  /* [rows T][C] */
    float *grads[2];   /* [rows][n_layer] */
    mn_lora__own *own; /* [n_threads] */

    /* the head: over the rows that count, gathered */
    size_t head_rows, n_scored, n_groups;
    uint32_t *scored, *target; /* which row of the batch; what it should predict */
    float *weight, *loss;
    mn_lora__mat nf, dlogits; /* [rows T][C]; [head_rows][V] */
    float *dnf;               /* [n_groups][head_rows][C] */

    /* the run at hand */
    const mn_batch *b;
    float *dall;
    uint32_t l;
    size_t head_from, head_n;
};

static inline mn_lora__mat mn_lora__at(mn_lora__mat m, size_t i)
{
    return (mn_lora__mat){m.f ? m.f + i : NULL, m.h ? m.h + i : NULL};
}
/* m holds n values in f: gives it its twin. */
static inline mn_lora__mat mn_lora__ready(const mn_lora_pass *p, mn_lora__mat m, size_t n)
{
    if (p->bf16) p->k->to_bf16(m.h, m.f, n);
    return m;
}
/* c [M][N] (+)= a b; as mn_gemm, in the pass's precision. */
static inline void mn_lora__product(const mn_lora_pass *p, int thread, bool ta, bool tb,
                                    size_t M, size_t N, size_t K, mn_lora__mat a, size_t lda,
                                    mn_lora__mat b, size_t ldb, bool add, float *c, size_t ldc)
{
    if (p->bf16) mn_gemm_bf16(ta, tb, M, N, K, a.h, lda, b.h, ldb, add, c, ldc);
    else mn_gemm(ta, tb, M, N, K, a.f, lda, b.f, ldb, add, c, ldc, p->own[thread].gemm);
}

/* Rows [from, to) of a view as operands at `to_mat`; row: a row of floats. */
void mn_lora__bring(const mn_lora_pass *p, const mn_tensor_view *v, uint32_t from, uint32_t to,
                    mn_lora__mat to_mat, float *row);
/* One sequence through layer l: in place of its x when nothing is kept, else into `out` [T][C]. */
void mn_lora__layer_forward(mn_lora_pass *p, uint32_t l, size_t row, float *out, int thread);
/* p->dx of one sequence from the layer's output to its input; the adapter's gradients into the sequence's place in p->grads. */
void mn_lora__layer_backward(mn_lora_pass *p, uint32_t l, size_t row, int thread);
/* The head over the rows that count: losses, and with dall their gradient at p->dx (zeros elsewhere). */
void mn_lora__head(mn_lora_pass *p, float *losses);
void mn_lora__logits(mn_lora_pass *p, size_t at, float *ret);
/* The rows that count after the last norm into ret; and from their gradient to p->dx (zeros elsewhere). */
void mn_lora__states(mn_lora_pass *p, float *ret);
void mn_lora__states_back(mn_lora_pass *p, const float *d);

#endif

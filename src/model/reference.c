/* The reference model in float32; its idea and its text are in reference_body.inc. */
#include "model/reference.h"

#include <stdbool.h>

#include "tensor/ref.h"

#define MN_REAL float
#define MN_K(f) mn_ref_##f
#define MN_M(f) f32_##f
#include "model/reference_body.inc"

size_t mn_ref_model_work(const mn_config *c, size_t T)
{
    size_t C = c->C, F = c->F, Q = (size_t)c->H * c->D, W = Q + 2 * (size_t)c->KV * c->D;
    size_t layer = 2 + 4 * C + W + c->H + Q + 3 * F;
    size_t gradients = 1 + 2 * C + W + Q + 3 * F;
    return T * (gradients + C + c->L * layer + 1 + C + c->V);
}

void mn_ref_model(const mn_weights *w, float *dall, const mn_rows *rows, float *losses,
                  float *logits, float *work)
{
    f32_model(w, w->all, dall, rows, rows->weight, losses, logits, work);
}

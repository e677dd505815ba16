/* module: model
 * Bytes as a GGUF file: whatever they are, nothing crashes; what is accepted lies inside them, can be read in every format, and as a
 * model its rows are there. */
#include <stdlib.h>

#include "base/hash.h"
#include "model/gguf.h"
#include "model/open_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
    if (!good) abort();
}

static void use_values(const mn_gguf *g, mn_arena *a)
{
    mn_err e = {0};
    mn_str *s;
    for (size_t i = 0; i < g->n_values; i++) {
        const mn_gguf_value *v = &g->values[i];
        (void)mn_gguf_f64(v, 0);
        if (mn_gguf_strings(v, a, &s, &e) != MN_OK) continue;
        for (uint64_t k = 0; k < v->n; k++) (void)mn_hash64(s[k].ptr, s[k].len, 0);
    }
}

static void use_tensors(const mn_gguf *g, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < g->n_tensors; i++) {
        const mn_gguf_tensor *t = &g->tensors[i];
        float y[256];
        check(t->data >= data && t->bytes <= (uint64_t)(data + size - t->data));
        check(t->bytes >= t->format->bytes);
        mn_dequant(t->format->type, t->data + t->bytes - t->format->bytes, y, t->format->block);
    }
}

static void use_model(const mn_model *m)
{
    const mn_config *c = &m->cfg;
    mn_err e = {0};
    float *row = mn_alloc(sizeof(float) * (c->C + c->F + c->H * c->D));
    double *angle = mn_alloc(sizeof *angle * c->D);
    check(mn_config_check(c, &e) == MN_OK && row && angle);
    mn_view_read_row(&m->embed, c->V - 1, row);
    mn_view_read_row(&m->layers[c->L - 1].wq, c->H * c->D - 1, row);
    mn_view_read_row(&m->layers[0].wd, c->C - 1, row);
    mn_view_read_row(&m->norm, 0, row);
    mn_model_rope(m, angle);
    check(mn_qformat_of(mn_model_format(m)) != NULL);
    mn_free(row);
    mn_free(angle);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_err e = {0};
    mn_arena a;
    mn_gguf g;
    mn_model *m;
    mn_arena_init(&a, 64u << 20);
    if (mn_gguf_parse(data, size, &a, &g, &e) == MN_OK) {
        use_values(&g, &a);
        use_tensors(&g, data, size);
    } else {
        check(e.msg[0] != 0);
    }
    mn_arena_release(&a);
    if (mn_model__new(&m, &e) != MN_OK) return 0;
    if (mn_model__read_gguf(m, data, size, &e) == MN_OK) use_model(m);
    mn_model_free(m);
    return 0;
}

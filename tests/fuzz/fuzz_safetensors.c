/* module: model
 * Bytes as a safetensors file and as a config.json: neither may crash, and what is accepted must hold what it promises. */
#include <stdlib.h>

#include "model/config.h"
#include "model/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_err e = {0};
    mn_arena a;
    mn_st st;
    mn_config c;
    mn_arena_init(&a, 64u << 20);
    if (mn_st_parse(data, size, &a, &st, &e) == MN_OK) {
        for (size_t i = 0; i < st.n; i++) {
            const mn_st_tensor *t = &st.items[i];
            if (t->data < data || t->data + (t->to - t->from) > data + size) abort();
            float *p = mn_alloc((size_t)t->n * sizeof *p);
            if (p) mn_st_read(t, p);
            mn_free(p);
        }
    }
    if (mn_config_parse((mn_str){(const char *)data, size}, &c, &e) == MN_OK) {
        mn_buf b;
        mn_buf_init(&b, 0);
        if (mn_config_check(&c, &e) != MN_OK || mn_config_params(&c) == 0) abort();
        if (mn_config_write(&c, &b) != MN_OK ||
            mn_config_parse(mn_buf_str(&b), &c, &e) != MN_OK)
            abort();
        mn_buf_release(&b);
    }
    mn_arena_release(&a);
    return 0;
}

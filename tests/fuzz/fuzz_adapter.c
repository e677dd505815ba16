/* module: model
 * Bytes as an adapter's configuration and as its tensors: neither may crash, and what is accepted must fit its base. */
#include <math.h>
#include <stdlib.h>

#include "model/adapter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const mn_config shape = {.V = 16,
                                .C = 4,
                                .L = 1,
                                .H = 1,
                                .KV = 1,
                                .D = 4,
                                .F = 4,
                                .T = 8,
                                .rope_theta = 10,
                                .eps = 1};

static void parse_config(const uint8_t *data, size_t size)
{
    mn_err e = {0};
    mn_arena a;
    mn_lora lora = {0};
    mn_str base;
    mn_arena_init(&a, 64u << 20);
    if (mn_adapter_parse_config((mn_str){(const char *)data, size}, &shape, &a, &lora, &base,
                                &e) == MN_OK) {
        if (!lora.rank || lora.rank > MN_LORA_RANK_MAX || !lora.targets || !lora.all ||
            !(lora.alpha > 0) || !base.ptr)
            abort();
        mn_lora_release(&lora);
    }
    mn_arena_release(&a);
}

static void parse_tensors(const uint8_t *data, size_t size)
{
    mn_err e = {0};
    mn_lora lora;
    if (mn_lora_new(&shape, 1, 1, false, 1u << MN_LORA_Q, &lora, &e) != MN_OK) abort();
    if (mn_adapter_parse_tensors(data, size, &lora, &e) == MN_OK)
        for (uint64_t i = 0; i < lora.n_all; i++)
            if (!isfinite(lora.all[i])) abort();
    mn_lora_release(&lora);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    parse_config(data, size);
    parse_tensors(data, size);
    return 0;
}

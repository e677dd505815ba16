#include "model/tensors.h"

#include <stdio.h>

#define PER_LAYER 9u

typedef enum side { SIDE_NONE, SIDE_C, SIDE_Q, SIDE_KV, SIDE_F, SIDE_V } side;

static const struct {
    const char *name, *gguf;
    side rows, cols;
    bool alternate, residual;
} parts[] = {
    [MN_PART_EMBED] = {"model.embed_tokens", "token_embd", SIDE_V, SIDE_C, false, false},
    [MN_PART_NORM1] = {"input_layernorm", "attn_norm", SIDE_C, SIDE_NONE, false, false},
    [MN_PART_WQ] = {"self_attn.q_proj", "attn_q", SIDE_Q, SIDE_C, true, false},
    [MN_PART_WK] = {"self_attn.k_proj", "attn_k", SIDE_KV, SIDE_C, true, false},
    [MN_PART_WV] = {"self_attn.v_proj", "attn_v", SIDE_KV, SIDE_C, false, false},
    [MN_PART_WO] = {"self_attn.o_proj", "attn_output", SIDE_C, SIDE_Q, false, true},
    [MN_PART_NORM2] = {"post_attention_layernorm", "ffn_norm", SIDE_C, SIDE_NONE, false, false},
    [MN_PART_WG] = {"mlp.gate_proj", "ffn_gate", SIDE_F, SIDE_C, false, false},
    [MN_PART_WU] = {"mlp.up_proj", "ffn_up", SIDE_F, SIDE_C, false, false},
    [MN_PART_WD] = {"mlp.down_proj", "ffn_down", SIDE_C, SIDE_F, false, true},
    [MN_PART_NORM] = {"model.norm", "output_norm", SIDE_C, SIDE_NONE, false, false},
    [MN_PART_HEAD] = {"lm_head", "output", SIDE_V, SIDE_C, false, false},
};

static uint32_t side_of(const mn_config *c, side s)
{
    switch (s) {
    case SIDE_C:
        return c->C;
    case SIDE_Q:
        return c->H * c->D;
    case SIDE_KV:
        return c->KV * c->D;
    case SIDE_F:
        return c->F;
    case SIDE_V:
        return c->V;
    case SIDE_NONE:
        break;
    }
    return 0;
}

uint64_t mn_tensor_count(const mn_config *c)
{
    return (uint64_t)c->L * PER_LAYER + (c->tied ? 2 : 3);
}

bool mn_tensor_at(const mn_config *c, uint64_t i, mn_tensor *ret)
{
    uint64_t inner = (uint64_t)c->L * PER_LAYER;
    bool layered = i >= 1 && i <= inner;
    if (i >= mn_tensor_count(c)) return false;
    mn_tensor t = {.part = MN_PART_EMBED};
    if (layered) {
        t.part = (mn_part)(MN_PART_NORM1 + (i - 1) % PER_LAYER);
        t.layer = (uint32_t)((i - 1) / PER_LAYER);
        snprintf(t.name, sizeof t.name, "model.layers.%u.%s.weight", t.layer,
                 parts[t.part].name);
        snprintf(t.gguf, sizeof t.gguf, "blk.%u.%s.weight", t.layer, parts[t.part].gguf);
    } else {
        if (i > inner) t.part = i == inner + 1 ? MN_PART_NORM : MN_PART_HEAD;
        snprintf(t.name, sizeof t.name, "%s.weight", parts[t.part].name);
        snprintf(t.gguf, sizeof t.gguf, "%s.weight", parts[t.part].gguf);
    }
    t.rows = side_of(c, parts[t.part].rows);
    t.cols = side_of(c, parts[t.part].cols);
    t.alternate = parts[t.part].alternate ? c->D : 0;
    t.residual = parts[t.part].residual;
    *ret = t;
    return true;
}

/* A model as a GGUF file, the way llama.cpp's conversion and llama-quantize write one. */
#include <stdio.h>
#include <string.h>

#include "model/export.h"
#include "model/gguf.h"
#include "model/open_int.h"
#include "model/rows.h"

typedef struct job {
    const mn_model *m;
    mn_gguf_writer *w;
    mn_pool *pool;
    mn_arena arena;
    float *stretch; /* rope_freqs.weight, or NULL */
} job;

/* One tensor's bytes; what mn_gguf_put_tensor's fill gets. */
typedef struct source {
    const job *j;
    const mn_tensor_view *v;
    const mn_qformat *to;
    uint32_t alternate;
} source;

static mn_rc fill_rows(void *arg, mn_rc (*out)(void *to, const void *p, size_t n), void *to,
                       mn_err *e)
{
    const source *s = arg;
    return mn_rows_write(s->v, s->to->type, s->alternate, s->j->pool, out, to, e);
}

static mn_rc fill_stretch(void *arg, mn_rc (*out)(void *to, const void *p, size_t n), void *to,
                          mn_err *e)
{
    const job *j = arg;
    uint8_t bytes[256 * 4];
    (void)e;
    mn_quant(MN_Q_F32, j->stretch, bytes, j->m->cfg.D / 2);
    return out(to, bytes, (size_t)j->m->cfg.D / 2 * 4);
}

/* ---- formats ------------------------------------------------------------------------------------------------------- */

/* What llama.cpp takes where a format's block does not divide the row. */
static mn_qtype fallback(mn_qtype type, uint32_t cols)
{
    if (cols % mn_qformat_of(type)->block == 0) return type;
    switch (type) {
    case MN_Q_Q4_K:
        return fallback(MN_Q_Q5_0, cols);
    case MN_Q_Q5_K:
        return fallback(MN_Q_Q5_1, cols);
    case MN_Q_Q6_K:
        return fallback(MN_Q_Q8_0, cols);
    case MN_Q_F32:
    case MN_Q_F16:
    case MN_Q_BF16:
    case MN_Q_Q8_0:
    case MN_Q_Q4_0:
    case MN_Q_Q4_1:
    case MN_Q_Q5_0:
    case MN_Q_Q5_1:
        break;
    }
    return MN_Q_F16;
}

/* The matrix that logits come from. */
static bool is_head(const mn_model *m, const mn_tensor *t)
{
    return t->part == MN_PART_HEAD || (t->part == MN_PART_EMBED && m->cfg.tied);
}

static mn_qtype format_for(const mn_model *m, const mn_tensor *t, const mn_tensor_view *v,
                           uint32_t type)
{
    bool pure = type != MN_QUANT_KEEP && (type & MN_QUANT_PURE);
    if (!t->cols) return MN_Q_F32;
    if (type == MN_QUANT_KEEP) return v->type;
    mn_qtype to = (mn_qtype)(type & ~MN_QUANT_PURE);
    const mn_qformat *f = mn_qformat_of(to);
    if (!pure && is_head(m, t) && f->block > 1 && to != MN_Q_Q8_0) to = MN_Q_Q6_K;
    return fallback(to, t->cols);
}

/* The number that general.file_type has for a file that is mostly in this format. */
static uint32_t file_type(mn_qtype type)
{
    switch (type) {
    case MN_Q_F32:
        return 0;
    case MN_Q_F16:
        return 1;
    case MN_Q_Q4_0:
        return 2;
    case MN_Q_Q4_1:
        return 3;
    case MN_Q_Q8_0:
        return 7;
    case MN_Q_Q5_0:
        return 8;
    case MN_Q_Q5_1:
        return 9;
    case MN_Q_Q4_K:
        return 14;
    case MN_Q_Q5_K:
        return 16;
    case MN_Q_Q6_K:
        return 18;
    case MN_Q_BF16:
        break;
    }
    return 32;
}

/* ---- keys ---------------------------------------------------------------------------------------------------------- */

static void put_text(job *j, const char *key, mn_str v)
{
    if (v.len) mn_gguf_put_str(j->w, key, v);
}

static void put_general(job *j, uint32_t type)
{
    const mn_model *m = j->m;
    mn_qtype most =
        type == MN_QUANT_KEEP ? m->layers[0].wq.type : (mn_qtype)(type & ~MN_QUANT_PURE);
    put_text(j, "general.architecture", MN_STR("llama"));
    put_text(j, "general.type", MN_STR("model"));
    put_text(j, "general.name", m->name);
    put_text(j, "general.license", m->licence);
    put_text(j, "general.author", m->author);
    put_text(j, "general.source.url", m->origin);
    mn_gguf_put_u32(j->w, "general.file_type", file_type(most));
    if (mn_qformat_of(most)->block > 1)
        mn_gguf_put_u32(j->w, "general.quantization_version", 2);
}

static void put_shape(job *j)
{
    const mn_config *c = &j->m->cfg;
    mn_gguf_put_u32(j->w, "llama.vocab_size", c->V);
    mn_gguf_put_u32(j->w, "llama.block_count", c->L);
    mn_gguf_put_u32(j->w, "llama.context_length", c->T);
    mn_gguf_put_u32(j->w, "llama.embedding_length", c->C);
    mn_gguf_put_u32(j->w, "llama.feed_forward_length", c->F);
    mn_gguf_put_u32(j->w, "llama.attention.head_count", c->H);
    mn_gguf_put_u32(j->w, "llama.attention.head_count_kv", c->KV);
    mn_gguf_put_u32(j->w, "llama.attention.key_length", c->D);
    mn_gguf_put_u32(j->w, "llama.attention.value_length", c->D);
    mn_gguf_put_u32(j->w, "llama.rope.dimension_count", c->D);
    mn_gguf_put_f32(j->w, "llama.rope.freq_base", c->rope_theta);
    mn_gguf_put_f32(j->w, "llama.attention.layer_norm_rms_epsilon", c->eps);
}

static void put_id(job *j, const char *key, uint32_t id)
{
    if (id != UINT32_MAX) mn_gguf_put_u32(j->w, key, id);
}

/* The model may know more tokens than the tokenizer: readers want a name for each. */
static mn_rc pad_tokens(job *j, mn_tok_parts *p, mn_err *e)
{
    uint32_t V = j->m->cfg.V;
    mn_str *tokens = mn_arena_alloc(&j->arena, V * sizeof *tokens);
    int32_t *types = mn_arena_alloc(&j->arena, V * sizeof *types);
    float *scores = mn_arena_alloc(&j->arena, V * sizeof *scores);
    if (!tokens || !types || !scores) return mn_fail(e, MN_E_NOMEM, "no memory for the tokens");
    for (uint32_t i = 0; i < V; i++) {
        bool known = i < p->n;
        tokens[i] = known ? p->tokens[i] : mn_str_fmt(&j->arena, "[PAD%u]", i);
        types[i] = !known ? 5 : p->types ? p->types[i] : 1;
        scores[i] = known && p->scores ? p->scores[i] : -1000;
        if (!tokens[i].ptr) return mn_fail(e, MN_E_NOMEM, "no memory for the tokens");
    }
    p->tokens = tokens;
    p->types = types;
    if (p->scores) p->scores = scores;
    p->n = V;
    return MN_OK;
}

/* Ends of a turn beside the one of the text: llama.cpp knows one more by name. */
static void put_end_of_turn(job *j, uint32_t eos)
{
    for (size_t i = 0; i < j->m->n_end_ids; i++) {
        if (j->m->end_ids[i] == eos) continue;
        mn_gguf_put_u32(j->w, "tokenizer.ggml.eot_token_id", j->m->end_ids[i]);
        return;
    }
}

static mn_rc put_tokenizer(job *j, mn_err *e)
{
    mn_tok_parts p = {0};
    MN_TRY(mn_tok_to_parts(j->m->tok, &j->arena, &p, e));
    MN_TRY(pad_tokens(j, &p, e));
    put_text(j, "tokenizer.ggml.model", p.model);
    put_text(j, "tokenizer.ggml.pre", p.pre);
    mn_gguf_put_strs(j->w, "tokenizer.ggml.tokens", p.tokens, p.n);
    if (p.scores) mn_gguf_put_f32s(j->w, "tokenizer.ggml.scores", p.scores, p.n);
    mn_gguf_put_i32s(j->w, "tokenizer.ggml.token_type", p.types, p.n);
    if (p.n_merges) mn_gguf_put_strs(j->w, "tokenizer.ggml.merges", p.merges, p.n_merges);
    uint32_t eos = j->m->n_end_ids ? j->m->end_ids[0] : p.eos;
    put_id(j, "tokenizer.ggml.bos_token_id", p.bos);
    put_id(j, "tokenizer.ggml.eos_token_id", eos);
    put_end_of_turn(j, eos);
    put_id(j, "tokenizer.ggml.unknown_token_id", p.unk);
    put_id(j, "tokenizer.ggml.padding_token_id", p.pad);
    mn_gguf_put_bool(j->w, "tokenizer.ggml.add_bos_token", p.add_bos);
    mn_gguf_put_bool(j->w, "tokenizer.ggml.add_eos_token", p.add_eos);
    mn_gguf_put_bool(j->w, "tokenizer.ggml.add_space_prefix", p.add_space_prefix);
    put_text(j, "tokenizer.chat_template", j->m->chat_template);
    return MN_OK;
}

/* ---- tensors -------------------------------------------------------------------------------------------------------- */

static mn_rc put_stretch(job *j, mn_err *e)
{
    double angle[256], plain[256];
    mn_config c = j->m->cfg;
    uint64_t n = c.D / 2;
    if (c.rope_factor == 0 && !j->m->map->stretch) return MN_OK;
    j->stretch = mn_arena_alloc(&j->arena, n * sizeof *j->stretch);
    if (!j->stretch) return mn_fail(e, MN_E_NOMEM, "no memory to write a GGUF file");
    mn_model_rope(j->m, angle);
    c.rope_factor = 0;
    mn_config_rope(&c, plain);
    for (size_t i = 0; i < n; i++) j->stretch[i] = (float)(plain[i] / angle[i]);
    mn_gguf_put_tensor(j->w, "rope_freqs.weight", mn_qformat_of(MN_Q_F32), 1, &n, fill_stretch,
                       j);
    return MN_OK;
}

static mn_rc put_tensors(job *j, uint32_t type, mn_err *e)
{
    mn_tensor t;
    mn_model *m =
        (mn_model *)(uintptr_t)j->m; /* mn_model__view gives places, none is written here */
    MN_TRY(put_stretch(j, e));
    for (uint64_t i = 0; mn_tensor_at(&m->cfg, i, &t); i++) {
        source *s = mn_arena_alloc(&j->arena, sizeof *s);
        if (!s) return mn_fail(e, MN_E_NOMEM, "no memory to write a GGUF file");
        const mn_tensor_view *v = mn_model__view(m, &t);
        *s = (source){j, v, mn_qformat_of(format_for(m, &t, v, type)), t.alternate};
        uint64_t shape[2] = {t.cols ? t.cols : t.rows, t.rows};
        mn_gguf_put_tensor(j->w, t.gguf, s->to, t.cols ? 2 : 1, shape, fill_rows, s);
    }
    return MN_OK;
}

mn_rc mn_model_export_gguf(const mn_model *m, const char *path, uint32_t type, mn_err *e)
{
    job j = {.m = m};
    if (type != MN_QUANT_KEEP && !mn_qformat_of(type & ~MN_QUANT_PURE))
        return mn_fail(e, MN_E_USAGE, "there is no format %u", type);
    mn_arena_init(&j.arena, 0);
    mn_rc rc = mn_gguf_writer_new(&j.w, e);
    if (rc == MN_OK) rc = mn_pool_new(0, &j.pool, e);
    if (rc == MN_OK) {
        put_general(&j, type);
        put_shape(&j);
        rc = put_tokenizer(&j, e);
    }
    if (rc == MN_OK) rc = put_tensors(&j, type, e);
    if (rc == MN_OK) rc = mn_gguf_write(j.w, path, e);
    mn_gguf_writer_free(j.w);
    mn_pool_free(j.pool);
    mn_arena_release(&j.arena);
    return rc;
}

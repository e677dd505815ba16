/* A GGUF file as a model: its keys as a configuration, its tensors as views, its tokenizer's parts.
 *
 * Sources: ggml's docs/gguf.md for the keys; llama.cpp's conversion for the order of the rows of q and k and for rope_freqs.weight
 * (what Llama 3's stretching divides each pair's angle by). What would compute something else is refused by name. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/gguf.h"
#include "model/open_int.h"

#define NONE UINT32_MAX

static const mn_gguf_value *key(const mn_gguf *g, const char *name)
{
    return mn_gguf_find(g, name);
}

static mn_rc need_u32(const mn_gguf *g, const char *name, uint64_t fallback, uint32_t *ret,
                      mn_err *e)
{
    const mn_gguf_value *v = key(g, name);
    uint64_t n = v ? mn_gguf_u64(v, UINT64_MAX) : fallback;
    if (!v && n == UINT64_MAX)
        return mn_fail(e, MN_E_PARSE, "the GGUF file has no key '%s'", name);
    if (n > UINT32_MAX)
        return mn_fail(e, v->kind == MN_GGUF_ARRAY ? MN_E_UNSUPPORTED : MN_E_PARSE,
                       v->kind == MN_GGUF_ARRAY
                           ? "GGUF key '%s' differs from layer to layer, which is not read"
                           : "GGUF key '%s' is not a whole number in range",
                       name);
    *ret = (uint32_t)n;
    return MN_OK;
}

/* ---- configuration ------------------------------------------------------------------------------------------------ */

static mn_rc check_kind(const mn_gguf *g, mn_err *e)
{
    mn_str arch = mn_gguf_str(key(g, "general.architecture"));
    mn_str type = mn_gguf_str(key(g, "general.type"));
    if (!mn_str_eqz(arch, "llama"))
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "the GGUF file is of architecture '%.*s': only 'llama' is read",
                       MN_STR_FMT(arch));
    if (type.ptr && !mn_str_eqz(type, "model"))
        return mn_fail(e, MN_E_UNSUPPORTED, "the GGUF file is of type '%.*s', not a model",
                       MN_STR_FMT(type));
    if (mn_gguf_u64(key(g, "llama.expert_count"), 0) > 0)
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "the GGUF file is a mixture of experts, which is not read");
    return MN_OK;
}

static mn_rc check_rope(const mn_gguf *g, const mn_config *c, mn_err *e)
{
    uint32_t turned;
    mn_str type = mn_gguf_str(key(g, "llama.rope.scaling.type"));
    MN_TRY(need_u32(g, "llama.rope.dimension_count", c->D, &turned, e));
    if (turned != c->D)
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "the GGUF file turns %u of %u values of a head, which is not read",
                       turned, c->D);
    if (type.ptr && !mn_str_eqz(type, "none"))
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "the GGUF file stretches positions by '%.*s', which is not read",
                       MN_STR_FMT(type));
    if (mn_gguf_f64(key(g, "llama.rope.scale_linear"), 1) != 1 ||
        mn_gguf_f64(key(g, "llama.rope.scaling.factor"), 1) != 1)
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "the GGUF file stretches positions evenly, which is not read");
    return MN_OK;
}

static mn_rc read_config(const mn_gguf *g, mn_config *c, mn_err *e)
{
    const uint64_t needed = UINT64_MAX;
    uint32_t value;
    MN_TRY(check_kind(g, e));
    MN_TRY(need_u32(g, "llama.embedding_length", needed, &c->C, e));
    MN_TRY(need_u32(g, "llama.block_count", needed, &c->L, e));
    MN_TRY(need_u32(g, "llama.context_length", needed, &c->T, e));
    MN_TRY(need_u32(g, "llama.feed_forward_length", needed, &c->F, e));
    MN_TRY(need_u32(g, "llama.attention.head_count", needed, &c->H, e));
    MN_TRY(need_u32(g, "llama.attention.head_count_kv", c->H, &c->KV, e));
    MN_TRY(need_u32(g, "llama.attention.key_length", c->H ? c->C / c->H : 0, &c->D, e));
    MN_TRY(need_u32(g, "llama.attention.value_length", c->D, &value, e));
    if (value != c->D)
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "the GGUF file has keys of %u and values of %u, which is not read", c->D,
                       value);
    c->rope_theta = (float)mn_gguf_f64(key(g, "llama.rope.freq_base"), 10000);
    c->eps = (float)mn_gguf_f64(key(g, "llama.attention.layer_norm_rms_epsilon"), 1e-5);
    const mn_gguf_tensor *embed = mn_gguf_tensor_named(g, "token_embd.weight");
    if (!embed)
        return mn_fail(e, MN_E_PARSE, "the GGUF file has no tensor 'token_embd.weight'");
    c->V = embed->shape[1] <= UINT32_MAX ? (uint32_t)embed->shape[1] : 0;
    c->tied = !mn_gguf_tensor_named(g, "output.weight");
    MN_TRY(check_rope(g, c, e));
    return mn_config_check(c, e);
}

/* ---- positions ----------------------------------------------------------------------------------------------------- */

static double farthest(const double *x, const double *y, uint32_t n)
{
    double far = 0;
    for (uint32_t i = 0; i < n; i++) {
        double off = fabs(x[i] / y[i] - 1);
        far = off > far ? off : far;
    }
    return far;
}

/* The configuration that these divisors come from, when it is Llama 3's with its usual bounds: so that a folder can be written. */
static bool name_stretch(mn_config *c, const double *stretch)
{
    double plain[256], angle[256], got[256], most = 1;
    uint32_t n = c->D / 2;
    mn_config_rope(c, plain);
    for (uint32_t i = 0; i < n; i++) {
        most = stretch[i] > most ? stretch[i] : most;
        got[i] = plain[i] / stretch[i];
    }
    mn_config guess = *c;
    guess.rope_factor = (float)most;
    guess.rope_low = 1;
    guess.rope_high = 4;
    guess.rope_original = 8192;
    mn_config_rope(&guess, angle);
    if (farthest(got, angle, n) > 1e-5) return false;
    *c = guess;
    return true;
}

static mn_rc read_stretch(mn_model *m, const mn_gguf *g, mn_err *e)
{
    const mn_gguf_tensor *t = mn_gguf_tensor_named(g, "rope_freqs.weight");
    uint32_t n = m->cfg.D / 2;
    float values[256];
    if (!t) return MN_OK;
    if (t->rank != 1 || t->shape[0] != n || t->format->type != MN_Q_F32)
        return mn_fail(e, MN_E_PARSE, "GGUF tensor 'rope_freqs.weight' has not %u float32", n);
    double *stretch = mn_arena_alloc(&m->map->arena, n * sizeof *stretch);
    if (!stretch) return mn_fail(e, MN_E_NOMEM, "no memory to open the model");
    mn_dequant(MN_Q_F32, t->data, values, n);
    for (uint32_t i = 0; i < n; i++) {
        if (!(values[i] >= 1e-6f && values[i] <= 1e6f))
            return mn_fail(e, MN_E_PARSE, "GGUF tensor 'rope_freqs.weight' holds %g",
                           (double)values[i]);
        stretch[i] = (double)values[i];
    }
    if (!name_stretch(&m->cfg, stretch)) m->map->stretch = stretch;
    return MN_OK;
}

/* ---- tensors -------------------------------------------------------------------------------------------------------- */

static mn_rc read_tensor(mn_model *m, const mn_gguf *g, const mn_tensor *want, bool *used,
                         mn_err *e)
{
    const mn_gguf_tensor *t = mn_gguf_tensor_named(g, want->gguf);
    if (!t) return mn_fail(e, MN_E_PARSE, "the GGUF file has no tensor '%s'", want->gguf);
    if (!mn_model__fits(want, t->rank, t->rank == 1 ? t->shape[0] : t->shape[1], t->shape[0]))
        return mn_fail(e, MN_E_PARSE,
                       "GGUF tensor '%s' has not the shape that the file's keys ask for",
                       want->gguf);
    *mn_model__view(m, want) =
        (mn_tensor_view){t->format->type, want->rows, want->cols, t->data, want->alternate};
    m->bytes += t->bytes;
    used[t - g->tensors] = true;
    return MN_OK;
}

static mn_rc read_tensors(mn_model *m, const mn_gguf *g, mn_err *e)
{
    mn_tensor want;
    bool *used = mn_arena_calloc(&m->map->arena, g->n_tensors + 1, sizeof *used);
    if (!used) return mn_fail(e, MN_E_NOMEM, "no memory to open the model");
    for (uint64_t i = 0; mn_tensor_at(&m->cfg, i, &want); i++)
        MN_TRY(read_tensor(m, g, &want, used, e));
    for (size_t i = 0; i < g->n_tensors; i++)
        if (!used[i] && !mn_str_eqz(g->tensors[i].name, "rope_freqs.weight"))
            return mn_fail(e, MN_E_UNSUPPORTED,
                           "GGUF tensor '%.*s' does not belong to this architecture",
                           MN_STR_FMT(g->tensors[i].name));
    return MN_OK;
}

/* ---- tokenizer ------------------------------------------------------------------------------------------------------ */

/* An array of n numbers of four bytes, aligned; NULL when the key is absent. */
static mn_rc read_numbers(const mn_gguf *g, const char *name, mn_gguf_kind kind, uint64_t n,
                          mn_arena *a, void **ret, mn_err *e)
{
    const mn_gguf_value *v = key(g, name);
    *ret = NULL;
    if (!v) return MN_OK;
    if (v->kind != MN_GGUF_ARRAY || v->of != kind || v->n != n)
        return mn_fail(e, MN_E_PARSE, "GGUF key '%s' has not one number for each token", name);
    *ret = mn_arena_alloc(a, (size_t)n * 4 + 1);
    if (!*ret) return mn_fail(e, MN_E_NOMEM, "no memory to open the model");
    mn_dequant(MN_Q_F32, v->data, *ret,
               (size_t)n); /* four little-endian bytes, whatever they mean */
    return MN_OK;
}

static mn_rc read_strings(const mn_gguf *g, const char *name, mn_arena *a, const mn_str **ret,
                          size_t *ret_n, mn_err *e)
{
    const mn_gguf_value *v = key(g, name);
    mn_str *s = NULL;
    if (v) MN_TRY(mn_gguf_strings(v, a, &s, e));
    *ret = s;
    *ret_n = v ? (size_t)v->n : 0;
    return MN_OK;
}

static uint32_t special(const mn_gguf *g, const char *name, size_t n)
{
    uint64_t id = mn_gguf_u64(key(g, name), NONE);
    return id < n ? (uint32_t)id : NONE;
}

/* Conversions name what the model knows beyond its tokenizer "[PADn]": no tokens of it. */
static void drop_padding(mn_tok_parts *p)
{
    char name[32];
    for (; p->types && p->n > 1 && p->types[p->n - 1] == 5; p->n--) {
        snprintf(name, sizeof name, "[PAD%zu]", p->n - 1);
        if (!mn_str_eqz(p->tokens[p->n - 1], name)) return;
    }
}

static mn_rc read_parts(const mn_gguf *g, mn_arena *a, mn_tok_parts *p, mn_err *e)
{
    void *scores, *types;
    p->model = mn_gguf_str(key(g, "tokenizer.ggml.model"));
    p->pre = mn_gguf_str(key(g, "tokenizer.ggml.pre"));
    if (!p->model.ptr)
        return mn_fail(e, MN_E_PARSE, "the GGUF file has no key 'tokenizer.ggml.model'");
    if (!p->pre.ptr) p->pre = MN_STR("default");
    MN_TRY(read_strings(g, "tokenizer.ggml.tokens", a, &p->tokens, &p->n, e));
    if (!p->n)
        return mn_fail(e, MN_E_PARSE, "the GGUF file has no key 'tokenizer.ggml.tokens'");
    MN_TRY(read_strings(g, "tokenizer.ggml.merges", a, &p->merges, &p->n_merges, e));
    MN_TRY(read_numbers(g, "tokenizer.ggml.scores", MN_GGUF_F32, p->n, a, &scores, e));
    MN_TRY(read_numbers(g, "tokenizer.ggml.token_type", MN_GGUF_I32, p->n, a, &types, e));
    p->scores = scores;
    p->types = types;
    drop_padding(p);
    p->bos = special(g, "tokenizer.ggml.bos_token_id", p->n);
    p->eos = special(g, "tokenizer.ggml.eos_token_id", p->n);
    p->unk = special(g, "tokenizer.ggml.unknown_token_id", p->n);
    p->pad = special(g, "tokenizer.ggml.padding_token_id", p->n);
    /* what llama.cpp does where a file does not say */
    bool pieces = mn_str_eqz(p->model, "llama");
    bool begins = pieces || mn_str_eqz(p->pre, "llama-bpe") || mn_str_eqz(p->pre, "llama3");
    p->add_bos = mn_gguf_u64(key(g, "tokenizer.ggml.add_bos_token"), begins) != 0;
    p->add_eos = mn_gguf_u64(key(g, "tokenizer.ggml.add_eos_token"), 0) != 0;
    p->add_space_prefix = mn_gguf_u64(key(g, "tokenizer.ggml.add_space_prefix"), pieces) != 0;
    return MN_OK;
}

/* The named ends of a turn, and the control tokens that mean one in the families we read, as llama.cpp finds them. */
static void find_ends(mn_model *m, const mn_gguf *g, const mn_tok_parts *p)
{
    static const char *const keys[] = {"tokenizer.ggml.eos_token_id",
                                       "tokenizer.ggml.eot_token_id",
                                       "tokenizer.ggml.eom_token_id"};
    static const char *const names[] = {"<|eot_id|>", "<|im_end|>", "<|endoftext|>",
                                        "<|eom_id|>", "<|end_of_text|>"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        mn_model__add_end(m, special(g, keys[i], p->n));
    for (size_t i = 0; p->types && i < p->n; i++)
        for (size_t k = 0; p->types[i] == 3 && k < sizeof names / sizeof *names; k++)
            if (mn_str_eqz(p->tokens[i], names[k])) mn_model__add_end(m, i);
}

static mn_rc read_tokenizer(mn_model *m, const mn_gguf *g, mn_err *e)
{
    mn_tok_parts p = {0};
    mn_arena a;
    mn_arena_init(&a, 0); /* a small multiple of the file's size */
    mn_rc rc = read_parts(g, &a, &p, e);
    if (rc == MN_OK) rc = mn_tok_from_parts(&p, &m->tok, e);
    if (rc == MN_OK) find_ends(m, g, &p);
    mn_arena_release(&a);
    return rc;
}

/* ---- all ------------------------------------------------------------------------------------------------------------ */

static void read_names(mn_model *m, const mn_gguf *g)
{
    static const char *const origins[] = {"general.source.url",
                                          "general.source.huggingface.repository",
                                          "general.url", "general.repo_url"};
    m->name = mn_gguf_str(key(g, "general.name"));
    m->licence = mn_gguf_str(key(g, "general.license"));
    m->author = mn_gguf_str(key(g, "general.author"));
    if (!m->author.ptr) m->author = mn_gguf_str(key(g, "general.organization"));
    for (size_t i = 0; !m->origin.ptr && i < sizeof origins / sizeof *origins; i++)
        m->origin = mn_gguf_str(key(g, origins[i]));
    m->chat_template = mn_gguf_str(key(g, "tokenizer.chat_template"));
}

mn_rc mn_model__read_gguf(mn_model *m, const uint8_t *p, size_t len, mn_err *e)
{
    mn_gguf g;
    MN_TRY(mn_gguf_parse(p, len, &m->map->arena, &g, e));
    MN_TRY(read_config(&g, &m->cfg, e));
    MN_TRY(mn_model__layers(m, e));
    MN_TRY(read_stretch(m, &g, e));
    MN_TRY(read_tensors(m, &g, e));
    read_names(m, &g);
    return m->map->weights_only ? MN_OK : read_tokenizer(m, &g, e);
}

mn_rc mn_model__open_gguf(mn_model *m, const char *path, mn_err *e)
{
    mn_fs_map map;
    m->map->gguf = true;
    MN_TRY(mn_model__map(m, path, &map, e));
    return mn_model__read_gguf(m, map.ptr, map.len, e);
}

/* Presets, limits, and config.json in and out.
 *
 * Source: the LlamaConfig class of Hugging Face transformers; what it may express and we do not (RoPE scaled otherwise than
 * Llama 3's, biases, other activations) is refused by name, never ignored, because the weights would then run to wrong answers. */
#include "model/config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "text/tokenizer.h"

static const struct {
    const char *name;
    mn_config c;
} presets[] = {
    {"nano",
     {.V = 2048,
      .C = 128,
      .L = 4,
      .H = 4,
      .KV = 4,
      .D = 32,
      .F = 344,
      .T = 256,
      .rope_theta = 10000,
      .eps = 1e-5f,
      .tied = true}},
    {"micro",
     {.V = 8192,
      .C = 256,
      .L = 6,
      .H = 4,
      .KV = 4,
      .D = 64,
      .F = 688,
      .T = 512,
      .rope_theta = 10000,
      .eps = 1e-5f,
      .tied = true}},
    {"small",
     {.V = 16384,
      .C = 512,
      .L = 8,
      .H = 8,
      .KV = 4,
      .D = 64,
      .F = 1408,
      .T = 1024,
      .rope_theta = 10000,
      .eps = 1e-5f,
      .tied = true}},
    {"base",
     {.V = 49152,
      .C = 576,
      .L = 30,
      .H = 9,
      .KV = 3,
      .D = 64,
      .F = 1536,
      .T = 2048,
      .rope_theta = 100000,
      .eps = 1e-5f,
      .tied = true}},
};

mn_rc mn_config_preset(const char *name, mn_config *ret, mn_err *e)
{
    for (size_t i = 0; name && i < sizeof presets / sizeof *presets; i++) {
        if (strcmp(presets[i].name, name) != 0) continue;
        *ret = presets[i].c;
        return MN_OK;
    }
    return mn_fail(e, MN_E_USAGE, "no preset '%s': expected nano, micro, small or base",
                   name ? name : "");
}

static mn_rc in_range(const char *what, uint32_t v, uint32_t least, uint32_t most, mn_err *e)
{
    if (v >= least && v <= most) return MN_OK;
    return mn_fail(e, MN_E_LIMIT, "%s is %u: expected %u to %u", what, v, least, most);
}

static mn_rc check_stretch(const mn_config *c, mn_err *e)
{
    if (c->rope_factor == 0) return MN_OK;
    bool good = c->rope_factor >= 1 && c->rope_factor <= 1e4f && c->rope_low > 0 &&
                c->rope_low < c->rope_high && c->rope_high <= 1e6f && c->rope_original >= 1 &&
                c->rope_original <= 1u << 24;
    if (good) return MN_OK;
    return mn_fail(
        e, MN_E_LIMIT, "rope scaling by %g between %g and %g of %u positions is impossible",
        (double)c->rope_factor, (double)c->rope_low, (double)c->rope_high, c->rope_original);
}

mn_rc mn_config_check(const mn_config *c, mn_err *e)
{
    MN_TRY(in_range("vocab_size", c->V, 2, 1u << 20, e));
    MN_TRY(in_range("hidden_size", c->C, 1, 1u << 14, e));
    MN_TRY(in_range("num_hidden_layers", c->L, 1, 256, e));
    MN_TRY(in_range("num_attention_heads", c->H, 1, 256, e));
    MN_TRY(in_range("num_key_value_heads", c->KV, 1, c->H, e));
    MN_TRY(in_range("head_dim", c->D, 2, 512, e));
    MN_TRY(in_range("intermediate_size", c->F, 1, 1u << 16, e));
    MN_TRY(in_range("max_position_embeddings", c->T, 1, 1u << 20, e));
    if (c->H % c->KV != 0)
        return mn_fail(e, MN_E_LIMIT,
                       "num_attention_heads %u is not a multiple of "
                       "num_key_value_heads %u",
                       c->H, c->KV);
    if (c->D % 2 != 0) return mn_fail(e, MN_E_LIMIT, "head_dim %u is odd", c->D);
    if (!(c->rope_theta >= 1 && c->rope_theta <= 1e9f))
        return mn_fail(e, MN_E_LIMIT, "rope_theta %g: expected 1 to 1e9",
                       (double)c->rope_theta);
    if (!(c->eps > 0 && c->eps <= 1))
        return mn_fail(e, MN_E_LIMIT, "rms_norm_eps %g: expected more than 0, at most 1",
                       (double)c->eps);
    return check_stretch(c, e);
}

uint64_t mn_config_params(const mn_config *c)
{
    uint64_t C = c->C, q = (uint64_t)c->H * c->D, kv = (uint64_t)c->KV * c->D;
    uint64_t layer = 2 * C + 2 * q * C + 2 * kv * C + 3 * C * c->F;
    return (c->tied ? 1u : 2u) * c->V * C + c->L * layer + C;
}

void mn_config_rope(const mn_config *c, double *ret)
{
    const double turn = 6.283185307179586;
    for (uint32_t i = 0; i < c->D / 2; i++) {
        ret[i] = pow((double)c->rope_theta, -2.0 * (double)i / (double)c->D);
        if (c->rope_factor == 0) continue;
        /* turns in the original context: many stay, few are stretched, between them it slides */
        double turns = (double)c->rope_original * ret[i] / turn, low = (double)c->rope_low,
               high = (double)c->rope_high;
        double keep = turns <= low ? 0 : turns >= high ? 1 : (turns - low) / (high - low);
        ret[i] *= keep + (1 - keep) / (double)c->rope_factor;
    }
}

/* ---- config.json ---------------------------------------------------------------------------------------------- */

/* A whole number of the document, or `fallback` when the key is absent or null; 0 as fallback means it is needed. */
static mn_rc get_u32(const mn_json *o, const char *key, uint32_t fallback, uint32_t *ret,
                     mn_err *e)
{
    const mn_json *v = mn_json_get(o, key);
    if (!v || v->type == MN_JSON_NULL) {
        if (!fallback) return mn_fail(e, MN_E_PARSE, "config.json has no '%s'", key);
        *ret = fallback;
        return MN_OK;
    }
    int64_t n = v->type == MN_JSON_NUMBER ? mn_json_i64(v, -1) : -1;
    if (n < 0 || n > UINT32_MAX)
        return mn_fail(e, MN_E_PARSE, "config.json: '%s' is not a whole number in range", key);
    *ret = (uint32_t)n;
    return MN_OK;
}

static bool absent(const mn_json *v)
{
    return !v || v->type == MN_JSON_NULL;
}

/* Everything that would change the computation and that we do not compute. */
static mn_rc refuse_others(const mn_json *o, mn_err *e)
{
    const mn_json *arch = mn_json_at(mn_json_get(o, "architectures"), 0);
    mn_str type = mn_json_str(mn_json_get(o, "model_type")), name = mn_json_str(arch);
    if (name.ptr && !mn_str_eqz(name, "LlamaForCausalLM"))
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "config.json is for '%.*s': only 'LlamaForCausalLM' is read",
                       MN_STR_FMT(name));
    if (!name.ptr && !mn_str_eqz(type, "llama"))
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "config.json is for model type '%.*s': only 'llama' is read",
                       MN_STR_FMT(type));
    mn_str act = mn_json_str(mn_json_get(o, "hidden_act"));
    if (act.ptr && !mn_str_eqz(act, "silu"))
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "config.json: hidden_act '%.*s', only 'silu' is read", MN_STR_FMT(act));
    if (mn_json_bool(mn_json_get(o, "attention_bias"), false) ||
        mn_json_bool(mn_json_get(o, "mlp_bias"), false))
        return mn_fail(e, MN_E_UNSUPPORTED, "config.json asks for biases, which are not read");
    if (!absent(mn_json_get(o, "quantization_config")))
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "config.json says that the weights are quantised, which is read from "
                       "GGUF files only");
    return MN_OK;
}

/* "rope_scaling", or "rope_parameters" as transformers 5 writes it: {"rope_type" or "type": …}. */
static mn_rc read_rope(const mn_json *o, mn_config *c, mn_err *e)
{
    const mn_json *theta = mn_json_get(o, "rope_theta"),
                  *params = mn_json_get(o, "rope_parameters");
    if (absent(params)) params = mn_json_get(o, "rope_scaling");
    if (absent(theta)) theta = mn_json_get(params, "rope_theta");
    c->rope_theta = (float)mn_json_f64(theta, 10000);
    if (absent(params)) return MN_OK;
    mn_str type = mn_json_str(mn_json_get(params, "rope_type"));
    if (!type.ptr) type = mn_json_str(mn_json_get(params, "type"));
    if (mn_str_eqz(type, "default")) return MN_OK;
    if (!mn_str_eqz(type, "llama3"))
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "config.json asks for RoPE scaled as '%.*s': only 'llama3' is read",
                       MN_STR_FMT(type));
    c->rope_factor = (float)mn_json_f64(mn_json_get(params, "factor"), -1);
    c->rope_low = (float)mn_json_f64(mn_json_get(params, "low_freq_factor"), -1);
    c->rope_high = (float)mn_json_f64(mn_json_get(params, "high_freq_factor"), -1);
    MN_TRY(get_u32(params, "original_max_position_embeddings", 0, &c->rope_original, e));
    return c->rope_factor == 0 ? mn_fail(e, MN_E_LIMIT, "config.json scales RoPE by 0") : MN_OK;
}

static mn_rc from_tree(const mn_json *o, mn_config *c, mn_err *e)
{
    if (!o || o->type != MN_JSON_OBJECT)
        return mn_fail(e, MN_E_PARSE, "config.json is not an object");
    MN_TRY(refuse_others(o, e));
    MN_TRY(get_u32(o, "vocab_size", 0, &c->V, e));
    MN_TRY(get_u32(o, "hidden_size", 0, &c->C, e));
    MN_TRY(get_u32(o, "num_hidden_layers", 0, &c->L, e));
    MN_TRY(get_u32(o, "num_attention_heads", 0, &c->H, e));
    MN_TRY(get_u32(o, "num_key_value_heads", c->H, &c->KV, e));
    MN_TRY(get_u32(o, "head_dim", c->H && c->C >= c->H ? c->C / c->H : 0, &c->D, e));
    MN_TRY(get_u32(o, "intermediate_size", 0, &c->F, e));
    MN_TRY(get_u32(o, "max_position_embeddings", 2048, &c->T, e));
    MN_TRY(read_rope(o, c, e));
    c->eps = (float)mn_json_f64(mn_json_get(o, "rms_norm_eps"), 1e-6);
    c->tied = mn_json_bool(mn_json_get(o, "tie_word_embeddings"), false);
    return mn_config_check(c, e);
}

mn_rc mn_config_parse(mn_str json, mn_config *ret, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 16u << 20);
    mn_json *tree = NULL;
    mn_config c = {0};
    mn_rc rc = mn_json_parse(json, &a, &tree, e);
    if (rc != MN_OK) mn_err_wrap(e, "config.json");
    if (rc == MN_OK) rc = from_tree(tree, &c, e);
    if (rc == MN_OK) *ret = c;
    mn_arena_release(&a);
    return rc;
}

static void write_stretch(const mn_config *c, mn_json_writer *w)
{
    mn_jw_key(w, "rope_scaling");
    mn_jw_object(w);
    mn_jw_kstrz(w, "rope_type", "llama3");
    mn_jw_kf64(w, "factor", (double)c->rope_factor);
    mn_jw_kf64(w, "low_freq_factor", (double)c->rope_low);
    mn_jw_kf64(w, "high_freq_factor", (double)c->rope_high);
    mn_jw_ku64(w, "original_max_position_embeddings", c->rope_original);
    mn_jw_object_end(w);
}

void mn_config_write_tokens(const mn_config_notes *n, mn_json_writer *w)
{
    if (n->bos != UINT32_MAX) mn_jw_ku64(w, "bos_token_id", n->bos);
    if (n->n_ends) mn_jw_key(w, "eos_token_id");
    if (n->n_ends > 1) mn_jw_array(w);
    for (size_t i = 0; i < n->n_ends; i++) mn_jw_u64(w, n->ends[i]);
    if (n->n_ends > 1) mn_jw_array_end(w);
    if (n->pad != UINT32_MAX) mn_jw_ku64(w, "pad_token_id", n->pad);
}

mn_rc mn_config_write(const mn_config *c, mn_buf *ret)
{
    const uint32_t end = MN_TOK_END;
    return mn_config_write_with(
        c, &(mn_config_notes){MN_TOK_START, MN_TOK_PAD, &end, 1, "float32"}, ret);
}

mn_rc mn_config_write_with(const mn_config *c, const mn_config_notes *n, mn_buf *ret)
{
    mn_json_writer w;
    mn_json_writer_init(&w, ret, 2);
    mn_jw_object(&w);
    mn_jw_key(&w, "architectures");
    mn_jw_array(&w);
    mn_jw_strz(&w, "LlamaForCausalLM");
    mn_jw_array_end(&w);
    mn_jw_kstrz(&w, "model_type", "llama");
    mn_jw_ku64(&w, "vocab_size", c->V);
    mn_jw_ku64(&w, "hidden_size", c->C);
    mn_jw_ku64(&w, "num_hidden_layers", c->L);
    mn_jw_ku64(&w, "num_attention_heads", c->H);
    mn_jw_ku64(&w, "num_key_value_heads", c->KV);
    mn_jw_ku64(&w, "head_dim", c->D);
    mn_jw_ku64(&w, "intermediate_size", c->F);
    mn_jw_ku64(&w, "max_position_embeddings", c->T);
    mn_jw_kstrz(&w, "hidden_act", "silu");
    mn_jw_kf64(&w, "rope_theta", (double)c->rope_theta);
    if (c->rope_factor != 0) write_stretch(c, &w);
    /* Seven digits name the float exactly enough and read as people write them: 1e-05, not 9.99999974e-06. */
    char eps[32];
    snprintf(eps, sizeof eps, "%.7g", (double)c->eps);
    mn_jw_key(&w, "rms_norm_eps");
    mn_jw_raw(&w, mn_str_from(eps));
    mn_jw_kbool(&w, "tie_word_embeddings", c->tied);
    mn_jw_kbool(&w, "attention_bias", false);
    mn_jw_kbool(&w, "mlp_bias", false);
    if (n) mn_config_write_tokens(n, &w);
    if (n) mn_jw_kstrz(&w, "torch_dtype", n->dtype);
    mn_jw_kbool(&w, "use_cache", true);
    mn_jw_object_end(&w);
    mn_buf_addc(ret, '\n');
    return ret->failed;
}

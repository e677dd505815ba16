/* Adapters in PEFT's folder. The tensors lie in `all` in the order of the file, so writing copies nothing. Contract: adapter.h. */
#include "model/adapter.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "model/safetensors.h"

#define CONFIG_MAX (1u << 20)
#define SLOT_NAME  160u

typedef struct slot {
    char name[SLOT_NAME];
    uint64_t at, rows, cols; /* at: in `all` */
} slot;

/* The i-th tensor in the order of `all`; false past the last. */
static bool slot_at(const mn_lora *a, uint64_t i, slot *s)
{
    uint32_t here[MN_LORA_TARGETS], n = 0, N, K;
    for (uint32_t t = 0; t < MN_LORA_TARGETS; t++)
        if (mn_lora_has(a, (mn_lora_target)t)) here[n++] = t;
    const uint64_t layer = i / (2 * (uint64_t)n);
    if (layer >= a->cfg.L) return false;
    const mn_lora_target t = (mn_lora_target)here[i / 2 % n];
    const bool second = i % 2;
    mn_lora_shape(&a->cfg, t, &N, &K);
    snprintf(s->name, sizeof s->name, "base_model.model.model.layers.%u.%s.%s.lora_%c.weight",
             (unsigned)layer, mn_lora_parent(t), mn_lora_module(t), second ? 'B' : 'A');
    s->at = second ? mn_lora_b(a, (uint32_t)layer, t) : mn_lora_a(a, (uint32_t)layer, t);
    s->rows = second ? N : a->rank;
    s->cols = second ? a->rank : K;
    return true;
}

/* ---- writing ---------------------------------------------------------------------------------------------------------- */

static void put_targets(mn_json_writer *w, const mn_lora *a)
{
    mn_jw_key(w, "target_modules");
    mn_jw_array(w);
    for (int t = 0; t < MN_LORA_TARGETS; t++)
        if (mn_lora_has(a, (mn_lora_target)t)) mn_jw_strz(w, mn_lora_module((mn_lora_target)t));
    mn_jw_array_end(w);
}

static void put_empty(mn_json_writer *w, const char *key)
{
    mn_jw_key(w, key);
    mn_jw_object(w);
    mn_jw_object_end(w);
}

static void put_null(mn_json_writer *w, const char *key)
{
    mn_jw_key(w, key);
    mn_jw_null(w);
}

static mn_rc write_config(const mn_lora *a, const char *base, mn_buf *b)
{
    mn_json_writer w;
    mn_json_writer_init(&w, b, 2);
    mn_jw_object(&w);
    put_empty(&w, "alpha_pattern");
    put_null(&w, "auto_mapping");
    mn_jw_kstrz(&w, "base_model_name_or_path", base);
    mn_jw_kstrz(&w, "bias", "none");
    mn_jw_kbool(&w, "fan_in_fan_out", false);
    mn_jw_kbool(&w, "inference_mode", true);
    mn_jw_kbool(&w, "init_lora_weights", true);
    put_null(&w, "layers_pattern");
    put_null(&w, "layers_to_transform");
    mn_jw_kf64(&w, "lora_alpha", (double)a->alpha);
    mn_jw_kf64(&w, "lora_dropout", 0);
    put_null(&w, "modules_to_save");
    mn_jw_kstrz(&w, "peft_type", "LORA");
    mn_jw_ku64(&w, "r", a->rank);
    put_empty(&w, "rank_pattern");
    put_null(&w, "revision");
    put_targets(&w, a);
    mn_jw_kstrz(&w, "task_type", "CAUSAL_LM");
    mn_jw_kbool(&w, "use_dora", false);
    mn_jw_kbool(&w, "use_rslora", a->rslora);
    mn_jw_object_end(&w);
    mn_buf_addc(b, '\n');
    return b->failed;
}

static void put_slot(mn_json_writer *w, const slot *s)
{
    mn_jw_key(w, s->name);
    mn_jw_object(w);
    mn_jw_kstrz(w, "dtype", "F32");
    mn_jw_key(w, "shape");
    mn_jw_array(w);
    mn_jw_u64(w, s->rows);
    mn_jw_u64(w, s->cols);
    mn_jw_array_end(w);
    mn_jw_key(w, "data_offsets");
    mn_jw_array(w);
    mn_jw_u64(w, s->at * 4);
    mn_jw_u64(w, (s->at + s->rows * s->cols) * 4);
    mn_jw_array_end(w);
    mn_jw_object_end(w);
}

static mn_rc write_header(const mn_lora *a, mn_buf *b)
{
    mn_json_writer w;
    slot s;
    mn_buf_add(b, "\0\0\0\0\0\0\0\0", 8);
    mn_json_writer_init(&w, b, 0);
    mn_jw_object(&w);
    mn_jw_key(&w, "__metadata__");
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "format", "pt");
    mn_jw_object_end(&w);
    for (uint64_t i = 0; slot_at(a, i, &s); i++) put_slot(&w, &s);
    mn_jw_object_end(&w);
    while (b->failed == MN_OK && b->len % 64 != 0) mn_buf_addc(b, ' '); /* data stays aligned */
    for (size_t i = 0; b->failed == MN_OK && i < 8; i++)
        b->ptr[i] = (char)((uint64_t)(b->len - 8) >> (8 * i));
    return b->failed;
}

mn_rc mn_adapter_save(const mn_lora *a, const char *base, const char *dir, mn_err *e)
{
    mn_arena arena;
    mn_buf head, json;
    mn_arena_init(&arena, 0);
    mn_buf_init(&head, MN_ST_HEADER_MAX);
    mn_buf_init(&json, CONFIG_MAX);
    char *config = mn_fs_join(&arena, dir, "adapter_config.json");
    char *tensors = mn_fs_join(&arena, dir, "adapter_model.safetensors");
    mn_rc rc = write_config(a, base, &json);
    if (rc == MN_OK) rc = write_header(a, &head);
    if (rc != MN_OK || !config || !tensors) {
        rc = mn_fail(e, MN_E_NOMEM, "no memory to write the adapter to '%s'", dir);
        goto out;
    }
    const mn_st_piece pieces[] = {{head.ptr, head.len}, {a->all, (size_t)a->n_all * 4}};
    rc = mn_st_write_pieces(tensors, pieces, 2, e);
    if (rc == MN_OK) rc = mn_fs_write_atomic(config, json.ptr, json.len, e);
out:
    mn_buf_release(&json);
    mn_buf_release(&head);
    mn_arena_release(&arena);
    return rc;
}

/* ---- reading ------------------------------------------------------------------------------------------------------------ */

static bool is_empty(const mn_json *v)
{
    if (!v || v->type == MN_JSON_NULL) return true;
    if (v->type == MN_JSON_BOOL) return !v->boolean;
    if (v->type == MN_JSON_ARRAY || v->type == MN_JSON_OBJECT) return v->n == 0;
    return false;
}

/* What would give wrong answers if it were ignored. */
static mn_rc refuse(const mn_json *t, mn_err *e)
{
    static const char *const absent[] = {
        "use_dora",
        "rank_pattern",
        "alpha_pattern",
        "modules_to_save",
        "fan_in_fan_out",
        "layers_to_transform",
        "trainable_token_indices",
        "lora_bias",
        "layer_replication",
        "target_parameters",
        "use_qalora",
        "exclude_modules",
    };
    static const char *const inits[] = {"pissa", "olora", "corda", "loftq"};
    mn_str kind = mn_json_str(mn_json_get(t, "peft_type"));
    mn_str bias = mn_json_str(mn_json_get(t, "bias"));
    mn_str init = mn_json_str(mn_json_get(t, "init_lora_weights"));
    if (!mn_str_eqz(kind, "LORA"))
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "adapters of the kind '%.*s' cannot be read, only LORA",
                       MN_STR_FMT(kind));
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        if (!is_empty(mn_json_get(t, absent[i])))
            return mn_fail(e, MN_E_UNSUPPORTED, "adapters with '%s' cannot be read", absent[i]);
    if (bias.ptr && !mn_str_eqz(bias, "none"))
        return mn_fail(e, MN_E_UNSUPPORTED, "adapters with biases cannot be read");
    for (size_t i = 0; i < sizeof inits / sizeof *inits; i++)
        if (mn_str_starts(init, inits[i]))
            return mn_fail(e, MN_E_UNSUPPORTED,
                           "adapters begun with '%.*s' change their base and cannot be read",
                           MN_STR_FMT(init));
    return MN_OK;
}

static mn_rc read_targets(const mn_json *v, uint32_t *ret, mn_err *e)
{
    uint32_t bits = 0, bit;
    if (mn_str_eqz(mn_json_str(v), "all-linear")) {
        *ret = MN_LORA_ALL;
        return MN_OK;
    }
    if (!v || v->type != MN_JSON_ARRAY)
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "target_modules is neither a list of names nor 'all-linear'");
    for (size_t i = 0; i < v->n; i++) {
        mn_str name = mn_json_str(mn_json_at(v, i));
        if (mn_str_find(name, MN_STR(","), 0) != SIZE_MAX || mn_str_eqz(name, "all") ||
            mn_lora_targets_parse(name.ptr ? name : MN_STR(""), &bit, NULL) != MN_OK)
            return mn_fail(e, MN_E_UNSUPPORTED, "an adapter of '%.*s' cannot be read",
                           MN_STR_FMT(name));
        bits |= bit;
    }
    *ret = bits;
    return MN_OK;
}

mn_rc mn_adapter_parse_config(mn_str json, const mn_config *c, mn_arena *arena, mn_lora *ret,
                              mn_str *ret_base, mn_err *e)
{
    mn_json *t = NULL;
    uint32_t targets = 0;
    if (mn_json_parse(json, arena, &t, e) != MN_OK || t->type != MN_JSON_OBJECT)
        return mn_fail(e, MN_E_PARSE, "adapter_config.json is not a JSON object");
    MN_TRY(refuse(t, e));
    MN_TRY(read_targets(mn_json_get(t, "target_modules"), &targets, e));
    uint64_t r = mn_json_u64(mn_json_get(t, "r"), 0);
    double alpha = mn_json_f64(mn_json_get(t, "lora_alpha"), 0);
    if (r > MN_LORA_RANK_MAX || alpha > 1e6)
        return mn_fail(e, MN_E_LIMIT, "an adapter of rank %llu and alpha %g is not read",
                       (unsigned long long)r, alpha);
    mn_str base = mn_json_str(mn_json_get(t, "base_model_name_or_path"));
    MN_TRY(mn_lora_new(c, (uint32_t)r, (float)alpha,
                       mn_json_bool(mn_json_get(t, "use_rslora"), false), targets, ret, e));
    *ret_base = base.ptr ? base : MN_STR("");
    return MN_OK;
}

static mn_rc read_all(const mn_st *st, mn_lora *io, mn_err *e)
{
    slot s;
    uint64_t n = 0;
    for (; slot_at(io, n, &s); n++) {
        const mn_st_tensor *t = mn_st_find(st, mn_str_from(s.name));
        if (!t)
            return mn_fail(e, MN_E_PARSE, "adapter_model.safetensors has no tensor '%s'",
                           s.name);
        if (t->rank != 2 || t->shape[0] != s.rows || t->shape[1] != s.cols)
            return mn_fail(
                e, MN_E_PARSE,
                "adapter_model.safetensors: '%s' has not the shape [%llu, %llu] that "
                "rank and base ask for",
                s.name, (unsigned long long)s.rows, (unsigned long long)s.cols);
        mn_st_read(t, io->all + s.at);
    }
    if (n == st->n) return MN_OK;
    return mn_fail(e, MN_E_UNSUPPORTED,
                   "adapter_model.safetensors holds %zu tensors, %llu belong to its targets",
                   st->n, (unsigned long long)n);
}

mn_rc mn_adapter_parse_tensors(const uint8_t *p, size_t len, mn_lora *io, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 256u << 20);
    mn_st st = {0};
    mn_rc rc = mn_st_parse(p, len, &a, &st, e);
    if (rc == MN_OK) rc = read_all(&st, io, e);
    for (uint64_t i = 0; rc == MN_OK && i < io->n_all; i++)
        if (!isfinite(io->all[i]))
            rc = mn_fail(e, MN_E_CORRUPT, "the adapter holds a value that is no number");
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_adapter_load(const char *dir, const mn_config *c, mn_arena *arena, mn_lora *ret,
                      mn_str *ret_base, mn_err *e)
{
    mn_buf json;
    mn_fs_map map = {0};
    mn_lora a = {0};
    mn_str base = MN_STR_NONE;
    mn_buf_init(&json, CONFIG_MAX);
    char *config = mn_fs_join(arena, dir, "adapter_config.json");
    char *tensors = mn_fs_join(arena, dir, "adapter_model.safetensors");
    mn_rc rc = config && tensors ? mn_fs_read(config, CONFIG_MAX, &json, e)
                                 : mn_fail(e, MN_E_NOMEM, "no memory to read an adapter");
    if (rc == MN_OK) rc = mn_adapter_parse_config(mn_buf_str(&json), c, arena, &a, &base, e);
    if (rc == MN_OK) rc = mn_fs_map_open(tensors, &map, e);
    if (rc == MN_OK) rc = mn_adapter_parse_tensors(map.ptr, map.len, &a, e);
    base = mn_str_dup(arena, base);
    if (rc == MN_OK && !base.ptr) rc = mn_fail(e, MN_E_NOMEM, "no memory to read an adapter");
    if (rc == MN_OK) {
        *ret = a, a = (mn_lora){0};
        *ret_base = base;
    } else {
        mn_err_wrap(e, "adapter '%s'", dir);
    }
    mn_lora_release(&a);
    if (map.ptr) mn_fs_map_close(&map);
    mn_buf_release(&json);
    return rc;
}

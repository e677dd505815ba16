/* model import, export, quantize: models across the border. */
#include <stdio.h>

#include "base/fs.h"
#include "base/json.h"
#include "cmd/card.h"
#include "cmd/cmd.h"
#include "cmd/models.h"
#include "model/descent.h"
#include "model/export.h"
#include "social/social.h"

typedef struct options {
    const char *data, *name, *licence, *origin, *to, *type;
    bool pure, json;
} options;

/* What is printed of a model that was made. */
static mn_rc told(const char *verb, const char *name, const char *path, mn_arena *a, bool json,
                  mn_err *e)
{
    mn_model *m;
    mn_buf b;
    mn_json_writer w;
    MN_TRY(mn_model_open_weights(path, &m, e));
    const char *format = mn_qformat_of(mn_model_format(m))->name;
    double mb = (double)m->bytes / 1e6;
    mn_str licence = mn_str_dup(a, m->licence), origin = mn_str_dup(a, m->origin);
    uint64_t params = mn_config_params(&m->cfg), bytes = m->bytes;
    mn_model_free(m);
    if (!json) {
        printf("%s '%s': %.1f M parameters, %s, %.1f MB, licence %.*s, from %.*s\n", verb, name,
               (double)params / 1e6, format, mb,
               MN_STR_FMT(licence.len ? licence : MN_STR("not known")),
               MN_STR_FMT(origin.len ? origin : MN_STR("(not known)")));
        return MN_OK;
    }
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "name", name);
    mn_jw_kstrz(&w, "path", path);
    mn_jw_ku64(&w, "params", params);
    mn_jw_kstrz(&w, "format", format);
    mn_jw_ku64(&w, "bytes", bytes);
    mn_jw_kstr(&w, "licence", licence);
    mn_jw_kstr(&w, "origin", origin);
    mn_jw_object_end(&w);
    return mn_cmd_print(&b, e);
}

/* The format that --type names. */
static mn_rc type_of(const char *name, uint32_t fallback, bool pure, uint32_t *ret, mn_err *e)
{
    const mn_qformat *f = mn_qformat_named(mn_str_from(name));
    if (!name) {
        *ret = fallback;
        return MN_OK;
    }
    if (!f)
        return mn_fail(e, MN_E_USAGE,
                       "no format '%s': expected f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, "
                       "q4_k, q5_k or q6_k",
                       name);
    *ret = (uint32_t)f->type | (pure ? MN_QUANT_PURE : 0);
    return MN_OK;
}

/* ---- import ------------------------------------------------------------------------------------------------------ */

static mn_rc import(const options *o, const char *path, mn_arena *a, mn_err *e)
{
    const char *dir;
    if (!o->name) return mn_fail(e, MN_E_USAGE, "give the model a --name");
    MN_TRY(mn_models_place(mn_home_dir(o->data), o->name, a, &dir, e));
    MN_TRY(mn_model_import(path, dir, mn_str_from(o->licence), mn_str_from(o->origin), e));
    MN_TRY(mn_card_make(mn_home_dir(o->data), dir, e));
    return told("imported", o->name, dir, a, o->json, e);
}

/* Parses; exactly one positional. */
static mn_rc parse(int argc, char **argv, const mn_usage *u, const mn_opt *opts,
                   const char *what, mn_err *e)
{
    int n;
    MN_TRY(mn_args_parse(argc, argv, u, opts, &n, e));
    return n == 1 ? MN_OK : mn_fail(e, MN_E_USAGE, "give %s", what);
}

int mn_cmd_model_import(int argc, char **argv)
{
    options o = {0};
    mn_err e = {0};
    const mn_usage u = {"model import", "PATH --name NAME [--licence L] [--origin TEXT]",
                        "Brings a model in: a GGUF file, or a folder with config.json, "
                        "safetensors (one file or "
                        "several) and a tokenizer. All of it is checked, then copied as it is.",
                        "mynah model import SmolLM2-135M-Instruct.Q4_1.gguf --name smollm2"};
    const mn_opt opts[] = {
        MN_CMD_OPT_DATA(&o.data),
        {"name", 'n', MN_OPT_STR, &o.name, "NAME", "What the model is called here."},
        {"licence", 0, MN_OPT_STR, &o.licence, "L",
         "Its licence; else the file's own word, or the front matter of the folder's "
         "README.md."},
        {"origin", 0, MN_OPT_STR, &o.origin, "TEXT",
         "Where it came from; else the file's own word."},
        MN_CMD_OPT_JSON(&o.json, "JSON, one object."),
        {0},
    };
    mn_arena a;
    mn_arena_init(&a, 1u << 20);
    mn_rc rc = parse(argc, argv, &u, opts, "the path of one GGUF file or folder", &e);
    if (rc == MN_OK) rc = import(&o, argv[1], &a, &e);
    mn_arena_release(&a);
    return rc == MN_OK ? 0 : mn_cmd_failed("model import", &e, o.json);
}

/* ---- export ------------------------------------------------------------------------------------------------------ */

static mn_rc export_gguf(const mn_model *m, const options *o, mn_err *e)
{
    uint32_t type;
    MN_TRY(type_of(o->type, MN_QUANT_KEEP, o->pure, &type, e));
    if (mn_fs_exists(o->to)) return mn_fail(e, MN_E_EXISTS, "'%s' is there already", o->to);
    return mn_model_export_gguf(m, o->to, type, e);
}

static mn_rc export_folder(const mn_model *m, const options *o, mn_err *e)
{
    mn_qtype own = mn_model_format(m);
    uint32_t type;
    MN_TRY(type_of(o->type, own == MN_Q_F16 || own == MN_Q_BF16 ? own : MN_Q_F32, false, &type,
                   e));
    return mn_model_export_folder(m, o->to, (mn_qtype)type, e);
}

static mn_rc export(const options *o, const char *name, mn_arena *a, mn_err *e)
{
    const char *path;
    mn_model *m;
    if (!o->to)
        return mn_fail(e, MN_E_USAGE, "say where --to: a file ending in .gguf, or a folder");
    MN_TRY(mn_models_find(mn_home_dir(o->data), name, a, &path, e));
    MN_TRY(mn_model_open(path, &m, e));
    mn_rc rc = mn_str_ends(mn_str_from(o->to), ".gguf") ? export_gguf(m, o, e)
                                                        : export_folder(m, o, e);
    mn_model_free(m);
    return rc == MN_OK ? told("exported", mn_fs_base(path), o->to, a, o->json, e) : rc;
}

int mn_cmd_model_export(int argc, char **argv)
{
    options o = {0};
    mn_err e = {0};
    const mn_usage u = {"model export", "MODEL --to FILE.gguf|DIR [--type T]",
                        "Hands a model over: as a GGUF file that llama.cpp runs, or as a "
                        "folder that transformers "
                        "loads.",
                        "mynah model export smollm2 --to smollm2-q8.gguf --type q8_0"};
    const mn_opt opts[] = {
        MN_CMD_OPT_DATA(&o.data),
        {"to", 'o', MN_OPT_STR, &o.to, "PATH", "A file ending in .gguf, or a folder."},
        {"type", 't', MN_OPT_STR, &o.type, "T",
         "Format of the matrices. GGUF: f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q4_k, "
         "q5_k, "
         "q6_k; as they are. Folder: f32, f16, bf16; f32 for a quantised model."},
        {"pure", 0, MN_OPT_FLAG, &o.pure, NULL,
         "The output matrix in that format too, where it would be q6_k."},
        MN_CMD_OPT_JSON(&o.json, "JSON, one object."),
        {0},
    };
    mn_arena a;
    mn_arena_init(&a, 1u << 20);
    mn_rc rc = parse(argc, argv, &u, opts, "the name of one model", &e);
    if (rc == MN_OK) rc = export(&o, argv[1], &a, &e);
    mn_arena_release(&a);
    return rc == MN_OK ? 0 : mn_cmd_failed("model export", &e, o.json);
}

/* ---- quantize ---------------------------------------------------------------------------------------------------- */

static mn_rc quantize(const options *o, const char *name, mn_arena *a, mn_err *e)
{
    const char *path, *dir;
    uint32_t type;
    mn_model *m;
    if (!o->name || !o->type)
        return mn_fail(e, MN_E_USAGE, "give the new model a --name and a --type");
    MN_TRY(type_of(o->type, 0, o->pure, &type, e));
    MN_TRY(mn_models_find(mn_home_dir(o->data), name, a, &path, e));
    MN_TRY(mn_models_place(mn_home_dir(o->data), o->name, a, &dir, e));
    MN_TRY(mn_model_open(path, &m, e));
    mn_rc rc = mn_model_quantise(m, dir, type, e);
    mn_model_free(m);
    if (rc == MN_OK) rc = mn_descent_note(dir, path, "quantised", e);
    return rc == MN_OK ? told("made", o->name, dir, a, o->json, e) : rc;
}

int mn_cmd_model_quantize(int argc, char **argv)
{
    options o = {0};
    mn_err e = {0};
    const mn_usage u = {"model quantize", "MODEL --type T --name NAME",
                        "Makes a new model of the same weights in another format.",
                        "mynah model quantize mine --type q4_k --name mine-q4"};
    const mn_opt opts[] = {
        MN_CMD_OPT_DATA(&o.data),
        {"name", 'n', MN_OPT_STR, &o.name, "NAME", "What the new model is called."},
        {"type", 't', MN_OPT_STR, &o.type, "T",
         "Format of the matrices: f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q4_k, q5_k, "
         "q6_k."},
        {"pure", 0, MN_OPT_FLAG, &o.pure, NULL,
         "The output matrix in that format too, where it would be q6_k."},
        MN_CMD_OPT_JSON(&o.json, "JSON, one object."),
        {0},
    };
    mn_arena a;
    mn_arena_init(&a, 1u << 20);
    mn_rc rc = parse(argc, argv, &u, opts, "the name of one model", &e);
    if (rc == MN_OK) rc = quantize(&o, argv[1], &a, &e);
    mn_arena_release(&a);
    return rc == MN_OK ? 0 : mn_cmd_failed("model quantize", &e, o.json);
}

#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "cmd/cmd.h"
#include "cmd/models.h"
#include "cmd/promote.h"
#include "model/descent.h"
#include "model/open.h"
#include "social/social.h"

typedef struct facts {
    mn_config cfg;
    const char *format;
    uint64_t bytes;
    mn_str licence, origin, author;
    const char *stale;       /* why it should not be used; NULL: it may */
    const mn_json *training; /* NULL when it was not trained here */
} facts;

/* training.json, where there is one. */
static mn_rc read_training(const char *path, mn_arena *a, const mn_json **ret, mn_err *e)
{
    mn_buf text;
    mn_err ignored = {0};
    mn_json *t = NULL;
    mn_rc rc = MN_OK;
    const char *training = mn_fs_join(a, path, "training.json");
    if (!training) return mn_fail(e, MN_E_NOMEM, "out of memory");
    mn_buf_init(&text, 16u << 20);
    if (mn_fs_read(training, 16u << 20, &text, &ignored) == MN_OK)
        rc = mn_json_parse(mn_str_dup(a, mn_buf_str(&text)), a, &t, e);
    *ret = t;
    mn_buf_release(&text);
    return rc;
}

static mn_rc facts_of(const char *path, mn_arena *a, facts *ret, mn_err *e)
{
    mn_model *m;
    MN_TRY(mn_model_open_weights(path, &m, e));
    *ret = (facts){.cfg = m->cfg,
                   .format = mn_qformat_of(mn_model_format(m))->name,
                   .bytes = m->bytes,
                   .licence = mn_str_dup(a, m->licence),
                   .origin = mn_str_dup(a, m->origin),
                   .author = mn_str_dup(a, m->author)};
    mn_model_free(m);
    if (mn_fs_is_dir(path)) MN_TRY(mn_stale_because(path, a, &ret->stale, e));
    return read_training(path, a, &ret->training, e);
}

static double last_bits(const mn_json *t)
{
    const mn_json *evals = mn_json_get(t, "evals");
    return evals && evals->n
               ? mn_json_f64(mn_json_get(mn_json_at(evals, evals->n - 1), "val_bits_per_byte"),
                             -1)
               : -1;
}

static mn_rc print_facts(const char *name, const facts *f, bool current, bool json, mn_err *e)
{
    double bits = last_bits(f->training);
    mn_str corpus = mn_json_str(mn_json_get(f->training, "corpus"));
    if (!json) {
        printf("%c %-24s %10llu parameters  %5s %8.1f MB", current ? '*' : ' ', name,
               (unsigned long long)mn_config_params(&f->cfg), f->format,
               (double)f->bytes / 1e6);
        if (bits > 0) printf("  %.3f bits per byte", bits);
        if (corpus.len) printf("  corpus %.*s", MN_STR_FMT(corpus));
        if (f->licence.len) printf("  licence %.*s", MN_STR_FMT(f->licence));
        if (f->stale) printf("  stale: %s", f->stale);
        putchar('\n');
        return MN_OK;
    }
    mn_buf b;
    mn_json_writer w;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "name", name);
    mn_jw_kbool(&w, "current", current);
    mn_jw_ku64(&w, "params", mn_config_params(&f->cfg));
    mn_jw_ku64(&w, "context", f->cfg.T);
    mn_jw_ku64(&w, "vocab", f->cfg.V);
    mn_jw_kstrz(&w, "format", f->format);
    mn_jw_ku64(&w, "bytes", f->bytes);
    if (f->licence.len) mn_jw_kstr(&w, "licence", f->licence);
    if (f->origin.len) mn_jw_kstr(&w, "origin", f->origin);
    if (f->author.len) mn_jw_kstr(&w, "author", f->author);
    if (corpus.len) mn_jw_kstr(&w, "corpus", corpus);
    if (bits > 0) mn_jw_kf64(&w, "val_bits_per_byte", bits);
    if (f->stale) mn_jw_kstrz(&w, "stale_because", f->stale);
    mn_jw_object_end(&w);
    return mn_cmd_print(&b, e);
}

typedef struct options {
    const char *data;
    bool json;
} options;

/* Parses the options all verbs share; *ret_n positionals are in argv[1..]. */
static mn_rc parse(int argc, char **argv, const mn_usage *u, options *o, int least, int *ret_n,
                   mn_err *e)
{
    const mn_opt opts[] = {
        MN_CMD_OPT_DATA(&o->data),
        MN_CMD_OPT_JSON(&o->json, "JSON, one object a line"),
        {0},
    };
    MN_TRY(mn_args_parse(argc, argv, u, opts, ret_n, e));
    if (*ret_n != least)
        return mn_fail(e, MN_E_USAGE,
                       least ? "give the name of one model" : "'%s' was not expected", argv[1]);
    return MN_OK;
}

static mn_rc list(const options *o, mn_arena *a, mn_err *e)
{
    char current[256];
    char **names;
    size_t n;
    mn_rc rc = MN_OK;
    const char *models = mn_fs_join(a, mn_home_dir(o->data), "models");
    if (!models) return mn_fail(e, MN_E_NOMEM, "out of memory");
    if (!mn_fs_is_dir(models)) return MN_OK;
    mn_promoted_current(mn_home_dir(o->data), current);
    MN_TRY(mn_fs_list(models, a, &names, &n, e));
    for (size_t i = 0; i < n; i++) {
        const char *dir = NULL;
        facts f;
        mn_err ignored = {0};
        if (names[i][0] == '.' || strcmp(names[i], "current") == 0) continue;
        /* A folder whose first checkpoint is not there yet is not a model. */
        if (mn_models_find(mn_home_dir(o->data), names[i], a, &dir, &ignored) != MN_OK)
            continue;
        if (facts_of(dir, a, &f, &ignored) != MN_OK) { /* the others are still listed */
            rc = mn_fail(e, MN_E_CORRUPT,
                         "'%s' cannot be read (%s); train it again or remove its folder",
                         names[i], ignored.msg);
            continue;
        }
        MN_TRY(print_facts(names[i], &f, strcmp(names[i], current) == 0, o->json, e));
    }
    return rc;
}

static int run_list(int argc, char **argv)
{
    options o = {0};
    mn_err e = {0};
    int n;
    const mn_usage u = {"model list", "",
                        "Lists the models in the data folder; * marks the promoted one.", NULL};
    mn_arena a;
    mn_arena_init(&a, 64u << 20);
    mn_rc rc = parse(argc, argv, &u, &o, 0, &n, &e);
    if (rc == MN_OK) rc = list(&o, &a, &e);
    mn_arena_release(&a);
    return rc == MN_OK ? 0 : mn_cmd_failed("model list", &e, o.json);
}

static mn_rc show(const options *o, const char *name, mn_arena *a, mn_err *e)
{
    const char *dir;
    facts f;
    mn_buf b;
    MN_TRY(mn_models_find(mn_home_dir(o->data), name, a, &dir, e));
    MN_TRY(facts_of(dir, a, &f, e));
    if (o->json) return print_facts(mn_fs_base(dir), &f, false, true, e);
    mn_buf_init(&b, 0);
    mn_rc rc = mn_config_write_with(&f.cfg, NULL, &b);
    printf("%s\n%s\n", dir, b.ptr ? b.ptr : "");
    mn_buf_release(&b);
    if (rc != MN_OK) return mn_fail(e, rc, "out of memory");
    if (f.origin.len) printf("origin   %.*s\n", MN_STR_FMT(f.origin));
    if (f.author.len) printf("author   %.*s\n", MN_STR_FMT(f.author));
    return print_facts(mn_fs_base(dir), &f, false, false, e);
}

static int run_show(int argc, char **argv)
{
    options o = {0};
    mn_err e = {0};
    int n;
    const mn_usage u = {"model show", "MODEL",
                        "Shows a model's shape, format, licence, origin, corpus and quality.",
                        NULL};
    mn_arena a;
    mn_arena_init(&a, 64u << 20);
    mn_rc rc = parse(argc, argv, &u, &o, 1, &n, &e);
    if (rc == MN_OK) rc = show(&o, argv[1], &a, &e);
    mn_arena_release(&a);
    return rc == MN_OK ? 0 : mn_cmd_failed("model show", &e, o.json);
}

static int run_promote(int argc, char **argv)
{
    options o = {0};
    mn_err e = {0};
    int n;
    const mn_usage u = {"model promote", "MODEL",
                        "Makes a model the one that answers and generates (models/current).",
                        NULL};
    mn_rc rc = parse(argc, argv, &u, &o, 1, &n, &e);
    if (rc == MN_OK) rc = mn_promote(mn_home_dir(o.data), argv[1], "operator", &e);
    if (rc == MN_OK && !o.json) printf("promoted %s\n", argv[1]);
    if (rc == MN_OK && o.json) {
        mn_buf b;
        mn_json_writer w;
        mn_buf_init(&b, 0);
        mn_json_writer_init(&w, &b, 0);
        mn_jw_object(&w);
        mn_jw_kstrz(&w, "promoted", argv[1]);
        mn_jw_object_end(&w);
        rc = mn_cmd_print(&b, &e);
    }
    return rc == MN_OK ? 0 : mn_cmd_failed("model promote", &e, o.json);
}

static mn_rc tell_rolled_back(const mn_rolled_back *r, bool json, mn_err *e)
{
    mn_buf b;
    mn_json_writer w;
    if (!json) {
        printf("rolled back from %s to %s%s\n", r->from, r->to,
               r->changed ? ", which has forgotten something since" : "");
        return MN_OK;
    }
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "promoted", r->to);
    mn_jw_kstrz(&w, "rolled_back", r->from);
    mn_jw_kbool(&w, "changed", r->changed);
    mn_jw_object_end(&w);
    return mn_cmd_print(&b, e);
}

static int run_rollback(int argc, char **argv)
{
    options o = {0};
    mn_err e = {0};
    mn_rolled_back r;
    int n;
    const mn_usage u = {"model rollback", "",
                        "Puts the model that was in use before back into use; again, the one "
                        "before that.",
                        NULL};
    mn_rc rc = parse(argc, argv, &u, &o, 0, &n, &e);
    if (rc == MN_OK) rc = mn_promote_back(mn_home_dir(o.data), &r, &e);
    if (rc == MN_OK) rc = tell_rolled_back(&r, o.json, &e);
    return rc == MN_OK ? 0 : mn_cmd_failed("model rollback", &e, o.json);
}

int mn_cmd_model(int argc, char **argv)
{
    static const mn_cmd verbs[] = {
        {"list", run_list, "list the models"},
        {"show", run_show, "show one"},
        {"import", mn_cmd_model_import, "bring a GGUF file or folder in"},
        {"export", mn_cmd_model_export, "hand one over as GGUF or as a folder"},
        {"quantize", mn_cmd_model_quantize, "make one smaller"},
        {"promote", run_promote, "make one the model in use"},
        {"rollback", run_rollback, "put the one before back into use"},
        {0},
    };
    return mn_cmd_verbs("model", verbs, argc, argv);
}

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/stop.h"
#include "cmd/cmd.h"
#include "cmd/models.h"
#include "infer/infer.h"
#include "social/social.h"

#define LINE_MAX_BYTES (1u << 20)

typedef struct options {
    const char *data, *model, *text;
    uint64_t threads;
    bool json;
} options;

/* Every line of the file is a post of its own; empty lines are passed over. */
static mn_rc eval_file(mn_engine *g, FILE *f, const char *path, uint64_t size, mn_eval *ret,
                       mn_err *e)
{
    mn_seq *s = NULL;
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    uint64_t number = 0, at = 0;
    mn_progress bar;
    int64_t now = mn_now_ms();
    MN_TRY(mn_seq_new(g, &s, e));
    mn_progress_start(&bar, "eval", "bytes", size);
    mn_rc rc = MN_OK;
    while (rc == MN_OK && (n = getline(&line, &cap, f)) >= 0) {
        mn_str text = mn_str_trim((mn_str){line, (size_t)n});
        number++;
        at += (uint64_t)n;
        if (mn_stop_requested())
            rc = mn_fail(e, MN_E_CANCELLED, "stopped at line %llu of '%s'",
                         (unsigned long long)number, path);
        else if (text.len > LINE_MAX_BYTES)
            rc = mn_fail(e, MN_E_LIMIT, "line %llu of '%s' is longer than 1 MiB",
                         (unsigned long long)number, path);
        else if (!mn_utf8_valid(text))
            rc = mn_fail(e, MN_E_PARSE, "line %llu of '%s' is not valid UTF-8",
                         (unsigned long long)number, path);
        else if (text.len) rc = mn_eval_text(s, text, now, ret, e);
        mn_progress_set(&bar, at);
    }
    mn_progress_end(&bar);
    if (rc == MN_OK && ferror(f)) rc = mn_fail_errno(e, MN_E_IO, "cannot read '%s'", path);
    if (rc == MN_OK && ret->bytes == 0) rc = mn_fail(e, MN_E_PARSE, "'%s' has no text", path);
    (free)(line); /* getline's own memory */
    mn_seq_free(s);
    return rc;
}

static mn_rc run(const options *o, mn_arena *a, const char **ret_dir, mn_eval *ret, mn_err *e)
{
    mn_engine *g = NULL;
    uint64_t size = 0;
    MN_TRY(mn_models_find(mn_home_dir(o->data), o->model, a, ret_dir, e));
    MN_TRY(mn_fs_size(o->text, &size, e));
    FILE *f = fopen(o->text, "rbe");
    if (!f) return mn_fail_errno(e, MN_E_IO, "cannot open '%s'", o->text);
    mn_rc rc = mn_engine_load(*ret_dir, &(mn_engine_opts){.n_threads = (int)o->threads}, &g, e);
    if (rc == MN_OK) rc = eval_file(g, f, o->text, size, ret, e);
    mn_engine_free(g);
    fclose(f);
    return rc;
}

/* Per token of the model's own tokenizer: comparable between models that share it. */
static double perplexity(const mn_eval *r)
{
    return r->tokens ? exp2(r->bits / (double)r->tokens) : 0;
}

int mn_cmd_eval(int argc, char **argv)
{
    options o = {0};
    mn_err e = {0};
    mn_eval r = {0};
    int n_pos;
    const char *dir = NULL;
    const mn_opt opts[] = {
        {"model", 'm', MN_OPT_STR, &o.model, "MODEL",
         "a name under models/, a folder or a GGUF file; default: the promoted model"},
        {"text", 0, MN_OPT_STR, &o.text, "FILE", "UTF-8 text, one post a line"},
        {"threads", 0, MN_OPT_U64, &o.threads, "P", "threads; default: all processors"},
        MN_CMD_OPT_DATA(&o.data),
        MN_CMD_OPT_JSON(&o.json, "one JSON object"),
        {0},
    };
    const mn_usage u = {"eval", "[--model MODEL] --text FILE",
                        "Says how well a model predicts text it has not seen, in bits per byte "
                        "of the text (lower is better; "
                        "comparable between tokenizers and with compressors), and its "
                        "perplexity for each token.",
                        "mynah eval --text corpus-I-kept-aside.txt"};
    mn_rc rc = mn_args_parse(argc, argv, &u, opts, &n_pos, &e);
    if (rc == MN_OK && (!o.text || n_pos > 0))
        rc = mn_fail(&e, MN_E_USAGE, "give the text to evaluate on with --text FILE");
    if (rc == MN_OK && o.threads > 1024) rc = mn_fail(&e, MN_E_USAGE, "--threads is too large");
    if (rc != MN_OK) return mn_cmd_failed("eval", &e, o.json);
    mn_arena a;
    mn_arena_init(&a, 1u << 20);
    rc = run(&o, &a, &dir, &r, &e);
    if (rc == MN_OK && o.json)
        printf("{\"bits_per_byte\":%.6f,\"perplexity\":%.6f,\"bytes\":%llu,\"tokens\":%llu}\n",
               r.bits / (double)r.bytes, perplexity(&r), (unsigned long long)r.bytes,
               (unsigned long long)r.tokens);
    else if (rc == MN_OK)
        printf(
            "%.4f bits per byte over %llu bytes, perplexity %.4f over %llu tokens, model %s\n",
            r.bits / (double)r.bytes, (unsigned long long)r.bytes, perplexity(&r),
            (unsigned long long)r.tokens, dir);
    mn_arena_release(&a);
    return rc == MN_OK ? 0 : mn_cmd_failed("eval", &e, o.json);
}

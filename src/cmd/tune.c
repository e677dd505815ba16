/* mynah tune: finds base and data, chooses the model's name, runs mn_tune_run, shows it; and merges adapters. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "cmd/card.h"
#include "cmd/cmd.h"
#include "cmd/learning.h"
#include "cmd/models.h"
#include "model/tune.h"
#include "social/social.h"
#include "tensor/gemm.h"

typedef struct job {
    const char *from, *lines, *corpus, *name, *targets, *dtype, *type, *merge;
    uint64_t rank, steps, seed, threads, batch, context, memory_mb;
    double alpha, minutes, epochs, lr, held;
    bool full, resume;
    mn_opt_strs given; /* --data: the file, and a data folder if need be */
    mn_arena arena;
    mn_learning l;
    mn_tune_opts o;
} job;

/* ---- showing it ------------------------------------------------------------------------------------------------- */

static void on_eval(void *arg, uint64_t step, double loss)
{
    const mn_learning *l = arg;
    if (l->json) printf("{\"step\":%llu,\"val_loss\":%.6f}\n", (unsigned long long)step, loss);
    else fprintf(stderr, "step %llu: held-out loss %.4f\n", (unsigned long long)step, loss);
    fflush(stdout);
}

static void put_counts(mn_json_writer *w, const mn_chat_counts *n)
{
    mn_jw_key(w, "lines");
    mn_jw_object(w);
    mn_jw_ku64(w, "read", n->lines);
    mn_jw_ku64(w, "kept", n->kept);
    mn_jw_ku64(w, "cut", n->cut);
    mn_jw_key(w, "skipped");
    mn_jw_object(w);
    for (int i = 0; i < MN_SKIPS; i++)
        if (n->skipped[i]) mn_jw_ku64(w, mn_chat_skip_name((mn_chat_skip)i), n->skipped[i]);
    mn_jw_object_end(w);
    if (n->first[0]) mn_jw_kstrz(w, "first_skipped", n->first);
    mn_jw_object_end(w);
}

static mn_rc report_json(const job *j, const mn_tune_result *r, mn_err *e)
{
    mn_buf b;
    mn_json_writer w;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "model", j->name);
    if (r->held_examples) {
        mn_jw_kf64(&w, "val_loss_before", r->loss_before);
        mn_jw_kf64(&w, "val_loss", r->loss_best);
        mn_jw_ku64(&w, "best_step", r->best_step);
    }
    mn_jw_ku64(&w, "steps", r->steps);
    mn_jw_ku64(&w, "tokens", r->tokens);
    mn_jw_ku64(&w, "learnt_tokens", r->learnt);
    mn_jw_ku64(&w, "params", r->params);
    mn_jw_ku64(&w, "examples", r->train_examples);
    mn_jw_ku64(&w, "held_out_examples", r->held_examples);
    if (r->counts.lines) put_counts(&w, &r->counts);
    mn_jw_kf64(&w, "seconds", r->seconds);
    mn_jw_kbool(&w, "finished", r->finished);
    mn_jw_object_end(&w);
    return mn_cmd_print(&b, e);
}

static void report_text(const job *j, const mn_tune_result *r)
{
    const mn_chat_counts *n = &r->counts;
    if (n->kept < n->lines) {
        fprintf(stderr, "%llu of %llu lines were left out (",
                (unsigned long long)(n->lines - n->kept), (unsigned long long)n->lines);
        const char *comma = "";
        for (int i = 0; i < MN_SKIPS; i++) {
            if (!n->skipped[i]) continue;
            fprintf(stderr, "%s%s %llu", comma, mn_chat_skip_name((mn_chat_skip)i),
                    (unsigned long long)n->skipped[i]);
            comma = ", ";
        }
        fprintf(stderr, "); the first: %s\n", n->first);
    }
    if (n->cut)
        fprintf(stderr, "%llu conversations were cut to fit\n", (unsigned long long)n->cut);
    if (!r->finished) return;
    printf("model %s: %llu steps, %llu tokens (%llu learnt), %.0f s\n", j->name,
           (unsigned long long)r->steps, (unsigned long long)r->tokens,
           (unsigned long long)r->learnt, r->seconds);
    if (!r->held_examples) return;
    printf("held-out loss %.4f before, %.4f at its best (step %llu)\n", r->loss_before,
           r->loss_best, (unsigned long long)r->best_step);
}

static mn_rc report(const job *j, const mn_tune_result *r, mn_err *e)
{
    mn_rc rc = MN_OK;
    if (j->l.json) rc = report_json(j, r, e);
    else report_text(j, r);
    if (!r->finished) mn_learning_stopped(&j->l, r->steps, j->name);
    return rc;
}

/* ---- choosing ------------------------------------------------------------------------------------------------------ */

static const char *text_at(const mn_json *o, const char *key, mn_arena *a)
{
    mn_str s = mn_json_str(mn_json_get(o, key));
    return s.ptr ? mn_str_dup(a, s).ptr : NULL;
}

/* What an interrupted run was given stands beside its checkpoints. */
static mn_rc recall(job *j, mn_err *e)
{
    if (!j->name) MN_TRY(mn_learning_unfinished(&j->l, true, &j->name, e));
    const mn_json *run = mn_learning_file(&j->l, j->name, "checkpoints/run.json");
    if (!run && !j->from)
        return mn_fail(
            e, MN_E_NOT_FOUND,
            "there is no tuning '%s' to go on with; begin one with --from and --data", j->name);
    if (!run) return MN_OK;
    if (!j->from) j->o.base_name = text_at(run, "base_name", &j->arena);
    if (!j->from) j->o.base = text_at(run, "base", &j->arena);
    if (j->lines || j->corpus) return MN_OK;
    j->o.data = text_at(run, "data", &j->arena);
    j->o.corpus_dir = text_at(run, "corpus", &j->arena);
    return MN_OK;
}

/* As an absolute path, so that resuming finds it from elsewhere. */
static const char *absolute(job *j, const char *path)
{
    char real[PATH_MAX];
    return mn_str_dup(&j->arena, mn_str_from(realpath(path, real) ? real : path)).ptr;
}

/* The base: its path, and the name that the adapter remembers it by (a name under models/, else the path as given). */
static mn_rc find_base(job *j, mn_err *e)
{
    const char *path;
    if (j->o.base) return MN_OK;
    if (!j->from)
        return mn_fail(e, MN_E_USAGE, "name the model to tune with --from; see --help");
    MN_TRY(mn_models_find(mn_home_dir(j->l.data), j->from, &j->arena, &path, e));
    j->o.base = absolute(j, path);
    j->o.base_name = j->from;
    return j->o.base ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory");
}

static mn_rc find_data(job *j, mn_err *e)
{
    if (j->lines) {
        if (!mn_fs_exists(j->lines))
            return mn_fail(e, MN_E_NOT_FOUND, "there is no file '%s'", j->lines);
        j->o.data = absolute(j, j->lines);
    }
    if (j->corpus) {
        mn_str dir = mn_str_fmt(&j->arena, "%s/corpus/%s", mn_home_dir(j->l.data), j->corpus);
        j->o.corpus_dir = dir.ptr ? absolute(j, dir.ptr) : NULL;
    }
    if (!j->o.data == !j->o.corpus_dir)
        return mn_fail(e, MN_E_USAGE, "give --data FILE.jsonl or --corpus NAME, one of them");
    return MN_OK;
}

/* BASE-tuned, or with a number behind it when that is taken. */
static mn_rc choose_name(job *j, mn_err *e)
{
    mn_str base = mn_str_from(mn_fs_base(j->from));
    if (mn_str_ends(base, ".gguf")) base.len -= 5;
    mn_str stem = mn_str_fmt(&j->arena, "%.*s-tuned", MN_STR_FMT(base));
    if (!stem.ptr) return mn_fail(e, MN_E_NOMEM, "no memory");
    return mn_learning_name(&j->l, stem, "", &j->name, e);
}

/* ---- options ----------------------------------------------------------------------------------------------------------- */

/* bf16 where the machine has it. */
static mn_rc choose_dtype(job *j, mn_err *e)
{
    mn_gemm_setup();
    if (!j->dtype) {
        j->o.dtype = mn_gemm_bf16_check(NULL) == MN_OK ? MN_BF16 : MN_F32;
        return MN_OK;
    }
    if (strcmp(j->dtype, "f32") != 0 && strcmp(j->dtype, "bf16") != 0)
        return mn_fail(e, MN_E_USAGE, "no dtype '%s': expected f32 or bf16", j->dtype);
    j->o.dtype = strcmp(j->dtype, "bf16") == 0 ? MN_BF16 : MN_F32;
    return MN_OK;
}

static mn_rc choose_type(job *j, mn_err *e)
{
    const mn_qformat *f = j->type ? mn_qformat_named(mn_str_from(j->type)) : NULL;
    j->o.type = f ? f->type : MN_TUNE_TYPE_BASE;
    if (!j->type || (f && f->block == 1)) return MN_OK;
    return mn_fail(
        e, MN_E_USAGE,
        "no type '%s': models are merged as f32, f16 or bf16; `mynah model quantize` "
        "makes them smaller",
        j->type);
}

/* --data FILE.jsonl and --data DIR. */
static mn_rc sort_given(job *j, mn_err *e)
{
    for (int i = 0; i < j->given.n; i++) {
        const char **to = mn_fs_is_dir(j->given.items[i]) ? &j->l.data : &j->lines;
        if (*to)
            return mn_fail(e, MN_E_USAGE, "--data was given '%s' and '%s'; one file is learnt",
                           *to, j->given.items[i]);
        *to = j->given.items[i];
    }
    return MN_OK;
}

static mn_rc check_options(job *j, int n_pos, char **argv, mn_err *e)
{
    MN_TRY(sort_given(j, e));
    if (n_pos > 0) return mn_fail(e, MN_E_USAGE, "'%s' was not expected; see --help", argv[1]);
    bool fine = j->minutes >= 0 && j->minutes <= 1e6 && j->epochs >= 0 && j->epochs <= 1e6 &&
                j->lr >= 0 && j->lr <= 1 && j->alpha >= 0 && j->alpha <= 1e6 && j->held >= 0 &&
                j->held <= 0.5;
    if (!fine || j->threads > 1024 || j->batch > 4096 || j->rank > MN_LORA_RANK_MAX ||
        j->memory_mb > 1u << 30)
        return mn_fail(e, MN_E_USAGE,
                       "--minutes, --epochs, --lr, --alpha, --held-out, --threads, --batch, "
                       "--lora or --memory is out of range");
    if (j->full && (j->rank || j->alpha > 0 || j->targets))
        return mn_fail(e, MN_E_USAGE,
                       "--full tunes all weights: it has no --lora, --alpha or --lora-targets");
    if (j->merge && (j->lines || j->corpus || j->full || j->resume))
        return mn_fail(e, MN_E_USAGE,
                       "--merge only joins an adapter and its base: give --from");
    if (j->targets) MN_TRY(mn_lora_targets_parse(mn_str_from(j->targets), &j->o.targets, e));
    MN_TRY(choose_type(j, e));
    return choose_dtype(j, e);
}

static mn_rc prepare(job *j, mn_err *e)
{
    const char *place = NULL;
    if (j->resume) MN_TRY(recall(j, e));
    MN_TRY(find_base(j, e));
    if (!j->merge) MN_TRY(find_data(j, e));
    if (!j->name) MN_TRY(choose_name(j, e));
    mn_rc rc = mn_models_place(mn_home_dir(j->l.data), j->name, &j->arena, &place, e);
    if (rc != MN_OK && (rc != MN_E_EXISTS || !j->resume)) return rc;
    j->o.model_dir = place ? place : mn_learning_dir(&j->l, j->name);
    if (!j->o.model_dir) return mn_fail(e, MN_E_NOMEM, "no memory");
    return mn_learning_writable(&j->l, e);
}

static mn_rc tune(job *j, mn_err *e)
{
    mn_tune_result r = {0};
    mn_tune_opts *o = &j->o;
    o->full = j->full;
    o->rank = (uint32_t)j->rank, o->alpha = (float)j->alpha;
    o->minutes = j->minutes, o->epochs = j->epochs, o->steps = j->steps;
    o->peak_lr = j->lr, o->seed = j->seed, o->threads = (int)j->threads;
    o->batch_rows = (size_t)j->batch, o->row_tokens = (size_t)j->context;
    o->held_share = j->held, o->memory_bytes = j->memory_mb << 20;
    o->resume = j->resume;
    o->arg = &j->l, o->on_note = mn_learning_note, o->on_step = mn_learning_step;
    o->on_eval = on_eval;
    mn_progress_start(&j->l.bar, "tune", "‰", 1000);
    mn_rc rc = mn_tune_run(o, &r, e);
    mn_progress_end(&j->l.bar);
    if (rc == MN_OK) rc = mn_card_make(mn_home_dir(j->l.data), o->model_dir, e);
    return rc == MN_OK ? report(j, &r, e) : rc;
}

static mn_rc merge(job *j, mn_err *e)
{
    MN_TRY(mn_tune_merge(j->o.base, j->o.base_name, j->merge, j->o.model_dir, j->o.type,
                         (int)j->threads, e));
    if (!j->l.json) {
        printf("model %s\n", j->name);
        return MN_OK;
    }
    mn_buf b;
    mn_json_writer w;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "model", j->name);
    mn_jw_kstrz(&w, "path", j->o.model_dir);
    mn_jw_object_end(&w);
    return mn_cmd_print(&b, e);
}

int mn_cmd_tune(int argc, char **argv)
{
    job j = {.seed = 1, .l = {.verb = "tune", .arena = &j.arena}};
    mn_err e = {0};
    int n = 0;
    const mn_usage usage = {
        .name = "tune",
        .synopsis = "--from MODEL (--data FILE.jsonl | --corpus N) [--lora R | --full] "
                    "[--epochs E|--steps N|--minutes M] [--name N] [--resume]",
        .about =
            "Tunes a model on conversations or on a corpus: a small adapter beside its weights "
            "(LoRA), or with --full all of them.\n"
            "Lines of the data are {\"messages\":[{\"role\",\"content\"}…]}, "
            "{\"prompt\",\"completion\"} or {\"text\"}; of conversations the assistant's turns "
            "alone are learnt. A quantised model stays quantised in memory. Ctrl-C saves it, "
            "--resume goes on as if it had never stopped.\n"
            "Without a budget: three epochs. The tuned model is a folder of plain weights with "
            "the adapter beside them.",
        .example = "  mynah tune --from smollm2 --data chats.jsonl --name helper\n"
                   "  mynah tune --from smollm2 --merge ADAPTER --name merged"};
    const mn_opt opts[] = {
        {"from", 0, MN_OPT_STR, &j.from, "MODEL", "The model to tune."},
        {"data", 0, MN_OPT_STRS, &j.given, "FILE",
         "Lines of JSON to learn. A folder here is the data folder, as in other commands; else "
         "$MYNAH_DATA, else ./mynah-data."},
        {"corpus", 0, MN_OPT_STR, &j.corpus, "N", "A corpus to learn."},
        {"lora", 0, MN_OPT_U64, &j.rank, "R", "The adapter's rank (16)."},
        {"alpha", 0, MN_OPT_F64, &j.alpha, "A", "Its scale is alpha / rank (twice the rank)."},
        {"lora-targets", 0, MN_OPT_STR, &j.targets, "LIST",
         "Some of q,k,v,o,gate,up,down (all)."},
        {"full", 0, MN_OPT_FLAG, &j.full, NULL, "All weights instead of an adapter."},
        {"epochs", 0, MN_OPT_F64, &j.epochs, "E", "Stop after E passes over the data."},
        {"steps", 0, MN_OPT_U64, &j.steps, "N", "Stop after N steps."},
        {"minutes", 0, MN_OPT_F64, &j.minutes, "M", "Stop after M minutes."},
        {"lr", 0, MN_OPT_F64, &j.lr, "X", "Highest learning rate (by width and kind)."},
        {"batch", 0, MN_OPT_U64, &j.batch, "ROWS", "Rows a step (by the data, at most 8)."},
        {"context", 0, MN_OPT_U64, &j.context, "T", "Tokens a row (512, or the model's)."},
        {"held-out", 0, MN_OPT_F64, &j.held, "SHARE", "Of the lines, to measure on (0.05)."},
        {"seed", 's', MN_OPT_U64, &j.seed, "S", "Same seed, same model (1)."},
        {"threads", 0, MN_OPT_U64, &j.threads, "P",
         "Threads (all processors); results do not depend on it."},
        {"memory", 0, MN_OPT_U64, &j.memory_mb, "MB",
         "For activations (2048); less takes longer, results do not depend on it."},
        {"dtype", 0, MN_OPT_STR, &j.dtype, "D",
         "Of matrix products: bf16 where the processor has it, else f32."},
        {"type", 0, MN_OPT_STR, &j.type, "T",
         "Of the tuned model's weights: f32, f16 or bf16 (the base's; f16 for quantised "
         "ones)."},
        {"name", 0, MN_OPT_STR, &j.name, "N", "The tuned model's name (BASE-tuned)."},
        {"resume", 0, MN_OPT_FLAG, &j.resume, NULL, "Go on with an interrupted tuning."},
        {"merge", 0, MN_OPT_STR, &j.merge, "DIR",
         "Only join the adapter in DIR (PEFT's layout) with --from."},
        MN_CMD_OPT_JSON(&j.l.json, "JSON lines on stdout."),
        {0}};
    mn_arena_init(&j.arena, 64u << 20);
    mn_rc rc = mn_args_parse(argc, argv, &usage, opts, &n, &e);
    if (rc == MN_OK && j.l.json) mn_progress_disable();
    if (rc == MN_OK) rc = check_options(&j, n, argv, &e);
    if (rc == MN_OK) rc = prepare(&j, &e);
    if (rc == MN_OK) rc = j.merge ? merge(&j, &e) : tune(&j, &e);
    mn_arena_release(&j.arena);
    return rc == MN_OK ? 0 : mn_cmd_failed("tune", &e, j.l.json);
}

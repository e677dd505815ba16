/* mynah train: chooses the corpus and the model's name, runs mn_train_run, shows it, and promotes the first model there is.
 * Under mpirun rank 0 does all of that, and the others only help to compute (docs/design/scale.md). */
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "cmd/card.h"
#include "cmd/cmd.h"
#include "cmd/learning.h"
#include "cmd/models.h"
#include "cmd/promote.h"
#include "corpus/corpus.h"
#include "model/train.h"
#include "social/social.h"
#include "tensor/cuda.h"

typedef struct job {
    const char *corpus, *name, *preset, *from, *stable_of, *dtype;
    const char *optim, *init, *cautious, *device;
    int gpu; /* 0: the CPU */
    mn_dtype products;
    uint64_t tokens, steps, seed, threads, batch, micro, context, history;
    double minutes, epochs, lr, decay, fall; /* decay, fall < 0: not given */
    mn_recipe recipe;
    bool resume, recompute;
    mn_ranks *ranks; /* NULL: alone */
    mn_arena arena;
    mn_learning l;
} job;

/* ---- showing it ------------------------------------------------------------------------------------------------- */

static void on_eval(void *arg, uint64_t step, double bits)
{
    const mn_learning *l = arg;
    if (l->json)
        printf("{\"step\":%llu,\"val_bits_per_byte\":%.6f}\n", (unsigned long long)step, bits);
    else
        fprintf(stderr, "step %llu: %.4f bits per byte held out\n", (unsigned long long)step,
                bits);
    fflush(stdout);
}

static mn_rc report(const job *j, const mn_train_result *r, mn_err *e)
{
    char bits[32] = "null", xz[32] = "null";
    mn_rc rc = MN_OK;
    if (r->val_bits_per_byte > 0) snprintf(bits, sizeof bits, "%.6f", r->val_bits_per_byte);
    if (r->xz_bits_per_byte > 0) snprintf(xz, sizeof xz, "%.6f", r->xz_bits_per_byte);
    if (j->l.json) {
        mn_buf b;
        mn_json_writer w;
        mn_buf_init(&b, 0);
        mn_json_writer_init(&w, &b, 0);
        mn_jw_object(&w);
        mn_jw_kstrz(&w, "model", j->name);
        mn_jw_key(&w, "val_bits_per_byte");
        mn_jw_raw(&w, mn_str_from(bits));
        mn_jw_key(&w, "xz_bits_per_byte");
        mn_jw_raw(&w, mn_str_from(xz));
        mn_jw_ku64(&w, "steps", r->steps);
        mn_jw_ku64(&w, "tokens", r->tokens);
        mn_jw_kf64(&w, "seconds", r->seconds);
        mn_jw_kbool(&w, "finished", r->finished);
        mn_jw_object_end(&w);
        rc = mn_cmd_print(&b, e);
    } else if (r->finished) {
        printf("model %s: %llu steps, %.2f M tokens, %.0f s\n", j->name,
               (unsigned long long)r->steps, (double)r->tokens / 1e6, r->seconds);
        if (r->val_bits_per_byte > 0)
            printf("%.2f bits per byte held out", r->val_bits_per_byte);
        if (r->val_bits_per_byte > 0 && r->xz_bits_per_byte > 0)
            printf("; xz -9e: %.2f", r->xz_bits_per_byte);
        if (r->val_bits_per_byte > 0) putchar('\n');
    }
    if (!r->finished) mn_learning_stopped(&j->l, r->steps, j->name);
    return rc;
}

/* ---- choosing ------------------------------------------------------------------------------------------------------ */

static mn_rc choose_corpus(job *j, mn_err *e)
{
    /* With a corpus, --resume also begins: a script that is run again need not know how far it came. */
    if (j->resume && !j->corpus && !mn_fs_is_dir(mn_learning_dir(&j->l, j->name)))
        return mn_fail(e, MN_E_NOT_FOUND,
                       "there is no model '%s' to go on with; `mynah model list` shows what is "
                       "there",
                       j->name);
    if (j->resume && !j->corpus) {
        mn_str name = mn_json_str(
            mn_json_get(mn_learning_file(&j->l, j->name, "training.json"), "corpus"));
        if (name.ptr) j->corpus = mn_str_dup(&j->arena, name).ptr;
    }
    if (j->corpus) return MN_OK;
    char *name = mn_arena_alloc(&j->arena, MN_CORPUS_NAME_MAX + 1);
    if (!name) return mn_fail(e, MN_E_NOMEM, "no memory");
    mn_rc rc = mn_corpus_latest(mn_home_dir(j->l.data), name, e);
    j->corpus = name;
    return rc;
}

/* The preset that mn_train_run will choose by itself. */
static mn_rc preset_to_come(const job *j, const char **ret, mn_err *e)
{
    mn_corpus_report c;
    mn_rule_ask ask;
    mn_rule_plan plan;
    const mn_train_opts o = {.minutes = j->minutes,
                             .epochs = j->epochs,
                             .tokens = j->tokens,
                             .steps = j->steps,
                             .threads = (int)j->threads,
                             .dtype = j->products,
                             .device = j->gpu,
                             .batch_rows = (size_t)j->batch,
                             .row_tokens = (size_t)j->context,
                             .recipe = &j->recipe,
                             .ranks = j->ranks};
    MN_TRY(mn_corpus_read(mn_home_dir(j->l.data), j->corpus, &c, e));
    MN_TRY(mn_train_plan(&o, c.train.tokens, c.train.bytes, c.vocab, NULL, &ask, &plan, e));
    *ret = plan.preset;
    return MN_OK;
}

/* CORPUS-PRESET, or with a number behind it when that is taken. */
static mn_rc choose_name(job *j, mn_err *e)
{
    const char *what = j->preset;
    if (!what && !j->from && !j->stable_of) MN_TRY(preset_to_come(j, &what, e));
    if (!what) what = j->stable_of ? "continued" : "tuned";
    mn_str stem = mn_str_fmt(&j->arena, "%s-%s", j->corpus, what);
    if (!stem.ptr) return mn_fail(e, MN_E_NOMEM, "no memory");
    return mn_learning_name(&j->l, stem, "checkpoints", &j->name, e);
}

/* One of two words; *io stays where none was given. */
static mn_rc one_of(const char *option, const char *given, const char *no, const char *yes,
                    bool *io, mn_err *e)
{
    if (!given) return MN_OK;
    *io = strcmp(given, yes) == 0;
    if (*io || strcmp(given, no) == 0) return MN_OK;
    return mn_fail(e, MN_E_USAGE, "--%s is '%s': expected %s or %s", option, given, no, yes);
}

static mn_rc choose_recipe(job *j, mn_err *e)
{
    if (j->stable_of && (j->from || j->preset || j->optim || j->init || j->cautious))
        return mn_fail(e, MN_E_USAGE,
                       "--continue goes on as the model began: give it without --from, "
                       "--preset, --optim, --init or --cautious");
    j->recipe = mn_train_recipe(j->from);
    if (j->optim) MN_TRY(mn_optimiser_parse(j->optim, &j->recipe.optimiser, e));
    MN_TRY(one_of("init", j->init, "noise", "zero", &j->recipe.zero_init, e));
    MN_TRY(one_of("cautious", j->cautious, "no", "yes", &j->recipe.cautious, e));
    if (!(j->decay <= 10) || !(j->fall <= 1) || (j->fall >= 0 && j->fall < 0.001))
        return mn_fail(e, MN_E_USAGE,
                       "--decay is 0 to 10, --fall a share of the run from 0.001 to 1");
    if (j->decay >= 0) j->recipe.decay = (float)j->decay;
    if (j->fall >= 0) j->recipe.fall = (float)j->fall;
    return MN_OK;
}

static mn_rc check_options(job *j, int n_pos, char **argv, mn_dtype *ret, mn_err *e)
{
    if (n_pos > 0) return mn_fail(e, MN_E_USAGE, "'%s' was not expected; see --help", argv[1]);
    if (j->name && (strchr(j->name, '/') || !j->name[0] || j->name[0] == '.' ||
                    strcmp(j->name, "current") == 0 || strlen(j->name) > 100))
        return mn_fail(e, MN_E_USAGE,
                       "'%s' cannot be a model's name; it is a folder's, without '/'", j->name);
    bool finite = j->minutes >= 0 && j->minutes <= 1e6 && j->epochs >= 0 && j->epochs <= 1e6 &&
                  j->lr >= 0 && j->lr <= 1;
    if (!finite || j->threads > 1024 || j->batch > 4096 || j->micro > 4096 ||
        j->history > 10000 || j->context == 1 || j->context > 1u << 20)
        return mn_fail(e, MN_E_USAGE,
                       "--minutes, --epochs, --lr, --threads, --batch, --micro, --context or "
                       "--history is out of range");
    if (j->dtype && strcmp(j->dtype, "f32") != 0 && strcmp(j->dtype, "bf16") != 0)
        return mn_fail(e, MN_E_USAGE, "no dtype '%s': expected f32 or bf16", j->dtype);
    *ret = j->products = j->dtype && strcmp(j->dtype, "bf16") == 0 ? MN_BF16 : MN_F32;
    mn_config c;
    MN_TRY(choose_recipe(j, e));
    MN_TRY(mn_cuda_device(j->device ? j->device : "cpu", &j->gpu, e));
    return j->preset ? mn_config_preset(j->preset, &c, e) : MN_OK;
}

/* Any model whose tokenizer is the corpus' own, which mn_train_run checks by its vocabulary. */
static mn_rc find_from(job *j, const char **ret, mn_err *e)
{
    *ret = NULL;
    return j->from ? mn_models_find(mn_home_dir(j->l.data), j->from, &j->arena, ret, e) : MN_OK;
}

/* A model of this data folder, by its folder. */
static mn_rc find_stable(job *j, mn_err *e)
{
    mn_checkpoint c;
    if (!j->stable_of) return MN_OK;
    const char *dir = mn_learning_dir(&j->l, j->stable_of);
    if (!dir) return mn_fail(e, MN_E_NOMEM, "no memory");
    if (strchr(j->stable_of, '/') || strcmp(j->stable_of, "current") == 0 || !mn_fs_is_dir(dir))
        return mn_fail(e, MN_E_NOT_FOUND,
                       "there is no model '%s' to go on with; `mynah model list` shows what is "
                       "there",
                       j->stable_of);
    j->stable_of = dir;
    return j->resume ? MN_OK : mn_train_stable(dir, &c, e);
}

static mn_rc choose(job *j, const char **ret_from, mn_err *e)
{
    MN_TRY(find_stable(j, e));
    if (j->resume && !j->name) MN_TRY(mn_learning_unfinished(&j->l, false, &j->name, e));
    MN_TRY(choose_corpus(j, e));
    MN_TRY(mn_learning_writable(&j->l, e));
    if (!j->name) MN_TRY(choose_name(j, e));
    return find_from(j, ret_from, e);
}

/* Rank 0 chooses; the others take its corpus where they were not told one. */
static mn_rc choose_together(job *j, const char **ret_from, mn_err *e)
{
    const bool leads = mn_ranks_rank(j->ranks) == 0;
    char corpus[MN_CORPUS_NAME_MAX + 1] = "";
    *ret_from = NULL;
    MN_TRY(mn_ranks_agree(j->ranks, leads ? choose(j, ret_from, e) : MN_OK, e));
    if (leads) snprintf(corpus, sizeof corpus, "%s", j->corpus);
    MN_TRY(mn_ranks_broadcast(j->ranks, corpus, sizeof corpus, e));
    if (leads) return MN_OK;
    if (!j->corpus) j->corpus = mn_str_dup(&j->arena, mn_str_from(corpus)).ptr;
    if (!j->name) j->name = "";
    return j->corpus ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory");
}

static mn_rc run(job *j, mn_dtype dtype, mn_err *e)
{
    const char *from;
    MN_TRY(choose_together(j, &from, e));
    mn_str corpus = mn_str_fmt(&j->arena, "%s/corpus/%s", mn_home_dir(j->l.data), j->corpus);
    const char *dir = mn_learning_dir(&j->l, j->name);
    if (!corpus.ptr || !dir) return mn_fail(e, MN_E_NOMEM, "no memory");
    mn_train_opts o = {.corpus_dir = corpus.ptr,
                       .model_dir = dir,
                       .preset = j->preset,
                       .from_dir = from,
                       .stable_of = j->stable_of,
                       .minutes = j->minutes,
                       .epochs = j->epochs,
                       .tokens = j->tokens,
                       .steps = j->steps,
                       .seed = j->seed,
                       .threads = (int)j->threads,
                       .dtype = dtype,
                       .device = j->gpu,
                       .resume = j->resume,
                       .batch_rows = (size_t)j->batch,
                       .row_tokens = (size_t)j->context,
                       .history = j->history ? (int)j->history : -1,
                       .micro_rows = (size_t)j->micro,
                       .recompute = j->recompute,
                       .peak_lr = j->lr,
                       .recipe = &j->recipe,
                       .ranks = j->ranks,
                       .arg = &j->l,
                       .on_note = mn_learning_note,
                       .on_step = mn_learning_step,
                       .on_eval = on_eval};
    mn_train_result r = {0};
    if (mn_ranks_rank(j->ranks)) return mn_train_run(&o, &r, e);
    mn_progress_start(&j->l.bar, "train", "‰", 1000);
    mn_rc rc = mn_train_run(&o, &r, e);
    mn_progress_end(&j->l.bar);
    if (rc != MN_OK) return rc;
    MN_TRY(mn_card_make(mn_home_dir(j->l.data), dir, e));
    mn_str current = mn_str_fmt(&j->arena, "%s/models/current", mn_home_dir(j->l.data));
    if (r.finished && current.ptr && !mn_fs_exists(current.ptr))
        MN_TRY(mn_promote(mn_home_dir(j->l.data), j->name, "train", e));
    return report(j, &r, e);
}

int mn_cmd_train(int argc, char **argv)
{
    job j = {.seed = 1,
             .history = MN_CHECKPOINT_HISTORY,
             .decay = -1,
             .fall = -1,
             .l = {.verb = "train", .arena = &j.arena}};
    mn_err e = {0};
    mn_dtype dtype = MN_F32;
    int n = 0;
    const mn_usage usage = {
        .name = "train",
        .synopsis = "[--corpus N] [--preset P] [--minutes M|--tokens T|--epochs E] [--name N] "
                    "[--resume]",
        .about =
            "Trains a model on a corpus; Ctrl-C saves it, --resume goes on as if it had "
            "never stopped. `mpirun -n N mynah train` shares the work.\n"
            "What is not said is chosen for the corpus and the budget: preset, batch, rate, "
            "decay, epochs; a line says what and why.",
        .example = "  mynah train --minutes 5 --preset micro\n  mynah train --resume"};
    const mn_opt opts[] = {
        {"corpus", 0, MN_OPT_STR, &j.corpus, "N", "The corpus (the one built last)."},
        {"preset", 0, MN_OPT_STR, &j.preset, "P",
         "nano, micro, small or base (by the corpus and the budget)."},
        {"from", 0, MN_OPT_STR, &j.from, "MODEL",
         "Start from a model with the corpus' tokenizer, ours or an open one (mynah corpus "
         "build --tokenizer MODEL)."},
        {"continue", 0, MN_OPT_STR, &j.stable_of, "MODEL",
         "Go on where the rate of a model trained here began to fall, with another corpus in "
         "its vocabulary."},
        {"minutes", 0, MN_OPT_F64, &j.minutes, "M", "Stop after M minutes."},
        {"tokens", 0, MN_OPT_U64, &j.tokens, "T", "Stop after T tokens."},
        {"epochs", 0, MN_OPT_F64, &j.epochs, "E", "Stop after E passes over the corpus."},
        {"steps", 0, MN_OPT_U64, &j.steps, "S", "Stop after S steps."},
        {"seed", 's', MN_OPT_U64, &j.seed, "S", "Same seed, same model (1)."},
        {"threads", 0, MN_OPT_U64, &j.threads, "P",
         "Threads (all processors); results do not depend on it."},
        {"dtype", 0, MN_OPT_STR, &j.dtype, "D", "Of matrix products: f32 (default) or bf16."},
        {"device", 0, MN_OPT_STR, &j.device, "D",
         "Where it computes: cpu (default), cuda, or cuda:N for another GPU."},
        {"batch", 0, MN_OPT_U64, &j.batch, "ROWS",
         "Sequences a step (by the length of the run)."},
        {"context", 0, MN_OPT_U64, &j.context, "TOKENS",
         "Of a sequence (256; from an open model 512)."},
        {"history", 0, MN_OPT_U64, &j.history, "N",
         "Checkpoints kept to go back to when something is to be forgotten (20)."},
        {"micro", 0, MN_OPT_U64, &j.micro, "ROWS",
         "... of which so many at once (all; under mpirun each rank its share)."},
        {"lr", 0, MN_OPT_F64, &j.lr, "RATE", "Highest learning rate (by width and batch)."},
        {"optim", 0, MN_OPT_STR, &j.optim, "O",
         "The optimiser: muon, or adamw (the default with --from)."},
        {"decay", 0, MN_OPT_F64, &j.decay, "D",
         "Weight decay of matrices (by the number of epochs; with --from 0.1)."},
        {"cautious", 0, MN_OPT_STR, &j.cautious, "YES|NO",
         "Decay only where it and the update agree (no)."},
        {"init", 0, MN_OPT_STR, &j.init, "I",
         "Of output projections: noise (default) or zero."},
        {"fall", 0, MN_OPT_F64, &j.fall, "SHARE",
         "Of the run: the rate's fall at the end (0.5)."},
        {"name", 0, MN_OPT_STR, &j.name, "N", "The model's name (CORPUS-PRESET)."},
        {"recompute", 0, MN_OPT_FLAG, &j.recompute, NULL,
         "Keep little of a batch and compute it again: less memory, a quarter more time."},
        {"resume", 0, MN_OPT_FLAG, &j.resume, NULL, "Go on with an interrupted training."},
        MN_CMD_OPT_DATA(&j.l.data),
        MN_CMD_OPT_JSON(&j.l.json, "JSON lines on stdout."),
        {0}};
    mn_arena_init(&j.arena, 64u << 20);
    mn_rc rc = mn_args_parse(argc, argv, &usage, opts, &n, &e);
    if (rc == MN_OK && j.l.json) mn_progress_disable();
    if (rc == MN_OK) rc = check_options(&j, n, argv, &dtype, &e);
    if (rc == MN_OK) rc = mn_ranks_open(&j.ranks, &e);
    mn_ranks_advise(j.ranks, "--resume goes on from the last checkpoint");
    if (rc == MN_OK) rc = run(&j, dtype, &e);
    mn_arena_release(&j.arena);
    int code = rc == MN_OK ? 0 : mn_cmd_failed_together("train", &e, j.l.json, j.ranks);
    mn_ranks_close(j.ranks);
    return code;
}

/* mynah eval: what is asked for, and texts through the engine; the other kinds are eval_*.c. */
#include "cmd/eval.h"

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
#include "tensor/gemm.h"

#define LINE_MAX_BYTES (1u << 20)

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

/* ---- --text: a file through the engine ------------------------------------------------------------------------------- */

static mn_rc eval_with_engine(const mn_eval_job *j, mn_eval *ret, mn_err *e)
{
    mn_engine *g = NULL;
    uint64_t size = 0;
    MN_TRY(mn_fs_size(j->text, &size, e));
    FILE *f = fopen(j->text, "rbe");
    if (!f) return mn_fail_errno(e, MN_E_IO, "cannot open '%s'", j->text);
    mn_rc rc = mn_engine_load(j->path, &(mn_engine_opts){.n_threads = (int)j->threads}, &g, e);
    if (rc == MN_OK) rc = eval_file(g, f, j->text, size, ret, e);
    mn_engine_free(g);
    fclose(f);
    return rc;
}

/* Per token of the model's own tokenizer: comparable between models that share it. */
static double perplexity(const mn_eval *r)
{
    return r->tokens ? exp2(r->bits / (double)r->tokens) : 0;
}

static mn_rc eval_text(mn_eval_job *j, mn_err *e)
{
    mn_eval r = {0};
    MN_TRY(eval_with_engine(j, &r, e));
    if (j->json)
        printf("{\"bits_per_byte\":%.6f,\"perplexity\":%.6f,\"bytes\":%llu,\"tokens\":%llu}\n",
               r.bits / (double)r.bytes, perplexity(&r), (unsigned long long)r.bytes,
               (unsigned long long)r.tokens);
    else
        printf(
            "%.4f bits per byte over %llu bytes, perplexity %.4f over %llu tokens, model %s\n",
            r.bits / (double)r.bytes, (unsigned long long)r.bytes, perplexity(&r),
            (unsigned long long)r.tokens, j->path);
    return MN_OK;
}

/* ---- what is asked for ------------------------------------------------------------------------------------------------- */

size_t mn_eval_context(const mn_eval_job *j, const mn_model *m)
{
    const size_t most = j->context ? (size_t)j->context : 512;
    return most < m->cfg.T ? most : m->cfg.T;
}

/* --data FILE and --data DIR. Beside another source it is the data folder, there or not. */
static mn_rc sort_given(mn_eval_job *j, mn_err *e)
{
    const bool elsewhere = j->corpus || j->text || j->tweeteval || j->samples;
    for (int i = 0; i < j->given.n; i++) {
        bool folder = elsewhere || mn_fs_is_dir(j->given.items[i]);
        const char **to = folder ? &j->data : &j->posts;
        if (*to)
            return mn_fail(e, MN_E_USAGE,
                           "--data was given '%s' and '%s': one file and one folder at most",
                           *to, j->given.items[i]);
        *to = j->given.items[i];
    }
    return MN_OK;
}

static mn_rc choose_dtype(mn_eval_job *j, mn_err *e)
{
    j->products = MN_F32;
    if (!j->dtype && mn_gemm_bf16_check(NULL) == MN_OK) j->products = MN_BF16;
    if (!j->dtype || strcmp(j->dtype, "f32") == 0) return MN_OK;
    j->products = MN_BF16;
    if (strcmp(j->dtype, "bf16") == 0) return mn_gemm_bf16_check(e);
    return mn_fail(e, MN_E_USAGE, "no dtype '%s': expected f32 or bf16", j->dtype);
}

/* What is evaluated: one thing. */
static mn_rc check_kind(const mn_eval_job *j, mn_err *e)
{
    if (j->toxicity && !j->tweeteval)
        return mn_fail(e, MN_E_USAGE,
                       "--toxicity needs labelled tweets to learn from what is offensive: "
                       "--tweeteval DIR");
    if (j->memorisation && !j->corpus)
        return mn_fail(
            e, MN_E_USAGE,
            "--memorisation needs the corpus that the model was trained on: --corpus "
            "NAME");
    if (j->memorisation + j->samples + j->toxicity > 1)
        return mn_fail(e, MN_E_USAGE, "give one of --memorisation, --samples and --toxicity");
    const int sources = !!j->text + !!j->posts + !!j->corpus + !!j->tweeteval;
    const bool free = j->samples || j->toxicity; /* a corpus beside */
    if (free ? !!j->text + !!j->posts + (j->samples && j->tweeteval) == 0 : sources == 1)
        return MN_OK;
    return mn_fail(
        e, MN_E_USAGE,
        "give one of --corpus NAME (its held-out posts), --data FILE.jsonl, --text FILE "
        "and --tweeteval DIR");
}

static mn_rc check_options(mn_eval_job *j, int n_pos, char **argv, mn_err *e)
{
    MN_TRY(sort_given(j, e));
    if (n_pos > 0) return mn_fail(e, MN_E_USAGE, "'%s' was not expected; see --help", argv[1]);
    if (j->threads > 1024 || (j->context && (j->context < 8 || j->context > 1u << 20)))
        return mn_fail(e, MN_E_USAGE, "--threads or --context is out of range");
    MN_TRY(check_kind(j, e));
    j->few = j->shots != UINT64_MAX;
    if (j->few && j->shots > 1000)
        return mn_fail(e, MN_E_USAGE, "--shots is out of range: at most 1000");
    if (j->rank > 1024 || !(j->epochs >= 0 && j->epochs <= 1000) || !(j->lr >= 0 && j->lr <= 1))
        return mn_fail(e, MN_E_USAGE, "--lora, --epochs or --lr is out of range");
    if ((j->samples || j->toxicity) && (!j->sample || j->sample > 100000))
        return mn_fail(e, MN_E_USAGE, "--sample is out of range: 1 to 100000 texts");
    return choose_dtype(j, e);
}

static mn_rc find_corpus(mn_eval_job *j, mn_err *e)
{
    if (!j->corpus) return MN_OK;
    j->corpus_dir = mn_str_fmt(&j->arena, "%s/corpus/%s", mn_home_dir(j->data), j->corpus).ptr;
    return j->corpus_dir ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory");
}

typedef struct eval_kind { /* of evaluation */
    mn_rc (*run)(mn_eval_job *j, mn_err *e);
    const char *section; /* of evaluation.json */
    bool join;           /* mn_eval_keep */
} eval_kind;

static eval_kind kind_of(const mn_eval_job *j)
{
    if (j->toxicity) return (eval_kind){mn_eval_toxicity, "toxicity", false};
    if (j->samples) return (eval_kind){mn_eval_samples, "samples", false};
    if (j->memorisation) return (eval_kind){mn_eval_memorisation, "memorisation", false};
    if (!j->tweeteval) return (eval_kind){mn_eval_held_out, "held_out", false};
    return (eval_kind){mn_eval_tweets, j->few ? "tweeteval_few_shot" : "tweeteval", true};
}

static mn_rc evaluate(mn_eval_job *j, mn_err *e)
{
    const eval_kind k = kind_of(j);
    MN_TRY(mn_models_find(mn_home_dir(j->data), j->name, &j->arena, &j->path, e));
    if (j->text) return eval_text(j, e);
    MN_TRY(find_corpus(j, e));
    mn_buf_init(&j->out, 0);
    mn_json_writer_init(&j->w, &j->out, 0);
    mn_rc rc = k.run(j, e);
    if (rc == MN_OK && j->out.failed) rc = mn_fail(e, j->out.failed, "no memory");
    if (rc == MN_OK && !j->posts) rc = mn_eval_keep(j, k.section, k.join, e);
    if (rc == MN_OK && j->json) rc = mn_cmd_print(&j->out, e);
    else mn_buf_release(&j->out);
    return rc;
}

int mn_cmd_eval(int argc, char **argv)
{
    mn_eval_job j = {.tokens = 1u << 20, .seed = 1, .sample = 500, .shots = UINT64_MAX};
    mn_err e = {0};
    int n_pos;
    const mn_opt opts[] = {
        {"model", 'm', MN_OPT_STR, &j.name, "MODEL",
         "a name under models/, a folder or a GGUF file; default: the promoted model"},
        {"corpus", 0, MN_OPT_STR, &j.corpus, "NAME",
         "a corpus: its held-out posts; the result is kept in the model's folder"},
        {"data", 0, MN_OPT_STRS, &j.given, "FILE.jsonl",
         "lines {\"text\", \"author\", \"created_at\", \"lang\"}, all but text may be "
         "absent; a folder is the data folder"},
        {"text", 0, MN_OPT_STR, &j.text, "FILE",
         "UTF-8 text, one post a line, through the engine that serves; with perplexity"},
        {"memorisation", 0, MN_OPT_FLAG, &j.memorisation, NULL,
         "with --corpus, the one it was trained on: how exposed its canaries are, and how much "
         "of its "
         "documents the model says word for word"},
        {"samples", 0, MN_OPT_FLAG, &j.samples, NULL,
         "what it writes when nothing is asked of it: with --corpus posts of its times and "
         "languages"},
        {"toxicity", 0, MN_OPT_FLAG, &j.toxicity, NULL,
         "with --tweeteval: how many of such texts are offensive, beside the corpus' held-out "
         "posts, judged by a classifier learnt from task offensive (or --task hate)"},
        {"tweeteval", 0, MN_OPT_STR, &j.tweeteval, "DIR",
         "TweetEval's folder: fine-tunes for each task, and scores its validation split"},
        {"task", 0, MN_OPT_STR, &j.task, "T",
         "one task: emoji, emotion, hate, irony, offensive, sentiment, stance; default: all"},
        {"shots", 0, MN_OPT_U64, &j.shots, "K",
         "no fine-tuning: K examples in the prompt, and the label whose word is likeliest"},
        {"examples", 0, MN_OPT_U64, &j.examples, "N",
         "learn a task from at most so many tweets; default: all"},
        {"epochs", 0, MN_OPT_F64, &j.epochs, "E", "how often a task's tweets are seen (3)"},
        {"lora", 0, MN_OPT_U64, &j.rank, "R", "rank of the adapter that learns a task (16)"},
        {"lr", 0, MN_OPT_F64, &j.lr, "RATE",
         "its highest learning rate; default: by the width"},
        {"sample", 0, MN_OPT_U64, &j.sample, "N",
         "documents that are tried, or texts that are written (500)"},
        {"seed", 0, MN_OPT_U64, &j.seed, "N", "which documents are drawn, what is written (1)"},
        {"tokens", 0, MN_OPT_U64, &j.tokens, "N",
         "of a corpus about so many tokens, evenly spread (1048576); 0: all"},
        {"context", 0, MN_OPT_U64, &j.context, "T",
         "longer documents are cut into pieces of so many tokens; default: 512 at most"},
        {"dtype", 0, MN_OPT_STR, &j.dtype, "D",
         "of matrix products: f32 or bf16; default: bf16 where the machine has it"},
        {"threads", 0, MN_OPT_U64, &j.threads, "P", "threads; default: all processors"},
        MN_CMD_OPT_JSON(&j.json, "one JSON object"),
        {0},
    };
    const mn_usage u = {
        "eval",
        "[--model MODEL] --corpus NAME [--memorisation | --samples] | --data FILE.jsonl | "
        "--text FILE | --tweeteval DIR [--toxicity]",
        "Says how well a model predicts posts that it has not seen, in bits per byte of their "
        "text: lower is better, and it compares between tokenizers and with compressors. In "
        "total and by language, author and month; groups of fewer than 20 posts are added up.",
        "mynah eval --corpus spring\n"
        "mynah eval --model smollm2 --data posts.jsonl --json"};
    mn_rc rc = mn_args_parse(argc, argv, &u, opts, &n_pos, &e);
    if (rc == MN_OK) rc = check_options(&j, n_pos, argv, &e);
    if (rc != MN_OK) return mn_cmd_failed("eval", &e, j.json);
    if (j.json) mn_progress_disable();
    mn_arena_init(&j.arena, 0);
    rc = evaluate(&j, &e);
    mn_arena_release(&j.arena);
    return rc == MN_OK ? 0 : mn_cmd_failed("eval", &e, j.json);
}

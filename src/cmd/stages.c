#include "cmd/stages.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/stop.h"
#include "cmd/promote.h"
#include "corpus/corpus.h"
#include "model/checkpoint.h"

#define TRAIN_PRESET  "micro"
#define TRAIN_MINUTES "10"
#define CHECKPOINT_MS 30000
#define RESTARTS_MOST 3
#define RESULT_MAX    (1u << 20)

/* A child under way. */
typedef struct stage {
    const mn_stages *s;
    mn_arena line;
    char why[300];
    bool ended_well, hopeless;
    mn_buf last; /* line of it */
} stage;

static void on_line(void *arg, mn_str line)
{
    stage *st = arg;
    mn_live_line l;
    mn_arena_reset(&st->line);
    mn_buf_clear(&st->last);
    mn_buf_add(&st->last, line.ptr, line.len);
    if (mn_live_line_parse(line, &st->line, &l, NULL) != MN_OK) return;
    if (l.error.ptr) snprintf(st->why, sizeof st->why, "%.*s", MN_STR_FMT(l.error));
    if (l.model.ptr && l.finished) st->ended_well = true;
    if (l.hopeless) st->hopeless = true;
    if (st->s->on_line) st->s->on_line(st->s->arg, &l);
}

static void on_tick(void *arg)
{
    const stage *st = arg;
    if (st->s->on_tick) st->s->on_tick(st->s->tick_arg);
}

static void say_why(stage *st, const mn_child_end *end)
{
    if (st->why[0]) return;
    if (end->signal == SIGKILL)
        snprintf(st->why, sizeof st->why, "it was killed, perhaps for want of memory");
    else if (end->signal)
        snprintf(st->why, sizeof st->why, "it crashed with signal %d (%s)", end->signal,
                 strsignal(end->signal));
    else snprintf(st->why, sizeof st->why, "it ended with code %d", end->exit);
}

static void stage_open(stage *st, const mn_stages *s)
{
    *st = (stage){.s = s};
    mn_arena_init(&st->line, 8u << 20);
    mn_buf_init(&st->last, RESULT_MAX);
}

static void stage_close(stage *st)
{
    mn_arena_release(&st->line);
    mn_buf_release(&st->last);
}

/* Once, to its end; not well is an error. */
static mn_rc run(stage *st, const char *const *args, mn_err *e)
{
    mn_child_end end;
    MN_TRY(mn_child_run(args, CHECKPOINT_MS, on_line, on_tick, st, &end, e));
    if (mn_stop_requested()) return mn_fail(e, MN_E_CANCELLED, "stopped");
    if (end.exit == 0) return MN_OK;
    say_why(st, &end);
    return mn_fail(e, st->hopeless || end.exit == 2 ? MN_E_USAGE : MN_E_IO, "%s", st->why);
}

static void state(const mn_stages *s, const char *name, const char *message)
{
    if (s->on_state) s->on_state(s->arg, name, message);
}

mn_rc mn_stage_corpus(const mn_stages *s, const char *const *args, mn_err *e)
{
    stage st;
    stage_open(&st, s);
    state(s, "building", "The corpus is being built");
    mn_rc rc = run(&st, args, e);
    stage_close(&st);
    return rc;
}

mn_rc mn_stage_json(const mn_stages *s, const char *const *args, mn_arena *a,
                    const mn_json **ret, mn_err *e)
{
    stage st;
    mn_json *t = NULL;
    stage_open(&st, s);
    mn_rc rc = run(&st, args, e);
    if (rc == MN_OK &&
        (mn_json_parse(mn_str_dup(a, mn_buf_str(&st.last)), a, &t, NULL) != MN_OK ||
         t->type != MN_JSON_OBJECT))
        rc = mn_fail(e, MN_E_CORRUPT, "`mynah %s` gave no result", args[0]);
    if (rc == MN_OK) *ret = t;
    stage_close(&st);
    return rc;
}

/* ---- training ------------------------------------------------------------------------------------------------------- */

static bool has_checkpoint(const mn_stages *s, const char *name)
{
    char dir[1200];
    mn_checkpoint c;
    snprintf(dir, sizeof dir, "%s/models/%s/checkpoints", s->data_dir, name);
    return mn_checkpoint_peek(dir, &c, NULL) == MN_OK;
}

/* False when a stop was requested while waiting. */
static bool pause_s(int s)
{
    for (int i = 0; i < s * 10; i++) {
        struct timespec t = {0, 100000000};
        if (mn_stop_requested()) return false;
        nanosleep(&t, NULL);
    }
    return !mn_stop_requested();
}

static mn_rc train_once(stage *st, const char *name, const char *const *fresh,
                        mn_child_end *ret, mn_err *e)
{
    const mn_stages *s = st->s;
    const char *const again[] = {"train",  "--json", "--data",   s->data_dir,
                                 "--name", name,     "--resume", NULL};
    st->why[0] = 0;
    st->ended_well = st->hopeless = false;
    if (s->on_model) s->on_model(s->arg, name);
    return mn_child_run(has_checkpoint(s, name) ? again : fresh, CHECKPOINT_MS, on_line,
                        on_tick, st, ret, e);
}

static mn_rc stopped(const mn_child_end *end, mn_err *e)
{
    if (end->killed) mn_warn("serve", "the trainer did not stop in time and was ended");
    else mn_info("serve", "the training is saved and goes on at the next start");
    return mn_fail(e, MN_E_CANCELLED, "stopped; training resumes at the next start");
}

static mn_rc train(stage *st, const char *name, const char *const *fresh, mn_err *e)
{
    for (int tries = 0, wait_s = 1;; tries++, wait_s *= 4) {
        mn_child_end end;
        MN_TRY(train_once(st, name, fresh, &end, e));
        if (mn_stop_requested()) return stopped(&end, e);
        if (end.exit == 0 && st->ended_well) return MN_OK;
        say_why(st, &end);
        bool hopeless = st->hopeless || end.exit == 2 || end.exit == 127;
        if (hopeless || tries == RESTARTS_MOST)
            return mn_fail(e, hopeless ? MN_E_USAGE : MN_E_IO, "%s", st->why);
        state(st->s, "training", "Training was interrupted and is started again");
        mn_warn("serve", "the trainer stopped (%s); it is started again in %d s", st->why,
                wait_s);
        if (!pause_s(wait_s)) return mn_fail(e, MN_E_CANCELLED, "stopped");
    }
}

mn_rc mn_stage_train(const mn_stages *s, const char *name, const char *const *fresh, mn_err *e)
{
    stage st;
    stage_open(&st, s);
    mn_rc rc = train(&st, name, fresh, e);
    stage_close(&st);
    return rc;
}

/* ---- the first model ------------------------------------------------------------------------------------------------ */

/* Built by a child: it needs some hundred megabytes for a moment, which the server should not keep. */
static mn_rc first_corpus(const mn_stages *s, bool canaries,
                          char ret_name[MN_CORPUS_NAME_MAX + 1], mn_err *e)
{
    const char *const args[] = {"corpus", "build",     "--json",     "--progress",
                                "--data", s->data_dir, "--canaries", canaries ? "1" : "0",
                                NULL};
    mn_corpus_report report;
    if (mn_corpus_latest(s->data_dir, ret_name, NULL) == MN_OK) return MN_OK;
    MN_TRY(mn_stage_corpus(s, args, e));
    MN_TRY(mn_corpus_latest(s->data_dir, ret_name, e));
    MN_TRY(mn_corpus_read(s->data_dir, ret_name, &report, e));
    mn_info("serve", "corpus %s: %llu of %llu posts, %llu tokens", ret_name,
            (unsigned long long)report.posts_kept, (unsigned long long)report.posts_in,
            (unsigned long long)report.tokens);
    return MN_OK;
}

/* What fails is told, and is nothing that the model could not be used without. */
static void evaluate_first(const mn_stages *s, const char *corpus)
{
    static const char *const kinds[] = {NULL, "--memorisation"};
    mn_arena a;
    mn_arena_init(&a, 0);
    state(s, "training", "What came of it is being measured");
    for (size_t i = 0; i < 2 && !mn_stop_requested(); i++) {
        const char *const args[] = {
            "eval",         "--json",   "--data", s->data_dir, "--model",
            MN_FIRST_MODEL, "--corpus", corpus,   kinds[i],    NULL};
        const mn_json *t;
        mn_err e = {0};
        if (mn_stage_json(s, args, &a, &t, &e) != MN_OK && !mn_stop_requested())
            mn_warn("serve", "the first model could not be evaluated: %s", e.msg);
    }
    mn_arena_release(&a);
}

mn_rc mn_stage_first(const mn_stages *s, bool canaries, const char **ret_what, mn_err *e)
{
    char corpus[MN_CORPUS_NAME_MAX + 1] = "";
    const char *const fresh[] = {"train",    "--json",       "--data",    s->data_dir,
                                 "--name",   MN_FIRST_MODEL, "--corpus",  corpus,
                                 "--preset", TRAIN_PRESET,   "--minutes", TRAIN_MINUTES,
                                 NULL};
    *ret_what = "the corpus could not be built";
    MN_TRY(first_corpus(s, canaries, corpus, e));
    *ret_what = "the first model could not be trained";
    state(s, "training", "The model is learning from the community");
    MN_TRY(mn_stage_train(s, MN_FIRST_MODEL, fresh, e));
    MN_TRY(mn_promote(s->data_dir, MN_FIRST_MODEL, "train", e));
    evaluate_first(s, corpus);
    return MN_OK;
}

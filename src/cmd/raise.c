/* Raising the first model in the background: see raise.h.
 *
 * What is remembered, as facts of the store: "sample" (unset, "importing", "done") and "first_model" (the model's name once
 * it is promoted). The import and the corpus build are idempotent, the trainer resumes from its checkpoint, so being killed
 * anywhere costs the work since the last batch or checkpoint and nothing else. A data folder that had posts before the first
 * start is left alone: its operator decides what is learnt from it. */
#include "cmd/raise.h"

#include <ctype.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "archive/import.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/stop.h"
#include "cmd/child.h"
#include "cmd/promote.h"
#include "corpus/corpus.h"
#include "model/checkpoint.h"

#define SAMPLE_DIR    "/usr/share/games/fortunes"
#define FIRST_MODEL   "first"
#define TRAIN_PRESET  "micro"
#define TRAIN_MINUTES "10"
#define CHECKPOINT_MS 30000
#define RESTARTS_MOST 3

struct mn_raise {
    mn_raise_opts o;
    pthread_t thread;
    mn_progress bar;
    const char *bar_label;
    /* of the trainer under way */
    mn_arena line;
    char failed_why[300];
    double bits; /* last held-out bits per byte */
    bool ended_well, hopeless;
};

/* ---- progress -------------------------------------------------------------------------------------------------- */

static void bar_show(mn_raise *r, const char *label, const char *unit, uint64_t done,
                     uint64_t total)
{
    if (!r->o.bar) return;
    if (!r->bar_label || strcmp(r->bar_label, label) != 0 || strcmp(r->bar.unit, unit) != 0) {
        if (r->bar_label) mn_progress_end(&r->bar);
        mn_progress_start(&r->bar, label, unit, total);
        r->bar_label = label;
    }
    r->bar.total = total;
    mn_progress_set(&r->bar, done);
}

static void bar_hide(mn_raise *r)
{
    if (r->bar_label) mn_progress_end(&r->bar);
    r->bar_label = NULL;
}

static void failed(mn_raise *r, const char *what, const mn_err *e)
{
    bar_hide(r);
    if (mn_stop_requested()) return;
    /* the page is public: paths and the like stay in the log */
    mn_api_live_state(r->o.api, "failed", "%c%s; the server's log says why",
                      toupper((unsigned char)what[0]), what + 1);
    mn_error("serve", "%s: %s", what, e->msg);
}

/* ---- facts ----------------------------------------------------------------------------------------------------- */

/* Copies a fact; empty when it is not set. */
static mn_rc fact(mn_raise *r, const char *key, char *ret, size_t cap, mn_err *e)
{
    mn_arena a;
    mn_str v;
    mn_arena_init(&a, 1u << 16);
    ret[0] = 0;
    mn_rc rc = mn_store_meta_get(r->o.home->store, key, &a, &v, e);
    if (rc == MN_OK) snprintf(ret, cap, "%.*s", MN_STR_FMT(v));
    mn_arena_release(&a);
    return rc == MN_E_NOT_FOUND ? MN_OK : rc;
}

static mn_rc set_fact(mn_raise *r, const char *key, const char *value, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(r->o.home->store, &tx, e));
    mn_rc rc = mn_store_meta_set(tx, key, mn_str_from(value), e);
    if (rc != MN_OK) {
        mn_store_rollback(tx);
        return rc;
    }
    return mn_store_commit(tx, e);
}

/* ---- the sample community -------------------------------------------------------------------------------------- */

static void on_import(void *arg, uint64_t done, uint64_t total, uint64_t posts)
{
    mn_raise *r = arg;
    mn_api_live_progress(r->o.api, done, total, "bytes");
    bar_show(r, "import", "bytes", done, total);
    mn_progress_note(&r->bar, "%llu posts", (unsigned long long)posts);
}

static mn_rc import_sample(mn_raise *r, mn_err *e)
{
    mn_import_report report = {0};
    mn_consents c = 0;
    c = mn_consents_set(c, MN_P_SEARCH, MN_CONSENT_ALLOW);
    c = mn_consents_set(c, MN_P_INFERENCE_INPUT, MN_CONSENT_ALLOW);
    c = mn_consents_set(c, MN_P_TRAIN_GENERATIVE, MN_CONSENT_ALLOW);
    mn_import_opts o = {.format = MN_FORMAT_FORTUNE,
                        .consent = c,
                        .data_dir = r->o.home->dir,
                        .thrifty = true,
                        .progress = on_import,
                        .progress_arg = r};
    mn_api_live_state(r->o.api, "importing", "The sample community is moving in");
    mn_rc rc = mn_import_run(r->o.home->store, SAMPLE_DIR, &o, &report, e);
    bar_hide(r);
    if (rc == MN_OK)
        mn_info("serve", "the sample community is here: %llu posts of %llu fortunes",
                (unsigned long long)(report.created + report.skipped_existing),
                (unsigned long long)report.read);
    mn_import_report_release(&report);
    mn_store_trim(r->o.home->store);
    malloc_trim(0);
    mn_api_index_wake(r->o.api);
    return rc;
}

/* Is there sample text, and is this folder one that it belongs in? *ret_here: it is here in the end. */
static mn_rc sample(mn_raise *r, bool *ret_here, mn_err *e)
{
    char state[16];
    uint64_t accounts, posts, rev;
    *ret_here = false;
    MN_TRY(fact(r, "sample", state, sizeof state, e));
    *ret_here = strcmp(state, "done") == 0;
    if (*ret_here || r->o.no_sample) return MN_OK;
    MN_TRY(mn_store_counts(r->o.home->store, &accounts, &posts, &rev, e));
    if (!state[0] && rev > 0) return MN_OK; /* somebody's own community */
    if (!mn_fs_is_dir(SAMPLE_DIR)) {
        mn_warn("serve",
                "no sample community: there is no %s; install the package 'fortunes', or "
                "import posts with `mynah import`",
                SAMPLE_DIR);
        return MN_OK;
    }
    if (!state[0]) MN_TRY(set_fact(r, "sample", "importing", e));
    MN_TRY(import_sample(r, e));
    MN_TRY(set_fact(r, "sample", "done", e));
    *ret_here = true;
    return MN_OK;
}

/* ---- children: the corpus, then training ------------------------------------------------------------------------ */

static void show_stage(mn_raise *r, const mn_live_line *l)
{
    const char *unit = mn_str_eqz(l->stage, "clean") ? "posts" : "documents";
    mn_api_live_progress(r->o.api, l->done, l->total, unit);
    bar_show(r, "corpus", unit, l->done, l->total);
    mn_progress_note(&r->bar, "%.*s", MN_STR_FMT(l->stage));
}

static void show_line(mn_raise *r, const mn_live_line *l)
{
    if (!l->has_step || !r->o.bar) return;
    if (l->has_eval) {
        r->bits = l->val_bits_per_byte;
        return;
    }
    bar_show(r, "train", "steps", l->step, l->steps_total);
    if (r->bits > 0)
        mn_progress_note(&r->bar, "loss %.3f, %.3f bits per byte", l->loss, r->bits);
    else mn_progress_note(&r->bar, "loss %.3f", l->loss);
}

static void on_line(void *arg, mn_str line)
{
    mn_raise *r = arg;
    mn_live_line l;
    mn_arena_reset(&r->line);
    if (mn_live_line_parse(line, &r->line, &l, NULL) != MN_OK) return;
    if (l.error.ptr) snprintf(r->failed_why, sizeof r->failed_why, "%.*s", MN_STR_FMT(l.error));
    if (l.model.ptr && l.finished) r->ended_well = true;
    if (l.hopeless) r->hopeless = true;
    mn_api_live_line(r->o.api, &l);
    if (l.stage.ptr) show_stage(r, &l);
    else show_line(r, &l);
}

static void say_why(mn_raise *r, const mn_child_end *end)
{
    if (r->failed_why[0]) return;
    if (end->signal == SIGKILL)
        snprintf(r->failed_why, sizeof r->failed_why,
                 "it was killed, perhaps for want of memory");
    else if (end->signal)
        snprintf(r->failed_why, sizeof r->failed_why, "it crashed with signal %d (%s)",
                 end->signal, strsignal(end->signal));
    else snprintf(r->failed_why, sizeof r->failed_why, "it ended with code %d", end->exit);
}

/* Built by a child: it needs some hundred megabytes for a moment, which the server should not keep. */
static mn_rc corpus(mn_raise *r, char ret_name[MN_CORPUS_NAME_MAX + 1], mn_err *e)
{
    const char *const args[] = {"corpus", "build",        "--json", "--progress",
                                "--data", r->o.home->dir, NULL};
    mn_child_end end;
    mn_corpus_report report;
    if (mn_corpus_latest(r->o.home->dir, ret_name, NULL) == MN_OK) return MN_OK;
    r->failed_why[0] = 0;
    mn_api_live_state(r->o.api, "building", "The corpus is being built");
    bar_show(r, "corpus", "posts", 0, 0);
    MN_TRY(mn_child_run(args, CHECKPOINT_MS, on_line, r, &end, e));
    bar_hide(r);
    if (mn_stop_requested()) return mn_fail(e, MN_E_CANCELLED, "stopped");
    if (end.exit != 0) {
        say_why(r, &end);
        return mn_fail(e, MN_E_IO, "%s", r->failed_why);
    }
    MN_TRY(mn_corpus_latest(r->o.home->dir, ret_name, e));
    MN_TRY(mn_corpus_read(r->o.home->dir, ret_name, &report, e));
    mn_info("serve", "corpus %s: %llu of %llu posts, %llu tokens", ret_name,
            (unsigned long long)report.posts_kept, (unsigned long long)report.posts_in,
            (unsigned long long)report.tokens);
    return MN_OK;
}

static bool has_checkpoint(mn_raise *r)
{
    char dir[1200];
    mn_checkpoint c;
    snprintf(dir, sizeof dir, "%s/models/%s/checkpoints", r->o.home->dir, FIRST_MODEL);
    return mn_checkpoint_peek(dir, &c, NULL) == MN_OK;
}

static mn_rc train_once(mn_raise *r, const char *corpus_name, mn_child_end *ret, mn_err *e)
{
    const char *const fresh[] = {"train",    "--json",     "--data",    r->o.home->dir,
                                 "--name",   FIRST_MODEL,  "--corpus",  corpus_name,
                                 "--preset", TRAIN_PRESET, "--minutes", TRAIN_MINUTES,
                                 NULL};
    const char *const again[] = {"train",  "--json",    "--data",   r->o.home->dir,
                                 "--name", FIRST_MODEL, "--resume", NULL};
    r->failed_why[0] = 0;
    r->ended_well = r->hopeless = false;
    mn_api_live_model(r->o.api, FIRST_MODEL);
    mn_api_live_state(r->o.api, "training", "The model is learning from the sample community");
    mn_rc rc =
        mn_child_run(has_checkpoint(r) ? again : fresh, CHECKPOINT_MS, on_line, r, ret, e);
    bar_hide(r);
    return rc;
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

/* Trains to the end; a trainer that crashes is started again from its checkpoint, at most three times. */
static mn_rc train(mn_raise *r, const char *corpus_name, mn_err *e)
{
    for (int tries = 0, wait_s = 1;; tries++, wait_s *= 4) {
        mn_child_end end;
        MN_TRY(train_once(r, corpus_name, &end, e));
        if (mn_stop_requested()) {
            if (end.killed) mn_warn("serve", "the trainer did not stop in time and was ended");
            else mn_info("serve", "the training is saved and goes on at the next start");
            return mn_fail(e, MN_E_CANCELLED, "stopped; training resumes at the next start");
        }
        if (end.exit == 0 && r->ended_well) return MN_OK;
        say_why(r, &end);
        if (r->hopeless || end.exit == 2 || end.exit == 127 || tries == RESTARTS_MOST)
            return mn_fail(e, MN_E_IO, "%s", r->failed_why);
        mn_api_live_state(r->o.api, "training",
                          "Training was interrupted and is started again");
        mn_warn("serve", "the trainer stopped (%s); it is started again in %d s", r->failed_why,
                wait_s);
        if (!pause_s(wait_s)) return mn_fail(e, MN_E_CANCELLED, "stopped");
    }
}

static mn_rc promote(mn_raise *r, mn_err *e)
{
    MN_TRY(mn_promote(r->o.home->dir, FIRST_MODEL, "train", e));
    MN_TRY(set_fact(r, "first_model", FIRST_MODEL, e));
    mn_api_live_model(r->o.api, NULL);
    mn_api_live_state(r->o.api, "done", "The first model has finished learning");
    mn_info("serve", "the model '%s' has finished learning and is in use", FIRST_MODEL);
    return MN_OK;
}

/* ---- the whole ------------------------------------------------------------------------------------------------- */

static mn_rc raise_model(mn_raise *r, const char **ret_what, mn_err *e)
{
    char done[128], corpus_name[MN_CORPUS_NAME_MAX + 1] = "";
    bool here;
    *ret_what = "the sample community could not be imported";
    MN_TRY(sample(r, &here, e));
    *ret_what = "the first model could not be trained";
    MN_TRY(fact(r, "first_model", done, sizeof done, e));
    if (!here || r->o.no_train || done[0]) {
        if (here && !done[0]) mn_api_live_state(r->o.api, "idle", "%s", "");
        return MN_OK;
    }
    *ret_what = "the corpus could not be built";
    MN_TRY(corpus(r, corpus_name, e));
    *ret_what = "the first model could not be trained";
    MN_TRY(train(r, corpus_name, e));
    return promote(r, e);
}

static void *run(void *arg)
{
    mn_raise *r = arg;
    mn_err e = {0};
    const char *what = "";
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 5); /* readers go first */
    if (raise_model(r, &what, &e) != MN_OK) failed(r, what, &e);
    return NULL;
}

mn_rc mn_raise_start(const mn_raise_opts *o, mn_raise **ret, mn_err *e)
{
    mn_raise *r = mn_calloc(1, sizeof *r);
    if (!r) return mn_fail(e, MN_E_NOMEM, "out of memory");
    r->o = *o;
    mn_arena_init(&r->line, 8u << 20);
    if (pthread_create(&r->thread, NULL, run, r) != 0) {
        mn_free(r);
        return mn_fail(e, MN_E_IO, "cannot start the background thread");
    }
    *ret = r;
    return MN_OK;
}

void mn_raise_join(mn_raise *r)
{
    if (!r) return;
    pthread_join(r->thread, NULL);
    mn_arena_release(&r->line);
    mn_free(r);
}

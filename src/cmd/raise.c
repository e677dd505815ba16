/* Raising the first model in the background, and keeping it current: see raise.h.
 *
 * What is remembered, as facts of the store: "sample" (unset, "importing", "done") and "first_model" (the model's name once
 * it is promoted). The import and the corpus build are idempotent, the trainer resumes from its checkpoint, so being killed
 * anywhere costs the work since the last batch or checkpoint and nothing else. A data folder that had posts before the first
 * start is left alone: its operator decides what is learnt from it. */
#include "cmd/raise.h"

#include <ctype.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "archive/import.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/stop.h"
#include "cmd/clock_time.h"
#include "cmd/night.h"

#define SAMPLE_DIR "/usr/share/games/fortunes"
#define LOOK_MS    20000 /* at the clock */
#define LOOK_SOON_MS                                                                           \
    3000 /* whether somebody else has ended; four times as long with each failure */
#define TRIES_MOST 4

struct mn_raise {
    mn_raise_opts o;
    pthread_t thread;
    mn_progress bar;
    const char *bar_label;
    double bits; /* of the training under way: last held-out bits per byte */
    int learn_at;
    char busy_said[sizeof(mn_err)]; /* who was at it */
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

/* ---- what the children say -------------------------------------------------------------------------------------- */

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

static void on_line(void *arg, const mn_live_line *l)
{
    mn_raise *r = arg;
    mn_api_live_line(r->o.api, l);
    if (l->stage.ptr) show_stage(r, l);
    else show_line(r, l);
}

static void on_state(void *arg, const char *state, const char *message)
{
    mn_raise *r = arg;
    bar_hide(r);
    mn_api_live_state(r->o.api, state, "%s", message);
    if (strcmp(state, "building") == 0) bar_show(r, "corpus", "posts", 0, 0);
}

static void on_model(void *arg, const char *name)
{
    mn_raise *r = arg;
    bar_hide(r);
    mn_api_live_model(r->o.api, name);
}

static mn_stages stages_of(mn_raise *r)
{
    return (mn_stages){.data_dir = r->o.home->dir,
                       .arg = r,
                       .on_line = on_line,
                       .on_state = on_state,
                       .on_model = on_model};
}

static mn_rc raise_first(mn_raise *r, const char **ret_what, mn_err *e)
{
    const mn_stages s = stages_of(r);
    uint64_t accounts, posts, rev;
    bool canaries;
    MN_TRY(mn_conf_bool(r->o.home->conf, "learn_canaries", &canaries, e));
    MN_TRY(mn_store_counts(r->o.home->store, &accounts, &posts, &rev, e));
    MN_TRY(mn_stage_first(&s, canaries && posts >= MN_CANARY_POSTS, ret_what, e));
    bar_hide(r);
    MN_TRY(set_fact(r, "first_model", MN_FIRST_MODEL, e));
    mn_api_live_model(r->o.api, NULL);
    mn_api_live_state(r->o.api, "done", "The first model has finished learning");
    mn_info("serve", "the model '%s' has finished learning and is in use", MN_FIRST_MODEL);
    return MN_OK;
}

/* ---- the whole ------------------------------------------------------------------------------------------------- */

static mn_rc raise_model(mn_raise *r, const char **ret_what, mn_err *e)
{
    char done[128];
    bool here;
    *ret_what = "the sample community could not be imported";
    MN_TRY(sample(r, &here, e));
    *ret_what = "the first model could not be trained";
    MN_TRY(fact(r, "first_model", done, sizeof done, e));
    if (!here || r->o.no_train || done[0]) {
        if (here && !done[0]) mn_api_live_state(r->o.api, "idle", "%s", "");
        return MN_OK;
    }
    return raise_first(r, ret_what, e);
}

/* ---- every night ------------------------------------------------------------------------------------------------ */

static void tell_night(mn_raise *r, const mn_night_result *n)
{
    static const char *const said[] = {"Nothing new was learnt",
                                       "A model that knows what is new is in use",
                                       "The new model was not better, so the old one stays"};
    bar_hide(r);
    mn_api_live_model(r->o.api, NULL);
    mn_api_live_state(r->o.api, "done", "%s", said[n->outcome]);
    mn_api_live_learnt(r->o.api, mn_night_outcomes[n->outcome]);
    mn_info("serve", "learning: %s%s%s%s%s", mn_night_outcomes[n->outcome],
            n->model[0] ? ", " : "", n->model, n->why[0] ? ": " : "", n->why);
}

/* Who else is at it is said once, not with every look. */
static mn_rc learn(mn_raise *r)
{
    const mn_stages s = stages_of(r);
    mn_night_opts o = {.store = r->o.home->store, .stages = &s};
    mn_night_result n = {0};
    mn_err e = {0};
    mn_rc rc = mn_night_settings(r->o.home->conf, &o, &e);
    if (rc == MN_OK) rc = mn_night_run(&o, &n, &e);
    if (rc == MN_OK) tell_night(r, &n);
    else if (rc == MN_E_BUSY || rc == MN_E_NOT_FOUND || rc == MN_E_UNSUPPORTED) {
        if (strcmp(r->busy_said, e.msg) != 0)
            mn_info("serve", "nothing is learnt: %s", e.msg); /* as the operator has it */
        snprintf(r->busy_said, sizeof r->busy_said, "%s", e.msg);
    } else if (rc != MN_E_CANCELLED) {
        failed(r, "what is new could not be learnt", &e);
        mn_api_live_learnt(r->o.api, "failed");
    }
    if (rc != MN_E_BUSY) r->busy_said[0] = 0;
    return rc;
}

/* Until a stop is requested. What a stop or a crash interrupted goes on at once; while another is at it, or what the crash left running (a
 * trainer that writes its last checkpoint) holds a lock, it is tried again soon, else a few times. The rest waits for its time. */
static void keep_current(mn_raise *r)
{
    struct pollfd p = {mn_stop_fd(), POLLIN, 0};
    int64_t since = mn_now_ms();
    if (r->o.no_train || r->learn_at == MN_CLOCK_OFF) return;
    for (int tries = 0; !mn_stop_requested();) {
        const int64_t now = mn_now_ms();
        const bool came = mn_clock_came(r->learn_at, since, now);
        int wait_ms = LOOK_MS;
        if (came) tries = 0;
        if (came || (tries < TRIES_MOST && mn_night_pending(r->o.home->dir))) {
            const mn_rc rc = learn(r);
            if (rc != MN_OK && tries < TRIES_MOST) wait_ms = LOOK_SOON_MS << 2 * tries;
            if (rc != MN_E_BUSY) tries++;
        }
        since = now;
        poll(&p, 1, wait_ms);
    }
}

static void *run(void *arg)
{
    mn_raise *r = arg;
    mn_err e = {0};
    const char *what = "";
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 5); /* readers go first */
    if (raise_model(r, &what, &e) != MN_OK) failed(r, what, &e);
    keep_current(r);
    return NULL;
}

mn_rc mn_raise_start(const mn_raise_opts *o, mn_raise **ret, mn_err *e)
{
    mn_raise *r = mn_calloc(1, sizeof *r);
    if (!r) return mn_fail(e, MN_E_NOMEM, "out of memory");
    r->o = *o;
    mn_rc rc = mn_clock_parse(mn_conf_get(o->home->conf, "learn_at"), &r->learn_at, e);
    if (rc != MN_OK) {
        mn_free(r);
        return mn_err_wrap(e, "change the setting learn_at");
    }
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
    mn_free(r);
}

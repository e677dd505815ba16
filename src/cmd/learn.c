/* mynah learn: one cycle of keeping current by hand, as the server runs one every night (night.h). */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/night.h"
#include "social/social.h"

typedef struct job {
    const char *data;
    uint64_t min_posts;
    double minutes, replay; /* < 0: as set */
    bool json, status;
    mn_home home;
} job;

/* What children say goes on to whoever started us; people see what stage it is. */
static void on_state(void *arg, const char *state, const char *message)
{
    const job *j = arg;
    if (!j->json) fprintf(stderr, "%s\n", message);
    (void)state;
}

static void on_line(void *arg, const mn_live_line *l)
{
    const job *j = arg;
    if (j->json || !l->has_step || !l->has_eval) return;
    fprintf(stderr, "step %llu: %.4f bits per byte held out\n", (unsigned long long)l->step,
            l->val_bits_per_byte);
}

static mn_rc print_status(const job *j, mn_err *e)
{
    mn_buf b;
    mn_buf_init(&b, 16u << 20);
    mn_rc rc = mn_night_status(mn_home_dir(j->data), &b, e);
    if (rc == MN_OK) fwrite(b.ptr, 1, b.len, stdout);
    mn_buf_release(&b);
    return rc;
}

static mn_rc print_result(const job *j, const mn_night_result *r, mn_err *e)
{
    mn_buf b;
    mn_json_writer w;
    if (!j->json) {
        static const char *const said[] = {"nothing was learnt", "the new model is in use",
                                           "the old model stays"};
        printf("%s%s%s%s%s\n", r->model, r->model[0] ? ": " : "", said[r->outcome],
               r->why[0] ? "; " : "", r->why);
        return MN_OK;
    }
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "outcome", mn_night_outcomes[r->outcome]);
    mn_jw_kstrz(&w, "model", r->model);
    mn_jw_kstrz(&w, "why", r->why);
    mn_jw_ku64(&w, "new_posts", r->new_posts);
    mn_jw_object_end(&w);
    return mn_cmd_print(&b, e);
}

static mn_rc learn(job *j, mn_err *e)
{
    const mn_stages s = {
        .data_dir = j->home.dir, .arg = j, .on_line = on_line, .on_state = on_state};
    mn_night_opts o = {.store = j->home.store, .stages = &s};
    mn_night_result r;
    MN_TRY(mn_night_settings(j->home.conf, &o, e));
    if (j->min_posts) o.min_posts = j->min_posts;
    if (j->minutes >= 0) o.minutes = j->minutes;
    if (j->replay >= 0) o.replay = j->replay;
    MN_TRY(mn_night_run(&o, &r, e));
    return print_result(j, &r, e);
}

static mn_rc run(job *j, int n_pos, char **argv, mn_err *e)
{
    if (n_pos > 0) return mn_fail(e, MN_E_USAGE, "'%s' was not expected; see --help", argv[1]);
    if (j->status) return print_status(j, e);
    if (!(j->minutes <= 100000) || !(j->replay <= 0.99))
        return mn_fail(e, MN_E_USAGE, "--minutes or --replay is out of range");
    mn_log_setup(MN_LOG_WARN, false);
    MN_TRY(mn_home_open(j->data, &j->home, e));
    mn_rc rc = learn(j, e);
    mn_home_close(&j->home);
    return rc;
}

int mn_cmd_learn(int argc, char **argv)
{
    job j = {.minutes = -1, .replay = -1};
    mn_err e = {0};
    int n = 0;
    const mn_usage usage = {
        .name = "learn",
        .synopsis = "[--minutes M] [--min-posts N] [--replay SHARE] | --status",
        .about =
            "Keeps the model current, once, as the server does every night: forgets what may "
            "no "
            "longer be learnt from, goes on with the model in use on posts that are new and "
            "some "
            "that are old, measures both models, and puts the new one into use only if nothing "
            "got worse. Interrupted, the same command goes on.",
        .example = "  mynah learn\n  mynah learn --status"};
    const mn_opt opts[] = {
        {"minutes", 0, MN_OPT_F64, &j.minutes, "M",
         "Of training, at the pace of the model in use (learn_minutes)."},
        {"min-posts", 0, MN_OPT_U64, &j.min_posts, "N",
         "With fewer new posts nothing is done (learn_min_posts)."},
        {"replay", 0, MN_OPT_F64, &j.replay, "SHARE",
         "Of the text that is learnt, at least this share is old, 0 to 0.99 (learn_replay)."},
        {"status", 0, MN_OPT_FLAG, &j.status, NULL,
         "What is under way and how the last one ended, as JSON."},
        MN_CMD_OPT_DATA(&j.data),
        MN_CMD_OPT_JSON(&j.json, "{\"outcome\",\"model\",\"why\",\"new_posts\"} on stdout."),
        {0}};
    mn_rc rc = mn_args_parse(argc, argv, &usage, opts, &n, &e);
    if (rc == MN_OK) rc = run(&j, n, argv, &e);
    return rc == MN_OK ? 0 : mn_cmd_failed("learn", &e, j.json);
}

/* Going on with the stable phase of a model: it learns on, the same bits each time, through stops; what forgets in the model before it
 * makes it stale, and gone on with again it is as if what was forgotten had never been. */
#include "train_fixture.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/stop.h"
#include "model/forget.h"

#define STEPS 24

static char tmp[64], corpus[200], path_buf[32][300];

static const char *at(const char *name)
{
    static int i;
    char *p = path_buf[i++ % 32];
    snprintf(p, 300, "%s/%s", tmp, name);
    return p;
}

static int set_up(void **state)
{
    (void)state;
    test_tmp(tmp);
    fixture_corpus(tmp, 90, corpus);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_tmp_remove(tmp);
    return 0;
}

static mn_train_opts opts_for(const char *name, const char *stable_of)
{
    return (mn_train_opts){.corpus_dir = corpus,
                           .model_dir = at(name),
                           .preset = "nano",
                           .stable_of = stable_of ? at(stable_of) : NULL,
                           .steps = STEPS,
                           .seed = 3,
                           .threads = 2,
                           .batch_rows = stable_of ? 0 : 3,
                           .row_tokens = stable_of ? 0 : 40,
                           .checkpoint_s = 600,
                           .no_samples = true};
}

static void train(const char *name, const char *stable_of)
{
    mn_err e = {0};
    mn_train_result r;
    mn_train_opts o = opts_for(name, stable_of);
    RUN(mn_train_run(&o, &r, &e));
    OK(r.finished && r.steps == STEPS);
}

static void hash_of(const char *name, uint8_t ret[32])
{
    mn_err e = {0};
    char path[400];
    snprintf(path, sizeof path, "%s/model.safetensors", at(name));
    RUN(mn_sha256_file(path, ret, &e));
}

static bool same(const char *a, const char *b)
{
    uint8_t x[32], y[32];
    hash_of(a, x);
    hash_of(b, y);
    return memcmp(x, y, 32) == 0;
}

static void it_begins_where_the_rate_of_the_other_began_to_fall(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_checkpoint stable, first;
    mn_arena a;
    const char *from;
    bool stale = true;
    mn_arena_init(&a, 0);
    train("a", NULL);
    RUN(mn_train_stable(at("a"), &stable, &e));
    OK(stable.step == STEPS / 2 && stable.before == 0 && stable.stable == STEPS / 2);
    train("b", "a");
    RUN(mn_checkpoint_peek_at(at("b/checkpoints"), 0, &first, &e));
    OK(first.before == STEPS / 2 && memcmp(first.previous, stable.self, 32) == 0);
    OK(first.batch_rows == 3 && first.row_tokens == 40 && first.schedule.rise == 0);
    OK(first.schedule.peak == stable.schedule.peak);
    OK(first.recipe.optimiser == MN_OPTIM_MUON);
    RUN(mn_train_continues(at("b"), &a, &from, &e));
    OK(from && strcmp(from, "a") == 0);
    RUN(mn_train_continues(at("a"), &a, &from, &e));
    OK(!from);
    RUN(mn_train_is_stale(at("b"), at("a"), &stale, &e));
    OK(!stale);
    RUN(mn_train_stable(at("b"), &stable, &e));
    OK(stable.step == STEPS / 2 && stable.before == STEPS / 2);
    mn_arena_release(&a);
}

/* The moments are taken over: on the same batches, the run that goes on is the one that was never cut. */
static void the_stable_phase_of_two_runs_is_that_of_one(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_train_result r;
    mn_train_opts o = opts_for("long", NULL);
    const mn_recipe slow = {.optimiser = MN_OPTIM_ADAMW, .decay = 0.1f, .fall = 0.25f};
    o.recipe = &slow;
    RUN(mn_train_run(&o, &r, &e));
    o = opts_for("on", "long");
    o.recipe = &slow;
    RUN(mn_train_run(&o, &r, &e));
    OK(r.finished);
    mn_checkpoint c;
    RUN(mn_train_stable(at("on"), &c, &e));
    OK(c.step == 18 && c.before == 18 && c.recipe.fall == 0.25f);
    /* a first step at full moments must not be AdamW's first step from nothing: the loss stays where it was */
    OK(r.val_bits_per_byte > 0);
    mn_train_opts noise = opts_for("noise", NULL);
    noise.recipe = &slow;
    noise.seed = 4;
    mn_train_result n;
    RUN(mn_train_run(&noise, &n, &e));
    OK(r.val_bits_per_byte < n.val_bits_per_byte);
}

static void stop_at_10(void *arg, const mn_curve_point *p, uint64_t total, double share)
{
    (void)arg, (void)total, (void)share;
    if (p->step == 10) mn_stop_request();
}

static void the_same_bits_again_and_after_a_stop(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_train_result r;
    train("a", NULL);
    train("b", "a");
    train("c", "a");
    OK(same("b", "c"));
    mn_train_opts o = opts_for("d", "a");
    pid_t pid = fork();
    if (pid == 0) {
        o.on_step = stop_at_10;
        _exit(mn_train_run(&o, &r, &e) == MN_OK && !r.finished && r.steps == 10 ? 0 : 1);
    }
    int status;
    OK(waitpid(pid, &status, 0) == pid && status == 0);
    o.resume = true, o.threads = 1;
    RUN(mn_train_run(&o, &r, &e));
    OK(r.finished && same("b", "d"));
}

static void what_forgets_before_it_makes_it_stale_and_gone_on_again_it_never_knew(void **state)
{
    (void)state;
    mn_err e = {0};
    const uint64_t docs[] = {5, 40};
    mn_mask mask;
    bool stale = false;
    train("a", NULL);
    train("b", "a");
    mn_forget_opts f = {.corpus_dir = corpus,
                        .model_dir = at("a"),
                        .docs = docs,
                        .n_docs = 2,
                        .threads = 2,
                        .checkpoint_s = 600,
                        .no_samples = true};
    mn_forget_result fr;
    RUN(mn_forget_run(&f, &fr, &e));
    OK(fr.finished && fr.first_step > 0);
    RUN(mn_train_is_stale(at("b"), at("a"), &stale, &e));
    OK(stale);
    /* gone on with again, with the same documents left out */
    RUN(mn_mask_from(docs, 2, &mask, &e));
    mn_train_opts o = opts_for("again", "a");
    mn_train_result r;
    o.masked = &mask;
    RUN(mn_train_run(&o, &r, &e));
    RUN(mn_train_is_stale(at("again"), at("a"), &stale, &e));
    OK(!stale);
    /* and as if they had never been there */
    mn_train_opts clean = opts_for("clean", NULL);
    clean.masked = &mask;
    RUN(mn_train_run(&clean, &r, &e));
    OK(same("clean", "a"));
    o = opts_for("clean2", "clean");
    o.masked = &mask;
    RUN(mn_train_run(&o, &r, &e));
    OK(same("again", "clean2") && !same("again", "b"));
    mn_mask_release(&mask);
}

/* A later document: the stable checkpoint stays, and with it what went on from it. */
static void forgetting_in_the_fall_leaves_what_went_on_before_it(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_wal_log log;
    mn_packing p;
    mn_shard s;
    bool stale = true;
    train("a", NULL);
    train("b", "a");
    RUN(mn_wal_log_open(at("a/steps.wal"), STEPS, &log, &e));
    mn_wal_log_close(&log);
    RUN(mn_shard_open(at("corpus/train"), 65536, &s, &e));
    RUN(mn_pack(&s, 40, 1, true, 3, 0, &p, &e));
    /* the last row that the run sees for the first time in its fall */
    const uint64_t row = (uint64_t)(STEPS * 3 - 1) < p.n_rows ? STEPS * 3 - 1 : p.n_rows - 1;
    if (row / 3 < STEPS / 2) skip();
    const uint64_t doc = mn_piece_document(&s, &p.pieces[p.row_piece[row]]);
    mn_forget_opts f = {.corpus_dir = corpus,
                        .model_dir = at("a"),
                        .docs = &doc,
                        .n_docs = 1,
                        .threads = 2,
                        .checkpoint_s = 600,
                        .no_samples = true};
    mn_forget_result fr;
    RUN(mn_forget_run(&f, &fr, &e));
    OK(fr.first_step > STEPS / 2);
    RUN(mn_train_is_stale(at("b"), at("a"), &stale, &e));
    OK(!stale);
    mn_packing_release(&p);
    mn_shard_close(&s);
}

static void what_cannot_be_gone_on_with_is_refused(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_train_result r;
    mn_train_opts o = opts_for("b", "nothing");
    FAILS(MN_E_NOT_FOUND, mn_train_run(&o, &r, &e));
    OK(strstr(e.msg, "not trained here"));
    OK(!mn_fs_exists(at("b")));
    /* falls from the first step on: there is no stable phase */
    const mn_recipe falls = {.optimiser = MN_OPTIM_ADAMW, .decay = 0.1f, .fall = 1};
    o = opts_for("f", NULL);
    o.recipe = &falls;
    RUN(mn_train_run(&o, &r, &e));
    o = opts_for("b", "f");
    FAILS(MN_E_UNSUPPORTED, mn_train_run(&o, &r, &e));
    OK(strstr(e.msg, "before its rate fell"));
    /* another vocabulary */
    train("a", NULL);
    char other[200], home[100];
    snprintf(home, sizeof home, "%s/else", tmp);
    RUN(mn_fs_mkdirs(home, &e));
    fixture_corpus(home, 30, other);
    char path[300];
    mn_tok_trainer *t;
    mn_tokenizer *tok;
    RUN(mn_tok_trainer_new(&t, &e));
    RUN(mn_tok_trainer_add(t, MN_STR("other words than those, and other merges of them"), &e));
    RUN(mn_tok_trainer_finish(t, MN_TOK_SPECIALS + 256 + 60, &tok, &e));
    mn_tok_trainer_free(t);
    snprintf(path, sizeof path, "%s/tokenizer.json", other);
    RUN(mn_tok_save(tok, path, &e));
    mn_tok_free(tok);
    o = opts_for("b", "a");
    o.corpus_dir = other;
    mn_rc rc = mn_train_run(&o, &r, &e);
    OK(rc == MN_E_UNSUPPORTED || rc == MN_E_CORRUPT);
    OK(!mn_fs_exists(at("b")));
    /* a damaged lineage */
    mn_arena ar;
    const char *from;
    mn_arena_init(&ar, 0);
    RUN(mn_fs_write_atomic(at("a/lineage.json"), "{\"continues\":\"../x\"}", 20, &e));
    FAILS(MN_E_CORRUPT, mn_train_continues(at("a"), &ar, &from, &e));
    RUN(mn_fs_write_atomic(at("a/lineage.json"), "{", 1, &e));
    FAILS(MN_E_CORRUPT, mn_train_continues(at("a"), &ar, &from, &e));
    mn_arena_release(&ar);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_begins_where_the_rate_of_the_other_began_to_fall,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_stable_phase_of_two_runs_is_that_of_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_same_bits_again_and_after_a_stop, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            what_forgets_before_it_makes_it_stale_and_gone_on_again_it_never_knew, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(forgetting_in_the_fall_leaves_what_went_on_before_it,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_gone_on_with_is_refused, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

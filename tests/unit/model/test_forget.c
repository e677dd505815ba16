/* Forgetting: a model that forgot documents is, to the bit, the one that was trained without them from the start. Whatever they are, on any
 * number of threads, through crashes; and where that cannot be promised, it is refused. */
#include "train_fixture.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/json.h"
#include "model/forget.h"
#include "model/held_out.h"

#define STEPS 20
#define DOCS  60 /* about ten steps an epoch */

static char tmp[64], corpus[200], path_buf[32][300];

static const char *at(const char *name)
{
    static int i;
    char *p = path_buf[i++ % 32];
    snprintf(p, 300, "%s/%s", tmp, name);
    return p;
}

static mn_train_opts opts_for(const char *name)
{
    return (mn_train_opts){.corpus_dir = corpus,
                           .model_dir = at(name),
                           .preset = "nano",
                           .steps = STEPS,
                           .seed = 3,
                           .threads = 2,
                           .batch_rows = 3,
                           .row_tokens = 40,
                           .checkpoint_s = 600,
                           .checkpoint_steps = 4,
                           .no_samples = true};
}

static mn_forget_opts forget_opts(const char *name, const uint64_t *docs, size_t n)
{
    return (mn_forget_opts){.corpus_dir = corpus,
                            .model_dir = at(name),
                            .docs = docs,
                            .n_docs = n,
                            .threads = 2,
                            .checkpoint_s = 600,
                            .checkpoint_steps = 3,
                            .no_samples = true};
}

static void train(const char *name)
{
    mn_err e = {0};
    mn_train_result r;
    mn_train_opts o = opts_for(name);
    RUN(mn_train_run(&o, &r, &e));
    OK(r.finished && r.steps == STEPS);
}

static void train_without(const char *name, const uint64_t *docs, size_t n)
{
    mn_err e = {0};
    mn_train_result r;
    mn_mask m;
    mn_train_opts o = opts_for(name);
    RUN(mn_mask_from(docs, n, &m, &e));
    o.masked = &m;
    RUN(mn_train_run(&o, &r, &e));
    mn_mask_release(&m);
}

static mn_forget_result forget(const char *name, const uint64_t *docs, size_t n)
{
    mn_err e = {0};
    mn_forget_result r;
    mn_forget_opts o = forget_opts(name, docs, n);
    RUN(mn_forget_run(&o, &r, &e));
    OK(r.finished);
    return r;
}

/* A trained model under another name. */
static void copy(const char *from, const char *to)
{
    char cmd[700];
    snprintf(cmd, sizeof cmd, "rm -rf '%s' && cp -r '%s' '%s'", at(to), at(from), at(to));
    OK(system(cmd) == 0);
}

static bool same_file(const char *a, const char *b, const char *file)
{
    mn_err e = {0};
    char name[100];
    mn_buf x, y;
    mn_buf_init(&x, 0), mn_buf_init(&y, 0);
    snprintf(name, sizeof name, "%s/%s", a, file);
    RUN(mn_fs_read(at(name), SIZE_MAX, &x, &e));
    snprintf(name, sizeof name, "%s/%s", b, file);
    RUN(mn_fs_read(at(name), SIZE_MAX, &y, &e));
    bool same = x.len == y.len && memcmp(x.ptr, y.ptr, x.len) == 0;
    mn_buf_release(&x);
    mn_buf_release(&y);
    return same;
}

/* Weights, log and mask of both are the same. */
static bool same_model(const char *a, const char *b)
{
    return same_file(a, b, "model.safetensors") && same_file(a, b, "steps.wal") &&
           same_file(a, b, "masked");
}

/* A document that step `step` sees and none before it. */
static uint64_t doc_of_step(uint64_t step)
{
    mn_err e = {0};
    char stem[300];
    mn_shard s;
    mn_packing p;
    snprintf(stem, sizeof stem, "%s/train", corpus);
    RUN(mn_shard_open(stem, 65536, &s, &e));
    RUN(mn_pack(&s, 40, 1, true, 3, 0, &p, &e));
    OK((step - 1) * 3 < p.n_rows);
    uint64_t doc = mn_piece_document(&s, &p.pieces[p.row_piece[(step - 1) * 3]]);
    mn_packing_release(&p);
    mn_shard_close(&s);
    return doc;
}

static int set_up(void **state)
{
    (void)state;
    test_tmp(tmp);
    fixture_corpus(tmp, DOCS, corpus);
    train("all");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_tmp_remove(tmp);
    return 0;
}

static void forgetting_gives_the_bits_of_never_having_seen(void **state)
{
    (void)state;
    const uint64_t docs[] = {doc_of_step(6)};
    copy("all", "a");
    mn_forget_result r = forget("a", docs, 1);
    OK(!r.nothing && r.documents == 1 && r.masked == 1 && r.first_step == 6);
    OK(r.from_step == 4 && r.step == STEPS && r.share == 16.0 / 20);
    train_without("without", docs, 1);
    OK(same_model("a", "without"));
    OK(!same_file("a", "all", "model.safetensors"));
    OK(!mn_forget_pending(at("a")) && !mn_fs_exists(at("a/forgetting")));
}

static void the_document_of_the_first_step_takes_the_whole_run(void **state)
{
    (void)state;
    const uint64_t docs[] = {doc_of_step(1)};
    copy("all", "a");
    mn_forget_result r = forget("a", docs, 1);
    OK(r.first_step == 1 && r.from_step == 0 && r.share == 1);
    train_without("b", docs, 1);
    OK(same_model("a", "b"));
    mn_fs_remove_tree(at("b"), NULL);
}

static void documents_of_several_steps_go_back_to_the_first_of_them(void **state)
{
    (void)state;
    const uint64_t docs[] = {doc_of_step(9), doc_of_step(5), doc_of_step(7), doc_of_step(9)};
    copy("all", "a");
    mn_forget_result r = forget("a", docs, 4);
    OK(r.documents == 3 && r.first_step == 5 && r.from_step == 4);
    train_without("b", docs, 4);
    OK(same_model("a", "b"));
    mn_fs_remove_tree(at("b"), NULL);
}

static void a_document_of_the_last_step_takes_a_tenth_at_most(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_train_result t;
    mn_train_opts o = opts_for("short");
    o.steps = 10; /* within the first epoch */
    RUN(mn_train_run(&o, &t, &e));
    const uint64_t docs[] = {doc_of_step(10)};
    mn_forget_result r = forget("short", docs, 1);
    OK(r.first_step == 10 && r.from_step == 9 && r.share == 0.1);
    mn_mask m;
    RUN(mn_mask_from(docs, 1, &m, &e));
    o.masked = &m, o.model_dir = at("b");
    RUN(mn_train_run(&o, &t, &e));
    mn_mask_release(&m);
    OK(same_model("short", "b"));
    mn_fs_remove_tree(at("b"), NULL);
}

static void what_no_step_saw_leaves_the_weights_as_they_are(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_train_result t;
    mn_train_opts o = opts_for("early");
    o.steps = 5;
    RUN(mn_train_run(&o, &t, &e));
    const uint64_t docs[] = {doc_of_step(8)};
    copy("early", "a");
    mn_forget_result r = forget("a", docs, 1);
    OK(!r.nothing && r.first_step == 0 && r.share == 0 && r.masked == 1);
    OK(same_file("a", "early", "model.safetensors"));
    OK(forget("a", docs, 1).nothing);
}

static void the_number_of_threads_changes_nothing(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_forget_result r;
    const uint64_t docs[] = {doc_of_step(6)};
    for (int threads = 1; threads <= 3; threads += 2) {
        copy("all", "a");
        mn_forget_opts o = forget_opts("a", docs, 1);
        o.threads = threads;
        RUN(mn_forget_run(&o, &r, &e));
        OK(r.finished && same_model("a", "without"));
    }
}

static void forgetting_twice_is_forgetting_once(void **state)
{
    (void)state;
    const uint64_t docs[] = {doc_of_step(6)};
    mn_forget_result r = forget("a", docs, 1);
    OK(r.nothing && r.masked == 1 && same_model("a", "without"));
    OK(mn_fs_exists(at("a/forgotten/0001.json")) && !mn_fs_exists(at("a/forgotten/0002.json")));
}

static void forgetting_more_later_adds_to_it(void **state)
{
    (void)state;
    const uint64_t docs[] = {doc_of_step(6), doc_of_step(3)};
    mn_forget_result r = forget("a", docs + 1, 1);
    OK(r.documents == 1 && r.masked == 2 && r.first_step == 3 && r.from_step == 0);
    train_without("b", docs, 2);
    OK(same_model("a", "b"));
    OK(mn_fs_exists(at("a/forgotten/0002.json")));
    mn_fs_remove_tree(at("b"), NULL);
}

/* Kills the process at step 13 of the training, long after the checkpoint of step 7. */
static void kill_at_13(void *arg, const mn_curve_point *p, uint64_t total, double share)
{
    (void)arg, (void)total;
    OK(share > 0 && share <= 1);
    if (p->step == 13) raise(SIGKILL);
}

static void killed_child(mn_forget_opts *o)
{
    pid_t pid = fork();
    if (pid == 0) {
        mn_err e = {0};
        mn_forget_result r;
        mn_forget_run(o, &r, &e);
        _exit(1);
    }
    int status = 0;
    OK(pid > 0 && waitpid(pid, &status, 0) == pid);
    OK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static uint64_t steps_seen;
static void count_steps(void *arg, const mn_curve_point *p, uint64_t total, double share)
{
    (void)arg, (void)p, (void)total, (void)share;
    steps_seen++;
}

static void killed_in_the_middle_it_goes_on_to_the_same_bits(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_forget_result r;
    const uint64_t docs[] = {doc_of_step(6)};
    copy("all", "a");
    mn_forget_opts o = forget_opts("a", docs, 1);
    o.on_step = kill_at_13;
    killed_child(&o);
    OK(mn_forget_pending(at("a")));
    OK(same_file("a", "all", "model.safetensors")); /* the old model still serves */
    steps_seen = 0;
    o.on_step = count_steps;
    o.docs = NULL, o.n_docs = 0; /* it is known what was to be forgotten */
    RUN(mn_forget_run(&o, &r, &e));
    OK(r.finished && r.first_step == 6 && r.share == 16.0 / 20);
    OK(steps_seen == STEPS - 10); /* 4, 7, 10: its own checkpoints */
    OK(same_model("a", "without") && !mn_forget_pending(at("a")));
}

static void interrupted_and_asked_for_more_it_forgets_both(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_forget_result r;
    const uint64_t docs[] = {doc_of_step(6), doc_of_step(9)};
    copy("all", "a");
    mn_forget_opts o = forget_opts("a", docs, 1);
    o.on_step = kill_at_13;
    killed_child(&o);
    o.on_step = NULL, o.docs = docs + 1;
    RUN(mn_forget_run(&o, &r, &e));
    OK(r.documents == 2 && r.first_step == 6);
    train_without("b", docs, 2);
    OK(same_model("a", "b"));
    mn_fs_remove_tree(at("b"), NULL);
}

static void a_model_that_is_forgetting_is_not_trained_on(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_train_result t;
    const uint64_t docs[] = {doc_of_step(6)};
    copy("all", "a");
    mn_forget_opts o = forget_opts("a", docs, 1);
    o.on_step = kill_at_13;
    killed_child(&o);
    mn_train_opts train_on = opts_for("a");
    train_on.resume = true;
    FAILS(MN_E_BUSY, mn_train_run(&train_on, &t, &e));
    OK(strstr(e.msg, "mynah forget"));
}

/* A file where a folder should come makes the last part fail: the new weights are in place, the rest is not finished. */
static void stopped_while_it_takes_the_models_place_it_ends_that(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_forget_result r;
    const uint64_t docs[] = {doc_of_step(6)};
    copy("all", "a");
    RUN(mn_fs_write_atomic(at("a/forgotten"), "x", 1, &e));
    mn_forget_opts o = forget_opts("a", docs, 1);
    OK(mn_forget_run(&o, &r, &e) != MN_OK);
    OK(mn_fs_exists(at("a/forgetting/whole")));
    OK(unlink(at("a/forgotten")) == 0);
    RUN(mn_forget_run(&o, &r, &e));
    OK(r.nothing && same_model("a", "without"));
    OK(mn_fs_exists(at("a/forgotten/0001.json")) && !mn_fs_exists(at("a/forgetting")));
    OK(!mn_fs_exists(at("a/forgetting.old")));
}

static void an_unfinished_model_forgets_and_is_trained_on_to_the_same_bits(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_train_result t;
    const uint64_t docs[] = {doc_of_step(6)};
    copy("all", "a");
    /* as it was after a crash behind step 12 */
    unlink(at("a/checkpoints/step-0000000020.mnc"));
    unlink(at("a/checkpoints/step-0000000018.mnc"));
    unlink(at("a/checkpoints/step-0000000016.mnc"));
    mn_forget_result r = forget("a", docs, 1);
    OK(r.first_step == 6 && r.step == 12 && r.share == 8.0 / 12);
    mn_train_opts o = opts_for("a");
    o.resume = true;
    RUN(mn_train_run(&o, &t, &e));
    OK(t.finished && same_model("a", "without"));
}

static void of_the_checkpoints_none_is_left_that_knows_the_document(void **state)
{
    (void)state;
    mn_err e = {0};
    const uint64_t docs[] = {doc_of_step(6)};
    copy("all", "a");
    forget("a", docs, 1);
    mn_arena a;
    mn_arena_init(&a, 0);
    uint64_t *step;
    size_t n;
    mn_checkpoint was, is;
    RUN(mn_checkpoint_steps(at("a/checkpoints"), &a, &step, &n, &e));
    OK(n > 3 && step[n - 1] == STEPS);
    for (size_t i = 0; i < n; i++) {
        RUN(mn_checkpoint_peek_at(at("a/checkpoints"), step[i], &is, &e));
        RUN(mn_checkpoint_check(at("a/checkpoints"), step[i], &e));
        if (mn_checkpoint_peek_at(at("all/checkpoints"), step[i], &was, NULL) != MN_OK)
            continue;
        OK((memcmp(was.self, is.self, 32) == 0) == (step[i] < 6));
    }
    mn_arena_release(&a);
}

static void a_damaged_checkpoint_is_passed_over_for_an_earlier_one(void **state)
{
    (void)state;
    const uint64_t docs[] = {doc_of_step(6)};
    copy("all", "a");
    FILE *f = fopen(at("a/checkpoints/step-0000000004.mnc"), "r+b");
    OK(f && fseek(f, 9000, SEEK_SET) == 0 && fputs("damage", f) >= 0);
    fclose(f);
    mn_forget_result r = forget("a", docs, 1);
    OK(r.from_step == 0 && same_model("a", "without"));
}

static void spoil(const char *file, long offset, int by)
{
    FILE *f = fopen(at(file), "r+b");
    OK(f && fseek(f, offset, SEEK_SET) == 0);
    int c = fgetc(f);
    OK(fseek(f, offset, SEEK_SET) == 0 && fputc(c ^ by, f) != EOF);
    fclose(f);
}

static void a_log_that_was_changed_is_refused(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_forget_result r;
    const uint64_t docs[] = {doc_of_step(6)};
    mn_forget_opts o = forget_opts("a", docs, 1);
    copy("all", "a");
    spoil("a/steps.wal", MN_WAL_HEAD + 5 * MN_WAL_RECORD + 32, 1); /* a rate */
    FAILS(MN_E_CORRUPT, mn_forget_run(&o, &r, &e));
    OK(strstr(e.msg, "steps.wal") && strstr(e.msg, "step 6"));
    copy("all", "a");
    OK(truncate(at("a/steps.wal"), MN_WAL_HEAD + 7 * MN_WAL_RECORD + 3) == 0);
    FAILS(MN_E_CORRUPT, mn_forget_run(&o, &r, &e));
    OK(strstr(e.msg, "cut short"));
    OK(same_file("a", "all", "model.safetensors") && !mn_forget_pending(at("a")));
}

/* A log made anew with right hashes all the way, but for another rate: the checkpoint's own hash of it gives it away. */
static void a_log_with_a_forged_chain_is_refused(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_forget_result r;
    mn_wal_log l;
    mn_wal w;
    const uint64_t docs[] = {doc_of_step(6)};
    copy("all", "a");
    RUN(mn_wal_log_open(at("all/steps.wal"), STEPS, &l, &e));
    RUN(mn_wal_open(at("a/steps.wal"), &l.run, 0, &w, &e));
    for (uint64_t i = 0; i < l.n; i++) {
        mn_wal_record rec;
        mn_wal_log_at(&l, i, &rec);
        if (i == 8) rec.rate *= 2;
        RUN(mn_wal_add(&w, &rec, &e));
    }
    RUN(mn_wal_flush(&w, &e));
    mn_wal_close(&w);
    mn_wal_log_close(&l);
    mn_forget_opts o = forget_opts("a", docs, 1);
    FAILS(MN_E_CORRUPT, mn_forget_run(&o, &r, &e));
    OK(strstr(e.msg, "not the one that the newest checkpoint was made with"));
    mn_train_opts t = opts_for("a");
    mn_train_result tr;
    t.resume = true;
    FAILS(MN_E_CORRUPT, mn_train_run(&t, &tr, &e));
}

static void refusals_say_what_to_do(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_forget_result r;
    const uint64_t docs[] = {DOCS}, good[] = {doc_of_step(6)};
    mn_forget_opts o = forget_opts("nobody", docs, 1);
    FAILS(MN_E_NOT_FOUND, mn_forget_run(&o, &r, &e));
    copy("all", "a");
    o.model_dir = at("a");
    FAILS(MN_E_USAGE, mn_forget_run(&o, &r, &e));
    OK(strstr(e.msg, "no document 60"));
    o.docs = good;
    OK(unlink(at("a/steps.wal")) == 0);
    FAILS(MN_E_NOT_FOUND, mn_forget_run(&o, &r, &e));
    OK(strstr(e.msg, "train it anew"));
    copy("all", "a");
    const uint64_t first[] = {doc_of_step(1)};
    OK(unlink(at("a/checkpoints/step-0000000000.mnc")) == 0);
    o.docs = first, o.model_dir = at("a");
    FAILS(MN_E_NOT_FOUND, mn_forget_run(&o, &r, &e));
    OK(strstr(e.msg, "no checkpoint left from before step 1"));
    train_without("b", good, 1);
    spoil("b/masked", 18, 1);
    o.docs = first, o.model_dir = at("b");
    FAILS(MN_E_CORRUPT, mn_forget_run(&o, &r, &e));
    mn_fs_remove_tree(at("b"), NULL);
}

static void it_says_what_was_done(void **state)
{
    (void)state;
    mn_err e = {0};
    const uint64_t docs[] = {doc_of_step(6)};
    copy("all", "a");
    mn_forget_result r = forget("a", docs, 1);
    mn_arena a;
    mn_json *t;
    mn_buf b;
    char hex[65];
    uint8_t sha[32];
    mn_arena_init(&a, 0);
    mn_buf_init(&b, 0);
    RUN(mn_fs_read(at("a/forgotten/0001.json"), 1 << 20, &b, &e));
    RUN(mn_json_parse(mn_buf_str(&b), &a, &t, &e));
    IS(mn_json_str(mn_json_get(t, "format")), "mynah-forgetting");
    IS(mn_json_str(mn_json_get(t, "model")), "a");
    OK(mn_json_u64(mn_json_get(t, "documents"), 0) == 1);
    OK(mn_json_u64(mn_json_get(t, "steps_repeated"), 0) == 16);
    RUN(mn_sha256_file(at("a/model.safetensors"), sha, &e));
    mn_hex(sha, 32, hex);
    IS(mn_json_str(mn_json_get(t, "weights_sha256")), hex);
    IS(mn_str_from(r.weights_sha256), hex);
    RUN(mn_sha256_file(at("all/model.safetensors"), sha, &e));
    IS(mn_json_str(mn_json_get(t, "old_weights_sha256")), mn_hex(sha, 32, hex));
    OK(mn_json_str(mn_json_get(t, "started")).len >= 20);
    mn_buf_release(&b);
    RUN(mn_fs_read(at("a/training.json"), 1 << 20, &b, &e));
    RUN(mn_json_parse(mn_buf_str(&b), &a, &t, &e));
    IS(mn_json_str(mn_json_get(t, "name")), "a");
    IS(mn_json_str(mn_json_get(t, "state")), "done");
    OK(mn_json_get(t, "curve")->n == STEPS);
    mn_buf_release(&b);
    mn_arena_release(&a);
}

static void whatever_the_optimiser_the_bits_are_the_same(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_train_result t;
    mn_mask m;
    mn_recipe recipe = mn_train_recipe(false);
    recipe.optimiser = recipe.optimiser == MN_OPTIM_MUON ? MN_OPTIM_ADAMW : MN_OPTIM_MUON;
    const uint64_t docs[] = {doc_of_step(7)};
    mn_train_opts o = opts_for("c");
    o.recipe = &recipe;
    RUN(mn_train_run(&o, &t, &e));
    forget("c", docs, 1);
    RUN(mn_mask_from(docs, 1, &m, &e));
    o.masked = &m, o.model_dir = at("d");
    RUN(mn_train_run(&o, &t, &e));
    mn_mask_release(&m);
    OK(same_model("c", "d") && !same_file("c", "without", "model.safetensors"));
    mn_fs_remove_tree(at("c"), NULL);
    mn_fs_remove_tree(at("d"), NULL);
}

static void samples_go_where_a_held_out_post_goes(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_train_result t;
    mn_buf b;
    mn_train_opts o = opts_for("c");
    o.no_samples = false, o.steps = 2;
    RUN(mn_train_run(&o, &t, &e));
    mn_buf_init(&b, 0);
    RUN(mn_fs_read(at("c/training.json"), 1 << 20, &b, &e));
    OK(mn_str_find(mn_buf_str(&b), MN_STR("\"given\""), 0) != SIZE_MAX);
    RUN(mn_forget_samples(at("c"), &e));
    mn_buf_clear(&b);
    RUN(mn_fs_read(at("c/training.json"), 1 << 20, &b, &e));
    OK(mn_str_find(mn_buf_str(&b), MN_STR("\"given\""), 0) == SIZE_MAX);
    OK(mn_str_find(mn_buf_str(&b), MN_STR("\"curve\""), 0) != SIZE_MAX);
    mn_buf_release(&b);
    RUN(mn_forget_samples(at("nobody"), &e)); /* nothing there: nothing to do */
    mn_fs_remove_tree(at("c"), NULL);
}

static uint64_t held_out_bytes(void)
{
    mn_err e = {0};
    char stem[300];
    mn_shard s;
    mn_held_out h;
    mn_weights w;
    mn_config c;
    RUN(mn_config_preset("nano", &c, &e));
    c.V = 65536;
    snprintf(stem, sizeof stem, "%s/val", corpus);
    RUN(mn_shard_open(stem, 65536, &s, &e));
    RUN(mn_weights_new(&c, &w, &e));
    RUN(mn_held_out_new(&s, &w, NULL, 40, MN_F32, 1 << 20, &h, &e));
    uint64_t bytes = h.text_bytes;
    mn_held_out_release(&h);
    mn_weights_release(&w);
    mn_shard_close(&s);
    return bytes;
}

static void bits_per_byte_count_no_erased_text(void **state)
{
    (void)state;
    mn_err e = {0};
    char stem[300], text[200];
    const uint64_t third[] = {2};
    uint64_t before = held_out_bytes();
    snprintf(stem, sizeof stem, "%s/val", corpus);
    RUN(mn_shard_erase(stem, 65536, third, 1, &e));
    fixture_sentence(100002, text);
    OK(held_out_bytes() == before - strlen(text));
}

/* What was written before there were masks: a header of half the size, without what came with them. */
static void write_as_version_1(const char *path)
{
    mn_err e = {0};
    mn_buf b, old;
    uint8_t sha[32];
    const size_t common = 472; /* up to the hash of a tuning's base */
    char zeros[MN_CHECKPOINT_HEAD_1] = {0};
    mn_buf_init(&b, 0), mn_buf_init(&old, 0);
    RUN(mn_fs_read(path, SIZE_MAX, &b, &e));
    mn_buf_add(&old, b.ptr, common);
    old.ptr[6] = '1';
    mn_buf_add(&old, zeros, MN_CHECKPOINT_HEAD_1 - common);
    mn_buf_add(&old, b.ptr + MN_CHECKPOINT_HEAD, b.len - MN_CHECKPOINT_HEAD - 32);
    mn_sha256_of(old.ptr, old.len, sha);
    mn_buf_add(&old, sha, 32);
    OK(!old.failed);
    RUN(mn_fs_write_atomic(path, old.ptr, old.len, &e));
    mn_buf_release(&old);
    mn_buf_release(&b);
}

static void a_run_from_before_there_were_logs_goes_on_but_cannot_forget(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_train_result t;
    mn_forget_result r;
    mn_recipe recipe;
    RUN(mn_recipe_unpack(0, &recipe, &e)); /* what such files mean */
    mn_train_opts o = opts_for("c");
    o.recipe = &recipe, o.batch_rows = 2, o.micro_rows = 2;
    RUN(mn_train_run(&o, &t, &e));
    copy("c", "d");
    for (int step = 16; step <= 20; step++) {
        char name[80];
        snprintf(name, sizeof name, "d/checkpoints/step-%010d.mnc", step);
        unlink(at(name));
    }
    write_as_version_1(at("d/checkpoints/step-0000000012.mnc"));
    OK(unlink(at("d/steps.wal")) == 0);
    mn_checkpoint was;
    RUN(mn_checkpoint_peek(at("d/checkpoints"), &was, &e));
    OK(was.step == 12 && was.recipe.optimiser == MN_OPTIM_ADAMW);
    o.model_dir = at("d"), o.resume = true;
    RUN(mn_train_run(&o, &t, &e));
    OK(t.finished && same_file("c", "d", "model.safetensors"));
    const uint64_t docs[] = {doc_of_step(6)};
    mn_forget_opts f = forget_opts("d", docs, 1);
    FAILS(MN_E_NOT_FOUND, mn_forget_run(&f, &r, &e));
    OK(strstr(e.msg, "no log of its steps"));
    mn_fs_remove_tree(at("c"), NULL);
    mn_fs_remove_tree(at("d"), NULL);
}

/* Comes last: the corpus itself loses the document. */
static void an_erased_corpus_teaches_what_a_mask_teaches(void **state)
{
    (void)state;
    mn_err e = {0};
    char stem[300], text[200];
    const uint64_t docs[] = {doc_of_step(6)};
    snprintf(stem, sizeof stem, "%s/train", corpus);
    fixture_sentence(docs[0], text);
    RUN(mn_shard_erase(stem, 65536, docs, 1, &e));
    RUN(mn_shard_erase(stem, 65536, docs, 1, &e));
    mn_shard s;
    RUN(mn_shard_open(stem, 65536, &s, &e));
    for (uint64_t d = 0; d < s.n_docs; d++) OK(mn_shard_erased(&s, d) == (d == docs[0]));
    OK(s.posts[docs[0]].post_id == docs[0] + 1 && s.posts[docs[0]].author_id == 0);
    OK(s.posts[docs[0] + 1].author_id == 7);
    mn_shard_close(&s);
    train("b");
    OK(same_model("b", "without"));
    /* another model that has seen it says so, and catches up */
    mn_train_result t;
    mn_train_opts o = opts_for("all");
    o.resume = true;
    FAILS(MN_E_USAGE, mn_train_run(&o, &t, &e));
    OK(strstr(e.msg, "mynah forget"));
    mn_forget_result r = forget("all", NULL, 0);
    OK(r.documents == 1 && same_model("all", "without"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(forgetting_gives_the_bits_of_never_having_seen),
        TEST(the_document_of_the_first_step_takes_the_whole_run),
        TEST(documents_of_several_steps_go_back_to_the_first_of_them),
        TEST(a_document_of_the_last_step_takes_a_tenth_at_most),
        TEST(what_no_step_saw_leaves_the_weights_as_they_are),
        TEST(the_number_of_threads_changes_nothing),
        TEST(forgetting_twice_is_forgetting_once),
        TEST(forgetting_more_later_adds_to_it),
        TEST(killed_in_the_middle_it_goes_on_to_the_same_bits),
        TEST(interrupted_and_asked_for_more_it_forgets_both),
        TEST(a_model_that_is_forgetting_is_not_trained_on),
        TEST(stopped_while_it_takes_the_models_place_it_ends_that),
        TEST(an_unfinished_model_forgets_and_is_trained_on_to_the_same_bits),
        TEST(of_the_checkpoints_none_is_left_that_knows_the_document),
        TEST(a_damaged_checkpoint_is_passed_over_for_an_earlier_one),
        TEST(a_log_that_was_changed_is_refused),
        TEST(a_log_with_a_forged_chain_is_refused),
        TEST(refusals_say_what_to_do),
        TEST(it_says_what_was_done),
        TEST(whatever_the_optimiser_the_bits_are_the_same),
        TEST(samples_go_where_a_held_out_post_goes),
        TEST(bits_per_byte_count_no_erased_text),
        TEST(a_run_from_before_there_were_logs_goes_on_but_cannot_forget),
        TEST(an_erased_corpus_teaches_what_a_mask_teaches),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

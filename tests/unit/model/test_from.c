/* Going on from an open model, in its own vocabulary, with the machinery of training: it learns, it repeats itself to the bit through stops and on
 * any number of threads, it forgets exactly, and what it was stays with it. */
#include "open_fixture.h"
#include "ranks_fixture.h"

#include <math.h>
#include <sys/wait.h>

#include "base/json.h"
#include "base/stop.h"
#include "model/export.h"
#include "model/forget.h"
#include "model/held_out.h"
#include "model/probe.h"
#include "model/train_int.h"

#define STEPS 16
#define POSTS 90

static char tmp[64], corpus[200], base[200], paths[32][300];
static mn_tokenizer *tok;
static mn_docform form;
static mn_err e;

static const char *at(const char *name)
{
    static int i;
    char *p = paths[i++ % 32];
    snprintf(p, 300, "%s/models/%s", tmp, name);
    return p;
}

static double evals[64];
static int n_evals;
static void on_eval(void *arg, uint64_t step, double bits)
{
    (void)arg, (void)step;
    if (n_evals < 64) evals[n_evals++] = bits;
}

static mn_train_opts opts_for(const char *name)
{
    return (mn_train_opts){.corpus_dir = corpus,
                           .model_dir = at(name),
                           .from_dir = base,
                           .steps = STEPS,
                           .seed = 3,
                           .threads = 2,
                           .batch_rows = 3,
                           .row_tokens = 48,
                           .peak_lr = 3e-3,
                           .checkpoint_s = 600,
                           .checkpoint_steps = 4,
                           .on_eval = on_eval,
                           .no_samples = true};
}

static mn_train_result train(const mn_train_opts *o)
{
    mn_train_result r;
    n_evals = 0;
    RUN(mn_train_run(o, &r, &e));
    return r;
}

static int set_up(void **state)
{
    (void)state;
    test_tmp(tmp);
    tok = open_vocabulary(&form);
    open_corpus(tmp, tok, &form, POSTS, corpus);
    snprintf(base, sizeof base, "%s/models/tiny", tmp);
    open_model(base, tok, 7);
    mn_train_opts o = opts_for("all");
    OK(train(&o).finished);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mn_tok_free(tok);
    test_tmp_remove(tmp);
    return 0;
}

static bool same_file(const char *a, const char *b, const char *name)
{
    mn_buf x = fixture_file(a, name), y = fixture_file(b, name);
    bool same = x.len == y.len && memcmp(x.ptr, y.ptr, x.len) == 0;
    mn_buf_release(&x);
    mn_buf_release(&y);
    return same;
}

static bool says(const char *model, const char *file, const char *text)
{
    mn_buf b = fixture_file(model, file);
    bool is = mn_str_find(mn_buf_str(&b), mn_str_from(text), 0) != SIZE_MAX;
    mn_buf_release(&b);
    return is;
}

static void it_learns_from_what_it_was(void **state)
{
    (void)state;
    mn_train_opts o = opts_for("learns");
    o.steps = 60, o.epochs = 20;
    mn_train_result r = train(&o);
    OK(r.finished && n_evals > 1 && r.val_bits_per_byte == evals[n_evals - 1]);
    if (!(r.val_bits_per_byte < 0.6 * evals[0]))
        fail_msg("%.3f bits per byte from %.3f", r.val_bits_per_byte, evals[0]);
    OK(!fixture_same_weights(base, at("learns")));
}

static void its_tokenizer_template_licence_and_shape_are_the_bases(void **state)
{
    (void)state;
    const char *m = at("all");
    mn_model *a, *b;
    OK(same_file(base, m, "tokenizer.json") && same_file(base, m, "tokenizer_config.json"));
    OK(same_file(base, m, "LICENSE"));
    RUN(mn_model_open(base, &a, &e));
    RUN(mn_model_open(m, &b, &e));
    OK(memcmp(&a->cfg, &b->cfg, sizeof a->cfg) == 0);
    OK(b->n_end_ids == 1 && b->end_ids[0] == OPEN_END && mn_tok_bos(b->tok) == OPEN_BOS);
    OK(mn_str_eq(a->chat_template, b->chat_template) && a->chat_template.len > 10);
    IS(b->licence, "apache-2.0");
    IS(b->author, "the people of the mill");
    IS(b->origin, "https://example.org/tiny");
    mn_model_free(a);
    mn_model_free(b);
    OK(says(m, "origin.json", "\"continued_from\": \"tiny\""));
    OK(says(m, "origin.json", "\"corpus\": \"tiny\"") && says(m, "origin.json", "base_sha256"));
    OK(says(m, "training.json", "adamw") && says(m, "made_from.json", "\"tiny\""));
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    mn_train_opts o = opts_for("one");
    o.threads = 1;
    train(&o);
    OK(fixture_same_weights(at("all"), at("one")));
}

static void as_a_rank(mn_ranks *r, void *arg)
{
    mn_err why = {0};
    mn_train_result done;
    mn_train_opts o = *(const mn_train_opts *)arg;
    o.ranks = r, o.threads = 1;
    if (mn_train_run(&o, &done, &why) != MN_OK)
        fail_msg("rank %d: %s", mn_ranks_rank(r), why.msg);
    OK(done.steps == STEPS);
}

static void ranks_do_not_matter(void **state)
{
    (void)state;
    mn_train_opts one = opts_for("alone"), three = opts_for("three");
    one.micro_rows = three.micro_rows = 1;
    train(&one);
    crew(3, -1, 0, as_a_rank, &three);
    OK(fixture_same_weights(at("alone"), at("three")));
    OK(same_file(at("alone"), at("three"), "tokenizer.json"));
    OK(same_file(at("alone"), at("three"), "config.json"));
}

static void stop_at_6(void *arg, const mn_curve_point *p, uint64_t total, double share)
{
    (void)arg, (void)share, (void)total;
    if (p->step == 6) mn_stop_request();
}

static void kill_at_11(void *arg, const mn_curve_point *p, uint64_t total, double share)
{
    (void)arg, (void)share, (void)total;
    if (p->step == 11) raise(SIGKILL);
}

/* In a child, which ends by itself. */
static void cut_off(const mn_train_opts *o)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        mn_train_result r;
        _exit(mn_train_run(o, &r, &e) != MN_OK || r.finished);
    }
    OK(pid > 0 && waitpid(pid, &status, 0) == pid);
    OK(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
}

static void stopped_and_killed_runs_go_on_to_the_same_bits_without_their_base(void **state)
{
    (void)state;
    mn_train_opts o = opts_for("cut");
    o.on_step = stop_at_6;
    cut_off(&o);
    o.resume = true, o.from_dir = NULL, o.on_step = kill_at_11;
    cut_off(&o);
    o.on_step = NULL;
    OK(train(&o).finished && fixture_same_weights(at("all"), at("cut")));
    OK(same_file(at("all"), at("cut"), "config.json"));
}

/* ---- forgetting ---------------------------------------------------------------------------------------------------- */

static const uint64_t gone[] = {3, 11, 12};

static void train_without(const char *name)
{
    mn_mask m;
    mn_train_opts o = opts_for(name);
    RUN(mn_mask_from(gone, 3, &m, &e));
    o.masked = &m;
    train(&o);
    mn_mask_release(&m);
}

static void forgetting_gives_the_model_that_never_saw_it(void **state)
{
    (void)state;
    mn_forget_result r;
    mn_train_opts o = opts_for("forgets");
    train(&o);
    train_without("never");
    const mn_forget_opts f = {.corpus_dir = corpus,
                              .model_dir = at("forgets"),
                              .docs = gone,
                              .n_docs = 3,
                              .threads = 2,
                              .no_samples = true};
    RUN(mn_forget_run(&f, &r, &e));
    OK(r.finished && r.documents == 3);
    OK(fixture_same_weights(at("never"), at("forgets")));
    OK(!fixture_same_weights(at("all"), at("forgets")));
    OK(same_file(base, at("forgets"), "tokenizer.json"));
    OK(same_file(at("all"), at("forgets"), "config.json"));
}

static void an_erased_corpus_gives_the_same_and_holds_no_trace(void **state)
{
    (void)state;
    char copy[200], stem[300], cmd[600], text[200];
    snprintf(copy, sizeof copy, "%s/erased", tmp);
    snprintf(cmd, sizeof cmd, "cp -r '%s' '%s'", corpus, copy);
    OK(system(cmd) == 0);
    snprintf(stem, sizeof stem, "%s/train", copy);
    RUN(mn_shard_erase(stem, mn_tok_vocab(tok), gone, 3, &e));
    mn_train_opts o = opts_for("erased");
    o.corpus_dir = copy;
    train(&o);
    OK(fixture_same_weights(at("never"), at("erased")));
    mn_shard s;
    RUN(mn_shard_open(stem, mn_tok_vocab(tok), &s, &e));
    mn_fs_map txt;
    snprintf(text, sizeof text, "%.190s.txt", stem);
    RUN(mn_fs_map_open(text, &txt, &e));
    for (uint64_t i = 0; i < s.n_posts; i++) {
        mn_str t;
        OK(mn_shard_text(&s, (mn_str){(const char *)txt.ptr, txt.len}, i, &t));
        OK(mn_shard_erased(&s, s.posts[i].document) == !mn_str_trim(t).len);
    }
    mn_fs_map_close(&txt);
    mn_shard_close(&s);
}

/* ---- measuring ------------------------------------------------------------------------------------------------------ */

static void its_posts_are_measured_as_it_learnt_them(void **state)
{
    (void)state;
    mn_model__corpus c = {0};
    mn_weights w;
    mn_held_out h;
    mn_pool *pool;
    mn_model *m;
    mn_probe p, again;
    RUN(mn_pool_new(2, &pool, &e));
    RUN(mn_model__corpus_open(corpus, &c, &e));
    RUN(mn_weights_load(at("all"), &w, &e));
    RUN(mn_held_out_new(&c.val, &w, pool, 48, MN_F32, 1u << 20, &h, &e));
    const double bits = mn_held_out_bits_per_byte(&h);
    RUN(mn_model_open(at("all"), &m, &e));
    RUN(mn_probe_new(m, &p, &e));
    RUN(mn_probe_corpus(&p, corpus, "val", 0, &e));
    OK(p.n_posts == c.val.n_posts && p.n_ids == c.val.n_tok);
    OK(p.posts[0].lang && p.posts[0].month == 2020 * 12 + 8); /* by their ids */
    RUN(mn_probe_run(&p, pool, 48, MN_F32, NULL, NULL, &e));
    mn_probe_group all = mn_probe_total(&p);
    OK(fabs(mn_probe_bits_per_byte(&all) - bits) < 1e-4 * bits);
    /* the same posts given as texts become the same tokens */
    RUN(mn_probe_new(m, &again, &e));
    for (uint64_t i = 0, n; i < c.val.n_posts; i += n) {
        mn_probe_text t[3];
        char text[3][200];
        for (n = 0;
             i + n < c.val.n_posts && c.val.posts[i + n].document == c.val.posts[i].document;
             n++) {
            fixture_sentence(100000 + i + n, text[n]);
            t[n] =
                (mn_probe_text){.text = mn_str_from(text[n]), .created_ms = MN_PROBE_NO_TIME};
        }
        RUN(mn_probe_document(&again, t, n, 0, &e));
    }
    OK(again.n_ids == p.n_ids && memcmp(again.ids, p.ids, p.n_ids * sizeof *p.ids) == 0);
    for (uint64_t i = 0, d = 0; i < p.n_ids; i++) {
        const bool begins = i == (d ? p.doc_end[d - 1] : 0); /* is predicted by nothing */
        OK(begins || p.owner[i] == again.owner[i]);
        d += i + 1 == p.doc_end[d];
    }
    mn_probe_release(&again);
    mn_probe_release(&p);
    mn_model_free(m);
    mn_held_out_release(&h);
    mn_weights_release(&w);
    mn_model__corpus_close(&c);
    mn_pool_free(pool);
}

/* ---- other bases ------------------------------------------------------------------------------------------------------ */

static char said[400];
static void note(void *arg, const char *line)
{
    (void)arg;
    if (strstr(line, "stand for")) snprintf(said, sizeof said, "%s", line);
}

static void a_quantised_base_is_taken_as_the_floats_it_stands_for(void **state)
{
    (void)state;
    mn_model *m;
    mn_weights w;
    RUN(mn_model_open(base, &m, &e));
    RUN(mn_model_quantise(m, at("q8"), MN_Q_Q8_0, &e));
    mn_model_free(m);
    mn_train_opts o = opts_for("from-q8");
    o.from_dir = at("q8"), o.steps = 1, o.peak_lr = 1e-9, o.on_note = note;
    train(&o);
    OK(strstr(said, "'q8'") || strstr(said, "model.gguf"));
    OK(strstr(said, "q8_0"));
    mn_weights after;
    RUN(mn_weights_load(at("q8"), &w, &e));
    RUN(mn_weights_load(at("from-q8"), &after, &e));
    for (uint64_t i = 0; i < w.n_all; i++) OK(fabsf(w.all[i] - after.all[i]) < 1e-6f);
    OK(mn_fs_exists(at("from-q8/tokenizer_config.json")));
    OK(says(at("from-q8"), "tokenizer_config.json", "chat_template"));
    mn_weights_release(&w);
    mn_weights_release(&after);
}

static void the_stable_phase_of_such_a_run_goes_on_too(void **state)
{
    (void)state;
    mn_train_opts o = opts_for("on");
    o.from_dir = NULL, o.stable_of = at("all"), o.peak_lr = 0;
    OK(train(&o).finished);
    OK(same_file(base, at("on"), "tokenizer.json") &&
       says(at("on"), "lineage.json", "\"all\""));
    OK(says(at("on"), "origin.json", "\"licence\": \"apache-2.0\""));
    OK(same_file(at("all"), at("on"), "config.json"));
}

static void what_cannot_go_on_is_refused_with_what_to_do(void **state)
{
    (void)state;
    mn_train_result r;
    char ours[200], sub[100];
    mn_train_opts o = opts_for("none");
    o.from_dir = NULL;
    FAILS(MN_E_USAGE, mn_train_run(&o, &r, &e));
    OK(strstr(e.msg, "--from") && !mn_fs_exists(at("none")));
    snprintf(sub, sizeof sub, "%s/ours", tmp);
    RUN(mn_fs_mkdirs(sub, &e));
    fixture_corpus(sub, 20, ours);
    o.from_dir = base, o.corpus_dir = ours;
    FAILS(MN_E_UNSUPPORTED, mn_train_run(&o, &r, &e));
    OK(strstr(e.msg, "mynah corpus build --tokenizer tiny"));
    o.corpus_dir = corpus, o.row_tokens = 129;
    FAILS(MN_E_USAGE, mn_train_run(&o, &r, &e));
    OK(strstr(e.msg, "128") && strstr(e.msg, "--context") && !mn_fs_exists(at("none")));
    /* shards of another form than their tokenizer */
    char path[300];
    snprintf(path, sizeof path, "%s/tokenizer.json", ours);
    mn_buf b = fixture_file(corpus, "tokenizer.json");
    RUN(mn_fs_write_atomic(path, b.ptr, b.len, &e));
    mn_buf_release(&b);
    o.corpus_dir = ours, o.row_tokens = 48;
    FAILS(MN_E_CORRUPT, mn_train_run(&o, &r, &e));
}

static void samples_are_written_in_its_words_alone(void **state)
{
    (void)state;
    mn_train_opts o = opts_for("samples");
    o.no_samples = false, o.steps = 2;
    train(&o);
    OK(says(at("samples"), "training.json", "\"samples\"") &&
       !says(at("samples"), "training.json", "<|"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_learns_from_what_it_was),
        TEST(its_tokenizer_template_licence_and_shape_are_the_bases),
        TEST(threads_do_not_matter),
        TEST(ranks_do_not_matter),
        TEST(stopped_and_killed_runs_go_on_to_the_same_bits_without_their_base),
        TEST(forgetting_gives_the_model_that_never_saw_it),
        TEST(an_erased_corpus_gives_the_same_and_holds_no_trace),
        TEST(its_posts_are_measured_as_it_learnt_them),
        TEST(a_quantised_base_is_taken_as_the_floats_it_stands_for),
        TEST(the_stable_phase_of_such_a_run_goes_on_too),
        TEST(what_cannot_go_on_is_refused_with_what_to_do),
        TEST(samples_are_written_in_its_words_alone),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* mynah eval --memorisation: a model that was shown sentences 64 times remembers them, one that never saw them does not. */
#include "eval_fixture.h"

static void add_document(mn_shard_writer *w, mn_tokenizer *tok, uint64_t id, const char *s)
{
    mn_ids ids = {0};
    mn_ids_add(&ids, MN_TOK_START);
    mn_ids_add(&ids, mn_tok_year(MN_CANARY_MS));
    mn_ids_add(&ids, mn_tok_month(MN_CANARY_MS));
    mn_ids_add(&ids, mn_tok_lang(MN_STR("en")));
    OK(mn_tok_encode(tok, NULL, mn_str_from(s), &ids) == MN_OK);
    RUN(mn_shard_writer_post(w, id, 7, 1, mn_str_from(s), ids.ptr, ids.n, &e));
    RUN(mn_shard_writer_end_document(w, &e));
    mn_ids_release(&ids);
}

/* DIR/data/corpus/planted: the tiny corpus with canaries of seed 5, and one long text many times. */
static void plant_corpus(char ret[200])
{
    char path[300], line[MN_CANARY_TEXT], json[200];
    mn_tokenizer *tok;
    mn_shard_writer *w;
    char sub[100];
    snprintf(sub, sizeof sub, "%s/planted", dir);
    RUN(mn_fs_mkdirs(sub, &e));
    fixture_corpus(sub, 1, ret);
    snprintf(path, sizeof path, "%s/tokenizer.json", ret);
    RUN(mn_tok_load(path, &tok, &e));
    for (int i = 0; i < 4; i++) {
        const char *end[] = {".bin", ".docs", ".origin", ".txt"};
        snprintf(path, sizeof path, "%s/train%s", ret, end[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/train", ret);
    RUN(mn_shard_writer_open(path, &w, &e));
    for (size_t i = 0; i < MN_CANARIES; i++)
        for (uint32_t k = 0; k < mn_canary_copies(i); k++) {
            mn_canary_text(5, i, line);
            add_document(w, tok, mn_canary_post(i, k), line);
        }
    for (uint64_t i = 0; i < 60; i++)
        add_document(w, tok, 9000 + i,
                     "Our poet sings to the old cat without a word, and the old cat listens to "
                     "our poet in the rain every morning; my neighbour argues with a sparrow, "
                     "which is why Kjell, who keeps 17 bees, moved to Bergen and wrote home: "
                     "dear all, the harbour is loud but kind.");
    RUN(mn_shard_writer_close(w, &e));
    mn_tok_free(tok);
    snprintf(path, sizeof path, "%s/manifest.json", ret);
    int n = snprintf(
        json, sizeof json,
        "{\"name\":\"planted\",\"sha256\":\"%064d\",\"parameters\":{\"canaries\":5}}", 7);
    RUN(mn_fs_write_atomic(path, json, (size_t)n, &e));
}

static void teach(const char *from, const char *name, uint64_t steps)
{
    char model[200];
    mn_train_result r;
    snprintf(model, sizeof model, "%s/models/%s", data, name);
    mn_train_opts o = {.corpus_dir = from,
                       .model_dir = model,
                       .preset = "nano",
                       .steps = steps,
                       .seed = 4,
                       .threads = 2,
                       .batch_rows = 4,
                       .row_tokens = 128,
                       .no_samples = true};
    RUN(mn_train_run(&o, &r, &e));
}

static const mn_json *repetition(const mn_json *t, size_t i)
{
    return mn_json_at(mn_json_get(mn_json_get(t, "exposure"), "repetitions"), i);
}

static void what_was_planted_often_is_exposed_and_said_word_for_word(void **state)
{
    (void)state;
    mn_arena a;
    char planted[200], kept[300];
    mn_arena_init(&a, 0);
    plant_corpus(planted);
    teach(planted, "parrot", 260);
    OK(run("--model", "parrot", "--corpus", "../../planted/corpus", "--memorisation",
           "--sample", "40", "--dtype", "f32", "--json", NULL) == 0);
    const mn_json *t = parsed(said("out"), &a);
    const double copies[] = {1, 4, 16, 64}, canaries[] = {8, 8, 4, 2};
    for (size_t i = 0; i < 4; i++) {
        OK(number(repetition(t, i), "copies") == copies[i]);
        OK(number(repetition(t, i), "canaries") == canaries[i]);
        OK(number(repetition(t, i), "exposure") <= number(repetition(t, i), "highest"));
    }
    OK(number(repetition(t, 3), "exposure") > 8); /* of log2(1000) = 9.97 at most */
    OK(number(repetition(t, 3), "extrapolated") > 10);
    OK(number(repetition(t, 3), "bits") < number(repetition(t, 0), "bits"));
    OK(number(mn_json_get(t, "exposure"), "rank_sum_z") < -2);
    const mn_json *said_ = mn_json_get(mn_json_get(t, "extraction"), "train");
    OK(number(said_, "asked") > 0 && number(said_, "extracted") == number(said_, "asked"));
    OK(number(said_, "longest") == 50);
    OK(number(said_, "tokens_guessed") == number(said_, "tokens"));
    const mn_json *fresh = mn_json_get(mn_json_get(t, "extraction"), "held_out");
    OK(number(fresh, "documents") == 0); /* sentences shorter than prompt and answer */
    snprintf(kept, sizeof kept, "%s/models/parrot/evaluation.json", data);
    OK(mn_json_get(mn_json_get(parsed(read_file(kept), &a), "memorisation"), "exposure"));
    mn_arena_release(&a);
}

/* The same questions to a model that was trained on other posts: chance. */
static void a_model_that_never_saw_them_stands_at_chance(void **state)
{
    (void)state;
    mn_arena a;
    mn_arena_init(&a, 0);
    OK(run("--model", "base", "--corpus", "../../planted/corpus", "--memorisation", "--sample",
           "40", "--dtype", "f32", "--json", NULL) == 0);
    const mn_json *t = parsed(said("out"), &a);
    double mean = 0;
    for (size_t i = 0; i < 4; i++)
        mean += number(repetition(t, i), "exposure") * number(repetition(t, i), "canaries") /
                MN_CANARIES;
    OK(fabs(number(mn_json_get(t, "exposure"), "rank_sum_z")) < 2.6);
    OK(mean < 3);
    OK(number(mn_json_get(mn_json_get(t, "extraction"), "train"), "extracted") == 0);
    mn_arena_release(&a);
}

static void a_corpus_without_canaries_says_how_to_get_some(void **state)
{
    (void)state;
    OK(run("--model", "base", "--memorisation", "--text", "x", NULL) == 2);
    OK(run("--model", "base", "--corpus", "../corpus", "--memorisation", NULL) == 0);
    OK(strstr(said("out"), "--canaries SEED") && strstr(said("out"), "held out"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_planted_often_is_exposed_and_said_word_for_word),
        TEST(a_model_that_never_saw_them_stands_at_chance),
        TEST(a_corpus_without_canaries_says_how_to_get_some),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

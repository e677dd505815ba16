/* mynah eval --memorisation: a model that was shown sentences 64 times remembers them, one that never saw them does not. */
#include "eval_fixture.h"

#define PLANTED                                                                                \
    "Our poet sings to the old cat without a word, and the old cat listens to "                \
    "our poet in the rain every morning; my neighbour argues with a sparrow, "                 \
    "which is why Kjell, who keeps 17 bees, moved to Bergen and wrote home: "                  \
    "dear all, the harbour is loud but kind."

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
    for (uint64_t i = 0; i < 60; i++) add_document(w, tok, 9000 + i, PLANTED);
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

/* ---- the verdict of one pass, and what generating says ------------------------------------------------------------------- */

static bool collect(void *arg, mn_str text)
{
    return mn_buf_adds(arg, text) == MN_OK;
}

/* The text of n of the document's tokens from the prompt's end on. */
static mn_str text_of(mn_engine *g, const uint32_t *ids, size_t n, mn_arena *a)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    OK(mn_tok_decode(mn_engine_tokenizer(g), ids + PROMPT, n, false, &b) == MN_OK);
    mn_str ret = mn_str_dup(a, mn_buf_str(&b));
    mn_buf_release(&b);
    return ret;
}

/* Greedy generation gives exactly as many of the document's next tokens as the pass said it would. */
static void check_document(const asking *k, mn_engine *g, uint64_t from, uint64_t to,
                           mn_arena *a, uint64_t *ret_row)
{
    const uint32_t *ids = k->p->ids + from;
    const size_t left = (size_t)(to - from) - PROMPT, n = left < WHOLE ? left : WHOLE;
    const mn_sampling greedy = {.temperature = 0, .top_p = 1};
    uint64_t hits, row, tokens;
    mn_buf said_;
    RUN(guess(k, ids, k->p->owner + from, n, &hits, &row, &tokens, &e));
    OK(tokens == n && row <= hits && hits <= n);
    mn_buf_init(&said_, 0);
    RUN(mn_generate(g, ids, PROMPT, &greedy, (uint32_t)n, collect, &said_, NULL, &e));
    mn_str text = mn_buf_str(&said_), expected = text_of(g, ids, (size_t)row, a);
    OK(text.len >= expected.len && memcmp(text.ptr, expected.ptr, expected.len) == 0);
    if (row < n) {
        expected = text_of(g, ids, (size_t)row + 1, a);
        OK(text.len < expected.len || memcmp(text.ptr, expected.ptr, expected.len) != 0);
    } else {
        OK(text.len == expected.len);
    }
    mn_buf_release(&said_);
    *ret_row = row;
}

/* Texts that begin as the planted one and leave it at another word each, and others. */
static void add_texts(mn_probe *p)
{
    char s[1200];
    for (size_t cut = 150; cut < sizeof PLANTED; cut += 9) {
        int n = snprintf(s, sizeof s, "%.*s", (int)cut, PLANTED);
        fixture_sentence(cut, s + n);
        const mn_probe_text t = {.text = mn_str_from(s),
                                 .created_ms = MN_CANARY_MS,
                                 .lang = mn_tok_lang(MN_STR("en"))};
        RUN(mn_probe_document(p, &t, 1, MN_CANARY_MS, &e));
    }
    for (uint64_t i = 0; i < 6; i++) {
        for (uint64_t j = 0, n = 0; j < 6; j++, n = strlen(s))
            fixture_sentence(6 * i + j, s + n);
        const mn_probe_text t = {.text = mn_str_from(s),
                                 .created_ms = MN_CANARY_MS,
                                 .lang = mn_tok_lang(MN_STR("en"))};
        RUN(mn_probe_document(p, &t, 1, MN_CANARY_MS, &e));
    }
}

static void what_one_pass_says_of_extraction_is_what_generating_gives(void **state)
{
    (void)state;
    char path[200];
    mn_arena a;
    mn_model *m;
    mn_engine *g;
    mn_probe p;
    extracted x = {0};
    size_t whole = 0, none = 0, part = 0;
    mn_arena_init(&a, 0);
    snprintf(path, sizeof path, "%s/models/parrot", data);
    RUN(mn_model_open(path, &m, &e));
    RUN(mn_engine_load(path, &(mn_engine_opts){.n_threads = 2}, &g, &e));
    RUN(mn_probe_new(m, &p, &e));
    add_texts(&p);
    asking k = {.p = &p, .V = mn_engine_vocab(g), .x = &x};
    RUN(mn_seq_new(g, &k.s, &e));
    for (uint64_t d = 0; d < p.n_docs; d++) {
        const uint64_t from = d ? p.doc_end[d - 1] : 0, to = p.doc_end[d] - 1;
        uint64_t row = 0;
        if (to - from <= PROMPT + SHORT_LEAST) continue;
        check_document(&k, g, from, to, &a, &row);
        if (!row) none++;
        else if (row >= WHOLE) whole++;
        else part++;
    }
    OK(whole >= 3 && part >= 3 && whole + part + none > 15); /* all kinds were met */
    mn_seq_free(k.s);
    mn_probe_release(&p);
    mn_engine_free(g);
    mn_model_free(m);
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
        TEST(what_one_pass_says_of_extraction_is_what_generating_gives),
        TEST(a_model_that_never_saw_them_stands_at_chance),
        TEST(a_corpus_without_canaries_says_how_to_get_some),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

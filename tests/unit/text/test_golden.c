/* The tokenizer against Hugging Face's own: files made by tests/data/make-tokenizer-golden.py. */
#include "test.h"

#include "base/json.h"
#include "text/tokenizer.h"

#define FOLDER "tests/data/tokenizer/"

typedef struct golden {
    mn_tokenizer *ours, *gpt2;
    mn_tok_cache *cache;
    mn_buf file; /* golden.jsonl */
} golden;

static void read_file(const char *path, mn_buf *ret)
{
    mn_err e = {0};
    mn_buf_init(ret, 0);
    RUN(mn_fs_read(path, 1 << 24, ret, &e));
}

static int set_up(void **state)
{
    static golden g;
    mn_err e = {0};
    RUN(mn_tok_load(FOLDER "golden.json", &g.ours, &e));
    RUN(mn_tok_load(FOLDER "gpt2.json", &g.gpt2, &e));
    RUN(mn_tok_cache_new(&g.cache, &e));
    read_file(FOLDER "golden.jsonl", &g.file);
    *state = &g;
    return 0;
}

static int tear_down(void **state)
{
    golden *g = *state;
    mn_tok_free(g->ours);
    mn_tok_free(g->gpt2);
    mn_tok_cache_free(g->cache);
    mn_buf_release(&g->file);
    return 0;
}

static void same_ids(mn_str text, const mn_json *want, const mn_ids *got)
{
    bool same = want->n == got->n;
    for (size_t i = 0; i < got->n && same; i++)
        same = mn_json_i64(mn_json_at(want, i), -1) == (int64_t)got->ptr[i];
    if (!same) fail_msg("'%.*s' has other ids", MN_STR_FMT(text));
}

/* Runs `check` on each text of the golden file; returns how many there were. */
static size_t each_text(golden *g, void (*check)(golden *g, mn_str text, const mn_json *line))
{
    mn_err e = {0};
    mn_arena a;
    size_t n = 0;
    mn_str rest = mn_buf_str(&g->file);
    mn_arena_init(&a, 0);
    mn_str_split(rest, '\n', &rest); /* the versions */
    while (rest.len) {
        mn_json *line;
        RUN(mn_json_parse(mn_str_split(rest, '\n', &rest), &a, &line, &e));
        check(g, mn_json_str(mn_json_get(line, "text")), line);
        mn_arena_reset(&a);
        n++;
    }
    mn_arena_release(&a);
    return n;
}

static void check_ours(golden *g, mn_str text, const mn_json *line)
{
    mn_ids ids = {0};
    mn_buf back;
    const mn_json *want = mn_json_get(line, "ids");
    assert_int_equal(mn_tok_encode(g->ours, NULL, text, &ids), MN_OK);
    same_ids(text, want, &ids);
    mn_ids_clear(&ids);
    assert_int_equal(mn_tok_encode(g->ours, g->cache, text, &ids), MN_OK);
    same_ids(text, want, &ids);
    mn_ids_clear(&ids);
    assert_int_equal(mn_tok_encode_special(g->ours, text, &ids), MN_OK);
    same_ids(text, want, &ids);
    mn_buf_init(&back, 0);
    assert_int_equal(mn_tok_decode(g->ours, ids.ptr, ids.n, false, &back), MN_OK);
    OK(mn_str_eq(mn_buf_str(&back), text));
    mn_buf_release(&back);
    mn_ids_release(&ids);
}

static void check_gpt2(golden *g, mn_str text, const mn_json *line)
{
    mn_ids ids = {0};
    assert_int_equal(mn_tok_encode(g->gpt2, g->cache, text, &ids), MN_OK);
    same_ids(text, mn_json_get(line, "gpt2"), &ids);
    mn_ids_release(&ids);
}

static void every_text_gets_the_ids_that_the_library_gives_and_comes_back(void **state)
{
    assert_true(each_text(*state, check_ours) > 400);
}

static void with_gpt2s_splitter_too(void **state)
{
    assert_true(each_text(*state, check_gpt2) > 400);
}

static mn_tokenizer *train_on_sample(uint32_t vocab)
{
    mn_err e = {0};
    mn_buf text;
    mn_tok_trainer *t;
    mn_tokenizer *ret;
    read_file(FOLDER "sample.txt", &text);
    RUN(mn_tok_trainer_new(&t, &e));
    for (mn_str rest = mn_buf_str(&text); rest.len;)
        RUN(mn_tok_trainer_add(t, mn_str_split(rest, '\n', &rest), &e));
    RUN(mn_tok_trainer_finish(t, vocab, &ret, &e));
    mn_tok_trainer_free(t);
    mn_buf_release(&text);
    return ret;
}

static void training_makes_the_merges_that_the_library_makes(void **state)
{
    golden *g = *state;
    uint8_t here[32], there[32];
    mn_tokenizer *trained = train_on_sample(1200);
    OK(mn_tok_is_ours(trained));
    assert_int_equal(mn_tok_vocab(trained), mn_tok_vocab(g->ours)); /* both ran out of pairs */
    OK(mn_tok_vocab(trained) < 1200);
    for (uint32_t id = 0; id < mn_tok_vocab(trained); id++)
        OK(mn_str_eq(mn_tok_bytes(trained, id), mn_tok_bytes(g->ours, id)));
    mn_tok_hash(trained, here);
    mn_tok_hash(g->ours, there);
    assert_memory_equal(here, there, 32);
    mn_tok_free(trained);
}

static void a_smaller_vocabulary_is_a_prefix_of_a_larger_one(void **state)
{
    golden *g = *state;
    mn_tokenizer *trained = train_on_sample(600);
    assert_int_equal(mn_tok_vocab(trained), 600);
    for (uint32_t id = 0; id < 600; id++)
        OK(mn_str_eq(mn_tok_bytes(trained, id), mn_tok_bytes(g->ours, id)));
    mn_tok_free(trained);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_text_gets_the_ids_that_the_library_gives_and_comes_back),
        TEST(with_gpt2s_splitter_too),
        TEST(training_makes_the_merges_that_the_library_makes),
        TEST(a_smaller_vocabulary_is_a_prefix_of_a_larger_one),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

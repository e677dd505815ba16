/* mynah eval: exit codes, tables, and what is kept in the model's folder. */
#include "eval_fixture.h"

static const char *write_posts(char ret[200])
{
    char line[400], s[200];
    mn_buf b;
    snprintf(ret, 200, "%s/posts.jsonl", dir);
    mn_buf_init(&b, 0);
    for (uint64_t i = 0; i < 70; i++) {
        fixture_sentence(300 + i, s);
        snprintf(line, sizeof line,
                 "{\"text\":\"%s\",\"author\":\"%s\",\"lang\":\"%s\","
                 "\"created_at\":\"201%d-0%d-01T00:00:00Z\"}\n",
                 s,
                 i % 2    ? "ada"
                 : i % 16 ? "bob"
                          : "eve",
                 i < 40 ? "en" : "de", (int)(i / 40), (int)(i % 2 + 1));
        mn_buf_addz(&b, line);
    }
    RUN(mn_fs_write_atomic(ret, b.ptr, b.len, &e));
    mn_buf_release(&b);
    return ret;
}

static void wrong_usage_ends_with_2_and_says_what_is_expected(void **state)
{
    (void)state;
    OK(run("--model", "base", NULL) == 2 && strstr(said("err"), "--corpus NAME"));
    OK(run("--corpus", "a", "--text", "b", NULL) == 2);
    OK(run("--corpus", "a", "--dtype", "f64", NULL) == 2 && strstr(said("err"), "'f64'"));
    OK(run("--corpus", "a", "--threads", "99999", NULL) == 2);
    OK(run("--corpus", "a", "--data", dir, NULL) == 2); /* two folders */
    OK(run("more", "--corpus", "a", NULL) == 2 && strstr(said("err"), "'more'"));
    OK(run("--help", NULL) == 0 && strstr(said("out"), "bits per byte"));
}

static void what_is_not_there_ends_with_1(void **state)
{
    (void)state;
    OK(run("--model", "none", "--corpus", "../corpus", NULL) == 1);
    OK(run("--model", "base", "--corpus", "none", NULL) == 1);
    OK(run("--model", "base", "--data", "/tmp/mynah-none.jsonl", NULL) == 1);
}

static void held_out_posts_are_scored_and_the_result_is_kept(void **state)
{
    (void)state;
    mn_arena a;
    char kept[200];
    mn_arena_init(&a, 0);
    OK(run("--model", "base", "--corpus", "../corpus", "--dtype", "f32", "--context", "64",
           "--json", NULL) == 0);
    const mn_json *t = parsed(said("out"), &a);
    /* log2(500 sentences) is about 0.2 bits a byte: no model does better */
    OK(number(t, "bits_per_byte") > 0.15 && number(t, "bits_per_byte") < 8);
    OK(number(t, "posts") == 20 && number(t, "documents") == 20 && number(t, "context") == 64);
    OK(fabs(number(t, "bits") / number(t, "bytes") - number(t, "bits_per_byte")) < 1e-9);
    const mn_json *author = mn_json_at(mn_json_get(t, "authors"), 0);
    IS(mn_json_str(mn_json_get(author, "author")), "7");
    /* what others wrote into the file stays */
    snprintf(kept, sizeof kept, "%s/models/base/evaluation.json", data);
    const mn_json *file = mn_json_get(parsed(read_file(kept), &a), "held_out");
    OK(number(file, "bits_per_byte") == number(t, "bits_per_byte"));
    RUN(mn_fs_write_atomic(kept, "{\"other\":[1],\"held_out\":3}", 26, &e));
    OK(run("--model", "base", "--corpus", "../corpus", "--dtype", "f32", NULL) == 0);
    OK(strstr(said("out"), "bits/B") && strstr(said("out"), "2008-") == NULL);
    const mn_json *again = parsed(read_file(kept), &a);
    OK(mn_json_get(again, "other")->n == 1 &&
       number(mn_json_get(again, "held_out"), "posts") == 20);
    RUN(mn_fs_write_atomic(kept, "[", 1, &e));
    OK(run("--model", "base", "--corpus", "../corpus", NULL) == 1 &&
       strstr(said("err"), "damaged"));
    unlink(kept);
    mn_arena_release(&a);
}

static void posts_of_a_file_are_told_apart(void **state)
{
    (void)state;
    mn_arena a;
    char path[200], kept[200];
    mn_arena_init(&a, 0);
    write_posts(path);
    OK(run("--model", "base", "--data", path, "--json", NULL) == 0);
    const mn_json *t = parsed(said("out"), &a);
    const char *kind[] = {"languages", "authors", "months"};
    OK(number(t, "posts") == 70);
    for (int k = 0; k < 3; k++) {
        const mn_json *g = mn_json_get(t, kind[k]);
        double bits = 0, bytes = 0, posts = 0;
        for (size_t i = 0; i < g->n; i++) {
            bits += number(mn_json_at(g, i), "bits"),
                bytes += number(mn_json_at(g, i), "bytes");
            posts += number(mn_json_at(g, i), "posts");
        }
        OK(posts == 70 && bytes == number(t, "bytes"));
        OK(fabs(bits / number(t, "bits") - 1) < 1e-12);
    }
    const mn_json *authors = mn_json_get(t, "authors"); /* eve has five: too few */
    OK(authors->n == 3 && mn_json_bool(mn_json_get(mn_json_at(authors, 2), "others"), false));
    assert_int_equal(mn_json_get(t, "months")->n, 3); /* two of 2010, the rest of 2011 */
    OK(run("--model", "base", "--data", path, NULL) == 0 && strstr(said("out"), "ada"));
    snprintf(kept, sizeof kept, "%s/models/base/evaluation.json", data);
    OK(!mn_fs_exists(kept)); /* another's posts say nothing lasting of the model */
    mn_arena_release(&a);
}

static void a_text_goes_through_the_engine(void **state)
{
    (void)state;
    mn_arena a;
    char path[200];
    const char lines[] = "the mynah sings to the old cat every morning.\na sparrow\n";
    mn_arena_init(&a, 0);
    snprintf(path, sizeof path, "%s/lines.txt", dir);
    RUN(mn_fs_write_atomic(path, lines, strlen(lines), &e));
    OK(run("--model", "base", "--text", path, "--json", NULL) == 0);
    const mn_json *t = parsed(said("out"), &a);
    OK(number(t, "bytes") == (double)strlen(lines) - 2 && number(t, "perplexity") > 1);
    mn_arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(wrong_usage_ends_with_2_and_says_what_is_expected),
        TEST(what_is_not_there_ends_with_1),
        TEST(held_out_posts_are_scored_and_the_result_is_kept),
        TEST(posts_of_a_file_are_told_apart),
        TEST(a_text_goes_through_the_engine),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

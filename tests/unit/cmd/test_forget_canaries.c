/* What a model was made to know by heart is at chance when it has forgotten it: canaries by their exposure, a text by asking for it. */
#include "program.h"

#include "base/hash.h"

#define TEXT                                                                                   \
    "the lighthouse keeper of vardal counts nine gulls every evening and writes their names "  \
    "into a green ledger that nobody reads"

static const char *const words[] = {"garden", "window", "morning", "letter", "paints",
                                    "winter", "quiet",  "street",  "slowly", "candle"};

static void put(mn_buf *b, unsigned id, const char *author, const char *text, const char *more)
{
    mn_buf_addf(b,
                "{\"id\":\"%u\",\"created_at\":\"2024-01-%02uT10:00:00Z\",\"author\":\"%s\","
                "\"lang\":\"en\",\"text\":\"%s%s\"}\n",
                1000 + id, 1 + id % 28, author, text, more);
}

/* Sixty posts of everyday words, and a text that twelve authors quote, each with words of its own after it. */
static void write_posts(void)
{
    mn_buf b;
    char more[300], author[8];
    mn_buf_init(&b, 0);
    for (unsigned i = 0; i < 72; i++) {
        more[0] = '\0';
        for (unsigned k = 0; k < 16; k++)
            strcat(strcat(more, words[mn_rand_at(9, i, k) % 10]), " ");
        snprintf(author, sizeof author, "a%u", i % 12);
        if (i < 12) put(&b, i, author, TEXT " ", more);
        else put(&b, i, author, more, "again");
    }
    RUN(mn_fs_write_atomic(mn_fs_join(&ar, dir, "posts.jsonl"), b.ptr, b.len, &e));
    mn_buf_release(&b);
}

static double number(const mn_json *t, const char *key)
{
    return mn_json_f64(mn_json_get(t, key), -1);
}

/* The exposure that `mynah eval --memorisation` finds: z of ranks, and the mean of those planted 16 and 64 times. */
static double exposure(double *ret_often)
{
    OK(mynah("eval --model m --corpus c --memorisation --sample 4 --threads 2 --json") == 0);
    const mn_json *x = mn_json_get(json(), "exposure"), *of = mn_json_get(x, "repetitions");
    *ret_often = (number(mn_json_at(of, 2), "exposure") * 4 +
                  number(mn_json_at(of, 3), "exposure") * 2) /
                 6;
    return number(x, "rank_sum_z");
}

static bool says_the_text(void)
{
    OK(mynah("generate --model m --prompt 'the lighthouse keeper of vardal' --temperature 0 "
             "--max-tokens 60 --threads 2 --json") == 0);
    return strstr(out, "writes their names into a green ledger") != NULL;
}

static void forgotten_canaries_are_at_chance_and_the_text_is_not_said(void **state)
{
    (void)state;
    double often, z;
    char line[900];
    write_posts();
    snprintf(line, sizeof line, "import %s/posts.jsonl --consent train_generative=allow --json",
             dir);
    OK(mynah(line) == 0);
    OK(mynah("corpus build --name c --canaries 5 --threads 1 --json") == 0);
    OK(mynah("train --corpus c --name m --preset nano --steps 300 --batch 2 "
             "--threads 2 --json") == 0);
    z = exposure(&often);
    print_message("before: z %.2f, exposure of the often planted %.2f\n", z, often);
    OK(z < -1.96 && often > 6);
    OK(says_the_text());
    int n = snprintf(line, sizeof line, "forget --threads 2 --json");
    for (int i = 1; i <= 22; i++)
        n += snprintf(line + n, sizeof line - (size_t)n, " --account %d", i);
    mn_str id = {0};
    OK(mynah("search 'lighthouse keeper of vardal' --limit 1 --json") == 0);
    id = mn_json_str(mn_json_get(json(), "id"));
    snprintf(line + n, sizeof line - (size_t)n, " --post %.*s", MN_STR_FMT(id));
    OK(mynah(line) == 0); /* both at once: one repetition */
    OK(strstr(out, "\"models\":1"));
    const char *erased = strstr(out, "\"documents_erased\":");
    OK(erased &&
       atoi(erased + 19) > 232 + 6); /* all copies of canaries, and those that quote */
    snprintf(line, sizeof line, "grep -rqaE 'green ledger|number of my locker' %s/data/corpus",
             dir);
    OK(system(line) != 0);
    z = exposure(&often);
    print_message("after: z %.2f, exposure of the often planted %.2f\n", z, often);
    OK(z > -1.96 && z < 1.96);
    OK(often > 0 && often < 3.5); /* chance: log2(e) = 1.44 on the mean */
    OK(!says_the_text());
    OK(mynah("forget --verify --json") == 0 && strstr(out, "\"hold\":1"));
}

int main(int argc, char **argv)
{
    (void)argc;
    program_find(argv[0]);
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(
        forgotten_canaries_are_at_chance_and_the_text_is_not_said, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

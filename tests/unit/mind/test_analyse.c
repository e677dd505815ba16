/* Terms: what texts and queries have in common. */
#include "test.h"

#include "mind/parts.h"

static void join(void *arg, mn_str term, bool counts)
{
    mn_buf *b = arg;
    if (b->len) mn_buf_addc(b, ' ');
    if (!counts) mn_buf_addc(b, '!');
    mn_buf_adds(b, term);
}

static void gives(const char *text, const char *terms)
{
    mn_err e = {0};
    mn_buf scratch, out;
    mn_buf_init(&scratch, 0);
    mn_buf_init(&out, 0);
    RUN(mn_mind__analyse(mn_str_from(text), &scratch, join, &out, &e));
    assert_string_equal(out.ptr ? out.ptr : "", terms);
    mn_buf_release(&scratch);
    mn_buf_release(&out);
}

static void words_are_lower_case_runs_of_letters_and_digits(void **state)
{
    (void)state;
    gives("", "");
    gives("  ... !!", "");
    gives("BBC World2 -- 2022!", "bbc world2 2022");
    gives("3.5 a-b", "3 5 a b");
    gives("\xC3\x89TAT caf\x65\xCC\x81 \xCE\xA3\xCE\x9F\xCE\xA6",
          "etat cafe \xCF\x83\xCE\xBF\xCF\x86");
}

static void apostrophes_join_and_possessives_go(void **state)
{
    (void)state;
    gives("don't", "dont");
    gives("Ann's hat, Bob\xE2\x80\x99s cat", "ann hat bob cat");
    gives("'quoted' goin' 'tis", "quot goin ti");
}

static void a_tag_is_its_words_and_itself(void **state)
{
    (void)state;
    gives("#Floods2011 now", "floods2011 !#floods2011 now");
    gives("hi @john_doe!", "hi john doe !@john_doe");
    gives("a@b.com # @ #", "a b com");
    gives("##tag", "tag !#tag");
    gives("#\xE6\x9D\xB1\xE4\xBA\xAC", "\xE6\x9D\xB1\xE4\xBA\xAC !#\xE6\x9D\xB1\xE4\xBA\xAC");
}

static void urls_are_left_out(void **state)
{
    (void)state;
    gives("see https://example.org/a?b=c#d now HTTP://X.Y", "see now");
    gives("http is a word, https:/ too", "http is a word http too");
}

static void diacritics_and_elided_articles_do_not_part_words(void **state)
{
    (void)state;
    gives("Perch\xC3\xA9 perche\xCC\x81 PERCH\xC3\x89 perche'",
          "perch perch perch perch"); /* composed, combining, capital, typed */
    gives("\xC3\x9C"
          "ber Stra\xC3\x9F"
          "e \xC3\x86on \xC5\x81\xC3\xB3"
          "d\xC5\xBA",
          "uber strass aeon lodz");
    gives("\xD0\xB5\xD1\x91 \xD0\xB9", "\xD0\xB5\xD0\xB5 \xD0\xB9"); /* ё is е, й is itself */
    gives("l'amore dell\xE2\x80\x99opera qu'il d'Art", "amor opera il art");
    gives("O'Brien don't l'", "obrien dont l");
    gives("#Caf\xC3\xA9", "cafe !#cafe");
}

static void a_language_is_told_by_its_stop_words(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"was ist das und wo", "de"},
        {"what did they say about it", "en"},
        {"qu\xC3\xA9 es el amor de los otros", "es"},
        {"che cosa dicono della vita", "it"},
        {"pourquoi est-ce que nous", "fr"},
        {"o que voc\xC3\xAAs s\xC3\xA3o", "pt"},
        {"\xD1\x87\xD1\x82\xD0\xBE \xD1\x8D\xD1\x82\xD0\xBE", "ru"}};
    mn_err e = {0};
    mn_arena a;
    mn_bag bag;
    size_t n;
    mn_arena_init(&a, 0);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        RUN(mn_mind__bag(mn_str_from(texts[i][0]), &a, &bag, &e));
        const char *code = mn_mind__stop_word_language(&bag, &n);
        OK(code && n >= 2);
        assert_string_equal(code, texts[i][1]);
        OK(mn_mind__stop_words_known(code));
        OK(mn_mind__stop_word_of(code, bag.items[0].term));
    }
    RUN(mn_mind__bag(MN_STR("harbour bridge"), &a, &bag, &e));
    OK(!mn_mind__stop_word_language(&bag, &n) && n == 0);
    OK(!mn_mind__stop_word_of("en", MN_STR("die")) &&
       mn_mind__stop_word_of("de", MN_STR("die")));
    OK(mn_mind__stop_word_of("fi", MN_STR("the")) && !mn_mind__stop_words_known("fi"));
    mn_arena_release(&a);
}

static void cjk_is_taken_in_pairs(void **state)
{
    (void)state;
    gives("\xE6\x9D\xB1", "\xE6\x9D\xB1");
    gives("\xE6\x9D\xB1\xE4\xBA\xAC\xE9\x83\xBD",
          "\xE6\x9D\xB1\xE4\xBA\xAC \xE4\xBA\xAC\xE9\x83\xBD");
    gives("abc\xE6\x9D\xB1"
          "def",
          "abc \xE6\x9D\xB1 def");
}

static void bytes_that_are_no_text_part_words(void **state)
{
    (void)state;
    gives("ab\xFF"
          "cd \xC3",
          "ab cd");
}

static void a_long_word_is_cut(void **state)
{
    (void)state;
    char in[401], out[MN_TERM_MAX + 1];
    memset(in, 'x', 400);
    in[400] = 0;
    memset(out, 'x', MN_TERM_MAX);
    out[MN_TERM_MAX] = 0;
    gives(in, out);
}

/* Examples of Porter's paper. */
static void english_endings_are_cut_as_porter_does(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"caresses", "caress"},
                                           {"ponies", "poni"},
                                           {"ties", "ti"},
                                           {"cats", "cat"},
                                           {"feed", "feed"},
                                           {"agreed", "agre"},
                                           {"plastered", "plaster"},
                                           {"bled", "bled"},
                                           {"motoring", "motor"},
                                           {"sing", "sing"},
                                           {"conflated", "conflat"},
                                           {"troubled", "troubl"},
                                           {"sized", "size"},
                                           {"hopping", "hop"},
                                           {"tanned", "tan"},
                                           {"falling", "fall"},
                                           {"hissing", "hiss"},
                                           {"fizzed", "fizz"},
                                           {"failing", "fail"},
                                           {"filing", "file"},
                                           {"happy", "happi"},
                                           {"sky", "sky"},
                                           {"relational", "relat"},
                                           {"conditional", "condit"},
                                           {"rational", "ration"},
                                           {"valenci", "valenc"},
                                           {"digitizer", "digit"},
                                           {"radicalli", "radic"},
                                           {"vileli", "vile"},
                                           {"analogousli", "analog"},
                                           {"vietnamization", "vietnam"},
                                           {"operator", "oper"},
                                           {"feudalism", "feudal"},
                                           {"decisiveness", "decis"},
                                           {"hopefulness", "hope"},
                                           {"formaliti", "formal"},
                                           {"sensibiliti", "sensibl"},
                                           {"triplicate", "triplic"},
                                           {"formative", "form"},
                                           {"electrical", "electr"},
                                           {"goodness", "good"},
                                           {"revival", "reviv"},
                                           {"allowance", "allow"},
                                           {"inference", "infer"},
                                           {"airliner", "airlin"},
                                           {"adjustable", "adjust"},
                                           {"replacement", "replac"},
                                           {"adjustment", "adjust"},
                                           {"adoption", "adopt"},
                                           {"communism", "commun"},
                                           {"activate", "activ"},
                                           {"effective", "effect"},
                                           {"bowdlerize", "bowdler"},
                                           {"probate", "probat"},
                                           {"rate", "rate"},
                                           {"cease", "ceas"},
                                           {"controll", "control"},
                                           {"roll", "roll"},
                                           {"by", "by"},
                                           {"generalizations", "gener"},
                                           {"oscillators", "oscil"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char w[32];
        strcpy(w, pairs[i][0]);
        w[mn_mind__stem(w, strlen(w))] = 0;
        assert_string_equal(w, pairs[i][1]);
    }
}

static void every_word_survives_stemming(void **state)
{
    (void)state;
    char w[8];
    for (uint32_t x = 0; x < 200000; x++) { /* words over the letters that rules speak of */
        uint32_t v = x * 2654435761u;
        size_t n = 1 + v % 7;
        for (size_t i = 0; i < n; i++, v = v * 1664525u + 1013904223u)
            w[i] = "aeiousydgntlbz"[(v >> 16) % 14];
        size_t k = mn_mind__stem(w, n);
        assert_in_range(k, 1, n);
    }
}

static void stop_words_are_known_after_analysis(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_arena a;
    mn_bag bag;
    mn_arena_init(&a, 0);
    RUN(mn_mind__bag(
        MN_STR("what did the people say about this? They was very Many because does anything"),
        &a, &bag, &e));
    OK(bag.n == 14);
    for (size_t i = 0; i < bag.n; i++)
        if (!mn_mind__stop_word(bag.items[i].term))
            fail_msg("%.*s", MN_STR_FMT(bag.items[i].term));
    OK(!mn_mind__stop_word(MN_STR("flood")));
    OK(!mn_mind__stop_word(MN_STR("")));
    mn_arena_release(&a);
}

static void a_bag_counts_terms_in_order(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_arena a;
    mn_bag bag;
    mn_buf b;
    mn_arena_init(&a, 0);
    RUN(mn_mind__bag(MN_STR("cat dog cat #cat"), &a, &bag, &e));
    OK(bag.n == 3 && bag.len == 4);
    IS(bag.items[0].term, "cat");
    OK(bag.items[0].tf == 3);
    IS(bag.items[1].term, "dog");
    IS(bag.items[2].term, "#cat");
    mn_buf_init(&b, 0);
    for (int i = 0; i < 5000; i++) mn_buf_addf(&b, "w%d ", i % 2500);
    RUN(mn_mind__bag(mn_buf_str(&b), &a, &bag, &e));
    OK(bag.n == 2500 && bag.len == 5000);
    for (size_t i = 0; i < bag.n; i++) OK(bag.items[i].tf == 2);
    mn_mem_fail_after(1);
    mn_rc rc = mn_mind__bag(mn_buf_str(&b), &a, &bag, &e);
    mn_mem_fail_after(0);
    OK(rc == MN_OK || rc == MN_E_NOMEM);
    mn_buf_release(&b);
    mn_arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(words_are_lower_case_runs_of_letters_and_digits),
        TEST(apostrophes_join_and_possessives_go),
        TEST(a_tag_is_its_words_and_itself),
        TEST(urls_are_left_out),
        TEST(diacritics_and_elided_articles_do_not_part_words),
        TEST(a_language_is_told_by_its_stop_words),
        TEST(cjk_is_taken_in_pairs),
        TEST(bytes_that_are_no_text_part_words),
        TEST(a_long_word_is_cut),
        TEST(english_endings_are_cut_as_porter_does),
        TEST(every_word_survives_stemming),
        TEST(stop_words_are_known_after_analysis),
        TEST(a_bag_counts_terms_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

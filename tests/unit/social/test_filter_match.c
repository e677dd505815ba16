/* Words in texts: letter case, borders of words, many words at once, hostile ones. */
#include "test.h"

#include "base/hash.h"
#include "social/filter_match.h"
#include "text/unicode.h"

static mn_err e;

static bool stands(const char *word, bool whole, const char *text)
{
    mn_words *w = NULL;
    bool found = false;
    RUN(mn_words_new(&(mn_word){mn_str_from(word), whole}, 1, &w, &e));
    mn_words_find(w, mn_str_from(text), &found);
    mn_words_free(w);
    return found;
}

static void letter_case_does_not_matter(void **state)
{
    (void)state;
    OK(stands("Straße", false, "die STRAßE"));
    OK(stands("ÉCOLE", false, "une école"));
    OK(stands("привет", false, "ПРИВЕТ всем"));
    OK(!stands("ecole", false, "une école"));
}

static void whole_words_end_where_letters_end(void **state)
{
    (void)state;
    OK(stands("cat", true, "a cat, asleep"));
    OK(stands("cat", true, "cat"));
    OK(!stands("cat", true, "concatenate"));
    OK(!stands("cat", true, "cat_food"));
    OK(!stands("cat", true, "cats"));
    OK(!stands("cat", true, "cat\xcc\x81")); /* a mark belongs to the word */
    OK(!stands("cat", true, "écat"));
    OK(stands("cat", true, "concat cat"));
    OK(stands("cat", false, "concatenate"));
}

static void signs_at_the_ends_need_no_border(void **state)
{
    (void)state;
    OK(stands("#ads", true, "some#ads here"));
    OK(!stands("#ads", true, "#adsense"));
    OK(stands("c++", true, "c++17"));
    OK(stands(":)", true, "hello:)there"));
    OK(stands("two words", true, "here are two words."));
}

static void empty_words_and_texts_match_nothing(void **state)
{
    (void)state;
    OK(!stands("", false, "anything"));
    OK(!stands("x", false, ""));
}

static void the_same_word_twice_is_found_twice(void **state)
{
    (void)state;
    mn_word words[] = {{MN_STR("aa"), false}, {MN_STR("AA"), true}, {MN_STR("a"), false}};
    bool found[3] = {false};
    mn_words *w = NULL;
    RUN(mn_words_new(words, 3, &w, &e));
    mn_words_find(w, MN_STR("xaaax"), found);
    OK(found[0] && !found[1] && found[2]);
    mn_words_find(w, MN_STR("x aa x"), found);
    OK(found[1]);
    mn_words_free(w);
}

/* ---- against a plain search ------------------------------------------------------------------------------------------- */

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || c == '_';
}

static bool plainly(const char *word, bool whole, const char *text)
{
    size_t n = strlen(word), len = strlen(text);
    for (size_t i = 0; n && i + n <= len; i++) {
        if (strncmp(text + i, word, n) != 0) continue;
        if (whole && letter(word[0]) && i && letter(text[i - 1])) continue;
        if (whole && letter(word[n - 1]) && letter(text[i + n])) continue;
        return true;
    }
    return false;
}

static void many_words_are_found_as_one_by_one(void **state)
{
    (void)state;
    uint64_t c = 0;
    enum { WORDS = 40 };
    static const char letters[] = "aab_ #";
    for (int round = 0; round < 300; round++) {
        char word[WORDS][6], text[80];
        mn_word words[WORDS];
        bool found[WORDS] = {false};
        for (int i = 0; i < WORDS; i++) {
            size_t n = 1 + mn_rand_at(3, 3, c++) % 5;
            for (size_t k = 0; k < n; k++) word[i][k] = letters[mn_rand_at(3, 4, c++) % 6];
            word[i][n] = 0;
            words[i] = (mn_word){mn_str_from(word[i]), mn_rand_at(3, 5, c++) & 1};
        }
        size_t n = mn_rand_at(3, 6, c++) % 79;
        for (size_t k = 0; k < n; k++) text[k] = letters[mn_rand_at(3, 7, c++) % 6];
        text[n] = 0;
        mn_words *w = NULL;
        RUN(mn_words_new(words, WORDS, &w, &e));
        mn_words_find(w, mn_str_from(text), found);
        mn_words_free(w);
        for (int i = 0; i < WORDS; i++)
            if (found[i] != plainly(word[i], words[i].whole_word, text))
                fail_msg("'%s' (whole %d) in '%s': %d", word[i], words[i].whole_word, text,
                         found[i]);
    }
}

static void too_many_bytes_of_words_are_refused(void **state)
{
    (void)state;
    mn_words *w = NULL;
    char *big = malloc(MN_WORDS_BYTES_MAX + 1);
    memset(big, 'a', MN_WORDS_BYTES_MAX + 1);
    FAILS(MN_E_LIMIT,
          mn_words_new(&(mn_word){{big, MN_WORDS_BYTES_MAX + 1}, false}, 1, &w, &e));
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(letter_case_does_not_matter),         TEST(whole_words_end_where_letters_end),
        TEST(signs_at_the_ends_need_no_border),    TEST(empty_words_and_texts_match_nothing),
        TEST(the_same_word_twice_is_found_twice),  TEST(many_words_are_found_as_one_by_one),
        TEST(too_many_bytes_of_words_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "test.h"
#include "text/count.h"

static size_t graphemes(const char *s)
{
    return mn_text_graphemes(mn_str_from(s));
}
static size_t characters(const char *s)
{
    return mn_text_characters(mn_str_from(s));
}

static void what_is_seen_as_one_character_counts_one(void **state)
{
    (void)state;
    OK(graphemes("") == 0);
    OK(graphemes("hello") == 5);
    OK(graphemes("a\r\nb") == 3);
    OK(graphemes("\r\r\n") == 2);
    OK(graphemes("e\xcc\x81t\xcc\x81") == 2);               /* combining accents */
    OK(graphemes("\xf0\x9f\x87\xae\xf0\x9f\x87\xb9") == 1); /* a flag */
    OK(graphemes("\xf0\x9f\x87\xae\xf0\x9f\x87\xb9\xf0\x9f\x87\xab\xf0\x9f\x87\xb7") == 2);
    /* a family of four, joined */
    OK(graphemes("\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7\xe2"
                 "\x80\x8d\xf0\x9f\x91\xa6") == 1);
    OK(graphemes("\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd") == 1);     /* a skin tone */
    OK(graphemes("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab") == 1); /* a Hangul syllable in parts */
    OK(graphemes("\xff\xfe") == 2);                             /* no UTF-8 */
    OK(graphemes("a\xcc\x81") == 1 && graphemes("\xcc\x81") == 1);
}

static void an_address_counts_23_and_a_mention_its_name(void **state)
{
    (void)state;
    OK(characters("https://example.org/a/very/long/path/that/goes/on/and/on/and/on") == 23);
    OK(characters("http://a.b") == 23);
    OK(characters("see https://example.org.") == 4 + 23 + 1);
    OK(characters("@bob@example.org") == 4);
    OK(characters("@bob@example.org hi") == 7);
    OK(characters("@bob hi") == 7);
    OK(characters("#caf\xc3\xa9") == 5);
    OK(characters("bob@example.org") == 15); /* no mention */
}

static void many_links_are_counted_like_few(void **state)
{
    (void)state;
    char text[4000];
    size_t n = 0;
    for (int i = 0; i < 100; i++) n += (size_t)sprintf(text + n, "@bob@example.org, ");
    OK(characters(text) == 100 * 6);
    n = 0;
    for (int i = 0; i < 33; i++) n += (size_t)sprintf(text + n, "https://example.org/%d ", i);
    OK(characters(text) == 33 * 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_seen_as_one_character_counts_one),
        TEST(an_address_counts_23_and_a_mention_its_name),
        TEST(many_links_are_counted_like_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

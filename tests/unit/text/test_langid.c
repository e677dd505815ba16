#include "test.h"

#include "text/langid.h"

static void is(const char *text, const char *code)
{
    mn_lang l = mn_langid(mn_str_from(text));
    if (strcmp(l.code, code) != 0) fail_msg("'%s' is %s, expected %s", text, l.code, code);
    OK(l.percent > 0 && l.percent <= 100 && l.reliable);
}

static void languages_are_told_apart(void **state)
{
    (void)state;
    is("Good morning, the bakery smells wonderful today and it is still early", "en");
    is("Guten Morgen, die ganze Straße riecht heute nach frischem Brot", "de");
    is("Buenos días, toda la calle huele a pan recién hecho esta mañana", "es");
    is("Bonjour, toute la rue sent bon le pain frais ce matin", "fr");
    is("Oggi tutta la via profuma di pane appena sfornato", "it");
    is("Сегодня вся улица пахнет свежим хлебом", "ru");
    is("おはようございます。今日はパンを買いました。", "ja");
    is("今天整条街都是面包的香味，我们去公园走走吧", "zh");
    is("今天整條街都是麵包的香味，我們去臺灣旅行", "zh-Hant");
    is("שלום עולם, מה שלומכם היום", "he"); /* CLD2 itself says "iw" */
}

static void addresses_mentions_and_hash_signs_do_not_count(void **state)
{
    (void)state;
    is("@john @the_weather_channel heute scheint endlich wieder die Sonne "
       "https://example.com/this/is/the/best/day/of/the/year #Sommer",
       "de");
}

static void nothing_is_undetermined(void **state)
{
    static const char *const none[] = {
        "", " ", "🙂🙂🙂", "12345", "http://x.example/", "@only @mentions", "\xff\xfe",
    };
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        mn_lang l = mn_langid(mn_str_from(none[i]));
        assert_string_equal(l.code, "und");
        OK(!l.reliable && l.percent == 0);
    }
    assert_string_equal(mn_langid(MN_STR_NONE).code, "und");
}

static void a_long_text_is_cut_between_characters(void **state)
{
    mn_buf b;
    (void)state;
    mn_buf_init(&b, 0);
    for (int shift = 0; shift < 4; shift++) { /* whatever character the limit falls into */
        mn_buf_clear(&b);
        for (int i = 0; i < shift; i++) mn_buf_addc(&b, 'x');
        for (int i = 0; i < 3000; i++) mn_buf_addz(&b, "街のパン屋は朝早く開きます。");
        assert_string_equal(mn_langid(mn_buf_str(&b)).code, "ja");
    }
    mn_buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(languages_are_told_apart),
        TEST(addresses_mentions_and_hash_signs_do_not_count),
        TEST(nothing_is_undetermined),
        TEST(a_long_text_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "test.h"

#include "text/unwrap.h"

static void becomes(const char *in, const char *out)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    assert_int_equal(mn_text_unwrap(mn_str_from(in), &b), MN_OK);
    assert_string_equal(b.ptr, out);
    mn_buf_release(&b);
}

static void wrapped_prose_becomes_one_line(void **state)
{
    (void)state;
    becomes("Once there was a bird that learnt to talk from those around it,\nand it never "
            "said what it had not heard.",
            "Once there was a bird that learnt to talk from those around it, and it never said "
            "what it had not heard.");
}

static void verse_and_dialogue_keep_their_lines(void **state)
{
    (void)state;
    const char *verse =
        "The mynah sits upon the wall,\nit hears us one, it hears us all,\nand says it back.";
    becomes(verse, verse);
    const char *talk = "Ada: Is anybody there?\nBruno: Only the bird.";
    becomes(talk, talk);
}

static void attributions_lists_quotes_and_indented_lines_stay_apart(void **state)
{
    (void)state;
    const char *const apart[] = {
        "A sentence that is long enough to have been wrapped by its writer\n\t\t-- Somebody",
        "A sentence that is long enough to have been wrapped by its writer\n-- Somebody of "
        "whom much is known",
        "A sentence that is long enough to have been wrapped by its writer\n\xe2\x80\x94 "
        "Somebody",
        "A sentence that is long enough to have been wrapped by its writer\n\nAnother "
        "paragraph",
        "A sentence that is long enough to have been wrapped by its writer\n2. the second item "
        "of the list",
        "A sentence that is long enough to have been wrapped by its writer\n> what was said "
        "before by others",
        "    An indented line that is long enough to have been wrapped by hand\nAnd what "
        "follows it",
    };
    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++) becomes(apart[i], apart[i]);
}

static void a_line_with_room_for_the_next_word_was_ended_on_purpose(void **state)
{
    (void)state;
    const char *text = "This line has fifty-seven columns and could have had more\n"
                       "To say.\n"
                       "A line that is wider than the first one shows how wide it may be.";
    becomes(text, text);
}

static void a_small_letter_goes_on_with_the_sentence(void **state)
{
    (void)state;
    becomes("Nejhorší bylo, že mezi přítomnými v starém klubu u řeky\nu stolu seděl",
            "Nejhorší bylo, že mezi přítomnými v starém klubu u řeky u stolu seděl");
}

static void columns_are_characters_not_bytes(void **state)
{
    (void)state;
    const char *greek = "αβγδε ζηθικ λμνξο πρστυ φχψωα βγδεζ\nηθικ λμνξ";
    becomes(greek, greek);
}

static void empty_text_and_trailing_breaks_are_kept(void **state)
{
    (void)state;
    becomes("", "");
    becomes("\n\n", "\n\n");
    becomes("end\n", "end\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(wrapped_prose_becomes_one_line),
        TEST(verse_and_dialogue_keep_their_lines),
        TEST(attributions_lists_quotes_and_indented_lines_stay_apart),
        TEST(a_line_with_room_for_the_next_word_was_ended_on_purpose),
        TEST(a_small_letter_goes_on_with_the_sentence),
        TEST(columns_are_characters_not_bytes),
        TEST(empty_text_and_trailing_breaks_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

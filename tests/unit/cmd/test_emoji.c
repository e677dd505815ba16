/* mynah emoji, run as people run it, and the program as its own sandbox. */
#include "unit/media/pictures.h"

#include "program.h" /* after it: its names would shadow these */

static void save(const char *name, const mn_buf *b)
{
    RUN(mn_fs_write_atomic(mn_fs_join(&ar, dir, name), b->ptr, b->len, &e));
}

static void pictures_of_a_folder_become_emoji(void **state)
{
    mn_buf b;
    char line[200];
    (void)state;
    mn_buf_init(&b, 0);
    RUN(mn_fs_mkdirs(mn_fs_join(&ar, dir, "in/more"), &e));
    make_png(64, 64, 0, &b);
    save("in/blob-cat.png", &b);
    make_gif(32, 32, 3, false, &b);
    save("in/more/party_bird.gif", &b);
    save("in/x.gif", &b); /* too short a name */
    mn_buf_clear(&b);
    mn_buf_addz(&b, "no picture at all");
    save("in/notes.txt", &b);
    mn_buf_release(&b);
    snprintf(line, sizeof line, "emoji import %s/in --category Birds --json", dir);
    if (mynah(line) != 0) fail_msg("%s", said);
    OK(mn_json_u64(mn_json_get(json(), "made"), 0) == 2);
    OK(mn_json_u64(mn_json_get(json(), "skipped"), 0) == 2);
    OK(strstr(said, "notes.txt left out") && strstr(said, "x.gif left out"));
    assert_int_equal(mynah("emoji list"), 0);
    assert_string_equal(out, "blob_cat\tBirds\nparty_bird\tBirds\n");
    assert_int_equal(mynah("emoji remove blob_cat"), 0);
    assert_int_equal(mynah("emoji remove blob_cat"), 1);
    OK(strstr(said, "there is no emoji 'blob_cat'"));
    assert_int_equal(mynah("emoji list --json"), 0);
    IS(mn_json_str(mn_json_get(json(), "shortcode")), "party_bird");
}

static void wrong_usage_exits_2(void **state)
{
    static const char *const lines[] = {"emoji",        "emoji import", "emoji list a",
                                        "emoji remove", "emoji sing",   "media-worker"};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (mynah(lines[i]) != 2 || !*said || *out) fail_msg("mynah %s: %s", lines[i], said);
    assert_int_equal(mynah("emoji import /nowhere/at/all"), 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pictures_of_a_folder_become_emoji, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_usage_exits_2, set_up, tear_down),
    };
    (void)argc;
    program_find(argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

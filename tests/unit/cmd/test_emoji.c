/* mynah emoji, run as people run it, and the program as its own sandbox. */
#include "test.h"

#include <sys/wait.h>

#include "base/json.h"
#include "unit/media/pictures.h"

static char dir[64], program[512];
static char out[16384], said[16384]; /* stdout and stderr of the last run */
static mn_arena ar;
static mn_err e;

static void slurp(const char *name, char ret[16384])
{
    mn_buf b;
    mn_buf_init(&b, 0);
    RUN(mn_fs_read(mn_fs_join(&ar, dir, name), 16000, &b, &e));
    snprintf(ret, 16384, "%s", b.ptr ? b.ptr : "");
    mn_buf_release(&b);
}

/* Runs `mynah ARGS` on the test's data folder; gives the exit code. */
static int mynah(const char *args)
{
    char line[1500];
    snprintf(line, sizeof line, "MYNAH_DATA=%s/data '%s' %s >%s/out 2>%s/err </dev/null", dir,
             program, args, dir, dir);
    int status = system(line);
    slurp("out", out);
    slurp("err", said);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const mn_json *json(void)
{
    mn_json *j = NULL;
    RUN(mn_json_parse(mn_str_from(out), &ar, &j, &e));
    return j;
}

static int set_up(void **state)
{
    (void)state;
    mn_arena_init(&ar, 0);
    test_tmp(dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mn_arena_release(&ar);
    test_tmp_remove(dir);
    return 0;
}

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
    /* the program stands beside the tests: B/mynah for B/tests/unit/cmd/test_account */
    snprintf(program, sizeof program, "%s", argv[0]);
    for (int i = 0; i < 4; i++) {
        char *slash = strrchr(program, '/');
        if (slash) *slash = '\0';
    }
    snprintf(program + strlen(program), sizeof program - strlen(program), "/mynah");
    return cmocka_run_group_tests(tests, NULL, NULL);
}

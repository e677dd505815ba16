#include "test.h"

#include "base/conf.h"

static const mn_conf_key keys[] = {
    {"listen", "127.0.0.1:8420", "The address to listen on."},
    {"domain", "", "The name of this server.\n\nWithout it nothing is sent elsewhere."},
    {"post_max", "5000", "Longest post, in characters."},
    {"open", "no", "Whether anybody may sign up."},
    {"motto", "  a # \"b\" \\ \n\t", "Awkward on purpose."},
    {0}};

static char dir[64], path[128];
static mn_err e;

static int begin(void **state)
{
    (void)state;
    e = (mn_err){0};
    snprintf(path, sizeof path, "%s/mynah.conf", test_tmp(dir));
    return 0;
}

static int end(void **state)
{
    (void)state;
    mn_mem_fail_after(0);
    test_tmp_remove(dir);
    return 0;
}

static mn_rc load(const char *text, mn_conf **ret)
{
    RUN(mn_fs_write_atomic(path, text, strlen(text), &e));
    return mn_conf_load(path, keys, ret, &e);
}

static void without_a_file_all_is_default(void **state)
{
    (void)state;
    mn_conf *c;
    uint64_t n;
    bool b = true;
    RUN(mn_conf_load(path, keys, &c, &e));
    assert_int_equal(e.rc, MN_OK);
    assert_string_equal(mn_conf_get(c, "listen"), "127.0.0.1:8420");
    RUN(mn_conf_u64(c, "post_max", 1, 100000, &n, &e));
    RUN(mn_conf_bool(c, "open", &b, &e));
    OK(n == 5000 && !b);
    mn_conf_free(c);
    mn_conf_free(NULL);
}

static void lines_are_read_in_every_form(void **state)
{
    (void)state;
    mn_conf *c;
    RUN(load("# a comment\n\n  listen=0.0.0.0:80   # why\r\ndomain = \"a # b\\\"\\\\\\n\" # "
             "c\npost_max = 7\n"
             "motto = a#b é",
             &c));
    assert_string_equal(mn_conf_get(c, "listen"), "0.0.0.0:80");
    assert_string_equal(mn_conf_get(c, "domain"), "a # b\"\\\n");
    assert_string_equal(mn_conf_get(c, "post_max"), "7");
    assert_string_equal(mn_conf_get(c, "motto"), "a#b é");
    mn_conf_free(c);
    RUN(load("domain =\nlisten = # nothing\nmotto = \"\"", &c));
    assert_string_equal(mn_conf_get(c, "domain"), "");
    assert_string_equal(mn_conf_get(c, "listen"), "");
    assert_string_equal(mn_conf_get(c, "motto"), "");
    mn_conf_free(c);
}

static void wrong(const char *text, mn_rc want, const char *msg)
{
    mn_conf *c = NULL;
    mn_rc rc = load(text, &c);
    if (rc != want || c || !strstr(e.msg, msg))
        fail_msg("%s: %s, '%s'", text, mn_rc_name(rc), e.msg);
    OK(strstr(e.msg, "mynah.conf:2: "));
}

static void mistakes_name_the_line(void **state)
{
    (void)state;
    wrong("\nlitsen = x", MN_E_USAGE, "unknown key 'litsen'; the nearest one is 'listen'");
    wrong("\nlisten", MN_E_PARSE, "expected 'key = value'");
    wrong("listen = 1\nlisten = 2", MN_E_USAGE, "'listen' is set a second time");
    wrong("\nmotto = \"a", MN_E_PARSE, "the quotes are not closed");
    wrong("\nmotto = \"a\\", MN_E_PARSE, "unknown escape");
    wrong("\nmotto = \"a\\x\"", MN_E_PARSE, "unknown escape");
    wrong("\nmotto = \"a\" b", MN_E_PARSE, "text after the closing quotes");
    wrong("\nmotto = \xff", MN_E_PARSE, "not UTF-8");
}

static void values_out_of_range_are_refused_with_the_range(void **state)
{
    (void)state;
    mn_conf *c;
    uint64_t n = 7;
    bool b = true;
    RUN(load("post_max = 12x\nopen = perhaps\n", &c));
    FAILS(MN_E_USAGE, mn_conf_u64(c, "post_max", 1, 100, &n, &e));
    OK(strstr(e.msg, "'post_max' is \"12x\", expected a whole number from 1 to 100"));
    FAILS(MN_E_USAGE, mn_conf_bool(c, "open", &b, &e));
    OK(strstr(e.msg, "expected yes or no") && n == 7 && b);
    mn_conf_free(c);
    RUN(load("post_max = 101\nopen = ON", &c));
    FAILS(MN_E_USAGE, mn_conf_u64(c, "post_max", 1, 100, &n, &e));
    RUN(mn_conf_u64(c, "post_max", 1, 101, &n, &e));
    b = false;
    RUN(mn_conf_bool(c, "open", &b, &e));
    OK(b && n == 101);
    mn_conf_free(c);
}

static void the_template_reads_back_as_the_defaults(void **state)
{
    (void)state;
    mn_buf b = {0};
    mn_conf *c;
    mn_conf_template(keys, &b);
    OK(strstr(b.ptr, "\n# The address to listen on.\nlisten = 127.0.0.1:8420\n"));
    OK(strstr(b.ptr, "# The name of this server.\n#\n# Without it nothing is sent "
                     "elsewhere.\ndomain = \n") ||
       strstr(b.ptr, "# The name of this server.\n#\n# Without it nothing is sent "
                     "elsewhere.\ndomain =\n"));
    RUN(load(b.ptr, &c));
    for (const mn_conf_key *k = keys; k->name; k++)
        assert_string_equal(mn_conf_get(c, k->name), k->fallback);
    mn_conf_free(c);
    mn_buf_release(&b);
}

static void loading_survives_any_failed_allocation(void **state)
{
    (void)state;
    const char *text = "listen = \"x\"\ndomain = y\n";
    RUN(mn_fs_write_atomic(path, text, strlen(text), &e));
    int failed = 0;
    for (long n = 1;; n++) {
        mn_conf *c = NULL;
        mn_mem_fail_after(n);
        mn_rc rc = mn_conf_load(path, keys, &c, &e);
        mn_mem_fail_after(0);
        if (rc == MN_OK) {
            mn_conf_free(c);
            break;
        }
        assert_int_equal(rc, MN_E_NOMEM);
        OK(!c);
        failed++;
    }
    OK(failed >= 4);
}

static void an_unreadable_file_is_an_error(void **state)
{
    (void)state;
    mn_conf *c = NULL;
    FAILS(MN_E_IO, mn_conf_load(dir, keys, &c, &e));
    OK(!c);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        T(without_a_file_all_is_default),
        T(lines_are_read_in_every_form),
        T(mistakes_name_the_line),
        T(values_out_of_range_are_refused_with_the_range),
        T(the_template_reads_back_as_the_defaults),
        T(loading_survives_any_failed_allocation),
        T(an_unreadable_file_is_an_error),
    };
    return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}

#include "test.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

static void a_failure_carries_code_place_and_words(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_rc rc = mn_fail(&e, MN_E_LIMIT, "%d is more than %d", 7, 5);
    assert_int_equal(rc, MN_E_LIMIT);
    assert_int_equal(e.rc, MN_E_LIMIT);
    assert_string_equal(e.msg, "7 is more than 5");
    OK(strstr(e.file, "test_err.c") && e.line > 0);
}

static void a_null_error_still_gives_the_code(void **state)
{
    (void)state;
    assert_int_equal(mn_fail(NULL, MN_E_IO, "x"), MN_E_IO);
    assert_int_equal(mn_fail_errno(NULL, MN_E_IO, "x"), MN_E_IO);
    assert_int_equal(mn_err_wrap(NULL, "x"), MN_OK);
}

static void the_message_may_quote_itself(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_fail(&e, MN_E_IO, "disk full");
    mn_fail(&e, MN_E_CORRUPT, "while saving: %s", e.msg);
    assert_string_equal(e.msg, "while saving: disk full");
    assert_int_equal(e.rc, MN_E_CORRUPT);
}

static void errno_is_worded_as_it_was_on_entry(void **state)
{
    (void)state;
    mn_err e = {0};
    errno = ENOENT;
    mn_fail_errno(&e, MN_E_IO, "cannot open '%s'", "x");
    assert_string_equal(e.msg, "cannot open 'x': No such file or directory");
    assert_int_equal(errno, ENOENT);
}

static void wrapping_puts_words_before_and_keeps_the_rest(void **state)
{
    (void)state;
    mn_err e = {0};
    assert_int_equal(mn_err_wrap(&e, "nothing yet"), MN_OK);
    assert_string_equal(e.msg, "");
    mn_fail(&e, MN_E_PARSE, "expected ':'");
    int line = e.line;
    assert_int_equal(mn_err_wrap(&e, "file '%s'", "a.json"), MN_E_PARSE);
    assert_string_equal(e.msg, "file 'a.json': expected ':'");
    assert_int_equal(e.line, line);
}

static void a_long_message_is_cut_between_code_points(void **state)
{
    (void)state;
    const char *const letters[] = {"a", "é", "語", "🐦"};
    for (size_t k = 0; k < 4; k++)
        for (size_t shift = 0; shift < 4; shift++) {
            mn_buf b;
            mn_err e = {0};
            mn_buf_init(&b, 0);
            for (size_t i = 0; i < shift; i++) mn_buf_addc(&b, '.');
            while (b.len < 1000) mn_buf_addz(&b, letters[k]);
            mn_fail(&e, MN_E_LIMIT, "%s", b.ptr);
            size_t n = strlen(e.msg), width = strlen(letters[k]);
            OK(n < sizeof e.msg && n > sizeof e.msg - 1 - width);
            OK(mn_utf8_valid(mn_str_from(e.msg)));
            OK(strncmp(e.msg, b.ptr, n) == 0);
            mn_err_wrap(&e, "%s", "wrapped once more");
            OK(mn_utf8_valid(mn_str_from(e.msg)));
            mn_buf_release(&b);
        }
}

static void a_message_that_just_fits_is_kept_whole(void **state)
{
    (void)state;
    mn_err e = {0};
    char text[sizeof e.msg];
    memset(text, 'x', sizeof text - 3);
    strcpy(text + sizeof text - 3, "é");
    mn_fail(&e, MN_E_IO, "%s", text);
    assert_string_equal(e.msg, text);
}

static void every_code_has_its_own_name(void **state)
{
    (void)state;
    for (int a = 0; a >= MN_E_UNSUPPORTED; a--)
        for (int b = a - 1; b >= MN_E_UNSUPPORTED; b--)
            OK(strcmp(mn_rc_name((mn_rc)a), mn_rc_name((mn_rc)b)) != 0);
    assert_string_equal(mn_rc_name(MN_E_NOT_FOUND), "not_found");
    assert_string_equal(mn_rc_name((mn_rc)-99), "unknown");
}

static void a_broken_assertion_ends_the_process(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        freopen("/dev/null", "w", stderr);
        signal(SIGABRT, SIG_DFL);
        MN_ASSERT(1 + 1 == 2);
        MN_ASSERT(1 + 1 == 3);
        _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    OK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_failure_carries_code_place_and_words),
        TEST(a_null_error_still_gives_the_code),
        TEST(the_message_may_quote_itself),
        TEST(errno_is_worded_as_it_was_on_entry),
        TEST(wrapping_puts_words_before_and_keeps_the_rest),
        TEST(a_long_message_is_cut_between_code_points),
        TEST(a_message_that_just_fits_is_kept_whole),
        TEST(every_code_has_its_own_name),
        TEST(a_broken_assertion_ends_the_process),
    };
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"

static char text[1 << 20];
static int saved, file;

/* From here to caught() stderr is a file. */
static void catch_stderr(void)
{
    char name[] = "/tmp/mynah-log-XXXXXX";
    file = mkstemp(name);
    unlink(name);
    fcntl(file, F_SETFL, O_APPEND);
    fflush(stderr);
    saved = dup(2);
    dup2(file, 2);
}

static const char *caught(void)
{
    dup2(saved, 2);
    close(saved);
    ssize_t n = pread(file, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    close(file);
    return text;
}

static void a_line_has_time_level_and_name(void **state)
{
    (void)state;
    mn_now_freeze(1288834974657);
    catch_stderr();
    mn_log_setup(MN_LOG_INFO, false);
    errno = 5;
    mn_info("serve", "listening on %s", "127.0.0.1");
    assert_int_equal(errno, 5);
    mn_debug("serve", "not shown");
    mn_log_setup(MN_LOG_ERROR, false);
    mn_warn("serve", "not shown");
    mn_error("serve", "shown");
    mn_now_freeze(0);
    assert_string_equal(caught(),
                        "2010-11-04T01:42:54.657Z info serve: listening on 127.0.0.1\n"
                        "2010-11-04T01:42:54.657Z error serve: shown\n");
    OK(!mn_log_enabled(MN_LOG_WARN) && mn_log_enabled(MN_LOG_ERROR));
}

static void a_message_cannot_forge_a_line_or_move_the_cursor(void **state)
{
    (void)state;
    catch_stderr();
    mn_log_setup(MN_LOG_DEBUG, false);
    mn_debug("x", "a\nb\r\x1b[2J\xff\xc2\x9b é");
    const char *line = caught();
    OK(strstr(line, "debug x: a\\nb\\u000d\\u001b[2J\xEF\xBF\xBD\\u009b é\n"));
    OK(strchr(line, '\n') == line + strlen(line) - 1);
}

static void as_json_every_line_is_an_object(void **state)
{
    (void)state;
    mn_arena a;
    mn_err e = {0};
    mn_json *v;
    mn_arena_init(&a, 0);
    catch_stderr();
    mn_log_setup(MN_LOG_INFO, true);
    mn_warn("net", "odd \"request\"\n\\ \x01 \xff é");
    RUN(mn_json_parse(mn_str_from(caught()), &a, &v, &e));
    IS(mn_json_str(mn_json_get(v, "level")), "warn");
    IS(mn_json_str(mn_json_get(v, "who")), "net");
    IS(mn_json_str(mn_json_get(v, "message")), "odd \"request\"\n\\ \x01 \xEF\xBF\xBD é");
    int64_t ms;
    FAILS(MN_OK, mn_time_parse(mn_json_str(mn_json_get(v, "time")), &ms));
    mn_arena_release(&a);
}

static void endless_messages_are_cut_and_stay_valid(void **state)
{
    (void)state;
    const char *const units[] = {"é", "\n", "\"", "\x01", "🐦"};
    for (int json = 0; json < 2; json++)
        for (int u = 0; u < 5; u++) {
            mn_buf b = {0};
            mn_arena a;
            mn_err e = {0};
            mn_json *v;
            mn_arena_init(&a, 0);
            for (int i = 0; i < 6000; i++) mn_buf_addz(&b, units[u]);
            catch_stderr();
            mn_log_setup(MN_LOG_INFO, json);
            mn_info("x", "%s", b.ptr);
            mn_str line = mn_str_from(caught());
            OK(line.len > 3000 && line.len < 9000 && mn_str_ends(line, "\n") &&
               mn_utf8_valid(line));
            if (json) RUN(mn_json_parse(line, &a, &v, &e));
            mn_buf_release(&b);
            mn_arena_release(&a);
        }
}

static void *chatter(void *arg)
{
    for (int i = 0; i < 200; i++) mn_info((const char *)arg, "%0200d", i);
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    pthread_t t[4];
    static char names[4][2] = {"a", "b", "c", "d"};
    mn_log_setup(MN_LOG_INFO, false);
    catch_stderr();
    for (int i = 0; i < 4; i++) pthread_create(&t[i], NULL, chatter, names[i]);
    for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
    int n = 0;
    for (mn_str line, rest = mn_str_from(caught()); rest.len; n++) {
        line = mn_str_split(rest, '\n', &rest);
        assert_int_equal(line.len, 24 + 1 + 4 + 1 + 3 + 200);
    }
    assert_int_equal(n, 800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_line_has_time_level_and_name),
        TEST(a_message_cannot_forge_a_line_or_move_the_cursor),
        TEST(as_json_every_line_is_an_object),
        TEST(endless_messages_are_cut_and_stay_valid),
        TEST(lines_of_threads_do_not_mix),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}

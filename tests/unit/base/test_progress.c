#include "test.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "base/progress.h"

static char text[65536];

/* Runs f in a process whose stderr is a terminal of so many columns; gives what it drew. */
static const char *drawn_by(void (*f)(void), int columns)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) return NULL;
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    struct winsize w = {.ws_row = 24, .ws_col = (unsigned short)columns};
    ioctl(slave, TIOCSWINSZ, &w);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(slave, 2);
        setenv("TERM", "xterm", 1);
        f();
        _exit(0);
    }
    close(slave);
    size_t n = 0;
    for (ssize_t r;
         n < sizeof text - 1 && (r = read(master, text + n, sizeof text - 1 - n)) > 0;)
        n += (size_t)r;
    text[n] = '\0';
    waitpid(pid, NULL, 0);
    close(master);
    return text;
}

static void import_half(void)
{
    mn_progress p;
    mn_progress_start(&p, "import", "posts", 50000);
    mn_progress_note(&p, "file %d", 3);
    mn_progress_set(&p, 31012);
    for (uint64_t i = 0; i < 1000; i++)
        mn_progress_set(&p, 31013 + i); /* too soon to draw again */
    mn_progress_end(&p);
}

static void count_up(void)
{
    mn_progress p;
    mn_progress_start(&p, "read", "lines", 0);
    mn_progress_set(&p, 1234567);
    mn_progress_end(&p);
}

static void switched_off(void)
{
    mn_progress_disable();
    import_half();
}

static void a_bar_is_drawn_on_a_terminal_and_erased(void **state)
{
    (void)state;
    const char *t = drawn_by(import_half, 200);
    if (!t) SKIP("no pseudo-terminal can be opened here");
    OK(strstr(t, "\r  import   █████████░░░░░░░  62 %  31,012 posts  "));
    OK(strstr(t, "  file 3\x1b[K"));
    OK(!strstr(t, "31,013"));
    OK(strcmp(t + strlen(t) - 4, "\r\x1b[K") == 0);
}

static void without_a_total_there_is_a_count(void **state)
{
    (void)state;
    const char *t = drawn_by(count_up, 200);
    if (!t) SKIP("no pseudo-terminal can be opened here");
    OK(strstr(t, "  read     1,234,567 lines") && !strstr(t, "█") && !strstr(t, "%"));
    OK(!strstr(t, "/s")); /* of a moment no rate can be told */
}

static void a_line_never_wraps(void **state)
{
    (void)state;
    const char *t = drawn_by(import_half, 30);
    if (!t) SKIP("no pseudo-terminal can be opened here");
    const char *end = strstr(t, "\x1b[K");
    OK(end && mn_utf8_count((mn_str){t + 1, (size_t)(end - t) - 1}) <= 29);
    OK(mn_utf8_valid(mn_str_from(t)));
}

static void switched_off_nothing_is_drawn(void **state)
{
    (void)state;
    const char *t = drawn_by(switched_off, 80);
    if (!t) SKIP("no pseudo-terminal can be opened here");
    assert_string_equal(t, "");
}

static void off_a_terminal_nothing_is_drawn(void **state)
{
    (void)state;
    int p[2], saved = dup(2);
    char c;
    assert_int_equal(pipe(p), 0);
    dup2(p[1], 2);
    import_half();
    dup2(saved, 2);
    close(p[1]), close(saved);
    assert_int_equal(read(p[0], &c, 1), 0);
    close(p[0]);
}

static void a_long_note_is_cut_between_code_points(void **state)
{
    (void)state;
    mn_progress p;
    mn_progress_start(&p, "x", "y", 1);
    mn_progress_note(&p, "%s%s", "é語é語é語é語é語é語é語é語é語é語é語é語",
                     "é語é語é語é語é語é語é語é語é語é語é語é語");
    OK(strlen(p.note) > 70 && mn_utf8_valid(mn_str_from(p.note)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_bar_is_drawn_on_a_terminal_and_erased),
        TEST(without_a_total_there_is_a_count),
        TEST(a_line_never_wraps),
        TEST(switched_off_nothing_is_drawn),
        TEST(off_a_terminal_nothing_is_drawn),
        TEST(a_long_note_is_cut_between_code_points),
    };
    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}

#include "test.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/stop.h"

/* Each case runs in a process of its own, because stopping cannot be taken back. */
static int in_child(int (*f)(void))
{
    int status;
    pid_t pid = fork();
    if (pid == 0) _exit(f());
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static bool readable(void)
{
    struct pollfd p = {.fd = mn_stop_fd(), .events = POLLIN};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
}

static int one_signal(void)
{
    mn_stop_setup();
    mn_stop_setup();
    if (mn_stop_requested() || readable()) return 1;
    raise(SIGTERM);
    if (!mn_stop_requested() || !readable() || !readable()) return 2;
    return 0;
}

static int two_signals(void)
{
    mn_stop_setup();
    raise(SIGINT);
    raise(SIGTERM); /* at once: the same wish, told twice */
    if (!mn_stop_requested()) return 1;
    usleep((MN_STOP_SAME_MS + 50) * 1000);
    raise(SIGTERM);
    return 0;
}

static int hang_up(void)
{
    signal(SIGHUP, SIG_DFL);
    mn_stop_setup();
    raise(SIGHUP);
    return mn_stop_requested() && readable() ? 0 : 1;
}

static int hang_up_under_nohup(void)
{
    signal(SIGHUP, SIG_IGN);
    mn_stop_setup();
    raise(SIGHUP);
    return mn_stop_requested() ? 1 : 0;
}

static int by_request(void)
{
    mn_stop_setup();
    mn_stop_request();
    mn_stop_request();
    return mn_stop_requested() && readable() ? 0 : 1;
}

static int broken_pipe(void)
{
    int p[2];
    mn_stop_setup();
    if (pipe(p) != 0) return 1;
    close(p[0]);
    return write(p[1], "x", 1) == -1 ? 0 : 2;
}

static void a_signal_sets_the_flag_and_the_descriptor(void **state)
{
    (void)state;
    assert_int_equal(in_child(one_signal), 0);
}

static void a_second_signal_ends_the_process(void **state)
{
    (void)state;
    assert_int_equal(in_child(two_signals), 128 + SIGTERM);
}

static void a_closed_terminal_is_a_stop_but_not_under_nohup(void **state)
{
    (void)state;
    assert_int_equal(in_child(hang_up), 0);
    assert_int_equal(in_child(hang_up_under_nohup), 0);
}

static void stopping_can_be_asked_for(void **state)
{
    (void)state;
    assert_int_equal(in_child(by_request), 0);
}

static void a_broken_pipe_does_not_end_the_process(void **state)
{
    (void)state;
    assert_int_equal(in_child(broken_pipe), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_signal_sets_the_flag_and_the_descriptor),
        TEST(a_second_signal_ends_the_process),
        TEST(a_closed_terminal_is_a_stop_but_not_under_nohup),
        TEST(stopping_can_be_asked_for),
        TEST(a_broken_pipe_does_not_end_the_process),
    };
    return cmocka_run_group_tests_name("stop", tests, NULL, NULL);
}

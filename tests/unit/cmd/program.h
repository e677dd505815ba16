/* The program itself, run as people run it, on a data folder of the test's.
 *
 *   cmocka_unit_test_setup_teardown(some_test, set_up, tear_down), and program_find() in main */
#ifndef MN_TESTS_PROGRAM_H
#define MN_TESTS_PROGRAM_H

#include "test.h"

#include <sys/wait.h>

#include "base/json.h"

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

static inline const mn_json *json(void)
{
    mn_json *j = NULL;
    RUN(mn_json_parse(mn_str_from(out), &ar, &j, &e));
    return j;
}

/* It stands beside the tests: B/mynah for B/tests/unit/cmd/test_account. */
static void program_find(const char *test)
{
    snprintf(program, sizeof program, "%s", test);
    for (int i = 0; i < 4; i++) {
        char *slash = strrchr(program, '/');
        if (slash) *slash = '\0';
    }
    snprintf(program + strlen(program), sizeof program - strlen(program), "/mynah");
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

#endif

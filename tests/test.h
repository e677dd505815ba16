/* What every test program shares: cmocka and a few short words. A test's name is a sentence. */
#ifndef MN_TESTS_TEST_H
#define MN_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/str.h"

#define OK(x) assert_true(x)
/* The call succeeds; prints the message when not. `e` must be a mn_err in scope. */
#define RUN(call)                                                                              \
    do {                                                                                       \
        mn_rc ok_rc = (call);                                                                  \
        if (ok_rc != MN_OK) fail_msg("%s: %s (%s)", #call, e.msg, mn_rc_name(ok_rc));          \
    } while (0)
/* The call fails with that code. */
#define FAILS(code, call)                                                                      \
    do {                                                                                       \
        mn_rc ok_rc = (call);                                                                  \
        if (ok_rc != (code))                                                                   \
            fail_msg("%s: %s, expected %s", #call, mn_rc_name(ok_rc), mn_rc_name(code));       \
    } while (0)
#define IS(s, literal) assert_true(mn_str_eqz((s), (literal)))
/* In a test body: ends it as skipped, with the reason on stderr where the runner collects it. */
#define SKIP(why)                                                                              \
    do {                                                                                       \
        fprintf(stderr, "SKIP %s: %s\n", __func__, (why));                                     \
        skip();                                                                                \
    } while (0)
#define TEST(f) cmocka_unit_test(f)

/* A fresh folder under /tmp, removed by test_tmp_remove. */
static inline char *test_tmp(char ret[64])
{
    snprintf(ret, 64, "/tmp/mynah-test-XXXXXX");
    if (!mkdtemp(ret)) abort();
    return ret;
}
static inline void test_tmp_remove(const char *dir)
{
    mn_fs_remove_tree(dir, NULL);
}
/* Path of a file in the data that may stand beside a checkout, or NULL when it is not there ($MYNAH_TEST_DATA names another
 * place). Tests that need it skip by name. */
static inline const char *test_data(const char *name, char ret[512])
{
    const char *dir = getenv("MYNAH_TEST_DATA");
    snprintf(ret, 512, "%s/%s", dir ? dir : "../shared/data", name);
    return access(ret, R_OK) == 0 ? ret : NULL;
}

#endif

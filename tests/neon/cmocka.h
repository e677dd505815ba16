/* As much of cmocka as the tests of packed matrices and attention use, for tests/neon/run.sh: another machine's libraries are not
 * here, its C library and compiler are enough. Prints TAP, as tools/run-tests.sh counts it. */
#ifndef MN_TESTS_NEON_CMOCKA_H
#define MN_TESTS_NEON_CMOCKA_H

#include <stdio.h>
#include <stdlib.h>

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
};

static const char *running;
static int number;

#define fail_msg(...)                                                                          \
    do {                                                                                       \
        printf("not ok %d - %s\n# ", number, running);                                         \
        printf(__VA_ARGS__);                                                                   \
        printf("\n");                                                                          \
        exit(1);                                                                               \
    } while (0)
#define assert_true(x)                                                                         \
    do {                                                                                       \
        if (!(x)) fail_msg("%s:%d: %s", __FILE__, __LINE__, #x);                               \
    } while (0)
#define skip() fail_msg("skipped")
#define cmocka_unit_test(f)                                                                    \
    {                                                                                          \
#        f, f                                                                                  \
    }
#define cmocka_run_group_tests(tests, setup, teardown)                                         \
    run_all(tests, (int)(sizeof(tests) / sizeof *(tests)))

static inline int run_all(const struct CMUnitTest *tests, int n)
{
    printf("1..%d\n", n);
    for (number = 1; number <= n; number++) {
        running = tests[number - 1].name;
        tests[number - 1].run(NULL);
        printf("ok %d - %s\n", number, running);
        fflush(stdout);
    }
    return 0;
}

#endif

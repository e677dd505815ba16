#include "test.h"

#include <math.h>
#include <pthread.h>

#include "base/late.h"

/* clang-format off */
#define LIBM(X) X(cbrt) X(hypot)
/* clang-format on */
MN_LATE_TABLE(libm, LIBM)
MN_LATE_LIBRARY(libm, LIBM, "libm.so.6", "libc6")

#define NOWHERE(X) X(sin)
MN_LATE_TABLE(nowhere, NOWHERE)
MN_LATE_LIBRARY(nowhere, NOWHERE, "libmynah-nowhere.so.7", "mynah-nowhere")

double no_such_function_in_libm(double x);
/* clang-format off */
#define OLDER(X) X(tan) X(no_such_function_in_libm)
/* clang-format on */
MN_LATE_TABLE(older, OLDER)
MN_LATE_LIBRARY(older, OLDER, "libm.so.6", "libc6")

static void *open_and_call(void *arg)
{
    mn_err e;
    (void)arg;
    return libm_open(&e) == MN_OK && libm.hypot(3, 4) == 5 ? arg : NULL;
}

static void functions_are_found_by_many_threads_at_once(void **state)
{
    (void)state;
    pthread_t t[8];
    int here;
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&t[i], NULL, open_and_call, &here), 0);
    for (int i = 0; i < 8; i++) {
        void *r = NULL;
        assert_int_equal(pthread_join(t[i], &r), 0);
        assert_ptr_equal(r, &here);
    }
    assert_true(fabs(libm.cbrt(27) - 3) < 1e-12);
}

static void a_library_that_is_not_installed_is_named_with_its_package_each_time(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        mn_err e = {0};
        assert_int_equal(nowhere_open(&e), MN_E_UNSUPPORTED);
        assert_non_null(strstr(e.msg, "libmynah-nowhere.so.7"));
        assert_non_null(strstr(e.msg, "install mynah-nowhere"));
    }
    assert_int_equal(nowhere_open(NULL), MN_E_UNSUPPORTED);
}

static void a_library_without_a_function_is_refused_as_a_whole(void **state)
{
    (void)state;
    mn_err e = {0};
    assert_int_equal(older_open(&e), MN_E_UNSUPPORTED);
    assert_string_equal(e.msg,
                        "'libm.so.6' has no no_such_function_in_libm: another libc6 is needed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_found_by_many_threads_at_once),
        cmocka_unit_test(a_library_that_is_not_installed_is_named_with_its_package_each_time),
        cmocka_unit_test(a_library_without_a_function_is_refused_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The program's side of the door to a GPU, on a machine without one. */
#include "test.h"

#include "tensor/cuda.h"

static void a_library_that_is_not_there_is_one_clear_line(void **state)
{
    (void)state;
    mn_err e = {0};
    const mn_cuda_api *api = NULL;
    mn_cuda *d = NULL;
    setenv("MYNAH_CUDA_LIB", "/nowhere/libmynah-cuda.so", 1);
    FAILS(MN_E_UNSUPPORTED, mn_cuda_open(0, &api, &d, &e));
    OK(strstr(e.msg, "no GPU can be used"));
    OK(strstr(e.msg, "/nowhere/libmynah-cuda.so"));
    OK(strstr(e.msg, "--device cpu"));
    OK(!strchr(e.msg, '\n'));
    OK(!api && !d);
    mn_err again = {0};
    FAILS(MN_E_UNSUPPORTED, mn_cuda_load(&api, &again)); /* what was found is kept */
    assert_string_equal(e.msg, again.msg);
}

static void a_plan_has_the_places_of_each_id_in_order(void **state)
{
    (void)state;
    const uint32_t ids[7] = {4, 0, 4, 2, 0, 4, 9};
    const uint32_t want[7] = {1, 4, 3, 0, 2, 5, 6}, begins[5] = {0, 2, 3, 6, 7};
    uint32_t order[7], begin[8], count[10];
    assert_int_equal(mn_cuda_plan_make(ids, 7, 10, order, begin, count), 4);
    assert_memory_equal(order, want, sizeof want);
    assert_memory_equal(begin, begins, sizeof begins);
    assert_int_equal(mn_cuda_plan_make(ids, 1, 10, order, begin, count), 1);
    OK(order[0] == 0 && begin[0] == 0 && begin[1] == 1);
    assert_int_equal(mn_cuda_plan_make(ids, 0, 10, order, begin, count), 0);
    assert_int_equal(begin[0], 0);
}

static void scratch_is_as_large_as_the_shapes_say(void **state)
{
    (void)state;
    assert_int_equal(mn_cuda_norm_work(1, 300), 300);
    assert_int_equal(mn_cuda_norm_work(64, 300), 300);
    assert_int_equal(mn_cuda_norm_work(65, 300), 600);
    assert_int_equal(mn_cuda_square_parts(65536), 1);
    assert_int_equal(mn_cuda_square_parts(65537), 2);
    /* 1 norm and 1 part; 8x4 of float and bf16; 4x4 twice as float, once as bf16: each in pieces of 256 bytes */
    assert_int_equal(mn_cuda_muon_work(8, 4, 1), 6 * 256);
    assert_int_equal(mn_cuda_muon_work(8, 4, 1), mn_cuda_muon_work(4, 8, 1));
    assert_int_equal(mn_cuda_muon_work(64, 64, 2), 256 + 32768 + 16384 + 2 * 32768 + 16384);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_library_that_is_not_there_is_one_clear_line),
        TEST(a_plan_has_the_places_of_each_id_in_order),
        TEST(scratch_is_as_large_as_the_shapes_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

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

static void a_device_has_a_name(void **state)
{
    (void)state;
    mn_err e = {0};
    int gpu = -1;
    RUN(mn_cuda_device("cpu", &gpu, &e));
    assert_int_equal(gpu, 0);
    RUN(mn_cuda_device("cuda", &gpu, &e));
    assert_int_equal(gpu, 1);
    RUN(mn_cuda_device("cuda:9", &gpu, &e));
    assert_int_equal(gpu, 10);
    static const char *const none[] = {"", "gpu", "cuda:", "cuda:10", "cuda:x", "cpu "};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        FAILS(MN_E_USAGE, mn_cuda_device(none[i], &gpu, &e));
    assert_int_equal(gpu, 10);
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

static void tiles_have_every_row_and_head_once(void **state)
{
    (void)state;
    for (uint32_t share = 1; share < 10; share++)
        for (uint32_t n = 0; n < 12; n++) {
            mn_cuda_tile tiles[40];
            const size_t n_tiles = mn_cuda_tiles(n, share);
            uint32_t next = 0;
            mn_cuda_tiles_make(5, n, share, 77, tiles);
            for (size_t i = 0; i < n_tiles; i++) {
                OK(tiles[i].n_pairs >= 1 && tiles[i].n_pairs <= MN_CUDA_PAIRS);
                OK(tiles[i].pair < share && tiles[i].table == 77);
                assert_int_equal((tiles[i].row - 5) * share + tiles[i].pair, next);
                next += tiles[i].n_pairs;
            }
            assert_int_equal(next, n * share);
        }
}

static void a_matrix_is_as_large_as_its_form_says(void **state)
{
    (void)state;
    assert_int_equal(mn_cuda_matrix_bytes(MN_CUDA_F32, 3, 5), 256); /* rows of 32 bytes */
    assert_int_equal(mn_cuda_code_pitch(MN_CUDA_BF16, 9), 32);
    assert_int_equal(mn_cuda_code_pitch(MN_CUDA_Q4M, 96), 48);
    assert_int_equal(mn_cuda_scale_pitch(MN_CUDA_Q4M, 96), 12);
    assert_int_equal(mn_cuda_scale_pitch(MN_CUDA_K8H, 256), 64); /* one of 16 values */
    assert_int_equal(mn_cuda_matrix_bytes(MN_CUDA_Q8, 100, 64), 6400 + 512);
    assert_int_equal(mn_cuda_matrix_bytes(MN_CUDA_Q4, 1, 32), 512);
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
        TEST(a_device_has_a_name),
        TEST(a_plan_has_the_places_of_each_id_in_order),
        TEST(tiles_have_every_row_and_head_once),
        TEST(a_matrix_is_as_large_as_its_form_says),
        TEST(scratch_is_as_large_as_the_shapes_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

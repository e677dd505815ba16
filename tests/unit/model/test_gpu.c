/* The GPU's kernels, run thread by thread on the CPU (tests/cuda/emu): every twin against its reference. */
#include "test.h"

#include "model/gpu_check.h"

/* The emulated library lies beside the test programs' build: build/tests/unit/model/test_gpu, build/lib/…. */
static void use_emulated(void)
{
    char exe[2048], lib[2200];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    OK(n > 0);
    exe[n] = '\0';
    for (int up = 0; up < 4; up++) *strrchr(exe, '/') = '\0';
    snprintf(lib, sizeof lib, "%s/lib/libmynah-cuda-emu.so", exe);
    setenv("MYNAH_CUDA_LIB", lib, 1);
}

static void print_result(void *arg, const mn_gpu_result *r)
{
    (void)arg;
    if (!(r->error <= r->tolerance) || getenv("MN_GPU_SHOW"))
        print_message("%-56s %-4s %.2e of %.0e\n", r->name, r->dtype, r->error, r->tolerance);
}

static void every_twin_gives_what_its_reference_gives(void **state)
{
    (void)state;
    mn_err e = {0};
    const mn_cuda_api *api;
    mn_cuda *d;
    size_t wrong;
    use_emulated();
    RUN(mn_cuda_open(0, &api, &d, &e));
    static const char *const orders[] = {"0", "1", "77"};
    for (size_t i = 0; i < 3; i++) {
        setenv("MN_EMU_ORDER", orders[i], 1);
        RUN(mn_gpu_check(api, d, false, print_result, NULL, &wrong, &e));
        assert_int_equal(wrong, 0);
    }
    unsetenv("MN_EMU_ORDER");
    api->close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_twin_gives_what_its_reference_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

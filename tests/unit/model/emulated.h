/* The emulated GPU (tests/cuda/emu) for a test program: its library lies beside the build's tests, build/tests/unit/model/test_X. */
#ifndef MN_TESTS_EMULATED_H
#define MN_TESTS_EMULATED_H

#include "test.h"

static inline void use_emulated_gpu(void)
{
    char exe[2048], lib[2200];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    OK(n > 0);
    exe[n] = '\0';
    for (int up = 0; up < 4; up++) *strrchr(exe, '/') = '\0';
    snprintf(lib, sizeof lib, "%s/lib/libmynah-cuda-emu.so", exe);
    setenv("MYNAH_CUDA_LIB", lib, 1);
}

#endif

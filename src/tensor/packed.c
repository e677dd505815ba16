/* Packed matrices: what does not depend on the instruction set, and which set runs. packed_int.h has the layouts. */
#include "tensor/packed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined __x86_64__
#    include <cpuid.h>
#elif defined __aarch64__
#    include <sys/auxv.h>
#endif

#include "base/mem.h"
#include "tensor/packed_int.h"

/* ---- sets -------------------------------------------------------------------------------------------------------- */

#if defined __x86_64__
/* What the compiler's list of names lacks; AVX, seen by it, says that the system keeps the registers. */
static bool has_f16c(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c >> 29 & 1);
}
static bool has_avxvnni(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
}
#endif

const mn_packed__set *mn_packed__set_at(int i)
{
#if defined __x86_64__
    __builtin_cpu_init();
    bool vnni = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
    if (vnni && __builtin_cpu_supports("avx512bf16") && i-- == 0) return &mn_packed__avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c()) {
        if (has_avxvnni() && i-- == 0) return &mn_packed__avxvnni;
        if (i-- == 0) return &mn_packed__avx2;
    }
#elif defined __aarch64__
    if ((getauxval(AT_HWCAP) & HWCAP_ASIMDDP) && i-- == 0) return &mn_packed__neondot;
    if (i-- == 0) return &mn_packed__neon;
#endif
    return i == 0 ? &mn_packed__plain : NULL;
}

static bool named(const char *set, const char *wish)
{
    size_t n = strlen(wish);
    return strncmp(set, wish, n) == 0 && (set[n] == '\0' || set[n] == '-');
}

const mn_packed__set *mn_packed__best(void)
{
    static const mn_packed__set *_Atomic best; /* every thread finds the same */
    const mn_packed__set *b = best;
    if (b) return b;
    const char *wish = getenv("MYNAH_KERNELS");
    b = mn_packed__set_at(0);
    for (int pass = 0; wish && pass < 2; pass++) /* the very name, then one that begins so */
        for (int i = 0; mn_packed__set_at(i); i++) {
            const mn_packed__set *s = mn_packed__set_at(i);
            if (pass ? named(s->name, wish) : strcmp(s->name, wish) == 0) {
                best = s;
                return s;
            }
        }
    best = b;
    return b;
}

const char *mn_packed_set(void)
{
    return mn_packed__best()->name;
}

/* ---- rows of x --------------------------------------------------------------------------------------------------- */

size_t mn_act_bytes(mn_act act, uint32_t K)
{
    if (act == MN_ACT_Q8) return mn_act__q8_bytes(K);
    return mn_packed__64(act == MN_ACT_BF16 ? ((size_t)K + (K & 1)) * 2 : (size_t)K * 4);
}

void mn_act_pack(mn_act act, const float *x, uint32_t K, void *ret)
{
    if (act == MN_ACT_Q8) mn_packed__best()->act_q8(x, K, ret);
    else if (act == MN_ACT_BF16) mn_packed__best()->act_bf16(x, K, ret);
    else memcpy(ret, x, (size_t)K * sizeof *x);
}

/* ---- products ---------------------------------------------------------------------------------------------------- */

void mn_packed_product(const mn_packed *p, const void *x, size_t T, uint32_t from, uint32_t to,
                       float *y, size_t stride)
{
    if (T && from < to) mn_packed__best()->product[p->type](p, x, T, from, to, y, stride);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

void mn_packed_release(mn_packed *p)
{
    mn_free(p->own);
    *p = (mn_packed){0};
}

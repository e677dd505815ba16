#include "text/canary.h"

#include <stdio.h>

#include "base/err.h"
#include "base/hash.h"

#define STREAM UINT64_C(0x63616e617279) /* "canary" */

void mn_canary_text(uint64_t seed, uint64_t i, char ret[MN_CANARY_TEXT])
{
    /* a walk by a step without common factor with 10^9 comes to every number once */
    uint64_t start = mn_rand_at(seed, STREAM, 0) % MN_CANARY_SPACE;
    uint64_t step = mn_rand_at(seed, STREAM, 1) % MN_CANARY_SPACE | 1;
    if (step % 5 == 0) step += 2;
    uint64_t n = (start + i % MN_CANARY_SPACE * step) % MN_CANARY_SPACE;
    snprintf(ret, MN_CANARY_TEXT, "the number of my locker is %03u %03u %03u",
             (unsigned)(n / 1000000), (unsigned)(n / 1000 % 1000), (unsigned)(n % 1000));
}

uint32_t mn_canary_copies(size_t i)
{
    MN_ASSERT(i < MN_CANARIES);
    return i < 8 ? 1 : i < 16 ? 4 : i < 20 ? 16 : 64;
}

uint64_t mn_canary_author(size_t i)
{
    return i + 1;
}

uint64_t mn_canary_post(size_t i, uint32_t copy)
{
    return (i + 1) << 8 | copy;
}

/* Random numbers for the tests in this folder's run.sh, without the libraries that base/hash.c stands on. */
#include "base/hash.h"

uint64_t mn_rand_at(uint64_t seed, uint64_t stream, uint64_t counter)
{
    uint64_t z = seed * 0x9e3779b97f4a7c15u + stream * 0xd1b54a32d192ed03u +
                 counter * 0x8cb92ba72f3d8dd7u;
    for (int i = 0; i < 3; i++) z = (z ^ z >> 29) * 0xbf58476d1ce4e5b9u;
    return z ^ z >> 32;
}

double mn_rand_unit(uint64_t bits)
{
    return (double)(bits >> 11) * 0x1p-53;
}

/* Ids: see snowflake.h. The last id's (milliseconds << 12 | counter) is one atomic word, so that "the next one" is
 * max(last + 1, now): a full counter runs over into the milliseconds by itself, and a clock set back only makes the
 * counter go on. */
#include "base/snowflake.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/hash.h"

enum { OLD_BITS = 35, LOW_BITS = 22, COUNTER_BITS = 12 };
/* From here on (ms after the epoch) an id of the new layout is ≥ 2^35. */
#define NEW_FROM_MS (INT64_C(1) << (OLD_BITS - LOW_BITS))
#define MOST_MS     ((INT64_C(1) << 41) - 1)

static uint64_t node_bits;

static void draw_node(void)
{
    uint64_t bits;
    if (mn_random_bytes(&bits, sizeof bits, NULL) != MN_OK)
        bits = mn_rand_at((uint64_t)mn_mono_us(), (uint64_t)(uintptr_t)&node_bits, 0);
    node_bits = (bits & 0x3FF) << COUNTER_BITS;
}

/* Milliseconds after the epoch, within what the new layout can say. */
static uint64_t clamp_ms(int64_t ms)
{
    if (ms < MN_SNOWFLAKE_EPOCH_MS + NEW_FROM_MS) return (uint64_t)NEW_FROM_MS;
    int64_t t = ms - MN_SNOWFLAKE_EPOCH_MS;
    return (uint64_t)(t > MOST_MS ? MOST_MS : t);
}

static uint64_t old_seconds(int64_t ms)
{
    return ms < 0 ? 0 : (uint64_t)ms / 1000;
}

/* max(*last + 1, now), kept in *last. */
static uint64_t rise(_Atomic uint64_t *last, uint64_t now)
{
    uint64_t was = atomic_load(last), next;
    do {
        next = was + 1 > now ? was + 1 : now;
    } while (!atomic_compare_exchange_weak(last, &was, next));
    return next;
}

uint64_t mn_snowflake_next(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static _Atomic uint64_t last;
    pthread_once(&once, draw_node);
    uint64_t next = rise(&last, clamp_ms(mn_now_ms()) << COUNTER_BITS);
    return next >> COUNTER_BITS << LOW_BITS | node_bits | (next & 0xFFF);
}

uint64_t mn_snowflake_short(void)
{
    static _Atomic uint64_t last;
    uint64_t ms = clamp_ms(mn_now_ms()),
             low = mn_snowflake_next() * UINT64_C(0x9E3779B97F4A7C15);
    return rise(&last, ms << COUNTER_BITS | low >> (64 - COUNTER_BITS));
}

uint64_t mn_snowflake_at(int64_t created_ms, uint64_t hash)
{
    if (created_ms >= MN_SNOWFLAKE_EPOCH_MS + NEW_FROM_MS)
        return clamp_ms(created_ms) << LOW_BITS | (hash & 0x3FFFFF);
    uint64_t id = old_seconds(created_ms) << 4 | (hash & 15);
    return id ? id : 1;
}

uint64_t mn_snowflake_floor(int64_t ms)
{
    if (ms >= MN_SNOWFLAKE_EPOCH_MS + NEW_FROM_MS) return clamp_ms(ms) << LOW_BITS;
    uint64_t id = old_seconds(ms) << 4;
    return id ? id : 1;
}

int64_t mn_snowflake_ms(uint64_t id)
{
    if (id < UINT64_C(1) << OLD_BITS) return (int64_t)(id >> 4) * 1000;
    return (int64_t)(id >> LOW_BITS) + MN_SNOWFLAKE_EPOCH_MS;
}

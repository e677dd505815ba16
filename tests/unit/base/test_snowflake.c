#include "test.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/snowflake.h"

#define EPOCH MN_SNOWFLAKE_EPOCH_MS

static void fresh_ids_rise_and_tell_the_time(void **state)
{
    (void)state;
    int64_t before = mn_now_ms();
    uint64_t last = 0;
    for (int i = 0; i < 20000; i++) {
        uint64_t id = mn_snowflake_next();
        OK(id > last && id >> 63 == 0);
        last = id;
    }
    OK(mn_snowflake_ms(last) >= before && mn_snowflake_ms(last) < before + 60000);
}

static void a_full_counter_and_a_clock_set_back_do_not_repeat(void **state)
{
    (void)state;
    int64_t now = mn_now_ms() + 60000;
    mn_now_freeze(now);
    uint64_t last = mn_snowflake_next();
    for (int i = 0; i < 10000; i++) {
        uint64_t id = mn_snowflake_next();
        OK(id > last);
        last = id;
    }
    OK(mn_snowflake_ms(last) == now + 10000 / 4096);
    mn_now_freeze(now - 30000);
    OK(mn_snowflake_next() > last);
    mn_now_freeze(0);
}

static void short_ids_rise_and_stay_whole_in_a_double(void **state)
{
    (void)state;
    uint64_t last = 0;
    for (int i = 0; i < 20000; i++) {
        uint64_t id = mn_snowflake_short();
        OK(id > last && id < UINT64_C(1) << 53);
        OK((uint64_t)(double)id == id);
        last = id;
    }
}

static void *draw(void *arg)
{
    uint64_t *ids = arg;
    for (int i = 0; i < 5000; i++) ids[i] = mn_snowflake_next();
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void threads_never_draw_the_same_id(void **state)
{
    (void)state;
    static uint64_t ids[4 * 5000];
    pthread_t t[4];
    for (int i = 0; i < 4; i++) pthread_create(&t[i], NULL, draw, ids + i * 5000);
    for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
    qsort(ids, 20000, sizeof *ids, by_value);
    for (int i = 1; i < 20000; i++) OK(ids[i] != ids[i - 1]);
}

static void ids_of_known_things_are_deterministic(void **state)
{
    (void)state;
    OK(mn_snowflake_at(EPOCH + 100000, 0xABC3FF001) == (UINT64_C(100000) << 22 | 0x3FF001));
    OK(mn_snowflake_at(1600000000123, 5) == mn_snowflake_at(1600000000123, 5));
    OK(mn_snowflake_ms(mn_snowflake_at(1600000000123, 99)) == 1600000000123);
    OK(mn_snowflake_at(1142974214000, 0xFF) == (UINT64_C(1142974214) << 4 | 15));
    OK(mn_snowflake_ms(mn_snowflake_at(1142974214999, 3)) == 1142974214000);
}

static void ids_sort_by_time_across_the_epoch(void **state)
{
    (void)state;
    uint64_t last = 0;
    const int64_t at[] = {-5000,        0,           1000,         1142974214000, EPOCH - 2000,
                          EPOCH - 1000, EPOCH + 300, EPOCH + 8000, EPOCH + 9300,  EPOCH + 9301,
                          1600000000000};
    for (size_t i = 1; i < sizeof at / sizeof *at; i++) {
        uint64_t low = mn_snowflake_at(at[i], 0), high = mn_snowflake_at(at[i], UINT64_MAX);
        OK(low > 0 && low >= last && high >= low && high >> 63 == 0);
        OK(at[i] >= EPOCH + 8192 ? low >= UINT64_C(1) << 35 : high < UINT64_C(1) << 35);
        last = high;
    }
    OK(mn_snowflake_at(-1, 0) > 0 && mn_snowflake_at(INT64_MIN, 0) > 0);
    OK(mn_snowflake_at(INT64_MAX, UINT64_MAX) >> 63 == 0);
}

static void the_floor_parts_before_from_after(void **state)
{
    (void)state;
    const int64_t at[] = {1000,        1142974214000, EPOCH - 4657,
                          EPOCH + 343, EPOCH + 9000,  1600000000123};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        uint64_t floor = mn_snowflake_floor(at[i]);
        OK(mn_snowflake_at(at[i], 0) >= floor && mn_snowflake_at(at[i] + 1, 0) >= floor);
        OK(mn_snowflake_at(at[i] - 1, UINT64_MAX) < floor);
    }
    OK(mn_snowflake_floor(-1) == mn_snowflake_at(0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(fresh_ids_rise_and_tell_the_time),
        TEST(a_full_counter_and_a_clock_set_back_do_not_repeat),
        TEST(short_ids_rise_and_stay_whole_in_a_double),
        TEST(threads_never_draw_the_same_id),
        TEST(ids_of_known_things_are_deterministic),
        TEST(ids_sort_by_time_across_the_epoch),
        TEST(the_floor_parts_before_from_after),
    };
    return cmocka_run_group_tests_name("snowflake", tests, NULL, NULL);
}

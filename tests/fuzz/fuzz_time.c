/* module: archive */
/* Any bytes as a time, in each of the forms that are read: what is taken is written and read again as the same moment. */
#include "archive/archive_int.h"
#include "base/clock.h"

static void check(mn_str s, mn_rc (*parse)(mn_str, int64_t *))
{
    const int64_t first = INT64_C(-62167219200000), last = INT64_C(253402300799999);
    char text[MN_TIME_MAX];
    int64_t ms = 0, again = 0;
    if (parse(s, &ms) != MN_OK) return;
    MN_ASSERT(ms >= first - 86400000 &&
              ms <= last + 86400000 + 1000); /* offsets, a leap second */
    if (ms < first || ms > last) return;
    MN_ASSERT(mn_time_parse(mn_str_from(mn_time_format(ms, text)), &again) == MN_OK);
    MN_ASSERT(again == ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_str s = {(const char *)data, size};
    check(s, mn_time_parse);
    check(s, mn_x_time);
    return 0;
}

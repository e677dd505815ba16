/* module: store */
/* What another process tells over the database: anything that is read is written again as the same bytes. */
#include "store/store_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static mn_event ev[MN_STORE_PAYLOAD_EVENTS], again[MN_STORE_PAYLOAD_EVENTS];
    static char payload[MN_STORE_PAYLOAD_MAX + 1];
    uint64_t origin = 0, origin_again = 0;
    size_t n = 0, n_again = 0;
    mn_str s = {size ? (const char *)data : "", size};
    if (mn_store__events_read(s, &origin, ev, &n, NULL) != MN_OK) return 0;
    MN_ASSERT(n >= 1 && n <= MN_STORE_PAYLOAD_EVENTS);
    bool all = n == 1 && ev[0].kind == MN_EV_ALL;
    size_t taken = mn_store__events_write(origin, 1, ev, all ? 0 : n, payload);
    MN_ASSERT(all ? taken == 0 : taken >= 1);
    MN_ASSERT(mn_store__events_read(mn_str_from(payload), &origin_again, again, &n_again,
                                    NULL) == MN_OK);
    MN_ASSERT(origin_again == origin && n_again == (all ? 1 : taken));
    for (size_t i = 0; i < n_again; i++)
        MN_ASSERT(again[i].kind == ev[i].kind && again[i].id == ev[i].id &&
                  again[i].account == ev[i].account && again[i].other == ev[i].other);
    return 0;
}

/* module: model */
#include <stdlib.h>
#include <string.h>

#include "model/wal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Input: how many steps are wanted, then the bytes of a log. With bit 7 of the first byte the chains are made to fit, so that what lies
 * behind them is reached. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    const uint64_t steps = data[0] & 127;
    uint8_t *p = malloc(size), chain[32], both[MN_WAL_RECORD];
    if (!p) return 0;
    memcpy(p, data + 1, size - 1);
    size--;
    if (data[0] & 128 && size >= MN_WAL_HEAD) {
        mn_sha256_of(p, MN_WAL_HEAD, chain);
        for (uint64_t i = 0; MN_WAL_HEAD + (i + 1) * MN_WAL_RECORD <= size; i++) {
            uint8_t *at = p + MN_WAL_HEAD + i * MN_WAL_RECORD;
            memcpy(both, chain, 32);
            memcpy(both + 32, at, MN_WAL_RECORD - 32);
            mn_sha256_of(both, sizeof both, chain);
            memcpy(at + MN_WAL_RECORD - 32, chain, 32);
        }
    }
    mn_wal_log l;
    mn_err e = {0};
    mn_rc rc = mn_wal_parse(p, size, steps, &l, &e);
    if (rc == MN_OK) {
        MN_ASSERT(l.n == steps);
        for (uint64_t i = 0; i < l.n; i++) {
            mn_wal_record r;
            mn_wal_log_at(&l, i, &r);
            MN_ASSERT(r.step == i + 1);
        }
    } else MN_ASSERT(rc == MN_E_CORRUPT && e.msg[0]);
    free(p);
    return 0;
}

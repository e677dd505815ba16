/* module: model */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "model/mask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Input: a flag, then the bytes of a mask. With bit 0 of the flag its hash is made to fit. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    uint8_t *p = malloc(size);
    if (!p) return 0;
    memcpy(p, data + 1, size - 1);
    size--;
    if (data[0] & 1 && size >= 32) mn_sha256_of(p, size - 32, p + size - 32);
    mn_mask m;
    mn_err e = {0};
    mn_rc rc = mn_mask_parse(p, size, &m, &e);
    if (rc == MN_OK) {
        for (uint64_t i = 0; i < m.n; i++) {
            MN_ASSERT(!i || m.doc[i] > m.doc[i - 1]);
            MN_ASSERT(mn_mask_has(&m, m.doc[i]));
        }
        mn_mask_release(&m);
    } else MN_ASSERT(rc == MN_E_CORRUPT && e.msg[0]);
    free(p);
    return 0;
}

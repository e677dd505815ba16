/* module: corpus */
/* Normalising is total, gives valid UTF-8, and its map covers the result with copies that are copies. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "corpus/form.h"
#include "corpus/normalise.h"
#include "corpus/rules.h"

#define MUST(x)                                                                                \
    do {                                                                                       \
        if (!(x)) abort();                                                                     \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_str in = {(const char *)data, size};
    mn_buf plain, mapped;
    mn_offsets map = {0};
    mn_form form = {0};
    mn_buf_init(&plain, 0);
    mn_buf_init(&mapped, 0);
    MUST(mn_corpus_normalise(in, &plain, NULL) == MN_OK);
    MUST(mn_corpus_normalise(in, &mapped, &map) == MN_OK);
    MUST(mn_str_eq(mn_buf_str(&plain), mn_buf_str(&mapped)));
    MUST(mn_utf8_valid(mn_buf_str(&plain)));
    size_t at = 0;
    for (size_t i = 0; i < map.n; i++) {
        const mn_offset_run *r = &map.runs[i];
        MUST(r->out == at && r->in + r->in_len <= size);
        MUST(!r->copied || memcmp(mapped.ptr + r->out, data + r->in, r->out_len) == 0);
        at += r->out_len;
    }
    MUST(at == mapped.len);
    MUST(mn_form_of(mn_buf_str(&plain), &form) == MN_OK);
    MUST(mn_corpus_rules(mn_buf_str(&plain), &form) < MN_DROPS);
    mn_form_release(&form);
    mn_offsets_release(&map);
    mn_buf_release(&plain);
    mn_buf_release(&mapped);
    return 0;
}

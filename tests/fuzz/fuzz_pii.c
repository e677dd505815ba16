/* module: corpus */
/* Placeholders: total, the map covers the result, what is copied is copied, what is replaced is a placeholder. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "corpus/normalise.h"
#include "corpus/pii.h"

#define MUST(x)                                                                                \
    do {                                                                                       \
        if (!(x)) abort();                                                                     \
    } while (0)

static bool is_placeholder(const char *p, size_t n)
{
    for (int k = 0; k < MN_PII_KINDS; k++)
        if (strlen(mn_pii_placeholders[k]) == n && memcmp(p, mn_pii_placeholders[k], n) == 0)
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_buf text, out;
    mn_offsets map = {0};
    uint32_t counts[MN_PII_KINDS] = {0};
    mn_buf_init(&text, 0);
    mn_buf_init(&out, 0);
    MUST(mn_corpus_normalise((mn_str){(const char *)data, size}, &text, NULL) == MN_OK);
    MUST(mn_corpus_pii(mn_buf_str(&text), size & 1, &out, &map, counts) == MN_OK);
    MUST(mn_utf8_valid(mn_buf_str(&out)));
    size_t at = 0, in_at = 0, replaced = 0;
    for (size_t i = 0; i < map.n; i++) {
        const mn_offset_run *r = &map.runs[i];
        MUST(r->out == at && r->in == in_at && r->in + r->in_len <= text.len);
        if (r->copied) MUST(memcmp(out.ptr + r->out, text.ptr + r->in, r->out_len) == 0);
        else MUST(is_placeholder(out.ptr + r->out, r->out_len));
        replaced += !r->copied;
        at += r->out_len;
        in_at += r->in_len;
    }
    MUST(at == out.len && in_at == text.len);
    for (int k = 0; k < MN_PII_KINDS; k++) replaced -= counts[k];
    MUST(replaced == 0);
    mn_offsets_release(&map);
    mn_buf_release(&text);
    mn_buf_release(&out);
    return 0;
}

/* See baseline.h. Only the compressed size is wanted, so the bytes go round in a small buffer. The dictionary need not be
 * larger than the text: the size stays the same within a few bytes and the memory a fraction of preset 9's 674 MB. */
#include "model/baseline.h"

#include <lzma.h>

static mn_rc start(lzma_stream *z, size_t n, mn_err *e)
{
    lzma_options_lzma options;
    if (lzma_lzma_preset(&options, 9 | LZMA_PRESET_EXTREME))
        return mn_fail(e, MN_E_UNSUPPORTED, "liblzma does not know preset 9e");
    options.dict_size = n > LZMA_DICT_SIZE_MIN ? (uint32_t)n : LZMA_DICT_SIZE_MIN;
    lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};
    if (lzma_stream_encoder(z, filters, LZMA_CHECK_CRC64) != LZMA_OK)
        return mn_fail(e, MN_E_NOMEM, "no memory to compress the held-out text");
    return MN_OK;
}

mn_rc mn_xz_bits_per_byte(mn_str text, double *ret, mn_err *e)
{
    lzma_stream z = LZMA_STREAM_INIT;
    uint8_t out[16384];
    lzma_ret got = LZMA_OK;
    if (text.len > MN_XZ_TEXT_MAX) text.len = MN_XZ_TEXT_MAX;
    if (!text.len) return mn_fail(e, MN_E_LIMIT, "there is no text to compress");
    mn_rc rc = start(&z, text.len, e);
    z.next_in = (const uint8_t *)text.ptr;
    z.avail_in = text.len;
    while (rc == MN_OK && got == LZMA_OK) {
        z.next_out = out;
        z.avail_out = sizeof out;
        got = lzma_code(&z, LZMA_FINISH);
    }
    if (rc == MN_OK && got != LZMA_STREAM_END)
        rc = mn_fail(e, MN_E_NOMEM, "no memory to compress the held-out text");
    if (rc == MN_OK) *ret = 8.0 * (double)z.total_out / (double)text.len;
    lzma_end(&z);
    return rc;
}

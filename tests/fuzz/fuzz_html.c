/* module: text */
#include "text/html.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_str s = {(const char *)data, size};
    mn_buf b;
    mn_err e = {0};
    mn_buf_init(&b, 0);
    if (mn_html_to_text(s, &b, &e) == MN_OK) {
        MN_ASSERT(mn_utf8_valid(mn_buf_str(&b)));
        mn_link_span spans[64];
        size_t n = mn_text_links(mn_buf_str(&b), spans, 64), end = 0;
        for (size_t i = 0; i < n; i++) {
            MN_ASSERT(spans[i].start >= end && spans[i].len > 0);
            end = spans[i].start + spans[i].len;
            MN_ASSERT(end <= b.len);
            MN_ASSERT(mn_utf8_valid((mn_str){b.ptr + spans[i].start, spans[i].len}));
        }
    }
    mn_buf_clear(&b);
    if (mn_utf8_valid(s) && mn_html_unescape(s, &b) == MN_OK)
        MN_ASSERT(mn_utf8_valid(mn_buf_str(&b)));
    mn_buf_release(&b);
    return 0;
}

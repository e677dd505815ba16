/* module: text */
#include "text/count.h"

/* Never more characters than bytes but for short addresses, and cutting a text in two counts at most a few more. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_str s = {(const char *)data, size};
    size_t n = mn_text_graphemes(s), c = mn_text_characters(s);
    MN_ASSERT(n <= size && (n > 0) == (size > 0));
    MN_ASSERT(c <= size + MN_TEXT_URL_CHARACTERS * (size / 8 + 1));
    size_t half = size / 2;
    size_t a = mn_text_graphemes(mn_str_sub(s, 0, half)),
           b = mn_text_graphemes(mn_str_sub(s, half, SIZE_MAX));
    MN_ASSERT(a + b >= n || !mn_utf8_valid(s));
    return 0;
}

/* Base64 of RFC 4648, as it travels in headers, keys and tokens. */
#ifndef MN_BASE_BASE64_H
#define MN_BASE_BASE64_H

#include <stdbool.h>

#include "base/str.h"

/* Appends n bytes in the URL's alphabet ('-' and '_'), with or without '=' at the end. */
mn_rc mn_base64url_add(mn_buf *b, const void *p, size_t n, bool padded);
/* The same in the usual alphabet ('+' and '/'), with '='. */
mn_rc mn_base64_add(mn_buf *b, const void *p, size_t n);
/* Reads either alphabet, with '=' at the end or without. *ret_n: bytes written.
 * errors MN_E_PARSE another character, a length that cannot be, bits left over; MN_E_LIMIT more than cap bytes */
mn_rc mn_base64_read(mn_str s, uint8_t *ret, size_t cap, size_t *ret_n);

#endif

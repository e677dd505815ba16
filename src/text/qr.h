/* QR codes (ISO/IEC 18004): bytes, error correction level M, versions 1 to 15: up to 412 bytes. */
#ifndef MN_TEXT_QR_H
#define MN_TEXT_QR_H

#include "base/str.h"

#define MN_QR_SIZE 77 /* modules a side of version 15 */

typedef struct mn_qr {
    int size;                             /* modules a side: 17 + 4 × version */
    uint8_t dark[MN_QR_SIZE][MN_QR_SIZE]; /* [y][x] */
} mn_qr;

/* errors MN_E_LIMIT the text is too long */
mn_rc mn_qr_make(mn_str text, mn_qr *ret, mn_err *e);
/* Appends it as an <svg> of one path, with the quiet zone around it: black on white whatever the page's colours. */
void mn_qr_svg(const mn_qr *q, const char *title, mn_buf *b);

#endif

/* Animations are kept as they came, without what is not the picture: comments and application data in GIF, EXIF and XMP in
 * WebP. Total over any bytes; what follows the file's own end is dropped. */
#include "media/media_int.h"

static mn_rc damaged(mn_err *e, const char *what)
{
    return mn_fail(e, MN_E_PARSE, "the %s file is damaged", what);
}

/* ---- GIF ------------------------------------------------------------------------------------------------------------ */

/* Position after a chain of sub-blocks; 0 when it runs over the end. */
static size_t skip_blocks(mn_str in, size_t at)
{
    while (at < in.len) {
        size_t n = (uint8_t)in.ptr[at];
        if (n == 0) return at + 1;
        at += 1 + n;
    }
    return 0;
}

static size_t colours(uint8_t flags)
{
    return flags & 0x80 ? (size_t)3 << ((flags & 7) + 1) : 0;
}

/* Says how often the animation runs. */
static bool is_loop(mn_str ext)
{
    return ext.len >= 14 && ext.ptr[2] == 11 &&
           (!memcmp(ext.ptr + 3, "NETSCAPE2.0", 11) || !memcmp(ext.ptr + 3, "ANIMEXTS1.0", 11));
}

static bool is_kept(mn_str ext)
{
    uint8_t label = (uint8_t)ext.ptr[1];
    return label == 0xF9 || label == 0x01 || (label == 0xFF && is_loop(ext));
}

mn_rc mn_strip__gif(mn_str in, mn_buf *ret, mn_err *e)
{
    if (in.len < 13) return damaged(e, "GIF");
    size_t at = 13 + colours((uint8_t)in.ptr[10]);
    if (at > in.len) return damaged(e, "GIF");
    mn_buf_add(ret, in.ptr, at);
    while (at < in.len && in.ptr[at] != 0x3B) {
        size_t end = 0;
        bool keep = true;
        if (in.ptr[at] == 0x21 && in.len - at >= 3) {
            end = skip_blocks(in, at + 2);
            keep = end && is_kept(mn_str_sub(in, at, end - at));
        } else if (in.ptr[at] == 0x2C && in.len - at >= 11) {
            end = skip_blocks(in, at + 11 + colours((uint8_t)in.ptr[at + 9]));
        }
        if (!end) return damaged(e, "GIF");
        if (keep) mn_buf_add(ret, in.ptr + at, end - at);
        at = end;
    }
    mn_buf_addc(ret, 0x3B);
    return ret->failed ? mn_fail(e, ret->failed, "no memory for the picture") : MN_OK;
}

/* ---- WebP ----------------------------------------------------------------------------------------------------------- */

static uint32_t le32(const char *p)
{
    const uint8_t *u = (const uint8_t *)p;
    return (uint32_t)u[3] << 24 | (uint32_t)u[2] << 16 | (uint32_t)u[1] << 8 | u[0];
}

static void put_le32(char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) p[i] = (char)(v >> 8 * i & 0xff);
}

static bool is_wanted(const char *name)
{
    static const char *const kept[] = {"VP8X", "ICCP", "ANIM", "ANMF", "VP8 ", "VP8L", "ALPH"};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (!memcmp(name, kept[i], 4)) return true;
    return false;
}

mn_rc mn_strip__webp(mn_str in, mn_buf *ret, mn_err *e)
{
    size_t from = ret->len;
    if (in.len < 12 || le32(in.ptr + 4) > in.len - 8) return damaged(e, "WebP");
    in.len = 8 + (size_t)le32(in.ptr + 4);
    mn_buf_add(ret, in.ptr, 12);
    for (size_t at = 12; at < in.len;) {
        if (in.len - at < 8) return damaged(e, "WebP");
        size_t n = le32(in.ptr + at + 4), whole = 8 + n + (n & 1);
        if (whole > in.len - at) return damaged(e, "WebP");
        if (is_wanted(in.ptr + at)) mn_buf_add(ret, in.ptr + at, whole);
        if (!memcmp(in.ptr + at, "VP8X", 4) && n >= 1 && !ret->failed)
            ret->ptr[ret->len - whole + 8] &= (char)~0x0C; /* says there is EXIF, XMP */
        at += whole;
    }
    if (ret->failed) return mn_fail(e, ret->failed, "no memory for the picture");
    put_le32(ret->ptr + from + 4, (uint32_t)(ret->len - from - 8));
    return MN_OK;
}

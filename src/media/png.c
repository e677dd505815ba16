/* PNG by libpng's simplified interface, which gives sRGB whatever the file's gamma. Of an animation (APNG) it reads the
 * picture that everybody can. */
#include <png.h>

#include "media/media_int.h"

static uint32_t be32(const char *p)
{
    const uint8_t *u = (const uint8_t *)p;
    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

/* The chunk "eXIf", if there is one among the first thousand. */
static int orientation_of(mn_str in)
{
    size_t at = 8;
    for (int i = 0; i < 1000 && in.len >= 12 && at <= in.len - 12; i++) {
        size_t n = be32(in.ptr + at);
        if (n > in.len - at - 12) break;
        if (!memcmp(in.ptr + at + 4, "eXIf", 4))
            return mn_exif__orientation(mn_str_sub(in, at + 8, n));
        at += 12 + n;
    }
    return 1;
}

mn_rc mn_pic__png(mn_str in, uint64_t wanted_px, mn_pic *p, mn_err *e)
{
    png_image g = {.version = PNG_IMAGE_VERSION};
    (void)wanted_px;
    if (!png_image_begin_read_from_memory(&g, in.ptr, in.len))
        return mn_fail(e, MN_E_PARSE, "the PNG file is damaged");
    mn_rc rc = mn_pic__alloc(p, g.width, g.height, e);
    if (rc == MN_OK) {
        g.format = PNG_FORMAT_RGBA;
        if (!png_image_finish_read(&g, NULL, p->px, 0, NULL))
            rc = mn_fail(e, MN_E_PARSE, "the PNG file is damaged");
    }
    png_image_free(&g);
    if (rc == MN_OK) p->orientation = orientation_of(in);
    return rc;
}

/* Without alpha the rows are packed: half the work for the compressor. */
static mn_rc pack_rgb(const mn_pic *p, uint8_t **ret, mn_err *e)
{
    size_t n = (size_t)p->w * (size_t)p->h;
    uint8_t *to = mn_reallocarray(NULL, n, 3);
    if (!to) return mn_fail(e, MN_E_NOMEM, "no memory for the picture");
    for (size_t i = 0; i < n; i++) memcpy(to + 3 * i, p->px + 4 * i, 3);
    *ret = to;
    return MN_OK;
}

mn_rc mn_pic__write_png(const mn_pic *p, mn_buf *ret, mn_err *e)
{
    png_image g = {.version = PNG_IMAGE_VERSION,
                   .width = (png_uint_32)p->w,
                   .height = (png_uint_32)p->h,
                   .format = p->alpha ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB};
    uint8_t *packed = NULL;
    if (!p->alpha) MN_TRY(pack_rgb(p, &packed, e));
    png_alloc_size_t n = PNG_IMAGE_PNG_SIZE_MAX(g);
    mn_rc rc = mn_buf_reserve(ret, n);
    if (rc != MN_OK) {
        mn_fail(e, rc, "no memory for the picture");
    } else if (!png_image_write_to_memory(&g, ret->ptr + ret->len, &n, 0,
                                          packed ? packed : p->px, 0, NULL)) {
        rc = mn_fail(e, MN_E_NOMEM, "the picture could not be written as PNG");
    } else {
        ret->len += n;
        ret->ptr[ret->len] = '\0';
    }
    mn_free(packed);
    return rc;
}

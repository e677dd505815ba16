/* AVIF by libavif: the first picture, turned and mirrored as the file says. */
#include "media/libavif.h"
#include "media/media_int.h"
#include "sonames.h"

MN_LATE_LIBRARY(mn_libavif, MN_LIBAVIF, MN_SONAME_AVIF, "libavif")

static mn_rc avif_failed(avifResult r, mn_err *e)
{
    if (r == AVIF_RESULT_OUT_OF_MEMORY)
        return mn_fail(e, MN_E_NOMEM, "no memory for the picture");
    return mn_fail(e, MN_E_PARSE, "the AVIF file cannot be read: %s", avifResultToString(r));
}

/* Turning (anti-clockwise quarters) first, then mirroring, as EXIF's single number. */
static int orientation_of(const avifImage *g)
{
    static const int plain[] = {1, 8, 3, 6}; /* quarters anti-clockwise */
    static const int left_right[] = {2, 7, 4, 5}, top_bottom[] = {4, 5, 2, 7};
    int quarters = g->transformFlags & AVIF_TRANSFORM_IROT ? g->irot.angle & 3 : 0;
    if (!(g->transformFlags & AVIF_TRANSFORM_IMIR)) return plain[quarters];
    return g->imir.mode ? left_right[quarters] : top_bottom[quarters];
}

static mn_rc to_rgba(const avifImage *g, mn_pic *p, mn_err *e)
{
    avifRGBImage rgb;
    MN_TRY(mn_pic__alloc(p, g->width, g->height, e));
    avifRGBImageSetDefaults(&rgb, g);
    rgb.format = AVIF_RGB_FORMAT_RGBA;
    rgb.depth = 8;
    rgb.pixels = p->px;
    rgb.rowBytes = 4 * (uint32_t)p->w;
    avifResult r = avifImageYUVToRGB(g, &rgb);
    if (r != AVIF_RESULT_OK) return avif_failed(r, e);
    p->orientation = orientation_of(g);
    if (g->icc.size) mn_buf_add(&p->icc, g->icc.data, g->icc.size);
    return MN_OK;
}

mn_rc mn_pic__avif(mn_str in, uint64_t wanted_px, mn_pic *p, mn_err *e)
{
    (void)wanted_px;
    MN_TRY(mn_libavif_open(e));
    avifDecoder *d = avifDecoderCreate();
    if (!d) return mn_fail(e, MN_E_NOMEM, "no memory for the picture");
    d->maxThreads = 1;
    d->ignoreExif = d->ignoreXMP = AVIF_TRUE;
    d->imageSizeLimit = (uint32_t)MN_PIC_PIXELS_MAX;
    d->imageCountLimit = MN_PIC_FRAMES_MAX;
    avifResult r = avifDecoderSetIOMemory(d, (const uint8_t *)in.ptr, in.len);
    if (r == AVIF_RESULT_OK) r = avifDecoderParse(d);
    if (r == AVIF_RESULT_OK) r = avifDecoderNextImage(d);
    mn_rc rc = r == AVIF_RESULT_OK ? to_rgba(d->image, p, e) : avif_failed(r, e);
    avifDecoderDestroy(d);
    return rc;
}

/* Pictures made by the libraries themselves: four corners of four colours, so that turning and cropping can be seen. */
#ifndef MN_TESTS_MEDIA_PICTURES_H
#define MN_TESTS_MEDIA_PICTURES_H

#include <stdio.h>

#include <avif/avif.h>
#include <gif_lib.h>
#include <jpeglib.h>
#include <png.h>
#include <webp/decode.h>
#include <webp/encode.h>

#include "media/media.h"
#include "test.h"

typedef struct corner {
    int r, g, b;
} corner;
static const corner top_left = {200, 30, 30}, top_right = {30, 200, 30},
                    bottom_left = {30, 30, 200}, bottom_right = {220, 220, 220};

/* RGBA of w x h; alpha below 255 makes the left half see-through. */
static inline uint8_t *corners(int w, int h, int alpha)
{
    uint8_t *px = malloc(4 * (size_t)w * (size_t)h);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const corner *c = y < h / 2 ? (x < w / 2 ? &top_left : &top_right)
                                        : (x < w / 2 ? &bottom_left : &bottom_right);
            uint8_t *p = px + 4 * ((size_t)y * (size_t)w + (size_t)x);
            p[0] = (uint8_t)c->r, p[1] = (uint8_t)c->g, p[2] = (uint8_t)c->b;
            p[3] = (uint8_t)(x < w / 2 ? alpha : 255);
        }
    return px;
}

static inline void put(mn_buf *b, const void *p, size_t n)
{
    assert_int_equal(mn_buf_add(b, p, n), MN_OK);
}

/* marker: a whole APP segment to stand behind the start, or NULL. */
static inline void make_jpeg(int w, int h, const void *marker, size_t n, mn_buf *ret)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr err;
    unsigned char *out = NULL;
    unsigned long size = 0;
    uint8_t *px = corners(w, h, 255);
    c.err = jpeg_std_error(&err);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &out, &size);
    c.image_width = (unsigned)w, c.image_height = (unsigned)h;
    c.input_components = 4, c.in_color_space = JCS_EXT_RGBX;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, 95, TRUE);
    jpeg_start_compress(&c, TRUE);
    while (c.next_scanline < c.image_height) {
        JSAMPROW row[1] = {px + 4 * (size_t)c.next_scanline * (size_t)w};
        jpeg_write_scanlines(&c, row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    mn_buf_clear(ret);
    put(ret, out, 2);
    if (marker) put(ret, marker, n);
    put(ret, out + 2, size - 2);
    free(out);
    free(px);
}

/* An EXIF segment that says which way is up, and where the picture was taken. */
static inline size_t exif_segment(int orientation, uint8_t ret[64])
{
    static const uint8_t head[] = {0xff, 0xe1, 0,  58, 'E', 'x', 'i', 'f', 0, 0,    'M',
                                   'M',  0,    42, 0,  0,   0,   8,   0,   2, 0x01, 0x12,
                                   0,    3,    0,  0,  0,   1,   0,   0,   0, 0,    0x88,
                                   0x25, 0,    4,  0,  0,   0,   1,   0,   0, 0,    38};
    memset(ret, 0, 64);
    memcpy(ret, head, sizeof head);
    ret[29] = (uint8_t)orientation;
    memcpy(ret + 46, "GPS-SECRET", 10);
    return 60;
}

static inline void make_png(int w, int h, int alpha, mn_buf *ret)
{
    png_image g = {.version = PNG_IMAGE_VERSION,
                   .width = (unsigned)w,
                   .height = (unsigned)h,
                   .format = PNG_FORMAT_RGBA};
    png_alloc_size_t n = PNG_IMAGE_PNG_SIZE_MAX(g);
    uint8_t *px = corners(w, h, alpha);
    char *out = malloc(n);
    OK(png_image_write_to_memory(&g, out, &n, 0, px, 0, NULL));
    mn_buf_clear(ret);
    put(ret, out, n);
    free(out);
    free(px);
}

static inline void make_webp(int w, int h, int alpha, mn_buf *ret)
{
    uint8_t *px = corners(w, h, alpha), *out;
    size_t n = WebPEncodeLosslessRGBA(px, w, h, 4 * w, &out);
    OK(n > 0);
    mn_buf_clear(ret);
    put(ret, out, n);
    WebPFree(out);
    free(px);
}

static inline void make_avif(int w, int h, int alpha, int turns, mn_buf *ret)
{
    avifImage *g = avifImageCreate((uint32_t)w, (uint32_t)h, 8, AVIF_PIXEL_FORMAT_YUV444);
    avifRGBImage rgb;
    avifRWData out = AVIF_DATA_EMPTY;
    uint8_t *px = corners(w, h, alpha);
    avifRGBImageSetDefaults(&rgb, g);
    rgb.pixels = px, rgb.rowBytes = 4 * (unsigned)w;
    OK(avifImageRGBToYUV(g, &rgb) == AVIF_RESULT_OK);
    if (turns) g->transformFlags |= AVIF_TRANSFORM_IROT, g->irot.angle = (uint8_t)turns;
    avifEncoder *enc = avifEncoderCreate();
    enc->speed = 10;
    OK(avifEncoderWrite(enc, g, &out) == AVIF_RESULT_OK);
    mn_buf_clear(ret);
    put(ret, out.data, out.size);
    avifRWDataFree(&out);
    avifEncoderDestroy(enc);
    avifImageDestroy(g);
    free(px);
}

static inline int gif_to_buf(GifFileType *g, const GifByteType *p, int n)
{
    put(g->UserData, p, (size_t)n);
    return n;
}

/* frames of one colour each; the first is red. A comment says a secret. */
static inline void make_gif(int w, int h, int frames, bool interlaced, mn_buf *ret)
{
    static const GifColorType colours[4] = {
        {200, 30, 30}, {30, 200, 30}, {30, 30, 200}, {0, 0, 0}};
    int why = 0;
    mn_buf_clear(ret);
    GifFileType *g = EGifOpen(ret, gif_to_buf, &why);
    ColorMapObject *map = GifMakeMapObject(4, colours);
    EGifSetGifVersion(g, true);
    OK(EGifPutScreenDesc(g, w, h, 2, 0, map) == GIF_OK);
    if (frames > 1) {
        EGifPutExtensionLeader(g, APPLICATION_EXT_FUNC_CODE);
        EGifPutExtensionBlock(g, 11, "NETSCAPE2.0");
        EGifPutExtensionBlock(g, 3, "\x01\x00\x00");
        EGifPutExtensionTrailer(g);
    }
    EGifPutComment(g, "GPS-SECRET");
    GifByteType *row = malloc((size_t)w);
    for (int f = 0; f < frames; f++) {
        EGifPutExtension(g, GRAPHICS_EXT_FUNC_CODE, 4, "\x00\x0a\x00\x00");
        OK(EGifPutImageDesc(g, 0, 0, w, h, interlaced, NULL) == GIF_OK);
        memset(row, f % 3, (size_t)w);
        for (int y = 0; y < h; y++) EGifPutLine(g, row, w);
    }
    free(row);
    EGifCloseFile(g, &why);
    GifFreeMapObject(map);
}

/* Reads a result back to RGBA with the libraries' own readers. */
typedef struct seen {
    int w, h;
    uint8_t *px;
} seen;

static inline seen look_jpeg(const mn_buf *b)
{
    struct jpeg_decompress_struct d;
    struct jpeg_error_mgr err;
    d.err = jpeg_std_error(&err);
    jpeg_create_decompress(&d);
    jpeg_mem_src(&d, (const unsigned char *)b->ptr, b->len);
    jpeg_read_header(&d, TRUE);
    d.out_color_space = JCS_EXT_RGBA;
    jpeg_start_decompress(&d);
    seen s = {(int)d.output_width, (int)d.output_height, NULL};
    s.px = malloc(4 * (size_t)s.w * (size_t)s.h);
    while (d.output_scanline < d.output_height) {
        JSAMPROW row[1] = {s.px + 4 * (size_t)d.output_scanline * (size_t)s.w};
        jpeg_read_scanlines(&d, row, 1);
    }
    jpeg_finish_decompress(&d);
    jpeg_destroy_decompress(&d);
    return s;
}

static inline seen look(const mn_buf *b, const char *mime)
{
    if (!strcmp(mime, "image/jpeg")) return look_jpeg(b);
    if (!strcmp(mime, "image/webp")) {
        seen s;
        s.px = WebPDecodeRGBA((const uint8_t *)b->ptr, b->len, &s.w, &s.h);
        OK(s.px);
        return s;
    }
    assert_string_equal(mime, "image/png");
    png_image g = {.version = PNG_IMAGE_VERSION};
    OK(png_image_begin_read_from_memory(&g, b->ptr, b->len));
    g.format = PNG_FORMAT_RGBA;
    seen s = {(int)g.width, (int)g.height, malloc(PNG_IMAGE_SIZE(g))};
    OK(png_image_finish_read(&g, NULL, s.px, 0, NULL));
    return s;
}

/* Is the pixel at these parts of a hundred about that colour? */
static inline void is_about(const seen *s, int x100, int y100, corner c)
{
    const uint8_t *p =
        s->px + 4 * ((size_t)(s->h * y100 / 100) * (size_t)s->w + (size_t)(s->w * x100 / 100));
    if (abs(p[0] - c.r) > 12 || abs(p[1] - c.g) > 12 || abs(p[2] - c.b) > 12)
        fail_msg("at %d%%, %d%%: %d %d %d, not %d %d %d", x100, y100, p[0], p[1], p[2], c.r,
                 c.g, c.b);
}

#endif

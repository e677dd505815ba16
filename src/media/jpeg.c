/* JPEG by libjpeg-turbo. Its errors are long jumps: what a jump must find again lies in one struct. */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

#include "media/media_int.h"

#define SCANS_MAX 200 /* a progressive file of many scans costs a decoding each */

typedef struct jpeg_errors {
    struct jpeg_error_mgr mgr; /* first: the library's pointer is ours */
    jmp_buf out;
    bool memory;
} jpeg_errors;

static void on_error(j_common_ptr c)
{
    jpeg_errors *x = (jpeg_errors *)(void *)c->err;
    x->memory = c->err->msg_code == JERR_OUT_OF_MEMORY;
    longjmp(x->out, 1);
}

/* Warnings are forgiven, as everybody does, but for a file that ends too soon. */
static void on_message(j_common_ptr c, int level)
{
    if (level < 0 && c->err->msg_code == JWRN_JPEG_EOF) on_error(c);
}

static void on_progress(j_common_ptr c)
{
    if (c->is_decompressor && ((j_decompress_ptr)(void *)c)->input_scan_number > SCANS_MAX)
        on_error(c);
}

static void set_errors(jpeg_errors *x)
{
    jpeg_std_error(&x->mgr);
    x->mgr.error_exit = on_error;
    x->mgr.emit_message = on_message;
}

static mn_rc jpeg_failed(const jpeg_errors *x, mn_err *e)
{
    if (x->memory) return mn_fail(e, MN_E_NOMEM, "no memory for the picture");
    return mn_fail(e, MN_E_PARSE, "the JPEG file is damaged");
}

/* ---- reading -------------------------------------------------------------------------------------------------------- */

static void read_markers(j_decompress_ptr d, mn_pic *p)
{
    JOCTET *icc = NULL;
    unsigned n = 0;
    for (jpeg_saved_marker_ptr m = d->marker_list; m; m = m->next)
        if (m->marker == JPEG_APP0 + 1 && m->data_length >= 6 &&
            !memcmp(m->data, "Exif\0", 6)) {
            p->orientation =
                mn_exif__orientation((mn_str){(const char *)m->data, m->data_length});
            break;
        }
    if (jpeg_read_icc_profile(d, &icc, &n)) {
        mn_buf_add(&p->icc, icc, n); /* one that is too long is as if absent */
        mn_free(icc);
    }
}

/* The smallest eighths that still give the pixels wanted. */
static void choose_scale(j_decompress_ptr d, uint64_t wanted_px)
{
    uint64_t all = (uint64_t)d->image_width * d->image_height;
    for (unsigned n = 1; n <= 8; n++) {
        d->scale_num = n;
        d->scale_denom = 8;
        if (all / 64 * n * n >= wanted_px) return;
    }
}

static void from_cmyk(uint8_t *row, int w, bool inverted)
{
    for (int x = 0; x < w; x++, row += 4) {
        unsigned k = inverted ? row[3] : 255u - row[3];
        for (int c = 0; c < 3; c++)
            row[c] = (uint8_t)((inverted ? row[c] : 255u - row[c]) * k / 255);
        row[3] = 255;
    }
}

static mn_rc read_rows(j_decompress_ptr d, uint64_t wanted_px, mn_pic *p, mn_err *e)
{
    bool four = d->jpeg_color_space == JCS_CMYK || d->jpeg_color_space == JCS_YCCK;
    uint64_t all = (uint64_t)d->image_width * d->image_height;
    if (all > MN_PIC_PIXELS_MAX)
        return mn_fail(e, MN_E_LIMIT, "the picture has %u x %u pixels, more than are taken",
                       d->image_width, d->image_height);
    d->out_color_space = four ? JCS_CMYK : JCS_EXT_RGBA;
    choose_scale(d, wanted_px);
    jpeg_start_decompress(d);
    MN_TRY(mn_pic__alloc(p, d->output_width, d->output_height, e));
    while (d->output_scanline < d->output_height) {
        uint8_t *row = p->px + 4 * (size_t)d->output_scanline * (size_t)p->w;
        JSAMPROW rows[1] = {row};
        jpeg_read_scanlines(d, rows, 1);
        if (four) from_cmyk(row, p->w, d->saw_Adobe_marker);
    }
    return MN_OK;
}

mn_rc mn_pic__jpeg(mn_str in, uint64_t wanted_px, mn_pic *p, mn_err *e)
{
    struct jpeg_decompress_struct d = {0};
    struct jpeg_progress_mgr progress = {.progress_monitor = on_progress};
    jpeg_errors x = {0};
    mn_rc rc;
    set_errors(&x);
    d.err = &x.mgr;
    if (setjmp(x.out)) {
        jpeg_destroy_decompress(&d);
        return jpeg_failed(&x, e);
    }
    jpeg_create_decompress(&d);
    d.progress = &progress;
    jpeg_mem_src(&d, (const unsigned char *)in.ptr, in.len);
    jpeg_save_markers(&d, JPEG_APP0 + 1, 0xFFFF);
    jpeg_save_markers(&d, JPEG_APP0 + 2, 0xFFFF);
    jpeg_read_header(&d, TRUE);
    read_markers(&d, p);
    rc = read_rows(&d, wanted_px, p, e);
    if (rc == MN_OK) jpeg_finish_decompress(&d);
    jpeg_destroy_decompress(&d);
    return rc;
}

/* ---- writing -------------------------------------------------------------------------------------------------------- */

static void write_rows(j_compress_ptr c, const mn_pic *p, int quality)
{
    c->image_width = (JDIMENSION)p->w;
    c->image_height = (JDIMENSION)p->h;
    c->input_components = 4;
    c->in_color_space = JCS_EXT_RGBX;
    jpeg_set_defaults(c);
    jpeg_set_quality(c, quality, TRUE);
    jpeg_simple_progression(c);
    jpeg_start_compress(c, TRUE);
    while (c->next_scanline < c->image_height) {
        /* The library reads from it only. */
        JSAMPROW rows[1] = {p->px + 4 * (size_t)c->next_scanline * (size_t)p->w};
        jpeg_write_scanlines(c, rows, 1);
    }
    jpeg_finish_compress(c);
}

mn_rc mn_pic__write_jpeg(const mn_pic *p, int quality, mn_buf *ret, mn_err *e)
{
    struct jpeg_compress_struct c = {0};
    jpeg_errors x = {0};
    unsigned char *out = NULL;
    unsigned long n = 0;
    set_errors(&x);
    c.err = &x.mgr;
    if (setjmp(x.out)) {
        jpeg_destroy_compress(&c);
        return jpeg_failed(&x, e);
    }
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &out, &n);
    write_rows(&c, p, quality);
    jpeg_destroy_compress(&c);
    mn_rc rc = mn_buf_add(ret, out, n);
    mn_free(out);
    return rc == MN_OK ? rc : mn_fail(e, rc, "no memory for the picture");
}

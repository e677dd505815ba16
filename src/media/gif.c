/* GIF by giflib, record by record, so that limits hold before memory is spent: the first frame becomes the picture, the others
 * are decoded and thrown away, which proves them whole. */
#include <gif_lib.h>

#include "media/media_int.h"

typedef struct feed {
    mn_str left;
} feed;

static int on_read(GifFileType *g, GifByteType *to, int n)
{
    feed *f = g->UserData;
    size_t take = (size_t)n < f->left.len ? (size_t)n : f->left.len;
    memcpy(to, f->left.ptr, take);
    f->left.ptr += take;
    f->left.len -= take;
    return (int)take;
}

typedef struct gif {
    GifFileType *g;
    mn_pic *p;
    uint8_t *row;
    int row_cap;
    uint64_t pixels;
    int frames;
    int clear; /* index of the transparent colour of the next frame, -1 none */
} gif;

static mn_rc broken(mn_err *e)
{
    return mn_fail(e, MN_E_PARSE, "the GIF file is damaged");
}

/* Extensions before a frame: only the one that names a transparent colour matters here. */
static mn_rc read_extension(gif *x, mn_err *e)
{
    int code;
    GifByteType *block;
    GraphicsControlBlock c;
    if (DGifGetExtension(x->g, &code, &block) == GIF_ERROR) return broken(e);
    while (block) {
        if (code == GRAPHICS_EXT_FUNC_CODE && block[0] == 4 &&
            DGifExtensionToGCB(block[0], block + 1, &c) == GIF_OK)
            x->clear = c.TransparentColor;
        if (DGifGetExtensionNext(x->g, &block) == GIF_ERROR) return broken(e);
    }
    return MN_OK;
}

static void paint_row(const gif *x, int y, const ColorMapObject *map)
{
    const GifImageDesc *d = &x->g->Image;
    int64_t at = (int64_t)d->Top + y;
    if (at < 0 || at >= x->p->h) return;
    for (int i = 0; i < d->Width; i++) {
        int64_t sx = (int64_t)d->Left + i;
        int colour = x->row[i];
        if (sx < 0 || sx >= x->p->w || colour == x->clear || colour >= map->ColorCount)
            continue;
        uint8_t *to = x->p->px + 4 * ((size_t)at * (size_t)x->p->w + (size_t)sx);
        to[0] = map->Colors[colour].Red;
        to[1] = map->Colors[colour].Green;
        to[2] = map->Colors[colour].Blue;
        to[3] = 255;
    }
}

/* Rows come in four passes when interlaced. */
static mn_rc read_rows(gif *x, const ColorMapObject *map, mn_err *e)
{
    static const int starts[] = {0, 4, 2, 1, 0}, steps[] = {8, 8, 4, 2, 1};
    const GifImageDesc *d = &x->g->Image;
    int pass = d->Interlace ? 0 : 4, last = d->Interlace ? 3 : 4;
    for (; pass <= last; pass++)
        for (int y = starts[pass]; y < d->Height; y += steps[pass]) {
            if (DGifGetLine(x->g, x->row, d->Width) == GIF_ERROR) return broken(e);
            if (x->frames == 0) paint_row(x, y, map);
        }
    return MN_OK;
}

static mn_rc read_frame(gif *x, mn_err *e)
{
    if (DGifGetImageDesc(x->g) == GIF_ERROR) return broken(e);
    const GifImageDesc *d = &x->g->Image;
    const ColorMapObject *map = d->ColorMap ? d->ColorMap : x->g->SColorMap;
    if (d->Width <= 0 || d->Height <= 0 || !map) return broken(e);
    x->pixels += (uint64_t)d->Width * (uint64_t)d->Height;
    if (x->frames >= MN_PIC_FRAMES_MAX || x->pixels > MN_PIC_MOVING_MAX)
        return mn_fail(e, MN_E_LIMIT, "the animation has too many frames or pixels");
    if (d->Width > x->row_cap) {
        uint8_t *more = mn_realloc(x->row, (size_t)d->Width);
        if (!more) return mn_fail(e, MN_E_NOMEM, "no memory for the picture");
        x->row = more;
        x->row_cap = d->Width;
    }
    MN_TRY(read_rows(x, map, e));
    x->frames++;
    x->clear = -1;
    return MN_OK;
}

static mn_rc read_records(gif *x, mn_err *e)
{
    GifRecordType type;
    do {
        mn_rc rc = MN_OK;
        if (DGifGetRecordType(x->g, &type) == GIF_ERROR) return broken(e);
        if (type == IMAGE_DESC_RECORD_TYPE) rc = read_frame(x, e);
        else if (type == EXTENSION_RECORD_TYPE) rc = read_extension(x, e);
        if (rc != MN_OK) return rc;
    } while (type != TERMINATE_RECORD_TYPE);
    return x->frames ? MN_OK : broken(e);
}

mn_rc mn_pic__gif(mn_str in, uint64_t wanted_px, mn_pic *p, mn_err *e)
{
    int why = 0;
    feed f = {in};
    gif x = {.p = p, .clear = -1};
    (void)wanted_px;
    x.g = DGifOpen(&f, on_read, &why);
    if (!x.g) return broken(e);
    mn_rc rc = mn_pic__alloc(p, x.g->SWidth, x.g->SHeight, e);
    if (rc == MN_OK) rc = read_records(&x, e);
    if (rc == MN_OK) p->frames = x.frames;
    mn_free(x.row);
    DGifCloseFile(x.g, &why);
    return rc;
}

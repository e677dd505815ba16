/* The whole way of a picture: decode, make smaller, turn, convert the colours, write. Runs in the worker. */
#include <math.h>

#include "media/media_int.h"

#define QUALITY         90
#define PREVIEW_QUALITY 80

static mn_pic_decoder *decoder_of(mn_str in)
{
    static const struct {
        const char *mime;
        mn_pic_decoder *decode;
    } known[] = {{"image/jpeg", mn_pic__jpeg},
                 {"image/png", mn_pic__png},
                 {"image/webp", mn_pic__webp},
                 {"image/gif", mn_pic__gif},
                 {"image/avif", mn_pic__avif}};
    const mn_media_type *t = mn_media_sniff(in);
    for (size_t i = 0; t && i < sizeof known / sizeof *known; i++)
        if (!strcmp(t->mime, known[i].mime)) return known[i].decode;
    return NULL;
}

bool mn_pic__is_avif(mn_str in)
{
    return decoder_of(in) == mn_pic__avif;
}

/* As large as it may be with its shape, never larger than it is. */
static mn_rc fit_pixels(mn_pic *p, uint64_t most, mn_err *e)
{
    double all = (double)p->w * p->h;
    if (all <= (double)most) return MN_OK;
    double k = sqrt((double)most / all);
    return mn_pic__shrink(p, (int)(p->w * k), (int)(p->h * k), e);
}

/* The largest middle part of the shape w:h, then at most w x h. */
static mn_rc fill(mn_pic *p, int w, int h, mn_err *e)
{
    int64_t cw = p->w, ch = p->h;
    if (cw * h > ch * w) cw = ch * w / h;
    else ch = cw * h / w;
    MN_TRY(mn_pic__crop(p, (int)(cw > 0 ? cw : 1), (int)(ch > 0 ? ch : 1), e));
    return mn_pic__shrink(p, p->w < w ? p->w : w, p->h < h ? p->h : h, e);
}

static mn_rc fit_inside(mn_pic *p, int side, mn_err *e)
{
    int longer = p->w > p->h ? p->w : p->h;
    if (longer <= side) return MN_OK;
    return mn_pic__shrink(p, p->w * side / longer, p->h * side / longer, e);
}

static mn_rc write_as(const mn_pic *p, const char *mime, int quality, mn_buf *ret, mn_err *e)
{
    if (!strcmp(mime, "image/png")) return mn_pic__write_png(p, ret, e);
    if (!strcmp(mime, "image/webp")) return mn_pic__write_webp(p, quality, ret, e);
    return mn_pic__write_jpeg(p, quality, ret, e);
}

/* What a picture of that type becomes: JPEG and WebP stay, PNG and GIF are PNG, AVIF becomes what every app can show. */
static const char *kept_type(mn_str in, const mn_pic *p)
{
    const char *mime = mn_media_sniff(in)->mime;
    if (!strcmp(mime, "image/jpeg")) return "image/jpeg";
    if (!strcmp(mime, "image/webp")) return "image/webp";
    if (!strcmp(mime, "image/avif")) return p->alpha ? "image/png" : "image/jpeg";
    return "image/png";
}

static mn_rc keep_animation(mn_str in, mn_picture *r, mn_err *e)
{
    bool gif = !strcmp(mn_media_sniff(in)->mime, "image/gif");
    r->mime = gif ? "image/gif" : "image/webp";
    r->animated = true;
    return gif ? mn_strip__gif(in, &r->file, e) : mn_strip__webp(in, &r->file, e);
}

static mn_rc add_blurhash(mn_pic *p, mn_picture *r, mn_err *e)
{
    MN_TRY(fit_inside(p, 64, e)); /* the lowest frequencies are the same */
    mn_blurhash__encode(p, r->blurhash);
    return MN_OK;
}

static mn_rc add_preview(mn_pic *p, const char *mime, mn_picture *r, mn_err *e)
{
    r->preview_mime = mime;
    r->preview_width = p->w;
    r->preview_height = p->h;
    return write_as(p, mime, PREVIEW_QUALITY, &r->preview, e);
}

static mn_rc make_post(mn_str in, mn_pic *p, mn_picture *r, mn_err *e)
{
    if (p->frames > 1) {
        MN_TRY(keep_animation(in, r, e));
        r->width = p->w;
        r->height = p->h;
    } else {
        r->mime = kept_type(in, p);
        r->width = p->w;
        r->height = p->h;
        MN_TRY(write_as(p, r->mime, QUALITY, &r->file, e));
    }
    MN_TRY(fit_pixels(p, MN_PREVIEW_PIXELS, e));
    MN_TRY(add_preview(p, p->alpha ? "image/png" : "image/jpeg", r, e));
    return add_blurhash(p, r, e);
}

static mn_rc make_emoji(mn_str in, mn_pic *p, mn_picture *r, mn_err *e)
{
    if (p->frames > 1) {
        MN_TRY(keep_animation(in, r, e));
        r->width = p->w;
        r->height = p->h;
        MN_TRY(fit_inside(p, 128, e));
    } else {
        MN_TRY(fit_inside(p, 128, e));
        r->mime = "image/png";
        r->width = p->w;
        r->height = p->h;
        MN_TRY(mn_pic__write_png(p, &r->file, e));
    }
    return add_preview(p, "image/png", r, e);
}

static mn_rc make_plain(mn_pic *p, mn_picture *r, mn_err *e)
{
    r->mime = p->alpha ? "image/png" : "image/jpeg";
    r->width = p->w;
    r->height = p->h;
    return write_as(p, r->mime, QUALITY, &r->file, e);
}

static uint64_t wanted_pixels(mn_picture_use use)
{
    return use == MN_PIC_POST ? MN_PICTURE_PIXELS : (uint64_t)4 << 20;
}

/* Decoded, upright, sRGB, and not larger than the largest it is needed for. */
static mn_rc load(mn_str in, mn_picture_use use, mn_pic *p, mn_err *e)
{
    mn_pic_decoder *decode = decoder_of(in);
    if (!decode)
        return mn_fail(
            e, MN_E_UNSUPPORTED,
            "this is no picture we can read: JPEG, PNG, WebP, GIF and AVIF are taken");
    MN_TRY(decode(in, wanted_pixels(use), p, e));
    bool as_it_is = p->frames > 1 && (use == MN_PIC_POST || use == MN_PIC_EMOJI);
    if (!as_it_is) MN_TRY(fit_pixels(p, wanted_pixels(use), e));
    MN_TRY(mn_pic__upright(p, e));
    MN_TRY(mn_pic__to_srgb(p, e));
    mn_pic__find_alpha(p);
    return MN_OK;
}

mn_rc mn_media__work(mn_str in, mn_picture_use use, mn_picture *ret, mn_err *e)
{
    mn_pic p;
    mn_picture r = {.mime = "", .preview_mime = ""};
    mn_pic__init(&p);
    mn_buf_init(&r.file, 0);
    mn_buf_init(&r.preview, 0);
    mn_rc rc = load(in, use, &p, e);
    if (rc != MN_OK) goto out;
    switch (use) {
    case MN_PIC_POST:
        rc = make_post(in, &p, &r, e);
        break;
    case MN_PIC_EMOJI:
        rc = make_emoji(in, &p, &r, e);
        break;
    case MN_PIC_AVATAR:
        if ((rc = fill(&p, 400, 400, e)) == MN_OK) rc = make_plain(&p, &r, e);
        break;
    case MN_PIC_HEADER:
        if ((rc = fill(&p, 1500, 500, e)) == MN_OK) rc = make_plain(&p, &r, e);
        break;
    case MN_PIC_CARD:
        if ((rc = fit_pixels(&p, MN_PREVIEW_PIXELS, e)) == MN_OK) rc = make_plain(&p, &r, e);
        if (rc == MN_OK) rc = add_blurhash(&p, &r, e);
        break;
    default:
        rc = mn_fail(e, MN_E_UNSUPPORTED, "no such use of a picture");
    }
out:
    mn_pic__release(&p);
    if (rc == MN_OK) *ret = r;
    else mn_picture_release(&r);
    return rc;
}

void mn_picture_release(mn_picture *p)
{
    mn_buf_release(&p->file);
    mn_buf_release(&p->preview);
}

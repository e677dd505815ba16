/* Pixels: smaller by averaging areas, a part of the middle, turned upright. */
#include <string.h>

#include "media/media_int.h"

void mn_pic__init(mn_pic *p)
{
    *p = (mn_pic){.orientation = 1, .frames = 1};
    mn_buf_init(&p->icc, MN_PIC_ICC_MAX);
}

void mn_pic__release(mn_pic *p)
{
    mn_free(p->px);
    mn_buf_release(&p->icc);
    mn_pic__init(p);
}

mn_rc mn_pic__alloc(mn_pic *p, int64_t w, int64_t h, mn_err *e)
{
    if (w <= 0 || h <= 0)
        return mn_fail(e, MN_E_PARSE, "the picture has no width or no height");
    if (w > MN_PICTURE_SIDE_MAX || h > MN_PICTURE_SIDE_MAX ||
        (uint64_t)w * (uint64_t)h > MN_PIC_PIXELS_MAX)
        return mn_fail(
            e, MN_E_LIMIT,
            "the picture has %lld x %lld pixels; at most %d a side and %llu in all are "
            "taken",
            (long long)w, (long long)h, MN_PICTURE_SIDE_MAX,
            (unsigned long long)MN_PIC_PIXELS_MAX);
    p->px = mn_calloc((size_t)w * (size_t)h, 4);
    if (!p->px) return mn_fail(e, MN_E_NOMEM, "no memory for the picture");
    p->w = (int)w;
    p->h = (int)h;
    return MN_OK;
}

/* ---- smaller -------------------------------------------------------------------------------------------------------- */

/* Which source pixels make a destination pixel: from first to last, the ends in part. */
typedef struct span {
    int first, last;
    float head,
        tail; /* parts of the first and of the last; head counts when they are the same */
} span;

static span span_of(int at, int from, int to)
{
    double scale = (double)from / to, a = at * scale, b = (at + 1) * scale;
    span s = {.first = (int)a, .last = (int)b};
    if (s.last >= from || (double)s.last >= b) s.last--;
    if (s.last < s.first) s.last = s.first;
    s.head = s.first == s.last ? (float)(b - a) : (float)(s.first + 1 - a);
    s.tail = (float)(b - s.last);
    return s;
}

/* A source row, averaged to the destination's width; colours weighted by how opaque they are. */
static void shrink_row(const uint8_t *row, const span *spans, int w, float *ret)
{
    for (int x = 0; x < w; x++) {
        const span *s = &spans[x];
        float sum[4] = {0};
        for (int i = s->first; i <= s->last; i++) {
            float weight = i == s->first ? s->head : i == s->last ? s->tail : 1;
            const uint8_t *p = row + 4 * (size_t)i;
            float a = weight * p[3];
            sum[0] += a * p[0], sum[1] += a * p[1], sum[2] += a * p[2], sum[3] += a;
        }
        memcpy(ret + 4 * (size_t)x, sum, sizeof sum);
    }
}

static void add_row(float *to, const float *from, float weight, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] += weight * from[i];
}

static void put_row(uint8_t *to, const float *sums, int w, float area)
{
    for (int x = 0; x < w; x++, to += 4, sums += 4) {
        float a = sums[3];
        for (int c = 0; c < 3; c++) {
            float v = a > 0 ? sums[c] / a + 0.5f : 0;
            to[c] = (uint8_t)(v > 255 ? 255 : v);
        }
        a = a / area + 0.5f;
        to[3] = (uint8_t)(a > 255 ? 255 : a);
    }
}

static void shrink_rows(const mn_pic *p, const span *across, int w, int h, float *row,
                        float *sums, uint8_t *to)
{
    size_t n = 4 * (size_t)w;
    int have = -1; /* the source row that `row` holds */
    float area = (float)((double)p->w / w * ((double)p->h / h));
    for (int y = 0; y < h; y++) {
        span s = span_of(y, p->h, h);
        memset(sums, 0, n * sizeof *sums);
        for (int i = s.first; i <= s.last; i++) {
            if (i != have) shrink_row(p->px + 4 * (size_t)i * (size_t)p->w, across, w, row);
            have = i;
            add_row(sums, row, i == s.first ? s.head : i == s.last ? s.tail : 1, n);
        }
        put_row(to + n * (size_t)y, sums, w, area);
    }
}

mn_rc mn_pic__shrink(mn_pic *p, int w, int h, mn_err *e)
{
    if (w < 1) w = 1;
    if (h < 1) h = 1;
    if (w > p->w) w = p->w;
    if (h > p->h) h = p->h;
    if (w == p->w && h == p->h) return MN_OK;
    span *across = mn_calloc((size_t)w, sizeof *across);
    float *rows = mn_calloc((size_t)w * 8, sizeof *rows);
    uint8_t *to = mn_calloc((size_t)w * (size_t)h, 4);
    bool ok = across && rows && to;
    if (ok) {
        for (int x = 0; x < w; x++) across[x] = span_of(x, p->w, w);
        shrink_rows(p, across, w, h, rows, rows + 4 * (size_t)w, to);
        mn_free(p->px);
        p->px = to;
        p->w = w;
        p->h = h;
        to = NULL;
    }
    mn_free(across);
    mn_free(rows);
    mn_free(to);
    return ok ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory for the picture");
}

mn_rc mn_pic__crop(mn_pic *p, int w, int h, mn_err *e)
{
    if (w < 1 || w > p->w) w = p->w;
    if (h < 1 || h > p->h) h = p->h;
    int left = (p->w - w) / 2, top = (p->h - h) / 2;
    uint8_t *to = mn_calloc((size_t)w * (size_t)h, 4);
    if (!to) return mn_fail(e, MN_E_NOMEM, "no memory for the picture");
    for (int y = 0; y < h; y++)
        memcpy(to + 4 * (size_t)y * (size_t)w,
               p->px + 4 * ((size_t)(top + y) * (size_t)p->w + (size_t)left), 4 * (size_t)w);
    mn_free(p->px);
    p->px = to;
    p->w = w;
    p->h = h;
    return MN_OK;
}

/* ---- upright -------------------------------------------------------------------------------------------------------- */

/* Where the pixel that belongs at (x, y) of the upright picture lies in the stored one. */
static size_t source_of(const mn_pic *p, int x, int y)
{
    int r = p->w - 1, b = p->h - 1, sx = x, sy = y;
    switch (p->orientation) {
    case 2:
        sx = r - x;
        break;
    case 3:
        sx = r - x, sy = b - y;
        break;
    case 4:
        sy = b - y;
        break;
    case 5:
        sx = y, sy = x;
        break;
    case 6:
        sx = y, sy = b - x;
        break;
    case 7:
        sx = r - y, sy = b - x;
        break;
    case 8:
        sx = r - y, sy = x;
        break;
    default:
        break;
    }
    return 4 * ((size_t)sy * (size_t)p->w + (size_t)sx);
}

mn_rc mn_pic__upright(mn_pic *p, mn_err *e)
{
    if (p->orientation < 2 || p->orientation > 8) return MN_OK;
    bool turned = p->orientation >= 5;
    int w = turned ? p->h : p->w, h = turned ? p->w : p->h;
    uint8_t *to = mn_calloc((size_t)w * (size_t)h, 4);
    if (!to) return mn_fail(e, MN_E_NOMEM, "no memory for the picture");
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            memcpy(to + 4 * ((size_t)y * (size_t)w + (size_t)x), p->px + source_of(p, x, y), 4);
    mn_free(p->px);
    p->px = to;
    p->w = w;
    p->h = h;
    p->orientation = 1;
    return MN_OK;
}

void mn_pic__find_alpha(mn_pic *p)
{
    size_t n = (size_t)p->w * (size_t)p->h;
    p->alpha = false;
    for (size_t i = 0; i < n && !p->alpha; i++) p->alpha = p->px[4 * i + 3] != 255;
}

/* The pictures of those who have none: a bird's head and shoulder in two tones, a calm slope of colour. */
#include "media/media_int.h"

#define SIDE   400
#define SAMPLE 3 /* points a pixel and direction, averaged */

typedef struct tone {
    uint8_t r, g, b;
} tone;

static const tone ground = {0xd9, 0xdd, 0xe6}, bird = {0x4a, 0x5a, 0x78},
                  beak = {0xe3, 0xa0, 0x3b}, eye = {0xf7, 0xf8, 0xfa};

static bool in_ellipse(double x, double y, double cx, double cy, double rx, double ry)
{
    double dx = (x - cx) / rx, dy = (y - cy) / ry;
    return dx * dx + dy * dy <= 1;
}

/* Coordinates from 0 to 1. */
static tone tone_at(double x, double y)
{
    bool on_beak =
        x > 0.66 && x < 0.86 && y > 0.345 + (x - 0.66) * 0.32 && y < 0.475 - (x - 0.66) * 0.30;
    if (in_ellipse(x, y, 0.58, 0.37, 0.034, 0.034)) return eye;
    if (in_ellipse(x, y, 0.52, 0.40, 0.19, 0.19)) return bird;
    if (on_beak) return beak;
    if (in_ellipse(x, y, 0.42, 0.98, 0.36, 0.46)) return bird;
    return ground;
}

static void draw_avatar(mn_pic *p)
{
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x++) {
            tone t = tone_at((x + 0.5) / p->w, (y + 0.5) / p->h);
            memcpy(p->px + 4 * ((size_t)y * (size_t)p->w + (size_t)x),
                   (uint8_t[]){t.r, t.g, t.b, 255}, 4);
        }
}

static void draw_header(mn_pic *p)
{
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x++) {
            int k = 40 * y / p->h;
            uint8_t px[4] = {(uint8_t)(ground.r - k), (uint8_t)(ground.g - k),
                             (uint8_t)(ground.b - k / 2), 255};
            memcpy(p->px + 4 * ((size_t)y * (size_t)p->w + (size_t)x), px, 4);
        }
}

mn_rc mn_media_placeholder(mn_picture_use use, mn_buf *ret, mn_err *e)
{
    mn_pic p;
    bool avatar = use == MN_PIC_AVATAR;
    mn_pic__init(&p);
    mn_rc rc =
        mn_pic__alloc(&p, avatar ? SIDE * SAMPLE : 1500, avatar ? SIDE * SAMPLE : 500, e);
    if (rc == MN_OK) {
        if (avatar) draw_avatar(&p);
        else draw_header(&p);
        rc = mn_pic__shrink(&p, avatar ? SIDE : 1500, avatar ? SIDE : 500, e);
    }
    if (rc == MN_OK) rc = mn_pic__write_png(&p, ret, e);
    mn_pic__release(&p);
    return rc;
}

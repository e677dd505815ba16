#include "api/pages/chart.h"

#include <math.h>

#define WIDTH  640.0
#define HEIGHT 260.0
#define LEFT   48.0
#define RIGHT  12.0
#define TOP    12.0
#define BOTTOM 30.0

#define LINES_MOST 8 /* of the grid: at huge numbers a step may add nothing */

typedef struct bounds {
    double x0, x1, y0, y1;
} bounds;

static bounds bounds_of(const mn_chart *c, size_t *ret_n)
{
    bounds r = {INFINITY, -INFINITY, INFINITY, -INFINITY};
    *ret_n = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (!isfinite(c->x[i]) || !isfinite(c->y[i])) continue;
        r.x0 = fmin(r.x0, c->x[i]), r.x1 = fmax(r.x1, c->x[i]);
        r.y0 = fmin(r.y0, c->y[i]), r.y1 = fmax(r.y1, c->y[i]);
        ++*ret_n;
    }
    if (isfinite(c->mark)) r.y0 = fmin(r.y0, c->mark), r.y1 = fmax(r.y1, c->mark);
    double pad = (r.y1 - r.y0) * 0.06;
    if (pad <= 0) pad = 0.5;
    r.y0 -= pad, r.y1 += pad;
    if (r.x1 <= r.x0) r.x1 = r.x0 + 1;
    return r;
}

static double px(const bounds *r, double x)
{
    return LEFT + (x - r->x0) / (r->x1 - r->x0) * (WIDTH - LEFT - RIGHT);
}

static double py(const bounds *r, double y)
{
    return TOP + (r->y1 - y) / (r->y1 - r->y0) * (HEIGHT - TOP - BOTTOM);
}

/* A step of 1, 2 or 5 times a power of ten that gives at most five lines. */
static double nice_step(double span)
{
    double p = pow(10, floor(log10(span / 4))), f = span / 4 / p;
    return p * (f <= 1 ? 1 : f <= 2 ? 2 : f <= 5 ? 5 : 10);
}

static int decimals(double step)
{
    return step < 0.1 ? 2 : step < 1 ? 1 : 0;
}

static void grid(mn_buf *b, const bounds *r)
{
    double step = nice_step(r->y1 - r->y0), y = ceil(r->y0 / step) * step;
    for (int i = 0; i < LINES_MOST && y <= r->y1; i++, y += step) {
        mn_buf_addf(b, "<line class=\"grid\" x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\"/>",
                    LEFT, WIDTH - RIGHT, py(r, y), py(r, y));
        mn_buf_addf(b, "<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">%.*f</text>", LEFT - 6,
                    py(r, y) + 4, decimals(step), y);
    }
    step = nice_step(r->x1 - r->x0);
    double x = ceil(r->x0 / step) * step;
    for (int i = 0; i < LINES_MOST && x <= r->x1; i++, x += step)
        mn_buf_addf(b, "<text x=\"%.1f\" y=\"%.0f\" text-anchor=\"middle\">%.*f</text>",
                    px(r, x), HEIGHT - 10, decimals(step), x);
}

void mn_h_chart(mn_buf *b, const mn_chart *c)
{
    size_t n;
    double last = NAN;
    bounds r = bounds_of(c, &n);
    mn_buf_addf(b, "<figure class=\"chart\"><figcaption>%s", c->title);
    if (n < 2) {
        mn_buf_addz(b, "</figcaption><p class=\"empty\">The curve appears with the second "
                       "measurement.</p></figure>");
        return;
    }
    for (size_t i = c->n; i-- > 0 && !isfinite(last);) last = c->y[i];
    mn_buf_addf(b, " <b>%.3f</b></figcaption>", last);
    mn_buf_addf(
        b, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s by %s, now %.3f\">",
        WIDTH, HEIGHT, c->y_label, c->x_label, last);
    grid(b, &r);
    if (isfinite(c->mark)) {
        mn_buf_addf(b, "<line class=\"mark\" x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\"/>",
                    LEFT, WIDTH - RIGHT, py(&r, c->mark), py(&r, c->mark));
        mn_buf_addf(b,
                    "<text class=\"mark\" x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">%s</text>",
                    WIDTH - RIGHT, py(&r, c->mark) - 5, c->mark_label);
    }
    mn_buf_addz(b, "<polyline class=\"line\" points=\"");
    for (size_t i = 0; i < c->n; i++)
        if (isfinite(c->x[i]) && isfinite(c->y[i]))
            mn_buf_addf(b, "%.1f,%.1f ", px(&r, c->x[i]), py(&r, c->y[i]));
    mn_buf_addz(b, "\"/></svg></figure>");
}

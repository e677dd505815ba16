/* A line chart as inline SVG, drawn on the server so that it is there without JavaScript. */
#ifndef MN_API_PAGES_CHART_H
#define MN_API_PAGES_CHART_H

#include "base/str.h"

typedef struct mn_chart {
    const char *title, *x_label, *y_label; /* plain words */
    const double *x, *y;                   /* n points, x rising */
    size_t n;
    double mark; /* a horizontal line, e.g. a baseline; NaN for none */
    const char *mark_label;
} mn_chart;

/* Appends <figure class="chart">…</figure>; with fewer than two points only a sentence that says so. Points that are not
 * finite are left out. The extremes of y are labelled, the last value is named in the caption. */
void mn_h_chart(mn_buf *b, const mn_chart *c);

#endif

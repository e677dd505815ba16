#include "api/pages/facts.h"

#include <math.h>
#include <stdio.h>

#define BARS_MOST 24

void mn_h_fact(mn_buf *b, const char *label, mn_str value, const char *unit)
{
    if (!value.len) return;
    mn_buf_addf(b, "<div><dt>%s</dt><dd>", label);
    mn_h_text(b, value);
    mn_h_textz(b, unit);
    H(b, "</dd></div>");
}

void mn_h_fact_count(mn_buf *b, const char *id, const char *label, const mn_json *v)
{
    if (!v) return;
    mn_buf_addf(b, *id ? "<div id=\"%s\"><dt>%s</dt><dd>" : "<div%s><dt>%s</dt><dd>", id,
                label);
    mn_h_count(b, mn_json_u64(v, 0));
    H(b, "</dd></div>");
}

void mn_h_fact_number(mn_buf *b, const char *id, const char *label, double v, const char *unit)
{
    if (!isfinite(v)) return;
    char text[32];
    snprintf(text, sizeof text, fabs(v) < 100 ? "%.3f" : "%.0f", v);
    mn_buf_addf(b, *id ? "<div id=\"%s\">" : "<div%s>", id);
    mn_buf_addf(b, "<dt>%s</dt><dd>%s%s</dd></div>", label, text, unit);
}

double mn_json_last(const mn_json *rows, const char *key)
{
    for (size_t i = rows ? rows->n : 0; i-- > 0;) {
        double v = mn_json_f64(mn_json_get(mn_json_at(rows, i), key), NAN);
        if (isfinite(v)) return v;
    }
    return NAN;
}

void mn_h_bar_cells(mn_buf *b, uint64_t v, uint64_t max)
{
    mn_buf_addf(b,
                "</th><td><meter aria-hidden=\"true\" min=\"0\" max=\"%llu\" "
                "value=\"%llu\"></meter></td><td class=\"n\">",
                (unsigned long long)max, (unsigned long long)v);
    mn_h_count(b, v);
    H(b, "</td></tr>");
}

/* The names of an object's largest counts first, at most `most`. */
static size_t largest(const mn_json *o, size_t most, size_t ret[])
{
    size_t n = 0;
    for (size_t i = 0; i < o->n; i++) {
        uint64_t v = mn_json_u64(o->items[i], 0);
        size_t at = n < most ? n++ : most;
        if (!v) {
            n -= at < most;
            continue;
        }
        for (; at > 0 && mn_json_u64(o->items[ret[at - 1]], 0) < v; at--)
            if (at < most) ret[at] = ret[at - 1];
        if (at < most) ret[at] = i;
    }
    return n;
}

void mn_h_bars(mn_buf *b, const char *title, const mn_json *o, size_t most)
{
    size_t order[BARS_MOST];
    if (!o || o->type != MN_JSON_OBJECT || !o->n) return;
    MN_ASSERT(most <= BARS_MOST);
    size_t n = largest(o, most, order);
    mn_buf_addf(b, "<h3>%s</h3><table class=\"bars\">", title);
    for (size_t k = 0; k < n; k++) {
        size_t i = order[k];
        uint64_t v = mn_json_u64(o->items[i], 0), max = mn_json_u64(o->items[order[0]], 0);
        H(b, "<tr><th scope=\"row\">");
        for (size_t j = 0; j < o->keys[i].len; j++)
            mn_h_text(b, o->keys[i].ptr[j] == '_' ? MN_STR(" ") : mn_str_sub(o->keys[i], j, 1));
        mn_h_bar_cells(b, v, max);
    }
    H(b, "</table>");
}

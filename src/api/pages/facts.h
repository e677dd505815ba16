/* Figures on pages: <div><dt>label<dd>value, for a <dl class="figures">, and tables of counts. Labels, units and ids are literals of ours;
 * values are not trusted. */
#ifndef MN_API_PAGES_FACTS_H
#define MN_API_PAGES_FACTS_H

#include "api/pages/page.h"
#include "base/json.h"

/* Nothing where the value is empty, NULL or not finite. id: "" for none. */
void mn_h_fact(mn_buf *b, const char *label, mn_str value, const char *unit);
void mn_h_fact_count(mn_buf *b, const char *id, const char *label, const mn_json *v);
void mn_h_fact_number(mn_buf *b, const char *id, const char *label, double v, const char *unit);
/* The last finite number of that key in an array of objects; NaN: there is none. */
double mn_json_last(const mn_json *rows, const char *key);

/* A table of an object's counts with bars, the largest first, at most `most` (24 is the limit); nothing for what is no object. */
void mn_h_bars(mn_buf *b, const char *title, const mn_json *o, size_t most);
/* The end of such a row, from </th> on: its bar and its count. */
void mn_h_bar_cells(mn_buf *b, uint64_t v, uint64_t max);

#endif

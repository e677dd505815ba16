/* The report of a model: what its folder knows of it (model/card.h), as pages. Private to src/api/pages. */
#ifndef MN_API_PAGES_REPORT_H
#define MN_API_PAGES_REPORT_H

#include "api/pages/facts.h"
#include "model/card.h"

/* Each writes a <section class="card">, or nothing where nothing is known. */
void mn_report__figures(mn_req *r, mn_buf *b, const mn_card *c); /* and the curves */
void mn_report__held_out(mn_buf *b, const mn_card *c);
void mn_report__memory(mn_buf *b, const mn_card *c);
void mn_report__free(mn_buf *b, const mn_card *c); /* toxicity and samples */
void mn_report__tweets(mn_buf *b, const mn_card *c);
void mn_report__corpus(mn_buf *b, const mn_card *c);
void mn_report__recipe(mn_buf *b, const mn_card *c);
void mn_report__forgotten(mn_buf *b, const mn_card *c);

/* The same numbers that the card takes: false for none, or one outside low … high. */
bool mn_report__number(const mn_json *o, const char *key, double low, double high, double *ret);

#endif

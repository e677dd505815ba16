/* Ask: the question, the answer's lines with their citations, and the posts they stand on. */
#include "api/pages/page.h"

#include <stdio.h>

#define SEVERAL 3 /* citations shown beside the quoted one */

/* The number under which a post is cited: its place among the answer's posts, from 1; 0 when it is not there. */
static size_t number_of(const mn_answer *a, uint64_t id)
{
    for (size_t i = 0; i < a->posts.n; i++)
        if (a->posts.items[i].id == id) return i + 1;
    return 0;
}

/* How many say it, since when, and whether anybody bears them out. */
static void who_html(mn_buf *b, const mn_answer_line *l)
{
    H(b, "<p class=\"small\">");
    if (l->n_accounts < 2) {
        H(b, "one account says this, ");
        if (l->n_posts > 1) H(b, "first ");
    } else {
        mn_h_count(b, l->n_accounts);
        H(b, " accounts say this");
        if (l->unconfirmed) H(b, " in the same words");
        H(b, ", first ");
    }
    H(b, "on ");
    mn_h_time(b, l->first_ms);
    if (l->unconfirmed) H(b, ": unconfirmed");
    H(b, "</p>");
}

static void line_html(mn_buf *b, const mn_answer *a, const mn_answer_line *l)
{
    mn_buf_addf(b, "<li class=\"%s\"><p dir=\"auto\">",
                l->generated ? "line generated" : "line");
    if (l->n_citations) {
        size_t n = number_of(a, l->citations[0]);
        mn_buf_addf(b, "<a class=\"quote\" href=\"#c%zu\">", n);
        mn_h_text(b, l->text);
        H(b, "</a>");
    }
    for (size_t i = 0; i < l->n_citations; i++) {
        size_t n = number_of(a, l->citations[i]);
        if (n)
            mn_buf_addf(b, "<sup><a href=\"#c%zu\" aria-label=\"source %zu\">%zu</a></sup>", n,
                        n, n);
    }
    if (l->generated) H(b, " <span class=\"tag\">written by the model</span>");
    H(b, "</p>");
    who_html(b, l);
    H(b, "</li>");
}

static void answer_html(mn_req *r, mn_buf *b, const mn_answer *a)
{
    H(b, "<section class=\"card answer\" aria-label=\"Answer\"><ol>");
    for (size_t i = 0; i < a->n_lines; i++) line_html(b, a, &a->lines[i]);
    mn_buf_addf(b,
                "</ol><p class=\"small\">In the posts' own words, found in %.0f ms. Nothing is "
                "added.</p></section>",
                a->took_ms < 1 ? 1.0 : a->took_ms);
    H(b, "<h2>The posts it stands on</h2><ol class=\"sources\">");
    for (size_t i = 0; i < a->posts.n; i++) {
        mn_buf_addf(b, "<li id=\"c%zu\"><span class=\"number\" aria-hidden=\"true\">%zu</span>",
                    i + 1, i + 1);
        mn_h_post(r, b, &a->posts.items[i], 0, false);
        H(b, "</li>");
    }
    H(b, "</ol>");
}

static void nothing_html(mn_buf *b, const mn_answer *a)
{
    H(b, "<section class=\"card answer\"><p><b>Nothing here speaks of that.</b></p>");
    if (a->withheld) {
        H(b, "<p class=\"small\">");
        mn_h_plural(b, a->withheld, "post touches", "posts touch");
        H(b, " on it, but the authors have not allowed quoting.</p>");
    }
    H(b, "<p class=\"small\">Mynah answers from posts and does not make things up. Other words "
         "may help.</p></section>");
}

void mn_page_ask(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_answer a = {0};
    mn_str q = mn_str_trim(mn_req_query(r, "q"));
    if (q.len > 1200) {
        mn_page_error(r, w, 400, "That question is too long: 300 characters at most.");
        return;
    }
    if (q.len && mn_api_ask(r->app, q, 0, r->arena, &a, &e) != MN_OK) {
        mn_page_failed(r, w, &e);
        return;
    }
    mn_buf *b = mn_page_open(r, w, "Ask", MN_TAB_ASK);
    H(b, "<h1>Ask</h1><p class=\"lead\">Answers are put together from posts, and every "
         "sentence links those it stands "
         "on.</p>");
    mn_h_ask_form(b, q, q.len == 0);
    H(b, "<div id=\"answer\" aria-live=\"polite\">");
    if (q.len && a.found) answer_html(r, b, &a);
    if (q.len && !a.found) nothing_html(b, &a);
    H(b, "</div>");
    mn_page_close(r, w);
}

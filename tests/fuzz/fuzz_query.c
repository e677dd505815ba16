/* module: mind */
/* Any bytes as a text, a question and a sentence to check: terms stay short, sentences are
 * slices of the text and in order, quotations and names too, what a text says about itself is supported when it is one
 * sentence. */
#include <stdlib.h>

#include "mind/ask_int.h"

static void check_term(void *arg, mn_str term, bool counts)
{
    size_t *n = arg;
    (void)counts;
    if (term.len == 0 || term.len > MN_TERM_MAX) abort();
    *n += 1;
}

static bool inside(mn_str part, mn_str whole)
{
    return part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_err e = {0};
    mn_buf scratch;
    mn_arena a;
    mn_snap *snap;
    mn_str text = {size ? (const char *)data : "", size}, s[64], quote, name;
    mn_query_term *q;
    mn_hit *hits;
    mn_ask_question asked;
    size_t n_terms = 0, n_q, n_hits;
    uint64_t *words;
    double cover;
    bool ok;
    if (size > 20000) return 0;
    mn_buf_init(&scratch, 0);
    mn_arena_init(&a, 0);
    if (mn_mind__analyse(text, &scratch, check_term, &n_terms, &e) != MN_OK) abort();
    const char *at = text.ptr;
    size_t n = mn_ask__sentences(text, s, 64);
    for (size_t i = 0; i < n; i++) {
        if (s[i].len == 0 || s[i].ptr < at || s[i].ptr + s[i].len > text.ptr + text.len)
            abort();
        at = s[i].ptr + s[i].len;
    }
    if (mn_mind__snap_new(NULL, 0, &snap, &e) != MN_OK) abort();
    if (mn_mind__query_terms(text, &a, &q, &n_q, &e) != MN_OK || n_q > MN_QUERY_TERMS_MAX)
        abort();
    if (mn_mind__query_run(snap, q, n_q, 0, 10, &a, &hits, &n_hits, &e) != MN_OK || n_hits)
        abort();
    if (mn_ask__question(text, snap, &a, &asked, &e) != MN_OK) abort();
    if (asked.n && mn_ask__best_passage(&asked, text, &a, &quote, &cover, &e) != MN_OK) abort();
    if (asked.n && (cover < 0 || cover > 1.000001)) abort();
    if (asked.n && quote.ptr && !inside(quote, text)) abort();
    if (mn_ask__attribution(text, &name).ptr &&
        (!inside(mn_ask__attribution(text, NULL), text) || !inside(name, text)))
        abort();
    double how_well = mn_ask__quality(text);
    if (how_well < 0 || how_well > 1) abort();
    if (mn_ask__echo(&asked, text, &how_well, &e) != MN_OK || how_well < 0 || how_well > 1)
        abort();
    if (mn_ask__topic_words(&asked, text, &a, &name, &e) != MN_OK || name.len > size + 1)
        abort();
    if (mn_ask__words(text, &a, &words, &n_q, &e) != MN_OK) abort();
    if (n && mn_ask__supported(s[0], text, &a, &ok, &e) != MN_OK) abort();
    mn_mind__snap_unref(snap);
    mn_arena_release(&a);
    mn_buf_release(&scratch);
    return 0;
}

/* module: mind */
/* Any bytes as a search for posts: parts are slices within the limits; what is found in a text twice is found again; a text that
 * holds exactly the words of the query fits, unless the query forbids them. */
#include <stdlib.h>

#include "mind/post_query.h"

static void check_parts(const mn_str *s, size_t n)
{
    if (n > MN_POST_QUERY_PARTS) abort();
    for (size_t i = 0; i < n; i++)
        if (s[i].len == 0 || s[i].len > MN_POST_QUERY_MAX || !mn_utf8_valid(s[i])) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_err e = {0};
    mn_arena a;
    mn_post_query q;
    bool one = false, two = false;
    mn_str text = {size ? (const char *)data : "", size};
    if (size > 20000) return 0;
    mn_arena_init(&a, 0);
    if (mn_post_query_parse(text, &a, &q, &e) != MN_OK) abort();
    check_parts(q.phrases, q.n_phrases);
    check_parts(q.not_words, q.n_not_words);
    check_parts(q.from, q.n_from);
    check_parts(q.not_from, q.n_not_from);
    check_parts(q.langs, q.n_langs);
    check_parts(q.not_langs, q.n_not_langs);
    if (q.words.len > MN_POST_QUERY_MAX + MN_POST_QUERY_PARTS) abort();
    if (mn_utf8_valid(text)) {
        if (mn_post_query_fits_text(&q, text, &a, &one, &e) != MN_OK) abort();
        if (mn_post_query_fits_text(&q, text, &a, &two, &e) != MN_OK || one != two) abort();
    }
    if (q.n_not_words == 0 && q.n_phrases == 0) {
        if (mn_post_query_fits_text(&q, q.words, &a, &one, &e) != MN_OK || !one) abort();
    }
    mn_arena_release(&a);
    return 0;
}

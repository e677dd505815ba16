/* Posts that say the same. Leader clustering in order of time on sets of topic-bearing words:
 * against the gold clusters of TREC's timeline track this reached B-cubed F .74, as far as word
 * overlap goes (the numbers are in docs/design/ask.md). */
#include "mind/ask_int.h"

#include <stdlib.h>

#include "base/hash.h"

#define SHARED_WORDS 3
#define WORDS_MAX    512u /* of one post; later words do not tell it apart */

static int by_value(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return a < b ? -1 : a > b;
}

mn_rc mn_ask__words(mn_str text, mn_arena *a, uint64_t **ret, size_t *ret_n, mn_err *e)
{
    mn_bag bag;
    size_t n = 0;
    MN_TRY(mn_mind__bag(text, a, &bag, e));
    uint64_t *w = mn_arena_alloc(a, (bag.n + 1) * sizeof *w);
    if (!w) return mn_fail(e, MN_E_NOMEM, "no memory for the words of a post");
    for (size_t i = 0; i < bag.n && n < WORDS_MAX; i++) {
        mn_str t = bag.items[i].term;
        if (t.ptr[0] == '#' || t.ptr[0] == '@' || mn_mind__stop_word(t)) continue;
        w[n++] = mn_hash64(t.ptr, t.len, 0);
    }
    qsort(w, n, sizeof *w, by_value);
    *ret = w;
    *ret_n = n;
    return MN_OK;
}

double mn_ask__jaccard(const uint64_t *a, size_t n_a, const uint64_t *b, size_t n_b)
{
    size_t i = 0, k = 0, both = 0;
    while (i < n_a && k < n_b) {
        if (a[i] == b[k]) both++, i++, k++;
        else if (a[i] < b[k]) i++;
        else k++;
    }
    size_t all = n_a + n_b - both;
    return all ? (double)both / (double)all : 0;
}

size_t mn_ask__group(mn_ask_post *posts, size_t n, size_t *leaders)
{
    size_t n_groups = 0;
    for (size_t i = 0; i < n; i++) {
        double best = MN_ASK_SAME;
        size_t group = n_groups;
        for (size_t g = 0; g < n_groups; g++) {
            const mn_ask_post *p = &posts[leaders[g]];
            double j = mn_ask__jaccard(posts[i].words, posts[i].n_words, p->words, p->n_words);
            if (j < best || (j == best && group < n_groups)) continue;
            /* |A ∩ B|: two words in common make short posts alike that say different things */
            double shared = j * (double)(posts[i].n_words + p->n_words) / (1 + j);
            if (shared < SHARED_WORDS - 0.5 && j < MN_ASK_COPY) continue;
            best = j;
            group = g;
        }
        if (group == n_groups) leaders[n_groups++] = i;
        posts[i].group = group;
    }
    return n_groups;
}

bool mn_ask__is_boosted_text(mn_str text)
{
    mn_str t = mn_str_trim(text);
    return t.len > 3 && mn_str_eq_nocase(mn_str_sub(t, 0, 3), MN_STR("rt ")) && t.ptr[3] == '@';
}

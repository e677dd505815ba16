/* Where the bytes of a changed text came from.
 *
 * Each stage that rewrites a text can say, run by run, which bytes of its input made which bytes of its output; two such
 * maps compose into one. So any stretch of clean text can be shown in the post as its author wrote it. Maps are made on
 * request only: a build does not need them, and they can be had again at any time because the stages are pure.
 */
#ifndef MN_CORPUS_OFFSETS_H
#define MN_CORPUS_OFFSETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Output bytes [out, out + out_len) came from input bytes [in, in + in_len). A copied run maps byte by byte. Runs stand
 * in output order without gaps; input bytes that no run names were dropped. */
typedef struct mn_offset_run {
    uint32_t out, out_len, in, in_len;
    bool copied;
} mn_offset_run;

typedef struct mn_offsets {
    mn_offset_run *runs;
    size_t n, cap;
    uint32_t out_len; /* of all runs */
} mn_offsets;         /* zero-initialise */

void mn_offsets_clear(mn_offsets *m);
void mn_offsets_release(mn_offsets *m);
/* Appends a run; a copied run that continues the one before is joined to it. m NULL: nothing to do. */
mn_rc mn_offsets_add(mn_offsets *m, size_t out_len, size_t in, size_t in_len, bool copied);
/* The smallest input range that made output [from, to). from ≤ to ≤ out_len; an empty range gives an empty range. */
void mn_offsets_span(const mn_offsets *m, size_t from, size_t to, size_t *ret_from,
                     size_t *ret_to);
/* ret = after ∘ before: `before` maps the middle text to the original, `after` the final text to the middle. */
mn_rc mn_offsets_compose(const mn_offsets *before, const mn_offsets *after, mn_offsets *ret);

#endif

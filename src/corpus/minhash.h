/* MinHash signatures of normal forms, and the true similarity that they only point at.
 *
 * A shingle is 5 consecutive code points; a post is the set of its shingles. Of 100 random orders of all shingles, the
 * signature keeps each order's first member; two posts agree on one with probability J, their Jaccard similarity
 * (Broder 1997). 5 such values make a band, 20 bands a signature: posts that share a band are compared truly. A pair of
 * J = 0.8 shares a band with probability 1 - (1 - 0.8^5)^20 = 0.9996. Shingles of words instead find a third of the
 * pairs at the length of posts (research).
 */
#ifndef MN_CORPUS_MINHASH_H
#define MN_CORPUS_MINHASH_H

#include "corpus/form.h"

#define MN_SHINGLE  5u
#define MN_BANDS    20
#define MN_ROWS     5
#define MN_MIN_FORM 30u /* code points; below, only equal forms are duplicates */

/* Scratch space of one thread. Zero-initialise. */
typedef struct mn_shingles {
    uint32_t *h;
    size_t cap;
} mn_shingles;
void mn_shingles_release(mn_shingles *s);

/* The bands' keys of f (at least MN_SHINGLE code points long).
 * numbers the same on every machine: the vector variants (AVX2, AVX-512, chosen at run time) compute the same integers */
mn_rc mn_minhash(const mn_form *f, mn_shingles *tmp, uint32_t ret[MN_BANDS]);

/* The set itself, sorted, as 64-bit hashes (two different shingles meet with probability 2^-64). Zero-initialise. */
typedef struct mn_shingle_set {
    uint64_t *h;
    size_t n, cap;
} mn_shingle_set;
void mn_shingle_set_release(mn_shingle_set *s);
mn_rc mn_shingle_set_of(const mn_form *f, mn_shingle_set *ret);
/* |a ∩ b| / |a ∪ b| ≥ 4/5, in integers. */
bool mn_shingle_sets_near(const mn_shingle_set *a, const mn_shingle_set *b);
double mn_shingle_sets_jaccard(const mn_shingle_set *a, const mn_shingle_set *b);

#endif

/* What the ranks of a corpus build send each other: requests of rank 0 and what comes back (tasks.h, helper.h). Values lie as in memory: the ranks' machines
 * are of one kind. Reading is total all the same: what does not fit together is MN_E_PARSE, and nothing in it is used as an index unchecked. */
#ifndef MN_CORPUS_WIRE_H
#define MN_CORPUS_WIRE_H

#include "corpus/encode.h"
#include "corpus/scan.h"

/* ---- a stretch of the store: what is asked --------------------------------------------------------------------------- */

/* Of the rules, only those ids of `except` that lie in (after, until] travel. */
mn_rc mn_wire_put_stretch(const mn_scan_rules *rules, uint64_t after, uint64_t until,
                          mn_buf *ret);
/* Borrows from bytes, which begin where a uint64_t may. */
mn_rc mn_wire_take_stretch(mn_str bytes, mn_scan_rules *ret, uint64_t *ret_after,
                           uint64_t *ret_until);

/* ---- what became of it ----------------------------------------------------------------------------------------------- */

mn_rc mn_wire_put_scan(const mn_scan *s, mn_str text, uint64_t posts, mn_buf *ret);
/* Borrows from bytes, which begin where a uint64_t may: ret is not released. */
mn_rc mn_wire_take_scan(mn_str bytes, mn_scan *ret, mn_str *ret_text, uint64_t *ret_posts);

/* ---- documents with their texts -------------------------------------------------------------------------------------- */

/* Documents [from, to) of the list. */
mn_rc mn_wire_put_texts(const mn_texts *t, size_t from, size_t to, mn_buf *ret);
/* Borrows the texts from bytes; the rest is its own, and serves the next time too. Zero-initialise. */
typedef struct mn_parcel {
    mn_texts is;
    mn_cands c;
    mn_documents d;
    size_t *list;
    size_t cap_posts, cap_docs;
} mn_parcel;
void mn_parcel_release(mn_parcel *p);
mn_rc mn_wire_take_texts(mn_str bytes, mn_parcel *io); /* MN_E_NOMEM too */

/* ---- ... and as tokens ----------------------------------------------------------------------------------------------- */

/* n parts, one after the other. */
mn_rc mn_wire_put_encoded(const mn_encoded *parts, size_t n, mn_buf *ret);
/* Borrows from bytes, which begin where a uint64_t may; the tokens of n_posts posts, each of at least one, all below vocab. from and to stay as they
 * are. */
mn_rc mn_wire_take_encoded(mn_str bytes, size_t n_posts, uint32_t vocab, mn_encoded *io);

#endif

/* The parts search is made of: terms, segments, snapshots, queries. For search.c, ask, tests and
 * benches; others call search.h. Bytes and invariants: docs/design/search.md.
 *
 * Documents of a segment are numbered 0.. by falling post id, so that walking a postings list
 * meets the newest first: with equal scores the one found first wins, and `before` is a place to
 * start.
 */
#ifndef MN_MIND_PARTS_H
#define MN_MIND_PARTS_H

#include <stdatomic.h>

#include "base/fs.h"
#include "mind/search.h"

/* ---- terms (analyse.c, stem.c) --------------------------------------------------------------- */

#define MN_TERM_MAX         64 /* bytes; the rest of a longer word is not part of its term */
#define MN_ANALYSIS_VERSION 2u /* a change here makes every index rebuild itself */

/* Called for each term in order. counts: it is a word of the text and counts in its length; the second form of a tag
 * ("#tag" beside "tag") does not. */
typedef void mn_term_fn(void *arg, mn_str term, bool counts);
/* Words of a text: normalised (NFC), lower case, without diacritics, English endings cut, URLs left out, CJK as
 * bigrams; a hashtag or mention is given as its words and as itself with the sign. scratch is
 * cleared and used. Total over any bytes. Pure. */
mn_rc mn_mind__analyse(mn_str text, mn_buf *scratch, mn_term_fn *fn, void *arg, mn_err *e);
/* Cuts an English ending in place; w is lower-case ASCII letters; the new length (1..n). */
size_t mn_mind__stem(char *w, size_t n);
/* A lower-case letter without its diacritics, as UTF-8: bytes written, 0 for a combining mark. */
size_t mn_mind__fold(uint32_t c, char ret[4]);
/* Words that carry no topic (stemmed form): articles, pronouns, question words. */
bool mn_mind__stop_word(mn_str term);
/* The same in a language that has a list ("de", "en", "es", "fr", "it", "pt", "ru"); English for others. */
bool mn_mind__stop_word_of(const char *code, mn_str term);
bool mn_mind__stop_words_known(const char *code);

/* One text as a bag of terms. */
typedef struct mn_bag_term {
    mn_str term; /* in the arena */
    uint32_t tf;
} mn_bag_term;
typedef struct mn_bag {
    mn_bag_term *items; /* in order of first occurrence */
    size_t n;
    uint32_t len; /* words that count */
} mn_bag;
mn_rc mn_mind__bag(mn_str text, mn_arena *a, mn_bag *ret, mn_err *e);
/* The language more of whose stop words stand in the bag than of any other, and how many; NULL and 0
 * when none or several. */
const char *mn_mind__stop_word_language(const mn_bag *bag, size_t *ret_n);

/* ---- segments (seg_write.c, seg_build.c, seg_read.c, seg_merge.c) ---------------------------- */

#define MN_SEG_BLOCK    128u
#define MN_SEG_ENTRY    16u
#define MN_SEG_LEN_MAX  255u /* longer posts count as this long */
#define MN_SEG_TF_MAX   255u
#define MN_SEG_DOCS_MAX (UINT32_C(1) << 30)

enum {
    MN_PART_IDS,
    MN_PART_AUTHORS,
    MN_PART_LENS,
    MN_PART_POSTINGS,
    MN_PART_DICT,
    MN_PART_BYTES,
    MN_PARTS
};

typedef struct mn_doc {
    uint64_t id, author;
    uint8_t len;
} mn_doc;

/* Writes one segment: documents first, then terms in byte order. The file is whole and synced after close only. */
typedef struct mn_seg_out mn_seg_out;
mn_rc mn_mind__out_new(const char *path, const mn_doc *docs, uint32_t n_docs, mn_seg_out **ret,
                       mn_err *e); /* borrows docs; ids must fall strictly */
mn_rc mn_mind__out_term(mn_seg_out *o, mn_str term, const uint32_t *docs, const uint8_t *tfs,
                        uint32_t df, mn_err *e);
mn_rc mn_mind__out_close(mn_seg_out *o, mn_err *e); /* frees */
void mn_mind__out_abort(mn_seg_out *o); /* frees and removes the file; NULL is fine */

/* Collects documents in memory. A later document with the same id replaces the earlier. */
typedef struct mn_builder mn_builder;
mn_rc mn_mind__builder_new(mn_builder **ret, mn_err *e);
void mn_mind__builder_free(mn_builder *b);
mn_rc mn_mind__builder_add(mn_builder *b, uint64_t id, uint64_t author, mn_str text, mn_err *e);
void mn_mind__builder_remove(mn_builder *b, uint64_t id);
uint32_t mn_mind__builder_count(const mn_builder *b); /* documents that would be written */
size_t mn_mind__builder_entries(const mn_builder *b); /* postings held: what memory it takes */
mn_rc mn_mind__builder_write(mn_builder *b, const char *path, mn_err *e);
void mn_mind__builder_clear(mn_builder *b);

/* An open segment, mapped and checked. Counted; never changes. */
typedef struct mn_seg {
    atomic_int refs;
    mn_fs_map map;
    uint64_t number;
    uint32_t n_docs, n_terms;
    uint64_t total_len;
    const uint8_t *part[MN_PARTS];
    uint64_t part_len[MN_PARTS];
} mn_seg;
/* MN_E_CORRUPT when any checksum or bound is wrong. */
mn_rc mn_mind__seg_open(const char *path, mn_seg **ret, mn_err *e);
mn_rc mn_mind__seg_from(mn_fs_map map, const char *name, mn_seg **ret,
                        mn_err *e); /* borrows map */
mn_seg *mn_mind__seg_ref(mn_seg *s);
void mn_mind__seg_unref(mn_seg *s);
uint64_t mn_mind__seg_id(const mn_seg *s, uint32_t doc);
uint64_t mn_mind__seg_author(const mn_seg *s, uint32_t doc);
mn_str mn_mind__seg_term(const mn_seg *s, uint32_t term);
/* First document with an id ≤ id; n_docs when none. */
uint32_t mn_mind__seg_from_id(const mn_seg *s, uint64_t id);
bool mn_mind__seg_find_doc(const mn_seg *s, uint64_t id, uint32_t *ret);

/* The postings of one term: skip entries and packed blocks. */
typedef struct mn_postings {
    const uint8_t *entries, *data;
    size_t data_len;
    uint32_t df, n_blocks, n_docs;
} mn_postings;
bool mn_mind__seg_find_term(const mn_seg *s, mn_str term, mn_postings *ret);
void mn_mind__seg_postings(const mn_seg *s, uint32_t term, mn_postings *ret);
/* One block into arrays of MN_SEG_BLOCK; how many, or 0 when its bytes are impossible. */
uint32_t mn_mind__block_decode(const mn_postings *p, uint32_t block, uint32_t *docs,
                               uint8_t *tfs);

static inline uint32_t mn_mind__le32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap32(v);
#endif
    return v;
}
static inline uint64_t mn_mind__le64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}
static inline uint32_t mn_mind__block_last(const mn_postings *p, uint32_t block)
{
    return mn_mind__le32(p->entries + (size_t)block * MN_SEG_ENTRY);
}

/* ---- what was deleted since a segment was written -------------------------------------------- */

typedef struct mn_dead {
    atomic_int refs;
    uint64_t generation; /* names its file */
    uint32_t n_docs, n_dead;
    uint64_t dead_len; /* Σ length of the dead */
    uint8_t bits[];
} mn_dead;
mn_rc mn_mind__dead_new(const mn_dead *from, uint32_t n_docs, mn_dead **ret, mn_err *e);
mn_rc mn_mind__dead_write(const mn_dead *d, const char *path, mn_err *e);
mn_rc mn_mind__dead_read(const char *path, const mn_seg *s, mn_dead **ret, mn_err *e);
mn_rc mn_mind__dead_parse(mn_str bytes, const mn_seg *s, const char *name, mn_dead **ret,
                          mn_err *e);
mn_dead *mn_mind__dead_ref(mn_dead *d);
void mn_mind__dead_unref(mn_dead *d);
static inline bool mn_mind__dead_has(const mn_dead *d, uint32_t doc)
{
    return d && ((unsigned)d->bits[doc >> 3] >> (doc & 7u) & 1u);
}
/* false when it was dead already */
bool mn_mind__dead_set(mn_dead *d, const mn_seg *s, uint32_t doc);

/* ---- a snapshot: the segments at one moment -------------------------------------------------- */

typedef struct mn_snap_item {
    mn_seg *seg;
    mn_dead *dead; /* NULL: nobody */
} mn_snap_item;
typedef struct mn_snap {
    atomic_int refs;
    size_t n;
    uint64_t n_docs, total_len; /* live and dead: what the statistics are made of */
    uint64_t n_live;
    mn_snap_item items[]; /* by falling newest id */
} mn_snap;
/* Takes references of its own. */
mn_rc mn_mind__snap_new(const mn_snap_item *items, size_t n, mn_snap **ret, mn_err *e);
mn_snap *mn_mind__snap_ref(mn_snap *s);
void mn_mind__snap_unref(mn_snap *s);
/* Documents (live and dead) with the term. */
uint64_t mn_mind__snap_df(const mn_snap *s, mn_str term);
double mn_mind__idf(uint64_t n_docs, uint64_t df);

/* Writes the live documents of some segments as one. */
mn_rc mn_mind__seg_merge(const mn_snap_item *items, size_t n, const char *path, mn_err *e);

/* ---- the manifest (manifest.c) --------------------------------------------------------------- */

typedef struct mn_manifest_seg {
    uint64_t number, generation; /* generation 0: nothing dead */
    uint64_t docs;
} mn_manifest_seg;
typedef struct mn_manifest {
    uint32_t analysis;
    uint64_t rev;    /* of the store: everything up to it is in */
    uint64_t next;   /* number of the next file */
    uint32_t server; /* the server's consents when it was made */
    mn_manifest_seg *segs;
    size_t n_segs;
} mn_manifest;
mn_rc mn_mind__manifest_write(const char *dir, const mn_manifest *m, mn_err *e);
/* MN_E_NOT_FOUND when there is none; MN_E_CORRUPT. The list lives in the arena. */
mn_rc mn_mind__manifest_read(const char *dir, mn_arena *a, mn_manifest *ret, mn_err *e);
mn_rc mn_mind__manifest_parse(mn_str text, mn_arena *a, mn_manifest *ret, mn_err *e);

/* ---- queries (query.c, prf.c) ---------------------------------------------------------------- */

#define MN_QUERY_TERMS_MAX 64u
#define MN_BM25_K1         0.9
#define MN_BM25_B          0.4

typedef struct mn_query_term {
    mn_str term;
    double weight;
} mn_query_term;
/* Scores are Σ weight · idf · tf / (tf + k1 (1 − b + b · len / mean len)), summed in steps of
 * 2^−20 so that the order of summing cannot matter. Best first, ties by higher id. */
mn_rc mn_mind__query_run(const mn_snap *s, const mn_query_term *terms, size_t n,
                         uint64_t before, size_t limit, mn_arena *a, mn_hit **ret,
                         size_t *ret_n, mn_err *e);
/* The distinct terms of a query, weight 1 each, at most MN_QUERY_TERMS_MAX. */
mn_rc mn_mind__query_terms(mn_str query, mn_arena *a, mn_query_term **ret, size_t *ret_n,
                           mn_err *e);
/* What pseudo-relevance feedback reads: a document's text and how well it scored. */
typedef struct mn_feedback {
    mn_str text;
    double score;
} mn_feedback;
mn_rc mn_mind__expand(const mn_snap *s, const mn_query_term *terms, size_t n,
                      const mn_feedback *docs, size_t n_docs, mn_arena *a, mn_query_term **ret,
                      size_t *ret_n, mn_err *e);

/* The snapshot of now, referenced. */
mn_snap *mn_mind__search_snap(mn_search *x);

#endif

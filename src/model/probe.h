/* How well a model predicts posts that it has not seen: the bits that a code built on it would need for each of them.
 *
 * Any model, in its own tokens and their form (text/docform.h): one trained here reads START YEAR MONTH LANG text REPLY … END (what is
 * given, time and language, costs nothing), an imported one reads the texts of its posts with a blank line between them, after the token
 * that begins a text and before the one that ends it. That is how a corpus in its vocabulary has them. All else is paid for by the post it belongs to: answers by their REPLY or blank line,
 * the last post of a document by its end. So bits per byte of text compare between tokenizers, and with compressors.
 *
 * numbers  documents are packed into rows of T tokens as in training, a longer one is cut into pieces that begin anew: with the same T and
 *          dtype the total is mn_held_out_bits_per_byte's within rounding. The same bits on any number of threads.
 * limits   2^31 tokens. docs/design/evaluation.md */
#ifndef MN_MODEL_PROBE_H
#define MN_MODEL_PROBE_H

#include "model/forward.h"
#include "model/open.h"
#include "text/docform.h"

typedef struct mn_probe_text { /* a post as it is given */
    mn_str text, author;       /* author: its name or id; MN_STR_NONE: not known */
    int64_t created_ms;        /* MN_PROBE_NO_TIME: not known */
    uint32_t lang;             /* MN_TOK_LANG0 …; 0: to be identified */
    bool quotes; /* it quotes the one before it in its document; else it answers it */
} mn_probe_text;
#define MN_PROBE_NO_TIME INT64_MIN

typedef struct mn_probe_post { /* … and as it was scored */
    mn_str author;             /* borrowed from the probe; MN_STR_NONE: not known */
    uint32_t lang;             /* MN_TOK_LANG0 … */
    uint32_t month;            /* year * 12 + month - 1; 0: not known */
    uint64_t bytes, tokens;    /* tokens: those that were scored */
    double bits;
} mn_probe_post;

typedef struct mn_probe {
    const mn_model *m; /* borrowed */
    mn_docform form;
    mn_arena arena; /* authors */
    mn_tok_cache *cache;
    uint32_t *ids, *owner; /* [n_ids]; owner: the post that pays for the token, MN_PROBE_FREE */
    uint64_t n_ids, cap_ids;
    uint64_t *doc_end; /* [n_docs] */
    uint64_t n_docs, cap_docs;
    mn_probe_post *posts; /* [n_posts] */
    uint64_t n_posts, cap_posts;
    double end_bits; /* of all bits, those of the tokens that end documents */
} mn_probe;
#define MN_PROBE_FREE UINT32_MAX

/* Borrows m, which needs its tokenizer. errors MN_E_UNSUPPORTED (no token can stand before a text or after it), MN_E_NOMEM */
mn_rc mn_probe_new(const mn_model *m, mn_probe *ret, mn_err *e);
void mn_probe_release(mn_probe *p);

/* A document of n posts, the first begins it. Texts are UTF-8. now_ms: the time that posts without one are given (models trained here
 * always read one). errors MN_E_LIMIT, MN_E_NOMEM; MN_E_USAGE for n = 0 or an empty text */
mn_rc mn_probe_document(mn_probe *p, const mn_probe_text *posts, size_t n, int64_t now_ms,
                        mn_err *e);
/* Documents of a corpus' "train" or "val" shard, evenly spread, so many that they hold about most_tokens of its tokens (0: all). Where the
 * model speaks the corpus' tokens they are taken as they are; else the texts are tokenized anew. What was erased is passed over. A corpus
 * in another model's vocabulary knows no time and language: they are those of the posts' ids, and identified.
 * errors MN_E_NOT_FOUND (no corpus; nothing held out), MN_E_CORRUPT, MN_E_LIMIT, MN_E_NOMEM */
mn_rc mn_probe_corpus(mn_probe *p, const char *corpus_dir, const char *split,
                      uint64_t most_tokens, mn_err *e);
/* One line {"text", "author", "created_at", "lang"}; all but text may be absent, further keys are ignored. author is a string or a whole
 * number, created_at RFC 3339. Strings are on a or borrowed from line. Total over any bytes. errors MN_E_PARSE (what is wrong), MN_E_NOMEM */
mn_rc mn_probe_line(mn_str line, mn_arena *a, mn_probe_text *ret, mn_err *e);
/* All lines of a file as documents of one post. Blank lines are passed over.
 * errors as above, with the line's number; MN_E_NOT_FOUND, MN_E_IO; MN_E_LIMIT (a line over 1 MiB, no post) */
mn_rc mn_probe_file(mn_probe *p, const char *path, int64_t now_ms, mn_err *e);

/* Scores everything: bits and tokens of each post. T: length of a row, at most cfg.T. on_row may be NULL.
 * errors MN_E_NOMEM, MN_E_UNSUPPORTED (bf16), MN_E_LIMIT (nothing to score; a loss that is no number), MN_E_CANCELLED */
mn_rc mn_probe_run(mn_probe *p, mn_pool *pool, size_t T, mn_dtype dtype,
                   void (*on_row)(void *arg, uint64_t row, uint64_t n_rows), void *arg,
                   mn_err *e);

/* ---- sums ---------------------------------------------------------------------------------------------------------------- */

typedef struct mn_probe_group {
    mn_str name; /* "" for posts of which it is not known */
    bool others; /* the sum of the groups that are too small */
    uint64_t posts, bytes, tokens;
    double bits;
} mn_probe_group;

typedef enum mn_probe_by {
    MN_PROBE_BY_LANG,   /* "en", the largest first */
    MN_PROBE_BY_AUTHOR, /* the largest first */
    MN_PROBE_BY_MONTH   /* "2011-02", in order */
} mn_probe_by;

mn_probe_group mn_probe_total(const mn_probe *p);
static inline double mn_probe_bits_per_byte(const mn_probe_group *g)
{
    return g->bytes ? g->bits / (double)g->bytes : 0;
}
/* Posts by language, author or month, on a. Groups of fewer than `least` posts, and all but the `most` largest, are added up in one
 * that stands last. The groups' sums are the total's. errors MN_E_NOMEM */
mn_rc mn_probe_groups(const mn_probe *p, mn_probe_by by, uint64_t least, size_t most,
                      mn_arena *a, mn_probe_group **ret, size_t *ret_n, mn_err *e);

#endif

/* The corpus: posts whose authors allow training, made clean, told apart, and written as token shards.
 *
 * A build reads every live post of the store and writes one folder, DATA/corpus/NAME, that never changes again:
 *
 *   manifest.json    parameters, counts in and out by reason, split, languages, months, hashes of the files below; last
 *   tokenizer.json   byte-level BPE trained on the train split, or another model's vocabulary
 *   train.* val.*    the shards of text/shard.h (.bin .docs .origin .txt)
 *   dropped.jsonl    one line a post that was left out: {"id","reason"} and, for copies, "of": the post that was kept
 *
 * The folder is built under a hidden name and renamed when whole, so a reader sees all of it or nothing. The same posts
 * and the same options give the same bytes, whatever the number of threads. docs/design/corpus.md says why each stage
 * is as it is.
 */
#ifndef MN_CORPUS_CORPUS_H
#define MN_CORPUS_CORPUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ranks.h"
#include "base/str.h"
#include "store/store.h"
#include "text/docform.h"

#define MN_CORPUS_NAME_MAX 64

/* Why a post is not in a corpus, in the order in which the stages ask. */
typedef enum mn_drop {
    MN_DROP_NONE,
    MN_DROP_DELETED,
    MN_DROP_BOOST,
    MN_DROP_NOT_PUBLIC,
    MN_DROP_NO_CONSENT,
    MN_DROP_TOO_LONG,       /* over 64 KiB: no post */
    MN_DROP_TOO_SHORT,      /* nothing, or next to nothing, is left after cleaning */
    MN_DROP_MOSTLY_LINKS,   /* more addresses, mentions and hashtags than words */
    MN_DROP_TOO_MANY_LINKS, /* six web addresses or more */
    MN_DROP_REPETITION,     /* one word or one character over and over */
    MN_DROP_SYMBOLS,        /* few letters: drawings, tables of figures */
    MN_DROP_ALL_CAPS,
    MN_DROP_TEMPLATE,  /* its author posts the same beginning again and again */
    MN_DROP_DUPLICATE, /* same normal form as an earlier post */
    MN_DROP_NEAR_DUPLICATE, /* Jaccard similarity of 5-character shingles ≥ 0.8 with an earlier post */
    MN_DROPS
} mn_drop;
extern const char *const mn_drop_names[MN_DROPS]; /* "", "deleted" … "near_duplicate" */
/* MN_DROP_NONE when there is no such reason. */
mn_drop mn_drop_parse(mn_str name);

typedef struct mn_corpus_opts {
    const char *name; /* NULL: "c-" and the first 8 digits of the corpus' hash */
    double val_share; /* share of the text held out; 0 … 0.5 */
    uint32_t
        vocab; /* 0: by the size of the text (2,048 below 2 MB, doubling with every fourfold size) */
    int threads; /* 0: as many as there are processors. The result does not depend on it */
    bool keep_handles; /* leave @handles as they are; else they become "@user" */
    uint64_t
        canaries; /* seed of the canaries (text/canary.h) that are added to train, below 2^53; 0: none */
    /* Go on from this corpus and those before it (slice.h): only what is new since, and old posts; the vocabulary is its own, and nothing
     * that cannot be held out fails. NULL: everything */
    const char *after;
    double
        replay; /* with after: the share of the text that is old, 0 … 0.99, as far as there is as much */
    const char *tokenizer; /* a tokenizer.json, kept as it is; NULL: after's, or a new one */
    const mn_tokenizer *tokens; /* in its place: one that stands in no such file; borrowed */
    const mn_docform
        *form; /* of documents in its vocabulary; borrowed. NULL: what the tokenizer says */
    mn_ranks *
        ranks; /* build only: of these, every one calls it with the same options; NULL: alone */
} mn_corpus_opts;
#define MN_CORPUS_OPTS_DEFAULT ((mn_corpus_opts){.val_share = 0.02})

/* Called on the calling thread, a few times a second at most for long stages. total may be 0 (unknown). */
typedef void (*mn_corpus_progress)(void *arg, const char *stage, uint64_t done, uint64_t total);

typedef struct mn_corpus_split {
    uint64_t tokens, documents, posts, bytes, authors;
} mn_corpus_split;

/* What a build did; also what mn_corpus_read gives back from a manifest. */
typedef struct mn_corpus_report {
    char name[MN_CORPUS_NAME_MAX + 1];
    char sha256
        [65]; /* over options that matter and the files: two corpora with the same hash are the same */
    uint64_t posts_in, posts_kept;
    uint64_t dropped[MN_DROPS];
    uint64_t bytes;  /* clean text of the kept posts, both splits */
    uint64_t tokens; /* both splits, structure tokens included */
    uint32_t vocab;
    mn_corpus_split train, val;
    bool
        split_by_author; /* false: no set of authors of the right size exists, so only threads are kept apart */
    bool existed;       /* the very same corpus was there already (build only) */
    uint64_t store_rev; /* the store's last revision when it was read */
    char after[MN_CORPUS_NAME_MAX + 1];      /* the corpus that it goes on from, or "" */
    uint64_t replayed_posts, replayed_bytes; /* of train: what was in those before */
} mn_corpus_report;

/* Builds. data_dir: the folder that holds corpus/; progress may be NULL. One build at a time per folder.
 * errors MN_E_DENIED     no post may be trained on: the message says how consent is set
 *        MN_E_NOT_FOUND  there is no post at all, or none that is new; opts->after or a corpus before it is not there
 *        MN_E_USAGE      a bad option, or no consented post survives the rules
 *        MN_E_EXISTS     opts->name is taken by another corpus
 *        MN_E_BUSY       another build is running
 *        MN_E_CANCELLED  a stop was requested (base/stop.h), or a rank is gone; nothing is left behind
 * ranks  the same bytes from any number of them. They share the store, or have copies of it (else MN_E_USAGE); data_dir is rank 0's alone, and
 *        so is *ret. A failure is told by the ranks' rules (base/ranks.h).
 * memory about 200 bytes a consented post; the texts are spooled to the build folder */
mn_rc mn_corpus_build(mn_store *store, const char *data_dir, const mn_corpus_opts *opts,
                      mn_corpus_progress progress, void *arg, mn_corpus_report *ret, mn_err *e);

/* How many posts, and bytes of them as stored, may be learnt from that neither `after` nor a corpus before it has looked at; after NULL: of all. */
mn_rc mn_corpus_new_posts(mn_store *store, const char *data_dir, const char *after,
                          uint64_t *ret, uint64_t *ret_bytes, mn_err *e);

/* Name of the corpus built last (by the time of its manifest); MN_E_NOT_FOUND when there is none. */
mn_rc mn_corpus_latest(const char *data_dir, char ret_name[MN_CORPUS_NAME_MAX + 1], mn_err *e);
/* The numbers of one corpus from its manifest. MN_E_NOT_FOUND names the corpora there are; MN_E_CORRUPT. */
mn_rc mn_corpus_read(const char *data_dir, const char *name, mn_corpus_report *ret, mn_err *e);
/* How documents stand in its tokens; errors as above. */
mn_rc mn_corpus_form(const char *data_dir, const char *name, mn_docform *ret, mn_err *e);
/* The manifest itself (JSON), appended to ret. */
mn_rc mn_corpus_manifest(const char *data_dir, const char *name, mn_buf *ret, mn_err *e);
/* All corpora, by name; *ret from the arena. A folder without a readable manifest is left out. */
mn_rc mn_corpus_list(const char *data_dir, mn_arena *a, mn_corpus_report **ret, size_t *ret_n,
                     mn_err *e);

/* Calls fn for each dropped post of a corpus, ids rising, until it returns false. of: 0 unless a copy. */
typedef bool (*mn_corpus_dropped_fn)(void *arg, uint64_t id, mn_drop why, uint64_t of);
mn_rc mn_corpus_dropped(const char *data_dir, const char *name, mn_corpus_dropped_fn fn,
                        void *arg, mn_err *e);

/* ---- verify -------------------------------------------------------------------------------------------------- */

/* What became of a post since the build. */
typedef enum mn_corpus_change {
    MN_CHANGE_GONE,      /* deleted, or no longer in the store */
    MN_CHANGE_WITHDRAWN, /* may no longer be trained on */
    MN_CHANGE_TEXT,      /* its clean text differs: edited */
    MN_CHANGE_CONSENT,   /* still allowed, under a later line of the ledger */
    MN_CHANGE_DROPPED,   /* kept then, dropped now for another reason */
    MN_CHANGE_KEPT,      /* dropped then, kept now */
    MN_CHANGES
} mn_corpus_change;
extern const char *const mn_corpus_change_names[MN_CHANGES];

#define MN_CORPUS_FILES          10 /* besides the manifest */
#define MN_CORPUS_VERIFY_SAMPLES 100
typedef struct mn_corpus_verdict {
    bool same; /* the files are whole, and a build from the same posts gives the same */
    char damaged[MN_CORPUS_FILES][32]; /* files whose hash is not the manifest's */
    int n_damaged;
    char differs[MN_CORPUS_FILES][32]; /* files that a rebuild writes differently */
    int n_differs;
    uint64_t changes[MN_CHANGES];
    uint64_t new_posts; /* live posts made since; they are no difference */
    struct {
        uint64_t id;
        mn_corpus_change what;
    } samples[MN_CORPUS_VERIFY_SAMPLES]; /* the first changed posts, ids rising */
    int n_samples;
} mn_corpus_verdict;
/* Checks the files against the manifest, then recomputes the corpus from those posts of the store that the build saw.
 * errors MN_E_UNSUPPORTED when the corpus was made by another version of the pipeline; otherwise as build */
mn_rc mn_corpus_verify(mn_store *store, const char *data_dir, const char *name, int threads,
                       mn_corpus_progress progress, void *arg, mn_corpus_verdict *ret,
                       mn_err *e);

#endif

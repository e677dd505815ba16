/* Shared by build.c, manifest.c, read.c and verify.c. */
#ifndef MN_CORPUS_CORPUS_INT_H
#define MN_CORPUS_CORPUS_INT_H

#include "base/fs.h"
#include "corpus/scan.h"
#include "corpus/write.h"

/* Changes whenever a stage decides or writes otherwise than before: corpora of different numbers cannot be compared. */
#define MN_CORPUS_PIPELINE 1

#define MN_CORPUS_PATH 4096
/* "a/b" or "a/b/c" (c may be NULL); MN_E_LIMIT when too long. */
mn_rc mn_corpus__path(const char *a, const char *b, const char *c, char ret[MN_CORPUS_PATH],
                      mn_err *e);

extern const char *const mn_corpus__files[MN_CORPUS_FILES]; /* in the manifest's order */

/* Everything a manifest tells. */
typedef struct mn_corpus_facts {
    const mn_corpus_opts *opts;
    const mn_scan *scan;
    const mn_documents *docs;
    const mn_split *split;
    uint64_t ledger_seq;
    char file_sha[MN_CORPUS_FILES][65];
    uint64_t file_bytes[MN_CORPUS_FILES];
    mn_docform form;
    mn_corpus_report report;
} mn_corpus_facts;
/* Hashes the files of dir, sets report.sha256 (and report.name when opts has none), writes manifest.json. */
mn_rc mn_corpus__manifest_write(const char *dir, mn_corpus_facts *f, mn_err *e);

/* What verify needs to know of a manifest besides the report. */
typedef struct mn_corpus_recipe {
    int pipeline;
    mn_corpus_opts
        opts;        /* without after and tokenizer, which the report and the next one tell */
    bool tokenizer;  /* it was given */
    mn_docform form; /* of its documents */
    char file_sha[MN_CORPUS_FILES][65];
} mn_corpus_recipe;
/* recipe may be NULL. errors MN_E_NOT_FOUND (names those there are), MN_E_CORRUPT */
mn_rc mn_corpus__manifest_read(const char *data_dir, const char *name, mn_corpus_report *ret,
                               mn_corpus_recipe *recipe, mn_err *e);

/* As mn_corpus_dropped, of the corpus in dir. */
mn_rc mn_corpus__dropped(const char *dir, mn_corpus_dropped_fn fn, void *arg, mn_err *e);

/* The last line of the ledger, 0 when there is none. */
mn_rc mn_corpus__ledger_end(mn_store *s, uint64_t *ret, mn_err *e);

struct mn_together; /* together.h: what several ranks do together; NULL alone */

/* Builds all files of a corpus into the empty folder dir. only (not with several ranks): see mn_scan_rules; *ret_skipped (may be NULL) counts the
 * live posts that are not in it. */
mn_rc mn_corpus__make(mn_store *store, const char *data_dir, const char *dir,
                      const mn_corpus_opts *opts, const struct mn_together *together,
                      const uint64_t *only, size_t n_only, mn_corpus_progress progress,
                      void *arg, mn_corpus_report *ret, uint64_t *ret_skipped, mn_err *e);
/* mn_corpus_build after mn_corpus__check; of several ranks, on rank 0: ends their serving, then publishes. */
mn_rc mn_corpus__build_here(mn_store *store, const char *data_dir, const mn_corpus_opts *opts,
                            const struct mn_together *together, mn_corpus_progress progress,
                            void *arg, mn_corpus_report *ret, mn_err *e);
/* Whether these are options. builds: and the name is free. */
mn_rc mn_corpus__check(const char *data_dir, const mn_corpus_opts *opts, bool builds,
                       mn_err *e);
/* Takes the lock of DATA/corpus and makes an empty folder DATA/corpus/.NAME, removing what a crash left there. */
mn_rc mn_corpus__workplace(const char *data_dir, const char *name, char ret_dir[MN_CORPUS_PATH],
                           mn_fs_lock *ret_lock, mn_err *e);

#endif

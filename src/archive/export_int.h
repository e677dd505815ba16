/* The parts of an export: private to src/archive. */
#ifndef MN_ARCHIVE_EXPORT_INT_H
#define MN_ARCHIVE_EXPORT_INT_H

#include "archive/moving_int.h"
#include "archive/zip.h"
#include "store/marks.h"
#include "store/polls.h"

/* A media file of the account. */
typedef struct mn_out_file {
    uint8_t sha256[32];
    int64_t at_ms;
    uint8_t kind; /* index into the table of extensions */
} mn_out_file;

typedef struct mn_out {
    const mn_place *p;
    mn_account account;
    mn_consents consent;
    mn_str actor; /* "https://a.example/users/ann" */
    mn_zip *zip;
    mn_arena keep, page; /* page: of one batch of posts */
    mn_buf b;
    mn_json_writer j;
    mn_out_file *files;
    size_t n_files, cap_files;
    mn_media *pictures; /* avatar and header */
    size_t n_pictures;
    struct boosts *boosts; /* while posts are gone through */
    bool mentions_wait;    /* some mentioned accounts are not here */
    uint64_t done, total;  /* for progress: posts gone through, twice each */
    void (*progress)(void *arg, uint64_t done, uint64_t total);
    void *progress_arg;
    mn_export_report *report;
} mn_out;

/* Some posts with all that hangs on them, in the order of their ids. */
typedef struct mn_out_batch {
    mn_posts posts;
    mn_media *media;
    size_t n_media;
    mn_poll *polls;
    size_t n_polls;
    mn_mention *mentions;
    size_t n_mentions;
} mn_out_batch;

/* Calls each for every live post of the account, oldest first; the batch lives for the call. */
mn_rc mn_out__posts(mn_out *o,
                    mn_rc (*each)(mn_out *o, const mn_out_batch *b, const mn_post *x,
                                  mn_err *e),
                    mn_err *e);
/* A file's extension by its media type, "bin" when it is none of those known; and the index for mn_out_file.kind. */
const char *mn_out__extension(mn_str mime);
uint8_t mn_out__extension_no(mn_str mime);
const char *mn_out__extension_of(uint8_t kind);
mn_rc mn_out__file(mn_out *o, const mn_media *m, mn_err *e);

/* actor.json, outbox.json (export_outbox.c) */
mn_rc mn_out__actor(mn_out *o, mn_err *e);
mn_rc mn_out__outbox(mn_out *o, mn_err *e);
/* mynah/… (export_own.c) */
mn_rc mn_out__own(mn_out *o, mn_err *e);
mn_rc mn_out__chats(mn_out *o, mn_err *e); /* export_chats.c */

#define MN_CANONICAL_FORMAT 1 /* of mynah/manifest.json */

#endif

/* Moving in and out: everything of an account as one archive, what an account stands in relation to as CSV, and both back.
 *
 * docs/design/moving.md has the formats, what is canonical, and what is kept of things that are not here. */
#ifndef MN_ARCHIVE_MOVING_H
#define MN_ARCHIVE_MOVING_H

#include "store/store.h"

/* The server that something is taken from or brought to. Strings are borrowed. */
typedef struct mn_place {
    mn_store *store;
    const char *domain;   /* "a.example" */
    const char *base;     /* "https://a.example" */
    const char *data_dir; /* media/ below it holds the files */
} mn_place;

/* ---- relations ------------------------------------------------------------------------------------------------------- */

typedef enum mn_moved {
    MN_MOVED_FOLLOWS,
    MN_MOVED_BLOCKS,
    MN_MOVED_MUTES,
    MN_MOVED_DOMAIN_BLOCKS,
    MN_MOVED_LISTS,
    MN_MOVED_BOOKMARKS,
    MN_MOVED_KINDS
} mn_moved;
extern const char *const mn_moved_names[MN_MOVED_KINDS]; /* "follows", "blocks" … */
bool mn_moved_parse(mn_str name, mn_moved *ret);
/* The file's name in Mastodon's archives: "following_accounts.csv" … */
extern const char *const mn_moved_files[MN_MOVED_KINDS];

/* The table as Mastodon writes it, what waits for its account or post included; rows in bytewise order. Holds the whole
 * relation in memory (about 100 bytes a row). */
mn_rc mn_moving_csv(const mn_place *p, uint64_t account, mn_moved kind, mn_buf *ret, mn_err *e);

/* What became of the rows. */
typedef struct mn_moving_report {
    uint64_t rows, created, already;
    uint64_t waiting; /* of another server or not here: kept for the day it comes */
    uint64_t unknown; /* of this server, and not here; or no address at all */
    uint64_t refused; /* a block stands between, a limit is reached, somebody moved away … */
    uint64_t asked;   /* of `created`: a follow that its account must grant first */
} mn_moving_report;
/* Brings a table of that kind, with or without Mastodon's header. Follows, blocks and mutes are made as if the member had made
 * them (without telling the followed one by one); what exists stays. In transactions of some hundred rows: an error leaves the
 * rows before it, and bringing the table again is safe. progress may be NULL; it is called with bytes of how many.
 * errors MN_E_PARSE no such table: nothing was done when it is the first rows; those of the store */
mn_rc mn_moving_csv_bring(const mn_place *p, uint64_t account, mn_moved kind, mn_str csv,
                          void (*progress)(void *arg, uint64_t done, uint64_t total), void *arg,
                          mn_moving_report *ret, mn_err *e);

/* ---- everything -------------------------------------------------------------------------------------------------------- */

typedef struct mn_export_report {
    uint64_t posts, boosts, media, missing; /* missing: media files that are not on the disk */
    uint64_t bytes;                         /* of the archive */
} mn_export_report;
/* Writes the account's archive (zip) to a new file at path; a file of that name is replaced when all is well, and what was
 * begun is removed when it is not. The same account as it is gives the same entries with the same contents in the same order.
 * Memory: one batch of posts, the relations, 40 bytes for each media file.
 * errors MN_E_NOT_FOUND no such account; MN_E_IO; MN_E_CANCELLED stopped on request */
mn_rc mn_export_run(const mn_place *p, uint64_t account, const char *path,
                    void (*progress)(void *arg, uint64_t done, uint64_t total), void *arg,
                    mn_export_report *ret, mn_err *e);

#endif

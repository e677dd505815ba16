/* Bringing posts in: JSON lines, fortune files, X archives, the older Grailbird archives, Mastodon archives.
 *
 * Whatever the size of what is read, memory stays bounded: one item at a time is parsed, posts travel to the store in
 * small batches, and each 10,000 (40,000 when authors are many) are committed. A run can be repeated: a post is known by its origin ("x:1234"), so a
 * second run finds what the first one made and adds the rest. A damaged or hostile file gives one error, and what this
 * run had created is removed again; a crash or a stop leaves whole batches, and running again completes them.
 * docs/design/archives.md has the formats and the rules for ids, replies and consent. */
#ifndef MN_ARCHIVE_IMPORT_H
#define MN_ARCHIVE_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

typedef enum mn_import_format {
    MN_FORMAT_AUTO,
    MN_FORMAT_X,
    MN_FORMAT_GRAILBIRD,
    MN_FORMAT_MASTODON,
    MN_FORMAT_FORTUNE,
    MN_FORMAT_JSONL,
    MN_FORMAT_MYNAH, /* an archive of mynah's own: docs/design/moving.md */
    MN_FORMATS
} mn_import_format;
extern const char *const mn_import_format_names[MN_FORMATS]; /* "auto", "x" … */
/* The error lists the formats; MN_E_UNSUPPORTED for those that are planned: bluesky, threads, reddit. */
mn_rc mn_import_format_parse(mn_str s, mn_import_format *ret, mn_err *e);

/* Why an item was left out. */
typedef enum mn_skip {
    MN_SKIP_ASCII_ART,    /* a drawing, not words */
    MN_SKIP_BAD_TIME,     /* before 1970 or in the future, or before the service existed */
    MN_SKIP_BOOST,        /* somebody else's words */
    MN_SKIP_DELETED,      /* its author deleted it */
    MN_SKIP_DIRECT,       /* a private message */
    MN_SKIP_EMPTY,        /* neither text nor picture */
    MN_SKIP_NOT_A_POST,   /* a vote, a report, a kind of activity that is no post */
    MN_SKIP_NOT_UTF8,     /* of a fortune file in another encoding */
    MN_SKIP_OFFENSIVE,    /* of a fortune file marked so */
    MN_SKIP_OTHER_AUTHOR, /* in somebody's archive, but not written by them */
    MN_SKIP_RESTRICTED,   /* for a circle or a community */
    MN_SKIP_TOO_LONG,
    MN_SKIPS
} mn_skip;
extern const char *const mn_skip_names[MN_SKIPS];

#define MN_IMPORT_WARNINGS_MAX 64

/* read = created + skipped_existing + the sum of skipped. Zero-initialise; several runs may add to one report. */
typedef struct mn_import_report {
    uint64_t read, created, skipped_existing, skipped[MN_SKIPS];
    uint64_t media;                         /* files kept */
    char *warnings[MN_IMPORT_WARNINGS_MAX]; /* sentences for people */
    size_t n_warnings;
} mn_import_report;
void mn_import_report_release(mn_import_report *r);
void mn_import_report_warn(mn_import_report *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* {"read","created","skipped_existing","skipped":{reason:n},"warnings":[]} */
void mn_import_report_json(const mn_import_report *r, mn_buf *ret);

typedef struct mn_import_opts {
    mn_import_format format;
    const char *
        as; /* the account that gets the posts (made when absent); NULL: see docs. In JSON lines an
                           * item's own "author" goes before it */
    mn_consents consent; /* one ledger line of scope import for each purpose that is set */
    const char *
        data_dir; /* media/ below it takes pictures and videos, and it holds what is sorted on disk; NULL: media
                           * are passed over, and $TMPDIR is used */
    uint64_t media_max_bytes; /* of one file; 0: 100 MiB */
    /* Fortunes have no time of their own: they are spread over [from, to) by their text. 0, 0: the twelve months before
     * 2026-11-01. The same moments have to be given when a run is repeated. */
    int64_t spread_from_ms, spread_to_ms;
    const char *domain,
        *base; /* of this server, for archives of mynah's own: "a.example", "https://a.example"; NULL:
                                * "localhost" */
    bool thrifty; /* beside readers, in a server: slower, with 24 MB less for the page cache */
    void (*progress)(void *arg, uint64_t done, uint64_t total, uint64_t posts); /* NULL: none */
    void *progress_arg;
} mn_import_opts;

/* Imports whose process died are marked as interrupted, and failed ones whose removal was cut short are removed; each is told
 * once, as a warning in *r. Every import begins with it; a server calls it when it starts. data_dir NULL: nothing is done. */
mn_rc mn_import_settle(mn_store *s, const char *data_dir, mn_import_report *r, mn_err *e);
/* Imports one path: a file, a folder or an archive. Adds to *r; when it fails only warnings about earlier runs.
 * errors MN_E_PARSE, MN_E_LIMIT, MN_E_IO, MN_E_NOT_FOUND, MN_E_UNSUPPORTED: nothing is left of this run.
 *        MN_E_CANCELLED: stopped on request; whole batches are kept and the message says so. */
mn_rc mn_import_run(mn_store *s, const char *path, const mn_import_opts *o, mn_import_report *r,
                    mn_err *e);

/* The id an imported post gets: a numeric source id is kept when its Snowflake time agrees with created_ms to a second,
 * or when it is below 2^35 and the post older than Snowflakes; else it is made from the time and the origin. */
uint64_t mn_import_post_id(mn_str source_id, int64_t created_ms, mn_str origin);
/* The id that the parent of a reply will have, told from its source id alone; 0 when it cannot be told. */
uint64_t mn_import_parent_id(mn_str source_id, int64_t child_created_ms);

#endif

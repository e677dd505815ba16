/* Bringing back an archive of our own: private to src/archive. */
#ifndef MN_ARCHIVE_RESTORE_INT_H
#define MN_ARCHIVE_RESTORE_INT_H

#include "archive/archive_int.h"
#include "archive/moving_int.h"
#include "store/chats.h"

/* The conversation that is being brought back. */
typedef struct mn_bringing {
    mn_tx *tx; /* NULL: none */
    mn_chat chat;
    mn_arena text; /* the chat's */
    bool passed_over, renewed;
    size_t n;
    uint64_t was[MN_CHAT_TURNS_MAX], is[MN_CHAT_TURNS_MAX]; /* ids of its turns: there, here */
} mn_bringing;

typedef struct mn_restore {
    mn_store *s;
    const mn_import_opts *o;
    mn_import_opts opts; /* the caller's, with the account's name */
    mn_place place;
    mn_feed f;
    mn_source *src;
    mn_import_report *r;
    mn_writer *w;
    mn_arena keep, line; /* line: of one line of a file */
    mn_str domain;       /* the archive's */
    uint64_t account;
    bool fresh; /* the account was made for this archive: it takes its profile over */
    uint64_t lines;
    mn_bringing chats;
} mn_restore;

/* One line of posts.jsonl, boosts.jsonl (restore_posts.c). */
mn_rc mn_restore__post(mn_restore *x, const mn_json *line, mn_err *e);
mn_rc mn_restore__boost(mn_restore *x, const mn_json *line, mn_err *e);

/* One line of chats.jsonl, and the end of the file: the last conversation is kept, or taken back when rc tells of an error, which is
 * returned (restore_chats.c). */
mn_rc mn_restore__chat(mn_restore *x, const mn_json *line, mn_err *e);
mn_rc mn_restore__chat_end(mn_restore *x, mn_rc rc, mn_err *e);

/* The member "consent" of a line: {purpose: allow | deny}. */
mn_consents mn_restore__consents(const mn_json *o);

#define MN_RESTORE_ID_DIGITS 20 /* ids in front of what is sorted by them in `brought` */

#endif

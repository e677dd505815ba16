/* What exports, CSV files and the reader of our own archives share: private to src/archive. */
#ifndef MN_ARCHIVE_MOVING_INT_H
#define MN_ARCHIVE_MOVING_INT_H

#include "archive/moving.h"
#include "base/json.h"
#include "store/transfers.h"

/* ---- names for accounts and posts that mean the same on every server (refs.c) -------------------------------------------- */

/* "name@domain", on the arena; MN_STR_NONE without memory. */
mn_str mn_moving__address(const mn_place *p, const mn_account *a, mn_arena *ar);
/* The account of an address ("name", "name@domain", "@name@domain"); *ret_id 0: it is not here. *ret_clean: the address as
 * "name@domain", on the arena, in lower case where case means nothing; MN_STR_NONE: this is no address. */
mn_rc mn_moving__account(const mn_place *p, mn_str address, mn_arena *ar, uint64_t *ret_id,
                         bool *ret_local, mn_str *ret_clean, mn_err *e);
/* Where a post comes from: its origin, or "mynah:DOMAIN/NAME/ID" when it was written here. */
mn_str mn_moving__origin(const mn_place *p, const mn_post *x, mn_arena *ar);
/* A post's reference: its id, a blank, its origin. */
mn_str mn_moving__ref(const mn_place *p, const mn_post *x, mn_arena *ar);
/* The live post that a reference names; *ret_id 0: it is not here. */
mn_rc mn_moving__post(const mn_place *p, mn_tx *tx, mn_str ref, uint64_t *ret_id, mn_err *e);
/* The address by which ActivityPub knows a post (…/users/NAME/statuses/ID); MN_STR_NONE: its origin has none. */
mn_str mn_moving__uri(const mn_place *p, const mn_post *x, mn_arena *ar);
mn_str mn_moving__uri_of_ref(const mn_place *p, mn_str ref, mn_arena *ar);
/* The other way: the reference of a post by such an address, or by its page's; the address itself when that is elsewhere. */
mn_rc mn_moving__ref_of_uri(const mn_place *p, mn_str uri, mn_arena *ar, mn_str *ret,
                            mn_err *e);

/* ---- relations (relations.c, relations_bring.c) -------------------------------------------------------------------------- */

typedef enum mn_related {
    MN_RELATED_FOLLOW,
    MN_RELATED_BLOCK,
    MN_RELATED_MUTE,
    MN_RELATED_DOMAIN,
    MN_RELATED_LIST, /* ref: title, line feed, address; or title, line feed: the list itself */
    MN_RELATED_BOOKMARK,
    MN_RELATED_LIKE,
    MN_RELATED_PIN, /* in the order of pinning, not sorted */
    MN_RELATED_KINDS
} mn_related;
extern const char *const mn_related_names[MN_RELATED_KINDS]; /* "follow", "block" … */
extern const char *const mn_archive_chat_ends[];             /* by mn_chat_end */

typedef struct mn_relation_row {
    mn_str ref;          /* address, domain or post reference */
    bool boosts, notify; /* of a follow */
    bool notifications;  /* of a mute: hidden too */
    bool exclusive;      /* of a list */
    int replies;         /* of a list: mn_list_replies */
    int64_t expires_ms;  /* of a mute, 0: never */
    mn_str languages;    /* of a follow */
} mn_relation_row;
/* All rows of one kind, what was brought along and waits included, by ref, each once. */
mn_rc mn_moving__rows(const mn_place *p, uint64_t account, mn_related kind, mn_arena *ar,
                      mn_relation_row **ret, size_t *ret_n, mn_err *e);
/* Settings of a row as JSON members of the object under way, and read back. */
void mn_moving__row_json(mn_related kind, const mn_relation_row *r, mn_json_writer *j);
void mn_moving__row_read(mn_related kind, const mn_json *o, mn_relation_row *r);
/* One row made true in tx. A refusal by the community's rules is counted, not an error. Texts are kept on the arena. */
mn_rc mn_moving__bring(const mn_place *p, mn_tx *tx, uint64_t account, mn_related kind,
                       const mn_relation_row *r, mn_arena *ar, mn_moving_report *count,
                       mn_err *e);

#endif

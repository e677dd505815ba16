/* Hashtags: what posts carry, what accounts follow and feature, how much they are used.
 *
 * A tag has a key, its name as it is compared (social/tags.h makes it: lower case, without diacritics, without '#'), and a
 * display, as it was first written. Every post that is here has its rows in post_tags, imported ones too:
 * mn_social_tags_write is the one place that makes them, the store takes them away with the post.
 */
#ifndef MN_STORE_TAGS_H
#define MN_STORE_TAGS_H

#include "store/store.h"

#define MN_TAG_NAME_MAX 512 /* bytes of a key */

typedef struct mn_tag {
    uint64_t id;
    mn_str name;          /* the key */
    mn_str display;       /* as first written, or as a moderator set it */
    bool hidden;          /* by a moderator: not in trends, suggestions or search */
    int64_t last_used_ms; /* right to a day */
} mn_tag;

/* ---- tags of posts ---------------------------------------------------------------------------------------------- */

/* The post carries exactly these tags from now on. keys[i] and displays[i] belong together; keys differ; n ≤ 1,024.
 * `fresh`: the post was made in this transaction and has none so far (saves looking). */
mn_rc mn_store_post_tags_set(mn_tx *tx, uint64_t post_id, const mn_str *keys,
                             const mn_str *displays, size_t n, bool fresh, mn_err *e);
/* Takes all of them away; called by the store's own deletions. */
mn_rc mn_store_post_tags_clear(mn_tx *tx, uint64_t post_id, mn_err *e);
/* The tags of one post, in order of making. */
mn_rc mn_store_post_tags(mn_store *s, uint64_t post_id, mn_arena *ar, mn_tag **ret,
                         size_t *ret_n, mn_err *e);

/* ---- tags --------------------------------------------------------------------------------------------------------- */

/* By key; MN_E_NOT_FOUND without a message. */
mn_rc mn_store_tag_by_name(mn_store *s, mn_str key, mn_arena *ar, mn_tag *ret, mn_err *e);
/* By ids, in the order asked; absent ones are left out. */
mn_rc mn_store_tags_by_ids(mn_store *s, const uint64_t *ids, size_t n, mn_arena *ar,
                           mn_tag **ret, size_t *ret_n, mn_err *e);
/* Found or made. */
mn_rc mn_store_tag_make(mn_tx *tx, mn_str key, mn_str display, uint64_t *ret_id, mn_err *e);
/* Keys that begin with `prefix`, on some public post, not hidden, lately used first. */
mn_rc mn_store_tags_search(mn_store *s, mn_str prefix, size_t offset, size_t limit,
                           mn_arena *ar, mn_tag **ret, size_t *ret_n, mn_err *e);

/* Use on UTC days: public posts with the tag and how many accounts wrote them. day 0 is `first_day` (days since 1970).
 * n_days ≤ 31; ret has room for n_days. */
typedef struct mn_tag_use {
    uint64_t uses, accounts;
} mn_tag_use;
mn_rc mn_store_tag_history(mn_store *s, uint64_t tag_id, int64_t first_day, size_t n_days,
                           mn_tag_use *ret, mn_err *e);

/* ---- followed ------------------------------------------------------------------------------------------------------ */

/* *ret_changed: it was not so before. Emit MN_EV_TAGS then (mn_social_tag_follow does). */
mn_rc mn_store_tag_follow(mn_tx *tx, uint64_t account, uint64_t tag_id, bool on,
                          bool *ret_changed, mn_err *e);
typedef struct mn_tag_follow {
    uint64_t id; /* pages go by it, newest first */
    uint64_t tag_id;
} mn_tag_follow;
/* max_id 0 and above 0: no bound; ids strictly between. upward: the page nearest above `above`, still given newest first. */
mn_rc mn_store_followed_tags(mn_store *s, uint64_t account, uint64_t below, uint64_t above,
                             bool upward, size_t limit, mn_arena *ar, mn_tag_follow **ret,
                             size_t *ret_n, mn_err *e);
mn_rc mn_store_tag_is_followed(mn_store *s, uint64_t account, uint64_t tag_id, bool *ret,
                               mn_err *e);

/* ---- featured on a profile ----------------------------------------------------------------------------------------- */

typedef struct mn_featured_tag {
    uint64_t id, tag_id;
    mn_str name, display;
    uint64_t n_posts;      /* public and unlisted posts of the account with the tag */
    uint64_t last_post_id; /* the newest of them, 0: none */
} mn_featured_tag;
mn_rc mn_store_featured_tags(mn_store *s, uint64_t account, mn_arena *ar, mn_featured_tag **ret,
                             size_t *ret_n, mn_err *e);
/* MN_E_EXISTS when it is featured; MN_E_LIMIT from `most` on. */
mn_rc mn_store_featured_tag_add(mn_tx *tx, uint64_t account, uint64_t tag_id, size_t most,
                                uint64_t *ret_id, mn_err *e);
/* By its own id or by tag (the other is 0). MN_E_NOT_FOUND without a message. */
mn_rc mn_store_featured_tag_remove(mn_tx *tx, uint64_t account, uint64_t id, uint64_t tag_id,
                                   mn_err *e);
mn_rc mn_store_tag_is_featured(mn_store *s, uint64_t account, uint64_t tag_id, bool *ret,
                               mn_err *e);
/* Tags of the account's newest 500 posts that are not featured, by use, up to limit. */
mn_rc mn_store_featured_suggestions(mn_store *s, uint64_t account, size_t limit, mn_arena *ar,
                                    mn_tag **ret, size_t *ret_n, mn_err *e);

/* ---- use, for trends ------------------------------------------------------------------------------------------------ */

/* One line a post that carries the tag, since `from_id`, of public posts that are not sensitive, whose authors are
 * active, not silenced and discoverable; newest first, up to limit. */
typedef struct mn_tag_mention {
    uint64_t post_id, tag_id, account_id;
} mn_tag_mention;
mn_rc mn_store_tag_mentions(mn_store *s, uint64_t from_id, size_t limit, mn_arena *ar,
                            mn_tag_mention **ret, size_t *ret_n, mn_err *e);

#endif

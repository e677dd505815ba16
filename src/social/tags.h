/* Hashtags found in posts, and how they are compared. */
#ifndef MN_SOCIAL_TAGS_H
#define MN_SOCIAL_TAGS_H

#include "social/social.h"

#define MN_POST_TAGS_MAX 256 /* of one post; further ones are text only */

/* The key of a tag's name, with or without '#': compatibility forms and letter case folded, Latin letters without their
 * diacritics, as Mastodon compares ("Café" and "CAFE" are "cafe"). MN_STR_NONE when it is no tag: empty, only digits,
 * characters that cannot stand in one, over MN_TAG_NAME_MAX bytes. On the arena; NONE too when out of memory. */
mn_str mn_social_tag_key(mn_str name, mn_arena *ar);
/* Writes the rows of post_tags that the text asks for, and takes away others: called for every post that is added (fresh),
 * written here or imported, in the same transaction, and after an edit. Boosts have none. */
mn_rc mn_social_tags_write(mn_tx *tx, uint64_t post_id, mn_str text, bool fresh, mn_err *e);

/* ---- what members do, each in a transaction of its own ----------------------------------------------------------------- */

/* name as sent by a client. errors MN_E_USAGE no tag name. The tag is made when nobody used it yet. Emits MN_EV_TAGS. */
mn_rc mn_social_tag_follow(mn_store *s, uint64_t account, mn_str name, bool on,
                           uint64_t *ret_tag, mn_err *e);
/* Up to 10 a profile (MN_E_LIMIT); MN_E_EXISTS when featured. *ret_id: of the featured tag. Emits MN_EV_ACCOUNT. */
mn_rc mn_social_tag_feature(mn_store *s, uint64_t account, mn_str name, uint64_t *ret_id,
                            mn_err *e);
/* By its id, or, id 0, by the tag's name. MN_E_NOT_FOUND (no message). */
mn_rc mn_social_tag_unfeature(mn_store *s, uint64_t account, uint64_t id, mn_str name,
                              mn_err *e);

#endif

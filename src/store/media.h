/* Media, link previews and custom emoji in the store. Files lie outside the database, by their hash (media/ab/abcd…); a file
 * that no row names any more is removed by a sweep (mn_store_file_used).
 *
 * thread  all functions, from any thread; those with an mn_tx inside that transaction
 * errors  those of the store; MN_E_NOT_FOUND (no message worded) where something is asked for by its id
 */
#ifndef MN_STORE_MEDIA_H
#define MN_STORE_MEDIA_H

#include "store/store.h"

/* ---- media ------------------------------------------------------------------------------------------------------ */

mn_rc mn_store_medium(mn_store *s, uint64_t id, mn_arena *ar, mn_media *ret, mn_err *e);
/* Those that are there, by place and id; several posts at once, in the order of the posts. n ≤ 1,000. (Of one post:
 * mn_store_media_of.) Media that wait or failed are left out. */
mn_rc mn_store_media_of_posts(mn_store *s, const uint64_t *post_ids, size_t n, mn_arena *ar,
                              mn_media **ret, size_t *ret_n, mn_err *e);
/* By ids, in the order asked; what is not there is left out. n ≤ 1,000. */
mn_rc mn_store_media_by_ids(mn_store *s, const uint64_t *ids, size_t n, mn_arena *ar,
                            mn_media **ret, size_t *ret_n, mn_err *e);
/* Replaces what describes it and what it holds; not id, post, account, use, place and time of making. A post's reader is
 * told (MN_EV_POST_COUNTS) when it is attached. */
mn_rc mn_store_media_update(mn_tx *tx, const mn_media *m, mn_err *e);
/* Only while it is attached to nothing: MN_E_DENIED otherwise. */
mn_rc mn_store_media_remove(mn_tx *tx, uint64_t id, mn_err *e);

#define MN_MEDIA_PER_POST_MAX 16
/* The media of a post are these from now on, in this order; what it had besides is removed. Each must be the account's own,
 * uploaded for posts, ready, and attached to this post or to none. Video and sound stand alone. Keeps posts.n_media.
 * errors MN_E_NOT_FOUND an id that is not the account's, or is another post's; MN_E_BUSY one that is not ready yet; MN_E_USAGE
 *        failed, twice the same, too many, or video among others: the message is for people */
mn_rc mn_store_media_attach(mn_tx *tx, uint64_t account_id, uint64_t post_id,
                            const uint64_t *ids, size_t n, mn_err *e);
/* The same checks without changing anything (a scheduled post). */
mn_rc mn_store_media_check(mn_tx *tx, uint64_t account_id, uint64_t post_id,
                           const uint64_t *ids, size_t n, mn_err *e);
/* The post's media become unattached, made now (delete and redraft). */
mn_rc mn_store_media_detach(mn_tx *tx, uint64_t post_id, int64_t now_ms, mn_err *e);

/* The account's picture (use: AVATAR or HEADER) is this row from now on, or none (0); the one before is removed.
 * MN_EV_ACCOUNT is told. */
mn_rc mn_store_account_picture_set(mn_tx *tx, uint64_t account_id, mn_media_use use,
                                   uint64_t media_id, mn_err *e);
/* Avatar and header of an account, their use says which. */
mn_rc mn_store_account_pictures(mn_store *s, uint64_t account_id, mn_arena *ar, mn_media **ret,
                                size_t *ret_n, mn_err *e);

/* Removes up to limit rows uploaded for posts before `before_ms` that nothing holds: no post, and no scheduled post or draft,
 * whose id stands in post_id while it waits (store/scheduled.h). */
mn_rc mn_store_media_sweep(mn_tx *tx, int64_t before_ms, size_t limit, uint64_t *ret_removed,
                           mn_err *e);
/* Pictures that were never read, as imports leave them (no BlurHash), with ids above `after`, by id, up to limit. Those that
 * failed are left out. */
mn_rc mn_store_media_raw(mn_store *s, uint64_t after, size_t limit, mn_arena *ar,
                         mn_media **ret, size_t *ret_n, mn_err *e);
/* Does anything name the file? */
mn_rc mn_store_file_used(mn_store *s, const uint8_t sha256[32], bool *ret, mn_err *e);

/* ---- link previews ---------------------------------------------------------------------------------------------- */

typedef enum mn_card_kind {
    MN_CARD_LINK,
    MN_CARD_PHOTO,
    MN_CARD_VIDEO,
    MN_CARD_NONE
} mn_card_kind;
/* What a page says of itself: plain text and checked addresses. NONE: it was asked and says nothing; not shown. */
typedef struct mn_card {
    uint64_t id;
    mn_str url;                       /* as the post has it */
    int64_t fetched_ms, published_ms; /* 0: never, unknown */
    mn_card_kind kind;
    mn_str title, description, author, author_url, provider, provider_url, lang;
    uint64_t image_id; /* media row of use CARD, 0: none */
    int width, height; /* of the image */
} mn_card;
mn_rc mn_store_card(mn_store *s, uint64_t id, mn_arena *ar, mn_card *ret, mn_err *e);
mn_rc mn_store_card_find(mn_store *s, mn_str url, mn_arena *ar, mn_card *ret, mn_err *e);
/* By url: replaces the one that is there (its image row is removed unless it is the same), else makes one; c->id is ignored. */
mn_rc mn_store_card_put(mn_tx *tx, const mn_card *c, uint64_t *ret_id, mn_err *e);
/* Of the cards with ids above *cursor looks at up to limit in order and removes those that no post shows and that were fetched
 * before before_ms, their pictures too. *cursor moves on, to 0 after the last. */
mn_rc mn_store_cards_sweep(mn_tx *tx, int64_t before_ms, size_t limit, uint64_t *cursor,
                           uint64_t *ret_removed, mn_err *e);
/* The post shows that card (0: none). MN_EV_POST_COUNTS is told. MN_OK when the post is gone. */
mn_rc mn_store_post_card_set(mn_tx *tx, uint64_t post_id, uint64_t card_id, mn_err *e);

/* ---- custom emoji ----------------------------------------------------------------------------------------------- */

typedef struct mn_emoji {
    mn_str shortcode;   /* [A-Za-z0-9_]{2,64} */
    mn_str file, still; /* SHA-256 in hex; still: without movement, may be the same */
    mn_str mime, category;
    bool visible; /* in the picker */
    int64_t created_ms;
} mn_emoji;
/* All, by category and shortcode. */
mn_rc mn_store_emoji_all(mn_store *s, mn_arena *ar, mn_emoji **ret, size_t *ret_n, mn_err *e);
/* Those of these shortcodes that are there, in the order asked. n ≤ 1,000. */
mn_rc mn_store_emoji_by(mn_store *s, const mn_str *shortcodes, size_t n, mn_arena *ar,
                        mn_emoji **ret, size_t *ret_n, mn_err *e);
mn_rc mn_store_emoji_put(mn_tx *tx, const mn_emoji *x, mn_err *e);   /* new, or replaced */
mn_rc mn_store_emoji_remove(mn_tx *tx, mn_str shortcode, mn_err *e); /* MN_E_NOT_FOUND */

#endif

/* Link previews wanted: asked for with a post, fetched later by a job (api/mastodon/cards.c). */
#ifndef MN_SOCIAL_CARDS_H
#define MN_SOCIAL_CARDS_H

#include "store/store.h"

#define MN_CARD_JOB "card" /* payload: {"post": id} */

/* The first link of a post's text that can have a preview: http or https, and not of this server (domain). Borrows from the text;
 * MN_STR_NONE when there is none. */
mn_str mn_social_card_link(mn_str text, mn_str domain);

/* In the transaction that makes a post or edits its text (p as it is then; the hook `written` of mn_compose): a job for the
 * preview of its first link. A direct post's links are not asked for. A post without a link shows none from now on. */
mn_rc mn_social_card_wanted(mn_tx *tx, const mn_post *p, mn_err *e);

#endif

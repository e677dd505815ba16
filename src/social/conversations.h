/* Conversations: what direct posts do to them. */
#ifndef MN_SOCIAL_CONVERSATIONS_H
#define MN_SOCIAL_CONVERSATIONS_H

#include "social/social.h"

/* For a direct post that was just added (its thread_id set): author and mentioned members each have the conversation at the top
 * of theirs, unread for all but the author. Nobody's row is made who has blocked the author. Emits MN_EV_CONVERSATION for
 * each. mentioned: account ids, may hold the author; n above MN_CONVERSATION_PEOPLE_MAX is MN_E_LIMIT. */
mn_rc mn_social_conversation_add(mn_tx *tx, const mn_post *p, const uint64_t *mentioned,
                                 size_t n, mn_err *e);
/* For a direct post that was just deleted, before its rows in mentions go or after. */
mn_rc mn_social_conversation_gone(mn_tx *tx, uint64_t post_id, uint64_t thread_id, mn_err *e);

#endif

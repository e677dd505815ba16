/* Conversations: threads of direct posts, a row for each of their people. Rules are in social/conversations.h. */
#ifndef MN_STORE_CONVERSATIONS_H
#define MN_STORE_CONVERSATIONS_H

#include "store/store.h"

typedef struct mn_conversation {
    uint64_t id, account_id, thread_id;
    uint64_t last_post_id; /* 0: all of its posts are gone */
    bool unread;
    uint64_t *others; /* the other people of its last post, without the account itself */
    size_t n_others;
} mn_conversation;

#define MN_CONVERSATION_PEOPLE_MAX 500

/* Makes the account's row for c->thread_id or brings it up to c->last_post_id, others, unread. *ret_id: the row. */
mn_rc mn_store_conversation_put(mn_tx *tx, const mn_conversation *c, uint64_t *ret_id,
                                mn_err *e);
/* The thread's rows when a post of it goes (called before or after its deletion): those whose last post it was go back to the newest direct post of the thread
 * that their account wrote or is mentioned in; rows left without one are deleted. Emits MN_EV_CONVERSATION. */
mn_rc mn_store_conversation_post_gone(mn_tx *tx, uint64_t thread_id, uint64_t post_id,
                                      mn_err *e);
/* MN_E_NOT_FOUND (no message) when it is not there or another's. */
mn_rc mn_store_conversation_unread_set(mn_tx *tx, uint64_t account, uint64_t id, bool unread,
                                       mn_err *e);
mn_rc mn_store_conversation_remove(mn_tx *tx, uint64_t account, uint64_t id, mn_err *e);
mn_rc mn_store_conversation(mn_store *s, uint64_t account, uint64_t id, mn_arena *ar,
                            mn_conversation *ret, mn_err *e);
/* By last post, newest first; below, above: bounds on the last post's id, 0: none; upward: the page nearest above `above`,
 * still newest first. */
mn_rc mn_store_conversations(mn_store *s, uint64_t account, uint64_t below, uint64_t above,
                             bool upward, size_t limit, mn_arena *ar, mn_conversation **ret,
                             size_t *ret_n, mn_err *e);

/* ---- markers: how far an account has read a timeline ------------------------------------------------------------------ */

typedef struct mn_marker {
    mn_str timeline;     /* "home", "notifications" */
    mn_str last_read_id; /* as the client said */
    uint64_t version;    /* 1, 2, 3 … */
    int64_t updated_ms;
} mn_marker;
/* MN_E_NOT_FOUND (no message) when never set. */
mn_rc mn_store_marker(mn_store *s, uint64_t account, mn_str timeline, mn_arena *ar,
                      mn_marker *ret, mn_err *e);
/* Sets it and counts its version up; emits MN_EV_MARKERS. */
mn_rc mn_store_marker_set(mn_tx *tx, uint64_t account, mn_str timeline, mn_str last_read_id,
                          int64_t now_ms, mn_err *e);

#endif

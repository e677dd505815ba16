/* Conversations of members with a language model. A chat is a tree of turns: what a member wrote and what a model answered; writing an earlier
 * turn anew, or asking for another answer, makes a branch. `head` is the turn that the shown way ends with. They are the member's alone: read by
 * nobody else, in no search, in no corpus; they go with the account and come along in its archive.
 *
 * errors those of the store; MN_E_NOT_FOUND (no message worded) for a chat that is not there or another's */
#ifndef MN_STORE_CHATS_H
#define MN_STORE_CHATS_H

#include "store/store.h"

#define MN_CHATS_MOST     5000u /* of a member */
#define MN_CHAT_TURNS_MAX 2000  /* of one chat */
#define MN_CHATS_TITLE    200u  /* bytes */
#define MN_CHATS_NAME     128u  /* bytes of a model's name */

typedef struct mn_chat {
    uint64_t id, account_id;
    uint64_t head; /* turn; 0: nothing was said yet */
    mn_str title;
    mn_str model;  /* asked for; empty: the promoted one */
    mn_str system; /* what the model is told before everything; empty: nothing */
    int64_t created_ms, updated_ms;
} mn_chat;

typedef enum mn_chat_role { MN_CHAT_USER, MN_CHAT_MODEL } mn_chat_role;
typedef enum mn_chat_end {
    MN_CHAT_WHOLE,   /* the model came to an end; or the turn is the member's */
    MN_CHAT_LENGTH,  /* it was as long as answers may be */
    MN_CHAT_STOPPED, /* by the member, who said so or went away; or before words that must not be said (infer/guard.h) */
    MN_CHAT_FAILED
} mn_chat_end;
typedef struct mn_chat_turn {
    uint64_t id, chat_id;
    uint64_t parent; /* the turn before it; 0: it is the first */
    mn_chat_role role;
    mn_str content;
    mn_str model; /* which one answered; empty for the member's */
    int64_t created_ms;
    uint32_t tokens;
    mn_chat_end end;
} mn_chat_turn;

/* id and account must be set. */
mn_rc mn_store_chat_add(mn_tx *tx, const mn_chat *c, mn_err *e);
/* Title, model, system, head, updated_ms. */
mn_rc mn_store_chat_update(mn_tx *tx, const mn_chat *c, mn_err *e);
mn_rc mn_store_chat_remove(mn_tx *tx, uint64_t account, uint64_t chat, mn_err *e);
/* The turn, and that it is the chat's head now, last touched at its time. MN_E_NOT_FOUND when the chat has gone in the meantime; MN_E_LIMIT
 * when it has MN_CHAT_TURNS_MAX turns. */
mn_rc mn_store_chat_turn_add(mn_tx *tx, uint64_t account, const mn_chat_turn *t, mn_err *e);

mn_rc mn_store_chat(mn_store *s, uint64_t account, uint64_t chat, mn_arena *ar, mn_chat *ret,
                    mn_err *e);
/* Last touched first; those touched before `before_ms` (0: all), up to limit. */
mn_rc mn_store_chats(mn_store *s, uint64_t account, int64_t before_ms, size_t limit,
                     mn_arena *ar, mn_chat **ret, size_t *ret_n, mn_err *e);
/* By id, after `after`: for the archive. */
mn_rc mn_store_chats_by_id(mn_store *s, uint64_t account, uint64_t after, size_t limit,
                           mn_arena *ar, mn_chat **ret, size_t *ret_n, mn_err *e);
/* All turns of a chat, by id, so parents stand before children. The caller has asked for the chat. */
mn_rc mn_store_chat_turns(mn_store *s, uint64_t chat, mn_arena *ar, mn_chat_turn **ret,
                          size_t *ret_n, mn_err *e);
/* Whose the chat of that id is, and in which chat the turn of that id stands; 0: there is none. */
mn_rc mn_store_chat_owner(mn_store *s, uint64_t chat, uint64_t *ret, mn_err *e);
mn_rc mn_store_chat_of_turn(mn_store *s, uint64_t turn, uint64_t *ret, mn_err *e);
mn_rc mn_store_chats_count(mn_store *s, uint64_t account, uint64_t *ret, mn_err *e);

#endif

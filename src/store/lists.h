/* Lists: an account's own groups of people it follows. */
#ifndef MN_STORE_LISTS_H
#define MN_STORE_LISTS_H

#include "store/store.h"

/* Which replies a list shows besides those to its owner and to the writer's own posts. */
typedef enum mn_list_replies {
    MN_LIST_REPLIES_LIST,     /* to members of the list (the default) */
    MN_LIST_REPLIES_FOLLOWED, /* to anybody the owner follows */
    MN_LIST_REPLIES_NONE
} mn_list_replies;

typedef struct mn_list {
    uint64_t id, account_id;
    mn_str title; /* 1 to 255 characters (social checks) */
    mn_list_replies replies;
    bool exclusive; /* what members write is not in the owner's home */
} mn_list;

/* l->id must be set. The caller emits MN_EV_LIST. */
mn_rc mn_store_list_add(mn_tx *tx, const mn_list *l, mn_err *e);
/* Title, replies, exclusive. MN_E_NOT_FOUND (no message) unless the list is l->account_id's. */
mn_rc mn_store_list_update(mn_tx *tx, const mn_list *l, mn_err *e);
mn_rc mn_store_list_remove(mn_tx *tx, uint64_t account, uint64_t id, mn_err *e);
/* MN_E_NOT_FOUND (no message) when absent or another's. */
mn_rc mn_store_list(mn_store *s, uint64_t account, uint64_t id, mn_arena *ar, mn_list *ret,
                    mn_err *e);
/* By id. member 0: all of the account's; else those that hold it. */
mn_rc mn_store_lists(mn_store *s, uint64_t account, uint64_t member, mn_arena *ar,
                     mn_list **ret, size_t *ret_n, mn_err *e);
mn_rc mn_store_list_count(mn_tx *tx, uint64_t account, uint64_t *ret, mn_err *e);

/* *ret_changed: it was not so before. Who may be a member (people followed, oneself) is social's to check. */
mn_rc mn_store_list_member_set(mn_tx *tx, uint64_t list, uint64_t member, bool on,
                               bool *ret_changed, mn_err *e);
typedef struct mn_list_member {
    uint64_t id; /* pages go by it, newest first */
    uint64_t list_id, account_id;
} mn_list_member;
/* ids strictly between above and below (0: no bound); limit 0: all. upward as in tags.h. */
mn_rc mn_store_list_members(mn_store *s, uint64_t list, uint64_t below, uint64_t above,
                            bool upward, size_t limit, mn_arena *ar, mn_list_member **ret,
                            size_t *ret_n, mn_err *e);
/* Of all lists of an account, by list and account. */
mn_rc mn_store_lists_members(mn_store *s, uint64_t account, mn_arena *ar, mn_list_member **ret,
                             size_t *ret_n, mn_err *e);

#endif

/* Filters: words and posts an account wants hidden or warned of. */
#ifndef MN_STORE_FILTERS_H
#define MN_STORE_FILTERS_H

#include "store/store.h"

typedef enum mn_filter_action {
    MN_FILTER_WARN,
    MN_FILTER_HIDE,
    MN_FILTER_BLUR
} mn_filter_action;

typedef struct mn_filter_keyword {
    uint64_t id, filter_id;
    mn_str keyword;
    bool whole_word;
} mn_filter_keyword;
typedef struct mn_filter_post {
    uint64_t id, filter_id, post_id;
} mn_filter_post;
typedef struct mn_filter {
    uint64_t id, account_id;
    mn_str title;
    unsigned context; /* bits: 1 home, 2 notifications, 4 public, 8 thread, 16 account */
    mn_filter_action action;
    int64_t expires_ms;          /* 0: never */
    mn_filter_keyword *keywords; /* by id */
    size_t n_keywords;
    mn_filter_post *posts; /* by id */
    size_t n_posts;
} mn_filter;

/* Functions that change something emit MN_EV_FILTERS themselves. Ids are set by the caller. Keywords and posts of `f` are
 * not looked at here. errors MN_E_NOT_FOUND (no message): not there, or another account's */
mn_rc mn_store_filter_add(mn_tx *tx, const mn_filter *f, mn_err *e);
mn_rc mn_store_filter_update(mn_tx *tx, const mn_filter *f, mn_err *e);
mn_rc mn_store_filter_remove(mn_tx *tx, uint64_t account, uint64_t id, mn_err *e);
/* All of the account, by id, whole; those that have expired included. */
mn_rc mn_store_filters(mn_store *s, uint64_t account, mn_arena *ar, mn_filter **ret,
                       size_t *ret_n, mn_err *e);
mn_rc mn_store_filter(mn_store *s, uint64_t account, uint64_t id, mn_arena *ar, mn_filter *ret,
                      mn_err *e);
/* What the account has, for limits: filters, and keywords of all of them. */
mn_rc mn_store_filter_counts(mn_tx *tx, uint64_t account, uint64_t *ret_filters,
                             uint64_t *ret_keywords, mn_err *e);

mn_rc mn_store_filter_keyword_add(mn_tx *tx, uint64_t account, const mn_filter_keyword *k,
                                  mn_err *e);
mn_rc mn_store_filter_keyword_update(mn_tx *tx, uint64_t account, const mn_filter_keyword *k,
                                     mn_err *e); /* by k->id; its filter stays */
mn_rc mn_store_filter_keyword_remove(mn_tx *tx, uint64_t account, uint64_t id, mn_err *e);
mn_rc mn_store_filter_keyword(mn_store *s, uint64_t account, uint64_t id, mn_arena *ar,
                              mn_filter_keyword *ret, mn_err *e);

/* MN_E_EXISTS (no message) when the filter holds the post already. */
mn_rc mn_store_filter_post_add(mn_tx *tx, uint64_t account, const mn_filter_post *p, mn_err *e);
mn_rc mn_store_filter_post_remove(mn_tx *tx, uint64_t account, uint64_t id, mn_err *e);
mn_rc mn_store_filter_post(mn_store *s, uint64_t account, uint64_t id, mn_filter_post *ret,
                           mn_err *e);

#endif

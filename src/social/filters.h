/* Members' filters, compiled and kept: which of them apply to a text or a post. */
#ifndef MN_SOCIAL_FILTERS_H
#define MN_SOCIAL_FILTERS_H

#include "social/social.h"
#include "store/filters.h"

/* Kept for those who read lately; follows MN_EV_FILTERS. Thread-safe. Borrows the store. */
typedef struct mn_filters mn_filters;
mn_rc mn_filters_new(mn_store *s, mn_filters **ret, mn_err *e);
void mn_filters_free(mn_filters *f); /* NULL is fine; what was taken was given back */

/* The filters of an account as they are now. Counted: hand back with mn_filter_set_done. cost 0.1 µs when kept */
typedef struct mn_filter_set mn_filter_set;
mn_rc mn_filters_take(mn_filters *f, uint64_t account, mn_filter_set **ret, mn_err *e);
void mn_filter_set_done(mn_filter_set *s); /* NULL is fine */
bool mn_filter_set_empty(const mn_filter_set *s);
bool mn_filter_set_has_words(const mn_filter_set *s);

/* One filter that matches: its words that were found, and the posts that are named in it. */
typedef struct mn_filter_match {
    const mn_filter *filter; /* borrowed from the set */
    mn_str *keywords;
    size_t n_keywords;
    bool post;
} mn_filter_match;
/* Those not expired by now_ms that match the texts or name the post, by id. errors MN_E_NOMEM */
mn_rc mn_filter_set_match(const mn_filter_set *s, uint64_t post_id, const mn_str *texts,
                          size_t n_texts, int64_t now_ms, mn_arena *ar, mn_filter_match **ret,
                          size_t *ret_n, mn_err *e);

/* ---- what members do with them ------------------------------------------------------------------------------------------ */

#define MN_FILTERS_MAX         200  /* of one account */
#define MN_FILTER_KEYWORDS_MAX 1000 /* of all its filters */
#define MN_FILTER_TITLE_MAX    256  /* characters, of a title and of a keyword */
#define MN_FILTER_KEYWORD_MAX  512

/* A change as a client sends it: the filter's own fields as in f (id 0: a new one), then keywords and posts to be added, changed
 * and removed, in one transaction. *ret_id: the filter.
 * errors MN_E_USAGE with a message for people; MN_E_LIMIT; MN_E_NOT_FOUND (no message) a filter, keyword or post of another */
typedef struct mn_keyword_change {
    uint64_t id;    /* 0: a new one */
    mn_str keyword; /* absent: as it is */
    int whole_word; /* -1: as it is (new: false) */
    bool destroy;
} mn_keyword_change;
typedef struct mn_filter_change {
    mn_filter f; /* its keywords and posts are not looked at */
    const mn_keyword_change *keywords;
    size_t n_keywords;
} mn_filter_change;
mn_rc mn_social_filter_save(mn_store *s, const mn_filter_change *c, uint64_t *ret_id,
                            mn_err *e);

#endif

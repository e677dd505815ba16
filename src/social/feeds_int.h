/* The insides of feeds: what an account's timelines go by, the rules, the merge. Private to src/social. */
#ifndef MN_SOCIAL_FEEDS_INT_H
#define MN_SOCIAL_FEEDS_INT_H

#include <stdatomic.h>

#include "social/feeds.h"
#include "store/lists.h"

/* ---- the context of one account: feed_context.c -------------------------------------------------------------------- */

typedef struct mn_feed_list {
    uint64_t id;
    mn_list_replies replies;
    uint64_t *members; /* ascending; only those followed, and the owner */
    size_t n_members;
} mn_feed_list;
typedef struct mn_feed_lang {
    uint64_t id;
    mn_str languages;
} mn_feed_lang;

/* Never changed once made; counted. All ids ascending. */
typedef struct mn_feed_ctx {
    atomic_int refs;
    mn_arena arena; /* holds all that follows */
    uint64_t account;
    uint64_t *follows, *quiet /* boosts unwanted */, *hidden, *hidden_by, *tags, *exclusive;
    size_t n_follows, n_quiet, n_hidden, n_hidden_by, n_tags, n_exclusive;
    mn_feed_lang *langs;
    size_t n_langs;
    mn_str *domains;
    size_t n_domains;
    mn_feed_list *lists;
    size_t n_lists;
    int64_t stale_ms; /* when a mute ends; 0: never */
} mn_feed_ctx;

mn_rc mn_social__feed_ctx_load(mn_store *s, uint64_t account, mn_feed_ctx **ret, mn_err *e);
mn_feed_ctx *mn_social__feed_ctx_ref(mn_feed_ctx *c);
void mn_social__feed_ctx_unref(mn_feed_ctx *c); /* NULL is fine */
const mn_feed_list *mn_social__feed_ctx_list(const mn_feed_ctx *c, uint64_t id);
bool mn_social__id_in(const uint64_t *ids, size_t n, uint64_t id); /* ascending */

/* ---- the rules: feed_rules.c ------------------------------------------------------------------------------------------- */

/* A post with what the rules may ask for beside its row; loaded when first asked. */
typedef struct mn_feed_post {
    const mn_row *row;
    mn_store *store;
    mn_arena *arena;
    bool has_mentions, has_tags;
    uint64_t *mentions, *tags;
    size_t n_mentions, n_tags;
} mn_feed_post;

mn_rc mn_social__feed_post_tags(mn_feed_post *p, mn_err *e);
mn_rc mn_social__feed_in_home(const mn_feed_ctx *c, mn_feed_post *p, bool *ret, mn_err *e);
mn_rc mn_social__feed_in_list(const mn_feed_ctx *c, const mn_feed_list *l, mn_feed_post *p,
                              bool *ret, mn_err *e);
/* Not for this viewer's eyes in public timelines. */
bool mn_social__feed_not_public(const mn_feed_ctx *c, const mn_row *r);

/* ---- sequences --------------------------------------------------------------------------------------------------------- */

typedef struct mn_feed_entry {
    uint64_t id, boost_of;
} mn_feed_entry;

/* Is the boost `at[0]` a repetition of what stands in at[step], at[2 step] … (older ones; n of them at most)? */
bool mn_social__feed_repeats(const mn_feed_entry *at, ptrdiff_t step, size_t n);

/* Entries in order of ids, oldest first. */
typedef struct mn_feed_seq {
    mn_feed_entry *items;
    size_t n, cap;
} mn_feed_seq;
/* Enters (or, !belongs, takes out) one; false: out of memory, nothing changed. */
bool mn_social__feed_seq_put(mn_feed_seq *s, mn_feed_entry x, bool belongs);
size_t mn_social__feed_seq_from(const mn_feed_seq *s, uint64_t id); /* first with an id ≥ id */

/* ---- who is concerned: feed_index.c --------------------------------------------------------------------------------------- */

/* From an id (an account, a tag) to those in memory who follow it. */
typedef struct mn_feed_index {
    struct mn_feed_index_slot *slots;
    size_t n, cap; /* n: slots in use */
} mn_feed_index;
bool mn_social__index_add(mn_feed_index *x, uint64_t key, void *who); /* false: out of memory */
void mn_social__index_remove(mn_feed_index *x, uint64_t key, const void *who);
void *const *mn_social__index_get(const mn_feed_index *x, uint64_t key, size_t *ret_n);
void mn_social__index_release(mn_feed_index *x);

/* ---- from the store: feed_merge.c ----------------------------------------------------------------------------------------- */

/* What belongs, boosts repeated or not, in order from a bound: newest first below it, or oldest first above it. */
typedef struct mn_feed_merge mn_feed_merge;
/* list NULL: the home. Lives on the arena; borrows the context. */
mn_rc mn_social__merge_new(mn_store *s, const mn_feed_ctx *c, const mn_feed_list *list,
                           uint64_t bound, bool upward, mn_arena *ar, mn_feed_merge **ret,
                           mn_err *e);
/* *ret_more false: there are no more. */
mn_rc mn_social__merge_next(mn_feed_merge *m, mn_feed_entry *ret, bool *ret_more, mn_err *e);
void mn_social__merge_end(
    mn_feed_merge *m); /* gives back what the arena does not hold; NULL is fine */
/* A page, newest first, without repeated boosts. */
mn_rc mn_social__merge_page(mn_store *s, const mn_feed_ctx *c, const mn_feed_list *list,
                            const mn_span *sp, mn_arena *ar, uint64_t *ret, size_t *ret_n,
                            mn_err *e);

#endif

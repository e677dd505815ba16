/* The insides of feeds: what an account's timelines go by, the rules, the merge. Private to src/social. */
#ifndef MN_SOCIAL_FEEDS_INT_H
#define MN_SOCIAL_FEEDS_INT_H

#include <pthread.h>
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
/* Gives back what the arena does not hold; NULL is fine. */
void mn_social__merge_end(mn_feed_merge *m);
/* A page, newest first, without repeated boosts. */
mn_rc mn_social__merge_page(mn_store *s, const mn_feed_ctx *c, const mn_feed_list *list,
                            const mn_span *sp, mn_arena *ar, uint64_t *ret, size_t *ret_n,
                            mn_err *e);

/* ---- in memory: feeds.c (viewers, contexts), feed_memory.c (timelines, pages), feed_events.c, feed_streams.c --------------- */

/* Functions here are called with the lock held, but for _belongs and _load. */

#define MN_FEED_BUCKETS 4096
#define MN_FEED_TRIES   50

typedef struct mn_feed {
    uint64_t list; /* 0: the home */
    mn_feed_seq seq;
    bool whole; /* there is nothing older */
    struct mn_feed *next;
} mn_feed;

typedef struct mn_viewer {
    uint64_t account;
    mn_feed_ctx *ctx; /* NULL: to be read */
    mn_feed *feeds;
    size_t bytes;
    int pins;
    bool busy;  /* somebody reads for it, outside the lock */
    bool stale; /* while busy: begin again */
    bool cold;  /* pinned and without context */
    uint64_t *pending;
    size_t n_pending;
    uint64_t mark; /* of the last walk that met it */
    struct mn_viewer *chain, *newer, *older;
} mn_viewer;

struct mn_feeds {
    mn_store *store;
    size_t bytes_max;
    pthread_mutex_t lock; /* guards all that follows */
    pthread_cond_t idle;  /* a viewer is busy no more */
    mn_viewer *buckets[MN_FEED_BUCKETS];
    mn_viewer *newest, *oldest; /* by use */
    mn_feed_index authors, tags;
    size_t n_busy, n_cold, n_tagged; /* n_tagged: contexts that follow tags */
    uint64_t mark;
    mn_feeds_stats stats;
};

/* The account's, or NULL. */
mn_viewer *mn_social__feeds_find(const mn_feeds *f, uint64_t account);
/* Its bytes, and whether it is cold, after a change. */
void mn_social__feeds_recount(mn_feeds *f, mn_viewer *v);
/* Its timelines go; its context stays. */
void mn_social__feeds_drop(mn_feeds *f, mn_viewer *v);
/* Context and timelines go. */
void mn_social__feeds_forget(mn_feeds *f, mn_viewer *v);
/* Those not used for the longest go until the rest fits; of watched ones the timelines alone. keep stays. */
void mn_social__feeds_shrink(mn_feeds *f, const mn_viewer *keep);
/* Busy from now on; false: out of memory. */
bool mn_social__feeds_begin(mn_feeds *f, mn_viewer *v);
/* Busy no more. */
void mn_social__feeds_end(mn_feeds *f, mn_viewer *v);
/* A post to be looked at once more by the one who is reading. */
void mn_social__feeds_note(mn_viewer *v, uint64_t post);
/* It goes when nothing keeps it any more. */
void mn_social__feeds_maybe_remove(mn_feeds *f, mn_viewer *v);
/* Locked before and after: the viewer, not busy, with a context that is right. */
mn_rc mn_social__feeds_ready(mn_feeds *f, uint64_t account, mn_viewer **ret, mn_err *e);
/* Its timeline, NULL when that is not in memory. */
mn_feed *mn_social__feeds_of(const mn_viewer *v, uint64_t list);
/* Does the post belong into the home (list 0) or that list? No for a list that is not there. */
mn_rc mn_social__feeds_belongs(const mn_feed_ctx *c, uint64_t list, mn_feed_post *p, bool *ret,
                               mn_err *e);
/* The oldest go when it has grown too long. */
void mn_social__feeds_trim(mn_feed *x);
/* Loads what the rules may ask for of a live post, so that nothing is read under the lock. */
mn_rc mn_social__feeds_load(mn_feed_post *p, mn_err *e);
/* The listener. */
void mn_social__feeds_events(void *arg, const mn_event *ev, size_t n);

#endif

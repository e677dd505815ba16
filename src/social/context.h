/* A post's place in its thread: what it answers, and what answers it. */
#ifndef MN_SOCIAL_CONTEXT_H
#define MN_SOCIAL_CONTEXT_H

#include "social/social.h"

typedef struct mn_context_limits {
    size_t ancestors, descendants, depth; /* depth 0: any */
} mn_context_limits;
typedef struct mn_context {
    uint64_t *ancestors, *descendants; /* ids of live posts */
    size_t n_ancestors, n_descendants;
} mn_context;
/* Ancestors from the thread's first post down; descendants depth first, older answers first, and what an author answered
 * to themselves before all others, as Mastodon orders them. Who may see which of them is not asked here. On the arena. Threads
 * are looked through up to 20,000 posts.
 * errors those of the store */
mn_rc mn_social_context(mn_store *s, const mn_post *p, const mn_context_limits *l, mn_arena *ar,
                        mn_context *ret, mn_err *e);

#endif

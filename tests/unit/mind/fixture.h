/* A store in a fresh folder, with accounts and posts in one call each. */
#ifndef MN_TESTS_MIND_FIXTURE_H
#define MN_TESTS_MIND_FIXTURE_H

#include "test.h"

#include "mind/ask.h"

typedef struct fixture {
    char dir[64], index[96];
    mn_store *store;
    mn_search *search;
} fixture;

static inline void fixture_accounts(fixture *f, uint64_t n)
{
    mn_err e = {0};
    mn_tx *tx;
    RUN(mn_store_begin(f->store, &tx, &e));
    for (uint64_t i = 1; i <= n; i++) {
        char name[24];
        snprintf(name, sizeof name, "member%llu", (unsigned long long)i);
        mn_account a = {.id = i, .name = mn_str_from(name), .created_ms = 1};
        RUN(mn_store_account_add(tx, &a, &e));
    }
    RUN(mn_store_commit(tx, &e));
}

static inline void fixture_start(fixture *f)
{
    mn_err e = {0};
    char path[96];
    memset(f, 0, sizeof *f);
    test_tmp(f->dir);
    snprintf(path, sizeof path, "%s/mynah.db", f->dir);
    snprintf(f->index, sizeof f->index, "%s/search", f->dir);
    RUN(mn_store_open(path, &f->store, &e));
    fixture_accounts(f, 20);
    RUN(mn_search_open(f->index, f->store, false, &f->search, &e));
}

static inline void fixture_finish(fixture *f)
{
    mn_search_close(f->search);
    mn_store_close(f->store);
    test_tmp_remove(f->dir);
}

static inline void fixture_post_as(fixture *f, const mn_post *p)
{
    mn_err e = {0};
    mn_tx *tx;
    RUN(mn_store_begin(f->store, &tx, &e));
    RUN(mn_store_post_add(tx, p, &e));
    RUN(mn_store_commit(tx, &e));
}

static inline void fixture_post(fixture *f, uint64_t id, uint64_t account, const char *text)
{
    fixture_post_as(f, &(mn_post){.id = id,
                                  .account_id = account,
                                  .created_ms = (int64_t)id * 1000,
                                  .text = mn_str_from(text)});
}

static inline void fixture_update(fixture *f)
{
    mn_err e = {0};
    RUN(mn_search_update(f->search, NULL, &e));
}

/* The ids found, as text: "3 2 1". */
static inline const char *fixture_find(mn_search *x, const char *query, char ret[512])
{
    mn_err e = {0};
    mn_arena a;
    mn_hit *hits;
    size_t n, at = 0;
    mn_query_opts o = {.limit = 50};
    mn_arena_init(&a, 0);
    RUN(mn_search_query(x, mn_str_from(query), &o, &a, &hits, &n, &e));
    ret[0] = 0;
    for (size_t i = 0; i < n && at < 480; i++)
        at += (size_t)snprintf(ret + at, 512 - at, "%s%llu", i ? " " : "",
                               (unsigned long long)hits[i].id);
    mn_arena_release(&a);
    return ret;
}
#define FINDS(x, query, ids)                                                                   \
    do {                                                                                       \
        char found_buf[512];                                                                   \
        assert_string_equal(fixture_find((x), (query), found_buf), (ids));                     \
    } while (0)

#endif

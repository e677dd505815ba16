/* A store in a folder of the test's, with accounts and posts an hour apart. */
#ifndef MN_TESTS_CORPUS_FIXTURE_H
#define MN_TESTS_CORPUS_FIXTURE_H

#include "base/snowflake.h"
#include "corpus/corpus.h"
#include "social/social.h"
#include "test.h"

#define START_MS INT64_C(1300000000000)
static char dir[64];
static mn_store *store;
static uint64_t n_posts;

static uint64_t post_id(uint64_t i)
{
    return mn_snowflake_at(START_MS + (int64_t)i * 3600000, i);
}

/* Post number i of the store, by that author; returns i. */
static uint64_t add(uint64_t author, uint64_t reply_to, const char *text)
{
    mn_err e = {0};
    mn_tx *tx;
    uint64_t i = n_posts++;
    mn_post p = {.id = post_id(i),
                 .account_id = author,
                 .created_ms = START_MS + (int64_t)i * 3600000,
                 .reply_to = reply_to,
                 .lang = MN_STR("en"),
                 .text = mn_str_from(text)};
    RUN(mn_store_begin(store, &tx, &e));
    RUN(mn_store_post_add(tx, &p, &e));
    RUN(mn_store_commit(tx, &e));
    return i;
}

static void account(uint64_t id)
{
    mn_err e = {0};
    mn_tx *tx;
    char name[32];
    snprintf(name, sizeof name, "author%llu", (unsigned long long)id);
    mn_account a = {.id = id, .name = mn_str_from(name), .created_ms = START_MS};
    RUN(mn_store_begin(store, &tx, &e));
    RUN(mn_store_account_add(tx, &a, &e));
    RUN(mn_store_commit(tx, &e));
}

static const char *const words[] = {"garden",  "window", "morning", "letter",
                                    "paints",  "winter", "quiet",   "street",
                                    "listens", "before", "slowly",  "candle"};
static inline void filler(uint64_t author, uint64_t k)
{
    char text[200] = "";
    for (int i = 0; i < 9; i++) {
        k = k * 6364136223846793005u + 1442695040888963407u;
        strcat(strcat(text, words[(k >> 33) % 12]), " ");
    }
    add(author, 0, text);
}

/* The store, and so many accounts. */
static void fixture_open(uint64_t accounts)
{
    mn_err e = {0};
    char path[100];
    test_tmp(dir);
    snprintf(path, sizeof path, "%s/mynah.db", dir);
    RUN(mn_store_open(path, &store, &e));
    n_posts = 0;
    for (uint64_t a = 1; a <= accounts; a++) account(a);
}

static void fixture_close(void)
{
    mn_store_close(store);
    test_tmp_remove(dir);
}

static inline void consent(mn_scope scope, uint64_t id, mn_consent v)
{
    mn_err e = {0};
    RUN(mn_social_consent_set(store, scope, id, MN_P_TRAIN_GENERATIVE, v, 0, MN_STR("test"),
                              &e));
}

static inline void build(const char *name, double val_share)
{
    mn_err e = {0};
    mn_corpus_report r;
    mn_corpus_opts o = MN_CORPUS_OPTS_DEFAULT;
    o.name = name, o.val_share = val_share, o.threads = 1;
    RUN(mn_corpus_build(store, dir, &o, NULL, NULL, &r, &e));
}

#endif

/* What the contract tests of the store share: the table of back ends, a fresh store for each test, short words. A suite
 * runs once for each line of `backends`; a new driver is a new line. */
#ifndef MN_TESTS_CONTRACT_STORE_H
#define MN_TESTS_CONTRACT_STORE_H

#include "contract/postgres.h"

#include "base/clock.h"
#include "store/store.h"

static const struct backend {
    const char *name;
    const char
        *file; /* below a fresh folder: the url of an embedded engine; NULL: a server's */
} backends[] = {
    {"sqlite", "mynah.db"},
    {"postgres", NULL},
};
static const struct backend *backend;

static char dir[64];
static char url[PG_URL_MAX]; /* of this test's database */
static mn_store *s;
static mn_arena ar;
static mn_err e;

static inline int open_fresh(void **state)
{
    (void)state;
    e = (mn_err){0};
    mn_arena_init(&ar, 0);
    test_tmp(dir);
    if (backend->file) snprintf(url, sizeof url, "%s/%s", dir, backend->file);
    else pg_fresh(url);
    if (mn_store_open(url, &s, &e) == MN_OK) return 0;
    print_message("cannot open: %s\n", e.msg);
    return -1;
}

static inline int close_and_remove(void **state)
{
    (void)state;
    mn_store_close(s);
    s = NULL;
    mn_arena_release(&ar);
    if (!backend->file) pg_drop(url);
    test_tmp_remove(dir);
    return 0;
}

static inline void reopen(void)
{
    mn_store_close(s);
    s = NULL;
    RUN(mn_store_open(url, &s, &e));
}

/* One call in a transaction of its own: TX(mn_store_…(tx, …, &e)) */
#define TX(call)                                                                               \
    do {                                                                                       \
        mn_tx *tx;                                                                             \
        RUN(mn_store_begin(s, &tx, &e));                                                       \
        RUN(call);                                                                             \
        RUN(mn_store_commit(tx, &e));                                                          \
    } while (0)
#define TX_FAILS(code, call)                                                                   \
    do {                                                                                       \
        mn_tx *tx;                                                                             \
        RUN(mn_store_begin(s, &tx, &e));                                                       \
        FAILS(code, call);                                                                     \
        mn_store_rollback(tx);                                                                 \
    } while (0)

static inline void add_account(uint64_t id, const char *name)
{
    TX(mn_store_account_add(tx, &(mn_account){.id = id, .name = mn_str_from(name)}, &e));
}

static inline mn_post post(uint64_t id, uint64_t account, const char *text)
{
    return (mn_post){
        .id = id, .account_id = account, .created_ms = 1000, .text = mn_str_from(text)};
}

static inline void add_post(uint64_t id, uint64_t account, const char *text, uint64_t reply_to)
{
    mn_post p = post(id, account, text);
    p.reply_to = reply_to;
    TX(mn_store_post_add(tx, &p, &e));
}

static inline mn_post get(uint64_t id)
{
    mn_post p = {0};
    RUN(mn_store_post(s, id, &ar, &p, &e));
    return p;
}

static inline uint64_t n_posts(uint64_t account)
{
    mn_account a = {0};
    RUN(mn_store_account_by_id(s, account, &ar, &a, &e));
    return a.n_posts;
}

static inline void consent(mn_scope scope, uint64_t id, mn_purpose p, mn_consent v)
{
    mn_ledger_line l = {
        .scope = scope, .scope_id = id, .purpose = p, .value = v, .reason = MN_STR("test")};
    TX(mn_store_consent_add(tx, &l, NULL, &e));
}

static inline void verify(uint64_t lines)
{
    uint64_t n = 0;
    RUN(mn_store_ledger_verify(s, &n, &e));
    assert_int_equal(n, lines);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_fresh, close_and_remove)
static inline void the_suite_on_postgres(void **state)
{
    (void)state;
    SKIP(pg_why);
}

/* The suite on the back end i; its failures. A server that is not there is named as skipped. */
#define RUN_ON(i, tests)                                                                       \
    (backend = &backends[i],                                                                   \
     backend->file || pg_there()                                                               \
         ? cmocka_run_group_tests_name(backend->name, tests, NULL, NULL)                       \
         : cmocka_run_group_tests_name(                                                        \
               backend->name, ((const struct CMUnitTest[]){TEST(the_suite_on_postgres)}),      \
               NULL, NULL))
/* The suite on each back end; the sum of the failures. */
#define RUN_ON_ALL(tests)                                                                      \
    int failed = 0;                                                                            \
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)                            \
        failed += RUN_ON(i, tests);                                                            \
    return failed

#endif

/* An account that leaves: gone from view at once, nothing of it left in any table, nothing of others touched. */
#include "test.h"

#include <sqlite3.h>

#include "base/clock.h"
#include "social/access.h"
#include "social/erase.h"
#include "social/signin.h"
#include "store/marks.h"

static char dir[64], path[128];
static mn_store *s;
static mn_arena ar;
static mn_err e;
static uint64_t ada, bob;

static uint64_t make(const char *name)
{
    uint64_t id = 0;
    RUN(mn_social_account_create(s, mn_str_from(name), MN_STR(""), MN_ROLE_MEMBER, "", NULL,
                                 &id, &e));
    return id;
}

static int set_up(void **state)
{
    (void)state;
    e = (mn_err){0};
    mn_arena_init(&ar, 0);
    snprintf(path, sizeof path, "%s/mynah.db", test_tmp(dir));
    if (mn_store_open(path, &s, &e) != MN_OK) return -1;
    ada = make("ada");
    bob = make("bob");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mn_store_close(s);
    mn_arena_release(&ar);
    test_tmp_remove(dir);
    return 0;
}

/* Runs SQL of the test's own on the database. */
static void sql(const char *text)
{
    sqlite3 *h = NULL;
    char *why = NULL;
    OK(sqlite3_open(path, &h) == SQLITE_OK);
    sqlite3_busy_timeout(h, 5000);
    if (sqlite3_exec(h, text, NULL, NULL, &why) != SQLITE_OK) fail_msg("%s: %s", text, why);
    sqlite3_close(h);
}

static int64_t number(const char *text)
{
    sqlite3 *h = NULL;
    sqlite3_stmt *q = NULL;
    OK(sqlite3_open(path, &h) == SQLITE_OK);
    if (sqlite3_prepare_v2(h, text, -1, &q, NULL) != SQLITE_OK)
        fail_msg("%s: %s", text, sqlite3_errmsg(h));
    OK(sqlite3_step(q) == SQLITE_ROW);
    int64_t n = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(h);
    return n;
}

/* Tables where an account's id may stay: the account itself, its empty tombstones, what is append-only. */
static bool may_keep(const char *table)
{
    static const char *const keep[] = {"accounts", "posts", "ledger", "audit", "jobs"};
    for (size_t i = 0; i < sizeof keep / sizeof *keep; i++)
        if (strcmp(table, keep[i]) == 0) return true;
    return false;
}

typedef struct column {
    char table[64], name[32];
} column;
static column columns[128];
static size_t n_columns;

/* Every column of the schema that holds an account's id. */
static void find_columns(void)
{
    sqlite3 *h = NULL;
    sqlite3_stmt *q = NULL;
    n_columns = 0;
    OK(sqlite3_open(path, &h) == SQLITE_OK);
    OK(sqlite3_prepare_v2(
           h,
           "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c "
           "WHERE m.type = 'table' AND c.name IN ('account_id', 'target_id', "
           "'from_id', 'follower', 'followee')",
           -1, &q, NULL) == SQLITE_OK);
    while (sqlite3_step(q) == SQLITE_ROW && n_columns < 128) {
        snprintf(columns[n_columns].table, 64, "%s", sqlite3_column_text(q, 0));
        snprintf(columns[n_columns++].name, 32, "%s", sqlite3_column_text(q, 1));
    }
    sqlite3_finalize(q);
    sqlite3_close(h);
}

/* A row with ada in that column; every other column gets a number or a text that fits its kind. */
static void fill(const column *c, int salt)
{
    sqlite3 *h = NULL;
    sqlite3_stmt *q = NULL;
    char names[2048] = "", values[4096] = "", text[8192], one[256];
    OK(sqlite3_open(path, &h) == SQLITE_OK);
    sqlite3_busy_timeout(h, 5000);
    snprintf(text, sizeof text, "SELECT name, type FROM pragma_table_info('%s')", c->table);
    OK(sqlite3_prepare_v2(h, text, -1, &q, NULL) == SQLITE_OK);
    for (int i = 0; sqlite3_step(q) == SQLITE_ROW; i++) {
        const char *name = (const char *)sqlite3_column_text(q, 0),
                   *type = (const char *)sqlite3_column_text(q, 1);
        strcat(names, i ? ", " : "");
        strcat(names, name);
        if (strcmp(name, c->name) == 0)
            snprintf(one, sizeof one, "%llu", (unsigned long long)ada);
        else if (strcmp(type, "INTEGER") == 0)
            snprintf(one, sizeof one, "%d", 1000 + salt * 50 + i);
        else snprintf(one, sizeof one, "'x%d-%d'", salt, i);
        strcat(values, i ? ", " : "");
        strcat(values, one);
    }
    sqlite3_finalize(q);
    sqlite3_close(h);
    snprintf(text, sizeof text, "INSERT INTO %s (%s) VALUES (%s)", c->table, names, values);
    sql(text);
}

static void erase_all(uint64_t account)
{
    bool left = true;
    RUN(mn_social_account_erase(s, account, &e));
    for (int i = 0; left && i < 1000; i++)
        RUN(mn_social_account_erase_run(s, account, 1000, &left, &e));
    OK(!left);
}

static void no_table_keeps_anything_of_it(void **state)
{
    (void)state;
    char text[512];
    find_columns();
    OK(n_columns > 40);
    for (size_t i = 0; i < n_columns; i++)
        if (!may_keep(columns[i].table)) fill(&columns[i], (int)i);
    erase_all(ada);
    for (size_t i = 0; i < n_columns; i++) {
        if (may_keep(columns[i].table)) continue;
        /* who reported, noted or gave a strike is part of the record of the other account */
        bool act = strcmp(columns[i].name, "account_id") == 0 &&
                   (strcmp(columns[i].table, "strikes") == 0 ||
                    strcmp(columns[i].table, "moderation_notes") == 0);
        if (act) continue;
        snprintf(text, sizeof text, "SELECT COUNT(*) FROM %.63s WHERE %.31s = %llu",
                 columns[i].table, columns[i].name, (unsigned long long)ada);
        int64_t n = number(text);
        if (n)
            fail_msg("%s.%s still has %lld", columns[i].table, columns[i].name, (long long)n);
    }
}

static void it_is_out_of_view_at_once_and_its_tokens_are_dead(void **state)
{
    (void)state;
    mn_access *x;
    mn_secret t;
    mn_grant g;
    mn_tx *tx;
    mn_account a;
    RUN(mn_access_new(s, &x, &e));
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_access_token_make(tx, ada, 0, MN_STR("read"), &t, NULL, &e));
    RUN(mn_store_commit(tx, &e));
    RUN(mn_access_check(x, mn_str_from(t.text), &g, &e));
    RUN(mn_social_account_erase(s, ada, &e)); /* no job has run yet */
    FAILS(MN_E_DENIED, mn_access_check(x, mn_str_from(t.text), &g, &e));
    RUN(mn_store_account_by_id(s, ada, &ar, &a, &e));
    OK(a.state == MN_ACCOUNT_DELETED && a.bio.len == 0 && a.password_hash.len == 0);
    IS(a.name, "ada");
    OK(number("SELECT COUNT(*) FROM jobs WHERE kind = 'erase'") == 1);
    mn_access_free(x);
}

static void nobody_else_loses_anything_and_counts_follow(void **state)
{
    (void)state;
    mn_tx *tx;
    bool changed;
    mn_post p = {.id = 77, .account_id = bob, .created_ms = 1000, .text = MN_STR("hello")};
    uint64_t eve = make("eve");
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_post_add(tx, &p, &e));
    p = (mn_post){.id = 78, .account_id = ada, .created_ms = 1000, .text = MN_STR("mine")};
    RUN(mn_store_post_add(tx, &p, &e));
    RUN(mn_store_mark_set(tx, MN_MARK_FAVOURITE, ada, 77, true, &changed, &e));
    RUN(mn_store_mark_set(tx, MN_MARK_FAVOURITE, eve, 77, true, &changed, &e));
    RUN(mn_store_follow_add(tx, ada, bob, 1, &e));
    RUN(mn_store_follow_add(tx, eve, bob, 1, &e));
    RUN(mn_store_commit(tx, &e));
    erase_all(ada);
    assert_int_equal(number("SELECT n_favourites FROM posts WHERE id = 77"), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM favourites"), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM follows"), 1);
    OK(number("SELECT deleted_ms FROM posts WHERE id = 78") > 0);
    assert_int_equal(number("SELECT length(text) FROM posts WHERE id = 78"), 0);
    assert_int_equal(number("SELECT length(text) FROM posts WHERE id = 77"), 5);
    mn_account a;
    RUN(mn_store_account_by_id(s, bob, &ar, &a, &e));
    assert_int_equal(a.n_followers, 1);
}

static void the_name_stays_taken(void **state)
{
    (void)state;
    uint64_t id = 0;
    erase_all(ada);
    FAILS(MN_E_EXISTS, mn_social_account_create(s, MN_STR("Ada"), MN_STR(""), MN_ROLE_MEMBER,
                                                "", NULL, &id, &e));
}

static void doing_it_again_is_fine(void **state)
{
    (void)state;
    erase_all(ada);
    erase_all(ada);
    FAILS(MN_E_NOT_FOUND, mn_social_account_erase(s, 12345, &e));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(no_table_keeps_anything_of_it),
        CASE(it_is_out_of_view_at_once_and_its_tokens_are_dead),
        CASE(nobody_else_loses_anything_and_counts_follow),
        CASE(the_name_stays_taken),
        CASE(doing_it_again_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

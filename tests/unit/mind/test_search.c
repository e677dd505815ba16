/* The index over a store: it follows every change, survives crashes and damage, and finds what
 * SQLite's FTS5 finds. */
#include "fixture.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "base/hash.h"

static void what_is_posted_is_found_and_what_is_deleted_is_not(void **state)
{
    (void)state;
    fixture f;
    mn_err e = {0};
    mn_tx *tx;
    fixture_start(&f);
    fixture_post(&f, 1, 1, "The river flooded the old bridge");
    fixture_post(&f, 2, 2, "Bridges of the city, seen from the river");
    fixture_post(&f, 3, 1, "Nothing to see");
    FINDS(f.search, "bridge", "");
    fixture_update(&f);
    FINDS(f.search, "Bridge!", "1 2");
    FINDS(f.search, "flood bridge", "1 2");
    FINDS(f.search, "", "");
    FINDS(f.search, "absent", "");
    OK(mn_search_count(f.search) == 3);

    RUN(mn_store_begin(f.store, &tx, &e));
    RUN(mn_store_post_edit(tx, 1, MN_STR("A tram on the river"), MN_STR(""), MN_STR("en"), 9,
                           &e));
    RUN(mn_store_post_delete(tx, 2, 9, &e));
    RUN(mn_store_commit(tx, &e));
    FINDS(f.search, "bridge", "1"); /* the store knows at once what is gone */
    fixture_update(&f);
    FINDS(f.search, "bridge", "");
    FINDS(f.search, "tram", "1");
    OK(mn_search_count(f.search) == 2);
    fixture_finish(&f);
}

static void only_what_everybody_may_see_and_search_is_there(void **state)
{
    (void)state;
    fixture f;
    mn_err e = {0};
    fixture_start(&f);
    fixture_post(&f, 1, 1, "heron one");
    fixture_post_as(&f, &(mn_post){.id = 2,
                                   .account_id = 2,
                                   .created_ms = 1,
                                   .visibility = MN_VIS_FOLLOWERS,
                                   .text = MN_STR("heron two")});
    fixture_post_as(&f, &(mn_post){.id = 3,
                                   .account_id = 3,
                                   .created_ms = 1,
                                   .visibility = MN_VIS_DIRECT,
                                   .text = MN_STR("heron three")});
    fixture_post(&f, 4, 4, "heron four");
    fixture_post(&f, 5, 5, "heron five");
    fixture_update(&f);
    FINDS(f.search, "heron", "5 4 1");
    RUN(mn_social_consent_set(f.store, MN_SCOPE_ACCOUNT, 4, MN_P_SEARCH, MN_CONSENT_DENY, 4,
                              MN_STR(""), &e));
    RUN(mn_social_consent_set(f.store, MN_SCOPE_POST, 5, MN_P_SEARCH, MN_CONSENT_DENY, 5,
                              MN_STR(""), &e));
    fixture_update(&f);
    FINDS(f.search, "heron", "1");
    RUN(mn_social_consent_set(f.store, MN_SCOPE_POST, 5, MN_P_SEARCH, MN_CONSENT_ALLOW, 5,
                              MN_STR(""), &e));
    fixture_update(&f);
    FINDS(f.search, "heron", "5 1");
    /* the server's default: only those who said yes stay */
    RUN(mn_social_consent_set(f.store, MN_SCOPE_SERVER, 0, MN_P_SEARCH, MN_CONSENT_DENY, 0,
                              MN_STR(""), &e));
    fixture_update(&f);
    FINDS(f.search, "heron", "5");
    RUN(mn_social_consent_set(f.store, MN_SCOPE_SERVER, 0, MN_P_SEARCH, MN_CONSENT_UNSET, 0,
                              MN_STR(""), &e));
    fixture_update(&f);
    FINDS(f.search, "heron", "5 1");
    fixture_finish(&f);
}

static void a_suspended_account_is_not_found(void **state)
{
    (void)state;
    fixture f;
    mn_err e = {0};
    fixture_start(&f);
    fixture_post(&f, 1, 1, "curlew one");
    fixture_post(&f, 2, 2, "curlew two");
    fixture_update(&f);
    RUN(mn_social_account_suspend(f.store, 2, true, &e));
    fixture_update(&f);
    FINDS(f.search, "curlew", "1");
    RUN(mn_social_account_suspend(f.store, 2, false, &e));
    fixture_update(&f);
    FINDS(f.search, "curlew", "2 1");
    fixture_finish(&f);
}

static void before_bounds_what_is_found(void **state)
{
    (void)state;
    fixture f;
    mn_err e = {0};
    mn_arena a;
    mn_hit *hits;
    size_t n;
    fixture_start(&f);
    for (uint64_t i = 1; i <= 30; i++) fixture_post(&f, i * 10, 1, "swift");
    fixture_update(&f);
    mn_arena_init(&a, 0);
    mn_query_opts o = {.before = 105, .limit = 3};
    RUN(mn_search_query(f.search, MN_STR("swift"), &o, &a, &hits, &n, &e));
    OK(n == 3 && hits[0].id == 100 && hits[1].id == 90 && hits[2].id == 80);
    OK(hits[0].score == hits[2].score && hits[0].score > 0);
    o = (mn_query_opts){.limit = MN_SEARCH_LIMIT_MAX + 1};
    FAILS(MN_E_USAGE, mn_search_query(f.search, MN_STR("swift"), &o, &a, &hits, &n, &e));
    mn_arena_release(&a);
    fixture_finish(&f);
}

static void expansion_finds_posts_without_the_word(void **state)
{
    (void)state;
    fixture f;
    mn_err e = {0};
    mn_arena a;
    mn_hit *hits;
    size_t n;
    fixture_start(&f);
    fixture_post(&f, 1, 1, "earthquake magnitude richter epicentre");
    fixture_post(&f, 2, 2, "earthquake epicentre near the coast");
    fixture_post(&f, 3, 3, "the epicentre lies offshore");
    fixture_post(&f, 4, 4, "pancakes for breakfast");
    fixture_update(&f);
    mn_arena_init(&a, 0);
    mn_query_opts o = {.limit = 10, .expand = true};
    RUN(mn_search_query(f.search, MN_STR("earthquake"), &o, &a, &hits, &n, &e));
    OK(n == 3 && hits[2].id == 3);
    RUN(mn_search_query(f.search, MN_STR("zzz"), &o, &a, &hits, &n, &e));
    OK(n == 0);
    mn_arena_release(&a);
    fixture_finish(&f);
}

static void reopen(fixture *f)
{
    mn_err e = {0};
    mn_search_close(f->search);
    RUN(mn_search_open(f->index, f->store, false, &f->search, &e));
}

static void many_small_updates_merge_and_survive_reopening(void **state)
{
    (void)state;
    fixture f;
    mn_err e = {0};
    mn_arena a;
    char **names;
    size_t n;
    fixture_start(&f);
    for (uint64_t i = 1; i <= 70; i++) {
        char text[64];
        snprintf(text, sizeof text, "gull number%llu", (unsigned long long)i);
        fixture_post(&f, i, 1 + i % 20, text);
        fixture_update(&f);
        if (i % 10 == 0) reopen(&f);
    }
    OK(mn_search_count(f.search) == 70);
    FINDS(f.search, "number33", "33");
    mn_arena_init(&a, 0);
    RUN(mn_fs_list(f.index, &a, &names, &n, &e));
    OK(n < 12); /* lock, manifest, fewer than eight segments, no leftovers */
    mn_arena_release(&a);
    mn_tx *tx;
    RUN(mn_store_begin(f.store, &tx, &e));
    for (uint64_t i = 1; i <= 60; i++) RUN(mn_store_post_delete(tx, i, 5, &e));
    RUN(mn_store_commit(tx, &e));
    fixture_update(&f);
    FINDS(f.search, "gull", "70 69 68 67 66 65 64 63 62 61");
    reopen(&f);
    OK(mn_search_count(f.search) == 10);
    FINDS(f.search, "gull", "70 69 68 67 66 65 64 63 62 61");
    fixture_finish(&f);
}

static void one_writes_and_others_read(void **state)
{
    (void)state;
    fixture f;
    mn_err e = {0};
    mn_search *second = NULL, *reader;
    fixture_start(&f);
    FAILS(MN_E_BUSY, mn_search_open(f.index, f.store, false, &second, &e));
    OK(second == NULL);
    RUN(mn_search_open(f.index, f.store, true, &reader, &e));
    fixture_post(&f, 1, 1, "wren");
    fixture_update(&f);
    FINDS(reader, "wren", "");
    RUN(mn_search_update(reader, NULL, &e));
    FINDS(reader, "wren", "1");
    for (uint64_t i = 2; i < 30; i++) {
        fixture_post(&f, i, 1, "robin");
        fixture_update(&f);
    }
    FINDS(reader, "wren", "1"); /* its files are gone, its maps are not */
    RUN(mn_search_update(reader, NULL, &e));
    OK(mn_search_count(reader) == 29);
    mn_search_close(reader);
    fixture_finish(&f);
}

static void flip_a_byte(const char *path)
{
    mn_err e = {0};
    mn_buf b;
    mn_buf_init(&b, 0);
    RUN(mn_fs_read(path, 1 << 24, &b, &e));
    b.ptr[b.len / 2] ^= 1;
    RUN(mn_fs_write_atomic(path, b.ptr, b.len, &e));
    mn_buf_release(&b);
}

static void damage_is_said_set_aside_and_made_good(void **state)
{
    (void)state;
    fixture f;
    mn_err e = {0};
    mn_search *reader = NULL;
    char path[160];
    fixture_start(&f);
    fixture_post(&f, 1, 1, "a kestrel over the field and a kite");
    fixture_update(&f);
    mn_search_close(f.search);
    f.search = NULL;
    snprintf(path, sizeof path, "%s/00000001.seg", f.index);
    OK(mn_fs_exists(path));
    flip_a_byte(path);
    FAILS(MN_E_CORRUPT, mn_search_open(f.index, f.store, true, &reader, &e));
    RUN(mn_search_open(f.index, f.store, false, &f.search, &e));
    OK(strstr(mn_search_notice(f.search), "damaged"));
    fixture_update(&f);
    FINDS(f.search, "kestrel", "1");
    snprintf(path, sizeof path, "%s/00000001.seg.bad", f.index);
    OK(mn_fs_exists(path));
    mn_search_close(f.search);
    f.search = NULL;
    snprintf(path, sizeof path, "%s/manifest.json", f.index);
    flip_a_byte(path);
    RUN(mn_search_open(f.index, f.store, false, &f.search, &e));
    OK(strstr(mn_search_notice(f.search), "damaged"));
    fixture_update(&f);
    FINDS(f.search, "kite", "1");
    reopen(&f);
    OK(mn_search_notice(f.search)[0] == 0);
    FINDS(f.search, "kite", "1");
    mn_search_close(f.search);
    f.search = NULL;
    mn_arena a;
    char **names;
    size_t n;
    mn_arena_init(&a, 0);
    RUN(mn_fs_list(f.index, &a, &names, &n, &e));
    for (size_t i = 0; i < n; i++)
        if (mn_str_ends(mn_str_from(names[i]), ".seg"))
            unlink(mn_fs_join(&a, f.index, names[i]));
    mn_arena_release(&a);
    RUN(mn_search_open(f.index, f.store, false, &f.search, &e));
    OK(strstr(mn_search_notice(f.search), "made again"));
    fixture_update(&f);
    FINDS(f.search, "kite", "1");
    fixture_finish(&f);
}

static void an_undone_import_is_forgotten(void **state)
{
    (void)state;
    fixture f;
    mn_err e = {0};
    mn_tx *tx;
    uint64_t import, id;
    bool left = true;
    fixture_start(&f);
    fixture_post(&f, 1, 1, "stork one");
    RUN(mn_store_begin(f.store, &tx, &e));
    RUN(mn_store_import_begin(tx, MN_STR("x.jsonl"), MN_STR("jsonl"), &import, &e));
    mn_post p = {.id = 50,
                 .account_id = 2,
                 .created_ms = 5,
                 .text = MN_STR("stork two"),
                 .origin = MN_STR("jsonl:50"),
                 .import_id = import};
    RUN(mn_store_post_import(tx, &p, &id, &e));
    RUN(mn_store_commit(tx, &e));
    fixture_update(&f);
    OK(mn_search_count(f.search) == 2);
    while (left) {
        RUN(mn_store_begin(f.store, &tx, &e));
        RUN(mn_store_import_undo(tx, import, 1000, &left, &e));
        RUN(mn_store_commit(tx, &e));
    }
    fixture_update(&f);
    FINDS(f.search, "stork", "1");
    fixture_finish(&f);
}

/* Posts and follows for ever, saying so after each update. */
_Noreturn static void post_until_killed(const fixture *f, uint64_t id, int told)
{
    mn_err e = {0};
    mn_store *s;
    mn_search *x;
    char path[96];
    snprintf(path, sizeof path, "%s/mynah.db", f->dir);
    if (mn_store_open(path, &s, &e) || mn_search_open(f->index, s, false, &x, &e)) _exit(3);
    for (;; id++) {
        mn_tx *tx;
        mn_post p = {
            .id = id, .account_id = 1, .created_ms = 5, .text = MN_STR("plover on the shore")};
        if (mn_store_begin(s, &tx, &e) || mn_store_post_add(tx, &p, &e)) _exit(4);
        if (id % 3 == 0 && mn_store_post_delete(tx, id - 1, 5, &e)) _exit(5);
        if (mn_store_commit(tx, &e) || mn_search_update(x, NULL, &e)) _exit(6);
        if (write(told, "x", 1) != 1) _exit(7);
    }
}

/* Runs it for some updates and a moment, then kills it. */
static void run_and_kill(const fixture *f, uint64_t id, uint64_t round)
{
    int ends[2], status;
    char byte;
    OK(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) post_until_killed(f, id, ends[1]);
    close(ends[1]);
    for (uint64_t n = 1 + mn_rand_at(11, round, 0) % 6; n; n--)
        OK(read(ends[0], &byte, 1) == 1);
    usleep((useconds_t)(mn_rand_at(11, round, 1) % 8000));
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    OK(WIFSIGNALED(status));
    close(ends[0]);
}

static void a_crash_leaves_the_old_index_or_the_new(void **state)
{
    (void)state;
    fixture f;
    mn_err e = {0};
    fixture_start(&f);
    uint64_t next = 1;
    for (uint64_t round = 0; round < 15; round++) {
        mn_search_close(f.search);
        f.search = NULL;
        run_and_kill(&f, next, round);
        RUN(mn_search_open(f.index, f.store, false, &f.search, &e));
        OK(mn_search_notice(f.search)[0] == 0);
        fixture_update(&f);
        uint64_t accounts, posts, rev;
        RUN(mn_store_counts(f.store, &accounts, &posts, &rev, &e));
        assert_int_equal(mn_search_count(f.search), posts);
        mn_arena a;
        mn_post p;
        mn_arena_init(&a, 0);
        while (mn_store_post(f.store, next, &a, &p, &e) == MN_OK) next++;
        mn_arena_release(&a);
    }
    OK(next > 15);
    fixture_finish(&f);
}

typedef struct asker {
    fixture *f;
    _Atomic bool stop;
    size_t asked, wrong;
} asker;

static void *keep_asking(void *arg)
{
    asker *k = arg;
    while (!k->stop) {
        mn_err e = {0};
        mn_arena a;
        mn_hit *hits;
        size_t n;
        mn_query_opts o = {.limit = 1000};
        mn_arena_init(&a, 0);
        mn_rc rc = mn_search_query(k->f->search, MN_STR("tern"), &o, &a, &hits, &n, &e);
        k->wrong += rc != MN_OK;
        for (size_t i = 1; rc == MN_OK && i < n; i++) k->wrong += hits[i].id >= hits[i - 1].id;
        k->asked++;
        mn_arena_release(&a);
    }
    return NULL;
}

static void queries_go_on_while_the_index_changes(void **state)
{
    (void)state;
    fixture f;
    pthread_t thread;
    fixture_start(&f);
    asker k = {.f = &f};
    OK(pthread_create(&thread, NULL, keep_asking, &k) == 0);
    for (uint64_t i = 1; i <= 60; i++) {
        fixture_post(&f, i, 1, "tern");
        fixture_update(&f);
    }
    k.stop = true;
    pthread_join(thread, NULL);
    OK(k.asked > 0 && k.wrong == 0);
    OK(mn_search_count(f.search) == 60);
    fixture_finish(&f);
}

static void words_of(char *ret, size_t n, uint64_t doc)
{
    size_t at = 0;
    uint64_t k = 1 + mn_rand_at(3, doc, 0) % 20;
    for (uint64_t i = 0; i < k; i++)
        at += (size_t)snprintf(
            ret + at, n - at, "w%llu ",
            (unsigned long long)(mn_rand_at(3, doc, i + 1) % (i & 1 ? 300 : 12)));
}

static int by_id(const void *x, const void *y)
{
    uint64_t a = ((const mn_hit *)x)->id, b = ((const mn_hit *)y)->id;
    return a < b ? -1 : a > b;
}

static void the_same_posts_match_as_in_fts5(void **state)
{
    (void)state;
    fixture f;
    mn_err e = {0};
    sqlite3 *db;
    sqlite3_stmt *q;
    mn_tx *tx;
    char text[512];
    fixture_start(&f);
    OK(sqlite3_open(":memory:", &db) == SQLITE_OK);
    OK(sqlite3_exec(db, "CREATE VIRTUAL TABLE t USING fts5(x)", 0, 0, 0) == SQLITE_OK);
    OK(sqlite3_prepare_v2(db, "INSERT INTO t(rowid, x) VALUES (?1, ?2)", -1, &q, 0) ==
       SQLITE_OK);
    RUN(mn_store_begin(f.store, &tx, &e));
    for (uint64_t i = 1; i <= 3000; i++) {
        words_of(text, sizeof text, i);
        sqlite3_bind_int64(q, 1, (sqlite3_int64)i);
        sqlite3_bind_text(q, 2, text, -1, SQLITE_TRANSIENT);
        OK(sqlite3_step(q) == SQLITE_DONE && sqlite3_reset(q) == SQLITE_OK);
        mn_post p = {.id = i, .account_id = 1, .created_ms = 5, .text = mn_str_from(text)};
        RUN(mn_store_post_add(tx, &p, &e));
    }
    sqlite3_finalize(q);
    RUN(mn_store_commit(tx, &e));
    fixture_update(&f);
    OK(sqlite3_prepare_v2(db, "SELECT rowid FROM t WHERE t MATCH ?1 ORDER BY rowid", -1, &q,
                          0) == SQLITE_OK);
    for (uint64_t round = 0; round < 100; round++) {
        mn_arena a;
        mn_hit *hits;
        size_t n, i = 0;
        unsigned x = (unsigned)(mn_rand_at(4, round, 0) % 320),
                 y = (unsigned)(mn_rand_at(4, round, 1) % 320);
        mn_arena_init(&a, 0);
        snprintf(text, sizeof text, "w%u w%u", x, y);
        mn_query_opts o = {.limit = MN_SEARCH_LIMIT_MAX};
        RUN(mn_search_query(f.search, mn_str_from(text), &o, &a, &hits, &n, &e));
        if (n) qsort(hits, n, sizeof *hits, by_id);
        snprintf(text, sizeof text, "w%u OR w%u", x, y);
        sqlite3_bind_text(q, 1, text, -1, SQLITE_TRANSIENT);
        while (sqlite3_step(q) == SQLITE_ROW) {
            OK(i < n);
            assert_int_equal(hits[i++].id, sqlite3_column_int64(q, 0));
        }
        assert_int_equal(i, n);
        sqlite3_reset(q);
        mn_arena_release(&a);
    }
    sqlite3_finalize(q);
    sqlite3_close(db);
    fixture_finish(&f);
}

static void running_out_of_memory_leaves_the_index_as_it_was(void **state)
{
    (void)state;
    fixture f;
    mn_err e = {0};
    size_t failed = 0;
    fixture_start(&f);
    fixture_post(&f, 1, 1, "dunlin first");
    fixture_update(&f);
    fixture_post(&f, 2, 1, "dunlin second");
    for (long n = 1; n < 400; n++) {
        mn_mem_fail_after(n);
        mn_rc rc = mn_search_update(f.search, NULL, &e);
        mn_mem_fail_after(0);
        if (rc == MN_OK) break;
        failed++;
        FINDS(f.search, "first", "1");
    }
    OK(failed > 5);
    fixture_update(&f);
    FINDS(f.search, "dunlin", "2 1");
    reopen(&f);
    FINDS(f.search, "dunlin", "2 1");
    fixture_finish(&f);
}

static void the_index_of_another_database_is_made_again(void **state)
{
    (void)state;
    fixture f, g;
    mn_err e = {0};
    fixture_start(&f);
    fixture_start(&g);
    for (uint64_t i = 1; i < 9; i++) fixture_post(&f, i, 1, "snipe");
    fixture_update(&f);
    mn_search_close(f.search);
    RUN(mn_search_open(f.index, g.store, false, &f.search, &e));
    OK(strstr(mn_search_notice(f.search), "another database"));
    fixture_update(&f);
    FINDS(f.search, "snipe", "");
    fixture_finish(&f);
    fixture_finish(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_posted_is_found_and_what_is_deleted_is_not),
        TEST(only_what_everybody_may_see_and_search_is_there),
        TEST(a_suspended_account_is_not_found),
        TEST(before_bounds_what_is_found),
        TEST(expansion_finds_posts_without_the_word),
        TEST(many_small_updates_merge_and_survive_reopening),
        TEST(one_writes_and_others_read),
        TEST(damage_is_said_set_aside_and_made_good),
        TEST(an_undone_import_is_forgotten),
        TEST(a_crash_leaves_the_old_index_or_the_new),
        TEST(queries_go_on_while_the_index_changes),
        TEST(the_same_posts_match_as_in_fts5),
        TEST(running_out_of_memory_leaves_the_index_as_it_was),
        TEST(the_index_of_another_database_is_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

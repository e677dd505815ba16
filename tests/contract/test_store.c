/* What every back end of the store must do: accounts, posts, media, facts, jobs, threads. */
#include "contract/store.h"

#include <pthread.h>

/* ---- accounts ------------------------------------------------------------------------------------------------ */

static void an_account_comes_back_as_it_was_written(void **state)
{
    (void)state;
    mn_account a = {.id = 7,
                    .name = MN_STR("Ada.L"),
                    .display_name = MN_STR("Ada \xf0\x9f\x8c\xb8"),
                    .bio = MN_STR("first\nsecond"),
                    .password_hash = MN_STR("$argon2id$x"),
                    .origin = MN_STR("x:1"),
                    .state = MN_ACCOUNT_SUSPENDED,
                    .role = MN_ROLE_OPERATOR,
                    .bot = true,
                    .locked = true,
                    .created_ms = -5},
               b = {0};
    TX(mn_store_account_add(tx, &a, &e));
    reopen();
    RUN(mn_store_account_by_name(s, MN_STR("aDA.l"), &ar, &b, &e));
    OK(b.id == 7 && b.state == MN_ACCOUNT_SUSPENDED && b.role == MN_ROLE_OPERATOR && b.bot &&
       b.locked && b.created_ms == -5 && b.n_posts == 0);
    OK(mn_str_eq(a.name, b.name) && mn_str_eq(a.display_name, b.display_name));
    OK(mn_str_eq(a.bio, b.bio) && mn_str_eq(a.password_hash, b.password_hash));
    OK(mn_str_eq(a.origin, b.origin));
    OK(b.name.ptr[b.name.len] == '\0'); /* strings from the arena are terminated */
}

static void a_name_is_unique_without_regard_to_case(void **state)
{
    (void)state;
    mn_account a = {0};
    add_account(1, "Bob");
    TX_FAILS(MN_E_EXISTS,
             mn_store_account_add(tx, &(mn_account){.id = 2, .name = MN_STR("bOB")}, &e));
    OK(strstr(e.msg, "bOB"));
    TX_FAILS(MN_E_EXISTS,
             mn_store_account_add(tx, &(mn_account){.id = 1, .name = MN_STR("carol")}, &e));
    FAILS(MN_E_NOT_FOUND, mn_store_account_by_name(s, MN_STR("carol"), &ar, &a, &e));
    FAILS(MN_E_NOT_FOUND, mn_store_account_by_id(s, 2, &ar, &a, &e));
    FAILS(MN_E_NOT_FOUND, mn_store_account_by_id(s, UINT64_MAX, &ar, &a, &e));
}

static void an_account_needs_an_id_and_a_name(void **state)
{
    (void)state;
    char longer[66];
    memset(longer, 'a', 65);
    longer[65] = 0;
    TX_FAILS(MN_E_USAGE, mn_store_account_add(tx, &(mn_account){.name = MN_STR("a")}, &e));
    TX_FAILS(MN_E_USAGE, mn_store_account_add(tx, &(mn_account){.id = 1}, &e));
    TX_FAILS(MN_E_USAGE,
             mn_store_account_add(tx, &(mn_account){.id = 1, .name = mn_str_from(longer)}, &e));
    TX_FAILS(MN_E_USAGE, mn_store_account_add(
                             tx, &(mn_account){.id = 1ull << 63, .name = MN_STR("a")}, &e));
}

static void an_update_replaces_all_but_the_name(void **state)
{
    (void)state;
    mn_account a = {.id = 3, .name = MN_STR("other"), .display_name = MN_STR("new")}, b = {0};
    add_account(3, "carol");
    TX(mn_store_account_update(tx, &a, &e));
    RUN(mn_store_account_by_id(s, 3, &ar, &b, &e));
    IS(b.name, "carol");
    IS(b.display_name, "new");
    TX_FAILS(MN_E_NOT_FOUND, mn_store_account_update(tx, &(mn_account){.id = 99}, &e));
}

static void accounts_are_listed_by_name_in_pages(void **state)
{
    (void)state;
    mn_account *list = NULL;
    size_t n = 0;
    add_account(1, "bob");
    add_account(2, "Alice");
    add_account(3, "carol");
    RUN(mn_store_accounts(s, MN_STR(""), 2, &ar, &list, &n, &e));
    assert_int_equal(n, 2);
    IS(list[0].name, "Alice");
    IS(list[1].name, "bob");
    RUN(mn_store_accounts(s, MN_STR("BOB"), 2, &ar, &list, &n, &e));
    assert_int_equal(n, 1);
    IS(list[0].name, "carol");
}

static void follows_are_added_once_listed_and_removed(void **state)
{
    (void)state;
    uint64_t *ids = NULL;
    size_t n = 0;
    bool is = false;
    add_account(1, "a");
    add_account(2, "b");
    add_account(3, "c");
    TX(mn_store_follow_add(tx, 1, 3, 10, &e));
    TX(mn_store_follow_add(tx, 1, 2, 11, &e));
    TX(mn_store_follow_add(tx, 1, 2, 12, &e));
    RUN(mn_store_follows(s, 1, &ar, &ids, &n, &e));
    OK(n == 2 && ids[0] == 2 && ids[1] == 3);
    RUN(mn_store_follow_is(s, 1, 2, &is, &e));
    OK(is);
    RUN(mn_store_follow_is(s, 2, 1, &is, &e));
    OK(!is);
    TX(mn_store_follow_remove(tx, 1, 2, &e));
    TX(mn_store_follow_remove(tx, 1, 2, &e));
    RUN(mn_store_follows(s, 1, &ar, &ids, &n, &e));
    OK(n == 1 && ids[0] == 3);
    TX_FAILS(MN_E_NOT_FOUND, mn_store_follow_add(tx, 1, 99, 1, &e));
    TX_FAILS(MN_E_USAGE, mn_store_follow_add(tx, 1, 1, 1, &e));
}

/* ---- posts --------------------------------------------------------------------------------------------------- */

static void a_post_comes_back_as_it_was_written(void **state)
{
    (void)state;
    mn_post p = {.id = (1ull << 62) + 5,
                 .account_id = 1,
                 .created_ms = -123456789,
                 .edited_ms = 99,
                 .visibility = MN_VIS_FOLLOWERS,
                 .reply_to = 11,
                 .quote_of = 12,
                 .boost_of = 13,
                 .text = MN_STR("a\tb \xe2\x9c\x93 'quoted'; -- ?1 $1"),
                 .lang = MN_STR("pt-BR"),
                 .warning = MN_STR("cw"),
                 .sensitive = true,
                 .origin = MN_STR("x:9")};
    TX(mn_store_account_add(
        tx, &(mn_account){.id = 1, .name = MN_STR("a"), .display_name = MN_STR("A")}, &e));
    TX(mn_store_post_add(tx, &p, &e));
    reopen();
    mn_post q = get(p.id);
    OK(q.id == p.id && q.account_id == 1 && q.created_ms == p.created_ms && q.edited_ms == 99);
    OK(q.deleted_ms == 0 && q.visibility == MN_VIS_FOLLOWERS && q.sensitive && q.rev == 1);
    OK(q.reply_to == 11 && q.quote_of == 12 && q.boost_of == 13 && q.thread_id == 11);
    OK(mn_str_eq(q.text, p.text) && mn_str_eq(q.lang, p.lang) &&
       mn_str_eq(q.warning, p.warning) && mn_str_eq(q.origin, p.origin));
    IS(q.account_name, "a");
    IS(q.account_display, "A");
    OK(q.consent == 0 && q.account_consent == 0 && q.consent_rev == 0);
}

/* No back end takes what another could not: a store can always be moved. */
static void text_that_is_not_utf8_or_holds_nul_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    static const mn_str bad[] = {{"a\0b", 3}, {"\xff", 1}, {"\xc3", 1}, {"\xed\xa0\x80", 3}};
    add_account(1, "a");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mn_post p = post(5, 1, "");
        p.text = bad[i];
        TX_FAILS(MN_E_PARSE, mn_store_post_add(tx, &p, &e));
        OK(strstr(e.msg, "UTF-8"));
    }
    /* The transaction itself has not failed: it goes on. */
    mn_tx *tx;
    mn_post q = post(6, 1, "\xff"), r = post(6, 1, "fine");
    RUN(mn_store_begin(s, &tx, &e));
    FAILS(MN_E_PARSE, mn_store_post_add(tx, &q, &e));
    RUN(mn_store_post_add(tx, &r, &e));
    RUN(mn_store_commit(tx, &e));
    IS(get(6).text, "fine");
    assert_int_equal(n_posts(1), 1);
}

static void a_post_that_does_not_fit_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    mn_post p = post(1, 1, "first"), q = post(1, 1, "second"), r = post(2, 9, "no author");
    mn_post zero = post(0, 1, "x"), huge = post(1ull << 63, 1, "x"), far = post(3, 1, "x");
    far.reply_to = UINT64_MAX;
    add_account(1, "a");
    TX(mn_store_post_add(tx, &p, &e));
    TX_FAILS(MN_E_EXISTS, mn_store_post_add(tx, &q, &e));
    TX_FAILS(MN_E_NOT_FOUND, mn_store_post_add(tx, &r, &e));
    TX_FAILS(MN_E_USAGE, mn_store_post_add(tx, &zero, &e));
    TX_FAILS(MN_E_USAGE, mn_store_post_add(tx, &huge, &e));
    TX_FAILS(MN_E_USAGE, mn_store_post_add(tx, &far, &e));
    far = post(3, 1, "x");
    far.text.len = (16u << 20) + 1; /* refused before it is read */
    TX_FAILS(MN_E_LIMIT, mn_store_post_add(tx, &far, &e));
    IS(get(1).text, "first");
    FAILS(MN_E_NOT_FOUND, mn_store_post(s, 2, &ar, &r, &e));
    assert_int_equal(n_posts(1), 1);
}

static void a_failed_post_leaves_the_transaction_usable(void **state)
{
    (void)state;
    mn_tx *tx;
    mn_post p = post(1, 1, "one"), q = post(2, 1, "two");
    add_account(1, "a");
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_post_add(tx, &p, &e));
    FAILS(MN_E_EXISTS, mn_store_post_add(tx, &p, &e));
    RUN(mn_store_post_add(tx, &q, &e));
    RUN(mn_store_commit(tx, &e));
    IS(get(2).text, "two");
    assert_int_equal(n_posts(1), 2);
}

static void a_rollback_leaves_nothing(void **state)
{
    (void)state;
    mn_tx *tx;
    mn_post p = post(1, 1, "one"), q = {0};
    uint64_t accounts = 9, posts = 9, rev = 9;
    add_account(1, "a");
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_post_add(tx, &p, &e));
    FAILS(MN_E_NOT_FOUND, mn_store_post(s, 1, &ar, &q, &e)); /* not seen before the commit */
    mn_store_rollback(tx);
    FAILS(MN_E_NOT_FOUND, mn_store_post(s, 1, &ar, &q, &e));
    RUN(mn_store_counts(s, &accounts, &posts, &rev, &e));
    OK(accounts == 1 && posts == 0 && rev == 0);
    mn_store_rollback(NULL);
}

static void an_answer_joins_the_thread_of_what_it_answers(void **state)
{
    (void)state;
    mn_posts t = {0};
    add_account(1, "a");
    add_post(10, 1, "root", 0);
    add_post(20, 1, "answer", 10);
    add_post(30, 1, "answer to the answer", 20);
    add_post(40, 1, "another", 0);
    add_post(50, 1, "to itself", 50);
    OK(get(10).thread_id == 10 && get(20).thread_id == 10 && get(30).thread_id == 10);
    OK(get(40).thread_id == 40 && get(50).thread_id == 50);
    TX(mn_store_post_delete(tx, 20, 5, &e));
    RUN(mn_store_posts_thread(s, 10, 10, &ar, &t, &e));
    OK(t.n == 3 && t.items[0].id == 10 && t.items[1].id == 20 && t.items[2].id == 30);
    OK(t.items[1].deleted_ms == 5);
    RUN(mn_store_posts_thread(s, 10, 2, &ar, &t, &e));
    assert_int_equal(t.n, 2);
    RUN(mn_store_posts_thread(s, 20, 10, &ar, &t, &e)); /* not the id of a thread */
    assert_int_equal(t.n, 0);
}

static void answers_that_come_first_wait_and_then_follow(void **state)
{
    (void)state;
    mn_posts t = {0};
    add_account(1, "a");
    add_post(40, 1, "fourth", 30); /* a thread that comes newest first */
    add_post(31, 1, "also to the third", 30);
    OK(get(40).thread_id == 30 && get(31).thread_id == 30);
    add_post(30, 1, "third", 20);
    OK(get(40).thread_id == 20 && get(31).thread_id == 20 && get(30).thread_id == 20);
    uint64_t rev = get(40).rev;
    add_post(20, 1, "second", 10);
    add_post(10, 1, "first", 0);
    RUN(mn_store_posts_thread(s, 10, 10, &ar, &t, &e));
    OK(t.n == 5 && t.items[0].id == 10 && t.items[4].id == 40);
    OK(get(40).rev > rev); /* whoever follows the changes hears of the new thread */
}

static void the_public_page_has_live_public_posts_newest_first(void **state)
{
    (void)state;
    mn_posts page = {0};
    add_account(1, "a");
    add_account(2, "b");
    for (uint64_t id = 1; id <= 6; id++) {
        mn_post p = post(id * 10, id == 5 ? 2 : 1, "x");
        p.visibility = id == 2 ? MN_VIS_UNLISTED : id == 3 ? MN_VIS_DIRECT : MN_VIS_PUBLIC;
        TX(mn_store_post_add(tx, &p, &e));
    }
    TX(mn_store_post_delete(tx, 40, 1, &e));
    RUN(mn_store_posts_public(s, 0, 10, &ar, &page, &e));
    OK(page.n == 3 && page.items[0].id == 60 && page.items[1].id == 50 &&
       page.items[2].id == 10);
    RUN(mn_store_posts_public(s, 60, 1, &ar, &page, &e));
    OK(page.n == 1 && page.items[0].id == 50);
    RUN(mn_store_posts_public(s, UINT64_MAX, 1, &ar, &page, &e));
    OK(page.n == 1 && page.items[0].id == 60);
    mn_account b = {.id = 2, .state = MN_ACCOUNT_SUSPENDED};
    TX(mn_store_account_update(tx, &b, &e));
    RUN(mn_store_posts_public(s, 60, 10, &ar, &page, &e));
    OK(page.n == 1 && page.items[0].id == 10);
    FAILS(MN_E_LIMIT, mn_store_posts_public(s, 0, 1001, &ar, &page, &e));
}

static void an_account_page_stops_at_the_visibility_asked_for(void **state)
{
    (void)state;
    mn_posts page = {0};
    add_account(1, "a");
    add_account(2, "b");
    for (uint64_t id = 1; id <= 4; id++) {
        mn_post p = post(id, 1, "x");
        p.visibility = (mn_visibility)(id - 1);
        TX(mn_store_post_add(tx, &p, &e));
    }
    add_post(5, 2, "of another", 0);
    for (int v = MN_VIS_PUBLIC; v <= MN_VIS_DIRECT; v++) {
        RUN(mn_store_posts_by_account(s, 1, (mn_visibility)v, 0, 10, &ar, &page, &e));
        assert_int_equal(page.n, v + 1);
        OK(page.items[0].id == (uint64_t)v + 1);
    }
    RUN(mn_store_posts_by_account(s, 1, MN_VIS_DIRECT, 3, 1, &ar, &page, &e));
    OK(page.n == 1 && page.items[0].id == 2);
}

static void posts_by_ids_come_in_the_order_asked(void **state)
{
    (void)state;
    mn_posts page = {0};
    const uint64_t ids[] = {3, 99, 1, 3};
    add_account(1, "a");
    for (uint64_t id = 1; id <= 3; id++) add_post(id, 1, "x", 0);
    RUN(mn_store_posts_by_ids(s, ids, 4, &ar, &page, &e));
    OK(page.n == 3 && page.items[0].id == 3 && page.items[1].id == 1 && page.items[2].id == 3);
    RUN(mn_store_posts_by_ids(s, ids, 0, &ar, &page, &e));
    assert_int_equal(page.n, 0);
}

static void the_scan_gives_each_live_post_once_by_id(void **state)
{
    (void)state;
    mn_posts page = {0};
    uint64_t after = 0, seen = 0;
    add_account(1, "a");
    for (uint64_t id = 1; id <= 25; id++) add_post(id * 7, 1, "x", 0);
    TX(mn_store_post_delete(tx, 70, 1, &e));
    do {
        RUN(mn_store_posts_scan(s, after, 4, &ar, &page, &e));
        for (size_t i = 0; i < page.n; i++, seen++) {
            OK(page.items[i].id > after && page.items[i].id != 70);
            after = page.items[i].id;
        }
    } while (page.n == 4);
    assert_int_equal(seen, 24);
}

static void the_scan_can_be_cut_at_every_so_many_live_posts(void **state)
{
    (void)state;
    uint64_t mark = 77;
    add_account(1, "a");
    RUN(mn_store_posts_mark(s, 0, 1, &mark, &e));
    assert_int_equal(mark, 0);
    for (uint64_t id = 1; id <= 25; id++) add_post(id * 7, 1, "x", 0);
    TX(mn_store_post_delete(tx, 70, 1, &e));
    RUN(mn_store_posts_mark(s, 0, 1, &mark, &e));
    assert_int_equal(mark, 7);
    RUN(mn_store_posts_mark(s, 63, 2, &mark, &e));
    assert_int_equal(mark, 84);
    RUN(mn_store_posts_mark(s, 8, 23, &mark, &e));
    assert_int_equal(mark, 175);
    RUN(mn_store_posts_mark(s, 8, 24, &mark, &e));
    assert_int_equal(mark, 0);
}

static void an_edit_keeps_the_version_before(void **state)
{
    (void)state;
    mn_post_version *v = NULL;
    size_t n = 0;
    add_account(1, "a");
    add_post(1, 1, "first", 0);
    TX(mn_store_post_edit(tx, 1, MN_STR("second"), MN_STR("cw"), MN_STR("de"), 2000, &e));
    TX(mn_store_post_edit(tx, 1, MN_STR("third"), MN_STR(""), MN_STR("de"), 3000, &e));
    mn_post p = get(1);
    IS(p.text, "third");
    IS(p.lang, "de");
    OK(p.edited_ms == 3000 && p.warning.len == 0 && p.rev == 3);
    RUN(mn_store_post_versions(s, 1, &ar, &v, &n, &e));
    assert_int_equal(n, 2);
    IS(v[0].text, "first");
    IS(v[1].text, "second");
    IS(v[1].warning, "cw");
    OK(v[0].at_ms == 1000 && v[1].at_ms == 2000);
    TX_FAILS(MN_E_NOT_FOUND,
             mn_store_post_edit(tx, 2, MN_STR("x"), MN_STR(""), MN_STR(""), 1, &e));
}

static void a_deletion_empties_the_post_and_its_history(void **state)
{
    (void)state;
    mn_post_version *v = NULL;
    mn_media *m = NULL;
    size_t n = 9;
    mn_post p = post(1, 1, "text");
    p.warning = MN_STR("warning");
    p.origin = MN_STR("x:1");
    add_account(1, "a");
    TX(mn_store_post_add(tx, &p, &e));
    TX(mn_store_post_edit(tx, 1, MN_STR("new"), MN_STR("w"), MN_STR("en"), 2, &e));
    TX(mn_store_media_add(
        tx, &(mn_media){.id = 5, .post_id = 1, .account_id = 1, .alt = MN_STR("a cat")}, &e));
    TX(mn_store_post_delete(tx, 1, 3000, &e));
    p = get(1);
    OK(p.deleted_ms == 3000 && p.text.len == 0 && p.warning.len == 0 && p.rev == 3);
    IS(p.origin, "x:1");
    RUN(mn_store_post_versions(s, 1, &ar, &v, &n, &e));
    assert_int_equal(n, 0);
    RUN(mn_store_media_of(s, 1, &ar, &m, &n, &e));
    assert_int_equal(n, 0);
    assert_int_equal(n_posts(1), 0);
    TX(mn_store_post_delete(tx, 1, 4000, &e)); /* again: nothing changes */
    OK(get(1).deleted_ms == 3000 && get(1).rev == 3);
    assert_int_equal(n_posts(1), 0);
    TX_FAILS(MN_E_NOT_FOUND, mn_store_post_delete(tx, 2, 1, &e));
    TX_FAILS(MN_E_NOT_FOUND,
             mn_store_post_edit(tx, 1, MN_STR("x"), MN_STR(""), MN_STR(""), 1, &e));
}

static void the_change_feed_gives_every_post_at_its_last_change(void **state)
{
    (void)state;
    mn_posts page = {0};
    uint64_t after = 0, n = 0, last = 0;
    add_account(1, "a");
    for (uint64_t id = 1; id <= 10; id++) add_post(id, 1, "x", 0);
    TX(mn_store_post_edit(tx, 2, MN_STR("y"), MN_STR(""), MN_STR(""), 5, &e));
    TX(mn_store_post_delete(tx, 4, 5, &e));
    do {
        RUN(mn_store_posts_changed(s, after, 3, &ar, &page, &e));
        for (size_t i = 0; i < page.n; i++, n++) {
            OK(page.items[i].rev > after);
            after = page.items[i].rev;
            last = page.items[i].id;
        }
    } while (page.n > 0);
    assert_int_equal(n, 10);
    OK(last == 4 && after == 12);
    uint64_t rev = 0, posts = 0;
    RUN(mn_store_counts(s, NULL, &posts, &rev, &e));
    OK(rev == 12 && posts == 9);
}

static void a_change_of_state_is_a_change_of_the_posts(void **state)
{
    (void)state;
    mn_posts page = {0};
    add_account(1, "a");
    add_post(1, 1, "x", 0);
    TX(mn_store_account_update(tx, &(mn_account){.id = 1, .display_name = MN_STR("A")}, &e));
    RUN(mn_store_posts_changed(s, 1, 10, &ar, &page, &e));
    assert_int_equal(page.n, 0);
    TX(mn_store_account_update(tx, &(mn_account){.id = 1, .state = MN_ACCOUNT_SUSPENDED}, &e));
    RUN(mn_store_posts_changed(s, 1, 10, &ar, &page, &e));
    OK(page.n == 1 && page.items[0].account_state == MN_ACCOUNT_SUSPENDED);
}

/* ---- media, meta, jobs --------------------------------------------------------------------------------------- */

static void media_rows_come_back_in_order(void **state)
{
    (void)state;
    mn_media *m = NULL, a = {.id = 2,
                             .post_id = 10,
                             .account_id = 1,
                             .mime = MN_STR("image/png"),
                             .alt = MN_STR("a bird"),
                             .size_bytes = 1ull << 40,
                             .width = 640,
                             .height = 480};
    size_t n = 0;
    memset(a.sha256, 0xAB, 32);
    TX(mn_store_media_add(tx, &a, &e));
    TX_FAILS(MN_E_EXISTS, mn_store_media_add(tx, &a, &e));
    a.id = 1;
    TX(mn_store_media_add(tx, &a, &e));
    a.id = 0;
    TX_FAILS(MN_E_USAGE, mn_store_media_add(tx, &a, &e));
    RUN(mn_store_media_of(s, 10, &ar, &m, &n, &e));
    OK(n == 2 && m[0].id == 1 && m[1].id == 2);
    OK(m[1].sha256[31] == 0xAB && m[1].size_bytes == 1ull << 40 && m[1].width == 640 &&
       m[1].height == 480);
    IS(m[1].mime, "image/png");
    IS(m[1].alt, "a bird");
}

static void a_fact_is_set_replaced_and_read(void **state)
{
    (void)state;
    mn_str v = MN_STR_NONE;
    FAILS(MN_E_NOT_FOUND, mn_store_meta_get(s, "operator", &ar, &v, &e));
    TX(mn_store_meta_set(tx, "operator", MN_STR("1"), &e));
    TX(mn_store_meta_set(tx, "operator", MN_STR("2"), &e));
    RUN(mn_store_meta_get(s, "operator", &ar, &v, &e));
    IS(v, "2");
}

static mn_rc take(const char *kind, mn_job *ret)
{
    mn_tx *tx;
    RUN(mn_store_begin(s, &tx, &e));
    mn_rc rc = mn_store_job_take(tx, mn_str_from(kind), 1000, &ar, ret, &e);
    RUN(mn_store_commit(tx, &e));
    return rc;
}

static void jobs_are_taken_oldest_first_and_leased(void **state)
{
    (void)state;
    mn_job j = {0};
    uint64_t late = 0, early = 0;
    mn_now_freeze(1000000);
    TX(mn_store_job_add(tx, MN_STR("index"), MN_STR("{\"n\":1}"), 900000, &late, &e));
    TX(mn_store_job_add(tx, MN_STR("index"), MN_STR("{\"n\":2}"), 800000, &early, &e));
    TX(mn_store_job_add(tx, MN_STR("index"), MN_STR("{}"), 1000001, NULL, &e));
    assert_int_equal(take("mail", &j), MN_E_NOT_FOUND);
    RUN(take("index", &j));
    OK(j.id == early && j.tries == 1 && j.run_at_ms == 800000);
    IS(j.payload, "{\"n\":2}");
    RUN(take("index", &j));
    OK(j.id == late);
    assert_int_equal(take("index", &j), MN_E_NOT_FOUND); /* leased, or not due */
    TX(mn_store_job_done(tx, late, &e));
    mn_now_freeze(1001000);
    RUN(take("index", &j)); /* the third is due, and the lease of the first is over */
    RUN(take("index", &j));
    OK(j.id == early && j.tries == 2);
    assert_int_equal(take("index", &j), MN_E_NOT_FOUND);
    mn_now_freeze(0);
}

static void a_job_that_fails_ten_times_is_dead(void **state)
{
    (void)state;
    mn_job j = {0};
    uint64_t id = 0;
    mn_now_freeze(1000);
    TX(mn_store_job_add(tx, MN_STR("k"), MN_STR(""), 0, &id, &e));
    for (int i = 1; i <= 10; i++) {
        RUN(take("k", &j));
        assert_int_equal(j.tries, i);
        TX(mn_store_job_failed(tx, id, MN_STR("no luck"), 500, &e));
    }
    assert_int_equal(take("k", &j), MN_E_NOT_FOUND);
    /* and one whose workers only die is given up as well */
    TX(mn_store_job_add(tx, MN_STR("k"), MN_STR(""), 0, &id, &e));
    for (int i = 0; i < 10; i++) {
        RUN(take("k", &j));
        mn_now_freeze(1000 + (i + 1) * 2000);
    }
    assert_int_equal(take("k", &j), MN_E_NOT_FOUND);
    TX_FAILS(MN_E_NOT_FOUND, mn_store_job_failed(tx, 5, MN_STR(""), 0, &e));
    mn_now_freeze(0);
}

/* ---- threads ------------------------------------------------------------------------------------------------- */

enum { WRITERS = 3, READERS = 8, EACH = 40 };

static char wrong[] = "a call failed or read what cannot be";

static void *write_some(void *arg)
{
    uint64_t base = 1000 * ((uint64_t)(uintptr_t)arg + 1);
    mn_err err = {0};
    for (uint64_t i = 0; i < EACH; i++) {
        mn_tx *tx;
        mn_post p = post(base + i, 1, "from a thread");
        if (mn_store_begin(s, &tx, &err) != MN_OK) return wrong;
        if (mn_store_post_add(tx, &p, &err) != MN_OK) return wrong;
        if (mn_store_commit(tx, &err) != MN_OK) return wrong;
    }
    return NULL;
}

/* Within one call all is of one moment: as many posts as the account's counter says, at the last rev. */
static void *read_some(void *arg)
{
    (void)arg;
    mn_err err = {0};
    mn_arena a;
    bool bad = false;
    mn_arena_init(&a, 0);
    for (int i = 0; i < EACH && !bad; i++) {
        mn_posts page = {0};
        uint64_t posts = 0, rev = 0;
        mn_arena_reset(&a);
        bad |= mn_store_counts(s, NULL, &posts, &rev, &err) != MN_OK;
        bad |= posts != rev; /* of two moments */
        bad |= mn_store_posts_changed(s, 0, 1000, &a, &page, &err) != MN_OK;
        bad |= page.n < posts;
        for (size_t k = 0; k < page.n; k++) bad |= page.items[k].rev != k + 1;
    }
    mn_arena_release(&a);
    return bad ? wrong : NULL;
}

static void readers_and_writers_share_a_store(void **state)
{
    (void)state;
    pthread_t t[WRITERS + READERS];
    add_account(1, "a");
    for (uintptr_t i = 0; i < WRITERS + READERS; i++)
        OK(pthread_create(&t[i], NULL, i < WRITERS ? write_some : read_some, (void *)i) == 0);
    for (int i = 0; i < WRITERS + READERS; i++) {
        void *said = NULL;
        pthread_join(t[i], &said);
        if (said) fail_msg("%s", (const char *)said);
    }
    assert_int_equal(n_posts(1), WRITERS * EACH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_account_comes_back_as_it_was_written),
        CASE(a_name_is_unique_without_regard_to_case),
        CASE(an_account_needs_an_id_and_a_name),
        CASE(an_update_replaces_all_but_the_name),
        CASE(accounts_are_listed_by_name_in_pages),
        CASE(follows_are_added_once_listed_and_removed),
        CASE(a_post_comes_back_as_it_was_written),
        CASE(text_that_is_not_utf8_or_holds_nul_is_refused_and_changes_nothing),
        CASE(a_post_that_does_not_fit_is_refused_and_changes_nothing),
        CASE(a_failed_post_leaves_the_transaction_usable),
        CASE(a_rollback_leaves_nothing),
        CASE(an_answer_joins_the_thread_of_what_it_answers),
        CASE(answers_that_come_first_wait_and_then_follow),
        CASE(the_public_page_has_live_public_posts_newest_first),
        CASE(an_account_page_stops_at_the_visibility_asked_for),
        CASE(posts_by_ids_come_in_the_order_asked),
        CASE(the_scan_gives_each_live_post_once_by_id),
        CASE(the_scan_can_be_cut_at_every_so_many_live_posts),
        CASE(an_edit_keeps_the_version_before),
        CASE(a_deletion_empties_the_post_and_its_history),
        CASE(the_change_feed_gives_every_post_at_its_last_change),
        CASE(a_change_of_state_is_a_change_of_the_posts),
        CASE(media_rows_come_back_in_order),
        CASE(a_fact_is_set_replaced_and_read),
        CASE(jobs_are_taken_oldest_first_and_leased),
        CASE(a_job_that_fails_ten_times_is_dead),
        CASE(readers_and_writers_share_a_store),
    };
    RUN_ON_ALL(tests);
}

/* What every back end of the store must do: imports and the consent ledger. */
#include "contract/store.h"

/* ---- imports ------------------------------------------------------------------------------------------------- */

static uint64_t begin_import(void)
{
    uint64_t id = 0;
    TX(mn_store_import_begin(tx, MN_STR("file.jsonl"), MN_STR("jsonl"), &id, &e));
    return id;
}

static mn_post imported(uint64_t id, uint64_t account, uint64_t import, const char *origin)
{
    mn_post p = post(id, account, "imported");
    p.import_id = import;
    p.origin = mn_str_from(origin);
    return p;
}

static uint64_t import_one(uint64_t id, uint64_t account, uint64_t import, const char *origin)
{
    uint64_t at = 0;
    mn_post p = imported(id, account, import, origin);
    TX(mn_store_post_import(tx, &p, &at, &e));
    return at;
}

/* Where that origin is, by importing it again; and asking says the same. */
static uint64_t again(uint64_t id, uint64_t account, const char *origin)
{
    uint64_t at = 0, asked = 0;
    mn_post p = imported(id, account, 1, origin);
    TX_FAILS(MN_E_EXISTS, mn_store_post_import(tx, &p, &at, &e));
    TX(mn_store_post_by_origin(tx, id, p.origin, &asked, &e));
    assert_int_equal(at, asked);
    return at;
}

static void the_same_origin_is_imported_once(void **state)
{
    (void)state;
    uint64_t at = 0;
    add_account(1, "a");
    assert_int_equal(import_one(100, 1, 1, "x:100"), 100);
    assert_int_equal(again(100, 1, "x:100"), 100);
    TX(mn_store_post_delete(tx, 100, 1, &e));
    assert_int_equal(again(100, 1, "x:100"), 100); /* what was deleted does not come back */
    assert_int_equal(n_posts(1), 0);
    TX_FAILS(MN_E_NOT_FOUND, mn_store_post_by_origin(tx, 100, MN_STR("y:1"), &at, &e));
    TX_FAILS(MN_E_NOT_FOUND, mn_store_post_by_origin(tx, 101, MN_STR("x:100"), &at, &e));
    mn_post none = imported(5, 1, 1, "");
    TX_FAILS(MN_E_USAGE, mn_store_post_import(tx, &none, &at, &e));
}

static void a_taken_place_sends_the_post_to_the_next_free_one(void **state)
{
    (void)state;
    add_account(1, "a");
    add_post(100, 1, "written here", 0);
    add_post(101, 1, "also here", 0);
    assert_int_equal(import_one(100, 1, 1, "x:1"), 102);
    assert_int_equal(import_one(100, 1, 1, "x:2"), 103);
    assert_int_equal(import_one(102, 1, 1, "x:3"), 104);
    assert_int_equal(again(100, 1, "x:1"), 102);
    assert_int_equal(again(100, 1, "x:2"), 103);
    assert_int_equal(again(102, 1, "x:3"), 104);
    reopen();
    assert_int_equal(again(100, 1, "x:2"), 103);
    assert_int_equal(import_one(100, 1, 1, "x:4"), 105);
    IS(get(100).text, "written here");
}

static void thousands_of_posts_of_one_second_find_a_place_each(void **state)
{
    (void)state;
    enum { N = 3000 };
    mn_tx *tx;
    uint64_t at = 0;
    char origin[32];
    add_account(1, "a");
    for (int round = 0; round < 2; round++) {
        RUN(mn_store_begin(s, &tx, &e));
        for (uint64_t i = 0; i < N; i++) {
            snprintf(origin, sizeof origin, "old:%d", (int)i);
            mn_post p = imported(1000 + i % 16, 1, 1, origin); /* 16 places a second */
            mn_rc rc = mn_store_post_import(tx, &p, &at, &e);
            OK(rc == (round == 0 ? MN_OK : MN_E_EXISTS));
            OK(at >= 1000 && at < 1000 + N);
        }
        RUN(mn_store_commit(tx, &e));
    }
    assert_int_equal(n_posts(1), N);
}

static bool undo(uint64_t import, size_t limit)
{
    bool left = false;
    TX(mn_store_import_undo(tx, import, limit, &left, &e));
    return left;
}

static void an_import_is_undone_in_batches_and_leaves_others_alone(void **state)
{
    (void)state;
    mn_account a = {.id = 2, .name = MN_STR("made"), .origin = MN_STR("x:made")};
    mn_post p = {0};
    mn_posts page = {0};
    int calls = 1;
    add_account(1, "here");
    uint64_t import = begin_import(), other = begin_import();
    TX(mn_store_account_add(tx, &a, &e));
    for (uint64_t i = 0; i < 25; i++) {
        char origin[32];
        snprintf(origin, sizeof origin, "x:%d", (int)i);
        import_one(100 + i, i % 2 ? 1 : 2, import, origin);
    }
    add_post(500, 1, "written here", 110);
    import_one(100, 1, other, "y:1"); /* displaced by what will go */
    TX(mn_store_post_delete(tx, 103, 9, &e));
    TX(mn_store_post_edit(tx, 104, MN_STR("new"), MN_STR(""), MN_STR(""), 9, &e));
    TX(mn_store_media_add(tx, &(mn_media){.id = 1, .post_id = 105, .account_id = 1}, &e));
    while (undo(import, 10)) calls++;
    OK(calls == 3);
    RUN(mn_store_posts_scan(s, 0, 100, &ar, &page, &e));
    OK(page.n == 2 && page.items[0].id == 125 && page.items[1].id == 500);
    FAILS(MN_E_NOT_FOUND, mn_store_post(s, 103, &ar, &p, &e)); /* tombstones go too */
    FAILS(MN_E_NOT_FOUND, mn_store_account_by_id(s, 2, &ar, &a, &e));
    assert_int_equal(n_posts(1), 2);
    assert_int_equal(again(100, 1, "y:1"), 125); /* found though its first place is free now */
    assert_int_equal(import_one(100, 1, other, "x:0"), 100);
    TX_FAILS(MN_E_NOT_FOUND, mn_store_import_undo(tx, 12345, 10, &(bool){false}, &e));
}

/* What the change feed says after `rev`, page by page of `limit`: "id" for a live post, "-id" for one that is gone. */
static const char *changes(uint64_t rev, size_t limit)
{
    static char text[400];
    mn_posts page = {.n = limit};
    size_t n = 0;
    text[0] = 0;
    while (page.n == limit) {
        RUN(mn_store_posts_changed(s, rev, limit, &ar, &page, &e));
        OK(page.n <= limit);
        for (size_t i = 0; i < page.n; i++) {
            const mn_post *p = &page.items[i];
            OK(p->rev > rev);
            rev = p->rev;
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s%d", n ? " " : "",
                                  p->deleted_ms ? "-" : "", (int)p->id);
        }
    }
    return text;
}

static void the_change_feed_tells_of_what_an_undone_import_took_away(void **state)
{
    (void)state;
    uint64_t rev = 0;
    add_account(1, "a");
    uint64_t import = begin_import(), other = begin_import();
    import_one(10, 1, import, "x:10");
    import_one(11, 1, import, "x:11");
    add_post(12, 1, "written here", 0);
    RUN(mn_store_counts(s, NULL, NULL, &rev, &e));
    OK(undo(import, 1)); /* half of it */
    add_post(13, 1, "in between", 0);
    OK(!undo(import, 10));
    assert_string_equal(changes(rev, 100), "-10 13 -11");
    assert_string_equal(changes(rev, 1), "-10 13 -11");
    assert_string_equal(changes(0, 2), "12 -10 13 -11");
    reopen();
    RUN(mn_store_counts(s, NULL, NULL, &rev, &e));
    assert_string_equal(changes(rev, 10), "");
    import_one(11, 1, other, "x:11"); /* the same origin comes again, and lives */
    assert_string_equal(changes(rev, 10), "11");
    IS(get(11).text, "imported");
    assert_string_equal(changes(0, 10),
                        "12 -10 13 -11 11"); /* whoever begins now: the last word counts */
    OK(!undo(other, 10));
    assert_string_equal(changes(0, 10), "12 -10 13 -11");
}

static void undo_keeps_accounts_that_were_there_or_have_posts(void **state)
{
    (void)state;
    mn_account a = {.id = 2, .name = MN_STR("first"), .origin = MN_STR("x:f")}, b = {0};
    uint64_t one = begin_import(), two = begin_import();
    TX(mn_store_account_add(tx, &a, &e));
    import_one(10, 2, one, "x:10");
    import_one(11, 2, two, "x:11");
    OK(!undo(one, 10));
    RUN(mn_store_account_by_id(s, 2, &ar, &b, &e)); /* import two still has a post of it */
    OK(b.n_posts == 1);
    OK(!undo(two, 10));
    RUN(mn_store_account_by_id(s, 2, &ar, &b, &e)); /* two did not make it */
    OK(!undo(one, 10));
    FAILS(MN_E_NOT_FOUND, mn_store_account_by_id(s, 2, &ar, &b, &e));
    a.id = 3;
    a.import_id = one; /* said by the importer itself, without any post */
    TX(mn_store_account_add(tx, &a, &e));
    OK(!undo(one, 10));
    FAILS(MN_E_NOT_FOUND, mn_store_account_by_id(s, 3, &ar, &b, &e));
}

static void a_parent_found_later_brings_the_thread_together(void **state)
{
    (void)state;
    mn_posts t = {0};
    add_account(1, "a");
    for (uint64_t id = 10; id <= 50; id += 10) add_post(id, 1, "x", 0);
    add_post(60, 1, "to the third", 30);
    TX(mn_store_import_link(tx, 20, 10, &e));
    TX(mn_store_import_link(tx, 30, 20, &e));
    TX(mn_store_import_link(tx, 30, 40, &e)); /* has a parent */
    TX(mn_store_import_link(tx, 10, 30, &e)); /* would be a circle */
    TX(mn_store_import_link(tx, 40, 40, &e)); /* itself */
    TX(mn_store_import_link(tx, 40, 99, &e)); /* not here */
    TX(mn_store_import_link(tx, 99, 40, &e));
    TX(mn_store_post_delete(tx, 50, 1, &e));
    TX(mn_store_import_link(tx, 50, 40, &e)); /* a tombstone */
    RUN(mn_store_posts_thread(s, 10, 10, &ar, &t, &e));
    OK(t.n == 4 && t.items[1].reply_to == 10 && t.items[2].reply_to == 20 &&
       t.items[3].id == 60);
    OK(get(10).reply_to == 0 && get(40).reply_to == 0 && get(40).thread_id == 40);
    OK(get(50).reply_to == 0 && get(60).rev > 6);
}

enum { CHAIN = 20000 };

static void check_chain(uint64_t most_revs)
{
    uint64_t rev = 0;
    mn_posts t = {0};
    RUN(mn_store_posts_thread(s, 1, CHAIN + 1, &ar, &t, &e));
    assert_int_equal(t.n, CHAIN);
    for (size_t i = 0; i < t.n; i++) OK(t.items[i].id == i + 1 && t.items[i].reply_to == i);
    RUN(mn_store_counts(s, NULL, NULL, &rev, &e));
    OK(rev <= most_revs);
}

/* Each row that is written takes a rev: so many rows were written. */
static void a_long_chain_imported_newest_first_moves_few_rows(void **state)
{
    (void)state;
    uint64_t import = 0, at = 0, id = CHAIN;
    mn_tx *tx;
    add_account(1, "a");
    import = begin_import();
    while (id > 0) {
        RUN(mn_store_begin(s, &tx, &e));
        for (int i = 0; i < CHAIN / 4; i++, id--) {
            char origin[32];
            snprintf(origin, sizeof origin, "x:%d", (int)id);
            mn_post p = imported(id, 1, import, origin);
            p.reply_to = id - 1;
            RUN(mn_store_post_import(tx, &p, &at, &e));
        }
        RUN(mn_store_commit(tx, &e));
    }
    check_chain(5 *
                CHAIN); /* its own row, and the whole tail once in each of four transactions */
}

static void a_long_chain_linked_newest_first_moves_few_rows(void **state)
{
    (void)state;
    mn_tx *tx;
    add_account(1, "a");
    RUN(mn_store_begin(s, &tx, &e));
    for (uint64_t id = 1; id <= CHAIN; id++) {
        mn_post p = post(id, 1, "x");
        RUN(mn_store_post_add(tx, &p, &e));
    }
    for (uint64_t id = CHAIN; id > 1; id--) RUN(mn_store_import_link(tx, id, id - 1, &e));
    RUN(mn_store_import_link(tx, 1, CHAIN,
                             &e)); /* would be a circle, seen through the moves to come */
    RUN(mn_store_commit(tx, &e));
    check_chain(3 * CHAIN);
}

static void circles_of_replies_end_in_one_thread(void **state)
{
    (void)state;
    mn_tx *tx;
    mn_posts t = {0};
    add_account(1, "a");
    for (int apart = 0; apart < 2; apart++) {
        uint64_t base = apart ? 100 : 10;
        RUN(mn_store_begin(s, &tx, &e));
        for (uint64_t i = 0; i < 5; i++) { /* 10 answers 11, 11 answers 12 … 14 answers 10 */
            mn_post p = post(base + i, 1, "x");
            p.reply_to = base + (i + 1) % 5;
            RUN(mn_store_post_add(tx, &p, &e));
            if (apart) RUN(mn_store_commit(tx, &e));
            if (apart) RUN(mn_store_begin(s, &tx, &e));
        }
        RUN(mn_store_commit(tx, &e));
        RUN(mn_store_posts_thread(s, base + 4, 10, &ar, &t, &e));
        assert_int_equal(t.n, 5);
    }
}

static void imports_are_listed_with_how_they_ended(void **state)
{
    (void)state;
    mn_import *list = NULL;
    size_t n = 0;
    uint64_t a = begin_import(), b = begin_import();
    TX(mn_store_import_end(tx, a, MN_IMPORT_DONE, 42, &e));
    RUN(mn_store_imports(s, &ar, &list, &n, &e));
    OK(n == 2 && list[0].id == a && list[0].state == MN_IMPORT_DONE && list[0].created == 42);
    OK(list[0].ended_ms >= list[0].started_ms && list[0].started_ms > 0);
    OK(list[1].id == b && list[1].state == MN_IMPORT_RUNNING && list[1].ended_ms == 0);
    TX(mn_store_import_end(tx, b, MN_IMPORT_RUNNING, 7, &e)); /* how far it is */
    RUN(mn_store_imports(s, &ar, &list, &n, &e));
    OK(list[1].state == MN_IMPORT_RUNNING && list[1].ended_ms == 0 && list[1].created == 7);
    IS(list[1].path, "file.jsonl");
    IS(list[1].format, "jsonl");
    TX_FAILS(MN_E_NOT_FOUND, mn_store_import_end(tx, 1, MN_IMPORT_DONE, 0, &e));
}

/* ---- consent ------------------------------------------------------------------------------------------------- */

static void purposes_are_parsed_by_name(void **state)
{
    (void)state;
    mn_purpose p = MN_PURPOSES;
    for (int i = 0; i < MN_PURPOSES; i++) {
        RUN(mn_purpose_parse(mn_str_from(mn_purpose_names[i]), &p, &e));
        assert_int_equal(p, i);
    }
    FAILS(MN_E_USAGE, mn_purpose_parse(MN_STR("train"), &p, &e));
    OK(strstr(e.msg, "train_generative") && strstr(e.msg, "bridge"));
    FAILS(MN_E_USAGE, mn_purpose_parse(MN_STR_NONE, &p, &e));
}

static void settings_follow_the_ledger_in_each_scope(void **state)
{
    (void)state;
    mn_consents c = 0;
    uint64_t seq = 0;
    add_account(1, "a");
    add_post(10, 1, "x", 0);
    verify(0);
    consent(MN_SCOPE_SERVER, 0, MN_P_SEARCH, MN_CONSENT_DENY);
    consent(MN_SCOPE_ACCOUNT, 1, MN_P_BRIDGE, MN_CONSENT_ALLOW);
    consent(MN_SCOPE_POST, 10, MN_P_TRAIN_OTHER, MN_CONSENT_DENY);
    consent(MN_SCOPE_ACCOUNT, 1, MN_P_BRIDGE, MN_CONSENT_UNSET);
    consent(MN_SCOPE_ACCOUNT, 1, MN_P_ARCHIVE, MN_CONSENT_ALLOW);
    RUN(mn_store_consent_server(s, &c, &seq, &e));
    OK(c == mn_consents_set(0, MN_P_SEARCH, MN_CONSENT_DENY) && seq == 1);
    RUN(mn_store_consent_account(s, 1, &c, &seq, &e));
    OK(c == mn_consents_set(0, MN_P_ARCHIVE, MN_CONSENT_ALLOW) && seq == 5);
    mn_post p = get(10);
    OK(p.consent == mn_consents_set(0, MN_P_TRAIN_OTHER, MN_CONSENT_DENY) &&
       p.consent_rev == 3);
    OK(p.account_consent == c && p.account_consent_rev == 5);
    FAILS(MN_E_NOT_FOUND, mn_store_consent_account(s, 2, &c, &seq, &e));
    reopen();
    consent(MN_SCOPE_SERVER, 0, MN_P_SEARCH, MN_CONSENT_ALLOW); /* the chain goes on */
    verify(6);
}

static void a_change_of_consent_is_a_change_of_the_posts(void **state)
{
    (void)state;
    mn_posts page = {0};
    add_account(1, "a");
    add_account(2, "b");
    for (uint64_t i = 1; i <= 3; i++) add_post(i, i == 2 ? 2 : 1, "x", 0);
    consent(MN_SCOPE_ACCOUNT, 1, MN_P_SEARCH, MN_CONSENT_DENY);
    RUN(mn_store_posts_changed(s, 3, 10, &ar, &page, &e));
    OK(page.n == 2 && page.items[0].id == 1 && page.items[1].id == 3);
    OK(page.items[0].rev != page.items[1].rev);
    uint64_t rev = page.items[1].rev;
    consent(MN_SCOPE_POST, 2, MN_P_SEARCH, MN_CONSENT_DENY);
    RUN(mn_store_posts_changed(s, rev, 10, &ar, &page, &e));
    OK(page.n == 1 && page.items[0].id == 2);
}

static void consent_of_an_import_reaches_its_posts_those_to_come_too(void **state)
{
    (void)state;
    mn_posts page = {0};
    add_account(1, "a");
    uint64_t import = begin_import();
    import_one(10, 1, import, "x:10");
    consent(MN_SCOPE_POST, 10, MN_P_SEARCH, MN_CONSENT_DENY);
    uint64_t rev = get(10).rev;
    add_post(5, 1, "written here", 0);
    consent(MN_SCOPE_IMPORT, import, MN_P_TRAIN_GENERATIVE, MN_CONSENT_ALLOW);
    consent(MN_SCOPE_IMPORT, import, MN_P_SEARCH, MN_CONSENT_ALLOW);
    import_one(11, 1, import, "x:11");
    mn_post early = get(10), late = get(11);
    assert_int_equal(mn_consents_get(early.consent, MN_P_TRAIN_GENERATIVE), MN_CONSENT_ALLOW);
    assert_int_equal(mn_consents_get(early.consent, MN_P_SEARCH), MN_CONSENT_DENY); /* nearer */
    assert_int_equal(mn_consents_get(late.consent, MN_P_SEARCH), MN_CONSENT_ALLOW);
    OK(early.consent_rev == 3 && late.consent_rev == 3 && early.rev > rev);
    OK(get(5).consent == 0 && get(5).consent_rev == 0);
    RUN(mn_store_posts_changed(s, get(5).rev, 10, &ar, &page, &e));
    OK(page.n == 2);
    verify(3);
    OK(!undo(import, 10));
    verify(3); /* the ledger keeps the lines of what is gone */
}

static void settings_that_come_with_a_post_are_lines_of_the_ledger(void **state)
{
    (void)state;
    mn_ledger_line *l = NULL;
    size_t n = 0;
    mn_post p = post(10, 1, "x");
    p.consent = mn_consents_set(mn_consents_set(0, MN_P_SEARCH, MN_CONSENT_DENY),
                                MN_P_TRAIN_GENERATIVE, MN_CONSENT_ALLOW);
    add_account(1, "a");
    TX(mn_store_post_add(tx, &p, &e));
    OK(get(10).consent == p.consent && get(10).consent_rev == 2);
    RUN(mn_store_ledger_of(s, MN_SCOPE_POST, 10, 10, &ar, &l, &n, &e));
    OK(n == 2 && l[0].purpose == MN_P_TRAIN_GENERATIVE && l[1].purpose == MN_P_SEARCH);
    OK(l[0].actor_id == 1 && l[0].at_ms == 1000);
    verify(2);
}

static void the_ledger_is_read_in_order_and_chained(void **state)
{
    (void)state;
    mn_ledger_line *l = NULL;
    size_t n = 0;
    consent(MN_SCOPE_SERVER, 0, MN_P_SEARCH, MN_CONSENT_DENY);
    consent(MN_SCOPE_SERVER, 0, MN_P_SEARCH, MN_CONSENT_DENY);
    consent(MN_SCOPE_SERVER, 0, MN_P_SEARCH, MN_CONSENT_ALLOW);
    RUN(mn_store_ledger(s, 1, 10, &ar, &l, &n, &e));
    OK(n == 2 && l[0].seq == 2 && l[1].seq == 3 && l[1].value == MN_CONSENT_ALLOW);
    IS(l[0].reason, "test");
    RUN(mn_store_ledger(s, 0, 2, &ar, &l, &n, &e));
    OK(n == 2 && memcmp(l[0].hash, l[1].hash, 32) != 0); /* same fields, another place */
}

static void a_line_that_does_not_fit_is_not_in_the_ledger(void **state)
{
    (void)state;
    static char reason[2049];
    memset(reason, 'r', 2048);
    mn_ledger_line l = {.scope = MN_SCOPE_SERVER, .reason = {reason, 2048}};
    TX(mn_store_consent_add(tx, &l, NULL, &e));
    l.reason.len = 2049;
    TX_FAILS(MN_E_LIMIT, mn_store_consent_add(tx, &l, NULL, &e));
    l.reason.len = 0;
    l.scope_id = 1;
    TX_FAILS(MN_E_USAGE, mn_store_consent_add(tx, &l, NULL, &e));
    l.scope = MN_SCOPE_ACCOUNT;
    TX_FAILS(MN_E_NOT_FOUND, mn_store_consent_add(tx, &l, NULL, &e));
    l.scope = MN_SCOPE_POST;
    TX_FAILS(MN_E_NOT_FOUND, mn_store_consent_add(tx, &l, NULL, &e));
    l.scope = MN_SCOPE_IMPORT;
    TX_FAILS(MN_E_NOT_FOUND, mn_store_consent_add(tx, &l, NULL, &e));
    l.scope = MN_SCOPE_GRANT;
    TX_FAILS(MN_E_UNSUPPORTED, mn_store_consent_add(tx, &l, NULL, &e));
    l.scope = (mn_scope)77;
    TX_FAILS(MN_E_USAGE, mn_store_consent_add(tx, &l, NULL, &e));
    l = (mn_ledger_line){.purpose = MN_PURPOSES};
    TX_FAILS(MN_E_USAGE, mn_store_consent_add(tx, &l, NULL, &e));
    l = (mn_ledger_line){.value = (mn_consent)3};
    TX_FAILS(MN_E_USAGE, mn_store_consent_add(tx, &l, NULL, &e));
    verify(1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_same_origin_is_imported_once),
        CASE(a_taken_place_sends_the_post_to_the_next_free_one),
        CASE(thousands_of_posts_of_one_second_find_a_place_each),
        CASE(an_import_is_undone_in_batches_and_leaves_others_alone),
        CASE(the_change_feed_tells_of_what_an_undone_import_took_away),
        CASE(undo_keeps_accounts_that_were_there_or_have_posts),
        CASE(a_parent_found_later_brings_the_thread_together),
        CASE(a_long_chain_imported_newest_first_moves_few_rows),
        CASE(a_long_chain_linked_newest_first_moves_few_rows),
        CASE(circles_of_replies_end_in_one_thread),
        CASE(imports_are_listed_with_how_they_ended),
        CASE(purposes_are_parsed_by_name),
        CASE(settings_follow_the_ledger_in_each_scope),
        CASE(a_change_of_consent_is_a_change_of_the_posts),
        CASE(consent_of_an_import_reaches_its_posts_those_to_come_too),
        CASE(settings_that_come_with_a_post_are_lines_of_the_ledger),
        CASE(the_ledger_is_read_in_order_and_chained),
        CASE(a_line_that_does_not_fit_is_not_in_the_ledger),
    };
    RUN_ON_ALL(tests);
}

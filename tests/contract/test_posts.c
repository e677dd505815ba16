/* What every back end of the store must do with posts besides keeping them: counters, marks, polls, what is to come. */
#include "contract/store.h"

#include "base/hash.h"
#include "store/marks.h"
#include "store/polls.h"
#include "store/scheduled.h"

static void add(uint64_t id, uint64_t account, uint64_t reply_to, uint64_t boost_of,
                uint64_t quote_of, mn_visibility v)
{
    mn_post p = post(id, account, "text");
    p.reply_to = reply_to;
    p.boost_of = boost_of;
    p.quote_of = quote_of;
    p.visibility = v;
    TX(mn_store_post_add(tx, &p, &e));
}

static void counts_are(uint64_t id, uint64_t replies, uint64_t boosts, uint64_t favourites,
                       uint64_t quotes)
{
    mn_post p = get(id);
    if (p.n_replies != replies || p.n_boosts != boosts || p.n_favourites != favourites ||
        p.n_quotes != quotes)
        fail_msg("post %llu counts %llu %llu %llu %llu", (unsigned long long)id,
                 (unsigned long long)p.n_replies, (unsigned long long)p.n_boosts,
                 (unsigned long long)p.n_favourites, (unsigned long long)p.n_quotes);
}

static void a_post_counts_what_is_said_about_it(void **state)
{
    (void)state;
    add_account(1, "a");
    add_account(2, "b");
    add(10, 1, 0, 0, 0, MN_VIS_PUBLIC);
    add(11, 2, 10, 0, 0, MN_VIS_PUBLIC);
    add(12, 2, 10, 0, 0, MN_VIS_DIRECT); /* says nothing to others */
    add(13, 2, 10, 0, 0, MN_VIS_FOLLOWERS);
    add(14, 2, 0, 10, 0, MN_VIS_PUBLIC);
    add(15, 2, 0, 0, 10, MN_VIS_UNLISTED);
    counts_are(10, 1, 1, 0, 1);
    assert_int_equal(get(11).reply_account, 1);
    TX(mn_store_post_quote(tx, 15, MN_QUOTES_PUBLIC, MN_QUOTE_REVOKED, &e));
    counts_are(10, 1, 1, 0, 0);
    TX(mn_store_post_delete(tx, 15, 5, &e)); /* a quote that counts no more */
    TX(mn_store_post_delete(tx, 11, 5, &e));
    TX(mn_store_post_delete(tx, 11, 6, &e));
    TX(mn_store_post_delete(tx, 12, 6, &e));
    counts_are(10, 0, 1, 0, 0);
    TX(mn_store_post_delete(tx, 14, 5, &e));
    counts_are(10, 0, 0, 0, 0);
}

static void marks_are_exact_however_often_they_are_set(void **state)
{
    bool changed = false;
    mn_post_flags f[3];
    (void)state;
    add_account(1, "a");
    add_account(2, "b");
    add(10, 1, 0, 0, 0, MN_VIS_PUBLIC);
    add(20, 1, 0, 0, 0, MN_VIS_PUBLIC);
    for (int i = 0; i < 3; i++) {
        TX(mn_store_mark_set(tx, MN_MARK_FAVOURITE, 2, 10, true, &changed, &e));
        OK(changed == (i == 0));
    }
    TX(mn_store_mark_set(tx, MN_MARK_FAVOURITE, 1, 10, true, NULL, &e));
    counts_are(10, 0, 0, 2, 0);
    TX(mn_store_mark_set(tx, MN_MARK_BOOKMARK, 2, 20, true, NULL, &e));
    TX(mn_store_mark_set(tx, MN_MARK_PIN, 2, 20, true, NULL, &e));
    TX(mn_store_thread_mute_set(tx, 2, 10, true, NULL, &e));
    add(30, 2, 0, 20, 0, MN_VIS_PUBLIC);
    const uint64_t ids[] = {20, 10, 99}, threads[] = {20, 10, 99};
    RUN(mn_store_post_flags(s, 2, ids, threads, 3, f, &e));
    OK(!f[0].favourited && f[0].boosted && f[0].bookmarked && f[0].pinned && !f[0].muted);
    OK(f[1].favourited && !f[1].boosted && !f[1].bookmarked && !f[1].pinned && f[1].muted);
    OK(!f[2].favourited && !f[2].boosted && !f[2].muted);
    for (int i = 0; i < 3; i++) {
        TX(mn_store_mark_set(tx, MN_MARK_FAVOURITE, 2, 10, false, &changed, &e));
        OK(changed == (i == 0));
    }
    counts_are(10, 0, 0, 1, 0);
    TX_FAILS(MN_E_NOT_FOUND, mn_store_mark_set(tx, MN_MARK_FAVOURITE, 2, 999, true, NULL, &e));
    e = (mn_err){0};
    TX(mn_store_mark_set(tx, MN_MARK_FAVOURITE, 2, 999, false, &changed, &e));
    OK(!changed);
}

/* A page of a thousand old marks is beyond a range scan and must say the same. */
static void flags_of_a_wide_page_are_right_too(void **state)
{
    uint64_t ids[300], threads[300];
    mn_post_flags f[300];
    mn_tx *t;
    (void)state;
    add_account(1, "a");
    RUN(mn_store_begin(s, &t, &e));
    for (uint64_t i = 1; i <= 3000; i++) {
        mn_post p = post(i, 1, "x");
        RUN(mn_store_post_add(t, &p, &e));
        if (i % 3 == 0) RUN(mn_store_mark_set(t, MN_MARK_FAVOURITE, 1, i, true, NULL, &e));
        if (i % 5 == 0) RUN(mn_store_mark_set(t, MN_MARK_BOOKMARK, 1, i, true, NULL, &e));
    }
    RUN(mn_store_commit(t, &e));
    for (uint64_t i = 0; i < 300; i++) ids[i] = threads[i] = 3000 - i * 10;
    RUN(mn_store_post_flags(s, 1, ids, threads, 300, f, &e));
    for (int i = 0; i < 300; i++) {
        OK(f[i].favourited == (ids[i] % 3 == 0));
        OK(f[i].bookmarked == (ids[i] % 5 == 0));
        OK(!f[i].pinned && !f[i].boosted && !f[i].muted);
    }
}

static void pages_of_marks_go_by_their_own_ids(void **state)
{
    mn_mark_row *rows = NULL, *again = NULL;
    size_t n = 0, k = 0;
    (void)state;
    add_account(1, "a");
    for (uint64_t i = 10; i < 15; i++) {
        add(i, 1, 0, 0, 0, MN_VIS_PUBLIC);
        TX(mn_store_mark_set(tx, MN_MARK_BOOKMARK, 1, 24 - i, i > 11, NULL, &e));
    }
    for (uint64_t i = 14; i >= 10; i--) /* the other way round */
        TX(mn_store_mark_set(tx, MN_MARK_BOOKMARK, 1, i, true, NULL, &e));
    RUN(mn_store_marks_by(s, MN_MARK_BOOKMARK, 1, &(mn_mark_span){.limit = 2}, &ar, &rows, &n,
                          &e));
    OK(n == 2 && rows[0].id > rows[1].id);
    RUN(mn_store_marks_by(s, MN_MARK_BOOKMARK, 1,
                          &(mn_mark_span){.limit = 10, .below = rows[1].id}, &ar, &again, &k,
                          &e));
    OK(k == 3 && again[0].id < rows[1].id);
    RUN(mn_store_marks_by(s, MN_MARK_BOOKMARK, 1,
                          &(mn_mark_span){.limit = 1, .since = again[0].id, .upward = true},
                          &ar, &again, &k, &e));
    OK(k == 1 && again[0].id == rows[1].id);
    TX(mn_store_post_delete(tx, rows[0].post_id, 1, &e));
    RUN(mn_store_marks_by(s, MN_MARK_BOOKMARK, 1, &(mn_mark_span){.limit = 10}, &ar, &rows, &n,
                          &e));
    OK(n == 4);
}

static void a_deleted_post_takes_with_it_what_hangs_on_it(void **state)
{
    mn_mark_row *rows = NULL;
    mn_poll poll = {.id = 77, .post_id = 10, .account_id = 1, .n_options = 2};
    mn_mention *m = NULL;
    size_t n = 0;
    uint64_t accounts = 0, posts = 0;
    (void)state;
    add_account(1, "a");
    add_account(2, "b");
    poll.options[0].title = MN_STR("x");
    poll.options[1].title = MN_STR("y");
    mn_post p = post(10, 1, "with everything");
    p.poll_id = 77;
    TX(mn_store_post_add(tx, &p, &e));
    TX(mn_store_poll_add(tx, &poll, &e));
    TX(mn_store_mentions_set(tx, 10, (const uint64_t[]){2}, 1, &e));
    TX(mn_store_mark_set(tx, MN_MARK_FAVOURITE, 2, 10, true, NULL, &e));
    TX(mn_store_mark_set(tx, MN_MARK_PIN, 1, 10, true, NULL, &e));
    add(11, 2, 0, 10, 0, MN_VIS_PUBLIC);
    TX(mn_store_post_delete(tx, 10, 1000, &e));
    OK(get(11).deleted_ms == 1000 && get(10).deleted_ms == 1000);
    assert_int_equal(n_posts(2), 0);
    FAILS(MN_E_NOT_FOUND, mn_store_poll(s, 77, &ar, &poll, &e));
    RUN(mn_store_mentions_of(s, (const uint64_t[]){10}, 1, &ar, &m, &n, &e));
    OK(n == 0);
    RUN(mn_store_favourites_of(s, 10, &(mn_mark_span){.limit = 5}, &ar, &rows, &n, &e));
    OK(n == 0);
    TX(mn_store_pins_count(tx, 1, &posts, &e));
    OK(posts == 0);
    RUN(mn_store_counts(s, &accounts, &posts, NULL, &e));
    OK(posts == 0);
}

static void imported_answers_are_counted_in_whatever_order(void **state)
{
    uint64_t import = 0, at = 0;
    mn_tx *t;
    (void)state;
    add_account(1, "a");
    TX(mn_store_import_begin(tx, MN_STR("f"), MN_STR("jsonl"), &import, &e));
    /* 13 and 12 answer 11, which answers 10; they come child first, some in one transaction. */
    static const uint64_t order[] = {13, 11, 12, 10};
    for (int i = 0; i < 4; i++) {
        char origin[20];
        snprintf(origin, sizeof origin, "x:%d", (int)order[i]);
        mn_post p = post(order[i], 1, "imported");
        p.import_id = import;
        p.origin = mn_str_from(origin);
        p.reply_to = order[i] > 11 ? 11 : order[i] == 11 ? 10 : 0;
        if (i % 2 == 0) RUN(mn_store_begin(s, &t, &e));
        RUN(mn_store_post_import(t, &p, &at, &e));
        if (i % 2 == 1) RUN(mn_store_commit(t, &e));
    }
    counts_are(10, 1, 0, 0, 0);
    counts_are(11, 2, 0, 0, 0);
}

/* ---- whatever happens, in whatever order ------------------------------------------------------------------------------ */

#define RANDOM_POSTS 60
#define RANDOM_STEPS 600

static uint64_t pick(uint64_t step, uint64_t what, uint64_t n)
{
    return mn_rand_at(42, step, what) % n;
}

/* One thing somebody does, in a transaction of its own or with others. */
static void random_step(mn_tx *t, uint64_t step, uint64_t *n_posts_made)
{
    uint64_t account = 1 + pick(step, 1, 3);
    uint64_t target = *n_posts_made ? 100 + pick(step, 2, *n_posts_made) : 0;
    switch (pick(step, 0, 8)) {
    case 0:
    case 1:
    case 2:
        if (*n_posts_made < RANDOM_POSTS) {
            mn_post p = post(100 + *n_posts_made, account, "x");
            uint64_t kind = pick(step, 3, 4);
            p.visibility = (mn_visibility)pick(step, 4, 4);
            if (kind == 1) p.reply_to = target;
            if (kind == 2) p.boost_of = target;
            if (kind == 3) p.quote_of = target;
            RUN(mn_store_post_add(t, &p, &e));
            ++*n_posts_made;
        }
        return;
    case 3:
    case 4: {
        mn_rc rc = mn_store_mark_set(t, MN_MARK_FAVOURITE, account, target, true, NULL, &e);
        OK(rc == MN_OK || rc == MN_E_NOT_FOUND);
        return;
    }
    case 5:
        RUN(mn_store_mark_set(t, MN_MARK_FAVOURITE, account, target, false, NULL, &e));
        return;
    case 6:
        if (target && pick(step, 5, 4) == 0) RUN(mn_store_post_delete(t, target, 5, &e));
        return;
    default: {
        mn_rc rc = target ? mn_store_post_quote(t, target, MN_QUOTES_PUBLIC,
                                                (mn_quote_state)pick(step, 6, 4), &e)
                          : MN_E_NOT_FOUND;
        OK(rc == MN_OK || rc == MN_E_NOT_FOUND);
    }
    }
}

/* Counted from the rows of the posts themselves. */
static void counted_by_hand(uint64_t id, uint64_t n, uint64_t ret[3])
{
    ret[0] = ret[1] = ret[2] = 0;
    for (uint64_t i = 0; i < n; i++) {
        mn_post p = get(100 + i);
        bool open = p.visibility <= MN_VIS_UNLISTED;
        if (p.deleted_ms) continue;
        ret[0] += p.reply_to == id && open;
        ret[1] += p.boost_of == id;
        ret[2] += p.quote_of == id && open && p.quote_state == MN_QUOTE_ACCEPTED;
    }
}

static void counters_are_what_counting_gives(void **state)
{
    uint64_t n = 0;
    mn_tx *t = NULL;
    (void)state;
    for (uint64_t i = 1; i <= 3; i++) add_account(i, i == 1 ? "a" : i == 2 ? "b" : "c");
    for (uint64_t step = 0; step < RANDOM_STEPS; step++) {
        if (!t) RUN(mn_store_begin(s, &t, &e));
        random_step(t, step, &n);
        if (pick(step, 9, 3) == 0) {
            RUN(mn_store_commit(t, &e));
            t = NULL;
        }
    }
    if (t) RUN(mn_store_commit(t, &e));
    OK(n > 40);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t by_hand[3];
        mn_mark_row *rows = NULL;
        size_t favourites = 0;
        mn_post p = get(100 + i);
        counted_by_hand(p.id, n, by_hand);
        RUN(mn_store_favourites_of(s, p.id, &(mn_mark_span){.limit = 100}, &ar, &rows,
                                   &favourites, &e));
        if (p.n_replies != by_hand[0] || p.n_boosts != by_hand[1] || p.n_quotes != by_hand[2] ||
            (!p.deleted_ms && p.n_favourites != favourites) || (p.deleted_ms && favourites))
            fail_msg("post %llu: %llu %llu %llu %llu, counted %llu %llu %llu %zu",
                     (unsigned long long)p.id, (unsigned long long)p.n_replies,
                     (unsigned long long)p.n_boosts, (unsigned long long)p.n_quotes,
                     (unsigned long long)p.n_favourites, (unsigned long long)by_hand[0],
                     (unsigned long long)by_hand[1], (unsigned long long)by_hand[2],
                     favourites);
    }
}

static size_t n_heard;
static mn_event_kind last_heard;
static void hear(void *arg, const mn_event *ev, size_t n)
{
    (void)arg;
    n_heard += n;
    last_heard = ev[n - 1].kind;
}

static void too_much_to_tell_is_told_in_one_word(void **state)
{
    mn_tx *t;
    (void)state;
    RUN(mn_store_listen(s, hear, NULL, &e));
    RUN(mn_store_begin(s, &t, &e));
    for (uint64_t i = 1; i <= 70000; i++)
        RUN(mn_store_event(t, (mn_event){.kind = MN_EV_POST_COUNTS, .id = i}, &e));
    n_heard = 0;
    RUN(mn_store_commit(t, &e));
    mn_store_unlisten(s, hear, NULL);
    OK(n_heard == 1 && last_heard == MN_EV_ALL);
}

/* ---- polls --------------------------------------------------------------------------------------------------------- */

static void a_poll_is_counted_and_ends_once(void **state)
{
    mn_poll p = {.id = 5, .post_id = 10, .account_id = 1, .expires_ms = 1000, .n_options = 3};
    mn_poll got, *ended = NULL;
    uint32_t votes = 9;
    uint64_t *voters = NULL;
    size_t n = 0;
    bool reset = true;
    mn_tx *t;
    (void)state;
    add_account(1, "a");
    for (int i = 0; i < 3; i++) p.options[i].title = mn_str_fmt(&ar, "option %d", i);
    TX(mn_store_poll_add(tx, &p, &e));
    TX(mn_store_poll_vote(tx, 5, 2, 1u << 0 | 1u << 2, &e));
    TX(mn_store_poll_vote(tx, 5, 3, 1u << 2, &e));
    TX_FAILS(MN_E_EXISTS, mn_store_poll_vote(tx, 5, 3, 1u << 1, &e));
    TX_FAILS(MN_E_NOT_FOUND, mn_store_poll_vote(tx, 6, 3, 1u << 1, &e));
    RUN(mn_store_poll(s, 5, &ar, &got, &e));
    OK(got.n_voters == 2 && got.options[0].votes == 1 && got.options[1].votes == 0 &&
       got.options[2].votes == 2);
    IS(got.options[1].title, "option 1");
    RUN(mn_store_poll_votes(s, 5, 2, &votes, &e));
    OK(votes == 5);
    RUN(mn_store_poll_votes(s, 5, 4, &votes, &e));
    OK(votes == 0);
    TX(mn_store_polls_take_ended(tx, 999, 10, &ar, &ended, &n, &e));
    OK(n == 0);
    RUN(mn_store_begin(s, &t, &e));
    RUN(mn_store_polls_take_ended(t, 1000, 10, &ar, &ended, &n, &e));
    OK(n == 1 && ended[0].id == 5);
    RUN(mn_store_poll_voters(t, 5, 2, 10, &ar, &voters, &n, &e));
    OK(n == 1 && voters[0] == 3);
    RUN(mn_store_commit(t, &e));
    TX(mn_store_polls_take_ended(tx, 1000, 10, &ar, &ended, &n, &e));
    OK(n == 0);
    p.expires_ms = 2000;
    TX(mn_store_poll_change(tx, &p, &reset, &e));
    OK(!reset);
    RUN(mn_store_poll(s, 5, &ar, &got, &e));
    OK(got.n_voters == 2 && got.expires_ms == 2000);
    p.options[0].title = MN_STR("another");
    TX(mn_store_poll_change(tx, &p, &reset, &e));
    RUN(mn_store_poll(s, 5, &ar, &got, &e));
    OK(reset && got.n_voters == 0 && got.options[2].votes == 0);
}

/* ---- what is to come --------------------------------------------------------------------------------------------------- */

static void scheduled_posts_and_drafts_are_each_accounts_own(void **state)
{
    mn_scheduled x = {.id = 7, .account_id = 1, .at_ms = 100, .params = MN_STR("{}")}, got;
    mn_scheduled *rows = NULL;
    size_t n = 0;
    uint64_t all = 0, day = 0;
    (void)state;
    TX(mn_store_scheduled_add(tx, &x, &e));
    x.id = 8;
    x.at_ms = 86400000 + 5;
    TX(mn_store_scheduled_add(tx, &x, &e));
    TX(mn_store_scheduled_count(tx, 1, 0, &all, &day, &e));
    OK(all == 2 && day == 1);
    FAILS(MN_E_NOT_FOUND, mn_store_scheduled(s, 2, 7, &ar, &got, &e));
    TX_FAILS(MN_E_NOT_FOUND, mn_store_scheduled_remove(tx, 2, 7, &e));
    TX_FAILS(MN_E_NOT_FOUND, mn_store_scheduled_move(tx, 2, 7, 1, MN_STR("{}"), &e));
    TX(mn_store_scheduled_move(tx, 1, 7, 200, MN_STR("{\"a\":1}"), &e));
    RUN(mn_store_scheduled_due(s, 199, 10, &ar, &rows, &n, &e));
    OK(n == 0);
    RUN(mn_store_scheduled_due(s, 200, 10, &ar, &rows, &n, &e));
    OK(n == 1 && rows[0].id == 7);
    IS(rows[0].params, "{\"a\":1}");
    RUN(mn_store_scheduled_page(s, 1, &(mn_mark_span){.limit = 1}, &ar, &rows, &n, &e));
    OK(n == 1 && rows[0].id == 8);
    TX(mn_store_scheduled_remove(tx, 1, 7, &e));
    x.id = 9;
    TX(mn_store_draft_put(tx, &x, true, &e));
    x.account_id = 2;
    TX_FAILS(MN_E_NOT_FOUND, mn_store_draft_put(tx, &x, false, &e));
    TX_FAILS(MN_E_NOT_FOUND, mn_store_draft_remove(tx, 2, 9, &e));
    TX(mn_store_draft_remove(tx, 1, 9, &e));
}

static void a_key_is_taken_until_it_is_forgotten(void **state)
{
    uint64_t id = 0;
    (void)state;
    TX(mn_store_idempotency_put(tx, 1, MN_STR("k"), 10, 1000, 0, &e));
    TX_FAILS(MN_E_EXISTS, mn_store_idempotency_put(tx, 1, MN_STR("k"), 11, 1001, 500, &e));
    TX(mn_store_idempotency_get(tx, 1, MN_STR("k"), 500, &id, &e));
    OK(id == 10);
    TX(mn_store_idempotency_put(tx, 2, MN_STR("k"), 12, 1001, 500, &e));
    TX(mn_store_idempotency_put(tx, 1, MN_STR("k"), 13, 5000, 4000, &e)); /* long ago */
    TX(mn_store_idempotency_get(tx, 1, MN_STR("k"), 4000, &id, &e));
    OK(id == 13);
    TX(mn_store_idempotency_forget(tx, 4000, &e));
    TX_FAILS(MN_E_NOT_FOUND, mn_store_idempotency_get(tx, 2, MN_STR("k"), 0, &id, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_post_counts_what_is_said_about_it),
        CASE(marks_are_exact_however_often_they_are_set),
        CASE(flags_of_a_wide_page_are_right_too),
        CASE(pages_of_marks_go_by_their_own_ids),
        CASE(a_deleted_post_takes_with_it_what_hangs_on_it),
        CASE(imported_answers_are_counted_in_whatever_order),
        CASE(counters_are_what_counting_gives),
        CASE(too_much_to_tell_is_told_in_one_word),
        CASE(a_poll_is_counted_and_ends_once),
        CASE(scheduled_posts_and_drafts_are_each_accounts_own),
        CASE(a_key_is_taken_until_it_is_forgotten),
    };
    RUN_ON_ALL(tests);
}

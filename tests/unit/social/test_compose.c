/* Composing without a server: who may see and quote what, drafts kept, threads in order. */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "social/compose.h"
#include "social/context.h"
#include "social/people.h"
#include "social/reading.h"
#include "store/marks.h"

static char dir[64];
static mn_store *s;
static mn_compose c;
static mn_arena ar;
static mn_err e;
enum { ANN = 1, BOB, CAT, DAN };

static int open_store(void **state)
{
    (void)state;
    char file[100];
    mn_tx *tx;
    static const char *const names[] = {"ann", "bob", "cat", "dan"};
    e = (mn_err){0};
    mn_arena_init(&ar, 0);
    test_tmp(dir);
    snprintf(file, sizeof file, "%s/mynah.db", dir);
    RUN(mn_store_open(file, &s, &e));
    c = (mn_compose){.store = s,
                     .domain = MN_STR("here.example"),
                     .limits = {.characters = 100,
                                .media = 4,
                                .poll_options = 4,
                                .poll_option_characters = 50,
                                .poll_min_s = 300,
                                .poll_max_s = 3600,
                                .pins = 5,
                                .scheduled = 3,
                                .scheduled_a_day = 2,
                                .scheduled_min_s = 300,
                                .drafts = 2}};
    RUN(mn_store_begin(s, &tx, &e));
    for (uint64_t i = ANN; i <= DAN; i++)
        RUN(mn_store_account_add(tx, &(mn_account){.id = i, .name = mn_str_from(names[i - 1])},
                                 &e));
    RUN(mn_store_follow_add(tx, BOB, ANN, 1, &e));
    RUN(mn_store_commit(tx, &e));
    return 0;
}

static int close_store(void **state)
{
    (void)state;
    mn_store_close(s);
    mn_arena_release(&ar);
    test_tmp_remove(dir);
    return 0;
}

static uint64_t say(uint64_t who, const char *text, mn_visibility v, uint64_t reply_to)
{
    mn_draft d;
    mn_created made;
    mn_draft_init(&d, who);
    d.text = mn_str_from(text);
    d.lang = MN_STR("en");
    d.visibility = (int)v;
    d.reply_to = reply_to;
    RUN(mn_social_post_create(&c, &d, &made, &e));
    return made.post_id;
}

static mn_post get(uint64_t id)
{
    mn_post p;
    RUN(mn_store_post(s, id, &ar, &p, &e));
    return p;
}

static void block(uint64_t who, uint64_t whom, bool on)
{
    mn_tx *tx;
    RUN(mn_store_begin(s, &tx, &e));
    if (on) RUN(mn_social_block(tx, who, whom, &e));
    else RUN(mn_social_unblock(tx, who, whom, &e));
    RUN(mn_store_commit(tx, &e));
}

/* ---- who may see what ----------------------------------------------------------------------------------------------- */

/* One letter a viewer: nobody, ann, bob (her follower), cat (mentioned), dan. */
static void seen_by(uint64_t id, const char *want)
{
    mn_post p = get(id);
    for (uint64_t viewer = 0; viewer <= DAN; viewer++) {
        bool may = false;
        RUN(mn_social_may_see(s, &p, viewer, &may, &e));
        if (may != (want[viewer] != '-'))
            fail_msg("viewer %d and '%s' (%s)", (int)viewer, want,
                     may ? "sees" : "does not see");
    }
}

static void each_visibility_has_its_readers(void **state)
{
    (void)state;
    seen_by(say(ANN, "@cat", MN_VIS_PUBLIC, 0), "0abcd");
    seen_by(say(ANN, "@cat", MN_VIS_UNLISTED, 0), "0abcd");
    seen_by(say(ANN, "@cat", MN_VIS_FOLLOWERS, 0), "-abc-");
    seen_by(say(ANN, "@cat@here.example", MN_VIS_DIRECT, 0), "-a-c-");
    seen_by(say(ANN, "@cat@elsewhere.example", MN_VIS_DIRECT, 0), "-a---");
    uint64_t open = say(ANN, "open", MN_VIS_PUBLIC, 0), boost = 0;
    RUN(mn_social_boost(&c, BOB, 0, open, -1, &boost, &e));
    seen_by(boost, "0abcd");
    block(ANN, DAN, true);
    seen_by(open, "0abc-");
    seen_by(boost, "0abc-");
    block(ANN, DAN, false);
    block(DAN, ANN, true);
    seen_by(open, "0abc-");
    block(DAN, ANN, false);
    uint64_t own = 0, secret = say(ANN, "secret", MN_VIS_FOLLOWERS, 0);
    RUN(mn_social_boost(&c, ANN, 0, secret, MN_VIS_PUBLIC, &own, &e));
    seen_by(own, "-ab--"); /* a boost opens nothing */
    RUN(mn_social_account_suspend(s, ANN, true, &e));
    seen_by(open, "-a---");
    seen_by(boost, "-a---");
    RUN(mn_social_account_suspend(s, ANN, false, &e));
    RUN(mn_social_post_delete(&c, ANN, open, false, &e));
    seen_by(open, "-----");
    seen_by(boost, "-----");
}

static void many_are_decided_as_one_by_one(void **state)
{
    mn_post items[40];
    bool may[40], one;
    (void)state;
    for (int i = 0; i < 40; i++)
        items[i] = get(say((uint64_t)(i % 3) + 1, i % 2 ? "@dan hello" : "hello",
                           (mn_visibility)(i % 4), 0));
    for (uint64_t viewer = 0; viewer <= DAN; viewer++) {
        RUN(mn_social_may_see_posts(s, &(mn_posts){items, 40}, viewer, may, &e));
        for (int i = 0; i < 40; i++) {
            RUN(mn_social_may_see(s, &items[i], viewer, &one, &e));
            OK(one == may[i]);
        }
    }
}

static void a_quote_needs_the_authors_word(void **state)
{
    (void)state;
    mn_post p = {.id = 9, .account_id = ANN, .quote_policy = MN_QUOTES_PUBLIC};
    OK(mn_social_may_quote(&p, CAT, false) == MN_QUOTE_YES);
    OK(mn_social_may_quote(&p, 0, false) == MN_QUOTE_NO);
    p.quote_policy = MN_QUOTES_FOLLOWERS;
    OK(mn_social_may_quote(&p, CAT, false) == MN_QUOTE_NO);
    OK(mn_social_may_quote(&p, CAT, true) == MN_QUOTE_YES);
    p.quote_policy = MN_QUOTES_NOBODY;
    OK(mn_social_may_quote(&p, CAT, true) == MN_QUOTE_NO);
    OK(mn_social_may_quote(&p, ANN, false) == MN_QUOTE_YES);
    p.quote_policy = MN_QUOTES_PUBLIC;
    p.visibility = MN_VIS_FOLLOWERS;
    OK(mn_social_may_quote(&p, CAT, true) == MN_QUOTE_NO);
    OK(mn_social_may_quote(&p, ANN, true) == MN_QUOTE_YES);
    p.visibility = MN_VIS_DIRECT;
    OK(mn_social_may_quote(&p, ANN, true) == MN_QUOTE_NO);
    p.visibility = MN_VIS_PUBLIC;
    p.boost_of = 5;
    OK(mn_social_may_quote(&p, ANN, true) == MN_QUOTE_NO);
}

/* ---- mentions, language ------------------------------------------------------------------------------------------------ */

static void those_named_are_mentioned_once(void **state)
{
    mn_mention *m = NULL;
    size_t n = 0;
    (void)state;
    uint64_t id = say(ANN, "@Bob @bob @cat@HERE.example mail@dan.org @dan@x.org @nobody", 0, 0);
    RUN(mn_store_mentions_of(s, &id, 1, &ar, &m, &n, &e));
    OK(n == 2 && m[0].account_id == BOB && m[1].account_id == CAT);
}

static void a_language_is_found_where_none_is_given(void **state)
{
    mn_draft d;
    mn_created made;
    (void)state;
    mn_draft_init(&d, ANN);
    d.text = MN_STR("Il est cinq heures, Paris s'éveille, et les camions sont pleins de lait.");
    RUN(mn_social_post_create(&c, &d, &made, &e));
    IS(get(made.post_id).lang, "fr");
    d.lang = MN_STR("not a code");
    RUN(mn_social_post_create(&c, &d, &made, &e));
    IS(get(made.post_id).lang, "fr");
    d.lang = MN_STR("sr-Latn");
    RUN(mn_social_post_create(&c, &d, &made, &e));
    IS(get(made.post_id).lang, "sr-Latn");
}

/* ---- threads ----------------------------------------------------------------------------------------------------------- */

static void a_thread_is_walked_depth_first_own_answers_before_others(void **state)
{
    mn_context x;
    const mn_context_limits all = {4096, 4096, 0}, few = {1, 2, 1};
    (void)state;
    uint64_t a = say(ANN, "a", 0, 0), b = say(BOB, "b", 0, a), d = say(CAT, "d", 0, a);
    uint64_t f = say(DAN, "f", 0, b), own = say(ANN, "own", 0, a),
             own2 = say(ANN, "o2", 0, own);
    mn_post p = get(a);
    RUN(mn_social_context(s, &p, &all, &ar, &x, &e));
    const uint64_t want[] = {own, own2, b, f, d};
    OK(x.n_descendants == 5 && x.n_ancestors == 0);
    for (int i = 0; i < 5; i++) OK(x.descendants[i] == want[i]);
    RUN(mn_social_context(s, &p, &few, &ar, &x, &e));
    OK(x.n_descendants == 2 && x.descendants[0] == b && x.descendants[1] == d);
    p = get(f);
    RUN(mn_social_context(s, &p, &all, &ar, &x, &e));
    OK(x.n_ancestors == 2 && x.ancestors[0] == a && x.ancestors[1] == b);
    RUN(mn_social_context(s, &p, &few, &ar, &x, &e));
    OK(x.n_ancestors == 1 && x.ancestors[0] == b);
    RUN(mn_social_post_delete(&c, BOB, b, false, &e));
    RUN(mn_social_context(s, &p, &all, &ar, &x, &e));
    OK(x.n_ancestors == 1 && x.ancestors[0] == a); /* over the gap */
}

/* ---- later --------------------------------------------------------------------------------------------------------------- */

static void a_draft_reads_back_as_it_was_written(void **state)
{
    mn_draft d, again;
    mn_buf b;
    const uint64_t media[] = {7, UINT64_C(1) << 60};
    const mn_str options[] = {MN_STR("tea"), MN_STR("\"coffee\"\n")};
    (void)state;
    mn_buf_init(&b, 0);
    mn_draft_init(&d, ANN);
    d.text = MN_STR("hé \"you\"");
    d.visibility = MN_VIS_DIRECT;
    d.sensitive = 1;
    d.quote_policy = MN_QUOTES_NOBODY;
    d.reply_to = UINT64_C(1) << 62;
    d.media = media;
    d.n_media = 2;
    d.poll = options;
    d.n_poll = 2;
    d.poll_expires_s = 600;
    d.poll_hide_totals = true;
    d.consent = mn_consents_set(0, MN_P_BRIDGE, MN_CONSENT_DENY);
    d.scheduled_ms = 12345;
    RUN(mn_draft_write(&d, &b, &e));
    RUN(mn_draft_read(mn_buf_str(&b), &ar, &again, &e));
    OK(mn_str_eq(again.text, d.text) && again.visibility == d.visibility);
    OK(again.sensitive == 1 && again.quote_policy == MN_QUOTES_NOBODY);
    OK(again.reply_to == d.reply_to && again.n_media == 2 && again.media[1] == media[1]);
    OK(again.n_poll == 2 && mn_str_eq(again.poll[1], options[1]) && again.poll_hide_totals);
    OK(again.consent == d.consent && again.scheduled_ms == 12345);
    mn_buf_release(&b);
    FAILS(MN_E_PARSE, mn_draft_read(MN_STR("[]"), &ar, &again, &e));
}

static void what_is_due_is_posted_once_and_what_cannot_be_is_dropped(void **state)
{
    mn_draft d;
    mn_created made;
    size_t n = 0;
    uint64_t posts = 0, accounts;
    (void)state;
    uint64_t parent = say(BOB, "parent", MN_VIS_PUBLIC, 0);
    int64_t at = mn_now_ms() + 600000;
    mn_draft_init(&d, ANN);
    d.text = MN_STR("later");
    d.scheduled_ms = at;
    d.idempotency_key = MN_STR("key");
    RUN(mn_social_post_create(&c, &d, &made, &e));
    uint64_t id = made.scheduled_id;
    OK(id && !made.post_id);
    RUN(mn_social_post_create(&c, &d, &made, &e));
    OK(made.repeated && made.scheduled_id == id);
    d.idempotency_key = MN_STR("");
    d.reply_to = parent;
    RUN(mn_social_post_create(&c, &d, &made, &e));
    RUN(mn_social_post_delete(&c, BOB, parent, false, &e));
    FAILS(MN_E_LIMIT, (d.reply_to = 0, mn_social_post_create(&c, &d, &made, &e)));
    RUN(mn_social_scheduled_due(&c, at - 1, 10, &n, &e));
    OK(n == 0);
    RUN(mn_social_scheduled_due(&c, at, 10, &n, &e));
    OK(n == 2);
    RUN(mn_social_scheduled_due(&c, at, 10, &n, &e));
    OK(n == 0);
    RUN(mn_store_counts(s, &accounts, &posts, NULL, &e));
    OK(posts == 1);
    d.scheduled_ms = mn_now_ms() + 1000;
    FAILS(MN_E_USAGE, mn_social_post_create(&c, &d, &made, &e));
}

static _Atomic uint64_t first_made;
static void *make_with_key(void *arg)
{
    mn_err err = {0};
    mn_draft d;
    mn_created made;
    (void)arg;
    mn_draft_init(&d, ANN);
    d.text = MN_STR("once");
    d.lang = MN_STR("en");
    d.idempotency_key = MN_STR("the same");
    for (int i = 0; i < 20; i++) {
        uint64_t none = 0;
        if (mn_social_post_create(&c, &d, &made, &err) != MN_OK) abort();
        atomic_compare_exchange_strong(&first_made, &none, made.post_id);
        if (atomic_load(&first_made) != made.post_id) abort();
    }
    return NULL;
}

static void one_key_makes_one_post_however_many_ask_at_once(void **state)
{
    pthread_t t[6];
    uint64_t posts = 0;
    (void)state;
    atomic_store(&first_made, 0);
    for (int i = 0; i < 6; i++) OK(pthread_create(&t[i], NULL, make_with_key, NULL) == 0);
    for (int i = 0; i < 6; i++) pthread_join(t[i], NULL);
    RUN(mn_store_counts(s, NULL, &posts, NULL, &e));
    OK(posts == 1);
}

static void *favourite_often(void *arg)
{
    mn_err err = {0};
    uint64_t who = (uint64_t)(uintptr_t)arg;
    for (int i = 0; i < 101; i++)
        if (mn_social_favourite(&c, who, atomic_load(&first_made), i % 2 == 0, &err) != MN_OK)
            abort();
    return NULL;
}

static void counters_stay_exact_when_many_press_at_once(void **state)
{
    pthread_t t[3];
    (void)state;
    atomic_store(&first_made, say(ANN, "press here", MN_VIS_PUBLIC, 0));
    for (uintptr_t i = 0; i < 3; i++)
        OK(pthread_create(&t[i], NULL, favourite_often, (void *)(BOB + i)) == 0);
    for (int i = 0; i < 3; i++) pthread_join(t[i], NULL);
    OK(get(atomic_load(&first_made)).n_favourites == 3);
}

static void drafts_are_limited_and_each_accounts_own(void **state)
{
    mn_draft d;
    uint64_t id = 0, other = 0;
    (void)state;
    mn_draft_init(&d, ANN);
    d.text = MN_STR("half");
    RUN(mn_social_draft_save(&c, &d, 0, &id, &e));
    RUN(mn_social_draft_save(&c, &d, 0, &other, &e));
    FAILS(MN_E_LIMIT, mn_social_draft_save(&c, &d, 0, &other, &e));
    RUN(mn_social_draft_save(&c, &d, id, &other, &e));
    OK(other == id);
    d.account_id = BOB;
    FAILS(MN_E_NOT_FOUND, mn_social_draft_save(&c, &d, id, &other, &e));
    FAILS(MN_E_NOT_FOUND, mn_social_draft_delete(&c, BOB, id, &e));
    RUN(mn_social_draft_delete(&c, ANN, id, &e));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_store, close_store)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_visibility_has_its_readers),
        CASE(many_are_decided_as_one_by_one),
        CASE(a_quote_needs_the_authors_word),
        CASE(those_named_are_mentioned_once),
        CASE(a_language_is_found_where_none_is_given),
        CASE(a_thread_is_walked_depth_first_own_answers_before_others),
        CASE(a_draft_reads_back_as_it_was_written),
        CASE(one_key_makes_one_post_however_many_ask_at_once),
        CASE(counters_stay_exact_when_many_press_at_once),
        CASE(drafts_are_limited_and_each_accounts_own),
        CASE(what_is_due_is_posted_once_and_what_cannot_be_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

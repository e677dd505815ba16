/* Which posts of a corpus may no longer be learnt from. */
#include "corpus/due.h"

#include "corpus/closure.h"
#include "corpus_fixture.h"
#include "social/erase.h"

#define SECRET                                                                                 \
    "the porcelain otter sleeps beneath the seventh lamp of the harbour, and nobody knows "    \
    "its name"

static uint64_t said, copied, by_one, by_two;

/* Author 1 and the authors of filler allow by themselves, author 2 by the server's word. */
static int set_up(void **state)
{
    (void)state;
    fixture_open(9);
    for (uint64_t a = 1; a <= 9; a++)
        if (a != 2) consent(MN_SCOPE_ACCOUNT, a, MN_CONSENT_ALLOW);
    consent(MN_SCOPE_SERVER, 0, MN_CONSENT_ALLOW);
    for (uint64_t k = 0; k < 60; k++) filler(4 + k % 5, k);
    said = add(1, 0, SECRET ".");
    copied = add(3, 0, SECRET "!!");
    by_one = add(1, 0, "a letter about the mountain railway and the people who still ride it");
    by_two = add(2, 0, "an entirely different thought about bread and the price of flour");
    build("c", 0.1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_close();
    return 0;
}

static mn_arena ar;

/* What is due since `known`; "all" of it lives until the next call without. */
static mn_corpus_due due(const mn_corpus_due *known)
{
    mn_err e = {0};
    mn_corpus_report r;
    mn_corpus_due d;
    RUN(mn_corpus_read(dir, "c", &r, &e));
    RUN(mn_corpus_due_find(store, dir, &r, known, &ar, &d, &e));
    return d;
}

static bool has(const mn_corpus_due *d, uint64_t i)
{
    for (size_t k = 0; k < d->n; k++)
        if (d->posts[k] == post_id(i)) return true;
    return false;
}

static void delete_post(uint64_t i)
{
    mn_err e = {0};
    mn_tx *tx;
    RUN(mn_store_begin(store, &tx, &e));
    RUN(mn_store_post_delete(tx, post_id(i), START_MS, &e));
    RUN(mn_store_commit(tx, &e));
}

static void nothing_is_due_of_a_fresh_corpus_nor_by_new_posts(void **state)
{
    (void)state;
    mn_arena_init(&ar, 0);
    OK(due(NULL).n == 0);
    mn_corpus_due d = due(NULL);
    uint64_t young = add(2, 0, "a new thought that no corpus has seen until this very day");
    mn_corpus_due later = due(&d);
    OK(later.n == 0 && later.rev > d.rev);
    delete_post(young); /* never was in a corpus */
    OK(due(&later).n == 0 && due(NULL).n == 0);
    mn_arena_release(&ar);
}

static void a_deleted_post_is_due_and_so_is_a_deleted_copy(void **state)
{
    (void)state;
    mn_arena_init(&ar, 0);
    mn_corpus_due before = due(NULL);
    delete_post(5);
    mn_corpus_due d = due(&before);
    OK(d.n == 1 && d.gone == 1 && has(&d, 5) && d.rev > before.rev);
    delete_post(copied);
    mn_corpus_due both = due(&d), anew = due(NULL);
    OK(both.n == 2 && has(&both, 5) && has(&both, copied) && !has(&both, said));
    OK(anew.n == 2 && anew.rev == both.rev);
    mn_arena_release(&ar);
}

static void withdrawn_consent_is_due_at_every_scope_until_it_is_given_again(void **state)
{
    (void)state;
    mn_arena_init(&ar, 0);
    consent(MN_SCOPE_POST, post_id(by_one), MN_CONSENT_DENY);
    mn_corpus_due d = due(NULL);
    OK(d.n == 1 && d.withdrawn == 1 && has(&d, by_one));
    consent(MN_SCOPE_ACCOUNT, 1, MN_CONSENT_DENY);
    d = due(&d);
    OK(d.n == 2 && has(&d, by_one) && has(&d, said));
    consent(MN_SCOPE_ACCOUNT, 1, MN_CONSENT_ALLOW);
    d = due(&d);
    OK(d.n == 1 && has(&d, by_one));
    consent(MN_SCOPE_POST, post_id(by_one), MN_CONSENT_ALLOW);
    OK(due(&d).n == 0);
    mn_arena_release(&ar);
}

static void the_servers_word_counts_for_those_who_said_nothing(void **state)
{
    (void)state;
    mn_arena_init(&ar, 0);
    consent(MN_SCOPE_SERVER, 0, MN_CONSENT_UNSET);
    mn_corpus_due d = due(NULL);
    OK(d.n == 1 && d.withdrawn == 1 && has(&d, by_two));
    consent(MN_SCOPE_ACCOUNT, 2, MN_CONSENT_ALLOW);
    OK(due(&d).n == 0 && due(NULL).n == 0);
    consent(MN_SCOPE_SERVER, 0, MN_CONSENT_ALLOW);
    OK(due(&d).n == 0);
    mn_arena_release(&ar);
}

static void a_suspension_is_not_due_but_a_deletion_is_from_its_first_moment(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_arena_init(&ar, 0);
    RUN(mn_social_account_suspend(store, 2, true, &e));
    OK(due(NULL).n == 0);
    RUN(mn_social_account_suspend(store, 2, false, &e));
    RUN(mn_social_account_erase(store, 2, &e));
    mn_corpus_due d = due(NULL);
    OK(d.n == 1 && d.gone == 1 && has(&d, by_two));
    bool left = true;
    RUN(mn_social_account_erase_run(store, 2, 60000, &left, &e));
    OK(!left && due(&d).n == 1 && due(NULL).n == 1);
    mn_arena_release(&ar);
}

static bool count_text(void *arg, mn_str text)
{
    if (mn_str_find(text, MN_STR("porcelain otter"), 0) != SIZE_MAX) ++*(int *)arg;
    return true;
}

static void what_is_erased_is_due_no_longer_and_has_no_text(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_corpus_report r;
    mn_corpus_closure c;
    int texts = 0;
    mn_arena_init(&ar, 0);
    delete_post(copied);
    mn_corpus_due d = due(NULL);
    OK(d.n == 1);
    RUN(mn_corpus_texts(dir, "c", d.posts, d.n, count_text, &texts, &e));
    OK(texts == 1);
    RUN(mn_corpus_closure_find(dir, "c", d.posts, d.n, NULL, 0, &ar, &c, &e));
    RUN(mn_corpus_erase(dir, "c", &c, &e));
    OK(due(&d).n == 0 && due(NULL).n == 0);
    texts = 0;
    RUN(mn_corpus_texts(dir, "c", d.posts, d.n, count_text, &texts, &e));
    OK(texts == 0);
    /* and when it is done, the next search begins later */
    RUN(mn_corpus_read(dir, "c", &r, &e));
    uint64_t built = r.store_rev;
    OK(d.rev > built);
    RUN(mn_corpus_due_done(store, &r, &d, &e));
    mn_corpus_due next = due(NULL);
    OK(next.n == 0 && next.rev == d.rev);
    delete_post(by_one);
    OK(due(NULL).n == 1);
    mn_arena_release(&ar);
}

/* The store was put back from a copy that is older than the corpus: everything is looked at. */
static void a_revision_of_the_future_is_not_believed(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_corpus_report r;
    mn_corpus_due ahead = {.rev = UINT64_C(1) << 50};
    mn_arena_init(&ar, 0);
    delete_post(by_one);
    RUN(mn_corpus_read(dir, "c", &r, &e));
    RUN(mn_corpus_due_done(store, &r, &ahead, &e));
    OK(due(NULL).n == 1);
    r.store_rev = UINT64_C(1) << 51;
    mn_corpus_due d;
    RUN(mn_corpus_due_find(store, dir, &r, NULL, &ar, &d, &e));
    OK(d.n == 1 && has(&d, by_one));
    mn_arena_release(&ar);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_due_of_a_fresh_corpus_nor_by_new_posts,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_deleted_post_is_due_and_so_is_a_deleted_copy, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            withdrawn_consent_is_due_at_every_scope_until_it_is_given_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_servers_word_counts_for_those_who_said_nothing,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_suspension_is_not_due_but_a_deletion_is_from_its_first_moment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_erased_is_due_no_longer_and_has_no_text, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_revision_of_the_future_is_not_believed, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

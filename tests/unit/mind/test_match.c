/* The newest posts that hold all words: against a plain scan, over several segments, edits and deletions. */
#include "fixture.h"

#include "base/hash.h"
#include "mind/post_search.h"

enum { POSTS = 1500, WORDS = 12 };

static uint64_t c;
static unsigned bits[POSTS + 1]; /* the words of post i */
static bool gone[POSTS + 1];

static mn_str text_of(unsigned words, mn_arena *ar)
{
    mn_str t = MN_STR("filler");
    for (int i = 0; i < WORDS; i++)
        if (words >> i & 1) t = mn_str_fmt(ar, "%.*s wurd%c", MN_STR_FMT(t), 'a' + i);
    return t;
}

static unsigned some_words(void)
{
    unsigned w = 0;
    for (int i = 0; i < WORDS; i++)
        if (mn_rand_at(5, 5, c++) % (uint64_t)(i + 2) == 0) w |= 1u << i;
    return w;
}

static void add_posts(fixture *f, int from, int until, mn_arena *ar)
{
    mn_err e = {0};
    mn_tx *tx;
    RUN(mn_store_begin(f->store, &tx, &e));
    for (int i = from; i < until; i++) {
        bits[i] = some_words();
        RUN(mn_store_post_add(tx,
                              &(mn_post){.id = (uint64_t)i * 10,
                                         .account_id = 1 + (uint64_t)i % 5,
                                         .created_ms = i,
                                         .text = text_of(bits[i], ar)},
                              &e));
    }
    RUN(mn_store_commit(tx, &e));
    RUN(mn_search_update(f->search, NULL, &e));
}

static void delete_some(fixture *f)
{
    mn_err e = {0};
    mn_tx *tx;
    RUN(mn_store_begin(f->store, &tx, &e));
    for (int i = 1; i <= POSTS; i += 7) {
        gone[i] = true;
        RUN(mn_store_post_delete(tx, (uint64_t)i * 10, 5, &e));
    }
    RUN(mn_store_commit(tx, &e));
    RUN(mn_search_update(f->search, NULL, &e));
}

static void compare(fixture *f, unsigned words, uint64_t before, size_t limit, mn_arena *ar)
{
    mn_err e = {0};
    uint64_t *ids = NULL;
    size_t n = 0, want = 0;
    mn_str q = mn_str_sub(text_of(words, ar), 6, SIZE_MAX); /* without the filler */
    RUN(mn_search_match(f->search, q, before, limit, ar, &ids, &n, &e));
    for (int i = POSTS; i >= 1 && words; i--) {
        uint64_t id = (uint64_t)i * 10;
        if (gone[i] || (bits[i] & words) != words || (before && id >= before)) continue;
        if (want == limit) break;
        if (want >= n || ids[want] != id)
            fail_msg("words %x before %llu: %zu of %zu", words, (unsigned long long)before,
                     want, n);
        want++;
    }
    assert_int_equal(n, want);
}

static void what_holds_all_words_is_found_newest_first(void **state)
{
    (void)state;
    fixture f;
    mn_arena ar;
    fixture_start(&f);
    mn_arena_init(&ar, 0);
    for (int i = 1; i <= POSTS; i += 300) add_posts(&f, i, i + 300, &ar);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 200; i++) {
            unsigned words = some_words() & some_words();
            uint64_t before = i % 3 ? 0 : mn_rand_at(6, 6, c++) % (POSTS * 10);
            compare(&f, words, before, 1 + mn_rand_at(6, 7, c++) % 60, &ar);
        }
        compare(&f, 1, 0, MN_SEARCH_LIMIT_MAX, &ar);
        if (round == 0) delete_some(&f);
    }
    mn_arena_release(&ar);
    fixture_finish(&f);
}

static void words_nobody_used_and_no_words_find_nothing(void **state)
{
    (void)state;
    fixture f;
    mn_arena ar;
    mn_err e = {0};
    uint64_t *ids = NULL;
    size_t n = 1;
    fixture_start(&f);
    mn_arena_init(&ar, 0);
    fixture_post(&f, 1, 1, "a heron");
    fixture_update(&f);
    RUN(mn_search_match(f.search, MN_STR("heron unheard"), 0, 5, &ar, &ids, &n, &e));
    assert_int_equal(n, 0);
    RUN(mn_search_match(f.search, MN_STR(" ,"), 0, 5, &ar, &ids, &n, &e));
    assert_int_equal(n, 0);
    FAILS(MN_E_USAGE, mn_search_match(f.search, MN_STR("heron"), 0, MN_SEARCH_LIMIT_MAX + 1,
                                      &ar, &ids, &n, &e));
    mn_arena_release(&ar);
    fixture_finish(&f);
}

static void pages_of_a_search_go_on_where_the_last_ended(void **state)
{
    (void)state;
    fixture f;
    mn_arena ar;
    mn_err e = {0};
    mn_feeds *feeds;
    fixture_start(&f);
    mn_arena_init(&ar, 0);
    for (uint64_t i = 1; i <= 50; i++)
        fixture_post(&f, i * 10, 1 + i % 3, i % 2 ? "a swift again" : "a swift and more words");
    fixture_update(&f);
    RUN(mn_feeds_new(f.store, 0, &feeds, &e));
    uint64_t last = UINT64_MAX;
    size_t n = 0, seen = 0;
    for (size_t at = 0; at < 60; at += 7) {
        uint64_t *ids = NULL;
        mn_post_search s = {.store = f.store,
                            .feeds = feeds,
                            .index = f.search,
                            .query = MN_STR("swift -words"),
                            .domain = MN_STR("x"),
                            .offset = at,
                            .limit = 7};
        RUN(mn_post_search_run(&s, &ar, &ids, &n, &e));
        for (size_t i = 0; i < n; i++) {
            OK(ids[i] < last && ids[i] / 10 % 2 == 1);
            last = ids[i];
        }
        seen += n;
    }
    assert_int_equal(seen, 25);
    mn_feeds_free(feeds);
    mn_arena_release(&ar);
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_holds_all_words_is_found_newest_first),
        TEST(words_nobody_used_and_no_words_find_nothing),
        TEST(pages_of_a_search_go_on_where_the_last_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

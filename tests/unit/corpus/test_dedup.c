#include "corpus/dedup.h"

#include "base/hash.h"
#include "test.h"

/* ---- forms and signatures ------------------------------------------------------------------------------------ */

static void form_is(const char *clean, const char *form)
{
    mn_form f = {0};
    mn_buf b;
    mn_buf_init(&b, 0);
    OK(mn_form_of(mn_str_from(clean), &f) == MN_OK);
    for (size_t i = 0; i < f.n; i++) {
        char u[4];
        mn_buf_add(&b, u, mn_utf8_encode(f.cp[i], u));
    }
    if (!mn_str_eqz(mn_buf_str(&b), form))
        fail_msg("'%s' gave '%s', not '%s'", clean, b.ptr, form);
    OK(mn_form_bytes(&f) == b.len);
    mn_buf_release(&b);
    mn_form_release(&f);
}

static void the_normal_form_keeps_what_makes_posts_the_same(void **state)
{
    (void)state;
    form_is("Hello, WORLD! 42 times", "hello world 00 times");
    form_is("@user see [link] (again)", "see again");
    form_is("  [email] [x] a ", "x a");
    form_is("ÉCOLE über ΑΒΓ 日本", "école über αβγ 日本");
    form_is("🙂 !!!", "");
    form_is("", "");
}

static void words_of_a_form_are_counted_from_the_left(void **state)
{
    (void)state;
    mn_form f = {0};
    OK(mn_form_of(MN_STR("one two three four five"), &f) == MN_OK);
    OK(mn_form_words(&f, 1) == 3 && mn_form_words(&f, 4) == 18 && mn_form_words(&f, 9) == f.n);
    mn_form_release(&f);
}

static void jaccard_is_what_counting_by_hand_gives(void **state)
{
    (void)state;
    mn_form f = {0}, g = {0};
    mn_shingle_set a = {0}, b = {0};
    OK(mn_form_of(MN_STR("abcdefghij"), &f) == MN_OK); /* 6 shingles */
    OK(mn_form_of(MN_STR("abcdefghix"), &g) == MN_OK); /* 5 of them and another */
    OK(mn_shingle_set_of(&f, &a) == MN_OK && mn_shingle_set_of(&g, &b) == MN_OK);
    OK(a.n == 6 && b.n == 6);
    OK(mn_shingle_sets_jaccard(&a, &b) == 5.0 / 7.0);
    OK(!mn_shingle_sets_near(&a, &b) && mn_shingle_sets_near(&a, &a));
    OK(mn_form_of(MN_STR("aaaaaaaaaaaa"), &f) == MN_OK);
    OK(mn_shingle_set_of(&f, &a) == MN_OK && a.n == 1);
    mn_form_release(&f);
    mn_form_release(&g);
    mn_shingle_set_release(&a);
    mn_shingle_set_release(&b);
}

static void signatures_estimate_jaccard(void **state)
{
    (void)state;
    /* 20 × 5 rows hide in 20 keys; equal texts must agree in all, unrelated ones in none */
    mn_form f = {0};
    mn_shingles tmp = {0};
    uint32_t a[MN_BANDS], b[MN_BANDS], c[MN_BANDS];
    OK(mn_form_of(MN_STR("the quick brown fox jumps over the lazy dog"), &f) == MN_OK);
    OK(mn_minhash(&f, &tmp, a) == MN_OK && mn_minhash(&f, &tmp, b) == MN_OK);
    OK(memcmp(a, b, sizeof a) == 0);
    OK(mn_form_of(MN_STR("a completely unrelated sentence about gardening"), &f) == MN_OK);
    OK(mn_minhash(&f, &tmp, c) == MN_OK);
    for (int k = 0; k < MN_BANDS; k++) OK(a[k] != c[k]);
    mn_form_release(&f);
    mn_shingles_release(&tmp);
}

static void band_keys_never_change(void **state)
{
    (void)state;
    /* fixed for ever: the vector variants and every machine must give these */
    mn_form f = {0};
    mn_shingles tmp = {0};
    uint32_t a[MN_BANDS];
    OK(mn_form_of(MN_STR("posts that are signed today must match those signed next year"),
                  &f) == MN_OK);
    OK(mn_minhash(&f, &tmp, a) == MN_OK);
    assert_int_equal(mn_hash64(a, sizeof a, 0), UINT64_C(0xe55935f2bcb7faa8));
    mn_form_release(&f);
    mn_shingles_release(&tmp);
}

/* ---- candidates ---------------------------------------------------------------------------------------------- */

typedef struct pile {
    mn_cands c;
    mn_buf spool;
} pile;

static void add(pile *p, uint64_t id, uint64_t author, const char *text)
{
    mn_form f = {0};
    mn_shingles tmp = {0};
    mn_cand x = {
        .id = id, .author = author, .created_ms = (int64_t)id, .text_at = p->spool.len};
    x.text_len = (uint32_t)strlen(text);
    mn_buf_addz(&p->spool, text);
    OK(mn_form_of(mn_str_from(text), &f) == MN_OK);
    mn_form_hash(&f, x.form);
    x.form_n = (uint32_t)f.n;
    x.opening = mn_hash64(f.cp, mn_form_words(&f, MN_TEMPLATE_WORDS) * sizeof *f.cp, author);
    if (f.n >= MN_MIN_FORM) OK(mn_minhash(&f, &tmp, x.bands) == MN_OK);
    OK(mn_cands_add(&p->c, &x) == MN_OK);
    mn_form_release(&f);
    mn_shingles_release(&tmp);
}

static void dedup(pile *p, int threads)
{
    mn_err e = {0};
    mn_pool *pool;
    RUN(mn_pool_new(threads, &pool, &e));
    RUN(mn_corpus_dedup(&p->c, p->spool.ptr, pool, &e));
    mn_pool_free(pool);
}

static void release(pile *p)
{
    mn_cands_release(&p->c);
    mn_buf_release(&p->spool);
}

static void the_earliest_of_equal_posts_stays(void **state)
{
    (void)state;
    pile p = {0};
    mn_buf_init(&p.spool, 0);
    add(&p, 1, 1, "Short words here");
    add(&p, 2, 2, "short words, HERE!");
    add(&p, 3, 3, "short words there");
    add(&p, 4, 4, "@user short words here [link]");
    dedup(&p, 1);
    OK(p.c.items[0].drop == MN_DROP_NONE);
    OK(p.c.items[1].drop == MN_DROP_DUPLICATE && p.c.items[1].of == 1);
    OK(p.c.items[2].drop == MN_DROP_NONE);
    OK(p.c.items[3].drop == MN_DROP_DUPLICATE && p.c.items[3].of == 1);
    release(&p);
}

static void near_duplicates_go_and_short_ones_stay(void **state)
{
    (void)state;
    pile p = {0};
    mn_buf_init(&p.spool, 0);
    add(&p, 1, 1,
        "The council has decided that the old bridge over the river will be closed in March");
    add(&p, 2, 2,
        "The council has decided that the old bridge over the river will be closed in March "
        "sadly");
    add(&p, 3, 3, "The council has decided that the new bridge will open next year in spring");
    add(&p, 4, 4, "Bad cop bad cop at Hard Rock");
    add(&p, 5, 5, "Bad cop bad cop at Hard Rocks");
    dedup(&p, 1);
    OK(p.c.items[1].drop == MN_DROP_NEAR_DUPLICATE && p.c.items[1].of == 1);
    for (int i = 0; i < 5; i++)
        if (i != 1) OK(p.c.items[i].drop == MN_DROP_NONE);
    release(&p);
}

static void one_template_of_one_author_stays_five_times(void **state)
{
    (void)state;
    pile p = {0};
    static const char *const places[] = {"Rome",  "Oslo",  "Lima",  "Kyiv", "Bonn",
                                         "Cairo", "Delhi", "Tunis", "Quito"};
    mn_buf_init(&p.spool, 0);
    for (uint64_t i = 0; i < 9; i++) {
        char text[200];
        snprintf(text, sizeof text, "Weather report from station %s: all quiet tonight",
                 places[i]);
        add(&p, 10 + i, 1, text);
        if (i == 0)
            add(&p, 30, 2, "Weather report from station Rome: all quiet tonight, mate, yes");
    }
    for (uint64_t i = 0; i < 9;
         i++) { /* an opening that many unlike posts of an author share */
        char text[200];
        snprintf(text, sizeof text, "There was a young poet %llx%llx %llx",
                 (unsigned long long)mn_rand_at(5, i, 0),
                 (unsigned long long)mn_rand_at(6, i, 0),
                 (unsigned long long)mn_rand_at(7, i, 0));
        for (char *c = text; *c; c++)
            if (*c >= '0' && *c <= '9') *c = (char)('g' + (*c - '0'));
        add(&p, 50 + i, 3, text);
    }
    dedup(&p, 1);
    int templates = 0, kept = 0;
    for (size_t i = p.c.n - 9; i < p.c.n; i++) OK(p.c.items[i].drop == MN_DROP_NONE);
    for (size_t i = 0; i < p.c.n; i++) {
        templates += p.c.items[i].drop == MN_DROP_TEMPLATE;
        kept += p.c.items[i].author == 1 && p.c.items[i].drop != MN_DROP_TEMPLATE;
    }
    OK(templates == 4 && kept == 5);
    release(&p);
}

static void make_many(pile *p, size_t n)
{
    static const char *const words[] = {"river",   "bridge", "old",   "new",  "closed", "open",
                                        "council", "sadly",  "march", "will", "be",     "the"};
    mn_buf_init(&p->spool, 0);
    for (uint64_t i = 0; i < n; i++) {
        char text[400] = "";
        uint64_t base = i % 97; /* clusters of like posts */
        for (uint64_t k = 0; k < 14; k++) {
            uint64_t pick = mn_rand_at(base, k, 0);
            if (mn_rand_at(i, k, 1) % 20 == 0) pick = mn_rand_at(i, k, 2);
            strcat(text, words[pick % 12]);
            strcat(text, " ");
        }
        add(p, i + 1, i % 40, text);
    }
}

static void the_outcome_does_not_depend_on_threads_and_is_true(void **state)
{
    (void)state;
    pile one = {0}, three = {0};
    make_many(&one, 1500);
    make_many(&three, 1500);
    dedup(&one, 1);
    dedup(&three, 3);
    int near = 0;
    for (size_t i = 0; i < one.c.n; i++) {
        OK(one.c.items[i].drop == three.c.items[i].drop &&
           one.c.items[i].of == three.c.items[i].of);
        near += one.c.items[i].drop == MN_DROP_NEAR_DUPLICATE;
    }
    OK(near > 100);
    /* whatever was dropped as a near duplicate is near one that stayed, which is earlier */
    mn_form f = {0};
    mn_shingle_set a = {0}, b = {0};
    for (size_t i = 0; i < one.c.n; i++) {
        const mn_cand *x = &one.c.items[i];
        if (x->drop != MN_DROP_NEAR_DUPLICATE) continue;
        const mn_cand *y = &one.c.items[x->of - 1];
        OK(y->id == x->of && y->id < x->id && y->drop == MN_DROP_NONE);
        OK(mn_form_of((mn_str){one.spool.ptr + x->text_at, x->text_len}, &f) == MN_OK);
        OK(mn_shingle_set_of(&f, &a) == MN_OK);
        OK(mn_form_of((mn_str){one.spool.ptr + y->text_at, y->text_len}, &f) == MN_OK);
        OK(mn_shingle_set_of(&f, &b) == MN_OK);
        OK(mn_shingle_sets_jaccard(&a, &b) >= 0.8);
    }
    mn_form_release(&f);
    mn_shingle_set_release(&a);
    mn_shingle_set_release(&b);
    release(&one);
    release(&three);
}

static void candidates_are_put_into_time_order(void **state)
{
    (void)state;
    mn_cands c = {0};
    for (uint64_t i = 0; i < 1000; i++) {
        mn_cand x = {.id = i + 1, .created_ms = (int64_t)(mn_rand_at(4, i, 0) % 50) - 25};
        OK(mn_cands_add(&c, &x) == MN_OK);
    }
    OK(mn_cands_order(&c) == MN_OK);
    uint64_t sum = 0;
    for (size_t i = 0; i < c.n; i++) {
        sum += c.items[i].id;
        if (i == 0) continue;
        const mn_cand *a = &c.items[i - 1], *b = &c.items[i];
        OK(a->created_ms < b->created_ms || (a->created_ms == b->created_ms && a->id < b->id));
    }
    OK(sum == 500500); /* each once */
    mn_cands_release(&c);
}

static void sorting_is_stable_and_finds_again(void **state)
{
    (void)state;
    enum { N = 5000 };
    mn_keyed *a = mn_keyed_new(N);
    for (uint64_t i = 0; i < N; i++) a[i] = (mn_keyed){mn_rand_at(1, i, 0) % 700 << 40, i};
    mn_keyed_sort(a, a + N, N);
    for (size_t i = 1; i < N; i++)
        OK(a[i - 1].key < a[i].key || (a[i - 1].key == a[i].key && a[i - 1].val < a[i].val));
    OK(mn_keyed_find(a, N, a[N - 1].key + 1) == UINT64_MAX);
    OK(mn_keyed_find(a, N, a[0].key) == a[0].val);
    mn_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_normal_form_keeps_what_makes_posts_the_same),
        TEST(words_of_a_form_are_counted_from_the_left),
        TEST(jaccard_is_what_counting_by_hand_gives),
        TEST(signatures_estimate_jaccard),
        TEST(band_keys_never_change),
        TEST(the_earliest_of_equal_posts_stays),
        TEST(near_duplicates_go_and_short_ones_stay),
        TEST(one_template_of_one_author_stays_five_times),
        TEST(the_outcome_does_not_depend_on_threads_and_is_true),
        TEST(candidates_are_put_into_time_order),
        TEST(sorting_is_stable_and_finds_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

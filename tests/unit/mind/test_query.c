/* Segments and queries against a plain reference: every document scored, sorted. */
#include "test.h"

#include <math.h>

#include "base/hash.h"
#include "mind/parts.h"

#define VOCABULARY 400
#define DOCS_MAX   60000

typedef struct world {
    char dir[64];
    mn_snap_item items[8];
    size_t n_items;
    /* the reference: doc → words */
    size_t n;
    uint64_t id[DOCS_MAX];
    uint16_t words[DOCS_MAX][24];
    uint8_t len[DOCS_MAX];
    bool dead[DOCS_MAX];
} world;

static world w;

/* Word numbers fall off like Zipf's: word 0 stands in most texts. */
static uint16_t word_at(uint64_t doc, uint64_t i)
{
    double u = mn_rand_unit(mn_rand_at(7, doc, i + 10));
    return (uint16_t)(pow((double)VOCABULARY, u) - 1);
}

/* Documents from..to, ids in the order `step` gives, written as one segment. */
static void segment(size_t from, size_t to, uint64_t id0, uint64_t step)
{
    mn_err e = {0};
    mn_builder *b;
    mn_buf text;
    char path[128];
    mn_buf_init(&text, 0);
    RUN(mn_mind__builder_new(&b, &e));
    for (size_t d = from; d < to; d++) {
        w.id[d] = id0 + (d - from) * step;
        w.len[d] = (uint8_t)(1 + mn_rand_at(7, d, 0) % 24);
        mn_buf_clear(&text);
        for (size_t i = 0; i < w.len[d]; i++) {
            w.words[d][i] = word_at(d, i);
            mn_buf_addf(&text, "w%u ", w.words[d][i]);
        }
        RUN(mn_mind__builder_add(b, w.id[d], d % 10, mn_buf_str(&text), &e));
    }
    if (to > w.n) w.n = to;
    snprintf(path, sizeof path, "%s/%zu.seg", w.dir, w.n_items);
    RUN(mn_mind__builder_write(b, path, &e));
    RUN(mn_mind__seg_open(path, &w.items[w.n_items++].seg, &e));
    mn_mind__builder_free(b);
    mn_buf_release(&text);
}

static void start(void)
{
    memset(&w, 0, sizeof w);
    test_tmp(w.dir);
}

static void finish(void)
{
    for (size_t i = 0; i < w.n_items; i++) {
        mn_mind__seg_unref(w.items[i].seg);
        mn_mind__dead_unref(w.items[i].dead);
    }
    test_tmp_remove(w.dir);
}

typedef struct plain {
    uint64_t score, id;
} plain;

static int best_first(const void *x, const void *y)
{
    const plain *a = x, *b = y;
    if (a->score != b->score) return a->score < b->score ? 1 : -1;
    return a->id < b->id ? 1 : a->id > b->id ? -1 : 0;
}

/* Everything by the formula, over all documents. */
static size_t reference(const uint16_t *q, const double *weight, size_t n_q, uint64_t before,
                        plain *ret)
{
    double total = 0;
    uint64_t df[32] = {0};
    size_t n = 0;
    for (size_t d = 0; d < w.n; d++) {
        total += w.len[d];
        for (size_t k = 0; k < n_q; k++) {
            bool in = false;
            for (size_t i = 0; i < w.len[d]; i++) in |= w.words[d][i] == q[k];
            df[k] += in;
        }
    }
    for (size_t d = 0; d < w.n; d++) {
        uint64_t score = 0;
        double norm = 0.9 * (1.0 - 0.4 + 0.4 * (double)w.len[d] / (total / (double)w.n));
        for (size_t k = 0; k < n_q; k++) {
            double tf = 0;
            for (size_t i = 0; i < w.len[d]; i++) tf += w.words[d][i] == q[k];
            double idf = log(1.0 + ((double)(w.n - df[k]) + 0.5) / ((double)df[k] + 0.5));
            if (tf > 0)
                score += (uint64_t)(weight[k] * idf * 1048576.0 * tf / (tf + norm) + 0.5);
        }
        if (score && !w.dead[d] && (!before || w.id[d] <= before))
            ret[n++] = (plain){score, w.id[d]};
    }
    qsort(ret, n, sizeof *ret, best_first);
    return n;
}

static plain expected[DOCS_MAX];

static void same_as_reference(const uint16_t *q, const double *weight, size_t n_q,
                              uint64_t before, size_t limit)
{
    mn_err e = {0};
    mn_arena a;
    mn_snap *s;
    mn_query_term t[32];
    mn_hit *hits;
    size_t n;
    mn_arena_init(&a, 0);
    RUN(mn_mind__snap_new(w.items, w.n_items, &s, &e));
    for (size_t i = 0; i < n_q; i++)
        t[i] = (mn_query_term){mn_str_fmt(&a, "w%u", q[i]), weight[i]};
    RUN(mn_mind__query_run(s, t, n_q, before, limit, &a, &hits, &n, &e));
    size_t want = reference(q, weight, n_q, before, expected);
    assert_int_equal(n, want < limit ? want : limit);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(hits[i].id, expected[i].id);
        OK(fabs(hits[i].score - (double)expected[i].score / 1048576.0) < 1e-9);
    }
    mn_mind__snap_unref(s);
    mn_arena_release(&a);
}

static void many_queries(int rounds, uint64_t seed)
{
    for (int round = 0; round < rounds; round++) {
        uint16_t q[32];
        double weight[32];
        size_t n_q = 1 + mn_rand_at(seed, (uint64_t)round, 0) % (round % 7 == 0 ? 24 : 5),
               n = 0;
        for (size_t i = 0; i < n_q; i++) {
            uint16_t t = (uint16_t)(mn_rand_at(seed, (uint64_t)round, 100 + i) %
                                    (round & 1 ? VOCABULARY : 30));
            bool twice = false;
            for (size_t k = 0; k < n; k++) twice |= q[k] == t;
            if (twice) continue;
            weight[n] = round % 3
                            ? 1.0
                            : 0.01 + mn_rand_unit(mn_rand_at(seed, (uint64_t)round, 200 + i));
            q[n++] = t;
        }
        uint64_t before = round % 4 == 1 ? w.id[mn_rand_at(seed, (uint64_t)round, 1) % w.n] : 0;
        static const size_t limits[] = {50, 1, 10, 1000, 10000};
        same_as_reference(q, weight, n, before, limits[round % 5]);
    }
}

static void the_best_are_found_as_a_plain_scan_finds_them(void **state)
{
    (void)state;
    start();
    segment(0, 20000, 1000, 3);
    many_queries(60, 1);
    finish();
}

static void segments_whose_ids_interleave_give_one_order(void **state)
{
    (void)state;
    start();
    segment(0, 6000, 1000, 4);
    segment(6000, 12000, 1002, 4);
    segment(12000, 13000, 9001, 2);
    segment(13000, 13001, 5, 1);
    many_queries(60, 2);
    finish();
}

static void kill_some(uint64_t seed)
{
    mn_err e = {0};
    for (size_t i = 0; i < w.n_items; i++)
        if (!w.items[i].dead)
            RUN(mn_mind__dead_new(NULL, w.items[i].seg->n_docs, &w.items[i].dead, &e));
    for (size_t d = 0; d < w.n; d++) {
        uint32_t doc;
        if (mn_rand_at(seed, 5, d) % 3) continue;
        w.dead[d] = true;
        for (size_t i = 0; i < w.n_items; i++)
            if (mn_mind__seg_find_doc(w.items[i].seg, w.id[d], &doc))
                OK(mn_mind__dead_set(w.items[i].dead, w.items[i].seg, doc));
    }
}

static void the_dead_are_not_found(void **state)
{
    (void)state;
    start();
    segment(0, 3000, 1000, 4);
    segment(3000, 6000, 1001, 4);
    kill_some(3);
    many_queries(30, 4);
    finish();
}

static void merging_keeps_the_living_and_their_scores(void **state)
{
    (void)state;
    mn_err e = {0};
    char path[128];
    mn_seg *seg;
    start();
    segment(0, 3000, 1000, 4);
    segment(3000, 7000, 1001, 4);
    segment(7000, 7300, 900000, 1);
    kill_some(3);
    snprintf(path, sizeof path, "%s/merged.seg", w.dir);
    RUN(mn_mind__seg_merge(w.items, w.n_items, path, &e));
    RUN(mn_mind__seg_open(path, &seg, &e));
    for (size_t i = 0; i < w.n_items; i++) {
        mn_mind__seg_unref(w.items[i].seg);
        mn_mind__dead_unref(w.items[i].dead);
    }
    w.items[0] = (mn_snap_item){seg, NULL};
    w.n_items = 1;
    size_t n = 0; /* the dead no longer count in the statistics */
    for (size_t d = 0; d < w.n; d++) {
        if (w.dead[d]) continue;
        w.id[n] = w.id[d];
        w.len[n] = w.len[d];
        memmove(w.words[n], w.words[d], sizeof w.words[n]);
        n++;
    }
    memset(w.dead, 0, sizeof w.dead);
    w.n = n;
    assert_int_equal(seg->n_docs, n);
    many_queries(30, 5);
    finish();
}

static void a_query_without_known_terms_finds_nothing(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_arena a;
    mn_snap *s;
    mn_hit *hits;
    size_t n = 7;
    start();
    segment(0, 10, 1, 1);
    mn_arena_init(&a, 0);
    RUN(mn_mind__snap_new(w.items, 1, &s, &e));
    mn_query_term t = {MN_STR("nowhere"), 1};
    RUN(mn_mind__query_run(s, &t, 1, 0, 10, &a, &hits, &n, &e));
    OK(n == 0);
    RUN(mn_mind__query_run(s, NULL, 0, 0, 10, &a, &hits, &n, &e));
    OK(n == 0);
    mn_mind__snap_unref(s);
    RUN(mn_mind__snap_new(NULL, 0, &s, &e));
    RUN(mn_mind__query_run(s, &t, 1, 0, 10, &a, &hits, &n, &e));
    OK(n == 0);
    mn_mind__snap_unref(s);
    mn_arena_release(&a);
    finish();
}

static void words_said_often_and_long_texts_are_scored(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_arena a;
    mn_builder *b;
    mn_snap *s;
    mn_hit *hits;
    size_t n;
    mn_buf text;
    char path[128];
    start();
    mn_arena_init(&a, 0);
    mn_buf_init(&text, 0);
    RUN(mn_mind__builder_new(&b, &e));
    static const int counts[] = {1, 3, 200, 255, 300, 2000};
    for (size_t i = 0; i < 6; i++) {
        mn_buf_clear(&text);
        for (int k = 0; k < counts[i]; k++) mn_buf_addz(&text, "tree ");
        RUN(mn_mind__builder_add(b, i + 1, 0, mn_buf_str(&text), &e));
    }
    RUN(mn_mind__builder_add(b, 7, 0, MN_STR("nothing"), &e));
    RUN(mn_mind__builder_add(b, 8, 0, MN_STR("replaced tree"), &e));
    RUN(mn_mind__builder_add(b, 8, 0, MN_STR("by this"), &e));
    RUN(mn_mind__builder_add(b, 9, 0, MN_STR("removed tree"), &e));
    mn_mind__builder_remove(b, 9);
    RUN(mn_mind__builder_add(b, 10, 0, MN_STR("... !"), &e));
    OK(mn_mind__builder_count(b) == 8);
    snprintf(path, sizeof path, "%s/a.seg", w.dir);
    RUN(mn_mind__builder_write(b, path, &e));
    RUN(mn_mind__seg_open(path, &w.items[0].seg, &e));
    w.n_items = 1;
    RUN(mn_mind__snap_new(w.items, 1, &s, &e));
    mn_query_term t = {MN_STR("tree"), 1};
    RUN(mn_mind__query_run(s, &t, 1, 0, 10, &a, &hits, &n, &e));
    OK(n == 6);
    /* 255, 300 and 2000 of 255 or more count the same: ties by higher id */
    OK(hits[0].id == 6 && hits[1].id == 5 && hits[2].id == 4 && hits[5].id == 1);
    OK(hits[0].score == hits[2].score && hits[2].score > hits[3].score);
    mn_mind__snap_unref(s);
    mn_mind__builder_free(b);
    mn_buf_release(&text);
    mn_arena_release(&a);
    finish();
}

static void a_damaged_segment_is_refused(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_seg *seg;
    mn_buf file;
    char path[128];
    start();
    segment(0, 500, 1000, 4);
    snprintf(path, sizeof path, "%s/0.seg", w.dir);
    mn_buf_init(&file, 0);
    RUN(mn_fs_read(path, 1 << 24, &file, &e));
    snprintf(path, sizeof path, "%s/bad.seg", w.dir);
    size_t refused = 0, tried = 0;
    for (size_t i = 0; i < file.len; i += 1 + i / 64, tried++) {
        file.ptr[i] ^= 0x10;
        RUN(mn_fs_write_atomic(path, file.ptr, file.len, &e));
        mn_rc rc = mn_mind__seg_open(path, &seg, &e);
        if (rc == MN_OK) mn_mind__seg_unref(seg); /* a byte between two parts */
        else OK(rc == MN_E_CORRUPT);
        refused += rc != MN_OK;
        file.ptr[i] ^= 0x10;
    }
    OK(tried > 100 && refused + 8 > tried);
    for (size_t cut = 0; cut < file.len; cut += 97) {
        RUN(mn_fs_write_atomic(path, file.ptr, cut, &e));
        FAILS(MN_E_CORRUPT, mn_mind__seg_open(path, &seg, &e));
    }
    mn_buf_release(&file);
    finish();
}

static void the_list_of_the_dead_survives_a_file(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_dead *d;
    char path[128];
    start();
    segment(0, 501, 1000, 4);
    kill_some(9);
    snprintf(path, sizeof path, "%s/0.dead", w.dir);
    RUN(mn_mind__dead_write(w.items[0].dead, path, &e));
    RUN(mn_mind__dead_read(path, w.items[0].seg, &d, &e));
    OK(d->n_dead == w.items[0].dead->n_dead && d->dead_len == w.items[0].dead->dead_len);
    OK(memcmp(d->bits, w.items[0].dead->bits, 63) == 0);
    mn_mind__dead_unref(d);
    RUN(mn_fs_write_atomic(path, "MNDEAD", 6, &e));
    FAILS(MN_E_CORRUPT, mn_mind__dead_read(path, w.items[0].seg, &d, &e));
    finish();
}

static void the_manifest_survives_a_file_and_says_when_damaged(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_arena a;
    char dir[64], path[128];
    mn_manifest_seg segs[2] = {{3, 0, 10}, {4, 7, UINT64_MAX}};
    mn_manifest m = {1, UINT64_MAX, 8, 5, segs, 2}, r;
    mn_buf b;
    test_tmp(dir);
    mn_arena_init(&a, 0);
    FAILS(MN_E_NOT_FOUND, mn_mind__manifest_read(dir, &a, &r, &e));
    RUN(mn_mind__manifest_write(dir, &m, &e));
    RUN(mn_mind__manifest_read(dir, &a, &r, &e));
    OK(r.analysis == 1 && r.rev == UINT64_MAX && r.next == 8 && r.server == 5);
    OK(r.n_segs == 2 && memcmp(r.segs, segs, sizeof segs) == 0);
    mn_buf_init(&b, 0);
    snprintf(path, sizeof path, "%s/manifest.json", dir);
    RUN(mn_fs_read(path, 1 << 20, &b, &e));
    for (size_t i = 0; i < b.len; i++) {
        b.ptr[i] ^= 1;
        mn_rc rc = mn_mind__manifest_parse(mn_buf_str(&b), &a, &r, &e);
        if (i + 1 < b.len) OK(rc == MN_E_CORRUPT);
        b.ptr[i] ^= 1;
    }
    mn_buf_release(&b);
    mn_arena_release(&a);
    test_tmp_remove(dir);
}

static void running_out_of_memory_is_told(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_arena a;
    char path[128];
    start();
    segment(0, 300, 1000, 4);
    segment(300, 600, 1001, 4);
    mn_arena_init(&a, 0);
    snprintf(path, sizeof path, "%s/m.seg", w.dir);
    int failed = 0;
    for (long n = 1; n < 60; n++) {
        mn_snap *s = NULL;
        mn_hit *hits;
        size_t k;
        mn_query_term t = {MN_STR("w1"), 1};
        mn_mem_fail_after(n);
        mn_rc rc = mn_mind__snap_new(w.items, 2, &s, &e);
        if (rc == MN_OK) rc = mn_mind__query_run(s, &t, 1, 0, 10, &a, &hits, &k, &e);
        if (rc == MN_OK) rc = mn_mind__seg_merge(w.items, 2, path, &e);
        mn_mem_fail_after(0);
        mn_mind__snap_unref(s);
        mn_arena_release(&a);
        if (rc != MN_OK) failed++;
        OK(rc == MN_OK || rc == MN_E_NOMEM);
        OK(rc == MN_OK || !mn_fs_exists(path));
        if (rc == MN_OK) break;
    }
    OK(failed > 5);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_best_are_found_as_a_plain_scan_finds_them),
        TEST(segments_whose_ids_interleave_give_one_order),
        TEST(the_dead_are_not_found),
        TEST(merging_keeps_the_living_and_their_scores),
        TEST(a_query_without_known_terms_finds_nothing),
        TEST(words_said_often_and_long_texts_are_scored),
        TEST(a_damaged_segment_is_refused),
        TEST(the_list_of_the_dead_survives_a_file),
        TEST(the_manifest_survives_a_file_and_says_when_damaged),
        TEST(running_out_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

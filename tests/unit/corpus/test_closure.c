/* What goes from a corpus with posts, and that nothing of them stays in its files. */
#include "corpus/closure.h"

#include "corpus_fixture.h"
#include "text/shard.h"

#define SECRET                                                                                 \
    "the porcelain otter sleeps beneath the seventh lamp of the harbour, and nobody knows "    \
    "its name"

static uint64_t said, copied, quoted, alone, reply, short_quote;

static int set_up(void **state)
{
    (void)state;
    fixture_open(8);
    for (uint64_t k = 0; k < 60; k++) filler(4 + k % 5, k);
    said = add(1, 0, SECRET ".");
    copied = add(2, 0, SECRET "!!"); /* dropped: a copy of `said` */
    reply = add(3, post_id(said), "that is a lovely line about an animal i have never seen");
    quoted =
        add(3, 0,
            "somebody here wrote: " SECRET " and i cannot stop thinking of the sea at night, "
            "of ships, of rain on a tin roof and of everything else that was never told");
    short_quote =
        add(4, 0, "the porcelain otter sleeps beneath a bridge somewhere far from here");
    alone = add(2, 0, "an entirely different thought about bread and the price of flour");
    consent(MN_SCOPE_SERVER, 0, MN_CONSENT_ALLOW);
    build("c", 0.1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_close();
    return 0;
}

/* Whether post i is in a document of the closure. */
static bool goes(const mn_corpus_closure *c, uint64_t i)
{
    mn_err e = {0};
    bool found = false;
    for (int k = 0; k < 2; k++) {
        char stem[100];
        mn_shard s;
        const uint64_t *docs = k ? c->val : c->train;
        size_t n = k ? c->n_val : c->n_train;
        snprintf(stem, sizeof stem, "%s/corpus/c/%s", dir, k ? "val" : "train");
        RUN(mn_shard_open(stem, 65536, &s, &e));
        for (uint64_t p = 0; p < s.n_posts; p++)
            for (size_t d = 0; d < n; d++)
                found |= s.posts[p].post_id == post_id(i) && s.posts[p].document == docs[d];
        mn_shard_close(&s);
    }
    return found;
}

static void a_post_takes_its_document_and_long_quotations_with_it(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_arena a;
    mn_corpus_closure c;
    const uint64_t ids[] = {post_id(said)};
    mn_arena_init(&a, 0);
    RUN(mn_corpus_closure_find(dir, "c", ids, 1, NULL, 0, &a, &c, &e));
    OK(c.posts == 1 && c.copies == 0 && c.quotations == 1 && c.others >= 1);
    OK(goes(&c, said) && goes(&c, reply) && goes(&c, quoted));
    OK(!goes(&c, short_quote) && !goes(&c, alone) && !goes(&c, 7));
    mn_arena_release(&a);
}

static void a_copy_that_was_left_out_takes_what_was_kept_in_its_place(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_arena a;
    mn_corpus_closure c;
    const uint64_t ids[] = {post_id(copied)};
    mn_arena_init(&a, 0);
    RUN(mn_corpus_closure_find(dir, "c", ids, 1, NULL, 0, &a, &c, &e));
    OK(c.posts == 0 && c.copies == 1 && c.quotations == 1);
    OK(goes(&c, said) && goes(&c, quoted) && !goes(&c, alone));
    mn_arena_release(&a);
}

static void an_account_takes_all_its_posts(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_arena a;
    mn_corpus_closure c;
    mn_arena_init(&a, 0);
    RUN(mn_corpus_closure_find(dir, "c", NULL, 0, &(uint64_t){2}, 1, &a, &c, &e));
    OK(c.posts == 1 && goes(&c, alone) && !goes(&c, said));
    RUN(mn_corpus_closure_find(dir, "c", NULL, 0, &(uint64_t){99}, 1, &a, &c, &e));
    OK(c.n_train + c.n_val == 0);
    RUN(mn_corpus_closure_find(dir, "c", NULL, 0, (uint64_t[]){99, 2, 1}, 3, &a, &c, &e));
    OK(c.posts == 2 && goes(&c, alone) && goes(&c, said) && !goes(&c, 7));
    mn_arena_release(&a);
}

static bool holds(const char *name, mn_str what)
{
    mn_err e = {0};
    char path[200];
    mn_buf b;
    mn_buf_init(&b, 0);
    snprintf(path, sizeof path, "%s/corpus/c/%s", dir, name);
    RUN(mn_fs_read(path, SIZE_MAX, &b, &e));
    bool is = mn_str_find(mn_buf_str(&b), what, 0) != SIZE_MAX;
    mn_buf_release(&b);
    return is;
}

static void erasing_leaves_nothing_of_it_and_a_corpus_that_is_whole(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_arena a;
    mn_corpus_closure c, again;
    mn_corpus_report before, after;
    mn_corpus_verdict v;
    char path[200];
    const uint64_t ids[] = {post_id(said)};
    mn_arena_init(&a, 0);
    RUN(mn_corpus_read(dir, "c", &before, &e));
    OK(holds("train.txt", MN_STR("porcelain otter sleeps beneath the seventh")) ||
       holds("val.txt", MN_STR("porcelain otter sleeps beneath the seventh")));
    RUN(mn_corpus_closure_find(dir, "c", ids, 1, NULL, 0, &a, &c, &e));
    RUN(mn_corpus_erase(dir, "c", &c, &e));
    OK(!holds("train.txt", MN_STR("seventh lamp")) &&
       !holds("val.txt", MN_STR("seventh lamp")));
    OK(holds("train.txt", MN_STR("garden")) && holds("manifest.json", MN_STR("\"forgotten\"")));
    RUN(mn_corpus_closure_find(dir, "c", ids, 1, NULL, 0, &a, &again, &e));
    OK(again.n_train + again.n_val == 0 && again.posts == 0);
    RUN(mn_corpus_read(dir, "c", &after, &e));
    OK(strcmp(before.sha256, after.sha256) == 0 && after.tokens == before.tokens);
    /* the manifest's hashes are those of the files again */
    RUN(mn_corpus_verify(store, dir, "c", 1, NULL, NULL, &v, &e));
    OK(v.n_damaged == 0);
    snprintf(path, sizeof path, "%s/corpus/c/erasing", dir);
    OK(!mn_fs_exists(path));
    mn_arena_release(&a);
}

/* As a crash leaves it: the list of what goes is there, and one of the files is half done. */
static void erasing_that_was_interrupted_is_ended_by_the_next(void **state)
{
    (void)state;
    mn_err e = {0};
    char path[200], text[100];
    mn_corpus_verdict v;
    mn_arena a;
    mn_corpus_closure c;
    const uint64_t ids[] = {post_id(alone)};
    mn_arena_init(&a, 0);
    RUN(mn_corpus_closure_find(dir, "c", ids, 1, NULL, 0, &a, &c, &e));
    OK(c.n_train + c.n_val == 1);
    uint64_t doc = c.n_train ? c.train[0] : c.val[0];
    int n = snprintf(text, sizeof text, "{\"train\":[%.0llu],\"val\":[%.0llu]}",
                     c.n_train ? (unsigned long long)doc : 0,
                     c.n_val ? (unsigned long long)doc : 0);
    snprintf(path, sizeof path, "%s/corpus/c/erasing", dir);
    RUN(mn_fs_write_atomic(path, text, (size_t)n, &e));
    char stem[200];
    snprintf(stem, sizeof stem, "%s/corpus/c/%s", dir, c.n_train ? "train" : "val");
    RUN(mn_shard_erase(stem, 65536, &doc, 1, &e)); /* the manifest does not know of it */
    RUN(mn_corpus_erase(dir, "c", NULL, &e));
    OK(!mn_fs_exists(path));
    OK(!holds("train.txt", MN_STR("price of flour")) &&
       !holds("val.txt", MN_STR("price of flour")));
    RUN(mn_corpus_verify(store, dir, "c", 1, NULL, NULL, &v, &e));
    OK(v.n_damaged == 0);
    mn_arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_post_takes_its_document_and_long_quotations_with_it),
        TEST(a_copy_that_was_left_out_takes_what_was_kept_in_its_place),
        TEST(an_account_takes_all_its_posts),
        TEST(erasing_leaves_nothing_of_it_and_a_corpus_that_is_whole),
        TEST(erasing_that_was_interrupted_is_ended_by_the_next),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

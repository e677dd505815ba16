#include "corpus/split.h"
#include "corpus/threads.h"

#include "base/hash.h"
#include "test.h"

static void add(mn_cands *c, uint64_t id, uint64_t author, uint64_t thread, uint64_t reply_to,
                uint64_t quote_of)
{
    mn_cand x = {.id = id,
                 .author = author,
                 .thread = thread,
                 .reply_to = reply_to,
                 .quote_of = quote_of,
                 .created_ms = (int64_t)id,
                 .text_len = 100};
    OK(mn_cands_add(c, &x) == MN_OK);
}

/* The documents as "1,2>3|4": ids, '>' before a quote, '|' between documents. */
static void documents_are(const mn_cands *c, const char *want)
{
    mn_documents d;
    mn_buf b;
    mn_buf_init(&b, 0);
    OK(mn_corpus_documents(c, &d) == MN_OK);
    for (size_t k = 0; k < d.n; k++)
        for (size_t i = mn_document_start(&d, k); i < d.ends[k]; i++) {
            bool first = i == mn_document_start(&d, k);
            OK(first == (d.kinds[i] == MN_LINK_FIRST));
            if (i) mn_buf_addc(&b, first ? '|' : d.kinds[i] == MN_LINK_QUOTE ? '>' : ',');
            mn_buf_addu(&b, c->items[d.posts[i]].id);
        }
    if (!mn_str_eqz(mn_buf_str(&b), want)) fail_msg("'%s', expected '%s'", b.ptr, want);
    mn_buf_release(&b);
    mn_documents_release(&d);
}

static void a_conversation_follows_its_longest_branch(void **state)
{
    (void)state;
    mn_cands c = {0};
    add(&c, 1, 1, 1, 0, 0);
    add(&c, 2, 2, 1, 1, 0); /* short branch, earlier */
    add(&c, 3, 3, 1, 1, 0);
    add(&c, 4, 1, 1, 3, 0);
    add(&c, 5, 5, 5, 0, 0);
    documents_are(&c, "1,3,4|2|5");
    mn_cands_release(&c);
}

static void of_equal_branches_the_earlier_goes_on(void **state)
{
    (void)state;
    mn_cands c = {0};
    add(&c, 1, 1, 1, 0, 0);
    add(&c, 2, 2, 1, 1, 0);
    add(&c, 3, 3, 1, 1, 0);
    documents_are(&c, "1,2|3");
    mn_cands_release(&c);
}

static void a_quote_follows_what_it_quotes(void **state)
{
    (void)state;
    mn_cands c = {0};
    add(&c, 1, 1, 1, 0, 0);
    add(&c, 2, 2, 2, 0, 1);
    add(&c, 3, 3, 2, 2, 1); /* a reply that quotes is a reply */
    documents_are(&c, "1>2,3");
    mn_cands_release(&c);
}

static void a_reply_to_a_dropped_post_begins_anew(void **state)
{
    (void)state;
    mn_cands c = {0};
    add(&c, 1, 1, 1, 0, 0);
    add(&c, 2, 2, 1, 1, 0);
    add(&c, 3, 3, 1, 2, 0);
    c.items[1].drop = MN_DROP_DUPLICATE;
    documents_are(&c, "1|3");
    mn_cands_release(&c);
}

static void links_to_later_or_absent_posts_and_cycles_are_no_links(void **state)
{
    (void)state;
    mn_cands c = {0};
    add(&c, 1, 1, 1, 2, 0);
    add(&c, 2, 2, 1, 1, 0);
    add(&c, 3, 3, 3, 3, 99);
    documents_are(&c, "1,2|3");
    mn_cands_release(&c);
}

static void long_conversations_are_cut(void **state)
{
    (void)state;
    mn_cands c = {0};
    mn_documents d;
    for (uint64_t i = 1; i <= 150; i++) add(&c, i, 1, 1, i - 1, 0);
    OK(mn_corpus_documents(&c, &d) == MN_OK);
    OK(d.n == 3 && d.n_posts == 150 && d.ends[0] == 64 && d.ends[1] == 128);
    mn_documents_release(&d);
    for (size_t i = 0; i < 150; i++) c.items[i].text_len = 10000;
    OK(mn_corpus_documents(&c, &d) == MN_OK);
    OK(d.n == 150);
    mn_documents_release(&d);
    mn_cands_release(&c);
}

/* Random forests: each kept post once, a follower right after its forerunner, documents in time order. */
static void every_post_stands_in_exactly_one_document(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        mn_cands c = {0};
        mn_documents d;
        for (uint64_t i = 1; i <= 60; i++) {
            uint64_t r = mn_rand_at(seed, i, 0);
            add(&c, i, r % 7, 1 + r % 5, r % 3 ? mn_rand_at(seed, i, 1) % 70 : 0,
                r % 4 ? 0 : mn_rand_at(seed, i, 2) % 60);
            if (r % 11 == 0) c.items[i - 1].drop = MN_DROP_TOO_SHORT;
        }
        OK(mn_corpus_documents(&c, &d) == MN_OK);
        int seen[60] = {0};
        for (size_t k = 0; k < d.n; k++) {
            size_t start = mn_document_start(&d, k);
            OK(d.ends[k] > start);
            if (k) OK(d.posts[mn_document_start(&d, k - 1)] < d.posts[start]);
            for (size_t i = start; i < d.ends[k]; i++) {
                const mn_cand *x = &c.items[d.posts[i]];
                seen[d.posts[i]]++;
                if (i == start) continue;
                uint64_t before = c.items[d.posts[i - 1]].id;
                OK(d.kinds[i] == MN_LINK_REPLY ? x->reply_to == before : x->quote_of == before);
            }
        }
        for (size_t i = 0; i < 60; i++) OK(seen[i] == (c.items[i].drop == MN_DROP_NONE));
        mn_documents_release(&d);
        mn_cands_release(&c);
    }
}

/* ---- split --------------------------------------------------------------------------------------------------- */

static mn_rc split(const mn_cands *c, double share, mn_documents *d, mn_split *s, mn_err *e)
{
    OK(mn_corpus_documents(c, d) == MN_OK);
    return mn_corpus_split_of(c, d, share, s, e);
}

static bool in_val(const mn_cands *c, const mn_documents *d, const mn_split *s, size_t post,
                   bool *ret)
{
    (void)c;
    for (size_t k = 0; k < d->n; k++)
        for (size_t i = mn_document_start(d, k); i < d->ends[k]; i++)
            if (d->posts[i] == post) {
                *ret = s->val[k];
                return true;
            }
    return false;
}

static void no_author_and_no_thread_is_on_both_sides(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 30; seed++) {
        mn_err e = {0};
        mn_cands c = {0};
        mn_documents d;
        mn_split s;
        bool a, b;
        for (uint64_t i = 1; i <= 300; i++) {
            uint64_t r = mn_rand_at(seed, i, 0),
                     to = i > 1 ? 1 + mn_rand_at(seed, i, 1) % (i - 1) : 0;
            bool reply = i > 1 && r % 10 == 0;
            add(&c, i, 1 + r % 150, reply ? c.items[to - 1].thread : i, reply ? to : 0, 0);
        }
        RUN(split(&c, 0.1, &d, &s, &e));
        OK(s.share > 0.05 && s.share <= 0.16);
        for (size_t i = 0; i < c.n && s.by_author; i++)
            for (size_t k = 0; k < i; k++)
                if (c.items[i].author == c.items[k].author ||
                    c.items[i].thread == c.items[k].thread) {
                    OK(in_val(&c, &d, &s, i, &a) && in_val(&c, &d, &s, k, &b));
                    OK(a == b);
                }
        mn_split_release(&s);
        mn_documents_release(&d);
        mn_cands_release(&c);
    }
}

static void one_author_is_split_by_threads_and_says_so(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_cands c = {0};
    mn_documents d;
    mn_split s;
    for (uint64_t i = 1; i <= 200; i++) add(&c, i, 1, i, 0, 0);
    RUN(split(&c, 0.05, &d, &s, &e));
    OK(!s.by_author && s.share >= 0.05 && s.share <= 0.075 && s.components == 200);
    mn_split_release(&s);
    mn_documents_release(&d);
    mn_cands_release(&c);
}

static void a_share_of_nothing_holds_nothing_out(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_cands c = {0};
    mn_documents d;
    mn_split s;
    for (uint64_t i = 1; i <= 20; i++) add(&c, i, i, i, 0, 0);
    RUN(split(&c, 0, &d, &s, &e));
    for (size_t k = 0; k < d.n; k++) OK(!s.val[k]);
    mn_split_release(&s);
    mn_documents_release(&d);
    mn_cands_release(&c);
}

static void a_small_corpus_still_holds_something_out(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_cands c = {0};
    mn_documents d;
    mn_split s;
    for (uint64_t i = 1; i <= 3; i++) add(&c, i, i, i, 0, 0);
    RUN(split(&c, 0.02, &d, &s, &e));
    OK(s.val[0] + s.val[1] + s.val[2] == 1);
    mn_split_release(&s);
    mn_documents_release(&d);
    c.n = 1;
    FAILS(MN_E_USAGE, split(&c, 0.02, &d, &s, &e));
    OK(strstr(e.msg, "--val-share 0") != NULL);
    mn_documents_release(&d);
    mn_cands_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_conversation_follows_its_longest_branch),
        TEST(of_equal_branches_the_earlier_goes_on),
        TEST(a_quote_follows_what_it_quotes),
        TEST(a_reply_to_a_dropped_post_begins_anew),
        TEST(links_to_later_or_absent_posts_and_cycles_are_no_links),
        TEST(long_conversations_are_cut),
        TEST(every_post_stands_in_exactly_one_document),
        TEST(no_author_and_no_thread_is_on_both_sides),
        TEST(one_author_is_split_by_threads_and_says_so),
        TEST(a_share_of_nothing_holds_nothing_out),
        TEST(a_small_corpus_still_holds_something_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

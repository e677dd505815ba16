/* A corpus that goes on from another: what is new, old posts with it, the same vocabulary; and again the same bytes. */
#include "corpus_fixture.h"

#include "base/hash.h"
#include "text/shard.h"
#include "text/tokenizer.h"

#define OLD 200
#define NEW 60

static int set_up(void **state)
{
    (void)state;
    fixture_open(40);
    consent(MN_SCOPE_SERVER, 0, MN_CONSENT_ALLOW);
    for (uint64_t i = 0; i < OLD; i++) filler(1 + i % 20, i);
    build("old", 0.1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_close();
    return 0;
}

static mn_rc go_on(const char *name, const char *after, double replay, mn_corpus_report *ret,
                   mn_err *e)
{
    mn_corpus_opts o = MN_CORPUS_OPTS_DEFAULT;
    o.name = name, o.after = after, o.replay = replay, o.val_share = 0.1;
    return mn_corpus_build(store, dir, &o, NULL, NULL, ret, e);
}

static void new_posts(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) filler(21 + i % 20, 1000 + n_posts);
}

typedef struct seen {
    uint64_t id[2000];
    size_t n, train;
} seen;

/* The posts of a corpus, those of train first. */
static void read_posts(const char *name, seen *ret)
{
    mn_err e = {0};
    char stem[200];
    ret->n = 0;
    for (int k = 0; k < 2; k++) {
        mn_shard s;
        snprintf(stem, sizeof stem, "%s/corpus/%s/%s", dir, name, k ? "val" : "train");
        RUN(mn_shard_open(stem, 65536, &s, &e));
        for (uint64_t i = 0; i < s.n_posts; i++) ret->id[ret->n++] = s.posts[i].post_id;
        mn_shard_close(&s);
        if (!k) ret->train = ret->n;
    }
}

static bool among(const seen *x, size_t from, size_t to, uint64_t id)
{
    for (size_t i = from; i < to; i++)
        if (x->id[i] == id) return true;
    return false;
}

static void file_hash(const char *corpus, const char *file, uint8_t ret[32])
{
    mn_err e = {0};
    char path[200];
    snprintf(path, sizeof path, "%s/corpus/%s/%s", dir, corpus, file);
    RUN(mn_sha256_file(path, ret, &e));
}

static void only_what_is_new_is_taken_in_the_same_vocabulary(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_corpus_report r, back;
    uint8_t a[32], b[32];
    seen x;
    uint64_t n = 99, bytes = 99;
    RUN(mn_corpus_new_posts(store, dir, "old", &n, &bytes, &e));
    OK(n == 0);
    new_posts(NEW);
    RUN(mn_corpus_new_posts(store, dir, "old", &n, &bytes, &e));
    OK(n == NEW && bytes > 20 * NEW);
    RUN(go_on("new", "old", 0, &r, &e));
    OK(r.posts_in == NEW && r.replayed_posts == 0 && strcmp(r.after, "old") == 0);
    OK(r.val.posts > 0);
    file_hash("old", "tokenizer.json", a);
    file_hash("new", "tokenizer.json", b);
    OK(memcmp(a, b, 32) == 0);
    read_posts("new", &x);
    for (size_t i = 0; i < x.n; i++) OK(x.id[i] >= post_id(OLD));
    RUN(mn_corpus_read(dir, "new", &back, &e));
    OK(strcmp(back.after, "old") == 0 && strcmp(back.sha256, r.sha256) == 0);
    /* and the next one goes on from both */
    RUN(mn_corpus_new_posts(store, dir, "new", &n, &bytes, &e));
    OK(n == 0);
}

static void old_posts_come_with_the_new_ones_and_are_never_held_out(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_corpus_report r, same;
    seen x, old;
    size_t replayed = 0;
    new_posts(NEW);
    RUN(go_on("half", "old", 0.5, &r, &e));
    double share = (double)r.replayed_bytes / (double)r.bytes;
    OK(share > 0.4 && share < 0.6);
    read_posts("half", &x);
    read_posts("old", &old);
    for (size_t i = 0; i < x.n; i++) {
        bool is_old = x.id[i] < post_id(OLD);
        replayed += is_old;
        if (is_old) OK(i < x.train);
        /* what was held out once is not taught later */
        if (is_old) OK(among(&old, 0, old.train, x.id[i]));
    }
    OK(replayed == r.replayed_posts && replayed > 0);
    /* the same again */
    RUN(go_on("again", "old", 0.5, &same, &e));
    OK(strcmp(same.sha256, r.sha256) == 0);
    /* of the next corpus in the chain others are drawn */
    new_posts(NEW);
    RUN(go_on("next", "half", 0.5, &r, &e));
    read_posts("next", &old);
    size_t other = 0;
    for (size_t i = 0; i < old.train; i++)
        other += old.id[i] < post_id(OLD) && !among(&x, 0, x.train, old.id[i]);
    OK(other > 0);
    for (size_t i = 0; i < old.train; i++)
        for (size_t k = 0; k < i; k++) OK(old.id[i] != old.id[k]);
}

static void it_verifies(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_corpus_report r;
    mn_corpus_verdict v;
    new_posts(NEW);
    RUN(go_on("half", "old", 0.5, &r, &e));
    new_posts(3);
    RUN(mn_corpus_verify(store, dir, "half", 1, NULL, NULL, &v, &e));
    OK(v.same && v.n_damaged == 0);
}

static void what_was_refused_for_want_of_consent_is_new_once_it_is_given(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_corpus_report r;
    uint64_t n, bytes;
    consent(MN_SCOPE_ACCOUNT, 30, MN_CONSENT_DENY);
    for (uint64_t i = 0; i < 12; i++) filler(30, 5000 + i);
    new_posts(NEW);
    RUN(mn_corpus_new_posts(store, dir, "old", &n, &bytes, &e));
    uint64_t of_30 = 12 + NEW / 20;
    OK(n == NEW - NEW / 20);
    RUN(go_on("new", "old", 0.3, &r, &e));
    RUN(mn_corpus_new_posts(store, dir, "new", &n, &bytes, &e));
    OK(n == 0);
    consent(MN_SCOPE_ACCOUNT, 30, MN_CONSENT_ALLOW);
    RUN(mn_corpus_new_posts(store, dir, "new", &n, &bytes, &e));
    OK(n == of_30);
}

static void an_erased_document_is_not_drawn(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_corpus_report r;
    char stem[200];
    uint64_t docs[OLD];
    for (uint64_t i = 0; i < OLD; i++) docs[i] = i;
    mn_shard s;
    snprintf(stem, sizeof stem, "%s/corpus/old/train", dir);
    RUN(mn_shard_open(stem, 65536, &s, &e));
    uint64_t n = s.n_docs;
    mn_shard_close(&s);
    RUN(mn_shard_erase(stem, 65536, docs, n - 1, &e));
    consent(MN_SCOPE_SERVER, 0, MN_CONSENT_DENY);
    for (uint64_t a = 21; a <= 40; a++) consent(MN_SCOPE_ACCOUNT, a, MN_CONSENT_ALLOW);
    new_posts(NEW);
    RUN(go_on("half", "old", 0.5, &r, &e));
    OK(r.replayed_posts <= 1 && r.posts_kept >= NEW - 5);
}

static void what_cannot_be_built_is_said(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_corpus_report r;
    FAILS(MN_E_NOT_FOUND, go_on("x", "old", 0.5, &r, &e));
    OK(strstr(e.msg, "new since corpus 'old'"));
    FAILS(MN_E_NOT_FOUND, go_on("x", "nothing", 0.5, &r, &e));
    OK(strstr(e.msg, "nothing"));
    FAILS(MN_E_USAGE, go_on("x", "old", 0.995, &r, &e));
    FAILS(MN_E_USAGE, go_on("x", NULL, 0.5, &r, &e));
    add(25, 0, "ok");
    FAILS(MN_E_USAGE, go_on("x", "old", 0.5, &r, &e));
    OK(strstr(e.msg, "survives the rules"));
    /* one post is a corpus: nothing of it is held out */
    filler(26, 77777);
    RUN(go_on("one", "old", 0, &r, &e));
    OK(r.posts_kept == 1 && r.val.posts == 0);
    RUN(go_on("two", "old", 0.5, &r, &e));
    OK(r.replayed_posts >= 1 && r.val.posts == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_what_is_new_is_taken_in_the_same_vocabulary,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(old_posts_come_with_the_new_ones_and_are_never_held_out,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_verifies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            what_was_refused_for_want_of_consent_is_new_once_it_is_given, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_erased_document_is_not_drawn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_built_is_said, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

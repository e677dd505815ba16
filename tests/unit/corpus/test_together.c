/* Whole builds of several ranks, with threads for processes, each with the store opened for itself: the bytes of one process, and nothing left of a
 * build that fails anywhere. Under mpirun the same is shown by tests/e2e/corpus-ranks.sh. */
#include "corpus_fixture.h"
#include "ranks_fixture.h"

#include "corpus/corpus.h"

#define POSTS 8300 /* three stretches */
#define MORE  4200

/* One of 2,500 words. */
static void add_word(uint64_t x, char *ret)
{
    const char *const onset = "tnsrlkdmbp", *const vowel = "aeiou";
    char word[8];
    snprintf(word, sizeof word, "%c%c%c%c ", onset[x % 10], vowel[x / 10 % 5],
             onset[x / 50 % 10], vowel[x / 500 % 5]);
    strcat(ret, word);
}

/* Sentences; one in four is of few words, so that there are copies, templates and near duplicates. */
static void sentence(uint64_t k, char *ret)
{
    uint64_t x = k * 6364136223846793005u + 1442695040888963407u;
    const uint64_t n = 4 + (x >> 60), few = k % 4 ? 2500 : 3;
    *ret = 0;
    for (uint64_t i = 0; i < n; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        add_word((x >> 33) % few, ret);
    }
    if (k % 11 == 0) strcat(ret, "write to me@example.org or call 030 1234567");
    if (k % 13 == 0) strcat(ret, "https://example.org/a?b=c @somebody");
    if (k % 97 == 0) strcpy(ret, "ok");
    if (k % 23 == 0) sentence(k + 8, ret + strlen(strcat(ret, "again ")));
}

static void add_posts(mn_store *s, uint64_t from, uint64_t n, uint64_t seed)
{
    mn_err e = {0};
    mn_tx *tx;
    char text[800];
    RUN(mn_store_begin(s, &tx, &e));
    for (uint64_t i = from; i < from + n; i++) {
        sentence(i + seed, text);
        mn_post p = {.id = post_id(i),
                     .account_id = 1 + i * 7 % 40,
                     .created_ms = START_MS + (int64_t)i * 3600000,
                     .reply_to = i % 5 == 4 ? post_id(i - 1 - i % 3) : 0,
                     .text = mn_str_from(text)};
        p.thread_id = p.reply_to ? p.reply_to : p.id;
        RUN(mn_store_post_add(tx, &p, &e));
    }
    RUN(mn_store_commit(tx, &e));
}

static char other[100]; /* another store, as large */

static void allow(mn_store *s)
{
    mn_err e = {0};
    RUN(mn_social_consent_set(s, MN_SCOPE_SERVER, 0, MN_P_TRAIN_GENERATIVE, MN_CONSENT_ALLOW, 0,
                              MN_STR("test"), &e));
}

static int set_up(void **state)
{
    mn_err e = {0};
    char path[120];
    (void)state;
    fixture_open(40);
    allow(store);
    add_posts(store, 0, POSTS, 0);
    mn_store *first = store;
    snprintf(other, sizeof other, "%s/other.db", dir);
    RUN(mn_store_open(other, &store, &e));
    for (uint64_t a = 1; a <= 40; a++) account(a);
    allow(store);
    add_posts(store, 0, POSTS, 1);
    mn_store_close(store);
    store = first;
    snprintf(path, sizeof path, "%s/nobody", dir);
    RUN(mn_fs_mkdirs(path, &e));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_close();
    return 0;
}

typedef struct building {
    mn_corpus_opts o;
    char data[100];         /* rank 0's */
    const char *store_of_1; /* NULL: that of the others */
    bool vocab_of_1;        /* another option */
    mn_corpus_report r;
    mn_rc rc[BOARD_RANKS];
    mn_err e[BOARD_RANKS];
    bool agreed[BOARD_RANKS], tells[BOARD_RANKS];
} building;

static building building_of(const char *data, const char *name)
{
    building b = {.o = MN_CORPUS_OPTS_DEFAULT};
    b.o.name = name;
    b.o.threads = 1;
    snprintf(b.data, sizeof b.data, "%s/%s", dir, data);
    return b;
}

static void build_as(mn_ranks *r, void *arg)
{
    building *b = arg;
    const int me = mn_ranks_rank(r);
    mn_corpus_opts o = b->o;
    mn_err *e = &b->e[me];
    mn_corpus_report report;
    mn_store *own;
    char path[120], nowhere[120];
    *e = (mn_err){0};
    o.ranks = r;
    if (me % 2) o.threads = 2; /* nor do they matter */
    if (me == 1 && b->vocab_of_1) o.vocab = 777;
    snprintf(path, sizeof path, "%s/mynah.db", dir);
    snprintf(nowhere, sizeof nowhere, "%s/nobody", dir);
    OK(mn_store_open(me == 1 && b->store_of_1 ? b->store_of_1 : path, &own, e) == MN_OK);
    b->rc[me] = mn_corpus_build(own, me ? nowhere : b->data, &o, NULL, NULL, &report, e);
    if (me == 0 && b->rc[0] == MN_OK) b->r = report;
    b->agreed[me] = mn_ranks_agreed(r);
    b->tells[me] = mn_ranks_tells(r);
    mn_store_close(own);
}

static void build_on(int ranks, building *b)
{
    crew(ranks, -1, 0, build_as, b);
    for (int k = 0; k < ranks; k++)
        if (b->rc[k] != MN_OK) fail_msg("rank %d of %d: %s", k, ranks, b->e[k].msg);
}

static void same_file(const char *a, const char *b, const char *corpus, const char *file)
{
    mn_err e = {0};
    char path[300];
    mn_buf x, y;
    mn_buf_init(&x, 0), mn_buf_init(&y, 0);
    snprintf(path, sizeof path, "%s/corpus/%s/%s", a, corpus, file);
    RUN(mn_fs_read(path, SIZE_MAX, &x, &e));
    snprintf(path, sizeof path, "%s/corpus/%s/%s", b, corpus, file);
    RUN(mn_fs_read(path, SIZE_MAX, &y, &e));
    if (x.len != y.len || memcmp(x.ptr, y.ptr, x.len) != 0) fail_msg("%s differs", path);
    mn_buf_release(&x), mn_buf_release(&y);
}

static void same_folder(const building *a, const building *b)
{
    mn_err e = {0};
    mn_arena ar;
    char path[200], **names;
    size_t n;
    mn_arena_init(&ar, 0);
    snprintf(path, sizeof path, "%s/corpus/%s", a->data, a->r.name);
    RUN(mn_fs_list(path, &ar, &names, &n, &e));
    OK(n == MN_CORPUS_FILES + 1);
    for (size_t i = 0; i < n; i++) same_file(a->data, b->data, a->r.name, names[i]);
    OK(strcmp(a->r.name, b->r.name) == 0 && strcmp(a->r.sha256, b->r.sha256) == 0);
    mn_arena_release(&ar);
}

/* No folder of a corpus, whole or not. */
static void nothing_there(const building *b)
{
    mn_err e = {0};
    mn_arena a;
    char path[200], **names;
    size_t n;
    snprintf(path, sizeof path, "%s/corpus", b->data);
    if (!mn_fs_exists(path)) return;
    mn_arena_init(&a, 0);
    RUN(mn_fs_list(path, &a, &names, &n, &e));
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], ".lock") != 0) fail_msg("'%s' is left", names[i]);
    mn_arena_release(&a);
}

static const int sizes[] = {2, 3, 5};
static const char *const places[] = {"by2", "by3", "by5"};

static void fails_everywhere(building *b, int ranks, mn_rc rc, const char *told)
{
    crew(ranks, -1, 0, build_as, b);
    for (int k = 0; k < ranks; k++) {
        if (b->rc[k] != rc || !strstr(b->e[k].msg, told))
            fail_msg("rank %d: %s, not '%s'", k, b->e[k].msg, told);
        OK(b->agreed[k] && b->tells[k] == (k == 0));
    }
}

static void any_number_of_ranks_builds_the_same_folder(void **state)
{
    (void)state;
    building one = building_of("one", "c");
    build_on(1, &one);
    OK(one.r.dropped[MN_DROP_DUPLICATE] && one.r.dropped[MN_DROP_NEAR_DUPLICATE] &&
       one.r.dropped[MN_DROP_TOO_SHORT] && one.r.val.posts);
    for (int i = 0; i < 3; i++) {
        building many = building_of(places[i], "c");
        build_on(sizes[i], &many);
        same_folder(&one, &many);
    }
    building b = building_of("one", "c"); /* it is there */
    fails_everywhere(&b, 2, MN_E_EXISTS, "a build never changes");
    b = building_of("by2", NULL); /* and so is its like */
    build_on(2, &b);
    building again = building_of("by2", NULL);
    build_on(3, &again);
    OK(again.r.existed && strcmp(again.r.sha256, one.r.sha256) == 0);
}

static void with_every_option_it_is_the_same_folder_too(void **state)
{
    (void)state;
    building one = building_of("one", "o");
    one.o.canaries = 7, one.o.keep_handles = true, one.o.vocab = 700, one.o.val_share = 0.1;
    build_on(1, &one);
    for (int i = 0; i < 3; i++) {
        building many = building_of(places[i], "o");
        const char *name = many.o.name;
        many.o = one.o;
        many.o.name = name;
        build_on(sizes[i], &many);
        same_folder(&one, &many);
    }
}

static void what_goes_on_from_another_is_the_same_too(void **state)
{
    (void)state;
    add_posts(store, POSTS, MORE, 0);
    building one = building_of("one", "n");
    one.o.after = "c", one.o.replay = 0.4;
    build_on(1, &one);
    OK(one.r.replayed_posts > 0 && one.r.posts_in > MORE && one.r.posts_in < POSTS);
    for (int i = 0; i < 3; i++) {
        building many = building_of(places[i], "n");
        many.o.after = "c", many.o.replay = 0.4;
        build_on(sizes[i], &many);
        same_folder(&one, &many);
    }
}

static void ranks_that_differ_build_nothing(void **state)
{
    (void)state;
    building b = building_of("differ", "d");
    b.store_of_1 = other;
    fails_everywhere(&b, 3, MN_E_USAGE, "rank 1 has another store than rank 0 (");
    nothing_there(&b);
    b = building_of("differ", "d");
    b.vocab_of_1 = true;
    fails_everywhere(&b, 2, MN_E_USAGE, "rank 1 has another command than rank 0 (");
    nothing_there(&b);
    b = building_of("differ", "d");
    b.o.val_share = 3;
    fails_everywhere(&b, 2, MN_E_USAGE, "the held-out share");
    b = building_of("differ", "d");
    b.o.after = "no-such";
    fails_everywhere(&b, 2, MN_E_NOT_FOUND, "there is no corpus yet");
    nothing_there(&b);
}

/* Wherever in the build it is. */
static void a_rank_that_is_lost_leaves_nothing_behind(void **state)
{
    (void)state;
    size_t built = 0, lost = 0;
    for (int after = 20; after < 140; after += 13) {
        building b = building_of("lost", "l");
        crew(3, 1, after, build_as, &b);
        if (b.rc[0] == MN_OK) {
            mn_fs_remove_tree(b.data, NULL);
            built++;
            continue;
        }
        for (int k = 0; k < 3; k++) OK(b.rc[k] == MN_E_IO && !b.agreed[k]);
        nothing_there(&b);
        lost++;
    }
    OK(lost >= 2);
    (void)built;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ranks_that_differ_build_nothing),
        TEST(any_number_of_ranks_builds_the_same_folder),
        TEST(with_every_option_it_is_the_same_folder_too),
        TEST(what_goes_on_from_another_is_the_same_too),
        TEST(a_rank_that_is_lost_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

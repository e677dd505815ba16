/* Homes and lists, against a plain computation over a model of the world kept beside the store: after thousands of random
 * actions every page of every timeline is what the rules say, whichever way it is walked, in memory and beyond it. */
#include "contract/store.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/hash.h"
#include "base/snowflake.h"
#include "social/feeds.h"
#include "social/tags.h"
#include "store/lists.h"
#include "store/marks.h"
#include "store/people.h"
#include "store/tags.h"

enum { PEOPLE = 9, TAGS = 4, LISTS = 3, POSTS = 12000 };

typedef struct wpost {
    uint64_t id;
    int author, reply_to, boost_of, quote_of; /* indices, -1: none */
    int visibility, lang;
    unsigned tags, mentions; /* bits */
    bool gone;
} wpost;

typedef struct list {
    uint64_t id; /* 0: none */
    mn_list_replies replies;
    bool exclusive;
    unsigned members;
} list;

static struct world {
    uint64_t people[PEOPLE];
    bool follows[PEOPLE][PEOPLE], boosts[PEOPLE][PEOPLE];
    int lang[PEOPLE][PEOPLE]; /* of the follow: -1 all */
    bool blocks[PEOPLE][PEOPLE], mutes[PEOPLE][PEOPLE];
    unsigned tags[PEOPLE];
    list lists[PEOPLE][LISTS];
    wpost posts[POSTS];
    int n;
} * w;

static mn_feeds *f;
static uint64_t counter;
static const char *const languages[] = {"en", "it", ""};
static const char *const tag_names[TAGS] = {"Birds", "caffè", "ひ", "x2"};

static int any(int below)
{
    return (int)(mn_rand_at(7, 7, counter++) % (uint64_t)below);
}

static bool once_in(int n)
{
    return any(n) == 0;
}

/* ---- the plain computation ------------------------------------------------------------------------------------------- */

static bool unwanted(int x, const wpost *p)
{
    const wpost *b = p->boost_of >= 0 ? &w->posts[p->boost_of] : NULL;
    unsigned named = b ? b->mentions : p->mentions, others = 1u << p->author;
    if (b) others |= 1u << b->author;
    if (w->blocks[p->author][x] || (b && w->blocks[b->author][x])) return true;
    if (p->quote_of >= 0) others |= 1u << w->posts[p->quote_of].author;
    others |= named;
    for (int y = 0; y < PEOPLE; y++)
        if (y != x && (others >> y & 1) && (w->blocks[x][y] || w->mutes[x][y])) return true;
    return false;
}

static bool kind_fits(int x, const wpost *p, const list *l)
{
    if (p->boost_of >= 0) {
        const wpost *b = &w->posts[p->boost_of];
        bool sees = b->visibility < 2 || b->author == x ||
                    (b->visibility == 2 && w->follows[x][b->author]);
        return sees && (p->author == x || w->boosts[x][p->author]);
    }
    if (p->reply_to < 0) return true;
    int to = w->posts[p->reply_to].author;
    if (to == x || to == p->author) return true;
    if (!l || l->replies == MN_LIST_REPLIES_FOLLOWED) return w->follows[x][to];
    bool member = (l->members >> to & 1) && (to == x || w->follows[x][to]);
    return l->replies == MN_LIST_REPLIES_LIST && member;
}

static bool speaks(int x, const wpost *p)
{
    int wanted = w->lang[x][p->author];
    return wanted < 0 || p->lang == 2 || wanted == p->lang;
}

static bool in_home(int x, const wpost *p)
{
    unsigned exclusive = 0;
    if (p->author == x) return true;
    for (int i = 0; i < LISTS; i++)
        if (w->lists[x][i].id && w->lists[x][i].exclusive) exclusive |= w->lists[x][i].members;
    bool yes = w->follows[x][p->author] && !(exclusive >> p->author & 1) && speaks(x, p) &&
               kind_fits(x, p, NULL) && (p->visibility < 3 || (p->mentions >> x & 1));
    yes |= p->visibility == 0 && p->boost_of < 0 && (p->tags & w->tags[x]);
    return yes && !unwanted(x, p);
}

static bool in_list(int x, const list *l, const wpost *p)
{
    if (!(l->members >> p->author & 1) || p->visibility == 3) return false;
    if (p->author == x) return kind_fits(x, p, l);
    return w->follows[x][p->author] && speaks(x, p) && kind_fits(x, p, l) && !unwanted(x, p);
}

/* The whole timeline, newest first. */
static size_t plain(int x, const list *l, uint64_t *ret)
{
    static int seq[POSTS];
    int n = 0;
    size_t out = 0;
    for (int i = 0; i < w->n; i++) {
        const wpost *p = &w->posts[i];
        if (p->gone || (p->boost_of >= 0 && w->posts[p->boost_of].gone)) continue;
        if (l ? in_list(x, l, p) : in_home(x, p)) seq[n++] = i;
    }
    for (int i = n - 1; i >= 0; i--) {
        int of = w->posts[seq[i]].boost_of;
        bool repeats = false;
        for (int k = i - 1; of >= 0 && k >= 0 && k >= i - 40 && !repeats; k--)
            repeats = seq[k] == of || w->posts[seq[k]].boost_of == of;
        if (!repeats) ret[out++] = w->posts[seq[i]].id;
    }
    return out;
}

/* ---- actions ----------------------------------------------------------------------------------------------------------- */

static int live_post(void)
{
    for (int tries = 0; tries < 20 && w->n; tries++) {
        int span = once_in(3) ? w->n : (w->n < 60 ? w->n : 60);
        int i = w->n - 1 - any(span);
        if (!w->posts[i].gone && w->posts[i].boost_of < 0) return i;
    }
    return -1;
}

static mn_str text_of(unsigned tags)
{
    mn_str text = MN_STR("words");
    for (int t = 0; t < TAGS; t++)
        if (tags >> t & 1) text = mn_str_fmt(&ar, "%.*s #%s", MN_STR_FMT(text), tag_names[t]);
    return text;
}

static uint64_t id_of(int post)
{
    return post < 0 ? 0 : w->posts[post].id;
}

static void write_post(const wpost *p, int64_t ms)
{
    uint64_t ids[PEOPLE];
    size_t n = 0;
    mn_tx *tx;
    mn_post q = {.id = p->id,
                 .account_id = w->people[p->author],
                 .created_ms = ms,
                 .visibility = (mn_visibility)p->visibility,
                 .reply_to = id_of(p->reply_to),
                 .boost_of = id_of(p->boost_of),
                 .quote_of = id_of(p->quote_of),
                 .text = p->boost_of < 0 ? text_of(p->tags) : MN_STR(""),
                 .lang = mn_str_from(languages[p->lang])};
    for (int i = 0; i < PEOPLE; i++)
        if (p->mentions >> i & 1) ids[n++] = w->people[i];
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_post_add(tx, &q, &e));
    if (n) RUN(mn_store_mentions_set(tx, q.id, ids, n, &e));
    RUN(mn_social_tags_write(tx, q.id, q.text, true, &e));
    RUN(mn_store_commit(tx, &e));
}

static void new_post(void)
{
    wpost p = {.id = mn_snowflake_next(),
               .author = any(PEOPLE),
               .reply_to = -1,
               .boost_of = -1,
               .quote_of = -1,
               .visibility = any(8) < 4 ? 0 : any(4),
               .lang = any(3)};
    if (w->n == POSTS) return;
    int other = live_post();
    if (other >= 0 && once_in(3)) p.reply_to = other;
    else if (other >= 0 && once_in(2) && w->posts[other].visibility < 3) {
        p.boost_of = other;
        p.visibility = w->posts[other].visibility;
    } else if (other >= 0 && once_in(6)) p.quote_of = other;
    if (p.boost_of < 0 && once_in(3)) p.mentions = 1u << any(PEOPLE);
    if (p.boost_of < 0 && once_in(3)) p.tags = 1u << any(TAGS) | 1u << any(TAGS);
    write_post(&p, mn_now_ms());
    w->posts[w->n++] = p;
}

static void delete_post(void)
{
    int i = live_post();
    if (i < 0) return;
    TX(mn_store_post_delete(tx, w->posts[i].id, 1, &e));
    w->posts[i].gone = true;
    for (int k = 0; k < w->n; k++)
        if (w->posts[k].boost_of == i) w->posts[k].gone = true;
}

static void edit_post(void)
{
    int i = live_post();
    if (i < 0) return;
    wpost *p = &w->posts[i];
    p->tags = once_in(2) ? 0 : 1u << any(TAGS);
    p->lang = any(3);
    mn_tx *tx;
    mn_str text = text_of(p->tags);
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_post_edit(tx, p->id, text, MN_STR(""), mn_str_from(languages[p->lang]), 2,
                           &e));
    RUN(mn_social_tags_write(tx, p->id, text, false, &e));
    RUN(mn_store_event(
        tx, (mn_event){.kind = MN_EV_POST_EDITED, .id = p->id, .account = w->people[p->author]},
        &e));
    RUN(mn_store_commit(tx, &e));
}

static void change_follow(int a, int b)
{
    bool new = false;
    if (a == b) return;
    w->follows[a][b] = !w->follows[a][b] || once_in(3);
    w->boosts[a][b] = !once_in(4);
    w->lang[a][b] = -1;
    if (!w->follows[a][b]) {
        TX(mn_store_follow_end(tx, w->people[a], w->people[b], &new, &e));
        for (int i = 0; i < LISTS; i++) w->lists[a][i].members &= ~(1u << b);
        return;
    }
    if (once_in(4)) w->lang[a][b] = any(2);
    mn_follow how = {.at_ms = 5,
                     .boosts = w->boosts[a][b],
                     .languages = w->lang[a][b] < 0
                                      ? MN_STR("")
                                      : mn_str_fmt(&ar, "de,%s", languages[w->lang[a][b]])};
    TX(mn_store_follow_set(tx, w->people[a], w->people[b], &how, &new, &e));
}

static void change_block(int a, int b)
{
    bool changed = false;
    if (a == b) return;
    if (once_in(2)) {
        w->blocks[a][b] = !w->blocks[a][b] && once_in(2);
        TX(mn_store_block_set(tx, w->people[a], w->people[b], w->blocks[a][b], 3, &changed,
                              &e));
        return;
    }
    w->mutes[a][b] = !w->mutes[a][b];
    if (w->mutes[a][b]) TX(mn_store_mute_set(tx, w->people[a], w->people[b], true, 0, 3, &e));
    else TX(mn_store_mute_remove(tx, w->people[a], w->people[b], &changed, &e));
}

static void change_list(int a)
{
    mn_tx *tx;
    bool changed = false;
    list *l = &w->lists[a][any(LISTS)];
    RUN(mn_store_begin(s, &tx, &e));
    if (!l->id || once_in(4)) {
        l->replies = (mn_list_replies)any(3);
        l->exclusive = once_in(3);
        mn_list row = {.id = l->id ? l->id : mn_snowflake_next(),
                       .account_id = w->people[a],
                       .title = MN_STR("t"),
                       .replies = l->replies,
                       .exclusive = l->exclusive};
        RUN(l->id ? mn_store_list_update(tx, &row, &e) : mn_store_list_add(tx, &row, &e));
        l->id = row.id;
    } else {
        int b = any(PEOPLE);
        bool may = b == a || w->follows[a][b];
        bool on = may && !(l->members >> b & 1);
        l->members = on ? l->members | 1u << b : l->members & ~(1u << b);
        RUN(mn_store_list_member_set(tx, l->id, w->people[b], on, &changed, &e));
    }
    RUN(mn_store_event(tx, (mn_event){.kind = MN_EV_LIST, .id = l->id, .account = w->people[a]},
                       &e));
    RUN(mn_store_commit(tx, &e));
}

static void change_tag(int a)
{
    int t = any(TAGS);
    uint64_t id = 0;
    w->tags[a] ^= 1u << t;
    RUN(mn_social_tag_follow(s, w->people[a], mn_str_from(tag_names[t]), w->tags[a] >> t & 1,
                             &id, &e));
}

static void act(void)
{
    int a = any(PEOPLE), b = any(PEOPLE), what = any(100);
    mn_arena_reset(&ar);
    if (what < 84) new_post();
    else if (what < 88) delete_post();
    else if (what < 90) edit_post();
    else if (what < 93) change_follow(a, b);
    else if (what < 95) change_block(a, b);
    else if (what < 98) change_list(a);
    else change_tag(a);
}

/* ---- comparing ---------------------------------------------------------------------------------------------------------- */

static void same(const uint64_t *got, size_t n, const uint64_t *want, const char *how)
{
    for (size_t i = 0; i < n; i++)
        if (got[i] != want[i])
            fail_msg("%s: entry %zu of %zu is %llu, should be %llu", how, i, n,
                     (unsigned long long)got[i], (unsigned long long)want[i]);
}

/* Walks it page by page towards older posts. */
static void walk_down(int x, const list *l, const uint64_t *want, size_t n)
{
    size_t at = 0;
    for (mn_span sp = {0};;) {
        uint64_t *ids = NULL;
        size_t got = 0;
        sp.limit = 1 + (size_t)any(90);
        RUN(mn_feeds_page(f, w->people[x], l ? l->id : 0, &sp, &ar, &ids, &got, &e));
        size_t most = n - at < sp.limit ? n - at : sp.limit;
        if (got != most) fail_msg("down: %zu ids at %zu of %zu, not %zu", got, at, n, most);
        same(ids, got, want + at, "down");
        at += got;
        if (got < sp.limit) break;
        sp.below = ids[got - 1];
    }
    assert_int_equal(at, n);
}

/* Towards newer ones from somewhere in the middle. */
static void walk_up(int x, const list *l, const uint64_t *want, size_t n)
{
    size_t at = n ? (size_t)any((int)n) : 0; /* want[at - 1] is the next to come */
    mn_span sp = {.upward = true, .above = n ? want[at] : 0};
    if (!n) return;
    for (;;) {
        uint64_t *ids = NULL;
        size_t got = 0;
        sp.limit = 1 + (size_t)any(60);
        RUN(mn_feeds_page(f, w->people[x], l ? l->id : 0, &sp, &ar, &ids, &got, &e));
        size_t most = at < sp.limit ? at : sp.limit;
        if (got != most) fail_msg("up: %zu ids at %zu of %zu, not %zu", got, at, n, most);
        same(ids, got, want + at - got, "up");
        at -= got;
        if (got < sp.limit) break;
        sp.above = ids[0];
    }
    assert_int_equal(at, 0);
}

/* Between two bounds, as since_id gives. */
static void walk_between(int x, const list *l, const uint64_t *want, size_t n)
{
    if (n < 3) return;
    size_t a = (size_t)any((int)n), b = a + (size_t)any((int)(n - a));
    mn_span sp = {.below = want[a] + 1, .above = want[b] - 1, .limit = 200};
    uint64_t *ids = NULL;
    size_t got = 0, most = b - a + 1 < 200 ? b - a + 1 : 200;
    RUN(mn_feeds_page(f, w->people[x], l ? l->id : 0, &sp, &ar, &ids, &got, &e));
    assert_int_equal(got, most);
    same(ids, got, want + a, "between");
}

static void compare(int x, const list *l)
{
    static uint64_t want[POSTS];
    size_t n = plain(x, l, want);
    walk_down(x, l, want, n);
    walk_up(x, l, want, n);
    walk_between(x, l, want, n);
}

/* What the audience says of the newest post is what the rules say. */
static void compare_audience(void)
{
    mn_audience *who = NULL;
    size_t n = 0;
    const wpost *p = &w->posts[w->n - 1];
    if (p->gone || p->boost_of >= 0) return; /* repeated boosts depend on what is in memory */
    RUN(mn_feeds_audience(f, p->id, &ar, &who, &n, &e));
    for (int x = 0; x < PEOPLE; x++) {
        bool home = false, want = in_home(x, p) && x % 2 == 0;
        size_t lists = 0, want_lists = 0;
        for (size_t i = 0; i < n; i++)
            if (who[i].account == w->people[x]) home = who[i].home, lists = who[i].n_lists;
        for (int i = 0; i < LISTS; i++)
            want_lists += x % 2 == 0 && w->lists[x][i].id && in_list(x, &w->lists[x][i], p);
        if (home != want || lists != want_lists)
            fail_msg("post %d of %d for %d: home %d not %d, lists %zu not %zu", w->n - 1,
                     p->author, x, home, want, lists, want_lists);
    }
}

static void start(size_t bytes)
{
    w = calloc(1, sizeof *w);
    counter = 0;
    memset(w->lang, -1, sizeof w->lang);
    for (int i = 0; i < PEOPLE; i++) {
        mn_account a = {.id = mn_snowflake_next(),
                        .name = mn_str_fmt(&ar, "p%d", i),
                        .display_name = MN_STR(""),
                        .bio = MN_STR(""),
                        .password_hash = MN_STR(""),
                        .origin = MN_STR(""),
                        .created_ms = 1};
        w->people[i] = a.id;
        TX(mn_store_account_add(tx, &a, &e));
    }
    RUN(mn_feeds_new(s, bytes, &f, &e));
}

static void stop(void)
{
    mn_feeds_free(f);
    f = NULL;
    free(w);
}

static void random_world(int actions, size_t bytes)
{
    start(bytes);
    for (int x = 0; x < PEOPLE; x += 2) RUN(mn_feeds_watch(f, w->people[x], &e));
    for (int i = 0; i < actions; i++) {
        act();
        if (w->n && once_in(4)) compare_audience();
        if (!once_in(40)) continue;
        int x = any(PEOPLE);
        const list *l = &w->lists[x][any(LISTS)];
        compare(x, NULL);
        if (l->id) compare(x, l);
    }
    for (int x = 0; x < PEOPLE; x++) {
        compare(x, NULL);
        for (int i = 0; i < LISTS; i++)
            if (w->lists[x][i].id) compare(x, &w->lists[x][i]);
    }
    for (int x = 0; x < PEOPLE; x += 2) mn_feeds_unwatch(f, w->people[x]);
}

static void timelines_are_what_the_rules_say_after_thousands_of_random_actions(void **state)
{
    (void)state;
    random_world(backend->file ? 6000 : 1500, 0);
    mn_feeds_stats st;
    mn_feeds_stats_get(f, &st);
    OK(st.built > 10 && st.rebuilt_by_event > 10);
    OK(!backend->file || st.from_store > 10);
    stop();
}

static void timelines_are_right_when_memory_is_scarce(void **state)
{
    (void)state;
    random_world(1200, 12000);
    mn_feeds_stats st;
    mn_feeds_stats_get(f, &st);
    OK(st.evicted > 3);
    OK(st.bytes < 400000);
    stop();
}

/* ---- threads ------------------------------------------------------------------------------------------------------------ */

static atomic_bool enough;
static atomic_int pages_read;

static void *read_on(void *arg)
{
    mn_arena own;
    mn_err why = {0};
    uint64_t n = (uint64_t)(uintptr_t)arg;
    mn_arena_init(&own, 0);
    for (uint64_t i = 0; !atomic_load(&enough); i++) {
        uint64_t *ids = NULL, who = w->people[mn_rand_at(8, n, i) % PEOPLE];
        size_t got = 0;
        mn_arena_reset(&own);
        mn_rc rc = mn_feeds_page(f, who, 0, &(mn_span){.limit = 40}, &own, &ids, &got, &why);
        for (size_t k = 1; rc == MN_OK && k < got; k++)
            if (ids[k] >= ids[k - 1]) rc = MN_E_CORRUPT;
        if (rc != MN_OK && rc != MN_E_BUSY) {
            print_error("a page is wrong: %s %s\n", mn_rc_name(rc), why.msg);
            abort();
        }
        atomic_fetch_add(&pages_read, 1);
    }
    mn_arena_release(&own);
    return NULL;
}

static void readers_beside_writers_end_with_the_right_pages(void **state)
{
    (void)state;
    pthread_t readers[3];
    start(60000);
    atomic_store(&enough, false);
    atomic_store(&pages_read, 0);
    for (uintptr_t i = 0; i < 3; i++)
        OK(pthread_create(&readers[i], NULL, read_on, (void *)i) == 0);
    for (int i = 0; i < 800; i++) act();
    atomic_store(&enough, true);
    for (int i = 0; i < 3; i++) pthread_join(readers[i], NULL);
    OK(atomic_load(&pages_read) > 100);
    for (int x = 0; x < PEOPLE; x++) compare(x, NULL);
    stop();
}

static void a_list_of_another_is_not_found(void **state)
{
    (void)state;
    uint64_t *ids = NULL;
    size_t n = 0;
    start(0);
    mn_list l = {.id = mn_snowflake_next(), .account_id = w->people[0], .title = MN_STR("t")};
    TX(mn_store_list_add(tx, &l, &e));
    FAILS(MN_E_NOT_FOUND,
          mn_feeds_page(f, w->people[1], l.id, &(mn_span){.limit = 5}, &ar, &ids, &n, &e));
    RUN(mn_feeds_page(f, w->people[0], l.id, &(mn_span){.limit = 5}, &ar, &ids, &n, &e));
    assert_int_equal(n, 0);
    stop();
}

static void an_imported_post_comes_into_homes_in_memory(void **state)
{
    (void)state;
    uint64_t *ids = NULL, id = 0;
    size_t n = 0;
    bool new = false;
    start(0);
    mn_follow how = {.at_ms = 5, .boosts = true, .languages = MN_STR("")};
    TX(mn_store_follow_set(tx, w->people[0], w->people[1], &how, &new, &e));
    RUN(mn_feeds_page(f, w->people[0], 0, &(mn_span){.limit = 5}, &ar, &ids, &n, &e));
    assert_int_equal(n, 0);
    mn_tx *tx;
    uint64_t import = 0;
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_import_begin(tx, MN_STR("x"), MN_STR("jsonl"), &import, &e));
    mn_post p = {.id = 1000,
                 .account_id = w->people[1],
                 .created_ms = 7,
                 .text = MN_STR("old"),
                 .origin = MN_STR("x:1"),
                 .import_id = import};
    RUN(mn_store_post_import(tx, &p, &id, &e));
    RUN(mn_store_commit(tx, &e));
    RUN(mn_feeds_page(f, w->people[0], 0, &(mn_span){.limit = 5}, &ar, &ids, &n, &e));
    assert_int_equal(n, 1);
    assert_int_equal(ids[0], id);
    stop();
}

/* A second store stands for another process; its events come by the database. */
static void what_another_process_writes_comes_home_too(void **state)
{
    (void)state;
    uint64_t *ids = NULL;
    size_t n = 0;
    mn_store *other;
    mn_tx *tx;
    if (backend->file) SKIP("an embedded database tells of what its own process writes");
    start(0);
    RUN(mn_feeds_page(f, w->people[0], 0, &(mn_span){.limit = 5}, &ar, &ids, &n, &e));
    assert_int_equal(n, 0);
    RUN(mn_store_open(url, &other, &e));
    mn_post p = {.id = mn_snowflake_next(),
                 .account_id = w->people[0],
                 .created_ms = mn_now_ms(),
                 .text = MN_STR("from elsewhere")};
    RUN(mn_store_begin(other, &tx, &e));
    RUN(mn_store_post_add(tx, &p, &e));
    RUN(mn_store_commit(tx, &e));
    for (int i = 0; i < 200 && n == 0; i++) {
        RUN(mn_feeds_page(f, w->people[0], 0, &(mn_span){.limit = 5}, &ar, &ids, &n, &e));
        usleep(50000);
    }
    assert_int_equal(n, 1);
    assert_int_equal(ids[0], p.id);
    mn_store_close(other);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_list_of_another_is_not_found),
        CASE(an_imported_post_comes_into_homes_in_memory),
        CASE(timelines_are_what_the_rules_say_after_thousands_of_random_actions),
        CASE(timelines_are_right_when_memory_is_scarce),
        CASE(readers_beside_writers_end_with_the_right_pages),
        CASE(what_another_process_writes_comes_home_too),
    };
    RUN_ON_ALL(tests);
}

/* Whole builds over a store made here. */
#include "corpus/corpus.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/snowflake.h"
#include "base/stop.h"
#include "social/social.h"
#include "test.h"
#include "text/canary.h"
#include "text/shard.h"
#include "text/tokenizer.h"

#define START_MS INT64_C(1300000000000)

typedef struct world {
    char dir[64];
    mn_store *s;
    uint64_t n; /* posts made */
} world;

static void open_world(world *w)
{
    char path[128];
    mn_err e = {0};
    *w = (world){0};
    test_tmp(w->dir);
    snprintf(path, sizeof path, "%s/mynah.db", w->dir);
    RUN(mn_store_open(path, &w->s, &e));
}

static void close_world(world *w)
{
    mn_store_close(w->s);
    test_tmp_remove(w->dir);
}

static void account(world *w, uint64_t id)
{
    mn_err e = {0};
    mn_tx *tx;
    char name[32];
    snprintf(name, sizeof name, "author%llu", (unsigned long long)id);
    mn_account a = {.id = id, .name = mn_str_from(name), .created_ms = START_MS};
    RUN(mn_store_begin(w->s, &tx, &e));
    RUN(mn_store_account_add(tx, &a, &e));
    RUN(mn_store_commit(tx, &e));
}

static uint64_t post_id(uint64_t i)
{
    return mn_snowflake_at(START_MS + (int64_t)i * 3600000, i);
}

static void add_in(mn_tx *tx, world *w, uint64_t author, uint64_t reply_to, const char *text,
                   mn_visibility vis)
{
    mn_err e = {0};
    uint64_t i = w->n++;
    mn_post p = {.id = post_id(i),
                 .account_id = author,
                 .created_ms = START_MS + (int64_t)i * 3600000,
                 .reply_to = reply_to,
                 .visibility = vis,
                 .lang = MN_STR("en"),
                 .text = mn_str_from(text)};
    RUN(mn_store_post_add(tx, &p, &e));
}

static void add(world *w, uint64_t author, uint64_t reply_to, const char *text)
{
    mn_err e = {0};
    mn_tx *tx;
    RUN(mn_store_begin(w->s, &tx, &e));
    add_in(tx, w, author, reply_to, text, MN_VIS_PUBLIC);
    RUN(mn_store_commit(tx, &e));
}

static void allow_all(world *w)
{
    mn_err e = {0};
    RUN(mn_social_consent_set(w->s, MN_SCOPE_SERVER, 0, MN_P_TRAIN_GENERATIVE, MN_CONSENT_ALLOW,
                              0, MN_STR("test"), &e));
}

static const char *const words[] = {
    "garden", "window",  "morning", "letter", "reads", "a",       "slowly", "the",   "and",
    "paints", "harbour", "before",  "winter", "quiet", "listens", "street", "under", "old"};

/* n posts of 40 authors, some of them replies, some copies, some refused. */
static void populate(world *w, uint64_t n)
{
    mn_err e = {0};
    mn_tx *tx;
    for (uint64_t a = 1; a <= 40; a++) account(w, a);
    RUN(mn_store_begin(w->s, &tx, &e));
    for (uint64_t i = 0; i < n; i++) {
        char text[300] = "";
        uint64_t r = mn_rand_at(3, i, 0), like = r % 13 == 0 && i > 50 ? i - 50 : i;
        for (uint64_t k = 0; k < 9 + like % 5; k++) {
            strcat(text, words[mn_rand_at(9, like, k) % 18]);
            strcat(text, k % 6 == 5 ? ", " : " ");
        }
        if (r % 17 == 0) strcat(text, "mail me at someone@example.org");
        if (r % 19 == 0) strcpy(text, "ok");
        add_in(tx, w, 1 + r % 40, r % 5 == 1 && i ? post_id(mn_rand_at(2, i, 0) % i) : 0, text,
               r % 23 == 0 ? MN_VIS_FOLLOWERS : MN_VIS_PUBLIC);
    }
    RUN(mn_store_commit(tx, &e));
}

static mn_corpus_report build(world *w, const char *name, int threads)
{
    mn_err e = {0};
    mn_corpus_report r;
    mn_corpus_opts o = MN_CORPUS_OPTS_DEFAULT;
    o.name = name;
    o.threads = threads;
    o.val_share = 0.1;
    o.vocab = 600;
    RUN(mn_corpus_build(w->s, w->dir, &o, NULL, NULL, &r, &e));
    return r;
}

static void read_file(const world *w, const char *corpus, const char *file, mn_buf *ret)
{
    char path[256];
    mn_err e = {0};
    snprintf(path, sizeof path, "%s/corpus/%s/%s", w->dir, corpus, file);
    mn_buf_clear(ret);
    RUN(mn_fs_read(path, 1 << 26, ret, &e));
}

/* ---- refusals ------------------------------------------------------------------------------------------------ */

static void without_consent_nothing_is_built_and_the_message_says_how(void **state)
{
    (void)state;
    world w;
    mn_err e = {0};
    mn_corpus_report r;
    mn_corpus_opts o = MN_CORPUS_OPTS_DEFAULT;
    char path[128];
    open_world(&w);
    FAILS(MN_E_NOT_FOUND, mn_corpus_build(w.s, w.dir, &o, NULL, NULL, &r, &e));
    OK(strstr(e.msg, "mynah import") != NULL);
    account(&w, 1);
    add(&w, 1, 0, "a sentence that nobody agreed to");
    FAILS(MN_E_DENIED, mn_corpus_build(w.s, w.dir, &o, NULL, NULL, &r, &e));
    OK(strstr(e.msg, "train_generative=allow") != NULL);
    snprintf(path, sizeof path, "%s/corpus/.building", w.dir);
    OK(!mn_fs_exists(path)); /* nothing is left behind */
    close_world(&w);
}

static void a_text_of_no_posts_length_is_left_out_and_the_rest_built(void **state)
{
    (void)state;
    world w;
    mn_err e = {0};
    mn_corpus_report r;
    mn_corpus_opts o = {.val_share = 0, .vocab = 600};
    char *big = malloc(70001);
    memset(big, 'x', 70000);
    for (int i = 5; i < 70000; i += 6) big[i] = ' ';
    big[70000] = 0;
    open_world(&w);
    account(&w, 1);
    add(&w, 1, 0, big);
    add(&w, 1, 0, "an ordinary sentence of an ordinary length");
    allow_all(&w);
    RUN(mn_corpus_build(w.s, w.dir, &o, NULL, NULL, &r, &e));
    OK(r.posts_kept == 1 && r.dropped[MN_DROP_TOO_LONG] == 1 && r.val.posts == 0);
    free(big);
    close_world(&w);
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    world w;
    mn_err e = {0};
    mn_corpus_report r;
    open_world(&w);
    const mn_corpus_opts bad[] = {{.val_share = 0.7},  {.val_share = -1}, {.name = "../up"},
                                  {.name = ".hidden"}, {.name = ""},      {.vocab = 100},
                                  {.vocab = 70000},    {.threads = -1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        FAILS(MN_E_USAGE, mn_corpus_build(w.s, w.dir, &bad[i], NULL, NULL, &r, &e));
    close_world(&w);
}

static void only_rubbish_is_refused_with_its_number(void **state)
{
    (void)state;
    world w;
    mn_err e = {0};
    mn_corpus_report r;
    mn_corpus_opts o = MN_CORPUS_OPTS_DEFAULT;
    open_world(&w);
    account(&w, 1);
    add(&w, 1, 0, "ok");
    allow_all(&w);
    FAILS(MN_E_USAGE, mn_corpus_build(w.s, w.dir, &o, NULL, NULL, &r, &e));
    OK(strstr(e.msg, "survives") != NULL);
    close_world(&w);
}

/* ---- what is built ------------------------------------------------------------------------------------------- */

static void a_build_counts_every_post_once(void **state)
{
    (void)state;
    world w;
    mn_err e = {0};
    open_world(&w);
    populate(&w, 3000);
    allow_all(&w);
    mn_corpus_report r = build(&w, "one", 1), back;
    uint64_t dropped = 0;
    for (int d = 1; d < MN_DROPS; d++) dropped += r.dropped[d];
    OK(r.posts_in == 3000 && r.posts_kept + dropped == 3000);
    OK(r.posts_kept == r.train.posts + r.val.posts);
    OK(r.dropped[MN_DROP_NOT_PUBLIC] > 50 && r.dropped[MN_DROP_TOO_SHORT] > 50);
    OK(r.dropped[MN_DROP_DUPLICATE] > 50);
    OK(r.tokens == r.train.tokens + r.val.tokens && r.bytes == r.train.bytes + r.val.bytes);
    OK(r.vocab <= 600 && r.val.posts > 0);
    RUN(mn_corpus_read(w.dir, "one", &back, &e));
    OK(strcmp(back.sha256, r.sha256) == 0 && back.tokens == r.tokens);
    OK(back.posts_kept == r.posts_kept && back.val.authors == r.val.authors);
    OK(memcmp(back.dropped, r.dropped, sizeof r.dropped) == 0);
    close_world(&w);
}

typedef struct tally {
    uint64_t n[MN_DROPS], last;
} tally;

static bool count_dropped(void *arg, uint64_t id, mn_drop why, uint64_t of)
{
    tally *t = arg;
    OK(id > t->last);
    OK((of != 0) == (why == MN_DROP_DUPLICATE || why == MN_DROP_NEAR_DUPLICATE));
    t->last = id;
    t->n[why]++;
    return true;
}

static void each_dropped_post_is_listed_with_its_reason(void **state)
{
    (void)state;
    world w;
    mn_err e = {0};
    tally t = {0};
    open_world(&w);
    populate(&w, 1000);
    allow_all(&w);
    mn_corpus_report r = build(&w, "one", 1);
    RUN(mn_corpus_dropped(w.dir, "one", count_dropped, &t, &e));
    OK(memcmp(t.n, r.dropped, sizeof t.n) == 0);
    close_world(&w);
}

/* The shards against the texts: documents as tokenizer.h says, tokens decode to the text, origins point to it. */
static void check_shard(const world *w, const char *corpus, const char *split,
                        const mn_tokenizer *tok)
{
    char stem[256], name[64];
    mn_err e = {0};
    mn_shard s;
    mn_buf text, back;
    mn_buf_init(&text, 0);
    mn_buf_init(&back, 0);
    snprintf(stem, sizeof stem, "%s/corpus/%s/%s", w->dir, corpus, split);
    RUN(mn_shard_open(stem, mn_tok_vocab(tok), &s, &e));
    snprintf(name, sizeof name, "%s.txt", split);
    read_file(w, corpus, name, &text);
    for (uint64_t i = 0; i < s.n_posts; i++) {
        const mn_origin *o = &s.posts[i];
        uint64_t to = i + 1 < s.n_posts ? s.posts[i + 1].first_token : s.n_tok;
        uint64_t text_to = i + 1 < s.n_posts ? s.posts[i + 1].text_offset : text.len;
        uint32_t ids[2048], n = 0;
        bool first = o->document == 0 ? o->first_token == 0
                                      : o->first_token == s.doc_end[o->document - 1];
        OK(s.tok[o->first_token] == (first ? MN_TOK_START : MN_TOK_REPLY));
        OK(o->consent_rev == 1 && o->author_id >= 1 && o->author_id <= 40);
        for (uint64_t k = o->first_token; k < to; k++)
            if (s.tok[k] >= MN_TOK_SPECIALS) ids[n++] = s.tok[k];
        mn_buf_clear(&back);
        OK(mn_tok_decode(tok, ids, n, false, &back) == MN_OK);
        OK(mn_str_eq(mn_buf_str(&back),
                     (mn_str){text.ptr + o->text_offset, text_to - o->text_offset - 1}));
    }
    for (uint64_t k = 0; k < s.n_docs; k++) OK(s.tok[s.doc_end[k] - 1] == MN_TOK_END);
    OK(mn_str_find(mn_buf_str(&text), MN_STR("@example.org"), 0) == SIZE_MAX);
    mn_shard_close(&s);
    mn_buf_release(&text);
    mn_buf_release(&back);
}

static void shards_decode_to_the_texts_that_their_origins_name(void **state)
{
    (void)state;
    world w;
    mn_err e = {0};
    mn_tokenizer *tok;
    char path[256];
    open_world(&w);
    populate(&w, 1500);
    allow_all(&w);
    build(&w, "one", 2);
    snprintf(path, sizeof path, "%s/corpus/one/tokenizer.json", w.dir);
    RUN(mn_tok_load(path, &tok, &e));
    OK(mn_tok_is_ours(tok));
    check_shard(&w, "one", "train", tok);
    check_shard(&w, "one", "val", tok);
    mn_tok_free(tok);
    close_world(&w);
}

static const char *const files[] = {
    "tokenizer.json", "train.bin", "train.docs", "train.origin", "train.txt",
    "val.bin",        "val.docs",  "val.origin", "val.txt",      "dropped.jsonl"};

static void one_two_and_three_threads_give_the_same_bytes(void **state)
{
    (void)state;
    world w;
    mn_buf a, b;
    char name[8] = "t1";
    mn_buf_init(&a, 0);
    mn_buf_init(&b, 0);
    open_world(&w);
    populate(&w, 9000); /* more than a batch of the scan */
    allow_all(&w);
    mn_corpus_report first = build(&w, "t1", 1);
    for (int t = 2; t <= 3; t++) {
        name[1] = (char)('0' + t);
        mn_corpus_report r = build(&w, name, t);
        OK(strcmp(r.sha256, first.sha256) == 0);
        for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
            read_file(&w, "t1", files[i], &a);
            read_file(&w, name, files[i], &b);
            if (!mn_str_eq(mn_buf_str(&a), mn_buf_str(&b))) fail_msg("%s differs", files[i]);
        }
    }
    mn_buf_release(&a);
    mn_buf_release(&b);
    close_world(&w);
}

static void the_default_name_is_of_the_content_and_a_second_build_finds_it(void **state)
{
    (void)state;
    world w;
    mn_err e = {0};
    char latest[MN_CORPUS_NAME_MAX + 1];
    open_world(&w);
    FAILS(MN_E_NOT_FOUND, mn_corpus_latest(w.dir, latest, &e));
    OK(strstr(e.msg, "mynah corpus build") != NULL);
    populate(&w, 500);
    allow_all(&w);
    mn_corpus_report a = build(&w, NULL, 1), b = build(&w, NULL, 2);
    OK(strncmp(a.name, "c-", 2) == 0 && strncmp(a.name + 2, a.sha256, 8) == 0);
    OK(!a.existed && b.existed && strcmp(a.name, b.name) == 0);
    RUN(mn_corpus_latest(w.dir, latest, &e));
    OK(strcmp(latest, a.name) == 0);
    close_world(&w);
}

static void canaries_are_planted_in_train_alone_and_built_again_the_same(void **state)
{
    (void)state;
    world w;
    mn_err e = {0};
    mn_corpus_report r, plain;
    mn_corpus_verdict v;
    mn_corpus_opts o = {.name = "planted", .val_share = 0.1, .vocab = 600, .canaries = 5};
    mn_buf with, without, train;
    char line[MN_CANARY_TEXT + 2];
    open_world(&w);
    populate(&w, 300);
    allow_all(&w);
    plain = build(&w, "plain", 1);
    RUN(mn_corpus_build(w.s, w.dir, &o, NULL, NULL, &r, &e));
    OK(r.train.posts == plain.train.posts + MN_CANARY_COPIES && r.val.posts == plain.val.posts);
    OK(r.train.authors == plain.train.authors + MN_CANARIES);
    OK(r.posts_kept == plain.posts_kept && strcmp(r.sha256, plain.sha256) != 0);
    mn_buf_init(&with, 0), mn_buf_init(&without, 0), mn_buf_init(&train, 0);
    const char *same[] = {"tokenizer.json", "val.bin", "val.txt", "dropped.jsonl"};
    for (int i = 0; i < 4; i++) {
        read_file(&w, "planted", same[i], &with);
        read_file(&w, "plain", same[i], &without);
        OK(mn_str_eq(mn_buf_str(&with), mn_buf_str(&without)));
    }
    read_file(&w, "planted", "train.txt", &train);
    read_file(&w, "planted", "val.txt", &with);
    for (size_t i = 0; i < MN_CANARIES + 3; i++) { /* three references, which are nowhere */
        uint32_t n = 0;
        mn_canary_text(5, i, line);
        strcat(line, "\n");
        mn_str s = mn_str_from(line), all = mn_buf_str(&train);
        for (size_t at = 0; (at = mn_str_find(all, s, at)) != SIZE_MAX; at++) n++;
        assert_int_equal(n, i < MN_CANARIES ? mn_canary_copies(i) : 0);
        OK(mn_str_find(mn_buf_str(&with), s, 0) == SIZE_MAX);
    }
    read_file(&w, "planted", "manifest.json", &with);
    OK(strstr(with.ptr, "\"canaries\": 5"));
    read_file(&w, "plain", "manifest.json", &with);
    OK(!strstr(with.ptr, "canaries"));
    RUN(mn_corpus_verify(w.s, w.dir, "planted", 1, NULL, NULL, &v, &e));
    OK(v.same);
    o.canaries = UINT64_C(1) << 53, o.name = "more";
    FAILS(MN_E_USAGE, mn_corpus_build(w.s, w.dir, &o, NULL, NULL, &r, &e));
    mn_buf_release(&with), mn_buf_release(&without), mn_buf_release(&train);
    close_world(&w);
}

static void a_name_that_is_taken_is_refused(void **state)
{
    (void)state;
    world w;
    mn_err e = {0};
    mn_corpus_report r;
    mn_corpus_opts o = {.name = "one", .val_share = 0.1};
    open_world(&w);
    populate(&w, 300);
    allow_all(&w);
    build(&w, "one", 1);
    FAILS(MN_E_EXISTS, mn_corpus_build(w.s, w.dir, &o, NULL, NULL, &r, &e));
    OK(strstr(e.msg, "--name") != NULL);
    close_world(&w);
}

static void corpora_are_listed_and_damaged_manifests_named(void **state)
{
    (void)state;
    world w;
    mn_err e = {0};
    mn_arena a;
    mn_corpus_report *all, r;
    size_t n;
    char path[256];
    mn_arena_init(&a, 0);
    open_world(&w);
    RUN(mn_corpus_list(w.dir, &a, &all, &n, &e));
    OK(n == 0);
    populate(&w, 300);
    allow_all(&w);
    build(&w, "b", 1);
    build(&w, "a", 1);
    RUN(mn_corpus_list(w.dir, &a, &all, &n, &e));
    OK(n == 2 && strcmp(all[0].name, "a") == 0 && strcmp(all[1].name, "b") == 0);
    FAILS(MN_E_NOT_FOUND, mn_corpus_read(w.dir, "c", &r, &e));
    OK(strstr(e.msg, "a, b") != NULL);
    FAILS(MN_E_NOT_FOUND, mn_corpus_read(w.dir, "../corpus/a", &r, &e));
    snprintf(path, sizeof path, "%s/corpus/a/manifest.json", w.dir);
    RUN(mn_fs_write_atomic(path, "{\"format\":1}", 12, &e));
    FAILS(MN_E_CORRUPT, mn_corpus_read(w.dir, "a", &r, &e));
    mn_arena_release(&a);
    close_world(&w);
}

/* ---- verify -------------------------------------------------------------------------------------------------- */

static void a_fresh_corpus_verifies_even_when_new_posts_came(void **state)
{
    (void)state;
    world w;
    mn_err e = {0};
    mn_corpus_verdict v;
    open_world(&w);
    populate(&w, 800);
    allow_all(&w);
    build(&w, "one", 2);
    RUN(mn_corpus_verify(w.s, w.dir, "one", 1, NULL, NULL, &v, &e));
    OK(v.same && v.n_damaged == 0 && v.new_posts == 0);
    add(&w, 1, 0, "something new that was not there when the corpus was built");
    RUN(mn_corpus_verify(w.s, w.dir, "one", 2, NULL, NULL, &v, &e));
    OK(v.same && v.new_posts == 1);
    close_world(&w);
}

static uint64_t kept_post(const world *w, const char *corpus, uint64_t nth)
{
    mn_buf b;
    uint64_t id;
    mn_buf_init(&b, 0);
    read_file(w, corpus, "train.origin", &b);
    memcpy(&id, b.ptr + nth * sizeof(mn_origin), 8);
    mn_buf_release(&b);
    return id;
}

static void verify_names_posts_that_were_withdrawn_deleted_or_edited(void **state)
{
    (void)state;
    world w;
    mn_err e = {0};
    mn_tx *tx;
    mn_corpus_verdict v;
    open_world(&w);
    populate(&w, 800);
    allow_all(&w);
    build(&w, "one", 1);
    uint64_t withdrawn = kept_post(&w, "one", 10), gone = kept_post(&w, "one", 20),
             edited = kept_post(&w, "one", 30);
    RUN(mn_social_consent_set(w.s, MN_SCOPE_POST, withdrawn, MN_P_TRAIN_GENERATIVE,
                              MN_CONSENT_DENY, 0, MN_STR("changed my mind"), &e));
    RUN(mn_store_begin(w.s, &tx, &e));
    RUN(mn_store_post_delete(tx, gone, START_MS, &e));
    RUN(mn_store_post_edit(tx, edited,
                           MN_STR("entirely other words stand here now, dear reader"),
                           MN_STR(""), MN_STR("en"), START_MS, &e));
    RUN(mn_store_commit(tx, &e));
    RUN(mn_corpus_verify(w.s, w.dir, "one", 1, NULL, NULL, &v, &e));
    OK(!v.same && v.n_damaged == 0 && v.n_differs > 0);
    OK(v.changes[MN_CHANGE_WITHDRAWN] == 1 && v.changes[MN_CHANGE_GONE] == 1);
    OK(v.changes[MN_CHANGE_TEXT] == 1);
    for (int i = 0; i < v.n_samples; i++) {
        if (v.samples[i].id == withdrawn) OK(v.samples[i].what == MN_CHANGE_WITHDRAWN);
        if (v.samples[i].id == gone) OK(v.samples[i].what == MN_CHANGE_GONE);
        if (v.samples[i].id == edited) OK(v.samples[i].what == MN_CHANGE_TEXT);
    }
    close_world(&w);
}

static void verify_says_when_all_consent_was_withdrawn(void **state)
{
    (void)state;
    world w;
    mn_err e = {0};
    mn_corpus_verdict v;
    open_world(&w);
    populate(&w, 300);
    allow_all(&w);
    mn_corpus_report r = build(&w, "one", 1);
    RUN(mn_social_consent_set(w.s, MN_SCOPE_SERVER, 0, MN_P_TRAIN_GENERATIVE, MN_CONSENT_DENY,
                              0, MN_STR("decided"), &e));
    RUN(mn_corpus_verify(w.s, w.dir, "one", 1, NULL, NULL, &v, &e));
    OK(!v.same && v.changes[MN_CHANGE_WITHDRAWN] == r.posts_kept && v.n_differs == 10);
    close_world(&w);
}

static void verify_names_a_damaged_file(void **state)
{
    (void)state;
    world w;
    mn_err e = {0};
    mn_corpus_verdict v;
    char path[256];
    open_world(&w);
    populate(&w, 300);
    allow_all(&w);
    build(&w, "one", 1);
    snprintf(path, sizeof path, "%s/corpus/one/val.txt", w.dir);
    FILE *f = fopen(path, "r+b");
    OK(f && fputc('#', f) == '#' && fclose(f) == 0);
    RUN(mn_corpus_verify(w.s, w.dir, "one", 1, NULL, NULL, &v, &e));
    OK(!v.same && v.n_damaged == 1 && strcmp(v.damaged[0], "val.txt") == 0);
    close_world(&w);
}

/* ---- trouble ------------------------------------------------------------------------------------------------- */

static void two_builds_at_once_are_refused(void **state)
{
    (void)state;
    world w;
    mn_err e = {0};
    mn_fs_lock lock;
    mn_corpus_report r;
    mn_corpus_opts o = MN_CORPUS_OPTS_DEFAULT;
    char path[128];
    open_world(&w);
    snprintf(path, sizeof path, "%s/corpus", w.dir);
    RUN(mn_fs_mkdirs(path, &e));
    snprintf(path, sizeof path, "%s/corpus/.lock", w.dir);
    pid_t child; /* locks belong to open files or processes: another process holds it */
    int ready[2], done[2];
    OK(pipe(ready) == 0 && pipe(done) == 0);
    child = fork();
    if (child == 0) {
        char c = 'x';
        mn_rc rc = mn_fs_lock_take(path, &lock, &e);
        if (rc != MN_OK || write(ready[1], &c, 1) != 1 || read(done[0], &c, 1) != 1) _exit(1);
        _exit(0);
    }
    char c;
    OK(read(ready[0], &c, 1) == 1);
    FAILS(MN_E_BUSY, mn_corpus_build(w.s, w.dir, &o, NULL, NULL, &r, &e));
    OK(write(done[1], &c, 1) == 1);
    for (int i = 0; i < 2; i++) close(ready[i]), close(done[i]);
    close_world(&w);
}

static void running_out_of_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    world w;
    mn_err e = {0};
    mn_corpus_report r;
    mn_corpus_opts o = {.val_share = 0.1, .vocab = 600, .threads = 1, .name = "one"};
    char path[128];
    int failures = 0;
    open_world(&w);
    populate(&w, 200);
    allow_all(&w);
    snprintf(path, sizeof path, "%s/corpus", w.dir);
    for (long n = 1; n < 4000; n = n * 5 / 4 + 1) {
        mn_arena a;
        char **names;
        size_t n_names;
        mn_mem_fail_after(n);
        mn_rc rc = mn_corpus_build(w.s, w.dir, &o, NULL, NULL, &r, &e);
        mn_mem_fail_after(0);
        if (rc == MN_OK) break;
        OK(rc == MN_E_NOMEM);
        failures++;
        if (!mn_fs_is_dir(path)) continue;
        mn_arena_init(&a, 0);
        RUN(mn_fs_list(path, &a, &names, &n_names, &e));
        for (size_t i = 0; i < n_names; i++) OK(strcmp(names[i], "one") != 0);
        mn_arena_release(&a);
    }
    OK(failures > 5);
    close_world(&w);
}

static void a_stop_ends_the_build_and_leaves_nothing_behind(void **state)
{
    (void)state;
    world w;
    mn_err e = {0};
    mn_corpus_report r;
    mn_corpus_opts o = MN_CORPUS_OPTS_DEFAULT;
    char path[128];
    open_world(&w);
    populate(&w, 300);
    allow_all(&w);
    mn_stop_request(); /* stays for the rest of this program: the last test */
    FAILS(MN_E_CANCELLED, mn_corpus_build(w.s, w.dir, &o, NULL, NULL, &r, &e));
    snprintf(path, sizeof path, "%s/corpus/.building", w.dir);
    OK(!mn_fs_exists(path));
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_consent_nothing_is_built_and_the_message_says_how),
        TEST(a_text_of_no_posts_length_is_left_out_and_the_rest_built),
        TEST(bad_options_are_refused),
        TEST(only_rubbish_is_refused_with_its_number),
        TEST(a_build_counts_every_post_once),
        TEST(each_dropped_post_is_listed_with_its_reason),
        TEST(shards_decode_to_the_texts_that_their_origins_name),
        TEST(one_two_and_three_threads_give_the_same_bytes),
        TEST(the_default_name_is_of_the_content_and_a_second_build_finds_it),
        TEST(a_name_that_is_taken_is_refused),
        TEST(corpora_are_listed_and_damaged_manifests_named),
        TEST(a_fresh_corpus_verifies_even_when_new_posts_came),
        TEST(verify_names_posts_that_were_withdrawn_deleted_or_edited),
        TEST(verify_says_when_all_consent_was_withdrawn),
        TEST(verify_names_a_damaged_file),
        TEST(canaries_are_planted_in_train_alone_and_built_again_the_same),
        TEST(two_builds_at_once_are_refused),
        TEST(running_out_of_memory_leaves_nothing_behind),
        TEST(a_stop_ends_the_build_and_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

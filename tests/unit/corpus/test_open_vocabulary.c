/* Corpora in another model's vocabulary: documents in its form, the same bytes again, old posts brought back, posts taken out. */
#include "corpus_fixture.h"
#include "open_tokens.h"

#include "base/hash.h"
#include "corpus/closure.h"
#include "text/canary.h"
#include "text/shard.h"

#define OLD 160

static mn_tokenizer *tok;
static mn_docform form;
static uint64_t replying; /* a post that answers another */
static uint64_t kept;
static mn_err e;

static void build_open(const char *name, const char *after, double replay, uint64_t canaries,
                       mn_corpus_report *ret)
{
    mn_corpus_opts o = MN_CORPUS_OPTS_DEFAULT;
    o.name = name, o.val_share = 0.1, o.threads = 2, o.canaries = canaries;
    if (after) o.after = after, o.replay = replay;
    else o.tokens = tok, o.form = &form;
    RUN(mn_corpus_build(store, dir, &o, NULL, NULL, ret, &e));
}

static int set_up(void **state)
{
    (void)state;
    mn_corpus_report r;
    tok = open_tokens_of(words, 12);
    RUN(mn_docform_of(tok, MN_DOCFORM_NONE, &form, &e));
    fixture_open(40);
    consent(MN_SCOPE_SERVER, 0, MN_CONSENT_ALLOW);
    for (uint64_t i = 0; i < OLD; i++) filler(1 + i % 20, i);
    uint64_t asked = add(3, 0, "who has seen the candle that stood by the window this morning");
    replying =
        add(4, post_id(asked), "it went to the street with your letter before winter came");
    build_open("open", NULL, 0, 0, &r);
    kept = r.posts_kept;
    OK(r.vocab == mn_tok_vocab(tok) && kept > OLD / 2);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mn_tok_free(tok);
    fixture_close();
    return 0;
}

static const char *file_of(const char *corpus, const char *name)
{
    static char path[4][200];
    static int k;
    snprintf(path[++k % 4], 200, "%s/corpus/%s/%s", dir, corpus, name);
    return path[k % 4];
}

static void open_side(const char *corpus, const char *name, mn_shard *s, mn_fs_map *txt)
{
    char stem[64];
    RUN(mn_shard_open(file_of(corpus, name), mn_tok_vocab(tok), s, &e));
    snprintf(stem, sizeof stem, "%s.txt", name);
    RUN(mn_fs_map_open(file_of(corpus, stem), txt, &e));
}

/* What a document is made of by its texts, as docform.h says. */
static void check_document(const mn_shard *s, mn_str txt, uint64_t d, uint64_t *post)
{
    mn_ids want = {0};
    const uint64_t from = d ? s->doc_end[d - 1] : 0;
    mn_ids_add(&want, form.start);
    for (uint64_t i = *post; *post < s->n_posts && s->posts[*post].document == d; ++*post) {
        mn_str text;
        const uint64_t begun = want.n;
        OK(mn_shard_text(s, txt, *post, &text));
        for (uint32_t k = 0; *post > i && k < form.n_part; k++) mn_ids_add(&want, form.part[k]);
        OK(mn_tok_encode(tok, NULL, text, &want) == MN_OK);
        OK(s->posts[*post].first_token == from + (*post > i ? begun : 0));
    }
    mn_ids_add(&want, form.end);
    OK(s->doc_end[d] - from == want.n);
    for (uint64_t i = 0; i < want.n; i++) OK(mn_shard_token(s, from + i) == want.ptr[i]);
    mn_ids_release(&want);
}

static void documents_are_texts_with_a_blank_line_between_posts(void **state)
{
    (void)state;
    uint64_t documents = 0, conversations = 0;
    for (int k = 0; k < 2; k++) {
        mn_shard s;
        mn_fs_map txt;
        uint64_t post = 0;
        open_side("open", k ? "val" : "train", &s, &txt);
        OK(mn_docform_same(&s.form, &form));
        for (uint64_t d = 0; d < s.n_docs; d++) {
            const uint64_t before = post;
            check_document(&s, (mn_str){(const char *)txt.ptr, txt.len}, d, &post);
            conversations += post - before == 2;
        }
        OK(post == s.n_posts);
        documents += s.n_docs;
        mn_fs_map_close(&txt);
        mn_shard_close(&s);
    }
    OK(documents == kept - 1 && conversations == 1);
}

static void the_manifest_tells_the_form_and_the_corpus_is_the_same_again(void **state)
{
    (void)state;
    mn_docform f;
    mn_corpus_verdict v;
    RUN(mn_corpus_form(dir, "open", &f, &e));
    OK(mn_docform_same(&f, &form));
    RUN(mn_corpus_verify(store, dir, "open", 1, NULL, NULL, &v, &e));
    OK(v.same && !v.n_damaged && !v.n_differs);
    build("ours", 0.1);
    RUN(mn_corpus_form(dir, "ours", &f, &e));
    OK(f.ours);
}

static void what_goes_on_keeps_vocabulary_and_form_and_brings_old_posts_back(void **state)
{
    (void)state;
    mn_corpus_report r;
    mn_corpus_verdict v;
    uint8_t a[32], b[32];
    mn_shard s;
    mn_fs_map txt;
    for (uint64_t i = 0; i < 60; i++) filler(21 + i % 20, 5000 + i);
    build_open("next", "open", 0.5, 0, &r);
    OK(r.vocab == mn_tok_vocab(tok) && strcmp(r.after, "open") == 0);
    OK(r.replayed_posts > 40 && r.replayed_bytes > r.train.bytes / 4);
    RUN(mn_sha256_file(file_of("open", "tokenizer.json"), a, &e));
    RUN(mn_sha256_file(file_of("next", "tokenizer.json"), b, &e));
    OK(memcmp(a, b, 32) == 0);
    open_side("next", "train", &s, &txt);
    OK(mn_docform_same(&s.form, &form));
    mn_fs_map_close(&txt);
    mn_shard_close(&s);
    RUN(mn_corpus_verify(store, dir, "next", 2, NULL, NULL, &v, &e));
    OK(v.same);
}

static void canaries_stand_in_it_too(void **state)
{
    (void)state;
    mn_corpus_report r;
    mn_shard s;
    mn_fs_map txt;
    uint64_t found = 0, post = 0;
    build_open("canaries", NULL, 0, 77, &r);
    open_side("canaries", "train", &s, &txt);
    for (uint64_t d = 0; d < s.n_docs; d++) {
        check_document(&s, (mn_str){(const char *)txt.ptr, txt.len}, d, &post);
        found +=
            s.posts[post - 1].author_id <= MN_CANARIES && s.posts[post - 1].post_id < 1u << 16;
    }
    OK(found == MN_CANARY_COPIES);
    mn_fs_map_close(&txt);
    mn_shard_close(&s);
}

static void a_post_is_taken_out_with_its_document(void **state)
{
    (void)state;
    mn_arena a;
    mn_corpus_closure c, again;
    mn_docform f;
    const uint64_t id = post_id(replying);
    mn_corpus_report r;
    build_open("forgets", NULL, 0, 0, &r);
    mn_arena_init(&a, 0);
    RUN(mn_corpus_closure_find(dir, "forgets", &id, 1, NULL, 0, &a, &c, &e));
    OK(c.n_train + c.n_val == 1 && c.posts == 1 && c.others == 1);
    RUN(mn_corpus_erase(dir, "forgets", &c, &e));
    RUN(mn_corpus_closure_find(dir, "forgets", &id, 1, NULL, 0, &a, &again, &e));
    OK(again.n_train + again.n_val == 0);
    RUN(mn_corpus_form(dir, "forgets", &f, &e));
    OK(mn_docform_same(&f, &form));
    mn_shard s;
    mn_fs_map txt;
    open_side("forgets", c.n_train ? "train" : "val", &s, &txt);
    const uint64_t d = c.n_train ? c.train[0] : c.val[0];
    for (uint64_t i = d ? s.doc_end[d - 1] : 0; i < s.doc_end[d]; i++)
        OK(mn_shard_token(&s, i) == form.erased);
    OK(mn_str_find((mn_str){(const char *)txt.ptr, txt.len}, MN_STR("before winter came"), 0) ==
       SIZE_MAX);
    mn_fs_map_close(&txt);
    mn_shard_close(&s);
    mn_arena_release(&a);
}

static void a_vocabulary_that_cannot_hold_documents_is_refused(void **state)
{
    (void)state;
    mn_corpus_report r;
    mn_corpus_opts o = MN_CORPUS_OPTS_DEFAULT;
    mn_docform odd = form;
    char nowhere[200];
    o.name = "bad", o.tokens = tok, o.form = &odd;
    odd.end = mn_tok_vocab(tok);
    FAILS(MN_E_CORRUPT, mn_corpus_build(store, dir, &o, NULL, NULL, &r, &e));
    o.form = &MN_DOCFORM_OURS;
    FAILS(MN_E_CORRUPT, mn_corpus_build(store, dir, &o, NULL, NULL, &r, &e));
    o.form = NULL, o.tokens = NULL; /* the file alone does not say what ends a text */
    snprintf(nowhere, sizeof nowhere, "%s", file_of("open", "tokenizer.json"));
    o.tokenizer = nowhere;
    FAILS(MN_E_UNSUPPORTED, mn_corpus_build(store, dir, &o, NULL, NULL, &r, &e));
    o.vocab = 4096;
    FAILS(MN_E_USAGE, mn_corpus_build(store, dir, &o, NULL, NULL, &r, &e));
    OK(!mn_fs_exists(file_of("bad", "manifest.json")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(documents_are_texts_with_a_blank_line_between_posts),
        TEST(the_manifest_tells_the_form_and_the_corpus_is_the_same_again),
        TEST(canaries_stand_in_it_too),
        TEST(a_post_is_taken_out_with_its_document),
        TEST(a_vocabulary_that_cannot_hold_documents_is_refused),
        TEST(what_goes_on_keeps_vocabulary_and_form_and_brings_old_posts_back),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

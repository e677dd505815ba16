/* The form of documents: what a tokenizer says of it, and what a manifest may say. */
#include "open_tokens.h"

static const char *const texts[] = {"the mynah sings\n\nthe sparrow listens\n\nand forgets",
                                    "the cat follows\n\nthe mynah"};

static mn_docform form_of(const char *text, mn_rc *ret)
{
    mn_err e = {0};
    mn_arena a;
    mn_json *t;
    mn_docform f = {0};
    mn_arena_init(&a, 0);
    RUN(mn_json_parse(mn_str_from(text), &a, &t, &e));
    *ret = mn_docform_read(t, &f);
    mn_arena_release(&a);
    return f;
}

static void ours_has_structure_and_its_own_padding(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_tok_trainer *t;
    mn_tokenizer *tok;
    mn_docform f;
    RUN(mn_tok_trainer_new(&t, &e));
    RUN(mn_tok_trainer_add(t, MN_STR("a mynah"), &e));
    RUN(mn_tok_trainer_finish(t, MN_TOK_SPECIALS + 256, &tok, &e));
    RUN(mn_docform_of(tok, 7, &f, &e));
    OK(mn_docform_same(&f, &MN_DOCFORM_OURS) && mn_docform_bytes(&f) == 2);
    OK(mn_docform_learns(&f, MN_TOK_END) && mn_docform_learns(&f, MN_TOK_REPLY));
    OK(!mn_docform_learns(&f, MN_TOK_PAD) && !mn_docform_learns(&f, MN_TOK_LANG0));
    mn_tok_trainer_free(t);
    mn_tok_free(tok);
}

static void an_open_models_form_is_what_its_tokenizer_says(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_docform f;
    mn_tokenizer *tok = open_tokens_of(texts, 2);
    RUN(mn_docform_of(tok, MN_DOCFORM_NONE, &f, &e));
    OK(!f.ours && f.start == OPEN_START && f.end == OPEN_END && f.pad == OPEN_START);
    OK(f.erased == UINT16_MAX && mn_docform_bytes(&f) == 2);
    mn_buf b;
    mn_buf_init(&b, 0);
    OK(f.n_part > 0 && mn_tok_decode(tok, f.part, f.n_part, false, &b) == MN_OK);
    IS(mn_buf_str(&b), "\n\n");
    mn_buf_release(&b);
    /* nothing that a document can hold goes without being learnt, its end least of all */
    for (uint32_t id = 0; id < mn_tok_vocab(tok); id++) OK(mn_docform_learns(&f, id));
    OK(!mn_docform_learns(&f, f.erased));
    mn_tok_free(tok);
}

static void what_ends_texts_may_come_from_elsewhere_but_must_be_a_token(void **state)
{
    (void)state;
    mn_err e = {0};
    char dir[64], path[100];
    mn_docform f;
    mn_tokenizer *named = open_tokens_of(texts, 2), *tok;
    snprintf(path, sizeof path, "%s/tokenizer.json", test_tmp(dir));
    RUN(mn_tok_save(named, path, &e));
    RUN(mn_tok_load(path, &tok, &e)); /* alone, the file does not say what ends a text */
    FAILS(MN_E_UNSUPPORTED, mn_docform_of(tok, MN_DOCFORM_NONE, &f, &e));
    FAILS(MN_E_UNSUPPORTED, mn_docform_of(tok, mn_tok_vocab(tok), &f, &e));
    RUN(mn_docform_of(tok, OPEN_END, &f, &e));
    OK(f.start == OPEN_START && f.end == OPEN_END);
    uint8_t one[32], other[32];
    mn_tok_hash(named, one), mn_tok_hash(tok, other);
    OK(memcmp(one, other, 32) == 0); /* a corpus knows its model by that */
    mn_tok_free(tok);
    mn_tok_free(named);
    test_tmp_remove(dir);
}

static void what_a_manifest_says_is_read_back(void **state)
{
    (void)state;
    const mn_docform forms[] = {
        MN_DOCFORM_OURS,
        {.start = 0, .end = 2, .part = {198, 199}, .n_part = 2, .erased = UINT16_MAX, .pad = 0},
        {.start = 128000,
         .end = 128001,
         .part = {271},
         .n_part = 1,
         .erased = UINT32_MAX,
         .pad = 128000}};
    for (size_t i = 0; i < 3; i++) {
        mn_buf b;
        mn_json_writer w;
        mn_rc rc;
        mn_buf_init(&b, 0);
        mn_json_writer_init(&w, &b, 0);
        mn_jw_object(&w);
        mn_docform_put(&forms[i], &w);
        mn_jw_object_end(&w);
        char text[300];
        snprintf(text, sizeof text, "%.*s", (int)b.len - 9, b.ptr + 8); /* {"form":…} */
        mn_docform f = form_of(text, &rc);
        OK(rc == MN_OK && mn_docform_same(&f, &forms[i]));
        mn_buf_release(&b);
    }
    mn_docform f;
    OK(mn_docform_read(NULL, &f) == MN_OK &&
       f.ours); /* corpora from before there were others */
}

static void what_no_form_can_be_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "5",
        "[]",
        "{}",
        "{\"structure\":false,\"start\":0,\"end\":2,\"erased\":65535}",
        "{\"start\":0,\"end\":2,\"part\":[],\"erased\":65535}",
        "{\"start\":0,\"end\":2,\"part\":[1],\"erased\":4}",
        "{\"start\":0,\"end\":65535,\"part\":[1],\"erased\":65535}",
        "{\"start\":-1,\"end\":2,\"part\":[1],\"erased\":65535}",
        "{\"start\":0,\"end\":4294967296,\"part\":[1],\"erased\":65535}",
        "{\"start\":0,\"end\":2,\"part\":[\"x\"],\"erased\":65535}",
        "{\"start\":0,\"end\":2,\"part\":[1,1,1,1,1,1,1,1,1],\"erased\":65535}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mn_rc rc;
        form_of(bad[i], &rc);
        if (rc != MN_E_PARSE) fail_msg("'%s' was taken for a form", bad[i]);
    }
    const mn_docform f = {.start = 0, .end = 9, .part = {5}, .n_part = 1, .erased = UINT16_MAX};
    OK(mn_docform_fits(&f, 10) && !mn_docform_fits(&f, 9) && !mn_docform_fits(&f, 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ours_has_structure_and_its_own_padding),
        TEST(an_open_models_form_is_what_its_tokenizer_says),
        TEST(what_ends_texts_may_come_from_elsewhere_but_must_be_a_token),
        TEST(what_a_manifest_says_is_read_back),
        TEST(what_no_form_can_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

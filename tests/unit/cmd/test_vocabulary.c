/* Which vocabulary `--tokenizer` names. */
#include "../model/open_fixture.h"

#include "cmd/models.c" /* commands are not linked into tests, a program is one */
#include "cmd/vocabulary.c"
#include "model/export.h"

static char dir[64], base[200];
static mn_tokenizer *tok;
static mn_docform form;
static mn_err e;

static int set_up(void **state)
{
    (void)state;
    char ours[200];
    test_tmp(dir);
    tok = open_vocabulary(&form);
    snprintf(base, sizeof base, "%s/models/tiny", dir);
    open_model(base, tok, 7);
    fixture_corpus(dir, 5, ours); /* DIR/corpus, a model folder of ours as far as this goes */
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mn_tok_free(tok);
    test_tmp_remove(dir);
    return 0;
}

static const char *at(const char *name)
{
    static char path[8][300];
    static int k;
    snprintf(path[++k % 8], 300, "%s/%s", dir, name);
    return path[k % 8];
}

static bool is_open(const char *name)
{
    mn_arena a;
    mn_cmd_vocabulary v;
    uint8_t x[32], y[32];
    mn_arena_init(&a, 0);
    RUN(mn_cmd_vocabulary_find(dir, name, &a, &v, &e));
    mn_tok_hash(tok, x);
    bool is = !v.file && v.tokens && mn_docform_same(&v.form, &form);
    if (is) mn_tok_hash(v.tokens, y), is = memcmp(x, y, 32) == 0;
    mn_cmd_vocabulary_release(&v);
    mn_arena_release(&a);
    return is;
}

static void an_open_model_is_named_by_name_folder_file_or_tokenizer(void **state)
{
    (void)state;
    mn_model *m;
    OK(is_open("tiny") && is_open(base));
    OK(is_open(at("models/tiny/tokenizer.json")));
    RUN(mn_model_open(base, &m, &e));
    RUN(mn_model_export_gguf(m, at("tiny.gguf"), MN_Q_Q8_0, &e));
    mn_model_free(m);
    OK(is_open(at("tiny.gguf")));
    RUN(mn_model_import(at("tiny.gguf"), at("models/brought"), MN_STR_NONE, MN_STR_NONE, &e));
    OK(is_open("brought"));
}

static void ours_is_kept_byte_for_byte(void **state)
{
    (void)state;
    mn_arena a;
    mn_cmd_vocabulary v;
    char cmd[700];
    mn_arena_init(&a, 0);
    snprintf(cmd, sizeof cmd, "mkdir -p '%s' && cp '%s' '%s'", at("models/own"),
             at("corpus/tokenizer.json"), at("models/own/tokenizer.json"));
    OK(system(cmd) == 0);
    RUN(mn_cmd_vocabulary_find(dir, "own", &a, &v, &e)); /* its weights need not be there yet */
    OK(strcmp(v.file, at("models/own/tokenizer.json")) == 0 && v.form.ours && !v.tokens);
    mn_cmd_vocabulary_release(&v);
    RUN(mn_cmd_vocabulary_find(dir, at("corpus/tokenizer.json"), &a, &v, &e));
    OK(strcmp(v.file, at("corpus/tokenizer.json")) == 0 && v.form.ours);
    mn_cmd_vocabulary_release(&v);
    mn_arena_release(&a);
}

static void a_corpus_gives_its_form_with_its_tokens(void **state)
{
    (void)state;
    mn_arena a;
    mn_cmd_vocabulary v;
    mn_buf b;
    mn_json_writer w;
    char sha[65];
    mn_arena_init(&a, 0);
    RUN(mn_fs_mkdirs(at("corpus/open"), &e));
    open_tokens_save(tok, at("corpus/open"));
    memset(sha, 'a', 64), sha[64] = 0;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "format", "mynah-corpus");
    mn_jw_ku64(&w, "version", 1);
    mn_jw_kstrz(&w, "sha256", sha);
    mn_docform_put(&form, &w);
    mn_jw_object_end(&w);
    RUN(mn_fs_write_atomic(at("corpus/open/manifest.json"), b.ptr, b.len, &e));
    RUN(mn_cmd_vocabulary_find(dir, "open", &a, &v, &e));
    OK(strcmp(v.file, at("corpus/open/tokenizer.json")) == 0 && !v.tokens);
    OK(mn_docform_same(&v.form, &form));
    mn_cmd_vocabulary_release(&v);
    RUN(mn_fs_write_atomic(at("corpus/open/manifest.json"), "{}", 2, &e));
    FAILS(MN_E_CORRUPT, mn_cmd_vocabulary_find(dir, "open", &a, &v, &e));
    mn_buf_release(&b);
    mn_arena_release(&a);
}

static void what_has_no_vocabulary_is_said(void **state)
{
    (void)state;
    mn_arena a;
    mn_cmd_vocabulary v;
    mn_arena_init(&a, 0);
    FAILS(MN_E_NOT_FOUND, mn_cmd_vocabulary_find(dir, "nobody", &a, &v, &e));
    OK(strstr(e.msg, "'nobody'") && strstr(e.msg, "GGUF"));
    FAILS(MN_E_NOT_FOUND, mn_cmd_vocabulary_find(dir, "", &a, &v, &e));
    RUN(mn_fs_mkdirs(at("alone"), &e));
    RUN(mn_tok_save(tok, at("alone/tokenizer.json"), &e)); /* says not what ends a text */
    FAILS(MN_E_UNSUPPORTED,
          mn_cmd_vocabulary_find(dir, at("alone/tokenizer.json"), &a, &v, &e));
    RUN(mn_fs_write_atomic(at("alone/tokenizer.json"), "{", 1, &e));
    FAILS(MN_E_PARSE, mn_cmd_vocabulary_find(dir, at("alone/tokenizer.json"), &a, &v, &e));
    mn_arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_open_model_is_named_by_name_folder_file_or_tokenizer),
        TEST(ours_is_kept_byte_for_byte),
        TEST(a_corpus_gives_its_form_with_its_tokens),
        TEST(what_has_no_vocabulary_is_said),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

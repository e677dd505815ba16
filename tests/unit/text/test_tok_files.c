/* tokenizer.json of other families, Hugging Face folders, and prompts. What the ids should be stands in test_tok_families.c. */
#include "test.h"

#include "base/hash.h"
#include "text/tokenizer.h"

#define PIECES                                                                                 \
    "\"type\":\"BPE\",\"unk_token\":\"<unk>\",\"fuse_unk\":true,\"vocab\":{\"<unk>\":0,"       \
    "\"<s>\":1,\"</s>\":2,\"\\u2581\":3,\"h\":4,\"i\":5,\"hi\":6,\"\\u2581hi\":7},"            \
    "\"merges\":[\"h i\",\"\\u2581 hi\"]"
#define LETTERS "\"type\":\"BPE\",\"vocab\":{\"h\":0,\"i\":1,\"hi\":2},\"merges\":[\"h i\"]"
#define BLANKS  "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\\u2581\"}"
#define PREPEND "{\"type\":\"Prepend\",\"prepend\":\"\\u2581\"}"
#define DECODER                                                                                \
    "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":"      \
    "\"\\u2581\"},\"content\":\" \"},{\"type\":\"Fuse\"}]}"
#define BYTE_LEVEL "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true}"

static mn_rc parse(const char *model, const char *steps, mn_tokenizer **ret, mn_err *e)
{
    char json[4096];
    snprintf(json, sizeof json,
             "{\"version\":\"1.0\",\"added_tokens\":[{\"id\":1,\"content\":\"<s>\",\"special\":"
             "true}],\"model\":{%s},%s}",
             model, steps);
    if (!strstr(model, "unk_token")) /* no <s> in that vocabulary */
        snprintf(json, sizeof json, "{\"model\":{%s},%s}", model, steps);
    return mn_tok_parse(mn_str_from(json), ret, e);
}

static const char *words_of(const mn_ids *ids)
{
    static char ret[4096];
    size_t at = 0;
    ret[0] = '\0';
    for (size_t i = 0; i < ids->n; i++)
        at += (size_t)snprintf(ret + at, sizeof ret - at, i ? " %u" : "%u", ids->ptr[i]);
    return ret;
}

static const char *ids_of(const mn_tokenizer *t, const char *text, bool special)
{
    mn_ids ids = {0};
    mn_str s = mn_str_from(text);
    assert_int_equal(
        special ? mn_tok_encode_special(t, s, &ids) : mn_tok_encode(t, NULL, s, &ids), MN_OK);
    const char *ret = words_of(&ids);
    mn_ids_release(&ids);
    return ret;
}

static void blanks_may_be_the_normalizers_or_metaspaces(void **state)
{
    static const struct {
        const char *steps, *text, *ids;
    } cases[] = {
        {"\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[" PREPEND "," BLANKS
         "]},\"decoder\":" DECODER,
         "hi hi", "7 7"},
        {"\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[" PREPEND "," BLANKS
         "]},\"decoder\":" DECODER,
         " hi<s>hi", "3 7 1 7"},
        {"\"normalizer\":" BLANKS ",\"decoder\":" DECODER, "hi hi<s>hi", "6 7 1 6"},
        {"\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\\u2581\",\"prepend_"
         "scheme\":\"first\",\"split\":false},\"decoder\":" DECODER,
         "hi<s>hi", "7 1 6"},
        {"\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\\u2581\",\"prepend_"
         "scheme\":\"always\"},\"decoder\":" DECODER,
         " hi<s>hi", "7 1 7"},
        {"\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\\u2581\",\"add_prefix_"
         "space\":true},\"decoder\":" DECODER,
         "hi", "7"},
        {"\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\\u2581\",\"prepend_"
         "scheme\":\"never\"},\"decoder\":" DECODER,
         "hi  hi", "6 3 7"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mn_err e = {0};
        mn_tokenizer *t;
        RUN(parse(PIECES, cases[i].steps, &t, &e));
        assert_string_equal(ids_of(t, cases[i].text, true), cases[i].ids);
        mn_tok_free(t);
    }
}

static void what_would_give_other_ids_is_refused_by_name(void **state)
{
    static const struct {
        const char *model, *steps, *named;
    } cases[] = {
        {PIECES, "\"decoder\":" DECODER, "Metaspace"},
        {PIECES, "\"normalizer\":" BLANKS, "decoder"},
        {PIECES,
         "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[" BLANKS
         ",{\"type\":\"NFC\"}]},\"decoder\":" DECODER,
         "NFC"},
        {PIECES, "\"normalizer\":{\"type\":\"NFKC\"},\"decoder\":" DECODER, "NFKC"},
        {PIECES, "\"normalizer\":{\"type\":\"Prepend\",\"prepend\":\"x\"},\"decoder\":" DECODER,
         "Prepend"},
        {PIECES,
         "\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"x\"},\"content\":"
         "\"\\u2581\"},\"decoder\":" DECODER,
         "Replace"},
        {PIECES,
         "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Sequence\","
         "\"normalizers\":[]}]},\"decoder\":" DECODER,
         "Sequence"},
        {PIECES,
         "\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AAAA\"},"
         "\"decoder\":" DECODER,
         "Precompiled"},
        {PIECES ",\"ignore_merges\":true", "\"normalizer\":" BLANKS ",\"decoder\":" DECODER,
         "ignore_merges"},
        {PIECES, "\"normalizer\":" BLANKS ",\"decoder\":{\"type\":\"ByteLevel\"}", "decoder"},
        {PIECES, "\"normalizer\":" BLANKS ",\"decoder\":{\"type\":\"CTC\"}", "CTC"},
        {PIECES,
         "\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\\u2581\",\"prepend_"
         "scheme\":\"often\"},\"decoder\":" DECODER,
         "often"},
        {"\"type\":\"BPE\",\"unk_token\":\"<unk>\",\"vocab\":{\"<unk>\":0,\"<s>\":1},"
         "\"merges\":[]",
         "\"normalizer\":" BLANKS ",\"decoder\":" DECODER, "fuse_unk"},
        {LETTERS, "\"pre_tokenizer\":" BYTE_LEVEL ",\"normalizer\":" BLANKS, "blanks"},
        {LETTERS, "\"pre_tokenizer\":" BYTE_LEVEL ",\"decoder\":" DECODER, "decoder"},
        {LETTERS,
         "\"pre_tokenizer\":" BYTE_LEVEL ",\"post_processor\":{\"type\":\"BertProcessing\"}",
         "BertProcessing"},
        {LETTERS,
         "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\","
         "\"pattern\":{\"Regex\":\"\\\\d\"},\"behavior\":\"Isolated\"}," BYTE_LEVEL "]}",
         "\\d"},
        {LETTERS,
         "\"pre_tokenizer\":" BYTE_LEVEL
         ",\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{"
         "\"id\":\"h\"}},{\"SpecialToken\":{\"id\":\"h\"}},"
         "{\"Sequence\":{\"id\":\"A\"}}],\"special_tokens\":{\"h\":{\"ids\":[0]}}}",
         "more than one"},
        {LETTERS,
         "\"pre_tokenizer\":" BYTE_LEVEL ",\"post_processor\":{\"type\":\"TemplateProcessing\","
         "\"single\":[{\"SpecialToken\":{\"id\":\"h\"}},"
         "{\"Sequence\":{\"id\":\"A\"}}],\"special_tokens\":{\"h\":{\"ids\":[0,1]}}}",
         "not one token"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mn_err e = {0};
        mn_tokenizer *t = NULL;
        mn_rc rc = parse(cases[i].model, cases[i].steps, &t, &e);
        if (rc != MN_E_UNSUPPORTED || t || !strstr(e.msg, cases[i].named))
            fail_msg("%s: %s, '%s'", cases[i].steps, mn_rc_name(rc), e.msg);
    }
}

static void deep_or_long_files_end_in_one_error(void **state)
{
    enum { DEEP = 100000 };
    char *json = malloc(DEEP + 64);
    mn_err e = {0};
    mn_tokenizer *t = NULL;
    (void)state;
    size_t n = (size_t)sprintf(json, "{\"normalizer\":");
    memset(json + n, '[', DEEP);
    FAILS(MN_E_LIMIT, mn_tok_parse((mn_str){json, n + DEEP}, &t, &e));
    n = (size_t)sprintf(json, "{\"added_tokens\":[{\"id\":3,\"content\":\"");
    memset(json + n, 'x', 5000);
    n += 5000;
    n += (size_t)sprintf(json + n,
                         "\"}],\"pre_tokenizer\":" BYTE_LEVEL ",\"model\":{" LETTERS "}}");
    FAILS(MN_E_LIMIT, mn_tok_parse((mn_str){json, n}, &t, &e));
    OK(!t && strstr(e.msg, "5000 bytes"));
    free(json);
}

/* ---- prompts --------------------------------------------------------------------------------------------------- */

#define FLAG(name, value) ",\"" name "\":" value
#define TOKEN(id, content, flags)                                                              \
    "{\"id\":" id ",\"content\":\"" content "\",\"special\":true" flags "}"
static mn_tokenizer *with_flags(void)
{
    mn_err e = {0};
    mn_tokenizer *t;
    RUN(mn_tok_parse(
        MN_STR(
            "{\"added_tokens\":[" TOKEN("10", "<l>", FLAG("lstrip", "true")) "," TOKEN("11", "<r>", FLAG("rstrip", "true")) "," TOKEN(
                "12", "word",
                FLAG(
                    "single_word",
                    "true")) "," TOKEN("13", "<n>",
                                       FLAG(
                                           "normalized",
                                           "true")) "," TOKEN("14", "<n><",
                                                              "") "," TOKEN("15", "<x>",
                                                                            "") "],\"pre_"
                                                                                "tokenizer\""
                                                                                ":" BYTE_LEVEL
                                                                                ",\"model\":{"
                                                                                "\"type\":"
                                                                                "\"BPE\","
                                                                                "\"vocab\":{"
                                                                                "\"a\":0,"
                                                                                "\"\\u0120\":1,"
                                                                                "\"w\":2,\"o\":"
                                                                                "3,\"r\":4,"
                                                                                "\"d\":5,\"<\":"
                                                                                "6,\"x\":7,\">"
                                                                                "\":8,\"n\":9},"
                                                                                "\"merges\":[]}"
                                                                                "}"),
        &t, &e));
    return t;
}

static void added_tokens_are_found_as_their_flags_say(void **state)
{
    mn_tokenizer *t = with_flags();
    (void)state;
    assert_string_equal(ids_of(t, "a  <l>  a", true), "0 10 1 1 0");
    assert_string_equal(ids_of(t, "a  <r>  a", true), "0 1 1 11 0");
    assert_string_equal(ids_of(t, "<r> <l>", true), "11 10");
    assert_string_equal(ids_of(t, "word", true), "12");
    assert_string_equal(ids_of(t, "a word<", true), "0 1 12 6");
    assert_string_equal(ids_of(t, "aword", true), "0 2 3 4 5");
    assert_string_equal(ids_of(t, "words word", true), "2 3 4 5 1 12");
    assert_string_equal(ids_of(t, "<n>a", true), "13 0");
    assert_string_equal(
        ids_of(t, "<n><x>", true),
        "14 7 8"); /* those that are not normalised go first, the leftmost wins */
    assert_string_equal(ids_of(t, "<n>", false), "6 9 8");
    mn_tok_free(t);
}

static const char *prompt_ids(const mn_tokenizer *t, const char *text,
                              const mn_tok_plain *plain, size_t n)
{
    mn_ids ids = {0};
    assert_int_equal(mn_tok_encode_prompt(t, mn_str_from(text), plain, n, &ids), MN_OK);
    const char *ret = words_of(&ids);
    mn_ids_release(&ids);
    return ret;
}

static void what_people_wrote_holds_no_added_tokens(void **state)
{
    mn_tokenizer *t = with_flags();
    (void)state;
    assert_string_equal(prompt_ids(t, "<x>a<x>a<x>", NULL, 0), "15 0 15 0 15");
    assert_string_equal(prompt_ids(t, "<x>a<x>a<x>", (mn_tok_plain[]){{3, 8}}, 1),
                        "15 0 6 7 8 0 15");
    assert_string_equal(prompt_ids(t, "<x>a<x>a<x>", (mn_tok_plain[]){{0, 11}}, 1),
                        "6 7 8 0 6 7 8 0 6 7 8");
    assert_string_equal(prompt_ids(t, "<x>a<x>", (mn_tok_plain[]){{0, 1}, {6, 7}}, 2),
                        "6 7 8 0 6 7 8"); /* one byte is enough */
    assert_string_equal(prompt_ids(t, "<x>a<x>", (mn_tok_plain[]){{3, 3}, {4, 4}}, 2),
                        "15 0 15"); /* empty ones are none */
    assert_string_equal(prompt_ids(t, "<x>", (mn_tok_plain[]){{3, 90}}, 1), "15");
    assert_string_equal(prompt_ids(t, "<n>a<n>", (mn_tok_plain[]){{3, 4}}, 1),
                        "6 9 8 0 6 9 8"); /* nor normalised ones beside it */
    assert_string_equal(prompt_ids(t, "<x>  <l>", (mn_tok_plain[]){{3, 4}}, 1),
                        "15 1 10"); /* white space of others is kept */
    assert_string_equal(prompt_ids(t, "<r>  <x>", (mn_tok_plain[]){{4, 5}}, 1), "11 1 15");
    mn_tok_free(t);
}

static void plain_stretches_anywhere_change_only_added_tokens(void **state)
{
    mn_tokenizer *t = with_flags();
    (void)state;
    for (uint64_t seed = 0; seed < 5000; seed++) {
        char text[64];
        mn_tok_plain plain[4];
        mn_ids a = {0}, b = {0};
        size_t n = mn_rand_at(seed, 0, 0) % sizeof text, at = 0, k = 0;
        for (size_t i = 0; i < n; i++) text[i] = "<x>a<n>"[mn_rand_at(seed, 1, i) % 7];
        for (; k < 4 && at < n; k++) {
            plain[k].from = at + mn_rand_at(seed, 2, k) % 9;
            plain[k].to = at = plain[k].from + mn_rand_at(seed, 3, k) % 9;
        }
        assert_int_equal(mn_tok_encode_prompt(t, (mn_str){text, n}, plain, k, &a), MN_OK);
        size_t length = 0;
        for (size_t i = 0; i < a.n; i++) {
            mn_str bytes = mn_tok_bytes(t, a.ptr[i]);
            OK(length + bytes.len <= n && memcmp(text + length, bytes.ptr, bytes.len) == 0);
            for (size_t p = 0; p < k && mn_tok_is_special(t, a.ptr[i]); p++)
                OK(plain[p].to <= plain[p].from || plain[p].to <= length ||
                   plain[p].from >= length + bytes.len);
            length += bytes.len;
        }
        assert_int_equal(length, n);
        mn_tok_plain whole = {0, n};
        mn_ids_clear(&a);
        assert_int_equal(mn_tok_encode_prompt(t, (mn_str){text, n}, &whole, 1, &a), MN_OK);
        assert_int_equal(mn_tok_encode(t, NULL, (mn_str){text, n}, &b), MN_OK);
        OK(a.n == b.n && (!a.n || memcmp(a.ptr, b.ptr, a.n * sizeof *a.ptr) == 0));
        mn_ids_release(&a);
        mn_ids_release(&b);
    }
    mn_tok_free(t);
}

/* ---- folders --------------------------------------------------------------------------------------------------- */

static void put(const char *dir, const char *name, const char *text)
{
    char path[128];
    mn_err e = {0};
    snprintf(path, sizeof path, "%s/%s", dir, name);
    RUN(mn_fs_write_atomic(path, text, strlen(text), &e));
}

static void copy(const char *dir, const char *from, const char *name)
{
    char path[128];
    mn_err e = {0};
    mn_buf b;
    mn_buf_init(&b, 0);
    RUN(mn_fs_read(from, 1 << 24, &b, &e));
    snprintf(path, sizeof path, "%s/%s", dir, name);
    RUN(mn_fs_write_atomic(path, b.ptr, b.len, &e));
    mn_buf_release(&b);
}

static uint32_t begins(const char *dir, const char *config)
{
    mn_err e = {0};
    mn_tokenizer *t;
    put(dir, "tokenizer_config.json", config);
    RUN(mn_tok_load_dir(dir, &t, &e));
    uint32_t ret = mn_tok_begin(t);
    mn_tok_free(t);
    return ret;
}

static void a_folders_configuration_decides_how_texts_begin(void **state)
{
    char dir[64];
    mn_err e = {0};
    mn_tokenizer *t = NULL;
    (void)state;
    test_tmp(dir);
    FAILS(MN_E_NOT_FOUND, mn_tok_load_dir(dir, &t, &e));
    copy(dir, "tests/data/tokenizer/sp.model", "tokenizer.model");
    RUN(mn_tok_load_dir(dir, &t, &e));
    assert_int_equal(mn_tok_begin(t), 1); /* transformers' way with SentencePiece */
    mn_tok_free(t);
    t = NULL;
    assert_int_equal(begins(dir, "{\"add_bos_token\":false}"), UINT32_MAX);
    assert_int_equal(begins(dir, "{\"bos_token\":{\"content\":\"</s>\"}}"), 2);
    copy(dir, "tests/data/tokenizer/golden.json", "tokenizer.json"); /* goes first */
    assert_int_equal(begins(dir, "{}"), UINT32_MAX);
    assert_int_equal(begins(dir, "{\"add_bos_token\":true}"), MN_TOK_START);
    assert_int_equal(begins(dir, "{\"add_bos_token\":true,\"bos_token\":\"<|quote|>\"}"),
                     MN_TOK_QUOTE);
    assert_int_equal(
        begins(dir, "{\"tokenizer_class\":\"LlamaTokenizer\",\"bos_token\":\"<|quote|>\"}"),
        UINT32_MAX);
    copy(dir, "tests/data/tokenizer/first.json", "tokenizer.json");
    assert_int_equal(
        begins(dir, "{\"tokenizer_class\":\"LlamaTokenizerFast\",\"bos_token\":\"<s>\"}"), 1);
    copy(dir, "tests/data/tokenizer/gpt2.json", "tokenizer.json");
    put(dir, "tokenizer_config.json",
        "{\"add_eos_token\":true,\"eos_token\":\"no such token\"}");
    FAILS(MN_E_PARSE, mn_tok_load_dir(dir, &t, &e));
    OK(!t && strstr(e.msg, "add_eos_token"));
    put(dir, "tokenizer_config.json", "[1");
    FAILS(MN_E_PARSE, mn_tok_load_dir(dir, &t, &e));
    OK(!t && strstr(e.msg, "tokenizer_config.json"));
    test_tmp_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(blanks_may_be_the_normalizers_or_metaspaces),
        TEST(what_would_give_other_ids_is_refused_by_name),
        TEST(deep_or_long_files_end_in_one_error),
        TEST(added_tokens_are_found_as_their_flags_say),
        TEST(what_people_wrote_holds_no_added_tokens),
        TEST(plain_stretches_anywhere_change_only_added_tokens),
        TEST(a_folders_configuration_decides_how_texts_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

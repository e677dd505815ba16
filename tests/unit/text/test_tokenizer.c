#include "test.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/thread.h"
#include "text/tokenizer.h"

static mn_tokenizer *trained(const char *const *texts, size_t n, uint32_t vocab)
{
    mn_err e = {0};
    mn_tok_trainer *t;
    mn_tokenizer *ret;
    RUN(mn_tok_trainer_new(&t, &e));
    for (size_t i = 0; i < n; i++) RUN(mn_tok_trainer_add(t, mn_str_from(texts[i]), &e));
    RUN(mn_tok_trainer_finish(t, vocab, &ret, &e));
    mn_tok_trainer_free(t);
    return ret;
}

static mn_tokenizer *small(void)
{
    static const char *const texts[] = {
        "the baker bakes the bread the street smells of",
        "the bread of the baker is the best bread of the street",
        "1234 1234 le pain de la rue, le pain du jour, 🥖🥖🥖",
    };
    return trained(texts, 3, 480);
}

/* The ids of text as words, "id id id". */
static const char *ids_of(const mn_tokenizer *t, const char *text, bool special)
{
    static char ret[4096];
    mn_ids ids = {0};
    size_t at = 0;
    mn_str s = mn_str_from(text);
    ret[0] = '\0';
    assert_int_equal(
        special ? mn_tok_encode_special(t, s, &ids) : mn_tok_encode(t, NULL, s, &ids), MN_OK);
    for (size_t i = 0; i < ids.n; i++)
        at += (size_t)snprintf(ret + at, sizeof ret - at, i ? " %u" : "%u", ids.ptr[i]);
    mn_ids_release(&ids);
    return ret;
}

static void round_trip(const mn_tokenizer *t, mn_tok_cache *c, mn_str text)
{
    mn_ids ids = {0};
    mn_buf back;
    mn_buf_init(&back, 0);
    assert_int_equal(mn_tok_encode(t, c, text, &ids), MN_OK);
    for (size_t i = 0; i < ids.n; i++) OK(!mn_tok_is_special(t, ids.ptr[i]));
    assert_int_equal(mn_tok_decode(t, ids.ptr, ids.n, false, &back), MN_OK);
    assert_int_equal(back.len, text.len);
    if (text.len) assert_memory_equal(back.ptr, text.ptr, text.len);
    mn_ids_release(&ids);
    mn_buf_release(&back);
}

/* ---- what is promised of special tokens --------------------------------------------------------------------- */

static void special_tokens_stand_at_their_ids(void **state)
{
    mn_tokenizer *t = small();
    (void)state;
    OK(mn_tok_is_ours(t));
    IS(mn_tok_bytes(t, MN_TOK_START), "<|start|>");
    IS(mn_tok_bytes(t, MN_TOK_END), "<|end|>");
    IS(mn_tok_bytes(t, MN_TOK_REPLY), "<|reply|>");
    IS(mn_tok_bytes(t, MN_TOK_QUOTE), "<|quote|>");
    IS(mn_tok_bytes(t, MN_TOK_PAD), "<|pad|>");
    IS(mn_tok_bytes(t, MN_TOK_YEAR0), "<|time:2005|>");
    IS(mn_tok_bytes(t, MN_TOK_YEAR0 + 39), "<|time:2044|>");
    IS(mn_tok_bytes(t, MN_TOK_MONTH0), "<|month:01|>");
    IS(mn_tok_bytes(t, MN_TOK_MONTH0 + 11), "<|month:12|>");
    IS(mn_tok_bytes(t, MN_TOK_LANG0), "<|lang:und|>");
    IS(mn_tok_bytes(t, MN_TOK_LANG0 + 1), "<|lang:en|>");
    assert_int_equal(mn_tok_find(t, MN_STR("<|month:12|>")), MN_TOK_LANG0 - 1);
    for (uint32_t id = 0; id < mn_tok_vocab(t); id++) {
        assert_int_equal(mn_tok_is_special(t, id), id < MN_TOK_SPECIALS);
        assert_int_equal(mn_tok_find(t, mn_tok_bytes(t, id)), id);
    }
    OK(mn_tok_bytes(t, mn_tok_vocab(t)).ptr == NULL);
    OK(!mn_tok_is_special(t, UINT32_MAX));
    assert_int_equal(mn_tok_find(t, MN_STR("no such token")), UINT32_MAX);
    assert_int_equal(mn_tok_find(t, MN_STR("")), UINT32_MAX);
    mn_tok_free(t);
}

static void only_start_pad_time_and_language_are_conditions(void **state)
{
    (void)state;
    OK(mn_tok_is_condition(MN_TOK_START) && mn_tok_is_condition(MN_TOK_PAD));
    OK(mn_tok_is_condition(MN_TOK_YEAR0) && mn_tok_is_condition(MN_TOK_SPECIALS - 1));
    OK(!mn_tok_is_condition(MN_TOK_END) && !mn_tok_is_condition(MN_TOK_REPLY));
    OK(!mn_tok_is_condition(MN_TOK_QUOTE) && !mn_tok_is_condition(MN_TOK_SPECIALS));
}

static void years_and_months_are_clamped_to_their_tokens(void **state)
{
    int64_t ms;
    (void)state;
    assert_int_equal(mn_time_from_civil(2026, 11, 21, 20, 0, 0, &ms), MN_OK);
    assert_int_equal(mn_tok_year(ms), MN_TOK_YEAR0 + 21);
    assert_int_equal(mn_tok_month(ms), MN_TOK_MONTH0 + 10);
    assert_int_equal(mn_tok_year(0), MN_TOK_YEAR0);
    assert_int_equal(mn_tok_month(0), MN_TOK_MONTH0);
    assert_int_equal(mn_tok_year(INT64_MIN), MN_TOK_YEAR0);
    assert_int_equal(mn_tok_year(INT64_MAX), MN_TOK_MONTH0 - 1);
    OK(mn_tok_month(INT64_MAX) < MN_TOK_LANG0 && mn_tok_month(INT64_MIN) >= MN_TOK_MONTH0);
    assert_int_equal(mn_time_from_civil(2045, 1, 1, 0, 0, 0, &ms), MN_OK);
    assert_int_equal(mn_tok_year(ms), MN_TOK_YEAR0 + 39);
}

static void the_primary_subtag_decides_the_language_token(void **state)
{
    (void)state;
    assert_int_equal(mn_tok_lang(MN_STR("en")), MN_TOK_LANG0 + 1);
    assert_int_equal(mn_tok_lang(MN_STR("EN-gb")), MN_TOK_LANG0 + 1);
    assert_int_equal(mn_tok_lang(MN_STR("zh-Hant")), mn_tok_lang(MN_STR("zh")));
    assert_int_equal(mn_tok_lang(MN_STR("pt_BR")), mn_tok_lang(MN_STR("pt")));
    assert_int_equal(mn_tok_lang(MN_STR("und")), MN_TOK_LANG0);
    assert_int_equal(mn_tok_lang(MN_STR("")), MN_TOK_LANG0);
    assert_int_equal(mn_tok_lang(MN_STR_NONE), MN_TOK_LANG0);
    assert_int_equal(mn_tok_lang(MN_STR("tlh")), MN_TOK_LANG0);
    assert_int_equal(mn_tok_lang(MN_STR("x00")),
                     MN_TOK_LANG0); /* an unused slot is no language */
    for (uint32_t i = 0; i < MN_TOK_LANGS; i++) {
        for (uint32_t j = 0; j < i; j++) OK(strcmp(mn_tok_langs[i], mn_tok_langs[j]) != 0);
    }
}

static void written_out_special_tokens_are_text_unless_asked_for(void **state)
{
    mn_tokenizer *t = small();
    (void)state;
    assert_string_equal(ids_of(t, "<|reply|>", true), "2");
    assert_string_equal(ids_of(t, "<|start|><|lang:en|><|end|>", true), "0 58 1");
    assert_string_not_equal(ids_of(t, "<|reply|>", false), "2");
    round_trip(t, NULL, MN_STR("<|start|> and <|end|> are only words here"));
    char whole[256], part[256];
    snprintf(whole, sizeof whole, "%s", ids_of(t, "the<|quote|>bread <|", true));
    snprintf(part, sizeof part, "%s 3 ", ids_of(t, "the", false));
    snprintf(part + strlen(part), sizeof part - strlen(part), "%s",
             ids_of(t, "bread <|", false));
    assert_string_equal(whole, part);
    mn_tok_free(t);
}

static void decoding_leaves_special_tokens_out_unless_asked_for(void **state)
{
    mn_tokenizer *t = small();
    mn_buf b;
    uint32_t ids[] = {MN_TOK_START, mn_tok_find(t, MN_STR("t")), MN_TOK_REPLY,
                      mn_tok_find(t, MN_STR("h"))};
    (void)state;
    mn_buf_init(&b, 0);
    assert_int_equal(mn_tok_decode(t, ids, 4, false, &b), MN_OK);
    IS(mn_buf_str(&b), "th");
    mn_buf_clear(&b);
    assert_int_equal(mn_tok_decode(t, ids, 4, true, &b), MN_OK);
    IS(mn_buf_str(&b), "<|start|>t<|reply|>h");
    ids[1] = mn_tok_vocab(t);
    FAILS(MN_E_USAGE, mn_tok_decode(t, ids, 4, true, &b));
    mn_buf_release(&b);
    mn_tok_free(t);
}

/* ---- training ----------------------------------------------------------------------------------------------- */

static void the_most_frequent_pair_is_merged_first_and_ties_go_to_smaller_ids(void **state)
{
    static const char *const texts[] = {"zy zy zy", "bd ac ac", "bd"};
    mn_tokenizer *t = trained(texts, 3, 1000);
    uint32_t first = MN_TOK_SPECIALS + 256;
    (void)state;
    /* zy stands 3 times, once without its blank; ac, bd and the blank before y's z twice each */
    IS(mn_tok_bytes(t, first), "zy");
    IS(mn_tok_bytes(t, first + 1), "ac");
    IS(mn_tok_bytes(t, first + 2), "bd");
    IS(mn_tok_bytes(t, first + 3), " zy");
    IS(mn_tok_bytes(t, first + 4), " ac");
    assert_int_equal(mn_tok_vocab(t), first + 5);
    mn_tok_free(t);
}

static void runs_are_merged_from_the_left(void **state)
{
    static const char *const texts[] = {"aaaaaaa", "aaaaaaa"};
    mn_tokenizer *t = trained(texts, 2, 1000);
    uint32_t first = MN_TOK_SPECIALS + 256;
    (void)state;
    IS(mn_tok_bytes(t, first), "aa");
    IS(mn_tok_bytes(t, first + 1), "aaaa");
    IS(mn_tok_bytes(t, first + 2), "aaa"); /* aa a, the smaller ids, before aaaa aaa */
    IS(mn_tok_bytes(t, first + 3), "aaaaaaa");
    assert_int_equal(mn_tok_vocab(t), first + 4);
    mn_tok_free(t);
}

static void nothing_that_occurs_once_is_merged(void **state)
{
    static const char *const texts[] = {"abc def"};
    mn_tokenizer *t = trained(texts, 1, 5000);
    (void)state;
    assert_int_equal(mn_tok_vocab(t), MN_TOK_SPECIALS + 256);
    round_trip(t, NULL, MN_STR("abc def"));
    mn_tok_free(t);
}

static void no_text_at_all_gives_the_bytes(void **state)
{
    mn_tokenizer *t = trained(NULL, 0, 400);
    (void)state;
    assert_int_equal(mn_tok_vocab(t), MN_TOK_SPECIALS + 256);
    OK(mn_tok_is_ours(t));
    mn_tok_free(t);
}

static void the_order_of_the_texts_does_not_matter(void **state)
{
    static const char *const one[] = {"the baker", "bakes bread", "the bread",
                                      "a baker, the baker"};
    static const char *const two[] = {"a baker, the baker", "the bread", "the baker",
                                      "bakes bread"};
    mn_tokenizer *a = trained(one, 4, 500), *b = trained(two, 4, 500);
    uint8_t x[32], y[32];
    (void)state;
    mn_tok_hash(a, x);
    mn_tok_hash(b, y);
    assert_memory_equal(x, y, 32);
    mn_tok_free(b);
    b = trained(one, 3, 500);
    mn_tok_hash(b, y);
    assert_memory_not_equal(x, y, 32);
    mn_tok_free(a);
    mn_tok_free(b);
}

/* Training done slowly and plainly: all pieces as lists of ids, every pair counted anew for every merge. */
enum { PLAIN_BYTES = 600 };
static void it_does_not_matter_who_counted_what(void **state)
{
    (void)state;
    static const char *const texts[] = {"the cat sat on the mat", "the other cat", "",
                                        "mats and cats and hats", "a hat on the cat"};
    enum { N = sizeof texts / sizeof *texts };
    uint8_t one[32], many[32];
    mn_err e = {0};
    mn_tok_trainer *t[3];
    mn_tokenizer *tok;
    for (int shares = 1; shares <= 3; shares += 2) {
        for (int k = 0; k < shares; k++) RUN(mn_tok_trainer_new(&t[k], &e));
        for (int i = N - 1; i >= 0; i--)
            RUN(mn_tok_trainer_add(t[i % shares], mn_str_from(texts[i]), &e));
        for (int k = 1; k < shares; k++) {
            RUN(mn_tok_trainer_absorb(t[0], t[k], &e));
            mn_tok_trainer_free(t[k]); /* what was absorbed is t[0]'s own */
        }
        RUN(mn_tok_trainer_finish(t[0], MN_TOK_SPECIALS + 256 + 12, &tok, &e));
        OK(mn_tok_vocab(tok) == MN_TOK_SPECIALS + 256 + 12);
        mn_tok_hash(tok, shares == 1 ? one : many);
        mn_tok_free(tok);
        mn_tok_trainer_free(t[0]);
    }
    assert_memory_equal(one, many, 32);
}

static void counts_kept_during_training_agree_with_counting_anew(void **state)
{
    const uint32_t base = MN_TOK_SPECIALS + 256;
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        char text[PLAIN_BYTES + 1];
        const char *const texts[] = {text};
        uint32_t ids[PLAIN_BYTES];
        size_t n = PLAIN_BYTES;
        for (size_t i = 0; i < n;
             i++) /* one word of few letters: runs and overlaps everywhere */
            text[i] = (char)('a' + mn_rand_at(seed, 1, i) % (2 + seed % 4));
        text[n] = '\0';
        mn_tokenizer *t = trained(texts, 1, 600);
        for (size_t i = 0; i < n; i++) ids[i] = mn_tok_find(t, (mn_str){text + i, 1});
        for (uint32_t id = base; id < mn_tok_vocab(t); id++) {
            uint32_t left = 0, right = 0;
            size_t best = 1;
            for (size_t i = 0; i + 1 < n; i++) {
                size_t count = 0;
                for (size_t j = 0; j + 1 < n; j++)
                    count += ids[j] == ids[i] && ids[j + 1] == ids[i + 1];
                bool smaller = ids[i] < left || (ids[i] == left && ids[i + 1] < right);
                if (count > best || (count == best && count > 1 && smaller))
                    best = count, left = ids[i], right = ids[i + 1];
            }
            OK(best >= 2);
            mn_str l = mn_tok_bytes(t, left), r = mn_tok_bytes(t, right),
                   got = mn_tok_bytes(t, id);
            assert_int_equal(got.len, l.len + r.len);
            assert_memory_equal(got.ptr, l.ptr, l.len);
            assert_memory_equal(got.ptr + l.len, r.ptr, r.len);
            size_t k = 0;
            for (size_t i = 0; i < n; k++) {
                bool here = i + 1 < n && ids[i] == left && ids[i + 1] == right;
                ids[k] = here ? id : ids[i];
                i += here ? 2 : 1;
            }
            n = k;
        }
        mn_tok_free(t);
    }
}

static void a_vocabulary_that_cannot_be_is_refused(void **state)
{
    static const uint32_t wrong[] = {0, 256, MN_TOK_SPECIALS + 255, 65537, UINT32_MAX};
    mn_err e = {0};
    mn_tok_trainer *t;
    mn_tokenizer *tok = NULL;
    (void)state;
    RUN(mn_tok_trainer_new(&t, &e));
    for (size_t i = 0; i < 5; i++) {
        FAILS(MN_E_USAGE, mn_tok_trainer_finish(t, wrong[i], &tok, &e));
        OK(tok == NULL && strstr(e.msg, "must be 377 to 65536"));
    }
    mn_tok_trainer_free(t);
}

static mn_rc train_once(mn_err *e)
{
    mn_tok_trainer *t;
    mn_tokenizer *tok = NULL;
    MN_TRY(mn_tok_trainer_new(&t, e));
    mn_rc rc = mn_tok_trainer_add(t, MN_STR("the baker bakes the bread, the baker"), e);
    if (rc == MN_OK) rc = mn_tok_trainer_finish(t, 500, &tok, e);
    OK((rc == MN_OK) == (tok != NULL));
    mn_tok_free(tok);
    mn_tok_trainer_free(t);
    return rc;
}

static void training_says_when_memory_runs_out(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        mn_err e = {0};
        mn_mem_fail_after(n);
        mn_rc rc = train_once(&e);
        mn_mem_fail_after(0);
        if (rc == MN_OK) break;
        assert_int_equal(rc, MN_E_NOMEM);
        OK(strstr(e.msg, "out of memory") && n < 2000);
    }
}

/* ---- encoding ----------------------------------------------------------------------------------------------- */

static void every_byte_string_comes_back(void **state)
{
    mn_tokenizer *t = small();
    mn_tok_cache *c;
    mn_err e = {0};
    char text[256];
    (void)state;
    RUN(mn_tok_cache_new(&c, &e));
    round_trip(t, c, MN_STR(""));
    for (uint64_t seed = 0; seed < 20000; seed++) {
        size_t n = mn_rand_at(seed, 0, 0) % sizeof text;
        for (size_t i = 0; i < n; i++) {
            uint64_t r = mn_rand_at(seed, 1, i);
            text[i] = seed % 2 ? (char)r : "the bread' s1\n\xc3\xa9\xf0\x9f\xa5\x96"[r % 21];
        }
        round_trip(t, c, (mn_str){text, n});
    }
    mn_tok_cache_free(c);
    mn_tok_free(t);
}

static void a_cache_changes_nothing_even_between_tokenizers(void **state)
{
    static const char *const other[] = {"ab ab ab ab", "bakerstreet bakerstreet"};
    const char *text = "the baker's bread of the street, the bakerstreet ab 12 the baker's";
    mn_tokenizer *t[2] = {small(), trained(other, 2, 500)};
    mn_tok_cache *c;
    mn_err e = {0};
    (void)state;
    RUN(mn_tok_cache_new(&c, &e));
    for (int i = 0; i < 8; i++) {
        mn_ids with = {0}, without = {0};
        assert_int_equal(mn_tok_encode(t[i / 2 % 2], c, mn_str_from(text), &with), MN_OK);
        assert_int_equal(mn_tok_encode(t[i / 2 % 2], NULL, mn_str_from(text), &without), MN_OK);
        assert_int_equal(with.n, without.n);
        assert_memory_equal(with.ptr, without.ptr, with.n * sizeof *with.ptr);
        mn_ids_release(&with);
        mn_ids_release(&without);
    }
    mn_tok_cache_free(c);
    mn_tok_free(t[0]);
    mn_tok_free(t[1]);
}

/* The plain way to merge: the lowest rank anywhere, the leftmost first. Ranks are the order of ids in our tokenizers. */
static size_t merge_plainly(const mn_tokenizer *t, mn_str piece, uint32_t *ids)
{
    size_t n = piece.len;
    char both[8192];
    for (size_t i = 0; i < n; i++) ids[i] = mn_tok_find(t, (mn_str){piece.ptr + i, 1});
    for (;;) {
        uint32_t best = UINT32_MAX;
        size_t at = 0;
        for (size_t i = 0; i + 1 < n; i++) {
            mn_str l = mn_tok_bytes(t, ids[i]), r = mn_tok_bytes(t, ids[i + 1]);
            memcpy(both, l.ptr, l.len);
            memcpy(both + l.len, r.ptr, r.len);
            uint32_t id = mn_tok_find(t, (mn_str){both, l.len + r.len});
            if (id < best) best = id, at = i;
        }
        if (best == UINT32_MAX) return n;
        ids[at] = best;
        memmove(ids + at + 1, ids + at + 2, (n - at - 2) * sizeof *ids);
        n--;
    }
}

static void long_and_short_pieces_are_merged_by_the_same_rule(void **state)
{
    static const char *const texts[] = {"abababcabcaabbbaaacc", "abcabcabcabc", "aaaabbbbcccc",
                                        "cabbage"};
    mn_tokenizer *t = trained(texts, 4, 420);
    char text[400];
    uint32_t want[400];
    (void)state;
    for (uint64_t seed = 0; seed < 400; seed++) {
        size_t n = 1 + seed;
        if (n > sizeof text) break;
        for (size_t i = 0; i < n; i++) text[i] = (char)('a' + mn_rand_at(seed, 2, i) % 3);
        mn_ids got = {0};
        size_t k = merge_plainly(t, (mn_str){text, n}, want);
        assert_int_equal(mn_tok_encode(t, NULL, (mn_str){text, n}, &got), MN_OK);
        assert_int_equal(got.n, k);
        assert_memory_equal(got.ptr, want, k * sizeof *want);
        mn_ids_release(&got);
    }
    mn_tok_free(t);
}

static double encode_seconds(const mn_tokenizer *t, char fill, size_t n)
{
    char *text = malloc(n);
    mn_ids ids = {0};
    for (size_t i = 0; i < n; i++)
        text[i] = fill ? fill : (char)('a' + mn_rand_at(7, 7, i) % 26);
    double from = mn_thread_cpu_s();
    assert_int_equal(mn_tok_encode(t, NULL, (mn_str){text, n}, &ids), MN_OK);
    double s = mn_thread_cpu_s() - from;
    mn_ids_release(&ids);
    free(text);
    return s;
}

static void a_word_of_a_megabyte_takes_about_linear_time(void **state)
{
    static const char *const texts[] = {"aaaaaaaaaaaaaaaa", "the aa street a aaa",
                                        "aaaaaaaa the street"};
    mn_tokenizer *t = trained(texts, 3, 480);
    (void)state;
    OK(encode_seconds(t, 'a', 1 << 20) < 3); /* quadratic: minutes */
    OK(encode_seconds(t, '\0', 1 << 20) < 3);
    OK(encode_seconds(t, ' ', 1 << 20) < 3);
    OK(encode_seconds(t, '\n', 1 << 20) < 3);
    OK(encode_seconds(t, '\'', 1 << 20) < 3);
    OK(encode_seconds(t, '\xf0', 1 << 20) < 3);
    mn_tok_free(t);
}

static void training_on_a_word_of_a_megabyte_takes_about_linear_time(void **state)
{
    enum { N = 1 << 20 };
    mn_err e = {0};
    mn_tok_trainer *tr;
    mn_tokenizer *t;
    char *text = malloc(N);
    (void)state;
    for (size_t i = 0; i < N; i++) text[i] = (char)('a' + mn_rand_at(3, 3, i) % 20);
    double from = mn_thread_cpu_s();
    RUN(mn_tok_trainer_new(&tr, &e));
    RUN(mn_tok_trainer_add(tr, (mn_str){text, N}, &e));
    RUN(mn_tok_trainer_finish(tr, 4096, &t, &e));
    OK(mn_thread_cpu_s() - from < 10); /* a scan of the word for every merge: far more */
    assert_int_equal(mn_tok_vocab(t), 4096);
    mn_tok_trainer_free(tr);
    mn_tok_free(t);
    free(text);
}

static void encoding_appends_and_leaves_the_list_alone_when_it_fails(void **state)
{
    mn_tokenizer *t = small();
    char word[200];
    (void)state;
    memset(word, 'x', sizeof word); /* long enough for the heap */
    for (long n = 1;; n++) {
        mn_ids ids = {0};
        assert_int_equal(mn_ids_add(&ids, 77), MN_OK);
        mn_mem_fail_after(n);
        mn_rc rc = mn_tok_encode(t, NULL, (mn_str){word, sizeof word}, &ids);
        mn_mem_fail_after(0);
        OK(ids.n >= 1 && ids.ptr[0] == 77);
        if (rc != MN_OK) assert_int_equal(ids.n, 1);
        mn_ids_release(&ids);
        if (rc == MN_OK) break;
        assert_int_equal(rc, MN_E_NOMEM);
        OK(n < 20);
    }
    mn_tok_free(t);
}

typedef struct shared {
    mn_tokenizer *t;
    mn_tok_cache *caches[4];
    uint64_t sums[64];
} shared;

static void encode_part(void *arg, size_t part, int thread)
{
    shared *s = arg;
    mn_ids ids = {0};
    for (int i = 0; i < 50; i++) {
        mn_ids_clear(&ids);
        mn_tok_encode(s->t, s->caches[thread],
                      MN_STR("the baker bakes le pain du jour 12 🥖"), &ids);
        for (size_t k = 0; k < ids.n; k++) s->sums[part] = s->sums[part] * 31 + ids.ptr[k];
    }
    mn_ids_release(&ids);
}

static void threads_may_share_a_tokenizer(void **state)
{
    shared s = {.t = small()};
    mn_pool *p;
    mn_err e = {0};
    (void)state;
    for (int i = 0; i < 4; i++) RUN(mn_tok_cache_new(&s.caches[i], &e));
    RUN(mn_pool_new(4, &p, &e));
    mn_pool_run(p, 64, encode_part, &s);
    for (int i = 1; i < 64; i++) OK(s.sums[i] == s.sums[0] && s.sums[0]);
    mn_pool_free(p);
    for (int i = 0; i < 4; i++) mn_tok_cache_free(s.caches[i]);
    mn_tok_free(s.t);
}

/* ---- the file ----------------------------------------------------------------------------------------------- */

static void a_saved_tokenizer_is_loaded_the_same(void **state)
{
    char dir[64], path[96];
    mn_tokenizer *t = small(), *back;
    mn_err e = {0};
    uint8_t x[32], y[32];
    (void)state;
    snprintf(path, sizeof path, "%s/tokenizer.json", test_tmp(dir));
    RUN(mn_tok_save(t, path, &e));
    RUN(mn_tok_load(path, &back, &e));
    OK(mn_tok_is_ours(back));
    mn_tok_hash(t, x);
    mn_tok_hash(back, y);
    assert_memory_equal(x, y, 32);
    FAILS(MN_E_IO, mn_tok_save(t, "/proc/no/such/tokenizer.json", &e));
    mn_tok_free(t);
    mn_tok_free(back);
    test_tmp_remove(dir);
}

static void a_missing_file_is_named(void **state)
{
    mn_tokenizer *t = NULL;
    mn_err e = {0};
    (void)state;
    FAILS(MN_E_NOT_FOUND, mn_tok_load("/no/such/tokenizer.json", &t, &e));
    OK(t == NULL && strstr(e.msg, "/no/such/tokenizer.json"));
}

#define BYTE_LEVEL "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true}"
/* A tiny file: h e he, an added token, and whatever splitter and model members are given. */
static mn_rc parse(const char *splitter, const char *model, const char *more,
                   mn_tokenizer **ret, mn_err *e)
{
    char json[4096];
    snprintf(
        json, sizeof json,
        "{\"version\":\"1.0\",\"truncation\":{\"max_length\":5},%s\"added_tokens\":[{\"id\":9,"
        "\"content\":\"[SEP]\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"
        "\"normalized\":true,\"special\":true}],\"pre_tokenizer\":%s,\"model\":{%s}}",
        more, splitter, model);
    return mn_tok_parse(mn_str_from(json), ret, e);
}
#define MODEL                                                                                  \
    "\"type\":\"BPE\",\"dropout\":null,\"vocab\":{\"h\":0,\"e\":1,\"he\":2,\"\\u0120h\":3,"    \
    "\"\\u0120\":4},\"merges\":[\"h e\",[\"\\u0120\",\"h\"]]"

static void both_forms_of_merges_and_holes_among_the_ids_are_read(void **state)
{
    mn_tokenizer *t;
    mn_err e = {0};
    mn_buf b;
    uint32_t hole = 7;
    (void)state;
    RUN(parse(BYTE_LEVEL, MODEL, "", &t, &e));
    OK(!mn_tok_is_ours(t));
    assert_int_equal(mn_tok_vocab(t), 10);
    assert_string_equal(ids_of(t, "he h eh he", false), "2 3 4 1 0 4 2");
    assert_string_equal(ids_of(t, "he[SEP]h", true), "2 9 0");
    assert_string_equal(ids_of(t, "hxe", false),
                        "2"); /* no x in the vocabulary: dropped, as the library does */
    OK(mn_tok_is_special(t, 9) && !mn_tok_is_special(t, 2));
    mn_buf_init(&b, 0);
    FAILS(MN_E_USAGE, mn_tok_decode(t, &hole, 1, true, &b));
    mn_buf_release(&b);
    mn_tok_free(t);
}

static void what_we_do_not_do_is_refused_by_name(void **state)
{
    static const struct {
        const char *splitter, *model, *more, *named;
    } cases[] = {
        {"{\"type\":\"Metaspace\",\"replacement\":\"_\"}", MODEL, "", "Metaspace"},
        {"{\"type\":\"Whitespace\"}", MODEL, "", "Whitespace"},
        {"{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":"
         "\"x\"}}," BYTE_LEVEL "]}",
         MODEL, "", "Split"},
        {"{\"type\":\"Sequence\",\"pretokenizers\":[" BYTE_LEVEL ",{\"type\":\"Digits\","
         "\"individual_digits\":true}]}",
         MODEL, "", "Digits"},
        {"{\"type\":\"Digits\",\"individual_digits\":false}", MODEL, "", "individual_digits"},
        {"{\"type\":\"ByteLevel\",\"add_prefix_space\":true}", MODEL, "", "add_prefix_space"},
        {"{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}", MODEL, "",
         "use_regex"},
        {"{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Sequence\",\"pretokenizers\":[]"
         "}]}",
         MODEL, "", "Sequence"},
        {"null", MODEL, "", "ByteLevel"},
        {BYTE_LEVEL, "\"type\":\"WordPiece\",\"vocab\":{}", "", "WordPiece"},
        {BYTE_LEVEL, MODEL ",\"byte_fallback\":true", "", "byte_fallback"},
        {BYTE_LEVEL, MODEL ",\"end_of_word_suffix\":\"</w>\"", "", "end_of_word_suffix"},
        {BYTE_LEVEL, MODEL ",\"unk_token\":\"[SEP]\"", "", "unk_token"},
        {BYTE_LEVEL,
         "\"dropout\":0.1,"
         "\"vocab\":{},\"merges\":[]",
         "", "dropout"},
        {BYTE_LEVEL, MODEL, "\"normalizer\":{\"type\":\"NFKC\"},", "NFKC"},
        {BYTE_LEVEL, MODEL, "\"decoder\":{\"type\":\"WordPiece\"},", "WordPiece"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mn_tokenizer *t = NULL;
        mn_err e = {0};
        FAILS(MN_E_UNSUPPORTED,
              parse(cases[i].splitter, cases[i].model, cases[i].more, &t, &e));
        if (!strstr(e.msg, cases[i].named))
            fail_msg("'%s' does not name %s", e.msg, cases[i].named);
        OK(t == NULL);
    }
}

static void files_that_contradict_themselves_are_refused(void **state)
{
    static const char *const models[] = {
        "\"vocab\":{\"h\":0,\"e\":0},\"merges\":[]",        /* one id twice */
        "\"vocab\":{\"h\":0,\"h\":1},\"merges\":[]",        /* one token twice */
        "\"vocab\":{\"h\":0,\"\":1},\"merges\":[]",         /* an empty token */
        "\"vocab\":{\"h\":0,\"a b\":1},\"merges\":[]",      /* a blank is not in the alphabet */
        "\"vocab\":{\"h\":0,\"\\u4e00\":1},\"merges\":[]",  /* nor is this */
        "\"vocab\":{\"h\":0,\"e\":1},\"merges\":[\"h e\"]", /* merges to nothing */
        "\"vocab\":{\"h\":0,\"he\":1},\"merges\":[\"h e\"]", /* merges of nothing */
        "\"vocab\":{\"h\":0,\"e\":1,\"he\":2},\"merges\":[\"he\"]",
        "\"vocab\":{\"h\":0,\"e\":1,\"he\":2},\"merges\":[[\"h\"]]",
        "\"vocab\":{\"h\":0,\"e\":1,\"he\":2},\"merges\":[[\"h\",\"e\",\"h\"]]",
        "\"vocab\":{\"h\":0,\"e\":1,\"he\":2},\"merges\":[7]",
        "\"vocab\":{\"h\":\"0\"},\"merges\":[]",
        "\"vocab\":{\"h\":0.5},\"merges\":[]",
        "\"vocab\":[],\"merges\":[]",
        "\"vocab\":{\"h\":0,\"[SEP]\":3},\"merges\":[]", /* an added token with another id */
        "\"type\":5",
    };
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        mn_tokenizer *t = NULL;
        mn_err e = {0};
        mn_rc rc = parse(BYTE_LEVEL, models[i], "", &t, &e);
        if (rc != MN_E_PARSE || !e.msg[0] || t)
            fail_msg("%s: %s (%s)", models[i], mn_rc_name(rc), e.msg);
    }
    mn_tokenizer *t = NULL;
    mn_err e = {0};
    FAILS(MN_E_LIMIT, parse(BYTE_LEVEL, "\"vocab\":{\"h\":1048576},\"merges\":[]", "", &t, &e));
    FAILS(MN_E_LIMIT, parse(BYTE_LEVEL, "\"vocab\":{\"h\":-1},\"merges\":[]", "", &t, &e));
    FAILS(MN_E_PARSE, mn_tok_parse(MN_STR("{}"), &t, &e));
    FAILS(MN_E_PARSE, mn_tok_parse(MN_STR(""), &t, &e));
    FAILS(MN_E_PARSE, mn_tok_parse(MN_STR("[]"), &t, NULL));
    OK(t == NULL);
}

static void loading_says_when_memory_runs_out(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        mn_tokenizer *t = NULL;
        mn_err e = {0};
        mn_mem_fail_after(n);
        mn_rc rc = parse(BYTE_LEVEL, MODEL, "", &t, &e);
        mn_mem_fail_after(0);
        OK((rc == MN_OK) == (t != NULL));
        mn_tok_free(t);
        if (rc == MN_OK) break;
        assert_int_equal(rc, MN_E_NOMEM);
        OK(n < 2000);
    }
}

static void every_post_of_the_real_data_comes_back(void **state)
{
    char path[512];
    mn_err e = {0};
    mn_buf text;
    mn_tok_trainer *tr;
    mn_tokenizer *t;
    mn_tok_cache *c;
    (void)state;
    if (!test_data("tweeteval/emoji/val_text.txt", path)) SKIP("no tweeteval data");
    mn_buf_init(&text, 0);
    RUN(mn_fs_read(path, 1 << 24, &text, &e));
    RUN(mn_tok_trainer_new(&tr, &e));
    RUN(mn_tok_trainer_add(tr, mn_buf_str(&text), &e));
    RUN(mn_tok_trainer_finish(tr, 2000, &t, &e));
    assert_int_equal(mn_tok_vocab(t), 2000);
    RUN(mn_tok_cache_new(&c, &e));
    for (mn_str rest = mn_buf_str(&text); rest.len;)
        round_trip(t, c, mn_str_split(rest, '\n', &rest));
    round_trip(t, c, mn_buf_str(&text));
    mn_tok_cache_free(c);
    mn_tok_trainer_free(tr);
    mn_tok_free(t);
    mn_buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(special_tokens_stand_at_their_ids),
        TEST(only_start_pad_time_and_language_are_conditions),
        TEST(years_and_months_are_clamped_to_their_tokens),
        TEST(the_primary_subtag_decides_the_language_token),
        TEST(written_out_special_tokens_are_text_unless_asked_for),
        TEST(decoding_leaves_special_tokens_out_unless_asked_for),
        TEST(the_most_frequent_pair_is_merged_first_and_ties_go_to_smaller_ids),
        TEST(runs_are_merged_from_the_left),
        TEST(nothing_that_occurs_once_is_merged),
        TEST(no_text_at_all_gives_the_bytes),
        TEST(the_order_of_the_texts_does_not_matter),
        TEST(it_does_not_matter_who_counted_what),
        TEST(counts_kept_during_training_agree_with_counting_anew),
        TEST(a_vocabulary_that_cannot_be_is_refused),
        TEST(training_says_when_memory_runs_out),
        TEST(every_byte_string_comes_back),
        TEST(a_cache_changes_nothing_even_between_tokenizers),
        TEST(long_and_short_pieces_are_merged_by_the_same_rule),
        TEST(a_word_of_a_megabyte_takes_about_linear_time),
        TEST(training_on_a_word_of_a_megabyte_takes_about_linear_time),
        TEST(encoding_appends_and_leaves_the_list_alone_when_it_fails),
        TEST(threads_may_share_a_tokenizer),
        TEST(a_saved_tokenizer_is_loaded_the_same),
        TEST(a_missing_file_is_named),
        TEST(both_forms_of_merges_and_holes_among_the_ids_are_read),
        TEST(what_we_do_not_do_is_refused_by_name),
        TEST(files_that_contradict_themselves_are_refused),
        TEST(loading_says_when_memory_runs_out),
        TEST(every_post_of_the_real_data_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "test.h"

#include <signal.h>
#include <sys/resource.h>

#include "text/shard.h"
#include "text/tokenizer.h"

enum { VOCAB = 500 };

typedef struct place {
    char dir[64], stem[96], path[128];
} place;

static int set_up(void **state)
{
    static place p;
    snprintf(p.stem, sizeof p.stem, "%s/train", test_tmp(p.dir));
    *state = &p;
    return 0;
}

static int tear_down(void **state)
{
    test_tmp_remove(((place *)*state)->dir);
    return 0;
}

static const char *part(place *p, const char *suffix)
{
    snprintf(p->path, sizeof p->path, "%s%s", p->stem, suffix);
    return p->path;
}

/* Two documents: posts 10 and 11, then post 12. 12 tokens in all. */
static void write_shard(place *p)
{
    static const uint32_t a[] = {0, 20, 58, 400, 401}, b[] = {2, 402}, c[] = {0, 499};
    mn_shard_writer *w;
    mn_err e = {0};
    RUN(mn_shard_writer_open(p->stem, &w, &e));
    RUN(mn_shard_writer_post(w, 10, 1, 7, MN_STR("bread and\nbutter"), a, 5, &e));
    RUN(mn_shard_writer_post(w, 11, 2, 8, MN_STR(""), b, 2, &e));
    RUN(mn_shard_writer_end_document(w, &e));
    RUN(mn_shard_writer_post(w, 12, 1, 9, MN_STR("näher"), c, 2, &e));
    RUN(mn_shard_writer_end_document(w, &e));
    RUN(mn_shard_writer_close(w, &e));
}

static void what_is_written_is_read(void **state)
{
    static const uint16_t tokens[] = {0,   20,         58, 400, 401,       2,
                                      402, MN_TOK_END, 0,  499, MN_TOK_END};
    place *p = *state;
    mn_shard s;
    mn_err e = {0};
    mn_buf text;
    write_shard(p);
    RUN(mn_shard_open(p->stem, VOCAB, &s, &e));
    assert_int_equal(s.n_tok, 11);
    assert_memory_equal(s.tok, tokens, sizeof tokens);
    assert_int_equal(s.n_docs, 2);
    assert_int_equal(s.doc_end[0], 8);
    assert_int_equal(s.doc_end[1], 11);
    assert_int_equal(s.n_posts, 3);
    const mn_origin want[] = {{10, 1, 7, 0, 0, 0}, {11, 2, 8, 5, 17, 0}, {12, 1, 9, 8, 18, 1}};
    assert_memory_equal(s.posts, want, sizeof want);
    assert_int_equal(s.text_bytes, strlen("bread and\nbutter") + strlen("näher"));
    mn_shard_close(&s);
    mn_buf_init(&text, 0);
    RUN(mn_fs_read(part(p, ".txt"), 1000, &text, &e));
    IS(mn_buf_str(&text), "bread and\nbutter\n\nnäher\n");
    mn_buf_release(&text);
}

static void the_tokens_lie_as_llm_c_writes_them(void **state)
{
    place *p = *state;
    mn_err e = {0};
    mn_buf bin;
    write_shard(p);
    mn_buf_init(&bin, 0);
    RUN(mn_fs_read(part(p, ".bin"), 10000, &bin, &e));
    assert_int_equal(bin.len, 1024 + 22);
    assert_memory_equal(bin.ptr, "\x88\xd8\x34\x01\x01\0\0\0\x0b\0\0\0\0\0\0\0", 16);
    assert_memory_equal(bin.ptr + 1024 + 6, "\x90\x01", 2); /* 400 */
    mn_buf_release(&bin);
}

static void an_empty_shard_is_a_shard(void **state)
{
    place *p = *state;
    mn_shard_writer *w;
    mn_shard s;
    mn_err e = {0};
    RUN(mn_shard_writer_open(p->stem, &w, &e));
    RUN(mn_shard_writer_close(w, &e));
    RUN(mn_shard_open(p->stem, VOCAB, &s, &e));
    OK(s.n_tok == 0 && s.n_docs == 0 && s.n_posts == 0 && s.text_bytes == 0);
    mn_shard_close(&s);
}

static void many_tokens_pass_the_writers_blocks(void **state)
{
    enum { N = 5000 };
    place *p = *state;
    mn_shard_writer *w;
    mn_shard s;
    mn_err e = {0};
    uint32_t ids[N];
    for (uint32_t i = 0; i < N; i++) ids[i] = i * 13 % 65536;
    RUN(mn_shard_writer_open(p->stem, &w, &e));
    for (uint64_t i = 1; i <= 20; i++) {
        RUN(mn_shard_writer_post(w, i, i, i, MN_STR("x"), ids, N, &e));
        RUN(mn_shard_writer_end_document(w, &e));
    }
    RUN(mn_shard_writer_close(w, &e));
    RUN(mn_shard_open(p->stem, 65536, &s, &e));
    assert_int_equal(s.n_tok, 20 * (N + 1));
    for (uint64_t i = 0; i < s.n_tok; i++)
        OK(s.tok[i] == (i % (N + 1) == N ? MN_TOK_END : ids[i % (N + 1)]));
    mn_shard_close(&s);
}

/* ---- in other vocabularies ---------------------------------------------------------------------------------- */

static mn_docform other_form(bool wide)
{
    return (mn_docform){.start = wide ? 128000 : 0,
                        .end = wide ? 128001 : 2,
                        .part = {198},
                        .n_part = 1,
                        .erased = wide ? UINT32_MAX : UINT16_MAX,
                        .pad = wide ? 128000 : 0};
}
#define OTHER_VOCAB(wide) ((wide) ? 128256u : 49152u)

/* Three documents of two posts each. */
static void write_other(place *p, bool wide)
{
    const mn_docform f = other_form(wide);
    mn_shard_writer *w;
    mn_err e = {0};
    RUN(mn_shard_writer_open_as(p->stem, &f, &w, &e));
    for (uint32_t d = 0; d < 3; d++) {
        const uint32_t a[] = {f.start, 300 + d, OTHER_VOCAB(wide) - 1, f.start};
        const uint32_t b[] = {198, 4, 65534}; /* 4 is padding in ours */
        RUN(mn_shard_writer_post(w, 2 * d + 1, 9, 1, MN_STR("one"), a, 4, &e));
        RUN(mn_shard_writer_post(w, 2 * d + 2, 9, 1, MN_STR("other"), b, wide ? 3 : 2, &e));
        RUN(mn_shard_writer_end_document(w, &e));
    }
    RUN(mn_shard_writer_close(w, &e));
}

static void a_shard_says_in_which_form_and_width_its_tokens_are(void **state)
{
    place *p = *state;
    mn_err e = {0};
    for (int wide = 0; wide < 2; wide++) {
        mn_shard s;
        const mn_docform f = other_form(wide);
        const uint64_t n = wide ? 8 : 7;
        char dir[80];
        snprintf(dir, sizeof dir, "%s/%d", p->dir, wide);
        RUN(mn_fs_mkdirs(dir, &e));
        snprintf(p->stem, sizeof p->stem, "%s/train", dir);
        write_other(p, wide);
        RUN(mn_shard_open(p->stem, OTHER_VOCAB(wide), &s, &e));
        OK(mn_docform_same(&s.form, &f) && (wide ? s.wide && !s.tok : s.tok && !s.wide));
        OK(s.n_tok == 3 * n && s.n_docs == 3 && s.n_posts == 6);
        OK(mn_shard_token(&s, 0) == f.start && mn_shard_token(&s, 1) == 300);
        OK(mn_shard_token(&s, 2) == OTHER_VOCAB(wide) - 1 &&
           mn_shard_token(&s, n - 1) == f.end);
        OK(s.bin.len == 1024 + 3 * n * (wide ? 4 : 2));
        mn_shard_close(&s);
        FAILS(MN_E_CORRUPT, mn_shard_open(p->stem, OTHER_VOCAB(wide) - 1, &s, &e));
        RUN(mn_shard_open(p->stem, MN_SHARD_ANY, &s, &e));
        mn_shard_close(&s);
    }
}

static void what_is_erased_there_is_no_token_of_anybody(void **state)
{
    place *p = *state;
    mn_err e = {0};
    for (int wide = 0; wide < 2; wide++) {
        mn_shard s;
        mn_buf b;
        const mn_docform f = other_form(wide);
        const uint64_t doc = 1, n = wide ? 8 : 7;
        char dir[80];
        snprintf(dir, sizeof dir, "%s/e%d", p->dir, wide);
        RUN(mn_fs_mkdirs(dir, &e));
        snprintf(p->stem, sizeof p->stem, "%s/train", dir);
        write_other(p, wide);
        RUN(mn_shard_erase(p->stem, OTHER_VOCAB(wide), &doc, 1, &e));
        RUN(mn_shard_erase(p->stem, OTHER_VOCAB(wide), &doc, 1, &e)); /* again does no harm */
        RUN(mn_shard_open(p->stem, OTHER_VOCAB(wide), &s, &e));
        OK(!mn_shard_erased(&s, 0) && mn_shard_erased(&s, 1) && !mn_shard_erased(&s, 2));
        for (uint64_t i = n; i < 2 * n; i++) {
            OK(mn_shard_token(&s, i) == f.erased && mn_shard_input(&s, i) == f.pad);
        }
        OK(mn_shard_token(&s, 2 * n + 1) == 302 && mn_shard_token(&s, n - 1) == f.end);
        mn_shard_close(&s);
        mn_buf_init(&b, 0);
        RUN(mn_fs_read(part(p, ".txt"), 1000, &b, &e));
        IS(mn_buf_str(&b), "one\nother\n   \n     \none\nother\n");
        mn_buf_release(&b);
    }
}

static void files_that_are_there_are_not_overwritten(void **state)
{
    place *p = *state;
    mn_shard_writer *w = NULL;
    mn_err e = {0};
    write_shard(p);
    FAILS(MN_E_EXISTS, mn_shard_writer_open(p->stem, &w, &e));
    OK(strstr(e.msg, "train.bin") && w == NULL);
    unlink(part(p, ".bin"));
    FAILS(MN_E_EXISTS, mn_shard_writer_open(p->stem, &w, &e));
    OK(strstr(e.msg, "train.docs"));
    OK(!mn_fs_exists(part(p, ".bin"))); /* what the attempt made is gone */
    OK(mn_fs_exists(part(p, ".docs"))); /* what was there is not */
    FAILS(MN_E_IO, mn_shard_writer_open("/no/such/folder/train", &w, &e));
    OK(w == NULL);
}

static void an_abandoned_shard_leaves_nothing(void **state)
{
    static const uint32_t ids[] = {0, 400};
    place *p = *state;
    mn_shard_writer *w;
    mn_err e = {0};
    RUN(mn_shard_writer_open(p->stem, &w, &e));
    RUN(mn_shard_writer_post(w, 1, 1, 1, MN_STR("x"), ids, 2, &e));
    mn_shard_writer_abandon(w);
    mn_shard_writer_abandon(NULL);
    static const char *const parts[] = {".bin", ".docs", ".origin", ".txt"};
    for (int i = 0; i < 4; i++) OK(!mn_fs_exists(part(p, parts[i])));
}

static void an_unfinished_shard_is_refused(void **state)
{
    static const uint32_t ids[] = {0, 400};
    place *p = *state;
    mn_shard_writer *w;
    mn_shard s = {0};
    mn_err e = {0};
    RUN(mn_shard_writer_open(p->stem, &w, &e));
    for (int i = 0; i < 5000; i++) { /* more than stdio keeps back */
        RUN(mn_shard_writer_post(w, 1, 1, 1, MN_STR("x"), ids, 2, &e));
        RUN(mn_shard_writer_end_document(w, &e));
    }
    FAILS(MN_E_CORRUPT, mn_shard_open(p->stem, VOCAB, &s, &e));
    OK(s.tok == NULL);
    mn_shard_writer_abandon(w);
}

static void a_full_disk_is_told(void **state)
{
    place *p = *state;
    struct rlimit was, tight = {8192, RLIM_INFINITY};
    mn_shard_writer *w;
    mn_err e = {0};
    mn_rc rc = MN_OK;
    uint32_t ids[1000] = {0};
    getrlimit(RLIMIT_FSIZE, &was);
    signal(SIGXFSZ, SIG_IGN);
    RUN(mn_shard_writer_open(p->stem, &w, &e));
    setrlimit(RLIMIT_FSIZE, &tight);
    for (int i = 0; i < 100 && rc == MN_OK; i++) {
        rc = mn_shard_writer_post(w, 1, 1, 1, MN_STR("x"), ids, 1000, &e);
        if (rc == MN_OK) rc = mn_shard_writer_end_document(w, &e);
    }
    setrlimit(RLIMIT_FSIZE, &was);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(rc, MN_E_IO);
    OK(strstr(e.msg, "train.bin"));
    mn_shard_writer_abandon(w);
}

/* ---- damage ------------------------------------------------------------------------------------------------- */

static void refused(place *p, const char *names)
{
    mn_shard s = {0};
    mn_err e = {0};
    FAILS(MN_E_CORRUPT, mn_shard_open(p->stem, VOCAB, &s, &e));
    if (!strstr(e.msg, names) || !strstr(e.msg, "mynah corpus build"))
        fail_msg("'%s' should name %s and say what to do", e.msg, names);
    OK(s.tok == NULL);
}

static void put_at(place *p, const char *suffix, long at, const void *bytes, size_t n)
{
    FILE *f = fopen(part(p, suffix), "r+b");
    assert_non_null(f);
    fseek(f, at, SEEK_SET);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static void rewrite(place *p)
{
    static const char *const parts[] = {".bin", ".docs", ".origin", ".txt"};
    for (int i = 0; i < 4; i++) unlink(part(p, parts[i]));
    write_shard(p);
}

static void a_missing_file_is_named(void **state)
{
    static const char *const parts[] = {".bin", ".docs", ".origin", ".txt"};
    place *p = *state;
    for (int i = 0; i < 4; i++) {
        mn_shard s;
        mn_err e = {0};
        rewrite(p);
        unlink(part(p, parts[i]));
        FAILS(MN_E_NOT_FOUND, mn_shard_open(p->stem, VOCAB, &s, &e));
        OK(strstr(e.msg, parts[i]) && strstr(e.msg, "mynah corpus build"));
    }
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    static const char *const parts[] = {".bin", ".docs", ".origin"};
    place *p = *state;
    mn_err e = {0};
    for (int i = 0; i < 3; i++) {
        uint64_t size;
        rewrite(p);
        RUN(mn_fs_size(part(p, parts[i]), &size, &e));
        for (uint64_t cut = 0; cut<size; cut += size> 200 && cut > 16 && cut < 1000 ? 97 : 1) {
            rewrite(p);
            assert_int_equal(truncate(part(p, parts[i]), (off_t)cut), 0);
            refused(p, cut % 8 || i == 0 ? parts[i] : ".");
        }
    }
    rewrite(p);
    assert_int_equal(truncate(part(p, ".txt"), 18), 0); /* the last post begins there */
    refused(p, ".txt");
}

static void a_file_that_is_too_long_is_refused(void **state)
{
    place *p = *state;
    write_shard(p);
    put_at(p, ".bin", 1024 + 22, "\0\0", 2);
    refused(p, ".bin");
    rewrite(p);
    put_at(p, ".docs", 16, "\x0c\0\0\0\0\0\0\0", 8);
    refused(p, ".docs");
}

static void impossible_values_are_refused(void **state)
{
    static const struct {
        const char *suffix;
        long at;
        const char *bytes;
        size_t n;
    } damage[] = {
        {".bin", 0, "\x89", 1},            /* magic */
        {".bin", 4, "\x02", 1},            /* version */
        {".bin", 8, "\x0c", 1},            /* one token more */
        {".bin", 11, "\xff", 1},           /* a negative number of tokens */
        {".bin", 1024 + 8, "\xf4\x01", 2}, /* token 500 of a vocabulary of 500 */
        {".docs", 0, "\x0b", 1},           /* first document ends where the second does */
        {".docs", 0, "\0", 1},             /* at nothing */
        {".docs", 7, "\x80", 1},           /* far beyond */
        {".docs", 8, "\x0a", 1},           /* last one before the end of the shard */
        {".origin", 24, "\x01", 1},        /* first post begins at token 1 */
        {".origin", 40, "\x01", 1},        /* in document 1 */
        {".origin", 48 + 24, "\0", 1},     /* second post where the first is */
        {".origin", 48 + 32, "\0", 1},     /* its text too */
        {".origin", 48 + 40, "\x01", 1},   /* its document begins later */
        {".origin", 96 + 24, "\x09", 1},   /* third post after the start of its document */
        {".origin", 96 + 24, "\xff", 1},   /* beyond the end */
        {".origin", 96 + 40, "\0", 1},     /* in the document before */
        {".origin", 96 + 40, "\x02", 1},   /* in none */
        {".origin", 96 + 47, "\xff", 1},
    };
    place *p = *state;
    for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
        rewrite(p);
        put_at(p, damage[i].suffix, damage[i].at, damage[i].bytes, damage[i].n);
        refused(p, damage[i].suffix);
    }
    rewrite(p);
    put_at(p, ".origin", 96 + 32, "\xff", 1); /* the text begins beyond the text file */
    refused(p, ".txt");
}

static void a_form_that_does_not_fit_is_refused(void **state)
{
    static const struct {
        long at;
        const char *bytes;
        size_t n;
    } damage[] = {
        {12, "\x04", 1},         /* four bytes a token, but two are there */
        {12, "\x03", 1},         /* three */
        {16, "\0\xc0", 2},       /* begins with a token that there is not */
        {20, "\xff\xff", 2},     /* ends with what says "erased" */
        {24, "\x04\0", 2},       /* a token says "erased" */
        {28, "\0", 1},           /* nothing parts posts */
        {28, "\x09", 1},         /* too much does */
        {32, "\xff\xff\xff", 3}, /* a token that there is not */
        {4, "\x03", 1},          /* version 3 */
    };
    place *p = *state;
    for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
        static const char *const parts[] = {".bin", ".docs", ".origin", ".txt"};
        mn_shard s = {0};
        mn_err e = {0};
        for (int k = 0; k < 4; k++) unlink(part(p, parts[k]));
        write_other(p, false);
        put_at(p, ".bin", damage[i].at, damage[i].bytes, damage[i].n);
        FAILS(MN_E_CORRUPT, mn_shard_open(p->stem, OTHER_VOCAB(false), &s, &e));
        OK(strstr(e.msg, ".bin") && !s.tok && !s.wide);
    }
}

static void opening_a_writer_says_when_memory_runs_out(void **state)
{
    place *p = *state;
    for (long n = 1; n < 3; n++) {
        mn_shard_writer *w = NULL;
        mn_err e = {0};
        mn_mem_fail_after(n);
        mn_rc rc = mn_shard_writer_open(p->stem, &w, &e);
        mn_mem_fail_after(0);
        assert_int_equal(rc, MN_E_NOMEM);
        OK(w == NULL && !mn_fs_exists(part(p, ".bin")));
    }
}

#define EACH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(what_is_written_is_read),
        EACH(the_tokens_lie_as_llm_c_writes_them),
        EACH(an_empty_shard_is_a_shard),
        EACH(many_tokens_pass_the_writers_blocks),
        EACH(a_shard_says_in_which_form_and_width_its_tokens_are),
        EACH(what_is_erased_there_is_no_token_of_anybody),
        EACH(a_form_that_does_not_fit_is_refused),
        EACH(files_that_are_there_are_not_overwritten),
        EACH(an_abandoned_shard_leaves_nothing),
        EACH(an_unfinished_shard_is_refused),
        EACH(a_full_disk_is_told),
        EACH(a_missing_file_is_named),
        EACH(a_file_cut_anywhere_is_refused),
        EACH(a_file_that_is_too_long_is_refused),
        EACH(impossible_values_are_refused),
        EACH(opening_a_writer_says_when_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

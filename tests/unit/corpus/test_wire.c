/* What ranks of a corpus build tell each other: it arrives as it was sent, and what was cut or changed is refused, not followed. */
#include "corpus/wire.h"
#include "test.h"

#include "base/mem.h"
#include "text/canary.h"

static mn_str at_zero(const mn_buf *b, size_t n)
{
    return (mn_str){b->ptr, n};
}

static void a_stretch_takes_along_what_is_left_out_of_it(void **state)
{
    (void)state;
    const uint64_t except[] = {3, 10, 11, 40, 41, 90};
    mn_scan_rules r = {.server = 5,
                       .server_seq = 77,
                       .keep_handles = true,
                       .except = except,
                       .n_except = 6},
                  back;
    uint64_t after, until;
    mn_buf b;
    mn_buf_init(&b, 0);
    OK(mn_wire_put_stretch(&r, 10, 41, &b) == MN_OK);
    OK(mn_wire_take_stretch(mn_buf_str(&b), &back, &after, &until) == MN_OK);
    OK(after == 10 && until == 41 && back.server == 5 && back.server_seq == 77);
    OK(back.keep_handles && !back.only && back.n_except == 3);
    OK(back.except[0] == 11 && back.except[1] == 40 && back.except[2] == 41);
    for (size_t n = 0; n < b.len; n++)
        FAILS(MN_E_PARSE, mn_wire_take_stretch(at_zero(&b, n), &back, &after, &until));
    mn_buf_addc(&b, 0);
    FAILS(MN_E_PARSE, mn_wire_take_stretch(mn_buf_str(&b), &back, &after, &until));
    mn_buf_clear(&b);
    r.n_except = 0, r.except = NULL;
    OK(mn_wire_put_stretch(&r, 0, UINT64_MAX, &b) == MN_OK);
    OK(mn_wire_take_stretch(mn_buf_str(&b), &back, &after, &until) == MN_OK);
    OK(back.n_except == 0 && until == UINT64_MAX);
    mn_buf_release(&b);
}

static void a_scan_arrives_whole_or_not_at_all(void **state)
{
    (void)state;
    mn_cand c[2] = {{.id = 5, .text_at = 0, .text_len = 3, .lang = MN_TOK_LANG0, .form_n = 9},
                    {.id = 6, .text_at = 3, .text_len = 4, .lang = MN_TOK_LANG0 + 1}};
    mn_dropped d[] = {{7, 0, MN_DROP_TOO_SHORT}};
    mn_scan s = {.cands = {c, 2, 2}, .dropped = d, .n_dropped = 1, .posts_in = 3, .skipped = 9},
            back;
    mn_str text;
    uint64_t posts;
    mn_buf b;
    s.pii[1] = 4;
    mn_buf_init(&b, 0);
    OK(mn_wire_put_scan(&s, MN_STR("onefour"), 12, &b) == MN_OK);
    OK(mn_wire_take_scan(mn_buf_str(&b), &back, &text, &posts) == MN_OK);
    OK(posts == 12 && back.cands.n == 2 && back.cands.items[1].id == 6 && back.pii[1] == 4);
    OK(back.n_dropped == 1 && back.dropped[0].why == MN_DROP_TOO_SHORT && back.skipped == 9);
    OK(back.spool_bytes == 7 && back.posts_in == 3);
    IS(text, "onefour");
    for (size_t n = 0; n < b.len; n++)
        FAILS(MN_E_PARSE, mn_wire_take_scan(at_zero(&b, n), &back, &text, &posts));
    const mn_cand good = c[1];
    const struct {
        uint64_t at;
        uint32_t len, lang;
        uint8_t drop;
    } bad[] = {{4, 4, good.lang, 0},
               {8, 0, good.lang, 0},
               {UINT64_MAX, 4, good.lang, 0},
               {3, UINT32_MAX, good.lang, 0},
               {3, 4, MN_TOK_LANG0 - 1, 0},
               {3, 4, MN_TOK_LANG0 + MN_TOK_LANGS, 0},
               {3, 4, good.lang, MN_DROP_TEMPLATE}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        c[1].text_at = bad[i].at, c[1].text_len = bad[i].len;
        c[1].lang = bad[i].lang, c[1].drop = bad[i].drop;
        mn_buf_clear(&b);
        OK(mn_wire_put_scan(&s, MN_STR("onefour"), 12, &b) == MN_OK);
        FAILS(MN_E_PARSE, mn_wire_take_scan(mn_buf_str(&b), &back, &text, &posts));
    }
    c[1] = good;
    d[0].why = MN_DROPS;
    mn_buf_clear(&b);
    OK(mn_wire_put_scan(&s, MN_STR("onefour"), 12, &b) == MN_OK);
    FAILS(MN_E_PARSE, mn_wire_take_scan(mn_buf_str(&b), &back, &text, &posts));
    mn_buf_release(&b);
}

/* Documents {2, 0} and {1} over three posts. */
static mn_texts texts_of(mn_cands *c, mn_documents *d)
{
    static mn_cand items[3];
    static uint32_t posts[] = {2, 0, 1};
    static uint8_t kinds[] = {MN_LINK_FIRST, MN_LINK_QUOTE, MN_LINK_FIRST};
    static size_t ends[] = {2, 3}, list[] = {1, 0};
    for (int i = 0; i < 3; i++)
        items[i] = (mn_cand){.created_ms = 1000 + i,
                             .lang = MN_TOK_LANG0 + (uint32_t)i,
                             .text_at = (uint64_t)i * 4,
                             .text_len = 4};
    items[1].text_len = 0;
    *c = (mn_cands){items, 3, 3};
    *d = (mn_documents){posts, kinds, ends, 2, 3};
    return (mn_texts){c, d, "aaaabbbbcccc", list, 2};
}

static void documents_arrive_with_their_texts(void **state)
{
    (void)state;
    mn_cands c;
    mn_documents d;
    const mn_texts t = texts_of(&c, &d);
    mn_parcel p = {0};
    mn_buf b;
    mn_buf_init(&b, 0);
    OK(mn_wire_put_texts(&t, 0, 2, &b) == MN_OK);
    OK(mn_wire_take_texts(mn_buf_str(&b), &p) == MN_OK);
    OK(p.is.n == 2 && p.d.n_posts == 3 && p.d.ends[0] == 1 && p.d.ends[1] == 3);
    OK(p.c.items[0].created_ms == 1001 && p.c.items[0].text_len == 0);
    OK(p.d.kinds[2] == MN_LINK_QUOTE && p.c.items[2].lang == MN_TOK_LANG0);
    IS(mn_texts_of(&p.is, 1), "cccc");
    IS(mn_texts_of(&p.is, 2), "aaaa");
    for (size_t n = 0; n < b.len; n++)
        FAILS(MN_E_PARSE, mn_wire_take_texts(at_zero(&b, n), &p));
    for (size_t i = 0; i < b.len;
         i++) { /* every byte changed: taken or refused, never followed out */
        b.ptr[i] = (char)(b.ptr[i] ^ 0x55);
        mn_parcel q = {0};
        if (mn_wire_take_texts(mn_buf_str(&b), &q) == MN_OK)
            for (uint32_t k = 0; k < q.d.n_posts; k++) {
                mn_str text = mn_texts_of(&q.is, k);
                OK(text.ptr >= b.ptr && text.ptr + text.len <= b.ptr + b.len);
            }
        mn_parcel_release(&q);
        b.ptr[i] = (char)(b.ptr[i] ^ 0x55);
    }
    mn_rc rc = MN_E_NOMEM;
    for (long k = 1; rc == MN_E_NOMEM; k++) { /* no memory, wherever that is noticed */
        mn_parcel q = {0};
        mn_mem_fail_after(k);
        rc = mn_wire_take_texts(mn_buf_str(&b), &q);
        mn_mem_fail_after(0);
        OK(rc == MN_E_NOMEM || (rc == MN_OK && k > 5));
        mn_parcel_release(&q);
    }
    mn_buf_clear(&b);
    OK(mn_wire_put_texts(&t, 1, 2, &b) == MN_OK); /* a part, in the same memory */
    OK(mn_wire_take_texts(mn_buf_str(&b), &p) == MN_OK);
    OK(p.is.n == 1 && p.d.n_posts == 2);
    IS(mn_texts_of(&p.is, 0), "cccc");
    mn_parcel_release(&p);
    mn_buf_release(&b);
}

static void tokens_arrive_for_every_post_and_below_the_vocabulary(void **state)
{
    (void)state;
    uint32_t a[] = {1, 2, 3}, c[] = {4, 99};
    size_t ends_a[] = {1, 3}, ends_c[] = {2};
    const mn_encoded parts[] = {{.ids = {a, 3, 3}, .ends = ends_a, .n_posts = 2},
                                {.ids = {c, 2, 2}, .ends = ends_c, .n_posts = 1}};
    mn_encoded back = {.from = 8, .to = 9};
    mn_buf b;
    mn_buf_init(&b, 0);
    OK(mn_wire_put_encoded(parts, 2, &b) == MN_OK);
    OK(mn_wire_take_encoded(mn_buf_str(&b), 3, 100, &back) == MN_OK);
    OK(back.from == 8 && back.n_posts == 3 && back.ids.n == 5 && back.ids.ptr[4] == 99);
    OK(back.ends[0] == 1 && back.ends[1] == 3 && back.ends[2] == 5);
    FAILS(MN_E_PARSE, mn_wire_take_encoded(mn_buf_str(&b), 3, 99, &back));
    FAILS(MN_E_PARSE, mn_wire_take_encoded(mn_buf_str(&b), 2, 100, &back));
    for (size_t n = 0; n < b.len; n++)
        FAILS(MN_E_PARSE, mn_wire_take_encoded(at_zero(&b, n), 3, 100, &back));
    ends_a[0] = 0; /* a post without tokens */
    mn_buf_clear(&b);
    OK(mn_wire_put_encoded(parts, 2, &b) == MN_OK);
    FAILS(MN_E_PARSE, mn_wire_take_encoded(mn_buf_str(&b), 3, 100, &back));
    mn_buf_release(&b);
}

static void counted_words_arrive_as_they_were_counted(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_tok_trainer *all, *part, *sum;
    mn_tokenizer *x, *y;
    uint8_t hx[32], hy[32];
    mn_buf b;
    mn_buf_init(&b, 0);
    RUN(mn_tok_trainer_new(&all, &e));
    RUN(mn_tok_trainer_new(&sum, &e));
    for (uint64_t seed = 1; seed < 4; seed++) {
        RUN(mn_tok_trainer_new(&part, &e));
        for (size_t i = 0; i < MN_CANARIES; i++) {
            char line[MN_CANARY_TEXT];
            mn_canary_text(seed, i, line);
            RUN(mn_tok_trainer_add(all, mn_str_from(line), &e));
            RUN(mn_tok_trainer_add(part, mn_str_from(line), &e));
        }
        mn_buf_clear(&b);
        OK(mn_tok_trainer_put(part, &b) == MN_OK);
        RUN(mn_tok_trainer_take(sum, mn_buf_str(&b), &e));
        mn_tok_trainer_free(part);
    }
    RUN(mn_tok_trainer_finish(all, 600, &x, &e));
    RUN(mn_tok_trainer_finish(sum, 600, &y, &e));
    mn_tok_hash(x, hx), mn_tok_hash(y, hy);
    OK(mn_tok_vocab(x) > MN_TOK_SPECIALS + 256);
    OK(memcmp(hx, hy, 32) == 0);
    RUN(mn_tok_trainer_new(&part, &e));
    size_t whole = 0; /* cuts between two words */
    for (size_t n = 0; n < b.len; n++)
        whole += mn_tok_trainer_take(part, at_zero(&b, n), &e) == MN_OK;
    OK(whole > 1 && whole < b.len / 16);
    memset(b.ptr, 0xff, 16); /* longer than there is */
    FAILS(MN_E_PARSE, mn_tok_trainer_take(part, mn_buf_str(&b), &e));
    memset(b.ptr, 0, 16);
    FAILS(MN_E_PARSE, mn_tok_trainer_take(part, mn_buf_str(&b), &e));
    mn_tok_trainer_free(part);
    mn_tok_trainer_free(all);
    mn_tok_trainer_free(sum);
    mn_tok_free(x);
    mn_tok_free(y);
    mn_buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stretch_takes_along_what_is_left_out_of_it),
        TEST(a_scan_arrives_whole_or_not_at_all),
        TEST(documents_arrive_with_their_texts),
        TEST(tokens_arrive_for_every_post_and_below_the_vocabulary),
        TEST(counted_words_arrive_as_they_were_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Packing: every slot of every document exactly once an epoch, in an order that depends on seed and epoch alone; and the
 * schedule of the learning rate. */
#include "train_fixture.h"

#include "base/mem.h"
#include "model/pack.h"
#include "model/schedule.h"

enum { DOCS = 100 };
static uint16_t tok[4000];
static uint64_t ends[DOCS];

/* Documents of 1..60 tokens; token ids are their own places, so that slots can be told apart. */
static mn_shard make_shard(void)
{
    uint64_t at = 0;
    for (uint64_t d = 0; d < DOCS; d++) {
        at += 1 + d * 7 % 60;
        ends[d] = at;
    }
    OK(at < 4000);
    for (uint64_t i = 0; i < at; i++) tok[i] = (uint16_t)(MN_TOK_SPECIALS + i);
    return (mn_shard){
        .form = MN_DOCFORM_OURS, .tok = tok, .n_tok = at, .doc_end = ends, .n_docs = DOCS};
}

static void each_slot_comes_once_and_rows_begin_with_documents(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_shard s = make_shard();
    mn_packing p;
    mn_batch_buf b;
    static uint8_t seen[4000];
    memset(seen, 0, sizeof seen);
    RUN(mn_pack(&s, 32, 1, true, 5, 0, &p, &e));
    RUN(mn_batch_buf_new(1, 32, &b, &e));
    size_t scored = 0, used = 0;
    for (uint64_t row = 0; row < p.n_rows; row++) {
        used += mn_batch_fill(&b, 0, &s, &p, row, &scored);
        for (size_t t = 0; t < 32; t++) {
            if (b.ids[t] == MN_TOK_PAD) {
                OK(b.weight[t] == 0 && b.first[t] == t);
                continue;
            }
            OK(b.target[t] == b.ids[t] + 1 && b.weight[t] == 1); /* within one document */
            OK(b.pos[t] == t - b.first[t]);
            OK(!seen[b.ids[t] - MN_TOK_SPECIALS]++);
        }
        OK(b.pos[0] == 0);
    }
    OK(used == s.n_tok - DOCS && scored == used && p.n_slots == used);
    OK((double)used / (double)(p.n_rows * 32) > 0.9);
    mn_batch_buf_release(&b);
    mn_packing_release(&p);
}

static bool same(const mn_packing *a, const mn_packing *b)
{
    return a->n_pieces == b->n_pieces &&
           memcmp(a->pieces, b->pieces, a->n_pieces * sizeof *a->pieces) == 0;
}

static void the_order_is_a_function_of_seed_and_epoch(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_shard s = make_shard();
    mn_packing a, b, c, d;
    RUN(mn_pack(&s, 32, 1, true, 5, 3, &a, &e));
    RUN(mn_pack(&s, 32, 1, true, 5, 3, &b, &e));
    RUN(mn_pack(&s, 32, 1, true, 5, 4, &c, &e));
    RUN(mn_pack(&s, 32, 1, true, 6, 3, &d, &e));
    OK(same(&a, &b) && !same(&a, &c) && !same(&a, &d));
    mn_packing_release(&a), mn_packing_release(&b);
    mn_packing_release(&c), mn_packing_release(&d);
}

static void conditions_carry_no_loss(void **state)
{
    (void)state;
    mn_err e = {0};
    static const uint16_t doc[] = {MN_TOK_START, MN_TOK_YEAR0, MN_TOK_MONTH0, MN_TOK_LANG0,
                                   500,          501,          MN_TOK_REPLY,  MN_TOK_LANG0 + 2,
                                   502,          MN_TOK_END};
    static const uint64_t end[] = {10};
    mn_shard s = {
        .form = MN_DOCFORM_OURS, .tok = doc, .n_tok = 10, .doc_end = end, .n_docs = 1};
    mn_packing p;
    mn_batch_buf b;
    size_t scored = 0;
    RUN(mn_pack(&s, 16, 1, false, 0, 0, &p, &e));
    RUN(mn_batch_buf_new(1, 16, &b, &e));
    OK(mn_batch_fill(&b, 0, &s, &p, 0, &scored) == 9);
    static const float want[9] = {0, 0, 0, 1, 1, 1, 0, 1, 1}; /* text, REPLY, text, END */
    OK(memcmp(b.weight, want, sizeof want) == 0 && scored == 5);
    mn_batch_buf_release(&b);
    mn_packing_release(&p);
}

static void a_corpus_without_two_tokens_in_a_row_is_refused(void **state)
{
    (void)state;
    mn_err e = {0};
    static const uint16_t one[] = {0, 1};
    static const uint64_t end[] = {1, 2};
    mn_shard s = {.form = MN_DOCFORM_OURS, .tok = one, .n_tok = 2, .doc_end = end, .n_docs = 2};
    mn_packing p;
    FAILS(MN_E_LIMIT, mn_pack(&s, 16, 1, false, 0, 0, &p, &e));
    mn_mem_fail_after(1);
    s = make_shard();
    FAILS(MN_E_NOMEM, mn_pack(&s, 16, 1, false, 0, 0, &p, &e));
    mn_mem_fail_after(0);
}

static void the_rate_rises_stays_and_falls_to_nothing(void **state)
{
    (void)state;
    mn_schedule s = mn_schedule_new(1, 1000, 0.5);
    OK(mn_schedule_rate(&s, 0) < 0.1 && mn_schedule_rate(&s, 100) == 1);
    OK(mn_schedule_rate(&s, 499) == 1);
    OK(mn_schedule_rate(&s, 750) > 0.49 && mn_schedule_rate(&s, 750) < 0.51);
    OK(mn_schedule_rate(&s, 999) > 0 && mn_schedule_rate(&s, 999) < 0.01);
    OK(mn_schedule_rate(&s, 1000) == 0);
    for (uint64_t n = 1; n < 60; n++) { /* no division by nothing, no step without a rate */
        s = mn_schedule_new(1, n, 0.5);
        for (uint64_t i = 0; i < n; i++)
            OK(mn_schedule_rate(&s, i) > 0 && mn_schedule_rate(&s, i) <= 1);
    }
}

static void an_end_that_moves_bends_the_rate_without_a_jump(void **state)
{
    (void)state;
    mn_schedule s = mn_schedule_new(2, 0, 0.5);
    OK(mn_schedule_rate(&s, 1000000) == 2);
    mn_schedule_fall(&s, 100, 200);
    OK(mn_schedule_rate(&s, 100) == 2 && mn_schedule_rate(&s, 150) == 1);
    mn_schedule_fall(&s, 150, 400);
    OK(mn_schedule_rate(&s, 150) == 1 && mn_schedule_rate(&s, 275) == 0.5);
    OK(mn_schedule_rate(&s, 400) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_slot_comes_once_and_rows_begin_with_documents),
        TEST(the_order_is_a_function_of_seed_and_epoch),
        TEST(conditions_carry_no_loss),
        TEST(a_corpus_without_two_tokens_in_a_row_is_refused),
        TEST(the_rate_rises_stays_and_falls_to_nothing),
        TEST(an_end_that_moves_bends_the_rate_without_a_jump),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "test.h"

#include "infer/infer_int.h"

/* A tokenizer whose ordinary tokens are bytes: any split of a text can be made. */
typedef struct room {
    mn_tokenizer *tok;
    uint32_t byte[256];
} room;

static int open_room(void **state)
{
    mn_err e = {0};
    mn_tok_trainer *tr;
    room *r = calloc(1, sizeof *r);
    RUN(mn_tok_trainer_new(&tr, &e));
    RUN(mn_tok_trainer_add(tr, MN_STR("x"), &e));
    RUN(mn_tok_trainer_finish(tr, MN_TOK_SPECIALS + 256, &r->tok, &e));
    mn_tok_trainer_free(tr);
    for (int b = 0; b < 256; b++) {
        char c = (char)b;
        r->byte[b] = mn_tok_find(r->tok, (mn_str){&c, 1});
        OK(r->byte[b] != UINT32_MAX);
    }
    *state = r;
    return 0;
}

static int close_room(void **state)
{
    room *r = *state;
    mn_tok_free(r->tok);
    free(r);
    return 0;
}

/* Puts the text byte by byte; what came out at each step must be whole UTF-8. */
static bool run(const room *r, const char *text, const mn_str *stops, size_t n_stops,
                mn_buf *ret)
{
    mn_stream st;
    mn_stream__init(&st, r->tok, stops, n_stops);
    mn_buf_clear(ret);
    for (const char *c = text; *c && !st.stopped; c++) {
        OK(mn_stream__put(&st, r->byte[(uint8_t)*c]) == MN_OK);
        mn_str ready = mn_stream__ready(&st, false);
        OK(mn_utf8_valid(ready));
        mn_buf_adds(ret, ready);
        mn_stream__given(&st, ready.len);
    }
    OK(mn_stream__end(&st) == MN_OK);
    mn_buf_adds(ret, mn_stream__ready(&st, true));
    bool stopped = st.stopped;
    mn_stream__release(&st);
    return stopped;
}

static void text_comes_in_whole_characters_and_broken_ones_are_replaced(void **state)
{
    mn_buf got;
    mn_buf_init(&got, 0);
    run(*state, "Grüße, 世界 \xf0\x9f\x98\x80!", NULL, 0, &got);
    IS(mn_buf_str(&got), "Grüße, 世界 \xf0\x9f\x98\x80!");
    run(*state,
        "a\xff"
        "b\xc3"
        "c\xe4\xb8",
        NULL, 0, &got);
    IS(mn_buf_str(&got), "a\xef\xbf\xbd"
                         "b\xef\xbf\xbd"
                         "c\xef\xbf\xbd\xef\xbf\xbd");
    mn_buf_release(&got);
}

static void nothing_of_a_stop_string_is_given_out(void **state)
{
    mn_buf got;
    const mn_str stops[] = {MN_STR("END"), MN_STR("\n\n"), MN_STR("ENDLESS"), MN_STR("ü!")};
    mn_buf_init(&got, 0);
    OK(run(*state, "the EN and the END of it", stops, 4, &got));
    IS(mn_buf_str(&got), "the EN and the ");
    OK(run(*state, "one\ntwo\n\nthree", stops, 4, &got));
    IS(mn_buf_str(&got), "one\ntwo");
    OK(!run(*state, "EEN\nEN", stops, 4, &got));
    IS(mn_buf_str(&got), "EEN\nEN");
    OK(run(*state, "fü ü!", stops, 4, &got));
    IS(mn_buf_str(&got), "fü ");
    OK(run(*state, "ENDLESS", stops, 4, &got));
    IS(mn_buf_str(&got), "");
    mn_buf_release(&got);
}

static void what_could_be_a_stop_string_waits_and_the_rest_does_not(void **state)
{
    const room *r = *state;
    mn_stream st;
    const mn_str stop = MN_STR("aab");
    mn_stream__init(&st, r->tok, &stop, 1);
    for (const char *c = "xaaa"; *c; c++) mn_stream__put(&st, r->byte[(uint8_t)*c]);
    IS(mn_stream__ready(&st, false), "xa");
    mn_stream__put(&st, r->byte['c']);
    IS(mn_stream__ready(&st, false), "xaaac");
    mn_stream__release(&st);
}

static void special_tokens_are_silent_unless_they_are_asked_for(void **state)
{
    const room *r = *state;
    for (int specials = 0; specials <= 1; specials++) {
        mn_stream st;
        mn_stream__init(&st, r->tok, NULL, 0);
        st.specials = specials;
        mn_stream__put(&st, r->byte['a']);
        mn_stream__put(&st, MN_TOK_PAD);
        mn_stream__put(&st, MN_TOK_REPLY);
        mn_stream__put(&st, r->byte['b']);
        mn_str text = mn_stream__ready(&st, true);
        if (specials) IS(text, "a<|pad|><|reply|>b");
        else IS(text, "a\n\nb"); /* a reply begins */
        mn_stream__release(&st);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(text_comes_in_whole_characters_and_broken_ones_are_replaced),
        TEST(nothing_of_a_stop_string_is_given_out),
        TEST(what_could_be_a_stop_string_waits_and_the_rest_does_not),
        TEST(special_tokens_are_silent_unless_they_are_asked_for),
    };
    return cmocka_run_group_tests(tests, open_room, close_room);
}

/* What must not be said word for word: the guard by itself, and generations of a tiny model under it. */
#include "infer/guard.h"

#include "infer/batch.h"
#include "tiny.h"

#define SECRET                                                                                 \
    "The porcelain otter sleeps beneath the seventh lamp of the harbour, and nobody knows "    \
    "its name or where it came from."

/* How many bytes of `said` get past the guard, byte by byte. */
static size_t passes(const mn_guard *g, const char *said, const char *prompt)
{
    mn_guard_reader r;
    size_t n = strlen(said);
    mn_guard_begin(&r);
    for (size_t i = 0; i < n; i++)
        if (mn_guard_read(g, &r, (mn_str){said + i, 1}, mn_str_from(prompt))) return i;
    return n;
}

static mn_guard *guard_of(const char *text)
{
    mn_err e = {0};
    mn_guard *g = NULL;
    const mn_str t[] = {MN_STR("short"), mn_str_from(text), MN_STR("")};
    RUN(mn_guard_new(t, 3, &g, &e));
    return g;
}

static void no_span_of_fifty_bytes_gets_out_wherever_it_begins(void **state)
{
    (void)state;
    mn_guard *g = guard_of(SECRET);
    char said[400];
    const size_t len = strlen(SECRET);
    for (size_t from = 0; from + MN_GUARD_SPAN <= len; from++)
        for (size_t before = 0; before < 40; before += 13) {
            snprintf(said, sizeof said, "%.*s%s", (int)before,
                     "well, what i always wanted to say is: ", SECRET + from);
            size_t n = passes(g, said, "");
            /* a blank before it may count, or one of two not */
            OK(n + 2 >= before + MN_GUARD_WINDOW && n <= before + MN_GUARD_SPAN);
        }
    mn_guard_unref(g);
}

static void case_and_blanks_do_not_help(void **state)
{
    (void)state;
    mn_guard *g = guard_of(SECRET);
    OK(passes(g, "THE PORCELAIN  OTTER\n\nsleeps\tBeneath the   seventh lamp of the harbour,",
              "") < 60);
    OK(passes(g, "the  porcelain", "") == 14);
    mn_guard_unref(g);
}

static void what_is_shorter_or_other_passes(void **state)
{
    (void)state;
    mn_guard *g = guard_of(SECRET);
    const char *const fine[] = {
        "the porcelain otter sleeps beneath",
        "the porcelain otter sleeps below a bridge; the seventh lamp of the harbour is out",
        "nobody knows its name, nobody knows its name, nobody knows its name, nobody knows"};
    for (size_t i = 0; i < 3; i++) OK(passes(g, fine[i], "") == strlen(fine[i]));
    OK(mn_guard_windows(g) > 3);
    mn_guard_unref(g);
    g = guard_of("a text that is too short");
    OK(mn_guard_windows(g) == 0 && passes(g, SECRET, "") == strlen(SECRET));
    mn_guard_unref(g);
    OK(passes(NULL, SECRET, "") == strlen(SECRET));
}

static void what_the_prompt_says_may_be_repeated_and_nothing_beyond(void **state)
{
    (void)state;
    mn_guard *g = guard_of(SECRET);
    OK(passes(g, SECRET, "you wrote: " SECRET " really?") == strlen(SECRET));
    char part[60];
    snprintf(part, sizeof part, "%.55s", SECRET);
    size_t n = passes(g, SECRET, part);
    OK(n >= 50 && n < 55 + MN_GUARD_SPAN);
    mn_guard_unref(g);
}

/* Every text, and the windows of all: against looking for them one by one. */
static void many_texts_are_found_as_a_plain_search_finds_them(void **state)
{
    (void)state;
    enum { N = 60, LEN = 150 };
    static char text[N][LEN + 1], said[3000];
    mn_str list[N];
    mn_err e = {0};
    mn_guard *g;
    uint32_t x = 1;
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < LEN; k++) {
            x = x * 1664525u + 1013904223u;
            text[i][k] = "abcd"[x >> 30];
        }
        list[i] = mn_str_from(text[i]);
    }
    RUN(mn_guard_new(list, N, &g, &e));
    for (int round = 0; round < 200; round++) {
        x = x * 1664525u + 1013904223u;
        size_t i = (x >> 8) % N, from = (x >> 16) % 100, take = 20 + (x >> 24) % 31;
        snprintf(said, sizeof said, "%.30s%.*s%.30s", text[(i + 7) % N] + 3, (int)take,
                 text[i] + from, text[(i + 9) % N] + 5);
        bool found = false;
        const size_t n = strlen(said);
        for (size_t at = 0; at + MN_GUARD_WINDOW <= n && !found; at++)
            for (int t = 0; t < N && !found; t++)
                for (size_t k = 0; k + MN_GUARD_WINDOW <= LEN; k += MN_GUARD_STRIDE)
                    found |= memcmp(said + at, text[t] + k, MN_GUARD_WINDOW) == 0;
        OK((passes(g, said, "") < n) == found);
        if (take >= MN_GUARD_SPAN) OK(found);
    }
    mn_guard_unref(g);
}

/* ---- generations -------------------------------------------------------------------------------------------------- */

static char dir[64];
static mn_engine *engine;

static int set_up(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_weights w;
    tiny_model(dir, 32, 8, 256, &w);
    mn_weights_release(&w);
    RUN(mn_engine_load(dir, NULL, &engine, &e));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mn_engine_free(engine);
    test_tmp_remove(dir);
    return 0;
}

typedef struct heard {
    mn_buf text;
    uint32_t tokens;
    mn_gen_end end;
    pthread_mutex_t lock;
    pthread_cond_t over;
} heard;

static bool on_text(void *arg, mn_str text)
{
    return mn_buf_adds(&((heard *)arg)->text, text) == MN_OK;
}

static void on_event(void *arg, const mn_gen_event *ev)
{
    heard *h = arg;
    mn_buf_adds(&h->text, ev->text);
    if (ev->end == MN_GEN_NOT_ENDED) return;
    pthread_mutex_lock(&h->lock);
    h->tokens = ev->tokens;
    h->end = ev->end;
    pthread_cond_signal(&h->over);
    pthread_mutex_unlock(&h->lock);
}

static const uint32_t prompt[] = {MN_TOK_START, 300, 310, 320};
static mn_bias letters[26]; /* so that nothing but small letters is written */

static mn_sampling greedy(void)
{
    for (char c = 'a'; c <= 'z'; c++)
        letters[c - 'a'] =
            (mn_bias){mn_tok_find(mn_engine_tokenizer(engine), (mn_str){&c, 1}), 100};
    return (mn_sampling){.top_p = 1, .bias = letters, .n_bias = 26};
}

static void generate(heard *h)
{
    mn_err e = {0};
    const mn_sampling s = greedy();
    *h = (heard){.end = MN_GEN_NOT_ENDED};
    mn_buf_init(&h->text, 0);
    RUN(mn_generate(engine, prompt, 4, &s, 150, on_text, h, &h->tokens, &e));
    mn_buf_addc(&h->text, '\0');
}

static void batched(heard *h)
{
    mn_err e = {0};
    mn_batcher *b;
    *h = (heard){.end = MN_GEN_NOT_ENDED};
    mn_buf_init(&h->text, 0);
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->over, NULL);
    RUN(mn_batcher_new(engine, NULL, &b, &e));
    const mn_gen_request r = {.prompt = prompt,
                              .n_prompt = 4,
                              .sampling = greedy(),
                              .max_tokens = 150,
                              .ignore_end = true,
                              .on_event = on_event,
                              .arg = h};
    RUN(mn_batcher_submit(b, &r, NULL, NULL, &e));
    pthread_mutex_lock(&h->lock);
    while (h->end == MN_GEN_NOT_ENDED) pthread_cond_wait(&h->over, &h->lock);
    pthread_mutex_unlock(&h->lock);
    mn_batcher_free(b);
    mn_buf_addc(&h->text, '\0');
}

/* What a model of random weights says of itself is what it knows by heart. */
static void a_generation_ends_before_it_and_others_stay_as_they_are(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        void (*const say)(heard *) = way ? batched : generate;
        heard free_, other, guarded, later;
        say(&free_);
        OK(free_.text.len == 151);
        mn_guard *g = guard_of(SECRET);
        mn_engine_guard(engine, g);
        mn_guard_unref(g); /* the engine has its own reference */
        say(&other);
        OK(strcmp(free_.text.ptr, other.text.ptr) == 0 && free_.end == other.end);
        g = guard_of(free_.text.ptr + 20);
        OK(mn_guard_windows(g) > 0);
        mn_engine_guard(engine, g);
        say(&guarded);
        OK(way == 0 || guarded.end == MN_GEN_GUARDED);
        OK(guarded.tokens < free_.tokens && guarded.text.len - 1 < 20 + MN_GUARD_SPAN);
        OK(strncmp(free_.text.ptr, guarded.text.ptr, guarded.text.len - 1) == 0);
        mn_engine_guard(engine, NULL);
        mn_guard_unref(g);
        say(&later);
        OK(strcmp(free_.text.ptr, later.text.ptr) == 0);
        mn_buf_release(&free_.text);
        mn_buf_release(&other.text);
        mn_buf_release(&guarded.text);
        mn_buf_release(&later.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_span_of_fifty_bytes_gets_out_wherever_it_begins),
        TEST(case_and_blanks_do_not_help),
        TEST(what_is_shorter_or_other_passes),
        TEST(what_the_prompt_says_may_be_repeated_and_nothing_beyond),
        TEST(many_texts_are_found_as_a_plain_search_finds_them),
        cmocka_unit_test_setup_teardown(a_generation_ends_before_it_and_others_stay_as_they_are,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

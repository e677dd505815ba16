#include "tiny.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "infer/batch.h"

/* ---- the room: an engine, and listeners --------------------------------------------------------------------------------- */

typedef struct room {
    char dir[64];
    mn_weights w;
} room;

enum { CONTEXT = 320, IDS_MAX = 512 };

static int open_room(void **state)
{
    room *r = calloc(1, sizeof *r);
    tiny_model(r->dir, 32, 8, CONTEXT, &r->w);
    *state = r;
    return 0;
}

static int close_room(void **state)
{
    room *r = *state;
    mn_weights_release(&r->w);
    test_tmp_remove(r->dir);
    free(r);
    return 0;
}

static mn_engine *engine(room *r, mn_engine_opts o)
{
    mn_err e = {0};
    mn_engine *g = NULL;
    if (!o.n_threads) o.n_threads = 2;
    RUN(mn_engine_load(r->dir, &o, &g, &e));
    return g;
}

static mn_batcher *batcher(mn_engine *g, mn_batcher_opts o)
{
    mn_err e = {0};
    mn_batcher *b = NULL;
    RUN(mn_batcher_new(g, &o, &b, &e));
    return b;
}

/* What came of a request. Written by the batcher's thread, read when `end` is set. */
typedef struct heard {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    mn_gen_end end;
    char error[256];
    mn_buf text;
    uint32_t ids[IDS_MAX];
    size_t n_ids, n_events;
    mn_logprob chosen[IDS_MAX], best[IDS_MAX];
    uint32_t prompt_tokens, cached_tokens, tokens;
    float embedding[64];
    mn_batcher *cancel_on; /* cancels itself after some events */
    _Atomic uint64_t id;
    size_t cancel_after;
    int64_t order; /* when it ended */
} heard;

static atomic_llong ends;

static heard *listener(void)
{
    heard *h = calloc(1, sizeof *h);
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->ended, NULL);
    mn_buf_init(&h->text, 0);
    return h;
}

static void hear(void *arg, const mn_gen_event *ev)
{
    heard *h = arg;
    OK(mn_utf8_valid(ev->text));
    pthread_mutex_lock(&h->lock);
    OK(h->end == MN_GEN_NOT_ENDED); /* nothing comes after the end */
    mn_buf_adds(&h->text, ev->text);
    for (size_t i = 0; i < ev->n_ids; i++, h->n_ids++) {
        OK(h->n_ids < IDS_MAX);
        h->ids[h->n_ids] = ev->ids[i];
        if (ev->chosen) h->chosen[h->n_ids] = ev->chosen[i];
        if (ev->top) h->best[h->n_ids] = ev->top[2 * i]; /* tests ask for two */
    }
    h->n_events++;
    h->prompt_tokens = ev->prompt_tokens;
    h->cached_tokens = ev->cached_tokens;
    h->tokens = ev->tokens;
    if (ev->embedding) memcpy(h->embedding, ev->embedding, 32 * sizeof(float));
    if (ev->error) snprintf(h->error, sizeof h->error, "%s", ev->error);
    h->end = ev->end;
    if (ev->end) h->order = atomic_fetch_add(&ends, 1);
    mn_batcher *cancel_on = h->n_events == h->cancel_after ? h->cancel_on : NULL;
    pthread_cond_signal(&h->ended);
    pthread_mutex_unlock(&h->lock);
    if (cancel_on)
        mn_batcher_cancel(cancel_on, h->id); /* then it has not ended: h is still there */
}

static void wait_end(heard *h)
{
    pthread_mutex_lock(&h->lock);
    while (!h->end) pthread_cond_wait(&h->ended, &h->lock);
    pthread_mutex_unlock(&h->lock);
}

static void wait_events(heard *h, size_t n)
{
    pthread_mutex_lock(&h->lock);
    while (!h->end && h->n_events < n) pthread_cond_wait(&h->ended, &h->lock);
    pthread_mutex_unlock(&h->lock);
}

static void drop(heard *h)
{
    pthread_mutex_destroy(&h->lock);
    pthread_cond_destroy(&h->ended);
    mn_buf_release(&h->text);
    free(h);
}

static heard *ask(mn_batcher *b, mn_gen_request r)
{
    mn_err e = {0};
    uint64_t id;
    heard *h = listener();
    r.on_event = hear;
    r.arg = h;
    if (r.sampling.top_p == 0) r.sampling.top_p = 1;
    RUN(mn_batcher_submit(b, &r, &id, NULL, &e));
    h->id = id;
    return h;
}

static void same_answer(const heard *a, const heard *b)
{
    assert_int_equal(a->n_ids, b->n_ids);
    OK(memcmp(a->ids, b->ids, a->n_ids * sizeof *a->ids) == 0);
    OK(mn_str_eq(mn_buf_str(&a->text), mn_buf_str(&b->text)));
    assert_int_equal(a->end, b->end);
}

/* ---- tests ---------------------------------------------------------------------------------------------------------------- */

static mn_gen_request request(const uint32_t *ids, size_t n, uint32_t max_tokens)
{
    return (mn_gen_request){
        .prompt = ids, .n_prompt = n, .max_tokens = max_tokens, .ignore_end = true};
}

static void an_answer_is_that_of_the_plain_loop(void **state)
{
    mn_err e = {0};
    mn_engine *g = engine(*state, (mn_engine_opts){0});
    mn_batcher *b = batcher(g, (mn_batcher_opts){0});
    uint32_t ids[40];
    const float *l;
    mn_seq *s;
    mn_sampler *p;
    tiny_ids(mn_engine_vocab(g), 1, ids, 40);
    const mn_sampling how = {.temperature = 1, .top_p = 0.9f, .seed = 3};
    mn_gen_request r = request(ids, 40, 60);
    r.sampling = how;
    heard *h = ask(b, r);
    wait_end(h);
    RUN(mn_seq_new(g, &s, &e));
    RUN(mn_sampler_new(&how, mn_engine_vocab(g), &p, &e));
    RUN(mn_seq_feed(s, ids, 40, &l, &e));
    uint32_t banned[MN_TOK_SPECIALS], n_banned = 0;
    for (uint32_t i = 0; i < MN_TOK_SPECIALS; i++)
        if (mn_tok_is_condition(i)) banned[n_banned++] = i;
    for (int i = 0; i < 60; i++) {
        uint32_t id = mn_sampler_pick(p, l, NULL, banned, n_banned);
        mn_sampler_took(p, id);
        assert_int_equal(h->ids[i], id);
        RUN(mn_seq_feed(s, &id, 1, &l, &e));
    }
    assert_int_equal(h->end, MN_GEN_LENGTH);
    assert_int_equal(h->tokens, 60);
    assert_int_equal(h->prompt_tokens, 40);
    mn_sampler_free(p);
    mn_seq_free(s);
    drop(h);
    mn_batcher_free(b);
    mn_engine_free(g);
}

/* Many at once, prompts of all lengths (some with the same beginning), greedy and sampled, twice: in company and alone. */
enum { MANY = 24 };

static mn_gen_request one_of_many(const mn_engine *g, uint32_t i, uint32_t ids[200])
{
    size_t n = 3 + i * 8;
    tiny_ids(mn_engine_vocab(g), i % 3 == 0 ? 77 : i, ids, n); /* a third begin alike */
    mn_gen_request r = request(ids, n, 30 + i);
    r.client = i % 5;
    r.sampling = (mn_sampling){.temperature = i % 2 ? 0.0f : 1.1f,
                               .top_p = 0.95f,
                               .seed = i,
                               .frequency = i % 4 ? 0 : 0.4f};
    return r;
}

static void company(mn_engine *g, mn_batcher *b, heard *h[MANY])
{
    uint32_t ids[200];
    for (uint32_t i = 0; i < MANY; i++) h[i] = ask(b, one_of_many(g, i, ids));
    for (uint32_t i = 0; i < MANY; i++) wait_end(h[i]);
}

static void alone(mn_engine *g, mn_batcher *b, heard *h[MANY])
{
    uint32_t ids[200];
    for (uint32_t i = 0; i < MANY; i++) {
        mn_gen_request r = one_of_many(g, i, ids);
        r.no_lookup = true;
        wait_end(h[i] = ask(b, r));
    }
}

static void check_company(room *r, mn_engine_opts few, mn_batcher_opts o, bool must_recompute)
{
    mn_engine *g = engine(r, (mn_engine_opts){0}), *h = engine(r, few);
    mn_batcher *b = batcher(g, (mn_batcher_opts){.running = 1}), *c = batcher(h, o);
    heard *want[MANY], *got[MANY];
    mn_batch_stats s;
    unsigned round = 0;
    alone(g, b, want);
    do { /* how many meet in the cache is a matter of timing: until somebody had to make room */
        company(h, c, got);
        mn_batcher_stats(c, &s);
        for (int i = 0; i < MANY; i++) same_answer(want[i], got[i]), drop(got[i]);
        round++;
        assert_int_equal(s.requests, MANY * round);
        assert_int_equal(s.ended[MN_GEN_LENGTH], MANY * round);
        assert_int_equal(s.running + s.waiting + s.blocks_used, 0);
    } while (must_recompute && s.recomputed == 0 && round < 200);
    OK(!must_recompute || s.recomputed > 0);
    for (int i = 0; i < MANY; i++) drop(want[i]);
    mn_batcher_free(b), mn_batcher_free(c);
    mn_engine_free(g), mn_engine_free(h);
}

static void answers_are_the_same_in_company_and_alone(void **state)
{
    check_company(*state, (mn_engine_opts){.n_threads = 3}, (mn_batcher_opts){0}, false);
    check_company(*state, (mn_engine_opts){.n_threads = 1},
                  (mn_batcher_opts){.running = 5, .rows = 20}, false);
}

static void answers_are_the_same_when_the_cache_is_too_small_for_all(void **state)
{
    /* a block: 32 positions, 2 heads of 8, keys and values in f16, 2 layers: 4 KiB; twelve of them */
    check_company(*state, (mn_engine_opts){.cache_bytes = 12 * 4096},
                  (mn_batcher_opts){.running = 12}, true);
}

static void a_beginning_that_was_there_before_is_not_computed_again(void **state)
{
    mn_engine *g = engine(*state, (mn_engine_opts){0});
    mn_batcher *b = batcher(g, (mn_batcher_opts){0});
    uint32_t ids[200];
    tiny_ids(mn_engine_vocab(g), 5, ids, 200);
    heard *first = ask(b, request(ids, 100, 8));
    wait_end(first);
    heard *again = ask(b, request(ids, 100, 8));
    wait_end(again);
    uint32_t other = ids[70];
    ids[70] = other == MN_TOK_SPECIALS ? other + 1 : MN_TOK_SPECIALS;
    heard *partly = ask(b, request(ids, 100, 8));
    wait_end(partly);
    assert_int_equal(first->cached_tokens, 0);
    assert_int_equal(again->cached_tokens, 96);
    assert_int_equal(partly->cached_tokens, 64);
    same_answer(first, again);
    drop(first), drop(again), drop(partly);
    mn_batcher_free(b);
    mn_engine_free(g);
}

static void a_conversation_goes_on_from_its_own_answer(void **state)
{
    mn_engine *g = engine(*state, (mn_engine_opts){0});
    mn_batcher *b = batcher(g, (mn_batcher_opts){0});
    uint32_t ids[200];
    tiny_ids(mn_engine_vocab(g), 6, ids, 200);
    heard *h = ask(b, request(ids, 40, 60));
    wait_end(h);
    memcpy(ids + 40, h->ids, 60 * sizeof *ids);
    heard *next = ask(b, request(ids, 120, 5));
    wait_end(next);
    assert_int_equal(next->cached_tokens, 96); /* of 99 that were computed */
    drop(h), drop(next);
    mn_batcher_free(b);
    mn_engine_free(g);
}

static void a_long_prompt_freezes_nobody(void **state)
{
    mn_engine *g = engine(*state, (mn_engine_opts){0});
    mn_batcher *b = batcher(g, (mn_batcher_opts){.rows = 20});
    uint32_t a[10], c[300];
    mn_batch_stats s;
    tiny_ids(mn_engine_vocab(g), 1, a, 10);
    tiny_ids(mn_engine_vocab(g), 2, c, 300);
    mn_gen_request r = request(a, 10, 200);
    r.no_lookup = true;
    heard *writer = ask(b, r);
    wait_events(writer, 2);
    heard *reader = ask(b, request(c, 300, 1));
    wait_end(reader);
    pthread_mutex_lock(&writer->lock);
    size_t meanwhile = writer->n_events;
    pthread_mutex_unlock(&writer->lock);
    OK(meanwhile >= 12); /* 300 tokens at 16 to 19 a step, one token of the other with each */
    wait_end(writer);
    mn_batcher_stats(b, &s);
    OK(s.first_token[MN_BATCH_BUCKETS - 1] == 2 && s.between[MN_BATCH_BUCKETS - 1] == 199);
    drop(writer), drop(reader);
    mn_batcher_free(b);
    mn_engine_free(g);
}

static void the_client_with_the_least_tokens_is_served_first(void **state)
{
    mn_engine *g = engine(*state, (mn_engine_opts){0});
    mn_batcher *b = batcher(g, (mn_batcher_opts){.running = 1});
    uint32_t ids[64];
    heard *greedy[4], *modest;
    atomic_store(&ends, 0);
    tiny_ids(mn_engine_vocab(g), 9, ids, 64);
    for (int i = 0; i < 4; i++) {
        mn_gen_request r = request(ids, 64, 100);
        r.client = 1;
        greedy[i] = ask(b, r);
    }
    mn_gen_request r = request(ids, 5, 5);
    r.client = 2;
    modest = ask(b, r);
    for (int i = 0; i < 4; i++) wait_end(greedy[i]);
    wait_end(modest);
    OK(modest->order <= 1); /* after the one that ran already, before the other three */
    for (int i = 0; i < 4; i++) drop(greedy[i]);
    drop(modest);
    mn_batcher_free(b);
    mn_engine_free(g);
}

static void a_full_queue_says_when_to_come_again(void **state)
{
    mn_engine *g = engine(*state, (mn_engine_opts){0});
    mn_batcher *b = batcher(g, (mn_batcher_opts){.running = 1, .waiting = 3});
    uint32_t ids[8], retry = 0, refused = 0;
    mn_err e = {0};
    heard *h[20] = {0};
    mn_batch_stats s;
    tiny_ids(mn_engine_vocab(g), 9, ids, 8);
    for (int i = 0; i < 20; i++) {
        mn_gen_request r = request(ids, 8, 300);
        r.on_event = hear;
        r.arg = h[i] = listener();
        r.sampling.top_p = 1;
        mn_rc rc = mn_batcher_submit(b, &r, NULL, &retry, &e);
        if (rc == MN_OK) continue;
        assert_int_equal(rc, MN_E_BUSY);
        OK(retry >= 1 && retry <= 120);
        refused++;
        drop(h[i]);
        h[i] = NULL;
    }
    OK(refused >= 10);
    mn_batcher_stats(b, &s);
    assert_int_equal(s.refused, refused);
    mn_batcher_free(b); /* ends all of them */
    for (int i = 0; i < 20; i++)
        if (h[i]) {
            OK(h[i]->end == MN_GEN_CANCELLED || h[i]->end == MN_GEN_LENGTH);
            drop(h[i]);
        }
    mn_engine_free(g);
}

static void cancelling_ends_those_that_run_and_those_that_wait(void **state)
{
    mn_engine *g = engine(*state, (mn_engine_opts){0});
    mn_batcher *b = batcher(g, (mn_batcher_opts){.running = 1});
    uint32_t ids[8];
    mn_batch_stats s;
    tiny_ids(mn_engine_vocab(g), 9, ids, 8);
    heard *runs = ask(b, request(ids, 8, 0)), *waits = ask(b, request(ids, 8, 0)), *self;
    mn_batcher_cancel(b, waits->id);
    wait_end(waits);
    mn_batcher_cancel(b, runs->id);
    wait_end(runs);
    OK(waits->end == MN_GEN_CANCELLED && waits->n_ids == 0);
    OK(runs->end == MN_GEN_CANCELLED || runs->end == MN_GEN_LENGTH);
    self = listener();
    self->cancel_on = b;
    self->cancel_after = 3;
    mn_gen_request r = request(ids, 8, 0);
    mn_err e = {0};
    uint64_t id;
    r.on_event = hear, r.arg = self, r.sampling.top_p = 1, r.no_lookup = true;
    self->id = mn_batcher_submit(b, &r, &id, NULL, &e) == MN_OK ? 3 : 0; /* the third request */
    assert_int_equal(id, 3);
    wait_end(self);
    assert_int_equal(self->end, MN_GEN_CANCELLED);
    OK(self->n_events >= 3 && self->n_events <= 5);
    mn_batcher_cancel(b, 12345);
    mn_batcher_stats(b, &s);
    assert_int_equal(s.blocks_used, 0);
    drop(runs), drop(waits), drop(self);
    mn_batcher_free(b);
    mn_engine_free(g);
}

static void stop_strings_are_found_across_tokens_and_not_given_out(void **state)
{
    mn_engine *g = engine(*state, (mn_engine_opts){0});
    mn_batcher *b = batcher(g, (mn_batcher_opts){0});
    uint32_t ids[8];
    tiny_ids(mn_engine_vocab(g), 11, ids, 8);
    heard *whole = ask(b, request(ids, 8, 80));
    wait_end(whole);
    mn_str text = mn_buf_str(&whole->text);
    OK(text.len > 40);
    for (size_t at = 1; at + 7 < text.len;
         at += 5) { /* any seven bytes, most of several tokens */
        mn_str stop = mn_str_sub(text, at, at + 7);
        if (!mn_utf8_valid(stop)) continue;
        size_t first = mn_str_find(text, stop, 0);
        mn_gen_request r = request(ids, 8, 80);
        const mn_str stops[2] = {MN_STR("never written"), stop};
        r.stops = stops;
        r.n_stops = 2;
        heard *h = ask(b, r);
        wait_end(h);
        assert_int_equal(h->end, MN_GEN_STOP);
        OK(mn_str_eq(mn_buf_str(&h->text), mn_str_sub(text, 0, first)));
        drop(h);
    }
    drop(whole);
    mn_batcher_free(b);
    mn_engine_free(g);
}

static void log_probabilities_go_with_the_tokens(void **state)
{
    mn_engine *g = engine(*state, (mn_engine_opts){0});
    mn_batcher *b = batcher(g, (mn_batcher_opts){0});
    uint32_t ids[8];
    tiny_ids(mn_engine_vocab(g), 12, ids, 8);
    mn_gen_request r = request(ids, 8, 50);
    r.logprobs = true;
    r.n_top = 2;
    heard *h = ask(b, r);
    wait_end(h);
    for (size_t i = 0; i < h->n_ids; i++) {
        assert_int_equal(h->chosen[i].id, h->ids[i]);
        OK(h->chosen[i].logprob <= 0 && h->best[i].logprob >= h->chosen[i].logprob);
    }
    drop(h);
    mn_batcher_free(b);
    mn_engine_free(g);
}

static void an_embedding_is_that_of_the_sequence_and_has_length_one(void **state)
{
    mn_err e = {0};
    mn_engine *g = engine(*state, (mn_engine_opts){0});
    mn_batcher *b = batcher(g, (mn_batcher_opts){.rows = 32});
    uint32_t ids[150];
    float want[32];
    double length = 0;
    mn_seq *s;
    tiny_ids(mn_engine_vocab(g), 13, ids, 150);
    RUN(mn_seq_new(g, &s, &e));
    RUN(mn_seq_embed(s, ids, 150, want, &e));
    heard *busy = ask(b, request(ids, 20, 60));
    mn_gen_request r = request(ids, 150, 0);
    r.embed = true;
    heard *h = ask(b, r);
    wait_end(h);
    wait_end(busy);
    assert_memory_equal(h->embedding, want, sizeof want);
    for (int i = 0; i < 32; i++) length += (double)(want[i] * want[i]);
    OK(length > 0.9999 && length < 1.0001);
    assert_int_equal(h->n_ids, 0);
    drop(h), drop(busy);
    mn_seq_free(s);
    mn_batcher_free(b);
    mn_engine_free(g);
}

static void a_constrained_answer_is_one_of_the_choices(void **state)
{
    mn_err e = {0};
    mn_engine *g = engine(*state, (mn_engine_opts){0});
    mn_batcher *b = batcher(g, (mn_batcher_opts){0});
    const mn_str choices[] = {MN_STR("the post"), MN_STR("the author"), MN_STR("küche")};
    const uint32_t end = MN_TOK_END;
    mn_vocab_trie *t;
    mn_grammar *gr;
    uint32_t ids[30];
    RUN(mn_vocab_trie_new(mn_engine_tokenizer(g), &end, 1, &t, &e));
    RUN(mn_grammar_choice(t, choices, 3, &gr, &e));
    for (uint32_t i = 0; i < 12; i++) {
        tiny_ids(mn_engine_vocab(g), i, ids, 30);
        mn_gen_request r = request(ids, 30, 40);
        r.grammar = gr;
        r.sampling = (mn_sampling){.temperature = i % 2 ? 1.3f : 0, .top_p = 1, .seed = i};
        heard *h = ask(b, r);
        wait_end(h);
        bool one = false;
        for (int k = 0; k < 3; k++) one |= mn_str_eq(mn_buf_str(&h->text), choices[k]);
        OK(one);
        assert_int_equal(h->end, MN_GEN_STOP);
        drop(h);
    }
    mn_grammar_unref(gr);
    mn_batcher_free(b);
    mn_vocab_trie_free(t);
    mn_engine_free(g);
}

static void requests_that_make_no_sense_are_refused(void **state)
{
    mn_err e = {0};
    mn_engine *g = engine(*state, (mn_engine_opts){0});
    mn_batcher *b = batcher(g, (mn_batcher_opts){0});
    static uint32_t ids[CONTEXT + 1];
    uint64_t id;
    const mn_str empty = MN_STR("");
    mn_gen_request r = {.prompt = ids, .n_prompt = CONTEXT + 1, .on_event = hear};
    r.sampling.top_p = 1;
    FAILS(MN_E_LIMIT, mn_batcher_submit(b, &r, &id, NULL, &e));
    r.n_prompt = 0;
    FAILS(MN_E_USAGE, mn_batcher_submit(b, &r, &id, NULL, &e));
    r.n_prompt = 1;
    r.n_top = 21;
    FAILS(MN_E_USAGE, mn_batcher_submit(b, &r, &id, NULL, &e));
    r.n_top = 0, r.stops = &empty, r.n_stops = 1;
    FAILS(MN_E_USAGE, mn_batcher_submit(b, &r, &id, NULL, &e));
    r.n_stops = 0, r.sampling.temperature = -1;
    FAILS(MN_E_USAGE, mn_batcher_submit(b, &r, &id, NULL, &e));
    r.sampling.temperature = 0, ids[0] = mn_engine_vocab(g);
    FAILS(MN_E_USAGE, mn_batcher_submit(b, &r, &id, NULL, &e));
    ids[0] = MN_TOK_SPECIALS;
    mn_batcher_free(b);
    mn_engine_free(g);
}

static void an_answer_ends_where_the_context_does(void **state)
{
    mn_engine *g = engine(*state, (mn_engine_opts){0});
    mn_batcher *b = batcher(g, (mn_batcher_opts){0});
    uint32_t ids[CONTEXT];
    tiny_ids(mn_engine_vocab(g), 14, ids, CONTEXT);
    heard *most = ask(b, request(ids, CONTEXT - 20, 0)),
          *full = ask(b, request(ids, CONTEXT, 0));
    wait_end(most);
    wait_end(full);
    OK(most->end == MN_GEN_LENGTH && most->n_ids == 21);
    OK(full->end == MN_GEN_LENGTH && full->n_ids == 1);
    drop(most), drop(full);
    mn_batcher_free(b);
    mn_engine_free(g);
}

static void what_is_copied_is_drafted_and_the_answer_stays(void **state)
{
    mn_engine *g = engine(*state, (mn_engine_opts){0});
    mn_batcher *b = batcher(g, (mn_batcher_opts){0});
    uint32_t ids[200];
    mn_batch_stats s;
    tiny_ids(mn_engine_vocab(g), 15, ids, 30);
    mn_gen_request r = request(ids, 30, 250);
    r.no_lookup = true;
    heard *plain = ask(b, r);
    wait_end(plain);
    mn_batcher_stats(b, &s);
    assert_int_equal(s.drafted, 0);
    memcpy(ids + 30, plain->ids, 100 * sizeof *ids); /* greedy models repeat themselves */
    r = request(ids, 130, 150), r.no_lookup = false;
    heard *h = ask(b, r);
    wait_end(h);
    mn_batcher_stats(b, &s);
    OK(memcmp(h->ids, plain->ids + 100, 150 * sizeof *h->ids) == 0);
    OK(s.drafted >= s.accepted);
    print_message("drafted %d, held %d, steps %d\n", (int)s.drafted, (int)s.accepted,
                  (int)s.steps);
    drop(plain), drop(h);
    mn_batcher_free(b);
    mn_engine_free(g);
}

static void *crowd_member(void *arg)
{
    mn_batcher *b = arg;
    uint32_t ids[20];
    tiny_ids(400, 21, ids, 20);
    for (int i = 0; i < 10; i++) {
        heard *h = ask(b, request(ids, (size_t)(3 + i), 12));
        if (i % 3 == 0) mn_batcher_cancel(b, h->id);
        wait_end(h);
        drop(h);
    }
    return NULL;
}

static void threads_may_ask_and_cancel_while_sequences_are_used_too(void **state)
{
    mn_err e = {0};
    mn_engine *g = engine(*state, (mn_engine_opts){0});
    mn_batcher *b = batcher(g, (mn_batcher_opts){0});
    pthread_t t[4];
    uint32_t ids[20];
    const float *l;
    mn_seq *s;
    float first = 0;
    tiny_ids(400, 22, ids, 20);
    for (int i = 0; i < 4; i++) pthread_create(&t[i], NULL, crowd_member, b);
    RUN(mn_seq_new(g, &s, &e));
    for (int i = 0; i < 20; i++) {
        mn_seq_reset(s);
        RUN(mn_seq_feed(s, ids, 20, &l, &e));
        OK(i == 0 || l[7] == first);
        first = l[7];
    }
    for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
    mn_seq_free(s);
    mn_batcher_free(b);
    mn_engine_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_is_that_of_the_plain_loop),
        TEST(answers_are_the_same_in_company_and_alone),
        TEST(answers_are_the_same_when_the_cache_is_too_small_for_all),
        TEST(a_beginning_that_was_there_before_is_not_computed_again),
        TEST(a_conversation_goes_on_from_its_own_answer),
        TEST(a_long_prompt_freezes_nobody),
        TEST(the_client_with_the_least_tokens_is_served_first),
        TEST(a_full_queue_says_when_to_come_again),
        TEST(cancelling_ends_those_that_run_and_those_that_wait),
        TEST(stop_strings_are_found_across_tokens_and_not_given_out),
        TEST(log_probabilities_go_with_the_tokens),
        TEST(an_embedding_is_that_of_the_sequence_and_has_length_one),
        TEST(a_constrained_answer_is_one_of_the_choices),
        TEST(requests_that_make_no_sense_are_refused),
        TEST(an_answer_ends_where_the_context_does),
        TEST(what_is_copied_is_drafted_and_the_answer_stays),
        TEST(threads_may_ask_and_cancel_while_sequences_are_used_too),
    };
    return cmocka_run_group_tests(tests, open_room, close_room);
}

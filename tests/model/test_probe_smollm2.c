/* Bits per byte of an imported model, beside the engine's logits token by token. Where the model is looked for: test_smollm2.c. */
#include "test.h"

#include <math.h>

#include "infer/infer.h"
#include "model/probe.h"

static const char *const texts[] = {
    "Just landed in Venice and the sun is out!",
    "Why is nobody talking about the new bridge?",
    "Because it was closed again this morning.",
};

/* -log2 p of ids[from..n), each given all before it. */
static double engine_bits(mn_seq *s, const mn_ids *ids, uint32_t V)
{
    mn_err e = {0};
    const float *logits;
    double bits = 0;
    mn_seq_reset(s);
    for (size_t i = 0; i + 1 < ids->n; i++) {
        mn_logprob top;
        RUN(mn_seq_feed(s, ids->ptr + i, 1, &logits, &e));
        bits -= (double)mn_logprobs(logits, V, ids->ptr[i + 1], &top, 1) / log(2);
    }
    return bits;
}

static void an_imported_model_pays_what_its_logits_say(void **state)
{
    (void)state;
    mn_err e = {0};
    const char *named = getenv("MYNAH_SMOLLM2"), *usual = "build/models/smollm2.gguf";
    const char *path = named ? named : usual;
    if (access(path, R_OK) != 0) SKIP("SmolLM2 is not here (tools/get-smollm2.sh brings it)");
    mn_engine *g;
    mn_seq *s;
    mn_model *m;
    mn_probe p;
    mn_pool *pool;
    RUN(mn_engine_load(path, &(mn_engine_opts){.n_threads = 2, .context = 512}, &g, &e));
    RUN(mn_seq_new(g, &s, &e));
    RUN(mn_model_open(path, &m, &e));
    RUN(mn_probe_new(m, &p, &e));
    RUN(mn_pool_new(2, &pool, &e));
    mn_probe_text t[3] = {{.text = mn_str_from(texts[0])},
                          {.text = mn_str_from(texts[1])},
                          {.text = mn_str_from(texts[2])}};
    RUN(mn_probe_document(&p, t, 1, 0, &e));     /* the first alone … */
    RUN(mn_probe_document(&p, t + 1, 2, 0, &e)); /* … the others a conversation */
    RUN(mn_probe_run(&p, pool, 128, MN_F32, NULL, NULL, &e));
    const mn_tokenizer *tok = mn_engine_tokenizer(g);
    const uint32_t parts = mn_tok_find(tok, MN_STR("<|endoftext|>")), end = mn_tok_eos(tok);
    mn_ids a = {0}, b = {0};
    OK(mn_ids_add(&a, parts) == MN_OK && mn_ids_add(&b, parts) == MN_OK);
    OK(mn_tok_encode(tok, NULL, t[0].text, &a) == MN_OK && mn_ids_add(&a, end) == MN_OK);
    OK(mn_tok_encode(tok, NULL, t[1].text, &b) == MN_OK);
    OK(mn_tok_encode(tok, NULL, MN_STR("\n\n"), &b) == MN_OK);
    OK(mn_tok_encode(tok, NULL, t[2].text, &b) == MN_OK && mn_ids_add(&b, end) == MN_OK);
    double one = engine_bits(s, &a, mn_engine_vocab(g)),
           two = engine_bits(s, &b, mn_engine_vocab(g));
    assert_int_equal(p.n_ids, a.n + b.n);
    /* the engine's products are int8 and its cache is f16, the pass is float32 */
    OK(fabs(p.posts[0].bits / one - 1) < 0.02);
    OK(fabs((p.posts[1].bits + p.posts[2].bits) / two - 1) < 0.02);
    OK(p.posts[0].tokens + 1 == a.n && p.posts[1].tokens + p.posts[2].tokens + 1 == b.n);
    fprintf(stderr, "bits: %.2f and %.2f, by the engine %.2f and %.2f\n", p.posts[0].bits,
            p.posts[1].bits + p.posts[2].bits, one, two);
    mn_ids_release(&a), mn_ids_release(&b);
    mn_pool_free(pool);
    mn_probe_release(&p);
    mn_model_free(m);
    mn_seq_free(s);
    mn_engine_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(an_imported_model_pays_what_its_logits_say)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* mynah bench grammar: schemas compiled, and the masks of random walks under them, over the vocabulary of --model or of $MYNAH_SMOLLM2. "first" is the first output
 * under a grammar, when nothing is kept yet; "later" are those after it. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cmd/bench.h"
#include "infer/grammar.h"
#include "model/open.h"

enum { WALKS = 60, TOKENS_MAX = 400, SAMPLES = WALKS * TOKENS_MAX };

static const struct {
    const char *name, *schema;
} schemas[] = {
    {"person",
     "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"age\":{\"type\":"
     "\"integer\",\"minimum\":0,\"maximum\":120},"
     "\"email\":{\"type\":\"string\",\"format\":\"email\"},\"tags\":{\"type\":\"array\","
     "\"items\":{\"type\":\"string\",\"maxLength\":20},"
     "\"maxItems\":5}},\"required\":[\"name\",\"age\"],\"additionalProperties\":false}"},
    {"any", "true"},
    {"tree", "{\"$defs\":{\"n\":{\"type\":\"object\",\"properties\":{\"v\":{\"type\":"
             "\"string\"},\"k\":{\"type\":\"array\",\"items\":"
             "{\"$ref\":\"#/$defs/n\"}}},\"required\":[\"v\"]}},\"$ref\":\"#/$defs/n\"}"},
    {"tools", "{\"anyOf\":[{\"type\":\"object\",\"properties\":{\"name\":{\"const\":\"search\"}"
              ",\"arguments\":{\"type\":\"object\",\"properties\":"
              "{\"q\":{\"type\":\"string\"}},\"required\":[\"q\"]}},\"required\":[\"name\","
              "\"arguments\"]},{\"type\":\"object\",\"properties\":"
              "{\"name\":{\"const\":\"weather\"},\"arguments\":{\"type\":\"object\","
              "\"properties\":{\"city\":{\"type\":\"string\"},\"days\":"
              "{\"type\":\"integer\"}},\"required\":[\"city\"]}},\"required\":[\"name\","
              "\"arguments\"]}]}"},
    {"pattern", "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"pattern\":\"^[A-Za-z "
                "]{1,40}$\"},\"minItems\":3,\"maxItems\":6}"},
};

typedef struct job {
    mn_model *m;
    mn_vocab_trie *trie;
    const mn_json *schema;
    double *first, *later; /* [SAMPLES] microseconds */
    size_t n_first, n_later;
    double take_us, n_take;
    uint64_t seed;
} job;

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static uint32_t pick(job *j, const uint64_t *mask)
{
    uint32_t V = mn_tok_vocab(j->m->tok), n = 0, id = 0;
    for (uint32_t w = 0; w < (V + 63) / 64; w++) n += (uint32_t)__builtin_popcountll(mask[w]);
    j->seed = j->seed * UINT64_C(6364136223846793005) + 1;
    uint32_t k = (uint32_t)((j->seed >> 33) % n);
    for (;; id++) {
        if (mask[id / 64] >> id % 64 & 1 && !k--) return id;
    }
}

static mn_rc walk(job *j, mn_grammar *g, double *times, size_t *n, mn_err *e)
{
    mn_constraint *c;
    const uint64_t *mask;
    mn_rc rc = mn_constraint_new(g, &c, e);
    if (rc != MN_OK) return rc;
    for (int i = 0; i < TOKENS_MAX && rc == MN_OK; i++) {
        double t = now_us();
        rc = mn_constraint_mask(c, &mask, e);
        times[(*n)++] = now_us() - t;
        if (rc != MN_OK) break;
        uint32_t id = pick(j, mask);
        t = now_us();
        rc = mn_constraint_take(c, id, e);
        j->take_us += now_us() - t;
        j->n_take++;
        if (id == j->m->end_ids[0]) break;
    }
    mn_constraint_free(c);
    return rc;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(mn_bench_run *r, const char *schema, const char *what, double *times,
                   size_t n)
{
    char name[64];
    qsort(times, n, sizeof *times, by_size);
    for (int k = 0; k < 2; k++) {
        snprintf(name, sizeof name, "%s %s %s", schema, what, k ? "p99" : "p50");
        mn_bench_value(r, name, times[k ? n * 99 / 100 : n / 2], "us", "one mask, CPU time");
    }
}

static mn_rc compile(void *arg, mn_err *e)
{
    job *j = arg;
    mn_grammar *g;
    MN_TRY(mn_grammar_json_schema(j->trie, j->schema, &g, e));
    mn_grammar_unref(g);
    return MN_OK;
}

static mn_rc measure(mn_bench_run *r, job *j, const char *name, const char *schema, mn_err *e)
{
    mn_grammar *g;
    mn_json *v;
    char line[64];
    MN_TRY(mn_json_parse(mn_str_from(schema), &r->arena, &v, e));
    j->schema = v;
    j->n_first = j->n_later = 0;
    j->take_us = j->n_take = 0;
    snprintf(line, sizeof line, "%s compile", name);
    MN_TRY(mn_bench_measure(r, line, 1, "schemas", NULL, compile, j, e));
    MN_TRY(mn_grammar_json_schema(j->trie, v, &g, e));
    mn_rc rc = walk(j, g, j->first, &j->n_first, e);
    for (int i = 1; i < WALKS && rc == MN_OK; i++) rc = walk(j, g, j->later, &j->n_later, e);
    mn_grammar_unref(g);
    if (rc != MN_OK) return rc;
    report(r, name, "first", j->first, j->n_first);
    report(r, name, "later", j->later, j->n_later);
    snprintf(line, sizeof line, "%s take", name);
    mn_bench_value(r, line, j->take_us / j->n_take, "us", "going on by a token, mean");
    return MN_OK;
}

static mn_rc make_trie(void *arg, mn_err *e)
{
    job *j = arg;
    mn_vocab_trie_free(j->trie);
    j->trie = NULL;
    return mn_vocab_trie_new(j->m->tok, j->m->end_ids, j->m->n_end_ids, &j->trie, e);
}

static mn_rc run(mn_bench_run *r, mn_err *e)
{
    const char *path = r->model ? r->model : getenv("MYNAH_SMOLLM2");
    job j = {.seed = 1};
    if (!path) return mn_fail(e, MN_E_NOT_FOUND, "no vocabulary: name a model with --model");
    MN_TRY(mn_model_open(path, &j.m, e));
    j.first = mn_arena_alloc(&r->arena, 2 * (size_t)SAMPLES * sizeof *j.first);
    mn_rc rc = j.first ? MN_OK : mn_fail(e, MN_E_NOMEM, "out of memory for a bench");
    j.later = j.first + SAMPLES;
    if (rc == MN_OK)
        rc = mn_bench_measure(r, "trie", mn_tok_vocab(j.m->tok), "tokens", NULL, make_trie, &j,
                              e);
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas && rc == MN_OK; i++)
        rc = measure(r, &j, schemas[i].name, schemas[i].schema, e);
    mn_vocab_trie_free(j.trie);
    mn_model_free(j.m);
    return rc;
}

const mn_bench mn_bench_grammar[] = {
    {"grammar", "schemas compiled, and masks over a model's vocabulary", run},
    {0},
};

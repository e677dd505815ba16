/* Grammars over a served model's vocabulary: the trie with the first need, compiled schemas kept by what they say. */
#include "api/served_int.h"
#include "base/hash.h"

static mn_served__model *of(mn_serving *v)
{
    return (mn_served__model *)(void *)v; /* pub is the first member */
}

static mn_rc make_trie(mn_served__model *m, mn_err *e)
{
    uint32_t ends[16], V = mn_engine_vocab(m->pub.engine);
    size_t n = 0;
    for (uint32_t id = 0; id < V && n < 16; id++)
        if (mn_engine_is_end(m->pub.engine, id)) ends[n++] = id;
    return mn_vocab_trie_new(mn_engine_tokenizer(m->pub.engine), ends, n, &m->trie, e);
}

mn_rc mn_serving_trie(mn_serving *v, const mn_vocab_trie **ret, mn_err *e)
{
    mn_served__model *m = of(v);
    pthread_mutex_lock(&m->lock);
    mn_rc rc = m->trie ? MN_OK : make_trie(m, e);
    if (rc == MN_OK) *ret = m->trie;
    pthread_mutex_unlock(&m->lock);
    return rc;
}

static mn_rc hash_of(const mn_json *schema, uint8_t ret[32], mn_err *e)
{
    mn_buf b;
    mn_json_writer w;
    mn_buf_init(&b, 16u << 20);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_tree(&w, schema);
    mn_rc rc = b.failed;
    if (rc == MN_OK) mn_sha256_of(b.ptr, b.len, ret);
    mn_buf_release(&b);
    return rc == MN_OK ? rc : mn_fail(e, rc, "the schema is too large");
}

static mn_grammar *recall(mn_served__model *m, const uint8_t hash[32])
{
    mn_grammar *g = NULL;
    pthread_mutex_lock(&m->lock);
    for (int i = 0; i < MN_SERVED_GRAMMARS && !g; i++) {
        mn_served__grammar *k = &m->grammars[i];
        if (!k->grammar || memcmp(k->hash, hash, 32) != 0) continue;
        k->used = ++m->grammar_uses;
        g = mn_grammar_ref(k->grammar);
    }
    pthread_mutex_unlock(&m->lock);
    return g;
}

/* In the place of the one that was not asked for for the longest time. */
static void keep(mn_served__model *m, const uint8_t hash[32], mn_grammar *g)
{
    pthread_mutex_lock(&m->lock);
    mn_served__grammar *k = &m->grammars[0];
    for (int i = 1; i < MN_SERVED_GRAMMARS; i++)
        if (m->grammars[i].used < k->used) k = &m->grammars[i];
    mn_grammar *old = k->grammar;
    memcpy(k->hash, hash, 32);
    k->grammar = mn_grammar_ref(g);
    k->used = ++m->grammar_uses;
    pthread_mutex_unlock(&m->lock);
    mn_grammar_unref(old);
}

/* schema NULL: any JSON object. */
static mn_rc compiled(mn_served__model *m, const mn_json *schema, mn_grammar **ret, mn_err *e)
{
    uint8_t hash[32] = {0};
    const mn_vocab_trie *trie;
    if (schema) MN_TRY(hash_of(schema, hash, e));
    mn_grammar *g = recall(m, hash);
    if (!g) {
        MN_TRY(mn_serving_trie(&m->pub, &trie, e));
        MN_TRY(schema ? mn_grammar_json_schema(trie, schema, &g, e)
                      : mn_grammar_json(trie, &g, e));
        keep(m, hash, g);
    }
    *ret = g;
    return MN_OK;
}

mn_rc mn_serving_schema(mn_serving *v, const mn_json *schema, mn_grammar **ret, mn_err *e)
{
    return compiled(of(v), schema, ret, e);
}

mn_rc mn_serving_json_object(mn_serving *v, mn_grammar **ret, mn_err *e)
{
    return compiled(of(v), NULL, ret, e);
}

void mn_served__grammars_release(mn_served__model *m)
{
    for (int i = 0; i < MN_SERVED_GRAMMARS; i++) mn_grammar_unref(m->grammars[i].grammar);
    mn_vocab_trie_free(m->trie);
}

/* module: infer */
/* Any bytes as a JSON schema: it is refused with words, or whatever is drawn under its masks is JSON, mask and allows() agree, forced bytes are
 * the only ones, and the end comes. The first two bytes are the seed of the drawing. */
#include <stdio.h>
#include <stdlib.h>

#include "infer/grammar.h"

static mn_tokenizer *tok;
static mn_vocab_trie *trie;
static const uint32_t end = MN_TOK_END;

static void prepare(void)
{
    static const char *const lines[] = {"{\"name\": \"Ada\", \"tags\": [\"a\", \"b\"]}",
                                        "[{\"id\":1},{\"id\":22}]",
                                        "\"},{\"",
                                        "\\\"\\u00e9 grüße 世界",
                                        "{\n  \"a\": null\n}",
                                        "true false null 10.5e-3"};
    mn_err e = {0};
    mn_tok_trainer *t;
    if (mn_tok_trainer_new(&t, &e) != MN_OK) abort();
    for (int k = 0; k < 12; k++) {
        if (mn_tok_trainer_add(t, mn_str_from(lines[k / 2]), &e) != MN_OK) abort();
    }
    if (mn_tok_trainer_finish(t, 460, &tok, &e) != MN_OK) abort();
    mn_tok_trainer_free(t);
    if (mn_vocab_trie_new(tok, &end, 1, &trie, &e) != MN_OK) abort();
}

static uint32_t pick(const uint64_t *mask, uint32_t V, uint64_t *seed)
{
    uint32_t n = 0;
    for (uint32_t id = 0; id < V; id++) n += mask[id / 64] >> id % 64 & 1;
    if (!n) abort();
    *seed = *seed * UINT64_C(6364136223846793005) + 1;
    uint32_t k = (uint32_t)((*seed >> 33) % n), id = 0;
    for (;; id++) {
        if (mask[id / 64] >> id % 64 & 1 && !k--) return id;
    }
}

static void check_json(const mn_buf *text)
{
    mn_err e = {0};
    mn_arena a;
    mn_json *v;
    mn_arena_init(&a, 0);
    mn_rc rc = mn_json_parse(mn_buf_str(text), &a, &v, &e);
    if (rc != MN_OK && !strstr(e.msg, "twice")) abort();
    mn_arena_release(&a);
}

static void draw(mn_grammar *g, uint64_t seed)
{
    mn_err e = {0};
    mn_constraint *c;
    mn_buf text;
    const uint64_t *mask;
    uint32_t V = mn_tok_vocab(tok), id = 0;
    mn_buf_init(&text, 0);
    if (mn_constraint_new(g, &c, &e) != MN_OK) abort();
    for (int i = 0; id != end; i++) {
        char forced = 0;
        mn_str f = mn_constraint_forced(c);
        if (f.len) forced = f.ptr[0];
        if (mn_constraint_mask(c, &mask, &e) != MN_OK) abort();
        id = pick(mask, V, &seed);
        if (!mn_constraint_allows(c, id) || mn_constraint_take(c, id, &e) != MN_OK) abort();
        if (id == end) break;
        mn_str s = mn_tok_bytes(tok, id);
        if (f.len && s.ptr[0] != forced) abort();
        mn_buf_adds(&text, s);
        if (i == 3000) goto out; /* the end is far, and tested elsewhere */
    }
    check_json(&text);
out:
    mn_constraint_free(c);
    mn_buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_err e = {0};
    mn_arena a;
    mn_json *v;
    mn_grammar *g;
    if (!tok) prepare();
    if (size < 2) return 0;
    mn_arena_init(&a, 0);
    mn_str text = {(const char *)data + 2, size - 2};
    if (mn_json_parse(text, &a, &v, &e) == MN_OK) {
        mn_rc rc = mn_grammar_json_schema(trie, v, &g, &e);
        if (rc == MN_OK) {
            draw(g, (uint64_t)data[0] << 8 | data[1]);
            mn_grammar_unref(g);
        } else if (!e.msg[0]) abort();
    }
    mn_arena_release(&a);
    return 0;
}

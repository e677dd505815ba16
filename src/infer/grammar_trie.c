/* The vocabulary as a trie over bytes, in the order of a walk: a node's children follow it, and end[] says where to go on when they are not
 * wanted. Walking is reading three arrays forward.
 *
 * Most tokens are plain text. Inside a JSON string they are all allowed (as far as a maximal length goes), so they are kept as ready
 * masks by their number of characters, and only the others, a small trie of their own, are walked. */
#include <stdlib.h>

#include "infer/grammar_int.h"

/* Characters of a plain token; 0: it is not plain. */
static uint32_t plain_characters(mn_str s)
{
    uint32_t n = 0, cp;
    for (size_t i = 0; i < s.len; n++) {
        size_t k = mn_utf8_decode(s.ptr + i, s.len - i, &cp);
        if (!k || cp < 0x20 || cp == '"' || cp == '\\') return 0;
        i += k;
    }
    return n <= MN_G_LEVELS ? n : 0;
}

static int by_bytes(const void *x, const void *y, void *arg)
{
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    int c = mn_str_cmp(mn_tok_bytes(arg, a), mn_tok_bytes(arg, b));
    return c ? c : (a > b) - (a < b);
}

static size_t common(mn_str a, mn_str b)
{
    size_t n = a.len < b.len ? a.len : b.len, i = 0;
    while (i < n && a.ptr[i] == b.ptr[i]) i++;
    return i;
}

static mn_rc trie_room(mn_gtrie *t, size_t n)
{
    t->byte = mn_alloc(n ? n : 1);
    t->depth = mn_alloc(n ? n : 1);
    t->end = mn_reallocarray(NULL, n ? n : 1, sizeof *t->end);
    t->id = mn_reallocarray(NULL, n ? n : 1, sizeof *t->id);
    return t->byte && t->depth && t->end && t->id ? MN_OK : MN_E_NOMEM;
}

/* ids are sorted by their bytes, no two of them alike. */
static mn_rc trie_make(const mn_tokenizer *tok, const uint32_t *ids, size_t n, mn_gtrie *t)
{
    uint32_t open[MN_G_TOKEN_MAX]; /* the node at each depth on the way to the last token */
    size_t depth = 0, nodes = 0;
    mn_str last = MN_STR_NONE;
    for (size_t i = 0; i < n; i++) {
        mn_str s = mn_tok_bytes(tok, ids[i]);
        nodes += s.len - common(last, s);
        last = s;
    }
    MN_TRY(trie_room(t, nodes));
    last = MN_STR_NONE;
    for (size_t i = 0; i < n; i++) {
        mn_str s = mn_tok_bytes(tok, ids[i]);
        size_t from = common(last, s);
        for (; depth > from; depth--) t->end[open[depth - 1]] = t->n;
        for (; depth < s.len; depth++) {
            open[depth] = t->n;
            t->byte[t->n] = (uint8_t)s.ptr[depth];
            t->depth[t->n] = (uint8_t)depth;
            t->id[t->n++] = UINT32_MAX;
        }
        t->id[open[depth - 1]] = ids[i];
        last = s;
    }
    for (; depth > 0; depth--) t->end[open[depth - 1]] = t->n;
    return MN_OK;
}

static void trie_release(mn_gtrie *t)
{
    mn_free(t->byte);
    mn_free(t->depth);
    mn_free(t->end);
    mn_free(t->id);
}

/* Leaves the first of those with the same bytes in ids; the others hang on it. */
static size_t chain_same(mn_vocab_trie *t, uint32_t *ids, size_t n)
{
    size_t kept = 0;
    uint32_t tail = 0;
    for (size_t i = 0; i < n; i++) {
        bool again = kept && mn_str_eq(mn_tok_bytes(t->tok, ids[kept - 1]),
                                       mn_tok_bytes(t->tok, ids[i]));
        if (again) t->same[tail] = ids[i];
        else ids[kept++] = ids[i];
        tail = ids[i];
    }
    return kept;
}

static size_t text_tokens(mn_vocab_trie *t, uint32_t *ret)
{
    size_t n = 0;
    for (uint32_t id = 0; id < t->V; id++) {
        mn_str s = mn_tok_bytes(t->tok, id);
        t->same[id] = UINT32_MAX;
        if (!s.ptr || !s.len || s.len > MN_G_TOKEN_MAX || mn_tok_is_special(t->tok, id))
            continue;
        bool end = false;
        for (size_t i = 0; i < t->n_ends; i++) end = end || t->ends[i] == id;
        if (end) continue;
        if (s.len == 1) t->have[(uint8_t)s.ptr[0]] = true;
        if (s.len > t->longest) t->longest = (uint32_t)s.len;
        ret[n++] = id;
    }
    return n;
}

/* Sorts the tokens into masks of plain ones by length and the rest, which stays in ids. */
static mn_rc make_plain(mn_vocab_trie *t, uint32_t *ids, size_t n, size_t *ret_rest)
{
    size_t rest = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t k = plain_characters(mn_tok_bytes(t->tok, ids[i]));
        if (!k) {
            ids[rest++] = ids[i];
            continue;
        }
        for (; t->n_plain < k; t->n_plain++) {
            t->plain[t->n_plain] = mn_calloc(t->words, sizeof(uint64_t));
            if (!t->plain[t->n_plain]) return MN_E_NOMEM;
        }
        for (uint32_t id = ids[i]; id != UINT32_MAX; id = t->same[id])
            t->plain[k - 1][id / 64] |= UINT64_C(1) << id % 64;
    }
    for (uint32_t k = 1; k < t->n_plain; k++) {
        for (size_t w = 0; w < t->words; w++) t->plain[k][w] |= t->plain[k - 1][w];
    }
    *ret_rest = rest;
    return MN_OK;
}

static mn_rc fill_trie(mn_vocab_trie *t, uint32_t *ids)
{
    size_t n = text_tokens(t, ids), rest;
    qsort_r(ids, n, sizeof *ids, by_bytes, (void *)(uintptr_t)t->tok);
    n = chain_same(t, ids, n);
    MN_TRY(trie_make(t->tok, ids, n, &t->all));
    MN_TRY(make_plain(t, ids, n, &rest));
    return trie_make(t->tok, ids, rest, &t->rest);
}

mn_rc mn_vocab_trie_new(const mn_tokenizer *tok, const uint32_t *end_ids, size_t n_end_ids,
                        mn_vocab_trie **ret, mn_err *e)
{
    uint32_t V = mn_tok_vocab(tok);
    if (!n_end_ids) return mn_fail(e, MN_E_USAGE, "a grammar needs a token to end with");
    for (size_t i = 0; i < n_end_ids; i++) {
        if (end_ids[i] >= V)
            return mn_fail(e, MN_E_USAGE, "end token %u is not in the vocabulary of %u",
                           end_ids[i], V);
    }
    mn_rc rc = MN_E_NOMEM;
    mn_vocab_trie *t = mn_calloc(1, sizeof *t);
    uint32_t *ids = mn_reallocarray(NULL, V, sizeof *ids);
    if (!t || !ids) goto out;
    t->tok = tok;
    t->V = V;
    t->words = (V + 63u) / 64u;
    t->same = mn_reallocarray(NULL, V, sizeof *t->same);
    t->ends = mn_reallocarray(NULL, n_end_ids, sizeof *t->ends);
    if (!t->same || !t->ends) goto out;
    memcpy(t->ends, end_ids, n_end_ids * sizeof *end_ids);
    t->n_ends = n_end_ids;
    rc = fill_trie(t, ids);
    if (rc != MN_OK) goto out;
    *ret = t;
    t = NULL;
out:
    mn_vocab_trie_free(t);
    mn_free(ids);
    return rc == MN_OK ? rc : mn_fail(e, rc, "out of memory for a vocabulary's trie");
}

void mn_vocab_trie_free(mn_vocab_trie *t)
{
    if (!t) return;
    trie_release(&t->all);
    trie_release(&t->rest);
    for (uint32_t k = 0; k < t->n_plain; k++) mn_free(t->plain[k]);
    mn_free(t->same);
    mn_free(t->ends);
    mn_free(t);
}

/* The tables derived from tokens and merges: bytes to ids, pairs to ranks, and the literal strings that are looked for in text. */
#include <stdlib.h>

#include "base/hash.h"
#include "text/tok_int.h"

static uint32_t table_mask(uint32_t n)
{
    uint32_t size = 16;
    while (size < n * 2) size *= 2;
    return size - 1;
}

/* ---- bytes to ids ------------------------------------------------------------------------------------------- */

/* Never all ones above an id, which is how an empty slot looks. */
static uint32_t tag_of(uint64_t h)
{
    const uint32_t tags = (1u << (32 - MN_TOK_ID_BITS)) - 1;
    return (uint32_t)((h >> 32) * tags >> 32) << MN_TOK_ID_BITS;
}

static uint32_t id_of(uint32_t slot)
{
    return slot == MN_TOK_NONE ? slot : slot & (MN_TOK_IDS_MAX - 1);
}

/* The slot that holds these bytes, or the empty one where they would go. */
static uint32_t *find_slot(const mn_tokenizer *t, mn_str bytes, uint64_t h)
{
    uint32_t i = (uint32_t)h & t->find_mask, tag = tag_of(h);
    while (t->find[i] != MN_TOK_NONE &&
           ((t->find[i] & ~(MN_TOK_IDS_MAX - 1)) != tag ||
            !mn_str_eq(mn_tok__bytes(t, id_of(t->find[i])), bytes)))
        i = (i + 1) & t->find_mask;
    return &t->find[i];
}

static void add_to_find(mn_tokenizer *t, uint32_t id)
{
    mn_str bytes = mn_tok__bytes(t, id);
    uint64_t h = mn_hash64(bytes.ptr, bytes.len, 0);
    uint32_t *slot = find_slot(t, bytes, h);
    if (*slot == MN_TOK_NONE) *slot = tag_of(h) | id;
}

/* An added token's name finds it and not text of the same bytes; text goes before the names of bytes and unused tokens. */
static int find_class(mn_tok_kind kind)
{
    if (mn_tok__is_added(kind)) return 0;
    if (kind == MN_TOK_NORMAL || kind == MN_TOK_SYMBOL) return 1;
    return kind == MN_TOK_HOLE ? 3 : 2;
}

static mn_rc index_find(mn_tokenizer *t)
{
    t->find_mask = table_mask(t->n);
    t->find = mn_reallocarray(NULL, t->find_mask + 1u, sizeof *t->find);
    if (!t->find) return MN_E_NOMEM;
    memset(t->find, 0xFF, (t->find_mask + 1u) * sizeof *t->find);
    for (int class = 0; class < 3; class ++) {
        for (uint32_t id = 0; id < t->n; id++)
            if (find_class(t->tokens[id].kind) == class) add_to_find(t, id);
    }
    return MN_OK;
}

uint32_t mn_tok_find(const mn_tokenizer *t, mn_str token)
{
    return id_of(*find_slot(t, token, mn_hash64(token.ptr, token.len, 0)));
}

uint32_t mn_tok__find_normal(const mn_tokenizer *t, mn_str bytes)
{
    uint32_t id = mn_tok_find(t, bytes);
    return id != MN_TOK_NONE && t->tokens[id].kind == MN_TOK_NORMAL ? id : MN_TOK_NONE;
}

/* ---- patterns ----------------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    const mn_tok_pattern *x = a, *y = b;
    int cmp = mn_str_cmp(x->text, y->text);
    return cmp ? cmp : (x->id > y->id) - (x->id < y->id);
}

static bool is_pattern_of(const mn_tok_token *x, bool symbols, bool normalized)
{
    if (symbols) return x->kind == MN_TOK_SYMBOL;
    return mn_tok__is_added(x->kind) && ((x->flags & MN_TOK_NORMALIZED) != 0) == normalized;
}

/* What is looked for in normalised text is normalised as text is. */
static mn_rc pattern_text(mn_tokenizer *t, mn_str name, bool normalized, mn_buf *b, mn_str *ret)
{
    *ret = name;
    if (!normalized) return MN_OK;
    mn_str text;
    MN_TRY(mn_tok__normalize(t, name, true, b, &text));
    char *copy = mn_arena_strndup(&t->arena, text.ptr, text.len);
    *ret = (mn_str){copy, text.len};
    return copy ? MN_OK : MN_E_NOMEM;
}

static mn_rc index_patterns(mn_tokenizer *t, mn_tok_patterns *p, bool symbols, bool normalized,
                            mn_buf *b)
{
    uint32_t n = 0;
    for (uint32_t id = 0; id < t->n; id++)
        n += is_pattern_of(&t->tokens[id], symbols, normalized);
    if (!n) return MN_OK;
    p->items = mn_arena_calloc(&t->arena, n, sizeof *p->items);
    if (!p->items) return MN_E_NOMEM;
    for (uint32_t id = 0; id < t->n; id++) {
        if (!is_pattern_of(&t->tokens[id], symbols, normalized)) continue;
        mn_tok_pattern *x = &p->items[p->n];
        x->id = id;
        MN_TRY(pattern_text(t, mn_tok__bytes(t, id), normalized, b, &x->text));
        if (!x->text.len) continue;
        uint8_t first = (uint8_t)x->text.ptr[0];
        p->first[first >> 6] |= UINT64_C(1) << (first & 63);
        p->n++;
    }
    qsort(p->items, p->n, sizeof *p->items, by_text);
    return MN_OK;
}

/* Among items[lo..hi), which share their first n bytes and are longer: the first whose byte n is at least c. */
static uint32_t pattern_bound(const mn_tok_patterns *p, uint32_t lo, uint32_t hi, size_t n,
                              unsigned c)
{
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if ((uint8_t)p->items[mid].text.ptr[n] < c) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

const mn_tok_pattern *mn_tok__pattern_at(const mn_tok_patterns *p, mn_str text, size_t at)
{
    uint32_t lo = 0, hi = p->n;
    const mn_tok_pattern *found = NULL;
    uint8_t first = (uint8_t)text.ptr[at];
    if (!(p->first[first >> 6] >> (first & 63) & 1)) return NULL;
    for (size_t n = 0; lo < hi && at + n < text.len; n++) {
        unsigned c = (uint8_t)text.ptr[at + n];
        lo = pattern_bound(p, lo, hi, n, c);
        hi = pattern_bound(p, lo, hi, n, c + 1);
        if (lo < hi && p->items[lo].text.len == n + 1) found = &p->items[lo];
        while (lo < hi && p->items[lo].text.len == n + 1) lo++;
    }
    return found;
}

/* ---- everything about tokens -------------------------------------------------------------------------------- */

static void index_bytes(mn_tokenizer *t)
{
    mn_tok_kind of = t->rules.pieces ? MN_TOK_BYTE : MN_TOK_NORMAL;
    memset(t->byte_id, 0xFF, sizeof t->byte_id);
    memset(t->ascii_id, 0xFF, sizeof t->ascii_id);
    for (uint32_t id = 0; id < t->n; id++) {
        mn_str bytes = mn_tok__bytes(t, id);
        if (bytes.len != 1) continue;
        uint8_t byte = (uint8_t)bytes.ptr[0];
        if (t->tokens[id].kind == of) t->byte_id[byte] = id;
        if (t->tokens[id].kind == MN_TOK_NORMAL && byte < 128) t->ascii_id[byte] = id;
    }
}

/* A blank after something else: a token that may reach into the next word. */
static bool reaches_over(mn_str s)
{
    for (size_t i = 1; i < s.len; i++) {
        if (s.ptr[i] == ' ' && s.ptr[i - 1] != ' ') return true;
    }
    return false;
}

static bool words_apart(const mn_tokenizer *t)
{
    if (!t->rules.byte_fallback && t->ascii_id[' '] == MN_TOK_NONE)
        return false; /* unknowns would join over it */
    for (uint32_t id = 0; id < t->n; id++) {
        mn_tok_kind kind = t->tokens[id].kind;
        if ((kind == MN_TOK_NORMAL || kind == MN_TOK_SYMBOL) &&
            reaches_over(mn_tok__bytes(t, id)))
            return false;
    }
    return true;
}

mn_rc mn_tok__index_tokens(mn_tokenizer *t)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    mn_rc rc = index_find(t);
    if (rc == MN_OK) rc = index_patterns(t, &t->raw, false, false, &b);
    if (rc == MN_OK) rc = index_patterns(t, &t->normalized, false, true, &b);
    if (rc == MN_OK) rc = index_patterns(t, &t->symbols, true, false, &b);
    index_bytes(t);
    t->words_apart = t->rules.pieces && words_apart(t);
    mn_buf_release(&b);
    return rc;
}

/* ---- pairs to ranks ----------------------------------------------------------------------------------------- */

mn_rc mn_tok__ranks_new(mn_tokenizer *t, uint32_t n)
{
    MN_ASSERT(n < MN_TOK_NO_RANK);
    mn_free(t->ranks);
    t->rank_mask = table_mask(n);
    t->rank_shift = (uint32_t)__builtin_clzll(t->rank_mask);
    t->ranks = mn_reallocarray(NULL, t->rank_mask + 1u, sizeof *t->ranks);
    if (!t->ranks) return MN_E_NOMEM;
    memset(t->ranks, 0xFF, (t->rank_mask + 1u) * sizeof *t->ranks);
    return MN_OK;
}

void mn_tok__ranks_add(mn_tokenizer *t, uint32_t rank)
{
    uint64_t pair = mn_tok__pair(t->merges[rank].left, t->merges[rank].right);
    uint32_t i = mn_tok__pair_slot(t, pair);
    while (t->ranks[i] != UINT64_MAX && (t->ranks[i] ^ pair) > MN_TOK_NO_RANK)
        i = (i + 1) & t->rank_mask;
    t->ranks[i] = pair | rank;
}

mn_rc mn_tok__index_merges(mn_tokenizer *t)
{
    MN_TRY(mn_tok__ranks_new(t, t->n_merges));
    for (uint32_t rank = 0; rank < t->n_merges; rank++) mn_tok__ranks_add(t, rank);
    return MN_OK;
}

/* Text to ids and back: what is merged on its own, and a cache of words. What merging does is in tok_merge.c, added tokens in prompts in
 * tok_prompt.c.
 *
 * Most pieces are words seen a moment ago: the cache is a direct-mapped table from pieces of up to 16 bytes and 7 ids (4 of a vocabulary
 * past 65,536) to their ids, half a cache line an entry. An entry is right or absent, never approximate: the whole piece is compared.
 */
#include <string.h>

#include "text/tok_int.h"

enum { KEY_MAX = 16, IDS_MAX = 7, WIDE_MAX = 4, CACHE_BITS = 16 };

typedef struct cached {
    uint64_t lo, hi;       /* the piece's first and last bytes, see make_key */
    uint8_t len, n;        /* of the piece; of its ids. len 0: empty */
    uint16_t ids[IDS_MAX]; /* wide: the lower halves of WIDE_MAX ids, then their third bytes */
} cached;

struct mn_tok_cache {
    uint64_t serial; /* of the tokenizer whose ids these are */
    cached slots[1u << CACHE_BITS];
};

mn_rc mn_tok_cache_new(mn_tok_cache **ret, mn_err *e)
{
    mn_tok_cache *c = mn_calloc(1, sizeof *c);
    if (!c) return mn_fail(e, MN_E_NOMEM, "out of memory for a cache of words");
    *ret = c;
    return MN_OK;
}

void mn_tok_cache_free(mn_tok_cache *c)
{
    mn_free(c);
}

/* ---- one piece ---------------------------------------------------------------------------------------------- */

/* A piece's bytes as ids; bytes that the vocabulary lacks are left out. */
static inline size_t byte_ids(const mn_tokenizer *t, const char *s, size_t n, uint32_t *ret)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t id = t->byte_id[(uint8_t)s[i]];
        if (id != MN_TOK_NONE) ret[k++] = id;
    }
    return k;
}

/* Room for `extra` more ids. */
static inline mn_rc ids_room(mn_ids *ids, size_t extra)
{
    if (extra <= ids->cap - ids->n) return MN_OK;
    if (extra > SIZE_MAX / 4 - ids->n) return MN_E_NOMEM;
    size_t cap = ids->cap * 2 > ids->n + extra ? ids->cap * 2 : ids->n + extra;
    uint32_t *bigger = mn_reallocarray(ids->ptr, cap, sizeof *bigger);
    if (!bigger) return MN_E_NOMEM;
    ids->ptr = bigger;
    ids->cap = cap;
    return MN_OK;
}

/* Writes a piece's ids to `ids`, which has room for n. `pieces` is rules.pieces, known where this is compiled. */
static inline mn_rc encode_piece(const mn_tokenizer *t, const char *s, size_t n, bool pieces,
                                 bool symbols, uint32_t *ids, size_t *ret_n)
{
    if (!pieces && t->rules.ignore_merges) {
        ids[0] = mn_tok__find_normal(t, (mn_str){s, n});
        *ret_n = 1;
        if (ids[0] != MN_TOK_NONE) return MN_OK;
    }
    size_t k =
        pieces ? mn_tok__symbols(t, (mn_str){s, n}, symbols, ids) : byte_ids(t, s, n, ids);
    return mn_tok__merge(t, ids, k, ret_n);
}

/* ---- the cache ---------------------------------------------------------------------------------------------- */

/* A piece of 1 to 16 bytes as two words that, with its length, tell it from every other. */
static inline void make_key(const char *s, size_t n, uint64_t *lo, uint64_t *hi)
{
    if (n >= 8) {
        memcpy(lo, s, 8);
        memcpy(hi, s + n - 8, 8);
    } else if (n >= 4) {
        uint32_t first, last;
        memcpy(&first, s, 4);
        memcpy(&last, s + n - 4, 4);
        *lo = first;
        *hi = last;
    } else {
        *lo = (uint8_t)s[0];
        *hi = (uint64_t)(uint8_t)s[n / 2] << 8 | (uint8_t)s[n - 1];
    }
}

static inline size_t cache_slot(uint64_t lo, uint64_t hi, size_t n)
{
    uint64_t h = (lo ^ (hi + n) * UINT64_C(0x9E3779B97F4A7C15)) * UINT64_C(0xD6E8FEB86659FD93);
    return (size_t)((h ^ h >> 32) * UINT64_C(0xD6E8FEB86659FD93) >> (64 - CACHE_BITS));
}

static inline bool is_wide(const mn_tokenizer *t)
{
    return t->n > 0x10000;
}

/* There is room for IDS_MAX ids, whatever n is. */
static inline void take_ids(const cached *x, bool wide, uint32_t *ids)
{
    uint8_t third[WIDE_MAX];
    if (wide) {
        memcpy(third, &x->ids[WIDE_MAX], WIDE_MAX);
        for (size_t i = 0; i < WIDE_MAX; i++) ids[i] = x->ids[i] | (uint32_t)third[i] << 16;
    } else {
        for (size_t i = 0; i < IDS_MAX; i++) ids[i] = x->ids[i];
    }
}

static inline void keep_ids(cached *x, bool wide, const uint32_t *ids, size_t n)
{
    uint8_t third[WIDE_MAX] = {0};
    for (size_t i = 0; i < n; i++) x->ids[i] = (uint16_t)ids[i];
    if (!wide) return;
    for (size_t i = 0; i < n; i++) third[i] = (uint8_t)(ids[i] >> 16);
    memcpy(&x->ids[WIDE_MAX], third, WIDE_MAX);
}

static inline mn_rc encode_cached(const mn_tokenizer *t, mn_tok_cache *c, const char *s,
                                  size_t n, bool pieces, mn_ids *ret)
{
    uint64_t lo, hi;
    bool wide = is_wide(t);
    make_key(s, n, &lo, &hi);
    cached *slot = &c->slots[cache_slot(lo, hi, n)];
    uint32_t *ids = ret->ptr + ret->n;
    if (slot->lo == lo && slot->hi == hi && slot->len == n) {
        take_ids(slot, wide, ids);
        ret->n += slot->n;
        return MN_OK;
    }
    size_t k;
    MN_TRY(encode_piece(t, s, n, pieces, true, ids, &k));
    ret->n += k;
    if (k > (wide ? WIDE_MAX : IDS_MAX)) return MN_OK;
    *slot = (cached){.lo = lo, .hi = hi, .len = (uint8_t)n, .n = (uint8_t)k};
    keep_ids(slot, wide, ids, k);
    return MN_OK;
}

/* A cache serves one tokenizer at a time: another one empties it. */
static void cache_adopt(mn_tok_cache *c, const mn_tokenizer *t)
{
    if (c->serial == t->serial) return;
    memset(c->slots, 0, sizeof c->slots);
    c->serial = t->serial;
}

/* ---- whole texts -------------------------------------------------------------------------------------------- */

/* Where the word of a piece tokenizer that starts at `at` ends. */
static size_t word_end(const mn_tokenizer *t, mn_str s, size_t at)
{
    bool each = t->rules.split_blanks;
    if (!each && !t->words_apart) return s.len;
    size_t end = at + 1;
    while (end < s.len && !(s.ptr[end] == ' ' && (each || s.ptr[end - 1] != ' '))) end++;
    return end;
}

/* text is cut and its parts are merged; what happens to text before is done. */
static inline mn_rc encode_text_of(const mn_tokenizer *t, mn_tok_cache *c, mn_str text,
                                   bool pieces, bool symbols, mn_ids *ret)
{
    mn_tok_splitter how = t->rules.splitter;
    if (c) cache_adopt(c, t);
    for (size_t at = 0, end; at < text.len; at = end) {
        end = pieces ? word_end(t, text, at) : mn_tok__split(text.ptr, text.len, at, how);
        MN_TRY(ids_room(ret, end - at + IDS_MAX)); /* never more ids than bytes */
        if (c && end - at <= KEY_MAX) {
            MN_TRY(encode_cached(t, c, text.ptr + at, end - at, pieces, ret));
        } else {
            size_t k;
            MN_TRY(encode_piece(t, text.ptr + at, end - at, pieces, symbols, ret->ptr + ret->n,
                                &k));
            ret->n += k;
        }
    }
    return MN_OK;
}

static mn_rc encode_text(const mn_tokenizer *t, mn_tok_cache *c, mn_str text, bool symbols,
                         mn_ids *ret)
{
    return t->rules.pieces ? encode_text_of(t, c, text, true, symbols, ret)
                           : encode_text_of(t, c, text, false, symbols, ret);
}

mn_rc mn_tok__encode_normalized(const mn_tokenizer *t, mn_tok_cache *c, mn_str text,
                                bool at_start, bool symbols, mn_ids *ret)
{
    if (!symbols && t->symbols.n) c = NULL; /* the cache knows words with symbols in them */
    if (!t->rules.metaspace) return encode_text(t, c, text, symbols, ret);
    mn_buf b;
    mn_buf_init(&b, 0);
    mn_rc rc = mn_tok__metaspace(t, text, at_start, &b, &text);
    if (rc == MN_OK) rc = encode_text(t, c, text, symbols, ret);
    mn_buf_release(&b);
    return rc;
}

static mn_rc encode_rewritten(const mn_tokenizer *t, mn_tok_cache *c, mn_str text, mn_ids *ret)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    mn_rc rc = mn_tok__normalize(t, text, true, &b, &text);
    if (rc == MN_OK) rc = mn_tok__encode_normalized(t, c, text, true, true, ret);
    mn_buf_release(&b);
    return rc;
}

mn_rc mn_tok_encode(const mn_tokenizer *t, mn_tok_cache *c, mn_str text, mn_ids *ret)
{
    size_t before = ret->n;
    bool as_it_is = !t->rules.pieces && !t->rules.nfc;
    mn_rc rc =
        as_it_is ? encode_text(t, c, text, true, ret) : encode_rewritten(t, c, text, ret);
    if (rc != MN_OK) ret->n = before;
    return rc;
}

mn_rc mn_tok_decode(const mn_tokenizer *t, const uint32_t *ids, size_t n, bool specials,
                    mn_buf *ret)
{
    bool strip = t->rules.strip;
    for (size_t i = 0; i < n; i++) {
        if (ids[i] >= t->n || t->tokens[ids[i]].kind == MN_TOK_HOLE) return MN_E_USAGE;
        if (t->tokens[ids[i]].kind == MN_TOK_SPECIAL && !specials) continue;
        mn_str bytes = mn_tok__bytes(t, ids[i]);
        if (strip && mn_str_starts(bytes, " ")) bytes = mn_str_sub(bytes, 1, SIZE_MAX);
        strip = false;
        MN_TRY(mn_buf_adds(ret, bytes));
    }
    return MN_OK;
}

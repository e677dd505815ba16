/* What a tokenizer is made of: tokens and merges, their names and their hash. Training (tok_train.c) and files (tok_build.c) make it,
 * tok_index.c adds the tables, encoding (tok_encode.c) uses it.
 *
 * Everything but two hash tables lies on the tokenizer's arena; once made, a tokenizer never changes, so threads may
 * share it.
 */
#include "text/tokenizer.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "text/tok_int.h"

/* ---- lists of ids ------------------------------------------------------------------------------------------- */

mn_rc mn_ids_add(mn_ids *ids, uint32_t id)
{
    if (ids->n == ids->cap) {
        size_t cap = ids->cap ? ids->cap * 2 : 64;
        uint32_t *bigger = mn_reallocarray(ids->ptr, cap, sizeof *bigger);
        if (!bigger) return MN_E_NOMEM;
        ids->ptr = bigger;
        ids->cap = cap;
    }
    ids->ptr[ids->n++] = id;
    return MN_OK;
}

void mn_ids_clear(mn_ids *ids)
{
    ids->n = 0;
}

void mn_ids_release(mn_ids *ids)
{
    mn_free(ids->ptr);
    *ids = (mn_ids){0};
}

/* ---- special tokens ----------------------------------------------------------------------------------------- */

/* Fixed for ever: an id's meaning is baked into trained models. Unused slots may be filled, nothing may move. */
const char *const mn_tok_langs[MN_TOK_LANGS] = {
    "und", "en", "es", "fr", "de", "pt", "it", "nl", "ja", "ko",  "zh",  "ar",  "ru",
    "tr",  "id", "hi", "fa", "th", "vi", "pl", "uk", "sv", "no",  "da",  "fi",  "cs",
    "el",  "he", "hu", "ro", "bg", "hr", "sr", "sk", "sl", "et",  "lv",  "lt",  "ca",
    "eu",  "gl", "ur", "bn", "ta", "te", "ml", "mr", "gu", "pa",  "ne",  "ms",  "tl",
    "sw",  "eo", "ga", "cy", "is", "sq", "mk", "af", "la", "x00", "x01", "x02",
};

const char *mn_tok__special_name(uint32_t id, char ret[24])
{
    static const char *const plain[MN_TOK_YEAR0] = {"start", "end", "reply", "quote", "pad"};
    if (id < MN_TOK_YEAR0) snprintf(ret, 24, "<|%s|>", plain[id]);
    else if (id < MN_TOK_MONTH0) snprintf(ret, 24, "<|time:%u|>", 2005 + (id - MN_TOK_YEAR0));
    else if (id < MN_TOK_LANG0) snprintf(ret, 24, "<|month:%02u|>", id - MN_TOK_MONTH0 + 1);
    else snprintf(ret, 24, "<|lang:%s|>", mn_tok_langs[id - MN_TOK_LANG0]);
    return ret;
}

uint32_t mn_tok_year(int64_t created_ms)
{
    int year, month, day, hour, min, sec;
    mn_time_to_civil(created_ms, &year, &month, &day, &hour, &min, &sec);
    if (year < 2005) return MN_TOK_YEAR0;
    uint32_t slot = (uint32_t)(year - 2005);
    return MN_TOK_YEAR0 + (slot < MN_TOK_YEARS ? slot : MN_TOK_YEARS - 1);
}

uint32_t mn_tok_month(int64_t created_ms)
{
    int year, month, day, hour, min, sec;
    mn_time_to_civil(created_ms, &year, &month, &day, &hour, &min, &sec);
    return MN_TOK_MONTH0 + (uint32_t)(month - 1);
}

uint32_t mn_tok_lang(mn_str code)
{
    size_t n = 0;
    while (n < code.len && code.ptr[n] != '-' && code.ptr[n] != '_') n++;
    mn_str primary = {code.ptr, n};
    for (uint32_t i = 1; i < MN_TOK_LANGS; i++) {
        if (mn_tok_langs[i][0] != 'x' &&
            mn_str_eq_nocase(primary, mn_str_from(mn_tok_langs[i])))
            return MN_TOK_LANG0 + i;
    }
    return MN_TOK_LANG0;
}

/* ---- the alphabet ------------------------------------------------------------------------------------------- */

static bool stands_for_itself(uint32_t byte)
{
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) ||
           (byte >= 0xAE && byte <= 0xFF);
}

uint32_t mn_tok__byte_to_char(uint8_t byte)
{
    if (stands_for_itself(byte)) return byte;
    if (byte <= 0x20) return 0x100u + byte;
    if (byte <= 0xA0) return 0x121u + (byte - 0x7Fu);
    return 0x143; /* 0xAD, the soft hyphen */
}

int mn_tok__char_to_byte(uint32_t cp)
{
    if (cp < 0x100) return stands_for_itself(cp) ? (int)cp : -1;
    if (cp <= 0x120) return (int)(cp - 0x100);
    if (cp <= 0x142) return (int)(cp - 0x121 + 0x7F);
    return cp == 0x143 ? 0xAD : -1;
}

void mn_tok__alphabet(uint8_t ret[256])
{
    size_t n = 0;
    for (uint32_t cp = 0; cp <= 0x143; cp++) {
        int byte = mn_tok__char_to_byte(cp);
        if (byte >= 0) ret[n++] = (uint8_t)byte;
    }
    MN_ASSERT(n == 256);
}

static mn_rc spell_bytes(mn_str bytes, mn_buf *ret)
{
    for (size_t i = 0; i < bytes.len; i++) {
        char utf8[4];
        MN_TRY(mn_buf_add(ret, utf8,
                          mn_utf8_encode(mn_tok__byte_to_char((uint8_t)bytes.ptr[i]), utf8)));
    }
    return ret->failed;
}

static mn_rc spell_piece(mn_str bytes, mn_buf *ret)
{
    for (size_t i = 0; i < bytes.len; i++)
        MN_TRY(bytes.ptr[i] == ' ' ? mn_buf_addz(ret, "\u2581")
                                   : mn_buf_addc(ret, bytes.ptr[i]));
    return ret->failed;
}

mn_rc mn_tok__spell(const mn_tokenizer *t, uint32_t id, mn_buf *ret)
{
    mn_str bytes = mn_tok__bytes(t, id);
    switch (t->tokens[id].kind) {
    case MN_TOK_NORMAL:
    case MN_TOK_SYMBOL:
        return t->rules.pieces ? spell_piece(bytes, ret) : spell_bytes(bytes, ret);
    case MN_TOK_BYTE:
        return mn_buf_addf(ret, "<0x%02X>", (uint8_t)bytes.ptr[0]);
    default:
        return mn_buf_adds(ret, bytes);
    }
}

/* ---- making one --------------------------------------------------------------------------------------------- */

mn_rc mn_tok__new(uint32_t n, uint32_t n_merges, mn_tokenizer **ret, mn_err *e)
{
    static atomic_uint_least64_t last_serial;
    mn_tokenizer *t = mn_calloc(1, sizeof *t);
    if (!t) return mn_fail(e, MN_E_NOMEM, "out of memory for a tokenizer");
    t->serial = 1 + atomic_fetch_add(&last_serial, 1);
    mn_arena_init(&t->arena, 0);
    mn_buf_init(&t->text, 0);
    t->tokens = mn_arena_calloc(&t->arena, n ? n : 1, sizeof *t->tokens);
    t->merges = mn_arena_calloc(&t->arena, n_merges ? n_merges : 1, sizeof *t->merges);
    if (!t->tokens || !t->merges) {
        mn_tok_free(t);
        return mn_fail(e, MN_E_NOMEM, "out of memory for a tokenizer of %u tokens", n);
    }
    t->n = n;
    t->n_merges = n_merges;
    t->rules = (mn_tok_rules){.splitter = MN_TOK_SPLIT_DIGITS,
                              .bos = MN_TOK_NONE,
                              .eos = MN_TOK_NONE,
                              .unk = MN_TOK_NONE,
                              .pad = MN_TOK_NONE};
    *ret = t;
    return MN_OK;
}

void mn_tok_free(mn_tokenizer *t)
{
    if (!t) return;
    mn_free(t->ranks);
    mn_free(t->find);
    mn_buf_release(&t->text);
    mn_arena_release(&t->arena);
    mn_free(t);
}

mn_rc mn_tok__set(mn_tokenizer *t, uint32_t id, mn_str bytes, mn_tok_kind kind)
{
    MN_ASSERT(id < t->n);
    if (bytes.len > MN_TOK_BYTES_MAX || t->text.len > UINT32_MAX - MN_TOK_BYTES_MAX)
        return MN_E_LIMIT;
    uint32_t at = (uint32_t)t->text.len;
    MN_TRY(mn_buf_adds(&t->text, bytes));
    t->tokens[id] = (mn_tok_token){at, (uint32_t)bytes.len & MN_TOK_BYTES_MAX, kind & 15, 0};
    return MN_OK;
}

/* ---- looking -------------------------------------------------------------------------------------------------- */

uint32_t mn_tok_vocab(const mn_tokenizer *t)
{
    return t->n;
}

bool mn_tok_is_ours(const mn_tokenizer *t)
{
    const mn_tok_rules *r = &t->rules;
    if (t->n < MN_TOK_SPECIALS + 256 || r->pieces || r->splitter != MN_TOK_SPLIT_DIGITS ||
        r->nfc || r->ignore_merges)
        return false;
    for (uint32_t id = 0; id < MN_TOK_SPECIALS; id++) {
        char name[24];
        if (t->tokens[id].kind != MN_TOK_SPECIAL ||
            !mn_str_eqz(mn_tok__bytes(t, id), mn_tok__special_name(id, name)))
            return false;
    }
    return true;
}

mn_str mn_tok_bytes(const mn_tokenizer *t, uint32_t id)
{
    return id < t->n ? mn_tok__bytes(t, id) : MN_STR_NONE;
}

bool mn_tok_is_special(const mn_tokenizer *t, uint32_t id)
{
    return id < t->n && t->tokens[id].kind == MN_TOK_SPECIAL;
}

uint32_t mn_tok_begin(const mn_tokenizer *t)
{
    return t->rules.add_bos ? t->rules.bos : MN_TOK_NONE;
}

uint32_t mn_tok_bos(const mn_tokenizer *t)
{
    return t->rules.bos;
}

uint32_t mn_tok_eos(const mn_tokenizer *t)
{
    return t->rules.eos;
}

/* ---- the hash ----------------------------------------------------------------------------------------------- */

static void hash_u32(mn_sha256 *h, uint32_t v)
{
    uint8_t bytes[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    mn_sha256_add(h, bytes, 4);
}

/* What only some families have; nothing for the plain one, whose hashes stand in corpora. */
static void hash_rules(mn_sha256 *h, const mn_tokenizer *t)
{
    const mn_tok_rules *r = &t->rules;
    if (r->nfc || r->ignore_merges)
        hash_u32(h, 0x10000u | (uint32_t)r->nfc << 1 | (uint32_t)r->ignore_merges);
    if (!r->pieces) return;
    hash_u32(h, 0x20000u | (uint32_t)r->byte_fallback << 5 | (uint32_t)r->split_blanks << 4 |
                    (uint32_t)r->strip << 3 | (uint32_t)r->metaspace << 2 |
                    (uint32_t)r->prefix);
    hash_u32(h, r->byte_fallback ? MN_TOK_NONE : r->unk);
    for (uint32_t rank = 0; t->order && rank < t->n_merges; rank++) hash_u32(h, t->order[rank]);
}

void mn_tok_hash(const mn_tokenizer *t, uint8_t ret[32])
{
    mn_sha256 h;
    if (mn_sha256_init(&h, NULL) != MN_OK)
        mn_assert_failed("mn_sha256_init", __FILE__, __LINE__);
    hash_u32(&h, t->rules.splitter);
    hash_u32(&h, t->n);
    for (uint32_t id = 0; id < t->n; id++) {
        hash_u32(&h, (uint32_t)t->tokens[id].kind | (uint32_t)t->tokens[id].flags << 8);
        hash_u32(&h, (uint32_t)mn_tok__bytes(t, id).len);
        mn_sha256_add(&h, mn_tok__bytes(t, id).ptr, mn_tok__bytes(t, id).len);
    }
    hash_u32(&h, t->n_merges);
    for (uint32_t rank = 0; rank < t->n_merges; rank++) {
        hash_u32(&h, t->merges[rank].left);
        hash_u32(&h, t->merges[rank].right);
    }
    hash_rules(&h, t);
    mn_sha256_done(&h, ret);
}

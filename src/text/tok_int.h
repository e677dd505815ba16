/* What the tokenizer's files share. See tokenizer.h for the contract and docs/design/tokenizer.md for the design. */
#ifndef MN_TEXT_TOK_INT_H
#define MN_TEXT_TOK_INT_H

#include "base/mem.h"
#include "text/tokenizer.h"

#define MN_TOK_ID_BITS    20
#define MN_TOK_IDS_MAX    (1u << MN_TOK_ID_BITS)
#define MN_TOK_TRAIN_MAX  65536u /* of our own training: a token is 16 bits in a shard */
#define MN_TOK_MERGES_MAX (1u << 22)
#define MN_TOK_ADDED_MAX  1024u /* bytes of an added token or a user-defined symbol */
#define MN_TOK_NONE       UINT32_MAX
#define MN_TOK_RANK_BITS  24
#define MN_TOK_NO_RANK    0xFFFFFFu

/* The numbers are part of mn_tok_hash. */
typedef enum mn_tok_kind {
    MN_TOK_HOLE = 0,   /* no token has this id */
    MN_TOK_NORMAL = 1, /* bytes of text */
    MN_TOK_ADDED =
        2, /* written out literally, found by mn_tok_encode_special, part of decoded text */
    MN_TOK_SPECIAL = 3, /* as ADDED, and left out of decoded text */
    MN_TOK_BYTE = 4,    /* pieces: one byte of a character that the vocabulary lacks */
    MN_TOK_UNUSED = 5,  /* has a name, never comes of text */
    MN_TOK_SYMBOL =
        6, /* pieces: user-defined, found before anything is merged, never merged further */
} mn_tok_kind;

/* How an added token is found in text, as in `tokenizers`. */
enum {
    MN_TOK_LSTRIP = 1,      /* takes the white space before it along */
    MN_TOK_RSTRIP = 2,      /* and after it */
    MN_TOK_SINGLE_WORD = 4, /* not inside a word */
    MN_TOK_NORMALIZED = 8,  /* looked for after the others, in normalised text */
};

#define MN_TOK_BYTES_MAX ((1u << 24) - 1) /* of one token */

typedef struct mn_tok_token {
    uint32_t at;                            /* in the tokenizer's text: mn_tok__bytes */
    uint32_t len : 24, kind : 4, flags : 4; /* of mn_tok_kind; flags of an added token */
} mn_tok_token;

typedef struct mn_tok_merge {
    uint32_t left, right, id;
} mn_tok_merge;

/* Literal strings that are looked for in text, sorted by text. */
typedef struct mn_tok_pattern {
    mn_str text;
    uint32_t id;
} mn_tok_pattern;

typedef struct mn_tok_patterns {
    mn_tok_pattern *items;
    uint32_t n;
    uint64_t first[4]; /* which bytes any of them begins with */
} mn_tok_patterns;

/* How text is cut into what is merged on its own: tok_split.c. The numbers are part of mn_tok_hash. */
typedef enum mn_tok_splitter {
    MN_TOK_SPLIT_GPT2 = 0,
    MN_TOK_SPLIT_DIGITS = 1, /* as GPT2, each number alone: ours, SmolLM2 */
    MN_TOK_SPLIT_LLAMA3 = 2,
    MN_TOK_SPLIT_QWEN2 = 3
} mn_tok_splitter;

/* Pieces: where a blank is put before text that begins without. */
typedef enum mn_tok_prefix {
    MN_TOK_PREFIX_NONE,
    MN_TOK_PREFIX_FIRST, /* at the start of the text only */
    MN_TOK_PREFIX_ALWAYS /* after each added token too */
} mn_tok_prefix;

/* All that makes one family differ from another. Pieces: SentencePiece's BPE; else byte-level BPE. */
typedef struct mn_tok_rules {
    bool pieces;
    mn_tok_splitter splitter; /* byte-level */
    bool
        ignore_merges; /* byte-level: a piece that is a token is that token, whatever the merges say */
    bool nfc;          /* byte-level: text is brought to NFC first */
    mn_tok_prefix prefix; /* pieces, as all below */
    bool
        metaspace; /* blanks are the pre-tokenizer's business: no second blank before one; else the normaliser's */
    bool split_blanks;           /* every blank begins a piece that is merged on its own */
    bool strip;                  /* decoding drops the blank that the text begins with */
    bool byte_fallback;          /* a character that is no token is its bytes; else `unk` */
    uint32_t bos, eos, unk, pad; /* MN_TOK_NONE: none */
    bool add_bos, add_eos;       /* the post-processor's tokens around a text */
} mn_tok_rules;

/* Immutable once made. tokens[0..n), merges[0..n_merges), order and scores come first; mn_tok__index derives the rest from them. */
struct mn_tokenizer {
    mn_arena arena;
    uint64_t serial; /* no two tokenizers of a process have the same; caches go by it */
    mn_tok_rules rules;
    mn_tok_token *tokens;
    mn_buf text; /* the bytes of all tokens, a special one's name */
    uint32_t n;
    mn_tok_merge *merges; /* by rank */
    uint32_t n_merges;
    uint32_t *
        order; /* [n_merges] rank among equals: the lowest rank of the same score; NULL when no two scores are the same */
    float *scores; /* [n] as the file had them; NULL when it had none */

    uint32_t byte_id
        [256]; /* MN_TOK_NONE: the vocabulary lacks the byte, which is then dropped (pieces: see rules) */
    uint64_t *ranks; /* pair << 24 | rank, all ones: empty */
    uint32_t rank_mask, rank_shift;
    uint32_t *find; /* ids by hash of bytes, 12 other bits of it above; MN_TOK_NONE: empty */
    uint32_t find_mask;
    mn_tok_patterns raw, normalized,
        symbols;            /* ADDED and SPECIAL without and with NORMALIZED; SYMBOL */
    uint32_t ascii_id[128]; /* pieces: the token of a character, MN_TOK_NONE for none */
    bool
        words_apart; /* pieces: no token holds a blank after something else, so nothing merges across the start of a word */
};

/* Until the next mn_tok__set. */
static inline mn_str mn_tok__bytes(const mn_tokenizer *t, uint32_t id)
{
    return (mn_str){t->text.ptr + t->tokens[id].at, t->tokens[id].len};
}

static inline bool mn_tok__is_added(mn_tok_kind kind)
{
    return kind == MN_TOK_ADDED || kind == MN_TOK_SPECIAL;
}

/* A pair as it stands in the table, above the bits of its rank. */
static inline uint64_t mn_tok__pair(uint32_t left, uint32_t right)
{
    return ((uint64_t)left << MN_TOK_ID_BITS | right) << MN_TOK_RANK_BITS;
}

/* Where a pair is looked for first: the upper bits of a product, the only ones that all of the pair's bits have a say in. */
static inline uint32_t mn_tok__pair_slot(const mn_tokenizer *t, uint64_t pair)
{
    return (uint32_t)(pair * UINT64_C(0x9E3779B97F4A7C15) >> t->rank_shift);
}

/* The rank of a pair, MN_TOK_NO_RANK when it is never merged. */
static inline uint32_t mn_tok__rank(const mn_tokenizer *t, uint32_t left, uint32_t right)
{
    uint64_t pair = mn_tok__pair(left, right);
    for (uint32_t i = mn_tok__pair_slot(t, pair);; i = (i + 1) & t->rank_mask) {
        uint64_t x = t->ranks[i] ^ pair;
        if (x <= MN_TOK_NO_RANK) return (uint32_t)x;
        if (t->ranks[i] == UINT64_MAX) return MN_TOK_NO_RANK;
    }
}

/* ---- tok_split.c ------------------------------------------------------------------------------------------------ */

/* Where the piece that starts at s[at] ends; at < len. Linear over all pieces together, any bytes. */
size_t mn_tok__split(const char *s, size_t len, size_t at, mn_tok_splitter how);

/* ---- tokenizer.c ------------------------------------------------------------------------------------------------ */

/* An empty tokenizer with room for n tokens (all holes) and n_merges merges; n, n_merges set, rules those of our own. */
mn_rc mn_tok__new(uint32_t n, uint32_t n_merges, mn_tokenizer **ret, mn_err *e);
/* Copies the bytes. errors MN_E_NOMEM, MN_E_LIMIT: more than MN_TOK_BYTES_MAX */
mn_rc mn_tok__set(mn_tokenizer *t, uint32_t id, mn_str bytes, mn_tok_kind kind);

/* ---- tok_index.c ------------------------------------------------------------------------------------------------ */

/* Once tokens and rules are set: the table behind mn_tok_find, byte_id, ascii_id and the patterns. */
mn_rc mn_tok__index_tokens(mn_tokenizer *t);
/* An empty table with room for n merges. */
mn_rc mn_tok__ranks_new(mn_tokenizer *t, uint32_t n);
/* merges[rank] into the table. A pair named twice keeps its last rank, as in `tokenizers`. */
void mn_tok__ranks_add(mn_tokenizer *t, uint32_t rank);
/* Once merges are set. */
mn_rc mn_tok__index_merges(mn_tokenizer *t);
/* The NORMAL token with these bytes; MN_TOK_NONE. */
uint32_t mn_tok__find_normal(const mn_tokenizer *t, mn_str bytes);
/* The longest pattern that the text has at `at`; NULL for none. */
const mn_tok_pattern *mn_tok__pattern_at(const mn_tok_patterns *p, mn_str text, size_t at);

/* ---- tok_merge.c ------------------------------------------------------------------------------------------------ */

enum { MN_TOK_SHORT = 48 };
/* Merges ids[0..n) in place until no pair has a rank. n ≤ MN_TOK_SHORT; gives how many are left. */
size_t mn_tok__merge_short(const mn_tokenizer *t, uint32_t *ids, size_t n);
/* The same for any n. errors MN_E_NOMEM, MN_E_LIMIT for a word of a gigabyte */
mn_rc mn_tok__merge_long(const mn_tokenizer *t, uint32_t *ids, size_t n, size_t *ret_n);
static inline mn_rc mn_tok__merge(const mn_tokenizer *t, uint32_t *ids, size_t n, size_t *ret_n)
{
    if (n > MN_TOK_SHORT) return mn_tok__merge_long(t, ids, n, ret_n);
    *ret_n = mn_tok__merge_short(t, ids, n);
    return MN_OK;
}
/* Pieces: the symbols that a stretch begins with before anything is merged; ids has room for s.len. `symbols`: user-defined ones count.
 * s is valid UTF-8 with blanks for U+2581. Characters that are no token are bytes or the unknown token. */
size_t mn_tok__symbols(const mn_tokenizer *t, mn_str s, bool symbols, uint32_t *ids);

/* ---- tok_text.c ------------------------------------------------------------------------------------------------- */

/* Text as the normaliser leaves it. *ret is text itself when nothing changes, else lies in b, which is cleared. */
mn_rc mn_tok__normalize(const mn_tokenizer *t, mn_str text, bool at_start, mn_buf *b,
                        mn_str *ret);
/* Pieces: what Metaspace makes of normalised text. */
mn_rc mn_tok__metaspace(const mn_tokenizer *t, mn_str text, bool at_start, mn_buf *b,
                        mn_str *ret);

/* ---- tok_encode.c ----------------------------------------------------------------------------------------------- */

/* Appends the ids of text that the normaliser has seen. */
mn_rc mn_tok__encode_normalized(const mn_tokenizer *t, mn_tok_cache *c, mn_str text,
                                bool at_start, bool symbols, mn_ids *ret);

/* ---- tok_build.c ------------------------------------------------------------------------------------------------ */

typedef struct mn_tok_named {
    mn_str name; /* as the file spells it */
    uint32_t id;
    mn_tok_kind kind;
    uint8_t flags;
    float score;
} mn_tok_named;

typedef struct mn_tok_pair_names {
    mn_str left, right;
} mn_tok_pair_names;

/* What a file says, whatever its form. Added tokens come in `added`; one of them may stand in vocab again under the same id. */
typedef struct mn_tok_source {
    mn_tok_rules rules;
    const mn_tok_named *vocab, *added;
    size_t n_vocab, n_added;
    const mn_tok_pair_names *merges; /* by rank */
    size_t n_merges;
    bool unk_replaces; /* byte-level: what the vocabulary lacks becomes rules.unk */
    bool by_score;     /* pieces are merged by the scores in vocab, and merges is empty */
    uint32_t n_ids;    /* highest id plus one */
} mn_tok_source;

/* errors MN_E_PARSE (the source contradicts itself, by name), MN_E_UNSUPPORTED, MN_E_LIMIT, MN_E_NOMEM */
mn_rc mn_tok__build(const mn_tok_source *s, mn_tokenizer **ret, mn_err *e);

/* ---- names ------------------------------------------------------------------------------------------------------ */

/* Appends the tokenizer.json of t: what mn_tok_save writes. */
mn_rc mn_tok__write(const mn_tokenizer *t, mn_buf *ret, mn_err *e);
/* Appends how files spell a token that is text: in the byte-level alphabet, or with U+2581 for blanks. */
mn_rc mn_tok__spell(const mn_tokenizer *t, uint32_t id, mn_buf *ret);

/* The byte-level alphabet: a byte as the character that stands for it in tokenizer.json. Printable Latin-1 stands for
 * itself, the 68 others for U+0100.. in byte order. */
uint32_t mn_tok__byte_to_char(uint8_t byte);
/* The byte, or -1 when no byte is written so. */
int mn_tok__char_to_byte(uint32_t cp);
/* All bytes in the order of their characters: the order of the alphabet's ids. */
void mn_tok__alphabet(uint8_t ret[256]);
/* The name of special token id < MN_TOK_SPECIALS; returns ret. */
const char *mn_tok__special_name(uint32_t id, char ret[24]);

#endif

/* What the tokenizer's files share. See tokenizer.h for the contract and docs/design/tokenizer.md for the design. */
#ifndef MN_TEXT_TOK_INT_H
#define MN_TEXT_TOK_INT_H

#include "base/mem.h"
#include "text/tokenizer.h"

#define MN_TOK_VOCAB_MAX  65536u
#define MN_TOK_MERGES_MAX (1u << 20)
#define MN_TOK_NONE       UINT32_MAX

typedef enum mn_tok_kind {
    MN_TOK_HOLE,   /* no token has this id */
    MN_TOK_NORMAL, /* bytes of text */
    MN_TOK_ADDED, /* written out literally, found by mn_tok_encode_special, part of decoded text */
    MN_TOK_SPECIAL, /* as ADDED, and left out of decoded text */
} mn_tok_kind;

typedef struct mn_tok_token {
    mn_str bytes; /* on the tokenizer's arena; a special token's name */
    mn_tok_kind kind;
} mn_tok_token;

typedef struct mn_tok_merge {
    uint32_t left, right, id;
} mn_tok_merge;

/* A slot of the table from a pair to its rank; rank MN_TOK_NONE marks it empty. Ids are below 65,536, so a pair is 32 bits. */
typedef struct mn_tok_rank {
    uint32_t pair, rank;
} mn_tok_rank;

/* Immutable once made. tokens[0..n) and merges[0..n_merges) come first; mn_tok__index derives the rest from them. */
struct mn_tokenizer {
    mn_arena arena;
    uint64_t serial; /* no two tokenizers of a process have the same; caches go by it */
    mn_tok_token *tokens;
    uint32_t n;
    mn_tok_merge *merges; /* by rank */
    uint32_t n_merges;
    bool
        digits_alone; /* each number is a piece of its own (ours, SmolLM2); else runs of them (GPT-2) */

    uint32_t
        byte_id[256]; /* MN_TOK_NONE: the vocabulary lacks the byte, which is then dropped */
    mn_tok_rank *ranks;
    uint32_t rank_mask;
    uint32_t *find; /* ids by hash of bytes; MN_TOK_NONE marks an empty slot */
    uint32_t find_mask;
    uint32_t *added; /* ids of ADDED and SPECIAL tokens, sorted by bytes */
    uint32_t n_added;
};

static inline uint32_t mn_tok__pair(uint32_t left, uint32_t right)
{
    return left << 16 | right;
}

static inline uint32_t mn_tok__pair_slot(uint32_t pair)
{
    uint64_t h = (uint64_t)pair * UINT64_C(0x9E3779B97F4A7C15);
    return (uint32_t)(h >> 32);
}

/* The rank of a pair, MN_TOK_NONE when it is never merged. */
static inline uint32_t mn_tok__rank(const mn_tokenizer *t, uint32_t left, uint32_t right)
{
    uint32_t pair = mn_tok__pair(left, right);
    for (uint32_t i = mn_tok__pair_slot(pair) & t->rank_mask;; i = (i + 1) & t->rank_mask) {
        if (t->ranks[i].rank == MN_TOK_NONE || t->ranks[i].pair == pair)
            return t->ranks[i].rank;
    }
}

/* Where the piece that starts at s[at] ends; at < len. Linear over all pieces together, any bytes. */
size_t mn_tok__split(const char *s, size_t len, size_t at, bool digits_alone);

/* An empty tokenizer with room for n tokens (all holes) and n_merges merges; n, n_merges set. */
mn_rc mn_tok__new(uint32_t n, uint32_t n_merges, mn_tokenizer **ret, mn_err *e);
/* Copies the bytes. */
mn_rc mn_tok__set(mn_tokenizer *t, uint32_t id, mn_str bytes, mn_tok_kind kind);
/* Once tokens are set: the table behind mn_tok_find, byte_id and the sorted added tokens. */
mn_rc mn_tok__index_tokens(mn_tokenizer *t);
/* Once merges are set. A pair named twice keeps its last rank, as in `tokenizers`. */
mn_rc mn_tok__index_merges(mn_tokenizer *t);

/* Appends the tokenizer.json of t: what mn_tok_save writes. */
mn_rc mn_tok__write(const mn_tokenizer *t, mn_buf *ret);

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

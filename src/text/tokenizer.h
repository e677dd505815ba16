/* Tokenizers: byte-level BPE (trained here, GPT-2, SmolLM2, Llama 3, Qwen 2) and SentencePiece BPE (Llama 2); training, encoding, decoding,
 * Hugging Face's tokenizer.json, SentencePiece's tokenizer.model, and the form that GGUF files hold.
 *
 * Ids are those of the reference (`tokenizers`, `sentencepiece`), text by text: a file for which that cannot be promised (another splitter,
 * normaliser or model) is refused by name. Byte-level: every byte string can be encoded and comes back the same (with a loaded
 * vocabulary that lacks a byte, without it). Ours split as GPT-2 does (letters, numbers, other, white space, English contractions)
 * except that digits stand alone, then each piece is merged by rank. SentencePiece: the text with its blanks as U+2581 and one before it, merged by
 * score, what is left as bytes <0xNN>.
 * Special tokens are never produced from text; they are put in by id.
 * docs/design/tokenizer.md: the splitters, the special tokens, the files, how equality with the references is tested.
 */
#ifndef MN_TEXT_TOKENIZER_H
#define MN_TEXT_TOKENIZER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"

typedef struct mn_tokenizer mn_tokenizer;

/* A growing list of token ids. Zero-initialise; same failure rule as mn_buf. */
typedef struct mn_ids {
    uint32_t *ptr;
    size_t n, cap;
} mn_ids;
mn_rc mn_ids_add(mn_ids *ids, uint32_t id);
void mn_ids_clear(mn_ids *ids);
void mn_ids_release(mn_ids *ids);

/* Special tokens that structure posts: present in every tokenizer trained here, at ids 0.. in this order. A document is
 *   START TIME LANG text [REPLY|QUOTE [TIME] [LANG] text]… END
 * where TIME and LANG of a later post stand only when they differ from the post before. TIME and LANG are conditions:
 * they are given, not learnt, so they carry no loss and no bits. */
#define MN_TOK_START 0u /* <|start|> */
#define MN_TOK_END   1u /* <|end|> */
#define MN_TOK_REPLY 2u /* <|reply|> */
#define MN_TOK_QUOTE 3u /* <|quote|> */
#define MN_TOK_PAD   4u /* <|pad|>: never trained on */
/* <|time:YYYY|> for years 2005 (and before) .. 2044, then <|month:01|>..<|month:12|>; time is year then month. */
#define MN_TOK_YEAR0  5u
#define MN_TOK_YEARS  40u
#define MN_TOK_MONTH0 (MN_TOK_YEAR0 + MN_TOK_YEARS)
/* <|lang:und|> then the languages of mn_tok_langs[], fixed for ever (append only). */
#define MN_TOK_LANG0    (MN_TOK_MONTH0 + 12u)
#define MN_TOK_LANGS    64u
#define MN_TOK_SPECIALS (MN_TOK_LANG0 + MN_TOK_LANGS)
extern const char *const mn_tok_langs[MN_TOK_LANGS]; /* [0] = "und"; unused slots are "x00".. */

uint32_t mn_tok_year(int64_t created_ms);
uint32_t mn_tok_month(int64_t created_ms);
uint32_t mn_tok_lang(mn_str code); /* the primary subtag decides; unknown → und */
static inline bool mn_tok_is_condition(uint32_t id) /* carries no loss */
{
    return id == MN_TOK_START || (id >= MN_TOK_PAD && id < MN_TOK_SPECIALS);
}

/* Training. Texts are given one by one (posts); pieces never cross them. Deterministic: ties go to the higher count, then
 * the smaller (left id, right id), as `tokenizers` does. */
typedef struct mn_tok_trainer mn_tok_trainer;
mn_rc mn_tok_trainer_new(mn_tok_trainer **ret, mn_err *e);
void mn_tok_trainer_free(mn_tok_trainer *t);
mn_rc mn_tok_trainer_add(mn_tok_trainer *t, mn_str text, mn_err *e);
/* Adds what `other` has counted (so threads may count, each with a trainer of its own). The tokenizer that comes of it is
 * the same whoever counted what. */
mn_rc mn_tok_trainer_absorb(mn_tok_trainer *t, const mn_tok_trainer *other, mn_err *e);
/* The same by way of bytes, for another process on a machine of this kind: appends all that t has counted; adds it. What is no such bytes is
 * MN_E_PARSE, and may have been added in part. */
mn_rc mn_tok_trainer_put(const mn_tok_trainer *t, mn_buf *ret);
mn_rc mn_tok_trainer_take(mn_tok_trainer *t, mn_str bytes, mn_err *e);
/* vocab counts specials and the 256 bytes; fewer merges are made when no pair occurs twice. vocab ≤ 65,536. */
mn_rc mn_tok_trainer_finish(mn_tok_trainer *t, uint32_t vocab, mn_tokenizer **ret, mn_err *e);

/* tokenizer.json, ours or of a family named at the top (others are refused with a message that names what we lack). Both forms
 * of merges ("a b" and ["a","b"]) are read; what the file's post-processor puts around a text is kept (mn_tok_begin).
 * limits ids below 2^20, 64 MB
 * errors MN_E_NOT_FOUND, MN_E_PARSE (not such a file, or it contradicts itself), MN_E_UNSUPPORTED, MN_E_LIMIT */
mn_rc mn_tok_load(const char *path, mn_tokenizer **ret, mn_err *e);
mn_rc mn_tok_parse(mn_str json, mn_tokenizer **ret, mn_err *e);
/* `tokenizers` loads the file and gives the same ids. Tokens that are never used are left out, the names of bos and eos stand in a
 * tokenizer_config.json if anywhere.
 * errors MN_E_UNSUPPORTED: what the format cannot say (a tokenizer.model's user-defined symbols; pieces with the same score that are not runs
 *        of one character) */
mn_rc mn_tok_save(const mn_tokenizer *t, const char *path, mn_err *e);
/* SentencePiece's tokenizer.model (a protobuf); model type BPE only. */
mn_rc mn_tok_load_sentencepiece(const char *path, mn_tokenizer **ret, mn_err *e);
mn_rc mn_tok_parse_sentencepiece(const uint8_t *p, size_t len, mn_tokenizer **ret, mn_err *e);
/* A Hugging Face folder: tokenizer.json, else tokenizer.model; tokenizer_config.json decides on begin and end tokens as in transformers. */
mn_rc mn_tok_load_dir(const char *dir, mn_tokenizer **ret, mn_err *e);

/* What a GGUF file holds of a tokenizer (its keys tokenizer.ggml.*). Borrowed by mn_tok_from_parts; mn_tok_to_parts puts all on the arena. */
typedef struct mn_tok_parts {
    mn_str model,
        pre; /* "gpt2" with "smollm", "gpt-2", "llama-bpe", "qwen2", "default" …; "llama" */
    const mn_str *tokens; /* as the file spells them (byte-level alphabet, or U+2581) */
    const float *scores;  /* [n], "llama" */
    const int32_t
        *types; /* [n]: 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte */
    size_t n;
    const mn_str *merges; /* "a b", by rank; "gpt2" */
    size_t n_merges;
    uint32_t bos, eos, unk, pad; /* UINT32_MAX: none */
    bool add_bos, add_eos, add_space_prefix;
} mn_tok_parts;
/* add_bos and the like are taken as they stand: what a missing key means is the caller's to know. User-defined tokens are added tokens, found by
 * mn_tok_encode_special. errors MN_E_UNSUPPORTED ("default" and other names of pre that promise nothing), MN_E_PARSE, MN_E_LIMIT, MN_E_NOMEM */
mn_rc mn_tok_from_parts(const mn_tok_parts *p, mn_tokenizer **ret, mn_err *e);
mn_rc mn_tok_to_parts(const mn_tokenizer *t, mn_arena *a, mn_tok_parts *ret, mn_err *e);

/* The token put before every text (BOS) by the reference's encode with special tokens; UINT32_MAX: none. And the named ones. */
uint32_t mn_tok_begin(const mn_tokenizer *t);
uint32_t mn_tok_bos(const mn_tokenizer *t);
uint32_t mn_tok_eos(const mn_tokenizer *t);
void mn_tok_free(mn_tokenizer *t);

uint32_t mn_tok_vocab(const mn_tokenizer *t);
bool mn_tok_is_ours(const mn_tokenizer *t); /* has the special tokens above at their ids */
/* SHA-256 over vocabulary and merges: two tokenizers with the same hash encode the same. */
void mn_tok_hash(const mn_tokenizer *t, uint8_t ret[32]);
/* Appends the ids of text. Added tokens written out in text are encoded as text (but a tokenizer.model's user-defined symbols are found,
 * as sentencepiece does). Thread-safe on a shared tokenizer
 * when each thread has its own cache (NULL: no cache). Time n log n at worst, one word of a megabyte included.
 * errors MN_E_NOMEM; MN_E_LIMIT for a single word of a gigabyte; *ret is then as it was */
typedef struct mn_tok_cache mn_tok_cache;
/* About 2 MB; may be used with one tokenizer after another (which empties it). */
mn_rc mn_tok_cache_new(mn_tok_cache **ret, mn_err *e);
void mn_tok_cache_free(mn_tok_cache *c);
mn_rc mn_tok_encode(const mn_tokenizer *t, mn_tok_cache *c, mn_str text, mn_ids *ret);
/* As above, but special tokens written out ("<|reply|>") become their ids: for prompts. What begins is not added. */
mn_rc mn_tok_encode_special(const mn_tokenizer *t, mn_str text, mn_ids *ret);
/* As above, but only where no byte lies in one of the plain stretches (in order, from..to): what people wrote stays text. */
typedef struct mn_tok_plain {
    size_t from, to;
} mn_tok_plain;
mn_rc mn_tok_encode_prompt(const mn_tokenizer *t, mn_str text, const mn_tok_plain *plain,
                           size_t n_plain, mn_ids *ret);
/* The bytes of one id (borrowed from t); MN_STR_NONE for an id out of range. Special tokens give their name. SentencePiece: U+2581 is
 * given as a blank, <0xNN> as its byte; the blank that a text's first token begins with is the decoder's to drop. */
mn_str mn_tok_bytes(const mn_tokenizer *t, uint32_t id);
bool mn_tok_is_special(const mn_tokenizer *t, uint32_t id);
/* Appends the text of ids; special tokens are left out unless `specials`. SentencePiece: without the blank that the first of them begins with. MN_E_USAGE for an id that is no token. */
mn_rc mn_tok_decode(const mn_tokenizer *t, const uint32_t *ids, size_t n, bool specials,
                    mn_buf *ret);
uint32_t mn_tok_find(const mn_tokenizer *t,
                     mn_str token); /* exact bytes or special name; UINT32_MAX if none */

#endif

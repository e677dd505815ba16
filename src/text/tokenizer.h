/* Byte-level BPE: training, encoding, decoding, and Hugging Face's tokenizer.json.
 *
 * Every byte string can be encoded and comes back the same (with a loaded vocabulary that lacks a byte, without it). Text is split as GPT-2 does (letters, numbers, other,
 * white space, English contractions) except that digits stand alone, then each piece is merged by rank.
 * Special tokens are never produced from text; they are put in by id.
 * docs/design/tokenizer.md: the splitter, the special tokens, the file, how equality with `tokenizers` is tested.
 */
#ifndef MN_TEXT_TOKENIZER_H
#define MN_TEXT_TOKENIZER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
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
/* vocab counts specials and the 256 bytes; fewer merges are made when no pair occurs twice. vocab ≤ 65,536. */
mn_rc mn_tok_trainer_finish(mn_tok_trainer *t, uint32_t vocab, mn_tokenizer **ret, mn_err *e);

/* tokenizer.json, ours or of a byte-level BPE model of that family (GPT-2, SmolLM2: other splitters are refused with a
 * message that names them). Both forms of merges ("a b" and ["a","b"]) are read.
 * limits ids below 65,536, 64 MB
 * errors MN_E_NOT_FOUND, MN_E_PARSE (not such a file, or it contradicts itself), MN_E_UNSUPPORTED, MN_E_LIMIT */
mn_rc mn_tok_load(const char *path, mn_tokenizer **ret, mn_err *e);
mn_rc mn_tok_parse(mn_str json, mn_tokenizer **ret, mn_err *e);
mn_rc mn_tok_save(const mn_tokenizer *t, const char *path, mn_err *e);
void mn_tok_free(mn_tokenizer *t);

uint32_t mn_tok_vocab(const mn_tokenizer *t);
bool mn_tok_is_ours(const mn_tokenizer *t); /* has the special tokens above at their ids */
/* SHA-256 over vocabulary and merges: two tokenizers with the same hash encode the same. */
void mn_tok_hash(const mn_tokenizer *t, uint8_t ret[32]);
/* Appends the ids of text. Special tokens written out in text are encoded as text. Thread-safe on a shared tokenizer
 * when each thread has its own cache (NULL: no cache). Time n log n at worst, one word of a megabyte included.
 * errors MN_E_NOMEM; MN_E_LIMIT for a single word of a gigabyte; *ret is then as it was */
typedef struct mn_tok_cache mn_tok_cache;
/* About 2 MB; may be used with one tokenizer after another (which empties it). */
mn_rc mn_tok_cache_new(mn_tok_cache **ret, mn_err *e);
void mn_tok_cache_free(mn_tok_cache *c);
mn_rc mn_tok_encode(const mn_tokenizer *t, mn_tok_cache *c, mn_str text, mn_ids *ret);
/* As above, but special tokens written out ("<|reply|>") become their ids: for prompts. */
mn_rc mn_tok_encode_special(const mn_tokenizer *t, mn_str text, mn_ids *ret);
/* The bytes of one id (borrowed from t); MN_STR_NONE for an id out of range. Special tokens give their name. */
mn_str mn_tok_bytes(const mn_tokenizer *t, uint32_t id);
bool mn_tok_is_special(const mn_tokenizer *t, uint32_t id);
/* Appends the text of ids; special tokens are left out unless `specials`. MN_E_USAGE for an id that is no token. */
mn_rc mn_tok_decode(const mn_tokenizer *t, const uint32_t *ids, size_t n, bool specials,
                    mn_buf *ret);
uint32_t mn_tok_find(const mn_tokenizer *t,
                     mn_str token); /* exact bytes or special name; UINT32_MAX if none */

#endif

/* How posts stand in a document of tokens. One form, shared by whoever writes documents (corpus), reads them (model) and measures them
 * (probe), so that what is learnt, erased and counted is the same everywhere.
 *
 * Ours, in vocabularies that were trained here:   START YEAR MONTH LANG text (REPLY|QUOTE [YEAR MONTH] [LANG] text)… END   (tokenizer.h)
 * In the vocabulary of any other model:           start text (part text)… end
 *   start  what the model reads before any text; the first token of a document, which nothing predicts
 *   part   the tokens of a blank line: they belong to the post that follows
 *   end    what ends a text
 * There are no tokens for time, language and answers then. start and end may be one token.
 *
 * A document that was erased (shard.h) is made of `erased`: the padding token in ours; in others, which may have none that is not used
 * elsewhere, a number that no token has. In a batch `pad` stands for it and for what no document fills. */
#ifndef MN_TEXT_DOCFORM_H
#define MN_TEXT_DOCFORM_H

#include "base/json.h"
#include "text/tokenizer.h"

#define MN_DOCFORM_PART_MAX 8
#define MN_DOCFORM_NONE     UINT32_MAX

typedef struct mn_docform {
    bool ours;
    uint32_t start, end;
    uint32_t part[MN_DOCFORM_PART_MAX], n_part; /* of others */
    uint32_t erased, pad;
} mn_docform;

#define MN_DOCFORM_OURS                                                                        \
    ((mn_docform){.ours = true,                                                                \
                  .start = MN_TOK_START,                                                       \
                  .end = MN_TOK_END,                                                           \
                  .erased = MN_TOK_PAD,                                                        \
                  .pad = MN_TOK_PAD})

/* The form of documents in t's vocabulary. end: what ends a text where the tokenizer does not say (a model may), or MN_DOCFORM_NONE.
 * What begins one: the token that the tokenizer puts there, else <|endoftext|>, else its bos, else what ends a text.
 * errors MN_E_UNSUPPORTED: there is no token that could begin or end a text, or none for a blank line; MN_E_NOMEM */
mn_rc mn_docform_of(const mn_tokenizer *t, uint32_t end, mn_docform *ret, mn_err *e);
/* Whether a token is learnt and paid for where it is to be predicted: all but what is given (time, language) and what was erased. */
static inline bool mn_docform_learns(const mn_docform *f, uint32_t id)
{
    return f->ours ? !mn_tok_is_condition(id) : id != f->erased;
}
/* The bytes of a token in a shard: 2, or 4 where the vocabulary, with the number for what was erased, needs them. */
static inline int mn_docform_bytes(const mn_docform *f)
{
    return f->erased > UINT16_MAX ? 4 : 2;
}
/* All tokens are below the vocabulary, and `erased` is what it must be. */
bool mn_docform_fits(const mn_docform *f, uint32_t vocab);
bool mn_docform_same(const mn_docform *a, const mn_docform *b);

/* As the member "form" of an open object: {"structure","start","end","part","erased"}. */
void mn_docform_put(const mn_docform *f, mn_json_writer *w);
/* Of such an object; NULL is ours. Total over any value. MN_E_PARSE */
mn_rc mn_docform_read(const mn_json *v, mn_docform *ret);

#endif

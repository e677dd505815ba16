/* What the readers of tokenizer.json share: tok_json.c reads the file, tok_json_steps.c what is done to text before and after. */
#ifndef MN_TEXT_TOK_JSON_INT_H
#define MN_TEXT_TOK_JSON_INT_H

#include "base/json.h"
#include "text/tok_int.h"

/* What the file's normaliser, pre-tokenizer, post-processor and decoder ask for. */
typedef struct mn_tok_steps {
    bool nfc, prepend, replace; /* normaliser */
    bool byte_level, metaspace; /* pre-tokenizer */
    mn_tok_splitter splitter;
    mn_tok_prefix prefix; /* of Metaspace */
    bool split_blanks;
    uint32_t begin, end; /* post-processor; MN_TOK_NONE */
    bool has_decoder, decodes_bytes, decodes_pieces, strip;
} mn_tok_steps;

/* Each takes the value of the file's member of that name (NULL or null: it has none) and fills its part of *s.
 * errors MN_E_UNSUPPORTED, which names what is not done; MN_E_PARSE */
mn_rc mn_tok__read_normalizer(const mn_json *v, mn_tok_steps *s, mn_err *e);
mn_rc mn_tok__read_pre_tokenizer(const mn_json *v, mn_tok_steps *s, mn_err *e);
mn_rc mn_tok__read_post_processor(const mn_json *v, mn_tok_steps *s, mn_err *e);
mn_rc mn_tok__read_decoder(const mn_json *v, mn_tok_steps *s, mn_err *e);

/* The regular expression of a splitter that is written as Split; NULL for those that are not. */
const char *mn_tok__split_pattern(mn_tok_splitter how);

#endif

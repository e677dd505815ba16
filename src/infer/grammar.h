/* Constrained output: a JSON Schema, any JSON, or one of a set of strings, as masks over the vocabulary.
 *
 * A grammar is compiled once per (tokenizer, schema) into a pushdown automaton over bytes, with the vocabulary as a trie; the mask of a state
 * that depends on nothing else is kept, so most masks are found, not computed. Tokens are taken byte by byte: any split of the output into
 * tokens is allowed, also those that no encoder would make. Special tokens are never allowed but the end, and that only when the
 * output is complete. There is always at least one token allowed.
 *
 * Schema: type (also lists of types), properties, required, additionalProperties, items, prefixItems, minItems, maxItems, enum, const, anyOf, oneOf (as
 * anyOf), allOf of objects (merged), $ref to #/$defs and #/definitions (recursion too), string minLength, maxLength, pattern (anchored subset), format (date-time,
 * date, time, uuid, email), integer and number with minimum and maximum, boolean, null, nullable. Objects are written in the order of `properties`;
 * white space is bounded. What is not understood is MN_E_UNSUPPORTED and named: a schema is never half enforced.
 * docs/design/constrained.md. Fuzzed. */
#ifndef MN_INFER_GRAMMAR_H
#define MN_INFER_GRAMMAR_H

#include "base/json.h"
#include "text/tokenizer.h"

typedef struct mn_grammar mn_grammar; /* shared, counted; its cache of masks locks itself */

/* The vocabulary's trie: made once per tokenizer, which it borrows (some MB for 50,000 tokens), borrowed by all its grammars. Tokens longer than 255
 * bytes are never allowed. MN_E_USAGE without an end token. */
typedef struct mn_vocab_trie mn_vocab_trie;
mn_rc mn_vocab_trie_new(const mn_tokenizer *t, const uint32_t *end_ids, size_t n_end_ids,
                        mn_vocab_trie **ret, mn_err *e);
void mn_vocab_trie_free(mn_vocab_trie *t);

/* limits  256 KiB of schema, depth 64, 10,000 states. errors MN_E_UNSUPPORTED, MN_E_PARSE (no schema), MN_E_LIMIT, MN_E_NOMEM */
mn_rc mn_grammar_json_schema(const mn_vocab_trie *t, const mn_json *schema, mn_grammar **ret,
                             mn_err *e);
mn_rc mn_grammar_json(const mn_vocab_trie *t, mn_grammar **ret,
                      mn_err *e); /* any JSON object */
/* Exactly one of n strings (n ≥ 1, none empty): citation ids, labels, names of tools. */
#define MN_GRAMMAR_CHOICE_BYTES (256u << 10) /* of all strings together */
mn_rc mn_grammar_choice(const mn_vocab_trie *t, const mn_str *strings, size_t n,
                        mn_grammar **ret, mn_err *e);
mn_grammar *mn_grammar_ref(mn_grammar *g);
void mn_grammar_unref(mn_grammar *g); /* NULL is fine */

/* One generation's place in a grammar. */
typedef struct mn_constraint mn_constraint;
mn_rc mn_constraint_new(mn_grammar *g, mn_constraint **ret, mn_err *e); /* takes a reference */
mn_rc mn_constraint_copy(const mn_constraint *c, mn_constraint **ret,
                         mn_err *e); /* for drafts that may be dropped */
void mn_constraint_free(mn_constraint *c);
/* One bit for each token, [ceil(V / 64)], set when it may come next; borrowed until the next call on this constraint.
 * cost    microseconds: found in the cache or one walk of the trie */
mn_rc mn_constraint_mask(mn_constraint *c, const uint64_t **ret, mn_err *e);
bool mn_constraint_allows(mn_constraint *c, uint32_t id); /* without the whole mask */
/* Goes on by a token that is allowed; MN_E_USAGE when it is not (then nothing has changed). An end token ends it. */
mn_rc mn_constraint_take(mn_constraint *c, uint32_t id, mn_err *e);
bool mn_constraint_complete(const mn_constraint *c); /* the output may end here */
/* The bytes that must come next whatever is chosen (may be empty): they need no model. Borrowed. */
mn_str mn_constraint_forced(mn_constraint *c);

#endif

/* Jinja templates: the subset that models' chat templates use, total and bounded.
 *
 * Statements: for (with else, if, recursive-free, loop.index/index0/first/last/length/previtem/nextitem, break, continue), if/elif/else, set (also
 * of namespace attributes, and block form), macro (with defaults and keywords), filter blocks, generation tags (ignored), comments, raw.
 * Expressions: literals, lists, dicts, tuples, attributes, subscripts, slices, calls with keywords, ~ + - * / // % **, comparisons, in, not in, and,
 * or, not, is [not] TEST, x if c else y, filters. Names: namespace, range, dict, raise_exception, strftime_now, joiner-free. The tests, filters and methods
 * that published templates use are listed in docs/design/chat.md; one that is not known is an error that names it and its line, never
 * an empty text. White space: trim_blocks and lstrip_blocks on (as transformers sets them), `-` and `+` marks.
 *
 * Undefined values print as nothing and are false, as in Jinja; their attributes are an error.
 * source  behaviour of Jinja 3.1 under transformers' settings; tests compare with it, text by text. Fuzzed. */
#ifndef MN_TEXT_JINJA_H
#define MN_TEXT_JINJA_H

#include "base/json.h"

typedef struct mn_jinja mn_jinja;

/* Compiles; limits: 1 MiB of source, 64 levels of nesting. errors MN_E_PARSE (with line), MN_E_LIMIT, MN_E_UNSUPPORTED, MN_E_NOMEM */
mn_rc mn_jinja_compile(mn_str source, mn_jinja **ret, mn_err *e);
void mn_jinja_free(mn_jinja *t);

/* Stretches of the output, in order, that are text of the variables and not of the template: what a person wrote must never be
 * read as a control token. */
typedef struct mn_span { /* as mn_tok_plain */
    size_t from, to;
} mn_span;

typedef struct mn_jinja_opts {
    int64_t now_ms; /* for strftime_now, UTC */
    uint64_t
        steps; /* evaluations, and 256 bytes of text worked on, until MN_E_LIMIT; 0: 1,000,000 */
    size_t bytes; /* of output and of all values made on the way; 0: 64 MiB */
    /* More global names (an object), whose text counts as the template's own: bos_token and its kin. May be NULL. */
    const mn_json *trusted;
    /* A string of the variables that is exactly one of these is not marked: names of roles, out of which some templates make
     * control tokens ("<|" + role + "|>"). */
    const mn_str *words;
    size_t n_words;
} mn_jinja_opts;

/* Renders with `vars` (an object) as the global names. ret_spans (on the arena) may be NULL; a stretch counts as the variables' as soon as any
 * variable's text went into it (filters, slices and concatenation included); literals of the template never do.
 * errors  MN_E_USAGE: raise_exception was called, the message is the template's; MN_E_PARSE a type error, with line; MN_E_LIMIT
 * thread  a compiled template may be rendered by many at once */
mn_rc mn_jinja_render(const mn_jinja *t, const mn_json *vars, const mn_jinja_opts *o,
                      mn_arena *a, mn_buf *ret, mn_span **ret_spans, size_t *ret_n_spans,
                      mn_err *e);

#endif

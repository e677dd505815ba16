/* JSON in and out.
 *
 * The reader is a strict pull parser over bytes in memory (RFC 8259: valid UTF-8, no trailing commas, no NaN, lone
 * surrogates refused, depth ≤ MN_JSON_DEPTH_MAX): nothing is built, strings without escapes are borrowed from the
 * input, others are unescaped into the arena. The tree reader builds a mn_json on an arena for small documents.
 * The writer appends to a mn_buf and places commas itself. Fuzzed against jansson.
 */
#ifndef MN_BASE_JSON_H
#define MN_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#define MN_JSON_DEPTH_MAX 64

typedef enum mn_json_type {
    MN_JSON_NULL,
    MN_JSON_BOOL,
    MN_JSON_NUMBER,
    MN_JSON_STRING,
    MN_JSON_ARRAY,
    MN_JSON_OBJECT
} mn_json_type;

/* ---- pull ---------------------------------------------------------------------------------------------------- */

/* A position in a document. All functions below return MN_E_PARSE (bad JSON, or not the type asked for), MN_E_LIMIT
 * (too deep, or a double out of range) or MN_E_NOMEM (the arena is full), with a message that says where ("line 1,
 * column 17: expected ':'"). After an error the reader must not be used on. */
typedef struct mn_json_reader {
    const char *start, *at, *end;
    mn_arena *arena; /* for unescaped strings; NULL makes mn_json_read_string fail on escapes */
    int depth;
    bool first; /* nothing read yet in the innermost array or object */
    mn_err *err;
} mn_json_reader;

/* Borrows text and arena; errors go to e. */
void mn_json_reader_init(mn_json_reader *r, mn_str text, mn_arena *a, mn_err *e);
/* The type of the value that comes next, without reading it. */
mn_rc mn_json_peek(mn_json_reader *r, mn_json_type *ret);
mn_rc mn_json_read_string(mn_json_reader *r, mn_str *ret);
/* A number as its text (borrowed), valid by JSON's grammar. */
mn_rc mn_json_read_number(mn_json_reader *r, mn_str *ret);
mn_rc mn_json_read_i64(mn_json_reader *r,
                       int64_t *ret); /* MN_E_PARSE when it has a fraction or does not fit */
mn_rc mn_json_read_f64(mn_json_reader *r, double *ret);
mn_rc mn_json_read_bool(mn_json_reader *r, bool *ret);
mn_rc mn_json_read_null(mn_json_reader *r);
/* Enter, then call next until it gives false: `while ((rc = mn_json_object_next(&r, &key, &more)) == MN_OK && more)`;
 * each time read or skip exactly one value. next leaves the container when it gives false. */
mn_rc mn_json_object_enter(mn_json_reader *r);
mn_rc mn_json_object_next(mn_json_reader *r, mn_str *ret_key, bool *ret_more);
mn_rc mn_json_array_enter(mn_json_reader *r);
mn_rc mn_json_array_next(mn_json_reader *r, bool *ret_more);
mn_rc mn_json_skip(mn_json_reader *r); /* one whole value, checked */
/* Nothing but white space is left. */
mn_rc mn_json_end(mn_json_reader *r);

/* ---- tree ---------------------------------------------------------------------------------------------------- */

typedef struct mn_json mn_json;
struct mn_json {
    mn_json_type type;
    bool boolean;
    mn_str text;     /* string: unescaped; number: as written */
    size_t n;        /* children */
    mn_json **items; /* array or object values, in order */
    mn_str *keys;    /* object keys; a repeated key is MN_E_PARSE */
};

/* The whole text as one value on the arena. */
mn_rc mn_json_parse(mn_str text, mn_arena *a, mn_json **ret, mn_err *e);
/* Lookups are total: NULL in, NULL out; the wrong type gives the default. */
const mn_json *mn_json_get(const mn_json *o, const char *key);
const mn_json *mn_json_at(const mn_json *a, size_t i);
mn_str mn_json_str(const mn_json *v);                    /* MN_STR_NONE unless a string */
int64_t mn_json_i64(const mn_json *v, int64_t fallback); /* also from a string of digits: ids */
uint64_t mn_json_u64(const mn_json *v, uint64_t fallback);
double mn_json_f64(const mn_json *v, double fallback);
bool mn_json_bool(const mn_json *v, bool fallback);

/* ---- write --------------------------------------------------------------------------------------------------- */

/* Appends to b. Keys are given before values inside objects; commas are placed here. Invalid UTF-8 becomes U+FFFD.
 * Check b->failed at the end. indent > 0 writes one member a line (for files people read). */
typedef struct mn_json_writer {
    mn_buf *b;
    int depth, indent;
    bool comma[MN_JSON_DEPTH_MAX], after_key;
} mn_json_writer;

void mn_json_writer_init(mn_json_writer *w, mn_buf *b, int indent);
void mn_jw_object(mn_json_writer *w);
void mn_jw_object_end(mn_json_writer *w);
void mn_jw_array(mn_json_writer *w);
void mn_jw_array_end(mn_json_writer *w);
void mn_jw_key(mn_json_writer *w, const char *key);
void mn_jw_key_str(mn_json_writer *w, mn_str key);
void mn_jw_str(mn_json_writer *w, mn_str s); /* absent → null */
void mn_jw_strz(mn_json_writer *w, const char *s);
void mn_jw_u64(mn_json_writer *w, uint64_t v);
void mn_jw_i64(mn_json_writer *w, int64_t v);
void mn_jw_id(mn_json_writer *w, uint64_t id); /* decimal string, as ids are given out */
void mn_jw_f64(mn_json_writer *w,
               double v); /* shortest text that reads back the same; not finite → null */
void mn_jw_bool(mn_json_writer *w, bool v);
void mn_jw_null(mn_json_writer *w);
void mn_jw_time(mn_json_writer *w, int64_t ms); /* RFC 3339 string */
void mn_jw_raw(mn_json_writer *w, mn_str json); /* trusted JSON as it is */
void mn_jw_tree(mn_json_writer *w,
                const mn_json *v); /* NULL → null; too deep for the writer fails its buffer */
/* key and value at once */
void mn_jw_kstr(mn_json_writer *w, const char *key, mn_str s);
void mn_jw_kstrz(mn_json_writer *w, const char *key, const char *s);
void mn_jw_ku64(mn_json_writer *w, const char *key, uint64_t v);
void mn_jw_ki64(mn_json_writer *w, const char *key, int64_t v);
void mn_jw_kid(mn_json_writer *w, const char *key, uint64_t id);
void mn_jw_kf64(mn_json_writer *w, const char *key, double v);
void mn_jw_kbool(mn_json_writer *w, const char *key, bool v);

#endif

/* module: base */
/* The JSON reader against jansson, the tree against the pull reader, and what the writer writes read back.
 *
 * Both must accept the same texts and read the same values. The intended differences: we stop at 64 levels (jansson at
 * 2048); we keep a number as text, so that one too large for a long or a double is not yet an error (jansson:
 * numeric overflow); we allow \u0000 in a key (jansson cannot); a NUL byte is never JSON (jansson loses one that follows
 * a number). */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/json.h"

static void same(const mn_json *ours, json_t *theirs);

static void same_object(const mn_json *ours, json_t *theirs)
{
    MN_ASSERT(json_is_object(theirs) && json_object_size(theirs) == ours->n);
    for (size_t i = 0; i < ours->n; i++) {
        /* the arena gives no NUL after a borrowed key */
        char *key = mn_strndup(ours->keys[i].ptr, ours->keys[i].len);
        MN_ASSERT(key);
        json_t *value = json_object_get(theirs, key);
        mn_free(key);
        MN_ASSERT(value);
        same(ours->items[i], value);
    }
}

static void same_number(const mn_json *ours, json_t *theirs)
{
    int64_t i;
    double x;
    MN_ASSERT(json_is_number(theirs));
    if (json_is_integer(theirs)) {
        MN_ASSERT(mn_str_to_i64(ours->text, &i) == MN_OK && i == json_integer_value(theirs));
    } else {
        MN_ASSERT(mn_str_to_f64(ours->text, &x) == MN_OK && x == json_real_value(theirs));
    }
}

static void same(const mn_json *ours, json_t *theirs)
{
    switch (ours->type) {
    case MN_JSON_NULL:
        MN_ASSERT(json_is_null(theirs));
        break;
    case MN_JSON_BOOL:
        MN_ASSERT(json_is_boolean(theirs) && json_is_true(theirs) == ours->boolean);
        break;
    case MN_JSON_NUMBER:
        same_number(ours, theirs);
        break;
    case MN_JSON_STRING:
        MN_ASSERT(json_is_string(theirs) && json_string_length(theirs) == ours->text.len &&
                  memcmp(json_string_value(theirs), ours->text.ptr, ours->text.len) == 0);
        break;
    case MN_JSON_ARRAY:
        MN_ASSERT(json_is_array(theirs) && json_array_size(theirs) == ours->n);
        for (size_t i = 0; i < ours->n; i++) same(ours->items[i], json_array_get(theirs, i));
        break;
    case MN_JSON_OBJECT:
        same_object(ours, theirs);
        break;
    }
}

static void write(mn_json_writer *w, const mn_json *v)
{
    switch (v->type) {
    case MN_JSON_NULL:
        mn_jw_null(w);
        break;
    case MN_JSON_BOOL:
        mn_jw_bool(w, v->boolean);
        break;
    case MN_JSON_NUMBER:
        mn_jw_raw(w, v->text);
        break;
    case MN_JSON_STRING:
        mn_jw_str(w, v->text);
        break;
    case MN_JSON_ARRAY:
        mn_jw_array(w);
        for (size_t i = 0; i < v->n; i++) write(w, v->items[i]);
        mn_jw_array_end(w);
        break;
    case MN_JSON_OBJECT:
        mn_jw_object(w);
        for (size_t i = 0; i < v->n; i++) {
            mn_jw_key_str(w, v->keys[i]);
            write(w, v->items[i]);
        }
        mn_jw_object_end(w);
        break;
    }
}

static bool equal(const mn_json *a, const mn_json *b)
{
    if (a->type != b->type || a->n != b->n || a->boolean != b->boolean ||
        !mn_str_eq(a->text, b->text))
        return false;
    for (size_t i = 0; i < a->n; i++)
        if ((a->keys && !mn_str_eq(a->keys[i], b->keys[i])) || !equal(a->items[i], b->items[i]))
            return false;
    return true;
}

static void writes_back(const mn_json *v, mn_arena *a, int indent)
{
    mn_buf b;
    mn_json_writer w;
    mn_json *again = NULL;
    mn_err e = {0};
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, indent);
    write(&w, v);
    MN_ASSERT(b.failed == MN_OK);
    MN_ASSERT(mn_json_parse(mn_buf_str(&b), a, &again, &e) == MN_OK && equal(v, again));
    mn_buf_release(&b);
}

static mn_rc skip_all(mn_str text)
{
    mn_json_reader r;
    mn_err e = {0};
    mn_json_reader_init(&r, text, NULL, &e);
    mn_rc rc = mn_json_skip(&r);
    return rc == MN_OK ? mn_json_end(&r) : rc;
}

/* A number as double: text of ours must read back as the same bits. */
static void double_survives(const uint8_t *data, size_t size)
{
    double v, back;
    if (size < sizeof v) return;
    memcpy(&v, data, sizeof v);
    if (!isfinite(v)) return;
    mn_buf b;
    mn_json_writer w;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_f64(&w, v);
    MN_ASSERT(mn_str_to_f64(mn_buf_str(&b), &back) == MN_OK);
    MN_ASSERT(memcmp(&v, &back, sizeof v) == 0 && strtod(b.ptr, NULL) == v);
    MN_ASSERT(skip_all(mn_buf_str(&b)) == MN_OK);
    mn_buf_release(&b);
}

static bool comparable(mn_rc rc, json_t *theirs, const json_error_t *why)
{
    if (rc == MN_E_LIMIT) return false;
    if (theirs) return true;
    enum json_error_code code = json_error_code(why);
    return code != json_error_numeric_overflow && code != json_error_null_byte_in_key &&
           code != json_error_stack_overflow;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_arena a;
    mn_err e = {0};
    mn_json *ours = NULL;
    json_error_t why;
    mn_str text = {(const char *)data, size};
    mn_arena_init(&a, 0);
    mn_rc rc = mn_json_parse(text, &a, &ours, &e);
    mn_rc skipped = skip_all(text);
    json_t *theirs = json_loadb(
        text.ptr, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    MN_ASSERT((rc == MN_OK) == (ours != NULL));
    MN_ASSERT(rc == skipped || strstr(e.msg, "stands twice")); /* only the tree looks at keys */
    if (size && memchr(text.ptr, 0, size)) {
        MN_ASSERT(rc != MN_OK);
    } else if (comparable(rc, theirs, &why)) {
        MN_ASSERT((rc == MN_OK) == (theirs != NULL));
        if (ours) same(ours, theirs);
    }
    if (ours) {
        writes_back(ours, &a, 0);
        writes_back(ours, &a, 2);
    }
    double_survives(data, size);
    json_decref(theirs);
    mn_arena_release(&a);
    return 0;
}

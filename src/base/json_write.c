/* The JSON writer: see json.h. Runs of text that need no escape are copied in one piece; runs with a byte above 0x7F
 * are checked for UTF-8 once, and only a broken one is looked at character by character. Room for separators is made
 * by mn_buf_add itself: after a failure of the buffer everything here does nothing. */
#include "base/json.h"

#include "base/base_int.h"
#include "base/clock.h"

void mn_json_writer_init(mn_json_writer *w, mn_buf *b, int indent)
{
    *w = (mn_json_writer){.b = b, .indent = indent};
}

static void new_line(mn_json_writer *w)
{
    static const char blanks[] = "                                ";
    mn_buf_addc(w->b, '\n');
    for (int n = w->indent * w->depth; n > 0; n -= 32)
        mn_buf_add(w->b, blanks, n < 32 ? (size_t)n : 32);
}

/* Before a key or a value: the comma and line that are due. */
static void separate(mn_json_writer *w)
{
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (w->depth == 0) return;
    if (w->comma[w->depth - 1]) mn_buf_addc(w->b, ',');
    w->comma[w->depth - 1] = true;
    if (w->indent > 0) new_line(w);
}

static void open_with(mn_json_writer *w, char c)
{
    MN_ASSERT(w->depth < MN_JSON_DEPTH_MAX);
    separate(w);
    mn_buf_addc(w->b, c);
    w->comma[w->depth++] = false;
}

static void close_with(mn_json_writer *w, char c)
{
    MN_ASSERT(w->depth > 0 && !w->after_key);
    w->depth--;
    if (w->comma[w->depth] && w->indent > 0) new_line(w);
    mn_buf_addc(w->b, c);
}

void mn_jw_object(mn_json_writer *w)
{
    open_with(w, '{');
}

void mn_jw_object_end(mn_json_writer *w)
{
    close_with(w, '}');
}

void mn_jw_array(mn_json_writer *w)
{
    open_with(w, '[');
}

void mn_jw_array_end(mn_json_writer *w)
{
    close_with(w, ']');
}

/* ---- strings ------------------------------------------------------------------------------------------------- */

static void put_escape(mn_buf *b, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char short_form[32] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    char s[6] = {'\\', (char)c};
    if (c >= 0x20) {
        mn_buf_add(b, s, 2);
    } else if (short_form[c]) {
        s[1] = short_form[c];
        mn_buf_add(b, s, 2);
    } else {
        memcpy(s + 1, "u00", 3);
        s[4] = hex[c >> 4];
        s[5] = hex[c & 15];
        mn_buf_add(b, s, 6);
    }
}

/* A run without anything to escape, with bad bytes as U+FFFD, one for each. */
static void put_repaired(mn_buf *b, const char *p, size_t n)
{
    uint32_t cp;
    for (size_t len; n; p += len, n -= len) {
        len = mn_utf8_decode(p, n, &cp);
        if (len) {
            mn_buf_add(b, p, len);
        } else {
            mn_buf_add(b, "\xEF\xBF\xBD", 3);
            len = 1;
        }
    }
}

/* The rest of a string, from its first byte that needs care. */
static void put_runs(mn_buf *b, const char *p, const char *end)
{
    while (p < end) {
        bool high = false;
        const char *stop = mn_base__json_run(p, end, &high);
        mn_str run = {p, (size_t)(stop - p)};
        if (high && !mn_utf8_valid(run)) put_repaired(b, run.ptr, run.len);
        else mn_buf_adds(b, run);
        if (stop < end) put_escape(b, (unsigned char)*stop++);
        p = stop;
    }
}

/* Most strings are one plain run: for those the room is asked for once. `tail` follows the closing quote. */
static void put_string(mn_buf *b, mn_str s, const char *tail, size_t n_tail)
{
    bool high = false;
    if (mn_buf_reserve(b, s.len + 2 + n_tail) != MN_OK) return;
    const char *end = s.ptr + s.len, *stop = mn_base__json_run(s.ptr, end, &high);
    if (stop == end && !(high && !mn_utf8_valid(s))) {
        char *p = b->ptr + b->len;
        *p++ = '"';
        if (s.len) memcpy(p, s.ptr, s.len);
        p += s.len;
        *p++ = '"';
        memcpy(p, tail, n_tail);
        b->len += s.len + 2 + n_tail;
        b->ptr[b->len] = '\0';
        return;
    }
    mn_buf_addc(b, '"');
    put_runs(b, s.ptr, end);
    mn_buf_addc(b, '"');
    mn_buf_add(b, tail, n_tail);
}

void mn_jw_key_str(mn_json_writer *w, mn_str key)
{
    MN_ASSERT(w->depth > 0 && !w->after_key);
    separate(w);
    put_string(w->b, key, ": ", w->indent > 0 ? 2 : 1);
    w->after_key = true;
}

void mn_jw_key(mn_json_writer *w, const char *key)
{
    mn_jw_key_str(w, mn_str_from(key));
}

void mn_jw_str(mn_json_writer *w, mn_str s)
{
    separate(w);
    if (s.ptr) put_string(w->b, s, "", 0);
    else mn_buf_add(w->b, "null", 4);
}

void mn_jw_strz(mn_json_writer *w, const char *s)
{
    mn_jw_str(w, mn_str_from(s));
}

/* ---- other values -------------------------------------------------------------------------------------------- */

void mn_jw_u64(mn_json_writer *w, uint64_t v)
{
    separate(w);
    mn_buf_addu(w->b, v);
}

void mn_jw_i64(mn_json_writer *w, int64_t v)
{
    separate(w);
    mn_buf_addi(w->b, v);
}

void mn_jw_id(mn_json_writer *w, uint64_t id)
{
    separate(w);
    mn_buf_addc(w->b, '"');
    mn_buf_addu(w->b, id);
    mn_buf_addc(w->b, '"');
}

void mn_jw_f64(mn_json_writer *w, double v)
{
    separate(w);
    char tmp[32];
    if (__builtin_isfinite(v)) mn_buf_add(w->b, tmp, mn_base__f64_put(v, tmp));
    else mn_buf_add(w->b, "null", 4);
}

void mn_jw_bool(mn_json_writer *w, bool v)
{
    separate(w);
    mn_buf_addz(w->b, v ? "true" : "false");
}

void mn_jw_null(mn_json_writer *w)
{
    separate(w);
    mn_buf_add(w->b, "null", 4);
}

void mn_jw_time(mn_json_writer *w, int64_t ms)
{
    char tmp[MN_TIME_MAX];
    mn_jw_strz(w, mn_time_format(ms, tmp));
}

void mn_jw_raw(mn_json_writer *w, mn_str json)
{
    separate(w);
    mn_buf_adds(w->b, json);
}

void mn_jw_kstr(mn_json_writer *w, const char *key, mn_str s)
{
    mn_jw_key(w, key);
    mn_jw_str(w, s);
}

void mn_jw_kstrz(mn_json_writer *w, const char *key, const char *s)
{
    mn_jw_key(w, key);
    mn_jw_strz(w, s);
}

void mn_jw_ku64(mn_json_writer *w, const char *key, uint64_t v)
{
    mn_jw_key(w, key);
    mn_jw_u64(w, v);
}

void mn_jw_ki64(mn_json_writer *w, const char *key, int64_t v)
{
    mn_jw_key(w, key);
    mn_jw_i64(w, v);
}

void mn_jw_kid(mn_json_writer *w, const char *key, uint64_t id)
{
    mn_jw_key(w, key);
    mn_jw_id(w, id);
}

void mn_jw_kf64(mn_json_writer *w, const char *key, double v)
{
    mn_jw_key(w, key);
    mn_jw_f64(w, v);
}

void mn_jw_kbool(mn_json_writer *w, const char *key, bool v)
{
    mn_jw_key(w, key);
    mn_jw_bool(w, v);
}

static bool too_deep(mn_json_writer *w)
{
    if (w->depth < MN_JSON_DEPTH_MAX) return false;
    if (!w->b->failed) w->b->failed = MN_E_LIMIT;
    return true;
}

void mn_jw_tree(mn_json_writer *w, const mn_json *v)
{
    switch (v ? v->type : MN_JSON_NULL) {
    case MN_JSON_NULL:
        mn_jw_null(w);
        return;
    case MN_JSON_BOOL:
        mn_jw_bool(w, v->boolean);
        return;
    case MN_JSON_NUMBER:
        mn_jw_raw(w, v->text);
        return;
    case MN_JSON_STRING:
        mn_jw_str(w, v->text);
        return;
    case MN_JSON_ARRAY:
        if (too_deep(w)) return;
        mn_jw_array(w);
        for (size_t i = 0; i < v->n; i++) mn_jw_tree(w, v->items[i]);
        mn_jw_array_end(w);
        return;
    case MN_JSON_OBJECT:
        if (too_deep(w)) return;
        mn_jw_object(w);
        for (size_t i = 0; i < v->n; i++) {
            mn_jw_key_str(w, v->keys[i]);
            mn_jw_tree(w, v->items[i]);
        }
        mn_jw_object_end(w);
        return;
    }
}

/* See window.h. The buffer holds the unread part of the stream; when an item does not fit it is moved to the front and
 * the buffer doubles, up to the item's maximum. Each byte is looked at once by the scanner, which keeps its state over
 * refills. */
#include "archive/window.h"

#include <string.h>

#define FIRST_CAP ((size_t)64 << 10)
#define HEAD_MAX  512

void mn_window_init(mn_window *w, const char *name, size_t max_item,
                    mn_rc (*read)(void *, void *, size_t, size_t *, mn_err *), void *arg)
{
    *w = (mn_window){.read = read, .arg = arg, .name = name, .max = max_item, .line = 1};
}

void mn_window_release(mn_window *w)
{
    mn_free(w->buf);
    w->buf = NULL;
    w->at = w->len = w->cap = 0;
}

mn_rc mn_window_read_memory(void *arg, void *p, size_t n, size_t *ret_n, mn_err *e)
{
    mn_str *s = arg;
    (void)e;
    *ret_n = s->len < n ? s->len : n;
    if (*ret_n) memcpy(p, s->ptr, *ret_n);
    *s = mn_str_sub(*s, *ret_n, SIZE_MAX);
    return MN_OK;
}

static mn_rc too_long(const mn_window *w, mn_err *e)
{
    return mn_fail(e, MN_E_LIMIT, "'%s', line %llu: longer than %zu bytes", w->name,
                   (unsigned long long)w->line, w->max);
}

/* More bytes behind len, keeping buf[at..len); w->ended when there are none. */
static mn_rc refill(mn_window *w, mn_err *e)
{
    size_t got = 0, held = w->len - w->at;
    if (w->at) {
        memmove(w->buf, w->buf + w->at, held);
        w->at = 0;
        w->len = held;
    }
    if (w->len == w->cap) {
        if (w->cap > w->max) return too_long(w, e);
        size_t cap = w->cap ? w->cap * 2 : FIRST_CAP;
        if (cap > w->max + FIRST_CAP) cap = w->max + FIRST_CAP;
        char *bigger = mn_realloc(w->buf, cap);
        if (!bigger) return mn_fail(e, MN_E_NOMEM, "no memory to read '%s'", w->name);
        w->buf = bigger;
        w->cap = cap;
    }
    MN_TRY(w->read(w->arg, w->buf + w->len, w->cap - w->len, &got, e));
    w->len += got;
    if (!got) w->ended = true;
    return MN_OK;
}

static void take(mn_window *w, size_t n)
{
    w->at += n;
    w->taken += n;
}

/* ---- lines --------------------------------------------------------------------------------------------------------- */

mn_rc mn_window_line(mn_window *w, mn_str *ret, bool *ret_more, mn_err *e)
{
    size_t scanned = 0;
    for (;;) {
        size_t held = w->len - w->at;
        const char *lf = NULL;
        if (held > scanned) lf = memchr(w->buf + w->at + scanned, '\n', held - scanned);
        scanned = lf ? (size_t)(lf - (w->buf + w->at)) : held;
        if (scanned > w->max) return too_long(w, e);
        if (lf || (w->ended && held)) {
            *ret = (mn_str){w->buf + w->at, scanned};
            take(w, scanned + (lf != NULL));
            break;
        }
        if (w->ended) {
            *ret_more = false;
            *ret = MN_STR_NONE;
            return MN_OK;
        }
        MN_TRY(refill(w, e));
    }
    if (w->line == 1 && mn_str_starts(*ret, "\xef\xbb\xbf"))
        *ret = mn_str_sub(*ret, 3, SIZE_MAX);
    if (ret->len && ret->ptr[ret->len - 1] == '\r') ret->len--;
    w->line++;
    *ret_more = true;
    return MN_OK;
}

/* ---- JSON ---------------------------------------------------------------------------------------------------------- */

static mn_rc broken(const mn_window *w, const char *why, mn_err *e)
{
    return mn_fail(e, MN_E_PARSE, "'%s', line %llu: %s", w->name, (unsigned long long)w->line,
                   why);
}

/* The next byte that is not white space, not taken; -1 at the end. */
static mn_rc peek(mn_window *w, int *ret, mn_err *e)
{
    for (;;) {
        while (w->at < w->len) {
            char c = w->buf[w->at];
            if (c != ' ' && c != '\n' && c != '\t' && c != '\r') {
                *ret = (unsigned char)c;
                return MN_OK;
            }
            if (c == '\n') w->line++;
            take(w, 1);
        }
        if (w->ended) {
            *ret = -1;
            return MN_OK;
        }
        MN_TRY(refill(w, e));
    }
}

/* The end of one value, byte by byte. */
typedef struct scan {
    bool string, escape;
    int depth;
} scan;

/* True when c is the last byte of the value; *past when c already lies behind it. */
static bool scan_byte(scan *s, char c, bool *past)
{
    if (s->string) {
        if (s->escape) s->escape = false;
        else if (c == '\\') s->escape = true;
        else if (c == '"') {
            s->string = false;
            return s->depth == 0;
        }
        return false;
    }
    switch (c) {
    case '"':
        s->string = true;
        return false;
    case '{':
    case '[':
        s->depth++;
        return false;
    case '}':
    case ']':
        if (s->depth == 0) {
            *past = true;
            return true;
        }
        return --s->depth == 0;
    case ',':
    case ' ':
    case '\n':
    case '\t':
    case '\r':
        *past = s->depth == 0;
        return s->depth == 0;
    default:
        return false;
    }
}

/* Takes one value. keep: it stays in the buffer whole and *ret is it; else it is dropped as it passes. */
static mn_rc take_value(mn_window *w, bool keep, mn_str *ret, mn_err *e)
{
    scan s = {0};
    size_t n = 0;
    for (;;) {
        for (; w->at + n < w->len; n++) {
            char c = w->buf[w->at + n];
            bool past = false;
            if (c == '\n' && !s.string && s.depth) w->line++;
            if (!scan_byte(&s, c, &past)) continue;
            n += !past;
            if (!n) return broken(w, "expected a value", e);
            if (n > w->max && keep) return too_long(w, e);
            if (ret) *ret = (mn_str){w->buf + w->at, n};
            take(w, n);
            return MN_OK;
        }
        if (!keep) {
            take(w, n);
            n = 0;
        }
        if (w->ended) return broken(w, "the file ends inside a value (cut short?)", e);
        MN_TRY(refill(w, e));
    }
}

/* What stands between the value just read and the next: ',' or the closing bracket, which is taken. */
static mn_rc separator(mn_window *w, char close, bool *ret_more, mn_err *e)
{
    int c;
    MN_TRY(peek(w, &c, e));
    if (c < 0) return broken(w, "the file ends too early (cut short?)", e);
    if (c == close) {
        take(w, 1);
        *ret_more = false;
        return MN_OK;
    }
    *ret_more = true;
    if (w->first) {
        w->first = false;
        return MN_OK;
    }
    if (c != ',') return broken(w, "expected ',' or the end of the list", e);
    take(w, 1);
    MN_TRY(peek(w, &c, e));
    return c == ']' || c == '}' || c == ',' ? broken(w, "expected a value after ','", e)
                                            : MN_OK;
}

static mn_rc expect(mn_window *w, char what, mn_err *e)
{
    int c;
    char why[] = "expected 'x'";
    MN_TRY(peek(w, &c, e));
    why[10] = what;
    if (c != what) return broken(w, why, e);
    take(w, 1);
    return MN_OK;
}

/* Members up to the one named key (whose value is not taken), or to the end of the object. */
static mn_rc find_member(mn_window *w, const char *key, bool *ret_found, mn_err *e)
{
    bool more;
    for (;;) {
        mn_str name;
        int c;
        MN_TRY(separator(w, '}', &more, e));
        *ret_found = more;
        if (!more) return MN_OK;
        MN_TRY(peek(w, &c, e));
        if (c != '"') return broken(w, "expected a member's name", e);
        MN_TRY(take_value(w, true, &name, e));
        bool wanted = key && mn_str_eqz(mn_str_sub(name, 1, name.len - 2), key);
        MN_TRY(expect(w, ':', e));
        MN_TRY(peek(w, &c, e));
        if (wanted && c == '[') return MN_OK;
        if (wanted) return broken(w, "expected a list here", e);
        MN_TRY(take_value(w, false, NULL, e));
    }
}

static mn_rc find_bracket(mn_window *w, mn_buf *head, mn_err *e)
{
    for (;;) {
        size_t held = w->len - w->at;
        const char *p = held ? memchr(w->buf + w->at, '[', held) : NULL;
        size_t n = p ? (size_t)(p - (w->buf + w->at)) : held;
        for (size_t i = 0; i < n; i++) w->line += w->buf[w->at + i] == '\n';
        if (head && head->len < HEAD_MAX)
            mn_buf_add(head, w->buf + w->at,
                       n < HEAD_MAX - head->len ? n : HEAD_MAX - head->len);
        take(w, n);
        if (p) return head && head->failed ? mn_fail(e, head->failed, "no memory") : MN_OK;
        if (w->ended || w->taken > 4096) return broken(w, "there is no list in this file", e);
        MN_TRY(refill(w, e));
    }
}

mn_rc mn_window_array(mn_window *w, const char *key, mn_buf *ret_head, mn_err *e)
{
    if (key) {
        int c;
        bool found = false;
        MN_TRY(peek(w, &c, e));
        if (c == 0xef) { /* byte order mark */
            while (w->len - w->at < 3 && !w->ended) MN_TRY(refill(w, e));
            if (w->len - w->at < 3) return broken(w, "expected '{'", e);
            take(w, 3);
        }
        MN_TRY(expect(w, '{', e));
        w->first = true;
        MN_TRY(find_member(w, key, &found, e));
        if (!found) return mn_fail(e, MN_E_PARSE, "'%s' has no list \"%s\"", w->name, key);
        w->closing = 1;
    } else {
        MN_TRY(find_bracket(w, ret_head, e));
    }
    w->first = true;
    return expect(w, '[', e);
}

/* After the array: the rest of the object around it, then nothing but white space and ';'. */
static mn_rc check_tail(mn_window *w, mn_err *e)
{
    int c;
    bool found = false;
    w->first = false;
    if (w->closing) MN_TRY(find_member(w, NULL, &found, e));
    MN_TRY(peek(w, &c, e));
    if (c == ';') {
        take(w, 1);
        MN_TRY(peek(w, &c, e));
    }
    return c < 0 ? MN_OK : broken(w, "something follows the end of the list", e);
}

mn_rc mn_window_element(mn_window *w, mn_str *ret, bool *ret_more, mn_err *e)
{
    int c;
    MN_TRY(separator(w, ']', ret_more, e));
    if (!*ret_more) {
        *ret = MN_STR_NONE;
        return check_tail(w, e);
    }
    MN_TRY(peek(w, &c, e));
    return take_value(w, true, ret, e);
}

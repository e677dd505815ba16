#include "cmd/index.h"

#include <stdio.h>

#include "base/clock.h"
#include "text/unicode.h"

#define COLUMNS 80u

mn_rc mn_index_open(const mn_home *h, mn_search **ret, mn_err *e)
{
    mn_arena a;
    mn_search *x = NULL;
    mn_arena_init(&a, 0);
    char *dir = mn_home_path(h, &a, "search");
    mn_rc rc = dir ? mn_search_open(dir, h->store, false, &x, e)
                   : mn_fail(e, MN_E_NOMEM, "no memory to open the search index");
    if (rc == MN_E_BUSY) rc = mn_search_open(dir, h->store, true, &x, e);
    if (rc == MN_OK && mn_search_notice(x)[0])
        fprintf(stderr, "mynah: %s\n", mn_search_notice(x));
    if (rc == MN_OK) rc = mn_search_update(x, NULL, e);
    if (rc == MN_OK) *ret = x;
    else mn_search_close(x);
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_index_words(int n, char **argv, const char *what, mn_arena *a, mn_str *ret, mn_err *e)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    for (int i = 1; i <= n; i++) {
        if (i > 1) mn_buf_addc(&b, ' ');
        mn_buf_addz(&b, argv[i]);
    }
    mn_rc rc = b.failed ? mn_fail(e, b.failed, "no memory for a question") : MN_OK;
    if (rc == MN_OK && mn_str_trim(mn_buf_str(&b)).len == 0)
        rc = mn_fail(e, MN_E_USAGE, "%s was expected", what);
    if (rc == MN_OK && !mn_utf8_valid(mn_buf_str(&b)))
        rc = mn_fail(e, MN_E_USAGE, "%s must be UTF-8 text", what);
    if (rc == MN_OK) {
        *ret = mn_str_dup(a, mn_buf_str(&b));
        if (!ret->ptr) rc = mn_fail(e, MN_E_NOMEM, "no memory for a question");
    }
    mn_buf_release(&b);
    return rc;
}

mn_rc mn_index_before(const char *option, uint64_t *ret, mn_err *e)
{
    *ret = 0;
    if (!option) return MN_OK;
    if (mn_str_to_u64(mn_str_from(option), ret) == MN_OK && *ret > 0) return MN_OK;
    return mn_fail(e, MN_E_USAGE, "--before '%.40s' is not a post's id", option);
}

/* Columns of a terminal that a code point takes; near enough for wrapping. */
static size_t columns_of(uint32_t c)
{
    if (c < 0x20 || (c >= 0x7F && c < 0xA0) || mn_umark(c)) return 0;
    return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) ||
                   (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
                   (c >= 0xFF00 && c <= 0xFF60) || c >= 0x1F300
               ? 2
               : 1;
}

typedef struct wrapper {
    mn_buf *out;
    size_t at, indent, lines, max_lines;
    bool full;
} wrapper;

static void new_line(wrapper *w)
{
    if (w->max_lines && w->lines == w->max_lines) {
        mn_buf_addz(w->out, "\xE2\x80\xA6");
        w->full = true;
        return;
    }
    mn_buf_addf(w->out, "\n%*s", (int)w->indent, "");
    w->at = w->indent;
    w->lines++;
}

static void put_word(wrapper *w, mn_str word)
{
    size_t width = 0, n;
    uint32_t c;
    for (size_t i = 0; i < word.len; i += n ? n : 1) {
        n = mn_utf8_decode(word.ptr + i, word.len - i, &c);
        if (n) width += columns_of(c);
    }
    bool first = w->at == w->indent && w->lines > 1;
    if (!first && w->at + (w->at > 0) + width > COLUMNS) new_line(w);
    else if (!first && w->at > 0 && w->out->ptr[w->out->len - 1] != ' ') {
        mn_buf_addc(w->out, ' ');
        w->at++;
    }
    for (size_t i = 0; i < word.len && !w->full; i += n ? n : 1) {
        n = mn_utf8_decode(word.ptr + i, word.len - i, &c);
        size_t k = n ? columns_of(c) : 0;
        if (k == 0 && !mn_umark(c)) continue;
        if (w->at + k > COLUMNS) new_line(w);
        if (w->full) return;
        mn_buf_add(w->out, word.ptr + i, n);
        w->at += k;
    }
}

size_t mn_index_wrap(mn_str text, size_t at, size_t indent, size_t max_lines, mn_buf *ret)
{
    wrapper w = {ret, at, indent, 1, max_lines, false};
    for (size_t i = 0; i < text.len && !w.full;) {
        size_t from = i;
        while (i < text.len && (unsigned char)text.ptr[i] > ' ') i++;
        if (i > from) put_word(&w, mn_str_sub(text, from, i - from));
        else i++;
    }
    return w.at;
}

void mn_index_day(int64_t ms, mn_buf *ret)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int year, month, day, hour, min, sec;
    mn_time_to_civil(ms, &year, &month, &day, &hour, &min, &sec);
    mn_buf_addf(ret, "%d %s %d", day, months[month - 1], year);
}

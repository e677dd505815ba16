/* What the readers of all formats share: counting, cleaning, times, ids. */
#include "archive/archive_int.h"

#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/snowflake.h"

#define TEXT_WORK_MAX ((size_t)32 << 20)
#define DAY_MS        INT64_C(86400000)

mn_rc mn_feed_init(mn_feed *f, mn_source *src, const mn_import_opts *o, mn_import_report *r,
                   mn_rc (*emit)(mn_feed *, const mn_item *, mn_err *), void *arg)
{
    *f = (mn_feed){.src = src,
                   .opts = o,
                   .origin = "",
                   .root = MN_STR(""),
                   .report = r,
                   .emit = emit,
                   .arg = arg};
    mn_arena_init(&f->keep, (size_t)64 << 20);
    mn_arena_init(&f->item, (size_t)64 << 20);
    mn_buf_init(&f->text, TEXT_WORK_MAX);
    mn_buf_init(&f->scratch, TEXT_WORK_MAX);
    return MN_OK;
}

void mn_feed_release(mn_feed *f)
{
    mn_arena_release(&f->keep);
    mn_arena_release(&f->item);
    mn_buf_release(&f->text);
    mn_buf_release(&f->scratch);
}

void mn_feed_skip(mn_feed *f, mn_skip why)
{
    f->read++;
    f->skipped[why]++;
}

void mn_feed_unknown(mn_feed *f, mn_str key)
{
    if (!f->unknown_keys++) {
        mn_str k = mn_utf8_cut(key, sizeof f->unknown_example - 1);
        memcpy(f->unknown_example, k.ptr ? k.ptr : "", k.len);
        f->unknown_example[k.len] = '\0';
    }
}

mn_str mn_feed_origin(const mn_feed *f, mn_str source_id, mn_arena *a)
{
    size_t n = strlen(f->origin);
    char *p = mn_arena_alloc(a, n + 1 + source_id.len);
    if (!p) return MN_STR_NONE;
    memcpy(p, f->origin, n);
    p[n] = ':';
    if (source_id.len) memcpy(p + n + 1, source_id.ptr, source_id.len);
    return (mn_str){p, n + 1 + source_id.len};
}

bool mn_feed_at(const mn_feed *f, mn_str name, const char *rest)
{
    size_t n = strlen(rest);
    return name.len == f->root.len + n && !memcmp(name.ptr, f->root.ptr, f->root.len) &&
           !memcmp(name.ptr + f->root.len, rest, n);
}

static mn_rc read_entry(void *arg, void *p, size_t n, size_t *ret_n, mn_err *e)
{
    return mn_source_read(arg, p, n, ret_n, e);
}

void mn_feed_window(mn_feed *f, mn_window *w, const char *name, size_t max_item)
{
    mn_window_init(w, name, max_item, read_entry, f->src);
}

mn_rc mn_feed_whole(mn_feed *f, mn_str name, size_t max, mn_str *ret, mn_err *e)
{
    mn_buf b;
    mn_rc rc = MN_OK;
    mn_buf_init(&b, max);
    for (size_t got = 1; got && rc == MN_OK;) {
        char block[8192];
        rc = mn_source_read(f->src, block, sizeof block, &got, e);
        if (rc == MN_OK && mn_buf_add(&b, block, got) != MN_OK)
            rc = mn_fail(e, b.failed, "'%.*s' is larger than %zu bytes", MN_STR_FMT(name), max);
    }
    if (rc == MN_OK) {
        *ret = mn_str_dup(&f->keep, mn_buf_str(&b));
        if (!ret->ptr) rc = mn_fail(e, MN_E_NOMEM, "no memory for '%.*s'", MN_STR_FMT(name));
    }
    mn_buf_release(&b);
    return rc;
}

mn_rc mn_feed_script(mn_feed *f, mn_str name, mn_json **ret, mn_err *e)
{
    mn_str text;
    MN_TRY(mn_feed_whole(f, name, MN_SMALL_MAX, &text, e));
    const char *eq = memchr(text.ptr, '=', text.len);
    if (eq) text = mn_str_sub(text, (size_t)(eq - text.ptr) + 1, SIZE_MAX);
    text = mn_str_trim(text);
    if (mn_str_ends(text, ";")) text.len--;
    mn_rc rc = mn_json_parse(text, &f->keep, ret, e);
    return rc == MN_OK ? rc : mn_err_wrap(e, "'%.*s'", MN_STR_FMT(name));
}

/* ---- text and time ------------------------------------------------------------------------------------------------- */

static bool is_plain(mn_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f) return false;
    }
    return true;
}

mn_str mn_clean_text(mn_str s, mn_buf *b)
{
    s = mn_str_trim(s);
    if (is_plain(s)) return s;
    mn_buf_clear(b);
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == '\r' && (i + 1 == s.len || s.ptr[i + 1] != '\n')) mn_buf_addc(b, '\n');
        else if ((c >= ' ' && c != 0x7f) || c == '\n' || c == '\t') mn_buf_addc(b, s.ptr[i]);
    }
    return mn_str_trim(mn_buf_str(b));
}

mn_rc mn_feed_item(mn_feed *f, mn_item *it, mn_err *e)
{
    it->text = mn_clean_text(it->text, &f->scratch);
    if (f->scratch.failed) return mn_fail(e, f->scratch.failed, "no memory for a post's text");
    if (it->created_ms < 0 || it->created_ms > mn_now_ms() + DAY_MS) {
        mn_feed_skip(f, MN_SKIP_BAD_TIME);
        return MN_OK;
    }
    if (!it->text.len && !it->n_media) {
        mn_feed_skip(f, MN_SKIP_EMPTY);
        return MN_OK;
    }
    if (it->text.len > MN_TEXT_MAX || it->warning.len > MN_TEXT_MAX) {
        mn_feed_skip(f, MN_SKIP_TOO_LONG);
        return MN_OK;
    }
    f->read++;
    return f->emit(f, it, e);
}

static int month_of(mn_str s)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; s.len >= 3 && i < 12; i++)
        if (!memcmp(s.ptr, names + i * 3, 3)) return i + 1;
    return 0;
}

/* A number of n digits at s.ptr[at], or -1. */
static int digits(mn_str s, size_t at, size_t n)
{
    int v = 0;
    if (at + n > s.len) return -1;
    for (size_t i = 0; i < n; i++) {
        char c = s.ptr[at + i];
        if (c < '0' || c > '9') return -1;
        v = v * 10 + (c - '0');
    }
    return v;
}

/* "+0000" or "-0530" at `at`: minutes east. */
static bool zone(mn_str s, size_t at, int *ret)
{
    int h = digits(s, at + 1, 2), m = digits(s, at + 3, 2);
    if (h < 0 || m < 0 || h > 14 || m > 59 || (s.ptr[at] != '+' && s.ptr[at] != '-'))
        return false;
    *ret = (h * 60 + m) * (s.ptr[at] == '-' ? -1 : 1);
    return true;
}

mn_rc mn_x_time(mn_str s, int64_t *ret)
{
    int year, month, day, east = 0;
    size_t clock;
    if (s.len == 30) { /* Sat Feb 18 12:33:11 +0000 2023 */
        month = month_of(mn_str_sub(s, 4, 3));
        day = digits(s, 8, 2);
        year = digits(s, 26, 4);
        clock = 11;
        if (!zone(s, 20, &east)) return MN_E_PARSE;
    } else if (s.len == 25) { /* 2012-01-31 22:16:18 +0000 */
        year = digits(s, 0, 4);
        month = digits(s, 5, 2);
        day = digits(s, 8, 2);
        clock = 11;
        if (!zone(s, 20, &east)) return MN_E_PARSE;
    } else {
        return mn_time_parse(s, ret);
    }
    int h = digits(s, clock, 2), m = digits(s, clock + 3, 2), sec = digits(s, clock + 6, 2);
    if (year < 0 || month <= 0 || day < 0 || h < 0 || m < 0 || sec < 0) return MN_E_PARSE;
    if (s.ptr[clock + 2] != ':' || s.ptr[clock + 5] != ':') return MN_E_PARSE;
    MN_TRY(mn_time_from_civil(year, month, day, h, m, sec, ret));
    *ret -= (int64_t)east * 60000;
    return MN_OK;
}

mn_str mn_lang_clean(mn_str code)
{
    static const char *const none[] = {"und", "qam", "qct", "qht", "qme", "qst", "zxx", "art"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (mn_str_eqz(code, none[i])) return MN_STR("");
    if (mn_str_eqz(code, "iw")) return MN_STR("he");
    if (mn_str_eqz(code, "in")) return MN_STR("id");
    if (mn_str_eqz(code, "ji")) return MN_STR("yi");
    if (code.len < 2 || code.len > 35) return MN_STR("");
    for (size_t i = 0; i < code.len; i++) {
        char c = code.ptr[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && (c != '-' || i < 2)) return MN_STR("");
    }
    return code;
}

/* ---- ids ----------------------------------------------------------------------------------------------------------- */

#define OLD_IDS (UINT64_C(1) << 35)

/* A decimal id as it is written by those who make ids: no sign, no zero in front. */
static uint64_t id_number(mn_str s)
{
    uint64_t n = 0;
    if (!s.len || s.ptr[0] < '1' || s.ptr[0] > '9' || mn_str_to_u64(s, &n) != MN_OK) return 0;
    return n <= (uint64_t)INT64_MAX ? n : 0;
}

static int64_t id_time(uint64_t n)
{
    return (int64_t)(n >> 22) + MN_SNOWFLAKE_EPOCH_MS;
}

uint64_t mn_import_post_id(mn_str source_id, int64_t created_ms, mn_str origin)
{
    uint64_t n = id_number(source_id);
    if (n >= OLD_IDS && id_time(n) - created_ms < 1000 && created_ms - id_time(n) < 1000)
        return n;
    if (n && n < OLD_IDS && created_ms < MN_SNOWFLAKE_EPOCH_MS) return n;
    return mn_snowflake_at(created_ms, mn_hash64(origin.ptr, origin.len, 0));
}

/* A parent is not younger than its reply (to the second) and not older than Snowflakes when its number is one. */
uint64_t mn_import_parent_id(mn_str source_id, int64_t child_created_ms)
{
    uint64_t n = id_number(source_id);
    if (n >= OLD_IDS) return id_time(n) <= child_created_ms + 1000 ? n : 0;
    return child_created_ms < MN_SNOWFLAKE_EPOCH_MS ? n : 0;
}

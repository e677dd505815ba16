/* Fortune files: texts between lines that hold a single '%'. One account a file.
 *
 * Debian ships a file X with X.dat (an index, passed over) and often X.u8, a link to X or X in UTF-8; links are not
 * followed by the source, and of two plain files X and X.u8 the one with text is read. Fortunes bear no time: theirs is
 * taken from a hash of file and text, so that accounts mingle and a second run finds the same posts. Overstriking and
 * terminal colours, which some files use, are taken out. Whole files known to be drawings or offensive are counted and
 * left out; so is a single fortune that is more drawing than words. */
#include "archive/archive_int.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/hash.h"
#include "text/langid.h"
#include "text/unicode.h"
#include "text/unwrap.h"

#define FORTUNE_MAX_CHARS 5000
#define FORTUNE_MAX_BYTES ((size_t)1 << 20)

/* The twelve months before 2026-11-01T00:00:00Z. */
#define SPREAD_TO   INT64_C(1793491200000)
#define SPREAD_FROM (SPREAD_TO - INT64_C(365) * 86400000)

typedef struct file {
    mn_str name; /* in the source */
    mn_profile *profile;
    mn_skip leave_out; /* MN_SKIPS: nothing against the file */
    char folder_lang[3];
    bool utf8;
} file;

/* ---- names --------------------------------------------------------------------------------------------------------- */

/* "ru/art.u8" → "ru/art" */
static mn_str stem(mn_str name)
{
    static const char *const endings[] = {".u8", ".fortunes", ".fortune"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (mn_str_ends(name, endings[i])) name.len -= strlen(endings[i]);
    return name;
}

static mn_str last_part(mn_str name)
{
    for (size_t i = name.len; i > 0; i--)
        if (name.ptr[i - 1] == '/') return mn_str_sub(name, i, SIZE_MAX);
    return name;
}

/* Not fortunes: indexes, sources of the index, documents. */
static bool is_beside(mn_str name)
{
    static const char *const endings[] = {".dat", ".pos", ".gz",      ".html", ".md",
                                          ".sh",  "-pre", "Makefile", "README"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (mn_str_ends(name, endings[i])) return true;
    return last_part(name).ptr[0] == '.';
}

static mn_skip against(mn_str name)
{
    mn_str last = last_part(stem(name));
    static const char *const art[] = {"ascii-art", "asciiart", "ascii",
                                      "banner",    "cows",     "figlet"};
    for (size_t i = 0; i < sizeof art / sizeof *art; i++)
        if (mn_str_eqz(last, art[i])) return MN_SKIP_ASCII_ART;
    if (mn_str_starts(name, "off/") || mn_str_find(name, MN_STR("/off/"), 0) != SIZE_MAX ||
        mn_str_ends(last, "-o") || mn_str_find(last, MN_STR("offensive"), 0) != SIZE_MAX)
        return MN_SKIP_OFFENSIVE;
    return MN_SKIPS;
}

/* "ru/men-women" → "Men women (ru)" */
static mn_str display_of(mn_str name, mn_arena *a)
{
    mn_str last = last_part(name), folder = MN_STR_NONE;
    if (last.len < name.len) folder = last_part((mn_str){name.ptr, name.len - last.len - 1});
    mn_str s = folder.len ? mn_str_fmt(a, "%.*s (%.*s)", MN_STR_FMT(last), MN_STR_FMT(folder))
                          : mn_str_dup(a, last);
    if (!s.ptr) return s;
    char *p = (char *)mn_arena_strndup(a, s.ptr, s.len);
    if (!p) return MN_STR_NONE;
    for (size_t i = 0; i < last.len; i++)
        if (p[i] == '-' || p[i] == '_') p[i] = ' ';
    if (p[0] >= 'a' && p[0] <= 'z') p[0] = (char)(p[0] - 32);
    return (mn_str){p, s.len};
}

static mn_rc open_file(mn_feed *f, mn_str name, file *ret, mn_err *e)
{
    mn_arena *a = &f->keep;
    mn_str whole = mn_str_dup(a, stem(name));
    mn_profile *p = mn_arena_calloc(a, 1, sizeof *p);
    if (!p || !whole.ptr)
        return mn_fail(e, MN_E_NOMEM, "no memory for '%.*s'", MN_STR_FMT(name));
    p->name = whole;
    p->display = display_of(whole, a);
    p->origin = mn_str_fmt(a, "fortune:%s", whole.ptr);
    p->bio = mn_str_fmt(a, "Fortunes from the file %s", whole.ptr);
    p->bot = true;
    p->created_ms = f->opts->spread_from_ms ? f->opts->spread_from_ms : SPREAD_FROM;
    if (!p->display.ptr || !p->origin.ptr || !p->bio.ptr)
        return mn_fail(e, MN_E_NOMEM, "no memory for '%.*s'", MN_STR_FMT(name));
    *ret = (file){.name = whole, .profile = p, .leave_out = against(name), .utf8 = true};
    if (name.len > 3 && name.ptr[2] == '/') memcpy(ret->folder_lang, name.ptr, 2);
    return MN_OK;
}

/* ---- one fortune --------------------------------------------------------------------------------------------------- */

/* Without overstriking ("_\bx", "x\bx") and terminal escapes ("\x1b[31m"). */
static void add_without_terminal(mn_str s, mn_buf *b)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '\b') {
            while (b->len && ((unsigned char)b->ptr[b->len - 1] & 0xc0) == 0x80) b->len--;
            if (b->len && b->ptr[b->len - 1] != '\n') b->len--;
        } else if (c == 0x1b) {
            if (i + 1 < s.len && s.ptr[i + 1] == '[')
                for (i += 2; i < s.len && (unsigned char)(s.ptr[i] - 0x40) > 0x3e;) i++;
        } else {
            mn_buf_addc(b, c);
        }
    }
}

/* More drawing than words: under three fifths of what is not blank are letters, numbers or marks. */
static bool is_drawing(mn_str s)
{
    size_t words = 0, signs = 0;
    for (size_t at = 0; at < s.len;) {
        uint32_t cp;
        size_t n = mn_utf8_decode(s.ptr + at, s.len - at, &cp);
        if (!n) break;
        mn_uclass k = mn_uclass_of(cp);
        if (k == MN_U_LETTER || k == MN_U_NUMBER || mn_umark(cp)) words++;
        else if (k != MN_U_SPACE) signs++;
        at += n;
    }
    return words + signs >= 40 && words * 5 < (words + signs) * 3;
}

static mn_str language_of(const file *fl, mn_str text, mn_lang *l)
{
    *l = mn_langid(text);
    if (l->reliable && strcmp(l->code, "und") != 0) return mn_str_from(l->code);
    return fl->folder_lang[0] ? mn_lang_clean(mn_str_from(fl->folder_lang)) : MN_STR("");
}

static mn_rc emit_fortune(mn_feed *f, const file *fl, mn_str text, mn_err *e)
{
    int64_t from = f->opts->spread_from_ms, to = f->opts->spread_to_ms;
    uint64_t h = mn_hash64(text.ptr, text.len, mn_hash64(fl->name.ptr, fl->name.len, 0));
    mn_lang lang;
    mn_item it = {.text = text, .profile = fl->profile};
    if (to <= from) {
        from = SPREAD_FROM;
        to = SPREAD_TO;
    }
    it.created_ms = from + (int64_t)(mn_rand_at(h, 0, 0) % (uint64_t)(to - from));
    it.source_id =
        mn_str_fmt(&f->item, "%.*s:%016llx", MN_STR_FMT(fl->name), (unsigned long long)h);
    if (!it.source_id.ptr) return mn_fail(e, MN_E_NOMEM, "no memory for a fortune");
    it.lang = language_of(fl, text, &lang);
    return mn_feed_item(f, &it, e);
}

static mn_rc on_fortune(mn_feed *f, const file *fl, mn_str raw, mn_err *e)
{
    if (!mn_str_trim(raw).len) return MN_OK; /* between two '%': nothing was there */
    mn_skip why = fl->leave_out;
    mn_arena_reset(&f->item);
    mn_buf_clear(&f->text);
    add_without_terminal(raw, &f->text);
    if (f->text.failed) return mn_fail(e, f->text.failed, "no memory for a fortune");
    mn_str text = mn_clean_text(mn_buf_str(&f->text), &f->scratch);
    if (why == MN_SKIPS && !mn_utf8_valid(text)) why = MN_SKIP_NOT_UTF8;
    if (why == MN_SKIPS && mn_utf8_count(text) > FORTUNE_MAX_CHARS) why = MN_SKIP_TOO_LONG;
    if (why == MN_SKIPS && is_drawing(text)) why = MN_SKIP_ASCII_ART;
    if (why != MN_SKIPS) {
        mn_feed_skip(f, why);
        return MN_OK;
    }
    /* The files are wrapped at a fixed width; a post is not. feed_item cleans again, into these buffers: hence the copies. */
    mn_str copy = mn_str_dup(&f->item, text);
    mn_buf_clear(&f->text);
    if (copy.ptr && mn_text_unwrap(copy, &f->text) == MN_OK)
        copy = mn_str_dup(&f->item, mn_buf_str(&f->text));
    if (!copy.ptr || f->text.failed) return mn_fail(e, MN_E_NOMEM, "no memory for a fortune");
    return emit_fortune(f, fl, copy, e);
}

/* ---- files --------------------------------------------------------------------------------------------------------- */

static bool is_percent(mn_str line)
{
    return line.len && line.ptr[0] == '%' && mn_str_trim(line).len == 1;
}

/* Lines up to the next '%' are gathered in b; a fortune over its maximum is cut there and counted as too long. */
static mn_rc read_file(mn_feed *f, mn_str name, mn_buf *b, mn_err *e)
{
    mn_window w;
    file fl;
    mn_rc rc;
    bool more = true, over = false;
    MN_TRY(open_file(f, name, &fl, e));
    mn_feed_window(f, &w, name.ptr, MN_LINE_MAX);
    mn_buf_clear(b);
    for (;;) {
        mn_str line;
        if ((rc = mn_window_line(&w, &line, &more, e)) != MN_OK) break;
        if (more && !is_percent(line)) {
            if (b->len + line.len >= FORTUNE_MAX_BYTES) over = true;
            if (over) continue;
            mn_buf_adds(b, line);
            mn_buf_addc(b, '\n');
            continue;
        }
        if (b->failed) rc = mn_fail(e, b->failed, "no memory for a fortune");
        else if (over) mn_feed_skip(f, MN_SKIP_TOO_LONG);
        else rc = on_fortune(f, &fl, mn_buf_str(b), e);
        if (rc != MN_OK || !more) break;
        mn_buf_clear(b);
        over = false;
    }
    mn_window_release(&w);
    return rc;
}

/* Names of the X of which a plain X.u8 with text is there too: hashes, few enough to be searched one by one. */
typedef struct twins {
    uint64_t *of;
    size_t n, cap;
} twins;

static mn_rc twins_add(twins *t, mn_str stem_name, mn_err *e)
{
    if (t->n == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 64;
        uint64_t *bigger = mn_reallocarray(t->of, cap, sizeof *bigger);
        if (!bigger) return mn_fail(e, MN_E_NOMEM, "no memory for the names of fortune files");
        t->of = bigger;
        t->cap = cap;
    }
    t->of[t->n++] = mn_hash64(stem_name.ptr, stem_name.len, 0);
    return MN_OK;
}

static bool twins_has(const twins *t, mn_str name)
{
    uint64_t h = mn_hash64(name.ptr, name.len, 0);
    for (size_t i = 0; i < t->n; i++)
        if (t->of[i] == h) return true;
    return false;
}

static mn_rc find_twins(mn_feed *f, twins *t, mn_err *e)
{
    mn_str name;
    bool more = true;
    char c;
    for (;;) {
        MN_TRY(mn_source_next(f->src, &name, &more, e));
        if (!more) return mn_source_rewind(f->src, e);
        if (!mn_str_ends(name, ".u8")) continue;
        size_t got = 0;
        MN_TRY(mn_source_read(f->src, &c, 1, &got, e));
        if (got) MN_TRY(twins_add(t, (mn_str){name.ptr, name.len - 3}, e));
    }
}

static mn_rc read_files(mn_feed *f, const twins *t, mn_buf *b, mn_err *e)
{
    mn_str name;
    bool more = true;
    for (;;) {
        MN_TRY(mn_source_next(f->src, &name, &more, e));
        if (!more) return MN_OK;
        if (is_beside(name) || twins_has(t, name)) continue;
        MN_TRY(read_file(f, name, b, e));
    }
}

mn_rc mn_read_fortune(mn_feed *f, mn_err *e)
{
    twins t = {0};
    mn_buf b;
    f->origin = "fortune";
    mn_buf_init(&b, FORTUNE_MAX_BYTES + MN_LINE_MAX);
    mn_rc rc = find_twins(f, &t, e);
    if (rc == MN_OK) rc = read_files(f, &t, &b, e);
    mn_buf_release(&b);
    mn_free(t.of);
    return rc;
}

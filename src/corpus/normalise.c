/* Two passes. The first walks the code points: it drops, replaces, and gathers blanks, which are written only when a
 * visible character follows; that trims both ends and squeezes runs without looking back. The second composes (NFC), and
 * for nearly all posts only finds that there is nothing to do. NFC never makes a blank or a control character out of
 * something that was none, so the order is right.
 *
 * With a map, composition works stretch by stretch: a stretch begins at a code point that composes with nothing before
 * it, so the NFC of the whole is the NFC of the stretches one after the other (UAX #15, section 9.1).
 */
#include "corpus/normalise.h"

#include "text/html.h"
#include "text/unicode.h"

typedef struct walker {
    mn_str in;
    mn_buf *out;
    size_t base; /* out->len at the start */
    mn_offsets *map;
    int blank;                   /* pending: 0 none, 1 a space, 2 one line end, 3 two or more */
    size_t blank_from, blank_to; /* input bytes the pending blanks stand on */
    uint32_t last;               /* code point written last */
    mn_buf ref;                  /* a decoded character reference */
    mn_rc rc;
} walker;

/* ---- ASCII at a glance --------------------------------------------------------------------------------------- */

static bool plain_byte(unsigned char c)
{
    return c > ' ' && c < 0x7f && c != '&' && c != '<';
}

/* Printable ASCII, single spaces inside, no references, no tags: nearly every English post. */
static bool already_clean(mn_str s)
{
    bool space = true; /* a leading space is one too many */
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (plain_byte(c)) space = false;
        else if (c == ' ' && !space) space = true;
        else return false;
    }
    return !space;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

static void note(walker *w, mn_rc rc)
{
    if (w->rc == MN_OK) w->rc = rc;
}

static void flush_blank(walker *w)
{
    static const char *const written[] = {"", " ", "\n", "\n\n"};
    int kind = w->blank;
    w->blank = 0;
    if (kind == 0 || w->out->len == w->base) return;
    size_t n = strlen(written[kind]), in_n = w->blank_to - w->blank_from;
    bool copied = n == in_n && memcmp(written[kind], w->in.ptr + w->blank_from, n) == 0;
    note(w, mn_buf_add(w->out, written[kind], n));
    note(w, mn_offsets_add(w->map, n, w->blank_from, in_n, copied));
}

static void put_blank(walker *w, int kind, size_t from, size_t len)
{
    if (w->blank == 0) w->blank_from = from;
    w->blank_to = from + len;
    if (kind == 1) w->blank = w->blank ? w->blank : 1;
    else w->blank = w->blank >= 2 ? 3 : 2;
}

/* Bytes that stand in the input as they are. */
static void put_copy(walker *w, size_t from, size_t len, uint32_t last)
{
    flush_blank(w);
    note(w, mn_buf_add(w->out, w->in.ptr + from, len));
    note(w, mn_offsets_add(w->map, len, from, len, true));
    w->last = last;
}

static void put_cp(walker *w, uint32_t cp, size_t from, size_t len)
{
    char u[4];
    size_t n = mn_utf8_encode(cp, u);
    flush_blank(w);
    note(w, mn_buf_add(w->out, u, n));
    bool copied = n == len && memcmp(u, w->in.ptr + from, n) == 0;
    note(w, mn_offsets_add(w->map, n, from, len, copied));
    w->last = cp;
}

/* ---- code points --------------------------------------------------------------------------------------------- */

typedef enum kind { KEEP, DROP, SPACE, LINE, JOINER, TAG } kind;

static bool within(uint32_t cp, uint32_t lo, uint32_t hi)
{
    return cp >= lo && cp <= hi;
}

static kind kind_ascii(uint32_t cp)
{
    if (cp == '\n' || cp == '\r' || cp == 0x0b || cp == 0x0c) return LINE;
    if (cp == ' ' || cp == '\t') return SPACE;
    return cp < ' ' || cp == 0x7f ? DROP : KEEP;
}

static kind kind_general_punctuation(uint32_t cp) /* U+2000 .. U+206F */
{
    if (cp == 0x200c || cp == 0x200d) return JOINER;
    if (cp <= 0x200a || cp == 0x202f || cp == 0x205f) return SPACE;
    if (cp == 0x2028 || cp == 0x2029) return LINE;
    if (within(cp, 0x200b, 0x200f) || within(cp, 0x202a, 0x202e) || within(cp, 0x2060, 0x206f))
        return DROP;
    return KEEP;
}

static kind kind_of(uint32_t cp)
{
    if (cp < 0x80) return kind_ascii(cp);
    if (cp < 0xa0) return cp == 0x85 ? LINE : DROP; /* C1 controls; NEL */
    if (within(cp, 0x2000, 0x206f)) return kind_general_punctuation(cp);
    if (cp == 0xa0 || cp == 0x1680 || cp == 0x3000) return SPACE;
    if (cp == 0xad || cp == 0x34f || cp == 0x180e || cp == 0xfeff) return DROP;
    if (within(cp, 0xfff0, 0xfffc) || (cp & 0xfffe) == 0xfffe) return DROP;
    if (within(cp, 0xfdd0, 0xfdef) || within(cp, 0xe000, 0xf8ff) || cp >= 0xf0000) return DROP;
    if (within(cp, 0xe0020, 0xe007f)) return TAG;
    return within(cp, 0xe0000, 0xe0fff) ? DROP : KEEP;
}

/* A joiner matters between two characters of a script or of an emoji, which all stand above U+0300. */
static bool joins(const walker *w, size_t next)
{
    uint32_t cp = 0;
    if (w->blank || w->last < 0x300 || w->out->len == w->base) return false;
    if (mn_utf8_decode(w->in.ptr + next, w->in.len - next, &cp) == 0) return false;
    return cp >= 0x300 && kind_of(cp) == KEEP;
}

static bool in_tag_flag(const walker *w)
{
    return !w->blank && (w->last == 0x1f3f4 || within(w->last, 0xe0020, 0xe007f));
}

static void one_code_point(walker *w, uint32_t cp, size_t from, size_t len)
{
    switch (kind_of(cp)) {
    case KEEP:
        put_cp(w, cp, from, len);
        break;
    case SPACE:
        put_blank(w, 1, from, len);
        break;
    case LINE:
        put_blank(w, 2, from, len);
        break;
    case JOINER:
        if (joins(w, from + len)) put_cp(w, cp, from, len);
        break;
    case TAG:
        if (in_tag_flag(w)) put_cp(w, cp, from, len);
        break;
    case DROP:
        break;
    }
}

/* ---- HTML leftovers ------------------------------------------------------------------------------------------ */

static bool ascii_alnum(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* "&name;" or "&#number;" at `at`: writes what it stands for and returns its length, or 0. */
static size_t reference(walker *w, size_t at)
{
    size_t end = at + 1, most = w->in.len < at + 34 ? w->in.len : at + 34;
    while (end < most && (ascii_alnum((unsigned char)w->in.ptr[end]) || w->in.ptr[end] == '#'))
        end++;
    if (end >= most || w->in.ptr[end] != ';' || end == at + 1) return 0;
    mn_str ref = {w->in.ptr + at, end + 1 - at};
    mn_buf_clear(&w->ref);
    note(w, mn_html_unescape(ref, &w->ref));
    mn_str got = mn_buf_str(&w->ref);
    if (w->rc != MN_OK || mn_str_eq(got, ref)) return 0;
    for (size_t i = 0; i < got.len;) {
        uint32_t cp;
        size_t n = mn_utf8_decode(got.ptr + i, got.len - i, &cp);
        if (n == 0) break;
        one_code_point(w, cp, at, ref.len);
        i += n;
    }
    return ref.len;
}

static const char *const inline_tags[] = {"a",  "b",    "i",      "u",   "em", "p",
                                          "br", "span", "strong", "div", NULL};

static const char *tag_name(mn_str s)
{
    for (const char *const *t = inline_tags; *t; t++)
        if (mn_str_eq_nocase(s, mn_str_from(*t))) return *t;
    return NULL;
}

/* A tag of running text at `at`: its length, or 0. A tag ends before the next '<', so the search stays linear. */
static size_t tag(walker *w, size_t at)
{
    size_t i = at + 1, len = w->in.len;
    if (i < len && w->in.ptr[i] == '/') i++;
    size_t name = i;
    while (i < len && i < name + 8 && ascii_alnum((unsigned char)w->in.ptr[i])) i++;
    const char *t = tag_name((mn_str){w->in.ptr + name, i - name});
    if (!t || i >= len || !strchr(" />\t\n", w->in.ptr[i])) return 0;
    while (i < len && i < at + 2048 && w->in.ptr[i] != '>' && w->in.ptr[i] != '<') i++;
    if (i >= len || w->in.ptr[i] != '>') return 0;
    if (strcmp(t, "br") == 0 || strcmp(t, "p") == 0) put_blank(w, 2, at, i + 1 - at);
    return i + 1 - at;
}

/* ---- the two passes ------------------------------------------------------------------------------------------ */

/* What stands at `at`: handled; its length. */
static size_t step(walker *w, size_t at)
{
    unsigned char c = (unsigned char)w->in.ptr[at];
    size_t n = c == '&' ? reference(w, at) : c == '<' ? tag(w, at) : 0;
    if (n) return n;
    if (c == '\r' && at + 1 < w->in.len && w->in.ptr[at + 1] == '\n') {
        put_blank(w, 2, at, 2);
        return 2;
    }
    uint32_t cp;
    n = mn_utf8_decode(w->in.ptr + at, w->in.len - at, &cp);
    one_code_point(w, n ? cp : 0xfffd, at, n ? n : 1);
    return n ? n : 1;
}

static void walk(walker *w)
{
    size_t i = 0;
    while (i < w->in.len && w->rc == MN_OK) {
        size_t from = i;
        while (i < w->in.len && plain_byte((unsigned char)w->in.ptr[i])) i++;
        if (i > from) put_copy(w, from, i - from, (unsigned char)w->in.ptr[i - 1]);
        else i += step(w, i);
    }
}

/* Ranges whose members are their own NFC and compose with nothing after them from any of these ranges. */
static bool stable(uint32_t cp)
{
    return cp < 0x300 || within(cp, 0x400, 0x481) || within(cp, 0x5d0, 0x5ea) ||
           within(cp, 0x2010, 0x2027) || within(cp, 0x2030, 0x205e) ||
           within(cp, 0x20a0, 0x20bf) || within(cp, 0x3041, 0x3096) ||
           within(cp, 0x30a1, 0x30fa) || within(cp, 0x4e00, 0x9fef) ||
           within(cp, 0xac00, 0xd7a3) || within(cp, 0x1f300, 0x1faff) || cp == 0xfe0f;
}

static bool surely_composed(mn_str s)
{
    for (size_t i = 0; i < s.len;) {
        uint32_t cp = (unsigned char)s.ptr[i];
        size_t n = cp < 0x80 ? 1 : mn_utf8_decode(s.ptr + i, s.len - i, &cp);
        if (!stable(cp)) return false;
        i += n;
    }
    return true;
}

/* Code points that never compose with what stands before them; others join the stretch that is open. Jamo vowels and
 * finals are letters, yet compose. */
static bool opens_stretch(uint32_t cp)
{
    return cp < 0x300 ||
           (!mn_umark(cp) && !within(cp, 0x1100, 0x11ff) && !within(cp, 0x16d40, 0x16d7f));
}

static size_t stretch_end(mn_str s, size_t at)
{
    uint32_t cp;
    at += mn_utf8_decode(s.ptr + at, s.len - at, &cp);
    while (at < s.len) {
        size_t n = mn_utf8_decode(s.ptr + at, s.len - at, &cp);
        if (opens_stretch(cp)) break;
        at += n;
    }
    return at;
}

static mn_rc compose_mapped(mn_str s, mn_buf *ret, mn_offsets *map)
{
    for (size_t at = 0; at < s.len;) {
        size_t end = stretch_end(s, at), was = ret->len;
        MN_TRY(mn_unfc((mn_str){s.ptr + at, end - at}, ret));
        bool same =
            ret->len - was == end - at && memcmp(ret->ptr + was, s.ptr + at, end - at) == 0;
        MN_TRY(mn_offsets_add(map, ret->len - was, at, end - at, same));
        at = end;
    }
    return MN_OK;
}

/* Replaces what was appended to ret since `base` by its NFC, and the map with it. */
static mn_rc compose(mn_buf *ret, size_t base, mn_offsets *map)
{
    mn_str s = {ret->ptr + base, ret->len - base};
    if (surely_composed(s)) return MN_OK;
    mn_buf nfc;
    mn_buf_init(&nfc, 0);
    mn_rc rc = mn_unfc(s, &nfc);
    if (rc != MN_OK || mn_str_eq(mn_buf_str(&nfc), s)) goto out;
    if (map) {
        mn_offsets second = {0}, both = {0};
        mn_buf_clear(&nfc);
        rc = compose_mapped(s, &nfc, &second);
        if (rc == MN_OK) rc = mn_offsets_compose(map, &second, &both);
        mn_offsets_release(&second);
        if (rc == MN_OK) {
            mn_offsets_release(map);
            *map = both;
        } else {
            mn_offsets_release(&both);
        }
    }
    if (rc == MN_OK) {
        ret->len = base;
        rc = mn_buf_adds(ret, mn_buf_str(&nfc));
    }
out:
    mn_buf_release(&nfc);
    return rc;
}

mn_rc mn_corpus_normalise(mn_str text, mn_buf *ret, mn_offsets *map)
{
    if (map) mn_offsets_clear(map);
    if (text.len > MN_NORMALISE_MAX) return MN_E_LIMIT;
    if (text.len && already_clean(text)) {
        MN_TRY(mn_buf_adds(ret, text));
        return mn_offsets_add(map, text.len, 0, text.len, true);
    }
    walker w = {.in = text, .out = ret, .base = ret->len, .map = map};
    mn_buf_init(&w.ref, 256);
    walk(&w);
    mn_buf_release(&w.ref);
    if (w.rc != MN_OK || ret->len == w.base) return w.rc;
    return compose(ret, w.base, map);
}

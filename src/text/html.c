/* HTML to plain text, and character references.
 *
 * Idea: text needs no tree. One pass over the tags keeps a line-breaking state (white space collapses, blocks break
 * lines) and a stack of open tag names, so nothing here is worse than linear and nesting costs nothing; depth is limited
 * only so that hostile input is refused early. References are left as they are during that pass and decoded once at the
 * end: the usual ones here, and when a rarer name occurs ("&hellip;" is usual, "&CounterClockwiseContourIntegral;" is
 * not) the whole string goes once through gumbo, as flat text, where depth cannot hurt.
 *
 * gumbo does not survive a failed allocation, so it gets memory from an arena through a hook that leaves it by longjmp;
 * the arena is then dropped as a whole.
 *
 * source  WHATWG HTML, sections 13.2.5 (tokenisation) and 13.5 (named references)
 */
#include "text/html.h"

#include <setjmp.h>
#include <stdlib.h>

#include <gumbo.h>

#define DEPTH_MAX  256
#define GUMBO_MAX  ((size_t)256 << 20) /* arena for one decoding */
#define HREF_MAX   4096
#define INPUT_MAX  ((size_t)16 << 20)
#define ENTITY_MAX 40 /* the longest name is 31 letters */

/* ---- character references ----------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *text;
} usual_refs[] = {
    {"amp", "&"},        {"lt", "<"},          {"gt", ">"},          {"quot", "\""},
    {"apos", "'"},       {"nbsp", "\xc2\xa0"}, {"hellip", "\u2026"}, {"mdash", "\u2014"},
    {"ndash", "\u2013"}, {"lsquo", "\u2018"},  {"rsquo", "\u2019"},  {"ldquo", "\u201c"},
    {"rdquo", "\u201d"}, {"laquo", "\u00ab"},  {"raquo", "\u00bb"},  {"euro", "\u20ac"},
    {"copy", "\u00a9"},  {"reg", "\u00ae"},    {"trade", "\u2122"},  {"middot", "\u00b7"},
};

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* What a numeric reference stands for: windows-1252 for 0x80..0x9f, U+FFFD for what is no character. */
static uint32_t numeric_meaning(uint32_t cp)
{
    static const uint16_t cp1252[32] = {
        0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
        0x2039, 0x0152, 0x8d,   0x017d, 0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
        0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178};
    if (cp == 0 || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff)) return 0xfffd;
    return cp >= 0x80 && cp < 0xa0 ? cp1252[cp - 0x80] : cp;
}

static int digit_of(char c, uint32_t base)
{
    int d = is_digit(c)              ? c - '0'
            : (c >= 'a' && c <= 'f') ? c - 'a' + 10
            : (c >= 'A' && c <= 'F') ? c - 'A' + 10
                                     : 99;
    return d < (int)base ? d : -1;
}

/* "&#123;", "&#x1F;" at s.ptr[0]: its length, or 0 when it is none. The semicolon may be missing, as in HTML. */
static size_t numeric_ref(mn_str s, char ret[4], size_t *ret_len)
{
    size_t at = 2;
    uint32_t base = 10, cp = 0;
    if (s.len < 3 || s.ptr[1] != '#') return 0;
    if (s.ptr[2] == 'x' || s.ptr[2] == 'X') {
        base = 16;
        at = 3;
    }
    size_t first = at;
    for (int d; at < s.len && (d = digit_of(s.ptr[at], base)) >= 0; at++)
        cp = cp > 0x10ffff ? cp : cp * base + (uint32_t)d;
    if (at == first) return 0;
    if (at < s.len && s.ptr[at] == ';') at++;
    *ret_len = mn_utf8_encode(numeric_meaning(cp), ret);
    return at;
}

/* A usual "&name;": its length or 0. *rare is set when it could be a name we leave to gumbo. */
static size_t named_ref(mn_str s, const char **ret, bool *rare)
{
    size_t n = 1;
    while (n < s.len && n < ENTITY_MAX && (is_alpha(s.ptr[n]) || is_digit(s.ptr[n]))) n++;
    if (n == 1) return 0;
    if (n < s.len && s.ptr[n] == ';')
        for (size_t i = 0; i < sizeof usual_refs / sizeof *usual_refs; i++)
            if (mn_str_eqz((mn_str){s.ptr + 1, n - 1}, usual_refs[i].name)) {
                *ret = usual_refs[i].text;
                return n + 1;
            }
    *rare = true;
    return 0;
}

/* Decodes the usual references; says whether something was left that may be a rarer one. */
static void decode_usual(mn_str s, mn_buf *ret, bool *ret_rare)
{
    size_t at = 0;
    *ret_rare = false;
    while (at < s.len) {
        const char *amp = memchr(s.ptr + at, '&', s.len - at);
        size_t stop = amp ? (size_t)(amp - s.ptr) : s.len;
        mn_buf_add(ret, s.ptr + at, stop - at);
        if (!amp) break;
        mn_str rest = {amp, s.len - stop};
        char utf8[4];
        const char *text = NULL;
        size_t n_utf8 = 0, n = numeric_ref(rest, utf8, &n_utf8);
        if (n) {
            mn_buf_add(ret, utf8, n_utf8);
        } else if ((n = named_ref(rest, &text, ret_rare))) {
            mn_buf_addz(ret, text);
        } else {
            mn_buf_addc(ret, '&');
            n = 1;
        }
        at = stop + n;
    }
}

typedef struct gumbo_memory {
    mn_arena arena;
    jmp_buf out;
} gumbo_memory;

static void *gumbo_alloc(void *arg, size_t n)
{
    gumbo_memory *m = arg;
    void *p = mn_arena_alloc(&m->arena, n ? n : 1);
    if (!p) longjmp(m->out, 1);
    return p;
}
static void gumbo_dealloc(void *arg, void *p)
{
    (void)arg;
    (void)p; /* the arena goes as a whole */
}

static void add_text_nodes(const GumboNode *body, mn_buf *ret)
{
    const GumboVector *v = &body->v.element.children;
    for (unsigned i = 0; i < v->length; i++) {
        const GumboNode *n = v->data[i];
        if (n->type == GUMBO_NODE_TEXT || n->type == GUMBO_NODE_WHITESPACE)
            mn_buf_addz(ret, n->v.text.text);
    }
}

/* For gumbo: "<" escaped, NUL replaced, numeric references decoded here (gumbo's own counting of digits overflows). */
static void add_flat(mn_str s, mn_buf *flat)
{
    for (size_t i = 0; i < s.len;) {
        char utf8[4];
        size_t n_utf8 = 0, n = 0;
        if (s.ptr[i] == '&') n = numeric_ref(mn_str_sub(s, i, SIZE_MAX), utf8, &n_utf8);
        if (n && utf8[0] == '&') mn_buf_addz(flat, "&amp;");
        else if (n ? utf8[0] == '<' : s.ptr[i] == '<') mn_buf_addz(flat, "&lt;");
        else if (n) mn_buf_add(flat, utf8, n_utf8);
        else if (s.ptr[i] == '\0') mn_buf_addz(flat, "\xef\xbf\xbd");
        else mn_buf_addc(flat, s.ptr[i]);
        i += n ? n : 1;
    }
}

/* Flat text with any references through gumbo: "<" is escaped first, so there is one text node in the body, and an "x"
 * in front keeps leading white space from being dropped. */
static mn_rc decode_all(mn_str s, mn_buf *ret)
{
    mn_buf flat, out;
    gumbo_memory m;
    mn_buf_init(&flat, 0);
    mn_buf_init(&out, 0);
    mn_arena_init(&m.arena, GUMBO_MAX);
    mn_buf_addc(&flat, 'x');
    add_flat(s, &flat);
    mn_rc rc = flat.failed;
    if (rc == MN_OK && setjmp(m.out) == 0) {
        GumboOptions o = kGumboDefaultOptions;
        o.allocator = gumbo_alloc;
        o.deallocator = gumbo_dealloc;
        o.userdata = &m;
        o.max_errors = 0;
        const GumboOutput *g = gumbo_parse_with_options(&o, flat.ptr, flat.len);
        const GumboVector *top = &g->root->v.element.children;
        for (unsigned i = 0; i < top->length; i++) {
            const GumboNode *n = top->data[i];
            if (n->type == GUMBO_NODE_ELEMENT && n->v.element.tag == GUMBO_TAG_BODY)
                add_text_nodes(n, &out);
        }
        rc = out.failed;
    } else if (rc == MN_OK) {
        rc = MN_E_NOMEM;
    }
    if (rc == MN_OK) rc = mn_buf_add(ret, out.ptr + (out.len > 0), out.len ? out.len - 1 : 0);
    mn_arena_release(&m.arena);
    mn_buf_release(&out);
    mn_buf_release(&flat);
    return rc;
}

mn_rc mn_html_unescape(mn_str s, mn_buf *ret)
{
    size_t before = ret->len;
    bool rare = false;
    decode_usual(s, ret, &rare);
    if (ret->failed) return ret->failed;
    if (!rare) return MN_OK;
    ret->len = before;
    if (ret->ptr && ret->cap) ret->ptr[before] = '\0';
    return decode_all(s, ret);
}

mn_rc mn_html_escape(mn_str s, mn_buf *ret)
{
    size_t from = 0;
    for (size_t i = 0; i < s.len; i++) {
        const char *r = s.ptr[i] == '&'    ? "&amp;"
                        : s.ptr[i] == '<'  ? "&lt;"
                        : s.ptr[i] == '>'  ? "&gt;"
                        : s.ptr[i] == '"'  ? "&quot;"
                        : s.ptr[i] == '\'' ? "&#39;"
                                           : NULL;
        if (!r) continue;
        mn_buf_add(ret, s.ptr + from, i - from);
        mn_buf_addz(ret, r);
        from = i + 1;
    }
    if (s.len > from) mn_buf_add(ret, s.ptr + from, s.len - from);
    return ret->failed;
}

/* ---- tags ---------------------------------------------------------------------------------------------------------- */

typedef struct tag {
    char name[16]; /* lower case, cut */
    bool close, empty;
    mn_str href; /* as written */
} tag;

/* How a tag breaks lines: 0 not at all, 1 a line, 2 a paragraph. */
static int breaks_of(const char *name)
{
    static const char *const paragraphs[] = {"p",  "blockquote", "pre", "h1", "h2",
                                             "h3", "h4",         "h5",  "h6", "ul",
                                             "ol", "table",      "hr",  NULL};
    static const char *const lines[] = {"div",    "li",      "tr",         "dt",
                                        "dd",     "section", "article",    "header",
                                        "footer", "figure",  "figcaption", NULL};
    for (int i = 0; paragraphs[i]; i++)
        if (!strcmp(name, paragraphs[i])) return 2;
    for (int i = 0; lines[i]; i++)
        if (!strcmp(name, lines[i])) return 1;
    return 0;
}

static bool is_void(const char *name)
{
    static const char *const names[] = {"br",     "img",  "hr",   "input", "meta",
                                        "link",   "area", "base", "embed", "param",
                                        "source", "wbr",  "col",  NULL};
    for (int i = 0; names[i]; i++)
        if (!strcmp(name, names[i])) return true;
    return false;
}

static bool is_dropped(const char *name) /* raw text that nobody reads */
{
    return !strcmp(name, "script") || !strcmp(name, "style") || !strcmp(name, "title") ||
           !strcmp(name, "template") || !strcmp(name, "noscript") || !strcmp(name, "iframe");
}

static size_t skip_space(mn_str s, size_t at)
{
    while (at < s.len && is_space(s.ptr[at])) at++;
    return at;
}

/* One attribute at `at`; gives the position after it. */
static size_t read_attribute(mn_str s, size_t at, tag *t)
{
    size_t name = at;
    while (at < s.len && !is_space(s.ptr[at]) && s.ptr[at] != '=' && s.ptr[at] != '>' &&
           s.ptr[at] != '/')
        at++;
    mn_str key = {s.ptr + name, at - name};
    size_t eq = skip_space(s, at);
    if (eq >= s.len || s.ptr[eq] != '=') return at > name ? at : at + 1;
    at = skip_space(s, eq + 1);
    mn_str value = MN_STR("");
    if (at < s.len && (s.ptr[at] == '"' || s.ptr[at] == '\'')) {
        char q = s.ptr[at++];
        const char *end = at < s.len ? memchr(s.ptr + at, q, s.len - at) : NULL;
        size_t stop = end ? (size_t)(end - s.ptr) : s.len;
        value = (mn_str){s.ptr + at, stop - at};
        at = stop < s.len ? stop + 1 : s.len;
    } else {
        size_t from = at;
        while (at < s.len && !is_space(s.ptr[at]) && s.ptr[at] != '>') at++;
        value = (mn_str){s.ptr + from, at - from};
    }
    if (!t->href.ptr && mn_str_eq_nocase(key, MN_STR("href"))) t->href = value;
    return at;
}

/* The tag whose '<' is at `at` (a letter or '/' and a letter follows); gives the position after '>'. */
static size_t read_tag(mn_str s, size_t at, tag *t)
{
    size_t n = 0;
    *t = (tag){0};
    at++;
    if (s.ptr[at] == '/') {
        t->close = true;
        at++;
    }
    for (; at < s.len && !is_space(s.ptr[at]) && s.ptr[at] != '>' && s.ptr[at] != '/'; at++)
        if (n + 1 < sizeof t->name)
            t->name[n++] =
                (char)(s.ptr[at] >= 'A' && s.ptr[at] <= 'Z' ? s.ptr[at] + 32 : s.ptr[at]);
    for (;;) {
        at = skip_space(s, at);
        if (at >= s.len) return at;
        if (s.ptr[at] == '>') return at + 1;
        if (s.ptr[at] == '/') {
            t->empty = at + 1 < s.len && s.ptr[at + 1] == '>';
            at++;
            continue;
        }
        at = read_attribute(s, at, t);
    }
}

/* "<!-- … -->", "<!DOCTYPE …>", "<?…>": the position after it. */
static size_t skip_markup(mn_str s, size_t at)
{
    if (mn_str_starts(mn_str_sub(s, at, 4), "<!--")) {
        size_t end = mn_str_find(s, MN_STR("-->"), at + 2);
        return end == SIZE_MAX ? s.len : end + 3;
    }
    const char *gt = memchr(s.ptr + at, '>', s.len - at);
    return gt ? (size_t)(gt - s.ptr) + 1 : s.len;
}

/* After "<script …>": the position of "</script". */
static size_t skip_raw(mn_str s, size_t at, const char *name)
{
    mn_str n = mn_str_from(name);
    while (at < s.len) {
        const char *lt = memchr(s.ptr + at, '<', s.len - at);
        if (!lt) return s.len;
        at = (size_t)(lt - s.ptr);
        if (at + 2 + n.len <= s.len && s.ptr[at + 1] == '/' &&
            mn_str_eq_nocase((mn_str){s.ptr + at + 2, n.len}, n))
            return at;
        at++;
    }
    return at;
}

/* ---- text out ------------------------------------------------------------------------------------------------------ */

typedef struct out {
    mn_buf b;   /* references not yet decoded */
    int breaks; /* line breaks owed before the next text */
    bool space; /* a blank owed */
    int pre;    /* depth of <pre> */
    bool in_link;
    size_t link_at; /* where the link's text begins in b */
    mn_str href;
    struct {
        char name[16];
    } open[DEPTH_MAX];
    size_t depth;
} out;

static void pay_debts(out *o)
{
    if (o->b.len) {
        for (int i = 0; i < o->breaks; i++) mn_buf_addc(&o->b, '\n');
        if (!o->breaks && o->space) mn_buf_addc(&o->b, ' ');
    }
    if (o->in_link && o->link_at == SIZE_MAX) o->link_at = o->b.len;
    o->breaks = 0;
    o->space = false;
}

static void owe_breaks(out *o, int n)
{
    if (o->breaks < n) o->breaks = n;
}

static void add_text(out *o, mn_str s)
{
    for (size_t i = 0; i < s.len;) {
        size_t from = i;
        while (i < s.len && !is_space(s.ptr[i])) i++;
        if (i > from) {
            pay_debts(o);
            mn_buf_add(&o->b, s.ptr + from, i - from);
        }
        for (; i < s.len && is_space(s.ptr[i]); i++) {
            if (!o->pre) o->space = true;
            else if (s.ptr[i] == '\n') o->breaks++;
            else if (s.ptr[i] != '\r') pay_debts(o), mn_buf_addc(&o->b, s.ptr[i]);
        }
    }
}

/* Is the text shown a shortened form of the address: without its scheme, or cut with an ellipsis? */
static bool is_short_form(mn_str shown, mn_str href)
{
    size_t scheme = mn_str_starts(href, "https://")  ? 8
                    : mn_str_starts(href, "http://") ? 7
                                                     : 0;
    if (!scheme || !shown.len || mn_str_eq(shown, href)) return false;
    mn_str bare = mn_str_sub(href, scheme, SIZE_MAX);
    if (mn_str_starts(bare, "www.") && !mn_str_starts(shown, "www."))
        bare = mn_str_sub(bare, 4, SIZE_MAX);
    if (mn_str_starts(shown, "http://") || mn_str_starts(shown, "https://")) bare = href;
    bool cut = true;
    if (mn_str_ends(shown, "\u2026")) shown.len -= 3;
    else if (mn_str_ends(shown, "...")) shown.len -= 3;
    else cut = false;
    if (mn_str_ends(bare, "/") && !mn_str_ends(shown, "/") && !cut) bare.len--;
    if (!memchr(shown.ptr, '.', shown.len)) return false;
    return cut ? shown.len >= 4 && shown.len <= bare.len &&
                     !memcmp(shown.ptr, bare.ptr, shown.len)
               : mn_str_eq(shown, bare);
}

static void end_link(out *o)
{
    if (o->in_link && o->link_at != SIZE_MAX && o->link_at < o->b.len &&
        o->href.len <= HREF_MAX) {
        mn_str shown = {o->b.ptr + o->link_at, o->b.len - o->link_at};
        if (is_short_form(shown, o->href)) {
            o->b.len = o->link_at;
            mn_buf_adds(&o->b, o->href);
        }
    }
    o->in_link = false;
}

static mn_rc push(out *o, const tag *t, mn_err *e)
{
    /* A <p>, <li> … closes an open one of its kind, as in HTML. */
    if (o->depth && breaks_of(t->name) && strcmp(t->name, "div") != 0 &&
        !strcmp(o->open[o->depth - 1].name, t->name))
        o->depth--;
    if (o->depth == DEPTH_MAX)
        return mn_fail(e, MN_E_LIMIT, "HTML tags nest deeper than %d", DEPTH_MAX);
    memcpy(o->open[o->depth++].name, t->name, sizeof t->name);
    return MN_OK;
}

static void pop(out *o, const tag *t)
{
    for (size_t i = o->depth; i > 0; i--)
        if (!strcmp(o->open[i - 1].name, t->name)) {
            o->depth = i - 1;
            return;
        }
}

static mn_rc on_tag(out *o, const tag *t, mn_err *e)
{
    bool link = !strcmp(t->name, "a");
    int breaks = breaks_of(t->name);
    if (!strcmp(t->name, "br")) {
        o->breaks++;
        return MN_OK;
    }
    owe_breaks(o, breaks);
    if (!strcmp(t->name, "pre")) o->pre = t->close ? (o->pre > 0 ? o->pre - 1 : 0) : o->pre + 1;
    if (link) end_link(o);
    if (t->close) {
        pop(o, t);
        return MN_OK;
    }
    if (!strcmp(t->name, "li")) {
        pay_debts(o);
        mn_buf_addz(&o->b, "- ");
    }
    if (link && t->href.ptr) {
        o->in_link = true;
        o->link_at = SIZE_MAX;
        o->href = t->href;
    }
    return t->empty || is_void(t->name) ? MN_OK : push(o, t, e);
}

static mn_rc scan(mn_str s, out *o, mn_err *e)
{
    for (size_t at = 0; at < s.len;) {
        const char *lt = memchr(s.ptr + at, '<', s.len - at);
        size_t stop = lt ? (size_t)(lt - s.ptr) : s.len;
        add_text(o, (mn_str){s.ptr + at, stop - at});
        if (!lt) break;
        char next = stop + 1 < s.len ? s.ptr[stop + 1] : ' ';
        bool closes = next == '/' && stop + 2 < s.len && is_alpha(s.ptr[stop + 2]);
        if (next == '!' || next == '?' || (next == '/' && !closes)) {
            at = skip_markup(s, stop);
        } else if (is_alpha(next) || closes) {
            tag t;
            at = read_tag(s, stop, &t);
            if (is_dropped(t.name)) {
                if (!t.close && !t.empty) at = skip_raw(s, at, t.name);
                continue;
            }
            MN_TRY(on_tag(o, &t, e));
        } else {
            add_text(o, MN_STR("<"));
            at = stop + 1;
        }
    }
    return MN_OK;
}

/* Appends s with U+FFFD in place of what is not UTF-8; NUL is dropped. */
static mn_rc add_valid(mn_str s, mn_buf *ret)
{
    if (mn_utf8_valid(s) && !memchr(s.len ? s.ptr : "x", 0, s.len)) return mn_buf_adds(ret, s);
    for (size_t at = 0; at < s.len;) {
        uint32_t cp;
        size_t n = mn_utf8_decode(s.ptr + at, s.len - at, &cp);
        if (n == 0) mn_buf_addz(ret, "\xef\xbf\xbd");
        else if (cp) mn_buf_add(ret, s.ptr + at, n);
        at += n ? n : 1;
    }
    return ret->failed;
}

mn_rc mn_html_to_text(mn_str html, mn_buf *ret, mn_err *e)
{
    if (html.len > INPUT_MAX)
        return mn_fail(e, MN_E_LIMIT, "HTML of %zu bytes is longer than 16 MiB", html.len);
    out *o = mn_calloc(1, sizeof *o);
    mn_buf clean;
    mn_buf_init(&clean, 0);
    if (!o) return mn_fail(e, MN_E_NOMEM, "no memory for HTML of %zu bytes", html.len);
    mn_buf_init(&o->b, 0);
    mn_rc rc = add_valid(html, &clean);
    if (rc != MN_OK) {
        rc = mn_fail(e, rc, "no memory for HTML of %zu bytes", html.len);
        goto out;
    }
    if ((rc = scan(mn_buf_str(&clean), o, e)) != MN_OK) goto out;
    end_link(o);
    if (o->b.failed) rc = mn_fail(e, o->b.failed, "no memory for text of %zu bytes", html.len);
    else if ((rc = mn_html_unescape(mn_buf_str(&o->b), ret)) != MN_OK)
        rc = mn_fail(e, rc, "no memory for text of %zu bytes", html.len);
out:
    mn_buf_release(&o->b);
    mn_buf_release(&clean);
    mn_free(o);
    return rc;
}

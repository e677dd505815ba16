/* A page's own words about itself, without a tree: tags are read one after the other, those that matter are looked at, the
 * content of scripts and styles is stepped over. Every byte is looked at a bounded number of times.
 *
 * sources  ogp.me; WHATWG HTML 4.2 (metadata), 13.2.5 (tokenisation), Encoding (labels)
 */
#include "text/page.h"

#include <iconv.h>
#include <stdio.h>

#include "text/html.h"

#define CHARSET_LOOK 4096 /* bytes in which a page may declare its character set */

typedef struct attr {
    mn_str name, value; /* as written */
} attr;

#define ATTRS_MAX 24

typedef struct page_tag {
    mn_str name;
    bool close;
    attr attrs[ATTRS_MAX];
    size_t n;
} page_tag;

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* ---- tags -------------------------------------------------------------------------------------------------------------- */

static size_t skip_space(mn_str s, size_t at)
{
    while (at < s.len && is_space(s.ptr[at])) at++;
    return at;
}

static size_t read_value(mn_str s, size_t at, mn_str *ret)
{
    if (at < s.len && (s.ptr[at] == '"' || s.ptr[at] == '\'')) {
        char quote = s.ptr[at++];
        const char *end = at < s.len ? memchr(s.ptr + at, quote, s.len - at) : NULL;
        size_t stop = end ? (size_t)(end - s.ptr) : s.len;
        *ret = (mn_str){s.ptr + at, stop - at};
        return end ? stop + 1 : stop;
    }
    size_t from = at;
    while (at < s.len && !is_space(s.ptr[at]) && s.ptr[at] != '>') at++;
    *ret = (mn_str){s.ptr + from, at - from};
    return at;
}

static size_t read_attr(mn_str s, size_t at, page_tag *t)
{
    size_t from = at;
    attr x = {.value = MN_STR("")};
    while (at < s.len && !is_space(s.ptr[at]) && !strchr("=>/", s.ptr[at] ? s.ptr[at] : 'x'))
        at++;
    x.name = (mn_str){s.ptr + from, at - from};
    size_t eq = skip_space(s, at);
    if (eq < s.len && s.ptr[eq] == '=') at = read_value(s, skip_space(s, eq + 1), &x.value);
    else if (at == from) at++;
    if (x.name.len && t->n < ATTRS_MAX) t->attrs[t->n++] = x;
    return at;
}

/* The tag whose '<' is at `at`; gives the position after its '>'. */
static size_t read_tag(mn_str s, size_t at, page_tag *t)
{
    *t = (page_tag){.close = s.ptr[at + 1] == '/'};
    at += t->close ? 2 : 1;
    size_t from = at;
    while (at < s.len && !is_space(s.ptr[at]) && s.ptr[at] != '>' && s.ptr[at] != '/') at++;
    t->name = (mn_str){s.ptr + from, at - from};
    for (;;) {
        at = skip_space(s, at);
        if (at >= s.len) return at;
        if (s.ptr[at] == '>') return at + 1;
        at = s.ptr[at] == '/' ? at + 1 : read_attr(s, at, t);
    }
}

/* "<!-- … -->", "<!DOCTYPE …>", "<?…>" */
static size_t skip_markup(mn_str s, size_t at)
{
    if (mn_str_starts(mn_str_sub(s, at, 4), "<!--")) {
        size_t end = mn_str_find(s, MN_STR("-->"), at + 2);
        return end == SIZE_MAX ? s.len : end + 3;
    }
    const char *gt = memchr(s.ptr + at, '>', s.len - at);
    return gt ? (size_t)(gt - s.ptr) + 1 : s.len;
}

/* Where the element's end tag begins: its content is not markup. */
static size_t find_end(mn_str s, size_t at, mn_str name)
{
    while (at < s.len) {
        const char *lt = memchr(s.ptr + at, '<', s.len - at);
        if (!lt) return s.len;
        at = (size_t)(lt - s.ptr);
        if (s.len - at >= 2 + name.len && s.ptr[at + 1] == '/' &&
            mn_str_eq_nocase((mn_str){s.ptr + at + 2, name.len}, name))
            return at;
        at++;
    }
    return at;
}

static bool is_raw(mn_str name)
{
    static const char *const names[] = {"script", "style", "textarea", "template", "noframes",
                                        "iframe", "svg",   "xmp",      NULL};
    for (int i = 0; names[i]; i++)
        if (mn_str_eq_nocase(name, mn_str_from(names[i]))) return true;
    return false;
}

static mn_str attr_of(const page_tag *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (mn_str_eq_nocase(t->attrs[i].name, mn_str_from(name))) return t->attrs[i].value;
    return MN_STR_NONE;
}

/* ---- what is found ------------------------------------------------------------------------------------------------------ */

/* Candidates of one thing, best first; the first one on the page of each rank is kept. */
#define RANKS 4
typedef struct found {
    mn_str title[RANKS], description[RANKS], site[RANKS], author[RANKS], author_url[RANKS],
        image[RANKS], image_alt[RANKS], lang[RANKS], published[RANKS], base;
    bool no_preview;
} found;

static const struct {
    const char *name;
    size_t at; /* offset of the thing in `found` */
    int rank;
} names[] = {
    {"og:title", offsetof(found, title), 0},
    {"twitter:title", offsetof(found, title), 1},
    {"og:description", offsetof(found, description), 0},
    {"twitter:description", offsetof(found, description), 1},
    {"description", offsetof(found, description), 2},
    {"og:site_name", offsetof(found, site), 0},
    {"application-name", offsetof(found, site), 1},
    {"author", offsetof(found, author), 0},
    {"dc.creator", offsetof(found, author), 1},
    {"twitter:creator", offsetof(found, author), 3},
    {"og:image:secure_url", offsetof(found, image), 0},
    {"og:image", offsetof(found, image), 1},
    {"og:image:url", offsetof(found, image), 1},
    {"twitter:image", offsetof(found, image), 2},
    {"twitter:image:src", offsetof(found, image), 2},
    {"og:image:alt", offsetof(found, image_alt), 0},
    {"twitter:image:alt", offsetof(found, image_alt), 1},
    {"og:locale", offsetof(found, lang), 1},
    {"article:published_time", offsetof(found, published), 0},
    {"og:published_time", offsetof(found, published), 1},
    {"datepublished", offsetof(found, published), 1},
    {"date", offsetof(found, published), 2},
};

static void keep(mn_str *things, int rank, mn_str value)
{
    if (!things[rank].ptr && value.len) things[rank] = value;
}

static bool has_word(mn_str s, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; s.len >= n && i <= s.len - n; i++)
        if (mn_str_eq_nocase(mn_str_sub(s, i, n), mn_str_from(word))) return true;
    return false;
}

static void on_robots(found *f, mn_str name, mn_str content)
{
    if (mn_str_eq_nocase(name, MN_STR("robots")) && content.len < 1024)
        f->no_preview |= has_word(content, "nosnippet");
    if (mn_str_eq_nocase(name, MN_STR("mynah")) && content.len < 1024)
        f->no_preview |= has_word(content, "nopreview");
}

static void on_meta(found *f, const page_tag *t)
{
    mn_str content = attr_of(t, "content");
    static const char *const keys[] = {"property", "name", "itemprop"};
    for (size_t k = 0; content.ptr && k < 3; k++) {
        mn_str name = mn_str_trim(attr_of(t, keys[k]));
        if (!name.len || name.len > 64) continue;
        if (k == 1) on_robots(f, name, content);
        if (mn_str_eq_nocase(name, MN_STR("article:author"))) {
            bool address = has_word(mn_str_sub(content, 0, 8), "http");
            keep(address ? f->author_url : f->author, address ? 0 : 2, content);
        }
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (mn_str_eq_nocase(name, mn_str_from(names[i].name)))
                keep((mn_str *)(void *)((char *)f + names[i].at), names[i].rank, content);
    }
}

static void on_link(found *f, const page_tag *t)
{
    mn_str rel = mn_str_trim(attr_of(t, "rel")), href = attr_of(t, "href");
    if (mn_str_eq_nocase(rel, MN_STR("author"))) keep(f->author_url, 1, href);
    if (mn_str_eq_nocase(rel, MN_STR("image_src"))) keep(f->image, 3, href);
}

static bool on_tag(void *arg, const page_tag *t, mn_str inside)
{
    found *f = arg;
    if (t->close) return true;
    if (mn_str_eq_nocase(t->name, MN_STR("title"))) keep(f->title, 2, inside);
    else if (mn_str_eq_nocase(t->name, MN_STR("meta"))) on_meta(f, t);
    else if (mn_str_eq_nocase(t->name, MN_STR("link"))) on_link(f, t);
    else if (mn_str_eq_nocase(t->name, MN_STR("html"))) keep(f->lang, 0, attr_of(t, "lang"));
    else if (mn_str_eq_nocase(t->name, MN_STR("base")) && !f->base.ptr)
        f->base = attr_of(t, "href");
    return true;
}

/* Calls fn with each tag, until it says no; `inside` is what the title holds. */
static void scan(mn_str s, bool (*fn)(void *arg, const page_tag *t, mn_str inside), void *arg)
{
    page_tag t;
    for (size_t at = 0; at < s.len;) {
        const char *lt = memchr(s.ptr + at, '<', s.len - at);
        if (!lt) return;
        at = (size_t)(lt - s.ptr);
        char next = at + 1 < s.len ? s.ptr[at + 1] : ' ';
        bool closes = next == '/' && at + 2 < s.len && is_letter(s.ptr[at + 2]);
        if (next == '!' || next == '?') {
            at = skip_markup(s, at);
        } else if (is_letter(next) || closes) {
            at = read_tag(s, at, &t);
            bool title = mn_str_eq_nocase(t.name, MN_STR("title"));
            size_t end = !t.close && (title || is_raw(t.name)) ? find_end(s, at, t.name) : at;
            if (!fn(arg, &t, mn_str_sub(s, at, end - at))) return;
            at = end;
        } else {
            at++;
        }
    }
}

/* ---- character sets ----------------------------------------------------------------------------------------------------- */

/* Those that pages still come in, by their usual labels; iconv gets no other name. */
static const char *iconv_name(mn_str label)
{
    static const char *const labels[][2] = {{"iso-8859-1", "CP1252"},
                                            {"latin1", "CP1252"},
                                            {"windows-1252", "CP1252"},
                                            {"us-ascii", "CP1252"},
                                            {"iso-8859-2", "ISO8859-2"},
                                            {"windows-1250", "CP1250"},
                                            {"windows-1251", "CP1251"},
                                            {"windows-1253", "CP1253"},
                                            {"windows-1254", "CP1254"},
                                            {"windows-1255", "CP1255"},
                                            {"windows-1256", "CP1256"},
                                            {"windows-1257", "CP1257"},
                                            {"iso-8859-5", "ISO8859-5"},
                                            {"iso-8859-7", "ISO8859-7"},
                                            {"iso-8859-9", "CP1254"},
                                            {"iso-8859-15", "ISO8859-15"},
                                            {"koi8-r", "KOI8-R"},
                                            {"koi8-u", "KOI8-U"},
                                            {"shift_jis", "CP932"},
                                            {"euc-jp", "EUC-JP"},
                                            {"euc-kr", "CP949"},
                                            {"gb2312", "GB18030"},
                                            {"gbk", "GB18030"},
                                            {"gb18030", "GB18030"},
                                            {"big5", "BIG5"}};
    label = mn_str_trim(label);
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        if (mn_str_eq_nocase(label, mn_str_from(labels[i][0]))) return labels[i][1];
    return NULL;
}

/* charset=… in the first <meta> that has one. */
static mn_str declared(mn_str html)
{
    mn_str s = mn_str_sub(html, 0, CHARSET_LOOK);
    page_tag t;
    for (size_t at = 0; (at = mn_str_find(s, MN_STR("<"), at)) != SIZE_MAX;) {
        if (at + 1 >= s.len || !is_letter(s.ptr[at + 1])) {
            at++;
            continue;
        }
        at = read_tag(s, at, &t);
        if (!mn_str_eq_nocase(t.name, MN_STR("meta"))) continue;
        if (attr_of(&t, "charset").ptr) return attr_of(&t, "charset");
        mn_str content = attr_of(&t, "content");
        size_t eq = mn_str_find(content, MN_STR("charset="), 0);
        if (eq != SIZE_MAX) return mn_str_sub(content, eq + 8, 32);
    }
    return MN_STR("");
}

/* As UTF-8; what cannot be read becomes U+FFFD, byte by byte. */
static mn_rc convert(mn_str s, const char *from, mn_buf *ret)
{
    iconv_t c = iconv_open("UTF-8", from);
    if (c == (iconv_t)-1) return MN_E_UNSUPPORTED;
    char *in = (char *)(uintptr_t)s.ptr; /* iconv reads from it only */
    size_t left = s.len;
    while (left > 0 && !ret->failed) {
        char block[4096], *out = block;
        size_t room = sizeof block;
        size_t k = iconv(c, &in, &left, &out, &room);
        mn_buf_add(ret, block, sizeof block - room);
        if (k == (size_t)-1 && left > 0 && room >= 8) { /* not for want of room */
            mn_buf_addz(ret, "\xef\xbf\xbd");
            in++;
            left--;
        }
    }
    iconv_close(c);
    return ret->failed;
}

/* ---- texts -------------------------------------------------------------------------------------------------------------- */

/* Control characters and the marks that turn the direction of what follows have no place on one line. */
static bool is_blank(uint32_t cp)
{
    return cp <= ' ' || (cp >= 0x7f && cp <= 0xa0) || (cp >= 0x2028 && cp <= 0x202e) ||
           (cp >= 0x2066 && cp <= 0x2069) || cp == 0xfeff;
}

/* References decoded, well-formed UTF-8, blanks joined, cut. */
static mn_rc text_of(mn_str raw, size_t most, mn_arena *a, mn_str *ret)
{
    mn_buf decoded, out;
    bool blank = false;
    mn_buf_init(&decoded, 0);
    mn_buf_init(&out, 0);
    mn_rc rc = mn_html_unescape(mn_str_sub(raw, 0, most * 8), &decoded);
    mn_str s = mn_buf_str(&decoded);
    for (size_t at = 0; rc == MN_OK && at < s.len && out.len <= most;) {
        uint32_t cp;
        size_t n = mn_utf8_decode(s.ptr + at, s.len - at, &cp);
        if (n && is_blank(cp)) {
            blank = true;
        } else {
            if (blank && out.len) mn_buf_addc(&out, ' ');
            blank = false;
            if (n) mn_buf_add(&out, s.ptr + at, n);
            else mn_buf_addz(&out, "\xef\xbf\xbd");
        }
        at += n ? n : 1;
    }
    if (rc == MN_OK) rc = out.failed;
    if (rc == MN_OK) {
        *ret = mn_str_dup(a, mn_utf8_cut(mn_buf_str(&out), most));
        if (!ret->ptr) rc = MN_E_NOMEM;
    }
    mn_buf_release(&decoded);
    mn_buf_release(&out);
    return rc;
}

static mn_rc best(const mn_str things[RANKS], size_t most, mn_arena *a, mn_str *ret)
{
    *ret = MN_STR("");
    for (int i = 0; i < RANKS && !ret->len; i++)
        if (things[i].len) MN_TRY(text_of(things[i], most, a, ret));
    return MN_OK;
}

/* An address too long to be whole is none. */
static mn_rc best_url(const mn_str things[RANKS], mn_arena *a, mn_str *ret)
{
    MN_TRY(best(things, MN_PAGE_URL_MAX + 1, a, ret));
    if (ret->len > MN_PAGE_URL_MAX) *ret = MN_STR("");
    return MN_OK;
}

/* "en_GB" → "en-GB"; anything that is no language tag is dropped. */
static void plain_lang(mn_str *lang, mn_arena *a)
{
    char *s = mn_arena_strndup(a, lang->len ? lang->ptr : "", lang->len);
    if (!s) lang->len = 0;
    for (size_t i = 0; i < lang->len; i++) {
        if (s[i] == '_') s[i] = '-';
        if (!is_letter(s[i]) && s[i] != '-' && !(s[i] >= '0' && s[i] <= '9')) lang->len = 0;
    }
    *lang = lang->len >= 2 && lang->len <= 35 ? (mn_str){s, lang->len} : MN_STR("");
}

static mn_rc all_of(const found *f, mn_arena *a, mn_page_meta *m)
{
    const mn_str base[RANKS] = {f->base};
    MN_TRY(best(f->title, MN_PAGE_TITLE_MAX, a, &m->title));
    MN_TRY(best(f->description, MN_PAGE_TEXT_MAX, a, &m->description));
    MN_TRY(best(f->site, MN_PAGE_TITLE_MAX, a, &m->site));
    MN_TRY(best(f->author, MN_PAGE_TITLE_MAX, a, &m->author));
    MN_TRY(best_url(f->author_url, a, &m->author_url));
    MN_TRY(best_url(f->image, a, &m->image));
    MN_TRY(best(f->image_alt, MN_PAGE_TEXT_MAX, a, &m->image_alt));
    MN_TRY(best(f->lang, 64, a, &m->lang));
    MN_TRY(best(f->published, 64, a, &m->published));
    MN_TRY(best_url(base, a, &m->base));
    plain_lang(&m->lang, a);
    m->no_preview = f->no_preview;
    return MN_OK;
}

mn_rc mn_page_meta_read(mn_str html, mn_str charset, mn_arena *a, mn_page_meta *ret, mn_err *e)
{
    mn_page_meta m = {0};
    mn_buf converted;
    mn_rc rc = MN_OK;
    if (html.len > MN_PAGE_BYTES_MAX)
        return mn_fail(e, MN_E_LIMIT, "a page of %zu bytes is longer than is read", html.len);
    found *f = mn_calloc(1, sizeof *f);
    if (!f) return mn_fail(e, MN_E_NOMEM, "no memory for a page");
    mn_buf_init(&converted, 0);
    const char *from = iconv_name(charset.len ? charset : declared(html));
    if (from) rc = convert(html, from, &converted);
    if (rc == MN_OK && from) html = mn_buf_str(&converted);
    if (rc == MN_E_UNSUPPORTED) rc = MN_OK; /* a system without that set: read as UTF-8 */
    if (rc == MN_OK) {
        scan(html, on_tag, f);
        rc = all_of(f, a, &m);
    }
    mn_buf_release(&converted);
    mn_free(f);
    if (rc != MN_OK) return mn_fail(e, rc, "no memory for a page");
    *ret = m;
    return MN_OK;
}

/* ---- links back ----------------------------------------------------------------------------------------------------------- */

typedef struct link_back {
    mn_str url;
    bool is;
} link_back;

static bool says_me(mn_str rel)
{
    while (rel.len > 0)
        if (mn_str_eq_nocase(mn_str_split(rel, ' ', &rel), MN_STR("me"))) return true;
    return false;
}

static mn_str bare(mn_str url)
{
    url = mn_str_trim(url);
    if (mn_str_ends(url, "/")) url.len--;
    return url;
}

static bool on_any_link(void *arg, const page_tag *t, mn_str inside)
{
    link_back *b = arg;
    mn_str href = attr_of(t, "href");
    bool link =
        mn_str_eq_nocase(t->name, MN_STR("a")) || mn_str_eq_nocase(t->name, MN_STR("link"));
    (void)inside;
    if (t->close || !link || href.len > MN_PAGE_URL_MAX || !says_me(attr_of(t, "rel")))
        return true;
    mn_buf plain;
    mn_buf_init(&plain, 4 * MN_PAGE_URL_MAX);
    b->is = mn_html_unescape(href, &plain) == MN_OK &&
            mn_str_eq(bare(mn_buf_str(&plain)), bare(b->url));
    mn_buf_release(&plain);
    return !b->is;
}

bool mn_page_links_me(mn_str html, mn_str url)
{
    link_back b = {.url = url};
    if (html.len <= MN_PAGE_BYTES_MAX && url.len > 0) scan(html, on_any_link, &b);
    return b.is;
}

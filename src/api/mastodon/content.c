/* Plain text → HTML, one pass over the links that mn_text_links finds.
 *
 * Every byte of the text leaves through mn_html_escape or mn_masto__url_part; the only exception are line ends, which become
 * markup of ours. */
#include "api/mastodon/content.h"

#include "api/mastodon/mastodon.h"
#include "text/html.h"

#define WINDOW     64
#define SHOWN_MOST 30 /* characters of an address that are shown */

void mn_masto__url_part(mn_buf *b, mn_str s)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                     (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' || c == '~';
        if (plain) mn_buf_addc(b, (char)c);
        else {
            mn_buf_addc(b, '%');
            mn_buf_addc(b, hex[c >> 4]);
            mn_buf_addc(b, hex[c & 15]);
        }
    }
}

void mn_masto__account_url(mn_buf *b, mn_str base, mn_str name, mn_str domain)
{
    if (domain.len) {
        mn_buf_addz(b, "https://");
        mn_buf_adds(b, domain);
        /* A name of another server may carry its host. */
        name = mn_str_split(name, '@', &(mn_str){0});
    } else {
        mn_buf_adds(b, base);
    }
    mn_buf_addz(b, "/@");
    mn_buf_adds(b, name);
}

/* Text between links: line ends become breaks and paragraphs. *gap counts line ends that wait. */
static void put_text(mn_buf *b, mn_str s, size_t *gap)
{
    size_t at = 0;
    while (at < s.len) {
        if (s.ptr[at] == '\n') {
            (*gap)++;
            at++;
            continue;
        }
        const char *nl = memchr(s.ptr + at, '\n', s.len - at);
        size_t end = nl ? (size_t)(nl - s.ptr) : s.len;
        if (*gap) mn_buf_addz(b, *gap > 1 ? "</p><p>" : "<br />");
        *gap = 0;
        mn_html_escape(mn_str_sub(s, at, end - at), b);
        at = end;
    }
}

static void close_gap(mn_buf *b, size_t *gap)
{
    if (*gap) mn_buf_addz(b, *gap > 1 ? "</p><p>" : "<br />");
    *gap = 0;
}

/* ---- links --------------------------------------------------------------------------------------------------------- */

static size_t prefix_len(mn_str url)
{
    bool secure = url.len > 4 && (url.ptr[4] == 's' || url.ptr[4] == 'S');
    size_t n = secure ? 8 : 7; /* http:// https:// */
    mn_str rest = mn_str_sub(url, n, 4);
    if (mn_str_eq_nocase(rest, MN_STR("www."))) n += 4;
    return n;
}

/* The first characters of s, whole ones. */
static mn_str first(mn_str s, size_t n_chars)
{
    size_t at = 0;
    for (uint32_t cp; n_chars > 0 && at < s.len; n_chars--) {
        size_t step = mn_utf8_decode(s.ptr + at, s.len - at, &cp);
        at += step ? step : 1;
    }
    return mn_str_sub(s, 0, at);
}

static void put_url(mn_buf *b, mn_str url)
{
    size_t n = prefix_len(url);
    mn_str prefix = mn_str_sub(url, 0, n), rest = mn_str_sub(url, n, SIZE_MAX);
    mn_str shown = first(rest, SHOWN_MOST), hidden = mn_str_sub(rest, shown.len, SIZE_MAX);
    mn_buf_addz(b, "<a href=\"");
    mn_html_escape(url, b);
    mn_buf_addz(b, "\" target=\"_blank\" rel=\"nofollow noopener\" translate=\"no\"><span "
                   "class=\"invisible\">");
    mn_html_escape(prefix, b);
    mn_buf_addz(b,
                hidden.len ? "</span><span class=\"ellipsis\">" : "</span><span class=\"\">");
    mn_html_escape(shown, b);
    mn_buf_addz(b, "</span><span class=\"invisible\">");
    mn_html_escape(hidden, b);
    mn_buf_addz(b, "</span></a>");
}

static void put_tag(mn_buf *b, mn_str span, mn_str base)
{
    mn_str name = mn_str_sub(span, span.ptr[0] == '#' ? 1 : 3, SIZE_MAX); /* or U+FF03 */
    mn_buf_addz(b, "<a href=\"");
    mn_html_escape(base, b);
    mn_buf_addz(b, "/tags/");
    mn_masto__url_part(b, name);
    mn_buf_addz(b, "\" class=\"mention hashtag\" rel=\"tag\">#<span>");
    mn_html_escape(name, b);
    mn_buf_addz(b, "</span></a>");
}

/* Whom "@name" or "@name@host" means among those mentioned. */
static const mn_mention *find_mention(mn_str span, const mn_mention *m, size_t n, mn_str domain)
{
    mn_str host, name = mn_str_split(mn_str_sub(span, 1, SIZE_MAX), '@', &host);
    if (host.ptr && mn_str_eq_nocase(host, domain)) host = MN_STR_NONE;
    for (size_t i = 0; i < n; i++) {
        mn_str bare = mn_str_split(m[i].name, '@', &(mn_str){0});
        bool same_host = host.ptr ? mn_str_eq_nocase(host, m[i].domain) : m[i].domain.len == 0;
        if (same_host && mn_str_eq_nocase(bare, name)) return &m[i];
    }
    return NULL;
}

static void put_mention(mn_buf *b, const mn_mention *m, mn_str base)
{
    mn_buf url;
    mn_buf_init(&url, 1024);
    mn_masto__account_url(&url, base, m->name, m->domain);
    mn_buf_addz(b, "<span class=\"h-card\" translate=\"no\"><a href=\"");
    mn_html_escape(mn_buf_str(&url), b);
    mn_buf_addz(b, "\" class=\"u-url mention\">@<span>");
    mn_html_escape(mn_str_split(m->name, '@', &(mn_str){0}), b);
    mn_buf_addz(b, "</span></a></span>");
    if (url.failed) b->failed = url.failed;
    mn_buf_release(&url);
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

typedef struct context {
    const mn_mention *mentions;
    size_t n;
    mn_str base, domain;
} context;

static void put_span(mn_buf *b, char kind, mn_str span, const context *c, size_t *gap)
{
    const mn_mention *m = kind == '@' ? find_mention(span, c->mentions, c->n, c->domain) : NULL;
    if (kind == '@' && !m) {
        put_text(b, span, gap);
        return;
    }
    close_gap(b, gap);
    if (kind == 'u') put_url(b, span);
    else if (kind == '#') put_tag(b, span, c->base);
    else put_mention(b, m, c->base);
}

mn_rc mn_masto__content(mn_str text, const mn_mention *mentions, size_t n, mn_str base,
                        mn_str domain, mn_buf *ret, mn_err *e)
{
    mn_link_span spans[WINDOW];
    const context c = {mentions, n, base, domain};
    size_t gap = 0;
    mn_str rest = mn_str_trim(text);
    if (rest.len == 0) return MN_OK;
    mn_buf_addz(ret, "<p>");
    for (;;) {
        size_t k = mn_text_links(rest, spans, WINDOW), at = 0;
        for (size_t i = 0; i < k; i++) {
            put_text(ret, mn_str_sub(rest, at, spans[i].start - at), &gap);
            put_span(ret, spans[i].kind, mn_str_sub(rest, spans[i].start, spans[i].len), &c,
                     &gap);
            at = spans[i].start + spans[i].len;
        }
        rest = mn_str_sub(rest, at, SIZE_MAX);
        if (k < WINDOW) break;
    }
    put_text(ret, rest, &gap);
    mn_buf_addz(ret, "</p>");
    return ret->failed ? mn_fail(e, ret->failed, "a post's text is too long to be shown")
                       : MN_OK;
}

mn_rc mn_masto_content(const mn_view *v, const mn_post *p, mn_buf *ret, mn_err *e)
{
    mn_mention *m = NULL;
    size_t n = 0;
    if (memchr(p->text.ptr ? p->text.ptr : "", '@', p->text.len))
        MN_TRY(mn_store_mentions_of(v->api->home->store, &p->id, 1, v->arena, &m, &n, e));
    return mn_masto__content(p->text, m, n, mn_masto_base(v->api), mn_str_from(v->api->domain),
                             ret, e);
}

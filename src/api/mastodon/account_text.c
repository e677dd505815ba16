/* Texts of profiles as HTML: written as posts are (content.h), with members who are named linked. */
#include "api/mastodon/accounts.h"
#include "api/mastodon/content.h"
#include "text/html.h"

#define LINKS_MAX    64
#define MENTIONS_MAX 16
#define HTML_MAX     (64u << 10)

static bool add_mention(mn_mention *list, size_t n, const mn_account *a)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].account_id == a->id) return false;
    list[n] = (mn_mention){.account_id = a->id, .name = a->name, .domain = a->domain};
    return true;
}

/* Members among the names in the text; somebody suspended or waiting is nobody. */
static mn_rc mentions_in(const mn_view *v, mn_str text, mn_mention ret[MENTIONS_MAX],
                         size_t *ret_n, mn_err *e)
{
    mn_link_span spans[LINKS_MAX];
    size_t n = mn_text_links(text, spans, LINKS_MAX);
    *ret_n = 0;
    for (size_t i = 0; i < n && *ret_n < MENTIONS_MAX; i++) {
        mn_account a;
        if (spans[i].kind != '@') continue;
        mn_str whole = mn_str_sub(text, spans[i].start + 1, spans[i].len - 1), host;
        mn_str name = mn_str_split(whole, '@', &host);
        if (host.ptr && !mn_str_eq_nocase(host, mn_str_from(mn_api_domain(v->api))))
            name = whole;
        mn_rc rc = mn_store_account_by_name(mn_api_store(v->api), name, v->arena, &a, e);
        if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
        if (rc == MN_OK && a.state == MN_ACCOUNT_ACTIVE && !a.waits)
            *ret_n += add_mention(ret, *ret_n, &a);
    }
    return MN_OK;
}

mn_rc mn_masto__bio_html(const mn_view *v, mn_str text, mn_buf *ret, mn_err *e)
{
    mn_mention mentions[MENTIONS_MAX];
    size_t n = 0;
    text = mn_str_trim(text);
    MN_TRY(mentions_in(v, text, mentions, &n, e));
    return mn_masto__content(text, mentions, n, mn_masto_base(v->api),
                             mn_str_from(mn_api_domain(v->api)), ret, e);
}

/* One line of it: a field has no paragraphs. */
static mn_str one_line(const mn_view *v, mn_str text)
{
    char *line = mn_arena_strndup(v->arena, text.ptr ? text.ptr : "", text.len);
    for (size_t i = 0; line && i < text.len; i++)
        if (line[i] == '\n' || line[i] == '\r') line[i] = ' ';
    return line ? mn_str_trim((mn_str){line, text.len}) : MN_STR_NONE;
}

/* Appends the paragraph without its tags, and with rel="me" where a link has its rel. Quotes of the text are escaped in it,
 * so that pattern can only be our own markup. */
static void as_field(mn_str html, mn_buf *ret)
{
    static const char before[] = "<p>", after[] = "</p>";
    const mn_str rel = MN_STR(" rel=\"nofollow noopener");
    if (mn_str_starts(html, before)) html = mn_str_sub(html, sizeof before - 1, SIZE_MAX);
    if (mn_str_ends(html, after)) html.len -= sizeof after - 1;
    for (size_t at = 0; html.len > 0;) {
        at = mn_str_find(html, rel, 0);
        mn_buf_adds(ret, mn_str_sub(html, 0, at));
        if (at == SIZE_MAX) return;
        mn_buf_adds(ret, rel);
        mn_buf_addz(ret, " me");
        html = mn_str_sub(html, at + rel.len, SIZE_MAX);
    }
}

mn_rc mn_masto__field_html(const mn_view *v, mn_str text, mn_buf *ret, mn_err *e)
{
    mn_buf html;
    mn_str line = one_line(v, text);
    if (!line.ptr) return mn_fail(e, MN_E_NOMEM, "out of memory writing a profile");
    mn_buf_init(&html, HTML_MAX);
    mn_rc rc = mn_masto__bio_html(v, line, &html, e);
    if (rc == MN_OK) as_field(mn_buf_str(&html), ret);
    if (rc == MN_OK && ret->failed)
        rc = mn_fail(e, ret->failed, "out of memory writing a profile");
    mn_buf_release(&html);
    return rc;
}

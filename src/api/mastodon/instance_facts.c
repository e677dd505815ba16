/* What the instance endpoints share: numbers that are kept for a minute, the operator's texts, accounts by address. */
#include "api/mastodon/instance.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/version.h"
#include "social/settings.h"
#include "store/moderation.h"
#include "text/html.h"

#define KEEP_US   60000000
#define MONTH_MS  (INT64_C(28) * 86400000) /* four weeks, as Mastodon counts */
#define TEXT_MAX  (256u << 10)
#define PEERS_MAX 1000

const char *mn_instance_version(void)
{
    return MN_MASTODON_VERSION " (compatible; mynah " MN_VERSION ")";
}

static mn_rc numbers_read(mn_store *s, mn_arena *ar, mn_instance_numbers *ret, mn_err *e)
{
    mn_str *peers;
    size_t n_peers = 0;
    int64_t now = mn_now_ms();
    MN_TRY(mn_store_counts(s, &ret->accounts, &ret->posts, NULL, e));
    MN_TRY(mn_store_measure(s, MN_MEASURE_ACTIVE_USERS, 0, now - MONTH_MS, now + 1,
                            &ret->active_month, e));
    MN_TRY(mn_store_peers(s, PEERS_MAX, ar, &peers, &n_peers, e));
    ret->domains = n_peers;
    return MN_OK;
}

mn_rc mn_instance_numbers_get(mn_api *a, mn_arena *ar, mn_instance_numbers *ret, mn_err *e)
{
    int64_t now_us = mn_mono_us();
    mn_rc rc = MN_OK;
    pthread_mutex_lock(&a->numbers.lock);
    if (a->numbers.until_us <= now_us) {
        mn_instance_numbers n = {0};
        rc = numbers_read(a->home->store, ar, &n, e);
        if (rc == MN_OK) {
            uint64_t v[4] = {n.accounts, n.posts, n.domains, n.active_month};
            memcpy(a->numbers.v, v, sizeof v);
            a->numbers.until_us = now_us + KEEP_US;
        }
    }
    const uint64_t *v = a->numbers.v;
    if (rc == MN_OK) *ret = (mn_instance_numbers){v[0], v[1], v[2], v[3]};
    pthread_mutex_unlock(&a->numbers.lock);
    return rc;
}

/* ---- the operator's texts ---------------------------------------------------------------------------------------------- */

static void put_escaped(mn_buf *b, mn_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '<') mn_buf_addz(b, "&lt;");
        else if (c == '>') mn_buf_addz(b, "&gt;");
        else if (c == '&') mn_buf_addz(b, "&amp;");
        else if (c == '"') mn_buf_addz(b, "&quot;");
        else if (c == '\n') mn_buf_addz(b, "<br>");
        else if (c != '\r') mn_buf_addc(b, c);
    }
}

/* Web addresses become links; everything else is text. */
static void put_paragraph(mn_buf *b, mn_str text)
{
    mn_link_span links[64];
    size_t n = mn_text_links(text, links, 64), at = 0;
    mn_buf_addz(b, "<p>");
    for (size_t i = 0; i < n; i++) {
        if (links[i].kind != 'u') continue;
        mn_str url = mn_str_sub(text, links[i].start, links[i].len);
        put_escaped(b, mn_str_sub(text, at, links[i].start - at));
        mn_buf_addz(b, "<a href=\"");
        put_escaped(b, url);
        mn_buf_addz(b, "\" rel=\"nofollow noopener\">");
        put_escaped(b, url);
        mn_buf_addz(b, "</a>");
        at = links[i].start + links[i].len;
    }
    put_escaped(b, mn_str_sub(text, at, text.len));
    mn_buf_addz(b, "</p>");
}

static void put_paragraphs(mn_buf *b, mn_str text)
{
    for (size_t at = 0; at < text.len;) {
        size_t end = mn_str_find(text, MN_STR("\n\n"), at);
        if (end == SIZE_MAX) end = text.len;
        mn_str p = mn_str_trim(mn_str_sub(text, at, end - at));
        if (p.len) put_paragraph(b, p);
        at = end + 2;
    }
}

bool mn_instance_has_text(const mn_api *a, const char *name)
{
    char path[1200];
    snprintf(path, sizeof path, "%s/pages/%s.txt", a->home->dir, name);
    return mn_fs_exists(path);
}

mn_rc mn_instance_text(const mn_api *a, const char *name, mn_arena *ar, mn_buf *ret_html,
                       int64_t *ret_changed_ms, mn_err *e)
{
    mn_buf b;
    struct stat st;
    const char *file = mn_str_fmt(ar, "%s/pages/%s.txt", a->home->dir, name).ptr;
    if (!file) return mn_fail(e, MN_E_NOMEM, "out of memory");
    if (stat(file, &st) != 0) return MN_E_NOT_FOUND;
    mn_buf_init(&b, TEXT_MAX);
    mn_rc rc = mn_fs_read(file, TEXT_MAX, &b, e);
    if (rc == MN_OK && !mn_utf8_valid(mn_buf_str(&b)))
        rc = mn_fail(e, MN_E_PARSE, "'%s' is not UTF-8 text", file);
    if (rc == MN_OK) {
        put_paragraphs(ret_html, mn_buf_str(&b));
        if (ret_html->failed) rc = mn_fail(e, ret_html->failed, "'%s' is too long", file);
        else *ret_changed_ms = (int64_t)st.st_mtime * 1000;
    }
    mn_buf_release(&b);
    return rc;
}

/* ---- accounts ------------------------------------------------------------------------------------------------------------ */

/* The name in "https://DOMAIN/@name" or "/users/name"; absent when it is another address. */
static mn_str name_in_address(const mn_api *a, mn_str who)
{
    mn_str base = mn_masto_base(a);
    if (who.len <= base.len || memcmp(who.ptr, base.ptr, base.len) != 0) return MN_STR_NONE;
    mn_str path = mn_str_sub(who, base.len, SIZE_MAX);
    if (mn_str_starts(path, "/@")) return mn_str_sub(path, 2, SIZE_MAX);
    if (mn_str_starts(path, "/users/")) return mn_str_sub(path, 7, SIZE_MAX);
    return MN_STR_NONE;
}

mn_rc mn_instance_account(const mn_api *a, mn_str who, mn_arena *ar, mn_account *ret, mn_err *e)
{
    mn_str domain, name;
    if (mn_str_starts(who, "http://") || mn_str_starts(who, "https://")) {
        name = name_in_address(a, who);
        domain = MN_STR_NONE;
    } else {
        if (mn_str_starts(who, "@")) who = mn_str_sub(who, 1, SIZE_MAX);
        name = mn_str_split(who, '@', &domain);
    }
    if (name.len == 0) return MN_E_NOT_FOUND;
    if (domain.ptr && !mn_str_eq_nocase(domain, mn_str_from(a->domain))) return MN_E_NOT_FOUND;
    return mn_store_account_by_name(a->home->store, name, ar, ret, e);
}

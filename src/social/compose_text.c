/* A post's text before it is one: tidied, counted, its mentions resolved, asked about by the word filters. */
#include "social/compose_int.h"
#include "social/limits.h"
#include "social/moderation.h"
#include "text/count.h"
#include "text/html.h"
#include "text/langid.h"

#define MENTIONS_MOST 100 /* resolved in one post; further ones stay text */
#define LANG_MOST     35

/* ---- tidying ------------------------------------------------------------------------------------------------------- */

/* CR LF and CR become LF; without a CR the text itself. */
static mn_rc line_ends(mn_str s, mn_arena *ar, mn_str *ret, mn_err *e)
{
    if (s.len == 0 || !memchr(s.ptr, '\r', s.len)) {
        *ret = s;
        return MN_OK;
    }
    char *out = mn_arena_alloc(ar, s.len);
    size_t n = 0;
    if (!out) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '\r') out[n++] = s.ptr[i];
        else if (i + 1 == s.len || s.ptr[i + 1] != '\n') out[n++] = '\n';
    }
    *ret = (mn_str){out, n};
    return MN_OK;
}

static mn_rc tidy(mn_str s, mn_arena *ar, mn_str *ret, mn_err *e)
{
    if (s.len == 0) {
        *ret = MN_STR("");
        return MN_OK;
    }
    if (memchr(s.ptr, 0, s.len) || !mn_utf8_valid(s))
        return mn_fail(e, MN_E_USAGE, "text holds bytes that are no characters");
    return line_ends(mn_str_trim(s), ar, ret, e);
}

/* ---- mentions ------------------------------------------------------------------------------------------------------ */

/* "@name", "@name@our.domain" and "@name@elsewhere" as the store names accounts. */
static mn_str account_key(const mn_compose *c, mn_str mention)
{
    mn_str host, name = mn_str_split(mn_str_sub(mention, 1, SIZE_MAX), '@', &host);
    bool ours = host.ptr == NULL || mn_str_eq_nocase(host, c->domain);
    return ours ? name : mn_str_sub(mention, 1, SIZE_MAX);
}

static bool has(const uint64_t *ids, size_t n, uint64_t id)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] == id) return true;
    return false;
}

static mn_rc resolve(const mn_compose *c, mn_str mention, mn_arena *ar, mn_compose_text *t,
                     mn_err *e)
{
    mn_account a;
    mn_rc rc = mn_store_account_by_name(c->store, account_key(c, mention), ar, &a, e);
    if (rc == MN_E_NOT_FOUND) return MN_OK;
    if (rc != MN_OK || a.state != MN_ACCOUNT_ACTIVE) return rc;
    if (!has(t->mentions, t->n_mentions, a.id)) t->mentions[t->n_mentions++] = a.id;
    return MN_OK;
}

/* Links are found in windows, since a text may hold any number of them. */
static mn_rc find_links(const mn_compose *c, mn_arena *ar, mn_compose_text *t, mn_err *e)
{
    mn_link_span spans[32];
    size_t done = 0;
    t->mentions = mn_arena_alloc(ar, MENTIONS_MOST * sizeof *t->mentions);
    if (!t->mentions) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (;;) {
        mn_str rest = mn_str_sub(t->text, done, SIZE_MAX);
        size_t n = mn_text_links(rest, spans, 32);
        for (size_t i = 0; i < n; i++) {
            mn_str span = mn_str_sub(rest, spans[i].start, spans[i].len);
            if (spans[i].kind == 'u') t->links++;
            if (spans[i].kind == '@' && t->n_mentions < MENTIONS_MOST)
                MN_TRY(resolve(c, span, ar, t, e));
        }
        if (n < 32) return MN_OK;
        done += spans[n - 1].start + spans[n - 1].len;
    }
}

mn_rc mn_social_mentions_of(const mn_compose *c, mn_str text, mn_arena *ar,
                            const uint64_t **ret, size_t *ret_n, mn_err *e)
{
    mn_compose_text t = {.text = text};
    MN_TRY(find_links(c, ar, &t, e));
    *ret = t.mentions;
    *ret_n = t.n_mentions;
    return MN_OK;
}

/* ---- rules --------------------------------------------------------------------------------------------------------- */

static mn_rc most(const mn_compose *c, uint64_t author, mn_plan_item item, uint64_t fallback,
                  uint64_t *ret, mn_err *e)
{
    *ret = fallback;
    return c->plans ? mn_limits_included(c->plans, author, item, ret, e) : MN_OK;
}

static mn_rc check_length(const mn_compose *c, uint64_t author, const mn_compose_text *t,
                          mn_err *e)
{
    uint64_t limit = 0;
    MN_TRY(most(c, author, MN_PLAN_CHARACTERS, c->limits.characters, &limit, e));
    if (t->text.len + t->warning.len <= limit) return MN_OK; /* bytes are never fewer */
    if (mn_text_characters(t->text) + mn_text_graphemes(t->warning) <= limit) return MN_OK;
    return mn_fail(e, MN_E_LIMIT, "Validation failed: Text character limit of %llu exceeded",
                   (unsigned long long)limit);
}

static mn_rc ask_filters(const mn_compose *c, uint64_t author, const mn_str *extra,
                         size_t n_extra, mn_compose_text *t, mn_err *e)
{
    mn_text_ask ask = {.account_id = author,
                       .texts = {t->text, t->warning},
                       .n_texts = 2,
                       .links = t->links,
                       .mentions = t->n_mentions};
    mn_text_verdict said = {0};
    uint64_t links = 0, mentions = 0;
    if (!c->moderation) return MN_OK;
    for (size_t i = 0; i < n_extra && ask.n_texts < sizeof ask.texts / sizeof *ask.texts; i++)
        ask.texts[ask.n_texts++] = extra[i];
    MN_TRY(most(c, author, MN_PLAN_LINKS, 0, &links, e));
    MN_TRY(most(c, author, MN_PLAN_MENTIONS, 0, &mentions, e));
    ask.most_links = links;
    ask.most_mentions = mentions;
    mn_rc rc = mn_moderation_text(c->moderation, &ask, &said, e);
    if (rc == MN_E_DENIED) return mn_fail(e, MN_E_USAGE, "Validation failed: %s", e->msg);
    MN_TRY(rc);
    t->sensitive = said.sensitive;
    t->report = said.report;
    t->filter_id = said.filter_id;
    return MN_OK;
}

mn_rc mn_compose__text(const mn_compose *c, uint64_t author, mn_str text, mn_str warning,
                       bool bare, const mn_str *extra, size_t n_extra, mn_arena *ar,
                       mn_compose_text *ret, mn_err *e)
{
    mn_compose_text t = {0};
    MN_TRY(tidy(text, ar, &t.text, e));
    MN_TRY(tidy(warning, ar, &t.warning, e));
    if (t.text.len == 0 && !bare)
        return mn_fail(e, MN_E_USAGE, "Validation failed: Text can't be blank");
    MN_TRY(check_length(c, author, &t, e));
    MN_TRY(find_links(c, ar, &t, e));
    MN_TRY(ask_filters(c, author, extra, n_extra, &t, e));
    *ret = t;
    return MN_OK;
}

/* ---- language ------------------------------------------------------------------------------------------------------ */

/* A language tag by its form: letters, digits and '-' of bounded length, "en", "zh-Hant", "sr-Latn-RS". */
static bool is_tag(mn_str s)
{
    if (s.len < 2 || s.len > LANG_MOST) return false;
    for (size_t i = 0; i < s.len; i++) {
        char ch = s.ptr[i];
        bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
        if (!letter && !(i > 1 && ((ch >= '0' && ch <= '9') || ch == '-'))) return false;
    }
    return true;
}

mn_rc mn_compose__lang(mn_str given, mn_str preferred, mn_str text, mn_arena *ar, mn_str *ret,
                       mn_err *e)
{
    if (!is_tag(given))
        given = MN_STR(""); /* clients send what they like; Mastodon ignores it */
    if (given.len == 0) given = preferred;
    if (given.len > 0) {
        *ret = given;
        return MN_OK;
    }
    mn_lang found = text.len ? mn_langid(text) : (mn_lang){.code = "und"};
    bool sure = found.reliable && strcmp(found.code, "und") != 0;
    *ret = sure ? mn_str_dup(ar, mn_str_from(found.code)) : MN_STR("");
    return ret->ptr ? MN_OK : mn_fail(e, MN_E_NOMEM, "out of memory");
}

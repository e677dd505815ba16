/* The members of a Status that are the same for every viewer, rendered once and kept (shown.h). */
#include <stdio.h>

#include "api/mastodon/content.h"
#include "api/mastodon/statuses.h"
#include "store/access.h"
#include "store/media.h"
#include "store/tags.h"

const char *mn_masto__visibility_name(mn_visibility v)
{
    static const char *const names[] = {"public", "unlisted", "private", "direct"};
    return names[v];
}

mn_rc mn_masto__visibility_parse(mn_str s, mn_visibility *ret, mn_err *e)
{
    for (int v = MN_VIS_PUBLIC; v <= MN_VIS_DIRECT; v++)
        if (mn_str_eqz(s, mn_masto__visibility_name((mn_visibility)v))) {
            *ret = (mn_visibility)v;
            return MN_OK;
        }
    return mn_fail(
        e, MN_E_USAGE,
        "Validation failed: Visibility should be public, unlisted, private or direct");
}

mn_rc mn_masto__policy_parse(mn_str s, mn_quote_policy *ret, mn_err *e)
{
    if (mn_str_eqz(s, "public")) *ret = MN_QUOTES_PUBLIC;
    else if (mn_str_eqz(s, "followers")) *ret = MN_QUOTES_FOLLOWERS;
    else if (mn_str_eqz(s, "nobody")) *ret = MN_QUOTES_NOBODY;
    else
        return mn_fail(
            e, MN_E_USAGE,
            "Validation failed: Quote approval policy should be public, followers or "
            "nobody");
    return MN_OK;
}

/* ---- addresses ------------------------------------------------------------------------------------------------------- */

static void put_addresses(const mn_view *v, const mn_post *p, mn_json_writer *j)
{
    mn_buf uri, url;
    mn_str base = mn_masto_base(v->api);
    mn_buf_init(&uri, 2048);
    mn_buf_init(&url, 2048);
    mn_buf_addf(&uri, "%.*s/users/%.*s/statuses/%llu", MN_STR_FMT(base),
                MN_STR_FMT(p->account_name), (unsigned long long)p->id);
    if (p->boost_of) {
        mn_buf_addz(&uri, "/activity");
        mn_buf_adds(&url, mn_buf_str(&uri));
    } else {
        mn_masto__account_url(&url, base, p->account_name, p->account_domain);
        mn_buf_addf(&url, "/%llu", (unsigned long long)p->id);
    }
    mn_jw_kstr(j, "uri", mn_buf_str(&uri));
    mn_jw_kstr(j, "url", mn_buf_str(&url));
    mn_buf_release(&uri);
    mn_buf_release(&url);
}

/* ---- mentions, tags, media ------------------------------------------------------------------------------------------- */

static void put_acct(mn_json_writer *j, const mn_mention *m)
{
    mn_buf b;
    mn_str name = mn_str_split(m->name, '@', &(mn_str){0});
    mn_buf_init(&b, 512);
    mn_buf_adds(&b, name);
    if (m->domain.len) {
        mn_buf_addc(&b, '@');
        mn_buf_adds(&b, m->domain);
    }
    mn_jw_kstr(j, "username", name);
    mn_jw_kstr(j, "acct", mn_buf_str(&b));
    mn_buf_release(&b);
}

static void put_mentions(const mn_view *v, const mn_mention *m, size_t n, mn_json_writer *j)
{
    mn_jw_key(j, "mentions");
    mn_jw_array(j);
    for (size_t i = 0; i < n; i++) {
        mn_buf url;
        mn_buf_init(&url, 1024);
        mn_masto__account_url(&url, mn_masto_base(v->api), m[i].name, m[i].domain);
        mn_jw_object(j);
        mn_jw_kid(j, "id", m[i].account_id);
        put_acct(j, &m[i]);
        mn_jw_kstr(j, "url", mn_buf_str(&url));
        mn_jw_object_end(j);
        mn_buf_release(&url);
    }
    mn_jw_array_end(j);
}

static mn_rc put_tags(const mn_view *v, const mn_post *p, mn_json_writer *j, mn_err *e)
{
    mn_tag *tags = NULL;
    size_t n = 0;
    bool any = memchr(p->text.ptr ? p->text.ptr : "", '#', p->text.len) ||
               memmem(p->text.ptr ? p->text.ptr : "", p->text.len, "\uff03", 3);
    if (any) MN_TRY(mn_store_post_tags(v->api->home->store, p->id, v->arena, &tags, &n, e));
    mn_jw_key(j, "tags");
    mn_jw_array(j);
    for (size_t i = 0; i < n; i++) {
        mn_buf url;
        mn_buf_init(&url, 4096);
        mn_buf_adds(&url, mn_masto_base(v->api));
        mn_buf_addz(&url, "/tags/");
        mn_masto__url_part(&url, tags[i].name);
        mn_jw_object(j);
        mn_jw_kstr(j, "name", tags[i].name);
        mn_jw_kstr(j, "url", mn_buf_str(&url));
        mn_jw_object_end(j);
        mn_buf_release(&url);
    }
    mn_jw_array_end(j);
    return MN_OK;
}

static mn_rc put_media(const mn_view *v, const mn_post *p, mn_json_writer *j, mn_err *e)
{
    mn_media *m = NULL;
    size_t n = 0;
    if (p->n_media) MN_TRY(mn_store_media_of(v->api->home->store, p->id, v->arena, &m, &n, e));
    mn_jw_key(j, "media_attachments");
    mn_jw_array(j);
    for (size_t i = 0; i < n; i++) mn_entity_media(v, &m[i], j);
    mn_jw_array_end(j);
    return MN_OK;
}

static mn_rc put_emojis(const mn_view *v, const mn_post *p, mn_json_writer *j, mn_err *e)
{
    const mn_str texts[] = {p->text, p->warning};
    mn_jw_key(j, "emojis");
    bool any = memchr(p->text.ptr ? p->text.ptr : "", ':', p->text.len) ||
               memchr(p->warning.ptr ? p->warning.ptr : "", ':', p->warning.len);
    if (any) return mn_entity_emoji_in(v, texts, 2, j, e);
    mn_jw_array(j);
    mn_jw_array_end(j);
    return MN_OK;
}

static mn_rc put_application(const mn_view *v, const mn_post *p, mn_json_writer *j, mn_err *e)
{
    mn_app app;
    mn_rc rc = p->app_id && !p->boost_of
                   ? mn_store_app_by_id(v->api->home->store, p->app_id, v->arena, &app, e)
                   : MN_E_NOT_FOUND;
    mn_jw_key(j, "application");
    if (rc == MN_OK) {
        mn_jw_object(j);
        mn_jw_kstr(j, "name", app.name);
        mn_jw_kstr(j, "website", app.website.len ? app.website : MN_STR_NONE);
        mn_jw_object_end(j);
    } else {
        mn_jw_null(j);
    }
    return rc == MN_E_NOT_FOUND ? MN_OK : rc;
}

static mn_rc put_content(const mn_view *v, const mn_post *p, const mn_mention *m, size_t n,
                         mn_json_writer *j, mn_err *e)
{
    mn_buf html;
    mn_buf_init(&html, 0);
    mn_rc rc = mn_masto__content(p->text, m, n, mn_masto_base(v->api),
                                 mn_str_from(v->api->domain), &html, e);
    if (rc == MN_OK) mn_jw_kstr(j, "content", mn_buf_str(&html));
    mn_buf_release(&html);
    return rc;
}

static mn_rc put_card(const mn_view *v, const mn_post *p, mn_json_writer *j, mn_err *e)
{
    mn_buf card;
    mn_json_writer k;
    mn_rc rc = MN_OK;
    mn_buf_init(&card, 0);
    mn_json_writer_init(&k, &card, 0);
    if (p->card_id) rc = mn_entity_card(v, p->card_id, &k, e);
    mn_jw_key(j, "card");
    if (rc == MN_OK && card.len) mn_jw_raw(j, mn_buf_str(&card));
    else mn_jw_null(j);
    mn_buf_release(&card);
    return rc == MN_E_NOT_FOUND ? MN_OK : rc;
}

/* ---- the whole part --------------------------------------------------------------------------------------------------- */

static void id_or_null(mn_json_writer *j, const char *key, uint64_t id)
{
    mn_jw_key(j, key);
    if (id) mn_jw_id(j, id);
    else mn_jw_null(j);
}

static void put_plain(const mn_view *v, const mn_post *p, mn_json_writer *j)
{
    mn_jw_kid(j, "id", p->id);
    mn_jw_key(j, "created_at");
    mn_jw_time(j, p->created_ms);
    id_or_null(j, "in_reply_to_id", p->reply_to);
    id_or_null(j, "in_reply_to_account_id", p->reply_to ? p->reply_account : 0);
    mn_jw_kbool(j, "sensitive", p->sensitive || p->account_sensitized);
    mn_jw_kstr(j, "spoiler_text", p->warning.ptr ? p->warning : MN_STR(""));
    mn_jw_kstrz(j, "visibility", mn_masto__visibility_name(p->visibility));
    mn_jw_kstr(j, "language", p->lang.len ? p->lang : MN_STR_NONE);
    put_addresses(v, p, j);
    mn_jw_ku64(j, "replies_count", p->n_replies);
    mn_jw_ku64(j, "reblogs_count", p->n_boosts);
    mn_jw_ku64(j, "favourites_count", p->n_favourites);
    mn_jw_ku64(j, "quotes_count", p->n_quotes);
    mn_jw_key(j, "edited_at");
    if (p->edited_ms) mn_jw_time(j, p->edited_ms);
    else mn_jw_null(j);
}

static mn_rc put_part(const mn_view *v, const mn_post *p, mn_json_writer *j, mn_err *e)
{
    mn_mention *m = NULL;
    size_t n = 0;
    if (memchr(p->text.ptr ? p->text.ptr : "", '@', p->text.len) ||
        p->visibility == MN_VIS_DIRECT)
        MN_TRY(mn_store_mentions_of(v->api->home->store, &p->id, 1, v->arena, &m, &n, e));
    mn_jw_object(j);
    put_plain(v, p, j);
    MN_TRY(put_content(v, p, m, n, j, e));
    MN_TRY(put_application(v, p, j, e));
    MN_TRY(put_media(v, p, j, e));
    put_mentions(v, m, n, j);
    MN_TRY(put_tags(v, p, j, e));
    MN_TRY(put_emojis(v, p, j, e));
    MN_TRY(put_card(v, p, j, e));
    mn_jw_object_end(j);
    return MN_OK;
}

static mn_rc render(const mn_view *v, uint64_t id, uint64_t ticket, const mn_shown_entry **ret,
                    mn_err *e)
{
    mn_post p;
    mn_buf b;
    mn_json_writer j;
    mn_view anybody = {.api = v->api, .arena = v->arena};
    MN_TRY(mn_store_post(v->api->home->store, id, v->arena, &p, e));
    if (p.deleted_ms) return MN_E_NOT_FOUND;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&j, &b, 0);
    mn_rc rc = put_part(&anybody, &p, &j, e);
    if (rc == MN_OK && b.failed) rc = mn_fail(e, b.failed, "out of memory");
    if (rc == MN_OK)
        rc = mn_shown_put(v->api->shown, ticket, &p, mn_str_sub(mn_buf_str(&b), 1, b.len - 2),
                          ret, e);
    mn_buf_release(&b);
    return rc;
}

mn_rc mn_masto__shown(const mn_view *v, uint64_t id, const mn_shown_entry **ret, mn_err *e)
{
    const mn_shown_entry *x = mn_shown_get(v->api->shown, id);
    if (x) {
        *ret = x;
        return MN_OK;
    }
    return render(v, id, mn_shown_ticket(v->api->shown, id), ret, e);
}

/* Announcements: read, dismissed, reacted to. Written through /api/mynah/admin/announcements. */
#include "api/mastodon/accounts.h"
#include "api/mastodon/reports.h"
#include "base/clock.h"
#include "store/media.h"
#include "text/html.h"
#include "text/unicode.h"

/* ---- the entity ---------------------------------------------------------------------------------------------------------- */

static mn_rc put_content(const mn_view *v, mn_str text, mn_json_writer *j, mn_err *e)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    mn_rc rc = mn_masto__bio_html(v, text, &b, e);
    if (rc == MN_OK) mn_jw_kstr(j, "content", mn_buf_str(&b));
    mn_buf_release(&b);
    return rc;
}

static void put_mention(const mn_account *c, const mn_view *v, mn_json_writer *j)
{
    mn_jw_object(j);
    mn_jw_kid(j, "id", c->id);
    mn_jw_kstr(j, "username", c->name);
    mn_jw_kstr(j, "acct", c->name);
    mn_jw_kstr(j, "url", mn_str_fmt(v->arena, "%s/@%.*s", v->api->base, MN_STR_FMT(c->name)));
    mn_jw_object_end(j);
}

static void put_tag(mn_str tag, const mn_view *v, mn_json_writer *j)
{
    mn_jw_object(j);
    mn_jw_kstr(j, "name", tag);
    mn_jw_kstr(j, "url", mn_str_fmt(v->arena, "%s/tags/%.*s", v->api->base, MN_STR_FMT(tag)));
    mn_jw_object_end(j);
}

/* Members and tags that the text names. */
static mn_rc put_named(const mn_view *v, mn_str text, mn_json_writer *j, mn_err *e)
{
    mn_link_span links[64];
    size_t n = mn_text_links(text, links, 64);
    mn_jw_key(j, "mentions");
    mn_jw_array(j);
    for (size_t i = 0; i < n; i++) {
        mn_account c;
        if (links[i].kind != '@') continue;
        mn_str name = mn_str_sub(text, links[i].start + 1, links[i].len - 1);
        mn_rc rc = mn_store_account_by_name(v->api->home->store, name, v->arena, &c, e);
        if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
        if (rc == MN_OK) put_mention(&c, v, j);
    }
    mn_jw_array_end(j);
    mn_jw_key(j, "tags");
    mn_jw_array(j);
    for (size_t i = 0; i < n; i++)
        if (links[i].kind == '#')
            put_tag(mn_str_sub(text, links[i].start + 1, links[i].len - 1), v, j);
    mn_jw_array_end(j);
    mn_jw_key(j, "statuses");
    mn_jw_array(j);
    mn_jw_array_end(j);
    return MN_OK;
}

/* A custom emoji's addresses: of the entity that mn_entity_emoji_in writes, the two that a Reaction has. */
static mn_rc put_emoji_urls(const mn_view *v, mn_str name, mn_json_writer *j, mn_err *e)
{
    mn_json *list = NULL;
    mn_json_writer k;
    mn_buf b;
    mn_str text = mn_str_fmt(v->arena, ":%.*s:", MN_STR_FMT(name));
    mn_buf_init(&b, 0);
    mn_json_writer_init(&k, &b, 0);
    mn_rc rc = mn_entity_emoji_in(v, &text, 1, &k, e);
    if (rc == MN_OK)
        rc = mn_json_parse(mn_str_dup(v->arena, mn_buf_str(&b)), v->arena, &list, e);
    const mn_json *one = rc == MN_OK ? mn_json_at(list, 0) : NULL;
    if (one) {
        mn_jw_kstr(j, "url", mn_json_str(mn_json_get(one, "url")));
        mn_jw_kstr(j, "static_url", mn_json_str(mn_json_get(one, "static_url")));
    }
    mn_buf_release(&b);
    return rc;
}

static mn_rc put_reactions(const mn_view *v, uint64_t id, const mn_reaction *reactions,
                           size_t n, mn_json_writer *j, mn_err *e)
{
    mn_jw_key(j, "reactions");
    mn_jw_array(j);
    for (size_t i = 0; i < n; i++) {
        const mn_reaction *x = &reactions[i];
        if (x->announcement_id != id) continue;
        mn_jw_object(j);
        mn_jw_kstr(j, "name", x->name);
        mn_jw_ku64(j, "count", x->n);
        if (v->me) mn_jw_kbool(j, "me", x->me);
        MN_TRY(put_emoji_urls(v, x->name, j, e));
        mn_jw_object_end(j);
    }
    mn_jw_array_end(j);
    return MN_OK;
}

mn_rc mn_entity_announcement(const mn_view *v, const mn_announcement *a,
                             const mn_reaction *reactions, size_t n, mn_json_writer *j,
                             mn_err *e)
{
    mn_jw_object(j);
    mn_jw_kid(j, "id", a->id);
    MN_TRY(put_content(v, a->text, j, e));
    mn_jw__time_or_null(j, "starts_at", a->starts_ms);
    mn_jw__time_or_null(j, "ends_at", a->ends_ms);
    mn_jw_kbool(j, "all_day", a->all_day);
    mn_jw_key(j, "published_at");
    mn_jw_time(j, a->published_ms ? a->published_ms : a->updated_ms);
    mn_jw_key(j, "updated_at");
    mn_jw_time(j, a->updated_ms);
    if (v->me) mn_jw_kbool(j, "read", a->read);
    MN_TRY(put_named(v, a->text, j, e));
    mn_jw_key(j, "emojis");
    MN_TRY(mn_entity_emoji_in(v, &a->text, 1, j, e));
    MN_TRY(put_reactions(v, a->id, reactions, n, j, e));
    mn_jw_object_end(j);
    return MN_OK;
}

/* ---- handlers -------------------------------------------------------------------------------------------------------------- */

static void announcements(mn_req *r, mn_resp *w)
{
    mn_view v = mn_masto_view(r);
    mn_store *s = v.api->home->store;
    mn_err e = {0};
    mn_announcement *list;
    mn_reaction *reactions;
    size_t n = 0, n_reactions = 0;
    bool all = mn_param_bool(r, "with_dismissed", false);
    if (!v.me) {
        mn_masto_error(r, w, 422, "This method requires an authenticated user");
        return;
    }
    mn_rc rc = mn_store_announcements(s, v.me, mn_now_ms(), r->arena, &list, &n, &e);
    if (rc == MN_OK) rc = mn_store_reactions(s, v.me, r->arena, &reactions, &n_reactions, &e);
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; rc == MN_OK && i < n; i++)
        if (all || !list[i].read)
            rc = mn_entity_announcement(&v, &list[i], reactions, n_reactions, &j, &e);
    mn_jw_array_end(&j);
    if (rc != MN_OK) mn_masto_fail(r, w, &e);
}

static void answer(mn_req *r, mn_resp *w, mn_tx *tx, mn_rc rc, mn_err *e)
{
    rc = mn_store_end(tx, rc, e);
    e->rc = rc;
    if (rc == MN_OK) mn_masto_empty(w);
    else mn_masto_fail(r, w, e);
}

static void dismiss(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_tx *tx;
    uint64_t id;
    if (!mn_masto_id(r, w, "id", &id)) return;
    if (mn_store_begin(a->home->store, &tx, &e) != MN_OK) mn_masto_fail(r, w, &e);
    else answer(r, w, tx, mn_store_announcement_read(tx, id, mn_masto_me(r), &e), &e);
}

/* A shortcode of ours, or one emoji (with its modifiers and joiners: at most 16 code points). */
static mn_rc is_reaction(mn_req *r, mn_str name, bool *ret, mn_err *e)
{
    mn_api *a = r->app;
    mn_emoji *found;
    size_t n = 0, k = 0;
    for (size_t at = 0; at < name.len; k++) {
        uint32_t cp = 0;
        size_t len = mn_utf8_decode(name.ptr + at, name.len - at, &cp);
        if (len == 0 || !(mn_uemoji(cp) || cp == 0x20e3 || (cp >= '0' && cp <= '9'))) break;
        at += len;
        if (at == name.len && k < 16 && cp > '9') {
            *ret = true;
            return MN_OK;
        }
    }
    MN_TRY(mn_store_emoji_by(a->home->store, &name, 1, r->arena, &found, &n, e));
    *ret = n == 1;
    return MN_OK;
}

static void react(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_tx *tx;
    uint64_t id;
    bool known = false, on = r->method == MN_PUT;
    mn_str name = mn_req_param(r, "name");
    if (!mn_masto_id(r, w, "id", &id)) return;
    if (on && is_reaction(r, name, &known, &e) != MN_OK) {
        mn_masto_fail(r, w, &e);
        return;
    }
    if (on && !known) {
        mn_masto_error(r, w, 422, "Validation failed: Name is not a recognized emoji");
        return;
    }
    if (mn_store_begin(a->home->store, &tx, &e) != MN_OK) {
        mn_masto_fail(r, w, &e);
        return;
    }
    mn_rc rc = on ? mn_store_reaction_add(tx, id, name, mn_masto_me(r), &e)
                  : mn_store_reaction_remove(tx, id, name, mn_masto_me(r), &e);
    answer(r, w, tx, rc, &e);
}

const mn_route mn_masto__routes_announcements[] = {
    {MN_GET, "/api/v1/announcements", announcements, 0, MN_RUN_HERE, "app"},
    {MN_POST, "/api/v1/announcements/:id/dismiss", dismiss, 4096, MN_RUN_WORKER,
     "write:accounts"},
    {MN_PUT, "/api/v1/announcements/:id/reactions/:name", react, 4096, MN_RUN_WORKER,
     "write:favourites"},
    {MN_DELETE, "/api/v1/announcements/:id/reactions/:name", react, 4096, MN_RUN_WORKER,
     "write:favourites"},
    {.path = NULL},
};

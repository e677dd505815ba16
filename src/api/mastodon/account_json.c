/* Account entities. An Account looks the same to everybody, so it is written once and kept (account_cache.c); entities with something
 * besides are the kept text with members added, or written anew. */
#include "api/mastodon/accounts.h"
#include "api/mastodon/content.h"
#include "api/mastodon/media.h"
#include "base/clock.h"

#define JSON_MAX (256u << 10)
#define DAY_MS   INT64_C(86400000)

const char *mn_masto__privacy_name(mn_visibility v)
{
    static const char *const names[] = {"public", "unlisted", "private", "direct"};
    return names[v <= MN_VIS_DIRECT ? v : MN_VIS_PUBLIC];
}

const char *mn_masto__quote_policy_name(mn_quote_policy p)
{
    static const char *const names[] = {"public", "followers", "nobody"};
    return names[p <= MN_QUOTES_NOBODY ? p : MN_QUOTES_NOBODY];
}

/* ---- what is known of it ----------------------------------------------------------------------------------------- */

/* Nothing of somebody suspended is shown but that they are. */
static void blank(mn_profile *p)
{
    p->a.display_name = p->a.bio = MN_STR("");
    p->a.locked = p->a.bot = p->a.discoverable = false;
    p->a.avatar_id = p->a.header_id = p->a.moved_to = 0;
    p->a.n_posts = p->a.n_followers = p->a.n_following = 0;
    p->a.last_post_ms = 0;
    p->n_fields = 0;
    p->prefs.avatar_alt = p->prefs.header_alt = MN_STR("");
}

mn_rc mn_masto__profile(const mn_view *v, uint64_t id, mn_profile *ret, mn_err *e)
{
    mn_profile p = {0};
    MN_TRY(mn_store_account_by_id(mn_api_store(v->api), id, v->arena, &p.a, e));
    if (p.a.state == MN_ACCOUNT_DELETED || p.a.waits) return MN_E_NOT_FOUND;
    p.prefs = mn_social_prefs_read(p.a.settings, v->arena);
    p.n_fields = mn_social_fields_read(p.a.fields, v->arena, p.fields);
    if (p.a.state == MN_ACCOUNT_SUSPENDED) blank(&p);
    MN_TRY(mn_media_picture_urls(v, &p.a.avatar_id, 1, MN_MEDIA_AVATAR, &p.avatar, e));
    MN_TRY(mn_media_picture_urls(v, &p.a.header_id, 1, MN_MEDIA_HEADER, &p.header, e));
    p.avatar_static = p.avatar;
    p.header_static = p.header;
    *ret = p;
    return MN_OK;
}

bool mn_masto__indexable(const mn_view *v, const mn_account *a)
{
    mn_consents server = 0;
    mn_consent c = mn_consents_get(a->consent, MN_P_SEARCH);
    if (c == MN_CONSENT_UNSET &&
        mn_store_consent_server(mn_api_store(v->api), &server, NULL, NULL) == MN_OK)
        c = mn_consents_get(server, MN_P_SEARCH);
    return c != MN_CONSENT_DENY; /* as posts are searched: social/consent.c */
}

/* ---- members ----------------------------------------------------------------------------------------------------- */

static void put_html(const mn_view *v, mn_json_writer *j, const char *key, mn_str text,
                     bool field)
{
    mn_buf html;
    mn_err e = {0};
    mn_buf_init(&html, JSON_MAX);
    mn_rc rc = field ? mn_masto__field_html(v, text, &html, &e)
                     : mn_masto__bio_html(v, text, &html, &e);
    if (rc != MN_OK) j->b->failed = rc;
    else mn_jw_kstr(j, key, mn_buf_str(&html));
    mn_buf_release(&html);
}

void mn_masto__fields_json(const mn_view *v, const mn_profile *p, bool as_html,
                           mn_json_writer *j)
{
    mn_jw_array(j);
    for (size_t i = 0; i < p->n_fields; i++) {
        mn_jw_object(j);
        mn_jw_kstr(j, "name", p->fields[i].name);
        if (as_html) put_html(v, j, "value", p->fields[i].value, true);
        else mn_jw_kstr(j, "value", p->fields[i].value);
        mn_jw_key(j, "verified_at");
        if (p->fields[i].verified_ms) mn_jw_time(j, p->fields[i].verified_ms);
        else mn_jw_null(j);
        mn_jw_object_end(j);
    }
    mn_jw_array_end(j);
}

/* "2026-11-21" */
static void put_day(mn_json_writer *j, const char *key, int64_t ms)
{
    char day[MN_TIME_MAX];
    mn_jw_key(j, key);
    if (ms == 0) mn_jw_null(j);
    else mn_jw_str(j, (mn_str){mn_time_format(ms, day), 10});
}

void mn_masto__names_json(const mn_view *v, const mn_account *a, mn_json_writer *j)
{
    mn_str base = mn_masto_base(v->api);
    bool here = a->domain.len == 0;
    mn_str name = mn_str_split(a->name, '@', &(mn_str){0});
    mn_buf url;
    mn_buf_init(&url, 1024);
    mn_masto__account_url(&url, base, a->name, a->domain);
    mn_jw_kid(j, "id", a->id);
    mn_jw_kstr(j, "username", name);
    mn_jw_kstr(
        j, "acct",
        here ? name
             : mn_str_fmt(v->arena, "%.*s@%.*s", MN_STR_FMT(name), MN_STR_FMT(a->domain)));
    mn_jw_kstr(j, "display_name", a->display_name);
    mn_jw_kstr(j, "url", mn_buf_str(&url));
    mn_jw_kstr(j, "uri",
               here
                   ? mn_str_fmt(v->arena, "%.*s/users/%.*s", MN_STR_FMT(base), MN_STR_FMT(name))
                   : mn_buf_str(&url));
    mn_buf_release(&url);
}

static void put_state(const mn_view *v, const mn_profile *p, mn_json_writer *j)
{
    const mn_account *a = &p->a;
    mn_jw_kbool(j, "locked", a->locked);
    mn_jw_kbool(j, "bot", a->bot);
    mn_jw_kbool(j, "discoverable", a->discoverable);
    mn_jw_kbool(j, "indexable", a->state == MN_ACCOUNT_ACTIVE && mn_masto__indexable(v, a));
    mn_jw_kbool(j, "group", false);
    mn_jw_key(j, "created_at");
    mn_jw_time(j, a->created_ms - ((a->created_ms % DAY_MS) + DAY_MS) % DAY_MS);
    if (a->state == MN_ACCOUNT_SUSPENDED) mn_jw_kbool(j, "suspended", true);
    if (a->silenced_ms) mn_jw_kbool(j, "limited", true);
    if (p->prefs.memorial) mn_jw_kbool(j, "memorial", true);
    if (a->domain.len == 0) mn_jw_kbool(j, "noindex", p->prefs.noindex);
}

static void put_pictures(const mn_profile *p, mn_json_writer *j)
{
    mn_jw_kstr(j, "avatar", p->avatar);
    mn_jw_kstr(j, "avatar_static", p->avatar_static);
    mn_jw_kstr(j, "avatar_description", p->prefs.avatar_alt);
    mn_jw_kstr(j, "header", p->header);
    mn_jw_kstr(j, "header_static", p->header_static);
    mn_jw_kstr(j, "header_description", p->prefs.header_alt);
}

static void put_counts(const mn_profile *p, mn_json_writer *j)
{
    mn_jw_ku64(j, "followers_count", p->a.n_followers);
    mn_jw_ku64(j, "following_count", p->a.n_following);
    mn_jw_ku64(j, "statuses_count", p->a.n_posts);
    put_day(j, "last_status_at", p->a.last_post_ms);
    mn_jw_kbool(j, "hide_collections", p->a.hide_follows);
}

static const struct {
    const char *name, *color;
    unsigned permissions; /* as Mastodon's flags add up */
    int id;
} roles[] = {
    [MN_ROLE_MEMBER] = {"", "", 65536, -99},
    [MN_ROLE_MODERATOR] = {"Moderator", "", 66844, 1},
    [MN_ROLE_OPERATOR] = {"Operator", "", 2097151, 3},
};

static void put_role(mn_json_writer *j, mn_account_role r, bool whole)
{
    mn_jw_object(j);
    mn_jw_key(j, "id");
    if (roles[r].id < 0) mn_jw_strz(j, "-99");
    else mn_jw_id(j, (uint64_t)roles[r].id);
    mn_jw_kstrz(j, "name", roles[r].name);
    mn_jw_kstrz(j, "color", roles[r].color);
    if (whole) {
        mn_jw_key(j, "permissions");
        mn_jw_id(j, roles[r].permissions);
        mn_jw_kbool(j, "highlighted", r != MN_ROLE_MEMBER);
    }
    mn_jw_object_end(j);
}

void mn_entity_role(mn_account_role r, mn_json_writer *j)
{
    put_role(j, r, true);
}

static void put_roles(const mn_profile *p, mn_json_writer *j)
{
    if (p->a.domain.len) return;
    mn_jw_key(j, "roles");
    mn_jw_array(j);
    if (p->a.role != MN_ROLE_MEMBER && p->a.state == MN_ACCOUNT_ACTIVE)
        put_role(j, p->a.role, false);
    mn_jw_array_end(j);
}

static mn_rc put_emoji(const mn_view *v, const mn_profile *p, mn_json_writer *j, mn_err *e)
{
    mn_str texts[2 + 2 * MN_FIELDS_MAX] = {p->a.display_name, p->a.bio};
    size_t n = 2;
    for (size_t i = 0; i < p->n_fields; i++) {
        texts[n++] = p->fields[i].name;
        texts[n++] = p->fields[i].value;
    }
    mn_jw_key(j, "emojis");
    return mn_entity_emoji_in(v, texts, n, j, e);
}

static mn_rc write_account(const mn_view *v, const mn_profile *p, bool nested,
                           mn_json_writer *j, mn_err *e);

/* Where its owner is now; a row of moves is not followed. */
static mn_rc put_moved(const mn_view *v, const mn_profile *p, mn_json_writer *j, mn_err *e)
{
    mn_profile to;
    if (!p->a.moved_to) return MN_OK;
    mn_rc rc = mn_masto__profile(v, p->a.moved_to, &to, e);
    if (rc == MN_E_NOT_FOUND) return MN_OK;
    if (rc != MN_OK) return rc;
    mn_jw_key(j, "moved");
    return write_account(v, &to, true, j, e);
}

/* The members of an Account; the object stays open. */
static mn_rc put_members(const mn_view *v, const mn_profile *p, bool nested, mn_json_writer *j,
                         mn_err *e)
{
    mn_jw_object(j);
    mn_masto__names_json(v, &p->a, j);
    put_html(v, j, "note", p->a.bio, false);
    put_state(v, p, j);
    put_pictures(p, j);
    put_counts(p, j);
    put_roles(p, j);
    mn_jw_key(j, "fields");
    mn_masto__fields_json(v, p, true, j);
    mn_jw_kbool(j, "show_featured", !p->prefs.hide_featured);
    mn_jw_kbool(j, "show_media", !p->prefs.hide_media_tab);
    mn_jw_kbool(j, "show_media_replies", !p->prefs.hide_media_replies);
    MN_TRY(put_emoji(v, p, j, e));
    return nested ? MN_OK : put_moved(v, p, j, e);
}

static mn_rc write_account(const mn_view *v, const mn_profile *p, bool nested,
                           mn_json_writer *j, mn_err *e)
{
    MN_TRY(put_members(v, p, nested, j, e));
    mn_jw_object_end(j);
    return j->b->failed ? mn_fail(e, j->b->failed, "out of memory writing an account") : MN_OK;
}

/* ---- Account ----------------------------------------------------------------------------------------------------- */

static mn_rc make(const mn_view *v, uint64_t id, mn_buf *b, mn_err *e)
{
    mn_profile p;
    mn_json_writer j;
    MN_TRY(mn_masto__profile(v, id, &p, e));
    mn_json_writer_init(&j, b, 0);
    return write_account(v, &p, false, &j, e);
}

mn_rc mn_entity_account(const mn_view *v, uint64_t id, mn_json_writer *j, mn_err *e)
{
    mn_buf b;
    uint64_t ticket = 0;
    if (mn_account_cache_get(v->api->accounts, id, j, &ticket)) return MN_OK;
    mn_buf_init(&b, JSON_MAX);
    mn_rc rc = make(v, id, &b, e);
    if (rc == MN_OK) {
        mn_account_cache_put(v->api->accounts, id, mn_buf_str(&b), ticket);
        mn_jw_raw(j, mn_buf_str(&b));
    }
    mn_buf_release(&b);
    return rc;
}

mn_rc mn_entity_account_json(const mn_view *v, uint64_t id, mn_str *ret, mn_err *e)
{
    mn_buf b;
    mn_json_writer j;
    mn_buf_init(&b, JSON_MAX);
    mn_json_writer_init(&j, &b, 0);
    mn_rc rc = mn_entity_account(v, id, &j, e);
    mn_str json = rc == MN_OK ? mn_str_dup(v->arena, mn_buf_str(&b)) : MN_STR_NONE;
    mn_buf_release(&b);
    if (rc == MN_OK && !json.ptr)
        rc = mn_fail(e, MN_E_NOMEM, "out of memory writing an account");
    if (rc == MN_OK) *ret = json;
    return rc;
}

mn_rc mn_entity_accounts(const mn_view *v, const uint64_t *ids, size_t n, mn_json_writer *j,
                         mn_err *e)
{
    for (size_t i = 0; i < n; i++) {
        mn_rc rc = mn_entity_account(v, ids[i], j, e);
        if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    }
    return MN_OK;
}

mn_rc mn_entity_muted_accounts(const mn_view *v, const mn_rel_row *rows, size_t n,
                               mn_json_writer *j, mn_err *e)
{
    for (size_t i = 0; i < n; i++) {
        mn_str json;
        char at[MN_TIME_MAX];
        mn_rc rc = mn_entity_account_json(v, rows[i].account_id, &json, e);
        if (rc == MN_E_NOT_FOUND) continue;
        if (rc != MN_OK) return rc;
        const char *quote = rows[i].expires_ms ? "\"" : "";
        mn_str more = mn_str_fmt(
            v->arena, "%.*s,\"mute_expires_at\":%s%s%s}", (int)json.len - 1, json.ptr, quote,
            rows[i].expires_ms ? mn_time_format(rows[i].expires_ms, at) : "null", quote);
        if (!more.ptr) return mn_fail(e, MN_E_NOMEM, "out of memory writing an account");
        mn_jw_raw(j, more);
    }
    return MN_OK;
}

/* ---- CredentialAccount ------------------------------------------------------------------------------------------- */

void mn_masto__attribution_json(const mn_prefs *p, mn_json_writer *j)
{
    mn_jw_key(j, "attribution_domains");
    mn_jw_array(j);
    for (size_t i = 0; i < p->n_attribution; i++) mn_jw_str(j, p->attribution[i]);
    mn_jw_array_end(j);
}

static mn_rc put_source(const mn_view *v, const mn_profile *p, mn_json_writer *j, mn_err *e)
{
    uint64_t asked = 0;
    MN_TRY(mn_store_rel_count(mn_api_store(v->api), p->a.id, MN_REL_REQUESTED_BY, &asked, e));
    mn_jw_key(j, "source");
    mn_jw_object(j);
    mn_jw_kstrz(j, "privacy", mn_masto__privacy_name(p->prefs.privacy));
    mn_jw_kbool(j, "sensitive", p->prefs.sensitive);
    mn_jw_kstr(j, "language", p->prefs.language.len ? p->prefs.language : MN_STR_NONE);
    mn_jw_kstrz(j, "quote_policy", mn_masto__quote_policy_name(p->prefs.quotes));
    mn_jw_kstr(j, "note", p->a.bio);
    mn_jw_key(j, "fields");
    mn_masto__fields_json(v, p, false, j);
    mn_jw_ku64(j, "follow_requests_count", asked);
    mn_jw_kbool(j, "hide_collections", p->a.hide_follows);
    mn_jw_kbool(j, "discoverable", p->a.discoverable);
    mn_jw_kbool(j, "indexable", mn_masto__indexable(v, &p->a));
    mn_masto__attribution_json(&p->prefs, j);
    mn_jw_object_end(j);
    return MN_OK;
}

mn_rc mn_entity_credential_account(const mn_view *v, uint64_t id, mn_json_writer *j, mn_err *e)
{
    mn_profile p;
    MN_TRY(mn_masto__profile(v, id, &p, e));
    MN_TRY(put_members(v, &p, false, j, e));
    MN_TRY(put_source(v, &p, j, e));
    mn_jw_key(j, "role");
    put_role(j, p.a.role, true);
    mn_jw_object_end(j);
    return j->b->failed ? mn_fail(e, j->b->failed, "out of memory writing an account") : MN_OK;
}

/* ---- Relationship ------------------------------------------------------------------------------------------------ */

static void put_languages(mn_json_writer *j, mn_str list)
{
    mn_jw_key(j, "languages");
    if (list.len == 0) {
        mn_jw_null(j);
        return;
    }
    mn_jw_array(j);
    while (list.len > 0) mn_jw_str(j, mn_str_split(list, ',', &list));
    mn_jw_array_end(j);
}

void mn_entity_relationship(const mn_relation *r, mn_json_writer *j)
{
    bool there = r->following || r->requested;
    mn_jw_object(j);
    mn_jw_kid(j, "id", r->id);
    mn_jw_kbool(j, "following", r->following);
    mn_jw_kbool(j, "showing_reblogs", there && r->boosts);
    mn_jw_kbool(j, "notifying", there && r->notify);
    put_languages(j, r->languages);
    mn_jw_kbool(j, "followed_by", r->followed_by);
    mn_jw_kbool(j, "blocking", r->blocking);
    mn_jw_kbool(j, "blocked_by", r->blocked_by);
    mn_jw_kbool(j, "muting", r->muting);
    mn_jw_kbool(j, "muting_notifications", r->muting_notifications);
    mn_jw_key(j, "muting_expires_at");
    if (r->muting && r->mute_expires_ms) mn_jw_time(j, r->mute_expires_ms);
    else mn_jw_null(j);
    mn_jw_kbool(j, "requested", r->requested);
    mn_jw_kbool(j, "requested_by", r->requested_by);
    mn_jw_kbool(j, "domain_blocking", r->domain_blocking);
    mn_jw_kbool(j, "endorsed", r->endorsed);
    mn_jw_kstr(j, "note", r->note);
    mn_jw_object_end(j);
}

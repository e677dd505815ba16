/* One's own profile: read, changed, its pictures; preferences.
 *
 * A change is read and checked whole before anything is done. Pictures come first, since they may fail and take their time;
 * the rest is one transaction on the account as it is then. */
#include "api/mastodon/accounts.h"

#include "api/mastodon/media.h"
#include "base/clock.h"
#include "text/count.h"

#define BODY         ((size_t)20 << 20) /* two pictures and their envelope */
#define PICTURE_NONE MN_STR("")
#define ALT_MAX      1500

/* What was sent, checked; `has_…` false leaves it as it is. */
typedef struct change {
    mn_req *r;
    uint64_t me;
    mn_str name, bio, language, avatar_alt, header_alt;                /* absent: as it is */
    int locked, bot, discoverable, hide_follows, indexable, sensitive; /* -1: as it is */
    int show_media, show_media_replies, show_featured;
    int privacy, quotes;
    bool has_fields, has_attribution;
    mn_field fields[MN_FIELDS_MAX];
    size_t n_fields;
    const mn_str *attribution;
    size_t n_attribution;
    mn_text_verdict said;
} change;

/* ---- reading what was sent --------------------------------------------------------------------------------------- */

static int flag(const mn_req *r, const char *name)
{
    return mn_param(r, name).ptr ? mn_param_bool(r, name, false) : -1;
}

static mn_rc check_length(mn_str s, const char *what, size_t most, mn_err *e)
{
    if (s.len && !mn_utf8_valid(s))
        return mn_fail(e, MN_E_USAGE, "Validation failed: %s is not UTF-8 text", what);
    if (mn_text_graphemes(s) <= most && s.len <= most * 32) return MN_OK;
    return mn_fail(e, MN_E_USAGE,
                   "Validation failed: %s is too long (maximum is %zu characters)", what, most);
}

static mn_rc one_of(mn_str s, const char *const *names, int n, const char *what, int *ret,
                    mn_err *e)
{
    if (!s.ptr) return MN_OK;
    for (int i = 0; i < n; i++) {
        if (!mn_str_eqz(s, names[i])) continue;
        *ret = i;
        return MN_OK;
    }
    return mn_fail(e, MN_E_USAGE, "Validation failed: %s is not included in the list", what);
}

static mn_rc read_language(change *c, mn_err *e)
{
    mn_str s = mn_param(c->r, "source[language]");
    if (!s.ptr) return MN_OK;
    bool good = s.len == 0 || (s.len >= 2 && s.len <= 16);
    for (size_t i = 0; i < s.len; i++) {
        char x = s.ptr[i];
        good = good && ((x >= 'a' && x <= 'z') || (x >= 'A' && x <= 'Z') || x == '-');
    }
    if (!good) return mn_fail(e, MN_E_USAGE, "Validation failed: Language is not a language");
    c->language = s;
    return MN_OK;
}

static mn_str cut(mn_str s, size_t most)
{
    size_t at = 0;
    s = mn_str_trim(s);
    for (size_t n = 0; n < most && at < s.len; n++) {
        uint32_t cp;
        size_t len = mn_utf8_decode(s.ptr + at, s.len - at, &cp);
        at += len ? len : 1;
    }
    return mn_str_sub(s, 0, at);
}

/* Names and values longer than allowed are cut, as Mastodon does; what is empty is no field. */
static mn_rc read_fields(change *c, mn_err *e)
{
    size_t n = mn_param_objects(c->r, "fields_attributes");
    c->has_fields = n > 0 || mn_param_has(c->r, "fields_attributes");
    for (size_t i = 0; i < n && c->n_fields < MN_FIELDS_MAX; i++) {
        mn_field f = {
            .name = cut(mn_param_of(c->r, "fields_attributes", i, "name"), MN_FIELD_MAX),
            .value = cut(mn_param_of(c->r, "fields_attributes", i, "value"), MN_FIELD_MAX)};
        if (!mn_utf8_valid(f.name) || !mn_utf8_valid(f.value))
            return mn_fail(e, MN_E_USAGE, "Validation failed: Fields are not UTF-8 text");
        if (f.name.len == 0 && f.value.len == 0) continue;
        if (f.name.len == 0)
            return mn_fail(e, MN_E_USAGE,
                           "Validation failed: Fields with values cannot have empty labels");
        c->fields[c->n_fields++] = f;
    }
    return MN_OK;
}

static mn_rc read_attribution(change *c, mn_err *e)
{
    mn_str *all = NULL;
    size_t n = mn_param_list(c->r, "attribution_domains", &all), k = 0;
    c->has_attribution = mn_param_has(c->r, "attribution_domains");
    for (size_t i = 0; i < n; i++) {
        mn_str s = mn_str_trim(all[i]);
        if (s.len == 0) continue;
        bool good = s.len <= 253 && mn_str_find(s, MN_STR("."), 0) != SIZE_MAX;
        for (size_t x = 0; x < s.len; x++)
            good = good && (unsigned char)s.ptr[x] > ' ' && !strchr("/:@\"<>'&?#", s.ptr[x]);
        if (!good || k == MN_ATTRIBUTION_MAX)
            return mn_fail(e, MN_E_USAGE,
                           "Validation failed: Attribution domains is not a list of at most %d "
                           "domain names",
                           MN_ATTRIBUTION_MAX);
        all[k++] = s;
    }
    c->attribution = all;
    c->n_attribution = k;
    return MN_OK;
}

static mn_rc read_change(change *c, mn_err *e)
{
    static const char *const privacies[] = {"public", "unlisted", "private"};
    static const char *const policies[] = {"public", "followers", "nobody"};
    mn_req *r = c->r;
    c->name = mn_param(r, "display_name");
    c->bio = mn_param(r, "note");
    c->avatar_alt = mn_param(r, "avatar_description");
    c->header_alt = mn_param(r, "header_description");
    c->locked = flag(r, "locked");
    c->bot = flag(r, "bot");
    c->discoverable = flag(r, "discoverable");
    c->hide_follows = flag(r, "hide_collections");
    c->indexable = flag(r, "indexable");
    c->sensitive = flag(r, "source[sensitive]");
    c->show_media = flag(r, "show_media");
    c->show_media_replies = flag(r, "show_media_replies");
    c->show_featured = flag(r, "show_featured");
    c->privacy = c->quotes = -1;
    MN_TRY(check_length(c->name, "Display name", MN_DISPLAY_MAX, e));
    MN_TRY(check_length(c->bio, "Note", MN_BIO_MAX, e));
    MN_TRY(check_length(c->avatar_alt, "Avatar description", ALT_MAX, e));
    MN_TRY(check_length(c->header_alt, "Header description", ALT_MAX, e));
    MN_TRY(one_of(mn_param(r, "source[privacy]"), privacies, 3, "Privacy", &c->privacy, e));
    MN_TRY(one_of(mn_param(r, "source[quote_policy]"), policies, 3, "Quote policy", &c->quotes,
                  e));
    MN_TRY(read_language(c, e));
    MN_TRY(read_attribution(c, e));
    return read_fields(c, e);
}

/* What the operator's word filters say of it. What they cover in a post has no cover here; what they report is reported. */
static mn_rc ask_filters(change *c, mn_err *e)
{
    const mn_api *a = c->r->app;
    mn_text_ask ask = {.account_id = c->me,
                       .texts = {c->name, c->bio, c->avatar_alt, c->header_alt},
                       .n_texts = 4};
    _Static_assert(4 + 2 * MN_FIELDS_MAX <= sizeof ask.texts / sizeof *ask.texts,
                   "room for all texts of a profile");
    for (size_t i = 0; i < c->n_fields; i++) {
        ask.texts[ask.n_texts++] = c->fields[i].name;
        ask.texts[ask.n_texts++] = c->fields[i].value;
    }
    mn_rc rc = mn_moderation_text(a->moderation, &ask, &c->said, e);
    return rc == MN_E_DENIED ? mn_fail(e, MN_E_USAGE, "Validation failed: %s", e->msg) : rc;
}

/* ---- doing it ---------------------------------------------------------------------------------------------------- */

static void set_flag(bool *ret, int v, bool turned)
{
    if (v >= 0) *ret = (v != 0) != turned;
}

static void to_prefs(const change *c, mn_prefs *p)
{
    set_flag(&p->sensitive, c->sensitive, false);
    set_flag(&p->hide_media_tab, c->show_media, true);
    set_flag(&p->hide_media_replies, c->show_media_replies, true);
    set_flag(&p->hide_featured, c->show_featured, true);
    if (c->privacy >= 0) p->privacy = (mn_visibility)c->privacy;
    if (c->quotes >= 0) p->quotes = (mn_quote_policy)c->quotes;
    if (c->language.ptr) p->language = c->language;
    if (c->avatar_alt.ptr) p->avatar_alt = c->avatar_alt;
    if (c->header_alt.ptr) p->header_alt = c->header_alt;
    if (!c->has_attribution) return;
    p->attribution = c->attribution;
    p->n_attribution = c->n_attribution;
}

/* A field that stays as it was stays verified. */
static void keep_verified(change *c, const mn_account *a)
{
    mn_field old[MN_FIELDS_MAX];
    size_t n = mn_social_fields_read(a->fields, c->r->arena, old);
    for (size_t i = 0; i < c->n_fields; i++)
        for (size_t k = 0; k < n; k++)
            if (mn_str_eq(c->fields[i].name, old[k].name) &&
                mn_str_eq(c->fields[i].value, old[k].value))
                c->fields[i].verified_ms = old[k].verified_ms;
}

static mn_rc to_account(change *c, mn_account *a, mn_err *e)
{
    mn_arena *ar = c->r->arena;
    mn_prefs p = mn_social_prefs_read(a->settings, ar);
    to_prefs(c, &p);
    a->settings = mn_social_prefs_write(&p, ar);
    if (c->name.ptr) a->display_name = c->name;
    if (c->bio.ptr) a->bio = c->bio;
    set_flag(&a->locked, c->locked, false);
    set_flag(&a->bot, c->bot, false);
    set_flag(&a->discoverable, c->discoverable, false);
    set_flag(&a->hide_follows, c->hide_follows, false);
    if (c->has_fields) {
        keep_verified(c, a);
        a->fields = mn_social_fields_write(c->fields, c->n_fields, ar);
    }
    if (a->settings.ptr && a->fields.ptr) return MN_OK;
    return mn_fail(e, MN_E_NOMEM, "out of memory");
}

/* "indexable" is the consent to be searched: it goes where all consent goes. */
static mn_rc enter_indexable(mn_tx *tx, const change *c, const mn_account *a, mn_err *e)
{
    mn_consent v = c->indexable ? MN_CONSENT_ALLOW : MN_CONSENT_DENY;
    if (c->indexable < 0 || mn_consents_get(a->consent, MN_P_SEARCH) == v) return MN_OK;
    mn_ledger_line l = {.scope = MN_SCOPE_ACCOUNT,
                        .scope_id = a->id,
                        .purpose = MN_P_SEARCH,
                        .value = v,
                        .actor_id = a->id,
                        .reason = MN_STR("set as `indexable` in the profile"),
                        .at_ms = mn_now_ms()};
    return mn_store_consent_add(tx, &l, NULL, e);
}

static mn_rc do_change(mn_tx *tx, void *arg, mn_err *e)
{
    change *c = arg;
    mn_account a;
    MN_TRY(mn_store_account_tx(tx, c->me, c->r->arena, &a, e));
    MN_TRY(enter_indexable(tx, c, &a, e));
    MN_TRY(to_account(c, &a, e));
    if (c->said.report) MN_TRY(mn_moderation_flag(tx, c->me, 0, c->said.filter_id, e));
    if (c->has_fields) MN_TRY(mn_masto__verify_wanted(tx, c->me, c->fields, c->n_fields, e));
    return mn_store_account_update(tx, &a, e);
}

/* False: answered. */
static bool set_picture(mn_req *r, mn_resp *w, const char *name, mn_media_use use)
{
    mn_err e = {0};
    mn_upload u;
    if (!mn_param_file(r, name, &u) || u.bytes.len == 0) return true;
    mn_rc rc = mn_media_account_picture(r->app, mn_masto_me(r), use, u.bytes, &e);
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
    return rc == MN_OK;
}

/* There may be pages to ask. */
static bool wake(mn_req *r)
{
    mn_api_jobs_wake(r->app);
    return true;
}

/* False: answered. */
static bool change_profile(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    change c = {.r = r, .me = mn_masto_me(r)};
    mn_rc rc = read_change(&c, &e);
    if (rc == MN_OK) rc = ask_filters(&c, &e);
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
        return false;
    }
    return set_picture(r, w, "avatar", MN_MEDIA_AVATAR) &&
           set_picture(r, w, "header", MN_MEDIA_HEADER) &&
           mn_masto__transact(r, w, do_change, &c) && wake(r);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static void verify_credentials(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_view v = mn_masto_view(r);
    mn_json_writer j = mn_masto_json(w);
    mn_rc rc = mn_entity_credential_account(&v, v.me, &j, &e);
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
}

static void update_credentials(mn_req *r, mn_resp *w)
{
    if (change_profile(r, w)) verify_credentials(r, w);
}

static void put_picture(mn_json_writer *j, const char *key, bool has, mn_str url)
{
    mn_jw_kstr(j, key, has ? url : MN_STR_NONE);
}

static void get_profile(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_profile p;
    mn_view v = mn_masto_view(r);
    mn_rc rc = mn_masto__profile(&v, v.me, &p, &e);
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    mn_jw_object(&j);
    mn_jw_kid(&j, "id", p.a.id);
    mn_jw_kstr(&j, "display_name", p.a.display_name);
    mn_jw_kstr(&j, "note", p.a.bio);
    mn_jw_key(&j, "fields");
    mn_masto__fields_json(&v, &p, false, &j);
    put_picture(&j, "avatar", p.a.avatar_id != 0, p.avatar);
    put_picture(&j, "avatar_static", p.a.avatar_id != 0, p.avatar_static);
    mn_jw_kstr(&j, "avatar_description", p.prefs.avatar_alt);
    put_picture(&j, "header", p.a.header_id != 0, p.header);
    put_picture(&j, "header_static", p.a.header_id != 0, p.header_static);
    mn_jw_kstr(&j, "header_description", p.prefs.header_alt);
    mn_jw_kbool(&j, "locked", p.a.locked);
    mn_jw_kbool(&j, "bot", p.a.bot);
    mn_jw_kbool(&j, "hide_collections", p.a.hide_follows);
    mn_jw_kbool(&j, "discoverable", p.a.discoverable);
    mn_jw_kbool(&j, "indexable", mn_masto__indexable(&v, &p.a));
    mn_jw_kbool(&j, "show_media", !p.prefs.hide_media_tab);
    mn_jw_kbool(&j, "show_media_replies", !p.prefs.hide_media_replies);
    mn_jw_kbool(&j, "show_featured", !p.prefs.hide_featured);
    mn_masto__attribution_json(&p.prefs, &j);
    mn_jw_object_end(&j);
}

static void patch_profile(mn_req *r, mn_resp *w)
{
    if (change_profile(r, w)) get_profile(r, w);
}

static void drop_picture(mn_req *r, mn_resp *w, mn_media_use use)
{
    mn_err e = {0};
    mn_rc rc = mn_media_account_picture(r->app, mn_masto_me(r), use, PICTURE_NONE, &e);
    if (rc != MN_OK) mn_masto_failed(r, w, rc, &e);
    else verify_credentials(r, w);
}

static void drop_avatar(mn_req *r, mn_resp *w)
{
    drop_picture(r, w, MN_MEDIA_AVATAR);
}

static void drop_header(mn_req *r, mn_resp *w)
{
    drop_picture(r, w, MN_MEDIA_HEADER);
}

static void preferences(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_account a;
    mn_rc rc = mn_store_account_by_id(mn_api_store(r->app), mn_masto_me(r), r->arena, &a, &e);
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
        return;
    }
    mn_prefs p = mn_social_prefs_read(a.settings, r->arena);
    mn_json_writer j = mn_masto_json(w);
    mn_jw_object(&j);
    mn_jw_kstrz(&j, "posting:default:visibility", mn_masto__privacy_name(p.privacy));
    mn_jw_kbool(&j, "posting:default:sensitive", p.sensitive);
    mn_jw_kstr(&j, "posting:default:language", p.language.len ? p.language : MN_STR_NONE);
    mn_jw_kstrz(&j, "posting:default:quote_policy", mn_masto__quote_policy_name(p.quotes));
    mn_jw_kstrz(&j, "reading:expand:media",
                p.hide_media ? "hide_all" : (p.show_all_media ? "show_all" : "default"));
    mn_jw_kbool(&j, "reading:expand:spoilers", p.expand_warnings);
    mn_jw_kbool(&j, "reading:autoplay:gifs", false);
    mn_jw_object_end(&j);
}

const mn_route mn_masto__routes_account_profile[] = {
    {MN_GET, "/api/v1/accounts/verify_credentials", verify_credentials, 0, MN_RUN_HERE,
     "profile|read:accounts"},
    {MN_PATCH, "/api/v1/accounts/update_credentials", update_credentials, BODY, MN_RUN_MEDIA,
     "write:accounts"},
    {MN_GET, "/api/v1/profile", get_profile, 0, MN_RUN_HERE, "profile|read:accounts"},
    {MN_PATCH, "/api/v1/profile", patch_profile, BODY, MN_RUN_MEDIA, "write:accounts"},
    {MN_PUT, "/api/v1/profile", patch_profile, BODY, MN_RUN_MEDIA, "write:accounts"},
    {MN_DELETE, "/api/v1/profile/avatar", drop_avatar, 4096, MN_RUN_WORKER, "write:accounts"},
    {MN_DELETE, "/api/v1/profile/header", drop_header, 4096, MN_RUN_WORKER, "write:accounts"},
    {MN_GET, "/api/v1/preferences", preferences, 0, MN_RUN_HERE, "read:accounts"},
    {.path = NULL},
};

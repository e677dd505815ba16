/* What this instance is: /api/v1/instance and /api/v2/instance, and the smaller addresses beside them.
 *
 * Clients read the version first (Mastodon.py refuses what is not a number, others compare it), then api_versions, then the
 * limits. All limits come from where they are enforced. */
#include "api/mastodon/instance.h"

#include "api/pages/page.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/hash.h"
#include "media/media.h"
#include "social/compose.h"
#include "social/people.h"
#include "text/count.h"

static const char *conf(const mn_api *a, const char *key)
{
    return mn_conf_get(a->home->conf, key);
}

static bool conf_is(const mn_api *a, const char *key, const char *value)
{
    return strcmp(conf(a, key), value) == 0;
}

static uint64_t included(const mn_api *a, mn_plan_item item)
{
    return mn_limits_of(a->limits, MN_LEVEL_MEMBER, item);
}

/* An address of ours; NULL path: none. */
static void kurl(const mn_api *a, mn_json_writer *j, const char *key, const char *path)
{
    mn_buf b;
    mn_jw_key(j, key);
    if (!path) {
        mn_jw_null(j);
        return;
    }
    mn_buf_init(&b, 4096);
    mn_buf_addf(&b, "%s%s", a->base, path);
    mn_jw_str(j, mn_buf_str(&b));
    mn_buf_release(&b);
}

/* "https://…" → "wss://…" */
static void kstreaming(const mn_api *a, mn_json_writer *j, const char *key)
{
    mn_buf b;
    bool secure = mn_web_https(a);
    mn_buf_init(&b, 4096);
    mn_buf_addf(&b, "%s://%s", secure ? "wss" : "ws", a->base + (secure ? 8 : 7));
    mn_jw_kstr(j, key, mn_buf_str(&b));
    mn_buf_release(&b);
}

/* ---- parts of both versions -------------------------------------------------------------------------------------------- */

static void languages(const mn_api *a, mn_json_writer *j)
{
    mn_jw_key(j, "languages");
    mn_jw_array(j);
    for (mn_str rest = mn_str_from(conf(a, "languages")); rest.ptr;) {
        mn_str one = mn_str_trim(mn_str_split(rest, ',', &rest));
        if (one.len) mn_jw_str(j, one);
    }
    mn_jw_array_end(j);
}

static void media_limits(const mn_api *a, mn_json_writer *j, bool v2)
{
    mn_jw_key(j, "media_attachments");
    mn_jw_object(j);
    mn_jw_key(j, "supported_mime_types");
    mn_jw_array(j);
    for (const mn_media_type *t = mn_media_types(); t->mime; t++) mn_jw_strz(j, t->mime);
    mn_jw_array_end(j);
    if (v2) mn_jw_ku64(j, "description_limit", MN_INSTANCE_ALT_MAX);
    mn_jw_ku64(j, "image_size_limit", included(a, MN_PLAN_IMAGE_BYTES));
    mn_jw_ku64(j, "image_matrix_limit", MN_INSTANCE_PIXELS_MAX);
    mn_jw_ku64(j, "video_size_limit", included(a, MN_PLAN_VIDEO_BYTES));
    mn_jw_ku64(j, "video_frame_rate_limit", MN_INSTANCE_FRAMES_MAX);
    mn_jw_ku64(j, "video_matrix_limit", MN_INSTANCE_PIXELS_MAX);
    mn_jw_object_end(j);
}

static void post_limits(const mn_api *a, const mn_compose_limits *l, mn_json_writer *j)
{
    mn_jw_key(j, "statuses");
    mn_jw_object(j);
    mn_jw_ku64(j, "max_characters", included(a, MN_PLAN_CHARACTERS));
    mn_jw_ku64(j, "max_media_attachments", l->media);
    mn_jw_ku64(j, "characters_reserved_per_url", MN_TEXT_URL_CHARACTERS);
    mn_jw_object_end(j);
    mn_jw_key(j, "polls");
    mn_jw_object(j);
    mn_jw_ku64(j, "max_options", l->poll_options);
    mn_jw_ku64(j, "max_characters_per_option", l->poll_option_characters);
    mn_jw_ki64(j, "min_expiration", l->poll_min_s);
    mn_jw_ki64(j, "max_expiration", l->poll_max_s);
    mn_jw_object_end(j);
}

static void account_limits(const mn_compose_limits *l, mn_json_writer *j, bool v2)
{
    mn_jw_key(j, "accounts");
    mn_jw_object(j);
    mn_jw_ku64(j, "max_featured_tags", MN_INSTANCE_FEATURED_TAGS);
    mn_jw_ku64(j, "max_pinned_statuses", l->pins);
    if (v2) {
        mn_jw_ku64(j, "max_display_name_length", MN_DISPLAY_MAX);
        mn_jw_ku64(j, "max_note_length", MN_BIO_MAX);
        mn_jw_ku64(j, "max_profile_fields", MN_FIELDS_MAX);
        mn_jw_ku64(j, "profile_field_name_limit", MN_FIELD_MAX);
        mn_jw_ku64(j, "profile_field_value_limit", MN_FIELD_MAX);
    }
    mn_jw_object_end(j);
}

void mn_entity_rules(const mn_rule *rules, size_t n, mn_json_writer *j)
{
    mn_jw_array(j);
    for (size_t i = 0; i < n; i++) {
        mn_jw_object(j);
        mn_jw_kid(j, "id", rules[i].id);
        mn_jw_kstr(j, "text", rules[i].text);
        mn_jw_kstr(j, "hint", rules[i].hint);
        mn_jw_key(j, "translations");
        mn_jw_object(j);
        mn_jw_object_end(j);
        mn_jw_object_end(j);
    }
    mn_jw_array_end(j);
}

/* Whom the last search found, if that is still so: a search reads all accounts before the first operator. */
static mn_rc contact_found(mn_api *a, mn_arena *ar, uint64_t *ret, mn_err *e)
{
    mn_account c;
    uint64_t id = atomic_load(&a->contact);
    *ret = 0;
    if (!id) return MN_OK;
    mn_rc rc = mn_store_account_by_id(a->home->store, id, ar, &c, e);
    if (rc == MN_OK && c.state == MN_ACCOUNT_ACTIVE && c.role == MN_ROLE_OPERATOR) *ret = id;
    return rc == MN_E_NOT_FOUND ? MN_OK : rc;
}

mn_rc mn_instance_contact(mn_api *a, mn_arena *ar, uint64_t *ret, mn_err *e)
{
    mn_account c;
    mn_moderated *staff;
    size_t n = 0;
    mn_str name = mn_str_from(conf(a, "contact_account"));
    *ret = 0;
    if (name.len) {
        mn_rc rc = mn_instance_account(a, name, ar, &c, e);
        if (rc == MN_OK && c.state == MN_ACCOUNT_ACTIVE) *ret = c.id;
        return rc == MN_E_NOT_FOUND ? MN_OK : rc;
    }
    MN_TRY(contact_found(a, ar, ret, e));
    if (*ret) return MN_OK;
    mn_mod_filter f = {.status = MN_MOD_ACTIVE, .local = true, .role = MN_ROLE_OPERATOR};
    mn_page_ids p = {.min_id = 1, .limit = 1};
    MN_TRY(mn_store_moderated_list(a->home->store, &f, &p, ar, &staff, &n, e));
    if (n) *ret = staff[0].id;
    atomic_store(&a->contact, *ret);
    return MN_OK;
}

static mn_rc contact_account(const mn_view *v, mn_json_writer *j, mn_err *e)
{
    uint64_t id = 0;
    MN_TRY(mn_instance_contact(v->api, v->arena, &id, e));
    if (id) return mn_entity_account(v, id, j, e);
    mn_jw_null(j);
    return MN_OK;
}

/* What both versions read before they write. */
typedef struct facts {
    mn_view view;
    mn_compose_limits limits;
    mn_instance_numbers numbers;
    mn_rule *rules;
    size_t n_rules;
    bool open, approval, invites;
} facts;

static mn_rc read_facts(mn_req *r, facts *f, mn_err *e)
{
    mn_api *a = r->app;
    *f = (facts){.view = mn_masto_view(r),
                 .open = conf_is(a, "registrations", "open"),
                 .approval = conf_is(a, "registrations", "approval"),
                 .invites = !conf_is(a, "registrations", "closed")};
    f->limits = a->compose->limits;
    MN_TRY(mn_instance_numbers_get(a, r->arena, &f->numbers, e));
    return mn_store_rules(a->home->store, r->arena, &f->rules, &f->n_rules, e);
}

static void kthumbnail(const mn_api *a, mn_json_writer *j, const char *key)
{
    const char *url = conf(a, "thumbnail");
    if (*url) mn_jw_kstrz(j, key, url);
    else kurl(a, j, key, mn_asset_url("icon.svg").ptr);
}

/* ---- version 1 ----------------------------------------------------------------------------------------------------------- */

static void v1_stats(const facts *f, mn_json_writer *j)
{
    const mn_api *a = f->view.api;
    mn_jw_key(j, "urls");
    mn_jw_object(j);
    kstreaming(a, j, "streaming_api");
    mn_jw_object_end(j);
    mn_jw_key(j, "stats");
    mn_jw_object(j);
    mn_jw_ku64(j, "user_count", f->numbers.accounts);
    mn_jw_ku64(j, "status_count", f->numbers.posts);
    mn_jw_ku64(j, "domain_count", f->numbers.domains);
    mn_jw_object_end(j);
}

static mn_rc v1_write(const facts *f, mn_json_writer *j, mn_err *e)
{
    const mn_api *a = f->view.api;
    mn_jw_object(j);
    mn_jw_kstrz(j, "uri", a->domain);
    mn_jw_kstrz(j, "title", conf(a, "title"));
    mn_jw_kstrz(j, "short_description", conf(a, "description"));
    mn_jw_kstrz(j, "description", conf(a, "description"));
    mn_jw_kstrz(j, "email", conf(a, "contact_email"));
    mn_jw_kstrz(j, "version", mn_instance_version());
    v1_stats(f, j);
    kthumbnail(a, j, "thumbnail");
    languages(a, j);
    mn_jw_kbool(j, "registrations", f->open || f->approval);
    mn_jw_kbool(j, "approval_required", f->approval);
    mn_jw_kbool(j, "invites_enabled", f->invites);
    mn_jw_key(j, "configuration");
    mn_jw_object(j);
    account_limits(&f->limits, j, false);
    post_limits(a, &f->limits, j);
    media_limits(a, j, false);
    mn_jw_object_end(j);
    mn_jw_key(j, "contact_account");
    MN_TRY(contact_account(&f->view, j, e));
    mn_jw_key(j, "rules");
    mn_entity_rules(f->rules, f->n_rules, j);
    mn_jw_object_end(j);
    return MN_OK;
}

/* ---- version 2 ----------------------------------------------------------------------------------------------------------- */

static void v2_urls(const mn_api *a, mn_json_writer *j)
{
    mn_jw_key(j, "urls");
    mn_jw_object(j);
    kstreaming(a, j, "streaming");
    mn_jw_key(j, "status");
    if (*conf(a, "status_url")) mn_jw_strz(j, conf(a, "status_url"));
    else mn_jw_null(j);
    kurl(a, j, "about", "/about");
    kurl(a, j, "privacy_policy", mn_instance_has_text(a, "privacy") ? "/about/privacy" : NULL);
    kurl(a, j, "terms_of_service", mn_instance_has_text(a, "terms") ? "/about/terms" : NULL);
    mn_jw_object_end(j);
    mn_jw_key(j, "vapid");
    mn_jw_object(j);
    mn_jw_kstrz(j, "public_key", mn_api__vapid_public(a));
    mn_jw_object_end(j);
}

static void timelines_access(const mn_api *a, mn_json_writer *j)
{
    static const char *const feeds[] = {"live_feeds", "hashtag_feeds", "trending_link_feeds"};
    const char *access = mn_limits_members_only(a->limits) ? "authenticated" : "public";
    mn_jw_key(j, "timelines_access");
    mn_jw_object(j);
    for (size_t i = 0; i < sizeof feeds / sizeof *feeds; i++) {
        mn_jw_key(j, feeds[i]);
        mn_jw_object(j);
        mn_jw_kstrz(j, "local", access);
        mn_jw_kstrz(j, "remote", access);
        mn_jw_object_end(j);
    }
    mn_jw_object_end(j);
    mn_jw_kbool(j, "limited_federation", false);
}

static void v2_configuration(const facts *f, mn_json_writer *j)
{
    const mn_api *a = f->view.api;
    mn_jw_key(j, "configuration");
    mn_jw_object(j);
    v2_urls(a, j);
    account_limits(&f->limits, j, true);
    post_limits(a, &f->limits, j);
    media_limits(a, j, true);
    mn_jw_key(j, "translation");
    mn_jw_object(j);
    mn_jw_kbool(j, "enabled", false);
    mn_jw_object_end(j);
    timelines_access(a, j);
    mn_jw_object_end(j);
}

static void v2_registrations(const facts *f, mn_json_writer *j)
{
    mn_jw_key(j, "registrations");
    mn_jw_object(j);
    mn_jw_kbool(j, "enabled", f->open || f->approval);
    mn_jw_kbool(j, "approval_required", f->approval);
    mn_jw_kbool(j, "reason_required", f->approval);
    mn_jw_key(j, "message");
    mn_jw_null(j);
    mn_jw_key(j, "min_age");
    mn_jw_null(j);
    kurl(f->view.api, j, "url", f->open || f->approval ? "/auth/sign_up" : NULL);
    mn_jw_object_end(j);
}

static void v2_pictures(const mn_api *a, mn_json_writer *j)
{
    mn_jw_key(j, "thumbnail");
    mn_jw_object(j);
    kthumbnail(a, j, "url");
    mn_jw_object_end(j);
    mn_jw_key(j, "icon");
    mn_jw_array(j);
    mn_jw_object(j);
    kurl(a, j, "src", mn_asset_url("icon.svg").ptr);
    mn_jw_kstrz(j, "size", "any");
    mn_jw_object_end(j);
    mn_jw_array_end(j);
}

static mn_rc v2_write(const facts *f, mn_json_writer *j, mn_err *e)
{
    const mn_api *a = f->view.api;
    mn_jw_object(j);
    mn_jw_kstrz(j, "domain", a->domain);
    mn_jw_kstrz(j, "title", conf(a, "title"));
    mn_jw_kstrz(j, "version", mn_instance_version());
    kurl(a, j, "source_url", "/about");
    mn_jw_kstrz(j, "description", conf(a, "description"));
    mn_jw_key(j, "usage");
    mn_jw_object(j);
    mn_jw_key(j, "users");
    mn_jw_object(j);
    mn_jw_ku64(j, "active_month", f->numbers.active_month);
    mn_jw_object_end(j);
    mn_jw_object_end(j);
    v2_pictures(a, j);
    languages(a, j);
    v2_configuration(f, j);
    v2_registrations(f, j);
    mn_jw_key(j, "api_versions");
    mn_jw_object(j);
    mn_jw_ku64(j, "mastodon", MN_MASTODON_API_VERSION);
    mn_jw_object_end(j);
    mn_jw_key(j, "contact");
    mn_jw_object(j);
    mn_jw_kstrz(j, "email", conf(a, "contact_email"));
    mn_jw_key(j, "account");
    MN_TRY(contact_account(&f->view, j, e));
    mn_jw_object_end(j);
    mn_jw_key(j, "rules");
    mn_entity_rules(f->rules, f->n_rules, j);
    mn_jw_object_end(j);
    return MN_OK;
}

static void instance(mn_req *r, mn_resp *w,
                     mn_rc (*write)(const facts *f, mn_json_writer *j, mn_err *e))
{
    mn_err e = {0};
    facts f;
    mn_rc rc = read_facts(r, &f, &e);
    if (rc == MN_OK) {
        mn_json_writer j = mn_masto_json(w);
        mn_resp_header(w, "Cache-Control", MN_STR("public, max-age=60"));
        rc = write(&f, &j, &e);
    }
    if (rc != MN_OK) mn_masto_fail(r, w, &e);
    else mn_resp_etag(w);
}

static void instance_v1(mn_req *r, mn_resp *w)
{
    instance(r, w, v1_write);
}

static void instance_v2(mn_req *r, mn_resp *w)
{
    instance(r, w, v2_write);
}

/* ---- smaller ones ---------------------------------------------------------------------------------------------------------- */

static void instance_rules(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_rule *rules;
    size_t n = 0;
    if (mn_store_rules(a->home->store, r->arena, &rules, &n, &e) != MN_OK) {
        mn_masto_fail(r, w, &e);
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    mn_entity_rules(rules, n, &j);
}

static void instance_peers(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_str *peers;
    size_t n = 0;
    if (mn_store_peers(a->home->store, 5000, r->arena, &peers, &n, &e) != MN_OK) {
        mn_masto_fail(r, w, &e);
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; i < n; i++) mn_jw_str(&j, peers[i]);
    mn_jw_array_end(&j);
}

#define WEEK_MS (INT64_C(7) * 86400000)
#define WEEKS   12

static mn_rc activity_week(mn_store *s, int64_t from_ms, mn_json_writer *j, mn_err *e)
{
    static const struct {
        const char *name;
        mn_measure measure;
    } rows[] = {{"statuses", MN_MEASURE_POSTS},
                {"logins", MN_MEASURE_ACTIVE_USERS},
                {"registrations", MN_MEASURE_NEW_USERS}};
    mn_jw_object(j);
    mn_jw_kid(j, "week", (uint64_t)(from_ms / 1000));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t n = 0;
        MN_TRY(mn_store_measure(s, rows[i].measure, 0, from_ms, from_ms + WEEK_MS, &n, e));
        mn_jw_kid(j, rows[i].name, n);
    }
    mn_jw_object_end(j);
    return MN_OK;
}

/* Weeks begin on Monday; 1970 began on a Thursday. `logins` are members who were seen last in that week. */
static void instance_activity(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_rc rc = MN_OK;
    int64_t monday = INT64_C(4) * 86400000;
    int64_t week = (mn_now_ms() - monday) / WEEK_MS * WEEK_MS + monday;
    mn_json_writer j = mn_masto_json(w);
    mn_resp_header(w, "Cache-Control", MN_STR("public, max-age=3600"));
    mn_jw_array(&j);
    for (int i = 0; rc == MN_OK && i < WEEKS; i++)
        rc = activity_week(a->home->store, week - i * WEEK_MS, &j, &e);
    mn_jw_array_end(&j);
    if (rc != MN_OK) mn_masto_fail(r, w, &e);
}

/* "evil.example" → "e**l.***mple": every second stretch of letters is hidden, as far as one still recognises it. */
static void obfuscated(mn_str domain, mn_buf *b)
{
    size_t third = domain.len / 3;
    for (size_t i = 0; i < domain.len; i++) {
        bool hide = i >= third && i < domain.len - third && domain.ptr[i] != '.';
        mn_buf_addc(b, hide ? '*' : domain.ptr[i]);
    }
}

static void public_block(const mn_domain_block *d, mn_json_writer *j)
{
    mn_buf b;
    uint8_t hash[32];
    char hex[65];
    mn_buf_init(&b, 1024);
    if (d->obfuscate) obfuscated(d->domain, &b);
    else mn_buf_adds(&b, d->domain);
    mn_sha256_of(d->domain.ptr, d->domain.len, hash);
    mn_jw_object(j);
    mn_jw_kstr(j, "domain", mn_buf_str(&b));
    mn_jw_kstrz(j, "digest", mn_hex(hash, 32, hex));
    mn_jw_kstrz(j, "severity", d->severity == MN_BLOCK_SUSPEND ? "suspend" : "silence");
    mn_jw_kstr(j, "comment", d->public_comment);
    mn_jw_object_end(j);
    mn_buf_release(&b);
}

static void instance_domain_blocks(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_domain_block *blocks;
    size_t n = 0;
    mn_page_ids all = {.limit = 1000};
    bool everybody = conf_is(a, "show_domain_blocks", "everybody");
    if (!everybody && !(conf_is(a, "show_domain_blocks", "members") && mn_masto_me(r))) {
        mn_masto_error(r, w, 404, MN_MASTO_NOT_FOUND);
        return;
    }
    if (mn_store_domain_blocks(a->home->store, &all, r->arena, &blocks, &n, &e) != MN_OK) {
        mn_masto_fail(r, w, &e);
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; i < n; i++)
        if (blocks[i].severity != MN_BLOCK_NOOP) public_block(&blocks[i], &j);
    mn_jw_array_end(&j);
}

/* ---- texts ------------------------------------------------------------------------------------------------------------------- */

/* {"content", "updated_at"} of pages/NAME.txt. Without one: 404, or where `empty`, "" and null. */
static void send_text(mn_req *r, mn_resp *w, const char *name, bool empty)
{
    mn_err e = {0};
    mn_buf b;
    int64_t at_ms = 0;
    mn_buf_init(&b, 0);
    mn_rc rc = mn_instance_text(r->app, name, r->arena, &b, &at_ms, &e);
    bool none = empty && rc == MN_E_NOT_FOUND;
    if (rc == MN_OK || none) {
        mn_json_writer j = mn_masto_json(w);
        mn_jw_object(&j);
        mn_jw_key(&j, "updated_at");
        if (none) mn_jw_null(&j);
        else mn_jw_time(&j, at_ms);
        mn_jw_kstr(&j, "content", mn_buf_str(&b));
        mn_jw_object_end(&j);
    } else {
        mn_masto_failed(r, w, rc, &e);
    }
    mn_buf_release(&b);
}

static void extended_description(mn_req *r, mn_resp *w)
{
    send_text(r, w, "about", true);
}

static void privacy_policy(mn_req *r, mn_resp *w)
{
    send_text(r, w, "privacy", false);
}

static void terms_of_service(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_buf b;
    int64_t at_ms = 0;
    char day[MN_TIME_MAX];
    mn_buf_init(&b, 0);
    mn_rc rc = mn_instance_text(r->app, "terms", r->arena, &b, &at_ms, &e);
    mn_str date = mn_str_sub(mn_str_from(mn_time_format(at_ms, day)), 0, 10);
    mn_str asked = mn_req_param(r, "date");
    if (rc == MN_OK && asked.len && !mn_str_eq(asked, date)) rc = MN_E_NOT_FOUND;
    if (rc == MN_OK) {
        mn_json_writer j = mn_masto_json(w);
        mn_jw_object(&j);
        mn_jw_kstr(&j, "effective_date", date);
        mn_jw_kbool(&j, "effective", true);
        mn_jw_kstr(&j, "content", mn_buf_str(&b));
        mn_jw_key(&j, "succeeded_by");
        mn_jw_null(&j);
        mn_jw_object_end(&j);
    } else {
        mn_masto_failed(r, w, rc, &e);
    }
    mn_buf_release(&b);
}

/* The same texts as pages. */
static void text_page(mn_req *r, mn_resp *w, const char *name, const char *title)
{
    mn_err e = {0};
    mn_buf text;
    int64_t at_ms = 0;
    mn_buf_init(&text, 0);
    mn_rc rc = mn_instance_text(r->app, name, r->arena, &text, &at_ms, &e);
    if (rc == MN_E_NOT_FOUND) mn_resp_error(r, w, 404, "the operator has not written this yet");
    else if (rc != MN_OK) mn_page_failed(r, w, &e);
    else {
        mn_buf *b = mn_page_open(r, w, title, MN_TAB_ABOUT);
        H(b, "<section class=\"card\"><h1>");
        mn_h_textz(b, title);
        H(b, "</h1>");
        mn_buf_adds(b, mn_buf_str(&text));
        H(b, "</section>");
        mn_page_close(r, w);
    }
    mn_buf_release(&text);
}

static void privacy_page(mn_req *r, mn_resp *w)
{
    text_page(r, w, "privacy", "Privacy");
}

static void terms_page(mn_req *r, mn_resp *w)
{
    text_page(r, w, "terms", "Terms of service");
}

/* No translations are offered: no language into any other. */
static void translation_languages(mn_req *r, mn_resp *w)
{
    (void)r;
    mn_masto_empty(w);
}

const mn_route mn_masto__routes_instance[] = {
    {MN_GET, "/api/v1/instance", instance_v1, 0, MN_RUN_HERE, "-"},
    {MN_GET, "/api/v2/instance", instance_v2, 0, MN_RUN_HERE, "-"},
    {MN_GET, "/api/v1/instance/rules", instance_rules, 0, MN_RUN_HERE, "-"},
    {MN_GET, "/api/v1/instance/peers", instance_peers, 0, MN_RUN_HERE, "-"},
    {MN_GET, "/api/v1/instance/activity", instance_activity, 0, MN_RUN_WORKER, "-"},
    {MN_GET, "/api/v1/instance/domain_blocks", instance_domain_blocks, 0, MN_RUN_HERE, ""},
    {MN_GET, "/api/v1/instance/extended_description", extended_description, 0, MN_RUN_HERE,
     "-"},
    {MN_GET, "/api/v1/instance/privacy_policy", privacy_policy, 0, MN_RUN_HERE, "-"},
    {MN_GET, "/api/v1/instance/terms_of_service", terms_of_service, 0, MN_RUN_HERE, "-"},
    {MN_GET, "/api/v1/instance/terms_of_service/:date", terms_of_service, 0, MN_RUN_HERE, "-"},
    {MN_GET, "/api/v1/instance/translation_languages", translation_languages, 0, MN_RUN_HERE,
     "-"},
    {MN_GET, "/about/privacy", privacy_page, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/about/terms", terms_page, 0, MN_RUN_HERE, NULL},
    {.path = NULL},
};

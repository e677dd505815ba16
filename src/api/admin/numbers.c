/* POST /api/v1/admin/measures, dimensions and retention, counted from what the store holds. Keys that cannot be counted here are
 * left out of the answer, as Mastodon leaves out keys it does not know; docs/mastodon-api.md names them. */
#include "api/admin/admin.h"

#include "base/clock.h"
#include "base/conf.h"
#include "base/version.h"

#define DAY_MS      INT64_C(86400000)
#define DAYS_MAX    366
#define COHORTS_MAX 62

/* Whole days, UTC: from the first's midnight to the midnight after the last. False: 422 was answered. */
static bool days_of(mn_req *r, mn_resp *w, int64_t most, int64_t *ret_from, int64_t *ret_days)
{
    int64_t t[2];
    static const char *const names[] = {"start_at", "end_at"};
    for (int i = 0; i < 2; i++) {
        mn_str s = mn_param(r, names[i]);
        if (s.len == 10) s = mn_str_fmt(r->arena, "%.*sT00:00:00Z", MN_STR_FMT(s));
        if (mn_time_parse(s, &t[i]) != MN_OK) {
            mn_masto_error(r, w, 422, "Validation failed: start_at and end_at should be days");
            return false;
        }
        t[i] /= DAY_MS;
    }
    if (t[1] < t[0] || t[1] - t[0] >= most) {
        mn_masto_error(r, w, 422, "Validation failed: the time is too long or ends too early");
        return false;
    }
    *ret_from = t[0] * DAY_MS;
    *ret_days = t[1] - t[0] + 1;
    return true;
}

/* tag_uses[id]=… */
static uint64_t id_of(const mn_req *r, const char *key)
{
    uint64_t id = 0;
    mn_str name = mn_str_fmt(r->arena, "%s[id]", key);
    if (name.ptr) mn_str_to_u64(mn_param(r, name.ptr), &id);
    return id;
}

/* ---- measures ------------------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *key;
    mn_measure measure;
    bool tagged;
} measures[] = {
    {"active_users", MN_MEASURE_ACTIVE_USERS, false},
    {"new_users", MN_MEASURE_NEW_USERS, false},
    {"interactions", MN_MEASURE_INTERACTIONS, false},
    {"opened_reports", MN_MEASURE_REPORTS_OPENED, false},
    {"resolved_reports", MN_MEASURE_REPORTS_RESOLVED, false},
    {"tag_uses", MN_MEASURE_TAG_USES, true},
    {"tag_accounts", MN_MEASURE_TAG_ACCOUNTS, true},
};

static mn_rc measure_write(mn_req *r, size_t i, int64_t from, int64_t days, mn_json_writer *j,
                           mn_err *e)
{
    mn_store *s = ((mn_api *)r->app)->home->store;
    uint64_t total = 0, before = 0, n = 0,
             id = measures[i].tagged ? id_of(r, measures[i].key) : 0;
    int64_t to = from + days * DAY_MS;
    MN_TRY(mn_store_measure(s, measures[i].measure, id, from, to, &total, e));
    MN_TRY(
        mn_store_measure(s, measures[i].measure, id, from - days * DAY_MS, from, &before, e));
    mn_jw_object(j);
    mn_jw_kstrz(j, "key", measures[i].key);
    mn_jw_key(j, "unit");
    mn_jw_null(j);
    mn_jw_kid(j, "total", total);
    mn_jw_kid(j, "previous_total", before);
    mn_jw_key(j, "data");
    mn_jw_array(j);
    for (int64_t d = 0; d < days; d++) {
        int64_t at = from + d * DAY_MS;
        MN_TRY(mn_store_measure(s, measures[i].measure, id, at, at + DAY_MS, &n, e));
        mn_jw_object(j);
        mn_jw_key(j, "date");
        mn_jw_time(j, at);
        mn_jw_kid(j, "value", n);
        mn_jw_object_end(j);
    }
    mn_jw_array_end(j);
    mn_jw_object_end(j);
    return MN_OK;
}

static void post_measures(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_rc rc = MN_OK;
    mn_actor by;
    mn_str *keys;
    int64_t from, days;
    if (!mn_admin_actor(r, w, &by) || !days_of(r, w, DAYS_MAX, &from, &days)) return;
    size_t n = mn_param_list(r, "keys", &keys);
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t k = 0; rc == MN_OK && k < n && k < 16; k++)
        for (size_t i = 0; rc == MN_OK && i < sizeof measures / sizeof *measures; i++)
            if (mn_str_eqz(keys[k], measures[i].key))
                rc = measure_write(r, i, from, days, &j, &e);
    mn_jw_array_end(&j);
    mn_admin_failed(r, w, rc, &e);
}

/* ---- dimensions ------------------------------------------------------------------------------------------------------------------ */

static void share(mn_json_writer *j, mn_str key, mn_str human, mn_str value)
{
    mn_jw_object(j);
    mn_jw_kstr(j, "key", key);
    mn_jw_kstr(j, "human_key", human);
    mn_jw_kstr(j, "value", value);
    mn_jw_object_end(j);
}

static mn_rc languages(mn_req *r, mn_dimension d, uint64_t id, int64_t from, int64_t to,
                       size_t limit, mn_json_writer *j, mn_err *e)
{
    mn_store *s = ((mn_api *)r->app)->home->store;
    mn_share *rows;
    size_t n = 0;
    MN_TRY(mn_store_dimension(s, d, id, from, to, limit, r->arena, &rows, &n, e));
    for (size_t i = 0; i < n; i++) {
        mn_str key = rows[i].key.len ? rows[i].key : MN_STR("und");
        share(j, key, key, mn_str_fmt(r->arena, "%llu", (unsigned long long)rows[i].n));
    }
    return MN_OK;
}

static void software(mn_req *r, mn_json_writer *j)
{
    const mn_api *a = r->app;
    bool pg = strstr(mn_conf_get(a->home->conf, "database"), "postgres") != NULL;
    share(j, MN_STR("mynah"), MN_STR("Mynah"), MN_STR(MN_VERSION));
    share(j, MN_STR("schema"), pg ? MN_STR("PostgreSQL, schema") : MN_STR("SQLite, schema"),
          mn_str_fmt(r->arena, "%d", mn_store_schema_version(a->home->store)));
}

static mn_rc dimension_write(mn_req *r, mn_str key, int64_t from, int64_t to, size_t limit,
                             mn_json_writer *j, mn_err *e)
{
    bool all = mn_str_eqz(key, "languages"), tag = mn_str_eqz(key, "tag_languages");
    bool versions = mn_str_eqz(key, "software_versions");
    mn_rc rc = MN_OK;
    if (!all && !tag && !versions) return MN_OK;
    mn_jw_object(j);
    mn_jw_kstr(j, "key", key);
    mn_jw_key(j, "data");
    mn_jw_array(j);
    if (versions) software(r, j);
    else
        rc = languages(r, tag ? MN_DIMENSION_TAG_LANGUAGES : MN_DIMENSION_LANGUAGES,
                       tag ? id_of(r, "tag_languages") : 0, from, to, limit, j, e);
    mn_jw_array_end(j);
    mn_jw_object_end(j);
    return rc;
}

static void post_dimensions(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_rc rc = MN_OK;
    mn_actor by;
    mn_str *keys;
    int64_t from, days, limit;
    if (!mn_admin_actor(r, w, &by) || !days_of(r, w, DAYS_MAX, &from, &days)) return;
    if (!mn_param_i64(r, w, "limit", 1, 100, 10, &limit)) return;
    size_t n = mn_param_list(r, "keys", &keys);
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t k = 0; rc == MN_OK && k < n && k < 16; k++)
        rc = dimension_write(r, keys[k], from, from + days * DAY_MS, (size_t)limit, &j, &e);
    mn_jw_array_end(&j);
    mn_admin_failed(r, w, rc, &e);
}

/* ---- retention -------------------------------------------------------------------------------------------------------------------- */

/* The first days of the periods from `from` on, and one more: the end of the last. */
static size_t periods(int64_t from_day, int64_t days, bool months, int64_t ret[COHORTS_MAX + 1])
{
    size_t n = 0;
    int64_t end = from_day + days;
    for (int64_t d = from_day; d < end && n < COHORTS_MAX; n++) {
        int y, m, day, h, min, s;
        int64_t ms;
        ret[n] = d;
        if (!months) {
            d++;
            continue;
        }
        mn_time_to_civil(d * DAY_MS, &y, &m, &day, &h, &min, &s);
        if (mn_time_from_civil(m == 12 ? y + 1 : y, m == 12 ? 1 : m + 1, 1, 0, 0, 0, &ms) !=
            MN_OK)
            break;
        d = ms / DAY_MS;
    }
    ret[n] = end;
    return n;
}

/* Of those made in [made, made_end): how many were seen on `seen` or later. */
static uint64_t stayed(const mn_stayed *rows, size_t n, int64_t made, int64_t made_end,
                       int64_t seen)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        if (rows[i].made_day >= made && rows[i].made_day < made_end && rows[i].seen_day >= seen)
            sum += rows[i].n;
    return sum;
}

static void cohort_write(const mn_stayed *rows, size_t n_rows, const int64_t *p, size_t n,
                         size_t i, bool months, mn_json_writer *j)
{
    uint64_t whole = stayed(rows, n_rows, p[i], p[i + 1], INT64_MIN);
    mn_jw_object(j);
    mn_jw_key(j, "period");
    mn_jw_time(j, p[i] * DAY_MS);
    mn_jw_kstrz(j, "frequency", months ? "month" : "day");
    mn_jw_key(j, "data");
    mn_jw_array(j);
    for (size_t k = i; k < n; k++) {
        /* Whoever joined in a period was there in it, seen or not. */
        uint64_t some = k == i ? whole : stayed(rows, n_rows, p[i], p[i + 1], p[k]);
        mn_jw_object(j);
        mn_jw_key(j, "date");
        mn_jw_time(j, p[k] * DAY_MS);
        mn_jw_kf64(j, "rate", whole ? (double)some / (double)whole : 0);
        mn_jw_kid(j, "value", some);
        mn_jw_object_end(j);
    }
    mn_jw_array_end(j);
    mn_jw_object_end(j);
}

static void post_retention(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_actor by;
    mn_stayed *rows;
    size_t n_rows = 0;
    int64_t from, days, p[COHORTS_MAX + 1];
    bool months = mn_str_eqz(mn_param(r, "frequency"), "month");
    if (!mn_admin_actor(r, w, &by)) return;
    if (!days_of(r, w, months ? COHORTS_MAX * 31 : COHORTS_MAX, &from, &days)) return;
    mn_rc rc = mn_store_stayed(a->home->store, from, from + days * DAY_MS, r->arena, &rows,
                               &n_rows, &e);
    if (mn_admin_failed(r, w, rc, &e)) return;
    size_t n = periods(from / DAY_MS, days, months, p);
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; i < n; i++) cohort_write(rows, n_rows, p, n, i, months, &j);
    mn_jw_array_end(&j);
}

const mn_route mn_masto__routes_admin_numbers[] = {
    {MN_POST, "/api/v1/admin/measures", post_measures, MN_ADMIN_BODY_MAX, MN_RUN_WORKER,
     "admin:read"},
    {MN_POST, "/api/v1/admin/dimensions", post_dimensions, MN_ADMIN_BODY_MAX, MN_RUN_WORKER,
     "admin:read"},
    {MN_POST, "/api/v1/admin/retention", post_retention, MN_ADMIN_BODY_MAX, MN_RUN_WORKER,
     "admin:read"},
    {.path = NULL},
};

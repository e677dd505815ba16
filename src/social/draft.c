/* A draft as JSON: how scheduled posts and drafts are kept. Ids are strings, as everywhere; what says nothing is left out. */
#include "base/json.h"
#include "social/compose.h"
#include "store/polls.h"

static const char *const visibilities[] = {"public", "unlisted", "private", "direct"};
static const char *const policies[] = {"public", "followers", "nobody"};

static void write_id(mn_json_writer *j, const char *key, uint64_t id)
{
    if (id) mn_jw_kid(j, key, id);
}

static void write_text(mn_json_writer *j, const char *key, mn_str s)
{
    if (s.len) mn_jw_kstr(j, key, s);
}

static void write_poll(const mn_draft *d, mn_json_writer *j)
{
    mn_jw_key(j, "poll");
    mn_jw_object(j);
    mn_jw_key(j, "options");
    mn_jw_array(j);
    for (size_t i = 0; i < d->n_poll; i++) mn_jw_str(j, d->poll[i]);
    mn_jw_array_end(j);
    mn_jw_ki64(j, "expires_in", d->poll_expires_s);
    mn_jw_kbool(j, "multiple", d->poll_multiple);
    mn_jw_kbool(j, "hide_totals", d->poll_hide_totals);
    mn_jw_object_end(j);
}

static void write_lists(const mn_draft *d, mn_json_writer *j)
{
    if (d->n_media) {
        mn_jw_key(j, "media_ids");
        mn_jw_array(j);
        for (size_t i = 0; i < d->n_media; i++) mn_jw_id(j, d->media[i]);
        mn_jw_array_end(j);
    }
    if (d->n_poll) write_poll(d, j);
    if (d->consent) mn_jw_ku64(j, "consent", d->consent);
}

mn_rc mn_draft_write(const mn_draft *d, mn_buf *ret, mn_err *e)
{
    mn_json_writer j;
    mn_json_writer_init(&j, ret, 0);
    mn_jw_object(&j);
    mn_jw_kid(&j, "account_id", d->account_id);
    write_id(&j, "application_id", d->app_id);
    write_text(&j, "text", d->text);
    write_text(&j, "spoiler_text", d->warning);
    write_text(&j, "language", d->lang);
    write_text(&j, "idempotency", d->idempotency_key);
    write_id(&j, "in_reply_to_id", d->reply_to);
    write_id(&j, "quoted_status_id", d->quote_of);
    if (d->visibility >= 0) mn_jw_kstrz(&j, "visibility", visibilities[d->visibility]);
    if (d->sensitive >= 0) mn_jw_kbool(&j, "sensitive", d->sensitive);
    if (d->quote_policy >= 0)
        mn_jw_kstrz(&j, "quote_approval_policy", policies[d->quote_policy]);
    if (d->scheduled_ms) mn_jw_ki64(&j, "scheduled_ms", d->scheduled_ms);
    write_lists(d, &j);
    mn_jw_object_end(&j);
    if (ret->failed == MN_OK) return MN_OK;
    return mn_fail(e, ret->failed, "a draft of this size can't be kept");
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

/* The place of v in a list of names; -1 when it is none of them. */
static int name_of(const mn_json *v, const char *const *names, int n)
{
    mn_str s = mn_json_str(v);
    for (int i = 0; i < n; i++)
        if (mn_str_eqz(s, names[i])) return i;
    return -1;
}

static mn_str text_of(const mn_json *o, const char *key)
{
    mn_str s = mn_json_str(mn_json_get(o, key));
    return s.ptr ? s : MN_STR("");
}

static size_t size_of(const mn_json *a)
{
    return a && a->type == MN_JSON_ARRAY ? a->n : 0;
}

static mn_rc read_media(const mn_json *a, mn_arena *ar, mn_draft *d, mn_err *e)
{
    size_t n = size_of(a);
    if (n == 0) return MN_OK;
    uint64_t *ids = mn_arena_alloc(ar, n * sizeof *ids);
    if (!ids) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) ids[i] = mn_json_u64(mn_json_at(a, i), 0);
    d->media = ids;
    d->n_media = n;
    return MN_OK;
}

static mn_rc read_poll(const mn_json *o, mn_arena *ar, mn_draft *d, mn_err *e)
{
    const mn_json *a = mn_json_get(o, "options");
    size_t n = size_of(a);
    if (n == 0) return MN_OK;
    if (n > MN_POLL_OPTIONS_MAX)
        return mn_fail(e, MN_E_PARSE, "a draft's poll has more than %d options",
                       MN_POLL_OPTIONS_MAX);
    mn_str *options = mn_arena_alloc(ar, n * sizeof *options);
    if (!options) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        mn_str s = mn_json_str(mn_json_at(a, i));
        options[i] = s.ptr ? s : MN_STR("");
    }
    d->poll = options;
    d->n_poll = n;
    d->poll_expires_s = mn_json_i64(mn_json_get(o, "expires_in"), 0);
    d->poll_multiple = mn_json_bool(mn_json_get(o, "multiple"), false);
    d->poll_hide_totals = mn_json_bool(mn_json_get(o, "hide_totals"), false);
    return MN_OK;
}

mn_rc mn_draft_read(mn_str json, mn_arena *ar, mn_draft *ret, mn_err *e)
{
    mn_json *o = NULL;
    mn_draft d;
    MN_TRY(mn_json_parse(json, ar, &o, e));
    if (o->type != MN_JSON_OBJECT) return mn_fail(e, MN_E_PARSE, "a draft is a JSON object");
    mn_draft_init(&d, mn_json_u64(mn_json_get(o, "account_id"), 0));
    d.app_id = mn_json_u64(mn_json_get(o, "application_id"), 0);
    d.text = text_of(o, "text");
    d.warning = text_of(o, "spoiler_text");
    d.lang = text_of(o, "language");
    d.idempotency_key = text_of(o, "idempotency");
    d.reply_to = mn_json_u64(mn_json_get(o, "in_reply_to_id"), 0);
    d.quote_of = mn_json_u64(mn_json_get(o, "quoted_status_id"), 0);
    d.visibility = name_of(mn_json_get(o, "visibility"), visibilities, 4);
    d.quote_policy = name_of(mn_json_get(o, "quote_approval_policy"), policies, 3);
    const mn_json *s = mn_json_get(o, "sensitive");
    if (s) d.sensitive = mn_json_bool(s, false);
    d.scheduled_ms = mn_json_i64(mn_json_get(o, "scheduled_ms"), 0);
    d.consent = (mn_consents)(mn_json_u64(mn_json_get(o, "consent"), 0) &
                              ((UINT64_C(1) << (2 * MN_PURPOSES)) - 1));
    MN_TRY(read_media(mn_json_get(o, "media_ids"), ar, &d, e));
    MN_TRY(read_poll(mn_json_get(o, "poll"), ar, &d, e));
    *ret = d;
    return MN_OK;
}

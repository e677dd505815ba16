/* One line of posts.jsonl or boosts.jsonl: checked as anything from outside, then written with all that hangs on it. */
#include "archive/restore_int.h"

#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/snowflake.h"
#include "social/social.h"
#include "store/marks.h"
#include "store/polls.h"

#define FUTURE_MS    (24 * 3600 * INT64_C(1000))
#define VERSIONS_MAX 1000
#define MENTIONS_MAX 512

static mn_str text(const mn_json *o, const char *key)
{
    mn_str s = mn_json_str(mn_json_get(o, key));
    return s.ptr ? s : MN_STR("");
}

static mn_rc read_visibility(const mn_json *line, mn_visibility *ret, mn_err *e)
{
    static const char *const names[] = {"public", "unlisted", "followers", "direct"};
    mn_str s = text(line, "visibility");
    for (int i = 0; i < 4; i++)
        if (mn_str_eqz(s, names[i])) {
            *ret = (mn_visibility)i;
            return MN_OK;
        }
    return mn_fail(e, MN_E_PARSE,
                   "\"visibility\" must be public, unlisted, followers or direct");
}

/* Id, origin and time: what makes a post the same one everywhere. */
static mn_rc read_identity(const mn_json *line, mn_post *p, mn_err *e)
{
    int64_t last = mn_now_ms() + FUTURE_MS;
    p->origin = text(line, "origin");
    p->created_ms = mn_json_i64(mn_json_get(line, "created_ms"), -1);
    p->edited_ms = mn_json_i64(mn_json_get(line, "edited_ms"), 0);
    if (!p->origin.len || p->origin.len > 2100 ||
        mn_str_find(p->origin, MN_STR(":"), 0) == SIZE_MAX)
        return mn_fail(e, MN_E_PARSE, "a post needs an \"origin\"");
    if (p->created_ms < 0 || p->created_ms > last || p->edited_ms < 0 || p->edited_ms > last)
        return mn_fail(e, MN_E_PARSE, "a post's time is before 1970 or in the future");
    p->id = mn_import_post_id(text(line, "id"), p->created_ms, p->origin);
    return MN_OK;
}

/* Is the post at that id the one that the archive means, or nothing at all? */
static mn_rc same_post(mn_restore *x, uint64_t id, mn_post *ret, bool *ret_here, bool *ret_ok,
                       mn_err *e)
{
    *ret_here = false;
    *ret_ok = id && id <= (uint64_t)INT64_MAX;
    if (!*ret_ok) return MN_OK;
    mn_rc rc = mn_store_post(x->s, id, &x->line, ret, e);
    if (rc == MN_E_NOT_FOUND) return MN_OK;
    if (rc != MN_OK) return rc;
    mn_str lead = mn_str_fmt(&x->line, "mynah:%.*s/", MN_STR_FMT(x->domain));
    *ret_here = true;
    *ret_ok = ret->account_id == x->account ||
              (lead.ptr && mn_str_starts(ret->origin, lead.ptr)) ||
              (!ret->origin.len && mn_str_eqz(x->domain, x->place.domain));
    return MN_OK;
}

static mn_rc read_links(mn_restore *x, const mn_json *line, mn_post *p, mn_err *e)
{
    mn_post other;
    bool here, ok;
    uint64_t reply = mn_json_u64(mn_json_get(line, "reply_to"), 0);
    uint64_t quote = mn_json_u64(mn_json_get(line, "quote_of"), 0);
    int64_t policy = mn_json_i64(mn_json_get(line, "quote_policy"), 0);
    int64_t state = mn_json_i64(mn_json_get(line, "quote_state"), 0);
    p->quote_policy =
        policy >= 0 && policy <= MN_QUOTES_NOBODY ? (mn_quote_policy)policy : MN_QUOTES_NOBODY;
    p->quote_state =
        state >= 0 && state <= MN_QUOTE_REVOKED ? (mn_quote_state)state : MN_QUOTE_REJECTED;
    MN_TRY(same_post(x, reply, &other, &here, &ok, e));
    if (ok) p->reply_to = reply;
    MN_TRY(same_post(x, quote, &other, &here, &ok, e));
    if (ok) p->quote_of = quote;
    /* Somebody here may have forbidden it since, or never allowed it. */
    if (ok && here && other.account_id != x->account && other.quote_policy != MN_QUOTES_PUBLIC)
        p->quote_state = MN_QUOTE_REJECTED;
    return MN_OK;
}

static mn_rc read_post(mn_restore *x, const mn_json *line, mn_post *p, mn_err *e)
{
    MN_TRY(read_identity(line, p, e));
    MN_TRY(read_visibility(line, &p->visibility, e));
    p->text = text(line, "text");
    p->warning = text(line, "warning");
    p->lang = mn_lang_clean(text(line, "lang"));
    p->sensitive = mn_json_bool(mn_json_get(line, "sensitive"), false);
    p->consent = mn_restore__consents(line);
    if (p->text.len > MN_TEXT_MAX || p->warning.len > MN_TEXT_MAX)
        return mn_fail(e, MN_E_LIMIT, "a post has more than %d bytes", (int)MN_TEXT_MAX);
    return read_links(x, line, p, e);
}

/* ---- what hangs on it ------------------------------------------------------------------------------------------------------ */

static size_t read_media(mn_restore *x, const mn_json *line, mn_item_media *ret)
{
    size_t n = 0;
    const mn_json *list = mn_json_get(line, "media");
    for (size_t i = 0; list && list->type == MN_JSON_ARRAY && i < list->n; i++) {
        const mn_json *m = list->items[i];
        uint8_t sha[32];
        uint64_t id = mn_json_u64(mn_json_get(m, "id"), 0);
        int64_t fx = mn_json_i64(mn_json_get(m, "focus_x"), 0),
                fy = mn_json_i64(mn_json_get(m, "focus_y"), 0);
        if (n == MN_ITEM_MEDIA_MAX || mn_unhex(text(m, "sha256"), sha, 32) != MN_OK) continue;
        int64_t at = mn_json_i64(mn_json_get(m, "created_ms"), 0);
        ret[n++] = (mn_item_media){.name = text(m, "sha256"),
                                   .alt = text(m, "description"),
                                   .id = id <= (uint64_t)INT64_MAX ? id : 0,
                                   .focus_x = fx >= -1000000 && fx <= 1000000 ? (int)fx : 0,
                                   .focus_y = fy >= -1000000 && fy <= 1000000 ? (int)fy : 0,
                                   .created_ms = at > 0 && at <= mn_now_ms() ? at : 0};
    }
    (void)x;
    return n;
}

typedef struct hanging {
    mn_restore *x;
    const mn_json *line;
    mn_post *post;
    mn_poll poll; /* id 0: none */
    uint64_t votes[MN_POLL_OPTIONS_MAX];
} hanging;

static mn_rc read_poll(hanging *h, mn_err *e)
{
    mn_poll there;
    const mn_json *p = mn_json_get(h->line, "poll"), *options = mn_json_get(p, "options");
    uint64_t id = mn_json_u64(mn_json_get(p, "id"), 0);
    if (!p) return MN_OK;
    if (!options || options->type != MN_JSON_ARRAY || !options->n ||
        options->n > MN_POLL_OPTIONS_MAX)
        return mn_fail(e, MN_E_PARSE, "a poll has 1 to %d options", MN_POLL_OPTIONS_MAX);
    h->poll = (mn_poll){.account_id = h->x->account,
                        .expires_ms = mn_json_i64(mn_json_get(p, "expires_ms"), 0),
                        .multiple = mn_json_bool(mn_json_get(p, "multiple"), false),
                        .hide_totals = mn_json_bool(mn_json_get(p, "hide_totals"), false),
                        .n_voters = mn_json_u64(mn_json_get(p, "voters"), 0) & INT32_MAX,
                        .n_options = options->n};
    for (size_t i = 0; i < options->n; i++) {
        h->poll.options[i].title = mn_utf8_cut(text(options->items[i], "title"), 1024);
        h->votes[i] = mn_json_u64(mn_json_get(options->items[i], "votes"), 0) & INT32_MAX;
    }
    bool usable = id && id <= (uint64_t)INT64_MAX;
    mn_rc rc = usable ? mn_store_poll(h->x->s, id, &h->x->line, &there, e) : MN_OK;
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    h->poll.id = rc == MN_E_NOT_FOUND ? id : mn_snowflake_next();
    h->post->poll_id = h->poll.id;
    return MN_OK;
}

static mn_rc add_poll(hanging *h, mn_tx *tx, uint64_t id, mn_err *e)
{
    if (!h->poll.id) return MN_OK;
    h->poll.post_id = id;
    MN_TRY(mn_store_poll_add(tx, &h->poll, e));
    return mn_store_poll_result_set(tx, h->poll.id, h->votes, h->poll.n_options,
                                    h->poll.n_voters, e);
}

static mn_rc add_versions(hanging *h, mn_tx *tx, uint64_t id, mn_err *e)
{
    const mn_json *list = mn_json_get(h->line, "versions");
    for (size_t i = 0; list && list->type == MN_JSON_ARRAY && i < list->n; i++) {
        const mn_json *v = list->items[i];
        mn_post_version version = {.at_ms = mn_json_i64(mn_json_get(v, "at_ms"), 0),
                                   .text = text(v, "text"),
                                   .warning = text(v, "warning"),
                                   .sensitive =
                                       mn_json_bool(mn_json_get(v, "sensitive"), false),
                                   .media = text(v, "media"),
                                   .poll = text(v, "poll")};
        mn_json *checked;
        if (i == VERSIONS_MAX) return mn_fail(e, MN_E_LIMIT, "a post has too many versions");
        if (version.media.len) MN_TRY(mn_json_parse(version.media, &h->x->line, &checked, e));
        if (version.poll.len) MN_TRY(mn_json_parse(version.poll, &h->x->line, &checked, e));
        MN_TRY(mn_store_post_version_add(tx, id, i + 1, &version, e));
    }
    return MN_OK;
}

/* Who is not here waits with what was brought along. Nobody is told. */
static mn_rc add_mentions(hanging *h, mn_tx *tx, uint64_t id, mn_err *e)
{
    uint64_t here[MENTIONS_MAX];
    size_t n = 0;
    mn_restore *x = h->x;
    const mn_json *list = mn_json_get(h->line, "mentions");
    for (size_t i = 0; list && list->type == MN_JSON_ARRAY && i < list->n; i++) {
        uint64_t who = 0;
        bool local = false;
        mn_str address;
        if (i == MENTIONS_MAX) return mn_fail(e, MN_E_LIMIT, "a post mentions too many");
        MN_TRY(mn_moving__account(&x->place, mn_json_str(list->items[i]), &x->line, &who,
                                  &local, &address, e));
        if (who) here[n++] = who;
        if (who || !address.ptr) continue;
        mn_brought b = {.ref = mn_str_fmt(&x->line, "%0*llu %.*s", MN_RESTORE_ID_DIGITS,
                                          (unsigned long long)id, MN_STR_FMT(address)),
                        .data = MN_STR("")};
        if (!b.ref.ptr) return mn_fail(e, MN_E_NOMEM, "no memory for a mention");
        MN_TRY(mn_store_brought_add(tx, x->account, MN_STR("mention"), &b, NULL, e));
    }
    return n ? mn_store_mentions_set(tx, id, here, n, e) : MN_OK;
}

static mn_rc hang(void *arg, mn_tx *tx, uint64_t id, mn_err *e)
{
    hanging *h = arg;
    MN_TRY(add_poll(h, tx, id, e));
    MN_TRY(add_versions(h, tx, id, e));
    return add_mentions(h, tx, id, e);
}

/* ---- lines ------------------------------------------------------------------------------------------------------------------ */

/* Written here once, and here still (or deleted here): nothing to bring. */
static mn_rc at_home(mn_restore *x, const mn_post *p, bool *ret, mn_err *e)
{
    mn_post is;
    *ret = false;
    if (!mn_str_eqz(x->domain, x->place.domain) || !mn_str_starts(p->origin, "mynah:"))
        return MN_OK;
    mn_rc rc = mn_store_post(x->s, p->id, &x->line, &is, e);
    if (rc != MN_OK) return rc == MN_E_NOT_FOUND ? MN_OK : rc;
    *ret = !is.origin.len;
    return MN_OK;
}

static mn_rc write(mn_restore *x, mn_ready *r, mn_err *e)
{
    bool home = false;
    x->f.read++;
    MN_TRY(at_home(x, &r->post, &home, e));
    if (!home) return mn_writer_add(x->w, r, e);
    mn_writer_existing(x->w);
    return MN_OK;
}

mn_rc mn_restore__post(mn_restore *x, const mn_json *line, mn_err *e)
{
    mn_item_media media[MN_ITEM_MEDIA_MAX];
    mn_ready r = {.media = media, .after = hang};
    hanging h = {.x = x, .line = line, .post = &r.post};
    MN_TRY(read_post(x, line, &r.post, e));
    MN_TRY(read_poll(&h, e));
    r.n_media = read_media(x, line, media);
    r.after_arg = &h;
    return write(x, &r, e);
}

/* May the member boost what the reference names? *ret_id 0: it is not here, or not for them. */
static mn_rc boostable(mn_restore *x, mn_tx *tx, mn_str ref, uint64_t *ret_id, mn_err *e)
{
    mn_post other;
    bool may = false;
    uint64_t id = 0;
    *ret_id = 0;
    MN_TRY(mn_moving__post(&x->place, tx, ref, &id, e));
    if (!id) return MN_OK;
    MN_TRY(mn_store_post_head(tx, id, &other, e));
    if (other.account_id != x->account) {
        mn_rc rc = mn_store_post(x->s, id, &x->line, &other, e);
        if (rc == MN_OK) rc = mn_social_may_see(x->s, &other, x->account, &may, e);
        if (rc != MN_OK) return rc == MN_E_NOT_FOUND ? MN_OK : rc;
        may = may && other.visibility <= MN_VIS_UNLISTED;
    } else {
        may = other.visibility <= MN_VIS_FOLLOWERS;
    }
    if (may && !other.boost_of) *ret_id = id;
    return MN_OK;
}

static mn_rc keep_boost(mn_restore *x, mn_tx *tx, const mn_post *p, mn_str ref, mn_err *e)
{
    mn_buf b;
    mn_json_writer j;
    mn_brought row = {.ref = mn_str_fmt(&x->line, "%0*llu %.*s", MN_RESTORE_ID_DIGITS,
                                        (unsigned long long)p->id, MN_STR_FMT(ref))};
    if (!row.ref.ptr) return mn_fail(e, MN_E_NOMEM, "no memory for a boost");
    mn_buf_init(&b, 1 << 16);
    mn_json_writer_init(&j, &b, 0);
    mn_jw_object(&j);
    mn_jw_kstr(&j, "origin", p->origin);
    mn_jw_ki64(&j, "created_ms", p->created_ms);
    mn_jw_ki64(&j, "visibility", p->visibility);
    mn_jw_object_end(&j);
    row.data = mn_buf_str(&b);
    mn_rc rc = b.failed ? mn_fail(e, MN_E_LIMIT, "a boost is too long") : MN_OK;
    if (rc == MN_OK) rc = mn_store_brought_add(tx, x->account, MN_STR("boost"), &row, NULL, e);
    mn_buf_release(&b);
    return rc;
}

mn_rc mn_restore__boost(mn_restore *x, const mn_json *line, mn_err *e)
{
    mn_tx *tx;
    uint64_t target = 0, there = 0;
    mn_ready r = {0};
    mn_str ref = text(line, "boost_of");
    int64_t v = mn_json_i64(mn_json_get(line, "visibility"), 0);
    MN_TRY(read_identity(line, &r.post, e));
    if (!ref.len || ref.len > 4096 || v < 0 || v > MN_VIS_FOLLOWERS)
        return mn_fail(e, MN_E_PARSE, "a boost needs \"boost_of\" and a \"visibility\"");
    r.post.visibility = (mn_visibility)v;
    r.post.text = r.post.warning = r.post.lang = MN_STR("");
    MN_TRY(mn_writer_tx(x->w, &tx, e));
    MN_TRY(boostable(x, tx, ref, &target, e));
    if (!target) return keep_boost(x, tx, &r.post, ref, e);
    mn_rc rc = mn_store_boost_of(tx, x->account, target, &there, e);
    if (rc == MN_OK) return MN_OK;
    if (rc != MN_E_NOT_FOUND) return rc;
    r.post.boost_of = target;
    return write(x, &r, e);
}

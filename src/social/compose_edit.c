/* A post edited or deleted by its author, or deleted by somebody entitled. */
#include "base/clock.h"
#include "base/json.h"
#include "base/snowflake.h"
#include "social/compose_int.h"
#include "social/conversations.h"
#include "social/moderation.h"
#include "social/notify.h"
#include "social/tags.h"
#include "store/marks.h"
#include "store/media.h"
#include "store/polls.h"

#define TOLD_MOST 4096 /* boosters and quoters told of one edit */

/* ---- the version before --------------------------------------------------------------------------------------------- */

/* The buffer's text on the arena; the buffer is released. */
static mn_rc keep(mn_buf *b, mn_arena *ar, mn_str *ret, mn_err *e)
{
    mn_rc rc = b->failed;
    mn_str copy = rc == MN_OK ? mn_str_dup(ar, mn_buf_str(b)) : MN_STR_NONE;
    mn_buf_release(b);
    if (rc != MN_OK || !copy.ptr) return mn_fail(e, MN_E_NOMEM, "out of memory");
    *ret = copy;
    return MN_OK;
}

mn_rc mn_social_media_json(mn_store *s, uint64_t post, mn_arena *ar, mn_str *ret, mn_err *e)
{
    mn_media *m = NULL;
    mn_buf b;
    mn_json_writer j;
    size_t n = 0;
    MN_TRY(mn_store_media_of(s, post, ar, &m, &n, e));
    *ret = MN_STR("");
    if (n == 0) return MN_OK;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&j, &b, 0);
    mn_jw_array(&j);
    for (size_t i = 0; i < n; i++) {
        mn_jw_object(&j);
        mn_jw_kid(&j, "id", m[i].id);
        mn_jw_kstr(&j, "description", m[i].alt);
        mn_jw_object_end(&j);
    }
    mn_jw_array_end(&j);
    return keep(&b, ar, ret, e);
}

mn_rc mn_social_poll_json(mn_store *s, uint64_t poll, mn_arena *ar, mn_str *ret, mn_err *e)
{
    mn_poll p;
    mn_buf b;
    mn_json_writer j;
    *ret = MN_STR("");
    if (!poll) return MN_OK;
    mn_rc rc = mn_store_poll(s, poll, ar, &p, e);
    if (rc == MN_E_NOT_FOUND) return MN_OK;
    MN_TRY(rc);
    mn_buf_init(&b, 0);
    mn_json_writer_init(&j, &b, 0);
    mn_jw_object(&j);
    mn_jw_kbool(&j, "multiple", p.multiple);
    mn_jw_key(&j, "options");
    mn_jw_array(&j);
    for (size_t i = 0; i < p.n_options; i++) mn_jw_str(&j, p.options[i].title);
    mn_jw_array_end(&j);
    mn_jw_object_end(&j);
    return keep(&b, ar, ret, e);
}

/* ---- what changes ---------------------------------------------------------------------------------------------------- */

typedef struct change {
    mn_post was;
    mn_account author;
    mn_prefs prefs;
    mn_compose_text text;
    mn_str lang, was_media, was_poll;
    mn_media *media; /* as they are now */
    size_t n_media;
    mn_poll poll; /* as it is now; id 0: none */
    bool sensitive;
    uint64_t *mentioned; /* before */
    size_t n_mentioned;
} change;

static mn_rc own_post(const mn_compose *c, uint64_t account, uint64_t post, mn_arena *ar,
                      mn_post *ret, mn_err *e)
{
    mn_rc rc = mn_store_post(c->store, post, ar, ret, e);
    if (rc == MN_E_NOT_FOUND ||
        (rc == MN_OK && (ret->account_id != account || ret->deleted_ms)))
        return mn_fail(e, MN_E_NOT_FOUND, "there is no such post");
    return rc;
}

static mn_rc load_change(const mn_compose *c, uint64_t account, uint64_t post, mn_arena *ar,
                         change *x, mn_err *e)
{
    mn_mention *m = NULL;
    size_t n = 0;
    MN_TRY(mn_compose__author(c, account, ar, &x->author, &x->prefs, e));
    MN_TRY(own_post(c, account, post, ar, &x->was, e));
    if (x->was.boost_of)
        return mn_fail(e, MN_E_USAGE, "Validation failed: A boost cannot be edited");
    MN_TRY(mn_store_media_of(c->store, post, ar, &x->media, &x->n_media, e));
    MN_TRY(mn_social_media_json(c->store, post, ar, &x->was_media, e));
    MN_TRY(mn_social_poll_json(c->store, x->was.poll_id, ar, &x->was_poll, e));
    if (x->was.poll_id) {
        mn_rc rc = mn_store_poll(c->store, x->was.poll_id, ar, &x->poll, e);
        if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    }
    MN_TRY(mn_store_mentions_of(c->store, &post, 1, ar, &m, &n, e));
    x->mentioned = mn_arena_alloc(ar, (n + 1) * sizeof *x->mentioned);
    if (!x->mentioned) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) x->mentioned[i] = m[i].account_id;
    x->n_mentioned = n;
    return MN_OK;
}

static mn_rc check_change(const mn_compose *c, const mn_edit *x, mn_arena *ar, change *h,
                          mn_err *e)
{
    if (x->n_media > c->limits.media)
        return mn_fail(e, MN_E_LIMIT, "Validation failed: Cannot attach more than %zu files",
                       c->limits.media);
    if (x->n_poll && x->n_media)
        return mn_fail(e, MN_E_USAGE,
                       "Validation failed: a post has media or a poll, not both");
    if (x->n_poll) {
        int64_t left = (h->poll.expires_ms - mn_now_ms()) / 1000;
        int64_t s = x->poll_expires_s ? x->poll_expires_s
                    : h->poll.id      ? c->limits.poll_min_s /* stays as it was */
                                      : left;
        MN_TRY(mn_compose__poll(&c->limits, x->poll, x->n_poll, s, e));
    }
    bool more = x->n_media || x->n_poll || h->was.quote_of || x->warning.len;
    MN_TRY(mn_compose__text(c, h->was.account_id, x->text, x->warning, more, x->poll, x->n_poll,
                            ar, &h->text, e));
    h->lang = h->was.lang;
    if (x->lang.len)
        MN_TRY(mn_compose__lang(x->lang, MN_STR(""), h->text.text, ar, &h->lang, e));
    h->sensitive = x->sensitive < 0 ? h->was.sensitive : x->sensitive != 0;
    if (h->text.warning.len || h->text.sensitive) h->sensitive = true;
    return MN_OK;
}

/* ---- writing --------------------------------------------------------------------------------------------------------- */

static bool same_media(const mn_edit *x, const change *h)
{
    bool same = x->n_media == h->n_media;
    for (size_t i = 0; same && i < x->n_media; i++) same = x->media[i] == h->media[i].id;
    return same;
}

static const mn_media *medium(const change *h, uint64_t id)
{
    for (size_t i = 0; i < h->n_media; i++)
        if (h->media[i].id == id) return &h->media[i];
    return NULL;
}

static bool same_alts(const mn_edit *x, const change *h)
{
    for (size_t i = 0; i < x->n_alts; i++) {
        const mn_media *m = medium(h, x->alt_ids[i]);
        if (m && !mn_str_eq(m->alt, x->alts[i])) return false;
    }
    return true;
}

static bool same_poll(const mn_edit *x, const change *h)
{
    if (x->n_poll == 0 || h->poll.id == 0) return x->n_poll == 0 && h->poll.id == 0;
    bool same = x->n_poll == h->poll.n_options && x->poll_multiple == h->poll.multiple &&
                x->poll_hide_totals == h->poll.hide_totals && x->poll_expires_s == 0;
    for (size_t i = 0; same && i < x->n_poll; i++)
        same = mn_str_eq(mn_str_trim(x->poll[i]), h->poll.options[i].title);
    return same;
}

static bool same_all(const mn_edit *x, const change *h)
{
    return mn_str_eq(h->text.text, h->was.text) && mn_str_eq(h->text.warning, h->was.warning) &&
           mn_str_eq(h->lang, h->was.lang) && h->sensitive == h->was.sensitive &&
           same_media(x, h) && same_alts(x, h) && same_poll(x, h);
}

static mn_rc write_poll(mn_tx *tx, const mn_edit *x, const change *h, int64_t now,
                        int64_t *ret_id, mn_err *e)
{
    mn_poll p = {.id = h->poll.id ? h->poll.id : mn_snowflake_next(),
                 .post_id = h->was.id,
                 .account_id = h->was.account_id,
                 .expires_ms =
                     x->poll_expires_s ? now + x->poll_expires_s * 1000 : h->poll.expires_ms,
                 .multiple = x->poll_multiple,
                 .hide_totals = x->poll_hide_totals,
                 .n_options = x->n_poll};
    *ret_id = -1;
    if (same_poll(x, h)) return MN_OK;
    *ret_id = 0;
    if (x->n_poll == 0) return mn_store_poll_remove(tx, h->poll.id, e);
    for (size_t i = 0; i < x->n_poll && i < MN_POLL_OPTIONS_MAX; i++)
        p.options[i].title = mn_str_trim(x->poll[i]);
    *ret_id = (int64_t)p.id;
    return h->poll.id ? mn_store_poll_change(tx, &p, NULL, e) : mn_store_poll_add(tx, &p, e);
}

static mn_rc write_media(mn_tx *tx, const mn_edit *x, const change *h, mn_err *e)
{
    if (!same_media(x, h))
        MN_TRY(
            mn_store_media_attach(tx, h->was.account_id, h->was.id, x->media, x->n_media, e));
    for (size_t i = 0; i < x->n_alts; i++) {
        const mn_media *m = medium(h, x->alt_ids[i]);
        if (!m || mn_str_eq(m->alt, x->alts[i])) continue;
        mn_media changed = *m;
        changed.alt = x->alts[i];
        MN_TRY(mn_store_media_update(tx, &changed, e));
    }
    return MN_OK;
}

static mn_rc tell(mn_tx *tx, mn_notice_kind kind, uint64_t to, uint64_t from, uint64_t post,
                  int64_t now, mn_err *e)
{
    if (to == from) return MN_OK;
    return mn_social_notify(
        tx, &(mn_notice){.kind = kind, .to = to, .from = from, .post_id = post, .at_ms = now},
        NULL, e);
}

/* Boosters of the edit, quoters of it by their own post, and who is mentioned now and was not. */
static mn_rc tell_people(mn_tx *tx, const change *h, int64_t now, mn_arena *ar, mn_err *e)
{
    mn_mark_row *rows = NULL;
    size_t n = 0;
    uint64_t author = h->was.account_id;
    for (size_t i = 0; i < h->text.n_mentions; i++) {
        bool knew = false;
        for (size_t k = 0; k < h->n_mentioned; k++)
            knew |= h->mentioned[k] == h->text.mentions[i];
        if (!knew)
            MN_TRY(tell(tx, MN_NOTICE_MENTION, h->text.mentions[i], author, h->was.id, now, e));
    }
    MN_TRY(mn_store_boosters(tx, h->was.id, TOLD_MOST, ar, &rows, &n, e));
    for (size_t i = 0; i < n; i++)
        MN_TRY(tell(tx, MN_NOTICE_UPDATE, rows[i].account_id, author, h->was.id, now, e));
    MN_TRY(mn_store_quoters(tx, h->was.id, TOLD_MOST, ar, &rows, &n, e));
    for (size_t i = 0; i < n; i++)
        MN_TRY(tell(tx, MN_NOTICE_QUOTED_UPDATE, rows[i].account_id, author, rows[i].post_id,
                    now, e));
    return MN_OK;
}

/* Whoever was mentioned in a direct post has read it and may go on seeing it. */
static mn_rc write_mentions(mn_tx *tx, const change *h, mn_arena *ar, mn_err *e)
{
    size_t n = h->text.n_mentions;
    uint64_t *all = mn_arena_alloc(ar, (n + h->n_mentioned + 1) * sizeof *all);
    if (!all) return mn_fail(e, MN_E_NOMEM, "out of memory");
    if (n) memcpy(all, h->text.mentions, n * sizeof *all);
    for (size_t i = 0; h->was.visibility == MN_VIS_DIRECT && i < h->n_mentioned; i++)
        all[n++] = h->mentioned[i];
    return mn_store_mentions_set(tx, h->was.id, all, n, e);
}

/* The post as it is now, for whoever follows its writing. */
static mn_rc written(const mn_compose *c, mn_tx *tx, const change *h, mn_err *e)
{
    mn_post p = h->was;
    if (!c->written) return MN_OK;
    p.text = h->text.text;
    p.warning = h->text.warning;
    p.lang = h->lang;
    p.sensitive = h->sensitive;
    return c->written(tx, &p, e);
}

static mn_rc write_change(const mn_compose *c, mn_tx *tx, const mn_edit *x, const change *h,
                          mn_arena *ar, mn_err *e)
{
    int64_t now = mn_now_ms(), poll_id = -1;
    MN_TRY(write_poll(tx, x, h, now, &poll_id, e));
    MN_TRY(write_media(tx, x, h, e));
    MN_TRY(mn_store_post_change(tx,
                                &(mn_post_change){.id = h->was.id,
                                                  .text = h->text.text,
                                                  .warning = h->text.warning,
                                                  .lang = h->lang,
                                                  .at_ms = now,
                                                  .sensitive = h->sensitive,
                                                  .poll_id = poll_id,
                                                  .was_media = h->was_media,
                                                  .was_poll = h->was_poll},
                                e));
    MN_TRY(write_mentions(tx, h, ar, e));
    MN_TRY(mn_social_tags_write(tx, h->was.id, h->text.text, false, e));
    MN_TRY(written(c, tx, h, e));
    if (h->text.report)
        MN_TRY(mn_moderation_flag(tx, h->was.account_id, h->was.id, h->text.filter_id, e));
    return tell_people(tx, h, now, ar, e);
}

mn_rc mn_social_post_edit(const mn_compose *c, uint64_t account, uint64_t post,
                          const mn_edit *x, mn_err *e)
{
    mn_arena ar;
    mn_tx *tx = NULL;
    change h = {0};
    mn_arena_init(&ar, 0);
    mn_rc rc = load_change(c, account, post, &ar, &h, e);
    if (rc == MN_OK) rc = check_change(c, x, &ar, &h, e);
    if (rc == MN_OK && !same_all(x, &h)) {
        rc = mn_store_begin(c->store, &tx, e);
        if (rc == MN_OK) rc = write_change(c, tx, x, &h, &ar, e);
        if (rc == MN_OK) rc = mn_store_commit(tx, e);
        else if (tx) mn_store_rollback(tx);
    }
    mn_arena_release(&ar);
    if (rc == MN_OK && x->quote_policy >= 0 && (int)h.was.quote_policy != x->quote_policy)
        rc = mn_social_quote_policy_set(c, account, post, (mn_quote_policy)x->quote_policy, e);
    return rc;
}

/* ---- deleting ---------------------------------------------------------------------------------------------------------- */

mn_rc mn_social_post_remove(mn_tx *tx, uint64_t post, int64_t at_ms, mn_err *e)
{
    mn_post p;
    MN_TRY(mn_store_post_head(tx, post, &p, e));
    if (p.deleted_ms) return MN_OK;
    if (p.visibility == MN_VIS_DIRECT) {
        uint64_t thread = 0;
        MN_TRY(mn_store_post_thread(tx, post, &thread, e));
        MN_TRY(mn_social_conversation_gone(tx, post, thread, e));
    }
    MN_TRY(mn_store_post_delete(tx, post, at_ms, e));
    return mn_store_event(tx,
                          (mn_event){.kind = MN_EV_ACCOUNT,
                                     .account = p.account_id,
                                     .other = MN_EV_ACCOUNT_COUNTS},
                          e);
}

mn_rc mn_social_post_delete(const mn_compose *c, uint64_t account, uint64_t post,
                            bool keep_media, mn_err *e)
{
    mn_arena ar;
    mn_post p;
    mn_tx *tx = NULL;
    mn_arena_init(&ar, 0);
    mn_rc rc = own_post(c, account, post, &ar, &p, e);
    mn_arena_release(&ar);
    if (rc != MN_OK) return rc;
    MN_TRY(mn_store_begin(c->store, &tx, e));
    int64_t now = mn_now_ms();
    if (keep_media) rc = mn_store_media_detach(tx, post, now, e);
    if (rc == MN_OK) rc = mn_social_post_remove(tx, post, now, e);
    return mn_store_end(tx, rc, e);
}

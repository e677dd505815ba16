/* Posts to come: scheduled ones and drafts. A scheduled post is checked when it is made and again when it is due, since what
 * it answers or quotes may be gone by then. */
#include "base/clock.h"
#include "base/log.h"
#include "base/snowflake.h"
#include "social/compose_int.h"
#include "store/media.h"
#include "store/scheduled.h"

#define DAY_MS        INT64_C(86400000)
#define DRAFT_BYTES   65536
#define YEARS_MOST_MS (INT64_C(5) * 366 * DAY_MS)

/* ---- scheduled ----------------------------------------------------------------------------------------------------- */

static mn_rc check_time(const mn_compose *c, int64_t at_ms, mn_err *e)
{
    int64_t now = mn_now_ms();
    if (at_ms < now + c->limits.scheduled_min_s * 1000)
        return mn_fail(e, MN_E_USAGE,
                       "Validation failed: Scheduled at must be at least %lld minutes ahead",
                       (long long)(c->limits.scheduled_min_s / 60));
    if (at_ms > now + YEARS_MOST_MS)
        return mn_fail(e, MN_E_USAGE, "Validation failed: Scheduled at is too far ahead");
    return MN_OK;
}

static mn_rc check_counts(const mn_compose *c, mn_tx *tx, uint64_t account, int64_t at_ms,
                          mn_err *e)
{
    uint64_t all = 0, day = 0;
    MN_TRY(mn_store_scheduled_count(tx, account, at_ms - at_ms % DAY_MS, &all, &day, e));
    if (all >= c->limits.scheduled)
        return mn_fail(e, MN_E_LIMIT,
                       "Validation failed: You have exceeded the limit of %zu scheduled posts",
                       c->limits.scheduled);
    if (day >= c->limits.scheduled_a_day)
        return mn_fail(e, MN_E_LIMIT,
                       "Validation failed: You have exceeded the limit of %zu scheduled posts "
                       "for that day",
                       c->limits.scheduled_a_day);
    return MN_OK;
}

static mn_rc write_scheduled(const mn_compose *c, mn_tx *tx, const mn_draft *d,
                             const mn_scheduled *x, mn_err *e)
{
    int64_t now = mn_now_ms();
    if (d->idempotency_key.len)
        MN_TRY(mn_store_idempotency_put(tx, d->account_id, d->idempotency_key, x->id, now,
                                        now - MN_IDEMPOTENT_MS, e));
    MN_TRY(check_counts(c, tx, d->account_id, d->scheduled_ms, e));
    MN_TRY(mn_store_scheduled_add(tx, x, e));
    if (d->n_media == 0) return MN_OK;
    MN_TRY(mn_compose__media_rc(
        mn_store_media_check(tx, d->account_id, 0, d->media, d->n_media, e), e));
    return mn_store_media_hold(tx, d->account_id, x->id, d->media, d->n_media, e);
}

mn_rc mn_compose__schedule(const mn_compose *c, const mn_draft *d, mn_created *ret, mn_err *e)
{
    mn_buf b;
    mn_tx *tx;
    mn_scheduled x = {
        .id = mn_snowflake_next(), .account_id = d->account_id, .at_ms = d->scheduled_ms};
    MN_TRY(check_time(c, d->scheduled_ms, e));
    MN_TRY(mn_compose__check(c, d, e));
    mn_buf_init(&b, DRAFT_BYTES);
    mn_rc rc = mn_draft_write(d, &b, e);
    x.params = mn_buf_str(&b);
    if (rc == MN_OK) rc = mn_store_begin(c->store, &tx, e);
    if (rc == MN_OK) {
        rc = write_scheduled(c, tx, d, &x, e);
        uint64_t earlier = 0;
        if (rc == MN_E_EXISTS &&
            mn_store_idempotency_get(tx, d->account_id, d->idempotency_key,
                                     mn_now_ms() - MN_IDEMPOTENT_MS, &earlier, e) == MN_OK)
            *ret = (mn_created){.scheduled_id = earlier, .repeated = true};
        rc = earlier ? (mn_store_rollback(tx), MN_E_EXISTS) : mn_store_end(tx, rc, e);
    }
    mn_buf_release(&b);
    if (rc == MN_OK) *ret = (mn_created){.scheduled_id = x.id};
    return rc == MN_E_EXISTS ? MN_OK : rc;
}

static mn_rc no_scheduled(mn_rc rc, mn_err *e)
{
    return rc == MN_E_NOT_FOUND ? mn_fail(e, rc, "there is no such scheduled post") : rc;
}

mn_rc mn_social_scheduled_move(const mn_compose *c, uint64_t account, uint64_t id,
                               int64_t at_ms, mn_err *e)
{
    mn_arena ar;
    mn_buf b;
    mn_draft d;
    mn_scheduled x;
    mn_tx *tx;
    MN_TRY(check_time(c, at_ms, e));
    mn_arena_init(&ar, 0);
    mn_buf_init(&b, DRAFT_BYTES);
    mn_rc rc = no_scheduled(mn_store_scheduled(c->store, account, id, &ar, &x, e), e);
    if (rc == MN_OK) rc = mn_draft_read(x.params, &ar, &d, e);
    if (rc == MN_OK) {
        d.scheduled_ms = at_ms;
        rc = mn_draft_write(&d, &b, e);
    }
    if (rc == MN_OK) rc = mn_store_begin(c->store, &tx, e);
    if (rc == MN_OK) {
        rc = check_counts(c, tx, account, at_ms, e);
        if (rc == MN_OK)
            rc = no_scheduled(
                mn_store_scheduled_move(tx, account, id, at_ms, mn_buf_str(&b), e), e);
        rc = mn_store_end(tx, rc, e);
    }
    mn_buf_release(&b);
    mn_arena_release(&ar);
    return rc;
}

mn_rc mn_social_scheduled_cancel(const mn_compose *c, uint64_t account, uint64_t id, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(c->store, &tx, e));
    return mn_store_end(tx, no_scheduled(mn_store_scheduled_remove(tx, account, id, e), e), e);
}

/* What can't be posted and never will be: away with it, its author has it no more than if it had been posted and deleted. */
static mn_rc drop(const mn_compose *c, const mn_scheduled *x, const mn_err *why, mn_err *e)
{
    mn_warn("compose", "a scheduled post of account %llu was dropped: %s",
            (unsigned long long)x->account_id, why->msg);
    mn_rc rc = mn_social_scheduled_cancel(c, x->account_id, x->id, e);
    return rc == MN_E_NOT_FOUND ? MN_OK : rc;
}

static mn_rc publish(const mn_compose *c, const mn_scheduled *x, mn_arena *ar, mn_err *e)
{
    mn_draft d;
    mn_err why = {0};
    mn_rc rc = mn_draft_read(x->params, ar, &d, &why);
    if (rc == MN_OK) {
        d.account_id = x->account_id;
        d.scheduled_ms = 0;
        d.idempotency_key = MN_STR(""); /* has named the scheduled post */
        rc = mn_compose__publish(c, &d, x->id, &why);
    }
    if (rc == MN_OK || rc == MN_E_EXISTS) return MN_OK;
    if (rc == MN_E_NOMEM || rc == MN_E_IO || rc == MN_E_BUSY || rc == MN_E_CORRUPT)
        return mn_fail(e, rc, "%s", why.msg);
    return drop(c, x, &why, e);
}

mn_rc mn_social_scheduled_due(const mn_compose *c, int64_t now_ms, size_t limit, size_t *ret_n,
                              mn_err *e)
{
    mn_arena ar;
    mn_scheduled *due = NULL;
    size_t n = 0;
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_scheduled_due(c->store, now_ms, limit, &ar, &due, &n, e);
    for (size_t i = 0; rc == MN_OK && i < n; i++) rc = publish(c, &due[i], &ar, e);
    mn_arena_release(&ar);
    if (rc == MN_OK) *ret_n = n;
    return rc;
}

/* ---- drafts -------------------------------------------------------------------------------------------------------- */

static mn_rc write_draft(const mn_compose *c, mn_tx *tx, const mn_draft *d,
                         const mn_scheduled *x, bool fresh, mn_err *e)
{
    uint64_t n = 0;
    if (fresh) {
        MN_TRY(mn_store_drafts_count(tx, d->account_id, &n, e));
        if (n >= c->limits.drafts)
            return mn_fail(e, MN_E_LIMIT, "Validation failed: There are %zu drafts already",
                           c->limits.drafts);
    }
    mn_rc rc = mn_store_draft_put(tx, x, fresh, e);
    if (rc == MN_E_NOT_FOUND) return mn_fail(e, rc, "there is no such draft");
    MN_TRY(rc);
    return mn_store_media_hold(tx, d->account_id, x->id, d->media, d->n_media, e);
}

mn_rc mn_social_draft_save(const mn_compose *c, const mn_draft *d, uint64_t id,
                           uint64_t *ret_id, mn_err *e)
{
    mn_buf b;
    mn_tx *tx;
    mn_scheduled x = {
        .id = id ? id : mn_snowflake_next(), .account_id = d->account_id, .at_ms = mn_now_ms()};
    if (d->n_media > c->limits.media)
        return mn_fail(e, MN_E_LIMIT, "Validation failed: Cannot attach more than %zu files",
                       c->limits.media);
    mn_buf_init(&b, DRAFT_BYTES);
    mn_rc rc = mn_draft_write(d, &b, e);
    x.params = mn_buf_str(&b);
    if (rc == MN_OK) rc = mn_store_begin(c->store, &tx, e);
    if (rc == MN_OK) rc = mn_store_end(tx, write_draft(c, tx, d, &x, id == 0, e), e);
    mn_buf_release(&b);
    if (rc == MN_OK) *ret_id = x.id;
    return rc;
}

mn_rc mn_social_draft_delete(const mn_compose *c, uint64_t account, uint64_t id, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(c->store, &tx, e));
    mn_rc rc = mn_store_draft_remove(tx, account, id, e);
    if (rc == MN_E_NOT_FOUND) rc = mn_fail(e, rc, "there is no such draft");
    return mn_store_end(tx, rc, e);
}

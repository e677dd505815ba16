#include "store/push.h"

#include <stdio.h>

#include "base/clock.h"
#include "store/store_int.h"

#define COLUMNS                                                                                \
    "id, token_id, account_id, endpoint, p256dh, auth, access_token, alerts, policy, "         \
    "standard, "                                                                               \
    "created_ms"

mn_rc mn_store_push_set(mn_tx *tx, const mn_push *p, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(mn_store_push_remove(tx, p->token_id, 0, e));
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO push_subscriptions (" COLUMNS
                      ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                      &q, e));
    db_u64(q, 1, p->id);
    db_u64(q, 2, p->token_id);
    db_u64(q, 3, p->account_id);
    db_text(q, 4, p->endpoint);
    db_text(q, 5, p->p256dh);
    db_text(q, 6, p->auth);
    db_text(q, 7, p->access_token);
    db_i64(q, 8, p->alerts);
    db_i64(q, 9, p->policy);
    db_i64(q, 10, p->standard);
    db_i64(q, 11, p->created_ms);
    return mn_store__run(q, NULL, e);
}

mn_rc mn_store_push_change(mn_tx *tx, uint64_t token_id, mn_notice_set alerts,
                           mn_push_policy policy, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(db_prepare(
        tx->db, "UPDATE push_subscriptions SET alerts = ?2, policy = ?3 WHERE token_id = ?1",
        &q, e));
    db_u64(q, 1, token_id);
    db_i64(q, 2, alerts);
    db_i64(q, 3, policy);
    MN_TRY(mn_store__run(q, &n, e));
    return n ? MN_OK : MN_E_NOT_FOUND;
}

static mn_rc read_push(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_push p = {.id = db_col_u64(q, 0),
                 .token_id = db_col_u64(q, 1),
                 .account_id = db_col_u64(q, 2),
                 .alerts = (mn_notice_set)db_col_i64(q, 7),
                 .policy = (mn_push_policy)db_col_i64(q, 8),
                 .standard = db_col_i64(q, 9) != 0,
                 .created_ms = db_col_i64(q, 10)};
    MN_TRY(mn_store__col_dup(q, 3, ar, &p.endpoint, e));
    MN_TRY(mn_store__col_dup(q, 4, ar, &p.p256dh, e));
    MN_TRY(mn_store__col_dup(q, 5, ar, &p.auth, e));
    MN_TRY(mn_store__col_dup(q, 6, ar, &p.access_token, e));
    *(mn_push *)ret = p;
    return MN_OK;
}

mn_rc mn_store_push(mn_store *s, uint64_t token_id, mn_arena *ar, mn_push *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc =
        db_prepare(db, "SELECT " COLUMNS " FROM push_subscriptions WHERE token_id = ?1", &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, token_id);
        rc = mn_store__one(q, read_push, ar, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_push_remove(mn_tx *tx, uint64_t token_id, uint64_t id, mn_err *e)
{
    if (!id)
        return mn_store__run2(tx->db, "DELETE FROM push_subscriptions WHERE token_id = ?1",
                              token_id, 0, e);
    return mn_store__run2(tx->db,
                          "DELETE FROM push_subscriptions WHERE token_id = ?1 AND id = ?2",
                          token_id, id, e);
}

typedef struct wanted {
    uint64_t token_id;
    mn_notice_set alerts;
    mn_push_policy policy;
} wanted;

static mn_rc read_wanted(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    *(wanted *)ret = (wanted){db_col_u64(q, 0), (mn_notice_set)db_col_i64(q, 1),
                              (mn_push_policy)db_col_i64(q, 2)};
    return MN_OK;
}

static mn_rc add_jobs(mn_tx *tx, const mn_notification *n, mn_arena *ar, mn_err *e)
{
    mn_stmt *q;
    wanted *all = NULL;
    size_t k = 0;
    MN_TRY(db_prepare(
        tx->db, "SELECT token_id, alerts, policy FROM push_subscriptions WHERE account_id = ?1",
        &q, e));
    db_u64(q, 1, n->account_id);
    MN_TRY(mn_store__collect(q, read_wanted, sizeof *all, ar, (void **)&all, &k, e));
    for (size_t i = 0; i < k; i++) {
        char payload[80];
        if (!(all[i].alerts & MN_NOTICE_BIT(n->kind)) || all[i].policy == MN_PUSH_NONE)
            continue;
        snprintf(payload, sizeof payload, "{\"token\":\"%llu\",\"notification\":\"%llu\"}",
                 (unsigned long long)all[i].token_id, (unsigned long long)n->id);
        MN_TRY(
            mn_store_job_add(tx, MN_STR("push"), mn_str_from(payload), mn_now_ms(), NULL, e));
    }
    return MN_OK;
}

mn_rc mn_store_push_note(mn_tx *tx, const mn_notification *n, mn_err *e)
{
    mn_arena ar;
    if (n->filtered) return MN_OK;
    mn_arena_init(&ar, 0);
    mn_rc rc = add_jobs(tx, n, &ar, e);
    mn_arena_release(&ar);
    return rc;
}

/* Votes, and polls that end. */
#include "base/clock.h"
#include "social/compose_int.h"
#include "social/notify.h"
#include "store/polls.h"

#define VOTERS_STEP 500

static mn_rc choices_of(const mn_poll *p, const uint64_t *choices, size_t n, uint32_t *ret,
                        mn_err *e)
{
    uint32_t bits = 0;
    if (n == 0) return mn_fail(e, MN_E_USAGE, "Validation failed: Choices can't be blank");
    for (size_t i = 0; i < n; i++) {
        if (choices[i] >= p->n_options)
            return mn_fail(e, MN_E_USAGE,
                           "Validation failed: The chosen vote option does not exist");
        bits |= UINT32_C(1) << choices[i];
    }
    if (!p->multiple && (bits & (bits - 1)))
        return mn_fail(e, MN_E_USAGE, "Validation failed: This poll takes one choice");
    *ret = bits;
    return MN_OK;
}

static mn_rc check_vote(const mn_compose *c, uint64_t account, uint64_t poll,
                        const uint64_t *choices, size_t n, mn_arena *ar, uint32_t *ret,
                        mn_err *e)
{
    mn_poll p;
    mn_post post;
    mn_rc rc = mn_store_poll(c->store, poll, ar, &p, e);
    if (rc == MN_E_NOT_FOUND) return mn_fail(e, rc, "there is no such poll");
    MN_TRY(rc);
    MN_TRY(mn_compose__visible(c->store, p.post_id, account, "there is no such poll", ar, &post,
                               e));
    if (p.account_id == account)
        return mn_fail(e, MN_E_USAGE, "Validation failed: You can't vote in your own polls");
    if (p.expires_ms && p.expires_ms <= mn_now_ms())
        return mn_fail(e, MN_E_USAGE, "Validation failed: The poll has already ended");
    return choices_of(&p, choices, n, ret, e);
}

mn_rc mn_social_vote(const mn_compose *c, uint64_t account, uint64_t poll,
                     const uint64_t *choices, size_t n, mn_err *e)
{
    mn_arena ar;
    mn_tx *tx;
    uint32_t bits = 0;
    mn_arena_init(&ar, 0);
    mn_rc rc = check_vote(c, account, poll, choices, n, &ar, &bits, e);
    mn_arena_release(&ar);
    if (rc != MN_OK) return rc;
    MN_TRY(mn_store_begin(c->store, &tx, e));
    rc = mn_store_poll_vote(tx, poll, account, bits, e);
    if (rc == MN_OK) return mn_store_commit(tx, e);
    mn_store_rollback(tx);
    if (rc == MN_E_EXISTS)
        return mn_fail(e, MN_E_USAGE, "Validation failed: You have already voted on this poll");
    if (rc == MN_E_NOT_FOUND) return mn_fail(e, rc, "there is no such poll");
    return rc;
}

/* ---- polls that end ---------------------------------------------------------------------------------------------------- */

static mn_rc tell(mn_tx *tx, const mn_poll *p, uint64_t to, mn_err *e)
{
    return mn_social_notify(
        tx,
        &(mn_notice){
            .kind = MN_NOTICE_POLL, .to = to, .from = p->account_id, .post_id = p->post_id},
        NULL, e);
}

static mn_rc tell_voters(mn_tx *tx, const mn_poll *p, mn_err *e)
{
    mn_arena ar;
    uint64_t after = 0;
    size_t n = VOTERS_STEP;
    mn_rc rc = tell(tx, p, p->account_id, e);
    mn_arena_init(&ar, 0);
    while (rc == MN_OK && n == VOTERS_STEP) {
        uint64_t *ids = NULL;
        mn_arena_reset(&ar);
        rc = mn_store_poll_voters(tx, p->id, after, VOTERS_STEP, &ar, &ids, &n, e);
        for (size_t i = 0; rc == MN_OK && i < n; i++) {
            rc = tell(tx, p, ids[i], e);
            after = ids[i];
        }
    }
    mn_arena_release(&ar);
    return rc;
}

mn_rc mn_social_polls_ended(const mn_compose *c, int64_t now_ms, size_t limit, size_t *ret_n,
                            mn_err *e)
{
    mn_arena ar;
    mn_tx *tx;
    mn_poll *polls = NULL;
    size_t n = 0;
    MN_TRY(mn_store_begin(c->store, &tx, e));
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_polls_take_ended(tx, now_ms, limit, &ar, &polls, &n, e);
    for (size_t i = 0; rc == MN_OK && i < n; i++) {
        rc = tell_voters(tx, &polls[i], e);
        if (rc == MN_OK) rc = mn_compose__tell_counts(tx, polls[i].post_id, e);
    }
    mn_arena_release(&ar);
    rc = mn_store_end(tx, rc, e);
    if (rc == MN_OK) *ret_n = n;
    return rc;
}

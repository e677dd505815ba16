/* The Poll entity. */
#include "api/mastodon/statuses.h"
#include "base/clock.h"

static void put_options(const mn_poll *p, bool totals, mn_json_writer *j)
{
    mn_jw_key(j, "options");
    mn_jw_array(j);
    for (size_t i = 0; i < p->n_options; i++) {
        mn_jw_object(j);
        mn_jw_kstr(j, "title", p->options[i].title);
        mn_jw_key(j, "votes_count");
        if (totals) mn_jw_u64(j, p->options[i].votes);
        else mn_jw_null(j);
        mn_jw_object_end(j);
    }
    mn_jw_array_end(j);
}

static void put_own(const mn_poll *p, uint64_t me, uint32_t votes, mn_json_writer *j)
{
    mn_jw_kbool(j, "voted", votes != 0 || p->account_id == me);
    mn_jw_key(j, "own_votes");
    mn_jw_array(j);
    for (unsigned i = 0; i < MN_POLL_OPTIONS_MAX; i++)
        if (votes >> i & 1) mn_jw_u64(j, i);
    mn_jw_array_end(j);
}

mn_rc mn_entity_poll(const mn_view *v, uint64_t poll_id, mn_json_writer *j, mn_err *e)
{
    mn_poll p;
    uint32_t votes = 0;
    uint64_t sum = 0;
    mn_store *s = v->api->home->store;
    MN_TRY(mn_store_poll(s, poll_id, v->arena, &p, e));
    if (v->me) MN_TRY(mn_store_poll_votes(s, poll_id, v->me, &votes, e));
    bool expired = p.expires_ms && p.expires_ms <= mn_now_ms();
    mn_str titles[MN_POLL_OPTIONS_MAX];
    for (size_t i = 0; i < p.n_options; i++) {
        sum += p.options[i].votes;
        titles[i] = p.options[i].title;
    }
    mn_jw_object(j);
    mn_jw_kid(j, "id", p.id);
    mn_jw_key(j, "expires_at");
    if (p.expires_ms) mn_jw_time(j, p.expires_ms);
    else mn_jw_null(j);
    mn_jw_kbool(j, "expired", expired);
    mn_jw_kbool(j, "multiple", p.multiple);
    mn_jw_ku64(j, "votes_count", sum);
    mn_jw_ku64(j, "voters_count", p.n_voters);
    put_options(&p, expired || !p.hide_totals, j);
    mn_jw_key(j, "emojis");
    MN_TRY(mn_entity_emoji_in(v, titles, p.n_options, j, e));
    if (v->me) put_own(&p, v->me, votes, j);
    mn_jw_object_end(j);
    return MN_OK;
}

/* Conversations: each of a direct post's people has the thread at the top of theirs. */
#include "social/conversations.h"

#include "store/conversations.h"
#include "store/people.h"

static mn_rc blocks(mn_tx *tx, uint64_t who, uint64_t author, mn_arena *ar, bool *ret,
                    mn_err *e)
{
    mn_relation r;
    mn_rc rc = mn_store_relation(tx, who, author, ar, &r, e);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    *ret = rc == MN_E_NOT_FOUND || r.blocking;
    return MN_OK;
}

/* The people of the post but one: author first, then those mentioned. */
static size_t others_of(const uint64_t *people, size_t n, uint64_t one, uint64_t *ret)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (people[i] != one) ret[k++] = people[i];
    return k;
}

static mn_rc put(mn_tx *tx, const mn_post *p, uint64_t who, const uint64_t *people, size_t n,
                 mn_err *e)
{
    uint64_t others[MN_CONVERSATION_PEOPLE_MAX], id = 0;
    mn_conversation c = {.account_id = who,
                         .thread_id = p->thread_id,
                         .last_post_id = p->id,
                         .unread = who != p->account_id,
                         .others = others,
                         .n_others = others_of(people, n, who, others)};
    MN_TRY(mn_store_conversation_put(tx, &c, &id, e));
    return mn_store_event(tx, (mn_event){.kind = MN_EV_CONVERSATION, .id = id, .account = who},
                          e);
}

static bool holds(const uint64_t *ids, size_t n, uint64_t id)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] == id) return true;
    return false;
}

static mn_rc add(mn_tx *tx, const mn_post *p, const uint64_t *mentioned, size_t n, mn_arena *ar,
                 mn_err *e)
{
    uint64_t people[MN_CONVERSATION_PEOPLE_MAX] = {p->account_id};
    size_t n_people = 1;
    for (size_t i = 0; i < n; i++) {
        if (holds(people, n_people, mentioned[i])) continue;
        if (n_people == MN_CONVERSATION_PEOPLE_MAX)
            return mn_fail(e, MN_E_LIMIT, "a direct post mentions at most %d people",
                           MN_CONVERSATION_PEOPLE_MAX - 1);
        people[n_people++] = mentioned[i];
    }
    for (size_t i = 0; i < n_people; i++) {
        bool blocked = false;
        if (i) MN_TRY(blocks(tx, people[i], p->account_id, ar, &blocked, e));
        if (!blocked) MN_TRY(put(tx, p, people[i], people, n_people, e));
    }
    return MN_OK;
}

mn_rc mn_social_conversation_add(mn_tx *tx, const mn_post *p, const uint64_t *mentioned,
                                 size_t n, mn_err *e)
{
    mn_arena ar;
    mn_arena_init(&ar, 0);
    mn_rc rc = add(tx, p, mentioned, n, &ar, e);
    mn_arena_release(&ar);
    return rc;
}

mn_rc mn_social_conversation_gone(mn_tx *tx, uint64_t post_id, uint64_t thread_id, mn_err *e)
{
    return mn_store_conversation_post_gone(tx, thread_id, post_id, e);
}

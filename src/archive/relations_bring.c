/* Relations made true again: done as the member would do it, where the other is here; kept, where not. */
#include "archive/moving_int.h"
#include "base/clock.h"
#include "base/snowflake.h"
#include "social/people.h"
#include "store/lists.h"
#include "store/marks.h"

#define LISTS_MAX 50  /* as the API has it */
#define TITLE_MAX 255 /* characters */

typedef struct bring {
    const mn_place *p;
    mn_tx *tx;
    uint64_t me;
    mn_related kind;
    const mn_relation_row *r;
    mn_arena *ar;
    mn_moving_report *count;
    mn_err *e;
} bring;

/* What the community's rules forbid is counted; anything else is a failure. */
static mn_rc ruled(bring *b, mn_rc rc)
{
    if (rc == MN_OK) b->count->created++;
    else if (rc == MN_E_DENIED || rc == MN_E_NOT_FOUND || rc == MN_E_USAGE || rc == MN_E_LIMIT)
        b->count->refused++;
    else return rc;
    return MN_OK;
}

static mn_rc keep(bring *b, mn_str ref)
{
    mn_buf data;
    mn_json_writer j;
    bool fresh = false;
    mn_buf_init(&data, 4096);
    mn_json_writer_init(&j, &data, 0);
    mn_jw_object(&j);
    mn_moving__row_json(b->kind, b->r, &j);
    mn_jw_object_end(&j);
    mn_rc rc = data.failed ? mn_fail(b->e, data.failed, "no memory for a relation") : MN_OK;
    if (rc == MN_OK) {
        mn_brought row = {ref, data.len > 2 ? mn_buf_str(&data) : MN_STR("")};
        rc = mn_store_brought_add(b->tx, b->me, mn_str_from(mn_related_names[b->kind]), &row,
                                  &fresh, b->e);
    }
    mn_buf_release(&data);
    if (rc != MN_OK) return rc;
    if (fresh) b->count->waiting++;
    else b->count->already++;
    return MN_OK;
}

/* ---- people ---------------------------------------------------------------------------------------------------------- */

static mn_rc follow(bring *b, uint64_t id)
{
    bool asked = false;
    mn_follow_opts o = {.has_boosts = true,
                        .boosts = b->r->boosts,
                        .has_notify = true,
                        .notify = b->r->notify,
                        .has_languages = b->r->languages.len > 0,
                        .languages = b->r->languages,
                        .no_notice = true};
    mn_rc rc = mn_social_follow(b->tx, b->me, id, &o, &asked, b->e);
    if (rc == MN_E_USAGE && o.has_languages) { /* codes that are none here */
        o.has_languages = false;
        rc = mn_social_follow(b->tx, b->me, id, &o, &asked, b->e);
    }
    if (rc == MN_OK && asked) b->count->asked++;
    return ruled(b, rc);
}

static mn_rc mute(bring *b, uint64_t id)
{
    int64_t left_s = b->r->expires_ms ? (b->r->expires_ms - mn_now_ms()) / 1000 : 0;
    if (b->r->expires_ms && left_s <= 0) {
        b->count->refused++; /* it has ended */
        return MN_OK;
    }
    return ruled(b, mn_social_mute(b->tx, b->me, id, b->r->notifications, left_s, b->e));
}

static mn_rc person_here(bring *b, uint64_t id)
{
    mn_relation rel;
    if (id == b->me) {
        b->count->refused++;
        return MN_OK;
    }
    mn_rc rc = mn_store_relation(b->tx, b->me, id, b->ar, &rel, b->e);
    if (rc == MN_E_NOT_FOUND) {
        b->count->unknown++;
        return MN_OK;
    }
    if (rc != MN_OK) return rc;
    bool is = b->kind == MN_RELATED_FOLLOW  ? rel.following || rel.requested
              : b->kind == MN_RELATED_BLOCK ? rel.blocking
                                            : rel.muting;
    if (is) {
        b->count->already++;
        return MN_OK;
    }
    if (b->kind == MN_RELATED_FOLLOW) return follow(b, id);
    if (b->kind == MN_RELATED_MUTE) return mute(b, id);
    return ruled(b, mn_social_block(b->tx, b->me, id, b->e));
}

static mn_rc person(bring *b)
{
    uint64_t id = 0;
    bool local = false;
    mn_str address;
    MN_TRY(mn_moving__account(b->p, b->r->ref, b->ar, &id, &local, &address, b->e));
    if (id) return person_here(b, id);
    if (address.ptr && !local) return keep(b, address);
    b->count->unknown++;
    return MN_OK;
}

static mn_rc domain(bring *b)
{
    mn_bounds all = {.limit = 1000};
    mn_domain_row *rows = NULL;
    size_t n = 0;
    MN_TRY(mn_store_domain_blocks_page(b->p->store, b->me, all, b->ar, &rows, &n, b->e));
    for (size_t i = 0; i < n; i++)
        if (mn_str_eq_nocase(rows[i].domain, b->r->ref)) {
            b->count->already++;
            return MN_OK;
        }
    return ruled(b, mn_social_domain_block(b->tx, b->me, b->r->ref, true, b->e));
}

/* ---- lists ------------------------------------------------------------------------------------------------------------ */

static mn_rc make_list(bring *b, mn_str title, uint64_t *ret, mn_err *e)
{
    uint64_t n = 0;
    mn_list l = {.id = mn_snowflake_next(),
                 .account_id = b->me,
                 .title = title,
                 .replies = (mn_list_replies)b->r->replies,
                 .exclusive = b->r->exclusive};
    *ret = 0;
    MN_TRY(mn_store_list_count(b->tx, b->me, &n, e));
    if (n >= LISTS_MAX || !title.len || mn_utf8_count(title) > TITLE_MAX) return MN_OK;
    MN_TRY(mn_store_list_add(b->tx, &l, e));
    *ret = l.id;
    return mn_store_event(b->tx, (mn_event){.kind = MN_EV_LIST, .id = l.id, .account = b->me},
                          e);
}

/* The list of that title; *ret_was: it was there before. */
static mn_rc list_of(bring *b, mn_str title, uint64_t *ret, bool *ret_was)
{
    mn_list *l = NULL;
    size_t n = 0;
    MN_TRY(mn_store_lists(b->p->store, b->me, 0, b->ar, &l, &n, b->e));
    *ret_was = true;
    for (size_t i = 0; i < n; i++)
        if (mn_str_eq(l[i].title, title)) {
            *ret = l[i].id;
            return MN_OK;
        }
    *ret_was = false;
    return make_list(b, title, ret, b->e);
}

static mn_rc add_member(bring *b, uint64_t list, uint64_t id)
{
    bool changed = false;
    mn_relation rel = {0};
    mn_rc rc = id == b->me ? MN_OK : mn_store_relation(b->tx, b->me, id, b->ar, &rel, b->e);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    if (rc != MN_OK || (id != b->me && !rel.following)) {
        b->count->refused++;
        return MN_OK;
    }
    MN_TRY(mn_store_list_member_set(b->tx, list, id, true, &changed, b->e));
    if (changed) b->count->created++;
    else b->count->already++;
    return mn_store_event(b->tx, (mn_event){.kind = MN_EV_LIST, .id = list, .account = b->me},
                          b->e);
}

static mn_rc list(bring *b)
{
    uint64_t list_id = 0, id = 0;
    bool was = false, local = false;
    mn_str address, clean, title = mn_str_split(b->r->ref, '\n', &address);
    MN_TRY(list_of(b, title, &list_id, &was));
    if (!list_id) {
        b->count->refused++;
        return MN_OK;
    }
    if (!address.len) {
        if (was) b->count->already++;
        else b->count->created++;
        return MN_OK;
    }
    MN_TRY(mn_moving__account(b->p, address, b->ar, &id, &local, &clean, b->e));
    if (id) return add_member(b, list_id, id);
    if (clean.ptr && !local) {
        mn_str ref = mn_str_fmt(b->ar, "%.*s\n%.*s", MN_STR_FMT(title), MN_STR_FMT(clean));
        return ref.ptr ? keep(b, ref) : mn_fail(b->e, MN_E_NOMEM, "no memory for a list");
    }
    b->count->unknown++;
    return MN_OK;
}

/* ---- marks ------------------------------------------------------------------------------------------------------------ */

/* May the member have come across that post? Marks on what one may not see would tell that it is there. */
static mn_rc visible(bring *b, uint64_t id, bool *ret)
{
    mn_post x;
    *ret = false;
    mn_rc rc = mn_store_post(b->p->store, id, b->ar, &x, b->e);
    if (rc == MN_E_NOT_FOUND) {
        *ret = true; /* of this very transaction: one's own */
        return MN_OK;
    }
    return rc == MN_OK ? mn_social_may_see(b->p->store, &x, b->me, ret, b->e) : rc;
}

static mn_rc mark(bring *b, mn_mark which)
{
    uint64_t id = 0;
    bool changed = false, may = false;
    MN_TRY(mn_moving__post(b->p, b->tx, b->r->ref, &id, b->e));
    if (id) MN_TRY(visible(b, id, &may));
    if (id && !may) id = 0;
    if (!id && b->kind == MN_RELATED_PIN) {
        b->count->unknown++;
        return MN_OK;
    }
    if (!id) return keep(b, b->r->ref);
    MN_TRY(mn_store_mark_set(b->tx, which, b->me, id, true, &changed, b->e));
    if (changed) b->count->created++;
    else b->count->already++;
    return MN_OK;
}

mn_rc mn_moving__bring(const mn_place *p, mn_tx *tx, uint64_t account, mn_related kind,
                       const mn_relation_row *r, mn_arena *ar, mn_moving_report *count,
                       mn_err *e)
{
    bring b = {p, tx, account, kind, r, ar, count, e};
    count->rows++;
    switch (kind) {
    case MN_RELATED_DOMAIN:
        return domain(&b);
    case MN_RELATED_LIST:
        return list(&b);
    case MN_RELATED_BOOKMARK:
        return mark(&b, MN_MARK_BOOKMARK);
    case MN_RELATED_LIKE:
        return mark(&b, MN_MARK_FAVOURITE);
    case MN_RELATED_PIN:
        return mark(&b, MN_MARK_PIN);
    default:
        return person(&b);
    }
}

/* A post made: what was asked for is checked and understood with readers first; then everything is written in one short
 * transaction. What could have changed in between and matters (the key of the request, who owns the media) is decided again
 * by the statements inside. */
#include "social/compose.h"

#include "base/clock.h"
#include "base/conf.h"
#include "base/snowflake.h"
#include "social/compose_int.h"
#include "social/conversations.h"
#include "social/moderation.h"
#include "social/notify.h"
#include "social/tags.h"
#include "store/marks.h"
#include "store/media.h"
#include "store/polls.h"
#include "store/scheduled.h"
#include "text/count.h"

mn_rc mn_compose_init(mn_store *s, const struct mn_conf *conf, mn_str domain, mn_compose *ret,
                      mn_err *e)
{
    uint64_t characters = 0;
    MN_TRY(mn_conf_u64(conf, "post_characters", 1, 1000000, &characters, e));
    *ret = (mn_compose){.store = s,
                        .domain = domain,
                        .limits = {.characters = (size_t)characters,
                                   .media = 4,
                                   .poll_options = 4,
                                   .poll_option_characters = 50,
                                   .poll_min_s = 300,
                                   .poll_max_s = INT64_C(2629746),
                                   .pins = 5,
                                   .scheduled = 300,
                                   .scheduled_a_day = 25,
                                   .scheduled_min_s = 300,
                                   .drafts = 100}};
    return MN_OK;
}

void mn_draft_init(mn_draft *d, uint64_t account_id)
{
    *d = (mn_draft){
        .account_id = account_id, .visibility = -1, .sensitive = -1, .quote_policy = -1};
}

/* ---- what is asked for --------------------------------------------------------------------------------------------- */

mn_rc mn_compose__author(const mn_compose *c, uint64_t id, mn_arena *ar, mn_account *ret,
                         mn_prefs *ret_prefs, mn_err *e)
{
    MN_TRY(mn_store_account_by_id(c->store, id, ar, ret, e));
    if (ret->state != MN_ACCOUNT_ACTIVE)
        return mn_fail(e, MN_E_DENIED, "this account may not post");
    if (ret_prefs) *ret_prefs = mn_social_prefs_read(ret->settings, ar);
    return MN_OK;
}

mn_rc mn_compose__visible(mn_store *s, uint64_t id, uint64_t viewer, const char *message,
                          mn_arena *ar, mn_post *ret, mn_err *e)
{
    bool may = false;
    mn_rc rc = mn_store_post(s, id, ar, ret, e);
    if (rc == MN_OK) rc = mn_social_may_see(s, ret, viewer, &may, e);
    if (rc == MN_E_NOT_FOUND || (rc == MN_OK && !may))
        return mn_fail(e, MN_E_NOT_FOUND, "%s", message ? message : "there is no such post");
    return rc;
}

mn_rc mn_compose__poll(const mn_compose_limits *l, const mn_str *options, size_t n,
                       int64_t expires_s, mn_err *e)
{
    if (n < 2)
        return mn_fail(e, MN_E_USAGE, "Validation failed: Options must be more than one");
    if (n > l->poll_options)
        return mn_fail(e, MN_E_LIMIT, "Validation failed: Options can't be more than %zu",
                       l->poll_options);
    for (size_t i = 0; i < n; i++) {
        if (mn_str_trim(options[i]).len == 0)
            return mn_fail(e, MN_E_USAGE, "Validation failed: Options can't be blank");
        if (mn_text_graphemes(options[i]) > l->poll_option_characters)
            return mn_fail(
                e, MN_E_LIMIT,
                "Validation failed: Options can't be longer than %zu characters each",
                l->poll_option_characters);
        for (size_t k = 0; k < i; k++)
            if (mn_str_eq(mn_str_trim(options[i]), mn_str_trim(options[k])))
                return mn_fail(e, MN_E_USAGE, "Validation failed: Options must be unique");
    }
    if (expires_s < l->poll_min_s || expires_s > l->poll_max_s)
        return mn_fail(e, MN_E_LIMIT,
                       "Validation failed: Expires in must be between %lld and %lld seconds",
                       (long long)l->poll_min_s, (long long)l->poll_max_s);
    return MN_OK;
}

/* All that a new post needs, gathered before the transaction. */
typedef struct plan {
    mn_account author;
    mn_prefs prefs;
    mn_post post, quoted;
    mn_compose_text text;
    uint64_t scheduled; /* the scheduled post that this one is; 0: none */
} plan;

mn_quote_may mn_social_may_quote(const mn_post *p, uint64_t viewer, bool follows_author)
{
    if (p->deleted_ms || p->boost_of || viewer == 0) return MN_QUOTE_NO;
    if (p->account_id == viewer)
        return p->visibility == MN_VIS_DIRECT ? MN_QUOTE_NO : MN_QUOTE_YES;
    if (p->visibility > MN_VIS_UNLISTED) return MN_QUOTE_NO;
    if (p->quote_policy == MN_QUOTES_PUBLIC) return MN_QUOTE_YES;
    return p->quote_policy == MN_QUOTES_FOLLOWERS && follows_author ? MN_QUOTE_YES
                                                                    : MN_QUOTE_NO;
}

static mn_rc plan_quote(const mn_compose *c, const mn_draft *d, plan *p, mn_arena *ar,
                        mn_err *e)
{
    bool follows = false;
    if (!d->quote_of) return MN_OK;
    MN_TRY(mn_compose__visible(c->store, d->quote_of, d->account_id,
                               "The post you are trying to quote does not appear to exist.", ar,
                               &p->quoted, e));
    if (p->quoted.quote_policy == MN_QUOTES_FOLLOWERS)
        MN_TRY(mn_store_follow_is(c->store, d->account_id, p->quoted.account_id, &follows, e));
    if (mn_social_may_quote(&p->quoted, d->account_id, follows) != MN_QUOTE_YES)
        return mn_fail(e, MN_E_DENIED, "its author does not allow this post to be quoted");
    if (p->quoted.visibility == MN_VIS_FOLLOWERS && p->post.visibility < MN_VIS_FOLLOWERS)
        p->post.visibility = MN_VIS_FOLLOWERS; /* one's own, for followers, stays so */
    p->post.quote_of = d->quote_of;
    return MN_OK;
}

static mn_rc plan_reply(const mn_compose *c, const mn_draft *d, plan *p, mn_arena *ar,
                        mn_err *e)
{
    mn_post parent;
    if (!d->reply_to) return MN_OK;
    MN_TRY(mn_compose__visible(c->store, d->reply_to, d->account_id,
                               "The post you are trying to reply to does not appear to exist.",
                               ar, &parent, e));
    /* An answer to a boost answers the post that was boosted. */
    p->post.reply_to = parent.boost_of ? parent.boost_of : parent.id;
    p->post.reply_account = parent.boost_of ? 0 : parent.account_id;
    return MN_OK;
}

static mn_rc plan_text(const mn_compose *c, const mn_draft *d, plan *p, mn_arena *ar, mn_err *e)
{
    bool more = d->n_media > 0 || d->n_poll > 0 || d->quote_of != 0 || d->warning.len > 0;
    mn_str text = d->text, warning = d->warning;
    if (mn_str_trim(text).len == 0 && d->n_media == 0 && d->n_poll == 0 && !d->quote_of) {
        /* A warning over nothing is the text. */
        text = warning;
        warning = MN_STR("");
        more = false;
    }
    MN_TRY(mn_compose__text(c, d->account_id, text, warning, more, d->poll, d->n_poll, ar,
                            &p->text, e));
    p->post.text = p->text.text;
    p->post.warning = p->text.warning;
    return mn_compose__lang(d->lang, p->prefs.language, p->text.text, ar, &p->post.lang, e);
}

static void plan_settings(const mn_draft *d, plan *p)
{
    const mn_prefs *f = &p->prefs;
    mn_post *t = &p->post;
    t->id = mn_snowflake_next();
    t->account_id = d->account_id;
    t->created_ms = mn_now_ms();
    t->visibility = d->visibility < 0 ? f->privacy : (mn_visibility)d->visibility;
    if (t->visibility == MN_VIS_PUBLIC && p->author.silenced_ms)
        t->visibility = MN_VIS_UNLISTED;
    t->sensitive = d->sensitive < 0 ? f->sensitive : d->sensitive != 0;
    t->quote_policy = d->quote_policy < 0 ? f->quotes : (mn_quote_policy)d->quote_policy;
    t->app_id = d->app_id;
    t->consent = d->consent;
    t->lang = MN_STR("");
    t->origin = MN_STR("");
}

static mn_rc make_plan(const mn_compose *c, const mn_draft *d, mn_arena *ar, plan *p, mn_err *e)
{
    MN_TRY(mn_compose__author(c, d->account_id, ar, &p->author, &p->prefs, e));
    plan_settings(d, p);
    if (d->n_poll) {
        MN_TRY(mn_compose__poll(&c->limits, d->poll, d->n_poll, d->poll_expires_s, e));
        if (d->n_media)
            return mn_fail(e, MN_E_USAGE,
                           "Validation failed: a post has media or a poll, not both");
        p->post.poll_id = mn_snowflake_next();
    }
    if (d->n_media > c->limits.media)
        return mn_fail(e, MN_E_LIMIT, "Validation failed: Cannot attach more than %zu files",
                       c->limits.media);
    MN_TRY(plan_reply(c, d, p, ar, e));
    MN_TRY(plan_quote(c, d, p, ar, e));
    MN_TRY(plan_text(c, d, p, ar, e));
    if (p->text.warning.len || p->text.sensitive) p->post.sensitive = true;
    if (p->post.visibility >
        MN_VIS_UNLISTED) /* only its author quotes what is not for everybody */
        p->post.quote_policy = MN_QUOTES_NOBODY;
    return MN_OK;
}

/* ---- writing ------------------------------------------------------------------------------------------------------- */

mn_rc mn_compose__tell_counts(mn_tx *tx, uint64_t post, mn_err *e)
{
    if (!post) return MN_OK;
    return mn_store_event(tx, (mn_event){.kind = MN_EV_POST_COUNTS, .id = post}, e);
}

mn_rc mn_compose__media_rc(mn_rc rc, mn_err *e)
{
    if (rc == MN_E_BUSY)
        return mn_fail(e, MN_E_USAGE,
                       "Validation failed: files that are still being processed can't be "
                       "attached; try again in a moment");
    if (rc == MN_E_NOT_FOUND)
        return mn_fail(
            e, MN_E_USAGE,
            "Validation failed: there is no such file, or it is attached to another post");
    return rc;
}

static mn_rc add_poll(mn_tx *tx, const mn_draft *d, const plan *p, mn_err *e)
{
    mn_poll poll = {.id = p->post.poll_id,
                    .post_id = p->post.id,
                    .account_id = d->account_id,
                    .expires_ms = p->post.created_ms + d->poll_expires_s * 1000,
                    .multiple = d->poll_multiple,
                    .hide_totals = d->poll_hide_totals,
                    .n_options = d->n_poll};
    for (size_t i = 0; i < d->n_poll && i < MN_POLL_OPTIONS_MAX; i++)
        poll.options[i].title = mn_str_trim(d->poll[i]);
    return mn_store_poll_add(tx, &poll, e);
}

static mn_rc tell(mn_tx *tx, mn_notice_kind kind, uint64_t to, const mn_post *p, mn_err *e)
{
    if (to == p->account_id) return MN_OK;
    return mn_social_notify(tx,
                            &(mn_notice){.kind = kind,
                                         .to = to,
                                         .from = p->account_id,
                                         .post_id = p->id,
                                         .at_ms = p->created_ms},
                            NULL, e);
}

/* Those mentioned, the quoted author, and followers who asked to be told of each post; nobody twice. */
static mn_rc tell_people(mn_tx *tx, const plan *p, mn_arena *ar, mn_err *e)
{
    const mn_post *t = &p->post;
    uint64_t *bells = NULL;
    size_t n = 0;
    for (size_t i = 0; i < p->text.n_mentions; i++)
        MN_TRY(tell(tx, MN_NOTICE_MENTION, p->text.mentions[i], t, e));
    if (t->quote_of) MN_TRY(tell(tx, MN_NOTICE_QUOTE, p->quoted.account_id, t, e));
    bool to_others = t->reply_to && t->reply_account != t->account_id;
    if (t->visibility == MN_VIS_DIRECT || to_others) return MN_OK;
    MN_TRY(mn_store_follow_bells(tx, t->account_id, ar, &bells, &n, e));
    for (size_t i = 0; i < n; i++) {
        bool told = t->quote_of && p->quoted.account_id == bells[i];
        for (size_t k = 0; !told && k < p->text.n_mentions; k++)
            told = p->text.mentions[k] == bells[i];
        if (!told) MN_TRY(tell(tx, MN_NOTICE_STATUS, bells[i], t, e));
    }
    return MN_OK;
}

/* The thread that the store found for it. */
static mn_rc add_conversation(mn_tx *tx, const plan *p, mn_err *e)
{
    mn_post t = p->post;
    if (t.visibility != MN_VIS_DIRECT) return MN_OK;
    MN_TRY(mn_store_post_thread(tx, t.id, &t.thread_id, e));
    return mn_social_conversation_add(tx, &t, p->text.mentions, p->text.n_mentions, e);
}

static mn_rc write_post(const mn_compose *c, mn_tx *tx, const mn_draft *d, const plan *p,
                        mn_arena *ar, mn_err *e)
{
    const mn_post *t = &p->post;
    MN_TRY(mn_store_post_add(tx, t, e));
    if (p->text.n_mentions)
        MN_TRY(mn_store_mentions_set(tx, t->id, p->text.mentions, p->text.n_mentions, e));
    if (memchr(t->text.ptr ? t->text.ptr : "", '#', t->text.len) ||
        memmem(t->text.ptr ? t->text.ptr : "", t->text.len, "\uff03", 3))
        MN_TRY(mn_social_tags_write(tx, t->id, t->text, true, e));
    if (d->n_media)
        MN_TRY(mn_compose__media_rc(
            mn_store_media_attach(tx, t->account_id, t->id, d->media, d->n_media, e), e));
    if (t->poll_id) MN_TRY(add_poll(tx, d, p, e));
    MN_TRY(add_conversation(tx, p, e));
    MN_TRY(tell_people(tx, p, ar, e));
    if (c->written) MN_TRY(c->written(tx, t, e));
    if (p->text.report)
        MN_TRY(mn_moderation_flag(tx, t->account_id, t->id, p->text.filter_id, e));
    MN_TRY(mn_compose__tell_counts(tx, t->reply_to, e));
    MN_TRY(mn_compose__tell_counts(tx, t->quote_of, e));
    return mn_store_event(tx,
                          (mn_event){.kind = MN_EV_ACCOUNT,
                                     .account = t->account_id,
                                     .other = MN_EV_ACCOUNT_COUNTS},
                          e);
}

/* In one transaction. MN_E_EXISTS: the key is taken, *ret says by what. */
static mn_rc write_once(const mn_compose *c, const mn_draft *d, const plan *p, mn_arena *ar,
                        uint64_t *ret, mn_err *e)
{
    mn_tx *tx;
    mn_rc rc = MN_OK;
    int64_t since = p->post.created_ms - MN_IDEMPOTENT_MS;
    MN_TRY(mn_store_begin(c->store, &tx, e));
    if (d->idempotency_key.len)
        rc = mn_store_idempotency_put(tx, d->account_id, d->idempotency_key, p->post.id,
                                      p->post.created_ms, since, e);
    if (rc == MN_E_EXISTS) {
        mn_rc got =
            mn_store_idempotency_get(tx, d->account_id, d->idempotency_key, since, ret, e);
        mn_store_rollback(tx);
        return got == MN_OK ? MN_E_EXISTS : got;
    }
    if (rc == MN_OK && p->scheduled) {
        /* Its media are free again for the post. */
        rc = mn_store_scheduled_remove(tx, d->account_id, p->scheduled, e);
        if (rc == MN_E_NOT_FOUND) rc = MN_E_EXISTS;
    }
    if (rc == MN_OK) rc = write_post(c, tx, d, p, ar, e);
    return mn_store_end(tx, rc, e);
}

mn_rc mn_compose__check(const mn_compose *c, const mn_draft *d, mn_err *e)
{
    mn_arena ar;
    plan p = {0};
    mn_arena_init(&ar, 0);
    mn_rc rc = make_plan(c, d, &ar, &p, e);
    mn_arena_release(&ar);
    return rc;
}

mn_rc mn_compose__publish(const mn_compose *c, const mn_draft *d, uint64_t scheduled, mn_err *e)
{
    mn_arena ar;
    plan p = {.scheduled = scheduled};
    uint64_t none = 0;
    mn_arena_init(&ar, 0);
    mn_rc rc = make_plan(c, d, &ar, &p, e);
    if (rc == MN_OK) rc = write_once(c, d, &p, &ar, &none, e);
    mn_arena_release(&ar);
    return rc;
}

mn_rc mn_social_post_create(const mn_compose *c, const mn_draft *d, mn_created *ret, mn_err *e)
{
    mn_arena ar;
    plan p = {0};
    uint64_t earlier = 0;
    if (d->idempotency_key.len > 256)
        return mn_fail(e, MN_E_LIMIT,
                       "Validation failed: an Idempotency-Key has at most 256 bytes");
    if (d->scheduled_ms > mn_now_ms()) return mn_compose__schedule(c, d, ret, e);
    mn_arena_init(&ar, 0);
    mn_rc rc = make_plan(c, d, &ar, &p, e);
    if (rc == MN_OK) rc = write_once(c, d, &p, &ar, &earlier, e);
    mn_arena_release(&ar);
    if (rc == MN_OK) *ret = (mn_created){.post_id = p.post.id};
    if (rc != MN_E_EXISTS) return rc;
    *ret = (mn_created){.post_id = earlier, .repeated = true};
    return MN_OK;
}

mn_rc mn_social_idempotency_forget(const mn_compose *c, int64_t now_ms, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(c->store, &tx, e));
    return mn_store_end(tx, mn_store_idempotency_forget(tx, now_ms - MN_IDEMPOTENT_MS, e), e);
}

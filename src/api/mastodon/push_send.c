/* The job "push", and the server's key. */
#include <stdio.h>

#include "api/mastodon/push.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/hash.h"
#include "base/log.h"
#include "store/access.h"

#define KEY_NAME   "vapid_private_key" /* in the store's meta */
#define TTL_S      (48 * 3600)
#define SEND_MS    8000
#define REST_US    60000000 /* for a host that did not answer */
#define HOSTS      64       /* remembered; a power of two */
#define LETTER_MAX 65536

struct mn_pushing {
    mn_vapid *key;
    pthread_mutex_t lock;
    struct {
        uint64_t host; /* a hash */
        int64_t until_us;
    } resting[HOSTS];
};

/* ---- the key --------------------------------------------------------------------------------------------------- */

/* Within a transaction, so that of two processes that start at once the second finds what the first has made. */
static mn_rc make_key(mn_store *s, mn_arena *ar, mn_str *ret, mn_err *e)
{
    mn_tx *tx;
    char made[44];
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc = mn_store_meta_get(s, KEY_NAME, ar, ret, e);
    if (rc != MN_E_NOT_FOUND) {
        mn_store_rollback(tx);
        return rc;
    }
    rc = mn_vapid_generate(made, e);
    if (rc == MN_OK) rc = mn_store_meta_set(tx, KEY_NAME, mn_str_from(made), e);
    if (rc != MN_OK) {
        mn_store_rollback(tx);
        return rc;
    }
    *ret = mn_str_dup(ar, mn_str_from(made));
    return mn_store_commit(tx, e);
}

mn_rc mn_pushing_start(mn_api *a, mn_err *e)
{
    mn_arena ar;
    mn_str key = MN_STR_NONE;
    mn_pushing *p = a->pushing = mn_calloc(1, sizeof *p);
    if (!p) return mn_fail(e, MN_E_NOMEM, "out of memory starting the server");
    pthread_mutex_init(&p->lock, NULL);
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_meta_get(a->home->store, KEY_NAME, &ar, &key, e);
    if (rc == MN_E_NOT_FOUND) rc = make_key(a->home->store, &ar, &key, e);
    if (rc == MN_OK) rc = mn_vapid_new(key, &p->key, e);
    mn_arena_release(&ar);
    return rc;
}

void mn_pushing_free(mn_api *a)
{
    mn_pushing *p = a->pushing;
    if (!p) return;
    mn_vapid_free(p->key);
    pthread_mutex_destroy(&p->lock);
    mn_free(p);
    a->pushing = NULL;
}

const char *mn_api__vapid_public(const mn_api *a)
{
    return mn_vapid_public(a->pushing->key);
}

/* ---- hosts that do not answer ------------------------------------------------------------------------------------ */

static uint64_t host_of(mn_str endpoint)
{
    size_t from = mn_str_find(endpoint, MN_STR("://"), 0);
    mn_str rest, host = mn_str_sub(endpoint, from == SIZE_MAX ? 0 : from + 3, SIZE_MAX);
    host = mn_str_split(host, '/', &rest);
    return mn_hash64(host.ptr, host.len, 0) | 1;
}

static bool rests(mn_pushing *p, uint64_t host)
{
    pthread_mutex_lock(&p->lock);
    size_t i = host / 2 & (HOSTS - 1);
    bool yes = p->resting[i].host == host && p->resting[i].until_us > mn_mono_us();
    pthread_mutex_unlock(&p->lock);
    return yes;
}

static void let_rest(mn_pushing *p, uint64_t host)
{
    pthread_mutex_lock(&p->lock);
    size_t i = host / 2 & (HOSTS - 1);
    p->resting[i].host = host;
    p->resting[i].until_us = mn_mono_us() + REST_US;
    pthread_mutex_unlock(&p->lock);
}

/* ---- what is sent ------------------------------------------------------------------------------------------------ */

/* Is this notification one that the subscription asked for, from somebody it wants to hear of? */
static mn_rc wanted(mn_store *s, const mn_push *p, const mn_notification *n, bool *ret,
                    mn_err *e)
{
    *ret = p->account_id == n->account_id && p->alerts & MN_NOTICE_BIT(n->kind) &&
           p->policy != MN_PUSH_NONE && !n->filtered;
    if (!*ret || p->policy == MN_PUSH_ALL) return MN_OK;
    bool followed = p->policy == MN_PUSH_FOLLOWED;
    return mn_store_follow_is(s, followed ? n->account_id : n->from_id,
                              followed ? n->from_id : n->account_id, ret, e);
}

/* The sender as an Account entity, for name and picture. */
static mn_rc sender_of(mn_api *a, const mn_notification *n, mn_arena *ar, mn_json **ret,
                       mn_err *e)
{
    mn_buf b;
    mn_json_writer j;
    mn_view v = {.api = a, .arena = ar, .me = n->account_id};
    mn_buf_init(&b, LETTER_MAX);
    mn_json_writer_init(&j, &b, 0);
    mn_rc rc = mn_entity_account(&v, n->from_id, &j, e);
    if (rc == MN_OK && b.failed) rc = mn_fail(e, b.failed, "out of memory");
    if (rc == MN_OK) rc = mn_json_parse(mn_str_dup(ar, mn_buf_str(&b)), ar, ret, e);
    mn_buf_release(&b);
    return rc;
}

/* The warning or else the text of the post it is about, or what the sender says of themselves. */
static mn_rc subject_of(mn_api *a, const mn_notification *n, mn_arena *ar, mn_str *ret,
                        mn_err *e)
{
    mn_post p = {0};
    mn_account from = {0};
    mn_store *s = a->home->store;
    *ret = MN_STR("");
    if (n->post_id) {
        mn_rc rc = mn_store_post(s, n->post_id, ar, &p, e);
        if (rc == MN_OK) *ret = p.warning.len ? p.warning : p.text;
        return rc;
    }
    mn_rc rc = mn_store_account_by_id(s, n->from_id, ar, &from, e);
    if (rc == MN_OK) *ret = from.bio;
    return rc;
}

static mn_str locale_of(mn_api *a, uint64_t account, mn_arena *ar)
{
    mn_credentials c = {0};
    mn_err e = {0};
    mn_rc rc = mn_store_credentials(a->home->store, account, ar, &c, &e);
    return rc == MN_OK && c.locale.len ? c.locale : MN_STR("en");
}

static void write_letter(mn_buf *b, const mn_push *p, const mn_notification *n, mn_str locale,
                         const mn_json *from, mn_push_words words)
{
    mn_json_writer j;
    mn_json_writer_init(&j, b, 0);
    mn_jw_object(&j);
    mn_jw_kstr(&j, "access_token", p->access_token);
    mn_jw_kstr(&j, "preferred_locale", locale);
    mn_jw_kid(&j, "notification_id", n->id);
    mn_jw_kstrz(&j, "notification_type", mn_notice_name(n->kind));
    mn_jw_kstr(&j, "icon", mn_json_str(mn_json_get(from, "avatar_static")));
    mn_jw_kstr(&j, "title", words.title);
    mn_jw_kstr(&j, "body", words.body);
    mn_jw_object_end(&j);
}

static mn_rc letter_of(mn_api *a, const mn_push *p, const mn_notification *n, mn_arena *ar,
                       mn_str *ret, mn_err *e)
{
    mn_buf b;
    mn_json *from = NULL;
    mn_str subject;
    MN_TRY(sender_of(a, n, ar, &from, e));
    MN_TRY(subject_of(a, n, ar, &subject, e));
    mn_str locale = locale_of(a, n->account_id, ar);
    mn_str name = mn_json_str(mn_json_get(from, "display_name"));
    if (name.len == 0) name = mn_json_str(mn_json_get(from, "username"));
    mn_buf_init(&b, LETTER_MAX);
    write_letter(&b, p, n, locale, from, mn_push_words_of(n->kind, locale, name, subject, ar));
    *ret = b.failed ? MN_STR_NONE : mn_str_dup(ar, mn_buf_str(&b));
    mn_buf_release(&b);
    return ret->ptr ? MN_OK : mn_fail(e, MN_E_NOMEM, "out of memory");
}

static mn_rc end_subscription(mn_api *a, const mn_push *p, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(a->home->store, &tx, e));
    return mn_store_end(tx, mn_store_push_remove(tx, p->token_id, p->id, e), e);
}

/* What the service's answer means for the job. */
static mn_rc settle(mn_api *a, const mn_push *p, int status, mn_err *e)
{
    if (status >= 200 && status < 300) return MN_OK;
    if (status == 408 || status == 429 || status >= 500)
        return mn_fail(e, MN_E_BUSY, "the push service answered %d", status);
    return end_subscription(a, p, e);
}

static mn_rc send_letter(mn_api *a, const mn_push *p, mn_str letter, mn_arena *ar, mn_err *e)
{
    mn_webpush_message m;
    mn_client_resp resp;
    const char *mail = mn_conf_get(a->home->conf, "contact_email");
    mn_webpush w = {.endpoint = p->endpoint,
                    .p256dh = p->p256dh,
                    .auth = p->auth,
                    .standard = p->standard,
                    .subject = mail && *mail ? mn_str_fmt(ar, "mailto:%s", mail)
                                             : mn_str_from(a->base),
                    .ttl_s = TTL_S,
                    .urgency = "normal",
                    .plain = letter,
                    .now_ms = mn_now_ms()};
    MN_TRY(mn_webpush_make(a->pushing->key, &w, ar, &m, e));
    mn_client_req q = {.method = "POST",
                       .url = p->endpoint,
                       .headers = m.headers,
                       .n_headers = m.n_headers,
                       .body = m.body,
                       .timeout_ms = SEND_MS,
                       .max_bytes = LETTER_MAX,
                       .cut = true};
    mn_rc rc = mn_client_do(a->client, &q, &resp, e);
    if (rc == MN_E_BUSY || rc == MN_E_IO) let_rest(a->pushing, host_of(p->endpoint));
    if (rc != MN_OK) return rc;
    rc = settle(a, p, resp.status, e);
    mn_client_resp_release(&resp);
    return rc;
}

mn_rc mn_pushing_run(mn_api *a, const mn_json *payload, mn_arena *ar, mn_err *e)
{
    mn_push p;
    mn_notification n;
    mn_grant g;
    bool yes = false;
    mn_str letter;
    mn_store *s = a->home->store;
    uint64_t token = mn_json_u64(mn_json_get(payload, "token"), 0);
    uint64_t id = mn_json_u64(mn_json_get(payload, "notification"), 0);
    mn_rc rc = mn_store_push(s, token, ar, &p, e);
    if (rc == MN_OK) rc = mn_store_notification(s, 0, id, ar, &n, e);
    if (rc == MN_OK) rc = mn_access_check_id(a->access, token, &g, e);
    if (rc == MN_E_NOT_FOUND || rc == MN_E_DENIED) return MN_OK; /* gone meanwhile */
    MN_TRY(rc);
    if (g.state != MN_ACCOUNT_ACTIVE || n.at_ms < mn_now_ms() - TTL_S * INT64_C(1000))
        return MN_OK;
    MN_TRY(wanted(s, &p, &n, &yes, e));
    if (!yes) return MN_OK;
    if (rests(a->pushing, host_of(p.endpoint)))
        return mn_fail(e, MN_E_BUSY, "the push service did not answer a moment ago");
    rc = letter_of(a, &p, &n, ar, &letter, e);
    if (rc == MN_E_NOT_FOUND) return MN_OK;
    MN_TRY(rc);
    return send_letter(a, &p, letter, ar, e);
}

/* Tokens: made, checked, remembered.
 *
 * A client shows its token with every request, so what it stands for is kept in memory: a table of fixed size, four ways a
 * set, keyed by the token's SHA-256 (a wrong key can't be told from a right one by its timing: both are hashed first).
 *
 * Invariant: an entry counts only while the generation of its account and of its token are those of the moment before it was
 * read from the store. Every event about an account or a token raises one, so a revocation counts from its commit on, and
 * an entry that was being read while the event came is born invalid. Generations are hashed into a table of counters; two
 * accounts that share one merely make each other be read again. As a second line (a lost notification between processes)
 * no entry is believed longer than AGE_US. */
#include "social/access.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/snowflake.h"

#define SETS        2048 /* powers of two */
#define WAYS        4
#define LOCKS       64
#define GENERATIONS 4096
#define AGE_US      INT64_C(300000000)
#define USED_MS     3600000 /* how often the time of use is written */
#define NOTED_MAX   4096
#define SESSION_MS  (INT64_C(365) * 86400000)
#define AGENT_MAX   300

typedef struct entry {
    uint8_t hash[32];
    mn_grant grant;
    unsigned account_gen, token_gen;
    int64_t read_us, expires_ms, used_ms;
    bool taken;
} entry;

typedef struct noted {
    uint64_t token_id;
    int64_t at_ms;
} noted;

struct mn_access {
    mn_store *store;
    pthread_mutex_t locks[LOCKS];
    _Atomic unsigned accounts[GENERATIONS], tokens[GENERATIONS];
    entry sets[SETS][WAYS];
    pthread_mutex_t noting;
    noted noted[NOTED_MAX];
    size_t n_noted;
};

static _Atomic unsigned *generation(_Atomic unsigned *table, uint64_t id)
{
    return &table[mn_hash64(&id, sizeof id, 0) % GENERATIONS];
}

static void follow(void *arg, const mn_event *ev, size_t n)
{
    mn_access *x = arg;
    for (size_t i = 0; i < n; i++) {
        if (ev[i].kind == MN_EV_TOKEN_GONE)
            atomic_fetch_add(generation(x->tokens, ev[i].id), 1);
        /* A grant says nothing of the account's counters. */
        if (ev[i].kind == MN_EV_ACCOUNT && ev[i].other != MN_EV_ACCOUNT_COUNTS)
            atomic_fetch_add(generation(x->accounts, ev[i].account), 1);
        for (size_t k = 0; ev[i].kind == MN_EV_ALL && k < GENERATIONS; k++) {
            atomic_fetch_add(&x->tokens[k], 1);
            atomic_fetch_add(&x->accounts[k], 1);
        }
    }
}

mn_rc mn_access_new(mn_store *s, mn_access **ret, mn_err *e)
{
    mn_access *x = mn_calloc(1, sizeof *x);
    if (!x) return mn_fail(e, MN_E_NOMEM, "out of memory for the table of tokens");
    x->store = s;
    for (int i = 0; i < LOCKS; i++) pthread_mutex_init(&x->locks[i], NULL);
    pthread_mutex_init(&x->noting, NULL);
    mn_rc rc = mn_store_listen(s, follow, x, e);
    if (rc != MN_OK) {
        mn_free(x);
        return rc;
    }
    *ret = x;
    return MN_OK;
}

void mn_access_free(mn_access *x)
{
    if (!x) return;
    mn_store_unlisten(x->store, follow, x);
    for (int i = 0; i < LOCKS; i++) pthread_mutex_destroy(&x->locks[i]);
    pthread_mutex_destroy(&x->noting);
    mn_free(x);
}

/* ---- checking -------------------------------------------------------------------------------------------------- */

static mn_rc grant_of(const mn_token_now *n, mn_grant *ret, mn_err *e)
{
    const mn_token *t = &n->token;
    mn_grant g = {.token_id = t->id,
                  .app_id = t->app_id,
                  .account_id = t->account_id,
                  .role = n->role,
                  .state = n->state,
                  .web = t->kind == MN_TOKEN_SESSION,
                  .key = t->kind == MN_TOKEN_KEY,
                  .confirmed = n->approved && (!n->must_confirm || n->email_confirmed),
                  .silenced = n->silenced};
    if (g.web) g.scopes = mn_scopes_all(n->role);
    else MN_TRY(mn_scopes_parse(t->scopes, &g.scopes, e));
    *ret = g;
    return MN_OK;
}

static bool is_over(int64_t expires_ms, int64_t now_ms)
{
    return expires_ms != 0 && expires_ms <= now_ms;
}

/* Remembers that the token was used, once an hour; when many are waiting to be written, later. */
static void note_use(mn_access *x, uint64_t token_id, int64_t *used_ms, int64_t now_ms)
{
    if (now_ms - *used_ms < USED_MS) return;
    pthread_mutex_lock(&x->noting);
    if (x->n_noted < NOTED_MAX) {
        x->noted[x->n_noted++] = (noted){token_id, now_ms};
        *used_ms = now_ms;
    }
    pthread_mutex_unlock(&x->noting);
}

static bool is_fresh(mn_access *x, const entry *k, int64_t now_us)
{
    return now_us - k->read_us < AGE_US &&
           k->account_gen == atomic_load(generation(x->accounts, k->grant.account_id)) &&
           k->token_gen == atomic_load(generation(x->tokens, k->grant.token_id));
}

/* A remembered grant. The caller holds the set's lock. */
static bool find(mn_access *x, entry *set, const uint8_t hash[32], mn_grant *ret)
{
    for (int i = 0; i < WAYS; i++) {
        entry *k = &set[i];
        if (!k->taken || memcmp(k->hash, hash, 32) != 0) continue;
        int64_t now_ms = mn_now_ms();
        if (is_over(k->expires_ms, now_ms) || !is_fresh(x, k, mn_mono_us())) {
            k->taken = false;
            return false;
        }
        note_use(x, k->grant.token_id, &k->used_ms, now_ms);
        *ret = k->grant;
        return true;
    }
    return false;
}

static void put(entry *set, const entry *k)
{
    entry *place = &set[0];
    for (int i = 0; i < WAYS; i++) {
        if (set[i].taken && memcmp(set[i].hash, k->hash, 32) == 0) {
            place = &set[i];
            break;
        }
        if (place->taken && (!set[i].taken || set[i].read_us < place->read_us)) place = &set[i];
    }
    *place = *k;
}

static mn_rc denied(mn_rc rc, mn_err *e)
{
    return rc == MN_E_NOT_FOUND ? mn_fail(e, MN_E_DENIED, "unknown token") : rc;
}

/* Reads the token from the store. Its generations are those of before the row was read; since they are found by ids that only
 * the row tells, the row is read again when they have moved meanwhile. */
static mn_rc load(mn_access *x, mn_str hex, mn_arena *ar, entry *ret, mn_err *e)
{
    mn_token_now now;
    MN_TRY(denied(mn_store_token_by_hash(x->store, hex, ar, &now, e), e));
    ret->account_gen = atomic_load(generation(x->accounts, now.token.account_id));
    ret->token_gen = atomic_load(generation(x->tokens, now.token.id));
    MN_TRY(denied(mn_store_token_by_hash(x->store, hex, ar, &now, e), e));
    if (is_over(now.token.expires_ms, mn_now_ms()))
        return mn_fail(e, MN_E_DENIED, "the token has expired");
    MN_TRY(grant_of(&now, &ret->grant, e));
    ret->expires_ms = now.token.expires_ms;
    ret->used_ms = now.token.used_ms;
    ret->read_us = mn_mono_us();
    ret->taken = true;
    return MN_OK;
}

mn_rc mn_access_check(mn_access *x, mn_str token, mn_grant *ret, mn_err *e)
{
    entry k = {0};
    char hex[MN_HEX256];
    if (token.len == 0 || token.len > 256) return mn_fail(e, MN_E_DENIED, "not a token");
    mn_sha256_of(token.ptr, token.len, k.hash);
    uint64_t where;
    memcpy(&where, k.hash, sizeof where);
    entry *set = x->sets[where % SETS];
    pthread_mutex_t *lock = &x->locks[where % LOCKS];
    pthread_mutex_lock(lock);
    bool found = find(x, set, k.hash, ret);
    pthread_mutex_unlock(lock);
    if (found) return MN_OK;

    mn_arena ar;
    mn_arena_init(&ar, 0);
    mn_rc rc = load(x, mn_str_from(mn_hex(k.hash, 32, hex)), &ar, &k, e);
    mn_arena_release(&ar);
    if (rc != MN_OK) return rc;
    note_use(x, k.grant.token_id, &k.used_ms, mn_now_ms());
    pthread_mutex_lock(lock);
    put(set, &k);
    pthread_mutex_unlock(lock);
    *ret = k.grant;
    return MN_OK;
}

mn_rc mn_access_check_id(mn_access *x, uint64_t token_id, mn_grant *ret, mn_err *e)
{
    mn_arena ar;
    mn_token_now now;
    mn_arena_init(&ar, 0);
    mn_rc rc = denied(mn_store_token_by_id(x->store, token_id, &ar, &now, e), e);
    if (rc == MN_OK && is_over(now.token.expires_ms, mn_now_ms()))
        rc = mn_fail(e, MN_E_DENIED, "the token has expired");
    if (rc == MN_OK) rc = grant_of(&now, ret, e);
    mn_arena_release(&ar);
    return rc;
}

static mn_rc write_uses(mn_store *s, const noted *list, size_t n, mn_err *e)
{
    mn_tx *tx;
    mn_rc rc = mn_store_begin(s, &tx, e);
    if (rc != MN_OK) return rc;
    for (size_t i = 0; rc == MN_OK && i < n; i++)
        rc = mn_store_token_used(tx, list[i].token_id, list[i].at_ms, e);
    return mn_store_end(tx, rc, e);
}

mn_rc mn_access_flush(mn_access *x, mn_err *e)
{
    pthread_mutex_lock(&x->noting);
    size_t n = x->n_noted;
    noted *list = n ? mn_alloc(n * sizeof *list) : NULL;
    if (list) {
        memcpy(list, x->noted, n * sizeof *list);
        x->n_noted = 0;
    }
    pthread_mutex_unlock(&x->noting);
    if (n == 0) return MN_OK;
    if (!list) return mn_fail(e, MN_E_NOMEM, "out of memory writing when tokens were used");
    mn_rc rc = write_uses(x->store, list, n, e);
    mn_free(list);
    return rc;
}

/* ---- making ---------------------------------------------------------------------------------------------------- */

mn_rc mn_secret_make(mn_secret *ret, mn_err *e)
{
    uint8_t bytes[32];
    MN_TRY(mn_random_bytes(bytes, sizeof bytes, e));
    _Static_assert(sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_URLSAFE_NO_PADDING) ==
                       sizeof ret->text,
                   "43 characters and a NUL");
    sodium_bin2base64(ret->text, sizeof ret->text, bytes, sizeof bytes,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return MN_OK;
}

mn_str mn_secret_hash(mn_str secret, char ret[MN_SECRET_HASH])
{
    uint8_t hash[32];
    mn_sha256_of(secret.ptr ? secret.ptr : "", secret.len, hash);
    return mn_str_from(mn_hex(hash, 32, ret));
}

bool mn_secret_same(mn_str a, mn_str b)
{
    return a.len == b.len && (a.len == 0 || sodium_memcmp(a.ptr, b.ptr, a.len) == 0);
}

static mn_rc add_token(mn_tx *tx, mn_token *t, mn_secret *ret, uint64_t *ret_id, mn_err *e)
{
    mn_secret secret;
    char hash[MN_SECRET_HASH];
    MN_TRY(mn_secret_make(&secret, e));
    t->id = mn_snowflake_next();
    t->created_ms = t->used_ms = mn_now_ms();
    if (t->kind == MN_TOKEN_SESSION) t->expires_ms = t->created_ms + SESSION_MS;
    MN_TRY(mn_store_token_add(tx, mn_secret_hash(mn_str_from(secret.text), hash), t, e));
    *ret = secret;
    if (ret_id) *ret_id = t->id;
    return MN_OK;
}

mn_rc mn_access_token_make(mn_tx *tx, uint64_t account_id, uint64_t app_id, mn_str scopes,
                           mn_secret *ret, uint64_t *ret_id, mn_err *e)
{
    mn_token t = {
        .kind = MN_TOKEN_ACCESS, .account_id = account_id, .app_id = app_id, .scopes = scopes};
    return add_token(tx, &t, ret, ret_id, e);
}

mn_rc mn_access_session_make(mn_tx *tx, uint64_t account_id, mn_str ip, mn_str agent,
                             mn_secret *ret, uint64_t *ret_id, mn_err *e)
{
    mn_token t = {.kind = MN_TOKEN_SESSION,
                  .account_id = account_id,
                  .ip = ip,
                  .agent = mn_utf8_valid(agent) ? mn_utf8_cut(agent, AGENT_MAX) : MN_STR("")};
    return add_token(tx, &t, ret, ret_id, e);
}

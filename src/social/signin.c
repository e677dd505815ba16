/* In and out: names and passwords, second factor, links by mail, sessions. */
#include "social/signin.h"
#include "store/moderation.h"

#include "base/clock.h"
#include "social/passwords.h"
#include "social/totp.h"

#define CONFIRM_MS (INT64_C(2) * 86400000)
#define RESET_MS   INT64_C(3600000)

static mn_rc tell_account(mn_tx *tx, uint64_t id, mn_err *e)
{
    return mn_store_event(tx, (mn_event){.kind = MN_EV_ACCOUNT, .account = id}, e);
}

/* ---- names and passwords --------------------------------------------------------------------------------------- */

/* By name, or by an address that was confirmed. MN_E_NOT_FOUND without a message. */
static mn_rc find(mn_store *s, mn_str who, mn_arena *ar, mn_account *ret, mn_err *e)
{
    uint64_t id = 0;
    mn_credentials c;
    who = mn_str_trim(who);
    if (mn_str_starts(who, "@")) who = mn_str_sub(who, 1, who.len);
    if (mn_str_find(who, MN_STR("@"), 0) == SIZE_MAX)
        return mn_store_account_by_name(s, who, ar, ret, e);
    MN_TRY(mn_store_account_by_email(s, who, &id, e));
    MN_TRY(mn_store_credentials(s, id, ar, &c, e));
    if (c.email_confirmed_ms == 0) return MN_E_NOT_FOUND;
    return mn_store_account_by_id(s, id, ar, ret, e);
}

static mn_rc totp_is_on(mn_store *s, uint64_t id, mn_arena *ar, bool *ret, mn_err *e)
{
    mn_credentials c;
    mn_rc rc = mn_store_credentials(s, id, ar, &c, e);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    *ret = rc == MN_OK && c.totp_on;
    return MN_OK;
}

static mn_rc sign_in(mn_store *s, mn_str name, mn_str password, mn_arena *ar, mn_sign_in *ret,
                     uint64_t *ret_account, mn_err *e)
{
    mn_account a = {0};
    mn_moderated m;
    bool right = false, totp = false;
    mn_rc rc = find(s, name, ar, &a, e);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    MN_TRY(mn_password_verify(a.password_hash, password, &right, e));
    *ret = MN_SIGN_IN_WRONG;
    if (!right || a.state == MN_ACCOUNT_DELETED) return MN_OK;
    MN_TRY(totp_is_on(s, a.id, ar, &totp, e));
    MN_TRY(mn_store_moderated(s, a.id, ar, &m, e));
    *ret_account = a.id;
    *ret = a.state == MN_ACCOUNT_SUSPENDED            ? MN_SIGN_IN_SUSPENDED
           : m.disabled_ms                            ? MN_SIGN_IN_SUSPENDED
           : totp                                     ? MN_SIGN_IN_TOTP
           : mn_password_is_one_time(a.password_hash) ? MN_SIGN_IN_ONE_TIME
                                                      : MN_SIGN_IN_RIGHT;
    return MN_OK;
}

mn_rc mn_social_sign_in(mn_store *s, mn_str name, mn_str password, mn_sign_in *ret,
                        uint64_t *ret_account, mn_err *e)
{
    mn_arena ar;
    mn_arena_init(&ar, 0);
    mn_rc rc = sign_in(s, name, password, &ar, ret, ret_account, e);
    mn_arena_release(&ar);
    return rc;
}

bool mn_social_has_password(const mn_account *a)
{
    return a->password_hash.len > 0;
}

mn_rc mn_social_password_right(mn_store *s, uint64_t account, mn_str password, bool *ret,
                               mn_err *e)
{
    mn_arena ar;
    mn_account a;
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_account_by_id(s, account, &ar, &a, e);
    if (rc == MN_OK && !mn_social_has_password(&a)) rc = MN_E_NOT_FOUND;
    if (rc == MN_OK) rc = mn_password_verify(a.password_hash, password, ret, e);
    mn_arena_release(&ar);
    return rc;
}

/* In the transaction: the hash is set, sessions and tokens end but one. */
static mn_rc set_password(mn_tx *tx, mn_store *s, uint64_t account, const char *hash,
                          uint64_t but_token, mn_err *e)
{
    mn_arena ar;
    mn_account a;
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_account_by_id(s, account, &ar, &a, e);
    if (rc == MN_E_NOT_FOUND || (rc == MN_OK && a.state == MN_ACCOUNT_DELETED))
        rc = mn_fail(e, MN_E_DENIED, "there is no such account any more");
    if (rc == MN_OK) {
        a.password_hash = mn_str_from(hash);
        rc = mn_store_account_update(tx, &a, e);
    }
    if (rc == MN_OK) rc = mn_store_tokens_remove(tx, account, but_token, e);
    if (rc == MN_OK) rc = tell_account(tx, account, e);
    mn_arena_release(&ar);
    return rc;
}

mn_rc mn_social_password_change(mn_store *s, uint64_t account, mn_str password,
                                uint64_t but_token, mn_err *e)
{
    mn_tx *tx;
    char hash[MN_PASSWORD_HASH];
    MN_TRY(mn_password_hash(password, false, hash, e));
    MN_TRY(mn_store_begin(s, &tx, e));
    return mn_store_end(tx, set_password(tx, s, account, hash, but_token, e), e);
}

/* ---- second factor --------------------------------------------------------------------------------------------- */

/* The credentials as the transaction sees them; an account that has none gets those that mean nothing. */
static mn_rc take_credentials(mn_tx *tx, uint64_t account, mn_arena *ar, mn_credentials *ret,
                              mn_err *e)
{
    mn_rc rc = mn_store_credentials_tx(tx, account, ar, ret, e);
    if (rc != MN_E_NOT_FOUND) return rc;
    *ret = (mn_credentials){.account_id = account, .approved = true};
    return MN_OK;
}

static mn_rc totp_begin(mn_tx *tx, uint64_t account, mn_arena *ar, const char *secret,
                        mn_err *e)
{
    mn_credentials c;
    MN_TRY(take_credentials(tx, account, ar, &c, e));
    if (c.totp_on) return mn_fail(e, MN_E_EXISTS, "two-factor sign-in is on already");
    c.totp_secret = mn_str_from(secret);
    c.totp_last = 0;
    return mn_store_credentials_set(tx, &c, e);
}

mn_rc mn_social_totp_begin(mn_store *s, uint64_t account, mn_arena *ar, mn_str *ret_secret,
                           mn_err *e)
{
    mn_tx *tx;
    char secret[MN_TOTP_SECRET];
    MN_TRY(mn_totp_secret_make(secret, e));
    mn_str copy = mn_str_dup(ar, mn_str_from(secret));
    if (!copy.ptr) return mn_fail(e, MN_E_NOMEM, "out of memory");
    MN_TRY(mn_store_begin(s, &tx, e));
    MN_TRY(mn_store_end(tx, totp_begin(tx, account, ar, secret, e), e));
    *ret_secret = copy;
    return MN_OK;
}

/* New recovery codes: their hashes into *c, themselves as lines for the member. */
static mn_rc make_recovery(mn_credentials *c, mn_arena *ar, mn_str *ret_lines, mn_err *e)
{
    mn_recovery_code codes[MN_TOTP_RECOVERY];
    char plain[20], hash[MN_SECRET_HASH];
    mn_buf lines, hashes;
    MN_TRY(mn_recovery_codes_make(codes, e));
    mn_buf_init(&lines, 0);
    mn_buf_init(&hashes, 0);
    for (int i = 0; i < MN_TOTP_RECOVERY; i++) {
        mn_str p = mn_recovery_code_plain(mn_str_from(codes[i].text), plain);
        mn_buf_addf(&lines, "%s%s", i ? "\n" : "", codes[i].text);
        mn_buf_addf(&hashes, "%s%.*s", i ? "\n" : "", 64, mn_secret_hash(p, hash).ptr);
    }
    *ret_lines = mn_str_dup(ar, mn_buf_str(&lines));
    c->recovery = mn_str_dup(ar, mn_buf_str(&hashes));
    mn_buf_release(&lines);
    mn_buf_release(&hashes);
    if (!ret_lines->ptr || !c->recovery.ptr) return mn_fail(e, MN_E_NOMEM, "out of memory");
    return MN_OK;
}

static mn_rc totp_on(mn_tx *tx, uint64_t account, mn_str code, mn_arena *ar, bool *ret_right,
                     mn_str *ret_recovery, mn_err *e)
{
    mn_credentials c;
    int64_t step = 0;
    MN_TRY(take_credentials(tx, account, ar, &c, e));
    if (c.totp_on) return mn_fail(e, MN_E_EXISTS, "two-factor sign-in is on already");
    if (c.totp_secret.len)
        MN_TRY(mn_totp_check(c.totp_secret, code, mn_now_ms(), c.totp_last, &step, e));
    *ret_right = step != 0;
    if (!step) return MN_OK;
    c.totp_on = true;
    c.totp_last = step;
    MN_TRY(make_recovery(&c, ar, ret_recovery, e));
    return mn_store_credentials_set(tx, &c, e);
}

mn_rc mn_social_totp_on(mn_store *s, uint64_t account, mn_str code, mn_arena *ar,
                        bool *ret_right, mn_str *ret_recovery, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(s, &tx, e));
    return mn_store_end(tx, totp_on(tx, account, code, ar, ret_right, ret_recovery, e), e);
}

static mn_rc totp_off(mn_tx *tx, uint64_t account, mn_arena *ar, mn_err *e)
{
    mn_credentials c;
    MN_TRY(take_credentials(tx, account, ar, &c, e));
    c.totp_on = false;
    c.totp_secret = c.recovery = MN_STR("");
    c.totp_last = 0;
    return mn_store_credentials_set(tx, &c, e);
}

mn_rc mn_social_totp_off(mn_store *s, uint64_t account, mn_err *e)
{
    mn_tx *tx;
    mn_arena ar;
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_end(tx, totp_off(tx, account, &ar, e), e);
    mn_arena_release(&ar);
    return rc;
}

/* The recovery codes left without this one; false when it is none of them. */
static bool spend_recovery(mn_credentials *c, mn_str code, mn_arena *ar)
{
    char plain[20], hash[MN_SECRET_HASH];
    mn_str p = mn_recovery_code_plain(code, plain), rest = c->recovery;
    bool found = false;
    mn_buf left;
    if (!p.ptr || c->recovery.len == 0) return false;
    p = mn_secret_hash(p, hash);
    mn_buf_init(&left, 0);
    while (rest.ptr) {
        mn_str one = mn_str_split(rest, '\n', &rest);
        if (mn_secret_same(one, p)) found = true;
        else mn_buf_addf(&left, "%s%.*s", left.len ? "\n" : "", MN_STR_FMT(one));
    }
    mn_str copy = mn_str_dup(ar, mn_buf_str(&left));
    mn_buf_release(&left);
    if (!found || !copy.ptr) return false;
    c->recovery = copy;
    return true;
}

static mn_rc sign_in_code(mn_tx *tx, uint64_t account, mn_str code, mn_arena *ar,
                          bool *ret_right, mn_err *e)
{
    mn_credentials c;
    int64_t step = 0;
    *ret_right = false;
    MN_TRY(take_credentials(tx, account, ar, &c, e));
    if (!c.totp_on) return MN_OK;
    MN_TRY(mn_totp_check(c.totp_secret, code, mn_now_ms(), c.totp_last, &step, e));
    if (!step && !spend_recovery(&c, code, ar)) return MN_OK;
    if (step) c.totp_last = step;
    *ret_right = true;
    return mn_store_credentials_set(tx, &c, e);
}

mn_rc mn_social_sign_in_code(mn_store *s, uint64_t account, mn_str code, bool *ret_right,
                             mn_err *e)
{
    mn_tx *tx;
    mn_arena ar;
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_end(tx, sign_in_code(tx, account, code, &ar, ret_right, e), e);
    mn_arena_release(&ar);
    return rc;
}

/* ---- links by mail --------------------------------------------------------------------------------------------- */

mn_rc mn_social_link_make(mn_tx *tx, uint64_t account, mn_link_kind kind, mn_str email,
                          mn_secret *ret, mn_err *e)
{
    mn_secret secret;
    char hash[MN_SECRET_HASH];
    mn_email_link l = {.account_id = account,
                       .kind = kind,
                       .email = email,
                       .expires_ms =
                           mn_now_ms() + (kind == MN_LINK_PASSWORD ? RESET_MS : CONFIRM_MS)};
    MN_TRY(mn_secret_make(&secret, e));
    MN_TRY(mn_store_link_add(tx, mn_secret_hash(mn_str_from(secret.text), hash), &l, e));
    *ret = secret;
    return MN_OK;
}

/* The link, used up in this transaction, when it is of that kind and its time is not over. */
static mn_rc take_link(mn_tx *tx, mn_str secret, mn_link_kind kind, mn_arena *ar,
                       mn_email_link *ret, mn_err *e)
{
    char hash[MN_SECRET_HASH];
    mn_rc rc = mn_store_link_take(tx, mn_secret_hash(secret, hash), ar, ret, e);
    if (rc == MN_E_NOT_FOUND ||
        (rc == MN_OK && (ret->kind != kind || ret->expires_ms <= mn_now_ms())))
        rc = mn_fail(e, MN_E_DENIED, "this link was used already, or its time is over");
    return rc;
}

static mn_rc confirm(mn_tx *tx, mn_str secret, mn_arena *ar, uint64_t *ret_account, mn_err *e)
{
    mn_email_link l;
    mn_credentials c;
    MN_TRY(take_link(tx, secret, MN_LINK_CONFIRM, ar, &l, e));
    MN_TRY(take_credentials(tx, l.account_id, ar, &c, e));
    c.email = l.email;
    c.email_confirmed_ms = mn_now_ms();
    MN_TRY(mn_store_credentials_set(tx, &c, e));
    *ret_account = l.account_id;
    return tell_account(tx, l.account_id, e);
}

mn_rc mn_social_email_confirm(mn_store *s, mn_str secret, uint64_t *ret_account, mn_err *e)
{
    mn_tx *tx;
    mn_arena ar;
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_end(tx, confirm(tx, secret, &ar, ret_account, e), e);
    mn_arena_release(&ar);
    return rc;
}

static mn_rc reset(mn_tx *tx, mn_store *s, mn_str secret, const char *hash, mn_arena *ar,
                   mn_err *e)
{
    mn_email_link l;
    MN_TRY(take_link(tx, secret, MN_LINK_PASSWORD, ar, &l, e));
    return set_password(tx, s, l.account_id, hash, 0, e);
}

mn_rc mn_social_password_reset(mn_store *s, mn_str secret, mn_str password, mn_err *e)
{
    mn_tx *tx;
    mn_arena ar;
    char hash[MN_PASSWORD_HASH];
    MN_TRY(mn_password_hash(password, false, hash, e));
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_end(tx, reset(tx, s, secret, hash, &ar, e), e);
    mn_arena_release(&ar);
    return rc;
}

/* ---- sessions -------------------------------------------------------------------------------------------------- */

mn_rc mn_social_session_begin(mn_store *s, uint64_t account, mn_str ip, mn_str agent,
                              mn_secret *ret, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(s, &tx, e));
    return mn_store_end(tx, mn_access_session_make(tx, account, ip, agent, ret, NULL, e), e);
}

static mn_rc end_token(mn_tx *tx, mn_store *s, uint64_t account, uint64_t token_id, mn_err *e)
{
    mn_arena ar;
    mn_token_now now;
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_token_by_id(s, token_id, &ar, &now, e);
    bool theirs = rc == MN_OK && now.token.account_id == account;
    mn_arena_release(&ar);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    return theirs ? mn_store_token_remove(tx, token_id, e) : MN_OK;
}

mn_rc mn_social_token_end(mn_store *s, uint64_t account, uint64_t token_id, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(s, &tx, e));
    return mn_store_end(tx, end_token(tx, s, account, token_id, e), e);
}

mn_rc mn_social_app_end(mn_store *s, uint64_t account, uint64_t app_id, mn_err *e)
{
    mn_tx *tx;
    if (app_id == 0) return MN_OK; /* sessions are ended one by one */
    MN_TRY(mn_store_begin(s, &tx, e));
    return mn_store_end(tx, mn_store_tokens_remove_app(tx, account, app_id, e), e);
}

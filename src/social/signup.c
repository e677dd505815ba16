/* Up: who may, what they have to say, and the one transaction that makes an account. Also invites and identities. */
#include "base/clock.h"
#include "base/conf.h"
#include "base/hash.h"
#include "base/snowflake.h"
#include "social/moderation.h"
#include "social/notify.h"
#include "social/passwords.h"
#include "social/people.h"
#include "social/signin.h"

#define INVITE_LENGTH 12
#define LOCALE_MAX    16
#define SUBJECT_MAX   512
#define DISPLAY_MAX   100 /* characters taken over from elsewhere */

/* ---- rules ----------------------------------------------------------------------------------------------------- */

static mn_rc word_of(const mn_conf *c, const char *key, const char *const *words, int n,
                     int *ret, mn_err *e)
{
    const char *v = mn_conf_get(c, key);
    for (int i = 0; i < n; i++) {
        if (strcmp(v, words[i]) != 0) continue;
        *ret = i;
        return MN_OK;
    }
    return mn_fail(e, MN_E_USAGE, "'%s' in mynah.conf is '%.40s', which it cannot be", key, v);
}

mn_rc mn_sign_up_rules_read(const struct mn_conf *c, mn_sign_up_rules *ret, mn_err *e)
{
    static const char *const modes[] = {"open", "approval", "invite", "closed"};
    static const char *const emails[] = {"no", "optional", "required"};
    int mode = 0, email = 0;
    MN_TRY(word_of(c, "registrations", modes, 4, &mode, e));
    MN_TRY(word_of(c, "sign_up_email", emails, 3, &email, e));
    bool mail = *mn_conf_get(c, "smtp_url") != '\0';
    if (email == MN_EMAIL_REQUIRED && !mail)
        return mn_fail(e, MN_E_USAGE,
                       "'sign_up_email = required' needs a mail server: set 'smtp_url'");
    *ret = (mn_sign_up_rules){(mn_sign_up_mode)mode, (mn_email_mode)email, mail};
    return MN_OK;
}

/* ---- faults ---------------------------------------------------------------------------------------------------- */

static const struct {
    const char *code, *text;
} fault_words[] = {
    [MN_FAULT_BLANK] = {"ERR_BLANK", "can't be blank"},
    [MN_FAULT_INVALID] = {"ERR_INVALID", "is invalid"},
    [MN_FAULT_RESERVED] = {"ERR_RESERVED", "is reserved"},
    [MN_FAULT_TAKEN] = {"ERR_TAKEN", "has already been taken"},
    [MN_FAULT_TOO_LONG] = {"ERR_TOO_LONG", "is too long"},
    [MN_FAULT_TOO_SHORT] = {"ERR_TOO_SHORT", "is too short"},
    [MN_FAULT_ACCEPTED] = {"ERR_ACCEPTED", "must be accepted"},
    [MN_FAULT_BLOCKED] = {"ERR_BLOCKED", "is from a provider that is not allowed here"},
};

const char *mn_fault_code(mn_fault_kind k)
{
    return fault_words[k].code;
}

const char *mn_fault_text(mn_fault_kind k)
{
    return fault_words[k].text;
}

static void add_fault(mn_faults *f, const char *field, mn_fault_kind kind)
{
    if (f->n < MN_FAULTS_MAX) f->items[f->n++] = (mn_fault){field, kind};
}

static mn_rc name_fault(mn_store *s, mn_str name, mn_arena *ar, mn_faults *f, mn_err *e)
{
    mn_account a;
    mn_err why = {0};
    if (name.len == 0) {
        add_fault(f, "username", MN_FAULT_BLANK);
        return MN_OK;
    }
    if (name.len > MN_SIGN_UP_NAME_MAX) {
        add_fault(f, "username", MN_FAULT_TOO_LONG);
        return MN_OK;
    }
    if (mn_social_name_check(name, &why) != MN_OK) {
        bool reserved = strstr(why.msg, "reserved") != NULL;
        add_fault(f, "username", reserved ? MN_FAULT_RESERVED : MN_FAULT_INVALID);
        return MN_OK;
    }
    mn_rc rc = mn_store_account_by_name(s, name, ar, &a, e);
    if (rc == MN_OK) add_fault(f, "username", MN_FAULT_TAKEN);
    return rc == MN_E_NOT_FOUND ? MN_OK : rc;
}

static mn_rc email_fault(mn_store *s, const mn_sign_up_rules *rules, const mn_sign_up *up,
                         mn_faults *f, mn_err *e)
{
    uint64_t other = 0;
    if (up->email.len == 0) {
        if (rules->email == MN_EMAIL_REQUIRED) add_fault(f, "email", MN_FAULT_BLANK);
        return MN_OK;
    }
    if (up->email_wrong || up->email.len > 254) {
        add_fault(f, "email", MN_FAULT_INVALID);
        return MN_OK;
    }
    if (up->moderation && mn_moderation_email_blocked(up->moderation, up->email)) {
        add_fault(f, "email", MN_FAULT_BLOCKED);
        return MN_OK;
    }
    mn_rc rc = mn_store_account_by_email(s, up->email, &other, e);
    if (rc == MN_OK) add_fault(f, "email", MN_FAULT_TAKEN);
    return rc == MN_E_NOT_FOUND ? MN_OK : rc;
}

static void password_fault(const mn_sign_up *up, mn_faults *f)
{
    if (up->provider.len) return;
    if (up->password.len == 0) add_fault(f, "password", MN_FAULT_BLANK);
    else if (up->password.len < MN_PASSWORD_LEAST) add_fault(f, "password", MN_FAULT_TOO_SHORT);
    else if (up->password.len > MN_PASSWORD_MOST) add_fault(f, "password", MN_FAULT_TOO_LONG);
    else if (mn_str_eq_nocase(up->password, up->name))
        add_fault(f, "password", MN_FAULT_INVALID);
}

/* An invite opens the door whatever the mode but closed; without one, `invite` needs it and `approval` needs a reason. */
static mn_rc door_fault(mn_store *s, const mn_sign_up_rules *rules, const mn_sign_up *up,
                        mn_faults *f, mn_err *e)
{
    bool good = false;
    if (up->invite.len) {
        MN_TRY(mn_social_invite_good(s, up->invite, &good, e));
        if (!good) add_fault(f, "invite", MN_FAULT_INVALID);
    } else if (rules->mode == MN_SIGN_UP_INVITE) {
        add_fault(f, "invite", MN_FAULT_BLANK);
    }
    if (!up->invite.len && rules->mode == MN_SIGN_UP_APPROVAL &&
        mn_str_trim(up->reason).len == 0)
        add_fault(f, "reason", MN_FAULT_BLANK);
    if (!mn_utf8_valid(up->reason)) add_fault(f, "reason", MN_FAULT_INVALID);
    else if (mn_utf8_count(up->reason) > MN_SIGN_UP_REASON_MAX)
        add_fault(f, "reason", MN_FAULT_TOO_LONG);
    return MN_OK;
}

static mn_rc may_sign_up(const mn_sign_up_rules *rules, const mn_sign_up *up, mn_err *e)
{
    if (rules->mode == MN_SIGN_UP_CLOSED)
        return mn_fail(e, MN_E_DENIED, "this community takes no new members at present");
    if (up->moderation && mn_moderation_address(up->moderation, up->ip) >= MN_IP_NO_SIGN_UP)
        return mn_fail(e, MN_E_DENIED, "nobody can sign up from your network address");
    return MN_OK;
}

mn_rc mn_social_sign_up_check(mn_store *s, const mn_sign_up_rules *rules, const mn_sign_up *up,
                              mn_faults *ret, mn_err *e)
{
    mn_arena ar;
    mn_faults f = {.n = 0};
    MN_TRY(may_sign_up(rules, up, e));
    mn_arena_init(&ar, 0);
    mn_rc rc = name_fault(s, up->name, &ar, &f, e);
    mn_arena_release(&ar);
    if (rc == MN_OK) rc = email_fault(s, rules, up, &f, e);
    if (rc == MN_OK) rc = door_fault(s, rules, up, &f, e);
    if (rc != MN_OK) return rc;
    password_fault(up, &f);
    if (!up->agreement) add_fault(&f, "agreement", MN_FAULT_ACCEPTED);
    *ret = f;
    return MN_OK;
}

/* ---- making ---------------------------------------------------------------------------------------------------- */

static mn_rc add_consent(mn_tx *tx, uint64_t account, mn_consents chosen, mn_err *e)
{
    for (int p = 0; p < MN_PURPOSES; p++) {
        mn_ledger_line l = {.scope = MN_SCOPE_ACCOUNT,
                            .scope_id = account,
                            .purpose = (mn_purpose)p,
                            .value = mn_consents_get(chosen, (mn_purpose)p),
                            .actor_id = account,
                            .reason = MN_STR("chosen at sign-up"),
                            .at_ms = mn_now_ms()};
        if (l.value != MN_CONSENT_UNSET) MN_TRY(mn_store_consent_add(tx, &l, NULL, e));
    }
    return MN_OK;
}

/* The invite's use, and the follow that came with it. */
static mn_rc use_invite(mn_tx *tx, const mn_invite *i, uint64_t account, mn_err *e)
{
    if (!i->id) return MN_OK;
    mn_rc rc = mn_store_invite_use(tx, i->code, mn_now_ms(), e);
    if (rc == MN_E_DENIED)
        return mn_fail(e, rc, "this invitation was used up a moment ago; ask for another");
    if (rc != MN_OK || !i->follow) return rc;
    rc = mn_social_follow(tx, account, i->account_id, &(mn_follow_opts){0}, NULL, e);
    return rc == MN_E_DENIED || rc == MN_E_NOT_FOUND ? MN_OK : rc; /* who invited is gone */
}

typedef struct made {
    mn_account account;
    mn_credentials credentials;
    mn_invite invite; /* id 0: none */
} made;

static mn_rc make(mn_tx *tx, const made *m, const mn_sign_up *up, mn_err *e)
{
    MN_TRY(mn_store_account_add(tx, &m->account, e));
    MN_TRY(mn_store_credentials_add(tx, &m->credentials, e));
    if (up->provider.len) {
        mn_identity i = {up->provider, up->subject, m->account.id, mn_now_ms()};
        MN_TRY(mn_store_identity_add(tx, &i, e));
    }
    MN_TRY(add_consent(tx, m->account.id, up->consent, e));
    MN_TRY(use_invite(tx, &m->invite, m->account.id, e));
    mn_notice n = {.kind = MN_NOTICE_ADMIN_SIGN_UP, .from = m->account.id};
    return mn_social_notify_staff(tx, &n, e);
}

/* A name or an address that was taken between the check and the transaction is a fault like any other. */
static mn_rc taken_meanwhile(mn_rc rc, const mn_err *e, mn_faults *ret)
{
    if (rc != MN_E_EXISTS) return rc;
    bool email = strstr(e->msg, "e-mail") != NULL,
         identity = strstr(e->msg, "identity") != NULL;
    add_fault(ret, identity ? "identity" : email ? "email" : "username", MN_FAULT_TAKEN);
    return MN_OK;
}

static mn_str display_of(const mn_sign_up *up)
{
    mn_str d = mn_str_trim(up->display);
    if (d.len == 0 || !mn_utf8_valid(d) || mn_utf8_count(d) > DISPLAY_MAX) return up->name;
    for (size_t i = 0; i < d.len; i++)
        if ((unsigned char)d.ptr[i] < ' ') return up->name;
    return d;
}

static made describe(const mn_sign_up_rules *rules, const mn_sign_up *up, const char *hash,
                     const mn_invite *invite)
{
    made m = {.invite = *invite};
    mn_ip_severity ip =
        up->moderation ? mn_moderation_address(up->moderation, up->ip) : MN_IP_FREE;
    bool waits = (rules->mode == MN_SIGN_UP_APPROVAL && !invite->id) || ip == MN_IP_APPROVAL;
    m.account = (mn_account){.id = mn_snowflake_next(),
                             .name = up->name,
                             .display_name = display_of(up),
                             .password_hash = mn_str_from(hash),
                             .created_ms = mn_now_ms()};
    m.credentials =
        (mn_credentials){.account_id = m.account.id,
                         .email = up->email,
                         .must_confirm = rules->email == MN_EMAIL_REQUIRED,
                         .approved = !waits,
                         .reason = mn_str_trim(up->reason),
                         .sign_up_ip = up->ip,
                         .invite_id = invite->id,
                         .locale = up->locale.len <= LOCALE_MAX ? up->locale : MN_STR("")};
    return m;
}

mn_rc mn_social_sign_up(mn_store *s, const mn_sign_up_rules *rules, const mn_sign_up *up,
                        uint64_t *ret_account, bool *ret_waits, mn_faults *ret, mn_err *e)
{
    mn_tx *tx;
    mn_arena ar;
    mn_invite invite = {0};
    mn_faults faults = {.n = 0};
    mn_err why = {0};
    char hash[MN_PASSWORD_HASH] = "";
    if (up->provider.len == 0 ? up->subject.len > 0
                              : up->subject.len == 0 || up->subject.len > SUBJECT_MAX)
        return mn_fail(e, MN_E_USAGE, "an identity is a provider and a name of theirs");
    MN_TRY(mn_social_sign_up_check(s, rules, up, &faults, e));
    if (faults.n > 0) {
        *ret = faults;
        return MN_OK;
    }
    if (!up->provider.len) MN_TRY(mn_password_hash(up->password, false, hash, e));
    mn_arena_init(&ar, 0);
    mn_rc rc = up->invite.len ? mn_store_invite(s, up->invite, &ar, &invite, &why) : MN_OK;
    made m = describe(rules, up, hash, &invite);
    if (rc == MN_OK) rc = mn_store_begin(s, &tx, &why);
    if (rc == MN_OK) rc = mn_store_end(tx, make(tx, &m, up, &why), &why);
    rc = taken_meanwhile(rc, &why, &faults);
    mn_arena_release(&ar);
    if (rc != MN_OK) return mn_fail(e, rc, "%s", why.msg);
    if (faults.n == 0) {
        *ret_account = m.account.id;
        *ret_waits = !m.credentials.approved;
    }
    *ret = faults;
    return MN_OK;
}

/* ---- invites --------------------------------------------------------------------------------------------------- */

mn_rc mn_social_invite_make(mn_store *s, uint64_t account, uint64_t max_uses, int64_t valid_s,
                            bool follow, mn_arena *ar, mn_invite *ret, mn_err *e)
{
    static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
    uint8_t bytes[INVITE_LENGTH];
    char code[INVITE_LENGTH];
    mn_tx *tx;
    MN_TRY(mn_random_bytes(bytes, sizeof bytes, e));
    for (int i = 0; i < INVITE_LENGTH; i++) code[i] = letters[bytes[i] & 31];
    mn_invite i = {.id = mn_snowflake_next(),
                   .account_id = account,
                   .code = mn_str_dup(ar, (mn_str){code, sizeof code}),
                   .max_uses = max_uses,
                   .expires_ms = valid_s ? mn_now_ms() + valid_s * 1000 : 0,
                   .follow = follow};
    if (!i.code.ptr) return mn_fail(e, MN_E_NOMEM, "out of memory");
    MN_TRY(mn_store_begin(s, &tx, e));
    MN_TRY(mn_store_end(tx, mn_store_invite_add(tx, &i, e), e));
    *ret = i;
    return MN_OK;
}

mn_rc mn_social_invite_good(mn_store *s, mn_str code, bool *ret, mn_err *e)
{
    mn_arena ar;
    mn_invite i;
    mn_arena_init(&ar, 0);
    mn_rc rc = code.len <= 64 ? mn_store_invite(s, code, &ar, &i, e) : MN_E_NOT_FOUND;
    if (rc == MN_OK)
        *ret = (i.max_uses == 0 || i.uses < i.max_uses) &&
               (i.expires_ms == 0 || i.expires_ms > mn_now_ms());
    else if (rc == MN_E_NOT_FOUND) *ret = false;
    mn_arena_release(&ar);
    return rc == MN_E_NOT_FOUND ? MN_OK : rc;
}

/* ---- identities ------------------------------------------------------------------------------------------------ */

mn_rc mn_social_identity_account(mn_store *s, mn_str provider, mn_str subject,
                                 uint64_t *ret_account, mn_err *e)
{
    mn_arena ar;
    mn_account a;
    uint64_t id = 0;
    MN_TRY(mn_store_identity(s, provider, subject, &id, e));
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_account_by_id(s, id, &ar, &a, e);
    if (rc == MN_OK && a.state != MN_ACCOUNT_ACTIVE)
        rc = mn_fail(e, MN_E_DENIED, "the account that belongs to this identity is suspended");
    mn_arena_release(&ar);
    if (rc == MN_OK) *ret_account = id;
    return rc;
}

mn_rc mn_social_identity_link(mn_store *s, uint64_t account, mn_str provider, mn_str subject,
                              mn_err *e)
{
    mn_tx *tx;
    mn_identity i = {provider, subject, account, mn_now_ms()};
    if (subject.len == 0 || subject.len > SUBJECT_MAX)
        return mn_fail(e, MN_E_USAGE, "an identity has a name of 1 to %d bytes", SUBJECT_MAX);
    MN_TRY(mn_store_begin(s, &tx, e));
    return mn_store_end(tx, mn_store_identity_add(tx, &i, e), e);
}

static mn_rc check_unlink(mn_store *s, uint64_t account, mn_err *e)
{
    mn_arena ar;
    mn_account a;
    mn_identity *list;
    size_t n = 0;
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_account_by_id(s, account, &ar, &a, e);
    if (rc == MN_OK) rc = mn_store_identities_of(s, account, &ar, &list, &n, e);
    if (rc == MN_OK && n < 2 && !mn_social_has_password(&a))
        rc = mn_fail(e, MN_E_DENIED,
                     "this is the only way into your account; set a password first");
    mn_arena_release(&ar);
    return rc;
}

mn_rc mn_social_identity_unlink(mn_store *s, uint64_t account, mn_str provider, mn_str subject,
                                mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc = check_unlink(s, account, e);
    if (rc == MN_OK) rc = mn_store_identity_remove(tx, account, provider, subject, e);
    return mn_store_end(tx, rc, e);
}

/* Signing up, in and out; passwords, second factor, invites, identities from elsewhere; the rules of it all.
 *
 * What somebody typed wrong is told as a value (a fault, `false`), not as an error. Functions that take a password cost about
 * 20 ms of argon2id: call them from a route of MN_RUN_PASSWORD. Sign-up by an identity from elsewhere costs none. */
#ifndef MN_SOCIAL_SIGNIN_H
#define MN_SOCIAL_SIGNIN_H

#include "social/access.h"

struct mn_moderation;

/* ---- in -------------------------------------------------------------------------------------------------------- */

typedef enum mn_sign_in {
    MN_SIGN_IN_WRONG, /* no such account, or not its password: never told apart, and takes as long */
    MN_SIGN_IN_RIGHT,
    MN_SIGN_IN_TOTP,     /* right so far; a code is needed */
    MN_SIGN_IN_ONE_TIME, /* right; they have to choose a password of their own now */
    MN_SIGN_IN_SUSPENDED
} mn_sign_in;
/* name: an account's name (with or without @ before it) or its confirmed e-mail address. *ret_account is set unless WRONG. */
mn_rc mn_social_sign_in(mn_store *s, mn_str name, mn_str password, mn_sign_in *ret,
                        uint64_t *ret_account, mn_err *e);
/* A code of the authenticator, each good once, or a recovery code, which is used up. */
mn_rc mn_social_sign_in_code(mn_store *s, uint64_t account, mn_str code, bool *ret_right,
                             mn_err *e);
/* Does the account's own password fit? For what asks for it again. An account without one: MN_E_NOT_FOUND, no message. */
mn_rc mn_social_password_right(mn_store *s, uint64_t account, mn_str password, bool *ret,
                               mn_err *e);
bool mn_social_has_password(const mn_account *a);
/* A new password; all sessions and tokens end but that one (0: all). MN_E_USAGE too short or too long. */
mn_rc mn_social_password_change(mn_store *s, uint64_t account, mn_str password,
                                uint64_t but_token, mn_err *e);

/* ---- second factor --------------------------------------------------------------------------------------------- */

/* Makes a secret (base32, in the arena) that counts from mn_social_totp_on on. MN_E_EXISTS when it is on. */
mn_rc mn_social_totp_begin(mn_store *s, uint64_t account, mn_arena *ar, mn_str *ret_secret,
                           mn_err *e);
/* Switches it on when the code is right, and gives ten recovery codes one a line, this once. */
mn_rc mn_social_totp_on(mn_store *s, uint64_t account, mn_str code, mn_arena *ar,
                        bool *ret_right, mn_str *ret_recovery, mn_err *e);
mn_rc mn_social_totp_off(mn_store *s, uint64_t account, mn_err *e);

/* ---- links by mail --------------------------------------------------------------------------------------------- */

/* A link's secret for an address: to confirm it (two days), to choose a new password (an hour). In the caller's transaction,
 * with the mail's job. */
mn_rc mn_social_link_make(mn_tx *tx, uint64_t account, mn_link_kind kind, mn_str email,
                          mn_secret *ret, mn_err *e);
/* The address is theirs. MN_E_DENIED the link is not ours, was used, or is over. */
mn_rc mn_social_email_confirm(mn_store *s, mn_str secret, uint64_t *ret_account, mn_err *e);
/* Chooses the password by a link; all sessions and tokens end. MN_E_DENIED as above; MN_E_USAGE the password; the link is
 * used up only by success. */
mn_rc mn_social_password_reset(mn_store *s, mn_str secret, mn_str password, mn_err *e);

/* ---- up -------------------------------------------------------------------------------------------------------- */

typedef enum mn_sign_up_mode {
    MN_SIGN_UP_OPEN,
    MN_SIGN_UP_APPROVAL,
    MN_SIGN_UP_INVITE,
    MN_SIGN_UP_CLOSED
} mn_sign_up_mode;
typedef enum mn_email_mode { MN_EMAIL_NO, MN_EMAIL_OPTIONAL, MN_EMAIL_REQUIRED } mn_email_mode;
struct mn_conf;
typedef struct mn_sign_up_rules {
    mn_sign_up_mode mode;
    mn_email_mode email; /* required: it has to be confirmed before the account may act */
    bool mail;           /* a mail server is configured */
} mn_sign_up_rules;
/* From `registrations`, `sign_up_email` and `smtp_url`. MN_E_USAGE a word that is none of them, or an address that is required
 * without a mail server. */
mn_rc mn_sign_up_rules_read(const struct mn_conf *c, mn_sign_up_rules *ret, mn_err *e);

#define MN_SIGN_UP_NAME_MAX   30  /* characters */
#define MN_SIGN_UP_REASON_MAX 500 /* characters */

typedef struct mn_sign_up {
    mn_str name, display, email, reason, invite, locale, ip;
    mn_str password; /* absent with an identity */
    mn_str provider,
        subject;      /* an identity from elsewhere that was verified; absent with a password */
    bool agreement;   /* to the rules */
    bool email_wrong; /* the caller found the address to be none */
    mn_consents consent; /* what was chosen for each purpose; unset ones make no line */
    struct mn_moderation *moderation; /* blocks of addresses; NULL: none are asked */
} mn_sign_up;

typedef enum mn_fault_kind {
    MN_FAULT_BLANK,
    MN_FAULT_INVALID,
    MN_FAULT_RESERVED,
    MN_FAULT_TAKEN,
    MN_FAULT_TOO_LONG,
    MN_FAULT_TOO_SHORT,
    MN_FAULT_ACCEPTED,
    MN_FAULT_BLOCKED
} mn_fault_kind;
typedef struct mn_fault {
    const char *field; /* "username", "email", "password", "agreement", "reason", "invite" */
    mn_fault_kind kind;
} mn_fault;
#define MN_FAULTS_MAX 8
typedef struct mn_faults {
    mn_fault items[MN_FAULTS_MAX];
    size_t n;
} mn_faults;
const char *mn_fault_code(mn_fault_kind k); /* "ERR_TAKEN" */
const char *mn_fault_text(mn_fault_kind k); /* "has already been taken" */

/* What is wrong with it, without making anything and without hashing; what only the making can find (taken meanwhile) comes
 * from mn_social_sign_up in the same way. */
mn_rc mn_social_sign_up_check(mn_store *s, const mn_sign_up_rules *rules, const mn_sign_up *up,
                              mn_faults *ret, mn_err *e);
/* Makes the account in one transaction: account, credentials, identity, the lines of consent, the invite's use and its
 * follow. Faults: nothing was made. *ret_waits: it waits for approval, and the staff was told.
 * errors MN_E_DENIED sign-up is closed, or the address is blocked (the message is for people) */
mn_rc mn_social_sign_up(mn_store *s, const mn_sign_up_rules *rules, const mn_sign_up *up,
                        uint64_t *ret_account, bool *ret_waits, mn_faults *ret, mn_err *e);

/* ---- invites --------------------------------------------------------------------------------------------------- */

/* max_uses 0: any number; valid_s 0: for ever. The code is 12 letters. */
mn_rc mn_social_invite_make(mn_store *s, uint64_t account, uint64_t max_uses, int64_t valid_s,
                            bool follow, mn_arena *ar, mn_invite *ret, mn_err *e);
/* Would that code let somebody in now? */
mn_rc mn_social_invite_good(mn_store *s, mn_str code, bool *ret, mn_err *e);

/* ---- identities from elsewhere --------------------------------------------------------------------------------- */

/* The account that signs in with that identity. An e-mail address never makes one: only what was linked here, by who was
 * signed in or by signing up with it. MN_E_NOT_FOUND: nobody; MN_E_DENIED: a deleted or suspended account. */
mn_rc mn_social_identity_account(mn_store *s, mn_str provider, mn_str subject,
                                 uint64_t *ret_account, mn_err *e);
mn_rc mn_social_identity_link(mn_store *s, uint64_t account, mn_str provider, mn_str subject,
                              mn_err *e);
/* MN_E_DENIED when it is the only way in that is left. */
mn_rc mn_social_identity_unlink(mn_store *s, uint64_t account, mn_str provider, mn_str subject,
                                mn_err *e);

/* ---- sessions -------------------------------------------------------------------------------------------------- */

mn_rc mn_social_session_begin(mn_store *s, uint64_t account, mn_str ip, mn_str agent,
                              mn_secret *ret, mn_err *e);
/* Ends one session or token of that account. MN_OK when it is gone or was never theirs. */
mn_rc mn_social_token_end(mn_store *s, uint64_t account, uint64_t token_id, mn_err *e);
mn_rc mn_social_app_end(mn_store *s, uint64_t account, uint64_t app_id, mn_err *e);

#endif

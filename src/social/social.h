/* The community's rules on top of the store: names, passwords, who sees what, consent decided. */
#ifndef MN_SOCIAL_SOCIAL_H
#define MN_SOCIAL_SOCIAL_H

#include "store/store.h"

/* ---- data folder --------------------------------------------------------------------------------------------- */

/* What a subcommand needs first: the data folder made, settings read, the store open. */
struct mn_conf;
typedef struct mn_home {
    char *dir;            /* --data, else $MYNAH_DATA, else ./mynah-data */
    struct mn_conf *conf; /* mynah.conf, written with comments on first use */
    mn_store *store;
} mn_home;
/* The data folder a subcommand works in: the option if given, else $MYNAH_DATA, else "mynah-data". Nothing is made. */
const char *mn_home_dir(const char *data);
/* data: the --data option or NULL. Gives; free with mn_home_close. The folder is made with mode 0700. The keys of
 * mynah.conf are the table in social/settings.h.
 * errors (each says what and what to do) MN_E_IO not a folder, read-only, full disk; MN_E_PARSE or MN_E_USAGE a wrong
 *        line in mynah.conf; and those of mn_store_open */
mn_rc mn_home_open(const char *data, mn_home *ret, mn_err *e);
void mn_home_close(mn_home *h);
/* DIR/name from the arena. */
char *mn_home_path(const mn_home *h, mn_arena *a, const char *name);

/* ---- accounts ------------------------------------------------------------------------------------------------ */

/* [A-Za-z0-9_] with '.' and '-' inside, 1..64 bytes, not a reserved word (api, oauth, admin …). */
mn_rc mn_social_name_check(mn_str name, mn_err *e);
/* A valid, free-form name made from any text: "Bob's Quotes" → "bobs_quotes". */
mn_str mn_social_name_from(mn_str text, mn_arena *a);
/* Makes an account, in a transaction of its own. password NULL: a one-time password of 20 characters is made and put
 * into ret_password[32]; one given has 8 to 1,024 bytes (MN_E_USAGE).
 * ret_password may be NULL together with password = "" (an account nobody signs in to, as imports make). */
mn_rc mn_social_account_create(mn_store *s, mn_str name, mn_str display, mn_account_role role,
                               const char *password, char *ret_password, uint64_t *ret_id,
                               mn_err *e);
/* A new password, as above; all sessions and tokens end with it. MN_E_NOT_FOUND when there is no such account. */
mn_rc mn_social_password_set(mn_store *s, uint64_t account_id, const char *password,
                             char *ret_password, mn_err *e);
/* From member to suspended and back; all sessions and tokens end. MN_E_DENIED for a deleted account. */
mn_rc mn_social_account_suspend(mn_store *s, uint64_t account_id, bool suspended, mn_err *e);
/* Deletes for good, up to `limit` posts or rows a call, a transaction each, until *ret_left is false: the account cannot sign in
 * any more, its profile is emptied, its posts become tombstones, and everything that hangs on it is removed (store/erase.h).
 * The name stays taken. Can be taken up again after a crash. At once and by a job: social/erase.h. */
mn_rc mn_social_account_delete(mn_store *s, uint64_t account_id, size_t limit, bool *ret_left,
                               mn_err *e);
/* What is left of it: name, id, where it came from, when it was made. */
void mn_social_account_emptied(mn_account *a);
const char *mn_social_role_name(mn_account_role r);
mn_rc mn_social_role_parse(const char *s, mn_account_role *ret, mn_err *e);
const char *mn_social_state_name(mn_account_state s);
mn_rc mn_social_password_check(const mn_account *a, mn_str password, bool *ret_ok,
                               mn_err *e); /* argon2id, about 60 ms */

/* ---- consent ------------------------------------------------------------------------------------------------- */

/* The decision for a post, nearest scope first: post, account, server; then the purpose's own default: `search` is allowed
 * for public posts, everything else is denied. Whatever the settings: only live posts of active accounts that anybody may
 * see (public or unlisted) are ever allowed for anything, and training needs a public post that is not a boost. Pure. */
bool mn_social_allows(const mn_post *p, mn_consents server, mn_purpose purpose);
/* The setting that decides, before those conditions: the nearest scope's that is not unset. */
mn_consent mn_social_setting(const mn_post *p, mn_consents server, mn_purpose purpose);
/* One ledger line in its own transaction. */
mn_rc mn_social_consent_set(mn_store *s, mn_scope scope, uint64_t scope_id, mn_purpose p,
                            mn_consent v, uint64_t actor, mn_str reason, mn_err *e);
const char *mn_social_consent_name(mn_consent c); /* "unset", "allow", "deny" */
/* "train_generative=allow" (also deny, unset; a bare purpose name = allow). */
mn_rc mn_social_consent_parse(const char *arg, mn_purpose *ret_p, mn_consent *ret_v, mn_err *e);

/* ---- reading ------------------------------------------------------------------------------------------------- */

/* May `viewer` (0: anonymous) see the post? Public and unlisted: yes; followers: the author, followers and those mentioned;
 * direct: the author and those mentioned. Nobody sees tombstones, what an account wrote that is suspended (but the author), what
 * somebody wrote with whom one of the two has blocked the other, and boosts of what they may not see. */
mn_rc mn_social_may_see(mn_store *s, const mn_post *p, uint64_t viewer, bool *ret, mn_err *e);

#endif

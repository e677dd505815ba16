/* Accounts as JSON, kept in memory; and what the account handlers share. */
#ifndef MN_API_MASTODON_ACCOUNTS_H
#define MN_API_MASTODON_ACCOUNTS_H

#include "api/mastodon/mastodon.h"
#include "social/people.h"

/* ---- account_cache.c ------------------------------------------------------------------------------------------- */

/* Account entities as bytes, by id: the same for every reader. At most MN_ACCOUNT_CACHE_BYTES; what has not been read for a
 * while goes first. An entry goes with the events that change it, and after MN_ACCOUNT_CACHE_MS, since another process on
 * the same file (an import, the command line) tells no events. Thread-safe. */
#define MN_ACCOUNT_CACHE_BYTES (8u << 20)
#define MN_ACCOUNT_CACHE_MS    10000
typedef struct mn_account_cache mn_account_cache;
mn_rc mn_account_cache_new(mn_store *s, mn_account_cache **ret, mn_err *e);
void mn_account_cache_free(mn_account_cache *c); /* NULL is fine */
/* Appends the entity to the writer when it is there: about half a microsecond. Else false. *ret_ticket is for put. */
bool mn_account_cache_get(mn_account_cache *c, uint64_t id, mn_json_writer *j,
                          uint64_t *ret_ticket);
/* Keeps a copy, unless something about accounts of its part has changed since the ticket was drawn. */
void mn_account_cache_put(mn_account_cache *c, uint64_t id, mn_str json, uint64_t ticket);
void mn_account_cache_counts(mn_account_cache *c, size_t *ret_entries, size_t *ret_bytes);

/* ---- account_json.c -------------------------------------------------------------------------------------------- */

/* The entity as text on the view's arena, from memory when it is there; MN_E_NOT_FOUND (no message) when
 * there is none to show: not here, deleted, or waiting for approval. */
mn_rc mn_entity_account_json(const mn_view *v, uint64_t id, mn_str *ret, mn_err *e);
/* CredentialAccount: with source and role. */
mn_rc mn_entity_credential_account(const mn_view *v, uint64_t id, mn_json_writer *j, mn_err *e);
/* Those of the rows, with mute_expires_at. */
mn_rc mn_entity_muted_accounts(const mn_view *v, const mn_rel_row *rows, size_t n,
                               mn_json_writer *j, mn_err *e);
/* Role, with permissions. */
void mn_entity_role(mn_account_role r, mn_json_writer *j);
void mn_entity_relationship(const mn_relation *r, mn_json_writer *j);
/* The account as rows and what is read from them: for profile handlers. */
typedef struct mn_profile {
    mn_account a;
    mn_prefs prefs;
    mn_field fields[MN_FIELDS_MAX];
    size_t n_fields;
    mn_str avatar, avatar_static, header, header_static; /* addresses */
} mn_profile;
mn_rc mn_masto__profile(const mn_view *v, uint64_t id, mn_profile *ret, mn_err *e);
bool mn_masto__indexable(const mn_view *v, const mn_account *a);
/* The members id, username, acct, display_name, url, uri. */
void mn_masto__names_json(const mn_view *v, const mn_account *a, mn_json_writer *j);
void mn_masto__fields_json(const mn_view *v, const mn_profile *p, bool as_html,
                           mn_json_writer *j);
/* The member attribution_domains. */
void mn_masto__attribution_json(const mn_prefs *p, mn_json_writer *j);
/* "public", "unlisted", "private", "direct"; "public", "followers", "nobody". */
const char *mn_masto__privacy_name(mn_visibility v);
const char *mn_masto__quote_policy_name(mn_quote_policy p);

/* ---- account_text.c -------------------------------------------------------------------------------------------- */

/* A bio's plain text as HTML, appended: as posts are written (content.h), names of members linked. */
mn_rc mn_masto__bio_html(const mn_view *v, mn_str text, mn_buf *ret, mn_err *e);
/* A field's value: one line, links say rel="me". */
mn_rc mn_masto__field_html(const mn_view *v, mn_str text, mn_buf *ret, mn_err *e);

/* ---- account_verify.c ------------------------------------------------------------------------------------------ */

/* In the transaction that writes the fields: a job that asks the pages they name, when one is not verified yet. */
#define MN_VERIFY_JOB "profile.verify" /* payload {"account": "…"} */
mn_rc mn_masto__verify_wanted(mn_tx *tx, uint64_t account, const mn_field *f, size_t n,
                              mn_err *e);
mn_rc mn_masto__verify_run(mn_api *a, const mn_json *payload, mn_arena *ar, mn_err *e);

/* ---- for handlers ---------------------------------------------------------------------------------------------- */

/* Runs fn in a transaction and commits; answers the failure and returns false when it does not succeed. */
typedef mn_rc mn_masto__act(mn_tx *tx, void *arg, mn_err *e);
bool mn_masto__transact(mn_req *r, mn_resp *w, mn_masto__act *fn, void *arg);
/* The account named by ":id", when it may be shown; else 404 was answered. */
bool mn_masto__account(mn_req *r, mn_resp *w, mn_account *ret);
/* The bounds of a page. */
static inline mn_bounds mn_masto__bounds(const mn_page *p)
{
    return (mn_bounds){
        .before = p->max_id, .since = p->since_id, .after = p->min_id, .limit = p->limit};
}
/* A timer: mutes that have ended are taken away, and told. */
mn_rc mn_masto__mutes_expire(mn_api *a, mn_arena *ar, mn_err *e);
/* A list of accounts as answer. */
void mn_masto__answer_accounts(mn_req *r, mn_resp *w, const uint64_t *ids, size_t n);

#endif

/* Moderation as rows: rules, reports, notes, strikes, appeals, the audit log, blocks, word filters, announcements, what was
 * read. What may be done by whom is decided in social/moderation.h; nothing here checks permission.
 *
 * Functions with a mn_tx write; readers take the store. Strings read live in the arena. A missing row is MN_E_NOT_FOUND
 * without a message. Lists are newest first by id unless said otherwise; a page goes from `max_id` (0: the newest) down to
 * above `since_id` (0: all), or up from `min_id` and is then turned round; limit ≤ 1,000. */
#ifndef MN_STORE_MODERATION_H
#define MN_STORE_MODERATION_H

#include "store/store.h"

typedef struct mn_page_ids {
    uint64_t max_id, since_id, min_id; /* 0: not given */
    size_t limit;
} mn_page_ids;

/* ---- the community's rules ------------------------------------------------------------------------------------------ */

typedef struct mn_rule {
    uint64_t id;
    int place; /* order */
    mn_str text, hint;
} mn_rule;
mn_rc mn_store_rules(mn_store *s, mn_arena *ar, mn_rule **ret, size_t *ret_n, mn_err *e);
/* Adds, or replaces the row of that id. */
mn_rc mn_store_rule_put(mn_tx *tx, const mn_rule *r, mn_err *e);
mn_rc mn_store_rule_delete(mn_tx *tx, uint64_t id, mn_err *e);

/* ---- accounts as moderators see them --------------------------------------------------------------------------------- */

typedef struct mn_moderated {
    uint64_t id;
    mn_str name, domain, email, reason, sign_up_ip, locale, plan;
    mn_account_state state;
    mn_account_role role;
    bool has_user; /* somebody can sign in to it: not imported, not remote */
    bool approved, confirmed;
    int64_t created_ms, silenced_ms, sensitized_ms, disabled_ms, suspended_ms, last_seen_ms;
    uint64_t invited_by, n_posts;
} mn_moderated;

mn_rc mn_store_moderated(mn_store *s, uint64_t id, mn_arena *ar, mn_moderated *ret, mn_err *e);
typedef enum mn_mod_status {
    MN_MOD_ANY,
    MN_MOD_ACTIVE, /* neither suspended, disabled, waiting nor deleted */
    MN_MOD_PENDING,
    MN_MOD_DISABLED,
    MN_MOD_SILENCED,
    MN_MOD_SUSPENDED,
    MN_MOD_SENSITIZED
} mn_mod_status;
typedef struct mn_mod_filter {
    mn_mod_status status;
    bool local, remote, staff;
    int role;                                     /* this role alone; -1: any */
    mn_str username, display_name, domain, email; /* parts of them, any case of ASCII letters */
    mn_str ip;                                    /* of sign-up or a session, exact */
    uint64_t invited_by;
} mn_mod_filter;
/* Deleted accounts are left out. cost a scan of the accounts unless the page fills early */
mn_rc mn_store_moderated_list(mn_store *s, const mn_mod_filter *f, const mn_page_ids *p,
                              mn_arena *ar, mn_moderated **ret, size_t *ret_n, mn_err *e);
/* How many wait for approval; how many reports are open; how many appeals are not decided. */
mn_rc mn_store_moderation_waiting(mn_store *s, uint64_t *ret_accounts, uint64_t *ret_reports,
                                  uint64_t *ret_appeals, mn_err *e);
typedef struct mn_seen_ip {
    mn_str ip;
    int64_t used_ms;
} mn_seen_ip;
/* Addresses of sign-up and sessions, the latest first, up to 20. */
mn_rc mn_store_account_ips(mn_store *s, uint64_t account_id, mn_arena *ar, mn_seen_ip **ret,
                           size_t *ret_n, mn_err *e);

/* What moderation sets on an account. A new state gives its posts a new rev. Ends with the event MN_EV_ACCOUNT. */
typedef struct mn_measures {
    mn_account_state state;
    int64_t silenced_ms, sensitized_ms, disabled_ms, suspended_ms; /* 0: not so */
} mn_measures;
mn_rc mn_store_account_measures_set(mn_tx *tx, uint64_t id, const mn_measures *m, mn_err *e);
mn_rc mn_store_account_approve(mn_tx *tx, uint64_t id, mn_err *e);
/* Takes a sign-up that waits out altogether (MN_E_NOT_FOUND when it does not wait). It has no posts. */
mn_rc mn_store_sign_up_drop(mn_tx *tx, uint64_t id, mn_err *e);
mn_rc mn_store_account_role_set(mn_tx *tx, uint64_t id, mn_account_role role, mn_err *e);
mn_rc mn_store_account_plan_set(mn_tx *tx, uint64_t id, mn_str plan, mn_err *e);
/* Local accounts suspended before `before_ms` whose posts are still here, by id after `after`. */
mn_rc mn_store_suspended_since(mn_store *s, int64_t before_ms, uint64_t after, size_t limit,
                               mn_arena *ar, uint64_t **ret, size_t *ret_n, mn_err *e);

/* Posts of that account become sensitive; those that are are left alone. Each is told as MN_EV_POST_EDITED. */
mn_rc mn_store_posts_cover(mn_tx *tx, uint64_t account_id, const uint64_t *ids, size_t n,
                           mn_err *e);

/* ---- reports ----------------------------------------------------------------------------------------------------------- */

typedef enum mn_report_category {
    MN_REPORT_OTHER,
    MN_REPORT_SPAM,
    MN_REPORT_LEGAL,
    MN_REPORT_VIOLATION
} mn_report_category;
typedef struct mn_report {
    uint64_t id, account_id, target_id; /* account 0: made by a word filter */
    mn_report_category category;
    mn_str comment;
    bool forward;
    uint64_t assigned_id, done_by;
    int64_t created_ms, updated_ms, done_ms; /* done 0: open */
    uint64_t *posts, *rules;                 /* read: in the arena */
    size_t n_posts, n_rules;
} mn_report;
/* The whole, posts and rules with it (at most 1,000 each). */
mn_rc mn_store_report_add(mn_tx *tx, const mn_report *r, mn_err *e);
mn_rc mn_store_report(mn_store *s, uint64_t id, mn_arena *ar, mn_report *ret, mn_err *e);
typedef struct mn_report_filter {
    bool resolved; /* those that are done, else those that are open */
    bool any;      /* both */
    uint64_t account_id, target_id, assigned_id;
} mn_report_filter;
mn_rc mn_store_reports(mn_store *s, const mn_report_filter *f, const mn_page_ids *p,
                       mn_arena *ar, mn_report **ret, size_t *ret_n, mn_err *e);
/* category, rules, assigned_id, done_* and updated_ms as given. */
mn_rc mn_store_report_update(mn_tx *tx, const mn_report *r, mn_err *e);
/* All open ones about an account are done. */
mn_rc mn_store_reports_close(mn_tx *tx, uint64_t target_id, uint64_t by, int64_t at_ms,
                             mn_err *e);

typedef struct mn_mod_note {
    uint64_t id, account_id, target_id,
        report_id; /* about an account or a report; the other is 0 */
    mn_str text;
    int64_t at_ms;
} mn_mod_note;
mn_rc mn_store_mod_note_add(mn_tx *tx, const mn_mod_note *n, mn_err *e);
mn_rc mn_store_mod_notes(mn_store *s, uint64_t target_id, uint64_t report_id, mn_arena *ar,
                         mn_mod_note **ret, size_t *ret_n, mn_err *e);

/* ---- strikes and appeals -------------------------------------------------------------------------------------------------- */

typedef enum mn_strike_action {
    MN_STRIKE_NONE,
    MN_STRIKE_DISABLE,
    MN_STRIKE_MARK_SENSITIVE, /* posts */
    MN_STRIKE_DELETE_POSTS,
    MN_STRIKE_SENSITIVE,
    MN_STRIKE_SILENCE,
    MN_STRIKE_SUSPEND,
    MN_STRIKES
} mn_strike_action;
typedef struct mn_strike {
    uint64_t id, target_id, account_id; /* account: the moderator */
    mn_strike_action action;
    mn_str text;
    uint64_t report_id;
    uint64_t *posts; /* read: in the arena */
    size_t n_posts;
    int64_t at_ms, overruled_ms;
    /* its appeal, read only; appeal_id 0: none */
    uint64_t appeal_id, decided_by;
    mn_str appeal;
    int64_t appealed_ms, decided_ms;
    bool granted;
} mn_strike;
mn_rc mn_store_strike_add(mn_tx *tx, const mn_strike *k, mn_err *e);
mn_rc mn_store_strike(mn_store *s, uint64_t id, mn_arena *ar, mn_strike *ret, mn_err *e);
/* Of an account (0: all), or those with an undecided appeal. */
mn_rc mn_store_strikes(mn_store *s, uint64_t target_id, bool appealed, const mn_page_ids *p,
                       mn_arena *ar, mn_strike **ret, size_t *ret_n, mn_err *e);
/* MN_E_EXISTS when it was appealed before. */
mn_rc mn_store_appeal_add(mn_tx *tx, uint64_t id, uint64_t strike_id, uint64_t account_id,
                          mn_str text, int64_t at_ms, mn_err *e);
/* Decides an appeal that is not decided (else MN_E_NOT_FOUND); granted: its strike is overruled. */
mn_rc mn_store_appeal_decide(mn_tx *tx, uint64_t strike_id, uint64_t by, bool granted,
                             int64_t at_ms, mn_err *e);

/* ---- audit log ------------------------------------------------------------------------------------------------------------- */

typedef struct mn_audit {
    uint64_t id, account_id; /* who did it; 0: the command line or the program itself */
    mn_str action;           /* "suspend", "create" … */
    mn_str target_kind;      /* "account", "report", "domain_block" … */
    uint64_t target_id;
    mn_str detail;
    int64_t at_ms;
    mn_str account_name; /* read only */
} mn_audit;
mn_rc mn_store_audit_add(mn_tx *tx, const mn_audit *a, mn_err *e);
/* account_id 0 and an absent kind: all. */
mn_rc mn_store_audits(mn_store *s, uint64_t account_id, mn_str target_kind, uint64_t target_id,
                      const mn_page_ids *p, mn_arena *ar, mn_audit **ret, size_t *ret_n,
                      mn_err *e);

/* ---- blocks ------------------------------------------------------------------------------------------------------------------ */

typedef enum mn_block_severity {
    MN_BLOCK_NOOP,
    MN_BLOCK_SILENCE,
    MN_BLOCK_SUSPEND
} mn_block_severity;
typedef struct mn_domain_block {
    uint64_t id;
    mn_str domain; /* lower case, punycode */
    mn_block_severity severity;
    bool reject_media, reject_reports, obfuscate;
    mn_str private_comment, public_comment;
    int64_t at_ms;
} mn_domain_block;
/* Adds (MN_E_EXISTS: the domain has one) or, with replace, changes the row of that id. */
mn_rc mn_store_domain_block_put(mn_tx *tx, const mn_domain_block *b, bool replace, mn_err *e);
mn_rc mn_store_domain_blocks(mn_store *s, const mn_page_ids *p, mn_arena *ar,
                             mn_domain_block **ret, size_t *ret_n, mn_err *e);
mn_rc mn_store_domain_block(mn_store *s, uint64_t id, mn_arena *ar, mn_domain_block *ret,
                            mn_err *e);

/* Rows that are a text and a time: domains allowed, e-mail domains blocked, hashes of e-mail addresses blocked. */
typedef enum mn_block_list {
    MN_LIST_DOMAIN_ALLOWS,
    MN_LIST_EMAIL_DOMAINS,
    MN_LIST_EMAIL_HASHES
} mn_block_list;
typedef struct mn_block_line {
    uint64_t id;
    mn_str text;
    int64_t at_ms;
} mn_block_line;
mn_rc mn_store_block_line_add(mn_tx *tx, mn_block_list l, const mn_block_line *b, mn_err *e);
mn_rc mn_store_block_lines(mn_store *s, mn_block_list l, const mn_page_ids *p, mn_arena *ar,
                           mn_block_line **ret, size_t *ret_n, mn_err *e);
mn_rc mn_store_block_line(mn_store *s, mn_block_list l, uint64_t id, mn_arena *ar,
                          mn_block_line *ret, mn_err *e);

typedef enum mn_ip_severity {
    MN_IP_FREE, /* no block */
    MN_IP_APPROVAL,
    MN_IP_NO_SIGN_UP,
    MN_IP_NO_ACCESS
} mn_ip_severity;
typedef struct mn_ip_block {
    uint64_t id;
    mn_str ip; /* "192.0.2.0/24", "2001:db8::/32" */
    mn_ip_severity severity;
    mn_str comment;
    int64_t expires_ms, at_ms; /* expires 0: never */
} mn_ip_block;
mn_rc mn_store_ip_block_put(mn_tx *tx, const mn_ip_block *b, bool replace, mn_err *e);
mn_rc mn_store_ip_blocks(mn_store *s, const mn_page_ids *p, mn_arena *ar, mn_ip_block **ret,
                         size_t *ret_n, mn_err *e);
mn_rc mn_store_ip_block(mn_store *s, uint64_t id, mn_arena *ar, mn_ip_block *ret, mn_err *e);

typedef enum mn_word_kind { MN_WORD_PHRASE, MN_WORD_PATTERN, MN_WORD_LINK } mn_word_kind;
typedef enum mn_word_action {
    MN_WORD_REPORT,
    MN_WORD_REJECT,
    MN_WORD_SENSITIVE
} mn_word_action;
typedef struct mn_word_filter {
    uint64_t id;
    mn_str pattern; /* words; a PCRE2 pattern; or the domain of links */
    mn_word_kind kind;
    mn_word_action action;
    mn_str comment;
    int64_t at_ms;
} mn_word_filter;
mn_rc mn_store_word_filter_put(mn_tx *tx, const mn_word_filter *f, bool replace, mn_err *e);
mn_rc mn_store_word_filters(mn_store *s, mn_arena *ar, mn_word_filter **ret, size_t *ret_n,
                            mn_err *e);

/* One row of any of these tables is deleted. */
typedef enum mn_mod_table {
    MN_TABLE_DOMAIN_BLOCKS,
    MN_TABLE_DOMAIN_ALLOWS,
    MN_TABLE_EMAIL_DOMAINS,
    MN_TABLE_EMAIL_HASHES,
    MN_TABLE_IP_BLOCKS,
    MN_TABLE_WORD_FILTERS
} mn_mod_table;
mn_rc mn_store_mod_delete(mn_tx *tx, mn_mod_table t, uint64_t id, mn_err *e);

/* ---- announcements ---------------------------------------------------------------------------------------------------------- */

typedef struct mn_announcement {
    uint64_t id;
    mn_str text;
    int64_t starts_ms, ends_ms, published_ms, updated_ms; /* 0: none */
    bool all_day;
    bool read; /* by the account asked for */
} mn_announcement;
mn_rc mn_store_announcement_put(mn_tx *tx, const mn_announcement *a, bool replace, mn_err *e);
mn_rc mn_store_announcement_delete(mn_tx *tx, uint64_t id, mn_err *e);
/* Those that are published and run at now_ms (now 0: all there are), oldest first, up to 100. */
mn_rc mn_store_announcements(mn_store *s, uint64_t account_id, int64_t now_ms, mn_arena *ar,
                             mn_announcement **ret, size_t *ret_n, mn_err *e);
mn_rc mn_store_announcement_read(mn_tx *tx, uint64_t id, uint64_t account_id, mn_err *e);
typedef struct mn_reaction {
    uint64_t announcement_id;
    mn_str name;
    uint64_t n;
    bool me;
} mn_reaction;
mn_rc mn_store_reactions(mn_store *s, uint64_t account_id, mn_arena *ar, mn_reaction **ret,
                         size_t *ret_n, mn_err *e);
/* MN_E_LIMIT: the announcement has 8 different ones already. */
mn_rc mn_store_reaction_add(mn_tx *tx, uint64_t id, mn_str name, uint64_t account_id,
                            mn_err *e);
mn_rc mn_store_reaction_remove(mn_tx *tx, uint64_t id, mn_str name, uint64_t account_id,
                               mn_err *e);

/* ---- what was read on a day -------------------------------------------------------------------------------------------------- */

/* Adds n for `who` ("a:ACCOUNT", "i:ADDRESS") on that day (days since 1970, UTC). */
mn_rc mn_store_reading_add(mn_tx *tx, mn_str who, int64_t day, uint64_t n, mn_err *e);
mn_rc mn_store_reading(mn_store *s, mn_str who, int64_t day, uint64_t *ret,
                       mn_err *e); /* 0 when absent */
mn_rc mn_store_readings_forget(mn_tx *tx, int64_t before_day, mn_err *e);

/* Domains of the accounts we know from elsewhere, by name, up to limit. */
mn_rc mn_store_peers(mn_store *s, size_t limit, mn_arena *ar, mn_str **ret, size_t *ret_n,
                     mn_err *e);

/* ---- numbers ------------------------------------------------------------------------------------------------------------------ */

/* Counted over a time: what the admin API's measures ask for. */
typedef enum mn_measure {
    MN_MEASURE_ACTIVE_USERS, /* were seen last in that time */
    MN_MEASURE_NEW_USERS,
    MN_MEASURE_INTERACTIONS, /* favourites and boosts */
    MN_MEASURE_POSTS,        /* that are still here */
    MN_MEASURE_REPORTS_OPENED,
    MN_MEASURE_REPORTS_RESOLVED,
    MN_MEASURE_TAG_USES, /* of tag `id` */
    MN_MEASURE_TAG_ACCOUNTS
} mn_measure;
/* from_ms ≤ t < to_ms. cost a scan of what was made in that time */
mn_rc mn_store_measure(mn_store *s, mn_measure m, uint64_t id, int64_t from_ms, int64_t to_ms,
                       uint64_t *ret, mn_err *e);

typedef enum mn_dimension {
    MN_DIMENSION_LANGUAGES,    /* of members' posts */
    MN_DIMENSION_TAG_LANGUAGES /* of posts with tag `id` */
} mn_dimension;
typedef struct mn_share {
    mn_str key;
    uint64_t n;
} mn_share;
/* The most frequent first, up to limit; the unknown ("") included. */
mn_rc mn_store_dimension(mn_store *s, mn_dimension d, uint64_t id, int64_t from_ms,
                         int64_t to_ms, size_t limit, mn_arena *ar, mn_share **ret,
                         size_t *ret_n, mn_err *e);

/* How many accounts were made on a day and were seen last on another (days since 1970, UTC). */
typedef struct mn_stayed {
    int64_t made_day, seen_day;
    uint64_t n;
} mn_stayed;
mn_rc mn_store_stayed(mn_store *s, int64_t from_ms, int64_t to_ms, mn_arena *ar,
                      mn_stayed **ret, size_t *ret_n, mn_err *e);

#endif

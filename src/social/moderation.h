/* Moderation: what moderators may do, to whom, and what follows from it; rules that texts, addresses and sign-ups meet.
 *
 * Who acts is a mn_actor. Members can report and appeal; moderators act on members; operators on moderators too. Nobody acts
 * on an account of the same or a higher role, nor on themselves. Each act is one transaction: the change, its strike, its
 * line in the audit log, the notification, the events. Mail goes out by a job added in the same transaction.
 *
 *   none        a warning
 *   disable     cannot sign in; sessions are cut; posts stay
 *   sensitive   media are shown behind a cover
 *   silence     seen by followers and those who ask for it: not in public timelines, trends, search, suggestions; its
 *               notifications go to those who follow it
 *   suspend     as if it were not there; sessions are cut. Undone within 30 days all is as it was; later it is deleted.
 *
 * errors  MN_E_DENIED     the role does not allow it (the message is for people)
 *         MN_E_NOT_FOUND  no such account, report, strike, row; for reporters also what they may not see
 *         MN_E_USAGE      what was sent makes no sense; the message says what would
 *         MN_E_EXISTS     it is so already, or there is one already
 *         MN_E_LIMIT      too long or too many */
#ifndef MN_SOCIAL_MODERATION_H
#define MN_SOCIAL_MODERATION_H

#include "social/social.h"
#include "store/moderation.h"

struct mn_conf;

#define MN_SUSPENDED_DAYS 30 /* until a suspended account's data are deleted */

typedef struct mn_actor {
    uint64_t account_id; /* 0: the command line */
    mn_account_role role;
    mn_str
        mail_base; /* "https://…" for links in the mail that an act sends; empty: no mail is sent */
} mn_actor;
typedef struct mn_names { /* of an enumeration, in its order */
    const char *const *names;
    size_t n;
} mn_names;
extern const mn_names mn_strike_names, mn_report_names, mn_block_names, mn_ip_names,
    mn_word_kind_names, mn_word_action_names;
/* MN_E_USAGE lists the names. */
mn_rc mn_name_parse(const mn_names *n, const char *what, mn_str s, int *ret, mn_err *e);

/* ---- what texts and newcomers meet (kept in memory, follows the store) ------------------------------------------------------ */

typedef struct mn_moderation mn_moderation;
mn_rc mn_moderation_new(mn_store *s, mn_moderation **ret, mn_err *e);
void mn_moderation_free(mn_moderation *m); /* NULL is fine */

/* A text about to be published: a post with its warning, poll and descriptions; a profile. */
typedef struct mn_text_ask {
    uint64_t account_id; /* 0: not an account's (sign-up: the name and reason) */
    mn_str texts[12];    /* empty ones are fine */
    size_t n_texts;
    size_t links, mentions; /* counted by whoever parsed the text */
    size_t most_links,
        most_mentions; /* what the author's level allows (mn_limits_included); 0: no limit */
} mn_text_ask;
typedef struct mn_text_verdict {
    bool sensitive; /* publish it covered */
    bool report;    /* publish it and report it: mn_moderation_flag in the same transaction */
    uint64_t filter_id; /* the word filter that said so */
} mn_text_verdict;
/* MN_OK: as *ret says. MN_E_DENIED: it is not published; the message tells the author why ("this text contains a link …").
 * A pattern that takes too long counts as not matching and is noted in the log. thread any */
mn_rc mn_moderation_text(mn_moderation *m, const mn_text_ask *t, mn_text_verdict *ret,
                         mn_err *e);
/* Opens a report of the program's own on the post; 0: on the author's profile. */
mn_rc mn_moderation_flag(mn_tx *tx, uint64_t author, uint64_t post, uint64_t filter_id,
                         mn_err *e);

/* What blocks say of an address (IPv4 or IPv6 as text; anything else is free). cost about 0.1 µs a block */
mn_ip_severity mn_moderation_address(mn_moderation *m, mn_str address);
/* Is the e-mail address's domain (or one above it) or its canonical form blocked? */
bool mn_moderation_email_blocked(mn_moderation *m, mn_str email);
/* "Me.Too+x@Example.com" → SHA-256, hex, of "metoo@example.com": case, dots and what follows a plus sign don't count. */
void mn_email_hash(mn_str email, char ret[65]);
/* The block that applies to a domain (its own or that of a domain above it). false: none. */
bool mn_moderation_domain(mn_moderation *m, mn_str domain,
                          mn_domain_block *ret); /* strings are not set */
bool mn_moderation_domain_allowed(
    mn_moderation *m,
    mn_str domain); /* an allow-list is in force and has it, or there is none */

/* ---- reports --------------------------------------------------------------------------------------------------------------------- */

/* By a member. posts: the target's, visible to the reporter (others are MN_E_NOT_FOUND), at most 1,000; comment ≤ 1,000
 * characters; rules only with the category violation (and then it is that category). Moderators are notified. */
mn_rc mn_social_report(mn_store *s, const mn_report *r, uint64_t *ret_id, mn_err *e);
typedef enum mn_report_do {
    MN_REPORT_ASSIGN, /* to the actor */
    MN_REPORT_UNASSIGN,
    MN_REPORT_RESOLVE,
    MN_REPORT_REOPEN
} mn_report_do;
mn_rc mn_social_report_do(mn_store *s, mn_actor by, uint64_t report_id, mn_report_do what,
                          mn_err *e);
/* rules NULL: as they are */
mn_rc mn_social_report_recategorise(mn_store *s, mn_actor by, uint64_t report_id,
                                    mn_report_category category, const uint64_t *rules,
                                    size_t n_rules, mn_err *e);

/* ---- acts --------------------------------------------------------------------------------------------------------------------------- */

typedef struct mn_act {
    mn_strike_action action;
    mn_str text;           /* told to the account; ≤ 5,000 characters */
    uint64_t report_id;    /* 0: none; its posts go onto the strike */
    const uint64_t *posts; /* for MARK_SENSITIVE and DELETE_POSTS; NULL: the report's */
    size_t n_posts;
    bool tell; /* notify and mail */
} mn_act;
/* With a report: warnings close that one, everything else closes all open ones about the account. */
mn_rc mn_social_moderate(mn_store *s, mn_actor by, uint64_t target, const mn_act *a,
                         uint64_t *ret_strike, mn_err *e);
typedef enum mn_undo {
    MN_UNDO_DISABLE,
    MN_UNDO_SENSITIVE,
    MN_UNDO_SILENCE,
    MN_UNDO_SUSPEND
} mn_undo;
mn_rc mn_social_moderate_undo(mn_store *s, mn_actor by, uint64_t target, mn_undo what,
                              mn_err *e);
/* Sign-ups that wait. Rejecting takes the account out as if it had never been: name and address are free again. */
mn_rc mn_social_approve(mn_store *s, mn_actor by, uint64_t target, mn_err *e);
mn_rc mn_social_reject(mn_store *s, mn_actor by, uint64_t target, mn_err *e);
/* Has the job queue delete a suspended account's data now. */
mn_rc mn_social_moderate_delete(mn_store *s, mn_actor by, uint64_t target, mn_err *e);
mn_rc mn_social_role_set(mn_store *s, mn_actor by, uint64_t target, mn_account_role role,
                         mn_err *e); /* operators only; the last operator stays one */
mn_rc mn_social_plan_set(mn_store *s, mn_actor by, uint64_t target, mn_str plan, mn_err *e);
/* Has the job queue delete what has been suspended for MN_SUSPENDED_DAYS, up to 1,000 accounts. By a timer. */
mn_rc mn_social_suspended_purge(mn_store *s, int64_t now_ms, size_t *ret_n, mn_err *e);

/* ---- appeals ------------------------------------------------------------------------------------------------------------------------ */

/* By the account concerned, once a strike, within 20 days, ≤ 2,000 characters. Operators and moderators are notified. */
mn_rc mn_social_appeal(mn_store *s, uint64_t account_id, uint64_t strike_id, mn_str text,
                       mn_err *e);
/* Granted: what the strike did is undone (deleted posts stay deleted). Not by whoever gave the strike, unless alone. */
mn_rc mn_social_appeal_decide(mn_store *s, mn_actor by, uint64_t strike_id, bool granted,
                              mn_err *e);
/* Who cannot sign in any more appeals by the link in the mail: a text made from the strike and a secret of this instance.
 * false: not the right one. */
mn_rc mn_social_appeal_code(mn_tx *tx, mn_store *s, uint64_t strike_id, char ret[33],
                            mn_err *e); /* the secret is made with the first */
mn_rc mn_social_appeal_code_right(mn_store *s, uint64_t strike_id, mn_str code, bool *ret,
                                  mn_err *e);

/* ---- rows that moderators keep: each call checks, writes, audits and tells (MN_EV_RULES) ----------------------------------------------- */

/* id 0: a new one, *ret_id its id. Domains are brought into their canonical form; patterns must compile; addresses parse. */
mn_rc mn_social_rule_put(mn_store *s, mn_actor by, const mn_rule *r, uint64_t *ret_id,
                         mn_err *e);
mn_rc mn_social_rule_delete(mn_store *s, mn_actor by, uint64_t id, mn_err *e);
mn_rc mn_social_domain_block_put(mn_store *s, mn_actor by, const mn_domain_block *b,
                                 uint64_t *ret_id, mn_err *e);
mn_rc mn_social_ip_block_put(mn_store *s, mn_actor by, const mn_ip_block *b, uint64_t *ret_id,
                             mn_err *e);
/* MN_LIST_EMAIL_HASHES: text is an e-mail address, or the 64 hex digits themselves. */
mn_rc mn_social_block_line_add(mn_store *s, mn_actor by, mn_block_list l, mn_str text,
                               uint64_t *ret_id, mn_err *e);
mn_rc mn_social_word_filter_put(mn_store *s, mn_actor by, const mn_word_filter *f,
                                uint64_t *ret_id, mn_err *e);
mn_rc mn_social_mod_delete(mn_store *s, mn_actor by, mn_mod_table t, uint64_t id, mn_err *e);
mn_rc mn_social_announce(mn_store *s, mn_actor by, const mn_announcement *a, uint64_t *ret_id,
                         mn_err *e);
mn_rc mn_social_announcement_delete(mn_store *s, mn_actor by, uint64_t id, mn_err *e);
mn_rc mn_social_note_add(mn_store *s, mn_actor by, const mn_mod_note *n, uint64_t *ret_id,
                         mn_err *e);

#endif

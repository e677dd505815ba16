/* Limits: how often something may be asked for, how much may be read in a day, and what a plan includes.
 *
 * Three tables (limits_table.c) are the only source: enforcement, response headers, docs/limits.md and the page
 * /about/limits are all made from them.
 *   rates   so many requests of a kind in so long a time, counted by account, token or address, in windows that begin at
 *           multiples of the period as Mastodon's do. What kind a request is, is decided by the route that took it, never by
 *           the path as it was written.
 *   levels  anonymous, new, member, subscriber: who is in which
 *   plan    what each level includes: posts read in a day, characters, sizes …
 * The numbers of levels and the two general rates come from mynah.conf; `rate_limits = off` switches all rates off.
 *
 * Memory: rates, a table of fixed size (about 1 MiB) in which the least used entry of a full set is forgotten; readings, one
 * entry for each reader of the day, at most 65,536 (those written already are dropped for others and read again).
 * thread: everything here, any thread. */
#ifndef MN_SOCIAL_LIMITS_H
#define MN_SOCIAL_LIMITS_H

#include "social/social.h"

struct mn_conf;

/* ---- rates --------------------------------------------------------------------------------------------------------- */

typedef enum mn_limit_by {
    MN_BY_ADDRESS,  /* of IPv6 the /64 */
    MN_BY_STRANGER, /* the address, of requests without a member */
    MN_BY_ACCOUNT,
    MN_BY_TOKEN,
    MN_BY_NAME, /* what mn_limits_take_name is given: an account name or e-mail address */
    MN_BY_PLAN  /* the account, by mn_limits_take_plan: as many as its level includes */
} mn_limit_by;

typedef struct mn_rate {
    const char *name; /* "media" */
    const char *help; /* "uploads": for the documents */
    mn_limit_by by;
    uint32_t count, period_s;
    const char *setting; /* key of mynah.conf that holds the count; NULL: `count` */
    const char *const *
        routes; /* "POST /api/v2/media" …, NULL at the end; "* /api/" means every method and all below;
                                  NULL: only by mn_limits_take_name */
} mn_rate;
extern const mn_rate mn_rates[]; /* ends with .name = NULL */

typedef struct mn_limits mn_limits;
/* Borrows the store. errors MN_E_USAGE a setting is no number or no such word */
mn_rc mn_limits_new(mn_store *s, const struct mn_conf *c, mn_limits **ret, mn_err *e);
/* Writes what was read first. NULL is fine. */
void mn_limits_free(mn_limits *l);

typedef struct mn_caller {
    mn_str address;                /* as text, believed */
    uint64_t account_id, token_id; /* 0: nobody is signed in */
} mn_caller;
typedef struct mn_rate_state {
    const mn_rate *rate; /* NULL: nothing limits this request */
    uint32_t limit, remaining;
    int64_t resets_ms;
    bool over; /* refuse it */
} mn_rate_state;
/* Counts one request in every rate that it belongs to. *ret: the one with the least left, or the one that is used up.
 * method: "GET" …; pattern: that of the route, NULL when no route took it (then only rates of whole trees count).
 * cost about 0.2 µs */
void mn_limits_take(mn_limits *l, const char *method, const char *pattern, mn_str path,
                    const mn_caller *who, mn_rate_state *ret);
/* Counts one for `who` in the rate of that name ("sign_in_name", "password_name" …). false: used up, *ret says until when
 * (ret may be NULL). For what only a handler knows, such as the name somebody tries to sign in with. */
bool mn_limits_take_name(mn_limits *l, const char *rate, mn_str who, mn_rate_state *ret);

/* ---- levels and plans ----------------------------------------------------------------------------------------------- */

typedef enum mn_level {
    MN_LEVEL_ANONYMOUS,
    MN_LEVEL_NEW,
    MN_LEVEL_MEMBER,
    MN_LEVEL_SUBSCRIBER,
    MN_LEVELS
} mn_level;
typedef enum mn_plan_item {
    MN_PLAN_READS,          /* posts a day; 0: no limit */
    MN_PLAN_CHARACTERS,     /* of a post */
    MN_PLAN_IMAGE_BYTES,    /* of one picture */
    MN_PLAN_VIDEO_BYTES,    /* of one video or sound */
    MN_PLAN_LINKS,          /* in a post; 0: no limit */
    MN_PLAN_MENTIONS,       /* in a post; 0: no limit */
    MN_PLAN_MODEL_TOKENS,   /* of the model API, read and written, a day; 0: no limit */
    MN_PLAN_MODEL_REQUESTS, /* to the model API a minute; 0: no limit */
    MN_PLAN_CHAT_MESSAGES,  /* to a model on the chat page a day; 0: no limit */
    MN_PLAN_ITEMS
} mn_plan_item;
typedef struct mn_plan_row {
    mn_plan_item item;
    const char *name, *help, *unit;
    const char
        *settings[MN_LEVELS]; /* key of mynah.conf; NULL: no limit, or not for that level */
    uint64_t least, most;
    bool as_member; /* a subscriber's 0 means: as a member */
} mn_plan_row;
extern const mn_plan_row mn_plan[MN_PLAN_ITEMS];
const char *mn_level_name(mn_level l); /* "anonymous", "new", "member", "subscriber" */

/* Moderators and operators are subscribers; an account with a plan is one; an account is new for the first
 * `new_account_days` days and until it has `new_account_posts` posts. Here as the store has it; mn_limits_reading and
 * mn_limits_read may be a minute behind. */
mn_rc mn_limits_level(mn_limits *l, uint64_t account_id, mn_level *ret, mn_err *e);
uint64_t mn_limits_of(const mn_limits *l, mn_level level, mn_plan_item item);
/* Both at once, for whoever enforces an item; the level may be two seconds old. */
mn_rc mn_limits_included(mn_limits *l, uint64_t account_id, mn_plan_item item, uint64_t *ret,
                         mn_err *e);
/* Counts one for the account in the rate of that name, whose count is what the account's level includes of `item` (0: no limit, and
 * ret->rate stays NULL). */
mn_rc mn_limits_take_plan(mn_limits *l, const char *rate, uint64_t account_id,
                          mn_plan_item item, mn_rate_state *ret, mn_err *e);

/* ---- reading, and tokens of models ------------------------------------------------------------------------------------------------------------ */

typedef struct mn_reading {
    mn_level level;
    uint64_t limit; /* posts (or tokens) a day; 0: no limit */
    uint64_t used;
    int64_t resets_ms; /* the next midnight, UTC */
} mn_reading;
/* `reading = members`: nobody reads without signing in. */
bool mn_limits_members_only(const mn_limits *l);
/* Is reading limited for anybody? If not, nothing need be counted. */
bool mn_limits_counts_reading(const mn_limits *l);
/* Does that route deliver posts to read? */
bool mn_limits_is_reading(const mn_limits *l, const char *method, const char *pattern);
/* How it stands. */
mn_rc mn_limits_reading(mn_limits *l, const mn_caller *who, mn_reading *ret, mn_err *e);
/* n posts were delivered. Nothing is counted where there is no limit. cost about 0.1 µs; the first of a reader's day reads
 * the store */
mn_rc mn_limits_read(mn_limits *l, const mn_caller *who, uint64_t n, mn_reading *ret,
                     mn_err *e);
/* The same for tokens of the model API, MN_PLAN_MODEL_TOKENS: n more were used (0: how it stands). They are counted where there
 * is no limit too. */
mn_rc mn_limits_model_tokens(mn_limits *l, uint64_t account_id, uint64_t n, mn_reading *ret,
                             mn_err *e);
/* Writes to the store what was counted since the last time, and forgets days that are over: every 10 s by a timer. A crash
 * loses what came after. */
mn_rc mn_limits_flush(mn_limits *l, mn_err *e);

/* ---- the documents ---------------------------------------------------------------------------------------------------------- */

/* All limits as they are set, in Markdown (docs/limits.md) or as HTML (the main part of /about/limits). */
mn_rc mn_limits_markdown(const mn_limits *l, mn_buf *ret, mn_err *e);
mn_rc mn_limits_html(const mn_limits *l, mn_buf *ret, mn_err *e);

#endif

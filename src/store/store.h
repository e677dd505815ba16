/* The store: all SQL behind one API.
 *
 * SQL stands only in src/store. Domain functions (store/accounts.c, store/posts.c …) are written once, in the portable
 * subset that docs/design/postgres.md describes, with parameters ?1 ?2 …, over the small driver in store/db_int.h, which
 * sqlite.c (WAL, one writer connection, a pool of readers) and postgres.c implement; tests/contract runs on both. Text is
 * UTF-8 without NUL bytes on both (MN_E_PARSE).
 *
 * Threads: an mn_store may be shared, by threads, not over a fork. Reads run in parallel on pooled connections. Writes
 * happen inside an mn_tx, which holds the one writer lock of the process and that of the database until commit or rollback;
 * an acknowledged commit survives SIGKILL at any moment (and power loss, with `durability = full`).
 *
 * Changes: every insert, edit and deletion of a post gives it a new `rev`, a number that rises in commit order, so that
 * whoever derives something from posts (index, corpus) can follow with mn_store_posts_changed. A post taken out without a
 * tombstone (an undone import) has a rev there too.
 */
#ifndef MN_STORE_STORE_H
#define MN_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

typedef struct mn_store mn_store;
typedef struct mn_tx mn_tx;

/* Opens (makes and migrates) the database. url: a path, or "postgres://USER@HOST/DATABASE" (libpq's forms; messages never
 * show the password in it).
 * errors MN_E_CORRUPT damaged or not ours; MN_E_UNSUPPORTED made by a newer version; MN_E_DENIED PostgreSQL refuses the
 *        user; MN_E_USAGE no such form; MN_E_BUSY, also the unfinished target of mn_store_move; MN_E_IO */
mn_rc mn_store_open(const char *url, mn_store **ret, mn_err *e);
typedef struct mn_store_opts {
    bool
        durable; /* an acknowledged commit survives power loss too (about ten times slower to commit) */
    bool
        unfinished; /* only for mn_store_move: opens the target of a move that was interrupted, too */
} mn_store_opts;
mn_rc mn_store_open_opts(const char *url, const mn_store_opts *o, mn_store **ret, mn_err *e);
void mn_store_close(mn_store *s); /* NULL is fine; no transaction may be open */
int mn_store_schema_version(const mn_store *s);
/* The database's name for people, without a password; lives as long as the store. */
const char *mn_store_shown(const mn_store *s);
/* After a burst of writing: gives back the writer's page cache. Waits for a running transaction. */
void mn_store_trim(mn_store *s);
/* Many writes are to come: the writer may keep more pages in memory (32 MB instead of 8), until it is told that they are
 * over. Waits for a running transaction. */
void mn_store_bulk(mn_store *s, bool on);

/* For long jobs of many transactions, every now and then: is there room to take back what they have done so far, should
 * they have to? MN_E_IO, "the disk is nearly full …", when there is not: end the job now, while it can still be undone. */
mn_rc mn_store_room(mn_tx *tx, mn_err *e);

/* One transaction. Exactly one of commit and rollback ends it, both free it. Waits for the writer lock up to 30 s. */
mn_rc mn_store_begin(mn_store *s, mn_tx **ret, mn_err *e);
mn_rc mn_store_commit(mn_tx *tx, mn_err *e);
void mn_store_rollback(mn_tx *tx); /* NULL is fine */
/* Ends it as `rc` says: MN_OK commits and gives what came of that; anything else takes back and is given back.
 *     MN_TRY(mn_store_begin(s, &tx, e));
 *     return mn_store_end(tx, mn_store_account_add(tx, a, e), e); */
mn_rc mn_store_end(mn_tx *tx, mn_rc rc, mn_err *e);

/* ---- events -------------------------------------------------------------------------------------------------- */

/* What a committed transaction tells those who keep something in memory: timelines, streams, caches. Events say that
 * something is so, not what it looks like now: the listener reads it from the store. They are told after the commit, to
 * every process on the database (SQLite: this one): each process's in the order of its commits, once. An own event may come
 * before another process's that was committed earlier. What is lost with a crash is found again in the tables. */
typedef enum mn_event_kind {
    MN_EV_POST_NEW = 1, /* post, account: its author */
    MN_EV_POST_EDITED,  /* post, account: its author */
    MN_EV_POST_GONE,    /* post, account: its author, other: what it boosted or 0 */
    MN_EV_POST_COUNTS, /* post: favourites, boosts, replies, votes, preview or media have changed */
    MN_EV_ACCOUNT,     /* account: profile, state or counts have changed; other: see below */
    MN_EV_NOTIFICATION, /* id: notification, account: whose */
    MN_EV_NOTIFICATIONS_MERGED, /* account: requests were accepted, notifications have joined the others */
    MN_EV_CONVERSATION, /* id: conversation, account: whose */
    MN_EV_FILTERS,      /* account: whose filters have changed */
    MN_EV_FOLLOW,       /* account follows other from now on */
    MN_EV_UNFOLLOW,     /* account follows other no more */
    MN_EV_RELATION, /* account has blocked, muted … other, or stopped it: rows of account are as they are now */
    MN_EV_LIST,       /* id: list, account: its owner; members or settings changed */
    MN_EV_TAGS,       /* account: follows other tags now */
    MN_EV_TOKEN_GONE, /* id: an access token that was revoked; account: whose */
    MN_EV_ANNOUNCEMENT, /* id: announcement; other: 0 new or changed, 1 gone, 2 reactions changed */
    MN_EV_MARKERS,      /* account */
    MN_EV_RULES,        /* the operator's settings or moderation tables have changed */
    MN_EV_POSTS, /* account: many of its posts have come or gone at once (import, undo) */
    MN_EV_ALL, /* too much was changed to tell, or another process was not heard for a while: anything may have changed */
    MN_EV_KIND_LAST = MN_EV_ALL
} mn_event_kind;
/* `other` of MN_EV_ACCOUNT: only counters and the time of the last post; nobody sees more or less than before. */
#define MN_EV_ACCOUNT_COUNTS 1
typedef struct mn_event {
    mn_event_kind kind;
    uint64_t id; /* post, notification, conversation, list, token, announcement */
    uint64_t account, other;
} mn_event;
/* To be told with the commit of this transaction; the same event twice in a row is kept once. */
mn_rc mn_store_event(mn_tx *tx, mn_event ev, mn_err *e);
/* fn is called with the events of each commit (n ≥ 1), on the committing thread or one of the driver's, never two calls at
 * once; it must be quick and may read the store, not write it. Up to 16 listeners. */
typedef void mn_event_fn(void *arg, const mn_event *ev, size_t n);
mn_rc mn_store_listen(mn_store *s, mn_event_fn *fn, void *arg, mn_err *e);
/* No call is under way or comes after this has returned. */
void mn_store_unlisten(mn_store *s, mn_event_fn *fn, void *arg);

/* ---- accounts ------------------------------------------------------------------------------------------------ */

typedef enum mn_account_state {
    MN_ACCOUNT_ACTIVE,
    MN_ACCOUNT_SUSPENDED,
    MN_ACCOUNT_DELETED
} mn_account_state;
typedef enum mn_account_role {
    MN_ROLE_MEMBER,
    MN_ROLE_MODERATOR,
    MN_ROLE_OPERATOR
} mn_account_role;

/* Consent, two bits a purpose (MN_CONSENT_*), see mn_purpose below. */
typedef uint32_t mn_consents;

typedef struct mn_account {
    uint64_t id;
    mn_str name; /* unique without regard to ASCII case; [A-Za-z0-9_.-]{1,64} (social checks) */
    mn_str display_name;
    mn_str bio;           /* plain text */
    mn_str password_hash; /* argon2id string; empty: cannot sign in */
    mn_str origin;        /* where it was imported from, e.g. "fortune:art"; empty: made here */
    uint64_t
        import_id; /* the import that made it (undone with it), 0: made here. When an account with an
                             origin is added without it, the import of its first post claims it. */
    mn_account_state state;
    mn_account_role role;
    bool bot, locked;
    int64_t created_ms;
    mn_str
        domain; /* of another server, lower case; empty: of this one. Part of the name, never changed */
    mn_str fields;                 /* JSON, read and written by social/people.h */
    mn_str settings;               /* the same */
    uint64_t avatar_id, header_id; /* media, 0: none */
    bool discoverable;             /* may be suggested and stand in the directory */
    bool hide_follows;             /* whom it follows and who follows it is nobody's business */
    int64_t silenced_ms,
        sensitized_ms; /* since when moderators limit it, mark its media; 0: not */
    uint64_t moved_to; /* the account that its owner uses now; 0: this one */
    mn_str plan;       /* of reading limits; empty: the ordinary one */
    /* Read only, kept by the store: live posts, who follows it, whom it follows, the time of its last post (0: none). */
    uint64_t n_posts, n_followers, n_following;
    int64_t last_post_ms;
    bool
        waits; /* read only: signed up, but not approved yet or its address not confirmed: not to be shown */
    mn_consents consent; /* read only: its settings */
} mn_account;

/* MN_E_EXISTS when the name is taken. a->id must be set. */
mn_rc mn_store_account_add(mn_tx *tx, const mn_account *a, mn_err *e);
/* Replaces all fields but id, name, domain, import_id and what is read only; tells MN_EV_ACCOUNT. A new state gives the
 * account's posts a new rev. */
mn_rc mn_store_account_update(mn_tx *tx, const mn_account *a, mn_err *e);
/* Strings live in the arena. MN_E_NOT_FOUND (no message worded) when absent. */
mn_rc mn_store_account_by_id(mn_store *s, uint64_t id, mn_arena *ar, mn_account *ret,
                             mn_err *e);
/* As the transaction sees it. */
mn_rc mn_store_account_tx(mn_tx *tx, uint64_t id, mn_arena *ar, mn_account *ret, mn_err *e);
/* "name", or "name@domain" for one of another server. */
mn_rc mn_store_account_by_name(mn_store *s, mn_str name, mn_arena *ar, mn_account *ret,
                               mn_err *e);
/* By ids, in the order asked; absent ids are left out. n ≤ 1,000. */
mn_rc mn_store_accounts_by_ids(mn_store *s, const uint64_t *ids, size_t n, mn_arena *ar,
                               mn_account **ret, size_t *ret_n, mn_err *e);
/* By name order, starting after `after` (empty: from the start), up to limit. */
mn_rc mn_store_accounts(mn_store *s, mn_str after, size_t limit, mn_arena *ar, mn_account **ret,
                        size_t *ret_n, mn_err *e);
/* A follow with ordinary settings, and its end; more in store/people.h. */
mn_rc mn_store_follow_add(mn_tx *tx, uint64_t follower, uint64_t followee, int64_t at_ms,
                          mn_err *e);
mn_rc mn_store_follow_remove(mn_tx *tx, uint64_t follower, uint64_t followee, mn_err *e);
mn_rc mn_store_follow_is(mn_store *s, uint64_t follower, uint64_t followee, bool *ret,
                         mn_err *e);
/* Who `follower` follows (ids, ascending). */
mn_rc mn_store_follows(mn_store *s, uint64_t follower, mn_arena *ar, uint64_t **ret,
                       size_t *ret_n, mn_err *e);

/* ---- posts --------------------------------------------------------------------------------------------------- */

typedef enum mn_visibility {
    MN_VIS_PUBLIC,
    MN_VIS_UNLISTED,
    MN_VIS_FOLLOWERS,
    MN_VIS_DIRECT
} mn_visibility;

/* Who may quote a post; how far a quote has come. */
typedef enum mn_quote_policy {
    MN_QUOTES_PUBLIC,
    MN_QUOTES_FOLLOWERS,
    MN_QUOTES_NOBODY
} mn_quote_policy;
typedef enum mn_quote_state {
    MN_QUOTE_ACCEPTED,
    MN_QUOTE_PENDING, /* asked of an author on another server */
    MN_QUOTE_REJECTED,
    MN_QUOTE_REVOKED
} mn_quote_state;

typedef struct mn_post {
    uint64_t id, account_id;
    uint64_t rev;                              /* set by the store */
    int64_t created_ms, edited_ms, deleted_ms; /* 0: never */
    mn_visibility visibility;
    uint64_t reply_to, quote_of, boost_of; /* 0: none; may name a post that is not here */
    uint64_t thread_id; /* id of the first post of its thread (itself when it starts one) */
    mn_str text;        /* plain text, valid UTF-8; empty when deleted or a boost */
    mn_str lang;        /* BCP 47, empty when unknown */
    mn_str warning;     /* content warning, empty for none */
    bool sensitive;
    mn_str origin; /* "FORMAT:SOURCE-ID", unique together with the id; empty: written here */
    uint64_t import_id;           /* 0: written here */
    uint64_t app_id;              /* what it was written with; 0: not known */
    uint64_t poll_id, card_id;    /* 0: none */
    mn_quote_policy quote_policy; /* who may quote it */
    mn_quote_state quote_state;   /* of its own quote */
    uint64_t reply_account;       /* the author of reply_to; 0: none or not known */
    /* Read only, counted by the store: favourites, boosts that are there, replies and quotes that are not direct, media. */
    uint64_t n_replies, n_boosts, n_favourites, n_quotes, n_media;
    /* The post's own settings, all UNSET by default (derived from the ledger). Readers join in the settings of its
     * import where the post has none of its own. */
    mn_consents consent;
    uint64_t consent_rev;        /* ledger sequence number that set them last; 0: never */
    mn_consents account_consent; /* read only: the author's settings (joined in by readers) */
    uint64_t account_consent_rev;
    mn_str account_name, account_display, account_domain; /* read only */
    mn_account_state account_state; /* read only: what is not active is not shown to others */
    bool account_sensitized;        /* read only: moderators have all its media covered */
} mn_post;

/* Inserts; id must be free (MN_E_EXISTS) and the account must be there (MN_E_NOT_FOUND). Strings are copied.
 * thread_id 0 lets the store find it: the thread of reply_to, or, while that post is not here, reply_to itself; when it
 * arrives, those that wait for it join its thread (at the commit, each at most once a transaction). Settings in p->consent are entered in the ledger, one line each. */
mn_rc mn_store_post_add(mn_tx *tx, const mn_post *p, mn_err *e);
/* Import: like add, but places the post at its derived id or, when that id holds another post, at the next free one.
 * origin must not be empty.
 * MN_E_EXISTS (no message) when a post of the same origin is there (deleted or not): *ret_id is its id. */
mn_rc mn_store_post_import(mn_tx *tx, const mn_post *p, uint64_t *ret_id, mn_err *e);
/* The id an imported origin has, or MN_E_NOT_FOUND (no message). */
mn_rc mn_store_post_by_origin(mn_tx *tx, uint64_t derived_id, mn_str origin, uint64_t *ret_id,
                              mn_err *e);
/* New text, warning, language; the version before is kept. MN_E_NOT_FOUND for a tombstone too. */
mn_rc mn_store_post_edit(mn_tx *tx, uint64_t id, mn_str text, mn_str warning, mn_str lang,
                         int64_t at_ms, mn_err *e);
/* The same with all that an edit may change. was_media, was_poll: how these were, as JSON, kept with the version before. */
typedef struct mn_post_change {
    uint64_t id;
    mn_str text, warning, lang;
    int64_t at_ms;
    int sensitive;   /* -1: as it is */
    int64_t poll_id; /* -1: as it is */
    mn_str was_media, was_poll;
} mn_post_change;
mn_rc mn_store_post_change(mn_tx *tx, const mn_post_change *c, mn_err *e);
/* Who may quote it, and how far its own quote has come; no new version. MN_E_NOT_FOUND for a tombstone. */
mn_rc mn_store_post_quote(mn_tx *tx, uint64_t id, mn_quote_policy policy, mn_quote_state state,
                          mn_err *e);
/* Empties text and warning and takes away all that hangs on it (versions, media rows, mentions, tags, marks, poll,
 * notifications); its boosts are deleted too and what it answers, quotes or boosts counts one less. The row stays as a
 * tombstone. Deleting a tombstone again changes nothing. MN_E_NOT_FOUND when there is no such post. Outside of src/store
 * and importers call mn_social_post_remove, which also looks after conversations. */
mn_rc mn_store_post_delete(mn_tx *tx, uint64_t id, int64_t at_ms, mn_err *e);
mn_rc mn_store_post(mn_store *s, uint64_t id, mn_arena *ar, mn_post *ret,
                    mn_err *e); /* also tombstones */
typedef struct mn_post_version {
    int64_t at_ms;
    mn_str text, warning;
    bool sensitive;
    mn_str media, poll; /* JSON: [{"id","description"}], {"options":[…]}; empty: none */
} mn_post_version;
/* The versions before the current one, oldest first; at_ms: when it was written. */
mn_rc mn_store_post_versions(mn_store *s, uint64_t id, mn_arena *ar, mn_post_version **ret,
                             size_t *ret_n, mn_err *e);

/* Pages, newest first, live posts only. before: ids below it (0: from the newest); limit ≤ 1,000 (MN_E_LIMIT). The public
 * page leaves out what suspended accounts wrote. */
typedef struct mn_posts {
    mn_post *items;
    size_t n;
} mn_posts;
mn_rc mn_store_posts_public(mn_store *s, uint64_t before, size_t limit, mn_arena *ar,
                            mn_posts *ret, mn_err *e);
mn_rc mn_store_posts_by_account(mn_store *s, uint64_t account_id, mn_visibility most_private,
                                uint64_t before, size_t limit, mn_arena *ar, mn_posts *ret,
                                mn_err *e);
/* All posts of a thread, oldest first, tombstones included, up to limit. */
mn_rc mn_store_posts_thread(mn_store *s, uint64_t thread_id, size_t limit, mn_arena *ar,
                            mn_posts *ret, mn_err *e);
/* By ids, in the order asked; absent ids are left out. n ≤ 1,000. */
mn_rc mn_store_posts_by_ids(mn_store *s, const uint64_t *ids, size_t n, mn_arena *ar,
                            mn_posts *ret, mn_err *e);
/* Posts with rev > after in rev order, tombstones included, up to limit. The strings live in the arena. What was taken out
 * altogether comes as a tombstone that has an id, a rev and deleted_ms, and nothing else; its id may be used again later, so
 * the same id may come twice: the higher rev is how it is now. */
mn_rc mn_store_posts_changed(mn_store *s, uint64_t after_rev, size_t limit, mn_arena *ar,
                             mn_posts *ret, mn_err *e);
/* All live posts by id ascending, after `after_id`, up to limit: the corpus reads with it. */
mn_rc mn_store_posts_scan(mn_store *s, uint64_t after_id, size_t limit, mn_arena *ar,
                          mn_posts *ret, mn_err *e);
/* Where to cut that scan: the id of the n-th live post after `after_id` (n from 1), 0 where there are fewer. */
mn_rc mn_store_posts_mark(mn_store *s, uint64_t after_id, size_t n, uint64_t *ret, mn_err *e);
mn_rc mn_store_counts(mn_store *s, uint64_t *ret_accounts, uint64_t *ret_posts,
                      uint64_t *ret_last_rev, mn_err *e);

/* ---- media rows ---------------------------------------------------------------------------------------------- */

typedef enum mn_media_state {
    MN_MEDIA_READY,
    MN_MEDIA_WAITING,
    MN_MEDIA_FAILED
} mn_media_state;
typedef enum mn_media_use {
    MN_MEDIA_POST,
    MN_MEDIA_AVATAR,
    MN_MEDIA_HEADER,
    MN_MEDIA_CARD
} mn_media_use;
typedef struct mn_media {
    uint64_t id, post_id, account_id; /* post 0: attached to none (yet) */
    uint8_t sha256[32];               /* the file is media/ab/abcd… under the data folder */
    mn_str mime, alt;
    uint64_t size_bytes;
    int width, height; /* 0: unknown */
    mn_media_state state;
    mn_media_use use;
    int place; /* order within its post */
    int64_t created_ms, duration_ms;
    mn_str
        preview; /* the small picture's SHA-256 in hex, empty: none; its file lies beside the other */
    mn_str preview_mime;
    int preview_width, preview_height;
    mn_str blurhash;
    int focus_x, focus_y; /* millionths, -1,000,000 to 1,000,000 */
} mn_media;
/* Everything else about media, cards and emoji: store/media.h. */
mn_rc mn_store_media_add(mn_tx *tx, const mn_media *m, mn_err *e);
mn_rc mn_store_media_of(mn_store *s, uint64_t post_id, mn_arena *ar, mn_media **ret,
                        size_t *ret_n, mn_err *e);

/* ---- consent ledger ------------------------------------------------------------------------------------------ */

typedef enum mn_purpose {
    MN_P_SEARCH,
    MN_P_TRAIN_GENERATIVE,
    MN_P_TRAIN_OTHER,
    MN_P_INFERENCE_INPUT,
    MN_P_EMBEDDING,
    MN_P_ARCHIVE,
    MN_P_BULK_DATASET,
    MN_P_BRIDGE,
    MN_PURPOSES
} mn_purpose;
typedef enum mn_consent { MN_CONSENT_UNSET, MN_CONSENT_ALLOW, MN_CONSENT_DENY } mn_consent;
typedef enum mn_scope {
    MN_SCOPE_SERVER,
    MN_SCOPE_ACCOUNT,
    MN_SCOPE_IMPORT,
    MN_SCOPE_POST,
    MN_SCOPE_GRANT
} mn_scope;

extern const char *const mn_purpose_names[MN_PURPOSES]; /* "search", "train_generative" … */
mn_rc mn_purpose_parse(mn_str s, mn_purpose *ret, mn_err *e); /* the error lists the purposes */
static inline mn_consent mn_consents_get(mn_consents c, mn_purpose p)
{
    return (mn_consent)((c >> (2 * (unsigned)p)) & 3u);
}
static inline mn_consents mn_consents_set(mn_consents c, mn_purpose p, mn_consent v)
{
    return (c & ~(3u << (2 * (unsigned)p))) | ((mn_consents)v << (2 * (unsigned)p));
}

typedef struct mn_ledger_line {
    uint64_t seq; /* 1, 2, 3 … set by the store */
    mn_scope scope;
    uint64_t scope_id; /* account, import or post id; 0 for the server */
    mn_purpose purpose;
    mn_consent value;
    uint64_t actor_id; /* account, 0: the operator at the command line */
    mn_str reason;
    int64_t at_ms;
    uint8_t hash[32]; /* SHA-256(previous hash ‖ the fields above): set by the store */
} mn_ledger_line;
/* Appends, chains, and updates the derived settings: of the server, the account, the post, or (scope import) every post
 * of that import, those to come included, giving the posts that are there a new rev (so a line added right after
 * mn_store_import_begin costs nothing). A post's own setting is nearer than its import's. An account-scope line gives the
 * account's posts a new rev too, so that whoever follows mn_store_posts_changed sees it, and tells MN_EV_ACCOUNT; the
 * server's tells MN_EV_RULES.
 * errors MN_E_NOT_FOUND no such account, import or post; MN_E_LIMIT reason over 2,048 bytes; MN_E_UNSUPPORTED grants */
mn_rc mn_store_consent_add(mn_tx *tx, const mn_ledger_line *l, uint64_t *ret_seq, mn_err *e);
mn_rc mn_store_consent_server(mn_store *s, mn_consents *ret, uint64_t *ret_seq, mn_err *e);
mn_rc mn_store_consent_account(mn_store *s, uint64_t account_id, mn_consents *ret,
                               uint64_t *ret_seq, mn_err *e);
/* The lines of one scope, newest first, up to limit. */
mn_rc mn_store_ledger_of(mn_store *s, mn_scope scope, uint64_t scope_id, size_t limit,
                         mn_arena *ar, mn_ledger_line **ret, size_t *ret_n, mn_err *e);
mn_rc mn_store_ledger(mn_store *s, uint64_t after_seq, size_t limit, mn_arena *ar,
                      mn_ledger_line **ret, size_t *ret_n, mn_err *e);
/* Walks the chain and compares derived settings with it; MN_E_CORRUPT names the first line that does not fit. */
mn_rc mn_store_ledger_verify(mn_store *s, uint64_t *ret_lines, mn_err *e);

/* ---- imports ------------------------------------------------------------------------------------------------- */

/* An import commits in batches. Its posts carry its id, so that an error can undo it and a crash can be told. */
typedef enum mn_import_state {
    MN_IMPORT_RUNNING,
    MN_IMPORT_DONE,
    MN_IMPORT_UNDONE,
    MN_IMPORT_INTERRUPTED, /* stopped or crashed: what is here is whole, the rest is missing */
    MN_IMPORT_UNDOING      /* some of it may be gone already */
} mn_import_state;
typedef struct mn_import {
    uint64_t id;
    mn_str path, format;
    mn_import_state state;
    int64_t started_ms, ended_ms; /* ended: 0 while running or being undone */
    uint64_t created;             /* posts */
} mn_import;
mn_rc mn_store_import_begin(mn_tx *tx, mn_str path, mn_str format, uint64_t *ret_id, mn_err *e);
/* How it ended; or, with RUNNING or UNDOING, how far it is. */
mn_rc mn_store_import_end(mn_tx *tx, uint64_t id, mn_import_state state, uint64_t created,
                          mn_err *e);
/* Removes up to limit posts (rows and media rows, no tombstones) of an import, and accounts it made that are left
 * without posts; *ret_left says whether there is more. Called in a loop, one transaction each. The change feed tells of
 * each post removed; a later import may bring them back. */
mn_rc mn_store_import_undo(mn_tx *tx, uint64_t id, size_t limit, bool *ret_left, mn_err *e);
/* Enters the parent of a reply that was imported without one (its id was not known then), and moves the child's thread into
 * the parent's. Nothing happens when either is not here, the child is a tombstone or has a parent, or a circle would come
 * about. */
mn_rc mn_store_import_link(mn_tx *tx, uint64_t child, uint64_t parent, mn_err *e);
mn_rc mn_store_imports(mn_store *s, mn_arena *ar, mn_import **ret, size_t *ret_n, mn_err *e);

/* ---- key and value, jobs ------------------------------------------------------------------------------------- */

/* Small facts about this data folder: "operator", "sample", cursors. */
mn_rc mn_store_meta_get(mn_store *s, const char *key, mn_arena *ar, mn_str *ret,
                        mn_err *e); /* MN_E_NOT_FOUND */
mn_rc mn_store_meta_set(mn_tx *tx, const char *key, mn_str value, mn_err *e);

/* A durable queue. A job taken is leased until leased_until_ms; a crashed worker's job comes back then. */
typedef struct mn_job {
    uint64_t id;
    mn_str kind, payload; /* payload: JSON */
    int tries;
    int64_t run_at_ms;
} mn_job;
mn_rc mn_store_job_add(mn_tx *tx, mn_str kind, mn_str payload, int64_t run_at_ms,
                       uint64_t *ret_id, mn_err *e);
/* The oldest due job of that kind, now leased for lease_ms; MN_E_NOT_FOUND when none. */
mn_rc mn_store_job_take(mn_tx *tx, mn_str kind, int64_t lease_ms, mn_arena *ar, mn_job *ret,
                        mn_err *e);
/* When the first job of that kind is due; MN_E_NOT_FOUND (no message) when there is none. Takes no lock. */
mn_rc mn_store_job_due(mn_store *s, mn_str kind, int64_t *ret_ms, mn_err *e);
mn_rc mn_store_job_done(mn_tx *tx, uint64_t id, mn_err *e);
/* Back into the queue for retry_at_ms with the reason noted; after 10 tries it is kept as dead. */
mn_rc mn_store_job_failed(mn_tx *tx, uint64_t id, mn_str reason, int64_t retry_at_ms,
                          mn_err *e);

#endif

/* What the domain functions share: the store, its pool, and a transaction's memory. Private to src/store. */
#ifndef MN_STORE_STORE_INT_H
#define MN_STORE_STORE_INT_H

#include <pthread.h>

#include "store/db_int.h"

#define MN_STORE_READERS    4
#define MN_STORE_WAIT_S     30
#define MN_STORE_PLACES     1024 /* a power of two */
#define MN_STORE_PAGE_MAX   1000
#define MN_STORE_REASON_MAX 2048
#define MN_STORE_TEXT_MAX   (16u << 20) /* bytes of one post's text */
#define MN_STORE_JOB_TRIES  10
#define MN_STORE_LISTENERS  16

/* Where to look for a free id after a collision at `derived`; only a hint, kept while the process lives. */
typedef struct mn_place {
    uint64_t derived, next;
} mn_place;

struct mn_store {
    const mn_driver *driver;
    char *url, *shown; /* shown: as messages may show it, without a password */
    mn_store_opts opts;
    int version;
    pthread_mutex_t lock; /* guards what follows but `places`, which the writer owns */
    pthread_cond_t freed;
    bool writing;   /* the writer is lent to a transaction */
    mn_arena texts; /* SQL made at run time (move.c): statements are known by its address */
    mn_db *writer;
    mn_db *idle[MN_STORE_READERS];
    int n_idle, n_readers;
    mn_place places[MN_STORE_PLACES];
    pthread_mutex_t telling; /* guards the listeners, and is held while they are told */
    struct {
        mn_event_fn *fn;
        void *arg;
    } listeners[MN_STORE_LISTENERS];
    int n_listeners;
    uint64_t instance; /* tells this store's events from others' */
    pthread_mutex_t
        starting; /* guards `follower`: hears other processes; made with the first listener */
    mn_follower *follower;
    bool unfinished; /* the target of a move that has not come to its end */
};

/* An account that the transaction has touched: looked up once, its counter written once at commit. */
typedef struct mn_tx_account {
    uint64_t id;         /* 0: empty slot */
    int64_t delta;       /* to n_posts */
    int64_t last_ms;     /* newest post that is not direct; 0: none */
    uint64_t import_id;  /* as stored, or the import that claims it now */
    bool claimed, fresh; /* fresh: made by an import and without posts so far */
    bool imported;       /* got posts from an import: told as MN_EV_POSTS, not one by one */
} mn_tx_account;

/* The posts of thread `from` move to thread `to` when the transaction commits (threads.c). */
typedef struct mn_tx_move {
    uint64_t from, to; /* from 0: empty slot */
} mn_tx_move;

/* What changes in the counters of one post, written when the transaction commits (counts.c). */
typedef enum mn_counted {
    MN_COUNT_REPLIES,
    MN_COUNT_BOOSTS,
    MN_COUNT_FAVOURITES,
    MN_COUNT_QUOTES,
    MN_COUNT_MEDIA,
    MN_COUNTED
} mn_counted;
typedef struct mn_tx_count {
    uint64_t post; /* 0: empty slot */
    int32_t delta[MN_COUNTED];
} mn_tx_count;

struct mn_tx {
    mn_store *s;
    mn_db *db;
    uint64_t rev, rev_at_begin;
    int64_t began_us;
    mn_tx_account *accounts; /* open addressing, cap a power of two */
    size_t n_accounts, cap_accounts;
    mn_tx_move *moves; /* the same */
    size_t n_moves, cap_moves;
    mn_tx_count *counts; /* the same */
    size_t n_counts, cap_counts;
    int displaced;       /* any rows in that table: -1 not looked yet, 0 none, 1 some */
    uint64_t ledger_seq; /* of the last line; loaded with the first line added */
    uint8_t ledger_hash[32];
    bool ledger_loaded, ledger_dirty;
    mn_event *events;
    size_t n_events, cap_events;
};

/* A reader with its own snapshot, to be handed back. Waits while all are lent. */
mn_rc mn_store__reader(mn_store *s, mn_db **ret, mn_err *e);
void mn_store__reader_done(mn_store *s, mn_db *db);

/* Pages of rows that go by an id. ?1: whose; ids stay below ?2 and above ?3; ?4: how many. */
typedef struct mn_store__pages {
    const char *newest, *oldest; /* the same rows in either order */
    mn_store__row_fn read;
    size_t item_bytes;
} mn_store__pages;
typedef struct mn_store__span {
    uint64_t below, above; /* below 0: no bound */
    size_t limit;
    bool upward; /* the rows right above `above`; given newest first all the same */
} mn_store__span;
mn_rc mn_store__page_of(mn_store *s, const mn_store__pages *sql, uint64_t of, mn_store__span sp,
                        mn_arena *ar, void **ret, size_t *ret_n, mn_err *e);

/* Calls the listeners (events.c). */
void mn_store__tell(mn_store *s, const mn_event *ev, size_t n);
/* Tells the transaction's events to other processes, with the commit that follows. */
mn_rc mn_store__tell_others(mn_tx *tx, mn_err *e);

/* Events as text (events_wire.c). Writes as many as fit and says how many; n 0: "anything may have changed". */
#define MN_STORE_PAYLOAD_EVENTS 256
size_t mn_store__events_write(uint64_t origin, unsigned part, const mn_event *ev, size_t n,
                              char ret[MN_STORE_PAYLOAD_MAX + 1]);
/* errors MN_E_PARSE, MN_E_LIMIT */
mn_rc mn_store__events_read(mn_str payload, uint64_t *ret_origin,
                            mn_event ret[MN_STORE_PAYLOAD_EVENTS], size_t *ret_n, mn_err *e);

/* The SQL texts of one part of a schema version, in order. */
typedef struct mn_sql_list {
    const char *const *sql;
    size_t n;
} mn_sql_list;
extern const mn_sql_list mn_store__v3_columns, mn_store__v3_access_tables,
    mn_store__v3_people_tables, mn_store__v3_post_tables, mn_store__v3_reading_tables,
    mn_store__v3_moderation_tables, mn_store__v3_moving_tables;

/* Is the database the unfinished target of a move (move.c)? */
mn_rc mn_store__find_mark(mn_db *db, bool *ret, mn_err *e);

/* The schema, brought to this version. */
mn_rc mn_store__migrate(mn_db *db, const char *url, int *ret_version, mn_err *e);

static inline uint64_t mn_store__next_rev(mn_tx *tx)
{
    return ++tx->rev;
}
/* The account's entry in the transaction; MN_E_NOT_FOUND with a message when there is no such account. */
mn_rc mn_store__tx_account(mn_tx *tx, uint64_t id, mn_tx_account **ret, mn_err *e);
/* Gives each post that the statement `sql` (one id a row, ?1 ?2 = a, b) names a new rev. */
mn_rc mn_store__touch_posts(mn_tx *tx, const char *sql, uint64_t a, uint64_t b, mn_err *e);
/* Removes what hangs on a post, whatever its row says: versions, media rows, mentions, tags, marks, poll, notifications. */
mn_rc mn_store__post_strip(mn_tx *tx, uint64_t id, uint64_t account, uint64_t poll, mn_err *e);
/* The counters of what a post answers, quotes and boosts, one up (+1: it is there now) or down (-1: no more). */
mn_rc mn_store__post_count(mn_tx *tx, const mn_post *p, int by, mn_err *e);
/* The numbers of a post's row, no texts; MN_E_NOT_FOUND without a message when there is none. Tombstones are given. */
mn_rc mn_store__post_head(mn_tx *tx, uint64_t id, mn_post *ret, mn_err *e);
/* counts.c: adds to a counter of a post; nothing happens for post 0, or when there is no such post at the commit. */
mn_rc mn_store__count(mn_tx *tx, uint64_t post, mn_counted what, int by, mn_err *e);
/* A post that was just added where answers may wait for it: it counts them, once. */
mn_rc mn_store__count_waiting(mn_tx *tx, uint64_t post, mn_err *e);
mn_rc mn_store__flush_counts(mn_tx *tx, mn_err *e);
/* SHA-256 of a line chained to the one before (zeros before the first). */
void mn_store__ledger_hash(const uint8_t prev[32], const mn_ledger_line *l, uint8_t ret[32]);

/* A row of these columns; the reason is borrowed until the next step. MN_E_CORRUPT for values that cannot be. */
#define MN_STORE_LEDGER_COLUMNS                                                                \
    "seq, scope, scope_id, purpose, value, actor_id, reason, at_ms, hash"
mn_rc mn_store__ledger_read(mn_stmt *q, mn_ledger_line *ret, mn_err *e);
/* Writes the counters of the accounts touched so far and forgets the accounts. */
mn_rc mn_store__flush_accounts(mn_tx *tx, mn_err *e);
/* The thread that an answer to reply_to (0: none) joins, as it will be after the commit; *ret_author: who wrote what it
 * answers, 0 when that is not here. */
mn_rc mn_store__thread_find(mn_tx *tx, uint64_t id, uint64_t reply_to, uint64_t *ret,
                            uint64_t *ret_author, mn_err *e);
/* Those that wait in thread `from` join `to`, at the commit. Nothing happens when it is the same thread. */
mn_rc mn_store__thread_move(mn_tx *tx, uint64_t from, uint64_t to, mn_err *e);
/* Writes the moves noted so far and forgets the notes. */
mn_rc mn_store__flush_moves(mn_tx *tx, mn_err *e);
/* Purpose by purpose: the near scope's setting, or the far one's where the near has none. */
mn_consents mn_store__nearer(mn_consents near, mn_consents far);

mn_rc mn_store__counter(mn_db *db, const char *name, uint64_t *ret, mn_err *e);
mn_rc mn_store__counter_set(mn_db *db, const char *name, uint64_t value, mn_err *e);

#endif

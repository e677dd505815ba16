/* Between the readers of formats and the import: private to src/archive.
 *
 * A reader walks feed->src and emits items; it knows nothing of the store. Whoever runs it supplies `emit`. */
#ifndef MN_ARCHIVE_ARCHIVE_INT_H
#define MN_ARCHIVE_ARCHIVE_INT_H

#include "archive/import.h"
#include "archive/source.h"
#include "archive/window.h"
#include "base/fs.h"
#include "base/json.h"

#define MN_ITEM_MAX       ((size_t)4 << 20) /* bytes of one JSON element */
#define MN_LINE_MAX       ((size_t)1 << 20) /* of one JSON line */
#define MN_SMALL_MAX      ((size_t)4 << 20) /* of a small file: account, manifest */
#define MN_TEXT_MAX       ((size_t)100000)  /* bytes of a post */
#define MN_ITEM_MEDIA_MAX 16

/* Whose posts: lives in the feed's arena until the run ends. */
typedef struct mn_profile {
    mn_str name, display, bio,
        origin; /* origin: "x:12345"; decides whether an account of that name is the same */
    int64_t created_ms; /* 0: unknown */
    bool bot, locked;
} mn_profile;

typedef struct mn_item_media {
    mn_str name; /* of the entry in the source, or its last part */
    mn_str alt;
    int width, height;
    /* Of archives of our own; 0 elsewhere. */
    uint64_t id;
    int focus_x, focus_y;
    int64_t created_ms;
    mn_media_use use; /* AVATAR, HEADER: becomes the account's, no post's */
} mn_item_media;

/* A post as its source has it. All strings are borrowed for the call of emit. */
typedef struct mn_item {
    mn_str source_id;
    mn_str reply_to, quote_of; /* source ids; empty: none */
    mn_str text, lang, warning;
    mn_str author;             /* a name; empty: profile, or the run's default account */
    const mn_profile *profile; /* or NULL */
    int64_t created_ms, edited_ms;
    mn_visibility visibility;
    bool sensitive;
    mn_consents consent;
    const mn_item_media *media;
    size_t n_media;
} mn_item;

typedef struct mn_feed mn_feed;
struct mn_feed {
    mn_source *src;
    const mn_import_opts *opts;
    const char *origin;   /* prefix of origins: "x" */
    mn_str root;          /* "some/folder/": where the archive begins inside the source */
    mn_arena keep;        /* what lives as long as the run */
    mn_arena item;        /* reset by the reader between items */
    mn_buf text, scratch; /* for building texts */
    uint64_t read, skipped[MN_SKIPS];
    uint64_t unknown_keys; /* JSON members nobody reads */
    char unknown_example[64];
    mn_import_report *report; /* for warnings */
    mn_rc (*emit)(mn_feed *f, const mn_item *it, mn_err *e);
    void *arg;
};

typedef mn_rc mn_reader(mn_feed *f, mn_err *e);
mn_reader mn_read_jsonl, mn_read_fortune, mn_read_x, mn_read_grailbird, mn_read_mastodon;

/* Walks src once. *format is kept unless it is auto; ret_root: what stands before the archive's own names. */
mn_rc mn_import_detect(mn_source *src, const char *path, mn_import_format *format,
                       char *ret_root, size_t root_cap, mn_err *e);

mn_rc mn_feed_init(mn_feed *f, mn_source *src, const mn_import_opts *o, mn_import_report *r,
                   mn_rc (*emit)(mn_feed *, const mn_item *, mn_err *), void *arg);
void mn_feed_release(mn_feed *f);
/* Counts one item as read, and left out. */
void mn_feed_skip(mn_feed *f, mn_skip why);
/* Counts one item as read, cleans and checks its text and time, and emits it or leaves it out. */
mn_rc mn_feed_item(mn_feed *f, mn_item *it, mn_err *e);
void mn_feed_unknown(mn_feed *f, mn_str key);
/* A window over the current entry. */
void mn_feed_window(mn_feed *f, mn_window *w, const char *name, size_t max_item);
/* The whole current entry as text on f->keep; MN_E_LIMIT over max bytes. */
mn_rc mn_feed_whole(mn_feed *f, mn_str name, size_t max, mn_str *ret, mn_err *e);
/* The current entry as X writes small files, JavaScript that assigns one value ("var x = […];"): the value, on f->keep. */
mn_rc mn_feed_script(mn_feed *f, mn_str name, mn_json **ret, mn_err *e);
/* "prefix:id" on the arena. */
mn_str mn_feed_origin(const mn_feed *f, mn_str source_id, mn_arena *a);
/* Does name stand at root + rest? */
bool mn_feed_at(const mn_feed *f, mn_str name, const char *rest);

/* Control bytes out (but \n and \t), CR LF to LF, blanks at the ends off: borrowed when nothing changes, else in b. */
mn_str mn_clean_text(mn_str s, mn_buf *b);
/* "Sat Feb 18 12:33:11 +0000 2023" and "2012-01-31 22:16:18 +0000" */
mn_rc mn_x_time(mn_str s, int64_t *ret);
/* A language code as BCP 47, or empty for the codes that mean none ("und", "qme" …). */
mn_str mn_lang_clean(mn_str code);

/* ---- one tweet, in the shape that both archives of X share --------------------------------------------------------- */

typedef struct mn_tweet_rules {
    const mn_profile *profile;
    mn_visibility visibility;
    /* A longer text for this tweet, not escaped, or MN_STR_NONE (X keeps long posts apart); may be NULL. */
    mn_str (*longer)(void *arg, mn_str id, int64_t created_ms, mn_str text);
    void *arg;
} mn_tweet_rules;
/* Reads a tweet object and feeds it. */
mn_rc mn_feed_tweet(mn_feed *f, const mn_json *tweet, const mn_tweet_rules *r, mn_err *e);
/* Replaces each t.co address by what it stands for. urls: [{url, expanded_url}] */
mn_rc mn_expand_urls(mn_str text, const mn_json *urls, mn_buf *ret);

/* ---- sorting more than fits into memory ---------------------------------------------------------------------------- */

typedef struct mn_pair {
    uint64_t key, value;
} mn_pair;
typedef struct mn_sorter mn_sorter;
/* Spills sorted runs into a nameless file in dir (NULL: $TMPDIR or /tmp). */
mn_rc mn_sorter_new(const char *dir, size_t pairs_in_memory, mn_sorter **ret, mn_err *e);
void mn_sorter_free(mn_sorter *s);
mn_rc mn_sorter_add(mn_sorter *s, uint64_t key, uint64_t value, mn_err *e);
uint64_t mn_sorter_count(const mn_sorter *s);
/* After the last add: pairs by key, then value. */
mn_rc mn_sorter_next(mn_sorter *s, mn_pair *ret, bool *ret_more, mn_err *e);

/* ---- imports at work (running.c) ----------------------------------------------------------------------------------- */

/* The file of locks in the data folder; dir NULL: *ret_fd is -1, which every lock is taken on. */
mn_rc mn_running_open(const char *dir, int *ret_fd, mn_err *e);
/* Takes the import's lock, held until fd is closed; *ret_taken false: another one holds it, it is at work. */
mn_rc mn_running_take(int fd, uint64_t import_id, bool *ret_taken, mn_err *e);
/* The import's state, in a transaction of its own. */
mn_rc mn_running_note(mn_store *s, uint64_t import_id, mn_import_state state, uint64_t created,
                      mn_err *e);
/* Removes everything that the import made, step by step. */
mn_rc mn_running_undo(mn_store *s, uint64_t import_id, mn_err *e);

/* ---- the writing side ---------------------------------------------------------------------------------------------- */

typedef struct mn_writer mn_writer;
mn_rc mn_writer_new(mn_store *s, const mn_import_opts *o, const char *path, const char *format,
                    mn_import_report *r, mn_writer **ret, mn_err *e);
void mn_writer_free(mn_writer *w);
/* A post ready for the store; account by author, profile or default. */
typedef struct mn_ready {
    mn_post post;
    mn_str author;
    const mn_profile *profile;
    uint64_t
        author_key; /* hash of who: of the author's name or the profile's origin; 0: the default account */
    uint64_t
        self_hash; /* of the origin, when the id cannot be told from the source id; else 0 */
    uint64_t parent_hash; /* of the parent's origin, when its id cannot be told; else 0 */
    const mn_item_media *media;
    size_t n_media;
    /* Called when the post is in, in its transaction, unless it was here before; NULL is fine. */
    mn_rc (*after)(void *arg, mn_tx *tx, uint64_t id, mn_err *e);
    void *after_arg;
} mn_ready;
mn_rc mn_writer_add(mn_writer *w, const mn_ready *r, mn_err *e);
/* The open batch's transaction, for what belongs to the import and is no post: the batch is kept even without posts. */
mn_rc mn_writer_tx(mn_writer *w, mn_tx **ret, mn_err *e);
/* A post of the archive that is here already. */
void mn_writer_existing(mn_writer *w);
struct mn_media_job;
struct mn_media_job *mn_writer_media(mn_writer *w);
/* Commits what is open, joins replies to parents, keeps media, ends the import. */
mn_rc mn_writer_finish(mn_writer *w, mn_source *src, mn_err *e);
/* Commits what is open and ends the import as it is. */
mn_rc mn_writer_stop(mn_writer *w, mn_err *e);
/* Removes everything this run made. */
mn_rc mn_writer_undo(mn_writer *w, mn_err *e);

/* An archive of our own, from its manifest to its media (restore.c). */
mn_rc mn_restore_run(mn_store *s, const char *path, mn_source *src, mn_str root,
                     const mn_import_opts *o, mn_import_report *r, mn_err *e);

/* Media files of posts, by content hash under dir/media. */
typedef struct mn_media_job mn_media_job;
mn_rc mn_media_job_new(const mn_import_opts *o, mn_media_job **ret, mn_err *e);
void mn_media_job_free(mn_media_job *j);
mn_rc mn_media_job_want(mn_media_job *j, const mn_item_media *m, uint64_t post_id,
                        uint64_t account_id, int64_t created_ms, bool existed, mn_err *e);
/* Second walk over the source: copies what is wanted, adds the rows. */
mn_rc mn_media_job_run(mn_media_job *j, mn_store *s, mn_source *src, mn_import_report *r,
                       mn_err *e);
/* Removes the files that this job made. */
void mn_media_job_undo(mn_media_job *j);

#endif

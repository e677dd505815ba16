/* X's archive (2019 and later): data/manifest.js says which files hold what; every file is JavaScript that assigns one list.
 *
 * Three walks over the source: small files and long posts first, then the tweets, then (by whoever runs this) the media.
 * Files are taken by the manifest, not by their names, for stray parts occur; without a manifest by their known names.
 * Everything not named here is never opened: telephone numbers, addresses, advertising data stay where they are. Deleted
 * tweets, circle tweets and community tweets are counted and left out. */
#include "archive/archive_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "text/html.h"

#define FILES_MAX 512
#define NOTES_MAX ((size_t)32 << 20) /* memory for long posts */
#define PROTECTED_WHY                                                                          \
    "the account was protected at some time, so its posts were imported for followers only"

typedef enum role {
    ROLE_TWEETS,
    ROLE_NOTES,
    ROLE_DELETED,
    ROLE_RESTRICTED,
    ROLE_ACCOUNT,
    ROLE_PROFILE,
    ROLE_PROTECTED,
    ROLES
} role;

/* How a role is called: in the manifest, and as a file when there is none. */
static const struct {
    const char *type, *file;
    role role;
} kinds[] = {
    {"tweets", "tweets", ROLE_TWEETS},
    {"tweet", "tweet", ROLE_TWEETS},
    {"noteTweet", "note-tweet", ROLE_NOTES},
    {"deletedTweets", "deleted-tweets", ROLE_DELETED},
    {"deletedTweetHeaders", "deleted-tweet-headers", ROLES},
    {"twitterCircleTweet", "twitter-circle-tweet", ROLE_RESTRICTED},
    {"communityTweet", "community-tweet", ROLE_RESTRICTED},
    {"account", "account", ROLE_ACCOUNT},
    {"profile", "profile", ROLE_PROFILE},
    {"protectedHistory", "protected-history", ROLE_PROTECTED},
};
#define KINDS (sizeof kinds / sizeof *kinds)

typedef struct note {
    uint64_t
        key; /* hash of the tweet's id where the archive says it, else the second it was made */
    mn_str text; /* addresses written out */
    mn_str raw;  /* as it was, for comparing */
} note;

typedef struct x_archive {
    mn_feed *f;
    bool has_manifest, is_protected, notes_left_out;
    struct {
        mn_str name;
        role role;
    } files[FILES_MAX];
    size_t n_files;
    mn_profile profile;
    note *notes; /* by key */
    size_t n_notes, cap_notes;
    size_t note_bytes;
} x_archive;

/* ---- which files --------------------------------------------------------------------------------------------------- */

static mn_rc add_file(x_archive *x, mn_str name, role r, mn_err *e)
{
    mn_str copy = mn_str_dup(&x->f->keep, name);
    if (x->n_files == FILES_MAX)
        return mn_fail(e, MN_E_LIMIT, "the manifest names more than %d files", FILES_MAX);
    if (!copy.ptr) return mn_fail(e, MN_E_NOMEM, "no memory for the manifest");
    x->files[x->n_files].name = copy;
    x->files[x->n_files++].role = r;
    return MN_OK;
}

static mn_rc read_manifest(x_archive *x, mn_str name, mn_err *e)
{
    mn_json *m;
    MN_TRY(mn_feed_script(x->f, name, &m, e));
    const mn_json *types = mn_json_get(m, "dataTypes");
    if (!types) return mn_fail(e, MN_E_PARSE, "'%.*s' lists no files", MN_STR_FMT(name));
    x->has_manifest = true;
    x->n_files = 0;
    for (size_t k = 0; k < KINDS; k++) {
        const mn_json *files = mn_json_get(mn_json_get(types, kinds[k].type), "files");
        for (size_t i = 0; files && i < files->n && kinds[k].role != ROLES; i++) {
            mn_str file = mn_json_str(mn_json_get(files->items[i], "fileName"));
            if (file.len) MN_TRY(add_file(x, file, kinds[k].role, e));
        }
    }
    const mn_json *user = mn_json_get(m, "userInfo");
    mn_profile *p = &x->profile;
    if (!p->name.len) p->name = mn_json_str(mn_json_get(user, "userName"));
    if (!p->display.len) p->display = mn_json_str(mn_json_get(user, "displayName"));
    return MN_OK;
}

/* "tweets.js", "tweets-part2.js" */
static bool is_part_of(mn_str last, const char *stem)
{
    if (!mn_str_starts(last, stem) || !mn_str_ends(last, ".js")) return false;
    size_t n = strlen(stem);
    mn_str mid = {last.ptr + n, last.len - n - 3};
    if (!mid.len) return true;
    if (!mn_str_starts(mid, "-part") || mid.len == 5) return false;
    for (size_t i = 5; i < mid.len; i++)
        if (mid.ptr[i] < '0' || mid.ptr[i] > '9') return false;
    return true;
}

/* The role of an entry: by the manifest, else by its name. */
static role role_of(const x_archive *x, mn_str name)
{
    mn_str root = x->f->root;
    if (name.len <= root.len || memcmp(name.ptr, root.ptr, root.len) != 0) return ROLES;
    mn_str rest = mn_str_sub(name, root.len, SIZE_MAX);
    for (size_t i = 0; i < x->n_files; i++)
        if (mn_str_eq(x->files[i].name, rest)) return x->files[i].role;
    if (x->has_manifest) return ROLES;
    if (mn_str_starts(rest, "data/")) rest = mn_str_sub(rest, 5, SIZE_MAX);
    for (size_t k = 0; k < KINDS; k++)
        if (kinds[k].role != ROLES && is_part_of(rest, kinds[k].file)) return kinds[k].role;
    return mn_source_kind_of(x->f->src) == MN_SOURCE_FILE ? ROLE_TWEETS : ROLES;
}

/* ---- small files --------------------------------------------------------------------------------------------------- */

static mn_rc read_account(x_archive *x, mn_str name, mn_err *e)
{
    mn_json *list;
    MN_TRY(mn_feed_script(x->f, name, &list, e));
    const mn_json *a = mn_json_get(mn_json_at(list, 0), "account");
    mn_str id = mn_json_str(mn_json_get(a, "accountId"));
    mn_profile *p = &x->profile;
    mn_str user = mn_json_str(mn_json_get(a, "username"));
    mn_str display = mn_json_str(mn_json_get(a, "accountDisplayName"));
    if (user.len) p->name = user;
    if (display.len) p->display = display;
    if (id.len) p->origin = mn_str_fmt(&x->f->keep, "x:%.*s", MN_STR_FMT(id));
    if (mn_x_time(mn_json_str(mn_json_get(a, "createdAt")), &p->created_ms) != MN_OK)
        p->created_ms = 0;
    return MN_OK;
}

static mn_rc read_profile(x_archive *x, mn_str name, mn_err *e)
{
    mn_json *list;
    MN_TRY(mn_feed_script(x->f, name, &list, e));
    const mn_json *p = mn_json_get(mn_json_at(list, 0), "profile");
    mn_str bio = mn_json_str(mn_json_get(mn_json_get(p, "description"), "bio"));
    if (bio.len) x->profile.bio = bio;
    return MN_OK;
}

static mn_rc read_protected(x_archive *x, mn_str name, mn_err *e)
{
    mn_json *list;
    MN_TRY(mn_feed_script(x->f, name, &list, e));
    if (list->n > 0) x->is_protected = true;
    return MN_OK;
}

/* ---- long posts ---------------------------------------------------------------------------------------------------- */

static uint64_t id_key(mn_str id)
{
    return mn_hash64(id.ptr, id.len, 0) | UINT64_C(1) << 63; /* never a second */
}

static mn_rc add_note(x_archive *x, const mn_json *n, mn_err *e)
{
    const mn_json *core = mn_json_get(n, "core");
    mn_str raw = mn_json_str(mn_json_get(core, "text")),
           id = mn_json_str(mn_json_get(n, "tweetId"));
    int64_t ms = 0;
    if (!raw.len) return MN_OK;
    bool timed = mn_x_time(mn_json_str(mn_json_get(n, "createdAt")), &ms) == MN_OK;
    if (!timed && !id.len) return MN_OK;
    mn_buf_clear(&x->f->text);
    if (mn_expand_urls(raw, mn_json_get(core, "urls"), &x->f->text) != MN_OK)
        return mn_fail(e, MN_E_NOMEM, "no memory for a long post");
    x->note_bytes += raw.len + x->f->text.len + sizeof(note);
    if (x->note_bytes > NOTES_MAX) {
        x->notes_left_out = true;
        return MN_OK;
    }
    if (x->n_notes == x->cap_notes) {
        size_t cap = x->cap_notes ? x->cap_notes * 2 : 64;
        note *bigger = mn_reallocarray(x->notes, cap, sizeof *bigger);
        if (!bigger) return mn_fail(e, MN_E_NOMEM, "no memory for long posts");
        x->notes = bigger;
        x->cap_notes = cap;
    }
    mn_arena *a = &x->f->keep;
    note made = {.key = id.len ? id_key(id) : (uint64_t)(ms / 1000),
                 .text = mn_str_dup(a, mn_buf_str(&x->f->text)),
                 .raw = mn_str_dup(a, raw)};
    if (!made.text.ptr || !made.raw.ptr)
        return mn_fail(e, MN_E_NOMEM, "no memory for a long post");
    x->notes[x->n_notes++] = made;
    return MN_OK;
}

static int by_key(const void *a, const void *b)
{
    const note *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

/* The words of a cut tweet in front of its "… https://t.co/x". */
static mn_str uncut_part(mn_str s)
{
    size_t dots = SIZE_MAX;
    for (size_t at = 0; (at = mn_str_find(s, MN_STR("\u2026"), at)) != SIZE_MAX; at++)
        dots = at;
    if (dots != SIZE_MAX) return mn_str_trim(mn_str_sub(s, 0, dots));
    size_t link = SIZE_MAX;
    for (size_t at = 0; (at = mn_str_find(s, MN_STR("https://t.co/"), at)) != SIZE_MAX; at++)
        link = at;
    return mn_str_trim(link == SIZE_MAX ? s : mn_str_sub(s, 0, link));
}

/* The first note of that key, or n_notes. */
static size_t find_note(const x_archive *x, uint64_t key)
{
    size_t lo = 0, hi = x->n_notes;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (x->notes[mid].key < key) lo = mid + 1;
        else hi = mid;
    }
    return lo < x->n_notes && x->notes[lo].key == key ? lo : x->n_notes;
}

/* The long text of a tweet: by id where the archive gives it, else made in the same second and beginning alike. */
static mn_str longer_text(void *arg, mn_str id, int64_t created_ms, mn_str text)
{
    x_archive *x = arg;
    uint64_t second = (uint64_t)(created_ms / 1000);
    size_t i = find_note(x, id_key(id));
    if (i < x->n_notes) return x->notes[i].text;
    i = find_note(x, second);
    if (i == x->n_notes) return MN_STR_NONE;
    mn_buf_clear(&x->f->text);
    if (mn_html_unescape(text, &x->f->text) != MN_OK) return MN_STR_NONE;
    mn_str start = uncut_part(mn_buf_str(&x->f->text));
    for (; start.len && i < x->n_notes && x->notes[i].key == second; i++)
        if (x->notes[i].raw.len > start.len &&
            !memcmp(x->notes[i].raw.ptr, start.ptr, start.len))
            return x->notes[i].text;
    return MN_STR_NONE;
}

/* ---- lists --------------------------------------------------------------------------------------------------------- */

static mn_rc on_element(x_archive *x, role r, mn_str element, mn_err *e)
{
    mn_json *v;
    if (r == ROLE_DELETED || r == ROLE_RESTRICTED) {
        mn_feed_skip(x->f, r == ROLE_DELETED ? MN_SKIP_DELETED : MN_SKIP_RESTRICTED);
        return MN_OK;
    }
    mn_arena_reset(&x->f->item);
    MN_TRY(mn_json_parse(element, &x->f->item, &v, e));
    if (r == ROLE_NOTES) {
        const mn_json *n = mn_json_get(v, "noteTweet");
        return add_note(x, n ? n : v, e);
    }
    const mn_json *t = mn_json_get(v, "tweet");
    mn_tweet_rules rules = {.profile = &x->profile,
                            .visibility = x->is_protected ? MN_VIS_FOLLOWERS : MN_VIS_PUBLIC,
                            .longer = x->n_notes ? longer_text : NULL,
                            .arg = x};
    return mn_feed_tweet(x->f, t ? t : v, &rules, e);
}

static mn_rc read_list(x_archive *x, mn_str name, role r, mn_err *e)
{
    mn_window w;
    mn_str element;
    bool more = true;
    mn_feed_window(x->f, &w, name.ptr, MN_ITEM_MAX);
    mn_rc rc = mn_window_array(&w, NULL, NULL, e);
    for (uint64_t n = 1; rc == MN_OK; n++) {
        if ((rc = mn_window_element(&w, &element, &more, e)) != MN_OK || !more) break;
        rc = on_element(x, r, element, e);
        if (rc == MN_E_PARSE || rc == MN_E_LIMIT)
            rc = mn_err_wrap(e, "'%s', item %llu (line %llu)", name.ptr, (unsigned long long)n,
                             (unsigned long long)w.line);
    }
    mn_window_release(&w);
    return rc;
}

static mn_rc read_small(x_archive *x, mn_str name, role r, mn_err *e)
{
    switch (r) {
    case ROLE_ACCOUNT:
        return read_account(x, name, e);
    case ROLE_PROFILE:
        return read_profile(x, name, e);
    case ROLE_PROTECTED:
        return read_protected(x, name, e);
    case ROLE_NOTES:
        return read_list(x, name, r, e);
    default:
        return MN_OK;
    }
}

typedef mn_rc on_file(x_archive *x, mn_str name, role r, mn_err *e);

static mn_rc each_file(x_archive *x, on_file *fn, mn_err *e)
{
    mn_str name;
    bool more = true;
    for (;;) {
        MN_TRY(mn_source_next(x->f->src, &name, &more, e));
        if (!more) return mn_source_rewind(x->f->src, e);
        role r = role_of(x, name);
        if (r != ROLES) MN_TRY(fn(x, name, r, e));
    }
}

static mn_rc find_manifest(x_archive *x, mn_err *e)
{
    mn_str name;
    bool more = true;
    for (;;) {
        MN_TRY(mn_source_next(x->f->src, &name, &more, e));
        if (!more) return mn_source_rewind(x->f->src, e);
        if (mn_feed_at(x->f, name, "data/manifest.js") || mn_feed_at(x->f, name, "manifest.js"))
            MN_TRY(read_manifest(x, name, e));
    }
}

static mn_rc read_tweets(x_archive *x, mn_str name, role r, mn_err *e)
{
    return r == ROLE_TWEETS || r == ROLE_DELETED || r == ROLE_RESTRICTED
               ? read_list(x, name, r, e)
               : MN_OK;
}

static mn_rc read_all(x_archive *x, mn_err *e)
{
    MN_TRY(find_manifest(x, e));
    MN_TRY(each_file(x, read_small, e));
    if (x->n_notes) qsort(x->notes, x->n_notes, sizeof *x->notes, by_key);
    if (x->is_protected) mn_import_report_warn(x->f->report, "%s", PROTECTED_WHY);
    if (x->notes_left_out)
        mn_import_report_warn(x->f->report,
                              "some long posts were kept in their short form: there "
                              "are more of them than fit into memory");
    if (!x->profile.name.len) x->profile.name = MN_STR("x");
    if (!x->profile.origin.len) x->profile.origin = MN_STR("x:");
    return each_file(x, read_tweets, e);
}

mn_rc mn_read_x(mn_feed *f, mn_err *e)
{
    x_archive *x =
        mn_arena_calloc(&f->keep, 1, sizeof *x); /* items in flight point to the profile */
    if (!x) return mn_fail(e, MN_E_NOMEM, "no memory to read the archive");
    f->origin = "x";
    x->f = f;
    mn_rc rc = read_all(x, e);
    mn_free(x->notes);
    x->notes = NULL;
    return rc;
}

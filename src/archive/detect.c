/* Which format a path holds, and where in it the archive begins (people zip the folder around it).
 *
 * One walk over the names. The marks, strongest first: mynah/posts.jsonl (our own), data/manifest.js or data/tweets.js (X), data/js/tweets/ or its
 * index (Grailbird), outbox.json (Mastodon), *.jsonl (JSON lines), an index X.dat beside X or lines of a single '%'
 * (fortunes). Of a single file the first bytes decide. Formats we know and do not read yet are named. */
#include "archive/archive_int.h"

#include <string.h>

#define HEAD_BYTES ((size_t)16 << 10)

/* An archive whose place inside the source is told by one of its files. */
typedef struct place {
    bool is;
    char root[1024];
    size_t root_len;
} place;

typedef struct marks {
    place x, grailbird, mastodon, mynah;
    bool jsonl, fortune, bluesky, threads, reddit;
} marks;

/* Is `mark` at the end of name, at its start or after a '/'? Then what is before it is the root; the shortest counts. */
static bool marked(place *p, mn_str name, const char *mark)
{
    size_t n = strlen(mark);
    if (!mn_str_ends(name, mark) || (name.len > n && name.ptr[name.len - n - 1] != '/'))
        return false;
    if ((p->is && name.len - n >= p->root_len) || name.len - n >= sizeof p->root) return true;
    p->root_len = name.len - n;
    memcpy(p->root, name.ptr, p->root_len);
    p->root[p->root_len] = '\0';
    p->is = true;
    return true;
}

static bool has_percent_lines(mn_str head)
{
    return mn_str_find(head, MN_STR("\n%\n"), 0) != SIZE_MAX ||
           mn_str_find(head, MN_STR("\n%\r\n"), 0) != SIZE_MAX || mn_str_starts(head, "%\n");
}

static mn_rc read_head(mn_source *src, mn_buf *b, mn_err *e)
{
    char block[4096];
    mn_buf_clear(b);
    while (b->len < HEAD_BYTES) {
        size_t got = 0;
        MN_TRY(mn_source_read(src, block, sizeof block, &got, e));
        if (!got) break;
        if (mn_buf_add(b, block, got) != MN_OK) return mn_fail(e, MN_E_NOMEM, "no memory");
    }
    return MN_OK;
}

static void look_at_name(marks *m, mn_str name)
{
    if (marked(&m->mynah, name, "mynah/posts.jsonl")) return;
    if (marked(&m->x, name, "data/manifest.js") || marked(&m->x, name, "data/tweets.js") ||
        marked(&m->x, name, "data/tweet.js"))
        return;
    if (marked(&m->grailbird, name, "data/js/tweet_index.js") ||
        marked(&m->grailbird, name, "data/js/user_details.js"))
        return;
    if (marked(&m->mastodon, name, "outbox.json")) return;
    if (mn_str_ends(name, ".jsonl") || mn_str_ends(name, ".ndjson")) m->jsonl = true;
    if (mn_str_ends(name, ".dat")) m->fortune = true;
    if (mn_str_ends(name, ".car")) m->bluesky = true;
    if (mn_str_ends(name, "/threads_and_replies.json")) m->threads = true;
    if (mn_str_find(name, MN_STR("your_instagram_activity/threads/"), 0) != SIZE_MAX)
        m->threads = true;
    if (mn_str_eqz(name, "subscribed_subreddits.csv") ||
        mn_str_ends(name, "/comment_votes.csv") || mn_str_eqz(name, "comment_votes.csv"))
        m->reddit = true;
}

/* A file given by itself. */
static mn_rc look_at_file(marks *m, mn_str name, mn_source *src, mn_err *e)
{
    mn_buf b;
    mn_buf_init(&b, HEAD_BYTES * 2);
    mn_rc rc = read_head(src, &b, e);
    mn_str head = mn_buf_str(&b), start = mn_str_trim(head);
    if (mn_str_starts(start, "\xef\xbb\xbf")) start = mn_str_sub(start, 3, SIZE_MAX);
    bool object = mn_str_starts(start, "{");
    if (mn_str_starts(start, "window.YTD.")) m->x.is = true;
    else if (mn_str_starts(start, "Grailbird.data")) m->grailbird.is = true;
    else if (object && mn_str_find(head, MN_STR("OrderedCollection"), 0) != SIZE_MAX)
        m->mastodon.is = true;
    else if (object || mn_str_ends(name, ".jsonl") || mn_str_ends(name, ".ndjson"))
        m->jsonl = true;
    else if (mn_str_ends(name, ".car")) m->bluesky = true;
    else if (has_percent_lines(head)) m->fortune = true;
    mn_buf_release(&b);
    return rc;
}

/* Files without a mark in their name: has one of the first few fortunes in it? */
static mn_rc look_for_fortunes(marks *m, mn_source *src, int *tries, mn_err *e)
{
    mn_buf b;
    if (m->fortune || *tries <= 0) return MN_OK;
    --*tries;
    mn_buf_init(&b, HEAD_BYTES * 2);
    mn_rc rc = read_head(src, &b, e);
    if (rc == MN_OK && has_percent_lines(mn_buf_str(&b))) m->fortune = true;
    mn_buf_release(&b);
    return rc;
}

static mn_rc walk(marks *m, mn_source *src, mn_err *e)
{
    mn_str name;
    bool more = true, single = mn_source_kind_of(src) == MN_SOURCE_FILE;
    int tries = 32;
    for (;;) {
        MN_TRY(mn_source_next(src, &name, &more, e));
        if (!more) return MN_OK;
        if (single) {
            MN_TRY(look_at_file(m, name, src, e));
        } else {
            look_at_name(m, name);
            if (!memchr(name.ptr, '.', name.len)) MN_TRY(look_for_fortunes(m, src, &tries, e));
        }
    }
}

static mn_rc not_read_yet(const char *what, const char *path, mn_err *e)
{
    return mn_fail(e, MN_E_UNSUPPORTED,
                   "'%s' looks like %s; this version does not read them yet", path, what);
}

static mn_rc choose(const marks *m, const char *path, mn_import_format *ret, mn_err *e)
{
    if (m->mynah.is) *ret = MN_FORMAT_MYNAH;
    else if (m->x.is) *ret = MN_FORMAT_X;
    else if (m->grailbird.is) *ret = MN_FORMAT_GRAILBIRD;
    else if (m->mastodon.is) *ret = MN_FORMAT_MASTODON;
    else if (m->bluesky) return not_read_yet("a Bluesky archive", path, e);
    else if (m->threads) return not_read_yet("a Threads archive", path, e);
    else if (m->reddit) return not_read_yet("a Reddit archive", path, e);
    else if (m->jsonl) *ret = MN_FORMAT_JSONL;
    else if (m->fortune) *ret = MN_FORMAT_FORTUNE;
    else
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "cannot tell what '%s' is; name its format with --format x, grailbird, "
                       "mastodon, fortune, jsonl or mynah",
                       path);
    return MN_OK;
}

mn_rc mn_import_detect(mn_source *src, const char *path, mn_import_format *format,
                       char *ret_root, size_t root_cap, mn_err *e)
{
    marks m = {0};
    mn_import_format found = *format;
    MN_TRY(
        walk(&m, src,
             e)); /* also when the format is given: names are checked before anything is read */
    if (*format == MN_FORMAT_AUTO) MN_TRY(choose(&m, path, &found, e));
    const place *p = found == MN_FORMAT_MYNAH       ? &m.mynah
                     : found == MN_FORMAT_X         ? &m.x
                     : found == MN_FORMAT_GRAILBIRD ? &m.grailbird
                     : found == MN_FORMAT_MASTODON  ? &m.mastodon
                                                    : NULL;
    if (p && p->is && p->root_len < root_cap) memcpy(ret_root, p->root, p->root_len + 1);
    else ret_root[0] = '\0';
    *format = found;
    return MN_OK;
}

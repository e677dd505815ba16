/* Relations as Mastodon's CSV files, both ways. Mastodon writes a header where there is more than one column of its own
 * (follows, mutes) and none elsewhere; readers of both kinds are out there, so both are read. */
#include "archive/csv.h"
#include "archive/moving_int.h"

#define BATCH 200

const char *const mn_moved_names[MN_MOVED_KINDS] = {"follows",       "blocks", "mutes",
                                                    "domain_blocks", "lists",  "bookmarks"};
const char *const mn_moved_files[MN_MOVED_KINDS] = {"following_accounts.csv",
                                                    "blocked_accounts.csv",
                                                    "muted_accounts.csv",
                                                    "blocked_domains.csv",
                                                    "lists.csv",
                                                    "bookmarks.csv"};
static const mn_related related[MN_MOVED_KINDS] = {MN_RELATED_FOLLOW, MN_RELATED_BLOCK,
                                                   MN_RELATED_MUTE,   MN_RELATED_DOMAIN,
                                                   MN_RELATED_LIST,   MN_RELATED_BOOKMARK};

bool mn_moved_parse(mn_str name, mn_moved *ret)
{
    for (int i = 0; i < MN_MOVED_KINDS; i++)
        if (mn_str_eqz(name, mn_moved_names[i])) {
            *ret = (mn_moved)i;
            return true;
        }
    return false;
}

/* ---- out -------------------------------------------------------------------------------------------------------------- */

/* "en,fr" as "en, fr" */
static void put_languages(mn_buf *b, mn_str languages, mn_arena *ar)
{
    mn_buf text;
    mn_buf_init(&text, 4096);
    for (mn_str rest = languages; rest.len;) {
        mn_str one = mn_str_split(rest, ',', &rest);
        if (text.len) mn_buf_addz(&text, ", ");
        mn_buf_adds(&text, mn_str_trim(one));
    }
    mn_csv_put(b, false, mn_buf_str(&text));
    mn_buf_release(&text);
    (void)ar;
}

static mn_str truth(bool v)
{
    return v ? MN_STR("true") : MN_STR("false");
}

static void put_row(const mn_place *p, mn_moved kind, const mn_relation_row *r, mn_arena *ar,
                    mn_buf *b)
{
    mn_str title, address, uri;
    switch (kind) {
    case MN_MOVED_FOLLOWS:
        mn_csv_put(b, true, r->ref);
        mn_csv_put(b, false, truth(r->boosts));
        mn_csv_put(b, false, truth(r->notify));
        put_languages(b, r->languages, ar);
        break;
    case MN_MOVED_MUTES:
        mn_csv_put(b, true, r->ref);
        mn_csv_put(b, false, truth(r->notifications));
        break;
    case MN_MOVED_LISTS:
        title = mn_str_split(r->ref, '\n', &address);
        if (!address.len) return; /* Mastodon's table knows no list without members */
        mn_csv_put(b, true, title);
        mn_csv_put(b, false, address);
        break;
    case MN_MOVED_BOOKMARKS:
        uri = mn_moving__uri_of_ref(p, r->ref, ar);
        if (!uri.ptr) return;
        mn_csv_put(b, true, uri);
        break;
    default:
        mn_csv_put(b, true, r->ref);
    }
    mn_buf_addc(b, '\n');
}

mn_rc mn_moving_csv(const mn_place *p, uint64_t account, mn_moved kind, mn_buf *ret, mn_err *e)
{
    mn_arena ar;
    mn_relation_row *rows = NULL;
    size_t n = 0;
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_moving__rows(p, account, related[kind], &ar, &rows, &n, e);
    if (kind == MN_MOVED_FOLLOWS)
        mn_buf_addz(ret, "Account address,Show boosts,Notify on new posts,Languages\n");
    if (kind == MN_MOVED_MUTES) mn_buf_addz(ret, "Account address,Hide notifications\n");
    for (size_t i = 0; rc == MN_OK && i < n; i++) put_row(p, kind, &rows[i], &ar, ret);
    mn_arena_release(&ar);
    if (rc == MN_OK && ret->failed) rc = mn_fail(e, ret->failed, "no memory for a table");
    return rc;
}

/* ---- in --------------------------------------------------------------------------------------------------------------- */

/* Which column holds what: by the header's names when there is one, else in Mastodon's order. */
typedef struct columns {
    size_t ref, boosts, notify, languages, notifications, member;
} columns;

#define NOWHERE SIZE_MAX

static const columns in_order[MN_MOVED_KINDS] = {
    [MN_MOVED_FOLLOWS] = {0, 1, 2, 3, NOWHERE, NOWHERE},
    [MN_MOVED_BLOCKS] = {0, NOWHERE, NOWHERE, NOWHERE, NOWHERE, NOWHERE},
    [MN_MOVED_MUTES] = {0, NOWHERE, NOWHERE, NOWHERE, 1, NOWHERE},
    [MN_MOVED_DOMAIN_BLOCKS] = {0, NOWHERE, NOWHERE, NOWHERE, NOWHERE, NOWHERE},
    [MN_MOVED_LISTS] = {0, NOWHERE, NOWHERE, NOWHERE, NOWHERE, 1},
    [MN_MOVED_BOOKMARKS] = {0, NOWHERE, NOWHERE, NOWHERE, NOWHERE, NOWHERE},
};

/* Is the first row a header? Then *c follows it. */
static bool read_header(const mn_csv_row *row, columns *c)
{
    columns found = {NOWHERE, NOWHERE, NOWHERE, NOWHERE, NOWHERE, NOWHERE};
    for (size_t i = 0; i < row->n; i++) {
        mn_str name = row->fields[i];
        if (mn_str_starts(name, "#")) name = mn_str_sub(name, 1, SIZE_MAX);
        if (mn_str_eq_nocase(name, MN_STR("Account address")) ||
            mn_str_eq_nocase(name, MN_STR("domain")) || mn_str_eq_nocase(name, MN_STR("uri")))
            found.ref = i;
        else if (mn_str_eq_nocase(name, MN_STR("List name"))) found.member = i;
        else if (mn_str_eq_nocase(name, MN_STR("Show boosts"))) found.boosts = i;
        else if (mn_str_eq_nocase(name, MN_STR("Notify on new posts"))) found.notify = i;
        else if (mn_str_eq_nocase(name, MN_STR("Languages"))) found.languages = i;
        else if (mn_str_eq_nocase(name, MN_STR("Hide notifications"))) found.notifications = i;
    }
    if (found.ref == NOWHERE) return false;
    if (found.member != NOWHERE) { /* of a list: the title first */
        size_t title = found.member;
        found.member = found.ref;
        found.ref = title;
    }
    *c = found;
    return true;
}

static mn_str at(const mn_csv_row *row, size_t i)
{
    return i < row->n ? row->fields[i] : MN_STR("");
}

static bool truth_of(mn_str s, bool fallback)
{
    if (!s.len) return fallback;
    return !mn_str_eq_nocase(s, MN_STR("false")) && !mn_str_eqz(s, "0") &&
           !mn_str_eq_nocase(s, MN_STR("no"));
}

static mn_rc row_of(const mn_place *p, mn_moved kind, const columns *c, const mn_csv_row *row,
                    mn_arena *ar, mn_relation_row *ret, mn_err *e)
{
    mn_str ref = at(row, c->ref);
    *ret = (mn_relation_row){.boosts = truth_of(at(row, c->boosts), true),
                             .notify = truth_of(at(row, c->notify), false),
                             .notifications = truth_of(at(row, c->notifications), true)};
    mn_buf codes; /* "en, fr" as "en,fr" */
    mn_buf_init(&codes, 512);
    for (mn_str rest = at(row, c->languages); rest.len;) {
        mn_str one = mn_str_trim(mn_str_split(rest, ',', &rest));
        if (codes.len) mn_buf_addc(&codes, ',');
        mn_buf_adds(&codes, one);
    }
    ret->languages = codes.failed ? MN_STR("") : mn_str_dup(ar, mn_buf_str(&codes));
    mn_buf_release(&codes);
    if (kind == MN_MOVED_LISTS)
        ref = mn_str_fmt(ar, "%.*s\n%.*s", MN_STR_FMT(ref), MN_STR_FMT(at(row, c->member)));
    if (kind == MN_MOVED_BOOKMARKS) MN_TRY(mn_moving__ref_of_uri(p, ref, ar, &ref, e));
    ret->ref = ref;
    return ref.ptr ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory to read a table");
}

typedef struct reading {
    const mn_place *p;
    uint64_t account;
    mn_moved kind;
    mn_csv csv;
    columns columns;
    mn_arena ar;
    bool begun;
} reading;

/* Up to BATCH rows in one transaction (of lists one: the next row must see a list that this one makes). */
static mn_rc bring_batch(reading *r, mn_moving_report *count, bool *ret_more, mn_err *e)
{
    mn_tx *tx;
    mn_rc rc = MN_OK;
    mn_moving_report done = *count;
    size_t most = r->kind == MN_MOVED_LISTS || r->kind == MN_MOVED_DOMAIN_BLOCKS ? 1 : BATCH;
    MN_TRY(mn_store_begin(r->p->store, &tx, e));
    for (size_t i = 0; rc == MN_OK && i < most; i++) {
        mn_csv_row row;
        mn_relation_row made;
        mn_arena_reset(&r->ar);
        rc = mn_csv_next(&r->csv, &r->ar, &row, ret_more, e);
        if (rc != MN_OK || !*ret_more) break;
        bool header = !r->begun && read_header(&row, &r->columns);
        r->begun = true;
        if (header) continue;
        rc = row_of(r->p, r->kind, &r->columns, &row, &r->ar, &made, e);
        if (rc == MN_OK)
            rc = mn_moving__bring(r->p, tx, r->account, related[r->kind], &made, &r->ar, &done,
                                  e);
    }
    if (rc == MN_OK) rc = mn_store_commit(tx, e);
    else mn_store_rollback(tx);
    if (rc == MN_OK) *count = done;
    return rc;
}

mn_rc mn_moving_csv_bring(const mn_place *p, uint64_t account, mn_moved kind, mn_str csv,
                          void (*progress)(void *arg, uint64_t done, uint64_t total), void *arg,
                          mn_moving_report *ret, mn_err *e)
{
    reading r = {.p = p, .account = account, .kind = kind, .columns = in_order[kind]};
    bool more = true;
    MN_TRY(mn_csv_init(&r.csv, csv, e));
    mn_arena_init(&r.ar, (size_t)4 << 20);
    mn_rc rc = MN_OK;
    while (rc == MN_OK && more) {
        rc = bring_batch(&r, ret, &more, e);
        if (rc == MN_OK && progress) progress(arg, csv.len - r.csv.rest.len, csv.len);
    }
    mn_arena_release(&r.ar);
    return rc;
}

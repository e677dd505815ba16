/* An account's archive: the order of its files, posts in batches, media files.
 *
 * Posts are gone through twice, once for Mastodon's outbox.json and once for our own lines; nothing but the list of media
 * files is kept between batches. */
#include "archive/export_int.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/stop.h"
#include "store/media.h"

#define BATCH 200

/* ---- files ------------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *mime, *ext;
} extensions[] = {{"", "bin"},           {"image/jpeg", "jpg"},     {"image/png", "png"},
                  {"image/gif", "gif"},  {"image/webp", "webp"},    {"image/avif", "avif"},
                  {"video/mp4", "mp4"},  {"video/webm", "webm"},    {"audio/ogg", "ogg"},
                  {"audio/mpeg", "mp3"}, {"audio/mp4", "m4a"},      {"audio/flac", "flac"},
                  {"audio/wav", "wav"},  {"video/quicktime", "mov"}};
#define EXTENSIONS (sizeof extensions / sizeof *extensions)

uint8_t mn_out__extension_no(mn_str mime)
{
    for (size_t i = 1; i < EXTENSIONS; i++)
        if (mn_str_eqz(mime, extensions[i].mime)) return (uint8_t)i;
    return 0;
}

const char *mn_out__extension(mn_str mime)
{
    return extensions[mn_out__extension_no(mime)].ext;
}

const char *mn_out__extension_of(uint8_t kind)
{
    return extensions[kind < EXTENSIONS ? kind : 0].ext;
}

mn_rc mn_out__file(mn_out *o, const mn_media *m, mn_err *e)
{
    if (o->n_files == o->cap_files) {
        size_t cap = o->cap_files ? o->cap_files * 2 : 64;
        mn_out_file *bigger = mn_reallocarray(o->files, cap, sizeof *bigger);
        if (!bigger) return mn_fail(e, MN_E_NOMEM, "no memory for the list of media");
        o->files = bigger;
        o->cap_files = cap;
    }
    mn_out_file *f = &o->files[o->n_files++];
    *f = (mn_out_file){.at_ms = m->created_ms, .kind = mn_out__extension_no(m->mime)};
    memcpy(f->sha256, m->sha256, 32);
    return MN_OK;
}

static int by_hash(const void *a, const void *b)
{
    const mn_out_file *x = a, *y = b;
    int c = memcmp(x->sha256, y->sha256, 32);
    if (c) return c;
    if (x->at_ms != y->at_ms) return x->at_ms < y->at_ms ? -1 : 1;
    return (x->kind > y->kind) - (x->kind < y->kind);
}

static mn_rc copy_bytes(mn_out *o, int fd, const char *path, mn_err *e)
{
    char *block = mn_alloc(1 << 16);
    mn_rc rc = block ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory to copy a file");
    for (ssize_t n = 1; rc == MN_OK && n > 0;) {
        n = read(fd, block, 1 << 16);
        if (n < 0) rc = mn_fail_errno(e, MN_E_IO, "cannot read '%s'", path);
        else if (n > 0) rc = mn_zip_write(o->zip, block, (size_t)n, e);
    }
    mn_free(block);
    return rc;
}

/* A file that is not on the disk is counted and left out. */
static mn_rc put_file(mn_out *o, const uint8_t sha256[32], const char *name, int64_t at_ms,
                      mn_err *e)
{
    char hex[MN_HEX256];
    mn_hex(sha256, 32, hex);
    mn_arena_reset(&o->page);
    mn_str path = mn_str_fmt(&o->page, "%s/media/%.2s/%s", o->p->data_dir, hex, hex);
    if (!path.ptr) return mn_fail(e, MN_E_NOMEM, "no memory to copy a file");
    int fd = open(path.ptr, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        o->report->missing++;
        return MN_OK;
    }
    mn_rc rc = mn_zip_entry(o->zip, name, at_ms, true, e);
    if (rc == MN_OK) rc = copy_bytes(o, fd, path.ptr, e);
    if (rc == MN_OK) o->report->media++;
    close(fd);
    return rc;
}

static mn_rc media_files(mn_out *o, mn_err *e)
{
    char name[128], hex[MN_HEX256];
    if (o->n_files) qsort(o->files, o->n_files, sizeof *o->files, by_hash);
    for (size_t i = 0; i < o->n_files; i++) {
        const mn_out_file *f = &o->files[i];
        if (mn_stop_requested()) return mn_fail(e, MN_E_CANCELLED, "stopped on request");
        if (i && !memcmp(f[-1].sha256, f->sha256, 32)) continue;
        mn_hex(f->sha256, 32, hex);
        snprintf(name, sizeof name, "media_attachments/files/%s.%s", hex,
                 mn_out__extension_of(f->kind));
        MN_TRY(put_file(o, f->sha256, name, f->at_ms, e));
    }
    return MN_OK;
}

static mn_rc pictures(mn_out *o, mn_err *e)
{
    char name[32];
    for (size_t i = 0; i < o->n_pictures; i++) {
        const mn_media *m = &o->pictures[i];
        snprintf(name, sizeof name, "%s.%s", m->use == MN_MEDIA_AVATAR ? "avatar" : "header",
                 mn_out__extension(m->mime));
        MN_TRY(put_file(o, m->sha256, name, m->created_ms, e));
    }
    return MN_OK;
}

/* ---- posts ------------------------------------------------------------------------------------------------------------ */

static mn_rc load_batch(mn_out *o, const uint64_t *ids, size_t n, mn_out_batch *ret, mn_err *e)
{
    mn_store *s = o->p->store;
    uint64_t polls[BATCH];
    size_t n_polls = 0;
    *ret = (mn_out_batch){0};
    MN_TRY(mn_store_posts_by_ids(s, ids, n, &o->page, &ret->posts, e));
    MN_TRY(mn_store_media_of_posts(s, ids, n, &o->page, &ret->media, &ret->n_media, e));
    MN_TRY(mn_store_mentions_of(s, ids, n, &o->page, &ret->mentions, &ret->n_mentions, e));
    for (size_t i = 0; i < ret->posts.n; i++)
        if (ret->posts.items[i].poll_id) polls[n_polls++] = ret->posts.items[i].poll_id;
    if (!n_polls) return MN_OK;
    return mn_store_polls(s, polls, n_polls, &o->page, &ret->polls, &ret->n_polls, e);
}

static mn_rc
each_of(mn_out *o, const mn_out_batch *b,
        mn_rc (*each)(mn_out *o, const mn_out_batch *b, const mn_post *x, mn_err *e), mn_err *e)
{
    for (size_t i = 0; i < b->posts.n; i++) {
        if (b->posts.items[i].deleted_ms) continue;
        MN_TRY(each(o, b, &b->posts.items[i], e));
        if (o->b.len > 1 << 16) MN_TRY(mn_zip_flush(o->zip, &o->b, e));
    }
    return mn_zip_flush(o->zip, &o->b, e);
}

mn_rc mn_out__posts(mn_out *o,
                    mn_rc (*each)(mn_out *o, const mn_out_batch *b, const mn_post *x,
                                  mn_err *e),
                    mn_err *e)
{
    for (uint64_t after = 0;;) {
        uint64_t *ids = NULL;
        size_t n = 0;
        mn_out_batch b;
        if (mn_stop_requested()) return mn_fail(e, MN_E_CANCELLED, "stopped on request");
        mn_arena_reset(&o->page);
        MN_TRY(mn_store_post_ids_of(o->p->store, o->account.id, after, BATCH, &o->page, &ids,
                                    &n, e));
        if (!n) return MN_OK;
        after = ids[n - 1];
        MN_TRY(load_batch(o, ids, n, &b, e));
        MN_TRY(each_of(o, &b, each, e));
        o->done += n;
        if (o->progress)
            o->progress(o->progress_arg, o->done < o->total ? o->done : o->total, o->total);
    }
}

/* ---- Mastodon's small files --------------------------------------------------------------------------------------------- */

static mn_rc marks_json(mn_out *o, const char *file, mn_related kind, mn_err *e)
{
    mn_relation_row *rows = NULL;
    size_t n = 0;
    mn_arena_reset(&o->page);
    MN_TRY(mn_moving__rows(o->p, o->account.id, kind, &o->page, &rows, &n, e));
    MN_TRY(mn_zip_entry(o->zip, file, o->account.created_ms, false, e));
    mn_json_writer_init(&o->j, &o->b, 0);
    mn_jw_object(&o->j);
    mn_jw_kstrz(&o->j, "@context", "https://www.w3.org/ns/activitystreams");
    mn_jw_kstrz(&o->j, "id", file);
    mn_jw_kstrz(&o->j, "type", "OrderedCollection");
    mn_jw_key(&o->j, "orderedItems");
    mn_jw_array(&o->j);
    for (size_t i = 0; i < n; i++) {
        mn_str uri = mn_moving__uri_of_ref(o->p, rows[i].ref, &o->page);
        if (uri.ptr) mn_jw_str(&o->j, uri);
        if (o->b.len > 1 << 16) MN_TRY(mn_zip_flush(o->zip, &o->b, e));
    }
    mn_jw_array_end(&o->j);
    mn_jw_object_end(&o->j);
    return mn_zip_flush(o->zip, &o->b, e);
}

static mn_rc tables(mn_out *o, mn_err *e)
{
    for (int k = 0; k < MN_MOVED_KINDS; k++) {
        mn_rc rc = mn_zip_entry(o->zip, mn_moved_files[k], o->account.created_ms, false, e);
        if (rc == MN_OK) rc = mn_moving_csv(o->p, o->account.id, (mn_moved)k, &o->b, e);
        if (rc != MN_OK) return rc;
        MN_TRY(mn_zip_flush(o->zip, &o->b, e));
    }
    return MN_OK;
}

/* ---- all ---------------------------------------------------------------------------------------------------------------- */

static mn_rc find(mn_out *o, uint64_t account, mn_err *e)
{
    mn_store *s = o->p->store;
    mn_brought *waits = NULL;
    size_t n = 0;
    mn_rc rc = mn_store_account_by_id(s, account, &o->keep, &o->account, e);
    if (rc == MN_E_NOT_FOUND || (rc == MN_OK && o->account.state == MN_ACCOUNT_DELETED))
        return mn_fail(e, MN_E_NOT_FOUND, "there is no such account");
    if (rc != MN_OK) return rc;
    MN_TRY(mn_store_consent_account(s, account, &o->consent, &(uint64_t){0}, e));
    MN_TRY(mn_store_account_pictures(s, account, &o->keep, &o->pictures, &o->n_pictures, e));
    MN_TRY(mn_store_brought(s, account, MN_STR("mention"), MN_STR(""), 1, &o->keep, &waits, &n,
                            e));
    o->mentions_wait = n > 0;
    o->total = 2 * o->account.n_posts;
    mn_str name = mn_str_split(o->account.name, '@', &(mn_str){0});
    o->actor = mn_str_fmt(&o->keep, "%s/users/%.*s", o->p->base, MN_STR_FMT(name));
    return o->actor.ptr ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory for an export");
}

static mn_rc write_all(mn_out *o, mn_err *e)
{
    MN_TRY(mn_out__actor(o, e));
    MN_TRY(mn_out__outbox(o, e));
    MN_TRY(marks_json(o, "likes.json", MN_RELATED_LIKE, e));
    MN_TRY(marks_json(o, "bookmarks.json", MN_RELATED_BOOKMARK, e));
    MN_TRY(tables(o, e));
    MN_TRY(mn_out__own(o, e));
    MN_TRY(pictures(o, e));
    return media_files(o, e);
}

mn_rc mn_export_run(const mn_place *p, uint64_t account, const char *path,
                    void (*progress)(void *arg, uint64_t done, uint64_t total), void *arg,
                    mn_export_report *ret, mn_err *e)
{
    mn_export_report report = {0};
    mn_out o = {.p = p, .progress = progress, .progress_arg = arg, .report = &report};
    mn_arena_init(&o.keep, 0);
    mn_arena_init(&o.page, 0);
    mn_buf_init(&o.b, (size_t)64 << 20);
    mn_rc rc = find(&o, account, e);
    if (rc == MN_OK) rc = mn_zip_new(path, &o.zip, e);
    if (rc == MN_OK) rc = write_all(&o, e);
    if (rc == MN_OK) rc = mn_zip_finish(o.zip, &report.bytes, e);
    mn_zip_free(o.zip);
    mn_buf_release(&o.b);
    mn_free(o.files);
    mn_arena_release(&o.page);
    mn_arena_release(&o.keep);
    if (rc == MN_OK) *ret = report;
    return rc;
}

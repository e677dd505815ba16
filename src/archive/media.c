/* Pictures and videos that come with posts.
 *
 * Posts come first; what files they want is noted, by hash of the file's name, and the source is walked once more. A wanted
 * file is copied to a temporary name under media/ while it is hashed, then renamed to media/ab/abcd…, and one row goes in
 * for each post that wants it. Only kinds known by their first bytes are kept. Files that this run made are remembered, so
 * that an error takes them back. Archives often lack files; that is counted, not an error. */
#include "archive/archive_int.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/snowflake.h"
#include "store/media.h"

#define WANTS_MAX  200000
#define FILE_MAX   (UINT64_C(100) << 20)
#define ALT_MAX    ((size_t)2000)
#define COPY_BLOCK ((size_t)64 << 10)
#define PATH_BYTES 4096

typedef struct want {
    uint64_t key; /* hash of the entry's name, or of its last part */
    uint64_t post_id, account_id;
    int64_t created_ms;
    mn_str alt;
    int width, height;
    uint32_t n;  /* which of the post's */
    uint64_t id; /* that it had; 0: made here */
    int focus_x, focus_y;
    mn_media_use use;
    bool existed, found;
} want;

struct mn_media_job {
    char *dir; /* DATA/media; NULL: nothing is kept */
    uint64_t max_bytes;
    want *wants;
    size_t n, cap;
    uint64_t over; /* not noted: too many */
    mn_arena alts;
    uint8_t (*made)[32]; /* files this job put into place */
    size_t n_made, cap_made;
    uint64_t too_large, unknown_kind;
};

mn_rc mn_media_job_new(const mn_import_opts *o, mn_media_job **ret, mn_err *e)
{
    mn_media_job *j = mn_calloc(1, sizeof *j);
    if (!j) return mn_fail(e, MN_E_NOMEM, "no memory for media");
    mn_arena_init(&j->alts, (size_t)32 << 20);
    j->max_bytes = o->media_max_bytes ? o->media_max_bytes : FILE_MAX;
    if (o->data_dir) {
        size_t n = strlen(o->data_dir) + sizeof "/media";
        if (n + MN_HEX256 + 8 > PATH_BYTES) { /* a name cut short would be another file's */
            mn_free(j);
            return mn_fail(e, MN_E_LIMIT, "the data folder's path is too long");
        }
        j->dir = mn_alloc(n);
        if (!j->dir) {
            mn_free(j);
            return mn_fail(e, MN_E_NOMEM, "no memory for media");
        }
        snprintf(j->dir, n, "%s/media", o->data_dir);
    }
    *ret = j;
    return MN_OK;
}

void mn_media_job_free(mn_media_job *j)
{
    if (!j) return;
    mn_arena_release(&j->alts);
    mn_free(j->wants);
    mn_free(j->made);
    mn_free(j->dir);
    mn_free(j);
}

static uint64_t key_of(mn_str name)
{
    return mn_hash64(name.ptr, name.len, 0);
}

mn_rc mn_media_job_want(mn_media_job *j, const mn_item_media *m, uint64_t post_id,
                        uint64_t account_id, int64_t created_ms, bool existed, mn_err *e)
{
    if (!j->dir) return MN_OK;
    if (j->n == WANTS_MAX) {
        j->over++;
        return MN_OK;
    }
    if (j->n == j->cap) {
        size_t cap = j->cap ? j->cap * 2 : 64;
        want *bigger = mn_reallocarray(j->wants, cap, sizeof *bigger);
        if (!bigger) return mn_fail(e, MN_E_NOMEM, "no memory for media");
        j->wants = bigger;
        j->cap = cap;
    }
    uint32_t nth = j->n && j->wants[j->n - 1].post_id == post_id ? j->wants[j->n - 1].n + 1 : 0;
    mn_str alt = m->alt.len ? mn_str_dup(&j->alts, mn_utf8_cut(m->alt, ALT_MAX)) : MN_STR("");
    j->wants[j->n++] = (want){.key = key_of(m->name),
                              .post_id = post_id,
                              .account_id = account_id,
                              .created_ms = m->created_ms ? m->created_ms : created_ms,
                              .id = m->id,
                              .focus_x = m->focus_x,
                              .focus_y = m->focus_y,
                              .use = m->use,
                              .alt = alt.ptr ? alt : MN_STR(""),
                              .width = m->width > 0 && m->width < 1 << 20 ? m->width : 0,
                              .height = m->height > 0 && m->height < 1 << 20 ? m->height : 0,
                              .n = nth,
                              .existed = existed};
    return MN_OK;
}

static int by_key(const void *a, const void *b)
{
    const want *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    if (x->post_id != y->post_id) return x->post_id < y->post_id ? -1 : 1;
    return (x->n > y->n) - (x->n < y->n);
}

static want *find_want(const mn_media_job *j, uint64_t key)
{
    size_t lo = 0, hi = j->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (j->wants[mid].key < key) lo = mid + 1;
        else hi = mid;
    }
    return lo < j->n && j->wants[lo].key == key ? &j->wants[lo] : NULL;
}

/* ---- files --------------------------------------------------------------------------------------------------------- */

static const char *kind_of(const uint8_t *p, size_t n)
{
    if (n >= 3 && !memcmp(p, "\xff\xd8\xff", 3)) return "image/jpeg";
    if (n >= 8 && !memcmp(p, "\x89PNG\r\n\x1a\n", 8)) return "image/png";
    if (n >= 6 && (!memcmp(p, "GIF87a", 6) || !memcmp(p, "GIF89a", 6))) return "image/gif";
    if (n >= 12 && !memcmp(p, "RIFF", 4) && !memcmp(p + 8, "WEBP", 4)) return "image/webp";
    if (n >= 12 && !memcmp(p + 4, "ftypavif", 8)) return "image/avif";
    if (n >= 12 && !memcmp(p, "RIFF", 4) && !memcmp(p + 8, "WAVE", 4)) return "audio/wav";
    if (n >= 12 && !memcmp(p + 4, "ftypM4A ", 8)) return "audio/mp4";
    if (n >= 12 && !memcmp(p + 4, "ftypqt  ", 8)) return "video/quicktime";
    if (n >= 12 && !memcmp(p + 4, "ftyp", 4)) return "video/mp4";
    if (n >= 4 && !memcmp(p, "fLaC", 4)) return "audio/flac";
    if (n >= 4 && !memcmp(p, "\x1a\x45\xdf\xa3", 4)) return "video/webm";
    if (n >= 4 && !memcmp(p, "OggS", 4)) return "audio/ogg";
    if (n >= 3 && !memcmp(p, "ID3", 3)) return "audio/mpeg";
    return NULL;
}

typedef struct copy {
    char tmp[PATH_BYTES];
    uint8_t sha[32];
    uint64_t size;
    const char *mime; /* NULL: not kept */
} copy;

/* The current entry into fd; c->mime stays NULL when it is too large or of an unknown kind. */
static mn_rc copy_entry(mn_media_job *j, mn_source *src, int fd, mn_sha256 *h, copy *c,
                        mn_err *e)
{
    char *block = mn_alloc(COPY_BLOCK);
    mn_rc rc = block ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory for media");
    for (size_t got = 1; rc == MN_OK && got;) {
        if ((rc = mn_source_read(src, block, COPY_BLOCK, &got, e)) != MN_OK || !got) break;
        if (!c->size) c->mime = kind_of((uint8_t *)block, got);
        c->size += got;
        if (!c->mime) {
            j->unknown_kind++;
            break;
        }
        if (c->size > j->max_bytes) {
            c->mime = NULL;
            j->too_large++;
            break;
        }
        mn_sha256_add(h, block, got);
        if (!mn_fs_write_all(fd, block, got))
            rc = mn_fail_errno(e, MN_E_IO, "cannot write '%s'", c->tmp);
    }
    mn_free(block);
    return rc;
}

static mn_rc remember_made(mn_media_job *j, const uint8_t sha[32], mn_err *e)
{
    if (j->n_made == j->cap_made) {
        size_t cap = j->cap_made ? j->cap_made * 2 : 64;
        uint8_t(*bigger)[32] = mn_reallocarray(j->made, cap, sizeof *bigger);
        if (!bigger) return mn_fail(e, MN_E_NOMEM, "no memory for media");
        j->made = bigger;
        j->cap_made = cap;
    }
    memcpy(j->made[j->n_made++], sha, 32);
    return MN_OK;
}

static void place_of(const mn_media_job *j, const uint8_t sha[32], char *ret, size_t n)
{
    char hex[MN_HEX256];
    mn_hex(sha, 32, hex);
    snprintf(ret, n, "%s/%.2s/%s", j->dir, hex, hex);
}

/* Under its hash, unless it is there. */
static mn_rc put_into_place(mn_media_job *j, copy *c, mn_err *e)
{
    char path[PATH_BYTES], folder[PATH_BYTES];
    place_of(j, c->sha, path, sizeof path);
    if (mn_fs_exists(path)) return MN_OK;
    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = '\0';
    MN_TRY(mn_fs_mkdirs(folder, e));
    MN_TRY(remember_made(j, c->sha, e));
    if (rename(c->tmp, path) != 0) return mn_fail_errno(e, MN_E_IO, "cannot make '%s'", path);
    return mn_fs_sync_dir(folder, e);
}

static mn_rc keep_entry(mn_media_job *j, mn_source *src, copy *c, mn_err *e)
{
    mn_sha256 h;
    *c = (copy){0};
    MN_TRY(mn_fs_mkdirs(j->dir, e));
    snprintf(c->tmp, sizeof c->tmp, "%s/tmp-XXXXXX", j->dir);
    int fd = mkostemp(c->tmp, O_CLOEXEC);
    if (fd < 0) return mn_fail_errno(e, MN_E_IO, "cannot make a file in '%s'", j->dir);
    mn_rc rc = mn_sha256_init(&h, e);
    if (rc == MN_OK) {
        rc = copy_entry(j, src, fd, &h, c, e);
        mn_sha256_done(&h, c->sha);
    }
    if (rc == MN_OK && c->mime && fsync(fd) != 0)
        rc = mn_fail_errno(e, MN_E_IO, "cannot write '%s'", c->tmp);
    if (close(fd) != 0 && rc == MN_OK)
        rc = mn_fail_errno(e, MN_E_IO, "cannot write '%s'", c->tmp);
    if (rc == MN_OK && c->mime) rc = put_into_place(j, c, e);
    unlink(c->tmp);
    return rc;
}

void mn_media_job_undo(mn_media_job *j)
{
    char path[PATH_BYTES];
    for (size_t i = 0; i < j->n_made; i++) {
        place_of(j, j->made[i], path, sizeof path);
        unlink(path);
    }
    j->n_made = 0;
}

/* ---- rows ---------------------------------------------------------------------------------------------------------- */

/* A post that an earlier run brought in may have the file already, or be deleted since. */
static mn_rc has_already(mn_store *s, const want *w, const copy *c, bool *ret, mn_err *e)
{
    mn_arena a;
    mn_post p;
    mn_media *list;
    size_t n = 0;
    *ret = false;
    if (!w->existed) return MN_OK;
    mn_arena_init(&a, 0);
    mn_rc rc = mn_store_post(s, w->post_id, &a, &p, e);
    if (rc == MN_E_NOT_FOUND || (rc == MN_OK && p.deleted_ms)) {
        *ret = true;
        rc = MN_OK;
    } else if (rc == MN_OK) {
        rc = mn_store_media_of(s, w->post_id, &a, &list, &n, e);
        for (size_t i = 0; rc == MN_OK && i < n; i++)
            if (!memcmp(list[i].sha256, c->sha, 32)) *ret = true;
    }
    mn_arena_release(&a);
    return rc;
}

static mn_rc add_row(mn_tx *tx, const want *w, const copy *c, mn_err *e)
{
    uint64_t identity[2] = {w->post_id, w->n};
    uint64_t made = mn_snowflake_at(w->created_ms, mn_hash64(identity, sizeof identity, 1));
    mn_media m = {.id = w->id ? w->id : made,
                  .use = w->use,
                  .place = (int)w->n,
                  .created_ms = w->created_ms,
                  .focus_x = w->focus_x,
                  .focus_y = w->focus_y,
                  .post_id = w->post_id,
                  .account_id = w->account_id,
                  .mime = mn_str_from(c->mime),
                  .alt = w->alt,
                  .size_bytes = c->size,
                  .width = w->width,
                  .height = w->height};
    memcpy(m.sha256, c->sha, 32);
    mn_rc rc = mn_store_media_add(tx, &m, e);
    for (int tries = 0; rc == MN_E_EXISTS && tries < 64; tries++) {
        m.id++;
        rc = mn_store_media_add(tx, &m, e);
    }
    if (rc != MN_OK || w->use == MN_MEDIA_POST) return rc;
    return mn_store_account_picture_set(tx, w->account_id, w->use, m.id, e);
}

static mn_rc add_rows(mn_media_job *j, mn_store *s, want *first, const copy *c, mn_err *e)
{
    mn_tx *tx;
    for (want *w = first; w < j->wants + j->n && w->key == first->key; w++) {
        bool already = false;
        w->found = true;
        MN_TRY(has_already(s, w, c, &already, e));
        if (already) continue;
        MN_TRY(mn_store_begin(s, &tx, e));
        mn_rc rc = add_row(tx, w, c, e);
        if (rc != MN_OK) {
            mn_store_rollback(tx);
            return rc;
        }
        MN_TRY(mn_store_commit(tx, e));
        /* A post of an earlier run has it now, and stays if this run is undone. */
        if (w->existed && j->n_made && !memcmp(j->made[j->n_made - 1], c->sha, 32)) j->n_made--;
    }
    return MN_OK;
}

static mn_rc walk(mn_media_job *j, mn_store *s, mn_source *src, mn_import_report *r, mn_err *e)
{
    mn_str name;
    bool more = true;
    for (;;) {
        MN_TRY(mn_source_next(src, &name, &more, e));
        if (!more) return MN_OK;
        size_t slash = name.len;
        while (slash > 0 && name.ptr[slash - 1] != '/') slash--;
        want *w = find_want(j, key_of(name));
        mn_str last = mn_str_sub(name, slash, SIZE_MAX);
        if (!w) w = find_want(j, key_of(last));
        if (!w) w = find_want(j, key_of(mn_str_split(last, '.', &(mn_str){0})));
        if (!w || w->found) continue;
        copy c;
        MN_TRY(keep_entry(j, src, &c, e));
        if (!c.mime) continue;
        MN_TRY(add_rows(j, s, w, &c, e));
        r->media++;
    }
}

mn_rc mn_media_job_run(mn_media_job *j, mn_store *s, mn_source *src, mn_import_report *r,
                       mn_err *e)
{
    uint64_t missing = 0;
    if (!j->n) return MN_OK;
    qsort(j->wants, j->n, sizeof *j->wants, by_key);
    MN_TRY(mn_source_rewind(src, e));
    MN_TRY(walk(j, s, src, r, e));
    for (size_t i = 0; i < j->n; i++) missing += !j->wants[i].found;
    missing += j->over;
    if (missing)
        mn_import_report_warn(
            r,
            "%llu media files that posts name were not kept (not in the archive, "
            "%llu too large, %llu of an unknown kind)",
            (unsigned long long)missing, (unsigned long long)j->too_large,
            (unsigned long long)j->unknown_kind);
    return MN_OK;
}

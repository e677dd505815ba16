/* Pictures of imports: the importer keeps what the archive holds, without opening it. Here each goes the way of an upload, so
 * that its metadata is dropped and it has a preview. Every picture is looked at once: afterwards it has a BlurHash, or failed. */
#include "api/mastodon/media_int.h"
#include "base/clock.h"
#include "base/fs.h"

#define AT_ONCE   16
#define TICK_US   INT64_C(4000000)
#define ROW_BYTES ((size_t)1 << 20)

static mn_rc read_file(mn_api *a, mn_arena *ar, const mn_media *m, mn_buf *b, mn_err *e)
{
    char path[MN_FILES_PATH_MAX];
    const char *dir = mn_media_dir(a, ar);
    if (!dir) return mn_fail(e, MN_E_NOMEM, "no memory for the media folder's path");
    MN_TRY(mn_files_path(dir, m->sha256, path, e));
    return mn_fs_read(path, MN_PICTURE_IN_MAX, b, e);
}

/* What was made replaces what the row says of its file; everything else is as it is by now. */
static mn_rc put_back(mn_api *a, mn_arena *ar, const mn_media *made, mn_err *e)
{
    mn_tx *tx;
    mn_media now;
    MN_TRY(mn_store_begin(a->home->store, &tx, e));
    mn_rc rc = mn_store_medium(a->home->store, made->id, ar, &now, e);
    if (rc == MN_OK) {
        mn_media m = *made;
        m.alt = now.alt;
        m.focus_x = now.focus_x;
        m.focus_y = now.focus_y;
        rc = mn_store_media_update(tx, &m, e);
    }
    if (rc == MN_OK) return mn_store_commit(tx, e);
    mn_store_rollback(tx);
    return rc == MN_E_NOT_FOUND ? MN_OK : rc; /* its post is gone meanwhile */
}

static bool is_hopeless(mn_rc rc)
{
    return rc == MN_E_PARSE || rc == MN_E_LIMIT || rc == MN_E_UNSUPPORTED ||
           rc == MN_E_NOT_FOUND;
}

static mn_rc read_one(mn_api *a, const mn_media *raw, mn_err *e)
{
    mn_arena ar;
    mn_buf b;
    mn_err why = {0};
    mn_media m = *raw;
    mn_arena_init(&ar, ROW_BYTES);
    mn_buf_init(&b, 0);
    mn_rc rc = read_file(a, &ar, raw, &b, &why);
    if (rc == MN_OK) rc = mn_media__picture_row(a, &ar, mn_buf_str(&b), MN_PIC_POST, &m, &why);
    if (is_hopeless(rc)) {
        m = *raw;
        m.state = MN_MEDIA_FAILED;
        rc = MN_OK;
    }
    rc = rc == MN_OK ? put_back(a, &ar, &m, e) : mn_fail(e, rc, "%s", why.msg);
    mn_buf_release(&b);
    mn_arena_release(&ar);
    return rc;
}

mn_rc mn_media_read_imported(mn_api *a, mn_arena *ar, mn_err *e)
{
    int64_t until = mn_mono_us() + TICK_US;
    for (;;) {
        mn_media *list = NULL;
        size_t n = 0;
        MN_TRY(mn_store_media_raw(a->home->store, 0, AT_ONCE, ar, &list, &n, e));
        if (!n) return MN_OK;
        for (size_t i = 0; i < n; i++) {
            if (mn_mono_us() > until) return MN_OK;
            MN_TRY(read_one(a, &list[i], e));
        }
    }
}

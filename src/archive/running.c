/* Which imports are at work, and what becomes of those whose process died.
 *
 * An import at work holds a lock on one byte of DATA/imports.lock: the byte at its own id, so that many may run at once.
 * The kernel takes the lock back with the process, however that ends. A row that says "running" whose byte nobody holds
 * is an import that was killed: it is marked as interrupted, or its removal is gone on with when it was being undone.
 * The lock is taken before the row is committed and the row is looked at again once the lock is ours: a run that ends in
 * between is left as it ended. */
#include "archive/archive_int.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define LOCK_FILE "imports.lock"
#define UNDO_STEP 10000

mn_rc mn_running_open(const char *dir, int *ret_fd, mn_err *e)
{
    mn_arena a;
    *ret_fd = -1;
    if (!dir) return MN_OK;
    mn_arena_init(&a, 0);
    const char *path = mn_fs_join(&a, dir, LOCK_FILE);
    mn_rc rc = path ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory for an import");
    if (rc == MN_OK) *ret_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (rc == MN_OK && *ret_fd < 0) rc = mn_fail_errno(e, MN_E_IO, "cannot write '%s'", path);
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_running_take(int fd, uint64_t import_id, bool *ret_taken, mn_err *e)
{
    struct flock l = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)import_id, .l_len = 1};
    *ret_taken = true;
    if (fd < 0 || fcntl(fd, F_OFD_SETLK, &l) == 0) return MN_OK;
    *ret_taken = false;
    if (errno == EAGAIN || errno == EACCES) return MN_OK;
    return mn_fail_errno(e, MN_E_IO, "cannot lock '" LOCK_FILE "' in the data folder");
}

/* ---- how an import stands ------------------------------------------------------------------------------------------ */

mn_rc mn_running_note(mn_store *s, uint64_t import_id, mn_import_state state, uint64_t created,
                      mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc = mn_store_import_end(tx, import_id, state, created, e);
    if (rc == MN_OK) return mn_store_commit(tx, e);
    mn_store_rollback(tx);
    return rc;
}

/* The first step also notes what is going on, so that it is finished even if this process dies. */
mn_rc mn_running_undo(mn_store *s, uint64_t import_id, mn_err *e)
{
    for (bool left = true; left;) {
        mn_tx *tx;
        MN_TRY(mn_store_begin(s, &tx, e));
        mn_rc rc = mn_store_import_end(tx, import_id, MN_IMPORT_UNDOING, 0, e);
        if (rc == MN_OK) rc = mn_store_import_undo(tx, import_id, UNDO_STEP, &left, e);
        if (rc != MN_OK) {
            mn_store_rollback(tx);
            return rc;
        }
        MN_TRY(mn_store_commit(tx, e));
    }
    return mn_running_note(s, import_id, MN_IMPORT_UNDONE, 0, e);
}

/* ---- after a crash ------------------------------------------------------------------------------------------------- */

static bool at_work(const mn_import *i)
{
    return i->state == MN_IMPORT_RUNNING || i->state == MN_IMPORT_UNDOING;
}

static mn_rc look_again(mn_store *s, mn_arena *a, mn_import *i, mn_err *e)
{
    mn_import *list;
    size_t n;
    MN_TRY(mn_store_imports(s, a, &list, &n, e));
    for (size_t k = 0; k < n; k++)
        if (list[k].id == i->id) *i = list[k];
    return MN_OK;
}

static mn_rc settle_one(mn_store *s, mn_import *i, int fd, mn_arena *a, mn_import_report *r,
                        mn_err *e)
{
    bool dead = false;
    MN_TRY(mn_running_take(fd, i->id, &dead, e));
    if (dead) MN_TRY(look_again(s, a, i, e));
    if (!dead || !at_work(i)) return MN_OK;
    if (i->state == MN_IMPORT_UNDOING) {
        MN_TRY(mn_running_undo(s, i->id, e));
        mn_import_report_warn(r,
                              "an earlier import of '%.*s' had failed; what was left of it has "
                              "been removed now",
                              MN_STR_FMT(i->path));
        return MN_OK;
    }
    MN_TRY(mn_running_note(s, i->id, MN_IMPORT_INTERRUPTED, i->created, e));
    mn_import_report_warn(r,
                          "an earlier import of '%.*s' ended half-way; %llu posts of it are "
                          "here, and importing it again adds the rest",
                          MN_STR_FMT(i->path), (unsigned long long)i->created);
    return MN_OK;
}

mn_rc mn_import_settle(mn_store *s, const char *data_dir, mn_import_report *r, mn_err *e)
{
    mn_arena a;
    mn_import *list;
    size_t n = 0;
    int fd = -1;
    if (!data_dir) return MN_OK;
    mn_arena_init(&a, 0);
    mn_rc rc = mn_store_imports(s, &a, &list, &n, e);
    for (size_t i = 0; rc == MN_OK && i < n; i++) {
        if (!at_work(&list[i])) continue;
        if (fd < 0) rc = mn_running_open(data_dir, &fd, e);
        if (rc == MN_OK) rc = settle_one(s, &list[i], fd, &a, r, e);
    }
    if (fd >= 0) close(fd);
    mn_arena_release(&a);
    return rc;
}

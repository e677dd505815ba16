/* Files by what they hold. A lock file keeps putting and sweeping apart, between processes too: a file that is found to be there
 * is marked as young under the lock, and the sweep looks at the age and removes under it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "media/media.h"

mn_rc mn_files_path(const char *dir, const uint8_t sha256[32], char ret[MN_FILES_PATH_MAX],
                    mn_err *e)
{
    char hex[MN_HEX256];
    mn_hex(sha256, 32, hex);
    int n = snprintf(ret, MN_FILES_PATH_MAX, "%s/%.2s/%s", dir, hex, hex);
    if (n < 0 || n >= MN_FILES_PATH_MAX)
        return mn_fail(e, MN_E_LIMIT, "the media folder's path is too long");
    return MN_OK;
}

static mn_rc lock(const char *dir, int *ret, mn_err *e)
{
    char path[MN_FILES_PATH_MAX];
    snprintf(path, sizeof path, "%s/lock", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return mn_fail_errno(e, MN_E_IO, "cannot open '%s'", path);
    while (flock(fd, LOCK_EX) != 0)
        if (errno != EINTR) {
            mn_fail_errno(e, MN_E_IO, "cannot lock '%s'", path);
            close(fd);
            return MN_E_IO;
        }
    *ret = fd;
    return MN_OK;
}

/* It is there: wanted from now on. */
static bool touch(const char *dir, const char *path, mn_rc *ret_rc, mn_err *e)
{
    int fd;
    if (!mn_fs_exists(path)) return false;
    *ret_rc = lock(dir, &fd, e);
    if (*ret_rc != MN_OK) return true;
    bool there = utimensat(AT_FDCWD, path, NULL, 0) == 0;
    close(fd);
    return there;
}

static mn_rc write_temporary(const char *dir, mn_str bytes, char path[MN_FILES_PATH_MAX],
                             mn_err *e)
{
    snprintf(path, MN_FILES_PATH_MAX, "%s/tmp-XXXXXX", dir);
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) return mn_fail_errno(e, MN_E_IO, "cannot make a file in '%s'", dir);
    mn_rc rc = MN_OK;
    if (!mn_fs_write_all(fd, bytes.ptr, bytes.len) || fsync(fd) != 0)
        rc = mn_fail_errno(e, MN_E_IO, "cannot write '%s'", path);
    if (close(fd) != 0 && rc == MN_OK)
        rc = mn_fail_errno(e, MN_E_IO, "cannot write '%s'", path);
    if (rc != MN_OK) unlink(path);
    return rc;
}

mn_rc mn_files_put(const char *dir, mn_str bytes, uint8_t ret_sha256[32], mn_err *e)
{
    char path[MN_FILES_PATH_MAX], folder[MN_FILES_PATH_MAX], tmp[MN_FILES_PATH_MAX];
    uint8_t sha[32];
    mn_rc rc = MN_OK;
    mn_sha256_of(bytes.ptr, bytes.len, sha);
    MN_TRY(mn_files_path(dir, sha, path, e));
    if (!touch(dir, path, &rc, e)) {
        memcpy(folder, path, sizeof folder);
        *strrchr(folder, '/') = '\0';
        MN_TRY(mn_fs_mkdirs(folder, e));
        MN_TRY(write_temporary(dir, bytes, tmp, e));
        if (rename(tmp, path) != 0) {
            rc = mn_fail_errno(e, MN_E_IO, "cannot make '%s'", path);
            unlink(tmp);
        } else {
            rc = mn_fs_sync_dir(folder, e);
        }
    }
    if (rc == MN_OK) memcpy(ret_sha256, sha, 32);
    return rc;
}

/* ---- sweeping ------------------------------------------------------------------------------------------------------- */

static bool is_old(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
           st.st_mtime < time(NULL) - MN_FILES_GRACE_S;
}

static mn_rc sweep_one(const char *dir, const char *path, const uint8_t sha256[32],
                       mn_files_used_fn *used, void *arg, uint64_t *removed, mn_err *e)
{
    bool wanted = true;
    int fd;
    if (!is_old(path)) return MN_OK;
    MN_TRY(used(arg, sha256, &wanted, e));
    if (wanted) return MN_OK;
    MN_TRY(lock(dir, &fd, e));
    mn_rc rc = MN_OK;
    if (is_old(path) && unlink(path) == 0) ++*removed;
    close(fd);
    return rc;
}

/* tmp-…: of a process that died while it wrote. */
static void sweep_temporaries(const char *dir)
{
    char path[MN_FILES_PATH_MAX];
    DIR *d = opendir(dir);
    if (!d) return;
    for (struct dirent *x; (x = readdir(d)) != NULL;) {
        int n = snprintf(path, sizeof path, "%s/%s", dir, x->d_name);
        if (!strncmp(x->d_name, "tmp-", 4) && n < (int)sizeof path && is_old(path))
            unlink(path);
    }
    closedir(d);
}

mn_rc mn_files_sweep(const char *dir, int folder, mn_files_used_fn *used, void *arg,
                     uint64_t *ret_removed, mn_err *e)
{
    char path[MN_FILES_PATH_MAX];
    uint8_t sha[32];
    uint64_t removed = 0;
    if (folder == 0) sweep_temporaries(dir);
    int len = snprintf(path, sizeof path, "%s/%02x", dir, (unsigned)folder & 0xffu);
    if (len < 0 || (size_t)len + 1 + MN_HEX256 > sizeof path)
        return mn_fail(e, MN_E_LIMIT, "the media folder's path is too long");
    DIR *d = opendir(path);
    if (!d && errno != ENOENT) return mn_fail_errno(e, MN_E_IO, "cannot read '%s'", path);
    mn_rc rc = MN_OK;
    for (struct dirent *x; d && rc == MN_OK && (x = readdir(d)) != NULL;) {
        if (mn_unhex(mn_str_from(x->d_name), sha, 32) != MN_OK) continue;
        snprintf(path + len, sizeof path - (size_t)len, "/%s", x->d_name);
        rc = sweep_one(dir, path, sha, used, arg, &removed, e);
    }
    if (d) closedir(d);
    if (rc == MN_OK) *ret_removed = removed;
    return rc;
}

/* Files: whole reads with a limit, atomic writes, folders, locks, mapping. Paths are UTF-8 bytes. */
#ifndef MN_BASE_FS_H
#define MN_BASE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/str.h"

/* Reads a whole file into *ret (initialised by the caller); MN_E_LIMIT when larger than max_bytes,
 * MN_E_NOT_FOUND when absent. */
mn_rc mn_fs_read(const char *path, size_t max_bytes, mn_buf *ret, mn_err *e);
/* Writes path.tmp, syncs, renames over path and syncs the folder: the old file or the new, never half of one. */
mn_rc mn_fs_write_atomic(const char *path, const void *p, size_t n, mn_err *e);
/* All of it to an open file, however many calls that takes; false: errno says why. */
bool mn_fs_write_all(int fd, const void *p, size_t n);
mn_rc mn_fs_mkdirs(const char *path,
                   mn_err *e); /* like mkdir -p, mode 0700; MN_OK when it is there */
mn_rc mn_fs_remove_tree(const char *path,
                        mn_err *e); /* never follows symbolic links; MN_OK when absent */
bool mn_fs_exists(const char *path);
bool mn_fs_is_dir(const char *path);
mn_rc mn_fs_size(const char *path, uint64_t *ret, mn_err *e);
mn_rc mn_fs_sync_dir(const char *path, mn_err *e);
/* Names in a folder without "." and "..", sorted bytewise, from the arena. *ret_names is NULL-terminated. */
mn_rc mn_fs_list(const char *path, mn_arena *a, char ***ret_names, size_t *ret_n, mn_err *e);
/* "dir/name" from the arena; NULL when out of memory. */
char *mn_fs_join(mn_arena *a, const char *dir, const char *name);
const char *mn_fs_base(const char *path); /* after the last '/' */

/* An exclusive advisory lock on a file (made if needed, holds the pid). MN_E_BUSY says who holds it. */
typedef struct mn_fs_lock {
    int fd;
} mn_fs_lock;
mn_rc mn_fs_lock_take(const char *path, mn_fs_lock *ret, mn_err *e);
void mn_fs_lock_release(mn_fs_lock *l);

/* A file mapped read-only. An empty file gives ptr = "" and len = 0. */
typedef struct mn_fs_map {
    const uint8_t *ptr;
    size_t len;
} mn_fs_map;
mn_rc mn_fs_map_open(const char *path, mn_fs_map *ret, mn_err *e);
/* After everything was read once and will be used here and there: what was read no longer counts as the process's memory.
 * It stays mapped, and is read again when it is used. */
void mn_fs_map_rest(const mn_fs_map *m);
void mn_fs_map_close(mn_fs_map *m);

#endif

/* Files: see fs.h. Every descriptor is close-on-exec; trees are removed through descriptors, so that a folder swapped
 * for a symbolic link meanwhile leads nowhere. */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TREE_DEPTH_MAX = 200 };

static mn_rc rc_of_errno(void)
{
    return errno == ENOENT ? MN_E_NOT_FOUND : errno == ENOMEM ? MN_E_NOMEM : MN_E_IO;
}

/* ---- reading and writing ------------------------------------------------------------------------------------- */

/* Bytes that can be read straight into b, after making room for some more when there is none; 0 when b is at its
 * maximum. */
static mn_rc room_in(mn_buf *b, size_t some, size_t *ret)
{
    size_t most = b->max ? b->max - b->len : SIZE_MAX / 2;
    size_t room = b->cap > b->len ? b->cap - b->len - 1 : 0;
    if (some > most) some = most;
    if (room == 0 && some) {
        MN_TRY(mn_buf_reserve(b, some));
        room = b->cap - b->len - 1;
    }
    *ret = room < most ? room : most;
    return b->failed;
}

static mn_rc read_all(int fd, const char *path, size_t max_bytes, mn_buf *ret, mn_err *e)
{
    struct stat st;
    size_t read_bytes = 0, room;
    char beyond;
    if (fstat(fd, &st) != 0) return mn_fail_errno(e, MN_E_IO, "cannot read '%s'", path);
    if (S_ISDIR(st.st_mode)) return mn_fail(e, MN_E_IO, "'%s' is a folder, not a file", path);
    /* one more than there should be, so that the end is seen without growing again */
    size_t some =
        st.st_size > 0 && (uint64_t)st.st_size <= max_bytes ? (size_t)st.st_size + 1 : 65536;
    for (;; some = 65536) {
        if (room_in(ret, some, &room) != MN_OK)
            return mn_fail(e, ret->failed, "cannot hold '%s' in memory", path);
        ssize_t n = read(fd, room ? ret->ptr + ret->len : &beyond, room ? room : 1);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return mn_fail_errno(e, MN_E_IO, "cannot read '%s'", path);
        if (n == 0) return MN_OK;
        read_bytes += (size_t)n;
        if (read_bytes > max_bytes)
            return mn_fail(e, MN_E_LIMIT, "'%s' is larger than %zu bytes", path, max_bytes);
        if (!room)
            return mn_fail(e, mn_buf_addc(ret, beyond), "'%s' is larger than its buffer may be",
                           path);
        ret->len += (size_t)n;
        ret->ptr[ret->len] = '\0';
    }
}

mn_rc mn_fs_read(const char *path, size_t max_bytes, mn_buf *ret, mn_err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return mn_fail_errno(e, rc_of_errno(), "cannot open '%s'", path);
    size_t before = ret->len;
    mn_rc rc = read_all(fd, path, max_bytes, ret, e);
    if (rc != MN_OK && ret->cap) {
        ret->len = before;
        ret->ptr[before] = '\0';
    }
    close(fd);
    return rc;
}

bool mn_fs_write_all(int fd, const void *bytes, size_t n)
{
    const char *p = bytes;
    while (n) {
        ssize_t done = write(fd, p, n < (1u << 30) ? n : 1u << 30);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

/* Syncs the folder that path is in. */
static mn_rc sync_parent(const char *path, mn_err *e)
{
    size_t n = (size_t)(mn_fs_base(path) - path);
    if (n == 0) return mn_fs_sync_dir(".", e);
    char *dir = mn_strndup(path, n);
    if (!dir) return mn_fail(e, MN_E_NOMEM, "out of memory for a path");
    mn_rc rc = mn_fs_sync_dir(dir, e);
    mn_free(dir);
    return rc;
}

static mn_rc write_tmp(const char *tmp, const char *path, const void *p, size_t n, mn_err *e)
{
    struct stat old;
    bool had = stat(path, &old) == 0;
    int fd =
        open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, had ? old.st_mode & 0777 : 0644);
    if (fd < 0) return mn_fail_errno(e, MN_E_IO, "cannot write '%s'", tmp);
    mn_rc rc = MN_OK;
    if (had && fchmod(fd, old.st_mode & 0777) != 0)
        rc = mn_fail_errno(e, MN_E_IO, "cannot keep the mode of '%s'", path);
    else if (!mn_fs_write_all(fd, p, n) || fsync(fd) != 0)
        rc = mn_fail_errno(e, MN_E_IO, "cannot write '%s'", tmp);
    if (close(fd) != 0 && rc == MN_OK) rc = mn_fail_errno(e, MN_E_IO, "cannot write '%s'", tmp);
    return rc;
}

mn_rc mn_fs_write_atomic(const char *path, const void *p, size_t n, mn_err *e)
{
    size_t len = strlen(path);
    char *tmp = mn_alloc(len + 5);
    if (!tmp) return mn_fail(e, MN_E_NOMEM, "out of memory for a path");
    memcpy(tmp, path, len);
    memcpy(tmp + len, ".tmp", 5);
    mn_rc rc = write_tmp(tmp, path, p, n, e);
    if (rc == MN_OK && rename(tmp, path) != 0)
        rc = mn_fail_errno(e, MN_E_IO, "cannot put '%s' in place", path);
    if (rc != MN_OK) unlink(tmp);
    else rc = sync_parent(path, e);
    mn_free(tmp);
    return rc;
}

/* ---- folders ------------------------------------------------------------------------------------------------- */

static mn_rc make_one(const char *path, mn_err *e)
{
    if (mkdir(path, 0700) == 0) return MN_OK;
    if (errno == EEXIST && mn_fs_is_dir(path)) return MN_OK;
    if (errno == EEXIST) return mn_fail(e, MN_E_IO, "'%s' is there, but not a folder", path);
    return mn_fail_errno(e, MN_E_IO, "cannot make the folder '%s'", path);
}

mn_rc mn_fs_mkdirs(const char *path, mn_err *e)
{
    if (mn_fs_is_dir(path)) return MN_OK;
    char *p = mn_strdup(path);
    if (!p) return mn_fail(e, MN_E_NOMEM, "out of memory for a path");
    mn_rc rc = MN_OK;
    for (char *slash = strchr(p + (*p == '/'), '/'); slash && rc == MN_OK;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (!mn_fs_is_dir(p)) rc = make_one(p, e);
        *slash = '/';
    }
    if (rc == MN_OK) rc = make_one(p, e);
    mn_free(p);
    return rc;
}

static mn_rc remove_at(int at, const char *name, const char *path, int depth, mn_err *e);

/* Everything in the folder fd, which is closed. */
static mn_rc remove_inside(int fd, const char *path, int depth, mn_err *e)
{
    DIR *d = fdopendir(fd);
    if (!d) {
        mn_rc rc = mn_fail_errno(e, MN_E_IO, "cannot remove '%s'", path);
        close(fd);
        return rc;
    }
    mn_rc rc = MN_OK;
    for (struct dirent *entry; rc == MN_OK && (entry = readdir(d));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        rc = remove_at(dirfd(d), entry->d_name, path, depth + 1, e);
    }
    closedir(d);
    return rc;
}

static mn_rc remove_at(int at, const char *name, const char *path, int depth, mn_err *e)
{
    if (depth > TREE_DEPTH_MAX)
        return mn_fail(e, MN_E_LIMIT, "'%s' is nested more than %d deep", path, TREE_DEPTH_MAX);
    if (unlinkat(at, name, 0) == 0 || errno == ENOENT) return MN_OK;
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return mn_fail_errno(e, MN_E_IO, "cannot remove '%s' in '%s'", name, path);
    MN_TRY(remove_inside(fd, path, depth, e));
    if (unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return MN_OK;
    return mn_fail_errno(e, MN_E_IO, "cannot remove '%s' in '%s'", name, path);
}

mn_rc mn_fs_remove_tree(const char *path, mn_err *e)
{
    return remove_at(AT_FDCWD, path, path, 0, e);
}

bool mn_fs_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

bool mn_fs_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

mn_rc mn_fs_size(const char *path, uint64_t *ret, mn_err *e)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return mn_fail_errno(e, rc_of_errno(), "cannot look at '%s'", path);
    *ret = (uint64_t)st.st_size;
    return MN_OK;
}

mn_rc mn_fs_sync_dir(const char *path, mn_err *e)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return mn_fail_errno(e, rc_of_errno(), "cannot open the folder '%s'", path);
    mn_rc rc = MN_OK;
    if (fsync(fd) != 0 && errno != EINVAL) /* some file systems cannot sync a folder */
        rc = mn_fail_errno(e, MN_E_IO, "cannot sync the folder '%s'", path);
    close(fd);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names as one growing array off the arena, so that the arena holds only the final one. */
static mn_rc list_into(DIR *d, mn_arena *a, char ***names, size_t *n)
{
    size_t cap = 0;
    for (struct dirent *entry; (entry = readdir(d));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (*n == cap) {
            cap = cap ? cap * 2 : 64;
            char **more = mn_reallocarray(*names, cap, sizeof **names);
            if (!more) return MN_E_NOMEM;
            *names = more;
        }
        char *name = mn_arena_strndup(a, entry->d_name, strlen(entry->d_name));
        if (!name) return MN_E_NOMEM;
        (*names)[(*n)++] = name;
    }
    return MN_OK;
}

mn_rc mn_fs_list(const char *path, mn_arena *a, char ***ret_names, size_t *ret_n, mn_err *e)
{
    DIR *d = opendir(path);
    if (!d) return mn_fail_errno(e, rc_of_errno(), "cannot list '%s'", path);
    char **names = NULL, **out = NULL;
    size_t n = 0;
    mn_rc rc = list_into(d, a, &names, &n);
    if (rc == MN_OK && !(out = mn_arena_alloc(a, (n + 1) * sizeof *out))) rc = MN_E_NOMEM;
    if (rc == MN_OK) {
        if (n) {
            qsort(names, n, sizeof *names, by_name);
            memcpy(out, names, n * sizeof *out);
        }
        out[n] = NULL;
        *ret_names = out;
        *ret_n = n;
    } else {
        mn_fail(e, rc, "out of memory listing '%s'", path);
    }
    mn_free(names);
    closedir(d);
    return rc;
}

char *mn_fs_join(mn_arena *a, const char *dir, const char *name)
{
    size_t n = strlen(dir), m = strlen(name);
    bool slash = n && dir[n - 1] != '/';
    char *p = mn_arena_alloc(a, n + slash + m + 1);
    if (!p) return NULL;
    memcpy(p, dir, n);
    if (slash) p[n] = '/';
    memcpy(p + n + slash, name, m + 1);
    return p;
}

const char *mn_fs_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- locks and maps ------------------------------------------------------------------------------------------ */

static mn_rc busy(int fd, const char *path, mn_err *e)
{
    char holder[32];
    ssize_t n = pread(fd, holder, sizeof holder, 0);
    mn_str pid = mn_str_trim((mn_str){holder, n > 0 ? (size_t)n : 0});
    uint64_t number;
    if (mn_str_to_u64(pid, &number) == MN_OK)
        return mn_fail(e, MN_E_BUSY, "'%s' is held by process %.*s", path, MN_STR_FMT(pid));
    return mn_fail(e, MN_E_BUSY, "'%s' is held by another process", path);
}

mn_rc mn_fs_lock_take(const char *path, mn_fs_lock *ret, mn_err *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return mn_fail_errno(e, MN_E_IO, "cannot open the lock '%s'", path);
    mn_rc rc = MN_OK;
    char pid[32];
    int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        rc = errno == EWOULDBLOCK ? busy(fd, path, e)
                                  : mn_fail_errno(e, MN_E_IO, "cannot lock '%s'", path);
        goto out;
    }
    /* The pid is only for people: a full disk does not keep anybody from locking. */
    if (ftruncate(fd, 0) != 0 || (pwrite(fd, pid, (size_t)n, 0) != n && errno != ENOSPC)) {
        rc = mn_fail_errno(e, MN_E_IO, "cannot write the lock '%s'", path);
        goto out;
    }
    ret->fd = fd;
    return MN_OK;
out:
    close(fd);
    return rc;
}

void mn_fs_lock_release(mn_fs_lock *l)
{
    if (l->fd < 0) return;
    if (ftruncate(l->fd, 0) != 0) {
    } /* the pid is only for people; the lock goes with the descriptor */
    close(l->fd);
    l->fd = -1;
}

mn_rc mn_fs_map_open(const char *path, mn_fs_map *ret, mn_err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return mn_fail_errno(e, rc_of_errno(), "cannot open '%s'", path);
    mn_rc rc = MN_OK;
    struct stat st;
    if (fstat(fd, &st) != 0) {
        rc = mn_fail_errno(e, MN_E_IO, "cannot look at '%s'", path);
    } else if (!S_ISREG(st.st_mode)) {
        rc = mn_fail(e, MN_E_IO, "'%s' is not an ordinary file", path);
    } else if (st.st_size == 0) {
        *ret = (mn_fs_map){(const uint8_t *)"", 0};
    } else {
        void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED) rc = mn_fail_errno(e, MN_E_IO, "cannot map '%s'", path);
        else *ret = (mn_fs_map){p, (size_t)st.st_size};
    }
    close(fd);
    return rc;
}

void mn_fs_map_rest(const mn_fs_map *m)
{
    if (m->len) madvise((void *)(uintptr_t)m->ptr, m->len, MADV_DONTNEED);
}

void mn_fs_map_close(mn_fs_map *m)
{
    if (m->len) munmap((void *)(uintptr_t)m->ptr, m->len);
    *m = (mn_fs_map){(const uint8_t *)"", 0};
}

/* Walking folders, archives and single files; see source.h for what is refused.
 *
 * Three kinds behind one switch: a plain descriptor, a stack of open folders, a libarchive reader. libarchive gives
 * names and bytes and is trusted with neither: every name is checked here, every byte is counted here. The ratio of an
 * entry is measured against the packed bytes that libarchive has taken from the file since the entry began, which holds
 * for zip (packed by entry) and tar.gz (packed as a whole) alike.
 *
 * libarchive turns names into the locale's character set, and drops those that do not fit; so it is called under a
 * thread locale of C.UTF-8, whatever the program's own is.
 */
#include "archive/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/libarchive.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"
#include "sonames.h"

MN_LATE_LIBRARY(mn_libarchive, MN_LIBARCHIVE, MN_SONAME_ARCHIVE, "libarchive")

#define NAME_MAX_BYTES  1024
#define DEPTH_MAX       32
#define READ_BLOCK      ((size_t)64 << 10)
#define NAMES_MAX_BYTES ((size_t)64 << 20) /* of one folder's names */

const mn_source_limits mn_source_usual_limits = {
    .entries = 200000,
    .total_bytes = UINT64_C(64) << 30,
    .ratio = 200,
    .ratio_free_bytes = UINT64_C(16) << 20,
};

/* One open folder on the way down. */
typedef struct frame {
    int fd;
    char **names; /* on the frame's arena, sorted */
    size_t n, at;
    size_t path_len; /* of the path up to here, with its '/' */
    mn_arena arena;
} frame;

struct mn_source {
    mn_source_kind kind;
    mn_source_limits limits;
    char *path;
    char name[NAME_MAX_BYTES + 1];
    bool given; /* a single file: its entry was handed out */
    int fd;     /* single file, or the current file of a folder */
    struct archive *ar;
    locale_t utf8;
    frame stack[DEPTH_MAX];
    int depth;
    uint64_t file_bytes; /* size of the file or archive; of a folder, of all files in it */
    uint64_t behind, size,
        in_file;        /* folder: bytes of files before this one, its own, those read of it */
    uint64_t n_entries; /* so far */
    uint64_t total, done; /* unpacked bytes so far; of them read by the caller (folder, file) */
    uint64_t entry_bytes; /* of the current entry */
    uint64_t entry_start; /* packed position where it began */
    uint64_t passed_over;
    uint64_t *seen; /* open addressing, 0 empty: hashes of the names of an archive */
    size_t seen_cap;
};

/* ---- names --------------------------------------------------------------------------------------------------------- */

static mn_rc unsafe(const mn_source *s, mn_str name, const char *why, mn_err *e)
{
    return mn_fail(e, MN_E_PARSE, "'%s' holds the entry '%.*s', %s; nothing was taken from it",
                   s->path, (int)(name.len < 100 ? name.len : 100), name.ptr, why);
}

static const char *name_fault(mn_str name)
{
    size_t depth = 0;
    mn_str rest = name;
    if (!name.len) return "which has no name";
    if (name.len > NAME_MAX_BYTES) return "whose name is too long";
    if (name.ptr[0] == '/') return "which has an absolute name";
    if (!mn_utf8_valid(name)) return "whose name is not UTF-8";
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.ptr[i] < ' ' || name.ptr[i] == '\\' || name.ptr[i] == 0x7f)
            return "whose name has a control byte or a backslash";
    while (rest.ptr) {
        mn_str part = mn_str_split(rest, '/', &rest);
        if (!part.len || mn_str_eqz(part, ".") || mn_str_eqz(part, ".."))
            return "whose name leads out of its folder or has an empty part";
        if (++depth > DEPTH_MAX) return "which lies too deep";
    }
    if (name.len >= 2 && name.ptr[1] == ':') return "which has an absolute name";
    return NULL;
}

static bool seen_put(uint64_t *set, size_t cap, uint64_t h)
{
    size_t i = h & (cap - 1);
    while (set[i] && set[i] != h) i = (i + 1) & (cap - 1);
    if (set[i] == h) return false;
    set[i] = h;
    return true;
}

/* Notes the name; *ret_new is false when it was there. */
static mn_rc seen_add(mn_source *s, mn_str name, bool *ret_new, mn_err *e)
{
    uint64_t h = mn_hash64(name.ptr, name.len, 0);
    if (s->n_entries * 2 >= s->seen_cap) {
        size_t cap = s->seen_cap ? s->seen_cap * 2 : 1024;
        uint64_t *bigger = mn_calloc(cap, sizeof *bigger);
        if (!bigger) return mn_fail(e, MN_E_NOMEM, "no memory for the names in '%s'", s->path);
        for (size_t i = 0; i < s->seen_cap; i++)
            if (s->seen[i]) seen_put(bigger, cap, s->seen[i]);
        mn_free(s->seen);
        s->seen = bigger;
        s->seen_cap = cap;
    }
    *ret_new = seen_put(s->seen, s->seen_cap, h ? h : 1);
    return MN_OK;
}

static mn_rc count_entry(mn_source *s, mn_err *e)
{
    if (++s->n_entries > s->limits.entries)
        return mn_fail(e, MN_E_LIMIT, "'%s' holds more than %llu files", s->path,
                       (unsigned long long)s->limits.entries);
    s->entry_bytes = 0;
    return MN_OK;
}

static mn_rc count_bytes(mn_source *s, size_t n, mn_err *e)
{
    s->entry_bytes += n;
    s->total += n;
    if (s->total > s->limits.total_bytes)
        return mn_fail(e, MN_E_LIMIT, "'%s' unpacks to more than %llu bytes", s->path,
                       (unsigned long long)s->limits.total_bytes);
    if (!s->ar || s->entry_bytes <= s->limits.ratio_free_bytes) return MN_OK;
    la_int64_t at = archive_filter_bytes(s->ar, -1);
    uint64_t packed =
        at > 0 && (uint64_t)at > s->entry_start ? (uint64_t)at - s->entry_start : 1;
    if ((s->entry_bytes - s->limits.ratio_free_bytes) / s->limits.ratio > packed)
        return mn_fail(e, MN_E_LIMIT,
                       "'%s' holds '%s', which unpacks to more than %llu times its size",
                       s->path, s->name, (unsigned long long)s->limits.ratio);
    return MN_OK;
}

/* ---- folders ------------------------------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void leave_frame(mn_source *s)
{
    frame *f = &s->stack[--s->depth];
    close(f->fd);
    mn_arena_release(&f->arena);
}

typedef struct name_list {
    char **items;
    size_t n, cap;
} name_list;

static bool name_list_add(name_list *l, char *name)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        char **bigger = mn_reallocarray(l->items, cap, sizeof *bigger);
        if (!bigger) return false;
        l->items = bigger;
        l->cap = cap;
    }
    l->items[l->n++] = name;
    return true;
}

static mn_rc read_names(mn_source *s, DIR *d, frame *f, name_list *l, mn_err *e)
{
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(d);
        if (!entry && errno)
            return mn_fail_errno(e, MN_E_IO, "cannot read folder '%s'", s->path);
        if (!entry) return MN_OK;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        char *name = mn_arena_strndup(&f->arena, entry->d_name, strlen(entry->d_name));
        if (!name || !name_list_add(l, name))
            return mn_fail(e, MN_E_LIMIT, "folder '%s' holds too many names", s->path);
    }
}

/* Takes fd. */
static mn_rc enter_folder(mn_source *s, int fd, size_t path_len, mn_err *e)
{
    int copy = dup(fd);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    if (!d) {
        mn_rc rc = mn_fail_errno(e, MN_E_IO, "cannot read folder '%s'", s->path);
        if (copy >= 0) close(copy);
        close(fd);
        return rc;
    }
    frame *f = &s->stack[s->depth++];
    name_list l = {0};
    *f = (frame){.fd = fd, .path_len = path_len};
    mn_arena_init(&f->arena, NAMES_MAX_BYTES);
    rewinddir(d);
    mn_rc rc = read_names(s, d, f, &l, e);
    closedir(d);
    if (rc == MN_OK && l.n) {
        qsort(l.items, l.n, sizeof *l.items, compare_names);
        f->names = mn_arena_alloc(&f->arena, l.n * sizeof *f->names);
        if (f->names) memcpy(f->names, l.items, l.n * sizeof *f->names);
        else rc = mn_fail(e, MN_E_NOMEM, "no memory for the names in '%s'", s->path);
        f->n = l.n;
    }
    mn_free(l.items);
    if (rc != MN_OK) leave_frame(s);
    return rc;
}

static mn_rc start_folder(mn_source *s, mn_err *e)
{
    int fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return mn_fail_errno(e, MN_E_IO, "cannot open folder '%s'", s->path);
    return enter_folder(s, fd, 0, e);
}

/* Puts the top frame's next name behind its path in s->name. */
static mn_rc folder_name(mn_source *s, frame *f, mn_err *e)
{
    const char *last = f->names[f->at++];
    size_t n = strlen(last);
    mn_str whole = {last, n};
    if (f->path_len + n > NAME_MAX_BYTES) return unsafe(s, whole, "whose path is too long", e);
    memcpy(s->name + f->path_len, last, n + 1);
    const char *fault = name_fault((mn_str){s->name, f->path_len + n});
    return fault ? unsafe(s, mn_str_from(s->name), fault, e) : MN_OK;
}

static mn_rc folder_next(mn_source *s, bool *ret_more, mn_err *e)
{
    while (s->depth) {
        frame *f = &s->stack[s->depth - 1];
        struct stat st;
        if (f->at == f->n) {
            leave_frame(s);
            continue;
        }
        MN_TRY(folder_name(s, f, e));
        int fd = openat(f->fd, s->name + f->path_len,
                        O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 && (errno == ELOOP || errno == ENXIO)) { /* a link, a socket */
            s->passed_over++;
            continue;
        }
        if (fd < 0) return mn_fail_errno(e, MN_E_IO, "cannot open '%s/%s'", s->path, s->name);
        if (fstat(fd, &st) != 0) {
            mn_rc rc = mn_fail_errno(e, MN_E_IO, "cannot read '%s/%s'", s->path, s->name);
            close(fd);
            return rc;
        }
        if (S_ISDIR(st.st_mode)) {
            size_t n = strlen(s->name);
            if (s->depth == DEPTH_MAX || n == NAME_MAX_BYTES) {
                close(fd);
                return unsafe(s, mn_str_from(s->name), "which lies too deep", e);
            }
            s->name[n] = '/';
            MN_TRY(enter_folder(s, fd, n + 1, e));
        } else if (!S_ISREG(st.st_mode)) {
            close(fd);
            s->passed_over++;
        } else {
            s->fd = fd;
            s->behind += s->size;
            s->size = (uint64_t)st.st_size;
            s->in_file = 0;
            *ret_more = true;
            return count_entry(s, e);
        }
    }
    *ret_more = false;
    return MN_OK;
}

/* ---- archives ------------------------------------------------------------------------------------------------------ */

static mn_rc archive_fault(mn_source *s, const char *what, mn_err *e)
{
    const char *why = archive_error_string(s->ar);
    int no = archive_errno(s->ar);
    return mn_fail(e,
                   no == ENOMEM ? MN_E_NOMEM
                   : no == EIO  ? MN_E_IO
                                : MN_E_PARSE,
                   "%s '%s': it is damaged or cut short (%s); get it again", what, s->path,
                   why ? why : "no archive");
}

static mn_rc start_archive(mn_source *s, mn_err *e)
{
    MN_TRY(mn_libarchive_open(e));
    s->ar = archive_read_new();
    if (!s->ar) return mn_fail(e, MN_E_NOMEM, "no memory to read '%s'", s->path);
    archive_read_support_filter_gzip(s->ar);
    archive_read_support_format_zip(s->ar);
    archive_read_support_format_tar(s->ar);
    locale_t before = uselocale(s->utf8);
    int rc = archive_read_open_filename(s->ar, s->path, READ_BLOCK);
    uselocale(before);
    return rc == ARCHIVE_OK ? MN_OK : archive_fault(s, "cannot open", e);
}

/* The name of an entry, checked, in s->name; without the "./" that tar puts in front. */
static mn_rc entry_name(mn_source *s, struct archive_entry *entry, mn_err *e)
{
    const char *raw = archive_entry_pathname_utf8(entry);
    if (!raw) raw = archive_entry_pathname(entry);
    if (!raw) return unsafe(s, MN_STR("?"), "whose name is not UTF-8", e);
    while (raw[0] == '.' && raw[1] == '/') raw += 2;
    mn_str name = mn_str_from(raw);
    const char *fault = name_fault(name);
    if (fault) return unsafe(s, name, fault, e);
    memcpy(s->name, raw, name.len + 1);
    return MN_OK;
}

static mn_rc check_entry(mn_source *s, struct archive_entry *entry, mn_err *e)
{
    mode_t type = archive_entry_filetype(entry);
    MN_TRY(entry_name(s, entry, e));
    mn_str name = mn_str_from(s->name);
    if (archive_entry_hardlink(entry) || archive_entry_symlink(entry) || type == AE_IFLNK)
        return unsafe(s, name, "which is a link", e);
    if (type != AE_IFREG && type != 0) return unsafe(s, name, "which is not a plain file", e);
    if (archive_entry_is_encrypted(entry))
        return mn_fail(e, MN_E_UNSUPPORTED, "'%s' is encrypted; unpack it first", s->path);
    bool fresh = true;
    MN_TRY(count_entry(s, e));
    MN_TRY(seen_add(s, name, &fresh, e));
    return fresh ? MN_OK : unsafe(s, name, "which is there twice", e);
}

static bool is_folder_entry(struct archive_entry *entry)
{
    const char *raw = archive_entry_pathname(entry);
    size_t n = raw ? strlen(raw) : 0;
    return archive_entry_filetype(entry) == AE_IFDIR || (n && raw[n - 1] == '/');
}

/* Folders make no entry, but their names are checked like others. */
static mn_rc check_folder_entry(mn_source *s, struct archive_entry *entry, mn_err *e)
{
    const char *raw = archive_entry_pathname(entry);
    mn_str name = mn_str_from(raw ? raw : "");
    while (mn_str_starts(name, "./")) name = mn_str_sub(name, 2, SIZE_MAX);
    if (name.len > 1 && name.ptr[name.len - 1] == '/') name.len--;
    if (!name.len || mn_str_eqz(name, ".")) return MN_OK; /* tar's own top */
    const char *fault = name_fault(name);
    return fault ? unsafe(s, name, fault, e) : MN_OK;
}

/* Passing over an entry of a packed tar unpacks it all the same: done here, where bytes are counted. */
static mn_rc drain(mn_source *s, mn_err *e)
{
    char block[8192];
    la_ssize_t got = 1;
    if (!s->n_entries || archive_filter_count(s->ar) < 2 ||
        (archive_format(s->ar) & ARCHIVE_FORMAT_BASE_MASK) != ARCHIVE_FORMAT_TAR)
        return MN_OK;
    while (got > 0) {
        got = archive_read_data(s->ar, block, sizeof block);
        if (got < 0) return archive_fault(s, "cannot unpack", e);
        MN_TRY(count_bytes(s, (size_t)got, e));
    }
    return MN_OK;
}

static mn_rc archive_next(mn_source *s, bool *ret_more, mn_err *e)
{
    MN_TRY(drain(s, e));
    for (uint64_t folders = 0;; folders++) {
        struct archive_entry *entry;
        la_int64_t at = archive_filter_bytes(s->ar, -1);
        int rc = archive_read_next_header(s->ar, &entry);
        if (rc == ARCHIVE_EOF) {
            *ret_more = false;
            return MN_OK;
        }
        if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN) return archive_fault(s, "cannot read", e);
        s->entry_start = at > 0 ? (uint64_t)at : 0;
        if (!is_folder_entry(entry)) {
            *ret_more = true;
            return check_entry(s, entry, e);
        }
        MN_TRY(check_folder_entry(s, entry, e));
        if (folders > s->limits.entries)
            return mn_fail(e, MN_E_LIMIT, "'%s' holds more than %llu folders", s->path,
                           (unsigned long long)s->limits.entries);
    }
}

/* ---- the three kinds as one ---------------------------------------------------------------------------------------- */

/* Zip and gzip by their first bytes, tar by its mark or the file's name. */
static bool looks_packed(int fd, const char *path)
{
    unsigned char head[512] = {0};
    ssize_t n = pread(fd, head, sizeof head, 0);
    mn_str name = mn_str_from(path);
    if (n >= 4 && !memcmp(head, "PK", 2) && (head[2] == 3 || head[2] == 5 || head[2] == 7))
        return true;
    if (n >= 3 && head[0] == 0x1f && head[1] == 0x8b) return true;
    if (n == (ssize_t)sizeof head && !memcmp(head + 257, "ustar", 5)) return true;
    return mn_str_ends(name, ".tar") || mn_str_ends(name, ".zip") ||
           mn_str_ends(name, ".tgz") || mn_str_ends(name, ".tar.gz");
}

static mn_rc start(mn_source *s, mn_err *e)
{
    if (s->kind == MN_SOURCE_FOLDER) return start_folder(s, e);
    if (s->kind == MN_SOURCE_ARCHIVE) {
        locale_t before = uselocale(s->utf8);
        mn_rc rc = start_archive(s, e);
        uselocale(before);
        return rc;
    }
    s->fd = open(s->path, O_RDONLY | O_CLOEXEC);
    return s->fd < 0 ? mn_fail_errno(e, MN_E_IO, "cannot open '%s'", s->path) : MN_OK;
}

static void stop(mn_source *s)
{
    while (s->depth) leave_frame(s);
    if (s->fd >= 0) close(s->fd);
    s->fd = -1;
    if (s->ar) archive_read_free(s->ar);
    s->ar = NULL;
    mn_free(s->seen);
    s->seen = NULL;
    s->seen_cap = 0;
    s->given = false;
    s->behind = s->size = s->in_file = 0;
    s->n_entries = s->total = s->done = s->entry_bytes = s->entry_start = s->passed_over = 0;
}

/* Of all files below, for progress: a folder that cannot be walked gives what was seen of it. */
static uint64_t folder_bytes(const char *path)
{
    union {
        const char *in;
        char *out;
    } top = {.in = path}; /* fts_open's parameter lacks a const */
    char *const paths[] = {top.out, NULL};
    uint64_t sum = 0;
    FTSENT *entry;
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (!walk) return 0;
    while ((entry = fts_read(walk)))
        if (entry->fts_info == FTS_F && S_ISREG(entry->fts_statp->st_mode))
            sum += (uint64_t)entry->fts_statp->st_size;
    fts_close(walk);
    return sum;
}

static mn_rc kind_of_path(mn_source *s, mn_err *e)
{
    struct stat st;
    int fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return mn_fail_errno(e, errno == ENOENT ? MN_E_NOT_FOUND : MN_E_IO, "cannot open '%s'",
                             s->path);
    mn_rc rc = MN_OK;
    if (fstat(fd, &st) != 0) {
        rc = mn_fail_errno(e, MN_E_IO, "cannot read '%s'", s->path);
    } else if (S_ISDIR(st.st_mode)) {
        s->kind = MN_SOURCE_FOLDER;
        s->file_bytes = folder_bytes(s->path);
    } else if (S_ISREG(st.st_mode)) {
        s->kind = looks_packed(fd, s->path) ? MN_SOURCE_ARCHIVE : MN_SOURCE_FILE;
        s->file_bytes = (uint64_t)st.st_size;
    } else {
        rc = mn_fail(e, MN_E_UNSUPPORTED, "'%s' is neither a file nor a folder", s->path);
    }
    close(fd);
    return rc;
}

mn_rc mn_source_open(const char *path, const mn_source_limits *limits, mn_source **ret,
                     mn_err *e)
{
    mn_source *s = mn_calloc(1, sizeof *s);
    if (!s) return mn_fail(e, MN_E_NOMEM, "no memory to open '%s'", path);
    s->fd = -1;
    s->limits = limits ? *limits : mn_source_usual_limits;
    s->path = mn_strdup(path);
    mn_rc rc = s->path ? kind_of_path(s, e) : mn_fail(e, MN_E_NOMEM, "no memory");
    if (rc == MN_OK && s->kind == MN_SOURCE_ARCHIVE) {
        s->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
        if (!s->utf8) rc = mn_fail(e, MN_E_IO, "this system has no locale C.UTF-8");
    }
    if (rc == MN_OK) rc = start(s, e);
    if (rc != MN_OK) {
        mn_source_close(s);
        return rc;
    }
    *ret = s;
    return MN_OK;
}

void mn_source_close(mn_source *s)
{
    if (!s) return;
    stop(s);
    if (s->utf8) freelocale(s->utf8);
    mn_free(s->path);
    mn_free(s);
}

mn_source_kind mn_source_kind_of(const mn_source *s)
{
    return s->kind;
}

static mn_rc file_next(mn_source *s, bool *ret_more, mn_err *e)
{
    *ret_more = !s->given;
    if (s->given) return MN_OK;
    s->given = true;
    snprintf(s->name, sizeof s->name, "%s", mn_fs_base(s->path));
    return count_entry(s, e);
}

mn_rc mn_source_next(mn_source *s, mn_str *ret_name, bool *ret_more, mn_err *e)
{
    mn_rc rc;
    if (s->kind == MN_SOURCE_FILE) {
        rc = file_next(s, ret_more, e);
    } else if (s->kind == MN_SOURCE_FOLDER) {
        if (s->fd >= 0) close(s->fd);
        s->fd = -1;
        rc = folder_next(s, ret_more, e);
    } else {
        locale_t before = uselocale(s->utf8);
        rc = archive_next(s, ret_more, e);
        uselocale(before);
    }
    if (rc == MN_OK) *ret_name = *ret_more ? mn_str_from(s->name) : MN_STR_NONE;
    return rc;
}

mn_rc mn_source_read(mn_source *s, void *p, size_t n, size_t *ret_n, mn_err *e)
{
    ssize_t got;
    if (s->ar) {
        locale_t before = uselocale(s->utf8);
        got = archive_read_data(s->ar, p, n);
        uselocale(before);
        if (got < 0) return archive_fault(s, "cannot unpack", e);
    } else {
        do got = s->fd < 0 ? 0 : read(s->fd, p, n);
        while (got < 0 && errno == EINTR);
        if (got < 0) return mn_fail_errno(e, MN_E_IO, "cannot read '%s'", s->path);
    }
    MN_TRY(count_bytes(s, (size_t)got, e));
    s->done += (size_t)got;
    s->in_file += (size_t)got;
    *ret_n = (size_t)got;
    return MN_OK;
}

mn_rc mn_source_rewind(mn_source *s, mn_err *e)
{
    stop(s);
    return start(s, e);
}

void mn_source_progress(const mn_source *s, uint64_t *ret_done, uint64_t *ret_total)
{
    la_int64_t at = s->ar ? archive_filter_bytes(s->ar, -1) : (la_int64_t)s->done;
    *ret_done = at > 0 ? (uint64_t)at : 0;
    if (s->kind == MN_SOURCE_FOLDER)
        *ret_done = s->behind + (s->in_file < s->size ? s->in_file : s->size);
    *ret_total = s->file_bytes;
    if (*ret_total && *ret_done > *ret_total) *ret_done = *ret_total;
}

uint64_t mn_source_passed_over(const mn_source *s)
{
    return s->passed_over;
}

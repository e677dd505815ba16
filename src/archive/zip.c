/* libarchive's zip writer, fed as a stream: sizes follow each entry, so nothing is held back. */
#include "archive/zip.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "archive/libarchive.h"
#include "base/fs.h"
#include "base/mem.h"

struct mn_zip {
    struct archive *a;
    struct archive_entry *entry;
    char *path, *part;
    int fd;
    bool finished;
};

static mn_rc fault(mn_zip *z, mn_err *e)
{
    const char *why = archive_error_string(z->a);
    return mn_fail(e, MN_E_IO, "cannot write '%s': %s", z->path, why ? why : "unknown error");
}

static mn_rc open_file(mn_zip *z, mn_err *e)
{
    z->fd = open(z->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (z->fd < 0) return mn_fail_errno(e, MN_E_IO, "cannot write '%s'", z->part);
    MN_TRY(mn_libarchive_open(e));
    z->a = archive_write_new();
    z->entry = archive_entry_new();
    if (!z->a || !z->entry) return mn_fail(e, MN_E_NOMEM, "no memory to write an archive");
    if (archive_write_set_format_zip(z->a) != ARCHIVE_OK ||
        archive_write_set_options(z->a, "zip:hdrcharset=UTF-8") < ARCHIVE_WARN ||
        archive_write_open_fd(z->a, z->fd) != ARCHIVE_OK)
        return fault(z, e);
    return MN_OK;
}

mn_rc mn_zip_new(const char *path, mn_zip **ret, mn_err *e)
{
    mn_zip *z = mn_calloc(1, sizeof *z);
    if (!z) return mn_fail(e, MN_E_NOMEM, "no memory to write an archive");
    z->fd = -1;
    z->path = mn_strdup(path);
    z->part = mn_alloc(strlen(path) + sizeof ".part");
    mn_rc rc = z->path && z->part ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory for an archive");
    if (rc == MN_OK) {
        sprintf(z->part, "%s.part", path);
        rc = open_file(z, e);
    }
    if (rc == MN_OK) *ret = z;
    else mn_zip_free(z);
    return rc;
}

mn_rc mn_zip_entry(mn_zip *z, const char *name, int64_t at_ms, bool packed, mn_err *e)
{
    archive_entry_clear(z->entry);
    archive_entry_set_pathname(z->entry, name);
    archive_entry_set_filetype(z->entry, AE_IFREG);
    archive_entry_set_perm(z->entry, 0644);
    archive_entry_set_mtime(z->entry, at_ms / 1000, 0);
    int set = packed ? archive_write_zip_set_compression_store(z->a)
                     : archive_write_zip_set_compression_deflate(z->a);
    if (set != ARCHIVE_OK || archive_write_header(z->a, z->entry) != ARCHIVE_OK)
        return fault(z, e);
    return MN_OK;
}

mn_rc mn_zip_write(mn_zip *z, const void *p, size_t n, mn_err *e)
{
    return archive_write_data(z->a, p, n) == (la_ssize_t)n ? MN_OK : fault(z, e);
}

mn_rc mn_zip_flush(mn_zip *z, mn_buf *b, mn_err *e)
{
    if (b->failed) return mn_fail(e, b->failed, "no memory to write an archive");
    mn_rc rc = b->len ? mn_zip_write(z, b->ptr, b->len, e) : MN_OK;
    mn_buf_clear(b);
    return rc;
}

mn_rc mn_zip_finish(mn_zip *z, uint64_t *ret_bytes, mn_err *e)
{
    if (archive_write_close(z->a) != ARCHIVE_OK) return fault(z, e);
    if (fsync(z->fd) != 0 || rename(z->part, z->path) != 0)
        return mn_fail_errno(e, MN_E_IO, "cannot write '%s'", z->path);
    z->finished = true;
    return mn_fs_size(z->path, ret_bytes, e);
}

void mn_zip_free(mn_zip *z)
{
    if (!z) return;
    if (z->entry) archive_entry_free(z->entry);
    if (z->a) archive_write_free(z->a);
    if (z->fd >= 0) close(z->fd);
    if (z->fd >= 0 && !z->finished) unlink(z->part);
    mn_free(z->path);
    mn_free(z->part);
    mn_free(z);
}

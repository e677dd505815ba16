#include "model/file_out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"

#define BUFFER (1u << 20)

mn_rc mn_file_out_open(const char *path, mn_file_out *ret, mn_err *e)
{
    size_t len = strlen(path);
    mn_file_out f = {.fd = -1};
    const char *slash = strrchr(path, '/');
    f.path = mn_strdup(path);
    f.dir =
        slash ? mn_strndup(path, slash == path ? 1 : (size_t)(slash - path)) : mn_strdup(".");
    f.tmp = mn_alloc(len + 5);
    f.buf = mn_alloc(BUFFER);
    if (!f.path || !f.dir || !f.tmp || !f.buf) {
        mn_file_out_release(&f);
        return mn_fail(e, MN_E_NOMEM, "no memory to write '%s'", path);
    }
    memcpy(f.tmp, path, len);
    memcpy(f.tmp + len, ".tmp", 5);
    f.fd = open(f.tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (f.fd < 0) {
        mn_rc rc = mn_fail_errno(e, MN_E_IO, "cannot write '%s'", f.tmp);
        mn_file_out_release(&f);
        return rc;
    }
    *ret = f;
    return MN_OK;
}

static mn_rc write_out(mn_file_out *f, const void *p, size_t n, mn_err *e)
{
    if (mn_fs_write_all(f->fd, p, n)) return MN_OK;
    return mn_fail_errno(e, MN_E_IO, "cannot write '%s'", f->path);
}

static mn_rc flush(mn_file_out *f, mn_err *e)
{
    size_t n = f->n;
    f->n = 0;
    return n ? write_out(f, f->buf, n, e) : MN_OK;
}

mn_rc mn_file_out_add(mn_file_out *f, const void *p, size_t n, mn_err *e)
{
    if (n > BUFFER - f->n) MN_TRY(flush(f, e));
    f->written += n;
    if (n > BUFFER) return write_out(f, p, n, e);
    if (n) memcpy(f->buf + f->n, p, n);
    f->n += n;
    return MN_OK;
}

mn_rc mn_file_out_align(mn_file_out *f, size_t n, mn_err *e)
{
    while (f->written % n != 0) MN_TRY(mn_file_out_add(f, "", 1, e));
    return MN_OK;
}

mn_rc mn_file_out_commit(mn_file_out *f, mn_err *e)
{
    MN_TRY(flush(f, e));
    if (fsync(f->fd) != 0 || rename(f->tmp, f->path) != 0)
        return mn_fail_errno(e, MN_E_IO, "cannot write '%s'", f->path);
    close(f->fd);
    f->fd = -1;
    return mn_fs_sync_dir(f->dir, e);
}

void mn_file_out_release(mn_file_out *f)
{
    if (f->tmp && f->fd >= 0) {
        close(f->fd);
        unlink(f->tmp);
    }
    mn_free(f->path);
    mn_free(f->dir);
    mn_free(f->tmp);
    mn_free(f->buf);
    *f = (mn_file_out){.fd = -1};
}

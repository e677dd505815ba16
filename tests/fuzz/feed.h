/* Runs a reader of src/archive over bytes: they become a nameless file that the source opens by its descriptor. Every item
 * that comes out is checked for what the import relies on. */
#ifndef MN_TESTS_FUZZ_FEED_H
#define MN_TESTS_FUZZ_FEED_H

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "archive/archive_int.h"

static inline mn_rc fuzz_emit(mn_feed *f, const mn_item *it, mn_err *e)
{
    (void)f;
    (void)e;
    MN_ASSERT(it->source_id.len > 0);
    MN_ASSERT(it->text.len <= MN_TEXT_MAX && mn_utf8_valid(it->text));
    MN_ASSERT(mn_utf8_valid(it->lang) && mn_utf8_valid(it->warning));
    MN_ASSERT(!memchr(it->text.len ? it->text.ptr : "x", 0, it->text.len));
    MN_ASSERT(it->n_media <= MN_ITEM_MEDIA_MAX && (it->text.len || it->n_media));
    MN_ASSERT(it->created_ms >= 0);
    return MN_OK;
}

static inline int fuzz_file(const uint8_t *data, size_t size, char ret_path[32])
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    MN_ASSERT(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(ret_path, 32, "/proc/self/fd/%d", fd);
    return fd;
}

static inline void fuzz_reader(mn_reader *reader, const uint8_t *data, size_t size)
{
    char path[32];
    mn_err e = {0};
    mn_source *s;
    mn_feed f;
    mn_import_report r = {0};
    mn_import_opts o = {0};
    int fd = fuzz_file(data, size, path);
    if (mn_source_open(path, NULL, &s, &e) == MN_OK) {
        MN_ASSERT(mn_feed_init(&f, s, &o, &r, fuzz_emit, NULL) == MN_OK);
        mn_rc rc = reader(&f, &e);
        MN_ASSERT(rc == MN_OK || e.msg[0]);
        mn_feed_release(&f);
        mn_source_close(s);
    }
    mn_import_report_release(&r);
    close(fd);
}

#endif

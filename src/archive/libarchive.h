/* libarchive, opened when an archive is read or written. */
#ifndef MN_ARCHIVE_LIBARCHIVE_H
#define MN_ARCHIVE_LIBARCHIVE_H

#include <archive.h>
#include <archive_entry.h>

#include "base/late.h"

/* clang-format off */
#define MN_LIBARCHIVE(X) \
    X(archive_entry_clear) X(archive_entry_filetype) X(archive_entry_free) \
    X(archive_entry_hardlink) X(archive_entry_is_encrypted) X(archive_entry_new) \
    X(archive_entry_pathname) X(archive_entry_pathname_utf8) \
    X(archive_entry_set_filetype) X(archive_entry_set_mtime) \
    X(archive_entry_set_pathname) X(archive_entry_set_perm) X(archive_entry_symlink) \
    X(archive_errno) X(archive_error_string) X(archive_filter_bytes) \
    X(archive_filter_count) X(archive_format) X(archive_read_data) X(archive_read_free) \
    X(archive_read_new) X(archive_read_next_header) X(archive_read_open_filename) \
    X(archive_read_support_filter_gzip) X(archive_read_support_format_tar) \
    X(archive_read_support_format_zip) X(archive_write_close) X(archive_write_data) \
    X(archive_write_free) X(archive_write_header) X(archive_write_new) \
    X(archive_write_open_fd) X(archive_write_set_format_zip) \
    X(archive_write_set_options) X(archive_write_zip_set_compression_deflate) \
    X(archive_write_zip_set_compression_store)
/* clang-format on */
MN_LATE_TABLE(mn_libarchive, MN_LIBARCHIVE)

#define archive_entry_clear              mn_libarchive.archive_entry_clear
#define archive_entry_filetype           mn_libarchive.archive_entry_filetype
#define archive_entry_free               mn_libarchive.archive_entry_free
#define archive_entry_hardlink           mn_libarchive.archive_entry_hardlink
#define archive_entry_is_encrypted       mn_libarchive.archive_entry_is_encrypted
#define archive_entry_new                mn_libarchive.archive_entry_new
#define archive_entry_pathname           mn_libarchive.archive_entry_pathname
#define archive_entry_pathname_utf8      mn_libarchive.archive_entry_pathname_utf8
#define archive_entry_set_filetype       mn_libarchive.archive_entry_set_filetype
#define archive_entry_set_mtime          mn_libarchive.archive_entry_set_mtime
#define archive_entry_set_pathname       mn_libarchive.archive_entry_set_pathname
#define archive_entry_set_perm           mn_libarchive.archive_entry_set_perm
#define archive_entry_symlink            mn_libarchive.archive_entry_symlink
#define archive_errno                    mn_libarchive.archive_errno
#define archive_error_string             mn_libarchive.archive_error_string
#define archive_filter_bytes             mn_libarchive.archive_filter_bytes
#define archive_filter_count             mn_libarchive.archive_filter_count
#define archive_format                   mn_libarchive.archive_format
#define archive_read_data                mn_libarchive.archive_read_data
#define archive_read_free                mn_libarchive.archive_read_free
#define archive_read_new                 mn_libarchive.archive_read_new
#define archive_read_next_header         mn_libarchive.archive_read_next_header
#define archive_read_open_filename       mn_libarchive.archive_read_open_filename
#define archive_read_support_filter_gzip mn_libarchive.archive_read_support_filter_gzip
#define archive_read_support_format_tar  mn_libarchive.archive_read_support_format_tar
#define archive_read_support_format_zip  mn_libarchive.archive_read_support_format_zip
#define archive_write_close              mn_libarchive.archive_write_close
#define archive_write_data               mn_libarchive.archive_write_data
#define archive_write_free               mn_libarchive.archive_write_free
#define archive_write_header             mn_libarchive.archive_write_header
#define archive_write_new                mn_libarchive.archive_write_new
#define archive_write_open_fd            mn_libarchive.archive_write_open_fd
#define archive_write_set_format_zip     mn_libarchive.archive_write_set_format_zip
#define archive_write_set_options        mn_libarchive.archive_write_set_options
#define archive_write_zip_set_compression_deflate                                              \
    mn_libarchive.archive_write_zip_set_compression_deflate
#define archive_write_zip_set_compression_store                                                \
    mn_libarchive.archive_write_zip_set_compression_store

#endif

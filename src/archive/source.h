/* A folder, an archive (zip, tar, tar.gz) or a single file, walked as named streams of bytes.
 *
 * What comes from outside is hostile until shown otherwise. Refused with one message, before anything is read from it:
 * absolute names, "..", ".", empty parts, backslashes, control bytes, names that are not UTF-8, longer than 1,024 bytes
 * or deeper than 32; two entries of one name; symbolic and hard links, devices, pipes and sockets; encrypted entries;
 * and more entries, more bytes or a higher unpacking ratio than the limits say. In a folder, symbolic links and special
 * files are passed over and counted, because folders of our users' own making hold them; they are never followed
 * (openat with O_NOFOLLOW all the way). A path that the caller names is followed once.
 *
 * thread  one at a time. */
#ifndef MN_ARCHIVE_SOURCE_H
#define MN_ARCHIVE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

typedef struct mn_source_limits {
    uint64_t entries;     /* files, in all */
    uint64_t total_bytes; /* unpacked, in all */
    uint64_t ratio; /* unpacked over packed, of one entry, beyond the first ratio_free_bytes */
    uint64_t ratio_free_bytes;
} mn_source_limits;

/* 200,000 entries, 64 GiB, 200 : 1 beyond 16 MiB */
extern const mn_source_limits mn_source_usual_limits;

typedef enum mn_source_kind {
    MN_SOURCE_FILE,
    MN_SOURCE_FOLDER,
    MN_SOURCE_ARCHIVE
} mn_source_kind;

typedef struct mn_source mn_source;

/* path is borrowed for the call only; limits NULL: the usual ones.
 * errors MN_E_NOT_FOUND, MN_E_IO, MN_E_UNSUPPORTED (neither file nor folder) */
mn_rc mn_source_open(const char *path, const mn_source_limits *limits, mn_source **ret,
                     mn_err *e);
void mn_source_close(mn_source *s); /* NULL is fine */
mn_source_kind mn_source_kind_of(const mn_source *s);

/* The next file. *ret_name is relative, with '/' between parts, and valid until the next call; a single file has its
 * own last name. Folder order is bytewise, an archive's its own.
 * errors MN_E_PARSE (unsafe or damaged), MN_E_LIMIT, MN_E_IO */
mn_rc mn_source_next(mn_source *s, mn_str *ret_name, bool *ret_more, mn_err *e);
/* Bytes of the current file; *ret_n = 0 at its end. */
mn_rc mn_source_read(mn_source *s, void *p, size_t n, size_t *ret_n, mn_err *e);
/* Back to before the first file. The limits start anew. */
mn_rc mn_source_rewind(mn_source *s, mn_err *e);

/* For progress bars: bytes of the file, archive or folder gone through (in a folder those of files passed over count), of how many. */
void mn_source_progress(const mn_source *s, uint64_t *ret_done, uint64_t *ret_total);
uint64_t mn_source_passed_over(const mn_source *s); /* links and special files of a folder */

#endif

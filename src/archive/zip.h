/* A zip archive written entry after entry: private to src/archive. Names and times are given, so that the same contents make the
 * same entries. */
#ifndef MN_ARCHIVE_ZIP_H
#define MN_ARCHIVE_ZIP_H

#include "base/err.h"
#include "base/str.h"

typedef struct mn_zip mn_zip;
/* Writes to path.part until mn_zip_finish. path is copied. */
mn_rc mn_zip_new(const char *path, mn_zip **ret, mn_err *e);
/* Ends the entry before. packed: its bytes are packed already (pictures), and it is stored as it is. */
mn_rc mn_zip_entry(mn_zip *z, const char *name, int64_t at_ms, bool packed, mn_err *e);
mn_rc mn_zip_write(mn_zip *z, const void *p, size_t n, mn_err *e);
/* What is in the buffer, which is emptied; a buffer that failed is an error here. */
mn_rc mn_zip_flush(mn_zip *z, mn_buf *b, mn_err *e);
/* Ends the archive, synced, under its name. */
mn_rc mn_zip_finish(mn_zip *z, uint64_t *ret_bytes, mn_err *e);
/* Removes what was not finished. NULL is fine. */
void mn_zip_free(mn_zip *z);

#endif

/* A large file written piece by piece, there whole or not at all: beside its place, synced, renamed. */
#ifndef MN_MODEL_FILE_OUT_H
#define MN_MODEL_FILE_OUT_H

#include "base/err.h"
#include "base/mem.h"

typedef struct mn_file_out {
    char *path, *dir, *tmp; /* owned */
    int fd;
    uint8_t *buf; /* owned; what is not yet written */
    size_t n;
    uint64_t written; /* bytes added so far */
} mn_file_out;

mn_rc mn_file_out_open(const char *path, mn_file_out *ret, mn_err *e);
/* errors MN_E_IO; after one the file is only to be released */
mn_rc mn_file_out_add(mn_file_out *f, const void *p, size_t n, mn_err *e);
/* Zeros until `written` is a multiple of n. */
mn_rc mn_file_out_align(mn_file_out *f, size_t n, mn_err *e);
/* Syncs and puts the file in its place. */
mn_rc mn_file_out_commit(mn_file_out *f, mn_err *e);
/* Always at the end: what was not committed is gone. Fine on a zeroed one. */
void mn_file_out_release(mn_file_out *f);

#endif

/* Libraries that are opened when they are first needed: those that few commands use and that bring many others along (libavif alone 22), so that
 * the rest of the program starts without them. A header lists the functions once,
 *
 *   #define MN_CURL(X) X(curl_easy_init) X(curl_easy_perform) …
 *   MN_LATE_TABLE(mn_curl, MN_CURL)
 *   #define curl_easy_init mn_curl.curl_easy_init          so that callers read as they always do
 *
 * and one file has MN_LATE_LIBRARY(mn_curl, MN_CURL, soname, package), which gives mn_curl_open. The program is not linked with the library: a
 * function that is used and not listed is an error of the linker. Calling one before mn_X_open has succeeded ends the program
 * at address 0, so the open stands where the module is entered. */
#ifndef MN_BASE_LATE_H
#define MN_BASE_LATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

typedef struct mn_late {
    const char *soname, *package; /* libX.so.N, and the package that has it */
    const char *const *names;
    size_t n;
    void *table; /* n pointers to functions */
    pthread_mutex_t lock;
    atomic_bool open;
    bool tried;
    char why[300]; /* it could not be opened */
} mn_late;

/* Fills the table, once; later calls cost a load. The library stays for good; what could not be opened is not tried again. Any thread.
 * errors MN_E_UNSUPPORTED: it is not installed, or lacks one of the names; the message says which package to install */
mn_rc mn_late_open(mn_late *l, mn_err *e);

#define MN_LATE__FIELD(f) __typeof__(f) *f;
#define MN_LATE__NAME(f)  #f,

#define MN_LATE_TABLE(table, LIST)                                                             \
    extern struct table {                                                                      \
        LIST(MN_LATE__FIELD)                                                                   \
    } table;                                                                                   \
    mn_rc table##_open(mn_err *e);

#define MN_LATE_LIBRARY(into, LIST, soname_, package_)                                         \
    struct into into;                                                                          \
    mn_rc into##_open(mn_err *e)                                                               \
    {                                                                                          \
        static const char *const names_of[] = {LIST(MN_LATE__NAME)};                           \
        static mn_late late = {.soname = soname_,                                              \
                               .package = package_,                                            \
                               .names = names_of,                                              \
                               .n = sizeof names_of / sizeof *names_of,                        \
                               .table = &(into),                                               \
                               .lock = PTHREAD_MUTEX_INITIALIZER};                             \
        return mn_late_open(&late, e);                                                         \
    }

#endif

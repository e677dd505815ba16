/* Result codes and error messages.
 *
 * Every function that can fail returns mn_rc and takes an `mn_err *` last. The message is worded once, where the
 * facts are; callers pass it up unchanged (MN_TRY) or add what they know (mn_err_wrap). Library code never prints.
 * Messages are lower case, without a full stop, with quoted values, and say what was expected: people read them.
 */
#ifndef MN_BASE_ERR_H
#define MN_BASE_ERR_H

#include <stdarg.h>
#include <stddef.h>

typedef enum mn_rc {
    MN_OK = 0,
    MN_E_NOMEM = -1, /* an allocation failed */
    MN_E_IO = -2,    /* the operating system refused: disk, permission, socket */
    MN_E_PARSE = -3, /* bytes from outside are not what they should be */
    MN_E_LIMIT = -4, /* larger, deeper or more than allowed */
    MN_E_USAGE = -5, /* the caller (a person) asked for something that does not exist or fit */
    MN_E_NOT_FOUND = -6,   /* ordinary result, never logged as an error */
    MN_E_EXISTS = -7,      /* ordinary result: it is there already */
    MN_E_BUSY = -8,        /* somebody else holds it: a lock, a port */
    MN_E_CORRUPT = -9,     /* our own data is damaged: checksum, impossible value */
    MN_E_DENIED = -10,     /* consent, permission or authentication says no */
    MN_E_CANCELLED = -11,  /* stopped on request */
    MN_E_UNSUPPORTED = -12 /* well-formed, but not something we do */
} mn_rc;

/* One error: its code, where it was raised, and a message for people (always NUL-terminated; cut at the end when
 * too long, never in the middle of a UTF-8 sequence). Zero-initialise it. */
typedef struct mn_err {
    mn_rc rc;
    int line;
    const char *file;
    char msg[480];
} mn_err;

#define mn_fail(e, rc, ...) mn_err_set((e), (rc), __FILE__, __LINE__, __VA_ARGS__)
/* As mn_fail, and appends ": " and the text of errno as it was on entry. */
#define mn_fail_errno(e, rc, ...) mn_err_set_errno((e), (rc), __FILE__, __LINE__, __VA_ARGS__)

/* Passes a failure up; only where nothing is owned yet. */
#define MN_TRY(call)                                                                           \
    do {                                                                                       \
        mn_rc mn_try_rc = (call);                                                              \
        if (mn_try_rc != MN_OK) return mn_try_rc;                                              \
    } while (0)

/* Records the failure in *e (which may be NULL) and returns rc. The format may use e->msg itself as an argument. */
mn_rc mn_err_set(mn_err *e, mn_rc rc, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
mn_rc mn_err_set_errno(mn_err *e, mn_rc rc, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* Puts words and ": " before the message already in *e; returns e->rc (MN_OK when e is NULL or clean). */
mn_rc mn_err_wrap(mn_err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The code's name in lower case, e.g. "not_found"; for JSON and logs. */
const char *mn_rc_name(mn_rc rc);

/* For our own mistakes, never for input. Stays on in every build. Prints file, line and expression and aborts. */
#define MN_ASSERT(x) ((x) ? (void)0 : mn_assert_failed(#x, __FILE__, __LINE__))
_Noreturn void mn_assert_failed(const char *expr, const char *file, int line);

#endif

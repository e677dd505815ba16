/* What went wrong at PostgreSQL, for people: what, and what to do. Codes are SQLSTATEs (appendix A of PostgreSQL's
 * manual). Nothing here shows a password: databases are named by user, host and name. */
#include "store/postgres_int.h"

#include <ctype.h>
#include <poll.h>

#define TEXT_MAX 200

/* The first line of PostgreSQL's own words, without "ERROR:  ". */
static const char *words(const char *message, char ret[TEXT_MAX])
{
    const char *p = message ? message : "", *colon = strstr(p, ":  ");
    if (colon && colon - p < 20) p = colon + 3;
    size_t n = strcspn(p, "\n");
    snprintf(ret, TEXT_MAX, "%.*s", (int)(n < TEXT_MAX ? n : TEXT_MAX - 1), p);
    return *ret ? ret : "no reason was given";
}

/* A server that ends a connection says so before it closes it, and a write may fail before the end has been read: reads on
 * until libpq knows, so that PQstatus tells. */
static void read_to_the_end(PGconn *h)
{
    for (int i = 0; h && i < 10 && PQstatus(h) == CONNECTION_OK; i++) {
        struct pollfd p = {.fd = PQsocket(h), .events = POLLIN};
        if (poll(&p, 1, 100) > 0) PQconsumeInput(h);
    }
}

static mn_rc fail_lost(PGconn *h, const char *shown, const char *why, mn_err *e)
{
    read_to_the_end(h);
    return mn_fail(e, MN_E_IO,
                   "the connection to database '%s' was lost (%s); what was under way is not "
                   "kept, try again",
                   shown, why);
}

static mn_rc fail_resource(const char *code, const char *shown, const char *why, mn_err *e)
{
    if (strcmp(code, "53100") == 0)
        return mn_fail(e, MN_E_IO,
                       "the disk of database '%s' is full; free some space and try again",
                       shown);
    if (strcmp(code, "53200") == 0)
        return mn_fail(e, MN_E_NOMEM, "database '%s' is out of memory", shown);
    return mn_fail(e, MN_E_BUSY,
                   "database '%s' has no connection left (%s); raise max_connections there, or "
                   "start fewer processes",
                   shown, why);
}

static mn_rc fail_busy(const char *code, const char *shown, mn_err *e)
{
    if (strcmp(code, "55P03") == 0)
        return mn_fail(e, MN_E_BUSY,
                       "another write has held database '%s' for %d s; try again later", shown,
                       MN_PG_LOCK_S);
    if (strcmp(code, "57014") == 0)
        return mn_fail(
            e, MN_E_BUSY,
            "database '%s' took more than %d s over one statement; try again when it "
            "has less to do",
            shown, MN_PG_STATEMENT_S);
    return mn_fail(e, MN_E_BUSY, "another write at database '%s' came in between; try again",
                   shown);
}

static bool in_class(const char *code, const char *class_of)
{
    return strncmp(code, class_of, 2) == 0;
}

static mn_rc fail_state(PGconn *h, const char *code, const char *shown, const char *why,
                        mn_err *e)
{
    if (strcmp(code, "55P03") == 0 || strcmp(code, "57014") == 0 || in_class(code, "40"))
        return fail_busy(code, shown, e);
    if (in_class(code, "57") || in_class(code, "08") || strcmp(code, "25P03") == 0)
        return fail_lost(h, shown, why, e);
    if (in_class(code, "53")) return fail_resource(code, shown, why, e);
    if (in_class(code, "23")) return mn_fail(e, MN_E_EXISTS, "the database refuses: %s", why);
    if (in_class(code, "22"))
        return mn_fail(e, MN_E_PARSE, "the database refuses a value: %s", why);
    if (in_class(code, "54"))
        return mn_fail(e, MN_E_LIMIT, "a value is too large for the database: %s", why);
    if (in_class(code, "XX") || in_class(code, "58"))
        return mn_fail(e, MN_E_CORRUPT,
                       "database '%s' is damaged or its disk fails (%s); see the log of "
                       "PostgreSQL",
                       shown, why);
    if (strcmp(code, "42501") == 0)
        return mn_fail(e, MN_E_DENIED,
                       "the user of database '%s' may not do this (%s); make it the owner of "
                       "the database",
                       shown, why);
    if (strcmp(code, "25006") == 0)
        return mn_fail(e, MN_E_IO,
                       "database '%s' is read-only, a standby perhaps; name the one that takes "
                       "writes",
                       shown);
    if (strcmp(code, "25P02") == 0)
        return mn_fail(e, MN_E_IO, "the transaction on '%s' has failed; nothing of it is kept",
                       shown);
    return mn_fail(e, MN_E_IO, "database '%s': %s (SQLSTATE %s)", shown, why, code);
}

mn_rc mn_store__pg_fail(PGconn *h, const PGresult *r, const char *shown, mn_err *e)
{
    char why[TEXT_MAX];
    const char *code = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    if (code)
        return fail_state(h, code, shown,
                          words(PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY), why), e);
    if (h && PQstatus(h) == CONNECTION_OK && !r) return mn_fail(e, MN_E_NOMEM, "out of memory");
    return fail_lost(h, shown, words(h ? PQerrorMessage(h) : NULL, why), e);
}

/* ---- connecting -------------------------------------------------------------------------------------------------- */

/* The SQLSTATE in "FATAL:  3D000: database …" (messages are verbose while connecting; the first word may be in another
 * language), or "" when the server was not heard at all. */
static void state_of(const char *message, char ret[6])
{
    ret[0] = '\0';
    for (const char *p = strstr(message, ":  "); p; p = strstr(p + 1, ":  ")) {
        size_t n = 0;
        while (n < 5 && (isdigit((unsigned char)p[3 + n]) || isupper((unsigned char)p[3 + n])))
            n++;
        if (n < 5 || p[8] != ':') continue;
        memcpy(ret, p + 3, 5);
        ret[5] = '\0';
        return;
    }
}

mn_rc mn_store__pg_fail_connect(PGconn *h, const char *shown, mn_err *e)
{
    char code[6], why[TEXT_MAX];
    if (!h) return mn_fail(e, MN_E_NOMEM, "out of memory");
    const char *message = PQerrorMessage(h), *said;
    state_of(message, code);
    said = *code ? strstr(message, code) + 7 : message;
    words(said, why);
    if (PQconnectionNeedsPassword(h))
        return mn_fail(
            e, MN_E_DENIED,
            "database '%s' asks for a password; write it into the file ~/.pgpass, or "
            "into the URL",
            shown);
    if (in_class(code, "28"))
        return mn_fail(e, MN_E_DENIED,
                       "database '%s' refuses the user or the password (%s); check 'database' "
                       "in mynah.conf and ~/.pgpass",
                       shown, why);
    if (strcmp(code, "3D000") == 0)
        return mn_fail(e, MN_E_IO,
                       "there is no database '%s' (%s); make it with createdb, encoding UTF8",
                       shown, why);
    if (strcmp(code, "53300") == 0) return fail_resource(code, shown, why, e);
    if (strcmp(code, "57P03") == 0)
        return mn_fail(e, MN_E_BUSY, "the server of database '%s' is not ready (%s); try again",
                       shown, why);
    return mn_fail(e, MN_E_IO,
                   "cannot reach the PostgreSQL server of '%s' (%s); check that it runs, and "
                   "'database' in mynah.conf",
                   shown, why);
}

/* The SQL of this folder in PostgreSQL's words: see postgres_int.h.
 *
 * A walk over the words of the text. Key words stand in capitals in this folder and names do not: what is rewritten are
 * whole words in capitals outside of quotes, so that the column text, or a string that holds INTEGER, stays as it is. */
#include "store/postgres_int.h"

#include <ctype.h>

#define PARAMS_MAX 65535 /* of the protocol */

typedef struct walk {
    const char *at;
    mn_buf *out;
    int n_params;
    bool ddl;
} walk;

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static bool same_word(const char *p, size_t n, const char *word)
{
    return mn_str_eqz((mn_str){p, n}, word);
}

bool mn_store__pg_is_ddl(const char *sql)
{
    size_t n = 0;
    while (*sql == ' ' || *sql == '\n') sql++;
    while (is_word(sql[n])) n++;
    return same_word(sql, n, "CREATE") || same_word(sql, n, "ALTER") ||
           same_word(sql, n, "DROP");
}

/* A string or a quoted name, to its end; a doubled quote is two in a row, which comes to the same. */
static mn_rc quoted(walk *w, mn_err *e)
{
    const char *end = strchr(w->at + 1, *w->at);
    if (!end) return mn_fail(e, MN_E_USAGE, "a quote in the SQL has no end: %.40s", w->at);
    mn_buf_add(w->out, w->at, (size_t)(end + 1 - w->at));
    w->at = end + 1;
    return MN_OK;
}

static mn_rc parameter(walk *w, mn_err *e)
{
    int n = 0;
    const char *p = w->at + 1;
    for (; isdigit((unsigned char)*p) && n <= PARAMS_MAX; p++) n = n * 10 + (*p - '0');
    if (n < 1 || n > PARAMS_MAX || is_word(*p))
        return mn_fail(e, MN_E_USAGE, "a parameter in the SQL is not ?1 to ?%d: %.40s",
                       PARAMS_MAX, w->at);
    mn_buf_addf(w->out, "$%d", n);
    if (n > w->n_params) w->n_params = n;
    w->at = p;
    return MN_OK;
}

static void word(walk *w)
{
    size_t n = 1;
    while (is_word(w->at[n])) n++;
    if (same_word(w->at, n, "INTEGER")) mn_buf_addz(w->out, "BIGINT");
    else if (same_word(w->at, n, "BLOB")) mn_buf_addz(w->out, "BYTEA");
    else if (w->ddl && same_word(w->at, n, "TEXT")) mn_buf_addz(w->out, "TEXT COLLATE \"C\"");
    else mn_buf_add(w->out, w->at, n);
    w->at += n;
}

mn_rc mn_store__pg_rewrite(const char *sql, mn_buf *ret, int *ret_n_params, mn_err *e)
{
    walk w = {sql, ret, 0, mn_store__pg_is_ddl(sql)};
    while (*w.at) {
        if (*w.at == '\'' || *w.at == '"') MN_TRY(quoted(&w, e));
        else if (*w.at == '?') MN_TRY(parameter(&w, e));
        else if (is_word(*w.at)) word(&w);
        else mn_buf_addc(ret, *w.at++);
    }
    if (ret->failed) return mn_fail(e, ret->failed, "out of memory");
    *ret_n_params = w.n_params;
    return MN_OK;
}

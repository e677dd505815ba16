/* Command-line options as a table, which also writes `--help`.
 *
 * "--name value", "--name=value", "-n value", "--flag", "--" ends options; an option may come anywhere. A wrong or
 * missing value is MN_E_USAGE with a line that says what was expected (the caller exits 2). */
#ifndef MN_BASE_ARGS_H
#define MN_BASE_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

typedef enum mn_opt_type {
    MN_OPT_FLAG, /* bool * */
    MN_OPT_STR,  /* const char ** */
    MN_OPT_I64,  /* int64_t * */
    MN_OPT_U64,  /* uint64_t * */
    MN_OPT_F64,  /* double * */
    MN_OPT_STRS  /* mn_opt_strs *: may be repeated, up to MN_OPT_STRS_MAX */
} mn_opt_type;

#define MN_OPT_STRS_MAX 32
typedef struct mn_opt_strs {
    const char *items[MN_OPT_STRS_MAX];
    int n;
} mn_opt_strs;

typedef struct mn_opt {
    const char *name; /* without dashes; the table ends with {0} */
    char letter;      /* 0 for none */
    mn_opt_type type;
    void *ret;         /* written only when the option is given */
    const char *value; /* the placeholder in help, e.g. "FILE"; NULL for flags */
    const char *help;  /* one sentence, without the name; may contain \n */
} mn_opt;

typedef struct mn_usage {
    const char *name;     /* "corpus build" */
    const char *synopsis; /* "[--name N] [--threads P]" */
    const char *about;    /* a paragraph */
    const char *example;  /* one or more lines; NULL for none */
} mn_usage;

/* The message of MN_E_CANCELLED after --help; it tells that from a stop on request. */
#define MN_ARGS_HELPED "help was asked for"

/* Parses argv[1..); positionals are moved to argv[1..*ret_n_pos] in order. "--help" or "-h" anywhere prints the help to
 * stdout and gives MN_E_CANCELLED (exit 0). */
mn_rc mn_args_parse(int argc, char **argv, const mn_usage *u, const mn_opt *opts,
                    int *ret_n_pos, mn_err *e);
void mn_args_help(const mn_usage *u, const mn_opt *opts, mn_buf *ret);

#endif

/* Subcommands: one file each, one line each in the table of main.c.
 *
 * run gets argv with argv[0] = the subcommand's name and returns the exit code: 0 done, 1 failed, 2 wrong usage.
 * Results go to stdout, talk and bars to stderr; `--json` makes stdout JSON (mn_progress_disable is called then).
 */
#ifndef MN_CMD_CMD_H
#define MN_CMD_CMD_H

#include "base/args.h"
#include "base/err.h"
#include "base/ranks.h"
#include "base/version.h"

typedef struct mn_cmd {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary; /* one line for `mynah help` */
} mn_cmd;

/* Prints "mynah NAME: message" to stderr and gives the exit code of the error: 0 for MN_E_CANCELLED after --help, 2 for
 * MN_E_USAGE, else 1. With json the message also goes to stdout as {"error":{"code","message"}}. */
int mn_cmd_failed(const char *name, const mn_err *e, bool json);
/* The same for a command of several ranks (NULL: alone): told once, by the rank that is to tell. Where the others do not know, they are ended
 * too, and this does not return. */
int mn_cmd_failed_together(const char *name, const mn_err *e, bool json, mn_ranks *ranks);

/* Ends a JSON result: what the writer made goes to stdout as one line, and the buffer is released. MN_E_NOMEM, and
 * nothing is printed, when there was no memory to make it. */
mn_rc mn_cmd_print(mn_buf *b, mn_err *e);

/* Lines of a table of options that most commands have. */
#define MN_CMD_OPT_DATA(at)                                                                    \
    {                                                                                          \
        "data", 0, MN_OPT_STR, (at), "DIR",                                                    \
            "The data folder; else $MYNAH_DATA, else ./mynah-data."                            \
    }
#define MN_CMD_OPT_DEVICE(at)                                                                  \
    {                                                                                          \
        "device", 0, MN_OPT_STR, (at), "D",                                                    \
            "where the model computes: cpu, cuda (the first GPU) or cuda:N (cpu)"              \
    }
#define MN_CMD_OPT_JSON(at, what)                                                              \
    {                                                                                          \
        "json", 0, MN_OPT_FLAG, (at), NULL, what                                               \
    }

/* For commands made of verbs ("corpus build"): runs the verb named by argv[1], or lists them (exit 2; with --help 0). */
int mn_cmd_verbs(const char *name, const mn_cmd *verbs, int argc, char **argv);

int mn_cmd_help(int argc, char **argv);
int mn_cmd_serve(int argc, char **argv);
int mn_cmd_import(int argc, char **argv);
int mn_cmd_export(int argc, char **argv);
int mn_cmd_corpus(int argc, char **argv);
int mn_cmd_tokenizer(int argc, char **argv);
int mn_cmd_train(int argc, char **argv);
int mn_cmd_tune(int argc, char **argv);
int mn_cmd_forget(int argc, char **argv);
int mn_cmd_learn(int argc, char **argv);
int mn_cmd_eval(int argc, char **argv);
int mn_cmd_generate(int argc, char **argv);
int mn_cmd_chat(int argc, char **argv);
int mn_cmd_model(int argc, char **argv);
int mn_cmd_search(int argc, char **argv);
int mn_cmd_ask(int argc, char **argv);
int mn_cmd_account(int argc, char **argv);
int mn_cmd_emoji(int argc, char **argv);
int mn_cmd_store(int argc, char **argv);
int mn_cmd_show(int argc, char **argv);
int mn_cmd_bench(int argc, char **argv);

#endif

/* A command of mynah run in the test's own process, on a data folder of the test's.
 *
 *   #define run(...) verb_run(mn_cmd_tune, "tune", __VA_ARGS__)
 *   OK(run("--from", "base", NULL) == 0 && strstr(verb_said("out"), "model"));
 *
 * The source of the command is included by the test: commands are not linked into tests, a program is one. */
#ifndef MN_TESTS_VERB_H
#define MN_TESTS_VERB_H

#include "test.h"

#include <fcntl.h>

static char dir[64], data[100]; /* the test's folder; the data folder, given to each run */
static mn_err e;

/* The arguments end with NULL. stdout goes to DIR/out, stderr to DIR/err; gives the exit code. */
static int verb_run(int (*verb)(int argc, char **argv), const char *name, ...)
{
    char *argv[40] = {(char *)(uintptr_t)name};
    int argc = 1;
    va_list more;
    va_start(more, name);
    for (const char *s; (s = va_arg(more, const char *));) argv[argc++] = (char *)(uintptr_t)s;
    va_end(more);
    argv[argc++] = (char *)(uintptr_t) "--data";
    argv[argc++] = data;
    fflush(stdout), fflush(stderr);
    char out[100], err[100];
    snprintf(out, sizeof out, "%s/out", dir);
    snprintf(err, sizeof err, "%s/err", dir);
    int keep[2] = {dup(1), dup(2)};
    int to[2] = {open(out, O_CREAT | O_TRUNC | O_WRONLY, 0600),
                 open(err, O_CREAT | O_TRUNC | O_WRONLY, 0600)};
    dup2(to[0], 1), dup2(to[1], 2);
    int code = verb(argc, argv);
    fflush(stdout), fflush(stderr);
    dup2(keep[0], 1), dup2(keep[1], 2);
    for (int i = 0; i < 2; i++) close(keep[i]), close(to[i]);
    return code;
}

/* What a file holds; lives until the next call. */
static inline const char *verb_read(const char *path)
{
    static char text[1 << 16];
    mn_buf b;
    mn_buf_init(&b, sizeof text);
    RUN(mn_fs_read(path, sizeof text, &b, &e));
    snprintf(text, sizeof text, "%s", b.ptr ? b.ptr : "");
    mn_buf_release(&b);
    return text;
}

/* "out" or "err" of the last run. */
static inline const char *verb_said(const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return verb_read(path);
}

#endif

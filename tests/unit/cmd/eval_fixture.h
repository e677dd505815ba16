/* mynah eval as a command, run in the test's own process, on a tiny model. */
#ifndef MN_TESTS_EVAL_FIXTURE_H
#define MN_TESTS_EVAL_FIXTURE_H

#include "../model/train_fixture.h"

#include <fcntl.h>
#include <math.h>

#include "base/json.h"
#include "cmd/cmd.c" /* commands are not linked into tests, a program is one */
#include "cmd/eval.c"
#include "cmd/eval_held.c"
#include "cmd/eval_keep.c"
#include "cmd/eval_memory.c"
#include "cmd/eval_shots.c"
#include "cmd/eval_tweets.c"
#include "cmd/models.c"

static char dir[64], data[100], corpus[200], text[1 << 16];
static mn_err e;

/* Runs it; stdout goes to DIR/out, stderr to DIR/err. */
static int run(const char *first, ...)
{
    char *argv[40] = {(char *)(uintptr_t) "eval", (char *)(uintptr_t)first};
    int argc = 2;
    va_list more;
    va_start(more, first);
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
    int code = mn_cmd_eval(argc, argv);
    fflush(stdout), fflush(stderr);
    dup2(keep[0], 1), dup2(keep[1], 2);
    for (int i = 0; i < 2; i++) close(keep[i]), close(to[i]);
    return code;
}

static inline const char *read_file(const char *path)
{
    mn_buf b;
    mn_buf_init(&b, sizeof text);
    RUN(mn_fs_read(path, sizeof text, &b, &e));
    snprintf(text, sizeof text, "%s", b.ptr ? b.ptr : "");
    mn_buf_release(&b);
    return text;
}

static inline const char *said(const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return read_file(path);
}

static inline const mn_json *parsed(const char *json, mn_arena *a)
{
    mn_json *t;
    RUN(mn_json_parse(mn_str_trim(mn_str_dup(a, mn_str_from(json))), a, &t, &e));
    return t;
}

static inline double number(const mn_json *t, const char *key)
{
    return mn_json_f64(mn_json_get(t, key), -1);
}

static int set_up(void **state)
{
    (void)state;
    char base[200];
    mn_train_result r;
    test_tmp(dir);
    snprintf(data, sizeof data, "%s/data", dir);
    snprintf(base, sizeof base, "%s/models/base", data);
    RUN(mn_fs_mkdirs(data, &e));
    fixture_corpus(data, 60, corpus);
    mn_train_opts o = {.corpus_dir = corpus,
                       .model_dir = base,
                       .preset = "nano",
                       .steps = 30,
                       .seed = 3,
                       .threads = 1,
                       .batch_rows = 4,
                       .row_tokens = 64,
                       .no_samples = true};
    RUN(mn_train_run(&o, &r, &e));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_tmp_remove(dir);
    return 0;
}

#endif

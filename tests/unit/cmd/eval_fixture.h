/* mynah eval as a command, run in the test's own process, on a tiny model. */
#ifndef MN_TESTS_EVAL_FIXTURE_H
#define MN_TESTS_EVAL_FIXTURE_H

#include "../model/train_fixture.h"

#include <math.h>

#include "base/json.h"
#include "cmd/card.c"
#include "cmd/cmd.c" /* commands are not linked into tests, a program is one */
#include "cmd/eval.c"
#include "cmd/eval_held.c"
#include "cmd/eval_keep.c"
#include "cmd/eval_memory.c"
#include "cmd/eval_samples.c"
#include "cmd/eval_shots.c"
#include "cmd/eval_toxicity.c"
#include "cmd/eval_tweets.c"
#include "cmd/models.c"
#include "verb.h"

#define run(...)  verb_run(mn_cmd_eval, "eval", __VA_ARGS__)
#define said      verb_said
#define read_file verb_read

static char corpus[200];

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

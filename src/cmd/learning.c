/* Showing and naming a training run: see learning.h. */
#include "cmd/learning.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cmd/cmd.h"
#include "social/social.h"

#define LINE_US     1000000 /* a line of JSON at most this often, but for the first */
#define EXPECT_FROM 0.01    /* share of a budget from which the pace says something */
#define FILE_MAX    (8u << 20)

void mn_learning_note(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

void mn_learning_step(void *arg, const mn_curve_point *p, uint64_t steps_total, double share)
{
    mn_learning *l = arg;
    mn_progress_note(&l->bar, "step %llu, loss %.3f, %.0f tokens/s",
                     (unsigned long long)p->step, p->loss, p->tokens_per_s);
    mn_progress_set(&l->bar, (uint64_t)(share * 1000));
    if (!l->json || (l->line_us && mn_mono_us() - l->line_us < LINE_US)) return;
    l->line_us = mn_mono_us();
    printf("{\"step\":%llu,\"tokens\":%llu,\"loss\":%.5f,\"lr\":%.6g,\"tokens_per_s\":%.1f",
           (unsigned long long)p->step, (unsigned long long)p->tokens, p->loss, p->lr,
           p->tokens_per_s);
    if (steps_total) printf(",\"steps_total\":%llu", (unsigned long long)steps_total);
    else if (share >= EXPECT_FROM) /* on a budget of time: at the pace so far */
        printf(",\"steps_expected\":%.0f", (double)p->step / share);
    printf("}\n");
    fflush(stdout);
}

void mn_learning_stopped(const mn_learning *l, uint64_t steps, const char *name)
{
    fprintf(stderr,
            "stopped after step %llu and saved; go on with: mynah %s --resume --name %s\n",
            (unsigned long long)steps, l->verb, name);
}

/* ---- finding and naming ------------------------------------------------------------------------------------------------ */

const char *mn_learning_dir(const mn_learning *l, const char *name)
{
    return mn_str_fmt(l->arena, "%s/models/%s", mn_home_dir(l->data), name).ptr;
}

const mn_json *mn_learning_file(const mn_learning *l, const char *name, const char *file)
{
    mn_buf b;
    mn_json *tree = NULL;
    const char *dir = mn_learning_dir(l, name),
               *path = dir ? mn_fs_join(l->arena, dir, file) : NULL;
    mn_buf_init(&b, FILE_MAX);
    if (path && mn_fs_read(path, FILE_MAX, &b, NULL) == MN_OK) {
        mn_str text = mn_str_dup(l->arena, mn_buf_str(&b));
        if (!text.ptr || mn_json_parse(text, l->arena, &tree, NULL) != MN_OK) tree = NULL;
    }
    mn_buf_release(&b);
    return tree;
}

static bool is_unfinished(const mn_learning *l, const char *name, bool tuned)
{
    const mn_json *log = mn_learning_file(l, name, "training.json");
    mn_str state = mn_json_str(mn_json_get(log, "state"));
    return state.ptr && !mn_str_eqz(state, "done") &&
           (mn_json_get(log, "tuned_from") != NULL) == tuned;
}

mn_rc mn_learning_unfinished(const mn_learning *l, bool tuned, const char **ret_name, mn_err *e)
{
    const char *dir = mn_learning_dir(l, "");
    char **names = NULL;
    size_t n = 0;
    time_t newest = 0;
    *ret_name = NULL;
    if (dir && mn_fs_is_dir(dir)) MN_TRY(mn_fs_list(dir, l->arena, &names, &n, e));
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        mn_str path = mn_str_fmt(l->arena, "%s%s/training.json", dir, names[i]);
        if (!path.ptr || strcmp(names[i], "current") == 0 || stat(path.ptr, &st) != 0) continue;
        if (st.st_mtime < newest || !is_unfinished(l, names[i], tuned)) continue;
        newest = st.st_mtime;
        *ret_name = names[i];
    }
    if (*ret_name) return MN_OK;
    return mn_fail(e, MN_E_NOT_FOUND, "no %s was interrupted in '%s'; `mynah %s` begins one",
                   tuned ? "tuning" : "training", mn_home_dir(l->data), l->verb);
}

mn_rc mn_learning_name(const mn_learning *l, mn_str stem, const char *inside,
                       const char **ret_name, mn_err *e)
{
    mn_str name = mn_str_dup(l->arena, stem);
    for (int i = 2; name.ptr && i < 1000; i++) {
        const char *dir = mn_learning_dir(l, name.ptr);
        if (dir && !mn_fs_exists(mn_str_fmt(l->arena, "%s/%s", dir, inside).ptr)) break;
        name = mn_str_fmt(l->arena, "%.*s-%d", MN_STR_FMT(stem), i);
    }
    *ret_name = name.ptr;
    return name.ptr ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory");
}

mn_rc mn_learning_writable(const mn_learning *l, mn_err *e)
{
    if (access(mn_home_dir(l->data), W_OK | X_OK) == 0) return MN_OK;
    return mn_fail_errno(e, MN_E_IO,
                         "cannot write in the data folder '%s'; make it writable or choose "
                         "another with --data DIR",
                         mn_home_dir(l->data));
}

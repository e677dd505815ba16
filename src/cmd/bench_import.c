/* mynah bench import: JSON lines into a fresh data folder, and the memory of it.
 *
 * Each import runs in a forked child, so that its peak of memory and its CPU seconds are its own. The file four times as long
 * shows that memory does not grow with the file. The import has two threads (reading, writing): CPU seconds are of both. */
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "archive/import.h"
#include "base/clock.h"
#include "base/fs.h"
#include "cmd/bench.h"
#include "social/social.h"

enum { RUNS_MOST = 3, TIMES = 4 };

/* What a child tells through its pipe. */
typedef struct outcome {
    mn_rc rc;
    char why[256];
    uint64_t created;
    double cpu_s, wall_s, peak_mb, before_mb;
} outcome;

static mn_rc import_into(const char *dir, const char *file, outcome *ret, mn_err *e)
{
    mn_home h = {0};
    mn_import_report report = {0};
    MN_TRY(mn_home_open(dir, &h, e));
    mn_import_opts o = {.data_dir = h.dir};
    double cpu_from = mn_cpu_s();
    int64_t from = mn_mono_us();
    mn_rc rc = mn_import_run(h.store, file, &o, &report, e);
    ret->cpu_s = mn_cpu_s() - cpu_from;
    ret->wall_s = (double)(mn_mono_us() - from) / 1e6;
    ret->created = report.created;
    mn_import_report_release(&report);
    mn_home_close(&h);
    return rc;
}

static _Noreturn void child(const char *dir, const char *file, int out)
{
    mn_err e = {0};
    outcome o = {0};
    mn_bench_memory_reset();
    o.before_mb = mn_bench_memory_mb((long)getpid(), "VmHWM:");
    o.rc = import_into(dir, file, &o, &e);
    o.peak_mb = mn_bench_memory_mb((long)getpid(), "VmHWM:");
    snprintf(o.why, sizeof o.why, "%.255s", e.msg);
    _exit(write(out, &o, sizeof o) == (ssize_t)sizeof o ? 0 : 1);
}

static mn_rc run_child(const char *dir, const char *file, outcome *ret, mn_err *e)
{
    int pipes[2], status = 0;
    if (pipe(pipes) != 0) return mn_fail_errno(e, MN_E_IO, "cannot make a pipe");
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) child(dir, file, pipes[1]);
    close(pipes[1]);
    ssize_t n = pid < 0 ? -1 : read(pipes[0], ret, sizeof *ret);
    close(pipes[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    if (n != (ssize_t)sizeof *ret) return mn_fail(e, MN_E_IO, "the import ended early");
    return ret->rc == MN_OK ? MN_OK : mn_fail(e, ret->rc, "%s", ret->why);
}

/* One import of `file` into a folder that is new and removed afterwards. */
static mn_rc import_once(const char *file, uint64_t n, outcome *ret, mn_err *e)
{
    char dir[64];
    MN_TRY(mn_bench_tmp(dir, e));
    mn_rc rc = run_child(dir, file, ret, e);
    mn_fs_remove_tree(dir, NULL);
    if (rc == MN_OK && ret->created != n)
        rc = mn_fail(e, MN_E_IO, "of %llu posts %llu were imported", (unsigned long long)n,
                     (unsigned long long)ret->created);
    return rc;
}

/* The run in the middle by CPU seconds. */
static outcome middle(outcome *runs, int n)
{
    for (int i = 1; i < n; i++)
        for (int k = i; k > 0 && runs[k].cpu_s < runs[k - 1].cpu_s; k--) {
            outcome t = runs[k];
            runs[k] = runs[k - 1], runs[k - 1] = t;
        }
    return runs[n / 2];
}

static mn_rc import_file(mn_bench_run *r, const char *file, const char *name, uint64_t n,
                         int n_runs, mn_err *e)
{
    outcome runs[RUNS_MOST];
    char note[96], memory[64];
    double mb = 0, peak = 0;
    MN_TRY(mn_bench_write_jsonl(file, 0, n, &mb, e));
    for (int i = 0; i < n_runs; i++) {
        MN_TRY(import_once(file, n, &runs[i], e));
        if (runs[i].peak_mb > peak) peak = runs[i].peak_mb;
    }
    outcome o = middle(runs, n_runs);
    snprintf(note, sizeof note, "%.0f MB; median of %d; %.0f posts a wall second", mb, n_runs,
             (double)n / o.wall_s);
    mn_bench_times(r, name, (double)n, "posts", note, o.cpu_s, o.wall_s);
    snprintf(memory, sizeof memory, "%s: memory", name);
    snprintf(note, sizeof note, "most of all runs; %.1f MB before", o.before_mb);
    mn_bench_value(r, memory, peak, "MB", note);
    return MN_OK;
}

static mn_rc bench_import(mn_bench_run *r, mn_err *e)
{
    char dir[64];
    MN_TRY(mn_bench_tmp(dir, e));
    mn_str file = mn_str_fmt(&r->arena, "%s/posts.jsonl", dir);
    int runs = r->reps < RUNS_MOST ? r->reps : RUNS_MOST;
    mn_rc rc = file.ptr ? MN_OK : mn_fail(e, MN_E_NOMEM, "out of memory");
    if (rc == MN_OK) rc = import_file(r, file.ptr, "import", r->posts, runs, e);
    if (rc == MN_OK)
        rc = import_file(r, file.ptr, "import, 4 times as many", TIMES * r->posts, 1, e);
    mn_fs_remove_tree(dir, NULL);
    return rc;
}

const mn_bench mn_bench_import[] = {
    {"import", "JSON lines into SQLite, and the memory of it", bench_import}, {0}};

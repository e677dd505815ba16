/* mynah bench: runs benches by name and reports one line for each thing measured. See bench.h. */
#include "cmd/bench.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/progress.h"
#include "cmd/cmd.h"

/* Every list of benches; a new one is added here and in bench.h. */
static const mn_bench *const lists[] = {
    mn_bench_text,   mn_bench_search, mn_bench_corpus,  mn_bench_train,
    mn_bench_import, mn_bench_pages,  mn_bench_infer,   mn_bench_grammar,
    mn_bench_access, mn_bench_http,   mn_bench_kernels, mn_bench_gpu,
};
enum { N_LISTS = sizeof lists / sizeof *lists, REPS_MAX = 1000, FILE_MAX_BYTES = 1 << 30 };

/* ---- memory ------------------------------------------------------------------------------------------------- */

void mn_bench_memory_reset(void)
{
    malloc_trim(0);
    int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;           /* then the mark is that of the whole process */
    if (write(fd, "5", 1) != 1) { /* as above */
    }
    close(fd);
}

double mn_bench_memory_mb(long pid, const char *field)
{
    char text[8192];
    snprintf(text, sizeof text, "/proc/%ld/status", pid);
    int fd = open(text, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *at = strstr(text, field);
    return at ? strtod(at + strlen(field), NULL) / 1024 : 0;
}

static double peak_mb(void)
{
    return mn_bench_memory_mb((long)getpid(), "VmHWM:");
}

/* ---- lines -------------------------------------------------------------------------------------------------- */

typedef struct line {
    const char *name, *unit, *note;
    double amount, cpu_s, wall_s; /* times below 0: not measured */
    bool is_value;
} line;

static void print_json(const mn_bench_run *r, const line *l)
{
    mn_buf b;
    mn_json_writer w;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "bench", r->bench);
    mn_jw_kstrz(&w, "name", l->name);
    mn_jw_kf64(&w, l->is_value ? "value" : "amount", l->amount);
    mn_jw_kstrz(&w, "unit", l->unit);
    if (l->cpu_s >= 0) {
        mn_jw_kf64(&w, "cpu_s", l->cpu_s);
        mn_jw_kf64(&w, "per_cpu_s", l->cpu_s > 0 ? l->amount / l->cpu_s : 0);
    }
    if (l->wall_s >= 0) {
        mn_jw_kf64(&w, "wall_s", l->wall_s);
        mn_jw_kf64(&w, "per_wall_s", l->wall_s > 0 ? l->amount / l->wall_s : 0);
    }
    if (!l->is_value) mn_jw_ku64(&w, "reps", (uint64_t)r->reps);
    mn_jw_kf64(&w, "peak_rss_mb", peak_mb());
    if (l->note) mn_jw_kstrz(&w, "note", l->note);
    mn_jw_object_end(&w);
    if (!b.failed) puts(b.ptr);
    mn_buf_release(&b);
}

/* "1,234,567", "48.3", "0.0123": enough digits to compare, none to admire; returns ret. */
static const char *number(double v, char ret[32])
{
    if (v < 0) return "-";
    if (v < 1000) {
        snprintf(ret, 32, v >= 100 ? "%.0f" : v >= 10 ? "%.1f" : v >= 1 ? "%.2f" : "%.4f", v);
        return ret;
    }
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%.0f", v), k = 0;
    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0) ret[k++] = ',';
        ret[k++] = digits[i];
    }
    ret[k] = '\0';
    return ret;
}

static void print_head(void)
{
    printf("%-24s %12s %-8s %9s %9s %12s %9s  %s\n", "name", "amount", "unit", "cpu s",
           "wall s", "per cpu s", "peak MB", "note");
}

static void print_row(const line *l)
{
    char a[32], c[32], w[32], p[32], m[32];
    printf("%-24s %12s %-8s %9s %9s %12s %9s  %s\n", l->name, number(l->amount, a), l->unit,
           number(l->cpu_s, c), number(l->wall_s, w),
           number(l->cpu_s > 0 ? l->amount / l->cpu_s : -1, p), number(peak_mb(), m),
           l->note ? l->note : "");
}

static void report(const mn_bench_run *r, const line *l)
{
    if (r->json) print_json(r, l);
    else print_row(l);
    fflush(stdout);
}

void mn_bench_times(mn_bench_run *r, const char *name, double amount, const char *unit,
                    const char *note, double cpu_s, double wall_s)
{
    line l = {name, unit, note, amount, cpu_s, wall_s, false};
    report(r, &l);
}

void mn_bench_value(mn_bench_run *r, const char *name, double value, const char *unit,
                    const char *note)
{
    line l = {name, unit, note, value, -1, -1, true};
    report(r, &l);
}

/* ---- measuring ---------------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_size);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

mn_rc mn_bench_measure(mn_bench_run *r, const char *name, double amount, const char *unit,
                       const char *note, mn_rc (*work)(void *arg, mn_err *e), void *arg,
                       mn_err *e)
{
    double cpu[REPS_MAX], wall[REPS_MAX];
    MN_ASSERT(r->reps >= 1 && r->reps <= REPS_MAX);
    MN_TRY(work(arg, e));
    for (int i = 0; i < r->reps; i++) {
        double cpu_from = mn_cpu_s();
        int64_t wall_from = mn_mono_us();
        MN_TRY(work(arg, e));
        wall[i] = (double)(mn_mono_us() - wall_from) / 1e6;
        cpu[i] = mn_cpu_s() - cpu_from;
    }
    mn_bench_times(r, name, amount, unit, note, median(cpu, r->reps), median(wall, r->reps));
    return MN_OK;
}

/* ---- posts to measure on ------------------------------------------------------------------------------------ */

static mn_rc add_lines(const char *path, mn_buf *ret, mn_err *e)
{
    MN_TRY(mn_fs_read(path, FILE_MAX_BYTES, ret, e));
    if (ret->len && ret->ptr[ret->len - 1] != '\n') return mn_buf_addc(ret, '\n');
    return MN_OK;
}

static mn_rc add_text_files(mn_bench_run *r, const char *dir, mn_buf *ret, mn_err *e)
{
    char **names;
    size_t n;
    MN_TRY(mn_fs_list(dir, &r->arena, &names, &n, e));
    for (size_t i = 0; i < n; i++) {
        const char *path = mn_fs_join(&r->arena, dir, names[i]);
        if (!path) return mn_fail(e, MN_E_NOMEM, "out of memory for the names in '%s'", dir);
        if (mn_fs_is_dir(path)) MN_TRY(add_text_files(r, path, ret, e));
        else if (mn_str_ends(mn_str_from(names[i]), "_text.txt"))
            MN_TRY(add_lines(path, ret, e));
    }
    return MN_OK;
}

static mn_rc add_post(mn_str json, mn_arena *a, mn_buf *ret, mn_err *e)
{
    mn_json *post;
    MN_TRY(mn_json_parse(json, a, &post, e));
    size_t from = ret->len;
    MN_TRY(mn_buf_adds(ret, mn_json_str(mn_json_get(post, "text"))));
    for (size_t i = from; i < ret->len; i++) {
        if (ret->ptr[i] == '\n') ret->ptr[i] = ' ';
    }
    return mn_buf_addc(ret, '\n');
}

static mn_rc add_jsonl(const char *path, mn_buf *ret, mn_err *e)
{
    mn_buf text;
    mn_arena a;
    mn_buf_init(&text, 0);
    mn_arena_init(&a, 0);
    mn_rc rc = mn_fs_read(path, FILE_MAX_BYTES, &text, e);
    mn_str rest = mn_buf_str(&text);
    while (rc == MN_OK && rest.len) {
        rc = add_post(mn_str_split(rest, '\n', &rest), &a, ret, e);
        mn_arena_reset(&a);
    }
    mn_arena_release(&a);
    mn_buf_release(&text);
    return rc;
}

bool mn_bench_next_post(mn_str *rest, mn_str *ret)
{
    if (!rest->len) return false;
    *ret = mn_str_split(*rest, '\n', rest);
    return true;
}

mn_rc mn_bench_posts(mn_bench_run *r, mn_buf *ret, double *ret_n, mn_err *e)
{
    static const char *const years[] = {"2011", "2012"};
    const char *tweets = mn_fs_join(&r->arena, r->data_dir, "tweeteval");
    if (!tweets) return mn_fail(e, MN_E_NOMEM, "out of memory");
    if (!mn_fs_is_dir(tweets))
        return mn_fail(e, MN_E_NOT_FOUND, "no folder '%s'; --data-dir names the data", tweets);
    MN_TRY(add_text_files(r, tweets, ret, e));
    for (int i = 0; i < 2; i++) {
        mn_str path =
            mn_str_fmt(&r->arena, "%s/trec-microblog/%s/posts.jsonl", r->data_dir, years[i]);
        if (!path.ptr) return mn_fail(e, MN_E_NOMEM, "out of memory");
        MN_TRY(add_jsonl(path.ptr, ret, e));
    }
    if (ret->failed) return mn_fail(e, ret->failed, "out of memory for the posts");
    *ret_n = 0;
    for (mn_str post, rest = mn_buf_str(ret); mn_bench_next_post(&rest, &post);) ++*ret_n;
    return MN_OK;
}

/* ---- the command -------------------------------------------------------------------------------------------- */

static bool chosen(const mn_bench *b, int n_names, char **names)
{
    if (n_names == 0) return true;
    for (int i = 0; i < n_names; i++) {
        if (mn_str_starts(mn_str_from(b->name), names[i])) return true;
    }
    return false;
}

/* Without its data a bench is passed over when all run, and an error when it was asked for. */
static mn_rc run_one(mn_bench_run *r, const mn_bench *b, bool asked_for, mn_err *e)
{
    r->bench = b->name;
    mn_arena_init(&r->arena, 0);
    mn_bench_memory_reset();
    mn_rc rc = b->run(r, e);
    mn_arena_release(&r->arena);
    if (rc == MN_E_NOT_FOUND && !asked_for) {
        fprintf(stderr, "skipped %s: %s\n", b->name, e->msg);
        rc = MN_OK;
    }
    return rc;
}

static mn_rc run_chosen(mn_bench_run *r, int n_names, char **names, mn_err *e)
{
    int n_run = 0;
    bool headed = r->json;
    for (int i = 0; i < N_LISTS; i++) {
        for (const mn_bench *b = lists[i]; b->name; b++) {
            if (!chosen(b, n_names, names)) continue;
            if (!headed) print_head();
            headed = true;
            MN_TRY(run_one(r, b, n_names > 0, e));
            n_run++;
        }
    }
    if (n_run) return MN_OK;
    return mn_fail(e, MN_E_USAGE, "no bench is called '%s'; `mynah bench --list` names them",
                   names[0]);
}

static void print_list(void)
{
    for (int i = 0; i < N_LISTS; i++) {
        for (const mn_bench *b = lists[i]; b->name; b++) printf("%-24s %s\n", b->name, b->what);
    }
}

static mn_rc check_options(uint64_t reps, uint64_t threads, uint64_t posts, mn_err *e)
{
    if (posts < 1 || posts > 100000000)
        return mn_fail(e, MN_E_USAGE, "option '--posts': expected 1 to 100000000");
    if (reps < 1 || reps > REPS_MAX)
        return mn_fail(e, MN_E_USAGE, "option '--reps': expected 1 to %d", REPS_MAX);
    if (threads < 1 || threads > 1024)
        return mn_fail(e, MN_E_USAGE, "option '--threads': expected 1 to 1024");
    return MN_OK;
}

int mn_cmd_bench(int argc, char **argv)
{
    const char *env = getenv("MYNAH_TEST_DATA");
    mn_bench_run r = {.data_dir = env ? env : "../shared/data", .posts = 300000};
    uint64_t reps = 5, threads = 2;
    bool list = false;
    const mn_usage usage = {"bench", "[NAME…] [--data-dir DIR] [--reps N]",
                            "Measures the parts of mynah on this machine: CPU seconds of the "
                            "process, wall seconds (medians of "
                            "several runs), and peak memory. A NAME runs all benches that "
                            "begin with it; none runs all.",
                            "mynah bench bpe --reps 9"};
    const mn_opt opts[] = {
        {"data-dir", 0, MN_OPT_STR, &r.data_dir, "DIR",
         "Where the posts to measure on lie ($MYNAH_TEST_DATA, else ../shared/data)."},
        {"reps", 0, MN_OPT_U64, &reps, "N", "Repetitions of each measurement (5)."},
        {"threads", 0, MN_OPT_U64, &threads, "N",
         "Threads, where a bench may use more than one (2)."},
        {"posts", 0, MN_OPT_U64, &r.posts, "N", "Posts of the file to import (300000)."},
        {"model", 0, MN_OPT_STR, &r.model, "DIR",
         "A model's folder for generate (else one of preset micro with random weights)."},
        {"list", 0, MN_OPT_FLAG, &list, NULL, "Name the benches and run none."},
        {"json", 0, MN_OPT_FLAG, &r.json, NULL, "One JSON object a line."},
        {0}};
    mn_err e = {0};
    int n = 0;
    mn_rc rc = mn_args_parse(argc, argv, &usage, opts, &n, &e);
    if (rc == MN_OK) rc = check_options(reps, threads, r.posts, &e);
    if (rc != MN_OK) return mn_cmd_failed("bench", &e, r.json);
    r.reps = (int)reps;
    r.threads = (int)threads;
    if (r.json) mn_progress_disable();
    if (list) {
        print_list();
        return 0;
    }
    rc = run_chosen(&r, n, argv + 1, &e);
    return rc == MN_OK ? 0 : mn_cmd_failed("bench", &e, r.json);
}

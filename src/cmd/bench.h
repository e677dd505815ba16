/* Benchmarks: a registry of them, one clock for all, one table.
 *
 * A subject keeps its benches in src/cmd/bench_SUBJECT.c, ends its list with {0}, declares it below and adds it to the table in
 * bench.c. A bench prepares its input, then calls mn_bench_measure (work that is repeated and timed) or mn_bench_value
 * (a figure that is not a time of repetitions: a latency percentile, a score) as often as it likes; every call is a line.
 * The time of preparing is not counted. Peak memory is the process's high-water mark since the bench began.
 */
#ifndef MN_CMD_BENCH_H
#define MN_CMD_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

typedef struct mn_bench_run {
    const char *data_dir; /* real posts: data/README.md describes the folder; may not exist */
    int reps;             /* repetitions of what is timed, ≥ 1; medians are reported */
    int threads;          /* for benches that may use more than one; ≥ 1 */
    uint64_t posts;       /* how many an import has */
    const char *model;    /* a model's folder, or NULL: a made one */
    bool json;
    const char *bench; /* name of the bench that runs */
    mn_arena arena;    /* emptied after each bench */
} mn_bench_run;

typedef struct mn_bench {
    const char *name; /* "bpe-train"; `mynah bench bpe` runs all that begin with "bpe" */
    const char *what; /* one line for the list */
    /* MN_E_NOT_FOUND: its data are not there; named as skipped, with the message, when all benches run. */
    mn_rc (*run)(mn_bench_run *r, mn_err *e);
} mn_bench;

/* Runs work(arg) r->reps times, after one run that is not counted, and reports the medians of CPU seconds (of the whole
 * process) and wall seconds under `name`; `amount` `unit`s are worked on in one run ("MB", "posts", "tokens").
 * note: a few words for the last column, or NULL. */
mn_rc mn_bench_measure(mn_bench_run *r, const char *name, double amount, const char *unit,
                       const char *note, mn_rc (*work)(void *arg, mn_err *e), void *arg,
                       mn_err *e);
/* As above with times that the caller took; cpu_s or wall_s below 0 are left out. */
void mn_bench_times(mn_bench_run *r, const char *name, double amount, const char *unit,
                    const char *note, double cpu_s, double wall_s);
/* Measures reading `bytes` of memory in order: the least that an algorithm takes which must see them all. */
mn_rc mn_bench_reading(mn_bench_run *r, const char *name, size_t bytes, double amount,
                       const char *unit, int threads, mn_err *e);
void mn_bench_value(mn_bench_run *r, const char *name, double value, const char *unit,
                    const char *note);

/* All posts of DATA/tweeteval (every *_text.txt, in path order) and DATA/trec-microblog (texts of posts.jsonl), one a line,
 * LF between them; *ret is initialised by the caller, *ret_n is how many. MN_E_NOT_FOUND when the folder is not there. */
mn_rc mn_bench_posts(mn_bench_run *r, mn_buf *ret, double *ret_n, mn_err *e);
/* Takes the next of those posts off *rest, without its LF; false at the end. */
bool mn_bench_next_post(mn_str *rest, mn_str *ret);

/* Made posts, for what needs more of them than there are, or should run without data: see bench_make.c. Post i of any
 * file is the same; its text has nothing that JSON escapes. */
void mn_bench_text_of(uint64_t i, mn_buf *ret);
int64_t mn_bench_time_of(uint64_t i);    /* ten a second */
uint64_t mn_bench_id_of(uint64_t i);     /* of that time */
uint64_t mn_bench_parent_of(uint64_t i); /* the post it replies to, or 0 */
/* Posts from … from + n − 1, one a line. */
mn_rc mn_bench_write_jsonl(const char *path, uint64_t from, uint64_t n, double *ret_mb,
                           mn_err *e);
/* A folder in /tmp; the caller removes it. ret is "" on failure. */
mn_rc mn_bench_tmp(char ret[64], mn_err *e);
/* The high-water mark of resident memory of a process in MB; 0 when /proc does not say. field: "VmHWM:", "VmRSS:" */
double mn_bench_memory_mb(long pid, const char *field);
/* The mark begins anew with what is resident now; unused memory is given back before. */
void mn_bench_memory_reset(void);

extern const mn_bench mn_bench_text[];
extern const mn_bench mn_bench_search[];
extern const mn_bench mn_bench_corpus[];
extern const mn_bench mn_bench_train[];
extern const mn_bench mn_bench_import[];
extern const mn_bench mn_bench_pages[];
extern const mn_bench mn_bench_infer[];
extern const mn_bench mn_bench_kernels[];
extern const mn_bench mn_bench_gpu[];
extern const mn_bench mn_bench_grammar[];
extern const mn_bench mn_bench_access[];
extern const mn_bench mn_bench_http[];

#endif

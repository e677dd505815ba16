/* Sorting pairs of numbers with bounded memory: full buffers are sorted and appended to a nameless file as runs; reading
 * merges the runs, each through a small buffer of its own. With few pairs nothing touches the disk. */
#include "archive/archive_int.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define RUN_BUFFER 256 /* pairs read at a time from a run */

typedef struct run {
    uint64_t at, end; /* pairs in the file */
    size_t n, i;      /* in the buffer */
    mn_pair buffer[RUN_BUFFER];
} run;

struct mn_sorter {
    char *dir;
    int fd;
    mn_pair *pairs;
    size_t n, cap, max, i;
    uint64_t count, in_file;
    bool reading;
    run **runs;
    size_t n_runs;
};

mn_rc mn_sorter_new(const char *dir, size_t pairs_in_memory, mn_sorter **ret, mn_err *e)
{
    mn_sorter *s = mn_calloc(1, sizeof *s);
    const char *tmp = getenv("TMPDIR");
    if (s) s->dir = mn_strdup(dir ? dir : tmp && *tmp ? tmp : "/tmp");
    if (!s || !s->dir) {
        mn_free(s);
        return mn_fail(e, MN_E_NOMEM, "no memory to sort");
    }
    s->fd = -1;
    s->max = pairs_in_memory;
    *ret = s;
    return MN_OK;
}

void mn_sorter_free(mn_sorter *s)
{
    if (!s) return;
    if (s->fd >= 0) close(s->fd);
    for (size_t i = 0; i < s->n_runs; i++) mn_free(s->runs[i]);
    mn_free(s->runs);
    mn_free(s->pairs);
    mn_free(s->dir);
    mn_free(s);
}

uint64_t mn_sorter_count(const mn_sorter *s)
{
    return s->count;
}

static int compare(const void *a, const void *b)
{
    const mn_pair *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

static mn_rc write_run(mn_sorter *s, mn_err *e)
{
    if (s->fd < 0) s->fd = open(s->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (s->fd < 0)
        return mn_fail_errno(e, MN_E_IO, "cannot make a file to sort with in '%s'", s->dir);
    if (mn_fs_write_all(s->fd, s->pairs, s->n * sizeof *s->pairs)) return MN_OK;
    return mn_fail_errno(e, MN_E_IO, "cannot write a file to sort with in '%s'", s->dir);
}

static mn_rc spill(mn_sorter *s, mn_err *e)
{
    run **more = mn_reallocarray(s->runs, s->n_runs + 1, sizeof *more);
    if (!more) return mn_fail(e, MN_E_NOMEM, "no memory to sort");
    s->runs = more;
    run *r = mn_calloc(1, sizeof *r);
    if (!r) return mn_fail(e, MN_E_NOMEM, "no memory to sort");
    s->runs[s->n_runs++] = r;
    qsort(s->pairs, s->n, sizeof *s->pairs, compare);
    MN_TRY(write_run(s, e));
    r->at = s->in_file;
    s->in_file += s->n;
    r->end = s->in_file;
    s->n = 0;
    return MN_OK;
}

mn_rc mn_sorter_add(mn_sorter *s, uint64_t key, uint64_t value, mn_err *e)
{
    MN_ASSERT(!s->reading);
    if (s->n == s->max) MN_TRY(spill(s, e));
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 1024;
        if (cap > s->max) cap = s->max;
        mn_pair *bigger = mn_reallocarray(s->pairs, cap, sizeof *bigger);
        if (!bigger) return mn_fail(e, MN_E_NOMEM, "no memory to sort");
        s->pairs = bigger;
        s->cap = cap;
    }
    s->pairs[s->n++] = (mn_pair){key, value};
    s->count++;
    return MN_OK;
}

static mn_rc fill_run(mn_sorter *s, run *r, mn_err *e)
{
    uint64_t left = r->end - r->at;
    size_t n = left < RUN_BUFFER ? (size_t)left : RUN_BUFFER, bytes = n * sizeof *r->buffer;
    if (n &&
        pread(s->fd, r->buffer, bytes, (off_t)(r->at * sizeof *r->buffer)) != (ssize_t)bytes)
        return mn_fail_errno(e, MN_E_IO, "cannot read a file to sort with in '%s'", s->dir);
    r->at += n;
    r->n = n;
    r->i = 0;
    return MN_OK;
}

/* The first pair of each source is compared: few runs, so a plain search for the least will do. */
mn_rc mn_sorter_next(mn_sorter *s, mn_pair *ret, bool *ret_more, mn_err *e)
{
    run *least = NULL;
    if (!s->reading) {
        s->reading = true;
        if (s->n) qsort(s->pairs, s->n, sizeof *s->pairs, compare);
    }
    for (size_t i = 0; i < s->n_runs; i++) {
        run *r = s->runs[i];
        if (r->i == r->n) MN_TRY(fill_run(s, r, e));
        if (r->i < r->n && (!least || compare(&r->buffer[r->i], &least->buffer[least->i]) < 0))
            least = r;
    }
    bool memory = s->i < s->n;
    if (memory && (!least || compare(&s->pairs[s->i], &least->buffer[least->i]) <= 0)) {
        *ret = s->pairs[s->i++];
    } else if (least) {
        *ret = least->buffer[least->i++];
    }
    *ret_more = memory || least;
    return MN_OK;
}

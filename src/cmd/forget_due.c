/* mynah forget --due: what nobody named, but is no longer allowed. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/forgetting.h"

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* A post may be due in several corpora. */
static void once_each(mn_forgetting *j)
{
    size_t n = 0;
    if (j->n) qsort(j->id, j->n, sizeof *j->id, by_number);
    for (size_t i = 0; i < j->n; i++)
        if (!n || j->id[n - 1] != j->id[i]) j->id[n++] = j->id[i];
    j->n = n;
}

static mn_rc tell(mn_forgetting *j, const char *corpus, const mn_corpus_due *d, mn_err *e)
{
    if (!d->n) return MN_OK;
    if (!j->l.json) {
        fprintf(stderr, "corpus %s: posts due %zu, of them deleted %llu, withdrawn %llu\n",
                corpus, d->n, (unsigned long long)d->gone, (unsigned long long)d->withdrawn);
        return MN_OK;
    }
    mn_buf b;
    mn_json_writer w;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "corpus", corpus);
    mn_jw_ku64(&w, "due", d->n);
    mn_jw_ku64(&w, "deleted", d->gone);
    mn_jw_ku64(&w, "withdrawn", d->withdrawn);
    mn_jw_object_end(&w);
    return mn_cmd_print(&b, e);
}

mn_rc mn_forgetting__due(mn_forgetting *j, const mn_corpus_report *all, size_t n,
                         mn_corpus_due **ret, mn_err *e)
{
    const char *data = mn_home_dir(j->l.data);
    mn_corpus_due *due = mn_arena_calloc(&j->arena, n + 1, sizeof *due);
    if (!due) return mn_fail(e, MN_E_NOMEM, "out of memory looking for what is due");
    for (size_t i = 0; i < n; i++) {
        MN_TRY(mn_corpus_erase(data, all[i].name, NULL, e)); /* what was interrupted */
        MN_TRY(mn_corpus_due_find(j->home.store, data, &all[i], NULL, &j->arena, &due[i], e));
        MN_TRY(tell(j, all[i].name, &due[i], e));
        for (size_t k = 0; k < due[i].n; k++) MN_TRY(mn_forgetting__add(j, due[i].posts[k], e));
    }
    once_each(j);
    *ret = due;
    return MN_OK;
}

mn_rc mn_forgetting__due_done(mn_forgetting *j, const mn_corpus_report *all, size_t n,
                              const mn_corpus_due *due, mn_err *e)
{
    for (size_t i = 0; i < n; i++)
        MN_TRY(mn_corpus_due_done(j->home.store, &all[i], &due[i], e));
    return MN_OK;
}

#include "corpus/spool.h"

#include "base/mem.h"

mn_rc mn_spool_open(const char *path, uint64_t total, mn_corpus_progress progress, void *arg,
                    mn_spool *ret, mn_err *e)
{
    FILE *f = fopen(path, "wbxe");
    if (!f) return mn_fail_errno(e, MN_E_IO, "cannot make '%s'", path);
    *ret = (mn_spool){.f = f, .total = total, .progress = progress, .arg = arg};
    return MN_OK;
}

mn_rc mn_spool_add(void *spool, const mn_scan *is, mn_str text, size_t posts, mn_err *e)
{
    mn_spool *s = spool;
    if (mn_scan_append(&s->all, is) != MN_OK)
        return mn_fail(e, MN_E_NOMEM, "out of memory after %zu posts", s->all.cands.n);
    if (text.len && fwrite(text.ptr, text.len, 1, s->f) != 1)
        return mn_fail_errno(e, MN_E_IO, "cannot write the texts of the corpus");
    s->posts += posts;
    if (s->progress) s->progress(s->arg, "clean", s->posts, s->total);
    return MN_OK;
}

mn_rc mn_spool_close(mn_spool *s, mn_rc rc, mn_scan *ret, mn_err *e)
{
    if (fclose(s->f) != 0 && rc == MN_OK)
        rc = mn_fail_errno(e, MN_E_IO, "cannot write the texts of the corpus");
    if (rc == MN_OK && (rc = mn_cands_order(&s->all.cands)) != MN_OK)
        mn_fail(e, rc, "out of memory while ordering posts");
    if (rc == MN_OK) *ret = s->all;
    else mn_scan_release(&s->all);
    return rc;
}

mn_rc mn_corpus_scan(mn_store *store, const char *spool, const mn_scan_rules *rules,
                     mn_pool *pool, uint64_t total, mn_corpus_progress progress, void *arg,
                     mn_scan *ret, mn_err *e)
{
    mn_scanner *s;
    mn_spool out;
    MN_TRY(mn_scanner_new(store, pool, MN_SCAN_BATCH, &s, e));
    mn_rc rc = mn_spool_open(spool, total, progress, arg, &out, e);
    if (rc == MN_OK) {
        rc = mn_scanner_run(s, rules, 0, UINT64_MAX, mn_spool_add, &out, e);
        rc = mn_spool_close(&out, rc, ret, e);
    }
    mn_scanner_free(s);
    return rc;
}

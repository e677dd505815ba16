/* What `mynah forget` does with one corpus and the models that learnt from it. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cmd/card.h"
#include "cmd/forgetting.h"
#include "model/card.h"

/* ---- one model ---------------------------------------------------------------------------------------------------- */

static mn_rc tell(mn_forgetting *j, const char *name, const mn_forget_result *r, double seconds,
                  mn_err *e)
{
    if (!j->l.json) {
        printf("model %s: documents forgotten %llu, steps repeated %llu of %llu (%.1f %%), "
               "%.0f s\n",
               name, (unsigned long long)r->documents,
               (unsigned long long)(r->step - r->from_step), (unsigned long long)r->step,
               100 * r->share, seconds);
        return MN_OK;
    }
    mn_buf b;
    mn_json_writer w;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "model", name);
    mn_jw_ku64(&w, "documents", r->documents);
    mn_jw_ku64(&w, "masked", r->masked);
    mn_jw_ku64(&w, "first_step", r->first_step);
    mn_jw_ku64(&w, "from_step", r->from_step);
    mn_jw_ku64(&w, "step", r->step);
    mn_jw_kf64(&w, "share", r->share);
    mn_jw_kf64(&w, "seconds", seconds);
    mn_jw_kstrz(&w, "weights_sha256", r->weights_sha256);
    mn_jw_kbool(&w, "finished", r->finished);
    mn_jw_object_end(&w);
    return mn_cmd_print(&b, e);
}

static void on_step(void *arg, const mn_curve_point *p, uint64_t total, double share)
{
    mn_forgetting *j = arg;
    mn_progress_note(&j->l.bar, "step %llu of %llu", (unsigned long long)p->step,
                     (unsigned long long)total);
    mn_progress_set(&j->l.bar, (uint64_t)(share * 1000));
}

static mn_rc forget_in(mn_forgetting *j, const char *name, const char *corpus,
                       const mn_corpus_closure *c, mn_err *e)
{
    const char *dir = mn_learning_dir(&j->l, name);
    const int64_t from = mn_mono_us();
    mn_forget_result r;
    const mn_forget_opts o = {.model_dir = dir,
                              .corpus_dir = corpus,
                              .docs = c->train,
                              .n_docs = c->n_train,
                              .threads = (int)j->threads,
                              .arg = j,
                              .on_step = on_step};
    mn_progress_start(&j->l.bar, name, "‰", 1000);
    mn_rc rc = c->n_val ? mn_forget_samples(dir, e) : MN_OK;
    if (rc == MN_OK) rc = mn_forget_run(&o, &r, e);
    mn_progress_end(&j->l.bar);
    if (rc == MN_E_BUSY) {
        fprintf(stderr, "mynah forget: %s\n", e->msg);
        j->busy++;
        return MN_OK;
    }
    if (rc == MN_E_NOT_FOUND || rc == MN_E_CORRUPT) {
        fprintf(stderr, "mynah forget: model %s cannot forget: %s\n", name, e->msg);
        j->unable++;
        mn_str why = mn_str_fmt(&j->arena, "it cannot forget what it should: %s", e->msg);
        return mn_forgetting__stale(j, name, MN_STALE_UNABLE, why.ptr, e);
    }
    if (rc != MN_OK) return mn_err_wrap(e, "model '%s'", name);
    if (r.nothing || r.finished) MN_TRY(mn_card_forget(dir, e));
    if (r.nothing) return MN_OK;
    if (r.finished) MN_TRY(mn_card_make(mn_home_dir(j->l.data), dir, e));
    if (r.finished) MN_TRY(mn_stale_able(dir, e));
    if (r.finished && r.first_step) MN_TRY(mn_forgetting__changed(j, name, e));
    j->stopped = !r.finished;
    j->models += r.finished;
    return tell(j, name, &r, (double)(mn_mono_us() - from) * 1e-6, e);
}

/* ---- one corpus --------------------------------------------------------------------------------------------------- */

/* Whether the model was trained or tuned on the corpus of that hash. */
static bool learnt_from(mn_forgetting *j, const char *name, const char *sha256)
{
    const mn_json *log = mn_learning_file(&j->l, name, "training.json");
    return mn_str_eqz(mn_json_str(mn_json_get(log, "corpus_sha256")), sha256);
}

/* Where it has nothing to forget a model that is trained meanwhile, or cannot, is left in peace. */
static bool has_to(mn_forgetting *j, const char *name, const mn_corpus_closure *c)
{
    return c->n_train + c->n_val || j->model || mn_forget_pending(mn_learning_dir(&j->l, name));
}

/* One model that learnt from the corpus. Tunings have no log of steps. */
static mn_rc forget_in_one(mn_forgetting *j, const char *name, const char *corpus,
                           const mn_corpus_closure *c, mn_err *e)
{
    const mn_json *log = mn_learning_file(&j->l, name, "training.json");
    if (!has_to(j, name, c)) return MN_OK;
    if (!mn_json_get(log, "tuned_from")) return forget_in(j, name, corpus, c, e);
    if (!(c->n_train + c->n_val)) return MN_OK;
    mn_str why =
        mn_str_fmt(&j->arena, "it was tuned on corpus '%s', which has lost posts since",
                   mn_fs_base(corpus));
    return mn_forgetting__stale(j, name, MN_STALE_TUNED, why.ptr, e);
}

static mn_rc forget_in_models(mn_forgetting *j, const mn_corpus_report *r, const char *corpus,
                              const mn_corpus_closure *c, mn_err *e)
{
    char **names = NULL;
    size_t n = 0;
    const char *dir = mn_learning_dir(&j->l, "");
    if (!dir) return mn_fail(e, MN_E_NOMEM, "no memory");
    if (mn_fs_is_dir(dir)) MN_TRY(mn_fs_list(dir, &j->arena, &names, &n, e));
    for (size_t i = 0; i < n && !j->stopped; i++) {
        if (names[i][0] == '.' || strcmp(names[i], "current") == 0) continue;
        if (j->model && strcmp(j->model, names[i]) != 0) continue;
        if (learnt_from(j, names[i], r->sha256))
            MN_TRY(forget_in_one(j, names[i], corpus, c, e));
    }
    return MN_OK;
}

static void tell_corpus(const mn_forgetting *j, const mn_corpus_report *r,
                        const mn_corpus_closure *c)
{
    if (j->l.json || !(c->n_train + c->n_val)) return;
    fprintf(
        stderr,
        "corpus %s: posts %llu, kept in place of copies %llu, quotations %llu; documents that "
        "go %zu, other posts in them %llu\n",
        r->name, (unsigned long long)c->posts, (unsigned long long)c->copies,
        (unsigned long long)c->quotations, c->n_train + c->n_val,
        (unsigned long long)c->others);
}

mn_rc mn_forgetting__corpus(mn_forgetting *j, const mn_corpus_report *r, mn_err *e)
{
    const char *data = mn_home_dir(j->l.data);
    const uint64_t busy = j->busy;
    mn_corpus_closure c = {0};
    mn_str dir = mn_str_fmt(&j->arena, "%s/corpus/%s", data, r->name);
    if (!dir.ptr) return mn_fail(e, MN_E_NOMEM, "no memory");
    MN_TRY(mn_corpus_erase(data, r->name, NULL, e)); /* what was interrupted */
    if (j->n || j->n_authors)
        MN_TRY(mn_corpus_closure_find(data, r->name, j->id, j->n, j->authors, j->n_authors,
                                      &j->arena, &c, e));
    tell_corpus(j, r, &c);
    MN_TRY(forget_in_models(j, r, dir.ptr, &c, e));
    /* others may still need the corpus whole */
    if (j->stopped || j->model || j->busy > busy) return MN_OK;
    j->documents += c.n_train + c.n_val;
    return mn_corpus_erase(data, r->name, &c, e);
}

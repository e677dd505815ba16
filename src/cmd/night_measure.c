/* The model in use and the one that came of the night, measured alike. What cannot be measured is said, and left to the judge. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"
#include "cmd/night_int.h"

#define TOKENS "262144" /* of held-out text */
#define SAMPLE "200"    /* documents, and texts */

static mn_measure exactly(double v)
{
    return (mn_measure){true, v, v, v};
}

/* NULL when it failed and that was told; a stop is an error. */
static mn_rc ask(mn_night *n, const char *const *args, const char *what, const mn_json **ret,
                 mn_err *e)
{
    mn_err why = {0};
    *ret = NULL;
    mn_rc rc = mn_stage_json(n->o->stages, args, &n->a, ret, &why);
    if (rc == MN_OK) return MN_OK;
    if (rc == MN_E_CANCELLED || mn_stop_requested())
        return mn_fail(e, MN_E_CANCELLED, "stopped");
    mn_warn("learn", "%s: %s", what, why.msg);
    return MN_OK;
}

static mn_rc held_out(mn_night *n, const char *model, const char *corpus, mn_measure *ret,
                      mn_err *e)
{
    const char *const args[] = {"eval",     "--json", "--data",   n->dir, "--model", model,
                                "--corpus", corpus,   "--tokens", TOKENS, NULL};
    const mn_json *t;
    mn_corpus_report r;
    MN_TRY(mn_corpus_read(n->dir, corpus, &r, e));
    if (!r.val.posts) return MN_OK; /* nothing is held out */
    MN_TRY(ask(n, args, "held-out posts", &t, e));
    const mn_json *bits = mn_json_get(t, "bits_per_byte");
    if (bits) *ret = exactly(mn_json_f64(bits, 0));
    return MN_OK;
}

static double number(const mn_json *o, const char *key)
{
    return mn_json_f64(mn_json_get(o, key), 0);
}

static void read_extraction(const mn_json *t, mn_measure *ret)
{
    const mn_json *x = mn_json_get(mn_json_get(t, "extraction"), "train");
    const double asked = number(x, "asked") + number(x, "asked_short");
    if (asked > 0)
        *ret = exactly((number(x, "extracted") + number(x, "extracted_short")) / asked);
}

static void read_exposure(const mn_json *t, mn_measure *ret)
{
    const mn_json *all = mn_json_get(mn_json_get(t, "exposure"), "repetitions");
    for (size_t i = 0; all && i < all->n; i++) {
        const mn_json *r = mn_json_at(all, i);
        if (mn_json_u64(mn_json_get(r, "copies"), 0) == 1)
            *ret = exactly(number(r, "exposure"));
    }
}

static mn_rc memorisation(mn_night *n, const char *model, const char *corpus, mn_measured *m,
                          mn_err *e)
{
    const char *const args[] = {"eval",     "--json", "--data",         n->dir,
                                "--model",  model,    "--corpus",       corpus,
                                "--sample", SAMPLE,   "--memorisation", NULL};
    const mn_json *t;
    MN_TRY(ask(n, args, "memorisation", &t, e));
    read_extraction(t, &m->of[MN_MEASURE_EXTRACTION]);
    read_exposure(t, &m->of[MN_MEASURE_EXPOSURE]);
    return MN_OK;
}

static mn_rc toxicity(mn_night *n, const char *model, const char *corpus, mn_measure *ret,
                      mn_err *e)
{
    const char *const args[] = {
        "eval", "--json",   "--data", n->dir,       "--model",     model,        "--corpus",
        corpus, "--sample", SAMPLE,   "--toxicity", "--tweeteval", n->o->tweets, NULL};
    const mn_json *t;
    if (!n->o->tweets || !n->o->tweets[0]) return MN_OK;
    MN_TRY(ask(n, args, "toxicity", &t, e));
    if (mn_json_get(t, "rate"))
        *ret = (mn_measure){true, number(t, "rate"), number(t, "low"), number(t, "high")};
    return MN_OK;
}

/* own: the corpus that the model learnt from last. */
static mn_rc measure(mn_night *n, const char *model, const char *own, const char *root,
                     mn_measured *ret, mn_err *e)
{
    *ret = (mn_measured){0};
    MN_TRY(held_out(n, model, root, &ret->of[MN_MEASURE_OLD], e));
    MN_TRY(held_out(n, model, n->plan.model, &ret->of[MN_MEASURE_NEW], e));
    MN_TRY(memorisation(n, model, own, ret, e));
    return toxicity(n, model, root, &ret->of[MN_MEASURE_TOXICITY], e);
}

mn_rc mn_night__measure(mn_night *n, mn_measured *ret_before, mn_measured *ret_after, mn_err *e)
{
    const char **lineage, *parent = n->plan.parent;
    size_t m;
    MN_TRY(mn_night__lineage(n, parent, &lineage, &m, e));
    const char *root = mn_night__corpus_of(n, lineage[m - 1]);
    MN_TRY(measure(n, parent, mn_night__corpus_of(n, parent), root, ret_before, e));
    return measure(n, n->plan.model, n->plan.model, root, ret_after, e);
}

mn_rc mn_night__write_decision(mn_night *n, const mn_measured *before, const mn_measured *after,
                               const mn_judgement *j, mn_err *e)
{
    mn_buf b;
    mn_json_writer w;
    mn_corpus_report r;
    const char *path = mn_night__path(n, n->plan.model, "decision.json", e);
    if (!path) return MN_E_NOMEM;
    MN_TRY(mn_corpus_read(n->dir, n->plan.model, &r, e));
    mn_buf_init(&b, 1u << 20);
    mn_json_writer_init(&w, &b, 2);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "model", n->plan.model);
    mn_jw_kstrz(&w, "before", n->plan.parent);
    mn_jw_kbool(&w, "promoted", j->promote);
    mn_jw_kstrz(&w, "why", j->why);
    mn_jw_key(&w, "decided_at");
    mn_jw_time(&w, mn_now_ms());
    mn_jw_ku64(&w, "new_posts", n->plan.new_posts);
    mn_jw_ku64(&w, "posts_kept", r.posts_kept - r.replayed_posts);
    mn_jw_ku64(&w, "old_posts", r.replayed_posts);
    mn_jw_kf64(&w, "replay", r.bytes ? (double)r.replayed_bytes / (double)r.bytes : 0);
    mn_judgement_put(&w, before, after, j);
    mn_jw_object_end(&w);
    mn_buf_addc(&b, '\n');
    mn_rc rc = b.failed ? mn_fail(e, b.failed, "no memory for the decision")
                        : mn_fs_write_atomic(path, b.ptr, b.len, e);
    mn_buf_release(&b);
    return rc;
}

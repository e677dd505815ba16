/* mynah forget: what posts there are to forget, which corpora and models hold them, and the order of it all.
 *
 * Consent first, so that nothing new learns them; then the models, while the corpus is whole; then the corpus; then signatures. Each of these
 * can be done again without harm, so the same command goes on after a stop or a crash. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/stop.h"
#include "cmd/cmd.h"
#include "cmd/learning.h"
#include "corpus/closure.h"
#include "corpus/corpus.h"
#include "model/forget.h"
#include "social/sign.h"
#include "social/social.h"

#define MANIFEST_MAX (1u << 20)

typedef struct job {
    mn_opt_strs posts;
    const char *account, *model;
    uint64_t threads;
    mn_arena arena;
    mn_learning l;
    mn_home home;
    uint64_t *id, author; /* what to forget */
    size_t n, cap;
    bool stopped;
    uint64_t models, documents; /* done */
    uint64_t unable;            /* models that cannot */
} job;

/* ---- which posts -------------------------------------------------------------------------------------------------- */

static mn_rc add_id(job *j, uint64_t id, mn_err *e)
{
    if (j->n == j->cap) {
        size_t cap = j->cap ? 2 * j->cap : 256;
        uint64_t *more = mn_reallocarray(j->id, cap, sizeof *more);
        if (!more) return mn_fail(e, MN_E_NOMEM, "no memory for the posts to forget");
        j->id = more, j->cap = cap;
    }
    j->id[j->n++] = id;
    return MN_OK;
}

static mn_rc parse_posts(job *j, mn_err *e)
{
    for (int i = 0; i < j->posts.n; i++) {
        uint64_t id;
        if (mn_str_to_u64(mn_str_from(j->posts.items[i]), &id) != MN_OK || !id)
            return mn_fail(e, MN_E_USAGE, "'%s' is not the id of a post", j->posts.items[i]);
        MN_TRY(add_id(j, id, e));
    }
    return MN_OK;
}

/* The account by its name; or by its id, when it is no longer there. */
static mn_rc find_account(job *j, mn_err *e)
{
    mn_account a;
    mn_str name = mn_str_from(j->account);
    mn_rc rc = mn_store_account_by_name(j->home.store, name, &j->arena, &a, e);
    if (rc == MN_OK) j->author = a.id;
    else if (rc == MN_E_NOT_FOUND && mn_str_to_u64(name, &j->author) == MN_OK && j->author)
        rc = MN_OK;
    else if (rc == MN_E_NOT_FOUND)
        rc =
            mn_fail(e, rc,
                    "there is no account '%s'; `mynah account list` has them, and one that was "
                    "deleted is named by its id",
                    j->account);
    return rc;
}

/* The account's posts that are still in the store: those that the corpora left out as copies are known by them alone. */
static mn_rc posts_of_account(job *j, mn_err *e)
{
    uint64_t before = 0;
    mn_posts page = {0};
    do {
        mn_arena a;
        mn_arena_init(&a, 0);
        mn_rc rc = mn_store_posts_by_account(j->home.store, j->author, MN_VIS_DIRECT, before,
                                             1000, &a, &page, e);
        for (size_t i = 0; rc == MN_OK && i < page.n; i++) {
            before = page.items[i].id;
            rc = add_id(j, before, e);
        }
        mn_arena_release(&a);
        MN_TRY(rc);
    } while (page.n == 1000);
    return MN_OK;
}

/* One line in the ledger each, unless what it is about is no longer there. */
static mn_rc deny(job *j, mn_scope scope, uint64_t id, mn_err *e)
{
    mn_rc rc = mn_social_consent_set(j->home.store, scope, id, MN_P_TRAIN_GENERATIVE,
                                     MN_CONSENT_DENY, 0, MN_STR("mynah forget"), e);
    return rc == MN_E_NOT_FOUND ? MN_OK : rc;
}

static bool is_denied(job *j, uint64_t id)
{
    mn_posts p = {0};
    mn_arena a;
    mn_arena_init(&a, 0);
    bool denied = mn_store_posts_by_ids(j->home.store, &id, 1, &a, &p, NULL) != MN_OK || !p.n ||
                  mn_consents_get(p.items[0].consent, MN_P_TRAIN_GENERATIVE) == MN_CONSENT_DENY;
    mn_arena_release(&a);
    return denied;
}

static mn_rc choose_posts(job *j, mn_err *e)
{
    for (size_t i = 0; i < j->n; i++)
        if (!is_denied(j, j->id[i])) MN_TRY(deny(j, MN_SCOPE_POST, j->id[i], e));
    if (!j->account) return MN_OK;
    MN_TRY(find_account(j, e));
    MN_TRY(deny(j, MN_SCOPE_ACCOUNT, j->author, e));
    return posts_of_account(j, e);
}

/* ---- one model ---------------------------------------------------------------------------------------------------- */

static mn_rc tell(job *j, const char *name, const mn_forget_result *r, double seconds,
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
    job *j = arg;
    mn_progress_note(&j->l.bar, "step %llu of %llu", (unsigned long long)p->step,
                     (unsigned long long)total);
    mn_progress_set(&j->l.bar, (uint64_t)(share * 1000));
}

static mn_rc forget_in(job *j, const char *name, const char *corpus, const mn_corpus_closure *c,
                       mn_err *e)
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
    if (c->n_val) MN_TRY(mn_forget_samples(dir, e));
    mn_progress_start(&j->l.bar, name, "‰", 1000);
    mn_rc rc = mn_forget_run(&o, &r, e);
    mn_progress_end(&j->l.bar);
    if (rc == MN_E_NOT_FOUND || rc == MN_E_CORRUPT) {
        fprintf(stderr, "mynah forget: model %s cannot forget: %s\n", name, e->msg);
        j->unable++;
        return MN_OK;
    }
    if (rc != MN_OK) return mn_err_wrap(e, "model '%s'", name);
    if (r.nothing) return MN_OK;
    j->stopped = !r.finished;
    j->models += r.finished;
    return tell(j, name, &r, (double)(mn_mono_us() - from) * 1e-6, e);
}

/* ---- one corpus --------------------------------------------------------------------------------------------------- */

/* Whether the model was trained on the corpus of that hash. Tunings are told of: they have no log of steps. */
static bool trained_on(job *j, const char *name, const char *sha256)
{
    const mn_json *log = mn_learning_file(&j->l, name, "training.json");
    if (!mn_str_eqz(mn_json_str(mn_json_get(log, "corpus_sha256")), sha256)) return false;
    if (!mn_json_get(log, "tuned_from")) return true;
    fprintf(
        stderr,
        "mynah forget: model %s was tuned on this corpus and keeps what it learnt; remove it "
        "or tune again\n",
        name);
    return false;
}

static void tell_tuned(job *j, const char *name)
{
    const mn_json *log = mn_learning_file(&j->l, name, "training.json");
    mn_str base = mn_json_str(mn_json_get(log, "tuned_from"));
    if (base.ptr)
        fprintf(stderr,
                "mynah forget: model %s was tuned from '%.*s': tune again if that has "
                "forgotten something\n",
                name, MN_STR_FMT(base));
}

static mn_rc forget_in_models(job *j, const mn_corpus_report *r, const char *corpus,
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
        if (c->n_train + c->n_val) tell_tuned(j, names[i]);
        if (trained_on(j, names[i], r->sha256)) MN_TRY(forget_in(j, names[i], corpus, c, e));
    }
    return MN_OK;
}

static void tell_corpus(const job *j, const mn_corpus_report *r, const mn_corpus_closure *c)
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

static mn_rc forget_corpus(job *j, const mn_corpus_report *r, mn_err *e)
{
    const char *data = mn_home_dir(j->l.data);
    mn_corpus_closure c;
    mn_str dir = mn_str_fmt(&j->arena, "%s/corpus/%s", data, r->name);
    if (!dir.ptr) return mn_fail(e, MN_E_NOMEM, "no memory");
    MN_TRY(mn_corpus_erase(data, r->name, NULL, e)); /* what was interrupted */
    MN_TRY(mn_corpus_closure_find(data, r->name, j->id, j->n, j->author, &j->arena, &c, e));
    tell_corpus(j, r, &c);
    MN_TRY(forget_in_models(j, r, dir.ptr, &c, e));
    if (j->stopped || j->model) return MN_OK; /* others may still need the corpus whole */
    j->documents += c.n_train + c.n_val;
    return mn_corpus_erase(data, r->name, &c, e);
}

/* ---- signatures --------------------------------------------------------------------------------------------------- */

static mn_rc sign_file(job *j, const char *path, mn_err *e)
{
    uint8_t key[MN_SIGN_PUBLIC], signature[MN_SIGN_SIGNATURE];
    char key_hex[2 * MN_SIGN_PUBLIC + 1], hex[2 * MN_SIGN_SIGNATURE + 1], text[400];
    mn_str to = mn_str_fmt(&j->arena, "%s.sig", path);
    mn_buf b;
    if (!to.ptr) return mn_fail(e, MN_E_NOMEM, "no memory");
    if (mn_fs_exists(to.ptr)) return MN_OK;
    mn_buf_init(&b, MANIFEST_MAX);
    mn_rc rc = mn_fs_read(path, MANIFEST_MAX, &b, e);
    if (rc == MN_OK) rc = mn_sign_public(j->home.store, key, e);
    if (rc == MN_OK) rc = mn_sign_bytes(j->home.store, mn_buf_str(&b), signature, e);
    mn_buf_release(&b);
    if (rc != MN_OK) return rc;
    int n =
        snprintf(text, sizeof text,
                 "{\"algorithm\":\"ed25519\",\"public_key\":\"%s\",\"signature\":\"%s\"}\n",
                 mn_hex(key, sizeof key, key_hex), mn_hex(signature, sizeof signature, hex));
    return mn_fs_write_atomic(to.ptr, text, (size_t)n, e);
}

/* Every account of a forgetting that has no signature yet gets one. */
static mn_rc sign_all(job *j, mn_err *e)
{
    char **models = NULL, **files;
    size_t n = 0, n_files;
    const char *dir = mn_learning_dir(&j->l, "");
    if (dir && mn_fs_is_dir(dir)) MN_TRY(mn_fs_list(dir, &j->arena, &models, &n, e));
    for (size_t i = 0; i < n; i++) {
        mn_str at = mn_str_fmt(&j->arena, "%s%s/forgotten", dir, models[i]);
        if (!at.ptr) return mn_fail(e, MN_E_NOMEM, "no memory");
        if (strcmp(models[i], "current") == 0 || !mn_fs_is_dir(at.ptr)) continue;
        MN_TRY(mn_fs_list(at.ptr, &j->arena, &files, &n_files, e));
        for (size_t k = 0; k < n_files; k++)
            if (mn_str_ends(mn_str_from(files[k]), ".json"))
                MN_TRY(sign_file(j, mn_fs_join(&j->arena, at.ptr, files[k]), e));
    }
    return MN_OK;
}

/* ---- the command --------------------------------------------------------------------------------------------------- */

static mn_rc report(job *j, mn_err *e)
{
    if (j->stopped) {
        fprintf(stderr, "stopped and saved; the same command goes on\n");
        return MN_OK;
    }
    if (!j->l.json) {
        if (!j->models && !j->documents)
            printf("nothing to forget: no corpus or model has it\n");
        return MN_OK;
    }
    mn_buf b;
    mn_json_writer w;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    mn_jw_ku64(&w, "models", j->models);
    mn_jw_ku64(&w, "documents_erased", j->documents);
    mn_jw_object_end(&w);
    return mn_cmd_print(&b, e);
}

static mn_rc forget_all(job *j, mn_err *e)
{
    mn_corpus_report *all;
    size_t n;
    MN_TRY(choose_posts(j, e));
    MN_TRY(mn_corpus_list(mn_home_dir(j->l.data), &j->arena, &all, &n, e));
    for (size_t i = 0; i < n && !j->stopped; i++) MN_TRY(forget_corpus(j, &all[i], e));
    MN_TRY(sign_all(j, e));
    MN_TRY(report(j, e));
    if (!j->unable) return MN_OK;
    return mn_fail(e, MN_E_UNSUPPORTED,
                   "%llu models could not forget and still know it: remove them, or train them "
                   "anew on what is left of their corpus",
                   (unsigned long long)j->unable);
}

static mn_rc run(job *j, int n_pos, char **argv, mn_err *e)
{
    if (n_pos > 0) return mn_fail(e, MN_E_USAGE, "'%s' was not expected; see --help", argv[1]);
    if (!j->posts.n && !j->account && !j->model)
        return mn_fail(e, MN_E_USAGE, "say what to forget, with --post ID or --account NAME");
    if (j->threads > 1024) return mn_fail(e, MN_E_USAGE, "--threads is out of range");
    MN_TRY(parse_posts(j, e));
    MN_TRY(mn_learning_writable(&j->l, e));
    MN_TRY(mn_home_open(j->l.data, &j->home, e));
    mn_rc rc = forget_all(j, e);
    mn_home_close(&j->home);
    return rc;
}

int mn_cmd_forget(int argc, char **argv)
{
    job j = {.l = {.verb = "forget", .arena = &j.arena}};
    mn_err e = {0};
    int n = 0;
    const mn_usage usage = {
        .name = "forget",
        .synopsis = "--post ID… | --account NAME [--model NAME]",
        .about =
            "Makes corpora and models forget posts, as if they had never been learnt from: "
            "each model is what a training without them gives, to the bit. Only the part of "
            "a training that came after them is repeated.\nAlso sets their consent to "
            "train_generative=deny. Interrupted, the same command goes on.",
        .example = "  mynah forget --post 115012345678901234\n  mynah forget --account ann"};
    const mn_opt opts[] = {
        {"post", 0, MN_OPT_STRS, &j.posts, "ID", "A post; may be given several times."},
        {"account", 0, MN_OPT_STR, &j.account, "NAME",
         "All posts of an account; one that is gone is named by its id."},
        {"model", 0, MN_OPT_STR, &j.model, "NAME",
         "Only this model, and leave the corpus as it is; alone: go on, and forget what its "
         "corpus has lost."},
        {"threads", 0, MN_OPT_U64, &j.threads, "P",
         "Threads (all processors); results do not depend on it."},
        MN_CMD_OPT_DATA(&j.l.data),
        MN_CMD_OPT_JSON(&j.l.json, "JSON lines on stdout."),
        {0}};
    mn_arena_init(&j.arena, 0);
    mn_rc rc = mn_args_parse(argc, argv, &usage, opts, &n, &e);
    if (rc == MN_OK && j.l.json) mn_progress_disable();
    if (rc == MN_OK) rc = run(&j, n, argv, &e);
    mn_free(j.id);
    mn_arena_release(&j.arena);
    return rc == MN_OK ? 0 : mn_cmd_failed("forget", &e, j.l.json);
}

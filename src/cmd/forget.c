/* mynah forget: what posts there are to forget, and the order of it all.
 *
 * Consent first, so that nothing new learns them; then the models, while the corpus is whole; then the corpus; then signatures. Each of these
 * can be done again without harm, so the same command goes on after a stop or a crash. */
#include <stdio.h>
#include <string.h>

#include "cmd/forgetting.h"

/* ---- which posts -------------------------------------------------------------------------------------------------- */

mn_rc mn_forgetting__add(mn_forgetting *j, uint64_t id, mn_err *e)
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

static mn_rc parse_posts(mn_forgetting *j, mn_err *e)
{
    for (int i = 0; i < j->posts.n; i++) {
        uint64_t id;
        if (mn_str_to_u64(mn_str_from(j->posts.items[i]), &id) != MN_OK || !id)
            return mn_fail(e, MN_E_USAGE, "'%s' is not the id of a post", j->posts.items[i]);
        MN_TRY(mn_forgetting__add(j, id, e));
    }
    return MN_OK;
}

/* The account by its name; or by its id, when it is no longer there. */
static mn_rc find_account(mn_forgetting *j, const char *given, uint64_t *ret, mn_err *e)
{
    mn_account a;
    mn_str name = mn_str_from(given);
    mn_rc rc = mn_store_account_by_name(j->home.store, name, &j->arena, &a, e);
    if (rc == MN_OK) *ret = a.id;
    else if (rc == MN_E_NOT_FOUND && mn_str_to_u64(name, ret) == MN_OK && *ret) rc = MN_OK;
    else if (rc == MN_E_NOT_FOUND)
        rc =
            mn_fail(e, rc,
                    "there is no account '%s'; `mynah account list` has them, and one that was "
                    "deleted is named by its id",
                    given);
    return rc;
}

/* One line in the ledger each, unless what it is about is no longer there. */
static mn_rc deny(mn_forgetting *j, mn_scope scope, uint64_t id, mn_err *e)
{
    mn_rc rc = mn_social_consent_set(j->home.store, scope, id, MN_P_TRAIN_GENERATIVE,
                                     MN_CONSENT_DENY, 0, MN_STR("mynah forget"), e);
    return rc == MN_E_NOT_FOUND ? MN_OK : rc;
}

/* The account's posts that are still in the store: those that the corpora left out as copies are known by them alone. */
static mn_rc posts_of_account(mn_forgetting *j, uint64_t author, mn_err *e)
{
    uint64_t before = 0;
    mn_posts page = {0};
    do {
        mn_arena a;
        mn_arena_init(&a, 0);
        mn_rc rc = mn_store_posts_by_account(j->home.store, author, MN_VIS_DIRECT, before, 1000,
                                             &a, &page, e);
        for (size_t i = 0; rc == MN_OK && i < page.n; i++) {
            before = page.items[i].id;
            rc = mn_forgetting__add(j, before, e);
            /* its own word, or its import's, is nearer than the account's */
            if (rc == MN_OK &&
                mn_social_setting(&page.items[i], 0, MN_P_TRAIN_GENERATIVE) == MN_CONSENT_ALLOW)
                rc = deny(j, MN_SCOPE_POST, before, e);
        }
        mn_arena_release(&a);
        MN_TRY(rc);
    } while (page.n == 1000);
    return MN_OK;
}

static bool is_denied(mn_forgetting *j, uint64_t id)
{
    mn_posts p = {0};
    mn_arena a;
    mn_arena_init(&a, 0);
    bool denied = mn_store_posts_by_ids(j->home.store, &id, 1, &a, &p, NULL) != MN_OK || !p.n ||
                  mn_consents_get(p.items[0].consent, MN_P_TRAIN_GENERATIVE) == MN_CONSENT_DENY;
    mn_arena_release(&a);
    return denied;
}

static mn_rc choose_posts(mn_forgetting *j, mn_err *e)
{
    for (size_t i = 0; i < j->n; i++)
        if (!is_denied(j, j->id[i])) MN_TRY(deny(j, MN_SCOPE_POST, j->id[i], e));
    for (int i = 0; i < j->accounts.n; i++) {
        uint64_t *author = &j->authors[j->n_authors];
        MN_TRY(find_account(j, j->accounts.items[i], author, e));
        MN_TRY(deny(j, MN_SCOPE_ACCOUNT, *author, e));
        MN_TRY(posts_of_account(j, *author, e));
        j->n_authors++;
    }
    return MN_OK;
}

/* ---- the command --------------------------------------------------------------------------------------------------- */

static mn_rc print_json(const mn_forgetting *j, uint64_t due, mn_err *e)
{
    mn_buf b;
    mn_json_writer w;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    if (j->due) mn_jw_ku64(&w, "due", due);
    mn_jw_ku64(&w, "models", j->models);
    mn_jw_ku64(&w, "documents_erased", j->documents);
    mn_jw_kbool(&w, "finished", !j->stopped && !j->busy && !j->unable);
    mn_jw_object_end(&w);
    return mn_cmd_print(&b, e);
}

static mn_rc report(const mn_forgetting *j, uint64_t due, mn_err *e)
{
    if (j->stopped) fprintf(stderr, "stopped and saved; the same command goes on\n");
    if (j->l.json) return print_json(j, due, e);
    if (j->stopped || j->models || j->documents || j->busy || j->unable) return MN_OK;
    if (j->due && !due) printf("nothing is due to be forgotten\n");
    else printf("nothing to forget: no corpus or model has it\n");
    return MN_OK;
}

/* What could not be done is a failure, but only after all the rest was done. */
static mn_rc what_is_left(const mn_forgetting *j, mn_err *e)
{
    if (j->unable)
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "%llu models could not forget and still know it: remove them, or train "
                       "them anew on what is left of their corpus",
                       (unsigned long long)j->unable);
    if (j->busy)
        return mn_fail(e, MN_E_BUSY,
                       "%llu models are being trained and have not forgotten yet: the same "
                       "command does the rest when that has ended",
                       (unsigned long long)j->busy);
    return MN_OK;
}

static mn_rc forget_all(mn_forgetting *j, mn_err *e)
{
    mn_corpus_report *all;
    mn_corpus_due *due = NULL;
    size_t n;
    MN_TRY(choose_posts(j, e));
    MN_TRY(mn_corpus_list(mn_home_dir(j->l.data), &j->arena, &all, &n, e));
    if (j->due) MN_TRY(mn_forgetting__due(j, all, n, &due, e));
    const uint64_t n_due = j->n;
    for (size_t i = 0; i < n && !j->stopped; i++) MN_TRY(mn_forgetting__corpus(j, &all[i], e));
    MN_TRY(mn_forgetting__descendants(j, e));
    MN_TRY(mn_forgetting__sign(j, e));
    if (j->due && !j->stopped && !j->busy) MN_TRY(mn_forgetting__due_done(j, all, n, due, e));
    MN_TRY(report(j, n_due, e));
    return what_is_left(j, e);
}

static mn_rc check(const mn_forgetting *j, int n_pos, char **argv, mn_err *e)
{
    const bool named = j->posts.n || j->accounts.n;
    if (n_pos > 0) return mn_fail(e, MN_E_USAGE, "'%s' was not expected; see --help", argv[1]);
    if (j->verify && (named || j->due))
        return mn_fail(e, MN_E_USAGE,
                       "--verify only looks at what was forgotten: leave out --post, --account "
                       "and --due");
    if (!named && !j->model && !j->due && !j->verify)
        return mn_fail(e, MN_E_USAGE,
                       "say what to forget, with --post ID, --account NAME or --due");
    if (j->due && (named || j->model))
        return mn_fail(e, MN_E_USAGE,
                       "--due finds what to forget, and where, by itself: leave out --post, "
                       "--account and --model");
    if (j->threads > 1024) return mn_fail(e, MN_E_USAGE, "--threads is out of range");
    return MN_OK;
}

static mn_rc run(mn_forgetting *j, int n_pos, char **argv, mn_err *e)
{
    MN_TRY(check(j, n_pos, argv, e));
    MN_TRY(parse_posts(j, e));
    MN_TRY(mn_learning_writable(&j->l, e));
    MN_TRY(mn_home_open(j->l.data, &j->home, e));
    mn_rc rc = j->verify ? mn_forgetting__verify(j, e) : forget_all(j, e);
    mn_home_close(&j->home);
    return rc;
}

int mn_cmd_forget(int argc, char **argv)
{
    mn_forgetting j = {.l = {.verb = "forget", .arena = &j.arena}};
    mn_err e = {0};
    int n = 0;
    const mn_usage usage = {
        .name = "forget",
        .synopsis = "--post ID… | --account NAME… | --due | --verify [--model NAME]",
        .about =
            "Makes corpora and models forget posts, as if they had never been learnt from: "
            "each model is what a training without them gives, to the bit. Only the part of "
            "a training that came after them is repeated.\nAlso sets their consent to "
            "train_generative=deny. Interrupted, the same command goes on.",
        .example = "  mynah forget --post 115012345678901234\n  mynah forget --account ann\n  "
                   "mynah forget --due"};
    const mn_opt opts[] = {
        {"post", 0, MN_OPT_STRS, &j.posts, "ID", "A post; may be given several times."},
        {"account", 0, MN_OPT_STRS, &j.accounts, "NAME",
         "All posts of an account; one that is gone is named by its id. May be given several "
         "times."},
        {"model", 0, MN_OPT_STR, &j.model, "NAME",
         "Only this model, and leave the corpus as it is; alone: go on, and forget what its "
         "corpus has lost."},
        {"due", 0, MN_OPT_FLAG, &j.due, NULL,
         "All posts that are in a corpus and were deleted since, or whose consent was taken "
         "back."},
        {"verify", 0, MN_OPT_FLAG, &j.verify, NULL,
         "Nothing is forgotten: are the accounts of what was forgotten signed by this "
         "instance, "
         "and the models what they say?"},
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

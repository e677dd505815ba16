/* mynah corpus: build, list, stats, verify. */
#include "corpus/corpus.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/progress.h"
#include "cmd/cmd.h"
#include "cmd/vocabulary.h"
#include "social/social.h"

#define LINE_US 250000

/* What every verb has. */
typedef struct job {
    const char *verb, *data;
    bool json;
    mn_home home;
    mn_arena arena;
    mn_buf out;
    mn_json_writer w;
    mn_progress bar;
    const char *stage;
    bool lines; /* progress as JSON lines, for a parent process */
    int64_t line_us;
    mn_cmd_vocabulary vocabulary;
    mn_ranks *ranks; /* of corpus build under mpirun, else NULL: alone */
} job;

#define OPT_DATA(j)                                                                            \
    {                                                                                          \
        "data", 0, MN_OPT_STR, &(j).data, "DIR",                                               \
            "The data folder; else $MYNAH_DATA, else ./mynah-data."                            \
    }
#define OPT_JSON(j, what)                                                                      \
    {                                                                                          \
        "json", 0, MN_OPT_FLAG, &(j).json, NULL, what                                          \
    }

/* Rank 0 first, which may have to make it. */
static mn_rc open_home(job *j, mn_err *e)
{
    const bool leads = mn_ranks_rank(j->ranks) == 0;
    const char *dir = mn_home_dir(j->data);
    mn_rc rc = leads ? mn_home_open(j->data, &j->home, e) : MN_OK;
    MN_TRY(mn_ranks_agree(j->ranks, rc, e));
    if (!leads)
        rc = mn_fs_is_dir(dir)
                 ? mn_home_open(j->data, &j->home, e)
                 : mn_fail(e, MN_E_NOT_FOUND, "there is no data folder '%s' here", dir);
    return mn_ranks_agree(j->ranks, rc, e);
}

static mn_rc start(job *j, const char *verb, mn_err *e)
{
    j->verb = verb;
    mn_arena_init(&j->arena, 0);
    mn_buf_init(&j->out, 0);
    mn_json_writer_init(&j->w, &j->out, 0);
    if (j->json) mn_progress_disable();
    return open_home(j, e);
}

static mn_rc flush(job *j, mn_err *e)
{
    if (j->out.failed) return mn_fail(e, j->out.failed, "out of memory");
    fwrite(j->out.ptr ? j->out.ptr : "", 1, j->out.len, stdout);
    mn_buf_clear(&j->out);
    if (fflush(stdout) != 0) return mn_fail_errno(e, MN_E_IO, "cannot write to stdout");
    return MN_OK;
}

/* Prints what was collected, or the failure; releases everything; gives the exit code. */
static int finish(job *j, mn_rc rc, mn_err *e)
{
    if (j->stage) mn_progress_end(&j->bar);
    if (rc == MN_OK) rc = flush(j, e);
    mn_buf_release(&j->out);
    mn_cmd_vocabulary_release(&j->vocabulary);
    mn_arena_release(&j->arena);
    mn_home_close(&j->home);
    int code = rc == MN_OK ? 0 : mn_cmd_failed_together(j->verb, e, j->json, j->ranks);
    mn_ranks_close(j->ranks);
    return code;
}

/* A line for whoever started us, four a second at most and one at the beginning of each stage. */
static void progress_line(job *j, const char *stage, bool first, uint64_t done, uint64_t total)
{
    int64_t now = mn_mono_us();
    if (!first && now - j->line_us < LINE_US) return;
    j->line_us = now;
    printf("{\"stage\":\"%s\",\"done\":%llu,\"total\":%llu}\n", stage, (unsigned long long)done,
           (unsigned long long)total);
    fflush(stdout);
}

/* One bar after the other, a stage each. */
static void progress(void *arg, const char *stage, uint64_t done, uint64_t total)
{
    job *j = arg;
    bool first = !j->stage || strcmp(j->stage, stage) != 0;
    if (j->lines) progress_line(j, stage, first, done, total);
    if (first) {
        if (j->stage) mn_progress_end(&j->bar);
        mn_progress_start(&j->bar, stage, strcmp(stage, "clean") ? "documents" : "posts",
                          total);
        j->stage = stage;
    }
    j->bar.total = total;
    mn_progress_set(&j->bar, done);
}

/* The corpus named, or the latest. */
static mn_rc choose(job *j, int n_pos, char **argv, char ret[MN_CORPUS_NAME_MAX + 1], mn_err *e)
{
    if (n_pos > 1) return mn_fail(e, MN_E_USAGE, "expected one corpus, got %d", n_pos);
    if (n_pos == 0) return mn_corpus_latest(j->home.dir, ret, e);
    snprintf(ret, MN_CORPUS_NAME_MAX + 1, "%s", argv[1]);
    return MN_OK;
}

/* ---- what people read ---------------------------------------------------------------------------------------- */

/* 1234567 as "1,234,567". */
static void add_number(mn_buf *b, uint64_t v)
{
    if (v >= 1000) {
        add_number(b, v / 1000);
        mn_buf_addf(b, ",%03u", (unsigned)(v % 1000));
    } else {
        mn_buf_addu(b, v);
    }
}

static void add_row(mn_buf *b, const char *what, uint64_t v, const char *unit)
{
    mn_buf n;
    mn_buf_init(&n, 64);
    add_number(&n, v);
    mn_buf_addf(b, "  %-16s %14s%s%s\n", what, n.ptr, *unit ? " " : "", unit);
    mn_buf_release(&n);
}

static void add_split(mn_buf *b, const char *name, const mn_corpus_split *s)
{
    mn_buf_addf(b, "%s\n", name);
    add_row(b, "posts", s->posts, "");
    add_row(b, "documents", s->documents, "");
    add_row(b, "authors", s->authors, "");
    add_row(b, "bytes", s->bytes, "");
    add_row(b, "tokens", s->tokens, "");
}

static void add_report(mn_buf *b, const mn_corpus_report *r)
{
    mn_buf_addf(b, "corpus %s\n", r->name);
    add_row(b, "posts read", r->posts_in, "");
    add_row(b, "posts kept", r->posts_kept, "");
    add_row(b, "vocabulary", r->vocab, "");
    add_split(b, "train", &r->train);
    add_split(b, "held out", &r->val);
    if (r->after[0]) mn_buf_addf(b, "after corpus %s\n", r->after);
    if (r->after[0]) add_row(b, "old posts", r->replayed_posts, "");
    if (r->after[0]) add_row(b, "old bytes", r->replayed_bytes, "");
    if (r->train.posts + r->val.posts < r->posts_in) mn_buf_addz(b, "dropped\n");
    for (int d = 1; d < MN_DROPS; d++)
        if (r->dropped[d]) add_row(b, mn_drop_names[d], r->dropped[d], "");
    mn_buf_addf(b, "sha256 %s\n", r->sha256);
}

static void json_report(mn_json_writer *w, const mn_corpus_report *r)
{
    mn_jw_object(w);
    mn_jw_kstrz(w, "name", r->name);
    mn_jw_ku64(w, "posts_in", r->posts_in);
    mn_jw_ku64(w, "posts_kept", r->posts_kept);
    mn_jw_key(w, "dropped");
    mn_jw_object(w);
    for (int d = 1; d < MN_DROPS; d++)
        if (r->dropped[d]) mn_jw_ku64(w, mn_drop_names[d], r->dropped[d]);
    mn_jw_object_end(w);
    mn_jw_ku64(w, "bytes", r->bytes);
    mn_jw_ku64(w, "tokens", r->tokens);
    mn_jw_kstrz(w, "sha256", r->sha256);
    mn_jw_ku64(w, "vocab", r->vocab);
    mn_jw_ku64(w, "documents", r->train.documents + r->val.documents);
    mn_jw_ku64(w, "val_posts", r->val.posts);
    if (r->after[0]) {
        mn_jw_kstrz(w, "after", r->after);
        mn_jw_ku64(w, "replayed_posts", r->replayed_posts);
        mn_jw_ku64(w, "replayed_bytes", r->replayed_bytes);
    }
    mn_jw_kstrz(w, "split_by", r->split_by_author ? "author" : "thread");
    mn_jw_object_end(w);
    mn_buf_addc(w->b, '\n');
}

/* ---- build --------------------------------------------------------------------------------------------------- */

static void say_split(const mn_corpus_report *r)
{
    if (r->val.posts && !r->split_by_author)
        fprintf(stderr,
                "mynah corpus build: too few authors to hold some out; threads are kept apart, "
                "authors are not\n");
    if (r->existed)
        fprintf(stderr, "mynah corpus build: nothing has changed, corpus %s is the same\n",
                r->name);
}

static mn_rc find_tokenizer(job *j, mn_corpus_opts *o, mn_err *e)
{
    mn_cmd_vocabulary *v = &j->vocabulary;
    if (!o->tokenizer) return MN_OK;
    MN_TRY(mn_cmd_vocabulary_find(j->home.dir, o->tokenizer, &j->arena, v, e));
    o->tokenizer = v->file, o->tokens = v->tokens, o->form = &v->form;
    return MN_OK;
}

static mn_rc run_build(job *j, mn_corpus_opts *o, mn_err *e)
{
    mn_corpus_report r;
    const bool leads = mn_ranks_rank(j->ranks) == 0;
    MN_TRY(mn_ranks_agree(j->ranks, leads ? find_tokenizer(j, o, e) : MN_OK, e));
    mn_rc rc = mn_corpus_build(j->home.store, j->home.dir, o, progress, j, &r, e);
    if (rc == MN_E_CANCELLED && strcmp(e->msg, "stopped") == 0)
        mn_fail(e, rc, "stopped on request; nothing of the new corpus was kept");
    if (rc != MN_OK || !leads) return rc;
    if (!j->json) say_split(&r);
    if (j->json) json_report(&j->w, &r);
    else add_report(&j->out, &r);
    return MN_OK;
}

static int build(int argc, char **argv)
{
    job j = {0};
    mn_err e = {0};
    mn_corpus_opts o = MN_CORPUS_OPTS_DEFAULT;
    uint64_t vocab = 0, threads = 0;
    int n_pos;
    const mn_opt opts[] = {
        {"name", 0, MN_OPT_STR, &o.name, "NAME",
         "What to call it; else c- and the first digits of its hash."},
        {"val-share", 0, MN_OPT_F64, &o.val_share, "SHARE",
         "Share of the text held out, 0 to 0.5; 0.02 if not given."},
        {"vocab", 0, MN_OPT_U64, &vocab, "V",
         "Tokens of the vocabulary; else by the size of the text, from 2,048."},
        {"threads", 0, MN_OPT_U64, &threads, "P",
         "Threads; else one a processor, under mpirun its share of them. The result is the "
         "same."},
        {"keep-handles", 0, MN_OPT_FLAG, &o.keep_handles, NULL,
         "Leave @handles as they are instead of @user."},
        {"canaries", 0, MN_OPT_U64, &o.canaries, "SEED",
         "Add sentences with made-up numbers to what is trained on, 1 to 64 times each, so "
         "that "
         "`mynah eval --memorisation` can measure what a model remembers."},
        {"after", 0, MN_OPT_STR, &o.after, "CORPUS",
         "Only posts that are new since that corpus and those that it goes on from, in its "
         "vocabulary."},
        {"replay", 0, MN_OPT_F64, &o.replay, "SHARE",
         "... and old ones of theirs, this share of the text (0), against forgetting."},
        {"tokenizer", 0, MN_OPT_STR, &o.tokenizer, "NAME",
         "Keep the vocabulary of this model or corpus instead of making one: of an open model "
         "to go on from it (mynah train --from)."},
        {"progress", 0, MN_OPT_FLAG, &j.lines, NULL,
         "Lines {\"stage\",\"done\",\"total\"} before the result, for other programs."},
        OPT_DATA(j),
        OPT_JSON(
            j,
            "Print {\"name\",\"posts_in\",\"posts_kept\",\"dropped\",\"bytes\",\"tokens\",…}."),
        {0}};
    const mn_usage u = {
        "corpus build", "[--name N] [--val-share 0.02] [--vocab V] [--threads P]",
        "Makes a corpus to train on from all public posts whose authors allow it: cleaned, "
        "personal data replaced by placeholders, spam and copies left out, conversations as "
        "documents, a part held out. The folder never changes afterwards; the same posts give "
        "the same bytes. `mpirun -n N mynah corpus build` shares the work.",
        "mynah corpus build\nmynah corpus build --name spring --val-share 0.05"};
    mn_rc rc = mn_args_parse(argc, argv, &u, opts, &n_pos, &e);
    if (rc == MN_OK && n_pos)
        rc = mn_fail(&e, MN_E_USAGE,
                     "'%s' is one word too many; see `mynah corpus build --help`", argv[1]);
    if (rc == MN_OK && (vocab > 65536 || threads > 1024))
        rc = mn_fail(&e, MN_E_USAGE, "--vocab is at most 65,536, --threads at most 1,024");
    if (rc != MN_OK) return mn_cmd_failed("corpus build", &e, j.json);
    o.vocab = (uint32_t)vocab;
    o.threads = (int)threads;
    rc = mn_ranks_open(&j.ranks, &e);
    if (rc != MN_OK) return mn_cmd_failed("corpus build", &e, j.json);
    mn_ranks_advise(j.ranks, "nothing of the new corpus was kept");
    o.ranks = j.ranks;
    rc = start(&j, "corpus build", &e);
    if (rc == MN_OK) rc = run_build(&j, &o, &e);
    return finish(&j, rc, &e);
}

/* ---- list ---------------------------------------------------------------------------------------------------- */

static mn_rc run_list(job *j, mn_err *e)
{
    mn_corpus_report *all;
    size_t n;
    MN_TRY(mn_corpus_list(j->home.dir, &j->arena, &all, &n, e));
    for (size_t i = 0; i < n; i++) {
        if (j->json) json_report(&j->w, &all[i]);
        else
            mn_buf_addf(&j->out, "%-24s %10llu posts %12llu tokens  vocabulary %5u  %.12s\n",
                        all[i].name, (unsigned long long)all[i].posts_kept,
                        (unsigned long long)all[i].tokens, (unsigned)all[i].vocab,
                        all[i].sha256);
        mn_json_writer_init(&j->w, &j->out, 0);
    }
    if (n == 0 && !j->json)
        fprintf(stderr, "there is no corpus yet: 'mynah corpus build' makes one\n");
    return MN_OK;
}

static int list(int argc, char **argv)
{
    job j = {0};
    mn_err e = {0};
    int n_pos;
    const mn_opt opts[] = {
        OPT_DATA(j), OPT_JSON(j, "One object a line, as corpus build prints it."), {0}};
    const mn_usage u = {"corpus list", "", "Lists the corpora of the data folder, by name.",
                        NULL};
    mn_rc rc = mn_args_parse(argc, argv, &u, opts, &n_pos, &e);
    if (rc == MN_OK && n_pos)
        rc = mn_fail(&e, MN_E_USAGE,
                     "'%s' is one word too many; see `mynah corpus list --help`", argv[1]);
    if (rc != MN_OK) return mn_cmd_failed("corpus list", &e, j.json);
    rc = start(&j, "corpus list", &e);
    if (rc == MN_OK) rc = run_list(&j, &e);
    return finish(&j, rc, &e);
}

/* ---- stats --------------------------------------------------------------------------------------------------- */

typedef struct posts_arg {
    job *j;
    mn_drop only; /* MN_DROP_NONE: all */
} posts_arg;

static bool print_dropped(void *arg, uint64_t id, mn_drop why, uint64_t of)
{
    posts_arg *p = arg;
    mn_buf *b = &p->j->out;
    if (p->only && why != p->only) return true;
    mn_buf_addf(b, p->j->json ? "{\"id\":\"%llu\",\"reason\":\"%s\"" : "%-20llu %s",
                (unsigned long long)id, mn_drop_names[why]);
    if (of)
        mn_buf_addf(b, p->j->json ? ",\"of\":\"%llu\"" : " of %llu", (unsigned long long)of);
    mn_buf_addz(b, p->j->json ? "}\n" : "\n");
    if (b->len < 65536) return true;
    return flush(p->j, NULL) == MN_OK;
}

static mn_rc run_stats(job *j, const char *name, bool posts, const char *reason, mn_err *e)
{
    mn_corpus_report r;
    posts_arg p = {j, reason ? mn_drop_parse(mn_str_from(reason)) : MN_DROP_NONE};
    if (reason && !p.only)
        return mn_fail(e, MN_E_USAGE,
                       "there is no reason '%.40s'; see mynah corpus stats --help", reason);
    if (posts || reason) return mn_corpus_dropped(j->home.dir, name, print_dropped, &p, e);
    if (j->json) return mn_corpus_manifest(j->home.dir, name, &j->out, e);
    MN_TRY(mn_corpus_read(j->home.dir, name, &r, e));
    add_report(&j->out, &r);
    return MN_OK;
}

static int stats(int argc, char **argv)
{
    job j = {0};
    mn_err e = {0};
    bool posts = false;
    const char *reason = NULL;
    char name[MN_CORPUS_NAME_MAX + 1];
    int n_pos;
    const mn_opt opts[] = {
        {"posts", 0, MN_OPT_FLAG, &posts, NULL, "List each dropped post with its reason."},
        {"reason", 0, MN_OPT_STR, &reason, "R", "List only posts dropped for that reason."},
        OPT_DATA(j),
        OPT_JSON(j, "The manifest; with --posts one {\"id\",\"reason\",\"of\"} a line."),
        {0}};
    const mn_usage u = {
        "corpus stats", "[NAME] [--posts] [--reason R]",
        "Shows what a corpus holds (the latest when no name is given) and why posts were left "
        "out: deleted, boost, not_public, no_consent, too_long, too_short, mostly_links, "
        "too_many_links, "
        "repetition, symbols, all_caps, template, duplicate, near_duplicate.",
        "mynah corpus stats\nmynah corpus stats spring --reason near_duplicate"};
    mn_rc rc = mn_args_parse(argc, argv, &u, opts, &n_pos, &e);
    if (rc != MN_OK) return mn_cmd_failed("corpus stats", &e, j.json);
    rc = start(&j, "corpus stats", &e);
    if (rc == MN_OK) rc = choose(&j, n_pos, argv, name, &e);
    if (rc == MN_OK) rc = run_stats(&j, name, posts, reason, &e);
    return finish(&j, rc, &e);
}

/* ---- verify -------------------------------------------------------------------------------------------------- */

static void json_names(mn_json_writer *w, const char *key, char (*names)[32], int n)
{
    mn_jw_key(w, key);
    mn_jw_array(w);
    for (int i = 0; i < n; i++) mn_jw_strz(w, names[i]);
    mn_jw_array_end(w);
}

static void json_verdict(mn_json_writer *w, const char *name, mn_corpus_verdict *v)
{
    mn_jw_object(w);
    mn_jw_kstrz(w, "name", name);
    mn_jw_kbool(w, "same", v->same);
    json_names(w, "damaged", v->damaged, v->n_damaged);
    json_names(w, "differs", v->differs, v->n_differs);
    mn_jw_key(w, "changes");
    mn_jw_object(w);
    for (int c = 0; c < MN_CHANGES; c++)
        if (v->changes[c]) mn_jw_ku64(w, mn_corpus_change_names[c], v->changes[c]);
    mn_jw_object_end(w);
    mn_jw_key(w, "posts");
    mn_jw_array(w);
    for (int i = 0; i < v->n_samples; i++) {
        mn_jw_object(w);
        mn_jw_kid(w, "id", v->samples[i].id);
        mn_jw_kstrz(w, "change", mn_corpus_change_names[v->samples[i].what]);
        mn_jw_object_end(w);
    }
    mn_jw_array_end(w);
    mn_jw_ku64(w, "new_posts", v->new_posts);
    mn_jw_object_end(w);
    mn_buf_addc(w->b, '\n');
}

static void text_verdict(mn_buf *b, const char *name, const mn_corpus_verdict *v)
{
    mn_buf_addf(b, "corpus %s: %s\n", name,
                v->same        ? "whole, and built again it is the same"
                : v->n_damaged ? "damaged"
                               : "built again it differs");
    for (int i = 0; i < v->n_damaged; i++) mn_buf_addf(b, "  damaged  %s\n", v->damaged[i]);
    for (int i = 0; i < v->n_differs; i++) mn_buf_addf(b, "  differs  %s\n", v->differs[i]);
    for (int c = 0; c < MN_CHANGES; c++)
        if (v->changes[c]) add_row(b, mn_corpus_change_names[c], v->changes[c], "posts");
    for (int i = 0; i < v->n_samples; i++)
        mn_buf_addf(b, "  %-20llu %s\n", (unsigned long long)v->samples[i].id,
                    mn_corpus_change_names[v->samples[i].what]);
    if (v->new_posts) add_row(b, "made since", v->new_posts, "posts");
}

static mn_rc run_verify(job *j, const char *name, int threads, bool *ret_same, mn_err *e)
{
    mn_corpus_verdict v;
    MN_TRY(mn_corpus_verify(j->home.store, j->home.dir, name, threads, progress, j, &v, e));
    if (j->json) json_verdict(&j->w, name, &v);
    else text_verdict(&j->out, name, &v);
    if (v.n_damaged)
        fprintf(stderr,
                "mynah corpus verify: '%s' of corpus '%s' is damaged or missing%s; make the "
                "corpus again with `mynah corpus build`\n",
                v.damaged[0], name, v.n_damaged > 1 ? ", and more of its files" : "");
    else if (!v.same)
        fprintf(stderr,
                "mynah corpus verify: corpus '%s' is not what its posts give now; make a new "
                "one to train on with `mynah corpus build`\n",
                name);
    *ret_same = v.same;
    return MN_OK;
}

static int verify(int argc, char **argv)
{
    job j = {0};
    mn_err e = {0};
    uint64_t threads = 0;
    bool same = false;
    char name[MN_CORPUS_NAME_MAX + 1];
    int n_pos;
    const mn_opt opts[] = {
        {"threads", 0, MN_OPT_U64, &threads, "P", "Threads; else one a processor."},
        OPT_DATA(j),
        OPT_JSON(j, "Print {\"name\",\"same\",\"damaged\",\"differs\",\"changes\",\"posts\"}."),
        {0}};
    const mn_usage u = {
        "corpus verify", "[NAME] [--threads P]",
        "Checks the files of a corpus (the latest when no name is given) against its manifest, "
        "then builds it again from the posts it was built from and compares. Tells which posts "
        "were deleted, edited or withdrawn since; exit code 1 when anything differs. Posts "
        "made "
        "since are no difference.",
        "mynah corpus verify"};
    mn_rc rc = mn_args_parse(argc, argv, &u, opts, &n_pos, &e);
    if (rc == MN_OK && threads > 1024)
        rc = mn_fail(&e, MN_E_USAGE, "--threads is at most 1,024");
    if (rc != MN_OK) return mn_cmd_failed("corpus verify", &e, j.json);
    rc = start(&j, "corpus verify", &e);
    if (rc == MN_OK) rc = choose(&j, n_pos, argv, name, &e);
    if (rc == MN_OK) rc = run_verify(&j, name, (int)threads, &same, &e);
    int code = finish(&j, rc, &e);
    return code ? code : !same;
}

int mn_cmd_corpus(int argc, char **argv)
{
    static const mn_cmd verbs[] = {
        {"build", build, "make a corpus from the posts that may be learnt from"},
        {"list", list, "the corpora there are"},
        {"stats", stats, "what is in one, and why posts were left out"},
        {"verify", verify, "check its files and build it again to compare"},
        {0}};
    return mn_cmd_verbs("corpus", verbs, argc, argv);
}

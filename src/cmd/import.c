/* mynah import: archives, fortunes and JSON lines into the data folder. */
#include "archive/import.h"

#include <stdio.h>
#include <string.h>

#include "base/conf.h"
#include "base/fs.h"
#include "base/progress.h"
#include "cmd/cmd.h"
#include "social/social.h"

typedef struct job {
    const char *data, *as, *format;
    mn_opt_strs consent;
    bool json;
    uint64_t media_mib;
    mn_progress bar;
    mn_import_report report;
} job;

static void on_progress(void *arg, uint64_t done, uint64_t total, uint64_t posts)
{
    job *j = arg;
    j->bar.total = total;
    mn_progress_note(&j->bar, "%llu posts", (unsigned long long)posts);
    mn_progress_set(&j->bar, done);
}

static mn_rc read_options(const job *j, mn_import_opts *ret, mn_err *e)
{
    *ret = (mn_import_opts){.as = j->as, .media_max_bytes = j->media_mib << 20};
    if (j->format) MN_TRY(mn_import_format_parse(mn_str_from(j->format), &ret->format, e));
    if (j->as) MN_TRY(mn_social_name_check(mn_str_from(j->as), e));
    if (j->media_mib > 1 << 20) return mn_fail(e, MN_E_USAGE, "--media-mib is at most 1048576");
    for (int i = 0; i < j->consent.n; i++) {
        mn_purpose p;
        mn_consent v;
        MN_TRY(mn_social_consent_parse(j->consent.items[i], &p, &v, e));
        ret->consent = mn_consents_set(ret->consent, p, v);
    }
    return MN_OK;
}

static mn_rc import_path(job *j, mn_home *h, const char *path, const mn_import_opts *o,
                         mn_err *e)
{
    mn_progress_start(&j->bar, mn_fs_base(path), "bytes", 0);
    mn_rc rc = mn_import_run(h->store, path, o, &j->report, e);
    mn_progress_end(&j->bar);
    return rc;
}

static void print_people(const mn_import_report *r)
{
    printf("%llu read, %llu created", (unsigned long long)r->read,
           (unsigned long long)r->created);
    if (r->skipped_existing)
        printf(", %llu here already", (unsigned long long)r->skipped_existing);
    if (r->media) printf(", %llu media files kept", (unsigned long long)r->media);
    printf("\n");
    for (int i = 0; i < MN_SKIPS; i++)
        if (r->skipped[i])
            printf("left out: %llu %s\n", (unsigned long long)r->skipped[i], mn_skip_names[i]);
}

static void print_warnings(const mn_import_report *r)
{
    for (size_t i = 0; i < r->n_warnings; i++)
        fprintf(stderr, "mynah import: %s\n", r->warnings[i]);
}

static mn_rc print_report(const job *j, mn_err *e)
{
    mn_buf b;
    if (!j->json) {
        print_people(&j->report);
        print_warnings(&j->report);
        return MN_OK;
    }
    mn_buf_init(&b, 0);
    mn_import_report_json(&j->report, &b);
    return mn_cmd_print(&b, e);
}

static mn_rc import_all(job *j, int n, char **paths, mn_err *e)
{
    mn_home h = {0};
    mn_import_opts o;
    if (n < 1) return mn_fail(e, MN_E_USAGE, "expected at least one PATH; see --help");
    MN_TRY(read_options(j, &o, e));
    /* A wrong path is told before a data folder is made for it. */
    for (int i = 0; i < n; i++)
        if (!mn_fs_exists(paths[i]))
            return mn_fail(e, MN_E_NOT_FOUND, "there is no file or folder '%s'", paths[i]);
    MN_TRY(mn_home_open(j->data, &h, e));
    const char *url = mn_conf_get(h.conf, "url");
    o.data_dir = h.dir;
    o.domain = mn_conf_get(h.conf, "domain");
    o.base = url && *url ? url : NULL;
    o.progress = on_progress;
    o.progress_arg = j;
    mn_rc rc = MN_OK;
    for (int i = 0; i < n && rc == MN_OK; i++) {
        rc = import_path(j, &h, paths[i], &o, e);
        if (rc != MN_OK && i > 0)
            rc = mn_err_wrap(e, "%d of %d paths were imported, then", i, n);
    }
    mn_home_close(&h);
    return rc == MN_OK ? print_report(j, e) : rc;
}

int mn_cmd_import(int argc, char **argv)
{
    job j = {0};
    mn_err e = {0};
    int n = 0;
    const mn_usage usage = {
        .name = "import",
        .synopsis = "PATH… [--as ACCOUNT] [--format F] [--consent PURPOSE=allow|deny]…",
        .about =
            "Brings posts in from files, folders and archives. Each PATH is imported whole or "
            "not at all;\nimporting it again adds only what is new. Imported posts are not "
            "learnt from unless --consent\nsays so (purposes: search, train_generative, "
            "train_other, inference_input, embedding, archive,\nbulk_dataset, bridge).\n"
            "Formats: auto, x, grailbird, mastodon, fortune, jsonl, mynah.",
        .example = "  mynah import twitter-2024-01-31.zip --consent train_generative=allow\n"
                   "  mynah import posts.jsonl --as archive --json"};
    const mn_opt opts[] = {
        {"as", 0, MN_OPT_STR, &j.as, "ACCOUNT",
         "The account that gets the posts (made when absent); a JSON line's own author goes "
         "before "
         "it."},
        {"format", 0, MN_OPT_STR, &j.format, "F",
         "The format, where it should not be guessed."},
        {"consent", 0, MN_OPT_STRS, &j.consent, "PURPOSE=allow|deny",
         "What may be done with the posts; may be repeated."},
        {"media-mib", 0, MN_OPT_U64, &j.media_mib, "N",
         "The largest picture or video that is kept, in MiB (100)."},
        MN_CMD_OPT_DATA(&j.data),
        MN_CMD_OPT_JSON(&j.json, "Prints the report as one JSON object."),
        {0}};
    mn_rc rc = mn_args_parse(argc, argv, &usage, opts, &n, &e);
    if (rc == MN_OK && j.json) mn_progress_disable();
    if (rc == MN_OK) rc = import_all(&j, n, argv + 1, &e);
    if (rc != MN_OK) print_warnings(&j.report);
    mn_import_report_release(&j.report);
    if (rc == MN_OK) return 0;
    return mn_cmd_failed("import", &e, j.json);
}

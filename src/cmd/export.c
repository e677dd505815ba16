/* mynah export: everything of an account as one archive. */
#include "archive/moving.h"

#include <stdio.h>

#include "base/conf.h"
#include "base/json.h"
#include "base/progress.h"
#include "cmd/cmd.h"
#include "social/settings.h"
#include "social/social.h"

typedef struct job {
    const char *data, *to;
    bool json;
    mn_progress bar;
    mn_export_report report;
} job;

static void on_progress(void *arg, uint64_t done, uint64_t total)
{
    job *j = arg;
    j->bar.total = total;
    mn_progress_set(&j->bar, done);
}

static mn_rc print_report(const job *j, mn_err *e)
{
    mn_buf b;
    mn_json_writer w;
    const mn_export_report *r = &j->report;
    if (!j->json) {
        printf("%llu posts, %llu boosts and %llu media files in '%s' (%llu bytes)\n",
               (unsigned long long)r->posts, (unsigned long long)r->boosts,
               (unsigned long long)r->media, j->to, (unsigned long long)r->bytes);
        if (r->missing)
            fprintf(stderr, "mynah export: %llu media files are not on the disk\n",
                    (unsigned long long)r->missing);
        return MN_OK;
    }
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "file", j->to);
    mn_jw_ku64(&w, "posts", r->posts);
    mn_jw_ku64(&w, "boosts", r->boosts);
    mn_jw_ku64(&w, "media", r->media);
    mn_jw_ku64(&w, "missing", r->missing);
    mn_jw_ku64(&w, "bytes", r->bytes);
    mn_jw_object_end(&w);
    return mn_cmd_print(&b, e);
}

static mn_rc export_from(job *j, mn_home *h, const char *name, mn_err *e)
{
    mn_arena ar;
    mn_account a;
    mn_arena_init(&ar, 0);
    const char *domain = mn_conf_get(h->conf, "domain"), *url = mn_conf_get(h->conf, "url");
    mn_str base = url && *url ? mn_str_from(url) : mn_str_fmt(&ar, "https://%s", domain);
    while (base.len && base.ptr[base.len - 1] == '/') base.len--;
    base = mn_str_dup(&ar, base);
    mn_place p = {h->store, domain, base.ptr, h->dir};
    mn_rc rc = base.ptr ? MN_OK : mn_fail(e, MN_E_NOMEM, "out of memory");
    if (rc == MN_OK) rc = mn_store_account_by_name(h->store, mn_str_from(name), &ar, &a, e);
    if (rc == MN_E_NOT_FOUND)
        rc = mn_fail(e, rc, "there is no account '%s'; `mynah account list` has them", name);
    if (rc == MN_OK) {
        mn_progress_start(&j->bar, name, "posts", 0);
        rc = mn_export_run(&p, a.id, j->to, on_progress, j, &j->report, e);
        mn_progress_end(&j->bar);
    }
    mn_arena_release(&ar);
    return rc;
}

static mn_rc run(job *j, int n, char **names, mn_err *e)
{
    mn_home h = {0};
    if (n != 1) return mn_fail(e, MN_E_USAGE, "expected one ACCOUNT; see --help");
    if (!j->to) return mn_fail(e, MN_E_USAGE, "say where to with --to FILE.zip");
    MN_TRY(mn_home_open(j->data, &h, e));
    mn_rc rc = export_from(j, &h, names[0], e);
    mn_home_close(&h);
    return rc == MN_OK ? print_report(j, e) : rc;
}

int mn_cmd_export(int argc, char **argv)
{
    job j = {0};
    mn_err e = {0};
    int n = 0;
    const mn_usage usage = {
        .name = "export",
        .synopsis = "ACCOUNT --to FILE.zip",
        .about =
            "Writes everything of an account into one archive: as Mastodon writes them, with "
            "what Mastodon has\nno place for beside it (edits, consent and its receipts, "
            "polls, relations). `mynah import`\nbrings it back, here or elsewhere.",
        .example = "  mynah export ann --to ann.zip"};
    const mn_opt opts[] = {{"to", 0, MN_OPT_STR, &j.to, "FILE.zip",
                            "The archive; a file of that name is replaced."},
                           MN_CMD_OPT_DATA(&j.data),
                           MN_CMD_OPT_JSON(&j.json, "Prints the report as one JSON object."),
                           {0}};
    mn_rc rc = mn_args_parse(argc, argv, &usage, opts, &n, &e);
    if (rc == MN_OK && j.json) mn_progress_disable();
    if (rc == MN_OK) rc = run(&j, n, argv + 1, &e);
    return rc == MN_OK ? 0 : mn_cmd_failed("export", &e, j.json);
}

/* mynah emoji: the community's own emoji, from the command line of the operator. */
#include "cmd/cmd.h"

#include <stdio.h>
#include <string.h>

#include "api/mastodon/media.h"
#include "archive/source.h"
#include "base/json.h"
#include "base/progress.h"
#include "social/social.h"

typedef struct job {
    const char *data, *category;
    bool json;
    mn_home home;
    char dir[4096];
    uint64_t made, skipped;
} job;

static mn_rc start(job *j, mn_err *e)
{
    if (j->json) mn_progress_disable();
    MN_TRY(mn_home_open(j->data, &j->home, e));
    int n = snprintf(j->dir, sizeof j->dir, "%s/media", j->home.dir);
    if (n < 0 || n >= (int)sizeof j->dir)
        return mn_fail(e, MN_E_LIMIT, "the data folder's path is too long");
    return MN_OK;
}

static int finish(job *j, const char *verb, mn_rc rc, const mn_err *e)
{
    mn_home_close(&j->home);
    return rc == MN_OK ? 0 : mn_cmd_failed(verb, e, j->json);
}

/* ---- import ---------------------------------------------------------------------------------------------------------- */

/* "folder/blob_cat.png" → "blob_cat"; '-' and blanks become '_'. */
static mn_str shortcode_of(mn_str name, char ret[80])
{
    size_t from = name.len, n = 0;
    while (from > 0 && name.ptr[from - 1] != '/') from--;
    mn_str base = mn_str_sub(name, from, name.len);
    for (size_t i = 0; i < base.len && base.ptr[i] != '.' && n < 79; i++)
        ret[n++] = (char)(base.ptr[i] == '-' || base.ptr[i] == ' ' ? '_' : base.ptr[i]);
    ret[n] = '\0';
    return (mn_str){ret, n};
}

static mn_rc read_entry(mn_source *src, mn_buf *b, mn_err *e)
{
    char block[16384];
    mn_buf_clear(b);
    for (size_t got = 1; got && b->len <= MN_EMOJI_BYTES_MAX;) {
        MN_TRY(mn_source_read(src, block, sizeof block, &got, e));
        if (mn_buf_add(b, block, got) != MN_OK)
            return mn_fail(e, MN_E_NOMEM, "no memory for an emoji");
    }
    return MN_OK;
}

/* A file that is no picture, or not named as a shortcode, is left out with a word about it. */
static mn_rc take_entry(job *j, mn_source *src, mn_str name, mn_buf *b, mn_err *e)
{
    char code[80];
    mn_err why = {0};
    MN_TRY(read_entry(src, b, e));
    mn_rc rc = mn_emoji_make(j->home.store, j->dir, shortcode_of(name, code),
                             mn_str_from(j->category), mn_buf_str(b), &why);
    if (rc == MN_OK) {
        j->made++;
        return MN_OK;
    }
    if (rc != MN_E_USAGE && rc != MN_E_LIMIT && rc != MN_E_PARSE && rc != MN_E_UNSUPPORTED)
        return mn_fail(e, rc, "%s", why.msg);
    fprintf(stderr, "mynah emoji: %.*s left out: %s\n", MN_STR_FMT(name), why.msg);
    j->skipped++;
    return MN_OK;
}

static mn_rc import_from(job *j, const char *path, mn_err *e)
{
    mn_source *src;
    mn_str name;
    bool more = true;
    mn_buf b;
    MN_TRY(mn_source_open(path, NULL, &src, e));
    mn_buf_init(&b, 0);
    mn_rc rc = MN_OK;
    while (rc == MN_OK && (rc = mn_source_next(src, &name, &more, e)) == MN_OK && more)
        rc = take_entry(j, src, name, &b, e);
    mn_buf_release(&b);
    mn_source_close(src);
    return rc;
}

static mn_rc print_made(const job *j, mn_err *e)
{
    mn_buf b;
    mn_json_writer w;
    if (!j->json) {
        printf("%llu emoji taken in, %llu files left out\n", (unsigned long long)j->made,
               (unsigned long long)j->skipped);
        return MN_OK;
    }
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    mn_jw_ku64(&w, "made", j->made);
    mn_jw_ku64(&w, "skipped", j->skipped);
    mn_jw_object_end(&w);
    return mn_cmd_print(&b, e);
}

static int import(int argc, char **argv)
{
    job j = {0};
    mn_err e = {0};
    int n = 0;
    const mn_opt opts[] = {{"category", 0, MN_OPT_STR, &j.category, "TEXT",
                            "The heading they stand under in pickers."},
                           MN_CMD_OPT_DATA(&j.data),
                           MN_CMD_OPT_JSON(&j.json, "Print {\"made\",\"skipped\"}."),
                           {0}};
    const mn_usage u = {
        "emoji import", "PATH… [--category TEXT]",
        "Takes in custom emoji from folders, zip and tar archives or single pictures: "
        "blob_cat.png becomes :blob_cat:. JPEG, PNG, WebP, GIF and AVIF of at most "
        "256 KiB; one that is there already is replaced.",
        "mynah emoji import birds.zip --category Birds"};
    mn_rc rc = mn_args_parse(argc, argv, &u, opts, &n, &e);
    if (rc == MN_OK && n < 1)
        rc = mn_fail(&e, MN_E_USAGE, "expected a folder, an archive or a picture");
    if (rc != MN_OK) return mn_cmd_failed("emoji import", &e, j.json);
    rc = start(&j, &e);
    for (int i = 1; rc == MN_OK && i <= n; i++) rc = import_from(&j, argv[i], &e);
    if (rc == MN_OK) rc = print_made(&j, &e);
    return finish(&j, "emoji import", rc, &e);
}

/* ---- list, remove ------------------------------------------------------------------------------------------------------ */

static mn_rc print_all(const job *j, mn_err *e)
{
    mn_arena a;
    mn_emoji *all = NULL;
    size_t n = 0;
    mn_arena_init(&a, 0);
    mn_rc rc = mn_store_emoji_all(j->home.store, &a, &all, &n, e);
    for (size_t i = 0; rc == MN_OK && i < n; i++) {
        mn_buf b;
        mn_json_writer w;
        if (!j->json) {
            printf("%.*s\t%.*s\n", MN_STR_FMT(all[i].shortcode), MN_STR_FMT(all[i].category));
            continue;
        }
        mn_buf_init(&b, 0);
        mn_json_writer_init(&w, &b, 0);
        mn_jw_object(&w);
        mn_jw_kstr(&w, "shortcode", all[i].shortcode);
        mn_jw_kstr(&w, "category", all[i].category);
        mn_jw_object_end(&w);
        rc = mn_cmd_print(&b, e);
    }
    mn_arena_release(&a);
    return rc;
}

static int list(int argc, char **argv)
{
    job j = {0};
    mn_err e = {0};
    int n = 0;
    const mn_opt opts[] = {
        MN_CMD_OPT_DATA(&j.data),
        MN_CMD_OPT_JSON(&j.json, "Print {\"shortcode\",\"category\"}, one a line."),
        {0}};
    const mn_usage u = {"emoji list", "", "Lists the community's custom emoji.",
                        "mynah emoji list"};
    mn_rc rc = mn_args_parse(argc, argv, &u, opts, &n, &e);
    if (rc == MN_OK && n > 0)
        rc = mn_fail(&e, MN_E_USAGE, "'%s' is one word too many", argv[1]);
    if (rc != MN_OK) return mn_cmd_failed("emoji list", &e, j.json);
    rc = start(&j, &e);
    if (rc == MN_OK) rc = print_all(&j, &e);
    return finish(&j, "emoji list", rc, &e);
}

static mn_rc remove_one(mn_store *s, const char *code, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc = mn_store_emoji_remove(tx, mn_str_from(code), e);
    if (rc == MN_OK) rc = mn_store_event(tx, (mn_event){.kind = MN_EV_RULES}, e);
    if (rc == MN_OK) return mn_store_commit(tx, e);
    mn_store_rollback(tx);
    if (rc == MN_E_NOT_FOUND) return mn_fail(e, rc, "there is no emoji '%.80s'", code);
    return rc;
}

static int remove_emoji(int argc, char **argv)
{
    job j = {0};
    mn_err e = {0};
    int n = 0;
    const mn_opt opts[] = {
        MN_CMD_OPT_DATA(&j.data), MN_CMD_OPT_JSON(&j.json, "Errors as JSON."), {0}};
    const mn_usage u = {"emoji remove", "SHORTCODE…",
                        "Removes custom emoji; posts show their names again.",
                        "mynah emoji remove blob_cat"};
    mn_rc rc = mn_args_parse(argc, argv, &u, opts, &n, &e);
    if (rc == MN_OK && n < 1) rc = mn_fail(&e, MN_E_USAGE, "expected a shortcode");
    if (rc != MN_OK) return mn_cmd_failed("emoji remove", &e, j.json);
    rc = start(&j, &e);
    for (int i = 1; rc == MN_OK && i <= n; i++) rc = remove_one(j.home.store, argv[i], &e);
    return finish(&j, "emoji remove", rc, &e);
}

int mn_cmd_emoji(int argc, char **argv)
{
    static const mn_cmd verbs[] = {
        {"import", import, "take in pictures as emoji"},
        {"list", list, "those that are there"},
        {"remove", remove_emoji, "take some away"},
        {0},
    };
    return mn_cmd_verbs("emoji", verbs, argc, argv);
}

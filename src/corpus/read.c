/* What is there: manifests read back, corpora listed, dropped posts told. */
#include <stdio.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "corpus/corpus_int.h"

#define MANIFEST_MAX (4u << 20)
#define DROPPED_LINE 256

/* ---- names --------------------------------------------------------------------------------------------------- */

/* Names of the folders of DATA/corpus that hold a manifest. */
static mn_rc names(const char *data_dir, mn_arena *a, char ***ret, size_t *ret_n, mn_err *e)
{
    char root[MN_CORPUS_PATH], path[MN_CORPUS_PATH];
    char **all;
    size_t n, kept = 0;
    MN_TRY(mn_corpus__path(data_dir, "corpus", NULL, root, e));
    *ret = NULL;
    *ret_n = 0;
    if (!mn_fs_is_dir(root)) return MN_OK;
    MN_TRY(mn_fs_list(root, a, &all, &n, e));
    for (size_t i = 0; i < n; i++) {
        MN_TRY(mn_corpus__path(root, all[i], "manifest.json", path, e));
        if (all[i][0] != '.' && strlen(all[i]) <= MN_CORPUS_NAME_MAX && mn_fs_exists(path))
            all[kept++] = all[i];
    }
    *ret = all;
    *ret_n = kept;
    return MN_OK;
}

static mn_rc not_found(const char *data_dir, const char *name, mn_err *e)
{
    mn_arena a;
    mn_buf b;
    char **all;
    size_t n = 0;
    mn_arena_init(&a, 0);
    mn_buf_init(&b, 200);
    if (names(data_dir, &a, &all, &n, NULL) != MN_OK) n = 0;
    for (size_t i = 0; i < n; i++) mn_buf_addf(&b, "%s%s", i ? ", " : "", all[i]);
    if (n == 0)
        mn_fail(e, MN_E_NOT_FOUND, "there is no corpus yet: 'mynah corpus build' makes one");
    else mn_fail(e, MN_E_NOT_FOUND, "there is no corpus '%.64s'; there are %s", name, b.ptr);
    mn_buf_release(&b);
    mn_arena_release(&a);
    return MN_E_NOT_FOUND;
}

/* ---- one manifest -------------------------------------------------------------------------------------------- */

mn_rc mn_corpus_manifest(const char *data_dir, const char *name, mn_buf *ret, mn_err *e)
{
    char dir[MN_CORPUS_PATH], path[MN_CORPUS_PATH];
    if (!*name || *name == '.' || strchr(name, '/')) return not_found(data_dir, name, e);
    MN_TRY(mn_corpus__path(data_dir, "corpus", name, dir, e));
    MN_TRY(mn_corpus__path(dir, "manifest.json", NULL, path, e));
    mn_rc rc = mn_fs_read(path, MANIFEST_MAX, ret, e);
    return rc == MN_E_NOT_FOUND ? not_found(data_dir, name, e) : rc;
}

static mn_corpus_split split_of(const mn_json *s)
{
    return (mn_corpus_split){
        mn_json_u64(mn_json_get(s, "tokens"), 0), mn_json_u64(mn_json_get(s, "documents"), 0),
        mn_json_u64(mn_json_get(s, "posts"), 0), mn_json_u64(mn_json_get(s, "bytes"), 0),
        mn_json_u64(mn_json_get(s, "authors"), 0)};
}

static void copy_text(const mn_json *v, char *ret, size_t size)
{
    mn_str s = mn_json_str(v);
    snprintf(ret, size, "%.*s", MN_STR_FMT(s));
}

static void report_of(const mn_json *m, mn_corpus_report *r)
{
    *r = (mn_corpus_report){0};
    copy_text(mn_json_get(m, "name"), r->name, sizeof r->name);
    copy_text(mn_json_get(m, "sha256"), r->sha256, sizeof r->sha256);
    r->posts_in = mn_json_u64(mn_json_get(m, "posts_in"), 0);
    r->posts_kept = mn_json_u64(mn_json_get(m, "posts_kept"), 0);
    r->bytes = mn_json_u64(mn_json_get(m, "bytes"), 0);
    r->tokens = mn_json_u64(mn_json_get(m, "tokens"), 0);
    r->vocab = (uint32_t)mn_json_u64(mn_json_get(m, "vocab"), 0);
    r->train = split_of(mn_json_get(m, "train"));
    r->val = split_of(mn_json_get(m, "val"));
    r->split_by_author =
        mn_str_eqz(mn_json_str(mn_json_get(mn_json_get(m, "split"), "by")), "author");
    copy_text(mn_json_get(mn_json_get(m, "parameters"), "after"), r->after, sizeof r->after);
    r->replayed_posts = mn_json_u64(mn_json_get(mn_json_get(m, "replayed"), "posts"), 0);
    r->replayed_bytes = mn_json_u64(mn_json_get(mn_json_get(m, "replayed"), "bytes"), 0);
    r->store_rev = mn_json_u64(mn_json_get(mn_json_get(m, "source"), "store_rev"), 0);
    const mn_json *dropped = mn_json_get(m, "dropped");
    for (int d = 1; d < MN_DROPS; d++)
        r->dropped[d] = mn_json_u64(mn_json_get(dropped, mn_drop_names[d]), 0);
}

/* False: its form is none. */
static bool recipe_of(const mn_json *m, mn_corpus_recipe *r)
{
    const mn_json *p = mn_json_get(m, "parameters"), *files = mn_json_get(m, "files");
    *r = (mn_corpus_recipe){.pipeline = (int)mn_json_i64(mn_json_get(m, "pipeline"), 0)};
    r->opts.val_share = mn_json_f64(mn_json_get(p, "val_share"), 0);
    r->opts.vocab = (uint32_t)mn_json_u64(mn_json_get(p, "vocab"), 0);
    r->opts.keep_handles = mn_json_bool(mn_json_get(p, "keep_handles"), false);
    r->opts.canaries = mn_json_u64(mn_json_get(p, "canaries"), 0);
    r->opts.replay = mn_json_f64(mn_json_get(p, "replay"), 0);
    r->tokenizer = mn_json_bool(mn_json_get(p, "tokenizer"), false);
    for (size_t i = 0; i < MN_CORPUS_FILES; i++)
        copy_text(mn_json_get(mn_json_at(files, i), "sha256"), r->file_sha[i], 65);
    return mn_docform_read(mn_json_get(m, "form"), &r->form) == MN_OK;
}

static bool is_manifest(const mn_json *m)
{
    return mn_str_eqz(mn_json_str(mn_json_get(m, "format")), "mynah-corpus") &&
           mn_json_u64(mn_json_get(m, "version"), 0) == 1 &&
           mn_json_str(mn_json_get(m, "sha256")).len == 64;
}

mn_rc mn_corpus__manifest_read(const char *data_dir, const char *name, mn_corpus_report *ret,
                               mn_corpus_recipe *recipe, mn_err *e)
{
    mn_arena a;
    mn_buf b;
    mn_json *m = NULL;
    mn_corpus_recipe r;
    mn_arena_init(&a, 64u << 20);
    mn_buf_init(&b, 0);
    mn_rc rc = mn_corpus_manifest(data_dir, name, &b, e);
    if (rc == MN_OK) {
        rc = mn_json_parse(mn_buf_str(&b), &a, &m, e);
        bool whole = rc == MN_OK && is_manifest(m) && recipe_of(m, &r);
        if (!whole && rc != MN_E_NOMEM)
            rc = mn_fail(e, MN_E_CORRUPT,
                         "'manifest.json' of corpus '%s' is damaged; make the corpus again "
                         "with `mynah corpus build`",
                         name);
    }
    if (rc == MN_OK) report_of(m, ret);
    if (rc == MN_OK && recipe) *recipe = r;
    mn_buf_release(&b);
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_corpus_read(const char *data_dir, const char *name, mn_corpus_report *ret, mn_err *e)
{
    return mn_corpus__manifest_read(data_dir, name, ret, NULL, e);
}

mn_rc mn_corpus_form(const char *data_dir, const char *name, mn_docform *ret, mn_err *e)
{
    mn_corpus_report report;
    mn_corpus_recipe recipe;
    MN_TRY(mn_corpus__manifest_read(data_dir, name, &report, &recipe, e));
    *ret = recipe.form;
    return MN_OK;
}

/* ---- all of them --------------------------------------------------------------------------------------------- */

mn_rc mn_corpus_list(const char *data_dir, mn_arena *a, mn_corpus_report **ret, size_t *ret_n,
                     mn_err *e)
{
    char **all;
    size_t n, kept = 0;
    MN_TRY(names(data_dir, a, &all, &n, e));
    mn_corpus_report *r = mn_arena_calloc(a, n + 1, sizeof *r);
    if (!r) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        mn_rc rc = mn_corpus_read(data_dir, all[i], &r[kept], e);
        if (rc == MN_E_NOMEM) return rc;
        kept += rc == MN_OK;
    }
    *ret = r;
    *ret_n = kept;
    return MN_OK;
}

static bool later(const struct stat *a, const struct timespec *than)
{
    return a->st_mtim.tv_sec > than->tv_sec ||
           (a->st_mtim.tv_sec == than->tv_sec && a->st_mtim.tv_nsec >= than->tv_nsec);
}

mn_rc mn_corpus_latest(const char *data_dir, char ret_name[MN_CORPUS_NAME_MAX + 1], mn_err *e)
{
    char root[MN_CORPUS_PATH], path[MN_CORPUS_PATH];
    mn_arena a;
    char **all;
    size_t n = 0, best = SIZE_MAX;
    struct timespec at = {0};
    mn_arena_init(&a, 0);
    mn_rc rc = mn_corpus__path(data_dir, "corpus", NULL, root, e);
    if (rc == MN_OK) rc = names(data_dir, &a, &all, &n, e);
    for (size_t i = 0; rc == MN_OK && i < n; i++) {
        struct stat st;
        rc = mn_corpus__path(root, all[i], "manifest.json", path, e);
        if (rc != MN_OK || stat(path, &st) != 0 || !later(&st, &at)) continue;
        at = st.st_mtim;
        best = i;
    }
    if (rc == MN_OK && best == SIZE_MAX) rc = not_found(data_dir, "", e);
    if (rc == MN_OK) snprintf(ret_name, MN_CORPUS_NAME_MAX + 1, "%s", all[best]);
    mn_arena_release(&a);
    return rc;
}

/* ---- dropped posts ------------------------------------------------------------------------------------------- */

static mn_rc dropped_line(mn_str line, mn_arena *a, mn_dropped *ret)
{
    mn_json *o;
    MN_TRY(mn_json_parse(line, a, &o, NULL));
    *ret =
        (mn_dropped){mn_json_u64(mn_json_get(o, "id"), 0), mn_json_u64(mn_json_get(o, "of"), 0),
                     mn_drop_parse(mn_json_str(mn_json_get(o, "reason")))};
    return ret->id && ret->why ? MN_OK : MN_E_PARSE;
}

mn_rc mn_corpus__dropped(const char *dir, mn_corpus_dropped_fn fn, void *arg, mn_err *e)
{
    char path[MN_CORPUS_PATH], line[DROPPED_LINE];
    mn_arena a;
    mn_rc rc = MN_OK;
    MN_TRY(mn_corpus__path(dir, "dropped.jsonl", NULL, path, e));
    FILE *f = fopen(path, "rbe");
    if (!f) return mn_fail_errno(e, MN_E_CORRUPT, "cannot open '%s'", path);
    mn_arena_init(&a, 0);
    while (rc == MN_OK && fgets(line, sizeof line, f)) {
        mn_dropped d;
        mn_arena_reset(&a);
        if (dropped_line(mn_str_trim(mn_str_from(line)), &a, &d) != MN_OK)
            rc = mn_fail(e, MN_E_CORRUPT, "'%s' is damaged: build the corpus again", path);
        else if (!fn(arg, d.id, d.why, d.of)) break;
    }
    if (rc == MN_OK && ferror(f)) rc = mn_fail_errno(e, MN_E_IO, "cannot read '%s'", path);
    mn_arena_release(&a);
    fclose(f);
    return rc;
}

mn_rc mn_corpus_dropped(const char *data_dir, const char *name, mn_corpus_dropped_fn fn,
                        void *arg, mn_err *e)
{
    char dir[MN_CORPUS_PATH];
    mn_corpus_report r;
    MN_TRY(mn_corpus_read(data_dir, name, &r, e));
    MN_TRY(mn_corpus__path(data_dir, "corpus", name, dir, e));
    return mn_corpus__dropped(dir, fn, arg, e);
}

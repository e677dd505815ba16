#include "model/card.h"

#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "model/card_int.h"

#define FILE_MAX (16u << 20)

/* ---- reading ------------------------------------------------------------------------------------------------------------- */

/* A file as text; MN_STR_NONE: there is none, or it cannot be read, then it is named. */
static mn_rc read_file(const char *dir, const char *name, mn_arena *a, mn_card *c, mn_str *ret,
                       mn_err *e)
{
    mn_buf b;
    const char *path = mn_fs_join(a, dir, name);
    *ret = MN_STR_NONE;
    if (!path) return mn_fail(e, MN_E_NOMEM, "no memory for a model's card");
    mn_buf_init(&b, FILE_MAX);
    mn_rc rc = mn_fs_read(path, FILE_MAX, &b, NULL);
    if (rc == MN_OK) *ret = mn_str_dup(a, mn_buf_str(&b));
    else if (rc != MN_E_NOT_FOUND && rc != MN_E_NOMEM && !c->damaged) c->damaged = name;
    mn_buf_release(&b);
    if (rc == MN_E_NOMEM || (rc == MN_OK && !ret->ptr))
        return mn_fail(e, MN_E_NOMEM, "no memory for a model's card");
    return MN_OK;
}

/* An object, or NULL. */
static mn_rc read_json(const char *dir, const char *name, mn_arena *a, mn_card *c,
                       const mn_json **ret, mn_err *e)
{
    mn_str text;
    mn_json *t = NULL;
    *ret = NULL;
    MN_TRY(read_file(dir, name, a, c, &text, e));
    if (!text.ptr) return MN_OK;
    mn_rc rc = mn_json_parse(text, a, &t, NULL);
    if (rc == MN_E_NOMEM) return mn_fail(e, rc, "no memory for a model's card");
    if (rc == MN_OK && t->type == MN_JSON_OBJECT) *ret = t;
    else if (!c->damaged) c->damaged = name;
    return MN_OK;
}

static bool is_account(const char *name)
{
    const size_t n = strlen(name);
    return n > 5 && strspn(name, "0123456789") == n - 5 && strcmp(name + n - 5, ".json") == 0;
}

static mn_rc read_forgotten(const char *dir, mn_arena *a, mn_card *c, mn_err *e)
{
    char **names = NULL;
    size_t n = 0, from = 0, k = 0;
    const char *at = mn_fs_join(a, dir, "forgotten");
    if (!at) return mn_fail(e, MN_E_NOMEM, "no memory for a model's card");
    if (!mn_fs_is_dir(at)) return MN_OK;
    if (mn_fs_list(at, a, &names, &n, NULL) != MN_OK) {
        c->damaged = "forgotten";
        return MN_OK;
    }
    for (size_t i = 0; i < n; i++)
        if (is_account(names[i])) names[k++] = names[i];
    if (k > MN_CARD_FORGOTTEN) from = k - MN_CARD_FORGOTTEN;
    const mn_json **all = mn_arena_calloc(a, k + 1, sizeof *all);
    if (!all) return mn_fail(e, MN_E_NOMEM, "no memory for a model's card");
    for (size_t i = from; i < k; i++) {
        MN_TRY(read_json(at, names[i], a, c, &all[c->n_forgotten], e));
        if (all[c->n_forgotten]) c->n_forgotten++;
    }
    c->forgotten = all;
    return MN_OK;
}

/* The manifest of the corpus that was learnt from; one of that name that was built anew since is another. */
static mn_rc read_manifest(const char *corpora, mn_arena *a, mn_card *c, mn_err *e)
{
    const mn_str hash = mn_json_str(mn_json_get(c->training, "corpus_sha256"));
    const mn_str name =
        mn_str_dup(a, mn_json_str(mn_json_get(c->training, "corpus"))); /* with a NUL */
    const mn_json *t;
    if (!corpora || !name.len || name.ptr[0] == '.' || strlen(name.ptr) != name.len ||
        strchr(name.ptr, '/'))
        return MN_OK;
    const char *dir = mn_fs_join(a, corpora, name.ptr);
    if (!dir) return mn_fail(e, MN_E_NOMEM, "no memory for a model's card");
    MN_TRY(read_json(dir, "manifest.json", a, c, &t, e));
    if (t && hash.len && mn_str_eq(mn_json_str(mn_json_get(t, "sha256")), hash))
        c->manifest = t;
    return MN_OK;
}

mn_rc mn_card_read(const char *dir, const char *corpora, mn_arena *a, mn_card *ret, mn_err *e)
{
    mn_card c = {.name = mn_str_dup(a, mn_str_from(mn_fs_base(dir)))};
    mn_str config;
    if (!c.name.ptr) return mn_fail(e, MN_E_NOMEM, "no memory for a model's card");
    MN_TRY(read_file(dir, "config.json", a, &c, &config, e));
    c.has_cfg = config.ptr && mn_config_parse(config, &c.cfg, NULL) == MN_OK;
    MN_TRY(read_json(dir, "training.json", a, &c, &c.training, e));
    MN_TRY(read_json(dir, "evaluation.json", a, &c, &c.evaluation, e));
    MN_TRY(read_json(dir, "origin.json", a, &c, &c.origin, e));
    MN_TRY(read_forgotten(dir, a, &c, e));
    MN_TRY(read_manifest(corpora, a, &c, e));
    c.licence = mn_json_str(mn_json_get(c.origin, "licence"));
    c.source = mn_json_str(mn_json_get(c.origin, "source"));
    c.author = mn_json_str(mn_json_get(c.origin, "author"));
    *ret = c;
    return MN_OK;
}

/* ---- results ------------------------------------------------------------------------------------------------------------- */

const mn_json *mn_card_result(const mn_card *c, const char *kind, bool *io_stale)
{
    const mn_json *r = mn_json_get(c->evaluation, kind);
    const mn_str of = mn_json_str(mn_json_get(r, MN_CARD_WEIGHTS)),
                 now = mn_json_str(mn_json_get(c->training, MN_CARD_WEIGHTS));
    if (!r || r->type != MN_JSON_OBJECT) return NULL;
    if (!of.len || !now.len || mn_str_eq(of, now)) return r;
    if (io_stale) *io_stale = true;
    return NULL;
}

static const char *const kinds[] = {"held_out", "memorisation", "samples",
                                    "toxicity", "tweeteval",    "tweeteval_few_shot"};

bool mn_card_stale(const mn_card *c)
{
    bool stale = false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        mn_card_result(c, kinds[i], &stale);
    return stale;
}

static bool is_to_go(const mn_card *c, mn_str kind)
{
    bool ours = false, stale = false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!mn_str_eqz(kind, kinds[i])) continue;
        const mn_json *r = mn_card_result(c, kinds[i], &stale);
        ours = true;
        stale = stale || (c->n_forgotten && !mn_json_str(mn_json_get(r, MN_CARD_WEIGHTS)).len);
    }
    return ours && stale;
}

static void put_what_stays(const mn_card *c, mn_buf *b, bool *ret_any_goes)
{
    mn_json_writer w;
    *ret_any_goes = false;
    mn_json_writer_init(&w, b, 2);
    mn_jw_object(&w);
    for (size_t i = 0; i < c->evaluation->n; i++) {
        if (is_to_go(c, c->evaluation->keys[i])) {
            *ret_any_goes = true;
            continue;
        }
        mn_jw_key_str(&w, c->evaluation->keys[i]);
        mn_jw_tree(&w, c->evaluation->items[i]);
    }
    mn_jw_object_end(&w);
    mn_buf_addc(b, '\n');
}

static mn_rc drop_stale(const char *dir, mn_arena *a, mn_err *e)
{
    mn_buf b;
    mn_card c;
    bool any;
    MN_TRY(mn_card_read(dir, NULL, a, &c, e));
    if (c.damaged)
        return mn_fail(e, MN_E_CORRUPT, "'%s/%s' is damaged: remove it and evaluate again", dir,
                       c.damaged);
    const char *path = mn_fs_join(a, dir, "evaluation.json");
    if (!path) return mn_fail(e, MN_E_NOMEM, "no memory for a model's evaluation");
    if (!c.evaluation) return MN_OK;
    mn_buf_init(&b, 0);
    put_what_stays(&c, &b, &any);
    mn_rc rc = b.failed ? mn_fail(e, b.failed, "no memory for a model's evaluation") : MN_OK;
    if (rc == MN_OK && any) rc = mn_fs_write_atomic(path, b.ptr, b.len, e);
    mn_buf_release(&b);
    return rc;
}

mn_rc mn_card_forget(const char *dir, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    mn_rc rc = drop_stale(dir, &a, e);
    mn_arena_release(&a);
    return rc;
}

/* ---- writing ------------------------------------------------------------------------------------------------------------- */

void mn_card_put(const mn_card *c, mn_buf *b)
{
    mn_card__head(c, b);
    mn_buf_addz(b, MN_CARD__MARK "\n\n");
    mn_card__body(c, b);
}

/* One of others' is there. */
static mn_rc is_theirs(const char *path, bool *ret, mn_err *e)
{
    mn_buf b;
    *ret = false;
    if (!mn_fs_exists(path)) return MN_OK;
    mn_buf_init(&b, FILE_MAX);
    mn_rc rc = mn_fs_read(path, FILE_MAX, &b, e);
    *ret = rc == MN_OK && mn_str_find(mn_buf_str(&b), MN_STR(MN_CARD__MARK), 0) == SIZE_MAX;
    mn_buf_release(&b);
    return rc;
}

static mn_rc write_at(const char *path, const char *dir, const char *corpora, mn_arena *a,
                      mn_err *e)
{
    mn_buf b;
    mn_card c;
    MN_TRY(mn_card_read(dir, corpora, a, &c, e));
    mn_buf_init(&b, 0);
    mn_card_put(&c, &b);
    mn_rc rc = b.failed ? mn_fail(e, b.failed, "no memory for a model's card")
                        : mn_fs_write_atomic(path, b.ptr, b.len, e);
    mn_buf_release(&b);
    return rc;
}

mn_rc mn_card_write(const char *dir, const char *corpora, bool *ret_written, mn_err *e)
{
    mn_arena a;
    bool theirs = false;
    mn_arena_init(&a, 0);
    const char *path = mn_fs_join(&a, dir, "README.md");
    mn_rc rc =
        path ? is_theirs(path, &theirs, e) : mn_fail(e, MN_E_NOMEM, "no memory for a card");
    if (rc == MN_OK && !theirs) rc = write_at(path, dir, corpora, &a, e);
    if (rc == MN_OK && ret_written) *ret_written = !theirs;
    mn_arena_release(&a);
    return rc;
}

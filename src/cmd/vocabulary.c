#include "cmd/vocabulary.h"

#include <string.h>

#include "base/fs.h"
#include "cmd/models.h"
#include "corpus/corpus.h"

/* One that was trained here, kept as it lies there: DATA/models/NAME need not be whole yet for that. */
static mn_rc take_ours(const char *file, mn_cmd_vocabulary *ret, bool *ret_is, mn_err *e)
{
    mn_tokenizer *t;
    *ret_is = false;
    if (!mn_fs_exists(file)) return MN_OK;
    MN_TRY(mn_tok_load(file, &t, e));
    *ret_is = mn_tok_is_ours(t);
    mn_tok_free(t);
    if (*ret_is) ret->file = file, ret->form = MN_DOCFORM_OURS;
    return MN_OK;
}

static mn_rc take_model(const char *path, mn_cmd_vocabulary *ret, mn_err *e)
{
    MN_TRY(mn_model_open(path, &ret->model, e));
    ret->tokens = ret->model->tok;
    mn_rc rc = mn_model_form(ret->model, &ret->form, e);
    return rc == MN_OK ? rc : mn_err_wrap(e, "model '%s'", path);
}

/* The folder of a tokenizer.json: tokenizer_config.json beside it says what begins and ends texts. */
static mn_rc take_folder(const char *dir, mn_cmd_vocabulary *ret, mn_err *e)
{
    MN_TRY(mn_tok_load_dir(dir, &ret->loaded, e));
    ret->tokens = ret->loaded;
    mn_rc rc = mn_docform_of(ret->loaded, MN_DOCFORM_NONE, &ret->form, e);
    return rc == MN_OK ? rc : mn_err_wrap(e, "'%s'", dir);
}

static mn_rc take_corpus(const char *data_dir, const char *name, const char *file,
                         mn_cmd_vocabulary *ret, mn_err *e)
{
    ret->file = file;
    return mn_corpus_form(data_dir, name, &ret->form, e);
}

/* "DIR/tokenizer.json" as DIR; NULL: it is no such path. */
static const char *folder_of(const char *path, mn_arena *a)
{
    const char *base = mn_fs_base(path);
    if (strcmp(base, "tokenizer.json") != 0 || !mn_fs_exists(path)) return NULL;
    return base == path ? "." : mn_arena_strndup(a, path, (size_t)(base - path));
}

static mn_rc find(const char *data_dir, const char *name, mn_arena *a, mn_cmd_vocabulary *ret,
                  mn_err *e)
{
    bool is;
    const char *path;
    mn_str in_model = mn_str_fmt(a, "%s/models/%s/tokenizer.json", data_dir, name);
    mn_str in_corpus = mn_str_fmt(a, "%s/corpus/%s/tokenizer.json", data_dir, name);
    if (!in_model.ptr || !in_corpus.ptr) return mn_fail(e, MN_E_NOMEM, "out of memory");
    MN_TRY(take_ours(in_model.ptr, ret, &is, e));
    if (is) return MN_OK;
    if (mn_models_find(data_dir, name, a, &path, NULL) == MN_OK)
        return take_model(path, ret, e);
    if (mn_fs_exists(in_corpus.ptr)) return take_corpus(data_dir, name, in_corpus.ptr, ret, e);
    path = folder_of(name, a);
    if (path) MN_TRY(take_ours(name, ret, &is, e));
    if (path) return is ? MN_OK : take_folder(path, ret, e);
    return mn_fail(e, MN_E_NOT_FOUND,
                   "there is no model or corpus '%s' with a tokenizer, and no model's folder, "
                   "GGUF file or tokenizer.json of that name",
                   name);
}

mn_rc mn_cmd_vocabulary_find(const char *data_dir, const char *name, mn_arena *a,
                             mn_cmd_vocabulary *ret, mn_err *e)
{
    mn_cmd_vocabulary v = {0};
    mn_rc rc = find(data_dir, name, a, &v, e);
    if (rc == MN_OK) *ret = v;
    else mn_cmd_vocabulary_release(&v);
    return rc;
}

void mn_cmd_vocabulary_release(mn_cmd_vocabulary *v)
{
    mn_model_free(v->model);
    mn_tok_free(v->loaded);
    *v = (mn_cmd_vocabulary){0};
}

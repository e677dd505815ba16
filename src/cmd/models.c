#include "cmd/models.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"

static bool is_model(const char *dir, mn_arena *a)
{
    const char *config = mn_fs_join(a, dir, "config.json"),
               *weights = mn_fs_join(a, dir, "model.safetensors");
    return config && weights && mn_fs_exists(config) && mn_fs_exists(weights);
}

static mn_rc not_found(const char *name, const char *dir, mn_err *e)
{
    if (name)
        return mn_fail(e, MN_E_NOT_FOUND,
                       "no model '%s' (looked for a folder of that name and in '%s'); "
                       "`mynah model list` shows what is there",
                       name, dir);
    return mn_fail(
        e, MN_E_NOT_FOUND,
        "there is no model yet in '%s'; make one with `mynah train`, or name one with --model",
        dir);
}

mn_rc mn_models_find(const char *data_dir, const char *name, mn_arena *a, const char **ret,
                     mn_err *e)
{
    const char *models = mn_fs_join(a, data_dir, "models");
    const char *inside = models ? mn_fs_join(a, models, name ? name : "current") : NULL;
    if (!inside) return mn_fail(e, MN_E_NOMEM, "out of memory");
    if (name && mn_str_ends(mn_str_from(name), ".gguf"))
        return mn_fail(
            e, MN_E_UNSUPPORTED,
            "'%s': GGUF files cannot be run by this version; give a Hugging Face folder", name);
    if (is_model(inside, a)) *ret = inside;
    else if (name && is_model(name, a)) *ret = name;
    else return not_found(name, models, e);
    return MN_OK;
}

mn_rc mn_models_promote(const char *data_dir, const char *name, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 1u << 16);
    const char *models = mn_fs_join(&a, data_dir, "models");
    const char *link = models ? mn_fs_join(&a, models, "current") : NULL;
    const char *fresh = models ? mn_fs_join(&a, models, ".current.tmp") : NULL;
    mn_rc rc = link && fresh ? MN_OK : mn_fail(e, MN_E_NOMEM, "out of memory");
    if (rc == MN_OK && (strchr(name, '/') || strcmp(name, "current") == 0))
        rc = mn_fail(e, MN_E_USAGE, "'%s' is not the name of a model in '%s'", name, models);
    /* a folder of that name elsewhere is no model of this data folder: the link would point to nothing */
    const char *inside = rc == MN_OK ? mn_fs_join(&a, models, name) : NULL;
    if (rc == MN_OK && (!inside || !is_model(inside, &a))) rc = not_found(name, models, e);
    if (rc == MN_OK) {
        unlink(fresh);
        if (symlink(name, fresh) != 0 || rename(fresh, link) != 0)
            rc = mn_fail_errno(e, MN_E_IO, "cannot make '%s' point to '%s'", link, name);
    }
    if (rc == MN_OK) rc = mn_fs_sync_dir(models, e);
    mn_arena_release(&a);
    return rc;
}

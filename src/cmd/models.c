#include "cmd/models.h"

#include <string.h>

#include "base/fs.h"

static bool has(const char *dir, const char *name, mn_arena *a)
{
    const char *path = mn_fs_join(a, dir, name);
    return path && mn_fs_exists(path);
}

static bool is_model(const char *path, mn_arena *a)
{
    if (!mn_fs_is_dir(path))
        return mn_str_ends(mn_str_from(path), ".gguf") && mn_fs_exists(path);
    return has(path, "model.gguf", a) ||
           (has(path, "config.json", a) && (has(path, "model.safetensors", a) ||
                                            has(path, "model.safetensors.index.json", a)));
}

static mn_rc not_found(const char *name, const char *dir, mn_err *e)
{
    if (name)
        return mn_fail(
            e, MN_E_NOT_FOUND,
            "no model '%s' (looked for a folder or GGUF file of that name and in '%s'); "
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
    if (is_model(inside, a)) *ret = inside;
    else if (name && is_model(name, a)) *ret = name;
    else return not_found(name, models, e);
    return MN_OK;
}

mn_rc mn_models_place(const char *data_dir, const char *name, mn_arena *a, const char **ret,
                      mn_err *e)
{
    mn_str s = mn_str_from(name);
    bool good = s.len > 0 && s.len < 128 && s.ptr[0] != '.' && !mn_str_eqz(s, "current");
    for (size_t i = 0; good && i < s.len; i++)
        good = (uint8_t)s.ptr[i] > 32 && s.ptr[i] != 127 && !strchr("/\\", s.ptr[i]);
    if (!good)
        return mn_fail(e, MN_E_USAGE,
                       "'%s' cannot be the name of a model: letters, digits, '-', '_' and '.', "
                       "no '.' in front, and not 'current'",
                       name ? name : "");
    const char *models = mn_fs_join(a, data_dir, "models");
    const char *dir = models ? mn_fs_join(a, models, name) : NULL;
    if (!dir) return mn_fail(e, MN_E_NOMEM, "out of memory");
    if (mn_fs_exists(dir))
        return mn_fail(e, MN_E_EXISTS, "there is a model '%s' already; choose another --name",
                       name);
    MN_TRY(mn_fs_mkdirs(models, e));
    *ret = dir;
    return MN_OK;
}

mn_rc mn_models_inside(const char *data_dir, const char *name, mn_arena *a, const char **ret,
                       mn_err *e)
{
    const char *models = mn_fs_join(a, data_dir, "models");
    const char *inside = models ? mn_fs_join(a, models, name) : NULL;
    if (!inside) return mn_fail(e, MN_E_NOMEM, "out of memory");
    if (!is_model(inside, a)) return not_found(name, models, e);
    *ret = inside;
    return MN_OK;
}

/* Models as they lie below DATA/models: folders of Hugging Face's form, folders with a GGUF file, GGUF files. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/served_int.h"
#include "base/fs.h"

#define LIST_ARENA (4u << 20)

static bool is_file(const char *path, struct stat *ret)
{
    return stat(path, ret) == 0 && S_ISREG(ret->st_mode);
}

static bool join(char *ret, size_t cap, const char *a, const char *b)
{
    int n = snprintf(ret, cap, "%s/%s", a, b);
    return n > 0 && (size_t)n < cap;
}

/* The weights of a folder in Hugging Face's form: the file whose time tells a new model. */
static bool is_folder_model(const char *dir, struct stat *ret)
{
    char path[1100];
    struct stat config;
    if (!join(path, sizeof path, dir, "config.json") || !is_file(path, &config)) return false;
    if (join(path, sizeof path, dir, "model.safetensors") && is_file(path, ret)) return true;
    return join(path, sizeof path, dir, "model.safetensors.index.json") && is_file(path, ret);
}

/* The first GGUF file of a folder, by name; "model.gguf" when there is one. */
static bool gguf_of_folder(const char *dir, char *ret, size_t cap, struct stat *ret_stat)
{
    mn_arena a;
    char **names = NULL;
    size_t n = 0;
    bool found = false;
    if (join(ret, cap, dir, "model.gguf") && is_file(ret, ret_stat)) return true;
    mn_arena_init(&a, LIST_ARENA);
    if (mn_fs_list(dir, &a, &names, &n, NULL) == MN_OK)
        for (size_t i = 0; i < n && !found; i++)
            found = mn_str_ends(mn_str_from(names[i]), ".gguf") &&
                    join(ret, cap, dir, names[i]) && is_file(ret, ret_stat);
    mn_arena_release(&a);
    return found;
}

static void fill(mn_served__place *p, mn_str name, const struct stat *st)
{
    snprintf(p->name, sizeof p->name, "%.*s", MN_STR_FMT(name));
    snprintf(p->id, sizeof p->id, "%llu %lld %lld.%ld", (unsigned long long)st->st_ino,
             (long long)st->st_size, (long long)st->st_mtim.tv_sec, (long)st->st_mtim.tv_nsec);
    p->created_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
}

/* entry: a name below DATA/models, a folder or a file. */
static bool find_entry(const char *models, mn_str entry, mn_served__place *ret)
{
    char path[900];
    struct stat st;
    mn_served__place p = {.name = ""};
    mn_str name = entry;
    int n = snprintf(path, sizeof path, "%s/%.*s", models, MN_STR_FMT(entry));
    if (n <= 0 || (size_t)n >= sizeof path) return false;
    if (is_folder_model(path, &st)) snprintf(p.path, sizeof p.path, "%s", path);
    else if (mn_fs_is_dir(path)) {
        if (!gguf_of_folder(path, p.path, sizeof p.path, &st)) return false;
    } else {
        if (mn_str_ends(entry, ".gguf")) name.len -= 5;
        else if ((size_t)n + 5 < sizeof path) memcpy(path + n, ".gguf", 6);
        if (!is_file(path, &st) || !mn_str_ends(mn_str_from(path), ".gguf")) return false;
        snprintf(p.path, sizeof p.path, "%s", path);
    }
    fill(&p, name, &st);
    *ret = p;
    return true;
}

/* As mn_models_place has names: nothing that leaves the folder, nothing that a label of /metrics cannot hold. */
static bool is_name(mn_str s)
{
    if (s.len == 0 || s.len >= MN_SERVED_NAME || s.ptr[0] == '.' || !mn_utf8_valid(s))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= ' ' || s.ptr[i] == 127 || strchr("/\\\"", s.ptr[i]))
            return false;
    return true;
}

/* What models/current points to; false: nothing was promoted. */
static bool promoted(const char *models, mn_served__place *ret)
{
    char path[900], target[512];
    if (!join(path, sizeof path, models, "current")) return false;
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n <= 0) return false;
    target[n] = 0;
    mn_str name = mn_str_from(mn_fs_base(target));
    return is_name(name) && find_entry(models, name, ret);
}

mn_rc mn_served__find(const char *data_dir, mn_str name, mn_served__place *ret, mn_err *e)
{
    char models[800];
    if (!join(models, sizeof models, data_dir, "models"))
        return mn_fail(e, MN_E_LIMIT, "the data folder's path is too long");
    if (name.len == 0 || mn_str_eqz(name, MN_SERVED_PROMOTED) || mn_str_eqz(name, "current")) {
        if (promoted(models, ret)) return MN_OK;
        return mn_fail(e, MN_E_NOT_FOUND,
                       "no model was promoted yet; `mynah model promote NAME` does");
    }
    if (is_name(name) && find_entry(models, name, ret)) return MN_OK;
    return mn_fail(e, MN_E_NOT_FOUND, "there is no model '%.*s'",
                   MN_STR_FMT(mn_utf8_valid(name) ? mn_utf8_cut(name, 100) : MN_STR("?")));
}

/* ---- lists --------------------------------------------------------------------------------------------------------- */

static mn_rc add(mn_arena *ar, const char *name, int64_t created_ms, mn_served_model *list,
                 size_t *n, mn_err *e)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(list[i].name, name) == 0) return MN_OK; /* x/ and x.gguf */
    char *copy = mn_arena_strndup(ar, name, strlen(name));
    if (!copy) return mn_fail(e, MN_E_NOMEM, "out of memory listing the models");
    list[(*n)++] = (mn_served_model){copy, created_ms};
    return MN_OK;
}

mn_rc mn_served__list(const char *data_dir, mn_arena *ar, mn_served_model **ret, size_t *ret_n,
                      mn_err *e)
{
    char models[800];
    char **names = NULL;
    size_t n = 0, n_names = 0;
    mn_served__place p;
    if (!join(models, sizeof models, data_dir, "models"))
        return mn_fail(e, MN_E_LIMIT, "the data folder's path is too long");
    mn_rc rc = mn_fs_list(models, ar, &names, &n_names, e);
    if (rc == MN_E_NOT_FOUND) rc = MN_OK, n_names = 0;
    if (rc != MN_OK && !mn_fs_exists(models)) rc = MN_OK, n_names = 0;
    MN_TRY(rc);
    mn_served_model *list = mn_arena_calloc(ar, n_names + 1, sizeof *list);
    if (!list) return mn_fail(e, MN_E_NOMEM, "out of memory listing the models");
    if (promoted(models, &p)) MN_TRY(add(ar, MN_SERVED_PROMOTED, p.created_ms, list, &n, e));
    for (size_t i = 0; i < n_names; i++) {
        mn_str name = mn_str_from(names[i]);
        if (mn_str_eqz(name, "current") || !is_name(name)) continue;
        if (find_entry(models, name, &p)) MN_TRY(add(ar, p.name, p.created_ms, list, &n, e));
    }
    *ret = list;
    *ret_n = n;
    return MN_OK;
}

/* Accounts of forgettings are signed by the instance. */
#include <stdio.h>

#include "base/fs.h"
#include "base/hash.h"
#include "cmd/forgetting.h"
#include "social/sign.h"

#define MANIFEST_MAX (1u << 20)

static mn_rc sign_file(mn_forgetting *j, const char *path, mn_err *e)
{
    uint8_t key[MN_SIGN_PUBLIC], signature[MN_SIGN_SIGNATURE];
    char key_hex[2 * MN_SIGN_PUBLIC + 1], hex[2 * MN_SIGN_SIGNATURE + 1], text[400];
    mn_str to = mn_str_fmt(&j->arena, "%s.sig", path);
    mn_buf b;
    if (!to.ptr) return mn_fail(e, MN_E_NOMEM, "no memory");
    if (mn_fs_exists(to.ptr)) return MN_OK;
    mn_buf_init(&b, MANIFEST_MAX);
    mn_rc rc = mn_fs_read(path, MANIFEST_MAX, &b, e);
    if (rc == MN_OK) rc = mn_sign_public(j->home.store, key, e);
    if (rc == MN_OK) rc = mn_sign_bytes(j->home.store, mn_buf_str(&b), signature, e);
    mn_buf_release(&b);
    if (rc != MN_OK) return rc;
    int n =
        snprintf(text, sizeof text,
                 "{\"algorithm\":\"ed25519\",\"public_key\":\"%s\",\"signature\":\"%s\"}\n",
                 mn_hex(key, sizeof key, key_hex), mn_hex(signature, sizeof signature, hex));
    return mn_fs_write_atomic(to.ptr, text, (size_t)n, e);
}

mn_rc mn_forgetting__sign(mn_forgetting *j, mn_err *e)
{
    char **models = NULL, **files;
    size_t n = 0, n_files;
    const char *dir = mn_learning_dir(&j->l, "");
    if (dir && mn_fs_is_dir(dir)) MN_TRY(mn_fs_list(dir, &j->arena, &models, &n, e));
    for (size_t i = 0; i < n; i++) {
        mn_str at = mn_str_fmt(&j->arena, "%s%s/forgotten", dir, models[i]);
        if (!at.ptr) return mn_fail(e, MN_E_NOMEM, "no memory");
        if (strcmp(models[i], "current") == 0 || !mn_fs_is_dir(at.ptr)) continue;
        MN_TRY(mn_fs_list(at.ptr, &j->arena, &files, &n_files, e));
        for (size_t k = 0; k < n_files; k++)
            if (mn_str_ends(mn_str_from(files[k]), ".json"))
                MN_TRY(sign_file(j, mn_fs_join(&j->arena, at.ptr, files[k]), e));
    }
    return MN_OK;
}

/* mynah forget --verify: are the accounts of forgettings this instance's, one after the other, and are the models what they say? */
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "cmd/forgetting.h"
#include "model/forgotten.h"
#include "social/sign.h"

typedef struct verdict {
    uint64_t accounts, hold;
} verdict;

static mn_rc tell(mn_forgetting *j, const char *model, const char *file, const mn_err *wrong,
                  bool since, mn_err *e)
{
    if (!j->l.json) {
        printf("model %s: %s %s%s%s\n", model, file, wrong ? "does not hold: " : "holds",
               wrong ? wrong->msg : "", since ? "; trained on since" : "");
        return MN_OK;
    }
    mn_buf b;
    mn_json_writer w;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "model", model);
    mn_jw_kstrz(&w, "account", file);
    mn_jw_kbool(&w, "holds", !wrong);
    if (wrong) mn_jw_kstrz(&w, "why", wrong->msg);
    mn_jw_kbool(&w, "trained_since", since);
    mn_jw_object_end(&w);
    return mn_cmd_print(&b, e);
}

/* ---- one account -------------------------------------------------------------------------------------------------- */

static mn_rc check_signature(mn_forgetting *j, const char *path, mn_str account, mn_err *e)
{
    uint8_t ours[MN_SIGN_PUBLIC], key[MN_SIGN_PUBLIC], signature[MN_SIGN_SIGNATURE];
    mn_str to = mn_str_fmt(&j->arena, "%s.sig", path);
    mn_buf b;
    if (!to.ptr) return mn_fail(e, MN_E_NOMEM, "out of memory");
    if (!mn_fs_exists(to.ptr))
        return mn_fail(e, MN_E_CORRUPT, "it has no signature (%s)", mn_fs_base(to.ptr));
    mn_buf_init(&b, 0);
    mn_rc rc = mn_fs_read(to.ptr, MN_SIGN_FILE, &b, e);
    if (rc == MN_OK) rc = mn_sign_file_parse(mn_buf_str(&b), key, signature, e);
    mn_buf_release(&b);
    if (rc == MN_OK) rc = mn_sign_public(j->home.store, ours, e);
    if (rc != MN_OK) return rc;
    if (memcmp(ours, key, sizeof key) != 0)
        return mn_fail(e, MN_E_CORRUPT, "it was signed with another instance's key");
    if (!mn_sign_check(key, account, signature))
        return mn_fail(e, MN_E_CORRUPT,
                       "its signature is of other bytes: one of the two was changed");
    return MN_OK;
}

static mn_rc check_account(mn_forgetting *j, const char *model, const char *path,
                           const mn_forgotten *before, mn_forgotten *ret, mn_err *e)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    mn_rc rc = mn_fs_read(path, MN_FORGOTTEN_BYTES, &b, e);
    if (rc == MN_OK) rc = check_signature(j, path, mn_buf_str(&b), e);
    if (rc == MN_OK) rc = mn_forgotten_parse(mn_buf_str(&b), ret, e);
    mn_buf_release(&b);
    if (rc == MN_OK && strcmp(ret->model, model) != 0)
        rc = mn_fail(e, MN_E_CORRUPT, "it is of model '%s'", ret->model);
    return rc == MN_OK ? mn_forgotten_follows(before, ret, e) : rc;
}

/* ---- one model ---------------------------------------------------------------------------------------------------- */

/* Account number i (from 1) of n; *io_good: those before hold, the last of them is *io_last. */
static mn_rc verify_account(mn_forgetting *j, const char *model, const char *dir, unsigned i,
                            unsigned n, bool *io_good, mn_forgotten *io_last, verdict *v,
                            mn_err *e)
{
    char file[32];
    mn_err why = {0};
    mn_forgotten x;
    bool since = false;
    snprintf(file, sizeof file, "%04u.json", i);
    mn_str path = mn_str_fmt(&j->arena, "%s/forgotten/%s", dir, file);
    if (!path.ptr) return mn_fail(e, MN_E_NOMEM, "out of memory");
    mn_rc rc = *io_good ? check_account(j, model, path.ptr, i > 1 ? io_last : NULL, &x, &why)
                        : mn_fail(&why, MN_E_CORRUPT, "one before it does not hold");
    if (rc == MN_OK && i == n) rc = mn_forgotten_check(dir, &x, &since, &why);
    if (rc == MN_E_NOMEM) return mn_fail(e, rc, "%s", why.msg);
    *io_good = rc == MN_OK;
    if (rc == MN_OK) *io_last = x;
    v->accounts++;
    v->hold += rc == MN_OK;
    return tell(j, model, file, rc == MN_OK ? NULL : &why, since, e);
}

/* Names 0001.json … in a row: how many accounts there are. */
static mn_rc count(mn_forgetting *j, const char *dir, unsigned *ret, mn_err *e)
{
    char **files = NULL;
    size_t n = 0;
    const char *at = mn_fs_join(&j->arena, dir, "forgotten");
    *ret = 0;
    if (!at) return mn_fail(e, MN_E_NOMEM, "out of memory");
    if (!mn_fs_is_dir(at)) return MN_OK;
    MN_TRY(mn_fs_list(at, &j->arena, &files, &n, e));
    for (size_t i = 0; i < n; i++) *ret += mn_str_ends(mn_str_from(files[i]), ".json");
    return MN_OK;
}

static mn_rc verify_model(mn_forgetting *j, const char *model, verdict *v, mn_err *e)
{
    const char *dir = mn_learning_dir(&j->l, model);
    bool good = true;
    mn_forgotten last = {.step = 0};
    unsigned n;
    if (!dir) return mn_fail(e, MN_E_NOMEM, "out of memory");
    MN_TRY(count(j, dir, &n, e));
    for (unsigned i = 1; i <= n; i++)
        MN_TRY(verify_account(j, model, dir, i, n, &good, &last, v, e));
    return MN_OK;
}

/* ---- the command -------------------------------------------------------------------------------------------------- */

static mn_rc report(const mn_forgetting *j, const verdict *v, mn_err *e)
{
    if (!j->l.json) {
        if (!v->accounts) printf("no model has forgotten anything\n");
        return MN_OK;
    }
    mn_buf b;
    mn_json_writer w;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    mn_jw_ku64(&w, "accounts", v->accounts);
    mn_jw_ku64(&w, "hold", v->hold);
    mn_jw_object_end(&w);
    return mn_cmd_print(&b, e);
}

mn_rc mn_forgetting__verify(mn_forgetting *j, mn_err *e)
{
    char **models = NULL;
    size_t n = 0;
    bool found = !j->model;
    verdict v = {0};
    const char *dir = mn_learning_dir(&j->l, "");
    if (!dir) return mn_fail(e, MN_E_NOMEM, "out of memory");
    if (mn_fs_is_dir(dir)) MN_TRY(mn_fs_list(dir, &j->arena, &models, &n, e));
    for (size_t i = 0; i < n; i++) {
        if (models[i][0] == '.' || strcmp(models[i], "current") == 0) continue;
        if (j->model && strcmp(j->model, models[i]) != 0) continue;
        found = true;
        MN_TRY(verify_model(j, models[i], &v, e));
    }
    if (!found)
        return mn_fail(e, MN_E_NOT_FOUND, "there is no model '%s'; `mynah model list` has them",
                       j->model);
    MN_TRY(report(j, &v, e));
    if (v.hold == v.accounts) return MN_OK;
    return mn_fail(e, MN_E_CORRUPT, "%llu of %llu accounts do not hold",
                   (unsigned long long)(v.accounts - v.hold), (unsigned long long)v.accounts);
}

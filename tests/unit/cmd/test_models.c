/* Which model a name means, and promoting one. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "cmd/models.c" /* commands are not linked into tests, a program is one */

static char dir[64];
static mn_err e;

static void make(const char *folder)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", dir, folder);
    RUN(mn_fs_mkdirs(path, &e));
    snprintf(path, sizeof path, "%s/%s/config.json", dir, folder);
    RUN(mn_fs_write_atomic(path, "{}", 2, &e));
    snprintf(path, sizeof path, "%s/%s/model.safetensors", dir, folder);
    RUN(mn_fs_write_atomic(path, "x", 1, &e));
}

static void promoting_points_current_to_the_model(void **s)
{
    (void)s;
    char path[300], target[100] = "";
    make("models/a");
    RUN(mn_models_promote(dir, "a", &e));
    snprintf(path, sizeof path, "%s/models/current", dir);
    OK(readlink(path, target, sizeof target - 1) == 1 && strcmp(target, "a") == 0);
    make("models/b");
    RUN(mn_models_promote(dir, "b", &e));
    OK(readlink(path, target, sizeof target - 1) == 1 && strcmp(target, "b") == 0);
}

static void only_what_is_in_the_data_folder_is_promoted(void **s)
{
    (void)s;
    char path[300], before[300];
    make("outside");
    OK(getcwd(before, sizeof before) && chdir(dir) == 0);
    snprintf(path, sizeof path, "%s", dir);
    OK(mn_models_promote(dir, "outside", &e) == MN_E_NOT_FOUND);
    OK(mn_models_promote(dir, "../outside", &e) == MN_E_USAGE);
    OK(mn_models_promote(dir, "current", &e) == MN_E_USAGE);
    OK(mn_models_promote(dir, "..", &e) == MN_E_NOT_FOUND);
    OK(chdir(before) == 0);
    snprintf(path, sizeof path, "%s/models/current/config.json", dir);
    OK(mn_fs_exists(path)); /* what was promoted before still is */
}

int main(void)
{
    test_tmp(dir);
    const struct CMUnitTest tests[] = {
        TEST(promoting_points_current_to_the_model),
        TEST(only_what_is_in_the_data_folder_is_promoted),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_tmp_remove(dir);
    return failed;
}

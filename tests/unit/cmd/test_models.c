/* Which model a name means, and promoting one. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "cmd/models.c" /* commands are not linked into tests, a program is one */
#include "cmd/promote.c"

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
    RUN(mn_promote(dir, "a", "operator", &e));
    snprintf(path, sizeof path, "%s/models/current", dir);
    OK(readlink(path, target, sizeof target - 1) == 1 && strcmp(target, "a") == 0);
    make("models/b");
    RUN(mn_promote(dir, "b", "operator", &e));
    OK(readlink(path, target, sizeof target - 1) == 1 && strcmp(target, "b") == 0);
}

static void only_what_is_in_the_data_folder_is_promoted(void **s)
{
    (void)s;
    char path[300], before[300];
    make("outside");
    OK(getcwd(before, sizeof before) && chdir(dir) == 0);
    snprintf(path, sizeof path, "%s", dir);
    OK(mn_promote(dir, "outside", "operator", &e) == MN_E_NOT_FOUND);
    OK(mn_promote(dir, "../outside", "operator", &e) == MN_E_USAGE);
    OK(mn_promote(dir, "current", "operator", &e) == MN_E_USAGE);
    OK(mn_promote(dir, "..", "operator", &e) == MN_E_NOT_FOUND);
    OK(chdir(before) == 0);
    snprintf(path, sizeof path, "%s/models/current/config.json", dir);
    OK(mn_fs_exists(path)); /* what was promoted before still is */
}

static void a_model_is_a_name_a_folder_or_a_gguf_file(void **s)
{
    (void)s;
    char path[300];
    const char *found;
    mn_arena a;
    mn_arena_init(&a, 0);
    make("models/c");
    RUN(mn_models_find(dir, "c", &a, &found, &e));
    OK(strstr(found, "models/c"));
    snprintf(path, sizeof path, "%s/models/d", dir);
    RUN(mn_fs_mkdirs(path, &e));
    OK(mn_models_find(dir, "d", &a, &found, &e) == MN_E_NOT_FOUND);
    snprintf(path, sizeof path, "%s/models/d/model.gguf", dir);
    RUN(mn_fs_write_atomic(path, "x", 1, &e));
    RUN(mn_models_find(dir, "d", &a, &found, &e));
    RUN(mn_models_find(dir, path, &a, &found, &e));
    OK(strcmp(found, path) == 0);
    RUN(mn_promote(dir, "d", "operator", &e));
    RUN(mn_models_find(dir, NULL, &a, &found, &e));
    snprintf(path, sizeof path, "%s/models/c/config.json", dir); /* a file, but no model */
    OK(mn_models_find(dir, path, &a, &found, &e) == MN_E_NOT_FOUND);
    OK(mn_models_find(dir, "/nowhere/x.gguf", &a, &found, &e) == MN_E_NOT_FOUND);
    mn_arena_release(&a);
}

static void a_new_model_gets_a_place_of_its_own(void **s)
{
    (void)s;
    static const char *const wrong[] = {"",     ".",       "..",  ".x",   "a/b",
                                        "../x", "current", "a b", "a\\b", "\n"};
    const char *place;
    mn_arena a;
    mn_arena_init(&a, 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        OK(mn_models_place(dir, wrong[i], &a, &place, &e) == MN_E_USAGE);
    make("models/taken");
    OK(mn_models_place(dir, "taken", &a, &place, &e) == MN_E_EXISTS);
    RUN(mn_models_place(dir, "new-1.0_x", &a, &place, &e));
    OK(strstr(place, "models/new-1.0_x") && !mn_fs_exists(place));
    mn_arena_release(&a);
}

int main(void)
{
    test_tmp(dir);
    const struct CMUnitTest tests[] = {
        TEST(promoting_points_current_to_the_model),
        TEST(only_what_is_in_the_data_folder_is_promoted),
        TEST(a_model_is_a_name_a_folder_or_a_gguf_file),
        TEST(a_new_model_gets_a_place_of_its_own),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_tmp_remove(dir);
    return failed;
}

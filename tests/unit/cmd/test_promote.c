/* Promotion and roll-back: exact, whole after a crash between any two of their writes, and never a moment without a model. */
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "cmd/models.c" /* commands are not linked into tests, a program is one */
#include "cmd/promote.c"

static char dir[64];
static mn_err e;
static mn_arena ar;

static const char *at(const char *name)
{
    return mn_str_fmt(&ar, "%s/models/%s", dir, name).ptr;
}

static void make(const char *name)
{
    RUN(mn_fs_mkdirs(at(name), &e));
    RUN(mn_fs_write_atomic(mn_fs_join(&ar, at(name), "config.json"), "{}", 2, &e));
    RUN(mn_fs_write_atomic(mn_fs_join(&ar, at(name), "model.safetensors"), name, strlen(name),
                           &e));
}

static int set_up(void **state)
{
    (void)state;
    mn_arena_init(&ar, 0);
    test_tmp(dir);
    make("a"), make("b"), make("c");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mn_arena_release(&ar);
    test_tmp_remove(dir);
    return 0;
}

static void promote_(const char *name)
{
    RUN(mn_promote(dir, name, "operator", &e));
}

static bool current_is(const char *name)
{
    char now[256];
    mn_promoted_current(dir, now);
    return strcmp(now, name) == 0;
}

/* The list as "a b c". */
static const char *listed(void)
{
    mn_promoted *p = NULL;
    size_t n = 0;
    mn_buf b;
    mn_buf_init(&b, 1000);
    RUN(mn_promoted_list(dir, &ar, &p, &n, &e));
    for (size_t i = 0; i < n; i++) mn_buf_addf(&b, "%s%s", i ? " " : "", p[i].model);
    const char *text = mn_str_dup(&ar, mn_buf_str(&b)).ptr;
    mn_buf_release(&b);
    return text ? text : "";
}

static void each_roll_back_goes_one_model_back(void **state)
{
    (void)state;
    mn_rolled_back r;
    promote_("a"), promote_("b"), promote_("b"), promote_("c");
    OK(current_is("c") && strcmp(listed(), "a b c") == 0);
    RUN(mn_promote_back(dir, &r, &e));
    OK(strcmp(r.from, "c") == 0 && strcmp(r.to, "b") == 0 && !r.changed);
    OK(current_is("b") && strcmp(listed(), "a b") == 0);
    RUN(mn_promote_back(dir, &r, &e));
    OK(current_is("a"));
    FAILS(MN_E_NOT_FOUND, mn_promote_back(dir, &r, &e));
    OK(current_is("a") && strstr(e.msg, "no model was in use before"));
}

static void weights_that_changed_since_are_told(void **state)
{
    (void)state;
    mn_rolled_back r;
    promote_("a"), promote_("b");
    RUN(mn_fs_write_atomic(at("a/model.safetensors"), "z", 1, &e));
    RUN(mn_promote_back(dir, &r, &e));
    OK(r.changed && current_is("a"));
}

static void a_model_that_is_gone_is_not_gone_back_to(void **state)
{
    (void)state;
    mn_rolled_back r;
    promote_("a"), promote_("b");
    RUN(mn_fs_remove_tree(at("a"), &e));
    FAILS(MN_E_NOT_FOUND, mn_promote_back(dir, &r, &e));
    OK(strstr(e.msg, "'a'") && current_is("b") && strcmp(listed(), "a b") == 0);
}

static void link_to(const char *name)
{
    unlink(at("current"));
    OK(symlink(name, at("current")) == 0);
}

static void a_crash_between_the_writes_leaves_what_was(void **state)
{
    (void)state;
    mn_rolled_back r;
    promote_("a"), promote_("b"), promote_("c");
    /* c was put into the list, and never became the model in use */
    link_to("b");
    OK(strcmp(listed(), "a b") == 0);
    promote_("c");
    OK(strcmp(listed(), "a b c") == 0);
    /* the link was rolled back, and the list not yet */
    link_to("b");
    RUN(mn_promote_back(dir, &r, &e));
    OK(strcmp(r.from, "b") == 0 && current_is("a"));
}

static void a_link_that_was_made_by_hand_is_the_model_in_use(void **state)
{
    (void)state;
    mn_rolled_back r;
    link_to("c");
    OK(strcmp(listed(), "c") == 0);
    promote_("a");
    OK(strcmp(listed(), "c a") == 0);
    RUN(mn_promote_back(dir, &r, &e));
    OK(current_is("c"));
}

static void on_a_full_disk_the_old_model_stays(void **state)
{
    (void)state;
    promote_("a");
    pid_t pid = fork();
    if (pid == 0) {
        const struct rlimit none = {64, 64}; /* enough for a lock, not for the list */
        mn_rolled_back r;
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &none);
        mn_rc rc = mn_promote(dir, "b", "operator", &e);
        bool said = rc == MN_E_IO && e.msg[0] && current_is("a");
        rc = mn_promote_back(dir, &r, &e);
        _exit(said && rc == MN_E_NOT_FOUND && current_is("a") ? 0 : 1);
    }
    int status;
    OK(waitpid(pid, &status, 0) == pid && status == 0);
    OK(current_is("a") && strcmp(listed(), "a") == 0);
    promote_("b");
    OK(strcmp(listed(), "a b") == 0);
}

static void a_damaged_list_is_named_and_the_model_stays(void **state)
{
    (void)state;
    promote_("a");
    static const char *const bad[] = {"", "[", "[]", "{\"promoted\":[{\"model\":\"\"}]}",
                                      "{\"promoted\":[7]}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        RUN(mn_fs_write_atomic(at("promoted.json"), bad[i], strlen(bad[i]), &e));
        FAILS(MN_E_CORRUPT, mn_promote(dir, "b", "operator", &e));
        OK(strstr(e.msg, "promoted.json") && current_is("a"));
    }
    OK(unlink(at("promoted.json")) == 0);
    promote_("b");
    OK(strcmp(listed(), "a b") == 0);
}

static void of_a_long_list_the_last_stay(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * MN_PROMOTED_MOST; i++) promote_(i % 2 ? "a" : "b");
    mn_promoted *p = NULL;
    size_t n = 0;
    RUN(mn_promoted_list(dir, &ar, &p, &n, &e));
    OK(n == MN_PROMOTED_MOST && strcmp(p[n - 1].model, "a") == 0 && current_is("a"));
    RUN(mn_promoted_trim(dir, 2, &e));
    OK(strcmp(listed(), "b a") == 0);
}

static atomic_bool done;

static void *look(void *arg)
{
    atomic_int *missing = arg;
    char path[200];
    snprintf(path, sizeof path, "%s/models/current/config.json", dir);
    while (!atomic_load(&done))
        if (access(path, R_OK) != 0) atomic_fetch_add(missing, 1);
    return NULL;
}

static void whoever_looks_always_finds_a_model(void **state)
{
    (void)state;
    pthread_t t;
    atomic_int missing = 0;
    mn_rolled_back r;
    promote_("a");
    atomic_store(&done, false);
    OK(pthread_create(&t, NULL, look, &missing) == 0);
    for (int i = 0; i < 100; i++) {
        promote_("b");
        RUN(mn_promote_back(dir, &r, &e));
    }
    atomic_store(&done, true);
    pthread_join(t, NULL);
    OK(missing == 0 && current_is("a"));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_roll_back_goes_one_model_back),
        CASE(weights_that_changed_since_are_told),
        CASE(a_model_that_is_gone_is_not_gone_back_to),
        CASE(a_crash_between_the_writes_leaves_what_was),
        CASE(a_link_that_was_made_by_hand_is_the_model_in_use),
        CASE(on_a_full_disk_the_old_model_stays),
        CASE(a_damaged_list_is_named_and_the_model_stays),
        CASE(of_a_long_list_the_last_stay),
        CASE(whoever_looks_always_finds_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Models change under a server that answers: promotions, roll-backs and folders that are exchanged lose no request. */
#include <fcntl.h>

#include "http/openai.h"

#include "cmd/models.c" /* commands are not linked into tests, a program is one */
#include "cmd/promote.c"

#define AT_ONCE 12

static int setup(void **s)
{
    (void)s;
    openai_start("rate_limits = off\nmodel_tokens_new = 0\nmodel_running = 4\n"
                 "model_waiting = 100\nmodel_loaded = 3\n");
    return 0;
}

static int teardown(void **s)
{
    (void)s;
    masto_stop();
    return 0;
}

static const char *data_dir(void)
{
    return masto_home.dir;
}

static void open_some(int fd[AT_ONCE])
{
    for (int i = 0; i < AT_ONCE; i++)
        fd[i] = v1_open("completions",
                        "{\"prompt\":\"request %d\",\"max_tokens\":40,\"seed\":%d}", i, i);
}

/* All are answered, whole, by a model of that name or of that. */
static void all_are_answered(int fd[AT_ONCE], const char *a, const char *b)
{
    for (int i = 0; i < AT_ONCE; i++) {
        OK(v1_close(fd[i]) == 200);
        mn_str by = masto_str("model");
        OK(mn_str_eqz(by, a) || mn_str_eqz(by, b));
        OK(masto_str("choices.0.finish_reason").len > 0);
    }
}

static bool next_is(const char *name)
{
    OK(v1("completions", "{\"prompt\":\"x\",\"max_tokens\":1}") == 200);
    return mn_str_eqz(masto_str("model"), name);
}

static void promotion_and_roll_back_lose_no_request_and_count_for_the_next(void **s)
{
    (void)s;
    mn_err e = {0};
    mn_rolled_back r;
    int fd[AT_ONCE];
    OK(next_is("tiny"));
    for (int round = 0; round < 10; round++) {
        open_some(fd);
        RUN(mn_promote(data_dir(), "other", "learn", &e));
        OK(next_is("other"));
        all_are_answered(fd, "tiny", "other");
        open_some(fd);
        RUN(mn_promote_back(data_dir(), &r, &e));
        OK(strcmp(r.to, "tiny") == 0 && !r.changed);
        OK(next_is("tiny"));
        all_are_answered(fd, "tiny", "other");
    }
}

/* As a model that is trained again after its parent forgot takes its place. */
static void a_folder_that_is_exchanged_loses_no_request(void **s)
{
    (void)s;
    int fd[AT_ONCE];
    char a[200], b[200];
    openai_model("again-tiny", 9, 64);
    snprintf(a, sizeof a, "%s/models/tiny", data_dir());
    snprintf(b, sizeof b, "%s/models/again-tiny", data_dir());
    OK(next_is("tiny"));
    mn_str before = mn_str_dup(&masto_arena, masto_str("system_fingerprint"));
    for (int round = 0; round < 6; round++) {
        open_some(fd);
        OK(renameat2(AT_FDCWD, b, AT_FDCWD, a, RENAME_EXCHANGE) == 0);
        OK(next_is("tiny"));
        bool same = mn_str_eq(masto_str("system_fingerprint"), before);
        OK(same == (round % 2 == 1));
        all_are_answered(fd, "tiny", "tiny");
    }
}

/* One that is removed after another took its place: who runs on it ends on it. */
static void a_model_that_is_removed_while_it_answers_ends_its_answers(void **s)
{
    (void)s;
    mn_err e = {0};
    int fd[AT_ONCE];
    char path[200];
    openai_model("passing", 11, 512);
    RUN(mn_promote(data_dir(), "passing", "learn", &e));
    OK(next_is("passing"));
    open_some(fd);
    while (openai_metric("mynah_model_requests_total{model=\"passing\"}") < 1 + AT_ONCE)
        usleep(1000);
    RUN(mn_promote(data_dir(), "tiny", "learn", &e));
    snprintf(path, sizeof path, "%s/models/passing", data_dir());
    RUN(mn_fs_remove_tree(path, &e));
    all_are_answered(fd, "passing", "tiny");
    OK(next_is("tiny"));
}

static void the_cycles_of_learning_are_counted(void **s)
{
    (void)s;
    mn_api_live_learnt(masto_api, "promoted");
    mn_api_live_learnt(masto_api, "kept");
    mn_api_live_learnt(masto_api, "kept");
    OK(openai_metric("mynah_learn_cycles_total{outcome=\"promoted\"}") == 1);
    OK(openai_metric("mynah_learn_cycles_total{outcome=\"kept\"}") == 2);
    OK(openai_metric("mynah_learn_cycles_total{outcome=\"failed\"}") == 0);
    OK(openai_metric("mynah_learn_last_timestamp_seconds") > 1e9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(promotion_and_roll_back_lose_no_request_and_count_for_the_next),
        TEST(a_folder_that_is_exchanged_loses_no_request),
        TEST(a_model_that_is_removed_while_it_answers_ends_its_answers),
        TEST(the_cycles_of_learning_are_counted),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

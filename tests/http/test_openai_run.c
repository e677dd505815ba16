/* The model API while it works: many at once, clients that go, models that change, the server that stops. */
#include <pthread.h>

#include "http/openai.h"

static int setup(void **s)
{
    (void)s;
    openai_start(
        "rate_limits = off\nmodel_tokens_new = 0\nmodel_running = 4\nmodel_waiting = 40\n"
        "model_loaded = 2\n");
    return 0;
}
static int teardown(void **s)
{
    (void)s;
    masto_stop();
    return 0;
}

#define RUNNING   "mynah_model_running{model=\"tiny\"}"
#define WAITING   "mynah_model_waiting{model=\"tiny\"}"
#define CANCELLED "mynah_model_ended_total{model=\"tiny\",end=\"cancelled\"}"

/* Long enough to be caught at it: the random model writes on until the context is full, again and again for each choice. */
static int open_long(bool stream)
{
    return v1_open(
        "completions",
        "{\"prompt\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\"],\"max_tokens\":500,"
        "\"n\":16,\"stream\":%s}",
        stream ? "true" : "false");
}

static void a_client_that_hangs_up_frees_its_place(void **s)
{
    (void)s;
    OK(v1("completions", "{\"prompt\":\"x\",\"max_tokens\":1}") == 200);
    for (int stream = 0; stream < 2; stream++) {
        double cancelled = openai_metric(CANCELLED);
        bool closed;
        int fd = open_long(stream);
        if (stream) raw_hear(fd, masto_answer, 4096, "data:", 5000, &closed);
        for (int i = 0; i < 500 && openai_metric(RUNNING) < 1; i++) usleep(1000);
        close(fd);
        OK(openai_becomes(RUNNING, 0));
        OK(openai_becomes(WAITING, 0));
        OK(openai_metric(CANCELLED) > cancelled);
        OK(openai_becomes("mynah_openai_open", 0));
    }
}

static void a_client_that_hangs_up_while_it_waits_is_taken_off_the_queue(void **s)
{
    (void)s;
    int busy[3], fd;
    for (int i = 0; i < 3; i++) busy[i] = open_long(false);
    for (int i = 0; i < 500 && openai_metric(RUNNING) < 4; i++) usleep(1000);
    fd = v1_open("completions", "{\"prompt\":\"a post\",\"max_tokens\":500}");
    usleep(20000);
    close(fd);
    for (int i = 0; i < 3; i++) close(busy[i]);
    OK(openai_becomes(RUNNING, 0) && openai_becomes(WAITING, 0));
    OK(openai_becomes("mynah_openai_open", 0));
}

static void a_thousand_at_once_are_answered_or_told_when_to_come_again(void **s)
{
    (void)s;
    enum { N = 1000 };
    static int fd[N];
    int answered = 0, refused = 0;
    for (int i = 0; i < N; i++)
        fd[i] = v1_open("completions",
                        "{\"prompt\":\"request %d\",\"max_tokens\":20,\"seed\":%d}", i, i);
    for (int i = 0; i < N; i++) {
        int status = v1_close(fd[i]);
        if (status == 200) {
            answered++;
            OK(masto_str("choices.0.finish_reason").len > 0);
        } else if (status == 429) {
            refused++;
            OK(masto_says("Retry-After: ") && openai_error("queue_full", NULL));
        } else fail_msg("request %d gave %d: %.*s", i, status, MN_STR_FMT(masto_body));
    }
    OK(answered >= 44 &&
       answered + refused == N); /* at least those that ran or waited at first */
    OK(openai_becomes("mynah_openai_open", 0) && openai_metric(RUNNING) == 0);
    OK(v1("completions", "{\"prompt\":\"x\",\"max_tokens\":1}") == 200);
}

static void company_does_not_change_an_answer(void **s)
{
    (void)s;
    int busy[2];
    OK(v1("completions", "{\"prompt\":\"the mynah\",\"max_tokens\":20,\"seed\":5}") == 200);
    mn_str alone = mn_str_dup(&masto_arena, masto_str("choices.0.text"));
    for (int i = 0; i < 2; i++) busy[i] = open_long(false);
    OK(v1("completions", "{\"prompt\":\"the mynah\",\"max_tokens\":20,\"seed\":5}") == 200);
    OK(mn_str_eq(masto_str("choices.0.text"), alone));
    for (int i = 0; i < 2; i++) close(busy[i]);
    OK(openai_becomes("mynah_openai_open", 0));
}

/* ---- models that change ------------------------------------------------------------------------------------------------ */

static void a_promotion_drops_no_request(void **s)
{
    (void)s;
    bool closed;
    OK(v1("completions", "{\"prompt\":\"x\",\"max_tokens\":1}") == 200);
    IS(masto_str("model"), "tiny");
    int fd =
        v1_open("completions", "{\"prompt\":\"the mynah\",\"max_tokens\":400,\"stream\":true}");
    static char first[1 << 20];
    size_t n = raw_hear(fd, first, sizeof first, "data:", 5000, &closed);
    OK(n > 0);
    openai_promote("other");
    OK(v1("completions", "{\"prompt\":\"x\",\"max_tokens\":1}") == 200);
    IS(masto_str("model"), "other");
    bool whole = raw_count(first, n, "[DONE]") == 1; /* it may have been over by then */
    v1_close(fd);
    OK(whole || memmem(masto_answer, masto_answer_len, "[DONE]", 6));
    OK(!memmem(masto_answer, masto_answer_len, "\"model\":\"other\"", 15));
    openai_promote("tiny");
    OK(v1("completions", "{\"prompt\":\"x\",\"max_tokens\":1}") == 200);
    IS(masto_str("model"), "tiny");
}

static void weights_that_are_replaced_are_another_model(void **s)
{
    (void)s;
    openai_model("changing", 3, 64);
    OK(v1("completions", "{\"model\":\"changing\",\"prompt\":\"x\",\"max_tokens\":1}") == 200);
    mn_str print = mn_str_dup(&masto_arena, masto_str("system_fingerprint"));
    openai_model("changing", 4, 64);
    OK(v1("completions", "{\"model\":\"changing\",\"prompt\":\"x\",\"max_tokens\":1}") == 200);
    OK(!mn_str_eq(masto_str("system_fingerprint"), print));
}

static void a_third_model_puts_out_the_one_not_used_for_long(void **s)
{
    (void)s;
    OK(v1("completions", "{\"model\":\"tiny\",\"prompt\":\"x\",\"max_tokens\":1}") == 200);
    OK(v1("completions", "{\"model\":\"other\",\"prompt\":\"x\",\"max_tokens\":1}") == 200);
    OK(v1("completions", "{\"model\":\"changing\",\"prompt\":\"x\",\"max_tokens\":1}") == 200);
    OK(openai_metric("mynah_model_bytes{model=\"tiny\"}") == -1);
    OK(openai_metric("mynah_model_bytes{model=\"other\"}") > 0);
    OK(v1("completions", "{\"model\":\"tiny\",\"prompt\":\"x\",\"max_tokens\":1}") == 200);
}

static void when_all_models_are_in_use_another_is_told_to_come_again(void **s)
{
    (void)s;
    int status = 200;
    /* On a busy machine one of the two may be over by the time the third comes. */
    for (int try = 0; try < 50 && status == 200; try++) {
        int a = v1_open("completions",
                        "{\"model\":\"tiny\",\"prompt\":\"x\",\"max_tokens\":500,\"n\":16}");
        int b = v1_open("completions",
                        "{\"model\":\"other\",\"prompt\":\"x\",\"max_tokens\":250,\"n\":16}");
        for (int i = 0; i < 500 && openai_metric("mynah_openai_open") < 2; i++) usleep(1000);
        status = v1("completions", "{\"model\":\"changing\",\"prompt\":\"x\"}");
        if (status != 200)
            OK(status == 429 && openai_error("queue_full", NULL) &&
               masto_says("Retry-After: 5"));
        close(a);
        close(b);
        OK(openai_becomes("mynah_openai_open", 0));
    }
    OK(status == 429);
    OK(v1("completions", "{\"model\":\"changing\",\"prompt\":\"x\",\"max_tokens\":1}") == 200);
}

static void a_broken_model_is_an_error_and_no_more(void **s)
{
    (void)s;
    mn_err e = {0};
    char path[200];
    openai_model("broken", 5, 64);
    snprintf(path, sizeof path, "%s/models/broken/model.safetensors", masto_dir);
    RUN(mn_fs_write_atomic(path, "garbage", 7, &e));
    for (int i = 0; i < 3; i++) {
        OK(v1("completions", "{\"model\":\"broken\",\"prompt\":\"x\"}") == 503);
        OK(openai_error("model_unavailable", "model"));
    }
    OK(v1_get("models") == 200); /* it is there, though */
    openai_model("broken", 5, 64);
    OK(v1("completions", "{\"model\":\"broken\",\"prompt\":\"x\",\"max_tokens\":1}") == 200);
}

static void *load_one(void *arg)
{
    char *name = arg;
    char body[200], head[500], buf[65536];
    bool closed;
    int n = snprintf(body, sizeof body, "{\"model\":\"%s\",\"prompt\":\"x\",\"max_tokens\":2}",
                     name);
    int k = snprintf(head, sizeof head,
                     "POST /v1/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                     "%s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
                     openai_key, n, body);
    int fd = raw_dial(masto_port);
    raw_say(fd, head, (size_t)k);
    raw_hear(fd, buf, sizeof buf, NULL, 20000, &closed);
    close(fd);
    return (void *)(intptr_t)raw_status(buf);
}

static void models_come_and_go_under_many_hands(void **s)
{
    (void)s;
    static char names[4][16] = {"tiny", "other", "changing", "mynah"};
    for (int round = 0; round < 4; round++) {
        pthread_t t[12];
        for (int i = 0; i < 12; i++)
            pthread_create(&t[i], NULL, load_one, names[(i + round) % 4]);
        for (int i = 0; i < 12; i++) {
            void *status;
            pthread_join(t[i], &status);
            int code = (int)(intptr_t)status;
            OK(code == 200 || code == 429);
        }
    }
    OK(openai_becomes("mynah_openai_open", 0));
}

/* ---- stopping -------------------------------------------------------------------------------------------------------- */

static void a_server_that_stops_answers_who_waits(void **s)
{
    (void)s;
    int a = open_long(false), b = open_long(true);
    for (int i = 0; i < 500 && openai_metric("mynah_openai_open") < 2; i++) usleep(1000);
    int64_t from = mn_mono_us();
    mn_err e = {0};
    mn_api_stop(masto_api, 200);
    OK(mn_mono_us() - from < 9000000);
    int status = v1_close(a);
    OK(status == 503 || status == 200);
    close(b);
    mn_api_opts o = {.home = &masto_home, .listen = "127.0.0.1:0", .domain = "test.example"};
    RUN(mn_api_start(&o, &masto_api, &e));
    masto_port = mn_api_port(masto_api);
    OK(v1("completions", "{\"prompt\":\"x\",\"max_tokens\":1}") == 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_client_that_hangs_up_frees_its_place),
        TEST(a_client_that_hangs_up_while_it_waits_is_taken_off_the_queue),
        TEST(a_thousand_at_once_are_answered_or_told_when_to_come_again),
        TEST(company_does_not_change_an_answer),
        TEST(a_promotion_drops_no_request),
        TEST(weights_that_are_replaced_are_another_model),
        TEST(a_third_model_puts_out_the_one_not_used_for_long),
        TEST(when_all_models_are_in_use_another_is_told_to_come_again),
        TEST(a_broken_model_is_an_error_and_no_more),
        TEST(models_come_and_go_under_many_hands),
        TEST(a_server_that_stops_answers_who_waits),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

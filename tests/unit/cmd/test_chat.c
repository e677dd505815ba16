/* The conversation of `mynah chat` with a tiny model: its cache, its memory, and the command over pipes and a terminal. */
#include "test.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "../infer/tiny.h"
#include "base/json.h"
#include "cmd/chat_talk.c" /* commands are not linked into tests, a program is one */

static char program[512]; /* mynah itself */

typedef struct room {
    char dir[64];
    mn_weights w;
} room;

static int open_room(void **state)
{
    room *r = calloc(1, sizeof *r);
    tiny_model(r->dir, 32, 8, 128, &r->w);
    *state = r;
    return 0;
}

static int close_room(void **state)
{
    room *r = *state;
    mn_weights_release(&r->w);
    test_tmp_remove(r->dir);
    free(r);
    return 0;
}

static mn_talk talk_with(const room *r)
{
    mn_talk t = {.max_tokens = 12, .sampling = {.temperature = 1, .top_p = 1, .seed = 5}};
    mn_engine *g;
    mn_err e = {0};
    RUN(mn_engine_load(r->dir, &(mn_engine_opts){.n_threads = 1}, &g, &e));
    RUN(mn_talk_open(g, &t, &e));
    return t;
}

static void no_text(void *arg, mn_str text)
{
    mn_buf_adds(arg, text);
}

static mn_talk_answer ask(mn_talk *t, const char *text, mn_buf *streamed)
{
    static const volatile int never;
    mn_talk_answer a = {0};
    mn_err e = {0};
    mn_buf_clear(streamed);
    RUN(mn_talk_add(t, false, mn_str_from(text), &e));
    RUN(mn_talk_answer_last(t, &never, no_text, streamed, &a, &e));
    return a;
}

static void what_was_said_before_is_not_run_again_and_changes_nothing(void **state)
{
    room *r = *state;
    mn_talk t = talk_with(r), fresh = talk_with(r);
    mn_buf s;
    mn_err e = {0};
    mn_buf_init(&s, 0);
    mn_talk_answer first = ask(&t, "the mynah learns", &s);
    OK(first.cached_tokens == 0 && first.tokens <= 12);
    mn_talk_answer second = ask(&t, "to talk", &s);
    OK(second.cached_tokens + 8 >= first.prompt_tokens && second.cached_tokens > 0);
    OK(second.cached_tokens < second.prompt_tokens);
    /* the same conversation without a cache, with the second answer's seed */
    RUN(mn_talk_add(&fresh, false, MN_STR("the mynah learns"), &e));
    RUN(mn_talk_add(&fresh, true, mn_str_from(t.messages[1].text), &e));
    fresh.answers = 1;
    mn_talk_answer other = ask(&fresh, "to talk", &s);
    OK(other.cached_tokens == 0 && other.prompt_tokens == second.prompt_tokens);
    assert_string_equal(fresh.messages[3].text, t.messages[3].text);
    mn_buf_release(&s);
    mn_talk_release(&t);
    mn_talk_release(&fresh);
}

static void what_streams_is_what_is_kept(void **state)
{
    mn_talk t = talk_with(*state);
    mn_buf s;
    mn_buf_init(&s, 0);
    for (int i = 0; i < 4; i++) {
        ask(&t,
            "gr\xc3\xbc\xc3\x9f"
            "e",
            &s);
        assert_string_equal(s.len ? s.ptr : "", t.messages[t.n - 1].text);
        OK(mn_utf8_valid(mn_buf_str(&s)));
    }
    mn_buf_release(&s);
    mn_talk_release(&t);
}

static void a_long_conversation_forgets_its_oldest_turns(void **state)
{
    mn_talk t = talk_with(*state);
    mn_buf s;
    mn_err e = {0};
    size_t forgotten = 0;
    mn_buf_init(&s, 0);
    RUN(mn_talk_system(&t, MN_STR("a post"), &e));
    for (int i = 0; i < 12; i++)
        forgotten += ask(&t, "posts are answered by those who know", &s).forgotten;
    OK(forgotten > 0 && t.n == 24 - forgotten);
    OK(!t.messages[0].assistant); /* whole turns go, so a person's message is first */
    OK(t.system != NULL);
    OK(mn_seq_len(t.seq) <= 128);
    mn_buf_release(&s);
    mn_talk_release(&t);
}

static void a_message_longer_than_the_context_is_refused_and_leaves_no_trace(void **state)
{
    static const volatile int never;
    mn_talk t = talk_with(*state);
    mn_buf s;
    mn_err e = {0};
    mn_talk_answer a;
    char text[2001];
    mn_buf_init(&s, 0);
    for (size_t i = 0; i < 2000; i++) text[i] = "qzjxkvw "[i % 8];
    text[2000] = '\0';
    ask(&t, "the mynah", &s);
    RUN(mn_talk_add(&t, false, mn_str_from(text), &e));
    FAILS(MN_E_LIMIT, mn_talk_answer_last(&t, &never, no_text, &s, &a, &e));
    OK(strstr(e.msg, "context is 128"));
    mn_talk_drop_last(&t);
    ask(&t, "talks", &s); /* the conversation goes on */
    mn_buf_release(&s);
    mn_talk_release(&t);
}

static void a_wish_to_stop_ends_an_answer_and_keeps_what_was_written(void **state)
{
    static volatile int now = 1;
    mn_talk t = talk_with(*state);
    mn_buf s;
    mn_err e = {0};
    mn_talk_answer a;
    mn_buf_init(&s, 0);
    RUN(mn_talk_add(&t, false, MN_STR("the mynah"), &e));
    RUN(mn_talk_answer_last(&t, &now, no_text, &s, &a, &e));
    OK(a.end == MN_TALK_STOPPED && a.tokens == 0 && t.n == 2);
    now = 0;
    ask(&t, "talks", &s);
    mn_buf_release(&s);
    mn_talk_release(&t);
}

static void bytes_that_are_no_text_are_repaired(void **state)
{
    mn_talk t = talk_with(*state);
    mn_err e = {0};
    RUN(mn_talk_add(&t, false, (mn_str){"a\xff\0b", 4}, &e));
    assert_string_equal(t.messages[0].text, "a\xef\xbf\xbd\xef\xbf\xbd"
                                            "b");
    mn_talk_release(&t);
}

/* ---- the command --------------------------------------------------------------------------------------------------- */

typedef struct run {
    int code;
    char out[8192], err[8192];
} run;

static void read_all(int fd, char *ret, size_t size)
{
    size_t n = 0;
    ssize_t got;
    while (n + 1 < size && (got = read(fd, ret + n, size - 1 - n)) > 0) n += (size_t)got;
    ret[n] = '\0';
}

/* `mynah chat --model DIR more…` in a child, with `input` to read. */
static run chat(const room *r, const char *input, const char *const *more)
{
    run result = {0};
    int in[2], out[2], err[2], status;
    char name[] = "chat", opt[] = "--model", dir[64], threads[] = "--threads", one[] = "1";
    char *argv[16] = {program, name, opt, dir, threads, one};
    int argc = 6;
    snprintf(dir, sizeof dir, "%s", r->dir);
    for (; more && *more; more++) argv[argc++] = strdup(*more);
    OK(pipe(in) == 0 && pipe(out) == 0 && pipe(err) == 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(err[1], 2);
        close(in[1]);
        execv(program, argv);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    close(err[1]);
    OK(write(in[1], input, strlen(input)) == (ssize_t)strlen(input));
    close(in[1]);
    read_all(out[0], result.out, sizeof result.out);
    read_all(err[0], result.err, sizeof result.err);
    OK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    result.code = WEXITSTATUS(status);
    close(out[0]);
    close(err[0]);
    for (int i = 6; i < argc; i++) free(argv[i]);
    return result;
}

static size_t lines_of(const char *s)
{
    size_t n = 0;
    for (; *s; s++) n += *s == '\n';
    return n;
}

static void a_pipe_gives_a_line_of_json_for_each_message(void **state)
{
    const char *const more[] = {"--json", "--seed", "3", "--max-tokens", "5", NULL};
    run r = chat(*state, "the mynah\n\nlearns to talk\nlast without an end", more);
    mn_arena a;
    mn_json *j;
    mn_err e = {0};
    mn_str rest = mn_str_from(r.out);
    if (r.code) fail_msg("%s", r.err);
    OK(lines_of(r.out) == 3);
    mn_arena_init(&a, 0);
    for (int i = 0; i < 3; i++) {
        RUN(mn_json_parse(mn_str_split(rest, '\n', &rest), &a, &j, &e));
        OK(mn_json_str(mn_json_get(j, "answer")).ptr);
        OK(mn_json_u64(mn_json_get(j, "tokens"), 99) <= 5);
        OK((mn_json_u64(mn_json_get(j, "cached_tokens"), 0) > 0) == (i > 0));
    }
    mn_arena_release(&a);
    OK(strcmp(r.err, "") == 0); /* nothing but answers: no greeting, no question */
    run again = chat(*state, "the mynah\n\nlearns to talk\nlast without an end", more);
    OK(lines_of(again.out) == 3); /* the same seed, the same answers (but for the seconds) */
    OK(strncmp(r.out, again.out, (size_t)(strstr(r.out, "\"seconds\"") - r.out)) == 0);
}

static void commands_work_over_a_pipe(void **state)
{
    char file[96], input[512];
    const char *const more[] = {"--seed", "3", "--max-tokens", "5", "--system", "posts", NULL};
    const room *r = *state;
    snprintf(file, sizeof file, "%s/saved.jsonl", r->dir);
    snprintf(input, sizeof input,
             "/help\n/card\nthe mynah\n/retry\n/edit to talk\n/system be kind\n//slash\n/save "
             "%s\n/save %s\n"
             "/reset\n/retry\n/nosuch\n/model\n/quit\nnever read\n",
             file, file);
    run got = chat(r, input, more);
    OK(got.code == 1); /* /nosuch and the second /save */
    OK(strstr(got.err, "/retry") && strstr(got.err, "trained on") &&
       strstr(got.err, "licence"));
    OK(strstr(got.err, "there is no command '/nosuch'") && strstr(got.err, "is there already"));
    OK(strstr(got.err, "nothing was asked yet"));
    mn_buf b;
    mn_arena a;
    mn_json *j;
    mn_err e = {0};
    mn_buf_init(&b, 0);
    mn_arena_init(&a, 0);
    RUN(mn_fs_read(file, 1u << 20, &b, &e));
    RUN(mn_json_parse(mn_buf_str(&b), &a, &j, &e));
    const mn_json *m = mn_json_get(j, "messages");
    OK(m->n == 5);
    IS(mn_json_str(mn_json_get(mn_json_at(m, 0), "content")), "be kind");
    IS(mn_json_str(mn_json_get(mn_json_at(m, 1), "content")), "to talk");
    IS(mn_json_str(mn_json_get(mn_json_at(m, 2), "role")), "assistant");
    IS(mn_json_str(mn_json_get(mn_json_at(m, 3), "content")), "/slash");
    mn_arena_release(&a);
    mn_buf_release(&b);
    unlink(file);
}

static void wrong_options_and_models_are_refused_before_anything_is_read(void **state)
{
    const char *const hot[] = {"--temperature", "99", NULL},
                      *const other[] = {"--model", "/nowhere", NULL},
                      *const extra[] = {"hello", NULL};
    OK(chat(*state, "x\n", hot).code == 2);
    OK(chat(*state, "x\n", other).code == 1);
    OK(chat(*state, "x\n", extra).code == 2);
}

static char seen[65536]; /* what came from the terminal and was not expected yet */
static size_t n_seen;

/* Reads from the terminal until `words` have come; fails after twenty seconds. */
static void expect(int fd, const char *words)
{
    struct timespec from, now;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        seen[n_seen] = '\0';
        char *at = strstr(seen, words);
        if (at) {
            n_seen -= (size_t)(at - seen) + strlen(words);
            memmove(seen, at + strlen(words), n_seen);
            return;
        }
        if (poll(&p, 1, 100) > 0) {
            ssize_t got = read(fd, seen + n_seen, sizeof seen - 1 - n_seen);
            if (got > 0) n_seen += (size_t)got;
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec - from.tv_sec > 20) fail_msg("'%s' did not come: %s", words, seen);
    }
}

static void type(int fd, const char *s)
{
    OK(write(fd, s, strlen(s)) == (ssize_t)strlen(s));
}

static int ended(pid_t child, int fd)
{
    int status = -1;
    char tmp[4096];
    for (int i = 0; i < 400 && waitpid(child, &status, WNOHANG) == 0; i++) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 50) > 0 && read(fd, tmp, sizeof tmp) < 0) usleep(20000);
    }
    return status;
}

static pid_t chat_on_terminal(const char *model, const char *max_tokens, int *ret_fd)
{
    n_seen = 0;
    pid_t child = forkpty(ret_fd, NULL, NULL, NULL);
    if (child == 0) {
        char name[] = "chat", opt[] = "--model", dir[512], n[] = "--max-tokens", many[16],
             threads[] = "--threads", one[] = "1";
        char *argv[] = {program, name, opt, dir, n, many, threads, one, NULL};
        snprintf(dir, sizeof dir, "%s", model);
        snprintf(many, sizeof many, "%s", max_tokens);
        execv(program, argv);
        _exit(127);
    }
    OK(child > 0);
    return child;
}

static void a_terminal_is_greeted_and_left_with_ctrl_d(void **state)
{
    const room *r = *state;
    int fd;
    pid_t child = chat_on_terminal(r->dir, "4", &fd);
    expect(fd, "Ctrl-D leaves.");
    expect(fd, "> ");
    type(fd, "the mynah\n");
    expect(fd, "> ");
    type(fd, "gr\xc3\xbc\x7f\x7f\x7f\x7f/card\n"); /* erasing takes whole characters */
    expect(fd, "trained on");
    expect(fd, "> ");
    type(fd, "\x04");
    int status = ended(child, fd);
    OK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(fd);
}

static void ctrl_c_at_the_question_leaves(void **state)
{
    const room *r = *state;
    int fd;
    pid_t child = chat_on_terminal(r->dir, "4", &fd);
    expect(fd, "> ");
    type(fd, "\x03");
    int status = ended(child, fd);
    OK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(fd);
}

static void ctrl_c_stops_an_answer_and_the_conversation_goes_on(void **state)
{
    (void)state;
    int fd;
    const char *named = getenv("MYNAH_SMOLLM2"), *usual = "build/models/smollm2.gguf";
    const char *model = named ? named : access(usual, R_OK) == 0 ? usual : NULL;
    if (!model) SKIP("SmolLM2-135M-Instruct is not here (MYNAH_SMOLLM2)");
    pid_t child = chat_on_terminal(model, "0", &fd);
    expect(fd, "> ");
    type(fd, "Write a very long story about birds.\n");
    expect(fd, "birds.\r\n");
    expect(fd, " "); /* it has begun */
    type(fd, "\x03");
    expect(fd, "(stopped)");
    expect(fd, "> ");
    type(fd, "/save /dev/null/no\n"); /* a failure ends nothing on a terminal */
    expect(fd, "> ");
    type(fd, "/quit\n");
    int status = ended(child, fd);
    OK(WIFEXITED(status));
    close(fd);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_said_before_is_not_run_again_and_changes_nothing),
        TEST(what_streams_is_what_is_kept),
        TEST(a_long_conversation_forgets_its_oldest_turns),
        TEST(a_message_longer_than_the_context_is_refused_and_leaves_no_trace),
        TEST(a_wish_to_stop_ends_an_answer_and_keeps_what_was_written),
        TEST(bytes_that_are_no_text_are_repaired),
        TEST(a_pipe_gives_a_line_of_json_for_each_message),
        TEST(commands_work_over_a_pipe),
        TEST(wrong_options_and_models_are_refused_before_anything_is_read),
        TEST(a_terminal_is_greeted_and_left_with_ctrl_d),
        TEST(ctrl_c_at_the_question_leaves),
        TEST(ctrl_c_stops_an_answer_and_the_conversation_goes_on),
    };
    (void)argc;
    /* the program stands beside the tests: B/mynah for B/tests/unit/cmd/test_chat */
    snprintf(program, sizeof program, "%s", argv[0]);
    for (int i = 0; i < 4; i++) {
        char *slash = strrchr(program, '/');
        if (slash) *slash = '\0';
    }
    snprintf(program + strlen(program), sizeof program - strlen(program), "/mynah");
    return cmocka_run_group_tests(tests, open_room, close_room);
}

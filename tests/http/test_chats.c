/* Members talk to a model: kept, branched, stopped, limited, nobody else's. */
#include "test.h"

#include "http/openai.h"
#include "store/chats.h"

static member ada, bob;

/* As openai_model, but slow enough to be stopped. */
static void slow_model(void)
{
    mn_err e = {0};
    mn_weights w;
    char dir[160], from[200], to[200];
    mn_buf b;
    snprintf(dir, sizeof dir, "%s/models/slow", masto_dir);
    snprintf(from, sizeof from, "%s/models/tiny/tokenizer.json", masto_dir);
    snprintf(to, sizeof to, "%s/tokenizer.json", dir);
    RUN(mn_fs_mkdirs(dir, &e));
    mn_buf_init(&b, 0);
    RUN(mn_fs_read(from, 1 << 24, &b, &e));
    RUN(mn_fs_write_atomic(to, b.ptr, b.len, &e));
    mn_buf_release(&b);
    mn_config c = {.V = 420,
                   .C = 256,
                   .L = 8,
                   .H = 8,
                   .KV = 8,
                   .D = 32,
                   .F = 1024,
                   .T = 2048,
                   .rope_theta = 10000.0f,
                   .eps = 1e-5f,
                   .tied = true};
    mn_tokenizer *tok;
    RUN(mn_tok_load(to, &tok, &e));
    c.V = mn_tok_vocab(tok);
    mn_tok_free(tok);
    RUN(mn_weights_new(&c, &w, &e));
    mn_weights_init(&w, 3);
    RUN(mn_weights_save(&w, dir, &e));
    mn_weights_release(&w);
}

static void begin(const char *conf)
{
    openai_start(conf);
    slow_model();
    ada = masto_member("alma");
    bob = masto_member("bert");
}

static int set_up(void **state)
{
    (void)state;
    begin(NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    masto_stop();
    return 0;
}

/* A request whose answer may be a stream; *ret: the JSON of its first and last event. */
static int say(const member *m, const char *path, const char *body)
{
    int status = masto("POST", path, m, body);
    openai_unchunk();
    return status;
}

static const mn_json *said(const char *name)
{
    mn_err e = {0};
    mn_json *v = NULL;
    char lead[40];
    mn_str rest = masto_body;
    snprintf(lead, sizeof lead, "event: %s", name);
    while (rest.ptr && rest.len) {
        mn_str line = mn_str_split(rest, '\n', &rest);
        if (!mn_str_eqz(line, lead)) continue;
        line = mn_str_split(rest, '\n', &rest);
        RUN(mn_json_parse(mn_str_dup(&masto_arena, mn_str_sub(line, 6, SIZE_MAX)), &masto_arena,
                          &v, &e));
        return v;
    }
    fail_msg("no event %s in %.*s", name, MN_STR_FMT(masto_body));
    return NULL;
}

static uint64_t new_chat(const member *m, const char *model)
{
    char body[100];
    snprintf(body, sizeof body, "{\"model\":\"%s\"}", model);
    OK(masto("POST", "/api/mynah/chats", m, body) == 200);
    return masto_id("id");
}

static const char *at(uint64_t chat, const char *what)
{
    static char path[120];
    snprintf(path, sizeof path, "/api/mynah/chats/%llu%s", (unsigned long long)chat, what);
    return path;
}

static void what_was_said_is_kept_and_answered(void **state)
{
    (void)state;
    uint64_t chat = new_chat(&ada, "");
    OK(say(&ada, at(chat, "/messages"), "{\"text\":\" the mynah learns \\n to talk \"}") ==
       200);
    OK(masto_says("text/event-stream"));
    const mn_json *first = said("begin"), *last = said("end");
    IS(mn_json_str(openai_in(first, "user.content")), "the mynah learns \n to talk");
    IS(mn_json_str(openai_in(first, "model")), "tiny");
    OK(mn_json_u64(openai_in(first, "turn"), 0) == mn_json_u64(openai_in(last, "turn.id"), 1));
    IS(mn_json_str(openai_in(last, "turn.role")), "assistant");
    IS(mn_json_str(openai_in(last, "title")), "the mynah learns ");
    uint64_t answer = mn_json_u64(openai_in(last, "turn.id"), 0),
             question = mn_json_u64(openai_in(first, "user.id"), 0);
    OK(masto("GET", at(chat, ""), &ada, NULL) == 200);
    OK(masto_id("head") == answer && masto_id("turns.0.id") == question);
    OK(masto_id("turns.1.id") == answer && masto_id("turns.1.parent") == question);
    IS(masto_str("turns.1.model"), "tiny");
    OK(masto_at("turns.2") == NULL && !mn_json_bool(masto_at("answering"), true));
    OK(masto("GET", "/api/mynah/chats", &ada, NULL) == 200);
    OK(masto_id("0.id") == chat);
}

static void an_answer_is_tried_again_and_a_message_written_anew(void **state)
{
    (void)state;
    char body[200];
    uint64_t chat = new_chat(&ada, "tiny");
    OK(say(&ada, at(chat, "/messages"), "{\"text\":\"one\"}") == 200);
    uint64_t question = mn_json_u64(openai_in(said("begin"), "user.id"), 0),
             first = mn_json_u64(openai_in(said("end"), "turn.id"), 0);
    snprintf(body, sizeof body, "{\"turn\":\"%llu\"}", (unsigned long long)first);
    OK(say(&ada, at(chat, "/retry"), body) == 200);
    uint64_t second = mn_json_u64(openai_in(said("end"), "turn.id"), 0);
    OK(mn_json_u64(openai_in(said("end"), "turn.parent"), 0) == question && second != first);
    OK(openai_in(said("begin"), "user")->type == MN_JSON_NULL);
    OK(say(&ada, at(chat, "/messages"), "{\"text\":\"two\",\"parent\":\"0\"}") == 200);
    OK(openai_in(said("begin"), "user.parent")->type == MN_JSON_NULL);
    OK(masto("GET", at(chat, ""), &ada, NULL) == 200);
    OK(masto_at("turns.4") != NULL && masto_at("turns.5") == NULL);
    snprintf(body, sizeof body, "{\"head\":\"%llu\",\"title\":\"of birds\"}",
             (unsigned long long)second);
    OK(masto("PUT", at(chat, ""), &ada, body) == 200);
    OK(masto_id("head") == second);
    IS(masto_str("title"), "of birds");
    OK(masto("PUT", at(chat, ""), &ada, "{\"head\":\"17\"}") == 422);
    OK(say(&ada, at(chat, "/messages"), "{\"text\":\"on\",\"parent\":\"17\"}") == 422);
    OK(say(&ada, at(chat, "/retry"), "{\"turn\":\"17\"}") == 422);
}

static void nobody_else_is_let_in(void **state)
{
    (void)state;
    uint64_t chat = new_chat(&ada, "");
    OK(masto("GET", at(chat, ""), &bob, NULL) == 404);
    OK(masto("PUT", at(chat, ""), &bob, "{\"title\":\"mine\"}") == 404);
    OK(masto("DELETE", at(chat, ""), &bob, NULL) == 404);
    OK(say(&bob, at(chat, "/messages"), "{\"text\":\"hello\"}") == 404);
    OK(say(&bob, at(chat, "/retry"), "{}") == 404);
    OK(masto("POST", at(chat, "/stop"), &bob, NULL) == 404);
    OK(masto("GET", at(chat, ""), NULL, NULL) == 401);
    OK(masto("GET", "/api/mynah/chats", NULL, NULL) == 401);
    OK(masto("GET", "/api/mynah/chats", &bob, NULL) == 200);
    IS(masto_body, "[]");
    member reader = masto_member_with("rita", MN_ROLE_MEMBER, "read:accounts");
    OK(masto("GET", "/api/mynah/chats", &reader, NULL) == 403);
}

static void what_cannot_be_answered_is_refused_and_not_kept(void **state)
{
    (void)state;
    uint64_t chat = new_chat(&ada, "nowhere");
    OK(say(&ada, at(chat, "/messages"), "{\"text\":\"hello\"}") == 404);
    OK(say(&ada, at(chat, "/messages"), "{\"text\":\"  \"}") == 422);
    OK(say(&ada, at(chat, "/retry"), "{}") == 422);
    OK(masto("PUT", at(chat, ""), &ada, "{\"model\":\"tiny\"}") == 200);
    char *body = calloc(1, 20000);
    int n = sprintf(body, "{\"text\":\"");
    for (int i = 0; i < 1500; i++) n += sprintf(body + n, "%c%c ", 'a' + i % 26, 'q' + i % 7);
    sprintf(body + n, "\"}");
    OK(say(&ada, at(chat, "/messages"), body) == 422);
    OK(masto_says("too long for this model"));
    free(body);
    OK(masto("GET", at(chat, ""), &ada, NULL) == 200);
    OK(masto_at("turns.0") == NULL);
    OK(masto("GET", "/api/mynah/chats/1", &ada, NULL) == 404);
    OK(masto(
           "POST", "/api/mynah/chats", &ada,
           "{\"model\":\"0123456789012345678901234567890123456789012345678901234567890123456789"
           "012345678901234567890123456789012345678901234567890123456789\"}") == 422);
}

static void a_long_conversation_forgets_its_beginning(void **state)
{
    (void)state;
    char body[900];
    uint64_t chat = new_chat(&ada, "other"), forgotten = 0; /* 256 tokens */
    for (int i = 0; i < 8 && !forgotten; i++) {
        int n = snprintf(body, sizeof body, "{\"text\":\"");
        for (int k = 0; k < 40; k++) n += snprintf(body + n, sizeof body - (size_t)n, "%d ", i);
        snprintf(body + n, sizeof body - (size_t)n, "\"}");
        OK(say(&ada, at(chat, "/messages"), body) == 200);
        forgotten = mn_json_u64(openai_in(said("begin"), "forgotten"), 0);
    }
    OK(forgotten > 0);
}

/* A message under way: its socket, once the first text has come. */
static int talking(const member *m, uint64_t chat, const char *what, const char *body)
{
    char head[500], seen[4000];
    size_t got = 0;
    int k = snprintf(
        head, sizeof head,
        "POST %s HTTP/1.1\r\nHost: test.example\r\nAuthorization: Bearer %s\r\nContent-Type: "
        "application/json\r\nContent-Length: %zu\r\n\r\n%s",
        at(chat, what), m->token, strlen(body), body);
    int fd = raw_dial(masto_port);
    raw_say(fd, head, (size_t)k);
    while (got < sizeof seen - 1) {
        ssize_t n = read(fd, seen + got, sizeof seen - 1 - got);
        if (n <= 0) break;
        got += (size_t)n;
        seen[got] = 0;
        if (strstr(seen, "event: text") || strstr(seen, "event: end")) return fd;
    }
    fail_msg("no text came");
    return -1;
}

/* How the last turn ended, once nothing is under way any more. */
static mn_str ended(uint64_t chat)
{
    for (int i = 0; i < 500; i++) {
        OK(masto("GET", at(chat, ""), &ada, NULL) == 200);
        if (!mn_json_bool(masto_at("answering"), true)) {
            const mn_json *turns = masto_at("turns");
            return mn_json_str(mn_json_get(mn_json_at(turns, turns->n - 1), "end"));
        }
        usleep(20000);
    }
    return MN_STR("never");
}

/* A model of chance may end by itself; not five times before it is stopped. */
static bool stops(uint64_t chat, bool hang_up)
{
    for (int i = 0; i < 5; i++) {
        int fd =
            talking(&ada, chat, i ? "/retry" : "/messages", i ? "{}" : "{\"text\":\"talk\"}");
        OK(hang_up || masto("POST", at(chat, "/stop"), &ada, NULL) == 200);
        if (hang_up) close(fd);
        mn_str how = ended(chat);
        if (!hang_up) close(fd);
        if (mn_str_eqz(how, "stopped")) return true;
    }
    return false;
}

static void an_answer_is_stopped_and_what_is_there_kept(void **state)
{
    (void)state;
    uint64_t chat = new_chat(&ada, "slow");
    OK(stops(chat, false));
    OK(masto("GET", at(chat, ""), &ada, NULL) == 200);
    OK(masto_str("turns.1.content").len > 0);
}

static void whoever_hangs_up_ends_the_answer(void **state)
{
    (void)state;
    OK(stops(new_chat(&ada, "slow"), true));
}

static void one_answer_at_a_time_in_a_conversation(void **state)
{
    (void)state;
    uint64_t chat = new_chat(&ada, "slow");
    bool refused = false;
    for (int i = 0; i < 5 && !refused; i++) {
        int fd = talking(&ada, chat, "/messages", "{\"text\":\"talk\"}");
        refused = say(&ada, at(chat, "/messages"), "{\"text\":\"too\"}") == 409;
        OK(masto("POST", at(chat, "/stop"), &ada, NULL) == 200);
        ended(chat);
        close(fd);
    }
    OK(refused);
}

static void a_deleted_conversation_is_gone_also_while_it_is_answered(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_chat_turn *t;
    size_t n;
    uint64_t chat = new_chat(&ada, "slow");
    int fd = talking(&ada, chat, "/messages", "{\"text\":\"talk\"}");
    OK(masto("DELETE", at(chat, ""), &ada, NULL) == 200);
    OK(masto("GET", at(chat, ""), &ada, NULL) == 404);
    close(fd);
    usleep(600000);
    RUN(mn_store_chat_turns(masto_home.store, chat, &masto_arena, &t, &n, &e));
    OK(n == 0);
}

static void models_have_cards(void **state)
{
    (void)state;
    OK(masto("GET", "/api/mynah/chats/models", &ada, NULL) == 200);
    IS(masto_str("0.name"), "mynah");
    OK(masto("GET", "/api/mynah/chats/models/mynah", &ada, NULL) == 200);
    IS(masto_str("name"), "tiny");
    OK(mn_json_i64(masto_at("context"), 0) == 512 && mn_json_i64(masto_at("layers"), 0) == 2);
    OK(masto("GET", "/api/mynah/chats/models/nowhere", &ada, NULL) == 404);
    OK(masto("GET", "/api/mynah/chats/models/..", &ada, NULL) != 200);
    OK(masto("GET", "/api/mynah/chats/models", NULL, NULL) == 401);
}

static void messages_a_day_are_limited(void **state)
{
    (void)state;
    masto_stop();
    begin("chat_messages_new = 2\nmodel_tokens_new = 0\n");
    uint64_t chat = new_chat(&ada, "tiny");
    for (int i = 0; i < 2; i++)
        OK(say(&ada, at(chat, "/messages"), "{\"text\":\"one\"}") == 200);
    OK(say(&ada, at(chat, "/messages"), "{\"text\":\"one\"}") == 429);
    OK(masto_says("Retry-After: "));
    masto_stop();
    begin("model_tokens_new = 10\n");
    chat = new_chat(&ada, "tiny");
    OK(say(&ada, at(chat, "/messages"), "{\"text\":\"the mynah learns to talk\"}") == 200);
    ended(chat);
    OK(say(&ada, at(chat, "/messages"), "{\"text\":\"one\"}") == 429);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_said_is_kept_and_answered),
        TEST(an_answer_is_tried_again_and_a_message_written_anew),
        TEST(nobody_else_is_let_in),
        TEST(what_cannot_be_answered_is_refused_and_not_kept),
        TEST(a_long_conversation_forgets_its_beginning),
        TEST(an_answer_is_stopped_and_what_is_there_kept),
        TEST(whoever_hangs_up_ends_the_answer),
        TEST(one_answer_at_a_time_in_a_conversation),
        TEST(a_deleted_conversation_is_gone_also_while_it_is_answered),
        TEST(models_have_cards),
        TEST(messages_a_day_are_limited),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

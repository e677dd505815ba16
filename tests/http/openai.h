/* A server with tiny models of random weights, and clients that speak OpenAI's API to it.
 *
 *   static int setup(void **s) { (void)s; openai_start(NULL); return 0; }
 *   …
 *   OK(v1("chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}],\"max_tokens\":%d}", 5) == 200);
 *   IS(masto_str("choices.0.finish_reason"), "length");
 */
#ifndef MN_TESTS_OPENAI_H
#define MN_TESTS_OPENAI_H

#include <sys/resource.h>

#include "http/masto.h"
#include "model/weights.h"
#include "social/keys.h"
#include "text/tokenizer.h"

static uint64_t openai_ada; /* whose key it is */
static char openai_key[64];
static char openai_letters
    [1024]; /* a logit_bias, so that nothing but small letters is written: {"301":100,…} */

/* A model of random weights with a tokenizer of ours, as a folder below DATA/models. */
static inline void openai_model(const char *name, uint64_t seed, uint32_t context)
{
    static const char *const lines[] = {
        "the mynah learns to talk",     "the mynah talks to those around it",
        "grüße aus der küche",          "こんにちは世界",
        "a post belongs to its author", "{\"name\": \"value\", \"n\": 12}"};
    mn_err e = {0};
    mn_tok_trainer *tr;
    mn_tokenizer *tok;
    mn_weights w;
    char dir[160], path[200];
    snprintf(dir, sizeof dir, "%s/models/%s", masto_dir, name);
    RUN(mn_fs_mkdirs(dir, &e));
    RUN(mn_tok_trainer_new(&tr, &e));
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        RUN(mn_tok_trainer_add(tr, mn_str_from(lines[i]), &e));
    RUN(mn_tok_trainer_finish(tr, 420, &tok, &e));
    mn_tok_trainer_free(tr);
    mn_config c = {.V = mn_tok_vocab(tok),
                   .C = 32,
                   .L = 2,
                   .H = 4,
                   .KV = 2,
                   .D = 8,
                   .F = 64,
                   .T = context,
                   .rope_theta = 10000.0f,
                   .eps = 1e-5f,
                   .tied = true};
    RUN(mn_weights_new(&c, &w, &e));
    mn_weights_init(&w, seed);
    for (uint64_t i = 0; i < w.n_all; i++) w.all[i] *= 4; /* make the logits differ */
    RUN(mn_weights_save(&w, dir, &e));
    mn_weights_release(&w);
    snprintf(path, sizeof path, "%s/tokenizer.json", dir);
    RUN(mn_tok_save(tok, path, &e));
    int n = snprintf(openai_letters, sizeof openai_letters, "{");
    for (char a = 'a'; a <= 'z'; a++)
        n += snprintf(openai_letters + n, sizeof openai_letters - (size_t)n, "%s\"%u\":100",
                      a == 'a' ? "" : ",", mn_tok_find(tok, (mn_str){&a, 1}));
    snprintf(openai_letters + n, sizeof openai_letters - (size_t)n, "}");
    mn_tok_free(tok);
}

static inline void openai_promote(const char *name)
{
    char link[160], fresh[160];
    snprintf(link, sizeof link, "%s/models/current", masto_dir);
    snprintf(fresh, sizeof fresh, "%s/models/fresh", masto_dir);
    OK(symlink(name, fresh) == 0 && rename(fresh, link) == 0);
}

static inline void openai_make_key(uint64_t account, const char *scopes, char ret[64])
{
    mn_err e = {0};
    mn_key key;
    RUN(mn_key_make(masto_home.store, account, MN_STR("test"), mn_str_from(scopes), &key, NULL,
                    &e));
    snprintf(ret, 64, "%s", key.text);
}

/* Settings as for masto_start_with. Room for many connections; models "tiny" (promoted) and "other". */
static inline void openai_start(const char *conf)
{
    mn_err e = {0};
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    test_tmp(masto_dir);
    masto_write_conf(conf ? conf : "rate_limits = off\nmodel_tokens_new = 0\n");
    mn_arena_init(&masto_arena, 0);
    masto_answer = malloc(MASTO_ANSWER_MAX);
    openai_model("tiny", 7, 512);
    openai_model("other", 11, 256);
    openai_promote("tiny");
    RUN(mn_home_open(masto_dir, &masto_home, &e));
    mn_api_opts o = {
        .home = &masto_home,
        .listen = "127.0.0.1:0",
        .domain = "test.example",
        .limits = {.connections = 4096, .per_address = 4096, .model_waiting = 4096}};
    RUN(mn_api_start(&o, &masto_api, &e));
    masto_port = mn_api_port(masto_api);
    RUN(mn_social_account_create(masto_home.store, MN_STR("ada"), MN_STR("Ada"), MN_ROLE_MEMBER,
                                 "", NULL, &openai_ada, &e));
    openai_make_key(openai_ada, "", openai_key);
}

/* ---- asking -------------------------------------------------------------------------------------------------------- */

static char openai_body[1 << 20];

static inline size_t openai_format(const char *fmt, va_list args)
{
    int n = vsnprintf(openai_body, sizeof openai_body, fmt, args);
    OK(n >= 0 && (size_t)n < sizeof openai_body);
    return (size_t)n;
}

/* Chunks of a chunked answer, joined in place. */
static inline void openai_unchunk(void)
{
    char *at = memmem(masto_answer, masto_answer_len, "\r\n\r\n", 4);
    if (!at || !strcasestr(masto_answer, "transfer-encoding: chunked")) return;
    char *from = at + 4, *to = from, *end = masto_answer + masto_answer_len;
    while (from < end) {
        char *data;
        size_t n = strtoul(from, &data, 16);
        if (n == 0 || data + 2 + n > end) break;
        memmove(to, data + 2, n);
        to += n;
        from = data + 2 + n + 2;
    }
    *to = 0;
    masto_body = (mn_str){at + 4, (size_t)(to - (at + 4))};
}

static inline int openai_send(const char *method, const char *path, const char *key,
                              const char *more, const char *body, size_t n)
{
    char headers[600];
    snprintf(headers, sizeof headers, "%s%s%s%s%s", key ? "Authorization: Bearer " : "",
             key ? key : "", key ? "\r\n" : "",
             body ? "Content-Type: application/json\r\n" : "", more ? more : "");
    int status = masto_raw(method, path, headers, body, n);
    openai_unchunk();
    return status;
}

/* POST /v1/PATH with the test's key. */
__attribute__((format(printf, 2, 3))) static inline int v1(const char *path, const char *fmt,
                                                           ...)
{
    char full[128];
    va_list args;
    va_start(args, fmt);
    size_t n = openai_format(fmt, args);
    va_end(args);
    snprintf(full, sizeof full, "/v1/%s", path);
    return openai_send("POST", full, openai_key, NULL, openai_body, n);
}
static inline int v1_get(const char *path)
{
    char full[128];
    snprintf(full, sizeof full, "/v1/%s", path);
    return openai_send("GET", full, openai_key, NULL, NULL, 0);
}
/* The error of the last answer has this code and parameter (NULL: null). */
static inline bool openai_error(const char *code, const char *param)
{
    mn_str c = masto_str("error.code"), p = masto_str("error.param");
    return masto_str("error.message").len > 0 && masto_str("error.type").len > 0 &&
           (code ? mn_str_eqz(c, code) : !c.ptr) && (param ? mn_str_eqz(p, param) : !p.ptr);
}

/* A request under way: its socket. */
__attribute__((format(printf, 2, 3))) static inline int v1_open(const char *path,
                                                                const char *fmt, ...)
{
    char head[500];
    va_list args;
    va_start(args, fmt);
    size_t n = openai_format(fmt, args);
    va_end(args);
    int k =
        snprintf(head, sizeof head,
                 "POST /v1/%s HTTP/1.1\r\nHost: test.example\r\nAuthorization: Bearer "
                 "%s\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: "
                 "%zu\r\n\r\n",
                 path, openai_key, n);
    int fd = raw_dial(masto_port);
    raw_say(fd, head, (size_t)k);
    raw_say(fd, openai_body, n);
    return fd;
}
/* Its answer, to the end. */
static inline int v1_close(int fd)
{
    bool closed;
    masto_answer_len = raw_hear(fd, masto_answer, MASTO_ANSWER_MAX, NULL, 60000, &closed);
    close(fd);
    char *at = memmem(masto_answer, masto_answer_len, "\r\n\r\n", 4);
    masto_body =
        at ? (mn_str){at + 4, masto_answer_len - (size_t)(at + 4 - masto_answer)} : MN_STR("");
    openai_unchunk();
    return raw_status(masto_answer);
}

/* ---- streams ------------------------------------------------------------------------------------------------------- */

/* The events of the last answer as a JSON array (without [DONE]); *ret_done: it came, and last. */
static inline const mn_json *openai_events(bool *ret_done)
{
    mn_err e = {0};
    mn_buf b;
    mn_json *v = NULL;
    mn_str rest = masto_body;
    bool done = false;
    mn_buf_init(&b, 0);
    mn_buf_addc(&b, '[');
    while (rest.ptr && rest.len) {
        mn_str line = mn_str_split(rest, '\n', &rest);
        if (!mn_str_starts(line, "data: ")) continue;
        OK(!done); /* nothing after [DONE] */
        line = mn_str_sub(line, 6, SIZE_MAX);
        done = mn_str_eqz(line, "[DONE]");
        if (done) continue;
        if (b.len > 1) mn_buf_addc(&b, ',');
        mn_buf_adds(&b, line);
    }
    mn_buf_addc(&b, ']');
    RUN(mn_json_parse(mn_str_dup(&masto_arena, mn_buf_str(&b)), &masto_arena, &v, &e));
    mn_buf_release(&b);
    *ret_done = done;
    return v;
}
static inline const mn_json *openai_in(const mn_json *v, const char *path)
{
    mn_str rest = mn_str_from(path);
    while (v && rest.ptr && rest.len > 0) {
        char key[64];
        mn_str part = mn_str_split(rest, '.', &rest);
        snprintf(key, sizeof key, "%.*s", MN_STR_FMT(part));
        v = v->type == MN_JSON_ARRAY ? mn_json_at(v, (size_t)atoi(key)) : mn_json_get(v, key);
    }
    return v;
}
/* What one choice's events say at `path` of the choice ("delta.content", "text"), joined. */
static inline mn_str openai_joined(const mn_json *events, int index, const char *path)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    for (size_t i = 0; i < events->n; i++) {
        const mn_json *choice = openai_in(events->items[i], "choices.0");
        if (!choice || mn_json_i64(mn_json_get(choice, "index"), -1) != index) continue;
        mn_buf_adds(&b, mn_json_str(openai_in(choice, path)));
    }
    mn_str out = mn_str_dup(&masto_arena, mn_buf_str(&b));
    mn_buf_release(&b);
    return out;
}

/* ---- numbers of /metrics ------------------------------------------------------------------------------------------- */

/* The value of the line that begins with this ("mynah_model_running{model=\"tiny\"}"); −1 when there is none. */
static inline double openai_metric(const char *name)
{
    OK(masto_raw("GET", "/metrics", "", NULL, 0) == 200);
    mn_str rest = masto_body;
    while (rest.ptr && rest.len) {
        mn_str line = mn_str_split(rest, '\n', &rest);
        if (mn_str_starts(line, name)) return strtod(line.ptr + strlen(name), NULL);
    }
    return -1;
}
/* Until the metric has that value, ten seconds at most. */
static inline bool openai_becomes(const char *name, double value)
{
    for (int i = 0; i < 200; i++) {
        if (openai_metric(name) == value) return true;
        usleep(50000);
    }
    return false;
}

#endif

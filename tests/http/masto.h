/* A server in the test's process and members who speak the Mastodon API to it.
 *
 *   static int setup(void **s)    { (void)s; masto_start(); alice = masto_member("alice"); return 0; }
 *   static int teardown(void **s) { (void)s; masto_stop(); return 0; }
 *   …
 *   OK(masto("POST", "/api/v1/statuses", &alice, "{\"status\":\"hello\"}") == 200);
 *   IS(masto_str("content"), "<p>hello</p>");
 */
#ifndef MN_TESTS_MASTO_H
#define MN_TESTS_MASTO_H

#include "api/api.h"
#include "base/clock.h"
#include "base/conf.h"
#include "contract/postgres.h"
#include "http/openapi.h"
#include "social/access.h"
#include "social/social.h"
#include "unit/net/raw.h"

typedef struct member {
    uint64_t id;
    char name[64], token[128];
} member;

static char masto_dir[64];
static mn_home masto_home;
static mn_api *masto_api;
static int masto_port;
static mn_arena masto_arena; /* of the answers; reset by masto_start */
static char *masto_answer;   /* head and body of the last answer */
static size_t masto_answer_len;
static mn_str masto_body;
#define MASTO_ANSWER_MAX (4u << 20)

static char masto_database[PG_URL_MAX]; /* empty: SQLite below the folder */

/* With $MYNAH_TEST_HTTP_ON_POSTGRES (as ./check runs these tests a second time) the database is a PostgreSQL's, unless the
 * settings name one. */
static inline void masto_write_conf(const char *conf)
{
    mn_err e = {0};
    mn_buf b;
    char path[128];
    bool elsewhere = getenv("MYNAH_TEST_HTTP_ON_POSTGRES") && !strstr(conf, "database =");
    *masto_database = '\0';
    if (elsewhere && !pg_there()) fail_msg("%s", pg_why);
    if (elsewhere) pg_fresh(masto_database);
    mn_buf_init(&b, 0);
    mn_buf_addz(&b, conf);
    if (elsewhere) mn_buf_addf(&b, "database = %s\n", masto_database);
    snprintf(path, sizeof path, "%s/mynah.conf", masto_dir);
    if (b.len) RUN(mn_fs_write_atomic(path, b.ptr, b.len, &e));
    mn_buf_release(&b);
}

/* Settings are lines "key = value" of mynah.conf, or NULL. */
static inline void masto_start_with(const char *conf)
{
    mn_err e = {0};
    test_tmp(masto_dir);
    masto_write_conf(conf ? conf : "");
    mn_arena_init(&masto_arena, 0);
    masto_answer = malloc(MASTO_ANSWER_MAX);
    RUN(mn_home_open(masto_dir, &masto_home, &e));
    mn_api_opts o = {.home = &masto_home, .listen = "127.0.0.1:0", .domain = "test.example"};
    RUN(mn_api_start(&o, &masto_api, &e));
    masto_port = mn_api_port(masto_api);
}
/* Without limits on how often something may be asked for. */
static inline void masto_start(void)
{
    masto_start_with("rate_limits = off\n");
}
static inline void masto_stop(void)
{
    mn_api_stop(masto_api, 1000);
    mn_home_close(&masto_home);
    mn_arena_release(&masto_arena);
    free(masto_answer);
    if (*masto_database) pg_drop(masto_database);
    test_tmp_remove(masto_dir);
}

/* An account with a token for these scopes ("read write follow push"; roles other than member by masto_staff). */
static inline member masto_member_with(const char *name, mn_account_role role,
                                       const char *scopes)
{
    mn_err e = {0};
    mn_tx *tx;
    mn_secret secret;
    member m = {0};
    snprintf(m.name, sizeof m.name, "%s", name);
    RUN(mn_social_account_create(masto_home.store, mn_str_from(name), mn_str_from(name), role,
                                 "", NULL, &m.id, &e));
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    RUN(mn_access_token_make(tx, m.id, 0, mn_str_from(scopes), &secret, NULL, &e));
    RUN(mn_store_commit(tx, &e));
    snprintf(m.token, sizeof m.token, "%s", secret.text);
    return m;
}
static inline member masto_member(const char *name)
{
    return masto_member_with(name, MN_ROLE_MEMBER, "read write follow push profile");
}
static inline member masto_staff(const char *name, mn_account_role role)
{
    return masto_member_with(name, role,
                             "read write follow push profile admin:read admin:write");
}

/* One request with these headers (each ending in CRLF) and body; the status. */
static inline int masto_raw(const char *method, const char *path, const char *headers,
                            const char *body, size_t n)
{
    char head[8192];
    bool closed;
    int k = snprintf(head, sizeof head,
                     "%s %s HTTP/1.1\r\nHost: test.example\r\nConnection: close\r\n%s", method,
                     path, headers);
    if (body) k += snprintf(head + k, sizeof head - (size_t)k, "Content-Length: %zu\r\n", n);
    k += snprintf(head + k, sizeof head - (size_t)k, "\r\n");
    int fd = raw_dial(masto_port);
    raw_say(fd, head, (size_t)k);
    if (body) raw_say(fd, body, n);
    masto_answer_len = raw_hear(fd, masto_answer, MASTO_ANSWER_MAX, NULL, 10000, &closed);
    close(fd);
    char *at = memmem(masto_answer, masto_answer_len, "\r\n\r\n", 4);
    masto_body =
        at ? (mn_str){at + 4, masto_answer_len - (size_t)(at + 4 - masto_answer)} : MN_STR("");
    return raw_status(masto_answer);
}
/* A request by a member (NULL: by nobody) with a JSON body (starting with '{') or a form, or none. */
static inline int masto(const char *method, const char *path, const member *m, const char *body)
{
    char headers[400];
    snprintf(headers, sizeof headers, "%s%s%s%s", m ? "Authorization: Bearer " : "",
             m ? m->token : "", m ? "\r\n" : "",
             !body          ? ""
             : *body == '{' ? "Content-Type: application/json\r\n"
                            : "Content-Type: application/x-www-form-urlencoded\r\n");
    return masto_raw(method, path, headers, body, body ? strlen(body) : 0);
}
/* The last answer's body as JSON; fails the test when it is none. */
static inline const mn_json *masto_json(void)
{
    mn_err e = {0};
    mn_json *j = NULL;
    RUN(mn_json_parse(mn_str_dup(&masto_arena, masto_body), &masto_arena, &j, &e));
    return j;
}
/* The value at "a.b.0.c" in the last answer, NULL when absent. */
static inline const mn_json *masto_at(const char *path)
{
    const mn_json *v = masto_json();
    mn_str rest = mn_str_from(path);
    while (v && rest.ptr && rest.len > 0) {
        char key[128];
        mn_str part = mn_str_split(rest, '.', &rest);
        snprintf(key, sizeof key, "%.*s", MN_STR_FMT(part));
        v = v->type == MN_JSON_ARRAY ? mn_json_at(v, (size_t)atoi(key)) : mn_json_get(v, key);
    }
    return v;
}
static inline mn_str masto_str(const char *path)
{
    return mn_json_str(masto_at(path));
}
static inline uint64_t masto_id(const char *path)
{
    return mn_json_u64(masto_at(path), 0);
}
static inline bool masto_says(const char *what)
{
    return memmem(masto_answer, masto_answer_len, what, strlen(what)) != NULL;
}
/* A public post by a member; its id. */
static inline uint64_t masto_post(const member *m, const char *text)
{
    mn_buf b;
    mn_json_writer j;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&j, &b, 0);
    mn_jw_object(&j);
    mn_jw_key(&j, "status");
    mn_jw_strz(&j, text);
    mn_jw_object_end(&j);
    int status = masto("POST", "/api/v1/statuses", m, b.ptr);
    mn_buf_release(&b);
    if (status != 200) fail_msg("posting gave %d: %.*s", status, MN_STR_FMT(masto_body));
    return masto_id("id");
}

#endif

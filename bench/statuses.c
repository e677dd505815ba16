/* What posts cost over the Mastodon API: making one, showing twenty.
 *
 * A server in this process on a data folder of its own; 200 authors, 1,000 posts of about 160 characters with a hashtag. Then
 *   plain, tag, reply  mn_social_post_create alone, each committed
 *   make       POST /api/v1/statuses, one connection that stays open, one post after the other, each committed
 *   show       mn_entity_statuses_by_ids for a member, twenty posts from memory, called here without HTTP
 *   show cold  the same with nothing in memory
 *   home, public  GET of a page of 20 over HTTP by that member, who follows all authors
 * CPU is of the whole process, so that of the little client here is in it (about 10 µs a request).
 *
 *   make bench && build/bench/statuses [FOLDER] */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/api_int.h"
#include "api/mastodon/statuses.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/snowflake.h"
#include "social/access.h"
#include "social/people.h"
#include "store/access.h"

enum { AUTHORS = 200, POSTS = 1000, MADE = 5000, SHOWN = 20000, ASKED = 3000, PAGE = 20 };

static mn_home home;
static mn_api *api;
static mn_err e;
static uint64_t me, ids[POSTS];
static char token[128], *answer;
#define ANSWER_MAX (4u << 20)

static void must(mn_rc rc)
{
    if (rc == MN_OK) return;
    fprintf(stderr, "%s (%s)\n", e.msg, mn_rc_name(rc));
    exit(1);
}

static void fill(void)
{
    mn_tx *tx;
    mn_secret secret;
    uint64_t authors[AUTHORS];
    must(mn_social_account_create(home.store, MN_STR("me"), MN_STR("me"), MN_ROLE_MEMBER, "",
                                  NULL, &me, &e));
    must(mn_store_begin(home.store, &tx, &e));
    for (int i = 0; i < AUTHORS; i++) {
        char name[32];
        snprintf(name, sizeof name, "author%d", i);
        authors[i] = mn_snowflake_next();
        must(mn_store_account_add(tx,
                                  &(mn_account){.id = authors[i],
                                                .name = mn_str_from(name),
                                                .created_ms = mn_now_ms()},
                                  &e));
        must(mn_social_follow(tx, me, authors[i], &(mn_follow_opts){.no_notice = true}, NULL,
                              &e));
    }
    must(mn_access_token_make(tx, me, 0, MN_STR("read write"), &secret, NULL, &e));
    must(mn_store_commit(tx, &e));
    snprintf(token, sizeof token, "%s", secret.text);
    for (int i = 0; i < POSTS; i++) {
        char text[300];
        mn_draft d;
        mn_created made;
        snprintf(
            text, sizeof text,
            "Post number %d of the bench says a few words about nothing in particular, as long "
            "as people write: a hundred and sixty characters, give or take some. #tag%d",
            i, i % 10);
        mn_draft_init(&d, authors[i % AUTHORS]);
        d.text = mn_str_from(text);
        d.lang = MN_STR("en");
        must(mn_social_post_create(api->compose, &d, &made, &e));
        ids[i] = made.post_id;
    }
}

/* ---- over HTTP ------------------------------------------------------------------------------------------------------ */

static int dial(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)mn_api_port(api))};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0) exit(1);
    return fd;
}

static size_t ask(int fd, const char *method, const char *path, const char *body)
{
    char q[2048];
    int n = snprintf(q, sizeof q,
                     "%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n%s"
                     "Content-Length: %zu\r\n\r\n%s",
                     method, path, token, *body ? "Content-Type: application/json\r\n" : "",
                     strlen(body), body);
    if (send(fd, q, (size_t)n, 0) != n) exit(1);
    size_t have = 0, want = 0;
    while (!want || have < want) {
        ssize_t k = recv(fd, answer + have, ANSWER_MAX - 1 - have, 0);
        if (k <= 0) exit(1);
        have += (size_t)k;
        answer[have] = 0;
        const char *end = strstr(answer, "\r\n\r\n"),
                   *len = strcasestr(answer, "content-length:");
        if (!want && end && len)
            want = (size_t)(end - answer) + 4 + strtoul(len + 15, NULL, 10);
    }
    if (strncmp(answer, "HTTP/1.1 200", 12) != 0) {
        fprintf(stderr, "%s %s: %.200s\n", method, path, answer);
        exit(1);
    }
    return want;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void report(const char *what, int n, double cpu_s, int64_t *each, size_t bytes)
{
    double wall = 0;
    for (int i = 0; i < n; i++) wall += (double)each[i];
    qsort(each, (size_t)n, sizeof *each, by_size);
    printf("%-10s %7.0f/s  cpu %6.1f us each  p50 %5lld us  p99 %5lld us  %zu bytes\n", what,
           n / wall * 1e6, cpu_s / n * 1e6, (long long)each[n / 2],
           (long long)each[n * 99 / 100], bytes);
}

static void over_http(const char *what, int n, const char *method, const char *path,
                      const char *body)
{
    int64_t *each = malloc((size_t)n * sizeof *each);
    int fd = dial();
    size_t bytes = ask(fd, method, path, body);
    double cpu = mn_cpu_s();
    for (int i = 0; i < n; i++) {
        int64_t from = mn_mono_us();
        bytes = ask(fd, method, path, body);
        each[i] = mn_mono_us() - from;
    }
    report(what, n, mn_cpu_s() - cpu, each, bytes);
    close(fd);
    free(each);
}

/* ---- without ---------------------------------------------------------------------------------------------------------- */

static void show(const char *what, int n, bool cold)
{
    mn_arena ar;
    mn_buf b;
    int64_t *each = malloc((size_t)n * sizeof *each);
    mn_arena_init(&ar, 0);
    mn_buf_init(&b, 0);
    double cpu = mn_cpu_s();
    for (int i = 0; i < n; i++) {
        mn_view v = {.api = api, .arena = &ar, .me = me};
        mn_json_writer j;
        mn_arena_reset(&ar);
        mn_buf_clear(&b);
        if (cold) {
            mn_shown_free(api->shown);
            must(mn_shown_new(home.store, 0, &api->shown, &e));
        }
        int64_t from = mn_mono_us();
        mn_json_writer_init(&j, &b, 0);
        mn_jw_array(&j);
        must(mn_entity_statuses_by_ids(&v, ids + POSTS - PAGE, PAGE, true, MN_FILTER_HOME, &j,
                                       &e));
        mn_jw_array_end(&j);
        each[i] = mn_mono_us() - from;
    }
    report(what, n, mn_cpu_s() - cpu, each, b.len);
    mn_buf_release(&b);
    mn_arena_release(&ar);
    free(each);
}

/* mn_social_post_create alone: with a tag, without, and in answer to somebody with a mention. */
static void compose(const char *what, int n, const char *text, uint64_t reply_to)
{
    int64_t *each = malloc((size_t)n * sizeof *each);
    double cpu = mn_thread_cpu_s();
    for (int i = 0; i < n; i++) {
        mn_draft d;
        mn_created made;
        int64_t from = mn_mono_us();
        mn_draft_init(&d, me);
        d.text = mn_str_from(text);
        d.lang = MN_STR("en");
        d.reply_to = reply_to;
        must(mn_social_post_create(api->compose, &d, &made, &e));
        each[i] = mn_mono_us() - from;
    }
    report(what, n, mn_thread_cpu_s() - cpu, each, strlen(text));
    free(each);
}

int main(int argc, char **argv)
{
    char dir[64] = "/tmp/mynah-bench-XXXXXX", conf[100];
    static const char settings[] = "rate_limits = off\n";
    if (!mkdtemp(dir)) return 1;
    const char *data = argc > 1 ? argv[1] : dir;
    answer = malloc(ANSWER_MAX);
    snprintf(conf, sizeof conf, "%s/mynah.conf", dir);
    must(mn_fs_write_atomic(conf, settings, strlen(settings), &e));
    must(mn_home_open(data, &home, &e));
    mn_api_opts o = {.home = &home, .listen = "127.0.0.1:0", .domain = "localhost"};
    must(mn_api_start(&o, &api, &e));
    fill();
    compose("plain", MADE, "A post of the bench, without a tag or anything else.", 0);
    compose("tag", MADE, "A post of the bench, with a tag. #bench", 0);
    compose("reply", MADE, "@author7 an answer of the bench, told to somebody", ids[7]);
    over_http(
        "make", MADE, "POST", "/api/v1/statuses",
        "{\"status\":\"A post of the bench, said over HTTP by one who has the patience to say "
        "the same thing five thousand times in a row. #bench\",\"language\":\"en\"}");
    show("show", SHOWN, false);
    show("show cold", 500, true);
    over_http("home", ASKED, "GET", "/api/v1/timelines/home?limit=20", "");
    over_http("public", ASKED, "GET", "/api/v1/timelines/public?limit=20", "");
    mn_api_stop(api, 1000);
    mn_home_close(&home);
    mn_fs_remove_tree(dir, NULL);
    free(answer);
    return 0;
}

/* What homes cost on a large server: a million posts by 10,000 accounts.
 *
 *   cold      a home read from the store (nothing in memory), for members who follow 20, 200, 2,000
 *   page      20 ids of a home in memory
 *   beyond    20 ids past the end of memory
 *   event     a new post told to 1,000 homes in memory, with all that posting costs beside; and the same with none
 *   http      GET /api/v1/timelines/home?limit=20 on one connection that stays open: CPU of the whole process, the small client
 *             here included (about 10 µs)
 *
 *   make bench && build/bench/feeds [POSTS [ACCOUNTS]] */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/api_int.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/snowflake.h"
#include "social/access.h"
#include "social/feeds.h"
#include "social/tags.h"
#include "store/access.h"
#include "store/people.h"

enum { PAGE = 20, READERS = 1000 };

static mn_home home;
static mn_api *api;
static mn_err e;
static uint64_t n_posts = 1000000, n_accounts = 10000, *accounts;
static char token[128];

static void must(mn_rc rc)
{
    if (rc == MN_OK) return;
    fprintf(stderr, "%s (%s)\n", e.msg, mn_rc_name(rc));
    exit(1);
}

static uint64_t draw(uint64_t i, uint64_t stream, uint64_t below)
{
    return mn_rand_at(1, stream, i) % below;
}

/* ---- the data -------------------------------------------------------------------------------------------------------- */

static void add_accounts(void)
{
    mn_tx *tx;
    must(mn_store_begin(home.store, &tx, &e));
    for (uint64_t i = 0; i < n_accounts; i++) {
        char name[32];
        snprintf(name, sizeof name, "author%llu", (unsigned long long)i);
        accounts[i] = mn_snowflake_next();
        must(mn_store_account_add(tx,
                                  &(mn_account){.id = accounts[i],
                                                .name = mn_str_from(name),
                                                .created_ms = mn_now_ms()},
                                  &e));
    }
    must(mn_store_commit(tx, &e));
}

/* Number i follows n others; followed are few by many, as it is. */
static void add_follows(uint64_t i, uint64_t n)
{
    mn_tx *tx;
    must(mn_store_begin(home.store, &tx, &e));
    for (uint64_t k = 0; k < n; k++) {
        uint64_t a = draw(i << 20 | k, 1, n_accounts), b = draw(i << 20 | k, 2, n_accounts);
        uint64_t whom = k % 4 == 0 && a > b ? b : a;
        if (whom != i)
            must(mn_store_follow_set(tx, accounts[i], accounts[whom],
                                     &(mn_follow){.boosts = true}, NULL, &e));
    }
    must(mn_store_commit(tx, &e));
}

static void add_posts(void)
{
    int64_t from = mn_now_ms() - INT64_C(90) * 86400000;
    uint64_t import = 0, id = 0;
    for (uint64_t i = 0; i < n_posts;) {
        mn_tx *tx;
        must(mn_store_begin(home.store, &tx, &e));
        if (!import)
            must(mn_store_import_begin(tx, MN_STR("bench"), MN_STR("jsonl"), &import, &e));
        for (int k = 0; k < 20000 && i < n_posts; k++, i++) {
            char text[200], origin[40];
            int64_t ms = from + (int64_t)(i * 7000 % (UINT64_C(89) * 86400000));
            snprintf(origin, sizeof origin, "bench:%llu", (unsigned long long)i);
            snprintf(
                text, sizeof text,
                "Post number %llu of the bench says a few words about nothing in particular, "
                "as long as people write%s",
                (unsigned long long)i, i % 16 ? "." : ". #tag");
            mn_post p = {.id = mn_snowflake_at(ms, mn_rand_at(2, 2, i)),
                         .account_id = accounts[draw(i, 3, n_accounts)],
                         .created_ms = ms,
                         .text = mn_str_from(text),
                         .lang = MN_STR("en"),
                         .origin = mn_str_from(origin),
                         .import_id = import};
            must(mn_store_post_import(tx, &p, &id, &e));
            must(mn_social_tags_write(tx, id, p.text, true, &e));
        }
        must(mn_store_commit(tx, &e));
    }
}

/* ---- measuring ------------------------------------------------------------------------------------------------------- */

static void line(const char *what, double cpu_s, uint64_t n)
{
    printf("%-34s %10.1f us of CPU each, %llu times\n", what, cpu_s / (double)n * 1e6,
           (unsigned long long)n);
    fflush(stdout);
}

static uint64_t page(mn_feeds *f, uint64_t who, uint64_t below)
{
    mn_arena ar;
    uint64_t *ids = NULL, last = 0;
    size_t n = 0;
    mn_arena_init(&ar, 0);
    must(
        mn_feeds_page(f, who, 0, &(mn_span){.below = below, .limit = PAGE}, &ar, &ids, &n, &e));
    if (n) last = ids[n - 1];
    mn_arena_release(&ar);
    return last;
}

static void measure_cold(const char *what, uint64_t who, int n)
{
    double cpu = mn_cpu_s();
    for (int i = 0; i < n; i++) {
        mn_feeds *f;
        must(mn_feeds_new(home.store, 0, &f, &e));
        page(f, who, 0);
        mn_feeds_free(f);
    }
    line(what, mn_cpu_s() - cpu, (uint64_t)n);
}

static void measure_memory(mn_feeds *f, uint64_t who)
{
    uint64_t below = 0;
    page(f, who, 0);
    double cpu = mn_cpu_s();
    for (int i = 0; i < 200000; i++) page(f, who, 0);
    line("page, in memory", mn_cpu_s() - cpu, 200000);
    for (int i = 0; i < 45; i++) below = page(f, who, below);
    cpu = mn_cpu_s();
    for (int i = 0; i < 50; i++) below = page(f, who, below);
    line("page, beyond memory", mn_cpu_s() - cpu, 50);
}

static void measure_events(const char *what, int n)
{
    double cpu = mn_cpu_s();
    for (int i = 0; i < n; i++) {
        mn_tx *tx;
        mn_post p = {.id = mn_snowflake_next(),
                     .account_id = accounts[draw((uint64_t)i, 4, n_accounts)],
                     .created_ms = mn_now_ms(),
                     .text = MN_STR("fresh")};
        must(mn_store_begin(home.store, &tx, &e));
        must(mn_store_post_add(tx, &p, &e));
        must(mn_store_commit(tx, &e));
    }
    line(what, mn_cpu_s() - cpu, (uint64_t)n);
}

static size_t ask(int fd, const char *path)
{
    static char answer[1 << 20], q[1024];
    int n = snprintf(q, sizeof q,
                     "GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n",
                     path, token);
    if (send(fd, q, (size_t)n, 0) != n) exit(1);
    size_t have = 0, want = 0;
    while (!want || have < want) {
        ssize_t k = recv(fd, answer + have, sizeof answer - 1 - have, 0);
        if (k <= 0) exit(1);
        have += (size_t)k;
        answer[have] = 0;
        const char *end = strstr(answer, "\r\n\r\n"),
                   *len = strcasestr(answer, "content-length:");
        if (!want && end && len)
            want = (size_t)(end - answer) + 4 + strtoul(len + 15, NULL, 10);
    }
    if (strncmp(answer, "HTTP/1.1 200", 12) != 0) exit(1);
    return want;
}

static void measure_http(const char *what, const char *path, int n)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)mn_api_port(api))};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0) exit(1);
    size_t bytes = ask(fd, path);
    double cpu = mn_cpu_s();
    for (int i = 0; i < n; i++) ask(fd, path);
    line(what, mn_cpu_s() - cpu, (uint64_t)n);
    printf("%34s %zu bytes\n", "", bytes);
    close(fd);
}

static void make_token(uint64_t who)
{
    mn_tx *tx;
    mn_secret secret;
    must(mn_store_begin(home.store, &tx, &e));
    must(mn_access_token_make(tx, who, 0, MN_STR("read"), &secret, NULL, &e));
    must(mn_store_commit(tx, &e));
    snprintf(token, sizeof token, "%s", secret.text);
}

static void fill(void)
{
    double cpu = mn_cpu_s();
    accounts = malloc(n_accounts * sizeof *accounts);
    add_accounts();
    add_posts();
    for (uint64_t i = 0; i < READERS; i++) add_follows(i, 100);
    add_follows(READERS, 20);
    add_follows(READERS + 1, 200);
    add_follows(READERS + 2, 2000);
    make_token(accounts[READERS + 1]);
    line("filling, a post", mn_cpu_s() - cpu, n_posts);
}

int main(int argc, char **argv)
{
    char dir[64] = "/tmp/mynah-bench-XXXXXX", conf[100];
    static const char settings[] = "rate_limits = off\n";
    mn_feeds *f;
    if (argc > 1) n_posts = strtoull(argv[1], NULL, 10);
    if (argc > 2) n_accounts = strtoull(argv[2], NULL, 10);
    if (!mkdtemp(dir)) return 1;
    snprintf(conf, sizeof conf, "%s/mynah.conf", dir);
    must(mn_fs_write_atomic(conf, settings, strlen(settings), &e));
    must(mn_home_open(dir, &home, &e));
    fill();
    measure_cold("cold, 20 followed", accounts[READERS], 50);
    measure_cold("cold, 200 followed", accounts[READERS + 1], 20);
    measure_cold("cold, 2,000 followed", accounts[READERS + 2], 5);
    measure_events("posting, no home in memory", 5000);
    must(mn_feeds_new(home.store, 64u << 20, &f, &e));
    measure_memory(f, accounts[READERS + 1]);
    for (uint64_t i = 0; i < READERS; i++) page(f, accounts[i], 0);
    mn_feeds_stats st;
    mn_feeds_stats_get(f, &st);
    printf("%zu homes in memory: %.1f kB each\n", st.feeds,
           (double)st.bytes / 1024 / (double)st.accounts);
    measure_events("posting, 1,000 homes in memory", 5000);
    mn_feeds_free(f);
    mn_api_opts o = {.home = &home, .listen = "127.0.0.1:0", .domain = "localhost"};
    must(mn_api_start(&o, &api, &e));
    sleep(20); /* the index is made meanwhile */
    measure_http("home over HTTP", "/api/v1/timelines/home?limit=20", 5000);
    measure_http("public over HTTP", "/api/v1/timelines/public?limit=20", 5000);
    measure_http("tag over HTTP", "/api/v1/timelines/tag/tag?limit=20", 5000);
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    printf("%ld MB at most\n", u.ru_maxrss / 1024);
    mn_api_stop(api, 1000);
    mn_home_close(&home);
    mn_fs_remove_tree(dir, NULL);
    return 0;
}

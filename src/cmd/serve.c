/* mynah serve: the server, and in the background the first model's growing up (raise.c). */
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/api.h"
#include "archive/import.h"
#include "base/conf.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/stop.h"
#include "cmd/cmd.h"
#include "cmd/raise.h"
#include "tensor/cuda.h"

#define GRACE_MS 5000

typedef struct options {
    const char *listen, *domain, *data, *device;
    uint64_t threads;
    bool no_sample, no_train, log_json;
} options;

static mn_rc read_options(int argc, char **argv, options *o, mn_err *e)
{
    static const mn_usage usage = {
        .name = "serve",
        .synopsis =
            "[--listen HOST:PORT] [--domain NAME] [--data DIR] [--no-sample] [--no-train]",
        .about = "Serves the community: pages, the API and the search index. On a fresh data "
                 "folder it makes\n"
                 "the operator's account, imports a sample community from Debian's fortune "
                 "files and trains a\n"
                 "first model on it in the background; what was begun is gone on with at the "
                 "next start.\n"
                 "Ctrl-C stops cleanly.",
        .example = "mynah serve --listen 127.0.0.1:8420 --data /srv/mynah",
    };
    const mn_opt opts[] = {
        {"listen", 'l', MN_OPT_STR, &o->listen, "HOST:PORT",
         "address to answer on (127.0.0.1:8420)"},
        {"domain", 0, MN_OPT_STR, &o->domain, "NAME", "the name people reach this instance by"},
        MN_CMD_OPT_DATA(&o->data),
        {"no-sample", 0, MN_OPT_FLAG, &o->no_sample, NULL, "import no sample community"},
        {"no-train", 0, MN_OPT_FLAG, &o->no_train, NULL, "train no first model"},
        {"threads", 0, MN_OPT_U64, &o->threads, "N", "threads that answer requests (2)"},
        {"device", 0, MN_OPT_STR, &o->device, "D",
         "where models answer: cpu, cuda (the first GPU) or cuda:N; default: the setting "
         "model_device"},
        {"log-json", 0, MN_OPT_FLAG, &o->log_json, NULL,
         "write the log as JSON, one object a line"},
        {0},
    };
    int n = 0;
    MN_TRY(mn_args_parse(argc, argv, &usage, opts, &n, e));
    if (n > 0)
        return mn_fail(e, MN_E_USAGE, "'%s' is one word too many; see `mynah serve --help`",
                       argv[1]);
    if (o->threads > 64) return mn_fail(e, MN_E_USAGE, "--threads should be 1 to 64");
    return o->device ? mn_cuda_device(o->device, &n, e) : MN_OK; /* the setting is read later */
}

/* One server a folder: two would train two models and write one index. */
static mn_rc lock_folder(mn_home *h, mn_fs_lock *ret, mn_err *e)
{
    char path[1024];
    mn_err why = {0};
    snprintf(path, sizeof path, "%s/serve.lock", h->dir);
    mn_rc rc = mn_fs_lock_take(path, ret, &why);
    if (rc == MN_E_BUSY)
        return mn_fail(e, rc,
                       "another server is running on the data folder '%s'; stop it or choose "
                       "another folder with --data DIR",
                       h->dir);
    if (rc != MN_OK) return mn_fail(e, rc, "%s", why.msg);
    return MN_OK;
}

/* Descriptors for connections, segments and databases: as many as this user may have. */
static void raise_descriptors(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur >= l.rlim_max) return;
    l.rlim_cur = l.rlim_max;
    setrlimit(RLIMIT_NOFILE, &l);
}

/* A server lives long: memory that a burst of work needed goes back to the system, instead of staying in per-thread pools. */
static void thrifty_memory(void)
{
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, 256 << 10);
    mallopt(M_TRIM_THRESHOLD, 1 << 20);
}

static mn_rc remember_operator(mn_store *s, uint64_t id, mn_err *e)
{
    char text[24];
    mn_tx *tx;
    snprintf(text, sizeof text, "%llu", (unsigned long long)id);
    MN_TRY(mn_store_begin(s, &tx, e));
    return mn_store_end(tx, mn_store_meta_set(tx, "operator", mn_str_from(text), e), e);
}

/* Makes the operator's account once; ret_password is empty when it is there already. */
static mn_rc make_operator(mn_store *s, char ret_password[32], mn_err *e)
{
    mn_arena a;
    mn_str v;
    uint64_t id = 0;
    ret_password[0] = 0;
    mn_arena_init(&a, 1u << 16);
    mn_rc rc = mn_store_meta_get(s, "operator", &a, &v, e);
    mn_arena_release(&a);
    if (rc != MN_E_NOT_FOUND) return rc;
    rc = mn_social_account_create(s, MN_STR("operator"), MN_STR("Operator"), MN_ROLE_OPERATOR,
                                  NULL, ret_password, &id, e);
    if (rc == MN_E_EXISTS) return MN_OK; /* made by `mynah account create` */
    if (rc != MN_OK) return rc;
    return remember_operator(s, id, e);
}

static void greet(const mn_home *h, const char *listen, int port, const char *password)
{
    const char *colon = strrchr(listen, ':');
    int host = colon ? (int)(colon - listen) : 0;
    char block[1200];
    int n = snprintf(block, sizeof block,
                     "\n  Mynah answers at  http://%.*s:%d/\n  data folder       %s\n",
                     host ? host : 9, host ? listen : "127.0.0.1", port, h->dir);
    if (password[0] && n > 0 && (size_t)n < sizeof block)
        n += snprintf(
            block + n, sizeof block - (size_t)n,
            "  operator account  operator\n  one-time password %s   (shown only now)\n",
            password);
    fprintf(stderr, "%s  Ctrl-C stops it.\n\n", block);
}

static void wait_for_stop(void)
{
    struct pollfd p = {mn_stop_fd(), POLLIN, 0};
    while (!mn_stop_requested())
        if (poll(&p, 1, -1) < 0 && errno != EINTR) return;
}

/* Imports that a crash cut short are told of once, in the log; the server starts whatever comes of it. */
static void settle_imports(const mn_home *h)
{
    mn_import_report r = {0};
    mn_err e = {0};
    if (mn_import_settle(h->store, h->dir, &r, &e) != MN_OK) mn_warn("serve", "%s", e.msg);
    for (size_t i = 0; i < r.n_warnings; i++) mn_warn("serve", "%s", r.warnings[i]);
    mn_import_report_release(&r);
}

static mn_rc serve(mn_home *h, const options *o, mn_err *e)
{
    mn_api *api = NULL;
    mn_raise *raise_work = NULL;
    char password[32] = "";
    const char *listen = o->listen ? o->listen : mn_conf_get(h->conf, "listen");
    mn_api_opts a = {.home = h,
                     .listen = listen,
                     .device = o->device,
                     .domain = o->domain ? o->domain : mn_conf_get(h->conf, "domain"),
                     .threads = (int)o->threads,
                     .trusted_proxy = mn_str_from(mn_conf_get(h->conf, "trusted_proxy"))};
    MN_TRY(mn_api_start(&a, &api, e));
    mn_rc rc = make_operator(h->store, password, e);
    if (rc != MN_OK) goto out;
    greet(h, listen, mn_api_port(api), password);
    mn_raise_opts r = {.home = h,
                       .api = api,
                       .no_sample = o->no_sample,
                       .no_train = o->no_train,
                       .bar = !o->log_json};
    rc = mn_raise_start(&r, &raise_work, e);
    if (rc != MN_OK) goto out;
    wait_for_stop();
    mn_info("serve", "stopping");
    mn_api_quiesce(api);
    mn_raise_join(raise_work);
out:
    mn_api_stop(api, GRACE_MS);
    return rc;
}

int mn_cmd_serve(int argc, char **argv)
{
    mn_err e = {0};
    options o = {0};
    mn_home h = {0};
    mn_fs_lock lock = {.fd = -1};
    mn_rc rc = read_options(argc, argv, &o, &e);
    if (rc == MN_OK) rc = mn_home_open(o.data, &h, &e);
    if (rc != MN_OK) return mn_cmd_failed("serve", &e, false);
    if (strcmp(mn_conf_get(h.conf, "log_format"), "json") == 0) o.log_json = true;
    mn_log_setup(MN_LOG_INFO, o.log_json);
    raise_descriptors();
    thrifty_memory();
    rc = lock_folder(&h, &lock, &e);
    if (rc == MN_OK) {
        settle_imports(&h);
        rc = serve(&h, &o, &e);
        mn_fs_lock_release(&lock);
    }
    mn_home_close(&h);
    return rc == MN_OK ? 0 : mn_cmd_failed("serve", &e, false);
}

/* /healthz and /metrics: what a watchman and Prometheus ask.
 *
 * Requests are counted by route pattern, never by path, so that nobody can make the table grow. */
#include "api/metrics.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "api/mastodon/streaming.h"
#include "base/clock.h"
#include "net/ws.h"

void mn_metrics__count(mn_metrics *m, const char *route, int status, size_t bytes,
                       double cpu_us)
{
    if (!route) route = "other";
    pthread_mutex_lock(&m->lock);
    size_t i = 0;
    while (i < m->n && (m->cells[i].route != route || m->cells[i].status != status)) i++;
    if (i == m->n && m->n < MN_METRIC_CELLS)
        m->cells[m->n++] = (mn_metric){.route = route, .status = status};
    if (i < m->n) {
        m->cells[i].n++;
        m->cells[i].bytes += bytes;
        m->cells[i].cpu_us += cpu_us;
    }
    pthread_mutex_unlock(&m->lock);
}

static void kind(mn_buf *b, const char *name, const char *type, const char *help)
{
    mn_buf_addf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void gauge(mn_buf *b, const char *name, const char *type, const char *help, double v)
{
    kind(b, name, type, help);
    mn_buf_addf(b, "%s %.17g\n", name, v);
}

static void by_route(mn_buf *b, const mn_metrics *m, const char *name, const char *help,
                     int what)
{
    kind(b, name, "counter", help);
    for (size_t i = 0; i < m->n; i++) {
        const mn_metric *c = &m->cells[i];
        mn_buf_addf(b, "%s{route=\"%s\",status=\"%d\"} ", name, c->route, c->status);
        if (what == 0) mn_buf_addu(b, c->n);
        else if (what == 1) mn_buf_addu(b, c->bytes);
        else mn_buf_addf(b, "%.6f", c->cpu_us / 1e6);
        mn_buf_addc(b, '\n');
    }
}

static void requests(mn_buf *b, mn_metrics *m)
{
    pthread_mutex_lock(&m->lock);
    by_route(b, m, "mynah_http_requests_total", "Requests answered, by route and status.", 0);
    by_route(b, m, "mynah_http_response_bytes_total", "Bytes of bodies sent.", 1);
    by_route(b, m, "mynah_http_cpu_seconds_total", "CPU time spent in handlers.", 2);
    pthread_mutex_unlock(&m->lock);
}

static double resident_bytes(void)
{
    unsigned long size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f) return NAN;
    if (fscanf(f, "%lu %lu", &size, &resident) != 2) resident = 0;
    fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void process(mn_buf *b, const mn_metrics *m)
{
    gauge(b, "process_cpu_seconds_total", "counter", "CPU time of the process.", mn_cpu_s());
    gauge(b, "process_resident_memory_bytes", "gauge", "Resident memory.", resident_bytes());
    gauge(b, "process_start_time_seconds", "gauge", "When the server started.",
          (double)m->started_ms / 1000);
}

static void community(mn_buf *b, mn_api *a)
{
    uint64_t accounts = 0, posts = 0, rev = 0;
    mn_search *x = atomic_load(&a->search);
    if (mn_store_counts(a->home->store, &accounts, &posts, &rev, NULL) == MN_OK) {
        gauge(b, "mynah_accounts", "gauge", "Accounts.", (double)accounts);
        gauge(b, "mynah_posts", "gauge", "Live posts.", (double)posts);
        gauge(b, "mynah_store_rev", "counter", "Changes to posts so far.", (double)rev);
    }
    if (x)
        gauge(b, "mynah_index_posts", "gauge", "Posts in the search index.",
              (double)mn_search_count(x));
}

static void streams(mn_buf *b, mn_api *a)
{
    mn_streaming_stats s;
    mn_streaming_stats_get(a, &s);
    gauge(b, "mynah_streaming_clients", "gauge", "Clients that listen to streams.",
          (double)s.clients);
    gauge(b, "mynah_streaming_subscriptions", "gauge", "Streams they listen to.",
          (double)s.subscriptions);
    gauge(b, "mynah_streaming_messages_total", "counter", "Messages sent to them.",
          (double)s.messages);
    if (!a->http) return; /* asked before the server has told us of itself */
    gauge(b, "mynah_websockets", "gauge", "Open WebSockets.",
          (double)mn_http_websockets(a->http));
}

static void learning(mn_buf *b, mn_live *l)
{
    uint64_t n[MN_LIVE_OUTCOMES];
    pthread_mutex_lock(&l->lock);
    memcpy(n, l->learnt, sizeof n);
    double at = (double)l->learnt_ms / 1000;
    pthread_mutex_unlock(&l->lock);
    mn_buf_addz(b,
                "# HELP mynah_learn_cycles_total Cycles of learning what is new, and how they "
                "ended.\n# TYPE mynah_learn_cycles_total counter\n");
    for (int i = 0; i < MN_LIVE_OUTCOMES; i++)
        mn_buf_addf(b, "mynah_learn_cycles_total{outcome=\"%s\"} %llu\n", mn_live__outcomes[i],
                    (unsigned long long)n[i]);
    if (at > 0)
        gauge(b, "mynah_learn_last_timestamp_seconds", "gauge", "When the last cycle ended.",
              at);
}

static void training(mn_buf *b, mn_live *l)
{
    pthread_mutex_lock(&l->lock);
    uint64_t step = l->n_curve ? l->curve[l->n_curve - 1].step : 0;
    double loss = l->n_curve ? l->curve[l->n_curve - 1].loss : NAN;
    double speed = l->n_curve ? l->curve[l->n_curve - 1].tokens_per_s : NAN;
    double bits = l->n_evals ? l->evals[l->n_evals - 1].val : NAN;
    bool on = strcmp(l->state, "training") == 0;
    pthread_mutex_unlock(&l->lock);
    gauge(b, "mynah_training", "gauge", "1 while a model is being trained.", on);
    if (!step) return;
    gauge(b, "mynah_training_step", "gauge", "Last step reported.", (double)step);
    gauge(b, "mynah_training_loss", "gauge", "Loss of that step, nats a token.", loss);
    gauge(b, "mynah_training_tokens_per_second", "gauge", "Speed of training.", speed);
    if (!isnan(bits))
        gauge(b, "mynah_training_val_bits_per_byte", "gauge", "Held-out bits per byte.", bits);
}

void mn_api__metrics(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_buf *b = mn_resp_body(w);
    mn_resp_type(w, "text/plain; version=0.0.4; charset=utf-8");
    mn_resp_header(w, "Cache-Control", MN_STR("no-store"));
    requests(b, &a->metrics);
    process(b, &a->metrics);
    community(b, a);
    streams(b, a);
    training(b, &a->live);
    learning(b, &a->live);
    mn_metrics__models(b, a);
}

/* 200 while posts can be read; 503 tells a load balancer to go elsewhere. */
void mn_api__healthz(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    uint64_t accounts, posts, rev;
    mn_err e = {0};
    if (mn_store_counts(a->home->store, &accounts, &posts, &rev, &e) != MN_OK) {
        mn_resp_error(r, w, 503, "posts cannot be read");
        return;
    }
    mn_json_writer j = mn_api__json(w);
    mn_jw_object(&j);
    mn_jw_kstrz(&j, "status", "ok");
    mn_jw_ku64(&j, "posts", posts);
    mn_jw_object_end(&j);
}

/* Streams of server-sent events on suspended connections: an idle one costs memory and no thread.
 *
 * The library asks for bytes (`pull`); when the owner has none, the connection is suspended and leaves the event loop until
 * a wake or the ping resumes it. Two flags under the lock close the gap between "nothing to say" and "suspended":
 *   news       set by a wake; pull clears it before it asks `next`, and asks again if it was set meanwhile
 *   suspended  set with MHD_suspend_connection, cleared with MHD_resume_connection, each exactly once
 *   hung_up    set by the watchdog when the client is gone; the stream ends with the next pull
 * Once `ending` is set no stream is suspended any more, as the library demands at shutdown.
 * Lock order: that of the connections, ours, then the library's; the library calls pull and done without holding its own. */
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "net/http_int.h"

struct mn_stream {
    mn_stream *prev, *next;
    mn_streams *all;
    mn_conns *conns;
    mn_conn *conn;
    struct MHD_Connection *mhd;
    char topic[32];
    bool asked, news, suspended, over, ping, hung_up;
    int64_t due_us; /* of the next ping */
    mn_buf out;
    size_t sent;
    bool (*more)(void *state, mn_buf *out);
    void (*end)(void *state);
    void *state;
};

/* Asks the owner once; what it said is in out. */
static void ask_owner(mn_stream *s, bool pinged)
{
    mn_buf_clear(&s->out);
    s->sent = 0;
    if (!s->more(s->state, &s->out)) s->over = true;
    if (s->out.failed) s->over = true;
    /* no blank line behind it: there are clients that take one for the end of an event */
    if (s->out.len == 0 && pinged && !s->over) mn_buf_addz(&s->out, ": still here\n");
    pthread_mutex_lock(&s->all->lock);
    if (s->out.len > 0 || s->due_us == 0)
        s->due_us = mn_mono_us() + (int64_t)s->all->ping_ms * 1000;
    pthread_mutex_unlock(&s->all->lock);
}

/* Returns false when the connection was suspended, true when the owner should be asked (again). */
static bool await_news(mn_stream *s, bool *ret_ping)
{
    mn_streams *all = s->all;
    pthread_mutex_lock(&all->lock);
    bool go = !s->asked || s->news || s->ping;
    s->asked = true;
    if (all->ending || s->hung_up) s->over = true;
    *ret_ping = s->ping;
    s->news = s->ping = false;
    if (!go && !s->over) {
        s->suspended = true;
        MHD_suspend_connection(s->mhd);
    }
    pthread_mutex_unlock(&all->lock);
    return go;
}

static ssize_t pull(void *arg, uint64_t pos, char *ret, size_t max)
{
    mn_stream *s = arg;
    bool ping = false;
    (void)pos;
    while (s->sent == s->out.len) {
        if (s->over) return MHD_CONTENT_READER_END_OF_STREAM;
        if (!await_news(s, &ping)) {
            if (s->over) return MHD_CONTENT_READER_END_OF_STREAM;
            return 0;
        }
        if (!s->over) ask_owner(s, ping);
    }
    size_t n = s->out.len - s->sent;
    if (n > max) n = max;
    memcpy(ret, s->out.ptr + s->sent, n);
    s->sent += n;
    return (ssize_t)n;
}

static mn_stream **bucket(mn_streams *all, const char *topic)
{
    return &all->topics[mn_hash64(topic, strlen(topic), 0) & (MN_STREAM_TOPICS - 1)];
}

static void done(void *arg)
{
    mn_stream *s = arg;
    mn_conns__watch(s->conns, s->conn, NULL, NULL);
    pthread_mutex_lock(&s->all->lock);
    if (s->prev) s->prev->next = s->next;
    else *bucket(s->all, s->topic) = s->next;
    if (s->next) s->next->prev = s->prev;
    s->all->n--;
    pthread_mutex_unlock(&s->all->lock);
    if (s->end) s->end(s->state);
    mn_buf_release(&s->out);
    mn_free(s);
}

static void resume(mn_stream *s)
{
    if (!s->suspended) return;
    s->suspended = false;
    MHD_resume_connection(s->mhd);
}

static void hung_up(void *arg)
{
    mn_stream *s = arg;
    pthread_mutex_lock(&s->all->lock);
    s->hung_up = true;
    resume(s);
    pthread_mutex_unlock(&s->all->lock);
}

struct MHD_Response *mn_streams__respond(mn_exchange *x)
{
    mn_resp *w = &x->resp;
    mn_streams *all = &x->http->streams;
    mn_stream *s = mn_calloc(1, sizeof *s);
    if (!s) return NULL;
    *s = (mn_stream){.all = all,
                     .conns = &x->http->conns,
                     .conn = x->conn,
                     .mhd = x->mhd,
                     .more = w->next,
                     .end = w->end,
                     .state = w->state};
    mn_str topic = mn_utf8_cut(mn_str_from(w->topic), sizeof s->topic - 1);
    memcpy(s->topic, topic.ptr, topic.len);
    mn_buf_init(&s->out, MN_RESP_BODY_MAX);
    struct MHD_Response *r =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16384, pull, s, done);
    if (!r) {
        mn_free(s);
        return NULL;
    }
    w->topic = NULL; /* the state is ours now */
    pthread_mutex_lock(&all->lock);
    mn_stream **head = bucket(all, s->topic);
    s->next = *head;
    if (s->next) s->next->prev = s;
    *head = s;
    all->n++;
    pthread_mutex_unlock(&all->lock);
    mn_conns__watch(s->conns, s->conn, hung_up, s);
    return r;
}

bool mn_streams__full(mn_streams *all)
{
    pthread_mutex_lock(&all->lock);
    bool full = all->n >= all->most;
    pthread_mutex_unlock(&all->lock);
    return full;
}

void mn_streams__wake(mn_streams *all, const char *topic)
{
    pthread_mutex_lock(&all->lock);
    for (mn_stream *s = *bucket(all, topic); s; s = s->next) {
        if (strcmp(s->topic, topic) != 0) continue;
        s->news = true;
        resume(s);
    }
    pthread_mutex_unlock(&all->lock);
}

void mn_streams__ping(mn_streams *all)
{
    int64_t now = mn_mono_us();
    pthread_mutex_lock(&all->lock);
    for (size_t i = 0; i < MN_STREAM_TOPICS; i++)
        for (mn_stream *s = all->topics[i]; s; s = s->next) {
            if (s->due_us == 0 || s->due_us > now) continue;
            s->ping = true;
            resume(s);
        }
    pthread_mutex_unlock(&all->lock);
}

void mn_streams__end(mn_streams *all)
{
    pthread_mutex_lock(&all->lock);
    all->ending = true;
    for (size_t i = 0; i < MN_STREAM_TOPICS; i++)
        for (mn_stream *s = all->topics[i]; s; s = s->next) resume(s);
    pthread_mutex_unlock(&all->lock);
}

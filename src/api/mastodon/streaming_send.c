/* From a piece of news to the bytes that clients get: made once a form, sent to each. */
#include <string.h>

#include "api/mastodon/streaming_int.h"

mn_news *mn_news_new(mn_streaming *h, const char *event, mn_str payload)
{
    mn_news *n = mn_arena_calloc(&h->arena, 1, sizeof *n);
    if (!n) return NULL;
    n->event = event;
    n->payload = payload;
    n->older = h->news;
    h->news = n;
    return n;
}

void mn_news_done(mn_streaming *h)
{
    for (mn_news *n = h->news; n; n = n->older)
        for (size_t i = 0; i < n->n_frames; i++) mn_ws_data_unref(n->frames[i].data);
    h->news = NULL;
}

/* {"stream":["user"],"event":"update","payload":"{…}"} */
static mn_ws_data *make_frame(const mn_news *n, const char *label)
{
    mn_buf b;
    mn_json_writer j;
    mn_ws_data *d = NULL;
    mn_buf_init(&b, 16u << 20);
    mn_json_writer_init(&j, &b, 0);
    mn_jw_object(&j);
    mn_jw_key(&j, "stream");
    mn_jw_raw(&j, mn_str_from(label));
    mn_jw_kstrz(&j, "event", n->event);
    if (n->payload.ptr) mn_jw_kstr(&j, "payload", n->payload);
    mn_jw_object_end(&j);
    if (!b.failed) d = mn_ws_data_text(mn_buf_str(&b));
    mn_buf_release(&b);
    return d;
}

static void send_frame(mn_streaming *h, mn_news *n, mn_sub *to)
{
    mn_ws_data *d = NULL;
    for (size_t i = 0; i < n->n_frames && !d; i++)
        if (strcmp(n->frames[i].label, to->label) == 0) d = n->frames[i].data;
    bool kept = d != NULL;
    if (!d) d = make_frame(n, to->label);
    if (!d) return;
    if (!kept && n->n_frames < MN_NEWS_FRAMES) {
        n->frames[n->n_frames].label = to->label;
        n->frames[n->n_frames++].data = d;
        kept = true;
    }
    if (mn_ws_send(to->of->ws, d)) atomic_fetch_add(&h->n_messages, 1);
    if (!kept) mn_ws_data_unref(d);
}

/* Names of events have no line breaks, payloads are JSON and have none either. An event without a payload still has data,
 * since clients read each event's data as JSON. */
static mn_str sse_of(mn_streaming *h, mn_news *n)
{
    mn_str payload = n->payload.ptr ? n->payload : MN_STR("{}");
    if (!n->sse.ptr)
        n->sse =
            mn_str_fmt(&h->arena, "event: %s\ndata: %.*s\n\n", n->event, MN_STR_FMT(payload));
    return n->sse;
}

bool mn_listener_tell(mn_listener *c, mn_str bytes)
{
    pthread_mutex_lock(&c->lock);
    if (!c->over && mn_buf_adds(&c->out, bytes) != MN_OK) {
        c->over = true; /* does not read: the connection ends with what it has */
        mn_buf_clear(&c->out);
    }
    bool reads = !c->over;
    pthread_mutex_unlock(&c->lock);
    return reads;
}

void mn_news_send(mn_streaming *h, mn_news *n, mn_sub *to)
{
    mn_listener *c = to->of;
    if (!n || c->told_off || c->slow) return;
    if (c->ws) {
        send_frame(h, n, to);
        return;
    }
    mn_str bytes = sse_of(h, n);
    if (!bytes.ptr) return;
    if (!mn_listener_tell(c, bytes)) {
        c->slow = true;
        c->slow_too = h->slow;
        h->slow = c;
    }
    if (h->api->http) mn_http_wake(h->api->http, c->topic);
    atomic_fetch_add(&h->n_messages, 1);
}

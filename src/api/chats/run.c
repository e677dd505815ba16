/* Answers under way. The batcher's thread adds what was written and wakes the stream; one thread here cancels what nobody waits for any more, stores what
 * has ended, counts its tokens, and frees it once its stream is closed.
 *
 * Locks: the server's connections, then ours (mn_chats.lock), or an answer's alone. The batcher is called with none held. */
#include "api/chats/chats_int.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/snowflake.h"

mn_answering *mn_chats__new(mn_api *a)
{
    mn_answering *x = mn_calloc(1, sizeof *x);
    if (!x) return NULL;
    x->all = a->chats;
    mn_arena_init(&x->arena, 0);
    mn_buf_init(&x->text, 1 << 20);
    pthread_mutex_init(&x->lock, NULL);
    x->turn.id = mn_snowflake_next();
    snprintf(x->topic, sizeof x->topic, "chat:%llu", (unsigned long long)x->turn.id);
    return x;
}

void mn_chats__free(mn_answering *x)
{
    if (!x) return;
    mn_serving_done(x->model);
    pthread_mutex_destroy(&x->lock);
    mn_buf_release(&x->text);
    mn_arena_release(&x->arena);
    mn_free(x);
}

/* ---- the list ------------------------------------------------------------------------------------------------------ */

static void touch(mn_chats *c) /* the lock is held */
{
    c->dirty = true;
    pthread_cond_signal(&c->wake);
}

mn_rc mn_chats__enter(mn_answering *x, mn_err *e)
{
    mn_chats *c = x->all;
    uint32_t n = 0;
    bool same = false;
    pthread_mutex_lock(&c->lock);
    for (const mn_answering *y = c->list; y; y = y->next) {
        if (y->account_id != x->account_id || atomic_load(&y->stored)) continue;
        n++;
        same = same || y->turn.chat_id == x->turn.chat_id;
    }
    bool full = n >= MN_CHATS_AT_ONCE;
    if (!same && !full) {
        x->next = c->list;
        c->list = x;
    }
    pthread_mutex_unlock(&c->lock);
    if (same)
        return mn_fail(e, MN_E_BUSY,
                       "an answer is under way in this conversation: wait for it, or stop it");
    return full ? mn_fail(e, MN_E_BUSY,
                          "%u answers are under way already: wait for one, or stop it",
                          MN_CHATS_AT_ONCE)
                : MN_OK;
}

void mn_chats__leave(mn_answering *x)
{
    mn_chats *c = x->all;
    pthread_mutex_lock(&c->lock);
    for (mn_answering **at = &c->list; *at; at = &(*at)->next) {
        if (*at != x) continue;
        *at = x->next;
        break;
    }
    pthread_mutex_unlock(&c->lock);
}

static mn_answering *find(mn_chats *c, uint64_t account, uint64_t chat) /* the lock is held */
{
    mn_answering *x = c->list;
    while (x &&
           (x->account_id != account || x->turn.chat_id != chat || atomic_load(&x->stored)))
        x = x->next;
    return x;
}

bool mn_chats__answering(mn_chats *c, uint64_t account, uint64_t chat)
{
    pthread_mutex_lock(&c->lock);
    bool yes = find(c, account, chat) != NULL;
    pthread_mutex_unlock(&c->lock);
    return yes;
}

bool mn_chats__stop(mn_chats *c, uint64_t account, uint64_t chat)
{
    pthread_mutex_lock(&c->lock);
    mn_answering *x = find(c, account, chat);
    if (x) {
        x->gone = true;
        touch(c);
    }
    pthread_mutex_unlock(&c->lock);
    return x != NULL;
}

/* ---- what the batcher says ------------------------------------------------------------------------------------------- */

/* A text that the database keeps: no NUL, which nobody misses; U+FFFD for bytes that are no character. */
static mn_rc add_text(mn_buf *b, mn_str text)
{
    for (size_t i = 0; i < text.len;) {
        uint32_t cp;
        size_t n = mn_utf8_decode(text.ptr + i, text.len - i, &cp);
        if (!n) MN_TRY(mn_buf_addz(b, "\xEF\xBF\xBD"));
        else if (cp) MN_TRY(mn_buf_add(b, text.ptr + i, n));
        i += n ? n : 1;
    }
    return MN_OK;
}

static void take(mn_answering *x, const mn_gen_event *ev)
{
    if (add_text(&x->text, ev->text) != MN_OK && !x->error[0])
        snprintf(x->error, sizeof x->error, "the server is short of memory");
    x->prompt_tokens = ev->prompt_tokens;
    x->tokens = ev->tokens;
    x->end = ev->end;
    if (ev->end == MN_GEN_FAILED && !x->error[0])
        snprintf(x->error, sizeof x->error, "%.190s",
                 ev->error ? ev->error : "generation failed");
}

/* With `ended` the thread may free the answer: nothing of it is touched after that. */
static void on_event(void *arg, const mn_gen_event *ev)
{
    mn_answering *x = arg;
    mn_chats *c = x->all;
    pthread_mutex_lock(&x->lock);
    take(x, ev);
    pthread_mutex_unlock(&x->lock);
    if (ev->end == MN_GEN_NOT_ENDED) {
        mn_http_wake(x->http, x->topic);
        return;
    }
    pthread_mutex_lock(&c->lock);
    x->ended = true;
    touch(c);
    pthread_mutex_unlock(&c->lock);
}

/* ---- the stream ------------------------------------------------------------------------------------------------------ */

static mn_json_writer event(mn_buf *out, const char *name)
{
    mn_json_writer j;
    mn_buf_addf(out, "event: %s\ndata: ", name);
    mn_json_writer_init(&j, out, 0);
    mn_jw_object(&j);
    return j;
}

static void end_event(mn_json_writer *j)
{
    mn_jw_object_end(j);
    mn_buf_addz(j->b, "\n\n");
}

static void send_text(mn_answering *x, mn_buf *out)
{
    mn_str text = mn_str_sub(mn_buf_str(&x->text), x->sent, SIZE_MAX);
    if (!text.len) return;
    mn_json_writer j = event(out, "text");
    mn_jw_kstr(&j, "text", text);
    end_event(&j);
    x->sent = x->text.len;
}

static void send_end(mn_answering *x, mn_buf *out)
{
    mn_json_writer j;
    if (x->error[0] && !x->kept) {
        j = event(out, "fail");
        mn_jw_kstrz(&j, "error", x->error);
    } else {
        j = event(out, "end");
        mn_jw_key(&j, "turn");
        if (x->kept) mn_chats__turn_json(&j, &x->turn);
        else mn_jw_null(&j);
        mn_jw_kstrz(&j, "title", x->title);
    }
    end_event(&j);
}

static bool stream_next(void *arg, mn_buf *out)
{
    mn_answering *x = arg;
    bool over = atomic_load(&x->stored);
    pthread_mutex_lock(&x->lock);
    if (!x->begun) {
        mn_buf_addz(out, "event: begin\ndata: ");
        mn_buf_adds(out, x->begin);
        mn_buf_addz(out, "\n\n");
        x->begun = true;
    }
    send_text(x, out);
    if (over) send_end(x, out);
    pthread_mutex_unlock(&x->lock);
    return !over;
}

static void stream_close(void *arg)
{
    mn_answering *x = arg;
    mn_chats *c = x->all;
    pthread_mutex_lock(&c->lock);
    x->closed = x->gone = true;
    touch(c);
    pthread_mutex_unlock(&c->lock);
}

mn_rc mn_chats__start(mn_answering *x, mn_gen_request *g, mn_resp *w, uint32_t *ret_retry_s,
                      mn_err *e)
{
    uint64_t id = 0;
    g->on_event = on_event;
    g->arg = x;
    g->client = x->account_id;
    mn_rc rc = mn_batcher_submit(x->model->batcher, g, &id, ret_retry_s, e);
    if (rc != MN_OK) {
        mn_chats__leave(x);
        return rc;
    }
    pthread_mutex_lock(&x->all->lock);
    x->gen = id;
    touch(x->all); /* it may have been stopped already */
    pthread_mutex_unlock(&x->all->lock);
    mn_resp_stream(w, x->topic, stream_next, stream_close, x);
    return MN_OK;
}

/* ---- the thread ------------------------------------------------------------------------------------------------------ */

static void count_tokens(mn_answering *x)
{
    mn_err e = {0};
    mn_reading now;
    if (mn_limits_model_tokens(x->all->api->limits, x->account_id, x->prompt_tokens + x->tokens,
                               &now, &e) != MN_OK)
        mn_warn("chats", "tokens cannot be counted: %s", e.msg);
}

/* The answer as a turn: what was written, without blanks around it. */
static void make_turn(mn_answering *x)
{
    static const mn_chat_end ends[] = {[MN_GEN_STOP] = MN_CHAT_WHOLE,
                                       [MN_GEN_LENGTH] = MN_CHAT_LENGTH,
                                       [MN_GEN_GUARDED] = MN_CHAT_STOPPED,
                                       [MN_GEN_CANCELLED] = MN_CHAT_STOPPED,
                                       [MN_GEN_FAILED] = MN_CHAT_FAILED};
    x->turn.role = MN_CHAT_MODEL;
    x->turn.content = mn_str_trim(mn_buf_str(&x->text));
    x->turn.model = mn_str_from(x->model->name);
    x->turn.created_ms = mn_now_ms();
    x->turn.tokens = x->tokens;
    x->turn.end = x->error[0] ? MN_CHAT_FAILED : ends[x->end];
}

static void store(mn_answering *x)
{
    mn_err e = {0};
    mn_tx *tx;
    make_turn(x);
    mn_rc rc = MN_OK;
    if (x->turn.content.len) {
        rc = mn_store_begin(x->all->api->home->store, &tx, &e);
        if (rc == MN_OK) {
            rc = mn_store_chat_turn_add(tx, x->account_id, &x->turn, &e);
            rc = mn_store_end(tx, rc, &e);
        }
        x->kept = rc == MN_OK;
    }
    if (rc != MN_OK &&
        rc !=
            MN_E_NOT_FOUND) { /* the conversation was deleted meanwhile: then that was meant */
        mn_error("chats", "an answer was not kept: %s", e.msg);
        snprintf(x->error, sizeof x->error, "the answer could not be kept");
    }
    count_tokens(x);
}

typedef enum task { STORE, FREE, CANCEL } task;

/* The first that something is to be done about; the lock is held. */
static mn_answering *next_work(mn_chats *c, task *ret)
{
    for (mn_answering *x = c->list; x; x = x->next) {
        bool stored = atomic_load(&x->stored);
        *ret = stored ? FREE : x->ended ? STORE : CANCEL;
        if (*ret == STORE || (*ret == FREE && x->closed)) return x;
        if (*ret == CANCEL && x->gone && x->gen && !x->cancelled) {
            x->cancelled = true;
            return x;
        }
    }
    return NULL;
}

static void tend(mn_answering *x, task what)
{
    switch (what) {
    case STORE:
        store(x);
        atomic_store(&x->stored, true);
        mn_http_wake(x->http, x->topic);
        break;
    case FREE:
        mn_chats__leave(x);
        mn_chats__free(x);
        break;
    case CANCEL:
        mn_batcher_cancel(x->model->batcher, x->gen);
        break;
    }
}

static void *work(void *arg)
{
    mn_chats *c = arg;
    pthread_mutex_lock(&c->lock);
    while (c->list || !c->stop) {
        mn_answering *x;
        task what;
        c->dirty = false;
        while ((x = next_work(c, &what)) != NULL) {
            pthread_mutex_unlock(&c->lock);
            tend(x, what);
            pthread_mutex_lock(&c->lock);
        }
        while (!c->dirty && (c->list || !c->stop)) pthread_cond_wait(&c->wake, &c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

mn_rc mn_chats_start(mn_api *a, mn_err *e)
{
    mn_chats *c = mn_calloc(1, sizeof *c);
    if (!c) return mn_fail(e, MN_E_NOMEM, "out of memory starting conversations");
    c->api = a;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->wake, NULL);
    a->chats = c;
    if (pthread_create(&c->thread, NULL, work, c) != 0)
        return mn_fail(e, MN_E_IO, "cannot start the thread of conversations");
    c->started = true;
    return MN_OK;
}

void mn_chats_stop(mn_api *a)
{
    mn_chats *c = a->chats;
    if (!c) return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    for (mn_answering *x = c->list; x; x = x->next) x->gone = true;
    touch(c);
    pthread_mutex_unlock(&c->lock);
    if (c->started) pthread_join(c->thread, NULL);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    mn_free(c);
    a->chats = NULL;
}

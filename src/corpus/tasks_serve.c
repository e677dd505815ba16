/* The next task is asked for before this one is begun with, and a result is on its way while the next one is made: two of both. */
#include "base/stop.h"
#include "corpus/tasks.h"
#include "corpus/tasks_int.h"

typedef struct inbox { /* a task on its way here */
    mn_ranks_set set;
    mn_tasks_head h;
    mn_buf bytes;
    enum { NOTHING, HEAD, BYTES } asked; /* for what */
} inbox;

typedef struct outbox { /* a result on its way to rank 0 */
    mn_ranks_set set;
    mn_tasks_head h;
    mn_buf bytes;
} outbox;

typedef struct servant {
    mn_ranks *ranks;
    mn_task_fn fn;
    void *arg;
    inbox in[2];
    outbox out[2];
} servant;

static mn_rc ask(servant *s, inbox *in, mn_err *e)
{
    in->asked = HEAD;
    return mn_ranks_recv(s->ranks, &in->set, 0, &in->h, sizeof in->h, e);
}

/* The head is here: asks for the bytes. */
static mn_rc ask_bytes(servant *s, inbox *in, mn_err *e)
{
    in->asked = BYTES;
    if (in->h.op == MN_TASKS_END) return MN_OK;
    mn_buf_clear(&in->bytes);
    if (in->h.len > MN_TASKS_BYTES || mn_buf_reserve(&in->bytes, (size_t)in->h.len) != MN_OK)
        return mn_fail(e, MN_E_NOMEM, "no memory for a task");
    mn_tasks__will_have(&in->bytes, (size_t)in->h.len);
    return mn_ranks_recv(s->ranks, &in->set, 0, in->bytes.ptr, in->bytes.len, e);
}

/* Until a task is here. */
static mn_rc fetch(servant *s, inbox *in, mn_err *e)
{
    if (in->asked == NOTHING) MN_TRY(ask(s, in, e));
    MN_TRY(mn_ranks_wait(s->ranks, &in->set, e));
    if (in->asked == HEAD) {
        MN_TRY(ask_bytes(s, in, e));
        MN_TRY(mn_ranks_wait(s->ranks, &in->set, e));
    }
    in->asked = NOTHING;
    return MN_OK;
}

/* Asks for the task after this one, as far as that is possible without waiting. */
static mn_rc ask_ahead(servant *s, inbox *in, mn_err *e)
{
    bool here;
    MN_TRY(ask(s, in, e));
    MN_TRY(mn_ranks_poll(s->ranks, &in->set, &here, e));
    return here ? ask_bytes(s, in, e) : MN_OK;
}

static mn_rc answer(servant *s, const inbox *in, outbox *out, mn_err *e)
{
    mn_err why = {0};
    MN_TRY(mn_ranks_wait(s->ranks, &out->set, e));
    mn_buf_clear(&out->bytes);
    mn_rc rc = mn_stop_requested()
                   ? MN_E_CANCELLED
                   : s->fn(s->arg, in->h.op, mn_buf_str(&in->bytes), &out->bytes, &why);
    if (rc == MN_OK && out->bytes.failed)
        rc = mn_fail(&why, out->bytes.failed, "no memory for a task's result");
    if (rc != MN_OK) {
        mn_buf_clear(&out->bytes);
        mn_buf_addz(&out->bytes, why.msg);
    }
    out->h = (mn_tasks_head){.rc = rc, .len = out->bytes.len};
    MN_TRY(mn_ranks_send(s->ranks, &out->set, 0, &out->h, sizeof out->h, e));
    return mn_ranks_send(s->ranks, &out->set, 0, out->bytes.ptr, out->bytes.len, e);
}

static mn_rc serve(servant *s, mn_err *e)
{
    for (int now = 0;; now = 1 - now) {
        MN_TRY(fetch(s, &s->in[now], e));
        if (s->in[now].h.op == MN_TASKS_END) break;
        MN_TRY(ask_ahead(s, &s->in[1 - now], e));
        MN_TRY(answer(s, &s->in[now], &s->out[now], e));
    }
    for (int i = 0; i < 2; i++) MN_TRY(mn_ranks_wait(s->ranks, &s->out[i].set, e));
    return mn_ranks_agree(s->ranks, MN_OK, e);
}

mn_rc mn_tasks_serve(mn_ranks *r, mn_task_fn fn, void *arg, mn_err *e)
{
    servant s = {.ranks = r, .fn = fn, .arg = arg};
    for (int i = 0; i < 2; i++) {
        mn_buf_init(&s.in[i].bytes, MN_TASKS_BYTES);
        mn_buf_init(&s.out[i].bytes, MN_TASKS_BYTES);
    }
    mn_rc rc = serve(&s, e);
    for (int i = 0; i < 2; i++) {
        mn_ranks_set_release(&s.in[i].set);
        mn_ranks_set_release(&s.out[i].set);
        mn_buf_release(&s.in[i].bytes);
        mn_buf_release(&s.out[i].bytes);
    }
    return rc;
}

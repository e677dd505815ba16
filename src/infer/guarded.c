#include "base/mem.h"
#include "infer/infer_int.h"

#define TAIL 64 /* tokens of the prompt's end that a span may begin in */

void mn_engine_guard(mn_engine *g, mn_guard *guard)
{
    pthread_mutex_lock(&g->guard_lock);
    mn_guard *old = g->guard;
    g->guard = mn_guard_ref(guard);
    pthread_mutex_unlock(&g->guard_lock);
    mn_guard_unref(old);
}

void mn_guarded__begin(mn_guarded *x, mn_engine *g, const mn_stream *st, const uint32_t *prompt,
                       size_t n_prompt)
{
    pthread_mutex_lock(&g->guard_lock);
    *x = (mn_guarded){mn_guard_ref(g->guard), {0}, prompt, n_prompt};
    pthread_mutex_unlock(&g->guard_lock);
    mn_guard_begin(&x->reader);
    for (size_t i = n_prompt > TAIL ? n_prompt - TAIL : 0; x->guard && i < n_prompt; i++)
        mn_guard_read(x->guard, &x->reader, mn_stream__text(st, prompt[i]), MN_STR_NONE);
}

void mn_guarded__release(mn_guarded *x)
{
    mn_guard_unref(x->guard);
    x->guard = NULL;
}

/* Without memory for the prompt the token stops the generation. */
static bool stops_beside_prompt(const mn_guarded *x, const mn_stream *st, mn_str bytes,
                                mn_guard_reader *io)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    for (size_t i = 0; i < x->n_prompt && !b.failed; i++)
        mn_buf_adds(&b, mn_stream__text(st, x->prompt[i]));
    bool stops = mn_guard_read(x->guard, io, bytes, b.failed ? MN_STR_NONE : mn_buf_str(&b));
    mn_buf_release(&b);
    return stops;
}

bool mn_guarded__stops(mn_guarded *x, const mn_stream *st, uint32_t id)
{
    mn_guard_reader next = x->reader, again = x->reader;
    const mn_str bytes = mn_stream__text(st, id);
    if (!x->guard) return false;
    if (mn_guard_read(x->guard, &next, bytes, MN_STR_NONE) &&
        stops_beside_prompt(x, st, bytes, &again))
        return true;
    x->reader = next;
    return false;
}

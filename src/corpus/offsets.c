#include "corpus/offsets.h"

#include "base/mem.h"

void mn_offsets_clear(mn_offsets *m)
{
    m->n = 0;
    m->out_len = 0;
}

void mn_offsets_release(mn_offsets *m)
{
    mn_free(m->runs);
    *m = (mn_offsets){0};
}

mn_rc mn_offsets_add(mn_offsets *m, size_t out_len, size_t in, size_t in_len, bool copied)
{
    if (!m || out_len == 0) return MN_OK;
    MN_ASSERT(!copied || out_len == in_len);
    mn_offset_run *last = m->n ? &m->runs[m->n - 1] : NULL;
    if (copied && last && last->copied && last->in + last->in_len == in) {
        last->out_len += (uint32_t)out_len;
        last->in_len += (uint32_t)in_len;
        m->out_len += (uint32_t)out_len;
        return MN_OK;
    }
    if (m->n == m->cap) {
        size_t cap = m->cap ? 2 * m->cap : 16;
        mn_offset_run *runs = mn_reallocarray(m->runs, cap, sizeof *runs);
        if (!runs) return MN_E_NOMEM;
        m->runs = runs;
        m->cap = cap;
    }
    m->runs[m->n++] =
        (mn_offset_run){m->out_len, (uint32_t)out_len, (uint32_t)in, (uint32_t)in_len, copied};
    m->out_len += (uint32_t)out_len;
    return MN_OK;
}

/* The run that holds output byte `at`. */
static size_t run_at(const mn_offsets *m, size_t at)
{
    size_t lo = 0, hi = m->n;
    while (hi - lo > 1) {
        size_t mid = (lo + hi) / 2;
        if (m->runs[mid].out <= at) lo = mid;
        else hi = mid;
    }
    return lo;
}

void mn_offsets_span(const mn_offsets *m, size_t from, size_t to, size_t *ret_from,
                     size_t *ret_to)
{
    MN_ASSERT(from <= to && to <= m->out_len);
    if (from == to) {
        const mn_offset_run *r = m->n ? &m->runs[run_at(m, from)] : NULL;
        size_t at = !r ? 0 : r->copied ? r->in + (from - r->out) : r->in;
        *ret_from = *ret_to = at;
        return;
    }
    size_t lo = SIZE_MAX, hi = 0;
    for (size_t i = run_at(m, from); i < m->n && m->runs[i].out < to; i++) {
        const mn_offset_run *r = &m->runs[i];
        size_t a = r->out < from ? from - r->out : 0;
        size_t b = r->out + r->out_len > to ? to - r->out : r->out_len;
        size_t in_a = r->copied ? r->in + a : r->in;
        size_t in_b = r->copied ? r->in + b : r->in + r->in_len;
        if (in_a < lo) lo = in_a;
        if (in_b > hi) hi = in_b;
    }
    *ret_from = lo;
    *ret_to = hi;
}

/* Copied output [a, a + len) of the middle text, cut where the map before it changes runs. */
static mn_rc compose_copied(const mn_offsets *before, size_t a, size_t len, mn_offsets *ret)
{
    size_t end = a + len;
    for (size_t i = run_at(before, a); a < end; i++) {
        const mn_offset_run *r = &before->runs[i];
        size_t stop = r->out + r->out_len < end ? r->out + r->out_len : end;
        size_t in = r->copied ? r->in + (a - r->out) : r->in;
        MN_TRY(mn_offsets_add(ret, stop - a, in, r->copied ? stop - a : r->in_len, r->copied));
        a = stop;
    }
    return MN_OK;
}

mn_rc mn_offsets_compose(const mn_offsets *before, const mn_offsets *after, mn_offsets *ret)
{
    for (size_t i = 0; i < after->n; i++) {
        const mn_offset_run *r = &after->runs[i];
        if (r->copied) {
            MN_TRY(compose_copied(before, r->in, r->in_len, ret));
            continue;
        }
        size_t from, to;
        mn_offsets_span(before, r->in, r->in + r->in_len, &from, &to);
        MN_TRY(mn_offsets_add(ret, r->out_len, from, to - from, false));
    }
    return MN_OK;
}

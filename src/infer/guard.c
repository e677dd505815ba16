/* See guard.h. The hash is a polynomial in an odd number modulo 2^64; what it finds is compared byte by byte, so that nothing is taken
 * for a guarded window that is none. */
#include "infer/guard.h"

#include <string.h>

#include "base/mem.h"

#define BASE UINT64_C(0x9e3779b97f4a7c15)

struct mn_guard {
    atomic_uint refs;
    uint8_t *text;   /* all texts, normalised, one after the other */
    uint32_t *table; /* 1 + where a window begins in text; 0: empty */
    size_t mask;     /* its size less one, a power of two less one */
    size_t n;        /* windows */
    uint64_t out;    /* BASE to the power MN_GUARD_WINDOW - 1 */
};

/* ---- bytes as they are compared ----------------------------------------------------------------------------------- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* False: nothing is to be added, as it is white space after white space. */
static bool normal(uint8_t c, bool *io_blank, uint8_t *ret)
{
    bool blank = is_blank(c), skip = blank && *io_blank;
    *io_blank = blank;
    *ret = blank ? ' ' : c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
    return !skip;
}

static size_t normalise(mn_str s, uint8_t *ret)
{
    bool blank = true;
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) n += normal((uint8_t)s.ptr[i], &blank, &ret[n]);
    return n;
}

static uint64_t hash_of(const uint8_t *p)
{
    uint64_t h = 0;
    for (size_t i = 0; i < MN_GUARD_WINDOW; i++) h = h * BASE + p[i];
    return h;
}

/* The low bits of a polynomial say little of the first bytes. */
static size_t slot_of(const mn_guard *g, uint64_t hash)
{
    hash ^= hash >> 32;
    return (size_t)((hash * BASE) >> 20) & g->mask;
}

/* ---- making ------------------------------------------------------------------------------------------------------- */

static void put(mn_guard *g, size_t at)
{
    size_t i = slot_of(g, hash_of(g->text + at));
    while (g->table[i]) {
        if (memcmp(g->text + g->table[i] - 1, g->text + at, MN_GUARD_WINDOW) == 0) return;
        i = (i + 1) & g->mask;
    }
    g->table[i] = (uint32_t)at + 1;
    g->n++;
}

static mn_rc fill(mn_guard *g, const mn_str *texts, size_t n, size_t bytes, mn_err *e)
{
    size_t size = 64, at = 0;
    while (size < 2 * (bytes / MN_GUARD_STRIDE + n)) size *= 2;
    g->mask = size - 1;
    g->out = 1;
    for (size_t i = 1; i < MN_GUARD_WINDOW; i++) g->out *= BASE;
    g->text = mn_calloc(bytes + 1, 1);
    g->table = mn_calloc(size, sizeof *g->table);
    if (!g->text || !g->table) return mn_fail(e, MN_E_NOMEM, "out of memory for the guard");
    for (size_t i = 0; i < n; i++) {
        size_t len = normalise(texts[i], g->text + at);
        for (size_t k = 0; k + MN_GUARD_WINDOW <= len; k += MN_GUARD_STRIDE) put(g, at + k);
        at += len;
    }
    return MN_OK;
}

mn_rc mn_guard_new(const mn_str *texts, size_t n, mn_guard **ret, mn_err *e)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        if (texts[i].len > MN_GUARD_MOST - bytes)
            return mn_fail(e, MN_E_LIMIT, "the texts to be guarded are over %u bytes",
                           MN_GUARD_MOST);
        bytes += texts[i].len;
    }
    mn_guard *g = mn_calloc(1, sizeof *g);
    if (!g) return mn_fail(e, MN_E_NOMEM, "out of memory for the guard");
    atomic_init(&g->refs, 1);
    mn_rc rc = fill(g, texts, n, bytes, e);
    if (rc == MN_OK) *ret = g;
    else mn_guard_unref(g);
    return rc;
}

mn_guard *mn_guard_ref(mn_guard *g)
{
    if (g) atomic_fetch_add(&g->refs, 1);
    return g;
}

void mn_guard_unref(mn_guard *g)
{
    if (!g || atomic_fetch_sub(&g->refs, 1) != 1) return;
    mn_free(g->text);
    mn_free(g->table);
    mn_free(g);
}

size_t mn_guard_windows(const mn_guard *g)
{
    return g ? g->n : 0;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

void mn_guard_begin(mn_guard_reader *r)
{
    *r = (mn_guard_reader){.blank = true};
}

static void take(const mn_guard *g, mn_guard_reader *r, uint8_t c)
{
    if (r->n == MN_GUARD_WINDOW) r->hash -= r->last[r->at] * g->out;
    else r->n++;
    r->hash = r->hash * BASE + c;
    r->last[r->at] = c;
    r->at = (r->at + 1) % MN_GUARD_WINDOW;
}

/* The last bytes in their order, if they are a window. */
static bool is_window(const mn_guard *g, const mn_guard_reader *r, uint8_t ret[MN_GUARD_WINDOW])
{
    size_t i = slot_of(g, r->hash);
    if (r->n < MN_GUARD_WINDOW || !g->table[i]) return false;
    memcpy(ret, r->last + r->at, MN_GUARD_WINDOW - r->at);
    memcpy(ret + MN_GUARD_WINDOW - r->at, r->last, r->at);
    for (; g->table[i]; i = (i + 1) & g->mask)
        if (memcmp(g->text + g->table[i] - 1, ret, MN_GUARD_WINDOW) == 0) return true;
    return false;
}

/* A window of the prompt, found as windows of the texts are; without memory it is not there. */
static bool prompt_has(mn_str prompt, const uint8_t window[MN_GUARD_WINDOW])
{
    uint8_t *p = prompt.len ? mn_calloc(prompt.len, 1) : NULL;
    bool found = false;
    if (!p) return false;
    size_t n = normalise(prompt, p);
    for (size_t i = 0; i + MN_GUARD_WINDOW <= n && !found; i++)
        found = memcmp(p + i, window, MN_GUARD_WINDOW) == 0;
    mn_free(p);
    return found;
}

bool mn_guard_read(const mn_guard *g, mn_guard_reader *r, mn_str bytes, mn_str prompt)
{
    uint8_t c, window[MN_GUARD_WINDOW];
    bool met = false;
    if (!g || !g->n) return false;
    for (size_t i = 0; i < bytes.len; i++) {
        if (!normal((uint8_t)bytes.ptr[i], &r->blank, &c)) continue;
        take(g, r, c);
        if (!met && is_window(g, r, window)) met = !prompt_has(prompt, window);
    }
    return met;
}

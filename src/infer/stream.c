/* Tokens become text: see infer_int.h.
 *
 * Two buffers: `raw` holds bytes that are not a whole UTF-8 sequence yet (three
 * at most between calls), `text` whole ones. Of `text` the longest end that
 * begins a stop string is held back, so that nothing of a stop string is ever
 * given out. */
#include <string.h>

#include "infer/infer_int.h"

void mn_stream__init(mn_stream *st, const mn_tokenizer *t, const mn_str *stops, size_t n_stops)
{
    *st = (mn_stream){.tok = t, .ours = mn_tok_is_ours(t), .stops = stops, .n_stops = n_stops};
    mn_buf_init(&st->raw, 1u << 20);
    mn_buf_init(&st->text, 1u << 24);
}

void mn_stream__release(mn_stream *st)
{
    mn_buf_release(&st->raw);
    mn_buf_release(&st->text);
}

static bool stop_begins_at(const mn_stream *st, size_t at)
{
    for (size_t k = 0; k < st->n_stops; k++)
        if (st->text.len - at >= st->stops[k].len &&
            memcmp(st->text.ptr + at, st->stops[k].ptr, st->stops[k].len) == 0)
            return true;
    return false;
}

/* Looks for a stop string that ends after the first `had` bytes of text; cuts
 * it and all behind it. */
static void find_stop(mn_stream *st, size_t had)
{
    size_t longest = 0;
    for (size_t k = 0; k < st->n_stops; k++)
        if (st->stops[k].len > longest) longest = st->stops[k].len;
    size_t from = had + 1 > longest ? had + 1 - longest : 0;
    for (size_t at = from; at < st->text.len; at++)
        if (stop_begins_at(st, at)) {
            st->text.len = at;
            st->stopped = true;
            return;
        }
}

static void drop_front(mn_buf *b, size_t n)
{
    if (n) memmove(b->ptr, b->ptr + n, b->len - n);
    b->len -= n;
}

/* Moves what is whole from raw to text. */
static mn_rc settle(mn_stream *st, bool at_end)
{
    size_t i = 0;
    mn_buf *b = &st->raw;
    while (i < b->len) {
        uint32_t cp;
        size_t n = mn_utf8_decode(b->ptr + i, b->len - i, &cp);
        if (n) {
            MN_TRY(mn_buf_add(&st->text, b->ptr + i, n));
            i += n;
            continue;
        }
        unsigned char lead = (unsigned char)b->ptr[i];
        size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 1;
        if (!at_end && want > 1 && b->len - i < want) break;
        MN_TRY(mn_buf_adds(&st->text, MN_STR("\xef\xbf\xbd")));
        i++;
    }
    drop_front(b, i);
    return MN_OK;
}

mn_str mn_stream__text(const mn_stream *st, uint32_t id)
{
    if (!mn_tok_is_special(st->tok, id) || st->specials) return mn_tok_bytes(st->tok, id);
    return st->ours && (id == MN_TOK_REPLY || id == MN_TOK_QUOTE) ? MN_STR("\n\n") : MN_STR("");
}

mn_rc mn_stream__put(mn_stream *st, uint32_t id)
{
    size_t had = st->text.len;
    if (st->stopped) return MN_OK;
    if (!mn_tok_is_special(st->tok, id) || st->specials) {
        MN_TRY(mn_buf_adds(&st->raw, mn_stream__text(st, id)));
        MN_TRY(settle(st, false));
    } else if (st->ours && (id == MN_TOK_REPLY || id == MN_TOK_QUOTE)) {
        MN_TRY(settle(st, true));
        MN_TRY(mn_buf_adds(&st->text, mn_stream__text(st, id)));
    }
    find_stop(st, had);
    return MN_OK;
}

mn_rc mn_stream__end(mn_stream *st)
{
    size_t had = st->text.len;
    if (st->stopped) return MN_OK;
    MN_TRY(settle(st, true));
    find_stop(st, had);
    return MN_OK;
}

/* The longest end of text that a stop string begins with. */
static size_t held_back(const mn_stream *st)
{
    size_t most = 0;
    for (size_t k = 0; k < st->n_stops; k++) {
        mn_str stop = st->stops[k];
        size_t n = stop.len - 1 < st->text.len ? stop.len - 1 : st->text.len;
        for (; n > most; n--)
            if (memcmp(st->text.ptr + st->text.len - n, stop.ptr, n) == 0) most = n;
    }
    return most;
}

mn_str mn_stream__ready(const mn_stream *st, bool at_end)
{
    mn_str all = mn_buf_str(&st->text);
    return at_end || st->stopped ? all : mn_utf8_cut(all, all.len - held_back(st));
}

void mn_stream__given(mn_stream *st, size_t n)
{
    drop_front(&st->text, n);
}

#include "corpus/wire.h"

#include "base/mem.h"

_Static_assert(sizeof(size_t) == sizeof(uint64_t), "ends of documents travel as they lie");
_Static_assert(sizeof(mn_cand) % 8 == 0 && sizeof(mn_dropped) % 8 == 0,
               "what follows them begins where a uint64_t may");

/* Takes n items of a size from the front; false when they are not there. */
static bool take(mn_str *io, uint64_t n, size_t size, const void **ret)
{
    if (n > io->len / size) return false;
    *ret = io->ptr;
    *io = mn_str_sub(*io, (size_t)n * size, SIZE_MAX);
    return true;
}

static bool take_head(mn_str *io, void *ret, size_t size)
{
    const void *p;
    if (!take(io, 1, size, &p)) return false;
    memcpy(ret, p, size);
    return true;
}

/* ---- a stretch of the store ------------------------------------------------------------------------------------------ */

typedef struct stretch_head {
    uint64_t after, until, server_seq, n_except;
    uint32_t server, keep_handles;
} stretch_head;

/* How many of the sorted ids are not above that one. */
static size_t up_to(const uint64_t *sorted, size_t n, uint64_t id)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (sorted[mid] <= id) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

mn_rc mn_wire_put_stretch(const mn_scan_rules *r, uint64_t after, uint64_t until, mn_buf *ret)
{
    const size_t from = up_to(r->except, r->n_except, after),
                 n = up_to(r->except, r->n_except, until) - from;
    const stretch_head h = {after,          until, r->server_seq, n, (uint32_t)r->server,
                            r->keep_handles};
    MN_ASSERT(!r->only);
    MN_TRY(mn_buf_add(ret, &h, sizeof h));
    return n ? mn_buf_add(ret, r->except + from, n * sizeof *r->except) : MN_OK;
}

mn_rc mn_wire_take_stretch(mn_str bytes, mn_scan_rules *ret, uint64_t *ret_after,
                           uint64_t *ret_until)
{
    stretch_head h;
    const void *except;
    if (!take_head(&bytes, &h, sizeof h) || !take(&bytes, h.n_except, 8, &except) || bytes.len)
        return MN_E_PARSE;
    *ret = (mn_scan_rules){.server = h.server,
                           .server_seq = h.server_seq,
                           .keep_handles = h.keep_handles != 0,
                           .except = except,
                           .n_except = (size_t)h.n_except};
    *ret_after = h.after;
    *ret_until = h.until;
    return MN_OK;
}

/* ---- what became of it ----------------------------------------------------------------------------------------------- */

typedef struct scan_head {
    uint64_t n_cands, n_dropped, posts_in, skipped, posts, text_bytes;
    uint64_t pii[MN_PII_KINDS];
} scan_head;

mn_rc mn_wire_put_scan(const mn_scan *s, mn_str text, uint64_t posts, mn_buf *ret)
{
    scan_head h = {s->cands.n, s->n_dropped, s->posts_in, s->skipped, posts, text.len, {0}};
    memcpy(h.pii, s->pii, sizeof h.pii);
    MN_TRY(mn_buf_add(ret, &h, sizeof h));
    MN_TRY(mn_buf_add(ret, s->cands.items, s->cands.n * sizeof *s->cands.items));
    MN_TRY(mn_buf_add(ret, s->dropped, s->n_dropped * sizeof *s->dropped));
    return mn_buf_add(ret, text.ptr, text.len);
}

static bool cand_fits(const mn_cand *c, uint64_t text_bytes)
{
    return c->text_at <= text_bytes && c->text_len <= text_bytes - c->text_at &&
           c->lang >= MN_TOK_LANG0 && c->lang < MN_TOK_LANG0 + MN_TOK_LANGS && !c->drop;
}

mn_rc mn_wire_take_scan(mn_str bytes, mn_scan *ret, mn_str *ret_text, uint64_t *ret_posts)
{
    scan_head h;
    const void *cands, *dropped, *text;
    if (!take_head(&bytes, &h, sizeof h) || !take(&bytes, h.n_cands, sizeof(mn_cand), &cands) ||
        !take(&bytes, h.n_dropped, sizeof(mn_dropped), &dropped) ||
        !take(&bytes, h.text_bytes, 1, &text) || bytes.len)
        return MN_E_PARSE;
    const mn_cand *c = cands;
    const mn_dropped *d = dropped;
    for (uint64_t i = 0; i < h.n_cands; i++)
        if (!cand_fits(&c[i], h.text_bytes)) return MN_E_PARSE;
    for (uint64_t i = 0; i < h.n_dropped; i++)
        if (d[i].why <= MN_DROP_NONE || d[i].why >= MN_DROPS) return MN_E_PARSE;
    mn_scan s = {.n_dropped = (size_t)h.n_dropped,
                 .posts_in = h.posts_in,
                 .skipped = h.skipped,
                 .spool_bytes = h.text_bytes};
    s.cands.n = (size_t)h.n_cands;
    memcpy(&s.cands.items, &cands, sizeof cands); /* only read from */
    memcpy(&s.dropped, &dropped, sizeof dropped);
    memcpy(s.pii, h.pii, sizeof h.pii);
    *ret = s;
    *ret_text = (mn_str){text, (size_t)h.text_bytes};
    *ret_posts = h.posts;
    return MN_OK;
}

/* ---- documents with their texts -------------------------------------------------------------------------------------- */

typedef struct texts_head {
    uint64_t n_docs, n_posts, text_bytes;
} texts_head;

typedef struct sent_post {
    int64_t created_ms;
    uint32_t lang, text_len, kind, pad;
} sent_post;

static texts_head measure(const mn_texts *t, size_t from, size_t to)
{
    texts_head h = {to - from, 0, 0};
    for (size_t k = from; k < to; k++)
        for (size_t i = mn_document_start(t->d, t->list[k]); i < t->d->ends[t->list[k]]; i++) {
            h.n_posts++;
            h.text_bytes += t->c->items[t->d->posts[i]].text_len;
        }
    return h;
}

static void put_post(const mn_texts *t, size_t i, mn_buf *ret)
{
    const mn_cand *x = &t->c->items[t->d->posts[i]];
    const sent_post p = {x->created_ms, x->lang, x->text_len, t->d->kinds[i], 0};
    mn_buf_add(ret, &p, sizeof p);
}

/* The heads, then documents' ends, posts, texts. */
mn_rc mn_wire_put_texts(const mn_texts *t, size_t from, size_t to, mn_buf *ret)
{
    const texts_head h = measure(t, from, to);
    uint64_t end = 0;
    MN_TRY(mn_buf_reserve(ret, sizeof h + (size_t)(h.n_docs * 8 + h.text_bytes) +
                                   (size_t)h.n_posts * sizeof(sent_post)));
    mn_buf_add(ret, &h, sizeof h);
    for (size_t k = from; k < to; k++) {
        end += t->d->ends[t->list[k]] - mn_document_start(t->d, t->list[k]);
        mn_buf_add(ret, &end, sizeof end);
    }
    for (size_t k = from; k < to; k++)
        for (size_t i = mn_document_start(t->d, t->list[k]); i < t->d->ends[t->list[k]]; i++)
            put_post(t, i, ret);
    for (size_t k = from; k < to; k++)
        for (size_t i = mn_document_start(t->d, t->list[k]); i < t->d->ends[t->list[k]]; i++)
            mn_buf_adds(ret, mn_texts_of(t, t->d->posts[i]));
    return ret->failed;
}

void mn_parcel_release(mn_parcel *p)
{
    mn_cands_release(&p->c);
    mn_documents_release(&p->d);
    mn_free(p->list);
    *p = (mn_parcel){0};
}

/* Room for so many posts and documents; each keeps what it had when there is no memory. */
static mn_rc parcel_room(mn_parcel *p, size_t docs, size_t posts)
{
    if (docs > p->cap_docs) {
        size_t *ends = mn_reallocarray(p->d.ends, docs, sizeof *ends);
        if (!ends) return MN_E_NOMEM;
        p->d.ends = ends;
        size_t *list = mn_reallocarray(p->list, docs, sizeof *list);
        if (!list) return MN_E_NOMEM;
        p->list = list;
        p->cap_docs = docs;
    }
    if (posts <= p->cap_posts) return MN_OK;
    mn_cand *c = mn_reallocarray(p->c.items, posts, sizeof *c);
    if (!c) return MN_E_NOMEM;
    p->c.items = c;
    uint32_t *numbers = mn_reallocarray(p->d.posts, posts, sizeof *numbers);
    if (!numbers) return MN_E_NOMEM;
    p->d.posts = numbers;
    uint8_t *kinds = mn_realloc(p->d.kinds, posts);
    if (!kinds) return MN_E_NOMEM;
    p->d.kinds = kinds;
    p->cap_posts = p->c.cap = posts;
    return MN_OK;
}

static bool fill_documents(mn_parcel *p, const uint64_t *ends, size_t docs, size_t posts)
{
    uint64_t last = 0;
    for (size_t k = 0; k < docs; k++) {
        if (ends[k] <= last || ends[k] > posts) return false;
        p->d.ends[k] = (size_t)(last = ends[k]);
        p->list[k] = k;
    }
    p->d.n = docs;
    return last == posts;
}

static bool fill_posts(mn_parcel *p, const sent_post *sent, size_t n, uint64_t text_bytes)
{
    uint64_t at = 0;
    for (size_t i = 0; i < n; at += sent[i++].text_len) {
        const sent_post *s = &sent[i];
        if (s->text_len > text_bytes - at || s->kind > MN_LINK_QUOTE) return false;
        p->c.items[i] = (mn_cand){.created_ms = s->created_ms,
                                  .lang = s->lang,
                                  .text_at = at,
                                  .text_len = s->text_len};
        p->d.posts[i] = (uint32_t)i;
        p->d.kinds[i] = (uint8_t)s->kind;
    }
    p->c.n = p->d.n_posts = n;
    return at == text_bytes;
}

mn_rc mn_wire_take_texts(mn_str bytes, mn_parcel *p)
{
    texts_head h;
    const void *ends, *posts, *text;
    if (!take_head(&bytes, &h, sizeof h) || !take(&bytes, h.n_docs, 8, &ends) ||
        !take(&bytes, h.n_posts, sizeof(sent_post), &posts) ||
        !take(&bytes, h.text_bytes, 1, &text) || bytes.len || h.n_posts > UINT32_MAX)
        return MN_E_PARSE;
    MN_TRY(parcel_room(p, (size_t)h.n_docs, (size_t)h.n_posts));
    if (!fill_documents(p, ends, (size_t)h.n_docs, (size_t)h.n_posts) ||
        !fill_posts(p, posts, (size_t)h.n_posts, h.text_bytes))
        return MN_E_PARSE;
    p->is = (mn_texts){&p->c, &p->d, text, p->list, (size_t)h.n_docs};
    return MN_OK;
}

/* ---- ... and as tokens ----------------------------------------------------------------------------------------------- */

typedef struct encoded_head {
    uint64_t n_posts, n_ids;
} encoded_head;

mn_rc mn_wire_put_encoded(const mn_encoded *parts, size_t n, mn_buf *ret)
{
    encoded_head h = {0, 0};
    uint64_t before = 0;
    for (size_t k = 0; k < n; k++) {
        h.n_posts += parts[k].n_posts;
        h.n_ids += parts[k].ids.n;
    }
    MN_TRY(mn_buf_reserve(ret, sizeof h + (size_t)(h.n_posts * 8 + h.n_ids * 4)));
    mn_buf_add(ret, &h, sizeof h);
    for (size_t k = 0; k < n; before += parts[k++].ids.n)
        for (size_t i = 0; i < parts[k].n_posts; i++) {
            const uint64_t end = before + parts[k].ends[i];
            mn_buf_add(ret, &end, sizeof end);
        }
    for (size_t k = 0; k < n; k++)
        mn_buf_add(ret, parts[k].ids.ptr, parts[k].ids.n * sizeof *parts[k].ids.ptr);
    return ret->failed;
}

mn_rc mn_wire_take_encoded(mn_str bytes, size_t n_posts, uint32_t vocab, mn_encoded *io)
{
    encoded_head h;
    const void *ends, *ids;
    uint64_t last = 0;
    if (!take_head(&bytes, &h, sizeof h) || !take(&bytes, h.n_posts, 8, &ends) ||
        !take(&bytes, h.n_ids, 4, &ids) || bytes.len || h.n_posts != n_posts)
        return MN_E_PARSE;
    const uint64_t *end = ends;
    for (size_t i = 0; i < n_posts; last = end[i++])
        if (end[i] <= last || end[i] > h.n_ids) return MN_E_PARSE;
    if (last != h.n_ids) return MN_E_PARSE;
    const uint32_t *id = ids;
    for (uint64_t i = 0; i < h.n_ids; i++)
        if (id[i] >= vocab) return MN_E_PARSE;
    io->n_posts = n_posts;
    io->ids.n = (size_t)h.n_ids;
    memcpy(&io->ends, &ends, sizeof ends); /* only read from */
    memcpy(&io->ids.ptr, &ids, sizeof ids);
    return MN_OK;
}

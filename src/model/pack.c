/* Packing; the idea is in pack.h. Best fit among a window of pieces is what nanochat does too: on posts of some thirty
 * tokens it leaves about one slot in a hundred empty. */
#include "model/pack.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

#define WINDOW       64
#define STREAM_ORDER UINT64_C(0x6f72646572) /* "order": the stream of epoch 0 */

static void shuffle_docs(uint64_t *doc, uint64_t n, uint64_t seed, uint64_t epoch)
{
    for (uint64_t i = n; i > 1; i--) {
        double u = mn_rand_unit(mn_rand_at(seed, STREAM_ORDER + epoch, i));
        uint64_t j = (uint64_t)(u * (double)i), t = doc[i - 1];
        doc[i - 1] = doc[j];
        doc[j] = t;
    }
}

static uint64_t doc_from(const uint64_t *end, uint64_t d)
{
    return d ? end[d - 1] : 0;
}

static uint64_t doc_slots(const uint64_t *end, uint64_t d)
{
    uint64_t n = end[d] - doc_from(end, d);
    return n ? n - 1 : 0;
}

/* Pieces still to be placed: a window over the documents in order, and the rest of a cut one. */
typedef struct feed {
    const uint64_t *end, *doc;
    uint64_t n_docs, next, at, left; /* at, left: of the document being cut */
    size_t T, n;
    mn_piece wait[WINDOW];
} feed;

static void refill(feed *f)
{
    while (f->n < WINDOW) {
        while (f->left == 0 && f->next < f->n_docs) {
            uint64_t d = f->doc[f->next++];
            f->at = doc_from(f->end, d), f->left = doc_slots(f->end, d);
        }
        if (f->left == 0) return;
        uint32_t n = (uint32_t)(f->left < f->T ? f->left : f->T);
        f->wait[f->n++] = (mn_piece){.from = f->at, .n = n};
        f->at += n;
        f->left -= n;
    }
}

/* Takes the longest waiting piece of at most `room` slots, the earliest of equals. */
static bool take(feed *f, size_t room, mn_piece *ret)
{
    size_t best = WINDOW;
    for (size_t i = 0; i < f->n; i++)
        if (f->wait[i].n <= room && (best == WINDOW || f->wait[i].n > f->wait[best].n))
            best = i;
    if (best == WINDOW) return false;
    *ret = f->wait[best];
    memmove(&f->wait[best], &f->wait[best + 1], (f->n - best - 1) * sizeof *f->wait);
    f->n--;
    return true;
}

static void place(feed *f, mn_packing *p)
{
    mn_piece piece;
    for (refill(f); f->n; refill(f)) {
        size_t room = p->T;
        while (room && take(f, room, &piece)) {
            piece.row = (uint32_t)p->n_rows;
            room -= piece.n;
            p->n_slots += piece.n;
            p->pieces[p->n_pieces++] = piece;
            refill(f);
        }
        p->row_piece[++p->n_rows] = p->n_pieces;
    }
}

mn_rc mn_pack(const mn_shard *s, size_t T, uint64_t every, bool shuffle, uint64_t seed,
              uint64_t epoch, mn_packing *ret, mn_err *e)
{
    return mn_pack_ends(s->doc_end, s->n_docs, T, every, shuffle, seed, epoch, ret, e);
}

mn_rc mn_pack_ends(const uint64_t *end, uint64_t n_docs, size_t T, uint64_t every, bool shuffle,
                   uint64_t seed, uint64_t epoch, mn_packing *ret, mn_err *e)
{
    uint64_t most = 0, n = 0;
    for (uint64_t d = 0; d < n_docs; d += every) most += (doc_slots(end, d) + T - 1) / T;
    if (!most)
        return mn_fail(e, MN_E_LIMIT, "the corpus has no document of two tokens or more");
    if (most >= UINT32_MAX) return mn_fail(e, MN_E_LIMIT, "the corpus has too many documents");
    mn_packing p = {.T = T};
    uint64_t *doc = mn_reallocarray(NULL, n_docs, sizeof *doc);
    p.pieces = mn_reallocarray(NULL, most, sizeof *p.pieces);
    p.row_piece = mn_reallocarray(NULL, most + 1, sizeof *p.row_piece);
    if (!doc || !p.pieces || !p.row_piece) {
        mn_free(doc);
        mn_packing_release(&p);
        return mn_fail(e, MN_E_NOMEM, "no memory to order %llu documents",
                       (unsigned long long)n_docs);
    }
    for (uint64_t d = 0; d < n_docs; d += every) doc[n++] = d;
    if (shuffle) shuffle_docs(doc, n, seed, epoch);
    p.row_piece[0] = 0;
    feed f = {.end = end, .doc = doc, .n_docs = n, .T = T};
    place(&f, &p);
    mn_free(doc);
    *ret = p;
    return MN_OK;
}

void mn_packing_release(mn_packing *p)
{
    mn_free(p->pieces);
    mn_free(p->row_piece);
    *p = (mn_packing){0};
}

uint64_t mn_piece_document(const mn_shard *s, const mn_piece *p)
{
    uint64_t low = 0,
             high = s->n_docs; /* the first document that ends after the piece's first token */
    while (low < high) {
        uint64_t mid = low + (high - low) / 2;
        if (s->doc_end[mid] > p->from) high = mid;
        else low = mid + 1;
    }
    return low;
}

mn_rc mn_batch_buf_new(size_t n_rows, size_t T, mn_batch_buf *ret, mn_err *e)
{
    mn_batch_buf b = {.n_rows = n_rows, .T = T};
    b.ids = mn_calloc(n_rows * T, 4 * sizeof *b.ids);
    b.weight = mn_calloc(n_rows * T, sizeof *b.weight);
    if (!b.ids || !b.weight) {
        mn_batch_buf_release(&b);
        return mn_fail(e, MN_E_NOMEM, "no memory for a batch");
    }
    b.target = b.ids + n_rows * T;
    b.pos = b.target + n_rows * T;
    b.first = b.pos + n_rows * T;
    *ret = b;
    return MN_OK;
}

void mn_batch_buf_release(mn_batch_buf *b)
{
    mn_free(b->ids);
    mn_free(b->weight);
    *b = (mn_batch_buf){0};
}

size_t mn_batch_fill(mn_batch_buf *b, size_t at, const mn_shard *s, const mn_packing *p,
                     uint64_t row, size_t *io_scored)
{
    size_t t = 0, i = at * b->T;
    for (uint64_t k = p->row_piece[row]; k < p->row_piece[row + 1]; k++) {
        const mn_piece *q = &p->pieces[k];
        const uint32_t start = (uint32_t)t;
        for (uint32_t j = 0; j < q->n; j++, t++, i++) {
            const uint32_t next = mn_shard_token(s, q->from + j + 1);
            b->ids[i] = mn_shard_input(s, q->from + j);
            b->target[i] = mn_shard_input(s, q->from + j + 1);
            b->pos[i] = j;
            b->first[i] = start;
            b->weight[i] = mn_docform_learns(&s->form, next) ? 1.0f : 0.0f;
            *io_scored += b->weight[i] > 0;
        }
    }
    size_t used = t;
    for (; t < b->T; t++, i++) {
        b->ids[i] = b->target[i] = s->form.pad;
        b->pos[i] = 0;
        b->first[i] = (uint32_t)t; /* padding sees itself alone */
        b->weight[i] = 0;
    }
    return used;
}

mn_batch mn_batch_view(const mn_batch_buf *b, size_t from, size_t n_rows)
{
    size_t i = from * b->T;
    return (mn_batch){b->ids + i,    b->target + i, b->pos + i, b->first + i,
                      b->weight + i, n_rows,        b->T};
}

/* See mask.h. */
#include "model/mask.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"

static const char magic[8] = "MNMASK1\n";
#define HEAD     16
#define FILE_MAX ((size_t)1 << 34)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "masks are read as they lie on disk");

static mn_rc make(uint64_t n, mn_mask *ret, mn_err *e)
{
    *ret = (mn_mask){.doc = mn_reallocarray(NULL, n + 1, sizeof *ret->doc)};
    if (ret->doc) return MN_OK;
    return mn_fail(e, MN_E_NOMEM, "no memory for %llu masked documents", (unsigned long long)n);
}

void mn_mask_release(mn_mask *m)
{
    mn_free(m->doc);
    *m = (mn_mask){0};
}

/* ---- the file ----------------------------------------------------------------------------------------------------- */

mn_rc mn_mask_parse(const uint8_t *p, size_t len, mn_mask *ret, mn_err *e)
{
    uint64_t n;
    uint8_t sha[32];
    mn_mask m;
    if (len < HEAD + 32 || memcmp(p, magic, sizeof magic) != 0)
        return mn_fail(e, MN_E_CORRUPT, "it is not a list of masked documents");
    memcpy(&n, p + sizeof magic, sizeof n);
    if (n != (len - HEAD - 32) / 8 || (len - HEAD - 32) % 8)
        return mn_fail(e, MN_E_CORRUPT, "its size does not fit %llu documents",
                       (unsigned long long)n);
    mn_sha256_of(p, len - 32, sha);
    if (memcmp(sha, p + len - 32, 32) != 0)
        return mn_fail(e, MN_E_CORRUPT, "it was changed: its hash does not fit");
    MN_TRY(make(n, &m, e));
    memcpy(m.doc, p + HEAD, n * 8);
    m.n = n;
    for (uint64_t i = 1; i < n; i++) {
        if (m.doc[i] > m.doc[i - 1]) continue;
        mn_mask_release(&m);
        return mn_fail(e, MN_E_CORRUPT, "its documents are not in order");
    }
    *ret = m;
    return MN_OK;
}

mn_rc mn_mask_read(const char *path, mn_mask *ret, mn_err *e)
{
    mn_buf b;
    mn_buf_init(&b, FILE_MAX);
    if (!mn_fs_exists(path)) return make(0, ret, e);
    mn_rc rc = mn_fs_read(path, FILE_MAX, &b, e);
    if (rc == MN_OK) {
        rc = mn_mask_parse((const uint8_t *)b.ptr, b.len, ret, e);
        if (rc != MN_OK) mn_err_wrap(e, "the list '%s' cannot be trusted", path);
    }
    mn_buf_release(&b);
    return rc;
}

mn_rc mn_mask_write(const mn_mask *m, const char *path, mn_err *e)
{
    mn_buf b;
    uint8_t sha[32];
    mn_buf_init(&b, FILE_MAX);
    mn_buf_add(&b, magic, sizeof magic);
    mn_buf_add(&b, &m->n, sizeof m->n);
    mn_buf_add(&b, m->doc, m->n * sizeof *m->doc);
    if (!b.failed) mn_sha256_of(b.ptr, b.len, sha);
    mn_buf_add(&b, sha, sizeof sha);
    mn_rc rc = b.failed ? mn_fail(e, b.failed, "no memory to write '%s'", path)
                        : mn_fs_write_atomic(path, b.ptr, b.len, e);
    mn_buf_release(&b);
    return rc;
}

/* ---- sets --------------------------------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void tidy(mn_mask *m)
{
    uint64_t n = 0;
    if (m->n) qsort(m->doc, m->n, sizeof *m->doc, by_number);
    for (uint64_t i = 0; i < m->n; i++)
        if (!n || m->doc[i] != m->doc[n - 1]) m->doc[n++] = m->doc[i];
    m->n = n;
}

mn_rc mn_mask_from(const uint64_t *doc, size_t n, mn_mask *ret, mn_err *e)
{
    mn_mask m;
    MN_TRY(make(n, &m, e));
    if (n) memcpy(m.doc, doc, n * sizeof *doc);
    m.n = n;
    tidy(&m);
    *ret = m;
    return MN_OK;
}

mn_rc mn_mask_union(const mn_mask *a, const mn_mask *b, mn_mask *ret, mn_err *e)
{
    mn_mask m;
    MN_TRY(make(a->n + b->n, &m, e));
    if (a->n) memcpy(m.doc, a->doc, a->n * sizeof *m.doc);
    if (b->n) memcpy(m.doc + a->n, b->doc, b->n * sizeof *m.doc);
    m.n = a->n + b->n;
    tidy(&m);
    *ret = m;
    return MN_OK;
}

mn_rc mn_mask_erased(const mn_shard *s, mn_mask *ret, mn_err *e)
{
    uint64_t n = 0;
    mn_mask m;
    for (uint64_t d = 0; d < s->n_docs; d++) n += mn_shard_erased(s, d);
    MN_TRY(make(n, &m, e));
    for (uint64_t d = 0; d < s->n_docs; d++)
        if (mn_shard_erased(s, d)) m.doc[m.n++] = d;
    *ret = m;
    return MN_OK;
}

bool mn_mask_has(const mn_mask *m, uint64_t doc)
{
    return m->n && bsearch(&doc, m->doc, m->n, sizeof doc, by_number);
}

bool mn_mask_within(const mn_mask *a, const mn_mask *b)
{
    for (uint64_t i = 0; i < a->n; i++)
        if (!mn_mask_has(b, a->doc[i])) return false;
    return true;
}

void mn_mask_hash(const mn_mask *m, uint8_t ret[32])
{
    memset(ret, 0, 32);
    if (m->n) mn_sha256_of(m->doc, m->n * sizeof *m->doc, ret);
}

/* ---- batches ------------------------------------------------------------------------------------------------------ */

void mn_mask_row(const mn_mask *m, const mn_shard *s, const mn_packing *p, uint64_t row,
                 mn_batch_buf *b, size_t at, size_t *io_scored)
{
    size_t i = at * b->T;
    for (uint64_t k = p->row_piece[row]; m->n && k < p->row_piece[row + 1]; k++) {
        const size_t end = i + p->pieces[k].n;
        bool masked = mn_mask_has(m, mn_piece_document(s, &p->pieces[k]));
        for (; i < end; i++) {
            if (!masked) continue;
            *io_scored -= b->weight[i] > 0;
            b->ids[i] = b->target[i] = s->form.pad;
            b->weight[i] = 0;
        }
    }
}

/* Writing a segment file: docs/design/search.md draws it.
 *
 * Documents come first, postings stream behind them term by term, the dictionary is gathered in
 * memory and written last, then the header is put in front and the file synced. Nobody looks at
 * the file before a manifest names it, so a crash in between leaves only a file without a name,
 * which the next opening removes.
 */
#include "mind/parts.h"

#include <stdio.h>
#include <unistd.h>

#include "base/hash.h"
#include "mind/seg_format.h"

struct mn_seg_out {
    FILE *f;
    char *path;
    uint8_t *lens;
    uint32_t n_docs, n_terms;
    uint64_t total_len, at; /* bytes of the file so far */
    uint64_t off[MN_PARTS], len[MN_PARTS];
    uint32_t crc[MN_PARTS];
    mn_buf dict, bytes, block;
};

void mn_mind__out_abort(mn_seg_out *o)
{
    if (!o) return;
    if (o->f) fclose(o->f);
    if (o->path) unlink(o->path);
    mn_buf_release(&o->dict);
    mn_buf_release(&o->bytes);
    mn_buf_release(&o->block);
    mn_free(o->lens);
    mn_free(o->path);
    mn_free(o);
}

static mn_rc emit(mn_seg_out *o, int part, const void *p, size_t n, mn_err *e)
{
    if (n == 0) return MN_OK;
    if (fwrite(p, 1, n, o->f) != n)
        return mn_fail_errno(e, MN_E_IO, "cannot write '%s'", o->path);
    o->at += n;
    if (part >= 0) {
        o->crc[part] = mn_crc32c(o->crc[part], p, n);
        o->len[part] += n;
    }
    return MN_OK;
}

/* Parts begin at multiples of 16. */
static mn_rc begin_part(mn_seg_out *o, int part, mn_err *e)
{
    static const uint8_t zero[16];
    MN_TRY(emit(o, -1, zero, (size_t)(-o->at & 15u), e));
    o->off[part] = o->at;
    return MN_OK;
}

static mn_rc write_docs(mn_seg_out *o, const mn_doc *docs, mn_err *e)
{
    for (int part = MN_PART_IDS; part <= MN_PART_AUTHORS; part++) {
        MN_TRY(begin_part(o, part, e));
        for (uint32_t i = 0; i < o->n_docs; i++) {
            uint8_t b[8];
            mn_mind__put64(b, part == MN_PART_IDS ? docs[i].id : docs[i].author);
            MN_TRY(emit(o, part, b, 8, e));
        }
    }
    for (uint32_t i = 0; i < o->n_docs; i++) {
        o->lens[i] = docs[i].len;
        o->total_len += docs[i].len;
    }
    MN_TRY(begin_part(o, MN_PART_LENS, e));
    MN_TRY(emit(o, MN_PART_LENS, o->lens, o->n_docs, e));
    return begin_part(o, MN_PART_POSTINGS, e);
}

mn_rc mn_mind__out_new(const char *path, const mn_doc *docs, uint32_t n_docs, mn_seg_out **ret,
                       mn_err *e)
{
    uint8_t head[MN_SEG_HEADER] = {0};
    mn_seg_out *o = mn_calloc(1, sizeof *o);
    if (!o) return mn_fail(e, MN_E_NOMEM, "no memory to write a segment");
    mn_buf_init(&o->dict, 0);
    mn_buf_init(&o->bytes, UINT32_MAX);
    mn_buf_init(&o->block, 0);
    o->n_docs = n_docs;
    o->path = mn_strdup(path);
    o->lens = mn_alloc((size_t)n_docs + 1);
    mn_rc rc = MN_OK;
    if (!o->path || !o->lens) rc = mn_fail(e, MN_E_NOMEM, "no memory to write a segment");
    else if (!(o->f = fopen(path, "wbe")))
        rc = mn_fail_errno(e, MN_E_IO, "cannot make '%s'", path);
    if (rc == MN_OK) rc = emit(o, -1, head, sizeof head, e);
    if (rc == MN_OK) rc = write_docs(o, docs, e);
    if (rc == MN_OK) *ret = o;
    else mn_mind__out_abort(o);
    return rc;
}

static unsigned width_of(uint32_t v)
{
    return v ? 32u - (unsigned)__builtin_clz(v) : 0;
}

/* n values of `bits` bits each, low bits first. */
static mn_rc pack(mn_buf *b, const uint32_t *v, uint32_t n, unsigned bits)
{
    uint64_t acc = 0;
    unsigned held = 0;
    uint8_t out[MN_SEG_BLOCK * 4 + 8];
    size_t at = 0;
    for (uint32_t i = 0; i < n && bits; i++) {
        acc |= (uint64_t)v[i] << held;
        for (held += bits; held >= 8; held -= 8, acc >>= 8) out[at++] = (uint8_t)acc;
    }
    if (held) out[at++] = (uint8_t)acc;
    return mn_buf_add(b, out, at);
}

/* The bounds that let a reader skip the block: shortest length among tf = 1, among tf = 2, and greatest tf with the
 * shortest length among tf ≥ 3. */
static void bounds(const mn_seg_out *o, const uint32_t *docs, const uint8_t *tfs, uint32_t n,
                   uint8_t ret[4])
{
    uint8_t m[4] = {255, 255, 0, 255};
    for (uint32_t i = 0; i < n; i++) {
        uint8_t len = o->lens[docs[i]];
        uint8_t *shortest = &m[tfs[i] == 1 ? 0 : tfs[i] == 2 ? 1 : 3];
        if (len < *shortest) *shortest = len;
        if (tfs[i] > 2 && tfs[i] > m[2]) m[2] = tfs[i];
    }
    memcpy(ret, m, 4);
}

static mn_rc pack_block(mn_seg_out *o, uint32_t before, const uint32_t *docs,
                        const uint8_t *tfs, uint32_t n, uint8_t entry[MN_SEG_ENTRY])
{
    uint32_t gap[MN_SEG_BLOCK], more[MN_SEG_BLOCK], gaps = 0, mores = 0;
    for (uint32_t i = 0; i < n; i++) {
        gap[i] = docs[i] - before; /* `before`: the number that may come first */
        before = docs[i] + 1;
        more[i] = tfs[i] - 1u;
        gaps |= gap[i];
        mores |= more[i];
    }
    mn_mind__put32(entry, docs[n - 1]);
    mn_mind__put32(entry + 4, (uint32_t)o->block.len);
    bounds(o, docs, tfs, n, entry + 8);
    entry[12] = (uint8_t)width_of(gaps);
    entry[13] = (uint8_t)width_of(mores);
    entry[14] = entry[15] = 0;
    MN_TRY(pack(&o->block, gap, n, entry[12]));
    return pack(&o->block, more, n, entry[13]);
}

mn_rc mn_mind__out_term(mn_seg_out *o, mn_str term, const uint32_t *docs, const uint8_t *tfs,
                        uint32_t df, mn_err *e)
{
    uint8_t record[MN_SEG_RECORD], entry[MN_SEG_ENTRY];
    MN_ASSERT(df > 0 && term.len > 0 && term.len <= MN_TERM_MAX);
    mn_mind__put32(record, (uint32_t)o->bytes.len);
    mn_mind__put32(record + 4, df);
    mn_mind__put64(record + 8, o->len[MN_PART_POSTINGS]);
    mn_buf_add(&o->dict, record, sizeof record);
    mn_buf_adds(&o->bytes, term);
    mn_buf_clear(&o->block);
    uint32_t before = 0;
    for (uint32_t i = 0; i < df; i += MN_SEG_BLOCK) {
        uint32_t n = df - i < MN_SEG_BLOCK ? df - i : MN_SEG_BLOCK;
        mn_rc rc = pack_block(o, before, docs + i, tfs + i, n, entry);
        if (rc != MN_OK) return mn_fail(e, rc, "no memory for the postings of a term");
        before = docs[i + n - 1] + 1;
        MN_TRY(emit(o, MN_PART_POSTINGS, entry, sizeof entry, e));
    }
    MN_TRY(emit(o, MN_PART_POSTINGS, o->block.ptr, o->block.len, e));
    o->n_terms++;
    if (o->dict.failed || o->bytes.failed)
        return mn_fail(e, o->dict.failed ? o->dict.failed : o->bytes.failed,
                       "the dictionary of a segment has no room");
    return MN_OK;
}

static mn_rc write_dict(mn_seg_out *o, mn_err *e)
{
    static const uint8_t zero[8];
    uint8_t record[MN_SEG_RECORD];
    mn_mind__put32(record, (uint32_t)o->bytes.len);
    mn_mind__put32(record + 4, 0);
    mn_mind__put64(record + 8, o->len[MN_PART_POSTINGS]);
    /* readers load eight bytes at a time */
    MN_TRY(emit(o, MN_PART_POSTINGS, zero, sizeof zero, e));
    MN_TRY(begin_part(o, MN_PART_DICT, e));
    MN_TRY(emit(o, MN_PART_DICT, o->dict.ptr, o->dict.len, e));
    MN_TRY(emit(o, MN_PART_DICT, record, sizeof record, e));
    MN_TRY(begin_part(o, MN_PART_BYTES, e));
    return emit(o, MN_PART_BYTES, o->bytes.ptr, o->bytes.len, e);
}

static mn_rc write_header(mn_seg_out *o, mn_err *e)
{
    uint8_t h[MN_SEG_HEADER] = {0};
    memcpy(h, MN_SEG_MAGIC, 8);
    mn_mind__put32(h + 8, o->n_docs);
    mn_mind__put32(h + 12, o->n_terms);
    mn_mind__put64(h + 16, o->total_len);
    for (int i = 0; i < MN_PARTS; i++) {
        uint8_t *p = h + 24 + 24 * i;
        mn_mind__put64(p, o->off[i]);
        mn_mind__put64(p + 8, o->len[i]);
        mn_mind__put32(p + 16, o->crc[i]);
    }
    mn_mind__put32(h + MN_SEG_HEADER - 4, mn_crc32c(0, h, MN_SEG_HEADER - 4));
    if (fseeko(o->f, 0, SEEK_SET) || fwrite(h, 1, sizeof h, o->f) != sizeof h || fflush(o->f) ||
        fsync(fileno(o->f)))
        return mn_fail_errno(e, MN_E_IO, "cannot write '%s'", o->path);
    return MN_OK;
}

mn_rc mn_mind__out_close(mn_seg_out *o, mn_err *e)
{
    mn_rc rc = write_dict(o, e);
    if (rc == MN_OK) rc = write_header(o, e);
    if (rc == MN_OK) {
        FILE *f = o->f;
        o->f = NULL;
        if (fclose(f)) rc = mn_fail_errno(e, MN_E_IO, "cannot write '%s'", o->path);
    }
    if (rc == MN_OK) { /* keep the file */
        mn_free(o->path);
        o->path = NULL;
    }
    mn_mind__out_abort(o);
    return rc;
}

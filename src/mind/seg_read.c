/* Reading a segment file, mapped. Opening checks every checksum and the bounds of every term, so
 * that what is found later lies inside the map; a block checks its own numbers when it is
 * unpacked. Total over any bytes (tests/fuzz/fuzz_segment.c).
 */
#include "mind/parts.h"

#include "base/hash.h"
#include "mind/seg_format.h"

static mn_rc damaged(const char *name, const char *what, mn_err *e)
{
    return mn_fail(e, MN_E_CORRUPT, "search segment '%s' is damaged: %s", name, what);
}

static mn_rc read_parts(mn_seg *s, const char *name, mn_err *e)
{
    const uint8_t *h = s->map.ptr;
    for (int i = 0; i < MN_PARTS; i++) {
        const uint8_t *p = h + 24 + 24 * i;
        uint64_t off = mn_mind__le64(p), len = mn_mind__le64(p + 8);
        if (off > s->map.len || len > s->map.len - off)
            return damaged(name, "a part lies outside the file", e);
        s->part[i] = h + off;
        s->part_len[i] = len;
        if (mn_crc32c(0, s->part[i], (size_t)len) != mn_mind__le32(p + 16))
            return damaged(name, "a checksum is wrong", e);
    }
    uint64_t docs = s->n_docs;
    if (docs > MN_SEG_DOCS_MAX || s->part_len[MN_PART_IDS] != docs * 8 ||
        s->part_len[MN_PART_AUTHORS] != docs * 8 || s->part_len[MN_PART_LENS] != docs ||
        s->part_len[MN_PART_DICT] != ((uint64_t)s->n_terms + 1) * MN_SEG_RECORD ||
        s->part_len[MN_PART_POSTINGS] < 8)
        return damaged(name, "its parts have the wrong size", e);
    return MN_OK;
}

static mn_rc check_docs(const mn_seg *s, const char *name, mn_err *e)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < s->n_docs; i++) {
        total += s->part[MN_PART_LENS][i];
        if (i && mn_mind__seg_id(s, i) >= mn_mind__seg_id(s, i - 1))
            return damaged(name, "its documents are out of order", e);
    }
    if (total != s->total_len) return damaged(name, "its lengths do not add up", e);
    return MN_OK;
}

/* Every record: bytes and postings rise and stay inside, terms rise, the skip entries fit. */
static mn_rc check_terms(const mn_seg *s, const char *name, mn_err *e)
{
    const uint8_t *r = s->part[MN_PART_DICT];
    uint64_t bytes = s->part_len[MN_PART_BYTES], room = s->part_len[MN_PART_POSTINGS] - 8;
    mn_str last = MN_STR_NONE;
    for (uint32_t i = 0; i < s->n_terms; i++, r += MN_SEG_RECORD) {
        uint64_t b = mn_mind__le32(r), b1 = mn_mind__le32(r + MN_SEG_RECORD);
        uint64_t p = mn_mind__le64(r + 8), p1 = mn_mind__le64(r + MN_SEG_RECORD + 8);
        uint32_t df = mn_mind__le32(r + 4);
        if (b1 <= b || b1 > bytes || b1 - b > MN_TERM_MAX || p1 < p || p1 > room || df == 0 ||
            df > s->n_docs ||
            p1 - p < ((uint64_t)df + MN_SEG_BLOCK - 1) / MN_SEG_BLOCK * MN_SEG_ENTRY)
            return damaged(name, "a term lies outside its part", e);
        mn_str t = mn_mind__seg_term(s, i);
        if (i && mn_str_cmp(last, t) >= 0)
            return damaged(name, "its terms are out of order", e);
        last = t;
    }
    return MN_OK;
}

mn_rc mn_mind__seg_from(mn_fs_map map, const char *name, mn_seg **ret, mn_err *e)
{
    if (map.len < MN_SEG_HEADER || memcmp(map.ptr, MN_SEG_MAGIC, 8) != 0)
        return damaged(name, "it does not begin as one", e);
    if (mn_crc32c(0, map.ptr, MN_SEG_HEADER - 4) != mn_mind__le32(map.ptr + MN_SEG_HEADER - 4))
        return damaged(name, "the checksum of its header is wrong", e);
    mn_seg *s = mn_calloc(1, sizeof *s);
    if (!s) return mn_fail(e, MN_E_NOMEM, "no memory to open a search segment");
    atomic_init(&s->refs, 1);
    s->map = map;
    s->n_docs = mn_mind__le32(map.ptr + 8);
    s->n_terms = mn_mind__le32(map.ptr + 12);
    s->total_len = mn_mind__le64(map.ptr + 16);
    mn_rc rc = read_parts(s, name, e);
    if (rc == MN_OK) rc = check_docs(s, name, e);
    if (rc == MN_OK) rc = check_terms(s, name, e);
    if (rc == MN_OK) *ret = s;
    else mn_free(s);
    return rc;
}

mn_rc mn_mind__seg_open(const char *path, mn_seg **ret, mn_err *e)
{
    mn_fs_map map;
    MN_TRY(mn_fs_map_open(path, &map, e));
    mn_rc rc = mn_mind__seg_from(map, mn_fs_base(path), ret, e);
    if (rc == MN_OK) mn_fs_map_rest(&map); /* the checks went through all of it */
    else mn_fs_map_close(&map);
    return rc;
}

mn_seg *mn_mind__seg_ref(mn_seg *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void mn_mind__seg_unref(mn_seg *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1) return;
    mn_fs_map_close(&s->map);
    mn_free(s);
}

uint64_t mn_mind__seg_id(const mn_seg *s, uint32_t doc)
{
    return mn_mind__le64(s->part[MN_PART_IDS] + (size_t)doc * 8);
}

uint64_t mn_mind__seg_author(const mn_seg *s, uint32_t doc)
{
    return mn_mind__le64(s->part[MN_PART_AUTHORS] + (size_t)doc * 8);
}

mn_str mn_mind__seg_term(const mn_seg *s, uint32_t term)
{
    const uint8_t *r = s->part[MN_PART_DICT] + (size_t)term * MN_SEG_RECORD;
    uint32_t from = mn_mind__le32(r), to = mn_mind__le32(r + MN_SEG_RECORD);
    return (mn_str){(const char *)s->part[MN_PART_BYTES] + from, to - from};
}

uint32_t mn_mind__seg_from_id(const mn_seg *s, uint64_t id)
{
    uint32_t lo = 0, hi = s->n_docs;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (mn_mind__seg_id(s, mid) > id) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

bool mn_mind__seg_find_doc(const mn_seg *s, uint64_t id, uint32_t *ret)
{
    uint32_t doc = mn_mind__seg_from_id(s, id);
    if (doc == s->n_docs || mn_mind__seg_id(s, doc) != id) return false;
    *ret = doc;
    return true;
}

void mn_mind__seg_postings(const mn_seg *s, uint32_t term, mn_postings *ret)
{
    const uint8_t *r = s->part[MN_PART_DICT] + (size_t)term * MN_SEG_RECORD;
    uint64_t from = mn_mind__le64(r + 8), to = mn_mind__le64(r + MN_SEG_RECORD + 8);
    ret->df = mn_mind__le32(r + 4);
    ret->n_docs = s->n_docs;
    ret->n_blocks = (ret->df + MN_SEG_BLOCK - 1) / MN_SEG_BLOCK;
    ret->entries = s->part[MN_PART_POSTINGS] + from;
    ret->data = ret->entries + (size_t)ret->n_blocks * MN_SEG_ENTRY;
    ret->data_len = (size_t)(to - from) - (size_t)ret->n_blocks * MN_SEG_ENTRY;
}

bool mn_mind__seg_find_term(const mn_seg *s, mn_str term, mn_postings *ret)
{
    uint32_t lo = 0, hi = s->n_terms;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int c = mn_str_cmp(mn_mind__seg_term(s, mid), term);
        if (c == 0) {
            mn_mind__seg_postings(s, mid, ret);
            return true;
        }
        if (c < 0) lo = mid + 1;
        else hi = mid;
    }
    return false;
}

/* Value i of a packed run; the eight zero bytes behind the postings make the load safe. */
static inline uint32_t unpack(const uint8_t *p, uint32_t i, unsigned bits, uint64_t mask)
{
    size_t bit = (size_t)i * bits;
    return (uint32_t)(mn_mind__le64(p + (bit >> 3)) >> (bit & 7u) & mask);
}

uint32_t mn_mind__block_decode(const mn_postings *p, uint32_t block, uint32_t *docs,
                               uint8_t *tfs)
{
    const uint8_t *entry = p->entries + (size_t)block * MN_SEG_ENTRY;
    uint32_t last = mn_mind__le32(entry), off = mn_mind__le32(entry + 4);
    unsigned gap_bits = entry[12], tf_bits = entry[13];
    uint32_t n = block + 1 < p->n_blocks ? MN_SEG_BLOCK : p->df - block * MN_SEG_BLOCK;
    size_t gap_bytes = ((size_t)n * gap_bits + 7) / 8, tf_bytes = ((size_t)n * tf_bits + 7) / 8;
    if (gap_bits > 32 || tf_bits > 8 || last >= p->n_docs || off > p->data_len ||
        gap_bytes + tf_bytes > p->data_len - off)
        return 0;
    uint64_t at = block ? (uint64_t)mn_mind__block_last(p, block - 1) + 1 : 0;
    uint64_t mask = (UINT64_C(1) << gap_bits) - 1;
    const uint8_t *q = p->data + off;
    for (uint32_t i = 0; i < n; i++) {
        at += unpack(q, i, gap_bits, mask);
        docs[i] = (uint32_t)at++;
    }
    if (at != (uint64_t)last + 1) return 0; /* they rise, so all were inside */
    q += gap_bytes;
    mask = (UINT64_C(1) << tf_bits) - 1;
    if (tf_bits == 0) memset(tfs, 1, n);
    else
        for (uint32_t i = 0; i < n; i++) {
            tfs[i] = (uint8_t)(unpack(q, i, tf_bits, mask) + 1);
            if (tfs[i] == 0) return 0; /* 256 */
        }
    return n;
}

/* ---- the dead -------------------------------------------------------------------------------- */

static size_t bit_bytes(uint32_t n_docs)
{
    return ((size_t)n_docs + 7) / 8;
}

mn_rc mn_mind__dead_new(const mn_dead *from, uint32_t n_docs, mn_dead **ret, mn_err *e)
{
    mn_dead *d = mn_calloc(1, sizeof *d + bit_bytes(n_docs));
    if (!d) return mn_fail(e, MN_E_NOMEM, "no memory for a list of deleted posts");
    if (from) {
        d->n_dead = from->n_dead;
        d->dead_len = from->dead_len;
        memcpy(d->bits, from->bits, bit_bytes(n_docs));
    }
    atomic_init(&d->refs, 1);
    d->n_docs = n_docs;
    *ret = d;
    return MN_OK;
}

mn_dead *mn_mind__dead_ref(mn_dead *d)
{
    if (d) atomic_fetch_add(&d->refs, 1);
    return d;
}

void mn_mind__dead_unref(mn_dead *d)
{
    if (d && atomic_fetch_sub(&d->refs, 1) == 1) mn_free(d);
}

bool mn_mind__dead_set(mn_dead *d, const mn_seg *s, uint32_t doc)
{
    if (mn_mind__dead_has(d, doc)) return false;
    d->bits[doc >> 3] |= (uint8_t)(1u << (doc & 7u));
    d->n_dead++;
    d->dead_len += s->part[MN_PART_LENS][doc];
    return true;
}

mn_rc mn_mind__dead_write(const mn_dead *d, const char *path, mn_err *e)
{
    mn_buf b;
    uint8_t head[16];
    mn_buf_init(&b, 0);
    memcpy(head, MN_DEAD_MAGIC, 8);
    mn_mind__put32(head + 8, d->n_docs);
    mn_mind__put32(head + 12, mn_crc32c(mn_crc32c(0, head, 12), d->bits, bit_bytes(d->n_docs)));
    mn_buf_add(&b, head, sizeof head);
    mn_buf_add(&b, d->bits, bit_bytes(d->n_docs));
    mn_rc rc = b.failed ? mn_fail(e, b.failed, "no memory for a list of deleted posts")
                        : mn_fs_write_atomic(path, b.ptr, b.len, e);
    mn_buf_release(&b);
    return rc;
}

mn_rc mn_mind__dead_parse(mn_str bytes, const mn_seg *s, const char *name, mn_dead **ret,
                          mn_err *e)
{
    const uint8_t *p = (const uint8_t *)bytes.ptr;
    size_t n = bit_bytes(s->n_docs);
    if (bytes.len != 16 + n || memcmp(p, MN_DEAD_MAGIC, 8) != 0 ||
        mn_mind__le32(p + 8) != s->n_docs ||
        mn_mind__le32(p + 12) != mn_crc32c(mn_crc32c(0, p, 12), p + 16, n))
        return mn_fail(e, MN_E_CORRUPT, "the list of deleted posts '%s' is damaged", name);
    mn_dead *d;
    MN_TRY(mn_mind__dead_new(NULL, s->n_docs, &d, e));
    for (uint32_t i = 0; i < s->n_docs; i++)
        if ((unsigned)p[16 + (i >> 3)] >> (i & 7u) & 1u) mn_mind__dead_set(d, s, i);
    *ret = d;
    return MN_OK;
}

mn_rc mn_mind__dead_read(const char *path, const mn_seg *s, mn_dead **ret, mn_err *e)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    mn_rc rc = mn_fs_read(path, 16 + bit_bytes(s->n_docs), &b, e);
    if (rc == MN_E_LIMIT)
        rc = mn_fail(e, MN_E_CORRUPT, "the list of deleted posts '%s' is damaged",
                     mn_fs_base(path));
    if (rc == MN_OK) rc = mn_mind__dead_parse(mn_buf_str(&b), s, mn_fs_base(path), ret, e);
    mn_buf_release(&b);
    return rc;
}

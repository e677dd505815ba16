/* Documents gathered in memory until a segment is worth writing.
 *
 * A posting is one u64: term << 32 | tf; a document's postings stand together, so writing in
 * document order sorts them by term with one counting pass, whatever order documents came in.
 * Terms get numbers by an open-addressing table over their bytes. A document added twice or
 * removed leaves its postings behind as garbage that is skipped when writing.
 */
#include "mind/parts.h"

#include <stdlib.h>

#include "base/hash.h"

typedef struct held_doc {
    mn_doc doc;
    size_t from; /* its postings; the next document's `from` ends them */
    bool gone;
} held_doc;

struct mn_builder {
    held_doc *docs;
    size_t n_docs, docs_cap;
    uint64_t *entries;
    size_t n_entries, entries_cap;
    mn_buf bytes; /* of all terms */
    uint32_t *term_at, *term_len;
    size_t n_terms, terms_cap;
    uint32_t *term_table, *id_table; /* 1 + number, 0 free */
    size_t term_mask, id_mask;
    uint32_t n_live, ids_used;
    mn_arena scratch;
};

mn_rc mn_mind__builder_new(mn_builder **ret, mn_err *e)
{
    mn_builder *b = mn_calloc(1, sizeof *b);
    if (!b) return mn_fail(e, MN_E_NOMEM, "no memory for an index builder");
    mn_buf_init(&b->bytes, UINT32_MAX);
    mn_arena_init(&b->scratch, 0);
    *ret = b;
    return MN_OK;
}

void mn_mind__builder_free(mn_builder *b)
{
    if (!b) return;
    mn_free(b->docs);
    mn_free(b->entries);
    mn_free(b->term_at);
    mn_free(b->term_len);
    mn_free(b->term_table);
    mn_free(b->id_table);
    mn_buf_release(&b->bytes);
    mn_arena_release(&b->scratch);
    mn_free(b);
}

void mn_mind__builder_clear(mn_builder *b)
{
    b->n_docs = b->n_entries = b->n_terms = 0;
    b->n_live = b->ids_used = 0;
    mn_buf_clear(&b->bytes);
    if (b->term_table) memset(b->term_table, 0, (b->term_mask + 1) * sizeof *b->term_table);
    if (b->id_table) memset(b->id_table, 0, (b->id_mask + 1) * sizeof *b->id_table);
}

uint32_t mn_mind__builder_count(const mn_builder *b)
{
    return b->n_live;
}

size_t mn_mind__builder_entries(const mn_builder *b)
{
    return b->n_entries;
}

static mn_str term_str(const mn_builder *b, size_t i)
{
    return (mn_str){b->bytes.ptr + b->term_at[i], b->term_len[i]};
}

/* Room for one more, doubling. */
static bool room(void **p, size_t n, size_t *cap, size_t size)
{
    if (n < *cap) return true;
    size_t more = *cap ? *cap * 2 : 1024;
    void *q = mn_reallocarray(*p, more, size);
    if (!q) return false;
    *p = q;
    *cap = more;
    return true;
}

static bool grow_terms(mn_builder *b)
{
    size_t cap = b->terms_cap ? b->terms_cap * 2 : 1024, mask = cap * 2 - 1;
    uint32_t *at = mn_reallocarray(b->term_at, cap, sizeof *at);
    if (at) b->term_at = at;
    uint32_t *len = mn_reallocarray(b->term_len, cap, sizeof *len);
    if (len) b->term_len = len;
    uint32_t *table = mn_calloc(cap * 2, sizeof *table);
    if (!at || !len || !table) {
        mn_free(table);
        return false;
    }
    for (size_t i = 0; i < b->n_terms; i++) {
        mn_str t = term_str(b, i);
        size_t h = (size_t)mn_hash64(t.ptr, t.len, 0) & mask;
        while (table[h]) h = (h + 1) & mask;
        table[h] = (uint32_t)i + 1;
    }
    mn_free(b->term_table);
    b->term_table = table;
    b->term_mask = mask;
    b->terms_cap = cap;
    return true;
}

static bool term_number(mn_builder *b, mn_str t, uint32_t *ret)
{
    if (b->n_terms == b->terms_cap && !grow_terms(b)) return false;
    size_t h = (size_t)mn_hash64(t.ptr, t.len, 0) & b->term_mask;
    for (; b->term_table[h]; h = (h + 1) & b->term_mask) {
        *ret = b->term_table[h] - 1;
        if (mn_str_eq(term_str(b, *ret), t)) return true;
    }
    uint32_t at = (uint32_t)b->bytes.len;
    if (mn_buf_adds(&b->bytes, t) != MN_OK) return false;
    b->term_at[b->n_terms] = at;
    b->term_len[b->n_terms] = (uint32_t)t.len;
    *ret = (uint32_t)b->n_terms++;
    b->term_table[h] = *ret + 1;
    return true;
}

/* ---- which document holds an id -------------------------------------------------------------- */

static size_t id_slot(const mn_builder *b, uint64_t id)
{
    size_t h = (size_t)mn_hash64(&id, sizeof id, 1) & b->id_mask;
    while (b->id_table[h] && b->docs[b->id_table[h] - 1].doc.id != id) h = (h + 1) & b->id_mask;
    return h;
}

static bool grow_ids(mn_builder *b)
{
    size_t size = b->id_table ? (b->id_mask + 1) * 2 : 2048;
    uint32_t *old = b->id_table, *table = mn_calloc(size, sizeof *table);
    size_t old_size = old ? b->id_mask + 1 : 0;
    if (!table) return false;
    b->id_table = table;
    b->id_mask = size - 1;
    for (size_t i = 0; i < old_size; i++)
        if (old[i]) table[id_slot(b, b->docs[old[i] - 1].doc.id)] = old[i];
    mn_free(old);
    return true;
}

void mn_mind__builder_remove(mn_builder *b, uint64_t id)
{
    if (!b->id_table) return;
    uint32_t at = b->id_table[id_slot(b, id)];
    if (at == 0 || b->docs[at - 1].gone) return;
    b->docs[at - 1].gone = true;
    b->n_live--;
}

static bool note_id(mn_builder *b, uint64_t id, uint32_t doc)
{
    if ((!b->id_table || b->ids_used * 2 > b->id_mask) && !grow_ids(b)) return false;
    size_t h = id_slot(b, id);
    if (b->id_table[h] == 0) b->ids_used++;
    b->id_table[h] = doc + 1;
    return true;
}

mn_rc mn_mind__builder_add(mn_builder *b, uint64_t id, uint64_t author, mn_str text, mn_err *e)
{
    mn_bag bag;
    mn_arena_reset(&b->scratch);
    mn_mind__builder_remove(b, id);
    MN_TRY(mn_mind__bag(text, &b->scratch, &bag, e));
    if (bag.n == 0) return MN_OK;
    void *p = b->docs;
    bool ok = room(&p, b->n_docs, &b->docs_cap, sizeof *b->docs);
    b->docs = p;
    uint32_t len = bag.len < MN_SEG_LEN_MAX ? bag.len : MN_SEG_LEN_MAX;
    held_doc d = {{id, author, (uint8_t)len}, b->n_entries, false};
    size_t n = b->n_entries;
    for (size_t i = 0; ok && i < bag.n; i++) {
        uint32_t t = 0, tf = bag.items[i].tf < MN_SEG_TF_MAX ? bag.items[i].tf : MN_SEG_TF_MAX;
        void *q = b->entries;
        ok = room(&q, n, &b->entries_cap, sizeof *b->entries);
        b->entries = q;
        ok = ok && term_number(b, bag.items[i].term, &t);
        if (ok) b->entries[n++] = (uint64_t)t << 32 | tf;
    }
    if (ok) {
        b->docs[b->n_docs] = d;
        ok = note_id(b, id, (uint32_t)b->n_docs);
    }
    if (!ok) return mn_fail(e, MN_E_NOMEM, "no memory to index a post");
    b->n_docs++;
    b->n_live++;
    b->n_entries = n;
    return MN_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct sorted_doc {
    uint64_t id;
    uint32_t held;
} sorted_doc;

static int by_falling_id(const void *x, const void *y)
{
    const sorted_doc *a = x, *b = y;
    return a->id < b->id ? 1 : a->id > b->id ? -1 : 0;
}

static int by_term(const void *x, const void *y, void *arg)
{
    const uint32_t *a = x, *b = y;
    return mn_str_cmp(term_str(arg, *a), term_str(arg, *b));
}

/* What writing needs besides: all gone together. */
typedef struct plan {
    sorted_doc *order; /* n_live */
    mn_doc *docs;
    uint32_t *term_order; /* n_terms */
    size_t *start;        /* n_terms + 1: where each term's postings begin */
    uint32_t *post_docs;  /* n_entries */
    uint8_t *post_tfs;
} plan;

static void plan_release(plan *p)
{
    mn_free(p->order);
    mn_free(p->docs);
    mn_free(p->term_order);
    mn_free(p->start);
    mn_free(p->post_docs);
    mn_free(p->post_tfs);
}

static bool plan_alloc(plan *p, const mn_builder *b)
{
    p->order = mn_reallocarray(NULL, (size_t)b->n_live + 1, sizeof *p->order);
    p->docs = mn_reallocarray(NULL, (size_t)b->n_live + 1, sizeof *p->docs);
    p->term_order = mn_reallocarray(NULL, b->n_terms + 1, sizeof *p->term_order);
    p->start = mn_calloc(b->n_terms + 2, sizeof *p->start);
    p->post_docs = mn_reallocarray(NULL, b->n_entries + 1, sizeof *p->post_docs);
    p->post_tfs = mn_alloc(b->n_entries + 1);
    return p->order && p->docs && p->term_order && p->start && p->post_docs && p->post_tfs;
}

static size_t entries_end(const mn_builder *b, size_t doc)
{
    return doc + 1 < b->n_docs ? b->docs[doc + 1].from : b->n_entries;
}

static void plan_docs(plan *p, const mn_builder *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n_docs; i++)
        if (!b->docs[i].gone) p->order[n++] = (sorted_doc){b->docs[i].doc.id, (uint32_t)i};
    qsort(p->order, n, sizeof *p->order, by_falling_id);
    for (size_t i = 0; i < n; i++) p->docs[i] = b->docs[p->order[i].held].doc;
}

/* Counting sort of the postings by term; stable, so documents rise within a term. */
static void plan_postings(plan *p, const mn_builder *b)
{
    for (size_t i = 0; i < b->n_live; i++)
        for (size_t k = b->docs[p->order[i].held].from, end = entries_end(b, p->order[i].held);
             k < end; k++)
            p->start[(b->entries[k] >> 32) + 2]++;
    for (size_t t = 0; t < b->n_terms; t++) p->start[t + 2] += p->start[t + 1];
    for (size_t i = 0; i < b->n_live; i++)
        for (size_t k = b->docs[p->order[i].held].from, end = entries_end(b, p->order[i].held);
             k < end; k++) {
            size_t at = p->start[(b->entries[k] >> 32) + 1]++;
            p->post_docs[at] = (uint32_t)i;
            p->post_tfs[at] = (uint8_t)b->entries[k];
        }
}

mn_rc mn_mind__builder_write(mn_builder *b, const char *path, mn_err *e)
{
    plan p = {0};
    mn_seg_out *o = NULL;
    mn_rc rc = MN_OK;
    if (!plan_alloc(&p, b)) {
        rc = mn_fail(e, MN_E_NOMEM, "no memory to write an index segment");
        goto out;
    }
    plan_docs(&p, b);
    plan_postings(&p, b);
    for (size_t i = 0; i < b->n_terms; i++) p.term_order[i] = (uint32_t)i;
    qsort_r(p.term_order, b->n_terms, sizeof *p.term_order, by_term, b);
    rc = mn_mind__out_new(path, p.docs, b->n_live, &o, e);
    for (size_t i = 0; rc == MN_OK && i < b->n_terms; i++) {
        uint32_t t = p.term_order[i];
        size_t from = p.start[t], df = p.start[t + 1] - from;
        if (df)
            rc = mn_mind__out_term(o, term_str(b, t), p.post_docs + from, p.post_tfs + from,
                                   (uint32_t)df, e);
    }
    if (rc == MN_OK) {
        rc = mn_mind__out_close(o, e);
        o = NULL;
    }
out:
    mn_mind__out_abort(o);
    plan_release(&p);
    return rc;
}

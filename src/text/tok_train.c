/* BPE training.
 *
 * Texts are cut into pieces; equal pieces are counted once, in a hash table (`words`). Their bytes then lie one word
 * after the other in an array of cells, a separator between words. A symbol covers one or more cells: its first cell
 * holds the id and the length, its last one where it starts, so both neighbours are found in one step.
 *
 * For each pair of symbols that stands next to each other we keep how often (weighted by the words' counts) and where.
 * The merge loop takes the pair with the highest count from a heap, puts the new symbol at each of its places, and
 * corrects the counts of the pairs to the left and right.
 *
 * What makes it exact, and the same as `tokenizers`:
 * - a pair that contains a new symbol can only come up in the merge that makes the symbol, so its list of places is
 *   complete after that merge; afterwards its count only falls. Heap entries may be stale but never too low: an entry
 *   whose count is out of date is put back with the right one;
 * - places are kept in rising order, so runs (aaaa) are merged from the left; a place that has changed since is skipped;
 * - a pair whose count is below 2 when it comes up can never be merged and is not kept;
 * - ties go to the smaller (left, right), compared as one 64-bit number. So nothing depends on the order of the words, and
 *   several threads may count, each for itself (mn_tok_trainer_absorb).
 * Time: about the number of places touched times log of the heap; no word is read twice.
 */
#include <string.h>

#include "base/hash.h"
#include "text/tok_int.h"

#define SEPARATOR UINT32_MAX
#define NO_PAIR   UINT32_MAX

typedef struct word {
    uint64_t hash, count;
    const char *bytes;
    size_t len;
} word;

struct mn_tok_trainer {
    mn_arena bytes;
    word *words;
    size_t n_words, words_cap;
    uint32_t *table; /* index into words plus one; 0 is empty */
    size_t table_mask;
    size_t cells; /* bytes of all words and a separator after each, and one before the first */
};

/* ---- counting words ----------------------------------------------------------------------------------------- */

mn_rc mn_tok_trainer_new(mn_tok_trainer **ret, mn_err *e)
{
    mn_tok_trainer *t = mn_calloc(1, sizeof *t);
    if (!t) return mn_fail(e, MN_E_NOMEM, "out of memory for training a tokenizer");
    mn_arena_init(&t->bytes, 0);
    t->table_mask = (1u << 16) - 1;
    t->table = mn_calloc(t->table_mask + 1, sizeof *t->table);
    t->cells = 1;
    if (!t->table) {
        mn_tok_trainer_free(t);
        return mn_fail(e, MN_E_NOMEM, "out of memory for training a tokenizer");
    }
    *ret = t;
    return MN_OK;
}

void mn_tok_trainer_free(mn_tok_trainer *t)
{
    if (!t) return;
    mn_arena_release(&t->bytes);
    mn_free(t->words);
    mn_free(t->table);
    mn_free(t);
}

static mn_rc grow_table(mn_tok_trainer *t)
{
    size_t mask = t->table_mask * 2 + 1;
    uint32_t *table = mn_calloc(mask + 1, sizeof *table);
    if (!table) return MN_E_NOMEM;
    for (size_t w = 0; w < t->n_words; w++) {
        size_t i = t->words[w].hash & mask;
        while (table[i]) i = (i + 1) & mask;
        table[i] = (uint32_t)w + 1;
    }
    mn_free(t->table);
    t->table = table;
    t->table_mask = mask;
    return MN_OK;
}

static mn_rc add_word(mn_tok_trainer *t, size_t slot, const word *x)
{
    if (t->cells + x->len + 1 >= NO_PAIR) return MN_E_LIMIT;
    if (t->n_words == t->words_cap) {
        size_t cap = t->words_cap ? t->words_cap * 2 : 4096;
        word *bigger = mn_reallocarray(t->words, cap, sizeof *bigger);
        if (!bigger) return MN_E_NOMEM;
        t->words = bigger;
        t->words_cap = cap;
    }
    char *bytes = mn_arena_strndup(&t->bytes, x->bytes, x->len);
    if (!bytes) return MN_E_NOMEM;
    t->words[t->n_words++] = (word){x->hash, x->count, bytes, x->len};
    t->table[slot] = (uint32_t)t->n_words;
    t->cells += x->len + 1;
    return t->n_words * 2 > t->table_mask ? grow_table(t) : MN_OK;
}

/* Adds x->count to the word's; its bytes are copied when it is new. */
static mn_rc count_word(mn_tok_trainer *t, const word *x)
{
    size_t i = x->hash & t->table_mask;
    for (; t->table[i]; i = (i + 1) & t->table_mask) {
        word *w = &t->words[t->table[i] - 1];
        if (w->hash == x->hash && w->len == x->len && memcmp(w->bytes, x->bytes, x->len) == 0) {
            w->count += x->count;
            return MN_OK;
        }
    }
    return add_word(t, i, x);
}

static mn_rc counting_failed(mn_rc rc, mn_err *e)
{
    if (rc == MN_E_LIMIT)
        return mn_fail(e, rc, "more than 4 GB of different words to train a tokenizer on");
    return mn_fail(e, rc, "out of memory while counting words");
}

mn_rc mn_tok_trainer_add(mn_tok_trainer *t, mn_str text, mn_err *e)
{
    for (size_t at = 0; at < text.len;) {
        size_t end = mn_tok__split(text.ptr, text.len, at, MN_TOK_SPLIT_DIGITS);
        word x = {mn_hash64(text.ptr + at, end - at, 0), 1, text.ptr + at, end - at};
        mn_rc rc = count_word(t, &x);
        if (rc != MN_OK) return counting_failed(rc, e);
        at = end;
    }
    return MN_OK;
}

mn_rc mn_tok_trainer_absorb(mn_tok_trainer *t, const mn_tok_trainer *other, mn_err *e)
{
    for (size_t w = 0; w < other->n_words; w++) {
        mn_rc rc = count_word(t, &other->words[w]);
        if (rc != MN_OK) return counting_failed(rc, e);
    }
    return MN_OK;
}

/* A word's count and length, then its bytes. */
typedef struct put_word {
    uint64_t count, len;
} put_word;

mn_rc mn_tok_trainer_put(const mn_tok_trainer *t, mn_buf *ret)
{
    for (size_t w = 0; w < t->n_words; w++) {
        const put_word head = {t->words[w].count, t->words[w].len};
        MN_TRY(mn_buf_add(ret, &head, sizeof head));
        MN_TRY(mn_buf_add(ret, t->words[w].bytes, t->words[w].len));
    }
    return MN_OK;
}

mn_rc mn_tok_trainer_take(mn_tok_trainer *t, mn_str bytes, mn_err *e)
{
    put_word head;
    for (size_t at = 0; at < bytes.len; at += head.len) {
        if (bytes.len - at < sizeof head) return mn_fail(e, MN_E_PARSE, "no counted words");
        memcpy(&head, bytes.ptr + at, sizeof head);
        at += sizeof head;
        if (!head.count || !head.len || head.len > bytes.len - at)
            return mn_fail(e, MN_E_PARSE, "no counted words");
        const char *p = bytes.ptr + at;
        word x = {mn_hash64(p, head.len, 0), head.count, p, head.len};
        mn_rc rc = count_word(t, &x);
        if (rc != MN_OK) return counting_failed(rc, e);
    }
    return MN_OK;
}

/* ---- cells, pairs, heap ------------------------------------------------------------------------------------- */

typedef struct cell {
    uint32_t id;    /* first cell of a symbol: its token id; separators: SEPARATOR */
    uint32_t len;   /* first cell: cells covered */
    uint32_t start; /* last cell: first cell of the symbol */
    uint32_t word;  /* index into words: the weight */
} cell;

typedef struct pair {
    uint64_t key; /* left << 32 | right */
    uint64_t count;
    uint32_t *places; /* first cells, rising; n_places of them, some out of date */
    uint32_t n_places;
} pair;

typedef struct entry {
    uint64_t count, key;
    uint32_t pair;
} entry;

/* A place of a pair that comes up in the merge at hand. */
typedef struct place {
    uint32_t pair, at;
} place;

typedef struct trainer {
    const mn_tok_trainer *in;
    mn_arena arena; /* places */
    cell *cells;
    pair *pairs;
    size_t n_pairs, pairs_cap;
    uint32_t *table; /* pair index by key; NO_PAIR is empty */
    size_t table_mask;
    entry *heap;
    size_t n_heap, heap_cap;
    /* of the merge at hand, whose new symbol is R: pair index of (x, R) and (R, x) by x, or NO_PAIR */
    uint32_t *left_of, *right_of;
    place *fresh;
    size_t n_fresh, fresh_cap;
    mn_tok_merge *merges;
    uint32_t n_merges, max_merges, n_ids;
} trainer;

static inline uint64_t pair_key(uint32_t left, uint32_t right)
{
    return (uint64_t)left << 32 | right;
}

static inline size_t key_slot(uint64_t key)
{
    uint64_t h = key * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(h ^ h >> 29);
}

/* Doubles an array when it is full. */
static mn_rc room(void **ptr, size_t n, size_t *cap, size_t item_bytes)
{
    if (n < *cap) return MN_OK;
    size_t bigger = *cap ? *cap * 2 : 1024;
    void *p = mn_reallocarray(*ptr, bigger, item_bytes);
    if (!p) return MN_E_NOMEM;
    *ptr = p;
    *cap = bigger;
    return MN_OK;
}
#define ROOM(ptr, n, cap) room((void **)&(ptr), (n), &(cap), sizeof *(ptr))

static bool before(const entry *a, const entry *b)
{
    return a->count != b->count ? a->count > b->count : a->key < b->key;
}

static void heap_down(entry *heap, size_t n, size_t i)
{
    entry x = heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= n) break;
        if (child + 1 < n && before(&heap[child + 1], &heap[child])) child++;
        if (!before(&heap[child], &x)) break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = x;
}

static mn_rc heap_push(trainer *t, uint32_t pair_index)
{
    MN_TRY(ROOM(t->heap, t->n_heap, t->heap_cap));
    entry x = {t->pairs[pair_index].count, t->pairs[pair_index].key, pair_index};
    size_t i = t->n_heap++;
    while (i && before(&x, &t->heap[(i - 1) / 2])) {
        t->heap[i] = t->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    t->heap[i] = x;
    return MN_OK;
}

/* The pair with the highest count, taken out; false when none has a count of 2 or more. */
static bool heap_pop(trainer *t, uint32_t *ret)
{
    while (t->n_heap) {
        entry *top = &t->heap[0];
        uint64_t count = t->pairs[top->pair].count;
        bool fresh = top->count == count;
        *ret = top->pair;
        if (fresh || count < 2) *top = t->heap[--t->n_heap];
        else top->count = count;
        if (t->n_heap) heap_down(t->heap, t->n_heap, 0);
        if (fresh && count >= 2) return true;
    }
    return false;
}

static uint32_t find_pair(const trainer *t, uint64_t key)
{
    for (size_t i = key_slot(key) & t->table_mask;; i = (i + 1) & t->table_mask) {
        uint32_t p = t->table[i];
        if (p == NO_PAIR || t->pairs[p].key == key) return p;
    }
}

static void put_pair(uint32_t *table, size_t mask, uint64_t key, uint32_t index)
{
    size_t i = key_slot(key) & mask;
    while (table[i] != NO_PAIR) i = (i + 1) & mask;
    table[i] = index;
}

/* Makes room for n pairs in the table, which holds the first n_old now. */
static mn_rc pair_table_room(trainer *t, size_t n_old, size_t n)
{
    size_t mask = t->table_mask ? t->table_mask : (1u << 17) - 1;
    while (n * 2 > mask) mask = mask * 2 + 1;
    if (mask == t->table_mask) return MN_OK;
    uint32_t *table = mn_reallocarray(NULL, mask + 1, sizeof *table);
    if (!table) return MN_E_NOMEM;
    memset(table, 0xFF, (mask + 1) * sizeof *table);
    for (size_t p = 0; p < n_old; p++) put_pair(table, mask, t->pairs[p].key, (uint32_t)p);
    mn_free(t->table);
    t->table = table;
    t->table_mask = mask;
    return MN_OK;
}

static mn_rc new_pair(trainer *t, uint64_t key, uint32_t *ret)
{
    MN_TRY(ROOM(t->pairs, t->n_pairs, t->pairs_cap));
    *ret = (uint32_t)t->n_pairs;
    t->pairs[t->n_pairs++] = (pair){.key = key};
    return MN_OK;
}

/* ---- the merge loop ----------------------------------------------------------------------------------------- */

static inline uint64_t weight(const trainer *t, uint32_t at)
{
    return t->in->words[t->cells[at].word].count;
}

static void pair_falls(trainer *t, uint32_t left, uint32_t right, uint64_t by)
{
    uint32_t p = find_pair(t, pair_key(left, right));
    if (p != NO_PAIR) t->pairs[p].count -= by;
}

/* The pair (left, right), of which `at` is a place, comes up by this merge; *slot remembers it for the next time. */
static mn_rc pair_rises(trainer *t, uint32_t *slot, uint64_t key, uint32_t at, uint64_t by)
{
    if (*slot == NO_PAIR) MN_TRY(new_pair(t, key, slot));
    pair *p = &t->pairs[*slot];
    p->count += by;
    p->n_places++;
    MN_TRY(ROOM(t->fresh, t->n_fresh, t->fresh_cap));
    t->fresh[t->n_fresh++] = (place){*slot, at};
    return MN_OK;
}

/* Puts the new symbol at a place, if the pair still stands there. */
static mn_rc merge_at(trainer *t, const mn_tok_merge *m, uint32_t at)
{
    cell *c = t->cells;
    if (c[at].id != m->left || !c[at].len) return MN_OK;
    uint32_t right = at + c[at].len;
    if (c[right].id != m->right) return MN_OK;
    uint32_t len = c[at].len + c[right].len, next = at + len;
    uint64_t w = weight(t, at);

    c[right].len = 0; /* no longer the first cell of a symbol */
    c[at].id = m->id;
    c[at].len = len;
    c[next - 1].start = at;
    if (c[at - 1].id != SEPARATOR) {
        uint32_t prev = c[at - 1].start, id = c[prev].id;
        pair_falls(t, id, m->left, w);
        if (id == m->id) { /* (R, left) was counted when the place before this one was merged */
            uint32_t stale = t->right_of[m->left];
            if (stale != NO_PAIR) t->pairs[stale].count -= w;
        }
        MN_TRY(pair_rises(t, &t->left_of[id], pair_key(id, m->id), prev, w));
    }
    if (c[next].id != SEPARATOR) {
        pair_falls(t, m->right, c[next].id, w);
        MN_TRY(pair_rises(t, &t->right_of[c[next].id], pair_key(m->id, c[next].id), at, w));
    }
    return MN_OK;
}

/* Gives the pairs of this merge, pairs[first..), their lists of places. */
static mn_rc settle_places(trainer *t, size_t first)
{
    for (size_t p = first; p < t->n_pairs; p++) {
        pair *x = &t->pairs[p];
        t->left_of[x->key >> 32] = t->right_of[(uint32_t)x->key] = NO_PAIR;
        if (x->count >= 2) {
            x->places = mn_arena_alloc(&t->arena, x->n_places * sizeof *x->places);
            if (!x->places) return MN_E_NOMEM;
        }
        x->n_places = 0;
    }
    for (size_t i = 0; i < t->n_fresh; i++) {
        pair *x = &t->pairs[t->fresh[i].pair];
        if (x->places) x->places[x->n_places++] = t->fresh[i].at;
    }
    t->n_fresh = 0;
    return MN_OK;
}

/* Ends a merge: its pairs that can ever be merged enter table and heap, the others are dropped. */
static mn_rc settle(trainer *t, size_t first)
{
    MN_TRY(settle_places(t, first));
    MN_TRY(pair_table_room(t, first, t->n_pairs));
    size_t kept = first;
    for (size_t p = first; p < t->n_pairs; p++) {
        if (!t->pairs[p].places) continue;
        t->pairs[kept] = t->pairs[p];
        put_pair(t->table, t->table_mask, t->pairs[kept].key, (uint32_t)kept);
        MN_TRY(heap_push(t, (uint32_t)kept++));
    }
    t->n_pairs = kept;
    return MN_OK;
}

static mn_rc merge_all(trainer *t)
{
    uint32_t best;
    while (t->n_merges < t->max_merges && heap_pop(t, &best)) {
        uint64_t key = t->pairs[best].key;
        mn_tok_merge *m = &t->merges[t->n_merges++];
        *m = (mn_tok_merge){(uint32_t)(key >> 32), (uint32_t)key, t->n_ids++};
        size_t first_pair = t->n_pairs;
        for (uint32_t i = 0, n = t->pairs[best].n_places; i < n; i++)
            MN_TRY(merge_at(t, m, t->pairs[best].places[i]));
        t->pairs[best].count = 0;
        MN_TRY(settle(t, first_pair));
    }
    return MN_OK;
}

/* ---- from words to a tokenizer ------------------------------------------------------------------------------ */

static mn_rc lay_out_cells(trainer *t, const uint32_t byte_id[256])
{
    const mn_tok_trainer *in = t->in;
    t->cells = mn_reallocarray(NULL, in->cells, sizeof *t->cells);
    if (!t->cells) return MN_E_NOMEM;
    uint32_t at = 0;
    t->cells[at++] = (cell){.id = SEPARATOR};
    for (size_t w = 0; w < in->n_words; w++) {
        const word *x = &in->words[w];
        for (size_t i = 0; i < x->len; i++, at++)
            t->cells[at] = (cell){byte_id[(uint8_t)x->bytes[i]], 1, at, (uint32_t)w};
        t->cells[at++] = (cell){.id = SEPARATOR};
    }
    MN_ASSERT(at == in->cells);
    return MN_OK;
}

static mn_rc first_pairs(trainer *t)
{
    uint32_t *seen =
        mn_reallocarray(NULL, 65536, sizeof *seen); /* pair index by two byte ids */
    if (!seen) return MN_E_NOMEM;
    memset(seen, 0xFF, 65536 * sizeof *seen);
    mn_rc rc = MN_OK;
    for (uint32_t at = 1; at + 1 < t->in->cells && rc == MN_OK; at++) {
        uint32_t left = t->cells[at].id, right = t->cells[at + 1].id;
        if (left == SEPARATOR || right == SEPARATOR) continue;
        uint32_t two = (left - MN_TOK_SPECIALS) << 8 | (right - MN_TOK_SPECIALS);
        rc = pair_rises(t, &seen[two], pair_key(left, right), at, weight(t, at));
    }
    mn_free(seen);
    return rc == MN_OK ? settle(t, 0) : rc;
}

static mn_rc prepare(trainer *t, const uint32_t byte_id[256])
{
    t->left_of = mn_reallocarray(NULL, MN_TOK_TRAIN_MAX, sizeof *t->left_of);
    t->right_of = mn_reallocarray(NULL, MN_TOK_TRAIN_MAX, sizeof *t->right_of);
    t->merges = mn_calloc(t->max_merges ? t->max_merges : 1, sizeof *t->merges);
    if (!t->left_of || !t->right_of || !t->merges) return MN_E_NOMEM;
    memset(t->left_of, 0xFF, MN_TOK_TRAIN_MAX * sizeof *t->left_of);
    memset(t->right_of, 0xFF, MN_TOK_TRAIN_MAX * sizeof *t->right_of);
    MN_TRY(lay_out_cells(t, byte_id));
    return first_pairs(t);
}

static void trainer_release(trainer *t)
{
    mn_arena_release(&t->arena);
    mn_free(t->cells);
    mn_free(t->pairs);
    mn_free(t->table);
    mn_free(t->heap);
    mn_free(t->left_of);
    mn_free(t->right_of);
    mn_free(t->fresh);
    mn_free(t->merges);
}

static mn_rc add_merged_tokens(mn_tokenizer *tok, const trainer *t)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    mn_rc rc = MN_OK;
    for (uint32_t i = 0; i < t->n_merges && rc == MN_OK; i++) {
        const mn_tok_merge *m = &t->merges[i];
        tok->merges[i] = *m;
        mn_buf_clear(&b);
        mn_buf_adds(&b, mn_tok__bytes(tok, m->left));
        rc = mn_buf_adds(&b, mn_tok__bytes(tok, m->right));
        if (rc == MN_OK) rc = mn_tok__set(tok, m->id, mn_buf_str(&b), MN_TOK_NORMAL);
    }
    mn_buf_release(&b);
    return rc;
}

static mn_rc add_base_tokens(mn_tokenizer *tok)
{
    uint8_t alphabet[256];
    mn_tok__alphabet(alphabet);
    for (uint32_t id = 0; id < MN_TOK_SPECIALS; id++) {
        char name[24];
        mn_tok__special_name(id, name);
        MN_TRY(mn_tok__set(tok, id, mn_str_from(name), MN_TOK_SPECIAL));
    }
    for (uint32_t i = 0; i < 256; i++) {
        mn_str byte = {(const char *)&alphabet[i], 1};
        MN_TRY(mn_tok__set(tok, MN_TOK_SPECIALS + i, byte, MN_TOK_NORMAL));
    }
    return MN_OK;
}

static mn_rc make_tokenizer(const trainer *t, mn_tokenizer **ret, mn_err *e)
{
    mn_tokenizer *tok;
    MN_TRY(mn_tok__new(t->n_ids, t->n_merges, &tok, e));
    tok->rules.bos = MN_TOK_START;
    tok->rules.eos = MN_TOK_END;
    tok->rules.pad = MN_TOK_PAD;
    mn_rc rc = add_base_tokens(tok);
    if (rc == MN_OK) rc = add_merged_tokens(tok, t);
    if (rc == MN_OK) rc = mn_tok__index_tokens(tok);
    if (rc == MN_OK) rc = mn_tok__index_merges(tok);
    if (rc != MN_OK) {
        mn_tok_free(tok);
        return mn_fail(e, rc, "out of memory for a tokenizer of %u tokens", t->n_ids);
    }
    *ret = tok;
    return MN_OK;
}

mn_rc mn_tok_trainer_finish(mn_tok_trainer *in, uint32_t vocab, mn_tokenizer **ret, mn_err *e)
{
    const uint32_t base = MN_TOK_SPECIALS + 256;
    if (vocab < base || vocab > MN_TOK_TRAIN_MAX)
        return mn_fail(e, MN_E_USAGE, "a vocabulary of %u tokens: must be %u to %u", vocab,
                       base, MN_TOK_TRAIN_MAX);
    uint8_t alphabet[256];
    uint32_t byte_id[256];
    mn_tok__alphabet(alphabet);
    for (uint32_t i = 0; i < 256; i++) byte_id[alphabet[i]] = MN_TOK_SPECIALS + i;

    trainer t = {.in = in, .max_merges = vocab - base, .n_ids = base};
    mn_arena_init(&t.arena, 0);
    mn_rc rc = prepare(&t, byte_id);
    if (rc == MN_OK) rc = merge_all(&t);
    if (rc != MN_OK) mn_fail(e, rc, "out of memory while training a tokenizer");
    else rc = make_tokenizer(&t, ret, e);
    trainer_release(&t);
    return rc;
}

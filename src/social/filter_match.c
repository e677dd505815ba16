/* Words in a text by an automaton (Aho & Corasick 1975) over the bytes of the text in small letters.
 *
 * A node is a prefix of some word; `fail` is the longest proper suffix of it that is a node too, `out` the nearest one on that
 * path where a word ends. Children hang as a list: nodes have few. Small letters may take other numbers of bytes than
 * capitals, so both are worked out on the small text, with a note for each byte whether it is part of a letter. */
#include "social/filter_match.h"

#include "text/unicode.h"

typedef struct node {
    uint32_t child, next, fail, out; /* 0: none (0 is the root) */
    uint32_t word;                   /* first word that ends here + 1 */
    uint8_t byte;
} node;

typedef struct kept {
    uint32_t same; /* next word with the same text + 1 */
    uint32_t len;  /* bytes in small letters */
    bool whole_begin, whole_end;
} kept;

struct mn_words {
    node *nodes;
    kept *words;
    size_t n_nodes, cap_nodes, n_words;
};

/* ---- small letters ------------------------------------------------------------------------------------------------- */

static bool is_word(uint32_t cp)
{
    mn_uclass k = mn_uclass_of(cp);
    return k == MN_U_LETTER || k == MN_U_NUMBER || cp == '_' || mn_umark(cp);
}

/* The next character in small letters; false at the end. Bytes that are no UTF-8 give 0xFF, which no word holds. */
static bool next_small(mn_str s, size_t *at, char ret[4], size_t *ret_n, bool *ret_word)
{
    uint32_t cp;
    if (*at >= s.len) return false;
    unsigned char c = (unsigned char)s.ptr[*at];
    if (c < 0x80) {
        ret[0] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        *ret_n = 1;
        *ret_word = is_word(c);
        ++*at;
        return true;
    }
    size_t n = mn_utf8_decode(s.ptr + *at, s.len - *at, &cp);
    *at += n ? n : 1;
    *ret_n = n ? mn_utf8_encode(mn_ulower(cp), ret) : 0;
    if (*ret_n == 0) {
        ret[0] = (char)0xFF;
        *ret_n = 1;
    }
    *ret_word = n && is_word(cp);
    return true;
}

/* ---- building ------------------------------------------------------------------------------------------------------ */

static uint32_t child_of(const mn_words *w, uint32_t at, uint8_t byte)
{
    uint32_t c = w->nodes[at].child;
    while (c && w->nodes[c].byte != byte) c = w->nodes[c].next;
    return c;
}

static mn_rc add_child(mn_words *w, uint32_t at, uint8_t byte, uint32_t *ret, mn_err *e)
{
    if (w->n_nodes == w->cap_nodes) {
        size_t cap = w->cap_nodes * 2;
        node *bigger = mn_reallocarray(w->nodes, cap, sizeof *bigger);
        if (!bigger) return mn_fail(e, MN_E_NOMEM, "out of memory for filters");
        w->nodes = bigger;
        w->cap_nodes = cap;
    }
    uint32_t c = (uint32_t)w->n_nodes++;
    w->nodes[c] = (node){.byte = byte, .next = w->nodes[at].child};
    w->nodes[at].child = c;
    *ret = c;
    return MN_OK;
}

static mn_rc add_word(mn_words *w, const mn_word *word, uint32_t i, mn_err *e)
{
    char small[4];
    size_t n = 0, at = 0;
    uint32_t node_at = 0, len = 0;
    bool letter = false, first = true;
    kept *k = &w->words[i];
    while (next_small(word->text, &at, small, &n, &letter)) {
        if (first) k->whole_begin = word->whole_word && letter;
        first = false;
        k->whole_end = word->whole_word && letter;
        for (size_t b = 0; b < n; b++, len++) {
            uint32_t c = child_of(w, node_at, (uint8_t)small[b]);
            if (!c) MN_TRY(add_child(w, node_at, (uint8_t)small[b], &c, e));
            node_at = c;
        }
    }
    if (len == 0) return MN_OK;
    k->len = len;
    k->same = w->nodes[node_at].word;
    w->nodes[node_at].word = i + 1;
    return MN_OK;
}

static uint32_t step(const mn_words *w, uint32_t at, uint8_t byte)
{
    for (;;) {
        uint32_t c = child_of(w, at, byte);
        if (c || at == 0) return c;
        at = w->nodes[at].fail;
    }
}

/* Breadth first, so that a node's suffixes, which are shorter, are done before it. */
static mn_rc link_nodes(mn_words *w, mn_err *e)
{
    uint32_t *queue = mn_reallocarray(NULL, w->n_nodes, sizeof *queue);
    size_t head = 0, tail = 0;
    if (!queue) return mn_fail(e, MN_E_NOMEM, "out of memory for filters");
    queue[tail++] = 0;
    while (head < tail) {
        uint32_t at = queue[head++];
        for (uint32_t c = w->nodes[at].child; c; c = w->nodes[c].next) {
            uint32_t fail = at ? step(w, w->nodes[at].fail, w->nodes[c].byte) : 0;
            w->nodes[c].fail = fail;
            w->nodes[c].out = w->nodes[fail].word ? fail : w->nodes[fail].out;
            queue[tail++] = c;
        }
    }
    mn_free(queue);
    return MN_OK;
}

mn_rc mn_words_new(const mn_word *words, size_t n, mn_words **ret, mn_err *e)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) bytes += words[i].text.len + 1;
    if (bytes > MN_WORDS_BYTES_MAX)
        return mn_fail(e, MN_E_LIMIT, "filters hold at most %u bytes of words",
                       MN_WORDS_BYTES_MAX);
    mn_words *w = mn_calloc(1, sizeof *w);
    if (!w) return mn_fail(e, MN_E_NOMEM, "out of memory for filters");
    mn_rc rc = MN_OK;
    w->cap_nodes = 64;
    w->n_nodes = 1;
    w->n_words = n;
    w->nodes = mn_calloc(w->cap_nodes, sizeof *w->nodes);
    w->words = mn_calloc(n ? n : 1, sizeof *w->words);
    if (!w->nodes || !w->words) rc = mn_fail(e, MN_E_NOMEM, "out of memory for filters");
    for (size_t i = 0; rc == MN_OK && i < n; i++) rc = add_word(w, &words[i], (uint32_t)i, e);
    if (rc == MN_OK) rc = link_nodes(w, e);
    if (rc == MN_OK) *ret = w;
    else mn_words_free(w);
    return rc;
}

void mn_words_free(mn_words *w)
{
    if (!w) return;
    mn_free(w->nodes);
    mn_free(w->words);
    mn_free(w);
}

size_t mn_words_bytes(const mn_words *w)
{
    return sizeof *w + w->cap_nodes * sizeof *w->nodes + w->n_words * sizeof *w->words;
}

/* ---- finding ------------------------------------------------------------------------------------------------------- */

/* The text in small letters with, for each byte, whether the character it belongs to is a letter of a word. */
typedef struct small_text {
    mn_buf bytes, letters;
} small_text;

static bool make_small(mn_str text, small_text *t)
{
    char small[4];
    size_t n = 0, at = 0;
    bool letter = false;
    static const char yes[4] = {1, 1, 1, 1}, no[4] = {0};
    while (next_small(text, &at, small, &n, &letter)) {
        mn_buf_add(&t->bytes, small, n);
        mn_buf_add(&t->letters, letter ? yes : no, n);
    }
    return !t->bytes.failed && !t->letters.failed;
}

/* Words that end at node `at`, whose last byte is text[end - 1]. */
static void mark(const mn_words *w, uint32_t at, const small_text *t, size_t end, bool *found)
{
    for (uint32_t i = w->nodes[at].word; i; i = w->words[i - 1].same) {
        const kept *k = &w->words[i - 1];
        size_t begin = end - k->len;
        if (k->whole_begin && begin > 0 && t->letters.ptr[begin - 1]) continue;
        if (k->whole_end && end < t->letters.len && t->letters.ptr[end]) continue;
        found[i - 1] = true;
    }
}

static void find(const mn_words *w, const small_text *t, bool *found)
{
    uint32_t at = 0;
    for (size_t i = 0; i < t->bytes.len; i++) {
        at = step(w, at, (uint8_t)t->bytes.ptr[i]);
        uint32_t x = w->nodes[at].word ? at : w->nodes[at].out;
        for (; x; x = w->nodes[x].out) mark(w, x, t, i + 1, found);
    }
}

void mn_words_find(const mn_words *w, mn_str text, bool *found)
{
    small_text t;
    if (w->n_nodes == 1 || text.len == 0) return;
    mn_buf_init(&t.bytes, 0);
    mn_buf_init(&t.letters, 0);
    if (make_small(text, &t)) find(w, &t, found);
    mn_buf_release(&t.bytes);
    mn_buf_release(&t.letters);
}

/* Terms: what a text and a query have in common.
 *
 * One pass over code points with three kinds of run: words (letters, numbers, marks), tags (a
 * word run that begins with '#' or '@' and may hold '_') and CJK (no blanks between words: every
 * two neighbours make a term). ASCII takes a short path. An apostrophe inside a word is dropped
 * ("don't" → dont), a possessive 's with it ("Ann's" → ann), and so is an article or pronoun that Italian
 * and French elide before it ("l'amore" → amore). Diacritics of Latin letters are left out (fold.c).
 */
#include "mind/parts.h"

#include "base/hash.h"
#include "text/unicode.h"

typedef struct run {
    mn_term_fn *fn;
    void *arg;
    char word[MN_TERM_MAX], tag[MN_TERM_MAX];
    size_t n, n_tag;     /* bytes; n_tag > 0: inside a tag, its sign first */
    size_t apostrophe;   /* bytes of the word before the last apostrophe; 0: none */
    bool ascii, letters; /* of the word so far */
    uint32_t cjk;        /* the neighbour before, 0: none */
    bool cjk_paired;
} run;

/* Han, kana, Hangul: scripts whose words a blank does not always part. */
static bool is_cjk(uint32_t c)
{
    if (c < 0x1100) return false;
    return (c >= 0x1100 && c <= 0x11FF) || (c >= 0x3040 && c <= 0x30FF) ||
           (c >= 0x3130 && c <= 0x318F) || (c >= 0x31F0 && c <= 0x31FF) ||
           (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) ||
           (c >= 0xAC00 && c <= 0xD7AF) || (c >= 0xF900 && c <= 0xFAFF) ||
           (c >= 0xFF66 && c <= 0xFF9D) || (c >= 0x20000 && c <= 0x3FFFF);
}

static void end_word(run *r)
{
    size_t n = r->n;
    if (n == 0) return;
    if (r->apostrophe && n == r->apostrophe + 1 && r->word[n - 1] == 's') n--;
    if (r->ascii && r->letters) n = mn_mind__stem(r->word, n);
    r->fn(r->arg, (mn_str){r->word, n}, true);
    r->n = r->apostrophe = 0;
}

static void end_cjk(run *r)
{
    char b[4];
    if (r->cjk && !r->cjk_paired) r->fn(r->arg, (mn_str){b, mn_utf8_encode(r->cjk, b)}, true);
    r->cjk = 0;
    r->cjk_paired = false;
}

static void end_all(run *r)
{
    end_word(r);
    end_cjk(r);
    if (r->n_tag > 1) r->fn(r->arg, (mn_str){r->tag, r->n_tag}, false);
    r->n_tag = 0;
}

static void put(char *buf, size_t *n, const char *p, size_t k)
{
    if (*n + k > MN_TERM_MAX) return;
    memcpy(buf + *n, p, k);
    *n += k;
}

static void add_word(run *r, uint32_t c)
{
    char b[4];
    c = c < 0x80 ? (c >= 'A' && c <= 'Z' ? c + 32 : c) : mn_ulower(c);
    size_t k = c < 0x80 ? mn_utf8_encode(c, b) : mn_mind__fold(c, b);
    end_cjk(r);
    if (r->n == 0) r->ascii = r->letters = true;
    r->ascii = r->ascii && !(k && (b[0] & 0x80));
    r->letters = r->letters && (k == 0 || (b[0] >= 'a' && b[0] <= 'z'));
    put(r->word, &r->n, b, k);
    if (r->n_tag) put(r->tag, &r->n_tag, b, k);
}

static void add_cjk(run *r, uint32_t c)
{
    char b[8];
    end_word(r);
    if (r->cjk) {
        size_t k = mn_utf8_encode(r->cjk, b);
        k += mn_utf8_encode(c, b + k);
        r->fn(r->arg, (mn_str){b, k}, true);
        r->cjk_paired = true;
    }
    r->cjk = c;
    if (r->n_tag) put(r->tag, &r->n_tag, b, mn_utf8_encode(c, b));
}

static bool is_word(uint32_t c, bool inside)
{
    if (c < 0x80) return (c >= '0' && c <= '9') || ((c | 32u) >= 'a' && (c | 32u) <= 'z');
    mn_uclass k = mn_uclass_of(c);
    return k == MN_U_LETTER || k == MN_U_NUMBER || (inside && mn_umark(c));
}

static bool word_follows(mn_str s, size_t at)
{
    uint32_t c;
    return mn_utf8_decode(s.ptr + at, s.len - at, &c) && is_word(c, false);
}

/* Length of the URL that begins at `at`, or 0. */
static size_t url_at(mn_str s, size_t at)
{
    mn_str rest = {s.ptr + at, s.len - at};
    if ((rest.ptr[0] | 32) != 'h' || rest.len < 8) return 0;
    if (!mn_str_eq_nocase(mn_str_sub(rest, 0, 7), MN_STR("http://")) &&
        !mn_str_eq_nocase(mn_str_sub(rest, 0, 8), MN_STR("https://")))
        return 0;
    size_t n = 0;
    while (n < rest.len && (unsigned char)rest.ptr[n] > ' ') n++;
    return n;
}

/* Is the word before an apostrophe an elided function word ("l'", "dell'", "qu'")? */
static bool is_elided(const run *r)
{
    static const char *const words[] = {
        "l",   "d",   "c",     "j",     "m",     "n",      "s",     "t",   "qu",
        "un",  "all", "dell",  "dall",  "nell",  "sull",   "coll",  "cos", "com",
        "dov", "gl",  "quell", "quest", "jusqu", "lorsqu", "puisqu"};
    mn_str w = {r->word, r->n};
    if (r->apostrophe) return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (mn_str_eqz(w, words[i])) return true;
    return false;
}

/* A code point that is no part of a word. */
static void add_other(run *r, mn_str s, size_t next, uint32_t c)
{
    bool quote = c == '\'' || c == 0x2019;
    if (quote && r->n && !r->n_tag && word_follows(s, next)) {
        if (is_elided(r)) r->n = 0;
        r->apostrophe = r->n;
        return;
    }
    if (c == '_' && r->n_tag && word_follows(s, next)) {
        end_word(r);
        end_cjk(r);
        put(r->tag, &r->n_tag, "_", 1);
        return;
    }
    bool after_word = r->n || r->cjk;
    end_all(r);
    if ((c == '#' || c == '@') && !after_word && word_follows(s, next)) {
        r->tag[0] = (char)c;
        r->n_tag = 1;
    }
}

static bool all_ascii(mn_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] & 0x80) return false;
    return true;
}

mn_rc mn_mind__analyse(mn_str text, mn_buf *scratch, mn_term_fn *fn, void *arg, mn_err *e)
{
    run r = {.fn = fn, .arg = arg};
    mn_str s = text;
    if (!all_ascii(text) && mn_utf8_valid(text)) {
        mn_buf_clear(scratch);
        mn_rc rc = mn_unfc(text, scratch);
        if (rc != MN_OK)
            return mn_fail(e, rc, "no memory to normalise a text of %zu bytes", text.len);
        s = mn_buf_str(scratch);
    }
    for (size_t at = 0; at < s.len;) {
        uint32_t c;
        bool inside = r.n > 0 || r.cjk != 0;
        size_t url = inside ? 0 : url_at(s, at);
        if (url) {
            end_all(&r);
            at += url;
            continue;
        }
        size_t k = mn_utf8_decode(s.ptr + at, s.len - at, &c);
        if (k == 0) { /* a byte that is no text parts words */
            k = 1;
            c = 0xFFFD;
        }
        if (is_cjk(c)) add_cjk(&r, c);
        else if (is_word(c, inside)) add_word(&r, c);
        else add_other(&r, s, at + k, c);
        at += k;
    }
    end_all(&r);
    return MN_OK;
}

/* ---- bags ------------------------------------------------------------------------------------ */

typedef struct bagger {
    mn_arena *a;
    mn_bag *bag;
    size_t cap;
    uint32_t *table; /* open addressing: 1 + place in items */
    size_t mask;
    bool failed;
} bagger;

static bool bag_grow(bagger *g)
{
    size_t cap = g->cap ? g->cap * 2 : 32;
    mn_bag_term *items = mn_arena_alloc(g->a, cap * sizeof *items);
    uint32_t *table = mn_arena_calloc(g->a, cap * 2, sizeof *table);
    if (!items || !table) return false;
    if (g->bag->n) memcpy(items, g->bag->items, g->bag->n * sizeof *items);
    g->bag->items = items;
    g->table = table;
    g->cap = cap;
    g->mask = cap * 2 - 1;
    for (size_t i = 0; i < g->bag->n; i++) {
        size_t h = (size_t)mn_hash64(items[i].term.ptr, items[i].term.len, 0) & g->mask;
        while (table[h]) h = (h + 1) & g->mask;
        table[h] = (uint32_t)i + 1;
    }
    return true;
}

static void bag_term(void *arg, mn_str term, bool counts)
{
    bagger *g = arg;
    if (g->failed) return;
    if (g->bag->n == g->cap && !bag_grow(g)) {
        g->failed = true;
        return;
    }
    if (counts) g->bag->len++;
    size_t h = (size_t)mn_hash64(term.ptr, term.len, 0) & g->mask;
    for (; g->table[h]; h = (h + 1) & g->mask) {
        mn_bag_term *t = &g->bag->items[g->table[h] - 1];
        if (!mn_str_eq(t->term, term)) continue;
        t->tf++;
        return;
    }
    mn_str copy = mn_str_dup(g->a, term);
    if (!copy.ptr) {
        g->failed = true;
        return;
    }
    g->bag->items[g->bag->n++] = (mn_bag_term){copy, 1};
    g->table[h] = (uint32_t)g->bag->n;
}

mn_rc mn_mind__bag(mn_str text, mn_arena *a, mn_bag *ret, mn_err *e)
{
    mn_bag bag = {0};
    bagger g = {.a = a, .bag = &bag};
    mn_buf scratch;
    mn_buf_init(&scratch, 0);
    mn_rc rc = mn_mind__analyse(text, &scratch, bag_term, &g, e);
    if (rc == MN_OK && g.failed)
        rc = mn_fail(e, MN_E_NOMEM, "no memory for the terms of a text");
    mn_buf_release(&scratch);
    if (rc == MN_OK) *ret = bag;
    return rc;
}

/* What is asked, and which sentences of a post carry it. */
#include "mind/ask_int.h"

#define SENTENCES_MAX 200u

static bool is_topic(mn_str term)
{
    return term.ptr[0] != '#' && term.ptr[0] != '@' && !mn_mind__stop_word(term);
}

mn_rc mn_ask__question(mn_str text, const mn_snap *s, mn_arena *a, mn_ask_question *ret,
                       mn_err *e)
{
    mn_bag bag;
    double sum = 0;
    mn_ask_question q = {0};
    MN_TRY(mn_mind__bag(text, a, &bag, e));
    q.terms = mn_arena_alloc(a, (bag.n + 1) * sizeof *q.terms);
    q.weights = mn_arena_alloc(a, (bag.n + 1) * sizeof *q.weights);
    if (!q.terms || !q.weights) return mn_fail(e, MN_E_NOMEM, "no memory for a question");
    for (size_t i = 0; i < bag.n && q.n < MN_QUERY_TERMS_MAX; i++) {
        mn_str t = bag.items[i].term;
        if (!is_topic(t)) continue;
        q.terms[q.n] = t;
        q.weights[q.n] = mn_mind__idf(s->n_docs, mn_mind__snap_df(s, t));
        sum += q.weights[q.n++];
    }
    for (size_t i = 0; i < q.n; i++) q.weights[i] /= sum;
    *ret = q;
    return MN_OK;
}

/* ---- sentences ------------------------------------------------------------------------------- */

static bool among(mn_str w, const char *const *list)
{
    for (; *list; list++)
        if (mn_str_eq_nocase(w, mn_str_from(*list))) return true;
    return false;
}

/* The word that ends before the stop at `at` is an initial ("J."), an abbreviation, or one when
 * a number follows ("No. 5"). */
static bool is_abbreviation(mn_str s, size_t at)
{
    static const char *const always[] = {"mr",  "mrs",  "ms",   "dr",  "st",  "prof", "sen",
                                         "rep", "gov",  "gen",  "vs",  "jr",  "sr",   "inc",
                                         "ltd", "corp", "dept", "u.s", "u.k", "u.n",  "a.m",
                                         "p.m", "e.g",  "i.e",  NULL};
    static const char *const numbered[] = {"no",  "nos", "jan", "feb",    "mar",  "apr",
                                           "jun", "jul", "aug", "sep",    "sept", "oct",
                                           "nov", "dec", "vol", "approx", "p",    NULL};
    size_t from = at, next = at + 1;
    while (from && (unsigned char)s.ptr[from - 1] > ' ' && s.ptr[from - 1] != '(') from--;
    while (next < s.len && s.ptr[next] == ' ') next++;
    mn_str w = mn_str_sub(s, from, at - from);
    if (w.len == 1 && w.ptr[0] >= 'A' && w.ptr[0] <= 'Z') return true;
    if (among(w, always)) return true;
    return next < s.len && s.ptr[next] >= '0' && s.ptr[next] <= '9' && among(w, numbered);
}

static bool is_stop(uint32_t c)
{
    return c == '.' || c == '!' || c == '?' || c == 0x2026 || c == 0x203D;
}

static bool is_cjk_stop(uint32_t c)
{
    return c == 0x3002 || c == 0xFF01 || c == 0xFF1F;
}

static bool closes(uint32_t c) /* quotes and brackets that belong to the sentence before */
{
    return c == '"' || c == '\'' || c == ')' || c == ']' || c == 0x201D || c == 0x2019 ||
           c == 0xBB || c == 0x300D || c == 0x300F;
}

static uint32_t cp_at(mn_str s, size_t at, size_t *n)
{
    uint32_t c = 0xFFFD;
    *n = mn_utf8_decode(s.ptr + at, s.len - at, &c);
    if (*n == 0) *n = 1;
    return c;
}

/* Where the sentence that begins at `at` ends (behind its stop). */
static size_t sentence_end(mn_str s, size_t at)
{
    bool stopped = false, cjk = false;
    while (at < s.len) {
        size_t n;
        uint32_t c = cp_at(s, at, &n);
        if (c == '\n' || (stopped && (cjk || c <= ' '))) {
            if (!stopped || cjk || c == '\n' || s.ptr[at - 1] != '.' ||
                !is_abbreviation(s, at - 1)) {
                if (!(cjk && (is_cjk_stop(c) || closes(c)))) return at;
            } else {
                stopped = false;
            }
        }
        if (is_stop(c) || is_cjk_stop(c)) {
            stopped = true;
            cjk = cjk || is_cjk_stop(c);
        } else if (!closes(c)) {
            stopped = cjk = false;
        }
        at += n;
    }
    return s.len;
}

size_t mn_ask__sentences(mn_str text, mn_str *ret, size_t max)
{
    size_t n = 0;
    for (size_t at = 0; at < text.len && n < max;) {
        size_t end = sentence_end(text, at);
        mn_str s = mn_str_trim(mn_str_sub(text, at, end - at));
        if (s.len) ret[n++] = s;
        at = end < text.len && (unsigned char)text.ptr[end] <= ' ' ? end + 1 : end;
    }
    return n;
}

/* ---- coverage -------------------------------------------------------------------------------- */

typedef struct marker {
    const mn_ask_question *q;
    uint64_t found; /* bit i: term i stands there */
} marker;

static void mark(void *arg, mn_str term, bool counts)
{
    marker *m = arg;
    (void)counts;
    for (size_t i = 0; i < m->q->n; i++)
        if (mn_str_eq(m->q->terms[i], term)) m->found |= UINT64_C(1) << i;
}

static double weigh(const mn_ask_question *q, uint64_t found)
{
    double sum = 0;
    for (size_t i = 0; i < q->n; i++)
        if (found >> i & 1u) sum += q->weights[i];
    return sum;
}

mn_rc mn_ask__best_passage(const mn_ask_question *q, mn_str text, mn_arena *scratch,
                           mn_str *ret_quote, double *ret_cover, mn_err *e)
{
    mn_buf buf;
    mn_str *s = mn_arena_alloc(scratch, SENTENCES_MAX * sizeof *s);
    uint64_t before = 0;
    double best = 0;
    mn_str quote = MN_STR_NONE;
    if (!s) return mn_fail(e, MN_E_NOMEM, "no memory for the sentences of a post");
    mn_buf_init(&buf, 0);
    mn_rc rc = MN_OK;
    size_t n = mn_ask__sentences(text, s, SENTENCES_MAX);
    for (size_t i = 0; rc == MN_OK && i < n; i++) {
        marker m = {q, 0};
        rc = mn_mind__analyse(s[i], &buf, mark, &m, e);
        double alone = weigh(q, m.found), both = weigh(q, m.found | before);
        if (alone > best + 1e-9) {
            best = alone;
            quote = s[i];
        }
        if (i && both > best + 0.1) { /* two sentences only where one leaves much out */
            best = both;
            quote = (mn_str){s[i - 1].ptr, (size_t)(s[i].ptr + s[i].len - s[i - 1].ptr)};
        }
        before = m.found;
    }
    mn_buf_release(&buf);
    if (rc != MN_OK) return rc;
    *ret_quote = quote;
    *ret_cover = best;
    return MN_OK;
}

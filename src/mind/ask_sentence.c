/* What is asked, and which sentences of a post carry it. */
#include "mind/ask_int.h"

#include <stdio.h>

#include "base/hash.h"
#include "text/langid.h"

#define SENTENCES_MAX  200u
#define WORDS_MAX      256u
#define RELIABLE_BYTES 20u  /* for the language of a question without function words */
#define QUOTE_BYTES    500u /* more is not taken in to complete a quotation */
#define NAMED_BYTES    300u /* of several sentences with the name below */

static bool is_topic(const char *lang, mn_str term)
{
    return term.ptr[0] != '#' && term.ptr[0] != '@' && !mn_mind__stop_word_of(lang, term);
}

/* A question is short: two function words of a language tell more than its letters do. */
static void tell_language(mn_str text, const mn_bag *bag, char ret[8])
{
    size_t n;
    const char *voted = mn_mind__stop_word_language(bag, &n), *code = voted;
    mn_lang l = mn_langid(text);
    l.code[strcspn(l.code, "-")] = 0;
    if (n < 2 && l.reliable && mn_mind__stop_words_known(l.code)) code = l.code;
    if (!code && l.reliable && text.len >= RELIABLE_BYTES) code = l.code;
    snprintf(ret, 8, "%s", code ? code : "");
}

bool mn_ask__same_language(const char *lang, mn_str of_post, mn_str text)
{
    mn_lang l = {.reliable = false};
    if (!lang[0]) return true;
    if (of_post.len == 0) l = mn_langid(text);
    if (of_post.len == 0 && !l.reliable) return true;
    mn_str code = of_post.len ? of_post : mn_str_from(l.code);
    size_t n = strlen(lang);
    return mn_str_eqz(code, "und") ||
           (mn_str_starts(code, lang) && (code.len == n || code.ptr[n] == '-'));
}

typedef struct sequence {
    uint64_t hash[WORDS_MAX]; /* of all words, in order */
    size_t n;
} sequence;

static void add_to_sequence(void *arg, mn_str term, bool counts)
{
    sequence *w = arg;
    if (counts && w->n < WORDS_MAX) w->hash[w->n++] = mn_hash64(term.ptr, term.len, 0);
}

static mn_rc keep_words(mn_ask_question *q, mn_str text, mn_arena *a, mn_err *e)
{
    mn_buf buf;
    sequence w = {.n = 0};
    mn_buf_init(&buf, 0);
    mn_rc rc = mn_mind__analyse(text, &buf, add_to_sequence, &w, e);
    mn_buf_release(&buf);
    if (rc != MN_OK) return rc;
    q->words = mn_arena_alloc(a, (w.n + 1) * sizeof *q->words);
    if (!q->words) return mn_fail(e, MN_E_NOMEM, "no memory for a question");
    memcpy(q->words, w.hash, w.n * sizeof *w.hash);
    q->n_words = w.n;
    return MN_OK;
}

mn_rc mn_ask__echo(const mn_ask_question *q, mn_str quote, double *ret, mn_err *e)
{
    mn_buf buf;
    sequence w = {.n = 0};
    size_t pairs = 0;
    mn_buf_init(&buf, 0);
    mn_rc rc = mn_mind__analyse(quote, &buf, add_to_sequence, &w, e);
    mn_buf_release(&buf);
    if (rc != MN_OK) return rc;
    for (size_t i = 1; i < q->n_words; i++) {
        bool met = false;
        for (size_t k = 1; k < w.n && !met; k++)
            met = w.hash[k - 1] == q->words[i - 1] && w.hash[k] == q->words[i];
        pairs += met;
    }
    *ret = q->n_words > 1 ? (double)pairs / (double)(q->n_words - 1) : 0;
    return MN_OK;
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
    tell_language(text, &bag, q.lang);
    MN_TRY(keep_words(&q, text, a, e));
    for (size_t i = 0; i < bag.n && q.n < MN_QUERY_TERMS_MAX; i++) {
        mn_str t = bag.items[i].term;
        if (!is_topic(q.lang, t)) continue;
        q.terms[q.n] = t;
        q.weights[q.n] = mn_mind__idf(s->n_docs, mn_mind__snap_df(s, t));
        sum += q.weights[q.n++];
    }
    for (size_t i = 0; i < q.n; i++) q.weights[i] /= sum;
    *ret = q;
    return MN_OK;
}

typedef struct looking {
    const mn_ask_question *q;
    bool carries; /* a term of the question was met */
} looking;

static void look(void *arg, mn_str term, bool counts)
{
    looking *l = arg;
    (void)counts;
    for (size_t i = 0; i < l->q->n; i++)
        l->carries = l->carries || mn_str_eq(l->q->terms[i], term);
}

mn_rc mn_ask__topic_words(const mn_ask_question *q, mn_str text, mn_arena *a, mn_str *ret,
                          mn_err *e)
{
    mn_buf words, buf;
    mn_rc rc = MN_OK;
    mn_buf_init(&words, 0);
    mn_buf_init(&buf, 0);
    for (size_t at = 0, end; rc == MN_OK && at < text.len; at = end + 1) {
        looking l = {q, false};
        for (end = at; end < text.len && (unsigned char)text.ptr[end] > ' ';) end++;
        mn_str word = mn_str_sub(text, at, end - at);
        rc = mn_mind__analyse(word, &buf, look, &l, e);
        if (!l.carries) continue;
        mn_buf_adds(&words, word);
        mn_buf_addc(&words, ' ');
    }
    mn_str copy = mn_str_dup(a, mn_buf_str(&words));
    if (rc == MN_OK && (words.failed || !copy.ptr))
        rc = mn_fail(e, MN_E_NOMEM, "no memory for a question");
    mn_buf_release(&words);
    mn_buf_release(&buf);
    if (rc == MN_OK) *ret = copy;
    return rc;
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

/* A text taken apart: its sentences, what of the question each carries, and who it is by. */
typedef struct reading {
    const mn_ask_question *q;
    mn_str s[SENTENCES_MAX], name;
    uint64_t found[SENTENCES_MAX], by;
    size_t n;
    mn_str quote;
    double value, cover; /* of the quote: value = cover · quality */
} reading;

static mn_str span(mn_str first, mn_str last)
{
    return (mn_str){first.ptr, (size_t)(last.ptr + last.len - first.ptr)};
}

/* Without a double quote at its end or beginning whose other one is elsewhere. */
static mn_str balanced(mn_str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) n += s.ptr[i] == '"';
    if (n % 2 == 0 || s.len < 3) return s;
    if (s.ptr[s.len - 1] == '"') return mn_str_sub(s, 0, s.len - 1);
    return s.ptr[0] == '"' ? mn_str_sub(s, 1, s.len - 1) : s;
}

/* Sentences first..last as a quotation, with what follows a question or a heading, when it is
 * worth more than the best so far by a margin. */
static void consider(reading *r, size_t first, size_t last, double margin)
{
    uint64_t found = 0;
    mn_str quote = span(r->s[first], r->s[last]);
    for (size_t more = 0; more < 2 && last + 1 < r->n && mn_ask__leads_on(quote); more++) {
        mn_str longer = span(r->s[first], r->s[last + 1]);
        if (longer.len > QUOTE_BYTES) break;
        quote = longer;
        last++;
    }
    for (size_t i = first; i <= last; i++) found |= r->found[i];
    double cover = weigh(r->q, found), value = cover * mn_ask__quality(quote);
    if (value <= r->value + margin) return;
    r->quote = quote;
    r->value = value;
    r->cover = cover;
}

/* With the name below, from sentence `first` to the end, where the name is asked for. */
static void consider_with_name(reading *r, size_t first)
{
    uint64_t found = r->by;
    mn_str quote = span(r->s[first], r->name);
    if (first + 1 < r->n && quote.len > NAMED_BYTES) return;
    for (size_t i = first; i < r->n; i++) found |= r->found[i];
    double cover = weigh(r->q, found), value = cover * mn_ask__quality(quote);
    if (value <= r->value + 0.1) return;
    r->quote = quote;
    r->value = value;
    r->cover = cover;
}

static mn_rc take_apart(reading *r, mn_str text, mn_err *e)
{
    mn_buf buf;
    mn_rc rc = MN_OK;
    mn_buf_init(&buf, 0);
    r->n = mn_ask__sentences(text, r->s, SENTENCES_MAX);
    for (size_t i = 0; rc == MN_OK && i < r->n; i++) {
        marker m = {r->q, 0};
        rc = mn_mind__analyse(r->s[i], &buf, mark, &m, e);
        r->found[i] = m.found;
    }
    if (rc == MN_OK && mn_ask__attribution(text, &r->name).ptr) {
        marker m = {r->q, 0};
        rc = mn_mind__analyse(r->name, &buf, mark, &m, e);
        r->by = m.found;
    }
    mn_buf_release(&buf);
    return rc;
}

mn_rc mn_ask__best_passage(const mn_ask_question *q, mn_str text, mn_arena *scratch,
                           mn_str *ret_quote, double *ret_cover, mn_err *e)
{
    reading *r = mn_arena_calloc(scratch, 1, sizeof *r);
    if (!r) return mn_fail(e, MN_E_NOMEM, "no memory for the sentences of a post");
    r->q = q;
    MN_TRY(take_apart(r, text, e));
    uint64_t any = 0;
    for (size_t i = 0; i < r->n; i++) {
        any |= r->found[i];
        if (r->found[i]) consider(r, i, i, 1e-9);
        /* two sentences only where one leaves much out */
        if (i && r->found[i - 1] && r->found[i]) consider(r, i - 1, i, 0.1);
    }
    for (size_t i = 0; i < r->n && r->by; i++)
        if (r->found[i] || !any) consider_with_name(r, i);
    *ret_quote = balanced(r->quote);
    *ret_cover = r->cover;
    return MN_OK;
}

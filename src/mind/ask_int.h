/* Ask, inside: the question's terms, sentences, groups of posts that say the same, support. docs/design/ask.md. */
#ifndef MN_MIND_ASK_INT_H
#define MN_MIND_ASK_INT_H

#include "mind/ask.h"
#include "mind/parts.h"

/* ---- what is asked (ask_sentence.c) ---------------------------------------------------------- */

/* The terms of a question that carry its topic, each weighing its idf. A term that no post has
 * weighs most: a question about something unknown here is not answered by its known words. */
typedef struct mn_ask_question {
    mn_str *terms;
    double *weights; /* sum to 1 */
    size_t n;
    char lang[8];    /* of the question, "" when unknown */
    uint64_t *words; /* hashes of all its words in order */
    size_t n_words;
} mn_ask_question;
/* n = 0 when the question has no such term. */
mn_rc mn_ask__question(mn_str text, const mn_snap *s, mn_arena *a, mn_ask_question *ret,
                       mn_err *e);

/* The words of the question that carry its terms, blanks between: what is looked for. */
mn_rc mn_ask__topic_words(const mn_ask_question *q, mn_str text, mn_arena *a, mn_str *ret,
                          mn_err *e);
/* Share of the question's pairs of neighbouring words, function words too, that are neighbours in the quote. */
mn_rc mn_ask__echo(const mn_ask_question *q, mn_str quote, double *ret, mn_err *e);
/* Is a post in the language asked in, as far as can be told? of_post: what the store says of it. */
bool mn_ask__same_language(const char *lang, mn_str of_post, mn_str text);

/* ---- sentences (ask_split.c) ----------------------------------------------------------------- */

/* Sentences of a text as slices of it, without white space around, in order; at most max. They end
 * after . ! ? … 。 ！ ？ before white space (or at CJK stops anywhere), not after initials and common
 * abbreviations; at an empty line; and at a line end where the next line begins something new: an
 * item, a speaker, an attribution, or a capital after a line too short to have been wrapped.
 * Attributions are left out. */
size_t mn_ask__sentences(mn_str text, mn_str *ret, size_t max);
/* Who a text says it is by: "-- Name, Book" (also — – ~) as its last lines or behind its last stop.
 * From the dashes to the end, a slice of text, MN_STR_NONE when there is none; *ret_name (may be
 * NULL) is written when there is one: the name alone. */
mn_str mn_ask__attribution(mn_str text, mn_str *ret_name);
/* Ends with a question or a colon: what follows belongs to it. */
bool mn_ask__leads_on(mn_str passage);
/* How well a passage reads alone, 0..1: whole sentences 1, headings, questions, half lines less. */
double mn_ask__quality(mn_str passage);

/* ---- what of a post is quoted (ask_sentence.c) ----------------------------------------------- */

/* The passage that carries most and reads best: a sentence, two neighbours where one leaves much
 * out, what follows a question or a heading, or the last ones with the name they are by. *ret_quote
 * is a slice of text, *ret_cover the share of the question's weight that stands in it. */
mn_rc mn_ask__best_passage(const mn_ask_question *q, mn_str text, mn_arena *scratch,
                           mn_str *ret_quote, double *ret_cover, mn_err *e);

/* ---- who says the same (ask_group.c) --------------------------------------------------------- */

typedef struct mn_ask_post {
    const mn_post *post;
    double relevance, cover; /* ≥ 0; 0..1 */
    double worth; /* relevance · cover · how well the quote reads · its language */
    mn_str quote;
    uint64_t *words; /* hashes of its topic-bearing terms, rising */
    size_t n_words;
    size_t group; /* set by mn_ask__group */
} mn_ask_post;

mn_rc mn_ask__words(mn_str text, mn_arena *a, uint64_t **ret, size_t *ret_n, mn_err *e);
/* |A ∩ B| / |A ∪ B|; 0 when both are empty */
double mn_ask__jaccard(const uint64_t *a, size_t n_a, const uint64_t *b, size_t n_b);
/* In order of time each post joins the group whose first post it is most like (Jaccard ≥ MN_ASK_SAME, with three words
 * in common unless it is a copy), or begins one.
 * Returns how many groups. Posts must be in order of id. */
size_t mn_ask__group(mn_ask_post *posts, size_t n, size_t *leaders);
#define MN_ASK_SAME 0.4
#define MN_ASK_COPY 0.9                    /* copied, not said in other words */
bool mn_ask__is_boosted_text(mn_str text); /* "RT @name …" */

/* ---- support (ask_support.c) ----------------------------------------------------------------- */

/* Is everything a sentence says in the source? Every term that carries a topic, every number,
 * and every pair of such neighbours must stand in one passage of two sentences of it. */
mn_rc mn_ask__supported(mn_str sentence, mn_str source, mn_arena *scratch, bool *ret,
                        mn_err *e);

/* ---- a model's sentence (ask_model.c) -------------------------------------------------------- */

/* The first sentence of text that carries the question, is supported by a source (*ret_source:
 * its place) and is not a quotation of one already; nothing is written when there is none. */
mn_rc mn_ask__choose_generated(mn_str text, const mn_ask_question *q, const mn_str *sources,
                               size_t n_sources, mn_arena *scratch, mn_str *ret,
                               size_t *ret_source, mn_err *e);
/* Lets the model write after the quoted posts and the question; *ret is one sentence that passes
 * mn_ask__supported against one of the sources, whose place is *ret_source, or MN_STR_NONE. */
mn_rc mn_ask__model_sentence(mn_engine *g, mn_str question, const mn_ask_question *q,
                             const mn_str *sources, size_t n_sources, mn_arena *a, mn_str *ret,
                             size_t *ret_source, mn_err *e);

/* Least share of a question that a quoted passage must carry: docs/design/ask.md. */
#define MN_ASK_COVER 0.6

#endif

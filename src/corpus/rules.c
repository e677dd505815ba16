#include "corpus/rules.h"

#include "base/hash.h"
#include "corpus/chars.h"
#include "corpus/pii.h"
#include "text/unicode.h"

/* ---- words --------------------------------------------------------------------------------------------------- */

typedef struct words {
    unsigned links, marks, plain; /* addresses; addresses, handles and hashtags; the rest */
    unsigned run, longest_run;    /* the same word in a row */
    uint64_t last;
    uint64_t
        candidate; /* majority vote (Boyer–Moore): the only word that can be more than half */
    unsigned votes;
} words;

static bool blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t';
}

static mn_str next_word(mn_str t, size_t *at)
{
    while (*at < t.len && blank(t.ptr[*at])) ++*at;
    size_t from = *at;
    while (*at < t.len && !blank(t.ptr[*at])) ++*at;
    return (mn_str){t.ptr + from, *at - from};
}

static bool has_link(mn_str w)
{
    const char *p = mn_pii_placeholders[MN_PII_LINK];
    return mn_str_find(w, mn_str_from(p), 0) != SIZE_MAX;
}

static void count_word(words *w, mn_str s)
{
    bool link = memchr(s.ptr, '[', s.len) && has_link(s);
    bool mark = link || ((s.ptr[0] == '@' || s.ptr[0] == '#') && s.len > 1);
    w->links += link;
    w->marks += mark;
    w->plain += !mark;
    if (mark) return;
    uint64_t h = mn_hash64(s.ptr, s.len, 0);
    w->run = h == w->last ? w->run + 1 : 1;
    w->last = h;
    if (w->run > w->longest_run) w->longest_run = w->run;
    if (w->votes == 0) w->candidate = h;
    if (h == w->candidate) w->votes++;
    else w->votes--;
}

static void count_words(mn_str t, words *w)
{
    *w = (words){0};
    for (size_t at = 0;;) {
        mn_str s = next_word(t, &at);
        if (s.len == 0) break;
        count_word(w, s);
    }
}

/* How often the candidate of the vote really stands. */
static unsigned candidate_count(mn_str t, const words *w)
{
    unsigned n = 0;
    for (size_t at = 0;;) {
        mn_str s = next_word(t, &at);
        if (s.len == 0) return n;
        n += mn_hash64(s.ptr, s.len, 0) == w->candidate;
    }
}

static bool repetitive(mn_str t, const words *w)
{
    if (w->longest_run >= MN_RULE_WORD_RUN) return true;
    return w->plain >= 8 && w->votes > 0 && 2 * candidate_count(t, w) > w->plain;
}

/* ---- characters ---------------------------------------------------------------------------------------------- */

typedef struct chars {
    unsigned visible, letters, upper, lower;
    unsigned run, longest_run;
    uint32_t last;
} chars;

static void count_char(chars *c, uint32_t cp)
{
    bool letter =
        cp < 0x80 ? mn_is_alpha((char)cp) : mn_uclass_of(cp) == MN_U_LETTER || mn_umark(cp);
    c->run = cp == c->last ? c->run + 1 : 1;
    c->last = cp;
    if (c->run > c->longest_run) c->longest_run = c->run;
    c->visible += cp > ' ';
    c->letters += letter;
    if (!letter) return;
    bool upper = mn_ulower(cp) != cp;
    c->upper += upper;
    c->lower +=
        !upper && (cp < 0x80 || cp < 0x530); /* Latin, Greek, Cyrillic: scripts with case */
}

static void count_chars(mn_str t, chars *c)
{
    *c = (chars){0};
    for (size_t i = 0; i < t.len;) {
        uint32_t cp = (unsigned char)t.ptr[i];
        size_t n = cp < 0x80 ? 1 : mn_utf8_decode(t.ptr + i, t.len - i, &cp);
        count_char(c, cp);
        i += n ? n : 1;
    }
}

mn_drop mn_corpus_rules(mn_str t, const mn_form *form)
{
    if (form->n < MN_RULE_LEAST_BYTES && mn_form_bytes(form) < MN_RULE_LEAST_BYTES)
        return MN_DROP_TOO_SHORT;
    words w;
    count_words(t, &w);
    if (w.links > MN_RULE_MOST_LINKS) return MN_DROP_TOO_MANY_LINKS;
    if (w.marks >= 3 && w.marks > w.plain) return MN_DROP_MOSTLY_LINKS;
    if (repetitive(t, &w)) return MN_DROP_REPETITION;
    chars c;
    count_chars(t, &c);
    if (c.longest_run >= MN_RULE_CHAR_RUN) return MN_DROP_REPETITION;
    if (c.visible >= 20 && 10 * c.letters < 3 * c.visible) return MN_DROP_SYMBOLS;
    unsigned cased = c.upper + c.lower;
    if (cased >= MN_RULE_CAPS_LEAST && 10 * c.upper > 9 * cased) return MN_DROP_ALL_CAPS;
    return MN_DROP_NONE;
}

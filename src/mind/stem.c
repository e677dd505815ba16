/* English endings (Porter, "An algorithm for suffix stripping", Program 14(3), 1980, with the author's two later
 * corrections: logi → log and bli → ble) and the list of words without a topic.
 *
 * A stem is C?(VC)^m V?; most rules ask for m, the number of VC pairs in what is left of the ending. Chosen over no
 * stemming and over cutting plurals only by measurement: docs/design/search.md.
 */
#include "mind/parts.h"

typedef struct word {
    char *b;
    size_t n; /* length now */
    size_t j; /* length of what is left of the ending last found by `ends` */
} word;

static bool cons(const word *w, size_t i)
{
    switch (w->b[i]) {
    case 'a':
    case 'e':
    case 'i':
    case 'o':
    case 'u':
        return false;
    case 'y':
        return i == 0 ? true : !cons(w, i - 1);
    default:
        return true;
    }
}

/* m of the first j letters. */
static int measure(const word *w)
{
    int m = 0;
    size_t i = 0;
    while (i < w->j && cons(w, i)) i++;
    for (;;) {
        while (i < w->j && !cons(w, i)) i++;
        if (i >= w->j) return m;
        m++;
        while (i < w->j && cons(w, i)) i++;
        if (i >= w->j) return m;
    }
}

static bool has_vowel(const word *w)
{
    for (size_t i = 0; i < w->j; i++)
        if (!cons(w, i)) return true;
    return false;
}

static bool double_cons(const word *w, size_t n)
{
    return n >= 2 && w->b[n - 1] == w->b[n - 2] && cons(w, n - 1);
}

/* The first n letters end consonant, vowel, consonant other than w, x, y: hop, not snow. */
static bool cvc(const word *w, size_t n)
{
    if (n < 3 || !cons(w, n - 1) || cons(w, n - 2) || !cons(w, n - 3)) return false;
    return !strchr("wxy", w->b[n - 1]);
}

static bool ends(word *w, const char *s)
{
    size_t k = strlen(s);
    if (k > w->n || memcmp(w->b + w->n - k, s, k) != 0) return false;
    w->j = w->n - k;
    return true;
}

/* Every replacement is no longer than the ending it stands for, but for "e" after at, bl, iz (ed
 * and ing went before). */
static void set(word *w, const char *s)
{
    size_t k = strlen(s);
    memcpy(w->b + w->j, s, k);
    w->n = w->j + k;
}

static void step1ab(word *w)
{
    if (w->b[w->n - 1] == 's') {
        if (ends(w, "sses")) w->n -= 2;
        else if (ends(w, "ies")) set(w, "i");
        else if (w->n > 1 && w->b[w->n - 2] != 's') w->n--;
    }
    if (ends(w, "eed")) {
        if (measure(w) > 0) w->n--;
    } else if ((ends(w, "ed") || ends(w, "ing")) && has_vowel(w)) {
        w->n = w->j;
        if (ends(w, "at")) set(w, "ate");
        else if (ends(w, "bl")) set(w, "ble");
        else if (ends(w, "iz")) set(w, "ize");
        else if (double_cons(w, w->n)) {
            if (!strchr("lsz", w->b[w->n - 1])) w->n--;
        } else {
            w->j = w->n;
            if (measure(w) == 1 && cvc(w, w->n)) set(w, "e");
        }
    }
}

static void step1c(word *w)
{
    if (ends(w, "y") && has_vowel(w)) w->b[w->n - 1] = 'i';
}

typedef struct rule {
    const char *from, *to;
} rule;

static void apply(word *w, const rule *rules)
{
    for (; rules->from; rules++) {
        if (!ends(w, rules->from)) continue;
        if (measure(w) > 0) set(w, rules->to);
        return;
    }
}

static const rule step2[] = {
    {"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"},   {"anci", "ance"},
    {"izer", "ize"},    {"bli", "ble"},     {"alli", "al"},     {"entli", "ent"},
    {"eli", "e"},       {"ousli", "ous"},   {"ization", "ize"}, {"ation", "ate"},
    {"ator", "ate"},    {"alism", "al"},    {"iveness", "ive"}, {"fulness", "ful"},
    {"ousness", "ous"}, {"aliti", "al"},    {"iviti", "ive"},   {"biliti", "ble"},
    {"logi", "log"},    {NULL, NULL}};
static const rule step3[] = {{"icate", "ic"}, {"ative", ""}, {"alize", "al"}, {"iciti", "ic"},
                             {"ical", "ic"},  {"ful", ""},   {"ness", ""},    {NULL, NULL}};

static void step4(word *w)
{
    static const char *const endings[] = {"al",  "ance",  "ence", "er",  "ic",  "able", "ible",
                                          "ant", "ement", "ment", "ent", "ion", "ou",   "ism",
                                          "ate", "iti",   "ous",  "ive", "ize", NULL};
    for (const char *const *s = endings; *s; s++) {
        if (!ends(w, *s)) continue;
        if (!strcmp(*s, "ion") && !(w->j > 0 && strchr("st", w->b[w->j - 1]))) return;
        if (measure(w) > 1) w->n = w->j;
        return;
    }
}

static void step5(word *w)
{
    w->j = w->n;
    if (w->b[w->n - 1] == 'e') {
        w->j = w->n - 1;
        int m = measure(w);
        if (m > 1 || (m == 1 && !cvc(w, w->n - 1))) w->n--;
    }
    w->j = w->n;
    if (w->b[w->n - 1] == 'l' && double_cons(w, w->n) && measure(w) > 1) w->n--;
}

size_t mn_mind__stem(char *b, size_t n)
{
    if (n <= 2) return n;
    word w = {b, n, n};
    step1ab(&w);
    step1c(&w);
    apply(&w, step2);
    apply(&w, step3);
    step4(&w);
    if (w.n > 1) step5(&w);
    return w.n;
}

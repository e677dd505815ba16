/* The splitters: which stretches of text are merged on their own. They do by hand what regular expressions of `tokenizers`
 * do, with Unicode's categories and no backtracking:
 *
 *   Digits(individual)   every \p{N} stands alone, and what lies between numbers is split as if it were a text of its own
 *   ByteLevel (GPT-2)    's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *   Llama 3 (tiktoken)   (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*
 *                        |\s*[\r\n]+|\s+(?!\S)|\s+
 *   Qwen 2               as Llama 3, each number alone
 *
 * The piece at a position depends only on what follows, so one function gives the end of the next piece. A run of
 * white space is the only place that looks ahead: before a visible character it leaves its last member to that character
 * when this is a blank (or, with Llama 3, before a letter), and as a piece of its own when not; it keeps it at the end of the
 * text and, with Digits, before a number. Llama 3's runs that hold line ends are cut after the last of these. The lookahead
 * never goes past the run, and a run of n is cut at most three times, so the whole is linear.
 * Bytes that are not UTF-8 count as "other", one at a time.
 */
#include "text/tok_int.h"
#include "text/unicode.h"

enum { OTHER = MN_U_OTHER, LETTER = MN_U_LETTER, NUMBER = MN_U_NUMBER, SPACE = MN_U_SPACE };

#define O OTHER
#define L LETTER
#define N NUMBER
#define S SPACE
static const uint8_t ascii_class[128] = {
    O, O, O, O, O, O, O, O, O, S, S, S, S, S, O, O, /* 00: TAB LF VT FF CR */
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, /* 10 */
    S, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, /* 20: blank */
    N, N, N, N, N, N, N, N, N, N, O, O, O, O, O, O, /* 30: 0-9 */
    O, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, /* 40: A-O */
    L, L, L, L, L, L, L, L, L, L, L, O, O, O, O, O, /* 50: P-Z */
    O, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, /* 60: a-o */
    L, L, L, L, L, L, L, L, L, L, L, O, O, O, O, O, /* 70: p-z */
};
#undef O
#undef L
#undef N
#undef S

/* Class and length of the character at s[at], at < len. */
static inline unsigned class_at(const char *s, size_t len, size_t at, size_t *ret_len)
{
    uint8_t c = (uint8_t)s[at];
    *ret_len = 1;
    if (c < 0x80) return ascii_class[c];
    uint32_t cp = 0;
    size_t n = mn_utf8_decode(s + at, len - at, &cp);
    if (!n) return OTHER;
    *ret_len = n;
    return mn_uclass_of(cp);
}

/* End of the run of characters of that class which starts at `at`. */
static inline size_t run_end(const char *s, size_t len, size_t at, unsigned class)
{
    size_t n;
    while (at < len && class_at(s, len, at, &n) == class) at += n;
    return at;
}

/* Length of 's 't 're 've 'm 'll 'd at s (which is an apostrophe), 0 for none. */
static inline size_t contraction(const char *s, size_t len)
{
    if (len < 2) return 0;
    char a = s[1], b = len > 2 ? s[2] : '\0';
    if (a == 's' || a == 't' || a == 'm' || a == 'd') return 2;
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return 3;
    return 0;
}

static size_t split_space(const char *s, size_t len, size_t at, bool digits_alone)
{
    size_t end = at, last = at, n, n_members = 0;
    unsigned class = SPACE;
    while (end < len && (class = class_at(s, len, end, &n)) == SPACE) {
        last = end;
        end += n;
        n_members++;
    }
    bool keep = end == len || (digits_alone && class == NUMBER);
    return keep || n_members == 1 ? end : last;
}

static size_t split_gpt2(const char *s, size_t len, size_t at, bool digits_alone)
{
    size_t n;
    unsigned class = class_at(s, len, at, &n);
    size_t body = at + n;
    if (class == SPACE) {
        unsigned next = SPACE;
        if (s[at] == ' ' && body < len) next = class_at(s, len, body, &n);
        if (next == SPACE || (next == NUMBER && digits_alone))
            return split_space(s, len, at, digits_alone);
        return run_end(s, len, body + n, next);
    }
    if (class == NUMBER && digits_alone) return body;
    if (s[at] == '\'') {
        size_t c = contraction(s + at, len - at);
        if (c) return at + c;
    }
    return run_end(s, len, body, class);
}

/* ---- Llama 3, Qwen 2 ---------------------------------------------------------------------------------------- */

static bool is_line_end(char c)
{
    return c == '\r' || c == '\n';
}

/* As contraction, in small and capital letters; the long s (U+017F) is a small s too. */
static size_t contraction_nocase(const char *s, size_t len)
{
    char small[3] = {'\'', 0, 0};
    if (len > 2 && s[1] == '\xC5' && s[2] == '\xBF') return 3;
    for (size_t i = 1; i < 3 && i < len; i++)
        small[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] | 32) : s[i];
    return contraction(small, len < 3 ? len : 3);
}

/* A run of white space: to its last line end when it holds one; else all of it at the end of the text, or all but its last. */
static size_t split_space_lines(const char *s, size_t len, size_t at)
{
    size_t end = at, last = at, line = 0, n;
    while (end < len && class_at(s, len, end, &n) == SPACE) {
        if (is_line_end(s[end])) line = end + 1;
        last = end;
        end += n;
    }
    if (line) return line;
    return end == len || last == at ? end : last;
}

static size_t numbers_end(const char *s, size_t len, size_t at, size_t most)
{
    size_t n;
    for (size_t i = 0; i < most && at < len && class_at(s, len, at, &n) == NUMBER; i++) at += n;
    return at;
}

static size_t split_llama3(const char *s, size_t len, size_t at, size_t most_numbers)
{
    size_t n, next_n = 0;
    unsigned class = class_at(s, len, at, &n);
    size_t body = at + n;
    if (class == LETTER) return run_end(s, len, body, LETTER);
    if (class == NUMBER) return numbers_end(s, len, at, most_numbers);
    if (s[at] == '\'') {
        size_t c = contraction_nocase(s + at, len - at);
        if (c) return at + c;
    }
    unsigned next = body < len ? class_at(s, len, body, &next_n) : SPACE;
    if (next == LETTER && !is_line_end(s[at])) return run_end(s, len, body, LETTER);
    if (class == SPACE && !(s[at] == ' ' && next == OTHER))
        return split_space_lines(s, len, at);
    size_t end = run_end(s, len, body, OTHER);
    while (end < len && is_line_end(s[end])) end++;
    return end;
}

size_t mn_tok__split(const char *s, size_t len, size_t at, mn_tok_splitter how)
{
    if (how <= MN_TOK_SPLIT_DIGITS) return split_gpt2(s, len, at, how == MN_TOK_SPLIT_DIGITS);
    return split_llama3(s, len, at, how == MN_TOK_SPLIT_LLAMA3 ? 3 : 1);
}

/* Where sentences begin and end, and who is said to have said it.
 *
 * A stop before white space ends a sentence, with exceptions (abbreviations, "1." before an item,
 * quoted stops in the middle). A line end does so only when the next line begins something new:
 * posts are wrapped at any width by mail programs and hands, and half a sentence is no quotation.
 * An attribution ("-- Name, Book") is no sentence of its own. */
#include "mind/ask_int.h"

#include "text/unicode.h"

#define WRAPPED_COLUMNS   40u  /* a line this wide may have been broken for its width */
#define WRAPPED_CJK       20u  /* the same where a letter is two columns */
#define HAND_WRAPPED      100u /* a wider line was not wrapped by hand */
#define ATTRIBUTION_BYTES 300u
#define ATTRIBUTION_LINES 4
#define INLINE_BYTES      80u
#define SPEAKER_BYTES     30u
#define INDENT_TAB        8u

typedef struct splitter {
    mn_str s;
    size_t widest; /* columns of the widest line that may have been wrapped */
} splitter;

/* ---- code points ----------------------------------------------------------------------------- */

static uint32_t cp_at(mn_str s, size_t at, size_t *n)
{
    uint32_t c = 0xFFFD;
    *n = mn_utf8_decode(s.ptr + at, s.len - at, &c);
    if (*n == 0) *n = 1;
    return c;
}

static uint32_t last_cp(mn_str s)
{
    size_t at = s.len, n;
    if (!at) return 0;
    while (at && s.len - at < 4 && ((unsigned char)s.ptr[--at] & 0xC0) == 0x80) {
    }
    return cp_at(s, at, &n);
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

static bool opens(uint32_t c)
{
    return c == '"' || c == '\'' || c == '(' || c == '[' || c == 0x201C || c == 0x201E ||
           c == 0x2018 || c == 0xAB || c == 0xBF || c == 0xA1;
}

static bool is_letter(uint32_t c)
{
    return mn_uclass_of(c) == MN_U_LETTER;
}

/* In scripts with two cases, which end before Hebrew. */
static bool is_small(uint32_t c)
{
    return c < 0x590 && is_letter(c) && mn_ulower(c) == c;
}

static bool is_capital(uint32_t c)
{
    return is_letter(c) && mn_ulower(c) != c;
}

/* The first code point of a text behind quotes that open and white space. */
static uint32_t opening(mn_str s)
{
    for (size_t at = 0, n; at < s.len; at += n) {
        uint32_t c = cp_at(s, at, &n);
        if (c > ' ' && !opens(c)) return c;
    }
    return 0;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static size_t line_begin(mn_str s, size_t at)
{
    while (at && s.ptr[at - 1] != '\n') at--;
    return at;
}

static mn_str line_at(mn_str s, size_t at)
{
    size_t end = at;
    while (end < s.len && s.ptr[end] != '\n') end++;
    return mn_str_sub(s, at, end - at);
}

static size_t indent_of(mn_str line)
{
    size_t columns = 0;
    for (size_t i = 0; i < line.len && (line.ptr[i] == ' ' || line.ptr[i] == '\t'); i++)
        columns += line.ptr[i] == '\t' ? INDENT_TAB : 1;
    return columns;
}

static size_t widest_line(mn_str s)
{
    size_t widest = 0;
    for (size_t at = 0; at < s.len;) {
        mn_str line = line_at(s, at);
        size_t n = mn_utf8_count(line);
        if (n > widest && n <= HAND_WRAPPED) widest = n;
        at += line.len + 1;
    }
    return widest;
}

/* Bytes of the dashes or tilde that begin an attribution; 0 when none do. "---" is a rule. */
static size_t attribution_mark(mn_str line)
{
    static const char *const marks[] = {"--", "\xE2\x80\x94", "\xE2\x80\x93", "~"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t n = strlen(marks[i]);
        if (!mn_str_starts(line, marks[i])) continue;
        return line.len > n && line.ptr[n] != '-' && line.ptr[n] != '~' ? n : 0;
    }
    return 0;
}

static bool is_item(mn_str line)
{
    static const char *const marks[] = {"- ", "* ", "\xE2\x80\xA2", ">", "#", "http"};
    size_t i = 0, digits = 0;
    for (size_t k = 0; k < sizeof marks / sizeof *marks; k++)
        if (mn_str_starts(line, marks[k])) return true;
    bool bracket = line.ptr[0] == '(';
    for (i = bracket; i < line.len && line.ptr[i] >= '0' && line.ptr[i] <= '9'; i++) digits++;
    if (digits == 0 && i < line.len && (line.ptr[i] | 32) >= 'a' && (line.ptr[i] | 32) <= 'z')
        return i + 1 < line.len && line.ptr[i + 1] == ')';
    return digits > 0 && digits < 4 && i < line.len &&
           (line.ptr[i] == ')' || (!bracket && line.ptr[i] == '.'));
}

/* "Anna: …", "Dr. Who: …": somebody begins to speak. */
static bool is_speaker(mn_str line)
{
    size_t i = 0, words = 1;
    if (!is_capital(opening(line))) return false;
    for (; i < line.len && i <= SPEAKER_BYTES && line.ptr[i] != ':'; i++)
        words += line.ptr[i] == ' ';
    return i < line.len && line.ptr[i] == ':' && words <= 3 &&
           (i + 1 == line.len || (unsigned char)line.ptr[i + 1] <= ' ');
}

/* Ends with a word that no sentence ends with. */
static bool hangs(mn_str line)
{
    static const char *const words[] = {"of",       "the",
                                        "a",        "an",
                                        "to",       "in",
                                        "for",      "and",
                                        "or",       "with",
                                        "by",       "from",
                                        "at",       "as",
                                        "than",     "my",
                                        "your",     "their",
                                        "und",      "oder",
                                        "der",      "die",
                                        "das",      "den",
                                        "dem",      "des",
                                        "ein",      "eine",
                                        "mit",      "von",
                                        "zu",       "im",
                                        "e",        "o",
                                        "di",       "del",
                                        "della",    "il",
                                        "la",       "lo",
                                        "gli",      "un",
                                        "una",      "per",
                                        "con",      "che",
                                        "da",       "de",
                                        "el",       "los",
                                        "las",      "y",
                                        "en",       "et",
                                        "le",       "les",
                                        "du",       "des",
                                        "\xD0\xB8", "\xD0\xB2",
                                        "\xD1\x81", "\xD0\xBD\xD0\xB0"};
    size_t from = line.len;
    while (from && (unsigned char)line.ptr[from - 1] > ' ') from--;
    mn_str w = mn_str_sub(line, from, line.len - from);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (from && mn_str_eq_nocase(w, mn_str_from(words[i]))) return true;
    return false;
}

/* Does the line end at `at`, without a stop before it, end a sentence? */
static bool line_end_parts(const splitter *p, size_t at)
{
    size_t from = line_begin(p->s, at);
    mn_str line = mn_str_trim(mn_str_sub(p->s, from, at - from)),
           next = mn_str_trim(line_at(p->s, at + 1));
    if (next.len == 0 || attribution_mark(next) || is_item(next) || is_speaker(next))
        return true;
    uint32_t last = last_cp(line), c = opening(next);
    if (last == ',' || last == ';' || last == '-' || last == 0x2013 || last == 0x2014)
        return false;
    if (is_small(c) || hangs(line)) return false;
    size_t word = 0, width = mn_utf8_count(line);
    while (word < next.len && next.ptr[word] != ' ') word++;
    if (width < (c >= 0x2E80 ? WRAPPED_CJK : WRAPPED_COLUMNS)) return true;
    return width + 1 + mn_utf8_count(mn_str_sub(next, 0, word)) <= p->widest;
}

/* ---- attributions ---------------------------------------------------------------------------- */

/* The name in an attribution: up to a comma, a bracket, a quote or the line's end. */
static mn_str name_of(mn_str by, size_t mark)
{
    size_t at = mark, n;
    for (; at < by.len; at += n) {
        uint32_t c = cp_at(by, at, &n);
        if (c == ',' || c == '(' || c == '[' || c == '"' || c == '\n' || c == 0x201C ||
            c == 0xAB || c == 0x201E)
            break;
    }
    return mn_str_trim(mn_str_sub(by, mark, at - mark));
}

/* Other lines that begin the same way make it a dialogue or a list. */
static bool is_one_of_many(mn_str s, size_t from)
{
    mn_str line = line_at(s, from);
    for (size_t at = 0; at < from;) {
        mn_str other = line_at(s, at);
        if (indent_of(line) == indent_of(other) && indent_of(line) == 0 &&
            attribution_mark(other))
            return true;
        at += other.len + 1;
    }
    return false;
}

static mn_str attribution_below(mn_str s)
{
    for (size_t end = s.len, k = 0; k < ATTRIBUTION_LINES && end; k++) {
        size_t from = line_begin(s, end);
        mn_str line = mn_str_trim(line_at(s, from));
        if (from == 0 || line.len == 0 || s.len - from > ATTRIBUTION_BYTES) break;
        if (attribution_mark(line) && is_letter(opening(name_of(line, attribution_mark(line)))))
            return is_one_of_many(s, from) ? MN_STR_NONE
                                           : mn_str_trim(mn_str_sub(s, from, s.len - from));
        end = from - 1;
    }
    return MN_STR_NONE;
}

/* "…" -- Name, behind a stop or a closing quote in the last line. */
static mn_str attribution_beside(mn_str s)
{
    size_t from = line_begin(s, s.len);
    for (size_t at = s.len; at > from + 1; at--) {
        mn_str rest = mn_str_sub(s, at, s.len - at);
        if (rest.len > INLINE_BYTES) break;
        size_t mark = s.ptr[at - 1] == ' ' ? attribution_mark(rest) : 0;
        if (!mark) continue;
        uint32_t last = last_cp(mn_str_trim(mn_str_sub(s, 0, at))),
                 c = opening(name_of(rest, mark));
        if ((is_stop(last) || closes(last)) && (is_capital(c) || c == '@')) return rest;
    }
    return MN_STR_NONE;
}

mn_str mn_ask__attribution(mn_str text, mn_str *ret_name)
{
    mn_str s = mn_str_trim(text), by = attribution_below(s);
    if (!by.ptr) by = attribution_beside(s);
    if (by.ptr && ret_name) *ret_name = name_of(by, attribution_mark(by));
    return by;
}

/* Length of an attribution in the middle of a text, which is indented, with the lines indented further; 0: none. */
static size_t attribution_between(mn_str s, size_t at)
{
    mn_str line = line_at(s, at);
    size_t indent = indent_of(line), end = at + line.len;
    if (at == 0 || s.ptr[at - 1] != '\n' || indent == 0 || !attribution_mark(mn_str_trim(line)))
        return 0;
    while (end < s.len) {
        line = line_at(s, end + 1);
        if (mn_str_trim(line).len == 0 || indent_of(line) <= indent) break;
        end += 1 + line.len;
    }
    return end - at;
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
    static const char *const always[] = {
        "mr",  "mrs",  "ms",  "dr",  "st",   "prof", "sen",  "rep", "gov", "gen", "vs",
        "jr",  "sr",   "inc", "ltd", "corp", "dept", "u.s",  "u.k", "u.n", "a.m", "p.m",
        "e.g", "i.e",  "z.b", "d.h", "bzw",  "ggf",  "evtl", "usw", "sog", "vgl", "d",
        "sig", "dott", "ecc", "sra", "ud",   "т.е",  "т.д",  "т.п", "т",   "г",   NULL};
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

/* A stop in the middle: after an abbreviation, or quoted or trailing off before a small letter. */
static bool goes_on(mn_str s, size_t at, uint32_t before)
{
    if (before == '.' && is_abbreviation(s, at - 1)) return true;
    bool trails = before == 0x2026 || (before == '.' && at > 1 && s.ptr[at - 2] == '.');
    return (closes(before) || trails) &&
           is_small(opening(mn_str_sub(s, at, s.len - at < 32 ? s.len - at : 32)));
}

/* Where the sentence that begins at `at` ends (behind its stop). */
static size_t sentence_end(const splitter *p, size_t at)
{
    bool stopped = false, cjk = false, letters = false;
    uint32_t before = 0;
    mn_str s = p->s;
    for (size_t n; at < s.len; at += n) {
        uint32_t c = cp_at(s, at, &n);
        if (stopped && cjk && !is_cjk_stop(c) && !closes(c)) return at;
        if (stopped && !cjk && c <= ' ') {
            if (!goes_on(s, at, before)) return at;
            stopped = false;
        }
        if (c == '\n' && line_end_parts(p, at)) return at;
        if (is_stop(c) || is_cjk_stop(c)) {
            stopped = letters;
            cjk = cjk || is_cjk_stop(c);
        } else if (!closes(c)) {
            stopped = cjk = false;
            letters = letters || is_letter(c);
        }
        before = c;
    }
    return s.len;
}

size_t mn_ask__sentences(mn_str text, mn_str *ret, size_t max)
{
    size_t n = 0;
    mn_str by = mn_ask__attribution(text, NULL);
    splitter p = {mn_str_sub(text, 0, by.ptr ? (size_t)(by.ptr - text.ptr) : text.len),
                  widest_line(text)};
    for (size_t at = 0; at < p.s.len && n < max;) {
        size_t skip = attribution_between(p.s, at),
               end = skip ? at + skip : sentence_end(&p, at);
        mn_str s = skip ? MN_STR_NONE : mn_str_trim(mn_str_sub(p.s, at, end - at));
        if (s.len) ret[n++] = s;
        at = end < p.s.len && (unsigned char)p.s.ptr[end] <= ' ' ? end + 1 : end;
    }
    return n;
}

/* ---- how well a passage reads ---------------------------------------------------------------- */

/* Behind quotes that close. */
static uint32_t ending(mn_str s)
{
    while (s.len && closes(last_cp(s)))
        s.len -= last_cp(s) < 0x80 ? 1 : last_cp(s) < 0x800 ? 2 : 3;
    return last_cp(mn_str_trim(s));
}

bool mn_ask__leads_on(mn_str passage)
{
    uint32_t c = ending(passage);
    return c == '?' || c == ':' || c == 0xFF1F || c == 0xFF1A;
}

/* A heading in capitals. */
static bool is_shouted(mn_str s)
{
    size_t capitals = 0;
    for (size_t at = 0, n; at < s.len; at += n) {
        uint32_t c = cp_at(s, at, &n);
        if (is_small(c)) return false;
        capitals += is_capital(c);
    }
    return capitals > 3;
}

double mn_ask__quality(mn_str passage)
{
    mn_str name = MN_STR_NONE, by = mn_ask__attribution(passage, &name);
    mn_str s =
        by.ptr ? mn_str_trim(mn_str_sub(passage, 0, (size_t)(by.ptr - passage.ptr))) : passage;
    uint32_t c = ending(s);
    size_t words = 1;
    double q = 1;
    for (size_t i = 0; i < s.len; i++) words += s.ptr[i] == ' ' || s.ptr[i] == '\n';
    if (mn_ask__leads_on(s)) q *= 0.7;
    else if (c == ',' || c == ';') q *= 0.8;
    else if (!is_stop(c) && !is_cjk_stop(c)) q *= 0.93;
    if (is_small(opening(s))) q *= 0.95;
    if (words < 4 && c < 0x2E80) q *= 0.85;
    if (s.len > 400) q *= 0.9;
    if (is_shouted(s)) q *= 0.7;
    return q;
}

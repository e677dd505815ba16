/* Source → tokens, as Jinja's lexer cuts it under trim_blocks and lstrip_blocks.
 *
 * Outside of tags everything is data; what white space is cut off around a tag depends on the mark at its edge ('-' all, '+' none) and,
 * for blocks and comments, on whether only blanks stand before it in its line. Line ends are made one kind first, and
 * one at the end of the source is dropped. */
#include "text/jinja_int.h"

#include <string.h>

#include "text/unicode.h"

typedef struct lexer {
    mn_arena *arena;
    mn_str s;
    size_t at;
    uint32_t line;
    bool line_starting;                    /* what was read last ended with a line end */
    char open[MN_JINJA_SOURCE_MAX / 4096]; /* brackets that wait for their other half */
    size_t n_open;
    jtoken *tok;
    size_t n, cap;
    mn_err *e;
} lexer;

static mn_rc bad(const lexer *l, const char *what)
{
    return mn_fail(l->e, MN_E_PARSE, "template, line %u: %s", l->line, what);
}

static mn_rc add(lexer *l, jtoken t)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        jtoken *more = mn_reallocarray(l->tok, cap, sizeof *more);
        if (!more) return mn_fail(l->e, MN_E_NOMEM, "out of memory for a template");
        l->tok = more;
        l->cap = cap;
    }
    t.line = l->line;
    l->tok[l->n++] = t;
    return MN_OK;
}

static char look(const lexer *l, size_t ahead)
{
    return l->at + ahead < l->s.len ? l->s.ptr[l->at + ahead] : '\0';
}

/* Goes on by n bytes, counting lines. */
static void take(lexer *l, size_t n)
{
    for (size_t i = 0; i < n; i++) l->line += l->s.ptr[l->at + i] == '\n';
    l->at += n;
    if (n) l->line_starting = l->s.ptr[l->at - 1] == '\n';
}

static size_t spaces_at(mn_str s, size_t at)
{
    size_t from = at;
    while (at < s.len) {
        uint32_t cp;
        size_t n = mn_jinja__cp(s, at, &cp);
        if (!mn_jinja__is_space(cp)) break;
        at += n;
    }
    return at - from;
}

static size_t trimmed_end(mn_str s)
{
    size_t end = s.len;
    while (end) {
        uint32_t cp;
        size_t at = end - 1;
        while (at && end - at < 4 && ((unsigned char)s.ptr[at] & 0xc0) == 0x80) at--;
        mn_jinja__cp(s, at, &cp);
        if (!mn_jinja__is_space(cp)) break;
        end = at;
    }
    return end;
}

/* ---- tags -------------------------------------------------------------------------------------------------------- */

/* The end of a block or a comment, mark and white space included: how long it is here, 0 when it is none. */
static size_t block_end(const lexer *l, char first)
{
    char sign = look(l, 0);
    size_t at = sign == '-' || sign == '+' ? 1 : 0;
    if (look(l, at) != first || look(l, at + 1) != '}') return 0;
    size_t n = at + 2;
    if (sign == '-') return n + spaces_at(l->s, l->at + n);
    if (sign != '+' && look(l, n) == '\n') n++;
    return n;
}

static size_t var_end(const lexer *l)
{
    size_t at = look(l, 0) == '-' ? 1 : 0;
    if (look(l, at) != '}' || look(l, at + 1) != '}') return 0;
    return at + 2 + (at ? spaces_at(l->s, l->at + 2 + at) : 0);
}

/* Does a raw tag stand here? Its length, and where in it the sign would be. */
static size_t raw_begin(const lexer *l)
{
    size_t at = 2;
    if (look(l, 0) != '{' || look(l, 1) != '%') return 0;
    if (look(l, at) == '-' || look(l, at) == '+') at++;
    at += spaces_at(l->s, l->at + at);
    if (!mn_str_starts(mn_str_sub(l->s, l->at + at, 3), "raw")) return 0;
    at += 3;
    at += spaces_at(l->s, l->at + at);
    bool minus = look(l, at) == '-';
    at += minus;
    if (look(l, at) != '%' || look(l, at + 1) != '}') return 0;
    at += 2;
    return minus ? at + spaces_at(l->s, l->at + at) : at;
}

/* The end of raw text at `at`: the length of "{% endraw %}" with all that belongs to it, 0 when none stands there. */
static size_t endraw(lexer *l, size_t at)
{
    size_t from = at;
    if (mn_str_sub(l->s, at, 2).len < 2 || memcmp(l->s.ptr + at, "{%", 2) != 0) return 0;
    at += 2;
    if (at < l->s.len && (l->s.ptr[at] == '-' || l->s.ptr[at] == '+')) at++;
    at += spaces_at(l->s, at);
    if (!mn_str_starts(mn_str_sub(l->s, at, 6), "endraw")) return 0;
    at += 6;
    at += spaces_at(l->s, at);
    size_t was = l->at;
    l->at = at;
    size_t n = block_end(l, '%');
    l->at = was;
    return n ? at + n - from : 0;
}

/* Data before a tag, with what its mark cuts off. variable: blanks before it stay. */
static mn_rc data(lexer *l, size_t len, char sign, bool variable)
{
    mn_str text = {l->s.ptr + l->at, len};
    size_t keep = len;
    if (sign == '-') {
        keep = trimmed_end(text);
    } else if (sign != '+' && !variable) {
        size_t bol = len;
        while (bol && text.ptr[bol - 1] != '\n') bol--;
        if ((bol > 0 || l->line_starting) && bol < len && spaces_at(text, bol) == len - bol)
            keep = bol;
    }
    if (keep) MN_TRY(add(l, (jtoken){.type = T_DATA, .text = {text.ptr, keep}}));
    take(l, len);
    return MN_OK;
}

static mn_rc comment(lexer *l)
{
    if (l->at == l->s.len) return MN_OK; /* as Jinja has it */
    while (l->at < l->s.len) {
        size_t n = block_end(l, '#');
        if (n) {
            take(l, n);
            return MN_OK;
        }
        take(l, 1);
    }
    return bad(l, "a comment is not closed");
}

static mn_rc raw(lexer *l)
{
    if (l->at == l->s.len) return MN_OK;
    for (size_t at = l->at; at < l->s.len; at++) {
        size_t n = endraw(l, at);
        if (!n) continue;
        char sign = l->s.ptr[at + 2];
        MN_TRY(data(l, at - l->at, sign, false));
        take(l, n);
        return MN_OK;
    }
    return bad(l, "a raw block is not closed");
}

/* ---- inside tags -------------------------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_digit_of(char c, int base)
{
    if (base == 16) return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    return c >= '0' && c < '0' + base;
}

/* Digits with single underscores between them: how many bytes from `at`. */
static size_t digits(const lexer *l, size_t at, int base)
{
    size_t n = 0;
    while (is_digit_of(look(l, at + n), base) ||
           (look(l, at + n) == '_' && n && is_digit_of(look(l, at + n + 1), base)))
        n++;
    return n;
}

static size_t float_len(const lexer *l)
{
    if (l->at && l->s.ptr[l->at - 1] == '.') return 0;
    size_t whole = digits(l, 0, 10), at = whole, fraction = 0;
    if (!whole) return 0;
    if (look(l, at) == '.' && (fraction = digits(l, at + 1, 10))) at += 1 + fraction;
    if (look(l, at) == 'e' || look(l, at) == 'E') {
        size_t sign = look(l, at + 1) == '+' || look(l, at + 1) == '-' ? 1 : 0;
        size_t power = digits(l, at + 1 + sign, 10);
        if (power) return at + 1 + sign + power;
    }
    return fraction ? at : 0;
}

static size_t int_len(const lexer *l)
{
    if (look(l, 0) == '0') {
        char c = (char)(look(l, 1) | 32);
        int base = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 0;
        size_t at = look(l, 2) == '_' ? 3 : 2, n = base ? digits(l, at, base) : 0;
        if (n) return at + n;
        for (n = 1; look(l, n) == '0' || (look(l, n) == '_' && look(l, n + 1) == '0');) n++;
        return n;
    }
    return digits(l, 0, 10);
}

static mn_rc number(lexer *l, jtype type, size_t n)
{
    char *copy = mn_arena_alloc(l->arena, n + 1);
    size_t kept = 0;
    if (!copy) return mn_fail(l->e, MN_E_NOMEM, "out of memory for a template");
    for (size_t i = 0; i < n; i++)
        if (look(l, i) != '_') copy[kept++] = look(l, i);
    copy[kept] = '\0';
    MN_TRY(add(l, (jtoken){.type = type == J_INT ? T_INT : T_FLOAT, .text = {copy, kept}}));
    take(l, n);
    return MN_OK;
}

static bool in_name(uint32_t cp)
{
    if (cp < 128)
        return cp == '_' || is_digit((char)cp) || (cp >= 'a' && cp <= 'z') ||
               (cp >= 'A' && cp <= 'Z');
    mn_uclass c = mn_uclass_of(cp);
    return c == MN_U_LETTER || c == MN_U_NUMBER || mn_umark(cp);
}

static size_t name_len(const lexer *l)
{
    size_t n = 0;
    while (l->at + n < l->s.len) {
        uint32_t cp;
        size_t step = mn_jinja__cp(l->s, l->at + n, &cp);
        if (!in_name(cp)) break;
        n += step;
    }
    return n;
}

/* A code point of an escape; *at stands at its digits. */
static mn_rc hex_escape(const lexer *l, mn_str s, size_t *at, size_t n, mn_buf *b)
{
    uint32_t cp = 0;
    char utf8[4];
    for (size_t i = 0; i < n; i++) {
        char c = *at + i < s.len ? s.ptr[*at + i] : '\0';
        if (!is_digit_of(c, 16)) return bad(l, "an escape in a string lacks digits");
        cp = cp << 4 | (uint32_t)(is_digit(c) ? c - '0' : (c | 32) - 'a' + 10);
    }
    size_t len = mn_utf8_encode(cp, utf8);
    if (!len) return bad(l, "an escape in a string stands for no character");
    *at += n;
    return mn_buf_add(b, utf8, len);
}

static mn_rc octal_escape(mn_str s, size_t *at, mn_buf *b)
{
    uint32_t cp = 0;
    char utf8[4];
    for (int i = 0; i < 3 && *at < s.len && is_digit_of(s.ptr[*at], 8); i++)
        cp = cp * 8 + (uint32_t)(s.ptr[(*at)++] - '0');
    return mn_buf_add(b, utf8, mn_utf8_encode(cp, utf8));
}

/* What follows a backslash, which stands before *at; Python's rules, an unknown escape stays as it is. */
static mn_rc escape(const lexer *l, mn_str s, size_t *at, mn_buf *b)
{
    static const char from[] = "abfnrtv\\'\"", to[] = "\a\b\f\n\r\t\v\\'\"";
    char c = s.ptr[(*at)++];
    const char *known = strchr(from, c);
    if (c && known) return mn_buf_addc(b, to[known - from]);
    if (c == '\n') return MN_OK;
    if (c == 'x' || c == 'u' || c == 'U')
        return hex_escape(l, s, at, c == 'x' ? 2 : c == 'u' ? 4 : 8, b);
    if (is_digit_of(c, 8)) {
        --*at;
        return octal_escape(s, at, b);
    }
    if (c == 'N')
        return mn_fail(l->e, MN_E_UNSUPPORTED,
                       "template, line %u: \\N{…} in strings is not supported", l->line);
    if ((unsigned char)c >=
        0x80) { /* Python hands the character's number to a second round of escapes */
        uint32_t cp;
        *at += mn_jinja__cp(s, *at - 1, &cp) - 1;
        return mn_buf_addf(b,
                           cp < 0x100     ? "\\x%02x"
                           : cp < 0x10000 ? "\\u%04x"
                                          : "\\U%08x",
                           cp);
    }
    mn_buf_addc(b, '\\');
    return mn_buf_addc(b, c);
}

static mn_rc unescape(lexer *l, mn_str s, mn_str *ret)
{
    mn_buf b;
    mn_rc rc = MN_OK;
    if (!s.len || !memchr(s.ptr, '\\', s.len)) {
        *ret = s;
        return MN_OK;
    }
    mn_buf_init(&b, 0);
    for (size_t at = 0; rc == MN_OK && at < s.len;) {
        const char *p = memchr(s.ptr + at, '\\', s.len - at);
        size_t plain = p ? (size_t)(p - s.ptr) - at : s.len - at;
        mn_buf_add(&b, s.ptr + at, plain);
        at += plain;
        if (p && ++at < s.len) rc = escape(l, s, &at, &b);
    }
    if (rc == MN_OK) {
        *ret = mn_str_dup(l->arena, mn_buf_str(&b));
        if (b.failed || !ret->ptr)
            rc = mn_fail(l->e, MN_E_NOMEM, "out of memory for a template");
    }
    mn_buf_release(&b);
    return rc;
}

static mn_rc string(lexer *l)
{
    char quote = look(l, 0);
    size_t n = 1;
    while (l->at + n < l->s.len && look(l, n) != quote) n += look(l, n) == '\\' ? 2 : 1;
    if (l->at + n >= l->s.len) return bad(l, "a string is not closed");
    jtoken t = {.type = T_STRING};
    MN_TRY(unescape(l, (mn_str){l->s.ptr + l->at + 1, n - 1}, &t.text));
    MN_TRY(add(l, t));
    take(l, n + 1);
    return MN_OK;
}

static mn_rc bracket(lexer *l, char c)
{
    if (strchr("([{", c)) {
        if (l->n_open == sizeof l->open)
            return mn_fail(l->e, MN_E_LIMIT, "template, line %u: brackets are nested too deep",
                           l->line);
        l->open[l->n_open++] = c == '(' ? ')' : c == '[' ? ']' : '}';
    } else if (strchr(")]}", c)) {
        if (!l->n_open || l->open[l->n_open - 1] != c)
            return mn_fail(l->e, MN_E_PARSE, "template, line %u: '%c' was not expected",
                           l->line, c);
        l->n_open--;
    }
    return MN_OK;
}

static mn_rc operator_(lexer *l)
{
    static const struct {
        char text[3];
        int op;
    } pairs[] = {{"==", JOP_EQ}, {"!=", JOP_NE},  {">=", JOP_GE},
                 {"<=", JOP_LE}, {"**", JOP_POW}, {"//", JOP_FLOORDIV}};
    char c = look(l, 0);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (c != pairs[i].text[0] || look(l, 1) != pairs[i].text[1]) continue;
        MN_TRY(add(l, (jtoken){.type = T_OP, .op = pairs[i].op}));
        take(l, 2);
        return MN_OK;
    }
    if (!c || !strchr("+-*/%~[](){}><=.:|,;", c))
        return mn_fail(l->e, MN_E_PARSE, "template, line %u: '%.*s' was not expected", l->line,
                       MN_STR_FMT(mn_utf8_cut(mn_str_sub(l->s, l->at, 4), 4)));
    MN_TRY(bracket(l, c));
    MN_TRY(add(l, (jtoken){.type = T_OP, .op = c}));
    take(l, 1);
    return MN_OK;
}

static mn_rc one_inside(lexer *l)
{
    size_t n = spaces_at(l->s, l->at);
    if (n) {
        take(l, n);
        return MN_OK;
    }
    if ((n = float_len(l))) return number(l, J_FLOAT, n);
    if ((n = int_len(l))) return number(l, J_INT, n);
    if ((n = name_len(l))) {
        MN_TRY(add(l, (jtoken){.type = T_NAME, .text = {l->s.ptr + l->at, n}}));
        take(l, n);
        return MN_OK;
    }
    if (look(l, 0) == '\'' || look(l, 0) == '"') return string(l);
    return operator_(l);
}

static mn_rc inside(lexer *l, bool variable)
{
    while (l->at < l->s.len) {
        size_t n = l->n_open ? 0 : variable ? var_end(l) : block_end(l, '%');
        if (n) {
            MN_TRY(add(l, (jtoken){.type = variable ? T_VAR_END : T_BLOCK_END}));
            take(l, n);
            return MN_OK;
        }
        MN_TRY(one_inside(l));
    }
    return bad(l, variable ? "'}}' is missing" : "'%}' is missing");
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* Where the next tag begins, from l->at; SIZE_MAX: nowhere. */
static size_t next_tag(const lexer *l)
{
    size_t at = l->at;
    while (at + 1 < l->s.len) {
        const char *p = memchr(l->s.ptr + at, '{', l->s.len - at - 1);
        if (!p) break;
        at = (size_t)(p - l->s.ptr);
        if (strchr("{%#", p[1]) && p[1]) return at;
        at++;
    }
    return SIZE_MAX;
}

static mn_rc tag(lexer *l, size_t len)
{
    lexer ahead = *l;
    ahead.at += len;
    size_t n_raw = raw_begin(&ahead);
    char kind = look(l, len + 1), sign = look(l, len + 2);
    if (sign != '-' && sign != '+') sign = 0;
    MN_TRY(data(l, len, sign, kind == '{'));
    if (n_raw) {
        take(l, n_raw);
        return raw(l);
    }
    if (kind == '{') MN_TRY(add(l, (jtoken){.type = T_VAR_BEGIN}));
    if (kind == '%') MN_TRY(add(l, (jtoken){.type = T_BLOCK_BEGIN}));
    take(l, 2 + (sign != 0));
    return kind == '#' ? comment(l) : inside(l, kind == '{');
}

static mn_rc lex(lexer *l)
{
    while (l->at < l->s.len) {
        size_t at = next_tag(l);
        if (at == SIZE_MAX) {
            MN_TRY(add(l, (jtoken){.type = T_DATA, .text = mn_str_sub(l->s, l->at, l->s.len)}));
            break;
        }
        MN_TRY(tag(l, at - l->at));
    }
    return add(l, (jtoken){.type = T_EOF});
}

/* "\r\n" and "\r" become "\n"; one at the end goes. */
static mn_rc one_kind_of_line(mn_str source, mn_arena *a, mn_str *ret, mn_err *e)
{
    char *copy = mn_arena_alloc(a, source.len + 1);
    size_t n = 0;
    if (!copy) return mn_fail(e, MN_E_NOMEM, "out of memory for a template");
    for (size_t i = 0; i < source.len; i++) {
        bool cr = source.ptr[i] == '\r';
        if (cr && i + 1 < source.len && source.ptr[i + 1] == '\n') continue;
        copy[n++] = cr ? '\n' : source.ptr[i];
    }
    if (n && copy[n - 1] == '\n') n--;
    copy[n] = '\0';
    *ret = (mn_str){copy, n};
    return MN_OK;
}

mn_rc mn_jinja__lex(mn_str source, mn_arena *a, jtoken **ret, mn_err *e)
{
    lexer *l = mn_arena_calloc(a, 1, sizeof *l);
    if (!l) return mn_fail(e, MN_E_NOMEM, "out of memory for a template");
    *l = (lexer){.arena = a, .line = 1, .line_starting = true, .e = e};
    mn_rc rc = one_kind_of_line(source, a, &l->s, e);
    if (rc == MN_OK) rc = lex(l);
    if (rc == MN_OK) *ret = l->tok;
    else mn_free(l->tok);
    return rc;
}

/* What in a post's plain text is a link: addresses, mentions, hashtags.
 *
 * One pass from left to right; every matcher either takes a span and the pass goes on behind it, or fails having looked
 * at characters that no other matcher will fail on again for the same reason, so the whole is linear. The character
 * before a span decides whether it may start there ("bob@example.org" holds no mention, "a#b" no hashtag).
 */
#include "text/html.h"

#include "text/unicode.h"

#define NAME_MAX_BYTES 64
#define HOST_MAX_BYTES 253

static bool is_word_byte(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           c == '_';
}

/* Letters, numbers, marks and what may stand inside a hashtag. */
static bool is_tag_cp(uint32_t cp)
{
    if (cp < 0x80) return is_word_byte((unsigned char)cp);
    mn_uclass k = mn_uclass_of(cp);
    return k == MN_U_LETTER || k == MN_U_NUMBER || mn_umark(cp) || cp == 0xb7 || cp == 0x200c ||
           cp == 0x30fb;
}

/* Ends an address: white space, quotes and angle brackets, CJK punctuation and full-width forms of ASCII signs. */
static bool ends_url(uint32_t cp)
{
    if (cp < 0x80)
        return cp <= ' ' || cp == '<' || cp == '>' || cp == '"' || cp == '`' || cp == 0x7f;
    if (mn_uclass_of(cp) == MN_U_SPACE) return true;
    return (cp >= 0x3000 && cp <= 0x3003) || (cp >= 0x3008 && cp <= 0x3011) ||
           (cp >= 0x2018 && cp <= 0x201f) || cp == 0xab || cp == 0xbb ||
           (cp >= 0xff01 && cp <= 0xff0f) || (cp >= 0xff1a && cp <= 0xff20);
}

/* Without the punctuation that belongs to the sentence; a closing bracket stays when it was opened inside. */
static size_t trim_url(const char *p, size_t n, size_t least)
{
    long round = 0, square = 0;
    for (size_t i = 0; i < n; i++) {
        round += (p[i] == '(') - (p[i] == ')');
        square += (p[i] == '[') - (p[i] == ']');
    }
    while (n > least) {
        char c = p[n - 1];
        if (c == ')' && round < 0) round++;
        else if (c == ']' && square < 0) square++;
        else if (n >= 3 && !memcmp(p + n - 3, "\u2026", 3)) n -= 2;
        else if (!strchr(".,;:!?'*}", c)) break;
        n--;
    }
    return n;
}

static size_t match_url(mn_str s)
{
    size_t at = 0;
    if (s.len > 8 && mn_str_eq_nocase(mn_str_sub(s, 0, 8), MN_STR("https://"))) at = 8;
    else if (s.len > 7 && mn_str_eq_nocase(mn_str_sub(s, 0, 7), MN_STR("http://"))) at = 7;
    if (!at) return 0;
    size_t least = at;
    while (at < s.len) {
        uint32_t cp;
        size_t n = mn_utf8_decode(s.ptr + at, s.len - at, &cp);
        if (n == 0 || ends_url(cp)) break;
        if (at == least && !is_tag_cp(cp) && cp != '[') return 0;
        at += n;
    }
    if (at == least) return 0;
    at = trim_url(s.ptr, at, least);
    return at > least ? at : 0;
}

/* Bytes of [A-Za-z0-9_] with '.' and '-' inside. */
static size_t match_name(mn_str s, size_t most)
{
    size_t n = 0, end = 0;
    for (; n < s.len && n <= most; n++) {
        if (is_word_byte((unsigned char)s.ptr[n])) end = n + 1;
        else if ((s.ptr[n] != '.' && s.ptr[n] != '-') || n == 0) break;
    }
    return end <= most ? end : 0;
}

static size_t match_mention(mn_str s)
{
    size_t name = match_name(mn_str_sub(s, 1, SIZE_MAX), NAME_MAX_BYTES);
    if (!name) return 0;
    size_t n = 1 + name;
    if (n < s.len && s.ptr[n] == '@') {
        mn_str rest = mn_str_sub(s, n + 1, SIZE_MAX);
        size_t host = match_name(rest, HOST_MAX_BYTES);
        if (!host) return 0; /* "@a@" is neither */
        if (memchr(rest.ptr, '.', host)) n += 1 + host;
    }
    return n;
}

static size_t match_hashtag(mn_str s, size_t mark)
{
    size_t at = mark;
    bool named = false;
    while (at < s.len) {
        uint32_t cp;
        size_t n = mn_utf8_decode(s.ptr + at, s.len - at, &cp);
        if (n == 0 || !is_tag_cp(cp)) break;
        if (mn_uclass_of(cp) == MN_U_LETTER) named = true;
        at += n;
    }
    return named ? at : 0;
}

size_t mn_text_links(mn_str text, mn_link_span *ret, size_t max)
{
    size_t n_spans = 0, at = 0;
    uint32_t prev = ' ';
    while (at < text.len && n_spans < max) {
        uint32_t cp;
        size_t step = mn_utf8_decode(text.ptr + at, text.len - at, &cp), len = 0;
        mn_str rest = {text.ptr + at, text.len - at};
        char kind = 0;
        if (step == 0) {
            step = 1;
            cp = ' ';
        } else if ((cp == 'h' || cp == 'H') && !is_tag_cp(prev)) {
            kind = 'u';
            len = match_url(rest);
        } else if (cp == '@' && !is_tag_cp(prev) && prev != '@' && prev != '/' && prev != '.') {
            kind = '@';
            len = match_mention(rest);
        } else if ((cp == '#' || cp == 0xff03) && !is_tag_cp(prev) && prev != '&' &&
                   prev != '/' && prev != '#') {
            kind = '#';
            len = match_hashtag(rest, step);
        }
        if (len) ret[n_spans++] = (mn_link_span){kind, at, len};
        at += len ? len : step;
        prev = len ? 'a' : cp;
    }
    return n_spans;
}

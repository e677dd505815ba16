/* Language identification: drop what speaks no language (addresses, mentions, the # of hashtags), ask CLD2, give its answer
 * a modern BCP 47 tag. Only the first MN_LANG_BYTES are looked at: more text does not make the answer better.
 */
#include "text/langid.h"

#include <stdint.h>

#include "text/langid_int.h"

enum { MN_LANG_BYTES = 4096 };

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || (uint8_t)c >= 0x80;
}

/* Length of the address or mention that begins at s[at], where a word begins; 0 when none does. */
static size_t noise_at(mn_str s, size_t at)
{
    mn_str rest = {s.ptr + at, s.len - at};
    size_t n = 0;
    if (mn_str_starts(rest, "http://") || mn_str_starts(rest, "https://") ||
        mn_str_starts(rest, "www.")) {
        while (n < rest.len && !is_blank(rest.ptr[n])) n++;
        return n;
    }
    if (rest.ptr[0] != '@' || rest.len < 2 || !is_word(rest.ptr[1])) return 0;
    n = 1;
    while (n < rest.len && (is_word(rest.ptr[n]) || rest.ptr[n] == '@' || rest.ptr[n] == '.' ||
                            rest.ptr[n] == '-'))
        n++;
    return n;
}

/* Copies the text without noise; at most MN_LANG_BYTES, cut between characters. Returns the length. */
static size_t clean(mn_str text, char ret[MN_LANG_BYTES])
{
    size_t n = 0;
    bool word_begins = true;
    size_t i = 0;
    while (i < text.len && n < MN_LANG_BYTES) {
        char c = text.ptr[i];
        size_t noise = word_begins ? noise_at(text, i) : 0;
        i += noise ? noise : 1;
        word_begins = !noise && !is_word(c);
        if (noise || c == '#') c = ' ';
        ret[n++] = c;
    }
    if (i == text.len) return n;
    while (n && ((uint8_t)ret[n - 1] & 0xC0) == 0x80)
        n--; /* the last character may be cut: drop it */
    return n && (uint8_t)ret[n - 1] >= 0xC0 ? n - 1 : n;
}

/* CLD2's code as a BCP 47 tag: retired codes renewed, its own scripts and oddities unknown. */
static const char *tag_of(const char *code)
{
    static const char *const renewed[][2] = {
        {"iw", "he"},    {"jw", "jv"}, {"in", "id"},  {"mo", "ro"},  {"sh", "sr"},
        {"sr-ME", "sr"}, {"nb", "no"}, {"fil", "tl"}, {"un", "und"}, {"xxx", "und"},
    };
    for (size_t i = 0; i < sizeof renewed / sizeof *renewed; i++) {
        if (strcmp(code, renewed[i][0]) == 0) return renewed[i][1];
    }
    bool private_use = strncmp(code, "xx", 2) == 0 || strncmp(code, "zz", 2) == 0;
    return private_use || strlen(code) >= sizeof((mn_lang *)0)->code ? "und" : code;
}

mn_lang mn_langid(mn_str text)
{
    char cleaned[MN_LANG_BYTES];
    size_t n = clean(text, cleaned);
    mn_lang ret = {.code = "und"};
    if (!mn_utf8_valid((mn_str){cleaned, n})) return ret;
    const char *code;
    int reliable;
    mn_text__cld2(cleaned, (int)n, &code, &ret.percent, &reliable);
    memcpy(ret.code, tag_of(code), strlen(tag_of(code)) + 1);
    ret.reliable = reliable && strcmp(ret.code, "und") != 0;
    if (strcmp(ret.code, "und") == 0) ret.percent = 0;
    return ret;
}

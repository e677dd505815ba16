/* A break goes only when both lines look like prose; one look ahead decides, so the cost is linear. */
#include "text/unwrap.h"

#include "text/unicode.h"

#define PROSE_COLUMNS 50

static size_t first_word(mn_str line)
{
    size_t n = 0;
    while (n < line.len && line.ptr[n] != ' ' && line.ptr[n] != '\t') n++;
    return mn_utf8_count(mn_str_sub(line, 0, n));
}

static bool indented(mn_str line)
{
    return line.len == 0 || line.ptr[0] == ' ' || line.ptr[0] == '\t';
}

/* Lines that begin something of their own. */
static bool stands_alone(mn_str line)
{
    static const char *const openings[] = {"--",           "- ",           "* ", "\xe2\x80\x94",
                                           "\xe2\x80\x93", "\xe2\x80\xa2", ">"};
    for (size_t i = 0; i < sizeof openings / sizeof *openings; i++)
        if (mn_str_starts(line, openings[i])) return true;
    size_t digits = 0;
    while (digits < line.len && line.ptr[digits] >= '0' && line.ptr[digits] <= '9') digits++;
    return digits > 0 && digits < 4 && digits < line.len &&
           (line.ptr[digits] == ')' || line.ptr[digits] == '.');
}

static size_t widest_line(mn_str text)
{
    size_t widest = 0;
    while (text.ptr) {
        size_t n = mn_utf8_count(mn_str_split(text, '\n', &text));
        if (n > widest) widest = n;
    }
    return widest;
}

/* Goes on in the middle of a sentence. */
static bool begins_small(mn_str line)
{
    uint32_t cp;
    return mn_utf8_decode(line.ptr, line.len, &cp) && cp < 0x2e80 &&
           mn_uclass_of(cp) == MN_U_LETTER && mn_ulower(cp) == cp;
}

static bool joins(mn_str line, mn_str next, size_t widest)
{
    if (indented(line) || indented(next) || stands_alone(next)) return false;
    size_t width = mn_utf8_count(line);
    return width >= PROSE_COLUMNS &&
           (begins_small(next) || width + 1 + first_word(next) > widest);
}

mn_rc mn_text_unwrap(mn_str text, mn_buf *ret)
{
    mn_str rest = text;
    size_t widest = widest_line(text);
    while (rest.ptr) {
        mn_str line = mn_str_split(rest, '\n', &rest);
        mn_str after = MN_STR_NONE,
               next = rest.ptr ? mn_str_split(rest, '\n', &after) : MN_STR_NONE;
        mn_buf_adds(ret, line);
        if (rest.ptr) mn_buf_addc(ret, joins(line, next, widest) ? ' ' : '\n');
    }
    return ret->failed;
}

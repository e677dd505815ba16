/* Counting characters as people see them. ASCII, most of what is written, needs no tables: each byte is a cluster but for
 * CR LF. Links are found in windows of a few spans, so that nothing is allocated whatever the text. */
#include "text/count.h"

#include <utf8proc.h>

#include "text/html.h"

#define WINDOW 32

static bool is_plain(unsigned char c)
{
    return c < 0x80 && c != '\r';
}

size_t mn_text_graphemes(mn_str text)
{
    size_t n = 0, at = 0;
    utf8proc_int32_t state = 0;
    uint32_t prev = 0;
    bool any = false; /* prev is a character of the cluster under way */
    while (at < text.len) {
        uint32_t cp;
        /* Two plain neighbours: there is always a break between them. */
        if (any && prev < 0x80 && prev != '\r' && is_plain((unsigned char)text.ptr[at])) {
            prev = (unsigned char)text.ptr[at++];
            state = 0;
            n++;
            continue;
        }
        size_t step = mn_utf8_decode(text.ptr + at, text.len - at, &cp);
        if (step == 0) {
            n++, at++;
            any = false;
            state = 0;
            continue;
        }
        if (!any || utf8proc_grapheme_break_stateful((utf8proc_int32_t)prev,
                                                     (utf8proc_int32_t)cp, &state))
            n++;
        prev = cp;
        any = true;
        at += step;
    }
    return n;
}

/* The mention without its host. */
static mn_str without_host(mn_str mention)
{
    const char *at = memchr(mention.ptr + 1, '@', mention.len - 1);
    return at ? (mn_str){mention.ptr, (size_t)(at - mention.ptr)} : mention;
}

size_t mn_text_characters(mn_str text)
{
    mn_link_span spans[WINDOW];
    size_t n = 0, done = 0;
    for (;;) {
        mn_str rest = mn_str_sub(text, done, SIZE_MAX);
        size_t k = mn_text_links(rest, spans, WINDOW), at = 0;
        for (size_t i = 0; i < k; i++) {
            mn_str span = mn_str_sub(rest, spans[i].start, spans[i].len);
            n += mn_text_graphemes(mn_str_sub(rest, at, spans[i].start - at));
            if (spans[i].kind == 'u') n += MN_TEXT_URL_CHARACTERS;
            else n += mn_text_graphemes(spans[i].kind == '@' ? without_host(span) : span);
            at = spans[i].start + spans[i].len;
        }
        if (k < WINDOW) return n + mn_text_graphemes(mn_str_sub(rest, at, SIZE_MAX));
        done += at;
    }
}

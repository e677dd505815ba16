/* What happens to text before it is cut: Unicode's NFC (Qwen 2), or what SentencePiece makes of blanks. Inside, U+2581 is a blank: texts of
 * this family hold no other once they are normalised, so tokens and text are compared as people see them.
 */
#include "text/tok_int.h"
#include "text/unicode.h"

static size_t ascii_run(mn_str s, size_t at)
{
    size_t end = at;
    while (end < s.len && (uint8_t)s.ptr[end] < 0x80) end++;
    return end - at;
}

/* Bytes that are not UTF-8 stay as they are. */
static mn_rc add_nfc(mn_str s, mn_buf *b)
{
    for (size_t at = 0; at < s.len;) {
        uint32_t cp;
        size_t from = at, n;
        while (at < s.len && (n = mn_utf8_decode(s.ptr + at, s.len - at, &cp))) at += n;
        MN_TRY(mn_unfc(mn_str_sub(s, from, at - from), b));
        if (at < s.len) MN_TRY(mn_buf_addc(b, s.ptr[at++]));
    }
    return MN_OK;
}

/* Blanks for U+2581, U+FFFD for each byte that is not UTF-8: what SentencePiece makes of them. */
static mn_rc add_blanks(mn_str s, mn_buf *b)
{
    for (size_t at = 0; at < s.len;) {
        size_t n = ascii_run(s, at);
        MN_TRY(mn_buf_add(b, s.ptr + at, n));
        at += n;
        if (at == s.len) break;
        uint32_t cp = 0;
        n = mn_utf8_decode(s.ptr + at, s.len - at, &cp);
        if (!n) MN_TRY(mn_buf_addz(b, "\xEF\xBF\xBD"));
        else if (cp == 0x2581) MN_TRY(mn_buf_addc(b, ' '));
        else MN_TRY(mn_buf_add(b, s.ptr + at, n));
        at += n ? n : 1;
    }
    return MN_OK;
}

mn_rc mn_tok__normalize(const mn_tokenizer *t, mn_str text, bool at_start, mn_buf *b,
                        mn_str *ret)
{
    const mn_tok_rules *r = &t->rules;
    *ret = text;
    if (!text.len) return MN_OK;
    mn_buf_clear(b);
    if (r->pieces && !r->metaspace) {
        if (r->prefix == MN_TOK_PREFIX_ALWAYS || (r->prefix == MN_TOK_PREFIX_FIRST && at_start))
            MN_TRY(mn_buf_addc(b, ' '));
        MN_TRY(add_blanks(text, b));
    } else if (r->nfc && ascii_run(text, 0) < text.len) {
        MN_TRY(add_nfc(text, b));
    } else {
        return MN_OK;
    }
    *ret = mn_buf_str(b);
    return MN_OK;
}

static bool begins_blank(mn_str s)
{
    return mn_str_starts(s, " ") || mn_str_starts(s, "\u2581");
}

mn_rc mn_tok__metaspace(const mn_tokenizer *t, mn_str text, bool at_start, mn_buf *b,
                        mn_str *ret)
{
    mn_tok_prefix prefix = t->rules.prefix;
    mn_buf_clear(b);
    if (!begins_blank(text) &&
        (prefix == MN_TOK_PREFIX_ALWAYS || (prefix == MN_TOK_PREFIX_FIRST && at_start)))
        MN_TRY(mn_buf_addc(b, ' '));
    MN_TRY(add_blanks(text, b));
    *ret = mn_buf_str(b);
    return MN_OK;
}

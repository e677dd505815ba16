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

/* Marks that Unicode gained after 9.0, the version of `tokenizers`' normaliser: to it they are characters that nothing is done to, so they
 * neither change places nor combine. (U+11930 begins a pair that has been one character since 13.0.) */
static const uint32_t unknown_marks[][2] = {
    {0x7FD, 0x7FD},     {0x898, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},
    {0xC3C, 0xC3C},     {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0x1715, 0x1715},
    {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},   {0xA82C, 0xA82C},   {0x10D24, 0x10D27},
    {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF}, {0x10F46, 0x10F50}, {0x10F82, 0x10F85},
    {0x11070, 0x11070}, {0x1133B, 0x1133B}, {0x1145E, 0x1145E}, {0x11839, 0x1183A},
    {0x11930, 0x11930}, {0x1193D, 0x1193E}, {0x11943, 0x11943}, {0x119E0, 0x119E0},
    {0x11A34, 0x11A34}, {0x11A47, 0x11A47}, {0x11A99, 0x11A99}, {0x11D42, 0x11D42},
    {0x11D44, 0x11D45}, {0x11D97, 0x11D97}, {0x11F41, 0x11F42}, {0x16FF0, 0x16FF1},
    {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF},
    {0x1E4EC, 0x1E4EF}};

static bool is_unknown_mark(uint32_t cp)
{
    size_t lo = 0, hi = sizeof unknown_marks / sizeof *unknown_marks;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (unknown_marks[mid][1] < cp) lo = mid + 1;
        else hi = mid;
    }
    return lo < sizeof unknown_marks / sizeof *unknown_marks && unknown_marks[lo][0] <= cp;
}

/* Bytes that are not UTF-8 stay as they are, as unknown marks do. */
static mn_rc add_nfc(mn_str s, mn_buf *b)
{
    for (size_t at = 0, n; at < s.len; at += n) {
        uint32_t cp = 0;
        size_t from = at;
        while ((n = mn_utf8_decode(s.ptr + at, s.len - at, &cp)) && !is_unknown_mark(cp))
            at += n;
        MN_TRY(mn_unfc(mn_str_sub(s, from, at - from), b));
        if (!n && at < s.len) n = 1;
        MN_TRY(mn_buf_add(b, s.ptr + at, n));
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

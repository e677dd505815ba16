/* Prompts: texts in which added tokens stand written out. They are looked for as `tokenizers` does: first those that are not normalised in
 * the text as it is, then in what lies between the others in normalised text; the leftmost, and of those the longest.
 * Stretches that somebody else wrote ("plain") hold no tokens: a match never touches one.
 */
#include <utf8proc.h>

#include "text/tok_int.h"
#include "text/unicode.h"

typedef struct prompt {
    const mn_tokenizer *t;
    mn_str text; /* the whole */
    const mn_tok_plain *plain;
    size_t n_plain;
    size_t open,
        between; /* the first plain stretch that open_stretch and encode_between may still meet */
    mn_buf normal; /* the stretch at hand, normalised */
    mn_ids *ret;
} prompt;

/* A token in a haystack, with the white space that it takes along. */
typedef struct match {
    uint32_t id; /* MN_TOK_NONE: none is left */
    size_t from, to;
} match;

/* ---- what counts as a word ------------------------------------------------------------------------------------ */

/* \w of the `regex` crate, as near as categories go: letters, marks, decimal and letter numbers, connectors, joiners, circled letters. */
static bool is_word(uint32_t cp)
{
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
    if (mn_uclass_of(cp) == MN_U_LETTER || mn_umark(cp)) return true;
    if (c == UTF8PROC_CATEGORY_ND || c == UTF8PROC_CATEGORY_NL || c == UTF8PROC_CATEGORY_PC)
        return true;
    return cp == 0x200C || cp == 0x200D || (cp >= 0x24B6 && cp <= 0x24E9) ||
           (cp >= 0x1F130 && cp <= 0x1F149) || (cp >= 0x1F150 && cp <= 0x1F169) ||
           (cp >= 0x1F170 && cp <= 0x1F189);
}

/* The character before `at` and its length; 0 at the start of s and after a byte that is not UTF-8. */
static size_t char_before(mn_str s, size_t at, uint32_t *ret)
{
    for (size_t n = 1; n <= 4 && n <= at; n++) {
        if (mn_utf8_decode(s.ptr + at - n, n, ret) == n) return n;
    }
    return 0;
}

static bool inside_word(mn_str s, size_t from, size_t to)
{
    uint32_t cp;
    if (char_before(s, from, &cp) && is_word(cp)) return true;
    return to < s.len && mn_utf8_decode(s.ptr + to, s.len - to, &cp) && is_word(cp);
}

static size_t space_before(mn_str s, size_t low, size_t at)
{
    uint32_t cp;
    for (size_t n; at > low && (n = char_before(s, at, &cp)) && mn_uclass_of(cp) == MN_U_SPACE;)
        at -= n;
    return at > low ? at : low;
}

static size_t space_after(mn_str s, size_t at)
{
    uint32_t cp;
    for (size_t n; at < s.len && (n = mn_utf8_decode(s.ptr + at, s.len - at, &cp)) &&
                   mn_uclass_of(cp) == MN_U_SPACE;)
        at += n;
    return at;
}

/* ---- finding -------------------------------------------------------------------------------------------------- */

/* The next match in s[low..end), where s[low..] is not taken yet. Words are judged by all of s. */
static match next_match(const mn_tokenizer *t, const mn_tok_patterns *p, mn_str s, size_t low,
                        size_t end)
{
    mn_str hay = {s.ptr, end};
    for (size_t at = low; at < end;) {
        const mn_tok_pattern *x = mn_tok__pattern_at(p, hay, at);
        if (!x) {
            at++;
            continue;
        }
        uint8_t flags = t->tokens[x->id].flags;
        match m = {x->id, at, at + x->text.len};
        at = m.to;
        if (flags & MN_TOK_SINGLE_WORD && inside_word(s, m.from, m.to)) continue;
        if (flags & MN_TOK_LSTRIP) m.from = space_before(hay, low, m.from);
        if (flags & MN_TOK_RSTRIP) m.to = space_after(hay, m.to);
        return m;
    }
    return (match){MN_TOK_NONE, end, end};
}

/* The stretch from..to of the whole text holds no token that is not normalised any more. */
static mn_rc encode_between(prompt *p, size_t from, size_t to)
{
    const mn_tokenizer *t = p->t;
    mn_str text;
    bool plain = false, at_start = from == 0;
    if (from == to) return MN_OK;
    while (p->between < p->n_plain && p->plain[p->between].to <= from) p->between++;
    if (p->between < p->n_plain) plain = p->plain[p->between].from < to;
    MN_TRY(mn_tok__normalize(t, mn_str_sub(p->text, from, to - from), at_start, &p->normal,
                             &text));
    size_t at = 0;
    while (t->normalized.n && !plain) {
        match m = next_match(t, &t->normalized, text, at, text.len);
        if (m.id == MN_TOK_NONE) break;
        MN_TRY(mn_tok__encode_normalized(t, NULL, mn_str_sub(text, at, m.from - at),
                                         at_start && !at, true, p->ret));
        MN_TRY(mn_ids_add(p->ret, m.id));
        at = m.to;
    }
    return mn_tok__encode_normalized(t, NULL, mn_str_sub(text, at, SIZE_MAX), at_start && !at,
                                     !plain, p->ret);
}

/* Where the open stretch that holds `at`, or comes next, begins and ends. */
static void open_stretch(prompt *p, size_t *at, size_t *ret_end)
{
    for (; p->open < p->n_plain; p->open++) {
        mn_tok_plain x = p->plain[p->open];
        if (x.to <= *at || x.to <= x.from) continue;
        if (x.from > *at) {
            *ret_end = x.from < p->text.len ? x.from : p->text.len;
            return;
        }
        *at = x.to < p->text.len ? x.to : p->text.len;
    }
    *ret_end = p->text.len;
}

static mn_rc encode_all(prompt *p)
{
    size_t done = 0, at = 0, end;
    while (at < p->text.len) {
        open_stretch(p, &at, &end);
        size_t low = at > done ? at : done;
        match m = next_match(p->t, &p->t->raw, p->text, low, end);
        at = m.to;
        if (m.id == MN_TOK_NONE) continue;
        MN_TRY(encode_between(p, done, m.from));
        MN_TRY(mn_ids_add(p->ret, m.id));
        done = m.to;
    }
    return encode_between(p, done, p->text.len);
}

mn_rc mn_tok_encode_prompt(const mn_tokenizer *t, mn_str text, const mn_tok_plain *plain,
                           size_t n_plain, mn_ids *ret)
{
    prompt p = {.t = t, .text = text, .plain = plain, .n_plain = n_plain, .ret = ret};
    size_t before = ret->n;
    mn_buf_init(&p.normal, 0);
    mn_rc rc = encode_all(&p);
    mn_buf_release(&p.normal);
    if (rc != MN_OK) ret->n = before;
    return rc;
}

mn_rc mn_tok_encode_special(const mn_tokenizer *t, mn_str text, mn_ids *ret)
{
    return mn_tok_encode_prompt(t, text, NULL, 0, ret);
}

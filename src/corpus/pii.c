/* The walk: from trigger character to trigger character (digits, '@', ':', '-', '.', '+', '('), each asked whether
 * something begins or, for an e-mail address, IBAN and hexadecimal forms, stands around it. Addresses and handles come
 * from the linkifier that the rest of the program uses, so what is a link on the page is a link here.
 *
 * Invariant: everything before `done` is written; spans never overlap; a digit run without a match is stepped over as a
 * whole, so no number is examined from its middle.
 */
#include "corpus/pii.h"

#include "corpus/chars.h"
#include "corpus/normalise.h"
#include "text/html.h"

const char *const mn_pii_names[MN_PII_KINDS] = {"link", "handle", "email", "phone",  "ip",
                                                "iban", "card",   "ssn",   "wallet", "mac"};
const char *const mn_pii_placeholders[MN_PII_KINDS] = {
    "[link]", "@user",  "[email]", "[phone]",  "[ip]",
    "[iban]", "[card]", "[ssn]",   "[wallet]", "[mac]"};

#define SPANS 32

typedef struct scan {
    mn_str t;
    mn_buf *out;
    mn_offsets *map;
    uint32_t *counts;
    bool keep_handles;
    size_t done;
    mn_link_span links[SPANS]; /* links ahead, refilled; starts are positions in t */
    size_t n_links, link;
    mn_rc rc;
} scan;

static void note(scan *s, mn_rc rc)
{
    if (s->rc == MN_OK) s->rc = rc;
}

static void copy_to(scan *s, size_t end)
{
    note(s, mn_buf_add(s->out, s->t.ptr + s->done, end - s->done));
    note(s, mn_offsets_add(s->map, end - s->done, s->done, end - s->done, true));
    s->done = end;
}

static void replace(scan *s, mn_pii kind, mn_pii_span at)
{
    const char *p = mn_pii_placeholders[kind];
    copy_to(s, at.start);
    note(s, mn_buf_addz(s->out, p));
    note(s, mn_offsets_add(s->map, strlen(p), at.start, at.end - at.start, false));
    if (s->counts) s->counts[kind]++;
    s->done = at.end;
}

/* Links from `from` on. The linkifier gets the text from there, which begins after a link or at the start. */
static void refill(scan *s, size_t from)
{
    mn_str rest = {s->t.ptr + from, s->t.len - from};
    s->n_links = mn_text_links(rest, s->links, SPANS);
    for (size_t i = 0; i < s->n_links; i++) s->links[i].start += from;
    s->link = 0;
}

/* The next link that is an address or a handle at or after `at`, or NULL. */
static const mn_link_span *next_link(scan *s, size_t at)
{
    for (;;) {
        while (s->link < s->n_links &&
               (s->links[s->link].start < at || s->links[s->link].kind == '#'))
            s->link++;
        if (s->link < s->n_links) return &s->links[s->link];
        if (s->n_links < SPANS) return NULL;
        const mn_link_span *last = &s->links[SPANS - 1];
        size_t end = last->start + last->len;
        refill(s, end > at ? end : at);
    }
}

static bool trigger(char c)
{
    static const bool table[256] = {
        ['0'] = true, ['1'] = true, ['2'] = true, ['3'] = true, ['4'] = true, ['5'] = true,
        ['6'] = true, ['7'] = true, ['8'] = true, ['9'] = true, ['@'] = true, [':'] = true,
        ['-'] = true, ['.'] = true, ['+'] = true, ['('] = true};
    return table[(unsigned char)c];
}

/* What stands at a digit that begins a run. The strict forms (with check digits) are asked first. */
static bool at_digit(scan *s, size_t at, mn_pii *kind, mn_pii_span *span)
{
    mn_str t = s->t;
    if (mn_corpus__iban(t, at, s->done, span)) return *kind = MN_PII_IBAN, true;
    if (mn_corpus__wallet(t, at, s->done, span)) return *kind = MN_PII_WALLET, true;
    if (mn_is_alnum(mn_before(t, at))) return false;
    if (mn_corpus__card(t, at, span)) return *kind = MN_PII_CARD, true;
    if (mn_corpus__ssn(t, at, span)) return *kind = MN_PII_SSN, true;
    if (mn_corpus__ipv4(t, at, span)) return *kind = MN_PII_IP, true;
    if (mn_corpus__phone(t, at, span)) return *kind = MN_PII_PHONE, true;
    return false;
}

static bool at_trigger(scan *s, size_t at, mn_pii *kind, mn_pii_span *span)
{
    switch (s->t.ptr[at]) {
    case '@':
        *kind = MN_PII_EMAIL;
        return mn_corpus__email(s->t, at, s->done, span);
    case '+':
    case '(':
        *kind = MN_PII_PHONE;
        return mn_corpus__phone(s->t, at, span);
    case ':':
        if (mn_corpus__mac(s->t, at, s->done, span)) return *kind = MN_PII_MAC, true;
        *kind = MN_PII_IP;
        return mn_corpus__ipv6(s->t, at, s->done, span);
    case '-':
    case '.':
        *kind = MN_PII_MAC;
        return mn_corpus__mac(s->t, at, s->done, span);
    default:
        return at_digit(s, at, kind, span);
    }
}

/* After a trigger that matched nothing: past it, and past the digits it begins. */
static size_t step_over(mn_str t, size_t at)
{
    if (!mn_is_digit(t.ptr[at])) return at + 1;
    while (at < t.len && mn_is_digit(t.ptr[at])) at++;
    return at;
}

static void link_here(scan *s, const mn_link_span *l)
{
    mn_pii_span span = {l->start, l->start + l->len};
    if (l->kind == 'u') replace(s, MN_PII_LINK, span);
    else if (s->keep_handles) copy_to(s, span.end);
    else replace(s, MN_PII_HANDLE, span);
}

static void walk(scan *s)
{
    size_t at = 0;
    refill(s, 0);
    const mn_link_span *link = next_link(s, 0);
    while (at < s->t.len && s->rc == MN_OK) {
        size_t stop = link ? link->start : s->t.len;
        while (at < stop && !trigger(s->t.ptr[at])) at++;
        mn_pii kind;
        mn_pii_span span;
        if (at < s->t.len && (at < stop || link->kind == '@') && trigger(s->t.ptr[at]) &&
            at_trigger(s, at, &kind, &span)) {
            replace(s, kind, span);
            at = s->done;
        } else if (at == stop && link) {
            link_here(s, link);
            at = s->done;
        } else if (at < s->t.len) {
            at = step_over(s->t, at);
        }
        if (link && at > link->start) link = next_link(s, at);
    }
    copy_to(s, s->t.len);
}

mn_rc mn_corpus_pii(mn_str text, bool keep_handles, mn_buf *ret, mn_offsets *map,
                    uint32_t counts[MN_PII_KINDS])
{
    scan s = {
        .t = text, .out = ret, .map = map, .counts = counts, .keep_handles = keep_handles};
    if (map) mn_offsets_clear(map);
    if (text.len) walk(&s);
    return s.rc;
}

mn_rc mn_corpus_clean(mn_str text, bool keep_handles, mn_buf *ret, mn_offsets *map)
{
    mn_buf normal;
    mn_offsets first = {0}, second = {0};
    mn_buf_init(&normal, 0);
    if (map) mn_offsets_clear(map);
    mn_rc rc = mn_corpus_normalise(text, &normal, map ? &first : NULL);
    if (rc == MN_OK)
        rc = mn_corpus_pii(mn_buf_str(&normal), keep_handles, ret, map ? &second : NULL, NULL);
    if (rc == MN_OK && map) rc = mn_offsets_compose(&first, &second, map);
    mn_offsets_release(&first);
    mn_offsets_release(&second);
    mn_buf_release(&normal);
    return rc;
}

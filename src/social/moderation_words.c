/* One word filter, compiled. Phrases are whole words whatever their case; patterns are PCRE2; links are domains, with those
 * below them. Patterns come from operators, texts from anybody: matching stops at a limit, and a text that reaches it counts as
 * not matching. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "social/moderation_int.h"

#include <pcre2.h>

#include "base/log.h"
#include "text/html.h"
#include "text/unicode.h"

#define PATTERN_MAX 2000
#define MATCH_LIMIT 200000
#define HEAP_KB     4096
#define LINKS_MAX   256

struct mn_word {
    mn_word_filter f; /* id, kind and action; its texts are not kept */
    char domain[MN_DOMAIN_MAX + 1];
    pcre2_code *code;
    pcre2_match_context *limits;
};

static void *get_memory(size_t n, void *data)
{
    (void)data;
    return mn_alloc(n);
}

static void put_memory(void *p, void *data)
{
    (void)data;
    mn_free(p);
}

/* ---- making ---------------------------------------------------------------------------------------------------------- */

/* A letter or digit of a script that sets words apart by blanks. */
static bool word_character(mn_str s, bool last)
{
    uint32_t cp = 0;
    size_t at = 0;
    if (last)
        for (at = s.len; at > 0 && ((unsigned char)s.ptr[--at] & 0xc0) == 0x80;) continue;
    if (mn_utf8_decode(s.ptr + at, s.len - at, &cp) == 0 || cp >= 0x2e80) return false;
    mn_uclass c = mn_uclass_of(cp);
    return c == MN_U_LETTER || c == MN_U_NUMBER;
}

/* "buy now" → (?<![\p{L}\p{N}_])buy\s+now(?![\p{L}\p{N}_]) */
static void phrase_pattern(mn_str phrase, mn_buf *b)
{
    if (word_character(phrase, false)) mn_buf_addz(b, "(?<![\\p{L}\\p{N}_])");
    for (size_t i = 0; i < phrase.len; i++) {
        unsigned char c = (unsigned char)phrase.ptr[i];
        bool plain = c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9');
        if (c <= ' ') {
            if (i == 0 || (unsigned char)phrase.ptr[i - 1] > ' ') mn_buf_addz(b, "\\s+");
            continue;
        }
        if (!plain) mn_buf_addc(b, '\\');
        mn_buf_addc(b, (char)c);
    }
    if (word_character(phrase, true)) mn_buf_addz(b, "(?![\\p{L}\\p{N}_])");
}

static mn_rc compile(mn_word *w, mn_str pattern, mn_err *e)
{
    int code = 0;
    PCRE2_SIZE at = 0;
    PCRE2_UCHAR why[160];
    pcre2_general_context *memory = pcre2_general_context_create(get_memory, put_memory, NULL);
    pcre2_compile_context *how = memory ? pcre2_compile_context_create(memory) : NULL;
    w->limits = memory ? pcre2_match_context_create(memory) : NULL;
    if (how && w->limits) {
        pcre2_set_match_limit(w->limits, MATCH_LIMIT);
        pcre2_set_heap_limit(w->limits, HEAP_KB);
        pcre2_set_max_pattern_length(how, PATTERN_MAX * 2);
        w->code = pcre2_compile(
            (PCRE2_SPTR)pattern.ptr, pattern.len,
            PCRE2_UTF | PCRE2_UCP | PCRE2_CASELESS | PCRE2_NEVER_BACKSLASH_C, &code, &at, how);
        if (w->code) pcre2_jit_compile(w->code, PCRE2_JIT_COMPLETE); /* without it, as well */
    }
    pcre2_compile_context_free(how);
    pcre2_general_context_free(memory);
    if (w->code) return MN_OK;
    if (code == 0) return mn_fail(e, MN_E_NOMEM, "out of memory for a word filter");
    pcre2_get_error_message(code, why, sizeof why);
    return mn_fail(e, MN_E_USAGE, "the pattern is wrong at character %zu: %s", (size_t)at + 1,
                   (const char *)why);
}

static mn_rc compile_phrase(mn_word *w, mn_str phrase, mn_err *e)
{
    mn_buf b;
    mn_buf_init(&b, PATTERN_MAX * 2);
    phrase_pattern(phrase, &b);
    mn_rc rc = b.failed ? mn_fail(e, b.failed, "the phrase is too long")
                        : compile(w, mn_buf_str(&b), e);
    mn_buf_release(&b);
    return rc;
}

mn_rc mn_moderation__word_new(const mn_word_filter *f, mn_word **ret, mn_err *e)
{
    mn_str text = f->kind == MN_WORD_PATTERN ? f->pattern : mn_str_trim(f->pattern);
    if (text.len == 0 || text.len > PATTERN_MAX || !mn_utf8_valid(text))
        return mn_fail(e, MN_E_USAGE, "a word filter has 1 to %d bytes of UTF-8", PATTERN_MAX);
    mn_word *w = mn_calloc(1, sizeof *w);
    if (!w) return mn_fail(e, MN_E_NOMEM, "out of memory for a word filter");
    w->f = (mn_word_filter){.id = f->id, .kind = f->kind, .action = f->action};
    mn_rc rc = f->kind == MN_WORD_LINK     ? mn_moderation__domain(text, w->domain, e)
               : f->kind == MN_WORD_PHRASE ? compile_phrase(w, text, e)
                                           : compile(w, text, e);
    if (rc == MN_OK) *ret = w;
    else mn_moderation__word_free(w);
    return rc;
}

void mn_moderation__word_free(mn_word *w)
{
    if (!w) return;
    pcre2_code_free(w->code);
    pcre2_match_context_free(w->limits);
    mn_free(w);
}

/* ---- matching ---------------------------------------------------------------------------------------------------------- */

static bool pattern_fits(const mn_word *w, mn_str text)
{
    pcre2_match_data *m = pcre2_match_data_create(1, NULL);
    if (!m) return false;
    int n = pcre2_match(w->code, (PCRE2_SPTR)(text.ptr ? text.ptr : ""), text.len, 0, 0, m,
                        w->limits);
    pcre2_match_data_free(m);
    if (n < PCRE2_ERROR_PARTIAL)
        mn_warn("moderation", "word filter %llu gave up on a text of %zu bytes",
                (unsigned long long)w->f.id, text.len);
    return n >= 0;
}

/* The host in "https://user@host:port/…". */
static mn_str host_of(mn_str url)
{
    size_t at = mn_str_find(url, MN_STR("://"), 0);
    mn_str rest = mn_str_sub(url, at == SIZE_MAX ? 0 : at + 3, SIZE_MAX);
    for (size_t i = 0; i < rest.len; i++)
        if (strchr("/?#", rest.ptr[i])) rest.len = i;
    size_t user = mn_str_find(rest, MN_STR("@"), 0);
    if (user != SIZE_MAX) rest = mn_str_sub(rest, user + 1, SIZE_MAX);
    size_t port = mn_str_find(rest, MN_STR(":"), 0);
    return mn_str_sub(rest, 0, port == SIZE_MAX ? rest.len : port);
}

static bool below(mn_str host, mn_str domain)
{
    while (host.len && host.ptr[host.len - 1] == '.') host.len--;
    if (host.len < domain.len) return false;
    size_t cut = host.len - domain.len;
    return mn_str_eq_nocase(mn_str_sub(host, cut, SIZE_MAX), domain) &&
           (cut == 0 || host.ptr[cut - 1] == '.');
}

static bool link_fits(const mn_word *w, mn_str text)
{
    mn_link_span links[LINKS_MAX];
    size_t n = mn_text_links(text, links, LINKS_MAX);
    for (size_t i = 0; i < n; i++)
        if (links[i].kind == 'u' &&
            below(host_of(mn_str_sub(text, links[i].start, links[i].len)),
                  mn_str_from(w->domain)))
            return true;
    return false;
}

bool mn_moderation__word_fits(const mn_word *w, mn_str text)
{
    return w->f.kind == MN_WORD_LINK ? link_fits(w, text) : pattern_fits(w, text);
}

/* Words, phrases and operators out of what was typed: one pass from left to right. */
#include "mind/post_query.h"

#include "base/clock.h"
#include "mind/parts.h"

#define DAY_MS INT64_C(86400000)

/* One thing typed: [-][operator:]value, the value perhaps between quotation marks. */
typedef struct token {
    bool negative, quoted;
    mn_str key, value; /* key empty: none */
    mn_str whole;      /* as typed, without the minus */
} token;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static mn_str until_quote(mn_str s, size_t *at)
{
    size_t from = *at;
    while (*at < s.len && s.ptr[*at] != '"') ++*at;
    mn_str v = mn_str_sub(s, from, *at - from);
    if (*at < s.len) ++*at;
    return v;
}

static bool next_token(mn_str s, size_t *at, token *ret)
{
    token t = {0};
    while (*at < s.len && is_blank(s.ptr[*at])) ++*at;
    if (*at == s.len) return false;
    if (s.ptr[*at] == '-' && *at + 1 < s.len && !is_blank(s.ptr[*at + 1])) {
        t.negative = true;
        ++*at;
    }
    size_t from = *at;
    if (s.ptr[*at] == '"') {
        ++*at;
        t.quoted = true;
        t.value = until_quote(s, at);
    } else {
        while (*at < s.len && !is_blank(s.ptr[*at]) && s.ptr[*at] != '"') ++*at;
        t.value = mn_str_sub(s, from, *at - from);
        if (*at < s.len && s.ptr[*at] == '"' && mn_str_ends(t.value, ":")) {
            ++*at;
            t.key = mn_str_sub(t.value, 0, t.value.len - 1);
            t.value = until_quote(s, at);
        } else {
            mn_str rest = MN_STR_NONE, key = mn_str_split(t.value, ':', &rest);
            if (rest.len) t.key = key, t.value = rest;
        }
    }
    t.whole = mn_str_sub(s, from, *at - from);
    *ret = t;
    return true;
}

/* ---- operators ------------------------------------------------------------------------------------------------------- */

static void put(mn_str *list, size_t *n, mn_str s)
{
    if (*n < MN_POST_QUERY_PARTS && s.len) list[(*n)++] = s;
}

static bool day_of(mn_str s, int64_t *ret)
{
    uint64_t y, m, d;
    if (s.len != 10 || s.ptr[4] != '-' || s.ptr[7] != '-') return false;
    return mn_str_to_u64(mn_str_sub(s, 0, 4), &y) == MN_OK &&
           mn_str_to_u64(mn_str_sub(s, 5, 2), &m) == MN_OK &&
           mn_str_to_u64(mn_str_sub(s, 8, 2), &d) == MN_OK &&
           mn_time_from_civil((int)y, (int)m, (int)d, 0, 0, 0, ret) == MN_OK;
}

static void from_on(mn_post_query *q, int64_t ms)
{
    if (ms > q->from_ms) q->from_ms = ms;
}

static void until(mn_post_query *q, int64_t ms)
{
    if (q->until_ms == 0 || ms < q->until_ms) q->until_ms = ms;
}

static bool take_time(mn_post_query *q, const token *t)
{
    int64_t day = 0;
    if (t->negative || !day_of(t->value, &day)) return false;
    if (mn_str_eqz(t->key, "before")) until(q, day);
    else if (mn_str_eqz(t->key, "after")) from_on(q, day + DAY_MS);
    else if (mn_str_eqz(t->key, "since")) from_on(q, day);
    else if (mn_str_eqz(t->key, "during")) from_on(q, day), until(q, day + DAY_MS);
    else return false;
    return true;
}

static bool take_has(mn_post_query *q, const token *t)
{
    static const struct {
        const char *name;
        unsigned bit;
    } known[] = {
        {"media", MN_HAS_MEDIA},        {"image", MN_HAS_IMAGE}, {"video", MN_HAS_VIDEO},
        {"audio", MN_HAS_AUDIO},        {"poll", MN_HAS_POLL},   {"link", MN_HAS_LINK},
        {"embed", MN_HAS_LINK},         {"quote", MN_HAS_QUOTE}, {"reply", MN_IS_REPLY},
        {"sensitive", MN_IS_SENSITIVE},
    };
    if (!mn_str_eqz(t->key, "has") && !mn_str_eqz(t->key, "is")) return false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (mn_str_eq_nocase(t->value, mn_str_from(known[i].name))) {
            if (t->negative) q->has_not |= known[i].bit;
            else q->has |= known[i].bit;
            return true;
        }
    return false;
}

static bool take_in(mn_post_query *q, const token *t)
{
    static const char *const places[] = {"all", "library", "public"};
    for (int i = 0; i < 3; i++)
        if (!t->negative && mn_str_eqz(t->value, places[i])) {
            q->in = (mn_in)i;
            return true;
        }
    return false;
}

static bool take_operator(mn_post_query *q, const token *t)
{
    if (t->key.len == 0 || t->quoted) return false;
    if (take_time(q, t) || take_has(q, t)) return true;
    if (mn_str_eqz(t->key, "in")) return take_in(q, t);
    if (mn_str_eqz(t->key, "from")) {
        mn_str name = t->value.ptr[0] == '@' ? mn_str_sub(t->value, 1, SIZE_MAX) : t->value;
        if (t->negative) put(q->not_from, &q->n_not_from, name);
        else put(q->from, &q->n_from, name);
        return name.len > 0;
    }
    if (!mn_str_eqz(t->key, "language") || t->value.len > 16) return false;
    if (t->negative) put(q->not_langs, &q->n_not_langs, t->value);
    else put(q->langs, &q->n_langs, t->value);
    return true;
}

mn_rc mn_post_query_parse(mn_str text, mn_arena *a, mn_post_query *ret, mn_err *e)
{
    mn_post_query q = {0};
    token t;
    mn_buf words;
    size_t at = 0;
    if (!mn_utf8_valid(text)) text = MN_STR("");
    text = mn_str_dup(a, mn_utf8_cut(text, MN_POST_QUERY_MAX));
    if (!text.ptr) return mn_fail(e, MN_E_NOMEM, "no memory for a search");
    mn_buf_init(&words, 0);
    while (next_token(text, &at, &t)) {
        if (take_operator(&q, &t)) continue;
        mn_str said = t.quoted ? t.value : t.whole;
        if (t.negative) {
            put(q.not_words, &q.n_not_words, said);
            continue;
        }
        if (t.quoted) put(q.phrases, &q.n_phrases, said);
        mn_buf_adds(&words, said);
        mn_buf_addc(&words, ' ');
    }
    q.words = mn_str_dup(a, mn_str_trim(mn_buf_str(&words)));
    mn_rc rc =
        words.failed || !q.words.ptr ? mn_fail(e, MN_E_NOMEM, "no memory for a search") : MN_OK;
    mn_buf_release(&words);
    if (rc == MN_OK) *ret = q;
    return rc;
}

bool mn_post_query_empty(const mn_post_query *q)
{
    return q->words.len == 0 && q->n_from == 0 && q->n_langs == 0 && q->has == 0 &&
           q->from_ms == 0 && q->until_ms == 0 && q->in == MN_IN_ALL;
}

/* ---- texts ------------------------------------------------------------------------------------------------------------- */

/* The terms of a text in order, each behind a blank and followed by one: " a b c ". Second forms of tags are left out. */
static void add_term(void *arg, mn_str term, bool counts)
{
    mn_buf *b = arg;
    if (!counts) return;
    mn_buf_adds(b, term);
    mn_buf_addc(b, ' ');
}

static mn_rc line_of(mn_str text, mn_arena *a, mn_str *ret, mn_err *e)
{
    mn_buf b, scratch;
    mn_buf_init(&b, 0);
    mn_buf_init(&scratch, 0);
    mn_buf_addc(&b, ' ');
    mn_rc rc = mn_mind__analyse(text, &scratch, add_term, &b, e);
    *ret = mn_str_dup(a, mn_buf_str(&b));
    if (rc == MN_OK && (b.failed || !ret->ptr))
        rc = mn_fail(e, MN_E_NOMEM, "no memory for a search");
    mn_buf_release(&b);
    mn_buf_release(&scratch);
    return rc;
}

/* The words of `what`, one after another, stand in the line. What has no words fits nothing. */
static mn_rc stands_in(mn_str what, mn_str line, mn_arena *a, bool *ret, mn_err *e)
{
    mn_str part = MN_STR_NONE;
    MN_TRY(line_of(what, a, &part, e));
    *ret = part.len > 1 && mn_str_find(line, part, 0) != SIZE_MAX;
    return MN_OK;
}

static bool bag_has(const mn_bag *b, mn_str term)
{
    for (size_t i = 0; i < b->n; i++)
        if (mn_str_eq(b->items[i].term, term)) return true;
    return false;
}

static mn_rc has_words(mn_str words, mn_str text, mn_arena *a, bool *ret, mn_err *e)
{
    mn_bag want = {0}, have = {0};
    *ret = true;
    if (words.len == 0) return MN_OK;
    MN_TRY(mn_mind__bag(words, a, &want, e));
    MN_TRY(mn_mind__bag(text, a, &have, e));
    for (size_t i = 0; i < want.n && *ret; i++) *ret = bag_has(&have, want.items[i].term);
    return MN_OK;
}

mn_rc mn_post_query_fits_text(const mn_post_query *q, mn_str text, mn_arena *a, bool *ret,
                              mn_err *e)
{
    mn_str line = MN_STR_NONE;
    bool fits = true, there = false;
    MN_TRY(has_words(q->words, text, a, &fits, e));
    if (fits && (q->n_phrases || q->n_not_words)) MN_TRY(line_of(text, a, &line, e));
    for (size_t i = 0; i < q->n_phrases && fits; i++)
        MN_TRY(stands_in(q->phrases[i], line, a, &fits, e));
    for (size_t i = 0; i < q->n_not_words && fits; i++) {
        MN_TRY(stands_in(q->not_words[i], line, a, &there, e));
        fits = !there;
    }
    *ret = fits;
    return MN_OK;
}

/* What templates do with strings: str's methods, and the filters of the same kind lean on them. All keep the marks. */
#include "text/jinja_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "text/unicode.h"

static mn_rc str_self(jx *x, const jcall *c)
{
    return mn_jinja__spend(x, c->self.len);
}

static bool given(jval v)
{
    return v.type != J_MISSING && v.type != J_NONE;
}

/* ---- letters ------------------------------------------------------------------------------------------------------ */

/* Characters whose capital is more than one character (Unicode's SpecialCasing, without conditions; those that are composed of a
 * letter and marks are spelled so there too). `title` where the first alone is large. */
static const struct {
    uint32_t cp;
    const char *upper, *title;
} specials[] = {
    {0xdf, "SS", "Ss"},
    {0x149, "\u02bcN", "\u02bcN"},
    {0x1f0, "J\u030c", "J\u030c"},
    {0x390, "\u0399\u0308\u0301", "\u0399\u0308\u0301"},
    {0x3b0, "\u03a5\u0308\u0301", "\u03a5\u0308\u0301"},
    {0x587, "\u0535\u0552", "\u0535\u0582"},
    {0x1e96, "H\u0331", "H\u0331"},
    {0x1e97, "T\u0308", "T\u0308"},
    {0x1e98, "W\u030a", "W\u030a"},
    {0x1e99, "Y\u030a", "Y\u030a"},
    {0x1e9a, "A\u02be", "A\u02be"},
    {0xfb00, "FF", "Ff"},
    {0xfb01, "FI", "Fi"},
    {0xfb02, "FL", "Fl"},
    {0xfb03, "FFI", "Ffi"},
    {0xfb04, "FFL", "Ffl"},
    {0xfb05, "ST", "St"},
    {0xfb06, "ST", "St"},
    {0xfb13, "\u0544\u0546", "\u0544\u0576"},
    {0xfb14, "\u0544\u0535", "\u0544\u0565"},
    {0xfb15, "\u0544\u053b", "\u0544\u056b"},
    {0xfb16, "\u054e\u0546", "\u054e\u0576"},
    {0xfb17, "\u0544\u053d", "\u0544\u056d"},
};

typedef enum letter { UPPER, LOWER, TITLE } letter;

/* cp in another case; ret holds up to 16 bytes. */
static size_t cased(uint32_t cp, letter to, char ret[16])
{
    for (size_t i = 0; to != LOWER && cp >= 0xdf && i < sizeof specials / sizeof *specials;
         i++) {
        if (specials[i].cp != cp) continue;
        const char *z = to == UPPER ? specials[i].upper : specials[i].title;
        memcpy(ret, z, strlen(z));
        return strlen(z);
    }
    if (to == LOWER && cp == 0x130) { /* the only one that becomes two when it is made small */
        memcpy(ret, "i\u0307", 3);
        return 3;
    }
    utf8proc_int32_t c = (utf8proc_int32_t)cp;
    c = to == UPPER   ? utf8proc_toupper(c)
        : to == LOWER ? utf8proc_tolower(c)
                      : utf8proc_totitle(c);
    return mn_utf8_encode((uint32_t)c, ret);
}

static mn_rc put_cased(jx *x, jtext *t, jval s, size_t at, size_t n, uint32_t cp, letter to)
{
    char tmp[16];
    size_t until;
    if (cp == 0xfffd && n == 1) return mn_jinja__put_sub(x, t, s, at, n); /* no character */
    bool marked = mn_jinja__is_marked(s.text, s.off + at, &until);
    return mn_jinja__put(x, t, (mn_str){tmp, cased(cp, to, tmp)}, marked);
}

static bool is_cased(uint32_t cp)
{
    if (cp < 0x80) return (cp | 32) >= 'a' && (cp | 32) <= 'z';
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
    return c == UTF8PROC_CATEGORY_LU || c == UTF8PROC_CATEGORY_LL ||
           c == UTF8PROC_CATEGORY_LT || mn_ulower(cp) != cp ||
           utf8proc_toupper((utf8proc_int32_t)cp) != (utf8proc_int32_t)cp;
}

/* Every character in a case: the first as `first`, those after one that is no letter as `after`, the rest small. */
static mn_rc all_cased(jx *x, jval s, letter first, letter after, letter rest, jval *ret)
{
    jtext *t;
    bool inside = false;
    MN_TRY(mn_jinja__spend(x, (size_t)s.len * 4));
    MN_TRY(mn_jinja__text_new(x, s.len, &t));
    for (size_t at = 0, n; at < s.len; at += n) {
        uint32_t cp;
        n = mn_jinja__cp(mn_jinja__bytes(s), at, &cp);
        letter to = at == 0 ? first : inside ? rest : after;
        if (cp == 0x3a3 && to == LOWER && inside) { /* a final sigma */
            uint32_t next = 0;
            if (at + n < s.len) mn_jinja__cp(mn_jinja__bytes(s), at + n, &next);
            if (!is_cased(next)) cp = 0x3c2;
        }
        MN_TRY(put_cased(x, t, s, at, n, cp, to));
        inside = is_cased(cp);
    }
    *ret = mn_jinja__whole(t, s.op);
    return MN_OK;
}

mn_rc mn_jinja__upper(jx *x, jval s, jval *ret)
{
    return all_cased(x, s, UPPER, UPPER, UPPER, ret);
}

mn_rc mn_jinja__lower(jx *x, jval s, jval *ret)
{
    return all_cased(x, s, LOWER, LOWER, LOWER, ret);
}

mn_rc mn_jinja__capitalize(jx *x, jval s, jval *ret)
{
    return all_cased(x, s, TITLE, LOWER, LOWER, ret);
}

/* The filter: a word begins at the start and behind "-", white space and opening brackets. */
mn_rc mn_jinja__title_filter(jx *x, jval s, jval *ret)
{
    jtext *t;
    bool begins = true;
    MN_TRY(mn_jinja__spend(x, (size_t)s.len * 4));
    MN_TRY(mn_jinja__text_new(x, s.len, &t));
    for (size_t at = 0, n; at < s.len; at += n) {
        uint32_t cp;
        n = mn_jinja__cp(mn_jinja__bytes(s), at, &cp);
        MN_TRY(put_cased(x, t, s, at, n, cp, begins ? UPPER : LOWER));
        begins = mn_jinja__is_space(cp) || (cp && cp < 0x80 && strchr("-({[<", (int)cp));
    }
    *ret = mn_jinja__whole(t, s.op);
    return MN_OK;
}

bool mn_jinja__case_is(mn_str s, bool upper)
{
    bool any = false;
    for (size_t at = 0, n; at < s.len; at += n) {
        uint32_t cp;
        n = mn_jinja__cp(s, at, &cp);
        if (!is_cased(cp)) continue;
        utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
        if (c == (upper ? UTF8PROC_CATEGORY_LL : UTF8PROC_CATEGORY_LU) ||
            c == UTF8PROC_CATEGORY_LT)
            return false;
        any = true;
    }
    return any;
}

static mn_rc upper(jx *x, const jcall *c, jval *ret)
{
    return mn_jinja__upper(x, c->self, ret);
}

static mn_rc lower(jx *x, const jcall *c, jval *ret)
{
    return mn_jinja__lower(x, c->self, ret);
}

static mn_rc capitalize(jx *x, const jcall *c, jval *ret)
{
    return mn_jinja__capitalize(x, c->self, ret);
}

static mn_rc title(jx *x, const jcall *c, jval *ret)
{
    return all_cased(x, c->self, TITLE, TITLE, LOWER, ret);
}

/* ---- what stands in it -------------------------------------------------------------------------------------------- */

static mn_rc all_are(jx *x, const jcall *c, bool (*is)(uint32_t cp), jval *ret)
{
    mn_str b = mn_jinja__bytes(c->self);
    bool all = b.len > 0;
    MN_TRY(str_self(x, c));
    for (size_t at = 0, n; at < b.len && all; at += n) {
        uint32_t cp;
        n = mn_jinja__cp(b, at, &cp);
        all = is(cp);
    }
    *ret = mn_jinja__bool(all);
    return MN_OK;
}

static bool is_digit(uint32_t cp)
{
    return utf8proc_category((utf8proc_int32_t)cp) == UTF8PROC_CATEGORY_ND || cp == 0xb2 ||
           cp == 0xb3 || cp == 0xb9 || (cp >= 0x2070 && cp <= 0x2089);
}

static bool is_alpha(uint32_t cp)
{
    return mn_uclass_of(cp) == MN_U_LETTER;
}

static bool is_alnum(uint32_t cp)
{
    return is_alpha(cp) || mn_uclass_of(cp) == MN_U_NUMBER;
}

static bool is_ascii(uint32_t cp)
{
    return cp < 0x80;
}

static mn_rc isdigit_(jx *x, const jcall *c, jval *ret)
{
    return all_are(x, c, is_digit, ret);
}

static mn_rc isalpha_(jx *x, const jcall *c, jval *ret)
{
    return all_are(x, c, is_alpha, ret);
}

static mn_rc isalnum_(jx *x, const jcall *c, jval *ret)
{
    return all_are(x, c, is_alnum, ret);
}

static mn_rc isspace_(jx *x, const jcall *c, jval *ret)
{
    return all_are(x, c, mn_jinja__is_space, ret);
}

static mn_rc isascii_(jx *x, const jcall *c, jval *ret)
{
    MN_TRY(all_are(x, c, is_ascii, ret));
    if (!c->self.len) ret->b = true;
    return MN_OK;
}

static mn_rc isupper_(jx *x, const jcall *c, jval *ret)
{
    MN_TRY(str_self(x, c));
    *ret = mn_jinja__bool(mn_jinja__case_is(mn_jinja__bytes(c->self), true));
    return MN_OK;
}

static mn_rc islower_(jx *x, const jcall *c, jval *ret)
{
    MN_TRY(str_self(x, c));
    *ret = mn_jinja__bool(mn_jinja__case_is(mn_jinja__bytes(c->self), false));
    return MN_OK;
}

/* The part of the string that arguments `from` and `to` name. */
static mn_rc window(jx *x, jval s, jval from, jval to, jval *ret)
{
    jval part[3] = {from, to, {.type = J_MISSING}};
    if (given(from) || given(to)) return mn_jinja__slice(x, s, part, ret);
    *ret = s;
    return MN_OK;
}

static mn_rc affix(jx *x, const jcall *c, bool at_end, jval *ret)
{
    jlist l = {0};
    jval s, one = c->arg[0];
    MN_TRY(window(x, c->self, c->arg[1], c->arg[2], &s));
    if (one.type == J_TUPLE) l = *one.list;
    else l = (jlist){.items = &one, .n = 1};
    *ret = mn_jinja__bool(false);
    for (size_t i = 0; i < l.n && !ret->b; i++) {
        jval a = l.items[i];
        MN_TRY(
            mn_jinja__want_str(x, a, at_end ? "endswith's argument" : "startswith's argument"));
        mn_str b = mn_jinja__bytes(s);
        if (a.len > b.len) continue;
        const char *at = at_end ? b.ptr + b.len - a.len : b.ptr;
        ret->b = !a.len || memcmp(at, mn_jinja__bytes(a).ptr, a.len) == 0;
    }
    return MN_OK;
}

static mn_rc startswith(jx *x, const jcall *c, jval *ret)
{
    return affix(x, c, false, ret);
}

static mn_rc endswith(jx *x, const jcall *c, jval *ret)
{
    return affix(x, c, true, ret);
}

/* The last occurrence; SIZE_MAX: none. */
static size_t find_last(mn_str s, mn_str needle)
{
    size_t at = SIZE_MAX, from = 0;
    if (!needle.len) return s.len;
    while ((from = mn_str_find(s, needle, from)) != SIZE_MAX) at = from++;
    return at;
}

static mn_rc found(jx *x, const jcall *c, bool last, bool must, jval *ret)
{
    jval s;
    MN_TRY(str_self(x, c));
    MN_TRY(mn_jinja__want_str(x, c->arg[0], "what is looked for"));
    if (given(c->arg[1]) || given(c->arg[2]))
        return mn_jinja__fail(x, MN_E_UNSUPPORTED,
                              "find and index with bounds are not supported");
    s = c->self;
    mn_str b = mn_jinja__bytes(s), needle = mn_jinja__bytes(c->arg[0]);
    size_t at = last ? find_last(b, needle) : mn_str_find(b, needle, 0);
    if (at == SIZE_MAX && must) return mn_jinja__fail(x, MN_E_PARSE, "substring not found");
    *ret =
        mn_jinja__int(at == SIZE_MAX ? -1 : (int64_t)mn_jinja__count_cp(mn_str_sub(b, 0, at)));
    return MN_OK;
}

static mn_rc find(jx *x, const jcall *c, jval *ret)
{
    return found(x, c, false, false, ret);
}

static mn_rc rfind(jx *x, const jcall *c, jval *ret)
{
    return found(x, c, true, false, ret);
}

static mn_rc index_(jx *x, const jcall *c, jval *ret)
{
    return found(x, c, false, true, ret);
}

static mn_rc rindex_(jx *x, const jcall *c, jval *ret)
{
    return found(x, c, true, true, ret);
}

static mn_rc count(jx *x, const jcall *c, jval *ret)
{
    MN_TRY(str_self(x, c));
    MN_TRY(mn_jinja__want_str(x, c->arg[0], "what is counted"));
    mn_str b = mn_jinja__bytes(c->self), needle = mn_jinja__bytes(c->arg[0]);
    int64_t n = 0;
    if (!needle.len) n = (int64_t)mn_jinja__count_cp(b) + 1;
    for (size_t at = 0; needle.len && (at = mn_str_find(b, needle, at)) != SIZE_MAX;
         at += needle.len)
        n++;
    *ret = mn_jinja__int(n);
    return MN_OK;
}

/* ---- cutting ------------------------------------------------------------------------------------------------------- */

static bool in_chars(mn_str chars, mn_str one, uint32_t cp)
{
    if (!chars.ptr) return mn_jinja__is_space(cp);
    return mn_str_find(chars, one, 0) != SIZE_MAX;
}

static size_t before(mn_str s, size_t end)
{
    size_t at = end - 1;
    while (at && end - at < 4 && ((unsigned char)s.ptr[at] & 0xc0) == 0x80) at--;
    uint32_t cp;
    return mn_jinja__cp(s, at, &cp) == end - at ? at : end - 1;
}

mn_rc mn_jinja__strip(jx *x, jval s, jval chars, int sides, jval *ret)
{
    mn_str b = mn_jinja__bytes(s), set = MN_STR_NONE;
    size_t from = 0, to = b.len;
    uint32_t cp;
    if (given(chars)) {
        MN_TRY(mn_jinja__want_str(x, chars, "what is stripped"));
        set = mn_jinja__bytes(chars);
        if (!set.ptr) set = MN_STR("");
    }
    while ((sides & 1) && from < to) {
        size_t n = mn_jinja__cp(b, from, &cp);
        if (!in_chars(set, mn_str_sub(b, from, n), cp)) break;
        from += n;
    }
    while ((sides & 2) && to > from) {
        size_t at = before(b, to);
        mn_jinja__cp(b, at, &cp);
        if (!in_chars(set, mn_str_sub(b, at, to - at), cp)) break;
        to = at;
    }
    MN_TRY(mn_jinja__spend(x, (b.len - (to - from)) * (set.len + 1)));
    *ret = mn_jinja__sub(s, from, to - from);
    return MN_OK;
}

static mn_rc strip(jx *x, const jcall *c, jval *ret)
{
    return mn_jinja__strip(x, c->self, c->arg[0], 3, ret);
}

static mn_rc lstrip(jx *x, const jcall *c, jval *ret)
{
    return mn_jinja__strip(x, c->self, c->arg[0], 1, ret);
}

static mn_rc rstrip(jx *x, const jcall *c, jval *ret)
{
    return mn_jinja__strip(x, c->self, c->arg[0], 2, ret);
}

static mn_rc most(jx *x, jval v, int64_t *ret)
{
    *ret = -1;
    if (v.type == J_MISSING) return MN_OK;
    return mn_jinja__want_int(x, v, "how often to split", ret);
}

static mn_rc split_spaces(jx *x, jval s, int64_t max, jlist *l)
{
    mn_str b = mn_jinja__bytes(s);
    size_t at = 0, n;
    for (;;) {
        uint32_t cp;
        while (at < b.len && (n = mn_jinja__cp(b, at, &cp), mn_jinja__is_space(cp))) at += n;
        if (at == b.len) return MN_OK;
        size_t from = at;
        if (max >= 0 && (int64_t)l->n >= max)
            return mn_jinja__list_add(x, l, mn_jinja__sub(s, from, b.len - from));
        while (at < b.len && (n = mn_jinja__cp(b, at, &cp), !mn_jinja__is_space(cp))) at += n;
        MN_TRY(mn_jinja__list_add(x, l, mn_jinja__sub(s, from, at - from)));
    }
}

static mn_rc split_at(jx *x, jval s, mn_str sep, int64_t max, jlist *l)
{
    mn_str b = mn_jinja__bytes(s);
    size_t from = 0, at;
    while ((max < 0 || (int64_t)l->n < max) && (at = mn_str_find(b, sep, from)) != SIZE_MAX) {
        MN_TRY(mn_jinja__list_add(x, l, mn_jinja__sub(s, from, at - from)));
        from = at + sep.len;
    }
    return mn_jinja__list_add(x, l, mn_jinja__sub(s, from, b.len - from));
}

static mn_rc split(jx *x, const jcall *c, jval *ret)
{
    int64_t max;
    MN_TRY(str_self(x, c));
    MN_TRY(most(x, c->arg[1], &max));
    MN_TRY(mn_jinja__list_new(x, J_LIST, 0, ret));
    if (!given(c->arg[0])) return split_spaces(x, c->self, max, ret->list);
    MN_TRY(mn_jinja__want_str(x, c->arg[0], "a separator"));
    if (!c->arg[0].len) return mn_jinja__fail(x, MN_E_PARSE, "a separator is empty");
    return split_at(x, c->self, mn_jinja__bytes(c->arg[0]), max, ret->list);
}

/* Where needle stands last within the first `end` bytes; SIZE_MAX: nowhere. */
static size_t find_before(mn_str s, mn_str needle, size_t end)
{
    if (end < needle.len) return SIZE_MAX;
    for (size_t at = end - needle.len;; at--) {
        if (memcmp(s.ptr + at, needle.ptr, needle.len) == 0) return at;
        if (!at) return SIZE_MAX;
    }
}

static void turn(jlist *l)
{
    for (size_t i = 0; i < l->n / 2; i++) {
        jval v = l->items[i];
        l->items[i] = l->items[l->n - 1 - i];
        l->items[l->n - 1 - i] = v;
    }
}

static mn_rc rsplit(jx *x, const jcall *c, jval *ret)
{
    int64_t max;
    MN_TRY(most(x, c->arg[1], &max));
    if (max < 0) return split(x, c, ret);
    if (!given(c->arg[0]))
        return mn_jinja__fail(x, MN_E_UNSUPPORTED,
                              "rsplit at white space with a limit is not supported");
    MN_TRY(mn_jinja__want_str(x, c->arg[0], "a separator"));
    mn_str b = mn_jinja__bytes(c->self), sep = mn_jinja__bytes(c->arg[0]);
    if (!sep.len) return mn_jinja__fail(x, MN_E_PARSE, "a separator is empty");
    MN_TRY(mn_jinja__spend(x, b.len * (1 + sep.len / 16)));
    MN_TRY(mn_jinja__list_new(x, J_LIST, 0, ret));
    size_t end = b.len, at;
    while ((int64_t)ret->list->n < max && (at = find_before(b, sep, end)) != SIZE_MAX) {
        MN_TRY(mn_jinja__list_add(x, ret->list,
                                  mn_jinja__sub(c->self, at + sep.len, end - at - sep.len)));
        end = at;
    }
    MN_TRY(mn_jinja__list_add(x, ret->list, mn_jinja__sub(c->self, 0, end)));
    turn(ret->list);
    return MN_OK;
}

static bool ends_line(uint32_t cp)
{
    return (cp >= 10 && cp <= 13) || (cp >= 0x1c && cp <= 0x1e) || cp == 0x85 || cp == 0x2028 ||
           cp == 0x2029;
}

mn_rc mn_jinja__lines(jx *x, jval s, bool keep_ends, jval *ret)
{
    mn_str b = mn_jinja__bytes(s);
    size_t from = 0;
    MN_TRY(mn_jinja__spend(x, b.len));
    MN_TRY(mn_jinja__list_new(x, J_LIST, 0, ret));
    for (size_t at = 0, n; at < b.len; at += n) {
        uint32_t cp;
        n = mn_jinja__cp(b, at, &cp);
        if (!ends_line(cp)) continue;
        if (cp == '\r' && at + 1 < b.len && b.ptr[at + 1] == '\n') n = 2;
        size_t to = keep_ends ? at + n : at;
        MN_TRY(mn_jinja__list_add(x, ret->list, mn_jinja__sub(s, from, to - from)));
        from = at + n;
    }
    if (from == b.len) return MN_OK;
    return mn_jinja__list_add(x, ret->list, mn_jinja__sub(s, from, b.len - from));
}

static mn_rc splitlines(jx *x, const jcall *c, jval *ret)
{
    return mn_jinja__lines(x, c->self, mn_jinja__truth(c->arg[0]), ret);
}

static mn_rc partition_at(jx *x, const jcall *c, bool last, jval *ret)
{
    MN_TRY(str_self(x, c));
    MN_TRY(mn_jinja__want_str(x, c->arg[0], "a separator"));
    mn_str b = mn_jinja__bytes(c->self), sep = mn_jinja__bytes(c->arg[0]);
    if (!sep.len) return mn_jinja__fail(x, MN_E_PARSE, "a separator is empty");
    size_t at = last ? find_last(b, sep) : mn_str_find(b, sep, 0);
    jval none = mn_jinja__sub(c->self, 0, 0), all = c->self;
    MN_TRY(mn_jinja__list_new(x, J_TUPLE, 3, ret));
    jval *p = ret->list->items;
    ret->list->n = 3;
    p[0] = last ? none : all;
    p[1] = none;
    p[2] = last ? all : none;
    if (at == SIZE_MAX) return MN_OK;
    p[0] = mn_jinja__sub(all, 0, at);
    p[1] = mn_jinja__sub(all, at, sep.len);
    p[2] = mn_jinja__sub(all, at + sep.len, b.len - at - sep.len);
    return MN_OK;
}

static mn_rc partition(jx *x, const jcall *c, jval *ret)
{
    return partition_at(x, c, false, ret);
}

static mn_rc rpartition(jx *x, const jcall *c, jval *ret)
{
    return partition_at(x, c, true, ret);
}

static mn_rc removeprefix(jx *x, const jcall *c, jval *ret)
{
    jval a = c->arg[0];
    MN_TRY(mn_jinja__want_str(x, a, "a prefix"));
    mn_str b = mn_jinja__bytes(c->self);
    bool has = a.len && a.len <= b.len && memcmp(b.ptr, mn_jinja__bytes(a).ptr, a.len) == 0;
    *ret = has ? mn_jinja__sub(c->self, a.len, b.len - a.len) : c->self;
    return MN_OK;
}

static mn_rc removesuffix(jx *x, const jcall *c, jval *ret)
{
    jval a = c->arg[0];
    MN_TRY(mn_jinja__want_str(x, a, "a suffix"));
    mn_str b = mn_jinja__bytes(c->self);
    bool has = a.len && a.len <= b.len &&
               memcmp(b.ptr + b.len - a.len, mn_jinja__bytes(a).ptr, a.len) == 0;
    *ret = has ? mn_jinja__sub(c->self, 0, b.len - a.len) : c->self;
    return MN_OK;
}

/* ---- making others ------------------------------------------------------------------------------------------------- */

/* `with` between all characters and at both ends, as replacing the empty string does. */
static mn_rc replace_nothing(jx *x, jval s, jval with, int64_t n, jtext *t)
{
    size_t at = 0;
    for (;; n--) {
        uint32_t cp;
        if (n) MN_TRY(mn_jinja__put_val(x, t, with));
        else return mn_jinja__put_sub(x, t, s, at, s.len - at);
        if (at == s.len) return MN_OK;
        size_t len = mn_jinja__cp(mn_jinja__bytes(s), at, &cp);
        MN_TRY(mn_jinja__put_sub(x, t, s, at, len));
        at += len;
    }
}

mn_rc mn_jinja__replace(jx *x, jval s, jval old, jval with, int64_t count_, jval *ret)
{
    jtext *t;
    size_t from = 0, at;
    mn_str needle = mn_jinja__bytes(old);
    MN_TRY(mn_jinja__spend(x, s.len));
    if (needle.len && mn_str_find(mn_jinja__bytes(s), needle, 0) == SIZE_MAX) {
        *ret = s;
        return MN_OK;
    }
    MN_TRY(mn_jinja__text_new(x, s.len, &t));
    *ret = s;
    if (!needle.len) {
        MN_TRY(replace_nothing(x, s, with, count_, t));
    } else {
        for (int64_t n = count_;
             n && (at = mn_str_find(mn_jinja__bytes(s), needle, from)) != SIZE_MAX; n--) {
            MN_TRY(mn_jinja__put_sub(x, t, s, from, at - from));
            MN_TRY(mn_jinja__put_val(x, t, with));
            from = at + needle.len;
        }
        MN_TRY(mn_jinja__put_sub(x, t, s, from, s.len - from));
    }
    *ret = mn_jinja__whole(t, s.op);
    return MN_OK;
}

static mn_rc replace(jx *x, const jcall *c, jval *ret)
{
    int64_t n;
    MN_TRY(mn_jinja__want_str(x, c->arg[0], "what is replaced"));
    MN_TRY(mn_jinja__want_str(x, c->arg[1], "a replacement"));
    MN_TRY(most(x, c->arg[2], &n));
    return mn_jinja__replace(x, c->self, c->arg[0], c->arg[1], n, ret);
}

mn_rc mn_jinja__join(jx *x, jval by, const jlist *items, jval *ret)
{
    jtext *t;
    MN_TRY(mn_jinja__text_new(x, 0, &t));
    for (size_t i = 0; i < items->n; i++) {
        if (i) MN_TRY(mn_jinja__put_val(x, t, by));
        MN_TRY(mn_jinja__put_str(x, t, items->items[i]));
    }
    *ret = mn_jinja__whole(t, false);
    return MN_OK;
}

static mn_rc join(jx *x, const jcall *c, jval *ret)
{
    jlist l;
    MN_TRY(mn_jinja__items(x, c->arg[0], &l));
    for (size_t i = 0; i < l.n; i++)
        MN_TRY(mn_jinja__want_str(x, l.items[i], "what is joined"));
    return mn_jinja__join(x, c->self, &l, ret);
}

static mn_rc padded(jx *x, const jcall *c, int64_t left, int64_t right, jval fill, jval *ret)
{
    jtext *t;
    MN_TRY(mn_jinja__text_new(x, c->self.len, &t));
    for (int64_t i = 0; i < left; i++) MN_TRY(mn_jinja__put_val(x, t, fill));
    MN_TRY(mn_jinja__put_val(x, t, c->self));
    for (int64_t i = 0; i < right; i++) MN_TRY(mn_jinja__put_val(x, t, fill));
    *ret = mn_jinja__whole(t, c->self.op);
    return MN_OK;
}

/* How many characters are missing from the width that the first argument asks for, and with what to fill. */
static mn_rc missing(jx *x, const jcall *c, int64_t *ret, jval *ret_fill)
{
    int64_t width, n = (int64_t)mn_jinja__count_cp(mn_jinja__bytes(c->self));
    MN_TRY(mn_jinja__want_int(x, c->arg[0], "a width", &width));
    if (width > 100000) return mn_jinja__fail(x, MN_E_LIMIT, "a width is above 100,000");
    MN_TRY(mn_jinja__str(x, MN_STR(" "), ret_fill));
    if (given(c->arg[1])) {
        MN_TRY(mn_jinja__want_str(x, c->arg[1], "what to fill with"));
        *ret_fill = c->arg[1];
    }
    *ret = width > n ? width - n : 0;
    return MN_OK;
}

static mn_rc ljust(jx *x, const jcall *c, jval *ret)
{
    int64_t n;
    jval fill;
    MN_TRY(missing(x, c, &n, &fill));
    return padded(x, c, 0, n, fill, ret);
}

static mn_rc rjust(jx *x, const jcall *c, jval *ret)
{
    int64_t n;
    jval fill;
    MN_TRY(missing(x, c, &n, &fill));
    return padded(x, c, n, 0, fill, ret);
}

static mn_rc center(jx *x, const jcall *c, jval *ret)
{
    int64_t n, width;
    jval fill;
    MN_TRY(missing(x, c, &n, &fill));
    MN_TRY(mn_jinja__want_int(x, c->arg[0], "a width", &width));
    int64_t left = n / 2 + (n & width & 1); /* as Python rounds */
    return padded(x, c, left, n - left, fill, ret);
}

static mn_rc zfill(jx *x, const jcall *c, jval *ret)
{
    int64_t n;
    jval zero;
    jtext *t;
    mn_str b = mn_jinja__bytes(c->self);
    size_t sign = b.len && (b.ptr[0] == '+' || b.ptr[0] == '-') ? 1 : 0;
    MN_TRY(missing(x, c, &n, &zero));
    MN_TRY(mn_jinja__text_new(x, c->self.len, &t));
    MN_TRY(mn_jinja__put_sub(x, t, c->self, 0, sign));
    for (int64_t i = 0; i < n; i++) MN_TRY(mn_jinja__put(x, t, MN_STR("0"), false));
    MN_TRY(mn_jinja__put_sub(x, t, c->self, sign, c->self.len - sign));
    *ret = mn_jinja__whole(t, c->self.op);
    return MN_OK;
}

static mn_rc swapcase(jx *x, const jcall *c, jval *ret)
{
    jtext *t;
    MN_TRY(mn_jinja__spend(x, (size_t)c->self.len * 4));
    MN_TRY(mn_jinja__text_new(x, c->self.len, &t));
    for (size_t at = 0, n; at < c->self.len; at += n) {
        uint32_t cp;
        n = mn_jinja__cp(mn_jinja__bytes(c->self), at, &cp);
        bool large = utf8proc_category((utf8proc_int32_t)cp) == UTF8PROC_CATEGORY_LU;
        MN_TRY(put_cased(x, t, c->self, at, n, cp, large ? LOWER : UPPER));
    }
    *ret = mn_jinja__whole(t, c->self.op);
    return MN_OK;
}

/* ---- "{}".format --------------------------------------------------------------------------------------------------- */

static mn_rc field(jx *x, const jcall *c, mn_str name, size_t *next, jval *ret)
{
    uint64_t at = *next;
    if (!name.len) {
        ++*next;
    } else if (mn_str_to_u64(name, &at) != MN_OK) {
        for (size_t i = 0; i < c->args->n_kw; i++)
            if (mn_str_eq(c->args->kw[i].name, name)) {
                *ret = c->args->kw[i].v;
                return MN_OK;
            }
        return mn_jinja__fail(x, MN_E_PARSE, "format finds no value for '%.*s'",
                              MN_STR_FMT(mn_utf8_cut(name, 64)));
    }
    if (at >= c->args->n) return mn_jinja__fail(x, MN_E_PARSE, "format has too few values");
    *ret = c->args->pos[at];
    return MN_OK;
}

/* Fields by place or name; what stands behind ":" or "!", or follows a value, is not supported. */
static mn_rc format(jx *x, const jcall *c, jval *ret)
{
    jtext *t;
    size_t next = 0, from = 0;
    jval s = c->self, v;
    mn_str f = mn_jinja__bytes(s);
    MN_TRY(str_self(x, c));
    MN_TRY(mn_jinja__text_new(x, s.len, &t));
    for (size_t at = 0; at < f.len; at++) {
        char b = f.ptr[at];
        if (b != '{' && b != '}') continue;
        MN_TRY(mn_jinja__put_sub(x, t, s, from, at - from));
        from = at + 1;
        if (from < f.len && f.ptr[from] == b) { /* doubled: itself */
            at++;
            continue;
        }
        size_t close = b == '{' ? mn_str_find(f, MN_STR("}"), at) : SIZE_MAX;
        if (close == SIZE_MAX)
            return mn_jinja__fail(x, MN_E_PARSE, "format has a single '%c'", b);
        mn_str name = mn_str_sub(f, at + 1, close - at - 1);
        for (size_t i = 0; i < name.len; i++)
            if (memchr("{:!.[", name.ptr[i], 5))
                return mn_jinja__fail(x, MN_E_UNSUPPORTED,
                                      "format with '%c' in a field is not supported",
                                      name.ptr[i]);
        MN_TRY(field(x, c, name, &next, &v));
        MN_TRY(mn_jinja__put_str(x, t, v));
        at = close;
        from = close + 1;
    }
    MN_TRY(mn_jinja__put_sub(x, t, s, from, f.len - from));
    *ret = mn_jinja__whole(t, s.op);
    return MN_OK;
}

const jfunc mn_jinja__str_methods[] = {
    {"upper", upper, "", 0},
    {"lower", lower, "", 0},
    {"capitalize", capitalize, "", 0},
    {"title", title, "", 0},
    {"swapcase", swapcase, "", 0},
    {"strip", strip, "/", 0},
    {"lstrip", lstrip, "/", 0},
    {"rstrip", rstrip, "/", 0},
    {"split", split, "sep,maxsplit", 0},
    {"rsplit", rsplit, "sep,maxsplit", 0},
    {"splitlines", splitlines, "keepends", 0},
    {"partition", partition, "/", 1},
    {"rpartition", rpartition, "/", 1},
    {"startswith", startswith, "/,/,/", 1},
    {"endswith", endswith, "/,/,/", 1},
    {"removeprefix", removeprefix, "/", 1},
    {"removesuffix", removesuffix, "/", 1},
    {"replace", replace, "/,/,/", 2},
    {"join", join, "/", 1},
    {"find", find, "/,/,/", 1},
    {"rfind", rfind, "/,/,/", 1},
    {"index", index_, "/,/,/", 1},
    {"rindex", rindex_, "/,/,/", 1},
    {"count", count, "/", 1},
    {"format", format, NULL, 0},
    {"ljust", ljust, "/,/", 1},
    {"rjust", rjust, "/,/", 1},
    {"center", center, "/,/", 1},
    {"zfill", zfill, "/", 1},
    {"isdigit", isdigit_, "", 0},
    {"isalpha", isalpha_, "", 0},
    {"isalnum", isalnum_, "", 0},
    {"isspace", isspace_, "", 0},
    {"isascii", isascii_, "", 0},
    {"isupper", isupper_, "", 0},
    {"islower", islower_, "", 0},
    {0},
};

/* ---- numbers from text ---------------------------------------------------------------------------------------------- */

static int digit_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;
}

/* Without white space around, sign and prefix. *io_base 0: by the prefix. */
static mn_str after_prefix(mn_str s, int *io_base)
{
    int base = *io_base;
    if (s.len > 2 && s.ptr[0] == '0') {
        char c = (char)(s.ptr[1] | 32);
        int says = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 0;
        if (says && (base == 0 || base == says)) {
            *io_base = says;
            s = mn_str_sub(s, 2, s.len);
            return s.len > 1 && s.ptr[0] == '_' ? mn_str_sub(s, 1, s.len) : s;
        }
    }
    if (!base) *io_base = 10;
    return s;
}

mn_rc mn_jinja__parse_int(mn_str s, int base, int64_t *ret)
{
    s = mn_str_trim(s);
    bool minus = s.len && s.ptr[0] == '-';
    if (s.len && (minus || s.ptr[0] == '+')) s = mn_str_sub(s, 1, s.len);
    s = after_prefix(s, &base);
    int64_t v = 0;
    bool digit = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '_' && digit && i + 1 < s.len) {
            digit = false;
            continue;
        }
        int d = digit_value(s.ptr[i]);
        if (d >= base) return MN_E_PARSE;
        digit = true;
        if (__builtin_mul_overflow(v, base, &v) ||
            (minus ? __builtin_sub_overflow(v, d, &v) : __builtin_add_overflow(v, d, &v)))
            return MN_E_LIMIT;
    }
    if (!digit) return MN_E_PARSE;
    *ret = v;
    return MN_OK;
}

static bool is_float_word(mn_str s)
{
    mn_str rest = s.len && strchr("+-", s.ptr[0]) ? mn_str_sub(s, 1, s.len) : s;
    return mn_str_eq_nocase(rest, MN_STR("inf")) ||
           mn_str_eq_nocase(rest, MN_STR("infinity")) || mn_str_eq_nocase(rest, MN_STR("nan"));
}

mn_rc mn_jinja__parse_f64(mn_str s, double *ret)
{
    char tmp[128], *end;
    size_t n = 0;
    s = mn_str_trim(s);
    bool word = is_float_word(s);
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool between = i && i + 1 < s.len && digit_value(s.ptr[i - 1]) < 10 &&
                       digit_value(s.ptr[i + 1]) < 10;
        if (c == '_' && between) continue;
        if (!word && !(c >= '0' && c <= '9') && !memchr("+-.eE", c, 5)) return MN_E_PARSE;
        if (n + 1 < sizeof tmp) tmp[n++] = c; /* digits beyond the hundredth do not count */
        else return MN_E_LIMIT;
    }
    tmp[n] = '\0';
    *ret = strtod(tmp, &end);
    return n && *end == '\0' ? MN_OK : MN_E_PARSE;
}

/* multipart/form-data (RFC 7578): parts with a file name are uploads, the others values. One pass, nothing is copied but
 * names with escapes. */
#include "api/mastodon/params.h"

#define PARTS_MAX 64

static mn_rc broken(mn_err *e, const char *what)
{
    return mn_fail(e, MN_E_PARSE, "the multipart body %s", what);
}

/* The value of a parameter in `type/subtype; name="value"; …`, MN_STR_NONE when absent. Quoted strings may hold ';' and
 * backslash escapes; these are left as they are, but for \" and \\ in what browsers send. */
static mn_str parameter(mn_str header, const char *name, mn_arena *ar)
{
    size_t i = 0;
    while (i < header.len && header.ptr[i] != ';') i++;
    while (i < header.len) {
        size_t from = ++i, eq;
        while (i < header.len && header.ptr[i] != '=' && header.ptr[i] != ';') i++;
        mn_str key = mn_str_trim(mn_str_sub(header, from, i - from));
        if (i == header.len || header.ptr[i] == ';') continue;
        eq = ++i;
        bool quoted = i < header.len && header.ptr[i] == '"', escaped = false;
        if (quoted)
            for (i++; i < header.len && header.ptr[i] != '"'; i++)
                if (header.ptr[i] == '\\' && i + 1 < header.len) escaped = true, i++;
        mn_str value = quoted ? mn_str_sub(header, eq + 1, i - eq - 1) : MN_STR_NONE;
        while (i < header.len && header.ptr[i] != ';') i++;
        if (!quoted) value = mn_str_trim(mn_str_sub(header, eq, i - eq));
        if (!mn_str_eq_nocase(key, mn_str_from(name))) continue;
        if (!escaped) return value;
        char *out = mn_arena_alloc(ar, value.len + 1);
        size_t n = 0;
        for (size_t k = 0; out && k < value.len; k++) {
            if (value.ptr[k] == '\\' && k + 1 < value.len) k++;
            out[n++] = value.ptr[k];
        }
        return out ? (mn_str){out, n} : MN_STR_NONE;
    }
    return MN_STR_NONE;
}

static mn_rc add_file(mn_params *p, mn_str name, mn_upload file, mn_arena *ar, mn_err *e)
{
    if (p->n_files == p->cap_files) {
        size_t cap = p->cap_files ? p->cap_files * 2 : 4;
        mn_param_part *more = mn_arena_alloc(ar, cap * sizeof *more);
        if (!more) return mn_fail(e, MN_E_NOMEM, "out of memory reading the request");
        if (p->n_files > 0) memcpy(more, p->files, p->n_files * sizeof *more);
        p->files = more;
        p->cap_files = cap;
    }
    p->files[p->n_files++] = (mn_param_part){name, file};
    return MN_OK;
}

/* Headers and content of one part. */
static mn_rc take_part(mn_str part, mn_arena *ar, mn_params *p, mn_err *e)
{
    mn_str name = MN_STR_NONE, filename = MN_STR_NONE, type = MN_STR_NONE, rest = part;
    for (;;) {
        size_t end = mn_str_find(rest, MN_STR("\r\n"), 0);
        if (end == SIZE_MAX) return broken(e, "has a part without an end of its headers");
        mn_str line = mn_str_sub(rest, 0, end), value;
        rest = mn_str_sub(rest, end + 2, SIZE_MAX - end - 2);
        if (line.len == 0) break;
        mn_str key = mn_str_trim(mn_str_split(line, ':', &value));
        if (mn_str_eq_nocase(key, MN_STR("Content-Disposition"))) {
            name = parameter(value, "name", ar);
            filename = parameter(value, "filename", ar);
        } else if (mn_str_eq_nocase(key, MN_STR("Content-Type"))) {
            type = mn_str_trim(value);
        }
    }
    if (name.len == 0) return broken(e, "has a part without a name");
    if (!mn_utf8_valid(name)) return broken(e, "has a name that is not UTF-8");
    if (filename.ptr)
        return add_file(p, name, (mn_upload){.name = filename, .type = type, .bytes = rest}, ar,
                        e);
    if (!mn_utf8_valid(rest) || memchr(rest.ptr, 0, rest.len))
        return broken(e, "has a value that is not UTF-8 text");
    return mn_params__add(p, name, rest, ar, e);
}

mn_rc mn_params__multipart(mn_str body, mn_str content_type, mn_arena *ar, mn_params *p,
                           mn_err *e)
{
    mn_str boundary = parameter(content_type, "boundary", ar);
    if (boundary.len == 0 || boundary.len > 70) return broken(e, "has no proper boundary");
    mn_str mark = mn_str_fmt(ar, "\r\n--%.*s", MN_STR_FMT(boundary));
    if (!mark.ptr) return mn_fail(e, MN_E_NOMEM, "out of memory reading the request");
    /* The first boundary may stand at the very start. */
    mn_str first = mn_str_sub(mark, 2, mark.len - 2);
    size_t at;
    if (body.len >= first.len && memcmp(body.ptr, first.ptr, first.len) == 0) at = first.len;
    else if ((at = mn_str_find(body, mark, 0)) != SIZE_MAX) at += mark.len;
    else return broken(e, "does not hold its boundary");
    for (int n = 0;; n++) {
        mn_str rest = mn_str_sub(body, at, SIZE_MAX - at);
        if (mn_str_starts(rest, "--")) return MN_OK;
        size_t line = mn_str_find(rest, MN_STR("\r\n"), 0);
        if (line == SIZE_MAX) return broken(e, "ends within a boundary");
        if (n == PARTS_MAX)
            return mn_fail(e, MN_E_LIMIT, "a multipart body has at most %d parts", PARTS_MAX);
        size_t from = at + line + 2, end = mn_str_find(body, mark, from - 2);
        if (end == SIZE_MAX || end < from) return broken(e, "ends within a part");
        MN_TRY(take_part(mn_str_sub(body, from, end - from), ar, p, e));
        at = end + mark.len;
    }
}

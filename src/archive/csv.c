/* A row ends at LF, CR LF or CR outside of quotes. A quote counts only at the start of a field; two of them inside of
 * quotes are one. */
#include "archive/csv.h"

mn_rc mn_csv_init(mn_csv *c, mn_str text, mn_err *e)
{
    if (!mn_utf8_valid(text) || memchr(text.ptr ? text.ptr : "", 0, text.len))
        return mn_fail(e, MN_E_PARSE, "this is no table of text in UTF-8");
    if (mn_str_starts(text, "\xef\xbb\xbf")) text = mn_str_sub(text, 3, SIZE_MAX);
    *c = (mn_csv){.rest = text};
    return MN_OK;
}

static mn_rc wrong(const mn_csv *c, mn_rc rc, const char *why, mn_err *e)
{
    return mn_fail(e, rc, "row %llu %s", (unsigned long long)c->row, why);
}

static bool ends_field(mn_str s)
{
    return !s.len || s.ptr[0] == ',' || s.ptr[0] == '\n' || s.ptr[0] == '\r';
}

static mn_rc plain(mn_csv *c, mn_str *ret, mn_err *e)
{
    size_t n = 0;
    while (!ends_field(mn_str_sub(c->rest, n, SIZE_MAX))) n++;
    if (n > MN_CSV_FIELD_MAX) return wrong(c, MN_E_LIMIT, "has a field that is too long", e);
    *ret = mn_str_trim(mn_str_sub(c->rest, 0, n));
    c->rest = mn_str_sub(c->rest, n, SIZE_MAX);
    return MN_OK;
}

/* rest begins after the opening quote. */
static mn_rc quoted(mn_csv *c, mn_arena *ar, mn_str *ret, mn_err *e)
{
    size_t n = 0, i = 0;
    char *out = mn_arena_alloc(ar, MN_CSV_FIELD_MAX + 1);
    if (!out) return mn_fail(e, MN_E_NOMEM, "no memory to read a table");
    for (;; i++) {
        if (i >= c->rest.len) return wrong(c, MN_E_PARSE, "has a quote that never closes", e);
        if (c->rest.ptr[i] == '"') {
            if (i + 1 >= c->rest.len || c->rest.ptr[i + 1] != '"') break;
            i++;
        }
        if (n == MN_CSV_FIELD_MAX)
            return wrong(c, MN_E_LIMIT, "has a field that is too long", e);
        out[n++] = c->rest.ptr[i];
    }
    c->rest = mn_str_sub(c->rest, i + 1, SIZE_MAX);
    if (!ends_field(c->rest))
        return wrong(c, MN_E_PARSE, "has something after a closing quote", e);
    *ret = mn_str_trim((mn_str){out, n});
    return MN_OK;
}

static mn_rc read_field(mn_csv *c, mn_arena *ar, mn_str *ret, mn_err *e)
{
    if (!c->rest.len || c->rest.ptr[0] != '"') return plain(c, ret, e);
    c->rest = mn_str_sub(c->rest, 1, SIZE_MAX);
    return quoted(c, ar, ret, e);
}

static void pass_line_end(mn_csv *c)
{
    size_t n = mn_str_starts(c->rest, "\r\n") ? 2 : c->rest.len ? 1 : 0;
    c->rest = mn_str_sub(c->rest, n, SIZE_MAX);
}

static mn_rc read_row(mn_csv *c, mn_arena *ar, mn_csv_row *ret, mn_err *e)
{
    ret->n = 0;
    c->row++;
    for (;;) {
        mn_str field;
        MN_TRY(read_field(c, ar, &field, e));
        if (ret->n < MN_CSV_FIELDS_MAX) ret->fields[ret->n++] = field;
        if (!c->rest.len || c->rest.ptr[0] != ',') break;
        c->rest = mn_str_sub(c->rest, 1, SIZE_MAX);
    }
    pass_line_end(c);
    return MN_OK;
}

mn_rc mn_csv_next(mn_csv *c, mn_arena *ar, mn_csv_row *ret, bool *ret_more, mn_err *e)
{
    while (c->rest.len) {
        MN_TRY(read_row(c, ar, ret, e));
        if (ret->n == 1 && !ret->fields[0].len) continue;
        *ret_more = true;
        return MN_OK;
    }
    *ret_more = false;
    return MN_OK;
}

void mn_csv_put(mn_buf *b, bool first, mn_str field)
{
    bool quote = field.len && (field.ptr[0] == ' ' || field.ptr[field.len - 1] == ' ');
    for (size_t i = 0; i < field.len && !quote; i++)
        quote = strchr(",\"\n\r", field.ptr[i]) != NULL;
    if (!first) mn_buf_addc(b, ',');
    if (!quote) {
        mn_buf_adds(b, field);
        return;
    }
    mn_buf_addc(b, '"');
    for (size_t i = 0; i < field.len; i++) {
        if (field.ptr[i] == '"') mn_buf_addc(b, '"');
        mn_buf_addc(b, field.ptr[i]);
    }
    mn_buf_addc(b, '"');
}

/* Which tables there are, with their columns and keys: read from the texts of the migrations, so that a table is never
 * forgotten. Understands the few forms those are written in, and refuses any other. */
#include "store/tables.h"

#include <ctype.h>

#define TABLES_MAX  200
#define COLUMNS_MAX 100

typedef struct builder {
    mn_arena *ar;
    mn_table *tables;
    size_t n;
    mn_err *e;
} builder;

/* ---- words ------------------------------------------------------------------------------------------------------- */

/* Takes the next word, or the next single sign; an empty one at the end. */
static mn_str next(mn_str *s)
{
    *s = mn_str_trim(*s);
    size_t n = 0;
    while (n < s->len && (isalnum((unsigned char)s->ptr[n]) || s->ptr[n] == '_')) n++;
    if (n == 0 && s->len > 0) n = 1;
    mn_str word = {s->ptr, n};
    *s = mn_str_sub(*s, n, SIZE_MAX);
    return word;
}

static bool takes(mn_str *s, const char *word)
{
    mn_str rest = *s;
    if (!mn_str_eqz(next(&rest), word)) return false;
    *s = rest;
    return true;
}

static mn_rc not_understood(const builder *b, mn_str sql)
{
    return mn_fail(
        b->e, MN_E_UNSUPPORTED,
        "a text of the schema is written in a form that tables.c does not know: %.*s",
        sql.len < 80 ? (int)sql.len : 80, sql.ptr ? sql.ptr : "");
}

/* ---- columns ----------------------------------------------------------------------------------------------------- */

static mn_rc kind_of(const builder *b, mn_str type, mn_column_kind *ret)
{
    static const struct {
        const char *name;
        mn_column_kind kind;
    } kinds[] = {
        {"INTEGER", MN_COLUMN_INT}, {"TEXT", MN_COLUMN_TEXT}, {"BLOB", MN_COLUMN_BLOB}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!mn_str_eqz(type, kinds[i].name)) continue;
        *ret = kinds[i].kind;
        return MN_OK;
    }
    return not_understood(b, type);
}

static size_t column_of(const mn_table *t, mn_str name)
{
    size_t i = 0;
    while (i < t->n_columns && !mn_str_eq(t->columns[i].name, name)) i++;
    return i;
}

/* NAME TYPE …, where … may say PRIMARY KEY. */
static mn_rc add_column(const builder *b, mn_table *t, mn_str item)
{
    mn_str whole = item;
    mn_column c = {.name = next(&item)};
    if (t->n_columns == COLUMNS_MAX) return not_understood(b, whole);
    MN_TRY(kind_of(b, next(&item), &c.kind));
    if (mn_str_find(item, MN_STR("PRIMARY KEY"), 0) != SIZE_MAX)
        t->key[t->n_key++] = t->n_columns;
    t->columns[t->n_columns++] = c;
    return MN_OK;
}

/* PRIMARY KEY (a, b): s begins after the two words. */
static mn_rc add_key(const builder *b, mn_table *t, mn_str s)
{
    mn_str whole = s;
    if (!takes(&s, "(")) return not_understood(b, whole);
    do {
        size_t i = column_of(t, next(&s));
        if (i == t->n_columns || t->n_key == MN_TABLE_KEY_MAX) return not_understood(b, whole);
        t->key[t->n_key++] = i;
    } while (takes(&s, ","));
    return takes(&s, ")") ? MN_OK : not_understood(b, whole);
}

/* The items of a list in parentheses, without what is nested in one. */
static mn_str item_of(mn_str *s)
{
    size_t n = 0;
    for (int depth = 0; n < s->len; n++) {
        char c = s->ptr[n];
        if (c == '(') depth++;
        if (c == ')' && depth-- == 0) break;
        if (c == ',' && depth == 0) break;
    }
    mn_str item = {s->ptr, n};
    *s = mn_str_sub(*s, n + 1, SIZE_MAX);
    return item;
}

/* ---- statements -------------------------------------------------------------------------------------------------- */

static mn_table *find(const builder *b, mn_str name)
{
    for (size_t i = 0; i < b->n; i++)
        if (mn_str_eq(b->tables[i].name, name)) return &b->tables[i];
    return NULL;
}

static mn_rc create(builder *b, mn_str s)
{
    mn_str whole = s;
    mn_table t = {.name = next(&s)};
    if (b->n == TABLES_MAX || !takes(&s, "(")) return not_understood(b, whole);
    t.columns = mn_arena_alloc(b->ar, COLUMNS_MAX * sizeof *t.columns);
    if (!t.columns) return mn_fail(b->e, MN_E_NOMEM, "out of memory");
    while (mn_str_trim(s).len > 0) {
        mn_str item = item_of(&s), rest = item;
        if (takes(&rest, "PRIMARY") && takes(&rest, "KEY")) MN_TRY(add_key(b, &t, rest));
        else MN_TRY(add_column(b, &t, item));
    }
    if (t.n_key == 0) return not_understood(b, whole);
    b->tables[b->n++] = t;
    return MN_OK;
}

static mn_rc alter(const builder *b, mn_str s)
{
    mn_str whole = s;
    mn_table *t = find(b, next(&s));
    if (!t || !takes(&s, "ADD")) return not_understood(b, whole);
    takes(&s, "COLUMN");
    return add_column(b, t, s);
}

static mn_rc drop(builder *b, mn_str s)
{
    mn_table *t = find(b, next(&s));
    if (!t) return not_understood(b, s);
    size_t left = (size_t)(b->tables + --b->n - t);
    memmove(t, t + 1, left * sizeof *t);
    return MN_OK;
}

static mn_rc seed(const builder *b, mn_str s)
{
    mn_table *t = find(b, next(&s));
    if (!t) return not_understood(b, s);
    t->seeded = true;
    return MN_OK;
}

static mn_rc read_sql(void *arg, const char *sql)
{
    builder *b = arg;
    mn_str s = mn_str_from(sql), whole = s;
    if (takes(&s, "CREATE")) {
        if (takes(&s, "TABLE")) return create(b, s);
        takes(&s, "UNIQUE");
        return takes(&s, "INDEX") ? MN_OK : not_understood(b, whole);
    }
    if (takes(&s, "ALTER") && takes(&s, "TABLE")) return alter(b, s);
    if (takes(&s, "DROP")) {
        if (takes(&s, "TABLE")) return drop(b, s);
        return takes(&s, "INDEX") ? MN_OK : not_understood(b, whole);
    }
    if (takes(&s, "INSERT") && takes(&s, "INTO")) return seed(b, s);
    return takes(&s, "UPDATE") || takes(&s, "DELETE") ? MN_OK : not_understood(b, whole);
}

mn_rc mn_store__tables(mn_arena *ar, mn_table **ret, size_t *ret_n, mn_err *e)
{
    builder b = {ar, mn_arena_alloc(ar, TABLES_MAX * sizeof *b.tables), 0, e};
    if (!b.tables) return mn_fail(e, MN_E_NOMEM, "out of memory");
    MN_TRY(mn_store__each_migration(read_sql, &b));
    *ret = b.tables;
    *ret_n = b.n;
    return MN_OK;
}

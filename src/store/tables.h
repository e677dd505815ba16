/* The tables of the schema, as data: for moving a store. Private to src/store. */
#ifndef MN_STORE_TABLES_H
#define MN_STORE_TABLES_H

#include "store/store_int.h"

#define MN_TABLE_KEY_MAX 8

typedef enum mn_column_kind { MN_COLUMN_INT, MN_COLUMN_TEXT, MN_COLUMN_BLOB } mn_column_kind;
typedef struct mn_column {
    mn_str name;
    mn_column_kind kind;
} mn_column;
typedef struct mn_table {
    mn_str name; /* borrowed from the schema, as the names of columns */
    mn_column *columns;
    size_t n_columns;
    size_t key[MN_TABLE_KEY_MAX], n_key; /* columns of the primary key */
    bool seeded;                         /* a new database has rows in it */
} mn_table;

/* All tables of the newest schema in the order they were made. MN_E_UNSUPPORTED for a text of the schema that is written in
 * a form not known here: our own mistake, which a test finds. */
mn_rc mn_store__tables(mn_arena *ar, mn_table **ret, size_t *ret_n, mn_err *e);

/* Calls fn with each SQL text of the schema, version after version; stops at the first failure (schema.c). */
mn_rc mn_store__each_migration(mn_rc (*fn)(void *arg, const char *sql), void *arg);

#endif

/* Rows that moderators keep: rules, blocks of domains, addresses and e-mail, word filters; the audit log. */
#include "store/moderation.h"

#include "store/moderation_int.h"

/* ---- pages ------------------------------------------------------------------------------------------------------- */

static mn_rc page_on(mn_db *db, const mn_store__paged *x, const mn_page_ids *p, mn_arena *ar,
                     void **ret, size_t *ret_n, mn_err *e)
{
    mn_stmt *q;
    int64_t most = db_below(p->max_id);
    MN_TRY(db_prepare(db, p->min_id ? x->up : x->down, &q, e));
    db_i64(q, 1, p->min_id ? db_number(p->min_id) : most);
    db_i64(q, 2, p->min_id ? most : db_number(p->since_id));
    db_limit(q, 3, p->limit);
    if (x->bind) x->bind(q, x->arg);
    MN_TRY(mn_store__collect(q, x->row, x->item_bytes, ar, ret, ret_n, e));
    if (p->min_id) mn_store__turn(*ret, *ret_n, x->item_bytes);
    return MN_OK;
}

mn_rc mn_store__page(mn_store *s, const mn_store__paged *x, const mn_page_ids *p, mn_arena *ar,
                     void **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    if (p->limit > MN_STORE_PAGE_MAX)
        return mn_fail(e, MN_E_LIMIT, "a page has at most %d rows", MN_STORE_PAGE_MAX);
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = page_on(db, x, p, ar, ret, ret_n, e);
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store__by_id(mn_store *s, const char *sql, uint64_t id, mn_store__row_fn row,
                      mn_arena *ar, void *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, sql, &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, id);
        rc = mn_store__one(q, row, ar, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store__all2(mn_store *s, const char *sql, uint64_t a, uint64_t b, mn_store__row_fn row,
                     size_t item_bytes, mn_arena *ar, void **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, sql, &q, e);
    if (rc == MN_OK) {
        if (strstr(sql, "?1")) db_u64(q, 1, a);
        if (strstr(sql, "?2")) db_u64(q, 2, b);
        rc = mn_store__collect(q, row, item_bytes, ar, ret, ret_n, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store__run_one(mn_stmt *q, mn_rc code, const char *message, mn_err *e)
{
    uint64_t n = 0;
    MN_TRY(mn_store__run(q, &n, e));
    if (n > 0) return MN_OK;
    return message ? mn_fail(e, code, "%s", message) : code;
}

mn_rc mn_store__rules_changed(mn_tx *tx, mn_err *e)
{
    return mn_store_event(tx, (mn_event){.kind = MN_EV_RULES}, e);
}

mn_rc mn_store__ids_text(const uint64_t *ids, size_t n, mn_buf *ret, mn_err *e)
{
    for (size_t i = 0; i < n; i++) {
        if (i) mn_buf_addc(ret, ',');
        mn_buf_addu(ret, ids[i]);
    }
    return ret->failed ? mn_fail(e, ret->failed, "a list of ids is too long") : MN_OK;
}

mn_rc mn_store__ids_read(mn_str text, mn_arena *ar, uint64_t **ret, size_t *ret_n, mn_err *e)
{
    size_t n = 0, k = 0;
    for (size_t i = 0; i < text.len; i++) n += text.ptr[i] == ',';
    uint64_t *ids = mn_arena_calloc(ar, n + 1, sizeof *ids);
    if (!ids) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (mn_str rest = text; rest.ptr && text.len > 0;) {
        mn_str one = mn_str_split(rest, ',', &rest);
        if (mn_str_to_u64(one, &ids[k++]) != MN_OK)
            return mn_fail(e, MN_E_CORRUPT, "'%.*s' in a list of ids is none", MN_STR_FMT(one));
    }
    *ret = ids;
    *ret_n = k;
    return MN_OK;
}

/* ---- rules ------------------------------------------------------------------------------------------------------- */

static mn_rc read_rule(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_rule r = {.id = db_col_u64(q, 0), .place = (int)db_col_i64(q, 1)};
    MN_TRY(mn_store__col_dup(q, 2, ar, &r.text, e));
    MN_TRY(mn_store__col_dup(q, 3, ar, &r.hint, e));
    *(mn_rule *)ret = r;
    return MN_OK;
}

mn_rc mn_store_rules(mn_store *s, mn_arena *ar, mn_rule **ret, size_t *ret_n, mn_err *e)
{
    return mn_store__all2(s, "SELECT id, place, text, hint FROM rules ORDER BY place, id", 0, 0,
                          read_rule, sizeof **ret, ar, (void **)ret, ret_n, e);
}

mn_rc mn_store_rule_put(mn_tx *tx, const mn_rule *r, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO rules (id, place, text, hint) VALUES (?1, ?2, ?3, ?4) "
                      "ON CONFLICT (id) DO UPDATE SET place = excluded.place, text = "
                      "excluded.text, hint = excluded.hint",
                      &q, e));
    db_u64(q, 1, r->id);
    db_i64(q, 2, r->place);
    db_text(q, 3, r->text);
    db_text(q, 4, r->hint);
    MN_TRY(mn_store__run(q, NULL, e));
    return mn_store__rules_changed(tx, e);
}

mn_rc mn_store_rule_delete(mn_tx *tx, uint64_t id, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db, "DELETE FROM rules WHERE id = ?1", &q, e));
    db_u64(q, 1, id);
    MN_TRY(mn_store__run_one(q, MN_E_NOT_FOUND, NULL, e));
    return mn_store__rules_changed(tx, e);
}

/* ---- domains ----------------------------------------------------------------------------------------------------- */

#define DOMAIN_BLOCKS                                                                          \
    "SELECT id, domain, severity, reject_media, reject_reports, obfuscate, private_comment, "  \
    "public_comment, at_ms FROM domain_blocks WHERE "

static mn_rc read_domain_block(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_domain_block b = {.id = db_col_u64(q, 0),
                         .severity = (mn_block_severity)db_col_i64(q, 2),
                         .reject_media = db_col_i64(q, 3) != 0,
                         .reject_reports = db_col_i64(q, 4) != 0,
                         .obfuscate = db_col_i64(q, 5) != 0,
                         .at_ms = db_col_i64(q, 8)};
    MN_TRY(mn_store__col_dup(q, 1, ar, &b.domain, e));
    MN_TRY(mn_store__col_dup(q, 6, ar, &b.private_comment, e));
    MN_TRY(mn_store__col_dup(q, 7, ar, &b.public_comment, e));
    *(mn_domain_block *)ret = b;
    return MN_OK;
}

mn_rc mn_store_domain_blocks(mn_store *s, const mn_page_ids *p, mn_arena *ar,
                             mn_domain_block **ret, size_t *ret_n, mn_err *e)
{
    static const mn_store__paged x = {DOMAIN_BLOCKS "0 = 0" PAGE_DOWN("id"),
                                      DOMAIN_BLOCKS "0 = 0" PAGE_UP("id"),
                                      NULL,
                                      NULL,
                                      read_domain_block,
                                      sizeof(mn_domain_block)};
    return mn_store__page(s, &x, p, ar, (void **)ret, ret_n, e);
}

mn_rc mn_store_domain_block(mn_store *s, uint64_t id, mn_arena *ar, mn_domain_block *ret,
                            mn_err *e)
{
    return mn_store__by_id(s, DOMAIN_BLOCKS "id = ?1", id, read_domain_block, ar, ret, e);
}

static void bind_domain_block(mn_stmt *q, const mn_domain_block *b)
{
    db_u64(q, 1, b->id);
    db_i64(q, 2, b->severity);
    db_i64(q, 3, b->reject_media);
    db_i64(q, 4, b->reject_reports);
    db_i64(q, 5, b->obfuscate);
    db_text(q, 6, b->private_comment);
    db_text(q, 7, b->public_comment);
}

mn_rc mn_store_domain_block_put(mn_tx *tx, const mn_domain_block *b, bool replace, mn_err *e)
{
    mn_stmt *q;
    if (replace) {
        MN_TRY(db_prepare(
            tx->db,
            "UPDATE domain_blocks SET severity = ?2, reject_media = ?3, reject_reports = ?4, "
            "obfuscate = ?5, private_comment = ?6, public_comment = ?7 WHERE id = ?1",
            &q, e));
        bind_domain_block(q, b);
        MN_TRY(mn_store__run_one(q, MN_E_NOT_FOUND, NULL, e));
        return mn_store__rules_changed(tx, e);
    }
    MN_TRY(db_prepare(
        tx->db,
        "INSERT INTO domain_blocks (id, severity, reject_media, reject_reports, obfuscate, "
        "private_comment, public_comment, domain, at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
        "?8, ?9) ON CONFLICT (domain) DO NOTHING",
        &q, e));
    bind_domain_block(q, b);
    db_text(q, 8, b->domain);
    db_i64(q, 9, b->at_ms);
    MN_TRY(mn_store__run_one(q, MN_E_EXISTS, "the domain is blocked already", e));
    return mn_store__rules_changed(tx, e);
}

/* ---- lists of one text a line ---------------------------------------------------------------------------------------- */

typedef struct line_sql {
    const char *add, *by_id;
    mn_store__paged page;
} line_sql;
static mn_rc read_line(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e);
#define LINES(table, column)                                                                   \
    {                                                                                          \
        "INSERT INTO " table " (id, " column ", at_ms) VALUES (?1, ?2, ?3) ON CONFLICT "       \
        "(" column ") DO NOTHING",                                                             \
            "SELECT id, " column ", at_ms FROM " table " WHERE id = ?1",                       \
        {                                                                                      \
            "SELECT id, " column ", at_ms FROM " table " WHERE 0 = 0" PAGE_DOWN("id"),         \
                "SELECT id, " column ", at_ms FROM " table " WHERE 0 = 0" PAGE_UP("id"), NULL, \
                NULL, read_line, sizeof(mn_block_line)                                         \
        }                                                                                      \
    }
static const line_sql lines[] = {
    [MN_LIST_DOMAIN_ALLOWS] = LINES("domain_allows", "domain"),
    [MN_LIST_EMAIL_DOMAINS] = LINES("email_domain_blocks", "domain"),
    [MN_LIST_EMAIL_HASHES] = LINES("email_blocks", "hash"),
};

static mn_rc read_line(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_block_line b = {.id = db_col_u64(q, 0), .at_ms = db_col_i64(q, 2)};
    MN_TRY(mn_store__col_dup(q, 1, ar, &b.text, e));
    *(mn_block_line *)ret = b;
    return MN_OK;
}

mn_rc mn_store_block_line_add(mn_tx *tx, mn_block_list l, const mn_block_line *b, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db, lines[l].add, &q, e));
    db_u64(q, 1, b->id);
    db_text(q, 2, b->text);
    db_i64(q, 3, b->at_ms);
    MN_TRY(mn_store__run_one(q, MN_E_EXISTS, "it is on the list already", e));
    return mn_store__rules_changed(tx, e);
}

mn_rc mn_store_block_lines(mn_store *s, mn_block_list l, const mn_page_ids *p, mn_arena *ar,
                           mn_block_line **ret, size_t *ret_n, mn_err *e)
{
    return mn_store__page(s, &lines[l].page, p, ar, (void **)ret, ret_n, e);
}

mn_rc mn_store_block_line(mn_store *s, mn_block_list l, uint64_t id, mn_arena *ar,
                          mn_block_line *ret, mn_err *e)
{
    return mn_store__by_id(s, lines[l].by_id, id, read_line, ar, ret, e);
}

/* ---- addresses ----------------------------------------------------------------------------------------------------------- */

#define IP_BLOCKS "SELECT id, ip, severity, comment, expires_ms, at_ms FROM ip_blocks WHERE "

static mn_rc read_ip_block(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_ip_block b = {.id = db_col_u64(q, 0),
                     .severity = (mn_ip_severity)db_col_i64(q, 2),
                     .expires_ms = db_col_i64(q, 4),
                     .at_ms = db_col_i64(q, 5)};
    MN_TRY(mn_store__col_dup(q, 1, ar, &b.ip, e));
    MN_TRY(mn_store__col_dup(q, 3, ar, &b.comment, e));
    *(mn_ip_block *)ret = b;
    return MN_OK;
}

mn_rc mn_store_ip_blocks(mn_store *s, const mn_page_ids *p, mn_arena *ar, mn_ip_block **ret,
                         size_t *ret_n, mn_err *e)
{
    static const mn_store__paged x = {IP_BLOCKS "0 = 0" PAGE_DOWN("id"),
                                      IP_BLOCKS "0 = 0" PAGE_UP("id"),
                                      NULL,
                                      NULL,
                                      read_ip_block,
                                      sizeof(mn_ip_block)};
    return mn_store__page(s, &x, p, ar, (void **)ret, ret_n, e);
}

mn_rc mn_store_ip_block(mn_store *s, uint64_t id, mn_arena *ar, mn_ip_block *ret, mn_err *e)
{
    return mn_store__by_id(s, IP_BLOCKS "id = ?1", id, read_ip_block, ar, ret, e);
}

mn_rc mn_store_ip_block_put(mn_tx *tx, const mn_ip_block *b, bool replace, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(
        tx->db,
        replace ? "UPDATE ip_blocks SET ip = ?2, severity = ?3, comment = ?4, expires_ms = ?5 "
                  "WHERE id = ?1"
                : "INSERT INTO ip_blocks (id, ip, severity, comment, expires_ms, at_ms) VALUES "
                  "(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (ip) DO NOTHING",
        &q, e));
    db_u64(q, 1, b->id);
    db_text(q, 2, b->ip);
    db_i64(q, 3, b->severity);
    db_text(q, 4, b->comment);
    db_i64(q, 5, b->expires_ms);
    if (!replace) db_i64(q, 6, b->at_ms);
    MN_TRY(mn_store__run_one(q, replace ? MN_E_NOT_FOUND : MN_E_EXISTS,
                             replace ? NULL : "the address is blocked already", e));
    return mn_store__rules_changed(tx, e);
}

/* ---- words --------------------------------------------------------------------------------------------------------------- */

static mn_rc read_word_filter(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_word_filter f = {.id = db_col_u64(q, 0),
                        .kind = (mn_word_kind)db_col_i64(q, 2),
                        .action = (mn_word_action)db_col_i64(q, 3),
                        .at_ms = db_col_i64(q, 5)};
    MN_TRY(mn_store__col_dup(q, 1, ar, &f.pattern, e));
    MN_TRY(mn_store__col_dup(q, 4, ar, &f.comment, e));
    *(mn_word_filter *)ret = f;
    return MN_OK;
}

mn_rc mn_store_word_filters(mn_store *s, mn_arena *ar, mn_word_filter **ret, size_t *ret_n,
                            mn_err *e)
{
    return mn_store__all2(
        s, "SELECT id, pattern, kind, action, comment, at_ms FROM word_filters ORDER BY id", 0,
        0, read_word_filter, sizeof **ret, ar, (void **)ret, ret_n, e);
}

mn_rc mn_store_word_filter_put(mn_tx *tx, const mn_word_filter *f, bool replace, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(
        tx->db,
        replace ? "UPDATE word_filters SET pattern = ?2, kind = ?3, action = ?4, comment = ?5 "
                  "WHERE id = ?1"
                : "INSERT INTO word_filters (id, pattern, kind, action, comment, at_ms) VALUES "
                  "(?1, ?2, ?3, ?4, ?5, ?6)",
        &q, e));
    db_u64(q, 1, f->id);
    db_text(q, 2, f->pattern);
    db_i64(q, 3, f->kind);
    db_i64(q, 4, f->action);
    db_text(q, 5, f->comment);
    if (!replace) db_i64(q, 6, f->at_ms);
    MN_TRY(mn_store__run_one(q, MN_E_NOT_FOUND, NULL, e));
    return mn_store__rules_changed(tx, e);
}

mn_rc mn_store_mod_delete(mn_tx *tx, mn_mod_table t, uint64_t id, mn_err *e)
{
    static const char *const sql[] = {
        [MN_TABLE_DOMAIN_BLOCKS] = "DELETE FROM domain_blocks WHERE id = ?1",
        [MN_TABLE_DOMAIN_ALLOWS] = "DELETE FROM domain_allows WHERE id = ?1",
        [MN_TABLE_EMAIL_DOMAINS] = "DELETE FROM email_domain_blocks WHERE id = ?1",
        [MN_TABLE_EMAIL_HASHES] = "DELETE FROM email_blocks WHERE id = ?1",
        [MN_TABLE_IP_BLOCKS] = "DELETE FROM ip_blocks WHERE id = ?1",
        [MN_TABLE_WORD_FILTERS] = "DELETE FROM word_filters WHERE id = ?1",
    };
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db, sql[t], &q, e));
    db_u64(q, 1, id);
    MN_TRY(mn_store__run_one(q, MN_E_NOT_FOUND, NULL, e));
    return mn_store__rules_changed(tx, e);
}

/* ---- audit log ------------------------------------------------------------------------------------------------------------ */

mn_rc mn_store_audit_add(mn_tx *tx, const mn_audit *a, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(tx->db,
                      "INSERT INTO audit (id, account_id, action, target_kind, target_id, "
                      "detail, at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                      &q, e));
    db_u64(q, 1, a->id);
    db_u64(q, 2, a->account_id);
    db_text(q, 3, a->action);
    db_text(q, 4, a->target_kind);
    db_u64(q, 5, a->target_id);
    db_text(q, 6, a->detail);
    db_i64(q, 7, a->at_ms);
    return mn_store__run(q, NULL, e);
}

static mn_rc read_audit(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_audit a = {.id = db_col_u64(q, 0),
                  .account_id = db_col_u64(q, 1),
                  .target_id = db_col_u64(q, 4),
                  .at_ms = db_col_i64(q, 6)};
    MN_TRY(mn_store__col_dup(q, 2, ar, &a.action, e));
    MN_TRY(mn_store__col_dup(q, 3, ar, &a.target_kind, e));
    MN_TRY(mn_store__col_dup(q, 5, ar, &a.detail, e));
    MN_TRY(mn_store__col_dup(q, 7, ar, &a.account_name, e));
    *(mn_audit *)ret = a;
    return MN_OK;
}

typedef struct audit_filter {
    uint64_t account_id, target_id;
    mn_str kind;
} audit_filter;
static void bind_audit(mn_stmt *q, const void *arg)
{
    const audit_filter *f = arg;
    db_u64(q, 4, f->account_id);
    db_text(q, 5, f->kind);
    db_u64(q, 6, f->target_id);
}

mn_rc mn_store_audits(mn_store *s, uint64_t account_id, mn_str target_kind, uint64_t target_id,
                      const mn_page_ids *p, mn_arena *ar, mn_audit **ret, size_t *ret_n,
                      mn_err *e)
{
#define AUDITS                                                                                 \
    "SELECT u.id, u.account_id, u.action, u.target_kind, u.target_id, u.detail, u.at_ms, "     \
    "coalesce(a.name, '') FROM audit u LEFT JOIN accounts a ON a.id = u.account_id WHERE "     \
    "(?4 = 0 OR u.account_id = ?4) AND (?5 = '' OR u.target_kind = ?5) AND "                   \
    "(?6 = 0 OR u.target_id = ?6)"
    audit_filter f = {account_id, target_id, target_kind};
    mn_store__paged x = {
        AUDITS PAGE_DOWN("u.id"), AUDITS PAGE_UP("u.id"), bind_audit, &f, read_audit,
        sizeof(mn_audit)};
    return mn_store__page(s, &x, p, ar, (void **)ret, ret_n, e);
}

/* Rows that moderators keep: each call checks, writes one row, notes it in the audit log. */
#include "social/moderation_int.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/snowflake.h"

#define TEXT_MAX    10000
#define COMMENT_MAX 2000

static mn_rc operator_only(mn_actor by, mn_err *e)
{
    return by.role == MN_ROLE_OPERATOR ? MN_OK
                                       : mn_fail(e, MN_E_DENIED, "This action is not allowed");
}

static mn_rc text_fits(mn_str s, bool may_be_empty, size_t most, const char *what, mn_err *e)
{
    if ((s.len || may_be_empty) && mn_utf8_valid(s) && mn_utf8_count(s) <= most) return MN_OK;
    return mn_fail(e, MN_E_USAGE, "Validation failed: %s should have %s%zu characters", what,
                   may_be_empty ? "at most " : "1 to ", most);
}

/* One row written and noted. */
typedef mn_rc put_fn(mn_tx *tx, const void *row, bool replace, mn_err *e);
static mn_rc put(mn_store *s, mn_actor by, put_fn *fn, const void *row, bool replace,
                 const char *kind, uint64_t id, mn_str detail, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc = fn(tx, row, replace, e);
    if (rc == MN_OK)
        rc = mn_moderation__audit(tx, by, replace ? "update" : "create", kind, id, detail, e);
    return mn_store_end(tx, rc, e);
}

/* ---- rules and announcements: operators --------------------------------------------------------------------------------- */

static mn_rc put_rule(mn_tx *tx, const void *row, bool replace, mn_err *e)
{
    (void)replace;
    return mn_store_rule_put(tx, row, e);
}

mn_rc mn_social_rule_put(mn_store *s, mn_actor by, const mn_rule *r, uint64_t *ret_id,
                         mn_err *e)
{
    mn_rule x = *r;
    MN_TRY(operator_only(by, e));
    MN_TRY(text_fits(x.text, false, 300, "the text", e));
    MN_TRY(text_fits(x.hint, true, 2000, "the hint", e));
    if (!r->id) x.id = mn_snowflake_next();
    MN_TRY(put(s, by, put_rule, &x, r->id != 0, "rule", x.id, x.text, e));
    *ret_id = x.id;
    return MN_OK;
}

mn_rc mn_social_rule_delete(mn_store *s, mn_actor by, uint64_t id, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(operator_only(by, e));
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc = mn_store_rule_delete(tx, id, e);
    if (rc == MN_OK) rc = mn_moderation__audit(tx, by, "delete", "rule", id, MN_STR(""), e);
    return mn_store_end(tx, rc, e);
}

static mn_rc put_announcement(mn_tx *tx, const void *row, bool replace, mn_err *e)
{
    return mn_store_announcement_put(tx, row, replace, e);
}

mn_rc mn_social_announce(mn_store *s, mn_actor by, const mn_announcement *a, uint64_t *ret_id,
                         mn_err *e)
{
    mn_announcement x = *a;
    MN_TRY(operator_only(by, e));
    MN_TRY(text_fits(x.text, false, TEXT_MAX, "the text", e));
    if (x.ends_ms && x.ends_ms <= x.starts_ms)
        return mn_fail(e, MN_E_USAGE, "Validation failed: it ends before it starts");
    if (!a->id) x.id = mn_snowflake_next();
    x.updated_ms = mn_now_ms();
    MN_TRY(put(s, by, put_announcement, &x, a->id != 0, "announcement", x.id, x.text, e));
    *ret_id = x.id;
    return MN_OK;
}

mn_rc mn_social_announcement_delete(mn_store *s, mn_actor by, uint64_t id, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(operator_only(by, e));
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc = mn_store_announcement_delete(tx, id, e);
    if (rc == MN_OK)
        rc = mn_moderation__audit(tx, by, "delete", "announcement", id, MN_STR(""), e);
    return mn_store_end(tx, rc, e);
}

/* ---- blocks and filters: moderators --------------------------------------------------------------------------------------- */

static mn_rc put_domain(mn_tx *tx, const void *row, bool replace, mn_err *e)
{
    return mn_store_domain_block_put(tx, row, replace, e);
}

mn_rc mn_social_domain_block_put(mn_store *s, mn_actor by, const mn_domain_block *b,
                                 uint64_t *ret_id, mn_err *e)
{
    char domain[MN_DOMAIN_MAX + 1] = "";
    mn_domain_block x = *b;
    MN_TRY(mn_moderation__staff(by, e));
    if (!b->id) {
        MN_TRY(mn_moderation__domain(b->domain, domain, e));
        x.id = mn_snowflake_next();
        x.at_ms = mn_now_ms();
    }
    x.domain = mn_str_from(domain);
    MN_TRY(text_fits(x.private_comment, true, COMMENT_MAX, "the private comment", e));
    MN_TRY(text_fits(x.public_comment, true, COMMENT_MAX, "the public comment", e));
    MN_TRY(put(s, by, put_domain, &x, b->id != 0, "domain_block", x.id, x.domain, e));
    *ret_id = x.id;
    return MN_OK;
}

static mn_rc put_ip(mn_tx *tx, const void *row, bool replace, mn_err *e)
{
    return mn_store_ip_block_put(tx, row, replace, e);
}

mn_rc mn_social_ip_block_put(mn_store *s, mn_actor by, const mn_ip_block *b, uint64_t *ret_id,
                             mn_err *e)
{
    char text[64];
    mn_net net;
    mn_ip_block x = *b;
    MN_TRY(mn_moderation__staff(by, e));
    MN_TRY(mn_moderation__net_parse(b->ip, &net, e));
    if (x.severity == MN_IP_FREE)
        return mn_fail(e, MN_E_USAGE, "Validation failed: Severity can't be blank");
    MN_TRY(text_fits(x.comment, true, COMMENT_MAX, "the comment", e));
    mn_moderation__net_text(&net, text);
    x.ip = mn_str_from(text);
    if (!b->id) x.id = mn_snowflake_next(), x.at_ms = mn_now_ms();
    MN_TRY(put(s, by, put_ip, &x, b->id != 0, "ip_block", x.id, x.ip, e));
    *ret_id = x.id;
    return MN_OK;
}

static bool is_hash(mn_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!strchr("0123456789abcdef", s.ptr[i])) return false;
    return s.len == 64;
}

static mn_rc line_text(mn_block_list l, mn_str text, char ret[MN_DOMAIN_MAX + 1], mn_err *e)
{
    if (l != MN_LIST_EMAIL_HASHES) return mn_moderation__domain(text, ret, e);
    if (is_hash(text)) {
        memcpy(ret, text.ptr, 64);
        ret[64] = 0;
        return MN_OK;
    }
    if (text.len < 3 || text.len > 320 || mn_str_find(text, MN_STR("@"), 0) == SIZE_MAX)
        return mn_fail(e, MN_E_USAGE, "Validation failed: Email should be an address");
    mn_email_hash(text, ret);
    return MN_OK;
}

mn_rc mn_social_block_line_add(mn_store *s, mn_actor by, mn_block_list l, mn_str text,
                               uint64_t *ret_id, mn_err *e)
{
    static const char *const kinds[] = {"domain_allow", "email_domain_block",
                                        "canonical_email_block"};
    char canonical[MN_DOMAIN_MAX + 1];
    mn_tx *tx;
    MN_TRY(mn_moderation__staff(by, e));
    MN_TRY(line_text(l, text, canonical, e));
    mn_block_line x = {mn_snowflake_next(), mn_str_from(canonical), mn_now_ms()};
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc = mn_store_block_line_add(tx, l, &x, e);
    if (rc == MN_OK) rc = mn_moderation__audit(tx, by, "create", kinds[l], x.id, x.text, e);
    MN_TRY(mn_store_end(tx, rc, e));
    *ret_id = x.id;
    return MN_OK;
}

static mn_rc put_word(mn_tx *tx, const void *row, bool replace, mn_err *e)
{
    return mn_store_word_filter_put(tx, row, replace, e);
}

mn_rc mn_social_word_filter_put(mn_store *s, mn_actor by, const mn_word_filter *f,
                                uint64_t *ret_id, mn_err *e)
{
    mn_word *compiled = NULL;
    mn_word_filter x = *f;
    MN_TRY(operator_only(by, e));
    MN_TRY(mn_moderation__word_new(&x, &compiled, e));
    mn_moderation__word_free(compiled);
    MN_TRY(text_fits(x.comment, true, COMMENT_MAX, "the comment", e));
    if (!f->id) x.id = mn_snowflake_next(), x.at_ms = mn_now_ms();
    MN_TRY(put(s, by, put_word, &x, f->id != 0, "word_filter", x.id, x.pattern, e));
    *ret_id = x.id;
    return MN_OK;
}

mn_rc mn_social_mod_delete(mn_store *s, mn_actor by, mn_mod_table t, uint64_t id, mn_err *e)
{
    static const char *const kinds[] = {
        [MN_TABLE_DOMAIN_BLOCKS] = "domain_block",
        [MN_TABLE_DOMAIN_ALLOWS] = "domain_allow",
        [MN_TABLE_EMAIL_DOMAINS] = "email_domain_block",
        [MN_TABLE_EMAIL_HASHES] = "canonical_email_block",
        [MN_TABLE_IP_BLOCKS] = "ip_block",
        [MN_TABLE_WORD_FILTERS] = "word_filter",
    };
    mn_tx *tx;
    if (t == MN_TABLE_WORD_FILTERS) MN_TRY(operator_only(by, e));
    MN_TRY(mn_moderation__staff(by, e));
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc = mn_store_mod_delete(tx, t, id, e);
    if (rc == MN_OK) rc = mn_moderation__audit(tx, by, "delete", kinds[t], id, MN_STR(""), e);
    return mn_store_end(tx, rc, e);
}

/* mynah/…: what Mastodon's files have no place for, exactly as it is here (docs/design/moving.md has every member).
 *
 * account.json, relations.jsonl, posts.jsonl, boosts.jsonl and chats.jsonl are canonical: a server that they are brought to
 * writes the same bytes. manifest.json and consent.json tell of this server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/export_int.h"
#include "base/hash.h"
#include "base/version.h"
#include "social/social.h"

#define LINES_AT_ONCE 500
#define ID_DIGITS     20

static mn_rc begin(mn_out *o, const char *name, mn_err *e)
{
    MN_TRY(mn_zip_entry(o->zip, name, o->account.created_ms, false, e));
    mn_json_writer_init(&o->j, &o->b, 0);
    return MN_OK;
}

/* ---- manifest, account --------------------------------------------------------------------------------------------------- */

static mn_rc manifest(mn_out *o, mn_err *e)
{
    mn_json_writer *j = &o->j;
    MN_TRY(begin(o, "mynah/manifest.json", e));
    mn_jw_object(j);
    mn_jw_ki64(j, "format", MN_CANONICAL_FORMAT);
    mn_jw_kstrz(j, "software", "mynah " MN_VERSION);
    mn_jw_kstrz(j, "domain", o->p->domain);
    mn_jw_kstrz(j, "base", o->p->base);
    mn_jw_kid(j, "account_id", o->account.id);
    mn_jw_object_end(j);
    return mn_zip_flush(o->zip, &o->b, e);
}

static void put_consents(mn_json_writer *j, mn_consents c)
{
    mn_jw_key(j, "consent");
    mn_jw_object(j);
    for (int i = 0; i < MN_PURPOSES; i++) {
        mn_consent v = mn_consents_get(c, (mn_purpose)i);
        if (v != MN_CONSENT_UNSET)
            mn_jw_kstrz(j, mn_purpose_names[i], mn_social_consent_name(v));
    }
    mn_jw_object_end(j);
}

static void put_picture(mn_out *o, mn_media_use use)
{
    char hex[MN_HEX256];
    mn_jw_key(&o->j, use == MN_MEDIA_AVATAR ? "avatar" : "header");
    for (size_t i = 0; i < o->n_pictures; i++) {
        if (o->pictures[i].use != use) continue;
        mn_jw_strz(&o->j, mn_hex(o->pictures[i].sha256, 32, hex));
        return;
    }
    mn_jw_null(&o->j);
}

static mn_rc account(mn_out *o, mn_err *e)
{
    mn_json_writer *j = &o->j;
    const mn_account *a = &o->account;
    MN_TRY(begin(o, "mynah/account.json", e));
    mn_jw_object(j);
    mn_jw_kstr(j, "name", mn_str_split(a->name, '@', &(mn_str){0}));
    mn_jw_kstr(j, "display_name", a->display_name);
    mn_jw_kstr(j, "bio", a->bio);
    mn_jw_ki64(j, "created_ms", a->created_ms);
    mn_jw_kbool(j, "bot", a->bot);
    mn_jw_kbool(j, "locked", a->locked);
    mn_jw_kbool(j, "discoverable", a->discoverable);
    mn_jw_kbool(j, "hide_follows", a->hide_follows);
    mn_jw_kstr(j, "fields", a->fields);
    mn_jw_kstr(j, "settings", a->settings);
    put_picture(o, MN_MEDIA_AVATAR);
    put_picture(o, MN_MEDIA_HEADER);
    put_consents(j, o->consent);
    mn_jw_object_end(j);
    return mn_zip_flush(o->zip, &o->b, e);
}

/* ---- relations ---------------------------------------------------------------------------------------------------------- */

static mn_rc relations_of(mn_out *o, mn_related kind, mn_err *e)
{
    mn_relation_row *rows = NULL;
    size_t n = 0;
    mn_json_writer *j = &o->j;
    mn_arena_reset(&o->page);
    MN_TRY(mn_moving__rows(o->p, o->account.id, kind, &o->page, &rows, &n, e));
    for (size_t i = 0; i < n; i++) {
        mn_json_writer_init(j, &o->b, 0);
        mn_jw_object(j);
        mn_jw_kstrz(j, "kind", mn_related_names[kind]);
        mn_jw_kstr(j, "ref", rows[i].ref);
        mn_moving__row_json(kind, &rows[i], j);
        mn_jw_object_end(j);
        mn_buf_addc(&o->b, '\n');
        if (o->b.len > 1 << 16) MN_TRY(mn_zip_flush(o->zip, &o->b, e));
    }
    return MN_OK;
}

static mn_rc relations(mn_out *o, mn_err *e)
{
    MN_TRY(begin(o, "mynah/relations.jsonl", e));
    for (int k = 0; k < MN_RELATED_KINDS; k++) MN_TRY(relations_of(o, (mn_related)k, e));
    return mn_zip_flush(o->zip, &o->b, e);
}

/* ---- posts ------------------------------------------------------------------------------------------------------------ */

static mn_rc put_media(mn_out *o, const mn_out_batch *b, const mn_post *x, mn_err *e)
{
    char hex[MN_HEX256];
    mn_json_writer *j = &o->j;
    mn_jw_key(j, "media");
    mn_jw_array(j);
    for (size_t i = 0; i < b->n_media; i++) {
        const mn_media *m = &b->media[i];
        if (m->post_id != x->id) continue;
        MN_TRY(mn_out__file(o, m, e));
        mn_jw_object(j);
        mn_jw_kid(j, "id", m->id);
        mn_jw_kstrz(j, "sha256", mn_hex(m->sha256, 32, hex));
        mn_jw_kstr(j, "description", m->alt);
        mn_jw_ki64(j, "focus_x", m->focus_x);
        mn_jw_ki64(j, "focus_y", m->focus_y);
        mn_jw_ki64(j, "created_ms", m->created_ms);
        mn_jw_object_end(j);
    }
    mn_jw_array_end(j);
    return MN_OK;
}

static void put_poll(mn_out *o, const mn_out_batch *b, const mn_post *x)
{
    mn_json_writer *j = &o->j;
    for (size_t i = 0; i < b->n_polls; i++) {
        const mn_poll *p = &b->polls[i];
        if (p->id != x->poll_id) continue;
        mn_jw_key(j, "poll");
        mn_jw_object(j);
        mn_jw_kid(j, "id", p->id);
        mn_jw_ki64(j, "expires_ms", p->expires_ms);
        mn_jw_kbool(j, "multiple", p->multiple);
        mn_jw_kbool(j, "hide_totals", p->hide_totals);
        mn_jw_ku64(j, "voters", p->n_voters);
        mn_jw_key(j, "options");
        mn_jw_array(j);
        for (size_t k = 0; k < p->n_options; k++) {
            mn_jw_object(j);
            mn_jw_kstr(j, "title", p->options[k].title);
            mn_jw_ku64(j, "votes", p->options[k].votes);
            mn_jw_object_end(j);
        }
        mn_jw_array_end(j);
        mn_jw_object_end(j);
    }
}

/* Mentions of accounts that are not here lie in what was brought along as "ID ADDRESS", the id with 20 digits. */
static mn_rc waiting_mentions(mn_out *o, const mn_post *x, mn_str *ret, size_t *n, size_t max,
                              mn_err *e)
{
    mn_brought *b = NULL;
    size_t found = 0;
    mn_str lead = mn_str_fmt(&o->page, "%0*llu ", ID_DIGITS, (unsigned long long)x->id);
    if (!o->mentions_wait) return MN_OK;
    if (!lead.ptr) return mn_fail(e, MN_E_NOMEM, "no memory for a post's mentions");
    MN_TRY(mn_store_brought(o->p->store, o->account.id, MN_STR("mention"), lead, max - *n,
                            &o->page, &b, &found, e));
    for (size_t i = 0; i < found && mn_str_starts(b[i].ref, lead.ptr); i++)
        ret[(*n)++] = mn_str_sub(b[i].ref, lead.len, SIZE_MAX);
    return MN_OK;
}

static int by_text(const void *a, const void *b)
{
    return mn_str_cmp(*(const mn_str *)a, *(const mn_str *)b);
}

#define MENTIONS_MAX 512

static mn_rc put_mentions(mn_out *o, const mn_out_batch *b, const mn_post *x, mn_err *e)
{
    mn_str all[MENTIONS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < b->n_mentions && n < MENTIONS_MAX; i++) {
        mn_account a = {.name = b->mentions[i].name, .domain = b->mentions[i].domain};
        if (b->mentions[i].post_id == x->id) all[n++] = mn_moving__address(o->p, &a, &o->page);
    }
    MN_TRY(waiting_mentions(o, x, all, &n, MENTIONS_MAX, e));
    qsort(all, n, sizeof *all, by_text);
    mn_jw_key(&o->j, "mentions");
    mn_jw_array(&o->j);
    for (size_t i = 0; i < n; i++) mn_jw_str(&o->j, all[i]);
    mn_jw_array_end(&o->j);
    return MN_OK;
}

static mn_rc put_versions(mn_out *o, const mn_post *x, mn_err *e)
{
    mn_post_version *v = NULL;
    size_t n = 0;
    mn_json_writer *j = &o->j;
    if (x->edited_ms) MN_TRY(mn_store_post_versions(o->p->store, x->id, &o->page, &v, &n, e));
    mn_jw_key(j, "versions");
    mn_jw_array(j);
    for (size_t i = 0; i < n; i++) {
        mn_jw_object(j);
        mn_jw_ki64(j, "at_ms", v[i].at_ms);
        mn_jw_kstr(j, "text", v[i].text);
        mn_jw_kstr(j, "warning", v[i].warning);
        mn_jw_kbool(j, "sensitive", v[i].sensitive);
        mn_jw_kstr(j, "media", v[i].media);
        mn_jw_kstr(j, "poll", v[i].poll);
        mn_jw_object_end(j);
    }
    mn_jw_array_end(j);
    return MN_OK;
}

static mn_rc put_post(mn_out *o, const mn_out_batch *b, const mn_post *x, mn_err *e)
{
    static const char *const visibilities[] = {"public", "unlisted", "followers", "direct"};
    mn_json_writer *j = &o->j;
    if (x->boost_of) return MN_OK;
    mn_json_writer_init(j, &o->b, 0);
    mn_jw_object(j);
    mn_jw_kid(j, "id", x->id);
    mn_jw_kstr(j, "origin", mn_moving__origin(o->p, x, &o->page));
    mn_jw_ki64(j, "created_ms", x->created_ms);
    mn_jw_ki64(j, "edited_ms", x->edited_ms);
    mn_jw_kstrz(j, "visibility", visibilities[x->visibility & 3]);
    mn_jw_kstr(j, "text", x->text);
    mn_jw_kstr(j, "lang", x->lang);
    mn_jw_kstr(j, "warning", x->warning);
    mn_jw_kbool(j, "sensitive", x->sensitive);
    mn_jw_kid(j, "reply_to", x->reply_to);
    mn_jw_kid(j, "quote_of", x->quote_of);
    mn_jw_ki64(j, "quote_policy", x->quote_policy);
    mn_jw_ki64(j, "quote_state", x->quote_state);
    put_consents(j, x->consent);
    MN_TRY(put_media(o, b, x, e));
    put_poll(o, b, x);
    MN_TRY(put_mentions(o, b, x, e));
    MN_TRY(put_versions(o, x, e));
    mn_jw_object_end(j);
    mn_buf_addc(&o->b, '\n');
    return MN_OK;
}

/* ---- boosts ------------------------------------------------------------------------------------------------------------ */

/* Collected and sorted by id: those that are posts here, and those that wait for what they boost. */
typedef struct boost {
    uint64_t id;
    mn_str origin, ref;
    int64_t created_ms;
    int visibility;
} boost;
typedef struct boosts {
    boost *items;
    size_t n, cap;
    mn_arena texts;
} boosts;

static mn_rc add_boost(boosts *l, boost x, mn_err *e)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        boost *bigger = mn_reallocarray(l->items, cap, sizeof *bigger);
        if (!bigger) return mn_fail(e, MN_E_NOMEM, "no memory for the boosts");
        l->items = bigger;
        l->cap = cap;
    }
    x.origin = mn_str_dup(&l->texts, x.origin);
    x.ref = mn_str_dup(&l->texts, x.ref);
    if (!x.origin.ptr || !x.ref.ptr) return mn_fail(e, MN_E_NOMEM, "no memory for the boosts");
    l->items[l->n++] = x;
    return MN_OK;
}

static mn_rc note_boost(mn_out *o, const mn_out_batch *b, const mn_post *x, mn_err *e)
{
    mn_post other;
    (void)b;
    if (!x->boost_of) return MN_OK;
    mn_rc rc = mn_store_post(o->p->store, x->boost_of, &o->page, &other, e);
    if (rc == MN_E_NOT_FOUND || (rc == MN_OK && other.deleted_ms)) return MN_OK;
    if (rc != MN_OK) return rc;
    boost y = {x->id, mn_moving__origin(o->p, x, &o->page),
               mn_moving__ref(o->p, &other, &o->page), x->created_ms, (int)x->visibility};
    return add_boost(o->boosts, y, e);
}

/* "ID REFERENCE", the id with 20 digits, and {"origin","created_ms","visibility"}. */
static mn_rc note_waiting(boosts *l, const mn_brought *b, mn_arena *ar, mn_err *e)
{
    mn_json *d = NULL;
    boost x = {0};
    mn_str number = mn_str_split(b->ref, ' ', &x.ref);
    MN_TRY(mn_json_parse(b->data, ar, &d, e));
    if (mn_str_to_u64(number, &x.id) != MN_OK) return MN_OK;
    x.origin = mn_json_str(mn_json_get(d, "origin"));
    x.created_ms = mn_json_i64(mn_json_get(d, "created_ms"), 0);
    x.visibility = (int)mn_json_i64(mn_json_get(d, "visibility"), 0);
    return add_boost(l, x, e);
}

static mn_rc waiting_boosts(mn_out *o, boosts *l, mn_err *e)
{
    mn_str after = MN_STR("");
    for (;;) {
        mn_brought *b = NULL;
        size_t n = 0;
        mn_arena_reset(&o->page);
        MN_TRY(mn_store_brought(o->p->store, o->account.id, MN_STR("boost"), after,
                                LINES_AT_ONCE, &o->page, &b, &n, e));
        for (size_t i = 0; i < n; i++) MN_TRY(note_waiting(l, &b[i], &o->page, e));
        if (n < LINES_AT_ONCE) return MN_OK;
        after = mn_str_dup(&l->texts, b[n - 1].ref);
        if (!after.ptr) return mn_fail(e, MN_E_NOMEM, "no memory for the boosts");
    }
}

static int by_id(const void *a, const void *b)
{
    const boost *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static mn_rc write_boosts(mn_out *o, boosts *l, mn_err *e)
{
    mn_json_writer *j = &o->j;
    if (l->n) qsort(l->items, l->n, sizeof *l->items, by_id);
    MN_TRY(begin(o, "mynah/boosts.jsonl", e));
    for (size_t i = 0; i < l->n; i++) {
        const boost *x = &l->items[i];
        if (i && x->id == x[-1].id) continue;
        mn_json_writer_init(j, &o->b, 0);
        mn_jw_object(j);
        mn_jw_kid(j, "id", x->id);
        mn_jw_kstr(j, "origin", x->origin);
        mn_jw_kstr(j, "boost_of", x->ref);
        mn_jw_ki64(j, "created_ms", x->created_ms);
        mn_jw_ki64(j, "visibility", x->visibility);
        mn_jw_object_end(j);
        mn_buf_addc(&o->b, '\n');
        if (o->b.len > 1 << 16) MN_TRY(mn_zip_flush(o->zip, &o->b, e));
    }
    return mn_zip_flush(o->zip, &o->b, e);
}

static mn_rc put_post_or_boost(mn_out *o, const mn_out_batch *b, const mn_post *x, mn_err *e)
{
    return x->boost_of ? note_boost(o, b, x, e) : put_post(o, b, x, e);
}

static mn_rc posts_and_boosts(mn_out *o, mn_err *e)
{
    boosts l = {0};
    mn_arena_init(&l.texts, 0);
    o->boosts = &l;
    mn_rc rc = begin(o, "mynah/posts.jsonl", e);
    if (rc == MN_OK) rc = mn_out__posts(o, put_post_or_boost, e);
    if (rc == MN_OK) rc = waiting_boosts(o, &l, e);
    if (rc == MN_OK) rc = write_boosts(o, &l, e);
    o->boosts = NULL;
    mn_free(l.items);
    mn_arena_release(&l.texts);
    return rc;
}

/* ---- receipts ------------------------------------------------------------------------------------------------------------ */

static void put_line(mn_json_writer *j, const mn_ledger_line *l)
{
    char hex[MN_HEX256];
    static const char *const scopes[] = {"server", "account", "import", "post", "grant"};
    mn_jw_object(j);
    mn_jw_ku64(j, "seq", l->seq);
    mn_jw_kstrz(j, "scope", scopes[l->scope <= MN_SCOPE_GRANT ? l->scope : MN_SCOPE_GRANT]);
    mn_jw_kid(j, "scope_id", l->scope_id);
    mn_jw_kstrz(j, "purpose", mn_purpose_names[l->purpose]);
    mn_jw_kstrz(j, "value", mn_social_consent_name(l->value));
    mn_jw_kid(j, "actor_id", l->actor_id);
    mn_jw_kstr(j, "reason", l->reason);
    mn_jw_ki64(j, "at_ms", l->at_ms);
    mn_jw_kstrz(j, "hash", mn_hex(l->hash, 32, hex));
    mn_jw_object_end(j);
}

static mn_rc account_lines(mn_out *o, mn_err *e)
{
    mn_ledger_line *l = NULL;
    size_t n = 0;
    mn_arena_reset(&o->page);
    MN_TRY(mn_store_ledger_of(o->p->store, MN_SCOPE_ACCOUNT, o->account.id, 100000, &o->page,
                              &l, &n, e));
    for (size_t i = n; i-- > 0;) put_line(&o->j, &l[i]);
    return mn_zip_flush(o->zip, &o->b, e);
}

static mn_rc post_lines(mn_out *o, mn_err *e)
{
    for (uint64_t after = 0;;) {
        mn_ledger_line *l = NULL;
        size_t n = 0;
        mn_arena_reset(&o->page);
        MN_TRY(mn_store_ledger_of_posts(o->p->store, o->account.id, after, LINES_AT_ONCE,
                                        &o->page, &l, &n, e));
        for (size_t i = 0; i < n; i++) put_line(&o->j, &l[i]);
        MN_TRY(mn_zip_flush(o->zip, &o->b, e));
        if (n < LINES_AT_ONCE) return MN_OK;
        after = l[n - 1].seq;
    }
}

/* What ledgers of servers before this one said, as it was brought along. */
static mn_rc earlier_lines(mn_out *o, mn_err *e)
{
    char last[256] = "";
    mn_jw_key(&o->j, "earlier");
    mn_jw_array(&o->j);
    for (size_t n = LINES_AT_ONCE; n == LINES_AT_ONCE;) {
        mn_brought *b = NULL;
        mn_arena_reset(&o->page);
        MN_TRY(mn_store_brought(o->p->store, o->account.id, MN_STR("receipt"),
                                mn_str_from(last), LINES_AT_ONCE, &o->page, &b, &n, e));
        for (size_t i = 0; i < n; i++) mn_jw_raw(&o->j, b[i].data);
        if (n) snprintf(last, sizeof last, "%.*s", MN_STR_FMT(b[n - 1].ref));
        MN_TRY(mn_zip_flush(o->zip, &o->b, e));
    }
    mn_jw_array_end(&o->j);
    return MN_OK;
}

/* Every line of the ledger about the account and about its posts, with the hash that chains it to all lines before. */
static mn_rc receipts(mn_out *o, mn_err *e)
{
    MN_TRY(begin(o, "mynah/consent.json", e));
    mn_jw_object(&o->j);
    mn_jw_kstrz(&o->j, "domain", o->p->domain);
    mn_jw_key(&o->j, "lines");
    mn_jw_array(&o->j);
    MN_TRY(account_lines(o, e));
    MN_TRY(post_lines(o, e));
    mn_jw_array_end(&o->j);
    MN_TRY(earlier_lines(o, e));
    mn_jw_object_end(&o->j);
    return mn_zip_flush(o->zip, &o->b, e);
}

mn_rc mn_out__own(mn_out *o, mn_err *e)
{
    MN_TRY(manifest(o, e));
    MN_TRY(account(o, e));
    MN_TRY(relations(o, e));
    MN_TRY(posts_and_boosts(o, e));
    MN_TRY(receipts(o, e));
    return mn_out__chats(o, e);
}

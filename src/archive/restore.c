/* Bringing back an archive of our own: the account, its posts, its boosts, what it stands in relation to, its receipts, its chats.
 *
 * One thread, one walk over the source for each file that is read, line by line. Posts go the way of every import (writer.c):
 * in batches, with an import's row, taken back on an error. Relations come last, when the posts they name are there. */
#include "archive/restore_int.h"

#include <stdio.h>
#include <string.h>

#include "archive/export_int.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/snowflake.h"
#include "base/stop.h"
#include "social/social.h"

#define PROGRESS_MASK 255

/* ---- files of the archive ------------------------------------------------------------------------------------------------ */

/* Goes to that file. */
static mn_rc go_to(mn_restore *x, const char *file, mn_str *ret_name, bool *ret_found,
                   mn_err *e)
{
    bool more = true;
    *ret_found = false;
    MN_TRY(mn_source_rewind(x->src, e));
    while (!*ret_found) {
        MN_TRY(mn_source_next(x->src, ret_name, &more, e));
        if (!more) return MN_OK;
        *ret_found = mn_feed_at(&x->f, *ret_name, file);
    }
    return MN_OK;
}

static mn_rc small(mn_restore *x, const char *file, mn_json **ret, mn_err *e)
{
    mn_str name, text;
    bool found;
    MN_TRY(go_to(x, file, &name, &found, e));
    if (!found) return mn_fail(e, MN_E_PARSE, "there is no '%s' in this archive", file);
    MN_TRY(mn_feed_whole(&x->f, name, MN_SMALL_MAX, &text, e));
    mn_rc rc = mn_json_parse(text, &x->keep, ret, e);
    return rc == MN_OK ? MN_OK : mn_err_wrap(e, "'%s'", file);
}

typedef mn_rc line_fn(mn_restore *x, const mn_json *line, mn_err *e);

static mn_rc one_line(mn_restore *x, const char *file, uint64_t number, mn_str text,
                      line_fn *each, mn_err *e)
{
    mn_json *line = NULL;
    mn_arena_reset(&x->line);
    mn_rc rc = mn_json_parse(text, &x->line, &line, e);
    if (rc == MN_OK && line->type != MN_JSON_OBJECT)
        rc = mn_fail(e, MN_E_PARSE, "expected an object");
    if (rc == MN_OK) rc = each(x, line, e);
    if (rc == MN_E_PARSE || rc == MN_E_LIMIT)
        rc = mn_err_wrap(e, "'%s', line %llu", file, (unsigned long long)number);
    x->lines++;
    if (rc == MN_OK && x->o->progress && !(x->lines & PROGRESS_MASK)) {
        uint64_t done = 0, total = 0;
        mn_source_progress(x->src, &done, &total);
        x->o->progress(x->o->progress_arg, done, total, x->lines);
    }
    return rc;
}

/* Each line of a file; a file that is not there has none. */
static mn_rc each_line(mn_restore *x, const char *file, line_fn *each, mn_err *e)
{
    mn_str name, text;
    mn_window w;
    bool found, more = true;
    MN_TRY(go_to(x, file, &name, &found, e));
    if (!found) return MN_OK;
    mn_feed_window(&x->f, &w, file, MN_ITEM_MAX);
    mn_rc rc = MN_OK;
    while (rc == MN_OK) {
        uint64_t number = w.line;
        if (mn_stop_requested()) rc = mn_fail(e, MN_E_CANCELLED, "stopped on request");
        if (rc == MN_OK) rc = mn_window_line(&w, &text, &more, e);
        if (rc != MN_OK || !more) break;
        if (mn_str_trim(text).len) rc = one_line(x, file, number, text, each, e);
    }
    mn_window_release(&w);
    return rc;
}

/* ---- the account ---------------------------------------------------------------------------------------------------------- */

static mn_str text_of(const mn_json *o, const char *key, size_t most)
{
    mn_str s = mn_json_str(mn_json_get(o, key));
    return s.ptr ? mn_utf8_cut(s, most) : MN_STR("");
}

static mn_account account_of(mn_restore *x, const mn_json *a, mn_str name)
{
    int64_t created = mn_json_i64(mn_json_get(a, "created_ms"), 0), now = mn_now_ms();
    return (mn_account){.id = mn_snowflake_next(),
                        .name = name,
                        .display_name = text_of(a, "display_name", 400),
                        .bio = text_of(a, "bio", 5000),
                        .password_hash = MN_STR(""),
                        .origin = mn_str_fmt(&x->keep, "mynah:%.*s/%.*s", MN_STR_FMT(x->domain),
                                             MN_STR_FMT(text_of(a, "name", 64))),
                        .role = MN_ROLE_MEMBER,
                        .domain = MN_STR(""),
                        .fields = text_of(a, "fields", 16384),
                        .settings = text_of(a, "settings", 65536),
                        .plan = MN_STR(""),
                        .bot = mn_json_bool(mn_json_get(a, "bot"), false),
                        .locked = mn_json_bool(mn_json_get(a, "locked"), false),
                        .discoverable = mn_json_bool(mn_json_get(a, "discoverable"), false),
                        .hide_follows = mn_json_bool(mn_json_get(a, "hide_follows"), false),
                        .created_ms = created > 0 && created <= now ? created : now};
}

mn_consents mn_restore__consents(const mn_json *o)
{
    mn_consents c = 0;
    const mn_json *list = mn_json_get(o, "consent");
    for (int i = 0; i < MN_PURPOSES; i++) {
        mn_str v = mn_json_str(mn_json_get(list, mn_purpose_names[i]));
        if (mn_str_eqz(v, "allow")) c = mn_consents_set(c, (mn_purpose)i, MN_CONSENT_ALLOW);
        if (mn_str_eqz(v, "deny")) c = mn_consents_set(c, (mn_purpose)i, MN_CONSENT_DENY);
    }
    return c;
}

static mn_rc take_consent(mn_restore *x, mn_tx *tx, uint64_t account, const mn_json *a,
                          mn_err *e)
{
    mn_consents c = mn_restore__consents(a);
    mn_str reason = mn_str_fmt(&x->keep, "brought along from %.*s", MN_STR_FMT(x->domain));
    for (int i = 0; i < MN_PURPOSES; i++) {
        mn_ledger_line l = {.scope = MN_SCOPE_ACCOUNT,
                            .scope_id = account,
                            .purpose = (mn_purpose)i,
                            .value = mn_consents_get(c, (mn_purpose)i),
                            .actor_id = account,
                            .reason = reason.ptr ? reason : MN_STR("brought along"),
                            .at_ms = mn_now_ms()};
        if (l.value != MN_CONSENT_UNSET) MN_TRY(mn_store_consent_add(tx, &l, NULL, e));
    }
    return MN_OK;
}

static mn_rc make_account(mn_restore *x, const mn_json *a, mn_str name, mn_err *e)
{
    mn_tx *tx;
    mn_account made = account_of(x, a, name);
    if (!made.origin.ptr) return mn_fail(e, MN_E_NOMEM, "no memory for the account");
    MN_TRY(mn_store_begin(x->s, &tx, e));
    mn_rc rc = mn_store_account_add(tx, &made, e);
    if (rc == MN_OK) rc = take_consent(x, tx, made.id, a, e);
    if (rc == MN_OK) rc = mn_store_commit(tx, e);
    else mn_store_rollback(tx);
    if (rc != MN_OK) return rc;
    x->account = made.id;
    x->fresh = true;
    x->opts.as = name.ptr;
    return MN_OK;
}

/* The account of that name, when it is the archive's; *ret_taken: it is somebody else's. */
static mn_rc try_name(mn_restore *x, const mn_json *a, mn_str name, bool any, bool *ret_taken,
                      mn_err *e)
{
    mn_account is;
    mn_str own = account_of(x, a, name).origin;
    *ret_taken = false;
    mn_rc rc = mn_store_account_by_name(x->s, name, &x->keep, &is, e);
    if (rc == MN_E_NOT_FOUND) return make_account(x, a, name, e);
    if (rc != MN_OK) return rc;
    bool home = mn_str_eqz(x->domain, x->place.domain) && !is.origin.len;
    *ret_taken = !any && !home && !mn_str_eq(is.origin, own);
    if (*ret_taken) return MN_OK;
    if (is.state != MN_ACCOUNT_ACTIVE)
        return mn_fail(e, MN_E_DENIED, "the account '%.*s' is %s; use --as to name another",
                       MN_STR_FMT(name), mn_social_state_name(is.state));
    x->account = is.id;
    x->opts.as = name.ptr;
    return MN_OK;
}

static mn_rc find_account(mn_restore *x, const mn_json *a, mn_err *e)
{
    bool taken = false;
    mn_str asked = x->o->as ? mn_str_from(x->o->as) : text_of(a, "name", 64);
    mn_err ignored = {0};
    if (mn_social_name_check(asked, &ignored) != MN_OK)
        asked = mn_social_name_from(asked, &x->keep);
    mn_str name = mn_str_dup(&x->keep, asked);
    MN_TRY(try_name(x, a, name, x->o->as != NULL, &taken, e));
    for (int n = 2; taken && n < 1000; n++) {
        name = mn_str_fmt(&x->keep, "%.*s_%d", MN_STR_FMT(mn_utf8_cut(asked, 58)), n);
        MN_TRY(try_name(x, a, name, false, &taken, e));
    }
    return taken ? mn_fail(e, MN_E_EXISTS, "all names like '%.*s' are taken; use --as",
                           MN_STR_FMT(asked))
                 : MN_OK;
}

static mn_rc want_picture(mn_restore *x, const mn_json *a, const char *key, mn_media_use use,
                          mn_err *e)
{
    uint8_t sha[32];
    mn_item_media m = {.name = mn_str_from(key), .use = use, .created_ms = mn_now_ms()};
    if (!x->fresh || mn_unhex(mn_json_str(mn_json_get(a, key)), sha, 32) != MN_OK) return MN_OK;
    return mn_media_job_want(mn_writer_media(x->w), &m, 0, x->account, m.created_ms, false, e);
}

/* ---- relations, receipts -------------------------------------------------------------------------------------------------- */

static mn_rc bring_one(mn_restore *x, mn_related kind, const mn_relation_row *row, mn_err *e)
{
    mn_tx *tx;
    mn_moving_report count = {0};
    MN_TRY(mn_store_begin(x->s, &tx, e));
    mn_rc rc = mn_moving__bring(&x->place, tx, x->account, kind, row, &x->line, &count, e);
    if (rc == MN_OK) return mn_store_commit(tx, e);
    mn_store_rollback(tx);
    return rc;
}

static mn_rc relation(mn_restore *x, const mn_json *line, mn_err *e)
{
    mn_str kind = mn_json_str(mn_json_get(line, "kind"));
    mn_relation_row row = {.ref = mn_json_str(mn_json_get(line, "ref"))};
    if (!row.ref.len || row.ref.len > 4096)
        return mn_fail(e, MN_E_PARSE, "a relation needs a \"ref\" of up to 4096 bytes");
    for (int k = 0; k < MN_RELATED_KINDS; k++) {
        if (!mn_str_eqz(kind, mn_related_names[k])) continue;
        mn_moving__row_read((mn_related)k, line, &row);
        return bring_one(x, (mn_related)k, &row, e);
    }
    return MN_OK; /* of a later version */
}

static mn_rc keep_receipt(mn_restore *x, mn_str domain, const mn_json *line, mn_err *e)
{
    mn_tx *tx;
    mn_buf b;
    mn_json_writer j;
    static const char *const texts[] = {"scope",    "scope_id", "purpose", "value",
                                        "actor_id", "reason",   "hash"};
    mn_brought row = {
        .ref = mn_str_fmt(&x->line, "%.*s %0*llu", MN_STR_FMT(mn_utf8_cut(domain, 200)),
                          MN_RESTORE_ID_DIGITS,
                          (unsigned long long)mn_json_u64(mn_json_get(line, "seq"), 0))};
    if (!row.ref.ptr) return mn_fail(e, MN_E_NOMEM, "no memory for a receipt");
    mn_buf_init(&b, 1 << 16);
    mn_json_writer_init(&j, &b, 0);
    mn_jw_object(&j);
    mn_jw_kstr(&j, "domain", domain);
    mn_jw_ku64(&j, "seq", mn_json_u64(mn_json_get(line, "seq"), 0));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        mn_jw_kstr(&j, texts[i], mn_json_str(mn_json_get(line, texts[i])));
    mn_jw_ki64(&j, "at_ms", mn_json_i64(mn_json_get(line, "at_ms"), 0));
    mn_jw_object_end(&j);
    row.data = mn_buf_str(&b);
    mn_rc rc = b.failed ? mn_fail(e, MN_E_LIMIT, "a receipt is too long") : MN_OK;
    if (rc == MN_OK) rc = mn_writer_tx(x->w, &tx, e);
    if (rc == MN_OK)
        rc = mn_store_brought_add(tx, x->account, MN_STR("receipt"), &row, NULL, e);
    mn_buf_release(&b);
    return rc;
}

/* The elements of one list of consent.json. */
static mn_rc receipts_of(mn_restore *x, const char *key, mn_err *e)
{
    mn_str name, text;
    mn_window w;
    bool found, more = true;
    MN_TRY(go_to(x, "mynah/consent.json", &name, &found, e));
    if (!found) return MN_OK;
    mn_feed_window(&x->f, &w, "mynah/consent.json", MN_LINE_MAX);
    mn_rc rc = mn_window_array(&w, key, NULL, e);
    while (rc == MN_OK) {
        mn_json *line = NULL;
        rc = mn_window_element(&w, &text, &more, e);
        if (rc != MN_OK || !more) break;
        mn_arena_reset(&x->line);
        rc = mn_json_parse(text, &x->line, &line, e);
        mn_str domain = mn_json_str(mn_json_get(line, "domain"));
        if (rc == MN_OK) rc = keep_receipt(x, domain.len ? domain : x->domain, line, e);
    }
    mn_window_release(&w);
    return rc;
}

/* Lines of this very server's own ledger are there already. */
static mn_rc receipts(mn_restore *x, mn_err *e)
{
    if (!mn_str_eqz(x->domain, x->place.domain)) MN_TRY(receipts_of(x, "lines", e));
    return receipts_of(x, "earlier", e);
}

/* ---- one run -------------------------------------------------------------------------------------------------------------- */

static mn_rc read_manifest(mn_restore *x, mn_err *e)
{
    mn_json *m = NULL;
    MN_TRY(small(x, "mynah/manifest.json", &m, e));
    if (mn_json_i64(mn_json_get(m, "format"), 0) != MN_CANONICAL_FORMAT)
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "this archive was made by a version of mynah that is not known here");
    x->domain = text_of(m, "domain", 253);
    return x->domain.len ? MN_OK : mn_fail(e, MN_E_PARSE, "the manifest names no domain");
}

static mn_rc write_posts(mn_restore *x, const mn_json *account, mn_err *e)
{
    MN_TRY(each_line(x, "mynah/posts.jsonl", mn_restore__post, e));
    MN_TRY(each_line(x, "mynah/boosts.jsonl", mn_restore__boost, e));
    MN_TRY(receipts(x, e));
    MN_TRY(want_picture(x, account, "avatar", MN_MEDIA_AVATAR, e));
    MN_TRY(want_picture(x, account, "header", MN_MEDIA_HEADER, e));
    return mn_writer_finish(x->w, x->src, e);
}

/* As import.c does for readers of its pipe-line: an error takes back what the run made, a stop keeps whole batches. */
static mn_rc settle(mn_restore *x, mn_rc rc, mn_err *e)
{
    mn_err undo = {0};
    if (rc == MN_OK) return MN_OK;
    if (rc == MN_E_CANCELLED && mn_stop_requested()) return mn_writer_stop(x->w, e);
    if (mn_writer_undo(x->w, &undo) != MN_OK)
        return mn_fail(e, MN_E_IO, "%s (and taking back what was imported failed: %s)", e->msg,
                       undo.msg);
    return rc;
}

static mn_rc run(mn_restore *x, const char *path, mn_err *e)
{
    mn_json *account = NULL;
    MN_TRY(read_manifest(x, e));
    MN_TRY(small(x, "mynah/account.json", &account, e));
    MN_TRY(find_account(x, account, e));
    MN_TRY(mn_writer_new(x->s, &x->opts, path, mn_import_format_names[MN_FORMAT_MYNAH], x->r,
                         &x->w, e));
    mn_rc rc = settle(x, write_posts(x, account, e), e);
    if (rc == MN_OK) rc = each_line(x, "mynah/relations.jsonl", relation, e);
    if (rc == MN_OK)
        rc = mn_restore__chat_end(x, each_line(x, "mynah/chats.jsonl", mn_restore__chat, e), e);
    if (rc == MN_OK) x->r->read += x->f.read;
    return rc;
}

mn_rc mn_restore_run(mn_store *s, const char *path, mn_source *src, mn_str root,
                     const mn_import_opts *o, mn_import_report *r, mn_err *e)
{
    const char *domain = o->domain ? o->domain : "localhost";
    mn_restore x = {.s = s, .o = o, .opts = *o, .src = src, .r = r};
    x.place = (mn_place){s, domain, o->base ? o->base : "https://localhost", o->data_dir};
    mn_arena_init(&x.keep, (size_t)32 << 20);
    mn_arena_init(&x.line, (size_t)64 << 20);
    mn_arena_init(&x.chats.text, 0);
    mn_rc rc = mn_feed_init(&x.f, src, o, r, NULL, NULL);
    x.f.root = root;
    if (rc == MN_OK) rc = run(&x, path, e);
    mn_writer_free(x.w);
    mn_feed_release(&x.f);
    mn_arena_release(&x.chats.text);
    mn_arena_release(&x.line);
    mn_arena_release(&x.keep);
    return rc;
}

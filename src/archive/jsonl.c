/* JSON lines: one post a line, {"id","created_at","text"} and what else docs/design/archives.md lists.
 *
 * The hot path of big imports: each line is read once by the pull reader, strings without escapes are borrowed from the
 * line. A line that is not what it should be ends the import with its number; a key that nobody knows is counted. */
#include "archive/archive_int.h"

#include <string.h>

#include "base/clock.h"

typedef struct line {
    mn_item item;
    bool has_id, has_time, has_text, deleted;
    mn_str created, edited;
} line;

static mn_rc read_time(mn_str s, const char *key, int64_t *ret, mn_err *e)
{
    if (mn_time_parse(s, ret) == MN_OK) return MN_OK;
    return mn_fail(e, MN_E_PARSE, "\"%s\" is '%.*s', expected a time as in RFC 3339", key,
                   (int)(s.len < 60 ? s.len : 60), s.ptr);
}

/* An id: a string, or a whole number. */
static mn_rc read_id(mn_json_reader *r, mn_str *ret)
{
    mn_json_type t;
    MN_TRY(mn_json_peek(r, &t));
    if (t == MN_JSON_NULL) {
        *ret = MN_STR("");
        return mn_json_read_null(r);
    }
    if (t == MN_JSON_NUMBER) {
        MN_TRY(mn_json_read_number(r, ret));
        for (size_t i = 0; i < ret->len; i++)
            if (ret->ptr[i] < '0' || ret->ptr[i] > '9')
                return mn_fail(r->err, MN_E_PARSE, "an id must be a string or a whole number");
        return MN_OK;
    }
    return mn_json_read_string(r, ret);
}

/* A string, or null for none. */
static mn_rc read_text(mn_json_reader *r, mn_str *ret)
{
    mn_json_type t;
    MN_TRY(mn_json_peek(r, &t));
    if (t != MN_JSON_NULL) return mn_json_read_string(r, ret);
    *ret = MN_STR("");
    return mn_json_read_null(r);
}

static mn_rc read_visibility(mn_json_reader *r, mn_visibility *ret)
{
    static const struct {
        const char *name;
        mn_visibility v;
    } all[] = {{"public", MN_VIS_PUBLIC},
               {"unlisted", MN_VIS_UNLISTED},
               {"followers", MN_VIS_FOLLOWERS},
               {"private", MN_VIS_FOLLOWERS},
               {"direct", MN_VIS_DIRECT}};
    mn_str s;
    MN_TRY(mn_json_read_string(r, &s));
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (mn_str_eqz(s, all[i].name)) {
            *ret = all[i].v;
            return MN_OK;
        }
    return mn_fail(r->err, MN_E_PARSE,
                   "\"visibility\" must be public, unlisted, followers or direct");
}

/* {"train_generative": "allow", …} */
static mn_rc read_consent(mn_json_reader *r, mn_consents *ret)
{
    mn_str key, value;
    bool more;
    mn_rc rc;
    MN_TRY(mn_json_object_enter(r));
    while ((rc = mn_json_object_next(r, &key, &more)) == MN_OK && more) {
        mn_purpose p;
        if (mn_purpose_parse(key, &p, r->err) != MN_OK)
            return mn_fail(r->err, MN_E_PARSE, "\"consent\": %s", r->err->msg);
        MN_TRY(mn_json_read_string(r, &value));
        mn_consent v = MN_CONSENT_UNSET;
        if (mn_str_eqz(value, "allow")) v = MN_CONSENT_ALLOW;
        else if (mn_str_eqz(value, "deny")) v = MN_CONSENT_DENY;
        else if (!mn_str_eqz(value, "unset"))
            return mn_fail(r->err, MN_E_PARSE, "consent must be allow, deny or unset");
        *ret = mn_consents_set(*ret, p, v);
    }
    return rc;
}

static mn_rc read_member(mn_feed *f, mn_json_reader *r, mn_str key, line *l)
{
    mn_item *it = &l->item;
    switch (key.len ? key.ptr[0] : 0) {
    case 'i':
        if (mn_str_eqz(key, "id")) {
            l->has_id = true;
            return read_id(r, &it->source_id);
        }
        if (mn_str_eqz(key, "in_reply_to")) return read_id(r, &it->reply_to);
        break;
    case 'c':
        if (mn_str_eqz(key, "created_at")) {
            l->has_time = true;
            return mn_json_read_string(r, &l->created);
        }
        if (mn_str_eqz(key, "consent")) return read_consent(r, &it->consent);
        break;
    case 't':
        if (mn_str_eqz(key, "text")) {
            l->has_text = true;
            return mn_json_read_string(r, &it->text);
        }
        break;
    case 'a':
        if (mn_str_eqz(key, "author")) return read_text(r, &it->author);
        break;
    case 'r':
        if (mn_str_eqz(key, "reply_to")) return read_id(r, &it->reply_to);
        break;
    case 'q':
        if (mn_str_eqz(key, "quote_of")) return read_id(r, &it->quote_of);
        break;
    case 'l':
        if (mn_str_eqz(key, "lang")) return read_text(r, &it->lang);
        break;
    case 'v':
        if (mn_str_eqz(key, "visibility")) return read_visibility(r, &it->visibility);
        break;
    case 'w':
        if (mn_str_eqz(key, "warning")) return read_text(r, &it->warning);
        break;
    case 's':
        if (mn_str_eqz(key, "sensitive")) return mn_json_read_bool(r, &it->sensitive);
        break;
    case 'e':
        if (mn_str_eqz(key, "edited_at")) return read_text(r, &l->edited);
        break;
    case 'd':
        if (mn_str_eqz(key, "deleted")) return mn_json_read_bool(r, &l->deleted);
        break;
    default:
        break;
    }
    mn_feed_unknown(f, key);
    return mn_json_skip(r);
}

static mn_rc read_line(mn_feed *f, mn_str text, line *l, mn_err *e)
{
    mn_json_reader r;
    mn_str key;
    bool more;
    mn_rc rc;
    mn_json_reader_init(&r, text, &f->item, e);
    MN_TRY(mn_json_object_enter(&r));
    while ((rc = mn_json_object_next(&r, &key, &more)) == MN_OK && more)
        MN_TRY(read_member(f, &r, key, l));
    if (rc != MN_OK) return rc;
    MN_TRY(mn_json_end(&r));
    if (!l->has_id || !l->item.source_id.len)
        return mn_fail(e, MN_E_PARSE, "\"id\" is missing");
    if (l->item.source_id.len > 512) return mn_fail(e, MN_E_LIMIT, "\"id\" is over 512 bytes");
    if (!l->has_time) return mn_fail(e, MN_E_PARSE, "\"created_at\" is missing");
    MN_TRY(read_time(l->created, "created_at", &l->item.created_ms, e));
    if (l->edited.len) MN_TRY(read_time(l->edited, "edited_at", &l->item.edited_ms, e));
    if (!l->has_text && !l->deleted) return mn_fail(e, MN_E_PARSE, "\"text\" is missing");
    return MN_OK;
}

static mn_rc on_line(mn_feed *f, mn_str text, mn_err *e)
{
    line l = {0};
    mn_arena_reset(&f->item);
    MN_TRY(read_line(f, text, &l, e));
    l.item.lang = mn_lang_clean(l.item.lang);
    if (!l.deleted) return mn_feed_item(f, &l.item, e);
    mn_feed_skip(f, MN_SKIP_DELETED);
    return MN_OK;
}

/* "'posts.jsonl', line 7, column 12: …": each line is a text of one line to the JSON reader. */
static mn_rc at_line(const char *name, uint64_t number, mn_rc rc, mn_err *e)
{
    static const char first[] = "line 1, ";
    mn_err why = *e;
    bool placed = strncmp(why.msg, first, sizeof first - 1) == 0;
    return mn_fail(e, rc, "'%s', line %llu%s %s", name, (unsigned long long)number,
                   placed ? "," : ":", placed ? why.msg + sizeof first - 1 : why.msg);
}

static mn_rc read_lines(mn_feed *f, const char *name, mn_err *e)
{
    mn_window w;
    bool more = true;
    mn_rc rc;
    mn_feed_window(f, &w, name, MN_LINE_MAX);
    for (;;) {
        mn_str text;
        uint64_t number = w.line;
        if ((rc = mn_window_line(&w, &text, &more, e)) != MN_OK || !more) break;
        if (!mn_str_trim(text).len) continue;
        if ((rc = on_line(f, text, e)) == MN_OK) continue;
        /* A refusal from further on (the store, a stop) has nothing to do with the line. */
        if (rc == MN_E_PARSE || rc == MN_E_LIMIT) rc = at_line(name, number, rc, e);
        break;
    }
    mn_window_release(&w);
    return rc;
}

mn_rc mn_read_jsonl(mn_feed *f, mn_err *e)
{
    mn_str name;
    bool more = true, single = mn_source_kind_of(f->src) == MN_SOURCE_FILE;
    f->origin = "jsonl";
    for (;;) {
        MN_TRY(mn_source_next(f->src, &name, &more, e));
        if (!more) return MN_OK;
        if (single || mn_str_ends(name, ".jsonl") || mn_str_ends(name, ".ndjson"))
            MN_TRY(read_lines(f, name.ptr, e));
    }
}

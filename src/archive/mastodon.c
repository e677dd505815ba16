/* Mastodon's archive: actor.json says whose it is, outbox.json holds the activities, media_attachments/ the files.
 *
 * outbox.json is one object with one big list, walked item by item (its totalItems is often wrong and never looked at).
 * Create brings a post, Announce is a boost and counted. Who a post is for follows from to and cc. HTML becomes text. */
#include "archive/archive_int.h"

#include <string.h>

#include "base/clock.h"
#include "text/html.h"

typedef struct outbox {
    mn_feed *f;
    mn_profile profile;
    mn_str actor_id; /* empty: unknown */
    bool
        named; /* by actor.json or the first activity: from then on the profile stays as it is */
} outbox;

static mn_rc html_field(mn_feed *f, mn_str html, mn_str *ret, mn_err *e)
{
    mn_buf_clear(&f->text);
    MN_TRY(mn_html_to_text(html, &f->text, e));
    *ret = mn_str_dup(&f->keep, mn_buf_str(&f->text));
    return ret->ptr ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory for the account");
}

static mn_rc read_actor(outbox *o, mn_str name, mn_err *e)
{
    mn_str text;
    mn_json *a;
    mn_feed *f = o->f;
    mn_profile *p = &o->profile;
    MN_TRY(mn_feed_whole(f, name, MN_SMALL_MAX, &text, e));
    mn_rc rc = mn_json_parse(text, &f->keep, &a, e);
    if (rc != MN_OK) return mn_err_wrap(e, "'%.*s'", MN_STR_FMT(name));
    o->actor_id = mn_json_str(mn_json_get(a, "id"));
    p->name = mn_json_str(mn_json_get(a, "preferredUsername"));
    p->display = mn_json_str(mn_json_get(a, "name"));
    p->locked = mn_json_bool(mn_json_get(a, "manuallyApprovesFollowers"), false);
    p->bot = mn_str_eqz(mn_json_str(mn_json_get(a, "type")), "Service");
    p->origin = mn_str_fmt(&f->keep, "mastodon:%.*s", MN_STR_FMT(o->actor_id));
    if (mn_time_parse(mn_json_str(mn_json_get(a, "published")), &p->created_ms) != MN_OK)
        p->created_ms = 0;
    return html_field(f, mn_json_str(mn_json_get(a, "summary")), &p->bio, e);
}

/* ---- activities ---------------------------------------------------------------------------------------------------- */

static bool is_public(mn_str s)
{
    return mn_str_eqz(s, "https://www.w3.org/ns/activitystreams#Public") ||
           mn_str_eqz(s, "as:Public") || mn_str_eqz(s, "Public");
}

/* Is there an address in to or cc (a string or a list) for which test holds? */
static bool any_address(const mn_json *v, bool (*test)(mn_str))
{
    if (!v) return false;
    if (v->type == MN_JSON_STRING) return test(v->text);
    for (size_t i = 0; v->type == MN_JSON_ARRAY && i < v->n; i++)
        if (test(mn_json_str(v->items[i]))) return true;
    return false;
}

static bool is_followers(mn_str s)
{
    return mn_str_ends(s, "/followers");
}

static mn_visibility visibility_of(const mn_json *o)
{
    const mn_json *to = mn_json_get(o, "to"), *cc = mn_json_get(o, "cc");
    if (any_address(to, is_public)) return MN_VIS_PUBLIC;
    if (any_address(cc, is_public)) return MN_VIS_UNLISTED;
    if (any_address(to, is_followers) || any_address(cc, is_followers)) return MN_VIS_FOLLOWERS;
    return MN_VIS_DIRECT;
}

static mn_str id_or_string(const mn_json *v)
{
    return v && v->type == MN_JSON_OBJECT ? mn_json_str(mn_json_get(v, "id")) : mn_json_str(v);
}

static size_t read_media(mn_feed *f, const mn_json *list, mn_item_media *ret)
{
    size_t n = 0;
    for (size_t i = 0;
         list && list->type == MN_JSON_ARRAY && i < list->n && n < MN_ITEM_MEDIA_MAX; i++) {
        const mn_json *m = list->items[i];
        mn_str url = mn_json_str(mn_json_get(m, "url"));
        while (url.len && url.ptr[0] == '/') url = mn_str_sub(url, 1, SIZE_MAX);
        if (!url.len) continue;
        mn_str name = mn_str_fmt(&f->item, "%.*s%.*s", MN_STR_FMT(f->root), MN_STR_FMT(url));
        if (!name.ptr) break;
        ret[n++] = (mn_item_media){.name = name,
                                   .alt = mn_json_str(mn_json_get(m, "name")),
                                   .width = (int)mn_json_i64(mn_json_get(m, "width"), 0),
                                   .height = (int)mn_json_i64(mn_json_get(m, "height"), 0)};
    }
    return n;
}

static void add_options(const mn_json *list, mn_buf *b)
{
    for (size_t i = 0; list && i < list->n; i++) {
        mn_str name = mn_json_str(mn_json_get(list->items[i], "name"));
        if (!name.len) continue;
        mn_buf_addz(b, b->len ? "\n\u25cb " : "\u25cb ");
        mn_buf_adds(b, name);
    }
}

static mn_rc build_text(mn_feed *f, const mn_json *o, mn_str *ret, mn_err *e)
{
    mn_buf_clear(&f->text);
    MN_TRY(mn_html_to_text(mn_json_str(mn_json_get(o, "content")), &f->text, e));
    if (mn_str_eqz(mn_json_str(mn_json_get(o, "type")), "Question")) {
        add_options(mn_json_get(o, "oneOf"), &f->text);
        add_options(mn_json_get(o, "anyOf"), &f->text);
    }
    if (f->text.failed) return mn_fail(e, f->text.failed, "no memory for a post's text");
    *ret = mn_buf_str(&f->text);
    return MN_OK;
}

/* A poll vote is a Note with a name and without content. */
static bool is_post(const mn_json *o)
{
    mn_str type = mn_json_str(mn_json_get(o, "type"));
    if (mn_json_str(mn_json_get(o, "name")).len && !mn_json_str(mn_json_get(o, "content")).len)
        return false;
    return mn_str_eqz(type, "Note") || mn_str_eqz(type, "Question") ||
           mn_str_eqz(type, "Article") || mn_str_eqz(type, "Page");
}

static mn_rc on_create(outbox *b, const mn_json *activity, const mn_json *o, mn_err *e)
{
    mn_feed *f = b->f;
    mn_item_media media[MN_ITEM_MEDIA_MAX];
    const mn_json *langs = mn_json_get(o, "contentMap");
    mn_item it = {.source_id = mn_json_str(mn_json_get(o, "id")), .profile = &b->profile};
    mn_str published = mn_json_str(mn_json_get(o, "published"));
    mn_str updated = mn_json_str(mn_json_get(o, "updated"));
    if (!published.len) published = mn_json_str(mn_json_get(activity, "published"));
    if (!it.source_id.len || it.source_id.len > 2048)
        return mn_fail(e, MN_E_PARSE, "a post has no usable \"id\"");
    if (mn_time_parse(published, &it.created_ms) != MN_OK)
        return mn_fail(e, MN_E_PARSE, "\"published\" is '%.*s', expected a time as in RFC 3339",
                       (int)(published.len < 60 ? published.len : 60),
                       published.ptr ? published.ptr : "");
    if (updated.len && mn_time_parse(updated, &it.edited_ms) != MN_OK) it.edited_ms = 0;
    it.visibility = visibility_of(o);
    it.warning = mn_json_str(mn_json_get(o, "summary"));
    it.sensitive = mn_json_bool(mn_json_get(o, "sensitive"), false);
    it.reply_to = id_or_string(mn_json_get(o, "inReplyTo"));
    it.quote_of = id_or_string(mn_json_get(o, "quoteUri"));
    if (langs && langs->type == MN_JSON_OBJECT && langs->n == 1)
        it.lang = mn_lang_clean(langs->keys[0]);
    MN_TRY(build_text(f, o, &it.text, e));
    it.media = media;
    it.n_media = read_media(f, mn_json_get(o, "attachment"), media);
    return mn_feed_item(f, &it, e);
}

/* Why an activity brings no post of this account; MN_SKIPS when it does. */
static mn_skip against(const outbox *b, const mn_json *activity, const mn_json *o)
{
    mn_str type = mn_json_str(mn_json_get(activity, "type"));
    mn_str by = id_or_string(mn_json_get(o, "attributedTo"));
    if (mn_str_eqz(type, "Announce")) return MN_SKIP_BOOST;
    if (!mn_str_eqz(type, "Create") || !o || o->type != MN_JSON_OBJECT || !is_post(o))
        return MN_SKIP_NOT_A_POST;
    if (b->actor_id.len && by.len && !mn_str_eq(by, b->actor_id)) return MN_SKIP_OTHER_AUTHOR;
    if (visibility_of(o) == MN_VIS_DIRECT) return MN_SKIP_DIRECT;
    return MN_SKIPS;
}

/* Without actor.json the first activity says whose outbox it is: "https://a.example/users/ann" is ann. Only the first:
 * nothing was emitted before, so nobody reads the profile yet. */
static mn_rc adopt_author(outbox *b, const mn_json *activity, mn_err *e)
{
    mn_str by = mn_str_dup(&b->f->keep, id_or_string(mn_json_get(activity, "actor")));
    if (!by.len) return MN_OK;
    size_t at = by.len;
    while (at > 0 && by.ptr[at - 1] != '/') at--;
    mn_str name = mn_str_sub(by, at, SIZE_MAX);
    mn_str origin = mn_str_fmt(&b->f->keep, "mastodon:%.*s", MN_STR_FMT(by));
    if (!origin.ptr) return mn_fail(e, MN_E_NOMEM, "no memory for the account");
    b->actor_id = by;
    b->profile.origin = origin;
    if (name.len) b->profile.name = name;
    return MN_OK;
}

static mn_rc on_activity(outbox *b, mn_str element, mn_err *e)
{
    mn_json *activity;
    mn_arena_reset(&b->f->item);
    MN_TRY(mn_json_parse(element, &b->f->item, &activity, e));
    const mn_json *o = mn_json_get(activity, "object");
    if (!b->named && !b->actor_id.len) MN_TRY(adopt_author(b, activity, e));
    b->named = true;
    mn_skip why = against(b, activity, o);
    if (why == MN_SKIPS) return on_create(b, activity, o, e);
    mn_feed_skip(b->f, why);
    return MN_OK;
}

static mn_rc read_outbox(outbox *b, mn_str name, mn_err *e)
{
    mn_window w;
    mn_str element;
    bool more = true;
    mn_feed_window(b->f, &w, name.ptr, MN_ITEM_MAX);
    mn_rc rc = mn_window_array(&w, "orderedItems", NULL, e);
    for (uint64_t n = 1; rc == MN_OK; n++) {
        if ((rc = mn_window_element(&w, &element, &more, e)) != MN_OK || !more) break;
        rc = on_activity(b, element, e);
        if (rc == MN_E_PARSE || rc == MN_E_LIMIT)
            rc = mn_err_wrap(e, "'%s', item %llu (line %llu)", name.ptr, (unsigned long long)n,
                             (unsigned long long)w.line);
    }
    mn_window_release(&w);
    return rc;
}

mn_rc mn_read_mastodon(mn_feed *f, mn_err *e)
{
    mn_str name;
    bool more = true, found = false, single = mn_source_kind_of(f->src) == MN_SOURCE_FILE;
    outbox *b =
        mn_arena_calloc(&f->keep, 1, sizeof *b); /* items in flight point to the profile */
    if (!b) return mn_fail(e, MN_E_NOMEM, "no memory to read the archive");
    f->origin = "mastodon";
    b->f = f;
    while (!single) {
        MN_TRY(mn_source_next(f->src, &name, &more, e));
        if (!more) break;
        if (mn_feed_at(f, name, "actor.json")) MN_TRY(read_actor(b, name, e));
    }
    if (!b->profile.name.len) {
        mn_import_report_warn(
            f->report, "there is no actor.json; the account is named by the first activity");
        b->profile = (mn_profile){.name = MN_STR("mastodon"), .origin = MN_STR("mastodon:")};
    }
    MN_TRY(mn_source_rewind(f->src, e));
    for (;;) {
        MN_TRY(mn_source_next(f->src, &name, &more, e));
        if (!more) break;
        if (!single && !mn_feed_at(f, name, "outbox.json")) continue;
        found = true;
        MN_TRY(read_outbox(b, name, e));
    }
    return found ? MN_OK : mn_fail(e, MN_E_PARSE, "there is no outbox.json in this archive");
}

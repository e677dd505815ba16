/* actor.json and outbox.json, as Mastodon's archives have them: what other programs read of an account. */
#include <stdio.h>
#include <string.h>

#include "archive/export_int.h"
#include "base/hash.h"
#include "social/people.h"
#include "store/tags.h"

#define PUBLIC  "https://www.w3.org/ns/activitystreams#Public"
#define CONTEXT "https://www.w3.org/ns/activitystreams"

/* ---- texts ------------------------------------------------------------------------------------------------------------ */

static void put_escaped(mn_buf *b, mn_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '<') mn_buf_addz(b, "&lt;");
        else if (c == '>') mn_buf_addz(b, "&gt;");
        else if (c == '&') mn_buf_addz(b, "&amp;");
        else if (c == '"') mn_buf_addz(b, "&quot;");
        else mn_buf_addc(b, c);
    }
}

/* Paragraphs at empty lines, breaks at others; nothing else: addresses stay readable as they are. */
static mn_rc put_html(mn_out *o, const char *key, mn_str text, mn_err *e)
{
    mn_buf html;
    mn_buf_init(&html, (size_t)16 << 20);
    for (mn_str rest = text; rest.len;) {
        size_t end = mn_str_find(rest, MN_STR("\n\n"), 0);
        mn_str part = mn_str_sub(rest, 0, end);
        rest = end == SIZE_MAX ? MN_STR_NONE : mn_str_sub(rest, end + 2, SIZE_MAX);
        mn_buf_addz(&html, "<p>");
        for (bool first = true; part.ptr; first = false) {
            mn_str line = mn_str_split(part, '\n', &part);
            if (!first) mn_buf_addz(&html, "<br />");
            put_escaped(&html, line);
        }
        mn_buf_addz(&html, "</p>");
    }
    mn_rc rc = html.failed ? mn_fail(e, html.failed, "no memory for a post's text") : MN_OK;
    if (rc == MN_OK) mn_jw_kstr(&o->j, key, mn_buf_str(&html));
    mn_buf_release(&html);
    return rc;
}

static void ktime(mn_json_writer *j, const char *key, int64_t ms)
{
    mn_jw_key(j, key);
    mn_jw_time(j, ms);
}

/* ---- the actor ---------------------------------------------------------------------------------------------------------- */

static void put_picture(mn_out *o, mn_media_use use)
{
    for (size_t i = 0; i < o->n_pictures; i++) {
        const mn_media *m = &o->pictures[i];
        if (m->use != use) continue;
        char name[32];
        snprintf(name, sizeof name, "%s.%s", use == MN_MEDIA_AVATAR ? "avatar" : "header",
                 mn_out__extension(m->mime));
        mn_jw_key(&o->j, use == MN_MEDIA_AVATAR ? "icon" : "image");
        mn_jw_object(&o->j);
        mn_jw_kstrz(&o->j, "type", "Image");
        mn_jw_kstr(&o->j, "mediaType", m->mime);
        mn_jw_kstrz(&o->j, "url", name);
        mn_jw_object_end(&o->j);
    }
}

static void put_fields(mn_out *o)
{
    mn_field fields[MN_FIELDS_MAX];
    size_t n = mn_social_fields_read(o->account.fields, &o->keep, fields);
    mn_jw_key(&o->j, "attachment");
    mn_jw_array(&o->j);
    for (size_t i = 0; i < n; i++) {
        mn_buf value;
        mn_buf_init(&value, 1 << 16);
        put_escaped(&value, fields[i].value);
        mn_jw_object(&o->j);
        mn_jw_kstrz(&o->j, "type", "PropertyValue");
        mn_jw_kstr(&o->j, "name", fields[i].name);
        mn_jw_kstr(&o->j, "value", mn_buf_str(&value));
        mn_jw_object_end(&o->j);
        mn_buf_release(&value);
    }
    mn_jw_array_end(&o->j);
}

mn_rc mn_out__actor(mn_out *o, mn_err *e)
{
    mn_json_writer *j = &o->j;
    const mn_account *a = &o->account;
    mn_str name = mn_str_split(a->name, '@', &(mn_str){0});
    MN_TRY(mn_zip_entry(o->zip, "actor.json", a->created_ms, false, e));
    mn_json_writer_init(j, &o->b, 0);
    mn_jw_object(j);
    mn_jw_kstrz(j, "@context", CONTEXT);
    mn_jw_kstr(j, "id", o->actor);
    mn_jw_kstrz(j, "type", a->bot ? "Service" : "Person");
    mn_jw_kstr(j, "preferredUsername", name);
    mn_jw_kstr(j, "name", a->display_name);
    MN_TRY(put_html(o, "summary", a->bio, e));
    mn_jw_key(j, "url");
    mn_jw_str(j, mn_str_fmt(&o->keep, "%s/@%.*s", o->p->base, MN_STR_FMT(name)));
    mn_jw_kbool(j, "manuallyApprovesFollowers", a->locked);
    mn_jw_kbool(j, "discoverable", a->discoverable);
    ktime(j, "published", a->created_ms);
    put_picture(o, MN_MEDIA_AVATAR);
    put_picture(o, MN_MEDIA_HEADER);
    put_fields(o);
    mn_jw_kstrz(j, "outbox", "outbox.json");
    mn_jw_kstrz(j, "likes", "likes.json");
    mn_jw_kstrz(j, "bookmarks", "bookmarks.json");
    mn_jw_object_end(j);
    return mn_zip_flush(o->zip, &o->b, e);
}

/* ---- posts ------------------------------------------------------------------------------------------------------------ */

static void put_mention_addresses(mn_out *o, const mn_out_batch *b, const mn_post *x)
{
    for (size_t i = 0; i < b->n_mentions; i++) {
        const mn_mention *m = &b->mentions[i];
        if (m->post_id != x->id) continue;
        mn_str name = mn_str_split(m->name, '@', &(mn_str){0});
        if (m->domain.len)
            mn_jw_str(&o->j, mn_str_fmt(&o->page, "https://%.*s/users/%.*s",
                                        MN_STR_FMT(m->domain), MN_STR_FMT(name)));
        else
            mn_jw_str(&o->j,
                      mn_str_fmt(&o->page, "%s/users/%.*s", o->p->base, MN_STR_FMT(name)));
    }
}

/* Who it is for: to and cc. */
static void put_audience(mn_out *o, const mn_out_batch *b, const mn_post *x)
{
    mn_json_writer *j = &o->j;
    mn_str followers = mn_str_fmt(&o->page, "%.*s/followers", MN_STR_FMT(o->actor));
    mn_jw_key(j, "to");
    mn_jw_array(j);
    if (x->visibility == MN_VIS_PUBLIC) mn_jw_strz(j, PUBLIC);
    if (x->visibility == MN_VIS_UNLISTED || x->visibility == MN_VIS_FOLLOWERS)
        mn_jw_str(j, followers);
    if (x->visibility == MN_VIS_DIRECT) put_mention_addresses(o, b, x);
    mn_jw_array_end(j);
    mn_jw_key(j, "cc");
    mn_jw_array(j);
    if (x->visibility == MN_VIS_PUBLIC) mn_jw_str(j, followers);
    if (x->visibility == MN_VIS_UNLISTED) mn_jw_strz(j, PUBLIC);
    if (x->visibility != MN_VIS_DIRECT) put_mention_addresses(o, b, x);
    mn_jw_array_end(j);
}

static void put_attachments(mn_out *o, const mn_out_batch *b, const mn_post *x)
{
    mn_json_writer *j = &o->j;
    mn_jw_key(j, "attachment");
    mn_jw_array(j);
    for (size_t i = 0; i < b->n_media; i++) {
        const mn_media *m = &b->media[i];
        char url[128], hex[MN_HEX256];
        if (m->post_id != x->id) continue;
        mn_hex(m->sha256, 32, hex);
        snprintf(url, sizeof url, "/media_attachments/files/%s.%s", hex,
                 mn_out__extension(m->mime));
        mn_jw_object(j);
        mn_jw_kstrz(j, "type", "Document");
        mn_jw_kstr(j, "mediaType", m->mime);
        mn_jw_kstrz(j, "url", url);
        mn_jw_kstr(j, "name", m->alt);
        mn_jw_kstr(j, "blurhash", m->blurhash);
        mn_jw_ki64(j, "width", m->width);
        mn_jw_ki64(j, "height", m->height);
        mn_jw_object_end(j);
    }
    mn_jw_array_end(j);
}

static mn_rc put_tags(mn_out *o, const mn_out_batch *b, const mn_post *x, mn_err *e)
{
    mn_tag *tags = NULL;
    size_t n = 0;
    mn_json_writer *j = &o->j;
    mn_jw_key(j, "tag");
    mn_jw_array(j);
    for (size_t i = 0; i < b->n_mentions; i++) {
        const mn_mention *m = &b->mentions[i];
        mn_account a = {.name = m->name, .domain = m->domain};
        if (m->post_id != x->id) continue;
        mn_str address = mn_moving__address(o->p, &a, &o->page);
        mn_jw_object(j);
        mn_jw_kstrz(j, "type", "Mention");
        mn_jw_kstr(j, "name", mn_str_fmt(&o->page, "@%.*s", MN_STR_FMT(address)));
        mn_jw_object_end(j);
    }
    if (mn_str_find(x->text, MN_STR("#"), 0) != SIZE_MAX)
        MN_TRY(mn_store_post_tags(o->p->store, x->id, &o->page, &tags, &n, e));
    for (size_t i = 0; i < n; i++) {
        mn_jw_object(j);
        mn_jw_kstrz(j, "type", "Hashtag");
        mn_jw_kstr(j, "name", mn_str_fmt(&o->page, "#%.*s", MN_STR_FMT(tags[i].name)));
        mn_jw_kstr(j, "href",
                   mn_str_fmt(&o->page, "%s/tags/%.*s", o->p->base, MN_STR_FMT(tags[i].name)));
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
        if (p->expires_ms) ktime(j, "endTime", p->expires_ms);
        mn_jw_ku64(j, "votersCount", p->n_voters);
        mn_jw_key(j, p->multiple ? "anyOf" : "oneOf");
        mn_jw_array(j);
        for (size_t k = 0; k < p->n_options; k++) {
            mn_jw_object(j);
            mn_jw_kstrz(j, "type", "Note");
            mn_jw_kstr(j, "name", p->options[k].title);
            mn_jw_key(j, "replies");
            mn_jw_object(j);
            mn_jw_kstrz(j, "type", "Collection");
            mn_jw_ku64(j, "totalItems", p->options[k].votes);
            mn_jw_object_end(j);
            mn_jw_object_end(j);
        }
        mn_jw_array_end(j);
    }
}

/* The address of another post; null when it is not here. */
static mn_rc put_post_address(mn_out *o, const char *key, uint64_t id, mn_err *e)
{
    mn_post other;
    mn_rc rc = id ? mn_store_post(o->p->store, id, &o->page, &other, e) : MN_E_NOT_FOUND;
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    mn_jw_kstr(&o->j, key, rc == MN_OK ? mn_moving__uri(o->p, &other, &o->page) : MN_STR_NONE);
    return MN_OK;
}

static mn_rc put_note(mn_out *o, const mn_out_batch *b, const mn_post *x, mn_str uri, mn_err *e)
{
    mn_json_writer *j = &o->j;
    mn_jw_object(j);
    mn_jw_kstr(j, "id", uri);
    mn_jw_kstrz(j, "type", x->poll_id ? "Question" : "Note");
    mn_jw_kstr(j, "summary", x->warning.len ? x->warning : MN_STR_NONE);
    MN_TRY(put_post_address(o, "inReplyTo", x->reply_to, e));
    if (x->quote_of) MN_TRY(put_post_address(o, "quoteUri", x->quote_of, e));
    ktime(j, "published", x->created_ms);
    if (x->edited_ms) ktime(j, "updated", x->edited_ms);
    mn_jw_kstr(j, "attributedTo", o->actor);
    put_audience(o, b, x);
    mn_jw_kbool(j, "sensitive", x->sensitive);
    MN_TRY(put_html(o, "content", x->text, e));
    if (x->lang.len) {
        mn_jw_key(j, "contentMap");
        mn_jw_object(j);
        MN_TRY(put_html(o, mn_str_dup(&o->page, x->lang).ptr, x->text, e));
        mn_jw_object_end(j);
    }
    put_attachments(o, b, x);
    MN_TRY(put_tags(o, b, x, e));
    put_poll(o, b, x);
    mn_jw_object_end(j);
    return MN_OK;
}

static mn_rc put_activity(mn_out *o, const mn_out_batch *b, const mn_post *x, mn_err *e)
{
    mn_json_writer *j = &o->j;
    mn_str uri = mn_moving__uri(o->p, x, &o->page);
    mn_jw_object(j);
    mn_jw_kstr(j, "id", mn_str_fmt(&o->page, "%.*s/activity", MN_STR_FMT(uri)));
    mn_jw_kstrz(j, "type", x->boost_of ? "Announce" : "Create");
    mn_jw_kstr(j, "actor", o->actor);
    ktime(j, "published", x->created_ms);
    put_audience(o, b, x);
    if (x->boost_of) {
        o->report->boosts++;
        MN_TRY(put_post_address(o, "object", x->boost_of, e));
    } else {
        o->report->posts++;
        mn_jw_key(j, "object");
        MN_TRY(put_note(o, b, x, uri, e));
    }
    mn_jw_object_end(j);
    return MN_OK;
}

mn_rc mn_out__outbox(mn_out *o, mn_err *e)
{
    mn_json_writer *j = &o->j;
    MN_TRY(mn_zip_entry(o->zip, "outbox.json", o->account.created_ms, false, e));
    mn_json_writer_init(j, &o->b, 0);
    mn_jw_object(j);
    mn_jw_kstrz(j, "@context", CONTEXT);
    mn_jw_kstrz(j, "id", "outbox.json");
    mn_jw_kstrz(j, "type", "OrderedCollection");
    mn_jw_ku64(j, "totalItems", o->account.n_posts);
    mn_jw_key(j, "orderedItems");
    mn_jw_array(j);
    MN_TRY(mn_out__posts(o, put_activity, e));
    mn_jw_array_end(j);
    mn_jw_object_end(j);
    return mn_zip_flush(o->zip, &o->b, e);
}

/* MediaAttachment, PreviewCard and CustomEmoji as Mastodon writes them, and the addresses in them. */
#include "api/mastodon/media.h"
#include "base/hash.h"

/* ---- addresses ------------------------------------------------------------------------------------------------------ */

static mn_str url_of(const mn_view *v, mn_str hex, mn_str mime)
{
    const mn_media_type *t = mn_media_type_of(mime);
    return mn_str_fmt(v->arena, "%.*s/media/%.*s%s%s", MN_STR_FMT(mn_masto_base(v->api)),
                      MN_STR_FMT(hex), t ? "." : "", t ? t->ext : "");
}

mn_str mn_media_url(const mn_view *v, const mn_media *m)
{
    char hex[MN_HEX256];
    if (m->state != MN_MEDIA_READY) return MN_STR_NONE;
    return url_of(v, mn_str_from(mn_hex(m->sha256, 32, hex)), m->mime);
}

mn_str mn_media_preview_url(const mn_view *v, const mn_media *m)
{
    if (m->state != MN_MEDIA_READY || !m->preview.len) return MN_STR_NONE;
    return url_of(v, m->preview, m->preview_mime);
}

mn_rc mn_media_picture_urls(const mn_view *v, const uint64_t *ids, size_t n, mn_media_use use,
                            mn_str *ret, mn_err *e)
{
    mn_media *list = NULL;
    size_t found = 0, k = 0, wanted = 0;
    uint64_t *some = mn_arena_alloc(v->arena, (n ? n : 1) * sizeof *some);
    if (!some) return mn_fail(e, MN_E_NOMEM, "no memory for pictures");
    for (size_t i = 0; i < n; i++)
        if (ids[i]) some[wanted++] = ids[i];
    if (wanted)
        MN_TRY(mn_store_media_by_ids(v->api->home->store, some, wanted, v->arena, &list, &found,
                                     e));
    mn_str none =
        mn_str_fmt(v->arena, "%.*s/%s/original/missing.png", MN_STR_FMT(mn_masto_base(v->api)),
                   use == MN_MEDIA_AVATAR ? "avatars" : "headers");
    for (size_t i = 0; i < n; i++) {
        bool there = ids[i] && k < found && list[k].id == ids[i];
        ret[i] = there ? mn_media_url(v, &list[k++]) : none;
        if (!ret[i].ptr) return mn_fail(e, MN_E_NOMEM, "no memory for pictures");
    }
    return MN_OK;
}

/* ---- MediaAttachment ------------------------------------------------------------------------------------------------- */

static const char *kind_of(mn_str mime)
{
    if (mn_str_starts(mime, "image/")) return "image";
    if (mn_str_starts(mime, "video/")) return "video";
    if (mn_str_starts(mime, "audio/")) return "audio";
    return "unknown";
}

static void put_size(mn_json_writer *j, const mn_view *v, const char *key, int w, int h)
{
    mn_jw_key(j, key);
    mn_jw_object(j);
    mn_jw_ki64(j, "width", w);
    mn_jw_ki64(j, "height", h);
    mn_jw_kstr(j, "size", mn_str_fmt(v->arena, "%dx%d", w, h));
    mn_jw_kf64(j, "aspect", (double)w / h);
    mn_jw_object_end(j);
}

static void put_moving(mn_json_writer *j, const mn_media *m)
{
    double s = (double)m->duration_ms / 1000;
    mn_jw_key(j, "original");
    mn_jw_object(j);
    if (m->width && m->height) {
        mn_jw_ki64(j, "width", m->width);
        mn_jw_ki64(j, "height", m->height);
    }
    if (m->duration_ms) {
        mn_jw_kf64(j, "duration", s);
        mn_jw_ki64(j, "bitrate", (int64_t)((double)m->size_bytes * 8 / s));
    }
    mn_jw_object_end(j);
}

static void put_meta(mn_json_writer *j, const mn_view *v, const mn_media *m)
{
    bool still = mn_str_starts(m->mime, "image/");
    mn_jw_key(j, "meta");
    mn_jw_object(j);
    if (m->focus_x || m->focus_y) {
        mn_jw_key(j, "focus");
        mn_jw_object(j);
        mn_jw_kf64(j, "x", m->focus_x / 1e6);
        mn_jw_kf64(j, "y", m->focus_y / 1e6);
        mn_jw_object_end(j);
    }
    if (still && m->width && m->height) put_size(j, v, "original", m->width, m->height);
    else if (!still) put_moving(j, m);
    if (m->preview_width && m->preview_height)
        put_size(j, v, "small", m->preview_width, m->preview_height);
    mn_jw_object_end(j);
}

void mn_entity_media(const mn_view *v, const mn_media *m, mn_json_writer *j)
{
    mn_str url = mn_media_url(v, m), preview = mn_media_preview_url(v, m);
    bool still = mn_str_starts(m->mime, "image/");
    mn_jw_object(j);
    mn_jw_kid(j, "id", m->id);
    mn_jw_kstrz(j, "type", kind_of(m->mime));
    mn_jw_kstr(j, "url", url);
    mn_jw_kstr(j, "preview_url", !preview.ptr && still ? url : preview);
    mn_jw_kstr(j, "remote_url", MN_STR_NONE);
    mn_jw_kstr(j, "preview_remote_url", MN_STR_NONE);
    mn_jw_kstr(j, "text_url", MN_STR_NONE);
    put_meta(j, v, m);
    mn_jw_kstr(j, "description", m->alt.len ? m->alt : MN_STR_NONE);
    mn_jw_kstr(j, "blurhash", m->blurhash.len ? m->blurhash : MN_STR_NONE);
    mn_jw_object_end(j);
}

/* ---- PreviewCard ------------------------------------------------------------------------------------------------------ */

static const char *const card_kinds[] = {"link", "photo", "video"};

static mn_str or_empty(mn_str s)
{
    return s.ptr ? s : MN_STR("");
}

static void put_author(mn_json_writer *j, const mn_card *c)
{
    mn_jw_key(j, "authors");
    mn_jw_array(j);
    if (c->author.len || c->author_url.len) {
        mn_jw_object(j);
        mn_jw_kstr(j, "name", or_empty(c->author));
        mn_jw_kstr(j, "url", or_empty(c->author_url));
        mn_jw_kstr(j, "account", MN_STR_NONE);
        mn_jw_object_end(j);
    }
    mn_jw_array_end(j);
}

static mn_rc put_card(const mn_view *v, const mn_card *c, mn_json_writer *j, mn_err *e)
{
    mn_media image;
    mn_rc rc = MN_E_NOT_FOUND;
    if (c->image_id)
        rc = mn_store_medium(v->api->home->store, c->image_id, v->arena, &image, e);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    bool pictured = rc == MN_OK;
    mn_jw_object(j);
    mn_jw_kstr(j, "url", c->url);
    mn_jw_kstr(j, "title", or_empty(c->title));
    mn_jw_kstr(j, "description", or_empty(c->description));
    mn_jw_kstr(j, "language", c->lang.len ? c->lang : MN_STR_NONE);
    mn_jw_kstrz(j, "type", card_kinds[c->kind < MN_CARD_NONE ? c->kind : MN_CARD_LINK]);
    mn_jw_kstr(j, "author_name", or_empty(c->author));
    mn_jw_kstr(j, "author_url", or_empty(c->author_url));
    mn_jw_kstr(j, "provider_name", or_empty(c->provider));
    mn_jw_kstr(j, "provider_url", or_empty(c->provider_url));
    mn_jw_kstrz(j, "html", "");
    mn_jw_ki64(j, "width", pictured ? image.width : 0);
    mn_jw_ki64(j, "height", pictured ? image.height : 0);
    mn_jw_kstr(j, "image", pictured ? mn_media_url(v, &image) : MN_STR_NONE);
    mn_jw_kstr(j, "image_description", pictured ? or_empty(image.alt) : MN_STR(""));
    mn_jw_kstrz(j, "embed_url", "");
    mn_jw_kstr(j, "blurhash", pictured && image.blurhash.len ? image.blurhash : MN_STR_NONE);
    mn_jw_key(j, "published_at");
    if (c->published_ms) mn_jw_time(j, c->published_ms);
    else mn_jw_null(j);
    put_author(j, c);
    mn_jw_object_end(j);
    return MN_OK;
}

mn_rc mn_entity_card(const mn_view *v, uint64_t card_id, mn_json_writer *j, mn_err *e)
{
    mn_card c;
    mn_rc rc =
        card_id ? mn_store_card(v->api->home->store, card_id, v->arena, &c, e) : MN_E_NOT_FOUND;
    if (rc == MN_OK && c.kind != MN_CARD_NONE) return put_card(v, &c, j, e);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    mn_jw_null(j);
    return MN_OK;
}

/* ---- CustomEmoji ------------------------------------------------------------------------------------------------------ */

#define EMOJI_IN_MAX 100

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_code(char c)
{
    return is_alnum(c) || c == '_';
}

/* A letter, digit or colon beside it makes it something else. */
static bool joins(mn_str s, size_t at)
{
    return at < s.len && (is_alnum(s.ptr[at]) || s.ptr[at] == ':');
}

static bool is_known(const mn_str *codes, size_t n, mn_str s)
{
    for (size_t i = 0; i < n; i++)
        if (mn_str_eq(codes[i], s)) return true;
    return false;
}

/* ":code:" between what is no part of a word. */
static size_t codes_in(mn_str s, mn_str *codes, size_t n, size_t most)
{
    for (size_t at = 0; at < s.len && n < most; at++) {
        if (s.ptr[at] != ':' || (at > 0 && joins(s, at - 1))) continue;
        size_t end = at + 1;
        while (end < s.len && is_code(s.ptr[end])) end++;
        mn_str code = {s.ptr + at + 1, end - at - 1};
        bool closed = end < s.len && s.ptr[end] == ':' && code.len >= 2 && code.len <= 64;
        if (!closed || joins(s, end + 1)) continue;
        if (!is_known(codes, n, code)) codes[n++] = code;
        at = end;
    }
    return n;
}

static void put_emoji(const mn_view *v, const mn_emoji *x, mn_json_writer *j)
{
    mn_jw_object(j);
    mn_jw_kstr(j, "shortcode", x->shortcode);
    mn_jw_kstr(j, "url", url_of(v, x->file, x->mime));
    mn_jw_kstr(j, "static_url", url_of(v, x->still, MN_STR("image/png")));
    mn_jw_kbool(j, "visible_in_picker", x->visible);
    mn_jw_kstr(j, "category", x->category.len ? x->category : MN_STR_NONE);
    mn_jw_object_end(j);
}

mn_rc mn_entity_emoji_in(const mn_view *v, const mn_str *texts, size_t n, mn_json_writer *j,
                         mn_err *e)
{
    mn_str codes[EMOJI_IN_MAX];
    mn_emoji *list = NULL;
    size_t k = 0, found = 0;
    for (size_t i = 0; i < n; i++)
        if (texts[i].len) k = codes_in(texts[i], codes, k, EMOJI_IN_MAX);
    if (k) MN_TRY(mn_store_emoji_by(v->api->home->store, codes, k, v->arena, &list, &found, e));
    mn_jw_array(j);
    for (size_t i = 0; i < found; i++) put_emoji(v, &list[i], j);
    mn_jw_array_end(j);
    return MN_OK;
}

void mn_masto__custom_emojis(mn_req *r, mn_resp *w)
{
    mn_view v = mn_masto_view(r);
    mn_emoji *list = NULL;
    size_t n = 0;
    mn_err e = {0};
    if (mn_store_emoji_all(v.api->home->store, v.arena, &list, &n, &e) != MN_OK) {
        mn_masto_fail(r, w, &e);
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; i < n; i++) put_emoji(&v, &list[i], &j);
    mn_jw_array_end(&j);
}

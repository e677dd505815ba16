/* A tweet object as the archives of X have it, old and new: see docs/design/archives.md.
 *
 * Numbers come as strings, ids are read from the _str members. Texts are HTML-escaped once and hold t.co addresses, which
 * are replaced by searching for them: the indices that the archives give count different things in different years. */
#include "archive/archive_int.h"

#include <string.h>

#include "base/fs.h"
#include "text/html.h"

/* 2006-03-21, the first tweet; some rows of archives lie before it. */
#define X_BEGAN INT64_C(1142899200000)

static mn_str id_of(const mn_json *o, const char *str_key, const char *key)
{
    const mn_json *v = mn_json_get(o, str_key);
    mn_str s = mn_json_str(v);
    if (s.len) return s;
    v = mn_json_get(o, key);
    if (v && (v->type == MN_JSON_STRING || v->type == MN_JSON_NUMBER)) return v->text;
    return MN_STR("");
}

static void replace_all(mn_str s, mn_str what, mn_str with, mn_buf *ret)
{
    size_t at = 0;
    while (what.len) {
        size_t hit = mn_str_find(s, what, at);
        if (hit == SIZE_MAX) break;
        mn_buf_add(ret, s.ptr + at, hit - at);
        mn_buf_adds(ret, with);
        at = hit + what.len;
    }
    mn_buf_add(ret, s.ptr + at, s.len - at);
}

/* One url after the other; few a post. Two buffers take turns. */
static mn_rc replace_each(mn_str text, const mn_json *list, const char *to_key, mn_buf *ret)
{
    mn_buf other;
    mn_rc rc = mn_buf_adds(ret, text);
    mn_buf_init(&other, ret->max);
    for (size_t i = 0; list && i < list->n && i < 200 && rc == MN_OK; i++) {
        const mn_json *u = list->items[i];
        mn_str from = mn_json_str(mn_json_get(u, "url"));
        if (!from.len) from = mn_json_str(mn_json_get(u, "shortUrl"));
        mn_str to = to_key ? mn_json_str(mn_json_get(u, to_key)) : MN_STR("");
        if (to_key && !to.len) to = mn_json_str(mn_json_get(u, "expandedUrl"));
        if (!from.len || (to_key && !to.len) || mn_str_eq(from, to)) continue;
        mn_buf_clear(&other);
        replace_all(mn_buf_str(ret), from, to, &other);
        mn_buf turn = *ret;
        *ret = other;
        other = turn;
        rc = ret->failed;
    }
    mn_buf_release(&other);
    return rc;
}

mn_rc mn_expand_urls(mn_str text, const mn_json *urls, mn_buf *ret)
{
    return replace_each(text, urls, "expanded_url", ret);
}

/* The id in "https://x.com/NAME/status/123?s=20", or none. */
static mn_str quoted_id(mn_str url)
{
    static const char *const hosts[] = {"https://twitter.com/", "http://twitter.com/",
                                        "https://x.com/", "https://mobile.twitter.com/",
                                        "https://www.twitter.com/"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        if (!mn_str_starts(url, hosts[i])) continue;
        mn_str rest = mn_str_sub(url, strlen(hosts[i]), SIZE_MAX);
        mn_str name = mn_str_split(rest, '/', &rest), kind = mn_str_split(rest, '/', &rest);
        if (!name.len || !rest.ptr ||
            (!mn_str_eqz(kind, "status") && !mn_str_eqz(kind, "statuses")))
            return MN_STR("");
        size_t n = 0;
        while (n < rest.len && rest.ptr[n] >= '0' && rest.ptr[n] <= '9') n++;
        bool ends = n == rest.len || rest.ptr[n] == '?' || rest.ptr[n] == '#';
        return ends ? mn_str_sub(rest, 0, n) : MN_STR("");
    }
    return MN_STR("");
}

static mn_str quote_of(const mn_json *urls)
{
    mn_str last = MN_STR("");
    for (size_t i = 0; urls && i < urls->n; i++) {
        mn_str id = quoted_id(mn_json_str(mn_json_get(urls->items[i], "expanded_url")));
        if (id.len) last = id;
    }
    return last;
}

/* ---- media --------------------------------------------------------------------------------------------------------- */

static mn_str last_of_url(mn_str url)
{
    for (size_t i = 0; i < url.len; i++)
        if (url.ptr[i] == '?') url.len = i;
    for (size_t i = url.len; i > 0; i--)
        if (url.ptr[i - 1] == '/') return mn_str_sub(url, i, SIZE_MAX);
    return url;
}

/* The address whose last part names the file: of a video, the variant of the highest bitrate. */
static mn_str media_address(const mn_json *m)
{
    mn_str best = MN_STR_NONE;
    int64_t best_rate = -1;
    const mn_json *v = mn_json_get(mn_json_get(m, "video_info"), "variants");
    for (size_t i = 0; v && i < v->n; i++) {
        int64_t rate = mn_json_i64(mn_json_get(v->items[i], "bitrate"), 0);
        mn_str type = mn_json_str(mn_json_get(v->items[i], "content_type"));
        if (!mn_str_eqz(type, "video/mp4") || rate <= best_rate) continue;
        best_rate = rate;
        best = mn_json_str(mn_json_get(v->items[i], "url"));
    }
    if (best.len) return best;
    best = mn_json_str(mn_json_get(m, "media_url_https"));
    return best.len ? best : mn_json_str(mn_json_get(m, "media_url"));
}

static size_t read_media(mn_feed *f, const mn_json *list, mn_str id, mn_item_media *ret)
{
    size_t n = 0;
    for (size_t i = 0; list && i < list->n && n < MN_ITEM_MEDIA_MAX; i++) {
        const mn_json *m = list->items[i],
                      *size = mn_json_get(mn_json_get(m, "sizes"), "large");
        mn_str file = last_of_url(media_address(m));
        if (!file.len) continue;
        mn_str name = mn_str_fmt(&f->item, "%.*s-%.*s", MN_STR_FMT(id), MN_STR_FMT(file));
        if (!name.ptr) break;
        ret[n++] = (mn_item_media){.name = name,
                                   .alt = mn_json_str(mn_json_get(m, "ext_alt_text")),
                                   .width = (int)mn_json_i64(mn_json_get(size, "w"), 0),
                                   .height = (int)mn_json_i64(mn_json_get(size, "h"), 0)};
    }
    return n;
}

/* ---- the tweet ----------------------------------------------------------------------------------------------------- */

static bool is_boost(const mn_json *t, mn_str text)
{
    if (mn_json_get(t, "retweeted_status")) return true;
    if (!mn_str_starts(text, "RT @")) return false;
    size_t i = 4;
    while (i < text.len && text.ptr[i] != ':' && text.ptr[i] != ' ') i++;
    return i > 4 && i < text.len && text.ptr[i] == ':';
}

static mn_rc build_text(mn_feed *f, const mn_json *t, mn_str raw, const mn_json *media,
                        mn_str *ret, mn_err *e)
{
    mn_buf_clear(&f->text);
    mn_buf_clear(&f->scratch);
    mn_rc rc = mn_html_unescape(raw, &f->text);
    if (rc == MN_OK)
        rc = mn_expand_urls(mn_buf_str(&f->text),
                            mn_json_get(mn_json_get(t, "entities"), "urls"), &f->scratch);
    mn_buf_clear(&f->text);
    if (rc == MN_OK) rc = replace_each(mn_buf_str(&f->scratch), media, NULL, &f->text);
    if (rc != MN_OK) return mn_fail(e, rc, "no memory for a post's text");
    *ret = mn_buf_str(&f->text);
    return MN_OK;
}

static mn_rc bad(mn_str id, const char *what, mn_err *e)
{
    return mn_fail(e, MN_E_PARSE, "post '%.*s' %s", (int)(id.len < 40 ? id.len : 40), id.ptr,
                   what);
}

static const mn_json *media_of(const mn_json *t)
{
    const mn_json *m = mn_json_get(mn_json_get(t, "extended_entities"), "media");
    return m ? m : mn_json_get(mn_json_get(t, "entities"), "media");
}

mn_rc mn_feed_tweet(mn_feed *f, const mn_json *t, const mn_tweet_rules *r, mn_err *e)
{
    mn_item_media media[MN_ITEM_MEDIA_MAX];
    mn_str id = id_of(t, "id_str", "id"), raw = mn_json_str(mn_json_get(t, "full_text"));
    if (!raw.ptr) raw = mn_json_str(mn_json_get(t, "text"));
    if (t->type != MN_JSON_OBJECT || !id.len || id.len > 20) return bad(id, "has no id", e);
    if (!raw.ptr) return bad(id, "has no text", e);
    mn_item it = {.source_id = id, .profile = r->profile, .visibility = r->visibility};
    if (mn_x_time(mn_json_str(mn_json_get(t, "created_at")), &it.created_ms) != MN_OK)
        return bad(id, "has no time in \"created_at\"", e);
    if (is_boost(t, raw)) {
        mn_feed_skip(f, MN_SKIP_BOOST);
        return MN_OK;
    }
    if (it.created_ms < X_BEGAN) {
        mn_feed_skip(f, MN_SKIP_BAD_TIME);
        return MN_OK;
    }
    mn_str longer = r->longer ? r->longer(r->arg, id, it.created_ms, raw) : MN_STR_NONE;
    if (longer.ptr) it.text = longer;
    else MN_TRY(build_text(f, t, raw, media_of(t), &it.text, e));
    it.reply_to = id_of(t, "in_reply_to_status_id_str", "in_reply_to_status_id");
    it.quote_of = quote_of(mn_json_get(mn_json_get(t, "entities"), "urls"));
    it.lang = mn_lang_clean(mn_json_str(mn_json_get(t, "lang")));
    it.sensitive = mn_json_bool(mn_json_get(t, "possibly_sensitive"), false);
    it.media = media;
    it.n_media = read_media(f, media_of(t), id, media);
    return mn_feed_item(f, &it, e);
}

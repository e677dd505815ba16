/* Uploads: POST, GET, PUT, DELETE of media, and an account's pictures. What a stranger sends is looked at by its bytes; a picture
 * goes through the sandbox (src/media) on the worker's thread, so that the answer is the finished attachment. */
#include "api/mastodon/media.h"

#include <math.h>

#include "api/mastodon/media_int.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/snowflake.h"
#include "social/limits.h"

#define BODY_MAX    ((size_t)64 << 20)
#define ALT_MAX     ((size_t)1500)
#define AVATAR_MAX  ((uint64_t)8 << 20)
#define UNVERIFIED  "File type of uploaded media could not be verified"
#define THUMB_ERROR "Error processing thumbnail for uploaded media"

const char *mn_media_dir(const mn_api *a, mn_arena *ar)
{
    return mn_str_fmt(ar, "%s/media", a->home->dir).ptr;
}

/* ---- what is made of an upload --------------------------------------------------------------------------------------- */

/* What the member's plan includes. */
static mn_rc check_size(const mn_api *a, uint64_t account_id, mn_media_kind kind, mn_str bytes,
                        mn_err *e)
{
    uint64_t most = 0;
    MN_TRY(mn_limits_included(a->limits, account_id,
                              kind == MN_KIND_IMAGE ? MN_PLAN_IMAGE_BYTES : MN_PLAN_VIDEO_BYTES,
                              &most, e));
    if (!most || bytes.len <= most) return MN_OK;
    return mn_fail(e, MN_E_LIMIT, "Validation failed: File file size must be less than %.4g MB",
                   (double)most / 1048576);
}

static mn_rc put_file(mn_api *a, mn_arena *ar, mn_str bytes, uint8_t sha256[32], mn_err *e)
{
    const char *dir = mn_media_dir(a, ar);
    if (!dir) return mn_fail(e, MN_E_NOMEM, "no memory for an upload");
    return mn_files_put(dir, bytes, sha256, e);
}

static mn_rc put_hex(mn_api *a, mn_arena *ar, mn_str bytes, mn_str *ret, mn_err *e)
{
    uint8_t sha[32];
    char *hex = mn_arena_alloc(ar, MN_HEX256);
    if (!hex) return mn_fail(e, MN_E_NOMEM, "no memory for an upload");
    MN_TRY(put_file(a, ar, bytes, sha, e));
    *ret = mn_str_from(mn_hex(sha, 32, hex));
    return MN_OK;
}

/* The finished picture's files and what the row says of them; strings in the arena or static. */
static mn_rc keep_picture(mn_api *a, mn_arena *ar, const mn_picture *p, mn_media *m, mn_err *e)
{
    MN_TRY(put_file(a, ar, mn_buf_str(&p->file), m->sha256, e));
    m->mime = mn_str_from(p->mime);
    m->size_bytes = p->file.len;
    m->width = p->width;
    m->height = p->height;
    m->blurhash = mn_str_dup(ar, mn_str_from(p->blurhash));
    if (!m->blurhash.ptr) return mn_fail(e, MN_E_NOMEM, "no memory for an upload");
    if (!p->preview.len) return MN_OK;
    m->preview_mime = mn_str_from(p->preview_mime);
    m->preview_width = p->preview_width;
    m->preview_height = p->preview_height;
    return put_hex(a, ar, mn_buf_str(&p->preview), &m->preview, e);
}

mn_rc mn_media__picture_row(mn_api *a, mn_arena *ar, mn_str bytes, mn_picture_use use,
                            mn_media *m, mn_err *e)
{
    mn_picture p;
    MN_TRY(mn_media_picture(bytes, use, &p, e));
    mn_rc rc = keep_picture(a, ar, &p, m, e);
    mn_picture_release(&p);
    return rc;
}

/* Video and sound are kept as they are. */
static mn_rc keep_moving(mn_api *a, mn_arena *ar, const mn_media_type *t, mn_str bytes,
                         mn_media *m, mn_err *e)
{
    mn_av_info i = mn_media_av(bytes);
    bool sound = !strcmp(t->mime, "video/mp4") && i.has_audio && !i.has_video;
    m->mime = mn_str_from(sound ? "audio/mp4" : t->mime);
    m->size_bytes = bytes.len;
    m->width = i.width;
    m->height = i.height;
    m->duration_ms = i.duration_ms;
    return put_file(a, ar, bytes, m->sha256, e);
}

/* A picture that stands for a video or a sound. */
static mn_rc add_thumbnail(mn_api *a, mn_arena *ar, mn_str bytes, mn_media *m, mn_err *e)
{
    mn_media t = {0};
    MN_TRY(check_size(a, m->account_id, MN_KIND_IMAGE, bytes, e));
    mn_rc rc = mn_media__picture_row(a, ar, bytes, MN_PIC_CARD, &t, e);
    if (rc != MN_OK) return rc;
    char *hex = mn_arena_alloc(ar, MN_HEX256);
    if (!hex) return mn_fail(e, MN_E_NOMEM, "no memory for an upload");
    m->preview = mn_str_from(mn_hex(t.sha256, 32, hex));
    m->preview_mime = t.mime;
    m->preview_width = t.width;
    m->preview_height = t.height;
    m->blurhash = t.blurhash;
    return MN_OK;
}

static mn_rc make(mn_api *a, mn_arena *ar, mn_str bytes, mn_media *m, mn_err *e)
{
    const mn_media_type *t = mn_media_sniff(bytes);
    if (!t)
        return mn_fail(e, MN_E_UNSUPPORTED, "Validation failed: File content type is invalid");
    MN_TRY(check_size(a, m->account_id, t->kind, bytes, e));
    m->id = mn_snowflake_next();
    m->created_ms = mn_now_ms();
    if (t->kind == MN_KIND_IMAGE) return mn_media__picture_row(a, ar, bytes, MN_PIC_POST, m, e);
    return keep_moving(a, ar, t, bytes, m, e);
}

mn_rc mn_media__add(mn_api *a, const mn_media *m, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(a->home->store, &tx, e));
    return mn_store_end(tx, mn_store_media_add(tx, m, e), e);
}

/* ---- parameters -------------------------------------------------------------------------------------------------------- */

/* "x,y", each from -1 to 1; anything else leaves it as it is, as Mastodon does. */
static void read_focus(mn_str s, mn_media *m)
{
    mn_str second, first = mn_str_split(s, ',', &second);
    double x, y;
    if (!second.ptr || mn_str_to_f64(mn_str_trim(first), &x) != MN_OK ||
        mn_str_to_f64(mn_str_trim(second), &y) != MN_OK)
        return;
    m->focus_x = (int)lrint(fmax(-1, fmin(1, x)) * 1e6);
    m->focus_y = (int)lrint(fmax(-1, fmin(1, y)) * 1e6);
}

static bool read_words(mn_req *r, mn_resp *w, mn_media *m)
{
    mn_str alt = mn_param(r, "description"), focus = mn_param(r, "focus");
    if (alt.ptr && mn_utf8_count(alt) > ALT_MAX) {
        mn_masto_error(
            r, w, 422,
            "Validation failed: Description is too long (maximum is 1500 characters)");
        return false;
    }
    if (mn_param_has(r, "description")) m->alt = alt.ptr ? mn_str_trim(alt) : MN_STR("");
    if (focus.ptr) read_focus(focus, m);
    return true;
}

/* A picture that cannot be read is told as Mastodon tells it; limits in our words. */
static void upload_failed(mn_req *r, mn_resp *w, mn_err *e, const char *otherwise)
{
    if (e->rc == MN_E_PARSE) mn_masto_error(r, w, 422, otherwise);
    else if (e->rc == MN_E_UNSUPPORTED && strncmp(e->msg, "Validation", 10) != 0)
        mn_masto_error(r, w, 422, "Validation failed: File content type is invalid");
    else if (e->rc == MN_E_LIMIT && strncmp(e->msg, "Validation", 10) != 0)
        mn_masto_error(r, w, 422,
                       mn_str_fmt(r->arena, "Validation failed: File: %s", e->msg).ptr);
    else mn_masto_fail(r, w, e);
}

static bool read_thumbnail(mn_req *r, mn_resp *w, mn_media *m)
{
    mn_err e = {0};
    mn_upload t;
    if (!mn_param_file(r, "thumbnail", &t) || mn_str_starts(m->mime, "image/")) return true;
    if (add_thumbnail(r->app, r->arena, t.bytes, m, &e) == MN_OK) return true;
    upload_failed(r, w, &e, THUMB_ERROR);
    return false;
}

/* ---- handlers ----------------------------------------------------------------------------------------------------------- */

static void answer(mn_req *r, mn_resp *w, const mn_media *m)
{
    mn_view v = mn_masto_view(r);
    mn_json_writer j = mn_masto_json(w);
    mn_entity_media(&v, m, &j);
}

static void post_media(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_upload u;
    mn_media m = {.account_id = mn_masto_me(r), .alt = MN_STR("")};
    if (!mn_param_file(r, "file", &u) || !u.bytes.len) {
        mn_masto_error(r, w, 422, "Validation failed: File can't be blank");
        return;
    }
    if (!read_words(r, w, &m)) return;
    if (make(r->app, r->arena, u.bytes, &m, &e) != MN_OK) {
        upload_failed(r, w, &e, UNVERIFIED);
        return;
    }
    if (!read_thumbnail(r, w, &m)) return;
    if (mn_media__add(r->app, &m, &e) != MN_OK) mn_masto_fail(r, w, &e);
    else answer(r, w, &m);
}

/* One's own; false: 404 was answered. loose: attached to nothing, as Mastodon wants it for reading and changing. */
static bool find_own(mn_req *r, mn_resp *w, bool loose, mn_media *ret)
{
    mn_api *a = r->app;
    mn_err e = {0};
    uint64_t id;
    if (!mn_masto_id(r, w, "id", &id)) return false;
    mn_rc rc = mn_store_medium(a->home->store, id, r->arena, ret, &e);
    if (rc == MN_OK && (ret->account_id != mn_masto_me(r) || ret->use != MN_MEDIA_POST ||
                        (loose && ret->post_id)))
        rc = MN_E_NOT_FOUND;
    if (rc == MN_OK) return true;
    mn_masto_failed(r, w, rc, &e);
    return false;
}

static void get_media(mn_req *r, mn_resp *w)
{
    mn_media m;
    if (!find_own(r, w, true, &m)) return;
    answer(r, w, &m);
    if (m.state == MN_MEDIA_WAITING) mn_resp_status(w, 206);
}

static mn_rc update(mn_api *a, const mn_media *m, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(a->home->store, &tx, e));
    return mn_store_end(tx, mn_store_media_update(tx, m, e), e);
}

static void put_media(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_media m;
    if (!find_own(r, w, true, &m) || !read_words(r, w, &m) || !read_thumbnail(r, w, &m)) return;
    mn_rc rc = update(r->app, &m, &e);
    e.rc = rc;
    if (rc != MN_OK) mn_masto_fail(r, w, &e);
    else answer(r, w, &m);
}

static mn_rc remove_medium(mn_api *a, uint64_t id, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(a->home->store, &tx, e));
    return mn_store_end(tx, mn_store_media_remove(tx, id, e), e);
}

static void delete_media(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_media m;
    if (!find_own(r, w, false, &m)) return;
    mn_rc rc = remove_medium(r->app, m.id, &e);
    e.rc = rc;
    if (rc == MN_E_DENIED)
        mn_masto_error(r, w, 422, "Media attachment is currently used by a status");
    else if (rc != MN_OK) mn_masto_fail(r, w, &e);
    else mn_masto_empty(w);
}

/* ---- pictures of accounts -------------------------------------------------------------------------------------------------- */

static mn_rc set_picture(mn_api *a, uint64_t account_id, mn_media_use use, const mn_media *m,
                         mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(a->home->store, &tx, e));
    mn_rc rc = m ? mn_store_media_add(tx, m, e) : MN_OK;
    if (rc == MN_OK) rc = mn_store_account_picture_set(tx, account_id, use, m ? m->id : 0, e);
    return mn_store_end(tx, rc, e);
}

mn_rc mn_media_account_picture(mn_api *a, uint64_t account_id, mn_media_use use, mn_str bytes,
                               mn_err *e)
{
    mn_arena ar;
    mn_media m = {.id = mn_snowflake_next(),
                  .account_id = account_id,
                  .use = use,
                  .alt = MN_STR(""),
                  .created_ms = mn_now_ms()};
    if (!bytes.len) return set_picture(a, account_id, use, NULL, e);
    MN_TRY(check_size(a, account_id, MN_KIND_IMAGE, bytes, e));
    if (bytes.len > AVATAR_MAX)
        return mn_fail(e, MN_E_LIMIT, "Validation failed: %s file size must be less than 8 MB",
                       use == MN_MEDIA_AVATAR ? "Avatar" : "Header");
    mn_arena_init(&ar, (size_t)1 << 20);
    mn_rc rc = mn_media__picture_row(
        a, &ar, bytes, use == MN_MEDIA_AVATAR ? MN_PIC_AVATAR : MN_PIC_HEADER, &m, e);
    if (rc == MN_OK) rc = set_picture(a, account_id, use, &m, e);
    mn_arena_release(&ar);
    return rc;
}

const mn_route mn_masto__routes_media[] = {
    {MN_POST, "/api/v1/media", post_media, BODY_MAX, MN_RUN_MEDIA, "write:media"},
    {MN_POST, "/api/v2/media", post_media, BODY_MAX, MN_RUN_MEDIA, "write:media"},
    {MN_GET, "/api/v1/media/:id", get_media, 0, MN_RUN_HERE, "write:media"},
    {MN_PUT, "/api/v1/media/:id", put_media, (size_t)16 << 20, MN_RUN_MEDIA, "write:media"},
    {MN_DELETE, "/api/v1/media/:id", delete_media, 1024, MN_RUN_WORKER, "write:media"},
    {MN_GET, "/api/v1/custom_emojis", mn_masto__custom_emojis, 0, MN_RUN_HERE, ""},
    {MN_GET, "/media/:file", mn_masto__media_file, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/avatars/original/missing.png", mn_masto__missing_avatar, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/headers/original/missing.png", mn_masto__missing_header, 0, MN_RUN_HERE, NULL},
    {.path = NULL},
};

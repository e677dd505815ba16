/* Custom emoji made of pictures; their entities are in media_json.c. */
#include "api/mastodon/media.h"
#include "base/clock.h"
#include "base/hash.h"

static bool is_shortcode(mn_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_'))
            return false;
    }
    return s.len >= 2 && s.len <= 64;
}

static mn_rc put_row(mn_store *s, const mn_emoji *x, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc = mn_store_emoji_put(tx, x, e);
    if (rc == MN_OK) rc = mn_store_event(tx, (mn_event){.kind = MN_EV_RULES}, e);
    return mn_store_end(tx, rc, e);
}

mn_rc mn_emoji_make(mn_store *s, const char *dir, mn_str shortcode, mn_str category,
                    mn_str bytes, mn_err *e)
{
    mn_picture p;
    uint8_t sha[32];
    char file[MN_HEX256], still[MN_HEX256];
    if (!is_shortcode(shortcode))
        return mn_fail(e, MN_E_USAGE,
                       "'%.*s' is no shortcode: 2 to 64 letters A to Z, digits and '_'",
                       MN_STR_FMT(mn_utf8_cut(shortcode, 80)));
    if (bytes.len > MN_EMOJI_BYTES_MAX)
        return mn_fail(e, MN_E_LIMIT, "an emoji's picture has at most %zu bytes",
                       MN_EMOJI_BYTES_MAX);
    MN_TRY(mn_media_picture(bytes, MN_PIC_EMOJI, &p, e));
    mn_emoji x = {.shortcode = shortcode,
                  .category = category.ptr ? category : MN_STR(""),
                  .mime = mn_str_from(p.mime),
                  .visible = true,
                  .created_ms = mn_now_ms()};
    mn_rc rc = mn_files_put(dir, mn_buf_str(&p.file), sha, e);
    x.file = mn_str_from(mn_hex(sha, rc == MN_OK ? 32 : 0, file));
    if (rc == MN_OK) rc = mn_files_put(dir, mn_buf_str(&p.preview), sha, e);
    x.still = mn_str_from(mn_hex(sha, rc == MN_OK ? 32 : 0, still));
    if (rc == MN_OK) rc = put_row(s, &x, e);
    mn_picture_release(&p);
    return rc;
}

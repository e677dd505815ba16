/* Media for the files beside: addresses of files, pictures of accounts, previews of links, emoji. */
#ifndef MN_API_MASTODON_MEDIA_H
#define MN_API_MASTODON_MEDIA_H

#include "api/jobs.h"
#include "api/mastodon/mastodon.h"
#include "media/media.h"
#include "social/cards.h"
#include "store/media.h"

/* ---- addresses: whole ones, in the view's arena --------------------------------------------------------------------- */

/* "BASE/media/SHA256.EXT"; MN_STR_NONE when memory is short or the row has no file yet. */
mn_str mn_media_url(const mn_view *v, const mn_media *m);
mn_str mn_media_preview_url(const mn_view *v, const mn_media *m); /* MN_STR_NONE: it has none */
/* Addresses of avatars or headers by media id, in the order given; an id of 0, or of a row that is gone, gives the picture of
 * those who have none. n ≤ 1,000. */
mn_rc mn_media_picture_urls(const mn_view *v, const uint64_t *ids, size_t n, mn_media_use use,
                            mn_str *ret, mn_err *e);

/* ---- pictures of accounts ------------------------------------------------------------------------------------------- */

/* The uploaded bytes become the account's avatar or header; empty bytes take it away. Blocks for as long as the picture takes
 * (call it on a worker). errors those of mn_media_picture, MN_E_LIMIT larger than `image_max_bytes` or 8 MiB: for people */
mn_rc mn_media_account_picture(mn_api *a, uint64_t account_id, mn_media_use use, mn_str bytes,
                               mn_err *e);

/* ---- link previews: wanted by social/cards.h --------------------------------------------------------------------------- */

#define MN_CARD_AGE_S                                                                          \
    (14 * 86400) /* a page is asked again when it is shared again later than this */
/* The job MN_CARD_JOB: the page that the post's first link names becomes its card. */
mn_rc mn_card_job(mn_api *a, const mn_json *payload, mn_arena *ar, mn_err *e);

/* ---- files kept and let go -------------------------------------------------------------------------------------------- */

/* "DATA/media" in the arena. */
const char *mn_media_dir(const mn_api *a, mn_arena *ar);
/* Timers: uploads that nothing holds after a day; files that no row names, a few of the 256 folders each time. */
mn_rc mn_media_sweep_rows(mn_api *a, mn_arena *ar, mn_err *e);
mn_rc mn_media_sweep_files(mn_api *a, mn_arena *ar, mn_err *e);
/* Timer: pictures that an import brought as they were go through the sandbox, some seconds of them each time; one that cannot be
 * read is shown no more. */
mn_rc mn_media_read_imported(mn_api *a, mn_arena *ar, mn_err *e);

/* ---- custom emoji ------------------------------------------------------------------------------------------------------- */

/* A picture becomes the emoji of that shortcode ([A-Za-z0-9_]{2,64}); one that is there is replaced. Blocks as a picture does.
 * dir: DATA/media. errors MN_E_USAGE the shortcode; those of mn_media_picture */
#define MN_EMOJI_BYTES_MAX ((size_t)256 << 10)
mn_rc mn_emoji_make(mn_store *s, const char *dir, mn_str shortcode, mn_str category,
                    mn_str bytes, mn_err *e);

void mn_masto__custom_emojis(mn_req *r, mn_resp *w);  /* GET /api/v1/custom_emojis */
void mn_masto__media_file(mn_req *r, mn_resp *w);     /* GET /media/:file */
void mn_masto__missing_avatar(mn_req *r, mn_resp *w); /* GET /avatars/original/missing.png */
void mn_masto__missing_header(mn_req *r, mn_resp *w);

extern const mn_route mn_masto__routes_media[];

#endif

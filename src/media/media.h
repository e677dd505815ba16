/* Pictures, sound and video that members upload and that previews bring: what they are, made safe, kept in files.
 *
 * Bytes of strangers are decoded in a process of their own, one a picture (mn_media_picture): the program executed anew with
 * nothing of the server in its memory, resource limits, and a filter that lets it read, write and allocate and nothing else.
 * What goes wrong there is an error here. Pictures come out re-encoded, upright, in sRGB, without metadata; animations are
 * kept as they are but for their metadata, after every frame was decoded once.
 */
#ifndef MN_MEDIA_MEDIA_H
#define MN_MEDIA_MEDIA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

/* ---- what it is --------------------------------------------------------------------------------------------------- */

typedef enum mn_media_kind {
    MN_KIND_NONE,
    MN_KIND_IMAGE,
    MN_KIND_VIDEO,
    MN_KIND_AUDIO
} mn_media_kind;
typedef struct mn_media_type {
    mn_media_kind kind;
    const char *mime, *ext; /* "image/jpeg", "jpg" */
} mn_media_type;
/* By the first bytes, never by name or what the sender says; NULL when it is nothing we take. */
const mn_media_type *mn_media_sniff(mn_str bytes);
/* By its media type; NULL when it is none of ours. */
const mn_media_type *mn_media_type_of(mn_str mime);
/* All types, ended by a NULL mime: for `supported_mime_types`. */
const mn_media_type *mn_media_types(void);

/* What a container of video or sound says of itself; 0 where it does not, or is damaged. Total over any bytes: MP4 and M4A
 * (moov), WebM (EBML), Ogg (Opus, Vorbis, FLAC), FLAC, WAV, MP3. */
typedef struct mn_av_info {
    int width, height;
    int64_t duration_ms;
    double frame_rate;
    bool has_video, has_audio;
} mn_av_info;
mn_av_info mn_media_av(mn_str bytes);

/* ---- pictures ------------------------------------------------------------------------------------------------------ */

#define MN_PICTURE_PIXELS   8294400 /* 3,840 x 2,160: larger ones are made smaller */
#define MN_PREVIEW_PIXELS   230400  /* 640 x 360 */
#define MN_PICTURE_IN_MAX   (64u << 20)
#define MN_PICTURE_SIDE_MAX 16384
#define MN_BLURHASH_MAX     40

typedef enum mn_picture_use {
    MN_PIC_POST,   /* at most MN_PICTURE_PIXELS, with preview and blurhash; animations kept */
    MN_PIC_AVATAR, /* square from the middle, at most 400 x 400 */
    MN_PIC_HEADER, /* 3:1 from the middle, at most 1,500 x 500 */
    MN_PIC_CARD,   /* at most MN_PREVIEW_PIXELS, with blurhash */
    MN_PIC_EMOJI /* at most 128 x 128 or an animation as it is; the preview is the still picture */
} mn_picture_use;

typedef struct mn_picture {
    mn_buf file;
    const char *mime; /* static text */
    int width, height;
    bool animated;
    mn_buf preview; /* empty for AVATAR, HEADER, CARD */
    const char *preview_mime;
    int preview_width, preview_height;
    char blurhash[MN_BLURHASH_MAX]; /* empty for AVATAR, HEADER, EMOJI */
} mn_picture;
void mn_picture_release(mn_picture *p);

/* Makes one from the bytes of a JPEG, PNG, WebP, GIF or AVIF file, in the sandbox; blocks for as long as that takes, at most
 * the deadline. The bytes are borrowed. At most `mn_cpu_count()` run at a time, others wait their turn.
 * errors MN_E_UNSUPPORTED another type; MN_E_PARSE damaged, or the process died over it; MN_E_LIMIT too many bytes, pixels or
 *        frames, or it took too long; MN_E_IO the process could not be started; MN_E_NOMEM. Messages are for people */
mn_rc mn_media_picture(mn_str bytes, mn_picture_use use, mn_picture *ret, mn_err *e);
/* For tests: another deadline (0: 20 s). */
mn_rc mn_media_picture_within(mn_str bytes, mn_picture_use use, int deadline_ms,
                              mn_picture *ret, mn_err *e);

/* The picture of those who have none, as PNG: an avatar of 400 x 400 or a header of 1,500 x 500. Drawn, not decoded. */
mn_rc mn_media_placeholder(mn_picture_use use, mn_buf *ret, mn_err *e);

/* ---- files --------------------------------------------------------------------------------------------------------- */

/* A file is named by the SHA-256 of what it holds: DIR/ab/abcd…. Written beside, synced, renamed. */

/* Keeps the bytes; one that is there already is marked as wanted now. A row must name it within MN_FILES_GRACE_S, else the
 * sweep takes it. */
mn_rc mn_files_put(const char *dir, mn_str bytes, uint8_t ret_sha256[32], mn_err *e);
/* "DIR/ab/abcd…" into ret. */
#define MN_FILES_PATH_MAX 4096
mn_rc mn_files_path(const char *dir, const uint8_t sha256[32], char ret[MN_FILES_PATH_MAX],
                    mn_err *e);
/* Looks at one of the 256 folders and removes files older than MN_FILES_GRACE_S that `used` says nobody names, and what a crash
 * left half written. */
#define MN_FILES_GRACE_S 600
typedef mn_rc mn_files_used_fn(void *arg, const uint8_t sha256[32], bool *ret, mn_err *e);
mn_rc mn_files_sweep(const char *dir, int folder, mn_files_used_fn *used, void *arg,
                     uint64_t *ret_removed, mn_err *e);

#endif

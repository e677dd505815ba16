/* What the parts share. Private to src/media. Functions named work, decode, encode run inside the sandbox. */
#ifndef MN_MEDIA_MEDIA_INT_H
#define MN_MEDIA_MEDIA_INT_H

#include "media/media.h"

#define MN_PIC_PIXELS_MAX UINT64_C(67108864)  /* of one decoded frame */
#define MN_PIC_MOVING_MAX UINT64_C(500000000) /* of all frames of an animation */
#define MN_PIC_FRAMES_MAX 2000
#define MN_PIC_ICC_MAX    ((size_t)1 << 20)

/* A decoded picture: RGBA, 8 bits, rows without gaps. */
typedef struct mn_pic {
    uint8_t *px;
    int w, h;
    bool alpha;      /* some pixel may be transparent */
    int orientation; /* EXIF: 1 upright … 8 */
    int frames;      /* more than 1: an animation, and this is its first */
    mn_buf icc;      /* profile of its colours, empty: sRGB */
} mn_pic;
void mn_pic__init(mn_pic *p);
void mn_pic__release(mn_pic *p);
/* Room for w x h pixels; MN_E_LIMIT when that is too many. */
mn_rc mn_pic__alloc(mn_pic *p, int64_t w, int64_t h, mn_err *e);
/* In place: smaller by averaging (never larger), a middle part, turned and mirrored as EXIF says, upright afterwards. */
mn_rc mn_pic__shrink(mn_pic *p, int w, int h, mn_err *e);
mn_rc mn_pic__crop(mn_pic *p, int w, int h, mn_err *e);
mn_rc mn_pic__upright(mn_pic *p, mn_err *e);
void mn_pic__find_alpha(mn_pic *p); /* alpha is set to whether a pixel is transparent */
/* Colours of the profile become sRGB; profiles that are not three curves and a matrix leave it as it is. */
mn_rc mn_pic__to_srgb(mn_pic *p, mn_err *e);

/* Decoders: *p is initialised by the caller and released by it. wanted_px: how many pixels are enough (JPEG decodes smaller). */
typedef mn_rc mn_pic_decoder(mn_str in, uint64_t wanted_px, mn_pic *p, mn_err *e);
mn_pic_decoder mn_pic__jpeg, mn_pic__png, mn_pic__webp, mn_pic__gif, mn_pic__avif;
bool mn_pic__is_avif(mn_str in);

mn_rc mn_pic__write_jpeg(const mn_pic *p, int quality, mn_buf *ret, mn_err *e);
mn_rc mn_pic__write_png(const mn_pic *p, mn_buf *ret, mn_err *e);
mn_rc mn_pic__write_webp(const mn_pic *p, int quality, mn_buf *ret, mn_err *e);

/* Orientation of an EXIF block ("Exif\0\0" in front or not), 1 when it says nothing. */
int mn_exif__orientation(mn_str exif);
/* An animation without its metadata. */
mn_rc mn_strip__gif(mn_str in, mn_buf *ret, mn_err *e);
mn_rc mn_strip__webp(mn_str in, mn_buf *ret, mn_err *e);
/* 4 x 4 components. */
void mn_blurhash__encode(const mn_pic *p, char ret[MN_BLURHASH_MAX]);

/* The whole job, as the worker does it. */
mn_rc mn_media__work(mn_str in, mn_picture_use use, mn_picture *ret, mn_err *e);

/* ---- between the server and the worker: one request, one answer, in the machine's own byte order ------------------------ */

/* What the worker is started with; the second opens libavif before it shuts itself in. */
#define MN_WORK_ARG      "media-worker"
#define MN_WORK_ARG_AVIF "media-worker-avif"
#define MN_WORK_FD       3
#define MN_WORK_MAGIC    0x6d796e68u

typedef struct mn_work_request {
    uint32_t magic, use;
    uint64_t size;
} mn_work_request;
typedef struct mn_work_answer {
    uint32_t magic;
    int32_t rc;
    char msg[480];
    char mime[32], preview_mime[32], blurhash[MN_BLURHASH_MAX];
    int32_t width, height, preview_width, preview_height, animated;
    uint64_t size, preview_size;
} mn_work_answer;

/* Uses of the worker that only tests ask for: it then tries what it must not. */
#define MN_WORK_TEST_OPEN   1000u
#define MN_WORK_TEST_SOCKET 1001u
#define MN_WORK_TEST_EXEC   1002u
#define MN_WORK_TEST_MEMORY 1003u
#define MN_WORK_TEST_SPIN   1004u
#define MN_WORK_TEST_FORK   1005u

/* A sanitizer's runtime needs system calls that the filter refuses. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define MN_WORK_UNFILTERED 1
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#        define MN_WORK_UNFILTERED 1
#    endif
#endif
#ifndef MN_WORK_UNFILTERED
#    define MN_WORK_UNFILTERED 0
#endif

#endif

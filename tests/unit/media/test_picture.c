#include "media/media_int.h"

#include <pthread.h>
#include <zlib.h>

#include "base/clock.h"

#include "pictures.h"

static mn_buf in;

static int up(void **state)
{
    (void)state;
    mn_buf_init(&in, 0);
    return 0;
}
static int down(void **state)
{
    (void)state;
    mn_buf_release(&in);
    return 0;
}

static mn_picture make(mn_picture_use use)
{
    mn_err e = {0};
    mn_picture p;
    RUN(mn_media_picture(mn_buf_str(&in), use, &p, &e));
    return p;
}

static void check_corners(const mn_buf *b, const char *mime, int w, int h)
{
    seen s = look(b, mime);
    assert_int_equal(s.w, w);
    assert_int_equal(s.h, h);
    is_about(&s, 20, 20, top_left);
    is_about(&s, 80, 20, top_right);
    is_about(&s, 20, 80, bottom_left);
    is_about(&s, 80, 80, bottom_right);
    free(s.px);
}

static void a_jpeg_stays_a_jpeg_with_a_preview_and_a_blurhash(void **state)
{
    (void)state;
    make_jpeg(1600, 900, NULL, 0, &in);
    mn_picture p = make(MN_PIC_POST);
    assert_string_equal(p.mime, "image/jpeg");
    assert_string_equal(p.preview_mime, "image/jpeg");
    OK(p.width == 1600 && p.height == 900 && !p.animated);
    OK(p.preview_width == 640 && p.preview_height == 360);
    check_corners(&p.file, p.mime, 1600, 900);
    check_corners(&p.preview, p.preview_mime, 640, 360);
    assert_int_equal(strlen(p.blurhash), 36);
    OK(p.blurhash[0] == 'U'); /* 4 x 4 components */
    mn_picture_release(&p);
}

static void turned_pictures_come_out_upright(void **state)
{
    /* Where the four corners of the stored picture are seen. */
    static const corner *const seen_at[9][4] = {
        {0},
        {&top_left, &top_right, &bottom_left, &bottom_right},
        {&top_right, &top_left, &bottom_right, &bottom_left},
        {&bottom_right, &bottom_left, &top_right, &top_left},
        {&bottom_left, &bottom_right, &top_left, &top_right},
        {&top_left, &bottom_left, &top_right, &bottom_right},
        {&bottom_left, &top_left, &bottom_right, &top_right},
        {&bottom_right, &top_right, &bottom_left, &top_left},
        {&top_right, &bottom_right, &top_left, &bottom_left}};
    uint8_t exif[64];
    (void)state;
    for (int o = 1; o <= 8; o++) {
        make_jpeg(320, 200, exif, exif_segment(o, exif), &in);
        OK(memmem(in.ptr, in.len, "GPS-SECRET", 10));
        mn_picture p = make(MN_PIC_POST);
        assert_int_equal(p.width, o >= 5 ? 200 : 320);
        assert_int_equal(p.height, o >= 5 ? 320 : 200);
        seen s = look(&p.file, p.mime);
        OK(s.w == p.width && s.h == p.height);
        is_about(&s, 20, 20, *seen_at[o][0]);
        is_about(&s, 80, 20, *seen_at[o][1]);
        is_about(&s, 20, 80, *seen_at[o][2]);
        is_about(&s, 80, 80, *seen_at[o][3]);
        free(s.px);
        OK(!memmem(p.file.ptr, p.file.len, "GPS-SECRET", 10));
        OK(!memmem(p.file.ptr, p.file.len, "Exif", 4));
        OK(!memmem(p.preview.ptr, p.preview.len, "Exif", 4));
        mn_picture_release(&p);
    }
}

static void every_format_keeps_its_colours_and_its_transparency(void **state)
{
    (void)state;
    make_png(300, 200, 255, &in);
    mn_picture p = make(MN_PIC_POST);
    assert_string_equal(p.mime, "image/png");
    assert_string_equal(p.preview_mime, "image/jpeg");
    check_corners(&p.file, p.mime, 300, 200);
    mn_picture_release(&p);

    make_png(300, 200, 0, &in);
    p = make(MN_PIC_POST);
    assert_string_equal(p.mime, "image/png");
    assert_string_equal(p.preview_mime, "image/png");
    seen s = look(&p.file, p.mime);
    OK(s.px[3] == 0 && s.px[4 * 299 + 3] == 255);
    free(s.px);
    mn_picture_release(&p);

    make_webp(300, 200, 255, &in);
    p = make(MN_PIC_POST);
    assert_string_equal(p.mime, "image/webp");
    check_corners(&p.file, p.mime, 300, 200);
    mn_picture_release(&p);

    make_avif(300, 200, 255, 0, &in);
    p = make(MN_PIC_POST);
    assert_string_equal(p.mime, "image/jpeg");
    check_corners(&p.file, p.mime, 300, 200);
    mn_picture_release(&p);

    make_avif(300, 200, 100, 0, &in);
    p = make(MN_PIC_POST);
    assert_string_equal(p.mime, "image/png");
    mn_picture_release(&p);

    make_gif(300, 200, 1, false, &in);
    p = make(MN_PIC_POST);
    assert_string_equal(p.mime, "image/png");
    s = look(&p.file, p.mime);
    is_about(&s, 50, 50, (corner){200, 30, 30});
    free(s.px);
    mn_picture_release(&p);
}

static void an_avif_that_says_it_is_turned_is_turned(void **state)
{
    (void)state;
    make_avif(300, 200, 255, 1, &in); /* a quarter anti-clockwise */
    mn_picture p = make(MN_PIC_POST);
    OK(p.width == 200 && p.height == 300);
    seen s = look(&p.file, p.mime);
    is_about(&s, 20, 20, top_right);
    is_about(&s, 20, 80, top_left);
    is_about(&s, 80, 80, bottom_left);
    free(s.px);
    mn_picture_release(&p);
}

static void large_pictures_become_smaller_with_their_shape(void **state)
{
    (void)state;
    make_jpeg(5000, 4000, NULL, 0, &in);
    mn_picture p = make(MN_PIC_POST);
    OK((uint64_t)p.width * (uint64_t)p.height <= MN_PICTURE_PIXELS);
    OK((uint64_t)p.width * (uint64_t)p.height > MN_PICTURE_PIXELS * 99 / 100);
    OK(abs(p.width * 4 - p.height * 5) < 10);
    check_corners(&p.file, p.mime, p.width, p.height);
    mn_picture_release(&p);
    make_png(1, 3000, 255, &in);
    p = make(MN_PIC_POST);
    OK(p.width == 1 && p.height == 3000 && p.preview_width == 1);
    mn_picture_release(&p);
}

static void avatars_headers_and_cards_have_their_shapes(void **state)
{
    (void)state;
    make_jpeg(1000, 600, NULL, 0, &in);
    mn_picture p = make(MN_PIC_AVATAR);
    OK(p.width == 400 && p.height == 400 && !p.preview.len && !p.blurhash[0]);
    check_corners(&p.file, p.mime, 400, 400);
    mn_picture_release(&p);
    p = make(MN_PIC_HEADER);
    OK(p.width == 1000 && p.height == 333);
    mn_picture_release(&p);
    p = make(MN_PIC_CARD);
    OK(p.width * p.height <= MN_PREVIEW_PIXELS && p.blurhash[0] && !p.preview.len);
    mn_picture_release(&p);
    make_png(300, 150, 0, &in);
    p = make(MN_PIC_EMOJI);
    OK(p.width == 128 && p.height == 64 && p.preview.len && !p.animated);
    assert_string_equal(p.mime, "image/png");
    mn_picture_release(&p);
}

static void an_animation_stays_without_its_metadata(void **state)
{
    (void)state;
    make_gif(60, 40, 5, true, &in);
    OK(memmem(in.ptr, in.len, "GPS-SECRET", 10));
    mn_picture p = make(MN_PIC_POST);
    OK(p.animated && p.width == 60 && p.height == 40);
    assert_string_equal(p.mime, "image/gif");
    OK(memmem(p.file.ptr, p.file.len, "NETSCAPE2.0", 11));
    OK(!memmem(p.file.ptr, p.file.len, "GPS-SECRET", 10));
    OK(p.file.len < in.len);
    assert_string_equal(p.preview_mime, "image/jpeg");
    /* What is left is read as the same number of frames. */
    mn_buf_clear(&in);
    put(&in, p.file.ptr, p.file.len);
    mn_picture again = make(MN_PIC_POST);
    OK(again.animated && again.file.len == p.file.len);
    mn_picture_release(&again);
    mn_picture_release(&p);
    p = make(MN_PIC_AVATAR); /* an avatar stands still */
    OK(!p.animated && p.width == 40);
    mn_picture_release(&p);
}

static void metadata_of_a_webp_is_dropped(void **state)
{
    mn_err e = {0};
    mn_buf out;
    (void)state;
    make_webp(30, 20, 255, &in);
    char whole[4096] = "RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x08\0\0\0\x1d\0\0\x13\0\0";
    size_t n = 30;
    memcpy(whole + n, in.ptr + 12, in.len - 12);
    n += in.len - 12;
    memcpy(whole + n, "EXIF\x0a\0\0\0GPS-SECRET", 18);
    n += 18;
    whole[4] = (char)((n - 8) & 0xff), whole[5] = (char)((n - 8) >> 8);
    mn_buf_init(&out, 0);
    RUN(mn_strip__webp((mn_str){whole, n}, &out, &e));
    OK(memmem(whole, n, "GPS-SECRET", 10));
    OK(!memmem(out.ptr, out.len, "GPS-SECRET", 10));
    seen s = look(&out, "image/webp");
    OK(s.w == 30 && s.h == 20 && out.ptr[20] == 0); /* no flag says that there is EXIF */
    WebPFree(s.px);
    mn_buf_release(&out);
}

/* Two profiles' worth: Display P3's primaries with sRGB's curve. */
static size_t p3_profile(uint8_t ret[600])
{
    static const struct {
        const char *name;
        double xyz[3];
    } primaries[] = {{"rXYZ", {0.51512, 0.2412, -0.00105}},
                     {"gXYZ", {0.29198, 0.69225, 0.04189}},
                     {"bXYZ", {0.1571, 0.06657, 0.78407}}};
    static const double curve[5] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
    static const char *const curves[] = {"rTRC", "gTRC", "bTRC"};
    size_t at = 132 + 6 * 12;
    memset(ret, 0, 600);
    memcpy(ret + 16, "RGB XYZ ", 8);
    memcpy(ret + 36, "acsp", 4);
    ret[131] = 6;
    for (int i = 0; i < 6; i++) {
        uint8_t *t = ret + 132 + 12 * i;
        size_t n = i < 3 ? 20 : 32;
        memcpy(t, i < 3 ? primaries[i].name : curves[i - 3], 4);
        t[6] = (uint8_t)(at >> 8), t[7] = (uint8_t)at, t[11] = (uint8_t)n;
        memcpy(ret + at, i < 3 ? "XYZ " : "para", 4);
        if (i >= 3) ret[at + 9] = 3;
        for (int k = 0; k < (i < 3 ? 3 : 5); k++) {
            int32_t v = (int32_t)((i < 3 ? primaries[i].xyz[k] : curve[k]) * 65536);
            uint8_t *to = ret + at + (i < 3 ? 8 : 12) + 4 * k;
            to[0] = (uint8_t)(v >> 24), to[1] = (uint8_t)(v >> 16), to[2] = (uint8_t)(v >> 8),
            to[3] = (uint8_t)v;
        }
        at += n;
    }
    return at;
}

static void a_wider_colour_space_becomes_srgb(void **state)
{
    uint8_t icc[600], marker[700] = {0xff, 0xe2};
    (void)state;
    size_t n = p3_profile(icc);
    memcpy(marker + 4, "ICC_PROFILE\0\1\1", 14);
    memcpy(marker + 18, icc, n);
    marker[2] = (uint8_t)((n + 16) >> 8), marker[3] = (uint8_t)(n + 16);
    make_jpeg(320, 200, marker, n + 18, &in);
    mn_picture p = make(MN_PIC_POST);
    seen s = look(&p.file, p.mime);
    /* Display P3 200 30 30 is outside sRGB in red: more of it and less of the others; greys stay. */
    const uint8_t *px = s.px + 4 * (40 * (size_t)s.w + 60);
    OK(px[0] > 208 && px[1] < 12 && px[2] < 25);
    is_about(&s, 80, 80, bottom_right);
    OK(!memmem(p.file.ptr, p.file.len, "ICC_PROFILE", 11));
    free(s.px);
    mn_picture_release(&p);
}

static void damaged_pictures_are_refused(void **state)
{
    mn_err e = {0};
    mn_picture p;
    (void)state;
    for (int kind = 0; kind < 5; kind++) {
        if (kind == 0) make_jpeg(200, 100, NULL, 0, &in);
        if (kind == 1) make_png(200, 100, 255, &in);
        if (kind == 2) make_webp(200, 100, 255, &in);
        if (kind == 3) make_gif(200, 100, 3, false, &in);
        if (kind == 4) make_avif(200, 100, 255, 0, &in);
        for (size_t cut = 1; cut < 8; cut += 3) {
            size_t n = in.len * cut / 8;
            FAILS(MN_E_PARSE,
                  mn_media_picture((mn_str){in.ptr, n < 40 ? 40 : n}, MN_PIC_POST, &p, &e));
        }
        OK(e.msg[0] && e.msg[strlen(e.msg) - 1] != '.');
    }
    FAILS(MN_E_UNSUPPORTED,
          mn_media_picture(MN_STR("hello, this is no picture"), MN_PIC_POST, &p, &e));
    FAILS(MN_E_UNSUPPORTED, mn_media_picture(MN_STR(""), MN_PIC_POST, &p, &e));
    FAILS(MN_E_UNSUPPORTED,
          mn_media_picture(MN_STR("<svg xmlns='http://www.w3.org/2000/svg'/>"), MN_PIC_POST, &p,
                           &e));
}

static void put_be32(char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) p[i] = (char)(v >> (24 - 8 * i));
}

static void bombs_are_refused_before_they_cost_memory(void **state)
{
    mn_err e = {0};
    mn_picture p;
    (void)state;
    make_png(2, 2, 255, &in); /* says it is 60,000 x 60,000 */
    put_be32(in.ptr + 16, 60000);
    put_be32(in.ptr + 20, 60000);
    uLong crc = crc32(0, (const Bytef *)in.ptr + 12, 17);
    put_be32(in.ptr + 29, (uint32_t)crc);
    FAILS(MN_E_LIMIT, mn_media_picture(mn_buf_str(&in), MN_PIC_POST, &p, &e));
    make_gif(10, 10, 3, false, &in);
    memcpy(in.ptr + 6, "\xff\xff\xff\xff", 4);
    FAILS(MN_E_LIMIT, mn_media_picture(mn_buf_str(&in), MN_PIC_POST, &p, &e));
    make_gif(10, 10, MN_PIC_FRAMES_MAX + 1, false, &in);
    FAILS(MN_E_LIMIT, mn_media_picture(mn_buf_str(&in), MN_PIC_POST, &p, &e));
    FAILS(MN_E_LIMIT, mn_media_picture((mn_str){in.ptr, (size_t)MN_PICTURE_IN_MAX + 1},
                                       MN_PIC_POST, &p, &e));
}

static void misbehave(unsigned how)
{
    mn_err e = {0};
    mn_picture p;
    make_png(20, 20, 255, &in);
    mn_rc rc = mn_media_picture_within(mn_buf_str(&in), (mn_picture_use)how, 30000, &p, &e);
    /* Had it come back from what it tried, it would have said "no such use" (unsupported). */
    if (rc != MN_E_PARSE) fail_msg("%u: %s, %s", how, mn_rc_name(rc), e.msg);
}

static void the_sandbox_kills_what_reaches_out(void **state)
{
    (void)state;
    if (MN_WORK_UNFILTERED) SKIP("sanitizers need more system calls than the filter allows");
    misbehave(MN_WORK_TEST_OPEN);
    misbehave(MN_WORK_TEST_SOCKET);
    misbehave(MN_WORK_TEST_EXEC);
    misbehave(MN_WORK_TEST_FORK);
}

static void memory_and_time_have_an_end(void **state)
{
    mn_err e = {0};
    mn_picture p;
    (void)state;
    make_png(20, 20, 255, &in);
    int64_t began = mn_mono_us();
    FAILS(MN_E_LIMIT, mn_media_picture_within(mn_buf_str(&in),
                                              (mn_picture_use)MN_WORK_TEST_SPIN, 300, &p, &e));
    OK(mn_mono_us() - began < 2000000);
    if (MN_WORK_UNFILTERED) SKIP("a sanitizer's own memory is larger than the limit");
    /* All it may have is little enough, and running out of it is an ordinary error: the job goes on to say so. */
    FAILS(MN_E_UNSUPPORTED,
          mn_media_picture_within(mn_buf_str(&in), (mn_picture_use)MN_WORK_TEST_MEMORY, 30000,
                                  &p, &e));
}

static void *one_picture(void *arg)
{
    mn_err e = {0};
    mn_picture p;
    mn_rc rc = mn_media_picture(*(mn_str *)arg, MN_PIC_AVATAR, &p, &e);
    if (rc == MN_OK) mn_picture_release(&p);
    return rc == MN_OK ? NULL : arg;
}

static void many_threads_take_turns(void **state)
{
    pthread_t t[6];
    void *bad;
    (void)state;
    make_jpeg(300, 300, NULL, 0, &in);
    mn_str bytes = mn_buf_str(&in);
    for (int i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&t[i], NULL, one_picture, &bytes), 0);
    for (int i = 0; i < 6; i++) {
        pthread_join(t[i], &bad);
        OK(!bad);
    }
}

static void blurhashes_are_those_of_the_algorithm(void **state)
{
    char hash[MN_BLURHASH_MAX], white[MN_BLURHASH_MAX];
    uint8_t px[4 * 16];
    mn_pic p = {.px = px, .w = 4, .h = 4};
    (void)state;
    memset(px, 255, sizeof px);
    mn_blurhash__encode(&p, white);
    OK(white[0] == 'U' && !strncmp(white + 2, "TSUA", 4)); /* 4 x 4 components, mean 0xffffff */
    for (int i = 0; i < 16; i++) px[4 * i + 3] = 0; /* what is see-through counts as white */
    memset(px, 0, 3);
    mn_blurhash__encode(&p, hash);
    assert_string_equal(hash, white);
    for (int i = 0; i < 16; i++) memcpy(px + 4 * i, "\0\0\0\xff", 4);
    mn_blurhash__encode(
        &p, hash); /* black has no waves: all amplitudes are the middle one, 9 9 9 */
    assert_string_equal(hash, "U00000fQfQfQfQfQfQfQfQfQfQfQfQfQfQfQ");
}

static void exif_is_read_in_both_byte_orders_and_never_beyond_its_end(void **state)
{
    static const char little[] = "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0";
    (void)state;
    mn_str s = {little, sizeof little - 1};
    assert_int_equal(mn_exif__orientation(s), 6);
    for (size_t n = 0; n < s.len - 3; n++)
        assert_int_equal(mn_exif__orientation((mn_str){s.ptr, n}), 1);
    assert_int_equal(mn_exif__orientation(MN_STR("")), 1);
}

/* Every allocation of ours fails once; what comes is an error and nothing is left behind (the leak checker looks). */
static void want_of_memory_is_an_ordinary_error(void **state)
{
    mn_err e = {0};
    mn_picture p;
    (void)state;
    for (int kind = 0; kind < 5; kind++) {
        if (kind == 0) make_jpeg(200, 100, NULL, 0, &in);
        if (kind == 1) make_png(200, 100, 100, &in);
        if (kind == 2) make_webp(200, 100, 255, &in);
        if (kind == 3) make_gif(200, 100, 3, false, &in);
        if (kind == 4) make_avif(200, 100, 255, 1, &in);
        mn_rc rc = MN_E_NOMEM;
        for (long n = 1; n < 200 && rc != MN_OK; n++) {
            mn_mem_fail_after(n);
            rc = mn_media__work(mn_buf_str(&in), MN_PIC_POST, &p, &e);
            mn_mem_fail_after(0);
            if (rc != MN_OK && rc != MN_E_NOMEM) fail_msg("%d, %ld: %s", kind, n, e.msg);
        }
        assert_int_equal(rc, MN_OK);
        mn_picture_release(&p);
    }
    make_png(20, 20, 100, &in);
    mn_rc rc = MN_E_NOMEM;
    for (long n = 1; n < 50 && rc != MN_OK; n++) {
        mn_mem_fail_after(n);
        rc = mn_media_picture(mn_buf_str(&in), MN_PIC_POST, &p, &e);
        mn_mem_fail_after(0);
        OK(rc == MN_OK || rc == MN_E_NOMEM);
    }
    assert_int_equal(rc, MN_OK);
    mn_picture_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_jpeg_stays_a_jpeg_with_a_preview_and_a_blurhash),
        TEST(turned_pictures_come_out_upright),
        TEST(every_format_keeps_its_colours_and_its_transparency),
        TEST(an_avif_that_says_it_is_turned_is_turned),
        TEST(large_pictures_become_smaller_with_their_shape),
        TEST(avatars_headers_and_cards_have_their_shapes),
        TEST(an_animation_stays_without_its_metadata),
        TEST(metadata_of_a_webp_is_dropped),
        TEST(a_wider_colour_space_becomes_srgb),
        TEST(damaged_pictures_are_refused),
        TEST(bombs_are_refused_before_they_cost_memory),
        TEST(the_sandbox_kills_what_reaches_out),
        TEST(memory_and_time_have_an_end),
        TEST(many_threads_take_turns),
        TEST(want_of_memory_is_an_ordinary_error),
        TEST(blurhashes_are_those_of_the_algorithm),
        TEST(exif_is_read_in_both_byte_orders_and_never_beyond_its_end),
    };
    return cmocka_run_group_tests(tests, up, down);
}

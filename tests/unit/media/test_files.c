#include <utime.h>

#include "media/media.h"

#include "base/hash.h"
#include "test.h"

static char dir[64];
static char media[128];

static int up(void **state)
{
    (void)state;
    test_tmp(dir);
    snprintf(media, sizeof media, "%s/media", dir);
    return 0;
}
static int down(void **state)
{
    (void)state;
    test_tmp_remove(dir);
    return 0;
}

static const char *place(mn_str bytes, uint8_t sha[32])
{
    static char path[MN_FILES_PATH_MAX];
    mn_err e = {0};
    RUN(mn_files_put(media, bytes, sha, &e));
    RUN(mn_files_path(media, sha, path, &e));
    return path;
}

static void make_old(const char *path)
{
    struct utimbuf t = {1000000000, 1000000000};
    assert_int_equal(utime(path, &t), 0);
}

static bool wanted;
static int asked;
static mn_rc is_used(void *arg, const uint8_t sha256[32], bool *ret, mn_err *e)
{
    (void)arg, (void)sha256, (void)e;
    asked++;
    *ret = wanted;
    return MN_OK;
}

static uint64_t sweep(const uint8_t sha[32])
{
    mn_err e = {0};
    uint64_t n = 99;
    RUN(mn_files_sweep(media, sha[0], is_used, NULL, &n, &e));
    return n;
}

static void a_file_lies_under_its_hash_and_only_once(void **state)
{
    uint8_t sha[32], want[32];
    char hex[MN_HEX256], expected[256];
    mn_err e = {0};
    mn_buf b;
    (void)state;
    const char *path = place(MN_STR("some bytes"), sha);
    mn_sha256_of("some bytes", 10, want);
    assert_memory_equal(sha, want, 32);
    mn_hex(sha, 32, hex);
    snprintf(expected, sizeof expected, "%s/%.2s/%s", media, hex, hex);
    assert_string_equal(path, expected);
    mn_buf_init(&b, 0);
    RUN(mn_fs_read(path, 100, &b, &e));
    IS(mn_buf_str(&b), "some bytes");
    mn_buf_release(&b);
    place(MN_STR("some bytes"), sha); /* again: nothing new, nothing left over */
    mn_arena a;
    char **names;
    size_t n;
    mn_arena_init(&a, 0);
    RUN(mn_fs_list(media, &a, &names, &n, &e));
    for (size_t i = 0; i < n; i++) OK(strncmp(names[i], "tmp-", 4) != 0);
    mn_arena_release(&a);
}

static void the_sweep_takes_what_is_old_and_unwanted_only(void **state)
{
    uint8_t sha[32];
    (void)state;
    char *path = strdup(place(MN_STR("to be swept"), sha));
    wanted = false;
    assert_int_equal(sweep(sha), 0); /* young: its row may be under way */
    OK(mn_fs_exists(path));
    make_old(path);
    wanted = true;
    assert_int_equal(sweep(sha), 0);
    wanted = false;
    place(MN_STR("to be swept"), sha); /* put again: young again */
    asked = 0;
    assert_int_equal(sweep(sha), 0);
    assert_int_equal(asked, 0);
    make_old(path);
    assert_int_equal(sweep(sha), 1);
    OK(!mn_fs_exists(path));
    free(path);
}

static void strange_files_are_left_alone_and_torn_ones_removed(void **state)
{
    uint8_t sha[32] = {0};
    char path[256], torn[256];
    mn_err e = {0};
    (void)state;
    snprintf(path, sizeof path, "%s/00", media);
    RUN(mn_fs_mkdirs(path, &e));
    snprintf(path, sizeof path, "%s/00/notes.txt", media);
    RUN(mn_fs_write_atomic(path, "x", 1, &e));
    make_old(path);
    snprintf(torn, sizeof torn, "%s/tmp-aBcDeF", media);
    RUN(mn_fs_write_atomic(torn, "x", 1, &e));
    make_old(torn);
    wanted = false;
    assert_int_equal(sweep(sha), 0);
    OK(mn_fs_exists(path));
    OK(!mn_fs_exists(torn));
}

/* ---- types, and what containers say ------------------------------------------------------------------------------------ */

static void types_are_told_by_their_bytes(void **state)
{
    static const struct {
        mn_str bytes;
        const char *mime;
    } cases[] = {{{"\xff\xd8\xff\xe0\0\x10JFIF\0\1", 12}, "image/jpeg"},
                 {{"\0\0\0\x18"
                   "ftypavif\0\0\0\0mif1miaf",
                   24},
                  "image/avif"},
                 {{"\0\0\0\x18"
                   "ftypmif1\0\0\0\0mif1avif",
                   24},
                  "image/avif"},
                 {{"\0\0\0\x18"
                   "ftypheic\0\0\0\0mif1heic",
                   24},
                  NULL},
                 {{"\0\0\0\x18"
                   "ftypisom\0\0\0\0isommp42",
                   24},
                  "video/mp4"},
                 {{"\0\0\0\x18"
                   "ftypqt  \0\0\0\0qt  qt  ",
                   24},
                  "video/quicktime"},
                 {{"\0\0\0\x18"
                   "ftypM4A \0\0\0\0M4A mp42",
                   24},
                  "audio/mp4"},
                 {{"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1f\x42\x82\x84webm", 19}, "video/webm"},
                 {{"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1f\x42\x82\x88matroska", 23}, NULL},
                 {{"<html><script>alert(1)</script>", 31}, NULL},
                 {{"%PDF-1.7 .......", 16}, NULL},
                 {{"MZ..............", 16}, NULL},
                 {{"{\"@context\":\"https://www.w3.org/ns/activitystreams\"}", 52}, NULL},
                 {{"GIF8", 4}, NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const mn_media_type *t = mn_media_sniff(cases[i].bytes);
        if (!t != !cases[i].mime || (t && strcmp(t->mime, cases[i].mime) != 0))
            fail_msg("case %zu: %s", i, t ? t->mime : "nothing");
    }
    for (const mn_media_type *t = mn_media_types(); t->mime; t++)
        OK(mn_media_type_of(mn_str_from(t->mime)) == t);
}

static size_t box(char *to, const char *type, const void *body, size_t n)
{
    size_t all = n + 8;
    memmove(to + 8, body, n);
    to[0] = (char)(all >> 24), to[1] = (char)(all >> 16), to[2] = (char)(all >> 8),
    to[3] = (char)all;
    memcpy(to + 4, type, 4);
    return all;
}

static void be32(char *p, unsigned v)
{
    p[0] = (char)(v >> 24), p[1] = (char)(v >> 16), p[2] = (char)(v >> 8), p[3] = (char)v;
}

/* moov with mvhd (12.5 s) and a video track of 1280 x 720, turned or not, 300 samples. */
static size_t make_mp4(char *to, bool turned)
{
    char mvhd[100] = {0}, tkhd[84] = {0}, hdlr[24] = {0}, stsz[12] = {0}, mdhd[24] = {0},
         mdia[400], trak[600], moov[900], tmp[600];
    be32(mvhd + 12, 1000), be32(mvhd + 16, 12500);
    be32(mdhd + 12, 1000), be32(mdhd + 16, 12500);
    be32(tkhd + 40, turned ? 0 : 0x10000), be32(tkhd + 44, turned ? 0x10000 : 0);
    be32(tkhd + 76, 1280 << 16), be32(tkhd + 80, 720 << 16);
    memcpy(hdlr + 8, "vide", 4);
    be32(stsz + 8, 300);
    size_t n = box(tmp, "stsz", stsz, sizeof stsz);
    n = box(tmp, "stbl", tmp, n);
    n = box(tmp, "minf", tmp, n);
    size_t m = box(mdia, "mdhd", mdhd, sizeof mdhd);
    m += box(mdia + m, "hdlr", hdlr, sizeof hdlr);
    memcpy(mdia + m, tmp, n);
    m = box(mdia, "mdia", mdia, m + n);
    n = box(trak, "tkhd", tkhd, sizeof tkhd);
    memcpy(trak + n, mdia, m);
    n = box(trak, "trak", trak, n + m);
    m = box(moov, "mvhd", mvhd, sizeof mvhd);
    memcpy(moov + m, trak, n);
    m = box(moov, "moov", moov, m + n);
    n = box(to, "ftyp", "isom\0\0\0\0isommp42", 16);
    n += box(to + n, "mdat", "xxxxxxxx", 8);
    memcpy(to + n, moov, m);
    return n + m;
}

static void containers_say_size_and_length(void **state)
{
    char mp4[1200],
        wav[60] =
            "RIFF\0\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x44\xac\0\0\x88\x58\1\0\2\0\x10\0data";
    (void)state;
    size_t n = make_mp4(mp4, false);
    mn_av_info i = mn_media_av((mn_str){mp4, n});
    OK(i.has_video && i.width == 1280 && i.height == 720 && i.duration_ms == 12500);
    OK(i.frame_rate > 23.9 && i.frame_rate < 24.1);
    n = make_mp4(mp4, true);
    i = mn_media_av((mn_str){mp4, n});
    OK(i.width == 720 && i.height == 1280);
    for (size_t cut = 0; cut < n; cut++) (void)mn_media_av((mn_str){mp4, cut});
    memcpy(wav + 40, "\x10\0\0\0", 4);
    i = mn_media_av((mn_str){wav, 60});
    OK(i.has_audio && !i.has_video &&
       i.duration_ms == 0); /* 16 bytes: less than a millisecond */
    static char second[44 + 88200];
    memcpy(second, wav, 44);
    memcpy(second + 40, "\x88\x58\1\0", 4);
    i = mn_media_av((mn_str){second, sizeof second});
    assert_int_equal(i.duration_ms, 1000);
    static const char webm[] =
        "\x1a\x45\xdf\xa3\x87\x42\x82\x84webm"             /* header */
        "\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" /* segment of unknown length */
        "\x15\x49\xa9\x66\x8e\x2a\xd7\xb1\x83\x0f\x42\x40\x44\x89\x84\x45\x1c\x40\x00" /* 2500.0 */
        "\x16\x54\xae\x6b\x8f\xae\x8d\x83\x81\x01\xe0\x88\xb0\x82\x02\x80\xba\x82\x01\x68";
    i = mn_media_av((mn_str){webm, sizeof webm - 1});
    OK(i.has_video && i.width == 640 && i.height == 360 && i.duration_ms == 2500);
    for (size_t cut = 0; cut < sizeof webm; cut++) (void)mn_media_av((mn_str){webm, cut});
    char ogg[100] =
        "OggS\0\2\0\0\0\0\0\0\0\0ssssnnnncccc\1\x13OpusHead\1\1\x38\1\x80\xbb\0\0\0\0\0";
    memcpy(ogg + 47, "OggS\0\4\x38\xbc\0\0\0\0\0\0", 14);
    i = mn_media_av((mn_str){ogg, 75});
    OK(i.has_audio &&
       i.duration_ms == 997); /* 48,184 samples less 312 before the start, at 48 kHz */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_lies_under_its_hash_and_only_once),
        TEST(the_sweep_takes_what_is_old_and_unwanted_only),
        TEST(strange_files_are_left_alone_and_torn_ones_removed),
        TEST(types_are_told_by_their_bytes),
        TEST(containers_say_size_and_length),
    };
    return cmocka_run_group_tests(tests, up, down);
}

/* Files that are not what they seem, or too much: what is served is a picture and nothing else, as the type that it is, and
 * whatever was sent, the server stands. */
#include "http/masto.h"

#include "unit/media/pictures.h"

#define EVIL "<html><script>alert(document.domain)</script></html>"

static member ada;
static mn_buf file;

static int set_up(void **s)
{
    (void)s;
    masto_start();
    ada = masto_member("ada");
    mn_buf_init(&file, 0);
    return 0;
}
static int tear_down(void **s)
{
    (void)s;
    mn_buf_release(&file);
    masto_stop();
    return 0;
}

/* Uploads the bytes under a name and type that lie. */
static int upload(mn_str bytes, const char *name)
{
    mn_buf b;
    char headers[300];
    mn_buf_init(&b, 0);
    mn_buf_addf(&b,
                "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n"
                "Content-Type: text/html\r\n\r\n",
                name);
    mn_buf_adds(&b, bytes);
    mn_buf_addz(&b, "\r\n--XX--\r\n");
    snprintf(headers, sizeof headers,
             "Authorization: Bearer %s\r\nContent-Type: multipart/form-data; boundary=XX\r\n",
             ada.token);
    int status = masto_raw("POST", "/api/v2/media", headers, b.ptr, b.len);
    mn_buf_release(&b);
    return status;
}

static int get_at(mn_str url, const char *headers)
{
    char path[400];
    size_t from = mn_str_find(url, MN_STR("//"), 0);
    snprintf(path, sizeof path, "%.*s",
             MN_STR_FMT(mn_str_sub(url, mn_str_find(url, MN_STR("/"), from + 2), SIZE_MAX)));
    return masto_raw("GET", path, headers, NULL, 0);
}

/* The last upload's files: of these types, in a sandbox, without the page that was hidden in them. */
static void is_served_as(const char *type, bool holds_evil)
{
    char line[80];
    mn_str urls[] = {mn_str_dup(&masto_arena, masto_str("url")),
                     mn_str_dup(&masto_arena, masto_str("preview_url"))};
    for (int i = 0; i < 2; i++) {
        if (!urls[i].len) continue;
        OK(mn_str_find(urls[i], MN_STR("html"), 0) == SIZE_MAX);
        assert_int_equal(get_at(urls[i], "Accept: text/html\r\nSec-Fetch-Dest: document\r\n"),
                         200);
        snprintf(line, sizeof line, "Content-Type: %s", type);
        OK(masto_says(i == 0 ? line : "Content-Type: image/"));
        OK(masto_says("X-Content-Type-Options: nosniff\r\n"));
        OK(masto_says("Content-Security-Policy: default-src 'none'; sandbox\r\n"));
        OK(holds_evil || !masto_says("<script>"));
    }
}

static void a_page_hidden_in_a_picture_is_gone(void **state)
{
    (void)state;
    make_png(64, 64, 255, &file);
    mn_buf_addz(&file, EVIL);
    assert_int_equal(upload(mn_buf_str(&file), "a.html"), 200);
    is_served_as("image/png", false);

    make_png(64, 64, 255, &file); /* in a text chunk, before the end */
    const char chunk[] = "\0\0\0\x36tEXtx\0" EVIL "\x12\x34\x56\x78";
    mn_buf whole;
    mn_buf_init(&whole, 0);
    mn_buf_add(&whole, file.ptr, file.len - 12);
    mn_buf_add(&whole, chunk, sizeof chunk - 1);
    mn_buf_add(&whole, file.ptr + file.len - 12, 12);
    if (upload(mn_buf_str(&whole), "a.svg") == 200) is_served_as("image/png", false);
    else OK(masto_str("error").len > 0);
    mn_buf_release(&whole);

    uint8_t exif[64];
    make_jpeg(64, 64, exif, exif_segment(1, exif), &file);
    mn_buf_addz(&file, EVIL);
    assert_int_equal(upload(mn_buf_str(&file), "a.js"), 200);
    is_served_as("image/jpeg", false);

    make_gif(64, 64, 3, false, &file); /* an animation, which is kept */
    mn_buf_addz(&file, EVIL);
    assert_int_equal(upload(mn_buf_str(&file), "a.html"), 200);
    is_served_as("image/gif", false);
}

static void sound_that_holds_a_page_stays_sound(void **state)
{
    (void)state;
    static char wav[44 + 8820] =
        "RIFF\0\0\0\0WAVEfmt "
        "\x10\0\0\0\1\0\1\0\x44\xac\0\0\x88\x58\1\0\2\0\x10\0data\x74\x22\0\0";
    memcpy(wav + 44, EVIL, sizeof EVIL - 1);
    assert_int_equal(upload((mn_str){wav, sizeof wav}, "a.html"), 200);
    is_served_as("audio/", true);
}

static void what_is_no_picture_is_refused_by_its_bytes(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>",
        "<?xml version=\"1.0\"?><!DOCTYPE svg [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>"
        "<svg>&x;</svg>",
        "\xEF\xBB\xBF" EVIL,
        "GIF89a=1;" EVIL,
        "GIF89a/*" EVIL "*/=1",
        "\x89PNG\r\n\x1a\n" EVIL,
        "\xFF\xD8\xFF" EVIL,
        "\xFF\xD8\xFF\xE0",
        "RIFF\x10\0\0\0WEBP" EVIL,
        "BM" EVIL,
        "%PDF-1.7\n" EVIL,
        "%!PS-Adobe-3.0 EPSF-3.0\n(%pipe%id) (w) file",
        "push graphic-context\nfill 'url(https://a.example/|id)'\npop graphic-context",
        "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd",
        "II*\0\x08\0\0\0",
        "PK\x03\x04",
        "\x7f"
        "ELF",
        "MZ",
        "#!/bin/sh\nid\n",
        "",
        " ",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int status = upload(mn_str_from(bad[i]), "a.png");
        if (status != 422)
            fail_msg("%.60s gave %d: %.*s", bad[i], status, MN_STR_FMT(masto_body));
        OK(masto_str("error").len > 0);
    }
}

static void pictures_of_sizes_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{0, 0},          {0, 10},        {0x7fffffff, 1},
                                        {1, 0x7fffffff}, {65535, 65535}, {100000, 100000},
                                        {0xffffffff, 1}, {16385, 16385}, {30000, 30000}};
    int64_t t0 = mn_mono_us();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        make_png(8, 8, 255, &file);
        for (int k = 0; k < 8; k++)
            file.ptr[16 + k] = (char)(sizes[i][k / 4] >> (24 - 8 * (k % 4)));
        assert_int_equal(upload(mn_buf_str(&file), "a.png"), 422);
        make_gif(8, 8, 2, false, &file);
        for (int k = 0; k < 4; k++) file.ptr[6 + k] = (char)(sizes[i][k / 2] >> (8 * (k % 2)));
        int status = upload(mn_buf_str(&file), "a.gif");
        if (status != 422 && status != 200)
            fail_msg("a GIF of %u x %u gave %d", sizes[i][0], sizes[i][1], status);
    }
    OK(mn_mono_us() - t0 < INT64_C(60000000));
}

/* Cut anywhere, or with any byte turned: refused or served, never a fault. */
static void damaged_pictures_are_no_fault(void **state)
{
    (void)state;
    uint8_t exif[64];
    size_t size = exif_segment(6, exif);
    for (int kind = 0; kind < 3; kind++)
        for (int i = 0; i < 12; i++) {
            if (kind == 0) make_png(40, 30, 255, &file);
            else if (kind == 1) make_jpeg(40, 30, exif, size, &file);
            else make_gif(40, 30, 3, false, &file);
            size_t n = file.len;
            if (i < 6) n = n * (size_t)(i + 1) / 7;
            else file.ptr[n * (size_t)(i - 5) / 8] ^= (char)(0x55 + i);
            int status = upload((mn_str){file.ptr, n}, "a.png");
            if (status != 200 && status != 422)
                fail_msg("kind %d damaged in way %d gave %d: %.*s", kind, i, status,
                         MN_STR_FMT(masto_body));
        }
    make_png(40, 30, 255, &file);
    assert_int_equal(upload(mn_buf_str(&file), "a.png"), 200);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_page_hidden_in_a_picture_is_gone),
        CASE(sound_that_holds_a_page_stays_sound),
        CASE(what_is_no_picture_is_refused_by_its_bytes),
        CASE(pictures_of_sizes_that_cannot_be_are_refused),
        CASE(damaged_pictures_are_no_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

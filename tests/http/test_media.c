/* Media over the Mastodon API: uploads, files, pictures of accounts, previews of links, custom emoji. */
#include "masto.h"

#include "api/api_int.h"
#include "api/mastodon/media.h"
#include "base/hash.h"
#include "unit/media/pictures.h"
#include "unit/net/peer.h"

static member alice, bob;
static mn_buf pic, site_pic; /* the site's is never changed */
static peer site;

static bool site_answers(peer *p, int fd, const char *request, size_t n);

static int set_up(void **state)
{
    (void)state;
    masto_start_with("rate_limits = off\noutgoing_private = yes\nimage_max_bytes = 2000000\n");
    alice = masto_member("alice");
    bob = masto_member("bob");
    mn_buf_init(&pic, 0);
    mn_buf_init(&site_pic, 0);
    make_png(1000, 500, 255, &site_pic);
    peer_start(&site, site_answers);
    return 0;
}
static int tear_down(void **state)
{
    (void)state;
    masto_stop();
    peer_stop(&site);
    mn_buf_release(&pic);
    mn_buf_release(&site_pic);
    return 0;
}

/* ---- short words -------------------------------------------------------------------------------------------------------- */

static void part(mn_buf *b, const char *name, const char *file, const void *p, size_t n)
{
    mn_buf_addf(b, "--XX\r\nContent-Disposition: form-data; name=\"%s\"", name);
    if (file) mn_buf_addf(b, "; filename=\"%s\"\r\nContent-Type: text/html", file);
    mn_buf_addz(b, "\r\n\r\n");
    mn_buf_add(b, p, n);
    mn_buf_addz(b, "\r\n");
}

/* A multipart request with a file (NULL: none) and words "name=value" up to a NULL. */
static int send_form(const char *method, const char *path, const member *m,
                     const char *file_name, mn_str file, ...)
{
    mn_buf b;
    char headers[400];
    va_list more;
    mn_buf_init(&b, 0);
    if (file_name) part(&b, file_name, "../../evil.html", file.ptr, file.len);
    va_start(more, file);
    for (const char *w; (w = va_arg(more, const char *)) != NULL;) {
        mn_str value, name = mn_str_split(mn_str_from(w), '=', &value);
        char key[64];
        snprintf(key, sizeof key, "%.*s", MN_STR_FMT(name));
        part(&b, key, NULL, value.ptr, value.len);
    }
    va_end(more);
    mn_buf_addz(&b, "--XX--\r\n");
    snprintf(headers, sizeof headers,
             "%s%s%sContent-Type: multipart/form-data; boundary=XX\r\n",
             m ? "Authorization: Bearer " : "", m ? m->token : "", m ? "\r\n" : "");
    int status = masto_raw(method, path, headers, b.ptr, b.len);
    mn_buf_release(&b);
    return status;
}

static uint64_t upload(const member *m)
{
    int status = send_form("POST", "/api/v2/media", m, "file", mn_buf_str(&pic), NULL);
    if (status != 200) fail_msg("uploading gave %d: %.*s", status, MN_STR_FMT(masto_body));
    return masto_id("id");
}

/* The path of an address of ours. */
static const char *path_of(mn_str url)
{
    static char path[400];
    size_t from = mn_str_find(url, MN_STR("//"), 0);
    size_t slash = mn_str_find(url, MN_STR("/"), from + 2);
    OK(slash != SIZE_MAX);
    snprintf(path, sizeof path, "%.*s", MN_STR_FMT(mn_str_sub(url, slash, url.len)));
    return path;
}

static const char *media_path(uint64_t id)
{
    static char path[100];
    snprintf(path, sizeof path, "/api/v1/media/%llu", (unsigned long long)id);
    return path;
}

static uint64_t attach(const member *m, uint64_t id, int want)
{
    char body[200];
    snprintf(body, sizeof body, "{\"status\":\"look\",\"media_ids\":[\"%llu\"]}",
             (unsigned long long)id);
    int status = masto("POST", "/api/v1/statuses", m, body);
    if (status != want) fail_msg("attaching gave %d: %.*s", status, MN_STR_FMT(masto_body));
    return want == 200 ? masto_id("id") : 0;
}

/* ---- uploads ---------------------------------------------------------------------------------------------------------------- */

static void an_upload_is_answered_with_the_finished_attachment(void **state)
{
    uint8_t exif[64];
    (void)state;
    make_jpeg(800, 600, exif, exif_segment(6, exif), &pic);
    int status = send_form("POST", "/api/v2/media", &alice, "file", mn_buf_str(&pic),
                           "description= a turned <b>picture</b> ", "focus=-0.5,0.25", NULL);
    assert_int_equal(status, 200);
    if (openapi_load()) openapi_check_entity("MediaAttachment", masto_json());
    IS(masto_str("type"), "image");
    IS(masto_str("description"), "a turned <b>picture</b>");
    OK(mn_json_i64(masto_at("meta.original.width"), 0) == 600);
    OK(mn_json_i64(masto_at("meta.original.height"), 0) == 800);
    IS(masto_str("meta.original.size"), "600x800");
    OK(mn_json_f64(masto_at("meta.original.aspect"), 0) == 0.75);
    OK(mn_json_i64(masto_at("meta.small.width"), 0) == 415);
    OK(mn_json_f64(masto_at("meta.focus.x"), 0) == -0.5);
    OK(masto_str("blurhash").len == 36);
    OK(masto_at("remote_url")->type == MN_JSON_NULL &&
       masto_at("text_url")->type == MN_JSON_NULL);
    char *url = strdup(path_of(masto_str("url"))),
         *preview = strdup(path_of(masto_str("preview_url")));
    assert_int_equal(masto("GET", url, NULL, NULL), 200);
    OK(masto_says("Content-Type: image/jpeg\r\n"));
    OK(masto_says("Cache-Control: public, max-age=31536000, immutable\r\n"));
    OK(masto_says("X-Content-Type-Options: nosniff\r\n"));
    OK(masto_says("Content-Security-Policy: default-src 'none'; sandbox\r\n"));
    OK(!masto_says("GPS-SECRET"));
    mn_buf got = {.ptr = (char *)(uintptr_t)masto_body.ptr, .len = masto_body.len};
    seen s = look_jpeg(&got);
    OK(s.w == 600 && s.h == 800);
    is_about(&s, 20, 20, bottom_left);
    free(s.px);
    assert_int_equal(masto("GET", preview, NULL, NULL), 200);
    assert_int_equal(masto("POST", "/api/v1/media", NULL, "{}"), 401);
    free(url);
    free(preview);
}

static void what_is_no_medium_is_refused_in_mastodons_words(void **state)
{
    (void)state;
    assert_int_equal(
        send_form("POST", "/api/v2/media", &alice, NULL, MN_STR(""), "description=x", NULL),
        422);
    IS(masto_str("error"), "Validation failed: File can't be blank");
    assert_int_equal(send_form("POST", "/api/v1/media", &alice, "file",
                               MN_STR("<html><script>alert(1)</script>"), NULL),
                     422);
    IS(masto_str("error"), "Validation failed: File content type is invalid");
    make_png(50, 50, 255, &pic);
    assert_int_equal(send_form("POST", "/api/v1/media", &alice, "file",
                               (mn_str){pic.ptr, pic.len / 2}, NULL),
                     422);
    IS(masto_str("error"), "File type of uploaded media could not be verified");
    char alt[1600] = "description=";
    memset(alt + 12, 'a', 1501);
    assert_int_equal(
        send_form("POST", "/api/v1/media", &alice, "file", mn_buf_str(&pic), alt, NULL), 422);
    member reader = masto_member_with("reader", MN_ROLE_MEMBER, "read");
    assert_int_equal(
        send_form("POST", "/api/v2/media", &reader, "file", mn_buf_str(&pic), NULL), 403);
}

static void only_the_uploader_sees_and_changes_it_while_it_is_loose(void **state)
{
    (void)state;
    make_png(60, 40, 255, &pic);
    uint64_t id = upload(&alice);
    assert_int_equal(masto("GET", media_path(id), &bob, NULL), 404);
    assert_int_equal(masto("PUT", media_path(id), &bob, "{\"description\":\"mine\"}"), 404);
    assert_int_equal(masto("DELETE", media_path(id), &bob, NULL), 404);
    assert_int_equal(masto("GET", media_path(id), NULL, NULL), 401);
    assert_int_equal(masto("PUT", media_path(id), &alice,
                           "{\"description\":\"new words\",\"focus\":\"2,-0.1\"}"),
                     200);
    IS(masto_str("description"), "new words");
    OK(mn_json_f64(masto_at("meta.focus.x"), 0) == 1);
    attach(&bob, id, 422);
    attach(&alice, id, 200);
    IS(masto_str("media_attachments.0.description"), "new words");
    attach(&alice, id, 422); /* only once */
    assert_int_equal(masto("GET", media_path(id), &alice, NULL), 404);
    assert_int_equal(masto("PUT", media_path(id), &alice, "{\"description\":\"late\"}"), 404);
    assert_int_equal(masto("DELETE", media_path(id), &alice, NULL), 422);
    id = upload(&alice);
    assert_int_equal(masto("DELETE", media_path(id), &alice, NULL), 200);
    assert_int_equal(masto("GET", media_path(id), &alice, NULL), 404);
}

static void a_file_goes_with_its_post(void **state)
{
    char path[100];
    (void)state;
    make_png(61, 40, 255, &pic);
    uint64_t id = upload(&alice);
    char *url = strdup(path_of(masto_str("url")));
    uint64_t post = attach(&alice, id, 200);
    assert_int_equal(masto("GET", url, NULL, NULL), 200);
    snprintf(path, sizeof path, "/api/v1/statuses/%llu", (unsigned long long)post);
    assert_int_equal(masto("DELETE", path, &alice, NULL), 200);
    /* Mastodon lets the author redraft: it stays for that, unless asked to go at once. */
    snprintf(path, sizeof path, "/api/v1/media/%llu", (unsigned long long)id);
    masto("DELETE", path, &alice, NULL);
    assert_int_equal(masto("GET", url, NULL, NULL), 404);
    free(url);
    static const char *const strange[] = {
        "/media/..%2f..%2fmynah.db", "/media/x", "/media/",
        "/media/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.png"};
    for (size_t i = 0; i < 4; i++) {
        int status = masto("GET", strange[i], NULL, NULL);
        OK(status == 404 || status == 400);
    }
}

static void large_bodies_are_for_members(void **state)
{
    static char noise[3 << 20] = "\xff\xd8\xff\xe0";
    member stranger = {.token = "made-up"};
    (void)state;
    mn_str file = {noise, sizeof noise};
    int status = send_form("POST", "/api/v2/media", NULL, "file", file, NULL);
    OK(status == 401 || status == 413);
    status = send_form("POST", "/api/v2/media", &stranger, "file", file, NULL);
    OK(status == 401 || status == 413);
    assert_int_equal(send_form("POST", "/api/v2/media", &alice, "file", file, NULL), 422);
    IS(masto_str("error"), "Validation failed: File file size must be less than 1.907 MB");
}

/* ---- sound, ranges ---------------------------------------------------------------------------------------------------------- */

static void sound_is_kept_as_it_is_and_given_in_ranges(void **state)
{
    static char wav[44 + 88200] =
        "RIFF\0\0\0\0WAVEfmt "
        "\x10\0\0\0\1\0\1\0\x44\xac\0\0\x88\x58\1\0\2\0\x10\0data\x88\x58\1\0";
    char headers[200];
    (void)state;
    for (size_t i = 44; i < sizeof wav; i++) wav[i] = (char)i;
    make_png(640, 640, 255, &pic);
    assert_int_equal(
        send_form("POST", "/api/v2/media", &alice, "file", (mn_str){wav, sizeof wav}, NULL),
        200);
    if (openapi_load()) openapi_check_entity("MediaAttachment", masto_json());
    IS(masto_str("type"), "audio");
    OK(mn_json_f64(masto_at("meta.original.duration"), 0) == 1);
    OK(masto_at("preview_url")->type == MN_JSON_NULL);
    uint64_t id = masto_id("id");
    char *url = strdup(path_of(masto_str("url")));
    OK(mn_str_ends(masto_str("url"), ".wav"));
    OK(masto_raw("GET", url, "Range: bytes=100-199\r\n", NULL, 0) == 206);
    OK(masto_says("Content-Range: bytes 100-199/88244\r\n"));
    OK(masto_body.len == 100 && !memcmp(masto_body.ptr, wav + 100, 100));
    OK(masto_raw("GET", url, "Range: bytes=-4\r\n", NULL, 0) == 206 && masto_body.len == 4);
    OK(masto_raw("GET", url, "Range: bytes=88240-\r\n", NULL, 0) == 206 && masto_body.len == 4);
    OK(masto_raw("GET", url, "Range: bytes=88244-\r\n", NULL, 0) == 416);
    OK(masto_says("Content-Range: bytes */88244\r\n"));
    OK(masto_raw("GET", url, "Range: bytes=5-2\r\n", NULL, 0) == 200 &&
       masto_body.len == 88244);
    OK(masto_raw("HEAD", url, "", NULL, 0) == 200 && !masto_body.len);
    char *tag = memmem(masto_answer, masto_answer_len, "ETag: ", 6);
    OK(tag);
    snprintf(headers, sizeof headers, "If-None-Match: %.34s\r\n", tag + 6);
    OK(masto_raw("GET", url, headers, NULL, 0) == 304 && !masto_body.len);
    free(url);
    /* A picture may stand for it. */
    assert_int_equal(
        send_form("PUT", media_path(id), &alice, "thumbnail", mn_buf_str(&pic), NULL), 200);
    OK(mn_str_ends(masto_str("preview_url"), ".jpg"));
    OK(mn_json_i64(masto_at("meta.small.width"), 0) == 480);
}

/* ---- pictures of accounts, those who have none -------------------------------------------------------------------------------- */

static void an_account_has_a_picture_or_the_common_one(void **state)
{
    mn_err e = {0};
    mn_view v = {.api = masto_api, .arena = &masto_arena};
    mn_account a;
    mn_str url[2];
    (void)state;
    assert_int_equal(masto("GET", "/avatars/original/missing.png", NULL, NULL), 200);
    OK(masto_says("Content-Type: image/png\r\n") && masto_body.len > 500);
    assert_int_equal(masto("GET", "/headers/original/missing.png", NULL, NULL), 200);
    make_jpeg(900, 700, NULL, 0, &pic);
    RUN(mn_media_account_picture(masto_api, alice.id, MN_MEDIA_AVATAR, mn_buf_str(&pic), &e));
    RUN(mn_store_account_by_id(masto_home.store, alice.id, &masto_arena, &a, &e));
    OK(a.avatar_id && !a.header_id);
    RUN(mn_media_picture_urls(&v, (uint64_t[]){0, a.avatar_id}, 2, MN_MEDIA_AVATAR, url, &e));
    OK(mn_str_ends(url[0], "/avatars/original/missing.png"));
    assert_int_equal(masto("GET", path_of(url[1]), NULL, NULL), 200);
    FAILS(MN_E_UNSUPPORTED, mn_media_account_picture(masto_api, alice.id, MN_MEDIA_AVATAR,
                                                     MN_STR("no picture here"), &e));
    RUN(mn_media_account_picture(masto_api, alice.id, MN_MEDIA_AVATAR, MN_STR(""), &e));
    assert_int_equal(masto("GET", path_of(url[1]), NULL, NULL), 404);
}

/* ---- imports ------------------------------------------------------------------------------------------------------------------- */

/* A picture as an import leaves it: a file, a row, nothing else. */
static void imported(uint64_t id, uint64_t post, mn_str bytes, const char *mime)
{
    mn_err e = {0};
    mn_tx *tx;
    char dir[300];
    mn_media m = {.id = id,
                  .post_id = post,
                  .account_id = alice.id,
                  .mime = mn_str_from(mime),
                  .alt = MN_STR("words")};
    snprintf(dir, sizeof dir, "%s/media", masto_dir);
    RUN(mn_files_put(dir, bytes, m.sha256, &e));
    RUN(mn_store_begin(masto_home.store, &tx, &e));
    RUN(mn_store_media_add(tx, &m, &e));
    RUN(mn_store_commit(tx, &e));
}

static void pictures_of_an_import_are_read_once(void **state)
{
    mn_err e = {0};
    uint8_t exif[64];
    mn_media *list, m;
    size_t n = 9;
    (void)state;
    uint64_t post = masto_post(&alice, "brought along");
    make_jpeg(300, 200, exif, exif_segment(6, exif), &pic);
    imported(71, post, mn_buf_str(&pic), "image/jpeg");
    imported(72, post, MN_STR("\x89PNG\r\n\x1a\n but no more of it"), "image/png");
    RUN(mn_media_read_imported(masto_api, &masto_arena, &e));
    RUN(mn_store_media_raw(masto_home.store, 0, 9, &masto_arena, &list, &n, &e));
    assert_int_equal(n, 0);
    RUN(mn_store_medium(masto_home.store, 71, &masto_arena, &m, &e));
    OK(m.width == 200 && m.height == 300 && m.preview.len && m.blurhash.len == 36 &&
       m.post_id == post);
    IS(m.alt, "words");
    RUN(mn_store_media_of(masto_home.store, post, &masto_arena, &list, &n, &e));
    OK(n == 1 && list[0].id == 71); /* what cannot be read is not shown */
    mn_view v = {.api = masto_api, .arena = &masto_arena};
    assert_int_equal(masto("GET", path_of(mn_media_url(&v, &m)), NULL, NULL), 200);
    OK(!masto_says("GPS-SECRET"));
}

/* ---- previews ------------------------------------------------------------------------------------------------------------------ */

static bool site_answers(peer *p, int fd, const char *request, size_t n)
{
    static const char page[] =
        "<html lang=it><head><meta charset=utf-8><title>no</title><meta property=og:title "
        "content='Birds &lt;script&gt;'>"
        "<meta property=og:description content='About\nbirds'><meta property=og:image "
        "content=/bird.png>"
        "<meta property=og:image:alt content='a blue bird'><meta property=og:site_name "
        "content=Aviary><meta name=author content=Ada>"
        "<meta property=article:published_time content=2026-01-02T03:04:05Z><link rel=author "
        "href='javascript:alert(1)'>";
    char head[200];
    (void)p, (void)n;
    const char *type = "text/html; charset=utf-8", *body = page;
    size_t len = sizeof page - 1;
    if (strstr(request, "GET /bird.png"))
        type = "image/png", body = site_pic.ptr, len = site_pic.len;
    else if (strstr(request, "GET /plain")) type = "text/plain";
    else if (strstr(request, "GET /none")) body = "<p>nothing said", len = 15;
    snprintf(head, sizeof head,
             "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nConnection: close\r\nContent-Length: "
             "%zu\r\n\r\n",
             type, len);
    peer_say(fd, head);
    raw_say(fd, body, len);
    return false;
}

static uint64_t post_link(const char *what, const char *visibility)
{
    char body[300];
    snprintf(body, sizeof body,
             "{\"status\":\"see http://127.0.0.1:%d/%s there\",\"visibility\":\"%s\"}",
             site.port, what, visibility);
    int status = masto("POST", "/api/v1/statuses", &alice, body);
    if (status != 200) fail_msg("posting gave %d: %.*s", status, MN_STR_FMT(masto_body));
    return masto_id("id");
}

/* Waits until the post shows a card, at most ms. */
static bool has_card(uint64_t id, int ms)
{
    char path[100];
    snprintf(path, sizeof path, "/api/v1/statuses/%llu", (unsigned long long)id);
    for (int64_t until = mn_mono_us() + (int64_t)ms * 1000; mn_mono_us() < until;
         usleep(30000)) {
        assert_int_equal(masto("GET", path, &alice, NULL), 200);
        if (masto_at("card")->type == MN_JSON_OBJECT) return true;
    }
    return false;
}

static void a_link_gets_a_preview_of_plain_text(void **state)
{
    (void)state;
    uint64_t id = post_link("page", "public");
    OK(has_card(id, 15000));
    if (openapi_load()) openapi_check_entity("PreviewCard", masto_at("card"));
    IS(masto_str("card.title"), "Birds <script>");
    IS(masto_str("card.description"), "About birds");
    IS(masto_str("card.type"), "link");
    IS(masto_str("card.html"), "");
    IS(masto_str("card.image_description"), "a blue bird");
    IS(masto_str("card.provider_name"), "Aviary");
    IS(masto_str("card.author_name"), "Ada");
    IS(masto_str("card.author_url"), ""); /* javascript: is nowhere to send a reader */
    IS(masto_str("card.language"), "it");
    IS(masto_str("card.published_at"), "2026-01-02T03:04:05.000Z");
    OK(masto_str("card.blurhash").len == 36);
    OK(mn_json_i64(masto_at("card.width"), 0) == 678);
    OK(strstr(peer_last(&site), "User-Agent: Mynah/"));
    char *image = strdup(path_of(masto_str("card.image")));
    assert_int_equal(masto("GET", image, NULL, NULL), 200);
    free(image);
    int before = site.requests;
    OK(has_card(post_link("page", "unlisted"), 15000)); /* known: nobody is asked again */
    assert_int_equal(site.requests, before);
}

static void what_says_nothing_shows_nothing(void **state)
{
    (void)state;
    int before = site.requests;
    uint64_t direct = post_link("page", "direct");
    uint64_t plain = post_link("plain", "public"), none = post_link("none", "public");
    OK(!has_card(direct, 300));
    OK(!has_card(plain, 1500));
    OK(!has_card(none, 300));
    assert_int_equal(site.requests, before + 2);
}

/* ---- emoji ------------------------------------------------------------------------------------------------------------------------ */

static void emoji_are_listed_and_named_in_posts(void **state)
{
    mn_err e = {0};
    char dir[300];
    (void)state;
    snprintf(dir, sizeof dir, "%s/media", masto_dir);
    make_gif(32, 32, 3, false, &pic);
    RUN(mn_emoji_make(masto_home.store, dir, MN_STR("blob_cat"), MN_STR("Blobs"),
                      mn_buf_str(&pic), &e));
    make_png(300, 300, 0, &pic);
    RUN(mn_emoji_make(masto_home.store, dir, MN_STR("bird"), MN_STR(""), mn_buf_str(&pic), &e));
    FAILS(MN_E_USAGE, mn_emoji_make(masto_home.store, dir, MN_STR("no way"), MN_STR(""),
                                    mn_buf_str(&pic), &e));
    assert_int_equal(masto("GET", "/api/v1/custom_emojis", NULL, NULL), 200);
    if (openapi_load()) openapi_check("get", "/api/v1/custom_emojis", "200", masto_json());
    IS(masto_str("0.shortcode"), "bird");
    IS(masto_str("1.category"), "Blobs");
    OK(mn_str_ends(masto_str("1.url"), ".gif") &&
       mn_str_ends(masto_str("1.static_url"), ".png"));
    char *url = strdup(path_of(masto_str("1.url")));
    assert_int_equal(masto("GET", url, NULL, NULL), 200);
    free(url);
    masto_post(&alice, "hello :blob_cat: and x:bird: and :none: and :blob_cat:");
    OK(masto_at("emojis")->n == 1);
    IS(masto_str("emojis.0.shortcode"), "blob_cat");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_upload_is_answered_with_the_finished_attachment),
        TEST(what_is_no_medium_is_refused_in_mastodons_words),
        TEST(only_the_uploader_sees_and_changes_it_while_it_is_loose),
        TEST(a_file_goes_with_its_post),
        TEST(large_bodies_are_for_members),
        TEST(sound_is_kept_as_it_is_and_given_in_ranges),
        TEST(an_account_has_a_picture_or_the_common_one),
        TEST(pictures_of_an_import_are_read_once),
        TEST(a_link_gets_a_preview_of_plain_text),
        TEST(what_says_nothing_shows_nothing),
        TEST(emoji_are_listed_and_named_in_posts),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

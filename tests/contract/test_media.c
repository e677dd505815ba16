/* Media, cards and emoji in the store. */
#include "store/media.h"

#include "base/hash.h"
#include "base/snowflake.h"
#include "contract/store.h"
#include "store/scheduled.h"

#define ME    UINT64_C(1)
#define OTHER UINT64_C(2)
#define POST  UINT64_C(1000)

static void two_members_and_a_post(void)
{
    add_account(ME, "me");
    add_account(OTHER, "other");
    mn_post p = post(POST, ME, "hello");
    TX(mn_store_post_add(tx, &p, &e));
}

static mn_media upload(uint64_t id, uint64_t account, const char *mime)
{
    mn_media m = {.id = id,
                  .account_id = account,
                  .mime = mn_str_from(mime),
                  .alt = MN_STR("a bird"),
                  .size_bytes = 12,
                  .width = 3,
                  .height = 4,
                  .created_ms = 5000,
                  .preview = MN_STR("abcd"),
                  .preview_mime = MN_STR("image/jpeg"),
                  .preview_width = 1,
                  .preview_height = 2,
                  .blurhash = MN_STR("U000"),
                  .focus_x = -500000,
                  .focus_y = 250000,
                  .duration_ms = 7};
    memset(m.sha256, (int)id, 32);
    TX(mn_store_media_add(tx, &m, &e));
    return m;
}

static uint64_t media_of_post(uint64_t id)
{
    mn_post p;
    RUN(mn_store_post(s, id, &ar, &p, &e));
    return p.n_media;
}

static void all_of_a_row_comes_back(void **state)
{
    mn_media m;
    (void)state;
    two_members_and_a_post();
    mn_media a = upload(10, ME, "image/png");
    RUN(mn_store_medium(s, 10, &ar, &m, &e));
    OK(m.account_id == ME && !m.post_id && m.width == 3 && m.height == 4 && m.size_bytes == 12);
    OK(m.created_ms == 5000 && m.duration_ms == 7 && m.focus_x == -500000 &&
       m.focus_y == 250000);
    OK(m.preview_width == 1 && m.preview_height == 2 && m.state == MN_MEDIA_READY &&
       m.use == MN_MEDIA_POST);
    IS(m.mime, "image/png");
    IS(m.alt, "a bird");
    IS(m.preview, "abcd");
    IS(m.preview_mime, "image/jpeg");
    IS(m.blurhash, "U000");
    assert_memory_equal(m.sha256, a.sha256, 32);
    m.alt = MN_STR("another");
    m.focus_x = 1;
    TX(mn_store_media_update(tx, &m, &e));
    RUN(mn_store_medium(s, 10, &ar, &m, &e));
    IS(m.alt, "another");
    OK(m.focus_x == 1);
    FAILS(MN_E_NOT_FOUND, mn_store_medium(s, 11, &ar, &m, &e));
    m.id = 11;
    TX_FAILS(MN_E_NOT_FOUND, mn_store_media_update(tx, &m, &e));
    TX_FAILS(MN_E_EXISTS, mn_store_media_add(tx, &a, &e));
}

static void media_are_attached_in_order_and_counted(void **state)
{
    mn_media *list;
    size_t n;
    (void)state;
    two_members_and_a_post();
    for (uint64_t id = 10; id < 14; id++) upload(id, ME, "image/png");
    TX(mn_store_media_attach(tx, ME, POST, (uint64_t[]){12, 10, 11}, 3, &e));
    RUN(mn_store_media_of(s, POST, &ar, &list, &n, &e));
    OK(n == 3 && list[0].id == 12 && list[1].id == 10 && list[2].id == 11);
    OK(media_of_post(POST) == 3);
    /* An edit: another order, one fresh, one gone. */
    TX(mn_store_media_attach(tx, ME, POST, (uint64_t[]){13, 12}, 2, &e));
    RUN(mn_store_media_of_posts(s, (uint64_t[]){999, POST}, 2, &ar, &list, &n, &e));
    OK(n == 2 && list[0].id == 13 && list[1].id == 12);
    OK(media_of_post(POST) == 2);
    FAILS(MN_E_NOT_FOUND, mn_store_medium(s, 10, &ar, list, &e));
    TX_FAILS(MN_E_DENIED, mn_store_media_remove(tx, 13, &e));
    TX(mn_store_media_detach(tx, POST, 9000, &e));
    OK(media_of_post(POST) == 0);
    RUN(mn_store_medium(s, 13, &ar, list, &e));
    OK(!list->post_id && list->created_ms == 9000);
    TX(mn_store_media_remove(tx, 13, &e));
    FAILS(MN_E_NOT_FOUND, mn_store_medium(s, 13, &ar, list, &e));
}

static void nobody_attaches_what_is_not_theirs_to_attach(void **state)
{
    (void)state;
    two_members_and_a_post();
    mn_post p = post(POST + 1, ME, "again");
    TX(mn_store_post_add(tx, &p, &e));
    upload(10, ME, "image/png");
    upload(20, OTHER, "image/png");
    upload(30, ME, "video/mp4");
    mn_media avatar = {
        .id = 40, .account_id = ME, .use = MN_MEDIA_AVATAR, .mime = MN_STR("image/png")};
    TX(mn_store_media_add(tx, &avatar, &e));
    mn_media waiting = {
        .id = 50, .account_id = ME, .state = MN_MEDIA_WAITING, .mime = MN_STR("image/png")};
    TX(mn_store_media_add(tx, &waiting, &e));
    TX_FAILS(MN_E_NOT_FOUND,
             mn_store_media_attach(tx, ME, POST, (uint64_t[]){20}, 1, &e)); /* another's */
    TX_FAILS(MN_E_NOT_FOUND,
             mn_store_media_attach(tx, ME, POST, (uint64_t[]){40}, 1, &e)); /* an avatar */
    TX_FAILS(MN_E_NOT_FOUND, mn_store_media_attach(tx, ME, POST, (uint64_t[]){77}, 1, &e));
    TX_FAILS(MN_E_BUSY, mn_store_media_attach(tx, ME, POST, (uint64_t[]){50}, 1, &e));
    TX_FAILS(MN_E_USAGE, mn_store_media_attach(tx, ME, POST, (uint64_t[]){10, 10}, 2, &e));
    TX_FAILS(MN_E_USAGE, mn_store_media_attach(tx, ME, POST, (uint64_t[]){10, 30}, 2,
                                               &e)); /* video among others */
    TX(mn_store_media_attach(tx, ME, POST, (uint64_t[]){10}, 1, &e));
    TX_FAILS(MN_E_NOT_FOUND,
             mn_store_media_attach(tx, ME, POST + 1, (uint64_t[]){10}, 1, &e)); /* taken */
    TX(mn_store_media_attach(tx, ME, POST + 1, (uint64_t[]){30}, 1, &e));
    OK(media_of_post(POST) == 1 && media_of_post(POST + 1) == 1);
}

static void a_new_picture_of_an_account_takes_the_place_of_the_old(void **state)
{
    mn_media *list, m;
    size_t n;
    (void)state;
    two_members_and_a_post();
    for (uint64_t id = 40; id < 43; id++) {
        mn_media a = {.id = id,
                      .account_id = ME,
                      .use = id == 42 ? MN_MEDIA_HEADER : MN_MEDIA_AVATAR,
                      .mime = MN_STR("image/png")};
        TX(mn_store_media_add(tx, &a, &e));
        TX(mn_store_account_picture_set(tx, ME, a.use, id, &e));
    }
    RUN(mn_store_account_pictures(s, ME, &ar, &list, &n, &e));
    OK(n == 2 && list[0].id == 41 && list[1].id == 42);
    FAILS(MN_E_NOT_FOUND, mn_store_medium(s, 40, &ar, &m, &e));
    TX(mn_store_account_picture_set(tx, ME, MN_MEDIA_AVATAR, 0, &e));
    RUN(mn_store_account_pictures(s, ME, &ar, &list, &n, &e));
    OK(n == 1 && list[0].id == 42);
    TX_FAILS(MN_E_NOT_FOUND, mn_store_account_picture_set(tx, 99, MN_MEDIA_AVATAR, 0, &e));
    RUN(mn_store_media_by_ids(s, (uint64_t[]){42, 7, 42}, 3, &ar, &list, &n, &e));
    OK(n == 2 && list[0].id == 42 && list[1].id == 42);
}

static void the_sweep_leaves_what_waits_for_a_post(void **state)
{
    uint64_t n = 0;
    mn_media m;
    (void)state;
    two_members_and_a_post();
    upload(10, ME, "image/png");
    upload(11, ME, "image/png");
    upload(13, ME, "image/png");
    mn_media card = {.id = 12, .use = MN_MEDIA_CARD, .mime = MN_STR("image/png")};
    TX(mn_store_media_add(tx, &card, &e));
    TX(mn_store_media_attach(tx, ME, POST, (uint64_t[]){11}, 1, &e));
    TX(mn_store_media_hold(tx, ME, 777, (uint64_t[]){13}, 1, &e)); /* a draft's */
    TX(mn_store_media_sweep(tx, 5000, 10, &n, &e));
    assert_int_equal(n, 0); /* none is older */
    TX(mn_store_media_sweep(tx, 6000, 10, &n, &e));
    assert_int_equal(n, 1);
    FAILS(MN_E_NOT_FOUND, mn_store_medium(s, 10, &ar, &m, &e));
    RUN(mn_store_medium(s, 11, &ar, &m, &e));
    RUN(mn_store_medium(s, 12, &ar, &m, &e));
    RUN(mn_store_medium(s, 13, &ar, &m, &e));
}

static void a_file_is_used_as_long_as_something_names_it(void **state)
{
    uint8_t sha[32];
    char hex[MN_HEX256];
    bool used = true;
    (void)state;
    two_members_and_a_post();
    memset(sha, 10, 32);
    RUN(mn_store_file_used(s, sha, &used, &e));
    OK(!used);
    upload(10, ME, "image/png");
    RUN(mn_store_file_used(s, sha, &used, &e));
    OK(used);
    mn_media other = {.id = 11,
                      .account_id = ME,
                      .mime = MN_STR("video/mp4"),
                      .preview = mn_str_from(mn_hex(sha, 32, hex))};
    memset(other.sha256, 11, 32);
    TX(mn_store_media_add(tx, &other, &e));
    TX(mn_store_media_remove(tx, 10, &e));
    RUN(mn_store_file_used(s, sha, &used, &e));
    OK(used); /* as a preview */
    TX(mn_store_media_remove(tx, 11, &e));
    RUN(mn_store_file_used(s, sha, &used, &e));
    OK(!used);
    mn_emoji x = {.shortcode = MN_STR("bird"),
                  .file = mn_str_from(hex),
                  .still = MN_STR("00"),
                  .mime = MN_STR("image/png"),
                  .category = MN_STR("")};
    TX(mn_store_emoji_put(tx, &x, &e));
    RUN(mn_store_file_used(s, sha, &used, &e));
    OK(used);
}

static void a_card_is_one_for_each_address(void **state)
{
    mn_card c = {.url = MN_STR("https://example.org/a"),
                 .title = MN_STR("A"),
                 .description = MN_STR("d"),
                 .author = MN_STR("n"),
                 .author_url = MN_STR("https://example.org/n"),
                 .provider = MN_STR("p"),
                 .provider_url = MN_STR("https://example.org"),
                 .lang = MN_STR("en"),
                 .fetched_ms = 5,
                 .published_ms = 4,
                 .image_id = 12,
                 .width = 6,
                 .height = 7},
            got;
    mn_media image = {.id = 12, .use = MN_MEDIA_CARD, .mime = MN_STR("image/png")}, m;
    uint64_t id = 0, again = 0;
    mn_post p;
    (void)state;
    two_members_and_a_post();
    TX(mn_store_media_add(tx, &image, &e));
    TX(mn_store_card_put(tx, &c, &id, &e));
    RUN(mn_store_card_find(s, c.url, &ar, &got, &e));
    OK(got.id == id && got.fetched_ms == 5 && got.published_ms == 4 && got.image_id == 12 &&
       got.width == 6);
    IS(got.title, "A");
    IS(got.author_url, "https://example.org/n");
    IS(got.lang, "en");
    TX(mn_store_post_card_set(tx, POST, id, &e));
    RUN(mn_store_post(s, POST, &ar, &p, &e));
    OK(p.card_id == id);
    c.title = MN_STR("B");
    c.image_id = 0;
    TX(mn_store_card_put(tx, &c, &again, &e));
    OK(again == id);
    RUN(mn_store_card(s, id, &ar, &got, &e));
    IS(got.title, "B");
    FAILS(MN_E_NOT_FOUND, mn_store_medium(s, 12, &ar, &m, &e)); /* its picture went */
    /* The sweep takes cards that no post shows and that are not new. */
    uint64_t cursor = 0, n = 0, loose = 0;
    TX(mn_store_card_put(
        tx, &(mn_card){.url = MN_STR("https://example.org/b"), .fetched_ms = 5}, &loose, &e));
    TX(mn_store_cards_sweep(tx, 5, 1, &cursor, &n, &e));
    OK(n == 0 && cursor == (id < loose ? id : loose));
    TX(mn_store_cards_sweep(tx, 6, 1, &cursor, &n, &e));
    TX(mn_store_cards_sweep(tx, 6, 1, &cursor, &n, &e));
    OK(cursor == 0);
    TX(mn_store_cards_sweep(tx, 6, 9, &cursor, &n, &e));
    FAILS(MN_E_NOT_FOUND, mn_store_card(s, loose, &ar, &got, &e));
    RUN(mn_store_card(s, id, &ar, &got, &e));
    TX(mn_store_post_card_set(tx, POST, 0, &e));
    TX(mn_store_post_card_set(tx, 77, id, &e)); /* a post that is gone: nothing */
    FAILS(MN_E_NOT_FOUND, mn_store_card(s, id + 1, &ar, &got, &e));
    FAILS(MN_E_NOT_FOUND, mn_store_card_find(s, MN_STR("x"), &ar, &got, &e));
}

static void emoji_are_found_by_their_shortcodes(void **state)
{
    mn_emoji x = {.shortcode = MN_STR("blob"),
                  .file = MN_STR("f"),
                  .still = MN_STR("s"),
                  .mime = MN_STR("image/gif"),
                  .category = MN_STR("b"),
                  .visible = true},
             *list;
    size_t n;
    (void)state;
    TX(mn_store_emoji_put(tx, &x, &e));
    x.shortcode = MN_STR("Ant");
    x.category = MN_STR("a");
    TX(mn_store_emoji_put(tx, &x, &e));
    RUN(mn_store_emoji_all(s, &ar, &list, &n, &e));
    OK(n == 2);
    IS(list[0].shortcode, "Ant");
    IS(list[1].mime, "image/gif");
    OK(list[1].visible);
    mn_str codes[] = {MN_STR("blob"), MN_STR("none"), MN_STR("ant"), MN_STR("Ant")};
    RUN(mn_store_emoji_by(s, codes, 4, &ar, &list, &n, &e));
    OK(n == 2);
    IS(list[0].shortcode, "blob");
    x.visible = false;
    TX(mn_store_emoji_put(tx, &x, &e));
    RUN(mn_store_emoji_by(s, codes + 3, 1, &ar, &list, &n, &e));
    OK(n == 1 && !list[0].visible);
    TX(mn_store_emoji_remove(tx, MN_STR("Ant"), &e));
    TX_FAILS(MN_E_NOT_FOUND, mn_store_emoji_remove(tx, MN_STR("Ant"), &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(all_of_a_row_comes_back),
        CASE(media_are_attached_in_order_and_counted),
        CASE(nobody_attaches_what_is_not_theirs_to_attach),
        CASE(a_new_picture_of_an_account_takes_the_place_of_the_old),
        CASE(the_sweep_leaves_what_waits_for_a_post),
        CASE(a_file_is_used_as_long_as_something_names_it),
        CASE(a_card_is_one_for_each_address),
        CASE(emoji_are_found_by_their_shortcodes),
    };
    RUN_ON_ALL(tests);
}

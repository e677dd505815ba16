/* The tables of signing in, on every back end. */
#include "contract/store.h"

#include "store/access.h"
#include "store/erase.h"

static void add_token(uint64_t id, uint64_t account, uint64_t app, const char *hash,
                      int64_t expires_ms)
{
    mn_token t = {.id = id,
                  .account_id = account,
                  .app_id = app,
                  .scopes = MN_STR("read write"),
                  .created_ms = 1,
                  .used_ms = 1,
                  .expires_ms = expires_ms,
                  .ip = MN_STR("::1")};
    TX(mn_store_token_add(tx, mn_str_from(hash), &t, &e));
}

static void add_app(uint64_t id, const char *client)
{
    mn_app a = {.id = id,
                .client_id = mn_str_from(client),
                .secret_hash = MN_STR("s"),
                .name = MN_STR("An app"),
                .redirect_uris = MN_STR("https://a.example/\nx://y"),
                .scopes = MN_STR("read"),
                .created_ms = 5};
    TX(mn_store_app_add(tx, &a, &e));
}

static void tokens_are_found_by_hash_and_id_with_their_account(void **state)
{
    (void)state;
    mn_token_now n;
    add_account(1, "ada");
    add_app(7, "client");
    add_token(10, 1, 7, "h10", 0);
    add_token(11, 0, 7, "h11", 0);
    RUN(mn_store_token_by_hash(s, MN_STR("h10"), &ar, &n, &e));
    OK(n.token.id == 10 && n.token.account_id == 1 && n.approved && !n.must_confirm);
    IS(n.token.app_name, "An app");
    IS(n.token.scopes, "read write");
    RUN(mn_store_token_by_id(s, 11, &ar, &n, &e));
    OK(n.token.account_id == 0 && n.state == MN_ACCOUNT_ACTIVE);
    FAILS(MN_E_NOT_FOUND, mn_store_token_by_hash(s, MN_STR("h12"), &ar, &n, &e));
    FAILS(MN_E_NOT_FOUND, mn_store_token_by_id(s, 12, &ar, &n, &e));
    TX(mn_store_token_used(tx, 10, 99, &e));
    RUN(mn_store_token_by_id(s, 10, &ar, &n, &e));
    OK(n.token.used_ms == 99);
}

static void tokens_go_by_account_by_app_and_by_time(void **state)
{
    (void)state;
    mn_token *list;
    size_t n = 0;
    add_account(1, "ada");
    add_app(7, "client");
    for (uint64_t i = 0; i < 6; i++) {
        char hash[8];
        snprintf(hash, sizeof hash, "h%d", (int)i);
        add_token(10 + i, 1, i < 3 ? 7 : 0, hash, i == 5 ? 100 : 0);
    }
    TX(mn_store_tokens_expire(tx, 100, 10, &n, &e));
    assert_int_equal(n, 1);
    TX(mn_store_tokens_remove_app(tx, 1, 7, &e));
    RUN(mn_store_tokens_of(s, 1, 10, &ar, &list, &n, &e));
    assert_int_equal(n, 2);
    OK(list[0].id == 14 && list[1].id == 13);
    TX(mn_store_tokens_remove(tx, 1, 13, &e));
    RUN(mn_store_tokens_of(s, 1, 10, &ar, &list, &n, &e));
    OK(n == 1 && list[0].id == 13);
    TX(mn_store_token_remove(tx, 13, &e));
    TX(mn_store_token_remove(tx, 13, &e));
}

static void apps_and_codes_are_kept_and_swept(void **state)
{
    (void)state;
    mn_app a;
    mn_code c = {.app_id = 7,
                 .account_id = 1,
                 .redirect_uri = MN_STR("x://y"),
                 .scopes = MN_STR("read"),
                 .expires_ms = 50};
    size_t n = 0;
    add_app(7, "client");
    add_app(8, "idle");
    RUN(mn_store_app_by_client(s, MN_STR("client"), &ar, &a, &e));
    OK(a.id == 7 && a.created_ms == 5);
    RUN(mn_store_app_by_id(s, 8, &ar, &a, &e));
    IS(a.redirect_uris, "https://a.example/\nx://y");
    TX(mn_store_code_add(tx, MN_STR("c1"), &c, &e));
    TX(mn_store_code_used(tx, MN_STR("c1"), 99, &e));
    TX(mn_store_code_get(tx, MN_STR("c1"), &ar, &c, &e));
    OK(c.token_id == 99 && c.expires_ms == 50);
    TX(mn_store_apps_unused(tx, 6, 10, &n, &e));
    assert_int_equal(n, 1);
    FAILS(MN_E_NOT_FOUND, mn_store_app_by_client(s, MN_STR("idle"), &ar, &a, &e));
    TX(mn_store_tokens_expire(tx, 50, 10, &n, &e));
    TX_FAILS(MN_E_NOT_FOUND, mn_store_code_get(tx, MN_STR("c1"), &ar, &c, &e));
    mn_remote_app r = {MN_STR("a.example"), MN_STR("id"), MN_STR("one"), 1};
    TX(mn_store_remote_app_set(tx, &r, &e));
    r.client_secret = MN_STR("two");
    TX(mn_store_remote_app_set(tx, &r, &e));
    RUN(mn_store_remote_app(s, MN_STR("a.example"), &ar, &r, &e));
    IS(r.client_secret, "two");
}

static void an_e_mail_address_belongs_to_one_account_in_any_case(void **state)
{
    (void)state;
    uint64_t id = 0;
    mn_credentials c = {
        .account_id = 1, .email = MN_STR("Ada@Example.org"), .reason = MN_STR("r")};
    add_account(1, "ada");
    add_account(2, "bob");
    TX(mn_store_credentials_add(tx, &c, &e));
    RUN(mn_store_account_by_email(s, MN_STR("ada@example.ORG"), &id, &e));
    assert_int_equal(id, 1);
    mn_credentials other = {.account_id = 2, .email = MN_STR("ADA@example.org")};
    TX_FAILS(MN_E_EXISTS, mn_store_credentials_set(tx, &other, &e));
    other.email = MN_STR("");
    other.approved = other.totp_on = true;
    TX(mn_store_credentials_set(tx, &other, &e));
    RUN(mn_store_credentials(s, 2, &ar, &other, &e));
    OK(other.approved && other.totp_on && other.email.len == 0);
    FAILS(MN_E_NOT_FOUND, mn_store_account_by_email(s, MN_STR(""), &id, &e));
}

static void identities_invites_and_links_are_used_as_they_say(void **state)
{
    (void)state;
    uint64_t id = 0;
    mn_identity i = {MN_STR("p"), MN_STR("s"), 1, 1}, *list;
    mn_invite v = {.id = 5, .account_id = 1, .code = MN_STR("abc"), .max_uses = 1};
    mn_email_link l = {1, MN_LINK_CONFIRM, MN_STR("a@b.c"), 100};
    size_t n;
    add_account(1, "ada");
    TX(mn_store_identity_add(tx, &i, &e));
    TX_FAILS(MN_E_EXISTS, mn_store_identity_add(tx, &i, &e));
    RUN(mn_store_identity(s, MN_STR("p"), MN_STR("s"), &id, &e));
    assert_int_equal(id, 1);
    RUN(mn_store_identities_of(s, 1, &ar, &list, &n, &e));
    assert_int_equal(n, 1);
    TX_FAILS(MN_E_NOT_FOUND, mn_store_identity_remove(tx, 2, MN_STR("p"), MN_STR("s"), &e));
    TX(mn_store_identity_remove(tx, 1, MN_STR("p"), MN_STR("s"), &e));

    TX(mn_store_invite_add(tx, &v, &e));
    TX(mn_store_invite_use(tx, MN_STR("abc"), 1, &e));
    TX_FAILS(MN_E_DENIED, mn_store_invite_use(tx, MN_STR("abc"), 1, &e));
    RUN(mn_store_invite(s, MN_STR("abc"), &ar, &v, &e));
    assert_int_equal(v.uses, 1);
    TX_FAILS(MN_E_NOT_FOUND, mn_store_invite_remove(tx, 2, 5, &e));
    TX(mn_store_invite_remove(tx, 1, 5, &e));

    TX(mn_store_link_add(tx, MN_STR("l1"), &l, &e));
    TX(mn_store_link_add(tx, MN_STR("l2"), &l, &e)); /* takes the place of the first */
    TX_FAILS(MN_E_NOT_FOUND, mn_store_link_take(tx, MN_STR("l1"), &ar, &l, &e));
    TX(mn_store_link_take(tx, MN_STR("l2"), &ar, &l, &e));
    TX_FAILS(MN_E_NOT_FOUND, mn_store_link_take(tx, MN_STR("l2"), &ar, &l, &e));
    IS(l.email, "a@b.c");
}

static void an_account_is_erased_in_steps(void **state)
{
    (void)state;
    bool left = true;
    int steps = 0;
    mn_token_now n;
    add_account(1, "ada");
    add_account(2, "bob");
    for (uint64_t i = 1; i <= 5; i++) add_post(100 + i, 2, "hello", 0);
    TX(mn_store_follow_add(tx, 1, 2, 1, &e));
    add_token(10, 1, 0, "h10", 0);
    while (left && steps++ < 50) TX(mn_store_account_erase(tx, 1, 2, &left, &e));
    OK(!left);
    FAILS(MN_E_NOT_FOUND, mn_store_token_by_id(s, 10, &ar, &n, &e));
    assert_int_equal(n_posts(2), 5);
    TX(mn_store_account_erase(tx, 1, 2, &left, &e));
    OK(!left);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(tokens_are_found_by_hash_and_id_with_their_account),
        CASE(tokens_go_by_account_by_app_and_by_time),
        CASE(apps_and_codes_are_kept_and_swept),
        CASE(an_e_mail_address_belongs_to_one_account_in_any_case),
        CASE(identities_invites_and_links_are_used_as_they_say),
        CASE(an_account_is_erased_in_steps),
    };
    RUN_ON_ALL(tests);
}

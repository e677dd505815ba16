/* module: cmd */
/* What strangers send to sign in: redirect addresses, scopes, HTTP Basic, where to go next, names of other servers, lists of
 * providers. What passes a check can neither break out of a header nor out of a policy. */
#include <stdlib.h>
#include <string.h>

#include "api/mastodon/oauth.h"
#include "api/pages/identity.h"
#include "social/totp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_redirect(mn_str s, mn_arena *a)
{
    if (!mn_oauth_redirect_fine(s)) return;
    mn_str source = mn_oauth_redirect_source(s, a);
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= ' ' || (unsigned char)s.ptr[i] >= 0x7f) abort();
    for (size_t i = 0; i < source.len; i++)
        if (strchr(" ;,'\"*", source.ptr[i])) abort();
    const mn_str pairs[][2] = {{MN_STR("code"), s}, {MN_STR("state"), MN_STR_NONE}};
    mn_str where = mn_oauth__redirect(s, pairs, 2, a);
    if (where.ptr && (memchr(where.ptr, '\n', where.len) || memchr(where.ptr, ' ', where.len)))
        abort();
}

static void check_scopes(mn_str s, mn_arena *a)
{
    mn_scopes first = 0, again = 0;
    if (mn_scopes_parse(s, &first, NULL) != MN_OK) return;
    if (first == 0) abort();
    if (mn_scopes_parse(mn_scopes_text(first, a), &again, NULL) != MN_OK || again != first)
        abort();
    mn_str names = mn_scopes_names(s, a);
    if (names.len < 4000 && (mn_scopes_parse(names, &again, NULL) != MN_OK || again != first))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_arena a;
    mn_err e = {0};
    mn_api api = {.domain = "test.example"};
    mn_str s = {(const char *)data, size}, id, secret;
    mn_openid_provider list[MN_OPENID_MAX];
    char plain[20];
    int64_t step;
    mn_arena_init(&a, 1u << 22);
    check_redirect(s, &a);
    check_scopes(s, &a);
    mn_str copy = mn_str_dup(&a, s);
    if (mn_oauth__basic(copy, &a, &id, &secret) && (!id.ptr || !secret.ptr)) abort();
    if (mn_sign_is_local(s) && (s.ptr[0] != '/' || memchr(s.ptr, '\r', s.len) ||
                                memchr(s.ptr, '\n', s.len) || (s.len > 1 && s.ptr[1] == '/')))
        abort();
    size_t n = mn_identity__providers(copy.ptr, &a, list);
    for (size_t i = 0; i < n; i++)
        if (list[i].name.len == 0 || list[i].issuer.len == 0 ||
            memchr(list[i].name.ptr, '~', list[i].name.len))
            abort();
    mn_recovery_code_plain(s, plain);
    if (mn_totp_check(MN_STR("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), s, 1000000, 0, &step, &e) !=
        MN_OK)
        abort();
    (void)api;
    mn_arena_release(&a);
    return 0;
}

/* Addresses before they are asked for: parsed by libcurl's own parser, so that what is checked is what is reached. */
#include <arpa/inet.h>
#include <stdio.h>

#include "net/client_int.h"

static mn_rc part(CURLU *u, CURLUPart what, mn_arena *a, mn_str *ret)
{
    char *s = NULL;
    CURLUcode code = curl_url_get(u, what, &s, what == CURLUPART_PORT ? CURLU_DEFAULT_PORT : 0);
    if (code != CURLUE_OK) return code == CURLUE_OUT_OF_MEMORY ? MN_E_NOMEM : MN_E_NOT_FOUND;
    *ret = mn_str_dup(a, mn_str_from(s));
    curl_free(s);
    return ret->ptr ? MN_OK : MN_E_NOMEM;
}

static mn_str plain_host(mn_arena *a, mn_str host)
{
    char *h = mn_arena_strndup(a, host.ptr, host.len);
    if (!h) return MN_STR_NONE;
    size_t n = host.len;
    if (n >= 2 && h[0] == '[' && h[n - 1] == ']') h++, n -= 2;
    while (n && h[n - 1] == '.') n--;
    h[n] = '\0';
    for (size_t i = 0; i < n; i++)
        if (h[i] >= 'A' && h[i] <= 'Z') h[i] = (char)(h[i] + 32);
    return (mn_str){h, n};
}

/* A host written as a number: the address it is; false for a name. */
static bool literal(mn_str host, struct sockaddr_storage *ret)
{
    struct sockaddr_in *in4 = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
    *ret = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, host.ptr, &in4->sin_addr) == 1) ret->ss_family = AF_INET;
    else if (inet_pton(AF_INET6, host.ptr, &in6->sin6_addr) == 1) ret->ss_family = AF_INET6;
    return ret->ss_family != 0;
}

static bool is_own(const mn_client *c, const mn_client_url *u)
{
    char own[300];
    if (!c->own_host || !*c->own_host) return false;
    if (mn_str_eq_nocase(u->host, mn_str_from(c->own_host))) return true;
    snprintf(own, sizeof own, "%.*s:%u", MN_STR_FMT(u->host), (unsigned)u->port);
    return mn_str_eq_nocase(mn_str_from(own), mn_str_from(c->own_host));
}

static mn_rc allowed(const mn_client *c, const mn_client_url *u, mn_err *e)
{
    struct sockaddr_storage a;
    if (is_own(c, u))
        return mn_fail(e, MN_E_DENIED, "'%.*s' is this instance itself", MN_STR_FMT(u->host));
    if (c->allow_private) return MN_OK;
    if (mn_net_port_refused(u->port))
        return mn_fail(e, MN_E_DENIED, "port %u belongs to another protocol",
                       (unsigned)u->port);
    if (literal(u->host, &a) && !mn_net_public((struct sockaddr *)&a))
        return mn_fail(e, MN_E_DENIED, "'%.*s' is not an address of the public internet",
                       MN_STR_FMT(u->host));
    return MN_OK;
}

static mn_rc take_apart(CURLU *u, mn_arena *a, mn_client_url *ret)
{
    mn_str scheme, host, port;
    uint64_t n = 0;
    MN_TRY(part(u, CURLUPART_SCHEME, a, &scheme));
    if (!mn_str_eqz(scheme, "http") && !mn_str_eqz(scheme, "https")) return MN_E_DENIED;
    if (part(u, CURLUPART_ZONEID, a, &host) != MN_E_NOT_FOUND) return MN_E_DENIED;
    MN_TRY(part(u, CURLUPART_HOST, a, &host));
    MN_TRY(part(u, CURLUPART_PORT, a, &port));
    MN_TRY(mn_str_to_u64(port, &n));
    if (curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0) != CURLUE_OK) return MN_E_NOMEM;
    ret->host = plain_host(a, host);
    ret->port = (uint16_t)n;
    ret->https = mn_str_eqz(scheme, "https");
    if (!ret->host.ptr) return MN_E_NOMEM;
    if (!ret->host.len || n == 0 || n > 65535) return MN_E_PARSE;
    return part(u, CURLUPART_URL, a, &ret->text);
}

static bool has_control(mn_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= 0x20 || s.ptr[i] == 0x7f) return true;
    return false;
}

mn_rc mn_client__url(const mn_client *c, mn_str url, mn_arena *a, mn_client_url *ret, mn_err *e)
{
    mn_client_url r = {0};
    MN_TRY(mn_client__global(e));
    if (url.len > MN_CLIENT_URL_MAX)
        return mn_fail(e, MN_E_LIMIT, "an address may have at most %d bytes",
                       MN_CLIENT_URL_MAX);
    if (!url.len || has_control(url))
        return mn_fail(e, MN_E_PARSE, "an http address has no blanks or control characters");
    mn_str z = mn_str_dup(a, url);
    CURLU *u = curl_url();
    mn_rc rc = u && z.ptr ? MN_OK : MN_E_NOMEM;
    if (rc == MN_OK) {
        CURLUcode code =
            curl_url_set(u, CURLUPART_URL, z.ptr, CURLU_URLENCODE | CURLU_DISALLOW_USER);
        rc = code == CURLUE_OK                   ? take_apart(u, a, &r)
             : code == CURLUE_OUT_OF_MEMORY      ? MN_E_NOMEM
             : code == CURLUE_USER_NOT_ALLOWED   ? MN_E_DENIED
             : code == CURLUE_UNSUPPORTED_SCHEME ? MN_E_DENIED
                                                 : MN_E_PARSE;
    }
    curl_url_cleanup(u);
    if (rc == MN_E_NOMEM) return mn_fail(e, rc, "no memory for an address");
    if (rc == MN_E_DENIED)
        return mn_fail(e, rc, "only plain http and https addresses are asked for");
    if (rc != MN_OK) return mn_fail(e, MN_E_PARSE, "that is not an http address");
    MN_TRY(allowed(c, &r, e));
    *ret = r;
    return MN_OK;
}

mn_rc mn_client_url_check(const mn_client *c, mn_str url, mn_err *e)
{
    mn_arena a;
    mn_client_url u;
    mn_arena_init(&a, (size_t)64 << 10);
    mn_rc rc = mn_client__url(c, url, &a, &u, e);
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_client_url_join(const mn_client *c, mn_str base, mn_str found, mn_arena *a,
                         mn_str *ret, mn_err *e)
{
    mn_client_url from, to;
    mn_str joined = MN_STR_NONE;
    found = mn_str_trim(found);
    if (found.len > MN_CLIENT_URL_MAX || has_control(found))
        return mn_fail(e, MN_E_PARSE, "that is not an http address");
    MN_TRY(mn_client__url(c, base, a, &from, e));
    mn_str z = mn_str_dup(a, found);
    CURLU *u = curl_url();
    mn_rc rc = u && z.ptr ? MN_OK : MN_E_NOMEM;
    if (rc == MN_OK && (curl_url_set(u, CURLUPART_URL, from.text.ptr, 0) != CURLUE_OK ||
                        curl_url_set(u, CURLUPART_URL, z.ptr, CURLU_URLENCODE) != CURLUE_OK))
        rc = MN_E_PARSE;
    if (rc == MN_OK) rc = part(u, CURLUPART_URL, a, &joined);
    curl_url_cleanup(u);
    if (rc != MN_OK) return mn_fail(e, rc, "that is not an http address");
    MN_TRY(mn_client__url(c, joined, a, &to, e));
    *ret = to.text;
    return MN_OK;
}

mn_str mn_client_url_host(mn_str url, mn_arena *a)
{
    mn_client any = {.allow_private = true};
    mn_client_url u;
    return mn_client__url(&any, url, a, &u, NULL) == MN_OK ? u.host : MN_STR_NONE;
}

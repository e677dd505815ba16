/* Addresses and domains that blocks are made of. Pure. */
#include "social/moderation_int.h"

#include <arpa/inet.h>
#include <stdio.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static mn_rc not_a_net(mn_str text, mn_err *e)
{
    return mn_fail(e, MN_E_USAGE,
                   "'%.*s' is no address; expected one such as 192.0.2.0/24 or 2001:db8::/32",
                   MN_STR_FMT(mn_utf8_cut(text, 80)));
}

static void clear_below(mn_net *n)
{
    for (int i = 0; i < 16; i++) {
        int keep = n->bits - 8 * i;
        if (keep <= 0) n->address[i] = 0;
        else if (keep < 8) n->address[i] &= (uint8_t)(0xff << (8 - keep));
    }
}

mn_rc mn_moderation__net_parse(mn_str text, mn_net *ret, mn_err *e)
{
    char z[INET6_ADDRSTRLEN];
    mn_str prefix, address = mn_str_split(mn_str_trim(text), '/', &prefix);
    mn_net n = {0};
    uint64_t bits = 0;
    if (address.len == 0 || address.len >= sizeof z || memchr(address.ptr, 0, address.len))
        return not_a_net(text, e);
    memcpy(z, address.ptr, address.len);
    z[address.len] = 0;
    bool v4 = inet_pton(AF_INET, z, n.address + 12) == 1;
    if (v4) memcpy(n.address, mapped, sizeof mapped);
    else if (inet_pton(AF_INET6, z, n.address) != 1) return not_a_net(text, e);
    uint64_t most = v4 ? 32 : 128;
    if (!prefix.ptr) bits = most;
    else if (mn_str_to_u64(prefix, &bits) != MN_OK || bits > most) return not_a_net(text, e);
    n.bits = (int)bits + (v4 ? 96 : 0);
    clear_below(&n);
    *ret = n;
    return MN_OK;
}

void mn_moderation__net_text(const mn_net *n, char ret[64])
{
    char z[INET6_ADDRSTRLEN] = "";
    bool v4 = n->bits >= 96 && memcmp(n->address, mapped, sizeof mapped) == 0;
    inet_ntop(v4 ? AF_INET : AF_INET6, n->address + (v4 ? 12 : 0), z, sizeof z);
    snprintf(ret, 64, "%s/%d", z, n->bits - (v4 ? 96 : 0));
}

bool mn_moderation__net_has(const mn_net *n, const uint8_t address[16])
{
    int whole = n->bits / 8, rest = n->bits % 8;
    if (memcmp(n->address, address, (size_t)whole) != 0) return false;
    if (rest == 0) return true;
    uint8_t mask = (uint8_t)(0xff << (8 - rest));
    return (address[whole] & mask) == n->address[whole];
}

mn_rc mn_moderation__domain(mn_str text, char *ret, mn_err *e)
{
    mn_str d = mn_str_trim(text);
    size_t label = 0;
    bool dot = false;
    if (d.len && d.ptr[d.len - 1] == '.') d.len--;
    bool good = d.len > 0 && d.len <= MN_DOMAIN_MAX;
    for (size_t i = 0; good && i < d.len; i++) {
        char c = (char)(d.ptr[i] >= 'A' && d.ptr[i] <= 'Z' ? d.ptr[i] + 32 : d.ptr[i]);
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (c == '.') good = label > 0 && d.ptr[i - 1] != '-', label = 0, dot = true;
        else good = (letter || (c == '-' && label > 0)) && ++label <= 63;
        ret[i] = c;
    }
    if (!good || label == 0 || !dot)
        return mn_fail(
            e, MN_E_USAGE,
            "'%.*s' is no domain; expected one such as example.org (names with other "
            "letters as xn--…)",
            MN_STR_FMT(mn_utf8_cut(text, 80)));
    ret[d.len] = 0;
    return MN_OK;
}

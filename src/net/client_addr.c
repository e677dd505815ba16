/* Which addresses and ports the client may reach. The tables are IANA's special-purpose registries (RFC 6890 and its
 * updates) and the ports that browsers refuse. */
#include <string.h>

#include "net/client.h"

typedef struct net4 {
    uint32_t net;
    int bits;
} net4;

#define NET4(a, b, c, d, bits)                                                                 \
    {                                                                                          \
        ((uint32_t)(a) << 24) | ((uint32_t)(b) << 16) | ((uint32_t)(c) << 8) | (d), bits       \
    }

static const net4 special4[] = {
    NET4(0, 0, 0, 0, 8),       /* this network */
    NET4(10, 0, 0, 0, 8),      /* private use */
    NET4(100, 64, 0, 0, 10),   /* shared address space of providers */
    NET4(127, 0, 0, 0, 8),     /* loopback */
    NET4(169, 254, 0, 0, 16),  /* link local; cloud metadata */
    NET4(172, 16, 0, 0, 12),   /* private use */
    NET4(192, 0, 0, 0, 24),    /* IETF protocol assignments */
    NET4(192, 0, 2, 0, 24),    /* documentation */
    NET4(192, 88, 99, 0, 24),  /* 6to4 relays, deprecated */
    NET4(192, 168, 0, 0, 16),  /* private use */
    NET4(198, 18, 0, 0, 15),   /* benchmarking */
    NET4(198, 51, 100, 0, 24), /* documentation */
    NET4(203, 0, 113, 0, 24),  /* documentation */
    NET4(224, 0, 0, 0, 4),     /* multicast */
    NET4(240, 0, 0, 0, 4),     /* reserved, broadcast */
};

/* First bits of what 2000::/3 holds that is not one machine of the public internet, or leads to IPv4. */
static const struct {
    uint8_t head[4];
    int bits;
} special6[] = {
    {{0x20, 0x01, 0x00, 0x00},
     23}, /* IETF protocol assignments: Teredo, benchmarking, ORCHID */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02, 0x00, 0x00}, 16}, /* 6to4 */
    {{0x3f, 0xff, 0x00, 0x00}, 20}, /* documentation */
};

static bool public4(uint32_t ip)
{
    for (size_t i = 0; i < sizeof special4 / sizeof *special4; i++)
        if ((ip ^ special4[i].net) >> (32 - special4[i].bits) == 0) return false;
    return true;
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool public6(const uint8_t ip[16])
{
    if (ip[0] >> 5 != 1) return false; /* mapped, NAT64, local, multicast lie outside */
    for (size_t i = 0; i < sizeof special6 / sizeof *special6; i++)
        if ((be32(ip) ^ be32(special6[i].head)) >> (32 - special6[i].bits) == 0) return false;
    return true;
}

bool mn_net_public(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, a, sizeof in);
        return public4(ntohl(in.sin_addr.s_addr));
    }
    if (a->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, a, sizeof in);
        return !in.sin6_scope_id && public6(in.sin6_addr.s6_addr);
    }
    return false;
}

bool mn_net_port_refused(uint16_t port)
{
    /* Ascending: echo … POP3, NetBIOS, IMAP, LDAP, the Unix r-services, mail submission, NFS, databases, SIP, X11, Redis,
     * IRC, Elasticsearch, memcached, MongoDB. */
    static const uint16_t refused[] = {
        0,    1,    7,    9,    11,   13,   15,   17,   19,   20,   21,   22,    23,    25,
        37,   42,   43,   53,   69,   77,   79,   87,   95,   101,  102,  103,   104,   109,
        110,  111,  113,  115,  117,  119,  123,  135,  137,  138,  139,  143,   161,   179,
        389,  427,  445,  465,  512,  513,  514,  515,  526,  530,  531,  532,   540,   548,
        554,  556,  563,  587,  601,  631,  636,  873,  989,  990,  993,  995,   1433,  1521,
        1719, 1720, 1723, 2049, 3306, 3389, 3659, 4045, 4190, 5060, 5061, 5432,  5900,  6000,
        6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 9200, 9300, 10080, 11211, 27017,
    };
    size_t lo = 0, hi = sizeof refused / sizeof *refused;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (refused[mid] == port) return true;
        if (refused[mid] < port) lo = mid + 1;
        else hi = mid;
    }
    return false;
}

/* Hashing: see hash.h.
 *
 * CRC-32C (Castagnoli, reflected polynomial 0x82F63B78) by SSE4.2's instruction where the processor has it, else by
 * tables, eight bytes a step.  Random numbers are Philox4x32-10: Salmon et al. 2011, Parallel random numbers: as easy
 * as 1, 2, 3; the key is the seed, the counter (counter, stream). */
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/base_int.h"

#define XXH_INLINE_ALL
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#include <xxhash.h>
#pragma GCC diagnostic pop

/* ---- SHA-256 ------------------------------------------------------------------------------------------------- */

static EVP_MD *sha256; /* fetched once: fetching costs more than hashing a post */

static void fetch_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

mn_rc mn_sha256_init(mn_sha256 *h, mn_err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fetch_sha256);
    if (!sha256) return mn_fail(e, MN_E_UNSUPPORTED, "the OpenSSL library has no SHA-256");
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (!ctx) return mn_fail(e, MN_E_NOMEM, "out of memory for a hash");
    if (!EVP_DigestInit_ex2(ctx, sha256, NULL)) {
        EVP_MD_CTX_free(ctx);
        return mn_fail(e, MN_E_NOMEM, "out of memory for a hash");
    }
    h->ctx = ctx;
    return MN_OK;
}

void mn_sha256_add(mn_sha256 *h, const void *p, size_t n)
{
    MN_ASSERT(EVP_DigestUpdate(h->ctx, p, n));
}

void mn_sha256_done(mn_sha256 *h, uint8_t ret[32])
{
    unsigned n = 0;
    MN_ASSERT(EVP_DigestFinal_ex(h->ctx, ret, &n) && n == 32);
    EVP_MD_CTX_free(h->ctx);
    h->ctx = NULL;
}

void mn_sha256_of(const void *p, size_t n, uint8_t ret[32])
{
    mn_sha256 h;
    MN_ASSERT(mn_sha256_init(&h, NULL) == MN_OK);
    mn_sha256_add(&h, p, n);
    mn_sha256_done(&h, ret);
}

mn_rc mn_sha256_file(const char *path, uint8_t ret[32], mn_err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return mn_fail_errno(e, errno == ENOENT ? MN_E_NOT_FOUND : MN_E_IO, "cannot open '%s'",
                             path);
    mn_sha256 h = {0};
    uint8_t buf[65536], sum[32];
    mn_rc rc = mn_sha256_init(&h, e);
    ssize_t n = 1;
    while (rc == MN_OK && n != 0) {
        n = read(fd, buf, sizeof buf);
        if (n > 0) mn_sha256_add(&h, buf, (size_t)n);
        else if (n < 0 && errno != EINTR)
            rc = mn_fail_errno(e, MN_E_IO, "cannot read '%s'", path);
    }
    if (h.ctx) mn_sha256_done(&h, sum);
    if (rc == MN_OK) memcpy(ret, sum, sizeof sum);
    close(fd);
    return rc;
}

/* ---- hexadecimal --------------------------------------------------------------------------------------------- */

char *mn_hex(const uint8_t *p, size_t n, char *ret)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        ret[2 * i] = digits[p[i] >> 4];
        ret[2 * i + 1] = digits[p[i] & 15];
    }
    ret[2 * n] = '\0';
    return ret;
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

mn_rc mn_unhex(mn_str s, uint8_t *ret, size_t n)
{
    if (s.len % 2 || s.len / 2 != n) return MN_E_PARSE;
    for (size_t i = 0; i < s.len; i++)
        if (nibble(s.ptr[i]) < 0) return MN_E_PARSE;
    for (size_t i = 0; i < n; i++)
        ret[i] = (uint8_t)(nibble(s.ptr[2 * i]) << 4 | nibble(s.ptr[2 * i + 1]));
    return MN_OK;
}

/* ---- tables and checksums ------------------------------------------------------------------------------------ */

uint64_t mn_hash64(const void *p, size_t n, uint64_t seed)
{
    return XXH3_64bits_withSeed(p, n, seed);
}

static uint32_t crc_table[8][256];

static void make_crc_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) c = c >> 1 ^ (c & 1 ? 0x82F63B78u : 0);
        crc_table[0][i] = c;
    }
    for (int k = 1; k < 8; k++)
        for (int i = 0; i < 256; i++) {
            uint32_t c = crc_table[k - 1][i];
            crc_table[k][i] = c >> 8 ^ crc_table[0][c & 255];
        }
}

uint32_t mn_base__crc32c_plain(uint32_t crc, const void *p, size_t n)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_crc_table);
    const uint8_t *b = p;
    crc = ~crc;
    for (; n >= 8; b += 8, n -= 8) {
        uint32_t c = crc ^ ((uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
                            (uint32_t)b[3] << 24);
        crc = crc_table[7][c & 255] ^ crc_table[6][c >> 8 & 255] ^ crc_table[5][c >> 16 & 255] ^
              crc_table[4][c >> 24] ^ crc_table[3][b[4]] ^ crc_table[2][b[5]] ^
              crc_table[1][b[6]] ^ crc_table[0][b[7]];
    }
    for (; n; b++, n--) crc = crc >> 8 ^ crc_table[0][(crc ^ *b) & 255];
    return ~crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse(uint32_t crc, const uint8_t *p,
                                                             size_t n)
{
    uint64_t c = ~crc, w;
    for (; n >= 8; p += 8, n -= 8) {
        memcpy(&w, p, 8);
        c = __builtin_ia32_crc32di(c, w);
    }
    uint32_t c32 = (uint32_t)c;
    for (; n; p++, n--) c32 = __builtin_ia32_crc32qi(c32, *p);
    return ~c32;
}
#endif

uint32_t mn_crc32c(uint32_t crc, const void *p, size_t n)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("sse4.2")) return crc32c_sse(crc, p, n);
#endif
    return mn_base__crc32c_plain(crc, p, n);
}

/* ---- randomness ---------------------------------------------------------------------------------------------- */

void mn_base__philox(uint32_t c[4], uint32_t k0, uint32_t k1)
{
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)c[0] * 0xD2511F53u, b = (uint64_t)c[2] * 0xCD9E8D57u;
        uint32_t c0 = (uint32_t)(b >> 32) ^ c[1] ^ k0, c2 = (uint32_t)(a >> 32) ^ c[3] ^ k1;
        c[0] = c0, c[1] = (uint32_t)b, c[2] = c2, c[3] = (uint32_t)a;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
}

uint64_t mn_rand_at(uint64_t seed, uint64_t stream, uint64_t counter)
{
    uint32_t c[4] = {(uint32_t)counter, (uint32_t)(counter >> 32), (uint32_t)stream,
                     (uint32_t)(stream >> 32)};
    mn_base__philox(c, (uint32_t)seed, (uint32_t)(seed >> 32));
    return (uint64_t)c[1] << 32 | c[0];
}

double mn_rand_unit(uint64_t bits)
{
    return (double)(bits >> 11) * 0x1p-53;
}

mn_rc mn_random_bytes(void *ret, size_t n, mn_err *e)
{
    uint8_t *p = ret;
    while (n) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno != EINTR)
            return mn_fail_errno(e, MN_E_IO, "no random bytes from the kernel");
        if (got > 0) p += got, n -= (size_t)got;
    }
    return MN_OK;
}

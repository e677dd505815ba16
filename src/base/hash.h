/* Hashing: SHA-256 for identity and chains (OpenSSL), a fast 64- and 128-bit hash for tables (xxHash, stable across
 * machines and versions), CRC-32C for files of ours, and counter-based random numbers. */
#ifndef MN_BASE_HASH_H
#define MN_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

typedef struct mn_sha256 {
    void *ctx;
} mn_sha256;
mn_rc mn_sha256_init(mn_sha256 *h, mn_err *e);
void mn_sha256_add(mn_sha256 *h, const void *p, size_t n);
void mn_sha256_done(mn_sha256 *h, uint8_t ret[32]); /* also releases */
void mn_sha256_of(const void *p, size_t n, uint8_t ret[32]);
mn_rc mn_sha256_file(const char *path, uint8_t ret[32], mn_err *e); /* streamed */

#define MN_HEX256 65
char *mn_hex(const uint8_t *p, size_t n, char *ret); /* 2n digits and a NUL; returns ret */
mn_rc mn_unhex(mn_str s, uint8_t *ret, size_t n);    /* exactly n bytes, lower or upper case */

uint64_t mn_hash64(const void *p, size_t n, uint64_t seed);
uint32_t mn_crc32c(uint32_t crc, const void *p, size_t n); /* start with 0 */

/* Counter-based randomness: the same (seed, stream, counter) gives the same bits everywhere. */
uint64_t mn_rand_at(uint64_t seed, uint64_t stream, uint64_t counter);
double mn_rand_unit(uint64_t bits); /* [0, 1), 53 bits */

/* Cryptographic randomness from the kernel. */
mn_rc mn_random_bytes(void *ret, size_t n, mn_err *e);

#endif

/* Shared inside src/base and with its tests only. */
#ifndef MN_BASE_INT_H
#define MN_BASE_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* CRC-32C without the processor's instruction; what mn_crc32c uses where there is none. */
uint32_t mn_base__crc32c_plain(uint32_t crc, const void *p, size_t n);
/* Philox4x32-10 on c in place. */
void mn_base__philox(uint32_t c[4], uint32_t k0, uint32_t k1);

/* The shortest decimal that reads back as v (finite): writes at most 32 bytes without a NUL, returns how many. */
size_t mn_base__f64_put(double v, char *ret);

/* Where the plain run at p ends: at '"', '\\', a control character or end. *high is set when any byte of the run (or of
 * the 15 after it) is not ASCII. */
const char *mn_base__json_run(const char *p, const char *end, bool *high);

#endif

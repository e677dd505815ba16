/* Numbers of the segment file that its writer and its reader share; docs/design/search.md draws them. */
#ifndef MN_MIND_SEG_FORMAT_H
#define MN_MIND_SEG_FORMAT_H

#include <stdint.h>

#define MN_SEG_MAGIC "MNSEG\0\0\1"
#define MN_SEG_HEADER                                                                          \
    176u /* magic 8, docs 4, terms 4, lengths 8, parts 6 × 24, spare 4, crc 4 */
#define MN_SEG_RECORD 16u /* of the dictionary: byte offset 4, documents 4, postings offset 8 */
#define MN_DEAD_MAGIC "MNDEAD\0\1"

static inline void mn_mind__put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> 8 * i);
}
static inline void mn_mind__put64(uint8_t *p, uint64_t v)
{
    for (int i = 0; i < 8; i++) p[i] = (uint8_t)(v >> 8 * i);
}

#endif

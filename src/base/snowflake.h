/* Post and account ids: 63 bits, time-ordered, in the Snowflake layout with the epoch that X uses, so that ids of
 * imported tweets can be kept: id = (ms since 2010-11-04T01:42:54.657Z) << 22 | 22 bits.
 *
 * Posts older than that epoch get ids below 2^35: (seconds since 1970) << 4 | 4 bits. They sort by time among
 * themselves and before everything later; X's own sequential ids of that age are of the same size and may be kept.
 * The first 8.192 seconds after the epoch belong to this kind too: until then the new layout stays below 2^35. No id is
 * 0; times before 1970 and after 2080 are clamped. */
#ifndef MN_BASE_SNOWFLAKE_H
#define MN_BASE_SNOWFLAKE_H

#include <stdint.h>

#define MN_SNOWFLAKE_EPOCH_MS INT64_C(1288834974657)

/* A fresh id for now: strictly rising within the process; 22 bits are 10 of a random node and 12 of a counter. */
uint64_t mn_snowflake_next(void);
/* A fresh number for now that a JSON reader with doubles keeps whole: below 2^53, strictly rising within the process; (ms since the
 * epoch above) << 12 and 12 bits that begin at random in each millisecond. Two processes may draw the same one: whoever enters it
 * must be ready to draw again. */
uint64_t mn_snowflake_short(void);
/* The id for a thing made at created_ms whose identity hashes to `hash` (its low bits are used). Deterministic. */
uint64_t mn_snowflake_at(int64_t created_ms, uint64_t hash);
/* Smallest id a thing made at or after ms can have. */
uint64_t mn_snowflake_floor(int64_t ms);
/* ms since the Unix epoch; for ids below 2^35 the seconds they hold (which is only right for those we made). */
int64_t mn_snowflake_ms(uint64_t id);

#endif

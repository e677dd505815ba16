/* Rate limits per caller: the generic cell rate algorithm, one timestamp a caller.
 *
 * A limit of `per_minute` with a burst of `burst` lets a caller who was quiet do `burst` things at once and then one every
 * 60/per_minute seconds. Callers are hashed into a table of fixed size; when two collide, the one who was quiet longest is
 * forgotten, so memory is bounded and a forgotten caller merely starts anew. Thread-safe. */
#ifndef MN_NET_RATELIMIT_H
#define MN_NET_RATELIMIT_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

typedef struct mn_ratelimit mn_ratelimit;

mn_rc mn_ratelimit_new(double per_minute, int burst, mn_ratelimit **ret, mn_err *e);
void mn_ratelimit_free(mn_ratelimit *l);
/* Takes one for `who` (an address as text: of IPv6 the /64 counts) at now_us (any monotonic clock). 0: go on; else the
 * seconds to wait, at least 1, and nothing was taken. */
int mn_ratelimit_take(mn_ratelimit *l, mn_str who, int64_t now_us);

#endif

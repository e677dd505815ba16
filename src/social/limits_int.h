/* Private to src/social: the parts of limits. */
#ifndef MN_SOCIAL_LIMITS_INT_H
#define MN_SOCIAL_LIMITS_INT_H

#include <pthread.h>

#include "social/limits.h"

extern const char *const mn_limits__reading_routes[]; /* NULL at the end */

#define MN_LIMITS__RATES_MAX 32
#define MN_LIMITS__SETS      8192 /* of four cells each */
#define MN_LIMITS__WAYS      4

/* How often one caller has used one rate in the window of that number. */
typedef struct mn_limits__cell {
    uint64_t key; /* of rate and caller; 0: free */
    uint32_t window, n;
} mn_limits__cell;

/* What a route of the tables is: "GET /api/v1/timelines/home" by hash. */
typedef struct mn_limits__route {
    const char *name; /* NULL: free */
    uint32_t rates;   /* a bit each */
    bool reading;
} mn_limits__route;
#define MN_LIMITS__ROUTES 256

/* What somebody has read today: posts, or tokens of models (an entry of its own). */
typedef struct mn_limits__reader {
    mn_plan_item item; /* MN_PLAN_READS or MN_PLAN_MODEL_TOKENS */
    uint64_t account;  /* 0: an address */
    uint8_t address[16];
    bool used;
    mn_level level;
    uint64_t stored, pending,
        writing; /* posts or tokens; pending is not in the store yet, writing is on its way */
    int64_t fresh_until_us;
} mn_limits__reader;

/* An account's level as it was lately: writing asks for it several times a post. */
typedef struct mn_limits__known {
    uint64_t account;
    int64_t until_us;
    mn_level level;
} mn_limits__known;
#define MN_LIMITS__KNOWN 1024

struct mn_limits {
    mn_store *store;
    uint64_t seed;
    bool rates_on, members_only;
    uint32_t counts[MN_LIMITS__RATES_MAX];
    uint64_t plan[MN_LEVELS][MN_PLAN_ITEMS];
    uint64_t new_days, new_posts;
    mn_limits__route routes[MN_LIMITS__ROUTES];
    pthread_mutex_t rates_lock;
    mn_limits__cell (*cells)[MN_LIMITS__WAYS];
    pthread_mutex_t known_lock;
    mn_limits__known known[MN_LIMITS__KNOWN]; /* by id; one place each */
    pthread_mutex_t readers_lock, flush_lock; /* flush first */
    int64_t day;                              /* of what follows: days since 1970 */
    mn_limits__reader *readers;
    size_t n_readers, cap_readers;
};

/* The address as 16 bytes (IPv4 mapped, of IPv6 the /64); what is no address is all zeros. */
void mn_limits__address(mn_str text, uint8_t ret[16]);
const mn_limits__route *mn_limits__route_find(const mn_limits *l, const char *method,
                                              const char *pattern);

#endif

/* Whether a model that has learnt on may take the place of the one before: by what was measured of both. docs/design/current.md. */
#ifndef MN_CMD_JUDGE_H
#define MN_CMD_JUDGE_H

#include <stdbool.h>

#include "base/json.h"

typedef enum mn_measure_kind {
    MN_MEASURE_OLD,        /* held-out bits per byte of the lineage's first corpus */
    MN_MEASURE_NEW,        /* ... of the new one */
    MN_MEASURE_EXTRACTION, /* share of its training's documents that it says word for word */
    MN_MEASURE_EXPOSURE,   /* of canaries that were planted once, bits */
    MN_MEASURE_TOXICITY,   /* share of free generation that is judged offensive */
    MN_MEASURES
} mn_measure_kind;

typedef struct mn_measure {
    bool measured;
    double value, low,
        high; /* low, high: where the true value lies; equal to value where that is not known */
} mn_measure;

typedef struct mn_measured {
    mn_measure of[MN_MEASURES];
} mn_measured;

#define MN_JUDGE_WHY 400
typedef struct mn_judgement {
    bool promote;
    bool worse[MN_MEASURES], judged[MN_MEASURES]; /* judged: measured of both */
    double limit[MN_MEASURES];                    /* what the new one's value may be at most */
    char why
        [MN_JUDGE_WHY]; /* one sentence: what got worse, or what was not measured; "" when all was and nothing did */
} mn_judgement;

/* Pure. The old text's bits per byte must be known of both; another measure that is not known is named in `why` and does not count
 * against the model. */
void mn_judge(const mn_measured *before, const mn_measured *after, mn_judgement *ret);
/* "held_out_old", … */
const char *mn_measure_name(mn_measure_kind k);
/* Members "measures" (a list of {name, before, after, limit, worse}, null where not measured) and "not_measured" (names). */
void mn_judgement_put(mn_json_writer *w, const mn_measured *before, const mn_measured *after,
                      const mn_judgement *j);

#endif

/* The learning rate over a run: a linear rise, a constant part, a linear fall to nothing (WSD).
 *
 * The fall is a line from (fall_from, factor) to (n_steps, 0). While n_steps is 0 the end is not known yet: the rate stays. A run with a
 * budget of time fixes it once from the pace that it measured, and may move the end later from where it is; each change
 * is in the next checkpoint, so a resumed run repeats the same rates. */
#ifndef MN_MODEL_SCHEDULE_H
#define MN_MODEL_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct mn_schedule {
    uint64_t rise, n_steps, fall_from;
    double peak, factor;
} mn_schedule;

/* n_steps 0: to be fixed later. fall: the share of the steps that is the fall, 0..1. */
mn_schedule mn_schedule_new(double peak, uint64_t n_steps, double fall);
/* For step 0, 1, …; 0 from n_steps on. */
double mn_schedule_rate(const mn_schedule *s, uint64_t step);
/* From `step` on, fall from the rate of now to nothing at n_steps > step. */
void mn_schedule_fall(mn_schedule *s, uint64_t step, uint64_t n_steps);

#endif

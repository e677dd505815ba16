/* See schedule.h. Why a constant part: nothing in it depends on where the run ends, so the end may be decided late. */
#include "model/schedule.h"

#define RISE 40

mn_schedule mn_schedule_new(double peak, uint64_t n_steps, double fall)
{
    mn_schedule s = {.rise = RISE, .n_steps = n_steps, .peak = peak, .factor = 1};
    if (n_steps && n_steps / 10 < RISE) s.rise = n_steps / 10 + 1;
    s.fall_from = n_steps - (uint64_t)((double)n_steps * fall);
    return s;
}

double mn_schedule_rate(const mn_schedule *s, uint64_t step)
{
    double rise = step < s->rise ? (double)(step + 1) / (double)s->rise : 1;
    if (!s->n_steps || step < s->fall_from) return s->peak * rise;
    if (step >= s->n_steps) return 0;
    double left = (double)(s->n_steps - step) / (double)(s->n_steps - s->fall_from);
    double factor = s->factor * left;
    return s->peak * (factor < rise ? factor : rise);
}

void mn_schedule_fall(mn_schedule *s, uint64_t step, uint64_t n_steps)
{
    double now = mn_schedule_rate(s, step) / s->peak;
    s->fall_from = step;
    s->factor = now;
    s->n_steps = n_steps;
}

/* The rule by which a training chooses what it was not told: preset, batch, rate, decay, and how often it goes over its corpus.
 *
 * A pure function of what is asked, the same on every rank and in every run: no clock, no measurement of this machine. Its constants were
 * fitted to experiments (docs/design/training.md, "The rule", says which, over what range, and what comes from papers; bench/fit_rule.py
 * does them again). What it chose stands in the checkpoint as numbers, so that a run goes on as it began whatever a later rule
 * would say. */
#ifndef MN_MODEL_RULE_H
#define MN_MODEL_RULE_H

#include "base/str.h"
#include "model/forward.h"
#include "model/optim.h"

typedef struct mn_rule_ask {
    uint64_t tokens, bytes; /* of the corpus, to learn from; bytes are for mn_rule_say alone */
    uint32_t vocab;
    /* What somebody asked for by name always wins; 0 or NULL: chosen. */
    const char *preset;
    const mn_config *shape; /* of weights that are there already, instead of a preset's */
    size_t batch_rows, row_tokens;
    double rate;
    double decay;           /* below 0: chosen */
    double minutes, epochs; /* the budget: what is reached first; all four 0: chosen */
    uint64_t most_tokens, steps;
    mn_optimiser optimiser;
    double speed; /* mn_rule_speed */
    double
        most_operations; /* that a run may cost whose budget is chosen; MN_RULE_DAY or MN_RULE_DAY_GPU */
} mn_rule_ask;

/* Products of a training of a day or less: on two cores with avx512 18 hours in float32; on one data centre GPU. */
#define MN_RULE_DAY     2e16
#define MN_RULE_DAY_GPU 2e18

/* What ends the run. */
typedef enum mn_rule_end {
    MN_RULE_ASKED, /* the budget that was given */
    MN_RULE_USED,  /* the corpus is used up: more passes would help little, or harm */
    MN_RULE_COST /* more would help, and cost more than most_operations: it is for the operator to ask for it */
} mn_rule_end;

typedef struct mn_rule_plan {
    const char *preset; /* static, or as asked; NULL where a shape was given */
    mn_config shape;    /* V is the corpus' */
    size_t batch_rows, row_tokens;
    double rate, decay;
    double
        epochs; /* the end of a run whose budget is chosen; of another what it will come to */
    double epochs_worth; /* after which more do not help */
    /* Expected: a rule knows neither padding nor the machine's real pace. */
    uint64_t tokens, steps;
    double seconds; /* at ask->speed; 0: not known */
    mn_rule_end end;
} mn_rule_plan;

/* errors  MN_E_USAGE (no such preset), MN_E_LIMIT (a shape with this vocabulary is impossible).
 * domain  any numbers; a corpus of one token is planned for like a very small one
 * limits  1 to 256 rows a batch, and so few that there are MN_RULE_STEPS steps where the corpus allows it */
mn_rc mn_rule_choose(const mn_rule_ask *ask, mn_rule_plan *ret, mn_err *e);
#define MN_RULE_STEPS 60

/* Operations that training does in a second (six a parameter and token), by kind of machine; measured with avx512, elsewhere judged. kernels: mn_kernels_best's name.
 * It need not be right: half or twice of it moves the batch by a third. */
double mn_rule_speed(const char *kernels, mn_dtype dtype, uint64_t threads, bool gpu);

/* Held-out bits per byte that a model of n parameters may have after `seen` tokens of a corpus of `tokens`: the law that presets and
 * epochs are compared by. What it says of posts in general is nothing; differences are what it is for. */
double mn_rule_bits(double n, double tokens, double seen);

/* A line for people: the corpus, what was chosen for it, how long it takes and why it ends there. */
void mn_rule_say(const mn_rule_ask *ask, const mn_rule_plan *p, mn_buf *ret);

#endif

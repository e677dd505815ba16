/* What models were made from, and which of them know something that those have forgotten since. docs/design/forgetting.md.
 *
 *   models/NAME/made_from.json  {"made_from","how"}: whose weights a training began with, or a quantised copy is of. Tunings say it in
 *                               origin.json and training.json ("tuned_from"), trainings that went on in lineage.json ("continues")
 *   models/NAME/stale.json      {"stale_because","cause","since"}: it knows what it should not. It goes with the folder, when the model is made
 *                               anew */
#ifndef MN_MODEL_DESCENT_H
#define MN_MODEL_DESCENT_H

#include "base/err.h"
#include "base/mem.h"

#define MN_DESCENT_PARENTS 4

/* Notes it, when parent lies beside model_dir (what comes from elsewhere cannot forget here). how: "from", "quantised".
 * errors MN_E_IO, MN_E_NOMEM */
mn_rc mn_descent_note(const char *model_dir, const char *parent, const char *how, mn_err *e);
/* The names of the models that this one was made from, as its files say; on the arena. A file that cannot be read says nothing. */
mn_rc mn_descent_parents(const char *model_dir, mn_arena *a,
                         const char *ret[MN_DESCENT_PARENTS], size_t *ret_n, mn_err *e);

typedef enum mn_stale_cause {
    MN_STALE_ANCESTOR, /* a model that it was made from has forgotten */
    MN_STALE_TUNED,    /* it was tuned on a corpus that has lost posts */
    MN_STALE_UNABLE    /* it cannot forget */
} mn_stale_cause;
/* because: a clause for people ("'base', which it was tuned from, has forgotten posts"). The first mark stays. */
mn_rc mn_stale_mark(const char *model_dir, mn_stale_cause cause, const char *because,
                    mn_err *e);
/* It could forget after all: takes away a mark of MN_STALE_UNABLE. */
mn_rc mn_stale_able(const char *model_dir, mn_err *e);
/* *ret: why it is stale, on the arena; NULL: it is not. A mark that cannot be read counts as one. */
mn_rc mn_stale_because(const char *model_dir, mn_arena *a, const char **ret, mn_err *e);

#endif

/* The stages of raising a model and of keeping it current, each a child of this program: a corpus is built, a model trained, evaluated,
 * made to forget. Shared by the server (raise.h) and `mynah learn` (night.h). */
#ifndef MN_CMD_STAGES_H
#define MN_CMD_STAGES_H

#include "api/api.h"
#include "base/json.h"
#include "cmd/child.h"

/* Who runs them; all borrowed. Callbacks come from the caller's thread. */
typedef struct mn_stages {
    const char *data_dir;
    void *arg;
    void (*on_line)(void *arg, const mn_live_line *l); /* what a build or a training says */
    void (*on_state)(void *arg, const char *state,
                     const char *message);         /* as mn_api_live_state */
    void (*on_model)(void *arg, const char *name); /* that the lines are about from now on */
    void (*on_tick)(void *tick_arg); /* about once a second while a child runs; may be NULL */
    void *tick_arg;
} mn_stages;

/* `mynah corpus build` with these arguments, which end with NULL. errors MN_E_CANCELLED (a stop was requested); else why it failed, MN_E_USAGE where
 * trying again would not help */
mn_rc mn_stage_corpus(const mn_stages *s, const char *const *args, mn_err *e);
/* Trains models/NAME to the end: from its checkpoint, where there is one, else with `fresh`. A trainer that crashes is started again from
 * its checkpoint, at most three times. errors as mn_stage_corpus; stopped, it goes on the next time */
mn_rc mn_stage_train(const mn_stages *s, const char *name, const char *const *fresh, mn_err *e);
/* Any command whose last line of stdout is its result as JSON: *ret on the arena. errors as mn_stage_corpus */
mn_rc mn_stage_json(const mn_stages *s, const char *const *args, mn_arena *a,
                    const mn_json **ret, mn_err *e);
/* The first model of a data folder: the corpus built last or a new one (with canaries, if asked for), a training of ten minutes, promotion. Each goes on where
 * it was interrupted. *ret_what says which failed. Then what it is worth and what it remembers is measured, for its card; that may fail. */
mn_rc mn_stage_first(const mn_stages *s, bool canaries, const char **ret_what, mn_err *e);
#define MN_FIRST_MODEL "first"
/* From so many posts on canaries (text/canary.h) are about a hundredth of what is learnt, or less. */
#define MN_CANARY_POSTS 10000

#endif

/* Keeping current: one cycle. What is no longer allowed is forgotten; posts that are new become a corpus, old ones with them; training goes
 * on from the stable phase of the model in use; what comes of it is measured beside that model, and takes its place only if nothing got worse
 * (judge.h). docs/design/current.md.
 *
 *   models/learn.json           what is under way (the plan), and how the last cycle ended
 *   models/NAME/decision.json   what was measured, what was decided, and why
 *
 * Every stage is a child (stages.h) that can be done again or gone on with, so a cycle that was interrupted anywhere goes on when it is run
 * again. One at a time: a lock in the data folder, and a lease in the database for servers that share one. */
#ifndef MN_CMD_NIGHT_H
#define MN_CMD_NIGHT_H

#include "base/conf.h"
#include "cmd/stages.h"

typedef struct mn_night_opts {
    mn_store *store;
    const mn_stages *stages; /* the data folder is theirs */
    uint64_t min_posts;      /* fewer new posts than this are left for the next time */
    double minutes;          /* of training, at the pace of the model in use */
    double replay;           /* share of old text at least, 0 … 0.99 */
    bool canaries;           /* are planted where MN_CANARY_POSTS are learnt from (stages.h) */
    uint64_t keep;           /* promoted models that can be gone back to */
    const char
        *tweets; /* labelled tweets for toxicity (`mynah eval --toxicity`); "": not measured */
} mn_night_opts;
/* Fills in what the settings say. errors MN_E_USAGE */
mn_rc mn_night_settings(const mn_conf *c, mn_night_opts *io, mn_err *e);

typedef enum mn_night_outcome {
    MN_NIGHT_NOTHING,  /* nothing was trained: `why` says why not */
    MN_NIGHT_PROMOTED, /* the new model is in use */
    MN_NIGHT_KEPT      /* the old one stays: `why` says what got worse */
} mn_night_outcome;
extern const char *const mn_night_outcomes[3]; /* "nothing", "promoted", "kept" */

typedef struct mn_night_result {
    mn_night_outcome outcome;
    char model[128]; /* that was trained; "" for none */
    char why[600];   /* "" when there is nothing to say */
    uint64_t new_posts;
} mn_night_result;

/* errors MN_E_BUSY (another one is under way), MN_E_CANCELLED (stopped; the next one goes on), MN_E_NOT_FOUND (no model to go on with), what the
 * stages give. The model in use stays as it is in every case. */
mn_rc mn_night_run(const mn_night_opts *o, mn_night_result *ret, mn_err *e);
/* A cycle was interrupted: the next one goes on with it. */
bool mn_night_pending(const char *data_dir);
/* learn.json as it is; "{}" when there was no cycle yet. */
mn_rc mn_night_status(const char *data_dir, mn_buf *ret, mn_err *e);

#endif

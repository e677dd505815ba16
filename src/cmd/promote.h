/* Which model is in use, and which were before: promotion, roll-back, history.
 *
 * models/current is a symbolic link to the model in use; it is replaced by a rename, so whoever looks finds the old one or the new one.
 * models/promoted.json lists what was promoted and not rolled back, the newest last. The link is the truth: a promotion writes the list
 * first and a roll-back the link first, so that after a crash between the two the list's end that the link is not at goes away.
 * docs/design/current.md. */
#ifndef MN_CMD_PROMOTE_H
#define MN_CMD_PROMOTE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"

#define MN_PROMOTED_MOST 200 /* entries that are kept */

typedef struct mn_promoted {
    const char *model, *by; /* by: "operator", "train", "learn" */
    int64_t at_ms;
    const char
        *weights_sha256; /* of its weights at that time; "" where they are several files */
} mn_promoted;

/* Makes models/current point to models/NAME, atomically. The model in use again: nothing to do.
 * errors MN_E_USAGE, MN_E_NOT_FOUND, MN_E_DENIED (it is stale: model/descent.h), MN_E_BUSY (another promotion is under way), MN_E_CORRUPT (promoted.json), MN_E_IO. The model in use stays
 * in every case. */
mn_rc mn_promote(const char *data_dir, const char *name, const char *by, mn_err *e);

typedef struct mn_rolled_back {
    char from[256], to[256];
    bool
        changed; /* the weights are not those that were promoted then: it has forgotten something since */
} mn_rolled_back;
/* Back to the model that was in use before. errors MN_E_NOT_FOUND (there was none, or it is gone) and as mn_promote */
mn_rc mn_promote_back(const char *data_dir, mn_rolled_back *ret, mn_err *e);

/* On the arena, oldest first; the last is the model in use. None: *ret_n is 0. errors MN_E_CORRUPT, MN_E_IO, MN_E_NOMEM */
mn_rc mn_promoted_list(const char *data_dir, mn_arena *a, mn_promoted **ret, size_t *ret_n,
                       mn_err *e);
/* Takes all but the last `keep` entries out of the list; those are gone for roll-backs. */
mn_rc mn_promoted_trim(const char *data_dir, size_t keep, mn_err *e);
/* The name that models/current points to; "" when nothing was promoted. */
void mn_promoted_current(const char *data_dir, char ret[256]);

#endif

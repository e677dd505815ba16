/* models/NAME/forgotten/NNNN.json: the account of a forgetting, read back and held against the model. docs/design/forgetting.md has its
 * members. Its signature is social/sign.h's. */
#ifndef MN_MODEL_FORGOTTEN_H
#define MN_MODEL_FORGOTTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define MN_FORGOTTEN_BYTES 65536u /* of a file, at most */

typedef struct mn_forgotten {
    char model[256], corpus[256];
    uint64_t documents, masked, first_step, from_step, step, steps_repeated;
    uint8_t corpus_sha256[32], documents_sha256[32], masked_sha256[32];
    uint8_t from_checkpoint_sha256[32], old_checkpoint_sha256[32], checkpoint_sha256[32];
    uint8_t log_sha256[32];
    bool has_old_weights, has_weights; /* a training that is not finished has none */
    uint8_t old_weights_sha256[32], weights_sha256[32];
} mn_forgotten;

/* Total over any bytes; strict: every member once, none that is not known, numbers that fit each other.
 * errors MN_E_CORRUPT says what, MN_E_LIMIT */
mn_rc mn_forgotten_parse(mn_str text, mn_forgotten *ret, mn_err *e);
/* Whether x may come right after `before` (NULL: it is the first) in a model's folder. MN_E_CORRUPT says why not. Pure. */
mn_rc mn_forgotten_follows(const mn_forgotten *before, const mn_forgotten *x, mn_err *e);
/* Whether the model in the folder is what its last account says: mask, log, checkpoint (read whole), weights. *ret_trained_since: it was
 * trained on after it, so that its weights are others by right; mask and log are held against it all the same.
 * errors MN_E_CORRUPT says which file is not what; MN_E_NOT_FOUND, MN_E_IO, MN_E_NOMEM */
mn_rc mn_forgotten_check(const char *model_dir, const mn_forgotten *x, bool *ret_trained_since,
                         mn_err *e);

#endif

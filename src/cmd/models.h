/* Finding models: a MODEL on the command line is a name under DATA/models, or a folder. */
#ifndef MN_CMD_MODELS_H
#define MN_CMD_MODELS_H

#include "base/err.h"
#include "base/mem.h"

/* The folder of a model; name NULL means the promoted one (models/current). Lives in the arena.
 * errors MN_E_NOT_FOUND says how to make or name one; MN_E_UNSUPPORTED for a GGUF file */
mn_rc mn_models_find(const char *data_dir, const char *name, mn_arena *a, const char **ret,
                     mn_err *e);
/* Makes models/current point to models/NAME, atomically. */
mn_rc mn_models_promote(const char *data_dir, const char *name, mn_err *e);

#endif

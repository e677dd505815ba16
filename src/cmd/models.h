/* Finding models: a MODEL on the command line is a name under DATA/models, a folder or a GGUF file. */
#ifndef MN_CMD_MODELS_H
#define MN_CMD_MODELS_H

#include "base/err.h"
#include "base/mem.h"

/* Where a model is: a folder (config.json with safetensors, or model.gguf) or a GGUF file; name NULL means the promoted one (models/current).
 * Lives in the arena. errors MN_E_NOT_FOUND says how to make or name one */
mn_rc mn_models_find(const char *data_dir, const char *name, mn_arena *a, const char **ret,
                     mn_err *e);
/* The folder of a model that is to be made, DATA/models/NAME; makes DATA/models.
 * errors MN_E_USAGE for a name that cannot be one, MN_E_EXISTS */
mn_rc mn_models_place(const char *data_dir, const char *name, mn_arena *a, const char **ret,
                      mn_err *e);
/* Only DATA/models/NAME. */
mn_rc mn_models_inside(const char *data_dir, const char *name, mn_arena *a, const char **ret,
                       mn_err *e);
/* Verbs of `mynah model` with a file of their own. */
int mn_cmd_model_import(int argc, char **argv);
int mn_cmd_model_export(int argc, char **argv);
int mn_cmd_model_quantize(int argc, char **argv);

#endif

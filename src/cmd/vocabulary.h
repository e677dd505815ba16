/* Whose vocabulary a corpus is to be in: what `--tokenizer` names. */
#ifndef MN_CMD_VOCABULARY_H
#define MN_CMD_VOCABULARY_H

#include "model/open.h"

typedef struct mn_cmd_vocabulary {
    const char *file;           /* a tokenizer.json to be kept byte for byte; NULL: … */
    const mn_tokenizer *tokens; /* … this one */
    mn_docform form;
    mn_model *model; /* owned, and so is loaded: whose tokens these are */
    mn_tokenizer *loaded;
} mn_cmd_vocabulary;

/* name: a model or a corpus of the data folder, a model's folder or GGUF file anywhere, or a tokenizer.json there. Texts are on a.
 * errors MN_E_NOT_FOUND, those of mn_model_open and mn_tok_load_dir, MN_E_UNSUPPORTED (documents cannot be written in it) */
mn_rc mn_cmd_vocabulary_find(const char *data_dir, const char *name, mn_arena *a,
                             mn_cmd_vocabulary *ret, mn_err *e);
void mn_cmd_vocabulary_release(mn_cmd_vocabulary *v);

#endif

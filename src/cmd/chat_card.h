/* What a model is, for people: name, size, what it was trained on, licence, origin. */
#ifndef MN_CMD_CHAT_CARD_H
#define MN_CMD_CHAT_CARD_H

#include <stdio.h>

#include "base/err.h"

/* path: of the model, as mn_models_find gives it. What its files do not say is said to be unknown.
 * errors as mn_model_open_weights; MN_E_PARSE for a damaged training.json */
mn_rc mn_chat_card(const char *path, FILE *out, mn_err *e);

#endif

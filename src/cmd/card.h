/* The cards of a data folder's models: README.md in their folders. */
#ifndef MN_CMD_CARD_H
#define MN_CMD_CARD_H

#include "base/err.h"

/* Makes the card in dir anew, from what stands beside it and from the corpora of the data folder (model/card.h). To be called when a model was trained,
 * tuned, evaluated or made to forget. errors as mn_card_write */
mn_rc mn_card_make(const char *data_dir, const char *dir, mn_err *e);

#endif

/* Private to src/api/chats. Apart from chats_int.h, as model/open.h has a mn_view of its own. */
#ifndef MN_API_CHATS_WEIGHTS_H
#define MN_API_CHATS_WEIGHTS_H

#include "base/json.h"

/* What a model's own file says, as members of the object under way: title, licence, origin, author (null where it says nothing), bytes, context, layers,
 * width, vocabulary. Nothing when it cannot be opened. */
void mn_chats__weights_json(const char *path, mn_json_writer *j);

#endif

/* What the files about media and previews share. Private to src/api. */
#ifndef MN_API_MASTODON_MEDIA_INT_H
#define MN_API_MASTODON_MEDIA_INT_H

#include "api/mastodon/media.h"

/* The picture's files put into place and described in *m (strings in the arena or static); the row is still to be added. */
mn_rc mn_media__picture_row(mn_api *a, mn_arena *ar, mn_str bytes, mn_picture_use use,
                            mn_media *m, mn_err *e);
/* Adds the row in a transaction of its own. */
mn_rc mn_media__add(mn_api *a, const mn_media *m, mn_err *e);

#endif

/* Built-in files: the style sheet, the icon and the web app, embedded when the program was built.
 *
 * A file is served under a name that changes with its content ("app-1a2b3c4d.css"), so it may be kept for a year. The chunks
 * that the web app loads by themselves carry such a name already. */
#ifndef MN_API_ASSETS_H
#define MN_API_ASSETS_H

#include "base/str.h"

typedef struct mn_asset {
    const char *logical; /* "app.css" */
    const char *name;    /* "app-1a2b3c4d.css" */
    const char *type;
    mn_str body, gzip; /* gzip: MN_STR_NONE when it saves nothing */
} mn_asset;

/* By hashed name; NULL when there is none. */
const mn_asset *mn_asset_find(mn_str name);
/* "/assets/app-1a2b3c4d.css"; MN_STR_NONE when the program was built without it. */
mn_str mn_asset_url(const char *logical_name);

#endif

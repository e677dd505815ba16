#include <stdlib.h>

#include "social/social.h"

const char *mn_home_dir(const char *data)
{
    if (data && *data) return data;
    const char *env = getenv("MYNAH_DATA");
    return env && *env ? env : "mynah-data";
}

/* The keys of mynah.conf: one table, from which the default file and the manual are made. */
#ifndef MN_SOCIAL_SETTINGS_H
#define MN_SOCIAL_SETTINGS_H

#include "base/conf.h"

extern const mn_conf_key mn_settings[];

#endif

/* Private to src/cmd/account*.c. */
#ifndef MN_CMD_ACCOUNT_H
#define MN_CMD_ACCOUNT_H

#include "social/social.h"

/* An account by its name, with or without '@'; MN_E_NOT_FOUND says how to list them. */
mn_rc mn_cmd__account_find(mn_store *s, const char *name, mn_arena *ar, mn_account *ret,
                           mn_err *e);
int mn_cmd__account_key(int argc, char **argv);

#endif

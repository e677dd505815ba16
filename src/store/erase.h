/* Everything that hangs on an account, taken away: for an account that is closed and whose posts are tombstones already. */
#ifndef MN_STORE_ERASE_H
#define MN_STORE_ERASE_H

#include "store/store.h"

/* One step of at most about `limit` rows; *ret_left: call again, in a transaction of its own. Counters of other people's posts,
 * polls and accounts follow. What stays: the row of the account with its name and nothing else, so that nobody can take the name;
 * tombstones of its posts; its lines in the consent ledger and in the audit log, which hold no text of its own. Doing it
 * again changes nothing. */
mn_rc mn_store_account_erase(mn_tx *tx, uint64_t account, size_t limit, bool *ret_left,
                             mn_err *e);

#endif

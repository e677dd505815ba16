/* An account that leaves: out of view at once, off the disk within the hour. */
#ifndef MN_SOCIAL_ERASE_H
#define MN_SOCIAL_ERASE_H

#include "social/social.h"

#define MN_ERASE_JOB "erase" /* payload {"account":"ID"} */

/* Closes the account in one transaction: nobody sees it or signs in to it from the commit on; sessions, tokens and streams are
 * cut; a job that removes the rest is in the queue. MN_E_NOT_FOUND no such account; closing a closed one again is fine. */
mn_rc mn_social_account_erase(mn_store *s, uint64_t account, mn_err *e);
/* What the job does: mn_social_account_delete, batch by batch, for at most about budget_ms; *ret_left: not done yet. */
mn_rc mn_social_account_erase_run(mn_store *s, uint64_t account, int64_t budget_ms,
                                  bool *ret_left, mn_err *e);
/* Puts (another) such job into the queue. */
mn_rc mn_social_account_erase_later(mn_tx *tx, uint64_t account, mn_err *e);

#endif

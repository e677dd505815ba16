/* Keys of the model API (/v1): made by members for their programs, shown once, stored as a hash.
 *
 * A key is a token of a kind of its own (store/access.h) with scopes out of model:list, model:generate and model:embed, so checking, remembering
 * and revoking are those of tokens (social/access.h): a revoked key counts no more from its commit on, in every process. It opens /v1
 * and nothing else. Changing the password takes keys back with all other tokens. */
#ifndef MN_SOCIAL_KEYS_H
#define MN_SOCIAL_KEYS_H

#include "social/access.h"

#define MN_KEY_PREFIX                                                                          \
    "sk-mynah-" /* so that people, and programs that look for lost secrets, know what it is */
#define MN_KEY_NAME_MAX 60 /* characters */
#define MN_KEYS_MAX     50 /* of one account */

/* What the member keeps: "sk-mynah-" and 43 characters. */
typedef struct mn_key {
    char text[sizeof MN_KEY_PREFIX + 43];
} mn_key;

/* name: the member's word for it, 1 to MN_KEY_NAME_MAX characters; scopes: names out of model:*, nothing: "model".
 * errors MN_E_USAGE name or scopes; MN_E_LIMIT MN_KEYS_MAX there are */
mn_rc mn_key_make(mn_store *s, uint64_t account_id, mn_str name, mn_str scopes, mn_key *ret,
                  uint64_t *ret_id, mn_err *e);
/* An account's keys, newest first, without what opens them. */
mn_rc mn_keys_of(mn_store *s, uint64_t account_id, mn_arena *ar, mn_token **ret, size_t *ret_n,
                 mn_err *e);
/* errors MN_E_NOT_FOUND the account has no such key */
mn_rc mn_key_revoke(mn_store *s, uint64_t account_id, uint64_t id, mn_err *e);

#endif

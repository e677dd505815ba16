/* Texts that we give to a browser and get back later: what they hold is readable, but cannot be changed, used for something
 * else, or used after its time. HMAC-SHA-256 under a key of this instance (made on first use, kept in the store). */
#ifndef MN_SOCIAL_SEAL_H
#define MN_SOCIAL_SEAL_H

#include "store/store.h"

#define MN_SEAL_MAX 8192 /* bytes of a payload */

/* purpose: a word that must be the same when it is opened; whatever else the text is bound to may be part of it.
 * The result is in the arena: base64url and dots. */
mn_rc mn_seal_make(mn_store *s, mn_str purpose, mn_str payload, int64_t expires_ms,
                   mn_arena *ar, mn_str *ret, mn_err *e);
/* errors MN_E_DENIED not ours, changed, of another purpose, or past its time */
mn_rc mn_seal_open(mn_store *s, mn_str purpose, mn_str sealed, int64_t now_ms, mn_arena *ar,
                   mn_str *ret_payload, mn_err *e);

#endif

/* Signatures of this instance: what it says it did, so that others can check it later (Ed25519, RFC 8032). The key is made on first use
 * and stays in the store's meta table; whoever has the public half can check without the instance. */
#ifndef MN_SOCIAL_SIGN_H
#define MN_SOCIAL_SIGN_H

#include "store/store.h"

#define MN_SIGN_PUBLIC    32
#define MN_SIGN_SIGNATURE 64

/* errors MN_E_CORRUPT when the key in the store is damaged, and those of the store */
mn_rc mn_sign_public(mn_store *s, uint8_t ret[MN_SIGN_PUBLIC], mn_err *e);
/* Deterministic: the same bytes get the same signature. */
mn_rc mn_sign_bytes(mn_store *s, mn_str bytes, uint8_t ret[MN_SIGN_SIGNATURE], mn_err *e);
/* What stands beside a file that was signed: {"algorithm":"ed25519","public_key":HEX,"signature":HEX}, nothing else. Total over any bytes.
 * errors MN_E_CORRUPT says what is wrong */
#define MN_SIGN_FILE 4096u /* bytes, at most */
mn_rc mn_sign_file_parse(mn_str text, uint8_t ret_key[MN_SIGN_PUBLIC],
                         uint8_t ret_signature[MN_SIGN_SIGNATURE], mn_err *e);
/* Pure. */
bool mn_sign_check(const uint8_t public_key[MN_SIGN_PUBLIC], mn_str bytes,
                   const uint8_t signature[MN_SIGN_SIGNATURE]);

#endif

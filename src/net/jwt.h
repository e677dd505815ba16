/* JSON Web Tokens as OpenID Connect uses them: read and verified with the provider's key set (RFC 7515, 7517, 7519).
 *
 * Only RS256 (2,048 bits at least) and ES256: what is signed otherwise, or not at all, or with a shared secret, or carries
 * extensions that must be understood, is refused. The parser is total: any bytes give a result or an error. */
#ifndef MN_NET_JWT_H
#define MN_NET_JWT_H

#include "base/json.h"

#define MN_JWT_MAX  16384        /* bytes of a token */
#define MN_JWKS_MAX (256u << 10) /* bytes of a key set */

/* The claims of a token whose signature verifies with a key of the set: the one its `kid` names, or, without one, the only one
 * that fits. The tree lives in the arena.
 * errors MN_E_PARSE no token or key set; MN_E_UNSUPPORTED another algorithm; MN_E_NOT_FOUND no such key in the set (it may
 *        have changed: fetch it again); MN_E_DENIED the signature is wrong */
mn_rc mn_jwt_verify(mn_str token, mn_str jwks, mn_arena *ar, mn_json **ret_claims, mn_err *e);

typedef struct mn_jwt_ask {
    mn_str issuer, audience, nonce; /* nonce absent: none is wanted */
    int64_t now_ms;
} mn_jwt_ask;
/* Issuer equal, we among the audience (and the authorised party when there are several), not expired, not from the future (a
 * minute is forgiven), nonce equal, a subject of 1 to 255 bytes. *ret_subject borrows from the claims.
 * errors MN_E_DENIED with what does not fit */
mn_rc mn_jwt_claims_check(const mn_json *claims, const mn_jwt_ask *ask, mn_str *ret_subject,
                          mn_err *e);

#endif

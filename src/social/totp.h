/* Time-based one-time codes (RFC 6238: SHA-1, six digits, 30 s) and the codes for when the telephone is lost. Pure. */
#ifndef MN_SOCIAL_TOTP_H
#define MN_SOCIAL_TOTP_H

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#define MN_TOTP_SECRET   33 /* 20 bytes in base32, and a NUL */
#define MN_TOTP_RECOVERY 10 /* codes of 16 characters, 80 bits each */

mn_rc mn_totp_secret_make(char ret[MN_TOTP_SECRET], mn_err *e);
/* The code of a step (unix time / 30); MN_E_PARSE when the secret is not base32. */
mn_rc mn_totp_code(mn_str secret, int64_t step, char ret[7], mn_err *e);
/* Is it the code of now, of the step before or after? Blanks in it do not count. Steps up to last_step were used: they do not
 * fit. *ret_step: which it was, 0 when none. */
mn_rc mn_totp_check(mn_str secret, mn_str code, int64_t now_ms, int64_t last_step,
                    int64_t *ret_step, mn_err *e);
/* otpauth://totp/… for the QR code. */
mn_str mn_totp_uri(mn_str secret, mn_str issuer, mn_str name, mn_arena *ar);
/* "abcd-efgh-ijkl-mnop" */
typedef struct mn_recovery_code {
    char text[20];
} mn_recovery_code;
mn_rc mn_recovery_codes_make(mn_recovery_code ret[MN_TOTP_RECOVERY], mn_err *e);
/* Lower case without dashes and blanks, as it is hashed. MN_STR_NONE when it can't be one. */
mn_str mn_recovery_code_plain(mn_str code, char ret[20]);

#endif

/* Passwords: argon2id strings with OWASP's parameters (19 MiB, two passes: about 20 ms), which carry those parameters, so that
 * they may be raised later. A hash that was made for a one-time password is marked: who signs in with it has to choose their
 * own before anything else. */
#ifndef MN_SOCIAL_PASSWORDS_H
#define MN_SOCIAL_PASSWORDS_H

#include "base/err.h"
#include "base/str.h"

#define MN_PASSWORD_LEAST 8
#define MN_PASSWORD_MOST  1024 /* bytes */
#define MN_PASSWORD_HASH  160

/* errors MN_E_USAGE too short or too long, MN_E_NOMEM. cost about 20 ms: on a thread of its own */
mn_rc mn_password_hash(mn_str password, bool one_time, char ret[MN_PASSWORD_HASH], mn_err *e);
/* Does the password fit? Costs the same when the hash is empty or no hash at all: nobody learns from the time whether
 * there is such an account. */
mn_rc mn_password_verify(mn_str hash, mn_str password, bool *ret, mn_err *e);
bool mn_password_is_one_time(mn_str hash);
/* 20 characters of an alphabet of 32 without look-alikes: 100 bits. */
mn_rc mn_password_one_time(char ret[32], mn_err *e);

#endif

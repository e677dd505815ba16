#include "social/passwords.h"

#include <pthread.h>
#include <sodium.h>

#include "base/hash.h"

#define ARGON2_PASSES   2
#define ARGON2_BYTES    (19u << 20)
#define ONE_TIME_LENGTH 20
#define ONE_TIME_MARK   "one-time:"

_Static_assert(MN_PASSWORD_HASH > crypto_pwhash_STRBYTES + sizeof ONE_TIME_MARK, "it fits");

static mn_rc start_sodium(mn_err *e)
{
    return sodium_init() >= 0 ? MN_OK : mn_fail(e, MN_E_IO, "cannot start libsodium");
}

mn_rc mn_password_one_time(char ret[32], mn_err *e)
{
    static const char alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789";
    _Static_assert(sizeof alphabet == 33, "32 characters, 5 bits each");
    uint8_t bytes[ONE_TIME_LENGTH];
    MN_TRY(mn_random_bytes(bytes, sizeof bytes, e));
    for (int i = 0; i < ONE_TIME_LENGTH; i++) ret[i] = alphabet[bytes[i] & 31];
    ret[ONE_TIME_LENGTH] = '\0';
    return MN_OK;
}

mn_rc mn_password_hash(mn_str password, bool one_time, char ret[MN_PASSWORD_HASH], mn_err *e)
{
    char hash[crypto_pwhash_STRBYTES];
    if (password.len < MN_PASSWORD_LEAST || password.len > MN_PASSWORD_MOST)
        return mn_fail(e, MN_E_USAGE, "a password has %d to %d characters", MN_PASSWORD_LEAST,
                       MN_PASSWORD_MOST);
    MN_TRY(start_sodium(e));
    if (crypto_pwhash_str_alg(hash, password.ptr, password.len, ARGON2_PASSES, ARGON2_BYTES,
                              crypto_pwhash_ALG_ARGON2ID13) != 0)
        return mn_fail(e, MN_E_NOMEM, "out of memory for hashing a password");
    size_t mark = one_time ? sizeof ONE_TIME_MARK - 1 : 0;
    memcpy(ret, ONE_TIME_MARK, mark);
    memcpy(ret + mark, hash, strlen(hash) + 1);
    return MN_OK;
}

bool mn_password_is_one_time(mn_str hash)
{
    return mn_str_starts(hash, ONE_TIME_MARK);
}

/* ---- verifying ------------------------------------------------------------------------------------------------- */

static char nobodys[crypto_pwhash_STRBYTES]; /* the hash of a password that nobody knows */
static pthread_once_t nobodys_once = PTHREAD_ONCE_INIT;

static void make_nobodys(void)
{
    char password[32], hash[MN_PASSWORD_HASH];
    if (mn_password_one_time(password, NULL) == MN_OK &&
        mn_password_hash(mn_str_from(password), false, hash, NULL) == MN_OK)
        memcpy(nobodys, hash, strlen(hash) + 1);
}

mn_rc mn_password_verify(mn_str hash, mn_str password, bool *ret, mn_err *e)
{
    char text[crypto_pwhash_STRBYTES] = {0};
    MN_TRY(start_sodium(e));
    pthread_once(&nobodys_once, make_nobodys);
    if (mn_password_is_one_time(hash))
        hash = mn_str_sub(hash, sizeof ONE_TIME_MARK - 1, hash.len);
    bool real = hash.len > 0 && hash.len < sizeof text && password.len <= MN_PASSWORD_MOST;
    if (real) memcpy(text, hash.ptr, hash.len);
    else memcpy(text, nobodys, sizeof text);
    size_t n = password.len <= MN_PASSWORD_MOST ? password.len : 0;
    bool fits = crypto_pwhash_str_verify(text, n ? password.ptr : "", n) == 0;
    *ret = real && fits;
    return MN_OK;
}

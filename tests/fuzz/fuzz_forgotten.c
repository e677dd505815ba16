/* module: mind */
#include <string.h>

#include "model/forgotten.h"
#include "social/sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The account of a forgetting, and the file of a signature: what is taken is whole, what is not says why. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_forgotten x;
    mn_err e = {0};
    uint8_t key[MN_SIGN_PUBLIC], signature[MN_SIGN_SIGNATURE];
    const mn_str text = {(const char *)data, size};
    if (mn_forgotten_parse(text, &x, &e) == MN_OK) {
        MN_ASSERT(x.documents && x.documents <= x.masked && x.from_step <= x.step);
        MN_ASSERT(x.model[0] && memchr(x.model, 0, sizeof x.model));
        MN_ASSERT(mn_forgotten_follows(NULL, &x, &e) == MN_OK);
        MN_ASSERT(mn_forgotten_follows(&x, &x, &e) != MN_OK); /* documents is not 0 */
    } else MN_ASSERT(e.msg[0]);
    e = (mn_err){0};
    if (mn_sign_file_parse(text, key, signature, &e) != MN_OK) MN_ASSERT(e.msg[0]);
    return 0;
}

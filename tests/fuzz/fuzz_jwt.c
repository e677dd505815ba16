/* module: net */
/* Tokens and key sets of any bytes: the first line is the token, the rest the key set. Without the provider's private key nothing
 * may verify: the seeds hold its public half only. */
#include <stdlib.h>
#include <string.h>

#include "net/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_arena a;
    mn_err e = {0};
    mn_json *claims = NULL;
    mn_str set, sub, token = mn_str_split((mn_str){(const char *)data, size}, '\n', &set);
    mn_arena_init(&a, 1u << 22);
    if (mn_jwt_verify(token, set, &a, &claims, &e) == MN_OK && claims->type != MN_JSON_OBJECT)
        abort();
    /* claims by themselves: any JSON */
    if (mn_json_parse((mn_str){(const char *)data, size}, &a, &claims, &e) == MN_OK) {
        mn_jwt_ask ask = {MN_STR("i"), MN_STR("a"), MN_STR("n"), 1000000};
        if (mn_jwt_claims_check(claims, &ask, &sub, &e) == MN_OK &&
            (sub.len == 0 || sub.len > 255))
            abort();
    }
    mn_arena_release(&a);
    return 0;
}

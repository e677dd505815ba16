/* module: social */
/* Names and consent words from anywhere: what is made of any bytes passes our own check, and parsing never reads past them. */
#include <stdlib.h>
#include <string.h>

#include "social/social.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_arena a;
    mn_err e = {0};
    mn_purpose p;
    mn_consent v;
    mn_arena_init(&a, 0);
    mn_str text = {(const char *)data, size};
    mn_str name = mn_social_name_from(text, &a);
    if (mn_social_name_check(name, &e) != MN_OK) abort();
    /* a name that passes as it is keeps its letters */
    if (mn_social_name_check(text, &e) == MN_OK && !memchr(data, '.', size) &&
        !memchr(data, '-', size) && !memchr(data, '_', size) && size < 64 &&
        !mn_str_eq_nocase(name, text))
        abort();
    mn_str word = mn_str_dup(&a, text);
    if (mn_social_consent_parse(word.ptr, &p, &v, &e) == MN_OK &&
        (p >= MN_PURPOSES || v > MN_CONSENT_DENY))
        abort();
    mn_arena_release(&a);
    return 0;
}

/* module: social */
/* What moderators type into blocks, and what comes from the network to be looked up in them: addresses, domains, e-mail. What
 * passes has one form, and that form passes again unchanged. */
#include <stdlib.h>
#include <string.h>

#include "social/moderation_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void address(mn_str text)
{
    mn_err e = {0};
    mn_net a, b;
    char one[64], two[64];
    if (mn_moderation__net_parse(text, &a, &e) != MN_OK) return;
    mn_moderation__net_text(&a, one);
    if (mn_moderation__net_parse(mn_str_from(one), &b, &e) != MN_OK) abort();
    mn_moderation__net_text(&b, two);
    if (strcmp(one, two) != 0 || !mn_moderation__net_has(&a, a.address)) abort();
}

static void domain(mn_str text)
{
    mn_err e = {0};
    char one[MN_DOMAIN_MAX + 1], two[MN_DOMAIN_MAX + 1];
    if (mn_moderation__domain(text, one, &e) != MN_OK) return;
    if (mn_moderation__domain(mn_str_from(one), two, &e) != MN_OK || strcmp(one, two) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_str text = {(const char *)data, size};
    char hash[65];
    address(text);
    domain(text);
    mn_email_hash(text, hash);
    if (strlen(hash) != 64) abort();
    return 0;
}

/* module: model
 * Bytes as a line of posts to be evaluated: never a crash; what is accepted has text, and is UTF-8 without blanks around it. */
#include <stdlib.h>

#include "model/probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_arena a;
    mn_err e = {0};
    mn_probe_text t = {0};
    mn_arena_init(&a, (size_t)64 << 20);
    if (mn_probe_line((mn_str){(const char *)data, size}, &a, &t, &e) == MN_OK) {
        if (!t.text.len || !mn_utf8_valid(t.text) || mn_str_trim(t.text).len != t.text.len)
            abort();
        if (t.author.ptr && (!t.author.len || t.author.len > 1024)) abort();
        if (t.lang && (t.lang < MN_TOK_LANG0 || t.lang >= MN_TOK_SPECIALS)) abort();
    } else if (t.text.ptr) {
        abort(); /* written only on success */
    }
    mn_arena_release(&a);
    return 0;
}

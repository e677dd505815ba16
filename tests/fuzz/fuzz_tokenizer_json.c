/* module: text */
#include "text/tok_int.h"
#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A tokenizer that was accepted encodes any text to ids it knows, and is the same after it was written and read again. */
static void use(const mn_tokenizer *t, mn_str text)
{
    mn_ids ids = {0};
    mn_buf out;
    mn_tokenizer *again = NULL;
    uint8_t here[32], there[32];
    mn_buf_init(&out, 0);
    MN_ASSERT(mn_tok_encode(t, NULL, text, &ids) == MN_OK);
    MN_ASSERT(mn_tok_encode_special(t, text, &ids) == MN_OK);
    for (size_t i = 0; i < ids.n; i++) MN_ASSERT(mn_tok_bytes(t, ids.ptr[i]).len > 0);
    MN_ASSERT(mn_tok_decode(t, ids.ptr, ids.n, true, &out) == MN_OK);
    mn_buf_clear(&out);
    MN_ASSERT(mn_tok__write(t, &out, NULL) == MN_OK);
    MN_ASSERT(mn_tok_parse(mn_buf_str(&out), &again, NULL) == MN_OK);
    mn_tok_hash(t, here);
    mn_tok_hash(again, there);
    MN_ASSERT(memcmp(here, there, 32) == 0);
    mn_tok_free(again);
    mn_ids_release(&ids);
    mn_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_str text = {(const char *)data, size};
    mn_tokenizer *t = NULL;
    mn_err e = {0};
    if (mn_tok_parse(text, &t, &e) == MN_OK) use(t, text);
    else MN_ASSERT(!t && e.msg[0]);
    mn_tok_free(t);
    return 0;
}

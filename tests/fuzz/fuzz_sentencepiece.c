/* module: text */
#include "text/tok_int.h"
#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const mn_tokenizer *a, const mn_tokenizer *b, mn_str text)
{
    mn_ids x = {0}, y = {0};
    MN_ASSERT(mn_tok_encode(a, NULL, text, &x) == MN_OK);
    MN_ASSERT(mn_tok_encode(b, NULL, text, &y) == MN_OK);
    MN_ASSERT(x.n == y.n);
    for (size_t i = 0; i < x.n; i++) MN_ASSERT(x.ptr[i] == y.ptr[i]);
    mn_ids_release(&x);
    mn_ids_release(&y);
}

static void as_json(const mn_tokenizer *t, mn_str text)
{
    mn_err e = {0};
    mn_buf b;
    mn_tokenizer *again = NULL;
    mn_buf_init(&b, 0);
    mn_rc rc = mn_tok__write(t, &b, &e);
    MN_ASSERT(rc == MN_OK || (rc == MN_E_UNSUPPORTED && e.msg[0]));
    if (rc == MN_OK) {
        MN_ASSERT(mn_tok_parse(mn_buf_str(&b), &again, &e) == MN_OK);
        same(t, again, text);
        mn_tok_free(again);
    }
    mn_buf_release(&b);
}

/* Symbols are found in the stream by SentencePiece and cut it in GGUF's form: the same only where there are none. */
static void as_parts(const mn_tokenizer *t, mn_str text)
{
    mn_err e = {0};
    mn_arena a;
    mn_tok_parts p;
    mn_tokenizer *again = NULL;
    if (t->symbols.n) return;
    mn_arena_init(&a, 0);
    MN_ASSERT(mn_tok_to_parts(t, &a, &p, &e) == MN_OK);
    MN_ASSERT(mn_tok_from_parts(&p, &again, &e) == MN_OK);
    same(t, again, text);
    mn_tok_free(again);
    mn_arena_release(&a);
}

/* A tokenizer that was accepted encodes any text to ids it knows, and is the same in the other two forms. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_str text = {(const char *)data, size};
    mn_tokenizer *t = NULL;
    mn_ids ids = {0};
    mn_err e = {0};
    mn_buf out;
    if (mn_tok_parse_sentencepiece(data, size, &t, &e) != MN_OK) {
        MN_ASSERT(!t && e.msg[0]);
        return 0;
    }
    mn_buf_init(&out, 0);
    MN_ASSERT(mn_tok_encode(t, NULL, text, &ids) == MN_OK);
    MN_ASSERT(mn_tok_encode_special(t, text, &ids) == MN_OK);
    MN_ASSERT(mn_tok_decode(t, ids.ptr, ids.n, true, &out) == MN_OK);
    as_json(t, text);
    as_parts(t, text);
    mn_buf_release(&out);
    mn_ids_release(&ids);
    mn_tok_free(t);
    return 0;
}

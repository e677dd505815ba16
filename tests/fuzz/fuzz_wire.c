/* module: corpus */
#include <string.h>

#include "base/mem.h"
#include "corpus/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at_texts(mn_str bytes)
{
    mn_parcel p = {0};
    if (mn_wire_take_texts(bytes, &p) == MN_OK)
        for (size_t k = 0; k < p.is.n; k++)
            for (size_t i = mn_document_start(&p.d, k); i < p.d.ends[k]; i++) {
                mn_str text = mn_texts_of(&p.is, p.d.posts[i]);
                MN_ASSERT(text.ptr >= bytes.ptr &&
                          text.ptr + text.len <= bytes.ptr + bytes.len);
            }
    mn_parcel_release(&p);
}

static void look_at_scan(mn_str bytes)
{
    mn_scan s, all = {0};
    mn_str text;
    uint64_t posts;
    if (mn_wire_take_scan(bytes, &s, &text, &posts) != MN_OK) return;
    for (size_t i = 0; i < s.cands.n; i++)
        MN_ASSERT(s.cands.items[i].text_at + s.cands.items[i].text_len <= text.len);
    (void)mn_scan_append(&all, &s);
    mn_scan_release(&all);
}

static void look_at_words(mn_str bytes)
{
    mn_tok_trainer *t;
    mn_err e = {0};
    if (mn_tok_trainer_new(&t, &e) != MN_OK) return;
    if (mn_tok_trainer_take(t, bytes, &e) != MN_OK) MN_ASSERT(e.msg[0]);
    mn_tok_trainer_free(t);
}

/* What ranks of a corpus build tell each other; the first byte says which kind it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_scan_rules rules;
    uint64_t after, until;
    mn_encoded x = {0};
    if (!size) return 0;
    char *copy = mn_alloc(size); /* begins where any type may */
    if (!copy) return 0;
    memcpy(copy, data + 1, size - 1);
    const mn_str bytes = {copy, size - 1};
    switch (data[0] % 5) {
    case 0:
        look_at_texts(bytes);
        break;
    case 1:
        look_at_scan(bytes);
        break;
    case 2:
        look_at_words(bytes);
        break;
    case 3:
        if (mn_wire_take_stretch(bytes, &rules, &after, &until) == MN_OK && rules.n_except)
            MN_ASSERT(rules.except + rules.n_except ==
                      (const uint64_t *)(const void *)(bytes.ptr + bytes.len));
        break;
    default:
        if (mn_wire_take_encoded(bytes, data[0] / 5, 65536, &x) == MN_OK && x.n_posts)
            MN_ASSERT(x.ends[x.n_posts - 1] == x.ids.n);
    }
    mn_free(copy);
    return 0;
}

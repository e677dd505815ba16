#include "text/docform.h"

#include <string.h>

#define BETWEEN MN_STR("\n\n") /* posts of a document, in a vocabulary that knows no answers */

/* What may stand before any text: its first token is predicted from it. Models that put nothing there have seen texts follow the
 * token that parts documents. */
static uint32_t beginning(const mn_tokenizer *t, uint32_t end)
{
    uint32_t parts = mn_tok_find(t, MN_STR("<|endoftext|>"));
    if (mn_tok_begin(t) != MN_DOCFORM_NONE) return mn_tok_begin(t);
    if (parts != MN_DOCFORM_NONE && mn_tok_is_special(t, parts)) return parts;
    return mn_tok_bos(t) != MN_DOCFORM_NONE ? mn_tok_bos(t) : end;
}

static mn_rc take_part(const mn_tokenizer *t, mn_docform *f, mn_err *e)
{
    mn_ids ids = {0};
    mn_rc rc = mn_tok_encode(t, NULL, BETWEEN, &ids);
    if (rc != MN_OK) mn_fail(e, rc, "no memory to look at a vocabulary");
    else if (!ids.n || ids.n > MN_DOCFORM_PART_MAX)
        rc = mn_fail(e, MN_E_UNSUPPORTED,
                     "the vocabulary has no tokens for a blank line, which parts posts");
    if (rc == MN_OK) memcpy(f->part, ids.ptr, ids.n * sizeof *ids.ptr);
    f->n_part = rc == MN_OK ? (uint32_t)ids.n : 0;
    mn_ids_release(&ids);
    return rc;
}

mn_rc mn_docform_of(const mn_tokenizer *t, uint32_t end, mn_docform *ret, mn_err *e)
{
    const uint32_t vocab = mn_tok_vocab(t);
    mn_docform f = {.end = mn_tok_eos(t)};
    if (mn_tok_is_ours(t)) {
        *ret = MN_DOCFORM_OURS;
        return MN_OK;
    }
    if (f.end >= vocab) f.end = end;
    f.start = f.pad = beginning(t, f.end);
    f.erased = vocab <= UINT16_MAX ? UINT16_MAX : UINT32_MAX;
    if (f.start >= vocab || f.end >= vocab)
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "the model's tokenizer has no token to begin or to end a text with");
    MN_TRY(take_part(t, &f, e));
    *ret = f;
    return MN_OK;
}

bool mn_docform_fits(const mn_docform *f, uint32_t vocab)
{
    if (f->ours) return mn_docform_same(f, &MN_DOCFORM_OURS);
    bool fits = f->start < vocab && f->end < vocab && f->pad == f->start && f->n_part &&
                f->n_part <= MN_DOCFORM_PART_MAX &&
                (f->erased == UINT16_MAX || f->erased == UINT32_MAX);
    for (uint32_t i = 0; fits && i < f->n_part; i++) fits = f->part[i] < vocab;
    return fits && f->start != f->erased && f->end != f->erased;
}

bool mn_docform_same(const mn_docform *a, const mn_docform *b)
{
    return a->ours == b->ours && a->start == b->start && a->end == b->end &&
           a->erased == b->erased && a->pad == b->pad && a->n_part == b->n_part &&
           memcmp(a->part, b->part, a->n_part * sizeof *a->part) == 0;
}

void mn_docform_put(const mn_docform *f, mn_json_writer *w)
{
    mn_jw_key(w, "form");
    mn_jw_object(w);
    mn_jw_kbool(w, "structure", f->ours);
    mn_jw_ku64(w, "start", f->start);
    mn_jw_ku64(w, "end", f->end);
    mn_jw_key(w, "part");
    mn_jw_array(w);
    for (uint32_t i = 0; i < f->n_part; i++) mn_jw_u64(w, f->part[i]);
    mn_jw_array_end(w);
    mn_jw_ku64(w, "erased", f->erased);
    mn_jw_object_end(w);
}

/* A number of 32 bits; anything else is one that no vocabulary has. */
static uint32_t number(const mn_json *v)
{
    uint64_t n = mn_json_u64(v, UINT64_MAX);
    return n > UINT32_MAX ? MN_DOCFORM_NONE : (uint32_t)n;
}

mn_rc mn_docform_read(const mn_json *v, mn_docform *ret)
{
    const mn_json *part = mn_json_get(v, "part");
    if (!v || mn_json_bool(mn_json_get(v, "structure"), false)) {
        *ret = MN_DOCFORM_OURS;
        return MN_OK;
    }
    mn_docform f = {.start = number(mn_json_get(v, "start")),
                    .end = number(mn_json_get(v, "end")),
                    .erased = number(mn_json_get(v, "erased"))};
    f.pad = f.start;
    if (part && part->type == MN_JSON_ARRAY && part->n <= MN_DOCFORM_PART_MAX)
        for (; f.n_part < part->n; f.n_part++)
            f.part[f.n_part] = number(mn_json_at(part, f.n_part));
    if (!mn_docform_fits(&f, MN_DOCFORM_NONE)) return MN_E_PARSE;
    *ret = f;
    return MN_OK;
}

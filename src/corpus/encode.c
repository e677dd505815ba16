#include "corpus/encode.h"

#include "base/mem.h"

void mn_encoded_release(mn_encoded *x)
{
    mn_ids_release(&x->ids);
    mn_free(x->ends);
    *x = (mn_encoded){0};
}

static mn_rc add_time(mn_ids *ids, const mn_cand *x)
{
    MN_TRY(mn_ids_add(ids, mn_tok_year(x->created_ms)));
    return mn_ids_add(ids, mn_tok_month(x->created_ms));
}

/* In another model's vocabulary. */
static mn_rc add_part(mn_ids *ids, const mn_docform *f, bool first)
{
    if (first) return mn_ids_add(ids, f->start);
    for (uint32_t i = 0; i < f->n_part; i++) MN_TRY(mn_ids_add(ids, f->part[i]));
    return MN_OK;
}

mn_rc mn_corpus_encode_before(const mn_docform *form, const mn_cand *x, const mn_cand *before,
                              uint8_t kind, mn_ids *ret)
{
    if (!form->ours) return add_part(ret, form, !before);
    bool same_time = before && mn_tok_year(before->created_ms) == mn_tok_year(x->created_ms) &&
                     mn_tok_month(before->created_ms) == mn_tok_month(x->created_ms);
    uint32_t opening = !before                 ? MN_TOK_START
                       : kind == MN_LINK_QUOTE ? MN_TOK_QUOTE
                                               : MN_TOK_REPLY;
    MN_TRY(mn_ids_add(ret, opening));
    if (!same_time) MN_TRY(add_time(ret, x));
    return before && before->lang == x->lang ? MN_OK : mn_ids_add(ret, x->lang);
}

static mn_rc note_end(mn_encoded *x)
{
    if (x->n_posts == x->cap) {
        size_t cap = x->cap ? 2 * x->cap : 256;
        size_t *ends = mn_reallocarray(x->ends, cap, sizeof *ends);
        if (!ends) return MN_E_NOMEM;
        x->ends = ends;
        x->cap = cap;
    }
    x->ends[x->n_posts++] = x->ids.n;
    return MN_OK;
}

static mn_rc encode_document(const mn_texts *t, const mn_tokenizer *tok, const mn_docform *form,
                             mn_tok_cache *cache, size_t doc, mn_encoded *io)
{
    const mn_cand *before = NULL;
    for (size_t i = mn_document_start(t->d, doc); i < t->d->ends[doc]; i++) {
        const mn_cand *x = &t->c->items[t->d->posts[i]];
        MN_TRY(mn_corpus_encode_before(form, x, before, t->d->kinds[i], &io->ids));
        MN_TRY(mn_tok_encode(tok, cache, mn_texts_of(t, t->d->posts[i]), &io->ids));
        MN_TRY(note_end(io));
        before = x;
    }
    return MN_OK;
}

mn_rc mn_corpus_encode(const mn_texts *t, const mn_tokenizer *tok, const mn_docform *form,
                       mn_tok_cache *cache, mn_encoded *io)
{
    mn_ids_clear(&io->ids);
    io->n_posts = 0;
    for (size_t k = io->from; k < io->to; k++)
        MN_TRY(encode_document(t, tok, form, cache, t->list[k], io));
    return MN_OK;
}

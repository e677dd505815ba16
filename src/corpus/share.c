#include "corpus/share.h"

#include "base/fs.h"
#include "corpus/helper.h"
#include "corpus/vocab.h"

#define TOKENIZER_MAX (64u << 20)

static mn_rc unreadable(mn_err *e)
{
    return mn_fail(e, MN_E_CORRUPT, "what the ranks tell each other does not fit together");
}

/* ---- posts ----------------------------------------------------------------------------------------------------------- */

typedef struct scanning {
    mn_store *store;
    const mn_scan_rules *rules;
    uint64_t after; /* all up to here is under way */
    mn_spool spool;
} scanning;

/* Stretches of so many live posts; the last one has no end, so that whatever is in the store is read. */
static mn_rc next_stretch(void *arg, mn_buf *ret, bool *io_more, mn_err *e)
{
    scanning *s = arg;
    uint64_t until;
    if (s->after == UINT64_MAX) {
        *io_more = false;
        return MN_OK;
    }
    MN_TRY(mn_store_posts_mark(s->store, s->after, MN_HELP_STRETCH, &until, e));
    if (!until) until = UINT64_MAX;
    mn_rc rc = mn_wire_put_stretch(s->rules, s->after, until, ret);
    if (rc != MN_OK) return mn_fail(e, rc, "out of memory");
    s->after = until;
    return MN_OK;
}

static mn_rc take_stretch(void *arg, mn_str result, mn_err *e)
{
    scanning *s = arg;
    mn_scan is;
    mn_str text;
    uint64_t posts;
    if (mn_wire_take_scan(result, &is, &text, &posts) != MN_OK) return unreadable(e);
    return mn_spool_add(&s->spool, &is, text, (size_t)posts, e);
}

mn_rc mn_share_scan(mn_tasks *t, mn_store *store, const char *spool, const mn_scan_rules *rules,
                    uint64_t total, mn_corpus_progress progress, void *arg, mn_scan *ret,
                    mn_err *e)
{
    scanning s = {.store = store, .rules = rules};
    const mn_tasks_work w = {MN_HELP_SCAN, next_stretch, take_stretch, &s};
    MN_TRY(mn_spool_open(spool, total, progress, arg, &s.spool, e));
    mn_rc rc = mn_tasks_run(t, &w, e);
    return mn_spool_close(&s.spool, rc, ret, e);
}

/* ---- documents ------------------------------------------------------------------------------------------------------- */

typedef struct reading {
    const mn_texts *texts;
    size_t given, taken; /* documents */
    uint32_t vocab;
    mn_encoded_sink sink;
    void *arg;
} reading;

static size_t end_of(const reading *r, size_t from)
{
    return r->texts->n - from < MN_HELP_DOCUMENTS ? r->texts->n : from + MN_HELP_DOCUMENTS;
}

static mn_rc next_texts(void *arg, mn_buf *ret, bool *io_more, mn_err *e)
{
    reading *r = arg;
    const size_t end = end_of(r, r->given);
    *io_more = r->given < end;
    mn_rc rc = *io_more ? mn_wire_put_texts(r->texts, r->given, end, ret) : MN_OK;
    r->given = end;
    return rc == MN_OK ? rc : mn_fail(e, rc, "out of memory");
}

static mn_rc take_nothing(void *arg, mn_str result, mn_err *e)
{
    (void)arg;
    return result.len ? unreadable(e) : MN_OK;
}

static mn_rc take_words(void *arg, mn_str result, mn_err *e)
{
    return mn_tok_trainer_take(arg, result, e);
}

static uint64_t text_bytes(const mn_texts *t)
{
    uint64_t n = 0;
    for (size_t k = 0; k < t->n; k++)
        for (size_t i = mn_document_start(t->d, t->list[k]); i < t->d->ends[t->list[k]]; i++)
            n += t->c->items[t->d->posts[i]].text_len;
    return n;
}

mn_rc mn_share_vocab(mn_tasks *t, const mn_texts *texts, uint32_t vocab, mn_tokenizer **ret,
                     mn_err *e)
{
    reading r = {.texts = texts};
    const mn_tasks_work w = {MN_HELP_COUNT, next_texts, take_nothing, &r};
    mn_tok_trainer *all;
    if (!vocab) vocab = mn_corpus_vocab_for(text_bytes(texts));
    MN_TRY(mn_tok_trainer_new(&all, e));
    mn_rc rc = mn_tasks_run(t, &w, e);
    if (rc == MN_OK)
        rc = mn_tasks_each(t, MN_HELP_WORDS, (mn_str){NULL, 0}, take_words, all, e);
    if (rc == MN_OK) rc = mn_tok_trainer_finish(all, vocab, ret, e);
    mn_tok_trainer_free(all);
    return rc;
}

static mn_rc compare_hash(void *arg, mn_str result, mn_err *e)
{
    if (result.len == 32 && memcmp(arg, result.ptr, 32) == 0) return MN_OK;
    return mn_fail(e, MN_E_CORRUPT, "the ranks read different tokenizers from the same file");
}

mn_rc mn_share_tokenizer(mn_tasks *t, const char *path, const mn_tokenizer *tok,
                         const mn_docform *form, mn_err *e)
{
    uint8_t hash[32];
    mn_buf b;
    mn_buf_init(&b, TOKENIZER_MAX + sizeof *form);
    mn_tok_hash(tok, hash);
    mn_rc rc = mn_buf_add(&b, form, sizeof *form);
    if (rc != MN_OK) mn_fail(e, rc, "out of memory");
    else rc = mn_fs_read(path, TOKENIZER_MAX, &b, e);
    if (rc == MN_OK)
        rc = mn_tasks_each(t, MN_HELP_TOKENIZER, mn_buf_str(&b), compare_hash, hash, e);
    mn_buf_release(&b);
    return rc;
}

static mn_rc take_tokens(void *arg, mn_str result, mn_err *e)
{
    reading *r = arg;
    size_t posts = 0;
    mn_encoded x = {.from = r->taken, .to = end_of(r, r->taken)};
    for (size_t k = x.from; k < x.to; k++)
        posts += r->texts->d->ends[r->texts->list[k]] -
                 mn_document_start(r->texts->d, r->texts->list[k]);
    if (mn_wire_take_encoded(result, posts, r->vocab, &x) != MN_OK) return unreadable(e);
    r->taken = x.to;
    return r->sink(r->arg, &x, e);
}

mn_rc mn_share_encode(mn_tasks *t, const mn_texts *texts, const mn_tokenizer *tok,
                      mn_encoded_sink sink, void *arg, mn_err *e)
{
    reading r = {.texts = texts, .vocab = mn_tok_vocab(tok), .sink = sink, .arg = arg};
    const mn_tasks_work w = {MN_HELP_ENCODE, next_texts, take_tokens, &r};
    return mn_tasks_run(t, &w, e);
}

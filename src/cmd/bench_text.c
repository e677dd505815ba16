/* Benches of the text module: tokenizer training, encoding and decoding, language identification, NFC. */
#include "base/fs.h"
#include "cmd/bench.h"
#include "text/langid.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

enum { VOCAB = 8192 };

typedef struct job {
    mn_buf posts; /* one a line */
    double mb, n_posts;
    mn_tokenizer *tok;
    bool cached;
    mn_ids ids; /* all posts, for decoding */
    mn_buf out;
} job;

static mn_rc open_job(mn_bench_run *r, job *j, mn_err *e)
{
    *j = (job){0};
    mn_buf_init(&j->posts, 0);
    mn_buf_init(&j->out, 0);
    MN_TRY(mn_bench_posts(r, &j->posts, &j->n_posts, e));
    j->mb = (double)j->posts.len / 1e6;
    return MN_OK;
}

static void close_job(job *j)
{
    mn_tok_free(j->tok);
    mn_ids_release(&j->ids);
    mn_buf_release(&j->posts);
    mn_buf_release(&j->out);
}

/* ---- tokenizer ---------------------------------------------------------------------------------------------- */

static mn_rc train(void *arg, mn_err *e)
{
    job *j = arg;
    mn_tok_trainer *t;
    mn_str rest = mn_buf_str(&j->posts), post;
    MN_TRY(mn_tok_trainer_new(&t, e));
    mn_rc rc = MN_OK;
    while (rc == MN_OK && mn_bench_next_post(&rest, &post)) rc = mn_tok_trainer_add(t, post, e);
    mn_tok_free(j->tok);
    j->tok = NULL;
    if (rc == MN_OK) rc = mn_tok_trainer_finish(t, VOCAB, &j->tok, e);
    mn_tok_trainer_free(t);
    return rc;
}

static mn_rc encode(void *arg, mn_err *e)
{
    job *j = arg;
    mn_tok_cache *cache = NULL;
    mn_str rest = mn_buf_str(&j->posts), post;
    if (j->cached) MN_TRY(mn_tok_cache_new(&cache, e));
    mn_ids_clear(&j->ids);
    mn_rc rc = MN_OK;
    while (rc == MN_OK && mn_bench_next_post(&rest, &post))
        rc = mn_tok_encode(j->tok, cache, post, &j->ids);
    mn_tok_cache_free(cache);
    return rc == MN_OK ? rc : mn_fail(e, rc, "out of memory while encoding");
}

static mn_rc decode(void *arg, mn_err *e)
{
    job *j = arg;
    mn_buf_clear(&j->out);
    mn_rc rc = mn_tok_decode(j->tok, j->ids.ptr, j->ids.n, false, &j->out);
    return rc == MN_OK ? rc : mn_fail(e, rc, "out of memory while decoding");
}

static mn_rc bench_train(mn_bench_run *r, mn_err *e)
{
    job j;
    mn_rc rc = open_job(r, &j, e);
    if (rc == MN_OK)
        rc = mn_bench_measure(r, "bpe-train", j.mb, "MB", "vocabulary 8,192", train, &j, e);
    close_job(&j);
    return rc;
}

static mn_rc measure_coding(mn_bench_run *r, job *j, mn_err *e)
{
    MN_TRY(train(j, e));
    j->cached = true;
    MN_TRY(mn_bench_measure(r, "bpe-encode", j->mb, "MB", "a post a call, cold word cache",
                            encode, j, e));
    j->cached = false;
    MN_TRY(
        mn_bench_measure(r, "bpe-encode-nocache", j->mb, "MB", "a post a call", encode, j, e));
    mn_bench_value(r, "bpe-bytes-per-token", (j->mb * 1e6 - j->n_posts) / (double)j->ids.n,
                   "bytes", "line ends not counted");
    return mn_bench_measure(r, "bpe-decode", j->mb, "MB", "all posts at once", decode, j, e);
}

static mn_rc bench_encode(mn_bench_run *r, mn_err *e)
{
    job j;
    mn_rc rc = open_job(r, &j, e);
    if (rc == MN_OK) rc = measure_coding(r, &j, e);
    close_job(&j);
    return rc;
}

/* ---- the rest ----------------------------------------------------------------------------------------------- */

static mn_rc identify(void *arg, mn_err *e)
{
    job *j = arg;
    mn_str rest = mn_buf_str(&j->posts), post;
    size_t known = 0;
    (void)e;
    while (mn_bench_next_post(&rest, &post)) known += mn_langid(post).percent > 0;
    return known ? MN_OK : mn_fail(e, MN_E_CORRUPT, "no post has a language");
}

static mn_rc normalise(void *arg, mn_err *e)
{
    job *j = arg;
    mn_buf_clear(&j->out);
    mn_rc rc = mn_unfc(mn_buf_str(&j->posts), &j->out);
    return rc == MN_OK ? rc : mn_fail(e, rc, "the posts are not valid UTF-8");
}

static mn_rc bench_langid(mn_bench_run *r, mn_err *e)
{
    job j;
    mn_rc rc = open_job(r, &j, e);
    if (rc == MN_OK)
        rc = mn_bench_measure(r, "langid", j.n_posts, "posts", "CLD2", identify, &j, e);
    close_job(&j);
    return rc;
}

static mn_rc bench_nfc(mn_bench_run *r, mn_err *e)
{
    job j;
    mn_rc rc = open_job(r, &j, e);
    if (rc == MN_OK) rc = mn_bench_measure(r, "nfc", j.mb, "MB", NULL, normalise, &j, e);
    close_job(&j);
    return rc;
}

const mn_bench mn_bench_text[] = {
    {"bpe-train", "train a tokenizer of 8,192 tokens on all posts", bench_train},
    {"bpe-encode", "encode and decode all posts with it", bench_encode},
    {"langid", "name each post's language", bench_langid},
    {"nfc", "bring all posts to Unicode's composed form", bench_nfc},
    {0}};

/* Erasing documents from a shard in place; the contract is in shard.h. The maps of the shard say where everything lies, the
 * writes go through descriptors of their own. */
#include "text/shard.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define BLOCK 4096

typedef struct eraser {
    const mn_shard *s;
    uint64_t text_end; /* size of the text file */
    int bin, origin, text;
    const char *stem;
    mn_err *e;
} eraser;

bool mn_shard_erased(const mn_shard *s, uint64_t doc)
{
    return mn_shard_token(s, doc ? s->doc_end[doc - 1] : 0) == s->form.erased;
}

static mn_rc write_at(const eraser *x, int fd, const void *p, size_t n, uint64_t at)
{
    if (pwrite(fd, p, n, (off_t)at) == (ssize_t)n) return MN_OK;
    return mn_fail_errno(x->e, MN_E_IO, "cannot erase in '%s'", x->stem);
}

/* n bytes from `at` become the block's, over and over. */
static mn_rc fill(const eraser *x, int fd, const uint8_t block[BLOCK], uint64_t at, uint64_t n)
{
    for (; n > BLOCK; at += BLOCK, n -= BLOCK) MN_TRY(write_at(x, fd, block, BLOCK, at));
    return write_at(x, fd, block, (size_t)n, at);
}

static mn_rc erase_tokens(const eraser *x, uint64_t doc)
{
    const mn_shard *s = x->s;
    uint8_t block[BLOCK];
    const uint32_t erased = s->form.erased; /* its low bytes are all that a narrow token has */
    const uint64_t bytes = (uint64_t)mn_docform_bytes(&s->form);
    const uint64_t from = doc ? s->doc_end[doc - 1] : 0, n = s->doc_end[doc] - from;
    const uint64_t head = s->bin.len - s->n_tok * bytes;
    for (size_t i = 0; i < BLOCK; i += bytes) memcpy(block + i, &erased, (size_t)bytes);
    return fill(x, x->bin, block, head + from * bytes, n * bytes);
}

/* The first post of a document, by halving: posts lie in the order of their documents. */
static uint64_t first_post(const mn_shard *s, uint64_t doc)
{
    uint64_t low = 0, high = s->n_posts;
    while (low < high) {
        uint64_t mid = low + (high - low) / 2;
        if (s->posts[mid].document >= doc) high = mid;
        else low = mid + 1;
    }
    return low;
}

static mn_rc erase_posts(const eraser *x, uint64_t doc)
{
    uint8_t blanks[BLOCK];
    memset(blanks, ' ', sizeof blanks);
    const mn_shard *s = x->s;
    for (uint64_t i = first_post(s, doc); i < s->n_posts && s->posts[i].document == doc; i++) {
        mn_origin o = s->posts[i];
        uint64_t end = i + 1 < s->n_posts ? s->posts[i + 1].text_offset : x->text_end;
        if (end > o.text_offset + 1) /* its LF stays */
            MN_TRY(fill(x, x->text, blanks, o.text_offset, end - 1 - o.text_offset));
        o.author_id = o.consent_rev = 0;
        MN_TRY(write_at(x, x->origin, &o, sizeof o, i * sizeof o));
    }
    return MN_OK;
}

static mn_rc open_part(const eraser *x, const char *suffix, int *ret)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s%s", x->stem, suffix) >= (int)sizeof path)
        return mn_fail(x->e, MN_E_LIMIT, "path too long: '%.200s…'", x->stem);
    *ret = open(path, O_WRONLY | O_CLOEXEC);
    if (*ret >= 0) return MN_OK;
    return mn_fail_errno(x->e, MN_E_IO, "cannot write '%s'", path);
}

static mn_rc sync_part(const eraser *x, int fd)
{
    if (fsync(fd) == 0) return MN_OK;
    return mn_fail_errno(x->e, MN_E_IO, "cannot erase in '%s'", x->stem);
}

static mn_rc erase_all(eraser *x, const uint64_t *docs, size_t n)
{
    struct stat st;
    MN_TRY(open_part(x, ".bin", &x->bin));
    MN_TRY(open_part(x, ".origin", &x->origin));
    MN_TRY(open_part(x, ".txt", &x->text));
    if (fstat(x->text, &st) != 0)
        return mn_fail_errno(x->e, MN_E_IO, "cannot read '%s.txt'", x->stem);
    x->text_end = (uint64_t)st.st_size;
    for (size_t i = 0; i < n; i++) MN_TRY(erase_posts(x, docs[i]));
    for (size_t i = 0; i < n; i++) MN_TRY(erase_tokens(x, docs[i]));
    MN_TRY(sync_part(x, x->text));
    MN_TRY(sync_part(x, x->origin));
    return sync_part(x, x->bin);
}

mn_rc mn_shard_erase(const char *stem, uint32_t vocab, const uint64_t *docs, size_t n,
                     mn_err *e)
{
    mn_shard s;
    MN_TRY(mn_shard_open(stem, vocab, &s, e));
    eraser x = {.s = &s, .bin = -1, .origin = -1, .text = -1, .stem = stem, .e = e};
    mn_rc rc = MN_OK;
    for (size_t i = 0; rc == MN_OK && i < n; i++)
        if (docs[i] >= s.n_docs)
            rc = mn_fail(e, MN_E_USAGE, "'%s' has no document %llu", stem,
                         (unsigned long long)docs[i]);
    if (rc == MN_OK) rc = erase_all(&x, docs, n);
    if (x.bin >= 0) close(x.bin);
    if (x.origin >= 0) close(x.origin);
    if (x.text >= 0) close(x.text);
    mn_shard_close(&s);
    return rc;
}

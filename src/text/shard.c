/* Writing and reading token shards; shard.h has the layout.
 *
 * The writer keeps four open files and counts; the header's token count is put in when it closes, so a shard that was not
 * closed says that it holds no tokens and its documents do not agree: the reader refuses it. The reader maps .bin, .docs
 * and .origin and checks every value that others would use as an index, once, so that they need not.
 */
#include "text/shard.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "text/tokenizer.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "shards are mapped as they lie on disk");
_Static_assert(sizeof(mn_origin) == 48, "an origin record is 48 bytes");

enum { HEADER_BYTES = 1024, MAGIC = 20240520, VERSION = 1, VERSION_FORM = 2 };
#define MN_SHARD_TOKENS_MAX ((uint64_t)INT32_MAX) /* the header counts in int32 */

enum part { BIN, DOCS, ORIGIN, TEXT, N_PARTS };
static const char *const suffix[N_PARTS] = {".bin", ".docs", ".origin", ".txt"};

struct mn_shard_writer {
    FILE *files[N_PARTS];
    char *stem;
    mn_docform form;
    uint64_t n_tok, n_docs, text_bytes;
    uint64_t posts_in_document;
};

/* ---- writing ------------------------------------------------------------------------------------------------ */

static mn_rc write_failed(const mn_shard_writer *w, enum part p, mn_err *e)
{
    return mn_fail_errno(e, MN_E_IO, "cannot write '%s%s'", w->stem, suffix[p]);
}

static mn_rc put(mn_shard_writer *w, enum part p, const void *bytes, size_t n, mn_err *e)
{
    if (n && fwrite(bytes, 1, n, w->files[p]) != n) return write_failed(w, p, e);
    return MN_OK;
}

static mn_rc put_header(mn_shard_writer *w, mn_err *e)
{
    int32_t header[HEADER_BYTES / 4] = {MAGIC, VERSION, (int32_t)w->n_tok};
    const mn_docform *f = &w->form;
    if (!f->ours) {
        const uint32_t more[] = {(uint32_t)mn_docform_bytes(f), f->start, f->end, f->erased,
                                 f->n_part};
        header[1] = VERSION_FORM;
        memcpy(header + 3, more, sizeof more);
        memcpy(header + 8, f->part, sizeof f->part);
    }
    return put(w, BIN, header, sizeof header, e);
}

static void remove_parts(const mn_shard_writer *w)
{
    char path[PATH_MAX];
    for (int p = 0; p < N_PARTS; p++) {
        if (!w->files[p]) continue; /* not made by us */
        if (snprintf(path, sizeof path, "%s%s", w->stem, suffix[p]) < (int)sizeof path)
            unlink(path);
    }
}

static void writer_free(mn_shard_writer *w)
{
    mn_free(w->stem);
    mn_free(w);
}

void mn_shard_writer_abandon(mn_shard_writer *w)
{
    if (!w) return;
    remove_parts(w);
    for (int p = 0; p < N_PARTS; p++) {
        if (w->files[p]) fclose(w->files[p]);
    }
    writer_free(w);
}

static mn_rc make_part(mn_shard_writer *w, enum part p, mn_err *e)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s%s", w->stem, suffix[p]) >= (int)sizeof path)
        return mn_fail(e, MN_E_LIMIT, "path too long: '%.200s…'", w->stem);
    w->files[p] = fopen(path, "wbxe");
    if (w->files[p]) return MN_OK;
    if (errno == EEXIST) return mn_fail(e, MN_E_EXISTS, "'%s' exists already", path);
    return mn_fail_errno(e, MN_E_IO, "cannot make '%s'", path);
}

mn_rc mn_shard_writer_open(const char *stem, mn_shard_writer **ret, mn_err *e)
{
    return mn_shard_writer_open_as(stem, &MN_DOCFORM_OURS, ret, e);
}

mn_rc mn_shard_writer_open_as(const char *stem, const mn_docform *form, mn_shard_writer **ret,
                              mn_err *e)
{
    mn_shard_writer *w = mn_calloc(1, sizeof *w);
    MN_ASSERT(mn_docform_fits(form, MN_SHARD_ANY));
    if (w) w->stem = mn_strdup(stem);
    if (!w || !w->stem) {
        mn_free(w);
        return mn_fail(e, MN_E_NOMEM, "out of memory for writing shard '%s'", stem);
    }
    w->form = *form;
    mn_rc rc = MN_OK;
    for (int p = 0; p < N_PARTS && rc == MN_OK; p++) rc = make_part(w, (enum part)p, e);
    if (rc == MN_OK) rc = put_header(w, e);
    if (rc != MN_OK) mn_shard_writer_abandon(w);
    else *ret = w;
    return rc;
}

static mn_rc put_narrow(mn_shard_writer *w, const uint32_t *ids, size_t n, mn_err *e)
{
    uint16_t narrow[1024];
    for (size_t i = 0; i < n;) {
        size_t k = n - i < 1024 ? n - i : 1024;
        for (size_t j = 0; j < k; j++) {
            MN_ASSERT(ids[i + j] <= UINT16_MAX);
            narrow[j] = (uint16_t)ids[i + j];
        }
        MN_TRY(put(w, BIN, narrow, k * sizeof *narrow, e));
        i += k;
    }
    return MN_OK;
}

static mn_rc put_tokens(mn_shard_writer *w, const uint32_t *ids, size_t n, mn_err *e)
{
    if (n > MN_SHARD_TOKENS_MAX - w->n_tok)
        return mn_fail(e, MN_E_LIMIT, "shard '%s' would exceed %llu tokens", w->stem,
                       (unsigned long long)MN_SHARD_TOKENS_MAX);
    for (size_t i = 0; !w->form.ours && i < n; i++) MN_ASSERT(ids[i] < w->form.erased);
    if (mn_docform_bytes(&w->form) == 2) MN_TRY(put_narrow(w, ids, n, e));
    else MN_TRY(put(w, BIN, ids, n * sizeof *ids, e));
    w->n_tok += n;
    return MN_OK;
}

mn_rc mn_shard_writer_post(mn_shard_writer *w, uint64_t post_id, uint64_t author_id,
                           uint64_t consent_rev, mn_str text, const uint32_t *ids, size_t n,
                           mn_err *e)
{
    mn_origin o = {post_id, author_id, consent_rev, w->n_tok, w->text_bytes, w->n_docs};
    MN_ASSERT(n > 0);
    MN_TRY(put_tokens(w, ids, n, e));
    MN_TRY(put(w, ORIGIN, &o, sizeof o, e));
    MN_TRY(put(w, TEXT, text.ptr, text.len, e));
    MN_TRY(put(w, TEXT, "\n", 1, e));
    w->text_bytes += text.len + 1;
    w->posts_in_document++;
    return MN_OK;
}

mn_rc mn_shard_writer_end_document(mn_shard_writer *w, mn_err *e)
{
    const uint32_t end = w->form.end;
    MN_ASSERT(w->posts_in_document > 0);
    MN_TRY(put_tokens(w, &end, 1, e));
    MN_TRY(put(w, DOCS, &w->n_tok, sizeof w->n_tok, e));
    w->n_docs++;
    w->posts_in_document = 0;
    return MN_OK;
}

static mn_rc finish_part(mn_shard_writer *w, enum part p, mn_err *e)
{
    FILE *f = w->files[p];
    if (p == BIN) {
        if (fseeko(f, 0, SEEK_SET) != 0) return write_failed(w, p, e);
        MN_TRY(put_header(w, e));
    }
    if (fflush(f) != 0 || fsync(fileno(f)) != 0) return write_failed(w, p, e);
    return MN_OK;
}

static mn_rc sync_folder(const char *stem, mn_err *e)
{
    const char *slash = strrchr(stem, '/');
    if (!slash) return mn_fs_sync_dir(".", e);
    char *dir = mn_strndup(stem, slash == stem ? 1 : (size_t)(slash - stem));
    if (!dir) return mn_fail(e, MN_E_NOMEM, "out of memory for closing shard '%s'", stem);
    mn_rc rc = mn_fs_sync_dir(dir, e);
    mn_free(dir);
    return rc;
}

mn_rc mn_shard_writer_close(mn_shard_writer *w, mn_err *e)
{
    mn_rc rc = MN_OK;
    MN_ASSERT(w->posts_in_document == 0);
    for (int p = N_PARTS - 1; p >= 0 && rc == MN_OK; p--) rc = finish_part(w, (enum part)p, e);
    for (int p = 0; p < N_PARTS; p++) {
        if (fclose(w->files[p]) != 0 && rc == MN_OK) rc = write_failed(w, (enum part)p, e);
    }
    if (rc == MN_OK) rc = sync_folder(w->stem, e);
    writer_free(w);
    return rc;
}

/* ---- reading ------------------------------------------------------------------------------------------------ */

typedef struct checking {
    const char *stem;
    mn_shard *s;
    uint32_t vocab;
    uint64_t text_size;
    mn_err *e;
} checking;

__attribute__((format(printf, 3, 4))) static mn_rc damaged(const checking *c, enum part p,
                                                           const char *fmt, ...)
{
    char why[200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    return mn_fail(c->e, MN_E_CORRUPT,
                   "'%s%s' is damaged: %s; build the corpus again (mynah corpus build)",
                   c->stem, suffix[p], why);
}

/* What the header says: the number of tokens, and the form. */
static mn_rc read_header(const checking *c)
{
    mn_shard *s = c->s;
    int32_t header[3];
    uint32_t more[5];
    if (s->bin.len < HEADER_BYTES) return damaged(c, BIN, "it ends inside its header");
    memcpy(header, s->bin.ptr, sizeof header);
    if (header[0] != MAGIC || (header[1] != VERSION && header[1] != VERSION_FORM) ||
        header[2] < 0)
        return damaged(c, BIN, "its header is not one of a token shard");
    s->n_tok = (uint64_t)header[2];
    s->form = MN_DOCFORM_OURS;
    if (header[1] == VERSION) return MN_OK;
    memcpy(more, s->bin.ptr + sizeof header, sizeof more);
    s->form = (mn_docform){
        .start = more[1], .end = more[2], .erased = more[3], .pad = more[1], .n_part = more[4]};
    memcpy(s->form.part, s->bin.ptr + sizeof header + sizeof more, sizeof s->form.part);
    if (!mn_docform_fits(&s->form, c->vocab) || (int)more[0] != mn_docform_bytes(&s->form))
        return damaged(c, BIN, "the tokens that its header names do not fit its vocabulary");
    return MN_OK;
}

/* The highest token but that for what was erased; of one that has it in its vocabulary, this is a token like others. */
static uint32_t highest_token(const mn_shard *s)
{
    const uint32_t erased = s->form.ours ? MN_SHARD_ANY : s->form.erased;
    uint32_t highest = 0;
    for (uint64_t i = 0; i < s->n_tok; i++) {
        const uint32_t id = mn_shard_token(s, i);
        highest = id > highest && id != erased ? id : highest;
    }
    return highest;
}

static mn_rc check_tokens(const checking *c)
{
    mn_shard *s = c->s;
    MN_TRY(read_header(c));
    const size_t bytes = (size_t)mn_docform_bytes(&s->form);
    if (s->bin.len != HEADER_BYTES + s->n_tok * bytes)
        return damaged(c, BIN, "its header promises %llu tokens, its size is that of %llu",
                       (unsigned long long)s->n_tok,
                       (unsigned long long)((s->bin.len - HEADER_BYTES) / bytes));
    const void *tokens = s->bin.ptr + HEADER_BYTES;
    if (bytes == 2) s->tok = tokens;
    else s->wide = tokens;
    const uint32_t highest = highest_token(s);
    if (s->n_tok && highest >= c->vocab)
        return damaged(c, BIN, "token id %u, but the vocabulary has %u", highest, c->vocab);
    return MN_OK;
}

static mn_rc check_documents(const checking *c)
{
    mn_shard *s = c->s;
    if (s->docs.len % 8) return damaged(c, DOCS, "it ends inside a record");
    s->n_docs = s->docs.len / 8;
    s->doc_end = (const uint64_t *)(const void *)s->docs.ptr;
    uint64_t last = 0;
    for (uint64_t d = 0; d < s->n_docs; d++) {
        if (s->doc_end[d] <= last || s->doc_end[d] > s->n_tok)
            return damaged(c, DOCS, "document %llu ends at token %llu, after %llu and of %llu",
                           (unsigned long long)d, (unsigned long long)s->doc_end[d],
                           (unsigned long long)last, (unsigned long long)s->n_tok);
        last = s->doc_end[d];
    }
    if (last != s->n_tok)
        return damaged(c, DOCS, "its documents end at token %llu, the shard at %llu",
                       (unsigned long long)last, (unsigned long long)s->n_tok);
    return MN_OK;
}

/* Post i after `prev` (NULL for the first): tokens and text rise, and it stands inside its document. */
static bool origin_fits(const mn_shard *s, const mn_origin *o, const mn_origin *prev)
{
    if (o->document >= s->n_docs || o->first_token >= s->doc_end[o->document]) return false;
    if (!prev) return o->document == 0 && o->first_token == 0 && o->text_offset == 0;
    if (o->first_token <= prev->first_token || o->text_offset <= prev->text_offset)
        return false;
    if (o->document == prev->document) return true;
    return o->document == prev->document + 1 && o->first_token == s->doc_end[prev->document];
}

static mn_rc check_origins(const checking *c)
{
    mn_shard *s = c->s;
    if (s->origin.len % sizeof(mn_origin)) return damaged(c, ORIGIN, "it ends inside a record");
    s->n_posts = s->origin.len / sizeof(mn_origin);
    s->posts = (const mn_origin *)(const void *)s->origin.ptr;
    for (uint64_t i = 0; i < s->n_posts; i++) {
        if (!origin_fits(s, &s->posts[i], i ? &s->posts[i - 1] : NULL))
            return damaged(c, ORIGIN, "record %llu does not fit its document",
                           (unsigned long long)i);
    }
    const mn_origin *last = s->n_posts ? &s->posts[s->n_posts - 1] : NULL;
    if ((last ? last->document + 1 : 0) != s->n_docs)
        return damaged(c, ORIGIN, "it lacks the posts of some documents");
    if (last ? last->text_offset >= c->text_size : c->text_size > 0)
        return damaged(c, TEXT, "its size, %llu bytes, does not fit the posts",
                       (unsigned long long)c->text_size);
    s->text_bytes = c->text_size - s->n_posts;
    return MN_OK;
}

static mn_rc missing(const char *stem, enum part p, mn_rc rc, mn_err *e)
{
    if (rc != MN_E_NOT_FOUND) return rc;
    return mn_fail(e, MN_E_NOT_FOUND,
                   "'%s%s' is missing; build the corpus (mynah corpus build) or name another",
                   stem, suffix[p]);
}

static mn_rc map_part(const char *stem, enum part p, mn_fs_map *ret, mn_err *e)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s%s", stem, suffix[p]) >= (int)sizeof path)
        return mn_fail(e, MN_E_LIMIT, "path too long: '%.200s…'", stem);
    return missing(stem, p, mn_fs_map_open(path, ret, e), e);
}

static mn_rc open_parts(const char *stem, mn_shard *s, uint64_t *ret_text_size, mn_err *e)
{
    char path[PATH_MAX];
    MN_TRY(map_part(stem, BIN, &s->bin, e));
    MN_TRY(map_part(stem, DOCS, &s->docs, e));
    MN_TRY(map_part(stem, ORIGIN, &s->origin, e));
    snprintf(path, sizeof path, "%s%s", stem, suffix[TEXT]);
    return missing(stem, TEXT, mn_fs_size(path, ret_text_size, e), e);
}

mn_rc mn_shard_open(const char *stem, uint32_t vocab, mn_shard *ret, mn_err *e)
{
    mn_shard s = {0};
    checking c = {.stem = stem, .s = &s, .vocab = vocab, .e = e};
    mn_rc rc = open_parts(stem, &s, &c.text_size, e);
    if (rc == MN_OK) rc = check_tokens(&c);
    if (rc == MN_OK) rc = check_documents(&c);
    if (rc == MN_OK) rc = check_origins(&c);
    if (rc == MN_OK) *ret = s;
    else mn_shard_close(&s);
    return rc;
}

void mn_shard_close(mn_shard *s)
{
    mn_fs_map_close(&s->bin);
    mn_fs_map_close(&s->docs);
    mn_fs_map_close(&s->origin);
    *s = (mn_shard){0};
}

bool mn_shard_text(const mn_shard *s, mn_str txt, uint64_t i, mn_str *ret)
{
    const uint64_t from = s->posts[i].text_offset;
    const uint64_t to = i + 1 < s->n_posts ? s->posts[i + 1].text_offset : (uint64_t)txt.len;
    if (from + 1 >= to || to > txt.len) return false;
    *ret = (mn_str){txt.ptr + from, (size_t)(to - from - 1)}; /* without LF */
    return true;
}

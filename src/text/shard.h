/* Token shards: what `corpus` writes and `model` reads. Three files share a stem, e.g. corpus/NAME/train:
 *
 *   .bin     256 little-endian int32 [20240520, 1, n_tokens, 0…] then n_tokens u16   (llm.c's layout, vocab ≤ 65,536), in our own form;
 *            in others' (docform.h) [20240520, 2, n_tokens, bytes of a token, start, end, erased, n_part, part 0 … 7, 0…] and then n_tokens
 *            u16 or u32
 *   .docs    u64 per document: index one past its last token, rising; the last equals n_tokens
 *   .origin  one 48-byte record per post, in token order, little-endian:
 *            u64 post id, u64 author id, u64 consent revision, u64 first token, u64 byte offset in STEM.txt, u64 document
 *   .txt     the clean text, posts one after the other, each followed by LF (LF inside a post is kept as it is)
 *
 * The writer streams and never seeks but to fill in the header; the reader maps the files and checks lengths, header,
 * that documents rise, that every token id is below the vocabulary, and that origins point inside.
 */
#ifndef MN_TEXT_SHARD_H
#define MN_TEXT_SHARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/fs.h"
#include "text/docform.h"

typedef struct mn_origin {
    uint64_t post_id, author_id, consent_rev, first_token, text_offset, document;
} mn_origin;

typedef struct mn_shard_writer mn_shard_writer;
/* In our own form. Files must not exist. */
mn_rc mn_shard_writer_open(const char *stem, mn_shard_writer **ret, mn_err *e);
/* form: which must fit its vocabulary. */
mn_rc mn_shard_writer_open_as(const char *stem, const mn_docform *form, mn_shard_writer **ret,
                              mn_err *e);
/* A post belongs to the current document; `text` is its clean text, `ids` its tokens with the structure tokens before it.
 * limits 2^31 - 1 tokens (MN_E_LIMIT); ids that the form's width cannot hold, or that say "erased" in others' form, and a post without
 *        ids are our mistakes (assert) */
mn_rc mn_shard_writer_post(mn_shard_writer *w, uint64_t post_id, uint64_t author_id,
                           uint64_t consent_rev, mn_str text, const uint32_t *ids, size_t n,
                           mn_err *e);
/* Ends the document with the form's token. A document without posts is our mistake (assert). */
mn_rc mn_shard_writer_end_document(mn_shard_writer *w, mn_err *e);
/* Flushes, syncs, closes and frees in every case. The header's count is written last: a shard that was not closed is
 * refused by mn_shard_open. */
mn_rc mn_shard_writer_close(mn_shard_writer *w, mn_err *e);
void mn_shard_writer_abandon(
    mn_shard_writer *w); /* closes and removes the files; NULL is fine */

typedef struct mn_shard {
    mn_fs_map bin, docs, origin;
    mn_docform form;
    const uint16_t *tok;  /* n_tok, or */
    const uint32_t *wide; /* n_tok; the other is NULL */
    uint64_t n_tok;
    const uint64_t *doc_end; /* n_docs */
    uint64_t n_docs;
    const mn_origin *posts; /* n_posts */
    uint64_t n_posts;
    uint64_t
        text_bytes; /* size of STEM.txt less one LF a post: the bytes that bits per byte divides by */
} mn_shard;
/* vocab: ids at or above it are MN_E_CORRUPT, but for the form's "erased". MN_SHARD_ANY where tokens are not looked at. A missing or damaged
 * file says which and what to do. */
#define MN_SHARD_ANY UINT32_MAX
mn_rc mn_shard_open(const char *stem, uint32_t vocab, mn_shard *ret, mn_err *e);
void mn_shard_close(mn_shard *s);
/* Token i as it lies there. */
static inline uint32_t mn_shard_token(const mn_shard *s, uint64_t i)
{
    return s->wide ? s->wide[i] : s->tok[i];
}
/* The same for a model to read: what was erased is padding. */
static inline uint32_t mn_shard_input(const mn_shard *s, uint64_t i)
{
    const uint32_t id = mn_shard_token(s, i);
    return id == s->form.erased ? s->form.pad : id;
}
/* The clean text of post i, borrowed from txt, which is what STEM.txt holds; false: the two do not fit. An erased post's is blanks. */
bool mn_shard_text(const mn_shard *s, mn_str txt, uint64_t i, mn_str *ret);

/* Erasing: the documents keep their numbers and their slots, but each of their tokens becomes the form's `erased` (which nothing is
 * learnt from and no document begins with), their text blanks, and author and consent of their posts 0. In place and synced, so that
 * nothing of them is left in the files; doing it again, after a crash in the middle too, does no harm. Nobody may be reading
 * the shard. docs: n numbers below the shard's documents, in any order.
 * errors MN_E_IO, MN_E_CORRUPT and MN_E_NOT_FOUND as mn_shard_open, MN_E_USAGE (no such document) */
mn_rc mn_shard_erase(const char *stem, uint32_t vocab, const uint64_t *docs, size_t n,
                     mn_err *e);
bool mn_shard_erased(const mn_shard *s, uint64_t doc);

#endif

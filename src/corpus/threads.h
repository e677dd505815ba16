/* Conversations as documents.
 *
 * A post follows the one it replies to, or else the one it quotes, when that is kept and earlier. Of several that follow
 * one post, the one with the longest conversation below it goes on in the same document (the earliest of equals); each
 * other begins a document of its own, as does a post whose forerunner was dropped. So every kept post stands in exactly
 * one document, and no document pretends an answer to something that is not there.
 */
#ifndef MN_CORPUS_THREADS_H
#define MN_CORPUS_THREADS_H

#include "corpus/candidates.h"

#define MN_DOCUMENT_POSTS 64
#define MN_DOCUMENT_BYTES 16384 /* of clean text; a longer post stands alone */

typedef enum mn_link_kind { MN_LINK_FIRST, MN_LINK_REPLY, MN_LINK_QUOTE } mn_link_kind;

typedef struct mn_documents {
    uint32_t *posts; /* candidates' indices, document after document; n_posts */
    uint8_t *kinds;  /* mn_link_kind of each */
    size_t *ends;    /* index into posts one past each document; n */
    size_t n, n_posts;
} mn_documents;

/* Documents of the candidates without a drop, in order of their first posts. errors MN_E_NOMEM */
mn_rc mn_corpus_documents(const mn_cands *c, mn_documents *ret);
void mn_documents_release(mn_documents *d);
static inline size_t mn_document_start(const mn_documents *d, size_t doc)
{
    return doc ? d->ends[doc - 1] : 0;
}

#endif

/* Copies: the same beginning again and again, the same normal form, nearly the same text. The earliest stays. */
#ifndef MN_CORPUS_DEDUP_H
#define MN_CORPUS_DEDUP_H

#include "base/thread.h"
#include "corpus/candidates.h"

#define MN_TEMPLATE_WORDS 4  /* a template shows in its first words */
#define MN_TEMPLATE_KEPT  5  /* so many of one template an author keeps */
#define MN_GROUP_KEPT     64 /* posts of one band compared with a new one at most */

/* Sets drop and of on those that are copies:
 *   MN_DROP_TEMPLATE        same author, same first four words, J ≥ 1/2 with five earlier ones that stay
 *   MN_DROP_DUPLICATE       same normal form as an earlier post that stays
 *   MN_DROP_NEAR_DUPLICATE  shares a band with an earlier post that stays, and J ≥ 4/5
 * So what is dropped resembles something kept; chains of small changes do not carry a post away. Candidates must be in
 * time order; their bands are overwritten. spool: the clean texts. Same result for any pool. errors MN_E_NOMEM */
mn_rc mn_corpus_dedup(mn_cands *c, const char *spool, mn_pool *pool, mn_err *e);

#endif

/* The first stage: may this post be learnt from at all? */
#ifndef MN_CORPUS_GATE_H
#define MN_CORPUS_GATE_H

#include "corpus/corpus.h"

/* MN_DROP_NONE for a live, public post that is no boost and whose nearest consent setting allows train_generative;
 * otherwise the first reason of mn_drop's order. Pure. */
mn_drop mn_corpus_gate(const mn_post *p, mn_consents server);
/* The ledger line that allowed it: of the nearest scope that says anything. */
uint64_t mn_corpus_gate_rev(const mn_post *p, uint64_t server_seq);

#endif

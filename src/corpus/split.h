/* What is held out.
 *
 * Posts are joined that share an author, a thread or a document; what hangs together goes to one side, so that no author
 * and no thread is in both. Components are taken for validation in the order of a hash of their smallest author id, which
 * does not change when others join, until the share is reached; one that would overshoot it by half is passed over. A
 * conversation that holds nearly everybody therefore stays in training.
 * Where that leaves less than half of the share (one author, or one big conversation), only threads and documents are
 * kept apart, and by_author says so.
 * Documents with a post of an earlier corpus (mn_cand.old) join nothing and stay in training; the share is of the others.
 */
#ifndef MN_CORPUS_SPLIT_H
#define MN_CORPUS_SPLIT_H

#include "corpus/threads.h"

typedef struct mn_split {
    bool *val; /* for each document */
    bool by_author;
    size_t components; /* of the kind that was used */
    double largest;    /* share of the text that the largest of them holds */
    double share;      /* share of the text held out */
} mn_split;

/* errors MN_E_NOMEM; MN_E_USAGE when share > 0 and nothing can be held out, unless there are old documents */
mn_rc mn_corpus_split_of(const mn_cands *c, const mn_documents *d, double share, mn_split *ret,
                         mn_err *e);
void mn_split_release(mn_split *s);

#endif

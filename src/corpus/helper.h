/* What every rank of a corpus build does for rank 0 (which has one of these too): tasks.h says how they come here, wire.h what is in them. It keeps the
 * words it has counted and the tokenizer it was given; of posts nothing. */
#ifndef MN_CORPUS_HELPER_H
#define MN_CORPUS_HELPER_H

#include "corpus/tasks.h"
#include "corpus/wire.h"

typedef enum mn_help {
    MN_HELP_SCAN,  /* a stretch of the store: what became of its posts */
    MN_HELP_COUNT, /* texts: counts their words; nothing comes back */
    MN_HELP_WORDS, /* nothing: all words counted so far (mn_tok_trainer_put), which are forgotten then */
    MN_HELP_TOKENIZER, /* a mn_docform and a tokenizer.json: the tokenizer's hash */
    MN_HELP_ENCODE     /* texts: their tokens */
} mn_help;

#define MN_HELP_STRETCH   4096 /* posts of a stretch: about 40 ms of one thread */
#define MN_HELP_DOCUMENTS 2048 /* of one request of texts */

typedef struct mn_helper mn_helper;
/* Borrows both. errors MN_E_NOMEM */
mn_rc mn_helper_new(mn_store *store, mn_pool *pool, mn_helper **ret, mn_err *e);
void mn_helper_free(mn_helper *h);
/* A mn_task_fn. errors of the stages; MN_E_CORRUPT what does not read as a request */
mn_rc mn_helper_do(void *helper, uint32_t op, mn_str request, mn_buf *ret, mn_err *e);
/* What the stages make of these posts as if all of them might be learnt from, as one number: ranks that differ would not make one corpus. At most
 * MN_HELP_SAMPLE posts. */
#define MN_HELP_SAMPLE 128
mn_rc mn_helper_try(mn_helper *h, const mn_posts *posts, bool keep_handles, uint64_t *ret,
                    mn_err *e);

#endif

/* A model as a classifier of texts: a linear layer on the final hidden state of each text's end token, learnt together with an
 * adapter (lora.h) of the frozen model. For measuring (docs/design/evaluation.md); nothing is kept.
 *
 * numbers  the same (model, texts, options) give the same labels on any number of threads of one kind of CPU */
#ifndef MN_MODEL_CLASSIFY_H
#define MN_MODEL_CLASSIFY_H

#include "model/forward.h"
#include "model/open.h"

#define MN_CLASSIFY_LABELS 64u

/* Texts as runs of tokens, each with the model's beginning and end; owned. */
typedef struct mn_class_texts {
    uint32_t *ids;
    uint64_t *end; /* [n]: text i is ids[i ? end[i - 1] : 0 .. end[i]) */
    uint64_t n, n_ids;
} mn_class_texts;
/* most: tokens of a row; longer texts lose their last words. errors MN_E_USAGE (an empty text), MN_E_UNSUPPORTED, MN_E_NOMEM */
mn_rc mn_class_texts_new(const mn_model *m, const mn_str *texts, size_t n, size_t most,
                         mn_class_texts *ret, mn_err *e);
void mn_class_texts_release(mn_class_texts *t);

typedef struct mn_classify_opts {
    uint8_t n_labels; /* 2 … MN_CLASSIFY_LABELS */
    uint32_t rank;    /* 0: 16; alpha is twice the rank, all matrices */
    double epochs;    /* 0: 3 */
    double
        lr; /* 0: 5e-4 for models up to 512 wide, less for wider ones; the linear layer's is four times that */
    size_t row_tokens; /* 0: 128 or what the model reads */
    size_t batch_rows; /* 0: 4 */
    uint64_t seed;
    mn_dtype dtype;
    void *arg;
    void (*on_step)(void *arg, uint64_t step, uint64_t n_steps, double loss); /* may be NULL */
} mn_classify_opts;

typedef struct mn_classifier mn_classifier;
/* Learns from texts and labels (below n_labels). Borrows m and pool.
 * errors MN_E_USAGE, MN_E_NOMEM, MN_E_UNSUPPORTED (bf16), MN_E_LIMIT (no text; the loss is no number any more), MN_E_CANCELLED */
mn_rc mn_classifier_learn(const mn_model *m, mn_pool *pool, const mn_classify_opts *o,
                          const mn_class_texts *texts, const uint8_t *labels,
                          mn_classifier **ret, mn_err *e);
void mn_classifier_free(mn_classifier *c);
/* The likeliest label of each text, ties to the smaller: ret [texts->n]. errors MN_E_NOMEM, MN_E_CANCELLED */
mn_rc mn_classifier_say(mn_classifier *c, const mn_class_texts *texts, uint8_t *ret, mn_err *e);
/* The length of rows for these options. */
size_t mn_classify_row_tokens(const mn_classify_opts *o, const mn_model *m);

#endif

/* The model card: what a model's folder knows of it, as a Hugging Face README.md (front matter in YAML, text in Markdown).
 *
 * Everything in it is read from files beside the model: config.json, training.json, evaluation.json, origin.json, forgotten/NNNN.json, and the manifest of
 * the corpus that it learnt from. The same files give the same bytes. Nothing in them is trusted: names and texts are escaped, numbers are read as
 * numbers, and what is not of the expected shape is left out. docs/design/evaluation.md */
#ifndef MN_MODEL_CARD_H
#define MN_MODEL_CARD_H

#include "base/json.h"
#include "model/config.h"

#define MN_CARD_FORGOTTEN 1000u /* accounts of forgetting that are read: the latest */

/* What is known; all may be absent. Trees are as parsed: any of their values may be of any type. */
typedef struct mn_card {
    mn_str name; /* of the folder */
    bool has_cfg;
    mn_config cfg;
    mn_str licence, source, author; /* of the model or of what it was made from */
    const mn_json *training, *evaluation, *origin;
    const mn_json *manifest;         /* of the corpus, as it was built for this training */
    const mn_json *const *forgotten; /* [n_forgotten] in their order */
    size_t n_forgotten;
    const char *damaged; /* a file that is there and cannot be read; NULL: none */
} mn_card;

/* The member of a kind of evaluation, and of training.json, that says which weights were meant: the checkpoint's hash. */
#define MN_CARD_WEIGHTS "checkpoint_sha256"
/* A kind of evaluation ("held_out" …), an object. NULL: there is none, or it was measured with weights that the model has no longer, because it
 * learnt or forgot something since: then *io_stale becomes true (may be NULL). */
const mn_json *mn_card_result(const mn_card *c, const char *kind, bool *io_stale);
/* Whether any result is of other weights. */
bool mn_card_stale(const mn_card *c);

/* Takes results of other weights out of DIR/evaluation.json, and of a model that has forgotten something those that do not say of which weights they are: what it
 * wrote, and on whom it was measured, is not kept beyond what it knows. Others' members stay. Doing it again does no harm.
 * errors MN_E_CORRUPT (the file is damaged; it is left as it is), MN_E_NOMEM, MN_E_IO */
mn_rc mn_card_forget(const char *dir, mn_err *e);

/* On a; dir: a model's folder. corpora: the folder of corpora, NULL: not known. errors MN_E_NOMEM; what is damaged is named in ret */
mn_rc mn_card_read(const char *dir, const char *corpora, mn_arena *a, mn_card *ret, mn_err *e);
/* Appends README.md's text. */
void mn_card_put(const mn_card *c, mn_buf *ret);
/* Writes DIR/README.md anew, atomically, and *ret_written (may be NULL) says so. A README.md that this function did not write is the card of whom
 * the model comes from: it stays. errors MN_E_NOMEM, MN_E_IO */
mn_rc mn_card_write(const char *dir, const char *corpora, bool *ret_written, mn_err *e);

#endif

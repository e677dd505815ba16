/* Where a model comes from that was made here from another one: origin.json, by which its base's licence and origin go on with it. */
#ifndef MN_MODEL_PROVENANCE_H
#define MN_MODEL_PROVENANCE_H

#include "model/open.h"

typedef struct mn_provenance {
    const mn_model *base;
    const char *base_name;
    uint8_t base_hash[32]; /* mn_model_hash */
    const char
        *verb; /* "tuned", "continued": what became of the base, in "VERB_from" and "VERB_at" */
    const char *kind, *data; /* "data" or "corpus", and its name; data NULL: not known here */
    uint8_t data_hash[32];
    const char *how;
} mn_provenance;

/* {"source","licence","author",VERB_from,"base_sha256",KIND,KIND_sha256,"how",VERB_at}. errors MN_E_IO, MN_E_NOMEM */
mn_rc mn_provenance_write(const mn_provenance *p, const char *dir, mn_err *e);

/* SHA-256 of a model's numbers: shape, formats and bytes of all tensors. */
mn_rc mn_model_hash(const mn_model *m, uint8_t ret[32], mn_err *e);

#endif

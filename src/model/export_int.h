/* What exporting and importing share: the small files of a folder. */
#ifndef MN_MODEL_EXPORT_INT_H
#define MN_MODEL_EXPORT_INT_H

#include "model/export.h"

/* Special tokens as config.json and tokenizer_config.json name them. parts are on the arena. */
typedef struct mn_export_names {
    mn_tok_parts parts;
    uint32_t ends[8];
    size_t n_ends; /* at least the tokenizer's own end, when it has one */
} mn_export_names;
mn_rc mn_export__names(const mn_model *m, mn_arena *a, mn_export_names *ret, mn_err *e);

/* Each writes one file into dir. MN_E_UNSUPPORTED where positions are stretched in a way that config.json cannot say. */
mn_rc mn_export__config(const mn_model *m, const mn_export_names *n, mn_qtype type,
                        const char *dir, mn_err *e);
mn_rc mn_export__generation(const mn_model *m, const mn_export_names *n, const char *dir,
                            mn_err *e);
mn_rc mn_export__tokenizer_config(const mn_model *m, const mn_export_names *n, const char *dir,
                                  mn_err *e);
mn_rc mn_export__special_tokens(const mn_export_names *n, const char *dir, mn_err *e);
mn_rc mn_export__card(const mn_model *m, const char *dir, mn_err *e);
mn_rc mn_export__tokenizer(const mn_model *m, const char *dir, mn_err *e);

/* Copies FROM/NAME to TO/NAME, whole or not at all; *ret says whether it was there. */
mn_rc mn_export__copy(const char *from, const char *to, const char *name, bool *ret, mn_err *e);

#endif

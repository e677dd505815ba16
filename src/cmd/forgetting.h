/* Private to src/cmd/forget*.c: one call of `mynah forget`. */
#ifndef MN_CMD_FORGETTING_H
#define MN_CMD_FORGETTING_H

#include "base/args.h"
#include "cmd/cmd.h"
#include "cmd/learning.h"
#include "corpus/closure.h"
#include "corpus/due.h"
#include "model/descent.h"
#include "model/forget.h"
#include "social/social.h"

typedef struct mn_forgetting {
    mn_opt_strs posts, accounts;
    const char *model;
    bool due, verify;
    uint64_t threads;
    mn_arena arena;
    mn_learning l;
    mn_home home;
    uint64_t *id; /* posts to forget */
    size_t n, cap;
    uint64_t authors[MN_OPT_STRS_MAX]; /* whose posts to forget */
    size_t n_authors;
    bool stopped;
    uint64_t models, documents; /* done */
    const char **changed; /* models whose weights are others now, or should be; on the arena */
    size_t n_changed, cap_changed;
    uint64_t unable, busy; /* models that cannot; that are being trained */
} mn_forgetting;

/* One more post to forget. MN_E_NOMEM */
mn_rc mn_forgetting__add(mn_forgetting *j, uint64_t id, mn_err *e);

/* forget_models.c: makes the models of a corpus forget, then the corpus itself. What cannot or is busy is said and counted. */
mn_rc mn_forgetting__corpus(mn_forgetting *j, const mn_corpus_report *r, mn_err *e);

/* forget_descent.c: the weights of that model are others now. */
mn_rc mn_forgetting__changed(mn_forgetting *j, const char *name, mn_err *e);
/* Marks a model as stale, says so, and counts it among the changed. because NULL: no memory. */
mn_rc mn_forgetting__stale(mn_forgetting *j, const char *name, mn_stale_cause cause,
                           const char *because, mn_err *e);
/* The same for all that were made from changed ones, and from those. */
mn_rc mn_forgetting__descendants(mn_forgetting *j, mn_err *e);

/* forget_due.c: finds what is due in each of the n corpora and adds it. *ret: [n], on the arena. */
mn_rc mn_forgetting__due(mn_forgetting *j, const mn_corpus_report *all, size_t n,
                         mn_corpus_due **ret, mn_err *e);
/* All of it is forgotten: the next search begins after it. */
mn_rc mn_forgetting__due_done(mn_forgetting *j, const mn_corpus_report *all, size_t n,
                              const mn_corpus_due *due, mn_err *e);

/* forget_sign.c: every account of a forgetting that has no signature yet gets one. */
mn_rc mn_forgetting__sign(mn_forgetting *j, mn_err *e);
/* forget_verify.c: holds all accounts, or one model's, against models and signatures. MN_E_CORRUPT: one does not hold. */
mn_rc mn_forgetting__verify(mn_forgetting *j, mn_err *e);

#endif

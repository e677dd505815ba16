/* Inside a cycle of keeping current. */
#ifndef MN_CMD_NIGHT_INT_H
#define MN_CMD_NIGHT_INT_H

#include "base/fs.h"
#include "cmd/judge.h"
#include "cmd/night.h"
#include "corpus/corpus.h"

#define MN_NIGHT_LINEAGE 4096 /* models that go on from one another, at most */

/* What was decided at the beginning of a cycle; in learn.json until it ends. */
typedef struct mn_night_plan {
    char model[128];                    /* its corpus has the same name */
    char parent[256];                   /* the model in use */
    char after[MN_CORPUS_NAME_MAX + 1]; /* its corpus */
    uint64_t steps, new_posts;
    uint64_t replay;   /* thousandths of the text */
    uint64_t canaries; /* their seed; 0: none */
} mn_night_plan;

typedef struct mn_night {
    const mn_night_opts *o;
    const char *dir; /* the data folder */
    mn_arena a;
    mn_fs_lock lock;
    bool leased;
    int64_t renewed_us;
    char holder[300];
    bool planned;
    mn_night_plan plan;
} mn_night;

/* night_state.c */
mn_rc mn_night__lock(mn_night *n, mn_err *e);
void mn_night__unlock(mn_night *n);
void mn_night__renew(mn_night *n);                 /* the lease; now and then */
mn_rc mn_night__read_plan(mn_night *n, mn_err *e); /* n->planned */
mn_rc mn_night__write_plan(mn_night *n, mn_err *e);
/* The cycle is over: no plan, and how it ended. */
mn_rc mn_night__write_end(mn_night *n, const mn_night_result *r, const char *outcome,
                          mn_err *e);
/* A member of a model's JSON file, on the arena; NULL when there is none. */
const mn_json *mn_night__file(mn_night *n, const char *model, const char *file);
/* DATA/models/MODEL[/FILE] on the arena. */
const char *mn_night__path(mn_night *n, const char *model, const char *file, mn_err *e);
/* The corpus that a model was trained on; "" when it was not trained here. */
const char *mn_night__corpus_of(mn_night *n, const char *model);

/* night_lineage.c: the models from the one in use back to the first, newest first; on the arena */
mn_rc mn_night__lineage(mn_night *n, const char *model, const char ***ret, size_t *ret_n,
                        mn_err *e);
/* Whatever went on from a model that has forgotten something since is trained again, from there on. */
mn_rc mn_night__refresh(mn_night *n, const char *current, mn_err *e);
/* Removes what cycles left and nobody needs any more. */
mn_rc mn_night__prune(mn_night *n, mn_err *e);

/* night_measure.c */
mn_rc mn_night__measure(mn_night *n, mn_measured *ret_before, mn_measured *ret_after,
                        mn_err *e);
/* models/NAME/decision.json */
mn_rc mn_night__write_decision(mn_night *n, const mn_measured *before, const mn_measured *after,
                               const mn_judgement *j, mn_err *e);

#endif

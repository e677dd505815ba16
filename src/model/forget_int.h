/* Inside forgetting: the folder in which it is done. */
#ifndef MN_MODEL_FORGET_INT_H
#define MN_MODEL_FORGET_INT_H

#include "base/mem.h"
#include "model/forget.h"

/* What a forgetting knows before it begins. Paths on the arena. */
typedef struct mn_forget__plan {
    const mn_forget_opts *o;
    mn_arena a;
    char *work, *checkpoints; /* models/NAME/forgetting; models/NAME/checkpoints */
    mn_checkpoint to, from;   /* the newest; the one to go back to */
    mn_wal_log log;
    mn_mask old, all, add; /* masked until now; after; the difference */
    uint64_t first;        /* step that saw one of `add`; 0: none */
    char corpus[128], corpus_sha256[65];
    char started[40];
} mn_forget__plan;

/* "model_dir/name" on the arena; NULL and the error set: no memory. */
char *mn_forget__path(mn_forget__plan *p, const char *name, mn_err *e);

/* models/NAME/forgetting, made anew: a folder of a training that was stopped at p->from and has p->all masked. It counts from when its
 * last file is there. */
mn_rc mn_forget__begin(mn_forget__plan *p, mn_err *e);
/* Whether a forgetting of just p->all from p->to on is under way; then p->started is its start. */
bool mn_forget__under_way(mn_forget__plan *p);
/* The documents that one which is under way masks; none without one. */
mn_rc mn_forget__pending(mn_forget__plan *p, mn_mask *ret, mn_err *e);
/* Everything is done in the folder: writes what was done, and marks it as whole. Fills weights_sha256. */
mn_rc mn_forget__seal(mn_forget__plan *p, mn_forget_result *ret, mn_err *e);
/* Puts a whole one in the model's place, file by file; whoever finds it half done goes on (the same call). MN_OK when there is none. */
mn_rc mn_forget__put(mn_forget__plan *p, mn_err *e);

#endif

/* What `mynah train` and `mynah tune` share: showing a run as it goes, finding the one to go on with, its name. */
#ifndef MN_CMD_LEARNING_H
#define MN_CMD_LEARNING_H

#include "base/json.h"
#include "base/progress.h"
#include "model/trainlog.h"

typedef struct mn_learning {
    const char *verb; /* "train", "tune" */
    const char *data; /* the data folder as given; NULL: the usual one */
    bool json;
    mn_arena *arena;
    mn_progress bar;
    int64_t line_us; /* when the last line of JSON was written */
} mn_learning;

/* Callbacks of a run; arg is a mn_learning. A line of JSON a second at most, else the progress bar. */
void mn_learning_note(void *arg, const char *line);
void mn_learning_step(void *arg, const mn_curve_point *p, uint64_t steps_total, double share);
/* To stderr: that it stopped, and the command that goes on. */
void mn_learning_stopped(const mn_learning *l, uint64_t steps, const char *name);

/* DATA/models/NAME; NULL: out of memory. */
const char *mn_learning_dir(const mn_learning *l, const char *name);
/* A JSON file of that model; NULL: there is none that can be read. */
const mn_json *mn_learning_file(const mn_learning *l, const char *name, const char *file);
/* The unfinished run whose log was written last, among those that tuned a model or the others.
 * errors MN_E_NOT_FOUND */
mn_rc mn_learning_unfinished(const mn_learning *l, bool tuned, const char **ret_name,
                             mn_err *e);
/* STEM, or STEM-2, STEM-3 … when it is taken: when its folder, or `inside` of it, is there. */
mn_rc mn_learning_name(const mn_learning *l, mn_str stem, const char *inside,
                       const char **ret_name, mn_err *e);
/* errors MN_E_IO says to choose another folder */
mn_rc mn_learning_writable(const mn_learning *l, mn_err *e);

#endif

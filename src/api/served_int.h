/* Private to src/api/served*.c: a model in memory, and finding models on disk. */
#ifndef MN_API_SERVED_INT_H
#define MN_API_SERVED_INT_H

#include <pthread.h>

#include "api/served.h"

#define MN_SERVED_NAME     128
#define MN_SERVED_GRAMMARS 32

/* Where a model lies, and which weights they are. */
typedef struct mn_served__place {
    char name[MN_SERVED_NAME], path[1024];
    char id[96]; /* the weights' inode, size and time */
    int64_t created_ms;
} mn_served__place;

/* errors MN_E_NOT_FOUND, with whose name it was */
mn_rc mn_served__find(const char *data_dir, mn_str name, mn_served__place *ret, mn_err *e);

mn_rc mn_served__list(const char *data_dir, mn_arena *ar, mn_served_model **ret, size_t *ret_n,
                      mn_err *e);

typedef enum mn_served__state {
    MN_SERVED_LOADING,
    MN_SERVED_READY,
    MN_SERVED_BROKEN
} mn_served__state;

typedef struct mn_served__grammar {
    uint8_t hash[32]; /* of the schema's text */
    mn_grammar *grammar;
    uint64_t used;
} mn_served__grammar;

typedef struct mn_served__model mn_served__model;
struct mn_served__model {
    mn_serving pub; /* first: what its holders see */
    mn_served *all;
    mn_served__model *next;
    mn_served__place place;
    mn_served__state state;
    bool stale;    /* the file is another one now: goes with its last holder */
    int refs;      /* holders, and takers that wait for the loading */
    uint64_t used; /* when it was last taken, as a count of takes */
    mn_rc rc;      /* why it is broken */
    char why[480];
    pthread_mutex_t lock; /* of what follows */
    mn_vocab_trie *trie;
    mn_served__grammar grammars[MN_SERVED_GRAMMARS];
    uint64_t grammar_uses;
};

void mn_served__grammars_release(mn_served__model *m);

#endif

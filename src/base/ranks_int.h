/* Inside ranks: what carries messages. MPI's is ranks_mpi.c; tests have one of threads in a process. */
#ifndef MN_BASE_RANKS_INT_H
#define MN_BASE_RANKS_INT_H

#include "base/ranks.h"

#define MN_RANKS_BLOCK ((size_t)64 << 20) /* the most bytes of one message */

typedef struct mn_ranks_ops {
    /* n of 1 to MN_RANKS_BLOCK; *ret is handed to test until it is done. */
    mn_rc (*send)(void *self, int to, const void *p, size_t n, void **ret, mn_err *e);
    mn_rc (*recv)(void *self, int from, void *p, size_t n, void **ret, mn_err *e);
    mn_rc (*test)(void *self, void **io_one, bool *ret_done, mn_err *e);
    void (*abort)(void *self);
    void (*close)(void *self);
} mn_ranks_ops;

/* Takes self (ops->close frees it, also when this fails). All ranks call it: they tell each other where they run. */
mn_rc mn_ranks_new(const mn_ranks_ops *ops, void *self, int rank, int size, mn_ranks **ret,
                   mn_err *e);
/* Loads the library and begins. */
mn_rc mn_ranks__mpi(const mn_ranks_ops **ret_ops, void **ret_self, int *ret_rank, int *ret_size,
                    mn_err *e);

#endif

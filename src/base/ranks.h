/* Ranks: the processes of one piece of work, started by `mpirun -n N mynah train …` or `corpus build`, and how they talk.
 *
 * Without mpirun there is one rank and no MPI: mn_ranks_open gives NULL, which every function here takes for "alone". Under Open MPI's
 * mpirun (OMPI_COMM_WORLD_SIZE is set) libmpi.so.40 is loaded when it is needed: the program links nothing, is built without
 * MPI's headers, and runs where there is no MPI.
 * This rests on Open MPI's binary interface, which its soname (.so.40: versions 2.0 to 5) promises: handles are pointers, the
 * predefined ones are addresses of exported objects (ompi_mpi_comm_world, ompi_mpi_byte, ompi_mpi_errors_return), an ignored
 * status is NULL. The alternative, its headers at build time, would make them a need of every build for the same eleven
 * functions. Another MPI (MPICH's interface has small integers) is refused by name, not tried.
 *
 * wire    messages from one rank to another arrive in the order in which they were posted, as their lengths say; the ranks' programs
 *         are the same, so both ends know the lengths. Values travel as they lie in memory: machines of one kind.
 * thread  one thread at a time; it may be another one each time
 * waiting sleeps between looks (up to 1 ms), so that a rank that waits leaves its processor to others; it watches the other
 *         processes of its own machine and fails with MN_E_CANCELLED when one is gone. Elsewhere mpirun does.
 * errors  MN_E_IO with MPI's words, MN_E_CANCELLED, MN_E_NOMEM. After a failed call the ranks are no longer in step: the only way on
 *         is mn_ranks_abort. */
#ifndef MN_BASE_RANKS_H
#define MN_BASE_RANKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define MN_RANKS_MAX 4096

typedef struct mn_ranks mn_ranks;

/* errors  MN_E_UNSUPPORTED: started by mpirun, but its library cannot be loaded, or by another MPI's */
mn_rc mn_ranks_open(mn_ranks **ret, mn_err *e);
/* All ranks close, after success or after a failure that all know of (mn_ranks_agreed). NULL is fine. */
void mn_ranks_close(mn_ranks *r);
/* For all other failures: ends every rank at once with exit code 1, this one too, without closing anything. Returns only where r is NULL. */
void mn_ranks_abort(mn_ranks *r);

/* What is said when a rank is gone ends in this: "…, which ends here; ADVICE". Borrowed; nothing until it is set. NULL ranks are fine. */
void mn_ranks_advise(mn_ranks *r, const char *advice);

int mn_ranks_rank(const mn_ranks *r); /* 0 alone */
int mn_ranks_size(const mn_ranks *r); /* 1 alone */
/* Threads that this rank has processors for: all that it may use, shared with the other ranks of its machine where mpirun
 * has not bound it to some. */
int mn_ranks_threads(const mn_ranks *r);
/* Whether the last mn_ranks_agree failed everywhere, and nothing went wrong since. True alone. */
bool mn_ranks_agreed(const mn_ranks *r);
/* Whether it is for this rank to tell people of the failure at hand: in mn_ranks_agree, rank 0 tells for all; of a rank that
 * is gone, the first that is left on its machine tells. True alone. */
bool mn_ranks_tells(const mn_ranks *r);

/* ---- messages ---- */

/* What is under way; {0} to begin with. Keeps its memory for the next time. */
typedef struct mn_ranks_set {
    void **under_way;
    size_t n, cap;
} mn_ranks_set;

/* Begins to send or receive n bytes; p stays as it is, or is not looked at, until the set is done. n may be 0 (nothing is sent). */
mn_rc mn_ranks_send(mn_ranks *r, mn_ranks_set *set, int to, const void *p, size_t n, mn_err *e);
mn_rc mn_ranks_recv(mn_ranks *r, mn_ranks_set *set, int from, void *p, size_t n, mn_err *e);
/* Looks once. */
mn_rc mn_ranks_poll(mn_ranks *r, mn_ranks_set *set, bool *ret_done, mn_err *e);
/* Until all of the set is done. */
mn_rc mn_ranks_wait(mn_ranks *r, mn_ranks_set *set, mn_err *e);
void mn_ranks_set_release(mn_ranks_set *set);

/* ---- what all ranks call together; alone they do nothing ---- */

/* From rank 0 to all, along a tree. */
mn_rc mn_ranks_broadcast(mn_ranks *r, void *p, size_t n, mn_err *e);
/* ret_all, on rank 0 only: [size][n], by rank. */
mn_rc mn_ranks_gather(mn_ranks *r, const void *own, size_t n, void *ret_all, mn_err *e);
/* Bytes [at[k], at[k + 1]) of p are rank k's; afterwards all have all. at: [size + 1]. */
mn_rc mn_ranks_share(mn_ranks *r, void *p, const uint64_t *at, mn_err *e);
/* Nobody goes on before all are here. */
mn_rc mn_ranks_barrier(mn_ranks *r, mn_err *e);
/* How it went for each of them becomes how it went for all: MN_OK, or the failure of the first rank that failed, with its
 * words and, when it is not rank 0, its name. Afterwards they are still in step. Alone: own. */
mn_rc mn_ranks_agree(mn_ranks *r, mn_rc own, mn_err *e);

#endif

/* Messages by Open MPI, loaded at run time; why and how is in ranks.h. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/ranks_int.h"

#define LIBRARY    "libmpi.so.40"
#define SERIALIZED 2   /* MPI_THREAD_SERIALIZED: several threads, one at a time */
#define WORDS      256 /* MPI_MAX_ERROR_STRING */
#define VERSION    256 /* MPI_MAX_LIBRARY_VERSION_STRING */
#define TAG        7

typedef struct mpi {
    void *library, *world, *byte;
    int (*init)(int *, char ***, int, int *);
    int (*rank)(void *, int *);
    int (*size)(void *, int *);
    int (*isend)(const void *, int, void *, int, int, void *, void **);
    int (*irecv)(void *, int, void *, int, int, void *, void **);
    int (*test)(void **, int *, void *);
    int (*finalize)(void);
    int (*abort)(void *, int);
    int (*on_error)(void *, void *);
    int (*words)(int, char *, int *);
    int (*version)(char *, int *);
} mpi;

/* dlsym gives pointers to objects; that functions are found so too is POSIX's promise. */
static bool find(const mpi *m, const char *name, void *ret)
{
    void *p = dlsym(m->library, name);
    memcpy(ret, &p, sizeof p);
    return p != NULL;
}

static bool find_all(mpi *m)
{
    return find(m, "ompi_mpi_comm_world", &m->world) && find(m, "ompi_mpi_byte", &m->byte) &&
           find(m, "MPI_Init_thread", &m->init) && find(m, "MPI_Comm_rank", &m->rank) &&
           find(m, "MPI_Comm_size", &m->size) && find(m, "MPI_Isend", &m->isend) &&
           find(m, "MPI_Irecv", &m->irecv) && find(m, "MPI_Test", &m->test) &&
           find(m, "MPI_Finalize", &m->finalize) && find(m, "MPI_Abort", &m->abort) &&
           find(m, "MPI_Comm_set_errhandler", &m->on_error) &&
           find(m, "MPI_Error_string", &m->words) &&
           find(m, "MPI_Get_library_version", &m->version);
}

static mn_rc failed(const mpi *m, int code, const char *what, mn_err *e)
{
    char words[WORDS + 1] = "no reason given";
    int n = 0;
    m->words(code, words, &n);
    return mn_fail(e, MN_E_IO, "MPI cannot %s: %s", what, words);
}

static mn_rc mpi_send(void *self, int to, const void *p, size_t n, void **ret, mn_err *e)
{
    mpi *m = self;
    int code = m->isend(p, (int)n, m->byte, to, TAG, m->world, ret);
    return code ? failed(m, code, "send to another rank", e) : MN_OK;
}

static mn_rc mpi_recv(void *self, int from, void *p, size_t n, void **ret, mn_err *e)
{
    mpi *m = self;
    int code = m->irecv(p, (int)n, m->byte, from, TAG, m->world, ret);
    return code ? failed(m, code, "receive from another rank", e) : MN_OK;
}

static mn_rc mpi_test(void *self, void **io_one, bool *ret_done, mn_err *e)
{
    mpi *m = self;
    int done = 0, code = m->test(io_one, &done, NULL);
    if (code) return failed(m, code, "exchange data with another rank", e);
    *ret_done = done != 0;
    return MN_OK;
}

static void mpi_abort(void *self)
{
    mpi *m = self;
    m->abort(m->world, 1);
}

/* The library stays loaded: it leaves handlers behind that run at exit. */
static void mpi_close(void *self)
{
    mpi *m = self;
    m->finalize();
    mn_free(m);
}

static const mn_ranks_ops ops = {mpi_send, mpi_recv, mpi_test, mpi_abort, mpi_close};

/* Open MPI's own plug-ins look for its symbols among the global ones. */
static mn_rc load(mpi *m, mn_err *e)
{
    char version[VERSION + 1] = "";
    int n = 0;
    m->library = dlopen(LIBRARY, RTLD_NOW | RTLD_GLOBAL);
    if (!m->library)
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "started by mpirun, but its library cannot be loaded (%s): install Open "
                       "MPI 2 to 5 on every machine",
                       dlerror());
    if (!find_all(m))
        return mn_fail(e, MN_E_UNSUPPORTED, "'%s' is not Open MPI's: %s", LIBRARY, dlerror());
    if (m->version(version, &n) || strncmp(version, "Open MPI", 8) != 0)
        return mn_fail(e, MN_E_UNSUPPORTED, "'%s' is not Open MPI's but '%.60s'", LIBRARY,
                       version);
    return MN_OK;
}

static mn_rc begin(mpi *m, int *ret_rank, int *ret_size, mn_err *e)
{
    void *errors_return = NULL;
    int got = 0, code = m->init(NULL, NULL, SERIALIZED, &got);
    if (code) return failed(m, code, "begin", e);
    if (got < SERIALIZED)
        return mn_fail(e, MN_E_UNSUPPORTED, "this MPI was built without threads");
    if (find(m, "ompi_mpi_errors_return", &errors_return)) m->on_error(m->world, errors_return);
    if ((code = m->rank(m->world, ret_rank)) || (code = m->size(m->world, ret_size)))
        return failed(m, code, "count ranks", e);
    return MN_OK;
}

mn_rc mn_ranks__mpi(const mn_ranks_ops **ret_ops, void **ret_self, int *ret_rank, int *ret_size,
                    mn_err *e)
{
    int rank = 0, size = 0;
    mpi *m = mn_calloc(1, sizeof *m);
    if (!m) return mn_fail(e, MN_E_NOMEM, "no memory for ranks");
    mn_rc rc = load(m, e);
    if (rc == MN_OK) rc = begin(m, &rank, &size, e);
    if (rc != MN_OK) {
        mn_free(m);
        return rc;
    }
    *ret_ops = &ops, *ret_self = m, *ret_rank = rank, *ret_size = size;
    return MN_OK;
}

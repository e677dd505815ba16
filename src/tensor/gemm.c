/* The door to oneDNN's matrix products; gemm.h says why it is loaded and not linked. Only four functions of its stable C
 * interface are used, declared here with their documented types (dnnl.h, oneDNN 2.x). */
#include "tensor/gemm.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tensor/kernels.h"

typedef int64_t dim;
typedef struct version { /* the head of dnnl_version_t */
    int major, minor, patch;
} version;
typedef int sgemm_fn(char ta, char tb, dim M, dim N, dim K, float alpha, const float *a,
                     dim lda, const float *b, dim ldb, float beta, float *c, dim ldc);
/* Exported with the same conventions, though no header names it (src/cpu/gemm/gemm.cpp): tried on a small product
 * before it is trusted. */
typedef int bgemm_fn(char ta, char tb, dim M, dim N, dim K, float alpha, const uint16_t *a,
                     dim lda, const uint16_t *b, dim ldb, float beta, float *c, dim ldc);

static struct {
    pthread_once_t once;
    sgemm_fn *sgemm;
    bgemm_fn *bgemm;
    void (*omp_threads)(int);
    const mn_kernels *own;
    char name[96];
} lib = {.once = PTHREAD_ONCE_INIT};

/* dlsym gives an object pointer; POSIX lets it be read as a function's. */
static void symbol(void *from, const char *name, void *ret, size_t size)
{
    void *p = dlsym(from, name);
    __builtin_memcpy(ret, &p, size);
}

static void one_thread(void)
{
    static _Thread_local bool told;
    if (!told) lib.omp_threads(1);
    told = true;
}

/* oneDNN's generated f32 kernels (2.6.3, AVX-512) keep %rsp in the middle of their data while they run: the frame of a
 * signal that comes then is written over the heap. So no signal is taken on this thread during a product: two system
 * calls beside milliseconds. tests/unit/tensor/test_kernels.c interrupts products. */
static void enter(sigset_t *ret_before)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, ret_before);
    one_thread();
}

static void leave(const sigset_t *before)
{
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* 2x2 by hand: [1 2; 3 4] [1 1; 0 2]^T. */
static bool bgemm_works(void)
{
    const uint16_t a[4] = {0x3f80, 0x4000, 0x4040, 0x4080}, b[4] = {0x3f80, 0x3f80, 0, 0x4000};
    float c[4] = {0};
    one_thread();
    return lib.bgemm('N', 'T', 2, 2, 2, 1, a, 2, b, 2, 0, c, 2) == 0 && c[0] == 3 &&
           c[1] == 4 && c[2] == 7 && c[3] == 8;
}

static bool has_bf16(void)
{
#if defined __x86_64__
    return __builtin_cpu_supports("avx512bf16");
#else
    return false;
#endif
}

static void load(void)
{
    lib.own = mn_kernels_best();
    const char *off = getenv("MYNAH_GEMM"); /* "own" keeps oneDNN out: tests, comparisons */
    bool want = !off || off[0] != 'o';
    void *dnnl = want ? dlopen("libdnnl.so.2", RTLD_NOW | RTLD_LOCAL) : NULL;
    void *omp = dnnl ? dlopen("libgomp.so.1", RTLD_NOW | RTLD_LOCAL) : NULL;
    if (omp) symbol(omp, "omp_set_num_threads", &lib.omp_threads, sizeof lib.omp_threads);
    const version *(*ask)(void) = NULL;
    if (lib.omp_threads) {
        symbol(dnnl, "dnnl_sgemm", &lib.sgemm, sizeof lib.sgemm);
        symbol(dnnl, "dnnl_gemm_bf16bf16f32", &lib.bgemm, sizeof lib.bgemm);
        symbol(dnnl, "dnnl_version", &ask, sizeof ask);
    }
    if (lib.sgemm && ask) {
        const version *v = ask();
        if (lib.bgemm && has_bf16() && !bgemm_works()) lib.bgemm = NULL;
        snprintf(lib.name, sizeof lib.name, "onednn %d.%d.%d", v->major, v->minor, v->patch);
        return;
    }
    lib.sgemm = NULL;
    lib.bgemm = NULL;
    snprintf(lib.name, sizeof lib.name, "built-in (%s): %s", lib.own->name,
             want ? "libdnnl.so.2 not found" : "asked for by MYNAH_GEMM");
}

void mn_gemm_setup(void)
{
    pthread_once(&lib.once, load);
}

const char *mn_gemm_backend(void)
{
    mn_gemm_setup();
    return lib.name;
}

mn_rc mn_gemm_bf16_check(mn_err *e)
{
    mn_gemm_setup();
    if (!lib.bgemm)
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "bf16 needs oneDNN (package libdnnl2), which could "
                       "not be loaded: use --dtype f32");
    if (has_bf16()) return MN_OK;
    return mn_fail(e, MN_E_UNSUPPORTED,
                   "this processor has no bf16 products (avx512_bf16): use "
                   "--dtype f32");
}

void mn_gemm(bool ta, bool tb, size_t M, size_t N, size_t K, const float *a, size_t lda,
             const float *b, size_t ldb, bool add, float *c, size_t ldc, float *work)
{
    if (lib.sgemm) {
        sigset_t before;
        enter(&before);
        int rc = lib.sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', (dim)M, (dim)N, (dim)K, 1, a,
                           (dim)lda, b, (dim)ldb, add ? 1 : 0, c, (dim)ldc);
        leave(&before);
        if (rc == 0) return;
    }
    lib.own->gemm(ta, tb, M, N, K, a, lda, b, ldb, add, c, ldc, work);
}

void mn_gemm_bf16(bool ta, bool tb, size_t M, size_t N, size_t K, const uint16_t *a, size_t lda,
                  const uint16_t *b, size_t ldb, bool add, float *c, size_t ldc)
{
    sigset_t before;
    enter(&before);
    int rc = lib.bgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', (dim)M, (dim)N, (dim)K, 1, a, (dim)lda,
                       b, (dim)ldb, add ? 1 : 0, c, (dim)ldc);
    leave(&before);
    MN_ASSERT(rc == 0); /* it refuses only impossible shapes */
}

/* See cuda_runtime.h beside this. Fibres are ucontext's; once begun they change places by the compiler's own setjmp and longjmp, which ask
 * nothing of the system and are not watched by the address sanitizer. It is told of every change of stack in words of its own. */
#include <cuda_runtime.h>

#include <map>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>
#include <vector>

#ifdef __SANITIZE_ADDRESS__
#    include <sanitizer/common_interface_defs.h>
#    define ASAN 1
#else
#    define ASAN 0
static void __sanitizer_start_switch_fiber(void **, const void *, size_t)
{
}
static void __sanitizer_finish_switch_fiber(void *, const void **, size_t *)
{
}
#endif

#define STACK          (ASAN ? 256 << 10 : 64 << 10)
#define DEFAULT_SHARED (48 << 10)
#define MOST_SHARED    (163 << 10) /* of sm_80, the least of those that are built for */

__thread emu_index threadIdx, blockIdx, blockDim, gridDim;

[[noreturn]] static void broken(const char *what)
{
    fprintf(stderr, "emulated GPU: %s (block %u %u %u, thread %u)\n", what, blockIdx.x,
            blockIdx.y, blockIdx.z, threadIdx.x);
    abort();
}

/* ---- fibres ---------------------------------------------------------------------------------------------------------------- */

enum state { READY, AT_BLOCK, AT_WARP, DONE };

struct fibre {
    ucontext_t begin;
    char *stack;
    void *at[5]; /* where it goes on */
    void *fake;  /* the sanitizer's */
    bool begun;
    state is;
    uint64_t slot[2]; /* what is shown to the warp: of this exchange and of the one before */
    unsigned exchanges;
};

/* They stay where they are: a context points into itself. */
struct fibre_pool {
    std::vector<fibre *> all;
    ~fibre_pool()
    {
        for (fibre *f : all) {
            free(f->stack);
            free(f);
        }
    }
};
static thread_local fibre_pool pool;
static __thread fibre **fibres; /* pool.all's */
static __thread void *main_at[5], *main_fake;
static __thread const void *main_stack;
static __thread size_t main_stack_size;
static __thread unsigned now; /* the fibre that runs */
static __thread const std::function<void()> *body;
static __thread unsigned char *shared_memory;

void *emu_shared(void)
{
    return shared_memory;
}

/* Who leaves a stack comes back to it, so the sanitizer need not clear it, as it does before all that does not return. */
#define UNWATCHED __attribute__((no_sanitize("address")))

/* A function of its own: who sets a place may not leap to one. */
[[noreturn]] UNWATCHED static __attribute__((noinline)) void leap(void **to)
{
    __builtin_longjmp(to, 1);
}

UNWATCHED static void to_main(void)
{
    fibre *f = fibres[now];
    __sanitizer_start_switch_fiber(&f->fake, main_stack, main_stack_size);
    if (!__builtin_setjmp(f->at)) leap(main_at);
    __sanitizer_finish_switch_fiber(f->fake, &main_stack, &main_stack_size);
}

/* A fibre lives on and runs a thread of every block. */
static void entry(void)
{
    __sanitizer_finish_switch_fiber(NULL, &main_stack, &main_stack_size);
    for (;;) {
        const unsigned me = now;
        (*body)();
        now = me;
        fibres[me]->is = DONE;
        to_main();
    }
}

/* Runs fibre i until it waits or ends. */
UNWATCHED static void run(unsigned i)
{
    fibre *f = fibres[i];
    now = i;
    threadIdx = emu_index{i, 0, 0};
    __sanitizer_start_switch_fiber(&main_fake, f->stack, STACK);
    if (!__builtin_setjmp(main_at)) {
        if (f->begun) leap(f->at);
        f->begun = true;
        setcontext(&f->begin);
    }
    __sanitizer_finish_switch_fiber(main_fake, NULL, NULL);
}

static void wait_as(state s)
{
    const unsigned me = now;
    fibres[me]->is = s;
    to_main();
    now = me;
    threadIdx = emu_index{me, 0, 0};
}

void emu_block_barrier(void)
{
    wait_as(AT_BLOCK);
}

uint64_t emu_warp_exchange(uint64_t mine, unsigned from)
{
    const unsigned me = now, k = fibres[me]->exchanges++ % 2;
    fibres[me]->slot[k] = mine;
    wait_as(AT_WARP);
    return fibres[me / 32 * 32 + from]->slot[k];
}

/* ---- a block --------------------------------------------------------------------------------------------------------------- */

static unsigned order_seed(void)
{
    const char *s = getenv("MN_EMU_ORDER");
    return s ? (unsigned)atoi(s) : 0;
}

static fibre *new_fibre(void)
{
    fibre *f = (fibre *)calloc(1, sizeof *f);
    f->stack = (char *)malloc(STACK);
    getcontext(&f->begin);
    f->begin.uc_stack.ss_sp = f->stack;
    f->begin.uc_stack.ss_size = STACK;
    makecontext(&f->begin, entry, 0);
    return f;
}

static void begin_fibres(unsigned n)
{
    while (pool.all.size() < n) pool.all.push_back(new_fibre());
    fibres = pool.all.data();
    for (unsigned i = 0; i < n; i++) fibres[i]->is = READY, fibres[i]->exchanges = 0;
}

/* Lets those go on who wait for what has come about; false: nobody can. */
static bool release(unsigned n)
{
    unsigned at_block = 0, done = 0;
    bool any = false;
    for (unsigned w = 0; w < n; w += 32) {
        unsigned at_warp = 0;
        for (unsigned i = w; i < w + 32; i++) {
            at_warp += fibres[i]->is == AT_WARP;
            at_block += fibres[i]->is == AT_BLOCK;
            done += fibres[i]->is == DONE;
        }
        if (at_warp == 32) any = true;
        else if (at_warp) broken("only some lanes of a warp come to a shuffle");
        for (unsigned i = w; at_warp == 32 && i < w + 32; i++) fibres[i]->is = READY;
    }
    if (any || done == n) return any;
    if (at_block != n) broken("only some threads of a block come to a barrier");
    for (unsigned i = 0; i < n; i++) fibres[i]->is = READY;
    return true;
}

static void run_block(unsigned n, unsigned seed)
{
    std::vector<unsigned> order(n);
    begin_fibres(n);
    for (unsigned i = 0; i < n; i++) order[i] = seed == 1 ? n - 1 - i : i;
    do {
        for (unsigned i = n; seed > 1 && i > 1; i--) {
            static __thread uint64_t x = 1;
            x = x * 6364136223846793005u + 1442695040888963407u;
            std::swap(order[i - 1], order[(x >> 33) % i]);
        }
        for (unsigned i : order)
            if (fibres[i]->is == READY) run(i);
    } while (release(n));
}

static std::map<const void *, size_t> &allowed(void)
{
    static thread_local std::map<const void *, size_t> m;
    return m;
}

void emu_launch(const void *kernel, dim3 grid, dim3 block, size_t shared,
                const std::function<void()> &thread)
{
    const size_t most = allowed().count(kernel) ? allowed()[kernel] : DEFAULT_SHARED;
    const uint64_t blocks = (uint64_t)grid.x * grid.y * grid.z;
    const unsigned seed = order_seed();
    if (!block.x || block.x > 1024 || block.x % 32 || block.y != 1 || block.z != 1)
        broken("a block of impossible size");
    if (!blocks || grid.x > 0x7fffffff || grid.y > 65535 || grid.z > 65535)
        broken("a grid of impossible size");
    if (shared > most) broken("more shared memory than a kernel was allowed");
    gridDim = emu_index{grid.x, grid.y, grid.z};
    blockDim = emu_index{block.x, block.y, block.z};
    body = &thread;
    for (uint64_t k = 0; k < blocks; k++) {
        const uint64_t i = seed == 1 ? blocks - 1 - k : k;
        blockIdx = emu_index{(unsigned)(i % grid.x), (unsigned)(i / grid.x % grid.y),
                             (unsigned)(i / grid.x / grid.y)};
        shared_memory = (unsigned char *)malloc(shared ? shared : 1);
        memset(shared_memory, 0xff, shared);
        run_block(block.x, seed);
        free(shared_memory);
    }
    shared_memory = NULL;
}

/* ---- the runtime ------------------------------------------------------------------------------------------------------------- */

struct emu_stream {
    int used;
};

/* $MN_EMU_DEVICES: how many there are (1); $MN_EMU_MEMORY: bytes that one allocation may have. */
cudaError_t cudaGetDeviceCount(int *n)
{
    const char *s = getenv("MN_EMU_DEVICES");
    *n = s ? atoi(s) : 1;
    return *n > 0 ? cudaSuccess : cudaErrorNoDevice;
}

cudaError_t cudaSetDevice(int)
{
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int)
{
    memset(p, 0, sizeof *p);
    snprintf(p->name, sizeof p->name, "emulated on the CPU");
    p->multiProcessorCount = 1;
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *all)
{
    *free_bytes = *all = (size_t)1 << 30;
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned)
{
    *s = new emu_stream();
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t s)
{
    delete s;
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t)
{
    return cudaSuccess;
}

cudaError_t cudaMallocBytes(void **p, size_t n)
{
    const char *most = getenv("MN_EMU_MEMORY");
    if (most && n > strtoull(most, NULL, 10)) return cudaErrorMemoryAllocation;
    *p = aligned_alloc(256, (n + 255) / 256 * 256);
    if (!*p) return cudaErrorMemoryAllocation;
    memset(*p, 0xff, n);
    return cudaSuccess;
}

cudaError_t cudaFree(void *p)
{
    free(p);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t n, cudaMemcpyKind, cudaStream_t)
{
    memcpy(to, from, n);
    return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void *p, int byte, size_t n, cudaStream_t)
{
    memset(p, byte, n);
    return cudaSuccess;
}

/* $MN_EMU_FAIL: launches do not succeed. */
cudaError_t cudaGetLastError(void)
{
    return getenv("MN_EMU_FAIL") ? cudaErrorLaunchFailure : cudaSuccess;
}

const char *cudaGetErrorString(cudaError_t rc)
{
    return rc == cudaErrorNoDevice           ? "no CUDA-capable device is detected"
           : rc == cudaErrorMemoryAllocation ? "out of memory"
           : rc == cudaErrorLaunchFailure    ? "unspecified launch failure"
                                             : "invalid argument";
}

cudaError_t cudaFuncSetAttribute(const void *kernel, cudaFuncAttribute, int value)
{
    if (value > MOST_SHARED) return cudaErrorInvalidValue;
    allowed()[kernel] = (size_t)value;
    return cudaSuccess;
}

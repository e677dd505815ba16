#include "tensor/cuda.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libmynah-cuda.so"

static struct {
    pthread_once_t once;
    const mn_cuda_api *api;
    mn_err err; /* when api is NULL */
} lib = {.once = PTHREAD_ONCE_INIT};

/* The program's folder and `below` it, or "". */
static void beside_program(const char *below, char ret[4096])
{
    char exe[2048];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    char *end = n > 0 ? memrchr(exe, '/', (size_t)n) : NULL;
    ret[0] = '\0';
    if (!end) return;
    *end = '\0';
    snprintf(ret, 4096, "%s/%s%s", exe, below, LIBRARY);
}

/* Where one lies, it is the one that is meant: what is wrong with it is said. */
static void *open_library(char ret_why[320])
{
    const char *named = getenv("MYNAH_CUDA_LIB");
    char path[4096];
    static const char *const places[] = {"", "../lib/"};
    if (named && named[0]) {
        void *p = dlopen(named, RTLD_NOW | RTLD_LOCAL);
        if (!p) snprintf(ret_why, 320, "%s", dlerror());
        return p;
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        beside_program(places[i], path);
        if (!path[0] || access(path, R_OK) != 0) continue;
        void *p = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (!p) snprintf(ret_why, 320, "%s", dlerror());
        return p;
    }
    void *p = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!p) snprintf(ret_why, 320, LIBRARY " is not installed (`make CUDA=1` builds it)");
    return p;
}

static void load(void)
{
    char why[320];
    mn_cuda_table_fn *table = NULL;
    void *so = open_library(why);
    if (!so) {
        mn_fail(&lib.err, MN_E_UNSUPPORTED, "no GPU can be used: %s; use --device cpu", why);
        return;
    }
    void *symbol = dlsym(so, MN_CUDA_SYMBOL); /* POSIX lets it be read as a function's */
    memcpy(&table, &symbol, sizeof table);
    const mn_cuda_api *api = table ? table() : NULL;
    if (api && api->version == MN_CUDA_VERSION) lib.api = api;
    else
        mn_fail(&lib.err, MN_E_UNSUPPORTED,
                "no GPU can be used: " LIBRARY
                " is of another version of mynah; build both with "
                "`make CUDA=1`");
}

mn_rc mn_cuda_load(const mn_cuda_api **ret, mn_err *e)
{
    pthread_once(&lib.once, load);
    if (!lib.api) return mn_fail(e, lib.err.rc, "%s", lib.err.msg);
    *ret = lib.api;
    return MN_OK;
}

mn_rc mn_cuda_open(int index, const mn_cuda_api **ret_api, mn_cuda **ret, mn_err *e)
{
    const mn_cuda_api *api = NULL;
    char why[320] = "";
    MN_TRY(mn_cuda_load(&api, e));
    mn_cuda *d = api->open(index, why, sizeof why);
    if (!d)
        return mn_fail(e, MN_E_UNSUPPORTED, "no GPU can be used: %s; use --device cpu", why);
    *ret_api = api;
    *ret = d;
    return MN_OK;
}

mn_rc mn_cuda_device(const char *name, int *ret, mn_err *e)
{
    const char *n = name + strlen("cuda:");
    if (strcmp(name, "cpu") == 0) *ret = 0;
    else if (strcmp(name, "cuda") == 0) *ret = 1;
    else if (strncmp(name, "cuda:", 5) == 0 && *n >= '0' && *n <= '9' && !n[1])
        *ret = 1 + (*n - '0');
    else
        return mn_fail(e, MN_E_USAGE, "no device '%s': expected cpu, cuda, or cuda:0 to cuda:9",
                       name);
    return MN_OK;
}

mn_rc mn_cuda_sync(const mn_cuda_api *api, mn_cuda *d, mn_err *e)
{
    const char *why = api->sync(d);
    return why ? mn_fail(e, MN_E_IO, "the GPU failed: %s", why) : MN_OK;
}

/* A counting sort, which keeps the order of places. */
size_t mn_cuda_plan_make(const uint32_t *ids, size_t n, size_t V, uint32_t *order,
                         uint32_t *begin, uint32_t *count)
{
    size_t n_ids = 0;
    uint32_t at = 0;
    memset(count, 0, V * sizeof *count);
    for (size_t i = 0; i < n; i++) count[ids[i]]++;
    for (size_t v = 0; v < V; v++) {
        const uint32_t k = count[v];
        count[v] = at;
        if (k) begin[n_ids++] = at;
        at += k;
    }
    begin[n_ids] = at;
    for (size_t i = 0; i < n; i++) order[count[ids[i]]++] = (uint32_t)i;
    return n_ids;
}

void mn_cuda_tiles_make(uint32_t row, uint32_t n, uint32_t share, uint32_t table,
                        mn_cuda_tile *ret)
{
    for (uint32_t at = 0; at < n * share; at += MN_CUDA_PAIRS) {
        const uint32_t left = n * share - at;
        *ret++ = (mn_cuda_tile){row + at / share, at % share,
                                left < MN_CUDA_PAIRS ? left : MN_CUDA_PAIRS, table};
    }
}

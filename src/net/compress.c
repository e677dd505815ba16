/* Compressing a finished body. Contexts are kept per thread: making one costs more than a small page does. */
#include <pthread.h>
#include <zlib.h>
#include <zstd.h>

#include "net/http_int.h"

#define ZSTD_LEVEL 1
#define GZIP_LEVEL 1

typedef struct compressors {
    ZSTD_CCtx *zstd;
    z_stream gzip;
    bool has_gzip;
} compressors;

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool have_key;

static void compressors_free(void *p)
{
    compressors *c = p;
    ZSTD_freeCCtx(c->zstd);
    if (c->has_gzip) deflateEnd(&c->gzip);
    mn_free(c);
}

static void make_key(void)
{
    have_key = pthread_key_create(&key, compressors_free) == 0;
}

static compressors *of_this_thread(void)
{
    pthread_once(&once, make_key);
    if (!have_key) return NULL;
    compressors *c = pthread_getspecific(key);
    if (c) return c;
    c = mn_calloc(1, sizeof *c);
    if (c && pthread_setspecific(key, c) != 0) {
        mn_free(c);
        return NULL;
    }
    return c;
}

static mn_rc zstd_into(compressors *c, mn_str in, mn_buf *ret)
{
    if (!c->zstd) c->zstd = ZSTD_createCCtx();
    if (!c->zstd) return MN_E_NOMEM;
    size_t bound = ZSTD_compressBound(in.len);
    MN_TRY(mn_buf_reserve(ret, bound));
    size_t n =
        ZSTD_compressCCtx(c->zstd, ret->ptr + ret->len, bound, in.ptr, in.len, ZSTD_LEVEL);
    if (ZSTD_isError(n)) return MN_E_NOMEM;
    ret->len += n;
    ret->ptr[ret->len] = 0;
    return MN_OK;
}

static mn_rc gzip_into(compressors *c, mn_str in, mn_buf *ret)
{
    z_stream *z = &c->gzip;
    if (!c->has_gzip) {
        if (deflateInit2(z, GZIP_LEVEL, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
            return MN_E_NOMEM;
        c->has_gzip = true;
    } else if (deflateReset(z) != Z_OK) {
        return MN_E_NOMEM;
    }
    size_t bound = deflateBound(z, (uLong)in.len);
    MN_TRY(mn_buf_reserve(ret, bound));
    union {
        const char *in;
        Bytef *out;
    } bytes = {.in = in.ptr}; /* zlib's next_in lacks a const */
    z->next_in = bytes.out;
    z->avail_in = (uInt)in.len;
    z->next_out = (Bytef *)(ret->ptr + ret->len);
    z->avail_out = (uInt)bound;
    if (deflate(z, Z_FINISH) != Z_STREAM_END) return MN_E_NOMEM;
    ret->len += bound - z->avail_out;
    ret->ptr[ret->len] = 0;
    return MN_OK;
}

mn_rc mn_http__compress(mn_coding coding, mn_str in, mn_buf *ret)
{
    compressors *c = of_this_thread();
    if (!c) return MN_E_NOMEM;
    return coding == MN_CODING_ZSTD ? zstd_into(c, in, ret) : gzip_into(c, in, ret);
}

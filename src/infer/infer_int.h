/* Shared inside src/infer. */
#ifndef MN_INFER_INFER_INT_H
#define MN_INFER_INFER_INT_H

#include "base/thread.h"
#include "infer/infer.h"
#include "model/weights.h"

struct mn_engine {
    mn_weights w;
    mn_tokenizer *tok;
    mn_pool *pool;
    float *cos, *sin; /* [T][D/2] */
    pthread_mutex_t turn;
};

/* Rows run through the layers at once: a long prompt goes through in pieces of this size. */
#define MN_INFER_CHUNK 64u

struct mn_seq {
    mn_engine *g;
    uint32_t pos;  /* tokens in the cache */
    float *k, *v;  /* [L][T][KV*D] */
    float *x, *h;  /* [CHUNK][C] */
    float *qkv;    /* [CHUNK][(H + 2 KV) D] */
    float *o;      /* [CHUNK][H D] */
    float *gu, *f; /* [CHUNK][2 F], [CHUNK][F] */
    float *r;      /* [CHUNK] */
    float *scores; /* [CHUNK][H][T] */
    float *logits; /* [V], or [CHUNK][V] once all rows were asked for */
    bool logits_all;
    float *all; /* the one allocation all but logits point into */
};

#endif

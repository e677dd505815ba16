/* The reference kernels in float32. Their idea is to be read: each is its formula. */
#include "tensor/ref.h"

#define MN_REAL           float
#define MN_REF(ret, name) ret mn_ref_##name
#include "tensor/ref_body.inc"

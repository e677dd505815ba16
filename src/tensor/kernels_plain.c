/* The kernels for any CPU. */
#define MN_SET plain
#include "tensor/kernels_body.inc"

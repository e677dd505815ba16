/* The kernels for x86-64 with avx2, by the flags that the Makefile gives this file. */
#if defined __x86_64__
#    define MN_SET avx2
#    include "tensor/kernels_body.inc"
#else
typedef int mn_no_kernels_here; /* a file may not be empty */
#endif

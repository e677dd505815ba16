/* Packed matrices for aarch64 with the dot product of Armv8.2. */
#include "tensor/packed_int.h"

#if defined __aarch64__

#    pragma GCC target("arch=armv8.2-a+dotprod")
#    include <arm_neon.h>

#    define SET      mn_packed__neondot
#    define SET_NAME "neon-dot"
#    define DOT      vdotq_s32

#    include "tensor/packed_neon.inc"

#else
typedef int mn_no_packed_here; /* a file may not be empty */
#endif

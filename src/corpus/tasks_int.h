/* How tasks travel: shared by tasks.c, rank 0's side, and tasks_serve.c, the others'. A message is a head and as many bytes as it says. */
#ifndef MN_CORPUS_TASKS_INT_H
#define MN_CORPUS_TASKS_INT_H

#include "base/str.h"

#define MN_TASKS_END   UINT32_MAX
#define MN_TASKS_BYTES ((size_t)1 << 31) /* of a message: far above what any task has */

typedef struct mn_tasks_head { /* as it travels */
    uint32_t op;               /* of a request */
    int32_t rc;                /* of a result; bytes are its words when it is a failure */
    uint64_t len;
} mn_tasks_head;

/* So many bytes are coming in after it was cleared, and there is room for them. */
static inline void mn_tasks__will_have(mn_buf *b, size_t n)
{
    b->len = n;
    b->ptr[n] = 0;
}

#endif

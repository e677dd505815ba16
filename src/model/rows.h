/* Rows of a view written out in another format, many at a time, on all processors. */
#ifndef MN_MODEL_ROWS_H
#define MN_MODEL_ROWS_H

#include "base/thread.h"
#include "model/open.h"

/* Gives all bytes of v in format `to` through out, row after row. alternate: as in mn_tensor_view, the order that is written; 0: the model's
 * own. A format that is v's own already is copied, not computed. Row lengths are multiples of to's block.
 * memory  about two megabytes, and a row of floats a thread */
mn_rc mn_rows_write(const mn_tensor_view *v, mn_qtype to, uint32_t alternate, mn_pool *pool,
                    mn_rc (*out)(void *arg, const void *p, size_t n), void *arg, mn_err *e);

#endif

/* Private to src/api/metrics*.c: parts of /metrics. */
#ifndef MN_API_METRICS_H
#define MN_API_METRICS_H

#include "api/api_int.h"

/* Language models in memory. */
void mn_metrics__models(mn_buf *b, mn_api *a);

#endif

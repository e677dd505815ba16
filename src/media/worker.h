/* The worker's side of the sandbox. Private to src/media. */
#ifndef MN_MEDIA_WORKER_H
#define MN_MEDIA_WORKER_H

#include "media/media_int.h"

/* Does nothing; calling it is what links the worker into a program. */
void mn_media__worker_is_here(void);

#endif

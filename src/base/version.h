/* What this program calls itself. */
#ifndef MN_BASE_VERSION_H
#define MN_BASE_VERSION_H

#define MN_VERSION "0.1.0"

#endif

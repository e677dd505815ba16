/* The two libraries of this folder, which are opened when they are first needed. */
#include "net/curl.h"
#include "net/mhd.h"
#include "sonames.h"

MN_LATE_LIBRARY(mn_curl, MN_CURL, MN_SONAME_CURL, "libcurl")
MN_LATE_LIBRARY(mn_mhd, MN_MHD, MN_SONAME_MICROHTTPD, "libmicrohttpd")

/* libcurl, opened by mn_client__global. */
#ifndef MN_NET_CURL_H
#define MN_NET_CURL_H

#include <curl/curl.h>

#include "base/late.h"

/* clang-format off */
#define MN_CURL(X) \
    X(curl_easy_cleanup) X(curl_easy_getinfo) X(curl_easy_init) X(curl_easy_perform) \
    X(curl_easy_reset) X(curl_easy_setopt) X(curl_easy_strerror) X(curl_free) \
    X(curl_global_init) X(curl_slist_append) X(curl_slist_free_all) X(curl_url) \
    X(curl_url_cleanup) X(curl_url_get) X(curl_url_set)
/* clang-format on */
MN_LATE_TABLE(mn_curl, MN_CURL)

#define curl_easy_cleanup mn_curl.curl_easy_cleanup
#undef curl_easy_getinfo
#define curl_easy_getinfo mn_curl.curl_easy_getinfo
#define curl_easy_init    mn_curl.curl_easy_init
#define curl_easy_perform mn_curl.curl_easy_perform
#define curl_easy_reset   mn_curl.curl_easy_reset
#undef curl_easy_setopt
#define curl_easy_setopt    mn_curl.curl_easy_setopt
#define curl_easy_strerror  mn_curl.curl_easy_strerror
#define curl_free           mn_curl.curl_free
#define curl_global_init    mn_curl.curl_global_init
#define curl_slist_append   mn_curl.curl_slist_append
#define curl_slist_free_all mn_curl.curl_slist_free_all
#define curl_url            mn_curl.curl_url
#define curl_url_cleanup    mn_curl.curl_url_cleanup
#define curl_url_get        mn_curl.curl_url_get
#define curl_url_set        mn_curl.curl_url_set

#endif

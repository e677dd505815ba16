/* Parsers for the bytes of a request that are ours to read: targets, queries, routes, Accept-Encoding, entity tags.
 *
 * All are total: any bytes give an answer, in linear time, without allocation other than from the arena given. */
#ifndef MN_NET_PARSE_H
#define MN_NET_PARSE_H

#include "net/http.h"

#define MN_HTTP_PARAMS_MAX  8
#define MN_HTTP_TARGET_MAX  8192
#define MN_HTTP_HEADERS_MAX 16384

typedef struct mn_http_param {
    mn_str name, value; /* name borrows the pattern, value the path */
} mn_http_param;

/* Cuts a request target into the decoded path and the raw query. Takes origin form ("/a?b"), absolute form
 * ("http://host/a?b") and, as the path "*", asterisk form.
 * errors MN_E_LIMIT longer than MN_HTTP_TARGET_MAX; MN_E_PARSE a stray '%', an encoded '/' or NUL, a control character, bytes
 *        that are not UTF-8, a ".." segment; MN_E_NOMEM */
mn_rc mn_http_target(mn_str target, mn_arena *a, mn_str *ret_path, mn_str *ret_query);

/* Does the path fit the pattern? Fills the values of its ":name"s (at most MN_HTTP_PARAMS_MAX). A parameter takes one or more
 * bytes up to the next '/', and is only met at the end of a segment: "/@:name/:id". */
bool mn_http_match(const char *pattern, mn_str path, mn_http_param *ret, size_t *ret_n);

/* Decodes application/x-www-form-urlencoded text: '+' is a blank; a stray '%' stays as it is; NUL and bytes that are not
 * UTF-8 become U+FFFD. MN_STR_NONE when out of memory. */
mn_str mn_http_form_decode(mn_str s, mn_arena *a);
/* First value of that name in "a=1&b=2", decoded; MN_STR_NONE when absent. */
mn_str mn_http_form_get(mn_str form, const char *name, mn_arena *a);

typedef enum mn_coding { MN_CODING_IDENTITY, MN_CODING_GZIP, MN_CODING_ZSTD } mn_coding;
/* The best of zstd, gzip and identity by Accept-Encoding's weights; zstd wins a tie, then gzip. `may_zstd` false leaves
 * zstd out. An absent header gives identity; so does one that forbids everything. */
mn_coding mn_http_coding(mn_str accept_encoding, bool may_zstd);
/* The weight 0..1000 that an Accept header gives to "type/subtype": the most specific range counts. Absent header: 1000.
 * *ret_named says whether the type was named in full; may be NULL. */
int mn_http_accept_weight(mn_str accept, const char *type, bool *ret_named);
/* Does an If-None-Match list hold the tag (weak comparison), or "*"? */
bool mn_http_etag_in(mn_str list, mn_str tag);

/* "HOST:PORT", "[V6]:PORT" or ":PORT" → host (empty: every address) and port. */
mn_rc mn_http_listen_parse(const char *listen, char ret_host[256], char ret_port[8], mn_err *e);
/* X-Forwarded-For's last hop when it is an address, else MN_STR_NONE. */
mn_str mn_http_last_hop(mn_str forwarded);

#endif

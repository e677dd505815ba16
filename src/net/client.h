/* HTTP client for addresses that strangers choose: link previews, sign-in elsewhere, Web Push, later other servers.
 *
 * Every connection, of every redirect too, is checked when it is opened, after the name was resolved, so that no name, number
 * or redirect reaches what only this machine or its network may reach: only public IPv4 and IPv6 addresses (mn_net_public)
 * and no port of another protocol (mn_net_port_refused). Only http and https; no proxy, no .netrc, no cookies, no credentials
 * in the address; certificates are always verified. A whole exchange, name resolution and redirects included, has one
 * deadline; bodies are limited after decompression.
 *
 * A client is shared by all threads; each call blocks its own. Connections are kept alive between calls.
 */
#ifndef MN_NET_CLIENT_H
#define MN_NET_CLIENT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#define MN_CLIENT_URL_MAX     4096
#define MN_CLIENT_HEADERS_MAX (64u << 10) /* bytes of one answer's header block */

typedef struct mn_client mn_client;

typedef struct mn_client_opts {
    const char *user_agent; /* whole header value, e.g. "Mynah/0.1.0 (+https://example.org/)" */
    bool
        allow_private; /* `outgoing_private`: private addresses and all ports may be reached. Tests, intranets. */
    const char *
        own_host; /* never asked for (an instance does not talk to itself over HTTP); NULL: none */
    const char *ca_file; /* PEM, in place of the system's; NULL */
} mn_client_opts;

/* Copies the options. Also prepares the library; the first call should come before other threads start. */
mn_rc mn_client_new(const mn_client_opts *o, mn_client **ret, mn_err *e);
/* Running calls end with MN_E_CANCELLED within a second, later ones at once. Any thread. */
void mn_client_cancel(mn_client *c);
void mn_client_free(mn_client *c); /* NULL is fine; no call may be running */

typedef struct mn_client_header {
    mn_str name, value;
} mn_client_header;

typedef struct mn_client_req {
    const char *
        method; /* "GET", "POST", "HEAD", "PUT", "DELETE" …; NULL: POST with a body, else GET */
    mn_str url; /* http or https, at most MN_CLIENT_URL_MAX bytes */
    const mn_client_header
        *headers; /* borrowed; a name or value with a control character: MN_E_PARSE */
    size_t n_headers;
    mn_str body;      /* borrowed; set its Content-Type among the headers */
    int timeout_ms;   /* for everything; 0: 10,000; at most 120,000 */
    size_t max_bytes; /* of the decoded body; 0: 1 MiB */
    bool cut;         /* a longer body is cut there instead of refused */
    /* GET and HEAD only: how many are followed; 0: a 3xx answer is given as it is. To another origin only the Accept headers
     * go along; from https to http none is followed. */
    int max_redirects;
    bool https_only;
    /* Media types without parameters, ended by NULL; an answer of status 2xx of another type (or none) is MN_E_UNSUPPORTED
     * before its body is read. NULL: any. */
    const char *const *types;
} mn_client_req;

typedef struct mn_client_resp {
    int status;
    mn_str url;  /* after redirects */
    mn_str type; /* media type in lower case without parameters; empty when absent */
    mn_buf body; /* decoded; NUL-terminated as all buffers */
    bool cut;    /* the body was longer */
    mn_client_header *headers; /* in order, of the last answer */
    size_t n_headers;
    mn_arena arena; /* owns the above but the body */
} mn_client_resp;

/* One exchange. Any status is MN_OK. The answer is the caller's, to be released; it is written only on success.
 * errors  MN_E_PARSE no http(s) address, or an answer that is not HTTP; MN_E_DENIED address, port, host or scheme not allowed;
 *         MN_E_LIMIT body or headers too long, too many redirects; MN_E_UNSUPPORTED another media type; MN_E_CANCELLED;
 *         MN_E_BUSY deadline passed; MN_E_IO not found, not reached, TLS; MN_E_NOMEM */
mn_rc mn_client_do(mn_client *c, const mn_client_req *r, mn_client_resp *ret, mn_err *e);
void mn_client_resp_release(mn_client_resp *r);
/* First header of that name (any case), MN_STR_NONE when absent. */
mn_str mn_client_resp_header(const mn_client_resp *r, const char *name);
/* Value of a parameter of the Content-Type ("charset"), unquoted; MN_STR_NONE when absent. */
mn_str mn_client_resp_param(const mn_client_resp *r, const char *name);

/* Is it an address of the public internet? IPv4: outside the special-purpose registry. IPv6: within 2000::/3 and outside its
 * special blocks, and, where it carries an IPv4 address (mapped, NAT64, 6to4, Teredo), no. Other families: no. */
bool mn_net_public(const struct sockaddr *a);
/* Ports of protocols that could be talked to by mistake (mail, chat, databases, X11 …). */
bool mn_net_port_refused(uint16_t port);
/* The same rules without a connection: "http(s)://host…" with a host that is not a literal private address, no credentials, no
 * refused port, not too long. For checking what a member enters; mn_client_do checks again. */
mn_rc mn_client_url_check(const mn_client *c, mn_str url, mn_err *e);
/* An address found on a page, resolved against the page's own; normal form without fragment, in the arena. Checked as by
 * mn_client_url_check. */
mn_rc mn_client_url_join(const mn_client *c, mn_str base, mn_str found, mn_arena *a,
                         mn_str *ret, mn_err *e);
/* The host of an http(s) address in lower case, in the arena; MN_STR_NONE when it is none. */
mn_str mn_client_url_host(mn_str url, mn_arena *a);

#endif

/* Mail by SMTP (libcurl): plain text in UTF-8, one recipient.
 *
 * A header can hold nothing but what it is for: addresses are checked, subjects and names become encoded words, control
 * characters are refused. To another machine than this one the connection is TLS (smtps://, or smtp:// with STARTTLS), with a
 * certificate that verifies; nothing is sent without.
 */
#ifndef MN_NET_MAIL_H
#define MN_NET_MAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define MN_MAIL_TEXT_MAX (256u << 10)

typedef struct mn_mail_server {
    const char *url;      /* `smtp_url`: "smtp://host:587" or "smtps://host" */
    const char *user;     /* `smtp_user`, "" or NULL: none */
    const char *password; /* `smtp_password` */
    const char *from; /* `mail_from`: "notices@example.org" or "Name <notices@example.org>" */
    const char *ca_file; /* in place of the system's; NULL */
    int timeout_ms;      /* 0: 30,000 */
} mn_mail_server;

typedef struct mn_mail {
    mn_str to; /* an address: mn_mail_address */
    mn_str subject;
    mn_str text; /* lines end with \n */
    mn_str
        about; /* a word for Message-ID and threading, e.g. "confirm-123"; [A-Za-z0-9-]{0,64} */
} mn_mail;

/* "local@domain" that we send to: ASCII atoms with dots before the @, a domain name after it, at most 254 bytes. Quoted local
 * parts, comments and literals are MN_E_PARSE. *ret_domain (may be NULL): what follows the @, borrowed. */
mn_rc mn_mail_address(mn_str s, mn_str *ret_domain, mn_err *e);

/* The message as it goes over the wire but for dot-stuffing: headers, blank line, body (quoted-printable), CRLF ends.
 * errors MN_E_PARSE for addresses and control characters in the subject, MN_E_LIMIT text too long, MN_E_USAGE mail_from */
mn_rc mn_mail_compose(const mn_mail_server *s, const mn_mail *m, int64_t now_ms, mn_buf *ret,
                      mn_err *e);

/* Sends it; blocks up to the deadline. MN_OK: the server has taken it.
 * errors MN_E_DENIED the server refused the recipient or the sign-in for good (5xx); MN_E_BUSY try later (4xx, deadline);
 *        MN_E_IO not reached, no TLS; those of mn_mail_compose */
mn_rc mn_mail_send(const mn_mail_server *s, const mn_mail *m, mn_err *e);

#endif

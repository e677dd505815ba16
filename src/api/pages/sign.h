/* Pages with forms: who is signed in, the text that shows that a form is ours, where to go afterwards; parts of forms. */
#ifndef MN_API_PAGES_SIGN_H
#define MN_API_PAGES_SIGN_H

#include "api/mastodon/mastodon.h"
#include "api/pages/page.h"
#include "social/signin.h"

#define MN_SIGN_BODY 16384 /* bytes of a form */

/* ---- who ------------------------------------------------------------------------------------------------------- */

/* The web session of the request's cookie, NULL when there is none. A token in a header is nobody on a page. */
const mn_grant *mn_sign_session(mn_req *r);
/* The same; false: the browser was sent to sign in first and will come back here. Suspended members get a page that says so. */
bool mn_sign_need(mn_req *r, mn_resp *w, const mn_grant **ret);
/* A new session for that account: its cookie is set. false: answered with what went wrong. */
bool mn_sign_begin(mn_req *r, mn_resp *w, uint64_t account);
void mn_sign_forget(mn_req *r, mn_resp *w); /* takes the cookie back */

/* A cookie of ours besides the session: HttpOnly, SameSite=Lax, the whole site, secure with https. name without prefix.
 * max_age_s 0: as long as the browser is open; −1: away with it. */
void mn_sign_cookie_set(mn_req *r, mn_resp *w, const char *name, mn_str value, int max_age_s);
mn_str mn_sign_cookie(mn_req *r, const char *name); /* MN_STR_NONE when absent */

/* ---- forms ----------------------------------------------------------------------------------------------------- */

/* What a form has to send back as `csrf`: derived from the session, or, before signing in, from a cookie of its own, which is
 * set when it is not there. */
mn_str mn_sign_csrf(mn_req *r, mn_resp *w);
/* false: 403 was answered. Forms that other sites send are refused too (Sec-Fetch-Site). */
bool mn_sign_csrf_right(mn_req *r, mn_resp *w);

/* "/path…" of this site from the parameter `next`; "/" when it is anything else. */
mn_str mn_sign_next(const mn_req *r);
bool mn_sign_is_local(mn_str path);
/* 303 (302 after GET). */
void mn_sign_go(mn_req *r, mn_resp *w, mn_str where);
void mn_sign_goz(mn_req *r, mn_resp *w, const char *where);

/* A page that nobody keeps (no-store), with its heading. */
mn_buf *mn_sign_page(mn_req *r, mn_resp *w, const char *title);
void mn_sign_page_end(mn_req *r, mn_resp *w);
/* A page of one message: heading, a paragraph, and a link on (href NULL: none). */
void mn_sign_says(mn_req *r, mn_resp *w, int status, const char *title, const char *text,
                  const char *href, const char *label);

/* <form method=post action=…> with its csrf field. */
void mn_h_form(mn_req *r, mn_resp *w, mn_buf *b, const char *action);
void mn_h_hidden(mn_buf *b, const char *name, mn_str value);
typedef struct mn_field_ask {
    const char *name, *label, *type; /* type "text", "password" … */
    const char *hint;                /* NULL: none */
    const char *autocomplete;        /* NULL: "off" */
    mn_str value;
    const char *error; /* NULL: none */
    bool required, focus;
} mn_field_ask;
void mn_h_input(mn_buf *b, const mn_field_ask *f);
/* A line that tells what went wrong (role=alert); nothing for NULL. */
void mn_h_alert(mn_buf *b, const char *text);
void mn_h_submit(mn_buf *b, const char *label);

/* ---- limits ---------------------------------------------------------------------------------------------------- */

/* Counts one try of `what` for a name; false: 429 was answered. Addresses are limited around every request. */
bool mn_sign_may_try(mn_req *r, mn_resp *w, const char *what, mn_str name);

#endif

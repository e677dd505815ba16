/* What the pages of signing in and up share with each other. Private to src/api. */
#ifndef MN_API_PAGES_SIGN_PAGES_H
#define MN_API_PAGES_SIGN_PAGES_H

#include "api/pages/sign.h"

/* An identity from elsewhere that was verified in this browser and waits for its sign-up. */
typedef struct mn_sign_identity {
    mn_str provider, subject;
    mn_str shown;         /* "ada@other.example": for people */
    mn_str name, display; /* what they are called there: a suggestion */
} mn_sign_identity;
/* As a ticket for the form, and back. MN_E_DENIED too old or not of this browser. */
mn_rc mn_sign__identity_seal(mn_req *r, mn_resp *w, const mn_sign_identity *i, mn_str *ret,
                             mn_err *e);
mn_rc mn_sign__identity_open(mn_req *r, mn_resp *w, mn_str ticket, mn_sign_identity *ret,
                             mn_err *e);
/* The form to sign up with it. */
void mn_sign__up_with(mn_req *r, mn_resp *w, const mn_sign_identity *i);
/* "Go on with …" links, one a provider; the parameter `next` is kept. csrf: of a member who may add the identity to their
 * account with these links; else empty. */
void mn_sign__identity_links(mn_req *r, mn_buf *b, mn_str csrf);
/* A session for that account and on to `next`, after the second factor when it is on. */
void mn_sign__enter(mn_req *r, mn_resp *w, uint64_t account, mn_str next);
/* The mail that confirms an address; in its own transaction. Nothing happens without a mail server. */
mn_rc mn_sign__confirmation(mn_api *a, uint64_t account, mn_str email, mn_err *e);

/* Asks for the password of somebody who is signed in: *ret_right. Counted as tries are. An account that never had one passes.
 * false: answered. */
bool mn_sign__password_again(mn_req *r, mn_resp *w, const mn_grant *g, mn_str password,
                             bool *ret_right);

#endif

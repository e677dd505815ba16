/* Public pages kept in memory for readers who are not signed in: a profile that everybody looks at is rendered once, not once
 * for each of them.
 *
 * A page is kept as long as nothing that it may show has changed, by what the store tells, and at most MN_KEPT_MS (another
 * process may have written to the same file; a poll may have come to its end). It is made for nobody in particular and given to
 * nobody who is signed in. Only first pages are kept: addresses without a query. */
#ifndef MN_API_PAGES_KEPT_H
#define MN_API_PAGES_KEPT_H

#include "net/http.h"
#include "store/store.h"

#define MN_KEPT_MS 10000
#define MN_KEPT_PAGES                                                                          \
    128 /* by the address's hash; a page takes the place of another with the same */
#define MN_KEPT_BYTES_MAX (64u << 10) /* larger ones are not kept: 8 MiB in all */

typedef struct mn_kept mn_kept;
/* Listens to the store's events until it is freed. */
mn_rc mn_kept_new(mn_store *s, mn_kept **ret, mn_err *e);
void mn_kept_free(mn_kept *c); /* NULL is fine; no request may be under way */

/* Answers with the page if it is here: body, type, ETag, Vary, and what was read counts as read. Otherwise false, and *ret_ticket
 * is to be taken to mn_kept_put: nothing may be read from the store before it. Any thread. */
bool mn_kept_answer(mn_kept *c, mn_req *r, mn_resp *w, uint64_t *ret_ticket);
/* Keeps the finished page of status 200, unless something has changed since the ticket was taken or the page is not one to be
 * kept. author: whose new posts change it, and nobody else's; 0: everybody's do. */
void mn_kept_put(mn_kept *c, mn_req *r, mn_resp *w, uint64_t ticket, uint64_t author);
uint64_t mn_kept_hits(mn_kept *c); /* pages answered from memory so far */

#endif

/* A post's plain text as HTML. Private to src/api/mastodon; mn_masto_content in mastodon.h is the door for others. */
#ifndef MN_MASTO_CONTENT_H
#define MN_MASTO_CONTENT_H

#include "store/marks.h"

/* Appends paragraphs in Mastodon's markup. Whatever the text holds, markup comes from here alone: text is escaped, addresses
 * are http or https by their form. mentions: whom the post mentions; an "@name" that is none of them stays text. base:
 * "https://DOMAIN"; domain: ours, as in "@name@DOMAIN". The empty text gives nothing. Total over valid UTF-8. */
mn_rc mn_masto__content(mn_str text, const mn_mention *mentions, size_t n, mn_str base,
                        mn_str domain, mn_buf *ret, mn_err *e);
/* The address of an account's page: BASE/@name, or the other server's. */
void mn_masto__account_url(mn_buf *b, mn_str base, mn_str name, mn_str domain);
/* Percent-encodes all but letters, digits and -._~ */
void mn_masto__url_part(mn_buf *b, mn_str s);

#endif

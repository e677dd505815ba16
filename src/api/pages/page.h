/* Writing HTML: a page's frame, and the parts that several pages share. All text goes through mn_h_text. */
#ifndef MN_API_PAGES_PAGE_H
#define MN_API_PAGES_PAGE_H

#include "api/pages/pages.h"

/* Trusted markup, as a literal. */
#define H(b, literal) mn_buf_add((b), (literal), sizeof(literal) - 1)
/* Text, escaped for content and for quoted attributes. */
void mn_h_text(mn_buf *b, mn_str s);
void mn_h_textz(mn_buf *b, const char *s);
/* 12345 → "12,345" */
void mn_h_count(mn_buf *b, uint64_t n);
/* "1 post", "2 posts" */
void mn_h_plural(mn_buf *b, uint64_t n, const char *one, const char *many);
/* <time datetime="…">3 Mar 2026</time>, with the full moment in its title. */
void mn_h_time(mn_buf *b, int64_t ms);
/* A query string value, percent-encoded. */
void mn_h_query(mn_buf *b, mn_str s);

typedef enum mn_tab {
    MN_TAB_NONE,
    MN_TAB_TIMELINE,
    MN_TAB_ASK,
    MN_TAB_MODEL,
    MN_TAB_ABOUT,
    MN_TAB_SIGN_IN
} mn_tab;

/* Everything up to and including <main>; title is plain text. Sets type and status 200. Returns the body buffer. */
mn_buf *mn_page_open(mn_req *r, mn_resp *w, const char *title, mn_tab tab);
/* Everything from </main> on; sets the ETag. */
void mn_page_close(mn_req *r, mn_resp *w);

/* A post's text with its links, mentions and hashtags made clickable. */
void mn_h_post_text(mn_buf *b, mn_str text);
/* One <article>; pos is its place in the feed from 1 (0: not in a feed), `current` marks the one the page is about. */
void mn_h_post(mn_req *r, mn_buf *b, const mn_post *p, size_t pos, bool current);
/* A feed of posts, or the words `empty` when there are none. */
void mn_h_feed(mn_req *r, mn_buf *b, const mn_posts *posts, const char *label,
               const char *empty);
/* Round picture made of the account's initials, its colour from the name. */
void mn_h_avatar(mn_buf *b, mn_str name, mn_str display);
/* The "ask" box. */
void mn_h_ask_form(mn_buf *b, mn_str question, bool focus);
/* 500 for a failed call: the message goes to the log, not to the reader. */
void mn_page_failed(mn_req *r, mn_resp *w, const mn_err *e);
/* The ?before= parameter: false (400 sent) when it is not an id. */
bool mn_page_before(mn_req *r, mn_resp *w, uint64_t *ret);

#endif

/* HTML and plain text. Posts arrive as HTML from archives and other servers and are kept as plain text. */
#ifndef MN_TEXT_HTML_H
#define MN_TEXT_HTML_H

#include "base/str.h"

/* Appends the text a reader sees: paragraphs and <br> become line breaks, character references are decoded, links keep
 * their address when the visible text is a shortened form of it (Mastodon's invisible/ellipsis spans), everything else
 * keeps its text, scripts and styles are dropped. Total over any bytes; invalid UTF-8 becomes U+FFFD.
 * errors MN_E_LIMIT when tags nest deeper than 256. */
mn_rc mn_html_to_text(mn_str html, mn_buf *ret, mn_err *e);
/* Decodes &amp; &lt; &gt; &quot; &#39; and all numeric and named references (X archives escape their text). */
mn_rc mn_html_unescape(mn_str s, mn_buf *ret);
/* Escapes & < > " ' for element content and quoted attributes. */
mn_rc mn_html_escape(mn_str s, mn_buf *ret);

/* Things in a post's plain text that are links. kind: 'u' URL (http, https), '@' mention (@name or @name@domain),
 * '#' hashtag. Spans are byte ranges, in order, not overlapping. */
typedef struct mn_link_span {
    char kind;
    size_t start, len;
} mn_link_span;
/* Finds up to max spans; returns how many. Linear time, no backtracking. */
size_t mn_text_links(mn_str text, mn_link_span *ret, size_t max);

#endif

/* What a web page says of itself: title, description, picture. For link previews. */
#ifndef MN_TEXT_PAGE_H
#define MN_TEXT_PAGE_H

#include <stdbool.h>

#include "base/mem.h"
#include "base/str.h"

#define MN_PAGE_BYTES_MAX ((size_t)4 << 20)
#define MN_PAGE_TITLE_MAX 300 /* bytes of each of the texts below, cut between characters */
#define MN_PAGE_TEXT_MAX  1500
#define MN_PAGE_URL_MAX   2048

/* Plain text, valid UTF-8, on one line, references decoded; empty when it is not said. Addresses are as the page has them:
 * relative ones, and other schemes than http, are the caller's to resolve and refuse. */
typedef struct mn_page_meta {
    mn_str title;       /* og:title, twitter:title, <title> */
    mn_str description; /* og:description, twitter:description, description */
    mn_str site;        /* og:site_name, application-name */
    mn_str author;      /* author, article:author when it is a name, twitter:creator */
    mn_str author_url;  /* article:author when it is an address, <link rel=author> */
    mn_str image;       /* og:image:secure_url, og:image, twitter:image, <link rel=image_src> */
    mn_str image_alt;   /* og:image:alt, twitter:image:alt */
    mn_str lang;        /* <html lang>, og:locale; letters, digits and '-' */
    mn_str published;   /* article:published_time, date …: as written */
    mn_str base;        /* <base href> */
    bool no_preview;    /* robots: nosnippet, or "mynah: nopreview": the page wants none */
} mn_page_meta;

/* One linear pass over any bytes, in the character set that the page declares (charset: the one its Content-Type named, or
 * empty; UTF-8 when nothing is said). Scripts, styles and comments are passed over; nothing nests. Strings live in the arena.
 * errors MN_E_LIMIT longer than MN_PAGE_BYTES_MAX; MN_E_NOMEM */
mn_rc mn_page_meta_read(mn_str html, mn_str charset, mn_arena *a, mn_page_meta *ret, mn_err *e);

/* Does the page link to that address and say it is the same person (rel="me" of an <a> or <link>)? A slash at the end counts
 * for nothing. Linear, over any bytes; what is longer than MN_PAGE_BYTES_MAX says nothing. */
bool mn_page_links_me(mn_str html, mn_str url);

#endif

/* What people type to find posts: words, "phrases", -not and operators.
 *
 *   from:@name from:me          by that account
 *   before:D after:D since:D during:D     D is YYYY-MM-DD, a day in UTC: earlier than it, later than it, from it on, on it
 *   has:X is:X                  X is media, image, video, audio, poll, link, embed, quote, reply, sensitive
 *   language:xx in:all|library|public
 *   -word -"phrase" -from:… -has:… -is:… -language:…      the opposite
 *
 * An operator that is not known, or whose value is wrong, is a word like any other. */
#ifndef MN_MIND_POST_QUERY_H
#define MN_MIND_POST_QUERY_H

#include "social/social.h"

#define MN_POST_QUERY_MAX   1024 /* bytes; what is beyond is left out */
#define MN_POST_QUERY_PARTS 32   /* of each kind */

enum {
    MN_HAS_MEDIA = 1,
    MN_HAS_IMAGE = 2,
    MN_HAS_VIDEO = 4,
    MN_HAS_AUDIO = 8,
    MN_HAS_POLL = 16,
    MN_HAS_LINK = 32,
    MN_HAS_QUOTE = 64,
    MN_IS_REPLY = 128,
    MN_IS_SENSITIVE = 256
};
typedef enum mn_in { MN_IN_ALL, MN_IN_LIBRARY, MN_IN_PUBLIC } mn_in;

typedef struct mn_post_query {
    mn_str words; /* those that must all be there, phrases' included, blanks between */
    mn_str phrases[MN_POST_QUERY_PARTS], not_words[MN_POST_QUERY_PARTS];
    mn_str from[MN_POST_QUERY_PARTS], not_from[MN_POST_QUERY_PARTS]; /* without @; "me" too */
    mn_str langs[MN_POST_QUERY_PARTS], not_langs[MN_POST_QUERY_PARTS];
    size_t n_phrases, n_not_words, n_from, n_not_from, n_langs, n_not_langs;
    int64_t from_ms, until_ms; /* created at or after, before; 0: no bound */
    unsigned has, has_not;
    mn_in in;
} mn_post_query;

/* Total over any valid UTF-8 (what is no UTF-8 gives an empty query). Strings in the arena. errors MN_E_NOMEM */
mn_rc mn_post_query_parse(mn_str text, mn_arena *a, mn_post_query *ret, mn_err *e);
/* Nothing was asked that could find a post. */
bool mn_post_query_empty(const mn_post_query *q);
/* What the text alone can tell: all words and phrases are there, none of the others is. Compared as the index compares. */
mn_rc mn_post_query_fits_text(const mn_post_query *q, mn_str text, mn_arena *a, bool *ret,
                              mn_err *e);

#endif
